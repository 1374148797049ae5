//! Functions and loops that move from one tier to the other while they run. `engines` has engines that
//! do that at once and at random; results must not show it.

use crate::{engines, with_instance};
use mainspring::*;
use std::time::{Duration, Instant};

/// A loop with locals of every type, operands below it and parameters, in an arm of an `if` in
/// another loop, in a function with arguments on the stack and results in memory.
const EVERYTHING: &str = r#"(module
    (memory (export "memory") 1)
    (global $calls (mut i32) (i32.const 0))
    (table $t 2 funcref)
    (elem (table $t) (i32.const 0) func $next $next)
    (func $next (param i64) (result i64) (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (i64.mul (i64.add (local.get 0) (i64.const 1)) (i64.const 6364136223846793005)))
    (type $next (func (param i64) (result i64)))
    (func $mix
        (param $n i32) (param i64 i64 i64 i64 i64) (param $stacked i64) (param $also f64)
        (param f64 f64 f64 f64 f64 f64 f64) (param $late f64) (param $latest f32)
        (result i32 i64 f32 f64 i64 i64 i64 i64 i64 i32)
        (local $i i32) (local $j i32) (local $x i64) (local $f f32) (local $d f64) (local $v v128) (local $r funcref) (local $e externref)
        (local.set $r (ref.func $mix))
        (local.set $x (local.get $stacked))
        (i64.const 77)
        (f64.const 0.5)
        (v128.const i32x4 1 2 3 4)
        (loop $outer (param i64 f64 v128) (result i64 f64 v128)
            local.set $v
            (f64.add (local.get $late))
            (local.get $v)
            (i64x2.splat (local.get $x))
            i32x4.add
            (if (result i32) (i32.and (local.get $i) (i32.const 1))
                (then
                    (i32.const 5)
                    (f32.const 1.25)
                    (loop $inner (param i32 f32) (result i32 f32)
                        local.set $f
                        (i32.add (local.get $j))
                        (f32.add (local.get $f) (f32.const 0.25))
                        (local.set $x (call_indirect $t (type $next) (local.get $x) (i32.and (local.get $j) (i32.const 1))))
                        (i64.store (i32.shl (i32.and (local.get $j) (i32.const 7)) (i32.const 3)) (local.get $x))
                        (local.set $j (i32.add (local.get $j) (i32.const 1)))
                        (br_if $inner (i32.rem_u (local.get $j) (i32.const 13))))
                    local.set $f)
                (else
                    (block (result i32)
                        (i32.const 3)
                        (loop $other
                            (local.set $d (f64.add (local.get $d) (f64.convert_i32_s (local.get $j))))
                            (local.set $j (i32.add (local.get $j) (i32.const 3)))
                            (br_if 1 (i32.const 9) (i32.gt_u (local.get $j) (i32.const 100000)))
                            drop
                            (br_if $other (i32.rem_u (local.get $j) (i32.const 5)))))))
            (local.set $j (i32.add (local.get $j)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $outer (i32.lt_u (local.get $i) (local.get $n))))
        local.set $v
        local.set $d
        local.set $x
        (i32.add (local.get $j) (i32.and (ref.is_null (local.get $r)) (ref.is_null (local.get $e))))
        (i64.add (local.get $x) (i64x2.extract_lane 1 (local.get $v)))
        (f32.add (local.get $f) (local.get $latest))
        (local.get $d)
        (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get $stacked)
        (global.get $calls))
    (func (export "mix") (param $n i32) (result i32 i64 f32 f64 i64 i64 i64 i64 i64 i32)
        (call $mix (local.get $n) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)
            (f64.const 1) (f64.const 2) (f64.const 3) (f64.const 4) (f64.const 5) (f64.const 6) (f64.const 7) (f64.const 8)
            (f64.const 9) (f32.const 10)))
    (func $sum (param $n i32) (result i32) (local $s i32)
        (loop $again
            (local.set $s (i32.add (local.get $s) (local.get $n)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $s)
    (func $recurse (export "recurse") (param $depth i32) (result i32) (local $i i32) (local $s i32)
        (loop $again
            (if (local.get $depth)
                (then (local.set $s (i32.add (local.get $s) (call $recurse (i32.sub (local.get $depth) (i32.const 1)))))))
            (local.set $s (i32.add (local.get $s) (call $sum (i32.const 3))))
            (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4))))
        local.get $s)
    (func $tail (param $n i32) (param $acc i32) (result i32)
        (loop $spin
            (local.set $acc (i32.add (local.get $acc) (i32.const 1)))
            (br_if $spin (i32.and (local.get $acc) (i32.const 3))))
        (if (i32.eqz (local.get $n)) (then (return (local.get $acc))))
        (return_call $tail (i32.sub (local.get $n) (i32.const 1)) (local.get $acc)))
    (func (export "tail") (param i32) (result i32) (call $tail (local.get 0) (i32.const 0)))
    (func $fail (export "fail") (param $n i32) (result i32)
        (loop $again
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br_if $again (i32.div_s (i32.const 100) (local.get $n))))
        local.get $n)
    (func (export "grow") (param $n i32) (result i32) (local $s i32)
        (loop $again
            (drop (memory.grow (i32.const 1)))
            (i32.store (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 4)) (local.get $n))
            (local.set $s (i32.add (local.get $s) (i32.load (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 4)))))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $s)
    (elem declare func $mix))"#;

