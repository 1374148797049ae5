//! The rules of the house that neither the compiler nor clippy knows, checked on the whole
//! tree. One file a subject; each check is a function from text to findings, so that its
//! unit test can plant a defect. A finding names the place and the way out.

mod docs;
mod edges;
mod lexer;
mod source;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// One place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Relative to the root of the repository.
    pub path: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// A sentence with the way out.
    pub message: String,
}

impl Finding {
    fn new(path: impl Into<PathBuf>, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            path: path.into(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.message)
    }
}

/// All files of the tree, relative to its root: what the checks may look at and what a
/// document may name.
pub(crate) struct Tree {
    pub root: PathBuf,
    /// Sorted.
    pub files: Vec<PathBuf>,
}

impl Tree {
    pub fn read(root: &Path) -> Result<Tree> {
        let mut files = Vec::new();
        walk(root, Path::new(""), &mut files)?;
        files.sort();
        Ok(Tree {
            root: root.to_path_buf(),
            files,
        })
    }

    fn text(&self, path: &Path) -> Result<String> {
        fs::read_to_string(self.root.join(path))
            .with_context(|| format!("cannot read {}", path.display()))
    }
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let full = root.join(folder);
    let entries = fs::read_dir(&full).with_context(|| format!("cannot list {}", full.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", full.display()))?;
        let name = entry.file_name();
        let kind = entry.file_type()?;
        if kind.is_dir() && name != "target" && name != ".git" {
            walk(root, &folder.join(name), files)?;
        } else if kind.is_file() && name != ".git" {
            files.push(folder.join(name));
        }
    }
    Ok(())
}

/// Everything untidy in the repository at `root`, sorted by place.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let tree = Tree::read(root)?;
    let mut findings = edges::check(&tree)?;
    for path in tree.files.iter().filter(|p| has_extension(p, "rs")) {
        findings.extend(source::check(path, &tree.text(path)?));
    }
    findings.extend(docs::check(&tree)?);
    findings.sort();
    findings.dedup();
    Ok(findings)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|e| e == extension)
}

/// `cargo xtask tidy`
pub fn command() -> Result<()> {
    let findings = check(&crate::root())?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy: nothing to find fault with"),
        1 => bail!("one untidy place"),
        n => bail!("{n} untidy places"),
    }
    Ok(())
}
