//! Linear memories that threads share.
//!
//! A shared memory belongs to no store: whoever has a handle keeps it. All the address space it may ever need is
//! reserved when it is made, so it never moves. It grows under a lock: pages become accessible
//! first, then the new size is published. Threads that run code in it meanwhile see one size or the
//! other.
//!
//! Its bytes may change at any time, so they are only reached by raw pointers and atomic operations,
//! never by references to them.

use crate::memory::{MemoryInstance, Space, bytes_of, in_bounds};
use crate::module::MemoryImage;
use mainspring_abi::{MemoryPlan, MemorySettings, TrapCode, VMMemoryDefinition};
use mainspring_error::{Context, Result, ensure};
use mainspring_wasm::MemoryType;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The configuration has no shared memories made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedMemoriesOff;

impl fmt::Display for SharedMemoriesOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the creation of shared memories is switched off; see `Config::shared_memory`")
    }
}

impl std::error::Error for SharedMemoriesOff {}

/// A handle of a shared memory.
#[derive(Clone, Debug)]
pub struct SharedMemory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ty: MemoryType,
    space: Space,
    definition: NonNull<VMMemoryDefinition>,
    growing: Mutex<()>,
    waiters: Waiters,
}

// SAFETY: the definition is this object's own. Its base never changes, and its length only by an atomic store.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw`, and code that reads it runs in instances that keep a handle.
        drop(unsafe { Box::from_raw(self.definition.as_ptr()) });
    }
}

/// How waiting ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitResult {
    /// Another thread notified this one.
    Ok = 0,
    /// The memory did not hold what was expected, so there was no waiting.
    Mismatch = 1,
    /// Nobody did within the time.
    TimedOut = 2,
}

impl SharedMemory {
    /// Makes a memory of a shared type.
    ///
    /// # Errors
    /// If the type is not shared or has no maximum, or the system has not that much.
    pub fn new(ty: MemoryType, settings: &MemorySettings) -> Result<SharedMemory> {
        SharedMemory::with_image(ty, settings, None)
    }

    pub(crate) fn with_image(
        ty: MemoryType,
        settings: &MemorySettings,
        image: Option<&MemoryImage>,
    ) -> Result<SharedMemory> {
        ensure!(ty.shared, "a shared memory must have a shared memory type");
        ensure!(
            ty.maximum.is_some(),
            "shared memories must have a maximum size"
        );
        let plan = MemoryPlan::new(&ty, settings);
        let size = bytes_of(&ty, ty.minimum)
            .context("the memory's initial size does not fit in the address space")?;
        let most = bytes_of(&ty, ty.maximum_pages())
            .context("the memory's maximum size does not fit in the address space")?;
        let space = Space::reserve(&plan, settings, most)?;
        space.commit(0..size)?;
        if let Some(image) = image {
            space.map_image(image)?;
        }
        let definition = Box::into_raw(Box::new(VMMemoryDefinition {
            base: space.base(),
            length: size,
        }));
        Ok(SharedMemory(Arc::new(Inner {
            ty,
            space,
            definition: NonNull::new(definition).expect("boxes are not null"),
            growing: Mutex::new(()),
            waiters: Waiters::default(),
        })))
    }

    /// Its type as declared.
    pub fn ty(&self) -> &MemoryType {
        &self.0.ty
    }

    /// Where generated code finds it.
    pub fn definition(&self) -> NonNull<VMMemoryDefinition> {
        self.0.definition
    }

    /// Whether an address is one of its address space, guards included.
    pub(crate) fn reserves(&self, address: usize) -> bool {
        self.0.space.reserves(address)
    }

    /// The address of byte 0.
    pub fn base(&self) -> *mut u8 {
        self.0.space.base()
    }

