//! Executable memory.
//!
//! All code of the process lies in one reserved region, so that a fault handler can tell with two
//! comparisons whether a program counter is in generated code. It lies just below the program's own
//! code, and is filled from its end: processors predict branches between places that are tens of
//! gigabytes apart more slowly (on AMD's by 3 cycles), and host calls are such. Code pages are pages of one memory
//! file, mapped twice: executable in the region, writable at an unrelated address for as long as
//! their owner still adds code. No mapping is ever both. Where a profiler asks for it, or the process may
//! not make so long a file, code lies in anonymous pages instead, mapped twice in the same way.
//!
//! A [`CodeRange`] is one owner's part: first data pages (private, readable and writable; a code
//! table lives there, within reach of 32-bit displacements), then code pages.

use crate::ahead::{self, Pages};
use anyhow::{Context, Result, ensure};
use mainspring_platform::files::longest_file;
use mainspring_platform::memory_file::MemoryFile;
use mainspring_platform::pages::{Reservation, View, page_size, round_up};
use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Address space for code. Costs nothing until used; smaller ones are tried where limits are tight.
const REGION_SIZES: [usize; 3] = [64 << 30, 8 << 30, 1 << 30];

/// The most that one owner gets, so that displacements in it fit in 32 bits.
pub(crate) const MAX_RANGE: usize = 0x7f00_0000;

struct Region {
    space: Reservation,
    /// None where the process's files may not be that long.
    file: Option<MemoryFile>,
    /// Free parts: start and length.
    free: Mutex<BTreeMap<usize, usize>>,
}

static REGION_START: AtomicUsize = AtomicUsize::new(0);
static REGION_END: AtomicUsize = AtomicUsize::new(0);

/// Whether an address is in the region of generated code. Safe in a signal handler.
pub fn contains(address: usize) -> bool {
    (REGION_START.load(Ordering::Acquire)..REGION_END.load(Ordering::Acquire)).contains(&address)
}

fn region() -> Result<&'static Region> {
    static REGION: OnceLock<std::result::Result<Region, String>> = OnceLock::new();
    let made = REGION.get_or_init(|| {
        let mut last = None;
        for size in REGION_SIZES {
            match (
                Reservation::below(size, region as *const () as usize),
                memory_file(size as u64),
            ) {
                (Ok(space), Ok(file)) => {
                    REGION_START.store(space.base() as usize, Ordering::Release);
                    REGION_END.store(space.base() as usize + size, Ordering::Release);
                    return Ok(Region {
                        space,
                        file,
                        free: Mutex::new(BTreeMap::from([(0, size)])),
                    });
                }
                (Err(error), _) | (_, Err(error)) => last = Some(error),
            }
        }
        Err(format!(
            "cannot reserve address space for generated code: {}",
            last.expect("sizes were tried")
        ))
    });
    made.as_ref()
        .map_err(|error| anyhow::Error::msg(error.clone()))
}

fn memory_file(len: u64) -> std::io::Result<Option<MemoryFile>> {
    if len > longest_file() {
        return Ok(None);
    }
    MemoryFile::new("mainspring-code", len).map(Some)
}

impl Region {
    fn take(&self, len: usize) -> Result<usize> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let (&start, &available) = free
            .iter()
            .rfind(|&(_, &available)| available >= len)
            .with_context(|| {
                format!("no room for {len} bytes of generated code: other modules fill the region")
            })?;
        let rest = available - len;
        if rest == 0 {
            free.remove(&start);
        } else {
            free.insert(start, rest);
        }
        Ok(start + rest)
    }

    fn give_back(&self, range: Range<usize>) {
        // SAFETY: the owner is gone, and with it everything that could run or read this code.
        let gone = unsafe { self.space.decommit(range.clone()) };
        // With as many mappings as a process may have, there can't be another, not even in place of these.
        let closed = gone.or_else(|_| self.space.close(range.clone()));
        // Pages of the file that can't be freed stay allocated until the range is used again.
        if let Some(file) = &self.file {
            let _ = file.release(range.start as u64..range.end as u64);
        }
        if closed.is_err() {
            // The addresses are lost, which there are plenty of.
            return;
        }
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut merged = range;
        if let Some((&before, &len)) = free.range(..merged.start).next_back()
            && before + len == merged.start
        {
            free.remove(&before);
            merged.start = before;
        }
        if let Some(len) = free.remove(&merged.end) {
            merged.end += len;
        }
        free.insert(merged.start, merged.len());
    }
}

