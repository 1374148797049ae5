//! Two modules: one uses what the other exports, memory included.
//!
//! `cargo run -p mainspring --example linking`

use mainspring::*;

fn main() -> Result<()> {
    let engine = Engine::default();
    let logger = Module::new(
        &engine,
        r#"(module
            (import "host" "print" (func $print (param i32 i32)))
            (memory (export "memory") 1)
            (func (export "log") (param $at i32) (param $len i32)
                (call $print (local.get $at) (local.get $len))))"#,
    )?;
    let program = Module::new(
        &engine,
        r#"(module
            (import "logger" "memory" (memory 1))
            (import "logger" "log" (func $log (param i32 i32)))
            (data (i32.const 64) "written by one module, printed by way of another")
            (func (export "run") (call $log (i32.const 64) (i32.const 48))))"#,
    )?;

    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.func_wrap(
        "host",
        "print",
        |mut caller: Caller<'_, ()>, at: u32, len: u32| {
            // The instance that called us exports the memory that the numbers are about.
            let memory = caller.get_export("memory").and_then(Extern::into_memory);
            let Some(memory) = memory else {
                bail!("the caller exports no memory")
            };
            let data = memory.data(&caller);
            // Never trust a guest's numbers: an error here stops the guest.
            let text = data
                .get(at as usize..)
                .and_then(|rest| rest.get(..len as usize));
            let Some(text) = text else {
                bail!("the text is not inside the memory")
            };
            println!("{}", String::from_utf8_lossy(text));
            Ok(())
        },
    )?;

    // Every export of the instance gets a name: `logger::memory` and `logger::log`.
    let instance = linker.instantiate(&mut store, &logger)?;
    linker.instance(&mut store, "logger", instance)?;

    let instance = linker.instantiate(&mut store, &program)?;
    instance
        .get_typed_func::<(), ()>(&mut store, "run")?
        .call(&mut store, ())
}
