//! Exceptions, in every tier and between host and wasm.

use crate::{engines, with_instance};
use mainspring::*;

/// Throws and catches in all ways. Each function takes a number and what to throw.
const EVERYTHING: &str = r#"(module
    (memory 1)
    (tag $none)
    (tag $int (param i32))
    (tag $other (param i32))
    (tag $many (param i32 i64 f32 f64 v128 funcref externref i64))
    (tag $wide (param i64 i64 i64 i64 i64 i64 i64 f64))
    (global $last (mut exnref) (ref.null exn))
    (table $kept 4 exnref)
    (type $result (func (result i32)))
    (table $funcs 2 funcref)
    (elem (table $funcs) (i32.const 0) func $self $throws)
    (func $self (result i32) (i32.const 77))
    (func $throws (result i32) (throw $int (i32.const 5)))

    ;; Throws at a depth, or adds up.
    (func $deep (param $depth i32) (param $what i32) (result i32) (local $a i64) (local $b f64)
        (local.set $a (i64.extend_i32_s (local.get $depth)))
        (local.set $b (f64.convert_i32_s (local.get $what)))
        (if (i32.eqz (local.get $depth))
            (then
                (if (i32.eq (local.get $what) (i32.const 1)) (then (throw $none)))
                (if (i32.eq (local.get $what) (i32.const 2)) (then (throw $int (i32.const 42))))
                (if (i32.eq (local.get $what) (i32.const 3)) (then (throw $other (i32.const 43))))
                (if (i32.eq (local.get $what) (i32.const 4))
                    (then (throw $many (i32.const 1) (i64.const -2) (f32.const 3) (f64.const 4.5) (v128.const i32x4 5 6 7 8)
                        (ref.func $self) (ref.null extern) (i64.const 9))))
                (if (i32.eq (local.get $what) (i32.const 5))
                    (then (throw $wide (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)
                        (i64.const 7) (f64.const 8))))
                (return (i32.const 1))))
        (i32.add
            (i32.add (call $deep (i32.sub (local.get $depth) (i32.const 1)) (local.get $what))
                (i32.wrap_i64 (local.get $a)))
            (i32.trunc_f64_s (local.get $b))))

    ;; Catches most of it, and goes on with locals and operands that were there before.
    (func $catch (export "catch") (param $depth i32) (param $what i32) (result i32)
        (local $a i32) (local $b i64) (local $c f64) (local $d i32) (local $v v128) (local $f f32) (local $r funcref)
        (local.set $a (i32.const 100))
        (local.set $b (i64.const 1000))
        (local.set $c (f64.const 0.5))
        (local.set $v (v128.const i32x4 1 2 3 4))
        (i32.add (local.get $depth) (i32.const 10000))
        (block $done (result i32)
            (block $int (result i32)
                (block $many (result i32 i64 f32 f64 v128 funcref externref i64)
                    (block $rest
                        (try_table (catch $int $int) (catch $many $many) (catch_all $rest)
                            (local.set $d (i32.const 5))
                            (local.set $a (i32.add (local.get $a) (local.get $what)))
                            (local.set $d (call $deep (local.get $depth) (local.get $what)))
                            (local.set $a (i32.add (local.get $a) (i32.const 1000000)))
                            (br $done (i32.const 3))))
                    (br $done (i32.const -5)))
                (local.set $b)
                (drop)
                (local.set $r)
                (local.set $v)
                (local.set $c)
                (local.set $f)
                (i32.wrap_i64)
                (i32.add)
                (br $done (i32.add (call_indirect $funcs (type $result) (i32.const 0)))))
            (i32.add (i32.const 7)))
        (i32.add)
        (i32.add (local.get $a))
        (i32.add (local.get $d))
        (i32.add (i32.wrap_i64 (local.get $b)))
        (i32.add (i32.trunc_f64_s (f64.mul (local.get $c) (f64.const 2))))
        (i32.add (i32.trunc_f32_s (local.get $f)))
        (i32.add (i32x4.extract_lane 2 (local.get $v)))
        (i32.add (ref.is_null (local.get $r))))

    ;; What inner ones do not catch, outer ones do, in whatever function they are.
    (func $inner (param $depth i32) (param $what i32) (result i32) (local $x i32)
        (local.set $x (i32.const 1))
        (block $here (result i32)
            (try_table (result i32) (catch $other $here)
                (local.set $x (i32.const 2))
                (try_table (result i32) (catch $int $here)
                    (local.set $x (i32.const 3))
                    (try_table (result i32)
                        (call $deep (local.get $depth) (local.get $what))))))
        (i32.mul (local.get $x) (i32.const 1000))
        (i32.add))
    (func (export "nested") (param $depth i32) (param $what i32) (result i32) (local $x i32)
        (local.set $x (local.get $what))
        (block $all
            (try_table (catch_all $all)
                (return (i32.add (local.get $x) (call $inner (local.get $depth) (local.get $what))))))
        (i32.add (local.get $x) (i32.const 500000)))

    ;; Labels of the function itself, with results in registers and in memory.
    (func $to_function (param $depth i32) (param $what i32) (result i32)
        (try_table (result i32) (catch $int 0) (catch $other 0)
            (call $deep (local.get $depth) (local.get $what))))
    (func (export "to_function") (param i32 i32) (result i32)
        (block $all
            (try_table (catch_all $all) (return (call $to_function (local.get 0) (local.get 1)))))
        (i32.const -1))
    (func $to_memory (param $depth i32) (result i64 i64 i64 i64 i64 i64 i64 f64)
        (try_table (catch $wide 0) (drop (call $deep (local.get $depth) (i32.const 5))))
        unreachable)
    (func $to_memory_ref (param $depth i32) (result i64 i64 i64 i64 i64 i64 i64 f64 exnref)
        (try_table (catch_ref $wide 0) (drop (call $deep (local.get $depth) (i32.const 5))))
        unreachable)
    (func (export "to_memory") (param i32 i32) (result i32) (local $sum f64)
        (call $to_memory (local.get 0))
        (f64.mul (f64.const 100)) (local.set $sum)
        i64.sub i64.sub i64.sub i64.sub i64.sub i64.sub
        f64.convert_i64_s (f64.add (local.get $sum)) (local.set $sum)
        (call $to_memory_ref (local.get 0))
        (global.set $last)
        (f64.mul (f64.const 10000)) (f64.add (local.get $sum)) (local.set $sum)
        i64.sub i64.sub i64.sub i64.sub i64.sub i64.sub
        f64.convert_i64_s (f64.add (local.get $sum)) (local.set $sum)
        (i32.add (ref.is_null (global.get $last)) (i32.trunc_f64_s (local.get $sum))))

    ;; A label of a loop, which goes on with what was thrown.
    (func (export "to_loop") (param $n i32) (param $what i32) (result i32) (local $sum i32)
        (i32.const 0)
        (loop $again (param i32)
            (local.set $sum (i32.add (local.get $sum)))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (if (i32.le_s (local.get $n) (i32.const 0)) (then (return (local.get $sum))))
            (try_table (catch $int $again) (catch $other $again)
                (drop (call $deep (i32.and (local.get $n) (i32.const 3)) (local.get $what)))
                (throw $int (i32.const 1)))
            unreachable)
        unreachable)
    (func (export "to_loop_many") (param $n i32) (param $what i32) (result i32) (local $sum i32) (local $e exnref)
        (i32.const 0) (ref.null exn)
        (loop $again (param i32 exnref)
            (local.set $e)
            (local.set $sum (i32.add (local.get $sum)))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (if (i32.le_s (local.get $n) (i32.const 0)) (then (return (local.get $sum))))
            (try_table (catch_ref $int $again) (catch_ref $other $again)
                (if (i32.and (i32.eqz (ref.is_null (local.get $e))) (i32.and (local.get $n) (i32.const 1)))
                    (then (throw_ref (local.get $e))))
                (drop (call $deep (i32.and (local.get $n) (i32.const 3)) (local.get $what)))
                (throw $int (local.get $n)))
            unreachable)
        unreachable)

    ;; Thrown where it is caught.
    (func $tiny (param i32) (if (local.get 0) (then (throw $int (local.get 0)))))
    (func (export "same") (param $n i32) (param $what i32) (result i32) (local $x i32) (local $e exnref) (local $i i32)
        (loop $more
            (block $all_ref (result exnref)
                (block $all
                    (block $int (result i32)
                        (block $ref (result i32 exnref)
                            (try_table (catch $int $int) (catch_ref $other $ref) (catch_all $all)
                                (local.set $x (i32.add (local.get $x) (i32.const 1)))
                                (if (i32.eq (local.get $what) (i32.const 1)) (then (throw $none)))
                                (if (i32.eq (local.get $what) (i32.const 2)) (then (throw $int (local.get $i))))
                                (if (i32.eq (local.get $what) (i32.const 3)) (then (throw $other (local.get $i))))
                                (if (i32.eq (local.get $what) (i32.const 4)) (then (call $tiny (i32.add (local.get $i) (i32.const 1)))))
                                (if (i32.eq (local.get $what) (i32.const 5))
                                    (then (try_table (catch_all_ref $all_ref) (throw $int (i32.const 3))))))
                            (br $all))
                        (global.set $last)
                        (local.set $x (i32.add (local.get $x)))
                        (br $all_ref (global.get $last)))
                    (local.set $x (i32.add (local.get $x) (i32.mul (i32.const 3))))
                    (br $all))
                (ref.null exn))
            (local.set $e)
            (local.set $x (i32.add (local.get $x) (i32.shl (ref.is_null (local.get $e)) (i32.const 10))))
            (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
        (local.get $x))

    ;; Through tail calls and tables, and thrown again.
    (func $tail (param $n i32) (param $what i32) (result i32)
        (if (i32.eqz (local.get $n)) (then (return_call $deep (i32.const 2) (local.get $what))))
        (return_call $tail (i32.sub (local.get $n) (i32.const 1)) (local.get $what)))
    (func $again (param $n i32) (param $what i32) (result i32) (local $e exnref)
        (block $ref (result exnref)
            (try_table (result i32) (catch_all_ref $ref)
                (call $tail (local.get $n) (local.get $what)))
            (return))
        (local.set $e)
        (table.set $kept (i32.and (local.get $n) (i32.const 3)) (local.get $e))
        (throw_ref (table.get $kept (i32.and (local.get $n) (i32.const 3)))))
    (func (export "again") (param $n i32) (param $what i32) (result i32) (local $i i32)
        (block $int (result i32)
            (block $all
                (try_table (result i32) (catch $other $int) (catch $int $int) (catch_all $all)
                    (call $again (local.get $n) (local.get $what)))
                (br $int))
            (i32.const -9))
        (block $thrown (result i32)
            (try_table (result i32) (catch $int $thrown)
                (call_indirect $funcs (type $result) (i32.const 1))))
        (i32.add)))"#;

/// What they return for each thing that is thrown and the numbers 0, 1 and 20; nothing if an exception leaves them.
const RESULTS: [(&str, [Option<i32>; 18]); 8] = [
    (
        "catch",
        [
            Some(1011109),
            Some(1011111),
            Some(1011339),
            Some(11106),
            Some(11107),
            Some(11126),
            Some(11161),
            Some(11162),
            Some(11181),
            Some(11108),
            Some(11109),
            Some(11128),
            Some(10213),
            Some(10214),
            Some(10233),
            Some(11110),
            Some(11111),
            Some(11130),
        ],
    ),
    (
        "nested",
        [
            Some(3001),
            Some(3002),
            Some(3211),
            Some(500001),
            Some(500001),
            Some(500001),
            Some(3044),
            Some(3044),
            Some(3044),
            Some(3046),
            Some(3046),
            Some(3046),
            Some(500004),
            Some(500004),
            Some(500004),
            Some(500005),
            Some(500005),
            Some(500005),
        ],
    ),
    (
        "to_function",
        [
            Some(1),
            Some(2),
            Some(211),
            Some(-1),
            Some(-1),
            Some(-1),
            Some(42),
            Some(42),
            Some(42),
            Some(43),
            Some(43),
            Some(43),
            Some(-1),
            Some(-1),
            Some(-1),
            Some(-1),
            Some(-1),
            Some(-1),
        ],
    ),
    (
        "to_memory",
        [
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
            Some(80808),
        ],
    ),
    (
        "to_loop",
        [
            Some(0),
            Some(0),
            Some(19),
            Some(0),
            Some(0),
            None,
            Some(0),
            Some(0),
            Some(798),
            Some(0),
            Some(0),
            Some(817),
            Some(0),
            Some(0),
            None,
            Some(0),
            Some(0),
            None,
        ],
    ),
    (
        "to_loop_many",
        [
            Some(0),
            Some(0),
            Some(199),
            Some(0),
            Some(0),
            None,
            Some(0),
            Some(0),
            Some(798),
            Some(0),
            Some(0),
            Some(817),
            Some(0),
            Some(0),
            None,
            Some(0),
            Some(0),
            None,
        ],
    ),
    (
        "same",
        [
            Some(1025),
            Some(1025),
            Some(20500),
            Some(1025),
            Some(1025),
            Some(20500),
            Some(1027),
            Some(1027),
            Some(334123058),
            Some(1),
            Some(1),
            Some(210),
            Some(1028),
            Some(1028),
            Some(2077515258),
            Some(1),
            Some(1),
            Some(20),
        ],
    ),
    (
        "again",
        [
            Some(9),
            Some(9),
            Some(9),
            Some(-4),
            Some(-4),
            Some(-4),
            Some(47),
            Some(47),
            Some(47),
            Some(48),
            Some(48),
            Some(48),
            Some(-4),
            Some(-4),
            Some(-4),
            Some(-4),
            Some(-4),
            Some(-4),
        ],
    ),
];

#[test]
fn exceptions_are_caught_with_all_that_was_there_before() {
    with_instance(EVERYTHING, |store, instance| {
        for (name, expected) in RESULTS {
            let func = instance.get_typed_func::<(i32, i32), i32>(&mut *store, name)?;
            let mut expected = expected.into_iter();
            for what in 0..6 {
                for number in [0, 1, 20] {
                    let expected = expected.next().expect("three for each");
                    let outcome = func.call(&mut *store, (number, what));
                    let thrown = outcome
                        .as_ref()
                        .err()
                        .is_some_and(|e| e.is::<ThrownException>());
                    assert_eq!(
                        thrown,
                        expected.is_none(),
                        "{name} {number} {what}: {outcome:?}"
                    );
                    assert_eq!(outcome.ok(), expected, "{name} {number} {what}");
                    assert_eq!(store.take_pending_exception().is_some(), thrown);
                }
            }
        }
        Ok(())
    });
}

/// The same while the collector runs wherever it may.
#[test]
fn exceptions_are_caught_while_objects_move() -> Result<()> {
    for (strategy, zealous) in [
        (Strategy::Winch, true),
        (Strategy::Winch, false),
        (Strategy::Cranelift, true),
        (Strategy::Cranelift, false),
    ] {
        let mut config = Config::new();
        config.strategy(strategy);
        match zealous {
            true => config.gc_zeal_alloc_counter(Some(std::num::NonZeroU32::MIN)),
            false => config.gc_stress(true),
        };
        let engine = Engine::new(&config)?;
        let module = Module::new(&engine, EVERYTHING)?;
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[])?;
        for (name, expected) in RESULTS {
            let func = instance.get_typed_func::<(i32, i32), i32>(&mut store, name)?;
            for (i, expected) in expected.into_iter().enumerate() {
                let number = [0, 1, 20][i % 3];
                let outcome = func.call(&mut store, (number, i as i32 / 3));
                assert_eq!(outcome.ok(), expected, "{name} {number} {}", i / 3);
            }
        }
    }
    Ok(())
}

