//! Calls in both directions, of all shapes.

use crate::{engines, with_instance};
use mainspring::*;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn typed_functions_compare_types_once() {
    with_instance(
        r#"(module (func (export "f") (param i32 f64) (result i64) i64.const 7))"#,
        |store, instance| {
            assert!(
                instance
                    .get_typed_func::<(i32, f64), i64>(&mut *store, "f")
                    .is_ok()
            );
            for error in [
                instance.get_typed_func::<(), ()>(&mut *store, "f").err(),
                instance
                    .get_typed_func::<(i32, f32), i64>(&mut *store, "f")
                    .err(),
                instance
                    .get_typed_func::<(i32, f64), i32>(&mut *store, "f")
                    .err(),
                instance
                    .get_typed_func::<(i32, f64), (i64, i64)>(&mut *store, "f")
                    .err(),
            ] {
                assert!(
                    error
                        .unwrap()
                        .to_string()
                        .contains("failed to convert function `f` to given type")
                );
            }
            let missing = instance
                .get_typed_func::<(), ()>(&mut *store, "g")
                .unwrap_err();
            assert_eq!(missing.to_string(), "failed to find function export `g`");
            Ok(())
        },
    );
}

/// More integers and floats than there are registers, and a vector among what goes to the stack.
#[test]
fn many_parameters_arrive_in_order() {
    let text = r#"(module
        (import "host" "check" (func $check
            (param i32 i64 f32 f64 i32 i64 i32 f32 f64 f32 f64 f32 f64 f32 f64 i64 i32) (result i64)))
        (func (export "run")
            (param i32 i64 f32 f64 i32 i64 i32 f32 f64 f32 f64 f32 f64 f32 f64 i64 i32) (result i64)
            (call $check (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)
                (local.get 6) (local.get 7) (local.get 8) (local.get 9) (local.get 10) (local.get 11)
                (local.get 12) (local.get 13) (local.get 14) (local.get 15) (local.get 16))))"#;
    type Params = (
        i32,
        i64,
        f32,
        f64,
        i32,
        i64,
        i32,
        f32,
        f64,
        f32,
        f64,
        f32,
        f64,
        f32,
        f64,
        i64,
        i32,
    );
    for (name, engine) in engines() {
        let mut linker = Linker::new(&engine);
        linker
            .func_wrap(
                "host",
                "check",
                |a: i32,
                 b: i64,
                 c: f32,
                 d: f64,
                 e: i32,
                 f: i64,
                 g: i32,
                 h: f32,
                 i: f64,
                 j: f32,
                 k: f64,
                 l: f32,
                 m: f64,
                 n: f32,
                 o: f64,
                 p: i64,
                 q: i32| {
                    let ints = [
                        i64::from(a),
                        b,
                        i64::from(e),
                        f,
                        i64::from(g),
                        p,
                        i64::from(q),
                    ];
                    assert_eq!(ints, [-1, 2, -3, 4, -5, 6, -7]);
                    let floats = [
                        f64::from(c),
                        d,
                        f64::from(h),
                        i,
                        f64::from(j),
                        k,
                        f64::from(l),
                        m,
                        f64::from(n),
                        o,
                    ];
                    assert_eq!(floats, [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5]);
                    ints.iter().sum::<i64>()
                },
            )
            .unwrap();
        let mut store = Store::new(&engine, ());
        let instance = linker
            .instantiate(&mut store, &Module::new(&engine, text).unwrap())
            .unwrap();
        let run = instance
            .get_typed_func::<Params, i64>(&mut store, "run")
            .unwrap();
        let params = (
            -1, 2, 1.5, 2.5, -3, 4, -5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 6, -7,
        );
        assert_eq!(run.call(&mut store, params).unwrap(), -4, "{name}");
    }
}

