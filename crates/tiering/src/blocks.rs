//! The hashes of a module's bytes, block by block: by them a part of a file can be told to be what it was, without
//! the rest.

use crate::cache::Key;
use mainspring_wasm::has_threads;
use rayon::prelude::*;
use std::ops::Range;

/// Bytes of a block: few enough that reading a body costs little, and so many that the hashes are a small part of a
/// module's description.
pub(crate) const BLOCK: usize = 16 << 10;

/// From so many bytes on, other threads help to hash. Waking them costs about as much as hashing some hundred
/// kilobytes.
const HELP_FROM: usize = 1 << 20;

/// The length of some bytes, and the BLAKE3 hash of each block of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Blocks {
    len: usize,
    hashes: Vec<Key>,
}

impl Blocks {
    pub fn of(bytes: &[u8]) -> Blocks {
        let hash = |block: &[u8]| Key::from_bytes(*blake3::hash(block).as_bytes());
        let hashes = if bytes.len() < HELP_FROM || !has_threads() {
            bytes.chunks(BLOCK).map(hash).collect()
        } else {
            bytes.par_chunks(BLOCK).map(hash).collect()
        };
        Blocks {
            len: bytes.len(),
            hashes,
        }
    }

    /// As bytes, for [`take`](Self::take).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = (self.len as u64).to_le_bytes().to_vec();
        bytes.extend(self.hashes.iter().flat_map(Key::as_bytes));
        bytes
    }

    /// Takes them from the front of bytes.
    pub fn take(bytes: &mut &[u8]) -> Option<Blocks> {
        let (len, rest) = bytes.split_first_chunk()?;
        let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
        let count = len.div_ceil(BLOCK).checked_mul(Key::LEN)?;
        let (hashes, rest) = rest.split_at_checked(count)?;
        *bytes = rest;
        let hashes = hashes.as_chunks().0.iter().copied();
        Some(Blocks {
            len,
            hashes: hashes.map(Key::from_bytes).collect(),
        })
    }

    /// How many bytes they are of.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The numbers of the blocks that a range of bytes touches.
    pub fn touched(range: &Range<usize>) -> Range<usize> {
        range.start / BLOCK..range.end.div_ceil(BLOCK)
    }

    /// Where a block lies.
    pub fn place(&self, block: usize) -> Range<usize> {
        block * BLOCK..self.len.min((block + 1) * BLOCK)
    }

    /// Whether bytes are those of a block.
    pub fn is(&self, block: usize, bytes: &[u8]) -> bool {
        self.hashes[block].as_bytes() == blake3::hash(bytes).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i / 7 + i / 4099) as u8).collect()
    }

    #[test]
    fn each_byte_is_in_one_block() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, HELP_FROM + 5] {
            let bytes = bytes(len);
            let blocks = Blocks::of(&bytes);
            assert_eq!(blocks.len(), len);
            let mut end = 0;
            for block in Blocks::touched(&(0..len)) {
                let place = blocks.place(block);
                assert_eq!(place.start, end);
                end = place.end;
                assert!(blocks.is(block, &bytes[place.clone()]), "{len}: {block}");
                let mut other = bytes[place].to_vec();
                other[0] ^= 1;
                assert!(!blocks.is(block, &other), "{len}: {block}");
            }
            assert_eq!(end, len);
        }
        assert_eq!(Blocks::touched(&(BLOCK - 1..BLOCK + 1)), 0..2);
        assert_eq!(Blocks::touched(&(BLOCK..2 * BLOCK)), 1..2);
    }

    #[test]
    fn they_come_back_from_bytes() {
        let blocks = Blocks::of(&bytes(3 * BLOCK + 1));
        let mut stored = blocks.to_bytes();
        stored.extend(b"rest");
        let mut rest = &*stored;
        assert_eq!(Blocks::take(&mut rest), Some(blocks));
        assert_eq!(rest, b"rest");
        for len in [0, 7, 8, stored.len() - 5] {
            assert_eq!(Blocks::take(&mut &stored[..len]), None, "{len}");
        }
        assert_eq!(Blocks::take(&mut &[0xff; 40][..]), None);
    }
}
