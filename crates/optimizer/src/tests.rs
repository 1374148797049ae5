//! Bodies through the whole pipeline, with Cranelift's verifier on.

mod objects;

use crate::Optimizer;
use iced_x86::{Decoder, DecoderOptions, FlowControl};
use mainspring_abi::{
    CallMode, CompileSettings, CompiledFunction, Entry, FunctionInput, InlinedCall, MemorySettings,
    Optimize, TooLarge, TrapCode, VMOffsets,
};
use mainspring_wasm::{DefinedFuncIndex, FuncIndex, ModuleInfo};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Instant;
use wasmparser::{BinaryReader, FunctionBody, Operator, WasmFeatures};

fn settings() -> CompileSettings {
    CompileSettings {
        verify: true,
        branch_hints: true,
        ..CompileSettings::default()
    }
}

fn decode(wat: &str) -> (ModuleInfo, Vec<u8>) {
    let bytes = wat::parse_str(wat).expect("the test's module is well-formed");
    // The last is for an instruction that is not supported.
    let features =
        WasmFeatures::default() | WasmFeatures::LEGACY_EXCEPTIONS | WasmFeatures::MEMORY_CONTROL;
    let module = mainspring_wasm::decode(features, &bytes)
        .unwrap_or_else(|error| panic!("the test's module is valid: {error}\n{wat}"));
    (module, bytes)
}

/// Does something with each function of a module.
fn each_function<T>(
    wat: &str,
    settings: &CompileSettings,
    calls: CallMode,
    work: impl Fn(&FunctionInput) -> T,
) -> Vec<T> {
    let (module, bytes) = decode(wat);
    let offsets = VMOffsets::new(&module);
    let input = |i| FunctionInput {
        module: &module,
        offsets: &offsets,
        index: DefinedFuncIndex::from(i),
        body: module.slice(&bytes, &module.bodies[i]),
        bodies: &bytes,
        settings,
        calls,
        inlining: true,
        tier_up: false,
        entry: Entry::Start,
        max_frame: FunctionInput::ANY_FRAME,
        exact_locations: false,
        profile: None,
    };
    (0..module.bodies.len()).map(|i| work(&input(i))).collect()
}

/// Compiles a module for this processor, and for one that has nothing beyond what is required.
fn compile_with(wat: &str, settings: &CompileSettings, calls: CallMode) -> Vec<CompiledFunction> {
    let host = Optimizer::new(settings).expect("the host is supported");
    let baseline = Optimizer::baseline(settings).expect("the host is supported");
    each_function(wat, settings, calls, |input| {
        let compile = |optimizer: &Optimizer| {
            optimizer
                .compile(input)
                .unwrap_or_else(|error| panic!("{error:#}\n{wat}"))
        };
        compile(&baseline);
        compile(&host)
    })
}

fn compile(wat: &str) -> Vec<CompiledFunction> {
    compile_with(wat, &settings(), CallMode::Direct)
}

