//! One entry as a file.
//!
//! ```text
//!    0  magic
//!    8  checksum of all that follows
//!   16  format, then zeros
//!   24  length of the payload
//!   32  key
//!   64  zeros
//! 4096  payload, to the end of the file
//! ```
//!
//! Numbers are little-endian. The checksum finds damage; against intent stand owner and rights of the file.

use super::Key;
use mainspring_platform::pages::MappedFile;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const MAGIC: [u8; 8] = *b"\x7fMSCACHE";
/// Changes whenever the format does.
const FORMAT: u32 = 2;
const HEADER_LEN: usize = Entry::PAYLOAD_AT as usize;
/// What the checksum covers begins here.
const SUMMED_FROM: usize = 16;

/// An entry of the cache: its file, opened and mapped. It stays as it is, whatever becomes of the cache.
#[derive(Debug)]
pub struct Entry {
    file: File,
    mapped: MappedFile,
}

impl Entry {
    /// Where in the file the payload begins: where a page does, so that its pages can be mapped executable.
    pub const PAYLOAD_AT: u64 = 4096;

    /// What it is stored under.
    pub(super) fn key(&self) -> Key {
        let key = self.mapped.bytes()[32..].first_chunk();
        Key::from_bytes(*key.expect("it has a header"))
    }

    /// What was stored.
    pub fn payload(&self) -> &[u8] {
        &self.mapped.bytes()[HEADER_LEN..]
    }

    /// Says that a range of the payload is not read soon, or in another way: it need not count as the process's memory.
    pub fn release(&self, range: Range<usize>) {
        self.mapped
            .release(range.start + HEADER_LEN..range.end + HEADER_LEN);
    }

    /// The file, open for reading.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Checks and maps an entry's file; `None` if it isn't whole or isn't that of the key. An error
    /// says nothing about the file.
    pub(super) fn open(file: File, key: &Key) -> io::Result<Option<Entry>> {
        let mut start = [0; HEADER_LEN];
        match file.read_exact_at(&mut start, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            result => result?,
        }
        let Some(payload) = (file.metadata()?.len() as usize).checked_sub(HEADER_LEN) else {
            return Ok(None);
        };
        // All but the checksum is known beforehand.
        let mut expected = header(key, payload);
        expected[8..SUMMED_FROM].copy_from_slice(&start[8..SUMMED_FROM]);
        if start != expected {
            return Ok(None);
        }
        // SAFETY: no other user can write the file, and this one's processes never write to or
        // truncate a file that has an entry's name: it is complete when it is renamed to it.
        let mapped = unsafe { MappedFile::open(&file) }?;
        let sum = xxh3_64(&mapped.bytes()[SUMMED_FROM..]);
        let whole = start[8..SUMMED_FROM] == sum.to_le_bytes();
        Ok(whole.then_some(Entry { file, mapped }))
    }
}

/// The length of an entry's file.
pub(super) fn file_len(payload: usize) -> u64 {
    Entry::PAYLOAD_AT.saturating_add(payload as u64)
}

/// A header but for its checksum.
fn header(key: &Key, payload: usize) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..8].copy_from_slice(&MAGIC);
    header[16..20].copy_from_slice(&FORMAT.to_le_bytes());
    header[24..32].copy_from_slice(&(payload as u64).to_le_bytes());
    header[32..64].copy_from_slice(key.as_bytes());
    header
}

/// What an entry is to hold. It need not be in memory as a whole.
pub trait Payload {
    /// How many bytes.
    fn size(&self) -> usize;

    /// Writes so many bytes.
    ///
    /// # Errors
    /// If they can't be had or written.
    fn write(&self, to: &mut dyn Write) -> io::Result<()>;
}

impl<T: AsRef<[u8]> + ?Sized> Payload for T {
    fn size(&self) -> usize {
        self.as_ref().len()
    }

    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(self.as_ref())
    }
}

/// Sums up what goes into a file.
struct Summed<'a> {
    file: &'a mut File,
    sum: Xxh3,
    len: u64,
}

impl Write for Summed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sum.update(&bytes[..written]);
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes an entry into an empty file.
pub(super) fn write(file: &mut File, key: &Key, payload: &dyn Payload) -> io::Result<()> {
    let mut header = header(key, payload.size());
    let mut sum = Xxh3::new();
    sum.update(&header[SUMMED_FROM..]);
    file.seek(SeekFrom::Start(Entry::PAYLOAD_AT))?;
    let mut summed = Summed { file, sum, len: 0 };
    payload.write(&mut summed)?;
    if summed.len != payload.size() as u64 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    header[8..SUMMED_FROM].copy_from_slice(&summed.sum.digest().to_le_bytes());
    file.write_all_at(&header, 0)
}
