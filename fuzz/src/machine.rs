//! What a case is run on, and what is seen of it from outside.

use crate::generate::{FUEL, FULL};
use crate::random::Random;
use crate::value::{Type, Value};
use mainspring::Trap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Returned(Vec<Value>),
    Trapped(Trap),
    /// There was no room for an object. How many there is room for depends on what code still holds of others.
    Full,
    /// An error that is no trap.
    Failed(String),
}

impl Outcome {
    /// Whether it ended for want of something that is no property of a module.
    fn is_overflow(&self) -> bool {
        matches!(self, Outcome::Trapped(Trap::StackOverflow) | Outcome::Full)
    }

    fn loosely(&self) -> Outcome {
        match self {
            Outcome::Returned(values) => {
                Outcome::Returned(values.iter().map(|value| value.loosely()).collect())
            }
            Outcome::Trapped(trap) => Outcome::Trapped(*trap),
            Outcome::Full => Outcome::Full,
            Outcome::Failed(_) => Outcome::Failed(String::new()),
        }
    }
}

/// The state of an exported entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Global(Value),
    /// Size in pages, checksum of the contents.
    Memory(u64, u64),
    Table(Vec<Value>),
}

impl Item {
    fn loosely(&self) -> Item {
        match self {
            Item::Global(value) => Item::Global(value.loosely()),
            Item::Memory(pages, checksum) => Item::Memory(*pages, *checksum),
            Item::Table(elements) => {
                Item::Table(elements.iter().map(|value| value.loosely()).collect())
            }
        }
    }
}

/// An instance on some engine.
pub trait Machine {
    fn call(&mut self, export: &str, args: &[Value]) -> Outcome;
    /// Lets so many loops and calls begin, if the module counts them.
    fn set_fuel(&mut self, global: &str, fuel: u32);
    /// Of all exported globals, memories and tables, in the order of their names.
    fn state(&mut self) -> Vec<Item>;
    /// What tells one history of calls of the host from another.
    fn trace(&self) -> u64;
}

/// The name and type of an exported function.
pub struct Exported {
    pub name: String,
    pub params: Vec<Type>,
}

/// What is called, in order.
pub struct Plan {
    calls: Vec<Call>,
}

struct Call {
    export: String,
    args: Vec<Value>,
    /// How often before the state is looked at.
    times: usize,
}

/// Calls of all functions are too many for modules with many.
const MOST_FUNCTIONS: usize = 10;
/// More than the entry counter of a function allows in the baseline tier.
const TIMES_UNTIL_HOT: usize = 6_100;

impl Plan {
    /// Each function twice with the same arguments, then with others; with `hot`, also until it would be optimized in
    /// practice.
    pub fn new(functions: &[Exported], random: &mut Random, hot: bool) -> Plan {
        let mut calls = Vec::new();
        let mut args = |function: &Exported| -> Vec<Value> {
            function.params.iter().map(|ty| random.value(*ty)).collect()
        };
        let functions = &functions[..functions.len().min(MOST_FUNCTIONS)];
        for function in functions {
            let call = |args: Vec<Value>, times| Call {
                export: function.name.clone(),
                args,
                times,
            };
            let first = args(function);
            calls.extend([call(first.clone(), 1), call(first.clone(), 1)]);
            for _ in 0..4 {
                calls.push(call(args(function), 1));
            }
            if hot {
                calls.push(call(first, TIMES_UNTIL_HOT));
            }
        }
        for function in functions {
            calls.push(Call {
                export: function.name.clone(),
                args: args(function),
                times: 3,
            });
        }
        Plan { calls }
    }
}

/// What was seen of one call, or of calls that were the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    outcomes: Vec<Outcome>,
    state: Vec<Item>,
    trace: u64,
}

/// What was seen of a case: how instantiation failed, or all steps.
pub type Seen = Result<Vec<Step>, Outcome>;

/// Calls that returned and that did not, of all machines.
static RETURNED: AtomicU64 = AtomicU64::new(0);
static STOPPED: AtomicU64 = AtomicU64::new(0);

/// How many calls returned, how many did not.
pub fn calls() -> (u64, u64) {
    (RETURNED.load(Relaxed), STOPPED.load(Relaxed))
}

/// Does what is planned.
pub fn run<M: Machine>(machine: Result<M, Outcome>, plan: &Plan) -> Seen {
    let mut machine = machine?;
    let mut steps = Vec::new();
    for call in &plan.calls {
        let mut outcomes = Vec::new();
        for _ in 0..call.times {
            machine.set_fuel(FUEL, FULL);
            let outcome = machine.call(&call.export, &call.args);
            let count = match outcome {
                Outcome::Returned(_) => &RETURNED,
                Outcome::Trapped(_) | Outcome::Full | Outcome::Failed(_) => &STOPPED,
            };
            count.fetch_add(1, Relaxed);
            // Of many that are alike one is kept.
            if outcomes.last() != Some(&outcome) {
                outcomes.push(outcome);
            }
        }
        steps.push(Step {
            outcomes,
            state: machine.state(),
            trace: machine.trace(),
        });
    }
    Ok(steps)
}

/// Panics with the first difference. What follows a stack overflow on either side is not compared, or a full heap: how deep a stack
/// may be is no property of a module.
pub fn compare(plan: &Plan, (a, seen_a): (&str, &Seen), (b, seen_b): (&str, &Seen), loosely: bool) {
    let (steps_a, steps_b) = match (seen_a, seen_b) {
        (Ok(steps_a), Ok(steps_b)) => (steps_a, steps_b),
        (Err(outcome), _) | (_, Err(outcome)) if outcome.is_overflow() => return,
        (Err(outcome_a), Err(outcome_b)) => {
            assert!(
                outcome_a == outcome_b || loosely && outcome_a.loosely() == outcome_b.loosely(),
                "instantiation differs:\n{a}: {outcome_a:?}\n{b}: {outcome_b:?}"
            );
            return;
        }
        (a_, b_) => panic!(
            "instantiation differs:\n{a}: {:?}\n{b}: {:?}",
            a_.as_ref().err(),
            b_.as_ref().err()
        ),
    };
    assert_eq!(steps_a.len(), steps_b.len());
    for (i, (step_a, step_b)) in steps_a.iter().zip(steps_b).enumerate() {
        let overflow = |step: &Step| step.outcomes.iter().any(Outcome::is_overflow);
        if overflow(step_a) || overflow(step_b) {
            return;
        }
        if step_a == step_b || loosely && step_a.loosely() == step_b.loosely() {
            continue;
        }
        let call = &plan.calls[i];
        panic!(
            "step {i}, {} times {:?}{:?} differs:\n{}",
            call.times,
            call.export,
            call.args,
            step_a.difference(step_b, a, b)
        );
    }
}

impl Step {
    fn loosely(&self) -> Step {
        Step {
            outcomes: self.outcomes.iter().map(Outcome::loosely).collect(),
            state: self.state.iter().map(Item::loosely).collect(),
            trace: self.trace,
        }
    }

    fn difference(&self, other: &Step, a: &str, b: &str) -> String {
        if self.outcomes != other.outcomes {
            return format!("{a}: {:x?}\n{b}: {:x?}", self.outcomes, other.outcomes);
        }
        let both = self.state.iter().zip(&other.state).enumerate();
        for (i, (x, y)) in both {
            if x != y {
                return format!("exported state {i}\n{a}: {x:x?}\n{b}: {y:x?}");
            }
        }
        format!(
            "calls of the host\n{a}: {:x}\n{b}: {:x}",
            self.trace, other.trace
        )
    }
}
