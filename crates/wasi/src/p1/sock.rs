//! Sockets: those that the embedder granted and the connections that they accept.

use std::io::IoSliceMut;
use std::sync::Arc;

use rustix::net::{RecvFlags, Shutdown};

use super::errno::Errno;
use super::memory::GuestMemory;
use super::table::{Descriptor, Entry};
use super::transfer::Buffers;
use super::types::{FdFlags, ReceiveFlags, Rights, ShutdownFlags};
use super::{Context, Fault};
use crate::host::sockets::Socket;

/// The one flag that `sock_recv` returns: the rest of a datagram was lost.
const DATA_TRUNCATED: u16 = 1;

pub(super) fn sock_accept(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    flags: u32,
    connection: u32,
) -> Result<(), Fault> {
    let flags = FdFlags::from_guest(flags)?;
    if !FdFlags::NONBLOCK.contains(flags) {
        return Err(Errno::Invalid.into());
    }
    let number = context.table.free_number()?;
    let listener = context.table.socket(fd, Rights::SOCK_ACCEPT)?;
    let nonblocking = flags.contains(FdFlags::NONBLOCK);
    let accepted = listener.accept(nonblocking, context.address_check.as_ref())?;
    let entry = Entry::new(Descriptor::Socket(Arc::new(accepted)));
    memory.write_u32(connection, number.put(entry))
}

/// Returns the number of bytes, and whether the rest of a datagram was lost.
pub(super) fn receive(
    memory: &mut GuestMemory<'_>,
    socket: &Socket,
    buffers: Buffers,
    flags: RecvFlags,
) -> Result<(u32, bool), Fault> {
    let mut lost = false;
    let mut read = |slices: &mut [IoSliceMut<'_>]| {
        let (count, truncated) = socket.receive(slices, flags)?;
        lost = truncated;
        Ok(count)
    };
    let count = match socket.keeps_messages() {
        true => memory.fill_message(buffers, read)?,
        false => memory.fill(buffers, true, |slices, _| read(slices))?,
    };
    Ok((count, lost))
}

pub(super) fn send(
    memory: &mut GuestMemory<'_>,
    socket: &Socket,
    buffers: Buffers,
) -> Result<u32, Fault> {
    match socket.keeps_messages() {
        true => memory.drain_message(buffers, |slices| socket.send(slices)),
        false => memory.drain(buffers, |slices, _| socket.send(slices)),
    }
}

#[expect(clippy::too_many_arguments)]
pub(super) fn sock_recv(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    flags: u32,
    received: u32,
    flags_out: u32,
) -> Result<(), Fault> {
    let flags = ReceiveFlags::from_guest(flags)?;
    let mut host_flags = RecvFlags::empty();
    host_flags.set(RecvFlags::PEEK, flags.contains(ReceiveFlags::PEEK));
    host_flags.set(RecvFlags::WAITALL, flags.contains(ReceiveFlags::WAIT_ALL));

    let buffers = memory.buffers(iovs, iovs_len)?;
    let socket = context.table.socket(fd, Rights::FD_READ)?;
    let (count, lost) = receive(memory, &socket, buffers, host_flags)?;
    memory.write_u32(received, count)?;
    memory.write_u16(flags_out, if lost { DATA_TRUNCATED } else { 0 })
}

pub(super) fn sock_send(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    flags: u32,
    sent: u32,
) -> Result<(), Fault> {
    // Preview 1 defines no flag.
    if flags != 0 {
        return Err(Errno::Invalid.into());
    }
    let buffers = memory.buffers(iovs, iovs_len)?;
    let socket = context.table.socket(fd, Rights::FD_WRITE)?;
    let count = send(memory, &socket, buffers)?;
    memory.write_u32(sent, count)
}

pub(super) fn sock_shutdown(
    _: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    how: u32,
) -> Result<(), Fault> {
    let how = ShutdownFlags::from_guest(how)?;
    let receive = how.contains(ShutdownFlags::RECEIVE);
    let send = how.contains(ShutdownFlags::SEND);
    let how = match (receive, send) {
        (true, true) => Shutdown::Both,
        (true, false) => Shutdown::Read,
        (false, true) => Shutdown::Write,
        (false, false) => return Err(Errno::Invalid.into()),
    };
    let socket = context.table.socket(fd, Rights::SOCK_SHUTDOWN)?;
    Ok(socket.shutdown(how)?)
}
