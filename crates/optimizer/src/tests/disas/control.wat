;; Constants, branches on comparisons, a table of labels.
(module
  (global $constant i32 (i32.const 7))
  (global $stack (mut i32) (i32.const 65536))
  (func (param i32) (result i32)
    (if (i32.gt_s (local.get 0) (global.get $constant)) (then (return (i32.const 1))))
    (global.set $stack (i32.sub (global.get $stack) (i32.const 16)))
    (select (local.get 0) (i32.const 5) (i32.eqz (local.get 0))))
  (func (param i32) (result i32)
    (block (block (block (br_table 0 1 2 (local.get 0)))
      (return (i32.const 10)))
      (return (i32.const 20)))
    i32.const 30))
