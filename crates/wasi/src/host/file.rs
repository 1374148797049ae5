//! Open files: regular ones, devices and FIFOs that a path led to.
//!
//! Reads and writes are one system call on the caller's buffers, with no buffer
//! and no allocation of our own between. What the file was not opened for, the
//! kernel refuses.

use std::io::{self, IoSlice, IoSliceMut};
use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Advice, FallocateFlags, OFlags, SeekFrom};
use rustix::io::{Errno, retry_on_intr};

use super::permissions::FsPerms;
use super::stat::{self, FileType, TimeChange};

/// An open file that is not a directory.
pub(crate) struct File {
    fd: OwnedFd,
    kind: FileType,
    permissions: FsPerms,
}

impl File {
    /// `kind` is what `fstat` said of `fd` and does not change while it is open.
    pub fn new(fd: OwnedFd, kind: FileType, permissions: FsPerms) -> File {
        File {
            fd,
            kind,
            permissions,
        }
    }

    pub fn kind(&self) -> FileType {
        self.kind
    }

    pub fn permissions(&self) -> FsPerms {
        self.permissions
    }

    pub fn read(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::readv(&self.fd, buffers))?)
    }

    pub fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::writev(&self.fd, buffers))?)
    }

    pub fn read_at(&self, buffers: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<usize> {
        Ok(retry_on_intr(|| {
            rustix::io::preadv(&self.fd, buffers, offset)
        })?)
    }

    pub fn write_at(&self, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(retry_on_intr(|| {
            rustix::io::pwritev(&self.fd, buffers, offset)
        })?)
    }

    pub fn advise(&self, offset: u64, length: u64, advice: Advice) -> io::Result<()> {
        let length = NonZeroU64::new(length);
        Ok(rustix::fs::fadvise(&self.fd, offset, length, advice)?)
    }

    pub fn allocate(&self, offset: u64, length: u64) -> io::Result<()> {
        let whole = FallocateFlags::empty();
        Ok(retry_on_intr(|| {
            rustix::fs::fallocate(&self.fd, whole, offset, length)
        })?)
    }

    pub fn set_size(&self, size: u64) -> io::Result<()> {
        if i64::try_from(size).is_err() {
            // The system would take it for a negative one.
            return Err(Errno::INVAL.into());
        }
        Ok(retry_on_intr(|| rustix::fs::ftruncate(&self.fd, size))?)
    }

    /// The kernel lets the owner of a file set its times through a descriptor
    /// that is open for reading, so the permission is checked here.
    pub fn set_times(&self, accessed: TimeChange, modified: TimeChange) -> io::Result<()> {
        self.permissions.require_write()?;
        stat::set_times(self.fd.as_fd(), accessed, modified)
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Moves the position of any descriptor that has one.
pub(crate) fn seek(fd: BorrowedFd<'_>, to: SeekFrom) -> io::Result<u64> {
    Ok(rustix::fs::seek(fd, to)?)
}

/// The flags of a descriptor that can be asked for or changed while it is open.
pub(crate) fn flags(fd: BorrowedFd<'_>) -> io::Result<OFlags> {
    Ok(rustix::fs::fcntl_getfl(fd)?)
}

/// Sets `APPEND` and `NONBLOCK` as in `flags`; the kernel ignores the others.
pub(crate) fn set_flags(fd: BorrowedFd<'_>, flags: OFlags) -> io::Result<()> {
    Ok(rustix::fs::fcntl_setfl(fd, flags)?)
}

/// Waits until the data, and with `metadata` all that is known of the file, is
/// on the disk.
pub(crate) fn sync(fd: BorrowedFd<'_>, metadata: bool) -> io::Result<()> {
    Ok(retry_on_intr(|| match metadata {
        true => rustix::fs::fsync(fd),
        false => rustix::fs::fdatasync(fd),
    })?)
}
