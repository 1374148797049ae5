;; Masks that change nothing are not there; those that do are.
(module
  (memory 1)
  (func (param i32 i32) (result i32)
    (i32.eq (i32.and (i32.load8_u (local.get 0)) (i32.const 255)) (local.get 1)))
  (func (param i32 i32) (result i32)
    (i32.and (i32.load8_u (local.get 0)) (i32.const 127)))
  (func (param i32 i32) (result i32)
    (i32.and (i32.lt_s (local.get 0) (local.get 1)) (i32.const 1))))
