;; Large arrays of references, whose elements are replaced at random.
(module
  (type $box (struct (field $value i32)))
  (type $boxes (array (mut (ref null $box))))

  (func (export "run") (result i32)
    (local $n i32) (local $sum i32) (local $random i32) (local $at i32)
    (local $first (ref $boxes)) (local $second (ref $boxes)) (local $box (ref null $box))
    (local.set $first (array.new_default $boxes (i32.const 500000)))
    (local.set $second (array.new_default $boxes (i32.const 500000)))
    (local.set $random (i32.const 12345))
    (loop $again
      (local.set $random
        (i32.add (i32.mul (local.get $random) (i32.const 1664525)) (i32.const 1013904223)))
      (local.set $at (i32.rem_u (local.get $random) (i32.const 500000)))
      (local.set $box (array.get $boxes (local.get $first) (local.get $at)))
      (if (i32.eqz (ref.is_null (local.get $box)))
        (then
          (local.set $sum (i32.add (local.get $sum)
            (struct.get $box $value (local.get $box))))
          (array.set $boxes (local.get $second)
            (i32.sub (i32.const 499999) (local.get $at)) (local.get $box))))
      (array.set $boxes (local.get $first) (local.get $at) (struct.new $box (local.get $n)))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 4000000))))
    (local.get $sum)))
