//! The runner judged by scripts whose outcome is known: above all that what is wrong
//! fails, because a runner that passes everything would look just like a perfect engine.

use mainspring::{Config, Engine, WasmFeatures};
use mainspring_wast::{Report, Superseded, WastRunner};
use std::time::Duration;

fn run(script: &str) -> Report {
    WastRunner::new(&Engine::default())
        .run_str("test.wast", script)
        .expect("the script parses")
}

/// Each directive of the script holds.
#[track_caller]
fn holds(script: &str) {
    let report = run(script);
    let failures: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
    assert!(report.is_success(), "{}", failures.join("\n"));
    assert!(report.passed > 0, "nothing ran");
}

/// The script has one directive that does not hold, and its failure says `expected`.
#[track_caller]
fn fails(script: &str, expected: &str) {
    let report = run(script);
    let failures: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
    assert_eq!(failures.len(), 1, "{failures:#?}");
    assert!(failures[0].contains(expected), "{}", failures[0]);
}

const CONSTANTS: &str = r#"
(module
  (func (export "i32") (result i32) (i32.const 5))
  (func (export "f32") (result f32) (f32.const -0))
  (func (export "nan") (result f32) (f32.const nan:0x600000))
  (func (export "canonical") (result f64) (f64.const -nan))
  (func (export "v128") (result v128) (v128.const f32x4 1 nan 3 4))
  (func (export "null") (result funcref) (ref.null func))
  (func (export "same") (param externref) (result externref) (local.get 0))
  (func (export "two") (result i32 i64) (i32.const 1) (i64.const 2))
  (global (export "g") i32 (i32.const 7)))
"#;

#[test]
fn results_that_match() {
    let directives = r#"
      (assert_return (invoke "i32") (i32.const 5))
      (assert_return (invoke "f32") (f32.const -0))
      (assert_return (invoke "nan") (f32.const nan:arithmetic))
      (assert_return (invoke "canonical") (f64.const nan:canonical))
      (assert_return (invoke "v128") (v128.const f32x4 1 nan:canonical 3 4))
      (assert_return (invoke "null") (ref.null func))
      (assert_return (invoke "null") (ref.null))
      (assert_return (invoke "same" (ref.extern 3)) (ref.extern 3))
      (assert_return (invoke "two") (i32.const 1) (i64.const 2))
      (assert_return (invoke "i32") (either (i32.const 4) (i32.const 5)))
      (assert_return (get "g") (i32.const 7))"#;
    holds(&format!("{CONSTANTS}{directives}"));
}

