//! Source lines in backtraces. What is made of damaged debugging information is tested where it is read.

use crate::configured_engines;
use mainspring::*;

/// Modules that were made of `lines.cc`.
const MODULES: [&[u8]; 2] = [
    include_bytes!("../lines/dwarf-4.wasm"),
    include_bytes!("../lines/dwarf-5.wasm"),
];

fn engine(details: WasmBacktraceDetails) -> Engine {
    let mut config = Config::new();
    config.wasm_backtrace_details(details);
    Engine::new(&config).expect("a valid configuration")
}

/// The error of a division by zero two calls deep, of which one is inlined by the module's compiler.
fn error_of(module: &Module) -> Error {
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, module, &[]).expect("it imports nothing");
    let scale = instance.get_typed_func::<i32, i32>(&mut store, "scale");
    let scale = scale.expect("a function of one parameter");
    assert_eq!(scale.call(&mut store, 4).expect("a result"), 8);
    scale.call(&mut store, 0).expect_err("it divides by zero")
}

fn backtrace(error: &Error) -> &WasmBacktrace {
    error.downcast_ref().expect("a backtrace")
}

type Symbol<'a> = (Option<&'a str>, Option<&'a str>, Option<u32>, Option<u32>);

fn symbols(frame: &FrameInfo) -> Vec<Symbol<'_>> {
    let symbols = frame.symbols().iter();
    symbols
        .map(|symbol| (symbol.name(), symbol.file(), symbol.line(), symbol.column()))
        .collect()
}

const TEXT: &str = "\
error while executing at wasm backtrace:
    0:     0x4b - shape::ratio(int, int)
                    at /source/lines.cc:7:16
                - shape::Square::scaled(int) const
                    at /source/lines.cc:14:14
    1:     0x73 - scale
                    at /source/lines.cc:22:17";

#[test]
fn frames_have_the_lines_and_inlined_functions_of_the_source() {
    let engines = configured_engines(|config| {
        config.wasm_backtrace_details(WasmBacktraceDetails::Enable);
    });
    for (name, engine) in engines {
        for module in MODULES {
            let error = error_of(&Module::new(&engine, module).expect("a valid module"));
            let backtrace = backtrace(&error);
            let frames: Vec<_> = backtrace.frames().iter().map(symbols).collect();
            let at = |function, line, column| {
                let file = Some("/source/lines.cc");
                (Some(function), file, Some(line), Some(column))
            };
            let scaled = "_ZNK5shape6Square6scaledEi";
            let expected = [
                vec![at("_ZN5shapeL5ratioEii", 7, 16), at(scaled, 14, 14)],
                vec![at("scale", 22, 17)],
            ];
            assert_eq!(frames, expected, "{name}");
            assert_eq!(backtrace.to_string(), TEXT, "{name}");
            assert!(!backtrace.could_say_more(), "{name}");
        }
    }
}

#[test]
fn a_backtrace_says_how_to_have_more_only_where_there_is_more_and_it_was_not_refused() {
    let note = format!("\nnote: {}", WasmBacktrace::MORE_DETAILS);
    for module in MODULES {
        for strategy in [Strategy::Auto, Strategy::Cranelift] {
            let mut config = Config::new();
            let details = |config: &mut Config, details| {
                config.strategy(strategy).wasm_backtrace_details(details);
                let engine = Engine::new(config).expect("a valid configuration");
                error_of(&Module::new(&engine, module).expect("a valid module"))
            };
            let error = details(&mut config, WasmBacktraceDetails::Environment);
            assert!(backtrace(&error).frames()[0].symbols().is_empty());
            assert!(backtrace(&error).could_say_more());
            let text = backtrace(&error).to_string();
            assert!(text.ends_with(&note), "{text}");
            let error = details(&mut config, WasmBacktraceDetails::Disable);
            assert!(backtrace(&error).frames()[0].symbols().is_empty());
            let text = backtrace(&error).to_string();
            assert!(!text.contains("note: "), "{text}");
        }
    }
    let text = r#"(module (func (export "scale") (param i32) (result i32)
        (i32.div_u (i32.const 32) (local.get 0))))"#;
    let engine = engine(WasmBacktraceDetails::Environment);
    let error = error_of(&Module::new(&engine, text).expect("a valid module"));
    let text = backtrace(&error).to_string();
    assert!(!text.contains("note: "), "{text}");
}

#[test]
fn images_have_lines_if_they_were_wanted_where_they_were_made() {
    let [module, _] = MODULES;
    let with = engine(WasmBacktraceDetails::Enable);
    let without = engine(WasmBacktraceDetails::Disable);
    let image = |engine: &Engine| {
        let module = Module::new(engine, module).expect("a valid module");
        module.serialize().expect("it can be compiled")
    };
    let (full, bare) = (image(&with), image(&without));
    let has_lines = |image: &[u8]| image.windows(8).any(|bytes| bytes == b"lines.cc");
    assert!(has_lines(&full) && !has_lines(&bare));
    let precompiled = with.precompile_module(module).expect("it can be compiled");
    let text = |engine: &Engine, image: &[u8]| {
        // SAFETY: an engine just made it.
        let module = unsafe { Module::deserialize(engine, image) }.expect("a whole image");
        backtrace(&error_of(&module)).to_string()
    };
    assert_eq!(text(&with, &full), TEXT);
    assert_eq!(text(&with, &precompiled), TEXT);
    let plain = text(&without, &full);
    assert!(!plain.contains("lines.cc"), "{plain}");
    assert_eq!(text(&with, &bare), plain);
    assert_eq!(text(&without, &bare), plain);
}

#[test]
fn without_an_address_map_there_are_no_lines() {
    let mut config = Config::new();
    config
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .generate_address_map(false);
    let engine = Engine::new(&config).expect("a valid configuration");
    let error = error_of(&Module::new(&engine, MODULES[0]).expect("a valid module"));
    assert!(backtrace(&error).frames()[0].symbols().is_empty());
}

#[test]
fn lines_are_read_from_the_file_again() {
    // Large enough that its bytes are not kept: with a custom section of two megabytes, the length in four bytes.
    let padding = [
        &[0][..],
        &[0x80, 0x80, 0x80, 0x01],
        &[0],
        &[0; (2 << 20) - 1],
    ];
    let module = [MODULES[1], &padding.concat()].concat();
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), &module).expect("it can be written");
    let engine = engine(WasmBacktraceDetails::Enable);
    let module = Module::from_file(&engine, file.path()).expect("a valid module");
    assert_eq!(backtrace(&error_of(&module)).to_string(), TEXT);
}
