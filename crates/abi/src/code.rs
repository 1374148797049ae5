//! What a tier is given and what it hands over.

use crate::memory::MemorySettings;
use crate::roots::Root;
use crate::tier_up::TierUp;
use crate::trap::TrapCode;
use crate::vmcontext::VMOffsets;
use mainspring_wasm::{DefinedFuncIndex, FuncIndex, ModuleInfo};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Settings that change generated code: part of the key of every image and cache entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct CompileSettings {
    /// How memories are laid out.
    pub memory: MemorySettings,
    /// Whether NaNs that operations produce are made canonical.
    pub canonical_nans: bool,
    /// Whether relaxed vector instructions do what the specification's deterministic profile says, rather than
    /// what the processor does fastest.
    pub deterministic_relaxed_simd: bool,
    /// Whether code is placed by what a module says about its branches.
    pub branch_hints: bool,
    /// Whether indices are masked where a bounds check could be bypassed by speculation.
    pub spectre_mitigation: bool,
    /// How hard the optimizing tier tries.
    pub optimize: Optimize,
    /// Whether small functions are compiled in place of calls to them.
    pub inline: Inline,
    /// Whether code says of which instruction it is.
    pub address_map: bool,
    /// Whether compilers check their own intermediate results.
    pub verify: bool,
}

/// Which functions are compiled in place of calls to them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Inline {
    /// Small ones.
    Small,
    /// Small ones, in modules that make objects.
    SmallWithObjects,
    /// None.
    None,
}

/// How hard the optimizing tier tries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Optimize {
    /// Not at all.
    None,
    /// For speed.
    Speed,
    /// For speed, and small code where that costs nothing.
    SpeedAndSize,
}

impl Default for CompileSettings {
    fn default() -> CompileSettings {
        CompileSettings {
            memory: MemorySettings::default(),
            canonical_nans: false,
            deterministic_relaxed_simd: false,
            branch_hints: false,
            spectre_mitigation: true,
            optimize: Optimize::Speed,
            inline: Inline::Small,
            address_map: true,
            verify: false,
        }
    }
}

/// How a function calls others of its own module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallMode {
    /// Through the code table: a load from the callee's slot, which always holds the code that is
    /// best at the time ([`RelocTarget::TableSlot`]). The optimizing tier calls the function itself, and those that
    /// are settled ([`Profile::is_settled`]), directly all the same.
    ThroughTable,
    /// Directly ([`RelocTarget::Function`]): all functions are compiled together, ahead of time.
    Direct,
}

/// Where code begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Entry {
    /// At the start of the function.
    Start,
    /// At the header of a loop, in the place of a frame of baseline code: see
    /// [`VMStoreContext::frame_values`](crate::VMStoreContext::frame_values). It is called as the function would be,
    /// but of its arguments only the VM context and the address of the result area are used.
    Loop {
        /// Offset of the `loop` instruction in the module.
        wasm: u32,
    },
}

/// How often code has run so far.
pub trait Profile: Sync {
    /// How often a function was called; `None` if nobody counted.
    fn entries(&self, func: DefinedFuncIndex) -> Option<u32>;
    /// How often a call instruction of a function, at an offset in the module, was executed.
    fn calls(&self, func: DefinedFuncIndex, wasm: u32) -> Option<u32>;
    /// Whether a function has the code that it will keep, so that code may call that directly.
    fn is_settled(&self, func: DefinedFuncIndex) -> bool;
}

/// The bodies of a module's functions.
pub trait Bodies {
    /// The module's bytes in a range, which is that of a body; `None` if they can't be had anymore.
    fn read(&self, range: &Range<u32>) -> Option<&[u8]>;
}

/// All bytes of a module.
impl<T: AsRef<[u8]>> Bodies for T {
    fn read(&self, range: &Range<u32>) -> Option<&[u8]> {
        self.as_ref().get(range.start as usize..range.end as usize)
    }
}

/// One function to compile: the input of every tier.
#[derive(Clone, Copy)]
pub struct FunctionInput<'a> {
    /// The module it is in.
    pub module: &'a ModuleInfo,
    /// The layout of the module's VM contexts.
    pub offsets: &'a VMOffsets,
    /// Which function.
    pub index: DefinedFuncIndex,
    /// Its body, which was validated: local declarations, then operators.
    pub body: &'a [u8],
    /// All bodies of the module, for inlining.
    pub bodies: &'a dyn Bodies,
    /// The engine's settings.
    pub settings: &'a CompileSettings,
    /// Bytes of stack that a call may take, for the baseline tier: it has a place there for each operand. A function that takes
    /// more is too large.
    pub max_frame: u32,
    /// How it calls others.
    pub calls: CallMode,
    /// Whether small functions that it calls may be compiled into it. Whoever asks for that has to
    /// read [`CompiledFunction::inlined`] to tell which function is running.
    pub inlining: bool,
    /// Whether the code counts how often it runs, and moves to a better tier when it is told to: see
    /// [`TierUp`]. Only the baseline tier heeds it.
    pub tier_up: bool,
    /// Where the code begins. The baseline tier only knows the start.
    pub entry: Entry,
    /// Whether [`CompiledFunction::locations`] says of all code where it is from, as far as that is known, for people
    /// to look at. Otherwise what can neither trap nor call may count as anything nearby. It changes no code.
    pub exact_locations: bool,
    /// How often code has run. Only the optimizing tier heeds it.
    pub profile: Option<&'a dyn Profile>,
}

