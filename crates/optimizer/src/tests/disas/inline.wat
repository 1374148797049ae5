;; Small callees in place: an early return, locals that start as zero each time, a trap.
(module
  (memory 1)
  (func $clamp (param i32) (result i32)
    (if (i32.lt_s (local.get 0) (i32.const 0)) (then (return (i32.const 0))))
    local.get 0)
  (func $count (param i32) (result i32) (local i32)
    (local.set 1 (i32.add (local.get 1) (local.get 0)))
    local.get 1)
  (func $load (param i32) (result i32) (i32.load (call $clamp (local.get 0))))
  (func (param i32 i32) (result i32)
    (loop
      (i32.store (local.get 1) (call $count (call $load (local.get 0))))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (call $clamp (local.get 1))))
