//! What the embedder lets a guest do beneath a preopened directory. A descriptor
//! that is opened beneath another has the same permissions, never more.

use std::io;

use rustix::io::Errno;

/// What a guest may do with a preopened directory and all that lies beneath it. The
/// host's file system may refuse more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsPerms {
    /// Look at what is there: list, open and read.
    ReadOnly,
    /// Anything.
    ReadWrite,
}

impl FsPerms {
    /// Whether nothing may be changed.
    pub fn write_not_permitted(&self) -> bool {
        matches!(self, FsPerms::ReadOnly)
    }

    /// Fails unless all may be changed.
    pub(crate) fn require_write(self) -> io::Result<()> {
        match self {
            FsPerms::ReadOnly => Err(Errno::PERM.into()),
            FsPerms::ReadWrite => Ok(()),
        }
    }
}
