//! Keeps trap sites with the instruction they belong to.
//!
//! The code generator folds a load into the arithmetic, comparison or branch that uses its result, and
//! then the trap of the load is at the place of its user. Where that is from is of no interest
//! otherwise (it can't trap itself), and may have been forgotten when it was rewritten; so here the
//! user takes over where the load is from. That matters most if one of them was inlined.

use cranelift_codegen::ir::{Block, Function, Inst, Opcode, Value};

/// Runs on a function that is about to become machine code.
pub(crate) fn follow_loads(function: &mut Function) {
    let mut block = function.layout.entry_block();
    while let Some(this) = block {
        let mut inst = function.layout.first_inst(this);
        while let Some(user) = inst {
            if has_no_trap(function, user) {
                take_over(function, this, user);
            }
            inst = function.layout.next_inst(user);
        }
        block = function.layout.next_block(this);
    }
}

/// Whether where an instruction is from matters to nobody.
fn has_no_trap(function: &Function, inst: Inst) -> bool {
    let opcode = function.dfg.insts[inst].opcode();
    let has = opcode.can_load()
        || opcode.can_store()
        || opcode.can_trap()
        || opcode.is_call()
        || opcode.is_terminator();
    opcode == Opcode::Brif || !has
}

fn take_over(function: &mut Function, block: Block, user: Inst) {
    let from = function
        .dfg
        .inst_args(user)
        .iter()
        .find_map(|&operand| folded_load(function, block, operand));
    if let Some(load) = from {
        let source = function.srclocs[load];
        function.srclocs[user] = source;
    }
}

/// The instruction that makes an operand, if it may be a load that traps in its user's place, or is
/// itself such a user.
fn folded_load(function: &Function, block: Block, operand: Value) -> Option<Inst> {
    let dfg = &function.dfg;
    let inst = dfg.value_def(dfg.resolve_aliases(operand)).inst()?;
    if function.layout.inst_block(inst) != Some(block) {
        return None;
    }
    let data = &dfg.insts[inst];
    let is_load = data.opcode().can_load() && data.memflags_trap_code(dfg).is_some();
    let is_comparison = matches!(data.opcode(), Opcode::Icmp | Opcode::Fcmp);
    (is_load || is_comparison).then_some(inst)
}
