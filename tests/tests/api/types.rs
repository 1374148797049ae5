//! Types as embedders make and compare them, and subtyping between modules and with the host.

use crate::engines;
use mainspring::*;

/// Engines on which types may be declared subtypes of each other.
fn subtyping() -> Vec<(&'static str, Engine)> {
    engines()
        .into_iter()
        .map(|(name, engine)| {
            let mut config = engine.config().clone();
            config.wasm_gc(true);
            (name, Engine::new(&config).expect("a valid configuration"))
        })
        .collect()
}

fn field(mutability: Mutability, ty: impl Into<StorageType>) -> FieldType {
    FieldType::new(mutability, ty.into())
}

#[test]
fn function_types_have_a_place_in_the_subtype_order() -> Result<()> {
    let engine = Engine::default();
    let (funcref, nullfuncref) = (ValType::FUNCREF, ValType::NULLFUNCREF);
    let top = FuncType::with_finality_and_supertype(
        &engine,
        Finality::NonFinal,
        None,
        [nullfuncref.clone()],
        [funcref.clone()],
    )?;
    let make = |finality, supertype: &FuncType, param: &ValType, result: &ValType| {
        let (params, results) = ([param.clone()], [result.clone()]);
        FuncType::with_finality_and_supertype(&engine, finality, Some(supertype), params, results)
    };
    let middle = make(Finality::NonFinal, &top, &funcref, &funcref)?;
    let last = make(Finality::Final, &middle, &funcref, &nullfuncref)?;
    assert!(last.matches(&top) && last.matches(&middle) && middle.matches(&top));
    assert!(!top.matches(&middle) && !middle.matches(&last));
    assert!(FuncType::eq(
        &last.supertype().expect("a supertype"),
        &middle
    ));
    assert!(top.supertype().is_none());
    assert!(last.finality().is_final() && top.finality().is_non_final());
    // Final types have no subtypes, and the shapes have to match.
    assert!(make(Finality::Final, &last, &funcref, &nullfuncref).is_err());
    assert!(make(Finality::Final, &middle, &nullfuncref, &funcref).is_err());
    assert!(make(Finality::Final, &top, &ValType::I32, &funcref).is_err());
    // A type that is not declared one is no subtype, whatever its shape.
    let alone = FuncType::try_new(&engine, [funcref.clone()], [nullfuncref.clone()])?;
    assert!(!alone.matches(&top) && !FuncType::eq(&alone, &last));
    let again = make(Finality::Final, &middle, &funcref, &nullfuncref)?;
    assert!(FuncType::eq(&again, &last));
    assert_eq!(
        alone.to_string(),
        "(type (func (param funcref) (result (ref null nofunc))))"
    );
    Ok(())
}

#[test]
fn subtypes_go_only_so_deep() -> Result<()> {
    let engine = Engine::default();
    let mut chain = vec![StructType::with_finality_and_supertype(
        &engine,
        Finality::NonFinal,
        None,
        [],
    )?];
    let deeper = loop {
        let last = chain.last();
        match StructType::with_finality_and_supertype(&engine, Finality::NonFinal, last, []) {
            Ok(ty) => chain.push(ty),
            Err(error) => break error,
        }
    };
    assert!(deeper.to_string().contains("63"), "{deeper}");
    assert_eq!(chain.len(), 64);
    assert!(chain[63].matches(&chain[0]) && !chain[0].matches(&chain[63]));
    Ok(())
}

#[test]
fn structs_and_arrays_match_by_their_fields() -> Result<()> {
    use Mutability::{Const, Var};
    let engine = Engine::default();
    let base = StructType::with_finality_and_supertype(
        &engine,
        Finality::NonFinal,
        None,
        [field(Const, ValType::ANYREF), field(Var, StorageType::I8)],
    )?;
    let sub = |fields: Vec<FieldType>| {
        StructType::with_finality_and_supertype(&engine, Finality::Final, Some(&base), fields)
    };
    let wider = sub(vec![
        field(Const, ValType::EQREF),
        field(Var, StorageType::I8),
        field(Const, ValType::I64),
    ])?;
    assert!(wider.matches(&base));
    assert_eq!(wider.fields().len(), 3);
    assert!(wider.field(1).expect("a field").element_type().is_i8());
    assert!(wider.field(3).is_none());
    assert!(sub(vec![field(Const, ValType::EQREF)]).is_err());
    assert!(
        sub(vec![
            field(Var, ValType::ANYREF),
            field(Var, StorageType::I8)
        ])
        .is_err()
    );
    assert!(
        sub(vec![
            field(Const, ValType::ANYREF),
            field(Var, StorageType::I16)
        ])
        .is_err()
    );
    assert!(StructType::new(&engine, vec![field(Const, ValType::I32); 10_001]).is_err());

    let bytes = ArrayType::new(&engine, field(Var, StorageType::I8));
    assert!(bytes.mutability().is_var() && bytes.element_type().unpack().is_i32());
    assert!(ArrayType::eq(
        &bytes,
        &ArrayType::new(&engine, bytes.field_type())
    ));
    assert_eq!(bytes.to_string(), "(type (array (mut i8)))");
    assert_eq!(
        wider.to_string().split(' ').nth(1),
        Some("(sub"),
        "{wider} names its supertype"
    );
    Ok(())
}

