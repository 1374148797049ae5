//! Executable memory.
//!
//! A [`CodeRange`] is one owner's part of the process's [`Region`]: first data pages (private, readable and
//! writable; a code table lives there, within reach of 32-bit displacements), then code pages, which come as code is
//! written. Code pages are pages of one memory file, mapped twice: executable in the region, writable at an
//! unrelated address. No mapping is ever both, and only a *window* is writable, around where code is added: what
//! was written before can't be changed through it. Where a profiler asks for it, or the process may
//! not make so long a file, code lies in anonymous pages instead, mapped twice in the same way; these stay writable
//! while their owner adds code.

use crate::ahead::{self, Pages};
use crate::code_region::Region;
use mainspring_error::{Context, Result, ensure};
use mainspring_platform::pages::{Reservation, View, page_size, round_up};
use std::fs::File;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most that one owner gets, so that displacements in it fit in 32 bits.
pub(crate) const MAX_RANGE: usize = 0x7f00_0000;

/// Bytes of code pages that a window is made for beyond what is written, at the least and at the most.
const WINDOW: Range<usize> = 64 << 10..512 << 10;

/// Bytes of code for which memory is found ahead of time, at the least and at the most.
const POPULATE_AHEAD: Range<usize> = 64 << 10..256 << 10;

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
    start: usize,
    data_len: usize,
    /// Bytes of code pages.
    code_len: AtomicUsize,
    backing: Backing,
    writing: Mutex<Writing>,
}

/// How code is added. Places are offsets in the code pages.
#[derive(Default)]
struct Writing {
    /// Up to where the code pages are mapped for running.
    mapped: usize,
    windows: Vec<Window>,
    /// Up to where pages of the last window have memory, or soon will.
    populated: usize,
}

/// Code pages, mapped a second time to write them.
struct Window {
    start: usize,
    pages: Reservation,
}

impl Window {
    fn end(&self) -> usize {
        self.start + self.pages.len()
    }
}

impl CodeRange {
    /// Takes a range with `data_len` bytes of data pages (rounded up), whose code may want to grow to `room`.
    ///
    /// # Errors
    /// If it would be too large, or there is no address space or memory for it.
    pub fn new(data_len: usize, room: usize, backing: Backing) -> Result<CodeRange> {
        let range = CodeRange::reserve(data_len, page_size(), room, backing)?;
        let data = range.start..range.start + range.data_len;
        // SAFETY: a fresh range that only this object knows.
        unsafe { range.region.space.map_zeroed(data) }
            .context("cannot map memory for generated code")?;
        Ok(range)
    }

    /// Takes a range whose code pages are a part of a file, mapped executable where they are.
    ///
    /// # Safety
    /// The file's part must not change while it is mapped, and must be trusted code.
    pub unsafe fn from_file(file: &File, offset: u64, len: usize) -> Result<CodeRange> {
        let range = CodeRange::reserve(0, len, 0, Backing::MemoryFile)?;
        // SAFETY: a fresh range that only this object knows; the caller answers for the file.
        unsafe { range.map_code(0, file, offset, len) }?;
        Ok(range)
    }

    /// Maps part of a file over code pages, executable. They are never written then.
    ///
    /// # Safety
    /// Nothing may use these pages yet. The file's part must not change while it is mapped, and must be
    /// trusted code.
    pub unsafe fn map_code(&self, at: usize, file: &File, offset: u64, len: usize) -> Result<()> {
        let end = round_up(at + len).context("too much code")?;
        let mut writing = self.writing();
        self.grow(end, end)?;
        let start = self.start + self.data_len;
        // SAFETY: the caller's promise.
        unsafe {
            self.region
                .space
                .map_file(start + at..start + end, file, offset, View::ExecutePrivate)
        }
        .context("cannot map the code of a file as executable")?;
        writing.mapped = writing.mapped.max(end);
        Ok(())
    }

