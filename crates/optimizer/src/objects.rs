//! Objects in the heap: where they and their fields and elements are, and how these are read and written.
//!
//! A reference counts from the heap's start, which never changes; an object is at another place after each call.

use crate::func::{Func, Region};
use crate::trap;
use cranelift_codegen::ir::types::{F32, F64, I8, I8X16, I32, I64};
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Type, Value};
use mainspring_abi::gc::{CARD_SHIFT, CARDS_BELOW, StructLayout, VMHeap, storage_size};
use mainspring_abi::{TrapCode, VMContextHeader, VMStoreContext};
use mainspring_wasm::{
    CompositeType, FieldType, RefKind, StorageType, TypeAddress, TypeIndex, ValType,
};
use std::mem::offset_of;
use std::rc::Rc;

/// What arrays hold. Arrays of different kinds are different objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ElementKind {
    I8,
    I16,
    I32,
    I64,
    F32,
    F64,
    V128,
    FuncRef,
    Reference,
}

/// How a packed value becomes a whole one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Extension {
    /// It is whole.
    No,
    Signed,
    Unsigned,
}

/// Where a value is in an object: so many bytes from an address.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) address: Value,
    pub(crate) offset: i32,
    pub(crate) flags: MemFlagsData,
}

impl Func<'_, '_> {
    // Types.

