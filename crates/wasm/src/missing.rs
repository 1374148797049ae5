//! Which proposals a module that is refused would need.

use mainspring_error::Error;
use std::fmt;
use wasmparser::{Validator, WasmFeatures};

/// Proposals that a module needs, by the names that they have in options, and does not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingProposals {
    names: Vec<String>,
    /// Where the first of them is used, if the engine does not support them.
    unsupported_at: Option<u64>,
}

impl MissingProposals {
    /// Their names, as in `multi-memory`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the engine has them, so that it is enough to switch them on.
    pub fn are_supported(&self) -> bool {
        self.unsupported_at.is_none()
    }
}

impl fmt::Display for MissingProposals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, several) = match self.unsupported_at {
            None => ("which is switched off", "that are switched off"),
            Some(_) => ("which is not supported", "that are not supported"),
        };
        match &self.names[..] {
            [name] => write!(f, "the module needs the {name} proposal, {one}")?,
            names => write!(
                f,
                "the module needs proposals {several}: {}",
                names.join(", ")
            )?,
        }
        match self.unsupported_at {
            None => Ok(()),
            Some(offset) => write!(f, " (at offset {offset:#x})"),
        }
    }
}

impl std::error::Error for MissingProposals {}

/// Proposals that an engine's configuration can switch on.
const SWITCHES: WasmFeatures = WasmFeatures::BULK_MEMORY
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::THREADS)
    .union(WasmFeatures::FUNCTION_REFERENCES)
    .union(WasmFeatures::GC)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::LEGACY_EXCEPTIONS)
    .union(WasmFeatures::CUSTOM_PAGE_SIZES)
    .union(WasmFeatures::COMPACT_IMPORTS)
    .union(WasmFeatures::WIDE_ARITHMETIC);

/// Proposals that the validator knows and no engine of ours has.
const UNSUPPORTED: WasmFeatures = WasmFeatures::ACQUIRE_RELEASE_ATOMICS
    .union(WasmFeatures::CUSTOM_DESCRIPTORS)
    .union(WasmFeatures::MEMORY_CONTROL)
    .union(WasmFeatures::MULTIBYTE_ARRAY_ACCESS)
    .union(WasmFeatures::SHARED_EVERYTHING_THREADS)
    .union(WasmFeatures::STACK_SWITCHING);

/// The name of a proposal that not even the validator knows, and the opcodes that it adds, by their prefix.
const HALF_PRECISION: &str = "half-precision";
const HALF_PRECISION_OPCODES: [(&str, std::ops::RangeInclusive<u32>); 2] =
    [("0xfc", 0x30..=0x31), ("0xfd", 0x120..=0x14f)];

/// The first fault of a module, if there is one: where, and what.
fn fault(features: WasmFeatures, bytes: &[u8]) -> Option<(u64, String)> {
    let error = Validator::new_with_features(features)
        .validate_all(bytes)
        .err()?;
    Some((error.offset(), error.message().to_string()))
}

/// The fewest out of some proposals that have the effect that all of them have.
fn fewest(all: WasmFeatures, has_effect: impl Fn(WasmFeatures) -> bool) -> WasmFeatures {
    let mut fewest = all;
    if all.is_empty() || !has_effect(all) {
        return WasmFeatures::empty();
    }
    for proposal in all {
        if has_effect(fewest.difference(proposal)) {
            fewest.remove(proposal);
        }
    }
    fewest
}

/// The proposals that are off without which a module is not valid. None if it is not valid with all of them.
fn switched_off(features: WasmFeatures, bytes: &[u8]) -> WasmFeatures {
    fewest(SWITCHES.difference(features), |more| {
        fault(features | more, bytes).is_none()
    })
}

/// The proposals that no engine has without which a module's first fault is what it is, and where that is.
fn unsupported(features: WasmFeatures, bytes: &[u8]) -> Option<MissingProposals> {
    let features = features | SWITCHES;
    let first = fault(features, bytes)?;
    if is_half_precision(&first.1) {
        return Some(MissingProposals {
            names: vec![HALF_PRECISION.to_string()],
            unsupported_at: Some(first.0),
        });
    }
    let is_past = |more| fault(features | more, bytes).as_ref() != Some(&first);
    let lacking = fewest(UNSUPPORTED.difference(features), is_past);
    (!lacking.is_empty()).then(|| MissingProposals {
        names: names(lacking),
        unsupported_at: Some(first.0),
    })
}

/// Whether a fault is an opcode of that proposal.
fn is_half_precision(message: &str) -> bool {
    HALF_PRECISION_OPCODES.iter().any(|(prefix, opcodes)| {
        let opcode = message.strip_prefix(&format!("unknown {prefix} subopcode: 0x"));
        opcode
            .and_then(|opcode| u32::from_str_radix(opcode, 16).ok())
            .is_some_and(|opcode| opcodes.contains(&opcode))
    })
}

