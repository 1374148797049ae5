//! Reading a directory's entries, from wherever a guest wants to go on.
//!
//! The kernel gives entries by the bufferful, and a guest has rarely room for just
//! those. What was left over is kept, so that a guest that goes on where it
//! stopped gets it without a step back: on some file systems a step back, after
//! entries were removed, would miss others.

use std::collections::{HashMap, VecDeque};
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
    places: Places,
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
        visit: impl FnMut(&Entry<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        if !self.is_at(cookie) {
            self.go_to(directory, cookie)?;
        }
        self.read_from(directory, cookie, expected, visit)
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

    /// Moves the kernel to `cookie`, where nothing is pending. A number that was never
    /// given out is looked for in what follows; if it is not there, that is the end.
    fn go_to(&mut self, directory: BorrowedFd<'_>, cookie: u64) -> io::Result<()> {
        self.position = None;
        if cookie == 0 {
            self.places.start_over();
        }
        let known = cookie.min(self.places.last());
        rustix::fs::seek(directory, SeekFrom::Start(self.places.of(known)))?;
        if known == cookie {
            return Ok(());
        }
        self.read_from(directory, known, BUFFER, |entry| {
            match entry.next == cookie {
                // Taken with this entry; what comes now is pending.
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        self.pending.pop_front();
        Ok(())
    }

    /// Like [`read`](Self::read), where `cookie` is what comes next.
    fn read_from(
        &mut self,
        directory: BorrowedFd<'_>,
        mut cookie: u64,
        expected: usize,
        mut visit: impl FnMut(&Entry<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
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
            let next = self.places.after(cookie, entry.next_entry_cookie());
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

/// The places of a directory that entries are read from, numbered in the order in which
/// they were first come by. The kernel's own positions are 64 bits wide, hashes on some
/// file systems, and a guest's `long` may hold 32. A place keeps its number whatever
/// is added and removed meanwhile.
struct Places {
    /// The kernel's position of each place.
    positions: Vec<u64>,
    /// The place of each position; made when the directory turns out to have changed
    /// since it was read, without which the next number is always the right one.
    numbers: Option<HashMap<u64, u64>>,
    /// The most entries that were read in one go from the start, and how many were
    /// since the last start.
    longest: usize,
    read: usize,
}

/// How many places more are kept than a directory was seen to have, twice over.
const SPARE: usize = 1024;

impl Default for Places {
    fn default() -> Places {
        Places {
            positions: vec![0],
            numbers: None,
            longest: 0,
            read: 0,
        }
    }
}

impl Places {
    /// A directory whose entries come and go would have more places each time.
    fn start_over(&mut self) {
        self.longest = self.longest.max(self.read);
        self.read = 0;
        if self.positions.len() > 2 * self.longest + SPARE {
            *self = Places::default();
        }
    }

    /// The last number that was given out.
    fn last(&self) -> u64 {
        self.positions.len() as u64 - 1
    }

    /// The kernel's position of a place that has a number.
    fn of(&self, number: u64) -> u64 {
        self.positions[number as usize]
    }

    /// The number of the kernel's `position`, which was come by after the place `number`.
    fn after(&mut self, number: u64, position: u64) -> u64 {
        self.read += 1;
        let expected = number + 1;
        let next = self.positions.len() as u64;
        if self.positions.get(expected as usize) == Some(&position) {
            return expected;
        }
        if self.numbers.is_none() && expected == next {
            self.positions.push(position);
            return next;
        }
        let numbers = self.numbers.get_or_insert_with(|| {
            let known = self.positions.iter().copied();
            known.zip(0..).collect()
        });
        *numbers.entry(position).or_insert_with(|| {
            self.positions.push(position);
            next
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_their_numbers_when_others_come_and_go() {
        let mut places = Places::default();
        let list = |places: &mut Places, positions: &[u64]| -> Vec<u64> {
            places.start_over();
            let mut number = 0;
            let mut after = |position| {
                number = places.after(number, position);
                number
            };
            positions.iter().map(|position| after(*position)).collect()
        };
        assert_eq!(list(&mut places, &[100, 200, 300, 400]), [1, 2, 3, 4]);
        assert!(places.numbers.is_none());
        // The one that ended at 200 is gone, one that ends at 350 is new.
        assert_eq!(list(&mut places, &[100, 300, 350, 400]), [1, 3, 5, 4]);
        assert_eq!(list(&mut places, &[100, 200, 300, 400]), [1, 2, 3, 4]);
        assert_eq!(places.of(5), 350);
    }

    #[test]
    fn places_of_a_directory_that_changes_for_ever_are_not_kept_for_ever() {
        let mut places = Places::default();
        let mut most = 0;
        for round in 0..1000 {
            places.start_over();
            let mut number = 0;
            for nth in 0..100 {
                number = places.after(number, 1 + round * 100 + nth);
            }
            most = most.max(places.positions.len());
        }
        assert!(most < SPARE + 400, "{most}");
    }
}
