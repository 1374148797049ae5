//! The specification names traps by a text; the engine by a code. This table is the
//! only place where they meet.

use mainspring::Trap;

/// Each text that the specification's scripts use, and the codes that it stands for.
/// Where it stands for several, the script leaves open which entity was exceeded.
const TEXTS: &[(&str, &[Trap])] = &[
    ("unreachable", &[Trap::UnreachableCodeReached]),
    ("integer divide by zero", &[Trap::IntegerDivisionByZero]),
    ("integer overflow", &[Trap::IntegerOverflow]),
    (
        "invalid conversion to integer",
        &[Trap::BadConversionToInteger],
    ),
    ("call stack exhausted", &[Trap::StackOverflow]),
    ("out of bounds memory access", &[Trap::MemoryOutOfBounds]),
    ("out of bounds table access", &[Trap::TableOutOfBounds]),
    ("out of bounds array access", &[Trap::ArrayOutOfBounds]),
    (
        "out of bounds",
        &[
            Trap::MemoryOutOfBounds,
            Trap::TableOutOfBounds,
            Trap::ArrayOutOfBounds,
        ],
    ),
    // An index beyond the table and one that was never filled are different texts, and
    // calls through either are different codes.
    ("undefined", &[Trap::TableOutOfBounds]),
    ("undefined element", &[Trap::TableOutOfBounds]),
    ("uninitialized", &[Trap::IndirectCallToNull]),
    ("uninitialized element", &[Trap::IndirectCallToNull]),
    ("indirect call", &[Trap::BadSignature]),
    ("indirect call type mismatch", &[Trap::BadSignature]),
    ("null reference", &[Trap::NullReference]),
    ("null function reference", &[Trap::NullReference]),
    ("null structure reference", &[Trap::NullReference]),
    ("null array reference", &[Trap::NullReference]),
    ("null i31 reference", &[Trap::NullReference]),
    ("null descriptor reference", &[Trap::NullReference]),
    ("cast failure", &[Trap::CastFailure]),
    ("descriptor cast failure", &[Trap::CastFailure]),
    ("unaligned atomic", &[Trap::HeapMisaligned]),
    ("expected shared memory", &[Trap::AtomicWaitNonSharedMemory]),
    ("allocation size too large", &[Trap::AllocationTooLarge]),
];

/// Compares the trap that came with the text that a script expects, which may be any part of what
/// the specification calls it, or of the engine's own words.
pub(crate) fn check(expected: &str, came: Trap) -> Result<(), String> {
    let texts = TEXTS
        .iter()
        .filter(|(_, codes)| codes.contains(&came))
        .map(|(text, _)| *text);
    let own = came.to_string();
    let wanted = without_index(expected);
    if own.contains(wanted) || texts.into_iter().any(|text| text.contains(wanted)) {
        return Ok(());
    }
    Err(format!("expected the trap \"{expected}\", got: {came}"))
}

/// Some scripts add which element was not initialized; a code doesn't say.
fn without_index(text: &str) -> &str {
    match text.strip_prefix("uninitialized element ") {
        Some(index) if index.parse::<u32>().is_ok() => "uninitialized element",
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trap_of_another_kind_is_refused() {
        assert!(check("integer overflow", Trap::IntegerOverflow).is_ok());
        let message = check("integer overflow", Trap::IntegerDivisionByZero).unwrap_err();
        assert!(message.contains("\"integer overflow\"") && message.contains("divide by zero"));
    }

    #[test]
    fn any_part_of_a_text_will_do() {
        for text in [
            "",
            "unreach",
            "unreachable",
            "`unreachable` instruction",
            "wasm trap: ",
        ] {
            assert!(check(text, Trap::UnreachableCodeReached).is_ok(), "{text}");
        }
        assert!(
            check(
                "atomic wait on non-shared memory",
                Trap::AtomicWaitNonSharedMemory
            )
            .is_ok()
        );
        assert!(check("expected shared memory", Trap::AtomicWaitNonSharedMemory).is_ok());
        assert!(check("unreachable code was met", Trap::UnreachableCodeReached).is_err());
        assert!(check("integer", Trap::UnreachableCodeReached).is_err());
    }

    #[test]
    fn an_element_may_be_named() {
        assert!(check("uninitialized element 7", Trap::IndirectCallToNull).is_ok());
        assert!(check("uninitialized element x", Trap::IndirectCallToNull).is_err());
    }

    #[test]
    fn a_text_without_an_entity_stands_for_all_of_them() {
        assert!(check("out of bounds", Trap::TableOutOfBounds).is_ok());
        assert!(check("out of bounds memory access", Trap::TableOutOfBounds).is_err());
    }
}
