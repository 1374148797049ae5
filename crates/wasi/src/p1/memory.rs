//! A guest's memory, as the host may touch it: every pointer and length comes
//! from the guest and is checked before use.
//!
//! A pointer that leads out of the memory, or is not aligned as its type demands,
//! traps, as preview 1 has it. Of a memory that is the guest's own, slices are handed
//! out. They borrow the store exclusively: until they are given back no guest code can
//! run and the memory can neither grow nor move, even while a system call fills it.
//! What other threads share is only ever copied from and to.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use mainspring::{SharedMemory, format_err};

use super::Fault;
use super::errno::Errno;

/// The longest path that Linux takes, without the NUL.
const MAX_PATH: u32 = 4095;
/// How much is copied to a shared memory at a time.
pub(super) const PORTION: usize = 1 << 16;

/// All of a guest's memory for the time of one call.
pub(crate) struct GuestMemory<'a> {
    pub(super) bytes: Bytes<'a>,
}

pub(super) enum Bytes<'a> {
    Own(&'a mut [u8]),
    Shared(SharedMemory),
}

impl Bytes<'_> {
    fn len(&self) -> usize {
        match self {
            Bytes::Own(bytes) => bytes.len(),
            Bytes::Shared(memory) => memory.data_size(),
        }
    }

    /// Copies from a range that is inside; memories don't shrink.
    pub fn read(&self, at: usize, buffer: &mut [u8]) {
        match self {
            Bytes::Own(bytes) => buffer.copy_from_slice(&bytes[at..at + buffer.len()]),
            Bytes::Shared(memory) => memory.read(at, buffer).expect("the range was checked"),
        }
    }

    /// Copies to a range that is inside.
    pub fn write(&mut self, at: usize, buffer: &[u8]) {
        match self {
            Bytes::Own(bytes) => bytes[at..at + buffer.len()].copy_from_slice(buffer),
            Bytes::Shared(memory) => memory.write(at, buffer).expect("the range was checked"),
        }
    }
}

impl<'a> GuestMemory<'a> {
    pub fn new(bytes: &'a mut [u8]) -> GuestMemory<'a> {
        GuestMemory {
            bytes: Bytes::Own(bytes),
        }
    }

    pub fn shared(memory: SharedMemory) -> GuestMemory<'static> {
        GuestMemory {
            bytes: Bytes::Shared(memory),
        }
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
        self.bytes.write(range.start, record);
        Ok(())
    }

    /// Checks that there is an array of `count` values of `SIZE` bytes each.
    pub fn array<const SIZE: usize>(
        &self,
        pointer: u32,
        count: u32,
        alignment: u32,
    ) -> Result<Array<SIZE>, Fault> {
        let range = self.range(pointer, u64::from(count) * SIZE as u64, alignment)?;
        Ok(Array {
            start: range.start,
            count: count as usize,
        })
    }

    /// The element number `nth` of an array that is there.
    pub fn element<const SIZE: usize>(&self, array: Array<SIZE>, nth: usize) -> [u8; SIZE] {
        let mut element = [0; SIZE];
        self.bytes.read(array.at(nth), &mut element);
        element
    }

    /// Sets the element number `nth` of an array that is there.
    pub fn set_element<const SIZE: usize>(
        &mut self,
        array: Array<SIZE>,
        nth: usize,
        element: &[u8; SIZE],
    ) {
        self.bytes.write(array.at(nth), element);
    }

    /// Checks that there is room for `length` bytes, for [`write_room`](Self::write_room).
    pub fn room(&self, pointer: u32, length: u32) -> Result<Range<usize>, Fault> {
        self.range(pointer, u64::from(length), 1)
    }

    /// Writes as much as fits at the front of the room that is there, and takes that off it.
    pub fn write_room(&mut self, room: &mut Range<usize>, bytes: &[u8]) {
        let fits = bytes.len().min(room.len());
        self.bytes.write(room.start, &bytes[..fits]);
        room.start += fits;
    }

    /// Has `length` bytes made by `make`, in some portions.
    pub fn make(
        &mut self,
        pointer: u32,
        length: u32,
        mut make: impl FnMut(&mut [u8]) -> io::Result<()>,
    ) -> Result<(), Fault> {
        let mut room = self.room(pointer, length)?;
        match &mut self.bytes {
            Bytes::Own(bytes) => make(&mut bytes[room])?,
            Bytes::Shared(_) => {
                let mut portion = vec![0; room.len().min(PORTION)];
                while !room.is_empty() {
                    let fits = portion.len().min(room.len());
                    make(&mut portion[..fits])?;
                    self.write_room(&mut room, &portion[..fits]);
                }
            }
        }
        Ok(())
    }

    /// A path, which in preview 1 is UTF-8. It may still be anything that UTF-8
    /// can spell: it is the host's part to resolve it safely.
    pub fn path(&self, pointer: u32, length: u32) -> Result<Cow<'_, Path>, Fault> {
        let range = self.range(pointer, u64::from(length), 1)?;
        if length > MAX_PATH {
            return Err(Fault::Errno(Errno::NameTooLong));
        }
        let bytes = match &self.bytes {
            Bytes::Own(bytes) => Cow::Borrowed(&bytes[range]),
            Bytes::Shared(_) => {
                let mut copy = vec![0; range.len()];
                self.bytes.read(range.start, &mut copy);
                Cow::Owned(copy)
            }
        };
        if std::str::from_utf8(&bytes).is_err() {
            return Err(Fault::Errno(Errno::IllegalSequence));
        }
        if bytes.contains(&0) {
            return Err(Fault::Errno(Errno::Invalid));
        }
        Ok(match bytes {
            Cow::Borrowed(bytes) => Path::new(OsStr::from_bytes(bytes)).into(),
            Cow::Owned(bytes) => PathBuf::from(OsString::from_vec(bytes)).into(),
        })
    }

    /// The only place where a guest's number becomes an index.
    pub(super) fn range(
        &self,
        pointer: u32,
        length: u64,
        alignment: u32,
    ) -> Result<Range<usize>, Fault> {
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

/// Where an array of values of `SIZE` bytes lies, all of it in memory.
#[derive(Clone, Copy)]
pub(crate) struct Array<const SIZE: usize> {
    start: usize,
    count: usize,
}

impl<const SIZE: usize> Array<SIZE> {
    fn at(self, nth: usize) -> usize {
        assert!(nth < self.count, "element {nth} of {}", self.count);
        self.start + nth * SIZE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_trap<T>(result: Result<T, Fault>) -> bool {
        matches!(result, Err(Fault::Trap(_)))
    }

    #[test]
    fn pointers_are_checked() {
        let mut bytes = vec![0; 64];
        let mut memory = GuestMemory::new(&mut bytes);
        assert!(memory.room(60, 4).is_ok());
        assert!(memory.room(64, 0).is_ok());
        assert!(is_trap(memory.room(61, 4)));
        assert!(is_trap(memory.room(65, 0)));
        assert!(is_trap(memory.room(u32::MAX, u32::MAX)));
        assert!(is_trap(memory.write_u32(62, 1)));
        assert!(is_trap(memory.write_u64(60, 1)));
        assert!(is_trap(memory.array::<48>(0, u32::MAX, 8).map(|_| ())));
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
