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
//!
//! What objects look like is in [`mainspring_abi::gc`]. Nothing here knows who holds references: [`Roots`] does.

mod blocks;
mod collect;
mod hosts;
#[cfg(test)]
mod tests;

use blocks::{BLOCK, Blocks};
pub use collect::{Collections, Roots};
use hosts::Hosts;
use mainspring_abi::gc::{
    ARRAY_ELEMENTS_AT, ARRAY_LENGTH_AT, CARD_SHIFT, CARDS_BELOW, OBJECT_ALIGNMENT, ObjectHeader,
    VMHeap,
};
use mainspring_platform::pages::{Reservation, page_size};
use std::io;
use std::ops::Range;

/// Where new objects go. The first block has none, so that no object is at zero.
const EDEN: Range<u32> = BLOCK..9 * BLOCK;
/// Where objects go that have survived one collection: one of these, in turns.
const SURVIVORS: [Range<u32>; 2] = [9 * BLOCK..11 * BLOCK, 11 * BLOCK..13 * BLOCK];
/// All that is collected each time.
const YOUNG: Range<u32> = EDEN.start..SURVIVORS[1].end;
/// Objects of more bytes are large.
const LARGE: u32 = 32 << 10;
/// Addresses that a reference and a field's offset can lead to.
const SPAN: usize = 1 << 32;
/// The shape of what stands for a host's value.
pub const HOST_SHAPE: u32 = 0;

/// What objects with some header look like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Fields at fixed places.
    Struct {
        /// Bytes of an object.
        size: u32,
        /// Where its references are.
        traced: Box<[u32]>,
    },
    /// A length and elements.
    Array {
        /// Bytes of an element.
        element: u32,
        /// Whether elements are references.
        traced: bool,
    },
}

/// There is no room for an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

/// A store's objects.
pub struct Heap {
    reservation: Reservation,
    shapes: Vec<Option<Shape>>,
    blocks: Blocks,
    /// Which of [`SURVIVORS`] has objects.
    survivors: usize,
    /// The end of these.
    survivors_end: u32,
    hosts: Hosts,
    /// Bytes of old objects at which all is collected.
    threshold: usize,
    /// Whether each allocation collects.
    zealous: bool,
    collections: Collections,
}

impl Heap {
    /// Reserves the addresses. `limit` is how many bytes old objects may take.
    ///
    /// # Errors
    /// If the process can't have so much address space.
    pub fn new(limit: usize) -> io::Result<Heap> {
        // The last reference may have a field behind it.
        let reservation = Reservation::new(CARDS_BELOW + SPAN + page_size())?;
        let mut heap = Heap {
            reservation,
            shapes: Vec::new(),
            blocks: Blocks::new(limit),
            survivors: 0,
            survivors_end: SURVIVORS[0].start,
            hosts: Hosts::default(),
            threshold: collect::FIRST_THRESHOLD,
            zealous: false,
            collections: Collections::default(),
        };
        heap.commit(YOUNG)?;
        heap.add_shape(
            HOST_SHAPE,
            Shape::Struct {
                size: OBJECT_ALIGNMENT,
                traced: Box::default(),
            },
        );
        Ok(heap)
    }

    /// What generated code needs to know.
    pub fn vm(&self) -> VMHeap {
        VMHeap {
            base: self.base(),
            next: EDEN.start,
            limit: EDEN.end,
        }
    }

    /// Has each allocation collect, for tests.
    pub fn be_zealous(&mut self, vm: &mut VMHeap) {
        self.zealous = true;
        vm.limit = vm.next;
    }

    /// Says what objects of a shape look like. A shape stays what it is as long as there is one.
    pub fn add_shape(&mut self, number: u32, shape: Shape) {
        let number = number as usize;
        if self.shapes.len() <= number {
            self.shapes.resize(number + 1, None);
        }
        self.shapes[number] = Some(shape);
    }

    /// Makes an object, all zero but for its header and, if it is an array, its length.
    ///
    /// # Errors
    /// If there is no room, even after a collection.
    pub fn allocate(
        &mut self,
        vm: &mut VMHeap,
        shape: u32,
        length: u32,
        roots: &mut dyn Roots,
    ) -> Result<u32, OutOfMemory> {
        let size = self.size(shape, length).ok_or(OutOfMemory)?;
        let object = match size {
            0..=LARGE => self.allocate_small(vm, size, roots)?,
            _ => self.allocate_large(vm, size, roots)?,
        };
        self.fill(object, size, 0);
        self.store(object, ObjectHeader::of_shape(shape).0);
        if let Shape::Array { .. } = self.shape(shape) {
            self.store(object + ARRAY_LENGTH_AT, length);
        }
        Ok(object)
    }

    fn allocate_small(
        &mut self,
        vm: &mut VMHeap,
        size: u32,
        roots: &mut dyn Roots,
    ) -> Result<u32, OutOfMemory> {
        if self.zealous {
            let full = self.collections.full < self.collections.young;
            self.collect(vm, full, roots)?;
        } else if vm.next + size > vm.limit {
            self.collect(vm, false, roots)?;
        }
        let object = vm.next;
        debug_assert!(object + size <= EDEN.end);
        vm.next += size;
        if self.zealous {
            vm.limit = vm.next;
        }
        Ok(object)
    }

    fn allocate_large(
        &mut self,
        vm: &mut VMHeap,
        size: u32,
        roots: &mut dyn Roots,
    ) -> Result<u32, OutOfMemory> {
        let over = self.blocks.bytes() + size as usize > self.threshold;
        if over || self.zealous {
            self.collect(vm, true, roots)?;
            // A heap of large objects grows as one of small ones does.
            let grown = self.blocks.bytes() + size as usize;
            self.threshold = self.threshold.max(2 * grown);
        }
        if let Some(object) = self.new_large(size) {
            return Ok(object);
        }
        self.collect(vm, true, roots)?;
        self.new_large(size).ok_or(OutOfMemory)
    }

    /// The shape of an object.
    pub fn shape_of(&self, object: u32) -> u32 {
        ObjectHeader(self.load(object)).shape()
    }

    /// The length of an array.
    pub fn array_length(&self, array: u32) -> u32 {
        self.load(array + ARRAY_LENGTH_AT)
    }

    fn shape(&self, number: u32) -> &Shape {
        let shape = self.shapes.get(number as usize);
        shape
            .and_then(Option::as_ref)
            .expect("objects have shapes that are known")
    }

    /// Bytes of an object, if there can be one.
    fn size(&self, shape: u32, length: u32) -> Option<u32> {
        match *self.shape(shape) {
            Shape::Struct { size, .. } => Some(size),
            Shape::Array { element, .. } => element
                .checked_mul(length)?
                .checked_add(ARRAY_ELEMENTS_AT)?
                .checked_next_multiple_of(OBJECT_ALIGNMENT),
        }
    }

    /// Bytes of an object that there is.
    fn size_of(&self, object: u32, header: ObjectHeader) -> u32 {
        let length = self.load(object + ARRAY_LENGTH_AT);
        let size = self.size(header.shape(), length);
        size.expect("an object that was made has a size")
    }

    // Memory.

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

    fn copy(&mut self, from: u32, to: u32, len: u32) {
        let (source, target) = (from as usize, to as usize);
        debug_assert!(source.abs_diff(target) >= len as usize);
        // SAFETY: as in `store`; an object is never copied to where it overlaps itself.
        unsafe {
            let source = self.base().add(source);
            std::ptr::copy_nonoverlapping(source, self.base().add(target), len as usize);
        }
    }
}
