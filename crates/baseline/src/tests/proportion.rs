//! Bodies that are all of one thing: what is done for them, and what is made of them, is in proportion to their size.

use super::compile;
use crate::{Baseline, work};
use mainspring_abi::{CallMode, CompileSettings, Entry, FunctionInput, TooLarge, VMOffsets};
use mainspring_wasm::DefinedFuncIndex;

/// What a compilation took and made.
#[derive(Debug)]
struct Cost {
    steps: u64,
    code: usize,
    roots: usize,
    /// Described for loops.
    operands: usize,
}

fn cost(wat: &str) -> Cost {
    let settings = CompileSettings::default();
    let baseline = Baseline::new(&settings).expect("the host is supported");
    work::taken();
    let functions = compile(&baseline, wat, &settings, CallMode::Direct, true);
    let function = &functions[functions.len() - 1];
    let tier_up = function.tier_up.as_ref().expect("it counts");
    Cost {
        steps: work::taken(),
        code: function.code.len(),
        roots: function.roots.len(),
        operands: tier_up
            .loops
            .iter()
            .map(|header| header.operands.len())
            .sum(),
    }
}

/// A body of parts, each as often as said.
fn body(locals: &str, parts: &[(&str, usize)]) -> String {
    let parts = parts
        .iter()
        .map(|(part, count)| format!("{part} ").repeat(*count));
    let code: String = parts.collect();
    let many = "i32 ".repeat(100);
    format!(
        "(module (type $s (struct (field (mut eqref)) (field i32))) (memory 1) (tag $t (param i32))
            (func $none) (func $many (result {many}) unreachable) (func {locals} {code}))"
    )
}

/// A part for each number below a count.
fn each(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(|n| part(n) + " ").collect()
}

/// Branches with many values to where they are, or lower.
fn branches(n: usize, below: &str) -> String {
    let values = "local.get 0 ".repeat(100);
    let block = format!("block (result {}) {below}", "i32 ".repeat(100));
    let parts = [
        (&*block, 1),
        (&values, 1),
        ("(br_if 0 (local.get 1))", n),
        ("br 0 end", 1),
    ];
    body("(local i32 i32)", &[&parts[..], &[("drop", 100)]].concat())
}

/// A table that goes to a hundred labels.
fn wide_table(entries: usize) -> String {
    format!(
        "(br_table {} (local.get 1))",
        each(entries, |n| (n % 100).to_string())
    )
}

fn shapes(n: usize) -> Vec<(&'static str, String)> {
    let ints = "(local i32 i32)";
    let many = format!("(local {})", "i32 ".repeat(n));
    let get = each(n, |i| format!("local.get {i}"));
    let set = each(n, |i| format!("(local.set {i} (i32.const 1))"));
    let landing = "block try_table (catch_all 0) call $none end end";
    let drops = ("drop", n);
    let shift = "(i32.shl (local.get 0) (local.get 1))";
    let divide = "(i32.div_s (local.get 0) (i32.load (local.get 1)))";
    let grow = "(drop (memory.grow (i32.const 0)))";
    let object = "(struct.new $s (ref.null eq) (i32.const 1))";
    let detached = "(local.get 0) (local.set 0 (local.get 1))";
    let table = "(br_table 0 0 (local.get 0)) end";
    let references = "(param externref externref)";
    vec![
        ("branches in place", branches(n, "")),
        ("branches with values below", branches(n, "local.get 0")),
        ("tables with many values", {
            let values = "local.get 0 ".repeat(100);
            let block = format!("block (result {}) local.get 0", "i32 ".repeat(100));
            body(
                ints,
                &[
                    (&block, 100),
                    (&values, 1),
                    (&wide_table(n), 1),
                    ("end", 1),
                    ("br 0 end", 99),
                    ("drop", 100),
                ],
            )
        }),
        ("many results", {
            let drops = "drop ".repeat(100);
            body(ints, &[(&format!("call $many {drops}"), n)])
        }),
        ("shifts", body(ints, &[(shift, n), drops])),
        ("divisions", body(ints, &[(divide, n), drops])),
        (
            "references",
            body("", &[("ref.null extern", n), ("call $none", n), drops]),
        ),
        (
            "references in slots",
            body(references, &[(detached, n), ("call $none", n), drops]),
        ),
        (
            "references in calls",
            body(references, &[(&format!("{detached} call $none"), n), drops]),
        ),
        ("objects", body("", &[(object, n), drops])),
        (
            "objects and one register",
            body(
                references,
                &[
                    ("local.get 0", n),
                    ("(local.set 0 (local.get 1))", 1),
                    ("(drop (struct.new_default $s))", n),
                    drops,
                ],
            ),
        ),
        (
            "references in locals",
            body(
                &format!("(local {})", "eqref ".repeat(n)),
                &[
                    (&each(n, |i| format!("(drop (local.get {i}))")), 1),
                    ("call $none", n),
                ],
            ),
        ),
        ("grows", body("", &[("i32.const 5", n), (grow, n), drops])),
        (
            "detached",
            body(
                &many,
                &[(&get, 1), ("i32.const 5", n), (&set, 1), drops, drops],
            ),
        ),
        (
            "settled",
            body(
                ints,
                &[
                    ("local.get 0", n),
                    ("(local.set 0 (i32.const 1))", 1),
                    ("block", n),
                    ("end", n),
                    drops,
                ],
            ),
        ),
        (
            "loops after values",
            body(ints, &[("local.get 0", n), ("loop end", n), drops]),
        ),
        (
            "loops in loops",
            body(ints, &[("local.get 0 loop", n), ("end drop", n)]),
        ),
        (
            "loops and locals",
            body(&many, &[(&set, 1), ("loop end", n)]),
        ),
        ("tables in blocks", body(ints, &[("block", n), (table, n)])),
        (
            "landings and locals",
            body(&many, &[(&set, 1), (landing, n)]),
        ),
    ]
}

