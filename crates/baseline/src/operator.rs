//! One operator at a time: this match only says which part of the compilation does it.
//!
//! Opcodes are those of the specification's index of instructions.

use crate::body::{Ty, opcode};
use crate::float::Round;
use crate::memory::Width;
use crate::state::Func;
use crate::x64::{Alu, Cond, Shift, op};
use Ty::{F32, F64, I32, I64};
use mainspring_abi::Builtin;
use mainspring_error::{Result, bail};

impl Func<'_, '_> {
    /// Compiles the whole body.
    pub(crate) fn operators(&mut self) -> Result<()> {
        // The loop is made twice, so that it does not look for each operator.
        match self.input.exact_locations {
            false => self.operators_located::<false>(),
            true => self.operators_located::<true>(),
        }
    }

    fn operators_located<const EXACT: bool>(&mut self) -> Result<()> {
        while !self.control.is_empty() {
            if !self.reachable {
                self.skip();
            }
            self.at = self.body.offset();
            self.regs.locked = crate::x64::RegSet::EMPTY;
            if EXACT {
                self.locate();
            }
            let code = self.body.byte();
            self.operator(code)?;
            self.check_size()?;
        }
        Ok(())
    }

    #[inline(always)]
    fn operator(&mut self, code: u8) -> Result<()> {
        match code {
            0x00 => self.unreachable(),
            0x01 => {}
            opcode::BLOCK => self.block()?,
            opcode::LOOP => self.loop_()?,
            opcode::IF => self.if_()?,
            opcode::ELSE => self.else_(),
            opcode::THROW => self.throw(),
            opcode::THROW_REF => self.throw_ref(),
            opcode::TRY_TABLE => self.try_table()?,
            opcode::TRY => self.try_()?,
            opcode::CATCH | opcode::CATCH_ALL => self.catch_clause(code),
            opcode::DELEGATE => self.delegate(),
            opcode::RETHROW => self.rethrow(),
            opcode::END => self.end(),
            0x0c => self.br(),
            opcode::BR_IF => self.br_if(),
            0x0e => self.br_table()?,
            0x0f => self.return_(),
            opcode::CALL => self.call(),
            opcode::CALL_INDIRECT => self.call_indirect(),
            opcode::RETURN_CALL => self.return_call(),
            opcode::RETURN_CALL_INDIRECT => self.return_call_indirect(),
            opcode::CALL_REF => self.call_ref(),
            opcode::RETURN_CALL_REF => self.return_call_ref(),
            0x1a => {
                self.drop_operand();
            }
            opcode::SELECT => self.select(),
            0x1c => {
                self.body.skip_immediates(code);
                self.select();
            }
            opcode::LOCAL_GET => {
                let local = self.body.u32();
                self.local_get(local);
            }
            opcode::LOCAL_SET => {
                let local = self.body.u32();
                self.local_set(local);
            }
            opcode::LOCAL_TEE => {
                let local = self.body.u32();
                self.local_tee(local);
            }
            opcode::GLOBAL_GET => self.global_get(),
            opcode::GLOBAL_SET => self.global_set(),
            0x25 => self.table_get(),
            0x26 => self.table_set(),
            0x28..=0x40 => self.memory_operator(code),
            0x41..=0x44 => self.constant(code),
            0x45..=0x66 => self.comparison(code),
            0x67..=0x8a => self.integer(code),
            0x8b..=0xa6 => self.float(code)?,
            0xa7..=0xc4 => self.conversion(code),
            0xd0 => self.ref_null()?,
            // References are integers here.
            0xd1 => self.eqz(),
            0xd2 => self.ref_func(),
            0xd3 => self.compare(Cond::Equal),
            0xd4 => self.ref_as_non_null(),
            0xd5 => self.br_on_null(),
            0xd6 => self.br_on_non_null(),
            opcode::GC => self.gc()?,
            opcode::MISC => self.misc()?,
            opcode::SIMD => self.vector()?,
            opcode::ATOMIC => self.atomic()?,
            _ => bail!("the instruction {code:#x} is not supported"),
        }
        Ok(())
    }

