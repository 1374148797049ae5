//! Switches for people who work on the engine. They are read from the environment once, and none of
//! them can change a result.
//!
//! `MAINSPRING_TIER` makes an engine whose strategy is the default one use other tiers: `baseline`, `optimizing`,
//! `tiered`, `stress-tier-up` or `stress-loops`. So the whole test suite can run on each.

use crate::tuning::{Pace, Tiers, Tuning};
use mainspring_error::{Result, bail};
use std::sync::OnceLock;

impl Tuning {
    /// The same, unless the environment says otherwise.
    ///
    /// # Errors
    /// If the environment names a tier that does not exist.
    pub fn overridden(self) -> Result<Tuning> {
        static TIER: OnceLock<Option<String>> = OnceLock::new();
        let tier = TIER.get_or_init(|| std::env::var("MAINSPRING_TIER").ok());
        if self.tiers != Tiers::Tiered || self.pace != Pace::Usual {
            return Ok(self);
        }
        Ok(match tier.as_deref() {
            None | Some("" | "tiered") => self,
            Some("baseline") => Tuning::usual(Tiers::Baseline),
            Some("optimizing") => Tuning::usual(Tiers::Optimizing),
            Some("stress-tier-up") => Tuning::stress(Tiers::Tiered, Pace::StressTierUp),
            Some("stress-loops") => Tuning::stress(Tiers::Tiered, Pace::StressLoops),
            Some(other) => bail!(
                "MAINSPRING_TIER={other}: the tiers are tiered, baseline, optimizing, stress-tier-up and stress-loops"
            ),
        })
    }
}
