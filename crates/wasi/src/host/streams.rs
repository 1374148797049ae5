//! Standard input and output of a guest.
//!
//! Anything with a file descriptor is a stream as it is: the process's own
//! `std::io::stdin()`, a `std::fs::File`, the ends of `std::io::pipe()`. Others
//! implement the traits. Nothing is buffered here: a write has reached the
//! descriptor when it returns.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::PollFlags;
use rustix::io::{Errno, retry_on_intr};

use super::poll;

/// Where a guest's standard input comes from. Threads of a guest use it at the same time.
pub trait StdinStream: Send + Sync + 'static {
    /// Reads some bytes, waiting for the first one. Zero is the end of the stream
    /// (or buffers without room).
    fn read(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize>;

    /// The descriptor behind the stream. Guests that poll or examine the stream
    /// see this descriptor; a stream without one is always ready.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// How many bytes a guest is told that it can read at once; asked only of a
    /// stream without a descriptor.
    fn available(&self) -> u64 {
        0
    }
}

/// Where a guest's standard output or standard error goes. Threads of a guest use it at the
/// same time.
pub trait StdoutStream: Send + Sync + 'static {
    /// Writes the bytes and returns how many were written, which is fewer than
    /// all only if an error stopped the rest.
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize>;

    /// The descriptor behind the stream. Guests that poll or examine the stream
    /// see this descriptor; a stream without one is always ready.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl<T: AsFd + Send + Sync + 'static> StdinStream for T {
    fn read(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let fd = self.as_fd();
        blocking(fd, PollFlags::IN, || rustix::io::readv(fd, buffers))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

impl<T: AsFd + Send + Sync + 'static> StdoutStream for T {
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let fd = self.as_fd();
        let mut written = blocking(fd, PollFlags::OUT, || rustix::io::writev(fd, buffers))?;

        // A pipe or a terminal may take less than all of it; the rest goes one
        // buffer at a time.
        let mut passed = 0;
        for buffer in buffers {
            while written < passed + buffer.len() {
                let rest = &buffer[written - passed..];
                match blocking(fd, PollFlags::OUT, || rustix::io::write(fd, rest)) {
                    Ok(0) | Err(_) => return Ok(written),
                    Ok(more) => written += more,
                }
            }
            passed += buffer.len();
        }
        Ok(written)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

/// Descriptors that the embedder shares with others may be non-blocking without
/// the guest's knowledge, so a call that would block waits here.
fn blocking<T>(
    fd: BorrowedFd<'_>,
    ready: PollFlags,
    mut call: impl FnMut() -> rustix::io::Result<T>,
) -> io::Result<T> {
    loop {
        match retry_on_intr(&mut call) {
            Err(Errno::AGAIN) => poll::wait_for(fd, ready)?,
            result => return Ok(result?),
        }
    }
}

/// The standard input of a guest that was given none: at its end from the start.
pub(crate) struct Empty;

impl StdinStream for Empty {
    fn read(&self, _: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        Ok(0)
    }
}

/// The standard output of a guest that was given none: takes all, keeps nothing.
pub(crate) struct Sink;

impl StdoutStream for Sink {
    fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(buffers.iter().map(|buffer| buffer.len()).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_write_to_a_full_nonblocking_pipe_waits_for_the_reader() {
        let (mut reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let megabyte = vec![7; 1 << 20];
        let counter = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all.len()
        });
        let buffers = [IoSlice::new(b"head"), IoSlice::new(&megabyte)];
        let written = StdoutStream::write(&writer, &buffers).unwrap();
        drop(writer);
        assert_eq!(written, 4 + megabyte.len());
        assert_eq!(counter.join().unwrap(), written);
    }

    #[test]
    fn a_read_from_a_nonblocking_pipe_waits_for_the_writer() {
        let (reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        let late = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            rustix::io::write(&writer, b"late").unwrap()
        });
        let mut bytes = [0; 8];
        let read = StdinStream::read(&reader, &mut [IoSliceMut::new(&mut bytes)]).unwrap();
        late.join().unwrap();
        assert_eq!(&bytes[..read], b"late");
    }
}
