//! What is used with a store, or an engine, that it is not of: the calls that wasmtime documents to panic.

use mainspring::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A closure with its text.
type Attempt<'a> = (&'static str, Box<dyn FnOnce() + 'a>);

/// What is tried, one after the other. Each has to panic, with a message that has one of these words in it.
#[track_caller]
fn all_panic(words: &[&str], tried: Vec<Attempt<'_>>) {
    let mut wrong = Vec::new();
    for (what, attempt) in tried {
        let Err(payload) = catch_unwind(AssertUnwindSafe(attempt)) else {
            wrong.push(format!("{what}: there was no panic"));
            continue;
        };
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| text.to_string())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        if !words.iter().any(|word| text.contains(word)) {
            wrong.push(format!("{what}: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Closures with their text.
macro_rules! attempts {
    ($($attempt:expr;)*) => {
        vec![$((stringify!($attempt), Box::new(|| { let _ = $attempt; }) as Box<dyn FnOnce()>),)*]
    };
}

const STORE: &[&str] = &["wrong store"];
const ENGINE: &[&str] = &["different engine", "another engine"];

/// Two stores of an engine, and an instance in the first.
fn two_stores() -> (Store<()>, Store<()>, Instance) {
    let engine = Engine::default();
    let text = r#"(module (func (export "f")) (memory (export "m") 1)
        (table (export "t") 1 funcref) (global (export "g") (mut i32) (i32.const 0)) (tag (export "x")))"#;
    let module = Module::new(&engine, text).expect("valid");
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
    (store, Store::new(&engine, ()), instance)
}

#[test]
fn instances_and_what_they_export_are_of_their_store() {
    let (mut own, other, instance) = two_stores();
    let export = instance
        .module(&own)
        .get_export_index("f")
        .expect("a function");
    let func = instance.get_func(&mut own, "f").expect("an export");
    let memory = instance.get_memory(&mut own, "m").expect("an export");
    let table = instance.get_table(&mut own, "t").expect("an export");
    let global = instance.get_global(&mut own, "g").expect("an export");
    let tag = instance.get_tag(&mut own, "x").expect("an export");
    let typed = func.typed::<(), ()>(&own).expect("its type");
    let other = std::cell::RefCell::new(other);
    let theirs = || other.borrow_mut();
    let (null, ty) = (Ref::Func(None), func.ty(&own));
    let engine = own.engine().clone();
    all_panic(
        STORE,
        attempts! {
            instance.module(&*theirs()).name().map(str::to_owned);
            instance.exports(&mut *theirs()).len();
            instance.get_export(&mut *theirs(), "f");
            instance.get_module_export(&mut *theirs(), &export);
            instance.get_func(&mut *theirs(), "f");
            instance.get_typed_func::<(), ()>(&mut *theirs(), "f");
            instance.get_table(&mut *theirs(), "t");
            instance.get_memory(&mut *theirs(), "m");
            instance.get_shared_memory(&mut *theirs(), "m");
            instance.get_global(&mut *theirs(), "g");
            instance.get_tag(&mut *theirs(), "x");
            func.ty(&*theirs());
            func.matches_ty(&*theirs(), &ty);
            func.call(&mut *theirs(), &[], &mut []);
            func.typed::<(), ()>(&*theirs());
            func.to_raw(&mut *theirs());
            typed.call(&mut *theirs(), ());
            global.ty(&*theirs());
            global.get(&mut *theirs());
            global.set(&mut *theirs(), Val::I32(0));
            table.ty(&*theirs());
            table.get(&mut *theirs(), 0);
            table.set(&mut *theirs(), 0, null);
            table.size(&*theirs());
            table.grow(&mut *theirs(), 0, null);
            table.fill(&mut *theirs(), 0, null, 0);
            Table::copy(&mut *theirs(), &table, 0, &table, 0, 0);
            tag.ty(&*theirs());
            Tag::eq(&tag, &tag, &*theirs());
            memory.ty(&*theirs());
            memory.read(&*theirs(), 0, &mut []);
            memory.write(&mut *theirs(), 0, &[]);
            memory.data(&*theirs()).len();
            memory.data_mut(&mut *theirs()).len();
            memory.data_and_store_mut(&mut *theirs()).0.len();
            memory.data_ptr(&*theirs());
            memory.data_size(&*theirs());
            memory.size(&*theirs());
            memory.page_size(&*theirs());
            memory.page_size_log2(&*theirs());
            memory.grow(&mut *theirs(), 0);
            Extern::from(func).ty(&*theirs());
            Extern::from(memory).ty(&*theirs());
            Extern::from(table).ty(&*theirs());
            Extern::from(global).ty(&*theirs());
            Extern::from(tag).ty(&*theirs());
            instance.exports(&mut own).next().expect("an export").ty(&*theirs());
            Linker::new(&engine).instance(&mut *theirs(), "a", instance).map(|_| ());
            Val::from(func).ty(&*theirs());
            Val::from(func).matches_ty(&*theirs(), &ValType::FUNCREF);
            Ref::from(func).ty(&*theirs());
            Ref::from(func).matches_ty(&*theirs(), &RefType::FUNCREF);
        },
    );
}

#[test]
fn references_are_of_their_store() -> Result<()> {
    let (mut own, other, _) = two_stores();
    let engine = own.engine().clone();
    let external = ExternRef::new(&mut own, 5)?;
    let owned = external.to_owned_rooted(&mut own)?;
    let any = AnyRef::from_i31(&mut own, I31::wrapping_u32(1));
    let equal = EqRef::from_i31(&mut own, I31::wrapping_u32(1));
    let field = FieldType::new(Mutability::Var, ValType::EXTERNREF.into());
    let struct_type = StructType::new(&engine, [field.clone()])?;
    let struct_pre = StructRefPre::new(&mut own, struct_type.clone());
    let null = Val::ExternRef(None);
    let object = StructRef::new(&mut own, &struct_pre, &[null])?;
    let array_type = ArrayType::new(&engine, field);
    let array_pre = ArrayRefPre::new(&mut own, array_type.clone());
    let array = ArrayRef::new(&mut own, &array_pre, &null, 1)?;
    let bytes = FieldType::new(Mutability::Var, StorageType::I8);
    let bytes_pre = ArrayRefPre::new(&mut own, ArrayType::new(&engine, bytes));
    let bytes = ArrayRef::new_from_i8_slice(&mut own, &bytes_pre, &[1])?;
    let carried = FuncType::new(&engine, [ValType::EXTERNREF], []);
    let exn_type = ExnType::new(&engine, [ValType::EXTERNREF])?;
    let exn_pre = ExnRefPre::new(&mut own, exn_type.clone());
    let tag = Tag::new(&mut own, &TagType::new(carried.clone()))?;
    let exception = ExnRef::new(&mut own, &exn_pre, &tag, &[null])?;
    let value = Val::from(external);
    let mut other = other;
    let their_struct = StructRefPre::new(&mut other, struct_type.clone());
    let their_array = ArrayRefPre::new(&mut other, array_type.clone());
    let their_exn = ExnRefPre::new(&mut other, exn_type);
    let their_tag = Tag::new(&mut other, &TagType::new(carried))?;
    let theirs_value = ExternRef::new(&mut other, 5)?;
    let other = std::cell::RefCell::new(other);
    let theirs = || other.borrow_mut();
    let own = std::cell::RefCell::new(own);
    let ours = || own.borrow_mut();
    all_panic(
        STORE,
        attempts! {
            external.data(&*theirs()).map(|_| ());
            external.data_mut(&mut *theirs()).map(|_| ());
            external.to_owned_rooted(&mut *theirs());
            external.to_raw(&mut *theirs());
            owned.to_rooted(&mut *theirs());
            Rooted::ref_eq(&*theirs(), &external, &theirs_value);
            Rooted::ref_eq(&*theirs(), &theirs_value, &external);
            OwnedRooted::ref_eq(&*theirs(), &owned, &theirs_value);
            value.ty(&*theirs());
            value.matches_ty(&*theirs(), &ValType::EXTERNREF);
            Ref::from(external).ty(&*theirs());
            ExternRef::convert_any(&mut *theirs(), any);
            AnyRef::convert_extern(&mut *theirs(), external);
            any.ty(&*theirs());
            any.matches_ty(&*theirs(), &HeapType::Any);
            any.is_eqref(&*theirs());
            any.as_eqref(&mut *theirs());
            any.unwrap_eqref(&mut *theirs());
            any.is_i31(&*theirs());
            any.as_i31(&*theirs());
            any.unwrap_i31(&*theirs());
            any.is_struct(&*theirs());
            any.as_struct(&*theirs());
            any.unwrap_struct(&*theirs());
            any.is_array(&*theirs());
            any.as_array(&*theirs());
            any.unwrap_array(&*theirs());
            equal.ty(&*theirs());
            equal.matches_ty(&*theirs(), &HeapType::Eq);
            equal.is_i31(&*theirs());
            equal.as_i31(&*theirs());
            equal.unwrap_i31(&*theirs());
            equal.is_struct(&*theirs());
            equal.as_struct(&*theirs());
            equal.unwrap_struct(&*theirs());
            equal.is_array(&*theirs());
            equal.as_array(&*theirs());
            equal.unwrap_array(&*theirs());
            object.ty(&*theirs());
            object.matches_ty(&*theirs(), &struct_type);
            object.fields(&mut *theirs()).map(|all| all.len());
            object.field(&mut *theirs(), 0);
            object.set_field(&mut *theirs(), 0, null);
            array.ty(&*theirs());
            array.matches_ty(&*theirs(), &array_type);
            array.len(&*theirs());
            array.elems(&mut *theirs()).map(|all| all.len());
            array.get(&mut *theirs(), 0);
            array.set(&mut *theirs(), 0, null);
            array.set(&mut *ours(), 0, theirs_value.into());
            bytes.copy_to_i8_slice(&mut *theirs(), &mut [0]);
            exception.ty(&*theirs());
            exception.matches_ty(&*theirs(), &HeapType::Exn);
            exception.tag(&mut *theirs());
            exception.fields(&mut *theirs()).map(|all| all.len());
            exception.field(&mut *theirs(), 0);
            StructRef::new(&mut *theirs(), &struct_pre, &[null]);
            StructRef::new(&mut *theirs(), &their_struct, &[value]);
            ArrayRef::new(&mut *theirs(), &array_pre, &null, 1);
            ArrayRef::new(&mut *theirs(), &their_array, &value, 1);
            ArrayRef::new_fixed(&mut *theirs(), &array_pre, &[null]);
            ArrayRef::new_fixed(&mut *theirs(), &their_array, &[value]);
            ArrayRef::new_from_i8_slice(&mut *theirs(), &bytes_pre, &[1]);
            ExnRef::new(&mut *theirs(), &exn_pre, &their_tag, &[null]);
            ExnRef::new(&mut *theirs(), &their_exn, &tag, &[null]);
            ExnRef::new(&mut *theirs(), &their_exn, &their_tag, &[value]);
        },
    );
    Ok(())
}

#[test]
fn types_are_of_their_engine() -> Result<()> {
    let (ours, theirs) = (Engine::default(), Engine::default());
    let mut store = Store::new(&ours, ());
    let cell = std::cell::RefCell::new(Store::new(&ours, ()));
    let here = || cell.borrow_mut();
    let funcs = [&ours, &theirs].map(|engine| FuncType::new(engine, [], []));
    let plain = FieldType::new(Mutability::Var, ValType::I32.into());
    let field = |func: &FuncType| {
        let ty = RefType::new(true, HeapType::ConcreteFunc(func.clone()));
        FieldType::new(Mutability::Var, ValType::from(ty).into())
    };
    let array = |engine: &Engine| ArrayType::new(engine, plain.clone());
    let arrays = [array(&ours), array(&theirs)];
    let object = |engine: &Engine| StructType::new(engine, [plain.clone()]);
    let structs = [object(&ours)?, object(&theirs)?];
    let exception = |engine: &Engine| ExnType::new(engine, [ValType::I32]);
    let exceptions = [exception(&ours)?, exception(&theirs)?];
    let heaps = funcs.clone().map(HeapType::from);
    let refs = heaps.clone().map(|heap| RefType::new(true, heap));
    let vals = refs.clone().map(ValType::from);
    let storages = vals.clone().map(StorageType::from);
    let fields = [field(&funcs[0]), field(&funcs[1])];
    let func = Func::wrap(&mut store, || {});
    let pre = StructRefPre::new(&mut store, structs[0].clone());
    let an_object = StructRef::new(&mut store, &pre, &[Val::I32(0)])?;
    let pre = ArrayRefPre::new(&mut store, arrays[0].clone());
    let an_array = ArrayRef::new(&mut store, &pre, &Val::I32(0), 1)?;
    let no_func = |_: Caller<'_, ()>, _: &[Val], _: &mut [Val]| Ok(());
    let raw_func = |_: Caller<'_, ()>, _: &mut [std::mem::MaybeUninit<ValRaw>]| Ok(());
    let open = Finality::NonFinal;
    let top = StructType::with_finality_and_supertype(&theirs, open, None, [])?;
    let top_array = ArrayType::with_finality_and_supertype(&theirs, open, None, plain.clone())?;
    let top_func = FuncType::with_finality_and_supertype(&theirs, open, None, [], [])?;
    let mut linker = Linker::<()>::new(&theirs);
    linker.func_wrap("a", "", || {})?;
    let text = r#"(module (import "a" "" (func)))"#;
    let module = Module::new(&theirs, text)?;
    let import = module.imports().next().expect("an import");
    all_panic(
        ENGINE,
        attempts! {
            vals[0].matches(&vals[1]);
            ValType::eq(&vals[0], &vals[1]);
            refs[0].matches(&refs[1]);
            RefType::eq(&refs[0], &refs[1]);
            heaps[0].matches(&heaps[1]);
            HeapType::eq(&heaps[0], &heaps[1]);
            storages[0].matches(&storages[1]);
            StorageType::eq(&storages[0], &storages[1]);
            fields[0].matches(&fields[1]);
            FieldType::eq(&fields[0], &fields[1]);
            funcs[0].matches(&funcs[1]);
            FuncType::eq(&funcs[0], &funcs[1]);
            arrays[0].matches(&arrays[1]);
            ArrayType::eq(&arrays[0], &arrays[1]);
            structs[0].matches(&structs[1]);
            StructType::eq(&structs[0], &structs[1]);
            exceptions[0].matches(&exceptions[1]);
            StructType::new(&ours, [fields[1].clone()]);
            StructType::with_finality_and_supertype(&ours, open, Some(&top), []);
            StructType::with_finality_and_supertype(&ours, open, None, [fields[1].clone()]);
            ArrayType::new(&ours, fields[1].clone());
            ArrayType::with_finality_and_supertype(&ours, open, Some(&top_array), plain.clone());
            ArrayType::with_finality_and_supertype(&ours, open, None, fields[1].clone());
            FuncType::new(&ours, [vals[1].clone()], []);
            FuncType::new(&ours, [], [vals[1].clone()]);
            FuncType::try_new(&ours, [vals[1].clone()], []);
            FuncType::with_finality_and_supertype(&ours, open, Some(&top_func), [], []);
            FuncType::with_finality_and_supertype(&ours, open, None, [vals[1].clone()], []);
            ExnType::new(&ours, [vals[1].clone()]);
            Func::new(&mut *here(), funcs[1].clone(), no_func);
            // SAFETY: there are no results.
            unsafe { Func::new_unchecked(&mut *here(), funcs[1].clone(), raw_func) };
            Linker::<()>::new(&ours).func_new("a", "b", funcs[1].clone(), no_func).map(|_| ());
            // SAFETY: there are no results.
            unsafe { Linker::<()>::new(&ours).func_new_unchecked("a", "b", funcs[1].clone(), raw_func).map(|_| ()) };
            StructRefPre::new(&mut *here(), structs[1].clone());
            ArrayRefPre::new(&mut *here(), arrays[1].clone());
            ExnRefPre::new(&mut *here(), exceptions[1].clone());
            func.matches_ty(&store, &funcs[1]);
            an_object.matches_ty(&store, &structs[1]);
            an_array.matches_ty(&store, &arrays[1]);
            Val::from(func).matches_ty(&store, &vals[1]);
            Ref::from(func).matches_ty(&store, &refs[1]);
            linker.clone().module(&mut *here(), "b", &module).map(|_| ());
            linker.get(&mut *here(), "a", "");
            linker.get_by_import(&mut *here(), &import);
            linker.get_default(&mut *here(), "a");
            linker.iter(&mut *here()).count();
        },
    );
    Ok(())
}

#[test]
fn what_is_of_another_sort_is_not_unwrapped() -> Result<()> {
    let mut store = Store::<()>::default();
    let any = AnyRef::from_i31(&mut store, I31::wrapping_u32(1));
    let equal = EqRef::from_i31(&mut store, I31::wrapping_u32(1));
    let outside = ExternRef::new(&mut store, 1)?;
    let outside = AnyRef::convert_extern(&mut store, outside)?;
    let field = FieldType::new(Mutability::Var, ValType::I32.into());
    let ty = ArrayType::new(store.engine(), field);
    let pre = ArrayRefPre::new(&mut store, ty);
    let array = ArrayRef::new(&mut store, &pre, &Val::I32(0), 1)?;
    let (number, func) = (Val::I32(0), Val::FuncRef(None));
    let ty = ExternType::from(MemoryType::new(1, None));
    let reference = Ref::Func(None);
    let store = std::cell::RefCell::new(store);
    let here = || store.borrow_mut();
    all_panic(
        &[""],
        attempts! {
            outside.unwrap_eqref(&mut *here());
            outside.unwrap_i31(&*here());
            any.unwrap_struct(&*here());
            any.unwrap_array(&*here());
            equal.unwrap_struct(&*here());
            equal.unwrap_array(&*here());
            array.to_eqref().unwrap_i31(&*here());
            number.unwrap_i64();
            number.unwrap_f32();
            number.unwrap_f64();
            number.unwrap_v128();
            number.unwrap_externref();
            number.unwrap_anyref();
            number.unwrap_exnref();
            number.unwrap_funcref();
            func.unwrap_i32();
            reference.unwrap_extern();
            reference.unwrap_any();
            reference.unwrap_exn();
            Ref::Extern(None).unwrap_func();
            ty.unwrap_func();
            ty.unwrap_global();
            ty.unwrap_table();
            ty.unwrap_tag();
            ExternType::from(FuncType::new(here().engine(), [], [])).unwrap_memory();
            ValType::I32.unwrap_ref();
            HeapType::Any.unwrap_concrete_func();
            HeapType::Any.unwrap_concrete_array();
            HeapType::Any.unwrap_concrete_struct();
            StorageType::I8.unwrap_val_type();
            MemoryType::new(2, Some(1));
            MemoryType::new(65537, None);
            MemoryType::new(1, Some(65537));
            MemoryType::new64(2, Some(1));
            MemoryType::new64(1 << 48, None);
            MemoryType::new64(0, Some((1 << 48) + 1));
            MemoryType::shared(2, 1);
            MemoryType::shared(0, 65537);
        },
    );
    Ok(())
}
