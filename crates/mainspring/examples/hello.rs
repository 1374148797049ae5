//! The smallest embedding: a module, one host function, one call.
//!
//! `cargo run -p mainspring --example hello`

use mainspring::*;

fn main() -> Result<()> {
    // An engine holds the configuration and the compilers. One for a process is enough.
    let engine = Engine::default();

    // A module is code. Nothing is compiled yet: functions are when they are called first.
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "hello" (func $hello))
            (func (export "run") call $hello))"#,
    )?;

    // A store owns everything that runs, with data of ours (here: nothing).
    let mut store = Store::new(&engine, ());

    // A linker gives names to what modules may import.
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "hello", || println!("Hello from the host"))?;

    let instance = linker.instantiate(&mut store, &module)?;
    let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
    run.call(&mut store, ())
}
