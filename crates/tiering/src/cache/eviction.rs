//! Keeping a cache's directory small: temporaries that no one finishes, entries that no one uses.
//!
//! Looking through the directory takes time, so it is done when there is reason to. The file
//! `ledger` tells: its length is the number of pages in the directory when someone last looked,
//! and one byte more for each page that was to be stored since. Its first eight bytes are the time of that look.
//! Who stores something reads it, and who loads what no one has used for long.
//! Appending to it is atomic, so all processes share the count. What gets lost when the
//! ledger is renewed at the same moment is found at the next look.

use super::CacheSettings;
use super::key::is_entry_name;
use mainspring_platform::files::{Listed, PrivateDirectory, longest_file, process_exists};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

/// The unit in which room is counted.
const PAGE: u64 = 4096;
const LEDGER: &str = "ledger";
/// The time at the ledger's beginning.
const LEDGER_TIME: usize = 8;
/// No one takes as long to write an entry.
const ABANDONED_AFTER: Duration = Duration::from_secs(600);
const TEMPORARY: &str = "tmp-";

/// How many bytes of disk a file takes, about.
pub(super) fn room_for(len: u64) -> u64 {
    len.div_ceil(PAGE).saturating_mul(PAGE)
}

/// A file being written. Removed when dropped, unless it was renamed.
pub(super) struct Temporary<'a> {
    directory: &'a PrivateDirectory,
    name: String,
    file: File,
    renamed: bool,
}

impl Temporary<'_> {
    pub fn create(directory: &PrivateDirectory) -> io::Result<Temporary<'_>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Process numbers repeat: over time, and between containers that share a directory.
        let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
        let n = NEXT.fetch_add(1, Relaxed);
        let name = format!("{TEMPORARY}{}-{n}-{random:016x}", std::process::id());
        let file = directory.create_file(&name)?;
        Ok(Temporary {
            directory,
            name,
            file,
            renamed: false,
        })
    }

    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives it its name, in place of what had that name.
    pub fn rename(mut self, to: &str) -> io::Result<()> {
        self.directory.rename(&self.name, to)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = self.directory.remove(&self.name);
        }
    }
}

/// Whether a file is a temporary that no one will finish.
fn abandoned(file: &Listed, now: SystemTime) -> bool {
    let Some(rest) = file.name.strip_prefix(TEMPORARY) else {
        return false;
    };
    let old = |age| age > ABANDONED_AFTER;
    now.duration_since(file.modified).is_ok_and(old)
        || rest
            .split('-')
            .next()
            .and_then(|pid| pid.parse().ok())
            .is_some_and(|pid| !process_exists(pid))
}

/// Counts a file that is going to be stored. If it can't be counted, someone looks soon.
pub(super) fn charge(directory: &PrivateDirectory, len: u64) {
    if let Ok(ledger) = directory.open_to_append(LEDGER)
        && count(ledger, len.div_ceil(PAGE)).is_err()
    {
        let _ = directory.remove(LEDGER);
    }
}

fn count(mut ledger: File, pages: u64) -> io::Result<()> {
    check_length(ledger.metadata()?.len() + pages)?;
    let pages = vec![0; pages as usize];
    // One write, because others append at the same time.
    if ledger.write(&pages)? < pages.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(())
}