/// The same from an image that was written and loaded again.
#[test]
fn exceptions_are_caught_in_images() -> Result<()> {
    let engine = Engine::default();
    let image = Module::new(&engine, EVERYTHING)?.serialize()?;
    // SAFETY: it was just made.
    let module = unsafe { Module::deserialize(&engine, &image)? };
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    for (name, expected) in RESULTS {
        let func = instance.get_typed_func::<(i32, i32), i32>(&mut store, name)?;
        for (i, expected) in expected.into_iter().enumerate() {
            let number = [0, 1, 20][i % 3];
            let outcome = func.call(&mut store, (number, i as i32 / 3));
            assert_eq!(outcome.ok(), expected, "{name} {number} {}", i / 3);
        }
    }
    Ok(())
}

#[test]
fn uncaught_exceptions_are_errors_with_a_backtrace() {
    let text = r#"(module
        (tag $t (export "t") (param i32 i64))
        (tag $u)
        (func $throw (param i32) (throw $t (local.get 0) (i64.const 5)))
        (func $middle (param i32) (call $throw (local.get 0)))
        (func $outer (export "outer") (param i32)
            (block $caught (try_table (catch $u $caught) (nop)))
            (call $middle (local.get 0))))"#;
    with_instance(text, |store, instance| {
        let tag = instance.get_tag(&mut *store, "t").expect("it is exported");
        let outer = instance.get_typed_func::<i32, ()>(&mut *store, "outer")?;
        for i in 0..10 {
            let error = outer.call(&mut *store, i).unwrap_err();
            assert!(error.is::<ThrownException>(), "{error:?}");
            assert_eq!(error.root_cause().to_string(), ThrownException.to_string());
            let backtrace = error.downcast_ref::<WasmBacktrace>().expect("a backtrace");
            let names: Vec<_> = (backtrace.frames().iter())
                .map(|frame| frame.func_name().unwrap_or("?"))
                .collect();
            assert_eq!(names, ["throw", "middle", "outer"]);
            assert!(store.has_pending_exception());
            let exception = store.take_pending_exception().expect("one waits");
            assert!(!store.has_pending_exception());
            assert!(Tag::eq(&exception.tag(&mut *store)?, &tag, &*store));
            assert_eq!(exception.field(&mut *store, 0)?.unwrap_i32(), i);
            let fields: Vec<Val> = exception.fields(&mut *store)?.collect();
            assert_eq!(fields.len(), 2);
            assert_eq!(fields[1].unwrap_i64(), 5);
            assert!(exception.field(&mut *store, 2).is_err());
        }
        Ok(())
    });
}

