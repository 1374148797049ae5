//! Globals: values in the VM context, or behind a pointer there if imported.

use crate::body::Ty;
use crate::state::Func;
use crate::x64::{Mem, SCRATCH};
use mainspring_wasm::{ConstOp, GlobalIndex};

impl Func<'_, '_> {
    pub(crate) fn global_get(&mut self) {
        let global = GlobalIndex(self.body.u32());
        let ty = Ty::of(self.module, self.module.globals[global.index()].content);
        if let Some(bits) = self.constant_global(global) {
            return self.push_const(bits, ty);
        }
        let from = self.global_place(global);
        let to = self.result_reg(ty);
        self.load(to, from, ty);
        self.regs.dirty.remove(to);
        self.push_reg(to, ty);
    }

    pub(crate) fn global_set(&mut self) {
        let global = GlobalIndex(self.body.u32());
        let value = self.pop();
        let to = self.global_place(global);
        self.store_value(to, value);
    }

    /// Where a global's value is. May use the scratch register.
    fn global_place(&mut self, global: GlobalIndex) -> Mem {
        let offsets = self.input.offsets;
        let vmctx = self.vmctx();
        if self.module.defined_global(global).is_some() {
            return Mem::at(vmctx, offsets.defined_global(global) as i32);
        }
        let pointer = Mem::at(vmctx, offsets.global_import(global) as i32);
        self.asm.load(true, SCRATCH, pointer);
        Mem::at(SCRATCH, 0)
    }

    /// The value of a global that the module sets to a number and that never changes.
    fn constant_global(&self, global: GlobalIndex) -> Option<u64> {
        if self.module.globals[global.index()].mutable {
            return None;
        }
        let defined = self.module.defined_global(global)?;
        let &[op] = self.module.global_inits[defined].0.as_slice() else {
            return None;
        };
        match op {
            ConstOp::I32(value) => Some(u64::from(value.cast_unsigned())),
            ConstOp::I64(value) => Some(value.cast_unsigned()),
            ConstOp::F32(bits) => Some(u64::from(bits)),
            ConstOp::F64(bits) => Some(bits),
            _ => None,
        }
    }
}
