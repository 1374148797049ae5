//! Arrays. Ranges of elements are the runtime's business, which also checks them.

use crate::body::Ty;
use crate::state::{Entry, Func, Place};
use crate::x64::{Alu, Cond, Mem, Reg, Rm, SCRATCH};
use mainspring_abi::gc::{ARRAY_ELEMENTS_AT, ARRAY_LENGTH_AT};
use mainspring_abi::{Builtin, TrapCode};
use mainspring_wasm::TypeIndex;

/// An index that was checked.
#[derive(Clone, Copy)]
enum Index {
    /// So many bytes from the first element.
    Known(i32),
    /// In a register, and how far it has to be shifted.
    Reg(Reg, u8),
}

/// An element of an array.
struct Element {
    place: Mem,
    /// Whether an access to it faults if the index is out of bounds.
    may_fault: bool,
    array: Reg,
    index: Index,
    /// A register that nothing is in, or a part of the address.
    aside: Reg,
}

impl Func<'_, '_> {
    // Making them.

    pub(crate) fn array_new(&mut self) {
        let ty = TypeIndex(self.body.u32());
        let first = self.stack.len() - 2;
        let length = self.stack[first + 1];
        self.call_builtin(Builtin::ArrayNew, &[Entry::i32(ty.0), length]);
        self.push_int_result(Ty::Ref);
        if self.stack[first].place != Place::Const(0) {
            self.fill(first + 2, None, first, first + 1);
        }
        let array = self.pop();
        let array = self.owned(array);
        self.truncate(first);
        self.push_reg(array, Ty::Ref);
    }

    pub(crate) fn array_new_default(&mut self) {
        let ty = TypeIndex(self.body.u32());
        let length = self.pop();
        self.call_builtin(Builtin::ArrayNew, &[Entry::i32(ty.0), length]);
        self.push_int_result(Ty::Ref);
    }

    pub(crate) fn array_new_fixed(&mut self) {
        let (ty, count) = (TypeIndex(self.body.u32()), self.body.u32());
        let (storage, bytes) = self.element(ty);
        let first = self.stack.len() - count as usize;
        let size = u64::from(ARRAY_ELEMENTS_AT) + u64::from(count) * u64::from(bytes);
        let new = self.allocate(Builtin::ArrayNew, ty, Some(count), size);
        for n in 0..count {
            let value = self.stack[first + n as usize];
            self.initialize(&new, ARRAY_ELEMENTS_AT + n * bytes, storage, value);
        }
        self.truncate(first);
        self.push_reg(new.reference, Ty::Ref);
    }

    /// An array of a part of a data or element segment.
    pub(crate) fn array_new_from(&mut self, builtin: Builtin) {
        let (ty, segment) = (self.body.u32(), self.body.u32());
        let (from, count) = self.pop2();
        let args = [Entry::i32(ty), Entry::i32(segment), from, count];
        self.call_builtin(builtin, &args);
        self.push_int_result(Ty::Ref);
    }

    // Ranges.

    /// Sets elements to a part of a data or element segment.
    pub(crate) fn array_init_from(&mut self, builtin: Builtin) {
        let (_, segment) = (self.body.u32(), self.body.u32());
        let (to, from, count) = self.pop3();
        let array = self.pop();
        let args = [array, Entry::i32(segment), to, from, count];
        self.call_builtin(builtin, &args);
    }

    pub(crate) fn array_fill(&mut self) {
        self.body.u32();
        let first = self.stack.len() - 4;
        self.fill(first, Some(first + 1), first + 2, first + 3);
        self.truncate(first);
    }

    pub(crate) fn array_copy(&mut self) {
        self.body.u32();
        self.body.u32();
        let (from_array, from, count) = self.pop3();
        let (to_array, to) = self.pop2();
        let args = [to_array, to, from_array, from, count];
        self.call_builtin(Builtin::ArrayCopy, &args);
    }

    /// Has the runtime fill a part of an array, from its start if nothing else is said. The operands are those of
    /// these positions, and stay.
    fn fill(&mut self, array: usize, at: Option<usize>, value: usize, count: usize) {
        self.put_in_slots(value, value + 1);
        let slot = self.slot(value as u32);
        let half = |place| Entry { place, ty: Ty::I64 };
        // Of what is in the slot as many bytes count as an element has.
        let lower = half(Place::Slot(value as u32));
        let upper = match self.stack[value].ty {
            Ty::V128 => {
                let upper = self.alloc(Ty::I64);
                self.asm.load(true, upper, slot.plus(8));
                half(Place::Reg(upper))
            }
            _ => half(Place::Const(0)),
        };
        let at = at.map_or(Entry::i32(0), |at| self.stack[at]);
        let args = [self.stack[array], at, lower, upper, self.stack[count]];
        self.call_builtin(Builtin::ArrayFill, &args);
    }

    // Elements.

