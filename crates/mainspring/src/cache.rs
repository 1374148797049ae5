//! The cache: what was learned about modules in earlier runs.

mod config;

pub use config::CacheConfig;

use crate::Result;
use mainspring_tiering as tiering;
use std::path::{Path, PathBuf};

/// A directory of files with what was learned about modules: their optimized code, how much of them
/// ran, and that they are valid. Cheap to clone; engines and processes may share a directory.
///
/// An engine with a cache begins where the last one left off. Files are named by a cryptographic hash of
/// the module and of everything else that code depends on, checked before they are used, and replaced as a
/// whole. They are native code: the directory must be one that only its owner can write.
///
/// ```no_run
/// use mainspring::{Cache, CacheConfig, Config, Engine};
///
/// let cache = Cache::new(CacheConfig::new())?;
/// let engine = Engine::new(Config::new().cache(Some(cache)))?;
/// # Ok::<(), mainspring::Error>(())
/// ```
#[derive(Clone)]
pub struct Cache {
    pub(crate) files: tiering::Cache,
    config: CacheConfig,
}

impl Cache {
    /// Opens a cache, and makes its directory if need be.
    ///
    /// # Errors
    /// If a setting can't be, or the directory can't be made, belongs to another user, or can be written by one.
    pub fn new(config: CacheConfig) -> Result<Cache> {
        let files = tiering::Cache::open(config.settings()?)?;
        Ok(Cache { files, config })
    }

    /// Opens a cache that is set up as a file says: see [`CacheConfig::from_file`].
    ///
    /// # Errors
    /// As of [`CacheConfig::from_file`] and [`new`](Self::new).
    pub fn from_file(path: Option<&Path>) -> Result<Cache> {
        Cache::new(CacheConfig::from_file(path)?)
    }

    /// Where it is.
    pub fn directory(&self) -> &PathBuf {
        &self.files.settings().directory
    }

    /// How many modules it knew, since it was opened.
    pub fn cache_hits(&self) -> usize {
        self.files.statistics().hits as usize
    }

    /// How many modules it did not know, since it was opened.
    pub fn cache_misses(&self) -> usize {
        self.files.statistics().misses as usize
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("directory", &self.directory())
            .finish_non_exhaustive()
    }
}
