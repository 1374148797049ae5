//! Instantiation and linking.

use crate::engines;
use mainspring::*;

#[test]
fn imports_are_counted_and_compared() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let text = r#"(module (import "a" "f" (func (param i32))) (import "a" "m" (memory 2 4)) (import "a" "g" (global (mut i32))))"#;
    let module = Module::new(&engine, text).unwrap();
    let message = |error: Result<Instance>| format!("{:#}", error.unwrap_err());
    assert_eq!(
        message(Instance::new(&mut store, &module, &[])),
        "expected 3 imports, found 0"
    );
    let f: Extern = Func::wrap(&mut store, |_: i32| {}).into();
    let g: Extern = Global::new(
        &mut store,
        GlobalType::new(ValType::I32, Mutability::Var),
        Val::I32(0),
    )
    .unwrap()
    .into();
    let m: Extern = Memory::new(&mut store, MemoryType::new(2, Some(3)))
        .unwrap()
        .into();
    assert!(Instance::new(&mut store, &module, &[f.clone(), m.clone(), g.clone()]).is_ok());

    let wrong: Extern = Func::wrap(&mut store, |_: i64| {}).into();
    let error = message(Instance::new(
        &mut store,
        &module,
        &[wrong, m.clone(), g.clone()],
    ));
    assert!(error.starts_with("incompatible import type for `a::f`: types incompatible: expected type `(func (param i32))`"), "{error}");
    let error = message(Instance::new(
        &mut store,
        &module,
        &[m.clone(), m.clone(), g.clone()],
    ));
    assert!(
        error.contains("`a::f`: expected func, but found memory"),
        "{error}"
    );
    let small: Extern = Memory::new(&mut store, MemoryType::new(1, Some(3)))
        .unwrap()
        .into();
    let error = message(Instance::new(
        &mut store,
        &module,
        &[f.clone(), small, g.clone()],
    ));
    assert!(
        error.contains("`a::m`: memory types incompatible"),
        "{error}"
    );
    let constant: Extern = Global::new(
        &mut store,
        GlobalType::new(ValType::I32, Mutability::Const),
        Val::I32(0),
    )
    .unwrap()
    .into();
    let error = message(Instance::new(
        &mut store,
        &module,
        &[f.clone(), m.clone(), constant],
    ));
    assert!(
        error.contains(
            "`a::g`: global types incompatible: expected mutable global, found immutable global"
        ),
        "{error}"
    );

    // A memory counts with its size now, not with its declared minimum.
    let grown = Memory::new(&mut store, MemoryType::new(1, Some(3))).unwrap();
    grown.grow(&mut store, 1).unwrap();
    assert!(Instance::new(&mut store, &module, &[f.clone(), grown.into(), g.clone()]).is_ok());

    let mut other = Store::new(&engine, ());
    assert!(message(Instance::new(&mut other, &module, &[f, m, g])).contains("cross-`Store`"));
    let elsewhere = Engine::default();
    let mut store = Store::new(&elsewhere, ());
    assert!(message(Instance::new(&mut store, &module, &[])).contains("cross-`Engine`"));
}

/// What a failed instantiation wrote stays, and functions that it leaked stay callable.
#[test]
fn failed_instantiation_leaves_earlier_writes() {
    let owner = r#"(module (table (export "t") 2 funcref) (memory (export "m") 1)
        (type $t (func (result i32)))
        (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0))))"#;
    let failing = r#"(module (import "o" "t" (table 2 funcref)) (import "o" "m" (memory 1))
        (func $leaked (result i32) (i32.load8_u (i32.const 5)))
        (elem (i32.const 1) $leaked)
        (data (i32.const 5) "\2a") (data (i32.const 65536) "x"))"#;
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        let owner = linker
            .instantiate(&mut store, &Module::new(&engine, owner).unwrap())
            .unwrap();
        linker.instance(&mut store, "o", owner).unwrap();
        let error = linker
            .instantiate(&mut store, &Module::new(&engine, failing).unwrap())
            .unwrap_err();
        assert_eq!(
            error.downcast_ref::<Trap>(),
            Some(&Trap::MemoryOutOfBounds),
            "{name}"
        );
        let call = owner
            .get_typed_func::<i32, i32>(&mut store, "call")
            .unwrap();
        assert_eq!(call.call(&mut store, 1).unwrap(), 42, "{name}");
        let error = call.call(&mut store, 0).unwrap_err();
        assert_eq!(
            error.downcast_ref::<Trap>(),
            Some(&Trap::IndirectCallToNull),
            "{name}"
        );
    }
}

/// Refuses every table, by an error or a panic.
struct NoTables {
    panics: bool,
}

