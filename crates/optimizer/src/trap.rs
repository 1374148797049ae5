//! Trap codes: ours to Cranelift's and back, and the instructions that only trap.

use crate::func::Func;
use cranelift_codegen::ir::{self, InstBuilder, Value};
use mainspring_abi::TrapCode;
use mainspring_error::{Context, Result};

/// What Cranelift is told.
pub(crate) fn to_cranelift(code: TrapCode) -> ir::TrapCode {
    ir::TrapCode::unwrap_user(code as u8)
}

/// What Cranelift tells: codes of ours, and those of the instructions that it expands itself.
pub(crate) fn from_cranelift(code: ir::TrapCode) -> Result<TrapCode> {
    match code {
        ir::TrapCode::STACK_OVERFLOW => Ok(TrapCode::StackOverflow),
        ir::TrapCode::INTEGER_OVERFLOW => Ok(TrapCode::IntegerOverflow),
        ir::TrapCode::HEAP_OUT_OF_BOUNDS => Ok(TrapCode::MemoryOutOfBounds),
        ir::TrapCode::INTEGER_DIVISION_BY_ZERO => Ok(TrapCode::IntegerDivisionByZero),
        ir::TrapCode::BAD_CONVERSION_TO_INTEGER => Ok(TrapCode::BadConversionToInteger),
        code => TrapCode::from_u8(code.as_raw().get())
            .with_context(|| format!("the code generator emitted an unknown trap {code}")),
    }
}

impl Func<'_, '_> {
    /// Traps unconditionally and ends the block.
    pub(crate) fn trap(&mut self, code: TrapCode) {
        self.builder.ins().trap(to_cranelift(code));
    }

    /// Traps if `condition` is zero.
    pub(crate) fn trap_unless(&mut self, condition: Value, code: TrapCode) {
        self.builder.ins().trapz(condition, to_cranelift(code));
    }

    /// Traps if `condition` is not zero.
    pub(crate) fn trap_if(&mut self, condition: Value, code: TrapCode) {
        self.builder.ins().trapnz(condition, to_cranelift(code));
    }
}
