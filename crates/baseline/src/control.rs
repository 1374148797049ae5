//! Structured control: blocks, branches, and what becomes unreachable.
//!
//! Where code comes together the state is fixed: no local is in a register that is not its own, operands
//! below the block are in their slots or constants, and what the label takes is in
//! its canonical place: one value in the first result register, several in their slots. Labels of the
//! function itself take results where its caller wants them.

use crate::body::{BlockType, Ty, opcode};
use crate::bulk;
use crate::numeric::Test;
use crate::state::{Entry, Func, Place};
use crate::x64::{Alu, Cond, FLOAT_RESULTS, INT_RESULTS, Label, Mem, Reg, Rm, SCRATCH, op};
use mainspring_abi::{ArgAssigner, ArgLocation, ResultPassing, TrapCode};
use mainspring_error::Result;

/// An open block.
pub(crate) struct Frame {
    kind: FrameKind,
    ty: BlockType,
    /// How many operands lie below the block's own.
    height: usize,
    /// How many loops it is in, counting itself.
    loops: u32,
    /// The innermost of these that has a counter, as a position in `TierUp::loops`.
    header: Option<u32>,
    /// The innermost block that catches what is thrown in it.
    catcher: Option<usize>,
    /// Where branches to it go.
    label: Label,
    /// Whether anything goes to what follows the block other than by reaching its end.
    is_target: bool,
    /// The part of a `br_table` that brings operands here, and for which table it is.
    stop: (u32, Label),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Function,
    /// A `block`, or an `else` arm.
    Block,
    /// A `try_table`, or the body of a `try`.
    Try,
    /// A `catch` or `catch_all` of the `try` with this number.
    Catch(usize),
    /// Branches go to the header.
    Loop,
    /// The first arm of an `if`, with where the second is.
    If(Label),
}

/// Bytes of a result area for each result.
pub(crate) const RESULT_SLOT: usize = 16;

impl Frame {
    /// What kind of block it is, and how many operands lie below its own.
    pub(crate) fn place(&self) -> (FrameKind, usize) {
        (self.kind, self.height)
    }

    /// The number of the innermost block that catches what is thrown in it.
    pub(crate) fn catcher(&self) -> Option<usize> {
        self.catcher
    }

    /// Makes it a clause of the `try` with a number, in another or none. It is left by jumps.
    pub(crate) fn becomes_clause(&mut self, number: usize, catcher: Option<usize>) {
        self.kind = FrameKind::Catch(number);
        self.catcher = catcher;
        self.is_target = true;
    }
}

/// Where labels take a single operand.
pub(crate) fn canonical_reg(ty: Ty) -> Reg {
    if ty.is_float() {
        FLOAT_RESULTS[0]
    } else {
        INT_RESULTS[0]
    }
}

impl Func<'_, '_> {
    /// Opens the function's own block.
    pub(crate) fn open_function(&mut self, ty: BlockType) {
        self.open(FrameKind::Function, ty);
    }

    pub(crate) fn open(&mut self, kind: FrameKind, ty: BlockType) {
        let label = self.asm.label();
        let around = self.control.last();
        let (loops, header) = around.map_or((0, None), |frame| (frame.loops, frame.header));
        self.control.push(Frame {
            kind,
            loops: loops + u32::from(kind == FrameKind::Loop),
            header,
            catcher: self.open_try,
            ty,
            height: match kind {
                FrameKind::Function => 0,
                _ => self.stack.len() - ty.params(self.module),
            },
            label,
            is_target: false,
            stop: (u32::MAX, label),
        });
    }

    pub(crate) fn block(&mut self) -> Result<()> {
        let ty = self.body.block_type(self.module)?;
        self.open(FrameKind::Block, ty);
        self.settle(self.stack.len() - ty.params(self.module));
        Ok(())
    }

    pub(crate) fn loop_(&mut self) -> Result<()> {
        let ty = self.body.block_type(self.module)?;
        self.open(FrameKind::Loop, ty);
        let (height, len) = (self.stack.len() - ty.params(self.module), self.stack.len());
        self.settle(height);
        self.put_in_slots(height, len);
        self.forget_locals();
        let label = self.control.last().expect("just opened").label;
        self.asm.bind(label);
        self.count_loop();
        Ok(())
    }

    /// Says of the loop that was just opened where it is in `TierUp::loops`. Returns how many loops are around it, and
    /// the position of the innermost that has one.
    pub(crate) fn loop_is_counted(&mut self, position: u32) -> (u32, Option<u32>) {
        let frame = self.control.last_mut().expect("just opened");
        (frame.loops - 1, frame.header.replace(position))
    }