impl ResourceLimiter for NoTables {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        assert!(!self.panics, "the limiter panics");
        Err(format_err!("no tables"))
    }

    fn memories(&self) -> usize {
        2
    }

    fn tables(&self) -> usize {
        1
    }

    fn instances(&self) -> usize {
        1
    }
}

/// An instance that can't be allocated leaves no memory, table or host function in the store.
#[test]
fn refused_instances_leave_nothing_behind() {
    // The second memory can't be had.
    let too_large = r#"(module (import "h" "f" (func)) (memory 1) (memory 3) (table 1 funcref) (global i32 (i32.const 1)))"#;
    let with_table = r#"(module (import "h" "f" (func)) (memory 1) (memory 1) (table 1 funcref))"#;
    let small = r#"(module (import "h" "f" (func)) (memory 1) (memory 1))"#;
    let held = std::sync::Arc::new(());
    for (name, engine) in engines() {
        let mut linker = Linker::new(&engine);
        let keep = held.clone();
        linker
            .func_wrap("h", "f", move || drop(keep.clone()))
            .unwrap();
        let limits = StoreLimitsBuilder::new()
            .memory_size(2 << 16)
            .memories(2)
            .build();
        let mut store = Store::new(&engine, limits);
        store.limiter(|limits| limits);
        let module = Module::new(&engine, too_large).unwrap();
        for _ in 0..3 {
            let error = linker.instantiate(&mut store, &module).unwrap_err();
            assert!(
                error.to_string().contains("exceeds memory limits"),
                "{name}: {error:#}"
            );
        }
        drop(linker);
        assert_eq!(std::sync::Arc::strong_count(&held), 1, "{name}");
        // Two are allowed, and there are none.
        for _ in 0..2 {
            Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        }

        for panics in [false, true] {
            let mut linker = Linker::new(&engine);
            linker.func_wrap("h", "f", || {}).unwrap();
            let mut store = Store::new(&engine, NoTables { panics });
            store.limiter(|limiter| limiter);
            let module = Module::new(&engine, with_table).unwrap();
            let mut instantiate = || {
                let hook = std::panic::AssertUnwindSafe(|| linker.instantiate(&mut store, &module));
                std::panic::catch_unwind(hook)
            };
            for _ in 0..3 {
                assert!(instantiate().map_or(panics, |made| made.is_err()), "{name}");
            }
            let small = Module::new(&engine, small).unwrap();
            linker.instantiate(&mut store, &small).unwrap();
            let error = linker.instantiate(&mut store, &small).unwrap_err();
            assert!(
                error.to_string().contains("instance count too high"),
                "{name}: {error:#}"
            );
        }
    }
}

/// Two hundred refused memories of a tebibyte each do not fit in an address space of 128 TiB, unless
/// each is unmapped.
#[test]
fn refused_instances_give_their_address_space_back() {
    let mut config = Config::new();
    config.memory_reservation(1 << 40);
    let engine = Engine::new(&config).unwrap();
    let limits = StoreLimitsBuilder::new().memory_size(1 << 16).build();
    let mut store = Store::new(&engine, limits);
    store.limiter(|limits| limits);
    let module = Module::new(
        &engine,
        "(module (memory 1) (memory 2) (data (i32.const 0) \"x\"))",
    )
    .unwrap();
    for _ in 0..200 {
        let error = Instance::new(&mut store, &module, &[]).unwrap_err();
        assert!(
            error.to_string().contains("exceeds memory limits"),
            "{error:#}"
        );
    }
    Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
}

/// An instance whose initialization fails is in the store, with what it imported: its functions may
/// have been leaked.
#[test]
fn instances_that_fail_to_initialize_stay() {
    let text = r#"(module (import "h" "f" (func $f)) (memory 1) (data (i32.const 65536) "x"))"#;
    let held = std::sync::Arc::new(());
    for (name, engine) in engines() {
        let mut linker = Linker::new(&engine);
        let keep = held.clone();
        linker
            .func_wrap("h", "f", move || drop(keep.clone()))
            .unwrap();
        let mut store = Store::new(&engine, StoreLimitsBuilder::new().memories(1).build());
        store.limiter(|limits| limits);
        let module = Module::new(&engine, text).unwrap();
        let error = linker.instantiate(&mut store, &module).unwrap_err();
        assert_eq!(
            error.downcast_ref::<Trap>(),
            Some(&Trap::MemoryOutOfBounds),
            "{name}"
        );
        drop(linker);
        assert_eq!(std::sync::Arc::strong_count(&held), 2, "{name}");
        assert!(
            Memory::new(&mut store, MemoryType::new(1, None)).is_err(),
            "{name}"
        );
        drop(store);
        assert_eq!(std::sync::Arc::strong_count(&held), 1, "{name}");
    }
}

