//! Preview 1's flags and records, bit by bit. Records know their size and write
//! themselves into bytes; where those bytes lie is not their business.

use bitflags::bitflags;
use rustix::fs::OFlags;

use super::errno::Errno;
use crate::host::clocks::Clock;
use crate::host::stat::{FileType, Stat, TimeChange};

bitflags! {
    /// What may be done with a descriptor.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Rights: u64 {
        const FD_DATASYNC = 1 << 0;
        const FD_READ = 1 << 1;
        const FD_SEEK = 1 << 2;
        const FD_FDSTAT_SET_FLAGS = 1 << 3;
        const FD_SYNC = 1 << 4;
        const FD_TELL = 1 << 5;
        const FD_WRITE = 1 << 6;
        const FD_ADVISE = 1 << 7;
        const FD_ALLOCATE = 1 << 8;
        const PATH_CREATE_DIRECTORY = 1 << 9;
        const PATH_CREATE_FILE = 1 << 10;
        const PATH_LINK_SOURCE = 1 << 11;
        const PATH_LINK_TARGET = 1 << 12;
        const PATH_OPEN = 1 << 13;
        const FD_READDIR = 1 << 14;
        const PATH_READLINK = 1 << 15;
        const PATH_RENAME_SOURCE = 1 << 16;
        const PATH_RENAME_TARGET = 1 << 17;
        const PATH_FILESTAT_GET = 1 << 18;
        const PATH_FILESTAT_SET_SIZE = 1 << 19;
        const PATH_FILESTAT_SET_TIMES = 1 << 20;
        const FD_FILESTAT_GET = 1 << 21;
        const FD_FILESTAT_SET_SIZE = 1 << 22;
        const FD_FILESTAT_SET_TIMES = 1 << 23;
        const PATH_SYMLINK = 1 << 24;
        const PATH_REMOVE_DIRECTORY = 1 << 25;
        const PATH_UNLINK_FILE = 1 << 26;
        const POLL_FD_READWRITE = 1 << 27;
        const SOCK_SHUTDOWN = 1 << 28;
        const SOCK_ACCEPT = 1 << 29;

        /// Of every descriptor.
        const ANY = Self::FD_FDSTAT_SET_FLAGS.bits()
            | Self::FD_FILESTAT_GET.bits()
            | Self::POLL_FD_READWRITE.bits();
        /// Of a file, beside what it was opened for.
        const FILE = Self::ANY.bits()
            | Self::FD_DATASYNC.bits()
            | Self::FD_SYNC.bits()
            | Self::FD_ADVISE.bits()
            | Self::FD_FILESTAT_SET_TIMES.bits();
        /// Of a file or stream that has a position.
        const POSITION = Self::FD_SEEK.bits() | Self::FD_TELL.bits();
        /// Of a file that is open for writing.
        const WRITING = Self::FD_WRITE.bits()
            | Self::FD_ALLOCATE.bits()
            | Self::FD_FILESTAT_SET_SIZE.bits();
        /// Of a file or directory that may change, whatever it is open for.
        const CHANGING = Self::FD_FILESTAT_SET_TIMES.bits()
            | Self::PATH_CREATE_DIRECTORY.bits()
            | Self::PATH_CREATE_FILE.bits()
            | Self::PATH_LINK_SOURCE.bits()
            | Self::PATH_LINK_TARGET.bits()
            | Self::PATH_RENAME_SOURCE.bits()
            | Self::PATH_RENAME_TARGET.bits()
            | Self::PATH_FILESTAT_SET_SIZE.bits()
            | Self::PATH_FILESTAT_SET_TIMES.bits()
            | Self::PATH_SYMLINK.bits()
            | Self::PATH_REMOVE_DIRECTORY.bits()
            | Self::PATH_UNLINK_FILE.bits();
        /// Of a directory.
        const DIRECTORY = Self::ANY.bits()
            | Self::FD_DATASYNC.bits()
            | Self::FD_SYNC.bits()
            | Self::FD_READDIR.bits()
            | Self::FD_FILESTAT_SET_TIMES.bits()
            | Self::PATH_CREATE_DIRECTORY.bits()
            | Self::PATH_CREATE_FILE.bits()
            | Self::PATH_LINK_SOURCE.bits()
            | Self::PATH_LINK_TARGET.bits()
            | Self::PATH_OPEN.bits()
            | Self::PATH_READLINK.bits()
            | Self::PATH_RENAME_SOURCE.bits()
            | Self::PATH_RENAME_TARGET.bits()
            | Self::PATH_FILESTAT_GET.bits()
            | Self::PATH_FILESTAT_SET_SIZE.bits()
            | Self::PATH_FILESTAT_SET_TIMES.bits()
            | Self::PATH_SYMLINK.bits()
            | Self::PATH_REMOVE_DIRECTORY.bits()
            | Self::PATH_UNLINK_FILE.bits();
        /// Of what is opened beneath a directory.
        const INHERITED = Self::DIRECTORY.bits()
            | Self::FILE.bits()
            | Self::POSITION.bits()
            | Self::WRITING.bits()
            | Self::FD_READ.bits();
        /// Of a socket.
        const SOCKET = Self::ANY.bits()
            | Self::FD_READ.bits()
            | Self::FD_WRITE.bits()
            | Self::SOCK_SHUTDOWN.bits()
            | Self::SOCK_ACCEPT.bits();
    }
}

