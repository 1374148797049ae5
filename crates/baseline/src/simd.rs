//! Vectors: one operator at a time, and the forms that most of them have.
//!
//! What takes several instructions is in [`crate::lanes`]. Processors without SSE4.1 and SSE4.2 (of before
//! 2009) can move vectors, not compute with them.

use crate::body::Ty;
use crate::memory::Width;
use crate::state::Func;
use crate::x64::{Cond, Op, Reg, Rm, op};
use Ty::{F32, F64, I32, I64, V128};
use mainspring_error::{Context, Result, bail, ensure};
use wasmparser::{BinaryReader, OperatorsReader};

impl Func<'_, '_> {
    pub(crate) fn vector(&mut self) -> Result<()> {
        let before = self.body;
        let code = self.body.u32();
        ensure!(
            matches!(code, 0 | 11 | 12) || (self.cpu.sse41 && self.cpu.sse42),
            "the baseline tier needs SSE4.2 for vector instructions"
        );
        match code {
            0..=12 | 84..=93 => self.vector_memory(code),
            13..=34 => self.vector_lane(code),
            35..=76 | 214..=219 => self.vector_comparison(code),
            103..=106 | 116 | 117 | 122 | 148 | 224..=247 => self.vector_float(code),
            94 | 95 | 248..=255 => self.vector_conversion(code),
            77..=102 | 107..=255 if self.vector_integer(code) => {}
            256..=275 => self.vector_relaxed(code)?,
            _ => {
                let mut ahead = before;
                ahead.back(1);
                let reader = BinaryReader::new(ahead.rest(), u64::from(self.at));
                let operator = OperatorsReader::new(reader)
                    .read()
                    .context("validated: there is an operator")?;
                bail!("the instruction {operator:?} is not supported by the baseline tier");
            }
        }
        Ok(())
    }

    fn vector_memory(&mut self, code: u32) {
        use Width::{Byte, Eight, Four, Sixteen, Two};
        match code {
            0 => self.load_op(op::MOVUPS, false, V128, Sixteen),
            1 => self.load_op(op::PMOVSXBW, false, V128, Eight),
            2 => self.load_op(op::PMOVZXBW, false, V128, Eight),
            3 => self.load_op(op::PMOVSXWD, false, V128, Eight),
            4 => self.load_op(op::PMOVZXWD, false, V128, Eight),
            5 => self.load_op(op::PMOVSXDQ, false, V128, Eight),
            6 => self.load_op(op::PMOVZXDQ, false, V128, Eight),
            7 => {
                self.load_op(op::MOVZX8, false, I32, Byte);
                self.splat_8();
            }
            8 => {
                self.load_op(op::MOVZX16, false, I32, Two);
                self.splat_16();
            }
            9 => {
                self.load_op(op::MOVSS, false, F32, Four);
                self.splat_float(0);
            }
            10 => {
                self.load_op(op::MOVSD, false, F64, Eight);
                self.splat_float(0x44);
            }
            11 => self.store_op(Sixteen),
            12 => {
                let bytes: [u8; 16] = self.body.fixed();
                let constant = self.asm.constant(&bytes);
                let to = self.result_reg(V128);
                self.load(to, constant, V128);
                self.push_reg(to, V128);
            }
            84 => self.load_lane(op::MOVZX8, I32, Byte),
            85 => self.load_lane(op::MOVZX16, I32, Two),
            86 => self.load_lane(op::MOV_LOAD, I32, Four),
            87 => self.load_lane(op::MOV_LOAD, I64, Eight),
            88 => self.store_lane(Byte),
            89 => self.store_lane(Two),
            90 => self.store_lane(Four),
            91 => self.store_lane(Eight),
            92 => self.load_op(op::MOVSS, false, V128, Four),
            _ => self.load_op(op::MOVSD, false, V128, Eight),
        }
    }

    fn load_lane(&mut self, op: Op, ty: Ty, width: Width) {
        let vector = self.pop();
        self.load_op(op, ty == I64, ty, width);
        let lane = self.body.byte();
        let value = self.pop();
        let value = self.in_reg(value);
        let to = self.owned(vector);
        self.insert(to, value, lane, width);
        self.push_reg(to, V128);
    }

    fn store_lane(&mut self, width: Width) {
        let mut ahead = self.body;
        ahead.memarg();
        let lane = ahead.byte();
        self.extract(lane, width);
        self.store_op(width);
        self.body.advance(1);
    }