#[test]
fn branch_hints_are_followed_where_asked() {
    let hinted = include_str!("tests/disas/branch_hints.wat");
    let lines = hinted.lines().filter(|line| !line.contains("branch_hint "));
    let plain = lines.collect::<Vec<_>>().join("\n");
    let code = |wat: &str, branch_hints| -> Vec<Vec<u8>> {
        let settings = CompileSettings {
            branch_hints,
            ..settings()
        };
        let functions = compile_with(wat, &settings, CallMode::Direct);
        functions
            .into_iter()
            .map(|function| function.code)
            .collect()
    };
    assert_ne!(code(hinted, true), code(hinted, false));
    assert_eq!(code(hinted, false), code(&plain, true));
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

#[test]
fn every_vector_operator() {
    check_operators(
        "
        v128.load v128.load8x8~s v128.load8x8~u v128.load16x4~s v128.load16x4~u v128.load32x2~s v128.load32x2~u: i32 -> v128
        v128.load8~splat v128.load16~splat v128.load32~splat v128.load64~splat v128.load32~zero v128.load64~zero: i32 -> v128
        v128.load8~lane_15 v128.load16~lane_7 v128.load32~lane_3 v128.load64~lane_1: i32 v128 -> v128
        v128.store v128.store8~lane_15 v128.store16~lane_7 v128.store32~lane_3 v128.store64~lane_1: i32 v128 ->
        i8x16.shuffle_0_1_2_3_4_5_6_7_31_30_29_28_27_26_25_24: v128 v128 -> v128
        i8x16.swizzle v128.and v128.andnot v128.or v128.xor: v128 v128 -> v128
        v128.bitselect: v128 v128 v128 -> v128
        v128.not: v128 -> v128
        v128.any~true: v128 -> i32
        i8x16.splat i16x8.splat i32x4.splat: i32 -> v128
        i64x2.splat: i64 -> v128
        f32x4.splat: f32 -> v128
        f64x2.splat: f64 -> v128
        i8x16.extract~lane~s_1 i8x16.extract~lane~u_15 i16x8.extract~lane~s_1 i16x8.extract~lane~u_7 i32x4.extract~lane_3: v128 -> i32
        i64x2.extract~lane_1: v128 -> i64
        f32x4.extract~lane_3: v128 -> f32
        f64x2.extract~lane_1: v128 -> f64
        i8x16.replace~lane_15 i16x8.replace~lane_7 i32x4.replace~lane_3: v128 i32 -> v128
        i64x2.replace~lane_1: v128 i64 -> v128
        f32x4.replace~lane_0: v128 f32 -> v128
        f64x2.replace~lane_0: v128 f64 -> v128
        i8x16.eq i8x16.ne i8x16.lt~s i8x16.lt~u i8x16.gt~s i8x16.gt~u i8x16.le~s i8x16.le~u i8x16.ge~s i8x16.ge~u: v128 v128 -> v128
        i16x8.eq i16x8.ne i16x8.lt~s i16x8.lt~u i16x8.gt~s i16x8.gt~u i16x8.le~s i16x8.le~u i16x8.ge~s i16x8.ge~u: v128 v128 -> v128
        i32x4.eq i32x4.ne i32x4.lt~s i32x4.lt~u i32x4.gt~s i32x4.gt~u i32x4.le~s i32x4.le~u i32x4.ge~s i32x4.ge~u: v128 v128 -> v128
        i64x2.eq i64x2.ne i64x2.lt~s i64x2.gt~s i64x2.le~s i64x2.ge~s: v128 v128 -> v128
        f32x4.eq f32x4.ne f32x4.lt f32x4.gt f32x4.le f32x4.ge f64x2.eq f64x2.ne f64x2.lt f64x2.gt f64x2.le f64x2.ge: v128 v128 -> v128
        i8x16.abs i8x16.neg i8x16.popcnt i16x8.abs i16x8.neg i32x4.abs i32x4.neg i64x2.abs i64x2.neg: v128 -> v128
        i8x16.all~true i8x16.bitmask i16x8.all~true i16x8.bitmask i32x4.all~true i32x4.bitmask i64x2.all~true i64x2.bitmask: v128 -> i32
        i8x16.shl i8x16.shr~s i8x16.shr~u i16x8.shl i16x8.shr~s i16x8.shr~u i32x4.shl i32x4.shr~s i32x4.shr~u i64x2.shl i64x2.shr~s i64x2.shr~u: v128 i32 -> v128
        i8x16.add i8x16.add~sat~s i8x16.add~sat~u i8x16.sub i8x16.sub~sat~s i8x16.sub~sat~u i8x16.min~s i8x16.min~u i8x16.max~s i8x16.max~u i8x16.avgr~u: v128 v128 -> v128
        i16x8.add i16x8.add~sat~s i16x8.add~sat~u i16x8.sub i16x8.sub~sat~s i16x8.sub~sat~u i16x8.mul i16x8.min~s i16x8.min~u i16x8.max~s i16x8.max~u i16x8.avgr~u i16x8.q15mulr~sat~s: v128 v128 -> v128
        i32x4.add i32x4.sub i32x4.mul i32x4.min~s i32x4.min~u i32x4.max~s i32x4.max~u i32x4.dot~i16x8~s i64x2.add i64x2.sub i64x2.mul: v128 v128 -> v128
        i8x16.narrow~i16x8~s i8x16.narrow~i16x8~u i16x8.narrow~i32x4~s i16x8.narrow~i32x4~u: v128 v128 -> v128
        i16x8.extadd~pairwise~i8x16~s i16x8.extadd~pairwise~i8x16~u i32x4.extadd~pairwise~i16x8~s i32x4.extadd~pairwise~i16x8~u: v128 -> v128
        i16x8.extend~low~i8x16~s i16x8.extend~high~i8x16~s i16x8.extend~low~i8x16~u i16x8.extend~high~i8x16~u: v128 -> v128
        i32x4.extend~low~i16x8~s i32x4.extend~high~i16x8~s i32x4.extend~low~i16x8~u i32x4.extend~high~i16x8~u: v128 -> v128
        i64x2.extend~low~i32x4~s i64x2.extend~high~i32x4~s i64x2.extend~low~i32x4~u i64x2.extend~high~i32x4~u: v128 -> v128
        i16x8.extmul~low~i8x16~s i16x8.extmul~high~i8x16~s i16x8.extmul~low~i8x16~u i16x8.extmul~high~i8x16~u: v128 v128 -> v128
        i32x4.extmul~low~i16x8~s i32x4.extmul~high~i16x8~s i32x4.extmul~low~i16x8~u i32x4.extmul~high~i16x8~u: v128 v128 -> v128
        i64x2.extmul~low~i32x4~s i64x2.extmul~high~i32x4~s i64x2.extmul~low~i32x4~u i64x2.extmul~high~i32x4~u: v128 v128 -> v128
        f32x4.ceil f32x4.floor f32x4.trunc f32x4.nearest f32x4.abs f32x4.neg f32x4.sqrt: v128 -> v128
        f64x2.ceil f64x2.floor f64x2.trunc f64x2.nearest f64x2.abs f64x2.neg f64x2.sqrt: v128 -> v128
        f32x4.add f32x4.sub f32x4.mul f32x4.div f32x4.min f32x4.max f32x4.pmin f32x4.pmax: v128 v128 -> v128
        f64x2.add f64x2.sub f64x2.mul f64x2.div f64x2.min f64x2.max f64x2.pmin f64x2.pmax: v128 v128 -> v128
        i32x4.trunc~sat~f32x4~s i32x4.trunc~sat~f32x4~u f32x4.convert~i32x4~s f32x4.convert~i32x4~u: v128 -> v128
        i32x4.trunc~sat~f64x2~s~zero i32x4.trunc~sat~f64x2~u~zero f64x2.convert~low~i32x4~s f64x2.convert~low~i32x4~u: v128 -> v128
        f32x4.demote~f64x2~zero f64x2.promote~low~f32x4: v128 -> v128
        i8x16.relaxed~swizzle f32x4.relaxed~min f32x4.relaxed~max f64x2.relaxed~min f64x2.relaxed~max i16x8.relaxed~q15mulr~s i16x8.relaxed~dot~i8x16~i7x16~s: v128 v128 -> v128
        i32x4.relaxed~trunc~f32x4~s i32x4.relaxed~trunc~f32x4~u i32x4.relaxed~trunc~f64x2~s~zero i32x4.relaxed~trunc~f64x2~u~zero: v128 -> v128
        f32x4.relaxed~madd f32x4.relaxed~nmadd f64x2.relaxed~madd f64x2.relaxed~nmadd i8x16.relaxed~laneselect i16x8.relaxed~laneselect i32x4.relaxed~laneselect i64x2.relaxed~laneselect i32x4.relaxed~dot~i8x16~i7x16~add~s: v128 v128 v128 -> v128
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

/// The machine code of each `tests/disas/*.wat`, beside it. With `MAINSPRING_BLESS=1` in the
/// environment they are written instead of compared.
#[test]
fn machine_code_is_as_before() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/disas");
    let settings = settings();
    let optimizer = Optimizer::baseline(&settings).expect("the host is supported");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("the folder of goldens") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "wat") {
            continue;
        }
        seen += 1;
        let wat = fs::read_to_string(&path).expect("a module");
        let mut found = String::new();
        let calls = if wat.starts_with(";; Through the code table") {
            CallMode::ThroughTable
        } else {
            CallMode::Direct
        };
        let texts = each_function(&wat, &settings, calls, |input| {
            optimizer.disassemble(input).expect("the module compiles")
        });
        for (i, text) in texts.iter().enumerate() {
            found += &format!(";; function {i}\n{text}\n");
        }
        let golden = path.with_extension("s");
        if std::env::var_os("MAINSPRING_BLESS").is_some() {
            fs::write(&golden, found).expect("goldens can be written");
        } else {
            let expected = fs::read_to_string(&golden).unwrap_or_default();
            assert!(
                found == expected,
                "the machine code of {} changed; if that is meant, run the test with MAINSPRING_BLESS=1\n{found}",
                path.display()
            );
        }
    }
    assert_ne!(seen, 0, "there are no goldens");
}

