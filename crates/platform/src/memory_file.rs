//! Files that exist only in memory.

use crate::files::longest_file;
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, ftruncate, memfd_create};
use rustix::io::Errno;
use std::io::{self, Write};
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};

/// A file that exists only in memory.
#[derive(Debug)]
pub struct MemoryFile(OwnedFd);

impl MemoryFile {
    /// Makes a sparse file of zeros. `name` shows in the system's listings.
    ///
    /// The process's limit on the length of files holds for it, too; [`longest_file`] says what that is.
    pub fn new(name: &str, len: u64) -> io::Result<MemoryFile> {
        // Going beyond would not fail but end the process.
        if len > longest_file() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let fd = memfd_create(name, MemfdFlags::CLOEXEC)?;
        ftruncate(&fd, len)?;
        Ok(MemoryFile(fd))
    }

    /// Writes bytes at an offset.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match rustix::io::pwrite(&self.0, &bytes[done..], offset + done as u64) {
                Ok(n) => done += n,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// How many bytes it has.
    pub fn size(&self) -> io::Result<u64> {
        Ok(rustix::fs::fstat(&self.0)?.st_size.max(0).cast_unsigned())
    }

    /// Copies all of its bytes, a few at a time.
    pub fn copy_to(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        let mut at = 0;
        loop {
            match rustix::io::pread(&self.0, &mut buffer, at) {
                Ok(0) => return Ok(()),
                Ok(n) => {
                    to.write_all(&buffer[..n])?;
                    at += n as u64;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives the pages of a range back; they read as zero again.
    pub fn release(&self, range: Range<u64>) -> io::Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        Ok(fallocate(
            &self.0,
            flags,
            range.start,
            range.end - range.start,
        )?)
    }
}

impl AsFd for MemoryFile {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{Reservation, View, page_size};

    #[test]
    fn one_memory_file_seen_twice() {
        let page = page_size();
        let file = MemoryFile::new("test", page as u64).unwrap();
        let space = Reservation::new(2 * page).unwrap();
        // SAFETY: the pages are this test's own.
        unsafe {
            space
                .map_file(0..page, &file, 0, View::SharedWrite)
                .unwrap();
            space
                .map_file(page..2 * page, &file, 0, View::Execute)
                .unwrap();
            *space.base() = 0xc3;
            assert_eq!(*space.base().add(page), 0xc3);
        }
        let mut copy = Vec::new();
        file.copy_to(&mut copy).unwrap();
        assert_eq!(file.size().unwrap(), copy.len() as u64);
        assert_eq!((copy.len(), copy[0]), (page, 0xc3));
        file.release(0..page as u64).unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { space.base().read_volatile() }, 0);
    }
}
