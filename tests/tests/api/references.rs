//! Typed function references, between host and wasm and in every tier.

use crate::{engines, with_instance};
use mainspring::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[test]
fn references_are_called_with_what_their_type_says() -> Result<()> {
    let text = r#"(module
        (type $unary (func (param i32) (result i32)))
        (type $many (func (param i64 f32 i32 i32 i32 i32 i32 i64) (result i32 i64 i32 f64 i32 i32 i32 i64)))
        (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
        (func $many (type $many)
            (local.get 2) (local.get 0) (local.get 3) (f64.promote_f32 (local.get 1))
            (local.get 4) (local.get 5) (local.get 6) (local.get 7))
        (elem declare func $double $many)
        (func (export "double") (param i32) (result i32)
            (call_ref $unary (local.get 0) (ref.func $double)))
        (func (export "tail") (param i32) (result i32)
            (return_call_ref $unary (local.get 0) (ref.func $double)))
        (func (export "given") (param i32 (ref $unary)) (result i32)
            (i32.add (call_ref $unary (local.get 0) (local.get 1)) (i32.const 1)))
        (func (export "many") (result i32 i64 i32 f64 i32 i32 i32 i64)
            (call_ref $many (i64.const 1) (f32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6)
                (i32.const 7) (i64.const 8) (ref.func $many)))
        (func (export "tail_many") (result i32 i64 i32 f64 i32 i32 i32 i64)
            (return_call_ref $many (i64.const 1) (f32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6)
                (i32.const 7) (i64.const 8) (ref.func $many))))"#;
    with_instance(text, |store, instance| {
        for name in ["double", "tail"] {
            let func = instance.get_typed_func::<i32, i32>(&mut *store, name)?;
            assert_eq!(func.call(&mut *store, 21)?, 42, "{name}");
        }
        let host = Func::wrap(&mut *store, |x: i32| x - 1);
        let given = instance.get_typed_func::<(i32, Func), i32>(&mut *store, "given")?;
        assert_eq!(given.call(&mut *store, (10, host))?, 10);
        let other = Func::wrap(&mut *store, |x: i64| x);
        assert!(given.call(&mut *store, (10, other)).is_err());
        type Many = (i32, i64, i32, f64, i32, i32, i32, i64);
        for name in ["many", "tail_many"] {
            let many = instance.get_typed_func::<(), Many>(&mut *store, name)?;
            let expected = (3, 1, 4, 2.0, 5, 6, 7, 8);
            assert_eq!(many.call(&mut *store, ())?, expected, "{name}");
        }
        Ok(())
    });
    Ok(())
}

#[test]
fn null_references_trap_where_they_are_used() {
    let text = r#"(module
        (type $t (func))
        (func $call (export "call") (call_ref $t (ref.null $t)))
        (func $tail (export "tail") (return_call_ref $t (ref.null $t)))
        (func $func (export "func") (drop (ref.as_non_null (ref.null func))))
        (func $extern (export "extern") (drop (ref.as_non_null (ref.null extern))))
        (table $exact 1 (ref null $t))
        (func $table (export "table") (call_indirect $exact (type $t) (i32.const 0)))
        (func (export "via") (param i32)
            (if (i32.eqz (local.get 0)) (then (call $call)) (else (call $tail)))))"#;
    with_instance(text, |store, instance| {
        for name in ["call", "tail", "func", "extern", "table"] {
            let func = instance.get_typed_func::<(), ()>(&mut *store, name)?;
            let error = func.call(&mut *store, ()).unwrap_err();
            let expected = match name {
                "table" => Trap::IndirectCallToNull,
                _ => Trap::NullReference,
            };
            assert_eq!(error.downcast_ref::<Trap>(), Some(&expected), "{name}");
            let backtrace = error.downcast_ref::<WasmBacktrace>().expect("a backtrace");
            let names: Vec<_> = (backtrace.frames().iter())
                .map(|frame| frame.func_name().unwrap_or("?"))
                .collect();
            assert_eq!(names, [name]);
        }
        let via = instance.get_typed_func::<i32, ()>(&mut *store, "via")?;
        for (choice, name) in [(0, "call"), (1, "tail")] {
            let error = via.call(&mut *store, choice).unwrap_err();
            let backtrace = error.downcast_ref::<WasmBacktrace>().expect("a backtrace");
            assert_eq!(backtrace.frames().len(), 2);
            assert_eq!(backtrace.frames()[0].func_name(), Some(name));
        }
        Ok(())
    });
}