fn location_at(function: &CompiledFunction, offset: u32) -> u32 {
    let after = function.locations.partition_point(|at| at.code <= offset);
    function.locations[after - 1].wasm
}

/// Trap sites name their trap and instruction, calls theirs.
#[test]
fn traps_and_calls_have_locations() {
    let wat = "(module (memory 1) (table 1 funcref) (type $t (func))
        (func $f (type $t) call $f (i32.store (i32.const 1) (i32.load (i32.const 99999))))
        (func (param i32 i32 f32) (result i32)
            (call_indirect (type $t) (local.get 0))
            (i32.div_s (local.get 0) (local.get 1))
            (i32.trunc_f32_s (local.get 2)) i32.add)
        (func unreachable))";
    let (module, bytes) = decode(wat);
    let functions = compile(wat);
    let codes = |function: &CompiledFunction| {
        let mut codes: Vec<_> = function.traps.iter().map(|site| site.code as u8).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    };
    use TrapCode as T;
    assert_eq!(
        codes(&functions[0]),
        [T::StackOverflow as u8, T::MemoryOutOfBounds as u8]
    );
    assert_eq!(
        codes(&functions[1]),
        [
            T::StackOverflow as u8,
            T::TableOutOfBounds as u8,
            T::IndirectCallToNull as u8,
            T::BadSignature as u8,
            T::IntegerOverflow as u8,
            T::IntegerDivisionByZero as u8,
            T::BadConversionToInteger as u8
        ]
    );
    assert_eq!(codes(&functions[2]), [T::UnreachableCodeReached as u8]);
    for (function, body) in functions.iter().zip(&module.bodies) {
        for site in &function.traps {
            let at = location_at(function, site.offset);
            assert!(body.contains(&at), "{site:?} is at {at:#x}");
        }
        for reloc in &function.relocs {
            let at = location_at(function, reloc.offset + 3);
            assert_eq!(bytes[at as usize], 0x10, "the call is at {at:#x}");
        }
    }
    assert_eq!(functions[0].relocs.len(), 1);
}

