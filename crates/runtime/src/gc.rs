//! The garbage-collected heap of a store.
//!
//! Two generations, both moving. New objects go to *eden* by moving a pointer, which generated code does itself. When
//! it is full, a young collection copies what is reachable to a *survivor* space, and what has survived
//! one collection already to the *old* blocks. When these have grown enough, a full collection
//! copies all that is reachable to fresh blocks. Large objects have blocks of their own and
//! stay where they are. (Ungar, Generation Scavenging, 1984; Cheney, A Nonrecursive List Compacting
//! Algorithm, 1970, but with a stack, which keeps objects near what refers to them.)
//!
//! Old objects that refer to young ones are found by cards: whoever stores a reference into an object marks
//! the [`card`](mainspring_abi::gc::CARD_SHIFT) of the field. The heap knows where an object begins at or before each card.
//! Tables have [cards](mainspring_abi::gc::TABLE_CARD) too, so a young collection takes no longer where there are large ones.
//!
//! What objects look like is in [`mainspring_abi::gc`]. Nothing here knows who holds references: [`Roots`] does.

mod blocks;
pub(crate) mod builtins;
mod collect;
mod find;
mod handles;
mod hosts;
mod objects;
mod roots;
mod shapes;
#[cfg(test)]
mod tests;

use crate::ValRaw;
use blocks::{BLOCK, Blocks, LARGEST};
pub use collect::{GcStatistics, Roots};
use find::YoungStarts;
pub use handles::{Handle, Handles, Scope};
pub use hosts::HostValue;
use hosts::Hosts;
use mainspring_abi::gc::{
    ARRAY_LENGTH_AT, CARD_SHIFT, CARDS_BELOW, MAX_INLINE, ObjectHeader, VMHeap, is_traced,
    storage_size,
};
use mainspring_platform::pages::{Reservation, page_size};
use mainspring_wasm::{CanonicalTypeId, ConcreteType, StorageType, TypeAddress};
pub use objects::AllocateError;
pub use objects::GcHeapOutOfMemory;
pub(crate) use roots::{Elements, Holders, Operand};
pub use shapes::Shape;
use shapes::Shapes;
use std::ffi::c_void;
use std::io;
use std::num::NonZeroU32;
use std::ops::Range;

/// Where new objects go. The first block has none, so that no object is at zero.
const EDEN: Range<u32> = BLOCK..9 * BLOCK;
/// Where objects go that have survived one collection: one of these, in turns.
const SURVIVORS: [Range<u32>; 2] = [9 * BLOCK..11 * BLOCK, 11 * BLOCK..13 * BLOCK];
/// All that is collected each time.
const YOUNG: Range<u32> = EDEN.start..SURVIVORS[1].end;
/// Objects of more bytes are large.
const LARGE: u32 = MAX_INLINE;
/// Bytes of objects that are copied word by word.
const SHORT: u32 = 48;
/// Addresses that a reference and a field's offset can lead to.
const SPAN: usize = 1 << 32;

/// There is no room for an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

/// A store's objects.
pub struct Heap {
    reservation: Reservation,
    /// Whether anything is ever collected. If not, all objects are in eden, which grows.
    collects: bool,
    /// The end of eden.
    eden_end: u32,
    shapes: Shapes,
    blocks: Blocks,
    /// Which of [`SURVIVORS`] has objects.
    survivors: usize,
    /// The end of these.
    survivors_end: u32,
    hosts: Hosts,
    /// Bytes of old objects at which all is collected.
    threshold: usize,
    /// Every so many allocations collect, all of which the runtime is asked for then.
    zeal: Option<NonZeroU32>,
    /// Allocations until the next that does.
    until_zeal: u32,
    /// Values of the host's that nothing refers to anymore.
    dropped: Vec<HostValue>,
    /// The collector's list of work, empty between collections.
    reached: Vec<u32>,
    statistics: GcStatistics,
    young_starts: YoungStarts,
}

