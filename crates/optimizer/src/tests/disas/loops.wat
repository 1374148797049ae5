;; Nested loops: what the inner one does not assign stays where it is, what two locals exchange does
;; not.
(module
  (memory 1)
  (func (param $rows i32) (param $columns i32) (param $value i32) (result i32)
    (local $row i32) (local $column i32) (local $at i32)
    (loop $next_row
      (local.set $column (i32.const 0))
      (loop $next_column
        (i32.store (local.get $at) (i32.add (local.get $value) (local.get $row)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (local.set $column (i32.add (local.get $column) (i32.const 1)))
        (br_if $next_column (i32.lt_u (local.get $column) (local.get $columns))))
      (local.set $row (i32.add (local.get $row) (i32.const 1)))
      (br_if $next_row (i32.lt_u (local.get $row) (local.get $rows))))
    local.get $at)
  (func (param $n i32) (param $a i32) (param $b i32) (result i32) (local $t i32)
    (loop $outer
      (loop $inner
        (local.set $t (local.get $a))
        (local.set $a (local.get $b))
        (local.set $b (local.get $t))
        (br_if $inner (i32.load (local.get $a))))
      (br_if $outer (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.sub (local.get $a) (local.get $b))))