/// Code that begins at a loop: with operands below it, inside of other loops and of either arm of an
/// `if`, and with inlined loops before it.
#[test]
fn entries_at_loops() {
    let wat = r#"(module (memory 1)
        (func $count (param i32) (result i32) (local i32)
            (loop (local.set 1 (i32.add (local.get 1) (local.get 0))) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            local.get 1)
        (func (param $n i32) (param $x f64) (result i64 f64 v128) (local $v v128) (local $r funcref)
            (i64.load (local.get $n))
            (f64.mul (local.get $x) (f64.const 2))
            (loop $outer (param i64 f64) (result i64 f64)
                (f32.load (local.get $n))
                (i32x4.splat (local.get $n))
                (if (i32.and (call $count (local.get $n)) (i32.const 1))
                    (then
                        (v128.load (local.get $n))
                        (loop $inner (param v128) (result v128)
                            local.tee $v
                            (br_table $inner $inner $inner (local.get $v) (i32.const 1)))
                        drop)
                    (else
                        (loop $other
                            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                            (br_if $other (i32.gt_s (local.get $n) (i32.const 5))))))
                local.set $v
                drop
                (br_if $outer (i32.lt_s (local.get $n) (i32.const 0))))
            (loop (result v128) local.get $v)))"#;
    let (module, bytes) = decode(wat);
    for settings in [
        settings(),
        CompileSettings {
            optimize: Optimize::None,
            ..settings()
        },
    ] {
        let optimizer = Optimizer::new(&settings).expect("the host is supported");
        let mut loops = 0;
        each_function(wat, &settings, CallMode::ThroughTable, |input| {
            let body = &module.bodies[input.index.index()];
            let reader = BinaryReader::new(input.body, u64::from(body.start));
            let operators = FunctionBody::new(reader).get_operators_reader().unwrap();
            let mut found = 0;
            for operator in operators.into_iter_with_offsets() {
                let (Operator::Loop { .. }, wasm) = operator.unwrap() else {
                    continue;
                };
                let entry = Entry::Loop { wasm: wasm as u32 };
                let code = optimizer.compile(&FunctionInput { entry, ..*input });
                code.unwrap_or_else(|error| panic!("loop at {wasm:#x}: {error:#}"));
                found += 1;
            }
            found
        })
        .into_iter()
        .for_each(|found| loops += found);
        assert_eq!(loops, 5);
    }
    drop(bytes);
}

