//! How fast the baseline tier compiles: every function of a module, on one thread.
//!
//! ```text
//! cargo run --release -p mainspring-benches --bin baseline -- cc1plus.wasm
//! ```
//!
//! Decoding and validation are not counted. Megabytes are of function bodies.

use mainspring_abi::{CallMode, CompileSettings, Entry, FunctionInput, VMOffsets};
use mainspring_baseline::Baseline;
use mainspring_wasm::{DefinedFuncIndex, decode};
use std::time::Instant;

const ROUNDS: usize = 3;

fn main() {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: baseline MODULE.wasm...");
        std::process::exit(2);
    }
    if let Err(error) = files.iter().try_for_each(|file| run(file)) {
        eprintln!("{error:#}");
        std::process::exit(1);
    }
}

fn run(file: &str) -> anyhow::Result<()> {
    let bytes = std::fs::read(file)?;
    let features = wasmparser::WasmFeatures::default();
    let module = decode(features, &bytes)?;
    let offsets = VMOffsets::new(&module);
    let settings = CompileSettings::default();
    let baseline = Baseline::new(&settings)?;
    let body_bytes: usize = module.bodies.iter().map(|body| body.len()).sum();
    for _ in 0..ROUNDS {
        let (mut code_bytes, mut refused) = (0, 0);
        let start = Instant::now();
        for i in 0..module.bodies.len() {
            let compiled = baseline.compile(&FunctionInput {
                module: &module,
                offsets: &offsets,
                index: DefinedFuncIndex::from(i),
                body: module.slice(&bytes, &module.bodies[i]),
                bodies: &bytes,
                settings: &settings,
                calls: CallMode::ThroughTable,
                inlining: false,
                tier_up: false,
                entry: Entry::Start,
                max_frame: FunctionInput::ANY_FRAME,
                exact_locations: false,
                profile: None,
            });
            match compiled {
                Ok(compiled) => code_bytes += compiled.code.len(),
                Err(_) => refused += 1,
            }
        }
        let taken = start.elapsed().as_secs_f64();
        println!(
            "{file}: {:.1} MB/s; {} functions ({refused} refused), {body_bytes} bytes to {code_bytes} of code in {taken:.3} s",
            body_bytes as f64 / 1e6 / taken,
            module.bodies.len(),
        );
    }
    Ok(())
}
