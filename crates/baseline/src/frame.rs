//! The frame of a function: what lies where, how it is made and taken down.
//!
//! ```text
//! rbp + 16   arguments on the stack: homes of these parameters
//! rbp + 8    return address
//! rbp        the caller's frame pointer
//! below      registers that are preserved; the VM context; the address of the result area;
//!            homes of locals; a slot for each position of the operand stack
//! rsp        arguments of calls
//! ```
//!
//! Everything but the arguments of calls is found from `rbp`, so the size need not be known before
//! the end, when it is filled in.

use crate::body::Ty;
use crate::locals::Usage;
use crate::moves::Move;
use crate::state::{Func, Value};
use crate::x64::{Alu, Cond, FLOAT_ARGS, INT_ARGS, Mem, Reg, RegSet, Rm, SCRATCH};
use mainspring_abi::{
    ArgAssigner, ArgLocation, MemoryPlan, ResultPassing, TrapCode, VMContextHeader,
    VMMemoryDefinition, VMMemoryImport, VMStoreContext,
};
use mainspring_error::Result;
use mainspring_wasm::{FuncType, MemoryIndex};
use std::mem::offset_of;

/// Where things are in the frame, and in registers for the whole function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameLayout {
    /// Registers that the prologue saves.
    pub(crate) saved: RegSet,
    /// Pinned registers that calls do not preserve.
    pub(crate) pinned_lost: RegSet,
    /// The local that is pinned in each register.
    pub(crate) pinned_local: [Option<u32>; 32],
    /// The register with the VM context.
    pub(crate) vmctx: Option<Reg>,
    pub(crate) vmctx_home: i32,
    /// The register with the base of memory 0.
    pub(crate) memory_base: Option<Reg>,
    /// Where in the VM context that base is, if it never changes.
    pub(crate) memory_base_offset: Option<u32>,
    /// Where the address of the result area is kept.
    pub(crate) area_home: i32,
    /// Where slots of operands begin, from the frame pointer.
    slots: i32,
    slot_size: i32,
    /// How many of them are used.
    pub(crate) highest_slot: u32,
    /// Bytes for the arguments of calls.
    pub(crate) outgoing: u32,
    /// Bytes of this function's own arguments on the stack.
    pub(crate) incoming: u32,
    pub(crate) result_passing: ResultPassing,
    /// Where the frame's size is filled in.
    sizes: [u32; 3],
    /// Whether exceptions are caught.
    pub(crate) catches: bool,
    /// Whether the prologue compares with the stack's limit.
    checks_stack: bool,
    /// Whether it touches each page.
    probes: bool,
}

/// A frame of at least this many bytes is touched page by page.
const PAGE: i64 = 4096;
/// A leaf function with a smaller frame does not look at the stack's limit.
const SMALL_FRAME: i64 = 512;

impl FrameLayout {
    /// `is_large` if it is known that the frame will be.
    pub(crate) fn new(ty: &FuncType, is_large: bool) -> FrameLayout {
        FrameLayout {
            saved: RegSet::EMPTY,
            pinned_lost: RegSet::EMPTY,
            pinned_local: [None; 32],
            vmctx: None,
            vmctx_home: 0,
            memory_base: None,
            memory_base_offset: None,
            area_home: 0,
            slots: 0,
            slot_size: 8,
            highest_slot: 0,
            outgoing: 0,
            incoming: 0,
            result_passing: ResultPassing::of(&ty.results),
            sizes: [0; 3],
            catches: false,
            checks_stack: is_large,
            probes: is_large,
        }
    }

    #[inline]
    pub(crate) fn slot(&self, position: u32) -> Mem {
        let distance = (position as i32 + 1) * self.slot_size;
        Mem::at(Reg::RBP, self.slots - distance)
    }

    /// Bytes of a slot.
    pub(crate) fn slot_size(&self) -> i32 {
        self.slot_size
    }

    /// Room of whole 16 bytes above the operands of a height, reserved for the operator at hand.
    pub(crate) fn area(&mut self, height: usize, bytes: usize) -> Mem {
        let top = (self.slots - height as i32 * self.slot_size) & !15;
        let at = top - bytes.next_multiple_of(16) as i32;
        let slots = (self.slots - at + self.slot_size - 1) / self.slot_size;
        self.highest_slot = self.highest_slot.max(slots as u32);
        Mem::at(Reg::RBP, at)
    }