/// Sizes that are valid but out of the ordinary take neither much time nor much stack.
#[test]
fn extreme_bodies() {
    let repeat = |count: usize, text: &str| text.repeat(count);
    let count_up = |count: usize, modulus: usize| -> String {
        (0..count).map(|i| format!(" {}", i % modulus)).collect()
    };
    let modules = [
        format!(
            "(module (func (param i32) (result i32) (local {}) (loop
                (local.set 5 (i32.add (local.get 5) (local.get 49999)))
                (br_if 0 (local.get 0))) local.get 5))",
            repeat(49_999, "i32 ")
        ),
        format!(
            "(module (func (param i32) {} {}))",
            repeat(4000, "(block "),
            repeat(4000, " local.get 0 br_if 0)")
        ),
        format!(
            "(module (func (param i32) (local i64) {} {}))",
            repeat(4000, "(loop "),
            repeat(4000, " local.get 0 br_if 0 (local.set 1 (i64.const 1)))")
        ),
        format!(
            "(module (func (param i32) (result i32) {} local.get 0 {}))",
            repeat(4000, "local.get 0 (if (result i32) (then "),
            repeat(4000, ") (else i32.const 4))")
        ),
        format!(
            "(module (func (param i32) (result i32) {} i32.const 7 local.get 0 br_table {} {}))",
            repeat(1000, "(block (result i32) "),
            count_up(100_000, 1000),
            repeat(1000, " i32.const 1 i32.add)")
        ),
        format!(
            "(module (type $t (func (param {}) (result {}))) (func (type $t) {} call 0))",
            repeat(1000, "i32 "),
            repeat(1000, "i64 "),
            (0..1000)
                .map(|i| format!("local.get {i} "))
                .collect::<String>()
        ),
        format!(
            "(module (func (param i32) block {} end))",
            repeat(
                8,
                &format!(
                    " block (br_table {} (local.get 0)) end",
                    repeat(32_500, "0 1 ")
                )
            )
        ),
    ];
    let settings = CompileSettings::default();
    let optimizer = Optimizer::new(&settings).expect("the host is supported");
    for wat in modules {
        let started = Instant::now();
        each_function(&wat, &settings, CallMode::Direct, |input| {
            optimizer.compile(input).expect("the function compiles")
        });
        let taken = started.elapsed();
        assert!(taken.as_secs() < 20, "took {taken:?}: {:.60}", wat);
    }
}

