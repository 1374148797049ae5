//! Loop counters: the test at the end of a loop is made to read what the next iteration starts with.
//!
//! LLVM likes to end loops like this: `next = i + 1; if i != 99 goto loop(next)`. Then `i` and `next`
//! are alive at once, in two registers, and each iteration ends with a move and a jump around it. As
//! addition is exact modulo the width, `next != 100` asks the same, and one register does. Cranelift
//! makes the second into the first where it can, so this comes after its optimizations.

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    Block, BlockArg, DataFlowGraph, Function, Inst, InstBuilder, InstructionData, Opcode, Type,
    Value,
};

/// Rewrites the tests of a function that is about to become machine code.
pub(crate) fn compare_next(function: &mut Function) {
    let mut block = function.layout.entry_block();
    while let Some(this) = block {
        if let Some(test) = loop_test(function, this) {
            rewrite(function, &test);
        }
        block = function.layout.next_block(this);
    }
}

/// A branch on `counter == limit` or `counter != limit`, with `next = counter + step` handed to the
/// block whose parameter the counter is.
struct LoopTest {
    branch: Inst,
    condition: IntCC,
    next: Value,
    ty: Type,
    /// The limit plus the step.
    limit: i64,
}

fn loop_test(function: &Function, block: Block) -> Option<LoopTest> {
    let dfg = &function.dfg;
    let branch = function.layout.last_inst(block)?;
    let InstructionData::Brif { arg, blocks, .. } = dfg.insts[branch] else {
        return None;
    };
    let (condition, counter, limit) = equality(dfg, arg)?;
    let ty = dfg.value_type(counter);
    for target in &blocks {
        let header = target.block(&dfg.value_lists);
        let params = dfg.block_params(header);
        for (&param, argument) in params.iter().zip(target.args(&dfg.value_lists)) {
            let BlockArg::Value(next) = argument else {
                continue;
            };
            if param != counter {
                continue;
            }
            let step = step_from(dfg, next, counter)?;
            return Some(LoopTest {
                branch,
                condition,
                next,
                ty,
                limit: limit.wrapping_add(step),
            });
        }
    }
    None
}

fn rewrite(function: &mut Function, test: &LoopTest) {
    let limit = match test.ty.bits() {
        64 => test.limit,
        bits => test.limit & ((1 << bits) - 1),
    };
    let mut cursor = FuncCursor::new(function).at_inst(test.branch);
    let limit = cursor.ins().iconst(test.ty, limit);
    let truth = cursor.ins().icmp(test.condition, test.next, limit);
    cursor.func.dfg.inst_args_mut(test.branch)[0] = truth;
}

/// A condition as a comparison for equality with a constant.
fn equality(dfg: &DataFlowGraph, condition: Value) -> Option<(IntCC, Value, i64)> {
    let mut condition = dfg.resolve_aliases(condition);
    if let Some((Opcode::Uextend, [truth])) = operation(dfg, condition) {
        condition = truth;
    }
    let Some(inst) = dfg.value_def(condition).inst() else {
        // The counter itself, which must not have become zero.
        return Some((IntCC::NotEqual, condition, 0));
    };
    match dfg.insts[inst] {
        InstructionData::IntCompare {
            cond: cond @ (IntCC::Equal | IntCC::NotEqual),
            args: [a, b],
            ..
        } => {
            let (a, b) = (dfg.resolve_aliases(a), dfg.resolve_aliases(b));
            match (constant(dfg, a), constant(dfg, b)) {
                (None, Some(limit)) => Some((cond, a, limit)),
                (Some(limit), None) => Some((cond, b, limit)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What is added to `counter` to make `next`.
fn step_from(dfg: &DataFlowGraph, next: Value, counter: Value) -> Option<i64> {
    match operation(dfg, dfg.resolve_aliases(next))? {
        (Opcode::Iadd, [a, b]) if a == counter => constant(dfg, b),
        (Opcode::Iadd, [a, b]) if b == counter => constant(dfg, a),
        (Opcode::Isub, [a, b]) if a == counter => Some(constant(dfg, b)?.wrapping_neg()),
        _ => None,
    }
}

/// The operation that makes a value, if it takes so many operands.
fn operation<const N: usize>(dfg: &DataFlowGraph, value: Value) -> Option<(Opcode, [Value; N])> {
    let inst = dfg.value_def(value).inst()?;
    let args: [Value; N] = dfg.inst_args(inst).try_into().ok()?;
    Some((
        dfg.insts[inst].opcode(),
        args.map(|arg| dfg.resolve_aliases(arg)),
    ))
}

fn constant(dfg: &DataFlowGraph, value: Value) -> Option<i64> {
    match dfg.insts[dfg.value_def(value).inst()?] {
        InstructionData::UnaryImm {
            opcode: Opcode::Iconst,
            imm,
        } => Some(imm.bits()),
        _ => None,
    }
}
