//! Bodies through the whole pipeline, read back by a disassembler.

mod proportion;

use crate::Baseline;
use crate::x64::Cpu;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Formatter, Instruction, IntelFormatter};
use mainspring_abi::{
    CallMode, CompileSettings, CompiledFunction, CounterKind, Entry, FunctionInput, RelocTarget,
    Root, VMOffsets,
};
use mainspring_wasm::{DefinedFuncIndex, ModuleInfo};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;
use wasmparser::WasmFeatures;

fn decode(wat: &str) -> (ModuleInfo, Vec<u8>) {
    let bytes = wat::parse_str(wat).expect("the test's module is well-formed");
    // The last is for an instruction that is not supported.
    let features =
        WasmFeatures::default() | WasmFeatures::LEGACY_EXCEPTIONS | WasmFeatures::MEMORY_CONTROL;
    let module = mainspring_wasm::decode(features, &bytes)
        .unwrap_or_else(|error| panic!("the test's module is valid: {error}\n{wat}"));
    (module, bytes)
}

/// Compiles each function of a module.
fn compile(
    baseline: &Baseline,
    wat: &str,
    settings: &CompileSettings,
    calls: CallMode,
    tier_up: bool,
) -> Vec<CompiledFunction> {
    let (module, bytes) = decode(wat);
    let offsets = VMOffsets::new(&module);
    (0..module.bodies.len())
        .map(|i| {
            let input = FunctionInput {
                module: &module,
                offsets: &offsets,
                index: DefinedFuncIndex::from(i),
                body: module.slice(&bytes, &module.bodies[i]),
                bodies: &bytes,
                settings,
                calls,
                inlining: false,
                tier_up,
                entry: Entry::Start,
                max_frame: FunctionInput::ANY_FRAME,
                exact_locations: false,
                profile: None,
            };
            baseline
                .compile(&input)
                .unwrap_or_else(|error| panic!("{error:#}\n{wat:.2000}"))
        })
        .collect()
}

