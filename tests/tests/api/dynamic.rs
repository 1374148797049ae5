//! Calls by values: `Func::call` and `Func::new`, in all shapes.

use crate::engines;
use mainspring::*;

fn value(ty: &ValType, n: usize) -> Val {
    match ty {
        ValType::I32 => Val::I32(-(n as i32)),
        ValType::I64 => Val::I64(-(n as i64) << 33),
        ValType::F32 => Val::F32(0x7fa0_0000 + n as u32),
        ValType::F64 => Val::F64(0x7ff4_0000_0000_0000 + n as u64),
        ValType::V128 => Val::V128((u128::MAX - n as u128).into()),
        _ => unreachable!("not in this test"),
    }
}

/// The bits of a number.
fn bits(value: &Val) -> (&'static str, u128) {
    match *value {
        Val::I32(x) => ("i32", x as u32 as u128),
        Val::I64(x) => ("i64", x as u64 as u128),
        Val::F32(x) => ("f32", x.into()),
        Val::F64(x) => ("f64", x.into()),
        Val::V128(x) => ("v128", x.as_u128()),
        _ => ("reference", 0),
    }
}

/// A function that passes its parameters to a host function, which returns the first of them; as
/// wasm and as text.
fn echo(params: &[ValType], results: &[ValType]) -> String {
    let list = |word: &str, types: &[ValType]| -> String {
        types.iter().map(|ty| format!("({word} {ty})")).collect()
    };
    let ty = list("param", params) + &list("result", results);
    let arguments: String = (0..params.len())
        .map(|i| format!("(local.get {i})"))
        .collect();
    format!(
        r#"(module (import "host" "echo" (func $echo {ty})) (func (export "run") {ty} (call $echo {arguments})))"#
    )
}

/// Values arrive whatever registers or stack they go through, also when the host function calls wasm
/// again in the same way before it returns.
#[test]
fn values_of_every_shape_travel_both_ways() {
    let all = [
        ValType::I32,
        ValType::F64,
        ValType::I64,
        ValType::V128,
        ValType::F32,
    ];
    let ints = [ValType::I64, ValType::I32];
    for (name, engine) in engines() {
        for (kinds, count, returned) in [
            (&all[..], 0, 0),
            (&ints, 1, 1),
            (&ints, 5, 1),
            (&ints, 6, 1),
            (&ints, 5, 2),
            (&ints, 9, 9),
            (&all, 1, 1),
            (&all[1..], 3, 1),
            (&all, 12, 1),
            (&all, 18, 1),
            (&all, 30, 30),
        ] {
            let types: Vec<ValType> = kinds.iter().cycle().take(count).cloned().collect();
            let results = &types[..returned];
            let module = Module::new(&engine, echo(&types, results)).unwrap();
            // How often the host calls wasm again.
            let mut store = Store::new(&engine, 3);
            let mut linker = Linker::new(&engine);
            let ty = FuncType::new(&engine, types.iter().cloned(), results.iter().cloned());
            let host = move |mut caller: Caller<'_, i32>, params: &[Val], results: &mut [Val]| {
                if *caller.data() > 0 {
                    *caller.data_mut() -= 1;
                    let run = caller.get_export("run").unwrap().into_func().unwrap();
                    let mut inner = vec![Val::I32(99); results.len()];
                    run.call(&mut caller, params, &mut inner)?;
                    assert!(
                        inner
                            .iter()
                            .map(bits)
                            .eq(params[..inner.len()].iter().map(bits))
                    );
                }
                results.copy_from_slice(&params[..results.len()]);
                Ok(())
            };
            linker.func_new("host", "echo", ty, host).unwrap();
            let instance = linker.instantiate(&mut store, &module).unwrap();
            let run = instance.get_func(&mut store, "run").unwrap();
            let params: Vec<Val> = types
                .iter()
                .enumerate()
                .map(|(n, ty)| value(ty, n))
                .collect();
            let mut out = vec![Val::null_extern_ref(); returned];
            run.call(&mut store, &params, &mut out).unwrap();
            let (got, sent): (Vec<_>, Vec<_>) = (
                out.iter().map(bits).collect(),
                params[..returned].iter().map(bits).collect(),
            );
            assert_eq!(got, sent, "{name}: {count} parameters, {returned} results");
            assert_eq!(*store.data(), 0);
        }
    }
}

