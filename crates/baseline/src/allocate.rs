//! Room for new objects: taken from the heap where there is some, by the runtime where there is none.
//!
//! The way without room is behind the body. It keeps what registers hold: operands, which go to their slots and come back,
//! and locals, which come back from their homes.

use crate::body::Ty;
use crate::objects::heap_field;
use crate::state::{Entry, Func, Place};
use crate::x64::{Alu, Cond, INT_ARGS, Label, Mem, Reg, Rm, SCRATCH};
use mainspring_abi::gc::{ARRAY_LENGTH_AT, MAX_INLINE, OBJECT_ALIGNMENT, VMHeap};
use mainspring_abi::{Builtin, VMContextHeader};
use mainspring_wasm::{StorageType, TypeAddress, TypeIndex};
use std::mem::offset_of;
use std::ops::Range;

/// An object whose fields or elements are yet to be set. Until something else is done, the scratch register holds where
/// the heap begins.
pub(crate) struct NewObject {
    pub(crate) reference: Reg,
    /// A register that nothing is in.
    aside: Reg,
    /// Whether it is certain to be among the young.
    is_young: bool,
}

/// A way without room that is yet to be made.
struct SlowWay {
    start: Label,
    back: Label,
    /// Offset of the instruction in the module.
    wasm: u32,
    builtin: Builtin,
    ty: TypeIndex,
    length: Option<u32>,
    reference: Reg,
    /// Which of [`Allocations::kept`] are its own.
    kept: Range<usize>,
}

/// A register that is in use.
#[derive(Clone, Copy)]
struct Kept {
    reg: Reg,
    ty: Ty,
    /// Where it comes back from.
    place: Mem,
    /// Whether that is the slot of an operand, which is nowhere else.
    is_operand: bool,
}

/// How many operands the way without room stores and loads. If more are in registers, which then hold the same, all go
/// to their slots before.
const MOST_KEPT: usize = 64;

/// What is left to emit for allocations.
#[derive(Default)]
pub(crate) struct Allocations {
    slow_ways: Vec<SlowWay>,
    kept: Vec<Kept>,
}

impl Allocations {
    pub(crate) fn clear(&mut self) {
        self.slow_ways.clear();
        self.kept.clear();
    }
}

impl Func<'_, '_> {
    /// Makes an object of a size; of a large one everything is zero. Operands stay where they are, or are in slots.
    pub(crate) fn allocate(
        &mut self,
        builtin: Builtin,
        ty: TypeIndex,
        length: Option<u32>,
        size: u64,
    ) -> NewObject {
        if size > u64::from(MAX_INLINE) {
            return self.allocate_large(builtin, ty, length);
        }
        let size = size.next_multiple_of(u64::from(OBJECT_ALIGNMENT)) as i32;
        let reference = self.alloc(Ty::I32);
        let aside = self.alloc(Ty::I64);
        let back = self.asm.label();
        let start = self.slow_way(builtin, ty, length, reference, back);
        self.store_context();
        let next = Mem::at(SCRATCH, heap_field(offset_of!(VMHeap, next)));
        let limit = Mem::at(SCRATCH, heap_field(offset_of!(VMHeap, limit)));
        self.asm.load(false, reference, next);
        self.asm.load(false, aside, limit);
        self.asm.alu(Alu::Sub, false, aside, Rm::Reg(reference));
        self.asm.alu_imm(Alu::Cmp, false, Rm::Reg(aside), size);
        self.asm.jcc(Cond::Below, start);
        self.asm.alu_imm(Alu::Add, false, Rm::Mem(next), size);
        self.header(aside, ty);
        self.heap_base();
        self.asm
            .store(false, Mem::indexed(SCRATCH, reference, 0, 0), aside);
        if let Some(length) = length {
            let at = Mem::indexed(SCRATCH, reference, 0, ARRAY_LENGTH_AT as i32);
            self.asm.store_imm(false, at, length as i32);
        }
        self.asm.bind(back);
        NewObject {
            reference,
            aside,
            is_young: true,
        }
    }

    /// Has the runtime make an object.
    fn allocate_large(
        &mut self,
        builtin: Builtin,
        ty: TypeIndex,
        length: Option<u32>,
    ) -> NewObject {
        let args = [Entry::i32(ty.0), Entry::i32(length.unwrap_or(0))];
        self.call_builtin(builtin, &args[..builtin.params().len()]);
        // Operands are in no registers now.
        let reference = Reg::RAX;
        self.claim(reference);
        self.asm.mov(false, reference, reference);
        let aside = self.alloc(Ty::I64);
        self.heap_base();
        NewObject {
            reference,
            aside,
            is_young: false,
        }
    }

