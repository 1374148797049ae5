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
use smallvec::{SmallVec, smallvec};

use super::Fault;
use super::errno::Errno;

/// How many buffers go to one system call without an allocation.
const FEW: usize = 8;
/// How many buffers Linux takes in one system call.
const BATCH: usize = 1024;
/// The longest path that Linux takes, without the NUL.
const MAX_PATH: u32 = 4095;
/// The most that one call transfers: lengths are 32 bits wide.
const MAX_TRANSFER: usize = 1 << 30;
/// More than the system takes for one message.
const MAX_MESSAGE: usize = 16 << 20;

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

/// The buffers that go to one system call, none of them empty.
#[derive(Default)]
struct Batch {
    ranges: SmallVec<[Range<usize>; FEW]>,
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
        let buffers = Buffers { list, count };
        // Those of one batch are all checked before anything moves; here all others.
        let mut next = BATCH as u32;
        while next < count {
            self.batch(buffers, &mut next, usize::MAX)?;
        }
        Ok(buffers)
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
            let mut batch = self.batch(buffers, &mut next, MAX_TRANSFER - total)?;
            let order = in_order(&batch.ranges).unwrap_or_else(|| {
                // Buffers that overlap cannot be borrowed together. The first is
                // filled: to fill fewer than all is always allowed.
                batch.ranges.truncate(1);
                batch.wanted = batch.ranges[0].len();
                next = buffers.count;
                smallvec![0]
            });
            let mut slices = borrow(self.bytes, &batch.ranges, &order);
            let done = read(&mut slices, total);
            let done = partial(total, done)?;
            total += done;
            if once || done < batch.wanted || next == buffers.count || total == MAX_TRANSFER {
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
            let done = partial(total, write(&self.slices(&batch), total))?;
            total += done;
            if done < batch.wanted || next == buffers.count || total == MAX_TRANSFER {
                return Ok(total as u32);
            }
        }
    }

    /// Fills the guest's buffers with one message, in one call of `read`: what a
    /// message has no room for is lost.
    pub fn fill_message(
        &mut self,
        buffers: Buffers,
        mut read: impl FnMut(&mut [IoSliceMut<'_>]) -> std::io::Result<usize>,
    ) -> Result<u32, Fault> {
        if buffers.count as usize <= BATCH {
            return self.fill(buffers, true, |slices, _| read(slices));
        }
        let mut room = 0;
        self.each_batch(buffers, |_, batch| room += batch.wanted)?;
        let mut message = vec![0; room.min(MAX_MESSAGE)];
        let length = read(&mut [IoSliceMut::new(&mut message)])?;
        let mut rest = &message[..length];
        self.each_batch(buffers, |bytes, batch| {
            for range in batch.ranges {
                let (part, others) = rest.split_at(range.len().min(rest.len()));
                bytes[range][..part.len()].copy_from_slice(part);
                rest = others;
            }
        })?;
        Ok(length as u32)
    }

    /// Empties the guest's buffers in one call of `write`: what they hold is one
    /// message, and would be two in two calls.
    pub fn drain_message(
        &mut self,
        buffers: Buffers,
        mut write: impl FnMut(&[IoSlice<'_>]) -> std::io::Result<usize>,
    ) -> Result<u32, Fault> {
        if buffers.count as usize <= BATCH {
            return self.drain(buffers, |slices, _| write(slices));
        }
        let mut size = 0;
        self.each_batch(buffers, |_, batch| size += batch.wanted)?;
        if size > MAX_MESSAGE {
            return Err(Fault::Errno(Errno::MessageSize));
        }
        let mut message = Vec::with_capacity(size);
        self.each_batch(buffers, |bytes, batch| {
            for range in batch.ranges {
                message.extend_from_slice(&bytes[range]);
            }
        })?;
        Ok(write(&[IoSlice::new(&message)])? as u32)
    }

    fn each_batch(
        &mut self,
        buffers: Buffers,
        mut visit: impl FnMut(&mut [u8], Batch),
    ) -> Result<(), Fault> {
        let mut next = 0;
        while next < buffers.count {
            let batch = self.batch(buffers, &mut next, usize::MAX)?;
            visit(self.bytes, batch);
        }
        Ok(())
    }

    fn slices(&self, batch: &Batch) -> SmallVec<[IoSlice<'_>; FEW]> {
        let slice = |range: &Range<usize>| IoSlice::new(&self.bytes[range.clone()]);
        batch.ranges.iter().map(slice).collect()
    }

    /// The next buffers from number `next` on, at most `limit` bytes together.
    fn batch(&self, buffers: Buffers, next: &mut u32, limit: usize) -> Result<Batch, Fault> {
        let list = self.array::<8>(buffers.list, buffers.count, 4)?;
        let mut batch = Batch::default();
        while batch.ranges.len() < BATCH && *next < buffers.count && batch.wanted < limit {
            let [p0, p1, p2, p3, l0, l1, l2, l3] = list[*next as usize];
            let pointer = u32::from_le_bytes([p0, p1, p2, p3]);
            let length = u32::from_le_bytes([l0, l1, l2, l3]);
            let mut range = self.range(pointer, u64::from(length), 1)?;
            range.end = range.start + range.len().min(limit - batch.wanted);
            *next += 1;
            if !range.is_empty() {
                batch.wanted += range.len();
                batch.ranges.push(range);
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

/// The numbers of ranges, none of them empty, in the order in which they lie in
/// memory; `None` if some overlap.
fn in_order(ranges: &[Range<usize>]) -> Option<SmallVec<[usize; FEW]>> {
    let mut order: SmallVec<[usize; FEW]> = (0..ranges.len()).collect();
    order.sort_unstable_by_key(|&nth| ranges[nth].start);
    let apart = |pair: &[usize]| ranges[pair[0]].end <= ranges[pair[1]].start;
    order.windows(2).all(apart).then_some(order)
}

/// Borrows ranges that do not overlap, all at once.
fn borrow<'a>(
    bytes: &'a mut [u8],
    ranges: &[Range<usize>],
    order: &[usize],
) -> SmallVec<[IoSliceMut<'a>; FEW]> {
    let nothing = ranges.iter().map(|_| IoSliceMut::new(&mut []));
    let mut slices: SmallVec<[IoSliceMut<'a>; FEW]> = nothing.collect();
    let (mut rest, mut at) = (bytes, 0);
    for &nth in order {
        let range = &ranges[nth];
        let (_, from_here) = rest.split_at_mut(range.start - at);
        let (slice, behind) = from_here.split_at_mut(range.len());
        slices[nth] = IoSliceMut::new(slice);
        (rest, at) = (behind, range.end);
    }
    slices
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

    /// Memory of 256 bytes, or more, with a list of buffers at zero.
    fn memory_with(list: &[(u32, u32)]) -> Vec<u8> {
        let mut bytes = vec![0; 256.max(list.len() * 8)];
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
        // The last buffer comes first in memory.
        let count = 3 * BATCH as u32 + 5;
        let data = 8 * count;
        let list: Vec<(u32, u32)> = (0..count).map(|i| (data + (count - i) * 2, 2)).collect();
        let mut bytes = memory_with(&list);
        bytes.resize(data as usize * 2, 0);
        let mut memory = GuestMemory::new(&mut bytes);
        let buffers = memory.buffers(0, count).unwrap();
        let (mut calls, mut value) = (0, 0);
        let read = |slices: &mut [IoSliceMut<'_>], _: usize| {
            calls += 1;
            assert!(slices.len() <= BATCH);
            for slice in slices.iter_mut() {
                value = (value + 1) % 251;
                slice.fill(value);
            }
            Ok(2 * slices.len())
        };
        assert_eq!(memory.fill(buffers, false, read).unwrap(), 2 * count);
        assert_eq!(calls, 4);
        for (i, (pointer, _)) in list.iter().enumerate() {
            let value = ((i + 1) % 251) as u8;
            assert_eq!(bytes[*pointer as usize..][..2], [value, value], "{i}");
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
        let list = vec![(0, 4); BATCH + 1];
        let mut bytes = memory_with(&list);
        let memory = GuestMemory::new(&mut bytes);
        let buffers = memory.buffers(0, list.len() as u32).unwrap();
        let write = |slices: &[IoSlice<'_>], total: usize| match total {
            0 => Ok(slices.iter().map(|slice| slice.len()).sum()),
            _ => Err(std::io::ErrorKind::StorageFull.into()),
        };
        assert_eq!(memory.drain(buffers, write).unwrap(), 4 * BATCH as u32);
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