/// Operands lie beneath the reference, and the label takes some of them: none may get lost on either way.
#[test]
fn branches_on_null_keep_operands() {
    let text = r#"(module
        (type $t (func (result i32)))
        (func $seven (type $t) (i32.const 7))
        (elem declare func $seven)
        (func (export "null") (param i32 i64) (result i32)
            (local $r (ref null $t))
            (if (local.get 0) (then (local.set $r (ref.func $seven))))
            (block $none (result i32 i64)
                (i32.const 100) (local.get 0) (local.get 1)
                (local.get $r)
                (br_on_null $none)
                (call_ref $t) (i64.extend_i32_s) (i64.add) (i32.wrap_i64) (i32.add) (i32.add)
                (return))
            (i32.wrap_i64) (i32.add))
        (func (export "non_null") (param i32 i64) (result i32)
            (local $r (ref null $t))
            (if (local.get 0) (then (local.set $r (ref.func $seven))))
            (block $some (result i32 i64 (ref $t))
                (i32.const 100) (i32.add (local.get 0) (i32.const 1)) (local.get 1)
                (local.get $r)
                (br_on_non_null $some)
                (i32.wrap_i64) (i32.add) (i32.add)
                (return))
            (call_ref $t) (i64.extend_i32_s) (i64.add) (i32.wrap_i64) (i32.add))
        (func (export "extern") (param externref) (result i32)
            (block $null
                (br_on_null $null (local.get 0))
                (drop) (return (i32.const 1)))
            (i32.const 0))
        ;; The branch leaves the function with the reference among its results.
        (func (export "leave") (param externref i64) (result i64 externref)
            (i32.const 5) (local.get 1)
            (local.get 0)
            (br_on_non_null 0)
            (drop) (drop)
            (i64.const -1) (ref.null extern)))"#;
    with_instance(text, |store, instance| {
        let call = |store: &mut Store<()>, name: &str, x: i32, y: i64| -> Result<i32> {
            let func = instance.get_typed_func::<(i32, i64), i32>(&mut *store, name)?;
            func.call(store, (x, y))
        };
        assert_eq!(call(store, "null", 0, 5)?, 5);
        assert_eq!(call(store, "null", 1, 5)?, 100 + 1 + 5 + 7);
        assert_eq!(call(store, "non_null", 0, 5)?, 100 + 1 + 5);
        assert_eq!(call(store, "non_null", 1, 5)?, 2 + 5 + 7);
        let value = ExternRef::new(&mut *store, 3_u8)?;
        let func =
            instance.get_typed_func::<Option<Rooted<ExternRef>>, i32>(&mut *store, "extern")?;
        assert_eq!(func.call(&mut *store, Some(value))?, 1);
        assert_eq!(func.call(&mut *store, None)?, 0);
        type Reference = Option<Rooted<ExternRef>>;
        let leave =
            instance.get_typed_func::<(Reference, i64), (i64, Reference)>(&mut *store, "leave")?;
        let (number, reference) = leave.call(&mut *store, (Some(value), 9))?;
        assert!(number == 9 && reference.is_some());
        let (number, reference) = leave.call(&mut *store, (None, 9))?;
        assert!(number == -1 && reference.is_none());
        Ok(())
    });
}

/// References stay in locals and on the stack while a loop moves from one tier to the other.
#[test]
fn references_outlive_on_stack_replacement() {
    let text = r#"(module
        (type $t (func (param i64) (result i64)))
        (func $add (type $t) (i64.add (local.get 0) (i64.const 3)))
        (func $sub (type $t) (i64.sub (local.get 0) (i64.const 1)))
        (elem declare func $add $sub)
        (func (export "run") (param $n i32) (result i64)
            (local $a (ref $t)) (local $b (ref null $t)) (local $c (ref null $t)) (local $sum i64)
            (local.set $a (ref.func $add))
            (local.set $b (ref.func $sub))
            (ref.func $sub)
            (loop $again (param (ref $t)) (result (ref $t))
                (local.set $sum (call_ref $t (local.get $sum) (local.get $a)))
                (local.set $sum (call_ref $t (local.get $sum) (ref.as_non_null (local.get $b))))
                ;; The two that may be null change places.
                (local.set $c (local.get $b)) (local.set $b (local.get $a)) (local.set $a (ref.as_non_null (local.get $c)))
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $again (local.get $n)))
            (local.set $b)
            (call_ref $t (local.get $sum) (ref.as_non_null (local.get $b)))))"#;
    with_instance(text, |store, instance| {
        let run = instance.get_typed_func::<i32, i64>(&mut *store, "run")?;
        for n in [1, 2, 10, 5_000] {
            assert_eq!(run.call(&mut *store, n)?, 2 * i64::from(n) - 1);
        }
        Ok(())
    });
}