/// What code pages are pages of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Backing {
    /// The region's memory file, if it has one.
    MemoryFile,
    /// No file, as far as anybody can see.
    Anonymous,
}

/// One owner's part of the region. Returned when dropped.
pub(crate) struct CodeRange {
    region: &'static Region,
    range: Range<usize>,
    data_len: usize,
    /// The code pages' second, writable mapping.
    writable: Option<Reservation>,
    /// Up to where these have memory, or soon will.
    populated: AtomicUsize,
}

/// Bytes of code for which memory is found ahead of time, at the least and at the most.
const POPULATE_AHEAD: Range<usize> = 64 << 10..256 << 10;

impl CodeRange {
    /// Takes a range with `data_len` bytes of data pages (rounded up) and `code_len` bytes of code pages.
    pub fn new(data_len: usize, code_len: usize, backing: Backing) -> Result<CodeRange> {
        let mut range = CodeRange::reserve(data_len, code_len)?;
        let code = range.code_range();
        let map = || -> std::io::Result<Reservation> {
            // SAFETY: fresh ranges that only this object knows. The file's part is this object's too.
            unsafe {
                range
                    .region
                    .space
                    .map_zeroed(range.range.start..code.start)?;
                let file = match &range.region.file {
                    Some(file) if backing == Backing::MemoryFile => file,
                    _ => return range.region.space.map_anonymous_twice(code.clone()),
                };
                range.region.space.map_file(
                    code.clone(),
                    file,
                    code.start as u64,
                    View::Execute,
                )?;
                let writable = Reservation::new(code.len())?;
                writable.map_file(0..code.len(), file, code.start as u64, View::SharedWrite)?;
                Ok(writable)
            }
        };
        range.writable = Some(map().context("cannot map memory for generated code")?);
        Ok(range)
    }

    /// Takes a range whose code pages are a part of a file, mapped executable where they are.
    ///
    /// # Safety
    /// The file's part must not change while it is mapped, and must be trusted code.
    pub unsafe fn from_file(file: &File, offset: u64, len: usize) -> Result<CodeRange> {
        let range = CodeRange::reserve(0, len)?;
        // SAFETY: a fresh range that only this object knows; the caller answers for the file.
        unsafe {
            range
                .region
                .space
                .map_file(range.range.clone(), file, offset, View::ExecutePrivate)
        }
        .context("cannot map the image's code as executable")?;
        Ok(range)
    }

    /// Maps part of a file over code pages, executable. They are never written then.
    ///
    /// # Safety
    /// Nothing may use these pages yet. The file's part must not change while it is mapped, and must be
    /// trusted code.
    pub unsafe fn map_code(&self, at: usize, file: &File, offset: u64, len: usize) -> Result<()> {
        let start = self.code_range().start + at;
        let len = round_up(len).context("too much code")?;
        // SAFETY: the caller's promise.
        unsafe {
            self.region
                .space
                .map_file(start..start + len, file, offset, View::ExecutePrivate)
        }
        .context("cannot map the cached code as executable")
    }

    fn reserve(data_len: usize, code_len: usize) -> Result<CodeRange> {
        let data_len = round_up(data_len).context("too much code")?;
        let total = round_up(code_len.max(page_size()))
            .and_then(|code| code.checked_add(data_len))
            .context("too much code")?;
        ensure!(
            total <= MAX_RANGE,
            "a module's code takes {total} bytes; the limit is {MAX_RANGE}"
        );
        let region = region()?;
        let start = region.take(total)?;
        Ok(CodeRange {
            region,
            range: start..start + total,
            data_len,
            writable: None,
            populated: AtomicUsize::new(0),
        })
    }

    fn code_range(&self) -> Range<usize> {
        self.range.start + self.data_len..self.range.end
    }

