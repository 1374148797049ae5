//! Data of the host's, in the store, where host functions find it.
//!
//! `cargo run -p mainspring --example state`

use mainspring::*;

#[derive(Default)]
struct Counters {
    calls: u32,
    largest: i64,
}

fn main() -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "report" (func $report (param i64) (result i32)))
            (func (export "run") (result i32)
                (drop (call $report (i64.const 3)))
                (drop (call $report (i64.const 11)))
                (call $report (i64.const 7))))"#,
    )?;

    let mut linker = Linker::new(&engine);
    linker.func_wrap(
        "host",
        "report",
        |mut caller: Caller<'_, Counters>, value: i64| {
            let counters = caller.data_mut();
            counters.calls += 1;
            counters.largest = counters.largest.max(value);
            counters.calls
        },
    )?;

    // Imports are looked up and checked once; each store is then set up quickly, with its own data.
    let prepared = linker.instantiate_pre(&module)?;
    for round in 1..=2 {
        let mut store = Store::new(&engine, Counters::default());
        let instance = prepared.instantiate(&mut store)?;
        let run = instance.get_typed_func::<(), i32>(&mut store, "run")?;
        let calls = run.call(&mut store, ())?;
        println!(
            "store {round}: {calls} calls, the largest value was {}",
            store.data().largest
        );
    }
    Ok(())
}
