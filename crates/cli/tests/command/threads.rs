//! Programs that make threads.

use crate::place::{Place, Ran};
use std::process::Command;

const TIERS: [&str; 3] = ["tiered", "baseline", "optimizing"];

const PROGRAMS: &[(&str, &str)] = &[
    ("counter.wat", include_str!("threads/counter.wat")),
    ("trap.wat", include_str!("threads/trap.wat")),
    ("exit.wat", include_str!("threads/exit.wat")),
    ("main-ends.wat", include_str!("threads/main-ends.wat")),
    ("family.wat", include_str!("threads/family.wat")),
    ("more.wat", include_str!("threads/more.wat")),
];

const THREADS: [&str; 4] = ["-S", "threads", "-W", "shared-memory"];

/// Runs a program that may make threads.
fn run(place: &Place, args: &[&str]) -> Ran {
    place.run(&[&["run"], &THREADS[..], args].concat())
}

#[track_caller]
fn ends(ran: &Ran, status: i32) {
    let came = (ran.status, ran.stdout.as_str(), ran.stderr.as_str());
    assert_eq!(came, (Some(status), "", ""));
}

#[test]
fn threads_share_their_memory_and_their_descriptors() {
    let place = Place::new(PROGRAMS);
    for tier in TIERS {
        run(&place, &["--tier", tier, "counter.wat"]).prints("ok\n");
    }
    place
        .run(&["-Sthreads=y", "-Wshared-memory=y", "counter.wat"])
        .prints("ok\n");
}

#[test]
fn a_trap_of_a_thread_ends_the_program() {
    let place = Place::new(PROGRAMS);
    for tier in TIERS {
        let ran = run(&place, &["--tier", tier, "--stats", "trap.wat"]);
        assert!(ran.stderr.starts_with("load "), "{ran:?}");
        let error = ran.stderr.find("error: ").expect("an error");
        let stderr = ran.stderr[error..].to_string();
        let trap = "integer divide by zero";
        let frames = ["0: divide in trap at offset 0x", "1: thread in trap"];
        Ran { stderr, ..ran }.fails(134, &[trap, frames[0], frames[1]]);
    }
}

#[test]
fn an_exit_of_a_thread_ends_the_program() {
    let place = Place::new(PROGRAMS);
    for tier in TIERS {
        ends(&run(&place, &["--tier", tier, "exit.wat"]), 7);
    }
    place.write(
        "far.wat",
        PROGRAMS[2].1.replace("i32.const 7", "i32.const 256"),
    );
    run(&place, &["far.wat"]).fails(1, &["status 256,", "0 to 255"]);
}

#[test]
fn the_end_of_main_ends_all_threads() {
    let place = Place::new(PROGRAMS);
    for tier in TIERS {
        ends(&run(&place, &["--tier", tier, "main-ends.wat"]), 0);
    }
}

#[test]
fn threads_make_threads() {
    let place = Place::new(PROGRAMS);
    for tier in TIERS {
        ends(&run(&place, &["--tier", tier, "family.wat"]), 10);
    }
}

/// Where the system has no room for more threads, the program is told.
#[test]
fn a_thread_that_cannot_be_made_is_a_negative_number() {
    let place = Place::new(PROGRAMS);
    for tier in TIERS {
        let stack = ["-W", "max-wasm-stack=1000000000", "more.wat"];
        let args = [&["run", "--tier", tier], &THREADS[..], &stack].concat();
        let command = place.command(&args);
        // A limit on threads would not hold for root, one on address space does. Large stacks leave much of it
        // when the first does not fit.
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "ulimit -v 10000000; exec \"$0\" \"$@\""])
            .arg(command.get_program())
            .args(command.get_args())
            .envs(
                command
                    .get_envs()
                    .filter_map(|(key, value)| Some((key, value?))),
            )
            .current_dir(place.path());
        let ran = Ran::new(shell.output().expect("a shell"));
        let note = "note: the program gets no more threads: ";
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
        assert!(ran.stderr.starts_with(note), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
}

