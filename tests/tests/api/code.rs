//! Code as a thing: images, and the memory it lies in.

use crate::engines;
use mainspring::*;

const TEXT: &str = r#"(module $m (memory 1) (data (i32.const 8) "\05")
    (func $get (export "get") (result i32) (i32.load8_u (i32.const 8)))
    (func (export "fail") (i32.store (i32.const -1) (call $get))))"#;

fn check(engine: &Engine, module: &Module) {
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, module, &[]).unwrap();
    let get = instance
        .get_typed_func::<(), i32>(&mut store, "get")
        .unwrap();
    assert_eq!(get.call(&mut store, ()).unwrap(), 5);
    let error = instance
        .get_typed_func::<(), ()>(&mut store, "fail")
        .unwrap()
        .call(&mut store, ())
        .unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds));
    assert_eq!(
        error.downcast_ref::<WasmBacktrace>().unwrap().frames()[0]
            .module()
            .name(),
        Some("m")
    );
}

#[test]
fn images_load_and_run() {
    for (_, engine) in engines() {
        let module = Module::new(&engine, TEXT).unwrap();
        check(&engine, &module);
        let image = module.serialize().unwrap();
        assert_eq!(
            Engine::detect_precompiled(&image),
            Some(Precompiled::Module)
        );
        assert_eq!(Engine::detect_precompiled(b"\0asm\x01\0\0\0"), None);
        // SAFETY: made right here.
        let loaded = unsafe { Module::deserialize(&engine, &image) }.unwrap();
        check(&engine, &loaded);
        assert_eq!(loaded.serialize().unwrap(), image);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            engine.precompile_module(TEXT.as_bytes()).unwrap(),
        )
        .unwrap();
        // SAFETY: made right here, and left alone.
        check(
            &engine,
            &unsafe { Module::deserialize_file(&engine, file.path()) }.unwrap(),
        );
        let error = Module::new(&engine, &image).unwrap_err();
        assert!(
            error.to_string().contains("compiled image"),
            "native code is never taken for a module: {error}"
        );
    }
}

/// An image with any one byte changed, or cut short, is refused.
#[test]
fn damaged_images_are_refused() {
    let engine = Engine::default();
    let image = engine.precompile_module(TEXT.as_bytes()).unwrap();
    // SAFETY: images that are refused are not run, and the one that is not was made right here.
    let load = |bytes: &[u8]| unsafe { Module::deserialize(&engine, bytes) }.map(drop);
    load(&image).unwrap();
    // All of the header, and some of the rest.
    for i in 0..700 {
        let at = if i < 300 {
            i
        } else {
            (i - 300) * (image.len() - 1) / 399
        };
        let mut damaged = image.clone();
        damaged[at] ^= 1 << (i % 8);
        let error = load(&damaged)
            .expect_err("a changed byte is found")
            .to_string();
        assert!(error.contains("image"), "{error}");
        assert!(load(&image[..at]).is_err());
    }
    let mut longer = image.clone();
    longer.push(0);
    assert!(load(&longer).is_err());
}

/// What is different, and would be so in the code, is named; what makes no difference to the code makes none.
#[test]
fn images_are_for_settings_that_make_the_same_code() {
    type Configure = fn(&mut Config) -> &mut Config;
    let no_memory =
        r#"(module (func (export "f") (result f32) (f32.add (f32.const 1) (f32.const 2))))"#;
    let cases: &[(Configure, &str, bool, bool)] = &[
        // What is set, the name of it, and whether the images of modules with and without a memory are refused.
        (
            |c| c.memory_reservation(1 << 20),
            "memory_reservation",
            true,
            false,
        ),
        (|c| c.memory_guard_size(0), "memory_guard_size", true, false),
        (|c| c.memory_may_move(false), "memory_may_move", true, false),
        (
            |c| c.cranelift_nan_canonicalization(true),
            "cranelift_nan_canonicalization",
            true,
            true,
        ),
        (
            |c| c.cranelift_opt_level(OptLevel::None),
            "cranelift_opt_level",
            true,
            true,
        ),
        (
            |c| c.compiler_inlining(Inlining::No),
            "compiler_inlining",
            true,
            true,
        ),
        (
            |c| c.generate_address_map(false),
            "generate_address_map",
            true,
            true,
        ),
        (|c| c.relaxed_simd_deterministic(true), "", false, false),
        (|c| c.wasm_branch_hinting(true), "", false, false),
        (|c| c.memory_reservation_for_growth(0), "", false, false),
        (|c| c.guard_before_linear_memory(false), "", false, false),
        (|c| c.memory_init_cow(false), "", false, false),
        (|c| c.cranelift_debug_verifier(true), "", false, false),
        (|c| c.strategy(Strategy::Winch), "", false, false),
        (|c| c.parallel_compilation(false), "", false, false),
        (|c| c.max_wasm_stack(1 << 20), "", false, false),
    ];
    let made_by = Engine::default();
    for &(configure, name, with_memory, without) in cases {
        let mut config = Config::new();
        let engine = Engine::new(configure(&mut config)).unwrap();
        for (text, refused) in [(TEXT, with_memory), (no_memory, without)] {
            let image = made_by.precompile_module(text.as_bytes()).unwrap();
            // SAFETY: it is refused, or was made right here.
            let loaded = unsafe { Module::deserialize(&engine, &image) };
            assert_eq!(loaded.is_err(), refused, "{name}");
            let Err(error) = loaded else { continue };
            let error = error.to_string();
            assert!(error.contains("other settings"), "{error}");
            for (_, other, ..) in cases.iter().filter(|case| !case.1.is_empty()) {
                assert_eq!(error.contains(other), *other == name, "{error}");
            }
        }
    }
}

