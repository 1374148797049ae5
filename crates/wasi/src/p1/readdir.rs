//! `fd_readdir`: entries of a directory, packed into the guest's buffer.

use std::ops::ControlFlow;

use super::memory::GuestMemory;
use super::types::{self, Rights};
use super::{Context, Fault};

/// Fills the buffer with entries one behind the other. The last one may be cut
/// off anywhere, and then the buffer is full; that is how the guest knows that
/// there is more, and it comes back with the last whole entry's cookie.
pub(super) fn fd_readdir(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    fd: u32,
    buf: u32,
    buf_len: u32,
    cookie: u64,
    used: u32,
) -> Result<(), Fault> {
    let directory = context.table.directory(fd, Rights::FD_READDIR)?;
    let mut room = memory.room(buf, buf_len)?;
    directory.read_entries(cookie, room.len(), |entry| {
        let length = entry.name.len() as u32;
        let head = types::encode_dirent(entry.next, entry.inode, length, entry.kind);
        memory.write_room(&mut room, &head);
        memory.write_room(&mut room, entry.name);
        match room.is_empty() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    memory.write_u32(used, buf_len - room.len() as u32)
}