#[test]
fn heap_types_form_hierarchies() -> Result<()> {
    let engine = Engine::default();
    let func = HeapType::from(FuncType::new(&engine, [], []));
    let array = HeapType::from(ArrayType::new(
        &engine,
        field(Mutability::Const, ValType::I32),
    ));
    let strct = HeapType::from(StructType::new(&engine, [])?);
    use HeapType::*;
    let hierarchies: [Vec<HeapType>; 4] = [
        vec![Func, func.clone(), NoFunc],
        vec![Extern, NoExtern],
        vec![Exn, NoExn],
        vec![
            Any,
            Eq,
            I31,
            Struct,
            strct.clone(),
            Array,
            array.clone(),
            None,
        ],
    ];
    for (i, a) in hierarchies.iter().enumerate() {
        for (j, b) in hierarchies.iter().enumerate() {
            for x in a {
                assert!(a[0].is_top() && HeapType::eq(&x.top(), &a[0]), "{x}");
                assert!(HeapType::eq(&x.bottom(), &a[a.len() - 1]), "{x}");
                assert!(x.bottom().is_bottom() && x.bottom().matches(x) && x.matches(x));
                for y in b {
                    assert!(i == j || !x.matches(y), "{x} {y}");
                    assert!(!x.is_top() || y.is_top() || !x.matches(y), "{x} {y}");
                }
            }
        }
    }
    for x in [&I31, &Struct, &strct, &Array, &array] {
        assert!(x.matches(&Eq) && !Eq.matches(x), "{x}");
    }
    assert!(strct.matches(&Struct) && !strct.matches(&Array) && !Struct.matches(&strct));
    assert!(array.is_concrete_array() && array.is_concrete() && !array.is_abstract());
    assert!(strct.as_concrete_struct().is_some() && strct.as_concrete_func().is_none());
    assert!(ValType::ANYREF.is_anyref() && ValType::ANYREF.unwrap_ref().heap_type().is_any());
    for ty in [
        ValType::ANYREF,
        ValType::EXNREF,
        ValType::FUNCREF,
        ValType::EXTERNREF,
    ] {
        let null = Val::default_for_ty(&ty).expect("null is a value of it");
        let store = Store::new(&engine, ());
        assert!(null.matches_ty(&store, &ty)? && null.ref_().expect("a reference").is_null());
    }
    assert!(Val::default_for_ty(&RefType::new(false, Func).into()).is_none());
    Ok(())
}

/// Equal types are equal across modules and the host, also with recursion, and subtypes fit where their
/// supertypes are imported.
#[test]
fn functions_link_by_their_declared_types() -> Result<()> {
    for (name, engine) in subtyping() {
        let types = r#"
            (type $t0 (sub (func (result funcref))))
            (rec (type $t1 (sub $t0 (func (result (ref null $t1))))))
            (type $t2 (sub final $t1 (func (result (ref null $t1)))))"#;
        let exporter = format!(
            r#"(module {types}
                (func (export "f0") (type $t0) (ref.null func))
                (func (export "f1") (type $t1) (ref.null $t1))
                (func (export "f2") (type $t2) (ref.null $t1)))"#
        );
        let mut store = Store::new(&engine, ());
        let exporter = Module::new(&engine, exporter)?;
        let exporter = Instance::new(&mut store, &exporter, &[])?;
        for own in 0..3 {
            let func = exporter.get_func(&mut store, &format!("f{own}"));
            let func = func.expect("an export");
            for wanted in 0..3 {
                let importer = format!(
                    r#"(module (type (func (param i64))) {types}
                        (import "" "" (func $f (type $t{wanted})))
                        (elem declare func $f)
                        (func (export "run") (result i32)
                            (drop (call $f)) (drop (call_ref $t{wanted} (ref.func $f)))
                            (i32.add (ref.test (ref $t1) (ref.func $f)) (ref.test (ref $t2) (ref.func $f)))))"#
                );
                let importer = Module::new(&engine, importer)?;
                let ty = importer.imports().next().expect("an import").ty();
                assert_eq!(func.matches_ty(&store, ty.unwrap_func()), own >= wanted);
                let instance = Instance::new(&mut store, &importer, &[func.into()]);
                assert_eq!(
                    instance.is_ok(),
                    own >= wanted,
                    "{name}: f{own} for $t{wanted}"
                );
                if let Ok(instance) = instance {
                    let run = instance.get_typed_func::<(), i32>(&mut store, "run")?;
                    assert_eq!(run.call(&mut store, ())?, own, "{name}");
                }
            }
        }
    }
    Ok(())
}

