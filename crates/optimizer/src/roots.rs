//! Where the garbage collector finds the references that code holds, which it changes when it moves objects.
//!
//! Any call may collect garbage. A reference that is needed after a call is in a stack slot meanwhile, of which
//! the collector is told, and is loaded from there afterwards. The builder of the function sees to that at the end,
//! before anything is optimized, for all values that are declared here; nothing may be used after a call
//! that was computed from a reference before it. An operator's translation therefore computes
//! addresses after its calls; and what is loaded through a reference is never marked as something that a load
//! could be moved for, since it then would be moved across calls.
//!
//! Unboxed integers and nulls are references that need no slot, because they stay what they are.

use crate::func::{Func, Region};
use crate::{limits, phis};
use cranelift_codegen::CompiledCode;
use cranelift_codegen::ir::{Block, Value};
use mainspring_abi::{Optimize, Root};
use mainspring_error::Result;
use mainspring_wasm::{RefKind, ValType};

impl Func<'_, '_> {
    /// Whether values of a type are the collector's.
    pub(crate) fn is_collected(&self, ty: ValType) -> bool {
        match ty {
            ValType::Ref(ty) => self.module.ref_kind(ty) == RefKind::Gc,
            _ => false,
        }
    }

    /// Has the collector find a value, which is a reference that it may change, while calls go on.
    pub(crate) fn root(&mut self, value: Value) {
        if self.references.insert(value) {
            self.builder.declare_value_needs_stack_map(value);
            self.root_count += 1;
        }
    }

    /// The same, if a value's type makes it a reference.
    pub(crate) fn root_if_collected(&mut self, value: Value, ty: ValType) {
        if self.is_collected(ty) {
            self.root(value);
        }
    }

    /// Pushes a value of a type.
    pub(crate) fn push_of(&mut self, value: Value, ty: ValType) {
        self.root_if_collected(value, ty);
        self.push(value);
    }

    /// Gives a block a parameter for an operand.
    pub(crate) fn append_param_for(&mut self, block: Block, operand: Value) {
        let ty = self.type_of(operand);
        let param = self.builder.append_block_param(block, ty);
        if self.references.contains(operand) {
            self.root(param);
        }
    }

    /// Ends the translation of the body.
    pub(crate) fn seal(&mut self) -> Result<()> {
        self.builder.seal_all_blocks();
        if self.root_count == 0 {
            return Ok(());
        }
        limits::check_roots(self.builder.func, self.root_count)?;
        if self.input.settings.optimize != Optimize::None {
            // Each parameter that is left may get a slot of its own.
            phis::remove_redundant(self.builder.func);
        }
        self.builder
            .make_stack_map_alias_region(Box::new(|regions, _, slot, _| {
                Some(regions.insert(Region::Root(slot.as_u32()).data()))
            }));
        Ok(())
    }
}

/// Where a function's frames hold references, call by call: code is laid out anew, so calls do not stay beside each other.
pub(crate) fn of(code: &CompiledCode) -> Vec<Root> {
    let maps = code.buffer.user_stack_maps().iter();
    maps.flat_map(|(code, span, map)| {
        // The stack pointer is so far below the frame pointer.
        let slot = move |offset: u32| offset as i32 - *span as i32;
        map.entries()
            .map(move |(_, offset)| Root::of_call(*code, slot(offset)))
    })
    .collect()
}
