//! The options that decide how code is compiled and run, shared by every command that
//! makes an engine, so that an image compiled by one loads in another.

use clap::{Args, ValueEnum};
use mainspring::{Config, Engine, Result, Strategy, TierStress};
use std::num::NonZeroU32;
use std::str::FromStr;

/// Options of the engine.
#[derive(Args)]
pub(crate) struct EngineOptions {
    /// Which compilers make code, and when
    #[arg(long, value_enum, default_value_t = Tier::Tiered, value_name = "TIER")]
    tier: Tier,

    /// How many threads optimize in the background; with 0, the program waits for the
    /// optimizing compiler
    #[arg(long, value_name = "N")]
    optimizing_threads: Option<usize>,

    #[command(flatten)]
    proposals: ProposalOptions,
}

/// Which proposals modules may use.
#[derive(Args)]
pub(crate) struct ProposalOptions {
    /// Switch a proposal on, or off with `=n`, by the name that `mainspring inspect` gives
    /// it; several with commas between
    #[arg(long, short = 'W', value_delimiter = ',', value_name = "NAME[=y|n]")]
    wasm: Vec<Switch>,
}

impl ProposalOptions {
    pub(crate) fn apply(&self, config: &mut Config) {
        for switch in &self.wasm {
            (switch.set)(config, switch.on);
        }
    }
}

/// Options of the collector, of the commands that run something.
#[derive(Args)]
pub(crate) struct CollectorOptions {
    /// Collect garbage at every Nth allocation (for tests of the engine)
    #[arg(long, value_name = "N")]
    gc_zeal: Option<NonZeroU32>,

    /// Collect garbage whenever the program calls the host or asks the runtime for anything
    /// (for tests of the engine)
    #[arg(long)]
    gc_stress: bool,
}

impl CollectorOptions {
    pub(crate) fn apply(&self, config: &mut Config) {
        config
            .gc_zeal_alloc_counter(self.gc_zeal)
            .gc_stress(self.gc_stress);
    }
}

/// A proposal to be switched.
#[derive(Clone)]
struct Switch {
    set: Setting,
    on: bool,
}

/// A method of the configuration that switches something.
type Setting = fn(&mut Config, bool) -> &mut Config;

/// What can be switched.
const SWITCHES: &[(&str, Setting)] = &[
    ("branch-hinting", Config::wasm_branch_hinting),
    ("bulk-memory", Config::wasm_bulk_memory),
    ("compact-imports", Config::wasm_compact_imports),
    ("custom-page-sizes", Config::wasm_custom_page_sizes),
    ("exceptions", Config::wasm_exceptions),
    ("extended-const", Config::wasm_extended_const),
    ("function-references", Config::wasm_function_references),
    ("gc", Config::wasm_gc),
    ("gc-support", Config::gc_support),
    ("legacy-exceptions", Config::wasm_legacy_exceptions),
    ("memory64", Config::wasm_memory64),
    ("multi-memory", Config::wasm_multi_memory),
    ("multi-value", Config::wasm_multi_value),
    ("reference-types", Config::wasm_reference_types),
    ("relaxed-simd", Config::wasm_relaxed_simd),
    (
        "relaxed-simd-deterministic",
        Config::relaxed_simd_deterministic,
    ),
    ("shared-memory", Config::shared_memory),
    ("simd", Config::wasm_simd),
    ("tail-call", Config::wasm_tail_call),
    ("threads", Config::wasm_threads),
    ("wide-arithmetic", Config::wasm_wide_arithmetic),
];

impl FromStr for Switch {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Switch, String> {
        let (name, value) = text.split_once('=').unwrap_or((text, "y"));
        let on = match value {
            "y" => true,
            "n" => false,
            other => return Err(format!("`{other}` is neither `y` nor `n`")),
        };
        let found = SWITCHES.iter().find(|(known, _)| *known == name);
        let (_, set) = found.ok_or_else(|| {
            let known: Vec<_> = SWITCHES.iter().map(|(known, _)| *known).collect();
            format!("there is no such proposal; there are {}", known.join(", "))
        })?;
        Ok(Switch { set: *set, on })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tier {
    /// Baseline code at once; what runs often is optimized in the background
    Tiered,
    /// Baseline code only
    Baseline,
    /// Everything optimized before the program starts
    Optimizing,
    /// Tiered, but functions move at random (for tests of the engine)
    StressTierUp,
    /// Tiered, but loops move at random (for tests of the engine)
    StressLoops,
}

impl EngineOptions {
    /// The configuration that was asked for, for the command to add to.
    pub(crate) fn config(&self) -> Config {
        let (strategy, stress) = match self.tier {
            Tier::Tiered => (Strategy::Auto, None),
            Tier::Baseline => (Strategy::Winch, None),
            Tier::Optimizing => (Strategy::Cranelift, None),
            Tier::StressTierUp => (Strategy::Auto, Some(TierStress::TierUp)),
            Tier::StressLoops => (Strategy::Auto, Some(TierStress::OnStackReplacement)),
        };
        let mut config = Config::new();
        config.strategy(strategy).tier_stress(stress);
        if let Some(threads) = self.optimizing_threads {
            config.optimizing_threads(threads);
        }
        self.proposals.apply(&mut config);
        config
    }

    pub(crate) fn engine(&self) -> Result<Engine> {
        Engine::new(&self.config())
    }
}