#[test]
fn references_are_checked_against_their_exact_types() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let mut other = Store::new(&engine, ());
    let exact = FuncType::new(&engine, [ValType::I32], []);
    let func = |nullable, heap| ValType::Ref(RefType::new(nullable, heap));
    let cases = [
        ValType::FUNCREF,
        func(false, HeapType::Func),
        func(true, HeapType::ConcreteFunc(exact)),
        ValType::NULLFUNCREF,
        ValType::EXTERNREF,
        func(false, HeapType::Extern),
    ];
    let right = Func::wrap(&mut store, |_: i32| {});
    let wrong = Func::wrap(&mut store, |_: i64| {});
    let far = Func::wrap(&mut other, |_: i32| {});
    let value = ExternRef::new(&mut store, 5).unwrap();
    let far_value = ExternRef::new(&mut other, 5).unwrap();
    let arguments: [Val; 9] = [
        Val::I32(0),
        Val::null_func_ref(),
        right.into(),
        wrong.into(),
        far.into(),
        Val::null_extern_ref(),
        value.into(),
        far_value.into(),
        Val::F64(0),
    ];
    let mismatch = "argument type mismatch: type mismatch: expected";
    let cross = "argument type mismatch: value used with wrong store";
    for (case, accepted) in cases.iter().zip([
        [false, true, true, true, false, false, false, false, false],
        [false, false, true, true, false, false, false, false, false],
        [false, true, true, false, false, false, false, false, false],
        [false, true, false, false, false, false, false, false, false],
        [false, false, false, false, false, true, true, false, false],
        [false, false, false, false, false, false, true, false, false],
    ]) {
        let ty = FuncType::new(&engine, [case.clone()], [ValType::I32]);
        let callee = Func::new(&mut store, ty, |_, _, results| {
            results[0] = Val::I32(7);
            Ok(())
        });
        for (i, argument) in arguments.iter().enumerate() {
            let mut results = [Val::I64(0)];
            let outcome = callee.call(&mut store, &[*argument], &mut results);
            match outcome {
                Ok(()) => assert!(
                    accepted[i] && results[0].i32() == Some(7),
                    "{case}: {argument:?}"
                ),
                Err(error) => {
                    let text = format!("{error:#}");
                    let start = if i == 4 || i == 7 { cross } else { mismatch };
                    assert!(
                        !accepted[i] && text.starts_with(start),
                        "{case}: {argument:?}: {text}"
                    );
                }
            }
        }
    }
}

/// What was put into a store works when linker, module and engine are gone, and is let go with the store.
#[test]
fn host_functions_outlive_their_linker_but_not_their_store() {
    let text = r#"(module (import "h" "f" (func $f (param i64 i32) (result i64)))
        (table (export "t") 1 funcref) (elem (i32.const 0) $f)
        (type $t (func (param i64 i32) (result i64)))
        (func (export "run") (result i64) (call_indirect (type $t) (i64.const 40) (i32.const 2) (i32.const 0))))"#;
    let held = std::sync::Arc::new(());
    for dynamic in [false, true] {
        let engine = Engine::default();
        let mut linker = Linker::new(&engine);
        let keep = held.clone();
        if dynamic {
            let ty = FuncType::new(&engine, [ValType::I64, ValType::I32], [ValType::I64]);
            let add = move |_: Caller<'_, ()>, params: &[Val], results: &mut [Val]| {
                let _ = &keep;
                results[0] = Val::I64(params[0].unwrap_i64() + i64::from(params[1].unwrap_i32()));
                Ok(())
            };
            linker.func_new("h", "f", ty, add).unwrap();
        } else {
            let add = move |a: i64, b: i32| {
                let _ = &keep;
                a + i64::from(b)
            };
            linker.func_wrap("h", "f", add).unwrap();
        }
        let mut stores: Vec<_> = (0..3).map(|_| Store::new(&engine, ())).collect();
        let module = Module::new(&engine, text).unwrap();
        let instances: Vec<_> = stores
            .iter_mut()
            .map(|store| linker.instantiate(store, &module).unwrap())
            .collect();
        drop((linker, module, engine));
        assert_eq!(std::sync::Arc::strong_count(&held), 2);
        for (store, instance) in stores.iter_mut().zip(instances) {
            let run = instance.get_func(&mut *store, "run").unwrap();
            let mut results = [Val::I32(0)];
            run.call(&mut *store, &[], &mut results).unwrap();
            assert_eq!(results[0].i64(), Some(42));
            let element = instance
                .get_table(&mut *store, "t")
                .unwrap()
                .get(&mut *store, 0)
                .unwrap();
            let ty = element.unwrap_func().unwrap().ty(&*store);
            assert_eq!(ty.to_string(), "(type (func (param i64 i32) (result i64)))");
        }
        drop(stores);
        assert_eq!(std::sync::Arc::strong_count(&held), 1);
    }
}

