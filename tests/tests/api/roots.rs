//! References that live on while garbage is collected, in all kinds of places. Each engine of `engines` runs every program
//! as it is, and with collections forced wherever there may be one; results must not show it.

use crate::{configured_engines, engines};
use mainspring::*;
use std::num::NonZeroU32;

/// A list of so many numbers, to be added up later, and what churns the heap meanwhile.
const COMMON: &str = r#"
    (type $list (struct (field $value (mut i32)) (field $next (mut (ref null $list)))))
    (type $pair (struct (field $a (mut eqref)) (field $b (mut eqref))))
    (type $bytes (array (mut i8)))
    (type $refs (array (mut eqref)))
    (import "" "" (func $host))
    (func $new (param i32) (result (ref $list))
        (struct.new $list (local.get 0) (ref.null $list)))
    (func $churn (local $i i32) (local $keep (ref null $list))
        (loop $again
            (local.set $keep (struct.new $list (local.get $i) (local.get $keep)))
            (drop (array.new_default $bytes (i32.const 100)))
            (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20)))))
    (func $value (param eqref) (result i32)
        (struct.get $list $value (ref.cast (ref $list) (local.get 0))))
"#;

/// Runs `test`, which takes a number, with some numbers, and compares with what comes out of the same computation
/// on numbers alone.
#[track_caller]
fn check(body: &str, expected: impl Fn(i32) -> i32) {
    let text = format!("(module {COMMON} {body})");
    let stressed = configured_engines(|config| {
        config.gc_zeal_alloc_counter(NonZeroU32::new(1));
    });
    let called_out = configured_engines(|config| {
        config.gc_stress(true);
    });
    for (name, engine) in engines().into_iter().chain(stressed).chain(called_out) {
        let run = || -> Result<()> {
            let module = Module::new(&engine, &text)?;
            let mut store = Store::new(&engine, ());
            let out = Func::wrap(&mut store, || ());
            let instance = Instance::new(&mut store, &module, &[out.into()])?;
            let test = instance.get_typed_func::<i32, i32>(&mut store, "test")?;
            for n in [1, 7, 40] {
                let found = test.call(&mut store, n)?;
                if found != expected(n) {
                    bail!("test({n}) is {found}, not {}", expected(n));
                }
            }
            Ok(())
        };
        if let Err(error) = run() {
            panic!("{name}: {error:#}");
        }
    }
}

#[test]
fn in_locals_and_operands_at_several_depths() {
    check(
        r#"(func (export "test") (param $n i32) (result i32)
            (local $a (ref null $list)) (local $b eqref) (local $c i32)
            (local.set $a (call $new (local.get $n)))
            (local.set $b (call $new (i32.add (local.get $n) (i32.const 1))))
            (local.get $a)
            (local.get $b)
            ;; Changed while operands stand for what it was.
            (local.set $a (call $new (i32.const 1000)))
            (call $new (i32.const 5))
            (i32.const 17)
            (call $churn)
            (call $new (i32.const 6))
            (call $churn)
            (call $value)
            i32.add
            (local.set $c)
            (call $value)
            (i32.add (local.get $c))
            (local.set $c)
            (call $value)
            (i32.mul (i32.const 100))
            (i32.add (local.get $c))
            (local.set $c)
            (call $value)
            (i32.mul (i32.const 10000))
            (i32.add (local.get $c))
            (i32.add (call $value (local.get $a))))"#,
        |n| 17 + 6 + 5 + 100 * (n + 1) + 10000 * n + 1000,
    );
}

#[test]
fn in_blocks_parameters_and_after_branches() {
    check(
        r#"(func (export "test") (param $n i32) (result i32)
            (local $sum i32)
            (call $new (local.get $n))
            (call $new (i32.const 3))
            (block $out (param eqref (ref $list)) (result eqref (ref $list))
                (call $churn)
                (br_if $out (i32.and (local.get $n) (i32.const 1)))
                (call $churn)
                (block $in (param eqref (ref $list)) (result (ref $list))
                    (call $churn)
                    (br_if $in (i32.const 1))
                    (call $churn)
                    (br 1))
                (call $churn)
                (local.set $sum (call $value))
                (call $new (local.get $n))
                (call $new (i32.const 3)))
            (if (param eqref (ref $list)) (result eqref (ref $list) eqref) (local.get $n)
                (then (call $churn) (struct.get $list $value) (call $new) (call $new (i32.const 50)))
                (else unreachable))
            (call $churn)
            (local.set $sum (i32.add (call $value) (local.get $sum)))
            (local.set $sum (i32.add (call $value) (local.get $sum)))
            (local.set $sum (i32.add (call $value) (local.get $sum)))
            (local.get $sum))"#,
        |n| 53 + n + if n & 1 == 1 { 0 } else { 3 },
    );
}