fn names(proposals: WasmFeatures) -> Vec<String> {
    proposals
        .iter_names()
        .map(|(name, _)| name.to_lowercase().replace('_', "-"))
        .collect()
}

/// Adds to the validator's error which proposals the module needs: with those it would be valid, or its first fault is for
/// want of those that no engine has.
pub(crate) fn name_missing(features: WasmFeatures, bytes: &[u8], error: Error) -> Error {
    let off = switched_off(features, bytes);
    if !off.is_empty() {
        return error.context(MissingProposals {
            names: names(off),
            unsupported_at: None,
        });
    }
    // The validator's words are not for those: they say that it is disabled.
    unsupported(features, bytes).map_or(error, Error::new)
}

#[cfg(test)]
mod tests {
    use super::MissingProposals;
    use crate::decode;
    use wasmparser::WasmFeatures;

    #[track_caller]
    fn check(off: WasmFeatures, text: &str, expected: &str) {
        let bytes = wat::parse_str(text).unwrap();
        let error = decode(WasmFeatures::all().difference(off), &bytes).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn only_what_is_needed_is_named() {
        let off = WasmFeatures::MULTI_MEMORY | WasmFeatures::TAIL_CALL | WasmFeatures::GC;
        check(
            off,
            "(module (memory 1) (memory 1))",
            "the module needs the multi-memory proposal, which is switched off: ",
        );
        check(
            off,
            "(module (memory 1) (memory 1) (func (return_call 0)))",
            "the module needs proposals that are switched off: ",
        );
    }

    #[test]
    fn proposals_that_build_on_others_are_named_with_them() {
        let off = WasmFeatures::SIMD
            | WasmFeatures::RELAXED_SIMD
            | WasmFeatures::REFERENCE_TYPES
            | WasmFeatures::FUNCTION_REFERENCES
            | WasmFeatures::GC;
        let relaxed = "(func (param v128) (drop (f32x4.relaxed_min (local.get 0) (local.get 0))))";
        let references = "(func (param (ref func)))";
        check(
            off,
            &format!("(module {relaxed} {references})"),
            "the module needs proposals that are switched off: \
             reference-types, simd, relaxed-simd, function-references: ",
        );
    }

    #[track_caller]
    fn is_unsupported(bytes: &[u8], name: &str) {
        let error = decode(WasmFeatures::WASM2, bytes).unwrap_err();
        let text = format!("{error:#}");
        let expected =
            format!("the module needs the {name} proposal, which is not supported (at offset 0x");
        assert!(text.starts_with(&expected), "{text}");
        assert!(
            !text.contains("disabled") && !text.contains("enabled"),
            "{text}"
        );
        assert!(
            !error
                .downcast_ref::<MissingProposals>()
                .unwrap()
                .are_supported()
        );
    }

    #[test]
    fn what_no_engine_has_is_not_supported() {
        let cases = [
            (
                "stack-switching",
                "(module (type $f (func)) (type (cont $f)))",
            ),
            // Even if something else is wrong behind it.
            (
                "stack-switching",
                "(module (type $f (func)) (type (cont $f)) (func (result i32)))",
            ),
            (
                "shared-everything-threads",
                "(module (global (shared i32) (i32.const 0)))",
            ),
            (
                "custom-descriptors",
                "(module (rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct))))",
            ),
            (
                "memory-control",
                "(module (memory 1) (func (memory.discard (i32.const 0) (i32.const 0))))",
            ),
        ];
        for (name, text) in cases {
            is_unsupported(&wat::parse_str(text).unwrap(), name);
        }
        // (func (result i32) i32.const 0; f16x8.splat ...), (f32.load_f16 ...)
        let with_code = |code: &[u8]| {
            let mut bytes = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0".to_vec();
            bytes.extend([10, code.len() as u8 + 4, 1, code.len() as u8 + 2, 0]);
            bytes.extend(code);
            bytes.push(0x0b);
            bytes
        };
        is_unsupported(&with_code(&[0xfd, 0xa0, 0x02]), "half-precision");
        is_unsupported(&with_code(&[0xfc, 0x30, 0x01, 0x00]), "half-precision");
        let error = decode(WasmFeatures::all(), &with_code(&[0xfd, 0xff, 0x7f])).unwrap_err();
        assert!(!error.to_string().contains("supported"), "{error:#}");
    }

    #[test]
    fn what_is_wrong_anyway_is_not_blamed_on_proposals() {
        let text = "(module (memory 1) (memory 1) (func (result i32)))";
        check(WasmFeatures::MULTI_MEMORY, text, "multiple memories");
    }
}
