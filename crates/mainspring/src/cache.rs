//! The cache: what was learned about modules in earlier runs.

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
pub struct Cache(pub(crate) tiering::Cache);

/// How a [`Cache`] is set up.
#[derive(Clone, Debug, Default)]
pub struct CacheConfig {
    directory: Option<PathBuf>,
    size_limit: Option<u64>,
}

impl CacheConfig {
    /// The default: a directory of the user's (`$MAINSPRING_CACHE_DIR`, or `mainspring` in
    /// `$XDG_CACHE_HOME` or in `~/.cache`), with 2 GiB at the most.
    pub fn new() -> CacheConfig {
        CacheConfig::default()
    }

    /// Sets the directory. It is made if it does not exist.
    pub fn with_directory(&mut self, directory: impl Into<PathBuf>) -> &mut Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets how many bytes the files may have together. What was used least recently goes first.
    pub fn with_files_total_size_soft_limit(&mut self, bytes: u64) -> &mut Self {
        self.size_limit = Some(bytes);
        self
    }
}

impl Cache {
    /// Opens a cache, and makes its directory if need be.
    ///
    /// # Errors
    /// If the directory can't be made, belongs to another user, or can be written by one.
    pub fn new(config: CacheConfig) -> Result<Cache> {
        let directory = match config.directory {
            Some(directory) => directory,
            None => tiering::CacheSettings::default_directory()?,
        };
        let mut settings = tiering::CacheSettings::new(directory);
        if let Some(limit) = config.size_limit {
            settings.size_limit = limit;
        }
        Ok(Cache(tiering::Cache::open(settings)?))
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.0.settings().directory
    }

    /// How many modules it knew, since it was opened.
    pub fn cache_hits(&self) -> usize {
        self.0.statistics().hits as usize
    }

    /// How many modules it did not know, since it was opened.
    pub fn cache_misses(&self) -> usize {
        self.0.statistics().misses as usize
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("directory", &self.directory())
            .finish_non_exhaustive()
    }
}
