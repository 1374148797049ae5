//! Linear memories.
//!
//! A memory's address space is reserved whole: `[guard] reservation [guard]`, and what is accessible grows
//! inside of it. [`MemoryPlan`] says how large, and the compilers rely on it.

use crate::module::MemoryImage;
use crate::shared_memory::{SharedMemoriesOff, SharedMemory};
use crate::store::Store;
use mainspring_abi::{MemoryPlan, MemorySettings, VMMemoryDefinition};
use mainspring_error::{Context, Result, ensure};
use mainspring_platform::pages::{Reservation, View, round_up};
use mainspring_wasm::MemoryType;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A memory of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MemoryId(pub u32);

/// A linear memory, as a store has it.
#[derive(Debug)]
pub struct MemoryInstance {
    ty: MemoryType,
    /// In the owner's VM context, or with the memory.
    definition: NonNull<VMMemoryDefinition>,
    backing: Backing,
}

#[derive(Debug)]
enum Backing {
    /// The store's own.
    Own(OwnMemory),
    /// Any number of stores'.
    Shared(SharedMemory),
}

#[derive(Debug)]
struct OwnMemory {
    plan: MemoryPlan,
    settings: MemorySettings,
    space: Space,
    _host_definition: Option<Box<VMMemoryDefinition>>,
}

impl MemoryInstance {
    /// Makes a memory that is not shared. Its definition is written to `definition`, or lives with it if there is none.
    fn new(
        ty: MemoryType,
        settings: &MemorySettings,
        image: Option<&MemoryImage>,
        definition: Option<NonNull<VMMemoryDefinition>>,
    ) -> Result<MemoryInstance> {
        let plan = MemoryPlan::new(&ty, settings);
        let size = bytes_of(&ty, ty.minimum)
            .context("the memory's initial size does not fit in the address space")?;
        let space = Space::reserve(
            &plan,
            settings,
            reserved_at_first(&ty, &plan, settings, size),
        )?;
        space.commit(0..size)?;
        if let Some(image) = image {
            space.map_image(image)?;
        }
        let mut fresh = Box::new(VMMemoryDefinition {
            base: space.base(),
            length: size,
        });
        let (definition, host_definition) = match definition {
            Some(place) => {
                // SAFETY: the place is in a VM context that is being set up and lives as long as
                // the store.
                unsafe { place.write(*fresh) };
                (place, None)
            }
            None => (NonNull::from(fresh.as_mut()), Some(fresh)),
        };
        let backing = Backing::Own(OwnMemory {
            plan,
            settings: *settings,
            space,
            _host_definition: host_definition,
        });
        Ok(MemoryInstance {
            ty,
            definition,
            backing,
        })
    }

    fn of_shared(memory: SharedMemory) -> MemoryInstance {
        MemoryInstance {
            ty: *memory.ty(),
            definition: memory.definition(),
            backing: Backing::Shared(memory),
        }
    }

    /// Its type as declared.
    pub fn ty(&self) -> &MemoryType {
        &self.ty
    }

    /// The memory that threads share, if it is one.
    pub fn shared(&self) -> Option<&SharedMemory> {
        match &self.backing {
            Backing::Own(_) => None,
            Backing::Shared(memory) => Some(memory),
        }
    }

    /// Where generated code finds it.
    pub fn definition(&self) -> NonNull<VMMemoryDefinition> {
        self.definition
    }

    /// Whether an address is one of its address space, guards included.
    pub(crate) fn reserves(&self, address: usize) -> bool {
        match &self.backing {
            Backing::Own(own) => own.space.reserves(address),
            Backing::Shared(memory) => memory.reserves(address),
        }
    }

    /// The address of byte 0.
    pub fn base(&self) -> *mut u8 {
        // SAFETY: definitions live as long as their memory, and the base of a shared one never changes.
        unsafe { (*self.definition.as_ptr()).base }
    }

    /// Accessible bytes.
    pub fn len(&self) -> usize {
        // SAFETY: definitions live as long as their memory.
        unsafe { MemoryInstance::length(self.definition) }.load(Ordering::SeqCst)
    }

