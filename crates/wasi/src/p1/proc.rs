//! The end of a guest, and its place among others.

use mainspring::Error;

use super::errno::Errno;
use super::memory::GuestMemory;
use super::{Context, Fault};
use crate::exit::I32Exit;

/// What `proc_exit` raises.
pub(super) fn exit(status: u32) -> Error {
    Error::from(I32Exit(status as i32))
}

/// A guest has no handlers, so a signal does what it does to a process without
/// any: nothing, or the end with the status that shells report for it. A guest
/// cannot be stopped and continued.
pub(super) fn proc_raise(_: &mut GuestMemory<'_>, _: &Context, signal: u32) -> Result<(), Fault> {
    // Preview 1 numbers signals as Linux does on x86, up to `sys`, but has no
    // `stkflt`, which is Linux's 16.
    match signal {
        // none, chld, cont, urg, winch
        0 | 16 | 17 | 22 | 27 => Ok(()),
        // stop, tstp, ttin, ttou
        18..=21 => Err(Fault::Errno(Errno::NotSupported)),
        1..=15 => Err(Fault::Trap(exit(128 + signal))),
        23..=30 => Err(Fault::Trap(exit(128 + signal + 1))),
        _ => Err(Fault::Errno(Errno::Invalid)),
    }
}

pub(super) fn sched_yield(_: &mut GuestMemory<'_>, _: &Context) -> Result<(), Fault> {
    std::thread::yield_now();
    Ok(())
}