/// What would be out of proportion is refused while it is made, in a way that callers can tell.
#[test]
fn what_is_too_large_is_refused() {
    let wat = format!(
        "(module (import \"\" \"\" (func $many (result {}))) (func {} unreachable))",
        "i32 ".repeat(1000),
        "call $many ".repeat(10_000)
    );
    let settings = settings();
    let optimizer = Optimizer::new(&settings).expect("the host is supported");
    let results = each_function(&wat, &settings, CallMode::Direct, |input| {
        optimizer.compile(input)
    });
    let error = results[0].as_ref().expect_err("it has ten million values");
    let cause = error.downcast_ref::<TooLarge>();
    assert!(
        cause.is_some_and(|cause| cause.to_string().contains("values")),
        "{error:#}"
    );
}

#[test]
fn a_failure_names_the_function_and_leaves_the_compiler_usable() {
    // An instruction of a proposal that validation was told to let through.
    let wat = "(module (memory 1) (func) (func (memory.discard (i32.const 0) (i32.const 0))))";
    let settings = settings();
    let optimizer = Optimizer::new(&settings).expect("the host is supported");
    let results = each_function(wat, &settings, CallMode::Direct, |input| {
        optimizer
            .compile(input)
            .map_err(|error| format!("{error:#}"))
    });
    let error = results[1]
        .as_ref()
        .expect_err("memory control is not supported");
    assert!(
        error.contains("function 1") && error.contains("MemoryDiscard"),
        "{error}"
    );
    let again = each_function("(module (func))", &settings, CallMode::Direct, |input| {
        optimizer.compile(input)
    });
    assert!(again[0].is_ok() && results[0].is_ok());
}

/// Code of a callee that was compiled in place says so, with the calls around it.
#[test]
fn inlined_code_names_its_calls() {
    let wat = "(module (memory 1)
        (func $inner (param i32) (i32.store (local.get 0) (i32.const 7)))
        (func $outer (param i32) (result i32) (call $inner (local.get 0)) local.get 0)
        (func (param i32) (result i32) (i32.div_u (call $outer (local.get 0)) (local.get 0))))";
    let (module, bytes) = decode(wat);
    let function = &compile(wat)[2];
    assert!(function.relocs.is_empty(), "all calls are inlined");
    let calls = &function.inlined_calls;
    assert_eq!(calls.len(), 2);
    assert_eq!(
        (calls[0].callee, calls[0].within),
        (FuncIndex(1), InlinedCall::NONE)
    );
    assert_eq!((calls[1].callee, calls[1].within), (FuncIndex(0), 0));
    for call in calls {
        assert_eq!(bytes[call.wasm as usize], 0x10);
    }
    let call_at = |offset| {
        let after = function.inlined.partition_point(|at| at.code <= offset);
        after
            .checked_sub(1)
            .map_or(InlinedCall::NONE, |i| function.inlined[i].call)
    };
    let mut seen = 0;
    for site in &function.traps {
        let (body, call) = match site.code {
            TrapCode::MemoryOutOfBounds => (0, 1),
            TrapCode::IntegerDivisionByZero => (2, InlinedCall::NONE),
            _ => continue,
        };
        let at = location_at(function, site.offset);
        assert!(module.bodies[body].contains(&at), "{site:?} is at {at:#x}");
        assert_eq!(call_at(site.offset), call);
        seen += 1;
    }
    assert_eq!(seen, 2);
}

/// Where code is from is known of nearly all of it if that is asked for, and asking changes no code.
#[test]
fn exact_locations() {
    let wat = "(module (func (param i64) (result i32) (local i32)
        (loop
            (local.set 1 (i32.add (local.get 1) (i32.const 1)))
            (if (i64.eqz (i64.and (local.get 0) (i64.const 1)))
                (then (local.set 0 (i64.shr_u (local.get 0) (i64.const 1))))
                (else (local.set 0 (i64.add (i64.mul (local.get 0) (i64.const 3)) (i64.const 1)))))
            (br_if 0 (i64.gt_u (local.get 0) (i64.const 1))))
        (i32.div_u (local.get 1) (i32.const 7))))";
    let optimizer = Optimizer::new(&settings()).expect("the host is supported");
    each_function(wat, &settings(), CallMode::Direct, |input| {
        let compile = |exact_locations| {
            let input = FunctionInput {
                exact_locations,
                ..*input
            };
            optimizer.compile(&input).expect("it is compiled")
        };
        let (usual, exact) = (compile(false), compile(true));
        assert_eq!((usual.code, usual.traps), (exact.code, exact.traps));
        let opcodes: Vec<u8> = exact
            .locations
            .iter()
            .filter(|location| location.wasm != mainspring_abi::SourceLocation::NONE)
            .map(|location| input.body[(location.wasm - input.body_offset()) as usize])
            .collect();
        // i32.add, i64.shr_u, i64.mul, i64.add, a comparison, and an i32.div_u that became a multiplication.
        for opcode in [0x6a, 0x88, 0x7e, 0x7c, 0x56, 0x6e] {
            assert!(opcodes.contains(&opcode), "no {opcode:#x} in {opcodes:x?}");
        }
    });
}

