//! Data on its way between a guest's buffers and the system.
//!
//! From and to a memory that is the guest's own, it moves directly. A shared one may
//! change under a system call, so there it is copied on the way.

use std::io::{IoSlice, IoSliceMut, Result as IoResult};
use std::ops::Range;

use smallvec::{SmallVec, smallvec};

use super::Fault;
use super::errno::Errno;
use super::memory::{Array, Bytes, GuestMemory};

/// How many buffers go to one system call without an allocation.
const FEW: usize = 8;
/// How many buffers Linux takes in one system call.
const BATCH: usize = 1024;
/// The most that one call transfers: lengths are 32 bits wide.
const MAX_TRANSFER: usize = 1 << 30;
/// The most that is copied for one system call.
const MAX_COPY: usize = 1 << 20;
/// More than the system takes for one message.
const MAX_MESSAGE: usize = 16 << 20;

/// The buffers that a guest named for one transfer.
#[derive(Clone, Copy)]
pub(crate) struct Buffers {
    list: Array<8>,
    count: usize,
}

/// How far a transfer has come: at a byte of a buffer.
#[derive(Clone, Copy, Default)]
struct Position {
    buffer: usize,
    byte: usize,
}

/// The buffers that go to one system call, none of them empty.
#[derive(Default)]
struct Batch {
    ranges: SmallVec<[Range<usize>; FEW]>,
    /// How many bytes the ranges hold together.
    wanted: usize,
}