bitflags! {
    /// How a descriptor behaves.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct FdFlags: u32 {
        const APPEND = 1 << 0;
        const DSYNC = 1 << 1;
        const NONBLOCK = 1 << 2;
        const RSYNC = 1 << 3;
        const SYNC = 1 << 4;
        /// Those that can change while the descriptor is open.
        const CHANGEABLE = Self::APPEND.bits() | Self::NONBLOCK.bits();
    }

    /// How `path_open` opens.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct OpenFlags: u32 {
        const CREATE = 1 << 0;
        const DIRECTORY = 1 << 1;
        const EXCLUSIVE = 1 << 2;
        const TRUNCATE = 1 << 3;
    }

    /// How a path is looked up.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct LookupFlags: u32 {
        const SYMLINK_FOLLOW = 1 << 0;
    }

    /// Which times to set, and to what.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct TimeFlags: u32 {
        const ACCESSED = 1 << 0;
        const ACCESSED_NOW = 1 << 1;
        const MODIFIED = 1 << 2;
        const MODIFIED_NOW = 1 << 3;
    }

    /// How `sock_recv` receives.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct ReceiveFlags: u32 {
        const PEEK = 1 << 0;
        const WAIT_ALL = 1 << 1;
    }

    /// Which directions of a connection to close.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct ShutdownFlags: u32 {
        const RECEIVE = 1 << 0;
        const SEND = 1 << 1;
    }
}

/// Takes flags from a guest; a bit without a meaning is an error.
macro_rules! from_guest {
    ($($flags:ident),*) => {$(
        impl $flags {
            pub fn from_guest(bits: u32) -> Result<$flags, Errno> {
                $flags::from_bits(bits).ok_or(Errno::Invalid)
            }
        }
    )*};
}
from_guest!(
    FdFlags,
    OpenFlags,
    LookupFlags,
    TimeFlags,
    ReceiveFlags,
    ShutdownFlags
);

/// Linux's `O_DSYNC`, for which `rustix` has the stricter `O_SYNC`.
const DSYNC: OFlags = OFlags::from_bits_retain(0o10000);

/// Each flag of a descriptor and what the host calls it. `SYNC` includes `DSYNC`,
/// and Linux takes `RSYNC` for `SYNC`.
const FD_FLAGS: [(FdFlags, OFlags); 5] = [
    (FdFlags::APPEND, OFlags::APPEND),
    (FdFlags::DSYNC, DSYNC),
    (FdFlags::NONBLOCK, OFlags::NONBLOCK),
    (FdFlags::RSYNC, OFlags::RSYNC),
    (FdFlags::SYNC, OFlags::SYNC),
];

/// Each flag of `path_open` and what the host calls it.
const OPEN_FLAGS: [(OpenFlags, OFlags); 4] = [
    (OpenFlags::CREATE, OFlags::CREATE),
    (OpenFlags::DIRECTORY, OFlags::DIRECTORY),
    (OpenFlags::EXCLUSIVE, OFlags::EXCL),
    (OpenFlags::TRUNCATE, OFlags::TRUNC),
];

