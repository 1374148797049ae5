;; The exception instructions of before version 3, which the specification's tests no longer have: `try` with `catch`,
;; `catch_all` or `delegate`, and `rethrow`.

(module $host
  (tag $t (export "t") (param i32))
  (func (export "throw") (param i32) (throw $t (local.get 0))))
(register "host")

(module
  (tag $imported (import "host" "t") (param i32))
  (tag $again (import "host" "t") (param i32))
  (import "host" "throw" (func $host (param i32)))
  (tag $none)
  (tag $one (param i32))
  (tag $two (param i32 i64))
  (tag $many (param f32 v128 externref f64))
  (type $binary (func (param i32 i32) (result i32)))
  (type $thrower (func (param i32)))
  (table $table funcref (elem $throws $host $returns))
  (global $count (mut i32) (i32.const 0))

  ;; 1 throws $none, 2 $one, 3 $two, 4 $imported; others return.
  (func $throws (export "throws") (param $what i32)
    (block $four (block $three (block $two (block $one (block $other
      (br_table $other $one $two $three $four $other (local.get $what)))
      (return))
      (throw $none))
      (throw $one (i32.const 22)))
      (throw $two (i32.const 30) (i64.const 3)))
    (call $host (i32.const 44)))
  (func $returns (param i32))
  (func $count (global.set $count (i32.add (global.get $count) (i32.const 1))))
  (func (export "count") (result i32) (global.get $count))

  ;; Clauses are looked at in their order; a value is what the body or the clause leaves.
  (func (export "clauses") (param $what i32) (result i32)
    (local $seen i32)
    try (result i32)
      (local.set $seen (i32.const 1000))
      (call $throws (local.get $what))
      (i32.const 9)
    catch $none
      (i32.const 1)
    catch $one
    catch $one
      unreachable
    catch $two
      i32.wrap_i64
      i32.add
    end
    (local.get $seen)
    i32.add)

  (func (export "all") (param $what i32) (result i32)
    try (result i32)
      (call $throws (local.get $what))
      (i32.const 9)
    catch $two
      drop
    catch_all
      (i32.const 7)
    end)

  (func (export "only all") (param $what i32) (result i32)
    (local $seen i32)
    try
      (local.set $seen (i32.const 1))
      (call $throws (local.get $what))
      (local.set $seen (i32.const 2))
    catch_all
      (local.set $seen (i32.add (local.get $seen) (i32.const 10)))
    end
    (local.get $seen))

  ;; A body without clauses catches nothing.
  (func (export "no clauses") (param $what i32) (result i32)
    try (result i32)
      try (result i32)
        (call $throws (local.get $what))
        (i32.const 9)
      end
    catch $none
      (i32.const 8)
    end)

  ;; What is thrown where it is caught.
  (func (export "at once") (param $what i32) (result i32)
    try (result i32)
      (if (i32.eqz (local.get $what)) (then (throw $two (i32.const 5) (i64.const 6))))
      (if (i32.eq (local.get $what) (i32.const 1)) (then (throw $none)))
      (throw $one (local.get $what))
    catch $two
      i32.wrap_i64
      i32.sub
    catch $one
    catch_all
      (i32.const 77)
    end)

  ;; All types; the tag that a module imports twice is one.
  (func (export "types") (param externref) (result v128 f32 f64 externref)
    (local $f f32) (local $v v128) (local $e externref) (local $d f64)
    try
      (throw $many (f32.const 1.5) (v128.const i64x2 3 4) (local.get 0) (f64.const -2.5))
    catch_all
      try
        rethrow 1
      catch $many
        (local.set $d)
        (local.set $e)
        (local.set $v)
        (local.set $f)
      end
    end
    (local.get $v) (local.get $f) (local.get $d) (local.get $e))

  (func (export "same tag") (param $what i32) (result i32)
    try (result i32)
      (if (local.get $what)
        (then (call $host (local.get $what)))
        (else (throw $again (i32.const 3))))
      (i32.const 0)
    catch $one
      drop
      (i32.const 1)
    catch $imported
    catch $again
      drop
      (i32.const 2)
    end)

  ;; Operands below and parameters of the block.
  (func (export "operands") (param $what i32) (result i32)
    (i32.const 100)
    (i32.const 20)
    (i32.const 3)
    try (param i32 i32) (result i32)
      (call $throws (local.get $what))
      i32.add
    catch $one
      (i32.const 1)
      i32.mul
    catch_all
      (i32.const 5)
    end
    i32.add)

  (func (export "several results") (param $what i32) (result i32 i64)
    (i32.const 1)
    try (param i32) (result i32 i64)
      (call $throws (local.get $what))
      (i64.const 2)
    catch $one
      (i64.const 4)
    catch $two
    end)

  ;; Branches out of the body and out of clauses.
  (func (export "branches") (param $what i32) (param $where i32) (result i32)
    (block $out (result i32)
      (block $in
        try $try
          (call $throws (local.get $what))
          (br_table $in $try $in (local.get $where))
        catch $one
          (br $out)
        catch $two
          (drop)
          (br_if $out (local.get $where))
          (return)
        catch_all
          (br_table $try $in (local.get $where))
        end
        (br $out (i32.const 99)))
      (i32.const 999)))

  ;; To the label of the function.
  (func (export "to the end") (param $what i32) (result i32)
    try
      (call $throws (local.get $what))
    catch $one
      (br 1)
    end
    (i32.const 1))

  ;; What was caught is thrown again by its clause's label, from blocks, loops and other clauses.
  (func (export "rethrow") (param $what i32) (result i32)
    try (result i32)
      try (result i32)
        (call $throws (local.get $what))
        (i32.const 0)
      catch $one
        (if (i32.eq (i32.const 22)) (then rethrow 1))
        unreachable
      catch $two
        (drop) (drop)
        loop (result i32)
          block
            rethrow 2
          end
          unreachable
        end
      end
    catch $none
      (i32.const 1)
    catch $one
    catch $two
      i32.wrap_i64
      i32.add
    end)

  (func (export "rethrow the outer") (param $inner i32) (param $which i32) (result i32)
    try (result i32)
      try
        (throw $two (i32.const 40) (i64.const 2))
      catch $two
        (drop) (drop)
        try
          (call $throws (local.get $inner))
        catch_all
          (if (local.get $which) (then rethrow 2))
          rethrow 0
        end
      end
      (i32.const 5)
    catch $one
    catch $two
      i32.wrap_i64
      i32.add
    catch_all
      (i32.const 6)
    end)

  ;; What a clause throws is not its own `try`'s.
  (func (export "thrown by a clause") (result i32)
    try (result i32)
      try (result i32)
        (throw $one (i32.const 1))
      catch $one
        (i32.add (i32.const 1))
        throw $one
      catch_all
        (i32.const -1)
      end
    catch $one
      (i32.add (i32.const 10))
    end)

  ;; `delegate` passes what is between it and its label.
  (func (export "delegate") (param $what i32) (result i32)
    try $outer (result i32)
      try (result i32)
        try (result i32)
          (call $throws (local.get $what))
          (i32.const 1)
        delegate $outer
      catch_all
        (i32.const -1)
      end
    catch $one
    catch_all
      (i32.const 2)
    end)

  (func (export "delegate to the next") (param $what i32) (result i32)
    try (result i32)
      try (result i32)
        try (result i32)
          (call $throws (local.get $what))
          (i32.const 1)
        delegate 0
      catch $one
        (i32.add (i32.const 100))
      end
    catch_all
      (i32.const 2)
    end)

  ;; A label that is no `try`'s means the `try` around it.
  (func (export "delegate to a block") (param $what i32) (result i32)
    try (result i32)
      (block $block (result i32)
        try (result i32)
          try (result i32)
            (call $throws (local.get $what))
            (i32.const 1)
          delegate $block
        catch_all
          (i32.const -1)
        end)
    catch_all
      (i32.const 2)
    end)

  ;; That of a clause is none that catches.
  (func (export "delegate to a clause") (param $what i32) (result i32)
    try (result i32)
      try $clause (result i32)
        (throw $none)
      catch_all
        try (result i32)
          try (result i32)
            (call $throws (local.get $what))
            (i32.const 1)
          delegate $clause
        catch_all
          (i32.const -1)
        end
      end
    catch_all
      (i32.const 2)
    end)

  (func $to_the_caller (param $what i32) (result i32)
    try (result i32)
      try (result i32)
        (call $throws (local.get $what))
        (i32.const 1)
      delegate 1
    catch_all
      (i32.const -1)
    end)
  (func (export "delegate to the caller") (param $what i32) (result i32)
    try (result i32)
      (call $to_the_caller (local.get $what))
    catch $one
    catch_all
      (i32.const 2)
    end)

  (func (export "delegate twice") (param $what i32) (result i32)
    try $first (result i32)
      try $second (result i32)
        try
          try
            try
              try
                (call $throws (local.get $what))
              delegate 0
            delegate $second
          catch_all
            (call $count)
          end
        catch_all
          (call $count)
        end
        (i32.const 1)
      catch $none
        (i32.const 3)
      end
    catch_all
      (i32.const 2)
    end)

  (func (export "delegate with operands") (param $what i32) (result i32)
    (i32.const 1000)
    try (result i32)
      (i32.const 200)
      try (result i32)
        (i32.const 7)
        try (param i32) (result i32)
          (call $throws (local.get $what))
        delegate 1
      catch_all
        (i32.const -5000)
      end
      i32.add
    catch $one
    end
    i32.add)

  ;; Loops within bodies and clauses, long enough to be replaced while they run.
  (func (export "loop in a body") (param $times i32) (result i32)
    (local $sum i32)
    try
      loop $again
        (local.set $sum (i32.add (local.get $sum) (local.get $times)))
        (call $throws (i32.eqz (local.get $times)))
        (local.set $times (i32.sub (local.get $times) (i32.const 1)))
        br $again
      end
    catch $none
    end
    (local.get $sum))

  (func (export "loop in a clause") (param $times i32) (result i32)
    (local $sum i32)
    (i32.const 7)
    try (result i32)
      try (result i32)
        (throw $two (i32.const 4) (i64.const 5))
      catch $two
        i32.wrap_i64
        i32.add
        loop $again (param i32) (result i32)
          (i32.add (i32.const 1))
          (call $returns (i32.const 0))
          (local.set $times (i32.sub (local.get $times) (i32.const 1)))
          (br_if $again (local.get $times))
        end
        (local.set $sum)
        rethrow 0
      end
    catch $two
      i32.wrap_i64
      i32.sub
      (i32.add (local.get $sum))
    end
    i32.add)

  (func (export "loop around") (param $times i32) (result i32)
    (local $sum i32)
    loop $again
      try
        (call $throws (i32.and (local.get $times) (i32.const 3)))
      catch $none
        (local.set $sum (i32.add (local.get $sum) (i32.const 1)))
      catch $one
        try
          rethrow 1
        catch_all
          (local.set $sum (i32.add (local.get $sum) (i32.const 10)))
        end
        (local.set $sum (i32.sub (local.get $sum)))
        (local.set $sum (i32.sub (i32.const 0) (local.get $sum)))
      catch_all
        (local.set $times (i32.sub (local.get $times) (i32.const 1)))
        (br_if $again (local.get $times))
      end
      (local.set $times (i32.sub (local.get $times) (i32.const 1)))
      (br_if $again (i32.gt_s (local.get $times) (i32.const 0)))
    end
    (local.get $sum))

  (func (export "loops in each other") (param $times i32) (result i32)
    (local $inner i32) (local $sum i32)
    try (result i32)
      loop $outer (result i32)
        try
          (throw $one (local.get $times))
        catch $one
          (local.set $inner)
          loop $again
            (local.set $sum (i32.add (local.get $sum) (i32.const 1)))
            (local.set $inner (i32.sub (local.get $inner) (i32.const 1)))
            (br_if $again (i32.gt_s (local.get $inner) (i32.const 0)))
          end
          (local.set $times (i32.sub (local.get $times) (i32.const 1)))
          (br_if $outer (local.get $times))
          rethrow 0
        end
        unreachable
      end
    catch $one
      (i32.mul (i32.const 1000000))
      (i32.add (local.get $sum))
    end)

  ;; Kinds of calls. A tail call leaves the body.
  (func (export "indirect") (param $callee i32) (param $what i32) (result i32)
    try (result i32)
      (call_indirect (type $thrower) (local.get $what) (local.get $callee))
      (i32.const 1)
    catch $one
    catch $imported
    end)

  (func $leaves (param $what i32)
    try
      (return_call $throws (local.get $what))
    catch_all
      (call $count)
    end)
  (func (export "tail call") (param $what i32) (result i32)
    try (result i32)
      (call $leaves (local.get $what))
      (i32.const 1)
    catch $one
    end)

  ;; With `try_table` within, and around.
  (func (export "in a try_table") (param $what i32) (result i32)
    (block $caught (result i32)
      (try_table (result i32) (catch $one $caught)
        try (result i32)
          (call $throws (local.get $what))
          (i32.const 1)
        catch $none
          (i32.const 2)
        catch $two
          rethrow 0
        end)))

  (func (export "around a try_table") (param $what i32) (result i32)
    try $try (result i32)
      (block $caught (result i32 exnref)
        (try_table (catch_ref $one $caught)
          (call $throws (local.get $what)))
        (br $try (i32.const 1)))
      throw_ref
    catch $one
    catch_all
      (block $caught (result i32 i64)
        (try_table (catch $two $caught) (rethrow 2))
        unreachable)
      i32.wrap_i64
      i32.add
    end)

  ;; To the label of a `try` from a `try_table` in its clause.
  (func (export "clause to label") (param $what i32) (result i32)
    (i32.const 1)
    try $try (result i32)
      (throw $none)
    catch $none
      (try_table (catch $one $try) (call $throws (local.get $what)))
      (i32.const 3)
    end
    i32.add)

  ;; What can't be reached.
  (func (export "nothing thrown") (result i32)
    try (result i32)
      (i32.const 1)
    catch $one
    catch_all
      try
        try
        delegate 0
      catch $one
        drop
      end
      rethrow 0
    end)
  (func (export "not reached") (result i32)
    try (result i32)
      (return (i32.const 2))
      try
        try
        delegate 0
      catch $one
        drop
        rethrow 0
      catch_all
      end
      if
      else
        try
        end
      end
      unreachable
    catch $one
    catch_all
      (i32.const 1)
    end)
  (func (export "clause not left") (param $what i32) (result i32)
    try (result i32)
      (call $throws (local.get $what))
      (return (i32.const 1))
    catch $none
      (return (i32.const 2))
    catch_all
      (return (i32.const 3))
    end)

  ;; Traps are not exceptions.
  (func (export "trap") (result i32)
    try (result i32)
      unreachable
    catch_all
      (i32.const 1)
    end)
  (func $deep (param i32) (result i32)
    try (result i32)
      (call $deep (local.get 0))
    catch_all
      (i32.const 1)
    end)
  (func (export "overflow") (result i32) (call $deep (i32.const 0)))
)

