//! Calls: of the module's own functions, of imports, through tables; and their tail forms.
//!
//! A call that may leave the module first notes its VM context in the store, which is where a
//! host function finds its caller. A call of an import also notes its frame, because it may be of a
//! host function itself rather than of the shim that does that.

use crate::control::RESULT_SLOT;
use crate::exceptions::Target;
use crate::func::{Func, Region};
use crate::trap;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{
    ExtFuncData, ExternalName, FuncRef, InstBuilder, MemFlagsData, SigRef, StackSlotData,
    StackSlotKind, UserExternalName, Value,
};
use mainspring_abi::{
    CallMode, Entry, ResultPassing, TrapCode, VMFuncRef, VMFunctionImport, VMStoreContext,
};
use mainspring_error::Result;
use mainspring_wasm::{DefinedFuncIndex, FuncIndex, FuncType, TableIndex, TypeIndex};
use std::mem::offset_of;

/// What to call, and with which VM context.
enum Callee {
    Direct {
        func: FuncRef,
        vmctx: Value,
    },
    Indirect {
        signature: SigRef,
        code: Value,
        vmctx: Value,
    },
}

impl<'a> Func<'a, '_> {
    pub(crate) fn call(&mut self, func: FuncIndex) -> Result<()> {
        let ty = self.module.func_type(func);
        if let Some(body) = self.inlinable(func)? {
            return self.inline(func, ty, &body);
        }
        let callee = self.callee(func);
        self.emit_call(&callee, ty);
        Ok(())
    }

    pub(crate) fn return_call(&mut self, func: FuncIndex) {
        let ty = self.module.func_type(func);
        let callee = self.tail_callee(func);
        self.emit_return_call(&callee, ty);
    }

    pub(crate) fn call_indirect(&mut self, ty: TypeIndex, table: TableIndex) {
        let callee = self.table_callee(ty, table);
        self.emit_call(&callee, self.module.func_type_at(ty));
    }

    pub(crate) fn return_call_indirect(&mut self, ty: TypeIndex, table: TableIndex) {
        let callee = self.table_callee(ty, table);
        self.emit_return_call(&callee, self.module.func_type_at(ty));
    }

    pub(crate) fn call_ref(&mut self, ty: TypeIndex) {
        let callee = self.popped_callee(ty);
        self.emit_call(&callee, self.module.func_type_at(ty));
    }

    pub(crate) fn return_call_ref(&mut self, ty: TypeIndex) {
        let callee = self.popped_callee(ty);
        self.emit_return_call(&callee, self.module.func_type_at(ty));
    }

    /// Pops a reference to a function of a type that validation knows.
    fn popped_callee(&mut self, ty: TypeIndex) -> Callee {
        let reference = self.pop();
        self.note_caller();
        let first = self.reference_flags(TrapCode::NullReference);
        self.referenced_callee(ty, reference, first)
    }

    /// Flags of the first load through a function reference: it faults if that is null, near address 0.
    fn reference_flags(&mut self, null: TrapCode) -> MemFlagsData {
        MemFlagsData::trusted()
            .with_alias_region(self.region(Region::FuncRefs))
            .with_trap_code(Some(trap::to_cranelift(null)))
    }

    /// What a reference is to, with the flags that its first load takes.
    fn referenced_callee(
        &mut self,
        ty: TypeIndex,
        reference: Value,
        first: MemFlagsData,
    ) -> Callee {
        let then = self.trusted_flags(Region::FuncRefs);
        let (code, vmctx) = (offset_of!(VMFuncRef, code), offset_of!(VMFuncRef, vmctx));
        let ins = self.builder.ins();
        let code = ins.load(I64, first, reference, code as i32);
        let ins = self.builder.ins();
        let vmctx = ins.load(I64, then, reference, vmctx as i32);
        Callee::Indirect {
            signature: self.signature(ty),
            code,
            vmctx,
        }
    }

    fn callee(&mut self, func: FuncIndex) -> Callee {
        let ty = self.module.functions[func.index()];
        let Some(defined) = self.module.defined_func(func) else {
            self.note_caller();
            self.note_exit();
            let code = offset_of!(VMFunctionImport, code) as u32;
            let code = self.input.offsets.function_import(func) + code;
            let flags = self.trusted_flags(Region::Context);
            let code = self.builder.ins().load(I64, flags, self.vmctx, code as i32);
            return self.imported_callee(func, ty, code);
        };
        self.defined_callee(func, defined, ty)
    }

    fn tail_callee(&mut self, func: FuncIndex) -> Callee {
        let ty = self.module.functions[func.index()];
        let Some(defined) = self.module.defined_func(func) else {
            self.note_caller();
            let func_ref = offset_of!(VMFunctionImport, func_ref) as u32;
            let func_ref = self.input.offsets.function_import(func) + func_ref;
            let func_ref = self.context_constant(I64, func_ref);
            let flags = self.trusted_flags(Region::FuncRefs);
            let offset = offset_of!(VMFuncRef, code) as i32;
            let code = self.builder.ins().load(I64, flags, func_ref, offset);
            return self.imported_callee(func, ty, code);
        };
        self.defined_callee(func, defined, ty)
    }

    fn defined_callee(
        &mut self,
        func: FuncIndex,
        defined: DefinedFuncIndex,
        ty: TypeIndex,
    ) -> Callee {
        Callee::Direct {
            func: self.function_symbol(func, defined, ty),
            vmctx: self.vmctx,
        }
    }

    /// The symbol of a function of this module. A colocated one is called directly. The address of
    /// another is what a position-independent program loads from its global offset table, an entry
    /// of 8 bytes for each symbol: for us, the code table.
    fn function_symbol(
        &mut self,
        func: FuncIndex,
        defined: DefinedFuncIndex,
        ty: TypeIndex,
    ) -> FuncRef {
        if let Some(&symbol) = self.callees.get(&func) {
            return symbol;
        }
        let name = UserExternalName::new(0, defined.0);
        let name = self.builder.func.declare_imported_user_function(name);
        let data = ExtFuncData {
            name: ExternalName::user(name),
            signature: self.signature(ty),
            colocated: self.is_called_directly(defined),
            patchable: false,
        };
        let symbol = self.builder.import_function(data);
        self.callees.insert(func, symbol);
        symbol
    }

    /// Whether a function's code is where it will be whenever this code runs. A call through its slot costs a load, and
    /// processors predict the indirect jump worse where recursion is deep.
    fn is_called_directly(&self, func: DefinedFuncIndex) -> bool {
        let input = self.input;
        input.calls == CallMode::Direct
            || (func == input.index && input.entry == Entry::Start)
            || input
                .profile
                .is_some_and(|profile| profile.is_settled(func))
    }

    fn imported_callee(&mut self, func: FuncIndex, ty: TypeIndex, code: Value) -> Callee {
        let import = self.input.offsets.function_import(func);
        let vmctx = import + offset_of!(VMFunctionImport, vmctx) as u32;
        Callee::Indirect {
            signature: self.signature(ty),
            code,
            vmctx: self.context_constant(I64, vmctx),
        }
    }

    /// The element of a table that an index operand selects, checked to be a function of the type.
    fn table_callee(&mut self, ty: TypeIndex, table: TableIndex) -> Callee {
        let element = self.table_load(table);
        self.note_caller();
        let first = self.reference_flags(TrapCode::IndirectCallToNull);
        let declared = self.module.tables[table.index()].element;
        if self.module.is_always_of(declared, ty) {
            return self.referenced_callee(ty, element, first);
        }
        let fits = self.compare_type(element, ty, first);
        self.trap_unless(fits, TrapCode::BadSignature);
        let then = self.trusted_flags(Region::FuncRefs);
        self.referenced_callee(ty, element, then)
    }

    /// Tells a host function who calls it.
    fn note_caller(&mut self) {
        let store = self.store_context();
        let flags = self.trusted_flags(Region::Store);
        self.builder.ins().store(
            flags,
            self.vmctx,
            store,
            offset_of!(VMStoreContext, caller) as i32,
        );
    }

    /// Records the frame for backtraces.
    fn note_exit(&mut self) {
        let store = self.store_context();
        let flags = self.trusted_flags(Region::Store);
        let fp = self.builder.ins().get_frame_pointer(I64);
        let sp = self.builder.ins().get_stack_pointer(I64);
        let (exit_fp, exit_sp) = (
            offset_of!(VMStoreContext, exit_fp),
            offset_of!(VMStoreContext, exit_sp),
        );
        self.builder.ins().store(flags, fp, store, exit_fp as i32);
        self.builder.ins().store(flags, sp, store, exit_sp as i32);
    }

    fn emit_call(&mut self, callee: &Callee, ty: &FuncType) {
        let area = match ResultPassing::of(&ty.results) {
            ResultPassing::Registers => None,
            ResultPassing::Memory => Some(self.result_area_for(ty)),
        };
        let args = self.take_args(callee.vmctx(), area, ty);
        self.call_target(
            match *callee {
                Callee::Direct { func, .. } => Target::Direct(func),
                Callee::Indirect {
                    signature, code, ..
                } => Target::Indirect(signature, code),
            },
            &args,
            &ty.results,
        );
        if let Some(area) = area {
            self.push_results_from(area, &ty.results);
        }
    }

    /// Results of a tail call are this function's own, so they go where its caller wants them.
    fn emit_return_call(&mut self, callee: &Callee, ty: &FuncType) {
        let args = self.take_args(callee.vmctx(), self.result_area, ty);
        match *callee {
            Callee::Direct { func, .. } => self.builder.ins().return_call(func, &args),
            Callee::Indirect {
                signature, code, ..
            } => self
                .builder
                .ins()
                .return_call_indirect(signature, code, &args),
        };
        self.reachable = false;
    }

    /// Pops the operands of a call and puts what comes before them in front.
    fn take_args(&mut self, vmctx: Value, area: Option<Value>, ty: &FuncType) -> Vec<Value> {
        let count = ty.params.len();
        self.settle(count);
        let mut args = Vec::with_capacity(count + 2);
        args.push(vmctx);
        args.extend(area);
        let first = self.stack.len() - count;
        args.extend(self.stack.drain(first..));
        args
    }

    fn result_area_for(&mut self, ty: &FuncType) -> Value {
        let bytes = (ty.results.len() * RESULT_SLOT) as u32;
        let slot = match self.result_slots.get(&bytes) {
            Some(&slot) => slot,
            None => {
                let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 4);
                let slot = self.builder.create_sized_stack_slot(data);
                self.result_slots.insert(bytes, slot);
                slot
            }
        };
        self.builder.ins().stack_addr(I64, slot, 0)
    }
}

impl Callee {
    fn vmctx(&self) -> Value {
        match *self {
            Callee::Direct { vmctx, .. } | Callee::Indirect { vmctx, .. } => vmctx,
        }
    }
}
