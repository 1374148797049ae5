;; Locals in registers, comparisons fused with branches, memory operands.
(module
  (memory 1)
  (func (param $p i32) (param $n i32) (result i32) (local $i i32) (local $sum i32)
    (loop $l
      (local.set $sum
        (i32.add (local.get $sum)
          (i32.load offset=8 (i32.add (local.get $p) (i32.shl (local.get $i) (i32.const 2))))))
      (br_if $l
        (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 1)))
          (local.get $n))))
    (local.get $sum))
  (func (param $p i32) (param $n i32) (result f64) (local $sum f64)
    (block $out
      (br_if $out (i32.eqz (local.get $n)))
      (loop $l
        (local.set $sum (f64.add (local.get $sum) (f64.mul (f64.load (local.get $p)) (f64.const 0.5))))
        (local.set $p (i32.add (local.get $p) (i32.const 8)))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (local.get $sum)))
