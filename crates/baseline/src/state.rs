//! What a function's compilation knows at each point: where each operand is, and what registers hold.
//!
//! An operand is a constant, a register, a local that was not read yet, or a slot of the frame that
//! belongs to its position on the stack. Operands never change: a register that an operand is in
//! is written to only by whoever popped the last operand that is there.
//!
//! Registers that an operator works with are *locked* until the next operator, so that none is
//! given away twice. Nothing here changes flags: a comparison's result may be waiting in them.

use crate::allocate::Allocations;
use crate::body::{Body, Ty, opcode};
use crate::control::Frame;
use crate::exceptions::{CaughtCall, TryTable};
use crate::frame::FrameLayout;
use crate::locals::Local;
use crate::roots::Roots;
use crate::stack::{Links, NOWHERE};
use crate::x64::{Asm, Cpu, Label, Mem, Reg, RegSet, Rm, SCRATCH, XSCRATCH, op};
use mainspring_abi::gc::StructLayout;
use mainspring_abi::{
    FunctionInput, Handler, Reloc, RelocTarget, SourceLocation, TierUp, TrapCode, TrapSite,
};
use mainspring_wasm::{ModuleInfo, TypeIndex};
use std::collections::HashMap;
use std::sync::Arc;

/// Where an operand is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Reg(Reg),
    /// What the local holds: whoever changes it moves the operand first.
    Local(u32),
    /// Its bits.
    Const(u64),
    /// The slot of this position of the stack.
    Slot(u32),
}

/// An operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) ty: Ty,
}

impl Entry {
    pub(crate) fn i32(value: u32) -> Entry {
        Entry {
            place: Place::Const(u64::from(value)),
            ty: Ty::I32,
        }
    }
}

/// Where an operand can be read from right now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    Reg(Reg),
    Mem(Mem),
    Imm(u64),
}

/// What registers hold.
pub(crate) struct Registers {
    /// The first of the operands that are in each.
    pub(crate) operands: [u32; 32],
    /// Those that operands are in.
    pub(crate) busy: RegSet,
    /// Those that the operator at hand works with.
    pub(crate) locked: RegSet,
    /// Those that hold what an unpinned local holds.
    cached: RegSet,
    cache_of: [u32; 32],
    /// General-purpose ones that may have any upper half while they hold 32 bits.
    pub(crate) dirty: RegSet,
    /// Those for operands: all that are neither pinned nor reserved.
    pub(crate) temps: RegSet,
    /// The one to be given up next if all hold locals.
    evict: u32,
}

impl Registers {
    pub(crate) fn new(temps: RegSet) -> Registers {
        Registers {
            operands: [NOWHERE; 32],
            busy: RegSet::EMPTY,
            locked: RegSet::EMPTY,
            cached: RegSet::EMPTY,
            cache_of: [0; 32],
            dirty: RegSet::EMPTY,
            temps,
            evict: 0,
        }
    }

    /// Whether no operand is in any.
    pub(crate) fn busy_is_empty(&self) -> bool {
        self.busy.is_empty()
    }
}

/// Flags say nothing.
pub(crate) const NO_ZERO_FLAG: (Reg, bool, u32) = (Reg::RSP, false, u32::MAX);

/// All general-purpose registers.
pub(crate) const INTS: RegSet = RegSet(0xffff);
/// All `xmm` registers.
pub(crate) const FLOATS: RegSet = RegSet(0xffff_0000);

/// Memory that compilations reuse.
#[derive(Default)]
pub(crate) struct Buffers {
    pub(crate) asm: Asm,
    pub(crate) stack: Vec<Entry>,
    pub(crate) links: Vec<Links>,
    pub(crate) positions: Vec<u32>,
    pub(crate) control: Vec<Frame>,
    pub(crate) locals: Vec<Local>,
    pub(crate) relocs: Vec<Reloc>,
    pub(crate) traps: Vec<TrapSite>,
    pub(crate) locations: Vec<SourceLocation>,
    pub(crate) late_traps: Vec<LateTrap>,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) moves: Vec<crate::moves::Move>,
    pub(crate) loops: Vec<bool>,
    pub(crate) labels: Vec<Label>,
    pub(crate) roots: Roots,
    pub(crate) allocations: Allocations,
    pub(crate) layouts: HashMap<TypeIndex, Arc<StructLayout>>,
}

