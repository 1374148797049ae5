//! Random bytes.

use super::memory::GuestMemory;
use super::{Fault, WasiP1Ctx};
use crate::host::random;

pub(super) fn random_get(
    memory: &mut GuestMemory<'_>,
    _: &mut WasiP1Ctx,
    buf: u32,
    buf_len: u32,
) -> Result<(), Fault> {
    Ok(random::fill(memory.slice_mut(buf, buf_len)?)?)
}
