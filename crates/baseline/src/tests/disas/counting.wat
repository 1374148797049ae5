;; With counting of entries, loops and calls.
(module
  (func $f (param $n i32) (param $x f64) (result f64)
    (loop $l
      (local.set $x (f64.sqrt (local.get $x)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))
  (func (param i32 f64) (result f64)
    (call $f (local.get 0) (local.get 1))))
