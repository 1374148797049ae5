//! Compiled code on disk, from one process to the next.
//!
//! A directory with one file an entry, named after its [`Key`]. What it holds becomes code that
//! runs with all rights of the process, so nothing is used that another user could have written
//! (`mainspring_platform::files`), and nothing that isn't whole (`entry`).
//!
//! An entry is written under a temporary name and renamed: a file that has an entry's name never
//! changes. Whoever has mapped one keeps what it mapped, also when the entry is replaced or removed.
//! Nothing waits for the disk. After a power failure an entry can be there whose contents never
//! arrived; its checksum says so, and it is removed as any damaged one.
//!
//! Any number of threads and processes use a directory at once, without locks. If they get in
//! each other's way, something isn't found that could have been: never an error, never wrong code.
//! The directory is opened and checked at each use, so it may be removed at any time.

mod entry;
mod eviction;
mod key;
#[cfg(test)]
mod tests;

pub use entry::{Entry, Payload};
pub use key::Key;

use eviction::Temporary;
use mainspring_error::{Context, Result, bail, ensure, format_err};
use mainspring_platform::files::{self, NotPrivate, PrivateDirectory};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};
use tracing::field;

/// How long after an entry was last marked as used a load marks it again. Eviction doesn't see
/// differences that are smaller; in return most loads write nothing.
const MARK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// How often room is made on a disk that is full. Others may take what was made.
const ATTEMPTS: usize = 3;

/// Where a cache is and how large it may become.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// The directory with its files. Made when needed, for this user alone.
    pub directory: PathBuf,
    /// How many bytes of disk its entries may take, about.
    pub size_limit: u64,
    /// To which part of that they are reduced once it is exceeded, in percent.
    pub size_percent: u8,
    /// How many entries there may be, when someone looks.
    pub file_limit: u64,
    /// To which part of that they are reduced once it is exceeded, in percent.
    pub file_percent: u8,
    /// When to look even if there is room.
    pub look_after: Duration,
    /// How far in the future an entry may have been used.
    pub clock_drift: Duration,
}

impl CacheSettings {
    /// The size limit unless another is given.
    pub const DEFAULT_SIZE_LIMIT: u64 = 2 << 30;

    /// The limit for the number of entries unless another is given.
    pub const DEFAULT_FILE_LIMIT: u64 = 1 << 16;

    /// What is left of a limit unless otherwise said.
    pub const DEFAULT_PERCENT: u8 = 80;

    /// When to look unless otherwise said.
    pub const DEFAULT_LOOK_AFTER: Duration = Duration::from_secs(3600);

    /// How far clocks differ unless otherwise said.
    pub const DEFAULT_CLOCK_DRIFT: Duration = Duration::from_secs(3600);

    /// A cache in a directory, with the defaults.
    pub fn new(directory: impl Into<PathBuf>) -> CacheSettings {
        CacheSettings {
            directory: directory.into(),
            size_limit: CacheSettings::DEFAULT_SIZE_LIMIT,
            size_percent: CacheSettings::DEFAULT_PERCENT,
            file_limit: CacheSettings::DEFAULT_FILE_LIMIT,
            file_percent: CacheSettings::DEFAULT_PERCENT,
            look_after: CacheSettings::DEFAULT_LOOK_AFTER,
            clock_drift: CacheSettings::DEFAULT_CLOCK_DRIFT,
        }
    }

    /// The user's cache directory: `$MAINSPRING_CACHE_DIR`, else `$XDG_CACHE_HOME/mainspring`, else
    /// `$HOME/.cache/mainspring`.
    pub fn default_directory() -> Result<PathBuf> {
        default_directory(|name| std::env::var_os(name))
    }
}

fn default_directory(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let path = |name| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(directory) = path("MAINSPRING_CACHE_DIR") {
        return Ok(directory);
    }
    // Relative to the directory that the process happens to be in, these two mean nothing.
    let absolute = |name| path(name).filter(|path: &PathBuf| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".cache")))
        .map(|caches| caches.join("mainspring"))
        .context("cannot tell where to keep compiled code: set MAINSPRING_CACHE_DIR, or HOME to an absolute path")
}

