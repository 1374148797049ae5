//! What a program's end cut short is optimized afterwards, in a process of its own that nobody waits for: the next start
//! finds it in the cache.
//!
//! That process is this command again, with the same arguments and a hidden option that says what to do, so that the
//! engine is the same. One at a time does this for a program.

use mainspring::Unfinished;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The hidden option of such a process.
pub(crate) const FINISH: &str = "finish-optimizing";

/// How long it goes on.
pub(crate) const BUDGET: Duration = Duration::from_secs(3);

/// The right to optimize a program; ends when dropped, or with the process.
pub(crate) struct Turn {
    _listener: UnixListener,
}

impl Turn {
    /// Takes it, if no other process has it. It is a name of a socket that is in no file system: nothing is left behind,
    /// however a process ends.
    pub(crate) fn take(program: &Path) -> Option<Turn> {
        let mut hasher = DefaultHasher::new();
        std::path::absolute(program).ok()?.hash(&mut hasher);
        for variable in ["MAINSPRING_CACHE_DIR", "XDG_CACHE_HOME", "HOME"] {
            std::env::var_os(variable).hash(&mut hasher);
        }
        let name = format!("mainspring-optimizes-{:016x}", hasher.finish());
        let address = SocketAddr::from_abstract_name(name).ok()?;
        let listener = UnixListener::bind_addr(&address).ok()?;
        Some(Turn {
            _listener: listener,
        })
    }
}

/// Whether the environment lets programs be optimized after their end.
pub(crate) fn is_allowed() -> bool {
    std::env::var_os("MAINSPRING_CACHE").is_none_or(|value| value != "foreground")
}

/// Starts a process that finishes what this one could not. If there can be none, the next run is as this one was.
pub(crate) fn finish(program: &Path, unfinished: &Unfinished) {
    if unfinished.is_empty() || !is_allowed() || Turn::take(program).is_none() {
        return;
    }
    let Ok(itself) = std::env::current_exe() else {
        return;
    };
    let mut args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if args.first().is_some_and(|first| first == "run") {
        args.remove(0);
    }
    let started = Command::new(itself)
        .arg("run")
        .arg(format!("--{FINISH}={unfinished}"))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // What ends the program's group, as a terminal does, is not meant for it.
        .process_group(0)
        .spawn();
    match started {
        Ok(process) => tracing::debug!(process = process.id(), %unfinished, "goes on optimizing"),
        Err(error) => tracing::debug!(%error, "nothing goes on optimizing"),
    }
}

/// Makes this process one that gets out of everyone's way, and keeps nothing open that others wait to be closed.
pub(crate) fn step_back() {
    // SAFETY: the process has opened nothing yet but what it was started with, and uses only the first three of it.
    // A refusal of either costs others time.
    unsafe {
        libc::close_range(3, libc::c_uint::MAX, 0);
        libc::nice(19);
    }
}
