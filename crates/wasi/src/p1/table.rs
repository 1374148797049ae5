//! The descriptors of one guest. Numbers are given out lowest first. Behind each
//! that a guest opens stands one of the process, so that there is an end to them
//! also without a limit.
//!
//! All threads of a guest have one table. Who uses a descriptor keeps it open, and the
//! table is locked only to look numbers up: no thread waits for another that reads.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::errno::Errno;
use super::types::Rights;
use crate::host::directory::Directory;
use crate::host::file::File;
use crate::host::sockets::Socket;
use crate::host::streams::{StdinStream, StdoutStream};

/// What stands behind a number.
#[derive(Clone)]
pub(crate) enum Descriptor {
    Stdin(Arc<Stream<dyn StdinStream>>),
    Stdout(Arc<Stream<dyn StdoutStream>>),
    File(Arc<File>),
    Directory(Arc<Directory>),
    Socket(Arc<Socket>),
}

/// A standard stream. The guest's wish not to block stays here: the host's
/// descriptor is shared with others, who would be surprised.
pub(crate) struct Stream<S: ?Sized> {
    nonblocking: AtomicBool,
    pub stream: Box<S>,
}

impl<S: ?Sized> Stream<S> {
    pub fn new(stream: Box<S>) -> Arc<Stream<S>> {
        Arc::new(Stream {
            nonblocking: AtomicBool::new(false),
            stream,
        })
    }

    pub fn is_nonblocking(&self) -> bool {
        self.nonblocking.load(Ordering::Relaxed)
    }

    pub fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }
}

/// A descriptor as the guest holds it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub descriptor: Descriptor,
    /// The guest's name of a directory that the embedder opened.
    pub preopen: Option<Arc<[u8]>>,
    /// What the guest gave up with `fd_fdstat_set_rights`.
    pub revoked: Rights,
    /// The same for what is opened beneath a directory.
    pub revoked_inheriting: Rights,
}

impl Entry {
    pub fn new(descriptor: Descriptor) -> Entry {
        Entry {
            descriptor,
            preopen: None,
            revoked: Rights::empty(),
            revoked_inheriting: Rights::empty(),
        }
    }

    pub fn require(&self, rights: Rights) -> Result<(), Errno> {
        match self.revoked.intersects(rights) {
            true => Err(Errno::NotCapable),
            false => Ok(()),
        }
    }

    /// The host's descriptor, if there is one.
    pub fn host(&self) -> Option<BorrowedFd<'_>> {
        match &self.descriptor {
            Descriptor::Stdin(stdin) => stdin.stream.descriptor(),
            Descriptor::Stdout(stdout) => stdout.stream.descriptor(),
            Descriptor::File(file) => Some(file.as_fd()),
            Descriptor::Directory(directory) => Some(directory.as_fd()),
            Descriptor::Socket(socket) => Some(socket.as_fd()),
        }
    }
}

/// The numbers and what stands behind them.
pub(crate) struct Table(Mutex<Numbers>);

struct Numbers {
    slots: Vec<Slot>,
    /// No number below this one is free.
    first_free: usize,
    limit: usize,
}

enum Slot {
    Free,
    /// Taken by a thread that opens something.
    Taken,
    Open(Entry),
}

/// A number that nothing stands behind yet; free again if nothing ever does. Ask for it
/// before doing what cannot be undone when the table is full.
pub(crate) struct FreeNumber<'a> {
    table: &'a Table,
    number: usize,
}

impl Table {
    pub fn new(limit: usize) -> Table {
        Table(Mutex::new(Numbers {
            slots: Vec::new(),
            first_free: 0,
            limit,
        }))
    }

    /// Nothing panics while it is locked.
    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what the embedder grants, whatever the limit is.
    pub fn grant(&mut self, entry: Entry) {
        let mut numbers = self.lock();
        numbers.slots.push(Slot::Open(entry));
        numbers.first_free = numbers.slots.len();
    }

