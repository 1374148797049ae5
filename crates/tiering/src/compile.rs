//! The compilers, and what it takes to run one on a whole module.

use crate::blocks::Blocks;
use crate::cache::{Cache, Key};
use crate::code_memory::Backing;
use crate::fingerprint::BUILD_ID;
use crate::module_code::ModuleCode;
use crate::profiler::{Profiler, Profiling};
use crate::queue::Queue;
use crate::stats::{Counts, Statistics, TierCounts};
use crate::tuning::{Tiers, Tuning};
use mainspring_abi::{
    Bodies, CallMode, CompileSettings, CompiledFunction, Entry, FunctionInput, Inline, TooLarge,
    VMOffsets,
};
use mainspring_baseline::Baseline;
use mainspring_error::{Result, bail};
use mainspring_optimizer::Optimizer;
use mainspring_wasm::{DefinedFuncIndex, ModuleInfo, has_threads};
use rayon::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;
use tracing::field;
use wasmparser::WasmFeatures;

/// Told how many functions of how many are compiled.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// One of the compilers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tier {
    /// The baseline tier.
    Baseline,
    /// The optimizing tier.
    Optimizing,
}

/// An engine's compilers and their settings.
pub struct Compilers {
    settings: CompileSettings,
    tuning: Tuning,
    baseline: Baseline,
    optimizer: Optimizer,
    parallel: bool,
    queue: Queue,
    counts: Counts,
    cache: Option<Cache>,
    profiler: Option<&'static Profiler>,
    debug_sections: bool,
    /// The modules that the cache is to remember, until they are gone and that is done.
    remembered: Mutex<Vec<Weak<ModuleCode>>>,
    /// Signalled when one of them is gone.
    gone: Condvar,
}

/// Bytes of a frame that is better made by the other tier. The baseline tier has a place for each operand; the stack is half a
/// megabyte, unless another size was asked for.
const LARGE_FRAME: u32 = 64 << 10;

impl Compilers {
    /// Sets up compilers for this processor. `parallel` says whether whole modules are compiled on
    /// all cores.
    pub fn new(settings: CompileSettings, tuning: Tuning, parallel: bool) -> Result<Compilers> {
        Ok(Compilers {
            settings,
            tuning,
            baseline: Baseline::new(&settings)?,
            optimizer: Optimizer::new(&settings)?,
            parallel,
            queue: Queue::new(tuning.workers),
            counts: Counts::default(),
            cache: None,
            profiler: None,
            debug_sections: false,
            remembered: Mutex::default(),
            gone: Condvar::new(),
        })
    }

    /// Which tiers there are, and when functions move between them.
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// The same, with a cache for code of modules that are compiled lazily.
    pub fn with_cache(mut self, cache: Option<Cache>) -> Compilers {
        self.cache = cache;
        self
    }

    /// The same, telling the system's profiler about all code.
    ///
    /// # Errors
    /// If the file for it can't be made.
    pub fn with_profiling(mut self, profiling: Profiling) -> Result<Compilers> {
        self.profiler = Profiler::open(profiling)?;
        Ok(self)
    }

    /// The same, with images that keep their modules' debugging information, or don't, as by default.
    pub fn with_debug_sections(mut self, keep: bool) -> Compilers {
        self.debug_sections = keep;
        self
    }

    pub(crate) fn keeps_debug_sections(&self) -> bool {
        self.debug_sections
    }

