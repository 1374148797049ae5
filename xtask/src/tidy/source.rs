//! Checks of one Rust file: its length, platform conditions outside their place, `unsafe`
//! without a reason, unfinished code, public crates without the lint for missing docs.

use std::path::Path;

use super::Finding;
use super::lexer::{Line, lines, words};

const LONGEST: usize = 800;
/// On one of the first lines: a file that is a table may be long.
const TABLE: &str = "// tidy: table";
/// The crates that users link.
const PUBLIC: &[&str] = &[
    "crates/mainspring/src/lib.rs",
    "crates/wasi/src/lib.rs",
    "crates/wast/src/lib.rs",
];

pub fn check(path: &Path, text: &str) -> Vec<Finding> {
    let lines = lines(text);
    let mut findings = Vec::new();
    let mut say =
        |line: usize, message: String| findings.push(Finding::new(path, line + 1, message));
    length(path, &lines, &mut say);
    conditions(path, &lines, &mut say);
    unsafe_code(&lines, &mut say);
    unfinished(&lines, &mut say);
    missing_docs(path, &lines, &mut say);
    findings
}

type Say<'a> = &'a mut dyn FnMut(usize, String);

fn length(path: &Path, lines: &[Line], say: Say) {
    let is_test = path.components().any(|c| c.as_os_str() == "tests") || path.ends_with("tests.rs");
    let is_table = lines.iter().take(5).any(|l| l.comment.starts_with(TABLE));
    let length = lines.len() - test_lines(lines);
    if length > LONGEST && !is_test && !is_table {
        say(
            0,
            format!(
                "{length} lines without tests, {LONGEST} are allowed; cut the file by concept, or mark a table with `{TABLE}`"
            ),
        );
    }
}

/// How many lines belong to modules under `#[cfg(test)]`.
fn test_lines(lines: &[Line]) -> usize {
    let mut total = 0;
    let mut at = 0;
    while at < lines.len() {
        if !lines[at].code.contains("#[cfg(test)]") {
            at += 1;
            continue;
        }
        let begin = at;
        // A module opens on the attribute's line or shortly after it; anything else that is
        // only for tests counts as code.
        let opens = (at..lines.len().min(at + 4)).find(|&i| {
            words(&lines[i].code, "mod").next().is_some() && lines[i].code.contains('{')
        });
        let Some(opens) = opens else {
            at += 1;
            continue;
        };
        at = end_of_block(lines, opens) + 1;
        total += at - begin;
    }
    total
}

/// The line on which the block that opens on line `at` closes.
fn end_of_block(lines: &[Line], at: usize) -> usize {
    let mut depth = 0;
    for (i, line) in lines.iter().enumerate().skip(at) {
        depth += line.code.matches('{').count();
        depth = depth.saturating_sub(line.code.matches('}').count());
        if depth == 0 {
            return i;
        }
    }
    lines.len() - 1
}

/// `cfg` on the target is for `platform` and for the emitters of one instruction set.
fn conditions(path: &Path, lines: &[Line], say: Say) {
    if path.starts_with("crates/platform") || path.components().any(|c| c.as_os_str() == "x64") {
        return;
    }
    for (i, line) in lines.iter().enumerate() {
        for opener in ["cfg(", "cfg!(", "cfg_attr("] {
            for (at, _) in line.code.match_indices(opener) {
                let inside = condition(lines, i, at + opener.len());
                let word = ["unix", "windows"]
                    .iter()
                    .find(|w| words(&inside, w).next().is_some());
                if inside.contains("target_") || word.is_some() {
                    say(i, "a condition on the target outside crates/platform and x64 folders; let `platform` offer what differs".into());
                }
            }
        }
    }
}

/// The code from byte `from` of line `line` to the parenthesis that closes the one before it.
fn condition(lines: &[Line], line: usize, from: usize) -> String {
    let mut inside = String::new();
    let mut depth = 1;
    let rest = lines[line + 1..].iter().map(|l| l.code.as_str());
    for code in std::iter::once(&lines[line].code[from..]).chain(rest) {
        for c in code.chars() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return inside;
            }
            inside.push(c);
        }
        inside.push(' ');
    }
    inside
}

