//! Memories, tables, globals, and limits on them.

use crate::{engines, with_instance};
use mainspring::*;

/// Loads and stores at the last byte and past it, at every size, checked or guarded.
#[test]
fn edges_of_memory_are_exact() {
    for (declared, index) in [("1 3", "i32"), ("i64 1 3", "i64")] {
        let text = format!(
            r#"(module (memory (export "m") {declared})
                (func (export "l8") (param {index}) (result i32) (i32.load8_u (local.get 0)))
                (func (export "l64") (param {index}) (result i64) (i64.load offset=8 (local.get 0)))
                (func (export "s32") (param {index}) (i32.store offset=4 (local.get 0) (i32.const 7)))
                (func (export "v") (param {index}) (result v128) (v128.load (local.get 0)))
                (func (export "grow") (param {index}) (result {index}) (memory.grow (local.get 0)))
                (func (export "size") (result {index}) memory.size))"#
        );
        with_instance(&text, |store, instance| {
            let mut call = |name: &str, at: u64| {
                let func = instance.get_func(&mut *store, name).unwrap();
                let at = if index == "i32" {
                    Val::I32(at as u32 as i32)
                } else {
                    Val::I64(at as i64)
                };
                let mut results = vec![Val::I32(0); func.ty(&*store).results().len()];
                let params: &[Val] = if name == "size" { &[] } else { &[at] };
                func.call(&mut *store, params, &mut results)
                    .map(|()| results.first().copied())
            };
            for pages in 1..=3u64 {
                let end = pages << 16;
                for (name, size) in [("l8", 1), ("l64", 16), ("s32", 8), ("v", 16)] {
                    assert!(
                        call(name, end - size).is_ok(),
                        "{name} at the end of {pages} pages"
                    );
                    for outside in [end - size + 1, end, u32::MAX.into()] {
                        let error = call(name, outside).unwrap_err();
                        assert_eq!(
                            error.downcast_ref::<Trap>(),
                            Some(&Trap::MemoryOutOfBounds),
                            "{name} at {outside:#x}"
                        );
                    }
                    if index == "i64" {
                        assert!(
                            call(name, u64::MAX).is_err()
                                && call(name, u64::MAX - 7).is_err()
                                && call(name, 1 << 32).is_err()
                        );
                    }
                }
                let before = call("grow", 1)?.unwrap();
                let before = before.i64().unwrap_or_else(|| before.unwrap_i32().into());
                assert_eq!(before, if pages < 3 { pages as i64 } else { -1 });
            }
            Ok(())
        });
    }
}

#[test]
fn growing_keeps_contents_wherever_it_moves() {
    with_instance(
        r#"(module (memory (export "m") 1) (data (i32.const 65535) "\07") (func (export "get") (result i32) (i32.load8_u (i32.const 65535))))"#,
        |store, instance| {
            let memory = instance.get_memory(&mut *store, "m").unwrap();
            let get = instance.get_typed_func::<(), i32>(&mut *store, "get")?;
            for _ in 0..20 {
                memory.grow(&mut *store, 3)?;
                assert_eq!(get.call(&mut *store, ())?, 7);
                assert_eq!(memory.data(&*store)[memory.data_size(&*store) - 1], 0);
            }
            assert_eq!(memory.size(&*store), 61);
            Ok(())
        },
    );
}

#[test]
fn host_access_is_bounded() {
    let mut store = Store::<()>::default();
    let memory = Memory::new(&mut store, MemoryType::new(1, Some(1))).unwrap();
    assert!(memory.write(&mut store, 65534, &[1, 2]).is_ok());
    assert!(memory.write(&mut store, 65535, &[3, 4]).is_err());
    assert!(memory.read(&store, usize::MAX, &mut [0]).is_err());
    let mut end = [0; 2];
    memory.read(&store, 65534, &mut end).unwrap();
    assert_eq!(end, [1, 2], "a failed write writes nothing");
    assert!(memory.grow(&mut store, 1).is_err());
    assert!(memory.grow(&mut store, u64::MAX).is_err());
    assert_eq!(memory.grow(&mut store, 0).unwrap(), 1);
}

