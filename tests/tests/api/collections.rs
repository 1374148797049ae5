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
