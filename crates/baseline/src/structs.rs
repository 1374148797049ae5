//! Structs.

use crate::body::Ty;
use crate::state::{Entry, Func};
use crate::x64::{Mem, SCRATCH};
use mainspring_abi::gc::{MAX_INLINE, OBJECT_ALIGNMENT};
use mainspring_abi::{Builtin, TrapCode};
use mainspring_wasm::TypeIndex;

/// Bytes of the largest struct that code itself sets to zero.
const MAX_ZEROED: u32 = 128;

impl Func<'_, '_> {
    pub(crate) fn struct_new(&mut self) {
        let ty = TypeIndex(self.body.u32());
        let fields = self.fields(ty);
        let layout = self.struct_layout(ty);
        let first = self.stack.len() - fields.len();
        let new = self.allocate(Builtin::StructNew, ty, None, u64::from(layout.size));
        for (n, field) in fields.iter().enumerate() {
            self.initialize(
                &new,
                layout.offsets[n],
                field.storage,
                self.stack[first + n],
            );
        }
        self.truncate(first);
        self.push_reg(new.reference, Ty::Ref);
    }

    pub(crate) fn struct_new_default(&mut self) {
        let ty = TypeIndex(self.body.u32());
        let size = self.struct_layout(ty).size;
        if size > MAX_ZEROED.min(MAX_INLINE) {
            self.call_builtin(Builtin::StructNew, &[Entry::i32(ty.0)]);
            return self.push_int_result(Ty::Ref);
        }
        let new = self.allocate(Builtin::StructNew, ty, None, u64::from(size));
        let field = |at: u32| Mem::indexed(SCRATCH, new.reference, 0, at as i32);
        self.asm.store_imm(false, field(4), 0);
        for at in (OBJECT_ALIGNMENT..size).step_by(8) {
            self.asm.store_imm(true, field(at), 0);
        }
        self.push_reg(new.reference, Ty::Ref);
    }

    pub(crate) fn struct_get(&mut self, signed: bool) {
        let (ty, field) = (TypeIndex(self.body.u32()), self.body.u32() as usize);
        let storage = self.fields(ty)[field].storage;
        let offset = self.struct_layout(ty).offsets[field];
        let object = self.pop();
        let object = self.in_clean_reg(object);
        let to = self.loaded_reg(storage);
        self.heap_base();
        let from = Mem::indexed(SCRATCH, object, 0, offset as i32);
        self.may_trap(TrapCode::NullReference);
        self.load_stored(to, from, storage, signed);
    }

    pub(crate) fn struct_set(&mut self) {
        let (ty, field) = (TypeIndex(self.body.u32()), self.body.u32() as usize);
        let storage = self.fields(ty)[field].storage;
        let offset = self.struct_layout(ty).offsets[field] as i32;
        let (object, value) = self.pop2();
        let value = self.storable(value);
        let object = self.in_clean_reg(object);
        let aside = self.alloc(Ty::I32);
        self.heap_base();
        let to = Mem::indexed(SCRATCH, object, 0, offset);
        self.may_trap(TrapCode::NullReference);
        self.store_stored(to, value, storage, aside);
        if self.is_traced(storage) {
            self.asm.lea(false, aside, Mem::at(object, offset));
            self.mark_card(aside);
        }
    }
}
