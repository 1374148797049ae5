;; Exceptions: a million thrown and caught, and loops that never throw.
(module
  (tag $t (param i32))

  (func $throw (param $depth i32) (param $value i32) (result i32)
    (if (i32.eqz (local.get $depth)) (then (throw $t (local.get $value))))
    (i32.add (i32.const 1)
      (call $throw (i32.sub (local.get $depth) (i32.const 1)) (local.get $value))))

  (func $catch (param $depth i32) (result i32)
    (local $n i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum)
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $throw (local.get $depth) (local.get $n))))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 1000000))))
    (local.get $sum))

  (func (export "depth_1") (result i32) (call $catch (i32.const 0)))
  (func (export "depth_20") (result i32) (call $catch (i32.const 19)))

  (func $step (param $x i32) (result i32)
    (if (i32.eq (local.get $x) (i32.const 0x7fffffff)) (then (throw $t (local.get $x))))
    (i32.xor (i32.mul (local.get $x) (i32.const 31)) (i32.shr_u (local.get $x) (i32.const 7))))

  (func (export "never_throws") (result i32)
    (local $n i32) (local $x i32)
    (local.set $n (i32.const 200000000))
    (local.set $x (i32.const 1))
    (loop $again
      (local.set $x
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $step (local.get $x)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))

  (func (export "without_try") (result i32)
    (local $n i32) (local $x i32)
    (local.set $n (i32.const 200000000))
    (local.set $x (i32.const 1))
    (loop $again
      (local.set $x (call $step (local.get $x)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x)))