impl Heap {
    /// Reserves the addresses. `limit` is how many bytes objects may take besides the first 3 MiB, old ones if anything is
    /// collected; `type_base` is where the types of the engine are, which has to outlive the heap.
    ///
    /// # Errors
    /// If the process can't have so much address space.
    pub fn new(limit: usize, collects: bool, type_base: *const c_void) -> io::Result<Heap> {
        // The last reference may have a field behind it.
        let reservation = Reservation::new(CARDS_BELOW + SPAN + page_size())?;
        let heap = Heap {
            reservation,
            collects,
            eden_end: if collects { EDEN.end } else { YOUNG.end },
            shapes: Shapes::new(type_base),
            blocks: Blocks::new(limit),
            survivors: 0,
            survivors_end: SURVIVORS[0].start,
            hosts: Hosts::default(),
            threshold: collect::FIRST_THRESHOLD,
            zeal: None,
            until_zeal: 0,
            dropped: Vec::new(),
            reached: Vec::new(),
            statistics: GcStatistics::default(),
            young_starts: YoungStarts::default(),
        };
        heap.commit(YOUNG)?;
        Ok(heap)
    }

    /// What generated code needs to know.
    pub fn vm(&self) -> VMHeap {
        VMHeap {
            base: self.base(),
            next: EDEN.start,
            limit: self.eden_end,
        }
    }

    /// Has every so many allocations collect, for tests.
    pub fn be_zealous(&mut self, vm: &mut VMHeap, every: NonZeroU32) {
        self.zeal = Some(every);
        self.until_zeal = every.get();
        vm.limit = vm.next;
    }

    /// Says what objects of a registered type look like. It stays so as long as there is one.
    pub fn add_shape(&mut self, ty: CanonicalTypeId, shape: &Shape) {
        self.shapes.add(ty, shape);
    }

    /// Makes an object, all zero but for its header and, if it is an array, its length. Its type's shape
    /// must be known.
    ///
    /// # Errors
    /// If there is no room, even after a collection.
    pub fn allocate(
        &mut self,
        vm: &mut VMHeap,
        header: ObjectHeader,
        length: u32,
        roots: &mut dyn Roots,
    ) -> Result<u32, OutOfMemory> {
        let form = self.shapes.of(header);
        let size = form.size(length).ok_or(OutOfMemory)?;
        let object = match size {
            _ if !self.collects => self.allocate_for_good(vm, size, roots)?,
            0..=LARGE => self.allocate_small(vm, size, roots)?,
            _ => self.allocate_large(vm, size, roots)?,
        };
        self.fill(object, size, 0);
        self.store(object, header.0);
        if form.is_array() {
            self.store(object + ARRAY_LENGTH_AT, length);
        }
        Ok(object)
    }

    /// Bytes of an object of a type, if there can be one with such a length.
    pub fn size(&self, header: ObjectHeader, length: u32) -> Option<u32> {
        let size = self.shapes.of(header).size(length);
        size.filter(|size| *size <= LARGEST)
    }

    fn allocate_small(
        &mut self,
        vm: &mut VMHeap,
        size: u32,
        roots: &mut dyn Roots,
    ) -> Result<u32, OutOfMemory> {
        if self.is_zeals_turn() {
            let full = self.statistics.full_collections < self.statistics.young_collections;
            self.collect(vm, full, roots)?;
        } else if vm.next + size > self.eden_end {
            self.collect(vm, false, roots)?;
        }
        let object = vm.next;
        debug_assert!(object + size <= self.eden_end);
        vm.next += size;
        self.set_limit(vm);
        Ok(object)
    }

    /// Whether the next allocation has to collect without need.
    fn is_zeals_turn(&mut self) -> bool {
        let Some(every) = self.zeal else { return false };
        self.until_zeal -= 1;
        let turn = self.until_zeal == 0;
        if turn {
            self.until_zeal = every.get();
        }
        turn
    }

    fn set_limit(&self, vm: &mut VMHeap) {
        vm.limit = if self.zeal.is_some() {
            vm.next
        } else {
            self.eden_end
        };
    }

    /// Makes room in a heap in which nothing is collected.
    fn allocate_for_good(
        &mut self,
        vm: &mut VMHeap,
        size: u32,
        roots: &mut dyn Roots,
    ) -> Result<u32, OutOfMemory> {
        let end = vm.next.checked_add(size).ok_or(OutOfMemory)?;
        if end > self.eden_end {
            self.grow_eden(end, roots)?;
        }
        let object = vm.next;
        vm.next = end;
        self.set_limit(vm);
        Ok(object)
    }

