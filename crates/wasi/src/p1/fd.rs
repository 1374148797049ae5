//! Descriptors: what they are, what they may, and their end. Reading, writing and
//! positions are in `io.rs`.

use std::io::IsTerminal;
use std::sync::Arc;

use rustix::fs::{Advice, OFlags};

use super::errno::Errno;
use super::memory::GuestMemory;
use super::table::{Descriptor, Entry};
use super::types::{self, FdFlags, Rights, TimeFlags};
use super::{Context, Fault};
use crate::host::file;
use crate::host::permissions::FsPerms;
use crate::host::stat::{FileType, Stat};

pub(super) fn fd_close(_: &mut GuestMemory<'_>, context: &Context, fd: u32) -> Result<(), Fault> {
    context.table.remove(fd)?;
    Ok(())
}

pub(super) fn fd_renumber(
    _: &mut GuestMemory<'_>,
    context: &Context,
    from: u32,
    to: u32,
) -> Result<(), Fault> {
    context.table.renumber(from, to)?;
    Ok(())
}

pub(super) fn fd_advise(
    _: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    offset: u64,
    length: u64,
    advice: u32,
) -> Result<(), Fault> {
    let file = context.table.file(fd, Rights::FD_ADVISE)?;
    let advice = match advice {
        0 => Advice::Normal,
        1 => Advice::Sequential,
        2 => Advice::Random,
        3 => Advice::WillNeed,
        4 => Advice::DontNeed,
        5 => Advice::NoReuse,
        _ => return Err(Errno::Invalid.into()),
    };
    Ok(file.advise(offset, length, advice)?)
}

pub(super) fn fd_allocate(
    _: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    offset: u64,
    length: u64,
) -> Result<(), Fault> {
    let file = context.table.file(fd, Rights::FD_ALLOCATE)?;
    Ok(file.allocate(offset, length)?)
}

pub(super) fn fd_datasync(
    _: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
) -> Result<(), Fault> {
    sync(&context.table.get(fd, Rights::FD_DATASYNC)?, false)
}

pub(super) fn fd_sync(_: &mut GuestMemory<'_>, context: &Context, fd: u32) -> Result<(), Fault> {
    sync(&context.table.get(fd, Rights::FD_SYNC)?, true)
}

/// A stream that ends in memory is always where it should be.
fn sync(entry: &Entry, metadata: bool) -> Result<(), Fault> {
    match entry.host() {
        Some(host) => Ok(file::sync(host, metadata)?),
        None => Ok(()),
    }
}

/// What `fd_fdstat_get` tells of a descriptor, but for what was given up.
struct FdStat {
    kind: FileType,
    flags: FdFlags,
    base: Rights,
    inheriting: Rights,
}

impl FdStat {
    fn of(entry: &Entry) -> Result<FdStat, Fault> {
        let host_flags = match entry.host() {
            Some(host) => file::flags(host)?,
            None => OFlags::empty(),
        };
        let mut flags = FdFlags::from_host(host_flags);
        let mut inheriting = Rights::empty();
        let (kind, mut base) = match &entry.descriptor {
            Descriptor::Stdin(stdin) => {
                flags.set(FdFlags::NONBLOCK, stdin.is_nonblocking());
                (stream_kind(entry)?, Rights::ANY | Rights::FD_READ)
            }
            Descriptor::Stdout(stdout) => {
                flags.set(FdFlags::NONBLOCK, stdout.is_nonblocking());
                (stream_kind(entry)?, Rights::ANY | Rights::FD_WRITE)
            }
            Descriptor::File(file) => {
                let rights = Rights::FILE | opened_for(host_flags);
                (file.kind(), permitted(rights, file.permissions()))
            }
            Descriptor::Directory(directory) => {
                inheriting = permitted(Rights::INHERITED, directory.permissions());
                let rights = permitted(Rights::DIRECTORY, directory.permissions());
                (FileType::Directory, rights)
            }
            Descriptor::Socket(socket) => (socket.kind()?, Rights::SOCKET),
        };
        // C programs take a character device without a position for a terminal,
        // and nothing else.
        let terminal = kind == FileType::CharacterDevice
            && entry.host().is_some_and(|host| host.is_terminal());
        base.set(Rights::POSITION, has_position(kind) && !terminal);
        Ok(FdStat {
            kind,
            flags,
            base: base - entry.revoked,
            inheriting: inheriting - entry.revoked_inheriting,
        })
    }
}

/// What is left of rights where nothing may change. C programs ask no one else whether
/// they may write to a file.
fn permitted(rights: Rights, permissions: FsPerms) -> Rights {
    match permissions {
        FsPerms::ReadOnly => rights - Rights::CHANGING - Rights::WRITING,
        FsPerms::ReadWrite => rights,
    }
}

fn stream_kind(entry: &Entry) -> Result<FileType, Fault> {
    match entry.host() {
        Some(host) => Ok(Stat::of(host)?.kind),
        None => Ok(FileType::Unknown),
    }
}

