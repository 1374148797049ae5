//! Types of references at run time: casts, and what `call_indirect` compares.

use crate::body::Ty;
use crate::numeric::Test;
use crate::state::Func;
use crate::x64::{Alu, Cond, Label, Mem, Reg, Rm, SCRATCH};
use anyhow::{Result, bail};
use mainspring_abi::{TrapCode, VMContextHeader, VMFuncRef};
use mainspring_wasm::{Cast, TypeAddress, TypeIndex};
use std::mem::offset_of;

impl Func<'_, '_> {
    pub(crate) fn ref_test(&mut self, nullable: bool) -> Result<()> {
        let test = self.cast(nullable)?;
        self.drop_operand();
        self.compared(test);
        Ok(())
    }

    pub(crate) fn ref_cast(&mut self, nullable: bool) -> Result<()> {
        let test = self.cast(nullable)?;
        let fails = self.trap_label(TrapCode::CastFailure);
        self.branch_unless(test, fails);
        Ok(())
    }

    /// `br_on_cast`, or `br_on_cast_fail`.
    pub(crate) fn br_on_cast(&mut self, if_cast: bool) -> Result<()> {
        let nullable = self.body.byte() & 2 != 0;
        let depth = self.body.u32();
        // The operand's own type says nothing that is not known.
        self.body.heap_type()?;
        let test = self.cast(nullable)?;
        let test = if if_cast { test } else { test.inverted() };
        self.branch_to(test, depth);
        Ok(())
    }

    /// Has flags say whether the uppermost operand, which stays, is of the type that comes next in the body.
    fn cast(&mut self, nullable: bool) -> Result<Test> {
        let target = self.body.heap_type()?;
        let cast = self.module.cast(target);
        Ok(Test::One(match cast {
            Cast::Object(_) | Cast::Eq | Cast::I31 | Cast::Struct | Cast::Array => {
                bail!("a cast to a type of objects on a heap is not supported")
            }
            Cast::All | Cast::Nothing if nullable == (cast == Cast::All) => {
                // Always so or never: the stack pointer is not zero.
                self.asm.test(true, Reg::RSP, Reg::RSP);
                if nullable {
                    Cond::NotEqual
                } else {
                    Cond::Equal
                }
            }
            Cast::All => {
                self.test_null();
                Cond::NotEqual
            }
            Cast::Nothing => {
                self.test_null();
                Cond::Equal
            }
            Cast::Func(ty) => {
                self.cast_func(ty, nullable);
                Cond::Equal
            }
        }))
    }

    /// Equal if the uppermost operand is null and may be, or a function of a type.
    fn cast_func(&mut self, ty: TypeIndex, nullable: bool) {
        let reference = self.top();
        let reference = self.in_reg(reference);
        self.regs.locked.insert(reference);
        // Nothing may be moved out of the way where only one of two paths comes by.
        let expected = self.expected_type(ty);
        let done = self.asm.label();
        if nullable {
            self.asm.test(true, reference, reference);
            self.asm.jcc(Cond::Equal, done);
        } else {
            // Null is below, and so not equal.
            self.asm.alu_imm(Alu::Cmp, true, Rm::Reg(reference), 1);
            self.asm.jcc(Cond::Below, done);
        }
        self.compare_type(reference, ty, expected, done);
        self.asm.bind(done);
    }

    /// What stands for a type, in a register.
    pub(crate) fn expected_type(&mut self, ty: TypeIndex) -> Reg {
        let to = self.alloc(Ty::I64);
        let vmctx = self.vmctx();
        let types = offset_of!(VMContextHeader, types) as i32;
        self.asm.load(true, to, Mem::at(vmctx, types));
        let position = ty.0 as i32 * size_of::<TypeAddress>() as i32;
        self.asm.load(true, to, Mem::at(to, position));
        to
    }

    /// Has flags say whether what a reference points to is a function of a type, for which `expected` stands: equal
    /// if it is. Where its type has too few supertypes, goes to `shallow` with flags that say that it is not. The
    /// first instruction loads through the reference.
    pub(crate) fn compare_type(
        &mut self,
        reference: Reg,
        ty: TypeIndex,
        expected: Reg,
        shallow: Label,
    ) {
        let found = Mem::at(reference, offset_of!(VMFuncRef, ty) as i32);
        if self.module.types[ty.index()].is_final {
            self.asm.alu(Alu::Cmp, true, expected, Rm::Mem(found));
            return;
        }
        self.asm.load(true, SCRATCH, found);
        let depth = self.module.type_depth(ty);
        if depth >= TypeAddress::ALWAYS_THERE {
            let own = Mem::at(SCRATCH, TypeAddress::DEPTH as i32);
            self.asm
                .alu_imm(Alu::Cmp, false, Rm::Mem(own), depth as i32);
            self.asm.jcc(Cond::Below, shallow);
        }
        let entry = Mem::at(SCRATCH, TypeAddress::entry(depth) as i32);
        self.asm.alu(Alu::Cmp, true, expected, Rm::Mem(entry));
    }
}