    /// Moves the end of eden to an offset, or further.
    fn grow_eden(&mut self, end: u32, roots: &mut dyn Roots) -> Result<(), OutOfMemory> {
        // Asking costs something.
        let further = end.checked_next_multiple_of(16 * BLOCK);
        let no_further = end.checked_next_multiple_of(BLOCK);
        let len = |end: u32| (end - EDEN.start) as usize;
        for end in [further, no_further].into_iter().flatten() {
            let most = YOUNG.len() + self.blocks.limit();
            if len(end) <= most && roots.may_grow(len(self.eden_end), len(end)) {
                let more = self.eden_end..end;
                self.commit(more).map_err(|_| OutOfMemory)?;
                self.eden_end = end;
                return Ok(());
            }
        }
        Err(OutOfMemory)
    }

    /// Bytes of what is not old.
    fn young_len(&self) -> usize {
        (self.eden_end.max(YOUNG.end) - YOUNG.start) as usize
    }

    fn allocate_large(
        &mut self,
        vm: &mut VMHeap,
        size: u32,
        roots: &mut dyn Roots,
    ) -> Result<u32, OutOfMemory> {
        let over = self.blocks.bytes() + size as usize > self.threshold;
        if over || self.is_zeals_turn() {
            self.collect(vm, true, roots)?;
            // A heap of large objects grows as one of small ones does.
            let grown = self.blocks.bytes() + size as usize;
            self.threshold = self.threshold.max(2 * grown);
        }
        if let Some(object) = self.new_large(size, roots) {
            return Ok(object);
        }
        self.collect(vm, true, roots)?;
        self.new_large(size, roots).ok_or(OutOfMemory)
    }

    /// Values of the host's that nothing refers to anymore, to be dropped where that may do anything.
    #[must_use]
    pub fn take_dropped(&mut self) -> Vec<HostValue> {
        std::mem::take(&mut self.dropped)
    }

    /// Bytes that it takes, or may take without asking.
    pub fn capacity(&self) -> usize {
        self.young_len() + self.blocks.granted()
    }

    /// The header of an object.
    #[inline]
    pub fn header(&self, object: u32) -> ObjectHeader {
        ObjectHeader(self.load(object))
    }

    /// The length of an array.
    #[inline]
    pub fn array_length(&self, array: u32) -> u32 {
        self.load(array + ARRAY_LENGTH_AT)
    }

    /// Bytes of an element of an array, and whether elements are references.
    pub fn element(&self, array: u32) -> (u32, bool) {
        self.shapes.of(self.header(array)).element()
    }

    /// Bytes of an element of arrays with a header, and whether elements are references.
    pub fn element_of(&self, header: ObjectHeader) -> (u32, bool) {
        self.shapes.of(header).element()
    }

    /// What an object is an object of.
    pub fn type_of(&self, object: u32) -> TypeAddress {
        TypeAddress::at_offset(self.shapes.type_base(), self.header(object).0)
    }

    /// Copies bytes inside of the heap. They may overlap.
    pub fn copy_within(&mut self, from: u32, to: u32, len: u32) {
        // SAFETY: as in `store`.
        unsafe {
            let source = self.base().add(from as usize);
            std::ptr::copy(source, self.base().add(to as usize), len as usize);
        }
    }

    /// Writes a field or an element.
    pub fn write_field(
        &mut self,
        at: u32,
        storage: StorageType,
        value: ValRaw,
        is_func_type: impl Fn(ConcreteType) -> bool,
    ) {
        let size = storage_size(storage, &is_func_type);
        let value = &value.get_v128().to_le_bytes()[..size as usize];
        self.bytes_mut(at, size).copy_from_slice(value);
        if is_traced(storage, is_func_type) {
            self.set_card(at, 1);
        }
    }

    /// Reads a field or an element; packed ones are zero-extended.
    pub fn read_field(
        &self,
        at: u32,
        storage: StorageType,
        is_func_type: impl Fn(ConcreteType) -> bool,
    ) -> ValRaw {
        let size = storage_size(storage, is_func_type);
        let mut bytes = [0; 16];
        bytes[..size as usize].copy_from_slice(self.bytes(at, size));
        ValRaw::v128(u128::from_le_bytes(bytes))
    }