/// Each function of a chain of types, tested for each type of the chain and a few others: by `ref.test`, casts,
/// branches, and calls through a table.
#[test]
fn subtype_checks_agree_however_deep() -> Result<()> {
    const DEPTH: usize = 12;
    let mut text = String::from("(module (type $s0 (sub (func (result i32))))");
    for i in 1..DEPTH {
        text += &format!("(type $s{i} (sub $s{} (func (result i32))))", i - 1);
    }
    // A branch off the chain, and one that is not in it.
    text += "(rec (type $b (sub $s2 (func (result i32)))) (type $other (func (param i64))))";
    text += "(type $c (sub final $b (func (result i32))))";
    text += "(type $o (func (result i32)))";
    let mut types: Vec<String> = (0..DEPTH).map(|i| format!("$s{i}")).collect();
    types.extend(["$b", "$c", "$o"].map(String::from));
    let count = types.len();
    text += &format!("(table $t {} funcref)", count + 1);
    for (i, ty) in types.iter().enumerate() {
        text += &format!("(func $f{i} (type {ty}) (i32.const {i})) (elem (i32.const {i}) $f{i})");
    }
    for (i, ty) in types.iter().enumerate() {
        text += &format!(
            r#"(func (export "test{i}") (param i32) (result i32)
                (ref.test (ref {ty}) (table.get $t (local.get 0))))
            (func (export "test_null{i}") (param i32) (result i32)
                (if (result i32) (ref.test (ref null {ty}) (table.get $t (local.get 0)))
                    (then (i32.const 1)) (else (i32.const 0))))
            (func (export "cast{i}") (param i32) (result i32)
                (call_ref {ty} (ref.cast (ref {ty}) (table.get $t (local.get 0)))))
            (func (export "call{i}") (param i32) (result i32)
                (call_indirect $t (type {ty}) (local.get 0)))
            (func (export "branch{i}") (param i32) (result i32)
                (block $l (result (ref {ty}))
                    (br_on_cast $l funcref (ref {ty}) (table.get $t (local.get 0)))
                    (return (i32.const -1) (drop)))
                (call_ref {ty}))
            (func (export "branch_fail{i}") (param i32) (result i32)
                (block $l (result funcref)
                    (i32.const 5)
                    (br_on_cast_fail $l funcref (ref {ty}) (table.get $t (local.get 0)))
                    (return (i32.sub (call_ref {ty}) (i32.const 0))))
                (drop) (i32.const -1))"#
        );
    }
    text += ")";
    let text = text.replace(
        "(return (i32.const -1) (drop))",
        "(drop) (return (i32.const -1))",
    );
    let above = |i: usize| -> Vec<usize> {
        match i {
            _ if i < DEPTH => (0..=i).collect(),
            _ if i == DEPTH => vec![0, 1, 2, DEPTH],
            _ if i == DEPTH + 1 => vec![0, 1, 2, DEPTH, DEPTH + 1],
            _ => vec![i],
        }
    };
    for (name, engine) in subtyping() {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &Module::new(&engine, &text)?, &[])?;
        let call = |store: &mut Store<()>, what: &str, ty: usize, element: usize| {
            let func = instance.get_typed_func::<i32, i32>(&mut *store, &format!("{what}{ty}"))?;
            func.call(store, element as i32)
        };
        for (ty, type_name) in types.iter().enumerate() {
            for element in 0..=count {
                let is_null = element == count;
                let fits = !is_null && above(element).contains(&ty);
                let told = format!("{name}: {element} as {type_name}");
                assert_eq!(
                    call(&mut store, "test", ty, element)?,
                    fits.into(),
                    "{told}"
                );
                let or_null = i32::from(fits || is_null);
                assert_eq!(
                    call(&mut store, "test_null", ty, element)?,
                    or_null,
                    "{told}"
                );
                let or_not = if fits { element as i32 } else { -1 };
                assert_eq!(call(&mut store, "branch", ty, element)?, or_not, "{told}");
                assert_eq!(
                    call(&mut store, "branch_fail", ty, element)?,
                    or_not,
                    "{told}"
                );
                let (cast, indirect) = match is_null {
                    true => (Trap::CastFailure, Trap::IndirectCallToNull),
                    false => (Trap::CastFailure, Trap::BadSignature),
                };
                for (what, trap) in [("cast", cast), ("call", indirect)] {
                    match call(&mut store, what, ty, element) {
                        Ok(value) => assert!(fits && value == element as i32, "{told}: {what}"),
                        Err(error) => {
                            assert!(!fits, "{told}: {what}");
                            assert_eq!(error.downcast_ref::<Trap>(), Some(&trap), "{told}: {what}");
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn casts_to_the_ends_of_hierarchies() -> Result<()> {
    let text = r#"(module
        (func $f) (elem declare func $f)
        (func (export "func") (param i32) (result i32 i32 i32 i32)
            (local $r funcref)
            (if (local.get 0) (then (local.set $r (ref.func $f))))
            (ref.test (ref func) (local.get $r)) (ref.test (ref null func) (local.get $r))
            (ref.test (ref nofunc) (local.get $r)) (ref.test (ref null nofunc) (local.get $r)))
        (func (export "extern") (param externref) (result i32 i32 i32 i32)
            (ref.test (ref extern) (local.get 0)) (ref.test (ref null extern) (local.get 0))
            (ref.test (ref noextern) (local.get 0)) (ref.test (ref null noextern) (local.get 0)))
        (func (export "any") (param anyref) (result i32 i32 i32 i32)
            (ref.test (ref any) (local.get 0)) (ref.test (ref null any) (local.get 0))
            (ref.test (ref none) (local.get 0)) (ref.test (ref null none) (local.get 0)))
        (func (export "fail") (param externref)
            (drop (ref.cast (ref noextern) (local.get 0)))))"#;
    for (name, engine) in subtyping() {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &Module::new(&engine, text)?, &[])?;
        let some: Val = ExternRef::new(&mut store, 1)?.into();
        let cases = [
            ("func", Val::I32(0), false),
            ("func", Val::I32(1), true),
            ("extern", Val::ExternRef(None), false),
            ("extern", some, true),
            ("any", Val::AnyRef(None), false),
        ];
        for (func, param, is_some) in cases {
            let func = instance.get_func(&mut store, func).expect("an export");
            let mut results = [Val::I32(0); 4];
            func.call(&mut store, &[param], &mut results)?;
            let results = results.map(|result| result.unwrap_i32() != 0);
            assert_eq!(results, [is_some, true, false, !is_some], "{name}");
        }
        let fail = instance.get_func(&mut store, "fail").expect("an export");
        for param in [some, Val::ExternRef(None)] {
            let error = fail.call(&mut store, &[param], &mut []).unwrap_err();
            assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::CastFailure));
        }
    }
    Ok(())
}

#[test]
fn what_needs_objects_is_refused_where_there_are_none() {
    let texts = [
        "(module (type (struct)))",
        "(module (func (drop (ref.i31 (i32.const 1)))))",
        "(module (type (sub (func))))",
    ];
    let mut config = Config::new();
    let off = Engine::new(config.wasm_gc(false)).unwrap();
    let mut config = Config::new();
    let without = Engine::new(config.gc_support(false)).unwrap();
    for engine in [off, without] {
        for text in texts {
            let error = format!("{:#}", Module::new(&engine, text).unwrap_err());
            assert!(error.contains("gc"), "{text}: {error}");
        }
    }
    let mut config = Config::new();
    assert!(Engine::new(config.gc_support(false).wasm_gc(true)).is_err());
}

/// A table and a global of the host's keep the type that they mention, when nobody else does.
#[test]
fn what_the_host_makes_keeps_its_types() -> Result<()> {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = FuncType::new(&engine, [ValType::I32, ValType::F64], [ValType::I64]);
    let heap = HeapType::ConcreteFunc(ty);
    let null = Ref::null(&heap);
    let table = TableType::new(RefType::new(true, heap.clone()), 1, None);
    let table = Table::new(&mut store, table, null)?;
    let global = GlobalType::new(RefType::new(true, heap).into(), Mutability::Var);
    let global = Global::new(&mut store, global, null.into())?;
    // What would take the place of the type if it were gone.
    let other = Func::wrap(&mut store, |x: i64| x);
    assert!(table.set(&mut store, 0, other.into()).is_err());
    assert!(global.set(&mut store, other.into()).is_err());
    let own = Func::wrap(&mut store, |x: i32, y: f64| i64::from(x) + y as i64);
    table.set(&mut store, 0, own.into())?;
    global.set(&mut store, own.into())?;
    assert_eq!(
        table
            .ty(&store)
            .element()
            .heap_type()
            .unwrap_concrete_func()
            .params()
            .len(),
        2
    );
    Ok(())
}
