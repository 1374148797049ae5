//! Open directories, and everything that is done with a path.
//!
//! Paths are resolved beneath the directory by `cap-std`: neither `..`, nor an
//! absolute path, nor a symbolic link leads out of it, also while another process
//! moves things about. No path may reach the system by any other way than a
//! method of `cap_std::fs::Dir`; the last component alone may, where the system
//! does not follow it (`place.rs`).

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::file::File;
use super::listing::{Entry, Listing};
use super::permissions::FsPerms;
use super::place::{self, Place};
use super::stat::{self, FileType, Stat, TimeChange};

/// An open directory and what may be done beneath it.
pub(crate) struct Directory {
    dir: Dir,
    inode: u64,
    permissions: FsPerms,
    listing: Mutex<Listing>,
}

/// How to open what a path names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenRequest {
    pub read: bool,
    pub write: bool,
    /// Follow a symbolic link that is the last component.
    pub follow: bool,
    /// `CREATE`, `EXCL`, `TRUNC`, `DIRECTORY`, `APPEND`, `NONBLOCK`, `DSYNC`,
    /// `SYNC` and `RSYNC`; no others.
    pub flags: OFlags,
}

/// What a path led to.
pub(crate) enum Opened {
    File(File),
    Directory(Directory),
}

impl Directory {
    /// Opens a directory with the authority of the whole process: for the
    /// embedder, never for a guest.
    pub fn open_ambient(path: &Path, permissions: FsPerms) -> io::Result<Directory> {
        let file = std::fs::File::open(path)?;
        let stat = Stat::of(file.as_fd())?;
        if stat.kind != FileType::Directory {
            return Err(Errno::NOTDIR.into());
        }
        Ok(Directory::new(file, &stat, permissions))
    }

    fn new(file: std::fs::File, stat: &Stat, permissions: FsPerms) -> Directory {
        Directory {
            dir: Dir::from_std_file(file),
            inode: stat.inode,
            permissions,
            listing: Mutex::default(),
        }
    }

    pub fn permissions(&self) -> FsPerms {
        self.permissions
    }

    pub fn set_times(&self, accessed: TimeChange, modified: TimeChange) -> io::Result<()> {
        self.permissions.require_write()?;
        stat::set_times(self.dir.as_fd(), accessed, modified)
    }

    /// Opens what `path` names, be it a file or a directory.
    pub fn open(&self, path: &Path, request: OpenRequest) -> io::Result<Opened> {
        if request.write || request.flags.intersects(OFlags::CREATE | OFlags::TRUNC) {
            self.permissions.require_write()?;
        }

        let mut options = OpenOptions::new();
        options
            .read(request.read || !request.write)
            .write(request.write)
            // Passed as they are: the kernel knows what a creation that opens
            // for reading means, the options' own checks refuse it.
            .custom_flags((request.flags | OFlags::NOCTTY).bits() as i32)
            .follow(follow_symlinks(request.follow));
        let file = self.dir.open_with(path, &options)?.into_std();

        let stat = Stat::of(file.as_fd())?;
        if stat.kind == FileType::Directory {
            let directory = Directory::new(file, &stat, self.permissions);
            return Ok(Opened::Directory(directory));
        }
        let file = File::new(OwnedFd::from(file), stat.kind, self.permissions);
        Ok(Opened::File(file))
    }

    pub fn stat_path(&self, path: &Path, follow: bool) -> io::Result<Stat> {
        // One system call serves the most common case, a plain name that is not
        // a link; resolving a path takes three.
        if is_plain_name(path) {
            let stat = Stat::from(self.dir.symlink_metadata(path)?);
            if !follow || stat.kind != FileType::SymbolicLink {
                return Ok(stat);
            }
        }
        let metadata = match follow || place::names_directory(path) {
            true => self.dir.metadata(path)?,
            false => self.dir.symlink_metadata(path)?,
        };
        Ok(metadata.into())
    }

