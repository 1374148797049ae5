;; A thread traps while main waits for ever.
(module $trap
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "env" "memory" (memory 1 1 shared))
  (export "memory" (memory 0))
  (func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
  (func $thread (export "wasi_thread_start") (param i32 i32)
    (drop (call $divide (local.get 1))))
  (func (export "_start")
    (if (i32.ne (call $spawn (i32.const 0)) (i32.const 1)) (then unreachable))
    (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))