    /// Where the stack pointer is outside of the prologue. Known once all code is made.
    pub(crate) fn rsp_below_fp(&self) -> u32 {
        // A frame that would be larger is an error.
        self.size() as u32
    }

    pub(crate) fn size(&self) -> i64 {
        let slots = i64::from(self.highest_slot) * i64::from(self.slot_size);
        let size = -i64::from(self.slots) + slots + i64::from(self.outgoing);
        (size + 15) & !15
    }
}

impl Func<'_, '_> {
    /// Finds what never changes about memory 0.
    pub(crate) fn find_memory_base(&mut self) {
        let index = MemoryIndex(0);
        let Some(ty) = self.module.memories.first() else {
            return;
        };
        let offsets = self.input.offsets;
        if !MemoryPlan::new(ty, &self.input.settings.memory).may_move {
            let elsewhere = ty.shared || self.module.defined_memory(index).is_none();
            self.layout.memory_base_offset = Some(match elsewhere {
                false => {
                    offsets.defined_memory(index) + offset_of!(VMMemoryDefinition, base) as u32
                }
                true => offsets.memory_elsewhere(index) + offset_of!(VMMemoryImport, base) as u32,
            });
        }
    }

    /// Gives homes to everything, and emits what comes before the body.
    pub(crate) fn enter(&mut self, ty: &FuncType, usage: &Usage) {
        self.layout.slot_size = if usage.has_vectors { 16 } else { 8 };
        let mut below = self.layout.saved.count() as i32 * 8;
        below += 8;
        self.layout.vmctx_home = -below;
        if self.layout.result_passing == ResultPassing::Memory {
            below += 8;
            self.layout.area_home = -below;
        }
        below = self.place_locals(below, ty.params.len());
        self.layout.slots = -below;
        self.layout.checks_stack |= usage.has_calls || i64::from(below) > SMALL_FRAME;
        self.layout.probes |= i64::from(below) > PAGE;

        self.count_entry();
        self.prologue();
        self.params(ty);
    }

    /// Gives homes to locals, the first below `below`; returns what they end at. Locals that nothing
    /// uses stay zero, so one home serves all of a size.
    fn place_locals(&mut self, mut below: i32, params: usize) -> i32 {
        let mut unused = [None; 2];
        for (index, local) in self.locals.iter_mut().enumerate() {
            let vector = local.ty == Ty::V128;
            let shared = &mut unused[usize::from(vector)];
            let is_unused = index >= params && !local.is_used();
            if let (true, Some(home)) = (is_unused, *shared) {
                local.home = home;
                continue;
            }
            below = match vector {
                true => (below + 16 + 15) & !15,
                false => below + 8,
            };
            local.home = -below;
            if is_unused {
                *shared = Some(-below);
            }
        }
        below
    }

    fn prologue(&mut self) {
        self.asm.push(Reg::RBP);
        self.asm.mov(true, Reg::RBP, Reg::RSP);
        if self.layout.checks_stack {
            let store = offset_of!(VMContextHeader, store) as i32;
            let limit = offset_of!(VMStoreContext, stack_limit) as i32;
            self.asm.load(true, Reg::R10, Mem::at(Reg::RDI, store));
            // lea r11, [rsp - size]
            self.layout.sizes[0] = self.asm.with_address(&[0x4c, 0x8d, 0x9c, 0x24]);
            self.asm
                .alu(Alu::Cmp, true, SCRATCH, Rm::Mem(Mem::at(Reg::R10, limit)));
            let overflow = self.trap_label(TrapCode::StackOverflow);
            self.asm.jcc(Cond::Below, overflow);
        }
        for reg in self.layout.saved {
            self.asm.push(reg);
        }
        if self.layout.probes {
            self.probe();
        }
        // sub rsp, size
        self.layout.sizes[1] = self.asm.with_address(&[0x48, 0x81, 0xec]);
    }

