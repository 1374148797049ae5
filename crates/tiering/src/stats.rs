//! What the engine has done so far, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts of one engine.
#[derive(Default, Debug)]
pub(crate) struct Counts {
    pub modules: AtomicU64,
    pub functions: AtomicU64,
    pub decoding: AtomicU64,
    pub baseline: TierCounts,
    pub optimizing: TierCounts,
    pub tier_ups: AtomicU64,
    pub loops_optimized: AtomicU64,
    pub replacements: AtomicU64,
    pub cache_hits: AtomicU64,
    pub cache_misses: AtomicU64,
    pub cached_functions: AtomicU64,
    pub known_files: AtomicU64,
}

/// Counts of one compiler.
#[derive(Default, Debug)]
pub(crate) struct TierCounts {
    functions: AtomicU64,
    wasm_bytes: AtomicU64,
    code_bytes: AtomicU64,
    nanoseconds: AtomicU64,
    too_large: AtomicU64,
}

/// What an engine has done so far.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Modules that were decoded.
    pub modules: u64,
    /// Functions that these define.
    pub functions: u64,
    /// Time it took to decode and validate them.
    pub decoding: Duration,
    /// What the baseline tier compiled.
    pub baseline: TierStatistics,
    /// What the optimizing tier compiled.
    pub optimizing: TierStatistics,
    /// Functions that went from the baseline tier to the optimizing tier.
    pub tier_ups: u64,
    /// Loops that were compiled to be entered from baseline code.
    pub loops_optimized: u64,
    /// Frames of baseline code that were replaced by optimized ones at such a loop.
    pub replacements: u64,
    /// Modules that the cache knew.
    pub cache_hits: u64,
    /// Modules that it did not know.
    pub cache_misses: u64,
    /// Modules whose file the cache knew, so that it was not read to begin with.
    pub known_files: u64,
    /// Functions whose code came from the cache.
    pub cached_functions: u64,
}

/// What a compiler has done so far.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TierStatistics {
    /// Functions, and loops that code begins at.
    pub functions: u64,
    /// Bytes of their bodies.
    pub wasm_bytes: u64,
    /// Bytes of machine code.
    pub code_bytes: u64,
    /// Time it took, added up over all threads.
    pub time: Duration,
    /// Functions that were too large for it, and went to the other tier.
    pub too_large: u64,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    add(counter, 1);
}

pub(crate) fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}

/// Adds the time since an instant.
pub(crate) fn add_time(counter: &AtomicU64, since: Instant) {
    let elapsed = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
    counter.fetch_add(elapsed, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl TierCounts {
    pub fn add(&self, since: Instant, wasm_bytes: usize, code_bytes: usize) {
        count(&self.functions);
        add(&self.wasm_bytes, wasm_bytes);
        add(&self.code_bytes, code_bytes);
        add_time(&self.nanoseconds, since);
    }

    /// Notes that a function was too large for it.
    pub fn refuse(&self) {
        count(&self.too_large);
    }

    fn read(&self) -> TierStatistics {
        TierStatistics {
            functions: read(&self.functions),
            wasm_bytes: read(&self.wasm_bytes),
            code_bytes: read(&self.code_bytes),
            time: Duration::from_nanos(read(&self.nanoseconds)),
            too_large: read(&self.too_large),
        }
    }
}

impl Counts {
    pub fn read(&self) -> Statistics {
        Statistics {
            modules: read(&self.modules),
            functions: read(&self.functions),
            decoding: Duration::from_nanos(read(&self.decoding)),
            baseline: self.baseline.read(),
            optimizing: self.optimizing.read(),
            tier_ups: read(&self.tier_ups),
            loops_optimized: read(&self.loops_optimized),
            replacements: read(&self.replacements),
            cache_hits: read(&self.cache_hits),
            cache_misses: read(&self.cache_misses),
            known_files: read(&self.known_files),
            cached_functions: read(&self.cached_functions),
        }
    }
}