#[test]
fn start_functions_run_and_trap() {
    let text = r#"(module $m (import "h" "f" (func $f)) (func $begin call $f unreachable) (start $begin))"#;
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, 0);
        let mut linker = Linker::new(&engine);
        linker
            .func_wrap("h", "f", |mut caller: Caller<'_, i32>| {
                *caller.data_mut() += 1
            })
            .unwrap();
        let error = linker
            .instantiate(&mut store, &Module::new(&engine, text).unwrap())
            .unwrap_err();
        assert_eq!(*store.data(), 1, "{name}");
        let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
        assert_eq!(backtrace.frames()[0].func_name(), Some("begin"), "{name}");
    }
}

#[test]
fn linkers_name_and_shadow() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("a", "f", || 1i32).unwrap();
    assert_eq!(
        linker.func_wrap("a", "f", || 2i32).unwrap_err().to_string(),
        "import of `a::f` defined twice"
    );
    linker.allow_shadowing(true);
    linker.func_wrap("a", "f", || 3i32).unwrap();
    linker.alias("a", "f", "b", "g").unwrap();
    linker.alias_module("b", "c").unwrap();
    assert!(linker.alias("x", "y", "b", "z").is_err());
    let names: Vec<_> = linker
        .iter(&mut store)
        .map(|(module, name, _)| format!("{module}.{name}"))
        .collect();
    assert_eq!(names, ["a.f", "b.g", "c.g"]);
    let Extern::Func(g) = linker.get(&mut store, "c", "g").unwrap() else {
        panic!()
    };
    assert_eq!(
        g.typed::<(), i32>(&store)
            .unwrap()
            .call(&mut store, ())
            .unwrap(),
        3
    );

    let module = Module::new(&engine, r#"(module (import "a" "f" (func (result i32))) (import "no" "where" (func $w)) (func (export "run") call $w))"#).unwrap();
    let error = linker.instantiate(&mut store, &module).unwrap_err();
    let unknown = error.downcast_ref::<UnknownImportError>().unwrap();
    assert_eq!((unknown.module(), unknown.name()), ("no", "where"));
    assert_eq!(
        error.to_string(),
        "unknown import: `no::where` has not been defined"
    );
    linker.define_unknown_imports_as_traps(&module).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let error = instance
        .get_typed_func::<(), ()>(&mut store, "run")
        .unwrap()
        .call(&mut store, ())
        .unwrap_err();
    assert!(error.downcast_ref::<UnknownImportError>().is_some());
}

#[test]
fn commands_run_anew_and_reactors_once() {
    let body = r#"(global $g (mut i32) (i32.const 0))
        (func $bump (result i32) (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g))"#;
    let command = format!(
        r#"(module {body} (func (export "_start")) (func (export "bump") (result i32) call $bump))"#
    );
    let reactor = format!(
        r#"(module {body} (func (export "_initialize") (drop (call $bump))) (func (export "bump") (result i32) call $bump))"#
    );
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        linker
            .module(
                &mut store,
                "command",
                &Module::new(&engine, &command).unwrap(),
            )
            .unwrap();
        linker
            .module(
                &mut store,
                "reactor",
                &Module::new(&engine, &reactor).unwrap(),
            )
            .unwrap();
        let mut bump = |module| {
            let Extern::Func(func) = linker.get(&mut store, module, "bump").unwrap() else {
                panic!()
            };
            func.typed::<(), i32>(&store)
                .unwrap()
                .call(&mut store, ())
                .unwrap()
        };
        assert_eq!([bump("command"), bump("command")], [1, 1], "{name}");
        assert_eq!([bump("reactor"), bump("reactor")], [2, 3], "{name}");
        let default = linker.get_default(&mut store, "command").unwrap();
        default
            .typed::<(), ()>(&store)
            .unwrap()
            .call(&mut store, ())
            .unwrap();
    }
}

