//! Block parameters that are only another name for a value are removed.
//!
//! Inside nested loops, a local that is not assigned in the inner one still becomes a parameter of its
//! header, always given itself or the outer loop's parameter. Cranelift removes such parameters only
//! if what they stand for is not a parameter in turn. Left alone, they take registers and moves in
//! every iteration, and hide from the optimizer what does not vary in a loop.
//!
//! A parameter all of whose arguments are itself or one other value *is* that value. Removing it may
//! make others so. Where control flow is reducible, as wasm's is, no redundant one is left in the end
//! (Braun et al., Simple and Efficient Construction of Static Single Assignment Form, 2013).

use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::ir::{Block, BlockArg, BlockCall, Function, Inst, Value};

/// Removes all redundant parameters of a function's blocks.
pub(crate) fn remove_redundant(function: &mut Function) {
    let mut params = Params::collect(function);
    if params.all.is_empty() {
        return;
    }
    params.solve();
    if params.removed != 0 {
        params.remove(function);
    }
}

/// The parameters of all blocks but the entry, and what they are given.
struct Params {
    all: Vec<Param>,
    /// The position of a value in `all`, or [`NOT_A_PARAM`].
    position: SecondaryMap<Value, u32>,
    removed: usize,
}

struct Param {
    value: Value,
    block: Block,
    args: Vec<Value>,
    /// The parameters that this one is an argument of.
    users: Vec<u32>,
    /// What it is another name for.
    stands_for: Option<Value>,
    /// Whether it is also given what is no value yet, such as the result of the call that branches.
    fixed: bool,
}

const NOT_A_PARAM: u32 = u32::MAX;

impl Params {
    fn collect(function: &Function) -> Params {
        let mut params = Params {
            all: Vec::new(),
            position: SecondaryMap::with_default(NOT_A_PARAM),
            removed: 0,
        };
        for block in function.layout.blocks().skip(1) {
            for &value in function.dfg.block_params(block) {
                params.position[value] = params.all.len() as u32;
                params.all.push(Param {
                    value,
                    block,
                    args: Vec::new(),
                    users: Vec::new(),
                    stands_for: None,
                    fixed: false,
                });
            }
        }
        if params.all.is_empty() {
            return params;
        }
        for block in function.layout.blocks() {
            if let Some(branch) = function.layout.last_inst(block) {
                for target in targets(function, branch) {
                    params.add_edge(function, *target);
                }
            }
        }
        params
    }

    fn add_edge(&mut self, function: &Function, target: BlockCall) {
        let dfg = &function.dfg;
        let block = target.block(&dfg.value_lists);
        let formals = dfg.block_params(block);
        for (&formal, arg) in formals.iter().zip(target.args(&dfg.value_lists)) {
            let param = self.position[formal];
            let BlockArg::Value(arg) = arg else {
                self.all[param as usize].fixed = true;
                continue;
            };
            let arg = dfg.resolve_aliases(arg);
            if arg == formal {
                continue;
            }
            self.all[param as usize].args.push(arg);
            let user = self.position[arg];
            if user != NOT_A_PARAM {
                self.all[user as usize].users.push(param);
            }
        }
    }

    fn solve(&mut self) {
        let mut work: Vec<u32> = (0..self.all.len() as u32).rev().collect();
        while let Some(position) = work.pop() {
            let param = &self.all[position as usize];
            if param.fixed || param.stands_for.is_some() {
                continue;
            }
            let Some(value) = self.only_argument(position) else {
                continue;
            };
            let param = &mut self.all[position as usize];
            param.stands_for = Some(value);
            let users = std::mem::take(&mut param.users);
            work.extend_from_slice(&users);
            // They are now users of what it stands for.
            let to = self.position[value];
            if to != NOT_A_PARAM {
                self.all[to as usize].users.extend_from_slice(&users);
            }
            self.removed += 1;
        }
    }

    /// The one value that a parameter is given, itself apart.
    fn only_argument(&mut self, position: u32) -> Option<Value> {
        let this = self.all[position as usize].value;
        let mut only = None;
        for i in 0..self.all[position as usize].args.len() {
            let arg = self.all[position as usize].args[i];
            let arg = self.representative(arg);
            self.all[position as usize].args[i] = arg;
            if arg == this || only == Some(arg) {
                continue;
            }
            if only.is_some() {
                return None;
            }
            only = Some(arg);
        }
        only
    }

    /// What a value stands for in the end.
    fn representative(&mut self, value: Value) -> Value {
        let mut end = value;
        while let Some(next) = self.stands_for(end) {
            end = next;
        }
        // Shortens the way for the next who asks.
        let mut at = value;
        while let Some(next) = self.stands_for(at) {
            let position = self.position[at] as usize;
            self.all[position].stands_for = Some(end);
            at = next;
        }
        end
    }

    fn stands_for(&self, value: Value) -> Option<Value> {
        let position = self.position[value];
        (position != NOT_A_PARAM)
            .then(|| self.all[position as usize].stands_for)
            .flatten()
    }

    fn remove(&mut self, function: &mut Function) {
        self.remove_arguments(function);
        // From the last to the first: removing one moves those after it.
        for position in (0..self.all.len()).rev() {
            let value = self.all[position].value;
            if self.all[position].stands_for.is_some() {
                let to = self.representative(value);
                function.dfg.remove_block_param(value);
                function.dfg.change_to_alias(value, to);
            }
        }
    }

    fn remove_arguments(&self, function: &mut Function) {
        let mut changed: SecondaryMap<Block, bool> = SecondaryMap::new();
        for param in &self.all {
            changed[param.block] |= param.stands_for.is_some();
        }
        let mut block = function.layout.entry_block();
        while let Some(this) = block {
            block = function.layout.next_block(this);
            let Some(branch) = function.layout.last_inst(this) else {
                continue;
            };
            for i in 0..targets(function, branch).len() {
                let target = targets(function, branch)[i];
                let to = target.block(&function.dfg.value_lists);
                if changed[to] {
                    let kept = self.kept_arguments(function, target);
                    let new = function.dfg.block_call(to, &kept);
                    targets_mut(function, branch)[i] = new;
                }
            }
        }
    }

    fn kept_arguments(&self, function: &Function, target: BlockCall) -> Vec<BlockArg> {
        let dfg = &function.dfg;
        let formals = dfg.block_params(target.block(&dfg.value_lists));
        formals
            .iter()
            .zip(target.args(&dfg.value_lists))
            .filter(|&(&formal, _)| self.stands_for(formal).is_none())
            .map(|(_, arg)| arg)
            .collect()
    }
}

fn targets(function: &Function, branch: Inst) -> &[BlockCall] {
    let dfg = &function.dfg;
    dfg.insts[branch].branch_destination(&dfg.jump_tables, &dfg.exception_tables)
}

fn targets_mut(function: &mut Function, branch: Inst) -> &mut [BlockCall] {
    let dfg = &mut function.dfg;
    dfg.insts[branch].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables)
}