    pub(crate) fn if_(&mut self) -> Result<()> {
        let test = self.condition();
        let ty = self.body.block_type(self.module)?;
        let (height, len) = (self.stack.len() - ty.params(self.module), self.stack.len());
        self.settle(height);
        self.put_in_slots(height, len);
        let second = self.asm.label();
        self.branch_unless(test, second);
        self.open(FrameKind::If(second), ty);
        Ok(())
    }

    pub(crate) fn else_(&mut self) {
        let depth = self.control.len() - 1;
        if self.reachable {
            self.jump_to(depth);
        }
        let frame = &mut self.control[depth];
        let FrameKind::If(second) = frame.kind else {
            unreachable!("validated: `else` ends the first arm of an `if`");
        };
        frame.kind = FrameKind::Block;
        let (height, ty) = (frame.height, frame.ty);
        self.truncate(height);
        for n in 0..ty.params(self.module) {
            let position = (height + n) as u32;
            let ty = ty.param(self.module, n);
            self.push(Place::Slot(position), ty);
        }
        self.asm.bind(second);
        self.forget_locals();
        self.reachable = true;
    }

    pub(crate) fn end(&mut self) {
        let depth = self.control.len() - 1;
        let ty = self.control[depth].ty;
        if let FrameKind::If(second) = self.control[depth].kind {
            if ty.results(self.module) == 0 && ty.params(self.module) == 0 {
                // Without a second arm and with nothing to hand on, it is where the block ends.
                self.control[depth].kind = FrameKind::Block;
                self.control[depth].is_target = true;
                self.asm.bind(second);
            } else {
                // That arm hands its operands through.
                self.else_();
            }
        }
        if self.reachable && self.control[depth].is_target {
            self.carry(depth);
        }
        let frame = self
            .control
            .pop()
            .expect("validated: `end` closes an open block");
        match frame.kind {
            FrameKind::Function => self.end_function(&frame),
            FrameKind::Loop => {}
            FrameKind::Try => {
                self.end_try_table();
                if frame.is_target {
                    self.come_together(&frame);
                }
            }
            _ if frame.is_target => self.come_together(&frame),
            _ => {}
        }
        if !self.reachable {
            self.truncate(frame.height);
        }
    }

    /// What follows a block that was left in several places.
    fn come_together(&mut self, frame: &Frame) {
        self.asm.bind(frame.label);
        self.forget_locals();
        self.truncate(frame.height);
        self.reachable = true;
        let count = frame.ty.results(self.module);
        for n in 0..count {
            let ty = frame.ty.result(self.module, n);
            if count == 1 {
                let reg = canonical_reg(ty);
                self.regs.dirty.remove(reg);
                if ty.is_narrow() {
                    self.regs.dirty.insert(reg);
                }
                self.push_reg(reg, ty);
            } else {
                let position = (frame.height + n) as u32;
                self.slot(position);
                self.push(Place::Slot(position), ty);
            }
        }
    }

    fn end_function(&mut self, frame: &Frame) {
        if self.reachable && !frame.is_target {
            self.return_values();
        }
        if self.reachable || frame.is_target {
            self.asm.bind(frame.label);
            self.epilogue();
        }
        self.reachable = false;
    }

    /// The position of the frame that a branch names.
    pub(crate) fn depth(&self, relative_depth: u32) -> usize {
        self.control.len() - 1 - relative_depth as usize
    }

    /// How many operands a branch to a frame takes, and how many lie below.
    fn arity(&self, depth: usize) -> (usize, usize) {
        let frame = &self.control[depth];
        let arity = match frame.kind {
            FrameKind::Loop => frame.ty.params(self.module),
            _ => frame.ty.results(self.module),
        };
        (arity, frame.height)
    }

    /// Brings the uppermost operands to where a frame's label takes them. The state stays as it is,
    /// and so do flags.
    fn carry(&mut self, depth: usize) {
        if self.control[depth].kind == FrameKind::Function {
            return self.return_values();
        }
        let (arity, height) = self.arity(depth);
        let first = self.stack.len() - arity;
        if arity == 1 && self.control[depth].kind != FrameKind::Loop {
            let top = self.stack[first];
            self.load_value(canonical_reg(top.ty), top);
            return;
        }
        if bulk::is_many(arity) {
            self.put_in_slots(first, first + arity);
            if first != height {
                self.copy_slots(first, height, arity);
            }
            return;
        }
        // From the bottom up, a slot is only written to when what was there has been moved.
        for n in 0..arity {
            let slot = self.slot((height + n) as u32);
            self.store_value(slot, self.stack[first + n]);
        }
    }