/// What a [`Cache`] and its clones did so far.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct CacheStatistics {
    /// Loads that gave an entry.
    pub hits: u64,
    /// Loads that gave none.
    pub misses: u64,
    /// Entries written.
    pub stores: u64,
    /// Entries not written because they are larger than the whole cache may be.
    pub declined: u64,
    /// Entries removed to make room.
    pub evictions: u64,
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    stores: AtomicU64,
    declined: AtomicU64,
    evictions: AtomicU64,
}

struct Shared {
    settings: CacheSettings,
    counters: Counters,
}

/// A cache of compiled code on disk. Clones are the same cache.
#[derive(Clone)]
pub struct Cache {
    shared: Arc<Shared>,
}

impl Cache {
    /// Opens a cache, making its directory if it isn't there.
    ///
    /// Fails if the directory can't be made, or if another user owns it or may write to it.
    pub fn open(mut settings: CacheSettings) -> Result<Cache> {
        let directory = &mut settings.directory;
        *directory = std::path::absolute(&*directory).with_context(|| {
            let shown = directory.display();
            format!("cannot tell where the cache directory {shown} is")
        })?;
        let counters = Counters::default();
        let cache = Cache {
            shared: Arc::new(Shared { settings, counters }),
        };
        cache.directory_for_writing()?;
        Ok(cache)
    }

    fn directory_for_writing(&self) -> Result<PrivateDirectory> {
        let path = &self.shared.settings.directory;
        PrivateDirectory::open_or_create(path).map_err(|error| {
            let shown = path.display();
            match NotPrivate::of(&error) {
                Some(reason @ NotPrivate::Writable(_)) => format_err!(
                    "the cache directory {shown} can't be trusted: {reason}; \
                     take that right away (chmod go-w) or name another directory with MAINSPRING_CACHE_DIR"
                ),
                Some(reason) => format_err!(
                    "the cache directory {shown} can't be trusted: {reason}; \
                     name another directory with MAINSPRING_CACHE_DIR"
                ),
                None => {
                    format_err!(error).context(format!("cannot use the cache directory {shown}"))
                }
            }
        })
    }

    /// Whether there is a directory in which files can be made.
    pub(crate) fn can_be_written(&self) -> bool {
        let directory = self.directory_for_writing();
        directory.is_ok_and(|directory| directory.can_be_written())
    }

    /// Where it is.
    pub fn settings(&self) -> &CacheSettings {
        &self.shared.settings
    }

    /// What it did so far, in this process.
    pub fn statistics(&self) -> CacheStatistics {
        let counters = &self.shared.counters;
        CacheStatistics {
            hits: counters.hits.load(Relaxed),
            misses: counters.misses.load(Relaxed),
            stores: counters.stores.load(Relaxed),
            declined: counters.declined.load(Relaxed),
            evictions: counters.evictions.load(Relaxed),
        }
    }

    /// Finds what was stored under a key, if it is there and whole.
    pub fn load(&self, key: &Key) -> Option<Entry> {
        let span = tracing::debug_span!("cache load", found = field::Empty).entered();
        let found = self.find(key);
        span.record("found", found.is_some());
        let counters = &self.shared.counters;
        let counter = if found.is_some() {
            &counters.hits
        } else {
            &counters.misses
        };
        counter.fetch_add(1, Relaxed);
        found
    }

    /// Whether an entry that was loaded is still the one that is stored under its key.
    pub(crate) fn has(&self, entry: &Entry) -> bool {
        let directory = PrivateDirectory::open(&self.shared.settings.directory);
        let file = directory.and_then(|directory| directory.open_file(&entry.key().to_string()));
        file.is_ok_and(|file| files::are_same(&file, entry.file()))
    }

