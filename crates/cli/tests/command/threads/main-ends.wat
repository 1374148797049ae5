;; Main returns while one thread goes around in a loop and another waits for ever.
(module $main_ends
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "env" "memory" (memory 1 1 shared))
  (export "memory" (memory 0))
  (global $begun i32 (i32.const 0))
  (func (export "wasi_thread_start") (param i32 i32)
    (drop (i32.atomic.rmw.add (global.get $begun) (i32.const 1)))
    (drop (memory.atomic.notify (global.get $begun) (i32.const 1)))
    (if (local.get 1)
      (then (drop (memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const -1)))))
    (loop $ever (br $ever)))
  (func (export "_start") (local $seen i32)
    (drop (call $spawn (i32.const 0)))
    (drop (call $spawn (i32.const 1)))
    (loop $wait
      (local.set $seen (i32.atomic.load (global.get $begun)))
      (if (i32.lt_u (local.get $seen) (i32.const 2))
        (then
          (drop (memory.atomic.wait32 (global.get $begun) (local.get $seen) (i64.const -1)))
          (br $wait))))))