    fn memory_operator(&mut self, code: u8) {
        use Width::{Byte, Eight, Four, Two};
        match code {
            0x28 => self.load_op(op::MOV_LOAD, false, I32, Four),
            0x29 => self.load_op(op::MOV_LOAD, true, I64, Eight),
            0x2a => self.load_op(op::MOVSS, false, F32, Four),
            0x2b => self.load_op(op::MOVSD, false, F64, Eight),
            0x2c => self.load_op(op::MOVSX8, false, I32, Byte),
            0x2d => self.load_op(op::MOVZX8, false, I32, Byte),
            0x2e => self.load_op(op::MOVSX16, false, I32, Two),
            0x2f => self.load_op(op::MOVZX16, false, I32, Two),
            0x30 => self.load_op(op::MOVSX8, true, I64, Byte),
            0x31 => self.load_op(op::MOVZX8, false, I64, Byte),
            0x32 => self.load_op(op::MOVSX16, true, I64, Two),
            0x33 => self.load_op(op::MOVZX16, false, I64, Two),
            0x34 => self.load_op(op::MOVSXD, true, I64, Four),
            0x35 => self.load_op(op::MOV_LOAD, false, I64, Four),
            0x36 | 0x38 | 0x3e => self.store_op(Four),
            0x37 | 0x39 => self.store_op(Eight),
            0x3a | 0x3c => self.store_op(Byte),
            0x3b | 0x3d => self.store_op(Two),
            opcode::MEMORY_SIZE => self.memory_size(),
            _ => self.memory_grow(),
        }
    }

    fn constant(&mut self, code: u8) {
        match code {
            0x41 => {
                let value = self.body.signed() as i32;
                self.push_const(u64::from(value.cast_unsigned()), I32);
            }
            0x42 => {
                let value = self.body.signed();
                self.push_const(value.cast_unsigned(), I64);
            }
            0x43 => {
                let bits = u32::from_le_bytes(self.body.fixed());
                self.push_const(u64::from(bits), F32);
            }
            _ => {
                let bits = u64::from_le_bytes(self.body.fixed());
                self.push_const(bits, F64);
            }
        }
    }

    fn comparison(&mut self, code: u8) {
        match code {
            0x45 | 0x50 => self.eqz(),
            0x46 | 0x51 => self.compare(Cond::Equal),
            0x47 | 0x52 => self.compare(Cond::NotEqual),
            0x48 | 0x53 => self.compare(Cond::Less),
            0x49 | 0x54 => self.compare(Cond::Below),
            0x4a | 0x55 => self.compare(Cond::Greater),
            0x4b | 0x56 => self.compare(Cond::Above),
            0x4c | 0x57 => self.compare(Cond::LessEqual),
            0x4d | 0x58 => self.compare(Cond::BelowEqual),
            0x4e | 0x59 => self.compare(Cond::GreaterEqual),
            0x4f | 0x5a => self.compare(Cond::AboveEqual),
            _ => {
                let ty = if code <= 0x60 { F32 } else { F64 };
                match code {
                    0x5b | 0x61 => self.float_equal(ty),
                    0x5c | 0x62 => self.float_not_equal(ty),
                    0x5d | 0x63 => self.float_order(ty, Cond::Above, true),
                    0x5e | 0x64 => self.float_order(ty, Cond::Above, false),
                    0x5f | 0x65 => self.float_order(ty, Cond::AboveEqual, true),
                    _ => self.float_order(ty, Cond::AboveEqual, false),
                }
            }
        }
    }

    fn integer(&mut self, code: u8) {
        // The operators of 64 bits come after those of 32, in the same order.
        let (code, ty) = if code < 0x79 {
            (code, I32)
        } else {
            (code - (0x79 - 0x67), I64)
        };
        match code {
            0x67 => self.clz(ty),
            0x68 => self.ctz(ty),
            0x69 => self.popcnt(ty),
            opcode::I32_ADD => self.commutative(Alu::Add, ty),
            0x6b => self.sub(ty),
            0x6c => self.mul(ty),
            0x6d => self.divide(ty, true, false),
            0x6e => self.divide(ty, false, false),
            0x6f => self.divide(ty, true, true),
            0x70 => self.divide(ty, false, true),
            0x71 => self.commutative(Alu::And, ty),
            0x72 => self.commutative(Alu::Or, ty),
            0x73 => self.commutative(Alu::Xor, ty),
            0x74 => self.shift(Shift::Shl, ty),
            0x75 => self.shift(Shift::Sar, ty),
            0x76 => self.shift(Shift::Shr, ty),
            0x77 => self.shift(Shift::Rol, ty),
            _ => self.shift(Shift::Ror, ty),
        }
    }

