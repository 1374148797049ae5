//! The same module on all tiers, with all kinds of memory accesses, and changing tiers all the time.

use crate::generate::Case;
use crate::machine::{self, Plan, Seen};
use crate::ours::{self, Named, Ours};
use crate::program;
use crate::random::Random;
use mainspring::Module;

/// Runs the module that is made of the bytes. Says whether there was one.
pub fn run(data: &[u8]) -> bool {
    let Ok(case) = Case::new(data, false) else {
        return false;
    };
    check(&case.wasm, case.random);
    true
}

/// Runs a module that ends.
///
/// # Panics
/// If engines differ.
pub fn check(wasm: &[u8], mut random: Random) {
    let engines = ours::engines();
    let hot = random.below(16) == 0;
    let (plan, expected) = first(&engines[0], wasm, &mut random, hot);
    let expected = (engines[0].name, &expected);
    // Under stress everything is hot.
    let others: Vec<&Named> = match hot {
        true => engines[2..3].iter().chain(ours::tiered()).collect(),
        false => engines[1..].iter().collect(),
    };
    for Named { name, engine } in others {
        let module = Module::new(engine, wasm).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let seen = machine::run(Ours::new(&module), &plan);
        machine::compare(&plan, expected, (name, &seen), false);
    }
}

/// Plans the calls of a module, and runs them on the first engine.
pub(crate) fn first(on: &Named, wasm: &[u8], random: &mut Random, hot: bool) -> (Plan, Seen) {
    let Named { name, engine } = on;
    let module = Module::new(engine, wasm).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    let plan = Plan::new(&ours::functions(&module), random, hot);
    let seen = machine::run(Ours::new(&module), &plan);
    (plan, seen)
}

/// Runs the program that is made of the bytes.
pub fn run_program(data: &[u8]) -> bool {
    let case = program::case(data, false);
    check(&case.wasm, case.random);
    true
}
