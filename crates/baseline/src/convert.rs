//! Conversions between types of numbers.

use crate::body::Ty;
use crate::float::by_width;
use crate::state::{Func, Place, Value};
use crate::x64::{Alu, Cond, Op, Reg, Rm, SCRATCH, Shift, XSCRATCH, op};
use mainspring_abi::TrapCode;

impl Func<'_, '_> {
    pub(crate) fn wrap(&mut self) {
        let value = self.pop();
        match self.value(value) {
            Value::Imm(bits) => self.push_const(bits & 0xffff_ffff, Ty::I32),
            Value::Reg(reg) if self.is_free(reg) && !self.is_cached(reg) => {
                self.regs.dirty.insert(reg);
                self.push_reg(reg, Ty::I32);
            }
            Value::Reg(from) => {
                let to = self.result_reg(Ty::I32);
                self.asm.mov(false, to, from);
                self.push_reg(to, Ty::I32);
            }
            Value::Mem(from) => {
                let to = self.result_reg(Ty::I32);
                self.asm.load(false, to, from);
                self.push_reg(to, Ty::I32);
            }
        }
    }

    pub(crate) fn extend_unsigned(&mut self) {
        let value = self.pop();
        match self.value(value) {
            Value::Imm(bits) => self.push_const(bits, Ty::I64),
            Value::Reg(reg) if self.regs.temps.contains(reg) && !self.regs.dirty.contains(reg) => {
                self.push_reg(reg, Ty::I64);
            }
            _ => {
                let to = match self.wanted(false) {
                    Some(to) => to,
                    None => match self.value(value) {
                        Value::Reg(reg) if self.is_free(reg) && !self.is_cached(reg) => reg,
                        _ => self.alloc(Ty::I64),
                    },
                };
                match self.rm(value) {
                    Rm::Reg(from) => self.asm.mov(false, to, from),
                    Rm::Mem(from) => self.asm.load(false, to, from),
                }
                self.regs.dirty.remove(to);
                self.push_reg(to, Ty::I64);
            }
        }
    }

    /// Sign-extends the lowest 8, 16 or 32 bits.
    pub(crate) fn extend(&mut self, bits: u8, to: Ty) {
        let value = self.pop();
        if let Place::Const(value) = value.place {
            let shift = 64 - bits;
            let value = value.cast_signed() << shift >> shift;
            let value = match to {
                Ty::I32 => value as u64 & 0xffff_ffff,
                _ => value as u64,
            };
            return self.push_const(value, to);
        }
        let from = self.rm(value);
        let reg = self.result_reg(to);
        let wide = to == Ty::I64;
        match (bits, from) {
            (8, Rm::Reg(from)) => self.asm.rr_bytes(op::MOVSX8, wide, reg, from),
            (8, from) => self.asm.rm(op::MOVSX8, wide, reg, from),
            (16, from) => self.asm.rm(op::MOVSX16, wide, reg, from),
            (_, from) => self.asm.rm(op::MOVSXD, true, reg, from),
        }
        self.push_reg(reg, to);
    }

    // To floats.

    /// A signed integer.
    pub(crate) fn convert_signed(&mut self, from: Ty, to: Ty) {
        let value = self.pop();
        let value = self.rm(value);
        let reg = self.result_reg(to);
        self.int_to_float(reg, from == Ty::I64, value, to);
        self.push_reg(reg, to);
    }

    /// Without waiting for what the register held.
    fn int_to_float(&mut self, reg: Reg, wide: bool, value: Rm, to: Ty) {
        let op = by_width(to, op::CVTSI2SS, op::CVTSI2SD);
        match self.cpu.avx {
            true => {
                self.asm.vex(op::XORPS, false, reg, reg, Rm::Reg(reg));
                self.asm.vex(op, wide, reg, reg, value);
            }
            false => {
                self.asm.rr(op::XORPS, false, reg, reg);
                self.asm.rm(op, wide, reg, value);
            }
        }
    }

    /// 32 bits without a sign are 64 with one.
    pub(crate) fn convert_unsigned_32(&mut self, to: Ty) {
        let value = self.pop();
        let value = self.in_clean_reg(value);
        let reg = self.result_reg(to);
        self.int_to_float(reg, true, Rm::Reg(value), to);
        self.push_reg(reg, to);
    }

