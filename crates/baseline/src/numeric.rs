//! Integers: constants, comparisons, arithmetic.

use crate::body::{Ty, opcode};
use crate::state::{Entry, Func, Place, Value};
use crate::x64::{Alu, Cond, Mem, Op, Reg, Rm, SCRATCH, Shift, op};
use mainspring_abi::TrapCode;

/// What flags say about a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Test {
    One(Cond),
    /// Either of two: floats differ or are unordered.
    Either(Cond, Cond),
    /// Both: floats are equal and ordered.
    Both(Cond, Cond),
}

impl Test {
    pub(crate) fn inverted(self) -> Test {
        match self {
            Test::One(cond) => Test::One(cond.inverted()),
            Test::Either(a, b) => Test::Both(a.inverted(), b.inverted()),
            Test::Both(a, b) => Test::Either(a.inverted(), b.inverted()),
        }
    }
}

/// A constant that instructions can hold, as 64 bits extended by their sign.
fn immediate(entry: Entry) -> Option<i32> {
    match (entry.place, entry.ty) {
        (Place::Const(bits), Ty::I32 | Ty::Ref) => Some(bits as u32 as i32),
        (Place::Const(bits), _) => i32::try_from(bits.cast_signed()).ok(),
        _ => None,
    }
}

impl Func<'_, '_> {
    // Comparisons.

    /// Flags hold a comparison's result: leaves them to the next operator if it can use them, or makes
    /// a number of them.
    pub(crate) fn compared(&mut self, mut test: Test) {
        while self.body.peek() == opcode::I32_EQZ {
            self.body.advance(1);
            test = test.inverted();
        }
        if matches!(
            self.body.peek(),
            opcode::BR_IF | opcode::IF | opcode::SELECT
        ) {
            self.pending = Some(test);
            return;
        }
        let to = self.result_reg(Ty::I32);
        match test {
            Test::One(cond) => self.asm.setcc(cond, to),
            Test::Either(a, b) => {
                self.asm.setcc(a, to);
                self.asm.setcc(b, SCRATCH);
                self.asm.alu(Alu::Or, false, to, Rm::Reg(SCRATCH));
            }
            Test::Both(a, b) => {
                self.asm.setcc(a, to);
                self.asm.setcc(b, SCRATCH);
                self.asm.alu(Alu::And, false, to, Rm::Reg(SCRATCH));
            }
        }
        self.asm.rr_bytes(op::MOVZX8, false, to, to);
        self.push_reg(to, Ty::I32);
    }

    /// The condition of the operator at hand, in flags.
    pub(crate) fn condition(&mut self) -> Test {
        if let Some(test) = self.pending.take() {
            return test;
        }
        let value = self.pop();
        self.test_zero(value);
        Test::One(Cond::NotEqual)
    }

    /// Compares with zero.
    fn test_zero(&mut self, value: Entry) {
        let wide = value.ty == Ty::I64;
        match self.value(value) {
            Value::Mem(mem) if !matches!(value.place, Place::Local(_)) => {
                self.asm.alu_imm(Alu::Cmp, wide, Rm::Mem(mem), 0);
            }
            _ => {
                let reg = self.in_reg(value);
                if self.zero_flag != (reg, wide, self.asm.offset()) {
                    self.asm.test(wide, reg, reg);
                }
            }
        }
    }

    /// The instruction that was just emitted left its result in a register, and flags accordingly.
    fn flags_follow(&mut self, reg: Reg, ty: Ty) {
        self.zero_flag = (reg, ty == Ty::I64, self.asm.offset());
    }

    pub(crate) fn eqz(&mut self) {
        let value = self.pop();
        self.test_zero(value);
        self.compared(Test::One(Cond::Equal));
    }

