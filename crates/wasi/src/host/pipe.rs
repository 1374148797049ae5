//! Streams that end in the memory of the embedder: input that it prepared,
//! output that it collects. Clones share one pipe.

use std::io::{self, IoSlice, IoSliceMut, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::streams::{StdinStream, StdoutStream};

/// Input for a guest, prepared in memory. After the last byte the guest sees the
/// end of the stream.
#[derive(Clone, Debug)]
pub struct MemoryInputPipe {
    input: Arc<Mutex<io::Cursor<Vec<u8>>>>,
}

impl MemoryInputPipe {
    /// A pipe that holds `bytes`.
    pub fn new(bytes: impl Into<Vec<u8>>) -> MemoryInputPipe {
        MemoryInputPipe {
            input: Arc::new(Mutex::new(io::Cursor::new(bytes.into()))),
        }
    }

    /// Whether all bytes have been read.
    pub fn is_empty(&self) -> bool {
        self.available() == 0
    }
}

impl StdinStream for MemoryInputPipe {
    fn read(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        lock(&self.input).read_vectored(buffers)
    }

    fn available(&self) -> u64 {
        let input = lock(&self.input);
        (input.get_ref().len() as u64).saturating_sub(input.position())
    }
}

/// Output of a guest, collected in memory.
#[derive(Clone, Debug)]
pub struct MemoryOutputPipe {
    capacity: usize,
    output: Arc<Mutex<Vec<u8>>>,
}

impl MemoryOutputPipe {
    /// A pipe that takes up to `capacity` bytes; a guest that writes more is told
    /// that there is no space left.
    pub fn new(capacity: usize) -> MemoryOutputPipe {
        MemoryOutputPipe {
            capacity,
            output: Arc::default(),
        }
    }

    /// A copy of all that was written so far.
    pub fn contents(&self) -> Vec<u8> {
        lock(&self.output).clone()
    }

    /// All that was written, if this is the last clone of the pipe.
    pub fn try_into_inner(self) -> Option<Vec<u8>> {
        let output = Arc::into_inner(self.output)?;
        Some(output.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl StdoutStream for MemoryOutputPipe {
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut output = lock(&self.output);
        let before = output.len();
        for buffer in buffers {
            let space = self.capacity.saturating_sub(output.len());
            output.extend_from_slice(&buffer[..buffer.len().min(space)]);
        }
        let written = output.len() - before;
        let wanted = buffers.iter().any(|buffer| !buffer.is_empty());
        match written == 0 && wanted {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(written),
        }
    }
}

/// The bytes are whole even if a thread panicked while it held the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_stops_at_the_capacity() {
        let pipe = MemoryOutputPipe::new(5);
        let two = [IoSlice::new(b"abc"), IoSlice::new(b"def")];
        assert_eq!(pipe.write(&two).unwrap(), 5);
        assert_eq!(pipe.contents(), b"abcde");
        let full = pipe.write(&two).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        assert_eq!(pipe.write(&[]).unwrap(), 0);
        assert_eq!(pipe.clone().try_into_inner(), None);
        assert_eq!(pipe.try_into_inner().unwrap(), b"abcde");
    }

    #[test]
    fn input_is_shared_by_clones_and_ends() {
        let pipe = MemoryInputPipe::new("hello");
        let other = pipe.clone();
        let mut bytes = [0; 3];
        assert_eq!(pipe.read(&mut [IoSliceMut::new(&mut bytes)]).unwrap(), 3);
        assert_eq!(other.available(), 2);
        assert_eq!(other.read(&mut [IoSliceMut::new(&mut bytes)]).unwrap(), 2);
        assert!(pipe.is_empty());
        assert_eq!(pipe.read(&mut [IoSliceMut::new(&mut bytes)]).unwrap(), 0);
    }
}
