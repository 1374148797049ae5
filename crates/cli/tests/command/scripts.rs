//! `mainspring wast`.

use crate::place::Place;

#[test]
fn what_cannot_be_judged_is_named_and_does_not_pass() {
    let place = Place::new(&[(
        "cont.wast",
        r#"(module)
(assert_invalid (module (type $f (func)) (type (cont $f)) (type (cont 7))) "unknown type")"#,
    )]);
    let ran = place.run(&["wast", "cont.wast"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    for text in [
        "not judged: cont.wast:2:2: assert_invalid: ",
        "cont.wast: 1 of 2 directives passed",
    ] {
        assert!(ran.stdout.contains(text), "no \"{text}\" in {ran:?}");
    }
}

#[test]
fn another_reason_is_a_failure() {
    let place = Place::new(&[(
        "reasons.wast",
        r#"(assert_malformed (module quote "(func (i32.const 1)") "totally wrong text")
(assert_invalid (module (func (result i32))) "totally wrong text")
(assert_invalid (module (func (result i32))) "type mis")"#,
    )]);
    let ran = place.run(&["wast", "reasons.wast"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    for text in [
        "reasons.wast:1:2: ",
        "reasons.wast:2:2: ",
        "1 of 3 directives",
    ] {
        assert!(ran.stdout.contains(text), "no \"{text}\" in {ran:?}");
    }
}

#[test]
fn a_summary_over_all_scripts_of_a_folder() {
    let place = Place::new(&[]);
    std::fs::create_dir_all(place.path().join("all/below")).expect("a folder");
    place.write("all/b.wast", "(module) (assert_return (invoke \"f\"))");
    place.write("all/a.wast", "(module)");
    place.write(
        "all/below/c.wast",
        "(module (import \"x\" \"y\" (func))) (invoke \"f\") (invoke \"g\")",
    );
    place.write("all/not.wat", "(module)");
    let ran = place.run(&["wast", "all"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 6, "{ran:?}");
    assert_eq!(lines[0], "all/a.wast: 1 of 1 directives passed");
    assert!(
        lines[1].starts_with("all/b.wast:1:11: assert_return: "),
        "{ran:?}"
    );
    assert!(
        lines[3].starts_with("all/below/c.wast:1:2: module: ")
            && lines[3].ends_with("(2 later directives need this module, and were not run)"),
        "{ran:?}"
    );
    assert_eq!(
        lines[5],
        "3 scripts: 2 of 6 directives passed, 2 failed, 2 not run"
    );
    std::fs::create_dir(place.path().join("none")).expect("a folder");
    place
        .run(&["wast", "none"])
        .fails(1, &["no scripts", "`none`"]);
    place
        .run(&["wast", "missing.wast"])
        .fails(1, &["missing.wast"]);
}

#[test]
fn scripts_make_shared_memories_without_being_allowed_to() {
    let script = r#"(module (memory 1 1 shared) (func (export "f") (result i32)
  (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0))))
(assert_return (invoke "f") (i32.const 2))
(module (memory 1) (func (export "f") (result i32)
  (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0))))
(assert_trap (invoke "f") "atomic wait on non-shared memory")"#;
    let place = Place::new(&[("shared.wast", script)]);
    for args in [&["wast"][..], &["wast", "-W", "threads"]] {
        place
            .run(&[args, &["shared.wast"]].concat())
            .prints("shared.wast: 4 of 4 directives passed\n");
    }
}

#[test]
fn a_script_from_standard_input() {
    let place = Place::new(&[]);
    place
        .run_with_input(&["wast", "-"], b"(module) (module)")
        .prints("<stdin>: 2 of 2 directives passed\n");
}

#[test]
fn a_script_that_takes_too_long_is_a_failure() {
    let place = Place::new(&[
        (
            "long.wast",
            "(module (func (export \"f\") (loop $l (br $l))))\n(invoke \"f\")\n(module)",
        ),
        ("short.wast", "(module)"),
    ]);
    let ran = place.run(&["wast", "--timeout", "300ms", "long.wast", "short.wast"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    for text in [
        "long.wast:2:2: invoke: the script did not end within 300ms",
        "long.wast: 1 of 2 directives passed\n",
        "short.wast: 1 of 1 directives passed\n",
    ] {
        assert!(ran.stdout.contains(text), "no \"{text}\" in {ran:?}");
    }
    place
        .run(&["wast", "--timeout", "x", "short.wast"])
        .fails(2, &["--timeout"]);
}
