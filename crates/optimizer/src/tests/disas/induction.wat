;; Loops that test the counter of the iteration that ends: no move, no jump but the branch itself.
(module
  (memory 1)
  (func (param $base i32) (local $i i32) (local $more i32)
    (loop $next
      (f64.store (i32.add (local.get $base) (local.get $i)) (f64.const 1))
      (local.set $more (i32.ne (local.get $i) (i32.const 360)))
      (local.set $i (i32.add (local.get $i) (i32.const 24)))
      (br_if $next (local.get $more))))
  (func (param $count i64) (result i64) (local $sum i64) (local $old i64)
    (loop $next
      (local.set $sum (i64.xor (local.get $sum) (local.get $count)))
      (local.set $old (local.get $count))
      (local.set $count (i64.sub (local.get $count) (i64.const 1)))
      (br_if $next (i64.ne (i64.const 0) (local.get $old))))
    local.get $sum))
