//! Compile ahead of time, store the image, load it in no time.
//!
//! `cargo run -p mainspring --example precompiled`

use mainspring::*;

fn main() -> Result<()> {
    let engine = Engine::default();
    let text = r#"(module
        (func $fib (export "fib") (param i32) (result i32)
            (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
                (then (local.get 0))
                (else (i32.add
                    (call $fib (i32.sub (local.get 0) (i32.const 1)))
                    (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#;

    let path = std::env::temp_dir().join("mainspring-example.image");
    std::fs::write(&path, engine.precompile_module(text.as_bytes())?)?;
    println!("the image is {:?}", Engine::detect_precompiled_file(&path)?);

    // SAFETY: an image is native code and runs as such; this one was written just now by ourselves, and
    // is not changed while it is in use.
    let module = unsafe { Module::deserialize_file(&engine, &path)? };
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    let fib = instance.get_typed_func::<u32, u32>(&mut store, "fib")?;
    println!("fib(25) = {}", fib.call(&mut store, 25)?);

    // An image is only loaded by an engine that would make the same code.
    let mut config = Config::new();
    config.cranelift_opt_level(OptLevel::None);
    // SAFETY: as above.
    let refused = unsafe { Module::deserialize_file(&Engine::new(&config)?, &path) };
    println!(
        "with other settings: {}",
        refused
            .unwrap_err()
            .root_cause()
            .to_string()
            .split(" (")
            .next()
            .unwrap_or_default()
    );
    std::fs::remove_file(&path)?;
    Ok(())
}