#[test]
fn in_loops_that_move_to_better_code() {
    check(
        r#"(func (export "test") (param $n i32) (result i32)
            (local $list (ref null $list)) (local $last eqref) (local $i i32) (local $sum i32)
            (call $new (i32.const 9))
            (ref.i31 (i32.const 8))
            (struct.new_default $pair)
            (loop $again (param (ref $list) i31ref (ref $pair)) (result (ref $list) i31ref (ref $pair))
                drop
                (local.set $list (struct.new $list (local.get $i) (local.get $list)))
                (local.set $last (struct.new $pair (local.get $list) (local.get $last)))
                (call $churn)
                (struct.new $pair (local.get $list) (local.get $last))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
            (local.set $last (struct.get $pair $b))
            (local.set $sum (call $value (struct.get $pair $a (ref.cast (ref $pair) (local.get $last)))))
            (local.set $sum (i32.add (i31.get_u) (local.get $sum)))
            (local.set $sum (i32.add (call $value) (local.get $sum)))
            (block $done
                (loop $next
                    (local.set $sum (i32.add (local.get $sum) (struct.get $list $value (br_on_null $done (local.get $list)))))
                    (call $churn)
                    (local.set $list (struct.get $list $next (local.get $list)))
                    (br $next)))
            (local.get $sum))"#,
        |n| (n - 1) + 8 + 9 + n * (n - 1) / 2,
    );
}

#[test]
fn in_arguments_on_the_stack_and_results_in_memory() {
    check(
        r#"(func $many
            (param $a eqref) (param i32) (param $b eqref) (param i64) (param $c eqref) (param f64) (param $d eqref)
            (param $e eqref) (param $f (ref $list)) (param $g eqref) (param v128) (param $h eqref)
            (result eqref i32 eqref (ref $list) f64 eqref eqref eqref eqref eqref)
            (call $churn)
            (local.get $h) (local.get 1)
            (local.get $g) (local.get $f) (f64.const 1) (local.get $e) (local.get $d)
            (call $churn)
            (local.set $h (ref.null eq))
            (local.get $c) (local.get $b) (local.get $a)
            (call $churn))
        (func (export "test") (param $n i32) (result i32)
            (local $sum i32)
            (call $many
                (call $new (i32.const 1)) (i32.const 2) (call $new (i32.const 3)) (i64.const 4) (call $new (i32.const 5)) (f64.const 0)
                (call $new (i32.const 7)) (call $new (i32.const 8)) (call $new (local.get $n)) (call $new (i32.const 10))
                (v128.const i64x2 1 1) (call $new (i32.const 12)))
            (call $churn)
            (local.set $sum (call $value))
            (local.set $sum (i32.add (call $value) (i32.mul (local.get $sum) (i32.const 3))))
            (local.set $sum (i32.add (call $value) (i32.mul (local.get $sum) (i32.const 3))))
            (call $churn)
            (local.set $sum (i32.add (call $value) (i32.mul (local.get $sum) (i32.const 3))))
            (local.set $sum (i32.add (call $value) (i32.mul (local.get $sum) (i32.const 3))))
            drop
            (local.set $sum (i32.add (call $value) (i32.mul (local.get $sum) (i32.const 3))))
            (local.set $sum (i32.add (call $value) (i32.mul (local.get $sum) (i32.const 3))))
            (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 3))))
            (i32.add (call $value) (i32.mul (local.get $sum) (i32.const 3))))"#,
        |n| {
            [1, 3, 5, 7, 8, n, 10, 2, 12]
                .into_iter()
                .fold(0, |sum, x| sum * 3 + x)
        },
    );
}

