//! What generated code and the runtime agree on, and nothing else: the layout of the VM context,
//! the calling convention, trap codes, builtins, and the form in which a tier hands over a
//! compiled function. Both tiers and the runtime read these types; none of them sees another.
//!
//! Nothing here allocates executable memory, calls generated code or knows a compiler.

#![warn(missing_docs)]

mod builtin;
mod call;
mod code;
pub mod gc;
mod limits;
mod memory;
mod roots;
mod tier_up;
mod trap;
mod vmcontext;

pub use builtin::{BUILTIN_COUNT, Builtin, BuiltinParam};
pub use call::{
    ArgAssigner, ArgLocation, CallLayout, FLOAT_ARG_REGS, FLOAT_RESULT_REGS, INT_ARG_REGS,
    INT_RESULT_REGS, RegClass, ResultPassing, call_layout, value_bits,
};
pub use code::{
    Bodies, CallMode, CompileSettings, CompiledFunction, Entry, FunctionInput, Handler, Inline,
    InlinedCall, InlinedCode, Optimize, Profile, Reloc, RelocTarget, SourceLocation, TrapSite,
};
pub use limits::TooLarge;
pub use memory::{MemoryPlan, MemorySettings};
pub use roots::Root;
pub use tier_up::{Counter, CounterKind, FrameSlot, LoopHeader, TierUp};
pub use trap::TrapCode;
pub use vmcontext::{
    VMContextHeader, VMFuncRef, VMFunctionImport, VMGlobalDefinition, VMMemoryDefinition,
    VMMemoryImport, VMOffsets, VMStoreContext, VMTableDefinition,
};
