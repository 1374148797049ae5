//! What becomes of a program's file, and of its bytes in memory, while it runs.

use crate::place::{Place, Ran};
use std::fs;
use std::io::Write;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A file is known once it was left alone for 3 seconds.
const SETTLED: Duration = Duration::from_millis(3200);

/// Bytes of a program that it needs only in parts.
const LARGE: usize = 64 << 20;

/// Says that it runs, waits for input, then calls what was not called before, which says `late`.
fn program() -> Vec<u8> {
    let text = r#"(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\20\00\00\00\05\00\00\00")
  (data $late "late\n")
  (func $late
    (memory.init $late (i32.const 32) (i32.const 0) (i32.const 5))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
  (func (export "_start")
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
    (call $late)))"#;
    let mut bytes = wat::parse_str(text).expect("a module");
    // A custom section.
    bytes.push(0);
    let mut len = LARGE;
    for _ in 0..4 {
        bytes.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes.extend(b"\x05large");
    bytes.resize(bytes.len() + LARGE - 6, 7);
    bytes
}

fn start(place: &Place) -> Child {
    let mut command = place.command(&["run", "program.wasm"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("the command starts")
}

fn go_on(mut child: Child) -> Ran {
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"\n").expect("it reads its input");
    drop(input);
    Ran::new(child.wait_with_output().expect("the command ends"))
}

/// Bytes of memory that a process has.
fn resident(child: &Child) -> usize {
    let statm = fs::read_to_string(format!("/proc/{}/statm", child.id())).expect("it runs");
    let pages: usize = (statm.split(' ').nth(1).and_then(|n| n.parse().ok())).expect("a number");
    pages * 4096
}

/// Waits until a process has less memory than so much.
#[track_caller]
fn wait_for_less(child: &Child, bytes: usize) {
    let start = Instant::now();
    while resident(child) >= bytes {
        assert!(start.elapsed() < Duration::from_secs(20), "{bytes}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A program's file on a file system that tells the command before someone writes.
fn settled(program: &[u8]) -> Place {
    let place = Place::in_memory();
    place.write("program.wasm", program);
    thread::sleep(SETTLED);
    place
}

#[test]
fn a_large_program_is_not_kept_in_memory() {
    let place = settled(&program());
    // Read first, then known.
    for _ in 0..2 {
        let child = start(&place);
        wait_for_less(&child, LARGE / 2);
        go_on(child).prints("late\n");
    }
}

#[test]
fn a_program_goes_on_when_its_file_is_overwritten() {
    let program = program();
    let place = settled(&program);
    for time in ["read", "known"] {
        let child = start(&place);
        thread::sleep(Duration::from_secs(2));
        // What it needs is read before this returns.
        place.write("program.wasm", "something else");
        go_on(child).prints("late\n");
        place.write("program.wasm", &program);
        thread::sleep(SETTLED);
        // Nothing wrong was remembered.
        let again = place.run_with_input(&["run", "program.wasm"], b"\n");
        assert_eq!(again.stdout, "late\n", "{time}: {again:?}");
    }
}