    /// The length in a definition, which other threads may change if the memory is shared.
    ///
    /// # Safety
    /// The definition must live as long as the result is used.
    pub(crate) unsafe fn length<'a>(definition: NonNull<VMMemoryDefinition>) -> &'a AtomicUsize {
        // SAFETY: the caller's promise; the field is aligned.
        unsafe { AtomicUsize::from_ptr(&raw mut (*definition.as_ptr()).length) }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its size in pages.
    pub fn pages(&self) -> u64 {
        self.len() as u64 >> self.ty.page_size_log2
    }

    /// Its contents.
    ///
    /// # Panics
    /// If it is shared: then other threads may be writing to it.
    pub fn data(&self) -> &[u8] {
        assert!(self.shared().is_none(), "the memory is not shared");
        // SAFETY: `len` bytes from `base` are accessible; a store is used by one thread at a time, and borrowing
        // it keeps wasm from running.
        unsafe { std::slice::from_raw_parts(self.base(), self.len()) }
    }

    /// Its contents, to change.
    ///
    /// # Panics
    /// As [`data`](Self::data).
    pub fn data_mut(&mut self) -> &mut [u8] {
        assert!(self.shared().is_none(), "the memory is not shared");
        // SAFETY: as in `data`, and the exclusive borrow is of the whole memory.
        unsafe { std::slice::from_raw_parts_mut(self.base(), self.len()) }
    }

    /// Makes it larger. The limits of its type and of the store were checked.
    fn grow_to(&mut self, size: usize) -> Result<()> {
        let old = self.len();
        let from = self.base();
        let own = match &mut self.backing {
            Backing::Own(own) => own,
            Backing::Shared(_) => unreachable!("a shared memory grows by itself"),
        };
        if size > own.space.reserved {
            ensure!(
                own.plan.may_move,
                "the memory may not outgrow its reservation of {} bytes",
                own.space.reserved
            );
            let at_least = size.saturating_add(own.settings.reservation_for_growth as usize);
            let space = Space::reserve(&own.plan, &own.settings, at_least)?;
            space.commit(0..size)?;
            // SAFETY: both ranges have `old` accessible bytes and belong to different reservations; definitions live as
            // long as their memory.
            unsafe {
                std::ptr::copy_nonoverlapping(from, space.base(), old);
                self.definition.as_mut().base = space.base();
            }
            own.space = space;
        } else {
            own.space.commit(old..size)?;
        }
        // SAFETY: as above.
        unsafe { self.definition.as_mut().length = size };
        Ok(())
    }
}

/// Bytes to reserve at least for a memory of a size: if it does not fit in the usual reservation, room to grow comes
/// with it.
fn reserved_at_first(
    ty: &MemoryType,
    plan: &MemoryPlan,
    settings: &MemorySettings,
    size: usize,
) -> usize {
    if (size as u64) < plan.reservation {
        return 0;
    }
    let with_room = (size as u64).saturating_add(settings.reservation_for_growth);
    let most = bytes_of(ty, ty.maximum_pages()).unwrap_or(usize::MAX);
    usize::try_from(with_room).unwrap_or(usize::MAX).min(most)
}

/// The address space of a memory.
#[derive(Debug)]
pub(crate) struct Space {
    pages: Reservation,
    /// Bytes of guard before the memory.
    before: usize,
    /// Bytes from the base that may become accessible.
    reserved: usize,
}

impl Space {
    /// Reserves what the plan says, or more if at least so many bytes are wanted.
    pub(crate) fn reserve(
        plan: &MemoryPlan,
        settings: &MemorySettings,
        at_least: usize,
    ) -> Result<Space> {
        let fits = |bytes: u64| usize::try_from(bytes).ok().and_then(round_up);
        let layout = || {
            let reserved = fits(plan.reservation.max(at_least as u64))?;
            let guard = fits(plan.guard)?;
            let before = if settings.guard_before { guard } else { 0 };
            Some((
                before,
                reserved,
                before.checked_add(reserved)?.checked_add(guard)?,
            ))
        };
        let (before, reserved, total) =
            layout().context("the memory's reservation does not fit in the address space")?;
        let pages = Reservation::new(total).with_context(|| {
            format!("the system has no {total} bytes of address space for a memory")
        })?;
        Ok(Space {
            pages,
            before,
            reserved,
        })
    }

    /// The address of byte 0.
    pub(crate) fn base(&self) -> *mut u8 {
        self.pages.base().wrapping_add(self.before)
    }

    /// Whether an address is one of it, guards included.
    pub(crate) fn reserves(&self, address: usize) -> bool {
        self.pages.contains(address)
    }

    /// Makes bytes accessible.
    pub(crate) fn commit(&self, bytes: std::ops::Range<usize>) -> Result<()> {
        ensure!(
            bytes.end <= self.reserved,
            "a memory of {} bytes does not fit in its reservation of {}",
            bytes.end,
            self.reserved
        );
        let end =
            round_up(bytes.end).context("the memory's size does not fit in the address space")?;
        let start = round_up(bytes.start).expect("at most the end");
        if start < end {
            self.pages
                .commit(self.before + start..self.before + end)
                .with_context(|| format!("the system has no {} bytes for a memory", end - start))?;
        }
        Ok(())
    }

    /// Gives a new memory its contents.
    pub(crate) fn map_image(&self, image: &MemoryImage) -> Result<()> {
        let range = self.before + image.range.start..self.before + image.range.end;
        let (file, offset) = image.file();
        // SAFETY: no one has a reference into the new memory; the image file never changes.
        unsafe { self.pages.map_file(range, file, offset, View::CopyOnWrite) }
            .context("cannot map a memory's initial contents")
    }
}

pub(crate) fn bytes_of(ty: &MemoryType, pages: u64) -> Option<usize> {
    usize::try_from(pages.checked_mul(ty.page_size())?).ok()
}

/// Bytes of the largest size that a type declares.
fn maximum_bytes(ty: &MemoryType) -> Option<usize> {
    let maximum = ty.maximum?;
    Some(bytes_of(ty, maximum).unwrap_or(usize::MAX))
}

impl Store {
    /// Makes a memory if the store's limits allow.
    ///
    /// # Errors
    /// If they do not, if the system has not that much, or if the type is shared.
    pub fn new_memory(&mut self, ty: MemoryType) -> Result<MemoryId> {
        ensure!(
            !ty.shared,
            "shared memories must be created through `SharedMemory`"
        );
        self.add_memory(ty, None, None)
    }

