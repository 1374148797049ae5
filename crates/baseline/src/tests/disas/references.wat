(module
  (type $t (func (param i32) (result i32)))
  (func (param (ref null $t) i32) (result i32)
    (call_ref $t (local.get 1) (local.get 0)))
  (func (param (ref $t) i32) (result i32)
    (return_call_ref $t (local.get 1) (local.get 0)))
  (func (param (ref null $t) i32) (result i32)
    (block $null
      (br_on_null $null (local.get 0))
      (local.set 0) (return (call_ref $t (local.get 1) (ref.as_non_null (local.get 0)))))
    (i32.const -1)))
