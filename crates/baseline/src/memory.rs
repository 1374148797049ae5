//! Linear memories: addresses and their checks, loads and stores, bulk operations.
//!
//! Which check an access needs is decided by the memory's plan, as in the optimizing tier.

use crate::body::Ty;
use crate::state::{Entry, Func, Place, Value};
use crate::x64::{Alu, Cond, Mem, Op, Reg, Rm, SCRATCH, Shift, XSCRATCH, op};
use mainspring_abi::{Builtin, MemoryPlan, TrapCode, VMMemoryDefinition, VMMemoryImport};
use mainspring_wasm::{MemoryIndex, MemoryType};
use std::mem::offset_of;

/// What there is to know about a memory.
#[derive(Clone, Copy)]
struct Heap {
    index: MemoryIndex,
    ty: MemoryType,
    plan: MemoryPlan,
    /// Whether it is not in the VM context: imported, or shared.
    elsewhere: bool,
}

/// How many bytes a store stores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Width {
    Byte = 1,
    Two = 2,
    Four = 4,
    Eight = 8,
    Sixteen = 16,
}

impl Func<'_, '_> {
    fn heap(&self, memory: u32) -> Heap {
        let index = MemoryIndex(memory);
        let ty = self.module.memories[index.index()];
        Heap {
            index,
            ty,
            plan: MemoryPlan::new(&ty, &self.input.settings.memory),
            elsewhere: ty.shared || self.module.defined_memory(index).is_none(),
        }
    }

    /// The address of an access of `size` bytes at an index that was popped, checked. The instruction
    /// that accesses it may trap.
    pub(crate) fn address(&mut self, memory: u32, index: Entry, offset: u64, size: u64) -> Mem {
        let heap = self.heap(memory);
        if heap.plan.elides_bounds_check(&heap.ty, offset, size) {
            return self.unchecked_address(&heap, index, offset);
        }
        match offset.checked_add(size) {
            Some(end) => self.checked_address(&heap, index, offset, end),
            None => {
                // No index can bring it in bounds.
                self.asm.mov_imm(SCRATCH, 0);
                Mem::at(SCRATCH, 0)
            }
        }
    }

    fn unchecked_address(&mut self, heap: &Heap, index: Entry, offset: u64) -> Mem {
        if let Place::Const(index) = index.place
            && let Ok(disp) = i32::try_from(index + offset)
        {
            let base = self.base(heap);
            return Mem::at(base, disp);
        }
        let index = self.in_clean_reg(index);
        if let Ok(disp) = i32::try_from(offset) {
            let base = self.base(heap);
            return Mem::indexed(base, index, 0, disp);
        }
        let sum = self.alloc(Ty::I64);
        self.asm.mov_imm(sum, offset);
        self.asm.alu(Alu::Add, true, sum, Rm::Reg(index));
        let base = self.base(heap);
        Mem::indexed(base, sum, 0, 0)
    }

    fn checked_address(&mut self, heap: &Heap, index: Entry, offset: u64, end: u64) -> Mem {
        let index = self.in_clean_reg(index);
        let address = self.alloc(Ty::I64);
        let base = self.base(heap);
        // The offset is added before the guard, so that what replaces the address is near 0.
        match i32::try_from(offset) {
            Ok(disp) => {
                let at = Mem::indexed(base, index, 0, disp);
                self.asm.lea(true, address, at);
            }
            Err(_) => {
                let at = Mem::indexed(base, index, 0, 0);
                self.asm.lea(true, address, at);
                self.alu_const(Alu::Add, address, offset);
            }
        }
        self.compare_with_length(heap, index, end);
        if self.input.settings.spectre_mitigation {
            self.asm.mov_imm(SCRATCH, 0);
            self.asm.cmov(Cond::Above, true, address, Rm::Reg(SCRATCH));
        } else {
            let trap = self.trap_label(TrapCode::MemoryOutOfBounds);
            self.asm.jcc(Cond::Above, trap);
        }
        Mem::at(address, 0)
    }

