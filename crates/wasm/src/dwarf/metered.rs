//! Reading that ends after some time, whatever there is to read.
//!
//! A few bytes of DWARF can ask for any amount of work: units that share long tables, entries whose attributes take no room,
//! the same list of ranges again and again. So each step of reading costs, and when nothing is left all reading fails.

use gimli::{Error, LittleEndian, Reader, ReaderOffsetId, Result};
use std::borrow::Cow;
use std::cell::Cell;

/// How many steps there are for one question. A unit of twenty megabytes takes about as many, and they take about a
/// tenth of a second.
const STEPS: usize = 1 << 24;

/// How much may still be read.
#[derive(Debug)]
pub(super) struct Meter(Cell<usize>);

impl Default for Meter {
    fn default() -> Meter {
        Meter(Cell::new(STEPS))
    }
}

impl Meter {
    /// Takes some steps.
    ///
    /// # Errors
    /// If they are more than are left. Then none are.
    pub fn charge(&self, steps: usize) -> Result<()> {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        match left {
            Some(_) => Ok(()),
            None => Err(Error::UnexpectedEof(ReaderOffsetId(0))),
        }
    }
}

/// Bytes that are read by a meter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metered<'a> {
    bytes: &'a [u8],
    meter: &'a Meter,
}

impl<'a> Metered<'a> {
    pub fn new(bytes: &'a [u8], meter: &'a Meter) -> Metered<'a> {
        Metered { bytes, meter }
    }

    /// The first bytes, which are taken away.
    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        self.meter.charge(1)?;
        let taken = self.bytes.split_at_checked(len);
        let (taken, rest) = taken.ok_or(Error::UnexpectedEof(self.offset_id()))?;
        self.bytes = rest;
        Ok(taken)
    }
}

impl Reader for Metered<'_> {
    type Endian = LittleEndian;
    type Offset = usize;

    fn endian(&self) -> LittleEndian {
        LittleEndian
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn empty(&mut self) {
        // It still has a place, that others are measured from.
        self.bytes = &self.bytes[self.bytes.len()..];
    }

    fn truncate(&mut self, len: usize) -> Result<()> {
        let all = self.bytes;
        self.bytes = all
            .get(..len)
            .ok_or(Error::UnexpectedEof(self.offset_id()))?;
        Ok(())
    }

    fn offset_from(&self, base: &Self) -> usize {
        self.bytes.as_ptr() as usize - base.bytes.as_ptr() as usize
    }

    fn offset_id(&self) -> ReaderOffsetId {
        ReaderOffsetId(self.bytes.as_ptr() as u64)
    }

    fn lookup_offset_id(&self, id: ReaderOffsetId) -> Option<usize> {
        let offset = id.0.checked_sub(self.bytes.as_ptr() as u64)? as usize;
        (offset <= self.bytes.len()).then_some(offset)
    }

    fn find(&self, byte: u8) -> Result<usize> {
        let found = self.bytes.iter().position(|&other| other == byte);
        self.meter.charge(found.unwrap_or(self.bytes.len()) / 8)?;
        found.ok_or(Error::UnexpectedEof(self.offset_id()))
    }

    fn skip(&mut self, len: usize) -> Result<()> {
        self.take(len).map(|_| ())
    }

    fn split(&mut self, len: usize) -> Result<Self> {
        let bytes = self.take(len)?;
        Ok(Metered { bytes, ..*self })
    }

    fn to_slice(&self) -> Result<Cow<'_, [u8]>> {
        Ok(Cow::Borrowed(self.bytes))
    }

    fn to_string(&self) -> Result<Cow<'_, str>> {
        let text = std::str::from_utf8(self.bytes);
        text.map(Cow::Borrowed).map_err(|_| Error::BadUtf8)
    }

    fn to_string_lossy(&self) -> Result<Cow<'_, str>> {
        self.meter.charge(self.bytes.len())?;
        Ok(String::from_utf8_lossy(self.bytes))
    }

    fn read_slice(&mut self, buffer: &mut [u8]) -> Result<()> {
        buffer.copy_from_slice(self.take(buffer.len())?);
        Ok(())
    }

    fn read_u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }
}
