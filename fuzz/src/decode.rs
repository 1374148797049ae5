//! Bytes that are no module, or no longer the one they were: refused with an error, or run alike by all tiers.

use crate::generate::Case;
use crate::machine::{self, Plan};
use crate::ours::{self, Named, Ours};
use crate::program;
use crate::random::Random;
use mainspring::Module;
use wasmparser::{Operator, Parser, Payload, Validator, WasmFeatures};

/// Mutates the module that is made of the bytes, of any kind or such as compilers emit; without one, takes them for a
/// module. Says whether anything but the header was read.
pub fn run(data: &[u8]) -> bool {
    let case = match data.first() {
        Some(byte) if byte & 1 == 1 => Ok(program::case(data, false)),
        _ => Case::new(data, false),
    };
    let Ok(Case {
        mut wasm,
        mut random,
    }) = case
    else {
        check(data, Random::new(0));
        return data.starts_with(b"\0asm");
    };
    for _ in 0..=random.below(3) {
        mutate(&mut random, &mut wasm);
    }
    check(&wasm, random);
    true
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    // Without its header a module ends at byte 8.
    let start = if random.below(50) == 0 { 0 } else { 8 };
    let at = start + random.below(bytes.len().saturating_sub(start));
    let Some(byte) = bytes.get_mut(at) else {
        return;
    };
    match random.below(7) {
        0 => *byte ^= 1 << random.below(8),
        1 => *byte = random.word() as u8,
        2 => *byte = [0, 1, 0x7f, 0x80, 0xff, 0x0b, 0x40, 0x60][random.below(8)],
        3 => drop(bytes.splice(at..at + 1, [0xff, 0xff, 0xff, 0xff, 0x0f])),
        4 => bytes.truncate(at),
        5 => drop(bytes.drain(at..(at + 16).min(at + 1 + random.below(16)).min(bytes.len()))),
        _ => {
            let from = random.below(bytes.len());
            let piece = bytes[from..(from + random.below(32)).min(bytes.len())].to_vec();
            bytes.splice(at..at, piece);
        }
    }
}

/// Loads any bytes, and runs what surely ends.
///
/// # Panics
/// If engines do not agree.
pub fn check(bytes: &[u8], mut random: Random) {
    let engines = ours::engines();
    let Named { name, engine } = &engines[0];
    let first = match Module::from_binary(engine, bytes) {
        Ok(module) => module,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            for Named { name, engine } in &engines[1..] {
                let module = Module::from_binary(engine, bytes);
                assert!(module.is_err(), "only {name} accepts it");
            }
            return;
        }
    };
    Validator::new_with_features(WasmFeatures::all())
        .validate_all(bytes)
        .unwrap_or_else(|error| panic!("an invalid module is accepted: {error}"));
    if !ends(bytes) {
        // Compiled it can be.
        let _ = first.serialize();
        return;
    }
    let plan = Plan::new(&ours::functions(&first), &mut random, false);
    let seen = machine::run(Ours::new(&first), &plan);
    for other in &engines[1..] {
        let module = Module::from_binary(&other.engine, bytes)
            .unwrap_or_else(|error| panic!("{} refuses it: {error:#}", other.name));
        let theirs = machine::run(Ours::new(&module), &plan);
        machine::compare(&plan, (name, &seen), (other.name, &theirs), false);
    }
}

/// Whether a valid module has neither loops nor calls.
fn ends(bytes: &[u8]) -> bool {
    Parser::new(0).parse_all(bytes).all(|payload| {
        let Ok(Payload::CodeSectionEntry(body)) = payload else {
            return true;
        };
        let mut operators = body.get_operators_reader().expect("the module is valid");
        std::iter::from_fn(|| (!operators.eof()).then(|| operators.read())).all(|operator| {
            !matches!(
                operator.expect("the module is valid"),
                Operator::Loop { .. }
                    | Operator::Call { .. }
                    | Operator::CallIndirect { .. }
                    | Operator::ReturnCall { .. }
                    | Operator::ReturnCallIndirect { .. }
                    | Operator::CallRef { .. }
                    | Operator::ReturnCallRef { .. }
            )
        })
    })
}
