//! Floats: comparisons and arithmetic.

use crate::body::Ty;
use crate::numeric::Test;
use crate::state::{Entry, Func, Value};
use crate::x64::{Alu, Cond, Op, Reg, Rm, SCRATCH, XSCRATCH, op};
use mainspring_abi::Builtin;
use mainspring_error::Result;

/// Which of two instructions, by the width of a float.
pub(crate) fn by_width(ty: Ty, single: Op, double: Op) -> Op {
    match ty {
        Ty::F32 => single,
        _ => double,
    }
}

/// A bit pattern that holds for one float of a type: its sign, or all but its sign.
fn sign_mask(ty: Ty) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[if ty == Ty::F32 { 3 } else { 7 }] = 0x80;
    bytes
}

fn all_but_sign(ty: Ty) -> [u8; 16] {
    let mut bytes = [0xff; 16];
    bytes[if ty == Ty::F32 { 3 } else { 7 }] = 0x7f;
    bytes
}

/// How floats are rounded to integral ones, by the number in the instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Round {
    Nearest = 0,
    Floor = 1,
    Ceil = 2,
    Trunc = 3,
}

impl Round {
    fn builtin(self, ty: Ty) -> Builtin {
        match (self, ty) {
            (Round::Nearest, Ty::F32) => Builtin::NearestF32,
            (Round::Floor, Ty::F32) => Builtin::FloorF32,
            (Round::Ceil, Ty::F32) => Builtin::CeilF32,
            (Round::Trunc, Ty::F32) => Builtin::TruncF32,
            (Round::Nearest, _) => Builtin::NearestF64,
            (Round::Floor, _) => Builtin::FloorF64,
            (Round::Ceil, _) => Builtin::CeilF64,
            (Round::Trunc, _) => Builtin::TruncF64,
        }
    }
}

impl Func<'_, '_> {
    /// `op to, a, b`, with `to` anything.
    pub(crate) fn three(&mut self, op: Op, to: Reg, a: Reg, b: Rm) {
        if self.cpu.avx {
            self.asm.vex(op, false, to, a, b);
            return;
        }
        if to == a {
            return self.asm.rm(op, false, to, b);
        }
        if b == Rm::Reg(to) {
            self.asm.rr(op::MOVAPS, false, XSCRATCH, to);
            self.asm.rr(op::MOVAPS, false, to, a);
            return self.asm.rr(op, false, to, XSCRATCH);
        }
        self.asm.rr(op::MOVAPS, false, to, a);
        self.asm.rm(op, false, to, b);
    }

    /// An operand of 16 bytes in memory that is not known to be aligned, or in a register.
    pub(crate) fn vector_rm(&mut self, entry: Entry) -> Rm {
        match self.value(entry) {
            Value::Mem(_) if !self.cpu.avx => Rm::Reg(self.in_reg(entry)),
            _ => self.rm(entry),
        }
    }

    /// A register for a result that may be the one that an operand was in.
    pub(crate) fn float_result(&mut self, a: Reg, ty: Ty) -> Reg {
        match self.wanted(true) {
            Some(reg) => reg,
            None if self.is_free(a) && !self.is_cached(a) => a,
            None => self.alloc(ty),
        }
    }

    pub(crate) fn float_binary(&mut self, ty: Ty, single: Op, double: Op) -> Result<()> {
        let (a, b) = self.pop2();
        let a = self.in_reg(a);
        let b = self.rm(b);
        let to = self.float_result(a, ty);
        self.three(by_width(ty, single, double), to, a, b);
        self.canonicalize(to, ty);
        self.push_reg(to, ty);
        Ok(())
    }

    pub(crate) fn sqrt(&mut self, ty: Ty) {
        let value = self.pop();
        let from = self.in_reg(value);
        let to = self.float_result(from, ty);
        let op = by_width(ty, op::SQRTSS, op::SQRTSD);
        self.upper_from_itself(op, to, from);
        self.canonicalize(to, ty);
        self.push_reg(to, ty);
    }