    pub(crate) fn compare(&mut self, cond: Cond) {
        let (a, b) = self.pop2();
        let (a, b, cond) = match (a.place, b.place) {
            (Place::Const(_), Place::Const(_)) => (a, b, cond),
            (Place::Const(_), _) => (b, a, cond.swapped()),
            _ => (a, b, cond),
        };
        let wide = a.ty == Ty::I64;
        match immediate(b) {
            Some(0) if matches!(cond, Cond::Equal | Cond::NotEqual) => self.test_zero(a),
            Some(value) => {
                let a = self.rm(a);
                self.asm.alu_imm(Alu::Cmp, wide, a, value);
            }
            None => {
                let a = self.in_reg(a);
                let b = self.rm(b);
                self.asm.alu(Alu::Cmp, wide, a, b);
            }
        }
        self.compared(Test::One(cond));
    }

    pub(crate) fn select(&mut self) {
        let test = self.condition();
        let (first, second) = self.pop2();
        if first.ty.is_float() {
            return self.select_float(test, first, second);
        }
        // The second unless the test holds; with two conditions to be met, the other way round.
        let (test, chosen, other) = match test {
            Test::Both(..) => (test.inverted(), second, first),
            _ => (test, first, second),
        };
        let wanted = self.wanted(false);
        let chosen = match self.value(chosen) {
            Value::Reg(reg) => Rm::Reg(reg),
            _ => self.rm(chosen),
        };
        let wide = first.ty == Ty::I64;
        let to = match wanted {
            Some(reg) if chosen != Rm::Reg(reg) => self.owned_in(other, Some(reg)),
            _ if chosen == self.place_of(other) => {
                let to = self.alloc(other.ty);
                self.load_value(to, other);
                to
            }
            _ => self.owned(other),
        };
        match test {
            Test::One(cond) => self.asm.cmov(cond, wide, to, chosen),
            Test::Either(a, b) => {
                self.asm.cmov(a, wide, to, chosen);
                self.asm.cmov(b, wide, to, chosen);
            }
            Test::Both(..) => unreachable!("turned round"),
        }
        self.regs.dirty.remove(to);
        self.push_reg(to, first.ty);
    }

    /// The register of an operand, if it is in one.
    fn place_of(&self, entry: Entry) -> Rm {
        match self.value(entry) {
            Value::Reg(reg) => Rm::Reg(reg),
            _ => Rm::Reg(SCRATCH),
        }
    }

    fn select_float(&mut self, test: Test, first: Entry, second: Entry) {
        let to = self.alloc(first.ty);
        self.load_value(to, first);
        let chosen = self.asm.label();
        self.branch_if(test, chosen);
        self.load_value(to, second);
        self.asm.bind(chosen);
        self.push_reg(to, first.ty);
    }

    // Arithmetic.

    /// Where the result of `a op b` goes if it overwrites `a`: not where `b` is.
    fn wanted_besides(&self, b: Entry) -> Option<Reg> {
        self.wanted(false)
            .filter(|&reg| self.value(b) != Value::Reg(reg))
    }

    /// `add`, `and`, `or`, `xor`.
    pub(crate) fn commutative(&mut self, alu: Alu, ty: Ty) {
        let (mut a, mut b) = self.pop2();
        if matches!(a.place, Place::Const(_)) {
            std::mem::swap(&mut a, &mut b);
        }
        if let (Place::Const(x), Place::Const(y)) = (a.place, b.place) {
            return self.push_const(fold(alu, x, y, ty), ty);
        }
        let wide = ty == Ty::I64;
        if alu == Alu::And && self.test_instead(a, b, wide) {
            return;
        }
        let wanted = self.wanted(false);
        // What may be overwritten, or is where the result is wanted, to the left.
        if immediate(b).is_none() {
            let (left, right) = (self.value(a), self.value(b));
            let better = match wanted {
                Some(reg) => right == Value::Reg(reg),
                None => self.may_overwrite(right) && !self.may_overwrite(left),
            };
            if better {
                std::mem::swap(&mut a, &mut b);
            }
        }
        if alu == Alu::Add && self.add_elsewhere(a, b, wanted, ty) {
            return;
        }
        let wanted = self.wanted_besides(b);
        match immediate(b) {
            Some(value) => {
                let to = self.owned_in(a, wanted);
                self.asm.alu_imm(alu, wide, Rm::Reg(to), value);
                self.flags_follow(to, ty);
                self.arithmetic_result(to, ty);
            }
            None => {
                let b = self.rm(b);
                let to = self.owned_in(a, wanted);
                self.asm.alu(alu, wide, to, b);
                self.flags_follow(to, ty);
                self.arithmetic_result(to, ty);
            }
        }
    }

