//! Leases: to be asked before anyone writes to a file.
//!
//! Whoever holds a lease on a file that it has open for reading is told, by a signal, when another process opens
//! the file for writing or truncates it; that process waits until the lease is given up, or for as long as the
//! system has patience with the holder (`/proc/sys/fs/lease-break-time`, 45 seconds). Files of other
//! users, files that are open for writing, and many network file systems have no leases.
//!
//! The signal is `SIGURG`, which does nothing by default, and is sent to one thread, which blocks it: programs that
//! use it for something else don't notice.

use rustix::process::Pid;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

const SIGNAL: libc::c_int = libc::SIGURG;
/// Says which signal a file sends, and to which thread. In `linux/fcntl.h`.
const F_SETSIG: libc::c_int = 10;
const F_SETOWN_EX: libc::c_int = 15;
const F_OWNER_TID: libc::c_int = 0;

#[repr(C)]
struct Owner {
    kind: libc::c_int,
    id: libc::pid_t,
}

/// A thread that takes leases, and is told when one is in the way.
#[derive(Debug)]
pub struct Leaseholder {
    thread: Waker,
    signals: libc::sigset_t,
}

/// Ends a [`Leaseholder`]'s waiting.
#[derive(Clone, Copy, Debug)]
pub struct Waker(Pid);

impl Leaseholder {
    /// Makes one of the calling thread, which is used by no other.
    ///
    /// # Errors
    /// If the system refuses to.
    pub fn here() -> io::Result<Leaseholder> {
        let mut signals = MaybeUninit::uninit();
        // SAFETY: the set is initialized by the first call; the last blocks a signal for this thread alone.
        let (signals, error) = unsafe {
            libc::sigemptyset(signals.as_mut_ptr());
            libc::sigaddset(signals.as_mut_ptr(), SIGNAL);
            let signals = signals.assume_init();
            let error = libc::pthread_sigmask(libc::SIG_BLOCK, &signals, ptr::null_mut());
            (signals, error)
        };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        Ok(Leaseholder {
            thread: Waker(rustix::thread::gettid()),
            signals,
        })
    }

    /// What wakes this thread while it [waits](Self::wait).
    pub fn waker(&self) -> Waker {
        self.thread
    }

    /// Takes a lease on a file that is open for reading only. It lasts until it is [given up](give_up) or the file
    /// is closed everywhere.
    ///
    /// # Errors
    /// If the file can't be leased, for one because it is open for writing.
    pub fn take(&self, file: &File) -> io::Result<()> {
        let owner = Owner {
            kind: F_OWNER_TID,
            id: self.thread.0.as_raw_nonzero().get(),
        };
        let fd = file.as_raw_fd();
        // SAFETY: the descriptor is open, and `owner` is what the second call reads.
        let taken = unsafe {
            libc::fcntl(fd, F_SETSIG, SIGNAL) == 0
                && libc::fcntl(fd, F_SETOWN_EX, ptr::from_ref(&owner)) == 0
                && libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK) == 0
        };
        match taken {
            true => Ok(()),
            false => Err(io::Error::last_os_error()),
        }
    }

    /// Waits until a lease is in someone's way, it is [woken](Waker::wake), or a time is over. Any of these may also
    /// have happened before.
    pub fn wait(&self, time: Option<Duration>) {
        let time = time.map(|time| libc::timespec {
            tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: all three are valid or null. Whatever it returns, the caller looks again.
        unsafe { libc::sigtimedwait(&self.signals, ptr::null_mut(), time) };
    }
}

impl Waker {
    /// Ends the thread's waiting, or its next. Nothing happens if the thread is gone.
    pub fn wake(self) {
        let process = rustix::process::getpid().as_raw_nonzero().get();
        let thread = self.0.as_raw_nonzero().get();
        // SAFETY: sends a signal that by default does nothing to a thread of this process, or to none.
        unsafe { libc::syscall(libc::SYS_tgkill, process, thread, SIGNAL) };
    }
}

/// Whether someone waits for the lease on a file to be given up, or it is lost already.
pub fn is_asked_for(file: &File) -> bool {
    // SAFETY: the descriptor is open.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLEASE) != libc::F_RDLCK }
}

/// Gives the lease on a file up.
pub fn give_up(file: &File) {
    // SAFETY: the descriptor is open. It fails only if there is no lease.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_UNLCK) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    /// A leased file. Of the places for temporary files, at least one has leases.
    fn leased(name: &str, contents: &str) -> (Leaseholder, PathBuf, File) {
        let holder = Leaseholder::here().unwrap();
        for place in [std::env::temp_dir(), "/dev/shm".into()] {
            let path = place.join(format!("mainspring-{name}-{}", std::process::id()));
            std::fs::write(&path, contents).unwrap();
            let file = File::open(&path).unwrap();
            if holder.take(&file).is_ok() {
                return (holder, path, file);
            }
            std::fs::remove_file(&path).unwrap();
        }
        panic!("there are no leases here");
    }

    #[test]
    fn writers_wait_until_a_lease_is_given_up() {
        let (holder, path, file) = leased("lease", "before");
        assert!(!is_asked_for(&file));
        let given_up = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::fs::write(&path, "after").unwrap();
                assert!(given_up.load(Ordering::SeqCst));
            });
            while !is_asked_for(&file) {
                holder.wait(Some(Duration::from_secs(10)));
            }
            assert_eq!(std::fs::read(&path).unwrap(), b"before");
            given_up.store(true, Ordering::SeqCst);
            give_up(&file);
        });
        assert_eq!(std::fs::read(&path).unwrap(), b"after");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn files_that_are_being_written_have_no_lease() {
        let (holder, path, file) = leased("leased", "");
        give_up(&file);
        let writer = File::options().write(true).open(&path).unwrap();
        assert!(holder.take(&file).is_err());
        drop(writer);
        holder.take(&file).unwrap();
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn waiting_ends_when_it_is_told_to() {
        let start = Instant::now();
        let (sender, receiver) = std::sync::mpsc::channel();
        let waiting = std::thread::spawn(move || {
            let holder = Leaseholder::here().unwrap();
            sender.send(holder.waker()).unwrap();
            holder.wait(None);
            holder.wait(Some(Duration::from_millis(1)));
        });
        receiver.recv().unwrap().wake();
        waiting.join().unwrap();
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
