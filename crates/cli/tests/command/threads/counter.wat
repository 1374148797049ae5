;; Main makes twenty threads, each of which adds ten thousand times to a counter, waits for all, and prints "ok".
(module $counter
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "env" "memory" (memory 1 2 shared))
  (export "memory" (memory 0))
  (global $counter i32 (i32.const 64))
  (global $done i32 (i32.const 68))
  ;; The numbers of all threads, each only once if they are 1 to 20.
  (global $numbers i32 (i32.const 72))

  (func (export "wasi_thread_start") (param $number i32) (param $argument i32) (local $left i32)
    (drop (i32.atomic.rmw.add (global.get $numbers) (i32.shl (i32.const 1) (local.get $number))))
    (local.set $left (i32.const 10000))
    (loop $more
      (drop (i32.atomic.rmw.add (global.get $counter) (local.get $argument)))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (drop (i32.atomic.rmw.add (global.get $done) (i32.const 1)))
    (drop (memory.atomic.notify (global.get $done) (i32.const 1))))

  (func (export "_start") (local $nth i32) (local $seen i32)
    (loop $more
      (if (i32.le_s (call $spawn (local.get $nth)) (i32.const 0)) (then unreachable))
      (br_if $more
        (i32.lt_u (local.tee $nth (i32.add (local.get $nth) (i32.const 1))) (i32.const 20))))
    (loop $wait
      (local.set $seen (i32.atomic.load (global.get $done)))
      (if (i32.lt_u (local.get $seen) (i32.const 20))
        (then
          (drop (memory.atomic.wait32 (global.get $done) (local.get $seen) (i64.const -1)))
          (br $wait))))
    (if (i32.ne (i32.atomic.load (global.get $counter)) (i32.const 1900000)) (then unreachable))
    (if (i32.ne (i32.atomic.load (global.get $numbers)) (i32.const 0x1ffffe)) (then unreachable))
    (i32.store (i32.const 16) (i32.const 0x0a_6b_6f))
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 3))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
