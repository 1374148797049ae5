//! What the embedder lets a guest do beneath a preopened directory. A descriptor
//! that is opened beneath another has the same permissions, never more.

use std::io;

use bitflags::bitflags;
use rustix::io::Errno;

bitflags! {
    /// What a guest may do with the entries of a preopened directory.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct DirPerms: usize {
        /// Look entries up, open them and list them.
        const READ = 0b1;
        /// Create, rename, link and remove entries, and set their times.
        const MUTATE = 0b10;
    }
}

bitflags! {
    /// What a guest may do with the files beneath a preopened directory.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct FilePerms: usize {
        /// Open files for reading.
        const READ = 0b1;
        /// Open files for writing, truncate them and set their times.
        const WRITE = 0b10;
    }
}

/// Both permissions of a directory and what lies beneath it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permissions {
    pub dir: DirPerms,
    pub file: FilePerms,
}

impl Permissions {
    /// Fails unless entries may be used in all the ways of `wanted`.
    pub fn require_dir(self, wanted: DirPerms) -> io::Result<()> {
        permit(self.dir.contains(wanted))
    }

    /// Fails unless files may be used in all the ways of `wanted`.
    pub fn require_file(self, wanted: FilePerms) -> io::Result<()> {
        permit(self.file.contains(wanted))
    }

    /// Fails if something that moves from here to `target` could be used there
    /// in a way that is refused here.
    pub fn require_no_gain(self, target: Permissions) -> io::Result<()> {
        permit(self.dir.contains(target.dir) && self.file.contains(target.file))
    }
}

fn permit(permitted: bool) -> io::Result<()> {
    match permitted {
        true => Ok(()),
        false => Err(Errno::PERM.into()),
    }
}
