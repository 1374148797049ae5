//! Programs with objects and exceptions, on Mainspring, on wasmtime with its copying collector, and on Node.
//!
//! ```text
//! cargo run --release -p mainspring-benches --bin objects [-- PATH-OF-NODE]
//! ```
//!
//! Each round runs every program once on each side, in a fresh store; the table shows medians over the rounds, and the
//! medians of the ratios of each round. What a first run takes, with all that has to be compiled or warmed up, is shown
//! apart. Of the programs with objects, a second table shows what the collector did in a run: how often, the longest that the
//! program stood still for it, and how much memory objects took.

use std::process::Command;
use std::time::Instant;

const ROUNDS: usize = 7;

/// Programs, and what of them to call: each gives a number that all sides agree on.
const PROGRAMS: [(&str, &str, &str); 8] = [
    ("trees", include_str!("../objects/trees.wat"), "run"),
    ("map", include_str!("../objects/map.wat"), "run"),
    ("list", include_str!("../objects/list.wat"), "run"),
    ("arrays", include_str!("../objects/arrays.wat"), "run"),
    (
        "exceptions",
        include_str!("../objects/exceptions.wat"),
        "depth_1",
    ),
    (
        "exceptions",
        include_str!("../objects/exceptions.wat"),
        "depth_20",
    ),
    (
        "exceptions",
        include_str!("../objects/exceptions.wat"),
        "never_throws",
    ),
    (
        "exceptions",
        include_str!("../objects/exceptions.wat"),
        "without_try",
    ),
];

/// What of the list is about objects.
const OBJECTS: usize = 4;

/// The same for both crates: their APIs are the same.
macro_rules! side {
    ($name:ident, $crate_name:ident, $config:expr, $collector:expr) => {
        mod $name {
            use ::$crate_name::*;

            pub struct Side {
                engine: Engine,
                module: Module,
                function: &'static str,
            }

            impl Side {
                pub fn new(program: &str, function: &'static str) -> Result<Side> {
                    let mut config = Config::new();
                    config.wasm_gc(true).wasm_function_references(true);
                    config.wasm_exceptions(true);
                    let configure: fn(&mut Config) = $config;
                    configure(&mut config);
                    let engine = Engine::new(&config)?;
                    let module = Module::new(&engine, program)?;
                    Ok(Side {
                        engine,
                        module,
                        function,
                    })
                }

                /// Seconds, the result, and what the collector did.
                pub fn run(&self) -> Result<(f64, i32, super::Collector)> {
                    let mut store = Store::new(&self.engine, ());
                    let instance = Instance::new(&mut store, &self.module, &[])?;
                    let run = instance.get_typed_func::<(), i32>(&mut store, self.function)?;
                    let start = super::Instant::now();
                    let result = run.call(&mut store, ())?;
                    let seconds = start.elapsed().as_secs_f64();
                    let collector: fn(&Store<()>) -> super::Collector = $collector;
                    Ok((seconds, result, collector(&store)))
                }
            }
        }
    };
}

/// What a collector did in one run.
#[derive(Clone, Copy, Default)]
struct Collector {
    young: u64,
    full: u64,
    /// Seconds.
    longest_pause: f64,
    /// Bytes that objects took at the most.
    peak: usize,
}

side!(ours, mainspring, |_| {}, |store| {
    let statistics = store.gc_statistics();
    super::Collector {
        young: statistics.young_collections,
        full: statistics.full_collections,
        longest_pause: statistics.longest_pause.as_secs_f64(),
        peak: statistics.peak_bytes,
    }
});
side!(
    peers,
    wasmtime,
    |config| {
        config.collector(Collector::Copying);
    },
    // All that it says is what it has reserved for objects, which only ever grows.
    |store| super::Collector {
        peak: store.gc_heap_capacity(),
        ..Default::default()
    }
);

/// Runs a program in a process of its own, `ROUNDS + 1` times. The program is on its standard input, in hexadecimal digits.
const ON_NODE: &str = "
    const fs = require('fs');
    const bytes = Buffer.from(fs.readFileSync(0, 'utf8'), 'hex');
    const module = new WebAssembly.Module(bytes);
    for (let i = 0; i < +process.argv[2]; i++) {
        const { exports } = new WebAssembly.Instance(module);
        const start = process.hrtime.bigint();
        const result = exports[process.argv[1]]();
        console.log(Number(process.hrtime.bigint() - start) / 1e9, result);
    }
