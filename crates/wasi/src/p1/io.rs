//! Reading, writing and positions.
//!
//! Data moves between the guest's memory and the descriptor directly: a plain
//! file takes one system call and nothing is copied or allocated on the way.

use rustix::event::PollFlags;
use rustix::fs::SeekFrom;
use rustix::net::RecvFlags;

use super::errno::Errno;
use super::memory::GuestMemory;
use super::sock;
use super::table::{Descriptor, Table};
use super::types::Rights;
use super::{Context, Fault};
use crate::host::file::{self, File};
use crate::host::poll;
use crate::host::stat::FileType;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

pub(super) fn fd_read(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    read: u32,
) -> Result<(), Fault> {
    let buffers = memory.buffers(iovs, iovs_len)?;
    let entry = context.table.get(fd, Rights::FD_READ)?;
    let count = match &entry.descriptor {
        Descriptor::File(file) => {
            let once = may_wait(file);
            memory.fill(buffers, once, |slices, _| file.read(slices))?
        }
        Descriptor::Stdin(stdin) => {
            if stdin.is_nonblocking() {
                require_ready(stdin.stream.descriptor(), PollFlags::IN)?;
            }
            memory.fill(buffers, true, |slices, _| stdin.stream.read(slices))?
        }
        Descriptor::Socket(socket) => sock::receive(memory, socket, buffers, RecvFlags::empty())?.0,
        Descriptor::Directory(_) => return Err(Errno::IsDirectory.into()),
        Descriptor::Stdout(_) => return Err(Errno::BadDescriptor.into()),
    };
    memory.write_u32(read, count)
}

pub(super) fn fd_write(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    written: u32,
) -> Result<(), Fault> {
    let buffers = memory.buffers(iovs, iovs_len)?;
    let entry = context.table.get(fd, Rights::FD_WRITE)?;
    let count = match &entry.descriptor {
        Descriptor::File(file) => memory.drain(buffers, |slices, _| file.write(slices))?,
        Descriptor::Stdout(stdout) => {
            if stdout.is_nonblocking() {
                require_ready(stdout.stream.descriptor(), PollFlags::OUT)?;
            }
            memory.drain(buffers, |slices, _| stdout.stream.write(slices))?
        }
        Descriptor::Socket(socket) => sock::send(memory, socket, buffers)?,
        // Neither can be open for writing.
        Descriptor::Directory(_) | Descriptor::Stdin(_) => {
            return Err(Errno::BadDescriptor.into());
        }
    };
    memory.write_u32(written, count)
}

pub(super) fn fd_pread(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    offset: u64,
    read: u32,
) -> Result<(), Fault> {
    let buffers = memory.buffers(iovs, iovs_len)?;
    let file = positioned(&context.table, fd, Rights::FD_READ | Rights::FD_SEEK)?;
    let count = memory.fill(buffers, may_wait(&file), |slices, done| {
        file.read_at(slices, offset.saturating_add(done as u64))
    })?;
    memory.write_u32(read, count)
}

pub(super) fn fd_pwrite(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    offset: u64,
    written: u32,
) -> Result<(), Fault> {
    let buffers = memory.buffers(iovs, iovs_len)?;
    let file = positioned(&context.table, fd, Rights::FD_WRITE | Rights::FD_SEEK)?;
    let count = memory.drain(buffers, |slices, done| {
        file.write_at(slices, offset.saturating_add(done as u64))
    })?;
    memory.write_u32(written, count)
}

pub(crate) fn fd_seek(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    offset: i64,
    whence: u32,
    position: u32,
) -> Result<(), Fault> {
    let (to, right) = match (whence, offset) {
        (0, _) => {
            let offset = u64::try_from(offset).map_err(|_| Errno::Invalid)?;
            (SeekFrom::Start(offset), Rights::FD_SEEK)
        }
        (1, 0) => (SeekFrom::Current(0), Rights::FD_TELL),
        (1, _) => (SeekFrom::Current(offset), Rights::FD_SEEK),
        (2, _) => (SeekFrom::End(offset), Rights::FD_SEEK),
        _ => return Err(Errno::Invalid.into()),
    };
    let found = seek(&context.table, fd, to, right)?;
    memory.write_u64(position, found)
}

pub(super) fn fd_tell(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    position: u32,
) -> Result<(), Fault> {
    let found = seek(&context.table, fd, SeekFrom::Current(0), Rights::FD_TELL)?;
    memory.write_u64(position, found)
}

fn seek(table: &Table, fd: u32, to: SeekFrom, right: Rights) -> Result<u64, Fault> {
    let entry = table.get(fd, right)?;
    match (&entry.descriptor, entry.host()) {
        // A directory's position is a matter of `fd_readdir`'s cookies.
        (Descriptor::Directory(_), _) => Err(Errno::BadDescriptor.into()),
        (_, Some(host)) => Ok(file::seek(host, to)?),
        (_, None) => Err(Errno::IllegalSeek.into()),
    }
}

/// A file that is read or written at an offset; streams and sockets have none.
fn positioned(table: &Table, fd: u32, rights: Rights) -> Result<Arc<File>, Fault> {
    match table.get(fd, rights)?.descriptor {
        Descriptor::File(file) => Ok(file),
        Descriptor::Directory(_) if rights.contains(Rights::FD_WRITE) => {
            Err(Errno::BadDescriptor.into())
        }
        Descriptor::Directory(_) => Err(Errno::IsDirectory.into()),
        _ => Err(Errno::IllegalSeek.into()),
    }
}

/// Whether to ask for more, once something was read, could wait for it.
fn may_wait(file: &File) -> bool {
    file.kind() != FileType::RegularFile
}

fn require_ready(host: Option<BorrowedFd<'_>>, how: PollFlags) -> Result<(), Fault> {
    match host {
        Some(host) if !poll::is_ready(host, how)? => Err(Errno::Again.into()),
        _ => Ok(()),
    }
}
