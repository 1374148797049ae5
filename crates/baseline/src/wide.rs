//! Wide arithmetic: 128-bit integers, each of which is two operands, the lower half first.

use crate::body::Ty;
use crate::state::{Entry, Func, INTS, Value};
use crate::x64::{Alu, Reg, SCRATCH};

/// Registers that a sum works with at once, if each operand is in one of its own.
const MOST_REGISTERS: u32 = 6;

impl Func<'_, '_> {
    /// Adds or subtracts; `with_carry` does the upper half.
    pub(crate) fn wide_sum(&mut self, alu: Alu, with_carry: Alu) {
        if self.regs.temps.intersection(INTS).len() < MOST_REGISTERS {
            let len = self.stack.len();
            self.put_in_slots(len - 2, len);
        }
        let (b_low, b_high) = self.pop2();
        let (a_low, a_high) = self.pop2();
        // Everything is in place before the first instruction that sets the carry.
        let (from_low, from_high) = (self.rm(b_low), self.rm(b_high));
        let low = self.owned_besides(a_low, &[a_high, b_low, b_high]);
        let high = self.owned_besides(a_high, &[a_low, b_low, b_high]);
        self.asm.alu(alu, true, low, from_low);
        self.asm.alu(with_carry, true, high, from_high);
        self.push_reg(low, Ty::I64);
        self.push_reg(high, Ty::I64);
    }

    /// An operand in a register that may be overwritten although the others are read later.
    fn owned_besides(&mut self, entry: Entry, others: &[Entry]) -> Reg {
        let Value::Reg(reg) = self.value(entry) else {
            return self.owned(entry);
        };
        if others
            .iter()
            .all(|&other| self.value(other) != Value::Reg(reg))
        {
            return self.owned(entry);
        }
        let copy = self.alloc(Ty::I64);
        self.load_value(copy, entry);
        copy
    }

    /// All 128 bits of a product.
    pub(crate) fn wide_product(&mut self, signed: bool) {
        let (a, b) = self.pop2();
        // What it is multiplied by has to be out of the way of the product.
        let by = match self.value(b) {
            Value::Reg(reg) if reg != Reg::RAX && reg != Reg::RDX => reg,
            _ => {
                self.load_value(SCRATCH, b);
                SCRATCH
            }
        };
        self.claim(Reg::RDX);
        self.claim(Reg::RAX);
        self.load_value(Reg::RAX, a);
        self.asm.mul_wide(signed, by);
        self.push_reg(Reg::RAX, Ty::I64);
        self.push_reg(Reg::RDX, Ty::I64);
    }
}