    /// A number that looks negative is halved, with its lowest bit kept for rounding, and the result
    /// doubled.
    pub(crate) fn convert_unsigned_64(&mut self, to: Ty) {
        let value = self.pop();
        let from = self.in_reg(value);
        let halved = self.alloc(Ty::I64);
        let reg = self.alloc(to);
        let (large, done) = (self.asm.label(), self.asm.label());
        self.asm.test(true, from, from);
        self.asm.jcc(Cond::Sign, large);
        self.int_to_float(reg, true, Rm::Reg(from), to);
        self.asm.jmp(done);
        self.asm.bind(large);
        self.asm.mov(true, halved, from);
        self.asm.mov(true, SCRATCH, from);
        self.asm.shift_imm(Shift::Shr, true, halved, 1);
        self.asm.alu_imm(Alu::And, false, Rm::Reg(SCRATCH), 1);
        self.asm.alu(Alu::Or, true, halved, Rm::Reg(SCRATCH));
        self.int_to_float(reg, true, Rm::Reg(halved), to);
        self.asm
            .rr(by_width(to, op::ADDSS, op::ADDSD), false, reg, reg);
        self.asm.bind(done);
        self.push_reg(reg, to);
    }

    pub(crate) fn change_width(&mut self, to: Ty) {
        let value = self.pop();
        let from = self.in_reg(value);
        let reg = self.float_result(from, to);
        let op = match to {
            Ty::F64 => op::CVTSS2SD,
            _ => op::CVTSD2SS,
        };
        match self.cpu.avx {
            true => self.asm.vex(op, false, reg, from, Rm::Reg(from)),
            false => self.asm.rr(op, false, reg, from),
        }
        self.canonicalize(reg, to);
        self.push_reg(reg, to);
    }

    // To integers. The instructions return the least integer for what they can't convert.

    /// Traps if the integral part of the float is not a value of the type.
    pub(crate) fn truncate_float(&mut self, from: Ty, to: Ty, signed: bool) {
        let (value, reg) = self.float_to_convert(to);
        if !signed {
            self.truncate_unsigned(value, reg, from, to);
            return self.push_reg(reg, to);
        }
        let wide = to == Ty::I64;
        self.truncating(from, wide, reg, value);
        let done = self.asm.label();
        self.asm.alu_imm(Alu::Cmp, wide, Rm::Reg(reg), 1);
        // Only the least integer can't have 1 taken from it: was it the float's, or an error's?
        let failed = self.asm.label();
        self.asm.jcc(Cond::Overflow, failed);
        self.asm.jmp(done);
        self.asm.bind(failed);
        self.test_nan(value, from);
        let not_a_number = self.trap_label(TrapCode::BadConversionToInteger);
        self.asm.jcc(Cond::Parity, not_a_number);
        // The least float that is too small, or the least that is not.
        let (least, too_small) = match (from, wide) {
            (Ty::F32, false) => (u64::from((-2_147_483_648_f32).to_bits()), Cond::Below),
            (Ty::F32, true) => (
                u64::from((-9_223_372_036_854_775_808_f32).to_bits()),
                Cond::Below,
            ),
            (_, false) => ((-2_147_483_649_f64).to_bits(), Cond::BelowEqual),
            (_, true) => ((-9_223_372_036_854_775_808_f64).to_bits(), Cond::Below),
        };
        self.compare_with(value, least, from);
        let overflow = self.trap_label(TrapCode::IntegerOverflow);
        self.asm.jcc(too_small, overflow);
        self.asm.rr(op::XORPS, false, XSCRATCH, XSCRATCH);
        self.asm.rr(compare(from), false, value, XSCRATCH);
        self.asm.jcc(Cond::AboveEqual, overflow);
        self.asm.bind(done);
        self.push_reg(reg, to);
    }

    fn float_to_convert(&mut self, to: Ty) -> (Reg, Reg) {
        let value = self.pop();
        let value = self.in_reg(value);
        (value, self.alloc(to))
    }

    fn truncating(&mut self, from: Ty, wide: bool, to: Reg, value: Reg) {
        self.asm.rr(
            by_width(from, op::CVTTSS2SI, op::CVTTSD2SI),
            wide,
            to,
            value,
        );
    }

    fn compare_with(&mut self, value: Reg, bits: u64, ty: Ty) {
        self.load_const(XSCRATCH, bits, ty);
        self.asm.rr(compare(ty), false, value, XSCRATCH);
    }

