//! Optimizing that a program's end cut short, handed to another process.

use crate::{Error, Module, Result, bail};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// So many are handed on at the most.
const MOST: usize = 1000;

/// Code of a module that was to be optimized when the program ended. As text, it can be handed to another process,
/// which loads the same module with the same configuration, and [finishes](Module::finish) it.
///
/// This is ours; wasmtime has nothing like it.
///
/// ```
/// use mainspring::Unfinished;
///
/// let unfinished: Unfinished = "7,12@0".parse()?;
/// assert_eq!(unfinished.to_string(), "7,12@0");
/// assert!(!unfinished.is_empty());
/// # Ok::<(), mainspring::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfinished(Vec<(u32, Option<u32>)>);

impl Unfinished {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (func, header)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            match header {
                None => write!(f, "{comma}{func}")?,
                Some(header) => write!(f, "{comma}{func}@{header}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Unfinished {
    type Err = Error;

    fn from_str(text: &str) -> Result<Unfinished> {
        let one = |part: &str| -> Result<(u32, Option<u32>)> {
            let Some((func, header)) = part.split_once('@') else {
                return Ok((part.parse()?, None));
            };
            Ok((func.parse()?, Some(header.parse()?)))
        };
        let parts = text.split(',').filter(|part| !part.is_empty());
        let all: Result<Vec<_>> = parts.map(one).collect();
        match all {
            Ok(all) => Ok(Unfinished(all)),
            Err(_) => bail!("`{text}` is not a list of functions and loops, as `7,12@0`"),
        }
    }
}

impl Module {
    /// What is hot and not optimized yet, hottest first. Empty where no [`Cache`](crate::Cache) keeps what is
    /// learned about the module.
    pub fn unfinished(&self) -> Unfinished {
        let mut all = self.inner().code().unfinished();
        all.truncate(MOST);
        Unfinished(all)
    }

    /// Optimizes what was left unfinished when the same module ran in another process, on this thread, for so long
    /// at the most (what was begun is ended). What does not fit the module is passed over.
    /// [`Engine::flush_cache`](crate::Engine::flush_cache) has the cache keep it.
    pub fn finish(&self, unfinished: &Unfinished, budget: Duration) {
        self.inner()
            .code()
            .finish(&unfinished.0, Instant::now() + budget);
    }
}
