;; Rare calls in a function with many hot locals: those in registers that calls do not preserve are
;; saved around them, and the VM context and the memory's base come back too.
(module
  (memory 1)
  (global $g (mut i32) (i32.const 0))
  (func $rare (param i32 f64))
  (func (param $a i32) (param $b i32) (param $c i32) (param $d i32) (param $x f64) (result i32)
    (local $e i32) (local $f i32)
    (loop $l
      (local.set $a (i32.add (local.get $a) (local.get $b)))
      (local.set $b (i32.xor (local.get $b) (local.get $c)))
      (local.set $c (i32.add (local.get $c) (local.get $d)))
      (local.set $d (i32.or (local.get $d) (local.get $e)))
      (local.set $e (i32.add (local.get $e) (local.get $f)))
      (local.set $f (i32.and (local.get $f) (local.get $a)))
      (i32.store (local.get $a) (local.get $b))
      (local.set $x (f64.mul (local.get $x) (local.get $x)))
      (global.set $g (local.get $a))
      (global.set $g (local.get $b))
      (global.set $g (local.get $c))
      (br_if $l (local.get $a)))
    (call $rare (local.get $a) (local.get $x))
    (local.get $f)))
