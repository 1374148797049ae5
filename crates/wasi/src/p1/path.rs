//! Paths. Each is relative to a directory's descriptor; what may be reached
//! through it is decided in `host/directory.rs`.

// The functions take what the specification passes.
#![expect(clippy::too_many_arguments)]

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use super::errno::Errno;
use super::memory::GuestMemory;
use super::table::{Descriptor, Entry};
use super::types::{self, FdFlags, LookupFlags, OpenFlags, Rights, TimeFlags};
use super::{Context, Fault};
use crate::host::directory::{OpenRequest, Opened};
use crate::host::permissions::FsPerms;
use crate::host::stat::Stat;

pub(super) fn path_create_directory(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Result<(), Fault> {
    let directory = context.table.directory(fd, Rights::PATH_CREATE_DIRECTORY)?;
    Ok(directory.create_directory(&memory.path(path, path_len)?)?)
}

pub(super) fn path_filestat_get(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    lookup: u32,
    path: u32,
    path_len: u32,
    stat: u32,
) -> Result<(), Fault> {
    let found = filestat(memory, context, fd, lookup, path, path_len)?;
    memory.write_record(stat, 8, &types::encode_stat(&found))
}

/// What is known of what a path leads to.
pub(crate) fn filestat(
    memory: &GuestMemory<'_>,
    context: &Context,
    fd: u32,
    lookup: u32,
    path: u32,
    path_len: u32,
) -> Result<Stat, Fault> {
    let follow = follows(lookup)?;
    let directory = context.table.directory(fd, Rights::PATH_FILESTAT_GET)?;
    Ok(directory.stat_path(&memory.path(path, path_len)?, follow)?)
}

pub(super) fn path_filestat_set_times(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    lookup: u32,
    path: u32,
    path_len: u32,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Result<(), Fault> {
    let follow = follows(lookup)?;
    let (accessed, modified) = TimeFlags::from_guest(flags)?.changes(accessed, modified)?;
    let directory = context
        .table
        .directory(fd, Rights::PATH_FILESTAT_SET_TIMES)?;
    let path = memory.path(path, path_len)?;
    Ok(directory.set_path_times(&path, follow, accessed, modified)?)
}

/// A symbolic link is linked to itself; preview 1's flag to link what it leads to
/// is refused, as it is by other runtimes.
pub(super) fn path_link(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    lookup: u32,
    path: u32,
    path_len: u32,
    new_fd: u32,
    new_path: u32,
    new_path_len: u32,
) -> Result<(), Fault> {
    if follows(lookup)? {
        return Err(Errno::Invalid.into());
    }
    let source = context.table.directory(fd, Rights::PATH_LINK_SOURCE)?;
    let target = context.table.directory(new_fd, Rights::PATH_LINK_TARGET)?;
    let path = memory.path(path, path_len)?;
    let new_path = memory.path(new_path, new_path_len)?;
    Ok(source.hard_link(&path, &target, &new_path)?)
}

pub(super) fn path_open(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    lookup: u32,
    path: u32,
    path_len: u32,
    open_flags: u32,
    rights: u64,
    _inheriting: u64,
    fd_flags: u32,
    opened: u32,
) -> Result<(), Fault> {
    let open_flags = OpenFlags::from_guest(open_flags)?;
    let fd_flags = FdFlags::from_guest(fd_flags)?;
    let creation = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE;
    if open_flags.contains(OpenFlags::DIRECTORY) && open_flags.intersects(creation) {
        return Err(Errno::Invalid.into());
    }

    // What the rights ask for decides between reading and writing. They limit the
    // new descriptor no further: programs ask for fewer than they use.
    let rights = Rights::from_bits_retain(rights);
    let mut request = OpenRequest {
        read: rights.intersects(Rights::FD_READ | Rights::FD_READDIR),
        write: rights.intersects(Rights::WRITING),
        follow: follows(lookup)?,
        flags: open_flags.to_host() | fd_flags.to_host(),
    };
    let mut needed = Rights::PATH_OPEN;
    needed.set(
        Rights::PATH_CREATE_FILE,
        open_flags.contains(OpenFlags::CREATE),
    );
    needed.set(
        Rights::PATH_FILESTAT_SET_SIZE,
        open_flags.contains(OpenFlags::TRUNCATE),
    );

    let number = context.table.free_number()?;
    let parent = context.table.get(fd, needed)?;
    let Descriptor::Directory(directory) = &parent.descriptor else {
        return Err(Errno::NotDirectory.into());
    };
    if parent.revoked_inheriting.intersects(rights) {
        return Err(Errno::NotCapable.into());
    }
    request.write |= asked_to_write(rights, directory.permissions());
    let descriptor = match directory.open(&memory.path(path, path_len)?, request)? {
        Opened::File(file) => Descriptor::File(Arc::new(file)),
        Opened::Directory(directory) => Descriptor::Directory(Arc::new(directory)),
    };
    let mut entry = Entry::new(descriptor);
    entry.revoked = parent.revoked_inheriting;
    entry.revoked_inheriting = parent.revoked_inheriting;
    memory.write_u32(opened, number.put(entry))
}

/// Whether a program wants to write in a read-only directory. The C library asks for no
/// more rights than are inherited, so that only this one tells that it was to open a
/// file for writing, which has to fail.
fn asked_to_write(rights: Rights, permissions: FsPerms) -> bool {
    permissions.write_not_permitted() && rights.contains(Rights::FD_DATASYNC)
}

/// A target that is longer than the buffer is cut off, as by `readlink`; programs
/// come back with more room.
pub(super) fn path_readlink(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    path: u32,
    path_len: u32,
    buf: u32,
    buf_len: u32,
    used: u32,
) -> Result<(), Fault> {
    let directory = context.table.directory(fd, Rights::PATH_READLINK)?;
    let target = directory.read_link(&memory.path(path, path_len)?)?;
    let target = target.as_os_str().as_bytes();
    let mut room = memory.room(buf, buf_len)?;
    memory.write_room(&mut room, target);
    memory.write_u32(used, buf_len - room.len() as u32)
}

pub(super) fn path_remove_directory(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Result<(), Fault> {
    let directory = context.table.directory(fd, Rights::PATH_REMOVE_DIRECTORY)?;
    Ok(directory.remove_directory(&memory.path(path, path_len)?)?)
}

pub(super) fn path_rename(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    path: u32,
    path_len: u32,
    new_fd: u32,
    new_path: u32,
    new_path_len: u32,
) -> Result<(), Fault> {
    let source = context.table.directory(fd, Rights::PATH_RENAME_SOURCE)?;
    let target = context
        .table
        .directory(new_fd, Rights::PATH_RENAME_TARGET)?;
    let path = memory.path(path, path_len)?;
    let new_path = memory.path(new_path, new_path_len)?;
    Ok(source.rename(&path, &target, &new_path)?)
}

pub(super) fn path_symlink(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    target: u32,
    target_len: u32,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Result<(), Fault> {
    let directory = context.table.directory(fd, Rights::PATH_SYMLINK)?;
    let target = memory.path(target, target_len)?;
    Ok(directory.symlink(&target, &memory.path(path, path_len)?)?)
}

pub(super) fn path_unlink_file(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Result<(), Fault> {
    let directory = context.table.directory(fd, Rights::PATH_UNLINK_FILE)?;
    Ok(directory.unlink_file(&memory.path(path, path_len)?)?)
}

fn follows(lookup: u32) -> Result<bool, Errno> {
    Ok(LookupFlags::from_guest(lookup)?.contains(LookupFlags::SYMLINK_FOLLOW))
}
