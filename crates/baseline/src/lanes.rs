//! Operators on vectors that take several instructions.

use crate::body::Ty;
use crate::memory::Width;
use crate::numeric::Test;
use crate::state::Func;
use crate::x64::{Alu, Cond, Op, Reg, Rm, SCRATCH, XSCRATCH, op};
use Ty::{F32, F64, I32, I64, V128};

/// The immediate of a shuffle that brings the upper half to the lower.
const HIGH_HALF: u8 = 0xee;

impl Func<'_, '_> {
    pub(crate) fn vconst<const N: usize>(&mut self, lane: [u8; N]) -> Rm {
        let mut bytes = [0; 16];
        for chunk in bytes.chunks_exact_mut(N) {
            chunk.copy_from_slice(&lane);
        }
        Rm::Mem(self.asm.constant(&bytes))
    }

    pub(crate) fn move_vector(&mut self, to: Reg, from: Reg) {
        self.copy(to, from, V128);
    }

    fn clear(&mut self, reg: Reg) {
        self.asm.rr(op::XORPS, false, reg, reg);
    }

    /// Shifts lanes in place by a constant; `n` is the shift's number in the instruction.
    fn shift_in_place(&mut self, op: Op, n: u8, reg: Reg, count: u8) {
        self.asm.nri8(op, false, n, reg, count);
    }

    fn shift_right_in_place(&mut self, op: Op, reg: Reg, count: u8) {
        self.shift_in_place(op, 2, reg, count);
    }

    fn shift_left_in_place(&mut self, op: Op, reg: Reg, count: u8) {
        self.shift_in_place(op, 6, reg, count);
    }

    fn pshufd(&mut self, to: Reg, from: Reg, order: u8) {
        self.asm.rmi8(op::PSHUFD, false, to, Rm::Reg(from), order);
    }

    // Lanes.

    pub(crate) fn shuffle(&mut self) {
        let lanes: [u8; 16] = self.body.fixed();
        let (a, b) = self.pop_vector_regs();
        let to = self.alloc(V128);
        let first = lanes.map(|lane| if lane < 16 { lane } else { 0x80 });
        let second = lanes.map(|lane| if lane < 16 { 0x80 } else { lane - 16 });
        let (first, second) = (self.asm.constant(&first), self.asm.constant(&second));
        self.move_vector(to, a);
        self.move_vector(XSCRATCH, b);
        self.asm.rmem(op::PSHUFB, false, to, first);
        self.asm.rmem(op::PSHUFB, false, XSCRATCH, second);
        self.asm.rr(op::ORPS, false, to, XSCRATCH);
        self.push_reg(to, V128);
    }

    /// Lanes that an index beyond the last selects are zero: that is what the highest bit does.
    pub(crate) fn swizzle(&mut self) {
        let (a, indices) = self.pop_vector_regs();
        let beyond = self.vconst([0x70]);
        self.move_vector(XSCRATCH, indices);
        self.asm.rm(op::PADDUSB, false, XSCRATCH, beyond);
        let to = self.float_result(a, V128);
        self.three(op::PSHUFB, to, a, Rm::Reg(XSCRATCH));
        self.push_reg(to, V128);
    }

    pub(crate) fn splat_8(&mut self) {
        let to = self.lane_zero(false);
        self.clear(XSCRATCH);
        self.asm.rr(op::PSHUFB, false, to, XSCRATCH);
        self.push_reg(to, V128);
    }

    pub(crate) fn splat_16(&mut self) {
        let to = self.lane_zero(false);
        self.asm.rmi8(op::PSHUFLW, false, to, Rm::Reg(to), 0);
        self.pshufd(to, to, 0);
        self.push_reg(to, V128);
    }

    pub(crate) fn splat_int(&mut self, wide: bool, order: u8) {
        let to = self.lane_zero(wide);
        self.pshufd(to, to, order);
        self.push_reg(to, V128);
    }

