//! Counting, and moving to a better tier: see `mainspring_abi::TierUp`.

use crate::body::Ty;
use crate::state::{Func, Place};
use crate::work;
use crate::x64::{Cond, INT_ARGS, Label, Mem, Reg};
use mainspring_abi::{
    Counter, CounterKind, FrameSlot, LoopHeader, RelocTarget, ResultPassing, TierUp,
};
use mainspring_wasm::ValType;

/// What is left to emit for a loop: what to do when its counter is used up.
pub(crate) struct HotLoop {
    hot: Label,
    go_on: Label,
    position: u32,
    /// Operands that are constants, which the code at the header has in no slot.
    consts: Vec<(u32, u64, Ty)>,
}

/// Operands that are described for all loops of a body, unless it is longer than that: each loop's whole stack is, which
/// grows with the square of a body that makes it grow in loops. Loops that would be beyond it stay in this tier.
const MOST_OPERANDS: usize = 1 << 16;

impl Func<'_, '_> {
    pub(crate) fn start_counting(&mut self) {
        if self.input.tier_up {
            self.tier_up = Some(Box::default());
        }
    }

    fn counter(&mut self, kind: CounterKind, wasm: u32) -> Option<RelocTarget> {
        let tier_up: &mut TierUp = self.tier_up.as_mut()?;
        tier_up.counters.push(Counter { kind, wasm });
        Some(RelocTarget::Counter(tier_up.counters.len() as u32 - 1))
    }

    /// The first instructions of a function: everything is still as it was called.
    pub(crate) fn count_entry(&mut self) {
        let Some(counter) = self.counter(CounterKind::Entry, self.input.body_offset()) else {
            return;
        };
        self.decrement(counter);
        let hot = self.asm.label();
        self.asm.jcc(Cond::Sign, hot);
        self.hot_entry = Some(hot);
    }

    /// `sub dword [rip + counter], 1`. The address ends one byte before the instruction does.
    fn decrement(&mut self, counter: RelocTarget) {
        self.relocated(&[0x83, 0x2d], counter, -5);
        self.asm.bytes(&[1]);
    }

    pub(crate) fn count(&mut self, kind: CounterKind) {
        if let Some(counter) = self.counter(kind, self.at) {
            // add dword [rip + counter], 1
            self.relocated(&[0x83, 0x05], counter, -5);
            self.asm.bytes(&[1]);
        }
    }

    /// At the header of a loop: all operands are in slots or constants.
    pub(crate) fn count_loop(&mut self) {
        self.loop_operands += self.stack.len();
        if self.loop_operands > MOST_OPERANDS.max(self.input.body.len()) {
            return;
        }
        let Some(counter) = self.counter(CounterKind::Loop, self.at) else {
            return;
        };
        self.decrement(counter);
        let (hot, go_on) = (self.asm.label(), self.asm.label());
        self.asm.jcc(Cond::Sign, hot);
        self.asm.bind(go_on);
        let mut consts = Vec::new();
        let mut operands = Vec::with_capacity(self.stack.len());
        for position in 0..self.stack.len() {
            work::count(1);
            let entry = self.stack[position];
            if let Place::Const(bits) = entry.place {
                consts.push((position as u32, bits, entry.ty));
            }
            let slot = self.slot(position as u32);
            operands.push(FrameSlot {
                offset: slot.displacement(),
                ty: slot_type(entry.ty),
            });
        }
        let wasm = self.at;
        let position = self.hot_loops.len() as u32;
        let (depth, around) = self.loop_is_counted(position);
        let tier_up = self.tier_up.as_mut().expect("there are counters");
        tier_up.loops.push(LoopHeader {
            wasm,
            depth,
            around,
            operands,
        });
        self.hot_loops.push(HotLoop {
            hot,
            go_on,
            position,
            consts,
        });
    }

    /// Emits what lies behind the body, and completes the description.
    pub(crate) fn finish_counting(&mut self) {
        let Some(mut tier_up) = self.tier_up.take() else {
            return;
        };
        tier_up
            .locals
            .extend(self.locals.iter().map(|local| FrameSlot {
                offset: local.home,
                ty: slot_type(local.ty),
            }));
        self.tier_up = Some(tier_up);
        self.locate_at(self.input.body_offset());
        if let Some(hot) = self.hot_entry {
            self.asm.bind(hot);
            self.asm.mov_imm(Reg::RAX, u64::from(self.input.index.0));
            self.relocated(&[0xe9], RelocTarget::HotEntry, -4);
        }
        for hot_loop in std::mem::take(&mut self.hot_loops) {
            if let Some(tier_up) = &self.tier_up {
                self.locate_at(tier_up.loops[hot_loop.position as usize].wasm);
            }
            self.hot_loop(&hot_loop);
        }
    }

    /// What follows was not read where it belongs to.
    fn locate_at(&mut self, wasm: u32) {
        if self.input.exact_locations {
            self.at = wasm;
            self.locate();
        }
    }

    /// Brings everything to its slot, asks for better code, and goes on there or here.
    fn hot_loop(&mut self, this: &HotLoop) {
        self.asm.bind(this.hot);
        for local in self.pinned_locals() {
            if let Some(reg) = local.pinned {
                self.store(Mem::at(Reg::RBP, local.home), reg, local.ty);
            }
        }
        for &(position, bits, ty) in &this.consts {
            let slot = self.slot(position);
            self.store_const(slot, bits, ty);
        }
        let home = Mem::at(Reg::RBP, self.layout.vmctx_home);
        self.asm.load(true, INT_ARGS[0], home);
        self.asm.mov(true, INT_ARGS[1], Reg::RBP);
        self.asm.mov_imm(INT_ARGS[2], u64::from(self.input.index.0));
        self.asm.mov_imm(INT_ARGS[3], u64::from(this.position));
        self.relocated(&[0xe8], RelocTarget::HotLoop, -4);
        let better = self.asm.label();
        self.asm.test(true, Reg::RAX, Reg::RAX);
        self.asm.jcc(Cond::NotEqual, better);
        if self.layout.vmctx == Some(Reg::RDI) {
            self.asm.load(true, Reg::RDI, home);
        }
        self.restore_pinned();
        self.asm.jmp(this.go_on);
        self.asm.bind(better);
        self.asm.load(true, INT_ARGS[0], home);
        if self.layout.result_passing == ResultPassing::Memory {
            let area = Mem::at(Reg::RBP, self.layout.area_home);
            self.asm.load(true, INT_ARGS[1], area);
        }
        self.restore_registers();
        self.asm.leave();
        self.asm.jmp_reg(Reg::RAX);
    }
}

/// A value type that is represented so.
fn slot_type(ty: Ty) -> ValType {
    match ty {
        Ty::I32 => ValType::I32,
        Ty::Ref => ValType::EXTERNREF,
        Ty::I64 => ValType::I64,
        Ty::F32 => ValType::F32,
        Ty::F64 => ValType::F64,
        Ty::V128 => ValType::V128,
    }
}
