//! Numbers: constants, comparisons, arithmetic, conversions.
//!
//! Cranelift's instructions take their type from their operands, so the `i32` and `i64` forms of an
//! operator share a row.

use crate::func::Func;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::{F32, F64, I8, I16, I32, I64, I128};
use cranelift_codegen::ir::{InstBuilder, InstructionData, Opcode, Type, Value};
use mainspring_abi::Builtin;
use wasmparser::Operator;

impl Func<'_, '_> {
    /// Translates an operator on numbers. False if it is not one.
    pub(crate) fn numeric(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        match *operator {
            O::I32Const { value } => {
                let value = self.i32_const(value);
                self.push(value);
            }
            O::I64Const { value } => {
                let value = self.builder.ins().iconst(I64, value);
                self.push(value);
            }
            O::F32Const { value } => {
                let value = self.f32_const(value.bits());
                self.push(value);
            }
            O::F64Const { value } => {
                let value = self.f64_const(value.bits());
                self.push(value);
            }

            O::I32Eqz | O::I64Eqz => {
                let value = self.pop();
                let is_zero = self.is_null(value);
                self.push_bool(is_zero);
            }
            O::I32Eq | O::I64Eq => self.compare(IntCC::Equal),
            O::I32Ne | O::I64Ne => self.compare(IntCC::NotEqual),
            O::I32LtS | O::I64LtS => self.compare(IntCC::SignedLessThan),
            O::I32LtU | O::I64LtU => self.compare(IntCC::UnsignedLessThan),
            O::I32GtS | O::I64GtS => self.compare(IntCC::SignedGreaterThan),
            O::I32GtU | O::I64GtU => self.compare(IntCC::UnsignedGreaterThan),
            O::I32LeS | O::I64LeS => self.compare(IntCC::SignedLessThanOrEqual),
            O::I32LeU | O::I64LeU => self.compare(IntCC::UnsignedLessThanOrEqual),
            O::I32GeS | O::I64GeS => self.compare(IntCC::SignedGreaterThanOrEqual),
            O::I32GeU | O::I64GeU => self.compare(IntCC::UnsignedGreaterThanOrEqual),
            O::F32Eq | O::F64Eq => self.compare_floats(FloatCC::Equal),
            O::F32Ne | O::F64Ne => self.compare_floats(FloatCC::NotEqual),
            O::F32Lt | O::F64Lt => self.compare_floats(FloatCC::LessThan),
            O::F32Gt | O::F64Gt => self.compare_floats(FloatCC::GreaterThan),
            O::F32Le | O::F64Le => self.compare_floats(FloatCC::LessThanOrEqual),
            O::F32Ge | O::F64Ge => self.compare_floats(FloatCC::GreaterThanOrEqual),

            O::I32Clz | O::I64Clz => self.unary(Opcode::Clz),
            O::I32Ctz | O::I64Ctz => self.unary(Opcode::Ctz),
            O::I32Popcnt | O::I64Popcnt => self.unary(Opcode::Popcnt),
            O::I32Add | O::I64Add => self.binary(Opcode::Iadd),
            O::I32Sub | O::I64Sub => self.binary(Opcode::Isub),
            O::I32Mul | O::I64Mul => self.binary(Opcode::Imul),
            O::I32DivS | O::I64DivS => self.binary(Opcode::Sdiv),
            O::I32DivU | O::I64DivU => self.binary(Opcode::Udiv),
            O::I32RemS | O::I64RemS => self.binary(Opcode::Srem),
            O::I32RemU | O::I64RemU => self.binary(Opcode::Urem),
            O::I32And | O::I64And => self.and(),
            O::I32Or | O::I64Or => self.binary(Opcode::Bor),
            O::I32Xor | O::I64Xor => self.binary(Opcode::Bxor),
            O::I32Shl | O::I64Shl => self.binary(Opcode::Ishl),
            O::I32ShrS | O::I64ShrS => self.binary(Opcode::Sshr),
            O::I32ShrU | O::I64ShrU => self.binary(Opcode::Ushr),
            O::I32Rotl | O::I64Rotl => self.binary(Opcode::Rotl),
            O::I32Rotr | O::I64Rotr => self.binary(Opcode::Rotr),

            O::F32Abs | O::F64Abs => self.unary(Opcode::Fabs),
            O::F32Neg | O::F64Neg => self.unary(Opcode::Fneg),
            O::F32Sqrt | O::F64Sqrt => self.unary(Opcode::Sqrt),
            O::F32Ceil => self.round(Opcode::Ceil, Builtin::CeilF32),
            O::F64Ceil => self.round(Opcode::Ceil, Builtin::CeilF64),
            O::F32Floor => self.round(Opcode::Floor, Builtin::FloorF32),
            O::F64Floor => self.round(Opcode::Floor, Builtin::FloorF64),
            O::F32Trunc => self.round(Opcode::Trunc, Builtin::TruncF32),
            O::F64Trunc => self.round(Opcode::Trunc, Builtin::TruncF64),
            O::F32Nearest => self.round(Opcode::Nearest, Builtin::NearestF32),
            O::F64Nearest => self.round(Opcode::Nearest, Builtin::NearestF64),
            O::F32Add | O::F64Add => self.binary(Opcode::Fadd),
            O::F32Sub | O::F64Sub => self.binary(Opcode::Fsub),
            O::F32Mul | O::F64Mul => self.binary(Opcode::Fmul),
            O::F32Div | O::F64Div => self.binary(Opcode::Fdiv),
            O::F32Min | O::F64Min => self.binary(Opcode::Fmin),
            O::F32Max | O::F64Max => self.binary(Opcode::Fmax),
            O::F32Copysign | O::F64Copysign => self.binary(Opcode::Fcopysign),

            O::I64Add128 => self.wide_sum(Opcode::Iadd),
            O::I64Sub128 => self.wide_sum(Opcode::Isub),
            O::I64MulWideS => self.wide_product(Opcode::Sextend),
            O::I64MulWideU => self.wide_product(Opcode::Uextend),

            _ => return self.conversion(operator),
        }
        true
    }