    fn reserve(
        data_len: usize,
        code_len: usize,
        room: usize,
        backing: Backing,
    ) -> Result<CodeRange> {
        let data_len = round_up(data_len).context("too much code")?;
        let code_len = round_up(code_len.max(1)).context("too much code")?;
        let total = data_len.checked_add(code_len).context("too much code")?;
        ensure!(
            total <= MAX_RANGE,
            "a module's code takes {total} bytes; the limit is {MAX_RANGE}"
        );
        let room = room
            .checked_add(data_len)
            .and_then(round_up)
            .context("too much code")?;
        let region = Region::get()?;
        let start = region.take(total, room.min(MAX_RANGE)).with_context(|| {
            format!("no room for {total} bytes of generated code: other modules fill the region")
        })?;
        Ok(CodeRange {
            region,
            start,
            data_len,
            code_len: AtomicUsize::new(code_len),
            backing,
            writing: Mutex::default(),
        })
    }

    /// Has at least `least` bytes of code pages, and up to `most`. Returns how many.
    fn grow(&self, least: usize, most: usize) -> Result<usize> {
        let len = self.code_len();
        if least <= len {
            return Ok(len);
        }
        let with_data = |code: usize| self.data_len.saturating_add(code);
        let most = with_data(most).min(MAX_RANGE);
        let grown = self.region.grow(self.start, with_data(least), most);
        let grown = grown
            .with_context(|| format!("no room for more than {len} bytes of the module's code"))?;
        self.code_len.store(grown - self.data_len, Relaxed);
        Ok(grown - self.data_len)
    }

    /// The address of the data pages.
    pub fn data(&self) -> *mut u8 {
        self.region.space.base().wrapping_add(self.start)
    }

    /// The address of the code pages, where they are executed.
    pub fn code(&self) -> *const u8 {
        self.data().wrapping_add(self.data_len)
    }

    /// Bytes of code pages.
    fn code_len(&self) -> usize {
        self.code_len.load(Relaxed)
    }

    /// All addresses of the range, as it is now.
    pub fn addresses(&self) -> Range<usize> {
        let start = self.data() as usize;
        start..start + self.data_len + self.code_len()
    }

    /// Copies bytes into the code pages, behind all that were written before.
    ///
    /// # Safety
    /// Nothing may be executing the bytes that are replaced, and no other thread may be writing them.
    ///
    /// # Errors
    /// If there is no room for them, or no memory. Nothing is written then.
    pub unsafe fn write(&self, offset: usize, bytes: &[u8]) -> Result<()> {
        let end = offset.checked_add(bytes.len()).context("too much code")?;
        let mut writing = self.writing();
        self.open_window(&mut writing, offset, end)?;
        for window in &writing.windows {
            let (from, to) = (offset.max(window.start), end.min(window.end()));
            if from < to {
                let bytes = &bytes[from - offset..to - offset];
                // SAFETY: `from..to` lies in the window's mapping; no one else writes there.
                unsafe {
                    let place = window.pages.base().add(from - window.start);
                    std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
                }
            }
        }
        self.populate_ahead(&mut writing, end);
        Ok(())
    }

    /// Has pages for code up to a place, from the start on.
    ///
    /// # Errors
    /// If there is no room for them, or no memory.
    pub fn open(&self, to: usize) -> Result<()> {
        self.open_window(&mut self.writing(), 0, to)
    }

    /// Sees to it that the windows reach from one place to another.
    fn open_window(&self, writing: &mut Writing, from: usize, to: usize) -> Result<()> {
        let last = writing.windows.last();
        if last.is_some_and(|window| to <= window.end()) {
            return Ok(());
        }
        let more = to.clamp(WINDOW.start, WINDOW.end);
        let most = to
            .checked_add(more)
            .and_then(round_up)
            .context("too much code")?;
        let end = self
            .grow(round_up(to).context("too much code")?, most)?
            .min(most);
        let start = self.start + self.data_len;
        let space = &self.region.space;
        // SAFETY: pages of this range that are not mapped yet, and so not used, and in the file its part.
        let opened = unsafe {
            match &self.region.file {
                Some(file) if self.backing == Backing::MemoryFile => (|| {
                    let (run, write) = (writing.mapped, from / page_size() * page_size());
                    // All before it is written. First of all: it makes room for a mapping.
                    writing.windows.clear();
                    if run < end {
                        let at = start + run;
                        space.map_file(at..start + end, file, at as u64, View::Execute)?;
                    }
                    let pages = Reservation::new(end - write)?;
                    let at = (start + write) as u64;
                    pages.map_file(0..pages.len(), file, at, View::SharedWrite)?;
                    Ok(Window {
                        start: write,
                        pages,
                    })
                })(),
                _ => {
                    let run = writing.mapped;
                    let pages = space.map_anonymous_twice(start + run..start + end);
                    pages.map(|pages| Window { start: run, pages })
                }
            }
        };
        let window: std::io::Result<Window> = opened;
        let window = window.context("cannot map memory for generated code")?;
        writing.windows.push(window);
        writing.mapped = writing.mapped.max(end);
        Ok(())
    }