impl FunctionInput<'_> {
    /// A [`max_frame`](Self::max_frame) that is none.
    pub const ANY_FRAME: u32 = 1 << 30;

    /// Where the body starts in the module.
    pub fn body_offset(&self) -> u32 {
        self.module.bodies[self.index.index()].start
    }
}

/// A compiled function, not yet placed in memory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CompiledFunction {
    /// Machine code and the constants it uses. Position-independent but for
    /// [`relocs`](Self::relocs).
    pub code: Vec<u8>,
    /// What the address of the code must be a multiple of.
    pub alignment: u32,
    /// What has to be filled in when the place is known.
    pub relocs: Vec<Reloc>,
    /// Instructions that can trap, by ascending offset.
    pub traps: Vec<TrapSite>,
    /// Where code comes from in the module: each entry holds until the next one's offset.
    /// Covers every call's return address and every trap.
    pub locations: Vec<SourceLocation>,
    /// Which stretches of code belong to functions that were compiled into this one: each entry
    /// holds until the next one's offset. Empty if there are none.
    pub inlined: Vec<InlinedCode>,
    /// The calls in whose place these functions are.
    pub inlined_calls: Vec<InlinedCall>,
    /// Where frames hold references that the garbage collector follows and changes, in the order of [`Root::link`].
    pub roots: Vec<Root>,
    /// Where exceptions are caught, by ascending code offset.
    pub handlers: Vec<Handler>,
    /// What the code counts, if it was asked to.
    #[serde(skip)]
    pub tier_up: Option<Box<TierUp>>,
}

/// A 32-bit field that holds an address relative to its own end: it is set to
/// `target + addend - address of the field`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reloc {
    /// Offset of the field in the code.
    pub offset: u32,
    /// What it refers to.
    pub target: RelocTarget,
    /// What is added (−4 for a field at the end of its instruction).
    pub addend: i32,
}

/// What a [`Reloc`] refers to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum RelocTarget {
    /// The code of a function of the same module.
    Function(DefinedFuncIndex),
    /// The code table's slot of a function: 8 bytes that hold the address to call.
    TableSlot(DefinedFuncIndex),
    /// One of the function's own counters: 4 bytes. See [`TierUp`].
    Counter(u32),
    /// Where code goes when its entry counter is used up. See [`TierUp`].
    HotEntry,
    /// What code calls when a loop's counter is used up. See [`TierUp`].
    HotLoop,
}

/// Where code goes on if an exception leaves a call.
///
/// It goes on with the exception's reference in `rax`, zero-extended; with the frame pointer that it had, and with nothing
/// of use in any other register. What is done with the exception is the code's business: if
/// it does not catch it, it throws it again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Handler {
    /// Offset in the function's code of the place that the call returns to.
    pub code: u32,
    /// Offset in the function's code of the place to go on.
    pub landing: u32,
    /// Where the stack pointer is then: so many bytes below the frame pointer.
    pub below_fp: u32,
}

/// An instruction that can trap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TrapSite {
    /// Offset of the instruction in the function's code.
    pub offset: u32,
    /// Why it traps if it does.
    pub code: TrapCode,
}

/// Which inlined function a stretch of code belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InlinedCode {
    /// Offset of its first byte in the function's code.
    pub code: u32,
    /// Position in [`CompiledFunction::inlined_calls`] of the call that it takes the place of, or
    /// [`InlinedCall::NONE`] for the compiled function's own code.
    pub call: u32,
}

/// A call in whose place the callee's body is. In a backtrace, code of the callee is a frame of
/// `callee` at its [`SourceLocation`], below one of the function that contains the call, at `wasm`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InlinedCall {
    /// The function that was called.
    pub callee: FuncIndex,
    /// Offset of the call instruction in the module.
    pub wasm: u32,
    /// Position of the call that the instruction was inlined with, or [`InlinedCall::NONE`] if it is
    /// in the compiled function's own body.
    pub within: u32,
}

impl InlinedCall {
    /// Stands for no call.
    pub const NONE: u32 = u32::MAX;
}

/// Which wasm instruction a stretch of code belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SourceLocation {
    /// Offset of its first byte in the function's code.
    pub code: u32,
    /// Offset of the wasm instruction in the module, or [`SourceLocation::NONE`].
    pub wasm: u32,
}

impl SourceLocation {
    /// Stands for code that belongs to no instruction, such as a prologue.
    pub const NONE: u32 = u32::MAX;
}
