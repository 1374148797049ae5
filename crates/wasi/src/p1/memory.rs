//! The guest's memory, as the host may touch it: every pointer and length comes
//! from the guest and is checked before use.
//!
//! A pointer that leads out of the memory, or is not aligned as its type demands,
//! traps, as preview 1 has it. The slices that are handed out borrow the store
//! exclusively: until they are given back no guest code can run and the memory
//! can neither grow nor move, even while a system call fills it.

use std::ffi::OsStr;
use std::io::{IoSlice, IoSliceMut};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use mainspring::format_err;

use super::Fault;
use super::errno::Errno;

/// How many buffers go to one system call.
const BATCH: usize = 8;
/// How many buffers one call of a guest may name, as on Linux.
const MAX_BUFFERS: u32 = 1024;
/// The longest path that Linux takes, without the NUL.
const MAX_PATH: u32 = 4095;
/// The most that one call transfers: lengths are 32 bits wide.
const MAX_TRANSFER: usize = 1 << 30;

/// All of a guest's memory for the time of one call.
pub(crate) struct GuestMemory<'a> {
    bytes: &'a mut [u8],
}

/// The buffers that a guest named for one transfer.
#[derive(Clone, Copy)]
pub(crate) struct Buffers {
    list: u32,
    count: u32,
}

/// The buffers that go to one system call. Unused places are empty ranges at
/// zero, which overlap nothing.
#[derive(Default)]
struct Batch {
    ranges: [Range<usize>; BATCH],
    used: usize,
    /// How many bytes the ranges hold together.
    wanted: usize,
}