#[test]
fn vectors_travel_in_registers_and_on_the_stack() {
    let params = "(param v128 v128 v128 v128 v128 v128 v128 v128 v128)";
    let text = format!(
        r#"(module (func (export "last") {params} (result v128) (i8x16.add (local.get 0) (local.get 8)))
            (func (export "both") (param v128) (result v128 i32 v128) local.get 0 i32.const 5 local.get 0))"#
    );
    with_instance(&text, |store, instance| {
        let last = instance.get_func(&mut *store, "last").unwrap();
        let mut vectors = vec![Val::V128(V128::from(0)); 9];
        vectors[0] = Val::V128(V128::from(0x0102 << 112));
        vectors[8] = Val::V128(V128::from(0x1020 << 112 | 7));
        let mut result = [Val::I32(0)];
        last.call(&mut *store, &vectors, &mut result)?;
        assert_eq!(result[0].unwrap_v128().as_u128(), 0x1122 << 112 | 7);
        let both = instance.get_typed_func::<V128, (V128, i32, V128)>(&mut *store, "both")?;
        let v = V128::from(u128::MAX - 5);
        assert_eq!(both.call(&mut *store, v)?, (v, 5, v));
        Ok(())
    });
}

/// Seventeen results: more than registers hold, so they go through memory, in both directions.
#[test]
fn many_results_come_back_in_order() {
    let types = "i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32";
    let text = format!(
        r#"(module
            (import "host" "make" (func $make (param i32) (result {types})))
            (func (export "run") (param i32) (result {types}) (call $make (local.get 0))))"#
    );
    type Results = (
        i32,
        i64,
        f32,
        f64,
        i32,
        i64,
        f32,
        f64,
        i32,
        i64,
        f32,
        f64,
        i32,
        i64,
        f32,
        f64,
        i32,
    );
    let make = |x: i32| -> Results {
        let (l, f, d) = (i64::from(x), x as f32, f64::from(x));
        (
            x,
            l + 1,
            f + 2.,
            d + 3.,
            x + 4,
            l + 5,
            f + 6.,
            d + 7.,
            x + 8,
            l + 9,
            f + 10.,
            d + 11.,
            x + 12,
            l + 13,
            f + 14.,
            d + 15.,
            x + 16,
        )
    };
    for (name, engine) in engines() {
        let mut linker = Linker::new(&engine);
        linker.func_wrap("host", "make", make).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = linker
            .instantiate(&mut store, &Module::new(&engine, &text).unwrap())
            .unwrap();
        let run = instance
            .get_typed_func::<i32, Results>(&mut store, "run")
            .unwrap();
        let shown = |results: Results| {
            let (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q) = results;
            [
                format!("{:?}", (a, b, c, d, e, f, g, h)),
                format!("{:?}", (i, j, k, l, m, n, o, p, q)),
            ]
        };
        assert_eq!(
            shown(run.call(&mut store, 100).unwrap()),
            shown(make(100)),
            "{name}"
        );
    }
}

#[test]
fn dynamic_calls_check_everything() {
    with_instance(
        r#"(module (func (export "f") (param i32 funcref) (result i32) local.get 0))"#,
        |store, instance| {
            let f = instance.get_func(&mut *store, "f").unwrap();
            let mut one = [Val::I64(0)];
            f.call(&mut *store, &[Val::I32(9), Val::FuncRef(Some(f))], &mut one)?;
            assert_eq!(one[0].i32(), Some(9));
            let null = Val::null_func_ref();
            let message = |error: Result<()>| format!("{:#}", error.unwrap_err());
            assert!(
                message(f.call(&mut *store, &[null], &mut one))
                    .contains("expected 2 arguments, got 1")
            );
            assert!(
                message(f.call(&mut *store, &[Val::I32(0), null], &mut []))
                    .contains("expected 1 results, got 0")
            );
            assert!(
                message(f.call(&mut *store, &[Val::I64(0), null], &mut one))
                    .contains("argument type mismatch")
            );
            let mut other = Store::new(&store.engine().clone(), ());
            let foreign = Func::wrap(&mut other, || {});
            let values = [Val::I32(0), Val::FuncRef(Some(foreign))];
            assert!(message(f.call(&mut *store, &values, &mut one)).contains("cross-`Store`"));
            Ok(())
        },
    );
}

