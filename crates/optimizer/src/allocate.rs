//! Room for new objects: taken from the heap where there is some, by the runtime where there is none.

use crate::func::{Func, Region};
use crate::objects::{ElementKind, Place};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Value};
use mainspring_abi::Builtin;
use mainspring_abi::gc::{
    ARRAY_ELEMENTS_AT, ARRAY_LENGTH_AT, EXCEPTION_TAG_AT, MAX_INLINE, OBJECT_ALIGNMENT, VMHeap,
};
use mainspring_wasm::{StorageType, TagIndex, TypeIndex};
use std::mem::offset_of;

/// Bytes of the largest array of a length that is not known which code itself fills, in a loop.
const MAX_FILLED: u32 = 512;

/// What a new array is filled with.
#[derive(Clone, Copy)]
pub(crate) enum Filling {
    Zeros,
    /// A value, as it is on the operand stack.
    Of(Value),
}

/// Room that may be there.
struct Room {
    /// Where the object would be, and where the next one: bytes from the heap's start, 64 bits.
    start: Value,
    end: Value,
    /// Whether there is no room.
    full: Value,
}

/// The two ways to an object, which meet in `done`.
struct Ways {
    slow: Block,
    done: Block,
    reference: Value,
}

impl Func<'_, '_> {
    /// A new struct, whose fields must be set before anything else happens.
    pub(crate) fn allocate_struct(&mut self, ty: TypeIndex) -> Value {
        let size = self.struct_layout(ty).size;
        if size > MAX_INLINE {
            return self.allocate_zeroed_struct(ty);
        }
        let bytes = self.builder.ins().iconst(I64, i64::from(size));
        let room = self.room(bytes);
        let ways = self.fork(room.full);
        self.take(&room, ty);
        self.join(&room, ways, |this| this.allocate_zeroed_struct(ty))
    }

    /// A new struct of zeros, from the runtime.
    pub(crate) fn allocate_zeroed_struct(&mut self, ty: TypeIndex) -> Value {
        let number = self.iconst32(ty.0);
        self.allocate_outside(Builtin::StructNew, &[number])
    }

    /// A new exception of a size, whose values must be set before anything else happens.
    pub(crate) fn allocate_exception(&mut self, tag: TagIndex, size: u32) -> Value {
        let bytes = self.builder.ins().iconst(I64, i64::from(size));
        let room = self.room(bytes);
        let ways = self.fork(room.full);
        let object = self.take(&room, self.module.tags[tag.index()]);
        let number = self.tag_number(tag);
        let flags = self.object_flags(Region::Exceptions);
        let at = EXCEPTION_TAG_AT as i32;
        self.builder.ins().store(flags, number, object, at);
        self.join(&room, ways, |this| {
            let number = this.iconst32(tag.0);
            this.allocate_outside(Builtin::ExceptionNew, &[number])
        })
    }

    /// A new array of a known length, whose elements must be set before anything else happens. Says whether it is
    /// certain to be among the young.
    pub(crate) fn allocate_fixed_array(&mut self, ty: TypeIndex, length: u32) -> (Value, bool) {
        let element = u64::from(self.storage_size(self.element(ty)));
        let size = u64::from(ARRAY_ELEMENTS_AT) + u64::from(length) * element;
        let size = size.next_multiple_of(u64::from(OBJECT_ALIGNMENT));
        let args = [self.iconst32(ty.0), self.iconst32(length)];
        if size > u64::from(MAX_INLINE) {
            return (self.allocate_outside(Builtin::ArrayNew, &args), false);
        }
        let bytes = self.builder.ins().iconst(I64, size as i64);
        let room = self.room(bytes);
        let ways = self.fork(room.full);
        let object = self.take(&room, ty);
        self.set_length(object, args[1]);
        let reference = self.join(&room, ways, |this| {
            this.allocate_outside(Builtin::ArrayNew, &args)
        });
        (reference, true)
    }

