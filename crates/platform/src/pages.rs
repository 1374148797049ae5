//! Address space and the pages in it.
//!
//! A [`Reservation`] owns a range of addresses; what is inside is inaccessible until committed or
//! mapped over. Sizes and offsets are multiples of [`page_size`] unless stated otherwise.

use rustix::io::Errno;
use rustix::mm::{
    Advice, MapFlags, MprotectFlags, MremapFlags, ProtFlags, madvise, mmap, mmap_anonymous,
    mprotect, mremap, munmap,
};
use rustix::process::{Resource, getrlimit};
use std::ffi::c_void;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::ptr::NonNull;

/// The size of a page in bytes.
pub fn page_size() -> usize {
    rustix::param::page_size()
}

/// Rounds up to whole pages.
pub fn round_up(bytes: usize) -> Option<usize> {
    bytes.checked_next_multiple_of(page_size())
}

/// How far below an address [`Reservation::below`] tries to end, and how much farther by chance.
const DISTANCES_BELOW: [usize; 3] = [256 << 20, 4 << 30, 12 << 30];
const DISTANCE_BY_CHANCE: usize = 2 << 30;

/// The address space that the process may have (`RLIMIT_AS`), in bytes.
pub fn address_space_limit() -> usize {
    let limit = getrlimit(Resource::As).current;
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

/// A range of addresses that nothing else of the process uses. Released when dropped.
#[derive(Debug)]
pub struct Reservation {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: it is a range of addresses; whoever touches the pages answers for races.
unsafe impl Send for Reservation {}
// SAFETY: as above; the methods that change mappings are system calls.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves inaccessible address space. Costs no memory.
    pub fn new(len: usize) -> io::Result<Reservation> {
        assert_eq!(len % page_size(), 0, "reservations are whole pages");
        if len == 0 {
            return Ok(Reservation {
                base: NonNull::dangling(),
                len: 0,
            });
        }
        Reservation::at(std::ptr::null_mut(), len, MapFlags::empty())
    }

    /// Reserves address space that ends a little below an address, or anywhere if something is there. How far below
    /// differs from process to process: who knows one of the two addresses can't tell the other.
    pub fn below(len: usize, address: usize) -> io::Result<Reservation> {
        assert_eq!(len % page_size(), 0, "reservations are whole pages");
        // The standard library's hashers are seeded by the system.
        let random = RandomState::new().hash_one(address) as usize;
        DISTANCES_BELOW
            .iter()
            .map(|distance| distance + random % DISTANCE_BY_CHANCE)
            .filter_map(|distance| address.checked_sub(len + distance))
            .map(|base| base - base % page_size())
            .find_map(|base| {
                Reservation::at(base as *mut c_void, len, MapFlags::FIXED_NOREPLACE).ok()
            })
            .map_or_else(|| Reservation::new(len), Ok)
    }

    fn at(base: *mut c_void, len: usize, flags: MapFlags) -> io::Result<Reservation> {
        // SAFETY: a fresh anonymous mapping, at an address of the system's choice or where nothing is
        // mapped, touches nothing.
        let base = unsafe {
            mmap_anonymous(
                base,
                len,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE | flags,
            )
        }?;
        Ok(Reservation {
            base: NonNull::new(base.cast()).expect("mmap never returns null"),
            len,
        })
    }

    /// The first address.
    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether an address is one of its.
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.base.as_ptr() as usize) < self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn address(&self, range: &Range<usize>) -> *mut c_void {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "{range:?} is outside a reservation of {} bytes",
            self.len
        );
        self.base.as_ptr().wrapping_add(range.start).cast()
    }

    /// Makes pages readable and writable. They read as zero if never written.
    pub fn commit(&self, range: Range<usize>) -> io::Result<()> {
        let at = self.address(&range);
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: the range is inside the reservation, which this object owns.
        Ok(unsafe { mprotect(at, range.len(), MprotectFlags::READ | MprotectFlags::WRITE) }?)
    }

    /// Gives pages back and makes them inaccessible.
    ///
    /// # Safety
    /// Nothing may hold a reference into the range.
    pub unsafe fn decommit(&self, range: Range<usize>) -> io::Result<()> {
        let at = self.address(&range);
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: inside the reservation; the caller says that nothing refers to the old pages.
        unsafe {
            mmap_anonymous(
                at,
                range.len(),
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED,
            )
        }?;
        Ok(())
    }

    /// Makes pages inaccessible, whatever they are, and keeps them.
    pub fn close(&self, range: Range<usize>) -> io::Result<()> {
        let at = self.address(&range);
        // SAFETY: the range is inside the reservation, which this object owns. Who still refers to the
        // pages faults.
        Ok(unsafe { mprotect(at, range.len(), MprotectFlags::empty()) }?)
    }

    /// Maps part of a file over the range.
    ///
    /// # Safety
    /// Nothing may hold a reference into the range, and for a view other than
    /// [`View::CopyOnWrite`] the file's pages may be changed by others only in ways the reader expects.
    pub unsafe fn map_file(
        &self,
        range: Range<usize>,
        file: impl AsFd,
        offset: u64,
        view: View,
    ) -> io::Result<()> {
        let at = self.address(&range);
        if range.is_empty() {
            return Ok(());
        }
        let (prot, flags) = view.flags();
        // SAFETY: inside the reservation; the caller says that nothing refers to the old pages.
        unsafe { mmap(at, range.len(), prot, flags | MapFlags::FIXED, file, offset) }?;
        Ok(())
    }

    /// Maps fresh private zeroed pages, readable and writable, over the range.
    ///
    /// # Safety
    /// Nothing may hold a reference into the range.
    pub unsafe fn map_zeroed(&self, range: Range<usize>) -> io::Result<()> {
        let at = self.address(&range);
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: inside the reservation; the caller says that nothing refers to the old pages.
        unsafe {
            mmap_anonymous(
                at,
                range.len(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED,
            )
        }?;
        Ok(())
    }

    /// Maps fresh zeroed pages over the range, readable and executable. Returns the same pages a second
    /// time, readable and writable.
    ///
    /// They are anonymous, and shown as such by profilers. A memory file is the same otherwise.
    ///
    /// # Safety
    /// Nothing may hold a reference into the range.
    pub unsafe fn map_anonymous_twice(&self, range: Range<usize>) -> io::Result<Reservation> {
        let at = self.address(&range);
        assert!(!range.is_empty(), "there is something to map");
        // SAFETY: inside the reservation; the caller says that nothing refers to the old pages. Moving
        // none of a shared mapping's bytes makes another mapping of them, where nothing is.
        let second = unsafe {
            mmap_anonymous(
                at,
                range.len(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::NORESERVE | MapFlags::FIXED,
            )?;
            mremap(at, 0, range.len(), MremapFlags::MAYMOVE)?
        };
        let writable = Reservation {
            base: NonNull::new(second.cast()).expect("mremap never returns null"),
            len: range.len(),
        };
        // SAFETY: the pages are fresh, and nobody else knows them.
        unsafe { mprotect(at, range.len(), MprotectFlags::READ | MprotectFlags::EXEC) }?;
        Ok(writable)
    }

    /// Tells the system that the range will be read soon.
    pub fn will_need(&self, range: Range<usize>) {
        let at = self.address(&range);
        // SAFETY: advice about mapped or reserved pages changes no contents. A refusal costs nothing.
        let _ = unsafe { madvise(at, range.len(), Advice::WillNeed) };
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.len > 0 {
            let base = self.base.as_ptr().cast();
            // SAFETY: the range is this object's own, and whoever held references into it borrowed it.
            let unmapped = unsafe { munmap(base, self.len) };
            // The system may have joined it with its neighbours to one mapping. Where there are as many
            // mappings as a process may have, none can be split. Then the addresses are lost, the pages not.
            assert!(
                matches!(unmapped, Ok(()) | Err(Errno::NOMEM)),
                "unmapping an owned range: {unmapped:?}"
            );
            if unmapped.is_err() {
                // SAFETY: as above. A refusal costs memory.
                let _ = unsafe { madvise(base, self.len, Advice::LinuxDontNeed) };
            }
        }
    }
}

/// How a file is mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum View {
    /// Read and written, changes going to the file.
    SharedWrite,
    /// Read and executed, showing what is written through other mappings.
    Execute,
    /// Read and executed, as the file is now.
    ExecutePrivate,
    /// Read and written, changes staying private.
    CopyOnWrite,
    /// Read only.
    Read,
}

