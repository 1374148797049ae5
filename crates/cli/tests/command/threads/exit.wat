;; A thread ends the program with the status 7 while main and another thread go around in loops.
(module $exit
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "env" "memory" (memory 1 1 shared))
  (export "memory" (memory 0))
  (func (export "wasi_thread_start") (param i32 i32)
    (if (local.get 1) (then (call $exit (local.get 1))))
    (loop $ever (br $ever)))
  (func (export "_start")
    (drop (call $spawn (i32.const 0)))
    (drop (call $spawn (i32.const 7)))
    (loop $ever (br $ever))))
