;; What a module says is unlikely lies behind the rest.
(module
  (func $if (param i32) (result i32)
    local.get 0
    (@metadata.code.branch_hint "\00")
    if (result i32)
      i32.const 1
    else
      i32.const 2
    end)
  (func $br_if (param i32 i32)
    loop
      local.get 0
      (@metadata.code.branch_hint "\01")
      br_if 0
      local.get 1
      (@metadata.code.branch_hint "\00")
      br_if 0
    end))
