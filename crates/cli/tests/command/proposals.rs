//! What is said of proposals that are off, or not there, and how to have them.

use crate::place::Place;

/// The switch that an error names makes the module run.
#[test]
fn errors_name_the_switch_of_the_command() {
    let cases = [
        ("shared-memory", "(module (memory 1 1 shared))"),
        ("custom-page-sizes", "(module (memory 1 (pagesize 1)))"),
        (
            "custom-page-sizes,wide-arithmetic",
            "(module (memory 1 (pagesize 1))
                (func (i64.mul_wide_u (i64.const 1) (i64.const 2)) drop drop))",
        ),
        ("legacy-exceptions", "(module (func try catch_all end))"),
        (
            "compact-imports",
            r#"(module
                (import "wasi_snapshot_preview1"
                    (item "sched_yield") (item "sched_yield") (func (result i32))))"#,
        ),
    ];
    let place = Place::new(&[]);
    for (switch, module) in cases {
        place.write("m.wat", module);
        let ran = place.run(&["m.wat"]);
        let hint = format!("; `-W {switch}` allows it\n");
        ran.fails(1, &[&hint, "switched off"]);
        assert!(!ran.stderr.contains("Config"), "{ran:?}");
        place.run(&["run", "-W", switch, "m.wat"]).prints("");
    }
    place.write("m.wat", "(module (memory 1) (memory 1))");
    let off = ["compile", "-W", "multi-memory=n", "m.wat"];
    place.run(&off).fails(1, &["`-W multi-memory` allows it"]);
}

#[test]
fn what_the_engine_does_not_have_is_not_supported() {
    let place = Place::new(&[
        ("cont.wat", "(module (type $f (func)) (type $c (cont $f)))"),
        (
            "discard.wat",
            "(module (memory 1) (func (memory.discard (i32.const 0) (i32.const 0))))",
        ),
    ]);
    for (file, name) in [
        ("cont.wat", "stack-switching"),
        ("discard.wat", "memory-control"),
    ] {
        let ran = place.run(&[file]);
        ran.fails(1, &[name, "not supported", "at offset 0x"]);
        for word in ["disabled", "enabled", "switched off", "-W"] {
            assert!(!ran.stderr.contains(word), "{word}: {ran:?}");
        }
    }
}

#[test]
fn compact_imports_are_inspected() {
    let place = Place::new(&[(
        "compact.wat",
        r#"(module (import "m" (item "a" (func)) (item "b" (global i32)))
            (import "n" (item "c") (item "d") (memory 1)))"#,
    )]);
    let ran = place.run(&["inspect", "--json", "compact.wat"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    for text in ["\"compact-imports\"", "\"a\"", "\"b\"", "\"c\"", "\"d\""] {
        assert!(ran.stdout.contains(text), "no {text} in {ran:?}");
    }
}
