//! Types of references at run time: casts, and what `call_indirect` compares; references that are numbers.

use crate::func::{Func, Region};
use crate::types::decoded_heap_type;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, MemFlagsData, Value};
use mainspring_abi::{TrapCode, VMFuncRef};
use mainspring_error::Result;
use mainspring_wasm::{Cast, TypeAddress, TypeIndex};
use std::mem::offset_of;
use wasmparser::{HeapType, RefType};

/// Where a cast goes on.
#[derive(Clone)]
struct Way {
    block: Block,
    args: Vec<BlockArg>,
}

impl Way {
    fn to(block: Block) -> Way {
        Way {
            block,
            args: Vec::new(),
        }
    }
}

impl Func<'_, '_> {
    pub(crate) fn ref_test(&mut self, target: HeapType, nullable: bool) -> Result<()> {
        let done = self.builder.create_block();
        let fits = self.builder.append_block_param(done, I32);
        let [yes, no] = [1, 0].map(|truth| Way {
            block: done,
            args: vec![BlockArg::Value(self.iconst32(truth))],
        });
        let reference = self.pop();
        self.cast(reference, target, nullable, &yes, &no)?;
        self.continue_in(done);
        self.push(fits);
        Ok(())
    }

    pub(crate) fn ref_cast(&mut self, target: HeapType, nullable: bool) -> Result<()> {
        let fits = self.builder.create_block();
        let fails = self.builder.create_block();
        self.builder.set_cold_block(fails);
        let reference = self.top();
        let (yes, no) = (Way::to(fits), Way::to(fails));
        self.cast(reference, target, nullable, &yes, &no)?;
        self.continue_in(fails);
        self.trap(TrapCode::CastFailure);
        self.continue_in(fits);
        Ok(())
    }

    pub(crate) fn br_on_cast(&mut self, relative_depth: u32, target: RefType) -> Result<()> {
        let next = Way::to(self.builder.create_block());
        let label = self.way_to(relative_depth);
        self.branch_on_cast(target, &label, &next)?;
        self.continue_in(next.block);
        Ok(())
    }

    pub(crate) fn br_on_cast_fail(&mut self, relative_depth: u32, target: RefType) -> Result<()> {
        let next = Way::to(self.builder.create_block());
        let label = self.way_to(relative_depth);
        self.branch_on_cast(target, &next, &label)?;
        self.continue_in(next.block);
        Ok(())
    }

    /// A branch to a label with the uppermost operands, which stay.
    fn way_to(&mut self, relative_depth: u32) -> Way {
        let target = self.target(self.depth(relative_depth));
        Way {
            block: target.block,
            args: self.block_args(target),
        }
    }

    fn branch_on_cast(&mut self, target: RefType, yes: &Way, no: &Way) -> Result<()> {
        let reference = self.top();
        let (heap, nullable) = (target.heap_type(), target.is_nullable());
        self.cast(reference, heap, nullable, yes, no)
    }

    fn continue_in(&mut self, block: Block) {
        self.builder.seal_block(block);
        self.builder.switch_to_block(block);
    }

    /// Ends the block: goes one way if a reference is of a type, and the other if it is not.
    fn cast(
        &mut self,
        reference: Value,
        target: HeapType,
        nullable: bool,
        yes: &Way,
        no: &Way,
    ) -> Result<()> {
        let cast = self.module.cast(decoded_heap_type(target)?);
        let for_null = if nullable { yes } else { no };
        match (cast, nullable) {
            (Cast::All, true) => self.go(yes),
            (Cast::Nothing, false) => self.go(no),
            (Cast::All, false) => self.fork_on(reference, yes, no),
            (Cast::Nothing, true) => self.fork_on(reference, no, yes),
            (Cast::Func(ty), _) => {
                self.unless(reference, for_null);
                let flags = self.trusted_flags(Region::FuncRefs);
                let fits = self.compare_type(reference, ty, flags);
                self.fork_on(fits, yes, no);
            }
            (Cast::I31, _) => {
                // Null is even.
                if nullable {
                    self.unless(reference, yes);
                }
                let odd = self.builder.ins().band_imm_u(reference, 1);
                self.fork_on(odd, yes, no);
            }
            (Cast::Eq | Cast::Struct | Cast::Array | Cast::Object(_), _) => {
                self.unless(reference, for_null);
                let odd = self.builder.ins().band_imm_u(reference, 1);
                let next = Way::to(self.builder.create_block());
                self.fork_on(odd, if cast == Cast::Eq { yes } else { no }, &next);
                self.continue_in(next.block);
                let fits = self.is_object_of(reference, cast);
                self.fork_on(fits, yes, no);
            }
        }
        Ok(())
    }