impl View {
    fn flags(self) -> (ProtFlags, MapFlags) {
        match self {
            View::SharedWrite => (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED),
            View::Execute => (ProtFlags::READ | ProtFlags::EXEC, MapFlags::SHARED),
            View::ExecutePrivate => (ProtFlags::READ | ProtFlags::EXEC, MapFlags::PRIVATE),
            View::CopyOnWrite => (
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            ),
            View::Read => (ProtFlags::READ, MapFlags::PRIVATE),
        }
    }
}

/// Has the system find memory now for what will be written soon: one call is cheaper than a fault for each page.
/// Where it can't, the faults come.
pub fn will_write(memory: *mut [u8]) {
    let start = memory.cast::<u8>() as usize / page_size() * page_size();
    let len = memory.cast::<u8>() as usize + memory.len() - start;
    // SAFETY: that pages are there before they are written changes no contents, whosever they are.
    let _ = unsafe { madvise(start as *mut c_void, len, Advice::LinuxPopulateWrite) };
}

/// Has the system enter what a mapping has into the process's tables now, for what will be read or run soon. See
/// [`will_write`].
pub fn will_read(memory: *const [u8]) {
    let start = memory.cast::<u8>() as usize / page_size() * page_size();
    let len = memory.cast::<u8>() as usize + memory.len() - start;
    // SAFETY: as in `will_write`.
    let _ = unsafe { madvise(start as *mut c_void, len, Advice::LinuxPopulateRead) };
}