    /// Sets a field or element of a new object.
    pub(crate) fn initialize(
        &mut self,
        new: &NewObject,
        offset: u32,
        storage: StorageType,
        value: Entry,
    ) {
        let to = Mem::indexed(SCRATCH, new.reference, 0, offset as i32);
        self.store_stored(to, value, storage, new.aside);
        if !new.is_young && self.is_traced(storage) {
            let at = Mem::at(new.reference, offset as i32);
            self.asm.lea(false, new.aside, at);
            self.mark_card(new.aside);
        }
    }

    /// The header of objects of a type.
    fn header(&mut self, to: Reg, ty: TypeIndex) {
        let vmctx = self.vmctx();
        let types = offset_of!(VMContextHeader, types) as i32;
        let base = offset_of!(VMContextHeader, type_base) as i32;
        self.asm.load(true, to, Mem::at(vmctx, types));
        let position = ty.0 as i32 * size_of::<TypeAddress>() as i32;
        self.asm.load(false, to, Mem::at(to, position));
        self.asm
            .alu(Alu::Sub, false, to, Rm::Mem(Mem::at(vmctx, base)));
    }

    /// Notes what registers hold, for the way without room.
    fn slow_way(
        &mut self,
        builtin: Builtin,
        ty: TypeIndex,
        length: Option<u32>,
        reference: Reg,
        back: Label,
    ) -> Label {
        let first_kept = self.allocations.kept.len();
        self.keep_registers();
        self.roots.expect_call();
        let start = self.asm.label();
        self.allocations.slow_ways.push(SlowWay {
            start,
            back,
            wasm: self.at,
            builtin,
            ty,
            length,
            reference,
            kept: first_kept..self.allocations.kept.len(),
        });
        start
    }

    fn keep_registers(&mut self) {
        let positions = match self.positions_in(self.regs.busy, MOST_KEPT) {
            Some(positions) => positions,
            None => {
                self.spill_registers();
                Vec::new()
            }
        };
        for position in positions {
            let Entry { place, ty } = self.stack[position as usize];
            if let Place::Reg(reg) = place {
                let place = self.slot(position);
                self.allocations.kept.push(Kept {
                    reg,
                    ty,
                    place,
                    is_operand: true,
                });
            }
        }
        for (reg, local) in self.cached_locals() {
            let local = &self.locals[local as usize];
            self.allocations.kept.push(Kept {
                reg,
                ty: local.ty,
                place: Mem::at(Reg::RBP, local.home),
                is_operand: false,
            });
        }
    }

    /// Emits the ways without room.
    pub(crate) fn finish_allocations(&mut self) {
        let allocations = std::mem::take(self.allocations);
        for way in &allocations.slow_ways {
            self.at = way.wasm;
            self.finish_slow_way(way, &allocations);
        }
        // For the memory.
        *self.allocations = allocations;
    }

    fn finish_slow_way(&mut self, way: &SlowWay, all: &Allocations) {
        let kept = &all.kept[way.kept.clone()];
        self.asm.bind(way.start);
        for operand in kept.iter().filter(|kept| kept.is_operand) {
            self.store(operand.place, operand.reg, operand.ty);
        }
        for reg in self.layout.pinned_lost {
            self.save_pin(reg);
        }
        match self.layout.vmctx {
            Some(vmctx) => self.copy(INT_ARGS[0], vmctx, Ty::I64),
            None => {
                let home = Mem::at(Reg::RBP, self.layout.vmctx_home);
                self.asm.load(true, INT_ARGS[0], home);
            }
        }
        self.asm.mov_imm(INT_ARGS[1], u64::from(way.ty.0));
        if let Some(length) = way.length {
            self.asm.mov_imm(INT_ARGS[2], u64::from(length));
        }
        let table = offset_of!(VMContextHeader, builtins) as i32;
        self.asm.load(true, Reg::RAX, Mem::at(INT_ARGS[0], table));
        self.locate();
        let entry = Mem::at(Reg::RAX, way.builtin.table_offset() as i32);
        self.asm.call_mem(entry);
        self.roots.note_expected(self.asm.offset());
        // All 32 bits of what is kept in others.
        self.asm.mov(false, way.reference, Reg::RAX);
        for one in kept {
            self.load(one.reg, one.place, one.ty);
        }
        self.restore_pinned();
        self.heap_base();
        self.asm.jmp(way.back);
    }
}
