//! A WASI program with what it is granted: arguments, one directory, and a pipe for its output.
//!
//! `cargo run -p mainspring-wasi --example wasi`

use mainspring::{Engine, Linker, Module, Result, Store};
use mainspring_wasi::p1::{self, WasiP1Ctx};
use mainspring_wasi::p2::pipe::MemoryOutputPipe;
use mainspring_wasi::{I32Exit, WasiCtxBuilder};

fn main() -> Result<()> {
    let engine = Engine::default();
    // What a compiler for wasm32-wasi would make of: write(1, "hello\n", 6); exit(3);
    let module = Module::new(
        &engine,
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\06\00\00\00")
            (data (i32.const 16) "hello\n")
            (func (export "_start")
                (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
                (call $proc_exit (i32.const 3))))"#,
    )?;

    let mut linker: Linker<WasiP1Ctx> = Linker::new(&engine);
    p1::add_to_linker_sync(&mut linker, |wasi| wasi)?;

    let output = MemoryOutputPipe::new(4096);
    let wasi = WasiCtxBuilder::new()
        .arg("program")
        .stdout(output.clone())
        .build_p1();
    let mut store = Store::new(&engine, wasi);
    let instance = linker.instantiate(&mut store, &module)?;
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;

    // A program ends by an error that holds its exit code.
    match start.call(&mut store, ()) {
        Ok(()) => println!("returned"),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(code)) => println!("exited with {code}"),
            None => return Err(error),
        },
    }
    println!("it wrote {:?}", String::from_utf8_lossy(&output.contents()));
    Ok(())
}
