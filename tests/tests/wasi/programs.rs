//! Whole programs, as a compiler would make them: they run from `_start`, find
//! their way by themselves, and end.

use mainspring::{Linker, Module, Result, Store};
use mainspring_wasi::p1::{self, WasiP1Ctx};
use mainspring_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use mainspring_wasi::{FsPerms, I32Exit, WasiCtxBuilder};

use crate::guest::engine;

/// The state of an embedder that keeps more than WASI in its store.
struct Host {
    wasi: WasiP1Ctx,
    calls: u32,
}

fn run(text: &str, builder: &mut WasiCtxBuilder) -> (Result<()>, u32) {
    let module = Module::new(engine(), text).unwrap();
    let mut linker: Linker<Host> = Linker::new(engine());
    p1::add_to_linker_sync(&mut linker, |host| &mut host.wasi).unwrap();
    linker
        .func_wrap(
            "host",
            "count",
            |mut caller: mainspring::Caller<'_, Host>| {
                caller.data_mut().calls += 1;
            },
        )
        .unwrap();
    let host = Host {
        wasi: builder.build_p1(),
        calls: 0,
    };
    let mut store = Store::new(engine(), host);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let start = instance
        .get_typed_func::<(), ()>(&mut store, "_start")
        .unwrap();
    let result = start.call(&mut store, ());
    (result, store.data().calls)
}

const HELLO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write"
        (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "host" "count" (func $count))
    (memory (export "memory") 1)
    (data (i32.const 16) "hello, world\n")
    (data (i32.const 0) "\10\00\00\00\0d\00\00\00")
    (func (export "_start")
        (call $count)
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

#[test]
fn hello() {
    let out = MemoryOutputPipe::new(100);
    let (result, calls) = run(HELLO, WasiCtxBuilder::new().stdout(out.clone()));
    result.unwrap();
    assert_eq!(calls, 1);
    assert_eq!(out.contents(), b"hello, world\n");
}

/// Copies standard input to the file `copy`, reads that back, writes it to
/// standard output, and exits with the number of bytes.
const COPY: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read"
        (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write"
        (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_seek"
        (func $fd_seek (param i32 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "copy")
    (global $total (mut i32) (i32.const 0))

    (func $check (param $errno i32)
        (if (local.get $errno) (then (call $proc_exit (i32.const 99)))))
    ;; Moves all there is from one descriptor to another, 10 bytes at a time.
    (func $move (param $from i32) (param $to i32)
        (loop $again
            (i32.store (i32.const 0) (i32.const 1024))
            (i32.store (i32.const 4) (i32.const 10))
            (call $check (call $fd_read
                (local.get $from) (i32.const 0) (i32.const 1) (i32.const 8)))
            (if (i32.load (i32.const 8)) (then
                (i32.store (i32.const 4) (i32.load (i32.const 8)))
                (call $check (call $fd_write
                    (local.get $to) (i32.const 0) (i32.const 1) (i32.const 8)))
                (global.set $total
                    (i32.add (global.get $total) (i32.load (i32.const 8))))
                (br $again)))))
    (func (export "_start") (local $file i32)
        (call $check (call $path_open
            (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 4)
            (i32.const 9) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 12)))
        (local.set $file (i32.load (i32.const 12)))
        (call $move (i32.const 0) (local.get $file))
        (call $check (call $fd_seek
            (local.get $file) (i64.const 0) (i32.const 0) (i32.const 16)))
        (call $move (local.get $file) (i32.const 1))
        (call $proc_exit (global.get $total))
        unreachable))"#;

#[test]
fn copy_through_a_file() {
    copies(COPY);
}

/// What toolchains make for threads runs without any, too.
#[test]
fn copy_through_a_file_from_a_shared_memory() {
    let own = r#"(memory (export "memory") 1)"#;
    assert!(COPY.contains(own));
    copies(&COPY.replace(own, r#"(memory (export "memory") 1 1 shared)"#));
}

fn copies(program: &str) {
    let dir = tempfile::tempdir().unwrap();
    let out = MemoryOutputPipe::new(1000);
    let text = "the quick brown fox jumps over the lazy dog";
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdin(MemoryInputPipe::new(text))
        .stdout(out.clone())
        .preopened_dir(dir.path(), ".", FsPerms::ReadWrite)
        .unwrap();
    let (result, _) = run(program, &mut builder);
    let error = result.unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&I32Exit(2 * text.len() as i32)));
    assert_eq!(out.contents(), text.as_bytes());
    let on_disk = std::fs::read(dir.path().join("copy")).unwrap();
    assert_eq!(on_disk, text.as_bytes());
}