impl FdFlags {
    pub fn to_host(self) -> OFlags {
        let set = FD_FLAGS.iter().filter(|(flag, _)| self.contains(*flag));
        set.map(|(_, host)| *host).collect()
    }

    pub fn from_host(host: OFlags) -> FdFlags {
        let set = FD_FLAGS.iter().filter(|(_, flag)| host.contains(*flag));
        set.map(|(flag, _)| *flag).collect()
    }
}

impl OpenFlags {
    pub fn to_host(self) -> OFlags {
        let set = OPEN_FLAGS.iter().filter(|(flag, _)| self.contains(*flag));
        set.map(|(_, host)| *host).collect()
    }
}

impl TimeFlags {
    /// What becomes of the access time and of the modification time.
    pub fn changes(self, accessed: u64, modified: u64) -> Result<(TimeChange, TimeChange), Errno> {
        let change = |at: TimeFlags, now: TimeFlags, time: u64| match (
            self.contains(at),
            self.contains(now),
        ) {
            (true, true) => Err(Errno::Invalid),
            (true, false) => Ok(TimeChange::At(time)),
            (false, true) => Ok(TimeChange::Now),
            (false, false) => Ok(TimeChange::Keep),
        };
        Ok((
            change(TimeFlags::ACCESSED, TimeFlags::ACCESSED_NOW, accessed)?,
            change(TimeFlags::MODIFIED, TimeFlags::MODIFIED_NOW, modified)?,
        ))
    }
}

impl Clock {
    /// Takes a clock's number from a guest.
    pub fn from_guest(id: u32) -> Result<Clock, Errno> {
        match id {
            0 => Ok(Clock::Realtime),
            1 => Ok(Clock::Monotonic),
            2 => Ok(Clock::ProcessCpuTime),
            3 => Ok(Clock::ThreadCpuTime),
            _ => Err(Errno::Invalid),
        }
    }
}

impl FileType {
    pub fn to_guest(self) -> u8 {
        match self {
            FileType::Unknown => 0,
            FileType::BlockDevice => 1,
            FileType::CharacterDevice => 2,
            FileType::Directory => 3,
            FileType::RegularFile => 4,
            FileType::DatagramSocket => 5,
            FileType::StreamSocket => 6,
            FileType::SymbolicLink => 7,
        }
    }
}

/// `filestat`.
pub(crate) fn encode_stat(stat: &Stat) -> [u8; 64] {
    let mut record = Record::<64>::new();
    record.u64(0, stat.device);
    record.u64(8, stat.inode);
    record.u8(16, stat.kind.to_guest());
    record.u64(24, stat.links);
    record.u64(32, stat.size);
    record.u64(40, stat.accessed);
    record.u64(48, stat.modified);
    record.u64(56, stat.changed);
    record.0
}

/// `filestat` as it was in preview 0, where there could be no more than 2^32 links.
pub(crate) fn encode_unstable_stat(stat: &Stat) -> [u8; 56] {
    let mut record = Record::<56>::new();
    record.u64(0, stat.device);
    record.u64(8, stat.inode);
    record.u8(16, stat.kind.to_guest());
    record.u32(20, u32::try_from(stat.links).unwrap_or(u32::MAX));
    record.u64(24, stat.size);
    record.u64(32, stat.accessed);
    record.u64(40, stat.modified);
    record.u64(48, stat.changed);
    record.0
}

/// `fdstat`.
pub(crate) fn encode_fdstat(
    kind: FileType,
    flags: FdFlags,
    base: Rights,
    inheriting: Rights,
) -> [u8; 24] {
    let mut record = Record::<24>::new();
    record.u8(0, kind.to_guest());
    record.u16(2, flags.bits() as u16);
    record.u64(8, base.bits());
    record.u64(16, inheriting.bits());
    record.0
}

/// `prestat` of a directory, the only kind there is.
pub(crate) fn encode_prestat(name_length: u32) -> [u8; 8] {
    let mut record = Record::<8>::new();
    record.u32(4, name_length);
    record.0
}

/// The head of a `dirent`; the name follows it.
pub(crate) fn encode_dirent(
    next: u64,
    inode: u64,
    name_length: u32,
    kind: FileType,
) -> [u8; DIRENT_SIZE] {
    let mut record = Record::<DIRENT_SIZE>::new();
    record.u64(0, next);
    record.u64(8, inode);
    record.u32(16, name_length);
    record.u8(20, kind.to_guest());
    record.0
}
pub(crate) const DIRENT_SIZE: usize = 24;

