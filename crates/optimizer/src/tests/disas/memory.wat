;; A loop over an array: the base is loaded once, the comparison is the branch, no check.
(module
  (memory 1)
  (func (param $p i32) (param $end i32) (result i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (i32.load offset=8 (local.get $p))))
      (local.set $p (i32.add (local.get $p) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $p) (local.get $end))))
    local.get $sum)
  ;; One address for a read and a write; a struct copy in place.
  (func (param $p i32) (param $q i32)
    (i32.store offset=4 (local.get $p) (i32.add (i32.load offset=4 (local.get $p)) (i32.const 1)))
    (memory.copy (local.get $p) (local.get $q) (i32.const 24))))