#[test]
fn traps_and_errors_are_not_caught() {
    let text = r#"(module
        (import "" "fail" (func $fail))
        (func $recurse (call $recurse))
        (func (export "run") (param $what i32) (result i32)
            (block $all
                (try_table (catch_all $all)
                    (if (i32.eq (local.get $what) (i32.const 0)) (then (unreachable)))
                    (if (i32.eq (local.get $what) (i32.const 1))
                        (then (drop (i32.div_u (i32.const 1) (i32.const 0)))))
                    (if (i32.eq (local.get $what) (i32.const 2)) (then (call $recurse)))
                    (if (i32.eq (local.get $what) (i32.const 3)) (then (throw_ref (ref.null exn))))
                    (if (i32.eq (local.get $what) (i32.const 4)) (then (call $fail)))
                    (return (i32.const 1))))
            (i32.const 2)))"#;
    for (name, engine) in engines() {
        let module = Module::new(&engine, text).unwrap();
        let mut store = Store::new(&engine, ());
        let fail = Func::wrap(&mut store, || -> Result<()> { bail!("on purpose") });
        let instance = Instance::new(&mut store, &module, &[fail.into()]).unwrap();
        let run = (instance.get_typed_func::<i32, i32>(&mut store, "run")).unwrap();
        assert_eq!(run.call(&mut store, 9).unwrap(), 1, "{name}");
        let traps = [
            Trap::UnreachableCodeReached,
            Trap::IntegerDivisionByZero,
            Trap::StackOverflow,
            Trap::NullReference,
        ];
        for (what, trap) in traps.into_iter().enumerate() {
            let error = run.call(&mut store, what as i32).unwrap_err();
            assert_eq!(error.downcast_ref::<Trap>(), Some(&trap), "{name}");
        }
        let error = run.call(&mut store, 4).unwrap_err();
        assert_eq!(error.root_cause().to_string(), "on purpose", "{name}");
        assert!(!store.has_pending_exception());
    }
}