    fn vector_lane(&mut self, code: u32) {
        use Width::{Byte, Eight, Four, Two};
        match code {
            13 => self.shuffle(),
            14 => self.swizzle(),
            15 => self.splat_8(),
            16 => self.splat_16(),
            17 => self.splat_int(false, 0),
            18 => self.splat_int(true, 0x44),
            19 => self.splat_float(0),
            20 => self.splat_float(0x44),
            21 | 22 | 24 | 25 | 27 | 29 => {
                let lane = self.body.byte();
                match code {
                    21 => {
                        self.extract(lane, Byte);
                        self.extend(8, I32);
                    }
                    22 => self.extract(lane, Byte),
                    24 => {
                        self.extract(lane, Two);
                        self.extend(16, I32);
                    }
                    25 => self.extract(lane, Two),
                    27 => self.extract(lane, Four),
                    _ => self.extract(lane, Eight),
                }
            }
            31 | 33 => self.extract_float(code == 31),
            32 | 34 => self.replace_float(code == 32),
            23 => self.replace(Byte),
            26 => self.replace(Two),
            28 => self.replace(Four),
            _ => self.replace(Eight),
        }
    }

    fn vector_comparison(&mut self, code: u32) {
        const EQ: [Op; 4] = [op::PCMPEQB, op::PCMPEQW, op::PCMPEQD, op::PCMPEQQ];
        const GT: [Op; 4] = [op::PCMPGTB, op::PCMPGTW, op::PCMPGTD, op::PCMPGTQ];
        const MIN: [Op; 3] = [op::PMINUB, op::PMINUW, op::PMINUD];
        const MAX: [Op; 3] = [op::PMAXUB, op::PMAXUW, op::PMAXUD];
        if (65..=76).contains(&code) {
            let (compare, n) = match code {
                65..=70 => (op::CMPPS, code - 65),
                _ => (op::CMPPD, code - 71),
            };
            // Predicates of the instruction: equal, less, less or equal, and not equal.
            return match n {
                0 => self.compare_lanes(compare, 0, false),
                1 => self.compare_lanes(compare, 4, false),
                2 => self.compare_lanes(compare, 1, false),
                3 => self.compare_lanes(compare, 1, true),
                4 => self.compare_lanes(compare, 2, false),
                _ => self.compare_lanes(compare, 2, true),
            };
        }
        if code >= 214 {
            let (equal, greater) = (EQ[3], GT[3]);
            return match code {
                214 => self.vbinary(equal),
                215 => self.vbinary_not(equal, false),
                216 => self.vbinary_swapped(greater),
                217 => self.vbinary(greater),
                218 => self.vbinary_not(greater, false),
                _ => self.vbinary_not(greater, true),
            };
        }
        let width = ((code - 35) / 10) as usize;
        match (code - 35) % 10 {
            0 => self.vbinary(EQ[width]),
            1 => self.vbinary_not(EQ[width], false),
            2 => self.vbinary_swapped(GT[width]),
            3 => self.compare_unsigned(MAX[width], EQ[width], true),
            4 => self.vbinary(GT[width]),
            5 => self.compare_unsigned(MIN[width], EQ[width], true),
            6 => self.vbinary_not(GT[width], false),
            7 => self.compare_unsigned(MIN[width], EQ[width], false),
            8 => self.vbinary_not(GT[width], true),
            _ => self.compare_unsigned(MAX[width], EQ[width], false),
        }
    }

