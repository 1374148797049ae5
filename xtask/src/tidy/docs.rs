//! The documents: a path that one of them names must exist, and a public crate has a README.
//! What counts as a path: a code span or a link that begins with a folder of the root, or
//! a file name with an extension of ours. Fenced blocks are examples and are left alone.

use std::path::{Component, Path, PathBuf};

use anyhow::Result;

use super::{Finding, Tree, has_extension};

const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "RATIONALE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
];
const PUBLIC: &[&str] = &["crates/mainspring", "crates/wasi", "crates/wast"];
const FOLDERS: &[&str] = &[
    "crates", "xtask", "tests", "benches", "fuzz", "examples", "docs", ".ci", ".cargo",
];
const EXTENSIONS: &[&str] = &["rs", "md", "toml", "lock", "c"];

pub fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in &tree.files {
        let is_document = DOCUMENTS.iter().any(|d| path == Path::new(d))
            || (path.starts_with("docs") && has_extension(path, "md"))
            || PUBLIC
                .iter()
                .any(|c| *path == Path::new(c).join("README.md"));
        if is_document {
            findings.extend(check_document(path, &tree.text(path)?, &tree.files));
        }
    }
    findings.extend(check_readmes(&tree.files));
    Ok(findings)
}

fn check_readmes(files: &[PathBuf]) -> Vec<Finding> {
    let lacks = |c: &&&str| {
        files.contains(&Path::new(c).join("Cargo.toml"))
            && !files.contains(&Path::new(c).join("README.md"))
    };
    let message =
        "a public crate without a README.md; write what it is for and one example that runs";
    PUBLIC
        .iter()
        .filter(lacks)
        .map(|c| Finding::new(Path::new(c).join("Cargo.toml"), 1, message))
        .collect()
}

fn check_document(path: &Path, text: &str, files: &[PathBuf]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut fenced = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        let spans = line
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|span| looks_like_path(span));
        for named in spans.map(strip_position).chain(links(line)) {
            if !exists(path, named, files) {
                let message =
                    format!("`{named}` does not exist; correct the path, or say it without one");
                findings.push(Finding::new(path, i + 1, message));
            }
        }
    }
    findings
}

fn looks_like_path(span: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-./*:".contains(c);
    if span.is_empty() || !span.chars().all(allowed) || span.contains("::") {
        return false;
    }
    let span = strip_position(span);
    let first = span.split('/').next().unwrap_or(span);
    let in_folder = span.contains('/') && FOLDERS.contains(&first);
    let name = span.rsplit('/').next().unwrap_or(span);
    let ours = name
        .rsplit_once('.')
        .is_some_and(|(stem, extension)| !stem.is_empty() && EXTENSIONS.contains(&extension));
    in_folder || (ours && !span.starts_with(['/', '~']) && first != "target")
}

/// `src/lib.rs:12` names `src/lib.rs`.
fn strip_position(span: &str) -> &str {
    span.split(':').next().unwrap_or(span)
}

/// The targets of the links in a line that lie in the repository.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        let elsewhere = target.is_empty() || target.contains(':') || target.contains(' ');
        (!elsewhere).then_some(target)
    })
}

/// Whether `named` is a file or a folder, seen from the root, from the document's folder, or
/// as the end of a path (`memory.rs` is in every crate). `*` stands for one component.
fn exists(document: &Path, named: &str, files: &[PathBuf]) -> bool {
    let beside = normal(&document.parent().unwrap_or(Path::new("")).join(named));
    let wanted = normal(Path::new(named));
    let ends_anywhere = has_extension(Path::new(named), "rs") || !named.contains('/');
    files.iter().any(|file| {
        let parts: Vec<&str> = file.iter().filter_map(|p| p.to_str()).collect();
        begins_with(&parts, &wanted)
            || begins_with(&parts, &beside)
            || (ends_anywhere
                && parts.len() > wanted.len()
                && begins_with(&parts[parts.len() - wanted.len()..], &wanted))
    })
}

fn begins_with(parts: &[&str], wanted: &[String]) -> bool {
    parts.len() >= wanted.len() && wanted.iter().zip(parts).all(|(w, p)| w == "*" || w == p)
}

fn normal(path: &Path) -> Vec<String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            _ => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let files = [
            "README.md",
            "crates/wasm/src/lib.rs",
            "crates/runtime/src/memory.rs",
            "docs/guide.md",
            ".ci/run",
        ];
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        check_document(Path::new("docs/guide.md"), text, &files)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[track_caller]
    fn one(text: &str, named: &str) {
        let all = found(text);
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].starts_with("docs/guide.md:2: "), "{all:?}");
        assert!(
            all[0].contains(&format!("`{named}` does not exist")),
            "{all:?}"
        );
    }

    #[test]
    fn paths_that_do_not_exist() {
        one("\nsee `crates/wasm/src/gone.rs`", "crates/wasm/src/gone.rs");
        one("\nsee `crates/gone/`", "crates/gone/");
        one("\nsee `gone.rs` and `memory.rs`", "gone.rs");
        one("\nsee `crates/*/src/x64/`", "crates/*/src/x64/");
        one("\nsee [this](gone.md#part) and [that](guide.md)", "gone.md");
        one("\nsee `src/gone.rs:12`", "src/gone.rs");
    }

    #[test]
    fn paths_that_exist() {
        let text = "`crates/wasm/src/lib.rs`, `crates/`, `crates/*/src/lib.rs`, `memory.rs`, `wasm/src/lib.rs`, \
                    `.ci/run`, [guide](guide.md), [up](../README.md), `src/lib.rs:4`";
        assert_eq!(found(text), [""; 0]);
    }

    #[test]
    fn what_is_no_path() {
        let text = "`a/b`, `wasm32-wasi`, `target/bench/report.md`, `cargo test -p x/y`, `docs::rs`, `x.y`, \
                    [net](https://example.org/a.md)\n```\n`crates/gone/`\n```\n";
        assert_eq!(found(text), [""; 0]);
    }

    #[test]
    fn public_crates_without_readme() {
        let files = [
            "crates/wasi/Cargo.toml",
            "crates/wast/Cargo.toml",
            "crates/wast/README.md",
        ];
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let all = check_readmes(&files);
        assert_eq!(all.len(), 1);
        assert!(
            all[0].to_string().starts_with("crates/wasi/Cargo.toml:1: "),
            "{all:?}"
        );
    }
}