    /// Adds or subtracts 128-bit integers, each of which is two operands, the lower half first.
    fn wide_sum(&mut self, opcode: Opcode) {
        let (low, high) = self.pop2();
        let second = self.builder.ins().iconcat(low, high);
        let (low, high) = self.pop2();
        let first = self.builder.ins().iconcat(low, high);
        self.push(first);
        self.push(second);
        self.binary(opcode);
        self.split();
    }

    /// All 128 bits of a product.
    fn wide_product(&mut self, extend: Opcode) {
        let second = self.pop();
        self.convert(extend, I128);
        self.push(second);
        self.convert(extend, I128);
        self.binary(Opcode::Imul);
        self.split();
    }

    fn split(&mut self) {
        let value = self.pop();
        let (low, high) = self.builder.ins().isplit(value);
        self.push(low);
        self.push(high);
    }

    fn conversion(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        match *operator {
            O::I32WrapI64 => self.convert(Opcode::Ireduce, I32),
            O::I64ExtendI32S => self.convert(Opcode::Sextend, I64),
            O::I64ExtendI32U => self.convert(Opcode::Uextend, I64),
            O::I32Extend8S => self.extend_low(I8, I32),
            O::I32Extend16S => self.extend_low(I16, I32),
            O::I64Extend8S => self.extend_low(I8, I64),
            O::I64Extend16S => self.extend_low(I16, I64),
            O::I64Extend32S => self.extend_low(I32, I64),
            O::I32TruncF32S | O::I32TruncF64S => self.convert(Opcode::FcvtToSint, I32),
            O::I32TruncF32U | O::I32TruncF64U => self.convert(Opcode::FcvtToUint, I32),
            O::I64TruncF32S | O::I64TruncF64S => self.convert(Opcode::FcvtToSint, I64),
            O::I64TruncF32U | O::I64TruncF64U => self.convert(Opcode::FcvtToUint, I64),
            O::I32TruncSatF32S | O::I32TruncSatF64S => self.convert(Opcode::FcvtToSintSat, I32),
            O::I32TruncSatF32U | O::I32TruncSatF64U => self.convert(Opcode::FcvtToUintSat, I32),
            O::I64TruncSatF32S | O::I64TruncSatF64S => self.convert(Opcode::FcvtToSintSat, I64),
            O::I64TruncSatF32U | O::I64TruncSatF64U => self.convert(Opcode::FcvtToUintSat, I64),
            O::F32ConvertI32S | O::F32ConvertI64S => self.convert(Opcode::FcvtFromSint, F32),
            O::F32ConvertI32U | O::F32ConvertI64U => self.convert_unsigned(F32),
            O::F64ConvertI32S | O::F64ConvertI64S => self.convert(Opcode::FcvtFromSint, F64),
            O::F64ConvertI32U | O::F64ConvertI64U => self.convert_unsigned(F64),
            O::F32DemoteF64 => self.convert(Opcode::Fdemote, F32),
            O::F64PromoteF32 => self.convert(Opcode::Fpromote, F64),
            O::I32ReinterpretF32 => self.reinterpret(I32),
            O::I64ReinterpretF64 => self.reinterpret(I64),
            O::F32ReinterpretI32 => self.reinterpret(F32),
            O::F64ReinterpretI64 => self.reinterpret(F64),
            _ => return false,
        }
        true
    }

    /// Cranelift's constants are zero-extended to 64 bits.
    pub(crate) fn i32_const(&mut self, value: i32) -> Value {
        self.iconst32(value.cast_unsigned())
    }

    pub(crate) fn f32_const(&mut self, bits: u32) -> Value {
        self.builder.ins().f32const(Ieee32::with_bits(bits))
    }

    pub(crate) fn f64_const(&mut self, bits: u64) -> Value {
        self.builder.ins().f64const(Ieee64::with_bits(bits))
    }