    /// An instruction with one operand, without waiting for what `to` held.
    fn upper_from_itself(&mut self, op: Op, to: Reg, from: Reg) {
        match self.cpu.avx {
            true => self.asm.vex(op, false, to, from, Rm::Reg(from)),
            false => self.asm.rr(op, false, to, from),
        }
    }

    pub(crate) fn round(&mut self, round: Round, ty: Ty) {
        let value = self.pop();
        if !self.cpu.sse41 {
            return self.round_by_builtin(round.builtin(ty), value, ty);
        }
        let from = self.in_reg(value);
        let to = self.float_result(from, ty);
        let op = by_width(ty, op::ROUNDSS, op::ROUNDSD);
        // The fourth bit: without a flag for inexact results.
        let mode = round as u8 | 8;
        match self.cpu.avx {
            true => self.asm.vexi8(op, to, from, Rm::Reg(from), mode),
            false => self.asm.rmi8(op, false, to, Rm::Reg(from), mode),
        }
        self.canonicalize(to, ty);
        self.push_reg(to, ty);
    }

    fn round_by_builtin(&mut self, builtin: Builtin, value: Entry, ty: Ty) {
        self.call_builtin(builtin, &[value]);
        // The builtin may return a signalling NaN as it is; a product never is one.
        let one = match ty {
            Ty::F32 => u64::from(1_f32.to_bits()),
            _ => 1_f64.to_bits(),
        };
        let result = Reg::XMM0;
        self.load_const(XSCRATCH, one, ty);
        self.asm
            .rr(by_width(ty, op::MULSS, op::MULSD), false, result, XSCRATCH);
        self.canonicalize(result, ty);
        self.push_float_result(ty);
    }

    pub(crate) fn abs(&mut self, ty: Ty) {
        let mask = self.asm.constant(&all_but_sign(ty));
        self.with_mask(op::ANDPS, Rm::Mem(mask), ty);
    }

    pub(crate) fn neg(&mut self, ty: Ty) {
        let mask = self.asm.constant(&sign_mask(ty));
        self.with_mask(op::XORPS, Rm::Mem(mask), ty);
    }

    fn with_mask(&mut self, op: Op, mask: Rm, ty: Ty) {
        let value = self.pop();
        let from = self.in_reg(value);
        let to = self.float_result(from, ty);
        self.three(op, to, from, mask);
        self.push_reg(to, ty);
    }

    pub(crate) fn copysign(&mut self, ty: Ty) {
        let (magnitude, sign) = self.pop2();
        let magnitude = self.in_reg(magnitude);
        let sign = self.in_reg(sign);
        let to = self.alloc(ty);
        let mask = self.asm.constant(&sign_mask(ty));
        self.asm.rmem(op::MOVAPS, false, XSCRATCH, mask);
        self.three(op::ANDNPS, to, XSCRATCH, Rm::Reg(magnitude));
        self.asm.rr(op::ANDPS, false, XSCRATCH, sign);
        self.asm.rr(op::ORPS, false, to, XSCRATCH);
        self.push_reg(to, ty);
    }