    /// Pops an integer and brings it to the first lane.
    fn lane_zero(&mut self, wide: bool) -> Reg {
        let value = self.pop();
        let value = self.in_reg(value);
        let to = self.result_reg(V128);
        self.asm.rr(op::MOVD_LOAD, wide, to, value);
        to
    }

    pub(crate) fn splat_float(&mut self, order: u8) {
        let from = self.pop_vector();
        let to = self.float_result(from, V128);
        self.pshufd(to, from, order);
        self.push_reg(to, V128);
    }

    /// A lane, zero-extended.
    pub(crate) fn extract(&mut self, lane: u8, width: Width) {
        let from = self.pop_vector();
        let ty = if width == Width::Eight { I64 } else { I32 };
        let to = self.alloc(ty);
        let rm = Rm::Reg(to);
        match width {
            Width::Byte => self.asm.rmi8(op::PEXTRB, false, from, rm, lane),
            Width::Two => self.asm.rmi8(op::PEXTRW, false, to, Rm::Reg(from), lane),
            _ => self.asm.rmi8(op::PEXTRD, ty == I64, from, rm, lane),
        }
        self.push_reg(to, ty);
    }

    pub(crate) fn extract_float(&mut self, single: bool) {
        let lane = self.body.byte();
        let from = self.pop_vector();
        let ty = if single { F32 } else { F64 };
        let to = self.float_result(from, ty);
        match (lane, single) {
            (0, _) => self.move_vector(to, from),
            (lane, true) => self.pshufd(to, from, lane),
            (_, false) => self.pshufd(to, from, HIGH_HALF),
        }
        self.push_reg(to, ty);
    }

    pub(crate) fn replace(&mut self, width: Width) {
        let lane = self.body.byte();
        let (vector, value) = self.pop2();
        let value = self.in_reg(value);
        let to = self.owned(vector);
        self.insert(to, value, lane, width);
        self.push_reg(to, V128);
    }

    pub(crate) fn insert(&mut self, to: Reg, value: Reg, lane: u8, width: Width) {
        let op = match width {
            Width::Byte => op::PINSRB,
            Width::Two => op::PINSRW,
            _ => op::PINSRD,
        };
        let wide = width == Width::Eight;
        self.asm.rmi8(op, wide, to, Rm::Reg(value), lane);
    }

    pub(crate) fn replace_float(&mut self, single: bool) {
        let lane = self.body.byte();
        let (vector, value) = self.pop2();
        let value = self.in_reg(value);
        let to = self.alloc(V128);
        self.load_value(to, vector);
        match (lane, single) {
            (lane, true) => self
                .asm
                .rmi8(op::INSERTPS, false, to, Rm::Reg(value), lane << 4),
            (0, false) => self.asm.rr(op::MOVSD, false, to, value),
            (_, false) => self.asm.rr(op::MOVLHPS, false, to, value),
        }
        self.push_reg(to, V128);
    }

    pub(crate) fn bitselect(&mut self) {
        let (a, b, mask) = self.pop3();
        let (a, b, mask) = (self.in_reg(a), self.in_reg(b), self.in_reg(mask));
        let to = self.alloc(V128);
        self.move_vector(XSCRATCH, mask);
        self.asm.rr(op::ANDNPS, false, XSCRATCH, b);
        self.three(op::ANDPS, to, mask, Rm::Reg(a));
        self.asm.rr(op::ORPS, false, to, XSCRATCH);
        self.push_reg(to, V128);
    }

    // Comparisons and what they are asked for.

    pub(crate) fn compare_lanes(&mut self, op: Op, predicate: u8, swapped: bool) {
        let (a, b) = self.pop_vector_regs();
        let (a, b) = if swapped { (b, a) } else { (a, b) };
        let to = self.alloc(V128);
        self.move_vector(to, a);
        self.asm.rmi8(op, false, to, Rm::Reg(b), predicate);
        self.push_reg(to, V128);
    }

