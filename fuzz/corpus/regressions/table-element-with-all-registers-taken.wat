;; A reference is stored in a table, at a constant index, while all registers but four hold locals: where the element is, its index,
;; its card and the value must do with these.
(module
  (table $t (export "t") 8 anyref)
  (func (export "f") (param i64 i64 i64 i64 i64 i64) (result i64)
    (local i64 i64 i64 i64 i64 i64 i32)
    (loop $again
      (local.set 6 (i64.add (local.get 6) (i64.mul (local.get 0) (local.get 1))))
      (local.set 7 (i64.xor (local.get 7) (i64.add (local.get 2) (local.get 3))))
      (local.set 8 (i64.sub (local.get 8) (i64.mul (local.get 4) (local.get 5))))
      (local.set 9 (i64.add (local.get 9) (local.get 6)))
      (local.set 10 (i64.add (local.get 10) (local.get 7)))
      (local.set 11 (i64.add (local.get 11) (local.get 8)))
      (i32.wrap_i64 (local.get 9))
      (i32.wrap_i64 (local.get 10))
      (table.set $t
        (i32.const 3)
        (ref.i31 (i32.mul (i32.wrap_i64 (local.get 11)) (i32.const 5))))
      drop drop
      (br_if $again (i32.lt_u (local.tee 12 (i32.add (local.get 12) (i32.const 1))) (i32.const 20))))
    (i64.add (i64.add (local.get 9) (local.get 10)) (local.get 11)))
)
