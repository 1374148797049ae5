;; Vectors: parameters, constants, locals across a call.
(module
  (memory 1)
  (func $f (param v128 v128) (result v128)
    (i32x4.add (local.get 0) (local.get 1)))
  (func (param $p i32) (param $v v128) (result v128)
    (call $f (v128.load (local.get $p)) (v128.const i32x4 1 2 3 4))
    (local.get $v)
    (call $f)))
