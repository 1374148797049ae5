//! Which proposals a valid module needs.

use crate::parallel::has_threads;
use rayon::prelude::*;
use wasmparser::{FuncValidatorAllocations, Parser, ValidPayload, Validator, WasmFeatures};

/// What nearly every module of a compiler's uses, more of it than not.
const USUAL: WasmFeatures = WasmFeatures::WASM1
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES);

/// The fewest proposals with which a module is valid, out of those that it is valid with. What only changes what is said
/// about it is never needed.
///
/// That is found out by validating it as often as the number of these proposals times how often the number of all can
/// be halved (Junker, QuickXplain, 2004).
pub fn needed(features: WasmFeatures, bytes: &[u8]) -> WasmFeatures {
    let list = |features: WasmFeatures| features.iter().collect::<Vec<_>>();
    let all = [
        list(features & USUAL),
        list(features.difference(USUAL | WasmFeatures::WASM1)),
    ];
    let is_valid = |features| is_valid(features, bytes);
    let rare = needed_of(&all[1], features & USUAL, &is_valid);
    rare | needed_of(&all[0], rare, &is_valid)
}

/// The fewest of a list that make the module valid together with others. All of them do.
fn needed_of(
    list: &[WasmFeatures],
    others: WasmFeatures,
    is_valid: &impl Fn(WasmFeatures) -> bool,
) -> WasmFeatures {
    if list.is_empty() || is_valid(others) {
        return WasmFeatures::empty();
    }
    if let [one] = list {
        return *one;
    }
    let (first, second) = list.split_at(list.len() / 2);
    let all_of = |list: &[WasmFeatures]| list.iter().fold(others, |all, one| all | *one);
    let of_second = needed_of(second, all_of(first), is_valid);
    of_second | needed_of(first, others | of_second, is_valid)
}

/// Whether a module is valid. Ends early if it is not.
fn is_valid(features: WasmFeatures, bytes: &[u8]) -> bool {
    let mut validator = Validator::new_with_features(features);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut bodies = Vec::new();
    for payload in parser.parse_all(bytes) {
        match payload.and_then(|payload| validator.payload(&payload)) {
            Ok(ValidPayload::Func(function, body)) => bodies.push((function, body)),
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    let validate = |memory: &mut FuncValidatorAllocations, (function, body)| {
        let function: wasmparser::FuncToValidate<_> = function;
        let mut validator = function.into_validator(std::mem::take(memory));
        let done = validator.validate(&body);
        *memory = validator.into_allocations();
        done
    };
    let memory = FuncValidatorAllocations::default;
    if !has_threads() {
        let mut memory = memory();
        return (bodies.into_iter()).all(|body| validate(&mut memory, body).is_ok());
    }
    let bodies = bodies.into_par_iter();
    bodies.try_for_each_init(memory, validate).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: WasmFeatures) {
        let bytes = wat::parse_str(text).unwrap();
        let needed = needed(WasmFeatures::all(), &bytes);
        assert_eq!(needed, expected, "{text}");
        assert!(is_valid(needed, &bytes));
        for one in needed {
            assert!(!is_valid(needed.difference(one), &bytes), "{one:?}");
        }
    }

    #[test]
    fn no_more_than_what_is_used_is_needed() {
        check("(module)", WasmFeatures::empty());
        check(
            "(module (func (export \"f\") (result i32) (i32.const 1)))",
            WasmFeatures::empty(),
        );
        check(
            "(module (func) (func (return_call 0)))",
            WasmFeatures::TAIL_CALL,
        );
        check(
            "(module (memory 1) (memory i64 1) (func (param i32) (drop (i32.extend8_s (local.get 0)))))",
            WasmFeatures::MULTI_MEMORY | WasmFeatures::MEMORY64 | WasmFeatures::SIGN_EXTENSION,
        );
        check(
            "(module (func (param v128) (drop (f32x4.relaxed_min (local.get 0) (local.get 0)))))",
            WasmFeatures::SIMD | WasmFeatures::RELAXED_SIMD | WasmFeatures::FLOATS,
        );
    }
}
