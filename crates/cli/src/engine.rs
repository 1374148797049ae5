//! The options that decide how code is compiled and run, shared by every command that
//! makes an engine, so that an image compiled by one loads in another.

use crate::options::{Logging, Options, Settings};
use clap::{Args, ValueEnum};
use mainspring::{Config, Result, Strategy, TierStress, ensure};
use std::num::NonZeroU32;

/// Options of the engine.
#[derive(Args)]
pub(crate) struct EngineOptions {
    /// Which compilers make code, and when; `tiered` unless something else is said
    #[arg(long, value_enum, value_name = "TIER")]
    tier: Option<Tier>,

    /// How many threads optimize in the background; with 0, the program waits for the
    /// optimizing compiler
    #[arg(long, value_name = "N")]
    optimizing_threads: Option<usize>,

    #[command(flatten)]
    options: Options,
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
    /// What was asked for, for the command to add to.
    ///
    /// # Errors
    /// If two options contradict each other.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let mut settings = self.options.settings()?;
        let (strategy, stress) = match (self.tier, settings.strategy) {
            (None, strategy) => (strategy.unwrap_or_default(), None),
            (Some(tier), None) => tier.means(),
            (Some(tier), Some(strategy)) => {
                ensure!(
                    tier.means() == (strategy, None),
                    "`-C compiler` and `--tier` ask for different tiers; leave one of them out"
                );
                (strategy, None)
            }
        };
        let config = &mut settings.config;
        config.strategy(strategy).tier_stress(stress);
        if let Some(threads) = self.optimizing_threads {
            config.optimizing_threads(threads);
        }
        Ok(settings)
    }

    /// Whether and where the engine is to say what it does.
    ///
    /// # Errors
    /// As of [`settings`](Self::settings).
    pub(crate) fn logging(&self) -> Result<Logging> {
        Ok(self.options.settings()?.logging)
    }
}

impl Tier {
    fn means(self) -> (Strategy, Option<TierStress>) {
        match self {
            Tier::Tiered => (Strategy::Auto, None),
            Tier::Baseline => (Strategy::Winch, None),
            Tier::Optimizing => (Strategy::Cranelift, None),
            Tier::StressTierUp => (Strategy::Auto, Some(TierStress::TierUp)),
            Tier::StressLoops => (Strategy::Auto, Some(TierStress::OnStackReplacement)),
        }
    }
}