fn results_of(engine: &Engine, calls: &[(&str, i32)]) -> Vec<String> {
    let module = Module::new(engine, EVERYTHING).unwrap();
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let mut all = Vec::new();
    for &(name, argument) in calls {
        let func = instance.get_func(&mut store, name).unwrap();
        let mut results = vec![Val::I32(0); func.ty(&store).results().len()];
        let outcome = func.call(&mut store, &[Val::I32(argument)], &mut results);
        all.push(match outcome {
            Ok(()) => format!("{name}: {results:?}"),
            Err(error) => format!("{name}: {error:?}"),
        });
    }
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    all.push(format!("{:?}", &memory.data(&store)[..64]));
    all
}

#[test]
fn results_do_not_depend_on_tiers() {
    let calls = [
        ("mix", 1),
        ("mix", 40),
        ("recurse", 4),
        ("tail", 1000),
        ("fail", 50),
        ("grow", 20),
        ("mix", 7),
        ("fail", 9),
    ];
    let mut expected = None;
    for (name, engine) in engines() {
        let found = results_of(&engine, &calls);
        let expected = expected.get_or_insert_with(|| found.clone());
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found, expected, "{name}");
        }
    }
}

#[test]
fn stress_moves_functions_and_loops() {
    let moves = |stress| {
        let engine = Engine::new(Config::new().tier_stress(Some(stress))).unwrap();
        for _ in 0..5 {
            results_of(&engine, &[("mix", 40), ("recurse", 4), ("tail", 100)]);
        }
        engine.statistics()
    };
    let functions = moves(TierStress::TierUp);
    assert!(functions.tier_ups > 0, "{functions:?}");
    let loops = moves(TierStress::OnStackReplacement);
    assert!(
        loops.loops_optimized > 0 && loops.replacements >= loops.loops_optimized,
        "{loops:?}"
    );
}

#[test]
fn hot_code_is_optimized_in_the_background() {
    let engine = Engine::default();
    let before = engine.statistics();
    let mut store = Store::new(&engine, ());
    let module = Module::new(
        &engine,
        r#"(module (global $stop (export "stop") (mut i32) (i32.const 0))
            (func (export "spin") (param $n i32) (result i32) (local $s i32)
                (loop $again
                    (local.set $s (i32.add (local.get $s) (local.get $n)))
                    (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                local.get $s))"#,
    )
    .unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let spin = instance
        .get_typed_func::<i32, i32>(&mut store, "spin")
        .unwrap();
    let started = Instant::now();
    while engine.statistics().replacements == before.replacements {
        assert_eq!(spin.call(&mut store, 1_000_000).unwrap(), 1_784_293_664);
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{:?}",
            engine.statistics()
        );
    }
    let after = engine.statistics();
    assert_eq!(after.baseline.functions, 1);
    assert_eq!(after.loops_optimized, 1);
}

#[test]
fn a_trap_in_a_replaced_frame_is_where_it_is() {
    with_instance(EVERYTHING, |store, instance| {
        let fail = instance.get_typed_func::<i32, i32>(&mut *store, "fail")?;
        let error = fail.call(&mut *store, 30).unwrap_err();
        assert_eq!(
            error.downcast_ref::<Trap>(),
            Some(&Trap::IntegerDivisionByZero)
        );
        let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
        assert_eq!(backtrace.frames().len(), 1);
        assert_eq!(backtrace.frames()[0].func_name(), Some("fail"));
        Ok(())
    });
}

/// Threads that share a module optimize it together.
#[test]
fn threads_move_at_the_same_time() {
    for (name, engine) in engines() {
        let module = Module::new(&engine, EVERYTHING).unwrap();
        let run = || {
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let recurse = instance
                .get_typed_func::<i32, i32>(&mut store, "recurse")
                .unwrap();
            recurse.call(&mut store, 5).unwrap()
        };
        let expected = run();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), expected, "{name}");
            }
        });
    }
}