(assert_return (invoke "clauses" (i32.const 0)) (i32.const 1009))
(assert_return (invoke "clauses" (i32.const 1)) (i32.const 1001))
(assert_return (invoke "clauses" (i32.const 2)) (i32.const 1022))
(assert_return (invoke "clauses" (i32.const 3)) (i32.const 1033))
(assert_exception (invoke "clauses" (i32.const 4)))
(assert_return (invoke "all" (i32.const 0)) (i32.const 9))
(assert_return (invoke "all" (i32.const 1)) (i32.const 7))
(assert_return (invoke "all" (i32.const 3)) (i32.const 30))
(assert_return (invoke "all" (i32.const 4)) (i32.const 7))
(assert_return (invoke "only all" (i32.const 0)) (i32.const 2))
(assert_return (invoke "only all" (i32.const 4)) (i32.const 11))
(assert_return (invoke "no clauses" (i32.const 0)) (i32.const 9))
(assert_return (invoke "no clauses" (i32.const 1)) (i32.const 8))
(assert_exception (invoke "no clauses" (i32.const 2)))
(assert_return (invoke "at once" (i32.const 0)) (i32.const -1))
(assert_return (invoke "at once" (i32.const 1)) (i32.const 77))
(assert_return (invoke "at once" (i32.const 2)) (i32.const 2))
(assert_return (invoke "types" (ref.extern 5)) (v128.const i64x2 3 4) (f32.const 1.5) (f64.const -2.5) (ref.extern 5))
(assert_return (invoke "same tag" (i32.const 0)) (i32.const 3))
(assert_return (invoke "same tag" (i32.const 8)) (i32.const 8))
(assert_return (invoke "operands" (i32.const 0)) (i32.const 123))
(assert_return (invoke "operands" (i32.const 2)) (i32.const 122))
(assert_return (invoke "operands" (i32.const 3)) (i32.const 105))
(assert_return (invoke "several results" (i32.const 0)) (i32.const 1) (i64.const 2))
(assert_return (invoke "several results" (i32.const 2)) (i32.const 22) (i64.const 4))
(assert_return (invoke "several results" (i32.const 3)) (i32.const 30) (i64.const 3))
(assert_return (invoke "branches" (i32.const 0) (i32.const 0)) (i32.const 999))
(assert_return (invoke "branches" (i32.const 0) (i32.const 1)) (i32.const 99))
(assert_return (invoke "branches" (i32.const 1) (i32.const 0)) (i32.const 99))
(assert_return (invoke "branches" (i32.const 1) (i32.const 1)) (i32.const 999))
(assert_return (invoke "branches" (i32.const 2) (i32.const 0)) (i32.const 22))
(assert_return (invoke "branches" (i32.const 3) (i32.const 0)) (i32.const 30))
(assert_return (invoke "branches" (i32.const 3) (i32.const 1)) (i32.const 30))
(assert_return (invoke "to the end" (i32.const 0)) (i32.const 1))
(assert_return (invoke "to the end" (i32.const 2)) (i32.const 22))
(assert_return (invoke "rethrow" (i32.const 0)) (i32.const 0))
(assert_return (invoke "rethrow" (i32.const 1)) (i32.const 1))
(assert_return (invoke "rethrow" (i32.const 2)) (i32.const 22))
(assert_return (invoke "rethrow" (i32.const 3)) (i32.const 33))
(assert_return (invoke "rethrow the outer" (i32.const 0) (i32.const 0)) (i32.const 5))
(assert_return (invoke "rethrow the outer" (i32.const 1) (i32.const 0)) (i32.const 6))
(assert_return (invoke "rethrow the outer" (i32.const 1) (i32.const 1)) (i32.const 42))
(assert_return (invoke "rethrow the outer" (i32.const 2) (i32.const 0)) (i32.const 22))
(assert_return (invoke "rethrow the outer" (i32.const 2) (i32.const 1)) (i32.const 42))
(assert_return (invoke "thrown by a clause") (i32.const 12))
(assert_return (invoke "delegate" (i32.const 0)) (i32.const 1))
(assert_return (invoke "delegate" (i32.const 1)) (i32.const 2))
(assert_return (invoke "delegate" (i32.const 2)) (i32.const 22))
(assert_return (invoke "delegate to the next" (i32.const 1)) (i32.const 2))
(assert_return (invoke "delegate to the next" (i32.const 2)) (i32.const 122))
(assert_return (invoke "delegate to a block" (i32.const 0)) (i32.const 1))
(assert_return (invoke "delegate to a block" (i32.const 4)) (i32.const 2))
(assert_return (invoke "delegate to a clause" (i32.const 0)) (i32.const 1))
(assert_return (invoke "delegate to a clause" (i32.const 4)) (i32.const 2))
(assert_return (invoke "delegate to the caller" (i32.const 0)) (i32.const 1))
(assert_return (invoke "delegate to the caller" (i32.const 1)) (i32.const 2))
(assert_return (invoke "delegate to the caller" (i32.const 2)) (i32.const 22))
(assert_return (invoke "delegate twice" (i32.const 0)) (i32.const 1))
(assert_return (invoke "delegate twice" (i32.const 1)) (i32.const 3))
(assert_return (invoke "delegate twice" (i32.const 2)) (i32.const 2))
(assert_return (invoke "count") (i32.const 0))
(assert_return (invoke "delegate with operands" (i32.const 0)) (i32.const 1207))
(assert_return (invoke "delegate with operands" (i32.const 2)) (i32.const 1022))
(assert_exception (invoke "delegate with operands" (i32.const 1)))
(assert_return (invoke "loop in a body" (i32.const 3000)) (i32.const 4501500))
(assert_return (invoke "loop in a clause" (i32.const 3000)) (i32.const 3015))
(assert_return (invoke "loop around" (i32.const 3000)) (i32.const -8250))
(assert_return (invoke "loops in each other" (i32.const 80)) (i32.const 1003240))
(assert_return (invoke "indirect" (i32.const 0) (i32.const 0)) (i32.const 1))
(assert_return (invoke "indirect" (i32.const 0) (i32.const 2)) (i32.const 22))
(assert_return (invoke "indirect" (i32.const 1) (i32.const 5)) (i32.const 5))
(assert_trap (invoke "indirect" (i32.const 3) (i32.const 5)) "undefined element")
(assert_return (invoke "tail call" (i32.const 0)) (i32.const 1))
(assert_return (invoke "tail call" (i32.const 2)) (i32.const 22))
(assert_return (invoke "count") (i32.const 0))
(assert_return (invoke "in a try_table" (i32.const 0)) (i32.const 1))
(assert_return (invoke "in a try_table" (i32.const 1)) (i32.const 2))
(assert_return (invoke "in a try_table" (i32.const 2)) (i32.const 22))
(assert_exception (invoke "in a try_table" (i32.const 3)))
(assert_return (invoke "around a try_table" (i32.const 0)) (i32.const 1))
(assert_return (invoke "around a try_table" (i32.const 2)) (i32.const 22))
(assert_return (invoke "around a try_table" (i32.const 3)) (i32.const 33))
(assert_exception (invoke "around a try_table" (i32.const 1)))
(assert_return (invoke "clause to label" (i32.const 0)) (i32.const 4))
(assert_return (invoke "clause to label" (i32.const 2)) (i32.const 23))
(assert_exception (invoke "clause to label" (i32.const 1)))
(assert_return (invoke "nothing thrown") (i32.const 1))
(assert_return (invoke "not reached") (i32.const 2))
(assert_return (invoke "clause not left" (i32.const 0)) (i32.const 1))
(assert_return (invoke "clause not left" (i32.const 1)) (i32.const 2))
(assert_return (invoke "clause not left" (i32.const 2)) (i32.const 3))
(assert_trap (invoke "trap") "unreachable")
(assert_exhaustion (invoke "overflow") "call stack exhausted")

