//! Linear memories that threads share.

use crate::types::MemoryType;
use crate::{Engine, MemoryAccessError, Result, Trap};
use mainspring_error::{Context, ensure};
use mainspring_runtime as runtime;
use std::cell::UnsafeCell;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

pub use mainspring_runtime::WaitResult;

/// A linear memory that any number of stores, on any threads, use at once. Clones are the same memory.
///
/// It never moves. Any of its bytes may change at any time, so Rust code has to access them atomically, or in other
/// ways that tolerate that.
///
/// ```
/// use mainspring::*;
///
/// let engine = Engine::new(Config::new().shared_memory(true))?;
/// let memory = SharedMemory::new(&engine, MemoryType::shared(1, 2))?;
/// let module = Module::new(&engine, r#"(module
///     (import "env" "memory" (memory 1 2 shared))
///     (func (export "count") (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))))"#)?;
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| -> Result<()> {
///             let mut store = Store::new(&engine, ());
///             let instance = Instance::new(&mut store, &module, &[memory.clone().into()])?;
///             instance.get_typed_func::<(), ()>(&mut store, "count")?.call(&mut store, ())
///         });
///     }
/// });
/// assert_eq!(memory.atomic_wait32(0, 3, None)?, WaitResult::Mismatch);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct SharedMemory {
    engine: Engine,
    memory: runtime::SharedMemory,
}

impl SharedMemory {
    /// Makes a memory. All that it may grow to is reserved at once.
    ///
    /// # Errors
    /// If the type is not shared, if shared memories are off (see [`Config::shared_memory`](crate::Config::shared_memory)),
    /// or the system has not that much.
    pub fn new(engine: &Engine, ty: MemoryType) -> Result<SharedMemory> {
        ensure!(
            ty.is_shared(),
            "shared memory must have the `shared` flag enabled on its memory type"
        );
        let settings = engine.store_settings();
        ensure!(settings.shared_memories, runtime::SharedMemoriesOff);
        let memory = runtime::SharedMemory::new(ty.to_wasm(), &settings.memory)?;
        Ok(SharedMemory::of(engine, memory))
    }

    pub(crate) fn of(engine: &Engine, memory: runtime::SharedMemory) -> SharedMemory {
        let engine = engine.clone();
        SharedMemory { engine, memory }
    }

    /// Its type.
    pub fn ty(&self) -> MemoryType {
        MemoryType::from_wasm(self.memory.ty())
    }

    /// Its size in pages.
    pub fn size(&self) -> u64 {
        self.memory.pages()
    }

    /// The size of a page in bytes.
    pub fn page_size(&self) -> u64 {
        self.memory.ty().page_size()
    }

    /// Its size in bytes.
    pub fn data_size(&self) -> usize {
        self.memory.len()
    }

    /// Its contents. What was added since by growing is not in the slice.
    pub fn data(&self) -> &[UnsafeCell<u8>] {
        let base = self.memory.base().cast_const().cast();
        // SAFETY: so many bytes are accessible as long as the memory lives, which does not move or shrink; a cell
        // promises nothing about who else writes to them.
        unsafe { std::slice::from_raw_parts(base, self.memory.len()) }
    }

    /// Copies from it, byte by byte: each is one that was there, but they may be of different times. This and
    /// [`write`](Self::write) are ours, for hosts that can do without `unsafe`.
    ///
    /// # Errors
    /// If the range is not inside.
    pub fn read(&self, offset: usize, buffer: &mut [u8]) -> Result<(), MemoryAccessError> {
        let places = self.places(offset, buffer.len())?;
        for (byte, place) in buffer.iter_mut().zip(places) {
            *byte = place.load(Ordering::Relaxed);
        }
        Ok(())
    }

    /// Copies into it, byte by byte: others may see some of them before the rest.
    ///
    /// # Errors
    /// If the range is not inside; nothing is written then.
    pub fn write(&self, offset: usize, buffer: &[u8]) -> Result<(), MemoryAccessError> {
        let places = self.places(offset, buffer.len())?;
        for (byte, place) in buffer.iter().zip(places) {
            place.store(*byte, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Bytes of it, to be accessed as other threads access them.
    fn places(&self, offset: usize, length: usize) -> Result<&[AtomicU8], MemoryAccessError> {
        let end = offset.checked_add(length);
        let cells = end.and_then(|end| self.data().get(offset..end));
        let cells = cells.ok_or(MemoryAccessError::new())?;
        // SAFETY: an atomic byte has the layout of a cell of a byte, and all who access these, wasm included, do so
        // as if atomically.
        Ok(unsafe { std::slice::from_raw_parts(cells.as_ptr().cast(), cells.len()) })
    }

    /// Grows it by `delta` pages and returns its size before. Limiters of stores are not asked, as they are where
    /// wasm grows it.
    ///
    /// # Errors
    /// If that is above its maximum, or the system has not that much.
    pub fn grow(&self, delta: u64) -> Result<u64> {
        self.memory
            .grow(delta)
            .with_context(|| format!("failed to grow memory by `{delta}`"))
    }

    /// Wakes up to `count` threads that wait at an address, and returns how many: the instruction `memory.atomic.notify`.
    ///
    /// # Errors
    /// As the instruction traps: if the address is not a multiple of 4, or outside.
    pub fn atomic_notify(&self, address: u64, count: u32) -> Result<u32, Trap> {
        self.memory.notify(address, count).map_err(Trap::from)
    }

    /// Waits to be notified, if 4 bytes at an address are what is expected: the instruction `memory.atomic.wait32`. Without a
    /// timeout it may wait for ever.
    ///
    /// # Errors
    /// As the instruction traps: if the address is not a multiple of 4, or outside.
    pub fn atomic_wait32(
        &self,
        address: u64,
        expected: u32,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        let waited = self.memory.wait32(address, expected, timeout);
        waited.map_err(Trap::from)
    }

    /// Waits to be notified, if 8 bytes at an address are what is expected: the instruction `memory.atomic.wait64`. Without a
    /// timeout it may wait for ever.
    ///
    /// # Errors
    /// As the instruction traps: if the address is not a multiple of 8, or outside.
    pub fn atomic_wait64(
        &self,
        address: u64,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        let waited = self.memory.wait64(address, expected, timeout);
        waited.map_err(Trap::from)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn runtime(&self) -> &runtime::SharedMemory {
        &self.memory
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory").finish_non_exhaustive()
    }
}
