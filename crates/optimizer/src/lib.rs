//! The optimizing tier: one validated WebAssembly function to x86-64 machine code by way of
//! Cranelift.
//!
//! `operators -> Cranelift IR (our own translation: func, control, call, memory, ...) -> the same,
//! optimized (cranelift-codegen; then ours: induction) -> machine code (cranelift-codegen; then ours:
//! dispatch) -> CompiledFunction`. Bodies are valid by the time they come here;
//! what a body can't rule out by being valid (too large a function) is an error, never a panic.
//! Nothing here knows stores, instances or where code is placed.

#![warn(missing_docs)]

mod allocate;
mod arrays;
mod atomic;
mod call;
mod control;
mod crowds;
mod dispatch;
mod emit;
mod exceptions;
mod func;
mod gc;
mod global;
mod induction;
mod inline;
mod isa;
mod layout;
mod legacy_exceptions;
mod limits;
mod memory;
mod numeric;
mod objects;
mod operator;
mod osr;
mod phis;
mod pieces;
mod places;
mod relaxed_simd;
mod roots;
mod simd;
mod sources;
mod spills;
mod structs;
mod table;
mod trap;
mod types;

#[cfg(test)]
mod tests;

use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::{CompiledCode, Context};
use cranelift_frontend::FunctionBuilderContext;
use func::TranslationBuffers;
use mainspring_abi::{CompileSettings, CompiledFunction, Entry, FunctionInput, Optimize};
use mainspring_error::{Context as _, Result};
use std::sync::{Mutex, PoisonError};

/// The compiler, configured for the host's processor and one set of settings. Any number of
/// threads may compile with it at once.
pub struct Optimizer {
    isa: OwnedTargetIsa,
    fingerprint: String,
    workers: Mutex<Vec<Box<Worker>>>,
}

/// What one compilation at a time uses, kept for the next so that its buffers are allocated once.
struct Worker {
    context: Context,
    registers: regalloc2::Ctx,
    builder: FunctionBuilderContext,
    buffers: TranslationBuffers,
}

impl std::fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Optimizer")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl Optimizer {
    /// Makes a compiler for the processor this runs on.
    ///
    /// # Errors
    /// If the processor lacks something that generated code needs.
    pub fn new(settings: &CompileSettings) -> Result<Optimizer> {
        Ok(Self::for_isa(isa::host_isa(settings, true)?))
    }

    /// A compiler for what every processor has that we generate code for.
    #[cfg(test)]
    fn baseline(settings: &CompileSettings) -> Result<Optimizer> {
        Ok(Self::for_isa(isa::host_isa(settings, false)?))
    }

    fn for_isa(isa: OwnedTargetIsa) -> Optimizer {
        Optimizer {
            fingerprint: isa::fingerprint(&*isa),
            isa,
            workers: Mutex::new(Vec::new()),
        }
    }

    /// Everything about this compiler that its output depends on, apart from the
    /// [`CompileSettings`]: compiler version, processor features, flags. Code made under another
    /// fingerprint must not be used.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Compiles one function.
    ///
    /// # Errors
    /// If the function is too large for the compiler, with [`TooLarge`](mainspring_abi::TooLarge) among the error's causes, or uses an instruction that validation
    /// should have refused. The error names the function.
    pub fn compile(&self, input: &FunctionInput) -> Result<CompiledFunction> {
        let mut worker = self.take_worker();
        let compiled = worker
            .compile(&self.isa, input, false)
            .and_then(|code| emit::finish(&code, &worker.context.func, input, &worker.buffers))
            .with_context(|| format!("failed to compile function {}", function_index(input)))?;
        self.put_back(worker);
        Ok(compiled)
    }

    /// The machine code of one function as text, for tests and people.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn disassemble(&self, input: &FunctionInput) -> Result<String> {
        let mut worker = self.take_worker();
        let code = worker.compile(&self.isa, input, true)?;
        self.put_back(worker);
        Ok(code.vcode.unwrap_or_default())
    }

    fn take_worker(&self) -> Box<Worker> {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.pop().unwrap_or_else(|| {
            Box::new(Worker {
                context: Context::new(),
                registers: regalloc2::Ctx::default(),
                builder: FunctionBuilderContext::new(),
                buffers: TranslationBuffers::default(),
            })
        })
    }

    /// Keeps a worker for the next compilation. One whose compilation failed never comes here:
    /// its buffers are in the middle of something.
    fn put_back(&self, mut worker: Box<Worker>) {
        worker.context.clear();
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.push(worker);
    }
}

impl Worker {
    /// The whole pipeline.
    fn compile(
        &mut self,
        isa: &OwnedTargetIsa,
        input: &FunctionInput,
        disassemble: bool,
    ) -> Result<CompiledCode> {
        let isa = &**isa;
        let context = &mut self.context;
        let function = &mut context.func;
        func::translate(input, isa, function, &mut self.builder, &mut self.buffers)?;
        if input.entry != Entry::Start {
            context.compute_cfg();
            context.compute_domtree();
            context
                .eliminate_unreachable_code(isa)
                .map_err(|error| emit::compile_error(error, &context.func))?;
        }
        let function = &mut context.func;
        if input.settings.optimize != Optimize::None {
            phis::remove_redundant(function);
        }
        limits::check_params(function, input.body.len())?;
        let made = input.exact_locations.then(|| sources::of_results(function));
        let control = &mut ControlPlane::default();
        context
            .optimize(isa, control)
            .map_err(|error| emit::compile_error(error, &context.func))?;
        if input.settings.optimize != Optimize::None {
            induction::compare_next(&mut context.func);
        }
        if let Some(made) = made {
            sources::recover(&mut context.func, &made);
        }
        sources::follow_loads(&mut context.func);
        context
            .verify_if(isa)
            .and_then(|()| {
                isa.compile_function(
                    &context.func,
                    &context.domtree,
                    &mut self.registers,
                    disassemble,
                    control,
                )
            })
            .map(|code| code.apply_params(&context.func.params))
            .map_err(|error| emit::compile_error(error, &context.func))
    }
}

fn function_index(input: &FunctionInput) -> u32 {
    input.module.func_of(input.index).0
}
