//! Exceptions: throwing them, and going on where they are caught.
//!
//! Each `try_table` has one block, its *landing*, where exceptions come that leave a call inside of it. It compares
//! tags clause by clause, and hands on what it does not catch to the landing of the `try_table` around
//! it, or else throws it again. What is thrown inside of a `try_table` of the same function, inlined bodies included,
//! is a jump: to the label of the clause if it is known which one catches it, or to the landing. The path on
//! which nothing is thrown has no instruction for it.

use crate::control::FrameKind;
use crate::func::{Func, Region};
use crate::limits;
use crate::types::value_type;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{
    Block, BlockArg, ExceptionTableData, ExceptionTableItem, FuncRef, InstBuilder, SigRef,
    SourceLoc, Value,
};
use mainspring_abi::gc::{EXCEPTION_TAG_AT, StructLayout};
use mainspring_abi::{Builtin, TrapCode};
use mainspring_error::Result;
use mainspring_wasm::{FuncType, TagIndex, ValType};
use wasmparser::{BlockType, Catch};

/// How many clauses, and blocks that have them, are looked at for the one that catches what is thrown.
const MOST_CLAUSES: usize = 64;

/// What an open `try_table` catches, or a `try`.
pub(crate) struct TryTable {
    /// None of a `try`, where they come behind the body.
    clauses: Option<Box<[Clause]>>,
    /// Where exceptions come that leave a call, once there is one: a block that takes the exception and the operands
    /// that branches hand on.
    landing: Option<Block>,
    /// Where it is from.
    source: SourceLoc,
}

/// What one clause catches, and where that goes.
#[derive(Clone, Copy)]
pub(crate) struct Clause {
    /// Exceptions with this tag, or all.
    tag: Option<TagIndex>,
    /// Whether the label takes the exception itself, too.
    with_ref: bool,
    /// The position of the frame whose label it is.
    frame: usize,
}

/// What is known about who catches an exception.
enum Catcher {
    /// A clause of this function.
    Clause(Clause),
    /// A clause of this function, or none: that depends on whether two imported tags are the same, or clauses are still
    /// to come. Or it was not looked for any longer.
    Unknown,
    /// Not this function.
    Caller,
}

/// An exception on its way, where exceptions come that leave a call.
#[derive(Clone, Copy)]
pub(crate) struct Landed {
    pub(crate) exception: Value,
    /// The block that it came to,
    pub(crate) block: Block,
    /// which has so many operands that branches hand on.
    below: usize,
    /// Where the block is from that it left.
    source: SourceLoc,
}

/// A function to call, with its signature.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    Direct(FuncRef),
    Indirect(SigRef, Value),
}

