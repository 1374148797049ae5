//! What is said of a module that is refused, beside the validator's words.

use crate::decode::DecodeError;
use crate::demangle::demangle;
use crate::index::FuncIndex;
use crate::missing::name_missing;
use crate::names::FunctionNames;
use mainspring_error::Error;
use wasmparser::{KnownCustom, Parser, Payload, TypeRef, WasmFeatures};

/// The error of a module that was refused, which also says in which function the fault is, and which proposals the
/// module needs.
///
/// That is found out by reading the module anew, so it takes a few times as long as refusing it did.
pub fn explain(features: WasmFeatures, bytes: &[u8], error: Error) -> Error {
    let Some(fault) = error.downcast_ref::<DecodeError>() else {
        return error;
    };
    let error = match function_at(bytes, fault.offset()) {
        Some(function) => error.context(format!("in {function}")),
        None => error,
    };
    name_missing(features, bytes, error)
}

/// The function whose body a fault is in, if it is in one.
fn function_at(bytes: &[u8], offset: u64) -> Option<String> {
    let (mut next, mut found, mut names) = (0, None, FunctionNames::default());
    for payload in Parser::new(0).parse_all(bytes) {
        match payload {
            Ok(Payload::ImportSection(imports)) => {
                let functions = imports.into_imports().filter(|import| {
                    let ty = import.as_ref().map(|import| import.ty);
                    matches!(ty, Ok(TypeRef::Func(_) | TypeRef::FuncExact(_)))
                });
                next += functions.count() as u32;
            }
            Ok(Payload::CodeSectionEntry(body)) => {
                // A body that lacks its end fails there.
                let range = body.range();
                if found.is_none() && (range.start..=range.end).contains(&offset) {
                    found = Some(next);
                }
                next += 1;
            }
            Ok(Payload::CustomSection(section)) => {
                if let KnownCustom::Name(_) = section.as_known() {
                    names = FunctionNames::read(section.data());
                }
            }
            Ok(_) => {}
            // What follows the body is at fault, not the body.
            Err(error) if error.offset() == offset => return None,
            Err(_) => break,
        }
    }
    let index = found?;
    Some(match names.get(FuncIndex(index)) {
        Some(name) => format!("function {index} `{}`", demangle(name)),
        None => format!("function {index}"),
    })
}

#[cfg(test)]
mod tests {
    use crate::decode;
    use wasmparser::WasmFeatures;

    #[track_caller]
    fn check(bytes: &[u8], start: &str) {
        let error = decode(WasmFeatures::all(), bytes).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.starts_with(start), "{text}");
    }

    #[test]
    fn the_function_at_fault_is_named() {
        let text = r#"(module (import "" "" (func)) (func $good) (func $_Z3addii (result i32)) (func $bad (result i32)))"#;
        check(
            &wat::parse_str(text).unwrap(),
            "in function 2 `add(int, int)`: type mismatch",
        );
        check(
            &wat::parse_str("(module (func) (func (drop)))").unwrap(),
            "in function 1: type mismatch",
        );
    }

    #[test]
    fn a_body_without_an_end_is_at_fault_and_not_for_what_follows() {
        let module = |code: &[u8]| {
            [
                b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x03\x02\0\0".as_slice(),
                code,
            ]
            .concat()
        };
        // The first body is a `nop` without an `end`.
        check(&module(&[10, 7, 2, 2, 0, 1, 2, 0, 0x0b]), "in function 0: ");
        // The size of the second body is missing.
        let error = decode(WasmFeatures::all(), &module(&[10, 4, 2, 2, 0, 0x0b])).unwrap_err();
        assert!(!format!("{error:#}").contains("function 0"), "{error:#}");
        // A fault outside of bodies.
        let text = r#"(module (func) (export "a" (func 0)) (export "a" (func 0)))"#;
        check(&wat::parse_str(text).unwrap(), "duplicate export name");
    }
}
