//! Against `wasmparser`, which has the last word: nothing may be accepted that it refuses.

use super::types::{Plain, PlainModule, Stacks};
use crate::decode::decode;
use std::collections::HashSet;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

/// Declarations for bodies to refer to. The one body is of the type `i32 f64 -> i64`.
const DECLARATIONS: &str = r#"
    (type $nothing (func))
    (type $two (func (param i32 i64) (result i64 i32)))
    (type $one (func (param f64) (result i32)))
    (type $reference (func (param (ref $nothing))))
    (type $vector (func (result v128)))
    (type $body (func (param i32 f64) (result i64)))
    (type $object (struct))
    (type $caught (func (result i32 exnref)))
    (type $swapped (func (result exnref i32)))
    (type $taker (func (param i32)))
    (import "" "nothing" (func $nothing (type $nothing)))
    (import "" "two" (func $two (type $two)))
    (import "" "one" (func $one (type $one)))
    (import "" "body" (func $body (type $body)))
    (import "" "reference" (func $reference (type $reference)))
    (import "" "vector" (func $vector (type $vector)))
    (import "" "functions" (table 2 funcref))
    (import "" "hosts" (table 2 externref))
    (import "" "empty" (tag $empty))
    (import "" "number" (tag $number (param i32)))
    (global $constant i32 (i32.const 1))
    (global $variable (mut f32) (f32.const 1))
    (global $vector (mut v128) (v128.const i64x2 1 2))
"#;