#[test]
fn modules_say_what_they_declare() {
    let engine = Engine::default();
    let text = r#"(module $name (import "a" "b" (func (param i32) (result f64))) (table (export "t") 1 2 funcref)
        (memory (export "m") 3) (global (export "g") (mut i64) (i64.const 0)))"#;
    let module = Module::new(&engine, text).unwrap();
    assert_eq!(module.name(), Some("name"));
    let import = module.imports().next().unwrap();
    assert_eq!((import.module(), import.name()), ("a", "b"));
    let expected = FuncType::new(&engine, [ValType::I32], [ValType::F64]);
    assert!(FuncType::eq(import.ty().unwrap_func(), &expected));
    let names: Vec<_> = module
        .exports()
        .map(|export| export.name().to_owned())
        .collect();
    assert_eq!(names, ["t", "m", "g"]);
    let table = module.get_export("t").unwrap().unwrap_table().clone();
    assert_eq!(
        (
            table.minimum(),
            table.maximum(),
            table.element().to_string().as_str()
        ),
        (1, Some(2), "funcref")
    );
    assert_eq!(module.get_export("m").unwrap().unwrap_memory().minimum(), 3);
    assert!(
        module
            .get_export("g")
            .unwrap()
            .unwrap_global()
            .mutability()
            .is_var()
    );
    assert_eq!(module.resources_required().max_initial_memory_size, Some(3));
}

#[test]
fn proposals_that_are_missing_are_named() {
    let mut config = Config::new();
    let engine = Engine::new(config.wasm_gc(false)).unwrap();
    let error = format!(
        "{:#}",
        Module::new(&engine, "(module (type (struct)))").unwrap_err()
    );
    assert!(error.contains("gc") && error.contains("0x"), "{error}");
    let mut config = Config::new();
    let error = Engine::new(config.wasm_stack_switching(true)).unwrap_err();
    assert!(error.to_string().contains("stack-switching"), "{error}");
}

#[test]
fn a_start_function_of_the_host_sees_the_instance_that_starts() {
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, 0);
        let text = r#"(module
            (import "" "" (func $f)) (global (export "g") i32 (i32.const 7))
            (func $inner (call $f)) (start START))"#;
        let start = Func::wrap(&mut store, |mut caller: Caller<'_, i32>| {
            let global = caller.get_export("g").and_then(Extern::into_global);
            let value = global.expect("the instance's").get(&mut caller);
            *caller.data_mut() += value.unwrap_i32();
        });
        for which in ["$f", "$inner"] {
            let module = Module::new(&engine, text.replace("START", which)).unwrap();
            Instance::new(&mut store, &module, &[start.into()]).unwrap();
        }
        assert_eq!(*store.data(), 14, "{name}");
        // Called by the host, it has none.
        let func = Func::wrap(&mut store, |mut caller: Caller<'_, i32>| {
            assert!(caller.get_export("g").is_none());
        });
        func.call(&mut store, &[], &mut []).unwrap();
    }
}

#[test]
fn what_an_instance_has_is_found_by_its_index() -> Result<()> {
    let engine = Engine::new(Config::new().shared_memory(true))?;
    let text = r#"(module (memory 1) (memory 2 3 shared) (table 4 funcref)
        (global i32 (i32.const 5)) (global i64 (i64.const 6)) (tag (param f32)))"#;
    let module = Module::new(&engine, text)?;
    let mut store = Store::new(&engine, ());
    let first = Instance::new(&mut store, &module, &[])?;
    let second = Instance::new(&mut store, &module, &[])?;
    assert_ne!(first.debug_index_in_store(), second.debug_index_in_store());
    let store = &mut store;
    let memory = second.debug_memory(&mut *store, 0).expect("a memory");
    assert_eq!(memory.size(&*store), 1);
    let shared = second
        .debug_shared_memory(&mut *store, 1)
        .expect("a memory");
    assert_eq!(shared.size(), 2);
    let table = second.debug_table(&mut *store, 0).expect("a table");
    assert_eq!(table.size(&*store), 4);
    let global = second.debug_global(&mut *store, 1).expect("a global");
    assert_eq!(global.get(&mut *store).i64(), Some(6));
    let tag = second.debug_tag(&mut *store, 0).expect("a tag");
    assert_eq!(tag.ty(&*store).ty().params().len(), 1);
    // Of another sort, or not there.
    assert!(second.debug_memory(&mut *store, 1).is_none());
    assert!(second.debug_shared_memory(&mut *store, 0).is_none());
    assert!(second.debug_memory(&mut *store, 2).is_none());
    assert!(second.debug_table(&mut *store, 1).is_none());
    assert!(second.debug_global(&mut *store, u32::MAX).is_none());
    assert!(second.debug_tag(&mut *store, 1).is_none());
    let other = first.debug_memory(&mut *store, 0).expect("a memory");
    assert_ne!(memory.debug_index_in_store(), other.debug_index_in_store());
    let other = first.debug_table(&mut *store, 0).expect("a table");
    assert_ne!(table.debug_index_in_store(), other.debug_index_in_store());
    let other = second.debug_global(&mut *store, 0).expect("a global");
    assert_ne!(global.debug_index_in_store(), other.debug_index_in_store());
    Ok(())
}
