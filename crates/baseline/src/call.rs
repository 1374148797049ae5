//! Calls: of the module's own functions, of imports, through tables; their tail forms; builtins.
//!
//! A call that may leave the module first notes its VM context in the store, which is where a
//! host function finds its caller. A call of an import also notes its frame, because it may be of a
//! host function itself rather than of the shim that does that.

use crate::body::Ty;
use crate::bulk;
use crate::control::RESULT_SLOT;
use crate::moves::Move;
use crate::state::{Entry, Func, Place, Value};
use crate::x64::{
    Alu, Cond, FLOAT_ARGS, FLOAT_RESULTS, INT_ARGS, INT_RESULTS, Mem, Reg, Rm, SCRATCH, XSCRATCH,
};
use mainspring_abi::{
    ArgAssigner, ArgLocation, Builtin, BuiltinParam, CallMode, CounterKind, RelocTarget,
    ResultPassing, TrapCode, VMContextHeader, VMFuncRef, VMFunctionImport, VMStoreContext,
};
use mainspring_wasm::{DefinedFuncIndex, FuncIndex, FuncType, TableIndex, TypeIndex};
use std::mem::offset_of;

/// What to call.
#[derive(Clone, Copy)]
enum Callee {
    /// A function of this module.
    Defined(DefinedFuncIndex),
    /// An imported function, by where it is in the VM context.
    Import(i32),
    /// What a reference in `rax` points to.
    Reference,
}

impl Func<'_, '_> {
    pub(crate) fn call(&mut self) {
        let func = FuncIndex(self.body.u32());
        let callee = self.callee(func);
        self.emit_call(callee, self.module.func_type(func));
    }

    pub(crate) fn return_call(&mut self) {
        let func = FuncIndex(self.body.u32());
        let callee = self.callee(func);
        self.emit_return_call(callee, self.module.func_type(func));
    }

    pub(crate) fn call_indirect(&mut self) {
        let ty = self.table_callee();
        self.emit_call(Callee::Reference, self.module.func_type_at(ty));
    }

    pub(crate) fn return_call_indirect(&mut self) {
        let ty = self.table_callee();
        self.emit_return_call(Callee::Reference, self.module.func_type_at(ty));
    }

    pub(crate) fn call_ref(&mut self) {
        let ty = self.reference_callee();
        self.emit_call(Callee::Reference, self.module.func_type_at(ty));
    }

    pub(crate) fn return_call_ref(&mut self) {
        let ty = self.reference_callee();
        self.emit_return_call(Callee::Reference, self.module.func_type_at(ty));
    }

    /// Pops a reference to a function of a type that validation knows: in `rax`, which stays locked.
    fn reference_callee(&mut self) -> TypeIndex {
        let ty = TypeIndex(self.body.u32());
        let reference = self.pop();
        if self.value(reference) != Value::Reg(Reg::RAX) {
            self.claim(Reg::RAX);
            self.load_value(Reg::RAX, reference);
        }
        self.check_callee(TrapCode::NullReference);
        ty
    }

    /// Traps if the reference in `rax` is null. Now rather than at the call: a tail call has no frame by then
    /// that a backtrace could name.
    fn check_callee(&mut self, null: TrapCode) {
        // A load through null faults, near address 0.
        self.may_trap(null);
        let code = offset_of!(VMFuncRef, code) as i32;
        self.asm.load(true, SCRATCH, Mem::at(Reg::RAX, code));
    }

    fn callee(&mut self, func: FuncIndex) -> Callee {
        match self.module.defined_func(func) {
            Some(defined) => Callee::Defined(defined),
            None => Callee::Import(self.input.offsets.function_import(func) as i32),
        }
    }

    /// The element of a table that an index operand selects, checked to be a function of the type:
    /// in `rax`, which stays locked.
    fn table_callee(&mut self) -> TypeIndex {
        let ty = TypeIndex(self.body.u32());
        let table = TableIndex(self.body.u32());
        let at = self.element_address(table);
        self.claim(Reg::RAX);
        self.may_trap(TrapCode::TableOutOfBounds);
        self.asm.load(true, Reg::RAX, at);
        let element = self.module.tables[table.index()].element;
        if self.module.is_always_of(element, ty) {
            self.check_callee(TrapCode::IndirectCallToNull);
        } else {
            let differs = self.trap_label(TrapCode::BadSignature);
            let expected = self.expected_type(ty);
            // The first load through the reference faults if it is null, near address 0.
            self.may_trap(TrapCode::IndirectCallToNull);
            self.compare_type(Reg::RAX, ty, expected, differs);
            self.asm.jcc(Cond::NotEqual, differs);
        }
        ty
    }