    /// The first is not less (or not greater) than the second if it is the greatest (least) of both.
    pub(crate) fn compare_unsigned(&mut self, extremum: Op, equal: Op, inverted: bool) {
        let (a, b) = self.pop_vector_regs();
        let to = self.alloc(V128);
        self.three(extremum, to, a, Rm::Reg(b));
        self.asm.rr(equal, false, to, a);
        if inverted {
            let ones = self.vconst([0xff]);
            self.three(op::XORPS, to, to, ones);
        }
        self.push_reg(to, V128);
    }

    pub(crate) fn all_true(&mut self, equal: Op) {
        let from = self.pop_vector();
        self.clear(XSCRATCH);
        self.asm.rr(equal, false, XSCRATCH, from);
        self.asm.rr(op::PTEST, false, XSCRATCH, XSCRATCH);
        self.compared(Test::One(Cond::Equal));
    }

    pub(crate) fn bitmask(&mut self, op: Op) {
        let from = self.pop_vector();
        let to = self.result_reg(I32);
        self.asm.rr(op, false, to, from);
        self.push_reg(to, I32);
    }

    pub(crate) fn bitmask_16(&mut self) {
        let from = self.pop_vector();
        let to = self.result_reg(I32);
        self.move_vector(XSCRATCH, from);
        self.asm.rr(op::PACKSSWB, false, XSCRATCH, XSCRATCH);
        self.asm.rr(op::PMOVMSKB, false, to, XSCRATCH);
        self.asm.rr_bytes(op::MOVZX8, false, to, to);
        self.push_reg(to, I32);
    }

    // Integers.

    pub(crate) fn vnegate(&mut self, subtract: Op) {
        let from = self.pop_vector();
        let to = self.alloc(V128);
        self.clear(to);
        self.asm.rr(subtract, false, to, from);
        self.push_reg(to, V128);
    }

    /// A mask of each lane's sign, which inverts and then is subtracted as minus one.
    pub(crate) fn abs_64(&mut self) {
        let from = self.pop_vector();
        let to = self.float_result(from, V128);
        self.pshufd(XSCRATCH, from, 0xf5);
        self.shift_in_place(op::SHIFTD_IMM, 4, XSCRATCH, 31);
        self.three(op::XORPS, to, from, Rm::Reg(XSCRATCH));
        self.asm.rr(op::PSUBQ, false, to, XSCRATCH);
        self.push_reg(to, V128);
    }

    /// Looks up each half of each byte.
    pub(crate) fn popcnt_8(&mut self) {
        let from = self.pop_vector();
        let (to, low) = (self.alloc(V128), self.alloc(V128));
        let mask = self.vconst([0x0f]);
        let counts: [u8; 16] = std::array::from_fn(|n| n.count_ones() as u8);
        let table = self.asm.constant(&counts);
        self.asm.rmem(op::MOVAPS, false, to, table);
        self.move_vector(XSCRATCH, to);
        self.move_vector(low, from);
        self.asm.rm(op::ANDPS, false, low, mask);
        self.asm.rr(op::PSHUFB, false, to, low);
        self.move_vector(low, from);
        self.shift_right_in_place(op::SHIFTW_IMM, low, 4);
        self.asm.rm(op::ANDPS, false, low, mask);
        self.asm.rr(op::PSHUFB, false, XSCRATCH, low);
        self.asm.rr(op::PADDB, false, to, XSCRATCH);
        self.push_reg(to, V128);
    }

    /// Pops a count and brings it, modulo the lanes' width, to the scratch register for vectors.
    fn shift_count(&mut self, mask: i32) {
        let count = self.pop();
        self.load_value(SCRATCH, count);
        self.asm.alu_imm(Alu::And, false, Rm::Reg(SCRATCH), mask);
        self.asm.rr(op::MOVD_LOAD, false, XSCRATCH, SCRATCH);
    }

    pub(crate) fn vshift(&mut self, op: Op, mask: i32) {
        self.shift_count(mask);
        let from = self.pop_vector();
        let to = self.float_result(from, V128);
        self.three(op, to, from, Rm::Reg(XSCRATCH));
        self.push_reg(to, V128);
    }

