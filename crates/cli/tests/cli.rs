//! The built `mainspring` command as a shell sees it: what it prints where, and its exit
//! status. Each test works in a directory of its own, on small programs written as text.

mod place;

use place::{Place, Ran};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Prints `hello` and a newline.
const HELLO: &str = r#"(module $hello
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\06\00\00\00")
  (data (i32.const 16) "hello\n")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

/// Ends itself with status 42.
const EXIT: &str = r#"(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const 42))))"#;

const TRAP: &str = r#"(module $trapper
  (func $innermost (unreachable))
  (func $middle (call $innermost))
  (func (export "_start") (call $middle)))"#;

/// Copies standard input to standard output.
const CAT: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (loop $again
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 4096))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
      (if (i32.load (i32.const 4))
        (then
          (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
          (br $again))))))"#;

/// Writes `y` lines for ever, whatever becomes of them.
const YES: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\02\00\00\00")
  (data (i32.const 16) "y\n")
  (func (export "_start")
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br $again))))"#;

/// Prints what WASI hands over in two calls: `(names, sizes)` of args or environment.
fn strings(get: &str, sizes: &str) -> String {
    format!(
        r#"(module
  (import "wasi_snapshot_preview1" "{sizes}" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "{get}" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $get (i32.const 1024) (i32.const 4096)))
    (i32.store (i32.const 0) (i32.const 4096))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#
    )
}

/// Opens `file` in the first preopened directory, for reading and, where `create` is set, as a
/// new file; ends itself with the errno.
fn open(file: &str, create: bool) -> String {
    let (oflags, rights) = if create { (1, 64) } else { (0, 2) };
    format!(
        r#"(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "{file}")
  (func (export "_start")
    (call $exit (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const {length})
      (i32.const {oflags}) (i64.const {rights}) (i64.const 0) (i32.const 0) (i32.const 0)))))"#,
        length = file.len(),
    )
}

const LIBRARY: &str = r#"(module
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "pair") (param f64) (result f64 i64) (local.get 0) (i64.const -1))
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1))))"#;

/// A reactor: `get` gives 7 only when `_initialize` ran before, once.
const REACTOR: &str = r#"(module
  (global $g (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $g (i32.add (global.get $g) (i32.const 7))))
  (func (export "get") (result i32) (global.get $g)))"#;

#[test]
fn hello_with_and_without_naming_the_command() {
    let place = Place::new(&[("hello.wat", HELLO)]);
    place.write(
        "hello.wasm",
        wat::parse_str(HELLO).expect("the text parses"),
    );
    place.run(&["run", "hello.wat"]).prints("hello\n");
    place.run(&["hello.wat"]).prints("hello\n");
    place.run(&["hello.wasm"]).prints("hello\n");
    place.run(&["--dir", ".", "hello.wasm"]).prints("hello\n");
}

#[test]
fn a_module_from_standard_input() {
    let place = Place::new(&[]);
    place
        .run_with_input(&["-"], HELLO.as_bytes())
        .prints("hello\n");
    let binary = wat::parse_str(HELLO).expect("the text parses");
    place
        .run_with_input(&["run", "-"], &binary)
        .prints("hello\n");
    place
        .run_with_input(&["run", "-"], b"")
        .fails(1, &["standard input", "empty"]);
}

#[test]
fn a_program_ends_itself_with_its_status() {
    let place = Place::new(&[("exit.wat", EXIT), ("zero.wat", &EXIT.replace("42", "0"))]);
    let ran = place.run(&["exit.wat"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(42), ""));
    place.run(&["zero.wat"]).prints("");
}

#[test]
fn a_trap_is_134_and_names_the_functions() {
    let place = Place::new(&[("trap.wat", TRAP)]);
    let ran = place.run(&["trap.wat"]);
    ran.fails(
        134,
        &["unreachable", "innermost", "middle", "trapper", "offset 0x"],
    );
    let order = ran.stderr.find("innermost") < ran.stderr.find("middle");
    assert!(order, "{ran:?}");
}

#[test]
fn runaway_recursion_is_a_trap() {
    let place = Place::new(&[(
        "down.wat",
        "(module (func $down (export \"_start\") (call $down)))",
    )]);
    place
        .run(&["down.wat"])
        .fails(134, &["call stack exhausted", "down"]);
}

#[test]
fn arguments_reach_the_program() {
    let place = Place::new(&[("args.wat", &strings("args_get", "args_sizes_get"))]);
    place.run(&["args.wat"]).prints("args.wat\0");
    place
        .run(&["args.wat", "a", "b c", ""])
        .prints("args.wat\0a\0b c\0\0");
    place
        .run(&["run", "args.wat", "--", "-x", "--"])
        .prints("args.wat\0-x\0--\0");
    // What looks like an option of ours belongs to the program once it was named.
    place
        .run(&["run", "args.wat", "--env", "A=1", "-h"])
        .prints("args.wat\0--env\0A=1\0-h\0");
    // A program has the name of its file, wherever that lies, or what it is told.
    let path = place.path().join("args.wat");
    place
        .run(&[path.to_str().expect("UTF-8"), "a"])
        .prints("args.wat\0a\0");
    place
        .run(&["run", "--argv0", "bin/sh", "args.wat", "a"])
        .prints("bin/sh\0a\0");
}

#[test]
fn a_program_may_return_something_and_take_nothing() {
    let results =
        r#"(module (func (export "_start") (result i32 f64) i32.const 42 f64.const 0.5))"#;
    let params = r#"(module (func (export "_start") (param i32)))"#;
    let place = Place::new(&[("results.wat", results), ("params.wat", params)]);
    place.run(&["results.wat"]).prints("42\n0.5\n");
    place
        .run(&["params.wat", "1"])
        .fails(1, &["params.wat", "`_start`", "takes arguments"]);
}

#[test]
fn programs_of_before_preview_1_run() {
    let unstable = HELLO.replace("wasi_snapshot_preview1", "wasi_unstable");
    let place = Place::new(&[("hello.wat", &unstable)]);
    place.run(&["hello.wat"]).prints("hello\n");
}

#[test]
fn variables_reach_the_program_when_named() {
    let place = Place::new(&[("env.wat", &strings("environ_get", "environ_sizes_get"))]);
    place.run(&["env.wat"]).prints("");
    place
        .run(&["--env", "A=1", "--env", "B=x=y", "--env", "C=", "env.wat"])
        .prints("A=1\0B=x=y\0C=\0");
    let mut command = place.command(&["--env", "INHERITED", "env.wat"]);
    Ran::new(
        command
            .env("INHERITED", "yes")
            .output()
            .expect("the command starts"),
    )
    .prints("INHERITED=yes\0");
    place
        .run(&["--env", "NOT_SET_ANYWHERE", "env.wat"])
        .fails(1, &["NOT_SET_ANYWHERE", "=VALUE"]);
    place
        .run(&["--env", "=x", "env.wat"])
        .fails(1, &["name is missing"]);
}