    /// A new array of any length, filled.
    pub(crate) fn allocate_array(
        &mut self,
        ty: TypeIndex,
        length: Value,
        filling: Filling,
    ) -> Value {
        let element = self.element(ty);
        let element_bytes = self.storage_size(element);
        let longest = i64::from((MAX_FILLED - ARRAY_ELEMENTS_AT) / element_bytes);
        let length64 = self.builder.ins().uextend(I64, length);
        let size = self.bytes_of(length64, element_bytes);
        let mask = i64::from(OBJECT_ALIGNMENT - 1);
        let size = self
            .builder
            .ins()
            .iadd_imm_s(size, i64::from(ARRAY_ELEMENTS_AT) + mask);
        let size = self.builder.ins().band_imm_s(size, !mask);
        let room = self.room(size);
        let too_long = self
            .builder
            .ins()
            .icmp_imm_u(IntCC::UnsignedGreaterThan, length, longest);
        let slow = self.builder.ins().bor(too_long, room.full);
        let ways = self.fork(slow);
        let object = self.take(&room, ty);
        self.set_length(object, length);
        self.fill(&room, object, element, filling);
        self.join(&room, ways, |this| {
            let number = this.iconst32(ty.0);
            let array = this.allocate_outside(Builtin::ArrayNew, &[number, length]);
            if let Filling::Of(value) = filling {
                let zero = this.iconst32(0);
                this.fill_outside(array, zero, value, length);
            }
            array
        })
    }

    /// So many times a number of bytes.
    pub(crate) fn bytes_of(&mut self, count: Value, bytes: u32) -> Value {
        let shift = i64::from(bytes.ilog2());
        self.builder.ins().ishl_imm_u(count, shift)
    }

    fn allocate_outside(&mut self, builtin: Builtin, args: &[Value]) -> Value {
        let reference = self.call_builtin(builtin, args);
        let reference = reference.expect("the builtin has a result");
        self.root(reference);
        reference
    }

    /// Looks whether there is room for an object of a size, 64 bits.
    fn room(&mut self, size: Value) -> Room {
        let flags = self.object_flags(Region::Heap);
        let (store, next) = self.heap_field(offset_of!(VMHeap, next));
        let (_, limit) = self.heap_field(offset_of!(VMHeap, limit));
        let start = self.builder.ins().load(I32, flags, store, next);
        let start = self.builder.ins().uextend(I64, start);
        let end = self.builder.ins().iadd(start, size);
        let limit = self.builder.ins().load(I32, flags, store, limit);
        let limit = self.builder.ins().uextend(I64, limit);
        let full = self
            .builder
            .ins()
            .icmp(IntCC::UnsignedGreaterThan, end, limit);
        Room { start, end, full }
    }

    /// Goes on where there is room.
    fn fork(&mut self, is_slow: Value) -> Ways {
        let slow = self.builder.create_block();
        let fast = self.builder.create_block();
        let done = self.builder.create_block();
        let reference = self.builder.append_block_param(done, I32);
        self.root(reference);
        self.builder.set_cold_block(slow);
        self.builder.ins().brif(is_slow, slow, &[], fast, &[]);
        self.builder.seal_block(slow);
        self.builder.seal_block(fast);
        self.builder.switch_to_block(fast);
        Ways {
            slow,
            done,
            reference,
        }
    }

    /// Takes the room for an object of a type. Returns its address.
    fn take(&mut self, room: &Room, ty: TypeIndex) -> Value {
        let flags = self.object_flags(Region::Heap);
        let (store, next) = self.heap_field(offset_of!(VMHeap, next));
        let end = self.builder.ins().ireduce(I32, room.end);
        self.builder.ins().store(flags, end, store, next);
        let base = self.objects_base();
        let object = self.builder.ins().iadd(base, room.start);
        let header = self.header_of(ty);
        let flags = self.object_flags(Region::Headers);
        self.builder.ins().store(flags, header, object, 0);
        object
    }

    fn set_length(&mut self, object: Value, length: Value) {
        let flags = self.object_flags(Region::Lengths);
        let at = ARRAY_LENGTH_AT as i32;
        self.builder.ins().store(flags, length, object, at);
    }