#[test]
fn in_what_an_allocation_takes() {
    check(
        r#"(type $mixed (struct
            (field i8) (field eqref) (field i64) (field f32) (field (ref $list)) (field v128) (field funcref) (field i16) (field f64)
            (field externref) (field (mut eqref))))
        (elem declare func $churn)
        (func (export "test") (param $n i32) (result i32)
            (local $s (ref null $mixed)) (local $r (ref null $refs)) (local $x i32) (local $y i64) (local $keep eqref)
            (local.set $x (i32.mul (local.get $n) (i32.const 3)))
            (local.set $y (i64.extend_i32_u (local.get $n)))
            (local.set $keep (call $new (local.get $x)))
            (local.set $s (struct.new $mixed
                (i32.add (local.get $n) (i32.const 256)) (local.get $keep) (i64.add (local.get $y) (i64.const 1)) (f32.convert_i32_s (local.get $x))
                (struct.new $list (i32.const 4) (ref.null $list)) (i32x4.splat (local.get $n)) (ref.func $churn) (i32.const -2)
                (f64.add (f64.convert_i32_u (local.get $n)) (f64.const 0.5)) (extern.convert_any (ref.i31 (i32.const 11)))
                (struct.new $pair (local.get $keep) (struct.new_default $pair))))
            (local.set $r (array.new_fixed $refs 5
                (local.get $s) (struct.new $list (local.get $x) (ref.null $list)) (ref.null eq) (local.get $keep)
                (array.new_fixed $bytes 3 (i32.const 1) (local.get $n) (i32.const 3))))
            (call $churn)
            (local.set $s (ref.cast (ref $mixed) (array.get $refs (local.get $r) (i32.const 0))))
            (struct.get_u $mixed 0 (local.get $s))
            (i32.add (call $value (struct.get $mixed 1 (local.get $s))))
            (i32.add (i32.wrap_i64 (struct.get $mixed 2 (local.get $s))))
            (i32.add (i32.trunc_f32_s (struct.get $mixed 3 (local.get $s))))
            (i32.add (call $value (struct.get $mixed 4 (local.get $s))))
            (i32.add (i32x4.extract_lane 2 (struct.get $mixed 5 (local.get $s))))
            (i32.add (ref.is_null (struct.get $mixed 6 (local.get $s))))
            (i32.add (struct.get_s $mixed 7 (local.get $s)))
            (i32.add (i32.trunc_f64_s (struct.get $mixed 8 (local.get $s))))
            (i32.add (i31.get_s (ref.cast (ref i31) (any.convert_extern (struct.get $mixed 9 (local.get $s))))))
            (i32.add (call $value (struct.get $pair $a (ref.cast (ref $pair) (struct.get $mixed 10 (local.get $s))))))
            (i32.add (call $value (array.get $refs (local.get $r) (i32.const 1))))
            (i32.add (ref.is_null (array.get $refs (local.get $r) (i32.const 2))))
            (i32.add (ref.eq (local.get $keep) (array.get $refs (local.get $r) (i32.const 3))))
            (i32.add (array.get_u $bytes (ref.cast (ref $bytes) (array.get $refs (local.get $r) (i32.const 4))) (i32.const 1)))
            (i32.add (array.len (local.get $r))))"#,
        // Fields, then what is in the array.
        |n| n + 3 * n + (n + 1) + 3 * n + 4 + n + (-2) + n + 11 + 3 * n + 3 * n + 1 + 1 + n + 5,
    );
}

