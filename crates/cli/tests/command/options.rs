//! The option groups, and what they do to programs.

use crate::place::Place;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

const TIERS: [&str; 2] = ["baseline", "optimizing"];

#[test]
fn each_group_lists_its_options() {
    let place = Place::new(&[]);
    let groups = [
        ("-W", "max-memory-size=N"),
        ("-O", "opt-level=0|1|2|s"),
        ("-C", "compiler=cranelift|winch"),
        ("-D", "address-map[=y|n]"),
        ("-S", "inherit-env[=y|n]"),
        ("-R", "runs are not recorded"),
    ];
    for (group, text) in groups {
        for args in [&[group, "help"][..], &["run", group, "help"]] {
            let ran = place.run(args);
            assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
            assert!(ran.stdout.contains(text), "{ran:?}");
        }
    }
    let both = place.run(&["compile", "--wasm", "help"]);
    assert!(both.stdout.contains("Refused:") && both.stdout.contains("-W fuel=N"));
}

#[test]
fn what_means_nothing_here_is_refused_by_name() {
    let place = Place::new(&[("empty.wat", "(module)")]);
    let cases = [
        (&["-W", "fuel=10"][..], "-W fuel=10: not supported yet: "),
        (&["-Wtimeout=1s"], "-W timeout=1s: not supported yet: "),
        (&["-W", "component-model"], "there are no components"),
        (
            &["-O", "pooling-allocator,opt-level=2"],
            "no pool of instances",
        ),
        (
            &["-Ccranelift-enable-pcc"],
            "-C cranelift-enable-pcc: refused: ",
        ),
        (&["-D", "coredump=x"], "no core dumps"),
        (
            &["-S", "http"],
            "-S http: not supported: there is no wasi-http",
        ),
        (&["-R", "path=x"], "runs are not recorded"),
        (
            &["-O", "nan-canonicalization"],
            "but `-W nan-canonicalization`",
        ),
        (&["-W", "sind"], "there is no option `-W sind`"),
        (&["-g", "1234"], "no debugger"),
        (&["--preload", "a"], "NAME=FILE"),
    ];
    for (args, text) in cases {
        let args = [&["run"], args, &["empty.wat"]].concat();
        place.run(&args).fails(2, &[text]);
    }
    let harmless = "component-model=n,epoch-interruption=no,shared-everything-threads=false";
    place
        .run(&["-W", harmless, "-Spreview2", "empty.wat"])
        .prints("");
    let scripts = ["wast", "-W", "max-tables=1", "empty.wast"];
    let machine = |target| place.run(&["run", "--target", target, "empty.wat"]);
    machine("x86_64-unknown-linux-gnu").prints("");
    machine("wasm32").fails(1, &["--target: no code can be made for wasm32"]);
    place.write("empty.wast", "");
    place.run(&scripts).fails(1, &["can't limit scripts"]);
}