    fn arithmetic_result(&mut self, to: Reg, ty: Ty) {
        self.regs.dirty.remove(to);
        self.push_reg(to, ty);
    }

    fn may_overwrite(&self, value: Value) -> bool {
        match value {
            Value::Reg(reg) => self.is_free(reg) && !self.is_cached(reg),
            _ => false,
        }
    }

    /// `lea` adds into a register that neither operand is in.
    fn add_elsewhere(&mut self, a: Entry, b: Entry, wanted: Option<Reg>, ty: Ty) -> bool {
        let Value::Reg(base) = self.value(a) else {
            return false;
        };
        if wanted == Some(base) || (wanted.is_none() && self.may_overwrite(Value::Reg(base))) {
            return false;
        }
        let from = match (self.value(b), immediate(b)) {
            (_, Some(value)) => Mem::at(base, value),
            (Value::Reg(index), _) => Mem::indexed(base, index, 0, 0),
            _ => return false,
        };
        let to = wanted.unwrap_or_else(|| self.alloc(ty));
        self.asm.lea(ty == Ty::I64, to, from);
        self.arithmetic_result(to, ty);
        true
    }

    /// A conjunction of which only is asked whether it is zero.
    fn test_instead(&mut self, a: Entry, b: Entry, wide: bool) -> bool {
        let mut ahead = self.body;
        let next = ahead.byte();
        let is_zero_test = next == opcode::I32_EQZ && !wide || next == 0x50 && wide;
        let cond = match next {
            opcode::BR_IF | opcode::IF if !wide => Cond::NotEqual,
            _ if is_zero_test && matches!(ahead.peek(), opcode::BR_IF | opcode::IF) => {
                self.body.advance(1);
                Cond::Equal
            }
            _ => return false,
        };
        let a = self.in_reg(a);
        match immediate(b) {
            Some(mask) => self.asm.test_imm(wide, a, mask),
            None => {
                let b = self.in_reg(b);
                self.asm.test(wide, a, b);
            }
        }
        self.pending = Some(Test::One(cond));
        true
    }

    pub(crate) fn sub(&mut self, ty: Ty) {
        let (a, b) = self.pop2();
        let wide = ty == Ty::I64;
        if let (Place::Const(x), Place::Const(y)) = (a.place, b.place) {
            return self.push_const(fold(Alu::Sub, x, y, ty), ty);
        }
        let wanted = self.wanted_besides(b);
        match immediate(b) {
            Some(value) if value != i32::MIN => {
                let negative = Entry {
                    place: Place::Const(match ty {
                        Ty::I32 => u64::from((-value).cast_unsigned()),
                        _ => i64::from(-value).cast_unsigned(),
                    }),
                    ty,
                };
                if self.add_elsewhere(a, negative, self.wanted(false), ty) {
                    return;
                }
                let to = self.owned_in(a, wanted);
                self.asm.alu_imm(Alu::Sub, wide, Rm::Reg(to), value);
                self.flags_follow(to, ty);
                self.arithmetic_result(to, ty);
            }
            _ => {
                let b = self.rm(b);
                let to = self.owned_in(a, wanted);
                self.asm.alu(Alu::Sub, wide, to, b);
                self.flags_follow(to, ty);
                self.arithmetic_result(to, ty);
            }
        }
    }

