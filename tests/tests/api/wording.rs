//! Words of errors that people, and scripts, search for.

use mainspring::*;

/// What an import is refused for, by what an instance of `exporter` exports as `x`.
fn refusal(exporter: &str, import: &str) -> String {
    let mut config = Config::new();
    config.shared_memory(true).wasm_custom_page_sizes(true);
    let engine = Engine::new(&config).expect("a valid configuration");
    let mut store = Store::new(&engine, ());
    let exporter = format!("(module {exporter})");
    let module = Module::new(&engine, &exporter).expect(&exporter);
    let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
    let item = instance.get_export(&mut store, "x").expect("an export");
    let importer = format!(r#"(module (import "a" "x" {import}))"#);
    let module = Module::new(&engine, &importer).expect(&importer);
    let error = Instance::new(&mut store, &module, &[item]).expect_err(&importer);
    let error = format!("{error:#}");
    let start = "incompatible import type for `a::x`: ";
    let rest = error.strip_prefix(start);
    rest.unwrap_or_else(|| panic!("{error}")).to_owned()
}

#[test]
fn imports_of_other_types_say_what_was_expected_and_what_found() {
    for (exported, import, expected) in [
        (
            r#"(func (export "x"))"#,
            "(func (param i32))",
            "types incompatible: expected type `(func (param i32))`, found type `(func)`",
        ),
        (
            r#"(type $s (sub (func))) (func (export "x") (type $s))"#,
            "(func (result f32))",
            "types incompatible: expected type `(func (result f32))`, found type `(sub (func))`",
        ),
        (
            r#"(memory (export "x") 1)"#,
            "(func)",
            "expected func, but found memory",
        ),
        (
            r#"(func (export "x"))"#,
            "(memory 1)",
            "expected memory, but found function",
        ),
        (
            r#"(global (export "x") i64 (i64.const 0))"#,
            "(global i32)",
            "global types incompatible: expected global of type `i32`, found global of type `i64`",
        ),
        (
            r#"(global (export "x") i32 (i32.const 0))"#,
            "(global (mut i32))",
            "global types incompatible: expected mutable global, found immutable global",
        ),
        (
            r#"(global (export "x") (mut (ref null func)) (ref.null func))"#,
            "(global (ref null extern))",
            "global types incompatible: expected global of type `externref`, found global of type `funcref`",
        ),
        (
            r#"(table (export "x") 1 funcref)"#,
            "(table 1 externref)",
            "table types incompatible: expected table of type `externref`, found table of type `funcref`",
        ),
        (
            r#"(table (export "x") 1 funcref)"#,
            "(table i64 1 funcref)",
            "table types incompatible: expected 64-bit table, found 32-bit table",
        ),
        (
            r#"(table (export "x") 1 funcref)"#,
            "(table 2 funcref)",
            "table types incompatible: expected table limits (min: 2, max: none) doesn't match provided table limits (min: 1, max: none)",
        ),
        (
            r#"(memory (export "x") 1 2 shared)"#,
            "(memory 1 2)",
            "memory types incompatible: expected non-shared memory, found shared memory",
        ),
        (
            r#"(memory (export "x") i64 1)"#,
            "(memory 1)",
            "memory types incompatible: expected 32-bit memory, found 64-bit memory",
        ),
        (
            r#"(memory (export "x") 1 3)"#,
            "(memory 1 2)",
            "memory types incompatible: expected memory limits (min: 1, max: 2) doesn't match provided memory limits (min: 1, max: 3)",
        ),
        (
            r#"(memory (export "x") 1 (pagesize 1))"#,
            "(memory 1)",
            "memory types incompatible: expected a memory with a page size of 65536, but received a memory with a page size of 1",
        ),
        (
            r#"(tag (export "x"))"#,
            "(tag (param i32))",
            "incompatible tag types: expected tag of type `(func (param i32))`, found tag of type `(func)`",
        ),
    ] {
        assert_eq!(refusal(exported, import), expected);
    }
}

#[test]
fn rust_types_that_do_not_fit_are_type_mismatches() -> Result<()> {
    let mut store = Store::<()>::default();
    let func = Func::wrap(&mut store, |_: i32| 0i64);
    let message = |error: Error| format!("{error:#}");
    let params = func.typed::<f32, i64>(&store).expect_err("another type");
    assert_eq!(
        message(params),
        "type mismatch with parameters: type mismatch: expected i32, found f32"
    );
    let results = func.typed::<i32, f32>(&store).expect_err("another type");
    assert_eq!(
        message(results),
        "type mismatch with results: type mismatch: expected f32, found i64"
    );
    let count = func.typed::<(), i64>(&store).expect_err("another count");
    assert_eq!(
        message(count),
        "type mismatch with parameters: expected 0 types, found 1"
    );
    let wrong = func.call(&mut store, &[Val::F32(0)], &mut [Val::I32(0)]);
    assert_eq!(
        message(wrong.expect_err("another type")),
        "argument type mismatch: type mismatch: expected i32, found f32"
    );
    Ok(())
}

#[test]
fn values_that_do_not_fit_are_type_mismatches() -> Result<()> {
    let mut store = Store::<()>::default();
    let found = |result: Result<()>| format!("{:#}", result.expect_err("another type"));
    let funcs = TableType::new(RefType::FUNCREF, 1, None);
    let funcs = Table::new(&mut store, funcs, Ref::Func(None))?;
    let externs = TableType::new(RefType::EXTERNREF, 1, None);
    let externs = Table::new(&mut store, externs, Ref::Extern(None))?;
    let text = found(funcs.set(&mut store, 0, Ref::Extern(None)));
    assert!(text.starts_with("type mismatch: value does not match table element type"));
    assert!(text.ends_with("expected funcref, found (ref null noextern)"));
    let text = found(Table::copy(&mut store, &funcs, 0, &externs, 0, 1));
    assert!(text.starts_with("type mismatch: source table's element type"));
    assert!(
        text.ends_with("expected funcref, found externref"),
        "{text}"
    );
    let fields = [FieldType::new(Mutability::Var, ValType::I32.into())];
    let ty = StructType::new(store.engine(), fields)?;
    let pre = StructRefPre::new(&mut store, ty);
    let object = StructRef::new(&mut store, &pre, &[Val::I32(1)])?;
    assert_eq!(
        found(object.set_field(&mut store, 0, Val::I64(1))),
        "cannot set field 0: type mismatch: type mismatch: expected i32, found i64"
    );
    let ty = FieldType::new(Mutability::Var, ValType::F64.into());
    let ty = ArrayType::new(store.engine(), ty);
    let pre = ArrayRefPre::new(&mut store, ty);
    let array = ArrayRef::new(&mut store, &pre, &Val::F64(0), 3)?;
    assert_eq!(
        found(array.set(&mut store, 2, Val::I64(1))),
        "cannot set element 2: type mismatch: type mismatch: expected f64, found i64"
    );
    let text = found(array.get(&mut store, 3).map(|_| ()));
    assert!(text.starts_with("index out of bounds"), "{text}");
    Ok(())
}