#[test]
fn references_round_trip() {
    let text = r#"(module
        (table (export "t") 2 externref)
        (global (export "g") (mut externref) (ref.null extern))
        (func (export "keep") (param externref) (result externref)
            (table.set (i32.const 1) (local.get 0))
            (global.set 0 (table.get (i32.const 1)))
            (global.get 0))
        (func $self (export "self") (param funcref) (result funcref) local.get 0))"#;
    with_instance(text, |store, instance| {
        let keep = instance
            .get_typed_func::<Option<Rooted<ExternRef>>, Option<Rooted<ExternRef>>>(
                &mut *store,
                "keep",
            )?;
        let value = ExternRef::new(&mut *store, String::from("kept"))?;
        let back = keep.call(&mut *store, Some(value))?.expect("not null");
        let read = |store: &Store<()>, value: Rooted<ExternRef>| {
            value
                .data(store)
                .unwrap()
                .unwrap()
                .downcast_ref::<String>()
                .cloned()
        };
        assert_eq!(read(store, back).as_deref(), Some("kept"));
        let table = instance.get_table(&mut *store, "t").unwrap();
        let element = table.get(&mut *store, 1).unwrap();
        assert_eq!(
            read(store, *element.unwrap_extern().unwrap()).as_deref(),
            Some("kept")
        );
        assert!(table.get(&mut *store, 0).unwrap().is_null());
        assert!(table.get(&mut *store, 2).is_none());
        assert!(keep.call(&mut *store, None)?.is_none());
        let func = instance.get_func(&mut *store, "self").unwrap();
        let same = func.typed::<Option<Func>, Option<Func>>(&*store)?;
        let back = same.call(&mut *store, Some(func))?.expect("not null");
        assert!(FuncType::eq(&back.ty(&*store), &func.ty(&*store)));
        Ok(())
    });
}

/// The caller is the instance that executed the call, however it got at the function.
#[test]
fn callers_are_those_who_call() {
    let text = r#"(module
        (import "host" "who" (func $who (result i32)))
        (type $t (func (result i32)))
        (table (export "table") 2 funcref)
        (elem (i32.const 0) $who)
        (global (export "id") (mut i32) (i32.const 0))
        (func (export "direct") (result i32) call $who)
        (func (export "indirect") (param i32) (result i32) (call_indirect (type $t) (local.get 0)))
        (func (export "tail") (result i32) (return_call $who))
        (func (export "tail_indirect") (param i32) (result i32) (return_call_indirect (type $t) (local.get 0))))"#;
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        let who = |mut caller: Caller<'_, ()>| match caller.get_export("id") {
            Some(Extern::Global(id)) => id.get(&mut caller).unwrap_i32(),
            _ => -1,
        };
        linker.func_wrap("host", "who", who).unwrap();
        let module = Module::new(&engine, text).unwrap();
        let instances: Vec<_> = (1..=2)
            .map(|id| {
                let instance = linker.instantiate(&mut store, &module).unwrap();
                instance
                    .get_global(&mut store, "id")
                    .unwrap()
                    .set(&mut store, Val::I32(id))
                    .unwrap();
                instance
            })
            .collect();
        let host = Func::wrap(&mut store, who);
        assert_eq!(
            host.typed::<(), i32>(&store)
                .unwrap()
                .call(&mut store, ())
                .unwrap(),
            -1,
            "the host is no instance"
        );
        for (id, instance) in (1..).zip(&instances) {
            let table = instance.get_table(&mut store, "table").unwrap();
            table.set(&mut store, 1, Ref::Func(Some(host))).unwrap();
            for (function, argument) in [
                ("direct", None),
                ("tail", None),
                ("indirect", Some(0)),
                ("indirect", Some(1)),
                ("tail_indirect", Some(0)),
                ("tail_indirect", Some(1)),
            ] {
                let func = instance.get_func(&mut store, function).unwrap();
                let argument: Vec<Val> = argument.into_iter().map(Val::I32).collect();
                let mut result = [Val::I32(0)];
                func.call(&mut store, &argument, &mut result).unwrap();
                assert_eq!(result[0].unwrap_i32(), id, "{name}: {function}");
            }
        }
    }
}