    pub fn set_path_times(
        &self,
        path: &Path,
        follow: bool,
        accessed: TimeChange,
        modified: TimeChange,
    ) -> io::Result<()> {
        self.permissions.require_write()?;
        // Only found, not opened: neither has to be readable, and a FIFO that is opened
        // waits for its other end.
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::PATH.bits() as i32)
            .follow(follow_symlinks(follow));
        let found = self.dir.open_with(path, &options)?;
        stat::set_times_of_found(found.as_fd(), accessed, modified)
    }

    pub fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.permissions.require_write()?;
        Place::beneath(&self.dir, path)?.create_directory()
    }

    pub fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.permissions.require_write()?;
        Place::beneath(&self.dir, path)?.remove_directory()
    }

    pub fn unlink_file(&self, path: &Path) -> io::Result<()> {
        self.permissions.require_write()?;
        Place::beneath(&self.dir, path)?.remove_file()
    }

    /// Makes `path` a symbolic link to `target`, which may not be absolute: the
    /// guest could not follow it, and a program on the host would be led astray.
    pub fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.permissions.require_write()?;
        if target.as_os_str().is_empty() {
            return Err(Errno::NOENT.into());
        }
        if target.is_absolute() {
            return Err(Errno::PERM.into());
        }
        Place::beneath(&self.dir, path)?.symlink(target)
    }

    /// Refuses an absolute target, which would tell of the host.
    pub fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.dir.read_link(path)
    }

    pub fn rename(&self, path: &Path, target: &Directory, target_path: &Path) -> io::Result<()> {
        self.permissions.require_write()?;
        target.permissions.require_write()?;
        let from = Place::beneath(&self.dir, path)?;
        from.rename(&Place::beneath(&target.dir, target_path)?)
    }

    /// Makes `target_path` another name of the file or symbolic link `path`.
    pub fn hard_link(&self, path: &Path, target: &Directory, target_path: &Path) -> io::Result<()> {
        self.permissions.require_write()?;
        target.permissions.require_write()?;
        let from = Place::to_be_linked(&self.dir, path)?;
        from.link(&Place::beneath(&target.dir, target_path)?)
    }

    /// Visits the entries from `cookie` on; see [`Listing::read`].
    pub fn read_entries(
        &self,
        cookie: u64,
        expected: usize,
        mut visit: impl FnMut(&Entry<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let own = self.inode;
        let mut listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        listing.read(self.dir.as_fd(), cookie, expected, |entry| {
            // The parent may lie outside of what the guest was given.
            let inode = match entry.name {
                b".." => own,
                _ => entry.inode,
            };
            visit(&Entry { inode, ..*entry })
        })
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

fn follow_symlinks(follow: bool) -> FollowSymlinks {
    match follow {
        true => FollowSymlinks::Yes,
        false => FollowSymlinks::No,
    }
}

/// Whether a path is the bare name of an entry.
fn is_plain_name(path: &Path) -> bool {
    let path = path.as_os_str().as_bytes();
    !path.contains(&b'/') && !matches!(path, b"" | b"." | b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names() {
        for name in ["a", "..a", "a.", "é"] {
            assert!(is_plain_name(Path::new(name)), "{name}");
        }
        for path in ["", ".", "..", "a/", "/a", "a/b", "/"] {
            assert!(!is_plain_name(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn cookies_survive_removal_of_the_entries_before_them() {
        let temp = tempfile::tempdir().unwrap();
        let all: Vec<String> = (0..300).map(|i| format!("entry-{i:03}")).collect();
        for name in &all {
            std::fs::write(temp.path().join(name), "").unwrap();
        }
        let directory = Directory::open_ambient(temp.path(), FsPerms::ReadWrite).unwrap();

        // Each call reads two entries and removes the files among them.
        let (mut cookie, mut seen) = (0, Vec::new());
        loop {
            let mut batch = Vec::new();
            directory
                .read_entries(cookie, 0, |entry| {
                    cookie = entry.next;
                    batch.push(String::from_utf8(entry.name.to_vec()).unwrap());
                    match batch.len() {
                        2 => ControlFlow::Break(()),
                        _ => ControlFlow::Continue(()),
                    }
                })
                .unwrap();
            if batch.is_empty() {
                break;
            }
            for name in batch.iter().filter(|name| !name.starts_with('.')) {
                directory.unlink_file(Path::new(name)).unwrap();
            }
            seen.append(&mut batch);
        }
        seen.sort();
        assert_eq!(&seen[..2], [".", ".."]);
        assert_eq!(&seen[2..], all);
    }
}