#[test]
fn instances_share_what_they_import() {
    let owner = r#"(module (memory (export "m") 1) (global (export "g") (mut i32) (i32.const 5)) (table (export "t") 1 4 funcref)
        (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#;
    let user = r#"(module (import "o" "m" (memory 1)) (import "o" "g" (global $g (mut i32))) (import "o" "t" (table 1 funcref))
        (func (export "use") (result i32)
            (i32.store (i32.const 0) (global.get $g))
            (global.set $g (i32.add (i32.load (i32.const 0)) (memory.size)))
            (drop (table.grow (ref.null func) (i32.const 1)))
            (i32.add (global.get $g) (table.size))))"#;
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        let owner = linker
            .instantiate(&mut store, &Module::new(&engine, owner).unwrap())
            .unwrap();
        linker.instance(&mut store, "o", owner).unwrap();
        let user = linker
            .instantiate(&mut store, &Module::new(&engine, user).unwrap())
            .unwrap();
        let grow = owner.get_typed_func::<(), i32>(&mut store, "grow").unwrap();
        let run = user.get_typed_func::<(), i32>(&mut store, "use").unwrap();
        assert_eq!(run.call(&mut store, ()).unwrap(), 5 + 1 + 2, "{name}");
        assert_eq!(grow.call(&mut store, ()).unwrap(), 1);
        assert_eq!(run.call(&mut store, ()).unwrap(), 6 + 2 + 3, "{name}");
        assert_eq!(
            owner
                .get_global(&mut store, "g")
                .unwrap()
                .get(&mut store)
                .unwrap_i32(),
            8
        );
        assert_eq!(owner.get_table(&mut store, "t").unwrap().size(&store), 3);
    }
}

#[test]
fn limiters_decide() {
    let text = r#"(module (memory 1) (table 1 funcref)
        (func (export "memory") (result i32) (memory.grow (i32.const 2)))
        (func (export "table") (result i32) (table.grow (ref.null func) (i32.const 20))))"#;
    for (name, engine) in engines() {
        for trap in [false, true] {
            let limits = StoreLimitsBuilder::new()
                .memory_size(2 << 16)
                .table_elements(10)
                .memories(1)
                .trap_on_grow_failure(trap)
                .build();
            let mut store = Store::new(&engine, limits);
            store.limiter(|limits| limits);
            let instance =
                Instance::new(&mut store, &Module::new(&engine, text).unwrap(), &[]).unwrap();
            for function in ["memory", "table"] {
                let func = instance
                    .get_typed_func::<(), i32>(&mut store, function)
                    .unwrap();
                match (func.call(&mut store, ()), trap) {
                    (Ok(-1), false) => {}
                    (Err(error), true) => assert!(
                        format!("{error:#}").contains("forcing trap when growing"),
                        "{error:#}"
                    ),
                    (other, _) => panic!("{name}: {function}: {other:?}"),
                }
            }
            let error = Memory::new(&mut store, MemoryType::new(0, None)).unwrap_err();
            assert!(
                error.to_string().contains("memory count too high at 2"),
                "{error}"
            );
        }
    }
}

#[test]
fn tables_and_globals_check_types() {
    let mut store = Store::<()>::default();
    let f = Func::wrap(&mut store, || {});
    let table = Table::new(
        &mut store,
        TableType::new(RefType::FUNCREF, 2, Some(3)),
        Ref::Func(Some(f)),
    )
    .unwrap();
    assert!(table.set(&mut store, 0, Ref::Extern(None)).is_err());
    let error = table.set(&mut store, 2, Ref::Func(None)).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::TableOutOfBounds));
    assert_eq!(table.grow(&mut store, 1, Ref::Func(None)).unwrap(), 2);
    assert!(table.grow(&mut store, 1, Ref::Func(None)).is_err());
    assert!(table.fill(&mut store, 2, Ref::Func(None), 2).is_err());
    table.fill(&mut store, 0, Ref::Func(None), 3).unwrap();
    assert!(Table::copy(&mut store, &table, 0, &table, 2, 2).is_err());
    let global = Global::new(
        &mut store,
        GlobalType::new(ValType::F32, Mutability::Var),
        1.5f32.into(),
    )
    .unwrap();
    assert!(global.set(&mut store, Val::I32(1)).is_err());
    global.set(&mut store, Val::F32(0x7fa0_0001)).unwrap();
    assert!(
        matches!(global.get(&mut store), Val::F32(0x7fa0_0001)),
        "NaNs keep their bits"
    );
    let constant = Global::new(
        &mut store,
        GlobalType::new(ValType::I32, Mutability::Const),
        Val::I32(1),
    )
    .unwrap();
    assert_eq!(
        constant
            .set(&mut store, Val::I32(2))
            .unwrap_err()
            .to_string(),
        "immutable global cannot be set"
    );
}