    /// Tells a host function who calls it.
    fn note_caller(&mut self) {
        let store = offset_of!(VMContextHeader, store) as i32;
        let caller = offset_of!(VMStoreContext, caller) as i32;
        match self.layout.vmctx {
            Some(vmctx) => {
                self.asm.load(true, SCRATCH, Mem::at(vmctx, store));
                self.asm.store(true, Mem::at(SCRATCH, caller), vmctx);
            }
            None => {
                let vmctx = self.alloc(Ty::I64);
                let home = Mem::at(Reg::RBP, self.layout.vmctx_home);
                self.asm.load(true, vmctx, home);
                self.asm.load(true, SCRATCH, Mem::at(vmctx, store));
                self.asm.store(true, Mem::at(SCRATCH, caller), vmctx);
            }
        }
    }

    /// Records the frame for backtraces. The scratch register holds the store's context, as
    /// [`note_caller`](Self::note_caller) left it.
    fn note_exit(&mut self) {
        let exit_fp = offset_of!(VMStoreContext, exit_fp) as i32;
        let exit_sp = offset_of!(VMStoreContext, exit_sp) as i32;
        self.asm.store(true, Mem::at(SCRATCH, exit_fp), Reg::RBP);
        self.asm.store(true, Mem::at(SCRATCH, exit_sp), Reg::RSP);
    }

    fn emit_call(&mut self, callee: Callee, ty: &FuncType) {
        self.count(CounterKind::Call);
        if !matches!(callee, Callee::Defined(_)) {
            self.note_caller();
        }
        if matches!(callee, Callee::Import(_)) {
            self.note_exit();
        }
        let passing = ResultPassing::of(&ty.results);
        let height = self.stack.len() - ty.params.len();
        let area = match passing {
            ResultPassing::Registers => None,
            ResultPassing::Memory => {
                let highest = self.stack.len().max(height + ty.results.len());
                let bytes = ty.results.len() * RESULT_SLOT;
                Some(self.layout.area(highest, bytes))
            }
        };
        let stack_bytes = self.pass_args(ty, passing, Mem::at(Reg::RSP, 0));
        if let Some(area) = area {
            self.asm.lea(true, INT_ARGS[1], area);
        }
        self.save_pinned();
        self.save_pinned_for_landing();
        self.layout.outgoing = self.layout.outgoing.max(stack_bytes);
        self.branch_to_callee(callee, false);
        self.note_roots();
        self.note_caught_call();
        if stack_bytes > 0 {
            // The callee popped its arguments, and the room for them is needed again.
            let bytes = stack_bytes as i32;
            self.asm.alu_imm(Alu::Sub, true, Rm::Reg(Reg::RSP), bytes);
        }
        match area {
            None => self.push_results(ty),
            Some(area) => self.push_results_from(area, ty),
        }
        self.restore_pinned();
    }

    /// Pops the operands of a call and brings them to where the callee takes them, stack arguments to
    /// `outgoing`. All other operands leave registers that the callee may change. Returns how
    /// many bytes of arguments are on the stack.
    fn pass_args(&mut self, ty: &FuncType, passing: ResultPassing, outgoing: Mem) -> u32 {
        let count = ty.params.len();
        let first = self.stack.len() - count;
        let mut assign = ArgAssigner::for_params(passing);
        for (n, &param) in ty.params.iter().enumerate() {
            let entry = self.stack[first + n];
            match assign.param(param) {
                ArgLocation::Int(n) => self.move_later(INT_ARGS[n as usize], entry),
                ArgLocation::Float(n) => self.move_later(FLOAT_ARGS[n as usize], entry),
                ArgLocation::Stack(at) => self.store_value(outgoing.plus(at as i32), entry),
            }
        }
        // Pinned registers that hold arguments are read as they are, so the moves were noted first; what
        // is spilled now keeps its register until they are done.
        self.spill_below(self.regs.busy, first);
        self.truncate(first);
        self.forget_locals();
        let vmctx = match self.layout.vmctx {
            Some(reg) => Value::Reg(reg),
            None => Value::Mem(Mem::at(Reg::RBP, self.layout.vmctx_home)),
        };
        self.moves.push(Move {
            to: Reg::RDI,
            from: vmctx,
            ty: Ty::I64,
        });
        self.save_lost_pins_that_args_take();
        self.do_moves();
        assign.stack_bytes()
    }

    /// Pinned registers that are argument registers are saved before arguments are moved there.
    fn save_lost_pins_that_args_take(&mut self) {
        for reg in [Reg::R8, Reg::R9] {
            if self.layout.pinned_lost.contains(reg) {
                self.save_pin(reg);
            }
        }
    }

    pub(crate) fn save_pin(&mut self, reg: Reg) {
        if let Some(local) = self.layout.pinned_local[reg.0 as usize] {
            let local = self.locals[local as usize];
            self.store(Mem::at(Reg::RBP, local.home), reg, local.ty);
        }
    }