    /// Bytes are shifted as parts of 16 bits: the even ones and the odd ones each by themselves.
    pub(crate) fn shift_8(&mut self, op: Op) {
        self.shift_count(7);
        let from = self.pop_vector();
        let (even, odd) = (self.alloc(V128), self.alloc(V128));
        let low = self.vconst([0xff, 0]);
        let high = self.vconst([0, 0xff]);
        self.move_vector(even, from);
        self.move_vector(odd, from);
        if op == op::PSRAW {
            self.shift_left_in_place(op::SHIFTW_IMM, even, 8);
            self.asm.rr(op, false, even, XSCRATCH);
            self.shift_right_in_place(op::SHIFTW_IMM, even, 8);
            self.asm.rr(op, false, odd, XSCRATCH);
        } else {
            self.asm.rm(op::ANDPS, false, even, low);
            self.asm.rr(op, false, even, XSCRATCH);
            self.asm.rm(op::ANDPS, false, even, low);
            self.asm.rm(op::ANDPS, false, odd, high);
            self.asm.rr(op, false, odd, XSCRATCH);
        }
        self.asm.rm(op::ANDPS, false, odd, high);
        self.asm.rr(op::ORPS, false, even, odd);
        self.push_reg(even, V128);
    }

    /// The sign's bit, shifted along, is what has to be extended.
    pub(crate) fn shift_right_64(&mut self) {
        self.shift_count(63);
        let from = self.pop_vector();
        let (to, sign) = (self.alloc(V128), self.alloc(V128));
        let highest = self.vconst((1_u64 << 63).to_le_bytes());
        self.move_vector(to, from);
        self.asm.rm(op::MOVAPS, false, sign, highest);
        self.asm.rr(op::PSRLQ, false, sign, XSCRATCH);
        self.asm.rr(op::PSRLQ, false, to, XSCRATCH);
        self.asm.rr(op::XORPS, false, to, sign);
        self.asm.rr(op::PSUBQ, false, to, sign);
        self.push_reg(to, V128);
    }

    /// The one product that does not fit is the least number's square.
    pub(crate) fn q15_multiply(&mut self) {
        self.vbinary(op::PMULHRSW);
        let from = self.pop_vector();
        let to = self.float_result(from, V128);
        let least = self.vconst(0x8000_u16.to_le_bytes());
        self.asm.rm(op::MOVAPS, false, XSCRATCH, least);
        self.asm.rr(op::PCMPEQW, false, XSCRATCH, from);
        self.three(op::XORPS, to, from, Rm::Reg(XSCRATCH));
        self.push_reg(to, V128);
    }

    /// Products of halves, those that count.
    pub(crate) fn multiply_64(&mut self) {
        let (a, b) = self.pop_vector_regs();
        let (to, cross) = (self.alloc(V128), self.alloc(V128));
        self.move_vector(cross, a);
        self.shift_right_in_place(op::SHIFTQ_IMM, cross, 32);
        self.asm.rr(op::PMULUDQ, false, cross, b);
        self.move_vector(XSCRATCH, b);
        self.shift_right_in_place(op::SHIFTQ_IMM, XSCRATCH, 32);
        self.asm.rr(op::PMULUDQ, false, XSCRATCH, a);
        self.asm.rr(op::PADDQ, false, cross, XSCRATCH);
        self.shift_left_in_place(op::SHIFTQ_IMM, cross, 32);
        self.move_vector(to, a);
        self.asm.rr(op::PMULUDQ, false, to, b);
        self.asm.rr(op::PADDQ, false, to, cross);
        self.push_reg(to, V128);
    }

    pub(crate) fn widen_to(&mut self, to: Reg, extend: Op, from: Reg, high: bool) {
        if high {
            self.pshufd(to, from, HIGH_HALF);
            self.asm.rr(extend, false, to, to);
        } else {
            self.asm.rr(extend, false, to, from);
        }
    }