/// Engines go away while their threads have work to do, and take nothing along.
#[test]
fn engines_end_while_code_is_being_optimized() {
    for round in 0..100 {
        let mut config = Config::new();
        config.optimizing_threads(1 + round % 3);
        let engine = Engine::new(&config).unwrap();
        let mut store = Store::new(&engine, ());
        let modules: Vec<_> = (0..3)
            .map(|_| Module::new(&engine, EVERYTHING).unwrap())
            .collect();
        for module in &modules {
            let instance = Instance::new(&mut store, module, &[]).unwrap();
            let recurse = instance
                .get_typed_func::<i32, i32>(&mut store, "recurse")
                .unwrap();
            recurse.call(&mut store, 6).unwrap();
        }
        drop(engine);
        drop(store);
    }
}

/// The last to hold a module may be a thread that optimizes it. What was learned is in the cache
/// after a flush all the same: a process may end then.
#[test]
fn flushing_waits_for_modules_that_are_going() {
    let place = tempfile::tempdir().unwrap();
    let mut text = String::from("(module");
    for n in 0..300 {
        let steps = "(local.set 0 (i32.mul (i32.add (local.get 0) (i32.const 77)) (i32.const 5)))";
        text += &format!("(func $f{n} (param i32) {})", steps.repeat(40));
    }
    text += r#"(func (export "run") (local $n i32) (local.set $n (i32.const 2000))"#;
    text.extend((0..300).map(|n| format!("(call $f{n} (i32.const 1))")));
    // Long enough that some of these are being optimized at the end.
    text += "(loop";
    text.extend((0..20).map(|n| format!("(call $f{n} (i32.const 1))")));
    text += "(br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))";
    let binary = wat::parse_str(text).unwrap();
    let mut config = CacheConfig::new();
    config.with_directory(place.path());
    let cache = Cache::new(config).unwrap();
    for round in 0..200 {
        let engine = Engine::new(Config::new().cache(Some(cache.clone()))).unwrap();
        {
            // With a custom section, it is another module.
            let module = Module::new(&engine, [&binary[..], &[0, 2, 0, round]].concat()).unwrap();
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let run = instance.get_typed_func::<(), ()>(&mut store, "run");
            run.unwrap().call(&mut store, ()).unwrap();
        }
        std::thread::sleep(Duration::from_micros(u64::from(round) * 10));
        engine.flush_cache();
        let entries = std::fs::read_dir(place.path()).unwrap().filter(|file| {
            let name = file.as_ref().unwrap().file_name();
            assert!(!name.to_string_lossy().starts_with("tmp-"), "round {round}");
            name.len() == 64
        });
        assert_eq!(entries.count(), usize::from(round) + 1);
    }
}

/// A module that can't be remembered now may be later.
#[test]
fn what_could_not_be_stored_is_stored_later() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("cache");
    let mut config = CacheConfig::new();
    config.with_directory(&directory);
    let cache = Cache::new(config).unwrap();
    let engine = Engine::new(Config::new().cache(Some(cache))).unwrap();
    let text = r#"(module (func (export "f") (result i32) (i32.const 7)))"#;
    let module = Module::new(&engine, text).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
    assert_eq!(f.call(&mut store, ()).unwrap(), 7);

    std::fs::remove_dir(&directory).unwrap();
    std::fs::write(&directory, "in the way").unwrap();
    engine.flush_cache();
    std::fs::remove_file(&directory).unwrap();
    engine.flush_cache();
    Module::new(&engine, text).unwrap();
    assert_eq!(engine.statistics().cache_hits, 1);
}

#[test]
fn many_loops_one_after_the_other_are_not_all_optimized() {
    const LOOPS: usize = 300;
    let loops: String = (0..LOOPS)
        .map(|n| {
            format!(
                "(local.set $i (i32.const 200000))
                (loop $l{n}
                    (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 31)) (i32.const {n})))
                    (br_if $l{n} (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))"
            )
        })
        .collect();
    let wat = format!(
        r#"(module (func (export "f") (result i32) (local $i i32) (local $x i32) {loops} (local.get $x)))"#
    );
    let mut expected = 0u32;
    for n in 0..LOOPS as u32 {
        for _ in 0..200_000 {
            expected = expected.wrapping_mul(31).wrapping_add(n);
        }
    }
    let engine = Engine::default();
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let func = instance.get_typed_func::<(), u32>(&mut store, "f").unwrap();
    assert_eq!(func.call(&mut store, ()).unwrap(), expected);
    let optimized = engine.statistics().loops_optimized;
    assert!(optimized <= 20, "{optimized} loops were optimized");
}
