;; Objects: a list made in a loop and added up, a tree made by recursion, elements with their bounds
;; checks, references that live across calls, casts.
(module
  (type $list (struct (field $value i32) (field $next (mut (ref null $list)))))
  (type $node (sub (struct (field (mut (ref null $node))) (field (mut (ref null $node))))))
  (type $anys (array (mut anyref)))
  (type $ints (array (mut i32)))
  (func (param $n i32) (result (ref null $list)) (local $list (ref null $list))
    (loop $again
      (local.set $list (struct.new $list (local.get $n) (local.get $list)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $list))
  (func (param $list (ref null $list)) (result i32) (local $sum i32)
    (block $end
      (loop $again
        (br_if $end (ref.is_null (local.get $list)))
        (local.set $sum (i32.add (local.get $sum) (struct.get $list $value (local.get $list))))
        (local.set $list (struct.get $list $next (local.get $list)))
        (br $again)))
    (local.get $sum))
  (func $tree (param $depth i32) (result (ref $node))
    (if (result (ref $node)) (local.get $depth)
      (then
        (struct.new $node
          (call $tree (i32.sub (local.get $depth) (i32.const 1)))
          (call $tree (i32.sub (local.get $depth) (i32.const 1)))))
      (else (struct.new_default $node))))
  (func (param $list (ref $list)) (result i32)
    (struct.set $list $next (local.get $list) (local.get $list))
    (drop (call $tree (struct.get $list $value (local.get $list))))
    (i32.add (struct.get $list $value (local.get $list)) (struct.get $list $value (local.get $list))))
  (func (param $ints (ref $ints)) (result i32) (local $i i32) (local $sum i32)
    (block $end
      (loop $again
        (br_if $end (i32.ge_u (local.get $i) (array.len (local.get $ints))))
        (local.set $sum (i32.add (local.get $sum) (array.get $ints (local.get $ints) (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $again)))
    (local.get $sum))
  (func (param $anys (ref $anys)) (param $i i32) (param $value anyref)
    (array.set $anys (local.get $anys) (local.get $i) (local.get $value)))
  (func (param $n i32) (result (ref $ints)) (array.new_default $ints (local.get $n)))
  (func (param anyref) (result (ref $list)) (ref.cast (ref $list) (local.get 0)))
  (func (param eqref) (result i32)
    (block $is (result (ref $node))
      (br_on_cast $is eqref (ref $node) (local.get 0))
      (return (ref.test i31ref)))
    (ref.is_null (struct.get $node 0))))