/// The instructions as text, an offset each.
fn disassemble(function: &CompiledFunction) -> String {
    let mut text = String::new();
    let mut formatter = IntelFormatter::new();
    let mut decoder = Decoder::new(64, &function.code, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let end = instructions_end(function);
    while decoder.can_decode() && decoder.position() < end {
        decoder.decode_out(&mut instruction);
        assert!(!instruction.is_invalid(), "after\n{text}");
        let at = instruction.ip() as u32;
        let mut line = String::new();
        formatter.format(&instruction, &mut line);
        let next = at + instruction.len() as u32;
        let reloc = function
            .relocs
            .iter()
            .find(|reloc| (at..next).contains(&reloc.offset));
        let trap = function.traps.iter().find(|site| site.offset == at);
        let roots = match is_call(&instruction) {
            true => roots_at(function, next),
            false => Vec::new(),
        };
        let roots = roots.into_iter();
        let roots: Vec<_> = roots.map(|slot| format!("{slot:+}")).collect();
        write!(text, "{at:5x}  {line}").expect("writing to a string can't fail");
        if let Some(reloc) = reloc {
            write!(text, "  ; {:?}", reloc.target).expect("writing to a string can't fail");
        }
        if let Some(trap) = trap {
            write!(text, "  ; traps: {:?}", trap.code).expect("writing to a string can't fail");
        }
        if !roots.is_empty() {
            let roots = roots.join(", ");
            write!(text, "  ; keeps: {roots}").expect("writing to a string can't fail");
        }
        text.push('\n');
    }
    text
}

fn is_call(instruction: &Instruction) -> bool {
    let flow = instruction.flow_control();
    matches!(flow, FlowControl::Call | FlowControl::IndirectCall)
}

/// Where the call that returns to `code` has references, as the tables say: from the top of the frame down.
fn roots_at(function: &CompiledFunction, code: u32) -> Vec<i32> {
    let mut slots = Vec::new();
    Root::visit(&function.roots, code, &mut |slot| slots.push(slot));
    slots.sort_unstable_by_key(|&slot| std::cmp::Reverse(slot));
    slots
}

/// Where constants begin: behind the padding, which is found from the end of the last instruction that a
/// location or trap names. Functions without constants end there.
fn instructions_end(function: &CompiledFunction) -> usize {
    let mut decoder = Decoder::new(64, &function.code, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut constants = function.code.len();
    while decoder.can_decode() && decoder.position() < constants {
        decoder.decode_out(&mut instruction);
        if instruction.is_ip_rel_memory_operand() {
            let relocated = function.relocs.iter().any(|reloc| {
                (instruction.ip() as u32..instruction.next_ip() as u32).contains(&reloc.offset)
            });
            if !relocated {
                let target = instruction.ip_rel_memory_address() as usize;
                constants = constants.min(target & !15);
            }
        }
    }
    constants
}

/// The machine code of each `tests/disas/*.wat`, beside it. With `MAINSPRING_BLESS=1` in the
/// environment they are written instead of compared.
#[test]
fn machine_code_is_as_before() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/disas");
    let baseline = Baseline::oldest();
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("the folder of goldens") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "wat") {
            continue;
        }
        seen += 1;
        let wat = fs::read_to_string(&path).expect("a module");
        // Vectors take more than the oldest processors have.
        let newer = Baseline::for_cpu(Cpu {
            sse41: true,
            sse42: true,
            ..Cpu::default()
        });
        let baseline = if wat.contains("v128") {
            &newer
        } else {
            &baseline
        };
        let calls = if wat.starts_with(";; Directly") {
            CallMode::Direct
        } else {
            CallMode::ThroughTable
        };
        let tier_up = wat
            .lines()
            .next()
            .is_some_and(|line| line.contains("counting"));
        let settings = CompileSettings::default();
        let mut found = String::new();
        for (i, function) in compile(baseline, &wat, &settings, calls, tier_up)
            .iter()
            .enumerate()
        {
            found += &format!(";; function {i}\n{}\n", disassemble(function));
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

/// Code that counts says what, and where everything is at each loop.
#[test]
fn counters_and_loops_are_described() {
    let wat = "(module (func (param i32 f64) (result i32) (local i64)
        i32.const 7
        (loop (param i32) (result i32)
            (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
            (drop (call 0 (local.get 0) (local.get 1)))
            (br_if 0 (local.get 0)))
        (loop (br_if 0 (local.get 0)))))";
    let settings = CompileSettings::default();
    let baseline = Baseline::oldest();
    let function = &compile(&baseline, wat, &settings, CallMode::ThroughTable, true)[0];
    let tier_up = function.tier_up.as_ref().expect("it was asked to count");
    let kinds: Vec<_> = tier_up
        .counters
        .iter()
        .map(|counter| counter.kind)
        .collect();
    use CounterKind::{Call, Entry, Loop};
    assert_eq!(kinds, [Entry, Loop, Call, Loop]);
    assert_eq!(tier_up.locals.len(), 3);
    assert_eq!(tier_up.loops.len(), 2);
    assert_eq!(tier_up.loops[0].operands.len(), 1);
    for n in 0..4 {
        let named = RelocTarget::Counter(n);
        assert!(function.relocs.iter().any(|reloc| reloc.target == named));
    }
    for target in [RelocTarget::HotEntry, RelocTarget::HotLoop] {
        assert!(function.relocs.iter().any(|reloc| reloc.target == target));
    }
}

/// Where code is from is known of all of it if that is asked for, and asking changes no code.
#[test]
fn exact_locations() {
    let wat = "(module (func (param i32) (result i32) (local i32)
        (loop
            (local.set 1 (i32.add (local.get 1) (i32.rotl (local.get 0) (i32.const 3))))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        local.get 1))";
    let (module, bytes) = decode(wat);
    let settings = CompileSettings::default();
    let compile = |exact_locations| {
        let input = FunctionInput {
            max_frame: FunctionInput::ANY_FRAME,
            module: &module,
            offsets: &VMOffsets::new(&module),
            index: DefinedFuncIndex(0),
            body: module.slice(&bytes, &module.bodies[0]),
            bodies: &bytes,
            settings: &settings,
            calls: CallMode::ThroughTable,
            inlining: false,
            tier_up: true,
            entry: Entry::Start,
            exact_locations,
            profile: None,
        };
        let compiled = Baseline::oldest().compile(&input);
        compiled.expect("it is compiled")
    };
    let (usual, exact) = (compile(false), compile(true));
    assert_eq!((usual.code, usual.relocs), (exact.code, exact.relocs));
    let opcodes: Vec<u8> = exact
        .locations
        .iter()
        .map(|location| bytes[location.wasm as usize])
        .collect();
    // loop, i32.add, i32.rotl, i32.sub, br_if, end; and where it goes when the loop is hot.
    for opcode in [0x6a, 0x77, 0x6b, 0x0d, 0x0b] {
        assert!(opcodes.contains(&opcode), "no {opcode:#x} in {opcodes:x?}");
    }
    let loops = opcodes.iter().filter(|&&opcode| opcode == 0x03).count();
    assert_eq!(loops, 2, "{opcodes:x?}");
    assert!(exact.locations.is_sorted_by_key(|location| location.code));
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
            "(module (func (param i32) (result i32) {} {}))",
            repeat(5000, "(i32.mul (local.get 0) (local.get 0)) "),
            repeat(4999, "i32.add ")
        ),
    ];
    let settings = CompileSettings::default();
    let baseline = Baseline::new(&settings).expect("the host is supported");
    for wat in modules {
        let started = Instant::now();
        let functions = compile(&baseline, &wat, &settings, CallMode::Direct, false);
        let taken = started.elapsed();
        assert!(taken.as_secs() < 10, "took {taken:?}: {:.60}", wat);
        // All of it is instructions.
        disassemble(&functions[0]);
    }
}