#[test]
fn directories_reach_the_program_when_named() {
    const BADF: Option<i32> = Some(8);
    let place = Place::new(&[
        ("read.wat", &open("data", false)),
        ("create.wat", &open("new", true)),
        ("data", "x"),
    ]);
    assert_eq!(place.run(&["read.wat"]).status, BADF);
    assert_eq!(place.run(&["--dir", ".", "read.wat"]).status, Some(0));
    assert_eq!(
        place.run(&["--dir", ".::/elsewhere", "read.wat"]).status,
        Some(0)
    );
    assert_eq!(place.run(&["--dir", ".:ro", "read.wat"]).status, Some(0));

    let refused = place.run(&["--dir", ".:ro", "create.wat"]).status;
    assert!(
        refused != Some(0) && !place.path().join("new").exists(),
        "{refused:?}"
    );
    assert_eq!(place.run(&["--dir", ".", "create.wat"]).status, Some(0));
    assert!(place.path().join("new").exists());
}

#[test]
fn a_directory_that_cannot_be_opened_is_named() {
    let place = Place::new(&[("hello.wat", HELLO)]);
    place
        .run(&["--dir", "nowhere", "hello.wat"])
        .fails(1, &["nowhere"]);
    place
        .run(&["--dir", "hello.wat", "hello.wat"])
        .fails(1, &["hello.wat"]);
    place
        .run(&["--dir", "::/x", "hello.wat"])
        .fails(2, &["--dir", "empty"]);
}

/// Opens `file` again and again, until there is an error or 5,000 are open; ends itself with
/// the errno.
const HOARDER: &str = r#"(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "file")
  (func (export "_start") (local $count i32) (local $errno i32)
    (loop $again
      (local.set $errno (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4)
        (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0)))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (br_if $again (i32.and (i32.eqz (local.get $errno))
        (i32.lt_u (local.get $count) (i32.const 5000)))))
    (call $exit (local.get $errno))))"#;

#[test]
fn a_program_holds_as_many_descriptors_as_the_system_or_the_user_allows() {
    let place = Place::new(&[("hoarder.wat", HOARDER), ("file", "")]);
    // EMFILE, or not.
    for (system, limit, errno) in [(6000, None, 0), (200, None, 33), (6000, Some("4000"), 33)] {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {system}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_mainspring")]);
        command.args(["run", "--no-cache", "--dir", "."]);
        if let Some(limit) = limit {
            command.args(["--max-descriptors", limit]);
        }
        let ran = command
            .arg("hoarder.wat")
            .current_dir(place.path())
            .output()
            .expect("a shell");
        assert_eq!(ran.status.code(), Some(errno), "{system} {limit:?}");
    }
}

#[test]
fn standard_input_from_a_pipe() {
    let place = Place::new(&[("cat.wat", CAT)]);
    let input = "line\n".repeat(10_000);
    place
        .run_with_input(&["cat.wat"], input.as_bytes())
        .prints(&input);
    place.run(&["cat.wat"]).prints("");
}

#[test]
fn a_broken_pipe_is_quiet() {
    let place = Place::new(&[("yes.wat", YES)]);
    let program = env!("CARGO_BIN_EXE_mainspring");
    let script = format!("'{program}' yes.wat | head -1");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.path())
        .output();
    Ran::new(output.expect("a shell")).prints("y\n");
    let script = format!(
        "'{program}' inspect yes.wat | true; '{program}' completions bash | true; '{program}' --help | true"
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.path())
        .output();
    Ran::new(output.expect("a shell")).prints("");
}

#[test]
fn an_exported_function_is_called_by_name() {
    let place = Place::new(&[("lib.wat", LIBRARY), ("reactor.wat", REACTOR)]);
    place
        .run(&["--invoke", "add", "lib.wat", "2", "-3"])
        .prints("-1\n");
    place
        .run(&["--invoke", "add", "lib.wat", "--", "0xffffffff", "2"])
        .prints("1\n");
    place
        .run(&["--invoke", "pair", "lib.wat", "1.5"])
        .prints("1.5\n-1\n");
    place.run(&["--invoke", "get", "reactor.wat"]).prints("7\n");
    place
        .run(&["--invoke", "_initialize", "reactor.wat"])
        .prints("");
    place
        .run(&["--invoke", "divide", "lib.wat", "1", "0"])
        .fails(134, &["integer divide by zero"]);
}

#[test]
fn proposals_are_switched_by_name() {
    let wide = r#"(module (func (export "high") (param i64 i64) (result i64) (local i64)
        (i64.mul_wide_u (local.get 0) (local.get 1)) local.set 2 drop local.get 2))"#;
    let place = Place::new(&[("wide.wat", wide)]);
    let call = ["--invoke", "high", "wide.wat", "-1", "-1"];
    place.run(&call).fails(1, &["wide arithmetic"]);
    let with = |switches| {
        let mut all = vec!["run", "--wasm", switches];
        all.extend(call);
        place.run(&all)
    };
    with("tail-call=n,branch-hinting=n,wide-arithmetic").prints("-2\n");
    with("wide-arithmetic,wide-arithmetic=n").fails(1, &["wide arithmetic"]);
    with("branch-hinting,gc-support=n,wide-arithmetic").prints("-2\n");
    with("wide").fails(2, &["no option `-W wide`", "wide-arithmetic"]);
    place
        .run(&[&["run", "-W", "wide-arithmetic"], &call[..]].concat())
        .prints("-2\n");
    let explored = ["explore", "--list", "wide.wat"];
    place.run(&explored).fails(1, &["wide arithmetic"]);
    let listed = place.run(&[&explored[..], &["-W", "wide-arithmetic"]].concat());
    assert!(listed.stdout.contains("high"), "{}", listed.stdout);
    with("simd=maybe").fails(2, &["`maybe`"]);
    let (none, wide) = (
        "module needs the",
        "wide-arithmetic proposal, which is switched off",
    );
    place.run(&call).fails(1, &[none, wide]);
    let shared = "(module (memory 1 1 shared))";
    let place = Place::new(&[("shared.wat", shared)]);
    place.run(&["shared.wat"]).fails(1, &["switched off"]);
    place
        .run(&["run", "--wasm", "shared-memory", "shared.wat"])
        .prints("");
    let off = place.run(&["run", "--wasm", "threads=n", "shared.wat"]);
    off.fails(1, &["threads"]);
}

