//! The process's one region of generated code, and who has which part of it.
//!
//! All code lies in one reserved region, so that a fault handler can tell with two comparisons whether a
//! program counter is in generated code. It lies below the program's own code, at a distance that differs from process
//! to process, and is filled from its end: processors predict branches between places that are tens of
//! gigabytes apart more slowly (on AMD's by 3 cycles), and host calls are such.
//!
//! A part begins small and grows where it is. Others keep a distance from it, its *room*, as long as there is
//! other space; then they settle in what the part with the most of it has not used.

use mainspring_error::Result;
use mainspring_platform::files::longest_file;
use mainspring_platform::memory_file::MemoryFile;
use mainspring_platform::pages::{Reservation, address_space_limit, page_size};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Address space for code. Costs nothing until used; smaller ones are tried where limits are tight.
const SIZES: [usize; 5] = [64 << 30, 8 << 30, 1 << 30, 256 << 20, 64 << 20];
/// The part of the address space that a process may have which is taken for code: memories need it more.
const PART_OF_LIMIT: usize = 8;

static START: AtomicUsize = AtomicUsize::new(0);
static END: AtomicUsize = AtomicUsize::new(0);

/// Whether an address is in the region of generated code. Safe in a signal handler.
pub fn contains(address: usize) -> bool {
    (START.load(Ordering::Acquire)..END.load(Ordering::Acquire)).contains(&address)
}

pub(crate) struct Region {
    pub space: Reservation,
    /// What code pages are pages of. None where the process's files may not be that long.
    pub file: Option<MemoryFile>,
    parts: Mutex<Parts>,
}

impl Region {
    /// The process's.
    ///
    /// # Errors
    /// If not even a small one could be reserved.
    pub fn get() -> Result<&'static Region> {
        static REGION: OnceLock<std::result::Result<Region, String>> = OnceLock::new();
        let made = REGION.get_or_init(|| Region::new().map_err(|error| error.to_string()));
        made.as_ref().map_err(|error| {
            mainspring_error::format_err!(
                "cannot reserve address space for generated code: {error}"
            )
        })
    }

    fn new() -> std::io::Result<Region> {
        let most = (address_space_limit() / PART_OF_LIMIT).max(SIZES[SIZES.len() - 1]);
        let mut last = None;
        for size in SIZES.into_iter().filter(|&size| size <= most) {
            match (
                Reservation::below(size, contains as *const () as usize),
                memory_file(size as u64),
            ) {
                (Ok(space), Ok(file)) => {
                    START.store(space.base() as usize, Ordering::Release);
                    END.store(space.base() as usize + size, Ordering::Release);
                    return Ok(Region {
                        space,
                        file,
                        parts: Mutex::new(Parts::new(size)),
                    });
                }
                (Err(error), _) | (_, Err(error)) => last = Some(error),
            }
        }
        Err(last.expect("sizes were tried"))
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a part of `len` bytes that may want to grow to `room`. Returns where it starts.
    pub fn take(&self, len: usize, room: usize) -> Option<usize> {
        self.parts().take(len, room)
    }

    /// Makes a part at least `least` bytes long, and up to `most` if there is space. Returns its length.
    pub fn grow(&self, start: usize, least: usize, most: usize) -> Option<usize> {
        self.parts().grow(start, least, most)
    }

    /// Gives a part back.
    ///
    /// # Safety
    /// Nothing may run or read code in it anymore.
    pub unsafe fn give_back(&self, range: Range<usize>) {
        // SAFETY: the caller's promise.
        let gone = unsafe { self.space.decommit(range.clone()) };
        // With as many mappings as a process may have, there can't be another, not even in place of these.
        let closed = gone.or_else(|_| self.space.close(range.clone()));
        // Pages of the file that can't be freed stay allocated until the range is used again.
        if let Some(file) = &self.file {
            let _ = file.release(range.start as u64..range.end as u64);
        }
        // Otherwise the addresses are lost, which there are plenty of.
        if closed.is_ok() {
            self.parts().taken.remove(&range.start);
        }
    }
}

fn memory_file(len: u64) -> std::io::Result<Option<MemoryFile>> {
    if len > longest_file() {
        return Ok(None);
    }
    MemoryFile::new("mainspring-code", len).map(Some)
}

/// Who has what, in whole pages.
struct Parts {
    /// By where they start.
    taken: BTreeMap<usize, Part>,
    end: usize,
}