impl Buffers {
    pub(crate) fn clear(&mut self) {
        self.asm.clear();
        self.stack.clear();
        self.links.clear();
        self.positions.clear();
        self.control.clear();
        self.locals.clear();
        self.relocs.clear();
        self.traps.clear();
        self.locations.clear();
        self.late_traps.clear();
        self.handlers.clear();
        self.moves.clear();
        self.loops.clear();
        self.labels.clear();
        self.roots.clear();
        self.allocations.clear();
        self.layouts.clear();
    }
}

/// A trap that code jumps to, to be emitted behind everything else.
pub(crate) struct LateTrap {
    pub(crate) label: Label,
    pub(crate) code: TrapCode,
    /// Offset of the instruction in the module.
    pub(crate) wasm: u32,
}

/// A function on its way to machine code.
pub(crate) struct Func<'a, 'b> {
    pub(crate) input: &'b FunctionInput<'a>,
    pub(crate) module: &'a ModuleInfo,
    pub(crate) cpu: Cpu,
    pub(crate) asm: &'b mut Asm,
    pub(crate) body: Body<'a>,
    pub(crate) stack: &'b mut Vec<Entry>,
    /// Of each position of the stack.
    pub(crate) links: &'b mut Vec<Links>,
    /// For a list of positions.
    pub(crate) positions: &'b mut Vec<u32>,
    /// How many operands at the bottom are known to be in slots or constants.
    pub(crate) settled: usize,
    /// Open blocks, innermost last. The first is the function itself.
    pub(crate) control: &'b mut Vec<Frame>,
    pub(crate) locals: &'b mut Vec<Local>,
    pub(crate) regs: Registers,
    pub(crate) layout: FrameLayout,
    /// The register that the last instruction computed, of 32 or 64 bits, if flags say whether it is zero; and
    /// where that instruction ended.
    pub(crate) zero_flag: (Reg, bool, u32),
    /// A comparison that the next operator uses.
    pub(crate) pending: Option<crate::numeric::Test>,
    pub(crate) reachable: bool,
    /// Offset in the module of the operator at hand.
    pub(crate) at: u32,
    pub(crate) relocs: &'b mut Vec<Reloc>,
    pub(crate) traps: &'b mut Vec<TrapSite>,
    pub(crate) locations: &'b mut Vec<SourceLocation>,
    pub(crate) late_traps: &'b mut Vec<LateTrap>,
    pub(crate) moves: &'b mut Vec<crate::moves::Move>,
    pub(crate) labels: &'b mut Vec<Label>,
    pub(crate) roots: &'b mut Roots,
    pub(crate) allocations: &'b mut Allocations,
    pub(crate) layouts: &'b mut HashMap<TypeIndex, Arc<StructLayout>>,
    pub(crate) tier_up: Option<Box<TierUp>>,
    pub(crate) hot_entry: Option<Label>,
    pub(crate) hot_loops: Vec<crate::tier_up::HotLoop>,
    /// How many operands there were at the headers of all loops so far.
    pub(crate) loop_operands: usize,
    /// All `try_table`s so far.
    pub(crate) try_tables: Vec<TryTable>,
    /// The innermost that is open.
    pub(crate) open_try: Option<usize>,
    pub(crate) caught_calls: Vec<CaughtCall>,
    pub(crate) handlers: &'b mut Vec<Handler>,
}

impl Func<'_, '_> {
    /// Where an operand can be read.
    #[inline]
    pub(crate) fn value(&self, entry: Entry) -> Value {
        match entry.place {
            Place::Reg(reg) => Value::Reg(reg),
            Place::Const(bits) => Value::Imm(bits),
            Place::Slot(position) => Value::Mem(self.layout.slot(position)),
            Place::Local(local) => {
                let local = &self.locals[local as usize];
                match local.register() {
                    Some(reg) => Value::Reg(reg),
                    None => Value::Mem(Mem::at(Reg::RBP, local.home)),
                }
            }
        }
    }