/// Each way back to a loop's `br_table` ends in an indirect jump of its own, with a trap site and a source
/// location like the first one's.
#[test]
fn dispatches_are_copied() {
    let arms = 6;
    let blocks = "(block ".repeat(arms);
    let targets: String = (0..arms).map(|i| format!(" {i}")).collect();
    let bodies: String = (1..arms)
        .map(|i| {
            format!(
                ") (local.set 1 (i32.rotl (i32.xor (local.get 1) (i32.const {i})) (i32.const {i}))) (br {})",
                arms - i
            )
        })
        .collect();
    let wat = format!(
        "(module (memory 1) (func (param $pc i32) (result i32) (local $sum i32)
            (loop $next
                {blocks}
                (i32.load8_u (local.get $pc))
                (local.set $pc (i32.add (local.get $pc) (i32.const 1)))
                (br_table{targets}){bodies}))
            local.get $sum))"
    );
    let (module, bytes) = decode(&wat);
    let function = &compile(&wat)[0];
    let mut indirect = 0;
    let mut decoder = Decoder::new(64, &function.code, DecoderOptions::NONE);
    for instruction in decoder.iter() {
        indirect += usize::from(instruction.flow_control() == FlowControl::IndirectBranch);
    }
    assert!(indirect >= arms, "{indirect} indirect jumps");
    let loads: Vec<_> = function
        .traps
        .iter()
        .filter(|site| site.code == TrapCode::MemoryOutOfBounds)
        .map(|site| location_at(function, site.offset))
        .collect();
    assert!(loads.len() >= arms, "{} loads", loads.len());
    for at in loads {
        assert!(module.bodies[0].contains(&at));
        assert_eq!(bytes[at as usize], 0x2d, "an i32.load8_u");
    }
}

/// A loop that fits in a cache line lies in one, wherever it is in the function, and jumps within reach are short.
#[test]
fn small_loops_lie_in_one_line() {
    let mut loops = 0;
    for before in 0..40 {
        let before =
            format!("(local.set 0 (i32.mul (local.get 0) (i32.const {before})))").repeat(before);
        let count = "(br_if $again (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))";
        let wat = format!(
            "(module (func (param i32 i32) (result i32)
                {before}
                (loop $again
                    (local.set 0 (i32.xor (i32.rotl (local.get 0) (i32.const 5)) (local.get 1)))
                    {count})
                local.get 0))"
        );
        let function = &compile(&wat)[0];
        let mut decoder = Decoder::new(64, &function.code, DecoderOptions::NONE);
        for instruction in decoder.iter() {
            let target = instruction.near_branch_target();
            if instruction.is_jmp_short_or_near() && target < instruction.ip() {
                let (first, last) = (target, instruction.next_ip() - 1);
                assert_eq!(instruction.len(), 2, "{instruction}");
                assert_eq!(first / 64, last / 64, "from {first:#x} to {last:#x}");
                assert_eq!(function.alignment % 64, 0);
                loops += 1;
            }
        }
    }
    assert_eq!(loops, 40);
}