#[test]
fn a_module_that_threads_cannot_begin_in_is_said() {
    let place = Place::new(&[]);
    let program = |start: &str| {
        format!(
            r#"(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "env" "memory" (memory 1 1 shared))
  (export "memory" (memory 0))
  {start}
  (func (export "_start")
    (drop (call $spawn (i32.const 0)))
    (if (i32.ge_s (call $spawn (i32.const 0)) (i32.const 0)) (then unreachable))))"#
        )
    };
    let missing = "note: the program gets no more threads: the module exports no function `wasi_thread_start` for \
        threads to begin in\n";
    let other = "note: the program gets no more threads: `wasi_thread_start`, for threads to begin in, has to have the \
        type `(type (func (param i32 i32)))`, and has `(type (func (param i32 i64)))`\n";
    let cases = [
        ("", missing),
        (r#"(export "wasi_thread_start" (memory 0))"#, missing),
        (
            r#"(func (export "wasi_thread_start") (param i32 i64))"#,
            other,
        ),
    ];
    for (start, note) in cases {
        place.write("start.wat", program(start));
        let ran = run(&place, &["start.wat"]);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), note));
    }
    // Whoever makes no thread needs none.
    place.write(
        "none.wat",
        program("").replace("(drop (call $spawn (i32.const 0)))", "return"),
    );
    run(&place, &["none.wat"]).prints("");
}

#[test]
fn what_threads_take_is_said() {
    let place = Place::new(PROGRAMS);
    place
        .run(&["run", "-W", "shared-memory", "counter.wat"])
        .fails(1, &["counter.wat", "`-S threads` lets it do"]);
    place.run(&["run", "-S", "threads", "counter.wat"]).fails(
        1,
        &["shared memories is switched off; `-W shared-memory` allows it"],
    );
    run(&place, &["-W", "threads=n", "counter.wat"])
        .fails(1, &["needs the threads proposal", "`-W threads` allows it"]);
    place.write("own.wat", r#"(module (import "env" "pages" (memory 1)))"#);
    run(&place, &["own.wat"]).fails(1, &["the memory `env::pages`", "is not shared"]);
    run(&place, &["--preload", "a=own.wat", "counter.wat"]).fails(1, &["--preload", "-S threads"]);
    // A program that makes none is one as before.
    place.write("plain.wat", r#"(module (func (export "_start")))"#);
    place.run(&["-S", "threads", "plain.wat"]).prints("");
}

#[test]
fn limits_hold_for_all_threads_together() {
    let place = Place::new(PROGRAMS);
    run(&place, &["--max-memory", "60000", "counter.wat"])
        .fails(1, &["memory minimum size of 1 pages exceeds memory limits"]);
    run(&place, &["-W", "max-memory-size=60000", "counter.wat"])
        .fails(1, &["memory minimum size of 1 pages exceeds memory limits"]);
    let ran = run(&place, &["-W", "max-instances=3", "more.wat"]);
    let note = "each thread is an instance, and there are as many as there may be\n";
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stderr.ends_with(note), "{ran:?}");
    ends(&run(&place, &["-W", "max-instances=3", "exit.wat"]), 7);

    // Threads that come and go, each with a table of 8,000 bytes, and each of which takes a page of the memory.
    let text = r#"(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "env" "memory" (memory 1 100 shared))
  (export "memory" (memory 0))
  (table 1000 funcref)
  (func (export "wasi_thread_start") (param i32 i32)
    (i32.atomic.store (i32.const 4) (memory.grow (i32.const 1)))
    (i32.atomic.store (i32.const 0) (i32.const 1))
    (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))
  (func (export "_start")
    (loop $more
      (i32.atomic.store (i32.const 0) (i32.const 0))
      (drop (call $spawn (i32.const 0)))
      (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
      (br_if $more (i32.ge_s (i32.atomic.load (i32.const 4)) (i32.const 0))))
    (call $exit (memory.size))))"#;
    place.write("grow.wat", text);
    // 15 pages and two or three tables; how soon a thread that has ended is gone varies.
    for tier in TIERS {
        let ran = run(
            &place,
            &["--tier", tier, "--max-memory", "1020000", "grow.wat"],
        );
        ends(&ran, 15);
    }
}