";

fn on_node(node: &str, program: &str, function: &str) -> Option<Vec<(f64, i32)>> {
    let bytes = wat::parse_str(program).expect("programs are well-formed");
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut child = Command::new(node)
        .args(["-e", ON_NODE, function, &(ROUNDS + 1).to_string()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().expect("it is a pipe");
    std::io::Write::write_all(&mut stdin, digits.as_bytes()).ok()?;
    drop(stdin);
    let output = child.wait_with_output().ok()?;
    let lines = String::from_utf8(output.stdout).ok()?;
    let line = |line: &str| {
        let (seconds, result) = line.split_once(' ')?;
        Some((seconds.parse().ok()?, result.parse().ok()?))
    };
    let runs: Vec<_> = lines.lines().filter_map(line).collect();
    (runs.len() == ROUNDS + 1).then_some(runs)
}

fn main() {
    let node = std::env::args().nth(1);
    println!(
        "{:26} {:>10} {:>10} {:>10} {:>12} {:>10} {:>12}",
        "seconds", "mainspring", "wasmtime", "node", "of wasmtime", "of node", "first run"
    );
    let mut of_peer = Vec::new();
    let mut of_node = Vec::new();
    let mut collections = Vec::new();
    for (i, (name, program, function)) in PROGRAMS.into_iter().enumerate() {
        let ours = ours::Side::new(program, function).expect("mainspring takes the program");
        let peer = peers::Side::new(program, function).expect("wasmtime takes the program");
        let node = (node.as_deref()).and_then(|node| on_node(node, program, function));
        let mut times = Vec::new();
        let mut pauses = Vec::new();
        let mut collectors = Default::default();
        let mut first = 0.0;
        for round in 0..=ROUNDS {
            let (a, result, collector) = ours.run().expect("the program runs");
            let (b, expected, of_peer) = peer.run().expect("the program runs");
            assert_eq!(result, expected, "{name} {function}");
            let c = node.as_ref().map_or(f64::NAN, |runs| {
                assert_eq!(result, runs[round].1, "{name} {function}");
                runs[round].0
            });
            match round {
                0 => first = a,
                _ => times.push([a, b, c, a / b, a / c]),
            }
            pauses.push([collector.longest_pause]);
            collectors = (collector, of_peer);
        }
        let [a, b, c, peer, node] = std::array::from_fn(|n| median(&times, n));
        let shown = format!("{name} {function}");
        println!(
            "{shown:26} {a:>10.4} {b:>10.4} {c:>10.4} {peer:>12.3} {node:>10.3} {first:>12.4}"
        );
        if i < OBJECTS {
            of_peer.push(peer);
            of_node.push(node);
            collections.push((name, pauses, collectors));
        }
    }
    println!(
        "objects: {:.3} of wasmtime, {:.3} of node (geometric means)",
        geometric_mean(&of_peer),
        geometric_mean(&of_node)
    );
    show_collections(&collections);
}

/// Programs, with the longest pause of each round, and what the collectors of both sides did in the last.
type Collections = [(&'static str, Vec<[f64; 1]>, (Collector, Collector))];

fn show_collections(collections: &Collections) {
    println!();
    println!(
        "{:10} {:>8} {:>8} {:>14} {:>10} {:>16} {:>16}",
        "collector", "young", "full", "pause (ms)", "worst", "peak (bytes)", "wasmtime's"
    );
    for (name, pauses, (ours, peers)) in collections {
        let typical = 1e3 * median(pauses, 0);
        let worst = 1e3
            * pauses
                .iter()
                .fold(0.0_f64, |worst, [pause]| worst.max(*pause));
        println!(
            "{name:10} {:>8} {:>8} {typical:>14.2} {worst:>10.2} {:>16} {:>16}",
            ours.young, ours.full, ours.peak, peers.peak
        );
    }
    println!(
        "(pause: the longest of a run, the median over the runs; worst: the longest of all runs)"
    );
}

fn median<const N: usize>(times: &[[f64; N]], n: usize) -> f64 {
    let mut values: Vec<f64> = times.iter().map(|times| times[n]).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn geometric_mean(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().map(|value| value.ln()).sum();
    (sum / values.len() as f64).exp()
}
