//! Globals: values in the VM context, or behind a pointer there if imported.

use crate::func::{Func, Region};
use crate::types::value_type;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, Value};
use mainspring_wasm::{ConstOp, GlobalIndex};

impl Func<'_, '_> {
    pub(crate) fn global_get(&mut self, global: GlobalIndex) {
        if let Some(value) = self.constant_global(global) {
            return self.push(value);
        }
        let ty = self.module.globals[global.index()];
        let (base, offset, region) = self.global_place(global);
        let mut flags = self.trusted_flags(region);
        // The collector changes references in globals that code can't.
        if !ty.mutable && !self.is_collected(ty.content) {
            flags = flags.with_readonly().with_can_move();
        }
        let loaded = value_type(self.module, ty.content);
        let value = self.builder.ins().load(loaded, flags, base, offset);
        self.push_of(value, ty.content);
    }

    pub(crate) fn global_set(&mut self, global: GlobalIndex) {
        let value = self.pop();
        let value = self.settled(value);
        let (base, offset, region) = self.global_place(global);
        let flags = self.trusted_flags(region);
        self.builder.ins().store(flags, value, base, offset);
    }

    fn global_place(&mut self, global: GlobalIndex) -> (Value, i32, Region) {
        let offsets = self.input.offsets;
        match self.module.defined_global(global) {
            Some(n) => (
                self.vmctx,
                offsets.defined_global(global) as i32,
                Region::Global(n as u32),
            ),
            None => {
                let definition = self.context_constant(I64, offsets.global_import(global));
                (definition, 0, Region::ImportedGlobals)
            }
        }
    }

    /// The value of a global that the module sets to a number and that never changes.
    fn constant_global(&mut self, global: GlobalIndex) -> Option<Value> {
        if self.module.globals[global.index()].mutable {
            return None;
        }
        let defined = self.module.defined_global(global)?;
        let &[op] = self.module.global_inits[defined].0.as_slice() else {
            return None;
        };
        match op {
            ConstOp::I32(value) => Some(self.i32_const(value)),
            ConstOp::I64(value) => Some(self.builder.ins().iconst(I64, value)),
            ConstOp::F32(bits) => Some(self.f32_const(bits)),
            ConstOp::F64(bits) => Some(self.f64_const(bits)),
            _ => None,
        }
    }
}
