//! Clocks. The precision that a guest would be content with is ignored: to read
//! a clock exactly costs nothing.

use super::memory::GuestMemory;
use super::{Context, Fault};
use crate::host::clocks::Clock;

pub(super) fn clock_res_get(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    id: u32,
    resolution: u32,
) -> Result<(), Fault> {
    let step = context.clocks.resolution(Clock::from_guest(id)?);
    memory.write_u64(resolution, step)
}

pub(super) fn clock_time_get(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    id: u32,
    _precision: u64,
    time: u32,
) -> Result<(), Fault> {
    let now = context.clocks.now(Clock::from_guest(id)?);
    memory.write_u64(time, now)
}