    fn find(&self, key: &Key) -> Option<Entry> {
        let directory = PrivateDirectory::open(&self.shared.settings.directory).ok()?;
        let name = key.to_string();
        // What can't be used would be in the way each time, so it goes. That may hit a good entry
        // that came meanwhile, which costs a miss. Failing for want of memory or of files says nothing about it.
        let unusable = || {
            let _ = directory.remove(&name);
        };
        let file = directory
            .open_file(&name)
            .inspect_err(|error| {
                if NotPrivate::of(error).is_some() {
                    unusable();
                }
            })
            .ok()?;
        let entry = Entry::open(file, key).ok()?;
        match &entry {
            Some(entry) => {
                // Where all is known nothing is stored, and no one else would ever look.
                if mark_used(entry.file()) {
                    self.sweep_if_due(&directory);
                }
            }
            None => unusable(),
        }
        entry
    }

    /// Stores something under a key, in place of what was stored under it.
    ///
    /// What is larger than the whole cache may be isn't stored, and that is no error. If storing
    /// fails, what was stored before stays.
    pub fn store(&self, key: &Key, payload: &dyn Payload) -> Result<()> {
        let _span = tracing::debug_span!("cache store", bytes = payload.size()).entered();
        self.store_with(key, payload.size(), |file| entry::write(file, key, payload))
    }

    fn sweep_if_due(&self, directory: &PrivateDirectory) {
        let Shared { settings, counters } = &*self.shared;
        let evicted = eviction::sweep_if_due(directory, settings);
        counters.evictions.fetch_add(evicted, Relaxed);
    }

    fn store_with(
        &self,
        key: &Key,
        payload: usize,
        write: impl Fn(&mut File) -> io::Result<()>,
    ) -> Result<()> {
        let Shared { settings, counters } = &*self.shared;
        let len = entry::file_len(payload);
        if eviction::room_for(len) > settings.size_limit {
            counters.declined.fetch_add(1, Relaxed);
            return Ok(());
        }
        // Writing beyond this limit would not fail but end the process.
        let longest = files::longest_file();
        ensure!(
            len <= longest,
            "cannot store an entry of {len} bytes in the cache: the process may write files of at most {longest} (ulimit -f)"
        );
        let directory = self.directory_for_writing()?;
        // Before anything is written: what a killed process leaves behind is counted like an entry,
        // so that it too makes someone clean up.
        eviction::charge(&directory, len);
        let name = key.to_string();
        let attempt = || {
            let mut temporary = Temporary::create(&directory)?;
            write(temporary.file())?;
            // More exact than the time of writing, which is the same for all files of a few milliseconds.
            let _ = temporary.file().set_modified(SystemTime::now());
            temporary.rename(&name)
        };
        let mut stored = attempt();
        for _ in 0..ATTEMPTS {
            if !stored.as_ref().is_err_and(is_full) {
                break;
            }
            let evicted = eviction::make_room(&directory, settings, len, &name).unwrap_or(0);
            if evicted == 0 {
                break;
            }
            counters.evictions.fetch_add(evicted, Relaxed);
            stored = attempt();
        }
        self.sweep_if_due(&directory);
        match stored {
            Ok(()) => {
                counters.stores.fetch_add(1, Relaxed);
                Ok(())
            }
            // The temporary or the whole directory was removed meanwhile: as if it had been evicted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                let path = settings.directory.join(key.to_string());
                bail!("cannot store compiled code as {}: {error}", path.display())
            }
        }
    }
}

/// Whether there is no room on a disk, for this user at least.
fn is_full(error: &io::Error) -> bool {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    full.contains(&error.kind())
}

/// Records when an entry was used, in its time of modification: the time of access is not kept
/// on most systems. Says whether that was long after the last time.
fn mark_used(file: &File) -> bool {
    let now = SystemTime::now();
    let fresh = file.metadata().and_then(|metadata| metadata.modified());
    // A time in the future is put right, too.
    let fresh = fresh.is_ok_and(|at| {
        now.duration_since(at)
            .is_ok_and(|age| age < MARK_AGAIN_AFTER)
    });
    if !fresh {
        // Without it (on a file system that is only read) the entry goes earlier.
        let _ = file.set_modified(now);
    }
    !fresh
}
