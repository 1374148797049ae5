//! Linear memories.
//!
//! A memory's address space is reserved whole: `[guard] reservation [guard]`, and what is accessible grows
//! inside of it. [`MemoryPlan`] says how large, and the compilers rely on it.

use crate::module::MemoryImage;
use crate::store::Store;
use anyhow::{Context, Result, ensure};
use mainspring_abi::{MemoryPlan, MemorySettings, VMMemoryDefinition};
use mainspring_platform::pages::{Reservation, View, round_up};
use mainspring_wasm::MemoryType;
use std::ptr::NonNull;

/// A memory of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MemoryId(pub u32);

/// A linear memory.
#[derive(Debug)]
pub struct MemoryInstance {
    ty: MemoryType,
    plan: MemoryPlan,
    settings: MemorySettings,
    space: Reservation,
    /// Bytes of guard before the memory.
    before: usize,
    /// Bytes from the base that may become accessible without moving.
    reserved: usize,
    /// In the owner's VM context, or in `host_definition`.
    definition: NonNull<VMMemoryDefinition>,
    _host_definition: Option<Box<VMMemoryDefinition>>,
}

impl MemoryInstance {
    /// Makes a memory. Its definition is written to `definition`, or lives with it if there is none.
    pub(crate) fn new(
        ty: MemoryType,
        settings: &MemorySettings,
        image: Option<&MemoryImage>,
        definition: Option<NonNull<VMMemoryDefinition>>,
    ) -> Result<MemoryInstance> {
        ensure!(
            !ty.shared,
            "shared memories are not supported (the threads proposal)"
        );
        let plan = MemoryPlan::new(&ty, settings);
        let size = bytes_of(&ty, ty.minimum)
            .context("the memory's initial size does not fit in the address space")?;
        let (space, before, reserved) = reserve(&plan, settings, size)?;
        let base = space.base().wrapping_add(before);
        let mut fresh = Box::new(VMMemoryDefinition { base, length: size });
        let (definition, host_definition) = match definition {
            Some(place) => {
                // SAFETY: the place is in a VM context that is being set up and lives as long as
                // the store.
                unsafe { place.write(*fresh) };
                (place, None)
            }
            None => (NonNull::from(fresh.as_mut()), Some(fresh)),
        };
        let memory = MemoryInstance {
            ty,
            plan,
            settings: *settings,
            space,
            before,
            reserved,
            definition,
            _host_definition: host_definition,
        };
        memory.commit(0..size)?;
        if let Some(image) = image {
            let range = before + image.range.start..before + image.range.end;
            let (file, offset) = image.file();
            // SAFETY: no one has a reference into the new memory; the image file never changes.
            unsafe {
                memory
                    .space
                    .map_file(range, file, offset, View::CopyOnWrite)
            }
            .context("cannot map a memory's initial contents")?;
        }
        Ok(memory)
    }

    fn commit(&self, bytes: std::ops::Range<usize>) -> Result<()> {
        let end =
            round_up(bytes.end).context("the memory's size does not fit in the address space")?;
        let start = round_up(bytes.start).expect("at most the end");
        if start < end {
            self.space
                .commit(self.before + start..self.before + end)
                .with_context(|| format!("the system has no {} bytes for a memory", end - start))?;
        }
        Ok(())
    }

    /// Its type as declared.
    pub fn ty(&self) -> &MemoryType {
        &self.ty
    }

    /// How its accesses are checked.
    pub fn plan(&self) -> &MemoryPlan {
        &self.plan
    }

    /// Where generated code finds it.
    pub fn definition(&self) -> NonNull<VMMemoryDefinition> {
        self.definition
    }

    /// The address of byte 0.
    pub fn base(&self) -> *mut u8 {
        // SAFETY: definitions live as long as their memory.
        unsafe { self.definition.as_ref().base }
    }

    /// Accessible bytes.
    pub fn len(&self) -> usize {
        // SAFETY: as in `base`.
        unsafe { self.definition.as_ref().length }
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
    pub fn data(&self) -> &[u8] {
        // SAFETY: `len` bytes from `base` are accessible; a store is used by one thread at a time, and borrowing
        // it keeps wasm from running.
        unsafe { std::slice::from_raw_parts(self.base(), self.len()) }
    }

    /// Its contents, to change.
    pub fn data_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `data`, and the exclusive borrow is of the whole memory.
        unsafe { std::slice::from_raw_parts_mut(self.base(), self.len()) }
    }