    /// The lesser, or the greater. The instructions for that return the second operand if the two are
    /// equal (zeros may differ in sign) or not ordered.
    pub(crate) fn min_max(&mut self, ty: Ty, greater: bool) {
        let (a, b) = self.pop2();
        let (a, b) = (self.in_reg(a), self.in_reg(b));
        let to = self.alloc(ty);
        let compare = by_width(ty, op::UCOMISS, op::UCOMISD);
        let (different, unordered, done) = (self.asm.label(), self.asm.label(), self.asm.label());
        self.asm.rr(op::MOVAPS, false, to, a);
        self.asm.rr(compare, false, a, b);
        self.asm.jcc(Cond::NotEqual, different);
        self.asm.jcc(Cond::Parity, unordered);
        // Equal: of two zeros, a negative one is less.
        let zeros = if greater { op::ANDPS } else { op::ORPS };
        self.asm.rr(zeros, false, to, b);
        self.asm.jmp(done);
        self.asm.bind(unordered);
        self.asm
            .rr(by_width(ty, op::ADDSS, op::ADDSD), false, to, b);
        self.asm.jmp(done);
        self.asm.bind(different);
        let op = match greater {
            true => by_width(ty, op::MAXSS, op::MAXSD),
            false => by_width(ty, op::MINSS, op::MINSD),
        };
        self.asm.rr(op, false, to, b);
        self.asm.bind(done);
        self.canonicalize(to, ty);
        self.push_reg(to, ty);
    }

    /// With that setting, makes a NaN the canonical one.
    pub(crate) fn canonicalize(&mut self, reg: Reg, ty: Ty) {
        if !self.input.settings.canonical_nans {
            return;
        }
        let number = self.asm.label();
        self.asm
            .rr(by_width(ty, op::UCOMISS, op::UCOMISD), false, reg, reg);
        self.asm.jcc(Cond::NotParity, number);
        let nan = match ty {
            Ty::F32 => 0x7fc0_0000,
            _ => 0x7ff8_0000_0000_0000,
        };
        self.load_const(reg, nan, ty);
        self.asm.bind(number);
    }

    // Comparisons: flags are as if of unsigned integers, with all set if the two are not ordered.

    pub(crate) fn float_equal(&mut self, ty: Ty) {
        self.compare_floats(ty, false);
        self.compared(Test::Both(Cond::NotParity, Cond::Equal));
    }

    pub(crate) fn float_not_equal(&mut self, ty: Ty) {
        self.compare_floats(ty, false);
        self.compared(Test::Either(Cond::Parity, Cond::NotEqual));
    }

    /// `cond` is `Above` or `AboveEqual`, which are false if the two are not ordered; `swapped` makes
    /// less of greater.
    pub(crate) fn float_order(&mut self, ty: Ty, cond: Cond, swapped: bool) {
        self.compare_floats(ty, swapped);
        self.compared(Test::One(cond));
    }

    fn compare_floats(&mut self, ty: Ty, swapped: bool) {
        let (a, b) = self.pop2();
        let (a, b) = if swapped { (b, a) } else { (a, b) };
        let a = self.in_reg(a);
        let b = self.rm(b);
        self.asm
            .rm(by_width(ty, op::UCOMISS, op::UCOMISD), false, a, b);
    }

    // Bits.

    pub(crate) fn reinterpret(&mut self, to: Ty) {
        let value = self.pop();
        match self.value(value) {
            Value::Imm(bits) => self.push_const(bits, to),
            Value::Mem(from) => {
                let reg = self.result_reg(to);
                self.load(reg, from, to);
                self.push_reg(reg, to);
            }
            Value::Reg(from) => {
                let reg = self.result_reg(to);
                let wide = to.is_wide();
                match to.is_float() {
                    true => self.asm.rr(op::MOVD_LOAD, wide, reg, from),
                    false => self.asm.rr(op::MOVD_STORE, wide, from, reg),
                }
                self.push_reg(reg, to);
            }
        }
    }

    /// Compares a float with itself: the parity flag says whether it is a NaN.
    pub(crate) fn test_nan(&mut self, reg: Reg, ty: Ty) {
        self.asm
            .rr(by_width(ty, op::UCOMISS, op::UCOMISD), false, reg, reg);
    }

    /// The scratch register holds what makes an `and` or `cmp` with a 64-bit number possible.
    pub(crate) fn alu_const(&mut self, alu: Alu, to: Reg, value: u64) {
        self.asm.mov_imm(SCRATCH, value);
        self.asm.alu(alu, true, to, Rm::Reg(SCRATCH));
    }
}
