//! How an engine is configured.

mod peer;

pub use peer::{InstanceAllocationStrategy, RegallocAlgorithm};

use crate::Cache;
use mainspring_abi::{CompileSettings, Inline, MemorySettings, Optimize};
use mainspring_error::{Result, bail, ensure};
use mainspring_tiering::{Pace, Profiling, Tiers, Tuning};
use std::num::{NonZeroU32, NonZeroUsize};
use wasmparser::WasmFeatures;

/// Which compiler makes code, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// Functions are compiled with the baseline tier when they are called first. What runs often is
    /// compiled again with the optimizing tier, in the background, and takes over while it runs.
    #[default]
    Auto,
    /// All functions are compiled with the optimizing tier when the module is made.
    Cranelift,
    /// Functions are compiled with the baseline tier when they are called first, and stay as they are.
    Winch,
}

/// How an engine is to be made to change tiers when that does not pay, for tests of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TierStress {
    /// Functions are optimized at random, after few calls.
    TierUp,
    /// Loops are optimized at random, after few iterations, most at once.
    OnStackReplacement,
}

/// How a profiler is told which code belongs to which function.
///
/// With Linux's `perf`: run the program with [`PerfMap`](Self::PerfMap) under `perf record`, and
/// `perf report` names wasm functions. With [`JitDump`](Self::JitDump), record with `perf record -k mono`,
/// then `perf inject --jit -i perf.data -o jit.data`, and `perf annotate -i jit.data` shows their
/// instructions as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ProfilingStrategy {
    /// Not at all.
    #[default]
    None,
    /// A line for each function in `/tmp/perf-<process>.map`.
    PerfMap,
    /// A record for each function in `jit-<process>.dump`, in the current directory.
    JitDump,
    /// VTune. Not supported: [`Engine::new`](crate::Engine::new) fails.
    VTune,
    /// An interpreter's profile. Not supported, as there is no interpreter:
    /// [`Engine::new`](crate::Engine::new) fails.
    Pulley,
}

/// Which garbage collector is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Collector {
    /// The one that there is.
    #[default]
    Auto,
    /// One that moves objects. That is the one that there is.
    Copying,
    /// In wasmtime, one that counts references. Here, the one that there is.
    DeferredReferenceCounting,
    /// None: nothing is ever collected or moved, and when there is no more room, the guest is stopped.
    Null,
}

/// How objects are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeapConfig {
    pub support: bool,
    pub collector: Collector,
    pub reservation: u64,
    pub guard_size: u64,
    pub reservation_for_growth: u64,
    pub initial_size: u64,
    pub may_move: bool,
    pub zeal: Option<NonZeroU32>,
    pub stress: bool,
    pub corruption_metadata: bool,
}

impl Default for HeapConfig {
    fn default() -> HeapConfig {
        HeapConfig {
            support: true,
            collector: Collector::Auto,
            reservation: 2 << 30,
            guard_size: 0,
            reservation_for_growth: 0,
            initial_size: 0,
            may_move: false,
            zeal: None,
            stress: false,
            corruption_metadata: true,
        }
    }
}

/// Proposals that make objects.
const NEEDS_OBJECTS: WasmFeatures = WasmFeatures::GC
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::LEGACY_EXCEPTIONS);

/// How hard the optimizing tier tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OptLevel {
    /// Not at all.
    None,
    /// For speed.
    Speed,
    /// For speed, and small code where that costs nothing.
    SpeedAndSize,
}

/// Which functions the optimizing tier compiles in place of calls to them. Backtraces show their frames all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Inlining {
    /// Small ones.
    Yes,
    /// Small ones, in modules that make objects.
    InterModuleAndIntraGc,
    /// Only those of other modules: none, as each module is compiled by itself.
    InterModule,
    /// Only what is no function of a module: none.
    Intrinsics,
    /// None.
    No,
}

/// Whether backtraces name source lines. See [`Config::wasm_backtrace_details`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasmBacktraceDetails {
    /// Always, where the module has debugging information.
    Enable,
    /// Never.
    Disable,
    /// If the environment variable `WASMTIME_BACKTRACE_DETAILS` is `1`. Otherwise backtraces that could have more say so.
    Environment,
}

