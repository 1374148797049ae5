//! Makes modules of bytes: all that the engine supports, and nothing that would not end.

use crate::random::Random;
use arbitrary::{Error, Result, Unstructured};
use wasm_smith::{Config, Module};
use wasmparser::{Operator, Parser, Payload};

/// The exported global that counts how many loops and calls may still begin.
pub const FUEL: &str = "mainspring-fuel";
/// What it is set to before each call.
pub const FULL: u32 = 1_000;

/// A module that ends, and what its calls are to be chosen with.
pub struct Case {
    pub wasm: Vec<u8>,
    pub random: Random,
}

impl Case {
    /// Makes a case; with `canonical`, one in which each NaN has one form.
    ///
    /// # Errors
    /// If the bytes do not suffice.
    pub fn new(data: &[u8], canonical: bool) -> Result<Case> {
        let mut u = Unstructured::new(data);
        let seed = u.arbitrary()?;
        let mut config = config(&mut u, canonical)?;
        config.canonicalize_nans = canonical;
        // What makes code safe is what `oracle` has to leave out.
        config.disallow_traps &= !canonical;
        let mut module = Module::new(config, &mut u)?;
        let fuel = module
            .ensure_termination(FULL)
            .expect("no body is made of raw bytes");
        if module_waits(&module.to_bytes()) {
            return Err(Error::IncorrectFormat);
        }
        Ok(Case {
            wasm: export_global(&module.to_bytes(), fuel, FUEL),
            random: Random::new(seed),
        })
    }
}

/// Whether a module may wait to be notified, which nobody does.
fn module_waits(wasm: &[u8]) -> bool {
    Parser::new(0).parse_all(wasm).any(|payload| {
        let Ok(Payload::CodeSectionEntry(body)) = payload else {
            return false;
        };
        let operators = body.get_operators_reader().expect("the module is valid");
        operators.into_iter().any(|operator| {
            matches!(
                operator.expect("the module is valid"),
                Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. }
            )
        })
    })
}

/// What the engine supports, small enough to run many of. With `canonical`, what the oracle knows too.
fn config(u: &mut Unstructured, canonical: bool) -> Result<Config> {
    let simd = u.ratio(2, 3)?;
    Ok(Config {
        // Code that traps soon shows little else.
        disallow_traps: u.ratio(1, 2)?,
        simd_enabled: simd,
        memory64_enabled: u.ratio(1, 3)?,
        max_memories: u.int_in_range(1..=3)?,
        min_memories: u.int_in_range(0..=1)?,
        max_tables: 3,
        max_imports: u.int_in_range(0..=6)?,
        max_funcs: u.int_in_range(4..=12)?,
        min_funcs: 1,
        max_globals: 12,
        max_types: 12,
        max_instructions: *u.choose(&[20, 100, 300, 1_000])?,
        max_data_segments: 4,
        max_element_segments: 4,
        max_elements: 20,
        max_memory32_bytes: 4 << 16,
        max_memory64_bytes: 4 << 16,
        memory_max_size_required: true,
        max_table_elements: 50,
        table_max_size_required: true,
        export_everything: true,
        bulk_memory_enabled: true,
        reference_types_enabled: true,
        multi_value_enabled: true,
        tail_call_enabled: true,
        extended_const_enabled: true,
        // The oracle may choose otherwise.
        relaxed_simd_enabled: simd && !canonical,
        // The oracle does not know these.
        exceptions_enabled: !canonical && u.ratio(1, 2)?,
        gc_enabled: !canonical && u.ratio(2, 3)?,
        threads_enabled: !canonical && u.ratio(1, 6)?,
        wide_arithmetic_enabled: u.ratio(1, 3)?,
        custom_page_sizes_enabled: u.ratio(1, 4)?,
        custom_descriptors_enabled: false,
        compact_imports_enabled: false,
        shared_everything_threads_enabled: false,
        acquire_release_atomics_enabled: false,
        multibyte_array_access_enabled: false,
        ..Config::default()
    })
}

/// Adds an export of a global to a module that has exports.
fn export_global(wasm: &[u8], global: u32, name: &str) -> Vec<u8> {
    let mut out = wasm[..8].to_vec();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.expect("the module is valid");
        let Some((id, range)) = payload.as_section() else {
            continue;
        };
        let mut contents = wasm[range.start as usize..range.end as usize].to_vec();
        if let Payload::ExportSection(exports) = &payload {
            let count = leb_len(&contents);
            contents.splice(..count, leb(exports.count() + 1));
            contents.extend(leb(name.len() as u32));
            contents.extend_from_slice(name.as_bytes());
            contents.push(3);
            contents.extend(leb(global));
        }
        out.push(id);
        out.extend(leb(contents.len() as u32));
        out.append(&mut contents);
    }
    out
}

fn leb_len(bytes: &[u8]) -> usize {
    1 + bytes.iter().take_while(|byte| **byte & 0x80 != 0).count()
}

fn leb(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