#[test]
fn a_failure_names_the_function_and_leaves_the_compiler_usable() {
    // An instruction of a proposal that validation was told to let through.
    let wat = "(module (memory 1) (func) (func (memory.discard (i32.const 0) (i32.const 0))))";
    let (module, bytes) = decode(wat);
    let offsets = VMOffsets::new(&module);
    let settings = CompileSettings::default();
    let baseline = Baseline::new(&settings).expect("the host is supported");
    let compile = |index| {
        baseline.compile(&FunctionInput {
            module: &module,
            offsets: &offsets,
            index: DefinedFuncIndex(index),
            body: module.slice(&bytes, &module.bodies[index as usize]),
            bodies: &bytes,
            settings: &settings,
            calls: CallMode::Direct,
            inlining: false,
            tier_up: false,
            entry: Entry::Start,
            max_frame: FunctionInput::ANY_FRAME,
            exact_locations: false,
            profile: None,
        })
    };
    let error = format!(
        "{:#}",
        compile(1).expect_err("memory control is not supported")
    );
    assert!(
        error.contains("function 1") && error.contains("0xfc "),
        "{error}"
    );
    assert!(compile(0).is_ok());
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
    let settings = CompileSettings::default();
    let baseline = Baseline::new(&settings).expect("the host is supported");
    let functions = compile(&baseline, wat, &settings, CallMode::Direct, false);
    let counts: Vec<usize> = functions.iter().map(|code| code.handlers.len()).collect();
    assert_eq!(counts, [0, 3, 0]);
    check_handlers(&functions[1]);
}

/// Handlers are in order, and lie in the code.
fn check_handlers(compiled: &CompiledFunction) {
    let offsets = compiled.handlers.iter().map(|handler| handler.code);
    assert!(offsets.is_sorted());
    for handler in &compiled.handlers {
        assert!(handler.landing < compiled.code.len() as u32);
        assert_eq!(handler.below_fp % 16, 0);
    }
}

/// Each call says where the references are that are used after it, and nothing else does.
#[test]
fn calls_say_where_references_are() {
    let wat = "(module
        (type $s (struct (field (mut eqref))))
        (func $f (param eqref i32 eqref i32 eqref i32 eqref) (result eqref) (local.get 6))
        (func $none (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func (param eqref i32 eqref) (local eqref eqref)
            (local.get 0)
            (call $none (i32.const 1))
            (ref.null eq)
            (struct.new $s (local.get 3))
            (drop (call $f (local.get 0) (i32.const 1) (local.get 0) (i32.const 2) (local.get 0) (i32.const 3) (local.get 2)))
            drop drop drop drop)
        (func (param i32) (drop (call $none (local.get 0)))))";
    let settings = CompileSettings::default();
    let baseline = Baseline::new(&settings).expect("the host is supported");
    for tier_up in [false, true] {
        let functions = compile(&baseline, wat, &settings, CallMode::Direct, tier_up);
        let counts: Vec<_> = (functions.iter())
            .map(|code| {
                assert!(code.roots.is_sorted_by_key(|root| root.first));
                let decoder = Decoder::new(64, &code.code, DecoderOptions::NONE);
                let calls = decoder.into_iter().filter(is_call);
                let roots = calls.map(|call| roots_at(code, call.next_ip() as u32).len());
                roots.filter(|&count| count > 0).collect::<Vec<_>>()
            })
            .collect();
        // Two parameters and the local that is used; besides, the struct; the struct's way without room, last.
        assert_eq!(counts, [vec![], vec![], vec![3, 4, 3], vec![]]);
    }
}