    fn compare(&mut self, condition: IntCC) {
        let (a, b) = self.pop2();
        let truth = self.builder.ins().icmp(condition, a, b);
        self.push_bool(truth);
    }

    fn compare_floats(&mut self, condition: FloatCC) {
        let (a, b) = self.pop2();
        let truth = self.builder.ins().fcmp(condition, a, b);
        self.push_bool(truth);
    }

    /// An operator whose result has its operand's type.
    pub(crate) fn unary(&mut self, opcode: Opcode) {
        let operand = *self
            .stack
            .last()
            .expect("validated: the operand is on the stack");
        self.convert(opcode, self.type_of(operand));
    }

    /// An operator whose result has a type of its own.
    pub(crate) fn convert(&mut self, opcode: Opcode, to: Type) {
        let operand = self.pop();
        let (inst, dfg) = self.builder.ins().Unary(opcode, to, operand);
        let value = dfg.first_result(inst);
        self.push(value);
    }

    /// An unsigned integer to a float. Processors convert signed ones, so that tells if the sign bit can't
    /// be set.
    fn convert_unsigned(&mut self, to: Type) {
        let operand = self.stack[self.stack.len() - 1];
        let sign = 1 << (self.type_of(operand).bits() - 1);
        self.convert(
            match self.possible_bits(operand) & sign {
                0 => Opcode::FcvtFromSint,
                _ => Opcode::FcvtFromUint,
            },
            to,
        );
    }

    /// An operator whose result has its first operand's type.
    pub(crate) fn binary(&mut self, opcode: Opcode) {
        let (a, b) = self.pop2();
        let ty = self.type_of(a);
        let (inst, dfg) = self.builder.ins().Binary(opcode, ty, a, b);
        let value = dfg.first_result(inst);
        self.push(value);
    }

    /// A conjunction, unless the mask has all the bits that the other operand can have: compilers
    /// like to mask what a load or a comparison has just made.
    fn and(&mut self) {
        let (a, mask) = (
            self.stack[self.stack.len() - 2],
            self.stack[self.stack.len() - 1],
        );
        let needless = self
            .constant(mask)
            .is_some_and(|mask| self.possible_bits(a) & !mask == 0);
        if needless {
            self.pop();
        } else {
            self.binary(Opcode::Band);
        }
    }

    /// The bits that may be set in a value, judged by the instruction that makes it.
    fn possible_bits(&self, value: Value) -> u64 {
        let dfg = &self.builder.func.dfg;
        let all = u64::MAX >> (64 - self.type_of(value).bits());
        let Some(inst) = dfg.value_def(dfg.resolve_aliases(value)).inst() else {
            return all;
        };
        match dfg.insts[inst] {
            InstructionData::Load { opcode, .. } => match opcode {
                Opcode::Uload8 => 0xff,
                Opcode::Uload16 => 0xffff,
                Opcode::Uload32 => 0xffff_ffff,
                _ => all,
            },
            InstructionData::Unary {
                opcode: Opcode::Uextend,
                arg,
            } => {
                let from = dfg
                    .value_def(arg)
                    .inst()
                    .map(|inst| dfg.insts[inst].opcode());
                match from {
                    Some(Opcode::Icmp | Opcode::Fcmp) => 1,
                    _ => u64::MAX >> (64 - self.type_of(arg).bits()),
                }
            }
            InstructionData::Binary {
                opcode: Opcode::Band,
                args,
            } => self.constant(args[1]).unwrap_or(all),
            InstructionData::Binary {
                opcode: Opcode::Ushr,
                args,
            } => match self.constant(args[1]) {
                Some(by) => all >> (by & u64::from(self.type_of(value).bits() - 1)),
                None => all,
            },
            _ => all,
        }
    }

    /// The value of an operand that is a constant.
    pub(crate) fn constant(&self, value: Value) -> Option<u64> {
        let dfg = &self.builder.func.dfg;
        let inst = dfg.value_def(dfg.resolve_aliases(value)).inst()?;
        match dfg.insts[inst] {
            InstructionData::UnaryImm {
                opcode: Opcode::Iconst,
                imm,
            } => Some(imm.bits().cast_unsigned()),
            _ => None,
        }
    }

    /// Sign-extends the lowest bits.
    fn extend_low(&mut self, low: Type, to: Type) {
        self.convert(Opcode::Ireduce, low);
        self.convert(Opcode::Sextend, to);
    }

    fn reinterpret(&mut self, to: Type) {
        let operand = self.pop();
        let flags = self.bits_flags();
        let value = self.builder.ins().bitcast(to, flags, operand);
        self.push(value);
    }

    fn round(&mut self, opcode: Opcode, builtin: Builtin) {
        if self.has_rounding {
            self.unary(opcode);
        } else {
            let operand = self.pop();
            let value = self.call_builtin(builtin, &[operand]);
            self.push(value.expect("the builtin has a result"));
        }
    }
}
