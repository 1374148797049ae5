//! Where references are while a call goes on, for the garbage collector, which may move what they name.
//!
//! At a call no operand is in a register. References among the locals are in their homes: those that are pinned
//! are so to registers that are saved there and loaded again around calls. So what a frame
//! holds is those homes, and the slots of operands that are references.

use crate::body::Ty;
use crate::state::{Func, Place};
use anyhow::{Result, ensure};
use mainspring_abi::Root;

/// How many places of references are noted or looked at: many more than any program has a use for, and few enough for
/// the memory and the time that they take.
const MOST_WORK: usize = 1 << 25;

/// What is known about references in the frame.
#[derive(Default)]
pub(crate) struct Roots {
    all: Vec<Root>,
    /// Homes of locals that are references and used.
    locals: Vec<i32>,
    work: usize,
}

impl Roots {
    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.locals.clear();
        self.work = 0;
    }

    /// All of them.
    pub(crate) fn finish(&mut self) -> Result<Vec<Root>> {
        ensure!(
            self.work <= MOST_WORK,
            "it has too many references in too many calls"
        );
        let mut all = std::mem::take(&mut self.all);
        all.shrink_to_fit();
        Ok(all)
    }

    /// Whether there is room to note so many places.
    pub(crate) fn charge(&mut self, places: usize) -> bool {
        self.work = self.work.saturating_add(places);
        self.work <= MOST_WORK
    }

    /// Notes what a call that returns to `code` has to keep: locals, and operands in these places.
    pub(crate) fn note(&mut self, code: u32, operands: impl Iterator<Item = i32>) {
        let slots = self.locals.iter().copied().chain(operands);
        self.all.extend(slots.map(|slot| Root { code, slot }));
    }
}

impl Func<'_, '_> {
    /// Finds the locals that are references, once all have their homes. One that nothing uses is not looked at again.
    pub(crate) fn list_local_roots(&mut self) {
        if !self.input.offsets.needs_heap() {
            return;
        }
        let references =
            (self.locals.iter()).filter(|local| local.ty == Ty::Ref && local.is_used());
        self.roots.locals.extend(references.map(|local| local.home));
    }

    /// A call was just emitted: notes the references that are used after it.
    #[inline]
    pub(crate) fn note_roots(&mut self) {
        if self.input.offsets.needs_heap() {
            self.note_references();
        }
    }

    fn note_references(&mut self) {
        if !self.charge_references() {
            return;
        }
        let layout = &self.layout;
        let operands = self.stack.iter().filter_map(|entry| match entry.place {
            Place::Slot(position) if entry.ty == Ty::Ref => {
                Some(layout.slot(position).displacement())
            }
            _ => {
                debug_assert!(!matches!(entry.place, Place::Reg(_)), "a call changes it");
                None
            }
        });
        self.roots.note(self.asm.offset(), operands);
    }

    /// Whether the references of the frame can be noted once more.
    pub(crate) fn charge_references(&mut self) -> bool {
        let places = self.stack.len() + self.roots.locals.len();
        self.roots.charge(places)
    }
}