#[test]
fn a_call_that_cannot_be_made_is_explained() {
    let place = Place::new(&[("lib.wat", LIBRARY)]);
    place
        .run(&["--invoke", "sub", "lib.wat"])
        .fails(1, &["`sub`", "`add`, `pair`"]);
    place
        .run(&["--invoke", "add", "lib.wat", "1"])
        .fails(1, &["2 arguments (i32, i32)", "1 was given"]);
    place
        .run(&["--invoke", "add", "lib.wat", "1", "x"])
        .fails(1, &["argument 2", "`x`", "i32"]);
    place
        .run(&["--invoke", "add", "lib.wat", "1", "4294967296"])
        .fails(1, &["4294967296"]);
}

#[test]
fn a_module_with_nothing_to_start() {
    let place = Place::new(&[
        ("lib.wat", LIBRARY),
        ("reactor.wat", REACTOR),
        ("empty.wat", "(module)"),
    ]);
    let ran = place.run(&["lib.wat"]);
    assert!(
        ran.stderr.starts_with("note: ") && ran.stderr.contains("--invoke"),
        "{ran:?}"
    );
    place.run(&["reactor.wat"]).prints("");
    place.run(&["empty.wat"]).prints("");
}

#[test]
fn memory_grows_to_its_limit_and_no_further() {
    let grow = r#"(module (memory 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;
    let place = Place::new(&[("grow.wat", grow), ("big.wat", "(module (memory 3))")]);
    place
        .run(&["--invoke", "grow", "grow.wat", "2"])
        .prints("1\n");
    place
        .run(&["--max-memory", "128K", "--invoke", "grow", "grow.wat", "1"])
        .prints("1\n");
    place
        .run(&["--max-memory", "128K", "--invoke", "grow", "grow.wat", "2"])
        .prints("-1\n");
    place
        .run(&["--max-memory", "128K", "big.wat"])
        .fails(1, &["big.wat", "memory"]);
    place
        .run(&["--max-memory", "much", "big.wat"])
        .fails(2, &["--max-memory", "64M"]);
}

#[test]
fn a_module_from_a_named_pipe() {
    let place = Place::new(&[]);
    place.write(
        "hello.wasm",
        wat::parse_str(HELLO).expect("the text parses"),
    );
    let script = format!(
        "mkfifo pipe; cat hello.wasm > pipe & '{}' pipe; wait",
        env!("CARGO_BIN_EXE_mainspring")
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.path())
        .output();
    Ran::new(output.expect("a shell")).prints("hello\n");
}

#[test]
fn imports_that_do_not_exist_are_named() {
    let place = Place::new(&[(
        "needs.wat",
        r#"(module (import "env" "missing" (func)) (func (export "_start")))"#,
    )]);
    place
        .run(&["needs.wat"])
        .fails(1, &["needs.wat", "env", "missing"]);
}

#[test]
fn what_cannot_be_read_is_named() {
    let place = Place::new(&[]);
    place.run(&["missing.wasm"]).fails(1, &["missing.wasm"]);
    place
        .run(&["complie"])
        .fails(1, &["complie", "neither a file nor a command"]);
    place.run(&["run", "."]).fails(1, &["`.` is a directory"]);
    for command in ["compile", "inspect", "wast"] {
        place
            .run(&[command, "missing.wasm"])
            .fails(1, &["missing.wasm"]);
    }
}

#[test]
fn what_is_not_wasm_is_described() {
    let place = Place::new(&[
        ("empty.wasm", ""),
        ("text.txt", "hello"),
        ("bad.wat", "(module\n  (fnc))"),
        ("t.wast", "(module)"),
    ]);
    place.write("prog.gz", b"\x1f\x8b\x08\0");
    place.write("component.wasm", b"\0asm\x0d\0\x01\0");
    place
        .run(&["empty.wasm"])
        .fails(1, &["empty.wasm", "it is empty"]);
    place
        .run(&["text.txt"])
        .fails(1, &["text.txt", "it is text"]);
    place.run(&["prog.gz"]).fails(1, &["prog.gz", "gunzip"]);
    place
        .run(&["component.wasm"])
        .fails(1, &["component.wasm", "component"]);
    place.run(&["bad.wat"]).fails(1, &["bad.wat:2:4"]);
    place.run(&["t.wast"]).fails(1, &["mainspring wast"]);
    place
        .run(&[env!("CARGO_BIN_EXE_mainspring")])
        .fails(1, &["ELF"]);
}

#[test]
fn an_invalid_module_is_refused_at_its_offset() {
    let invalid =
        wat::parse_str("(module (func (result i32) (i64.const 0)))").expect("the text parses");
    let place = Place::new(&[]);
    place.write("invalid.wasm", &invalid);
    place.write("cut.wasm", &invalid[..invalid.len() - 3]);
    for file in ["invalid.wasm", "cut.wasm"] {
        place.run(&[file]).fails(1, &[file, "offset"]);
        place.run(&["compile", file]).fails(1, &[file, "offset"]);
    }
    assert!(!place.path().join("invalid.cwasm").exists());
}

#[test]
fn a_compiled_image_runs_only_when_allowed() {
    let place = Place::new(&[("hello.wat", HELLO)]);
    place.run(&["compile", "hello.wat"]).prints("");
    place
        .run(&["compile", "hello.wat", "-o", "named"])
        .prints("");
    place
        .run(&["run", "hello.cwasm"])
        .fails(1, &["hello.cwasm", "native code", "--allow-precompiled"]);
    place
        .run(&["run", "--allow-precompiled", "hello.cwasm"])
        .prints("hello\n");
    place
        .run(&["--allow-precompiled", "named"])
        .prints("hello\n");
    let image = fs::read(place.path().join("named")).expect("the image");
    place
        .run_with_input(&["--allow-precompiled", "-"], &image)
        .prints("hello\n");
    // Nothing else is left behind.
    let mut names: Vec<_> = fs::read_dir(place.path())
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["hello.cwasm", "hello.wat", "named"]);
}

#[test]
fn an_image_where_a_module_belongs_is_explained() {
    let place = Place::new(&[("hello.wat", HELLO)]);
    place.run(&["compile", "hello.wat"]).prints("");
    place
        .run(&["compile", "hello.cwasm", "-o", "again"])
        .fails(1, &["compiled image already"]);
    place
        .run(&["inspect", "hello.cwasm"])
        .fails(1, &["compiled image"]);
    place
        .run(&["explore", "--list", "hello.cwasm"])
        .fails(1, &["compiled image"]);
}