impl GuestMemory<'_> {
    /// Takes a list of buffers from a guest.
    pub fn buffers(&self, list: u32, count: u32) -> Result<Buffers, Fault> {
        let list = self.array(list, count, 4)?;
        let count = count as usize;
        let buffers = Buffers { list, count };
        // Those of one batch are all checked before anything moves; here all others.
        let mut position = Position {
            buffer: BATCH,
            byte: 0,
        };
        while position.buffer < count {
            self.batch(buffers, &mut position, usize::MAX)?;
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
        mut read: impl FnMut(&mut [IoSliceMut<'_>], usize) -> IoResult<usize>,
    ) -> Result<u32, Fault> {
        let mut total = 0;
        let mut position = Position::default();
        loop {
            let limit = self.limit(total);
            let mut batch = self.batch(buffers, &mut position, limit)?;
            let done = self.read_batch(&mut batch, &mut position, |slices| read(slices, total));
            let done = partial(total, done)?;
            total += done;
            let all = position.buffer >= buffers.count;
            if once || done < batch.wanted || all || total == MAX_TRANSFER {
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
        mut write: impl FnMut(&[IoSlice<'_>], usize) -> IoResult<usize>,
    ) -> Result<u32, Fault> {
        let mut total = 0;
        let mut position = Position::default();
        loop {
            let batch = self.batch(buffers, &mut position, self.limit(total))?;
            let done = match &self.bytes {
                Bytes::Own(bytes) => {
                    let slice = |range: &Range<usize>| IoSlice::new(&bytes[range.clone()]);
                    let slices: SmallVec<[_; FEW]> = batch.ranges.iter().map(slice).collect();
                    write(&slices, total)
                }
                Bytes::Shared(_) => write(&[IoSlice::new(&self.gather(&batch))], total),
            };
            let done = partial(total, done)?;
            total += done;
            let all = position.buffer >= buffers.count;
            if done < batch.wanted || all || total == MAX_TRANSFER {
                return Ok(total as u32);
            }
        }
    }

    /// Fills the guest's buffers with one message, in one call of `read`: what a
    /// message has no room for is lost.
    pub fn fill_message(
        &mut self,
        buffers: Buffers,
        mut read: impl FnMut(&mut [IoSliceMut<'_>]) -> IoResult<usize>,
    ) -> Result<u32, Fault> {
        if self.goes_at_once(buffers) {
            return self.fill(buffers, true, |slices, _| read(slices));
        }
        let mut room = 0;
        self.each_batch(buffers, |_, batch| room += batch.wanted)?;
        let mut message = vec![0; room.min(MAX_MESSAGE)];
        let length = read(&mut [IoSliceMut::new(&mut message)])?;
        let mut rest = &message[..length];
        self.each_batch(buffers, |memory, batch| {
            let (part, others) = rest.split_at(batch.wanted.min(rest.len()));
            memory.scatter(&batch, part);
            rest = others;
        })?;
        Ok(length as u32)
    }

    /// Empties the guest's buffers in one call of `write`: what they hold is one
    /// message, and would be two in two calls.
    pub fn drain_message(
        &mut self,
        buffers: Buffers,
        mut write: impl FnMut(&[IoSlice<'_>]) -> IoResult<usize>,
    ) -> Result<u32, Fault> {
        if self.goes_at_once(buffers) {
            return self.drain(buffers, |slices, _| write(slices));
        }
        let (mut message, mut size) = (Vec::new(), 0);
        self.each_batch(buffers, |memory, batch| {
            size += batch.wanted;
            if size <= MAX_MESSAGE {
                message.extend(memory.gather(&batch));
            }
        })?;
        if size > MAX_MESSAGE {
            return Err(Fault::Errno(Errno::MessageSize));
        }
        Ok(write(&[IoSlice::new(&message)])? as u32)
    }

    /// Whether one system call takes all buffers as they are.
    fn goes_at_once(&self, buffers: Buffers) -> bool {
        buffers.count <= BATCH && matches!(self.bytes, Bytes::Own(_))
    }

    fn each_batch(
        &mut self,
        buffers: Buffers,
        mut visit: impl FnMut(&mut Self, Batch),
    ) -> Result<(), Fault> {
        let mut position = Position::default();
        while position.buffer < buffers.count {
            let batch = self.batch(buffers, &mut position, usize::MAX)?;
            visit(self, batch);
        }
        Ok(())
    }

    /// How much may move in the next system call.
    fn limit(&self, total: usize) -> usize {
        match self.bytes {
            Bytes::Own(_) => MAX_TRANSFER - total,
            Bytes::Shared(_) => MAX_COPY.min(MAX_TRANSFER - total),
        }
    }

    fn read_batch(
        &mut self,
        batch: &mut Batch,
        position: &mut Position,
        read: impl FnOnce(&mut [IoSliceMut<'_>]) -> IoResult<usize>,
    ) -> IoResult<usize> {
        match &mut self.bytes {
            Bytes::Own(bytes) => {
                let order = in_order(&batch.ranges).unwrap_or_else(|| {
                    // Buffers that overlap cannot be borrowed together. The first is
                    // filled: to fill fewer than all is always allowed.
                    batch.ranges.truncate(1);
                    batch.wanted = batch.ranges[0].len();
                    position.buffer = usize::MAX;
                    smallvec![0]
                });
                read(&mut borrow(bytes, &batch.ranges, &order))
            }
            Bytes::Shared(_) => {
                let mut copy = vec![0; batch.wanted];
                let done = read(&mut [IoSliceMut::new(&mut copy)])?;
                self.scatter(batch, &copy[..done]);
                Ok(done)
            }
        }
    }

    /// A copy of what the buffers hold.
    fn gather(&self, batch: &Batch) -> Vec<u8> {
        let mut copy = vec![0; batch.wanted];
        let mut rest = copy.as_mut_slice();
        for range in &batch.ranges {
            let (part, others) = rest.split_at_mut(range.len());
            self.bytes.read(range.start, part);
            rest = others;
        }
        copy
    }

    /// Copies to the buffers, of which the last ones may get nothing.
    fn scatter(&mut self, batch: &Batch, mut bytes: &[u8]) {
        for range in &batch.ranges {
            let (part, others) = bytes.split_at(range.len().min(bytes.len()));
            self.bytes.write(range.start, part);
            bytes = others;
        }
    }

    /// The next buffers from `position` on, at most `limit` bytes together.
    fn batch(
        &self,
        buffers: Buffers,
        position: &mut Position,
        limit: usize,
    ) -> Result<Batch, Fault> {
        let mut batch = Batch::default();
        while batch.ranges.len() < BATCH && position.buffer < buffers.count && batch.wanted < limit
        {
            let [p0, p1, p2, p3, l0, l1, l2, l3] = self.element(buffers.list, position.buffer);
            let pointer = u32::from_le_bytes([p0, p1, p2, p3]);
            let length = u32::from_le_bytes([l0, l1, l2, l3]);
            let mut range = self.range(pointer, u64::from(length), 1)?;
            // The list is the guest's, and another of its threads may have changed it.
            range.start = range.end.min(range.start + position.byte);
            let fits = range.len().min(limit - batch.wanted);
            *position = match fits == range.len() {
                true => Position {
                    buffer: position.buffer + 1,
                    byte: 0,
                },
                false => Position {
                    byte: position.byte + fits,
                    ..*position
                },
            };
            range.end = range.start + fits;
            if !range.is_empty() {
                batch.wanted += range.len();
                batch.ranges.push(range);
            }
        }
        Ok(batch)
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
fn partial(total: usize, result: IoResult<usize>) -> Result<usize, Fault> {
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
    fn a_shared_memory_is_copied_from_and_to() {
        let engine = mainspring::Engine::new(mainspring::Config::new().shared_memory(true));
        let ty = mainspring::MemoryType::shared(64, 64);
        let shared = mainspring::SharedMemory::new(&engine.unwrap(), ty).unwrap();
        // Two buffers that hold more than is copied at once, and some small ones.
        let list = [(1000, 7), (3 << 20, 1 << 20), (1 << 20, 1 << 20), (2000, 3)];
        let bytes = memory_with(&list);
        shared.write(0, &bytes).unwrap();
        let mut memory = GuestMemory::shared(shared.clone());
        let buffers = memory.buffers(0, 4).unwrap();
        let all = (2 << 20) + 10;
        let source: Vec<u8> = (0..all).map(|i| (i % 251) as u8).collect();

        let mut sizes = Vec::new();
        let read = |slices: &mut [IoSliceMut<'_>], total: usize| {
            sizes.push(slices[0].len());
            let part = &source[total..][..slices[0].len()];
            slices[0].copy_from_slice(part);
            Ok(part.len())
        };
        assert_eq!(memory.fill(buffers, false, read).unwrap() as usize, all);
        assert_eq!(sizes, [MAX_COPY, MAX_COPY, 10]);
        let mut found = [0; 3];
        shared.read(2000, &mut found).unwrap();
        assert_eq!(found, source[all - 3..]);

        let mut sunk = Vec::new();
        let write = |slices: &[IoSlice<'_>], _: usize| {
            sunk.extend_from_slice(&slices[0]);
            Ok(slices[0].len())
        };
        assert_eq!(memory.drain(buffers, write).unwrap() as usize, all);
        assert!(sunk == source);
        // A message is one, however long.
        let mut message = Vec::new();
        let write = |slices: &[IoSlice<'_>]| {
            message.extend_from_slice(&slices[0]);
            Ok(slices[0].len())
        };
        assert_eq!(memory.drain_message(buffers, write).unwrap() as usize, all);
        assert!(message == source);
        assert!(is_trap(memory.buffers(64 << 16, 1)));
    }
}
