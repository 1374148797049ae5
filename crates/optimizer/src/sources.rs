//! Where instructions come from, after the optimizer.
//!
//! [`follow_loads`] keeps trap sites with the instruction they belong to: the code generator folds a load
//! into the arithmetic, comparison or branch that uses its result, and then the trap of the load is at
//! the place of its user. Where that is from is of no interest otherwise (it can't trap itself), and may
//! have been forgotten when it was rewritten; so here the user takes over where the load is from. That
//! matters most if one of them was inlined.
//!
//! [`recover`] finds out where arithmetic is from that the optimizer made anew, for people who look at code.

use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::ir::{
    Block, Function, Inst, InstructionData, Opcode, RelSourceLoc, Type, Value, ValueDef,
    ValueListPool,
};
use std::collections::HashMap;

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

/// Where each value is from. To be asked before a function is optimized, when instructions are still there
/// of which then only the result is left.
pub(crate) fn of_results(function: &Function) -> SecondaryMap<Value, RelSourceLoc> {
    let mut sources = SecondaryMap::new();
    for value in function.dfg.values() {
        let resolved = function.dfg.resolve_aliases(value);
        if let Some(inst) = function.dfg.value_def(resolved).inst() {
            sources[value] = function.srclocs[inst];
        }
    }
    sources
}

/// Gives instructions of which it is not known the source of one whose result is equal, or else of one
/// that uses their result. `made` is what [`of_results`] said before.
pub(crate) fn recover(function: &mut Function, made: &SecondaryMap<Value, RelSourceLoc>) {
    let insts: Vec<Inst> = function
        .layout
        .blocks()
        .flat_map(|block| function.layout.block_insts(block))
        .collect();
    let mut equal = Equal::of(function);
    equal.unite_copies(function, &insts);
    let sources = equal.sources(function, made);
    for &inst in &insts {
        // Constants are everywhere; they are best where they are used.
        let is_constant = function.dfg.inst_values(inst).next().is_none();
        let unknown = function.srclocs[inst].is_default();
        if let (true, false, Some(&value)) = (
            unknown,
            is_constant,
            function.dfg.inst_results(inst).first(),
        ) {
            function.srclocs[inst] = sources[equal.representative(value)];
        }
    }
    for &inst in insts.iter().rev() {
        used_by(function, inst);
    }
}

/// An instruction uses values: where nobody knows where they are from, that is from here.
fn used_by(function: &mut Function, user: Inst) {
    let source = function.srclocs[user];
    let operands: Vec<Value> = function.dfg.inst_values(user).collect();
    for operand in operands {
        let operand = function.dfg.resolve_aliases(operand);
        if let Some(inst) = function.dfg.value_def(operand).inst()
            && function.srclocs[inst].is_default()
        {
            function.srclocs[inst] = source;
        }
    }
}

/// Which values the optimizer found to be equal: a forest, where each value knows one that is nearer to
/// the one that stands for all.
struct Equal(SecondaryMap<Value, Option<Value>>);

impl Equal {
    fn of(function: &Function) -> Equal {
        let mut equal = Equal(SecondaryMap::new());
        for value in function.dfg.values() {
            let resolved = function.dfg.resolve_aliases(value);
            equal.unite(value, resolved);
            if let ValueDef::Union(a, b) = function.dfg.value_def(resolved) {
                equal.unite(resolved, a);
                equal.unite(resolved, b);
            }
        }
        equal
    }

    fn representative(&mut self, value: Value) -> Value {
        let mut at = value;
        while let Some(nearer) = self.0[at] {
            at = nearer;
        }
        if at != value {
            self.0[value] = Some(at);
        }
        at
    }

    fn unite(&mut self, a: Value, b: Value) {
        let (a, b) = (self.representative(a), self.representative(b));
        if a != b {
            self.0[b] = Some(a);
        }
    }

    /// Unites what instructions make that are the same but for where they are: the optimizer puts copies
    /// of cheap ones next to who uses them.
    fn unite_copies(&mut self, function: &Function, placed: &[Inst]) {
        let mut made = HashMap::new();
        for inst in (0..function.dfg.num_insts() as u32).map(Inst::from_u32) {
            if let (false, Some((data, result))) = (
                function.srclocs[inst].is_default(),
                self.computation(function, inst),
            ) {
                let first = *made.entry(data).or_insert(result);
                self.unite(first, result);
            }
        }
        for &inst in placed {
            if let Some((data, result)) = self.computation(function, inst)
                && let Some(&original) = made.get(&data)
            {
                self.unite(original, result);
            }
        }
    }

    /// What an instruction computes of what, and its result; `None` if it does more than that.
    fn computation(
        &mut self,
        function: &Function,
        inst: Inst,
    ) -> Option<((InstructionData, Type), Value)> {
        let mut data = function.dfg.insts[inst];
        let opcode = data.opcode();
        let does_more = opcode.can_load()
            || opcode.can_store()
            || opcode.can_trap()
            || opcode.is_call()
            || opcode.is_branch()
            || opcode.is_return()
            || opcode.other_side_effects();
        let &[result] = function.dfg.inst_results(inst) else {
            return None;
        };
        if does_more {
            return None;
        }
        // Operands of what only computes lie in the instruction.
        for operand in data.arguments_mut(&mut ValueListPool::new()) {
            *operand = self.representative(*operand);
        }
        Some(((data, function.dfg.value_type(result)), result))
    }

    /// Of each value that stands for others, where the first of them that has a source is from.
    fn sources(
        &mut self,
        function: &Function,
        made: &SecondaryMap<Value, RelSourceLoc>,
    ) -> SecondaryMap<Value, RelSourceLoc> {
        let mut sources: SecondaryMap<Value, RelSourceLoc> = SecondaryMap::new();
        let now = of_results(function);
        for value in function.dfg.values() {
            let representative = self.representative(value);
            for source in [made[value], now[value]] {
                if sources[representative].is_default() {
                    sources[representative] = source;
                }
            }
        }
        sources
    }
}