;; Objects in what was caught stay while others are made.
(module
  (type $box (struct (field $n (mut i32)) (field $next (ref null $box))))
  (tag $t (param (ref $box) i32))
  (func $garbage (param $n i32)
    (loop $again
      (drop (struct.new $box (local.get $n) (ref.null $box)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n))))
  (func $throws (param $n i32)
    (throw $t
      (struct.new $box (local.get $n) (struct.new $box (i32.const 5) (ref.null $box)))
      (i32.const 1)))
  (func (export "objects") (param $n i32) (result i32)
    (local $kept (ref null $box))
    (struct.new $box (i32.const 100) (ref.null $box))
    try (result i32)
      try (result i32)
        (call $throws (local.get $n))
        unreachable
      catch $t
        (call $garbage (i32.const 300))
        (drop)
        (local.set $kept)
        (struct.set $box $n (local.get $kept) (i32.add (struct.get $box $n (local.get $kept)) (i32.const 1)))
        (local.set $kept (ref.null $box))
        (call $garbage (i32.const 300))
        rethrow 0
      end
    catch $t
      (call $garbage (i32.const 300))
      (drop)
      (local.tee $kept)
      (struct.get $box $n)
      (i32.add (struct.get $box $n (struct.get $box $next (local.get $kept))))
    end
    (local.set $n)
    (struct.get $box $n)
    (i32.add (local.get $n))))
