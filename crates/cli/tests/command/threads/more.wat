;; Makes threads that wait for ever until there are no more, and ends with 1 if there was none, and with 0 if there
;; were some, but not a million.
(module $more
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "env" "memory" (memory 1 1 shared))
  (export "memory" (memory 0))
  (func (export "wasi_thread_start") (param i32 i32)
    (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))
  (func (export "_start") (local $made i32)
    (loop $more
      (if (i32.gt_s (call $spawn (i32.const 0)) (i32.const 0))
        (then
          (local.set $made (i32.add (local.get $made) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get $made) (i32.const 1000000)))
          unreachable)))
    (call $exit (i32.eqz (local.get $made)))))
