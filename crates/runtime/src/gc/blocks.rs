//! The old generation's memory: blocks of one size, each free, of small objects, or of one large object.

use super::{Heap, OutOfMemory, Roots, YOUNG};
use mainspring_abi::gc::CARD_SHIFT;
use std::ops::Range;

/// Bytes of a block.
pub(super) const BLOCK: u32 = 256 << 10;
const CARDS: usize = (BLOCK >> CARD_SHIFT) as usize;
/// Blocks of the whole heap, but for the last, whose end is no offset.
const ALL: usize = (1 << (32 - BLOCK.trailing_zeros())) - 1;
/// The first that is not young.
const FIRST: usize = (YOUNG.end / BLOCK) as usize;
/// Blocks that may be in use at the most: a full collection may need as many once more.
const MOST: usize = (ALL - FIRST) / 2 - 1;
/// Bytes of the largest object that there can be.
pub(super) const LARGEST: u32 = MOST as u32 * BLOCK;
/// Blocks that the heap grows by.
const AT_ONCE: usize = 16;
/// A card that no object begins in.
const NONE: u8 = u8::MAX;

/// What a block is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    Free,
    /// Small objects.
    Small,
    /// Small objects, before the collection that is going on.
    From,
    /// The beginning of a large object, which takes so many blocks.
    Large(u32),
    /// More of one.
    More,
}

/// What becomes of an object in a collection, if it is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Stays,
    Moves,
    /// It is large, and stays.
    IsMarked,
}

/// What becomes of objects, by block.
pub(super) struct Fates(Box<[Fate; ALL + 1]>);

impl Fates {
    #[inline]
    pub fn of(&self, object: u32) -> Fate {
        self.0[(object / BLOCK) as usize]
    }
}

struct Block {
    used_for: Use,
    /// Whether it is accessible.
    committed: bool,
    /// Whether there ever were objects in it. It keeps the memory that it got for them.
    taken: bool,
    /// The end of its objects, if these are small.
    end: u32,
    /// In which of 64 places the first object of each card begins, if these are small.
    starts: Option<Box<[u8; CARDS]>>,
}

pub(super) struct Blocks {
    /// Up to the last that was ever used.
    blocks: Vec<Block>,
    /// How many may be in use at the most.
    most: usize,
    /// How many may be in use without asking.
    granted: usize,
    in_use: usize,
    /// How many have memory.
    taken: usize,
    /// The block that small objects go to, if any.
    current: Option<usize>,
    /// No block before is free.
    first_free: usize,
}

impl Blocks {
    pub fn new(limit: usize) -> Blocks {
        Blocks {
            blocks: Vec::new(),
            most: (limit / BLOCK as usize).min(MOST),
            granted: 0,
            in_use: 0,
            taken: 0,
            current: None,
            first_free: 0,
        }
    }

    /// Bytes of the blocks in use.
    pub fn bytes(&self) -> usize {
        self.in_use * BLOCK as usize
    }

    /// Bytes of the blocks that have memory, in use or not.
    pub fn bytes_taken(&self) -> usize {
        self.taken * BLOCK as usize
    }

    /// Bytes of the blocks that may be in use at the most.
    pub fn limit(&self) -> usize {
        self.most * BLOCK as usize
    }

    /// Bytes of the blocks that may be in use without asking.
    pub fn granted(&self) -> usize {
        self.granted * BLOCK as usize
    }

    /// What becomes of objects in a collection that begins: of young ones, or of all.
    pub fn fates(&self, full: bool) -> Fates {
        let mut fates = Box::new([Fate::Stays; ALL + 1]);
        fates[(YOUNG.start / BLOCK) as usize..FIRST].fill(Fate::Moves);
        if full {
            for (fate, block) in fates[FIRST..].iter_mut().zip(&self.blocks) {
                *fate = match block.used_for {
                    Use::From => Fate::Moves,
                    Use::Large(_) => Fate::IsMarked,
                    Use::Free | Use::Small | Use::More => Fate::Stays,
                };
            }
        }
        Fates(fates)
    }

