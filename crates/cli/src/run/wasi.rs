//! What the program gets of WASI.

use super::{Host, Run};
use crate::options::Wasi;
use mainspring::{ImportType, Linker, Module, Result, bail, format_err};
use mainspring_wasi::p1::WasiP1Ctx;
use mainspring_wasi::{FsPerms, WasiCtxBuilder, p0, p1};
use std::ffi::{OsStr, OsString};
use std::net::TcpListener;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A directory that the program may see.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dir {
    host: PathBuf,
    guest: String,
    read_only: bool,
}

impl Dir {
    pub(super) fn parse(text: &str) -> Result<Dir, String> {
        let (paths, read_only) = match text.strip_suffix(":ro") {
            Some(paths) => (paths, true),
            None => (text, false),
        };
        let (host, guest) = paths.split_once("::").unwrap_or((paths, paths));
        if host.is_empty() || guest.is_empty() {
            return Err("a directory's name is empty; write HOST, or HOST::GUEST".into());
        }
        Ok(Dir {
            host: host.into(),
            guest: guest.into(),
            read_only,
        })
    }
}

impl Run {
    /// What the program gets: its arguments, the variables and directories that were named, and
    /// the standard streams.
    pub(super) fn context(&self, wasi: &Wasi) -> Result<WasiP1Ctx> {
        let mut builder = WasiCtxBuilder::new();
        if wasi.stdin {
            builder.inherit_stdin();
        }
        if wasi.stdout {
            builder.inherit_stdout();
        }
        if wasi.stderr {
            builder.inherit_stderr();
        }
        for (nth, arg) in self.program.iter().enumerate() {
            let arg = match nth {
                0 => self.program_name(),
                _ => arg,
            };
            let Some(arg) = arg.to_str() else {
                bail!("argument {nth} ({arg:?}) is not UTF-8, which WASI asks of arguments");
            };
            builder.arg(arg);
        }
        for (key, value) in self.environment(wasi.inherit_env)? {
            builder.env(&key, &value);
        }
        for dir in &self.dirs {
            let perms = match dir.read_only {
                true => FsPerms::ReadOnly,
                false => FsPerms::ReadWrite,
            };
            builder.preopened_dir(&dir.host, &dir.guest, perms)?;
        }
        for socket in sockets(wasi)? {
            builder.preopened_socket(socket);
        }
        if let Some(limit) = self.max_descriptors {
            builder.max_descriptors(limit);
        }
        if let Some(limit) = wasi.max_random_size {
            builder.max_random_size(limit);
        }
        Ok(builder.build_p1())
    }

    /// What the program knows itself by: where it lies is not its business.
    fn program_name(&self) -> &OsStr {
        let file = Path::new(&self.program[0]);
        match &self.argv0 {
            Some(name) => name,
            None => file.file_name().unwrap_or(file.as_os_str()),
        }
    }

    /// The variables that the program gets. A name that is given by `--env` is not inherited too: programs take
    /// the first one that they find.
    fn environment(&self, inherit: bool) -> Result<Vec<(String, String)>> {
        let given = self.envs.iter().map(|text| variable(text));
        let mut all: Vec<_> = given.collect::<Result<_>>()?;
        if inherit {
            let text = |text: OsString| {
                text.into_string().map_err(|text| {
                    format_err!(
                        "-S inherit-env: {text:?} is not UTF-8, which WASI asks of variables"
                    )
                })
            };
            for (key, value) in std::env::vars_os() {
                let key = text(key)?;
                if !all.iter().any(|(given, _)| *given == key) {
                    all.push((key, text(value)?));
                }
            }
        }
        Ok(all)
    }
}

/// Defines what of WASI modules may import. Few import preview 0, so that defining it is left
/// to when one does.
pub(super) fn link<'a>(
    linker: &mut Linker<Host>,
    modules: impl IntoIterator<Item = &'a Module>,
    preview0: bool,
) -> Result<()> {
    p1::add_to_linker_sync(linker, |host| &mut host.wasi)?;
    let unstable = |import: ImportType<'_>| import.module() == "wasi_unstable";
    let mut modules = modules.into_iter();
    if preview0 && modules.any(|module| module.imports().any(unstable)) {
        p0::add_to_linker_sync(linker, |host| &mut host.wasi)?;
    }
    Ok(())
}

/// The sockets that listen for the program.
fn sockets(wasi: &Wasi) -> Result<Vec<OwnedFd>> {
    let mut sockets = match wasi.listenfd {
        true => passed_sockets()?,
        false => Vec::new(),
    };
    for address in &wasi.tcplisten {
        let listener = TcpListener::bind(address)
            .map_err(|error| format_err!("-S tcplisten={address}: cannot listen there: {error}"))?;
        sockets.push(listener.into());
    }
    Ok(sockets)
}

/// What the process that started this one passed to it, in the way of systemd.
fn passed_sockets() -> Result<Vec<OwnedFd>> {
    const FIRST: i32 = 3;
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Ok(Vec::new());
    }
    let count = number("LISTEN_FDS").unwrap_or(0);
    let one = |fd: i32| {
        // SAFETY: no memory is involved.
        if unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
            bail!("-S listenfd: LISTEN_FDS={count}, but there is no descriptor {fd}");
        }
        // SAFETY: it is open, and by this convention it is ours.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    };
    let last = FIRST.saturating_add_unsigned(count);
    (FIRST..last).map(one).collect()
}

/// `K=V`, or `K` for the value that K has in our own environment.
fn variable(text: &str) -> Result<(String, String)> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, value.to_string()),
        None => {
            let value = std::env::var(text).map_err(|error| match error {
                std::env::VarError::NotPresent => format_err!(
                    "--env {text}: there is no variable `{text}` in this environment; give it a value with --env {text}=VALUE"
                ),
                std::env::VarError::NotUnicode(_) => {
                    format_err!("--env {text}: the value is not UTF-8, which WASI asks of variables")
                }
            })?;
            (text, value)
        }
    };
    if key.is_empty() {
        bail!("--env {text}: the variable's name is missing; write --env NAME=VALUE");
    }
    Ok((key.to_string(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_read_from_their_option() {
        let dir = |host: &str, guest: &str, read_only| {
            Ok(Dir {
                host: host.into(),
                guest: guest.into(),
                read_only,
            })
        };
        assert_eq!(Dir::parse("."), dir(".", ".", false));
        assert_eq!(Dir::parse("/a/b::/c"), dir("/a/b", "/c", false));
        assert_eq!(Dir::parse("/a:ro"), dir("/a", "/a", true));
        assert_eq!(Dir::parse("/a::/c:ro"), dir("/a", "/c", true));
        assert_eq!(Dir::parse("a:b"), dir("a:b", "a:b", false));
        assert!(
            Dir::parse("::/c").is_err()
                && Dir::parse("/a::").is_err()
                && Dir::parse(":ro").is_err()
        );
    }
}