    /// Bytes of an object that there is.
    #[inline]
    fn size_of(&self, object: u32, header: ObjectHeader) -> u32 {
        let form = self.shapes.of(header);
        form.size_there_is(|| self.array_length(object))
    }

    // Memory.

    /// Whether an address is one of the heap's address space.
    pub fn reserves(&self, address: usize) -> bool {
        self.reservation.contains(address)
    }

    fn base(&self) -> *mut u8 {
        self.reservation.base().wrapping_add(CARDS_BELOW)
    }

    /// Makes part of the heap accessible, with its cards.
    fn commit(&self, range: Range<u32>) -> io::Result<()> {
        let at = |offset: u32| CARDS_BELOW + offset as usize;
        self.reservation.commit(at(range.start)..at(range.end))?;
        let page = page_size();
        let first = (range.start >> CARD_SHIFT) as usize / page * page;
        let end = ((range.end >> CARD_SHIFT) as usize).next_multiple_of(page);
        self.reservation.commit(first..end)
    }

    /// Reads four bytes of an object.
    #[inline]
    pub fn load(&self, at: u32) -> u32 {
        // SAFETY: whatever the offset, this is in the reservation, which only this heap and the store's wasm, which
        // does not run now, write to. Where there is no memory it faults.
        unsafe { self.base().add(at as usize).cast::<u32>().read_unaligned() }
    }

    /// Writes four bytes of an object. If they are a reference, [`store_reference`](Self::store_reference) has to do it.
    #[inline]
    pub fn store(&mut self, at: u32, value: u32) {
        // SAFETY: as in `load`; `self` is borrowed exclusively.
        unsafe { (self.base().add(at as usize).cast::<u32>()).write_unaligned(value) };
    }

    /// The bytes of part of an object.
    pub fn bytes(&self, at: u32, len: u32) -> &[u8] {
        // SAFETY: as in `load`; nothing writes while `self` is borrowed.
        unsafe { std::slice::from_raw_parts(self.base().add(at as usize), len as usize) }
    }

    /// The bytes of part of an object, to change. References in it have to be noted by
    /// [`note_changed`](Self::note_changed).
    pub fn bytes_mut(&mut self, at: u32, len: u32) -> &mut [u8] {
        // SAFETY: as in `load`; `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.base().add(at as usize), len as usize) }
    }

    /// Notes that references in a part of an object may have changed.
    pub fn note_changed(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        let cards = ((range.end - 1) >> CARD_SHIFT) - (range.start >> CARD_SHIFT) + 1;
        // SAFETY: as in `set_card`.
        unsafe { self.card(range.start).write_bytes(1, cards as usize) };
    }

    /// Writes a reference in an object, and notes that it has changed.
    pub fn store_reference(&mut self, at: u32, value: u32) {
        self.store(at, value);
        self.set_card(at, 1);
    }

    fn card(&self, at: u32) -> *mut u8 {
        self.reservation
            .base()
            .wrapping_add((at >> CARD_SHIFT) as usize)
    }

    fn set_card(&mut self, at: u32, value: u8) {
        // SAFETY: there is a card for each offset, in the reservation, which is this heap's.
        unsafe { *self.card(at) = value };
    }

    fn fill(&mut self, at: u32, len: u32, value: u8) {
        // SAFETY: as in `store`: all offsets and a page behind them are in the reservation.
        unsafe { (self.base().add(at as usize)).write_bytes(value, len as usize) };
    }

    /// Copies an object to where it does not overlap itself.
    #[inline]
    fn copy_object(&mut self, from: u32, to: u32, len: u32) {
        let (source, target) = (from as usize, to as usize);
        debug_assert!(source.abs_diff(target) >= len as usize);
        // SAFETY: as in `store`. Objects lie at multiples of 8 bytes and take multiples of 8.
        unsafe {
            let source = self.base().add(source);
            let target = self.base().add(target);
            if len > SHORT {
                return std::ptr::copy_nonoverlapping(source, target, len as usize);
            }
            // A call would take longer.
            let (source, target) = (source.cast::<u64>(), target.cast::<u64>());
            let mut word = 0;
            while word < len as usize / 8 {
                target.add(word).write(source.add(word).read());
                word += 1;
            }
        }
    }
}