    pub(crate) fn mul(&mut self, ty: Ty) {
        let (mut a, mut b) = self.pop2();
        if matches!(a.place, Place::Const(_)) {
            std::mem::swap(&mut a, &mut b);
        }
        let wide = ty == Ty::I64;
        if let Some(value) = immediate(b) {
            let a = self.rm(a);
            let to = self.result_reg(ty);
            self.asm.imul_imm(wide, to, a, value);
            return self.arithmetic_result(to, ty);
        }
        if self.wanted(false).map(Value::Reg) == Some(self.value(b)) {
            std::mem::swap(&mut a, &mut b);
        }
        let wanted = self.wanted_besides(b);
        let b = self.rm(b);
        let to = self.owned_in(a, wanted);
        self.asm.imul(wide, to, b);
        self.arithmetic_result(to, ty);
    }

    /// Division and remainder.
    pub(crate) fn divide(&mut self, ty: Ty, signed: bool, remainder: bool) {
        let (a, b) = self.pop2();
        if !signed
            && let Place::Const(divisor) = b.place
            && divisor.is_power_of_two()
        {
            return self.divide_by_power(a, divisor, ty, remainder);
        }
        let wide = ty == Ty::I64;
        // The divisor has to be out of the way of the dividend.
        let divisor = match self.value(b) {
            Value::Reg(reg) if reg != Reg::RAX && reg != Reg::RDX => reg,
            _ => {
                self.load_value(SCRATCH, b);
                SCRATCH
            }
        };
        // Where the dividend is keeps its contents while these are claimed.
        self.claim(Reg::RDX);
        self.claim(Reg::RAX);
        self.load_value(Reg::RAX, a);
        let known = match b.place {
            Place::Const(bits) => Some(sign_extended(bits, ty)),
            _ => None,
        };
        if known.is_none_or(|divisor| divisor == 0) {
            self.asm.test(wide, divisor, divisor);
            let by_zero = self.trap_label(TrapCode::IntegerDivisionByZero);
            self.asm.jcc(Cond::Equal, by_zero);
        }
        let done = self.asm.label();
        if !signed {
            self.asm.zero(Reg::RDX);
        } else {
            if known.is_none_or(|divisor| divisor == -1) {
                self.divide_by_minus_one(wide, divisor, remainder, done);
            }
            self.asm.sign_to_rdx(wide);
        }
        self.asm.div(wide, signed, divisor);
        self.asm.bind(done);
        let result = if remainder { Reg::RDX } else { Reg::RAX };
        self.arithmetic_result(result, ty);
    }

    /// What the processor can't divide: the quotient of the least number overflows, its remainder is
    /// zero. Others go on.
    fn divide_by_minus_one(
        &mut self,
        wide: bool,
        divisor: Reg,
        remainder: bool,
        done: crate::x64::Label,
    ) {
        let other = self.asm.label();
        self.asm.alu_imm(Alu::Cmp, wide, Rm::Reg(divisor), -1);
        self.asm.jcc(Cond::NotEqual, other);
        if remainder {
            self.asm.zero(Reg::RDX);
            self.asm.jmp(done);
        } else {
            // The least number is the one from which 1 can't be taken.
            self.asm.alu_imm(Alu::Cmp, wide, Rm::Reg(Reg::RAX), 1);
            let overflow = self.trap_label(TrapCode::IntegerOverflow);
            self.asm.jcc(Cond::Overflow, overflow);
        }
        self.asm.bind(other);
    }

    fn divide_by_power(&mut self, a: Entry, divisor: u64, ty: Ty, remainder: bool) {
        let wide = ty == Ty::I64;
        let to = self.wanted(false);
        let to = self.owned_in(a, to);
        let shift = divisor.trailing_zeros() as u8;
        if !remainder {
            if shift > 0 {
                self.asm.shift_imm(Shift::Shr, wide, to, shift);
            } else if !wide {
                self.asm.mov(false, to, to);
            }
        } else if shift <= 31 {
            let mask = (divisor - 1) as i32;
            self.asm.alu_imm(Alu::And, wide, Rm::Reg(to), mask);
        } else {
            self.asm.mov_imm(SCRATCH, divisor - 1);
            self.asm.alu(Alu::And, wide, to, Rm::Reg(SCRATCH));
        }
        self.arithmetic_result(to, ty);
    }

    // Shifts and rotations.

