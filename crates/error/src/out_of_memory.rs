//! Memory of the host that there is too little of.

use std::fmt;

/// Memory could not be allocated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory {
    bytes: usize,
}

impl OutOfMemory {
    /// An allocation of so many bytes failed.
    #[cold]
    #[must_use]
    pub fn new(bytes: usize) -> OutOfMemory {
        OutOfMemory { bytes }
    }

    /// Bytes that there was no room for.
    pub fn requested_allocation_size(&self) -> usize {
        self.bytes
    }
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "out of memory (failed to allocate {} bytes)", self.bytes)
    }
}

impl std::error::Error for OutOfMemory {}
