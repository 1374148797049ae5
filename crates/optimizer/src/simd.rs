//! Vectors: `v128` and its lanes.
//!
//! An operator takes its operands as lanes of the type it names and leaves its result so; a change
//! of view costs no instruction. The relaxed operators do what the processor does fastest, or, with the setting
//! for it, what the deterministic profile says: the same as their strict siblings, and fused.

use crate::func::Func;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F32X4, F64X2, I8, I8X16, I16, I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{ConstantData, InstBuilder, Opcode, Type, Value};
use mainspring_abi::Builtin;
use mainspring_error::Result;
use wasmparser::{MemArg, Operator};

impl Func<'_, '_> {
    /// Translates an operator on vectors. False if it is not one.
    pub(crate) fn vector(&mut self, operator: &Operator<'_>) -> Result<bool> {
        Ok(self.vector_memory(operator)?
            || self.vector_lanes(operator)
            || self.vector_comparison(operator)
            || self.vector_integer(operator)
            || self.vector_float(operator)
            || self.vector_conversion(operator)
            || self.vector_relaxed(operator))
    }

    fn vector_memory(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as O;
        match *operator {
            O::V128Load { ref memarg } => self.load(memarg, I8X16)?,
            O::V128Load8x8S { ref memarg } => self.load_with(memarg, Opcode::Sload8x8, I16X8, 8)?,
            O::V128Load8x8U { ref memarg } => self.load_with(memarg, Opcode::Uload8x8, I16X8, 8)?,
            O::V128Load16x4S { ref memarg } => {
                self.load_with(memarg, Opcode::Sload16x4, I32X4, 8)?;
            }
            O::V128Load16x4U { ref memarg } => {
                self.load_with(memarg, Opcode::Uload16x4, I32X4, 8)?;
            }
            O::V128Load32x2S { ref memarg } => {
                self.load_with(memarg, Opcode::Sload32x2, I64X2, 8)?;
            }
            O::V128Load32x2U { ref memarg } => {
                self.load_with(memarg, Opcode::Uload32x2, I64X2, 8)?;
            }
            O::V128Load8Splat { ref memarg } => self.load_splat(memarg, I8X16)?,
            O::V128Load16Splat { ref memarg } => self.load_splat(memarg, I16X8)?,
            O::V128Load32Splat { ref memarg } => self.load_splat(memarg, I32X4)?,
            O::V128Load64Splat { ref memarg } => self.load_splat(memarg, I64X2)?,
            O::V128Load32Zero { ref memarg } => self.load_zero(memarg, I32X4)?,
            O::V128Load64Zero { ref memarg } => self.load_zero(memarg, I64X2)?,
            O::V128Store { ref memarg } => self.store(memarg)?,
            O::V128Load8Lane { ref memarg, lane } => self.load_lane(memarg, lane, I8X16)?,
            O::V128Load16Lane { ref memarg, lane } => self.load_lane(memarg, lane, I16X8)?,
            O::V128Load32Lane { ref memarg, lane } => self.load_lane(memarg, lane, I32X4)?,
            O::V128Load64Lane { ref memarg, lane } => self.load_lane(memarg, lane, I64X2)?,
            O::V128Store8Lane { ref memarg, lane } => self.store_lane(memarg, lane, I8X16)?,
            O::V128Store16Lane { ref memarg, lane } => self.store_lane(memarg, lane, I16X8)?,
            O::V128Store32Lane { ref memarg, lane } => self.store_lane(memarg, lane, I32X4)?,
            O::V128Store64Lane { ref memarg, lane } => self.store_lane(memarg, lane, I64X2)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn vector_lanes(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        match *operator {
            O::V128Const { value } => {
                let value = self.vector_const(I8X16, value.bytes());
                self.push(value);
            }
            O::I8x16Shuffle { ref lanes } => self.shuffle(lanes),
            O::I8x16Swizzle => self.vbinary(I8X16, Opcode::Swizzle),
            O::I8x16Splat => self.splat(I8X16),
            O::I16x8Splat => self.splat(I16X8),
            O::I32x4Splat => self.splat(I32X4),
            O::I64x2Splat => self.splat(I64X2),
            O::F32x4Splat => self.splat(F32X4),
            O::F64x2Splat => self.splat(F64X2),
            O::I8x16ExtractLaneS { lane } => self.extract_small(lane, I8X16, Opcode::Sextend),
            O::I8x16ExtractLaneU { lane } => self.extract_small(lane, I8X16, Opcode::Uextend),
            O::I16x8ExtractLaneS { lane } => self.extract_small(lane, I16X8, Opcode::Sextend),
            O::I16x8ExtractLaneU { lane } => self.extract_small(lane, I16X8, Opcode::Uextend),
            O::I32x4ExtractLane { lane } => self.extract(lane, I32X4),
            O::I64x2ExtractLane { lane } => self.extract(lane, I64X2),
            O::F32x4ExtractLane { lane } => self.extract(lane, F32X4),
            O::F64x2ExtractLane { lane } => self.extract(lane, F64X2),
            O::I8x16ReplaceLane { lane } => self.replace(lane, I8X16),
            O::I16x8ReplaceLane { lane } => self.replace(lane, I16X8),
            O::I32x4ReplaceLane { lane } => self.replace(lane, I32X4),
            O::I64x2ReplaceLane { lane } => self.replace(lane, I64X2),
            O::F32x4ReplaceLane { lane } => self.replace(lane, F32X4),
            O::F64x2ReplaceLane { lane } => self.replace(lane, F64X2),

            O::V128Not => self.vunary(I8X16, Opcode::Bnot),
            O::V128And => self.vbinary(I8X16, Opcode::Band),
            O::V128Or => self.vbinary(I8X16, Opcode::Bor),
            O::V128Xor => self.vbinary(I8X16, Opcode::Bxor),
            O::V128AndNot => {
                self.vunary(I8X16, Opcode::Bnot);
                self.vbinary(I8X16, Opcode::Band);
            }
            O::V128Bitselect => self.bitselect(),
            O::V128AnyTrue => self.vector_test(I8X16, Opcode::VanyTrue),
            O::I8x16AllTrue => self.vector_test(I8X16, Opcode::VallTrue),
            O::I16x8AllTrue => self.vector_test(I16X8, Opcode::VallTrue),
            O::I32x4AllTrue => self.vector_test(I32X4, Opcode::VallTrue),
            O::I64x2AllTrue => self.vector_test(I64X2, Opcode::VallTrue),
            O::I8x16Bitmask => self.bitmask(I8X16),
            O::I16x8Bitmask => self.bitmask(I16X8),
            O::I32x4Bitmask => self.bitmask(I32X4),
            O::I64x2Bitmask => self.bitmask(I64X2),
            _ => return false,
        }
        true
    }

    fn vector_comparison(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        match *operator {
            O::I8x16Eq => self.vcompare(I8X16, IntCC::Equal),
            O::I8x16Ne => self.vcompare(I8X16, IntCC::NotEqual),
            O::I8x16LtS => self.vcompare(I8X16, IntCC::SignedLessThan),
            O::I8x16LtU => self.vcompare(I8X16, IntCC::UnsignedLessThan),
            O::I8x16GtS => self.vcompare(I8X16, IntCC::SignedGreaterThan),
            O::I8x16GtU => self.vcompare(I8X16, IntCC::UnsignedGreaterThan),
            O::I8x16LeS => self.vcompare(I8X16, IntCC::SignedLessThanOrEqual),
            O::I8x16LeU => self.vcompare(I8X16, IntCC::UnsignedLessThanOrEqual),
            O::I8x16GeS => self.vcompare(I8X16, IntCC::SignedGreaterThanOrEqual),
            O::I8x16GeU => self.vcompare(I8X16, IntCC::UnsignedGreaterThanOrEqual),
            O::I16x8Eq => self.vcompare(I16X8, IntCC::Equal),
            O::I16x8Ne => self.vcompare(I16X8, IntCC::NotEqual),
            O::I16x8LtS => self.vcompare(I16X8, IntCC::SignedLessThan),
            O::I16x8LtU => self.vcompare(I16X8, IntCC::UnsignedLessThan),
            O::I16x8GtS => self.vcompare(I16X8, IntCC::SignedGreaterThan),
            O::I16x8GtU => self.vcompare(I16X8, IntCC::UnsignedGreaterThan),
            O::I16x8LeS => self.vcompare(I16X8, IntCC::SignedLessThanOrEqual),
            O::I16x8LeU => self.vcompare(I16X8, IntCC::UnsignedLessThanOrEqual),
            O::I16x8GeS => self.vcompare(I16X8, IntCC::SignedGreaterThanOrEqual),
            O::I16x8GeU => self.vcompare(I16X8, IntCC::UnsignedGreaterThanOrEqual),
            O::I32x4Eq => self.vcompare(I32X4, IntCC::Equal),
            O::I32x4Ne => self.vcompare(I32X4, IntCC::NotEqual),
            O::I32x4LtS => self.vcompare(I32X4, IntCC::SignedLessThan),
            O::I32x4LtU => self.vcompare(I32X4, IntCC::UnsignedLessThan),
            O::I32x4GtS => self.vcompare(I32X4, IntCC::SignedGreaterThan),
            O::I32x4GtU => self.vcompare(I32X4, IntCC::UnsignedGreaterThan),
            O::I32x4LeS => self.vcompare(I32X4, IntCC::SignedLessThanOrEqual),
            O::I32x4LeU => self.vcompare(I32X4, IntCC::UnsignedLessThanOrEqual),
            O::I32x4GeS => self.vcompare(I32X4, IntCC::SignedGreaterThanOrEqual),
            O::I32x4GeU => self.vcompare(I32X4, IntCC::UnsignedGreaterThanOrEqual),
            O::I64x2Eq => self.vcompare(I64X2, IntCC::Equal),
            O::I64x2Ne => self.vcompare(I64X2, IntCC::NotEqual),
            O::I64x2LtS => self.vcompare(I64X2, IntCC::SignedLessThan),
            O::I64x2GtS => self.vcompare(I64X2, IntCC::SignedGreaterThan),
            O::I64x2LeS => self.vcompare(I64X2, IntCC::SignedLessThanOrEqual),
            O::I64x2GeS => self.vcompare(I64X2, IntCC::SignedGreaterThanOrEqual),
            O::F32x4Eq => self.vcompare_floats(F32X4, FloatCC::Equal),
            O::F32x4Ne => self.vcompare_floats(F32X4, FloatCC::NotEqual),
            O::F32x4Lt => self.vcompare_floats(F32X4, FloatCC::LessThan),
            O::F32x4Gt => self.vcompare_floats(F32X4, FloatCC::GreaterThan),
            O::F32x4Le => self.vcompare_floats(F32X4, FloatCC::LessThanOrEqual),
            O::F32x4Ge => self.vcompare_floats(F32X4, FloatCC::GreaterThanOrEqual),
            O::F64x2Eq => self.vcompare_floats(F64X2, FloatCC::Equal),
            O::F64x2Ne => self.vcompare_floats(F64X2, FloatCC::NotEqual),
            O::F64x2Lt => self.vcompare_floats(F64X2, FloatCC::LessThan),
            O::F64x2Gt => self.vcompare_floats(F64X2, FloatCC::GreaterThan),
            O::F64x2Le => self.vcompare_floats(F64X2, FloatCC::LessThanOrEqual),
            O::F64x2Ge => self.vcompare_floats(F64X2, FloatCC::GreaterThanOrEqual),
            _ => return false,
        }
        true
    }

    fn vector_integer(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        match *operator {
            O::I8x16Abs => self.vunary(I8X16, Opcode::Iabs),
            O::I16x8Abs => self.vunary(I16X8, Opcode::Iabs),
            O::I32x4Abs => self.vunary(I32X4, Opcode::Iabs),
            O::I64x2Abs => self.vunary(I64X2, Opcode::Iabs),
            O::I8x16Neg => self.vunary(I8X16, Opcode::Ineg),
            O::I16x8Neg => self.vunary(I16X8, Opcode::Ineg),
            O::I32x4Neg => self.vunary(I32X4, Opcode::Ineg),
            O::I64x2Neg => self.vunary(I64X2, Opcode::Ineg),
            O::I8x16Popcnt => self.vunary(I8X16, Opcode::Popcnt),
            O::I8x16Shl => self.vshift(I8X16, Opcode::Ishl),
            O::I16x8Shl => self.vshift(I16X8, Opcode::Ishl),
            O::I32x4Shl => self.vshift(I32X4, Opcode::Ishl),
            O::I64x2Shl => self.vshift(I64X2, Opcode::Ishl),
            O::I8x16ShrS => self.vshift(I8X16, Opcode::Sshr),
            O::I16x8ShrS => self.vshift(I16X8, Opcode::Sshr),
            O::I32x4ShrS => self.vshift(I32X4, Opcode::Sshr),
            O::I64x2ShrS => self.vshift(I64X2, Opcode::Sshr),
            O::I8x16ShrU => self.vshift(I8X16, Opcode::Ushr),
            O::I16x8ShrU => self.vshift(I16X8, Opcode::Ushr),
            O::I32x4ShrU => self.vshift(I32X4, Opcode::Ushr),
            O::I64x2ShrU => self.vshift(I64X2, Opcode::Ushr),
            O::I8x16Add => self.vbinary(I8X16, Opcode::Iadd),
            O::I16x8Add => self.vbinary(I16X8, Opcode::Iadd),
            O::I32x4Add => self.vbinary(I32X4, Opcode::Iadd),
            O::I64x2Add => self.vbinary(I64X2, Opcode::Iadd),
            O::I8x16Sub => self.vbinary(I8X16, Opcode::Isub),
            O::I16x8Sub => self.vbinary(I16X8, Opcode::Isub),
            O::I32x4Sub => self.vbinary(I32X4, Opcode::Isub),
            O::I64x2Sub => self.vbinary(I64X2, Opcode::Isub),
            O::I16x8Mul => self.vbinary(I16X8, Opcode::Imul),
            O::I32x4Mul => self.vbinary(I32X4, Opcode::Imul),
            O::I64x2Mul => self.vbinary(I64X2, Opcode::Imul),
            O::I8x16AddSatS => self.vbinary(I8X16, Opcode::SaddSat),
            O::I16x8AddSatS => self.vbinary(I16X8, Opcode::SaddSat),
            O::I8x16AddSatU => self.vbinary(I8X16, Opcode::UaddSat),
            O::I16x8AddSatU => self.vbinary(I16X8, Opcode::UaddSat),
            O::I8x16SubSatS => self.vbinary(I8X16, Opcode::SsubSat),
            O::I16x8SubSatS => self.vbinary(I16X8, Opcode::SsubSat),
            O::I8x16SubSatU => self.vbinary(I8X16, Opcode::UsubSat),
            O::I16x8SubSatU => self.vbinary(I16X8, Opcode::UsubSat),
            O::I8x16MinS => self.vbinary(I8X16, Opcode::Smin),
            O::I16x8MinS => self.vbinary(I16X8, Opcode::Smin),
            O::I32x4MinS => self.vbinary(I32X4, Opcode::Smin),
            O::I8x16MinU => self.vbinary(I8X16, Opcode::Umin),
            O::I16x8MinU => self.vbinary(I16X8, Opcode::Umin),
            O::I32x4MinU => self.vbinary(I32X4, Opcode::Umin),
            O::I8x16MaxS => self.vbinary(I8X16, Opcode::Smax),
            O::I16x8MaxS => self.vbinary(I16X8, Opcode::Smax),
            O::I32x4MaxS => self.vbinary(I32X4, Opcode::Smax),
            O::I8x16MaxU => self.vbinary(I8X16, Opcode::Umax),
            O::I16x8MaxU => self.vbinary(I16X8, Opcode::Umax),
            O::I32x4MaxU => self.vbinary(I32X4, Opcode::Umax),
            O::I8x16AvgrU => self.vbinary(I8X16, Opcode::AvgRound),
            O::I16x8AvgrU => self.vbinary(I16X8, Opcode::AvgRound),
            O::I16x8Q15MulrSatS => {
                self.vbinary(I16X8, Opcode::SqmulRoundSat);
            }
            O::I32x4DotI16x8S => self.dot(I16X8),
            _ => return self.vector_widening(operator),
        }
        true
    }

    /// Operators that take lanes to lanes of twice the width.
    fn vector_widening(&mut self, operator: &Operator<'_>) -> bool {
        use Opcode::{SwidenHigh, SwidenLow, UwidenHigh, UwidenLow};
        use Operator as O;
        match *operator {
            O::I16x8ExtendLowI8x16S => self.widen_lanes(I8X16, SwidenLow),
            O::I16x8ExtendHighI8x16S => self.widen_lanes(I8X16, SwidenHigh),
            O::I16x8ExtendLowI8x16U => self.widen_lanes(I8X16, UwidenLow),
            O::I16x8ExtendHighI8x16U => self.widen_lanes(I8X16, UwidenHigh),
            O::I32x4ExtendLowI16x8S => self.widen_lanes(I16X8, SwidenLow),
            O::I32x4ExtendHighI16x8S => self.widen_lanes(I16X8, SwidenHigh),
            O::I32x4ExtendLowI16x8U => self.widen_lanes(I16X8, UwidenLow),
            O::I32x4ExtendHighI16x8U => self.widen_lanes(I16X8, UwidenHigh),
            O::I64x2ExtendLowI32x4S => self.widen_lanes(I32X4, SwidenLow),
            O::I64x2ExtendHighI32x4S => self.widen_lanes(I32X4, SwidenHigh),
            O::I64x2ExtendLowI32x4U => self.widen_lanes(I32X4, UwidenLow),
            O::I64x2ExtendHighI32x4U => self.widen_lanes(I32X4, UwidenHigh),
            O::I16x8ExtMulLowI8x16S => self.multiply_wide(I8X16, SwidenLow),
            O::I16x8ExtMulHighI8x16S => self.multiply_wide(I8X16, SwidenHigh),
            O::I16x8ExtMulLowI8x16U => self.multiply_wide(I8X16, UwidenLow),
            O::I16x8ExtMulHighI8x16U => self.multiply_wide(I8X16, UwidenHigh),
            O::I32x4ExtMulLowI16x8S => self.multiply_wide(I16X8, SwidenLow),
            O::I32x4ExtMulHighI16x8S => self.multiply_wide(I16X8, SwidenHigh),
            O::I32x4ExtMulLowI16x8U => self.multiply_wide(I16X8, UwidenLow),
            O::I32x4ExtMulHighI16x8U => self.multiply_wide(I16X8, UwidenHigh),
            O::I64x2ExtMulLowI32x4S => self.multiply_wide(I32X4, SwidenLow),
            O::I64x2ExtMulHighI32x4S => self.multiply_wide(I32X4, SwidenHigh),
            O::I64x2ExtMulLowI32x4U => self.multiply_wide(I32X4, UwidenLow),
            O::I64x2ExtMulHighI32x4U => self.multiply_wide(I32X4, UwidenHigh),
            O::I16x8ExtAddPairwiseI8x16S => self.add_pairs(I8X16, SwidenLow, SwidenHigh),
            O::I16x8ExtAddPairwiseI8x16U => self.add_pairs(I8X16, UwidenLow, UwidenHigh),
            O::I32x4ExtAddPairwiseI16x8S => self.add_pairs(I16X8, SwidenLow, SwidenHigh),
            O::I32x4ExtAddPairwiseI16x8U => self.add_pairs(I16X8, UwidenLow, UwidenHigh),
            _ => return false,
        }
        true
    }

    fn vector_float(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        match *operator {
            O::F32x4Ceil => self.vround(F32X4, Opcode::Ceil, Builtin::CeilF32),
            O::F64x2Ceil => self.vround(F64X2, Opcode::Ceil, Builtin::CeilF64),
            O::F32x4Floor => self.vround(F32X4, Opcode::Floor, Builtin::FloorF32),
            O::F64x2Floor => self.vround(F64X2, Opcode::Floor, Builtin::FloorF64),
            O::F32x4Trunc => self.vround(F32X4, Opcode::Trunc, Builtin::TruncF32),
            O::F64x2Trunc => self.vround(F64X2, Opcode::Trunc, Builtin::TruncF64),
            O::F32x4Nearest => self.vround(F32X4, Opcode::Nearest, Builtin::NearestF32),
            O::F64x2Nearest => self.vround(F64X2, Opcode::Nearest, Builtin::NearestF64),
            O::F32x4Abs => self.vunary(F32X4, Opcode::Fabs),
            O::F64x2Abs => self.vunary(F64X2, Opcode::Fabs),
            O::F32x4Neg => self.flip_signs(I32X4, &0x8000_0000_u32.to_le_bytes()),
            O::F64x2Neg => self.flip_signs(I64X2, &(1_u64 << 63).to_le_bytes()),
            O::F32x4Sqrt => self.vunary(F32X4, Opcode::Sqrt),
            O::F64x2Sqrt => self.vunary(F64X2, Opcode::Sqrt),
            O::F32x4Add => self.vbinary(F32X4, Opcode::Fadd),
            O::F64x2Add => self.vbinary(F64X2, Opcode::Fadd),
            O::F32x4Sub => self.vbinary(F32X4, Opcode::Fsub),
            O::F64x2Sub => self.vbinary(F64X2, Opcode::Fsub),
            O::F32x4Mul => self.vbinary(F32X4, Opcode::Fmul),
            O::F64x2Mul => self.vbinary(F64X2, Opcode::Fmul),
            O::F32x4Div => self.vbinary(F32X4, Opcode::Fdiv),
            O::F64x2Div => self.vbinary(F64X2, Opcode::Fdiv),
            O::F32x4Min => self.vbinary(F32X4, Opcode::Fmin),
            O::F64x2Min => self.vbinary(F64X2, Opcode::Fmin),
            O::F32x4Max => self.vbinary(F32X4, Opcode::Fmax),
            O::F64x2Max => self.vbinary(F64X2, Opcode::Fmax),
            O::F32x4PMin => self.pseudo_extremum(F32X4, FloatCC::GreaterThan),
            O::F64x2PMin => self.pseudo_extremum(F64X2, FloatCC::GreaterThan),
            O::F32x4PMax => self.pseudo_extremum(F32X4, FloatCC::LessThan),
            O::F64x2PMax => self.pseudo_extremum(F64X2, FloatCC::LessThan),
            _ => return false,
        }
        true
    }

    fn vector_conversion(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        match *operator {
            O::I8x16NarrowI16x8S => self.narrow_lanes(I16X8, Opcode::Snarrow),
            O::I8x16NarrowI16x8U => self.narrow_lanes(I16X8, Opcode::Unarrow),
            O::I16x8NarrowI32x4S => self.narrow_lanes(I32X4, Opcode::Snarrow),
            O::I16x8NarrowI32x4U => self.narrow_lanes(I32X4, Opcode::Unarrow),
            O::I32x4TruncSatF32x4S => {
                self.vconvert(F32X4, Opcode::FcvtToSintSat, I32X4);
            }
            O::I32x4TruncSatF32x4U => {
                self.vconvert(F32X4, Opcode::FcvtToUintSat, I32X4);
            }
            O::I32x4TruncSatF64x2SZero => {
                self.truncate_doubles(Opcode::FcvtToSintSat, Opcode::Snarrow);
            }
            O::I32x4TruncSatF64x2UZero => self.truncate_doubles_unsigned(),
            O::F32x4ConvertI32x4S => self.vconvert(I32X4, Opcode::FcvtFromSint, F32X4),
            O::F32x4ConvertI32x4U => self.vconvert(I32X4, Opcode::FcvtFromUint, F32X4),
            O::F64x2ConvertLowI32x4S => {
                self.widen_lanes(I32X4, Opcode::SwidenLow);
                self.vconvert(I64X2, Opcode::FcvtFromSint, F64X2);
            }
            O::F64x2ConvertLowI32x4U => {
                self.widen_lanes(I32X4, Opcode::UwidenLow);
                self.vconvert(I64X2, Opcode::FcvtFromUint, F64X2);
            }
            O::F32x4DemoteF64x2Zero => {
                let value = self.pop_vector(F64X2);
                let value = self.builder.ins().fvdemote(value);
                self.push(value);
            }
            O::F64x2PromoteLowF32x4 => {
                let value = self.pop_vector(F32X4);
                let value = self.builder.ins().fvpromote_low(value);
                self.push(value);
            }
            _ => return false,
        }
        true
    }

    // Forms of operators.

    pub(crate) fn pop_vector(&mut self, ty: Type) -> Value {
        let value = self.pop();
        self.as_vector(value, ty)
    }

    pub(crate) fn pop_vectors(&mut self, ty: Type) -> (Value, Value) {
        let b = self.pop_vector(ty);
        (self.pop_vector(ty), b)
    }

    fn vunary(&mut self, ty: Type, opcode: Opcode) {
        self.vconvert(ty, opcode, ty);
    }

    pub(crate) fn vconvert(&mut self, from: Type, opcode: Opcode, to: Type) {
        let value = self.pop_vector(from);
        self.push(value);
        self.convert(opcode, to);
    }

    pub(crate) fn vbinary(&mut self, ty: Type, opcode: Opcode) {
        let (a, b) = self.pop_vectors(ty);
        self.push(a);
        self.push(b);
        self.binary(opcode);
    }

    /// Cranelift takes the count modulo the width of a lane, as wasm does.
    fn vshift(&mut self, ty: Type, opcode: Opcode) {
        let count = self.pop();
        let value = self.pop_vector(ty);
        self.push(value);
        self.push(count);
        self.binary(opcode);
    }

    fn vcompare(&mut self, ty: Type, condition: IntCC) {
        let (a, b) = self.pop_vectors(ty);
        let mask = self.builder.ins().icmp(condition, a, b);
        self.push(mask);
    }

    fn vcompare_floats(&mut self, ty: Type, condition: FloatCC) {
        let (a, b) = self.pop_vectors(ty);
        let mask = self.builder.ins().fcmp(condition, a, b);
        self.push(mask);
    }

    pub(crate) fn vector_const(&mut self, ty: Type, bytes: &[u8; 16]) -> Value {
        let data = ConstantData::from(bytes.as_slice());
        let constant = self.builder.func.dfg.constants.insert(data);
        self.builder.ins().vconst(ty, constant)
    }

    fn shuffle(&mut self, lanes: &[u8; 16]) {
        let (a, b) = self.pop_vectors(I8X16);
        let mask = ConstantData::from(lanes.as_slice());
        let mask = self.builder.func.dfg.immediates.push(mask);
        let value = self.builder.ins().shuffle(a, b, mask);
        self.push(value);
    }

    /// The uppermost operand as the value of a lane.
    fn pop_lane(&mut self, ty: Type) -> Value {
        let value = self.pop();
        match ty.lane_type() {
            lane @ (I8 | I16) => self.builder.ins().ireduce(lane, value),
            _ => value,
        }
    }

    fn splat(&mut self, ty: Type) {
        let lane = self.pop_lane(ty);
        let value = self.builder.ins().splat(ty, lane);
        self.push(value);
    }

    fn extract(&mut self, lane: u8, ty: Type) {
        let vector = self.pop_vector(ty);
        let value = self.builder.ins().extractlane(vector, lane);
        self.push(value);
    }

    fn extract_small(&mut self, lane: u8, ty: Type, extend: Opcode) {
        self.extract(lane, ty);
        self.convert(extend, I32);
    }

    fn replace(&mut self, lane: u8, ty: Type) {
        let value = self.pop_lane(ty);
        let vector = self.pop_vector(ty);
        let vector = self.builder.ins().insertlane(vector, value, lane);
        self.push(vector);
    }

    pub(crate) fn bitselect(&mut self) {
        let mask = self.pop_vector(I8X16);
        let (a, b) = self.pop_vectors(I8X16);
        let value = self.builder.ins().bitselect(mask, a, b);
        self.push(value);
    }

    fn vector_test(&mut self, ty: Type, opcode: Opcode) {
        let vector = self.pop_vector(ty);
        let (inst, dfg) = self.builder.ins().Unary(opcode, ty, vector);
        let truth = dfg.first_result(inst);
        self.push_bool(truth);
    }

    fn bitmask(&mut self, ty: Type) {
        let vector = self.pop_vector(ty);
        let mask = self.builder.ins().vhigh_bits(I32, vector);
        self.push(mask);
    }

    /// Not as an instruction on floats, which the code generator would make part of a fused one that it feeds:
    /// then a NaN would come out with another sign than from two instructions.
    fn flip_signs(&mut self, ty: Type, sign: &[u8]) {
        let value = self.pop_vector(ty);
        let signs: [u8; 16] = std::array::from_fn(|n| sign[n % sign.len()]);
        let signs = self.vector_const(ty, &signs);
        let value = self.builder.ins().bxor(value, signs);
        self.push(value);
    }

    /// The larger (`LessThan`) or smaller (`GreaterThan`) of two lanes, the first if unordered.
    pub(crate) fn pseudo_extremum(&mut self, ty: Type, first_loses: FloatCC) {
        let (a, b) = self.pop_vectors(ty);
        let mask = match first_loses {
            // In this form the code generator knows `min` and `max` when it sees them.
            FloatCC::GreaterThan => self.builder.ins().fcmp(FloatCC::LessThan, b, a),
            condition => self.builder.ins().fcmp(condition, a, b),
        };
        let mask = self.as_vector(mask, ty);
        let value = self.builder.ins().bitselect(mask, b, a);
        self.push(value);
    }

    fn vround(&mut self, ty: Type, opcode: Opcode, builtin: Builtin) {
        if self.has_rounding {
            return self.vunary(ty, opcode);
        }
        let mut vector = self.pop_vector(ty);
        for lane in 0..ty.lane_count() as u8 {
            let value = self.builder.ins().extractlane(vector, lane);
            let value = self
                .call_builtin(builtin, &[value])
                .expect("the builtin has a result");
            vector = self.builder.ins().insertlane(vector, value, lane);
        }
        self.push(vector);
    }

    /// One half of a vector's lanes, each twice as wide.
    pub(crate) fn half(&mut self, opcode: Opcode, vector: Value) -> Value {
        let ty = self.type_of(vector);
        let (inst, dfg) = self.builder.ins().Unary(opcode, ty, vector);
        dfg.first_result(inst)
    }

    fn widen_lanes(&mut self, from: Type, opcode: Opcode) {
        let vector = self.pop_vector(from);
        let half = self.half(opcode, vector);
        self.push(half);
    }

    fn multiply_wide(&mut self, from: Type, opcode: Opcode) {
        let (a, b) = self.pop_vectors(from);
        let (a, b) = (self.half(opcode, a), self.half(opcode, b));
        let product = self.builder.ins().imul(a, b);
        self.push(product);
    }

    pub(crate) fn add_pairs(&mut self, from: Type, low: Opcode, high: Opcode) {
        let vector = self.pop_vector(from);
        let (low, high) = (self.half(low, vector), self.half(high, vector));
        let sums = self.builder.ins().iadd_pairwise(low, high);
        self.push(sums);
    }

    /// Products of signed lanes, twice as wide, added in pairs.
    pub(crate) fn dot(&mut self, from: Type) {
        let (a, b) = self.pop_vectors(from);
        let (a_low, b_low) = (
            self.half(Opcode::SwidenLow, a),
            self.half(Opcode::SwidenLow, b),
        );
        let low = self.builder.ins().imul(a_low, b_low);
        let (a_high, b_high) = (
            self.half(Opcode::SwidenHigh, a),
            self.half(Opcode::SwidenHigh, b),
        );
        let high = self.builder.ins().imul(a_high, b_high);
        let sums = self.builder.ins().iadd_pairwise(low, high);
        self.push(sums);
    }

    fn narrow_lanes(&mut self, from: Type, opcode: Opcode) {
        let (a, b) = self.pop_vectors(from);
        self.push_narrowed(opcode, a, b);
    }

    pub(crate) fn push_narrowed(&mut self, opcode: Opcode, a: Value, b: Value) {
        let ty = self.type_of(a);
        let (inst, dfg) = self.builder.ins().Binary(opcode, ty, a, b);
        let value = dfg.first_result(inst);
        self.push(value);
    }

    /// Two doubles to integers in the lower lanes, zero in the upper ones.
    pub(crate) fn truncate_doubles(&mut self, convert: Opcode, narrow: Opcode) {
        self.vconvert(F64X2, convert, I64X2);
        let converted = self.pop();
        // The code generator knows these three instructions as one.
        let zero = self.zero(I64X2);
        self.push_narrowed(narrow, converted, zero);
    }

    pub(crate) fn truncate_doubles_unsigned(&mut self) {
        if self.has_rounding {
            self.truncate_doubles(Opcode::FcvtToUintSat, Opcode::Uunarrow);
        } else {
            self.truncate_doubles_by_lane();
        }
    }

    /// For processors on which Cranelift's form would round first.
    fn truncate_doubles_by_lane(&mut self) {
        let doubles = self.pop_vector(F64X2);
        let mut vector = self.zero(I32X4);
        for lane in 0..2u8 {
            let value = self.builder.ins().extractlane(doubles, lane);
            let value = self.builder.ins().fcvt_to_uint_sat(I32, value);
            vector = self.builder.ins().insertlane(vector, value, lane);
        }
        self.push(vector);
    }

    // Memory.

    fn load_splat(&mut self, memarg: &MemArg, ty: Type) -> Result<()> {
        self.load(memarg, ty.lane_type())?;
        let lane = self.pop();
        let value = self.builder.ins().splat(ty, lane);
        self.push(value);
        Ok(())
    }

    fn load_zero(&mut self, memarg: &MemArg, ty: Type) -> Result<()> {
        self.load(memarg, ty.lane_type())?;
        let lane = self.pop();
        let value = self.builder.ins().scalar_to_vector(ty, lane);
        self.push(value);
        Ok(())
    }

    fn load_lane(&mut self, memarg: &MemArg, lane: u8, ty: Type) -> Result<()> {
        let vector = self.pop_vector(ty);
        self.load(memarg, ty.lane_type())?;
        let value = self.pop();
        let vector = self.builder.ins().insertlane(vector, value, lane);
        self.push(vector);
        Ok(())
    }

    fn store_lane(&mut self, memarg: &MemArg, lane: u8, ty: Type) -> Result<()> {
        let vector = self.pop_vector(ty);
        let value = self.builder.ins().extractlane(vector, lane);
        self.push(value);
        self.store(memarg)
    }
}
