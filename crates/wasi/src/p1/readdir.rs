//! `fd_readdir`: entries of a directory, packed into the guest's buffer.

use std::ops::ControlFlow;

use super::memory::GuestMemory;
use super::types::{self, Rights};
use super::{Fault, WasiP1Ctx};

/// Fills the buffer with entries one behind the other. The last one may be cut
/// off anywhere, and then the buffer is full; that is how the guest knows that
/// there is more, and it comes back with the last whole entry's cookie.
pub(super) fn fd_readdir(
    memory: &mut GuestMemory<'_>,
    context: &mut WasiP1Ctx,
    fd: u32,
    buf: u32,
    buf_len: u32,
    cookie: u64,
    used: u32,
) -> Result<(), Fault> {
    let directory = context.table.directory_mut(fd, Rights::FD_READDIR)?;
    let buffer = memory.slice_mut(buf, buf_len)?;
    let mut filled = 0;
    directory.read_entries(cookie, buffer.len(), |entry| {
        let length = entry.name.len() as u32;
        let head = types::encode_dirent(entry.next, entry.inode, length, entry.kind);
        for part in [&head[..], entry.name] {
            let room = &mut buffer[filled..];
            let fits = part.len().min(room.len());
            room[..fits].copy_from_slice(&part[..fits]);
            filled += fits;
        }
        match filled < buffer.len() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    memory.write_u32(used, filled as u32)
}
