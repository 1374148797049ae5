//! The rules of the house that neither the compiler nor clippy knows, checked on the whole
//! tree. One file a subject; each check is a function from text to findings, so that its
//! unit test can plant a defect. A finding names the place and the way out.

mod docs;
mod edges;
mod lexer;
mod source;
mod tree;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

pub(crate) use tree::Tree;

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

/// Everything untidy in the repository at `root`, sorted by place.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    check_tree(&Tree::read(root)?)
}

fn check_tree(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = edges::check(tree)?;
    for path in tree.files.iter().filter(|p| has_extension(p, "rs")) {
        findings.extend(source::check(path, &tree.text(path)?));
    }
    findings.extend(docs::check(tree)?);
    findings.sort();
    findings.dedup();
    Ok(findings)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|e| e == extension)
}

/// `cargo xtask tidy`
pub fn command() -> Result<()> {
    let tree = Tree::read(&crate::root())?;
    let findings = check_tree(&tree)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!(
            "tidy: {} files {}, nothing to find fault with",
            tree.files.len(),
            tree.listed
        ),
        1 => bail!("one untidy place"),
        n => bail!("{n} untidy places"),
    }
    Ok(())
}