/// What a sound program does, and all of it plain.
const BODY: &str = r#"
    (local $i i32) (local $l i64) (local $f f32) (local $e exnref) (local $x externref) (local $r funcref) (local $v v128)
    (local.set $v (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31
        (i32x4.add (v128.load offset=16 align=8 (i32.const 0)) (v128.const i64x2 1 -1))
        (f32x4.replace_lane 3 (i16x8.shl (local.get $v) (i32.const 2)) (f32.const 1))))
    (v128.store32_lane 2 (i32.const 4) (local.get $v))
    (local.set $i (i32.add (local.get 0) (i32.const -70000)))
    (local.set $l (i64.const 0x123456789abcdef0))
    (global.set $variable (f32.mul (global.get $variable) (f32.const 2.5)))
    (i32.store8 offset=300 (local.get $i) (i32.load16_s align=1 (local.get $i)))
    (f64.store (i32.const 8) (f64.sqrt (f64.promote_f32 (local.tee $f (f32.load (i32.const 4))))))
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
    (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
    (drop (memory.grow (memory.size)))
    (local.set $i (i32.trunc_sat_f64_u (local.get 1)))
    (local.set $x (local.get $x))
    (local.set $r (local.get $r))
    (block $out
        (loop $again
            (br_if $out (i32.eqz (local.tee $i (i32.sub (local.get $i) (global.get $constant)))))
            (br_if $again (call $one (f64.const 0)))
            (block $a (block $b (block $c (br_table $a $b $again $c $out (local.get $i)))))
            (br $again))
        unreachable)
    (local.set $i (if (result i32) (local.get $i)
        (then (call_indirect (type $one) (f64.const 1) (local.get 0)))
        (else (select (i32.const 1) (i32.const 2) (i32.const 3)))))
    (if (local.get $i) (then (return (i64.const 1))))
    (local.get $i) (local.get $l)
    (if (type $two) (i32.wrap_i64 (i64.extend8_s (local.get $l))) (then (call $two)) (else (local.set $l) (i64.extend_i32_u) (local.get $i)))
    (local.set $i)
    (local.set $l)
    (block $none
        (block $caught (result i32 exnref)
            (block $all (result exnref)
                (block $number (result i32)
                    (try_table (catch $empty $none) (catch $number $number) (catch_ref $number $caught) (catch_all_ref $all)
                        (throw $number (i32.const 3)))
                    unreachable)
                (br_if $none)
                (br $none))
            (throw_ref))
        (local.set $e)
        (br_if $none)
        (try_table (catch_all $none) (call $nothing)))
    (if (local.get $i) (then (return_call $body (i32.const 1) (f64.const 2))))
    (local.get $l)
"#;

struct Setting {
    plain: PlainModule,
    /// All sections before the bodies.
    head: Vec<u8>,
    ty: u32,
    stacks: Stacks,
}

impl Setting {
    /// With a memory, and the body that the module has.
    fn new(features: WasmFeatures, memory: &str, body: &str) -> (Setting, Vec<u8>) {
        let text = format!("(module {DECLARATIONS} {memory} (func (type $body) {body}))");
        let bytes = wat::parse_str(text).unwrap();
        let info = decode(features | WasmFeatures::all(), &bytes).unwrap();
        // In front of the contents of the code section: its number and its size, which may be of one byte or two.
        let contents = info.code_section_start as usize;
        let size = 1 + usize::from(bytes[contents - 1] < 0x80 && bytes[contents - 2] >= 0x80);
        assert_eq!(bytes[contents - size - 1], 10);
        let setting = Setting {
            plain: PlainModule::new(features, &info).unwrap(),
            head: bytes[..contents - size - 1].to_vec(),
            ty: info.functions.last().unwrap().0,
            stacks: Stacks::default(),
        };
        let body = info.slice(&bytes, &info.bodies[0]).to_vec();
        (setting, body)
    }

    fn accepts(&mut self, body: &[u8]) -> bool {
        self.plain.accepts(self.ty, body, &mut self.stacks)
    }

    fn is_valid(&self, body: &[u8]) -> bool {
        let mut code = vec![1];
        number(&mut code, body.len());
        code.extend(body);
        let mut module = self.head.clone();
        module.push(10);
        number(&mut module, code.len());
        module.extend(code);
        Validator::new_with_features(WasmFeatures::all())
            .validate_all(&module)
            .is_ok()
    }
}

fn number(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

const MEMORY: &str = "(memory 1)";

/// A small generator of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

#[test]
fn what_compilers_emit_is_accepted() {
    let (mut setting, body) = Setting::new(WasmFeatures::all(), MEMORY, BODY);
    assert!(setting.is_valid(&body));
    assert!(setting.accepts(&body));
}

#[test]
fn whatever_else_the_body_has_is_left_to_others() {
    for valid in [
        "(drop (i32x4.relaxed_trunc_f32x4_s (call $vector))) (i64.const 1)",
        "(drop (struct.new $object)) (i64.const 1)",
        "(block (call $reference (ref.as_non_null (ref.null $nothing)))) (i64.const 1)",
        "unreachable (drop (i32.add)) (i64.const 1)",
        "(drop (table.get 1 (i32.const 0))) (i64.const 1)",
    ] {
        let (mut setting, body) = Setting::new(WasmFeatures::all(), MEMORY, valid);
        assert!(setting.is_valid(&body), "{valid}");
        assert!(!setting.accepts(&body), "{valid}");
    }
}

#[test]
fn invalid_bodies_are_not_accepted() {
    for invalid in [
        // Too little, too much, or something else is left.
        "",
        "(i32.const 1)",
        "(i32.const 1) (i64.const 1)",
        "(block (i32.const 1)) (i64.const 1)",
        "(block (result i32)) drop (i64.const 1)",
        "(loop (param i32)) (i64.const 1)",
        "(i32.const 1) (block drop) (i64.const 1)",
        "(i64.const 1) (i64.const 2) (block (result i64) drop) drop",
        "(i32.const 1) return",
        "(br 0) (i32.const 1)",
        "(block (result i32) (br 0)) drop (i64.const 1)",
        "(block (result i32) (br_if 0 (local.get 0))) drop (i64.const 1)",
        "(if (local.get 0) (then (i32.const 1))) (i64.const 1)",
        "(if (result i64) (local.get 0) (then (i64.const 1)))",
        "(if (result i64) (local.get 0) (then (i64.const 1)) (else))",
        "(if (result i64) (local.get 0) (then (i64.const 1)) (else (i32.const 1)))",
        "(if (param i32) (local.get 0) (then drop) (else drop)) (i64.const 1)",
        "(select (i32.const 1) (i64.const 1) (i32.const 1)) drop (i64.const 1)",
        // Labels that do not agree, or are not there.
        "(block $a (block $b (result i32) (br_table $a $b (i32.const 1) (i32.const 2))) drop) (i64.const 1)",
        "(block $a (block $b (result i32) (br_table $b $a (i32.const 1) (i32.const 2))) drop) (i64.const 1)",
        "(br_if 1 (local.get 0)) (i64.const 1)",
        "(br 1)",
        "unreachable (br 1)",
        "(i64.const 1) (br_table 0 1 (local.get 0))",
        // Exceptions that labels do not take.
        "(try_table (catch $number 0)) (i64.const 1)",
        "(block (try_table (catch $number 0))) (i64.const 1)",
        "(block (result i32) (try_table (catch $empty 0)) (i32.const 1)) drop (i64.const 1)",
        "(block (try_table (catch_all_ref 0))) (i64.const 1)",
        "(block (result exnref) (try_table (catch_all 0)) unreachable) drop (i64.const 1)",
        "(block (result i32) (try_table (catch_ref $number 0)) unreachable) drop (i64.const 1)",
        "(block (result exnref i32) (try_table (catch_ref $number 0)) unreachable) drop drop (i64.const 1)",
        "(throw $number)",
        "(i32.const 1) throw_ref",
        // Callees that take or give something else, or are not there.
        "(call $one (i32.const 1)) drop (i64.const 1)",
        "(call $two (i64.const 1) (i32.const 1)) drop drop (i64.const 1)",
        "(call 77) (i64.const 1)",
        "(call_indirect (type $object) (i32.const 1)) (i64.const 1)",
        "(call_indirect 1 (type $nothing) (i32.const 1)) (i64.const 1)",
        "(call_indirect (type $nothing) (i64.const 1)) (i64.const 1)",
        "(return_call $one (f64.const 1))",
        "(return_call_indirect (type $nothing) (i32.const 1))",
        // Locals, globals and addresses.
        "(local.get 2) drop (i64.const 1)",
        "(local.set 0 (i64.const 1)) (i64.const 1)",
        "(local.tee 0 (i64.const 1))",
        "(global.set $constant (i32.const 1)) (i64.const 1)",
        "(global.set $variable (i32.const 1)) (i64.const 1)",
        "(i64.load (i64.const 1))",
        "(i32.store (i32.const 1) (i64.const 1)) (i64.const 1)",
        "(memory.fill (i32.const 0) (i64.const 1) (i32.const 2)) (i64.const 1)",
    ] {
        let text = format!("(module {DECLARATIONS} {MEMORY} (func (type $body) {invalid}))");
        let (mut setting, _) = Setting::new(WasmFeatures::all(), MEMORY, BODY);
        let module = wat::parse_str(text).unwrap();
        assert!(module.starts_with(&setting.head), "it declares more");
        let body = Parser::new(0)
            .parse_all(&module)
            .find_map(|payload| match payload {
                Ok(Payload::CodeSectionEntry(body)) => Some(body.as_bytes().to_vec()),
                _ => None,
            });
        let body = body.unwrap();
        assert!(!setting.is_valid(&body), "{invalid}");
        assert!(!setting.accepts(&body), "{invalid}");
    }
}

#[test]
fn no_body_is_accepted_that_differs_in_one_byte_and_is_invalid() {
    let (mut setting, body) = Setting::new(WasmFeatures::all(), MEMORY, BODY);
    let mut accepted = 0;
    for at in 0..body.len() {
        for value in 0..=0xff {
            let mut other = body.clone();
            other[at] = value;
            if setting.accepts(&other) {
                accepted += 1;
                assert!(setting.is_valid(&other), "{value:#x} at {at} of {body:x?}");
            }
        }
    }
    assert!(accepted > 5 * body.len(), "{accepted}");
}

/// Where the operators of a body begin, and where it ends.
fn operators(body: &[u8]) -> Vec<usize> {
    let reader = wasmparser::BinaryReader::new_features(body, 0, WasmFeatures::all());
    let body = wasmparser::FunctionBody::new(reader);
    let mut reader = body.get_operators_reader().unwrap();
    let mut found = Vec::new();
    while !reader.eof() {
        found.push(reader.original_position() as usize);
        reader.read().unwrap();
    }
    found.push(reader.original_position() as usize);
    found
}

#[test]
fn no_body_is_accepted_whose_operators_are_shuffled_and_is_invalid() {
    let (mut setting, body) = Setting::new(WasmFeatures::all(), MEMORY, BODY);
    let found = operators(&body);
    let mut random = Random(1);
    let (mut accepted, mut valid) = (0, 0);
    for _ in 0..100_000 {
        let mut operators: Vec<_> = (found.windows(2).map(|at| &body[at[0]..at[1]])).collect();
        for _ in 0..=random.below(3) {
            let (at, other) = (random.below(operators.len()), random.below(operators.len()));
            match random.below(4) {
                0 => operators.swap(at, other),
                1 => operators[at] = operators[other],
                2 => operators.insert(at, operators[other]),
                _ => drop(operators.remove(at)),
            }
        }
        let other = [&body[..found[0]], &operators.concat()].concat();
        let is_valid = setting.is_valid(&other);
        valid += u32::from(is_valid);
        if setting.accepts(&other) {
            accepted += 1;
            assert!(is_valid, "{other:x?}");
        }
    }
    // The rest is mostly code that can't be reached.
    assert!(
        accepted > 3_000 && accepted * 10 > valid * 8,
        "{accepted} of {valid}"
    );
}

/// Constants by type.
const CONSTANTS: [(Plain, &[u8]); 5] = [
    (Plain::I32, &[0x41, 0]),
    (Plain::I64, &[0x42, 0]),
    (Plain::F32, &[0x43, 0, 0, 0, 0]),
    (Plain::F64, &[0x44, 0, 0, 0, 0, 0, 0, 0, 0]),
    (
        Plain::V128,
        &[0xfd, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ),
];

/// A local of each type, behind the parameters.
const LOCALS: [u8; 11] = [5, 1, 0x7f, 1, 0x7e, 1, 0x7d, 1, 0x7c, 1, 0x7b];

/// Every plain operator without a meaning of its own, with right and wrong immediates.
fn simple_operators() -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = (0x45..=0xc4).map(|code| vec![code]).collect();
    found.extend((0..=11).map(|code| match code {
        8 | 9 | 11 => vec![0xfc, code, 0],
        10 => vec![0xfc, code, 0, 0],
        _ => vec![0xfc, code],
    }));
    found.extend((0x3f..=0x40).map(|code| vec![code, 0]));
    let memory = |code: Vec<u8>, rest: &'static [u8]| {
        (0..=5).map(move |align| [&code[..], &[align, 0], rest].concat())
    };
    for code in 0x28..=0x3e {
        found.extend(memory(vec![code], &[]));
    }
    for code in 0..=0xff {
        let mut vector = vec![0xfd];
        number(&mut vector, code);
        let lanes = [0, 1, 2, 3, 4, 7, 8, 15, 16];
        match code {
            0x00..=0x0b | 0x5c | 0x5d => found.extend(memory(vector, &[])),
            0x0c => found.push([&vector[..], &[7; 16]].concat()),
            0x0d => found.extend([31, 32].map(|lane| [&vector[..], &[lane; 16]].concat())),
            0x15..=0x22 => found.extend(lanes.map(|lane| [&vector[..], &[lane]].concat())),
            0x54..=0x5b => {
                found.extend(memory(vector.clone(), &[1]));
                found.extend(lanes.map(|lane| [&vector[..], &[0, 0, lane]].concat()));
            }
            _ => found.push(vector),
        }
    }
    found
}

#[test]
fn operators_take_and_leave_what_the_specification_says() {
    let (mut setting, _) = Setting::new(WasmFeatures::all(), MEMORY, BODY);
    // Nothing, one, all pairs, and three of a kind or two and a number.
    let constants = CONSTANTS.map(|(_, constant)| constant);
    let vector = constants[4];
    let mut operands = vec![Vec::new()];
    for a in constants {
        operands.push(a.to_vec());
        operands.extend(constants.map(|b| [a, b].concat()));
        operands.push([a, a, a].concat());
        operands.push([vector, vector, a].concat());
    }
    let mut known = HashSet::new();
    for operator in simple_operators() {
        let mut found = 0;
        for operands in &operands {
            // Nothing is left, or something that a local takes.
            for local in [None, Some(2), Some(3), Some(4), Some(5), Some(6)] {
                let mut body = [&LOCALS[..], operands, &operator].concat();
                body.extend(local.into_iter().flat_map(|local| [0x21, local]));
                body.extend([0x42, 0, 0x0b]);
                let valid = setting.is_valid(&body);
                assert_eq!(setting.accepts(&body), valid, "{body:x?}");
                found += u32::from(valid);
            }
        }
        let is_prefixed = operator[0] >= 0xfc;
        let code = 1 + usize::from(is_prefixed) + usize::from(is_prefixed && operator[1] >= 0x80);
        if found > 0 {
            known.insert(operator[..code].to_vec());
        }
    }
    // Those of numbers, conversions and bulk memory, the size of memory, loads and stores, vectors.
    assert_eq!(known.len(), 128 + 10 + 2 + 23 + 236);
}

#[test]
fn proposals_that_are_off_are_not_accepted() {
    let without = |feature| WasmFeatures::all().difference(feature);
    for (feature, body) in [
        (WasmFeatures::EXCEPTIONS, "(throw $empty)"),
        (WasmFeatures::EXCEPTIONS, "(local exnref) (i64.const 1)"),
        (
            WasmFeatures::EXCEPTIONS,
            "(block (result exnref) unreachable) throw_ref",
        ),
        (WasmFeatures::EXCEPTIONS, "(try_table) (i64.const 1)"),
        (
            WasmFeatures::TAIL_CALL,
            "(return_call $body (local.get 0) (local.get 1))",
        ),
        (
            WasmFeatures::TAIL_CALL,
            "(return_call_indirect (type $body) (local.get 0) (local.get 1) (i32.const 1))",
        ),
    ] {
        let (mut setting, bytes) = Setting::new(WasmFeatures::all(), MEMORY, body);
        assert!(setting.accepts(&bytes), "{body}");
        let (mut setting, bytes) = Setting::new(without(feature), MEMORY, body);
        assert!(!setting.accepts(&bytes), "{body}");
    }
    let text = format!("(module {DECLARATIONS})");
    let info = decode(WasmFeatures::all(), &wat::parse_str(text).unwrap()).unwrap();
    assert!(PlainModule::new(without(WasmFeatures::SIGN_EXTENSION), &info).is_none());
}

#[test]
fn without_a_memory_of_32_bits_there_are_no_accesses() {
    let body = "(drop (memory.size)) (i64.const 1)";
    for (memory, accepted) in [(MEMORY, true), ("(memory i64 1)", false)] {
        let (mut setting, bytes) = Setting::new(WasmFeatures::all(), memory, body);
        assert_eq!(setting.accepts(&bytes), accepted, "{memory}");
    }
    let (_, bytes) = Setting::new(WasmFeatures::all(), MEMORY, body);
    let (mut setting, _) = Setting::new(WasmFeatures::all(), "", "(i64.const 1)");
    assert!(!setting.accepts(&bytes));
}

#[test]
fn locals_have_the_limit_of_the_library() {
    let (mut setting, _) = Setting::new(WasmFeatures::all(), MEMORY, BODY);
    for locals in [49_997, 49_998, 49_999, 50_000, u32::MAX as usize] {
        let mut body = vec![1];
        number(&mut body, locals);
        body.extend([0x7f, 0x42, 0, 0x0b]);
        assert_eq!(
            setting.accepts(&body),
            setting.is_valid(&body),
            "{locals} beside the parameters"
        );
    }
}
