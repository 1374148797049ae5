//! The options that decide how code is compiled and run, shared by every command that
//! makes an engine, so that an image compiled by one loads in another.

use clap::{Args, ValueEnum};
use mainspring::{Config, Engine, Result, Strategy, TierStress};

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
        config
    }

    pub(crate) fn engine(&self) -> Result<Engine> {
        Engine::new(&self.config())
    }
}
