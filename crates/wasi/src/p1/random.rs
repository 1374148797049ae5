//! Random bytes.

use mainspring::format_err;

use super::memory::GuestMemory;
use super::{Context, Fault};

/// A guest that asks for more than it may have at once is trapped: no call may keep
/// the host busy for as long as the guest likes.
pub(super) fn random_get(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    buf: u32,
    buf_len: u32,
) -> Result<(), Fault> {
    let limit = context.max_random_size;
    if u64::from(buf_len) > limit {
        return Err(Fault::Trap(format_err!(
            "requested length {buf_len} exceeds the limit of {limit} random bytes at once"
        )));
    }
    memory.make(buf, buf_len, |bytes| context.random.fill(bytes))
}
