//! Linear memories.

use crate::Result;
use crate::store::{AsContext, AsContextMut, StoreContext, StoreContextMut, StoreOpaque};
use crate::types::MemoryType;
use mainspring_error::Context;
use mainspring_runtime::{MemoryId, StoreId};
use std::fmt;

/// A linear memory of a store.
///
/// ```
/// use mainspring::*;
///
/// let mut store = Store::<()>::default();
/// let memory = Memory::new(&mut store, MemoryType::new(1, Some(2)))?;
/// memory.write(&mut store, 10, b"abc")?;
/// assert_eq!(&memory.data(&store)[10..13], b"abc");
/// assert_eq!(memory.grow(&mut store, 1)?, 1);
/// assert!(memory.grow(&mut store, 1).is_err());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Memory {
    store: StoreId,
    id: MemoryId,
}

/// An access outside of a memory.
#[derive(Debug)]
#[non_exhaustive]
pub struct MemoryAccessError {
    _private: (),
}

impl MemoryAccessError {
    pub(crate) fn new() -> MemoryAccessError {
        MemoryAccessError { _private: () }
    }
}

impl fmt::Display for MemoryAccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of bounds memory access")
    }
}

impl std::error::Error for MemoryAccessError {}

impl Memory {
    /// Makes a memory.
    ///
    /// # Errors
    /// If a limit of the store is reached, the system has not that much, or the type is shared: then use
    /// [`SharedMemory`](crate::SharedMemory).
    pub fn new(store: impl AsContextMut, ty: MemoryType) -> Result<Memory> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let id = store.runtime.new_memory(ty.to_wasm())?;
        Ok(Memory::from_id(store, id))
    }

    /// Its type.
    ///
    /// # Panics
    /// As all methods do, if it is of another store.
    pub fn ty(&self, store: impl AsContext) -> MemoryType {
        let store = store.as_context();
        store.0.opaque.check(self.store);
        self.ty_in(&store.0.opaque)
    }

    pub(crate) fn ty_in(&self, store: &StoreOpaque) -> MemoryType {
        MemoryType::from_wasm(store.runtime.memory(self.id).ty())
    }

    pub(crate) fn size_in(&self, store: &StoreOpaque) -> u64 {
        store.runtime.memory(self.id).pages()
    }

    /// Copies from it.
    ///
    /// # Errors
    /// If the range is not inside.
    pub fn read(
        &self,
        store: impl AsContext,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<(), MemoryAccessError> {
        let store = store.as_context();
        let data = self.data(&store);
        let end = offset.checked_add(buffer.len());
        let slice = end
            .and_then(|end| data.get(offset..end))
            .ok_or(MemoryAccessError::new())?;
        buffer.copy_from_slice(slice);
        Ok(())
    }

    /// Copies into it.
    ///
    /// # Errors
    /// If the range is not inside; nothing is written then.
    pub fn write(
        &self,
        store: impl AsContextMut,
        offset: usize,
        buffer: &[u8],
    ) -> Result<(), MemoryAccessError> {
        let mut store = store;
        let mut store = store.as_context_mut();
        let data = self.data_mut(&mut store);
        let end = offset.checked_add(buffer.len());
        let slice = end
            .and_then(|end| data.get_mut(offset..end))
            .ok_or(MemoryAccessError::new())?;
        slice.copy_from_slice(buffer);
        Ok(())
    }

    /// Its contents. The borrow keeps wasm from running and the memory from moving.
    pub fn data<'a, T: 'static>(&self, store: impl Into<StoreContext<'a, T>>) -> &'a [u8] {
        let store = store.into();
        store.0.opaque.check(self.store);
        store.0.opaque.runtime.memory(self.id).data()
    }

    /// Its contents, to change.
    pub fn data_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> &'a mut [u8] {
        self.data_and_store_mut(store).0
    }

    /// Its contents and the embedder's data, both to change.
    pub fn data_and_store_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> (&'a mut [u8], &'a mut T) {
        let store = store.into();
        store.0.opaque.check(self.store);
        (
            store.0.opaque.runtime.memory_mut(self.id).data_mut(),
            &mut store.0.data,
        )
    }

    /// The address of byte 0. It changes when the memory moves.
    pub fn data_ptr(&self, store: impl AsContext) -> *mut u8 {
        let store = store.as_context();
        store.0.opaque.check(self.store);
        store.0.opaque.runtime.memory(self.id).base()
    }

    /// Its size in bytes.
    pub fn data_size(&self, store: impl AsContext) -> usize {
        let store = store.as_context();
        store.0.opaque.check(self.store);
        store.0.opaque.runtime.memory(self.id).len()
    }

    /// Its size in pages.
    pub fn size(&self, store: impl AsContext) -> u64 {
        let store = store.as_context();
        store.0.opaque.check(self.store);
        self.size_in(&store.0.opaque)
    }

    /// The size of a page in bytes.
    pub fn page_size(&self, store: impl AsContext) -> u64 {
        self.ty(store).page_size()
    }

    /// The size of a page as a power of two.
    pub fn page_size_log2(&self, store: impl AsContext) -> u8 {
        self.ty(store).page_size_log2()
    }

    /// Grows it by `delta` pages and returns its size before.
    ///
    /// # Errors
    /// If its type, a limit of the store, or the system says no.
    pub fn grow(&self, store: impl AsContextMut, delta: u64) -> Result<u64> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(self.store);
        store
            .runtime
            .grow_memory(self.id, delta)?
            .with_context(|| format!("failed to grow memory by `{delta}`"))
    }

    pub(crate) fn from_id(store: &StoreOpaque, id: MemoryId) -> Memory {
        Memory {
            store: store.id(),
            id,
        }
    }

    /// A number that no other memory of the store has.
    pub fn debug_index_in_store(&self) -> u64 {
        self.id.0.into()
    }

    pub(crate) fn id(&self) -> MemoryId {
        self.id
    }

    pub(crate) fn store_id(&self) -> StoreId {
        self.store
    }
}