    /// The address of the data pages.
    pub fn data(&self) -> *mut u8 {
        self.region.space.base().wrapping_add(self.range.start)
    }

    /// The address of the code pages, where they are executed.
    pub fn code(&self) -> *const u8 {
        self.data().wrapping_add(self.data_len)
    }

    /// Bytes of code pages.
    pub fn code_len(&self) -> usize {
        self.range.len() - self.data_len
    }

    /// All addresses of the range.
    pub fn addresses(&self) -> Range<usize> {
        let start = self.data() as usize;
        start..start + self.range.len()
    }

    /// Copies bytes into the code pages.
    ///
    /// # Safety
    /// Nothing may be executing the bytes that are replaced, and no other thread may be writing them.
    pub unsafe fn write(&self, offset: usize, bytes: &[u8]) {
        let writable = self
            .writable
            .as_ref()
            .expect("only ranges made for writing are written");
        assert!(
            offset <= writable.len() && bytes.len() <= writable.len() - offset,
            "code is written inside its range"
        );
        self.populate_ahead(writable, offset + bytes.len());
        // SAFETY: in bounds of the writable mapping, as just checked; no one else writes there.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), writable.base().add(offset), bytes.len())
        }
    }

    /// Has memory found for what comes next, when code is written up to `end`.
    fn populate_ahead(&self, writable: &Reservation, end: usize) {
        let populated = self.populated.load(Relaxed);
        // As much again as there is already: little code takes little memory.
        let ahead = end.clamp(POPULATE_AHEAD.start, POPULATE_AHEAD.end);
        if end + ahead / 2 <= populated {
            return;
        }
        let from = populated.max(end / page_size() * page_size());
        let to = (end + ahead).next_multiple_of(page_size());
        let to = to.min(writable.len());
        if from < to {
            self.populated.store(to, Relaxed);
            ahead::find(Pages {
                write: writable.base() as usize + from,
                run: self.code() as usize + from,
                len: to - from,
            });
        }
    }

    /// Ends writing: the writable mapping goes.
    pub fn seal(&mut self) {
        self.writable = None;
    }
}

impl Drop for CodeRange {
    fn drop(&mut self) {
        // First of all: it makes room for a mapping.
        self.writable = None;
        self.region.give_back(self.range.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_runs_and_is_never_writable_where_it_runs() {
        for backing in [Backing::MemoryFile, Backing::Anonymous] {
            let range = CodeRange::new(8, 100, backing).unwrap();
            // SAFETY: nothing runs the code yet. The bytes are `mov eax, 42; ret`.
            let answer = unsafe {
                range.write(0, &[0xb8, 42, 0, 0, 0, 0xc3]);
                std::mem::transmute::<*const u8, extern "sysv64" fn() -> i32>(range.code())()
            };
            assert_eq!(answer, 42);
            assert!(contains(range.code() as usize));
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            let named = format!("{:x}-", range.code() as usize);
            let line = maps.lines().find(|line| line.starts_with(&named));
            let expected = match backing {
                Backing::MemoryFile => "mainspring-code",
                // That is how the system shows shared anonymous memory.
                Backing::Anonymous => "/dev/zero",
            };
            assert!(line.is_some_and(|line| line.contains(expected)), "{maps}");
            assert!(!maps.lines().any(|line| {
                line.split(' ')
                    .nth(1)
                    .is_some_and(|p| p.contains('w') && p.contains('x'))
            }));
        }
    }

    #[test]
    fn returned_ranges_are_used_again() {
        let first = CodeRange::new(0, 1 << 20, Backing::MemoryFile).unwrap();
        let others: Vec<_> = (0..10)
            .map(|_| CodeRange::new(0, 1 << 20, Backing::MemoryFile).unwrap())
            .collect();
        drop(first);
        drop(others);
        for _ in 0..1000 {
            let range = CodeRange::new(4096, 1 << 20, Backing::MemoryFile);
            assert!(range.is_ok());
            if !(range.unwrap().code() as usize).is_multiple_of(page_size()) {
                panic!("code pages start at a page");
            }
        }
    }
}