#[test]
fn a_damaged_image_is_refused() {
    let place = Place::new(&[("hello.wat", HELLO)]);
    place.run(&["compile", "hello.wat"]).prints("");
    let image = fs::read(place.path().join("hello.cwasm")).expect("the image");
    let refused = |damage: &str, image: &[u8]| {
        place.write("damaged.cwasm", image);
        let ran = place.run(&["--allow-precompiled", "damaged.cwasm"]);
        assert_eq!(ran.status, Some(1), "{damage}: {ran:?}");
        ran.fails(1, &["damaged.cwasm", "mainspring compile"]);
    };
    refused("cut in half", &image[..image.len() / 2]);
    refused("without its last byte", &image[..image.len() - 1]);
    refused("empty", b"");
    for at in [0, 9, image.len() / 4, image.len() / 2, image.len() - 1] {
        let mut image = image.clone();
        image[at] ^= 0x10;
        refused(&format!("byte {at} of {} changed", image.len()), &image);
    }
}

#[test]
fn an_image_is_written_whole_or_not_at_all() {
    let place = Place::new(&[("hello.wat", HELLO), ("prog.cwasm", HELLO)]);
    fs::create_dir(place.path().join("taken.cwasm")).expect("a directory");
    place
        .run(&["compile", "hello.wat", "-o", "taken.cwasm"])
        .fails(1, &["taken.cwasm", "is a directory"]);
    place
        .run(&["compile", "hello.wat", "-o", "no/such/out"])
        .fails(1, &["no/such/out"]);
    place
        .run(&["compile", "hello.wat", "-o", "hello.wat"])
        .fails(1, &["would replace", "-o OUT"]);
    place
        .run(&["compile", "prog.cwasm"])
        .fails(1, &["would replace"]);
    place
        .run_with_input(&["compile", "-"], HELLO.as_bytes())
        .fails(1, &["-o OUT"]);
    assert_eq!(
        fs::read_to_string(place.path().join("hello.wat")).expect("the text"),
        HELLO
    );
}

