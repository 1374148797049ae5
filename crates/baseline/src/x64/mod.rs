//! x86-64: registers, instructions, and the buffer that code is written to.
//!
//! Nothing outside of this folder knows how an instruction is encoded, and nothing in it knows
//! WebAssembly.

mod asm;
mod cpu;
pub(crate) mod op;
mod reg;
mod scalar;

pub(crate) use asm::{Asm, Label, Mem, Rm};
pub(crate) use cpu::Cpu;
pub(crate) use op::{Alu, Cond, Op, Shift};
pub(crate) use reg::{
    CALLEE_SAVED, FLOAT_ARGS, FLOAT_RESULTS, INT_ARGS, INT_RESULTS, Reg, RegSet, SCRATCH, XSCRATCH,
};
