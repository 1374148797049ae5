//! Blocks and functions with many results and parameters, and tables with many entries, for which tiers have other ways than
//! for a few.

use crate::{engines, with_instance};
use mainspring::*;

/// The types of so many values.
fn types(count: usize, vectors: bool) -> Vec<&'static str> {
    let all = ["i32", "i64", "f32", "f64", "i32", "v128"];
    let used = if vectors { 6 } else { 5 };
    (0..count).map(|n| all[n % used]).collect()
}

/// A value for each type, made of `$x` in several ways.
fn values(types: &[&str]) -> String {
    let value = |(n, &ty): (usize, &&str)| match (ty, n % 3) {
        ("v128", _) => {
            format!("(i64x2.splat (i64.extend_i32_s (i32.add (local.get $x) (i32.const {n}))))")
        }
        (_, 0) => format!("({ty}.const {n})"),
        ("i32", 1) => "(local.get $x)".to_string(),
        ("i32", _) => format!("(i32.add (local.get $x) (i32.const {n}))"),
        ("i64", _) => format!("(i64.add (i64.extend_i32_s (local.get $x)) (i64.const {n}))"),
        _ => format!("({ty}.add ({ty}.convert_i32_s (local.get $x)) ({ty}.const {n}))"),
    };
    types.iter().enumerate().map(value).collect()
}

/// What `$digest` makes of these values.
fn digest(types: &[&str], x: i64) -> i64 {
    let value = |(n, &ty): (usize, &&str)| match (ty, n as i64 % 3) {
        ("v128", _) => x + n as i64,
        (_, 0) => n as i64,
        ("i32", 1) => x,
        _ => x + n as i64,
    };
    let weighted = types
        .iter()
        .enumerate()
        .map(|(n, ty)| (n as i64 + 1) * value((n, ty)));
    weighted.sum()
}

fn module(types: &[&str]) -> String {
    let list = types.join(" ");
    let (values, drops) = (values(types), "drop ".repeat(types.len()));
    let weighted: String = (types.iter().enumerate())
        .map(|(n, ty)| {
            let value = match *ty {
                "i32" => format!("(i64.extend_i32_s (local.get {n}))"),
                "i64" => format!("(local.get {n})"),
                "v128" => format!("(i64x2.extract_lane 1 (local.get {n}))"),
                float => format!("(i64.trunc_{float}_s (local.get {n}))"),
            };
            format!("(i64.add (i64.mul {value} (i64.const {})))", n + 1)
        })
        .collect();
    format!(
        r#"(module
            (type $to (func (param {list}) (result {list})))
            (func $digest (param {list}) (result i64) (i64.const 0) {weighted})
            (func $same (type $to) {params})
            (func $make (param $x i32) (result {list}) (i64.const 1) (i32.const 2) {values}
                (br_if 0 (i32.and (local.get $x) (i32.const 1)))
                {drops} drop drop (i32.const 3) {values} return)
            (func (export "in place") (param $x i32) (result i64)
                (block (result {list}) {values} (br_if 0 (local.get $x)) {drops} (local.set $x (i32.const 1)) {values})
                call $digest)
            (func (export "moved") (param $x i32) (result i64)
                (i64.const 1000)
                (block (result {list}) (i64.const 5) (i32.add (local.get $x) (i32.const 1)) {values}
                    (br_if 0 (local.get $x)) {drops} (local.set $x (i32.const 1)) {values} (br 0))
                call $digest i64.add)
            (func (export "loop") (param $x i32) (result i64)
                (i64.const 1000) {values}
                (loop (param {list}) (result i64)
                    {drops} (i64.const 77) {values}
                    (br_if 0 (i32.and (i32.lt_s (local.tee $x (i32.add (local.get $x) (i32.const 1))) (i32.const 50))
                        (i32.const 1)))
                    call $digest i64.add)
                i64.add)
            (func (export "call") (param $x i32) (result i64)
                (i64.const 1000)
                (call $same (call $same (call $make (local.get $x))))
                call $digest i64.add)
            (func (export "table") (param $x i32) (result i64)
                (i64.const 1000)
                (block (result {list})
                    (i64.const 2000)
                    (block (result {list})
                        (block (result {list}) (i64.const 3) {values} (br_table 0 1 2 (local.get $x)))
                        call $digest (i64.const 3000) i64.add return)
                    call $digest (i64.add) return)
                call $digest i64.add))"#,
        params = (0..types.len())
            .map(|n| format!("(local.get {n})"))
            .collect::<String>(),
    )
}

