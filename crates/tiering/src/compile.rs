//! The compilers, and what it takes to run one on a whole module.

use crate::queue::Queue;
use crate::tuning::{Tiers, Tuning};
use anyhow::Result;
use mainspring_abi::{
    CallMode, CompileSettings, CompiledFunction, Entry, FunctionInput, VMOffsets,
};
use mainspring_baseline::Baseline;
use mainspring_optimizer::Optimizer;
use mainspring_wasm::{DefinedFuncIndex, ModuleInfo};
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Told how many functions of how many are compiled.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// An engine's compilers and their settings.
pub struct Compilers {
    settings: CompileSettings,
    tuning: Tuning,
    baseline: Baseline,
    optimizer: Optimizer,
    parallel: bool,
    queue: Queue,
}

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
        })
    }

    /// Which tiers there are, and when functions move between them.
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The settings that code is compiled with.
    pub fn settings(&self) -> &CompileSettings {
        &self.settings
    }

    /// Everything that generated code depends on but the module: images with another one are not used.
    pub fn fingerprint(&self) -> String {
        format!("{:?} {}", self.settings, self.optimizer.fingerprint())
    }

    /// Compiles a function for its first call.
    pub(crate) fn compile_first(&self, input: FunctionInput<'_>) -> Result<CompiledFunction> {
        let tier_up = self.tuning.tiers == Tiers::Tiered;
        match self.tuning.tiers {
            Tiers::Tiered | Tiers::Baseline => {
                self.baseline.compile(&FunctionInput { tier_up, ..input })
            }
            Tiers::Optimizing => self.optimizer.compile(&input),
        }
    }

    /// Compiles a function that is worth it.
    pub(crate) fn optimize(&self, input: FunctionInput<'_>) -> Result<CompiledFunction> {
        self.optimizer.compile(&input)
    }

    /// A function of a module, to be compiled with these settings.
    pub(crate) fn input<'a>(
        &'a self,
        module: &'a ModuleInfo,
        offsets: &'a VMOffsets,
        bytes: &'a [u8],
        index: DefinedFuncIndex,
        calls: CallMode,
    ) -> FunctionInput<'a> {
        FunctionInput {
            module,
            offsets,
            index,
            bytes,
            settings: &self.settings,
            calls,
            inlining: true,
            tier_up: false,
            entry: Entry::Start,
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
        let done = AtomicUsize::new(0);
        let one = |i: usize| {
            let index = DefinedFuncIndex::from(i);
            let input = self.input(module, offsets, bytes, index, CallMode::Direct);
            let function = self.optimize(input)?;
            if let Some(progress) = progress {
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            }
            Ok(function)
        };
        if self.parallel {
            (0..total).into_par_iter().map(one).collect()
        } else {
            (0..total).map(one).collect()
        }
    }
}

impl std::fmt::Debug for Compilers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compilers")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
