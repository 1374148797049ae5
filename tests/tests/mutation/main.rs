//! Modules that are broken, or meant to break something: each is refused with an error or
//! works, in bounded time, and never panics.
//!
//! Mutants are made from valid modules by a seeded generator, so a failure can be repeated. They are
//! loaded, compiled whole, and instantiated with defaults for their imports, but their code is not
//! run: without fuel, a mutant that loops would never end. `MAINSPRING_MUTATIONS` sets how many.

mod encode;
mod hostile;

use mainspring::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Valid modules of all kinds, to start from.
const SEEDS: &[&str] = &[
    r#"(module (import "a" "f" (func $f (param i32 i64) (result f64))) (import "a" "m" (memory 1)) (import "a" "g" (global i32))
        (func (export "run") (param i32) (result f64) (call $f (local.get 0) (i64.const 77)))
        (data (global.get 0) "0123456789"))"#,
    r#"(module (memory (export "m") 1 9) (data (i32.const 100) "abc") (data $p "passive")
        (func (export "bulk") (memory.init $p (i32.const 0) (i32.const 0) (i32.const 7)) (data.drop $p)
            (memory.copy (i32.const 20) (i32.const 0) (i32.const 7)) (memory.fill (i32.const 9) (i32.const 8) (i32.const 7))
            (drop (memory.grow (i32.const 1)))))"#,
    r#"(module (type $t (func (param i32) (result i32))) (table $t (export "t") 4 9 funcref) (table $e 2 externref)
        (elem (i32.const 1) $a $b) (elem $p funcref (ref.func $a) (ref.null func)) (elem declare func $b)
        (func $a (type $t) (i32.add (local.get 0) (i32.const 1)))
        (func $b (type $t) (call_indirect $t (type $t) (local.get 0) (i32.const 1)))
        (func (export "tables") (table.init $t $p (i32.const 0) (i32.const 0) (i32.const 2)) (elem.drop $p)
            (table.set $e (i32.const 0) (ref.null extern)) (drop (table.grow $t (ref.func $a) (i32.const 2)))
            (table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 1)) (table.fill $t (i32.const 0) (ref.null func) (i32.const 1))))"#,
    r#"(module (memory 1) (func (export "simd") (param v128 i32) (result v128)
        (i8x16.swizzle (v128.load offset=3 align=1 (local.get 1)) (i32x4.trunc_sat_f32x4_s (f32x4.mul (local.get 0) (v128.const f32x4 1 2 3 4))))
        (i16x8.extmul_high_i8x16_u (local.get 0) (i64x2.splat (i64.const -1))) i8x16.add
        (i8x16.shuffle 0 1 2 3 16 17 18 19 8 9 10 11 31 30 29 28 (local.get 0) (local.get 0)) v128.xor))"#,
    r#"(module (func $f (export "control") (param i32 i64) (result i32) (local f32 f64 i32)
        (block $a (block $b (block $c (br_table $a $b $c $a (local.get 0))) (return (i32.const 1))) (loop $l (br_if $l (i64.eqz (local.get 1)))))
        (if (result i32) (i32.lt_s (local.get 0) (i32.const 3)) (then (i32.const 4)) (else (call $f (i32.const 1) (i64.const 2))))
        (block (param i32) (result i32 i64) (i64.const 5)) (drop) (select (i32.const 1) (i32.const 0))))"#,
    r#"(module (global $g (mut i64) (i64.add (i64.const 3) (i64.mul (i64.const 4) (i64.const 5)))) (memory i64 1 2) (memory $second 1)
        (func (export "wide") (param i64) (i64.store (local.get 0) (global.get $g)) (i32.store8 $second (i32.const 1) (i32.const 2))
            (memory.copy 0 $second (i64.const 0) (i32.const 0) (i32.const 9)))
        (func $even (param i64) (result i64) (return_call $odd (i64.sub (local.get 0) (i64.const 1))))
        (func $odd (param i64) (result i64) (return_call $even (local.get 0))))"#,
    r#"(module (func (export "numbers") (param f32 f64 i32 i64) (result f64)
        (f64.add (f64.promote_f32 (f32.nearest (local.get 0))) (f64.copysign (local.get 1) (f64.convert_i64_u (i64.rotl (local.get 3) (i64.const 7)))))
        (f64.reinterpret_i64 (i64.extend32_s (i64.extend_i32_u (i32.trunc_sat_f64_u (local.get 1))))) (f64.min)
        (f64.convert_i32_s (i32.div_s (i32.clz (local.get 2)) (i32.popcnt (local.get 2)))) (f64.sub)))"#,
];