#[test]
fn tables_and_globals_start_as_their_expressions_say() {
    let text = r#"(module
        (type $t (func (result i32)))
        (func $one (type $t) (i32.const 1))
        (func $two (type $t) (i32.const 2))
        (global $g (export "g") (mut (ref $t)) (ref.func $one))
        (table $t (export "t") 3 5 (ref $t) (ref.func $two))
        (elem (table $t) (i32.const 1) (ref $t) (ref.func $one))
        (func (export "sum") (result i32)
            (i32.add (call_ref $t (global.get $g))
                (i32.add (call_ref $t (table.get $t (i32.const 0))) (call_indirect $t (type $t) (i32.const 1))))))"#;
    with_instance(text, |store, instance| {
        let sum = instance.get_typed_func::<(), i32>(&mut *store, "sum")?;
        assert_eq!(sum.call(&mut *store, ())?, 4);
        let host = Func::wrap(&mut *store, || 10);
        let global = instance.get_global(&mut *store, "g").expect("an export");
        global.set(&mut *store, host.into())?;
        assert_eq!(sum.call(&mut *store, ())?, 13);
        let table = instance.get_table(&mut *store, "t").expect("an export");
        table.set(&mut *store, 1, host.into())?;
        assert_eq!(sum.call(&mut *store, ())?, 22);
        // Null and functions of other types are no values of these.
        let other = Func::wrap(&mut *store, || 10_i64);
        assert!(global.set(&mut *store, Val::FuncRef(None)).is_err());
        assert!(global.set(&mut *store, other.into()).is_err());
        assert!(table.set(&mut *store, 1, Ref::Func(None)).is_err());
        assert!(table.grow(&mut *store, 1, other.into()).is_err());
        assert_eq!(table.grow(&mut *store, 1, host.into())?, 3);
        Ok(())
    });
}

#[test]
fn without_the_proposal_its_modules_are_refused() {
    // Garbage collection has these types, too.
    let param = "(module (type $t (func)) (func (param (ref $t))))";
    let mut config = Config::new();
    let without = Engine::new(config.wasm_function_references(false)).expect("an engine");
    assert!(Module::new(&without, param).is_ok());
    let without = Engine::new(config.wasm_gc(false)).expect("an engine");
    assert!(Module::new(&without, param).is_err());
    let texts = [
        "(module (type $t (func)) (func (call_ref $t (unreachable))))",
        "(module (func (drop (ref.as_non_null (ref.null func)))))",
    ];
    let engine = Engine::new(Config::new().wasm_function_references(false)).expect("an engine");
    for text in texts {
        assert!(Module::new(&engine, text).is_err(), "{text}");
        assert!(Module::new(&Engine::default(), text).is_ok(), "{text}");
    }
    // A local that can't be null is only read once it is set.
    let unset = "(module (type $t (func)) (func (local (ref $t)) (drop (local.get 0))))";
    for (name, engine) in engines() {
        assert!(Module::new(&engine, unset).is_err(), "{name}");
    }
}

/// Addresses of types are not in the code, so an image works wherever it is loaded.
#[test]
fn images_call_and_cast_references() -> Result<()> {
    let text = r#"(module
        (type $base (sub (func (param i32) (result i32))))
        (type $own (sub $base (func (param i32) (result i32))))
        (import "" "" (func $host (type $base)))
        (func $inc (type $own) (i32.add (local.get 0) (i32.const 1)))
        (table 2 funcref) (elem (i32.const 0) $inc $host)
        (func (export "run") (param i32) (result i32)
            (call_ref $base
                (call_indirect (type $base) (i32.const 3) (local.get 0))
                (ref.cast (ref $base) (table.get (local.get 0)))))
        (func (export "is_own") (param i32) (result i32)
            (ref.test (ref $own) (table.get (local.get 0)))))"#;
    let mut config = Config::new();
    config.wasm_gc(true);
    let image = Module::new(&Engine::new(&config)?, text)?.serialize()?;
    let engine = Engine::new(&config)?;
    // Types that were there before have other addresses than where the image was made.
    let _others: Vec<FuncType> = (0..5)
        .map(|n| FuncType::new(&engine, vec![ValType::F32; n], []))
        .collect();
    // SAFETY: just made.
    let module = unsafe { Module::deserialize(&engine, &image) }?;
    let mut store = Store::new(&engine, ());
    let import = module.imports().next().expect("an import").ty();
    let host = Func::new(
        &mut store,
        import.unwrap_func().clone(),
        |_, params, results| {
            results[0] = Val::I32(params[0].unwrap_i32() * 10);
            Ok(())
        },
    );
    let instance = Instance::new(&mut store, &module, &[host.into()])?;
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run")?;
    let is_own = instance.get_typed_func::<i32, i32>(&mut store, "is_own")?;
    assert_eq!(
        (run.call(&mut store, 0)?, is_own.call(&mut store, 0)?),
        (5, 1)
    );
    assert_eq!(
        (run.call(&mut store, 1)?, is_own.call(&mut store, 1)?),
        (300, 0)
    );
    Ok(())
}

