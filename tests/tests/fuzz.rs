//! The bodies of `fuzz/` for some seconds each, from fixed seeds, and all cases that they ever found.
//! `MAINSPRING_FUZZ_SECONDS` says how long.

use mainspring_fuzz::random::Random;
use mainspring_fuzz::{BODIES, input, regression};
use std::path::Path;
use std::time::{Duration, Instant};

fn fuzz(name: &str, seed: u64) {
    let seconds = std::env::var("MAINSPRING_FUZZ_SECONDS").ok();
    let seconds = seconds.and_then(|n| n.parse().ok()).unwrap_or(3);
    let body = BODIES.iter().find(|body| body.name == name);
    let body = body.expect("a body has that name");
    let mut random = Random::new(seed);
    let (mut useful, mut inputs) = (0, 0);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(seconds) {
        let data = input(&mut random);
        // What panics below is this input of this seed.
        inputs += 1;
        eprintln!("{name}, seed {seed}, input {inputs}");
        useful += u64::from((body.run)(&data));
    }
    println!("{name}: {inputs} inputs, {useful} of them useful");
    assert!(useful > 0, "no input was good for anything");
}

#[test]
fn tiers_agree() {
    fuzz("tiers", 1);
}

#[test]
fn tiers_agree_on_programs() {
    fuzz("programs", 4);
}

#[test]
fn any_bytes_are_refused_or_run_alike() {
    fuzz("decode", 2);
}

#[test]
fn images_are_the_same_or_refused() {
    fuzz("images", 3);
}

#[test]
fn found_cases_stay_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/regressions");
    let mut cases = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus lies beside the fuzzer") {
        let path = entry.expect("the corpus can be listed").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            continue;
        }
        eprintln!("{}", path.display());
        let wasm = wat::parse_file(&path).unwrap_or_else(|error| panic!("{error}"));
        regression(&wasm);
        cases += 1;
    }
    println!("{cases} found cases");
    assert!(cases > 0, "the corpus is empty");
}
