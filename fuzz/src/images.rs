//! Modules that were serialized are the same; damaged images are refused.

use crate::generate::Case;
use crate::machine;
use crate::ours::{self, Named, Ours};
use crate::random::Random;
use crate::tiers;
use mainspring::Module;

/// Runs the module that is made of the bytes. Says whether there was one.
pub fn run(data: &[u8]) -> bool {
    let Ok(case) = Case::new(data, false) else {
        return false;
    };
    check(&case.wasm, case.random);
    true
}

/// Serializes a module that ends and compares.
///
/// # Panics
/// If the copy differs, or a damaged one is accepted.
pub fn check(wasm: &[u8], mut random: Random) {
    let engines = ours::engines();
    let (plan, seen) = tiers::first(&engines[0], wasm, &mut random, false);
    let first = (engines[0].name, &seen);
    for Named { name, engine } in &engines[..4] {
        let image = engine
            .precompile_module(wasm)
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        // SAFETY: it was made just above, by the same engine.
        let module = unsafe { Module::deserialize(engine, &image) }
            .unwrap_or_else(|error| panic!("{name}: its own image is refused: {error:#}"));
        let copy = machine::run(Ours::new(&module), &plan);
        machine::compare(&plan, first, ("deserialized", &copy), false);
        assert_eq!(
            module.serialize().expect("it is compiled"),
            image,
            "{name}: the image of an image is another"
        );
        damaged(engine, &image, &mut random);
    }
}

fn damaged(engine: &mainspring::Engine, image: &[u8], random: &mut Random) {
    for _ in 0..8 {
        let mut image = image.to_vec();
        let at = random.below(image.len());
        match random.below(3) {
            0 => image.truncate(at),
            1 => image[at] ^= 1 << random.below(8),
            _ => drop(image.splice(at..at, [random.word() as u8])),
        }
        // SAFETY: nothing of it is run, whether or not it is refused.
        let module = unsafe { Module::deserialize(engine, &image) };
        assert!(module.is_err(), "an image damaged at byte {at} is accepted");
    }
}