    /// Has memory found for what comes next, when code is written up to `end`.
    fn populate_ahead(&self, writing: &mut Writing, end: usize) {
        let Some(window) = writing.windows.last() else {
            return;
        };
        // As much again as there is already: little code takes little memory.
        let ahead = end.clamp(POPULATE_AHEAD.start, POPULATE_AHEAD.end);
        if end + ahead / 2 <= writing.populated {
            return;
        }
        let from = writing.populated.max(end / page_size() * page_size());
        let from = from.max(window.start);
        let to = (end + ahead)
            .next_multiple_of(page_size())
            .min(window.end());
        if from < to {
            writing.populated = to;
            ahead::find(Pages {
                write: window.pages.base() as usize + (from - window.start),
                run: self.code() as usize + from,
                len: to - from,
            });
        }
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends writing: no code page is mapped writable anymore.
    pub fn seal(&self) {
        self.writing().windows.clear();
    }
}

impl Drop for CodeRange {
    fn drop(&mut self) {
        // First of all: it makes room for a mapping.
        self.seal();
        let len = self.data_len + self.code_len();
        // SAFETY: the owner is gone, and with it everything that could run or read this code.
        unsafe { self.region.give_back(self.start..self.start + len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code_region::contains;

    /// `mov eax, n; ret`, filled up with `int3`.
    fn answer(n: u8, len: usize) -> Vec<u8> {
        let mut code = vec![0xb8, n, 0, 0, 0, 0xc3];
        code.resize(len, 0xcc);
        code
    }

    fn call(range: &CodeRange, at: usize) -> i32 {
        // SAFETY: the tests wrote an `answer` there.
        unsafe {
            let code = range.code().add(at);
            std::mem::transmute::<*const u8, extern "sysv64" fn() -> i32>(code)()
        }
    }

    #[test]
    fn code_runs_and_is_never_writable_where_it_runs() {
        for backing in [Backing::MemoryFile, Backing::Anonymous] {
            let range = CodeRange::new(8, 100, backing).unwrap();
            // SAFETY: nothing runs the code yet.
            unsafe { range.write(0, &answer(42, 6)).unwrap() };
            assert_eq!(call(&range, 0), 42);
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
    fn code_grows_in_place_and_what_was_written_is_closed() {
        for backing in [Backing::MemoryFile, Backing::Anonymous] {
            let range = CodeRange::new(100_000, 16 << 20, backing).unwrap();
            let first = range.code();
            let mut at = 0;
            for n in 0..100 {
                let len = 1000 + usize::from(n) * 700;
                // SAFETY: behind all code that runs.
                unsafe { range.write(at, &answer(n, len)).unwrap() };
                assert_eq!((call(&range, at), range.code()), (i32::from(n), first));
                at += len;
            }
            assert_eq!(call(&range, 0), 0);
            let windows = &range.writing().windows;
            let writable: usize = windows.iter().map(|window| window.pages.len()).sum();
            match backing {
                Backing::MemoryFile => assert!(writable <= 2 * WINDOW.end, "{writable}"),
                Backing::Anonymous => assert!(writable >= at),
            }
        }
    }

    #[test]
    fn returned_ranges_are_used_again() {
        let make = || CodeRange::new(4096, 1 << 20, Backing::MemoryFile).unwrap();
        let first = make();
        let others: Vec<_> = (0..10).map(|_| make()).collect();
        drop(first);
        drop(others);
        for _ in 0..1000 {
            let range = make();
            assert!((range.code() as usize).is_multiple_of(page_size()));
        }
    }
}
