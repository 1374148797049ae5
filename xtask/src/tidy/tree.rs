//! Which files are part of the project. A checkout may hold others: more target folders, virtual
//! environments, other checkouts. Git tells them apart; where there is none, as in an unpacked
//! archive, what made a folder usually left its mark in it.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Files by which a folder says that a tool made it: Cargo and other builders, Python's virtual
/// environments, a checkout of its own.
const MARKS: &[&str] = &["CACHEDIR.TAG", "pyvenv.cfg", ".git"];

/// What the checks may look at and what a document may name.
pub(crate) struct Tree {
    pub root: PathBuf,
    /// Relative to the root, sorted.
    pub files: Vec<PathBuf>,
    pub listed: Listed,
}

/// By whom the files were listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    ByGit,
    /// There is no repository here, or no git that reads it.
    ByWalking,
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Listed::ByGit => "as git lists them",
            Listed::ByWalking => "as they lie in the tree, for want of git",
        })
    }
}

impl Tree {
    pub fn read(root: &Path) -> Result<Tree> {
        let (mut files, listed) = match known_to_git(root) {
            Some(files) => (files, Listed::ByGit),
            None => {
                let mut files = Vec::new();
                walk(root, Path::new(""), &mut files)?;
                (files, Listed::ByWalking)
            }
        };
        files.sort();
        Ok(Tree {
            root: root.to_path_buf(),
            files,
            listed,
        })
    }

    pub fn text(&self, path: &Path) -> Result<String> {
        fs::read_to_string(self.root.join(path))
            .with_context(|| format!("cannot read {}", path.display()))
    }
}

/// What is tracked, and what is neither tracked nor ignored: it may be about to be.
/// Nothing where `root` is not itself a checkout, or git can't or won't read it.
fn known_to_git(root: &Path) -> Option<Vec<PathBuf>> {
    if !root.join(".git").exists() {
        return None;
    }
    let tracked = git_lists(root, &["--cached"])?;
    let others = git_lists(root, &["--others", "--exclude-standard"])?;
    let is_ours = |path: &PathBuf| {
        !path
            .ancestors()
            .skip(1)
            .any(|folder| is_marked(root, folder))
    };
    let all = tracked
        .into_iter()
        .chain(others.into_iter().filter(is_ours));
    // A file that was removed stays tracked until that is committed, and links are tracked too.
    Some(all.filter(|path| is_plain_file(&root.join(path))).collect())
}

fn git_lists(root: &Path, which: &[&str]) -> Option<Vec<PathBuf>> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["ls-files", "-z"])
        .args(which)
        // Inside of a hook these name the repository that the hook is for.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .output()
        .ok()?;
    let names = output.stdout.split(|byte| *byte == 0);
    let paths = names
        .filter(|name| !name.is_empty())
        .map(|name| PathBuf::from(OsStr::from_bytes(name)));
    output.status.success().then(|| paths.collect())
}

fn is_plain_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}

/// Whether a tool made a folder below the root.
fn is_marked(root: &Path, folder: &Path) -> bool {
    let holds = |mark: &&str| root.join(folder).join(mark).exists();
    !folder.as_os_str().is_empty() && MARKS.iter().any(holds)
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let full = root.join(folder);
    let entries = fs::read_dir(&full).with_context(|| format!("cannot list {}", full.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", full.display()))?;
        let path = folder.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() && entry.file_name() != ".git" && !is_marked(root, &path) {
            walk(root, &path, files)?;
        } else if kind.is_file() && entry.file_name() != ".git" {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree with a file of ours, and one in each kind of folder that is not.
    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        let files = [
            "src/ours.rs",
            "ignored.rs",
            ".gitignore",
            "target-2/CACHEDIR.TAG",
            "target-2/debug/build/made.rs",
            "venv/pyvenv.cfg",
            "venv/lib/tool.rs",
            "checkout/.git",
            "checkout/src/theirs.rs",
        ];
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        fs::write(root.path().join(".gitignore"), "/ignored.rs\n").expect("a file");
        root
    }

    fn rust_files(root: &Path) -> (Vec<PathBuf>, Listed) {
        let tree = Tree::read(root).expect("the tree can be read");
        let is_rust = |path: &PathBuf| path.extension().is_some_and(|e| e == "rs");
        (
            tree.files.into_iter().filter(is_rust).collect(),
            tree.listed,
        )
    }

    fn git(root: &Path, arguments: &[&str]) {
        let status = Command::new("git")
            .arg("-C")
            .arg(root)
            .args(arguments)
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .status();
        assert!(status.expect("git runs").success(), "git {arguments:?}");
    }

    #[test]
    fn without_git_what_tools_made_is_not_looked_at() {
        let root = tree();
        let expected = ["ignored.rs", "src/ours.rs"].map(PathBuf::from).to_vec();
        assert_eq!(rust_files(root.path()), (expected, Listed::ByWalking));
    }

    #[test]
    fn git_says_what_is_part_of_the_project() {
        if Command::new("git").arg("--version").output().is_err() {
            return;
        }
        let root = tree();
        let ours = |files: &[&str]| {
            let files = files.iter().map(PathBuf::from).collect::<Vec<_>>();
            (files, Listed::ByGit)
        };
        // The inner checkout has no repository that git could read, so it is told by its mark.
        git(root.path(), &["init", "-q"]);
        assert_eq!(rust_files(root.path()), ours(&["src/ours.rs"]));
        git(root.path(), &["add", "src", "venv/lib/tool.rs"]);
        fs::write(root.path().join("src/new.rs"), "").expect("a file");
        fs::remove_file(root.path().join("src/ours.rs")).expect("it was there");
        let expected = ours(&["src/new.rs", "venv/lib/tool.rs"]);
        assert_eq!(
            rust_files(root.path()),
            expected,
            "what is tracked is ours wherever it lies"
        );
    }
}