    /// Accessible bytes.
    pub fn len(&self) -> usize {
        // SAFETY: the definition lives as long as the memory.
        unsafe { MemoryInstance::length(self.0.definition) }.load(Ordering::SeqCst)
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its size in pages.
    pub fn pages(&self) -> u64 {
        self.len() as u64 >> self.0.ty.page_size_log2
    }

    /// Grows it by `delta` pages. Returns its size in pages before.
    ///
    /// # Errors
    /// If that is above its maximum, or the system has not that much.
    pub fn grow(&self, delta: u64) -> Result<u64> {
        let _growing = lock(&self.0.growing);
        let (ty, old) = (&self.0.ty, self.pages());
        let pages = old.checked_add(delta);
        let pages = pages
            .filter(|&pages| pages <= ty.maximum_pages())
            .context("Memory maximum size exceeded")?;
        let size = bytes_of(ty, pages).context("Memory maximum size exceeded")?;
        self.0.space.commit(self.len()..size)?;
        // SAFETY: the definition lives as long as the memory.
        unsafe { MemoryInstance::length(self.0.definition) }.store(size, Ordering::SeqCst);
        Ok(old)
    }

    /// Whether both are handles of the same memory.
    pub fn same(a: &SharedMemory, b: &SharedMemory) -> bool {
        Arc::ptr_eq(&a.0, &b.0)
    }

    /// Wakes up to `count` threads that wait at an address, those that have waited longest first. Returns how many.
    ///
    /// # Errors
    /// If the address is not a multiple of 4, or 4 bytes there are not inside.
    pub fn notify(&self, address: u64, count: u32) -> Result<u32, TrapCode> {
        check(address, 4, self.len())?;
        Ok(self.0.waiters.notify(address, count))
    }

    /// Waits at an address as long as nobody notifies, if 4 bytes there are what is expected.
    ///
    /// # Errors
    /// If the address is not a multiple of 4, or 4 bytes there are not inside.
    pub fn wait32(
        &self,
        address: u64,
        expected: u32,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, TrapCode> {
        check(address, 4, self.len())?;
        // SAFETY: inside and aligned, as just checked; nothing but atomic and raw accesses touch the bytes.
        let place = unsafe { AtomicU32::from_ptr(self.base().add(address as usize).cast()) };
        let matches = || place.load(Ordering::SeqCst) == expected;
        Ok(self.0.waiters.wait(address, timeout, matches))
    }

    /// Waits at an address as long as nobody notifies, if 8 bytes there are what is expected.
    ///
    /// # Errors
    /// If the address is not a multiple of 8, or 8 bytes there are not inside.
    pub fn wait64(
        &self,
        address: u64,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, TrapCode> {
        check(address, 8, self.len())?;
        // SAFETY: as in `wait32`.
        let place = unsafe { AtomicU64::from_ptr(self.base().add(address as usize).cast()) };
        let matches = || place.load(Ordering::SeqCst) == expected;
        Ok(self.0.waiters.wait(address, timeout, matches))
    }
}

/// Whether an atomic operation may be at an address.
pub(crate) fn check(address: u64, size: u64, len: usize) -> Result<(), TrapCode> {
    if !address.is_multiple_of(size) {
        return Err(TrapCode::HeapMisaligned);
    }
    match in_bounds(address, size, len) {
        true => Ok(()),
        false => Err(TrapCode::MemoryOutOfBounds),
    }
}

/// The threads that wait, by address, in the order in which they came.
#[derive(Debug, Default)]
struct Waiters(Mutex<HashMap<u64, VecDeque<Arc<Waiter>>>>);

/// A thread that waits.
#[derive(Debug, Default)]
struct Waiter {
    /// Set with the queues locked, by whoever takes it out of them.
    notified: AtomicBool,
    wake: Condvar,
}

impl Waiters {
    /// What is expected is looked at with the queues locked: who changes it and notifies then finds this
    /// thread there, or changed it before.
    fn wait(
        &self,
        address: u64,
        timeout: Option<Duration>,
        matches: impl FnOnce() -> bool,
    ) -> WaitResult {
        // A time that can't be told is never.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut queues = lock(&self.0);
        if !matches() {
            return WaitResult::Mismatch;
        }
        let waiter = Arc::new(Waiter::default());
        queues.entry(address).or_default().push_back(waiter.clone());
        loop {
            if waiter.notified.load(Ordering::Relaxed) {
                return WaitResult::Ok;
            }
            let Some(deadline) = deadline else {
                let woken = waiter.wake.wait(queues);
                queues = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let queue = queues.entry(address).or_default();
                queue.retain(|other| !Arc::ptr_eq(other, &waiter));
                if queue.is_empty() {
                    queues.remove(&address);
                }
                return WaitResult::TimedOut;
            }
            let woken = waiter.wake.wait_timeout(queues, left);
            queues = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn notify(&self, address: u64, count: u32) -> u32 {
        let mut queues = lock(&self.0);
        let Some(queue) = queues.get_mut(&address) else {
            return 0;
        };
        let count = queue.len().min(count as usize);
        for waiter in queue.drain(..count) {
            waiter.notified.store(true, Ordering::Relaxed);
            waiter.wake.notify_one();
        }
        if queue.is_empty() {
            queues.remove(&address);
        }
        count as u32
    }
}

/// Nothing here leaves what a lock protects half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn shared(minimum: u64, maximum: u64) -> SharedMemory {
        let ty = MemoryType {
            memory64: false,
            shared: true,
            minimum,
            maximum: Some(maximum),
            page_size_log2: 16,
        };
        SharedMemory::new(ty, &MemorySettings::default()).expect("a small memory")
    }

    #[test]
    fn grows_up_to_its_maximum_and_stays_where_it_is() {
        let memory = shared(1, 3);
        let base = memory.base();
        assert_eq!(memory.grow(2).unwrap(), 1);
        assert_eq!((memory.pages(), memory.base()), (3, base));
        assert!(memory.grow(1).is_err());
        assert!(memory.grow(u64::MAX).is_err());
        assert_eq!(memory.grow(0).unwrap(), 3);
    }

    #[test]
    fn threads_that_grow_at_once_each_add_their_pages() {
        let memory = shared(0, 1000);
        let mut before: Vec<u64> = thread::scope(|scope| {
            let grow = || (0..250).map(|_| memory.grow(1).unwrap()).collect();
            let all: Vec<_> = (0..4).map(|_| scope.spawn(grow)).collect();
            let all = all.into_iter();
            all.flat_map(|thread| -> Vec<u64> { thread.join().unwrap() })
                .collect()
        });
        before.sort_unstable();
        assert!(before.into_iter().eq(0..1000));
    }

    #[test]
    fn waiting_checks_its_address_and_what_is_there() {
        let memory = shared(1, 1);
        let soon = Some(Duration::from_millis(1));
        assert_eq!(memory.wait32(2, 0, soon), Err(TrapCode::HeapMisaligned));
        assert_eq!(memory.wait64(4, 0, soon), Err(TrapCode::HeapMisaligned));
        assert_eq!(
            memory.wait32(65_536, 0, soon),
            Err(TrapCode::MemoryOutOfBounds)
        );
        assert_eq!(
            memory.notify(u64::MAX - 3, 1),
            Err(TrapCode::MemoryOutOfBounds)
        );
        assert_eq!(memory.wait32(0, 7, None), Ok(WaitResult::Mismatch));
        assert_eq!(memory.wait64(8, 0, soon), Ok(WaitResult::TimedOut));
        assert_eq!(memory.notify(8, 1), Ok(0));
    }

    #[test]
    fn notify_wakes_as_many_as_it_says() {
        let memory = shared(1, 1);
        thread::scope(|scope| {
            let wait = || memory.wait32(64, 0, Some(Duration::from_secs(60)));
            let all: Vec<_> = (0..3).map(|_| scope.spawn(wait)).collect();
            let mut woken = 0;
            while woken < 3 {
                let some = memory.notify(64, 2).unwrap();
                assert!(some <= 2);
                woken += some;
                thread::yield_now();
            }
            for thread in all {
                assert_eq!(thread.join().unwrap(), Ok(WaitResult::Ok));
            }
        });
    }
}
