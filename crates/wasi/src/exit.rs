//! How a guest's wish to end reaches the embedder: as an error that carries the
//! exit status, because only unwinding ends a guest in the middle of a call.

use std::fmt;

/// The error that a call into a guest returns when the guest ended itself with
/// `proc_exit`; find it with `Error::downcast_ref`.
///
/// A status of zero means success, yet is raised all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct I32Exit(pub i32);

impl I32Exit {
    /// The status that a process standing for the guest should exit with.
    pub fn process_exit_code(&self) -> i32 {
        self.0
    }
}

impl fmt::Display for I32Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the guest exited with status {}", self.0)
    }
}

impl std::error::Error for I32Exit {}
