//! The compilers, and what it takes to run one on a whole module.

use crate::debug;
use anyhow::Result;
use mainspring_abi::{CallMode, CompileSettings, CompiledFunction, FunctionInput, VMOffsets};
use mainspring_baseline::Baseline;
use mainspring_optimizer::Optimizer;
use mainspring_wasm::{DefinedFuncIndex, ModuleInfo};
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Told how many functions of how many are compiled.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// A compiler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tier {
    /// Machine code in one pass.
    Baseline,
    /// Fast machine code, later.
    Optimizing,
}

/// An engine's compilers and their settings.
pub struct Compilers {
    settings: CompileSettings,
    /// What compiles functions when they are called first.
    lazy: Tier,
    baseline: Baseline,
    optimizer: Optimizer,
    parallel: bool,
}

impl Compilers {
    /// Sets up compilers for this processor. `parallel` says whether whole modules are compiled on
    /// all cores; `lazy`, with which tier functions are that are compiled when they are called first. What is
    /// compiled ahead of time is optimized.
    pub fn new(settings: CompileSettings, parallel: bool, lazy: Option<Tier>) -> Result<Compilers> {
        Ok(Compilers {
            settings,
            lazy: lazy.or_else(debug::tier).unwrap_or(Tier::Optimizing),
            baseline: Baseline::new(&settings)?,
            optimizer: Optimizer::new(&settings)?,
            parallel,
        })
    }

    /// The settings that code is compiled with.
    pub fn settings(&self) -> &CompileSettings {
        &self.settings
    }

    /// Everything that generated code depends on but the module: images with another one are not used.
    pub fn fingerprint(&self) -> String {
        format!("{:?} {}", self.settings, self.optimizer.fingerprint())
    }

    pub(crate) fn compile(
        &self,
        module: &ModuleInfo,
        offsets: &VMOffsets,
        bytes: &[u8],
        index: DefinedFuncIndex,
        calls: CallMode,
    ) -> Result<CompiledFunction> {
        let input = FunctionInput {
            module,
            offsets,
            index,
            bytes,
            settings: &self.settings,
            calls,
            // Code of a function that is compiled alone must stay exchangeable for its callers.
            inlining: calls == CallMode::Direct,
            tier_up: false,
        };
        match (calls, self.lazy) {
            (CallMode::ThroughTable, Tier::Baseline) => self.baseline.compile(&input),
            _ => self.optimizer.compile(&input),
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
            let function = self.compile(
                module,
                offsets,
                bytes,
                DefinedFuncIndex::from(i),
                CallMode::Direct,
            )?;
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
