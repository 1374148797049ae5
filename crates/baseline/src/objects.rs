//! Objects in the heap: where they and their fields and elements are, and how these are read and written.
//!
//! A reference counts from the heap's start, which never changes; an object is at another place after each call.

use crate::body::Ty;
use crate::state::{Entry, Func, Place, Value};
use crate::x64::{Mem, Reg, SCRATCH, Shift, op};
use mainspring_abi::gc::{CARD_SHIFT, CARDS_BELOW, StructLayout, VMHeap, is_traced, storage_size};
use mainspring_abi::{VMContextHeader, VMStoreContext};
use mainspring_wasm::{CompositeType, FieldType, StorageType, TypeIndex};
use std::mem::offset_of;
use std::sync::Arc;

/// Where a field of what the store knows about its heap is in the store's context.
pub(crate) const fn heap_field(field: usize) -> i32 {
    (offset_of!(VMStoreContext, heap) + field) as i32
}

impl<'a> Func<'a, '_> {
    // Types.

    /// The fields of a struct type.
    pub(crate) fn fields(&self, ty: TypeIndex) -> &'a [FieldType] {
        match &self.module.types[ty.index()].composite {
            CompositeType::Struct(fields) => fields,
            _ => unreachable!("validated to be a struct type"),
        }
    }

    /// What an array type's elements are stored as, and how many bytes they take.
    pub(crate) fn element(&self, ty: TypeIndex) -> (StorageType, u32) {
        let CompositeType::Array(element) = &self.module.types[ty.index()].composite else {
            unreachable!("validated to be an array type");
        };
        let size = storage_size(element.storage, |ty| self.module.is_func_type(ty));
        (element.storage, size)
    }

    pub(crate) fn struct_layout(&mut self, ty: TypeIndex) -> Arc<StructLayout> {
        if let Some(layout) = self.layouts.get(&ty) {
            return layout.clone();
        }
        let layout = StructLayout::new(self.fields(ty), |ty| self.module.is_func_type(ty));
        let layout = Arc::new(layout);
        self.layouts.insert(ty, layout.clone());
        layout
    }

    /// Whether the collector follows what is stored so.
    pub(crate) fn is_traced(&self, storage: StorageType) -> bool {
        is_traced(storage, |ty| self.module.is_func_type(ty))
    }

    /// What a value that is stored so is on the operand stack.
    fn whole(&self, storage: StorageType) -> Ty {
        match storage {
            StorageType::I8 | StorageType::I16 => Ty::I32,
            StorageType::Val(ty) => Ty::of(self.module, ty),
        }
    }

    // Addresses.

    /// The store's context, in the scratch register.
    pub(crate) fn store_context(&mut self) {
        let vmctx = self.vmctx();
        let store = offset_of!(VMContextHeader, store) as i32;
        self.asm.load(true, SCRATCH, Mem::at(vmctx, store));
    }

    /// Where the heap begins, in the scratch register.
    pub(crate) fn heap_base(&mut self) {
        self.store_context();
        let base = heap_field(offset_of!(VMHeap, base));
        self.asm.load(true, SCRATCH, Mem::at(SCRATCH, base));
    }

    /// Notes that a reference was stored so many bytes from the heap's start. `at` is overwritten; the scratch register
    /// holds where the heap begins.
    pub(crate) fn mark_card(&mut self, at: Reg) {
        self.asm.shift_imm(Shift::Shr, false, at, CARD_SHIFT as u8);
        let card = Mem::indexed(SCRATCH, at, 0, -(CARDS_BELOW as i32));
        self.asm.store_imm8(card, 1);
    }

    // Values.

    /// A register for a value that is stored so.
    pub(crate) fn loaded_reg(&mut self, storage: StorageType) -> Reg {
        let ty = self.whole(storage);
        self.result_reg(ty)
    }

    /// Reads a value, with one instruction, and pushes it.
    pub(crate) fn load_stored(&mut self, to: Reg, from: Mem, storage: StorageType, signed: bool) {
        let ty = self.whole(storage);
        match (storage, signed) {
            (StorageType::I8, true) => self.asm.rmem(op::MOVSX8, false, to, from),
            (StorageType::I8, false) => self.asm.rmem(op::MOVZX8, false, to, from),
            (StorageType::I16, true) => self.asm.rmem(op::MOVSX16, false, to, from),
            (StorageType::I16, false) => self.asm.rmem(op::MOVZX16, false, to, from),
            (StorageType::Val(_), _) => self.load(to, from, ty),
        }
        self.regs.dirty.remove(to);
        self.push_reg(to, ty);
    }

    /// Brings an operand to where one instruction can store it.
    pub(crate) fn storable(&mut self, value: Entry) -> Entry {
        let is_immediate = match self.value(value) {
            Value::Reg(_) => true,
            Value::Mem(_) => false,
            Value::Imm(_) if value.ty == Ty::V128 => false,
            Value::Imm(bits) => !value.ty.is_wide() || i64::from(bits as i32) == bits.cast_signed(),
        };
        if is_immediate {
            return value;
        }
        Entry {
            place: Place::Reg(self.in_reg(value)),
            ty: value.ty,
        }
    }

    /// Writes an operand, with one instruction if it is [`storable`](Self::storable). If it is in memory
    /// and stored in part, it goes by way of `aside`.
    pub(crate) fn store_stored(&mut self, to: Mem, value: Entry, storage: StorageType, aside: Reg) {
        if let StorageType::Val(_) = storage {
            return self.store_value(to, value);
        }
        let from = match (self.value(value), storage) {
            (Value::Imm(bits), StorageType::I8) => return self.asm.store_imm8(to, bits as u8),
            (Value::Imm(bits), _) => return self.asm.store_imm16(to, bits as u16),
            (Value::Reg(from), _) => from,
            (Value::Mem(from), _) => {
                self.asm.load(false, aside, from);
                aside
            }
        };
        match storage {
            StorageType::I8 => self.asm.store8(to, from),
            _ => self.asm.store16(to, from),
        }
    }
}