#[test]
fn parameters_of_declared_types_take_rust_types_of_their_hierarchy() {
    let text = r#"(module
        (type $f (func (result i32)))
        (type $s (sub (struct (field i32))))
        (func (export "null") (param (ref null $f)) (result i32)
            (if (result i32) (ref.is_null (local.get 0)) (then (i32.const -1)) (else (call_ref $f (local.get 0)))))
        (func (export "not") (param (ref $f)) (result i32) (call_ref $f (local.get 0)))
        (func (export "object") (param (ref null $s)) (result i32) (struct.get $s 0 (local.get 0)))
        (func (export "make") (param i32) (result structref) (struct.new $s (local.get 0))))"#;
    with_instance(text, |store, instance| {
        let seven = Func::wrap(&mut *store, || 7_i32);
        let other = Func::wrap(&mut *store, || 7_i64);
        for name in ["null", "not"] {
            let func = instance.get_typed_func::<Func, i32>(&mut *store, name)?;
            assert_eq!(func.call(&mut *store, seven)?, 7);
            let error = func.call(&mut *store, other).unwrap_err().to_string();
            assert!(error.contains("type mismatch"), "{error}");
            let func = instance.get_typed_func::<Option<Func>, i32>(&mut *store, name)?;
            assert_eq!(func.call(&mut *store, Some(seven))?, 7);
            assert_eq!(func.call(&mut *store, None).is_ok(), name == "null");
            let of_others = instance.get_typed_func::<Rooted<AnyRef>, i32>(&mut *store, name);
            assert!(of_others.is_err());
        }
        let make =
            instance.get_typed_func::<i32, Option<Rooted<StructRef>>>(&mut *store, "make")?;
        let object = make.call(&mut *store, 5)?.expect("it is made");
        let any = instance.get_typed_func::<Rooted<AnyRef>, i32>(&mut *store, "object")?;
        assert_eq!(any.call(&mut *store, object.to_anyref())?, 5);
        let small = AnyRef::from_i31(&mut *store, I31::wrapping_i32(5));
        assert!(any.call(&mut *store, small).is_err());
        let object_only =
            instance.get_typed_func::<Rooted<StructRef>, i32>(&mut *store, "object")?;
        assert_eq!(object_only.call(&mut *store, object)?, 5);
        Ok(())
    });
}

#[test]
fn numbers_that_are_no_references_are_refused() -> Result<()> {
    let mut store = Store::<()>::default();
    assert!(AnyRef::from_raw(&mut store, 0x1000).is_none());
    let ty = StructType::new(store.engine(), [])?;
    let pre = StructRefPre::new(&mut store, ty);
    let object = StructRef::new(&mut store, &pre, &[])?.to_anyref();
    let raw = object.to_raw(&mut store)?;
    let again = AnyRef::from_raw(&mut store, raw).expect("it is one");
    assert!(Rooted::ref_eq(&store, &object, &again)?);
    assert!(ExnRef::from_raw(&mut store, raw).is_none());
    for forged in [
        0,
        0x1000,
        raw + 4,
        raw + 8,
        raw.wrapping_sub(8),
        u32::MAX - 7,
    ] {
        assert!(
            AnyRef::from_raw(&mut store, forged).is_none(),
            "{forged:#x}"
        );
        assert!(
            ExternRef::from_raw(&mut store, forged).is_none(),
            "{forged:#x}"
        );
        assert!(
            ExnRef::from_raw(&mut store, forged).is_none(),
            "{forged:#x}"
        );
    }
    let small = AnyRef::from_i31(&mut store, I31::wrapping_i32(-1));
    let raw = small.to_raw(&mut store)?;
    assert!(
        AnyRef::from_raw(&mut store, raw).is_some() && ExnRef::from_raw(&mut store, raw).is_none()
    );
    Ok(())
}

#[test]
fn values_whose_drops_panic_are_all_dropped() {
    struct Loud(Arc<AtomicU32>);
    impl Drop for Loud {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic!("dropped");
        }
    }
    let count = Arc::default();
    let mut store = Store::<()>::default();
    {
        let mut scope = RootScope::new(&mut store);
        for _ in 0..5 {
            ExternRef::new(&mut scope, Loud(Arc::clone(&count))).unwrap();
        }
    }
    assert_eq!(crate::panic_of(|| store.gc(None)), "dropped");
    assert_eq!(count.load(Ordering::Relaxed), 5);
    store.gc(None).unwrap();
}
