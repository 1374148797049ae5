//! The operand stack: what is pushed, popped, and brought out of registers and locals.
//!
//! The operands that are in a register, or stand for a local, are a chain. So whoever needs the register, or changes the
//! local, finds them without going through all operands, of which a body may leave as many as it has operators.
//! What is done to an operand here is done once or twice while it is on the stack: never is more looked at than was pushed.

use crate::body::Ty;
use crate::state::{Entry, Func, Place, Value};
use crate::work;
use crate::x64::{Mem, Reg, RegSet};

/// No position of the stack: the end of a chain.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// An operand's neighbours in the chain of those that are in the same place, if it is in one.
#[derive(Clone, Copy)]
pub(crate) struct Links {
    before: u32,
    next: u32,
}

impl Func<'_, '_> {
    #[inline]
    pub(crate) fn push(&mut self, place: Place, ty: Ty) {
        let position = self.stack.len();
        self.stack.push(Entry { place, ty });
        match place {
            Place::Reg(_) | Place::Local(_) => self.link(position, place),
            Place::Slot(_) | Place::Const(_) => {}
        }
        if ty == Ty::Ref && matches!(place, Place::Reg(_) | Place::Slot(_)) {
            self.roots.begin(position);
        }
    }

    #[inline]
    pub(crate) fn push_const(&mut self, bits: u64, ty: Ty) {
        self.push(Place::Const(bits), ty);
    }

    #[inline]
    pub(crate) fn push_reg(&mut self, reg: Reg, ty: Ty) {
        self.push(Place::Reg(reg), ty);
    }

    /// Pops an operand. If it is in a register, that is locked.
    #[inline]
    pub(crate) fn pop(&mut self) -> Entry {
        let entry = self.drop_operand();
        if let Value::Reg(reg) = self.value(entry) {
            self.regs.locked.insert(reg);
        }
        entry
    }

    /// Pops an operand that nothing needs.
    #[inline]
    pub(crate) fn drop_operand(&mut self) -> Entry {
        let entry = self
            .stack
            .pop()
            .expect("validated: the operand is on the stack");
        let position = self.stack.len();
        self.settled = self.settled.min(position);
        self.unlink(position, entry.place);
        if entry.ty == Ty::Ref {
            self.roots.end(position, entry.place, &self.layout);
        }
        entry
    }

    /// Pops two operands, in the order in which they were pushed.
    #[inline]
    pub(crate) fn pop2(&mut self) -> (Entry, Entry) {
        let second = self.pop();
        (self.pop(), second)
    }

    /// Pops three operands, in the order in which they were pushed.
    pub(crate) fn pop3(&mut self) -> (Entry, Entry, Entry) {
        let third = self.pop();
        let (first, second) = self.pop2();
        (first, second, third)
    }

    /// Drops all operands above a height.
    pub(crate) fn truncate(&mut self, height: usize) {
        while self.stack.len() > height {
            self.drop_operand();
        }
    }

    /// The slot of a position of the stack.
    #[inline]
    pub(crate) fn slot(&mut self, position: u32) -> Mem {
        self.layout.highest_slot = self.layout.highest_slot.max(position + 1);
        self.layout.slot(position)
    }

    // Chains.

    /// The first of the operands that are in a place.
    #[inline]
    fn head(&mut self, place: Place) -> Option<&mut u32> {
        match place {
            Place::Reg(reg) => Some(&mut self.regs.operands[reg.0 as usize]),
            Place::Local(local) => Some(&mut self.locals[local as usize].operands),
            Place::Slot(_) | Place::Const(_) => None,
        }
    }

    /// An operand is in a register or local from now on.
    #[inline]
    fn link(&mut self, position: usize, place: Place) {
        let Some(head) = self.head(place) else { return };
        let next = std::mem::replace(head, position as u32);
        if let Place::Reg(reg) = place {
            self.regs.busy.insert(reg);
        }
        if self.links.len() <= position {
            self.more_links(position);
        }
        let before = NOWHERE;
        self.links[position] = Links { before, next };
        if next != NOWHERE {
            self.links[next as usize].before = position as u32;
        }
    }

    #[cold]
    fn more_links(&mut self, position: usize) {
        let none = Links {
            before: NOWHERE,
            next: NOWHERE,
        };
        self.links.resize((position + 1).next_power_of_two(), none);
    }