    fn float(&mut self, code: u8) -> Result<()> {
        let (code, ty) = if code < 0x99 {
            (code, F32)
        } else {
            (code - (0x99 - 0x8b), F64)
        };
        match code {
            0x8b => self.abs(ty),
            0x8c => self.neg(ty),
            0x8d => self.round(Round::Ceil, ty),
            0x8e => self.round(Round::Floor, ty),
            0x8f => self.round(Round::Trunc, ty),
            0x90 => self.round(Round::Nearest, ty),
            0x91 => self.sqrt(ty),
            0x92 => self.float_binary(ty, op::ADDSS, op::ADDSD)?,
            0x93 => self.float_binary(ty, op::SUBSS, op::SUBSD)?,
            0x94 => self.float_binary(ty, op::MULSS, op::MULSD)?,
            0x95 => self.float_binary(ty, op::DIVSS, op::DIVSD)?,
            0x96 => self.min_max(ty, false),
            0x97 => self.min_max(ty, true),
            _ => self.copysign(ty),
        }
        Ok(())
    }

    fn conversion(&mut self, code: u8) {
        match code {
            0xa7 => self.wrap(),
            0xa8 => self.truncate_float(F32, I32, true),
            0xa9 => self.truncate_float(F32, I32, false),
            0xaa => self.truncate_float(F64, I32, true),
            0xab => self.truncate_float(F64, I32, false),
            0xac => self.extend(32, I64),
            0xad => self.extend_unsigned(),
            0xae => self.truncate_float(F32, I64, true),
            0xaf => self.truncate_float(F32, I64, false),
            0xb0 => self.truncate_float(F64, I64, true),
            0xb1 => self.truncate_float(F64, I64, false),
            0xb2 => self.convert_signed(I32, F32),
            0xb3 => self.convert_unsigned_32(F32),
            0xb4 => self.convert_signed(I64, F32),
            0xb5 => self.convert_unsigned_64(F32),
            0xb6 => self.change_width(F32),
            0xb7 => self.convert_signed(I32, F64),
            0xb8 => self.convert_unsigned_32(F64),
            0xb9 => self.convert_signed(I64, F64),
            0xba => self.convert_unsigned_64(F64),
            0xbb => self.change_width(F64),
            0xbc => self.reinterpret(I32),
            0xbd => self.reinterpret(I64),
            0xbe => self.reinterpret(F32),
            0xbf => self.reinterpret(F64),
            0xc0 => self.extend(8, I32),
            0xc1 => self.extend(16, I32),
            0xc2 => self.extend(8, I64),
            0xc3 => self.extend(16, I64),
            _ => self.extend(32, I64),
        }
    }

    fn gc(&mut self) -> Result<()> {
        let code = self.body.u32();
        match code {
            0 => self.struct_new(),
            1 => self.struct_new_default(),
            2..=4 => self.struct_get(code == 3),
            5 => self.struct_set(),
            6 => self.array_new(),
            7 => self.array_new_default(),
            8 => self.array_new_fixed(),
            9 => self.array_new_from(Builtin::ArrayNewData),
            10 => self.array_new_from(Builtin::ArrayNewElem),
            11..=13 => self.array_get(code == 12),
            14 => self.array_set(),
            15 => self.array_len(),
            16 => self.array_fill(),
            17 => self.array_copy(),
            18 => self.array_init_from(Builtin::ArrayInitData),
            19 => self.array_init_from(Builtin::ArrayInitElem),
            20 | 21 => self.ref_test(code == 21)?,
            22 | 23 => self.ref_cast(code == 23)?,
            24 | 25 => self.br_on_cast(code == 24)?,
            // Between `anyref` and `externref` nothing changes.
            26 | 27 => {}
            28 => self.ref_i31(),
            29 => self.i31_get(Shift::Sar),
            30 => self.i31_get(Shift::Shr),
            _ => bail!("the instruction 0xfb {code} is not supported"),
        }
        Ok(())
    }

    fn misc(&mut self) -> Result<()> {
        let code = self.body.u32();
        match code {
            0 => self.truncate_saturating(F32, I32, true),
            1 => self.truncate_saturating(F32, I32, false),
            2 => self.truncate_saturating(F64, I32, true),
            3 => self.truncate_saturating(F64, I32, false),
            4 => self.truncate_saturating(F32, I64, true),
            5 => self.truncate_saturating(F32, I64, false),
            6 => self.truncate_saturating(F64, I64, true),
            7 => self.truncate_saturating(F64, I64, false),
            8 => self.memory_init(),
            9 => self.data_drop(),
            10 => self.memory_copy(),
            11 => self.memory_fill(),
            12 => self.table_init(),
            13 => self.elem_drop(),
            14 => self.table_copy(),
            15 => self.table_grow(),
            16 => self.table_size(),
            17 => self.table_fill(),
            19 => self.wide_sum(Alu::Add, Alu::Adc),
            20 => self.wide_sum(Alu::Sub, Alu::Sbb),
            21 => self.wide_product(true),
            22 => self.wide_product(false),
            _ => bail!("the instruction 0xfc {code} is not supported"),
        }
        Ok(())
    }
}
