//! What `--stats` prints: what the engine did while the program ran.

use mainspring::{GcStatistics, Statistics, TierStatistics};
use std::fmt::Write;
use std::time::Duration;

/// Times of the phases of a run, and what its store's collector did.
#[derive(Clone, Copy, Default)]
pub(crate) struct Phases {
    pub(crate) load: Duration,
    pub(crate) instantiate: Duration,
    pub(crate) run: Duration,
    pub(crate) gc: GcStatistics,
}

/// A table for people.
pub(crate) fn table(statistics: &Statistics, phases: Phases) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        writeln!(text, "{name:24} {value}").expect("writing to a string can't fail");
    };
    row("load", milliseconds(phases.load));
    row("  decode and validate", milliseconds(statistics.decoding));
    row("instantiate", milliseconds(phases.instantiate));
    row("run", milliseconds(phases.run));
    row("functions", statistics.functions.to_string());
    row("  from the cache", statistics.cached_functions.to_string());
    row("baseline", tier(&statistics.baseline));
    row("optimizing", tier(&statistics.optimizing));
    row("tier-ups", statistics.tier_ups.to_string());
    row("loops optimized", statistics.loops_optimized.to_string());
    row("on-stack replacements", statistics.replacements.to_string());
    let cache = format!(
        "{} hits, {} misses",
        statistics.cache_hits, statistics.cache_misses
    );
    row("cache", cache);
    let gc = phases.gc;
    if gc.young_collections + gc.full_collections > 0 {
        let collections = format!(
            "{} young, {} full, {}, the longest pause {}",
            gc.young_collections,
            gc.full_collections,
            milliseconds(gc.time),
            milliseconds(gc.longest_pause)
        );
        row("collections", collections);
        row("objects at the most", format!("{} bytes", gc.peak_bytes));
    }
    text
}

fn tier(tier: &TierStatistics) -> String {
    let seconds = tier.time.as_secs_f64();
    let rate = match seconds > 0.0 {
        true => tier.wasm_bytes as f64 / seconds / 1e6,
        false => 0.0,
    };
    let mut text = format!(
        "{} functions, {} bytes of wasm to {} of code, {} ({rate:.1} MB/s)",
        tier.functions,
        tier.wasm_bytes,
        tier.code_bytes,
        milliseconds(tier.time)
    );
    if tier.too_large > 0 {
        write!(text, ", {} too large for it", tier.too_large)
            .expect("writing to a string can't fail");
    }
    text
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