(assert_return (invoke "objects" (i32.const 1000)) (i32.const 1106))
(assert_return (invoke "objects" (i32.const 2000)) (i32.const 2106))

;; What is not valid.
(assert_invalid (module (func (block (rethrow 0)))) "invalid rethrow label")
(assert_invalid (module (func try rethrow 0 end)) "invalid rethrow label")
(assert_invalid (module (func try catch_all rethrow 1 end)) "invalid rethrow label")
(assert_invalid (module (func try delegate 1)) "unknown label")
(assert_invalid (module (tag (param i32)) (func try catch 0 end)) "type mismatch")
(assert_invalid (module (func try catch 0 end)) "unknown tag")
(assert_invalid (module (func (result i32) try (result i32) (i32.const 1) catch_all end)) "type mismatch")
(assert_invalid (module (func (result i32) try (result i32) delegate 0)) "type mismatch")
(assert_invalid (module (tag (param i32)) (func try (result i32) (i32.const 1) catch 0 end)) "type mismatch")
(assert_malformed
  (module binary "\00asm\01\00\00\00\01\04\01\60\00\00\03\02\01\00\0a\07\01\05\00\06\40\18\00\0b\0b")
  "unexpected")
(assert_invalid
  (module (func try catch_all (drop (ref.null func)) (br 1) end (i32.const 1))) "type mismatch")