    /// The fields of a struct type.
    pub(crate) fn fields(&self, ty: TypeIndex) -> &'_ [FieldType] {
        match &self.module.types[ty.index()].composite {
            CompositeType::Struct(fields) => fields,
            _ => unreachable!("validated to be a struct type"),
        }
    }

    /// What an array type's elements are stored as.
    pub(crate) fn element(&self, ty: TypeIndex) -> StorageType {
        match &self.module.types[ty.index()].composite {
            CompositeType::Array(element) => element.storage,
            _ => unreachable!("validated to be an array type"),
        }
    }

    pub(crate) fn struct_layout(&mut self, ty: TypeIndex) -> Rc<StructLayout> {
        if let Some(layout) = self.struct_layouts.get(&ty) {
            return layout.clone();
        }
        let layout = StructLayout::new(self.fields(ty), |ty| self.module.is_func_type(ty));
        let layout = Rc::new(layout);
        self.struct_layouts.insert(ty, layout.clone());
        layout
    }

    pub(crate) fn storage_size(&self, storage: StorageType) -> u32 {
        storage_size(storage, |ty| self.module.is_func_type(ty))
    }

    pub(crate) fn kind_of(&self, storage: StorageType) -> ElementKind {
        match storage {
            StorageType::I8 => ElementKind::I8,
            StorageType::I16 => ElementKind::I16,
            StorageType::Val(ValType::I32) => ElementKind::I32,
            StorageType::Val(ValType::I64) => ElementKind::I64,
            StorageType::Val(ValType::F32) => ElementKind::F32,
            StorageType::Val(ValType::F64) => ElementKind::F64,
            StorageType::Val(ValType::V128) => ElementKind::V128,
            StorageType::Val(ValType::Ref(ty)) => match self.module.ref_kind(ty) {
                RefKind::Func => ElementKind::FuncRef,
                RefKind::Gc => ElementKind::Reference,
            },
        }
    }

    /// What a value of a storage type is on the operand stack.
    fn whole(&self, storage: StorageType) -> Type {
        match self.kind_of(storage) {
            ElementKind::I8 | ElementKind::I16 | ElementKind::I32 | ElementKind::Reference => I32,
            ElementKind::I64 | ElementKind::FuncRef => I64,
            ElementKind::F32 => F32,
            ElementKind::F64 => F64,
            ElementKind::V128 => I8X16,
        }
    }

    // Addresses.

    /// A field of what the store knows about its heap.
    pub(crate) fn heap_field(&mut self, field: usize) -> (Value, i32) {
        let offset = offset_of!(VMStoreContext, heap) + field;
        (self.store_context(), offset as i32)
    }

    /// Where the heap begins.
    pub(crate) fn objects_base(&mut self) -> Value {
        let (store, offset) = self.heap_field(offset_of!(VMHeap, base));
        let flags = self.readonly_flags();
        self.builder.ins().load(I64, flags, store, offset)
    }

    /// The address of an object, up to the next call.
    pub(crate) fn object_address(&mut self, reference: Value) -> Value {
        let base = self.objects_base();
        let reference = self.builder.ins().uextend(I64, reference);
        self.builder.ins().iadd(base, reference)
    }

    /// Flags of an access to an object that can't fail.
    pub(crate) fn object_flags(&mut self, region: Region) -> MemFlagsData {
        self.any_object_flags(region).with_notrap()
    }

    /// Flags of an access that faults if the reference is null.
    pub(crate) fn nullable_flags(&mut self, region: Region, null: TrapCode) -> MemFlagsData {
        self.any_object_flags(region)
            .with_trap_code(Some(trap::to_cranelift(null)))
    }

    fn any_object_flags(&mut self, region: Region) -> MemFlagsData {
        MemFlagsData::new()
            .with_endianness(Endianness::Little)
            .with_alias_region(self.region(region))
    }

    // Headers.

    /// What stands for one of the module's types.
    pub(crate) fn type_address(&mut self, ty: TypeIndex) -> Value {
        let types = self.context_constant(I64, offset_of!(VMContextHeader, types) as u32);
        let position = ty.0 as i32 * size_of::<TypeAddress>() as i32;
        let flags = self.readonly_flags();
        self.builder.ins().load(I64, flags, types, position)
    }

    fn type_base(&mut self) -> Value {
        self.context_constant(I64, offset_of!(VMContextHeader, type_base) as u32)
    }

    /// The header of objects of a type.
    pub(crate) fn header_of(&mut self, ty: TypeIndex) -> Value {
        let address = self.type_address(ty);
        let base = self.type_base();
        let header = self.builder.ins().isub(address, base);
        self.builder.ins().ireduce(I32, header)
    }

    /// What stands for the type of an object with a header.
    pub(crate) fn type_of_header(&mut self, header: Value) -> Value {
        let base = self.type_base();
        let header = self.builder.ins().uextend(I64, header);
        self.builder.ins().iadd(base, header)
    }

    // Values.

    /// Reads a value.
    pub(crate) fn load_from(
        &mut self,
        place: Place,
        storage: StorageType,
        extension: Extension,
    ) -> Value {
        let Place {
            address,
            offset,
            flags,
        } = place;
        let ty = self.whole(storage);
        let flags = aligned(flags, ty);
        let ins = self.builder.ins();
        let value = match (storage, extension) {
            (StorageType::I8, Extension::Signed) => ins.sload8(ty, flags, address, offset),
            (StorageType::I8, _) => ins.uload8(ty, flags, address, offset),
            (StorageType::I16, Extension::Signed) => ins.sload16(ty, flags, address, offset),
            (StorageType::I16, _) => ins.uload16(ty, flags, address, offset),
            (StorageType::Val(_), _) => ins.load(ty, flags, address, offset),
        };
        if self.kind_of(storage) == ElementKind::Reference {
            self.root(value);
        }
        value
    }

    /// Writes a value, in the form in which it crosses blocks.
    pub(crate) fn store_to(&mut self, place: Place, storage: StorageType, value: Value) {
        let Place {
            address,
            offset,
            flags,
        } = place;
        let flags = aligned(flags, self.whole(storage));
        let ins = self.builder.ins();
        match storage {
            StorageType::I8 => ins.istore8(flags, value, address, offset),
            StorageType::I16 => ins.istore16(flags, value, address, offset),
            StorageType::Val(_) => ins.store(flags, value, address, offset),
        };
    }

    /// The zero, or null, of a storage type.
    pub(crate) fn zero_of(&mut self, storage: StorageType) -> Value {
        let ty = self.whole(storage);
        self.zero(ty)
    }

    /// Notes that a reference was stored so many bytes from the start of the heap.
    pub(crate) fn mark_card(&mut self, at: Value) {
        let card = self.builder.ins().ushr_imm_u(at, i64::from(CARD_SHIFT));
        let card = self.object_address(card);
        let flags = self.object_flags(Region::Cards);
        let changed = self.builder.ins().iconst(I8, 1);
        let below = -(CARDS_BELOW as i64) as i32;
        self.builder.ins().store(flags, changed, card, below);
    }
}

/// Flags of an access to a value of a type: vectors lie at multiples of 8 bytes only.
fn aligned(flags: MemFlagsData, ty: Type) -> MemFlagsData {
    match ty {
        I8X16 => flags,
        _ => flags.with_aligned(),
    }
}
