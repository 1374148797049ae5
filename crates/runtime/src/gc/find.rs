//! Where objects begin. A number that comes from outside is taken for a reference only if it is one: what only looks like
//! an object may be anything the guest has written.

use super::blocks::Use;
use super::{EDEN, Heap, SURVIVORS, YOUNG};
use mainspring_abi::gc::{CARD_SHIFT, OBJECT_ALIGNMENT, VMHeap};
use std::ops::Range;

/// Where young objects begin, as far as someone has asked since the last collection.
#[derive(Default)]
pub(super) struct YoungStarts {
    /// A bit for each place where an object can begin that is not old; none if no one has asked.
    bits: Vec<u64>,
    /// All before this are known, in eden.
    until: u32,
}

impl YoungStarts {
    /// Objects were moved.
    pub fn forget(&mut self) {
        self.bits.clear();
    }

    fn place(object: u32) -> (usize, u64) {
        let n = (object - YOUNG.start) / OBJECT_ALIGNMENT;
        ((n / 64) as usize, 1 << (n % 64))
    }

    fn add(&mut self, object: u32) {
        let (word, bit) = YoungStarts::place(object);
        self.bits[word] |= bit;
    }

    fn has(&self, object: u32) -> bool {
        let (word, bit) = YoungStarts::place(object);
        self.bits[word] & bit != 0
    }
}

impl Heap {
    /// Whether an object begins at an offset.
    ///
    /// Each young object is looked at once between two collections, however often this is asked.
    pub fn is_object(&mut self, vm: &VMHeap, offset: u32) -> bool {
        if !offset.is_multiple_of(OBJECT_ALIGNMENT) {
            return false;
        }
        if (YOUNG.start..self.eden_end.max(YOUNG.end)).contains(&offset) {
            return self.is_young_object(vm.next, offset);
        }
        match self.blocks.of(offset) {
            Some((Use::Large(_), range)) => offset == range.start,
            Some((Use::Small, range)) if range.contains(&offset) => {
                let card = offset >> CARD_SHIFT << CARD_SHIFT;
                let from = self.blocks.start_before(card);
                self.objects(from..offset + 1)
                    .any(|object| object == offset)
            }
            _ => false,
        }
    }

    fn is_young_object(&mut self, next: u32, offset: u32) -> bool {
        let mut starts = std::mem::take(&mut self.young_starts);
        let is_first = starts.bits.is_empty();
        let places = self.young_len() / OBJECT_ALIGNMENT as usize;
        starts.bits.resize(places.div_ceil(64), 0);
        if is_first {
            starts.until = EDEN.start;
            let survivors = SURVIVORS[self.survivors].start..self.survivors_end;
            self.objects(survivors)
                .for_each(|object| starts.add(object));
        }
        self.objects(starts.until..next)
            .for_each(|object| starts.add(object));
        starts.until = next;
        let found = starts.has(offset);
        self.young_starts = starts;
        found
    }

    /// The objects that begin in a range, at the start of which one does.
    fn objects(&self, range: Range<u32>) -> impl Iterator<Item = u32> {
        let mut next = range.start;
        std::iter::from_fn(move || {
            let object = next;
            if object >= range.end {
                return None;
            }
            next += self.size_of(object, self.header(object));
            Some(object)
        })
    }
}
