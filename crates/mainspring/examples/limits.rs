//! Guests that misbehave: too much memory, endless recursion, plain mistakes.
//!
//! `cargo run -p mainspring --example limits`

use mainspring::*;

fn main() -> Result<()> {
    let mut config = Config::new();
    config.max_wasm_stack(128 << 10);
    let engine = Engine::new(&config)?;
    let module = Module::new(
        &engine,
        r#"(module $guest
            (memory 1)
            (func (export "grow") (result i32) (memory.grow (i32.const 1000)))
            (func $down (export "recurse") (param i32) (result i32)
                (i32.add (call $down (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
            (func $divide (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
            (func $middle (param i32) (result i32) (call $divide (local.get 0) (i32.const 0)))
            (func (export "mistake") (result i32) (call $middle (i32.const 1))))"#,
    )?;

    let limits = StoreLimitsBuilder::new()
        .memory_size(1 << 20)
        .instances(1)
        .build();
    let mut store = Store::new(&engine, limits);
    store.limiter(|limits| limits);
    let instance = Instance::new(&mut store, &module, &[])?;

    // A limit makes growing fail, which a well-behaved guest expects.
    let grow = instance.get_typed_func::<(), i32>(&mut store, "grow")?;
    println!("memory.grow returned {}", grow.call(&mut store, ())?);

    // A trap ends the call, and nothing else: the store stays usable.
    let recurse = instance.get_typed_func::<i32, i32>(&mut store, "recurse")?;
    let error = recurse.call(&mut store, 0).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::StackOverflow));
    println!("{}", error.root_cause());

    // The error knows which functions were running.
    let mistake = instance.get_typed_func::<(), i32>(&mut store, "mistake")?;
    let error = mistake.call(&mut store, ()).unwrap_err();
    println!("{error:?}");

    let second = Instance::new(&mut store, &module, &[]);
    println!("a second instance: {:#}", second.unwrap_err());
    Ok(())
}
