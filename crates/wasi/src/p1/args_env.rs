//! Arguments and environment. Both are lists of strings that a guest asks the
//! size of, and then has copied into its memory.

use super::errno::Errno;
use super::memory::GuestMemory;
use super::{Context, Fault};

/// A list of strings in the form that guests want it: one behind the other, each
/// with a NUL at its end.
pub(crate) struct Strings {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Strings {
    pub fn new(strings: &[Vec<u8>]) -> Strings {
        let mut list = Strings {
            bytes: Vec::new(),
            starts: Vec::new(),
        };
        for string in strings {
            list.starts.push(list.bytes.len());
            list.bytes.extend_from_slice(string);
            list.bytes.push(0);
        }
        list
    }

    fn sizes(&self) -> Result<(u32, u32), Fault> {
        let narrow = |size| u32::try_from(size).map_err(|_| Fault::Errno(Errno::Overflow));
        Ok((narrow(self.starts.len())?, narrow(self.bytes.len())?))
    }

    fn write_sizes(
        &self,
        memory: &mut GuestMemory<'_>,
        count: u32,
        size: u32,
    ) -> Result<(), Fault> {
        let (strings, bytes) = self.sizes()?;
        memory.write_u32(count, strings)?;
        memory.write_u32(size, bytes)
    }

    /// Writes the strings to `buffer` and a pointer to each of them to `pointers`.
    fn write(&self, memory: &mut GuestMemory<'_>, pointers: u32, buffer: u32) -> Result<(), Fault> {
        let (count, _) = self.sizes()?;
        memory.write_record(buffer, 1, &self.bytes)?;
        let pointers = memory.array::<4>(pointers, count, 4)?;
        for (nth, start) in self.starts.iter().enumerate() {
            // Cannot overflow: the strings were just written behind `buffer`.
            let pointer = buffer + *start as u32;
            memory.set_element(pointers, nth, &pointer.to_le_bytes());
        }
        Ok(())
    }
}

pub(super) fn args_get(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    argv: u32,
    argv_buf: u32,
) -> Result<(), Fault> {
    context.args.write(memory, argv, argv_buf)
}

pub(super) fn args_sizes_get(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    argc: u32,
    argv_buf_size: u32,
) -> Result<(), Fault> {
    context.args.write_sizes(memory, argc, argv_buf_size)
}

pub(super) fn environ_get(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    environ: u32,
    environ_buf: u32,
) -> Result<(), Fault> {
    context.env.write(memory, environ, environ_buf)
}

pub(super) fn environ_sizes_get(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    count: u32,
    environ_buf_size: u32,
) -> Result<(), Fault> {
    context.env.write_sizes(memory, count, environ_buf_size)
}