    /// Ends the way where there was room, has the other one take what `slow` makes, and goes on with either.
    fn join(&mut self, room: &Room, ways: Ways, slow: impl FnOnce(&mut Self) -> Value) -> Value {
        let reference = self.builder.ins().ireduce(I32, room.start);
        let args = [BlockArg::Value(reference)];
        self.builder.ins().jump(ways.done, &args);
        self.builder.switch_to_block(ways.slow);
        let args = [BlockArg::Value(slow(self))];
        self.builder.ins().jump(ways.done, &args);
        self.builder.seal_block(ways.done);
        self.builder.switch_to_block(ways.done);
        ways.reference
    }

    /// Fills the elements of an array, up to where the next object is.
    fn fill(&mut self, room: &Room, object: Value, element: StorageType, filling: Filling) {
        let value = match filling {
            Filling::Zeros => self.builder.ins().iconst(I64, 0),
            Filling::Of(value) => self.repeated(element, value),
        };
        let step = i64::from(self.type_of(value).bytes());
        let kind = self.kind_of(element);
        let flags = self.object_flags(Region::Elements(kind));
        let base = self.objects_base();
        let end = self.builder.ins().iadd(base, room.end);
        let first = i64::from(ARRAY_ELEMENTS_AT);
        let first = self.builder.ins().iadd_imm_s(object, first);

        let header = self.builder.create_block();
        let body = self.builder.create_block();
        let after = self.builder.create_block();
        let at = self.builder.append_block_param(header, I64);
        self.builder.ins().jump(header, &[BlockArg::Value(first)]);
        self.builder.switch_to_block(header);
        let more = self.builder.ins().icmp(IntCC::UnsignedLessThan, at, end);
        self.builder.ins().brif(more, body, &[], after, &[]);
        self.builder.seal_block(body);
        self.builder.switch_to_block(body);
        self.builder.ins().store(flags, value, at, 0);
        let next = self.builder.ins().iadd_imm_s(at, step);
        self.builder.ins().jump(header, &[BlockArg::Value(next)]);
        self.builder.seal_block(header);
        self.builder.seal_block(after);
        self.builder.switch_to_block(after);
    }

    /// An element's value as often as it goes into 8 bytes, or the value itself if it is larger.
    fn repeated(&mut self, element: StorageType, value: Value) -> Value {
        let kind = self.kind_of(element);
        if kind == ElementKind::V128 {
            return value;
        }
        let bits = self.bits_of(value);
        let (mask, factor) = match kind {
            ElementKind::I8 => (0xff, 0x0101_0101_0101_0101),
            ElementKind::I16 => (0xffff, 0x0001_0001_0001_0001),
            ElementKind::I32 | ElementKind::F32 | ElementKind::Reference => {
                let upper = self.builder.ins().ishl_imm_u(bits, 32);
                return self.builder.ins().bor(bits, upper);
            }
            _ => return bits,
        };
        let bits = self.builder.ins().band_imm_s(bits, mask);
        self.builder.ins().imul_imm_s(bits, factor)
    }

    /// The bits of a value, in the lower part of 64.
    fn bits_of(&mut self, value: Value) -> Value {
        let ty = self.type_of(value);
        let flags = self.bits_flags();
        if ty.is_float() {
            let bits = self.builder.ins().bitcast(ty.as_int(), flags, value);
            return self.widen(bits);
        }
        self.widen(value)
    }

    /// Has the runtime fill a part of an array.
    pub(crate) fn fill_outside(&mut self, array: Value, at: Value, value: Value, count: Value) {
        let (lower, upper) = if self.type_of(value).is_vector() {
            let flags = self.bits_flags();
            let i64x2 = I64.by(2).expect("there are vectors of two lanes");
            let lanes = self.builder.ins().bitcast(i64x2, flags, value);
            let lower = self.builder.ins().extractlane(lanes, 0);
            (lower, self.builder.ins().extractlane(lanes, 1))
        } else {
            (self.bits_of(value), self.builder.ins().iconst(I64, 0))
        };
        let args = [array, at, lower, upper, count];
        self.call_builtin(Builtin::ArrayFill, &args);
    }

    /// A place in a new object.
    pub(crate) fn new_place(&mut self, address: Value, offset: u32, region: Region) -> Place {
        Place {
            address,
            offset: offset as i32,
            flags: self.object_flags(region),
        }
    }
}