/// A whole file's contents, mapped for reading.
#[derive(Debug)]
pub struct MappedFile {
    pages: Reservation,
    len: usize,
}

impl MappedFile {
    /// Maps a file as it is now.
    ///
    /// # Safety
    /// The file must not be changed or truncated while it is mapped.
    pub unsafe fn open(file: &File) -> io::Result<MappedFile> {
        let len =
            usize::try_from(file.metadata()?.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let pages = Reservation::new(round_up(len).ok_or(io::ErrorKind::FileTooLarge)?)?;
        // SAFETY: the reservation is fresh; the caller says that the file stays as it is.
        unsafe { pages.map_file(0..pages.len(), file, 0, View::Read) }?;
        Ok(MappedFile { pages, len })
    }

    /// The contents.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the pages are mapped for reading as long as `self` lives and, by the contract of
        // `open`, do not change.
        unsafe { std::slice::from_raw_parts(self.pages.base(), self.len) }
    }

    /// Takes the pages that lie in a range out of the process's tables. They count as its memory again once they are read.
    pub fn release(&self, range: Range<usize>) {
        let pages =
            range.start.next_multiple_of(page_size())..range.end / page_size() * page_size();
        if !pages.is_empty() {
            let at = self.pages.address(&pages);
            // SAFETY: a private mapping that nobody can write shows the file's contents before and after. A refusal
            // costs memory.
            let _ = unsafe { madvise(at, pages.len(), Advice::LinuxDontNeed) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_commit_keep_and_forget() {
        let page = page_size();
        let space = Reservation::new(4 * page).unwrap();
        space.commit(page..2 * page).unwrap();
        // SAFETY: the page was committed and belongs to this test.
        unsafe {
            let at = space.base().add(page);
            assert_eq!(*at, 0);
            *at = 7;
            assert_eq!(*at, 7);
            space.decommit(page..2 * page).unwrap();
            space.commit(page..2 * page).unwrap();
            assert_eq!(*at, 0);
        }
    }

    #[test]
    fn what_is_released_stays_readable() {
        let path = std::env::temp_dir().join(format!("mainspring-released-{}", std::process::id()));
        let page = page_size();
        let contents: Vec<u8> = (0..3 * page + 5).map(|i| (i / 3) as u8).collect();
        std::fs::write(&path, &contents).unwrap();
        // SAFETY: nobody else knows the file.
        let mapped = unsafe { MappedFile::open(&File::open(&path).unwrap()) }.unwrap();
        for range in [0..0, 1..page, 1..page + 1, 1..2 * page, 0..contents.len()] {
            mapped.release(range);
            assert_eq!(mapped.bytes(), contents);
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn anonymous_pages_seen_twice() {
        let page = page_size();
        let space = Reservation::new(4 * page).unwrap();
        // SAFETY: the pages are this test's own. The byte is `ret`.
        unsafe {
            let writable = space.map_anonymous_twice(page..3 * page).unwrap();
            assert_eq!(writable.len(), 2 * page);
            *writable.base().add(page) = 0xc3;
            let code = space.base().add(2 * page);
            assert_eq!(*code, 0xc3);
            std::mem::transmute::<*const u8, extern "sysv64" fn()>(code)();
        }
    }
}
