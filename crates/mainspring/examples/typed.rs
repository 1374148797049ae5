//! Typed functions: the type is compared once, and calls are as quick as calls get.
//!
//! `cargo run --release -p mainspring --example typed`

use mainspring::*;
use std::time::Instant;

fn main() -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (func (export "gcd") (param i32 i32) (result i32) (local $t i32)
                (block $done
                    (loop $again
                        (br_if $done (i32.eqz (local.get 1)))
                        (local.set $t (i32.rem_u (local.get 0) (local.get 1)))
                        (local.set 0 (local.get 1))
                        (local.set 1 (local.get $t))
                        (br $again)))
                local.get 0)
            (func (export "divmod") (param i64 i64) (result i64 i64)
                (i64.div_s (local.get 0) (local.get 1))
                (i64.rem_s (local.get 0) (local.get 1))))"#,
    )?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;

    // Parameters and results are Rust types; several of them are tuples.
    let gcd = instance.get_typed_func::<(u32, u32), u32>(&mut store, "gcd")?;
    let divmod = instance.get_typed_func::<(i64, i64), (i64, i64)>(&mut store, "divmod")?;
    println!("gcd(1071, 462) = {}", gcd.call(&mut store, (1071, 462))?);
    println!("divmod(-7, 2) = {:?}", divmod.call(&mut store, (-7, 2))?);

    // Asking for another type is an error, not a surprise later.
    let wrong = instance.get_typed_func::<(f32,), ()>(&mut store, "gcd");
    println!("as (f32) -> (): {:#}", wrong.unwrap_err());

    let start = Instant::now();
    let mut sum = 0u64;
    for i in 1..=1_000_000 {
        sum += u64::from(gcd.call(&mut store, (i, 360))?);
    }
    println!(
        "a million calls: sum {sum}, {:.1} ns each",
        start.elapsed().as_secs_f64() * 1e3
    );
    Ok(())
}
