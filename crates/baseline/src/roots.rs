//! Where references are while a call goes on, for the garbage collector, which may move what they name.
//!
//! At a call no operand is in a register. References among the locals are in their homes: those that are pinned
//! are so to registers that are saved there and loaded again around calls. So what a frame
//! holds is those homes, and the slots of operands that are references.
//!
//! Calls are counted in the order in which their code is asked for, so that an operand's time on the stack is a stretch of
//! them. The calls of allocations without room are emitted last, but in that order too; what is in a register there
//! was stored to its slot.

use crate::body::Ty;
use crate::frame::FrameLayout;
use crate::state::{Func, Place};
use mainspring_abi::Root;

/// What is known about references in the frame.
#[derive(Default)]
pub(crate) struct Roots {
    /// Whether any call may move objects.
    is_needed: bool,
    /// All calls so far. In place of what it returns to: [`WITHOUT_ROOM`].
    calls: Vec<u32>,
    /// What those of allocations without room return to.
    without_room: Vec<u32>,
    /// Of each position of the stack, how many calls there had been when its operand came to a register or slot.
    since: Vec<u32>,
    /// Operands that were there for some calls.
    operands: Vec<Stretch>,
    /// Homes of locals that are references and used.
    locals: Vec<i32>,
}

/// The call of an allocation without room.
const WITHOUT_ROOM: u32 = u32::MAX;

/// A slot that held a reference from one call to before another.
struct Stretch {
    slot: i32,
    from: u32,
    to: u32,
}

impl Roots {
    pub(crate) fn clear(&mut self) {
        self.is_needed = false;
        self.calls.clear();
        self.without_room.clear();
        self.since.clear();
        self.operands.clear();
        self.locals.clear();
    }

    /// How many operands are described so far.
    pub(crate) fn len(&self) -> usize {
        self.operands.len()
    }

    /// The operand of a position, a reference, is in a register or slot from now on.
    #[inline]
    pub(crate) fn begin(&mut self, position: usize) {
        if !self.is_needed {
            return;
        }
        if self.since.len() <= position {
            self.since.resize((position + 1).next_power_of_two(), 0);
        }
        self.since[position] = self.calls.len() as u32;
    }

    /// The operand of a position, a reference, is gone.
    #[inline]
    pub(crate) fn end(&mut self, position: usize, place: Place, layout: &FrameLayout) {
        if !self.is_needed {
            return;
        }
        let slot = match place {
            Place::Reg(_) => layout.slot(position as u32),
            Place::Slot(slot) => layout.slot(slot),
            Place::Local(_) | Place::Const(_) => return,
        };
        let (from, to) = (self.since[position], self.calls.len() as u32);
        if from < to {
            let slot = slot.displacement();
            self.operands.push(Stretch { slot, from, to });
        }
    }

    /// A call whose code is yet to be made, of an allocation without room.
    pub(crate) fn expect_call(&mut self) {
        if self.is_needed {
            self.calls.push(WITHOUT_ROOM);
        }
    }

    /// The next of the calls that were expected was emitted, and returns to `code`.
    pub(crate) fn note_expected(&mut self, code: u32) {
        self.without_room.push(code);
    }

    /// All of them.
    pub(crate) fn finish(&mut self) -> Vec<Root> {
        let mut all = Vec::new();
        self.find(&mut all, false);
        self.find(&mut all, true);
        Root::link(&mut all);
        all
    }

    /// Finds the roots of calls with or without room.
    fn find(&self, all: &mut Vec<Root>, without_room: bool) {
        let direct: Vec<u32>;
        let codes = match without_room {
            true => &self.without_room,
            false => {
                let codes = self.calls.iter().filter(|&&code| code != WITHOUT_ROOM);
                direct = codes.copied().collect();
                &direct
            }
        };
        let (Some(&first), Some(&last)) = (codes.first(), codes.last()) else {
            return;
        };
        let locals = self.locals.iter();
        all.extend(locals.map(|&home| Root::of_calls(first..=last, home)));
        // How many of these there are before each of all calls.
        let mut before = Vec::with_capacity(self.calls.len() + 1);
        let mut count = 0_usize;
        before.push(0);
        for &code in &self.calls {
            count += usize::from((code == WITHOUT_ROOM) == without_room);
            before.push(count);
        }
        for stretch in &self.operands {
            let (from, to) = (before[stretch.from as usize], before[stretch.to as usize]);
            if from < to {
                all.push(Root::of_calls(codes[from]..=codes[to - 1], stretch.slot));
            }
        }
    }
}

impl Func<'_, '_> {
    /// Finds the locals that are references, once all have their homes. One that nothing uses is not looked at again.
    pub(crate) fn list_local_roots(&mut self) {
        if !self.input.offsets.needs_heap() {
            return;
        }
        self.roots.is_needed = true;
        let references =
            (self.locals.iter()).filter(|local| local.ty == Ty::Ref && local.is_used());
        self.roots.locals.extend(references.map(|local| local.home));
    }

    /// A call was just emitted: notes that references that are used after it wait meanwhile.
    #[inline]
    pub(crate) fn note_roots(&mut self) {
        if self.roots.is_needed {
            debug_assert!(self.regs.busy_is_empty(), "a call changes registers");
            self.roots.calls.push(self.asm.offset());
        }
    }
}