    /// Makes it larger. The limits of its type and of the store were checked.
    fn grow_to(&mut self, size: usize) -> Result<()> {
        let old = self.len();
        if size > self.reserved {
            ensure!(
                self.plan.may_move,
                "the memory may not outgrow its reservation of {} bytes",
                self.reserved
            );
            let (space, before, reserved) = reserve(
                &self.plan,
                &self.settings,
                size.saturating_add(self.settings.reservation_for_growth as usize),
            )?;
            let mut moved = MemoryInstance {
                ty: self.ty,
                plan: self.plan,
                settings: self.settings,
                space,
                before,
                reserved,
                definition: self.definition,
                _host_definition: None,
            };
            moved.commit(0..size)?;
            let base = moved.space.base().wrapping_add(before);
            // SAFETY: both ranges have `old` accessible bytes and belong to different reservations.
            unsafe { std::ptr::copy_nonoverlapping(self.base(), base, old) };
            std::mem::swap(&mut self.space, &mut moved.space);
            self.before = before;
            self.reserved = reserved;
            // SAFETY: definitions live as long as their memory.
            unsafe { self.definition.as_mut().base = base };
        } else {
            self.commit(old..size)?;
        }
        // SAFETY: as above.
        unsafe { self.definition.as_mut().length = size };
        Ok(())
    }
}

/// Reserves address space for a memory: the reservation, the bytes before the base, and the bytes
/// from the base that can become accessible.
fn reserve(
    plan: &MemoryPlan,
    settings: &MemorySettings,
    size: usize,
) -> Result<(Reservation, usize, usize)> {
    let fits = |bytes: u64| usize::try_from(bytes).ok().and_then(round_up);
    let layout = || {
        let reserved = fits(
            plan.reservation
                .max(if plan.may_move { size as u64 } else { 0 }),
        )?;
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
    ensure!(
        size <= reserved,
        "a memory of {size} bytes does not fit in its reservation of {reserved}"
    );
    let space = Reservation::new(total).with_context(|| {
        format!("the system has no {total} bytes of address space for a memory")
    })?;
    Ok((space, before, reserved))
}

fn bytes_of(ty: &MemoryType, pages: u64) -> Option<usize> {
    usize::try_from(pages.checked_mul(ty.page_size())?).ok()
}

impl Store {
    /// Makes a memory if the store's limits allow.
    pub fn new_memory(&mut self, ty: MemoryType) -> Result<MemoryId> {
        self.add_memory(ty, None, None)
    }

    pub(crate) fn add_memory(
        &mut self,
        ty: MemoryType,
        image: Option<&MemoryImage>,
        definition: Option<NonNull<VMMemoryDefinition>>,
    ) -> Result<MemoryId> {
        let size = bytes_of(&ty, ty.minimum)
            .context("the memory's initial size does not fit in the address space")?;
        let maximum = ty
            .maximum
            .map(|pages| bytes_of(&ty, pages).unwrap_or(usize::MAX));
        let count = self.memories.len();
        if let Some(limiter) = self.limiter() {
            ensure!(
                count < limiter.memories(),
                "resource limit exceeded: memory count too high at {}",
                count + 1
            );
            ensure!(
                limiter.memory_growing(0, size, maximum)?,
                "memory minimum size of {} pages exceeds memory limits",
                ty.minimum
            );
        } else {
            ensure!(
                count < crate::DEFAULT_MEMORY_LIMIT,
                "resource limit exceeded: memory count too high at {}",
                count + 1
            );
        }
        let settings = self.settings().memory;
        let memory = MemoryInstance::new(ty, &settings, image, definition)?;
        self.memories.push(memory);
        Ok(MemoryId(count as u32))
    }

    /// Grows a memory by `delta` pages. Returns its size in pages before, or `None` if it can't
    /// grow that far.
    ///
    /// # Errors
    /// If the limiter says that this must stop the guest.
    pub fn grow_memory(&mut self, id: MemoryId, delta: u64) -> Result<Option<u64>> {
        let memory = self.memory(id);
        let (ty, old, old_bytes) = (*memory.ty(), memory.pages(), memory.len());
        if delta == 0 {
            return Ok(Some(old));
        }
        // The limiter hears of every attempt, also of those that can't succeed.
        let pages = old.checked_add(delta);
        let desired = pages
            .and_then(|pages| bytes_of(&ty, pages))
            .unwrap_or(usize::MAX);
        let maximum = ty
            .maximum
            .map(|pages| bytes_of(&ty, pages).unwrap_or(usize::MAX));
        if let Some(limiter) = self.limiter()
            && !limiter.memory_growing(old_bytes, desired, maximum)?
        {
            return Ok(None);
        }
        let grown = match pages {
            Some(pages) if pages <= ty.maximum_pages() && desired != usize::MAX => {
                self.memory_mut(id).grow_to(desired)
            }
            _ => Err(anyhow::Error::msg("Memory maximum size exceeded")),
        };
        match grown {
            Ok(()) => Ok(Some(old)),
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