/// A module throws, another lets it pass, a third catches it, with host functions in between that do the same.
#[test]
fn exceptions_cross_modules_and_host_functions() -> Result<()> {
    let thrower = r#"(module
        (tag $t (export "t") (param i32))
        (func (export "throw") (param i32) (throw $t (local.get 0))))"#;
    let passer = r#"(module
        (import "thrower" "throw" (func $throw (param i32)))
        (import "host" "call" (func $call (param funcref i32)))
        (tag $own (param i32))
        (func $pass (export "pass") (param i32)
            (block $other (result i32)
                (try_table (catch $own $other) (call $throw (local.get 0)))
                (return))
            unreachable)
        (func (export "through") (param i32) (call $call (ref.func $pass) (local.get 0))))"#;
    let catcher = r#"(module
        (import "thrower" "t" (tag $t (param i32)))
        (import "thrower" "t" (tag $same (param i32)))
        (import "passer" "pass" (func $pass (param i32)))
        (import "passer" "through" (func $through (param i32)))
        (import "host" "throw" (func $throw (param i32)))
        (import "host" "catch" (func $catch (param funcref i32) (result i32)))
        (tag $own (param i32))
        (elem declare func $throw $through)
        (func $catches (param $which i32) (param $value i32) (result i32)
            (block $mine (result i32)
                (block $theirs (result i32)
                    (try_table (catch $own $mine) (catch $same $theirs)
                        (if (i32.eq (local.get $which) (i32.const 0)) (then (call $pass (local.get $value))))
                        (if (i32.eq (local.get $which) (i32.const 1)) (then (call $through (local.get $value))))
                        (if (i32.eq (local.get $which) (i32.const 2)) (then (call $throw (local.get $value))))
                        (if (i32.eq (local.get $which) (i32.const 3)) (then (throw $t (local.get $value))))
                        (if (i32.eq (local.get $which) (i32.const 4)) (then (throw $own (local.get $value)))))
                    (return (i32.const -1)))
                (return (i32.mul (i32.const 2))))
            (i32.mul (i32.const 3)))
        (func (export "catches") (param i32 i32) (result i32) (call $catches (local.get 0) (local.get 1)))
        (func (export "host_catches") (param i32) (result i32)
            (i32.add (call $catch (ref.func $throw) (local.get 0)) (call $catch (ref.func $through) (local.get 0))))
        (func (export "nobody") (param i32) (call $through (local.get 0))))"#;
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        linker.module(&mut store, "thrower", &Module::new(&engine, thrower)?)?;
        let tag = linker.get(&mut store, "thrower", "t")?.into_tag().unwrap();
        linker.func_wrap(
            "host",
            "call",
            |mut caller: Caller<'_, ()>, func: Option<Func>, x: i32| {
                let func = func.expect("not null");
                func.typed::<i32, ()>(&caller)?.call(&mut caller, x)
            },
        )?;
        linker.func_wrap(
            "host",
            "throw",
            move |mut caller: Caller<'_, ()>, x: i32| -> Result<()> {
                let ty = ExnType::from_tag_type(&tag.ty(&caller))?;
                let pre = ExnRefPre::new(&mut caller, ty);
                let exception = ExnRef::new(&mut caller, &pre, &tag, &[Val::I32(x)])?;
                caller.as_context_mut().throw(exception)
            },
        )?;
        linker.func_wrap(
            "host",
            "catch",
            |mut caller: Caller<'_, ()>, func: Option<Func>, x: i32| -> Result<i32> {
                let func = func.expect("not null").typed::<i32, ()>(&caller)?;
                let error = func.call(&mut caller, x).unwrap_err();
                assert!(error.is::<ThrownException>(), "{error:?}");
                let exception = caller.as_context_mut().take_pending_exception();
                let value = exception.expect("one waits").field(&mut caller, 0)?;
                Ok(value.unwrap_i32())
            },
        )?;
        linker.module(&mut store, "passer", &Module::new(&engine, passer)?)?;
        let instance = linker.instantiate(&mut store, &Module::new(&engine, catcher)?)?;
        let catches = instance.get_typed_func::<(i32, i32), i32>(&mut store, "catches")?;
        for round in 0..5 {
            for (which, factor) in [(0, 2), (1, 2), (2, 2), (3, 2), (4, 3)] {
                let came = catches.call(&mut store, (which, 7 + round))?;
                assert_eq!(came, factor * (7 + round), "{name} {which}");
            }
            assert_eq!(catches.call(&mut store, (5, 7))?, -1, "{name}");
        }
        let host_catches = instance.get_typed_func::<i32, i32>(&mut store, "host_catches")?;
        assert_eq!(host_catches.call(&mut store, 9)?, 18, "{name}");
        assert!(!store.has_pending_exception());

        let nobody = instance.get_typed_func::<i32, ()>(&mut store, "nobody")?;
        let error = nobody.call(&mut store, 9).unwrap_err();
        assert!(error.is::<ThrownException>(), "{name}: {error:?}");
        let exception = store.take_pending_exception().expect("one waits");
        assert_eq!(exception.field(&mut store, 0)?.unwrap_i32(), 9);
        // Without an exception that waits, the error is like any other.
        let stale = Func::wrap(&mut store, || -> Result<()> { Err(ThrownException.into()) });
        let error = stale.call(&mut store, &[], &mut []).unwrap_err();
        assert!(error.is::<ThrownException>() && !store.has_pending_exception());
    }
    Ok(())
}