    /// Saves pinned registers that calls do not preserve. Those that are argument registers already are.
    fn save_pinned(&mut self) {
        for reg in self.layout.pinned_lost {
            if reg != Reg::R8 && reg != Reg::R9 {
                self.save_pin(reg);
            }
        }
    }

    pub(crate) fn restore_pinned(&mut self) {
        if let Some(reg) = self.layout.vmctx
            && self.layout.pinned_lost.contains(reg)
        {
            let home = Mem::at(Reg::RBP, self.layout.vmctx_home);
            self.asm.load(true, reg, home);
        }
        for reg in self.layout.pinned_lost {
            if let Some(local) = self.layout.pinned_local[reg.0 as usize] {
                let local = self.locals[local as usize];
                self.load(reg, Mem::at(Reg::RBP, local.home), local.ty);
            } else if self.layout.memory_base == Some(reg)
                && let Some(offset) = self.layout.memory_base_offset
            {
                let vmctx = self.vmctx();
                self.asm.load(true, reg, Mem::at(vmctx, offset as i32));
            }
        }
    }

    /// Calls, or jumps to, the callee, with its VM context in place of this function's.
    fn branch_to_callee(&mut self, callee: Callee, tail: bool) {
        // The modes of the operand: `call` is 2, `jmp` is 4.
        match callee {
            Callee::Defined(func) => {
                self.locate();
                match (self.input.calls, tail) {
                    (CallMode::ThroughTable, false) => {
                        self.relocated(&[0xff, 0x15], RelocTarget::TableSlot(func), -4);
                    }
                    (CallMode::ThroughTable, true) => {
                        self.relocated(&[0xff, 0x25], RelocTarget::TableSlot(func), -4);
                    }
                    (CallMode::Direct, false) => {
                        self.relocated(&[0xe8], RelocTarget::Function(func), -4);
                    }
                    (CallMode::Direct, true) => {
                        self.relocated(&[0xe9], RelocTarget::Function(func), -4);
                    }
                }
            }
            Callee::Import(at) => {
                let code = at + offset_of!(VMFunctionImport, code) as i32;
                let vmctx = at + offset_of!(VMFunctionImport, vmctx) as i32;
                if tail {
                    // There is no frame to record, so it goes through the reference.
                    let func_ref = at + offset_of!(VMFunctionImport, func_ref) as i32;
                    self.asm.load(true, Reg::RAX, Mem::at(Reg::RDI, func_ref));
                    let code = offset_of!(VMFuncRef, code) as i32;
                    self.asm.load(true, Reg::RAX, Mem::at(Reg::RAX, code));
                } else {
                    self.asm.load(true, Reg::RAX, Mem::at(Reg::RDI, code));
                }
                self.asm.load(true, Reg::RDI, Mem::at(Reg::RDI, vmctx));
                self.branch_to_rax(tail);
            }
            Callee::Reference => {
                let code = Mem::at(Reg::RAX, offset_of!(VMFuncRef, code) as i32);
                let vmctx = Mem::at(Reg::RAX, offset_of!(VMFuncRef, vmctx) as i32);
                self.asm.load(true, Reg::RDI, vmctx);
                self.asm.load(true, Reg::RAX, code);
                self.branch_to_rax(tail);
            }
        }
    }

    fn branch_to_rax(&mut self, tail: bool) {
        self.locate();
        match tail {
            true => self.asm.jmp_reg(Reg::RAX),
            false => self.asm.call_reg(Reg::RAX),
        }
    }

    fn push_results(&mut self, ty: &FuncType) {
        let mut assign = ArgAssigner::for_results();
        for &result in &ty.results {
            let reg = match assign.result(result) {
                ArgLocation::Int(n) => INT_RESULTS[n as usize],
                ArgLocation::Float(n) => FLOAT_RESULTS[n as usize],
                ArgLocation::Stack(_) => unreachable!("results are in registers or in memory"),
            };
            let ty = Ty::of(self.module, result);
            if self.regs.temps.contains(reg) {
                self.push_call_result(reg, ty);
            } else {
                // A local is pinned there, and comes back in a moment.
                let position = self.stack.len() as u32;
                let slot = self.slot(position);
                self.store(slot, reg, ty);
                self.push(Place::Slot(position), ty);
            }
        }
    }

    fn push_call_result(&mut self, reg: Reg, ty: Ty) {
        self.regs.dirty.remove(reg);
        if ty.is_narrow() {
            self.regs.dirty.insert(reg);
        }
        self.push_reg(reg, ty);
    }

