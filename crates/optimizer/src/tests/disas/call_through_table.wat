;; Through the code table.
(module
  (type $t (func (param i32) (result i32)))
  (import "m" "f" (func $imported (type $t)))
  (table 10 10 funcref)
  (func $own (type $t) (i32.add (local.get 0) (i32.const 3)))
  (func (type $t) (call $own (local.get 0)))
  (func (type $t) (call $imported (local.get 0)))
  (func (type $t) (call_indirect (type $t) (i32.const 5) (local.get 0)))
  (func (type $t) (return_call $own (local.get 0)))
  (func (result i32 i32 i32 i32 i32 i32 i32) (call 6)))
