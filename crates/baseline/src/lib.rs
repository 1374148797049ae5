//! The baseline tier: one validated WebAssembly function to x86-64 machine code in one pass.
//!
//! `body -> scan (which locals are used most) -> frame (prologue) -> operators, each to machine code
//! at once (control, call, memory, numeric, ...) -> what lies behind the body -> CompiledFunction`.
//! There is no intermediate representation: what is known between two operators is the
//! abstract stack of [`state`]. Bodies are valid by the time they come here; what a body can't
//! rule out by being valid is an error, never a panic. Nothing here knows stores, instances or where
//! code is placed.

#![warn(missing_docs)]

mod allocate;
mod arrays;
mod atomic;
mod body;
mod bulk;
mod call;
mod control;
mod convert;
mod exceptions;
mod float;
mod frame;
mod gc;
mod global;
mod lanes;
mod legacy_exceptions;
mod locals;
mod memory;
mod moves;
mod numeric;
mod objects;
mod operator;
mod relaxed_simd;
mod roots;
mod simd;
mod stack;
mod state;
mod structs;
mod table;
mod tier_up;
mod wide;
mod work;
mod x64;

#[cfg(test)]
mod tests;

use body::{BlockType, Body};
use frame::FrameLayout;
use mainspring_abi::{
    CompileSettings, CompiledFunction, FunctionInput, SourceLocation, TooLarge, TrapSite,
};
use mainspring_error::{Context as _, Result, ensure};
use state::{Buffers, Func, Registers};
use std::sync::{Mutex, PoisonError};
use x64::Cpu;

/// The compiler, configured for the host's processor. Any number of threads may compile with it at
/// once.
pub struct Baseline {
    cpu: Cpu,
    fingerprint: String,
    buffers: Mutex<Vec<Buffers>>,
}

impl std::fmt::Debug for Baseline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Baseline")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl Baseline {
    /// Makes a compiler for the processor this runs on.
    ///
    /// # Errors
    /// If the processor lacks something that generated code needs.
    pub fn new(_settings: &CompileSettings) -> Result<Baseline> {
        Ok(Self::for_cpu(Cpu::host()?))
    }

    /// A compiler for what every processor has that we generate code for.
    #[cfg(test)]
    fn oldest() -> Baseline {
        Self::for_cpu(Cpu::default())
    }

    fn for_cpu(cpu: Cpu) -> Baseline {
        Baseline {
            fingerprint: format!("baseline {} {cpu:?}", env!("CARGO_PKG_VERSION")),
            cpu,
            buffers: Mutex::new(Vec::new()),
        }
    }

    /// Everything about this compiler that its output depends on, apart from the
    /// [`CompileSettings`].
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Compiles one function.
    ///
    /// # Errors
    /// If the function is too large, with [`TooLarge`] among the error's causes, or uses an instruction that is not
    /// supported. The error names the function.
    pub fn compile(&self, input: &FunctionInput) -> Result<CompiledFunction> {
        let mut buffers = self.take_buffers();
        let compiled = match compile(self.cpu, input, &mut buffers, false) {
            // It takes another prologue, as turned out at its end.
            Ok(None) => compile(self.cpu, input, &mut buffers, true),
            other => other,
        };
        let mut all = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(buffers);
        drop(all);
        compiled
            .and_then(|code| code.context("its frame has no size"))
            .with_context(|| {
                let func = input.module.func_of(input.index);
                format!("failed to compile function {}", func.0)
            })
    }

    fn take_buffers(&self) -> Buffers {
        let mut all = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        all.pop().unwrap_or_default()
    }
}

/// The whole pipeline. Nothing if the frame turns out to be large and that was not known.
fn compile(
    cpu: Cpu,
    input: &FunctionInput,
    buffers: &mut Buffers,
    is_large: bool,
) -> Result<Option<CompiledFunction>> {
    buffers.clear();
    let module = input.module;
    let index = module.func_of(input.index);
    let ty = module.func_type(index);
    let mut body = Body::new(input.body, input.body_offset());
    locals::declare(module, ty, &mut body, &mut buffers.locals)?;
    let mut usage = locals::scan(body, &mut buffers.locals, &mut buffers.loops, !cpu.sse41);
    usage.has_vectors |= input.offsets.passes_vectors()
        || buffers
            .locals
            .iter()
            .any(|local| local.ty == body::Ty::V128);
    buffers.locations.push(SourceLocation {
        code: 0,
        wasm: input.body_offset(),
    });
    let mut func = Func::new(cpu, input, body, buffers, FrameLayout::new(ty, is_large));
    func.find_memory_base();
    func.regs = Registers::new(locals::place(func.locals, &usage, &mut func.layout));
    func.start_counting();
    func.enter(ty, &usage);
    func.list_local_roots();
    func.open_function(BlockType::Func(module.functions[index.index()]));
    func.operators()?;
    func.finish_counting();
    func.finish_allocations();
    func.finish_landings()?;
    func.finish_traps();
    if !func.finish_frame()? {
        return Ok(None);
    }
    let tier_up = func.tier_up.take();
    ensure!(
        buffers.asm.finish(),
        TooLarge::new("its machine code would be too large")
    );
    let roots = buffers.roots.finish();
    Ok(Some(CompiledFunction {
        code: buffers.asm.code().to_vec(),
        alignment: 16,
        relocs: buffers.relocs.clone(),
        traps: buffers.traps.clone(),
        locations: buffers.locations.clone(),
        inlined: Vec::new(),
        inlined_calls: Vec::new(),
        roots,
        handlers: buffers.handlers.clone(),
        tier_up,
    }))
}

impl<'a, 'b> Func<'a, 'b> {
    fn new(
        cpu: Cpu,
        input: &'b FunctionInput<'a>,
        body: Body<'a>,
        buffers: &'b mut Buffers,
        layout: FrameLayout,
    ) -> Func<'a, 'b> {
        Func {
            input,
            module: input.module,
            cpu,
            asm: &mut buffers.asm,
            body,
            stack: &mut buffers.stack,
            links: &mut buffers.links,
            positions: &mut buffers.positions,
            settled: 0,
            control: &mut buffers.control,
            locals: &mut buffers.locals,
            regs: Registers::new(x64::RegSet::EMPTY),
            layout,
            zero_flag: state::NO_ZERO_FLAG,
            pending: None,
            reachable: true,
            at: input.body_offset(),
            relocs: &mut buffers.relocs,
            traps: &mut buffers.traps,
            locations: &mut buffers.locations,
            late_traps: &mut buffers.late_traps,
            moves: &mut buffers.moves,
            labels: &mut buffers.labels,
            roots: &mut buffers.roots,
            allocations: &mut buffers.allocations,
            layouts: &mut buffers.layouts,
            tier_up: None,
            hot_entry: None,
            hot_loops: Vec::new(),
            loop_operands: 0,
            try_tables: Vec::new(),
            open_try: None,
            caught_calls: Vec::new(),
            handlers: &mut buffers.handlers,
        }
    }

    /// Emits the traps that code jumps to.
    fn finish_traps(&mut self) {
        for trap in self.late_traps.drain(..) {
            self.asm.bind(trap.label);
            let offset = self.asm.offset();
            self.locations.push(SourceLocation {
                code: offset,
                wasm: trap.wasm,
            });
            self.traps.push(TrapSite {
                offset,
                code: trap.code,
            });
            self.asm.ud2();
        }
    }
}
