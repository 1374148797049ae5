//! Functions under the names of their source, and what is said of modules that are refused.

use crate::place::Place;

#[test]
fn backtraces_and_tables_show_the_names_of_the_source() {
    let text = r#"(module $m
  (func $_ZN4core9panicking5panic17h0123456789abcdefE unreachable)
  (func $_ZN3foo3barEi (param i32) (call $_ZN4core9panicking5panic17h0123456789abcdefE))
  (func $plain (export "_start") (call $_ZN3foo3barEi (i32.const 1))))"#;
    let place = Place::new(&[("m.wat", text)]);
    let ran = place.run(&["m.wat"]);
    let frames = [
        "0: core::panicking::panic in m at",
        "1: foo::bar(int) in m at",
        "2: plain in m at",
    ];
    ran.fails(134, &frames);
    let table = place.run(&["inspect", "m.wat"]).stdout;
    assert!(
        table.contains("foo::bar(int)") && !table.contains("_ZN"),
        "{table}"
    );
    // Other programs look for the names that are in the module, and `explore` takes those.
    let json = place.run(&["inspect", "--json", "m.wat"]).stdout;
    assert!(json.contains("\"_ZN3foo3barEi\""), "{json}");
    let list = place.run(&["explore", "--list", "m.wat"]).stdout;
    assert!(list.contains("$_ZN3foo3barEi, `foo::bar(int)`\n"), "{list}");
}

#[test]
fn a_refused_module_is_named_once_with_the_function_at_fault() {
    let text = r#"(module (func $good) (func $_ZN3foo3barEi (param i32) (drop)))"#;
    let place = Place::new(&[
        ("m.wat", text),
        ("tail.wat", "(module (func $f (return_call $f)))"),
    ]);
    place.write("m.wasm", wat::parse_str(text).expect("the text parses"));
    for file in ["m.wat", "m.wasm"] {
        let expected = format!(
            "error: `{file}` is not a valid module: in function 1 `foo::bar(int)`: \
             type mismatch: expected a type but nothing on stack (at offset 0x"
        );
        for command in [&["run"][..], &["inspect"], &["explore", "--func", "0"]] {
            let ran = place.run(&[command, &[file]].concat());
            ran.fails(1, &[&expected]);
        }
        let ran = place.run(&["compile", file]);
        ran.fails(1, &["in function 1 `foo::bar(int)`: type mismatch"]);
    }
    place.run(&["-W", "tail-call=n", "tail.wat"]).fails(
        1,
        &["is not a valid module: the module needs the tail-call proposal, which is switched off: in function 0 `f`: "],
    );
}

#[test]
fn inspect_refuses_what_is_not_valid_and_describes_what_is_not_supported() {
    let twice = r#"(module (func) (export "a" (func 0)) (export "a" (func 0)))"#;
    let stack_switching = "(type $f (func)) (type (cont $f))";
    let place = Place::new(&[
        ("twice.wat", twice),
        (
            "cont.wat",
            &format!("(module {stack_switching} (tag (type $f)))"),
        ),
        (
            "both.wat",
            &format!("(module {stack_switching} {}", &twice["(module".len()..]),
        ),
        (
            "imports.wat",
            "(module (memory 1 1 shared) (func (export \"\\1b[2J\")) (func (export \"\\1b[2J\")))",
        ),
    ]);
    let duplicate = "is not a valid module: duplicate export name `a` already defined";
    place.run(&["inspect", "twice.wat"]).fails(1, &[duplicate]);
    place.run(&["inspect", "both.wat"]).fails(1, &[duplicate]);
    let ran = place.run(&["inspect", "cont.wat"]);
    assert!(
        ran.status == Some(0) && ran.stdout.contains("stack-switching"),
        "{ran:?}"
    );
    // What is not valid can't command the terminal either.
    place
        .run(&["inspect", "imports.wat"])
        .fails(1, &["`\\u{1b}[2J`"]);
}
