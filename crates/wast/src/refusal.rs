//! Whether a module was refused for the reason that a script means. Refused for what the engine
//! lacks is neither: the script can't be judged by it.

use crate::outcome::{Outcome, Wrong};
use crate::reasons::{Source, agree};
use mainspring::{Error, Trap};

/// Words by which an engine says that it lacks something or has it switched off.
const LACKS: &[&str] = &[
    "not supported",
    "unsupported",
    "not enabled",
    "must be enabled",
    "is disabled",
    "switched off",
    "not implemented",
    "feature required",
    "proposal",
];

/// Judges why the engine refused a module that a script says is malformed or invalid.
pub(crate) fn check(expected: &str, error: &Error) -> Outcome {
    // What the module was refused for, without what the engine says of proposals that would allow it: versions of the
    // specification that do not know these refuse it, too.
    check_text(Source::Binary, expected, &error.root_cause().to_string())
}

/// Judges why the parser of the text format did.
pub(crate) fn check_parse(expected: &str, error: &wast::Error) -> Outcome {
    check_text(Source::Text, expected, &error.message())
}

/// The engine can't know whether the module is what a script says.
pub(crate) fn for_want_of(expected: &str, reason: &str) -> Wrong {
    Wrong::Unjudged(format!(
        "expected the module to be refused because of \"{expected}\", \
         but it was refused for what the engine lacks: {reason}"
    ))
}

fn check_text(source: Source, expected: &str, text: &str) -> Outcome {
    if LACKS.iter().any(|words| text.contains(words)) {
        return Err(for_want_of(expected, text));
    }
    if agree(source, expected, text) {
        return Ok(());
    }
    let message = format!(
        "expected the module to be refused because of \"{expected}\", but it was because of: {text}"
    );
    Err(message.into())
}

/// What a segment outside of its memory or table is called by versions of the specification in
/// which it keeps the module from being linked, by the trap that it is in others.
const OUTSIDE: &[(Trap, &[&str])] = &[
    (
        Trap::MemoryOutOfBounds,
        &["data segment does not fit", "out of bounds memory access"],
    ),
    (
        Trap::TableOutOfBounds,
        &[
            "elements segment does not fit",
            "element segment does not fit",
            "out of bounds table access",
        ],
    ),
];

/// Judges why a module that a script says can't be linked was not instantiated.
pub(crate) fn check_link(expected: &str, error: &Error) -> Outcome {
    let trap = error.downcast_ref::<Trap>();
    let text = match trap {
        Some(trap) => trap.to_string(),
        None => format!("{error:#}"),
    };
    let outside = OUTSIDE
        .iter()
        .filter(|(code, _)| Some(code) == trap)
        .flat_map(|(_, texts)| *texts);
    let held = match trap {
        Some(_) => outside.into_iter().any(|text| text.contains(expected)),
        None => text.contains(expected),
    };
    if held {
        return Ok(());
    }
    Err(format!("expected the link error \"{expected}\", got: {text}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(expected: &str, text: &str) -> Outcome {
        check_text(Source::Binary, expected, text)
    }

    #[test]
    fn what_the_engine_lacks_is_no_reason() {
        assert!(judge("type mismatch", "type mismatch at offset 3").is_ok());
        for lack in [
            "the gc proposal is not supported",
            "SIMD support is not enabled",
            "cannot define continuation types when stack switching is disabled",
            "legacy_exceptions feature required for catch instruction",
        ] {
            // Even in the words that were expected.
            for expected in ["type mismatch", lack] {
                let outcome = judge(expected, lack);
                assert!(matches!(outcome, Err(Wrong::Unjudged(_))), "{lack}");
            }
        }
    }

    #[test]
    fn another_reason_is_a_failure() {
        assert!(matches!(
            judge("totally wrong text", "type mismatch"),
            Err(Wrong::Says(_))
        ));
    }

    #[test]
    fn a_link_error_of_another_kind_is_refused() {
        let unknown = Error::msg("unknown import: `a::b` has not been defined");
        assert!(check_link("unknown import", &unknown).is_ok());
        assert!(check_link("has not been defined", &unknown).is_ok());
        assert!(check_link("incompatible import type", &unknown).is_err());
        let trap = Error::from(Trap::MemoryOutOfBounds);
        assert!(check_link("unknown import", &trap).is_err());
        assert!(check_link("data segment does not fit", &trap).is_ok());
        assert!(check_link("elements segment does not fit", &trap).is_err());
        assert!(check_link("elements segment", &Error::from(Trap::TableOutOfBounds)).is_ok());
        assert!(check_link("", &Error::from(Trap::UnreachableCodeReached)).is_err());
    }
}
