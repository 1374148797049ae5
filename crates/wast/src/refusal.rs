//! Whether a module was refused for a reason that the script can have meant. The texts
//! of refusals are each tool's own, so that a module is refused is enough, with two
//! exceptions: it must not be refused only because the engine lacks something, and a
//! failure to link must be the kind that the script names.

use mainspring::{Error, Trap};

/// Words by which an engine says that it lacks something or has it switched off.
const LACKS: &[&str] = &[
    "not supported",
    "unsupported",
    "not enabled",
    "not implemented",
    "proposal",
];

/// What a script expects where its version of the specification knows nothing of a
/// proposal, and a word of what an engine that knows of it says instead.
const FORBIDDEN_BY_VERSION: &[(&str, &str)] = &[
    // The bit that makes a global shared was once any other undefined bit.
    ("malformed mutability", "shared-everything-threads"),
    ("invalid mutability", "shared-everything-threads"),
    ("invalid result arity", "multi-value"),
    ("multiple memories", "multi-memory"),
];

/// Judges why the engine refused a module that a script says is malformed or invalid.
pub(crate) fn check(expected: &str, error: &Error) -> Result<(), String> {
    // What the module was refused for, without what the engine says of proposals that would allow it: versions of the
    // specification that do not know these refuse it, too.
    check_text(expected, &error.root_cause().to_string())
}

fn check_text(expected: &str, text: &str) -> Result<(), String> {
    let Some(lacks) = LACKS.iter().find(|words| text.contains(*words)) else {
        return Ok(());
    };
    let forbidden = FORBIDDEN_BY_VERSION
        .iter()
        .any(|(script, engine)| *script == expected && text.contains(engine));
    if forbidden {
        return Ok(());
    }
    Err(format!(
        "expected the module to be refused because of \"{expected}\", \
         but it was refused for what the engine lacks (\"{lacks}\"): {text}"
    ))
}

/// Judges why a module that a script says can't be linked was not instantiated.
pub(crate) fn check_link(expected: &str, error: &Error) -> Result<(), String> {
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return Err(format!(
            "expected the link error \"{expected}\", got: {trap}"
        ));
    }
    let text = format!("{error:#}");
    if text.contains(expected) {
        return Ok(());
    }
    Err(format!(
        "expected the link error \"{expected}\", got: {text}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_lacks_is_no_reason() {
        assert!(check_text("type mismatch", "type mismatch at offset 3").is_ok());
        assert!(check_text("type mismatch", "the gc proposal is not supported").is_err());
        assert!(check_text("type mismatch", "SIMD support is not enabled").is_err());
    }

    #[test]
    fn what_the_version_forbids_is_one() {
        let shared = "shared globals require the shared-everything-threads proposal";
        assert!(check_text("malformed mutability", shared).is_ok());
        assert!(check_text("unknown global", shared).is_err());
    }

    #[test]
    fn a_link_error_of_another_kind_is_refused() {
        let unknown = Error::msg("unknown import: `a::b` has not been defined");
        assert!(check_link("unknown import", &unknown).is_ok());
        assert!(check_link("incompatible import type", &unknown).is_err());
        let trap = Error::from(Trap::MemoryOutOfBounds);
        assert!(check_link("unknown import", &trap).is_err());
    }
}
