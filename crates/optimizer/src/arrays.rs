//! Arrays. Ranges of elements are the runtime's business, which also checks them.

use crate::allocate::Filling;
use crate::func::{Func, Region};
use crate::objects::{ElementKind, Extension, Place};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{InstBuilder, Value};
use mainspring_abi::gc::{ARRAY_ELEMENTS_AT, ARRAY_LENGTH_AT};
use mainspring_abi::{Builtin, TrapCode};
use mainspring_wasm::{StorageType, TypeIndex};

impl Func<'_, '_> {
    pub(crate) fn array_new(&mut self, ty: TypeIndex) {
        let (value, length) = self.pop2();
        let value = self.settled(value);
        let array = self.allocate_array(ty, length, Filling::Of(value));
        self.push(array);
    }

    pub(crate) fn array_new_default(&mut self, ty: TypeIndex) {
        let length = self.pop();
        let array = self.allocate_array(ty, length, Filling::Zeros);
        self.push(array);
    }

    pub(crate) fn array_new_fixed(&mut self, ty: TypeIndex, count: u32) {
        self.settle(count as usize);
        let values = self.stack.split_off(self.stack.len() - count as usize);
        let (array, young) = self.allocate_fixed_array(ty, count);
        let element = self.element(ty);
        let kind = self.kind_of(element);
        let bytes = self.storage_size(element);
        let address = self.object_address(array);
        for (i, value) in values.into_iter().enumerate() {
            let offset = ARRAY_ELEMENTS_AT + i as u32 * bytes;
            let place = self.new_place(address, offset, Region::Elements(kind));
            self.store_to(place, element, value);
            if !young && kind == ElementKind::Reference {
                let at = self.builder.ins().iadd_imm_u(array, i64::from(offset));
                self.mark_card(at);
            }
        }
        self.push(array);
    }

    /// An array of a part of a data or element segment.
    pub(crate) fn array_new_from(&mut self, builtin: Builtin, ty: TypeIndex, segment: u32) {
        let (from, count) = self.pop2();
        let (number, segment) = (self.iconst32(ty.0), self.iconst32(segment));
        let array = self.call_builtin(builtin, &[number, segment, from, count]);
        let array = array.expect("the builtin has a result");
        self.root(array);
        self.push(array);
    }

    /// Sets elements to a part of a data or element segment.
    pub(crate) fn array_init_from(&mut self, builtin: Builtin, segment: u32) {
        let (to, from, count) = self.pop3();
        let array = self.pop();
        let segment = self.iconst32(segment);
        self.call_builtin(builtin, &[array, segment, to, from, count]);
    }

    pub(crate) fn array_get(&mut self, ty: TypeIndex, extension: Extension) {
        let (array, index) = self.pop2();
        let (place, element) = self.element_place(ty, array, index);
        let value = self.load_from(place, element, extension);
        self.push(value);
    }

    pub(crate) fn array_set(&mut self, ty: TypeIndex) {
        let (array, index, value) = self.pop3();
        let value = self.settled(value);
        let (place, element) = self.element_place(ty, array, index);
        self.store_to(place, element, value);
        if self.kind_of(element) == ElementKind::Reference {
            let bytes = self.storage_size(element);
            let at = self.bytes_of(index, bytes);
            let at = self.builder.ins().iadd(array, at);
            let first = i64::from(ARRAY_ELEMENTS_AT);
            let at = self.builder.ins().iadd_imm_u(at, first);
            self.mark_card(at);
        }
    }

    pub(crate) fn array_len(&mut self) {
        let array = self.pop();
        let length = self.array_length(array);
        self.push(length);
    }

    pub(crate) fn array_fill(&mut self) {
        let (at, value, count) = self.pop3();
        let array = self.pop();
        self.fill_outside(array, at, value, count);
    }

    pub(crate) fn array_copy(&mut self) {
        let (from_array, from, count) = self.pop3();
        let (to_array, to) = self.pop2();
        let args = [to_array, to, from_array, from, count];
        self.call_builtin(Builtin::ArrayCopy, &args);
    }

    /// The length of an array that may be null, which traps then.
    fn array_length(&mut self, array: Value) -> Value {
        let address = self.object_address(array);
        let flags = self.nullable_flags(Region::Lengths, TrapCode::NullReference);
        let at = ARRAY_LENGTH_AT as i32;
        self.builder.ins().load(I32, flags, address, at)
    }

    /// Where an element is, and how it is stored, with its index checked.
    fn element_place(&mut self, ty: TypeIndex, array: Value, index: Value) -> (Place, StorageType) {
        let element = self.element(ty);
        let length = self.array_length(array);
        let out_of_bounds =
            self.builder
                .ins()
                .icmp(IntCC::UnsignedGreaterThanOrEqual, index, length);
        let bytes = self.storage_size(element);
        let index = self.builder.ins().uextend(I64, index);
        let index = self.bytes_of(index, bytes);
        let address = self.object_address(array);
        let address = self.builder.ins().iadd(address, index);
        let region = Region::Elements(self.kind_of(element));
        let trap = TrapCode::ArrayOutOfBounds;
        let (address, flags) = self.guard_address(out_of_bounds, address, trap, region);
        let place = Place {
            address,
            offset: ARRAY_ELEMENTS_AT as i32,
            flags,
        };
        (place, element)
    }
}