/// A jump over much code is long, and so is one that becomes too far by what is between.
#[test]
fn far_jumps_arrive() {
    for statements in 0..60 {
        let much = "(local.set 0 (i32.rotl (i32.xor (local.get 0) (local.get 1)) (local.get 0)))"
            .repeat(statements);
        let wat = format!(
            "(module (func (param i32 i32) (result i32)
                (loop $again
                    (if (i32.eq (local.get 0) (i32.const 7)) (then {much}))
                    (br_if $again (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
                local.get 0))"
        );
        let function = &compile(&wat)[0];
        let mut decoder = Decoder::new(64, &function.code, DecoderOptions::NONE);
        let instructions: Vec<_> = decoder.iter().collect();
        let starts: HashSet<u64> = instructions.iter().map(|it| it.ip()).collect();
        for instruction in &instructions {
            let target = instruction.near_branch_target();
            if instruction.flow_control() == FlowControl::ConditionalBranch {
                assert!(
                    starts.contains(&target),
                    "{instruction} at {:#x}",
                    instruction.ip()
                );
            }
        }
    }
}

/// Many jumps that become too far one after the other, and many tables, take no longer than much code does.
#[test]
fn layout_takes_time_in_proportion() {
    let arms: String = (0..2_000)
        .map(|i| {
            let exits = "(br_if 0 (local.get 1)) (local.set 0 (i32.rotl (local.get 0) (local.get 1)))".repeat(9);
            format!("(block {exits} (block (block (br_table 0 1 2 0 1 {} (local.get 0)) (unreachable)) (local.set 0 (i32.const {i}))))", i % 2)
        })
        .collect();
    let wat = format!("(module (func (param i32 i32) (result i32) {arms} local.get 0))");
    let start = Instant::now();
    let function = &compile(&wat)[0];
    assert!(function.code.len() > 100_000);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

/// What leaves a call in a `try_table` has a place to go; what is thrown there goes without a call.
#[test]
fn calls_in_a_try_table_have_landings() {
    let wat = "(module
        (tag $t (param i32)) (tag $u)
        (import \"\" \"f\" (func $f))
        (func $throws (throw $t (i32.const 1)))
        (func (param i32) (result i32)
            (call $f)
            (block $caught (result i32)
                (try_table (catch $t $caught)
                    (call $f)
                    (try_table (catch_all 0) (call $f) (call $throws)))
                (call $f)
                (i32.const 2)))
        (func (result i32)
            (block $u
            (block $caught (result i32)
                (try_table (catch $u $u) (catch $t $caught) (throw $t (i32.const 3)))
                unreachable)
            (return))
            (i32.const 4)))";
    let settings = settings();
    let optimizer = Optimizer::new(&settings).expect("the host is supported");
    let functions = each_function(wat, &settings, CallMode::Direct, |input| {
        optimizer.compile(input).expect("the function compiles")
    });
    let counts: Vec<usize> = functions.iter().map(|code| code.handlers.len()).collect();
    // One of the calls is inlined.
    assert_eq!(counts, [0, 2, 0]);
    assert!(
        functions[1]
            .handlers
            .iter()
            .map(|handler| handler.code)
            .is_sorted()
    );
    for handler in &functions[1].handlers {
        assert!(handler.landing < functions[1].code.len() as u32);
        assert_eq!(handler.below_fp % 16, 0);
    }
    // It is a jump.
    assert!(functions[2].code.len() < 64);
}

/// What would take the allocator of registers minutes is refused while it is made.
#[test]
fn many_operands_in_many_blocks_are_refused() {
    let casts = |n: usize| {
        let wat = format!(
            "(module (type $s (struct)) (func (param anyref) {} {}))",
            "(ref.test (ref $s) (local.get 0)) ".repeat(n),
            "drop ".repeat(n)
        );
        let settings = CompileSettings::default();
        let optimizer = Optimizer::new(&settings).expect("this machine is supported");
        let compile = |input: &FunctionInput| optimizer.compile(input).err();
        let refused = each_function(&wat, &settings, CallMode::ThroughTable, compile);
        let refused = refused.into_iter().flatten().next();
        refused.map(|error| format!("{error:#}"))
    };
    assert_eq!(casts(1_000), None);
    let error = casts(20_000).expect("it is refused");
    assert!(error.contains("many operands in many blocks"), "{error}");
}