    /// Brings the uppermost operands to where the function's caller takes its results.
    fn return_values(&mut self) {
        let results = &self
            .module
            .func_type(self.module.func_of(self.input.index))
            .results;
        let first = self.stack.len() - results.len();
        if self.layout.result_passing == ResultPassing::Memory {
            let home = Mem::at(Reg::RBP, self.layout.area_home);
            if bulk::is_many(results.len()) {
                self.put_in_slots(first, first + results.len());
                self.asm.load(true, SCRATCH, home);
                return self.copy_to_results(first, results.len());
            }
            self.asm.load(true, SCRATCH, home);
            for n in 0..results.len() {
                let to = Mem::at(SCRATCH, (n * RESULT_SLOT) as i32);
                self.store_value(to, self.stack[first + n]);
            }
            return;
        }
        let mut assign = ArgAssigner::for_results();
        for (n, &ty) in results.iter().enumerate() {
            let to = match assign.result(ty) {
                ArgLocation::Int(n) => INT_RESULTS[n as usize],
                ArgLocation::Float(n) => FLOAT_RESULTS[n as usize],
                ArgLocation::Stack(_) => unreachable!("results are in registers or in memory"),
            };
            let entry = self.stack[first + n];
            self.move_later(to, entry);
        }
        self.do_moves();
    }

    /// Before code that depends on where it goes: brings operands to their slots if a branch to a frame takes many.
    fn prepare_many(&mut self, depth: usize) {
        let (arity, _) = self.arity(depth);
        if bulk::is_many(arity) {
            let len = self.stack.len();
            self.put_in_slots(len - arity, len);
        }
    }

    /// Whether a branch to a frame has to move operands.
    fn carries(&self, depth: usize) -> bool {
        let (arity, height) = self.arity(depth);
        if arity == 0 {
            return false;
        }
        let frame = &self.control[depth];
        let top = self.stack[self.stack.len() - 1];
        let in_place = match frame.kind {
            FrameKind::Loop if !bulk::is_many(arity) => {
                arity == 1 && top.place == Place::Slot(height as u32)
            }
            FrameKind::Function if self.layout.result_passing == ResultPassing::Memory => false,
            _ if bulk::is_many(arity) => self.stack.len() - arity == height,
            _ => arity == 1 && top.place == Place::Reg(canonical_reg(top.ty)),
        };
        !in_place
    }

    pub(crate) fn target(&mut self, depth: usize) -> Label {
        let frame = &mut self.control[depth];
        if frame.kind != FrameKind::Loop {
            frame.is_target = true;
        }
        frame.label
    }

    /// Goes to a frame's label with the uppermost operands.
    pub(crate) fn jump_to(&mut self, depth: usize) {
        self.carry(depth);
        let label = self.target(depth);
        self.asm.jmp(label);
    }

    pub(crate) fn br(&mut self) {
        let depth = self.body.u32();
        let depth = self.depth(depth);
        self.jump_to(depth);
        self.reachable = false;
    }

    pub(crate) fn br_if(&mut self) {
        let test = self.condition();
        let depth = self.body.u32();
        self.branch_to(test, depth);
    }

    /// Goes to a label with the uppermost operands if flags say so.
    pub(crate) fn branch_to(&mut self, test: Test, relative_depth: u32) {
        let depth = self.depth(relative_depth);
        self.prepare_many(depth);
        if !self.carries(depth) {
            let label = self.target(depth);
            return self.branch_if(test, label);
        }
        let next = self.asm.label();
        self.branch_unless(test, next);
        // What the moves do to registers only holds on the way there.
        let dirty = self.regs.dirty;
        self.jump_to(depth);
        self.regs.dirty = dirty;
        self.asm.bind(next);
    }

    pub(crate) fn br_on_null(&mut self) {
        self.test_null();
        let depth = self.body.u32();
        // The branch goes without the reference, which comes back behind it.
        let reference = self
            .stack
            .pop()
            .expect("validated: the operand is on the stack");
        self.settled = self.settled.min(self.stack.len());
        self.branch_to(Test::One(Cond::Equal), depth);
        self.stack.push(reference);
    }