    /// Compares so that *above* says that an access ending `end` bytes past an index leaves the memory.
    fn compare_with_length(&mut self, heap: &Heap, index: Reg, end: u64) {
        if heap.ty.page_size_log2 >= 12 && end <= heap.plan.guard {
            // Beyond the length comes nothing but a guard's worth of inaccessible pages.
            let length = self.length(heap);
            self.asm.alu(Alu::Cmp, true, index, Rm::Mem(length));
            return;
        }
        let sum = self.alloc(Ty::I64);
        let minimum = heap.ty.minimum_bytes();
        if minimum.is_some_and(|minimum| end <= minimum) {
            // The difference can't wrap, since the length is at least the minimum.
            let length = self.length(heap);
            self.asm.load(true, sum, length);
            self.alu_const(Alu::Sub, sum, end);
            self.asm.alu(Alu::Cmp, true, index, Rm::Reg(sum));
            return;
        }
        self.asm.mov_imm(sum, end);
        self.asm.alu(Alu::Add, true, sum, Rm::Reg(index));
        if heap.ty.memory64 {
            let trap = self.trap_label(TrapCode::MemoryOutOfBounds);
            self.asm.jcc(Cond::Below, trap);
        }
        let length = self.length(heap);
        self.asm.alu(Alu::Cmp, true, sum, Rm::Mem(length));
    }

    /// A register with the address of a memory's first byte: pinned, or the scratch register.
    fn base(&mut self, heap: &Heap) -> Reg {
        if heap.index.0 == 0
            && let Some(reg) = self.layout.memory_base
        {
            return reg;
        }
        let from = if heap.plan.may_move {
            self.definition(heap)
                .plus(offset_of!(VMMemoryDefinition, base) as i32)
        } else {
            let offsets = self.input.offsets;
            let offset = match heap.elsewhere {
                true => {
                    offsets.memory_elsewhere(heap.index) + offset_of!(VMMemoryImport, base) as u32
                }
                false => {
                    offsets.defined_memory(heap.index) + offset_of!(VMMemoryDefinition, base) as u32
                }
            };
            Mem::at(self.vmctx(), offset as i32)
        };
        self.asm.load(true, SCRATCH, from);
        SCRATCH
    }

    /// Where a memory's length is. May use the scratch register.
    fn length(&mut self, heap: &Heap) -> Mem {
        self.definition(heap)
            .plus(offset_of!(VMMemoryDefinition, length) as i32)
    }

    fn definition(&mut self, heap: &Heap) -> Mem {
        let offsets = self.input.offsets;
        let vmctx = self.vmctx();
        if heap.elsewhere {
            let pointer = offsets.memory_elsewhere(heap.index)
                + offset_of!(VMMemoryImport, definition) as u32;
            self.asm.load(true, SCRATCH, Mem::at(vmctx, pointer as i32));
            Mem::at(SCRATCH, 0)
        } else {
            Mem::at(vmctx, offsets.defined_memory(heap.index) as i32)
        }
    }

    // Loads and stores.

    /// A load by an instruction that makes a whole value.
    pub(crate) fn load_op(&mut self, op: Op, wide: bool, ty: Ty, width: Width) {
        let (memory, offset) = self.body.memarg();
        let index = self.pop();
        self.load_from((memory, offset), index, op, wide, ty, width);
    }

    /// A load at an index that was popped.
    pub(crate) fn load_from(
        &mut self,
        (memory, offset): (u32, u64),
        index: Entry,
        op: Op,
        wide: bool,
        ty: Ty,
        width: Width,
    ) {
        let at = self.address(memory, index, offset, width as u64);
        let to = match (self.wanted(ty.is_float()), self.value(index)) {
            (Some(reg), _) => reg,
            (None, Value::Reg(reg))
                if !ty.is_float() && self.is_free(reg) && !self.is_cached(reg) =>
            {
                reg
            }
            _ => self.alloc(ty),
        };
        self.may_trap(TrapCode::MemoryOutOfBounds);
        self.asm.rmem(op, wide, to, at);
        self.regs.dirty.remove(to);
        self.push_reg(to, ty);
    }

    /// A store of the lowest bytes of a value.
    pub(crate) fn store_op(&mut self, width: Width) {
        let (memory, offset) = self.body.memarg();
        let (index, value) = self.pop2();
        let imm = match value.place {
            Place::Const(bits) if !value.ty.is_float() || width != Width::Sixteen => {
                let fits = i64::from(bits as i32) == bits.cast_signed() || width != Width::Eight;
                fits.then_some(bits as i32)
            }
            _ => None,
        };
        if let Some(imm) = imm {
            let at = self.address(memory, index, offset, width as u64);
            self.may_trap(TrapCode::MemoryOutOfBounds);
            return match width {
                Width::Byte => self.asm.store_imm8(at, imm as u8),
                Width::Two => self.asm.store_imm16(at, imm as u16),
                Width::Four => self.asm.store_imm(false, at, imm),
                _ => self.asm.store_imm(true, at, imm),
            };
        }
        let reg = self.in_reg(value);
        let at = self.address(memory, index, offset, width as u64);
        self.may_trap(TrapCode::MemoryOutOfBounds);
        match width {
            Width::Byte => self.asm.store8(at, reg),
            Width::Two => self.asm.store16(at, reg),
            Width::Four if !value.ty.is_float() => self.asm.store(false, at, reg),
            Width::Four => self.store(at, reg, Ty::F32),
            Width::Eight if !value.ty.is_float() => self.asm.store(true, at, reg),
            Width::Eight => self.store(at, reg, Ty::F64),
            Width::Sixteen => self.store(at, reg, Ty::V128),
        }
    }

