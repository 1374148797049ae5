//! Whether what is learned about programs is kept, and where.

use crate::options::CacheSettings;
use crate::report;
use clap::Args;
use mainspring::{Cache, Result};

/// Options of the cache.
#[derive(Args)]
pub(crate) struct CacheOptions {
    /// Neither use what was learned about the program in earlier runs, nor keep what is
    /// learned in this one. The environment variable MAINSPRING_CACHE=off does the same. What
    /// a program's end cuts short is optimized afterwards, by a process that takes a few
    /// seconds at the most; MAINSPRING_CACHE=foreground keeps the cache without that
    #[arg(long)]
    no_cache: bool,
}

impl CacheOptions {
    /// The cache. If it can't be used where it is by default, that is said, and the program runs without.
    ///
    /// # Errors
    /// If it can't be used as a file that was named says.
    pub(crate) fn cache(&self, settings: &CacheSettings) -> Result<Option<Cache>> {
        let off = std::env::var_os("MAINSPRING_CACHE").is_some_and(|value| value == "off");
        if self.no_cache || off || !settings.is_on {
            return Ok(None);
        }
        match (
            Cache::from_file(settings.config.as_deref()),
            &settings.config,
        ) {
            (Ok(cache), _) => Ok(Some(cache)),
            (Err(error), Some(_)) => Err(error.context("-C cache-config")),
            (Err(error), None) => {
                report::note(&format!("running without the cache: {error:#}"));
                Ok(None)
            }
        }
    }
}
