//! Which proposals a module lacks that is refused.

use crate::decode::DecodeError;
use anyhow::Error;
use wasmparser::{Validator, WasmFeatures};

/// Proposals that an engine's configuration can switch on. Others are not named: nobody could do anything about them.
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
    .union(WasmFeatures::WIDE_ARITHMETIC);

/// The proposals without which a module is not valid, out of those that are off: the fewest that make it so. None if
/// it is not valid with all of them.
fn missing(features: WasmFeatures, bytes: &[u8]) -> WasmFeatures {
    let is_valid = |features| {
        let mut validator = Validator::new_with_features(features);
        validator.validate_all(bytes).is_ok()
    };
    let mut missing = SWITCHES.difference(features);
    if missing.is_empty() || !is_valid(features | missing) {
        return WasmFeatures::empty();
    }
    for proposal in missing {
        if is_valid(features | missing.difference(proposal)) {
            missing.remove(proposal);
        }
    }
    missing
}

/// The error of a module that was refused, which also says which proposals it needs if it would be valid with them.
///
/// That is found out by validating the module anew, so it takes a few times as long as refusing it did.
pub fn name_missing(features: WasmFeatures, bytes: &[u8], error: Error) -> Error {
    if !error.is::<DecodeError>() {
        return error;
    }
    let missing = missing(features, bytes);
    let names: Vec<String> = missing
        .iter_names()
        .map(|(name, _)| name.to_lowercase().replace('_', "-"))
        .collect();
    match &names[..] {
        [] => error,
        [name] => error.context(format!(
            "the module needs the {name} proposal, which is switched off"
        )),
        names => error.context(format!(
            "the module needs proposals that are switched off: {}",
            names.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn what_is_wrong_anyway_is_not_blamed_on_proposals() {
        let text = "(module (memory 1) (memory 1) (func (result i32)))";
        check(WasmFeatures::MULTI_MEMORY, text, "multiple memories");
    }
}
