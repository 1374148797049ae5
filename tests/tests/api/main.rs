//! The embedding API as its users meet it. Whatever executes wasm runs under every strategy:
//! see `engines`.

mod calls;
mod code;
mod collections;
mod dynamic;
mod errors;
mod exceptions;
mod files;
mod foreign;
mod instances;
mod lines;
mod many;
mod memories;
mod nans;
mod objects;
mod panics;
mod references;
mod roots;
mod settings;
mod switches;
mod threads;
mod tiers;
mod traps;
mod types;
mod wording;

use mainspring::*;

/// An engine for each way in which code comes about, with a name for messages.
fn engines() -> Vec<(&'static str, Engine)> {
    configured_engines(|_| {})
}

/// The same, each with something set besides.
fn configured_engines(besides: fn(&mut Config)) -> Vec<(&'static str, Engine)> {
    let make = |strategy, configure: fn(&mut Config)| {
        let mut config = Config::new();
        config.strategy(strategy);
        configure(&mut config);
        besides(&mut config);
        Engine::new(&config).expect("a valid configuration")
    };
    vec![
        ("lazy", make(Strategy::Auto, |_| {})),
        ("baseline", make(Strategy::Winch, |_| {})),
        (
            "tier-up stress",
            make(Strategy::Auto, |config| {
                config.tier_stress(Some(TierStress::TierUp));
            }),
        ),
        (
            "on-stack replacement stress",
            make(Strategy::Auto, |config| {
                config.tier_stress(Some(TierStress::OnStackReplacement));
            }),
        ),
        ("ahead of time", make(Strategy::Cranelift, |_| {})),
        (
            "not optimized",
            make(Strategy::Auto, |config| {
                config.cranelift_opt_level(OptLevel::None);
            }),
        ),
        ("baseline", make(Strategy::Winch, |_| {})),
        ("checked", make(Strategy::Auto, check_bounds)),
        (
            "checked by the baseline",
            make(Strategy::Winch, check_bounds),
        ),
    ]
}

/// No reservation that makes up for bounds checks, no images.
fn check_bounds(config: &mut Config) {
    config
        .memory_reservation(0)
        .memory_guard_size(0)
        .memory_reservation_for_growth(0)
        .memory_init_cow(false);
}

/// The message of a panic that something has to end with.
#[track_caller]
fn panic_of<T>(f: impl FnOnce() -> T) -> String {
    let Err(payload) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) else {
        panic!("there was no panic");
    };
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.unwrap_or_else(|| *payload.downcast::<String>().expect("a panic with a text"))
}

/// Runs a test on a fresh store of each engine, with a module and nothing to import.
#[track_caller]
fn with_instance(text: &str, test: impl Fn(&mut Store<()>, Instance) -> Result<()>) {
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, ());
        let mut run = || -> Result<()> {
            let module = Module::new(&engine, text)?;
            let instance = Instance::new(&mut store, &module, &[])?;
            test(&mut store, instance)
        };
        if let Err(error) = run() {
            panic!("{name}: {error:#}");
        }
    }
}
