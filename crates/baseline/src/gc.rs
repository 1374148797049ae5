//! Types of references at run time: casts, and what `call_indirect` compares.

use crate::body::Ty;
use crate::numeric::Test;
use crate::state::{Func, Place};
use crate::x64::{Alu, Cond, Label, Mem, Reg, Rm, SCRATCH, Shift};
use mainspring_abi::{TrapCode, VMContextHeader, VMFuncRef};
use mainspring_error::Result;
use mainspring_wasm::{Cast, TypeAddress, TypeIndex};
use std::mem::offset_of;

/// What an object may be asked for.
#[derive(Clone, Copy)]
enum Shape {
    /// It is of a type, or of a subtype.
    Type(TypeIndex),
    /// Its type is of a kind.
    Kind(u32),
}

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
            Cast::I31 => {
                self.cast_i31(nullable);
                Cond::Equal
            }
            Cast::Object(ty) => {
                self.cast_object(Shape::Type(ty), nullable);
                Cond::Equal
            }
            Cast::Struct => {
                self.cast_object(Shape::Kind(TypeAddress::STRUCT), nullable);
                Cond::Equal
            }
            Cast::Array => {
                self.cast_object(Shape::Kind(TypeAddress::ARRAY), nullable);
                Cond::Equal
            }
            Cast::Eq => {
                // Arrays are above structs, and what says of an `i31` that it is no object says that it is not below.
                self.cast_object(Shape::Kind(TypeAddress::STRUCT), nullable);
                Cond::AboveEqual
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

    /// Equal if the uppermost operand is null and may be, or an `i31`.
    fn cast_i31(&mut self, nullable: bool) {
        let reference = self.top();
        let reference = self.in_reg(reference);
        let done = self.asm.label();
        if nullable {
            self.asm.test(false, reference, reference);
            self.asm.jcc(Cond::Equal, done);
        }
        self.asm.mov(false, SCRATCH, reference);
        self.asm.alu_imm(Alu::And, false, Rm::Reg(SCRATCH), 1);
        self.asm.alu_imm(Alu::Cmp, false, Rm::Reg(SCRATCH), 1);
        self.asm.bind(done);
    }

    /// Equal if the uppermost operand is null and may be, or an object of a shape. For an `i31` flags say that it is neither
    /// equal nor below.
    fn cast_object(&mut self, shape: Shape, nullable: bool) {
        let reference = self.top();
        let reference = self.in_clean_reg(reference);
        self.regs.locked.insert(reference);
        // Nothing may be moved out of the way where only one of several paths comes by.
        let expected = match shape {
            Shape::Type(ty) => Some((ty, self.expected_type(ty))),
            Shape::Kind(_) => None,
        };
        let base = self.alloc(Ty::I64);
        let vmctx = self.vmctx();
        let type_base = offset_of!(VMContextHeader, type_base) as i32;
        self.asm.load(true, base, Mem::at(vmctx, type_base));
        self.heap_base();
        let done = self.asm.label();
        if nullable {
            self.asm.test(false, reference, reference);
            self.asm.jcc(Cond::Equal, done);
        } else {
            // Null is below, and so not equal.
            self.asm.alu_imm(Alu::Cmp, false, Rm::Reg(reference), 1);
            self.asm.jcc(Cond::Below, done);
        }
        self.asm.test_imm(false, reference, 1);
        self.asm.jcc(Cond::NotEqual, done);
        let header = Mem::indexed(SCRATCH, reference, 0, 0);
        self.asm.load(false, SCRATCH, header);
        self.asm.alu(Alu::Add, true, SCRATCH, Rm::Reg(base));
        match (shape, expected) {
            (_, Some((ty, expected))) if self.module.types[ty.index()].is_final => {
                self.asm.alu(Alu::Cmp, true, expected, Rm::Reg(SCRATCH));
            }
            (_, Some((ty, expected))) => self.compare_supertype(ty, expected, done),
            (Shape::Kind(kind), _) => {
                let found = Mem::at(SCRATCH, TypeAddress::KIND as i32);
                self.asm
                    .alu_imm(Alu::Cmp, false, Rm::Mem(found), kind as i32);
            }
            (Shape::Type(_), None) => unreachable!("what stands for the type is known"),
        }
        self.asm.bind(done);
    }

    // Unboxed integers.

    pub(crate) fn ref_i31(&mut self) {
        let value = self.pop();
        if let Place::Const(bits) = value.place {
            return self.push_const(u64::from((bits as u32) << 1 | 1), Ty::Ref);
        }
        let reg = self.owned(value);
        self.asm.shift_imm(Shift::Shl, false, reg, 1);
        self.asm.alu_imm(Alu::Or, false, Rm::Reg(reg), 1);
        self.regs.dirty.remove(reg);
        self.push_reg(reg, Ty::Ref);
    }

    pub(crate) fn i31_get(&mut self, shift: Shift) {
        let reference = self.pop();
        let reg = self.owned(reference);
        self.asm.test(false, reg, reg);
        let null = self.trap_label(TrapCode::NullReference);
        self.asm.jcc(Cond::Equal, null);
        self.asm.shift_imm(shift, false, reg, 1);
        self.regs.dirty.remove(reg);
        self.push_reg(reg, Ty::I32);
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
        self.compare_supertype(ty, expected, shallow);
    }

    /// Has flags say whether the type in the scratch register is a subtype of one that is not final, for which
    /// `expected` stands: equal if it is. May go to `shallow` with flags that say that it is not.
    fn compare_supertype(&mut self, ty: TypeIndex, expected: Reg, shallow: Label) {
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