#[test]
fn in_old_objects_and_large_arrays() {
    check(
        r#"(global $kept (mut (ref null $refs)) (ref.null $refs))
        (table $table 4 eqref)
        (func (export "test") (param $n i32) (result i32)
            (local $i i32) (local $sum i32) (local $copy (ref null $refs))
            (global.set $kept (array.new $refs (call $new (i32.const 2)) (i32.const 20000)))
            (call $churn) (call $churn)
            (loop $again
                (array.set $refs (global.get $kept) (i32.mul (local.get $i) (i32.const 37)) (call $new (local.get $i)))
                (struct.set $list $next
                    (ref.cast (ref $list) (array.get $refs (global.get $kept) (i32.const 19999)))
                    (call $new (local.get $i)))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
            (array.fill $refs (global.get $kept) (i32.const 10000) (call $new (i32.const 100)) (i32.const 5000))
            (local.set $copy (array.new_default $refs (i32.const 3000)))
            (array.copy $refs $refs (local.get $copy) (i32.const 0) (global.get $kept) (i32.const 12500) (i32.const 3000))
            (table.set $table (i32.const 1) (array.get $refs (local.get $copy) (i32.const 0)))
            (call $churn)
            (local.set $i (i32.const 0))
            (loop $again
                (local.set $sum (i32.add (local.get $sum)
                    (call $value (array.get $refs (global.get $kept) (i32.mul (local.get $i) (i32.const 37))))))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
            (local.get $sum)
            (i32.add (call $value (array.get $refs (local.get $copy) (i32.const 2499))))
            (i32.add (call $value (array.get $refs (local.get $copy) (i32.const 2500))))
            (i32.add (call $value (table.get $table (i32.const 1))))
            (i32.add (call $value (struct.get $list $next
                (ref.cast (ref $list) (array.get $refs (global.get $kept) (i32.const 15000)))))))"#,
        |n| n * (n - 1) / 2 + 100 + 2 + 100 + (n - 1),
    );
}

#[test]
fn in_more_locals_than_registers_and_around_calls_of_the_host() {
    check(
        r#"(func (export "test") (param $n i32) (result i32)
            (local $a eqref) (local $b eqref) (local $c eqref) (local $d eqref) (local $e eqref) (local $f eqref) (local $g eqref)
            (local $i i32) (local $sum i32)
            (local.set $a (call $new (i32.const 1)))
            (local.set $c (call $new (i32.const 2)))
            (loop $again
                (local.set $b (local.get $a))
                (local.set $d (local.get $c))
                (local.get $d)
                (local.set $d (local.get $b))
                (call $host)
                (local.set $e (local.get $b))
                (local.set $f (struct.new $pair (local.get $e) (local.get $d)))
                (call $host)
                (local.set $g (struct.get $pair $a (ref.cast (ref $pair) (local.get $f))))
                (local.set $a)
                (local.set $c (local.get $g))
                (local.set $sum (i32.add (local.get $sum) (call $value (local.get $a))))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
            (i32.add (local.get $sum) (i32.mul (i32.const 100) (call $value (local.get $g)))))"#,
        |n| {
            let (mut a, mut c, mut sum) = (1, 2, 0);
            for _ in 0..n {
                (a, c) = (c, a);
                sum += a;
            }
            sum + 100 * c
        },
    );
}

#[test]
fn while_exceptions_fly() {
    check(
        r#"(tag $thrown (param eqref i32 (ref $list)))
        (func $throws (param i32)
            (call $churn)
            (throw $thrown (call $new (local.get 0)) (i32.const 3) (call $new (i32.const 10))))
        (func (export "test") (param $n i32) (result i32)
            (local $kept eqref) (local $e exnref) (local $i i32) (local $sum i32)
            (local.set $kept (call $new (i32.const 5)))
            (loop $again
                (call $new (i32.const 7))
                (block $caught (result eqref i32 (ref $list) exnref)
                    (try_table (catch_ref $thrown $caught)
                        (call $churn)
                        (call $throws (local.get $n)))
                    unreachable)
                (local.set $e)
                (call $churn)
                (local.set $sum (i32.add (call $value) (local.get $sum)))
                (local.set $sum (i32.add (local.get $sum)))
                (local.set $sum (i32.add (call $value) (local.get $sum)))
                (local.set $sum (i32.add (call $value) (local.get $sum)))
                (block $again_caught (result eqref i32 (ref $list))
                    (try_table (catch $thrown $again_caught)
                        (call $churn)
                        (throw_ref (local.get $e)))
                    unreachable)
                drop drop
                (local.set $sum (i32.add (call $value) (local.get $sum)))
                (local.set $sum (i32.add (local.get $sum) (call $value (local.get $kept))))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4))))
            (local.get $sum))"#,
        |n| 4 * (10 + 3 + n + 7 + n + 5),
    );
}