    pub(crate) fn shift(&mut self, shift: Shift, ty: Ty) {
        let (a, b) = self.pop2();
        let wide = ty == Ty::I64;
        if let Place::Const(count) = b.place {
            return self.shift_const(shift, a, count as u8 & if wide { 63 } else { 31 }, ty);
        }
        let extended = match shift {
            Shift::Shl => Some(op::SHLX),
            Shift::Shr => Some(op::SHRX),
            Shift::Sar => Some(op::SARX),
            Shift::Rol | Shift::Ror => None,
        };
        if let Some(op) = extended.filter(|_| self.cpu.bmi2) {
            return self.shift_extended(op, a, b, ty);
        }
        // The count has to be in `cl`.
        let to = match self.value(a) {
            Value::Reg(reg) if reg != Reg::RCX && self.is_free(reg) => self.owned(a),
            _ => {
                self.load_value(SCRATCH, a);
                SCRATCH
            }
        };
        if self.value(b) != Value::Reg(Reg::RCX) {
            self.claim(Reg::RCX);
            self.load_value(Reg::RCX, b);
        }
        self.asm.shift_cl(shift, wide, to);
        let to = if to == SCRATCH {
            let reg = self.result_reg(ty);
            self.copy(reg, SCRATCH, ty);
            reg
        } else {
            to
        };
        self.arithmetic_result(to, ty);
    }

    fn shift_extended(&mut self, op: Op, a: Entry, b: Entry, ty: Ty) {
        let count = self.in_reg(b);
        let a = self.rm(a);
        let to = self.result_reg(ty);
        self.asm.shiftx(op, ty == Ty::I64, to, a, count);
        self.arithmetic_result(to, ty);
    }

    fn shift_const(&mut self, shift: Shift, a: Entry, count: u8, ty: Ty) {
        let wide = ty == Ty::I64;
        if shift == Shift::Shl && (1..=3).contains(&count) {
            if ty == Ty::I32 && self.body.peek() == opcode::I32_ADD && self.add_scaled(a, count) {
                return;
            }
            if let Value::Reg(index) = self.value(a)
                && count == 1
                && !self.may_overwrite(Value::Reg(index))
            {
                let to = self.result_reg(ty);
                self.asm.lea(wide, to, Mem::indexed(index, index, 0, 0));
                return self.arithmetic_result(to, ty);
            }
        }
        let to = self.wanted(false);
        let to = self.owned_in(a, to);
        if count > 0 || !wide {
            self.asm.shift_imm(shift, wide, to, count);
        }
        if count == 0 && !wide {
            self.asm.mov(false, to, to);
        }
        self.arithmetic_result(to, ty);
    }

    /// A shifted operand that is added to the one below it: one instruction for both operators.
    fn add_scaled(&mut self, index: Entry, scale: u8) -> bool {
        if matches!(index.place, Place::Const(_)) || matches!(self.top().place, Place::Const(_)) {
            return false;
        }
        self.body.advance(1);
        let base = self.pop();
        let (index, base) = (self.in_reg(index), self.in_reg(base));
        let to = self.result_reg(Ty::I32);
        self.asm.lea(false, to, Mem::indexed(base, index, scale, 0));
        self.arithmetic_result(to, Ty::I32);
        true
    }

    // Counting bits.

    pub(crate) fn clz(&mut self, ty: Ty) {
        let wide = ty == Ty::I64;
        let value = self.pop();
        let from = self.rm(value);
        if self.cpu.lzcnt {
            let to = self.result_reg(ty);
            self.asm.rm(op::LZCNT, wide, to, from);
            return self.arithmetic_result(to, ty);
        }
        // The highest bit's number; of nothing, what makes the difference the width.
        let to = self.alloc(ty);
        let bits = if wide { 64 } else { 32 };
        self.asm.mov_imm(SCRATCH, bits * 2 - 1);
        self.asm.rm(op::BSR, wide, to, from);
        self.asm.cmov(Cond::Equal, wide, to, Rm::Reg(SCRATCH));
        self.asm
            .alu_imm(Alu::Xor, wide, Rm::Reg(to), bits as i32 - 1);
        self.arithmetic_result(to, ty);
    }

