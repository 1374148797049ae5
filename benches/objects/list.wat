;; Short-lived objects, of which one in a hundred goes to a list that keeps the last 50,000.
(module
  (type $item (struct
    (field $number i32) (field $payload f64) (field $next (mut (ref null $item)))))

  (func (export "run") (result i32)
    (local $n i32) (local $sum i32) (local $kept i32) (local $item (ref null $item))
    (local $first (ref null $item)) (local $last (ref null $item))
    (loop $again
      (local.set $item
        (struct.new $item (local.get $n) (f64.convert_i32_u (local.get $n)) (ref.null $item)))
      (if (i32.rem_u (local.get $n) (i32.const 100))
        (then
          (local.set $sum (i32.add (local.get $sum)
            (struct.get $item $number (local.get $item)))))
        (else
          (if (ref.is_null (local.get $last))
            (then (local.set $first (local.get $item)))
            (else (struct.set $item $next (local.get $last) (local.get $item))))
          (local.set $last (local.get $item))
          (local.set $kept (i32.add (local.get $kept) (i32.const 1)))
          (if (i32.gt_u (local.get $kept) (i32.const 50000))
            (then
              (local.set $sum (i32.add (local.get $sum)
                (i32.trunc_f64_u (struct.get $item $payload (local.get $first)))))
              (local.set $first (struct.get $item $next (local.get $first)))
              (local.set $kept (i32.const 50000))))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 20000000))))
    (local.get $sum)))
