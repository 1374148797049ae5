(module
  (memory 1)
  (func (param i32 i32) i32.const 4 local.get 0 i32.store
    local.get 0 local.get 1 i32.store8 offset=3
    local.get 0 local.get 1 i32.store16 offset=65536
    local.get 0 i64.const 1 i64.store offset=4294967295
    local.get 0 i64.const 1 i64.store8
    local.get 0 i64.const 1 i64.store16
    local.get 0 i64.const 1 i64.store32
    local.get 0 f32.const nan f32.store
    local.get 0 f64.const -0x1p-3 f64.store
    memory.size drop
    local.get 0 local.get 1 memory.size memory.copy
    local.get 0 local.get 1 memory.size memory.fill
    local.get 0 local.get 1 memory.size memory.init 0
    local.get 0 local.get 1 i32.const 0 memory.copy local.get 0 local.get 1 i32.const 0 memory.fill
    local.get 0 local.get 1 i32.const 1 memory.copy local.get 0 local.get 1 i32.const 1 memory.fill
    local.get 0 local.get 1 i32.const 2 memory.copy local.get 0 local.get 1 i32.const 2 memory.fill
    local.get 0 local.get 1 i32.const 3 memory.copy local.get 0 local.get 1 i32.const 3 memory.fill
    local.get 0 local.get 1 i32.const 4 memory.copy local.get 0 local.get 1 i32.const 4 memory.fill
    local.get 0 local.get 1 i32.const 5 memory.copy local.get 0 local.get 1 i32.const 5 memory.fill
    local.get 0 local.get 1 i32.const 7 memory.copy local.get 0 local.get 1 i32.const 7 memory.fill
    local.get 0 local.get 1 i32.const 8 memory.copy local.get 0 local.get 1 i32.const 8 memory.fill
    local.get 0 local.get 1 i32.const 9 memory.copy local.get 0 local.get 1 i32.const 9 memory.fill
    local.get 0 local.get 1 i32.const 15 memory.copy local.get 0 local.get 1 i32.const 15 memory.fill
    local.get 0 local.get 1 i32.const 16 memory.copy local.get 0 local.get 1 i32.const 16 memory.fill
    local.get 0 local.get 1 i32.const 17 memory.copy local.get 0 local.get 1 i32.const 17 memory.fill
    local.get 0 local.get 1 i32.const 31 memory.copy local.get 0 local.get 1 i32.const 31 memory.fill
    local.get 0 local.get 1 i32.const 33 memory.copy local.get 0 local.get 1 i32.const 33 memory.fill
    local.get 0 local.get 1 i32.const 64 memory.copy local.get 0 local.get 1 i32.const 64 memory.fill
    local.get 0 local.get 1 i32.const 100 memory.copy local.get 0 local.get 1 i32.const 100 memory.fill
    local.get 0 local.get 1 i32.const 128 memory.copy local.get 0 local.get 1 i32.const 128 memory.fill
    local.get 0 local.get 1 i32.const 129 memory.copy local.get 0 local.get 1 i32.const 129 memory.fill
    local.get 0 local.get 1 i32.const 65537 memory.copy local.get 0 local.get 1 i32.const 65537 memory.fill
    data.drop 0)
  (data "abc"))
----
(module
  (memory (import "m" "m0") 1 10)
  (memory (import "m" "m1") i64 1)
  (memory i64 1)
  (func (param i32 i64) (result i32)
    local.get 0 i32.load
    local.get 1 i32.load 1
    i32.add
    local.get 1 i32.load 2 offset=0x1_0000_0000
    i32.add
    local.get 1 i32.load 2 offset=0xffff_ffff_ffff_ffff
    i32.add
    local.get 1 i32.load 2 offset=65532
    i32.add
    local.get 1 memory.grow 2 drop
    memory.size 1 drop
    local.get 0 memory.grow
    i32.add
    local.get 1 local.get 0 i32.const 5 memory.copy 1 0
    local.get 1 local.get 1 i64.const 5 memory.copy 1 2
    local.get 1 i32.const 0 i32.const 5 memory.init 1 0
    local.get 1 i32.const 0 i64.const 5 memory.fill 1)
  (data "xyz"))