/// The process would be ended if it wrote a ledger that is too long for its limits.
fn check_length(len: u64) -> io::Result<()> {
    if len > longest_file() {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(())
}

/// Whether it is time to look through the directory.
fn due(directory: &PrivateDirectory, settings: &CacheSettings) -> bool {
    let read = || -> io::Result<(u64, u64)> {
        let ledger = directory.open_file(LEDGER)?;
        let mut time = [0; LEDGER_TIME];
        ledger.read_exact_at(&mut time, 0)?;
        let pages = ledger.metadata()?.len().saturating_sub(LEDGER_TIME as u64);
        Ok((pages, u64::from_le_bytes(time)))
    };
    let Ok((pages, looked)) = read() else {
        return true;
    };
    let age = seconds(SystemTime::now()).checked_sub(looked);
    pages.saturating_mul(PAGE) > settings.size_limit
        || age.is_none_or(|age| age > settings.look_after.as_secs())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Looks through the directory if it is time to and no one else does. Returns how many entries went.
pub(super) fn sweep_if_due(directory: &PrivateDirectory, settings: &CacheSettings) -> u64 {
    if !due(directory, settings) {
        return 0;
    }
    let Some(_lock) = directory.try_lock() else {
        return 0;
    };
    // Another thread may have been at it since.
    if !due(directory, settings) {
        return 0;
    }
    // What fails now is tried again at the next store.
    sweep(directory, settings, SystemTime::now()).unwrap_or(0)
}

/// Removes abandoned temporaries and, if what is left is more than there may be, the entries that were
/// not used for longest.
fn sweep(
    directory: &PrivateDirectory,
    settings: &CacheSettings,
    now: SystemTime,
) -> io::Result<u64> {
    let mut room = 0;
    let mut entries = Vec::new();
    for file in directory.files()? {
        if abandoned(&file, now) && directory.remove(&file.name).is_ok() {
            continue;
        }
        if is_entry_name(&file.name) {
            room += room_for(file.len);
            entries.push(file);
        } else if file.name.starts_with(TEMPORARY) {
            room += room_for(file.len);
        }
    }
    let mut evicted = 0;
    let mut count = entries.len() as u64;
    let room_left = left_of(settings.size_limit, settings.size_percent, room);
    let count_left = left_of(settings.file_limit, settings.file_percent, count);
    if room > room_left || count > count_left {
        sort_by_use(&mut entries, settings, now);
        // The last one stays: it may be large, but it is allowed to be.
        entries.pop();
        for file in &entries {
            if room <= room_left && count <= count_left {
                break;
            }
            if directory.remove(&file.name).is_ok() {
                room -= room_for(file.len);
                count -= 1;
                evicted += 1;
            }
        }
    }
    // Without a new ledger, the next store looks again.
    let _ = renew(directory, room, now);
    Ok(evicted)
}

/// How much may stay of what there is.
fn left_of(limit: u64, percent: u8, there: u64) -> u64 {
    if there <= limit {
        return there;
    }
    (u128::from(limit) * u128::from(percent) / 100) as u64
}

/// What was not used for longest comes first.
fn sort_by_use(entries: &mut [Listed], settings: &CacheSettings, now: SystemTime) {
    // An entry from the future was written under a wrong clock: nothing is known of its use.
    let used = |file: &Listed| {
        let ahead = file.modified.duration_since(now).unwrap_or_default();
        let known = ahead <= settings.clock_drift;
        known.then_some(file.modified)
    };
    entries.sort_by(|a, b| (used(a), &a.name).cmp(&(used(b), &b.name)));
}

/// Removes entries that were not used for longest from a disk that is full, in favour of a file of that length that is to
/// have a name. Returns how many went: none if all others together take less.
pub(super) fn make_room(
    directory: &PrivateDirectory,
    settings: &CacheSettings,
    len: u64,
    name: &str,
) -> io::Result<u64> {
    let needed = room_for(len);
    let mut entries = directory.files()?;
    entries.retain(|file| is_entry_name(&file.name) && file.name != name);
    let all: u64 = entries.iter().map(|file| room_for(file.len)).sum();
    if all < needed {
        return Ok(0);
    }
    sort_by_use(&mut entries, settings, SystemTime::now());
    let (mut freed, mut evicted) = (0, 0);
    for file in &entries {
        if freed >= needed {
            break;
        }
        if directory.remove(&file.name).is_ok() {
            freed += room_for(file.len);
            evicted += 1;
        }
    }
    Ok(evicted)
}

fn renew(directory: &PrivateDirectory, room: u64, now: SystemTime) -> io::Result<()> {
    let len = LEDGER_TIME as u64 + room / PAGE;
    check_length(len)?;
    let mut ledger = Temporary::create(directory)?;
    ledger.file().write_all(&seconds(now).to_le_bytes())?;
    // A hole: the pages' bytes are counted, never read.
    ledger.file().set_len(len)?;
    ledger.rename(LEDGER)
}
