//! What the specification calls the reasons for which we refuse a module: its scripts name them in
//! the words of the reference interpreter, ours come from two libraries. Where both say the same
//! thing in other words, a row says so; where the words agree, none is needed.
//!
//! A row is as narrow as the difference. Some are one to several, because readers differ in which
//! of two faults they meet first: a number that is cut off by the end of its section is too long
//! to one, and a section that ends early to another.

/// What our message begins with, and the specification's words for it.
type Row = (&'static str, &'static [&'static str]);

/// Who refused the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The parser of the text format.
    Text,
    /// The decoder of the binary format, or validation.
    Binary,
}

/// Whether a message says what a script expects: whether that is the beginning of what the
/// specification calls it.
pub(crate) fn agree(source: Source, expected: &str, message: &str) -> bool {
    let expected = general(expected);
    let message = normal(message);
    let reason = without_subject(&message);
    let rows = match source {
        Source::Text => TEXT,
        Source::Binary => BINARY,
    };
    let said = |begins: &str| message.starts_with(begins) || reason.starts_with(begins);
    let words = rows.iter().filter(|(ours, _)| said(ours));
    said(expected)
        || words
            .flat_map(|(_, words)| *words)
            .any(|words| words.starts_with(expected))
}

/// What a script expects, without details that versions of the specification differ in.
fn general(expected: &str) -> &str {
    if let Some((general, _)) = expected.split_once(": instruction requires") {
        return general;
    }
    match expected.strip_prefix("unknown operator ") {
        // Our parser does not name it, but says where it stands.
        Some(name) if !name.contains(' ') => "unknown operator",
        _ => expected,
    }
}

/// A message without where it happened, and without bytes that the specification does not name.
fn normal(message: &str) -> String {
    let (message, _) = message.split_once(" (at offset").unwrap_or((message, ""));
    match message.split_once(" (0x") {
        Some((before, after)) => {
            let after = after.split_once(')').map_or("", |(_, after)| after);
            format!("{before}{after}")
        }
        None => message.replace("illegal opcode: 0x", "illegal opcode "),
    }
}

/// `invalid X: Y` says Y of X; the specification says only Y.
fn without_subject(message: &str) -> &str {
    match message.split_once(": ") {
        Some((subject, reason)) if subject.starts_with("invalid ") => reason,
        _ => message,
    }
}

const TEXT: &[Row] = &[
    // Where the reference lexer knows no such word, and where its parser wants another one, ours
    // says what it wants.
    ("expected ", &["unexpected token", "unknown operator"]),
    ("expected `)`", &["unexpected end"]),
    ("unexpected token", &["unknown operator"]),
    (
        "unknown operator or unexpected token",
        &["unexpected token"],
    ),
    ("extra tokens remaining after parse", &["unexpected token"]),
    (
        "result before parameter (or unexpected token)",
        &["unexpected token"],
    ),
    (
        "unexpected end-of-file",
        &["unexpected end", "unclosed string"],
    ),
    ("unexpected character", &["illegal character"]),
    (
        "invalid character in string",
        &[
            "illegal character",
            "empty annotation id",
            "empty identifier",
        ],
    ),
    ("malformed UTF-8 encoding", &["invalid UTF-8 encoding"]),
    (
        "duplicate identifier: duplicate field",
        &["duplicate field"],
    ),
    ("unknown func:", &["unknown function"]),
    ("unknown elem:", &["unknown elem segment"]),
    ("unknown data:", &["unknown data segment"]),
    // Numbers out of range. Where an offset or alignment is negative, the reference sees a word.
    ("u64 constant out of range", &["unknown operator"]),
    (
        "invalid u64 number: constant out of range",
        &["i64 constant out of range"],
    ),
    (
        "invalid u32 number: constant out of range",
        &["i32 constant out of range"],
    ),
    (
        "invalid u8 number: constant out of range",
        &[
            "i8 constant out of range",
            "malformed lane index",
            "unexpected token",
        ],
    ),
    ("malformed lane index", &["i8 constant out of range"]),
    // Lanes that are missing, or not indices.
    (
        "expected a u8",
        &[
            "malformed lane index",
            "invalid lane length",
            "wrong number of lane indices",
        ],
    ),
    ("expected a float", &["wrong number of lane literals"]),
    ("expected a i", &["wrong number of lane literals"]),
    (
        "expected an instruction",
        &[
            "invalid lane length",
            "wrong number of lane indices",
            "wrong number of lane literals",
        ],
    ),
    (
        "invalid i32 number: constant out of range",
        &["wrong number of lane literals"],
    ),
];

const BINARY: &[Row] = &[
    // Where something ends too early.
    (
        "unexpected end-of-file",
        &[
            "unexpected end of section or function",
            "length out of bounds",
            "integer representation too long",
            "integer too large",
            "malformed import kind",
            "malformed limits flags",
            "malformed section id",
            "invalid value type",
            "illegal opcode",
        ],
    ),
    (
        "control frames remain at end of function body or expression",
        &[
            "unexpected end of section or function",
            "END opcode expected",
            "section size mismatch",
        ],
    ),
    (
        "unknown label: branch depth too large",
        &["unexpected end of section or function"],
    ),
    (
        "expected section, got wasm magic number",
        &["length out of bounds"],
    ),
    (
        "trailing bytes at end of section",
        &[
            "section size mismatch",
            "integer representation too long",
            "integer too large",
        ],
    ),
    // Numbers that are read as another thing first.
    (
        "malformed section id",
        &[
            "invalid section id",
            "integer representation too long",
            "integer too large",
        ],
    ),
    ("invalid memory limits flags", LIMITS),
    ("invalid table resizable limits flags", LIMITS),
    (
        "invalid leading byte for external kind",
        &["malformed import kind"],
    ),
    (
        "invalid leading byte for type",
        &["integer representation too long"],
    ),
    (
        "malformed global flags",
        &["malformed mutability", "invalid mutability"],
    ),
    (
        "invalid var_u32: integer too large",
        &["i32 constant out of range", "offset out of range"],
    ),
    ("malformed UTF-8 encoding", &["invalid UTF-8 encoding"]),
    // Memory accesses.
    (
        "alignment must not be larger than natural",
        &["malformed memop flags"],
    ),
    (
        "malformed memop: reserved flags bits set",
        &["malformed memop flags"],
    ),
    ("SIMD index out of bounds", &["invalid lane index"]),
    // Sections.
    (
        "section out of order",
        &[
            "unexpected content after last section",
            "multiple start sections",
        ],
    ),
    (
        "function and code section have inconsistent lengths",
        &["unexpected content after last section"],
    ),
    (
        "function section has non-zero count but code section is absent",
        FUNCTIONS_WITHOUT_CODE,
    ),
    (
        "function section is absent but code section has non-zero count",
        FUNCTIONS_WITHOUT_CODE,
    ),
    (
        "data count is non-zero but data section is absent",
        &["data count and data section have inconsistent lengths"],
    ),
    // What validation refuses.
    (
        "invalid array.init_elem instruction: element segment",
        &["type mismatch"],
    ),
    ("array is immutable", &["immutable array"]),
    ("struct field is immutable", &["immutable field"]),
    ("global is immutable", &["immutable global"]),
    ("invalid start function type", &["start function"]),
    (
        "memory size must be at most",
        &["memory size must be at most 65536 pages (4GiB)"],
    ),
];

const LIMITS: &[&str] = &[
    "malformed limits flags",
    "integer representation too long",
    "integer too large",
];

const FUNCTIONS_WITHOUT_CODE: &[&str] = &["function and code section have inconsistent lengths"];

#[cfg(test)]
mod tests {
    use super::*;
    use Source::{Binary, Text};

    #[test]
    fn the_same_in_other_words_is_the_same() {
        for (source, expected, message) in [
            (
                Binary,
                "type mismatch",
                "type mismatch: expected i32, found i64 (at offset 0x1c)",
            ),
            (Binary, "type", "type mismatch"),
            (
                Binary,
                "invalid lane index",
                "SIMD index out of bounds (at offset 0x3)",
            ),
            (
                Binary,
                "integer too large",
                "invalid var_u32: integer too large (at offset 0x3)",
            ),
            (
                Binary,
                "malformed import kind",
                "invalid leading byte (0x80) for external kind (at offset 0x3)",
            ),
            (
                Binary,
                "immutable array",
                "invalid array modification: array is immutable",
            ),
            (
                Binary,
                "illegal opcode ff",
                "illegal opcode: 0xff (at offset 0x18)",
            ),
            (
                Binary,
                "unexpected end",
                "unexpected end-of-file (at offset 0x8)",
            ),
            (
                Binary,
                "type mismatch: instruction requires [i32] but stack has []",
                "type mismatch: expected i32 but nothing on stack",
            ),
            (
                Text,
                "unknown operator get_local",
                "unknown operator or unexpected token",
            ),
            (
                Text,
                "i8 constant out of range",
                "invalid u8 number: constant out of range",
            ),
            (Text, "illegal character", "unexpected character '\\u{1a}'"),
        ] {
            assert!(agree(source, expected, message), "{expected} | {message}");
        }
    }

    #[test]
    fn another_reason_is_another() {
        for (source, expected, message) in [
            (
                Binary,
                "totally wrong text",
                "type mismatch: expected i32 but nothing on stack",
            ),
            (Binary, "unknown function", "type mismatch"),
            (Binary, "type mismatch in the middle", "type mismatch"),
            (Binary, "mismatch", "type mismatch"),
            (
                Binary,
                "unknown function 8",
                "unknown function 7: function index out of bounds",
            ),
            (
                Binary,
                "malformed mutability",
                "invalid memory limits flags",
            ),
            (
                Binary,
                "unexpected token",
                "expected section, got wasm magic number",
            ),
            (Text, "length out of bounds", "unexpected end-of-file"),
            (Text, "type mismatch", "expected an instruction"),
            (
                Text,
                "unknown operator a b",
                "unknown operator or unexpected token",
            ),
        ] {
            assert!(!agree(source, expected, message), "{expected} | {message}");
        }
    }
}