#[test]
fn panics_pass_what_catches_all() {
    let text = r#"(module (import "" "panic" (func $panic))
        (func (export "run") (block $all (try_table (catch_all $all) (call $panic)))))"#;
    for (name, engine) in engines() {
        let module = Module::new(&engine, text).unwrap();
        let mut store = Store::new(&engine, ());
        let panic = Func::wrap(&mut store, || -> () { panic!("on purpose") });
        let instance = Instance::new(&mut store, &module, &[panic.into()]).unwrap();
        let run = (instance.get_typed_func::<(), ()>(&mut store, "run")).unwrap();
        let call = std::panic::AssertUnwindSafe(|| run.call(&mut store, ()));
        let payload = std::panic::catch_unwind(call).unwrap_err();
        assert_eq!(
            payload.downcast_ref::<&str>(),
            Some(&"on purpose"),
            "{name}"
        );
    }
}

/// References to exceptions keep them, and what they carry, while the collector moves things.
#[test]
fn exceptions_survive_collections() {
    let text = r#"(module
        (import "" "collect" (func $collect))
        (tag $t (param i32 externref exnref))
        (global $g (mut exnref) (ref.null exn))
        (table $kept 64 exnref)
        (func $deep (param $n i32) (param $e externref) (param $before exnref)
            (call $collect)
            (if (i32.eqz (local.get $n)) (then (throw $t (i32.const 1) (local.get $e) (local.get $before))))
            (call $deep (i32.sub (local.get $n) (i32.const 1)) (local.get $e) (local.get $before))
            (drop (ref.is_null (local.get $before))))
        (func (export "run") (param $n i32) (param $e externref) (result i32 externref)
            (local $i i32) (local $x exnref) (local $sum i32) (local $found externref)
            (loop $more
                (local.set $x (call $catch (i32.and (local.get $i) (i32.const 7)) (local.get $e) (local.get $x)))
                (table.set $kept (i32.and (local.get $i) (i32.const 63)) (local.get $x))
                (global.set $g (local.get $x))
                (call $collect)
                (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
            ;; Take apart the chain.
            (loop $more
                (block $thrown (result i32 externref exnref)
                    (try_table (catch $t $thrown) (throw_ref (local.get $x)))
                    unreachable)
                (local.set $x)
                (local.set $found)
                (local.set $sum (i32.add (local.get $sum)))
                (call $collect)
                (br_if $more (i32.eqz (ref.is_null (local.get $x)))))
            (local.get $sum) (local.get $found))
        (func $catch (param $n i32) (param $e externref) (param $before exnref) (result exnref)
            (block $caught (result i32 externref exnref exnref)
                (try_table (catch_ref $t $caught) (call $deep (local.get $n) (local.get $e) (local.get $before)))
                unreachable)
            (global.set $g)
            (drop) (drop) (drop)
            (global.get $g)))"#;
    for (name, engine) in engines() {
        let run = || -> Result<()> {
            let module = Module::new(&engine, text)?;
            let mut store = Store::new(&engine, 0_u32);
            let collect = Func::wrap(&mut store, |mut caller: Caller<'_, u32>| {
                *caller.data_mut() += 1;
                if caller.data().is_multiple_of(7) {
                    caller.as_context_mut().gc(None)?;
                }
                Ok(())
            });
            let instance = Instance::new(&mut store, &module, &[collect.into()])?;
            type Results = (i32, Option<Rooted<ExternRef>>);
            let run = instance
                .get_typed_func::<(i32, Option<Rooted<ExternRef>>), Results>(&mut store, "run")?;
            let value = ExternRef::new(&mut store, "kept")?;
            let (sum, found) = run.call(&mut store, (200, Some(value)))?;
            assert_eq!(sum, 200);
            let found = found.expect("not null");
            let data = found.data(&store)?.expect("a value of the host's");
            assert_eq!(data.downcast_ref::<&str>(), Some(&"kept"));
            Ok(())
        };
        run().unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

#[test]
fn many_throws_leave_nothing_behind() {
    let text = r#"(module
        (tag $t (param i64))
        (func $throw (param i64) (throw $t (local.get 0)))
        (func (export "run") (param $n i64) (result i64) (local $sum i64)
            (loop $more
                (block $caught (result i64)
                    (try_table (catch $t $caught) (call $throw (local.get $n)))
                    unreachable)
                (local.set $sum (i64.add (local.get $sum)))
                (br_if $more (i32.eqz (i64.eqz (local.tee $n (i64.sub (local.get $n) (i64.const 1)))))))
            (local.get $sum)))"#;
    with_instance(text, |store, instance| {
        let run = instance.get_typed_func::<i64, i64>(&mut *store, "run")?;
        let n = 100_000;
        for _ in 0..3 {
            assert_eq!(run.call(&mut *store, n)?, n * (n + 1) / 2);
        }
        Ok(())
    });
}

#[test]
fn tags_are_told_apart_and_checked_when_linked() -> Result<()> {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = TagType::new(FuncType::new(&engine, [ValType::I32], []));
    let (a, b) = (Tag::new(&mut store, &ty)?, Tag::new(&mut store, &ty)?);
    assert!(Tag::eq(&a, &a, &store) && !Tag::eq(&a, &b, &store));
    assert!(FuncType::eq(a.ty(&store).ty(), ty.ty()));
    let with_results = TagType::new(FuncType::new(&engine, [], [ValType::I32]));
    assert!(Tag::new(&mut store, &with_results).is_err());
    assert!(ExnType::from_tag_type(&with_results).is_err());

    let text = r#"(module
        (import "" "a" (tag $a (param i32))) (import "" "b" (tag $b (param i32)))
        (export "a" (tag $a))
        (func (export "which") (param i32) (result i32)
            (block $a (result i32)
                (block $b (result i32)
                    (try_table (catch $a $a) (catch $b $b)
                        (if (local.get 0) (then (throw $a (i32.const 1))) (else (throw $b (i32.const 2)))))
                    (return (i32.const 0)))
                (return (i32.add (i32.const 10))))
            (i32.add (i32.const 20))))"#;
    let module = Module::new(&engine, text)?;
    for ((first, second), [one, other]) in [((a, b), [21, 12]), ((a, a), [21, 22])] {
        let instance = Instance::new(&mut store, &module, &[first.into(), second.into()])?;
        let which = instance.get_typed_func::<i32, i32>(&mut store, "which")?;
        assert_eq!(which.call(&mut store, 1)?, one);
        assert_eq!(which.call(&mut store, 0)?, other);
        let exported = instance.get_tag(&mut store, "a").expect("it is exported");
        assert!(Tag::eq(&exported, &a, &store));
    }
    let other = TagType::new(FuncType::new(&engine, [ValType::I64], []));
    let other = Tag::new(&mut store, &other)?;
    let error = Instance::new(&mut store, &module, &[a.into(), other.into()]).unwrap_err();
    assert!(format!("{error:#}").contains("tag"), "{error:#}");
    let func = Func::wrap(&mut store, || ());
    let error = Instance::new(&mut store, &module, &[a.into(), func.into()]).unwrap_err();
    assert!(format!("{error:#}").contains("expected tag"), "{error:#}");
    Ok(())
}