    /// The store's own name for a shared memory from elsewhere. It does not count towards the store's limits.
    pub fn foreign_memory(&mut self, memory: &SharedMemory) -> MemoryId {
        let memories = &mut self.memories;
        let at = memory.definition().as_ptr() as usize;
        *self.foreign_memories.entry(at).or_insert_with(|| {
            memories.push(MemoryInstance::of_shared(memory.clone()));
            MemoryId(memories.len() as u32 - 1)
        })
    }

    /// Makes a shared memory for an instance, if the store's limits allow.
    pub(crate) fn add_shared_memory(
        &mut self,
        ty: MemoryType,
        image: Option<&MemoryImage>,
    ) -> Result<MemoryId> {
        ensure!(self.settings().shared_memories, SharedMemoriesOff);
        self.check_new_memory(&ty)?;
        let memory = SharedMemory::with_image(ty, &self.settings().memory, image)?;
        self.memories.push(MemoryInstance::of_shared(memory));
        Ok(MemoryId(self.memories.len() as u32 - 1))
    }

    fn check_memory_count(&mut self) -> Result<()> {
        let count = self.memories.len() - self.foreign_memories.len();
        let limit = self
            .limiter()
            .map_or(crate::DEFAULT_MEMORY_LIMIT, |limiter| limiter.memories());
        ensure!(
            count < limit,
            "resource limit exceeded: memory count too high at {}",
            count + 1
        );
        Ok(())
    }

    /// Asks whether there may be one more memory, of the size that it begins with.
    fn check_new_memory(&mut self, ty: &MemoryType) -> Result<()> {
        let size = bytes_of(ty, ty.minimum)
            .context("the memory's initial size does not fit in the address space")?;
        self.check_memory_count()?;
        if let Some(limiter) = self.limiter() {
            ensure!(
                limiter.memory_growing(0, size, maximum_bytes(ty))?,
                "memory minimum size of {} pages exceeds memory limits",
                ty.minimum
            );
        }
        Ok(())
    }

    pub(crate) fn add_memory(
        &mut self,
        ty: MemoryType,
        image: Option<&MemoryImage>,
        definition: Option<NonNull<VMMemoryDefinition>>,
    ) -> Result<MemoryId> {
        self.check_new_memory(&ty)?;
        let settings = self.settings().memory;
        let memory = MemoryInstance::new(ty, &settings, image, definition)?;
        self.memories.push(memory);
        Ok(MemoryId(self.memories.len() as u32 - 1))
    }

    /// Grows a memory by `delta` pages. Returns its size in pages before, or `None` if it can't
    /// grow that far. A shared memory may grow elsewhere meanwhile, so what the limiter hears of its size may be out of date.
    ///
    /// # Errors
    /// If the limiter says that this must stop the guest.
    pub fn grow_memory(&mut self, id: MemoryId, delta: u64) -> Result<Option<u64>> {
        let memory = self.memory(id);
        let shared = memory.shared().cloned();
        let (ty, old, old_bytes) = (*memory.ty(), memory.pages(), memory.len());
        if delta == 0 {
            return Ok(Some(old));
        }
        // The limiter hears of every attempt, also of those that can't succeed.
        let pages = old.checked_add(delta);
        let desired = pages
            .and_then(|pages| bytes_of(&ty, pages))
            .unwrap_or(usize::MAX);
        if let Some(limiter) = self.limiter()
            && !limiter.memory_growing(old_bytes, desired, maximum_bytes(&ty))?
        {
            return Ok(None);
        }
        let grown = match (shared, pages) {
            (Some(shared), _) => shared.grow(delta),
            (None, Some(pages)) if pages <= ty.maximum_pages() && desired != usize::MAX => {
                self.memory_mut(id).grow_to(desired).map(|()| old)
            }
            (None, _) => Err(mainspring_error::Error::msg("Memory maximum size exceeded")),
        };
        match grown {
            Ok(old) => Ok(Some(old)),
            Err(error) => match self.limiter() {
                Some(limiter) => limiter.memory_grow_failed(error).map(|()| None),
                None => Ok(None),
            },
        }
    }

    /// A memory.
    pub fn memory(&self, id: MemoryId) -> &MemoryInstance {
        &self.memories[id.0 as usize]
    }

    /// A memory, to change.
    pub fn memory_mut(&mut self, id: MemoryId) -> &mut MemoryInstance {
        &mut self.memories[id.0 as usize]
    }
}

/// Whether `len` bytes from `start` lie inside of `size`.
pub(crate) fn in_bounds(start: u64, len: u64, size: usize) -> bool {
    start.checked_add(len).is_some_and(|end| end <= size as u64)
}