#[test]
fn many_values_are_handed_on_as_few_are() {
    for (count, vectors) in [
        (3, false),
        (32, true),
        (33, false),
        (33, true),
        (100, false),
    ] {
        let types = types(count, vectors);
        let wat = module(&types);
        with_instance(&wat, |store, instance| {
            for x in [0, 1, 2, 7] {
                let of = |x: i32| digest(&types, i64::from(x));
                let or_one = if x == 0 { 1 } else { x };
                let table = 1000 * i64::from([3, 2, 1][x.min(2) as usize]) + of(x);
                for (export, expected) in [
                    ("in place", of(or_one)),
                    ("moved", 1000 + of(or_one)),
                    ("loop", 1077 + of(49)),
                    ("call", 1000 + of(x)),
                    ("table", table),
                ] {
                    let func = instance.get_typed_func::<i32, i64>(&mut *store, export)?;
                    let found = func.call(&mut *store, x)?;
                    assert_eq!(found, expected, "{export} of {x}, {count} values");
                }
            }
            Ok(())
        });
    }
}

#[test]
fn long_tables_go_where_they_say() {
    // The label of each entry; an index past the end goes to label 3.
    let label = |index: u32| if index < 5000 { index * 7 / 3 % 3 } else { 3 };
    let entries: String = (0..5000)
        .map(|index| format!("{} ", label(index)))
        .collect();
    let wat = format!(
        r#"(module (func (export "f") (param i32) (result i32)
            (block (block (block (block (br_table {entries} 3 (local.get 0)))
                (return (i32.const 0))) (return (i32.const 1))) (return (i32.const 2))) (i32.const 3)))"#
    );
    with_instance(&wat, |store, instance| {
        let func = instance.get_typed_func::<u32, u32>(&mut *store, "f")?;
        let ends = [1 << 31, u32::MAX, 5000 + (1 << 13)];
        for index in (0..5200).chain(ends) {
            assert_eq!(
                func.call(&mut *store, index)?,
                label(index),
                "entry {index}"
            );
        }
        Ok(())
    });
}

/// What a function that one tier can't make returns, and what was too large for each tier of each engine.
fn one_tier_is_enough(wat: &str, expected: i32, too_large: fn(&Statistics) -> u64) {
    let mut refused = 0;
    for (name, engine) in engines() {
        let run = || -> Result<i32> {
            let module = Module::new(&engine, wat)?;
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[])?;
            let func = instance.get_typed_func::<i32, i32>(&mut store, "f")?;
            func.call(&mut store, 3)
        };
        match run() {
            Ok(found) => assert_eq!(found, expected, "{name}"),
            Err(error) => panic!("{name}: {error:#}"),
        }
        refused += too_large(&engine.statistics());
    }
    assert!(refused > 0, "it was not too large for any tier");
}

#[test]
fn what_is_too_large_for_the_optimizing_tier_is_compiled_by_the_baseline_tier() {
    let blocks: String = (0..15_000)
        .map(|n| {
            let local = n % 20_000 + 1;
            format!("(block (br_if 0 (local.get 0)) (local.set {local} (i32.const {n})))")
        })
        .collect();
    let locals = "i32 ".repeat(20_000);
    let wat = format!(
        r#"(module (func (export "f") (param i32) (result i32) (local {locals})
            (loop {blocks} (local.set 7 (i32.add (local.get 7) (i32.const 5)))
                (br_if 0 (i32.lt_u (local.get 7) (i32.const 50))))
            (local.get 7)))"#
    );
    one_tier_is_enough(&wat, 50, |statistics| statistics.optimizing.too_large);
}

#[test]
fn what_is_too_large_for_the_baseline_tier_is_compiled_by_the_optimizing_tier() {
    // Each call is two bytes of wasm, and hands on as many values as are moved one by one.
    let list = "i32 ".repeat(32);
    let values: String = (1..=32)
        .rev()
        .map(|n| format!("(local.get {})", n % 32))
        .collect();
    let (calls, drops) = ("call $turn ".repeat(3200), "drop ".repeat(31));
    let wat = format!(
        r#"(module
            (func $turn (param {list}) (result {list}) {values})
            (func (export "f") (param $x i32) (result i32)
                (local.get $x) {} {calls} {drops}))"#,
        "(i32.const 1) ".repeat(31)
    );
    one_tier_is_enough(&wat, 3, |statistics| statistics.baseline.too_large);
}

#[test]
fn what_would_take_the_whole_stack_is_compiled_by_the_optimizing_tier() {
    // The baseline tier has a place in the frame for each operand, the optimizing tier for none.
    let shifts = "(i32.shl (local.get 0) (local.get 0)) ".repeat(100_000);
    let drops = "drop ".repeat(100_000);
    let wat = format!(
        r#"(module (func (export "f") (param i32) (result i32) {shifts} {drops} (local.get 0)))"#
    );
    one_tier_is_enough(&wat, 3, |statistics| statistics.baseline.too_large);
}