/// What a few bytes ask for in many clauses is bounded, and what is thrown there finds its own all the same.
#[test]
fn many_clauses_and_wide_exceptions() -> Result<()> {
    let tags: String = (0..200)
        .map(|i| format!("(tag $t{i} (param i32))"))
        .collect();
    let clauses: String = (0..200).map(|i| format!("(catch $t{i} $l)")).collect();
    let text = format!(
        r#"(module {tags}
        (func $throw (throw $t199 (i32.const 7)))
        (func (export "run") (param i32) (result i32)
            (block $l (result i32)
                (try_table {clauses}
                    (if (local.get 0) (then (throw $t198 (i32.const 5))))
                    (call $throw))
                unreachable)))"#
    );
    with_instance(&text, |store, instance| {
        let run = instance.get_typed_func::<i32, i32>(&mut *store, "run")?;
        assert_eq!(run.call(&mut *store, 1)?, 5);
        assert_eq!(run.call(&mut *store, 0)?, 7);
        Ok(())
    });
    // Each clause takes a thousand values.
    let wide = "(param ".to_string() + &"i64 ".repeat(1000) + ")";
    let results = wide.replace("param", "result");
    let tags: String = (0..9000)
        .map(|i| format!("(tag $t{i} (type $wide))"))
        .collect();
    let clauses: String = (0..9000).map(|i| format!("(catch $t{i} $l)")).collect();
    let text = format!(
        r#"(module (import "" "f" (func $f)) (type $wide (func {wide})) {tags}
        (func (export "run") {results} (block $l {results} (try_table {clauses} (call $f)) unreachable)))"#
    );
    let mut config = Config::new();
    config.strategy(Strategy::Cranelift);
    let error = Module::new(&Engine::new(&config)?, &text).unwrap_err();
    assert!(format!("{error:#}").contains("limit"), "{error:#}");
    Ok(())
}
