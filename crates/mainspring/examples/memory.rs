//! Linear memory from the host: read, write, grow, and stay inside.
//!
//! `cargo run -p mainspring --example memory`

use mainspring::*;

fn main() -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (memory (export "memory") 1 3)
            (data (i32.const 16) "abc")
            (func (export "sum") (param $at i32) (param $len i32) (result i32) (local $sum i32)
                (block $done
                    (loop $again
                        (br_if $done (i32.eqz (local.get $len)))
                        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
                        (local.set $at (i32.add (local.get $at) (i32.const 1)))
                        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
                        (br $again)))
                local.get $sum))"#,
    )?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    let memory = instance
        .get_memory(&mut store, "memory")
        .expect("the module exports it");
    let sum = instance.get_typed_func::<(u32, u32), u32>(&mut store, "sum")?;

    println!(
        "starts with {:?}",
        std::str::from_utf8(&memory.data(&store)[16..19])?
    );

    // `read` and `write` check bounds; `data` and `data_mut` are plain slices.
    memory.write(&mut store, 100, &[1, 2, 3, 4])?;
    memory.data_mut(&mut store)[104] = 5;
    println!("sum of 5 bytes: {}", sum.call(&mut store, (100, 5))?);

    let before = memory.grow(&mut store, 1)?;
    println!(
        "grew from {before} to {} pages of {} bytes",
        memory.size(&store),
        memory.page_size(&store)
    );
    println!("too far: {:#}", memory.grow(&mut store, 2).unwrap_err());
    println!(
        "outside: {}",
        memory.write(&mut store, 131_071, &[0, 0]).unwrap_err()
    );
    println!(
        "outside, in wasm: {:#}",
        sum.call(&mut store, (131_000, 1_000))
            .unwrap_err()
            .root_cause()
    );
    Ok(())
}
