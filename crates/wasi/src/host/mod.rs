//! What WASI asks of the operating system, in the terms of the operating system.
//!
//! Errors are `io::Error`. Calls that a signal interrupts are made again here, so
//! no caller sees `EINTR`. Nothing in this folder may know of a guest, of its
//! memory or of an encoding: every version of WASI stands on these modules.

pub(crate) mod clocks;
pub(crate) mod directory;
pub(crate) mod file;
pub(crate) mod listing;
pub(crate) mod permissions;
pub(crate) mod pipe;
pub(crate) mod place;
pub(crate) mod poll;
pub(crate) mod random;
pub(crate) mod sockets;
pub(crate) mod stat;
pub(crate) mod streams;
