;; Planted: a frame was replaced with the lower halves of its vectors.
(module
  (func (export "f") (param v128 i64) (result v128 v128 i64) (local i32)
    i32.const 9
    local.set 2
    local.get 0
    local.get 1
    loop (param v128 i64) (result v128 i64)
      local.get 0
      i64.const -2
      i64x2.splat
      i64x2.add
      local.set 0
      local.get 2
      i32.const 1
      i32.sub
      local.tee 2
      br_if 0
    end
    local.set 1
    local.get 0
    local.get 1)
)
