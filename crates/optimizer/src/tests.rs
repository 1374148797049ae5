//! Bodies through the whole pipeline, with Cranelift's verifier on.

use crate::Optimizer;
use mainspring_abi::{
    CallMode, CompileSettings, CompiledFunction, FunctionInput, MemorySettings, Optimize, VMOffsets,
};
use mainspring_wasm::{DefinedFuncIndex, ModuleInfo};
use wasmparser::WasmFeatures;

fn settings() -> CompileSettings {
    CompileSettings {
        verify: true,
        ..CompileSettings::default()
    }
}

struct Compiled {
    functions: Vec<CompiledFunction>,
}

fn decode(wat: &str) -> (ModuleInfo, Vec<u8>) {
    let bytes = wat::parse_str(wat).expect("the test's module is well-formed");
    let module = mainspring_wasm::decode(WasmFeatures::default(), &bytes)
        .expect("the test's module is valid");
    (module, bytes)
}

fn compile_with(wat: &str, settings: &CompileSettings, calls: CallMode) -> Compiled {
    let (module, bytes) = decode(wat);
    let offsets = VMOffsets::new(&module);
    let optimizer = Optimizer::new(settings).expect("the host is supported");
    let functions = (0..module.bodies.len())
        .map(|i| {
            optimizer
                .compile(&FunctionInput {
                    module: &module,
                    offsets: &offsets,
                    index: DefinedFuncIndex(i as u32),
                    bytes: &bytes,
                    settings,
                    calls,
                })
                .unwrap_or_else(|error| panic!("{error:#}\n{wat}"))
        })
        .collect();
    Compiled { functions }
}

#[test]
fn smallest() {
    let compiled = compile_with("(module (func))", &settings(), CallMode::Direct);
    assert!(!compiled.functions[0].code.is_empty());
}

/// Operators by operand types and result: each is compiled in a function of its own.
fn check_operators(rows: &str) {
    let mut wat = String::from("(module (memory 1)\n");
    for row in rows.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (ops, ty) = row
            .split_once(':')
            .expect("operators: parameters -> result");
        let (params, result) = ty.split_once("->").expect("parameters -> result");
        for op in ops.split_whitespace() {
            let op = op.replace('_', " ").replace('~', "_");
            wat.push_str(&format!("(func (param {params}) (result {result}) "));
            for i in 0..params.split_whitespace().count() {
                wat.push_str(&format!("local.get {i} "));
            }
            wat.push_str(&format!("{op})\n"));
        }
    }
    wat.push(')');
    for settings in [
        settings(),
        CompileSettings {
            optimize: Optimize::None,
            canonical_nans: true,
            ..settings()
        },
    ] {
        compile_with(&wat, &settings, CallMode::ThroughTable);
    }
}

#[test]
fn every_scalar_operator() {
    check_operators(
        "
        i32.eqz i32.clz i32.ctz i32.popcnt i32.extend8~s i32.extend16~s: i32 -> i32
        i64.eqz i32.wrap~i64: i64 -> i32
        i64.clz i64.ctz i64.popcnt i64.extend8~s i64.extend16~s i64.extend32~s: i64 -> i64
        i32.eq i32.ne i32.lt~s i32.lt~u i32.gt~s i32.gt~u i32.le~s i32.le~u i32.ge~s i32.ge~u: i32 i32 -> i32
        i64.eq i64.ne i64.lt~s i64.lt~u i64.gt~s i64.gt~u i64.le~s i64.le~u i64.ge~s i64.ge~u: i64 i64 -> i32
        f32.eq f32.ne f32.lt f32.gt f32.le f32.ge: f32 f32 -> i32
        f64.eq f64.ne f64.lt f64.gt f64.le f64.ge: f64 f64 -> i32
        i32.add i32.sub i32.mul i32.div~s i32.div~u i32.rem~s i32.rem~u i32.and i32.or i32.xor i32.shl i32.shr~s i32.shr~u i32.rotl i32.rotr: i32 i32 -> i32
        i64.add i64.sub i64.mul i64.div~s i64.div~u i64.rem~s i64.rem~u i64.and i64.or i64.xor i64.shl i64.shr~s i64.shr~u i64.rotl i64.rotr: i64 i64 -> i64
        f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt: f32 -> f32
        f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt: f64 -> f64
        f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign: f32 f32 -> f32
        f64.add f64.sub f64.mul f64.div f64.min f64.max f64.copysign: f64 f64 -> f64
        i32.trunc~f32~s i32.trunc~f32~u i32.trunc~sat~f32~s i32.trunc~sat~f32~u i32.reinterpret~f32: f32 -> i32
        i32.trunc~f64~s i32.trunc~f64~u i32.trunc~sat~f64~s i32.trunc~sat~f64~u: f64 -> i32
        i64.trunc~f32~s i64.trunc~f32~u i64.trunc~sat~f32~s i64.trunc~sat~f32~u: f32 -> i64
        i64.trunc~f64~s i64.trunc~f64~u i64.trunc~sat~f64~s i64.trunc~sat~f64~u i64.reinterpret~f64: f64 -> i64
        i64.extend~i32~s i64.extend~i32~u: i32 -> i64
        f32.convert~i32~s f32.convert~i32~u f32.reinterpret~i32: i32 -> f32
        f32.convert~i64~s f32.convert~i64~u: i64 -> f32
        f64.convert~i32~s f64.convert~i32~u: i32 -> f64
        f64.convert~i64~s f64.convert~i64~u f64.reinterpret~i64: i64 -> f64
        f32.demote~f64: f64 -> f32
        f64.promote~f32: f32 -> f64
        i32.load i32.load8~s i32.load8~u i32.load16~s i32.load16~u memory.grow: i32 -> i32
        i64.load i64.load8~s i64.load8~u i64.load16~s i64.load16~u i64.load32~s i64.load32~u: i32 -> i64
        i64.load_offset=4294967295: i32 -> i64
        f32.load: i32 -> f32
        f64.load: i32 -> f64
        ",
    );
}

/// Everything a body can do apart from arithmetic, in every configuration that changes it.
#[test]
fn bodies_in_every_configuration() {
    let modules = BODIES
        .split("----")
        .map(str::trim)
        .filter(|wat| !wat.is_empty());
    for wat in modules {
        for settings in configurations() {
            for calls in [CallMode::Direct, CallMode::ThroughTable] {
                compile_with(wat, &settings, calls);
            }
        }
    }
}

fn configurations() -> Vec<CompileSettings> {
    let small = MemorySettings {
        reservation: 1 << 20,
        guard: 1 << 16,
        ..MemorySettings::default()
    };
    let mut all = vec![settings()];
    for optimize in [Optimize::None, Optimize::SpeedAndSize] {
        for spectre_mitigation in [false, true] {
            for memory in [MemorySettings::default(), small] {
                all.push(CompileSettings {
                    optimize,
                    spectre_mitigation,
                    memory,
                    ..settings()
                });
            }
        }
    }
    all
}

const BODIES: &str = include_str!("tests/bodies.wat");
