//! Functions under the names of their source, and what is said of modules that are refused.

use crate::place::{Place, Ran};

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

#[test]
fn backtraces_show_the_lines_of_the_source_where_the_environment_asks_for_them() {
    let module = include_bytes!("../../../../tests/tests/lines/dwarf-5.wasm");
    let place = Place::new(&[]);
    place.write("lines.wasm", module);
    let run = |args: &[&str], details: &str| {
        let mut command = place.command(args);
        command.env("WASMTIME_BACKTRACE_DETAILS", details);
        Ran::new(command.output().expect("the command starts"))
    };
    let frames = "
    0: shape::ratio(int, int) in dwarf-5.wasm at offset 0x4b
          at /source/lines.cc:7:16
     - shape::Square::scaled(int) const
          at /source/lines.cc:14:14
    1: scale in dwarf-5.wasm at offset 0x73
          at /source/lines.cc:22:17
";
    // The first run, and one that finds the module in the cache.
    for _ in 0..2 {
        let ran = run(&["run", "--invoke", "scale", "lines.wasm", "0"], "1");
        ran.fails(134, &[frames]);
    }
    let ran = run(&["run", "--invoke", "scale", "lines.wasm", "0"], "0");
    let note = "
    1: scale in dwarf-5.wasm at offset 0x73
note: using the `WASMTIME_BACKTRACE_DETAILS=1` environment variable may show more debugging information
";
    ran.fails(134, &["0: shape::Square::scaled(int) const in", note]);

    run(&["compile", "lines.wasm"], "1").prints("");
    let image = [
        "run",
        "--allow-precompiled",
        "--invoke",
        "scale",
        "lines.cwasm",
        "0",
    ];
    run(&image, "1").fails(134, &[frames]);
}
