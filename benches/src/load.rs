//! How long `Module::new` takes for given modules, on Mainspring and on wasmtime, in one process.
//!
//! ```text
//! cargo run --release -p mainspring-benches --bin load -- cc1plus.wasm python.wasm
//! ```
//!
//! Mainspring decodes and validates; wasmtime compiles too, with its default settings and no
//! cache. Interleaved: every round loads each module once on each side.

use std::time::{Duration, Instant};

const ROUNDS: usize = 3;

fn main() {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: load MODULE.wasm...");
        std::process::exit(2);
    }
    let ours = mainspring::Engine::default();
    let peer = wasmtime::Engine::default();
    println!(
        "{:40} {:>12} {:>12} {:>8}",
        "milliseconds", "mainspring", "wasmtime", "ratio"
    );
    for file in &files {
        let bytes = std::fs::read(file).unwrap_or_else(|error| {
            eprintln!("cannot read {file}: {error}");
            std::process::exit(1);
        });
        for _ in 0..ROUNDS {
            let a = time(|| mainspring::Module::new(&ours, &bytes).map(drop));
            let b = time(|| wasmtime::Module::new(&peer, &bytes).map(drop));
            let ratio = b.as_secs_f64() / a.as_secs_f64();
            println!(
                "{file:40} {:>12.2} {:>12.2} {ratio:>7.1}x",
                millis(a),
                millis(b)
            );
        }
    }
}

fn time<E: std::fmt::Display>(load: impl FnOnce() -> Result<(), E>) -> Duration {
    let start = Instant::now();
    if let Err(error) = load() {
        eprintln!("the module was refused: {error}");
        std::process::exit(1);
    }
    start.elapsed()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