struct Part {
    len: usize,
    /// How much it may want, its length and more.
    room: usize,
}

impl Parts {
    fn new(end: usize) -> Parts {
        Parts {
            taken: BTreeMap::new(),
            end,
        }
    }

    fn take(&mut self, len: usize, room: usize) -> Option<usize> {
        let room = room.max(len);
        let start = self
            .beyond_all_room(room)
            .or_else(|| self.in_unused_room(len))?;
        self.taken.insert(start, Part { len, room });
        Some(start)
    }

    /// The last place that is so long and is in nobody's room.
    fn beyond_all_room(&self, len: usize) -> Option<usize> {
        let mut end = self.end;
        for (&start, part) in self.taken.iter().rev() {
            // Where a part had to settle in another's room, rooms overlap.
            if end.saturating_sub(start + part.room) >= len {
                return Some(end - len);
            }
            end = start;
        }
        end.checked_sub(len)
    }

    /// In the middle of the longest stretch that nobody uses: whoever is before it can still grow.
    fn in_unused_room(&self, len: usize) -> Option<usize> {
        let mut end = self.end;
        let mut longest = 0..0;
        for (&start, part) in self.taken.iter().rev() {
            let unused = start + part.len..end;
            if unused.len() > longest.len() {
                longest = unused;
            }
            end = start;
        }
        let half = (longest.len() / 2).next_multiple_of(page_size());
        let taken = half.max(len);
        (taken <= longest.len()).then(|| longest.end - taken)
    }

    fn grow(&mut self, start: usize, least: usize, most: usize) -> Option<usize> {
        let next = self.taken.range(start + 1..).next();
        let end = next.map_or(self.end, |(&next, _)| next);
        let len = most.min(end - start);
        let part = self.taken.get_mut(&start)?;
        if len < least {
            return None;
        }
        part.len = part.len.max(len);
        part.room = part.room.max(part.len);
        Some(part.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 4096;

    fn check(parts: &Parts) {
        let mut end = 0;
        for (&start, part) in &parts.taken {
            assert!(start >= end, "parts overlap");
            assert_eq!(start % PAGE, 0);
            end = start + part.len;
        }
        assert!(end <= parts.end);
    }

    #[test]
    fn room_is_kept_while_there_is_other_space() {
        let mut parts = Parts::new(100 * PAGE);
        let first = parts.take(PAGE, 40 * PAGE).unwrap();
        let second = parts.take(PAGE, 40 * PAGE).unwrap();
        assert_eq!((first, second), (60 * PAGE, 20 * PAGE));
        assert_eq!(parts.grow(second, 30 * PAGE, 50 * PAGE), Some(40 * PAGE));
        assert_eq!(parts.grow(second, 41 * PAGE, 50 * PAGE), None);
        check(&parts);
    }

    #[test]
    fn when_all_is_room_what_is_unused_is_shared() {
        let mut parts = Parts::new(64 * PAGE);
        let mut starts = Vec::new();
        while let Some(start) = parts.take(PAGE, 32 * PAGE) {
            check(&parts);
            starts.push(start);
        }
        assert_eq!(starts.len(), 64, "every page is used in the end");
        for &start in &starts {
            assert_eq!(parts.grow(start, 2 * PAGE, 2 * PAGE), None);
        }
        parts.taken.clear();
        assert_eq!(parts.take(64 * PAGE, 0), Some(0), "all is free again");
    }

    #[test]
    fn parts_come_grow_and_go_without_touching_each_other() {
        let mut parts = Parts::new(1000 * PAGE);
        let mut random = 1u32;
        let mut next = |end: usize| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) as usize % end
        };
        let mut starts: Vec<usize> = Vec::new();
        for _ in 0..20_000 {
            match next(4) {
                0 | 1 => starts.extend(parts.take((1 + next(9)) * PAGE, next(90) * PAGE)),
                2 if !starts.is_empty() => {
                    let start = starts[next(starts.len())];
                    let len = parts.taken[&start].len;
                    if let Some(grown) = parts.grow(start, len + PAGE, len + 5 * PAGE) {
                        assert!(grown > len);
                    }
                }
                _ if !starts.is_empty() => {
                    let start = starts.swap_remove(next(starts.len()));
                    parts.taken.remove(&start);
                }
                _ => {}
            }
            check(&parts);
        }
    }
}
