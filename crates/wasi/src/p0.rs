//! `wasi_unstable`, the version before `wasi_snapshot_preview1`, which older programs
//! import. Most of it is the same; here is what was different: the layout of a file's
//! description and of a clock's subscription, and the numbers of where to seek from.

use mainspring::{Linker, Result};

use crate::p1::errno::Errno;
use crate::p1::memory::GuestMemory;
use crate::p1::poll::Arrays;
use crate::p1::types::{self, Subscription};
use crate::p1::{self, Context, Fault, WasiP1Ctx};

/// Defines all of `wasi_unstable` in a linker, beside whatever else it has. `context`
/// finds the guest's [`WasiP1Ctx`] in the data of its store.
///
/// # Errors
///
/// If the linker has one of the functions already, and does not allow shadowing.
pub fn add_to_linker_sync<T: Send + 'static>(
    linker: &mut Linker<T>,
    context: impl Fn(&mut T) -> &mut WasiP1Ctx + Copy + Send + Sync + 'static,
) -> Result<()> {
    const VERSION: &str = "wasi_unstable";
    p1::link_what_never_changed(linker, VERSION, context)?;
    p1::define! {
        linker, VERSION, context;
        changed::fd_filestat_get(fd: u32, stat: u32);
        changed::fd_seek(fd: u32, offset: i64, whence: u32, position: u32);
        changed::path_filestat_get(fd: u32, lookup: u32, path: u32, path_len: u32, stat: u32);
        changed::poll_oneoff(subscriptions: u32, events: u32, count: u32, happened: u32);
    }
    Ok(())
}

/// The functions that are not what they are in preview 1.
mod changed {
    use super::*;

    pub fn fd_filestat_get(
        memory: &mut GuestMemory<'_>,
        context: &Context,
        fd: u32,
        stat: u32,
    ) -> Result<(), Fault> {
        let found = p1::fd::filestat(context, fd)?;
        memory.write_record(stat, 8, &types::encode_unstable_stat(&found))
    }

    pub fn path_filestat_get(
        memory: &mut GuestMemory<'_>,
        context: &Context,
        fd: u32,
        lookup: u32,
        path: u32,
        path_len: u32,
        stat: u32,
    ) -> Result<(), Fault> {
        let found = p1::path::filestat(memory, context, fd, lookup, path, path_len)?;
        memory.write_record(stat, 8, &types::encode_unstable_stat(&found))
    }

    pub fn fd_seek(
        memory: &mut GuestMemory<'_>,
        context: &Context,
        fd: u32,
        offset: i64,
        whence: u32,
        position: u32,
    ) -> Result<(), Fault> {
        // Preview 1 begins with the start of the file, this ended with it.
        let whence = match whence {
            0 => 1,
            1 => 2,
            2 => 0,
            _ => return Err(Errno::Invalid.into()),
        };
        p1::io::fd_seek(memory, context, fd, offset, whence, position)
    }

    pub fn poll_oneoff(
        memory: &mut GuestMemory<'_>,
        context: &Context,
        subscriptions: u32,
        events: u32,
        count: u32,
        happened: u32,
    ) -> Result<(), Fault> {
        let arrays = Arrays {
            subscriptions,
            events,
            count,
            happened,
            decode: decode_subscription,
        };
        p1::poll::wait_for_any(memory, context, arrays)
    }

    /// Clocks had an identifier of the guest's in front, which nothing came of.
    fn decode_subscription(bytes: &[u8; 56]) -> Result<Subscription, Errno> {
        Subscription::decode_with(bytes, 24)
    }
}
