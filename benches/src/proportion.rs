//! Whether the time that compiling takes is in proportion to a body's size, of bodies that are all of one thing.
//!
//! ```text
//! cargo run --release -p mainspring-benches --bin proportion -- [SHAPE...]
//! ```
//!
//! Each shape is compiled by both tiers with N and 2 N of what it repeats. Decoding and validation are not counted.

use mainspring_abi::{
    CallMode, CompileSettings, CompiledFunction, Entry, FunctionInput, VMOffsets,
};
use mainspring_baseline::Baseline;
use mainspring_optimizer::Optimizer;
use mainspring_wasm::{DefinedFuncIndex, decode};
use std::time::Instant;

/// A module whose last function repeats something.
struct Shape {
    name: &'static str,
    /// How often what is repeated is in the smaller body.
    count: usize,
    make: fn(usize) -> String,
}

const fn shape(name: &'static str, count: usize, make: fn(usize) -> String) -> Shape {
    Shape { name, count, make }
}

const ROUNDS: usize = 3;

/// What the modules have besides the function.
const AROUND: &str = "
    (type $s (struct (field (mut eqref)) (field i32)))
    (type $a (array (mut i32)))
    (type $many (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
        (result i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (tag $t (param i32))
    (memory 1) (table 10 funcref) (global $g (mut i32) (i32.const 0))
    (func $none) (func $one (param i32) (result i32) local.get 0)
    (func $sixteen (type $many) unreachable)";

fn body(locals: &str, parts: &[(&str, usize)]) -> String {
    let parts = parts
        .iter()
        .map(|(part, count)| format!("{part} ").repeat(*count));
    let code: String = parts.collect();
    format!("(module {AROUND} (func {locals} {code}))")
}

/// A part for each number below a count.
fn each(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(|n| part(n) + " ").collect()
}

/// A branch table with so many entries that go to labels in turn.
fn table(entries: usize, labels: usize) -> String {
    let entries = each(entries, |n| (n % labels).to_string());
    format!("(br_table {entries} (local.get 0))")
}

static SHAPES: &[Shape] = &[
    shape("shifts", 50_000, |n| {
        let shift = "(i32.shl (local.get 0) (local.get 1))";
        body("(local i32 i32)", &[(shift, n), ("drop", n)])
    }),
    shape("divisions", 50_000, |n| {
        let divide = "(i32.div_s (local.get 0) (local.get 1))";
        body(
            "(local i32 i32)",
            &[("(local.set 1 (i32.const 1))", 1), (divide, n), ("drop", n)],
        )
    }),
    shape("references", 50_000, |n| {
        body(
            "",
            &[("ref.null extern", n), ("call $none", n), ("drop", n)],
        )
    }),
    shape("live references", 10_000, |n| {
        let locals = "(param externref) (local externref)";
        let settled = "(local.get 0) (local.set 0 (local.get 1))";
        body(locals, &[(settled, n), ("call $none", n), ("drop", n)])
    }),
    shape("allocations", 10_000, |n| {
        body(
            "",
            &[
                ("(struct.new $s (ref.null eq) (i32.const 1))", n),
                ("drop", n),
            ],
        )
    }),
    shape("grows", 20_000, |n| {
        let grow = "(drop (memory.grow (i32.const 0)))";
        body(
            "(local i32 i32)",
            &[("i32.const 5", n), (grow, n), ("drop", n)],
        )
    }),
    shape("detach", 20_000, |n| {
        let get = each(n, |i| format!("local.get {i}"));
        let set = each(n, |i| format!("(local.set {i} (i32.const 1))"));
        let locals = format!("(local {})", "i32 ".repeat(n));
        body(
            &locals,
            &[(&get, 1), ("i32.const 5", n), (&set, 1), ("drop", 2 * n)],
        )
    }),
    shape("locals", 20_000, |n| {
        let set = each(n, |i| {
            format!("(local.set {i} (i32.add (local.get {i}) (i32.const 1)))")
        });
        body(&format!("(local {})", "i32 ".repeat(n)), &[(&set, 1)])
    }),
    shape("calls", 20_000, |n| {
        body(
            "(param i32)",
            &[("(call $one (local.get 0))", n), ("drop", n)],
        )
    }),
    shape("wide calls", 2_000, |n| {
        let first = each(16, |i| format!("(i32.const {i})"));
        body("", &[(&first, 1), ("call $sixteen", n), ("drop", 16)])
    }),
    shape("blocks", 10_000, |n| {
        body("(param i32)", &[("local.get 0 block", n), ("end drop", n)])
    }),
    shape("loops", 5_000, |n| {
        body("(param i32)", &[("local.get 0 loop", n), ("end drop", n)])
    }),
    shape("loops after values", 5_000, |n| {
        body(
            "(param i32)",
            &[("local.get 0", n), ("loop end", n), ("drop", n)],
        )
    }),
    shape("ifs", 10_000, |n| {
        body("(param i32)", &[("local.get 0 if", n), ("else nop end", n)])
    }),
    shape("branches out", 20_000, |n| {
        body(
            "(param i32)",
            &[("block", 1), ("(br_if 0 (local.get 0))", n), ("end", 1)],
        )
    }),
    shape("branches with values", 5_000, |n| {
        let locals = "(param i32)";
        let block = format!("(block (result {}) ", "i32 ".repeat(100));
        let values = "local.get 0 ".repeat(100);
        let branches = "(br_if 0 (local.get 0)) ".repeat(n);
        let drops = "drop ".repeat(100);
        body(
            locals,
            &[(&format!("{block} {values} {branches}) {drops}"), 1)],
        )
    }),
    shape("table of one label", 50_000, |n| {
        body(
            "(param i32)",
            &[("block", 1), (&table(n, 1), 1), ("end", 1)],
        )
    }),
    shape("table of two labels", 50_000, |n| {
        body(
            "(param i32)",
            &[("block block", 1), (&table(n, 2), 1), ("end end", 1)],
        )
    }),
    shape("tables of one label", 4, |n| {
        let tables = format!("block {} end", table(20_000, 2));
        body("(param i32)", &[("block", 1), (&tables, n), ("end", 1)])
    }),
    shape("tables in blocks", 5_000, |n| {
        body(
            "(param i32)",
            &[("block", n), ("(br_table 0 0 (local.get 0)) end", n)],
        )
    }),
    shape("table of labels", 2_000, |n| {
        body(
            "(param i32)",
            &[("block", n), (&table(n, n), 1), ("end", n)],
        )
    }),
    shape("landings", 10_000, |n| {
        let catch = "block try_table (catch_all 0) call $none end end";
        body("(param i32)", &[(catch, n)])
    }),
    shape("landings in landings", 1_000, |n| {
        let catch = "block try_table (catch_all 0) call $none";
        body("(param i32)", &[(catch, n), ("end end", n)])
    }),
    shape("landings and locals", 1_000, |n| {
        let gets = each(n, |i| format!("(local.set {i} (i32.const 1))"));
        let catch = "block try_table (catch_all 0) call $none end end";
        let locals = format!("(local {})", "i32 ".repeat(n));
        let adds = each(n, |i| format!("(drop (local.get {i}))"));
        body(&locals, &[(&gets, 1), (catch, n), (&adds, 1)])
    }),
    shape("throws", 5_000, |n| {
        body(
            "(param i32)",
            &[("(if (local.get 0) (then (throw $t (local.get 0))))", n)],
        )
    }),
    shape("selects", 20_000, |n| {
        let code = format!(
            "local.get 0 {} drop",
            "local.get 1 local.get 0 select ".repeat(n)
        );
        body("(param i32 i32)", &[(&code, 1)])
    }),
    shape("vectors", 20_000, |n| {
        let code = "(i32x4.add (local.get 0) (local.get 0))";
        body("(param v128)", &[(code, n), ("drop", n)])
    }),
    shape("vector constants", 10_000, |n| {
        let code = each(n, |i| format!("(v128.const i32x4 {i} 1 2 3)"));
        body("", &[(&code, 1), ("drop", n)])
    }),
    shape("float constants", 20_000, |n| {
        let code = each(n, |i| format!("(f64.add (f64.const {i}.5) (local.get 0))"));
        body("(param f64)", &[(&code, 1), ("drop", n)])
    }),
    shape("loads", 20_000, |n| {
        body(
            "(param i32)",
            &[("(i32.load (local.get 0))", n), ("drop", n)],
        )
    }),
    shape("stores", 20_000, |n| {
        body(
            "(param i32)",
            &[("(i32.store (local.get 0) (local.get 0))", n)],
        )
    }),
    shape("globals", 20_000, |n| {
        body("", &[("global.get $g", n), ("global.set $g", n)])
    }),
    shape("indirect calls", 10_000, |n| {
        body("", &[("(call_indirect (i32.const 1))", n)])
    }),
    shape("memory fills under values", 10_000, |n| {
        let fill = "(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))";
        body(
            "(param i32)",
            &[
                ("(i32.add (local.get 0) (i32.const 1))", n),
                (fill, n),
                ("drop", n),
            ],
        )
    }),
    shape("fields", 10_000, |n| {
        body(
            "(param (ref null $s))",
            &[("(struct.get $s 0 (local.get 0))", n), ("drop", n)],
        )
    }),
    shape("arrays", 5_000, |n| {
        let array = "(array.new_default $a (i32.const 3))";
        body("", &[(array, n), ("drop", n)])
    }),
    shape("short arrays", 5_000, |n| {
        let array = "(array.new_fixed $a 2 (i32.const 3) (i32.const 4))";
        body("", &[(array, n), ("drop", n)])
    }),
    shape("null branches", 40_000, |n| {
        body(
            "(param eqref)",
            &[("block", n), ("(drop (br_on_null 0 (local.get 0))) end", n)],
        )
    }),
    shape("cast branches", 5_000, |n| {
        let cast = "(block (result anyref) (br_on_cast 0 anyref (ref $s) (local.get 0)))";
        body("(param anyref)", &[(cast, n), ("drop", n)])
    }),
    shape("pinned and loops", 2_000, |n| {
        let add = each(12, |i| {
            format!("(local.set {i} (i32.add (local.get {i}) (i32.const 1)))")
        });
        let locals = format!("(local {})", "i32 ".repeat(12));
        body(
            &locals,
            &[(
                &format!("(loop {add} (br_if 0 (local.get 0)) call $none)"),
                n,
            )],
        )
    }),
    shape("many parameters", 500, |n| {
        let params = format!("(param {})", "i32 ".repeat(n));
        body(
            &params,
            &[(&each(n, |i| format!("(drop (local.get {i}))")), 1)],
        )
    }),
    shape("values in handlers", 8_000, |n| {
        let catch = "block (result i32) try_table (catch $t 0) call $none end i32.const 1 end";
        body("", &[(catch, n), ("drop", n)])
    }),
    shape("nested handlers and throws", 1_000, |n| {
        let catch = "block try_table (catch_all 0)";
        body("", &[(catch, n), ("(throw $t (i32.const 1)) end end", n)])
    }),
    shape("shuffles", 10_000, |n| {
        let lanes = each(16, |i| (31 - i).to_string());
        let code = format!("(i8x16.shuffle {lanes} (local.get 0) (local.get 1))");
        body("(param v128 v128)", &[(&code, n), ("drop", n)])
    }),
    shape("rotations of locals", 20_000, |n| {
        let turn = "local.get 0 local.get 1 local.set 0 local.set 1";
        body("(param i32 i32)", &[(turn, n)])
    }),
    shape("one register, many calls", 10_000, |n| {
        let parts = [("local.get 0", n), ("(local.set 0 (i32.const 1))", 1)];
        let calls = [("(drop (call $one (local.get 0)))", n), ("drop", n)];
        body("(param i32)", &[&parts[..], &calls[..]].concat())
    }),
    shape("comparisons", 20_000, |n| {
        body(
            "(param i32 i32)",
            &[("(i32.lt_s (local.get 0) (local.get 1))", n), ("drop", n)],
        )
    }),
    shape("float rounding", 20_000, |n| {
        body(
            "(param f64)",
            &[("(f64.floor (local.get 0))", n), ("drop", n)],
        )
    }),
    shape("unreachable code", 50_000, |n| {
        body(
            "(param i32)",
            &[
                ("unreachable", 1),
                ("(drop (i32.add (local.get 0) (i32.const 1)))", n),
            ],
        )
    }),
    shape("returns", 20_000, |n| {
        body("(param i32)", &[("(if (local.get 0) (then return))", n)])
    }),
    shape("fields of a wide struct", 2_000, |n| {
        let fields = "(field i32) ".repeat(n);
        let gets = each(n, |i| format!("(drop (struct.get $w {i} (local.get 0)))"));
        format!("(module (type $w (struct {fields})) (func (param (ref null $w)) {gets}))")
    }),
    shape("catches of a wide tag", 400, |n| {
        let params = "i32 ".repeat(n);
        let catch = format!(
            "(block (result {params}) (try_table (catch $t 0) (call 0)) unreachable) {}",
            "drop ".repeat(n)
        );
        format!(
            "(module (tag $t (param {params})) (func) (func {}))",
            catch.repeat(20)
        )
    }),
    shape("casts", 10_000, |n| {
        body(
            "(param anyref)",
            &[("(ref.test (ref $s) (local.get 0))", n), ("drop", n)],
        )
    }),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    println!(
        "shape                       N  baseline s     2 N  ratio  optimizing s     2 N  ratio"
    );
    let chosen = |shape: &&Shape| wanted.is_empty() || wanted.iter().any(|name| name == shape.name);
    for shape in SHAPES.iter().filter(chosen) {
        if let Err(error) = run(shape) {
            eprintln!("{}: {error:#}", shape.name);
            std::process::exit(1);
        }
    }
}

fn run(shape: &Shape) -> anyhow::Result<()> {
    let settings = CompileSettings::default();
    let (baseline, optimizer) = (Baseline::new(&settings)?, Optimizer::new(&settings)?);
    let (mut with_baseline, mut with_optimizer) = (Vec::new(), Vec::new());
    for count in [shape.count, 2 * shape.count] {
        let bytes = wat::parse_str((shape.make)(count))?;
        with_baseline.push(fastest(&bytes, &settings, |input| {
            Ok(baseline.compile(input)?)
        })?);
        with_optimizer.push(fastest(&bytes, &settings, |input| {
            Ok(optimizer.compile(input)?)
        })?);
    }
    let columns = |times: &[Option<f64>]| match times {
        [Some(once), Some(twice)] => format!("{once:10.4} {twice:8.4} {:6.2}", twice / once),
        _ => "   refused".to_string(),
    };
    println!(
        "{:20} {:8} {:26} {:26}",
        shape.name,
        shape.count,
        columns(&with_baseline),
        columns(&with_optimizer),
    );
    Ok(())
}

/// The seconds that compiling the last function of a module takes, or nothing if it is refused.
fn fastest(
    bytes: &[u8],
    settings: &CompileSettings,
    compile: impl Fn(&FunctionInput) -> anyhow::Result<CompiledFunction>,
) -> anyhow::Result<Option<f64>> {
    let module = decode(wasmparser::WasmFeatures::default(), bytes)?;
    let offsets = VMOffsets::new(&module);
    let input = FunctionInput {
        module: &module,
        offsets: &offsets,
        index: DefinedFuncIndex::from(module.bodies.len() - 1),
        body: module.slice(bytes, &module.bodies[module.bodies.len() - 1]),
        bodies: &bytes,
        settings,
        calls: CallMode::ThroughTable,
        inlining: false,
        tier_up: true,
        entry: Entry::Start,
        max_frame: FunctionInput::ANY_FRAME,
        exact_locations: false,
        profile: None,
    };
    let mut fastest = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let refused = compile(&input).is_err();
        fastest = fastest.min(start.elapsed().as_secs_f64());
        if refused {
            return Ok(None);
        }
        if fastest > 1.0 {
            break;
        }
    }
    Ok(Some(fastest))
}