    pub(crate) fn br_on_non_null(&mut self) {
        self.test_null();
        let depth = self.body.u32();
        self.branch_to(Test::One(Cond::NotEqual), depth);
        self.drop_operand();
    }

    pub(crate) fn return_(&mut self) {
        if self.body.peek() == opcode::END && self.control.len() == 1 {
            // The end of the function comes next, and does the same.
            return;
        }
        self.jump_to(0);
        self.reachable = false;
    }

    pub(crate) fn br_table(&mut self) -> Result<()> {
        let index = self.pop();
        let count = self.body.u32();
        let table = self.at;
        let mut labels = std::mem::take(self.labels);
        let mut stops = Vec::new();
        for _ in 0..=count {
            let depth = self.body.u32();
            labels.push(self.table_target(depth, table, &mut stops));
        }
        if let Some(&depth) = stops.first() {
            // All take as many.
            self.prepare_many(depth);
        }
        let index_reg = self.owned(index);
        // An index past the end becomes that of the default, without a branch to be mispredicted.
        self.asm.mov_imm(SCRATCH, u64::from(count));
        self.asm.alu(Alu::Cmp, false, index_reg, Rm::Reg(SCRATCH));
        self.asm
            .cmov(Cond::AboveEqual, false, index_reg, Rm::Reg(SCRATCH));
        let jump_table = self.asm.jump_table(labels.iter().copied());
        self.asm.lea(true, SCRATCH, jump_table);
        let entry = Mem::indexed(SCRATCH, index_reg, 2, 0);
        self.asm.rmem(op::MOVSXD, true, index_reg, entry);
        self.asm.alu(Alu::Add, true, index_reg, Rm::Reg(SCRATCH));
        self.asm.jmp_reg(index_reg);
        labels.clear();
        *self.labels = labels;
        stops.sort_unstable();
        for depth in stops {
            let (_, stop) = self.control[depth].stop;
            self.asm.bind(stop);
            self.check_size()?;
            let dirty = self.regs.dirty;
            self.jump_to(depth);
            self.regs.dirty = dirty;
        }
        self.reachable = false;
        Ok(())
    }

    /// Where an entry of a `br_table` goes: to the label, or to code that brings operands there. That is
    /// made once for each label, and is yet to be made for the frames in `stops`.
    fn table_target(&mut self, relative_depth: u32, table: u32, stops: &mut Vec<usize>) -> Label {
        let depth = self.depth(relative_depth);
        if self.arity(depth).0 == 0 {
            return self.target(depth);
        }
        if self.control[depth].stop.0 != table {
            let stop = self.asm.label();
            self.control[depth].stop = (table, stop);
            stops.push(depth);
        }
        self.control[depth].stop.1
    }

    pub(crate) fn unreachable(&mut self) {
        self.may_trap(TrapCode::UnreachableCodeReached);
        self.asm.ud2();
        self.reachable = false;
    }

    pub(crate) fn branch_if(&mut self, test: Test, to: Label) {
        match test {
            Test::One(cond) => self.asm.jcc(cond, to),
            Test::Either(a, b) => {
                self.asm.jcc(a, to);
                self.asm.jcc(b, to);
            }
            Test::Both(a, b) => {
                let next = self.asm.label();
                self.asm.jcc(a.inverted(), next);
                self.asm.jcc(b, to);
                self.asm.bind(next);
            }
        }
    }

    pub(crate) fn branch_unless(&mut self, test: Test, to: Label) {
        self.branch_if(test.inverted(), to);
    }

    /// Reads past code that can't be reached, to what begins or ends a part of the block at hand.
    pub(crate) fn skip(&mut self) {
        let mut blocks = 0_u32;
        loop {
            let code = self.body.peek();
            match code {
                opcode::ELSE | opcode::END | opcode::DELEGATE if blocks == 0 => return,
                opcode::CATCH | opcode::CATCH_ALL if blocks == 0 => return,
                opcode::END | opcode::DELEGATE => blocks -= 1,
                opcode::BLOCK | opcode::LOOP | opcode::IF | opcode::TRY_TABLE | opcode::TRY => {
                    blocks += 1
                }
                _ => {}
            }
            self.body.advance(1);
            self.body.skip_immediates(code);
        }
    }

    /// The uppermost operand, which stays.
    pub(crate) fn top(&self) -> Entry {
        *self
            .stack
            .last()
            .expect("validated: the operand is on the stack")
    }
}