    fn start(block: usize) -> u32 {
        (block + FIRST) as u32 * BLOCK
    }

    /// All blocks in use, with what for, where they begin, and where their objects end.
    pub fn each(&self) -> impl Iterator<Item = (Use, u32, u32)> + '_ {
        self.blocks.iter().enumerate().map(|(i, block)| {
            let start = Blocks::start(i);
            (block.used_for, start, block.end)
        })
    }

    /// What the block of an offset is for, where it begins, and where its objects end if they are small.
    pub fn of(&self, offset: u32) -> Option<(Use, Range<u32>)> {
        let i = (offset / BLOCK) as usize;
        let block = self.blocks.get(i.checked_sub(FIRST)?)?;
        Some((block.used_for, Blocks::start(i - FIRST)..block.end))
    }

    /// Where an object begins at or before a card of a block of small ones, to walk on from.
    pub fn start_before(&self, card: u32) -> u32 {
        let block = (card / BLOCK) as usize - FIRST;
        let block_start = Blocks::start(block);
        let starts = self.blocks[block]
            .starts
            .as_ref()
            .expect("of small objects");
        let at = ((card - block_start) >> CARD_SHIFT) as usize;
        let begins_with_one = |c: &usize| starts[*c] != NONE && (*c < at || starts[*c] == 0);
        let found = (0..=at)
            .rev()
            .find(begins_with_one)
            .expect("a block begins with an object");
        block_start + ((found as u32) << CARD_SHIFT) + u32::from(starts[found]) * 8
    }

    /// All small objects are about to be moved elsewhere.
    pub fn begin_moving(&mut self) {
        self.current = None;
        for block in &mut self.blocks {
            if block.used_for == Use::Small {
                block.used_for = Use::From;
            }
        }
    }

    /// They are moved.
    pub fn end_moving(&mut self) {
        for i in 0..self.blocks.len() {
            if self.blocks[i].used_for == Use::From {
                self.release(i, 1);
            }
        }
    }

    /// Gives a large object's blocks back.
    pub fn release_large(&mut self, object: u32) {
        let block = (object / BLOCK) as usize - FIRST;
        if let Use::Large(count) = self.blocks[block].used_for {
            self.release(block, count as usize);
        }
    }

    fn release(&mut self, first: usize, count: usize) {
        for block in &mut self.blocks[first..first + count] {
            block.used_for = Use::Free;
        }
        self.in_use -= count;
        self.first_free = self.first_free.min(first);
    }

    /// The first of so many free blocks in a row.
    fn find(&mut self, count: usize) -> Option<usize> {
        let mut run = 0;
        for i in self.first_free..ALL - FIRST {
            let free = (self.blocks.get(i)).is_none_or(|block| block.used_for == Use::Free);
            run = if free { run + 1 } else { 0 };
            if run == count {
                return Some(i + 1 - count);
            }
        }
        None
    }
}

impl Heap {
    /// Takes blocks that lie in a row.
    fn take(&mut self, count: usize, used_for: Use) -> Option<usize> {
        let first = self.blocks.find(count)?;
        let blocks = &mut self.blocks.blocks;
        if blocks.len() < first + count {
            blocks.resize_with(first + count, || Block {
                used_for: Use::Free,
                committed: false,
                taken: false,
                end: 0,
                starts: None,
            });
        }
        for i in first..first + count {
            let start = Blocks::start(i);
            if !self.blocks.blocks[i].committed {
                self.commit(start..start + BLOCK).ok()?;
            }
            let block = &mut self.blocks.blocks[i];
            block.committed = true;
            block.used_for = if i == first { used_for } else { Use::More };
            block.end = start;
            // A block that is set aside for a collection gets memory when an object is moved there.
            if used_for != Use::From && !std::mem::replace(&mut block.taken, true) {
                self.blocks.taken += 1;
            }
            self.clear_cards(start);
        }
        self.blocks.in_use += count;
        if count == 1 {
            self.blocks.first_free = first + 1;
        }
        Some(first)
    }