    pub(crate) fn ctz(&mut self, ty: Ty) {
        let wide = ty == Ty::I64;
        let value = self.pop();
        let from = self.rm(value);
        if self.cpu.bmi1 {
            let to = self.result_reg(ty);
            self.asm.rm(op::TZCNT, wide, to, from);
            return self.arithmetic_result(to, ty);
        }
        let to = self.alloc(ty);
        self.asm.mov_imm(SCRATCH, if wide { 64 } else { 32 });
        self.asm.rm(op::BSF, wide, to, from);
        self.asm.cmov(Cond::Equal, wide, to, Rm::Reg(SCRATCH));
        self.arithmetic_result(to, ty);
    }

    pub(crate) fn popcnt(&mut self, ty: Ty) {
        let wide = ty == Ty::I64;
        let value = self.pop();
        if self.cpu.popcnt {
            let from = self.rm(value);
            let to = self.result_reg(ty);
            self.asm.rm(op::POPCNT, wide, to, from);
            return self.arithmetic_result(to, ty);
        }
        self.popcnt_by_sums(value, ty);
    }

    /// Sums of neighbours: of bits, of pairs, of fours, then of all bytes by a multiplication.
    fn popcnt_by_sums(&mut self, value: Entry, ty: Ty) {
        let wide = ty == Ty::I64;
        let keep = |mask: u64| if wide { mask } else { mask & 0xffff_ffff };
        let to = self.owned(value);
        let mask = self.alloc(ty);
        self.asm.mov(wide, SCRATCH, to);
        self.asm.shift_imm(Shift::Shr, wide, SCRATCH, 1);
        self.asm.mov_imm(mask, keep(0x5555_5555_5555_5555));
        self.asm.alu(Alu::And, wide, SCRATCH, Rm::Reg(mask));
        self.asm.alu(Alu::Sub, wide, to, Rm::Reg(SCRATCH));
        self.asm.mov_imm(mask, keep(0x3333_3333_3333_3333));
        self.asm.mov(wide, SCRATCH, to);
        self.asm.alu(Alu::And, wide, to, Rm::Reg(mask));
        self.asm.shift_imm(Shift::Shr, wide, SCRATCH, 2);
        self.asm.alu(Alu::And, wide, SCRATCH, Rm::Reg(mask));
        self.asm.alu(Alu::Add, wide, to, Rm::Reg(SCRATCH));
        self.asm.mov(wide, SCRATCH, to);
        self.asm.shift_imm(Shift::Shr, wide, SCRATCH, 4);
        self.asm.alu(Alu::Add, wide, to, Rm::Reg(SCRATCH));
        self.asm.mov_imm(mask, keep(0x0f0f_0f0f_0f0f_0f0f));
        self.asm.alu(Alu::And, wide, to, Rm::Reg(mask));
        self.asm.mov_imm(mask, keep(0x0101_0101_0101_0101));
        self.asm.imul(wide, to, Rm::Reg(mask));
        self.asm
            .shift_imm(Shift::Shr, wide, to, if wide { 56 } else { 24 });
        self.arithmetic_result(to, ty);
    }
}

fn sign_extended(bits: u64, ty: Ty) -> i64 {
    match ty {
        Ty::I32 => i64::from(bits as i32),
        _ => bits.cast_signed(),
    }
}

fn fold(alu: Alu, x: u64, y: u64, ty: Ty) -> u64 {
    let bits = match alu {
        Alu::Add => x.wrapping_add(y),
        Alu::Sub => x.wrapping_sub(y),
        Alu::And => x & y,
        Alu::Or => x | y,
        Alu::Xor => x ^ y,
        Alu::Cmp => unreachable!("a comparison has no result"),
        Alu::Adc | Alu::Sbb => unreachable!("nothing knows the carry"),
    };
    match ty {
        Ty::I32 => bits & 0xffff_ffff,
        _ => bits,
    }
}
