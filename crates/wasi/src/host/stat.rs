//! What is known of a file, however it was reached, and changes of its times.

use std::io;

use cap_std::fs::{Metadata, MetadataExt};
use rustix::fd::BorrowedFd;
use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

/// The kinds of file that WASI tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileType {
    Unknown,
    BlockDevice,
    CharacterDevice,
    Directory,
    RegularFile,
    DatagramSocket,
    StreamSocket,
    SymbolicLink,
}

impl From<rustix::fs::FileType> for FileType {
    fn from(kind: rustix::fs::FileType) -> FileType {
        match kind {
            rustix::fs::FileType::RegularFile => FileType::RegularFile,
            rustix::fs::FileType::Directory => FileType::Directory,
            rustix::fs::FileType::Symlink => FileType::SymbolicLink,
            rustix::fs::FileType::BlockDevice => FileType::BlockDevice,
            rustix::fs::FileType::CharacterDevice => FileType::CharacterDevice,
            // A name says only that it is a socket; the stream is the common one.
            rustix::fs::FileType::Socket => FileType::StreamSocket,
            // WASI has no word for a FIFO.
            _ => FileType::Unknown,
        }
    }
}

/// What is known of a file. Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    pub device: u64,
    pub inode: u64,
    pub kind: FileType,
    pub links: u64,
    pub size: u64,
    pub accessed: u64,
    pub modified: u64,
    pub changed: u64,
}

impl Stat {
    /// For a stream that no kernel object stands behind.
    pub const UNKNOWN: Stat = Stat {
        device: 0,
        inode: 0,
        kind: FileType::Unknown,
        links: 0,
        size: 0,
        accessed: 0,
        modified: 0,
        changed: 0,
    };

    /// Asks the kernel about an open descriptor.
    pub fn of(fd: BorrowedFd<'_>) -> io::Result<Stat> {
        let stat = rustix::fs::fstat(fd)?;
        Ok(Stat {
            device: stat.st_dev,
            inode: stat.st_ino,
            kind: rustix::fs::FileType::from_raw_mode(stat.st_mode).into(),
            links: stat.st_nlink as u64,
            size: stat.st_size as u64,
            accessed: nanoseconds(stat.st_atime, stat.st_atime_nsec as u64),
            modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec as u64),
            changed: nanoseconds(stat.st_ctime, stat.st_ctime_nsec as u64),
        })
    }
}

impl From<Metadata> for Stat {
    fn from(metadata: Metadata) -> Stat {
        Stat {
            device: metadata.dev(),
            inode: metadata.ino(),
            kind: rustix::fs::FileType::from_raw_mode(metadata.mode()).into(),
            links: metadata.nlink(),
            size: metadata.size(),
            accessed: nanoseconds(metadata.atime(), metadata.atime_nsec() as u64),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec() as u64),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec() as u64),
        }
    }
}

/// WASI's times are unsigned and end in the year 2554; what lies outside is
/// moved to the nearest end.
fn nanoseconds(seconds: i64, nanoseconds: u64) -> u64 {
    match u64::try_from(seconds) {
        Ok(seconds) => seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(nanoseconds),
        Err(_) => 0,
    }
}

/// What to do with one of a file's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeChange {
    Keep,
    Now,
    /// Nanoseconds since 1970.
    At(u64),
}

impl TimeChange {
    fn timespec(self) -> Timespec {
        let special = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
        match self {
            TimeChange::Keep => special(UTIME_OMIT),
            TimeChange::Now => special(UTIME_NOW),
            TimeChange::At(time) => Timespec {
                tv_sec: (time / 1_000_000_000) as i64,
                tv_nsec: (time % 1_000_000_000) as i64,
            },
        }
    }
}

/// Sets the times of an open file or directory.
pub(crate) fn set_times(
    fd: BorrowedFd<'_>,
    accessed: TimeChange,
    modified: TimeChange,
) -> io::Result<()> {
    Ok(rustix::fs::futimens(fd, &timestamps(accessed, modified))?)
}

/// Like [`set_times`], of what was opened with `O_PATH`.
pub(crate) fn set_times_of_found(
    fd: BorrowedFd<'_>,
    accessed: TimeChange,
    modified: TimeChange,
) -> io::Result<()> {
    let times = timestamps(accessed, modified);
    Ok(rustix::fs::utimensat(fd, "", &times, AtFlags::EMPTY_PATH)?)
}

fn timestamps(accessed: TimeChange, modified: TimeChange) -> Timestamps {
    Timestamps {
        last_access: accessed.timespec(),
        last_modification: modified.timespec(),
    }
}