impl<'a> Func<'a, '_> {
    pub(crate) fn try_table(&mut self, table: &wasmparser::TryTable) -> Result<()> {
        self.settle_below();
        let clause = |catch: &Catch| {
            let (tag, with_ref, label) = match *catch {
                Catch::One { tag, label } => (Some(TagIndex(tag)), false, label),
                Catch::OneRef { tag, label } => (Some(TagIndex(tag)), true, label),
                Catch::All { label } => (None, false, label),
                Catch::AllRef { label } => (None, true, label),
            };
            // Labels are those around the block that opens.
            let frame = self.depth(label);
            Clause {
                tag,
                with_ref,
                frame,
            }
        };
        let clauses = table.catches.iter().map(clause).collect();
        self.open_try(Some(clauses), table.ty)
    }

    /// Opens a block that catches, by clauses that come behind it if none are given.
    pub(crate) fn open_try(&mut self, clauses: Option<Box<[Clause]>>, ty: BlockType) -> Result<()> {
        let try_table = TryTable {
            clauses,
            landing: None,
            source: self.builder.srcloc(),
        };
        self.try_tables.push(self.control.len());
        self.open(FrameKind::Try(try_table), ty)
    }

    /// Ends a `try_table` whose frame is closed already, with what exceptions do that leave its calls.
    pub(crate) fn end_try_table(&mut self, table: &TryTable, height: usize) {
        if let Some(landed) = self.land(table) {
            let source = self.builder.srcloc();
            self.builder.set_srcloc(landed.source);
            self.go_on_with(landed, landed.block, height);
            let clauses = table.clauses.as_deref().unwrap_or_default();
            self.dispatch(clauses, landed.exception);
            self.builder.set_srcloc(source);
        }
    }

    /// Ends the body of a block that catches. Where exceptions come that left its calls, if any can.
    pub(crate) fn land(&mut self, table: &TryTable) -> Option<Landed> {
        self.try_tables.pop();
        let block = table.landing?;
        // Locals become parameters too, but later.
        let below = self.builder.block_params(block).len() - 1;
        self.seal_crowd(block);
        self.builder.switch_to_block(block);
        self.builder.set_cold_block(block);
        let exception = self.builder.block_params(block)[0];
        let exception = self.builder.ins().ireduce(I32, exception);
        self.root(exception);
        Some(Landed {
            exception,
            block,
            below,
            source: table.source,
        })
    }

    /// Goes on in a block, behind where the exception landed, with the operands that were below the block it left.
    pub(crate) fn go_on_with(&mut self, landed: Landed, block: Block, height: usize) {
        if self.builder.current_block() != Some(block) {
            self.builder.switch_to_block(block);
        }
        self.stack.truncate(height);
        let below = &self.builder.block_params(landed.block)[1..=landed.below];
        self.stack[..landed.below].copy_from_slice(below);
    }

    /// The same, to throw the exception where only so many of the open blocks are around.
    pub(crate) fn hand_on(&mut self, landed: Landed, block: Block, height: usize, blocks: usize) {
        let source = self.builder.srcloc();
        self.builder.set_srcloc(landed.source);
        self.go_on_with(landed, block, height);
        self.throw_from(blocks, landed.exception);
        self.builder.set_srcloc(source);
    }

    /// Goes where the first clause says that catches an exception.
    fn dispatch(&mut self, clauses: &[Clause], exception: Value) {
        let mut found = None;
        for clause in clauses {
            if limits::is_too_large(self.builder.func, self.input.body.len()) {
                break;
            }
            let Some(tag) = clause.tag else {
                return self.catch(clause, exception);
            };
            let found = *found.get_or_insert_with(|| self.load_tag(exception));
            let next = self.branch_unless_tag(found, tag);
            self.catch(clause, exception);
            self.builder.switch_to_block(next);
        }
        self.throw_on(exception);
    }

    /// Goes on if an exception's tag, whose number is given, is the module's `tag`. The block that follows otherwise.
    pub(crate) fn branch_unless_tag(&mut self, found: Value, tag: TagIndex) -> Block {
        let expected = self.tag_number(tag);
        let equal = self.builder.ins().icmp(IntCC::Equal, found, expected);
        let (caught, next) = (self.builder.create_block(), self.builder.create_block());
        self.builder.ins().brif(equal, caught, &[], next, &[]);
        for block in [caught, next] {
            self.builder.seal_block(block);
            self.builder.set_cold_block(block);
        }
        self.builder.switch_to_block(caught);
        next
    }

    /// Goes to a clause's label with what it takes.
    fn catch(&mut self, clause: &Clause, exception: Value) {
        let height = self.stack.len();
        if let Some(tag) = clause.tag {
            self.push_fields(tag, exception);
        }
        if clause.with_ref {
            self.push(exception);
        }
        self.jump_to_frame(clause.frame);
        self.stack.truncate(height);
    }

    /// Pushes what an exception carries that has a tag of the module's.
    pub(crate) fn push_fields(&mut self, tag: TagIndex, exception: Value) {
        let (ty, layout) = self.tag_type(tag);
        let object = self.object_address(exception);
        let flags = self.object_flags(Region::Exceptions);
        for (&ty, &offset) in ty.params.iter().zip(&layout.offsets[1..]) {
            let loaded = value_type(self.module, ty);
            let ins = self.builder.ins();
            let value = ins.load(loaded, flags, object, offset as i32);
            self.push_of(value, ty);
        }
    }

    /// Hands an exception to the innermost block that catches, or throws it. Ends the block.
    pub(crate) fn throw_on(&mut self, exception: Value) {
        self.throw_from(self.control.len(), exception);
    }

    /// The same, where only so many of the open blocks are around.
    fn throw_from(&mut self, blocks: usize, exception: Value) {
        match self.landing_within(blocks) {
            Some((landing, below)) => {
                let exception = self.builder.ins().uextend(I64, exception);
                let args = self.landing_args(BlockArg::Value(exception), below);
                self.builder.ins().jump(landing, &args);
            }
            None => self.leave(exception),
        }
    }

    /// Throws an exception that no clause of this function catches.
    fn leave(&mut self, exception: Value) {
        self.call_builtin(Builtin::Throw, &[exception]);
        // It does not come back.
        self.trap(TrapCode::UnreachableCodeReached);
    }

    /// Where exceptions go that leave a call which is made here, and how many operands are handed on there.
    fn landing(&mut self) -> Option<(Block, usize)> {
        self.landing_within(self.control.len())
    }

    /// The same of a call that only so many of the open blocks are around.
    fn landing_within(&mut self, blocks: usize) -> Option<(Block, usize)> {
        let count = self.try_tables.partition_point(|&table| table < blocks);
        let position = self.try_tables[..count].last().copied()?;
        let below = self.control[position].below();
        if let Some(landing) = self.control[position].try_table().landing {
            return Some((self.entrance(landing, 1 + below), below));
        }
        let landing = self.builder.create_block();
        self.builder.append_block_param(landing, I64);
        for i in 0..below {
            self.append_param_for(landing, self.stack[i]);
        }
        self.control[position].try_table().landing = Some(landing);
        Some((self.entrance(landing, 1 + below), below))
    }

    fn landing_args(&self, exception: BlockArg, below: usize) -> Vec<BlockArg> {
        let below = self.stack[..below].iter().copied().map(BlockArg::Value);
        std::iter::once(exception).chain(below).collect()
    }

    /// Calls a function; if an exception leaves it, goes to the landing of the innermost `try_table`. Pushes the
    /// results that are not in memory.
    pub(crate) fn call_target(&mut self, target: Target, args: &[Value], types: &[ValType]) {
        let Some((landing, below)) = self.landing() else {
            let ins = self.builder.ins();
            let call = match target {
                Target::Direct(func) => ins.call(func, args),
                Target::Indirect(signature, code) => ins.call_indirect(signature, code, args),
            };
            let results = self.builder.inst_results(call).to_vec();
            return self.push_results(&results, types);
        };
        let dfg = &self.builder.func.dfg;
        let signature = match target {
            Target::Direct(func) => dfg.ext_funcs[func].signature,
            Target::Indirect(signature, _) => signature,
        };
        let results = dfg.signatures[signature].returns.iter();
        let results: Vec<_> = results.map(|result| result.value_type).collect();
        let next = self.builder.create_block();
        for &ty in &results {
            self.builder.append_block_param(next, ty);
        }
        let caught = self.landing_args(BlockArg::TryCallExn(0), below);
        let returned: Vec<_> = (0..results.len() as u32)
            .map(BlockArg::TryCallRet)
            .collect();
        let dfg = &mut self.builder.func.dfg;
        let returned = dfg.block_call(next, &returned);
        let caught = ExceptionTableItem::Default(dfg.block_call(landing, &caught));
        let table = ExceptionTableData::new(signature, returned, [caught]);
        let table = dfg.exception_tables.push(table);
        let ins = self.builder.ins();
        match target {
            Target::Direct(func) => ins.try_call(func, args, table),
            Target::Indirect(_, code) => ins.try_call_indirect(code, args, table),
        };
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
        let results = self.builder.block_params(next).to_vec();
        self.push_results(&results, types);
    }

    fn push_results(&mut self, results: &[Value], types: &[ValType]) {
        for (&value, &ty) in results.iter().zip(types) {
            self.push_of(value, ty);
        }
    }

    pub(crate) fn throw(&mut self, tag: TagIndex) {
        let count = self.tag_type(tag).0.params.len();
        self.settle(count);
        match self.catcher(tag) {
            Catcher::Clause(clause) => {
                let exception = clause.with_ref.then(|| self.new_exception(tag));
                if clause.tag.is_none() {
                    self.stack.truncate(self.stack.len() - count);
                }
                self.stack.extend(exception);
                self.jump_to_frame(clause.frame);
            }
            Catcher::Unknown => {
                let exception = self.new_exception(tag);
                self.throw_on(exception);
            }
            Catcher::Caller => {
                self.mark_cold();
                let exception = self.new_exception(tag);
                self.leave(exception);
            }
        }
        self.reachable = false;
    }

    pub(crate) fn throw_ref(&mut self) {
        let exception = self.pop();
        let is_null = self.is_null(exception);
        self.trap_if(is_null, TrapCode::NullReference);
        self.throw_on(exception);
        self.reachable = false;
    }

    /// Who catches an exception that is thrown here.
    fn catcher(&mut self, thrown: TagIndex) -> Catcher {
        let mut looked_at = 0;
        for i in (0..self.try_tables.len()).rev() {
            let position = self.try_tables[i];
            looked_at += 1;
            let clauses = &self.control[position].try_table().clauses;
            let Some(clauses) = clauses.as_ref().filter(|_| looked_at <= MOST_CLAUSES) else {
                return Catcher::Unknown;
            };
            for &clause in clauses {
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
        }
        Catcher::Caller
    }

    /// An exception with the uppermost operands, which stay.
    fn new_exception(&mut self, tag: TagIndex) -> Value {
        let (ty, layout) = self.tag_type(tag);
        let exception = self.allocate_exception(tag, layout.size);
        if !ty.params.is_empty() {
            let object = self.object_address(exception);
            let flags = self.object_flags(Region::Exceptions);
            let first = self.stack.len() - ty.params.len();
            for (i, &offset) in layout.offsets[1..].iter().enumerate() {
                let value = self.stack[first + i];
                let ins = self.builder.ins();
                ins.store(flags, value, object, offset as i32);
            }
        }
        exception
    }

    /// What exceptions with a tag carry, and where: the tag's number is the first.
    fn tag_type(&self, tag: TagIndex) -> (&'a FuncType, StructLayout) {
        let module = self.module;
        let ty = module.func_type_at(module.tags[tag.index()]);
        (
            ty,
            StructLayout::of_exception(ty, |ty| module.is_func_type(ty)),
        )
    }

    /// The number of a tag of the module's in the store.
    pub(crate) fn tag_number(&mut self, tag: TagIndex) -> Value {
        self.context_constant(I32, self.input.offsets.tag(tag))
    }

    /// The number of an exception's tag.
    pub(crate) fn load_tag(&mut self, exception: Value) -> Value {
        let object = self.object_address(exception);
        let flags = self.object_flags(Region::Exceptions);
        let ins = self.builder.ins();
        ins.load(I32, flags, object, EXCEPTION_TAG_AT as i32)
    }
}
