//! Structured control: blocks, branches, and what becomes unreachable.
//!
//! Each open block is a [`Frame`]. The block after it is made when something first branches there,
//! so that a block which nothing leaves early costs nothing. After an unconditional branch
//! operators are skipped, counting blocks, up to the `else` or `end` that is reached otherwise.

use crate::exceptions::TryTable;
use crate::func::{Func, Region};
use crate::legacy_exceptions::Clauses;
use crate::types::{BlockTypes, value_type};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, JumpTableData, Value};
use mainspring_abi::TrapCode;
use mainspring_error::Result;
use mainspring_wasm::{FuncType, TagIndex, ValType};
use std::collections::HashMap;
use wasmparser::{BlockType, BrTable, Operator};

/// An open block.
pub(crate) struct Frame<'a> {
    kind: FrameKind,
    types: BlockTypes<'a>,
    /// How many operands lie below the block's own.
    height: usize,
    /// How many of these are handed on by branches, along with the block's own: none, or, in the blocks
    /// around the loop that code begins at, all.
    below: usize,
    /// What follows the block, once something jumps there.
    continuation: Option<Block>,
}

pub(crate) enum FrameKind {
    /// The function itself, a `block`, or an `else` arm.
    Block,
    /// A `try_table`, or the body of a `try`.
    Try(TryTable),
    /// A `catch` or `catch_all` of a `try`.
    Catch(Clauses),
    /// Branches go to the header.
    Loop { header: Block },
    /// The first arm of an `if`.
    If {
        else_block: Block,
        /// What the second arm starts with.
        params: Vec<Value>,
    },
}

/// Where a branch goes, and with which operands.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) block: Block,
    /// This many from the bottom of the stack,
    below: usize,
    /// and this many from its top.
    arity: usize,
}

/// Where the entries of a `br_table` for one label jump to.
struct Stop {
    block: Block,
    /// Whether it is on the way to the label, to hand on operands.
    hands_on: bool,
}

