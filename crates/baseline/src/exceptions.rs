//! Exceptions: throwing them, and going on where they are caught.
//!
//! Each `try_table` has one *landing* behind the body, where exceptions come that leave a call inside of it. Registers hold
//! nothing there, so calls in a `try_table` leave all locals in their homes; operands that labels around
//! it need are in slots anyway. The landing compares tags clause by clause, and hands on what it does not catch to
//! the landing of the `try_table` around it, or else throws it again. What is thrown inside of a `try_table` of the
//! same function is a jump: to the label of the clause if it is known which one catches it, or to the landing.

use crate::body::{BlockType, Ty};
use crate::control::{FrameKind, RESULT_SLOT};
use crate::state::{Entry, Func, Place, Value};
use crate::x64::{
    Alu, CALLEE_SAVED, Cond, FLOAT_RESULTS, INT_ARGS, INT_RESULTS, Label, Mem, Reg, Rm, SCRATCH,
    XSCRATCH,
};
use mainspring_abi::gc::{EXCEPTION_TAG_AT, StructLayout};
use mainspring_abi::{
    ArgAssigner, ArgLocation, Builtin, Handler, ResultPassing, TrapCode, VMContextHeader,
    VMStoreContext,
};
use mainspring_error::Result;
use mainspring_wasm::{FuncType, TagIndex};
use std::mem::offset_of;

/// How many clauses, and blocks that have them, are looked at for the one that catches what is thrown.
const MOST_CLAUSES: usize = 64;

/// What a `try_table` catches, or a `try`.
pub(crate) struct TryTable {
    clauses: Vec<Clause>,
    /// Whether it is a `try`, whose clauses come behind its body.
    is_legacy: bool,
    /// Where exceptions come.
    landing: Label,
    /// Whether any do.
    is_used: bool,
    /// The one that it is in, or, of a `try` that delegates, the one that it does to.
    around: Option<usize>,
    /// Offset of the instruction in the module.
    wasm: u32,
}

/// What one clause catches, and where that goes.
#[derive(Clone, Copy)]
pub(crate) struct Clause {
    /// Exceptions with this tag, or all.
    tag: Option<TagIndex>,
    /// Whether the label takes the exception itself, too.
    with_ref: bool,
    /// The position of the frame whose label it is.
    depth: usize,
    label: Label,
    /// What kind of block that is. None if the label is where a clause of a `try` begins.
    kind: Option<FrameKind>,
    /// How many operands lie below what the label takes.
    height: usize,
}

impl TryTable {
    pub(crate) fn add(&mut self, clause: Clause) {
        self.clauses.push(clause);
    }

    /// Has what it does not catch go to another one than that it is in, further out.
    pub(crate) fn delegates_to(&mut self, around: Option<usize>) {
        self.around = around;
    }
}

impl Clause {
    /// One of a `try`, which begins at a label.
    pub(crate) fn of_try(
        tag: Option<TagIndex>,
        label: Label,
        depth: usize,
        height: usize,
    ) -> Clause {
        Clause {
            tag,
            with_ref: true,
            depth,
            label,
            kind: None,
            height,
        }
    }
}

/// Who catches an exception.
enum Catcher {
    /// A clause of this function.
    Clause(Clause),
    /// A clause of this function, or none: that depends on whether two imported tags are the same, or clauses are still
    /// to come. Or it was not looked for any longer.
    Unknown,
    /// Not this function.
    Caller,
}

/// A call that exceptions may leave.
#[derive(Clone, Copy)]
pub(crate) struct CaughtCall {
    /// What it returns to.
    code: u32,
    /// Which `try_table` it is in.
    try_table: usize,
}

