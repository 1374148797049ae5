;; A hash map of chained entries, which grows while old entries go.
(module
  (type $entry (struct
    (field $key i32) (field $value (mut i32)) (field $next (mut (ref null $entry)))))
  (type $buckets (array (mut (ref null $entry))))

  (global $buckets (mut (ref $buckets)) (array.new_default $buckets (i32.const 16)))
  (global $mask (mut i32) (i32.const 15))
  (global $entries (mut i32) (i32.const 0))

  (func $bucket (param $key i32) (result i32)
    (i32.and
      (i32.shr_u (i32.mul (local.get $key) (i32.const 0x9e3779b1)) (i32.const 8))
      (global.get $mask)))

  (func $grow
    (local $old (ref null $buckets)) (local $n i32) (local $entry (ref null $entry))
    (local $next (ref null $entry)) (local $at i32)
    (local.set $old (global.get $buckets))
    (local.set $n (array.len (local.get $old)))
    (global.set $buckets
      (array.new_default $buckets (i32.mul (local.get $n) (i32.const 2))))
    (global.set $mask (i32.sub (i32.mul (local.get $n) (i32.const 2)) (i32.const 1)))
    (loop $each
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (local.set $entry (array.get $buckets (local.get $old) (local.get $n)))
      (block $done
        (loop $chain
          (br_if $done (ref.is_null (local.get $entry)))
          (local.set $next (struct.get $entry $next (local.get $entry)))
          (local.set $at (call $bucket (struct.get $entry $key (local.get $entry))))
          (struct.set $entry $next (local.get $entry)
            (array.get $buckets (global.get $buckets) (local.get $at)))
          (array.set $buckets (global.get $buckets) (local.get $at) (local.get $entry))
          (local.set $entry (local.get $next))
          (br $chain)))
      (br_if $each (local.get $n))))

  (func $put (param $key i32) (param $value i32)
    (local $at i32) (local $entry (ref null $entry))
    (local.set $at (call $bucket (local.get $key)))
    (local.set $entry (array.get $buckets (global.get $buckets) (local.get $at)))
    (block $missing
      (loop $chain
        (br_if $missing (ref.is_null (local.get $entry)))
        (if (i32.eq (struct.get $entry $key (local.get $entry)) (local.get $key))
          (then
            (struct.set $entry $value (local.get $entry) (local.get $value))
            (return)))
        (local.set $entry (struct.get $entry $next (local.get $entry)))
        (br $chain)))
    (array.set $buckets (global.get $buckets) (local.get $at)
      (struct.new $entry (local.get $key) (local.get $value)
        (array.get $buckets (global.get $buckets) (local.get $at))))
    (global.set $entries (i32.add (global.get $entries) (i32.const 1)))
    (if (i32.gt_u (global.get $entries) (global.get $mask)) (then (call $grow))))

  (func $remove (param $key i32) (result i32)
    (local $at i32) (local $entry (ref null $entry)) (local $before (ref null $entry))
    (local.set $at (call $bucket (local.get $key)))
    (local.set $entry (array.get $buckets (global.get $buckets) (local.get $at)))
    (loop $chain
      (if (ref.is_null (local.get $entry)) (then (return (i32.const 0))))
      (if (i32.ne (struct.get $entry $key (local.get $entry)) (local.get $key))
        (then
          (local.set $before (local.get $entry))
          (local.set $entry (struct.get $entry $next (local.get $entry)))
          (br $chain))))
    (if (ref.is_null (local.get $before))
      (then
        (array.set $buckets (global.get $buckets) (local.get $at)
          (struct.get $entry $next (local.get $entry))))
      (else
        (struct.set $entry $next (local.get $before)
          (struct.get $entry $next (local.get $entry)))))
    (global.set $entries (i32.sub (global.get $entries) (i32.const 1)))
    (struct.get $entry $value (local.get $entry)))

  (func (export "run") (result i32)
    (local $n i32) (local $sum i32)
    (global.set $buckets (array.new_default $buckets (i32.const 16)))
    (global.set $mask (i32.const 15))
    (global.set $entries (i32.const 0))
    (loop $again
      (call $put (local.get $n) (i32.mul (local.get $n) (i32.const 7)))
      ;; Of five entries, four go after a while.
      (if (i32.rem_u (local.get $n) (i32.const 5))
        (then
          (if (i32.ge_u (local.get $n) (i32.const 50000))
            (then
              (local.set $sum (i32.add (local.get $sum)
                (call $remove (i32.sub (local.get $n) (i32.const 50000)))))))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 2000000))))
    (i32.add (local.get $sum) (global.get $entries))))
