//! What can be switched: what is on by default, what needs what, and what is said of a module that uses what is off.

use mainspring::*;

type Switch = fn(&mut Config, bool) -> &mut Config;

/// A proposal, by the name that errors give it.
struct Proposal {
    name: &'static str,
    switch: Switch,
    feature: WasmFeatures,
    by_default: bool,
    /// A module that nothing is wrong with but that it uses the proposal.
    module: &'static str,
}

/// As a table has it: whether it is on by default comes before its module.
const fn proposal(
    name: &'static str,
    switch: Switch,
    feature: WasmFeatures,
    by_default: bool,
    module: &'static str,
) -> Proposal {
    Proposal {
        name,
        switch,
        feature,
        by_default,
        module,
    }
}

#[rustfmt::skip]
const PROPOSALS: &[Proposal] = &[
    proposal("bulk-memory", Config::wasm_bulk_memory, WasmFeatures::BULK_MEMORY, true,
        "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))"),
    proposal("multi-value", Config::wasm_multi_value, WasmFeatures::MULTI_VALUE, true,
        "(module (func (result i32 i32) (i32.const 1) (i32.const 2)))"),
    proposal("reference-types", Config::wasm_reference_types, WasmFeatures::REFERENCE_TYPES, true,
        "(module (func (param externref)))"),
    proposal("simd", Config::wasm_simd, WasmFeatures::SIMD, true,
        "(module (func (param v128)))"),
    proposal("relaxed-simd", Config::wasm_relaxed_simd, WasmFeatures::RELAXED_SIMD, true,
        "(module (func (param v128) (drop (f32x4.relaxed_min (local.get 0) (local.get 0)))))"),
    proposal("multi-memory", Config::wasm_multi_memory, WasmFeatures::MULTI_MEMORY, true,
        "(module (memory 1) (memory 1))"),
    proposal("memory64", Config::wasm_memory64, WasmFeatures::MEMORY64, true,
        "(module (memory i64 1))"),
    proposal("extended-const", Config::wasm_extended_const, WasmFeatures::EXTENDED_CONST, true,
        "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))"),
    proposal("tail-call", Config::wasm_tail_call, WasmFeatures::TAIL_CALL, true,
        "(module (func (return_call 0)))"),
    proposal("threads", Config::wasm_threads, WasmFeatures::THREADS, true,
        "(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))"),
    proposal("memory64", Config::wasm_memory64, WasmFeatures::MEMORY64, true,
        "(module (table i64 1 funcref))"),
    proposal("threads", Config::wasm_threads, WasmFeatures::THREADS, true,
        "(module (memory 1 1 shared))"),
    proposal("function-references", Config::wasm_function_references, WasmFeatures::FUNCTION_REFERENCES, true,
        "(module (func (param (ref func))))"),
    proposal("gc", Config::wasm_gc, WasmFeatures::GC, true,
        "(module (type (struct (field i32))))"),
    proposal("gc", Config::wasm_gc, WasmFeatures::GC, true,
        "(module (func (drop (ref.i31 (i32.const 0)))))"),
    proposal("exceptions", Config::wasm_exceptions, WasmFeatures::EXCEPTIONS, true,
        "(module (tag) (func (throw 0)))"),
    proposal("legacy-exceptions", Config::wasm_legacy_exceptions, WasmFeatures::LEGACY_EXCEPTIONS, false,
        "(module (func try catch_all end))"),
    proposal("compact-imports", Config::wasm_compact_imports, WasmFeatures::COMPACT_IMPORTS, false,
        r#"(module (import "m" (item "a" (func)) (item "b" (global i32))) (import "m" (item "c") (item "d") (memory 1)))"#),
    proposal("custom-page-sizes", Config::wasm_custom_page_sizes, WasmFeatures::CUSTOM_PAGE_SIZES, false,
        "(module (memory 1 (pagesize 1)))"),
    proposal("wide-arithmetic", Config::wasm_wide_arithmetic, WasmFeatures::WIDE_ARITHMETIC, false,
        "(module (func (i64.mul_wide_u (i64.const 1) (i64.const 2)) drop drop))"),
];

/// Proposals that can't be switched on.
const UNSUPPORTED: &[(&str, Switch, WasmFeatures)] = &[
    (
        "stack-switching",
        Config::wasm_stack_switching,
        WasmFeatures::STACK_SWITCHING,
    ),
    (
        "shared-everything-threads",
        Config::wasm_shared_everything_threads,
        WasmFeatures::SHARED_EVERYTHING_THREADS,
    ),
];

fn engine(configure: impl FnOnce(&mut Config)) -> Result<Engine> {
    let mut config = Config::new();
    configure(&mut config);
    Engine::new(&config)
}

#[test]
fn defaults() {
    let engine = Engine::default();
    for proposal in PROPOSALS {
        let (name, on) = (proposal.name, proposal.by_default);
        let features = engine.get_wasm_features();
        assert_eq!(features.contains(proposal.feature), on, "{name}");
        assert_eq!(
            Module::new(&engine, proposal.module).is_ok(),
            on,
            "{name} is used"
        );
    }
    for (name, _, feature) in UNSUPPORTED {
        assert!(!engine.get_wasm_features().contains(*feature), "{name}");
    }
    assert!(!engine.get_relaxed_simd_deterministic());
    assert!(!engine.get_shared_memory());
    assert!(!engine.get_wasm_branch_hinting());
    assert_eq!(engine.get_collector(), Some(Collector::Copying));
    assert_eq!(engine.get_gc_zeal_alloc_counter(), None);
    assert!(engine.get_metadata_for_gc_heap_corruption());
}

#[test]
fn each_switch_is_its_own() {
    for proposal in PROPOSALS {
        for on in [true, false] {
            let engine = engine(|config| {
                // It can't stay on without this one.
                config.wasm_relaxed_simd(on || proposal.name != "simd");
                (proposal.switch)(config, on);
            });
            let engine = engine.unwrap_or_else(|error| panic!("{}: {error:#}", proposal.name));
            let (name, features) = (proposal.name, engine.get_wasm_features());
            assert_eq!(features.contains(proposal.feature), on, "{name}");
            let made = Module::new(&engine, proposal.module);
            assert_eq!(made.is_ok(), on, "{name}");
        }
    }
}

#[test]
fn a_module_that_uses_what_is_off_is_refused_with_its_name() {
    for proposal in PROPOSALS {
        for strategy in [Strategy::Auto, Strategy::Winch, Strategy::Cranelift] {
            let engine = engine(|config| {
                config.strategy(strategy);
                config.wasm_relaxed_simd(proposal.name != "simd");
                (proposal.switch)(config, false);
            })
            .expect("a valid configuration");
            let binary = wat::parse_str(proposal.module).expect("the text parses");
            let errors = [
                Module::new(&engine, proposal.module).expect_err(proposal.name),
                Module::validate(&engine, &binary).expect_err(proposal.name),
                engine.precompile_module(&binary).expect_err(proposal.name),
            ];
            let expected = format!(
                "the module needs the {} proposal, which is switched off",
                proposal.name
            );
            for error in errors {
                assert_eq!(error.to_string(), expected);
                // With the place and the validator's words.
                assert!(format!("{error:#}").contains("at offset 0x"), "{error:#}");
            }
        }
    }
}

#[test]
fn an_image_that_uses_what_is_off_is_refused_with_its_name() {
    let load = |engine: &Engine, image: &[u8]| {
        // SAFETY: images that are refused are not run, and the others were made right here.
        unsafe { Module::deserialize(engine, image) }.map(drop)
    };
    for proposal in PROPOSALS {
        let name = proposal.name;
        let on = engine(|config| {
            (proposal.switch)(config, true);
        });
        let on = on.expect("a valid configuration");
        let (image, plain) = (
            on.precompile_module(proposal.module.as_bytes()),
            on.precompile_module(b"(module (func (param i32)))"),
        );
        let (image, plain) = (image.expect(name), plain.expect(name));
        let off = engine(|config| {
            config.wasm_relaxed_simd(name != "simd");
            (proposal.switch)(config, false);
        });
        let off = off.expect("a valid configuration");
        let error = load(&off, &image).expect_err(name).to_string();
        assert!(error.contains("switched off"), "{error}");
        assert!(error.contains(name), "{error}");
        // What it does not use makes no difference.
        load(&off, &plain).expect(name);
        load(&on, &image).expect(name);
    }
    let no_objects = engine(|config| {
        config.gc_support(false);
    });
    let no_objects = no_objects.expect("a valid configuration");
    for (text, name) in [
        ("(module (func (param externref)))", "gc_support"),
        ("(module (type (struct)))", "gc"),
        ("(module (tag) (func (throw 0)))", "exceptions"),
    ] {
        let image = Engine::default().precompile_module(text.as_bytes());
        let error = load(&no_objects, &image.expect(name)).expect_err(name);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn all_that_a_module_lacks_is_named() {
    let engine = engine(|config| {
        config.wasm_multi_memory(false).wasm_tail_call(false);
    });
    let text = "(module (memory 1) (memory 1) (func (return_call 0)))";
    let error = Module::new(&engine.unwrap(), text).unwrap_err().to_string();
    for name in ["switched off", "multi-memory", "tail-call"] {
        assert!(error.contains(name), "{error}");
    }
    assert!(!error.contains("wide-arithmetic"), "{error}");
}

/// Settings that contradict each other are refused with an error that names both; others that build on each other are
/// not, as in the peer.
#[test]
fn what_needs_what() {
    type Configure = fn(&mut Config) -> &mut Config;
    let cases: &[(Configure, &[&str])] = &[
        (|c| c.wasm_simd(false), &["relaxed-simd", "needs simd"]),
        (|c| c.wasm_simd(false).wasm_relaxed_simd(false), &[]),
        (|c| c.wasm_relaxed_simd(false), &[]),
        (|c| c.wasm_threads(false).shared_memory(true), &[]),
        (
            |c| c.gc_support(false).wasm_gc(true),
            &["gc proposal", "gc_support"],
        ),
        (
            |c| c.gc_support(false).wasm_exceptions(true),
            &["exceptions proposal", "gc_support"],
        ),
        (
            |c| c.wasm_legacy_exceptions(true).wasm_exceptions(false),
            &["legacy-exceptions", "needs exceptions"],
        ),
        (
            |c| c.gc_support(false).wasm_legacy_exceptions(true),
            &["legacy-exceptions", "needs exceptions"],
        ),
        (|c| c.gc_support(false).wasm_function_references(true), &[]),
        (|c| c.wasm_reference_types(false), &[]),
        (|c| c.wasm_function_references(false), &[]),
        (|c| c.wasm_bulk_memory(false), &[]),
        (|c| c.collector(Collector::Null), &[]),
    ];
    for (number, (configure, expected)) in cases.iter().enumerate() {
        let made = engine(|config| {
            configure(config);
        });
        let error = made.err().map(|error| format!("{error:#}"));
        assert_eq!(error.is_some(), !expected.is_empty(), "{number}: {error:?}");
        let error = error.unwrap_or_default();
        for words in *expected {
            assert!(error.contains(words), "{number}: {error}");
        }
    }
    for (name, switch, _) in UNSUPPORTED {
        let made = engine(|config| {
            switch(config, true);
        });
        let error = made.expect_err(name).to_string();
        assert!(error.contains(name), "{error}");
        assert!(error.contains("not supported"), "{error}");
    }
}

/// What is left of proposals when what they build on is off.
#[test]
fn what_is_left_without_the_base() {
    let structs = "(module (type (struct (field i32))))";
    let functions = "(module (func (param (ref func))))";
    let hosts = "(module (table 1 externref))";
    let tags = "(module (tag) (func (throw 0)))";
    let exceptions = "(module (func (param exnref)))";
    let cases: &[(Switch, &[&str], &[&str])] = &[
        (
            Config::wasm_reference_types,
            &[structs, tags],
            &[functions, hosts, exceptions],
        ),
        (
            Config::wasm_function_references,
            &[structs, tags, hosts, exceptions],
            &[functions],
        ),
        (
            Config::wasm_gc,
            &[functions, tags, hosts, exceptions],
            &[structs],
        ),
        (
            Config::gc_support,
            &[functions],
            &[structs, tags, hosts, exceptions],
        ),
    ];
    for (number, (switch, accepted, refused)) in cases.iter().enumerate() {
        let engine = engine(|config| {
            switch(config, false);
        })
        .expect("a valid configuration");
        for text in *accepted {
            let module = Module::new(&engine, text);
            let module = module.unwrap_or_else(|error| panic!("{number}: {text}: {error:#}"));
            let mut store = Store::new(&engine, ());
            Instance::new(&mut store, &module, &[]).expect("nothing to import");
        }
        for text in *refused {
            assert!(Module::new(&engine, text).is_err(), "{number}: {text}");
        }
    }
}
