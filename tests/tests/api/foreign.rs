//! What is of another store or another engine, and gets where it can't be used.

use crate::panic_of;
use mainspring::*;

const WRONG_STORE: &str = "object used with the wrong store";

/// A function type of one engine, as a type of values. Another engine may have another type under its number, or none.
fn concrete(engine: &Engine, param: ValType) -> RefType {
    RefType::new(true, FuncType::new(engine, [param], []).into())
}

fn message<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("it was accepted"),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn types_of_another_engine_are_refused_where_something_is_made() -> Result<()> {
    let (ours, theirs) = (Engine::default(), Engine::default());
    // So that the number of their type is that of another type of ours.
    let own = concrete(&ours, ValType::I64);
    let foreign = concrete(&theirs, ValType::F64);
    let foreign_func = foreign.heap_type().unwrap_concrete_func().clone();
    let mut store = Store::new(&ours, ());
    let table_of = |ty: &RefType| TableType::new(ty.clone(), 1, None);
    let global_of = |ty: &RefType| GlobalType::new(ty.clone().into(), Mutability::Var);

    Table::new(&mut store, table_of(&own), Ref::Func(None))?;
    Global::new(&mut store, global_of(&own), Val::FuncRef(None))?;
    let table = Table::new(&mut store, table_of(&foreign), Ref::Func(None));
    assert!(message(table).contains("wrong engine"));
    let global = Global::new(&mut store, global_of(&foreign), Val::FuncRef(None));
    assert!(message(global).contains("wrong engine"));
    assert!(table_of(&foreign).default_value(&mut store).is_err());
    assert!(global_of(&foreign).default_value(&mut store).is_err());
    let tag = TagType::new(foreign_func.clone());
    assert!(Tag::new(&mut store, &tag).is_err());

    let value = Val::FuncRef(None);
    assert!(value.matches_ty(&store, &own.clone().into())?);
    panic_of(|| value.matches_ty(&store, &foreign.clone().into()));
    panic_of(|| Ref::Func(None).matches_ty(&store, &foreign));
    // SAFETY: null is of each nullable type.
    panic_of(|| unsafe { Val::from_raw(&mut store, ValRaw::null(), foreign.clone().into()) });
    panic_of(|| foreign_func.default_value(&mut store));
    panic_of(|| FuncType::new(&ours, [foreign.clone().into()], []));
    Ok(())
}

