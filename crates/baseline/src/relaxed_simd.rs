//! Relaxed vector operators: what the specification leaves to the processor.
//!
//! Each does what takes the fewest instructions, or, with the setting for it, what the deterministic profile
//! says. The optimizing tier makes the same choices, so that results do not depend on the tier.

use crate::body::Ty;
use crate::state::Func;
use crate::x64::{Reg, Rm, XSCRATCH, op};
use Ty::{F32, F64, V128};
use mainspring_error::{Result, ensure};

impl Func<'_, '_> {
    pub(crate) fn vector_relaxed(&mut self, code: u32) -> Result<()> {
        match code {
            // These have no faster form, or none that the optimizing tier knows.
            259 => self.saturate_doubles_signed(),
            258 => self.saturate_singles_unsigned(),
            260 => self.saturate_doubles_unsigned(),
            261 => self.multiply_add(F32, false)?,
            262 => self.multiply_add(F32, true)?,
            263 => self.multiply_add(F64, false)?,
            264 => self.multiply_add(F64, true)?,
            265..=268 => self.bitselect(),
            274 => self.dot(),
            275 => self.dot_and_add(),
            _ if self.input.settings.deterministic_relaxed_simd => self.deterministic(code),
            _ => self.fastest(code),
        }
        Ok(())
    }

    fn deterministic(&mut self, code: u32) {
        match code {
            256 => self.swizzle(),
            257 => self.saturate_singles_signed(),
            269 => self.vmin(F32),
            270 => self.vmax(F32),
            271 => self.vmin(F64),
            272 => self.vmax(F64),
            _ => self.q15_multiply(),
        }
    }

    fn fastest(&mut self, code: u32) {
        match code {
            256 => self.vbinary(op::PSHUFB),
            257 => self.vunary(op::CVTTPS2DQ),
            269 => self.vbinary_swapped(op::MINPS),
            270 => self.vbinary_swapped(op::MAXPS),
            271 => self.vbinary_swapped(op::MINPD),
            272 => self.vbinary_swapped(op::MAXPD),
            _ => self.vbinary(op::PMULHRSW),
        }
    }

    /// A product and a sum, rounded once if the processor can or if it must be.
    fn multiply_add(&mut self, ty: Ty, negate: bool) -> Result<()> {
        if self.cpu.fma {
            self.fused(ty, negate);
            return Ok(());
        }
        ensure!(
            !self.input.settings.deterministic_relaxed_simd,
            "the baseline tier needs FMA for deterministic relaxed vector instructions"
        );
        let (add, subtract, multiply) = match ty {
            F32 => (op::ADDPS, op::SUBPS, op::MULPS),
            _ => (op::ADDPD, op::SUBPD, op::MULPD),
        };
        let (a, b, addend) = self.pop3();
        let (a, b, addend) = (self.in_reg(a), self.in_reg(b), self.in_reg(addend));
        let to = self.alloc(V128);
        self.three(multiply, to, a, Rm::Reg(b));
        match negate {
            true => self.three(subtract, to, addend, Rm::Reg(to)),
            false => self.three(add, to, to, Rm::Reg(addend)),
        }
        self.canonicalize_lanes(to, ty);
        self.push_reg(to, V128);
        Ok(())
    }

    fn fused(&mut self, ty: Ty, negate: bool) {
        let (a, b, addend) = self.pop3();
        let (a, b, addend) = (self.in_reg(a), self.in_reg(b), self.in_reg(addend));
        let to = self.alloc(V128);
        self.move_vector(to, a);
        let op = if negate {
            op::VFNMADD213
        } else {
            op::VFMADD213
        };
        self.asm.vex(op, ty == F64, to, b, Rm::Reg(addend));
        self.canonicalize_lanes(to, ty);
        self.push_reg(to, V128);
    }

    /// Sums of two products each.
    fn dot(&mut self) {
        let (a, b) = self.pop_vector_regs();
        let to = self.alloc(V128);
        self.dot_to(to, a, b);
        self.push_reg(to, V128);
    }

    fn dot_to(&mut self, to: Reg, a: Reg, b: Reg) {
        if !self.input.settings.deterministic_relaxed_simd {
            // The instruction takes its first operand as unsigned.
            self.move_vector(to, b);
            return self.asm.rr(op::PMADDUBSW, false, to, a);
        }
        // One sum does not fit: that of products of the least numbers.
        let high = self.alloc(V128);
        for (half, is_high) in [(to, false), (high, true)] {
            self.widen_to(half, op::PMOVSXBW, a, is_high);
            self.widen_to(XSCRATCH, op::PMOVSXBW, b, is_high);
            self.asm.rr(op::PMADDWD, false, half, XSCRATCH);
        }
        self.asm.rr(op::PACKSSDW, false, to, high);
    }

    fn dot_and_add(&mut self) {
        let (a, b, addend) = self.pop3();
        let (a, b, addend) = (self.in_reg(a), self.in_reg(b), self.in_reg(addend));
        let to = self.alloc(V128);
        self.dot_to(to, a, b);
        let ones = self.vconst([1, 0]);
        self.asm.rm(op::PMADDWD, false, to, ones);
        self.asm.rr(op::PADDD, false, to, addend);
        self.push_reg(to, V128);
    }
}