impl WasmBacktraceDetails {
    /// Whether they are wanted now.
    fn are_wanted(self) -> bool {
        match self {
            WasmBacktraceDetails::Enable => true,
            WasmBacktraceDetails::Disable => false,
            WasmBacktraceDetails::Environment => {
                std::env::var_os("WASMTIME_BACKTRACE_DETAILS").is_some_and(|value| value == "1")
            }
        }
    }
}

/// How a configuration has the details of backtraces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BacktraceDetails {
    /// Whether there are any.
    pub enabled: bool,
    /// Whether they could be had by the environment.
    pub could_be: bool,
}

impl From<WasmBacktraceDetails> for BacktraceDetails {
    fn from(details: WasmBacktraceDetails) -> BacktraceDetails {
        let enabled = details.are_wanted();
        BacktraceDetails {
            enabled,
            could_be: !enabled && details == WasmBacktraceDetails::Environment,
        }
    }
}

/// How many frames a backtrace has at the most, unless the configuration says otherwise.
pub(crate) const DEFAULT_BACKTRACE_FRAMES: NonZeroUsize = NonZeroUsize::new(20).unwrap();

/// Proposals that the engine runs and that are on unless switched off.
const DEFAULT: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::FUNCTION_REFERENCES)
    .union(WasmFeatures::GC)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::THREADS)
    .union(WasmFeatures::EXCEPTIONS);

/// Proposals that the engine runs. What is not here is refused when an engine is made.
const SUPPORTED: WasmFeatures = DEFAULT
    .union(WasmFeatures::LEGACY_EXCEPTIONS)
    .union(WasmFeatures::COMPACT_IMPORTS)
    .union(WasmFeatures::CUSTOM_PAGE_SIZES)
    .union(WasmFeatures::WIDE_ARITHMETIC);

/// Proposals that can't be on without another one. Others that build on one can: what a module may use is then what is
/// left of them, and each switch stays as it was set.
const NEEDS: &[(WasmFeatures, WasmFeatures)] = &[
    (WasmFeatures::SIMD, WasmFeatures::FLOATS),
    (WasmFeatures::RELAXED_SIMD, WasmFeatures::SIMD),
    (WasmFeatures::LEGACY_EXCEPTIONS, WasmFeatures::EXCEPTIONS),
];

/// Configuration of an [`Engine`](crate::Engine).
///
/// ```
/// use mainspring::{Config, Engine};
///
/// let mut config = Config::new();
/// config.max_wasm_stack(256 << 10).wasm_tail_call(false);
/// let engine = Engine::new(&config)?;
/// # Ok::<(), mainspring::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) features: WasmFeatures,
    pub(crate) compile: CompileSettings,
    pub(crate) strategy: Strategy,
    pub(crate) optimizing_threads: Option<usize>,
    pub(crate) tier_stress: Option<TierStress>,
    pub(crate) cache: Option<Cache>,
    pub(crate) profiler: ProfilingStrategy,
    pub(crate) max_wasm_stack: usize,
    pub(crate) parallel_compilation: bool,
    pub(crate) memory_init_cow: bool,
    pub(crate) shared_memory: bool,
    pub(crate) heap: HeapConfig,
    pub(crate) peer: peer::PeerSettings,
    /// `None` if backtraces are off.
    pub(crate) backtrace_max_frames: Option<NonZeroUsize>,
    pub(crate) backtrace_details: BacktraceDetails,
}

impl Default for Config {
    fn default() -> Config {
        Config::new()
    }
}