    /// Brings parameters and the VM context to their places, and clears the other locals.
    fn params(&mut self, ty: &FuncType) {
        let home = Mem::at(Reg::RBP, self.layout.vmctx_home);
        let stays = self
            .layout
            .vmctx
            .is_some_and(|reg| !self.layout.pinned_lost.contains(reg));
        if !stays || self.input.tier_up || self.layout.catches {
            self.asm.store(true, home, Reg::RDI);
        }
        if self.layout.result_passing == ResultPassing::Memory {
            let home = Mem::at(Reg::RBP, self.layout.area_home);
            self.asm.store(true, home, Reg::RSI);
        }
        self.clear_locals(ty.params.len());
        let mut assign = ArgAssigner::for_params(self.layout.result_passing);
        for (index, &param) in ty.params.iter().enumerate() {
            let location = assign.param(param);
            self.param(index, location);
        }
        self.layout.incoming = assign.stack_bytes();
        if let Some(reg) = self.layout.vmctx
            && reg != Reg::RDI
        {
            self.moves.push(Move {
                to: reg,
                from: Value::Reg(Reg::RDI),
                ty: Ty::I64,
            });
        }
        self.do_moves();
        self.clear_pinned(ty.params.len());
        if let (Some(reg), Some(offset)) = (self.layout.memory_base, self.layout.memory_base_offset)
        {
            let vmctx = self.vmctx();
            self.asm.load(true, reg, Mem::at(vmctx, offset as i32));
        }
    }

    fn param(&mut self, index: usize, location: ArgLocation) {
        let local = self.locals[index];
        let from = match location {
            ArgLocation::Int(n) => INT_ARGS[n as usize],
            ArgLocation::Float(n) => FLOAT_ARGS[n as usize],
            ArgLocation::Stack(at) => {
                let home = 16 + at as i32;
                self.locals[index].home = home;
                if let Some(to) = local.pinned {
                    self.moves.push(Move {
                        to,
                        from: Value::Mem(Mem::at(Reg::RBP, home)),
                        ty: local.ty,
                    });
                }
                return;
            }
        };
        if let Some(to) = local.pinned {
            self.moves.push(Move {
                to,
                from: Value::Reg(from),
                ty: local.ty,
            });
            return;
        }
        self.store(Mem::at(Reg::RBP, local.home), from, local.ty);
        if self.regs.temps.contains(from) {
            self.cache(from, index as u32);
            if local.ty.is_narrow() {
                self.regs.dirty.insert(from);
            }
        }
    }

    /// Restores what callees preserve, except for the stack and frame pointers.
    pub(crate) fn restore_registers(&mut self) {
        let mut at = 0;
        for reg in self.layout.saved {
            at -= 8;
            self.asm.load(true, reg, Mem::at(Reg::RBP, at));
        }
    }

    /// Returns from the function; results are in their places.
    pub(crate) fn epilogue(&mut self) {
        self.restore_registers();
        self.asm.leave();
        self.asm.ret(self.layout.incoming);
    }

    /// Emits what lies behind the body, and fills in the frame's size. False if the function has to be
    /// compiled again as one with a large frame.
    pub(crate) fn finish_frame(&mut self) -> Result<bool> {
        let size = self.layout.size();
        self.check_frame()?;
        if (!self.layout.checks_stack && size > SMALL_FRAME * 2)
            || (!self.layout.probes && size > PAGE)
        {
            return Ok(false);
        }
        let size = size as i32;
        let saved = self.layout.saved.count() as i32 * 8;
        if self.layout.checks_stack {
            self.asm.patch(self.layout.sizes[0], -size);
        }
        if self.layout.probes {
            self.asm.patch(self.layout.sizes[2], -size);
        }
        self.asm.patch(self.layout.sizes[1], size - saved);
        Ok(true)
    }

    /// Touches each page of a large frame in turn, so that none is stepped over.
    fn probe(&mut self) {
        let again = self.asm.label();
        // lea r11, [rbp - size]
        self.layout.sizes[2] = self.asm.with_address(&[0x4c, 0x8d, 0x9d]);
        self.asm.mov(true, Reg::R10, Reg::RBP);
        self.asm.bind(again);
        self.asm
            .alu_imm(Alu::Sub, true, Rm::Reg(Reg::R10), PAGE as i32);
        self.asm
            .alu_imm(Alu::Or, false, Rm::Mem(Mem::at(Reg::R10, 0)), 0);
        self.asm.alu(Alu::Cmp, true, Reg::R10, Rm::Reg(SCRATCH));
        self.asm.jcc(Cond::Above, again);
    }
}