/// Grows, makes and keeps more than is allowed, each in its own way.
#[test]
fn everything_that_takes_memory_is_limited() {
    let place = Place::new(&[
        (
            "table.wat",
            r#"(module (table $t 0 funcref) (elem declare func $f) (func $f)
                (func (export "f") (result i32) (table.grow $t (ref.func $f) (i32.const 0x20000000))))"#,
        ),
        ("big.wat", "(module (table 200000 funcref))"),
        (
            "many.wat",
            r#"(module (memory 10) (memory 10) (table 0 funcref) (func (export "f") (result i32)
                (table.grow (ref.null func) (i32.const 1000))))"#,
        ),
        (
            "shared.wat",
            r#"(module (memory 1 1000 shared)
                (func (export "f") (result i32) (memory.grow (i32.const 999))))"#,
        ),
        (
            "object.wat",
            r#"(module (type $a (array i8)) (func (export "f") (result i32)
                (array.len (array.new $a (i32.const 0) (i32.const 30000000)))))"#,
        ),
        (
            "memory.wat",
            r#"(module (memory 1) (func (export "f") (result i32) (memory.grow (i32.const 1))))"#,
        ),
    ]);
    let run = |options: &[&str], file| {
        let args = [&["run"], options, &["--invoke", "f", file]].concat();
        place.run(&args)
    };
    run(&["--max-memory", "1M"], "table.wat").prints("-1\n");
    run(&["-W", "max-table-elements=1000"], "table.wat").prints("-1\n");
    run(&["--max-memory", "1M"], "big.wat").fails(1, &["table minimum size"]);
    run(&["-Wmax-table-elements=199999"], "big.wat").fails(1, &["table minimum size"]);
    // Together they are larger than each.
    run(&["--max-memory", "1M"], "many.wat").fails(1, &["memory minimum size"]);
    run(&["--max-memory", "1280K"], "many.wat").prints("-1\n");
    run(&["--max-memory", "1300K"], "many.wat").prints("0\n");
    run(&["-W", "shared-memory", "--max-memory", "1M"], "shared.wat").prints("-1\n");
    run(&["-W", "shared-memory,max-memory-size=65536"], "shared.wat").prints("-1\n");
    for limit in [
        &["--max-memory", "20M"],
        &["-W", "max-memory-size=20_000_000"],
    ] {
        run(limit, "object.wat").fails(1, &["GC heap out of memory"]);
    }
    run(&["-W", "max-memory-size=0x20000"], "memory.wat").prints("1\n");
    run(&["-W", "max-memory-size=0x1ffff"], "memory.wat").prints("-1\n");
    for limit in [&["--max-memory", "64K"], &["-W", "max-memory-size=65536"]] {
        let options = [&limit[..], &["-W", "trap-on-grow-failure"]].concat();
        run(&options, "memory.wat").fails(1, &["forcing trap when growing memory"]);
    }
    run(&["-W", "max-memories=1"], "many.wat").fails(1, &["memory count too high at 2"]);
    run(&["-W", "max-tables=0"], "many.wat").fails(1, &["table count too high at 1"]);
    run(&["-W", "max-instances=0"], "memory.wat").fails(1, &["instance count too high at 1"]);
}

#[test]
fn the_stack_is_as_large_as_asked_for() {
    let place = Place::new(&[(
        "deep.wat",
        r#"(module (func $f (export "f") (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
                (else (i32.const 0)))))"#,
    )]);
    for tier in TIERS {
        let run = |stack: &str, depth| {
            let option = format!("max-wasm-stack={stack}");
            let run = [
                "run", "--tier", tier, "-W", &option, "--invoke", "f", "deep.wat", depth,
            ];
            place.run(&run)
        };
        run("8192", "10").prints("10\n");
        run("8192", "5000").fails(134, &["stack"]);
        run("100_000_000", "200000").prints("200000\n");
        run("100_000_000", "100000000").fails(134, &["stack"]);
    }
    let run = |stack: &str| {
        let option = format!("max-wasm-stack={stack}");
        place.run(&["run", "-W", &option, "--invoke", "f", "deep.wat", "1"])
    };
    run("0").fails(1, &["max_wasm_stack"]);
    run("0x200000000000").fails(1, &["max-wasm-stack", "cannot make a stack"]);
    run("18446744073709551615").fails(1, &["max-wasm-stack", "no stack can be that large"]);
}

#[test]
fn nans_have_one_form_where_that_is_asked_for() {
    let place = Place::new(&[(
        "nan.wat",
        r#"(module (func (export "f") (param i32) (result i32)
            (i32.reinterpret_f32 (f32.add
                (f32.reinterpret_i32 (local.get 0)) (f32.const 1)))))"#,
    )]);
    let payload = ["--invoke", "f", "nan.wat", "0x7fc12345"];
    for tier in TIERS {
        let run =
            |options: &[&str]| place.run(&[&["run", "--tier", tier], options, &payload].concat());
        run(&[]).prints("2143363909\n");
        run(&["-W", "nan-canonicalization"]).prints("2143289344\n");
        run(&["-W", "nan-canonicalization=n"]).prints("2143363909\n");
    }
}

#[test]
fn imports_that_nobody_defines() {
    let place = Place::new(&[
        (
            "unused.wat",
            r#"(module (import "env" "missing" (func $missing (result i64)))
                (func (export "_start"))
                (func (export "f") (result i64) (i64.add (i64.const 1) (call $missing))))"#,
        ),
        (
            "global.wat",
            r#"(module (import "env" "missing" (global $g i32)) (import "env" "table" (table 3 funcref))
                (func (export "f") (result i32) (i32.add (global.get $g) (table.size 0))))"#,
        ),
    ]);
    place
        .run(&["unused.wat"])
        .fails(1, &["unknown import: `env::missing`"]);
    let trap = ["-W", "unknown-imports-trap"];
    let default = ["-W", "unknown-imports-default"];
    let call = |options: [&'static str; 2], file: &'static str| {
        [&["run"], &options[..], &["--invoke", "f", file]].concat()
    };
    place
        .run(&[&["run"], &trap[..], &["unused.wat"]].concat())
        .prints("");
    let called = place.run(&call(trap, "unused.wat"));
    called.fails(1, &["`env::missing` has not been defined", "backtrace"]);
    place.run(&call(default, "unused.wat")).prints("1\n");
    place
        .run(&call(trap, "global.wat"))
        .fails(1, &["unknown import"]);
    place.run(&call(default, "global.wat")).prints("3\n");
}