    fn go(&mut self, way: &Way) {
        self.builder.ins().jump(way.block, &way.args);
    }

    /// Goes one way if a value is not zero, and the other if it is.
    fn fork_on(&mut self, value: Value, yes: &Way, no: &Way) {
        self.builder
            .ins()
            .brif(value, yes.block, &yes.args, no.block, &no.args);
    }

    /// Leaves if a value is zero.
    fn unless(&mut self, value: Value, zero: &Way) {
        let next = Way::to(self.builder.create_block());
        self.fork_on(value, &next, zero);
        self.continue_in(next.block);
    }

    /// Whether a reference that is neither null nor a number is to an object of a type.
    fn is_object_of(&mut self, reference: Value, cast: Cast) -> Value {
        let address = self.object_address(reference);
        let flags = self.object_flags(Region::Headers);
        let header = self.builder.ins().load(I32, flags, address, 0);
        let equal = match cast {
            Cast::Object(ty) if self.module.types[ty.index()].is_final => {
                let expected = self.header_of(ty);
                return self.builder.ins().icmp(IntCC::Equal, header, expected);
            }
            Cast::Object(ty) => {
                let found = self.type_of_header(header);
                return self.is_subtype(found, ty);
            }
            Cast::Struct => (IntCC::Equal, TypeAddress::STRUCT),
            Cast::Array => (IntCC::Equal, TypeAddress::ARRAY),
            _ => (IntCC::UnsignedGreaterThanOrEqual, TypeAddress::STRUCT),
        };
        let found = self.type_of_header(header);
        let constant = self.readonly_flags();
        let kind = TypeAddress::KIND as i32;
        let kind = self.builder.ins().load(I32, constant, found, kind);
        let (condition, expected) = equal;
        let expected = i64::from(expected);
        self.builder.ins().icmp_imm_u(condition, kind, expected)
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
        self.is_subtype(found, ty)
    }

    /// Whether what stands for a type stands for one of the module's, or for a subtype of it: 1 or 0.
    fn is_subtype(&mut self, found: Value, ty: TypeIndex) -> Value {
        let expected = self.type_address(ty);
        if self.module.types[ty.index()].is_final {
            return self.builder.ins().icmp(IntCC::Equal, found, expected);
        }
        let constant = self.readonly_flags();
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

    pub(crate) fn ref_eq(&mut self) {
        let (a, b) = self.pop2();
        let equal = self.builder.ins().icmp(IntCC::Equal, a, b);
        self.push_bool(equal);
    }

    pub(crate) fn ref_i31(&mut self) {
        let value = self.pop();
        let value = self.builder.ins().ishl_imm_u(value, 1);
        let value = self.builder.ins().bor_imm_u(value, 1);
        // A reference, but one that stays what it is.
        self.references.insert(value);
        self.push(value);
    }

    pub(crate) fn i31_get(&mut self, signed: bool) {
        self.ref_as_non_null();
        let value = self.pop();
        let ins = self.builder.ins();
        let value = match signed {
            true => ins.sshr_imm_u(value, 1),
            false => ins.ushr_imm_u(value, 1),
        };
        self.push(value);
    }
}
