;; Each thread makes the next; the tenth ends the program with its number.
(module $family
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "env" "memory" (memory 1 1 shared))
  (export "memory" (memory 0))
  (func $next (param $depth i32)
    (if (i32.le_s (call $spawn (local.get $depth)) (i32.const 0)) (then unreachable)))
  (func (export "wasi_thread_start") (param $number i32) (param $depth i32)
    (if (i32.eq (local.get $depth) (i32.const 10)) (then (call $exit (local.get $number))))
    (call $next (i32.add (local.get $depth) (i32.const 1))))
  (func (export "_start")
    (call $next (i32.const 1))
    (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))
