//! Waiting for descriptors and for time to pass.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

/// A point in time on the host's monotonic clock, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(u64);

impl Deadline {
    pub fn now() -> Deadline {
        Deadline(now())
    }

    /// `nanoseconds` later; the far future has no end.
    pub fn after(self, nanoseconds: u64) -> Deadline {
        Deadline(self.0.saturating_add(nanoseconds))
    }

    pub fn has_passed(self) -> bool {
        self.remaining() == 0
    }

    fn remaining(self) -> u64 {
        self.0.saturating_sub(now())
    }
}

fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Waits until one of `fds` has something to tell or the deadline has passed,
/// whichever is first. Without a deadline it waits as long as it takes.
pub(crate) fn wait(fds: &mut [PollFd<'_>], deadline: Option<Deadline>) -> io::Result<()> {
    loop {
        let timeout = deadline.map(|deadline| timespec(deadline.remaining()));
        match poll(fds, timeout.as_ref()) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(0) if deadline.is_some_and(|deadline| !deadline.has_passed()) => {}
            Ok(_) => return Ok(()),
        }
    }
}

/// Looks at `fds` without waiting.
pub(crate) fn look(fds: &mut [PollFd<'_>]) -> io::Result<()> {
    wait(fds, Some(Deadline(0)))
}

/// Waits until a descriptor is ready in the way of `flags`, or broken.
pub(crate) fn wait_for(fd: BorrowedFd<'_>, flags: PollFlags) -> io::Result<()> {
    wait(&mut [PollFd::from_borrowed_fd(fd, flags)], None)
}

/// Whether a descriptor is ready in the way of `flags`, or broken.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, flags: PollFlags) -> io::Result<bool> {
    let mut fds = [PollFd::from_borrowed_fd(fd, flags)];
    look(&mut fds)?;
    Ok(!fds[0].revents().is_empty())
}

fn timespec(nanoseconds: u64) -> Timespec {
    Timespec {
        tv_sec: (nanoseconds / 1_000_000_000) as i64,
        tv_nsec: (nanoseconds % 1_000_000_000) as i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_lasts_until_its_deadline() {
        let deadline = Deadline::now().after(15_000_000);
        wait(&mut [], Some(deadline)).unwrap();
        assert!(deadline.has_passed());
    }

    #[test]
    fn the_far_future_does_not_overflow() {
        let deadline = Deadline::now().after(u64::MAX);
        assert!(!deadline.has_passed());
        let (reader, writer) = io::pipe().unwrap();
        drop(writer);
        let mut fds = [PollFd::new(&reader, PollFlags::IN)];
        wait(&mut fds, Some(deadline)).unwrap();
        assert!(fds[0].revents().contains(PollFlags::HUP));
    }
}