    /// Brings the results of a call that passed them in memory to their slots.
    fn push_results_from(&mut self, area: Mem, ty: &FuncType) {
        let (first, count) = (self.stack.len(), ty.results.len());
        if bulk::is_many(count) {
            self.copy_results(area, first, count);
            for (n, &result) in ty.results.iter().enumerate() {
                let ty = Ty::of(self.module, result);
                self.push(Place::Slot((first + n) as u32), ty);
            }
            return;
        }
        for (n, &result) in ty.results.iter().enumerate() {
            let ty = Ty::of(self.module, result);
            let position = self.stack.len() as u32;
            let slot = self.slot(position);
            // Whole slots: the type only says how many bytes.
            let bytes = if ty == Ty::V128 { Ty::V128 } else { Ty::F64 };
            self.load(XSCRATCH, area.plus((n * RESULT_SLOT) as i32), bytes);
            self.store(slot, XSCRATCH, bytes);
            self.push(Place::Slot(position), ty);
        }
    }

    // Tail calls.

    /// Results of a tail call are this function's own, so they go where its caller wants them.
    fn emit_return_call(&mut self, callee: Callee, ty: &FuncType) {
        if !matches!(callee, Callee::Defined(_)) {
            self.note_caller();
        }
        let passing = self.layout.result_passing;
        let stack_bytes = self.pass_args(ty, passing, Mem::at(Reg::RSP, 0));
        self.layout.outgoing = self.layout.outgoing.max(stack_bytes);
        if passing == ResultPassing::Memory {
            let home = Mem::at(Reg::RBP, self.layout.area_home);
            self.asm.load(true, INT_ARGS[1], home);
        }
        if stack_bytes == 0 && self.layout.incoming == 0 {
            self.restore_registers();
            self.asm.leave();
        } else {
            self.replace_frame(stack_bytes);
        }
        self.branch_to_callee(callee, true);
        self.reachable = false;
    }

    /// Puts the stack arguments of a tail call in place of this function's own, and its return address
    /// below them. `rax` and argument registers are kept.
    fn replace_frame(&mut self, stack_bytes: u32) {
        self.restore_registers();
        let top = 16 + self.layout.incoming as i32;
        let args_at = top - stack_bytes as i32;
        self.asm.load(true, Reg::R10, Mem::at(Reg::RBP, 8));
        // From the top down: what is written lies above what is yet to be read. The caller's frame
        // pointer may be overwritten on the way, and waits on the stack.
        self.asm.push_mem(Mem::at(Reg::RBP, 0));
        for word in (0..stack_bytes as i32 / 8).rev() {
            self.asm
                .load(true, SCRATCH, Mem::at(Reg::RSP, 8 + word * 8));
            self.asm
                .store(true, Mem::at(Reg::RBP, args_at + word * 8), SCRATCH);
        }
        self.asm.load(true, SCRATCH, Mem::at(Reg::RSP, 0));
        self.asm.lea(true, Reg::RSP, Mem::at(Reg::RBP, args_at - 8));
        self.asm.store(true, Mem::at(Reg::RSP, 0), Reg::R10);
        self.asm.mov(true, Reg::RBP, SCRATCH);
    }

    // Builtins.

    /// Calls a builtin with the VM context and operands that were popped.
    pub(crate) fn call_builtin(&mut self, builtin: Builtin, args: &[Entry]) {
        let (mut ints, mut floats) = (1, 0);
        for (&arg, param) in args.iter().zip(builtin.params()) {
            match param {
                BuiltinParam::I32 | BuiltinParam::I64 => {
                    self.move_later(INT_ARGS[ints], arg);
                    ints += 1;
                }
                BuiltinParam::F32 | BuiltinParam::F64 => {
                    self.move_later(FLOAT_ARGS[floats], arg);
                    floats += 1;
                }
            }
        }
        self.spill_registers();
        self.forget_locals();
        let vmctx = match self.layout.vmctx {
            Some(reg) => Value::Reg(reg),
            None => Value::Mem(Mem::at(Reg::RBP, self.layout.vmctx_home)),
        };
        self.moves.push(Move {
            to: Reg::RDI,
            from: vmctx,
            ty: Ty::I64,
        });
        self.save_lost_pins_that_args_take();
        self.do_moves();
        self.save_pinned();
        let table = offset_of!(VMContextHeader, builtins) as i32;
        self.asm.load(true, Reg::RAX, Mem::at(Reg::RDI, table));
        self.locate();
        let entry = Mem::at(Reg::RAX, builtin.table_offset() as i32);
        self.asm.call_mem(entry);
        self.note_roots();
        self.restore_pinned();
    }

    /// The integer that a builtin returned.
    pub(crate) fn push_int_result(&mut self, ty: Ty) {
        self.push_call_result(INT_RESULTS[0], ty);
    }

    /// The float that a builtin returned.
    pub(crate) fn push_float_result(&mut self, ty: Ty) {
        self.push_reg(FLOAT_RESULTS[0], ty);
    }
}