#[test]
fn inspect_as_a_table() {
    let place = Place::new(&[("hello.wat", HELLO)]);
    let ran = place.run(&["inspect", "hello.wat"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert!(
        lines[0].starts_with("hello.wat: WebAssembly module, ")
            && lines[0].ends_with(", named hello"),
        "{ran:?}"
    );
    for expected in [
        "Proposals used: none",
        "Imports: 1",
        "  wasi_snapshot_preview1  fd_write  function  (i32, i32, i32, i32) -> i32",
        "  memory  memory    1 or more pages",
        "Exports: 2",
        "  _start  function  ()",
    ] {
        assert!(
            lines.contains(&expected),
            "no \"{expected}\" in\n{}",
            ran.stdout
        );
    }
}

#[test]
fn inspect_as_json() {
    let source = r#"(module $m
      (import "a" "b" (global (mut i64)))
      (memory 1) (memory 2 3)
      (func $first (nop))
      (func $large (export "f") (param v128) (result externref) (ref.null extern) (drop) (ref.null extern)))"#;
    let place = Place::new(&[("m.wat", source)]);
    let ran = place.run(&["inspect", "--json", "m.wat"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let summary: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(summary["name"], "m");
    let proposals =
        serde_json::json!(["multi-memory", "mutable-global", "reference-types", "simd"]);
    assert_eq!(summary["proposals"], proposals);
    let import =
        serde_json::json!({"module": "a", "name": "b", "kind": "global", "type": "mut i64"});
    assert_eq!(summary["imports"], serde_json::json!([import]));
    let export = serde_json::json!({"name": "f", "kind": "function", "index": 1, "type": "(v128) -> externref"});
    assert_eq!(summary["exports"], serde_json::json!([export]));
    assert_eq!(summary["functions"]["defined"], 2);
    assert_eq!(summary["functions"]["largest"][0]["name"], "large");
    let memories = summary["sections"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|section| section["name"] == "memory");
    assert_eq!(memories.expect("a memory section")["items"], 2);
}

#[test]
fn names_from_a_module_cannot_command_the_terminal() {
    let place = Place::new(&[("evil.wat", r#"(module (func (export "\1b[2J")))"#)]);
    let ran = place.run(&["inspect", "evil.wat"]);
    assert!(
        !ran.stdout.contains('\x1b') && ran.stdout.contains("[2J"),
        "{ran:?}"
    );
}

#[test]
fn inspect_refuses_what_it_cannot_decode() {
    let place = Place::new(&[]);
    place.write("cut.wasm", b"\0asm\x01\0\0\0\x01\x7f\x01");
    place
        .run(&["inspect", "cut.wasm"])
        .fails(1, &["cut.wasm", "offset"]);
}

#[test]
fn scripts_pass_and_fail() {
    let good = r#"(module (import "spectest" "print_i32" (func $p (param i32)))
      (func (export "f") (result i32) (call $p (i32.const 5)) (i32.const 5)))
      (assert_return (invoke "f") (i32.const 5))"#;
    let bad = good.replace("(i32.const 5))\n", "(i32.const 6))\n");
    let bad = bad.replace(r#""f") (i32.const 5))"#, r#""f") (i32.const 7))"#);
    let place = Place::new(&[("good.wast", good), ("bad.wast", &bad), ("no.wast", "(")]);
    place
        .run(&["wast", "good.wast"])
        .prints("print_i32(i32 5 (0x5))\ngood.wast: 2 of 2 directives passed\n");
    let ran = place.run(&["wast", "bad.wast", "good.wast"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(
        ran.stdout
            .contains("bad.wast:3:8: assert_return: expected i32 7"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("good.wast: 2 of 2"), "{ran:?}");
    place.run(&["wast", "no.wast"]).fails(1, &["no.wast:1:2"]);
}

#[test]
fn completions_for_each_shell() {
    let place = Place::new(&[]);
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = place.run(&["completions", shell]);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
        assert!(ran.stdout.contains("allow-precompiled"), "{shell}");
    }
    place.run(&["completions", "tcsh"]).fails(2, &["tcsh"]);
}

#[test]
fn help_and_version_are_answers() {
    let place = Place::new(&[]);
    let version = format!("mainspring {}\n", env!("CARGO_PKG_VERSION"));
    place.run(&["--version"]).prints(&version);
    let ran = place.run(&["--help"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    for text in [
        "Examples:",
        "Exit status:",
        "134",
        "run",
        "compile",
        "inspect",
        "explore",
        "wast",
        "completions",
    ] {
        assert!(ran.stdout.contains(text), "no \"{text}\" in {ran:?}");
    }
    for command in [
        "run",
        "compile",
        "inspect",
        "explore",
        "wast",
        "completions",
    ] {
        let ran = place.run(&[command, "--help"]);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    }
}

#[test]
fn a_wrong_command_line_is_2() {
    let place = Place::new(&[("hello.wat", HELLO)]);
    place.run(&["run"]).fails(2, &["FILE"]);
    place.run(&["--bogus", "hello.wat"]).fails(2, &["--bogus"]);
    place.run(&["compile"]).fails(2, &["FILE"]);
    let ran = place.run(&[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("Usage:"), "{ran:?}");
}

/// Colour only where a person reads it, and not against their wish: under a terminal that
/// `script` supplies.
#[test]
fn colour_on_a_terminal_only_and_not_with_no_color() {
    let place = Place::new(&[]);
    let command = format!("'{}' missing.wasm", env!("CARGO_BIN_EXE_mainspring"));
    let on_a_terminal = |no_color| place.run_on_a_terminal(&command, no_color);
    let coloured = on_a_terminal("");
    assert!(coloured.contains("\x1b[1;31merror:\x1b[0m"), "{coloured:?}");
    let plain = on_a_terminal("1");
    assert!(
        plain.contains("error: ") && !plain.contains('\x1b'),
        "{plain:?}"
    );
}

/// A program that calls a function often enough for it to be optimized, and loops for long enough.
const BUSY: &str = r#"(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $step (param i32) (result i32) (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 1)))
  (func (export "_start") (local $i i32) (local $x i32)
    (loop $again
      (local.set $x (call $step (local.get $x)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 3000000))))
    (call $exit (i32.and (local.get $x) (i32.const 63)))))"#;

#[test]
fn every_tier_gives_the_same() {
    let place = Place::new(&[("busy.wat", BUSY)]);
    let run = |options: &[&str]| {
        let args = [&["run", "--no-cache"], options, &["busy.wat"]].concat();
        place.run(&args).status
    };
    let expected = run(&[]);
    for tier in [
        "tiered",
        "baseline",
        "optimizing",
        "stress-tier-up",
        "stress-loops",
    ] {
        assert_eq!(run(&["--tier", tier]), expected, "{tier}");
    }
    assert_eq!(run(&["--optimizing-threads", "0"]), expected);
    place
        .run(&["run", "--tier", "fastest", "busy.wat"])
        .fails(2, &["fastest", "baseline"]);
}

/// The collector runs as often as asked, in programs and in scripts, and changes no result.
#[test]
fn collections_can_be_forced() {
    let lists = r#"
      (type $list (struct (field i32) (field (ref null $list))))
      (func $make (param i32) (result (ref $list)) (local $l (ref null $list))
        (loop $again
          (local.set $l (struct.new $list (local.get 0) (local.get $l)))
          (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (ref.as_non_null (local.get $l)))
      (func (export "sum") (param i32) (result i32) (local $l (ref null $list)) (local $sum i32)
        (local.set $l (call $make (local.get 0)))
        (loop $again
          (local.set $sum (i32.add (local.get $sum) (struct.get $list 0 (local.get $l))))
          (br_if $again (i32.eqz (ref.is_null
            (local.tee $l (struct.get $list 1 (local.get $l)))))))
        (local.get $sum))"#;
    let host = r#"(import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))"#;
    let program = format!(
        r#"(module {host} (memory (export "memory") 1) {lists}
          (func (export "_start")
            (if (i32.ne (call 2 (i32.const 100)) (i32.const 5050)) (then (unreachable)))
            (drop (call $yield)) (drop (call $yield))))"#
    );
    let script = format!(
        r#"(module {lists}) (assert_return (invoke "sum" (i32.const 100)) (i32.const 5050))"#
    );
    let place = Place::new(&[("lists.wat", &program), ("lists.wast", &script)]);
    let collections = |options: &[&str]| -> u64 {
        let ran = place.run(&[&["run", "--stats"], options, &["lists.wat"]].concat());
        assert_eq!(ran.status, Some(0), "{ran:?}");
        let lines = ran.stderr.lines();
        let mut rows = lines.filter(|line| line.contains(" young, "));
        rows.next().map_or(0, |row| {
            let numbers = row.split(|c: char| !c.is_ascii_digit());
            let mut numbers = numbers.filter_map(|number| number.parse::<u64>().ok());
            let both = [numbers.next(), numbers.next()];
            both.into_iter()
                .map(|number| number.expect("a number"))
                .sum()
        })
    };
    assert_eq!(collections(&[]), 0);
    assert!(collections(&["--gc-zeal", "10"]) >= 10);
    assert!(collections(&["--gc-zeal", "1"]) >= 100);
    assert!(collections(&["--gc-stress"]) >= 2);
    for options in [&["--gc-zeal", "1"][..], &["--gc-stress"]] {
        place
            .run(&[&["wast"], options, &["lists.wast"]].concat())
            .prints("lists.wast: 2 of 2 directives passed\n");
    }
    place
        .run(&["wast", "--gc-zeal", "0", "lists.wast"])
        .fails(2, &["--gc-zeal"]);
}

#[test]
fn statistics_tell_of_collections() {
    let lists = r#"(module
        (type $list (struct (field (ref null $list)) (field i64)))
        (func (export "_start") (local $list (ref null $list)) (local $n i32)
            (loop $again
                (local.set $list (struct.new $list (local.get $list) (i64.const 0)))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const 300000))))))"#;
    let place = Place::new(&[("lists.wat", lists), ("busy.wat", BUSY)]);
    let ran = place.run(&["run", "--stats", "lists.wat"]);
    let of = |name: &str| ran.stderr.lines().find(|line| line.starts_with(name));
    let collections = of("collections").expect("it collected");
    assert!(
        collections.contains(" young, ") && collections.contains("longest pause"),
        "{collections}"
    );
    let objects = of("objects at the most").expect("there were objects");
    assert!(objects.ends_with(" bytes"), "{objects}");
    let ran = place.run(&["run", "--stats", "--gc-zeal", "10000", "lists.wat"]);
    let often = ran
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("collections"));
    let young = often.and_then(|often| often.split_whitespace().next());
    assert!(
        young.is_some_and(|young| young.parse::<u64>().is_ok_and(|young| young >= 10)),
        "{}",
        ran.stderr
    );
    place.run(&["run", "--gc-stress", "lists.wat"]).prints("");
    let ran = place.run(&["run", "--stats", "busy.wat"]);
    assert!(!ran.stderr.contains("collections"), "{}", ran.stderr);
}

#[test]
fn what_was_learned_is_used_again() {
    let place = Place::new(&[("busy.wat", BUSY)]);
    let run = |options: &[&str]| {
        let ran = place.run(&[&["run", "--stats"], options, &["busy.wat"]].concat());
        let row = |name: &str| {
            let line = ran
                .stderr
                .lines()
                .find(|line| line.trim().starts_with(name));
            let line = line.unwrap_or_else(|| panic!("{name} in {}", ran.stderr));
            line.trim()[name.len()..].trim().to_string()
        };
        (
            ran.status,
            row("cache"),
            row("from the cache"),
            row("baseline"),
        )
    };
    // With no thread in the background, it is certain what becomes optimized.
    let first = run(&["--optimizing-threads", "0"]);
    assert_eq!(
        (first.1.as_str(), first.2.as_str()),
        ("0 hits, 1 misses", "0")
    );
    let second = run(&["--optimizing-threads", "0"]);
    assert_eq!(second.0, first.0);
    assert_eq!(
        (second.1.as_str(), second.2.as_str()),
        ("1 hits, 0 misses", "2")
    );
    assert!(second.3.starts_with("0 functions"), "{}", second.3);
    let off = run(&["--no-cache"]);
    assert_eq!((off.0, off.1.as_str()), (first.0, "0 hits, 0 misses"));

    // A damaged entry is replaced.
    let cache = place.cache.path();
    let entries = || {
        let files = fs::read_dir(cache).expect("the cache is a directory");
        let paths = files.map(|file| file.expect("it can be listed").path());
        let named =
            |path: &std::path::PathBuf| path.file_name().is_some_and(|name| name.len() == 64);
        paths.filter(named).collect::<Vec<_>>()
    };
    let entry = entries().pop().expect("the program has an entry");
    let mut bytes = fs::read(&entry).expect("it can be read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(&entry).expect("it can be removed");
    fs::write(&entry, bytes).expect("it can be written");
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o600)).expect("it is ours");
    assert_eq!(run(&[]).1, "0 hits, 1 misses");
    assert_eq!(run(&[]).1, "1 hits, 0 misses");

    // A directory that others can write is not used, and that is said.
    fs::set_permissions(cache, fs::Permissions::from_mode(0o777)).expect("it is ours");
    let ran = place.run(&["busy.wat"]);
    assert_eq!(ran.status, first.0);
    assert!(
        ran.stderr.contains("running without the cache"),
        "{}",
        ran.stderr
    );
}

/// What `perf` is told, where the program was compiled just now, remembered, or compiled ahead of time.
#[test]
fn profilers_learn_the_names_of_all_code() {
    let place = Place::new(&[("busy.wat", BUSY)]);
    let image = ["compile", "busy.wat", "-o", "busy.image"];
    assert_eq!(place.run(&image).status, Some(0));
    let known = |how: &str, args: &[&str]| {
        // With no thread in the background, it is certain what becomes optimized.
        let options = ["run", "--optimizing-threads", "0", "--profile", how];
        let mut command = place.command(&[&options, args].concat());
        let mut child = command.spawn().expect("the command starts");
        let status = child.wait().expect("the command ends");
        // Nothing but what is certain is to be in the cache.
        let expected = place.run(&["run", "--no-cache", "busy.wat"]).status;
        assert_eq!(status.code(), expected);
        match how {
            "perfmap" => names_in_perf_map(child.id()),
            _ => names_in_jit_dump(&place.path().join(format!("jit-{}.dump", child.id()))),
        }
    };
    let lazily = [
        "step [baseline]",
        "step [optimized]",
        "wasm function 2 [baseline]",
    ];
    for how in ["perfmap", "jitdump"] {
        let names = known(how, &["--no-cache", "busy.wat"]);
        for name in lazily {
            assert!(names.iter().any(|known| known == name), "{how}: {names:?}");
        }
        let of_loop = |name: &String| name.starts_with("wasm function 2 [loop at 0x");
        assert!(names.iter().any(of_loop), "{how}: {names:?}");
        // From the cache.
        place.run(&["run", "--optimizing-threads", "0", "busy.wat"]);
        let names = known(how, &["busy.wat"]);
        assert!(names.iter().any(|name| name == lazily[1]), "{names:?}");
        assert!(names.iter().any(of_loop), "{how}: {names:?}");

        let mut names = known(how, &["--allow-precompiled", "busy.image"]);
        names.sort();
        assert_eq!(names, ["step [optimized]", "wasm function 2 [optimized]"]);
    }
    place
        .run(&["run", "--profile", "vtune", "busy.wat"])
        .fails(2, &["vtune", "perfmap"]);
}

fn names_in_perf_map(process: u32) -> Vec<String> {
    let path = format!("/tmp/perf-{process}.map");
    let text = fs::read_to_string(&path).expect("the map is there");
    fs::remove_file(&path).expect("it can be removed");
    let mut ends = Vec::new();
    let mut names = Vec::new();
    for line in text.lines() {
        let [at, len, name] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let number = |text| usize::from_str_radix(text, 16).expect("a hexadecimal number");
        let (at, len) = (number(at), number(len));
        assert!(len > 0);
        ends.push((at, at + len));
        names.push(name.to_string());
    }
    ends.sort();
    assert!(ends.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{text}");
    names
}

fn names_in_jit_dump(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).expect("the dump is there");
    fs::remove_file(path).expect("it can be removed");
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
    let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight"));
    assert_eq!([0, 4, 8, 12].map(u32_at), [0x4a69_5444, 1, 40, 62]);
    let mut names = Vec::new();
    let mut at = 40;
    while at < bytes.len() {
        let len = u32_at(at + 4) as usize;
        let rest = &bytes[at + 56..at + len];
        let name = rest.iter().position(|&byte| byte == 0).expect("it ends");
        assert_eq!(u32_at(at), 0);
        assert_eq!(u64_at(at + 40), (rest.len() - name - 1) as u64);
        assert_eq!(u64_at(at + 48), names.len() as u64);
        names.push(String::from_utf8(rest[..name].to_vec()).expect("a name"));
        at += len;
    }
    assert_eq!(at, bytes.len());
    names
}

#[test]
fn the_engine_says_what_it_does_when_asked() {
    let place = Place::new(&[("busy.wat", BUSY)]);
    let log = |filter: &str| {
        let mut command = place.command(&["run", "--optimizing-threads", "0", "busy.wat"]);
        let output = command.env("MAINSPRING_LOG", filter).output();
        Ran::new(output.expect("the command starts"))
    };
    let all = log("trace").stderr;
    let in_order = [
        "cache load{found=false}",
        "decode{bytes=",
        "functions=2}",
        "instantiate",
        "compile{tier=\"baseline\" function=2",
        "compile{tier=\"optimizing\" function=1",
        "function optimized function=1",
        "frame replaced function=2",
        "run{program=`busy.wat`}: mainspring::run: close",
        "cache store{bytes=",
    ];
    let mut rest = all.as_str();
    for text in in_order {
        let Some((_, after)) = rest.split_once(text) else {
            panic!("no {text} where it belongs in {all}");
        };
        rest = after;
    }
    assert!(!all.contains('\x1b'), "colour without a terminal: {all}");

    let known = log("debug").stderr;
    assert!(known.contains("cache load{found=true}"), "{known}");
    assert!(!known.contains("TRACE"), "{known}");
    assert_eq!(log("").stderr, "");
    assert_eq!(log("error").stderr, "");
    log("debug=loud").fails(1, &["MAINSPRING_LOG", "debug=loud", "trace"]);
}

/// A module to look at: arithmetic, a trap, calls of its own function and of an import, a table of jumps.
const SHOWN: &str = r#"(module
  (import "host" "log" (func $log (param i32)))
  (func $divide (export "quotient") (param i32 i32) (result i32)
    (i32.div_u (local.get 0) (local.get 1)))
  (func $choose (param $x i32) (result i32)
    (block $b (block $a (br_table $a $b $a (local.get $x)))
      (call $log (i32.rotl (local.get $x) (i32.const 5))))
    (call $divide (local.get $x) (i32.const 7)))
  (func (export "hostile\1b[2J")))"#;

#[test]
fn functions_are_listed_to_be_explored() {
    let place = Place::new(&[("m.wat", SHOWN)]);
    let ran = place.run(&["explore", "--list", "m.wat"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let lines: Vec<Vec<&str>> = ran
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["index", "bytes", "name"]);
    assert_eq!(lines[1], ["0", "-", "$log,", "import", "`host`", "`log`"]);
    assert_eq!(lines[2], ["1", "7", "$divide,", "export", "`quotient`"]);
    assert_eq!(lines[3][..1], ["2"]);
    assert!(!ran.stdout.contains('\x1b'));

    let ran = place.run(&["explore", "--list", "--json", "m.wat"]);
    let list: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(list[0]["import"], serde_json::json!(["host", "log"]));
    assert_eq!(list[1]["name"], "divide");
    assert_eq!(list[1]["bytes"], 7);
}

#[test]
fn a_function_is_shown_with_the_code_of_both_tiers() {
    let place = Place::new(&[("m.wat", SHOWN)]);
    // Nothing is a terminal here, so it is in sections.
    let ran = place.run(&["explore", "--func", "choose", "m.wat"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let parts: Vec<&str> = ran.stdout.split("\n\n").collect();
    let [title, wasm, baseline, optimizing] = parts[..] else {
        panic!("{}", ran.stdout);
    };
    assert!(title.starts_with("function 2 $choose at 0x"), "{title}");
    assert!(
        wasm.contains("\n  0x0") && wasm.contains("      local.get $x\n"),
        "{wasm}"
    );
    for (name, code) in [("baseline", baseline), ("optimizing", optimizing)] {
        assert!(code.starts_with(&format!("{name}: ")), "{code}");
        for text in ["push rbp", "i32.rotl\n", ".long 0x", "call ", "ret"] {
            assert!(code.contains(text), "no {text} in {code}");
        }
    }
    assert!(
        baseline.contains("call qword ptr [slot of $divide]"),
        "{baseline}"
    );
    assert!(
        baseline.contains("sub dword ptr [counter 0], 1"),
        "{baseline}"
    );
    assert!(!optimizing.contains("counter"), "{optimizing}");

    let ran = place.run(&[
        "explore", "--func", "quotient", "--tier", "baseline", "m.wat",
    ]);
    assert!(
        ran.stdout.contains("; traps: integer divide by zero"),
        "{ran:?}"
    );
    assert!(!ran.stdout.contains("optimizing"), "{ran:?}");
    let columns = ["explore", "--func", "2", "--layout", "columns", "m.wat"];
    let ran = place.run(&columns);
    let header = ran.stdout.lines().nth(2).unwrap_or_default();
    let titles: Vec<&str> = header.split(" | ").map(str::trim).collect();
    assert_eq!(titles.len(), 3, "{}", ran.stdout);
    assert!(titles[0].starts_with("wasm: ") && titles[2].starts_with("optimizing: "));
    let rotl = ran.stdout.lines().find(|line| line.contains("i32.rotl"));
    let beside: Vec<&str> = rotl.expect("a line").split(" | ").collect();
    assert!(
        beside[1].contains("mov") && beside[2].contains("ror"),
        "{beside:?}"
    );
}

#[test]
fn a_function_as_json() {
    let place = Place::new(&[("m.wat", SHOWN)]);
    let ran = place.run(&["explore", "--json", "--func", "1", "m.wat"]);
    let view: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(view["function"]["exports"], serde_json::json!(["quotient"]));
    let wasm = view["wasm"].as_array().expect("operators");
    let division = wasm
        .iter()
        .find(|operator| operator["text"] == "i32.div_u")
        .expect("a division");
    for tier in ["baseline", "optimizing"] {
        let code = view[tier]["instructions"].as_array().expect("instructions");
        let bytes: usize = code
            .iter()
            .map(|line| line["bytes"].as_str().expect("bytes").len() / 2)
            .sum();
        assert!(bytes as u64 <= view[tier]["bytes"].as_u64().expect("a number"));
        let div = code
            .iter()
            .find(|line| {
                line["text"]
                    .as_str()
                    .is_some_and(|text| text.starts_with("div "))
            })
            .expect("a division");
        assert_eq!(div["wasm"], division["offset"]);
        assert!(div["inlined"].is_null());
    }
}

#[test]
fn columns_on_a_wide_terminal_only() {
    let place = Place::new(&[("m.wat", SHOWN)]);
    let shown = |columns: usize| {
        let program = env!("CARGO_BIN_EXE_mainspring");
        let command = format!("stty cols {columns}; '{program}' explore --func choose m.wat");
        place.run_on_a_terminal(&command, "1")
    };
    let (wide, narrow) = (shown(130), shown(100));
    assert!(wide.contains(" | baseline: "), "{wide}");
    let longest = wide
        .lines()
        .map(|line| line.trim_end().chars().count())
        .max();
    assert!(longest <= Some(130), "{wide}");
    assert!(narrow.contains("\nbaseline: "), "{narrow}");
}

#[test]
fn explored_code_is_coloured_on_a_terminal_only_and_not_with_no_color() {
    let place = Place::new(&[("m.wat", SHOWN)]);
    let program = env!("CARGO_BIN_EXE_mainspring");
    let command = format!("'{program}' explore --func choose m.wat");
    let on_a_terminal = |no_color| place.run_on_a_terminal(&command, no_color);
    let (coloured, plain) = (on_a_terminal(""), on_a_terminal("1"));
    assert!(coloured.contains("\x1b[36mi32.rotl\x1b[0m"), "{coloured:?}");
    assert!(
        plain.contains("i32.rotl") && !plain.contains('\x1b'),
        "{plain:?}"
    );
    let ran = place.run(&["explore", "--func", "choose", "m.wat"]);
    assert_eq!(ran.stdout, plain.replace("\r\n", "\n"));
}

#[test]
fn all_bytes_of_code_are_read_as_what_they_are() {
    // An interpreter: its optimized code has a table, constants, and code behind those.
    let arms = 6;
    let blocks = "(block ".repeat(arms);
    let targets: String = (0..arms).map(|i| format!(" {i}")).collect();
    let bodies: String = (1..arms)
        .map(|i| {
            format!(
                ") (local.set $f (f64.mul (local.get $f) (f64.const 1.{i}))) (br {})",
                arms - i
            )
        })
        .collect();
    let place = Place::new(&[]);
    let interpreter = format!(
        "(module (memory 1) (func $run (param $pc i32) (result f64) (local $f f64)
            (loop $next
                {blocks}
                (i32.load8_u (local.get $pc))
                (local.set $pc (i32.add (local.get $pc) (i32.const 1)))
                (br_table{targets}){bodies}))
            local.get $f))"
    );
    place.write("interpreter.wat", &interpreter);
    let ran = place.run(&["explore", "--func", "run", "--json", "interpreter.wat"]);
    let view: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    for (tier, least) in [("baseline", 1), ("optimizing", arms)] {
        let lines = view[tier]["instructions"].as_array().expect("instructions");
        let texts: Vec<_> = lines
            .iter()
            .map(|line| line["text"].as_str().expect("text"))
            .collect();
        assert!(
            !texts.iter().any(|text| text.starts_with(".byte")),
            "{texts:#?}"
        );
        let jumps = texts.iter().filter(|text| text.starts_with("jmp r"));
        assert!(jumps.count() >= least, "{tier}: {texts:#?}");
        let table = texts.iter().filter(|text| text.starts_with(".long"));
        assert_eq!(table.count(), arms, "{tier}: {texts:#?}");
        // Nothing is read twice.
        let end_and_next = lines.windows(2).map(|pair| {
            let bytes = pair[0]["bytes"].as_str().expect("bytes").len() / 2;
            let offset = |line: &serde_json::Value| line["offset"].as_u64().expect("a number");
            (offset(&pair[0]) + bytes as u64, offset(&pair[1]))
        });
        for (end, next) in end_and_next {
            assert!(end <= next, "{tier}: {end:#x} and {next:#x}");
        }
    }
}

#[test]
fn what_one_tier_refuses_is_shown_of_the_other() {
    // Loops in loops that all change all locals are more than the optimizing tier takes.
    let count = 300;
    let set: String = (1..=count)
        .map(|i| {
            format!(
                "(local.set {i} (i32.add (local.get {i}) (local.get {})))",
                i - 1
            )
        })
        .collect();
    let text = format!(
        "(module (func $deep (param i32) (local {}) {} {set} {}))",
        "i32 ".repeat(count),
        "(loop ".repeat(count),
        "(br_if 0 (local.get 1)))".repeat(count)
    );
    let place = Place::new(&[("deep.wat", &text)]);
    let ran = place.run(&["explore", "--func", "deep", "deep.wat"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let second = ran.stdout.lines().nth(1).unwrap_or_default();
    assert!(
        second.starts_with("optimizing: ") && second.contains("limit"),
        "{second}"
    );
    assert!(ran.stdout.contains("\nbaseline: ") && ran.stdout.contains("\noptimizing: no code\n"));
    let ran = place.run(&["explore", "--func", "deep", "--json", "deep.wat"]);
    let view: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert!(view["optimizing"]["error"].is_string(), "{ran:?}");
    assert!(view["baseline"].get("error").is_none(), "{ran:?}");
}

#[test]
fn every_function_of_a_program_can_be_explored() {
    let place = Place::new(&[]);
    let program = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/mandelbrot.wasm"
    );
    let ran = place.run(&["explore", "--list", "--json", program]);
    let list: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let functions = list.as_array().expect("functions");
    assert!(functions.len() > 10, "{ran:?}");
    for function in functions {
        let index = function["index"].to_string();
        let ran = place.run(&["explore", "--func", &index, program]);
        match function["import"].is_null() {
            true => assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{index}"),
            false => ran.fails(1, &["import `wasi_snapshot_preview1`"]),
        }
    }
}

#[test]
fn a_function_that_cannot_be_shown_is_explained() {
    let place = Place::new(&[("m.wat", SHOWN)]);
    let explore = |func: &str| place.run(&["explore", "--func", func, "m.wat"]);
    explore("divid").fails(1, &["`divid`", "`divide`", "--list"]);
    explore("log").fails(1, &["import", "`host`"]);
    explore("17").fails(1, &["no function 17", "0 to 3"]);
    explore("99999999999999999999").fails(1, &["no function"]);
    explore("").fails(1, &["no function ``"]);
    place.write(
        "hostile.wat",
        r#"(module (import "\1b[2J" "\1b[2J" (func)))"#,
    );
    place
        .run(&["explore", "--func", "0", "hostile.wat"])
        .fails(1, &["import `\\u{1b}[2J`"]);
    place
        .run(&["explore", "--func", "0", "missing.wasm"])
        .fails(1, &["there is no file `missing.wasm`"]);
    place.run(&["explore", "m.wat"]).fails(2, &["--func"]);
    place
        .run(&["explore", "--func", "0", "--list", "m.wat"])
        .fails(2, &["--list"]);
    place.write("bad.wat", "(module (func $f (result i32)))");
    place
        .run(&["explore", "--func", "f", "bad.wat"])
        .fails(1, &["not a valid module"]);
}
