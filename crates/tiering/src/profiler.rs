//! Telling the system's profiler which function a piece of code belongs to.
//!
//! All code that can run is told here, by whoever places or maps it: [`Symbols::published`] is the one
//! way. A module whose engine has no profiler has no `Symbols`, and that is all it costs.
//!
//! The files are the process's. They are begun when the first engine asks for one, and shared by all.

use mainspring_error::{Context, Error, Result};
use mainspring_platform::perf::{JitDump, PerfMap};
use mainspring_wasm::{DefinedFuncIndex, FuncIndex, FunctionNames, ModuleInfo, demangle};
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

/// How the system's profiler is told about code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Profiling {
    /// Not at all.
    #[default]
    None,
    /// `/tmp/perf-<process>.map`: addresses and names.
    PerfMap,
    /// `jit-<process>.dump` in the current directory: code, names and times.
    JitDump,
}

/// One of the files.
pub(crate) struct Profiler {
    /// Whether only anonymous memory is looked up in it.
    pub anonymous_only: bool,
    file: Mutex<ProfileFile>,
}

enum ProfileFile {
    PerfMap(PerfMap),
    JitDump(JitDump),
    /// It could not be written, which was said.
    Broken,
}

/// What a piece of code is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CodeKind {
    Baseline,
    Optimized,
    /// Optimized, entered at the loop at an offset in the module.
    Loop(u32),
}

impl fmt::Display for CodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodeKind::Baseline => f.write_str("baseline"),
            CodeKind::Optimized => f.write_str("optimized"),
            CodeKind::Loop(wasm) => write!(f, "loop at {wasm:#x}"),
        }
    }
}

impl Profiler {
    /// The process's profiler of a kind.
    ///
    /// # Errors
    /// If its file can't be made.
    pub fn open(profiling: Profiling) -> Result<Option<&'static Profiler>> {
        type Opened = OnceLock<std::result::Result<Profiler, String>>;
        static PERF_MAP: Opened = OnceLock::new();
        static JIT_DUMP: Opened = OnceLock::new();
        let opened = match profiling {
            Profiling::None => return Ok(None),
            Profiling::PerfMap => PERF_MAP.get_or_init(|| {
                let path = PerfMap::path();
                let map = PerfMap::create(&path)
                    .with_context(|| format!("cannot make {} for the profiler", path.display()));
                made(map.map(ProfileFile::PerfMap), true)
            }),
            Profiling::JitDump => JIT_DUMP.get_or_init(|| {
                let path = JitDump::path();
                let dump = JitDump::create(&path).with_context(|| {
                    format!(
                        "cannot make {} in the current directory for the profiler",
                        path.display()
                    )
                });
                made(dump.map(ProfileFile::JitDump), false)
            }),
        };
        let profiler = opened.as_ref().map_err(|error| Error::msg(error.clone()))?;
        Ok(Some(profiler))
    }

    fn add(&self, name: &str, code: &[u8], address: usize) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let added = match &mut *file {
            ProfileFile::PerfMap(map) => map.add(name, address, code.len()),
            ProfileFile::JitDump(dump) => dump.add(name, address, code),
            ProfileFile::Broken => Ok(()),
        };
        if let Err(error) = added {
            // The program goes on; its profile lacks names.
            tracing::warn!(%error, "the profiler's file can't be written; it ends here");
            *file = ProfileFile::Broken;
        }
    }
}

fn made(file: Result<ProfileFile>, anonymous_only: bool) -> std::result::Result<Profiler, String> {
    let file = file.map_err(|error| format!("{error:#}"))?;
    Ok(Profiler {
        anonymous_only,
        file: Mutex::new(file),
    })
}

/// The names of a module's functions, and who is to be told where their code is.
pub(crate) struct Symbols {
    profiler: &'static Profiler,
    names: FunctionNames,
    imported: u32,
}

impl Symbols {
    /// Those in a module's `name` section, which may be empty.
    pub fn new(profiler: &'static Profiler, info: &ModuleInfo, name_section: &[u8]) -> Symbols {
        Symbols {
            profiler,
            names: FunctionNames::read(name_section),
            imported: info.imported.functions,
        }
    }

    /// Tells the profiler about a function's code, which is executed at `address`.
    pub fn published(&self, func: DefinedFuncIndex, kind: CodeKind, code: &[u8], address: usize) {
        let name = self.name(func, kind);
        self.profiler.add(&name, code, address);
    }

    fn name(&self, func: DefinedFuncIndex, kind: CodeKind) -> String {
        let index = self.imported + func.0;
        match self.names.get(FuncIndex(index)) {
            Some(name) => format!("{} [{kind}]", demangle(name)),
            None => format!("wasm function {index} [{kind}]"),
        }
    }
}

impl fmt::Debug for Profiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profiler").finish_non_exhaustive()
    }
}
