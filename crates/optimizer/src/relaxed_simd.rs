//! Relaxed vector operators: what the specification leaves to the processor.
//!
//! Each does what takes the fewest instructions, or, with the setting for it, what the deterministic profile
//! says. The baseline tier makes the same choices, so that results do not depend on the tier.

use crate::func::Func;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32X4};
use cranelift_codegen::ir::{InstBuilder, Opcode, Type, Value};
use mainspring_abi::Builtin;
use wasmparser::Operator;

impl Func<'_, '_> {
    /// Translates a relaxed operator. False if it is not one.
    pub(crate) fn vector_relaxed(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        match *operator {
            O::I8x16RelaxedLaneselect
            | O::I16x8RelaxedLaneselect
            | O::I32x4RelaxedLaneselect
            | O::I64x2RelaxedLaneselect => self.bitselect(),
            // These have no faster form, or none that the code generator knows.
            O::I32x4RelaxedTruncF64x2SZero => {
                self.truncate_doubles(Opcode::FcvtToSintSat, Opcode::Snarrow);
            }
            O::I32x4RelaxedTruncF32x4U => self.vconvert(F32X4, Opcode::FcvtToUintSat, I32X4),
            O::I32x4RelaxedTruncF64x2UZero => self.truncate_doubles_unsigned(),
            O::F32x4RelaxedMadd => self.multiply_add(F32X4, false),
            O::F64x2RelaxedMadd => self.multiply_add(F64X2, false),
            O::F32x4RelaxedNmadd => self.multiply_add(F32X4, true),
            O::F64x2RelaxedNmadd => self.multiply_add(F64X2, true),
            O::I32x4RelaxedDotI8x16I7x16AddS => {
                let addend = self.pop_vector(I32X4);
                self.vector_relaxed(&O::I16x8RelaxedDotI8x16I7x16S);
                self.add_pairs(I16X8, Opcode::SwidenLow, Opcode::SwidenHigh);
                self.push(addend);
                self.vbinary(I32X4, Opcode::Iadd);
            }
            _ if self.input.settings.deterministic_relaxed_simd => {
                return self.deterministic(operator);
            }
            _ => return self.fastest(operator),
        }
        true
    }

    fn deterministic(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        match *operator {
            O::I8x16RelaxedSwizzle => self.vbinary(I8X16, Opcode::Swizzle),
            O::I32x4RelaxedTruncF32x4S => self.vconvert(F32X4, Opcode::FcvtToSintSat, I32X4),
            O::F32x4RelaxedMin => self.vbinary(F32X4, Opcode::Fmin),
            O::F64x2RelaxedMin => self.vbinary(F64X2, Opcode::Fmin),
            O::F32x4RelaxedMax => self.vbinary(F32X4, Opcode::Fmax),
            O::F64x2RelaxedMax => self.vbinary(F64X2, Opcode::Fmax),
            O::I16x8RelaxedQ15mulrS => self.vbinary(I16X8, Opcode::SqmulRoundSat),
            O::I16x8RelaxedDotI8x16I7x16S => self.saturating_dot(),
            _ => return false,
        }
        true
    }

    fn fastest(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        match *operator {
            O::I8x16RelaxedSwizzle => self.vbinary(I8X16, Opcode::X86Pshufb),
            O::I32x4RelaxedTruncF32x4S => self.vconvert(F32X4, Opcode::X86Cvtt2dq, I32X4),
            O::F32x4RelaxedMin => self.pseudo_extremum(F32X4, FloatCC::GreaterThan),
            O::F64x2RelaxedMin => self.pseudo_extremum(F64X2, FloatCC::GreaterThan),
            O::F32x4RelaxedMax => self.pseudo_extremum(F32X4, FloatCC::LessThan),
            O::F64x2RelaxedMax => self.pseudo_extremum(F64X2, FloatCC::LessThan),
            O::I16x8RelaxedQ15mulrS => self.vbinary(I16X8, Opcode::X86Pmulhrsw),
            O::I16x8RelaxedDotI8x16I7x16S => {
                // The second operand counts as unsigned.
                let (a, b) = self.pop_vectors(I8X16);
                let sums = self.builder.ins().x86_pmaddubsw(a, b);
                self.push(sums);
            }
            _ => return false,
        }
        true
    }

    /// A product and a sum, rounded once if the processor can or if it must be.
    fn multiply_add(&mut self, ty: Type, negate: bool) {
        let addend = self.pop_vector(ty);
        let (a, b) = self.pop_vectors(ty);
        if !self.has_fma && !self.input.settings.deterministic_relaxed_simd {
            let product = self.builder.ins().fmul(a, b);
            let value = match negate {
                true => self.builder.ins().fsub(addend, product),
                false => self.builder.ins().fadd(product, addend),
            };
            return self.push(value);
        }
        let a = match negate {
            true => self.builder.ins().fneg(a),
            false => a,
        };
        let value = match self.has_fma {
            true => self.builder.ins().fma(a, b, addend),
            false => self.multiply_add_by_lane(ty, a, b, addend),
        };
        self.push(value);
    }

    fn multiply_add_by_lane(&mut self, ty: Type, a: Value, b: Value, addend: Value) -> Value {
        let builtin = if ty == F32X4 {
            Builtin::FmaF32
        } else {
            Builtin::FmaF64
        };
        let mut vector = addend;
        for lane in 0..ty.lane_count() as u8 {
            let lanes = [a, b, addend].map(|v| self.builder.ins().extractlane(v, lane));
            let value = self
                .call_builtin(builtin, &lanes)
                .expect("the builtin has a result");
            vector = self.builder.ins().insertlane(vector, value, lane);
        }
        vector
    }

    /// Sums of two products each, of which one does not fit: that of the least numbers.
    fn saturating_dot(&mut self) {
        let (a, b) = self.pop_vectors(I8X16);
        let [low, high] = [Opcode::SwidenLow, Opcode::SwidenHigh].map(|half| {
            let (a, b) = (self.half(half, a), self.half(half, b));
            self.push(a);
            self.push(b);
            self.dot(I16X8);
            self.pop()
        });
        self.push_narrowed(Opcode::Snarrow, low, high);
    }
}
