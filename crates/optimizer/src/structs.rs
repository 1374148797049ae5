//! Structs.

use crate::func::{Func, Region};
use crate::objects::{Extension, Place};
use cranelift_codegen::ir::{InstBuilder, Value};
use mainspring_abi::TrapCode;
use mainspring_abi::gc::is_traced;
use mainspring_wasm::{StorageType, TypeIndex};

/// Fields of the largest struct that code itself sets to zero.
const MAX_ZEROED: usize = 16;

impl Func<'_, '_> {
    pub(crate) fn struct_new(&mut self, ty: TypeIndex) {
        let count = self.fields(ty).len();
        self.settle(count);
        let values = self.stack.split_off(self.stack.len() - count);
        let object = self.allocate_struct(ty);
        self.set_fields(ty, object, &values);
        self.push(object);
    }

    pub(crate) fn struct_new_default(&mut self, ty: TypeIndex) {
        if self.fields(ty).len() > MAX_ZEROED {
            let object = self.allocate_zeroed_struct(ty);
            return self.push(object);
        }
        let object = self.allocate_struct(ty);
        let storages: Vec<_> = self.fields(ty).iter().map(|it| it.storage).collect();
        let values: Vec<_> = storages.into_iter().map(|it| self.zero_of(it)).collect();
        self.set_fields(ty, object, &values);
        self.push(object);
    }

    /// Sets the fields of a new struct.
    fn set_fields(&mut self, ty: TypeIndex, object: Value, values: &[Value]) {
        let layout = self.struct_layout(ty);
        let address = self.object_address(object);
        for (i, &value) in values.iter().enumerate() {
            let offset = layout.offsets[i];
            let place = self.new_place(address, offset, Region::Field(offset));
            let storage = self.fields(ty)[i].storage;
            self.store_to(place, storage, value);
            if layout.size > mainspring_abi::gc::MAX_INLINE {
                self.note_reference(storage, object, offset);
            }
        }
    }

    pub(crate) fn struct_get(&mut self, ty: TypeIndex, field: u32, extension: Extension) {
        let object = self.pop();
        let (place, storage) = self.field(ty, field, object);
        let value = self.load_from(place, storage, extension);
        self.push(value);
    }

    pub(crate) fn struct_set(&mut self, ty: TypeIndex, field: u32) {
        let (object, value) = self.pop2();
        let value = self.settled(value);
        let (place, storage) = self.field(ty, field, object);
        self.store_to(place, storage, value);
        self.note_reference(storage, object, place.offset as u32);
    }

    /// Where a field is, and what it holds. The access faults if the object is null.
    fn field(&mut self, ty: TypeIndex, field: u32, object: Value) -> (Place, StorageType) {
        let offset = self.struct_layout(ty).offsets[field as usize];
        let place = Place {
            address: self.object_address(object),
            offset: offset as i32,
            flags: self.nullable_flags(Region::Field(offset), TrapCode::NullReference),
        };
        (place, self.fields(ty)[field as usize].storage)
    }

    /// Notes that a field was set, if it is a reference.
    fn note_reference(&mut self, storage: StorageType, object: Value, offset: u32) {
        if is_traced(storage, |ty| self.module.is_func_type(ty)) {
            let at = self.builder.ins().iadd_imm_u(object, i64::from(offset));
            self.mark_card(at);
        }
    }
}
