//! Random bytes: from the kernel, fit for keys, unless the embedder has other ones.

use std::convert::Infallible;
use std::io;
use std::sync::{Mutex, PoisonError};

use rand_core::{Rng, TryRng};
use rustix::io::retry_on_intr;
use rustix::rand::{GetRandomFlags, getrandom};

/// Where a guest's random bytes come from.
pub(crate) enum Source {
    Kernel,
    Embedder(Mutex<Box<dyn Rng + Send>>),
}

impl Source {
    /// Fills all of `buffer`.
    pub fn fill(&self, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Source::Kernel => fill(buffer),
            Source::Embedder(random) => {
                let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
                random.fill_bytes(buffer);
                Ok(())
            }
        }
    }
}

fn fill(mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        let filled = retry_on_intr(|| getrandom(&mut *buffer, GetRandomFlags::empty()))?;
        buffer = &mut buffer[filled..];
    }
    Ok(())
}

/// A generator that repeats the same bytes for ever: for tests, never for keys.
#[derive(Clone, Debug)]
pub struct Deterministic {
    bytes: Vec<u8>,
    next: usize,
}

impl Deterministic {
    /// A generator of `bytes`, over and over.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn new(bytes: Vec<u8>) -> Deterministic {
        assert!(!bytes.is_empty(), "no bytes can't be repeated for ever");
        Deterministic { bytes, next: 0 }
    }
}

impl TryRng for Deterministic {
    type Error = Infallible;

    /// The next four bytes, the first of them the most significant.
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        for byte in buffer {
            *byte = self.bytes[self.next];
            self.next = (self.next + 1) % self.bytes.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_bytes_go_on_where_they_stopped() {
        let mut random = Deterministic::new(vec![1, 2, 3]);
        let mut bytes = [0; 4];
        random.fill_bytes(&mut bytes);
        assert_eq!(bytes, [1, 2, 3, 1]);
        assert_eq!(random.next_u32(), 0x0203_0102);
        assert_eq!(random.next_u64(), 0x0301_0203_0102_0301);
    }
}