/// xorshift64*: reproducible, and good enough to break things with.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    // The header stays in most mutants: without it everything ends at byte 8.
    let at = if random.below(50) == 0 {
        random.below(bytes.len())
    } else {
        8 + random.below(bytes.len().saturating_sub(8))
    };
    let Some(byte) = bytes.get_mut(at) else {
        return;
    };
    match random.below(7) {
        0 => *byte ^= 1 << random.below(8),
        1 => *byte = random.next() as u8,
        2 => *byte = [0, 1, 0x7f, 0x80, 0xff, 0x0b, 0x40, 0x60][random.below(8)],
        // A number as large as its encoding allows.
        3 => drop(bytes.splice(at..at + 1, [0xff, 0xff, 0xff, 0xff, 0x0f])),
        4 => bytes.truncate(at),
        5 => {
            let end = (at + random.below(16)).min(bytes.len());
            bytes.drain(at..end);
        }
        _ => {
            let from = random.below(other.len());
            let to = (from + random.below(32)).min(other.len());
            bytes.splice(at..at, other[from..to].iter().copied());
        }
    }
}

/// Loads, compiles and instantiates. Says whether the module was accepted.
fn exercise(engine: &Engine, bytes: &[u8]) -> bool {
    let module = match Module::from_binary(engine, bytes) {
        Ok(module) => module,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return false;
        }
    };
    // Compiling a large program whole is another matter than loading it.
    if bytes.len() < 100_000 {
        // It may be refused, for a function that is too large.
        let _ = module.serialize();
    }
    let mut store = Store::new(
        engine,
        StoreLimitsBuilder::new()
            .memory_size(64 << 20)
            .table_elements(100_000)
            .build(),
    );
    store.limiter(|limits| limits);
    let mut linker = Linker::new(engine);
    let has_start = has_start_section(bytes);
    if !has_start
        && linker
            .define_unknown_imports_as_default_values(&mut store, &module)
            .is_ok()
    {
        let _ = linker.instantiate(&mut store, &module);
    }
    true
}

/// Whether a valid module has a start section (number 8).
fn has_start_section(bytes: &[u8]) -> bool {
    let mut at = 8;
    while at < bytes.len() {
        let id = bytes[at];
        let (mut len, mut shift) = (0usize, 0);
        loop {
            at += 1;
            len |= ((bytes[at] & 0x7f) as usize) << shift;
            shift += 7;
            if bytes[at] & 0x80 == 0 {
                break;
            }
        }
        if id == 8 {
            return true;
        }
        at += 1 + len;
    }
    false
}

#[test]
fn mutants_are_refused_or_work() {
    let count: usize = std::env::var("MAINSPRING_MUTATIONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(3_000);
    let mut seeds: Vec<Vec<u8>> = SEEDS
        .iter()
        .map(|text| wat::parse_str(text).unwrap())
        .collect();
    // Real programs, if the environment names some.
    for path in std::env::var("MAINSPRING_MUTATION_SEEDS")
        .iter()
        .flat_map(|list| list.split(':'))
    {
        seeds.push(
            std::fs::read(path).unwrap_or_else(|error| panic!("cannot read {path}: {error}")),
        );
    }
    let engine = Engine::default();
    let mut random = Random(0x6d61_696e_7370_7269);
    let (mut accepted, mut slowest) = (0, Duration::ZERO);
    for i in 0..count {
        let state = random.0;
        let mut bytes = seeds[random.below(seeds.len())].clone();
        let other = &seeds[random.below(SEEDS.len())];
        for _ in 0..=random.below(3) {
            mutate(&mut random, &mut bytes, other);
        }
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| exercise(&engine, &bytes)));
        slowest = slowest.max(start.elapsed());
        match outcome {
            Ok(was_accepted) => accepted += usize::from(was_accepted),
            Err(_) => panic!("mutant {i} (generator state {state:#x}) panicked"),
        }
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "mutant {i} (generator state {state:#x}) took {:?}",
            start.elapsed()
        );
    }
    eprintln!("{count} mutants: {accepted} accepted, the slowest took {slowest:?}");
    assert!(
        accepted > count / 100 && accepted < count,
        "{accepted} of {count} mutants were accepted: that tests nothing"
    );
}

#[test]
fn every_prefix_is_refused_with_an_offset() {
    let engine = Engine::default();
    for text in SEEDS {
        let bytes = wat::parse_str(text).unwrap();
        for len in 0..bytes.len() {
            match Module::from_binary(&engine, &bytes[..len]) {
                // A module may end after any section.
                Ok(_) => assert!(len >= 8),
                Err(error) => assert!(error.to_string().contains("0x"), "{len}: {error}"),
            }
        }
    }
}

#[test]
fn what_is_no_module_is_refused() {
    let engine = Engine::default();
    for (bytes, word) in [
        (&b""[..], "unexpected end"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0", "magic"),
        (b"\0asm\x02\0\0\0", "version"),
        (b"\0asm\x0d\0\x01\0", "component"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "magic"),
    ] {
        let error = format!("{:#}", Module::from_binary(&engine, bytes).unwrap_err());
        assert!(error.contains(word), "{bytes:?}: {error}");
    }
    let error = Module::new(&engine, "(module (func")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected") && error.contains("1:"),
        "{error}"
    );
}