impl<'a> Func<'a, '_> {
    pub(crate) fn try_table(&mut self) -> Result<()> {
        let ty = self.body.block_type(self.module)?;
        let count = self.body.u32();
        let mut clauses = Vec::new();
        for _ in 0..count {
            let kind = self.body.byte();
            let tag = (kind < 2).then(|| TagIndex(self.body.u32()));
            // Labels are those around the block that opens.
            let depth = self.body.u32();
            clauses.push(self.clause(tag, kind & 1 != 0, depth));
        }
        self.open_try(clauses, false, ty);
        Ok(())
    }

    /// Opens a block that catches, by clauses that come behind it if it is a `try`.
    pub(crate) fn open_try(&mut self, clauses: Vec<Clause>, is_legacy: bool, ty: BlockType) {
        let landing = self.asm.label();
        self.try_tables.push(TryTable {
            clauses,
            is_legacy,
            landing,
            is_used: false,
            around: self.open_try,
            wasm: self.at,
        });
        let number = self.try_tables.len() - 1;
        self.open_try = Some(number);
        self.open(FrameKind::Try, ty);
        self.settle(self.stack.len() - ty.params(self.module));
    }

    fn clause(&mut self, tag: Option<TagIndex>, with_ref: bool, relative_depth: u32) -> Clause {
        let depth = self.depth(relative_depth);
        let label = self.target(depth);
        let (kind, height) = self.control[depth].place();
        let taken = tag.map_or(0, |tag| self.tag_type(tag).params.len());
        if taken > 0 || with_ref {
            self.slot((height + taken) as u32);
        }
        Clause {
            tag,
            with_ref,
            depth,
            label,
            kind: Some(kind),
            height,
        }
    }

    /// Ends the body of the innermost block that catches. Its number.
    pub(crate) fn end_try_table(&mut self) -> usize {
        let open = self.open_try.expect("a block that catches ends");
        self.open_try = self.try_tables[open].around;
        open
    }

    /// Before a call: an exception that leaves it is caught by who finds nothing in registers.
    pub(crate) fn save_pinned_for_landing(&mut self) {
        if self.open_try.is_some() {
            for reg in CALLEE_SAVED {
                self.save_pin(reg);
            }
        }
    }

    /// The last instruction was a call.
    pub(crate) fn note_caught_call(&mut self) {
        if let Some(try_table) = self.open_try {
            self.try_tables[try_table].is_used = true;
            self.caught_calls.push(CaughtCall {
                code: self.asm.offset(),
                try_table,
            });
        }
    }

    // Throwing.

    pub(crate) fn throw(&mut self) {
        let tag = TagIndex(self.body.u32());
        let count = self.tag_type(tag).params.len();
        let height = self.stack.len() - count;
        match self.catcher(tag) {
            Catcher::Clause(clause) => {
                if clause.with_ref {
                    self.new_exception(tag);
                }
                if clause.tag.is_none() {
                    self.truncate(height);
                }
                if clause.with_ref {
                    self.push_int_result(Ty::Ref);
                }
                self.jump_to(clause.depth);
            }
            Catcher::Unknown => {
                self.new_exception(tag);
                self.jump_to_landing();
            }
            Catcher::Caller => {
                self.new_exception(tag);
                self.leave();
            }
        }
        self.reachable = false;
    }

    pub(crate) fn throw_ref(&mut self) {
        let exception = self.pop();
        if self.value(exception) != Value::Reg(Reg::RAX) {
            self.claim(Reg::RAX);
            self.load_value(Reg::RAX, exception);
        }
        self.asm.mov(false, Reg::RAX, Reg::RAX);
        self.asm.test(false, Reg::RAX, Reg::RAX);
        let null = self.trap_label(TrapCode::NullReference);
        self.asm.jcc(Cond::Equal, null);
        match self.open_try {
            Some(_) => self.jump_to_landing(),
            None => self.leave(),
        }
        self.reachable = false;
    }

    /// Who catches an exception that is thrown here.
    fn catcher(&self, thrown: TagIndex) -> Catcher {
        let mut looked_at = 0;
        let mut next = self.open_try;
        while let Some(number) = next {
            let table = &self.try_tables[number];
            looked_at += 1;
            if table.is_legacy || looked_at > MOST_CLAUSES {
                return Catcher::Unknown;
            }
            for &clause in &table.clauses {
                looked_at += 1;
                if looked_at > MOST_CLAUSES {
                    return Catcher::Unknown;
                }
                match clause.tag {
                    None => return Catcher::Clause(clause),
                    Some(tag) if tag == thrown => return Catcher::Clause(clause),
                    Some(tag) if self.module.may_be_same_tag(tag, thrown) => {
                        return Catcher::Unknown;
                    }
                    Some(_) => {}
                }
            }
            next = table.around;
        }
        Catcher::Caller
    }

    /// Makes an exception with the uppermost operands, which stay: in `rax`.
    fn new_exception(&mut self, tag: TagIndex) {
        let ty = self.tag_type(tag);
        let (len, count) = (self.stack.len(), ty.params.len());
        self.put_in_slots(len - count, len);
        self.call_builtin(Builtin::ExceptionNew, &[Entry::i32(tag.0)]);
        self.regs.locked.insert(Reg::RAX);
        self.asm.mov(false, Reg::RAX, Reg::RAX);
        if count == 0 {
            return;
        }
        self.exception_address();
        let layout = StructLayout::of_exception(ty, |ty| self.module.is_func_type(ty));
        for (i, &offset) in layout.offsets[1..].iter().enumerate() {
            let field = Mem::at(SCRATCH, offset as i32);
            self.store_value(field, self.stack[len - count + i]);
        }
    }

    /// Where the exception in `rax` is, in the scratch register.
    fn exception_address(&mut self) {
        let vmctx = self.vmctx();
        let store = offset_of!(VMContextHeader, store) as i32;
        let base = offset_of!(VMStoreContext, heap.base) as i32;
        self.asm.load(true, SCRATCH, Mem::at(vmctx, store));
        self.asm.load(true, SCRATCH, Mem::at(SCRATCH, base));
        self.asm.alu(Alu::Add, true, SCRATCH, Rm::Reg(Reg::RAX));
    }

    /// Hands the exception in `rax` to the innermost `try_table`.
    fn jump_to_landing(&mut self) {
        let open = self.open_try.expect("a `try_table` is open");
        for local in self.pinned_locals() {
            if let Some(reg) = local.pinned {
                self.store(Mem::at(Reg::RBP, local.home), reg, local.ty);
            }
        }
        self.try_tables[open].is_used = true;
        self.asm.jmp(self.try_tables[open].landing);
    }

    /// Throws the exception in `rax`, which no clause of this function catches.
    fn leave(&mut self) {
        let exception = Entry {
            place: Place::Reg(Reg::RAX),
            ty: Ty::Ref,
        };
        self.call_builtin(Builtin::Throw, &[exception]);
        // It does not come back.
        self.may_trap(TrapCode::UnreachableCodeReached);
        self.asm.ud2();
    }

    pub(crate) fn tag_type(&self, tag: TagIndex) -> &'a FuncType {
        let module = self.module;
        module.func_type_at(module.tags[tag.index()])
    }

    // Catching.

    /// Emits all landings, and says where exceptions go.
    ///
    /// # Errors
    /// If they would take too much code: a few bytes of a body can ask for many of a landing.
    pub(crate) fn finish_landings(&mut self) -> Result<()> {
        let tables = std::mem::take(&mut self.try_tables);
        // What is handed on goes outwards, and outer ones have lower numbers.
        let mut used: Vec<bool> = tables.iter().map(|table| table.is_used).collect();
        for number in (0..tables.len()).rev() {
            let table = &tables[number];
            let catches_all = table.clauses.iter().any(|clause| clause.tag.is_none());
            if used[number]
                && !catches_all
                && let Some(around) = table.around
            {
                used[around] = true;
            }
        }
        for (table, used) in tables.iter().zip(used) {
            if used {
                self.landing(table, &tables)?;
            }
        }
        let below_fp = self.layout.rsp_below_fp();
        for call in std::mem::take(&mut self.caught_calls) {
            self.handlers.push(Handler {
                code: call.code,
                landing: self.asm.bound_at(tables[call.try_table].landing),
                below_fp,
            });
        }
        Ok(())
    }

    /// Registers are free here but for `rax`, which has the exception, and those that are pinned.
    fn landing(&mut self, table: &TryTable, all: &[TryTable]) -> Result<()> {
        self.asm.bind(table.landing);
        self.at = table.wasm;
        self.locate();
        self.restore_all_pinned();
        let vmctx = match self.layout.vmctx {
            Some(vmctx) => vmctx,
            None => {
                let home = Mem::at(Reg::RBP, self.layout.vmctx_home);
                self.asm.load(true, Reg::RDX, home);
                Reg::RDX
            }
        };
        if table
            .clauses
            .first()
            .is_some_and(|clause| clause.tag.is_some())
        {
            self.exception_address();
            let number = Mem::at(SCRATCH, EXCEPTION_TAG_AT as i32);
            self.asm.load(false, Reg::RCX, number);
        }
        for clause in &table.clauses {
            self.check_size()?;
            let Some(tag) = clause.tag else {
                self.catch(clause);
                return Ok(());
            };
            let next = self.asm.label();
            let number = Mem::at(vmctx, self.input.offsets.tag(tag) as i32);
            self.asm.alu(Alu::Cmp, false, Reg::RCX, Rm::Mem(number));
            self.asm.jcc(Cond::NotEqual, next);
            self.catch(clause);
            self.asm.bind(next);
        }
        match table.around {
            Some(around) => self.asm.jmp(all[around].landing),
            None => self.leave_from_landing(vmctx),
        }
        Ok(())
    }

    /// All locals and what else has a register for the whole function come back there.
    fn restore_all_pinned(&mut self) {
        if let Some(reg) = self.layout.vmctx {
            let home = Mem::at(Reg::RBP, self.layout.vmctx_home);
            self.asm.load(true, reg, home);
        }
        for local in self.pinned_locals() {
            if let Some(reg) = local.pinned {
                self.load(reg, Mem::at(Reg::RBP, local.home), local.ty);
            }
        }
        if let (Some(reg), Some(offset)) = (self.layout.memory_base, self.layout.memory_base_offset)
        {
            let vmctx = self.vmctx();
            self.asm.load(true, reg, Mem::at(vmctx, offset as i32));
        }
    }

    fn leave_from_landing(&mut self, vmctx: Reg) {
        self.asm.mov(true, INT_ARGS[0], vmctx);
        self.asm.mov(false, INT_ARGS[1], Reg::RAX);
        let table = offset_of!(VMContextHeader, builtins) as i32;
        self.asm.load(true, Reg::RAX, Mem::at(INT_ARGS[0], table));
        let entry = Builtin::Throw.table_offset() as i32;
        self.asm.call_mem(Mem::at(Reg::RAX, entry));
        self.may_trap(TrapCode::UnreachableCodeReached);
        self.asm.ud2();
    }

    /// Goes to a clause's label with what it takes. The exception is in `rax`, its address in the scratch register if
    /// the clause names a tag.
    fn catch(&mut self, clause: &Clause) {
        let mut fields = Vec::new();
        if let Some(tag) = clause.tag {
            let ty = self.tag_type(tag);
            let layout = StructLayout::of_exception(ty, |ty| self.module.is_func_type(ty));
            for (&param, &offset) in ty.params.iter().zip(&layout.offsets[1..]) {
                fields.push((Mem::at(SCRATCH, offset as i32), Ty::of(self.module, param)));
            }
        }
        let count = fields.len() + usize::from(clause.with_ref);
        match clause.kind {
            Some(FrameKind::Function) if self.layout.result_passing == ResultPassing::Memory => {
                self.return_caught_in_memory(&fields, clause.with_ref);
            }
            Some(FrameKind::Function) => self.return_caught(&fields, clause.with_ref),
            None => {
                let exception = self.slot(clause.height as u32);
                self.store(exception, Reg::RAX, Ty::Ref);
                self.put_fields_in_slots(clause.height + 1, &fields);
            }
            Some(FrameKind::Loop) => self.put_caught_in_slots(clause, &fields),
            _ if count > 1 => self.put_caught_in_slots(clause, &fields),
            _ => {
                // The exception itself is where it belongs.
                if let Some(&(from, ty)) = fields.first() {
                    self.load(crate::control::canonical_reg(ty), from, ty);
                }
            }
        }
        self.asm.jmp(clause.label);
    }

    fn put_fields_in_slots(&mut self, height: usize, fields: &[(Mem, Ty)]) {
        for (n, &(from, ty)) in fields.iter().enumerate() {
            let slot = self.slot((height + n) as u32);
            self.copy_caught(slot, from, ty);
        }
    }

    fn put_caught_in_slots(&mut self, clause: &Clause, fields: &[(Mem, Ty)]) {
        self.put_fields_in_slots(clause.height, fields);
        if clause.with_ref {
            let slot = self.slot((clause.height + fields.len()) as u32);
            self.store(slot, Reg::RAX, Ty::Ref);
        }
    }

    fn copy_caught(&mut self, to: Mem, from: Mem, ty: Ty) {
        // The type only says how many bytes.
        let ty = match ty {
            Ty::I32 | Ty::Ref => Ty::F32,
            Ty::I64 => Ty::F64,
            other => other,
        };
        self.load(XSCRATCH, from, ty);
        self.store(to, XSCRATCH, ty);
    }

    /// Brings what was caught to where the function's caller takes its results.
    fn return_caught(&mut self, fields: &[(Mem, Ty)], with_ref: bool) {
        let mut assign = ArgAssigner::for_results();
        let ty = (self.module).func_type(self.module.func_of(self.input.index));
        let places: Vec<Reg> = (ty.results.iter())
            .map(|&ty| match assign.result(ty) {
                ArgLocation::Int(n) => INT_RESULTS[n as usize],
                ArgLocation::Float(n) => FLOAT_RESULTS[n as usize],
                ArgLocation::Stack(_) => unreachable!("results are in registers or in memory"),
            })
            .collect();
        if with_ref {
            // Last, so no field goes there, but one may go where it is now.
            self.copy(places[fields.len()], Reg::RAX, Ty::Ref);
        }
        for (&(from, ty), &to) in fields.iter().zip(&places) {
            self.load(to, from, ty);
        }
    }

    fn return_caught_in_memory(&mut self, fields: &[(Mem, Ty)], with_ref: bool) {
        let home = Mem::at(Reg::RBP, self.layout.area_home);
        self.asm.load(true, Reg::RDX, home);
        let result = |n: usize| Mem::at(Reg::RDX, (n * RESULT_SLOT) as i32);
        for (n, &(from, ty)) in fields.iter().enumerate() {
            self.copy_caught(result(n), from, ty);
        }
        if with_ref {
            self.store(result(fields.len()), Reg::RAX, Ty::Ref);
        }
    }
}
