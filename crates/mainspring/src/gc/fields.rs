//! Fields of objects, as the host sees them.

use crate::store::StoreOpaque;
use crate::{Result, Trap, Val, ValRaw};
use mainspring_abi::gc::ObjectHeader;
use mainspring_runtime::gc::AllocateError;
use mainspring_wasm::{StorageType, ValType};

/// The type of the values that a field takes.
fn value_type(storage: StorageType) -> ValType {
    match storage {
        StorageType::I8 | StorageType::I16 => ValType::I32,
        StorageType::Val(ty) => ty,
    }
}

/// Checks that a value is one for a field.
///
/// # Errors
/// If it is of another type, or another store, or its scope has ended.
pub(super) fn check(store: &StoreOpaque, storage: StorageType, value: &Val) -> Result<()> {
    value.ensure_of_wasm(store, value_type(storage))
}

/// The untyped form of a value that was checked, good until the next collection.
pub(super) fn raw(store: &StoreOpaque, value: &Val) -> ValRaw {
    value.raw(store).expect("checked before")
}

impl StoreOpaque {
    /// Makes an object, all zero but for its header and, if it is an array, its length. What is returned is good
    /// until the next collection.
    ///
    /// # Errors
    /// If there is no room, with a [`GcHeapOutOfMemory`](crate::GcHeapOutOfMemory), or what the limiter says; if there
    /// never can be, with [`Trap::AllocationTooLarge`].
    pub(super) fn new_object(&mut self, header: ObjectHeader, length: u32) -> Result<u32> {
        let made = self.runtime.allocate(header, length);
        made.map_err(|error| match error {
            AllocateError::TooLarge => Trap::AllocationTooLarge.into(),
            AllocateError::Error(error) => error,
        })
    }
}

/// Reads the field at a place. Packed ones come zero-extended.
pub(super) fn read(store: &mut StoreOpaque, at: u32, storage: StorageType) -> Val {
    let engine = store.engine.clone();
    let heap = store.runtime.heap_mut();
    let raw = heap.read_field(at, storage, |ty| engine.is_func_type(ty));
    // SAFETY: fields hold values of their types.
    unsafe { Val::of_raw(store, raw, value_type(storage)) }
}

/// Writes the field at a place. The value is of its type.
pub(super) fn write(store: &mut StoreOpaque, at: u32, storage: StorageType, raw: ValRaw) {
    let engine = &store.engine;
    let heap = store.runtime.heap_mut();
    heap.write_field(at, storage, raw, |ty| engine.is_func_type(ty));
}
