//! Objects that the garbage collector manages, as generated code and the runtime see them.
//!
//! A reference is 32 bits: zero is null, an odd number is an `i31` (its bits above the lowest), and
//! anything else is where the object lies in its store's heap, a multiple of 8. The heap's
//! reservation covers every address that a reference can name, so that no reference, however it
//! came about, leads out of it.
//!
//! ```text
//! struct    0  header    4..  fields, each at a multiple of its size
//! array     0  header    4    length    8..  elements
//! exception 0  header    4    number of its tag in the store, from 1    then its values as a struct's fields
//! host's    0  header    4    number of the value
//! ```
//!
//! At null there is no accessible memory, up to the size of any struct: reading a field of a struct, the length of an
//! array or an object's header through null faults, and that fault is the trap.
//!
//! Fields lie in the order in which they are declared, so that a subtype's begin with its
//! supertype's. Nothing is aligned to more than 8 bytes.

use mainspring_wasm::{ConcreteType, FieldType, FuncType, RefKind, StorageType, ValType};

/// What objects lie at multiples of.
pub const OBJECT_ALIGNMENT: u32 = 8;
/// Where an array's length is.
pub const ARRAY_LENGTH_AT: u32 = 4;
/// Where an array's elements begin.
pub const ARRAY_ELEMENTS_AT: u32 = 8;
/// Where the number of an exception's tag is.
pub const EXCEPTION_TAG_AT: u32 = 4;

/// The first four bytes of an object: how far its type's supertype vector is from
/// [`VMContextHeader::type_base`](crate::VMContextHeader::type_base), a multiple of 8; zero for objects that stand for
/// values of the host's, where there is a vector of kind [`HOST`](mainspring_wasm::TypeAddress::HOST) and no
/// supertypes.
///
/// While the collector runs, that of an object which has moved is where it is now, with
/// [`MOVED`](Self::MOVED) set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectHeader(pub u32);

impl ObjectHeader {
    /// That of an object which stands for a value of the host's.
    pub const HOST: ObjectHeader = ObjectHeader(0);
    /// The object has moved.
    pub const MOVED: u32 = 1;
    /// The object is large and was reached in this collection.
    pub const MARKED: u32 = 2;
    /// All that says something about the collection.
    pub const FLAGS: u32 = 7;
}

/// Bytes of the largest object that code may make by itself, by moving [`VMHeap::next`]. Larger ones
/// do not lie among the young.
pub const MAX_INLINE: u32 = 32 << 10;

/// Where a store's objects are, in its context: generated code allocates by moving
/// [`next`](Self::next) up to [`limit`](Self::limit).
#[repr(C)]
#[derive(Debug)]
pub struct VMHeap {
    /// The address of offset 0.
    pub base: *mut u8,
    /// Where the next object goes.
    pub next: u32,
    /// Where there is no more room without the runtime.
    pub limit: u32,
}

/// A stretch of the heap that is noted as changed when a reference is stored in it: so many bytes, as
/// a power of two.
pub const CARD_SHIFT: u32 = 9;
/// The bytes that say which stretches were changed lie before the heap, so many bytes below
/// [`VMHeap::base`]: the one of offset `o` is `base - CARDS_BELOW + (o >> CARD_SHIFT)`.
pub const CARDS_BELOW: usize = 1 << (32 - CARD_SHIFT);

/// Of how many elements of a table a byte tells whether references in them were changed: the byte of element `i` is
/// `i >> TABLE_CARD_SHIFT` of `VMTableDefinition::cards`.
pub const TABLE_CARD: usize = 1 << TABLE_CARD_SHIFT;
/// See [`TABLE_CARD`].
pub const TABLE_CARD_SHIFT: u32 = 6;

/// Where a struct's fields are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StructLayout {
    /// Of each field, from the start of the object.
    pub offsets: Box<[u32]>,
    /// Bytes of an object, a multiple of [`OBJECT_ALIGNMENT`].
    pub size: u32,
}

impl StructLayout {
    /// Lays out exceptions with tags of a function type. The first field is the tag's number.
    pub fn of_exception(
        ty: &FuncType,
        is_func_type: impl Fn(ConcreteType) -> bool,
    ) -> StructLayout {
        let fields = exception_fields(ty).collect::<Vec<_>>();
        StructLayout::new(&fields, is_func_type)
    }

    /// Lays out a struct. `is_func_type` says whether a concrete type is a function type.
    pub fn new(fields: &[FieldType], is_func_type: impl Fn(ConcreteType) -> bool) -> StructLayout {
        let mut at = size_of::<ObjectHeader>() as u32;
        let offsets = fields.iter().map(|field| {
            let size = storage_size(field.storage, &is_func_type);
            let offset = at.next_multiple_of(size.min(OBJECT_ALIGNMENT));
            at = offset + size;
            offset
        });
        StructLayout {
            offsets: offsets.collect(),
            size: at.next_multiple_of(OBJECT_ALIGNMENT),
        }
    }
}

/// The fields of exceptions with tags of a function type, the tag's number first.
pub fn exception_fields(ty: &FuncType) -> impl Iterator<Item = FieldType> + '_ {
    let all = std::iter::once(ValType::I32).chain(ty.params.iter().copied());
    all.map(|ty| FieldType {
        storage: StorageType::Val(ty),
        mutable: false,
    })
}

/// Bytes that a field or element takes.
pub fn storage_size(storage: StorageType, is_func_type: impl Fn(ConcreteType) -> bool) -> u32 {
    match storage {
        StorageType::I8 => 1,
        StorageType::I16 => 2,
        StorageType::Val(ValType::I32 | ValType::F32) => 4,
        StorageType::Val(ValType::I64 | ValType::F64) => 8,
        StorageType::Val(ValType::V128) => 16,
        StorageType::Val(ValType::Ref(ty)) => match ty.kind(is_func_type) {
            RefKind::Func => 8,
            RefKind::Gc => 4,
        },
    }
}

/// Whether a field or element holds what the collector has to follow.
pub fn is_traced(storage: StorageType, is_func_type: impl Fn(ConcreteType) -> bool) -> bool {
    match storage {
        StorageType::Val(ValType::Ref(ty)) => ty.kind(is_func_type) == RefKind::Gc,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mainspring_wasm::RefType;

    fn layout(storages: &[StorageType]) -> StructLayout {
        let fields: Vec<FieldType> = (storages.iter())
            .map(|&storage| FieldType {
                storage,
                mutable: true,
            })
            .collect();
        StructLayout::new(&fields, |_| false)
    }

    #[test]
    fn fields_lie_at_multiples_of_their_sizes() {
        use StorageType::*;
        let found = layout(&[
            I8,
            Val(ValType::I64),
            I16,
            Val(ValType::EXTERNREF),
            Val(ValType::V128),
        ]);
        assert_eq!(*found.offsets, [4, 8, 16, 20, 24]);
        assert_eq!(found.size, 40);
        assert_eq!(layout(&[]).size, 8);
        assert_eq!(layout(&[Val(ValType::Ref(RefType::FUNCREF))]).size, 16);
    }

    #[test]
    fn a_subtypes_fields_begin_with_its_supertypes() {
        use StorageType::*;
        let all = [I8, I8, Val(ValType::F64), I16, Val(ValType::I32)];
        let whole = layout(&all);
        for len in 0..all.len() {
            assert_eq!(*layout(&all[..len]).offsets, whole.offsets[..len]);
        }
    }
}
