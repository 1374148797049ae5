//! Differential fuzzing: modules that must do the same wherever they run.
//!
//! Each body is a function from bytes, which any fuzzer can supply: `cargo fuzz run TARGET --features libfuzzer` is
//! guided by coverage, `cargo run --release -p mainspring-fuzz` needs nothing but this crate, and the suite `fuzz` of
//! `cargo test` runs them for some seconds. A difference is a panic that names it. Found cases lie in
//! `fuzz/corpus/regressions` as text, one file a defect, named by what was wrong.

pub mod decode;
pub mod generate;
pub mod images;
mod machine;
mod objects;
mod operators;
#[cfg(feature = "oracle")]
pub mod oracle;
mod ours;
pub mod program;
pub mod random;
mod references;
pub mod tiers;
mod value;

use random::Random;

/// What inputs are for.
pub struct Body {
    pub name: &'static str,
    /// Panics if anything is wrong. Says whether the input was good for anything.
    pub run: fn(&[u8]) -> bool,
}

/// All bodies, the one first that finds most.
pub const BODIES: &[Body] = &[
    Body {
        name: "tiers",
        run: tiers::run,
    },
    Body {
        name: "programs",
        run: tiers::run_program,
    },
    #[cfg(feature = "oracle")]
    Body {
        name: "oracle",
        run: oracle::run,
    },
    #[cfg(feature = "oracle")]
    Body {
        name: "oracle-programs",
        run: oracle::run_program,
    },
    Body {
        name: "decode",
        run: decode::run,
    },
    Body {
        name: "images",
        run: images::run,
    },
];

/// Bytes for a body.
pub fn input(random: &mut Random) -> Vec<u8> {
    let most = [200, 1_000, 4_000, 16_000][random.below(4)];
    let len = 8 + random.below(most);
    random.bytes(len)
}

/// What was done so far, in words.
pub fn report() -> String {
    let (returned, stopped) = machine::calls();
    format!(
        "{}{returned} calls returned, {stopped} trapped or failed\n",
        ours::report()
    )
}

/// Runs a found case through all bodies that it is good for.
///
/// # Panics
/// If anything is wrong.
pub fn regression(wasm: &[u8]) {
    for seed in 0..8 {
        tiers::check(wasm, Random::new(seed));
        #[cfg(feature = "oracle")]
        if oracle::knows(wasm) {
            oracle::check(wasm, Random::new(seed));
        }
    }
    decode::check(wasm, Random::new(0));
    images::check(wasm, Random::new(0));
}