    /// False if there is no such operator.
    fn vector_integer(&mut self, code: u32) -> bool {
        match code {
            77 => self.vnot(),
            78 => self.vbinary(op::ANDPS),
            79 => self.vbinary_swapped(op::ANDNPS),
            80 => self.vbinary(op::ORPS),
            81 => self.vbinary(op::XORPS),
            82 => self.bitselect(),
            83 => self.any_true(),
            99 => self.all_true(op::PCMPEQB),
            131 => self.all_true(op::PCMPEQW),
            163 => self.all_true(op::PCMPEQD),
            195 => self.all_true(op::PCMPEQQ),
            100 => self.bitmask(op::PMOVMSKB),
            132 => self.bitmask_16(),
            164 => self.bitmask(op::MOVMSKPS),
            196 => self.bitmask(op::MOVMSKPD),
            96 => self.vunary(op::PABSB),
            128 => self.vunary(op::PABSW),
            160 => self.vunary(op::PABSD),
            192 => self.abs_64(),
            97 => self.vnegate(op::PSUBB),
            129 => self.vnegate(op::PSUBW),
            161 => self.vnegate(op::PSUBD),
            193 => self.vnegate(op::PSUBQ),
            98 => self.popcnt_8(),
            107 => self.shift_8(op::PSLLW),
            108 => self.shift_8(op::PSRAW),
            109 => self.shift_8(op::PSRLW),
            139 => self.vshift(op::PSLLW, 15),
            140 => self.vshift(op::PSRAW, 15),
            141 => self.vshift(op::PSRLW, 15),
            171 => self.vshift(op::PSLLD, 31),
            172 => self.vshift(op::PSRAD, 31),
            173 => self.vshift(op::PSRLD, 31),
            203 => self.vshift(op::PSLLQ, 63),
            204 => self.shift_right_64(),
            205 => self.vshift(op::PSRLQ, 63),
            130 => self.q15_multiply(),
            213 => self.multiply_64(),
            124 => self.add_pairs_8(true),
            125 => self.add_pairs_8(false),
            126 => self.add_pairs_16(true),
            127 => self.add_pairs_16(false),
            _ => return self.vector_widening(code) || self.vector_simple(code),
        }
        true
    }

    fn vector_widening(&mut self, code: u32) -> bool {
        let first = match code {
            135..=138 => 135,
            156..=159 => 156,
            167..=170 => 167,
            188..=191 => 188,
            199..=202 => 199,
            220..=223 => 220,
            _ => return false,
        };
        let (high, signed) = ((code - first) & 1 != 0, code - first < 2);
        let extend = match (first, signed) {
            (135 | 156, true) => op::PMOVSXBW,
            (135 | 156, false) => op::PMOVZXBW,
            (167 | 188, true) => op::PMOVSXWD,
            (167 | 188, false) => op::PMOVZXWD,
            (_, true) => op::PMOVSXDQ,
            (_, false) => op::PMOVZXDQ,
        };
        match first {
            156 => self.multiply_wide(extend, op::PMULLW, high),
            188 => self.multiply_wide(extend, op::PMULLD, high),
            220 => self.multiply_wide_64(if signed { op::PMULDQ } else { op::PMULUDQ }, high),
            _ => self.widen(extend, high),
        }
        true
    }

    /// Operators that are one instruction.
    fn vector_simple(&mut self, code: u32) -> bool {
        let op = match code {
            101 => op::PACKSSWB,
            102 => op::PACKUSWB,
            133 => op::PACKSSDW,
            134 => op::PACKUSDW,
            110 => op::PADDB,
            111 => op::PADDSB,
            112 => op::PADDUSB,
            113 => op::PSUBB,
            114 => op::PSUBSB,
            115 => op::PSUBUSB,
            118 => op::PMINSB,
            119 => op::PMINUB,
            120 => op::PMAXSB,
            121 => op::PMAXUB,
            123 => op::PAVGB,
            142 => op::PADDW,
            143 => op::PADDSW,
            144 => op::PADDUSW,
            145 => op::PSUBW,
            146 => op::PSUBSW,
            147 => op::PSUBUSW,
            149 => op::PMULLW,
            150 => op::PMINSW,
            151 => op::PMINUW,
            152 => op::PMAXSW,
            153 => op::PMAXUW,
            155 => op::PAVGW,
            174 => op::PADDD,
            177 => op::PSUBD,
            181 => op::PMULLD,
            182 => op::PMINSD,
            183 => op::PMINUD,
            184 => op::PMAXSD,
            185 => op::PMAXUD,
            186 => op::PMADDWD,
            206 => op::PADDQ,
            209 => op::PSUBQ,
            _ => return false,
        };
        self.vbinary(op);
        true
    }

