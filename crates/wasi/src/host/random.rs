//! Random bytes from the kernel, fit for keys.

use std::io;

use rustix::io::retry_on_intr;
use rustix::rand::{GetRandomFlags, getrandom};

/// Fills all of `buffer`.
pub(crate) fn fill(mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        let filled = retry_on_intr(|| getrandom(&mut *buffer, GetRandomFlags::empty()))?;
        buffer = &mut buffer[filled..];
    }
    Ok(())
}