    /// The lowest number that is free, which is then no longer free to others.
    pub fn free_number(&self) -> Result<FreeNumber<'_>, Errno> {
        let mut numbers = self.lock();
        let Numbers {
            slots,
            first_free,
            limit,
        } = &mut *numbers;
        let in_use = slots[*first_free..]
            .iter()
            .take_while(|slot| !matches!(slot, Slot::Free));
        let number = *first_free + in_use.count();
        *first_free = number;
        if number >= *limit {
            return Err(Errno::TooManyFiles);
        }
        match slots.get_mut(number) {
            Some(slot) => *slot = Slot::Taken,
            None => slots.push(Slot::Taken),
        }
        *first_free += 1;
        Ok(FreeNumber {
            table: self,
            number,
        })
    }

    /// The descriptor with a number, to be used in the ways of `rights`.
    pub fn get(&self, fd: u32, rights: Rights) -> Result<Entry, Errno> {
        self.with(fd, rights, |entry| entry.clone())
    }

    /// Does something with the descriptor with a number that takes no time.
    fn with<R>(
        &self,
        fd: u32,
        rights: Rights,
        action: impl FnOnce(&mut Entry) -> R,
    ) -> Result<R, Errno> {
        match self.lock().slots.get_mut(fd as usize) {
            Some(Slot::Open(entry)) => {
                entry.require(rights)?;
                Ok(action(entry))
            }
            _ => Err(Errno::BadDescriptor),
        }
    }

    /// Takes rights away from a descriptor, and from what will be opened beneath it.
    pub fn revoke(&self, fd: u32, rights: Rights, inheriting: Rights) -> Result<(), Errno> {
        self.with(fd, Rights::empty(), |entry| {
            entry.revoked |= rights;
            entry.revoked_inheriting |= inheriting;
        })
    }

    /// The regular file, device or FIFO with a number; nothing else will do.
    pub fn file(&self, fd: u32, rights: Rights) -> Result<Arc<File>, Errno> {
        self.with(fd, rights, |entry| match &entry.descriptor {
            Descriptor::File(file) => Ok(file.clone()),
            _ => Err(Errno::BadDescriptor),
        })?
    }

    /// The directory with a number; nothing else will do.
    pub fn directory(&self, fd: u32, rights: Rights) -> Result<Arc<Directory>, Errno> {
        self.with(fd, rights, |entry| match &entry.descriptor {
            Descriptor::Directory(directory) => Ok(directory.clone()),
            _ => Err(Errno::NotDirectory),
        })?
    }

    /// The socket with a number; nothing else will do.
    pub fn socket(&self, fd: u32, rights: Rights) -> Result<Arc<Socket>, Errno> {
        self.with(fd, rights, |entry| match &entry.descriptor {
            Descriptor::Socket(socket) => Ok(socket.clone()),
            _ => Err(Errno::NotSocket),
        })?
    }

    /// Frees a number and returns what stood behind it.
    pub fn remove(&self, fd: u32) -> Result<Entry, Errno> {
        self.lock().remove(fd)
    }

    /// Moves what stands behind `from` to `to`, which must be in use, and returns what stood
    /// there.
    pub fn renumber(&self, from: u32, to: u32) -> Result<Entry, Errno> {
        let mut numbers = self.lock();
        numbers.entry(from)?;
        let closed = numbers.entry(to)?.clone();
        if from != to {
            let moved = numbers.remove(from)?;
            *numbers.entry(to)? = moved;
        }
        Ok(closed)
    }
}

impl FreeNumber<'_> {
    /// Puts a descriptor behind the number, and returns that.
    pub fn put(self, entry: Entry) -> u32 {
        let number = self.number;
        self.table.lock().slots[number] = Slot::Open(entry);
        // It is not ours to free any more.
        std::mem::forget(self);
        number as u32
    }
}

impl Drop for FreeNumber<'_> {
    fn drop(&mut self) {
        self.table.lock().free(self.number);
    }
}

impl Numbers {
    fn entry(&mut self, fd: u32) -> Result<&mut Entry, Errno> {
        match self.slots.get_mut(fd as usize) {
            Some(Slot::Open(entry)) => Ok(entry),
            _ => Err(Errno::BadDescriptor),
        }
    }

    fn remove(&mut self, fd: u32) -> Result<Entry, Errno> {
        let entry = self.entry(fd)?.clone();
        self.free(fd as usize);
        Ok(entry)
    }

    fn free(&mut self, number: usize) {
        self.slots[number] = Slot::Free;
        self.first_free = self.first_free.min(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::streams::Empty;

    fn entry() -> Entry {
        Entry::new(Descriptor::Stdin(Stream::new(Box::new(Empty))))
    }

    fn open(table: &Table) -> Option<u32> {
        Some(table.free_number().ok()?.put(entry()))
    }

    #[test]
    fn numbers_are_given_out_lowest_first_up_to_the_limit() {
        let mut table = Table::new(5);
        table.grant(entry());
        assert_eq!(open(&table), Some(1));
        assert_eq!(open(&table), Some(2));
        assert_eq!(open(&table), Some(3));
        table.remove(2).map(drop).unwrap();
        table.remove(1).map(drop).unwrap();
        assert_eq!(open(&table), Some(1));
        assert_eq!(open(&table), Some(2));
        assert_eq!(open(&table), Some(4));
        assert_eq!(open(&table), None);
        assert!(table.remove(9).is_err());
        table.remove(3).map(drop).unwrap();
        assert!(table.remove(3).is_err());
        assert_eq!(open(&table), Some(3));
    }

    #[test]
    fn a_grant_above_the_limit_is_kept_and_nothing_is_added() {
        let mut table = Table::new(1);
        table.grant(entry());
        table.grant(entry());
        assert!(table.get(1, Rights::empty()).is_ok());
        assert_eq!(open(&table), None);
    }

    #[test]
    fn a_number_that_a_thread_has_taken_is_neither_free_nor_open() {
        let table = Table::new(3);
        let taken = table.free_number().unwrap();
        assert_eq!(open(&table), Some(1));
        assert!(table.get(0, Rights::empty()).is_err());
        assert!(table.remove(0).is_err());
        assert!(table.renumber(1, 0).is_err());
        drop(taken);
        assert_eq!(open(&table), Some(0));
        assert_eq!(open(&table), Some(2));
        assert_eq!(open(&table), None);
    }

    #[test]
    fn renumbering_frees_the_old_number() {
        let mut table = Table::new(4);
        (0..3).for_each(|_| table.grant(entry()));
        assert!(table.renumber(0, 3).is_err());
        assert!(table.renumber(3, 0).is_err());
        assert!(table.renumber(1, 1).is_ok());
        assert!(table.renumber(2, 0).is_ok());
        assert_eq!(open(&table), Some(2));
    }
}