    // Registers.

    /// Whether nothing but the operator at hand needs a register.
    #[inline]
    pub(crate) fn is_free(&self, reg: Reg) -> bool {
        self.regs.temps.contains(reg) && !self.regs.busy.contains(reg)
    }

    /// A register for a result, locked.
    #[inline]
    pub(crate) fn alloc(&mut self, ty: Ty) -> Reg {
        self.alloc_from(if ty.is_float() { FLOATS } else { INTS })
    }

    #[inline]
    fn alloc_from(&mut self, file: RegSet) -> Reg {
        let free = self
            .regs
            .temps
            .intersection(file)
            .minus(self.regs.busy)
            .minus(self.regs.locked);
        let reg = match free.minus(self.regs.cached).first() {
            Some(reg) => reg,
            None => self.alloc_occupied(free, file),
        };
        self.regs.locked.insert(reg);
        self.regs.dirty.remove(reg);
        reg
    }

    /// A register that holds something: preferably a local, which is in memory too.
    fn alloc_occupied(&mut self, free: RegSet, file: RegSet) -> Reg {
        if free.is_empty() {
            return self.spill_one(file);
        }
        // Each in its turn, so that what was read last stays.
        self.regs.evict = (self.regs.evict + 1) % 16;
        let turn = self.regs.evict + if file == FLOATS { 16 } else { 0 };
        let later = RegSet(free.0 & (u32::MAX << turn));
        let reg = later.first().or(free.first()).expect("it is not empty");
        self.uncache(reg);
        reg
    }

    /// Takes a particular register for the operator at hand. Operands that it popped must not be there.
    pub(crate) fn claim(&mut self, reg: Reg) {
        if self.regs.busy.contains(reg) {
            self.spill(reg);
        }
        self.uncache(reg);
        self.regs.dirty.remove(reg);
        self.regs.locked.insert(reg);
    }

    /// Forgets that a register holds a local.
    #[inline]
    pub(crate) fn uncache(&mut self, reg: Reg) {
        if self.regs.cached.contains(reg) {
            self.regs.cached.remove(reg);
            let local = self.regs.cache_of[reg.0 as usize];
            self.locals[local as usize].cached = None;
        }
    }

    /// Notes that a register holds what an unpinned local holds in memory.
    pub(crate) fn cache(&mut self, reg: Reg, local: u32) {
        self.uncache(reg);
        if let Some(old) = self.locals[local as usize].cached {
            self.uncache(old);
        }
        self.locals[local as usize].cached = Some(reg);
        self.regs.cache_of[reg.0 as usize] = local;
        self.regs.cached.insert(reg);
    }

    /// Forgets all locals in registers: code comes here from elsewhere, or registers are lost.
    #[inline]
    pub(crate) fn forget_locals(&mut self) {
        for reg in self.regs.cached {
            let local = self.regs.cache_of[reg.0 as usize];
            self.locals[local as usize].cached = None;
        }
        self.regs.cached = RegSet::EMPTY;
        self.zero_flag = NO_ZERO_FLAG;
    }

    /// The registers that hold what unpinned locals hold, and which.
    pub(crate) fn cached_locals(&self) -> impl Iterator<Item = (Reg, u32)> + use<> {
        let of = self.regs.cache_of;
        self.regs
            .cached
            .into_iter()
            .map(move |reg| (reg, of[reg.0 as usize]))
    }

    #[inline]
    pub(crate) fn is_cached(&self, reg: Reg) -> bool {
        self.regs.cached.contains(reg)
    }

    /// An operand in a register, to be read only.
    #[inline]
    pub(crate) fn in_reg(&mut self, entry: Entry) -> Reg {
        if let Value::Reg(reg) = self.value(entry) {
            return reg;
        }
        let reg = self.alloc(entry.ty);
        self.load_value(reg, entry);
        if let Place::Local(local) = entry.place {
            self.cache(reg, local);
        }
        reg
    }

