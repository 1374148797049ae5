//! Whether there is an object at a place: numbers that the host hands in need not be references.

use super::blocks::{BLOCK, Use};
use super::{EDEN, Heap, SURVIVORS};
use mainspring_abi::gc::{CARD_SHIFT, OBJECT_ALIGNMENT, VMHeap};
use std::ops::Range;

impl Heap {
    /// Whether an object begins at an offset. Takes time in proportion to what lies before it among the young, or in its
    /// stretch of an old block.
    pub fn is_object(&self, vm: &VMHeap, at: u32) -> bool {
        if !at.is_multiple_of(OBJECT_ALIGNMENT) {
            return false;
        }
        let survivors = SURVIVORS[self.survivors].start..self.survivors_end;
        for young in [EDEN.start..vm.next, survivors] {
            if young.contains(&at) {
                return self.walk_finds(young, at);
            }
        }
        let mut blocks = self.blocks.each();
        let block = blocks.find(|&(_, start, _)| (start..start + BLOCK).contains(&at));
        match block {
            Some((Use::Small, _, end)) if at < end => {
                let card = at >> CARD_SHIFT << CARD_SHIFT;
                self.walk_finds(self.blocks.start_before(card)..end, at)
            }
            Some((Use::Large(_), start, _)) => at == start,
            _ => false,
        }
    }

    /// Whether an object begins at an offset of a range that is all objects, one after the other.
    fn walk_finds(&self, range: Range<u32>, at: u32) -> bool {
        let mut object = range.start;
        while object < at {
            object += self.size_of(object, self.header(object));
        }
        object == at
    }
}