    /// An operand is not in the place any more that it was in.
    #[inline]
    fn unlink(&mut self, position: usize, place: Place) {
        if !matches!(place, Place::Reg(_) | Place::Local(_)) {
            return;
        }
        let Links { before, next } = self.links[position];
        if next != NOWHERE {
            self.links[next as usize].before = before;
        }
        if before != NOWHERE {
            self.links[before as usize].next = next;
        } else if let Some(head) = self.head(place) {
            *head = next;
        }
        if let Place::Reg(reg) = place
            && self.regs.operands[reg.0 as usize] == NOWHERE
        {
            self.regs.busy.remove(reg);
        }
    }

    /// The positions of the operands that are in some registers, from the bottom up, but at most so many if that is said.
    /// None if there are more.
    pub(crate) fn positions_in(&self, regs: RegSet, most: usize) -> Option<Vec<u32>> {
        let mut positions = Vec::new();
        for reg in regs.intersection(self.regs.busy) {
            let mut at = self.regs.operands[reg.0 as usize];
            while at != NOWHERE {
                work::count(1);
                if positions.len() == most {
                    return None;
                }
                positions.push(at);
                at = self.links[at as usize].next;
            }
        }
        positions.sort_unstable();
        Some(positions)
    }

    // Bringing operands to slots.

    /// Brings what is in some register to slots.
    pub(crate) fn spill_one(&mut self, file: RegSet) -> Reg {
        let candidates = self.regs.temps.intersection(file).minus(self.regs.locked);
        // All of them hold operands. What was pushed last is needed first.
        let reg = candidates
            .into_iter()
            .min_by_key(|reg| self.regs.operands[reg.0 as usize])
            .expect("no operator works with all registers at once");
        self.spill(reg);
        self.uncache(reg);
        reg
    }

    /// Brings all operands that are in a register to slots.
    pub(crate) fn spill(&mut self, reg: Reg) {
        self.spill_below(reg.set(), usize::MAX);
    }

    /// Brings all operands out of registers that a call does not preserve.
    pub(crate) fn spill_registers(&mut self) {
        self.spill_below(self.regs.busy, usize::MAX);
    }

    /// Brings the operands below a height that are in some registers to slots.
    pub(crate) fn spill_below(&mut self, regs: RegSet, height: usize) {
        if regs.intersection(self.regs.busy).is_empty() {
            return;
        }
        let mut positions = std::mem::take(self.positions);
        for reg in regs.intersection(self.regs.busy) {
            let mut at = self.regs.operands[reg.0 as usize];
            while at != NOWHERE {
                work::count(1);
                if (at as usize) < height {
                    positions.push(at);
                }
                at = self.links[at as usize].next;
            }
        }
        positions.sort_unstable();
        for position in positions.drain(..) {
            self.spill_at(position as usize);
        }
        *self.positions = positions;
    }

    /// Brings an operand to its slot.
    fn spill_at(&mut self, position: usize) {
        let entry = self.stack[position];
        let slot = self.slot(position as u32);
        self.store_value(slot, entry);
        self.unlink(position, entry.place);
        self.stack[position].place = Place::Slot(position as u32);
        if entry.ty == Ty::Ref && !matches!(entry.place, Place::Reg(_) | Place::Slot(_)) {
            self.roots.begin(position);
        }
    }

    // What must hold where code comes together.

    /// Brings all operands below a height out of registers and locals: to slots, or constants.
    pub(crate) fn settle(&mut self, height: usize) {
        for position in self.settled..height {
            work::count(1);
            if matches!(self.stack[position].place, Place::Reg(_) | Place::Local(_)) {
                self.spill_at(position);
            }
        }
        self.settled = self.settled.max(height);
    }

    /// Brings the operands from one height to another to their own slots, constants too.
    pub(crate) fn put_in_slots(&mut self, from: usize, to: usize) {
        for position in from..to {
            work::count(1);
            if self.stack[position].place != Place::Slot(position as u32) {
                self.spill_at(position);
            }
        }
    }

    /// A local is about to change: operands that stand for it become what it was.
    pub(crate) fn detach(&mut self, local: u32) {
        let first = self.locals[local as usize].operands;
        if first == NOWHERE {
            return;
        }
        let ty = self.locals[local as usize].ty;
        let entry = Entry {
            place: Place::Local(local),
            ty,
        };
        let reg = match self.locals[local as usize].cached {
            Some(reg) => reg,
            None => {
                let reg = self.alloc(ty);
                self.load_value(reg, entry);
                reg
            }
        };
        self.locals[local as usize].operands = NOWHERE;
        let mut at = first;
        while at != NOWHERE {
            work::count(1);
            let position = at as usize;
            at = self.links[position].next;
            self.stack[position].place = Place::Reg(reg);
            self.link(position, Place::Reg(reg));
            if ty == Ty::Ref {
                self.roots.begin(position);
            }
        }
    }
}