    pub(crate) fn profiler(&self) -> Option<&'static Profiler> {
        self.profiler
    }

    /// What code pages must be pages of.
    pub(crate) fn code_backing(&self) -> Backing {
        match self.profiler {
            Some(profiler) if profiler.anonymous_only => Backing::Anonymous,
            _ => Backing::MemoryFile,
        }
    }

    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    /// What the cache knows a module by, if there is a cache.
    pub(crate) fn module_key(&self, features: WasmFeatures, blocks: &Blocks) -> Option<Key> {
        self.key(features, &[b"module", &blocks.to_bytes()])
    }

    /// What the cache knows something by that depends on all that code depends on, and on these parts.
    pub(crate) fn key(&self, features: WasmFeatures, parts: &[&[u8]]) -> Option<Key> {
        self.cache.as_ref()?;
        let depends = format!(
            "{} {} {:?} {:?}",
            BUILD_ID,
            self.fingerprint(),
            self.tuning.tiers,
            features.bits(),
        );
        Some(Key::new(&[&[depends.as_bytes()], parts].concat()))
    }

    pub(crate) fn remember_later(&self, module: &Weak<ModuleCode>) {
        self.lock_remembered().push(module.clone());
    }

    /// A module is gone, and the cache remembers it.
    pub(crate) fn let_go(&self, module: &Weak<ModuleCode>) {
        self.lock_remembered()
            .retain(|other| !Weak::ptr_eq(other, module));
        self.gone.notify_all();
    }

    /// Has the cache keep what was learned so far about all modules. That also happens when a module is
    /// dropped, and now and then.
    pub fn remember(&self) {
        let modules = self.lock_remembered().clone();
        for module in modules.iter().filter_map(Weak::upgrade) {
            module.remember();
        }
        // Modules that another thread is dropping: it has yet to see to that.
        let mut remembered = self.lock_remembered();
        while remembered.iter().any(|module| module.strong_count() == 0) {
            let woken = self.gone.wait(remembered);
            remembered = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock_remembered(&self) -> MutexGuard<'_, Vec<Weak<ModuleCode>>> {
        let remembered = self.remembered.lock();
        remembered.unwrap_or_else(PoisonError::into_inner)
    }

    /// What they have done so far.
    pub fn statistics(&self) -> Statistics {
        self.counts.read()
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The settings that code is compiled with.
    pub fn settings(&self) -> &CompileSettings {
        &self.settings
    }

    /// Everything that generated code depends on but the module: cache entries with another one are not used.
    pub fn fingerprint(&self) -> String {
        format!(
            "{:?} {} {}",
            self.settings,
            self.optimizer.fingerprint(),
            self.baseline.fingerprint()
        )
    }

    pub(crate) fn optimizer_fingerprint(&self) -> String {
        self.optimizer.fingerprint().to_owned()
    }

    pub(crate) fn baseline_fingerprint(&self) -> String {
        self.baseline.fingerprint().to_owned()
    }

    /// Compiles a function for its first call, and says which tier did.
    pub(crate) fn compile_first(
        &self,
        input: FunctionInput<'_>,
    ) -> Result<(Tier, CompiledFunction)> {
        let first = match self.tuning.tiers {
            Tiers::Tiered | Tiers::Baseline => Tier::Baseline,
            Tiers::Optimizing => Tier::Optimizing,
        };
        self.compile_somehow(first, input)
    }

    /// Compiles a function on a tier, or on the other if it is too large for that one, or would take much of the stack: a valid
    /// function runs as long as either can make it.
    fn compile_somehow(
        &self,
        first: Tier,
        input: FunctionInput<'_>,
    ) -> Result<(Tier, CompiledFunction)> {
        let modest = FunctionInput {
            max_frame: LARGE_FRAME,
            ..input
        };
        let error = match self.compile_on(first, modest) {
            Ok(compiled) => return Ok((first, compiled)),
            Err(error) if error.is::<TooLarge>() => error,
            Err(error) => return Err(error),
        };
        let (other, counts) = match first {
            Tier::Baseline => (Tier::Optimizing, &self.counts.baseline),
            Tier::Optimizing => (Tier::Baseline, &self.counts.optimizing),
        };
        counts.refuse();
        tracing::debug!(?first, ?error, "compiled on the other tier");
        if let Ok(compiled) = self.compile_on(other, input) {
            return Ok((other, compiled));
        }
        // What the tier that was asked for says is what its user can do something about.
        match first {
            Tier::Baseline => Ok((first, self.compile_on(first, input)?)),
            Tier::Optimizing => Err(error),
        }
    }

    fn compile_on(&self, tier: Tier, input: FunctionInput<'_>) -> Result<CompiledFunction> {
        match tier {
            Tier::Baseline => seen("baseline", &self.counts.baseline, &input, || {
                let tier_up =
                    input.calls == CallMode::ThroughTable && self.tuning.tiers == Tiers::Tiered;
                self.baseline.compile(&FunctionInput { tier_up, ..input })
            }),
            Tier::Optimizing => self.optimize(input),
        }
    }

    /// Compiles a function that is worth it.
    pub(crate) fn optimize(&self, input: FunctionInput<'_>) -> Result<CompiledFunction> {
        seen("optimizing", &self.counts.optimizing, &input, || {
            // What was being compiled is gone with the compiler's own state of it.
            let done = catch_unwind(AssertUnwindSafe(|| self.optimizer.compile(&input)));
            done.unwrap_or_else(|_| {
                let function = input.module.func_of(input.index).0;
                bail!("the compiler panicked at function {function}; this is a bug in it")
            })
        })
    }

    /// Compiles a function of a validated module that nobody is going to call, as it would be if it were
    /// compiled lazily.
    ///
    /// # Errors
    /// If it can't be compiled.
    pub fn compile_alone(
        &self,
        tier: Tier,
        module: &ModuleInfo,
        offsets: &VMOffsets,
        bytes: &[u8],
        index: DefinedFuncIndex,
    ) -> Result<CompiledFunction> {
        let body = module.slice(bytes, &module.bodies[index.index()]);
        let input = FunctionInput {
            exact_locations: true,
            ..self.input(
                module,
                offsets,
                index,
                (body, &bytes),
                CallMode::ThroughTable,
            )
        };
        match tier {
            Tier::Baseline => {
                let tier_up = self.tuning.tiers == Tiers::Tiered;
                self.baseline.compile(&FunctionInput { tier_up, ..input })
            }
            Tier::Optimizing => self.optimizer.compile(&input),
        }
    }

    /// A function of a module, to be compiled with these settings, with its body and how to read others.
    pub(crate) fn input<'a>(
        &'a self,
        module: &'a ModuleInfo,
        offsets: &'a VMOffsets,
        index: DefinedFuncIndex,
        (body, bodies): (&'a [u8], &'a dyn Bodies),
        calls: CallMode,
    ) -> FunctionInput<'a> {
        FunctionInput {
            module,
            offsets,
            index,
            body,
            bodies,
            settings: &self.settings,
            calls,
            inlining: match self.settings.inline {
                Inline::Small => true,
                Inline::SmallWithObjects => module.needs_heap(),
                Inline::None => false,
            },
            tier_up: false,
            entry: Entry::Start,
            max_frame: FunctionInput::ANY_FRAME,
            exact_locations: false,
            profile: None,
        }
    }

    /// Compiles every function, to be placed together.
    pub(crate) fn compile_all(
        &self,
        module: &ModuleInfo,
        offsets: &VMOffsets,
        bytes: &[u8],
        progress: Option<Progress<'_>>,
    ) -> Result<Vec<CompiledFunction>> {
        let total = module.bodies.len();
        let _span = tracing::debug_span!("compile all", functions = total).entered();
        let done = AtomicUsize::new(0);
        let one = |i: usize| {
            let index = DefinedFuncIndex::from(i);
            let body = module.slice(bytes, &module.bodies[i]);
            let input = self.input(module, offsets, index, (body, &bytes), CallMode::Direct);
            let (_, function) = self.compile_somehow(Tier::Optimizing, input)?;
            if let Some(progress) = progress {
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            }
            Ok(function)
        };
        if self.parallel && has_threads() {
            (0..total).into_par_iter().map(one).collect()
        } else {
            (0..total).map(one).collect()
        }
    }
}

/// Has a function compiled, counts that, and says so.
fn seen(
    tier: &str,
    counts: &TierCounts,
    input: &FunctionInput<'_>,
    compile: impl FnOnce() -> Result<CompiledFunction>,
) -> Result<CompiledFunction> {
    let wasm_bytes = input.body.len();
    let span = tracing::trace_span!(
        "compile",
        tier,
        function = input.module.func_of(input.index).0,
        entry = ?input.entry,
        wasm_bytes,
        code_bytes = field::Empty,
    );
    let _entered = span.enter();
    let start = Instant::now();
    let mut compiled = compile()?;
    if !input.settings.address_map && !input.exact_locations {
        compiled.locations = Vec::new();
    }
    counts.add(start, wasm_bytes, compiled.code.len());
    span.record("code_bytes", compiled.code.len());
    Ok(compiled)
}

impl std::fmt::Debug for Compilers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compilers")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