#[test]
fn the_text_of_a_module_is_its_code() {
    for (name, engine) in engines() {
        let module = Module::new(&engine, TEXT).unwrap();
        let text = module.text();
        assert!(!text.is_empty(), "{name}");
        let image = module.serialize().unwrap();
        assert!(image.windows(text.len()).any(|part| part == text), "{name}");
        // SAFETY: made right here.
        let loaded = unsafe { Module::deserialize(&engine, &image) }.unwrap();
        assert_eq!(loaded.text(), text, "{name}");
        check(&engine, &module);
    }
    let engine = Engine::default();
    let empty = Module::new(&engine, "(module)").unwrap();
    assert!(empty.text().is_empty());
}

/// The same module and settings make the same bytes, whoever makes them.
#[test]
fn images_are_reproducible() {
    let exports: String = (0..40)
        .map(|i| format!("(func (export \"f{i}\") (result i32) (i32.const {i}))"))
        .collect();
    let text = format!("(module (memory (export \"m\") 1) {exports})");
    let first = Engine::default()
        .precompile_module(text.as_bytes())
        .unwrap();
    for _ in 0..4 {
        let engine = Engine::default();
        assert_eq!(engine.precompile_module(text.as_bytes()).unwrap(), first);
        let module = Module::new(&engine, &text).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let f = instance
            .get_typed_func::<(), i32>(&mut store, "f7")
            .unwrap();
        assert_eq!(f.call(&mut store, ()).unwrap(), 7);
        assert_eq!(module.serialize().unwrap(), first);
        let mut config = Config::new();
        let ahead = Engine::new(config.strategy(Strategy::Cranelift)).unwrap();
        assert_eq!(
            Module::new(&ahead, &text).unwrap().serialize().unwrap(),
            first
        );
    }
}

/// No mapping of the process is writable and executable, and what modules took comes back.
#[test]
fn code_memory_is_returned_and_never_writable_where_it_runs() {
    let maps = || std::fs::read_to_string("/proc/self/maps").unwrap();
    let functions: String = (0..200)
        .map(|i| format!("(func (export \"f{i}\") (result i32) i32.const {i})"))
        .collect();
    let text = format!("(module {functions})");
    let engine = Engine::default();
    let mut counts = Vec::new();
    for round in 0..60 {
        let module = Module::new(&engine, &text).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        for i in (0..200).step_by(7) {
            let f = instance
                .get_typed_func::<(), i32>(&mut store, &format!("f{i}"))
                .unwrap();
            assert_eq!(f.call(&mut store, ()).unwrap(), i);
        }
        let maps = maps();
        for line in maps.lines() {
            let rights = line.split(' ').nth(1).unwrap_or_default();
            assert!(!(rights.contains('w') && rights.contains('x')), "{line}");
        }
        if round % 20 == 19 {
            counts.push(maps.lines().count());
        }
    }
    // Other tests of this process run beside this one; growth by a mapping a round would be 40.
    assert!(counts[2] < counts[0] + 30, "{counts:?}");
}

#[test]
fn modules_are_made_step_by_step() -> Result<()> {
    let engine = Engine::default();
    let binary = wat::parse_str(TEXT).expect("valid");
    let directory = tempfile::tempdir()?;
    let (text_file, binary_file) = (
        directory.path().join("m.wat"),
        directory.path().join("m.wasm"),
    );
    std::fs::write(&text_file, TEXT)?;
    std::fs::write(&binary_file, &binary)?;
    let mut made = Vec::new();
    let builder = || CodeBuilder::new(&engine);
    made.push(builder().wasm_binary(&binary, None)?.compile_module()?);
    made.push(
        builder()
            .wasm_binary_or_text(TEXT.as_bytes(), Some(&text_file))?
            .compile_module()?,
    );
    made.push(builder().wasm_binary_file(&binary_file)?.compile_module()?);
    made.push(
        builder()
            .wasm_binary_or_text_file(&text_file)?
            .compile_module()?,
    );
    let image = builder()
        .wasm_binary(&binary, None)?
        .compile_module_serialized()?;
    // SAFETY: made right here.
    made.push(unsafe { Module::deserialize_raw(&engine, std::ptr::NonNull::from(&image[..]))? });
    for module in &made {
        check(&engine, module);
    }
    let message = |error: Error| format!("{error:#}");
    let mut twice = builder();
    twice.wasm_binary(&binary, None)?;
    assert_eq!(twice.hint(), Some(CodeHint::Module));
    let error = twice.wasm_binary(&binary, None).map(|_| ());
    assert!(message(error.expect_err("set before")).contains("already"));
    let nothing = builder().compile_module();
    assert!(message(nothing.expect_err("no bytes")).contains("no wasm bytes"));
    let as_binary = builder()
        .wasm_binary_file(&text_file)?
        .compile_module()
        .expect_err("text");
    assert!(message(as_binary).contains("m.wat"));
    let broken = builder()
        .wasm_binary_or_text(b"(module", Some(&text_file))
        .map(|_| ());
    assert!(message(broken.expect_err("malformed")).contains("m.wat"));
    let component = builder()
        .wasm_binary(&b"\0asm\x0d\0\x01\0"[..], None)?
        .hint();
    assert_eq!(component, Some(CodeHint::Component));
    assert_eq!(builder().wasm_binary(&b"(module)"[..], None)?.hint(), None);
    assert_eq!(builder().hint(), None);
    Ok(())
}