impl<'a> Frame<'a> {
    /// The outermost frame of a function, above so many operands of the function it is in, of which so
    /// many are handed on.
    pub(crate) fn function(ty: &'a FuncType, height: usize, below: usize) -> Frame<'a> {
        Frame {
            kind: FrameKind::Block,
            types: BlockTypes::Func(ty),
            height,
            below,
            continuation: None,
        }
    }

    /// How many of the operands below the block its branches hand on.
    pub(crate) fn below(&self) -> usize {
        self.below
    }

    /// How many operands lie below the block's own.
    pub(crate) fn height(&self) -> usize {
        self.height
    }

    pub(crate) fn kind(&self) -> &FrameKind {
        &self.kind
    }

    /// What kind of block it is, which it is no longer.
    pub(crate) fn take_kind(&mut self) -> FrameKind {
        std::mem::replace(&mut self.kind, FrameKind::Block)
    }

    /// Makes it a clause of a `try`.
    pub(crate) fn becomes_clause(&mut self, clauses: Clauses) {
        self.kind = FrameKind::Catch(clauses);
    }

    /// What a `try_table` or a `try` catches.
    ///
    /// # Panics
    /// If it is another block.
    pub(crate) fn try_table(&mut self) -> &mut TryTable {
        match &mut self.kind {
            FrameKind::Try(table) => table,
            _ => unreachable!("the list of blocks that catch names no other"),
        }
    }

    /// The position of the first operand that branches hand on.
    fn first_operand(&self) -> usize {
        self.height - self.below
    }
}

impl<'a> Func<'a, '_> {
    /// Reads past an operator in code that can't be reached.
    pub(crate) fn skip(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. }
            | Operator::Try { .. } => self.skipped_blocks += 1,
            Operator::End | Operator::Delegate { .. } if self.skipped_blocks > 0 => {
                self.skipped_blocks -= 1;
            }
            _ if self.skipped_blocks > 0 => {}
            Operator::Else => self.else_arm(),
            Operator::End => self.end(),
            &Operator::Catch { tag_index } => self.catch_clause(Some(TagIndex(tag_index))),
            Operator::CatchAll => self.catch_clause(None),
            &Operator::Delegate { relative_depth } => self.delegate(relative_depth),
            _ => {}
        }
    }

    pub(crate) fn block(&mut self, ty: BlockType) -> Result<()> {
        self.settle_below();
        self.open(FrameKind::Block, ty)
    }

    /// How many of the operands below a block that opens now its branches hand on.
    pub(crate) fn handed_on(&self, height: usize) -> usize {
        self.loop_entry.as_ref().map_or(0, |_| height)
    }

    /// Brings all operands into the form in which they cross blocks, if the blocks around the next
    /// instruction hand them on.
    pub(crate) fn settle_below(&mut self) {
        if self.loop_entry.is_some() {
            self.settle(self.stack.len());
        }
    }

    pub(crate) fn loop_(&mut self, ty: BlockType) -> Result<()> {
        self.settle_below();
        let header = self.builder.create_block();
        self.open(FrameKind::Loop { header }, ty)?;
        let depth = self.control.len() - 1;
        let first = self.control[depth].first_operand();
        let target = self.target(depth);
        self.settle(self.stack.len() - first);
        for i in first..self.stack.len() {
            self.append_param_for(header, self.stack[i]);
        }
        self.jump(target);
        self.join_at(header);
        self.builder.switch_to_block(header);
        self.stack.truncate(first);
        self.stack
            .extend_from_slice(self.builder.block_params(header));
        Ok(())
    }

    pub(crate) fn if_(&mut self, ty: BlockType) -> Result<()> {
        let condition = self.pop();
        self.settle_below();
        let then_block = self.builder.create_block();
        let else_block = self.builder.create_block();
        match self.likely() {
            Some(true) => self.builder.set_cold_block(else_block),
            Some(false) => self.builder.set_cold_block(then_block),
            None => {}
        }
        self.builder
            .ins()
            .brif(condition, then_block, &[], else_block, &[]);
        self.builder.seal_block(then_block);
        self.builder.seal_block(else_block);
        self.builder.switch_to_block(then_block);
        let kind = FrameKind::If {
            else_block,
            params: Vec::new(),
        };
        self.open(kind, ty)?;
        let frame = self.control.last_mut().expect("just opened");
        if let FrameKind::If { params, .. } = &mut frame.kind {
            params.extend_from_slice(&self.stack[frame.height - frame.below..]);
        }
        Ok(())
    }

    pub(crate) fn open(&mut self, kind: FrameKind, ty: BlockType) -> Result<()> {
        let types = BlockTypes::new(self.module, ty)?;
        let height = self.stack.len() - types.params().len();
        let below = self.handed_on(height);
        self.control.push(Frame {
            kind,
            types,
            height,
            below,
            continuation: None,
        });
        Ok(())
    }

    pub(crate) fn else_arm(&mut self) {
        let depth = self.control.len() - 1;
        if self.reachable {
            self.jump_to_frame(depth);
        }
        let frame = &mut self.control[depth];
        let FrameKind::If { else_block, params } = frame.take_kind() else {
            unreachable!("validated: `else` ends the first arm of an `if`");
        };
        self.stack.truncate(frame.height - frame.below);
        self.stack.extend(params);
        self.builder.switch_to_block(else_block);
        self.reachable = true;
    }

    pub(crate) fn end(&mut self) {
        let depth = self.control.len() - 1;
        if matches!(self.control[depth].kind, FrameKind::If { .. }) {
            // Without a second arm, that arm hands its operands through.
            self.else_arm();
        }
        let frame = self.close();
        match &frame.kind {
            FrameKind::Loop { header } => self.seal_crowd(*header),
            FrameKind::Try(table) => self.end_try_table(table, frame.height),
            FrameKind::Catch(clauses) => self.end_clauses(clauses, frame.height),
            _ => {}
        }
        self.go_on_after(&frame);
    }

    /// Ends the innermost block, but for what follows it.
    pub(crate) fn close(&mut self) -> Frame<'a> {
        let depth = self.control.len() - 1;
        // What is caught comes between such a block and what follows.
        let goes_on = matches!(
            self.control[depth].kind,
            FrameKind::Try(_) | FrameKind::Catch(_)
        ) || self.control[depth].continuation.is_some();
        if self.reachable && goes_on {
            self.jump_to_frame(depth);
            self.reachable = false;
        }
        self.control
            .pop()
            .expect("validated: `end` closes an open block")
    }

    /// Goes on behind a block that is closed.
    pub(crate) fn go_on_after(&mut self, frame: &Frame<'_>) {
        if let Some(block) = frame.continuation {
            self.seal_crowd(block);
            self.stack.truncate(frame.first_operand());
            self.builder.switch_to_block(block);
            self.stack
                .extend_from_slice(self.builder.block_params(block));
            self.reachable = true;
        }
        if !self.reachable {
            self.stack.truncate(frame.height);
        } else if self.control.is_empty() {
            self.return_();
        }
    }

    fn append_params(&mut self, block: Block, types: &[ValType]) {
        for &ty in types {
            let param = value_type(self.module, ty);
            let param = self.builder.append_block_param(block, param);
            self.root_if_collected(param, ty);
        }
    }

    /// Where a branch to a frame goes, and with what.
    pub(crate) fn target(&mut self, depth: usize) -> Target {
        let frame = &self.control[depth];
        let (types, below) = (frame.types, frame.below);
        if let FrameKind::Loop { header } = frame.kind {
            let arity = types.params().len();
            return Target {
                block: self.entrance(header, below + arity),
                below,
                arity,
            };
        }
        let arity = types.results().len();
        let block = match frame.continuation {
            Some(block) => block,
            None => {
                let block = self.builder.create_block();
                self.control[depth].continuation = Some(block);
                for i in 0..below {
                    self.append_param_for(block, self.stack[i]);
                }
                self.append_params(block, types.results());
                block
            }
        };
        Target {
            block: self.entrance(block, below + arity),
            below,
            arity,
        }
    }

    /// The position of the frame that a branch names.
    pub(crate) fn depth(&self, relative_depth: u32) -> usize {
        self.control.len() - 1 - relative_depth as usize
    }

    /// Ends the block with a jump to what follows a frame's block, with the uppermost operands.
    pub(crate) fn jump_to_frame(&mut self, depth: usize) {
        let target = self.target(depth);
        self.jump(target);
    }

    fn jump(&mut self, target: Target) {
        let args = self.block_args(target);
        self.builder.ins().jump(target.block, &args);
    }

    /// Operands as arguments of a branch. They stay on the stack.
    pub(crate) fn block_args(&mut self, target: Target) -> Vec<BlockArg> {
        self.settle(target.arity);
        let first = self.stack.len() - target.arity;
        self.stack[..target.below]
            .iter()
            .chain(&self.stack[first..])
            .copied()
            .map(BlockArg::Value)
            .collect()
    }

    pub(crate) fn br(&mut self, relative_depth: u32) {
        self.jump_to_frame(self.depth(relative_depth));
        self.reachable = false;
    }

    pub(crate) fn br_if(&mut self, relative_depth: u32) {
        let condition = self.pop();
        self.branch_to(condition, relative_depth);
    }

    /// Goes to a label with the uppermost operands if a condition is not zero.
    pub(crate) fn branch_to(&mut self, condition: Value, relative_depth: u32) {
        let target = self.target(self.depth(relative_depth));
        let args = self.block_args(target);
        let next = self.builder.create_block();
        if self.likely() == Some(false) {
            // Others may branch there often, so what is placed out of the way is only the jump.
            let aside = self.builder.create_block();
            self.builder.set_cold_block(aside);
            self.builder.ins().brif(condition, aside, &[], next, &[]);
            self.builder.seal_block(aside);
            self.builder.switch_to_block(aside);
            self.builder.ins().jump(target.block, &args);
        } else {
            self.builder
                .ins()
                .brif(condition, target.block, &args, next, &[]);
        }
        if self.likely() == Some(true) {
            self.builder.set_cold_block(next);
        }
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
    }

    /// Whether the condition of the branch at hand is likely to hold, if the module says that and is heard.
    fn likely(&self) -> Option<bool> {
        let is_heard = self.input.settings.branch_hints;
        let branch = self.sources[self.sources.len() - 1].wasm;
        is_heard.then(|| self.module.branch_hint(branch)).flatten()
    }

    pub(crate) fn br_on_null(&mut self, relative_depth: u32) {
        // The branch goes without the reference, which comes back behind it.
        let reference = self.pop();
        let is_null = self.is_null(reference);
        self.branch_to(is_null, relative_depth);
        self.push(reference);
    }

    pub(crate) fn br_on_non_null(&mut self, relative_depth: u32) {
        let reference = self.top();
        self.branch_to(reference, relative_depth);
        self.pop();
    }

    pub(crate) fn br_table(&mut self, table: &BrTable<'_>) -> Result<()> {
        let index = self.pop();
        // What all labels take has to be as they take it before the code for the first of them.
        let default = self.target(self.depth(table.default()));
        self.settle(default.arity);
        // Operands are handed on in one block for each label, not once for each entry.
        let mut stops: HashMap<u32, Stop> = HashMap::new();
        let mut entries = Vec::with_capacity(table.len() as usize);
        for label in table.targets() {
            entries.push(self.table_target(label?, &mut stops));
        }
        let default = self.table_target(table.default(), &mut stops);
        self.jump_by_table(index, &entries, default);
        let mut stops: Vec<_> = stops
            .into_iter()
            .filter(|(_, stop)| stop.hands_on)
            .collect();
        stops.sort_unstable_by_key(|(label, _)| *label);
        for (label, stop) in stops {
            self.builder.seal_block(stop.block);
            self.builder.switch_to_block(stop.block);
            self.jump_to_frame(self.depth(label));
        }
        self.reachable = false;
        Ok(())
    }

    /// Goes where an entry of a table says.
    fn jump_by_table(&mut self, index: Value, entries: &[Block], default: Block) {
        if entries.len() <= MOST_ENTRIES {
            return self.jump_by_small_table(index, entries, default);
        }
        let part = self.builder.ins().ushr_imm_u(index, i64::from(PART_BITS));
        let within = self.builder.ins().band_imm_u(index, (1 << PART_BITS) - 1);
        let parts = entries.chunks(1 << PART_BITS);
        let blocks: Vec<_> = parts.clone().map(|_| self.builder.create_block()).collect();
        self.jump_by_small_table(part, &blocks, default);
        for (block, part) in blocks.into_iter().zip(parts) {
            self.builder.seal_block(block);
            self.builder.switch_to_block(block);
            self.jump_by_small_table(within, part, default);
        }
    }

    fn jump_by_small_table(&mut self, index: Value, entries: &[Block], default: Block) {
        let last = entries.iter().rposition(|&entry| entry != default);
        let entries = &entries[..last.map_or(0, |last| last + 1)];
        if entries.len() <= FEW_ENTRIES {
            return self.jump_by_comparing(index, entries, default);
        }
        let mut call = |block| self.builder.func.dfg.block_call(block, &[]);
        let default = call(default);
        let entries: Vec<_> = entries.iter().map(|&block| call(block)).collect();
        let table = JumpTableData::new(default, &entries);
        let table = self.builder.create_jump_table(table);
        self.builder.ins().br_table(index, table);
    }

    fn jump_by_comparing(&mut self, index: Value, entries: &[Block], default: Block) {
        for (i, &entry) in entries.iter().enumerate() {
            if entry != default {
                let is_it = self.builder.ins().icmp_imm_u(IntCC::Equal, index, i as i64);
                let next = self.builder.create_block();
                self.builder.ins().brif(is_it, entry, &[], next, &[]);
                self.builder.seal_block(next);
                self.builder.switch_to_block(next);
            }
        }
        self.builder.ins().jump(default, &[]);
    }

    /// The block that an entry of a `br_table` jumps to, which takes no arguments.
    fn table_target(&mut self, label: u32, stops: &mut HashMap<u32, Stop>) -> Block {
        let stop = stops.entry(label).or_insert_with(|| {
            let target = self.target(self.depth(label));
            let hands_on = target.below + target.arity > 0;
            let block = match hands_on {
                true => self.builder.create_block(),
                false => target.block,
            };
            Stop { block, hands_on }
        });
        stop.block
    }

    /// Returns the uppermost operands from the function, or goes on after the call that it is inlined
    /// in place of.
    pub(crate) fn return_(&mut self) {
        if self.body.inlined() {
            self.jump_to_frame(self.body.frame);
            self.reachable = false;
            return;
        }
        let ty = self.module.func_type(self.body.func);
        let count = ty.results.len();
        self.settle(count);
        let first = self.stack.len() - count;
        match self.result_area {
            None => {
                self.builder.ins().return_(&self.stack[first..]);
            }
            Some(area) => {
                let flags = self.trusted_flags(Region::Results);
                for (i, &value) in self.stack[first..].iter().enumerate() {
                    self.builder
                        .ins()
                        .store(flags, value, area, (i * RESULT_SLOT) as i32);
                }
                self.builder.ins().return_(&[]);
            }
        }
        self.reachable = false;
    }

    pub(crate) fn unreachable(&mut self) {
        self.mark_cold();
        self.trap(TrapCode::UnreachableCodeReached);
        self.reachable = false;
    }

    /// Places the block at hand out of the way.
    pub(crate) fn mark_cold(&mut self) {
        let block = self.builder.current_block().expect("code is reachable");
        let entry = self.builder.func.dfg.value_def(self.vmctx).unwrap_block();
        if block != entry {
            self.builder.set_cold_block(block);
        }
    }

    /// Loads the results of a call that passed them in memory.
    pub(crate) fn push_results_from(&mut self, area: Value, types: &[ValType]) {
        debug_assert_eq!(self.type_of(area), I64);
        let flags = self.trusted_flags(Region::Results);
        for (i, &ty) in types.iter().enumerate() {
            let offset = (i * RESULT_SLOT) as i32;
            let loaded = value_type(self.module, ty);
            let value = self.builder.ins().load(loaded, flags, area, offset);
            self.push_of(value, ty);
        }
    }
}

/// Entries of a table that is one comparison after the other: so few are looked at sooner than a table is read, and each jump is
/// predicted for itself.
const FEW_ENTRIES: usize = 3;

/// Entries of a table that is not cut into parts. Cranelift makes a block of each entry whose target others have too, and takes
/// time with the square of how many there are in a row that turn out to be empty.
const MOST_ENTRIES: usize = 4 << PART_BITS;

/// A part of a table has as many entries as that many bits of the index tell apart.
const PART_BITS: u32 = 10;

/// Bytes of a result area for each result.
pub(crate) const RESULT_SLOT: usize = 16;