#[test]
fn what_is_of_another_engine_is_no_import() -> Result<()> {
    let (ours, theirs) = (Engine::default(), Engine::default());
    let mut other = Store::new(&theirs, ());
    let func = Func::wrap(&mut other, || {});
    let memory = Memory::new(&mut other, MemoryType::new(1, None))?;
    for (item, import) in [
        (Extern::from(func), r#"(func)"#),
        (Extern::from(memory), r#"(memory 1)"#),
    ] {
        let mut linker = Linker::<()>::new(&ours);
        linker.define(&other, "a", "b", item.clone())?;
        let text = format!(r#"(module (import "a" "b" {import}))"#);
        let module = Module::new(&ours, &text)?;
        let pre = linker.instantiate_pre(&module);
        assert!(message(pre).contains("cross-`Engine`"));
        let made = linker.instantiate(&mut Store::new(&ours, ()), &module);
        assert!(message(made).contains("cross-`Engine`"));
        let module = Module::new(&theirs, &text)?;
        assert!(message(linker.instantiate_pre(&module)).contains("cross-`Engine`"));
        let started = panic_of(|| linker.module(&mut other, "c", &module).map(|_| ()));
        assert!(started.contains("another engine"));
    }
    Ok(())
}

#[test]
fn what_is_of_another_store_is_no_import() -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(&engine, r#"(module (import "a" "b" (func (param i32))))"#)?;
    let mut linker = Linker::<()>::new(&engine);
    // Types are compared as soon as there is a module, the store when there is one.
    let mut gone = Store::new(&engine, ());
    let func = Func::wrap(&mut gone, || {});
    linker.define(&gone, "a", "b", func)?;
    drop(gone);
    assert!(message(linker.instantiate_pre(&module)).contains("incompatible import type"));
    linker.allow_shadowing(true);
    let mut gone = Store::new(&engine, ());
    let func = Func::wrap(&mut gone, |_: i32| {});
    linker.define(&gone, "a", "b", func)?;
    drop(gone);
    let pre = linker.instantiate_pre(&module)?;
    let mut store = Store::new(&engine, ());
    for made in [
        pre.instantiate(&mut store),
        linker.instantiate(&mut store, &module),
    ] {
        assert!(message(made).contains("cross-`Store`"));
    }
    Ok(())
}

#[test]
fn what_is_of_another_store_gets_into_no_object() -> Result<()> {
    let engine = Engine::default();
    let (mut store, mut other) = (Store::new(&engine, ()), Store::new(&engine, ()));
    let theirs: Val = ExternRef::new(&mut other, 1)?.into();
    let field = FieldType::new(Mutability::Var, ValType::EXTERNREF.into());
    let ty = StructType::new(&engine, [field.clone()])?;
    let pre = StructRefPre::new(&mut store, ty.clone());
    let panic = panic_of(|| StructRef::new(&mut store, &pre, &[theirs]));
    assert_eq!(panic, WRONG_STORE);
    let object = StructRef::new(&mut store, &pre, &[Val::ExternRef(None)])?;
    assert!(object.set_field(&mut store, 0, theirs).is_err());
    let pre = StructRefPre::new(&mut other, ty);
    let panic = panic_of(|| StructRef::new(&mut store, &pre, &[Val::ExternRef(None)]));
    assert_eq!(panic, WRONG_STORE);

    let ty = ArrayType::new(&engine, field);
    let pre = ArrayRefPre::new(&mut store, ty.clone());
    let panic = panic_of(|| ArrayRef::new(&mut store, &pre, &theirs, 2));
    assert_eq!(panic, WRONG_STORE);
    let panic = panic_of(|| ArrayRef::new_fixed(&mut store, &pre, &[theirs]));
    assert_eq!(panic, WRONG_STORE);
    let array = ArrayRef::new(&mut store, &pre, &Val::ExternRef(None), 2)?;
    let panic = panic_of(|| array.set(&mut store, 0, theirs));
    assert_eq!(panic, WRONG_STORE);
    let pre = ArrayRefPre::new(&mut other, ty);
    let panic = panic_of(|| ArrayRef::new_fixed(&mut store, &pre, &[]));
    assert_eq!(panic, WRONG_STORE);

    let ty = ExnType::new(&engine, [ValType::EXTERNREF])?;
    let tag = Tag::new(&mut store, &ty.tag_type())?;
    let pre = ExnRefPre::new(&mut store, ty.clone());
    let panic = panic_of(|| ExnRef::new(&mut store, &pre, &tag, &[theirs]));
    assert_eq!(panic, WRONG_STORE);
    let pre = ExnRefPre::new(&mut other, ty);
    let panic = panic_of(|| ExnRef::new(&mut store, &pre, &tag, &[Val::ExternRef(None)]));
    assert_eq!(panic, WRONG_STORE);
    Ok(())
}

#[test]
fn numbers_that_are_no_references_are_refused() {
    // Objects that wasm makes, with a number in them that looks like the header of one.
    let text = r#"(module
        (type $s (struct (field i32) (field i32) (field i32)))
        (import "h" "seen" (func $seen (param anyref)))
        (func (export "make") (param i32)
            (call $seen (struct.new $s (local.get 0) (local.get 0) (local.get 0)))))"#;
    for (name, engine) in crate::engines() {
        let mut store = Store::new(&engine, Vec::new());
        let module = Module::new(&engine, text).unwrap();
        let mut linker = Linker::new(&engine);
        let seen = |mut caller: Caller<'_, Vec<u32>>, object: Option<Rooted<AnyRef>>| {
            let raw = object.expect("not null").to_raw(&mut caller)?;
            caller.data_mut().push(raw);
            Ok(())
        };
        linker.func_wrap("h", "seen", seen).unwrap();
        let forged = [8, 0x1000, 0x40000, 0x40008, u32::MAX - 7];
        assert!((forged.iter()).all(|raw| AnyRef::from_raw(&mut store, *raw).is_none()));
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let make = instance.get_typed_func::<i32, ()>(&mut store, "make");
        let make = make.unwrap();
        for header in (0..4096).step_by(8) {
            make.call(&mut store, header).unwrap();
        }
        let mut scope = RootScope::new(&mut store);
        let mut found = Vec::new();
        for raw in (0..8 << 20).step_by(2) {
            if let Some(object) = AnyRef::from_raw(&mut scope, raw) {
                assert!(object.is_struct(&scope).unwrap());
                assert!(ExternRef::from_raw(&mut scope, raw).is_some());
                assert!(ExnRef::from_raw(&mut scope, raw).is_none());
                found.push(raw);
            }
        }
        assert_eq!(&found, scope.as_context().data(), "{name}");
        // Integers are no objects.
        assert!(AnyRef::from_raw(&mut scope, 5).is_some());
        assert!(ExnRef::from_raw(&mut scope, 5).is_none());
    }
}

#[test]
fn addresses_that_are_no_functions_are_refused() {
    let engine = Engine::default();
    let (mut store, mut other) = (Store::new(&engine, ()), Store::new(&engine, ()));
    let text = r#"(module (func (export "a")) (func (export "b")) (func))"#;
    let module = Module::new(&engine, text).unwrap();
    let mut funcs = vec![Func::wrap(&mut store, || {})];
    for _ in 0..3 {
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        funcs.extend(["a", "b"].map(|name| instance.get_func(&mut store, name).unwrap()));
    }
    let theirs = Func::wrap(&mut other, || {}).to_raw(&mut other);
    for func in funcs {
        let raw = func.to_raw(&mut store);
        // SAFETY: it is a function of the store.
        let same = unsafe { Func::from_raw(&mut store, raw) }.expect("a function");
        same.call(&mut store, &[], &mut []).unwrap();
        for offset in [1, 8, 16, usize::MAX - 7] {
            // SAFETY: what is no function is looked up, not looked into.
            let forged = unsafe { Func::from_raw(&mut store, raw.wrapping_byte_add(offset)) };
            assert!(forged.is_none(), "{offset}");
        }
    }
    for raw in [std::ptr::null_mut(), std::ptr::dangling_mut(), theirs] {
        // SAFETY: as above.
        assert!(unsafe { Func::from_raw(&mut store, raw) }.is_none());
    }
}
