//! What baseline code counts, and what it tells so that optimized code can take its place.
//!
//! With [`FunctionInput::tier_up`](crate::FunctionInput::tier_up), baseline code keeps 32-bit
//! counters, which the code table places and sets to their first values:
//!
//! - the **entry** counter, number 0, is decremented by the first instruction of the function; when
//!   it gets negative, code jumps to [`RelocTarget::HotEntry`](crate::RelocTarget::HotEntry) with the
//!   function's index (of all functions the module defines) in `eax` and everything else as it was when it was called. That goes
//!   on in what code the function then has, from the start.
//! - each **loop** has one that is decremented whenever its header is reached. When it gets negative,
//!   code brings all locals and operands to their [`FrameSlot`]s and calls
//!   [`RelocTarget::HotLoop`](crate::RelocTarget::HotLoop) with the System V convention:
//!   `(vmctx, frame pointer, function index, position in `[`TierUp::loops`]`) -> code`. If the result is null it
//!   goes on where it was. If not, it restores what callees preserve, removes its frame,
//!   and jumps there as if the function's caller had called that, with the VM context and the
//!   address of the result area (if the function has one) as arguments and nothing else of them.
//! - each **call** has one that is incremented before the call, and wraps.
//!
//! Counters are changed without synchronization: threads may lose counts, never anything else.

use mainspring_wasm::ValType;
use serde::{Deserialize, Serialize};

/// The counters of a function, and its frame at the header of each loop.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TierUp {
    /// Number n is what [`RelocTarget::Counter`](crate::RelocTarget::Counter) n refers to.
    pub counters: Vec<Counter>,
    /// Where each local is while [`RelocTarget::HotLoop`](crate::RelocTarget::HotLoop) runs.
    pub locals: Vec<FrameSlot>,
    /// The loops, in the order of their `loop` instructions.
    pub loops: Vec<LoopHeader>,
}

/// One counter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counter {
    /// What it counts.
    pub kind: CounterKind,
    /// Offset in the module of the instruction it counts; for the entry, of the body.
    pub wasm: u32,
}

/// What a counter counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CounterKind {
    /// Calls of the function, down.
    Entry,
    /// Iterations of a loop, down.
    Loop,
    /// Executions of a call instruction, up.
    Call,
}

/// The state of the frame at a loop header.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoopHeader {
    /// Offset of the `loop` instruction in the module.
    pub wasm: u32,
    /// How many loops are around it.
    pub depth: u32,
    /// The innermost of those, as a position in [`TierUp::loops`].
    pub around: Option<u32>,
    /// The whole operand stack of the function, bottom first; the loop's parameters are its end.
    pub operands: Vec<FrameSlot>,
}

/// A value in a frame. Its first bytes hold it, little-endian; references as in registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FrameSlot {
    /// Where, from the frame pointer.
    pub offset: i32,
    /// What.
    pub ty: ValType,
}
