//! Reading a directory's entries, from wherever a guest wants to go on.
//!
//! The kernel gives entries by the bufferful, and a guest has rarely room for just
//! those. What was left over is kept, so that a guest that goes on where it
//! stopped gets it without a step back: on some file systems a step back, after
//! entries were removed, would miss others.

use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;

use rustix::fs::{RawDir, SeekFrom};
use rustix::io::Errno;

use super::stat::FileType;

/// One entry of a directory.
pub(crate) struct Entry<'a> {
    /// Where the entry after this one is read from.
    pub next: u64,
    pub inode: u64,
    pub kind: FileType,
    pub name: &'a [u8],
}

/// How far a directory was read.
#[derive(Default)]
pub(crate) struct Listing {
    /// What the kernel gave and nobody took.
    pending: VecDeque<Pending>,
    /// What the kernel gives next, behind all that is pending. Unknown before the
    /// first call and after an error.
    position: Option<u64>,
}

struct Pending {
    /// Where this entry is read from.
    cookie: u64,
    next: u64,
    inode: u64,
    kind: FileType,
    name: Box<[u8]>,
}

/// The most that one system call reads of a directory.
const BUFFER: usize = 8192;
/// Room for the longest name that Linux allows, and its header.
const LONGEST_ENTRY: usize = 512;

impl Listing {
    /// Visits the entries from `cookie` on, which is zero or the `next` of an
    /// entry that was visited before, until `visit` breaks. `expected` is about
    /// how many bytes of entries the caller has room for.
    pub fn read(
        &mut self,
        directory: BorrowedFd<'_>,
        cookie: u64,
        expected: usize,
        mut visit: impl FnMut(&Entry<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        if !self.is_at(cookie) {
            rustix::fs::seek(directory, SeekFrom::Start(cookie))?;
        }
        let mut cookie = cookie;
        while let Some(entry) = self.pending.front() {
            // Kept on a break: the caller may not have taken it, and says so with
            // the cookie that it comes back with.
            if visit(&entry.view()).is_break() {
                return Ok(());
            }
            cookie = entry.next;
            self.pending.pop_front();
        }
        // Until all went well it is unknown where the kernel stands.
        self.position = None;
        let result = self.read_on(directory, cookie, expected, visit);
        match result {
            Ok(position) => self.position = Some(position),
            Err(_) => self.pending.clear(),
        }
        result.map(drop)
    }

    /// Drops what lies before `cookie`; false, and nothing is left, if it does not
    /// lie ahead. The start never does: who asks for it wants to see what is new.
    fn is_at(&mut self, cookie: u64) -> bool {
        let cookie = (cookie != 0).then_some(cookie);
        while let Some(entry) = self.pending.front() {
            if cookie == Some(entry.cookie) {
                return true;
            }
            self.pending.pop_front();
        }
        cookie.is_some() && cookie == self.position
    }

    /// Visits what the kernel gives, keeps what the caller leaves, and returns
    /// where the kernel stands then. `cookie` is where it stands now.
    fn read_on(
        &mut self,
        directory: BorrowedFd<'_>,
        mut cookie: u64,
        expected: usize,
        mut visit: impl FnMut(&Entry<'_>) -> ControlFlow<()>,
    ) -> io::Result<u64> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let size = expected.clamp(LONGEST_ENTRY, BUFFER);
        let mut entries = RawDir::new(directory, &mut buffer[..size]);
        let mut enough = false;
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(Errno::INTR) => continue,
                // The directory itself was removed: nothing is left in it.
                Err(Errno::NOENT) => break,
                Err(error) => return Err(error.into()),
            };
            let next = entry.next_entry_cookie();
            let view = Entry {
                next,
                inode: entry.ino(),
                kind: entry.file_type().into(),
                name: entry.file_name().to_bytes(),
            };
            enough = enough || visit(&view).is_break();
            if enough {
                self.pending.push_back(Pending::new(cookie, &view));
            }
            cookie = next;
            if enough && entries.is_buffer_empty() {
                break;
            }
        }
        Ok(cookie)
    }
}

impl Pending {
    fn new(cookie: u64, entry: &Entry<'_>) -> Pending {
        Pending {
            cookie,
            next: entry.next,
            inode: entry.inode,
            kind: entry.kind,
            name: entry.name.into(),
        }
    }

    fn view(&self) -> Entry<'_> {
        Entry {
            next: self.next,
            inode: self.inode,
            kind: self.kind,
            name: &self.name,
        }
    }
}