#[test]
fn modules_that_are_loaded_before() {
    let place = Place::new(&[
        (
            "one.wat",
            r#"(module (func (export "one") (result i32) (i32.const 1)))"#,
        ),
        (
            "two.wat",
            r#"(module (import "one" "one" (func $one (result i32)))
                (global $set (mut i32) (i32.const 0))
                (func (export "_initialize") (global.set $set (call $one)))
                (func (export "two") (result i32) (i32.add (global.get $set) (call $one))))"#,
        ),
        (
            "sum.wat",
            r#"(module (import "one" "one" (func $one (result i32))) (import "b" "two" (func $two (result i32)))
                (func (export "f") (result i32) (i32.add (call $one) (call $two))))"#,
        ),
        (
            "trap.wat",
            r#"(module $trapper (func $inner (unreachable)) (func (export "_initialize") (call $inner)))"#,
        ),
        (
            "command.wat",
            r#"(module (func (export "_start")) (global (export "g") i32 (i32.const 1)))"#,
        ),
    ]);
    place.run(&["compile", "one.wat"]).prints("");
    let run = |options: &[&str]| {
        let last = ["--invoke", "f", "sum.wat"];
        place.run(&[&["run"], options, &last].concat())
    };
    run(&["--preload", "one=one.wat", "--preload", "b=two.wat"]).prints("3\n");
    let image = ["--preload=one=one.cwasm", "--preload=b=two.wat"];
    run(&image).fails(
        1,
        &["`one.cwasm` is a compiled image", "--allow-precompiled"],
    );
    run(&[&["--allow-precompiled"], &image[..]].concat()).prints("3\n");
    run(&["--preload", "b=two.wat"]).fails(1, &["cannot preload `two.wat` as `b`", "`one::one`"]);
    run(&["--preload", "b=none.wat"]).fails(1, &["there is no file `none.wat`"]);
    run(&["--preload", "b=trap.wat"]).fails(134, &["unreachable", "inner in trapper"]);
    let command = [
        "--preload=c=command.wat",
        "--preload=one=one.wat",
        "--preload=b=two.wat",
    ];
    run(&command).fails(1, &["command export 'g' is not a function"]);
    run(&[&["-W", "unknown-exports-allow"], &command[..]].concat()).prints("3\n");
}

/// Prints its variables, each with a NUL behind it.
const VARIABLES: &str = r#"(module
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $get (i32.const 16) (i32.const 4096)))
    (i32.store (i32.const 8) (i32.const 4096))
    (i32.store (i32.const 12) (i32.load (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))))"#;

#[test]
fn what_the_program_gets_of_wasi() {
    let place = Place::new(&[("vars.wat", VARIABLES)]);
    let run = |options: &[&str]| {
        let args = [&["run", "--no-cache"], options, &["vars.wat"]].concat();
        let mut command = place.command(&args);
        command.env_clear().env("A", "1").env("B", "2");
        crate::place::Ran::new(command.output().expect("the command starts"))
    };
    run(&[]).prints("");
    run(&["-S", "inherit-env"]).prints("A=1\0B=2\0");
    run(&["-S", "inherit-env=n", "--env", "B"]).prints("B=2\0");
    // A program takes the first that it finds.
    run(&["--env", "B=3", "-S", "inherit-env"]).prints("B=3\0A=1\0");
    run(&["-S", "inherit-env,inherit-stdout=n"]).prints("");
    run(&["-S", "cli=n"]).fails(1, &["unknown import: `wasi_snapshot_preview1::"]);
    run(&["-S", "common=n"]).fails(1, &["unknown import"]);
    let old = VARIABLES.replace("wasi_snapshot_preview1", "wasi_unstable");
    place.write("vars.wat", old);
    run(&["-S", "inherit-env"]).prints("A=1\0B=2\0");
    run(&["-S", "preview0=n"]).fails(1, &["unknown import: `wasi_unstable::"]);
}

