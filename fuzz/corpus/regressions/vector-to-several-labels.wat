;; A vector of one shape that a br_table hands to several labels was reshaped in the code for the first.
(module
  (table $t 0 13 funcref)
  (func (export "f") (param i32) (result v128)
    (if (result v128) (local.get 0)
      (then
        (block (result v128)
          (i64x2.splat (i64.const 7))
          (br_table 0 1 2 (local.get 0)))
        (i64x2.add (v128.const i64x2 1 2)))
      (else (v128.const i64x2 3 4)))))