#[test]
fn cost_grows_with_the_body() {
    const COUNT: usize = 2000;
    for ((name, once), (_, twice)) in shapes(COUNT).iter().zip(shapes(2 * COUNT)) {
        let (once, twice) = (cost(once), cost(&twice));
        let grows = |once: u64, twice: u64| twice <= 2 * once + once / 10 + 200;
        let costs = [
            (once.steps, twice.steps),
            (once.code as u64, twice.code as u64),
            (once.roots as u64, twice.roots as u64),
        ];
        for (once_is, twice_is) in costs {
            assert!(grows(once_is, twice_is), "{name}: {once:?}, then {twice:?}");
        }
        assert!(twice.operands <= 1 << 16, "{name}: {twice:?}");
        assert!(once.steps < 210 * COUNT as u64, "{name}: {once:?}");
    }
}

/// What would be out of proportion is refused while it is made, in a way that callers can tell.
#[test]
fn what_is_too_large_is_refused_early() {
    let (many, values) = ("i32 ".repeat(1000), "i32.const 0 ".repeat(1000));
    let references = "externref ".repeat(1000);
    for (ty, calls, what) in [
        // Each call moves a thousand values.
        (
            format!("(param {many}) (result {many})"),
            "call 0 ",
            "its machine code",
        ),
        // Each leaves a thousand.
        (format!("(result {many})"), "call 0 ", "operands at once"),
        // Each leaves a thousand references, which are described for the next.
        (
            format!("(result {references})"),
            "block call 0 call 0 br 0 end ",
            "its machine code",
        ),
    ] {
        let calls = calls.repeat(20_000);
        let wat = format!("(module (func {ty} unreachable) (func {values} {calls} unreachable))");
        let (module, bytes) = super::decode(&wat);
        let settings = CompileSettings::default();
        let input = FunctionInput {
            module: &module,
            offsets: &VMOffsets::new(&module),
            index: DefinedFuncIndex(1),
            body: module.slice(&bytes, &module.bodies[1]),
            bodies: &bytes,
            settings: &settings,
            calls: CallMode::Direct,
            inlining: false,
            tier_up: false,
            entry: Entry::Start,
            max_frame: FunctionInput::ANY_FRAME,
            exact_locations: false,
            profile: None,
        };
        let error = Baseline::oldest()
            .compile(&input)
            .expect_err("it is too much");
        let cause = error.downcast_ref::<TooLarge>().expect("that is the cause");
        assert!(cause.to_string().contains(what), "{cause}");
    }
}