    // Whole memories.

    pub(crate) fn memory_size(&mut self) {
        let memory = self.body.u32();
        let heap = self.heap(memory);
        let length = self.length(&heap);
        let to = self.result_reg(Ty::I64);
        self.asm.load(true, to, length);
        self.asm
            .shift_imm(Shift::Shr, true, to, heap.ty.page_size_log2);
        let ty = if heap.ty.memory64 { Ty::I64 } else { Ty::I32 };
        self.push_reg(to, ty);
    }

    pub(crate) fn memory_grow(&mut self) {
        let memory = self.body.u32();
        let is64 = self.heap(memory).ty.memory64;
        let delta = self.pop();
        self.call_builtin(Builtin::MemoryGrow, &[Entry::i32(memory), delta]);
        self.push_int_result(if is64 { Ty::I64 } else { Ty::I32 });
    }

    pub(crate) fn memory_copy(&mut self) {
        let (to_memory, from_memory) = (self.body.u32(), self.body.u32());
        let (to, from, count) = self.pop3();
        if let Some(bytes) = self.small_count(count, to_memory, from_memory) {
            return self.copy_small((to_memory, to), (from_memory, from), bytes);
        }
        let memories = (Entry::i32(to_memory), Entry::i32(from_memory));
        let args = [memories.0, memories.1, to, from, count];
        self.call_builtin(Builtin::MemoryCopy, &args);
    }

    pub(crate) fn memory_fill(&mut self) {
        let memory = self.body.u32();
        let (to, byte, count) = self.pop3();
        let args = [Entry::i32(memory), to, byte, count];
        self.call_builtin(Builtin::MemoryFill, &args);
    }

    pub(crate) fn memory_init(&mut self) {
        let (segment, memory) = (self.body.u32(), self.body.u32());
        let (to, from, count) = self.pop3();
        let entities = (Entry::i32(memory), Entry::i32(segment));
        let args = [entities.0, entities.1, to, from, count];
        self.call_builtin(Builtin::MemoryInit, &args);
    }

    pub(crate) fn data_drop(&mut self) {
        let segment = self.body.u32();
        self.call_builtin(Builtin::DataDrop, &[Entry::i32(segment)]);
    }

    /// The count of a copy that is a constant and small enough to do in place.
    fn small_count(&self, count: Entry, to: u32, from: u32) -> Option<u32> {
        let Place::Const(count) = count.place else {
            return None;
        };
        let small = [1, 2, 4, 8, 16].contains(&count);
        let elided = [to, from].iter().all(|&memory| {
            let heap = self.heap(memory);
            heap.plan.elides_bounds_check(&heap.ty, 0, count)
        });
        (small && elided).then_some(count as u32)
    }

    /// One load and one store. Either faults at once, before anything is written.
    fn copy_small(&mut self, to: (u32, Entry), from: (u32, Entry), bytes: u32) {
        let source = self.address(from.0, from.1, 0, u64::from(bytes));
        let value = (bytes < 4).then(|| self.alloc(Ty::I32));
        self.may_trap(TrapCode::MemoryOutOfBounds);
        match (bytes, value) {
            (1, Some(reg)) => self.asm.rmem(op::MOVZX8, false, reg, source),
            (2, Some(reg)) => self.asm.rmem(op::MOVZX16, false, reg, source),
            (4, _) => self.load(XSCRATCH, source, Ty::F32),
            (8, _) => self.load(XSCRATCH, source, Ty::F64),
            _ => self.load(XSCRATCH, source, Ty::V128),
        }
        let target = self.address(to.0, to.1, 0, u64::from(bytes));
        self.may_trap(TrapCode::MemoryOutOfBounds);
        match (bytes, value) {
            (1, Some(reg)) => self.asm.store8(target, reg),
            (2, Some(reg)) => self.asm.store16(target, reg),
            (4, _) => self.store(target, XSCRATCH, Ty::F32),
            (8, _) => self.store(target, XSCRATCH, Ty::F64),
            _ => self.store(target, XSCRATCH, Ty::V128),
        }
    }
}
