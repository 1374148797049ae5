//! Types of references at run time: casts, and what `call_indirect` compares.

use crate::func::{Func, Region};
use crate::types::decoded_heap_type;
use anyhow::{Result, bail};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I32, I64};
use cranelift_codegen::ir::{BlockArg, InstBuilder, MemFlagsData, Value};
use mainspring_abi::{TrapCode, VMContextHeader, VMFuncRef};
use mainspring_wasm::{Cast, TypeAddress, TypeIndex};
use std::mem::offset_of;
use wasmparser::{HeapType, RefType};

impl Func<'_, '_> {
    pub(crate) fn ref_test(&mut self, target: HeapType, nullable: bool) -> Result<()> {
        let fits = self.cast(target, nullable)?;
        self.pop();
        self.push_bool(fits);
        Ok(())
    }

    pub(crate) fn ref_cast(&mut self, target: HeapType, nullable: bool) -> Result<()> {
        let fits = self.cast(target, nullable)?;
        self.trap_unless(fits, TrapCode::CastFailure);
        Ok(())
    }

    pub(crate) fn br_on_cast(&mut self, relative_depth: u32, target: RefType) -> Result<()> {
        let fits = self.cast(target.heap_type(), target.is_nullable())?;
        self.branch_to(fits, relative_depth);
        Ok(())
    }

    pub(crate) fn br_on_cast_fail(&mut self, relative_depth: u32, target: RefType) -> Result<()> {
        let fits = self.cast(target.heap_type(), target.is_nullable())?;
        let fails = self.builder.ins().bxor_imm_u(fits, 1);
        self.branch_to(fails, relative_depth);
        Ok(())
    }

    /// Whether the uppermost operand, which stays, is of a type: 1 or 0.
    fn cast(&mut self, target: HeapType, nullable: bool) -> Result<Value> {
        let cast = self.module.cast(decoded_heap_type(target)?);
        let reference = self.top();
        let is_null = self.is_null(reference);
        Ok(match (cast, nullable) {
            (Cast::All, true) => self.builder.ins().iconst(I8, 1),
            (Cast::All, false) => self.builder.ins().bxor_imm_u(is_null, 1),
            (Cast::Nothing, true) => is_null,
            (Cast::Nothing, false) => self.builder.ins().iconst(I8, 0),
            (Cast::Object(_) | Cast::Eq | Cast::I31 | Cast::Struct | Cast::Array, _) => {
                bail!("a cast to a type of objects on a heap is not supported")
            }
            (Cast::Func(ty), _) => {
                let (some, done) = (self.builder.create_block(), self.builder.create_block());
                let fits = self.builder.append_block_param(done, I8);
                let for_null = self.builder.ins().iconst(I8, i64::from(nullable));
                let for_null = [BlockArg::Value(for_null)];
                self.builder.ins().brif(is_null, done, &for_null, some, &[]);
                self.builder.seal_block(some);
                self.builder.switch_to_block(some);
                let flags = self.trusted_flags(Region::FuncRefs);
                let for_some = self.compare_type(reference, ty, flags);
                let for_some = [BlockArg::Value(for_some)];
                self.builder.ins().jump(done, &for_some);
                self.builder.seal_block(done);
                self.builder.switch_to_block(done);
                fits
            }
        })
    }

    /// Whether what a reference points to is a function of a type: 1 or 0. The load through the reference has
    /// the flags that are given.
    pub(crate) fn compare_type(
        &mut self,
        reference: Value,
        ty: TypeIndex,
        flags: MemFlagsData,
    ) -> Value {
        let found = offset_of!(VMFuncRef, ty) as i32;
        let found = self.builder.ins().load(I64, flags, reference, found);
        let constant = self.readonly_flags();
        let types = self.context_constant(I64, offset_of!(VMContextHeader, types) as u32);
        let position = ty.0 as i32 * size_of::<TypeAddress>() as i32;
        let expected = self.builder.ins().load(I64, constant, types, position);
        if self.module.types[ty.index()].is_final {
            return self.builder.ins().icmp(IntCC::Equal, found, expected);
        }
        let depth = self.module.type_depth(ty);
        let entry = i64::from(TypeAddress::entry(depth));
        let entry = self.builder.ins().iadd_imm_s(found, entry);
        if depth < TypeAddress::ALWAYS_THERE {
            let entry = self.builder.ins().load(I64, constant, entry, 0);
            return self.builder.ins().icmp(IntCC::Equal, entry, expected);
        }
        // Where there is no such entry, another is read in its place.
        let own = TypeAddress::DEPTH as i32;
        let own = self.builder.ins().load(I32, constant, found, own);
        let ins = self.builder.ins();
        let deep = ins.icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, own, i64::from(depth));
        let entry = self.builder.ins().select(deep, entry, found);
        let entry = self.builder.ins().load(I64, constant, entry, 0);
        let equal = self.builder.ins().icmp(IntCC::Equal, entry, expected);
        self.builder.ins().band(deep, equal)
    }
}