/// Host functions over untyped values get their arguments in slots and leave results there.
#[test]
fn unchecked_host_functions_take_slots() {
    use std::mem::MaybeUninit;
    let text = r#"(module
        (import "h" "f" (func $f (param i32 f64) (result f64 i64 externref)))
        (import "h" "g" (func $g (param externref i64 i32)))
        (func (export "run") (param i32 f64 externref) (result f64 i64 externref)
            (call $g (local.get 2) (i64.const 9) (local.get 0))
            (call $f (local.get 0) (local.get 1))))"#;
    for (name, engine) in engines() {
        let mut linker: Linker<Vec<u32>> = Linker::new(&engine);
        let results = [ValType::F64, ValType::I64, ValType::EXTERNREF];
        let ty = FuncType::new(&engine, [ValType::I32, ValType::F64], results);
        let f = |mut caller: Caller<'_, Vec<u32>>, slots: &mut [MaybeUninit<ValRaw>]| {
            assert_eq!(slots.len(), 3);
            // SAFETY: the first two slots hold the arguments.
            let (a, b) = unsafe { (slots[0].assume_init(), slots[1].assume_init()) };
            let made = ExternRef::new(&mut caller, "made")?.to_raw(&mut caller)?;
            slots[0].write(ValRaw::f64((f64::from_bits(b.get_f64()) * 2.0).to_bits()));
            slots[1].write(ValRaw::i64(i64::from(a.get_i32()) - 1));
            slots[2].write(ValRaw::externref(made));
            bail_on_zero(a.get_i32())
        };
        // SAFETY: it writes a float, an integer and a reference.
        unsafe { linker.func_new_unchecked("h", "f", ty, f) }.unwrap();
        let params = [ValType::EXTERNREF, ValType::I64, ValType::I32];
        let mut store = Store::new(&engine, Vec::new());
        let ty = FuncType::new(&engine, params, []);
        let g = |mut caller: Caller<'_, Vec<u32>>, slots: &mut [MaybeUninit<ValRaw>]| {
            // SAFETY: all slots hold arguments.
            let [host, long, int] = [0, 1, 2].map(|i: usize| unsafe { slots[i].assume_init() });
            let host = ExternRef::from_raw(&mut caller, host.get_externref());
            let host = host.expect("not null");
            let seen = *(host.data(&caller)?)
                .and_then(|data| data.downcast_ref::<u32>())
                .expect("a number");
            (caller.data_mut()).extend([seen, long.get_u64() as u32, int.get_u32()]);
            Ok(())
        };
        // SAFETY: it has no results.
        let g = unsafe { Func::new_unchecked(&mut store, ty, g) };
        linker.define(&store, "h", "g", g).unwrap();
        let module = Module::new(&engine, text).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let run = instance.get_func(&mut store, "run").unwrap();
        let host = ExternRef::new(&mut store, 77_u32).unwrap();
        let call = |store: &mut Store<Vec<u32>>, number: i32| {
            let arguments = [number.into(), 1.25.into(), host.into()];
            let mut results = [const { Val::I32(0) }; 3];
            run.call(store, &arguments, &mut results).map(|()| results)
        };
        let results = call(&mut store, 5).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!((results[0].f64(), results[1].i64()), (Some(2.5), Some(4)));
        let made = results[2].unwrap_externref().expect("not null");
        let made = made
            .data(&store)
            .unwrap()
            .and_then(|data| data.downcast_ref());
        assert_eq!(made, Some(&"made"), "{name}");
        assert_eq!(store.data(), &[77, 9, 5], "{name}");
        let error = call(&mut store, 0).unwrap_err();
        assert!(format!("{error:#}").contains("zero"), "{name}: {error:#}");
    }
}

fn bail_on_zero(number: i32) -> Result<()> {
    ensure!(number != 0, "zero is not taken");
    Ok(())
}

/// Types without values are types of parameters all the same: of functions that nobody can call.
#[test]
fn types_without_values_have_wasm_types() {
    let mut store = Store::<()>::default();
    let func = Func::wrap(&mut store, |_: NoFunc, _: NoExtern, _: NoneRef| {});
    let params: Vec<ValType> = func.ty(&store).params().collect();
    let expected = [HeapType::NoFunc, HeapType::NoExtern, HeapType::None];
    for (param, heap) in params.iter().zip(expected) {
        assert!(ValType::eq(param, &RefType::new(false, heap).into()));
    }
    assert_eq!(params.len(), 3);
    func.typed::<(NoFunc, NoExtern, NoneRef), ()>(&store)
        .expect("its own type");
    assert!(func.typed::<(Func, NoExtern, NoneRef), ()>(&store).is_err());
}
