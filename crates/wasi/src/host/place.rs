//! Where a path's last component is made, removed or given another name.
//!
//! All but the last component is resolved by `cap-std`, the last one is handed to
//! the system as it was written. The functions here are those in which Linux
//! never follows a last component, be it a link with slashes behind it, `.` or
//! `..`; so it can't lead out, and the system itself judges what it means there,
//! at the same time as it acts.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, Mode};
use rustix::io::{Errno, retry_on_intr};

/// An entry of a directory that need not exist.
pub(crate) struct Place<'a> {
    start: &'a Dir,
    /// The directory that the last component lies in, where that is not `start`.
    parent: Option<Dir>,
    /// The last component, with all slashes behind it.
    name: &'a Path,
}

impl<'a> Place<'a> {
    /// Resolves all but the last component of `path`, beneath `start`.
    pub fn beneath(start: &'a Dir, path: &'a Path) -> io::Result<Place<'a>> {
        let (parent, name) = split(path);
        if path.as_os_str().is_empty() {
            return Err(Errno::NOENT.into());
        }
        if component(name) == b".." {
            // Nothing below would follow it, but it is told from one that stays inside.
            start.open_dir(path)?;
        }
        let parent = match parent.as_os_str().is_empty() {
            true => None,
            false => Some(start.open_dir(parent)?),
        };
        Ok(Place {
            start,
            parent,
            name,
        })
    }

    /// Like [`beneath`](Self::beneath), of something that is there and gets a second
    /// name. What is written as a directory is resolved to its end, since there Linux
    /// follows links.
    pub fn to_be_linked(start: &'a Dir, path: &'a Path) -> io::Result<Place<'a>> {
        if !names_directory(path) {
            let place = Place::beneath(start, path)?;
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::statat(place.parent(), place.name, flags)?;
            return Ok(place);
        }
        Ok(Place {
            start,
            parent: Some(start.open_dir(path)?),
            name: Path::new("."),
        })
    }

    fn parent(&self) -> BorrowedFd<'_> {
        self.parent.as_ref().unwrap_or(self.start).as_fd()
    }

    pub fn create_directory(&self) -> io::Result<()> {
        let mode = Mode::RWXU | Mode::RWXG | Mode::RWXO;
        Ok(retry_on_intr(|| {
            rustix::fs::mkdirat(self.parent(), self.name, mode)
        })?)
    }

    pub fn remove_directory(&self) -> io::Result<()> {
        self.remove(AtFlags::REMOVEDIR)
    }

    pub fn remove_file(&self) -> io::Result<()> {
        self.remove(AtFlags::empty())
    }

    fn remove(&self, flags: AtFlags) -> io::Result<()> {
        Ok(retry_on_intr(|| {
            rustix::fs::unlinkat(self.parent(), self.name, flags)
        })?)
    }

    /// Makes a symbolic link to `target`, which is not looked at.
    pub fn symlink(&self, target: &Path) -> io::Result<()> {
        Ok(retry_on_intr(|| {
            rustix::fs::symlinkat(target, self.parent(), self.name)
        })?)
    }

    pub fn rename(&self, to: &Place<'_>) -> io::Result<()> {
        Ok(retry_on_intr(|| {
            rustix::fs::renameat(self.parent(), self.name, to.parent(), to.name)
        })?)
    }

    /// Makes `to` another name of what lies here, which may be a symbolic link.
    pub fn link(&self, to: &Place<'_>) -> io::Result<()> {
        let flags = AtFlags::empty();
        Ok(retry_on_intr(|| {
            rustix::fs::linkat(self.parent(), self.name, to.parent(), to.name, flags)
        })?)
    }
}

/// Whether a path can only be that of a directory, by how it is written: with a
/// slash, `.` or `..` at its end. A link at the end of such a path is followed.
pub(crate) fn names_directory(path: &Path) -> bool {
    let (_, name) = split(path);
    name.as_os_str().as_bytes().ends_with(b"/") || matches!(component(name), b"." | b"..")
}

/// A path without its last component, and that with the slashes behind it.
fn split(path: &Path) -> (&Path, &Path) {
    let bytes = path.as_os_str().as_bytes();
    let end = bytes.len() - bytes.iter().rev().take_while(|&&b| b == b'/').count();
    let start = bytes[..end]
        .iter()
        .rposition(|&b| b == b'/')
        .map_or(0, |slash| slash + 1);
    // An absolute path of slashes alone has no component; its parent is refused.
    let start = if end == 0 { bytes.len() } else { start };
    let (parent, name) = bytes.split_at(start);
    (
        Path::new(OsStr::from_bytes(parent)),
        Path::new(OsStr::from_bytes(name)),
    )
}

/// A last component without the slashes behind it.
fn component(name: &Path) -> &[u8] {
    let bytes = name.as_os_str().as_bytes();
    bytes.split(|&b| b == b'/').next().unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_told_by_the_end_of_a_path() {
        for path in ["a/", "a/.", "a/..", ".", "..", "./", "a//"] {
            assert!(names_directory(Path::new(path)), "{path}");
        }
        for path in ["", "a", "a/b", "./a", "a/..b", "a."] {
            assert!(!names_directory(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn paths_are_split_before_the_last_component() {
        for (path, parent, name) in [
            ("", "", ""),
            ("a", "", "a"),
            ("a//", "", "a//"),
            ("a/b", "a/", "b"),
            ("a//b/", "a//", "b/"),
            ("a/.", "a/", "."),
            ("a/../", "a/", "../"),
            ("/a", "/", "a"),
            ("/", "/", ""),
            ("//", "//", ""),
        ] {
            let (before, last) = split(Path::new(path));
            assert_eq!((before, last), (Path::new(parent), Path::new(name)));
            // `Path` compares components; the bytes count here.
            assert_eq!(before.as_os_str(), parent, "{path}");
            assert_eq!(last.as_os_str(), name, "{path}");
        }
    }
}