----
(module
  (func (param i32) (result i32)
    (block (result i32)
      (block
        (block
          (block
            local.get 0
            br_table 0 1 2 1 0 2)
          i32.const 10 return)
        i32.const 20 br 1)
      i32.const 30)
    )
  (func (param i32) (result i32 i64)
    (block (result i32 i64)
      (block (result i32 i64)
        i32.const 1 i64.const 2
        local.get 0
        br_table 0 1 0 2)
      drop i64.const 8))
  (func (param i32) (result i32)
    (local i32)
    (loop
      local.get 1 local.get 0 i32.add local.set 1
      local.get 0 i32.const 1 i32.sub local.tee 0
      br_if 0)
    local.get 1)
  (func (param i32) (result i32)
    local.get 0 i32.const 5
    (loop (param i32 i32) (result i32)
      i32.sub i32.const 1
      local.get 0
      br_if 0
      drop))
  (func (param i32) (result i32)
    local.get 0
    (if (result i32) (then i32.const 1) (else i32.const 2 br 0 unreachable)))
  (func (param i32) (result i32)
    i32.const 7
    local.get 0
    (if (param i32) (result i32) (then i32.const 1 i32.add))
    (block (param i32) (result i32) local.get 0 br_if 1 br 0))
  (func (param i32)
    local.get 0 (if (then unreachable))
    (loop br 0))
  (func (param i32) (result f64)
    (block (result f64)
      f64.const 1 f64.const 2 local.get 0 br_if 0 drop)
    unreachable
    (loop (block i32.const 0 (if (then) (else)) br 1))
    i32.add
    f64.convert_i32_u
    br 0)
  (func (param i32 i64 f32 f64 v128) (result i32 i64 f32 f64 v128)
    local.get 0 local.get 0 local.get 0 select
    local.get 1 local.get 1 local.get 0 select
    local.get 2 local.get 2 local.get 0 select
    local.get 3 local.get 3 local.get 0 select
    local.get 4 local.get 4 local.get 0 select)
  (func nop (block) (block unreachable) (loop unreachable) (block (loop br 1))))
----
(module
  (type $many (func (param i32 i64 f32 f64 i32 i32 i32 i32 i32 v128 i64 v128) (result i32 i32 i32 i32 i32 i32 i64 f32 v128)))
  (type $v (func))
  (import "m" "f" (func $f (param i32) (result i32)))
  (import "m" "many" (func $imported_many (type $many)))
  (import "m" "t" (table 10 funcref))
  (table $fixed 10 10 funcref)
  (table $growing 10 funcref)
  (table $externs 10 20 externref)
  (elem declare func $many $f $leaf)
  (elem $e (table $fixed) (i32.const 0) func $f $leaf)
  (elem $p func $f $leaf)
  (func $leaf)
  (func $many (type $many)
    local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6
    local.get 7 local.get 8 local.get 9 local.get 10 local.get 11 call $many)
  (func (type $many)
    local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6
    local.get 7 local.get 8 local.get 9 local.get 10 local.get 11 call $imported_many)
  (func (type $many)
    local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6
    local.get 7 local.get 8 local.get 9 local.get 10 local.get 11 return_call $many)
  (func (type $many)
    local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6
    local.get 7 local.get 8 local.get 9 local.get 10 local.get 11 return_call $imported_many)
  (func (type $many)
    local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6
    local.get 7 local.get 8 local.get 9 local.get 10 local.get 11 i32.const 3 return_call_indirect (type $many))
  (func (param i32)
    local.get 0 call_indirect (type $v)
    local.get 0 call_indirect $fixed (type $v)
    local.get 0 call_indirect $growing (type $v)
    local.get 0 call $f drop
    call $leaf
    return_call $leaf)
  (func (param i32) (result i32)
    local.get 0
    local.get 0 return_call_indirect $fixed (param i32) (result i32))
  (func (param i32 externref) (result funcref externref i32)
    local.get 0 ref.func $f table.set 0
    local.get 0 ref.func $leaf table.set $fixed
    local.get 0 local.get 1 table.set $externs
    ref.func $leaf local.get 0 table.grow $growing drop
    local.get 1 local.get 0 table.grow $externs drop
    local.get 0 local.get 1 i32.const 2 table.fill $externs
    local.get 0 ref.null func i32.const 2 table.fill $fixed
    local.get 0 local.get 0 local.get 0 table.copy $fixed $growing
    local.get 0 local.get 0 local.get 0 table.init $fixed $p
    elem.drop $p
    table.size $growing drop
    table.size $fixed drop
    local.get 0 table.get $fixed
    local.get 0 table.get $externs
    local.get 1 ref.is_null
    ref.null extern ref.is_null drop
    ref.func $many ref.is_null drop))
----
(module
  (import "m" "g" (global $imported i32))
  (import "m" "gm" (global $imported_mut (mut i64)))
  (global $c i32 (i32.const -5))
  (global $m (mut i32) (i32.const 1))
  (global $v (mut v128) (v128.const i64x2 1 2))
  (global $f f64 (f64.const nan:0x4000000000000))
  (global $r (mut funcref) (ref.null func))
  (global $e (mut externref) (ref.null extern))
  (func (param v128 externref) (result i32)
    global.get $imported global.get $c i32.add global.get $m i32.add
    global.get $m i32.const 1 i32.add global.set $m
    local.get 0 global.set $v
    global.get $v global.set $v
    i64.const 5 global.set $imported_mut
    global.get $imported_mut global.set $imported_mut
    global.get $r global.set $r
    local.get 1 global.set $e
    global.get $f drop))
