//! References that code holds while garbage is collected, in every place that code can hold one: each function
//! makes objects, has others made in between, and then looks whether its own are what they were.

use mainspring::*;
use std::num::NonZeroU32;

const TEXT: &str = include_str!("collections.wat");

/// Each way in which code comes about, each with collections as often as can be and now and then.
fn engines() -> Vec<(String, Engine)> {
    let ways = [
        (Strategy::Winch, None, OptLevel::Speed),
        (Strategy::Cranelift, None, OptLevel::Speed),
        (Strategy::Cranelift, None, OptLevel::None),
        (Strategy::Auto, Some(TierStress::TierUp), OptLevel::Speed),
        (
            Strategy::Auto,
            Some(TierStress::OnStackReplacement),
            OptLevel::Speed,
        ),
    ];
    let mut engines = Vec::new();
    for (strategy, stress, level) in ways {
        for zeal in [None, Some(1), Some(7)] {
            let mut config = Config::new();
            config
                .strategy(strategy)
                .tier_stress(stress)
                .cranelift_opt_level(level)
                .gc_zeal_alloc_counter(zeal.and_then(NonZeroU32::new));
            let name = format!("{strategy:?}, {stress:?}, {level:?}, zeal {zeal:?}");
            let engine = Engine::new(&config).expect("a valid configuration");
            engines.push((name, engine));
        }
    }
    engines
}

fn run(engine: &Engine) -> Result<()> {
    let module = Module::new(engine, TEXT)?;
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    let names: Vec<String> = (module.exports())
        .map(|export| export.name().to_string())
        .collect();
    assert!(names.len() > 10);
    for name in names {
        let func = instance.get_typed_func::<i32, i32>(&mut store, &name)?;
        // Often enough for code to become better meanwhile.
        for n in 0..20 {
            let found = func
                .call(&mut store, n)
                .map_err(|error| error.context(format!("{name}({n})")))?;
            assert_eq!(found, n, "{name}");
        }
    }
    Ok(())
}

#[test]
fn references_live_through_collections() {
    for (name, engine) in engines() {
        if let Err(error) = run(&engine) {
            panic!("{name}: {error:#}");
        }
    }
}

/// Each way in which the host changes a table, with a collection at each of its objects.
#[test]
fn tables_of_the_host_keep_young_objects() -> Result<()> {
    let mut config = Config::new();
    config.gc_zeal_alloc_counter(NonZeroU32::new(1));
    let engine = Engine::new(&config)?;
    let mut store = Store::new(&engine, ());
    let field = FieldType::new(Mutability::Const, StorageType::ValType(ValType::I32));
    let ty = StructType::new(&engine, [field])?;
    let pre = StructRefPre::new(&mut store, ty);
    let any = TableType::new(RefType::ANYREF, 150, Some(400));
    let table = Table::new(&mut store, any.clone(), Ref::Any(None))?;
    let other = Table::new(&mut store, any, Ref::Any(None))?;
    let object = |store: &mut RootScope<&mut Store<()>>, n: i32| -> Result<Ref> {
        let object = StructRef::new(&mut *store, &pre, &[Val::I32(n)])?;
        Ok(Ref::Any(Some(object.to_anyref())))
    };
    let value_at =
        |store: &mut RootScope<&mut Store<()>>, table: Table, index: u64| -> Result<i32> {
            let element = table.get(&mut *store, index).expect("it is there");
            let object = element.unwrap_any().expect("not null");
            let object = object.unwrap_struct(&*store)?;
            Ok(object.field(&mut *store, 0)?.unwrap_i32())
        };
    for round in 0..5 {
        let mut store = RootScope::new(&mut store);
        for index in 0..100 {
            let value = object(&mut store, index + round)?;
            table.set(&mut store, index as u64, value)?;
        }
        let value = object(&mut store, 1000 + round)?;
        table.fill(&mut store, 100, value, 40)?;
        Table::copy(&mut store, &other, 30, &table, 60, 80)?;
        let value = object(&mut store, 2000 + round)?;
        let from = other.grow(&mut store, 20, value)?;
        // Twice is enough for all to be old, if they were seen.
        for _ in 0..3 {
            object(&mut store, 0)?;
        }
        for index in 0..100 {
            assert_eq!(value_at(&mut store, table, index)?, index as i32 + round);
        }
        for index in 100..140 {
            assert_eq!(value_at(&mut store, table, index)?, 1000 + round);
        }
        assert_eq!(value_at(&mut store, other, 30)?, 60 + round);
        assert_eq!(value_at(&mut store, other, 109)?, 1000 + round);
        assert_eq!(value_at(&mut store, other, from + 19)?, 2000 + round);
    }
    Ok(())
}