    pub(crate) fn array_get(&mut self, signed: bool) {
        let ty = TypeIndex(self.body.u32());
        let (array, index) = self.pop2();
        let element = self.checked_element(ty, array, index);
        let (storage, _) = self.element(ty);
        let to = self.loaded_reg(storage);
        if element.may_fault {
            self.may_trap(TrapCode::ArrayOutOfBounds);
        }
        self.load_stored(to, element.place, storage, signed);
    }

    pub(crate) fn array_set(&mut self) {
        let ty = TypeIndex(self.body.u32());
        let (array, index, value) = self.pop3();
        let value = self.storable(value);
        let element = self.checked_element(ty, array, index);
        let (storage, _) = self.element(ty);
        if element.may_fault {
            self.may_trap(TrapCode::ArrayOutOfBounds);
        }
        let aside = element.aside;
        self.store_stored(element.place, value, storage, aside);
        if self.is_traced(storage) {
            let first = ARRAY_ELEMENTS_AT as i32;
            let at = match element.index {
                Index::Known(bytes) => Mem::at(element.array, first + bytes),
                Index::Reg(index, shift) => Mem::indexed(element.array, index, shift, first),
            };
            self.asm.lea(false, aside, at);
            self.heap_base();
            self.mark_card(aside);
        }
    }

    pub(crate) fn array_len(&mut self) {
        let array = self.pop();
        let array = self.in_clean_reg(array);
        let to = self.result_reg(Ty::I32);
        self.heap_base();
        self.may_trap(TrapCode::NullReference);
        let length = Mem::indexed(SCRATCH, array, 0, ARRAY_LENGTH_AT as i32);
        self.asm.load(false, to, length);
        self.regs.dirty.remove(to);
        self.push_reg(to, Ty::I32);
    }

    /// Where an element is, with its index checked. The scratch register is a part of the address.
    fn checked_element(&mut self, ty: TypeIndex, array: Entry, index: Entry) -> Element {
        let (_, bytes) = self.element(ty);
        let array = self.in_clean_reg(array);
        let known = match index.place {
            Place::Const(index) => known_index(index as u32, bytes),
            _ => None,
        };
        let index_reg = match known {
            None => Some(self.in_clean_reg(index)),
            Some(_) => None,
        };
        let aside = self.alloc(Ty::I64);
        self.heap_base();
        self.asm.alu(Alu::Add, true, SCRATCH, Rm::Reg(array));
        let length = Mem::at(SCRATCH, ARRAY_LENGTH_AT as i32);
        let (outside, index) = match (known, index_reg) {
            (None, Some(mut reg)) => {
                self.may_trap(TrapCode::NullReference);
                self.asm.alu(Alu::Cmp, false, reg, Rm::Mem(length));
                let mut shift = bytes.ilog2() as u8;
                if shift > 3 {
                    self.asm.lea(true, aside, Mem::indexed(reg, reg, 0, 0));
                    (reg, shift) = (aside, shift - 1);
                }
                (Cond::AboveEqual, Index::Reg(reg, shift))
            }
            (known, _) => {
                let (index, at) = known.expect("the index is known or in a register");
                self.may_trap(TrapCode::NullReference);
                self.asm.alu_imm(Alu::Cmp, false, Rm::Mem(length), index);
                (Cond::BelowEqual, Index::Known(at))
            }
        };
        let place = match index {
            Index::Known(bytes) => Mem::at(SCRATCH, bytes),
            Index::Reg(reg, shift) => Mem::indexed(SCRATCH, reg, shift, 0),
        };
        let (place, may_fault) = self.guard_element(outside, place, aside);
        Element {
            place: place.plus(ARRAY_ELEMENTS_AT as i32),
            may_fault,
            array,
            index,
            aside,
        }
    }

    /// Rules out that code goes on where flags say that an index is out of bounds. Says whether the
    /// access is what traps.
    fn guard_element(&mut self, outside: Cond, place: Mem, aside: Reg) -> (Mem, bool) {
        if !self.input.settings.spectre_mitigation {
            let trap = self.trap_label(TrapCode::ArrayOutOfBounds);
            self.asm.jcc(outside, trap);
            return (place, false);
        }
        // An address near 0 for what is out of bounds, even where a branch was mispredicted.
        self.asm.lea(true, aside, place);
        self.asm.mov_imm(SCRATCH, 0);
        self.asm.cmov(outside, true, aside, Rm::Reg(SCRATCH));
        (Mem::at(aside, 0), true)
    }
}

/// An index and where its element is behind the first, if instructions can hold both.
fn known_index(index: u32, bytes: u32) -> Option<(i32, i32)> {
    let at = index.checked_mul(bytes)?;
    let with_header = at.checked_add(ARRAY_ELEMENTS_AT)?;
    i32::try_from(with_header).ok()?;
    Some((index as i32, at as i32))
}