#[test]
fn memories_grow_in_place_up_to_what_is_reserved() -> Result<()> {
    for may_move in [true, false] {
        let mut config = Config::new();
        config
            .memory_reservation(1 << 16)
            .memory_reservation_for_growth(4 << 16)
            .memory_may_move(may_move);
        let engine = Engine::new(&config)?;
        for pages in [1, 3] {
            let mut store = Store::new(&engine, ());
            let memory = Memory::new(&mut store, MemoryType::new(pages, None))?;
            memory.write(&mut store, 100, b"abc")?;
            let base = memory.data_ptr(&store);
            for _ in 0..4 {
                memory.grow(&mut store, 1)?;
                assert_eq!(memory.data_ptr(&store), base);
            }
            // Only from here on there is no room.
            assert_eq!(memory.grow(&mut store, 1).is_ok(), may_move);
            assert_eq!(&memory.data(&store)[100..103], b"abc");
        }
    }
    Ok(())
}

#[test]
fn types_that_no_memory_can_be_of_are_refused() {
    let build = |is_64, min: u64, max| {
        let mut builder = MemoryType::builder();
        builder.memory64(is_64).min(min).max(max).build()
    };
    for (is_64, min, max, valid) in [
        (true, 1 << 48, None, false),
        (true, (1 << 48) - 1, None, true),
        (true, 0, Some(1 << 48), true),
        (true, 0, Some((1 << 48) + 1), false),
        (true, u64::MAX, None, false),
        (false, 1 << 16, None, true),
        (false, (1 << 16) + 1, None, false),
        (false, 0, Some((1 << 16) + 1), false),
        (false, 2, Some(1), false),
    ] {
        let built = build(is_64, min, max);
        assert_eq!(built.is_ok(), valid, "{is_64} {min} {max:?}");
        if let Ok(ty) = built {
            assert_eq!((ty.minimum(), ty.maximum()), (min, max));
        }
    }
    let whole = MemoryType::builder().build().expect("a valid type");
    assert_eq!((whole.minimum(), whole.maximum()), (0, None));
    for (log2, shared, is_64, min, max, words) in [
        (1, false, false, 0, None, "page_size_log2 must be 0 or 16"),
        (64, false, true, 0, None, "page_size_log2 must be 0 or 16"),
        (
            255,
            false,
            false,
            1,
            Some(0),
            "page_size_log2 must be 0 or 16",
        ),
        (16, true, false, 1, None, "must have a maximum"),
        (0, true, false, 1, None, "must have a maximum"),
        (0, false, false, 1 << 32, None, "more than can be indexed"),
        (
            0,
            false,
            false,
            0,
            Some(1 << 32),
            "more than can be indexed",
        ),
        (0, false, false, u32::MAX.into(), None, ""),
        (0, false, true, u64::MAX, Some(u64::MAX), ""),
        (0, true, false, 1, Some(2), ""),
        (16, true, true, 1, Some(1 << 48), ""),
    ] {
        let mut builder = MemoryType::builder();
        builder.page_size_log2(log2).shared(shared).memory64(is_64);
        let built = builder.min(min).max(max).build();
        match built {
            Ok(_) => assert_eq!(words, "", "{log2} {shared} {is_64} {min} {max:?}"),
            Err(error) => assert!(
                !words.is_empty() && error.to_string().contains(words),
                "{error}"
            ),
        }
    }
    // What can be, but not here.
    let mut store = Store::<()>::default();
    let ty = build(true, (1 << 48) - 1, None).expect("a valid type");
    assert!(Memory::new(&mut store, ty).is_err());
    // Of tables, each type can be, but a table can't always be of it.
    let null = Ref::Func(None);
    for (ty, words) in [
        (TableType::new(RefType::FUNCREF, 2, Some(1)), "maximum"),
        (TableType::new64(RefType::FUNCREF, 2, Some(1)), "maximum"),
        (TableType::new64(RefType::FUNCREF, u64::MAX, None), "table"),
        (TableType::new64(RefType::FUNCREF, 1 << 60, None), "table"),
    ] {
        let error = Table::new(&mut store, ty, null).expect_err(words);
        assert!(format!("{error:#}").contains(words), "{error:#}");
    }
    let ty = TableType::new64(RefType::FUNCREF, 0, Some(u64::MAX));
    assert!(Table::new(&mut store, ty, null).is_ok());
}