    /// An operand of 32 bits in a register whose upper half is zero, or one of 64 bits.
    pub(crate) fn in_clean_reg(&mut self, entry: Entry) -> Reg {
        let reg = self.in_reg(entry);
        if entry.ty.is_narrow() && self.regs.dirty.contains(reg) {
            self.asm.mov(false, reg, reg);
            self.regs.dirty.remove(reg);
        }
        reg
    }

    /// An operand in a register that may be overwritten.
    #[inline]
    pub(crate) fn owned(&mut self, entry: Entry) -> Reg {
        if let Value::Reg(reg) = self.value(entry)
            && self.is_free(reg)
        {
            self.uncache(reg);
            return reg;
        }
        let reg = self.alloc(entry.ty);
        self.load_value(reg, entry);
        reg
    }

    /// An operand in `to` if that is given, or else in any register that may be overwritten.
    #[inline]
    pub(crate) fn owned_in(&mut self, entry: Entry, to: Option<Reg>) -> Reg {
        match to {
            None => self.owned(entry),
            Some(reg) => {
                self.load_value(reg, entry);
                reg
            }
        }
    }

    /// An operand as a register or memory operand of an instruction.
    #[inline]
    pub(crate) fn rm(&mut self, entry: Entry) -> Rm {
        match self.value(entry) {
            Value::Reg(reg) => Rm::Reg(reg),
            Value::Mem(_) if matches!(entry.place, Place::Local(_)) => Rm::Reg(self.in_reg(entry)),
            Value::Mem(mem) => Rm::Mem(mem),
            Value::Imm(bits) if entry.ty.is_float() => Rm::Mem(self.float_constant(bits, entry.ty)),
            Value::Imm(_) => Rm::Reg(self.in_reg(entry)),
        }
    }

    fn float_constant(&mut self, bits: u64, ty: Ty) -> Mem {
        match ty {
            Ty::F32 => self.asm.constant(&(bits as u32).to_le_bytes()),
            _ => self.asm.constant(&bits.to_le_bytes()),
        }
    }

    // Moves.

    /// Brings an operand to a register. Flags and the state stay as they are.
    #[inline]
    pub(crate) fn load_value(&mut self, to: Reg, entry: Entry) {
        match self.value(entry) {
            Value::Reg(from) => self.copy(to, from, entry.ty),
            Value::Mem(from) => self.load(to, from, entry.ty),
            Value::Imm(bits) => self.load_const(to, bits, entry.ty),
        }
    }

    pub(crate) fn load_const(&mut self, to: Reg, bits: u64, ty: Ty) {
        if !ty.is_float() {
            self.asm.mov_imm(to, bits);
        } else if bits == 0 {
            self.asm.rr(op::XORPS, false, to, to);
        } else {
            let constant = self.float_constant(bits, ty);
            self.load(to, constant, ty);
        }
    }

    /// Copies a register.
    #[inline]
    pub(crate) fn copy(&mut self, to: Reg, from: Reg, ty: Ty) {
        if to == from {
            return;
        }
        match ty.is_float() {
            true => self.asm.rr(op::MOVAPS, false, to, from),
            false => self.asm.mov(ty == Ty::I64, to, from),
        }
        if ty.is_narrow() {
            self.regs.dirty.remove(to);
        }
    }

    #[inline]
    pub(crate) fn load(&mut self, to: Reg, from: Mem, ty: Ty) {
        match ty {
            Ty::I32 | Ty::Ref | Ty::I64 => self.asm.load(ty == Ty::I64, to, from),
            Ty::F32 => self.asm.rmem(op::MOVSS, false, to, from),
            Ty::F64 => self.asm.rmem(op::MOVSD, false, to, from),
            Ty::V128 => self.asm.rmem(op::MOVUPS, false, to, from),
        }
    }

    #[inline]
    pub(crate) fn store(&mut self, to: Mem, from: Reg, ty: Ty) {
        match ty {
            Ty::I32 | Ty::Ref | Ty::I64 => self.asm.store(ty == Ty::I64, to, from),
            Ty::F32 => self.asm.rmem(op::MOVSS_STORE, false, from, to),
            Ty::F64 => self.asm.rmem(op::MOVSD_STORE, false, from, to),
            Ty::V128 => self.asm.rmem(op::MOVUPS_STORE, false, from, to),
        }
    }

