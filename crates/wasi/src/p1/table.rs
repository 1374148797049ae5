//! The descriptors of one guest. Numbers are given out lowest first. Behind each
//! that a guest opens stands one of the process, so that there is an end to them
//! also without a limit.

use std::os::fd::{AsFd, BorrowedFd};

use super::errno::Errno;
use super::types::Rights;
use crate::host::directory::Directory;
use crate::host::file::File;
use crate::host::sockets::Socket;
use crate::host::streams::{StdinStream, StdoutStream};

/// What stands behind a number.
pub(crate) enum Descriptor {
    Stdin(Stream<dyn StdinStream>),
    Stdout(Stream<dyn StdoutStream>),
    File(File),
    Directory(Directory),
    Socket(Socket),
}

/// A standard stream. The guest's wish not to block stays here: the host's
/// descriptor is shared with others, who would be surprised.
pub(crate) struct Stream<S: ?Sized> {
    pub nonblocking: bool,
    pub stream: Box<S>,
}

/// A descriptor as the guest holds it.
pub(crate) struct Entry {
    pub descriptor: Descriptor,
    /// The guest's name of a directory that the embedder opened.
    pub preopen: Option<Box<[u8]>>,
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

    fn require(&self, rights: Rights) -> Result<(), Errno> {
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
pub(crate) struct Table {
    entries: Vec<Option<Entry>>,
    /// No number below this one is free.
    first_free: usize,
    limit: usize,
}

/// A number that nothing stands behind yet. Ask for it before doing what cannot
/// be undone when the table is full.
pub(crate) struct FreeNumber(usize);

impl Table {
    pub fn new(limit: usize) -> Table {
        Table {
            entries: Vec::new(),
            first_free: 0,
            limit,
        }
    }

    /// Adds what the embedder grants, whatever the limit is.
    pub fn grant(&mut self, entry: Entry) {
        self.entries.push(Some(entry));
        self.first_free = self.entries.len();
    }

    /// The lowest number that is free.
    pub fn free_number(&mut self) -> Result<FreeNumber, Errno> {
        let occupied = self.entries[self.first_free..]
            .iter()
            .take_while(|entry| entry.is_some());
        self.first_free += occupied.count();
        match self.first_free < self.limit {
            true => Ok(FreeNumber(self.first_free)),
            false => Err(Errno::TooManyFiles),
        }
    }

    /// Puts a descriptor behind a free number and returns the number.
    pub fn insert(&mut self, number: FreeNumber, entry: Entry) -> u32 {
        let FreeNumber(number) = number;
        match self.entries.get_mut(number) {
            Some(free) => *free = Some(entry),
            None => self.entries.push(Some(entry)),
        }
        self.first_free = number + 1;
        number as u32
    }

    /// The descriptor with a number, to be used in the ways of `rights`.
    pub fn get(&self, fd: u32, rights: Rights) -> Result<&Entry, Errno> {
        let entry = self.entries.get(fd as usize).and_then(Option::as_ref);
        let entry = entry.ok_or(Errno::BadDescriptor)?;
        entry.require(rights)?;
        Ok(entry)
    }

    /// Like [`get`](Self::get), to be changed.
    pub fn get_mut(&mut self, fd: u32, rights: Rights) -> Result<&mut Entry, Errno> {
        let entry = self.entries.get_mut(fd as usize).and_then(Option::as_mut);
        let entry = entry.ok_or(Errno::BadDescriptor)?;
        entry.require(rights)?;
        Ok(entry)
    }

    /// The regular file, device or FIFO with a number; nothing else will do.
    pub fn file(&self, fd: u32, rights: Rights) -> Result<&File, Errno> {
        match &self.get(fd, rights)?.descriptor {
            Descriptor::File(file) => Ok(file),
            _ => Err(Errno::BadDescriptor),
        }
    }

    /// The directory with a number; nothing else will do.
    pub fn directory(&self, fd: u32, rights: Rights) -> Result<&Directory, Errno> {
        match &self.get(fd, rights)?.descriptor {
            Descriptor::Directory(directory) => Ok(directory),
            _ => Err(Errno::NotDirectory),
        }
    }

    /// Like [`directory`](Self::directory), to be changed.
    pub fn directory_mut(&mut self, fd: u32, rights: Rights) -> Result<&mut Directory, Errno> {
        match &mut self.get_mut(fd, rights)?.descriptor {
            Descriptor::Directory(directory) => Ok(directory),
            _ => Err(Errno::NotDirectory),
        }
    }

    /// The socket with a number; nothing else will do.
    pub fn socket(&self, fd: u32, rights: Rights) -> Result<&Socket, Errno> {
        match &self.get(fd, rights)?.descriptor {
            Descriptor::Socket(socket) => Ok(socket),
            _ => Err(Errno::NotSocket),
        }
    }

    /// Frees a number and returns what stood behind it.
    pub fn remove(&mut self, fd: u32) -> Result<Entry, Errno> {
        let entry = self.entries.get_mut(fd as usize).and_then(Option::take);
        let entry = entry.ok_or(Errno::BadDescriptor)?;
        self.first_free = self.first_free.min(fd as usize);
        Ok(entry)
    }

    /// Moves what stands behind `from` to `to`, which must be in use and whose
    /// descriptor is closed.
    pub fn renumber(&mut self, from: u32, to: u32) -> Result<(), Errno> {
        self.get(from, Rights::empty())?;
        self.get(to, Rights::empty())?;
        if from != to {
            let entry = self.remove(from)?;
            self.entries[to as usize] = Some(entry);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::streams::Empty;

    fn entry() -> Entry {
        Entry::new(Descriptor::Stdin(Stream {
            nonblocking: false,
            stream: Box::new(Empty),
        }))
    }

    fn open(table: &mut Table) -> Option<u32> {
        let number = table.free_number().ok()?;
        Some(table.insert(number, entry()))
    }

    #[test]
    fn numbers_are_given_out_lowest_first_up_to_the_limit() {
        let mut table = Table::new(5);
        table.grant(entry());
        assert_eq!(open(&mut table), Some(1));
        assert_eq!(open(&mut table), Some(2));
        assert_eq!(open(&mut table), Some(3));
        table.remove(2).map(drop).unwrap();
        table.remove(1).map(drop).unwrap();
        assert_eq!(open(&mut table), Some(1));
        assert_eq!(open(&mut table), Some(2));
        assert_eq!(open(&mut table), Some(4));
        assert_eq!(open(&mut table), None);
        assert!(table.remove(9).is_err());
        table.remove(3).map(drop).unwrap();
        assert!(table.remove(3).is_err());
        assert_eq!(open(&mut table), Some(3));
    }

    #[test]
    fn a_grant_above_the_limit_is_kept_and_nothing_is_added() {
        let mut table = Table::new(1);
        table.grant(entry());
        table.grant(entry());
        assert!(table.get(1, Rights::empty()).is_ok());
        assert_eq!(open(&mut table), None);
    }

    #[test]
    fn renumbering_frees_the_old_number() {
        let mut table = Table::new(4);
        (0..3).for_each(|_| table.grant(entry()));
        assert!(table.renumber(0, 3).is_err());
        assert!(table.renumber(3, 0).is_err());
        assert!(table.renumber(1, 1).is_ok());
        assert!(table.renumber(2, 0).is_ok());
        assert_eq!(open(&mut table), Some(2));
    }
}