macro_rules! proposals {
    ($($(#[$doc:meta])* $name:ident => $flag:ident;)*) => {
        impl Config {
            $(
                $(#[$doc])*
                ///
                /// A module that uses a proposal which is off, or not supported, is refused with an
                /// error that names it. Switching on one that is not supported makes
                /// [`Engine::new`](crate::Engine::new) fail.
                pub fn $name(&mut self, enable: bool) -> &mut Self {
                    self.features.set(WasmFeatures::$flag, enable);
                    self
                }
            )*
        }
    };
}

proposals! {
    /// Bulk memory operations. On by default.
    wasm_bulk_memory => BULK_MEMORY;
    /// Multiple results and block parameters. On by default.
    wasm_multi_value => MULTI_VALUE;
    /// Reference types. On by default.
    wasm_reference_types => REFERENCE_TYPES;
    /// 128-bit vectors. On by default.
    wasm_simd => SIMD;
    /// Relaxed vector instructions. On by default; see also
    /// [`relaxed_simd_deterministic`](Self::relaxed_simd_deterministic).
    wasm_relaxed_simd => RELAXED_SIMD;
    /// Several memories in a module. On by default.
    wasm_multi_memory => MULTI_MEMORY;
    /// Memories and tables indexed with 64 bits. On by default.
    wasm_memory64 => MEMORY64;
    /// Arithmetic in constant expressions. On by default.
    wasm_extended_const => EXTENDED_CONST;
    /// Tail calls. On by default.
    wasm_tail_call => TAIL_CALL;
    /// Threads: atomic instructions and the types of shared memories. On by default; making shared memories has to be
    /// switched on by [`shared_memory`](Self::shared_memory).
    wasm_threads => THREADS;
    /// Typed function references. On by default. They are references, so there are none without
    /// [`wasm_reference_types`](Self::wasm_reference_types).
    wasm_function_references => FUNCTION_REFERENCES;
    /// Garbage collection: structs, arrays, declared subtypes and casts. On by default. There are no references to them
    /// without [`wasm_reference_types`](Self::wasm_reference_types).
    wasm_gc => GC;
    /// Exceptions. On by default. Without [`wasm_reference_types`](Self::wasm_reference_types) there is no `exnref`.
    wasm_exceptions => EXCEPTIONS;
    /// The exception instructions of before version 3 of the specification: `try` with `catch`, `catch_all` or
    /// `delegate`, and `rethrow`. Compilers emit them for browsers that have no others. Off by default; they can't be
    /// on without [`wasm_exceptions`](Self::wasm_exceptions).
    wasm_legacy_exceptions => LEGACY_EXCEPTIONS;
    /// Memories with pages of one byte. Off by default.
    wasm_custom_page_sizes => CUSTOM_PAGE_SIZES;
    /// Wide arithmetic: sums and products of 128 bits. Off by default.
    wasm_wide_arithmetic => WIDE_ARITHMETIC;
    /// Import sections that name a module, or a type, once for several imports. Off by default.
    wasm_compact_imports => COMPACT_IMPORTS;
    /// Stack switching. Not supported yet.
    wasm_stack_switching => STACK_SWITCHING;
    /// Sharing of everything between threads. Not supported yet.
    wasm_shared_everything_threads => SHARED_EVERYTHING_THREADS;
}

impl Config {
    /// The default configuration: the proposals that are part of the specification and supported are on,
    /// functions are compiled when called first.
    pub fn new() -> Config {
        Config {
            features: DEFAULT,
            compile: CompileSettings::default(),
            strategy: Strategy::Auto,
            optimizing_threads: None,
            tier_stress: None,
            cache: None,
            profiler: ProfilingStrategy::None,
            max_wasm_stack: 512 << 10,
            parallel_compilation: true,
            memory_init_cow: true,
            shared_memory: false,
            heap: HeapConfig::default(),
            peer: peer::PeerSettings::default(),
            backtrace_max_frames: Some(DEFAULT_BACKTRACE_FRAMES),
            backtrace_details: WasmBacktraceDetails::Environment.into(),
        }
    }

    /// Switches any proposals.
    pub fn wasm_features(&mut self, features: WasmFeatures, enable: bool) -> &mut Self {
        self.features.set(features, enable);
        self
    }

    /// Sets which compiler makes code, and when. [`Strategy::Auto`] by default.
    pub fn strategy(&mut self, strategy: Strategy) -> &mut Self {
        self.strategy = strategy;
        self
    }

    /// Sets how many threads optimize in the background. By default one less than there are
    /// processors, but at least one. They start when there is something to do.
    ///
    /// With 0, whichever thread finds that a function runs often optimizes it there and then: the guest waits.
    pub fn optimizing_threads(&mut self, threads: usize) -> &mut Self {
        self.optimizing_threads = Some(threads);
        self
    }

    /// Sets whether functions and loops change tiers when that does not pay, with
    /// [`Strategy::Auto`]. Results are the same. Off by default.
    pub fn tier_stress(&mut self, stress: Option<TierStress>) -> &mut Self {
        self.tier_stress = stress;
        self
    }

    /// Sets where what is learned about modules is kept from one run to the next, for
    /// modules that are compiled lazily. Nowhere by default.
    pub fn cache(&mut self, cache: Option<Cache>) -> &mut Self {
        self.cache = cache;
        self
    }

    /// Sets how a profiler is told about code. [`ProfilingStrategy::None`] by default.
    pub fn profiler(&mut self, profiler: ProfilingStrategy) -> &mut Self {
        self.profiler = profiler;
        self
    }

    /// Sets how hard the optimizing tier tries. [`OptLevel::Speed`] by default.
    pub fn cranelift_opt_level(&mut self, level: OptLevel) -> &mut Self {
        self.compile.optimize = match level {
            OptLevel::None => Optimize::None,
            OptLevel::Speed => Optimize::Speed,
            OptLevel::SpeedAndSize => Optimize::SpeedAndSize,
        };
        self
    }

    /// Sets which functions the optimizing tier compiles in place of calls to them. [`Inlining::Yes`] by default.
    pub fn compiler_inlining(&mut self, inlining: Inlining) -> &mut Self {
        self.compile.inline = match inlining {
            Inlining::Yes => Inline::Small,
            Inlining::InterModuleAndIntraGc => Inline::SmallWithObjects,
            Inlining::InterModule | Inlining::Intrinsics | Inlining::No => Inline::None,
        };
        self
    }

    /// Sets whether code says of which WebAssembly instruction it is. On by default. Without, images are smaller, and
    /// [`FrameInfo`](crate::FrameInfo) knows no offsets.
    pub fn generate_address_map(&mut self, generate: bool) -> &mut Self {
        self.compile.address_map = generate;
        self
    }

    /// Sets whether compilers check their intermediate results. Off by default.
    pub fn cranelift_debug_verifier(&mut self, enable: bool) -> &mut Self {
        self.compile.verify = enable;
        self
    }

    /// Sets whether NaNs that instructions produce have one form. Off by default.
    pub fn cranelift_nan_canonicalization(&mut self, enable: bool) -> &mut Self {
        self.compile.canonical_nans = enable;
        self
    }

    /// Sets whether relaxed vector instructions give the same results on every machine, as the
    /// specification's deterministic profile says, instead of being as fast as the processor allows. Off by default.
    pub fn relaxed_simd_deterministic(&mut self, enable: bool) -> &mut Self {
        self.compile.deterministic_relaxed_simd = enable;
        self
    }

    /// Sets whether whole modules are compiled on all cores. On by default.
    pub fn parallel_compilation(&mut self, parallel: bool) -> &mut Self {
        self.parallel_compilation = parallel;
        self
    }

    /// Sets how many bytes of stack wasm may use. 512 KiB by default.
    ///
    /// Threads that call wasm need that much and more: host functions run on the same stack.
    pub fn max_wasm_stack(&mut self, size: usize) -> &mut Self {
        self.max_wasm_stack = size;
        self
    }

    /// Sets how many bytes of address space each linear memory reserves. 4 GiB by default, with which
    /// 32-bit memories need no bounds checks.
    pub fn memory_reservation(&mut self, bytes: u64) -> &mut Self {
        self.compile.memory.reservation = round_up_pages(bytes);
        self
    }

    /// Sets how many bytes of guard region follow each linear memory. 32 MiB by default.
    pub fn memory_guard_size(&mut self, bytes: u64) -> &mut Self {
        self.compile.memory.guard = round_up_pages(bytes);
        self
    }

    /// Sets how many bytes are reserved beyond its size for a memory that moves, or that begins as large as
    /// [`memory_reservation`](Self::memory_reservation) or larger. Up to there it grows in place. 2 GiB by default.
    pub fn memory_reservation_for_growth(&mut self, bytes: u64) -> &mut Self {
        self.compile.memory.reservation_for_growth = round_up_pages(bytes);
        self
    }

    /// Sets whether a memory that outgrows its reservation moves. On by default; otherwise growing
    /// fails there.
    pub fn memory_may_move(&mut self, enable: bool) -> &mut Self {
        self.compile.memory.may_move = enable;
        self
    }

    /// Sets whether a guard region stands before each linear memory too. On by default.
    pub fn guard_before_linear_memory(&mut self, enable: bool) -> &mut Self {
        self.compile.memory.guard_before = enable;
        self
    }

    /// Sets whether the optimizing tier places code by what a module says about its branches: custom sections named
    /// `metadata.code.branch_hint`. That may change how fast code is, and nothing else. Off by default.
    ///
    /// See the proposal [branch hinting](https://github.com/WebAssembly/branch-hinting).
    pub fn wasm_branch_hinting(&mut self, enable: bool) -> &mut Self {
        self.compile.branch_hints = enable;
        self
    }

    /// Sets whether memories get their initial contents by mapping, copy-on-write. On by default.
    pub fn memory_init_cow(&mut self, enable: bool) -> &mut Self {
        self.memory_init_cow = enable;
        self
    }

    /// Sets whether shared memories can be made: by [`SharedMemory::new`](crate::SharedMemory::new), and by modules that
    /// define them, for which [`wasm_threads`](Self::wasm_threads) has to be on, too. Off by default.
    pub fn shared_memory(&mut self, enable: bool) -> &mut Self {
        self.shared_memory = enable;
        self
    }

    /// Sets whether there may be objects. On by default. Off is for engines without garbage collection and exceptions: it
    /// switches these proposals off, and refuses modules that have references to anything but functions.
    pub fn gc_support(&mut self, enable: bool) -> &mut Self {
        if !enable {
            self.features.remove(NEEDS_OBJECTS);
        }
        self.features.set(WasmFeatures::GC_TYPES, enable);
        self.heap.support = enable;
        self
    }

    /// Sets which collector is used. There is one, which has all names but [`Collector::Null`].
    pub fn collector(&mut self, collector: Collector) -> &mut Self {
        self.heap.collector = collector;
        self
    }

    /// Sets how many bytes objects of one store may take that have survived or are large. 2 GiB by default,
    /// and no more than that. New objects take another 3 MiB.
    ///
    /// A store's own limit is set by [`Store::limiter`](crate::Store::limiter), whose
    /// [`memory_growing`](crate::ResourceLimiter::memory_growing) is asked about all of these bytes.
    pub fn gc_heap_reservation(&mut self, bytes: u64) -> &mut Self {
        self.heap.reservation = bytes;
        self
    }

    /// Has no effect: a heap always lies in a reservation from which no reference can lead out.
    pub fn gc_heap_guard_size(&mut self, bytes: u64) -> &mut Self {
        self.heap.guard_size = bytes;
        self
    }

    /// Has no effect: a heap grows where it is.
    pub fn gc_heap_reservation_for_growth(&mut self, bytes: u64) -> &mut Self {
        self.heap.reservation_for_growth = bytes;
        self
    }

    /// Has no effect: a heap begins with room for new objects, and takes memory as it is used.
    pub fn gc_heap_initial_size(&mut self, bytes: u64) -> &mut Self {
        self.heap.initial_size = bytes;
        self
    }

    /// Has no effect: a heap never moves.
    pub fn gc_heap_may_move(&mut self, enable: bool) -> &mut Self {
        self.heap.may_move = enable;
        self
    }

    /// Sets whether each so many allocations collect garbage, for tests of the engine. Never by default.
    pub fn gc_zeal_alloc_counter(&mut self, counter: Option<NonZeroU32>) -> &mut Self {
        self.heap.zeal = counter;
        self
    }

    /// Sets whether garbage is collected whenever wasm calls the host or asks the runtime for anything, for tests of the
    /// engine. Off by default.
    pub fn gc_stress(&mut self, enable: bool) -> &mut Self {
        self.heap.stress = enable;
        self
    }

    /// Has no effect: code takes it for granted that objects are what their headers say, and needs nothing to tell if not.
    pub fn metadata_for_gc_heap_corruption(&mut self, enable: bool) -> &mut Self {
        self.heap.corruption_metadata = enable;
        self
    }

    /// Sets whether errors that leave wasm carry a backtrace. On by default. Off is the same as
    /// [`wasm_backtrace_max_frames`](Self::wasm_backtrace_max_frames) with `None`; on keeps the number that is set, if one is.
    pub fn wasm_backtrace(&mut self, enable: bool) -> &mut Self {
        self.backtrace_max_frames = match enable {
            true => self.backtrace_max_frames.or(Some(DEFAULT_BACKTRACE_FRAMES)),
            false => None,
        };
        self
    }

    /// Sets how many frames a backtrace has at the most. 20 by default; `None` records none.
    pub fn wasm_backtrace_max_frames(&mut self, limit: Option<NonZeroUsize>) -> &mut Self {
        self.backtrace_max_frames = limit;
        self
    }

    /// Sets whether backtraces say from which lines of the source the code is, where the module has debugging information
    /// (DWARF). [`WasmBacktraceDetails::Environment`] by default; the variable is read when it is set, or the configuration made.
    ///
    /// Nothing is read of it before it is asked for. Images ([`Module::serialize`](crate::Module::serialize)) keep it only if
    /// this was on where they were made: frames of others have no [`symbols`](crate::FrameInfo::symbols).
    pub fn wasm_backtrace_details(&mut self, details: WasmBacktraceDetails) -> &mut Self {
        self.backtrace_details = details.into();
        self
    }

    /// Checks what can't be checked setting by setting.
    pub(crate) fn validate(&self) -> Result<()> {
        let unsupported = self.features.difference(SUPPORTED.union(IMPLIED));
        if let Some((name, _)) = unsupported.iter_names().next() {
            bail!("the {} proposal is not supported yet", proposal_name(name));
        }
        for &(feature, needed) in NEEDS {
            ensure!(
                !self.features.contains(feature) || self.features.contains(needed),
                "the {} proposal needs {}, which is off",
                name_of(feature),
                name_of(needed)
            );
        }
        let making = self.features.intersection(NEEDS_OBJECTS);
        if let (false, Some((name, _))) = (self.heap.support, making.iter_names().next()) {
            bail!(
                "the {} proposal needs support for objects, which is off (gc_support)",
                proposal_name(name)
            );
        }
        ensure!(
            self.max_wasm_stack > 0,
            "max_wasm_stack size cannot be zero"
        );
        self.validate_peer_settings()
    }

    pub(crate) fn profiling(&self) -> Result<Profiling> {
        Ok(match self.profiler {
            ProfilingStrategy::None => Profiling::None,
            ProfilingStrategy::PerfMap => Profiling::PerfMap,
            ProfilingStrategy::JitDump => Profiling::JitDump,
            other => bail!(
                "profiling with {other:?} is not supported; `perf` is, with PerfMap or JitDump"
            ),
        })
    }

    pub(crate) fn tuning(&self) -> Result<Tuning> {
        let tiers = match self.strategy {
            Strategy::Auto => Tiers::Tiered,
            Strategy::Cranelift => Tiers::Optimizing,
            Strategy::Winch => Tiers::Baseline,
        };
        let mut tuning = match self.tier_stress {
            Some(TierStress::TierUp) => Tuning::stress(tiers, Pace::StressTierUp),
            Some(TierStress::OnStackReplacement) => Tuning::stress(tiers, Pace::StressLoops),
            None => Tuning::usual(tiers),
        };
        if let Some(threads) = self.optimizing_threads {
            tuning.workers = threads;
        }
        tuning.overridden()
    }

    pub(crate) fn memory_settings(&self) -> MemorySettings {
        self.compile.memory
    }
}

/// Flags of the decoder that are no proposals of their own.
const IMPLIED: WasmFeatures = WasmFeatures::GC_TYPES
    .union(WasmFeatures::CALL_INDIRECT_OVERLONG)
    .union(WasmFeatures::BULK_MEMORY_OPT);

/// A proposal's name, given that of its flag.
fn proposal_name(flag: &str) -> String {
    flag.to_lowercase().replace('_', "-")
}

fn name_of(feature: WasmFeatures) -> String {
    let names = feature.iter_names().map(|(name, _)| proposal_name(name));
    names.collect::<Vec<_>>().join(", ")
}

fn round_up_pages(bytes: u64) -> u64 {
    const HOST_PAGE: u64 = 64 << 10;
    bytes
        .checked_next_multiple_of(HOST_PAGE)
        .unwrap_or(u64::MAX / HOST_PAGE * HOST_PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;

    #[test]
    fn profilers_that_do_not_exist_here_are_refused() {
        for profiler in [ProfilingStrategy::VTune, ProfilingStrategy::Pulley] {
            let error = Engine::new(Config::new().profiler(profiler)).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("PerfMap"), "{text}");
            assert!(text.contains(&format!("{profiler:?}")), "{text}");
        }
    }
}
