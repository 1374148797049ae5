//! What the option groups come to.

use mainspring::{Config, Result, Strategy, ensure};
use std::path::PathBuf;

/// What the rows of the tables set.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// `-C compiler`.
    pub(crate) strategy: Option<Strategy>,
    pub(crate) cache: CacheSettings,
    pub(crate) logging: Logging,
    /// What only matters where a program is run.
    pub(crate) program: Program,
}

/// Where the cache is.
pub(crate) struct CacheSettings {
    pub(crate) is_on: bool,
    pub(crate) config: Option<PathBuf>,
}

/// Whether and where the engine says what it does, if it is asked to.
#[derive(Clone, Copy)]
pub(crate) struct Logging {
    pub(crate) is_on: bool,
    pub(crate) to_file: bool,
}

/// What a program may do.
#[derive(Default, PartialEq)]
pub(crate) struct Program {
    pub(crate) max_wasm_stack: Option<usize>,
    pub(crate) limits: Limits,
    pub(crate) unknown_exports: bool,
    pub(crate) unknown_imports_trap: bool,
    pub(crate) unknown_imports_default: bool,
    pub(crate) wasi: Wasi,
}

/// How much of each thing there may be.
#[derive(Default, PartialEq)]
pub(crate) struct Limits {
    pub(crate) memory_size: Option<usize>,
    pub(crate) table_elements: Option<usize>,
    pub(crate) instances: Option<usize>,
    pub(crate) tables: Option<usize>,
    pub(crate) memories: Option<usize>,
    pub(crate) trap_on_grow_failure: bool,
}

/// What it gets of WASI.
#[derive(PartialEq)]
pub(crate) struct Wasi {
    pub(crate) cli: bool,
    pub(crate) preview0: bool,
    pub(crate) inherit_env: bool,
    pub(crate) stdin: bool,
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
    pub(crate) listenfd: bool,
    pub(crate) threads: bool,
    pub(crate) tcplisten: Vec<String>,
    pub(crate) max_random_size: Option<u64>,
}

impl Default for CacheSettings {
    fn default() -> CacheSettings {
        CacheSettings {
            is_on: true,
            config: None,
        }
    }
}

impl Default for Logging {
    fn default() -> Logging {
        Logging {
            is_on: true,
            to_file: false,
        }
    }
}

impl Default for Wasi {
    fn default() -> Wasi {
        Wasi {
            cli: true,
            preview0: true,
            inherit_env: false,
            stdin: true,
            stdout: true,
            stderr: true,
            listenfd: false,
            threads: false,
            tcplisten: Vec::new(),
            max_random_size: None,
        }
    }
}

impl Settings {
    /// What there is for a command that runs no program.
    ///
    /// # Errors
    /// If something was given that is about a program.
    pub(crate) fn without_a_program(self, command: &str) -> Result<Config> {
        ensure!(
            self.program == Program::default(),
            "`mainspring {command}` can't limit scripts, or give them anything: \
             leave out those of `-W` and `-S` that are about running a program"
        );
        Ok(self.config)
    }
}