    fn truncate_unsigned(&mut self, value: Reg, reg: Reg, from: Ty, to: Ty) {
        self.test_nan(value, from);
        let not_a_number = self.trap_label(TrapCode::BadConversionToInteger);
        self.asm.jcc(Cond::Parity, not_a_number);
        let overflow = self.trap_label(TrapCode::IntegerOverflow);
        self.compare_with(value, minus_one(from), from);
        self.asm.jcc(Cond::BelowEqual, overflow);
        if to == Ty::I32 {
            self.compare_with(value, power(32, from), from);
            self.asm.jcc(Cond::AboveEqual, overflow);
            self.truncating(from, true, reg, value);
            return;
        }
        self.compare_with(value, power(64, from), from);
        self.asm.jcc(Cond::AboveEqual, overflow);
        self.truncate_unsigned_64(value, reg, from);
    }

    /// A float below 2^64: from 2^63 on without that, which is added to the result.
    fn truncate_unsigned_64(&mut self, value: Reg, reg: Reg, from: Ty) {
        let (large, done) = (self.asm.label(), self.asm.label());
        self.compare_with(value, power(63, from), from);
        self.asm.jcc(Cond::AboveEqual, large);
        self.truncating(from, true, reg, value);
        self.asm.jmp(done);
        self.asm.bind(large);
        // Both are held in registers that are not the operand's, which may be a local's.
        let subtract = by_width(from, op::SUBSS, op::SUBSD);
        let half = match from {
            Ty::F32 => self.asm.constant(&(power(63, from) as u32).to_le_bytes()),
            _ => self.asm.constant(&power(63, from).to_le_bytes()),
        };
        self.asm.rr(op::MOVAPS, false, XSCRATCH, value);
        self.asm.rmem(subtract, false, XSCRATCH, half);
        self.truncating(from, true, reg, XSCRATCH);
        self.alu_const(Alu::Xor, reg, 1 << 63);
        self.asm.bind(done);
    }

    /// What can't be represented becomes what is nearest, and no number zero.
    pub(crate) fn truncate_saturating(&mut self, from: Ty, to: Ty, signed: bool) {
        let (value, reg) = self.float_to_convert(to);
        let wide = to == Ty::I64;
        let done = self.asm.label();
        if signed {
            self.saturate_signed(value, reg, from, wide);
        } else {
            let too_large = self.asm.label();
            // Zero for no number and for what is not above zero.
            self.asm.zero(reg);
            self.asm.rr(op::XORPS, false, XSCRATCH, XSCRATCH);
            self.asm.rr(compare(from), false, value, XSCRATCH);
            self.asm.jcc(Cond::Parity, done);
            self.asm.jcc(Cond::BelowEqual, done);
            self.compare_with(value, power(if wide { 64 } else { 32 }, from), from);
            self.asm.jcc(Cond::AboveEqual, too_large);
            match wide {
                true => self.truncate_unsigned_64(value, reg, from),
                false => self.truncating(from, true, reg, value),
            }
            self.asm.jmp(done);
            self.asm.bind(too_large);
            self.asm
                .mov_imm(reg, if wide { u64::MAX } else { 0xffff_ffff });
        }
        self.asm.bind(done);
        self.push_reg(reg, to);
    }

    fn saturate_signed(&mut self, value: Reg, reg: Reg, from: Ty, wide: bool) {
        let (failed, small, done) = (self.asm.label(), self.asm.label(), self.asm.label());
        self.truncating(from, wide, reg, value);
        self.asm.alu_imm(Alu::Cmp, wide, Rm::Reg(reg), 1);
        self.asm.jcc(Cond::Overflow, failed);
        self.asm.jmp(done);
        self.asm.bind(failed);
        self.asm.rr(op::XORPS, false, XSCRATCH, XSCRATCH);
        self.asm.rr(compare(from), false, value, XSCRATCH);
        let number = self.asm.label();
        self.asm.jcc(Cond::NotParity, number);
        self.asm.mov_imm(reg, 0);
        self.asm.jmp(done);
        self.asm.bind(number);
        // What is too small has become the least already.
        self.asm.jcc(Cond::Below, small);
        let greatest = if wide { i64::MAX as u64 } else { 0x7fff_ffff };
        self.asm.mov_imm(reg, greatest);
        self.asm.bind(small);
        self.asm.bind(done);
    }
}

fn compare(ty: Ty) -> Op {
    by_width(ty, op::UCOMISS, op::UCOMISD)
}

fn power(exponent: i32, ty: Ty) -> u64 {
    match ty {
        Ty::F32 => u64::from(2_f32.powi(exponent).to_bits()),
        _ => 2_f64.powi(exponent).to_bits(),
    }
}

fn minus_one(ty: Ty) -> u64 {
    match ty {
        Ty::F32 => u64::from((-1_f32).to_bits()),
        _ => (-1_f64).to_bits(),
    }
}