fn unsafe_code(lines: &[Line], say: Say) {
    for (i, line) in lines.iter().enumerate() {
        for at in words(&line.code, "unsafe") {
            let mut after = line.code[at + "unsafe".len()..].trim_start();
            if after.is_empty() {
                after = lines.get(i + 1).map_or("", |l| l.code.trim_start());
            }
            if after.starts_with('{') || words(after, "impl").next() == Some(0) {
                if !reason_above(lines, i, &["SAFETY"]) {
                    say(
                        i,
                        "`unsafe` without a `// SAFETY:` comment just above; say why it is sound"
                            .into(),
                    );
                }
            } else if words(&line.code[..at], "pub").next().is_some()
                && declares_function(after)
                && !reason_above(lines, i, &["# Safety", "SAFETY"])
            {
                say(i, "a public `unsafe fn` without a `# Safety` section in its docs; say what its caller must keep to".into());
            }
        }
    }
}

/// `fn name` or `extern "C" fn name`, and not the type `fn(...)`.
fn declares_function(after: &str) -> bool {
    let after = after
        .strip_prefix("extern")
        .map_or(after, |a| a.trim_start().trim_start_matches('"'));
    let name = after.trim_start().strip_prefix("fn").map(str::trim_start);
    name.is_some_and(|n| n.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

/// Whether a comment with one of `marks` stands on line `at`, above the statement that it
/// belongs to, or above the line that opens the block or the literal around it (an arm of a
/// match, a closure, a struct), unless that is a function.
fn reason_above(lines: &[Line], at: usize, marks: &[&str]) -> bool {
    let marked = |line: &Line| marks.iter().any(|m| line.comment.contains(m));
    if marked(&lines[at]) {
        return true;
    }
    let mut opener_passed = false;
    for line in lines[..at].iter().rev() {
        let code = line.code.trim();
        if marked(line) {
            return true;
        }
        let is_attribute = code.starts_with('#');
        let is_opener = code.ends_with('{') && words(code, "fn").next().is_none();
        let is_code = !code.is_empty() && !is_attribute;
        if is_opener && !opener_passed {
            opener_passed = true;
            continue;
        }
        let is_blank = code.is_empty() && line.comment.is_empty();
        let ends_statement = code.ends_with([';', '{', '}']) && !is_attribute;
        if is_blank || ends_statement || (opener_passed && is_code) {
            return false;
        }
    }
    false
}

fn unfinished(lines: &[Line], say: Say) {
    for (i, line) in lines.iter().enumerate() {
        for name in ["todo", "unimplemented", "dbg"] {
            if words(&line.code, name).any(|at| line.code[at + name.len()..].starts_with('!')) {
                say(
                    i,
                    format!(
                        "`{name}!` is left; finish it, or return an error that says what is not supported"
                    ),
                );
            }
        }
        let attribute = line.code.trim_start();
        if attribute.starts_with("#[ignore") {
            say(
                i,
                "an ignored test shows nothing; make it run, or delete it".into(),
            );
        }
    }
}

fn missing_docs(path: &Path, lines: &[Line], say: Say) {
    let public = PUBLIC.iter().any(|p| path == Path::new(p));
    let has_lint =
        |l: &Line| ["#![warn(missing_docs)]", "#![deny(missing_docs)]"].contains(&l.code.trim());
    if public && !lines.iter().any(has_lint) {
        say(
            0,
            "a public crate without `#![warn(missing_docs)]`; add it below the crate's docs".into(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(Path::new(path), text)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[track_caller]
    fn one(path: &str, text: &str, line: usize, part: &str) {
        let all = found(path, text);
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].starts_with(&format!("{path}:{line}: ")), "{all:?}");
        assert!(all[0].contains(part), "{all:?}");
    }

    #[track_caller]
    fn clean(path: &str, text: &str) {
        assert_eq!(found(path, text), [""; 0]);
    }

    #[test]
    fn long_files() {
        let long = "fn f() {}\n".repeat(801);
        one("crates/a/src/lib.rs", &long, 1, "802 lines without tests");
        clean("crates/a/src/tests.rs", &long);
        clean("tests/tests/spec.rs", &long);
        clean("crates/a/src/ops.rs", &format!("{TABLE}\n{long}"));
        let tests = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
        clean("crates/a/src/lib.rs", &tests);
        one(
            "crates/a/src/lib.rs",
            &format!("{tests}{long}"),
            1,
            "802 lines",
        );
        clean("crates/a/src/lib.rs", &"fn f() {}\n".repeat(799));
    }

    #[test]
    fn conditions_on_the_target() {
        let text = "\n#[cfg(all(\n  test,\n  target_arch = \"x86_64\",\n))]\nfn f() {}\n";
        one(
            "crates/runtime/src/lib.rs",
            text,
            2,
            "condition on the target",
        );
        one(
            "xtask/src/lib.rs",
            "const A: bool = cfg!(unix);",
            1,
            "condition on the target",
        );
        clean("crates/platform/src/lib.rs", text);
        clean("crates/baseline/src/x64/emit.rs", text);
        clean(
            "crates/runtime/src/lib.rs",
            "#[cfg(feature = \"target_os\")] fn f(target_os: u8) {}",
        );
    }

    #[test]
    fn unsafe_without_a_reason() {
        one("a.rs", "fn f() {\n    unsafe { g() }\n}\n", 2, "SAFETY");
        one(
            "a.rs",
            "fn f() {\n    let x =\n        unsafe\n        { g() };\n}\n",
            3,
            "SAFETY",
        );
        one("a.rs", "unsafe impl Send for A {}\n", 1, "SAFETY");
        one(
            "a.rs",
            "// SAFETY: too far\nlet a = 1;\nunsafe { g() }",
            3,
            "SAFETY",
        );
        one("a.rs", "// about safety\nunsafe { g() }", 2, "SAFETY");
        clean(
            "a.rs",
            "fn f() {\n    // SAFETY: g is fine,\n    // at all times.\n    unsafe { g() }\n}\n",
        );
        clean(
            "a.rs",
            "// SAFETY: so\nlet x = h(\n    1,\n    unsafe { g() },\n);\n",
        );
        clean(
            "a.rs",
            "// SAFETY: so\n#[allow(x)]\nunsafe impl Send for A {}\n",
        );
        clean("a.rs", "let s = \"unsafe { }\"; // unsafe { }\n");
        clean(
            "a.rs",
            "// SAFETY: so\nA::B(x) => {\n    f(unsafe { g() })\n}\n",
        );
        clean(
            "a.rs",
            "// SAFETY: so\nlet A {\n    b,\n    ..\n} = *unsafe { g() };\n",
        );
        one(
            "a.rs",
            "// SAFETY: so\nfn f() {\n    unsafe { g() }\n}\n",
            3,
            "SAFETY",
        );
        one(
            "a.rs",
            "// SAFETY: so\nlet a = h();\nif a {\n    unsafe { g() }\n}\n",
            4,
            "SAFETY",
        );
    }

    #[test]
    fn unsafe_functions_without_docs() {
        one("a.rs", "/// Does.\npub unsafe fn f() {}\n", 2, "# Safety");
        one(
            "a.rs",
            "pub(crate) unsafe extern \"C\" fn f() {}\n",
            1,
            "# Safety",
        );
        clean(
            "a.rs",
            "/// Does.\n///\n/// # Safety\n/// Call once.\n#[inline]\npub unsafe fn f() {}\n",
        );
        clean("a.rs", "unsafe fn only_here() {}\n");
        clean("a.rs", "type F = unsafe extern \"C\" fn(u8);\n");
        clean("a.rs", "unsafe extern \"C\" {\n    fn f();\n}\n");
    }

    #[test]
    fn unfinished_code() {
        one("a.rs", "fn f() {\n    todo!()\n}", 2, "`todo!`");
        one(
            "a.rs",
            "fn f() { unimplemented!(\"x\") }",
            1,
            "`unimplemented!`",
        );
        one(
            "a.rs",
            "#[test]\n#[ignore = \"slow\"]\nfn f() {}",
            2,
            "ignored test",
        );
        clean(
            "a.rs",
            "// todo!()\nlet s = \"unimplemented!\"; my_todo!();",
        );
    }

    #[test]
    fn public_crates_without_the_docs_lint() {
        one("crates/wasi/src/lib.rs", "//! Docs.\n", 1, "missing_docs");
        clean(
            "crates/wasi/src/lib.rs",
            "//! Docs.\n#![warn(missing_docs)]\n",
        );
        clean("crates/abi/src/lib.rs", "//! Docs.\n");
    }
}