    pub(crate) fn widen(&mut self, extend: Op, high: bool) {
        let from = self.pop_vector();
        let to = self.float_result(from, V128);
        self.widen_to(to, extend, from, high);
        self.push_reg(to, V128);
    }

    pub(crate) fn multiply_wide(&mut self, extend: Op, multiply: Op, high: bool) {
        let (a, b) = self.pop_vector_regs();
        let to = self.alloc(V128);
        self.widen_to(to, extend, a, high);
        self.widen_to(XSCRATCH, extend, b, high);
        self.asm.rr(multiply, false, to, XSCRATCH);
        self.push_reg(to, V128);
    }

    pub(crate) fn multiply_wide_64(&mut self, multiply: Op, high: bool) {
        let order = if high { 0xfa } else { 0x50 };
        let (a, b) = self.pop_vector_regs();
        let to = self.alloc(V128);
        self.pshufd(to, a, order);
        self.pshufd(XSCRATCH, b, order);
        self.asm.rr(multiply, false, to, XSCRATCH);
        self.push_reg(to, V128);
    }

    /// Multiplied by ones and added in pairs. The instruction's first operand has no sign.
    pub(crate) fn add_pairs_8(&mut self, signed: bool) {
        let from = self.pop_vector();
        let to = self.alloc(V128);
        let ones = self.vconst([1]);
        if signed {
            self.asm.rm(op::MOVAPS, false, to, ones);
            self.asm.rr(op::PMADDUBSW, false, to, from);
        } else {
            self.move_vector(to, from);
            self.asm.rm(op::PMADDUBSW, false, to, ones);
        }
        self.push_reg(to, V128);
    }

    pub(crate) fn add_pairs_16(&mut self, signed: bool) {
        let from = self.pop_vector();
        let to = self.alloc(V128);
        self.move_vector(to, from);
        if signed {
            let ones = self.vconst([1, 0]);
            self.asm.rm(op::PMADDWD, false, to, ones);
        } else {
            let low = self.vconst([0xff, 0xff, 0, 0]);
            self.move_vector(XSCRATCH, from);
            self.shift_right_in_place(op::SHIFTD_IMM, XSCRATCH, 16);
            self.asm.rm(op::ANDPS, false, to, low);
            self.asm.rr(op::PADDD, false, to, XSCRATCH);
        }
        self.push_reg(to, V128);
    }

    // Floats.

    pub(crate) fn vsign(&mut self, op: Op, ty: Ty) {
        let sign = 1_u64 << if ty == F32 { 31 } else { 63 };
        let bits = if op == op::ANDPS { !sign } else { sign };
        let mask = match ty {
            F32 => self.vconst((bits as u32).to_le_bytes()),
            _ => self.vconst(bits.to_le_bytes()),
        };
        let from = self.pop_vector();
        let to = self.float_result(from, V128);
        self.three(op, to, from, mask);
        self.push_reg(to, V128);
    }

    /// Both orders of operands, because the instruction returns the second of what is equal or not ordered.
    pub(crate) fn vmin(&mut self, ty: Ty) {
        let (min, _, _) = instructions(ty);
        let (a, b) = self.pop_vector_regs();
        let to = self.alloc(V128);
        self.move_vector(to, a);
        self.asm.rr(min, false, to, b);
        self.move_vector(XSCRATCH, b);
        self.asm.rr(min, false, XSCRATCH, a);
        // Of two zeros, the negative; of a number and no number, no number.
        self.asm.rr(op::ORPS, false, to, XSCRATCH);
        self.quiet_nans(to, ty);
        self.canonicalize_lanes(to, ty);
        self.push_reg(to, V128);
    }