#[test]
fn results_that_differ() {
    let cases = [
        (
            r#"(assert_return (invoke "i32") (i32.const 6))"#,
            "expected i32 6 (0x6), got i32 5 (0x5)",
        ),
        (
            r#"(assert_return (invoke "i32") (i64.const 5))"#,
            "expected i64 5 (0x5), got i32 5 (0x5)",
        ),
        (
            r#"(assert_return (invoke "f32") (f32.const 0))"#,
            "(0x80000000)",
        ),
        (
            r#"(assert_return (invoke "nan") (f32.const nan:canonical))"#,
            "expected f32 nan:canonical",
        ),
        (
            r#"(assert_return (invoke "v128") (v128.const f32x4 1 2 3 4))"#,
            "got v128 f32x4 1e0",
        ),
        (
            r#"(assert_return (invoke "null") (ref.func))"#,
            "expected a non-null funcref, got a null funcref",
        ),
        (
            r#"(assert_return (invoke "null") (ref.null extern))"#,
            "expected a null externref, got a null funcref",
        ),
        (
            r#"(assert_return (invoke "same" (ref.extern 3)) (ref.extern 4))"#,
            "expected the externref 4",
        ),
        (
            r#"(assert_return (invoke "two") (i32.const 1))"#,
            "expected 1 results, got 2",
        ),
        (
            r#"(assert_return (invoke "two") (i32.const 1) (i64.const 3))"#,
            "as result 1",
        ),
        (
            r#"(assert_return (invoke "i32") (either (i32.const 4) (i32.const 6)))"#,
            "expected either i32 4",
        ),
        (r#"(assert_return (get "g") (i32.const 8))"#, "got i32 7"),
        (r#"(invoke "none")"#, "no export `none`"),
        (r#"(invoke "g")"#, "is not a function"),
        (r#"(invoke $m "i32")"#, "no module instance `$m`"),
    ];
    for (directive, message) in cases {
        fails(&format!("{CONSTANTS}{directive}"), message);
    }
}

#[test]
fn traps_are_told_apart() {
    let module = r#"(module
        (func (export "div") (drop (i32.div_u (i32.const 1) (i32.const 0))))
        (func $down (export "down") (call $down))
        (func (export "fine")))"#;
    holds(&format!(
        r#"{module}(assert_trap (invoke "div") "integer divide by zero")"#
    ));
    holds(&format!(
        r#"{module}(assert_exhaustion (invoke "down") "call stack exhausted")"#
    ));
    holds(r#"(assert_trap (module (func $f unreachable) (start $f)) "unreachable")"#);
    fails(
        &format!(r#"{module}(assert_trap (invoke "div") "integer overflow")"#),
        "expected the trap \"integer overflow\", got: wasm trap: integer divide by zero",
    );
    for part in ["", "integer", "divide by zero", "wasm trap: integer divide"] {
        holds(&format!(r#"{module}(assert_trap (invoke "div") "{part}")"#));
    }
    fails(
        &format!(r#"{module}(assert_exhaustion (invoke "div") "")"#),
        "expected that the stack is used up, got: wasm trap: integer divide by zero",
    );
    fails(
        &format!(r#"{module}(assert_trap (invoke "fine") "unreachable")"#),
        "got the results []",
    );
    fails(
        &format!(r#"{module}(assert_trap (invoke "none") "unreachable")"#),
        "no export `none`",
    );
    fails(
        &format!(r#"{module}(assert_return (invoke "div"))"#),
        "expected no trap",
    );
}

#[test]
fn refusals() {
    holds(r#"(assert_invalid (module (func (result i32))) "type mismatch")"#);
    holds(r#"(assert_malformed (module quote "(func") "unexpected end")"#);
    fails(
        r#"(assert_malformed (module quote "(func") "totally wrong text")"#,
        "because of \"totally wrong text\", but it was because of: expected `)`",
    );
    fails(
        r#"(assert_invalid (module (func (result i32))) "totally wrong text")"#,
        "but it was because of: type mismatch",
    );
    holds(r#"(assert_malformed (module binary "") "unexpected end")"#);
    holds(r#"(assert_unlinkable (module (import "no" "no" (func))) "unknown import")"#);
    holds(
        r#"(module $m (func (export "f")))
        (register "m" $m)
        (assert_unlinkable (module (import "m" "f" (func (param i32)))) "expected type `(func (param i32))`, found type `(func)`")"#,
    );
    fails(
        r#"(assert_invalid (module (func)) "type mismatch")"#,
        "but it was accepted",
    );
    fails(
        r#"(assert_malformed (module quote "(func)") "unexpected end")"#,
        "but it was accepted",
    );
    fails(
        r#"(assert_unlinkable (module) "unknown import")"#,
        "but it was made",
    );
    fails(
        r#"(assert_unlinkable (module (import "no" "no" (func))) "incompatible import type")"#,
        "got: unknown import",
    );
    holds(
        r#"(assert_unlinkable (module (memory 0) (data (i32.const 0) "x")) "data segment does not fit")"#,
    );
    holds(
        r#"(assert_unlinkable (module (table 0 funcref) (elem (i32.const 0) func $f) (func $f))
            "elements segment does not fit")"#,
    );
    fails(
        r#"(assert_unlinkable (module (func $f unreachable) (start $f)) "")"#,
        "got: wasm trap",
    );
}

/// What a component or a proposal that the engine lacks is refused for can't be judged.
#[test]
fn refused_for_what_the_engine_lacks() {
    let scripts = [
        r#"(assert_invalid (component (import "a" (func)) (import "a" (func))) "duplicate")"#,
        r#"(assert_malformed (component quote "x") "unexpected token")"#,
        r#"(assert_invalid (module (type $f (func)) (type (cont $f)) (type (cont 7))) "unknown type")"#,
    ];
    for script in scripts {
        let report = run(script);
        assert!(report.is_success(), "{:?}", report.failures);
        assert_eq!((report.passed, report.directives()), (0, 1), "{script}");
        let message = report.unjudged[0].to_string();
        assert!(message.contains("what the engine lacks"), "{message}");
    }
    fails("(component)", "can't do components");
}

#[test]
fn a_proposal_that_is_off_is_no_refusal() {
    let mut config = Config::new();
    config.wasm_features(WasmFeatures::all(), false);
    config.wasm_features(WasmFeatures::WASM1, true);
    let engine = Engine::new(&config).expect("an engine of the first version");
    let script =
        r#"(assert_invalid (module (func (drop (i32.extend8_s (i64.const 0))))) "type mismatch")"#;
    let report = WastRunner::new(&engine)
        .run_str("test.wast", script)
        .expect("the script parses");
    assert_eq!((report.passed, report.failures.len()), (0, 0));
    let message = report.unjudged[0].to_string();
    assert!(message.contains("what the engine lacks"), "{message}");
}

#[test]
fn modules_by_name() {
    holds(
        r#"
        (module $a (global (export "g") i32 (i32.const 1)))
        (module $b (global (export "g") i32 (i32.const 2)))
        (assert_return (get $a "g") (i32.const 1))
        (assert_return (get "g") (i32.const 2))
        (register "first" $a)
        (module (import "first" "g" (global i32)) (export "again" (global 0)))
        (assert_return (get "again") (i32.const 1))
        (module definition $d (global (export "m") (mut i32) (i32.const 3)))
        (module instance $x $d)
        (module instance $y $d)
        (assert_return (get $y "m") (i32.const 3))
        (module (import "spectest" "global_i32" (global i32)) (export "host" (global 0)))
        (assert_return (get "host") (i32.const 666))"#,
    );
}

/// A failed module must not leave the one before it to be asserted of.
#[test]
fn a_failed_module_is_not_mistaken_for_the_one_before() {
    let report = run(r#"(module (func (export "f")))
        (module (import "no" "no" (func)) (func (export "f")))
        (assert_return (invoke "f"))"#);
    assert_eq!((report.passed, report.failures.len()), (1, 1));
    assert_eq!((report.unrun(), report.directives()), (1, 3));
}

/// What needs a failed module is told with it, through names, registrations and modules that
/// import it; what does not need it is judged.
#[test]
fn what_needs_a_failed_module_is_one_line() {
    let report = run(
        r#"(module $ok (func (export "f") (result i32) (i32.const 1)))
        (module $bad (import "no" "no" (func)) (func (export "f")))
        (assert_return (invoke "f"))
        (assert_return (invoke $bad "f"))
        (assert_trap (invoke $bad "f") "unreachable")
        (assert_exhaustion (invoke $bad "f") "stack")
        (assert_exception (invoke $bad "f"))
        (assert_return (get $bad "g") (i32.const 0))
        (invoke $bad "f")
        (register "bad" $bad)
        (module $user (import "bad" "f" (func)))
        (invoke $user "f")
        (assert_return (invoke $ok "f") (i32.const 1))
        (assert_return (invoke $ok "f") (i32.const 2))
        (module $bad (func (export "f")))
        (register "bad" $bad)
        (module (import "bad" "f" (func)))
        (module (import "bad" "g" (func)))"#,
    );
    let lines: Vec<_> = report.failures.iter().map(|failure| failure.line).collect();
    assert_eq!(lines, [2, 14, 18]);
    assert_eq!(report.failures[0].unrun, 10);
    let message = report.failures[0].to_string();
    assert!(message.contains("unknown import") && message.contains("10 later directives"));
    assert_eq!((report.passed, report.directives()), (5, 18));
}

#[test]
fn a_syntax_error_costs_its_directive() {
    let report = run(
        r#"(module $m (func (export "f") (result i32) (i32.const 1)))
        (assert_retur (invoke "f"))
        (assert_return (invoke "f") (i32.const 1) (; ( ;)) ;; (
        (assert_return (invoke "f") (i32.const "x"))
        (module $n (func (export "f") (result i32) (i32.konst 2)))
        (assert_return (invoke "f") (i32.const 2))
        (assert_return (invoke $n "f") (i32.const 2))
        (assert_return (invoke $m "f") (i32.const 1))
        (thread $t (assert_return (invoke "f")))
        (assert_malformed (module quote "(func") "unexpected end"#,
    );
    let places: Vec<_> = report
        .failures
        .iter()
        .map(|f| (f.line, f.directive, f.unrun))
        .collect();
    let expected = [
        (2, "syntax", 0),
        (4, "syntax", 0),
        (5, "syntax", 2),
        (9, "assert_return", 0),
        (10, "syntax", 0),
    ];
    assert_eq!(places, expected, "{:#?}", report.failures);
    assert_eq!((report.passed, report.directives()), (4, 11));
}

#[test]
fn function_references_are_told_apart() {
    let module = r#"(module
        (import "spectest" "print" (func $print))
        (func $f (export "f")) (func $g (export "g")) (func $h) (elem declare func $f $print)
        (func (export "get f") (result funcref) (ref.func $f))
        (func (export "get print") (result funcref) (ref.func $print))
        (func (export "get none") (result funcref) (ref.null func)))"#;
    for held in [
        r#"(assert_return (invoke "get f") (ref.func 1))"#,
        r#"(assert_return (invoke "get f") (ref.func $f))"#,
        r#"(assert_return (invoke "get f") (ref.func))"#,
        r#"(assert_return (invoke "get print") (ref.func 0))"#,
    ] {
        holds(&format!("{module}{held}"));
    }
    for failed in [
        r#"(assert_return (invoke "get f") (ref.func 2))"#,
        r#"(assert_return (invoke "get f") (ref.func $g))"#,
        r#"(assert_return (invoke "get f") (ref.func 3))"#,
        r#"(assert_return (invoke "get f") (ref.func 77))"#,
        r#"(assert_return (invoke "get f") (ref.func $none))"#,
        r#"(assert_return (invoke "get none") (ref.func 1))"#,
    ] {
        fails(&format!("{module}{failed}"), "expected the function ");
    }
}

#[test]
fn a_script_has_as_long_as_it_is_given() {
    let script = r#"(module (func (export "f") (loop $l (br $l))))
        (assert_return (invoke "f"))
        (assert_return (invoke "f"))"#;
    let limited = |limit| WastRunner::new(&Engine::default()).timeout(limit);
    let report = limited(Duration::from_millis(200)).run_str("test.wast", script);
    let report = report.expect("the script parses");
    assert_eq!((report.passed, report.failures.len()), (1, 1));
    let message = report.failures[0].to_string();
    assert!(message.starts_with("test.wast:2:10: assert_return: the script did not end"));
    let patient = limited(Duration::from_secs(600));
    let report = patient.run_str("test.wast", CONSTANTS);
    assert!(report.is_ok_and(|report| report.passed == 1));
    assert!(patient.run_str("test.wast", "(").is_err());
}

#[test]
fn positions_are_counted_from_one() {
    let report = run("(module)\n  (invoke \"f\")\n");
    assert!(
        report.failures[0]
            .to_string()
            .starts_with("test.wast:2:4: invoke: "),
        "{}",
        report.failures[0]
    );
}

#[test]
fn what_is_no_script_is_an_error_with_its_place() {
    let error = WastRunner::new(&Engine::default()).run_str("test.wast", "(modul)\n(assert_retur)");
    let message = error.expect_err("it is no script").to_string();
    assert!(message.contains("test.wast:1:2"), "{message}");
    let error = WastRunner::new(&Engine::default()).run_file("/no/such.wast");
    assert!(
        error
            .expect_err("there is no file")
            .to_string()
            .contains("/no/such.wast")
    );
}

#[test]
fn superseded_directives_must_fail_as_described() {
    const ROWS: &[Superseded] = &[Superseded {
        file: "test.wast",
        line: 1,
        sentence: "modules may have several memories",
        comes_out: "but it was accepted",
    }];
    let run = |script| {
        let runner = WastRunner::new(&Engine::default()).superseded(ROWS);
        runner
            .run_str("test.wast", script)
            .expect("the script parses")
    };
    let report = run(r#"(assert_invalid (module (memory 1) (memory 1)) "multiple memories")"#);
    assert_eq!(
        (report.passed, report.superseded, report.failures.len()),
        (0, 1, 0)
    );
    let report = run(r#"(assert_invalid (module (func (result i32))) "type mismatch")"#);
    assert!(
        report.failures[0]
            .message
            .contains("is listed as superseded")
    );
    let report = run(r#"(assert_return (invoke "f"))"#);
    assert!(report.failures[0].message.contains("failed otherwise"));
    let report = run("\n(module)");
    assert!(
        report.failures[0]
            .message
            .contains("no directive starts here")
    );
}

fn run_with_threads(script: &str) -> Report {
    let engine = Engine::new(Config::new().shared_memory(true)).expect("an engine with threads");
    WastRunner::new(&engine)
        .run_str("test.wast", script)
        .expect("the script parses")
}

/// One thread waits for what the other one does, so neither could run after the other.
#[test]
fn threads_run_at_once_and_share_memories() {
    let report = run_with_threads(
        r#"
        (module $m (memory (export "shared") 1 1 shared))
        (thread $a (shared (module $m))
          (register "m" $m)
          (module (memory (import "m" "shared") 1 1 shared)
            (func (export "run") (result i32)
              (i32.atomic.store (i32.const 0) (i32.const 1))
              (loop $until (br_if $until (i32.eqz (i32.atomic.load (i32.const 4)))))
              (i32.atomic.load (i32.const 4))))
          (assert_return (invoke "run") (i32.const 2)))
        (thread $b (shared (module $m))
          (register "m" $m)
          (module (memory (import "m" "shared") 1 1 shared)
            (func (export "run")
              (loop $until (br_if $until (i32.eqz (i32.atomic.load (i32.const 0)))))
              (i32.atomic.store (i32.const 4) (i32.const 2))))
          (invoke "run"))
        (wait $a)
        (wait $b)
        (register "m" $m)
        (module (memory (import "m" "shared") 1 1 shared)
          (func (export "both") (result i32)
            (i32.add (i32.atomic.load (i32.const 0)) (i32.atomic.load (i32.const 4)))))
        (assert_return (invoke "both") (i32.const 3))"#,
    );
    let failures: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
    assert!(report.is_success(), "{}", failures.join("\n"));
    assert_eq!(report.passed, 14);
}

#[test]
fn what_fails_in_a_thread_fails() {
    let report = run_with_threads(
        r#"(module $m (func (export "f") (result i32) (i32.const 1)))
        (thread $t (assert_return (invoke $m "f") (i32.const 1)))
        (wait $t)
        (wait $t)"#,
    );
    let failures: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
    assert_eq!(failures.len(), 2, "{failures:#?}");
    assert!(
        failures[0].contains("no module instance `$m`"),
        "{}",
        failures[0]
    );
    assert!(failures[1].contains("no thread `$t`"), "{}", failures[1]);
}