/// What a subscription of `poll_oneoff` waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Interest {
    Clock {
        clock: u32,
        timeout: u64,
        absolute: bool,
    },
    Read {
        fd: u32,
    },
    Write {
        fd: u32,
    },
}

/// `subscription`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    pub userdata: u64,
    pub interest: Interest,
}
pub(crate) const SUBSCRIPTION_SIZE: usize = 48;

impl Subscription {
    pub fn decode(bytes: &[u8; SUBSCRIPTION_SIZE]) -> Result<Subscription, Errno> {
        Subscription::decode_with(bytes, 16)
    }

    /// Like [`decode`](Self::decode), of a record that has a clock's number at `clock`,
    /// and the rest of what is known of the clock behind it.
    pub fn decode_with(bytes: &[u8], clock: usize) -> Result<Subscription, Errno> {
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let interest = match bytes[8] {
            0 => Interest::Clock {
                clock: u32_at(clock),
                timeout: u64_at(clock + 8),
                absolute: match u16::from_le_bytes([bytes[clock + 24], bytes[clock + 25]]) {
                    0 => false,
                    1 => true,
                    _ => return Err(Errno::Invalid),
                },
            },
            1 => Interest::Read { fd: u32_at(16) },
            2 => Interest::Write { fd: u32_at(16) },
            _ => return Err(Errno::Invalid),
        };
        Ok(Subscription {
            userdata: u64_at(0),
            interest,
        })
    }
}

/// `event`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub subscription: Subscription,
    pub error: Option<Errno>,
    /// How many bytes can be read or written.
    pub bytes: u64,
    /// The other end is gone.
    pub hangup: bool,
}
pub(crate) const EVENT_SIZE: usize = 32;

impl Event {
    pub fn encode(&self) -> [u8; EVENT_SIZE] {
        let mut record = Record::<EVENT_SIZE>::new();
        record.u64(0, self.subscription.userdata);
        record.u16(8, self.error.map_or(0, |error| error as u16));
        record.u8(
            10,
            match self.subscription.interest {
                Interest::Clock { .. } => 0,
                Interest::Read { .. } => 1,
                Interest::Write { .. } => 2,
            },
        );
        record.u64(16, self.bytes);
        record.u16(24, u16::from(self.hangup));
        record.0
    }
}

/// The bytes of a record, zero where nothing was put.
struct Record<const SIZE: usize>([u8; SIZE]);

impl<const SIZE: usize> Record<SIZE> {
    fn new() -> Self {
        Record([0; SIZE])
    }

    fn u8(&mut self, at: usize, value: u8) {
        self.0[at] = value;
    }

    fn u16(&mut self, at: usize, value: u16) {
        self.0[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }

    fn u32(&mut self, at: usize, value: u32) {
        self.0[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, at: usize, value: u64) {
        self.0[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_descriptors_go_both_ways() {
        for flags in [
            FdFlags::APPEND,
            FdFlags::NONBLOCK,
            FdFlags::APPEND | FdFlags::NONBLOCK,
        ] {
            assert_eq!(FdFlags::from_host(flags.to_host()), flags);
        }
        assert!(FdFlags::from_guest(1 << 5).is_err());
    }

    #[test]
    fn a_time_cannot_be_both_given_and_now() {
        let both = TimeFlags::ACCESSED | TimeFlags::ACCESSED_NOW;
        assert!(both.changes(1, 2).is_err());
        let (accessed, modified) = TimeFlags::MODIFIED.changes(1, 2).unwrap();
        assert_eq!((accessed, modified), (TimeChange::Keep, TimeChange::At(2)));
    }

    #[test]
    fn subscriptions_with_unknown_tags_or_flags_are_refused() {
        let mut bytes = [0; SUBSCRIPTION_SIZE];
        assert!(Subscription::decode(&bytes).is_ok());
        bytes[8] = 3;
        assert!(Subscription::decode(&bytes).is_err());
        bytes[8] = 0;
        bytes[40] = 2;
        assert!(Subscription::decode(&bytes).is_err());
    }
}