    pub(crate) fn vmax(&mut self, ty: Ty) {
        let (_, max, subtract) = instructions(ty);
        let (a, b) = self.pop_vector_regs();
        let to = self.alloc(V128);
        self.move_vector(to, a);
        self.asm.rr(max, false, to, b);
        self.move_vector(XSCRATCH, b);
        self.asm.rr(max, false, XSCRATCH, a);
        // Where the two differ, they are zeros of different sign or not both numbers.
        self.asm.rr(op::XORPS, false, XSCRATCH, to);
        self.asm.rr(op::ORPS, false, to, XSCRATCH);
        self.asm.rr(subtract, false, to, XSCRATCH);
        self.quiet_nans(to, ty);
        self.canonicalize_lanes(to, ty);
        self.push_reg(to, V128);
    }

    /// Makes every NaN a quiet one without a payload.
    fn quiet_nans(&mut self, reg: Reg, ty: Ty) {
        let (compare, shift, payload) = match ty {
            F32 => (op::CMPPS, op::SHIFTD_IMM, 10),
            _ => (op::CMPPD, op::SHIFTQ_IMM, 13),
        };
        self.move_vector(XSCRATCH, reg);
        self.asm
            .rmi8(compare, false, XSCRATCH, Rm::Reg(XSCRATCH), UNORDERED);
        self.asm.rr(op::ORPS, false, reg, XSCRATCH);
        self.shift_right_in_place(shift, XSCRATCH, payload);
        self.asm.rr(op::ANDNPS, false, XSCRATCH, reg);
        self.move_vector(reg, XSCRATCH);
    }

    /// With that setting, makes every NaN the canonical one.
    pub(crate) fn canonicalize_lanes(&mut self, reg: Reg, ty: Ty) {
        if !self.input.settings.canonical_nans {
            return;
        }
        let (compare, nan) = match ty {
            F32 => (op::CMPPS, self.vconst(0x7fc0_0000_u32.to_le_bytes())),
            _ => (
                op::CMPPD,
                self.vconst(0x7ff8_0000_0000_0000_u64.to_le_bytes()),
            ),
        };
        self.move_vector(XSCRATCH, reg);
        self.asm
            .rmi8(compare, false, XSCRATCH, Rm::Reg(XSCRATCH), UNORDERED);
        let number = self.alloc(V128);
        self.move_vector(number, XSCRATCH);
        self.asm.rr(op::ANDNPS, false, number, reg);
        self.asm.rm(op::ANDPS, false, XSCRATCH, nan);
        self.asm.rr(op::ORPS, false, number, XSCRATCH);
        self.move_vector(reg, number);
    }

    // Conversions.

    /// What is too large gets the least integer, and is told from what is too small by its sign.
    pub(crate) fn saturate_singles_signed(&mut self) {
        let from = self.pop_vector();
        let to = self.alloc(V128);
        self.move_vector(to, from);
        self.move_vector(XSCRATCH, from);
        self.asm
            .rmi8(op::CMPPS, false, XSCRATCH, Rm::Reg(XSCRATCH), 0);
        self.asm.rr(op::ANDPS, false, to, XSCRATCH);
        self.asm.rr(op::XORPS, false, XSCRATCH, to);
        self.asm.rr(op::CVTTPS2DQ, false, to, to);
        self.asm.rr(op::ANDPS, false, XSCRATCH, to);
        self.shift_in_place(op::SHIFTD_IMM, 4, XSCRATCH, 31);
        self.asm.rr(op::XORPS, false, to, XSCRATCH);
        self.push_reg(to, V128);
    }

    /// The sum of two conversions: of the number, and of what it has beyond 2^31.
    pub(crate) fn saturate_singles_unsigned(&mut self) {
        let from = self.pop_vector();
        let (to, beyond, large) = (self.alloc(V128), self.alloc(V128), self.alloc(V128));
        let half = self.vconst(2_147_483_648_f32.to_le_bytes());
        self.clear(XSCRATCH);
        self.move_vector(to, from);
        self.asm.rr(op::MAXPS, false, to, XSCRATCH);
        self.move_vector(beyond, to);
        self.asm.rm(op::SUBPS, false, beyond, half);
        self.asm.rm(op::MOVAPS, false, large, half);
        self.asm.rmi8(op::CMPPS, false, large, Rm::Reg(beyond), 2);
        self.asm.rr(op::CVTTPS2DQ, false, beyond, beyond);
        self.asm.rr(op::XORPS, false, beyond, large);
        self.asm.rr(op::PMAXSD, false, beyond, XSCRATCH);
        self.asm.rr(op::CVTTPS2DQ, false, to, to);
        self.asm.rr(op::PADDD, false, to, beyond);
        self.push_reg(to, V128);
    }