impl<'a> GuestMemory<'a> {
    pub fn new(bytes: &'a mut [u8]) -> GuestMemory<'a> {
        GuestMemory { bytes }
    }

    pub fn slice(&self, pointer: u32, length: u32) -> Result<&[u8], Fault> {
        let range = self.range(pointer, u64::from(length), 1)?;
        Ok(&self.bytes[range])
    }

    pub fn slice_mut(&mut self, pointer: u32, length: u32) -> Result<&mut [u8], Fault> {
        let range = self.range(pointer, u64::from(length), 1)?;
        Ok(&mut self.bytes[range])
    }

    pub fn write_u16(&mut self, pointer: u32, value: u16) -> Result<(), Fault> {
        self.write_record(pointer, 2, &value.to_le_bytes())
    }

    pub fn write_u32(&mut self, pointer: u32, value: u32) -> Result<(), Fault> {
        self.write_record(pointer, 4, &value.to_le_bytes())
    }

    pub fn write_u64(&mut self, pointer: u32, value: u64) -> Result<(), Fault> {
        self.write_record(pointer, 8, &value.to_le_bytes())
    }

    /// Writes a value that the guest expects to be aligned.
    pub fn write_record(
        &mut self,
        pointer: u32,
        alignment: u32,
        record: &[u8],
    ) -> Result<(), Fault> {
        let range = self.range(pointer, record.len() as u64, alignment)?;
        self.bytes[range].copy_from_slice(record);
        Ok(())
    }

    /// An array of `count` values of `SIZE` bytes each.
    pub fn array<const SIZE: usize>(
        &self,
        pointer: u32,
        count: u32,
        alignment: u32,
    ) -> Result<&[[u8; SIZE]], Fault> {
        let range = self.range(pointer, u64::from(count) * SIZE as u64, alignment)?;
        Ok(self.bytes[range].as_chunks().0)
    }

    /// Like [`array`](Self::array), to write to.
    pub fn array_mut<const SIZE: usize>(
        &mut self,
        pointer: u32,
        count: u32,
        alignment: u32,
    ) -> Result<&mut [[u8; SIZE]], Fault> {
        let range = self.range(pointer, u64::from(count) * SIZE as u64, alignment)?;
        Ok(self.bytes[range].as_chunks_mut().0)
    }

    /// A path, which in preview 1 is UTF-8. It may still be anything that UTF-8
    /// can spell: it is the host's part to resolve it safely.
    pub fn path(&self, pointer: u32, length: u32) -> Result<&Path, Fault> {
        let bytes = self.slice(pointer, length)?;
        if length > MAX_PATH {
            return Err(Fault::Errno(Errno::NameTooLong));
        }
        if std::str::from_utf8(bytes).is_err() {
            return Err(Fault::Errno(Errno::IllegalSequence));
        }
        if bytes.contains(&0) {
            return Err(Fault::Errno(Errno::Invalid));
        }
        Ok(Path::new(OsStr::from_bytes(bytes)))
    }

    /// Takes a list of buffers from a guest.
    pub fn buffers(&self, list: u32, count: u32) -> Result<Buffers, Fault> {
        self.range(list, u64::from(count) * 8, 4)?;
        if count > MAX_BUFFERS {
            return Err(Fault::Errno(Errno::Invalid));
        }
        Ok(Buffers { list, count })
    }

    /// Fills the guest's buffers: `read` fills what it is given from the front
    /// and says how much that was, and is called again for the next buffers while
    /// it fills everything. `once` is for sources that would wait for more.
    pub fn fill(
        &mut self,
        buffers: Buffers,
        once: bool,
        mut read: impl FnMut(&mut [IoSliceMut<'_>], usize) -> std::io::Result<usize>,
    ) -> Result<u32, Fault> {
        let mut total = 0;
        let mut next = 0;
        loop {
            let batch = self.batch(buffers, &mut next, MAX_TRANSFER - total)?;
            let mut wanted = batch.wanted;
            let done = match self.bytes.get_disjoint_mut(batch.ranges.clone()) {
                Ok(slices) => {
                    let mut slices = slices.map(IoSliceMut::new);
                    read(&mut slices[..batch.used], total)
                }
                // Buffers that overlap cannot be borrowed together. The first is
                // filled: to fill fewer than all is always allowed.
                Err(_) => {
                    let [first, ..] = batch.ranges;
                    wanted = first.len();
                    next = buffers.count;
                    read(&mut [IoSliceMut::new(&mut self.bytes[first])], total)
                }
            };
            let done = partial(total, done)?;
            total += done;
            if once || done < wanted || next == buffers.count || total == MAX_TRANSFER {
                return Ok(total as u32);
            }
        }
    }

    /// Empties the guest's buffers: `write` takes what it is given from the front
    /// and says how much that was, and is called again for the next buffers while
    /// it takes everything.
    pub fn drain(
        &self,
        buffers: Buffers,
        mut write: impl FnMut(&[IoSlice<'_>], usize) -> std::io::Result<usize>,
    ) -> Result<u32, Fault> {
        let mut total = 0;
        let mut next = 0;
        loop {
            let batch = self.batch(buffers, &mut next, MAX_TRANSFER - total)?;
            let slices = batch.ranges.map(|range| IoSlice::new(&self.bytes[range]));
            let done = partial(total, write(&slices[..batch.used], total))?;
            total += done;
            if done < batch.wanted || next == buffers.count || total == MAX_TRANSFER {
                return Ok(total as u32);
            }
        }
    }

    /// The next buffers from number `next` on, at most `limit` bytes together.
    fn batch(&self, buffers: Buffers, next: &mut u32, limit: usize) -> Result<Batch, Fault> {
        let list = self.array::<8>(buffers.list, buffers.count, 4)?;
        let mut batch = Batch::default();
        while batch.used < BATCH && *next < buffers.count && batch.wanted < limit {
            let [p0, p1, p2, p3, l0, l1, l2, l3] = list[*next as usize];
            let pointer = u32::from_le_bytes([p0, p1, p2, p3]);
            let length = u32::from_le_bytes([l0, l1, l2, l3]);
            let mut range = self.range(pointer, u64::from(length), 1)?;
            range.end = range.start + range.len().min(limit - batch.wanted);
            *next += 1;
            if !range.is_empty() {
                batch.wanted += range.len();
                batch.ranges[batch.used] = range;
                batch.used += 1;
            }
        }
        Ok(batch)
    }

    /// The only place where a guest's number becomes an index.
    fn range(&self, pointer: u32, length: u64, alignment: u32) -> Result<Range<usize>, Fault> {
        if !pointer.is_multiple_of(alignment) {
            return Err(Fault::Trap(format_err!(
                "the guest's pointer {pointer:#x} is not aligned to {alignment} bytes"
            )));
        }
        let end = u64::from(pointer) + length;
        if end > self.bytes.len() as u64 {
            return Err(self.outside(pointer, length));
        }
        Ok(pointer as usize..end as usize)
    }

    #[cold]
    fn outside(&self, pointer: u32, length: u64) -> Fault {
        let size = self.bytes.len();
        let hint = match size {
            0 => " (a WASI module exports its memory under the name `memory`)",
            _ => "",
        };
        Fault::Trap(format_err!(
            "the guest's pointer {pointer:#x} with {length} bytes behind it leads out of \
             its memory of {size} bytes{hint}"
        ))
    }
}

/// Once something was transferred an error has to wait for the next call.
fn partial(total: usize, result: std::io::Result<usize>) -> Result<usize, Fault> {
    match result {
        Err(_) if total > 0 => Ok(0),
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory of 256 bytes with a list of buffers at zero.
    fn memory_with(list: &[(u32, u32)]) -> Vec<u8> {
        let mut bytes = vec![0; 256];
        for (i, (pointer, length)) in list.iter().enumerate() {
            bytes[i * 8..i * 8 + 4].copy_from_slice(&pointer.to_le_bytes());
            bytes[i * 8 + 4..i * 8 + 8].copy_from_slice(&length.to_le_bytes());
        }
        bytes
    }

    fn is_trap<T>(result: Result<T, Fault>) -> bool {
        matches!(result, Err(Fault::Trap(_)))
    }

    #[test]
    fn pointers_are_checked() {
        let mut bytes = vec![0; 64];
        let mut memory = GuestMemory::new(&mut bytes);
        assert!(memory.slice(60, 4).is_ok());
        assert!(memory.slice(64, 0).is_ok());
        assert!(is_trap(memory.slice(61, 4)));
        assert!(is_trap(memory.slice(65, 0)));
        assert!(is_trap(memory.slice(u32::MAX, u32::MAX)));
        assert!(is_trap(memory.write_u32(62, 1)));
        assert!(is_trap(memory.write_u64(60, 1)));
        assert!(is_trap(memory.array::<48>(0, u32::MAX, 8).map(|_| ())));
        assert!(is_trap(memory.buffers(0, u32::MAX).map(|_| ())));
    }

    #[test]
    fn more_buffers_than_a_batch_are_filled_in_order() {
        let list: Vec<(u32, u32)> = (0..12).map(|i| (128 + i * 3, 3)).collect();
        let mut bytes = memory_with(&list);
        let mut memory = GuestMemory::new(&mut bytes);
        let buffers = memory.buffers(0, 12).unwrap();
        let mut source = (1..=30u8).collect::<std::collections::VecDeque<u8>>();
        let read = |slices: &mut [IoSliceMut<'_>], _: usize| {
            std::io::Read::read_vectored(&mut source, slices)
        };
        // Some sources fill one buffer only; take what comes.
        let filled = memory.fill(buffers, false, read).unwrap();
        assert!(filled > 0 && filled <= 30);
        for i in 0..filled as usize {
            assert_eq!(bytes[128 + i], i as u8 + 1);
        }
    }

    #[test]
    fn overlapping_buffers_are_read_into_one_at_a_time() {
        let mut bytes = memory_with(&[(128, 8), (132, 8)]);
        let mut memory = GuestMemory::new(&mut bytes);
        let buffers = memory.buffers(0, 2).unwrap();
        let read = |slices: &mut [IoSliceMut<'_>], _: usize| {
            slices.iter_mut().for_each(|slice| slice.fill(9));
            Ok(slices.iter().map(|slice| slice.len()).sum())
        };
        assert_eq!(memory.fill(buffers, false, read).unwrap(), 8);
        assert_eq!(&bytes[128..140], [9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0]);
    }

    #[test]
    fn a_buffer_outside_of_memory_traps_before_anything_moves() {
        let mut bytes = memory_with(&[(128, 8), (252, 8)]);
        let memory = GuestMemory::new(&mut bytes);
        let buffers = memory.buffers(0, 2).unwrap();
        let result = memory.drain(buffers, |_, _| panic!("nothing may be written"));
        assert!(is_trap(result));
    }

    #[test]
    fn an_error_after_some_bytes_is_kept_for_the_next_call() {
        let list = [(128, 4); 9];
        let mut bytes = memory_with(&list);
        let memory = GuestMemory::new(&mut bytes);
        let buffers = memory.buffers(0, 9).unwrap();
        let write = |slices: &[IoSlice<'_>], total: usize| match total {
            0 => Ok(slices.iter().map(|slice| slice.len()).sum()),
            _ => Err(std::io::ErrorKind::StorageFull.into()),
        };
        assert_eq!(memory.drain(buffers, write).unwrap(), 32);
    }

    #[test]
    fn paths_are_utf8_without_nul_and_not_too_long() {
        let mut bytes = vec![b'a'; 1 << 16];
        bytes[0] = 0xff;
        bytes[10] = 0;
        let memory = GuestMemory::new(&mut bytes);
        let errno = |pointer, length| match memory.path(pointer, length) {
            Err(Fault::Errno(errno)) => Some(errno),
            _ => None,
        };
        assert_eq!(errno(0, 4), Some(Errno::IllegalSequence));
        assert_eq!(errno(5, 10), Some(Errno::Invalid));
        assert_eq!(errno(16, 4096), Some(Errno::NameTooLong));
        assert_eq!(errno(16, 4095), None);
    }
}