fn has_position(kind: FileType) -> bool {
    matches!(
        kind,
        FileType::RegularFile | FileType::BlockDevice | FileType::CharacterDevice
    )
}

fn opened_for(flags: OFlags) -> Rights {
    let access = flags & OFlags::RWMODE;
    if access == OFlags::WRONLY {
        Rights::WRITING
    } else if access == OFlags::RDWR {
        Rights::FD_READ | Rights::WRITING
    } else {
        Rights::FD_READ
    }
}

pub(super) fn fd_fdstat_get(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    stat: u32,
) -> Result<(), Fault> {
    let found = FdStat::of(&context.table.get(fd, Rights::empty())?)?;
    let record = types::encode_fdstat(found.kind, found.flags, found.base, found.inheriting);
    memory.write_record(stat, 8, &record)
}

pub(super) fn fd_fdstat_set_flags(
    _: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    flags: u32,
) -> Result<(), Fault> {
    let flags = FdFlags::from_guest(flags)?;
    let entry = context.table.get(fd, Rights::FD_FDSTAT_SET_FLAGS)?;
    let now = FdStat::of(&entry)?.flags;
    let nonblocking = flags.contains(FdFlags::NONBLOCK);
    match &entry.descriptor {
        Descriptor::Stdin(_) | Descriptor::Stdout(_)
            if !FdFlags::NONBLOCK.contains(flags ^ now) =>
        {
            return Err(Errno::NotSupported.into());
        }
        Descriptor::Stdin(stdin) => stdin.set_nonblocking(nonblocking),
        Descriptor::Stdout(stdout) => stdout.set_nonblocking(nonblocking),
        // The kernel changes some flags and ignores the others without a word. That may be when a program
        // asks for less than there is, not when it asks for more.
        _ => {
            let (wanted, now) = (flags.to_host(), now.to_host());
            if !FdFlags::CHANGEABLE.to_host().contains(wanted - now) {
                return Err(Errno::Invalid.into());
            }
            if let Some(host) = entry.host() {
                file::set_flags(host, wanted)?;
            }
        }
    }
    Ok(())
}

/// Rights can only be given up.
pub(super) fn fd_fdstat_set_rights(
    _: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    base: u64,
    inheriting: u64,
) -> Result<(), Fault> {
    let now = FdStat::of(&context.table.get(fd, Rights::empty())?)?;
    let base = Rights::from_bits_retain(base);
    let inheriting = Rights::from_bits_retain(inheriting);
    if !now.base.contains(base) || !now.inheriting.contains(inheriting) {
        return Err(Errno::NotCapable.into());
    }
    let inheriting = now.inheriting - inheriting;
    Ok(context.table.revoke(fd, now.base - base, inheriting)?)
}

pub(super) fn fd_filestat_get(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    stat: u32,
) -> Result<(), Fault> {
    let found = filestat(context, fd)?;
    memory.write_record(stat, 8, &types::encode_stat(&found))
}

/// What is known of what a descriptor stands for.
pub(crate) fn filestat(context: &Context, fd: u32) -> Result<Stat, Fault> {
    let entry = context.table.get(fd, Rights::FD_FILESTAT_GET)?;
    let mut found = match entry.host() {
        Some(host) => Stat::of(host)?,
        None => Stat::UNKNOWN,
    };
    if let Descriptor::Socket(socket) = &entry.descriptor {
        found.kind = socket.kind()?;
    }
    Ok(found)
}

pub(super) fn fd_filestat_set_size(
    _: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    size: u64,
) -> Result<(), Fault> {
    let file = context.table.file(fd, Rights::FD_FILESTAT_SET_SIZE)?;
    Ok(file.set_size(size)?)
}

pub(super) fn fd_filestat_set_times(
    _: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Result<(), Fault> {
    let (accessed, modified) = TimeFlags::from_guest(flags)?.changes(accessed, modified)?;
    let entry = context.table.get(fd, Rights::FD_FILESTAT_SET_TIMES)?;
    match &entry.descriptor {
        Descriptor::File(file) => Ok(file.set_times(accessed, modified)?),
        Descriptor::Directory(directory) => Ok(directory.set_times(accessed, modified)?),
        _ => Err(Errno::BadDescriptor.into()),
    }
}

fn preopen_name(context: &Context, fd: u32) -> Result<Arc<[u8]>, Errno> {
    let entry = context.table.get(fd, Rights::empty())?;
    // Guests look through the numbers until they get this very error.
    entry.preopen.ok_or(Errno::BadDescriptor)
}

pub(super) fn fd_prestat_get(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    prestat: u32,
) -> Result<(), Fault> {
    let length = preopen_name(context, fd)?.len();
    let length = u32::try_from(length).map_err(|_| Errno::Overflow)?;
    memory.write_record(prestat, 4, &types::encode_prestat(length))
}

pub(super) fn fd_prestat_dir_name(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Result<(), Fault> {
    let name = preopen_name(context, fd)?;
    if name.len() > path_len as usize {
        return Err(Errno::NameTooLong.into());
    }
    memory.write_record(path, 1, &name)
}