    /// Makes sure that so many bytes of small objects can be moved without fail.
    pub(super) fn ensure_room(&mut self, bytes: usize) -> Result<(), OutOfMemory> {
        // The end of a block is lost to objects that don't fit.
        let room = (BLOCK - super::LARGE) as usize;
        let taken = (0..bytes.div_ceil(room) + 1).all(|_| self.take(1, Use::From).is_some());
        // Free again, but accessible now.
        self.blocks.end_moving();
        taken.then_some(()).ok_or(OutOfMemory)
    }

    /// Makes sure that so many blocks more than are in use may be.
    pub(super) fn may_use(&mut self, more: usize, roots: &mut dyn Roots) -> bool {
        let wanted = self.blocks.in_use + more;
        if wanted <= self.blocks.granted || wanted > self.blocks.most {
            return wanted <= self.blocks.granted;
        }
        // Asking costs something.
        let wanted_or_more = wanted.next_multiple_of(AT_ONCE).min(self.blocks.most);
        for wanted in [wanted_or_more, wanted] {
            let from = YOUNG.len() + self.blocks.granted();
            if roots.may_grow(from, YOUNG.len() + wanted * BLOCK as usize) {
                self.blocks.granted = wanted;
                return true;
            }
        }
        false
    }

    /// A place for a small object that is moved here.
    #[inline]
    pub(super) fn new_old(&mut self, size: u32) -> u32 {
        let fits = |i: usize| self.blocks.blocks[i].end + size <= Blocks::start(i) + BLOCK;
        let current = match self.blocks.current {
            Some(current) if fits(current) => current,
            _ => self.next_small(),
        };
        let block = &mut self.blocks.blocks[current];
        let object = block.end;
        block.end += size;
        let within = object - Blocks::start(current);
        let card = (within >> CARD_SHIFT) as usize;
        let starts = block.starts.as_mut().expect("set when it was taken");
        if starts[card] == NONE {
            starts[card] = (within % (1 << CARD_SHIFT) / 8) as u8;
        }
        object
    }

    /// Takes a block for small objects.
    #[cold]
    fn next_small(&mut self) -> usize {
        let block = self.take(1, Use::Small);
        let block = block.expect("there is room: `ensure_room`");
        let starts = &mut self.blocks.blocks[block].starts;
        starts
            .get_or_insert_with(|| Box::new([NONE; CARDS]))
            .fill(NONE);
        self.blocks.current = Some(block);
        block
    }

    /// A place for a large object, if there may be one more.
    pub(super) fn new_large(&mut self, size: u32, roots: &mut dyn Roots) -> Option<u32> {
        let count = size.div_ceil(BLOCK) as usize;
        if !self.may_use(count, roots) {
            return None;
        }
        let first = self.take(count, Use::Large(count as u32))?;
        Some(Blocks::start(first))
    }

    fn clear_cards(&mut self, block: u32) {
        // SAFETY: the cards of a block, which are in the reservation and accessible with it.
        unsafe { self.card(block).write_bytes(0, CARDS) };
    }

    /// The cards of a block that were changed, which no longer count as that.
    pub(super) fn take_changed(&mut self, block: u32, changed: &mut Vec<u32>) {
        // SAFETY: as in `clear_cards`; nothing else refers to them.
        let cards = unsafe { std::slice::from_raw_parts_mut(self.card(block), CARDS) };
        for (i, eight) in cards.chunks_mut(8).enumerate() {
            if *eight == [0; 8] {
                continue;
            }
            for (j, card) in eight.iter_mut().enumerate() {
                if std::mem::take(card) != 0 {
                    changed.push(block + (((i * 8 + j) as u32) << CARD_SHIFT));
                }
            }
        }
    }
}