/// Accepts one connection at descriptor 3, and sends what it receives back.
const SERVER: &str = r#"(module
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $error i32)
    (local.tee $error (call $accept (i32.const 3) (i32.const 0) (i32.const 0)))
    (if (then (call $exit (local.get $error))))
    (i32.store (i32.const 8) (i32.const 1024))
    (i32.store (i32.const 12) (i32.const 100))
    (drop (call $read (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 12)))
    (drop (call $write (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 16)))))"#;

#[test]
fn a_socket_that_listens() {
    let place = Place::new(&[("server.wat", SERVER)]);
    // Bound and released: nobody else is given it for a while.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("it is bound").to_string();
    drop(free);
    let option = format!("tcplisten={address}");
    let mut command = place.command(&["run", "-S", &option, "server.wat"]);
    let mut server = command.stderr(Stdio::piped()).spawn().expect("it starts");
    let mut connection = loop {
        match TcpStream::connect(&address) {
            Ok(connection) => break connection,
            Err(_) => assert!(server.try_wait().expect("a child").is_none(), "it ended"),
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    connection.write_all(b"hello").expect("it is read");
    let mut text = String::new();
    connection.read_to_string(&mut text).expect("it answers");
    assert_eq!(text, "hello");
    assert!(server.wait().expect("a child").success());
    place
        .run(&["run", "-S", "tcplisten=nowhere", "server.wat"])
        .fails(1, &["-S tcplisten=nowhere: cannot listen there"]);
    // Nobody has passed anything to this process: the descriptor is not there.
    assert_eq!(
        place.run(&["run", "-S", "listenfd", "server.wat"]).status,
        Some(8)
    );
    let mut shell = std::process::Command::new("sh");
    shell
        .args([
            "-c",
            "LISTEN_PID=$$ LISTEN_FDS=900 exec \"$0\" run --no-cache -S listenfd server.wat",
        ])
        .arg(env!("CARGO_BIN_EXE_mainspring"))
        .current_dir(place.path());
    let ran = crate::place::Ran::new(shell.output().expect("a shell"));
    ran.fails(1, &["LISTEN_FDS=900, but there is no descriptor"]);
}

#[test]
fn what_there_is_to_find_faults_with() {
    let place = Place::new(&[(
        "trap.wat",
        "(module (func $inner (unreachable)) (func (export \"_start\") (call $inner)))",
    )]);
    let run = |options: &[&str], log: &str| {
        let args = [&["run"], options, &["trap.wat"]].concat();
        let mut command = place.command(&args);
        command.env("MAINSPRING_LOG", log);
        crate::place::Ran::new(command.output().expect("the command starts"))
    };
    assert!(run(&[], "debug").stderr.contains("DEBUG"));
    run(&["-D", "logging=n"], "debug").fails(134, &["unreachable"]);
    run(&["-D", "log-to-files"], "debug").fails(134, &["unreachable"]);
    let files = std::fs::read_dir(place.path()).expect("a folder");
    let logs = files.map(|file| file.expect("it is there").path());
    let logs: Vec<_> = logs
        .filter(|path| path.to_string_lossy().contains("mainspring.dbg."))
        .collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
    assert!(
        std::fs::read_to_string(&logs[0])
            .expect("text")
            .contains("DEBUG")
    );
    for tier in TIERS {
        let at = |options: &[&str]| run(&[&["--tier", tier], options].concat(), "");
        at(&[]).fails(
            134,
            &["0: inner at offset 0x", "1: <function 1> at offset 0x"],
        );
        let without = at(&["-D", "address-map=n"]);
        without.fails(134, &["0: inner\n", "1: <function 1>\n"]);
        let one = at(&["-D", "max-backtrace=1"]);
        assert!(
            one.stderr.contains("0: inner") && !one.stderr.contains("1: "),
            "{one:?}"
        );
        let none = at(&["-D", "max-backtrace=0"]);
        assert!(!none.stderr.contains("inner"), "{none:?}");
    }
}

#[test]
fn how_code_is_made() {
    let place = Place::new(&[(
        "add.wat",
        r#"(module (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))"#,
    )]);
    let run = |options: &[&str]| {
        place.run(
            &[
                &["run", "--stats"],
                options,
                &["--invoke", "f", "add.wat", "1"],
            ]
            .concat(),
        )
    };
    let with = |options: &[&str], stderr: &str| {
        let ran = run(options);
        assert_eq!(
            (ran.status, ran.stdout.as_str()),
            (Some(0), "2\n"),
            "{ran:?}"
        );
        assert!(ran.stderr.contains(stderr), "no {stderr} in {ran:?}");
    };
    with(&["-C", "compiler=cranelift,cache=n"], "optimizing");
    with(&["-C", "compiler=winch", "--tier", "baseline"], "baseline");
    let both = run(&["-C", "compiler=winch", "--tier", "optimizing"]);
    both.fails(1, &["`-C compiler` and `--tier`"]);
    with(
        &["-C", "inlining=n,collector=null,parallel-compilation=n"],
        "",
    );
    with(
        &[
            "-O",
            "opt-level=s,memory-may-move=n,static-memory-forced,regalloc-algorithm=backtracking",
        ],
        "",
    );
    run(&["-O", "opt-level=3"]).fails(2, &["`3` is none of `0`, `1`, `2`, `s`"]);
    let cache = || std::fs::read_dir(place.cache.path()).map_or(0, Iterator::count);
    let before = cache();
    run(&["-C", "cache=n", "-W", "nan-canonicalization"]);
    assert_eq!(cache(), before, "nothing is kept");
    run(&["-W", "nan-canonicalization"]);
    assert!(cache() > before, "otherwise something is");
}

#[test]
fn options_from_a_file() {
    let place = Place::new(&[
        (
            "memory.wat",
            r#"(module (memory 1) (func (export "f") (result i32) (memory.grow (i32.const 1))))"#,
        ),
        (
            "small.toml",
            "[wasm]\nmax-memory-size = 65_536\ntail-call = false\n[wasi]\ntcplisten = []\n[codegen]\ncompiler = \"winch\"",
        ),
        ("fuel.toml", "wasm.fuel = 10"),
        ("wide.toml", "wasm.wide = true"),
        ("float.toml", "wasm.simd = 1.5"),
        ("table.toml", "simd = true"),
        ("other.toml", "[wat]"),
        ("broken.toml", "[wasm"),
    ]);
    let run = |options: &[&str]| {
        place.run(&[&["run"], options, &["--invoke", "f", "memory.wat"]].concat())
    };
    run(&["--config", "small.toml"]).prints("-1\n");
    run(&["--config", "small.toml", "-W", "max-memory-size=131072"]).prints("1\n");
    run(&["--config", "small.toml", "--tier", "optimizing"])
        .fails(1, &["`-C compiler` and `--tier`"]);
    let wrong = [
        ("fuel.toml", "-W fuel=10: not supported yet"),
        ("wide.toml", "did you mean `-W wide-arithmetic`?"),
        ("float.toml", "`simd` can't be a float"),
        (
            "table.toml",
            "`simd` is none of its tables, which are wasm, optimize",
        ),
        ("other.toml", "`wat` is none of its tables"),
        ("broken.toml", "--config broken.toml: "),
        ("none.toml", "--config none.toml: No such file"),
    ];
    for (file, text) in wrong {
        run(&["--config", file]).fails(1, &[text]);
    }
}

#[test]
fn the_cache_is_where_a_file_says() {
    let place = Place::new(&[
        ("empty.wat", "(module)"),
        ("wrong.toml", "[cache]\nsize = 1"),
    ]);
    let directory = place.path().join("kept");
    let text =
        format!("[cache]\ndirectory = {directory:?}\nfiles-total-size-soft-limit = \"10Mi\"");
    place.write("cache.toml", text);
    place
        .run(&["run", "-C", "cache-config=cache.toml", "empty.wat"])
        .prints("");
    assert!(directory.is_dir(), "the cache is there");
    let wrong = ["run", "-C", "cache-config=wrong.toml", "empty.wat"];
    place
        .run(&wrong)
        .fails(1, &["-C cache-config", "wrong.toml", "`size`"]);
    let off = ["run", "-C", "cache=n,cache-config=wrong.toml", "empty.wat"];
    place.run(&off).prints("");
    let none = ["run", "-C", "cache-config=none.toml", "empty.wat"];
    place.run(&none).fails(1, &["none.toml"]);
}
