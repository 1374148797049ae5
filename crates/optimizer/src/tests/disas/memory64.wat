;; Explicit checks: covered by the guard, and not.
(module
  (memory i64 1)
  (func (param i64) (result i32) (i32.load offset=8 (local.get 0)))
  (func (param i64) (result i32) (i32.load offset=0x1_0000_0000 (local.get 0))))