    /// Brings an operand to memory. Flags, the state and the scratch register stay as they are.
    pub(crate) fn store_value(&mut self, to: Mem, entry: Entry) {
        let ty = entry.ty;
        match self.value(entry) {
            Value::Reg(from) => self.store(to, from, ty),
            Value::Mem(from) if from == to => {}
            Value::Mem(from) => {
                // The type only says how many bytes.
                let ty = match ty {
                    Ty::I32 | Ty::Ref => Ty::F32,
                    Ty::I64 => Ty::F64,
                    other => other,
                };
                self.load(XSCRATCH, from, ty);
                self.store(to, XSCRATCH, ty);
            }
            Value::Imm(bits) => self.store_const(to, bits, ty),
        }
    }

    pub(crate) fn store_const(&mut self, to: Mem, bits: u64, ty: Ty) {
        if ty == Ty::V128 {
            debug_assert_eq!(bits, 0, "no other vector is a constant");
            self.asm.rr(op::XORPS, false, XSCRATCH, XSCRATCH);
            self.store(to, XSCRATCH, ty);
        } else if !ty.is_wide() {
            self.asm.store_imm(false, to, bits as u32 as i32);
        } else if i64::from(bits as i32) == bits.cast_signed() {
            self.asm.store_imm(true, to, bits as i32);
        } else {
            let constant = self.asm.constant(&bits.to_le_bytes());
            self.load(XSCRATCH, constant, Ty::F64);
            self.store(to, XSCRATCH, Ty::F64);
        }
    }

    /// The register of the pinned local that the next operator sets: a result may go there at once.
    #[inline]
    pub(crate) fn wanted(&self, float: bool) -> Option<Reg> {
        if !matches!(self.body.peek(), opcode::LOCAL_SET | opcode::LOCAL_TEE) {
            return None;
        }
        let mut body = self.body;
        body.advance(1);
        let local = &self.locals[body.u32() as usize];
        if local.operands != NOWHERE {
            return None;
        }
        local.pinned.filter(|reg| reg.is_xmm() == float)
    }

    /// A register for the result of the operator at hand: the one it is wanted in, or any.
    #[inline]
    pub(crate) fn result_reg(&mut self, ty: Ty) -> Reg {
        match self.wanted(ty.is_float()) {
            Some(reg) => reg,
            None => self.alloc(ty),
        }
    }

    // What code refers to.

    /// The next instruction is where the operator at hand calls, or may trap.
    #[inline]
    pub(crate) fn locate(&mut self) {
        if self
            .locations
            .last()
            .is_none_or(|last| last.wasm != self.at)
        {
            self.locations.push(SourceLocation {
                code: self.asm.offset(),
                wasm: self.at,
            });
        }
    }

    /// The next instruction may trap.
    #[inline]
    pub(crate) fn may_trap(&mut self, code: TrapCode) {
        self.locate();
        self.traps.push(TrapSite {
            offset: self.asm.offset(),
            code,
        });
    }

    /// Where to jump to for a trap of the operator at hand.
    pub(crate) fn trap_label(&mut self, code: TrapCode) -> Label {
        if let Some(last) = self.late_traps.last()
            && last.code == code
            && last.wasm == self.at
        {
            return last.label;
        }
        let label = self.asm.label();
        self.late_traps.push(LateTrap {
            label,
            code,
            wasm: self.at,
        });
        label
    }

    /// Emits an instruction that ends in an address relative to its end.
    pub(crate) fn relocated(&mut self, opcode: &[u8], target: RelocTarget, addend: i32) {
        let offset = self.asm.with_address(opcode);
        self.relocs.push(Reloc {
            offset,
            target,
            addend,
        });
    }

    /// This function's VM context, in the scratch register unless it is pinned.
    #[inline]
    pub(crate) fn vmctx(&mut self) -> Reg {
        match self.layout.vmctx {
            Some(reg) => reg,
            None => {
                let home = Mem::at(Reg::RBP, self.layout.vmctx_home);
                self.asm.load(true, SCRATCH, home);
                SCRATCH
            }
        }
    }
}