    pub(crate) fn saturate_doubles_signed(&mut self) {
        let from = self.pop_vector();
        let to = self.alloc(V128);
        let greatest = self.vconst(2_147_483_647_f64.to_le_bytes());
        self.move_vector(XSCRATCH, from);
        self.asm
            .rmi8(op::CMPPD, false, XSCRATCH, Rm::Reg(XSCRATCH), 0);
        self.asm.rm(op::ANDPS, false, XSCRATCH, greatest);
        self.move_vector(to, from);
        self.asm.rr(op::MINPD, false, to, XSCRATCH);
        self.asm.rr(op::CVTTPD2DQ, false, to, to);
        self.push_reg(to, V128);
    }

    /// Added to 2^52, an integer is the lower half of the double.
    pub(crate) fn saturate_doubles_unsigned(&mut self) {
        let from = self.pop_vector();
        let to = self.alloc(V128);
        let greatest = self.vconst(4_294_967_295_f64.to_le_bytes());
        let magic = self.vconst(4_503_599_627_370_496_f64.to_le_bytes());
        self.clear(XSCRATCH);
        self.move_vector(to, from);
        self.asm.rr(op::MAXPD, false, to, XSCRATCH);
        self.asm.rm(op::MINPD, false, to, greatest);
        self.asm.rmi8(op::ROUNDPD, false, to, Rm::Reg(to), 3 | 8);
        self.asm.rm(op::ADDPD, false, to, magic);
        self.asm
            .rmi8(op::SHUFPS, false, to, Rm::Reg(XSCRATCH), 0x88);
        self.push_reg(to, V128);
    }

    /// Both halves are exact; their sum is rounded once.
    pub(crate) fn convert_lanes_unsigned(&mut self) {
        let from = self.pop_vector();
        let to = self.alloc(V128);
        let low = self.vconst([0xff, 0xff, 0, 0]);
        let scale = self.vconst(65_536_f32.to_le_bytes());
        self.move_vector(XSCRATCH, from);
        self.asm.rm(op::ANDPS, false, XSCRATCH, low);
        self.asm.rr(op::CVTDQ2PS, false, XSCRATCH, XSCRATCH);
        self.move_vector(to, from);
        self.shift_right_in_place(op::SHIFTD_IMM, to, 16);
        self.asm.rr(op::CVTDQ2PS, false, to, to);
        self.asm.rm(op::MULPS, false, to, scale);
        self.asm.rr(op::ADDPS, false, to, XSCRATCH);
        self.push_reg(to, V128);
    }

    pub(crate) fn convert_low_unsigned(&mut self) {
        let from = self.pop_vector();
        let to = self.alloc(V128);
        let upper = self.vconst(0x4330_0000_u32.to_le_bytes());
        let magic = self.vconst(4_503_599_627_370_496_f64.to_le_bytes());
        self.move_vector(to, from);
        self.asm.rm(op::UNPCKLPS, false, to, upper);
        self.asm.rm(op::SUBPD, false, to, magic);
        self.push_reg(to, V128);
    }
}

/// The predicate of comparisons that holds where a lane is no number.
const UNORDERED: u8 = 3;

/// `min`, `max` and `sub`.
fn instructions(ty: Ty) -> (Op, Op, Op) {
    match ty {
        F32 => (op::MINPS, op::MAXPS, op::SUBPS),
        _ => (op::MINPD, op::MAXPD, op::SUBPD),
    }
}