    fn vector_float(&mut self, code: u32) {
        match code {
            103 => self.vround(op::ROUNDPS, 2, F32),
            104 => self.vround(op::ROUNDPS, 1, F32),
            105 => self.vround(op::ROUNDPS, 3, F32),
            106 => self.vround(op::ROUNDPS, 0, F32),
            116 => self.vround(op::ROUNDPD, 2, F64),
            117 => self.vround(op::ROUNDPD, 1, F64),
            122 => self.vround(op::ROUNDPD, 3, F64),
            148 => self.vround(op::ROUNDPD, 0, F64),
            _ => {
                let (n, ty) = if code < 236 {
                    (code - 224, F32)
                } else {
                    (code - 236, F64)
                };
                let pick = |single, double| if ty == F32 { single } else { double };
                match n {
                    0 => self.vsign(op::ANDPS, ty),
                    1 => self.vsign(op::XORPS, ty),
                    3 => self.vsqrt(pick(op::SQRTPS, op::SQRTPD), ty),
                    4 => self.vfloat(pick(op::ADDPS, op::ADDPD), ty),
                    5 => self.vfloat(pick(op::SUBPS, op::SUBPD), ty),
                    6 => self.vfloat(pick(op::MULPS, op::MULPD), ty),
                    7 => self.vfloat(pick(op::DIVPS, op::DIVPD), ty),
                    8 => self.vmin(ty),
                    9 => self.vmax(ty),
                    10 => self.vbinary_swapped(pick(op::MINPS, op::MINPD)),
                    _ => self.vbinary_swapped(pick(op::MAXPS, op::MAXPD)),
                }
            }
        }
    }

    fn vector_conversion(&mut self, code: u32) {
        match code {
            94 => {
                self.vunary(op::CVTPD2PS);
                self.canonicalize_top(F32);
            }
            95 => {
                self.vunary(op::CVTPS2PD);
                self.canonicalize_top(F64);
            }
            248 => self.saturate_singles_signed(),
            249 => self.saturate_singles_unsigned(),
            250 => self.vunary(op::CVTDQ2PS),
            251 => self.convert_lanes_unsigned(),
            252 => self.saturate_doubles_signed(),
            253 => self.saturate_doubles_unsigned(),
            254 => self.vunary(op::CVTDQ2PD),
            _ => self.convert_low_unsigned(),
        }
    }

    // Forms of operators.

    fn pop_vectors(&mut self) -> (Reg, Rm) {
        let (a, b) = self.pop2();
        let a = self.in_reg(a);
        (a, self.vector_rm(b))
    }

    pub(crate) fn pop_vector(&mut self) -> Reg {
        let value = self.pop();
        self.in_reg(value)
    }

    pub(crate) fn pop_vector_regs(&mut self) -> (Reg, Reg) {
        let (a, b) = self.pop2();
        let a = self.in_reg(a);
        (a, self.in_reg(b))
    }

    pub(crate) fn vbinary(&mut self, op: Op) {
        let (a, b) = self.pop_vectors();
        let to = self.float_result(a, V128);
        self.three(op, to, a, b);
        self.push_reg(to, V128);
    }

    pub(crate) fn vbinary_swapped(&mut self, op: Op) {
        let (a, b) = self.pop_vector_regs();
        let to = self.float_result(b, V128);
        self.three(op, to, b, Rm::Reg(a));
        self.push_reg(to, V128);
    }

    fn vbinary_not(&mut self, op: Op, swapped: bool) {
        match swapped {
            true => self.vbinary_swapped(op),
            false => self.vbinary(op),
        }
        self.vnot();
    }

    fn vnot(&mut self) {
        let from = self.pop_vector();
        let to = self.float_result(from, V128);
        let ones = self.asm.constant(&[0xff; 16]);
        self.three(op::XORPS, to, from, Rm::Mem(ones));
        self.push_reg(to, V128);
    }

    /// An instruction with one operand.
    pub(crate) fn vunary(&mut self, op: Op) {
        let from = self.pop_vector();
        let to = self.float_result(from, V128);
        self.asm.rr(op, false, to, from);
        self.push_reg(to, V128);
    }

    fn vround(&mut self, op: Op, mode: u8, ty: Ty) {
        let from = self.pop_vector();
        let to = self.float_result(from, V128);
        self.asm.rmi8(op, false, to, Rm::Reg(from), mode | 8);
        self.canonicalize_lanes(to, ty);
        self.push_reg(to, V128);
    }

    fn vsqrt(&mut self, op: Op, ty: Ty) {
        self.vunary(op);
        self.canonicalize_top(ty);
    }

    fn vfloat(&mut self, op: Op, ty: Ty) {
        self.vbinary(op);
        self.canonicalize_top(ty);
    }

    fn canonicalize_top(&mut self, ty: Ty) {
        if self.input.settings.canonical_nans {
            let reg = self.pop_vector();
            self.canonicalize_lanes(reg, ty);
            self.push_reg(reg, V128);
        }
    }

    fn any_true(&mut self) {
        let from = self.pop_vector();
        self.asm.rr(op::PTEST, false, from, from);
        self.compared(crate::numeric::Test::One(Cond::NotEqual));
    }
}
