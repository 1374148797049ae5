//! Switches for people who work on the engine, from the environment. None of them changes a result.

use crate::compile::Tier;
use std::sync::OnceLock;

/// `MAINSPRING_TIER=baseline|optimizing`: the tier that functions are compiled with when they are called first,
/// where the configuration leaves it open. Read once.
///
/// # Panics
/// If it says something else: what it was set for would silently not happen.
pub(crate) fn tier() -> Option<Tier> {
    static TIER: OnceLock<Option<Tier>> = OnceLock::new();
    *TIER.get_or_init(|| match std::env::var("MAINSPRING_TIER").as_deref() {
        Ok("baseline") => Some(Tier::Baseline),
        Ok("optimizing") => Some(Tier::Optimizing),
        Ok(other) => panic!("MAINSPRING_TIER is `baseline` or `optimizing`, not `{other}`"),
        Err(_) => None,
    })
}