#[test]
fn tail_calls_take_no_stack() {
    let text = r#"(module
        (type $f (func (param i64 i64 i64 i64 i64 i64 i64) (result i64)))
        (table funcref (elem $odd))
        (func $even (export "even") (param i64) (result i64)
            (if (i64.eqz (local.get 0)) (then (return (i64.const 1))))
            (return_call_indirect (type $f) (i64.sub (local.get 0) (i64.const 1))
                (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i32.const 0)))
        (func $odd (type $f)
            (if (i64.ne (local.get 6) (i64.const 6)) (then unreachable))
            (if (i64.eqz (local.get 0)) (then (return (i64.const 0))))
            (return_call $even (i64.sub (local.get 0) (i64.const 1)))))"#;
    with_instance(text, |store, instance| {
        let even = instance.get_typed_func::<i64, i64>(&mut *store, "even")?;
        assert_eq!(even.call(&mut *store, 1_000_001)?, 0);
        assert_eq!(even.call(&mut *store, 1_000_000)?, 1);
        Ok(())
    });
}

/// One module, many threads, each with its own store; every function is compiled once whoever calls.
#[test]
fn threads_share_code() {
    let functions: String = (0..50)
        .map(|i| format!("(func (export \"f{i}\") (result i32) i32.const {i})"))
        .collect();
    for (name, engine) in engines() {
        let module = Module::new(&engine, format!("(module {functions})")).unwrap();
        let pre = Linker::new(&engine).instantiate_pre(&module).unwrap();
        let sum = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        let mut store = Store::new(&engine, ());
                        let instance = pre.instantiate(&mut store).unwrap();
                        for i in 0..50 {
                            let f = instance
                                .get_typed_func::<(), i32>(&mut store, &format!("f{i}"))
                                .unwrap();
                            sum.fetch_add(
                                f.call(&mut store, ()).unwrap() as usize,
                                Ordering::Relaxed,
                            );
                        }
                    }
                });
            }
        });
        assert_eq!(sum.into_inner(), 8 * 10 * (0..50).sum::<usize>(), "{name}");
    }
}

/// Where the arms of a `br_table` come together, a tail call follows: to a function of the module, to an
/// imported one, and to one that is in a table.
#[test]
fn arms_that_come_together_end_in_a_tail_call() {
    let arms: String = (1..=6)
        .map(|n| format!(") (local.set 0 (i32.rotl (i32.add (local.get 0) (i32.const {n})) (i32.const {n}))) (br $exit)"))
        .collect();
    let run = |name: &str, call: &str| {
        format!(
            r#"(func (export "{name}") (param i32) (result i32)
                (block $exit {} (br_table 0 1 2 3 4 5 (local.get 0)){arms})
                {call})"#,
            "(block ".repeat(6)
        )
    };
    let wat = format!(
        r#"(module (import "" "f" (func $imported (param i32) (result i32)))
            (type $f (func (param i32) (result i32)))
            (table funcref (elem $own))
            (func $own (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
            {} {} {})"#,
        run("own", "(return_call $own (local.get 0))"),
        run("imported", "(return_call $imported (local.get 0))"),
        run(
            "indirect",
            "(return_call_indirect (type $f) (local.get 0) (i32.const 0))"
        ),
    );
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, ());
        let imported = Func::wrap(&mut store, |x: i32| x.wrapping_mul(3));
        let module = Module::new(&engine, &wat).unwrap();
        let instance = Instance::new(&mut store, &module, &[imported.into()]).unwrap();
        for export in ["own", "imported", "indirect"] {
            let run = instance.get_typed_func::<i32, i32>(&mut store, export);
            let run = run.unwrap();
            // Often enough for the optimizing tier, where that comes by itself.
            for x in (0..7).cycle().take(2_000) {
                let n = x.min(5) as u32 + 1;
                let expected = (x + n as i32).rotate_left(n).wrapping_mul(3);
                let result = run.call(&mut store, x).unwrap();
                assert_eq!(result, expected, "{name}, {export}, {x}");
            }
        }
    }
}
