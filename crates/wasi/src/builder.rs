//! `WasiCtxBuilder`: everything a guest is granted, in one place.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::pin::Pin;
use std::sync::Mutex;

use mainspring::{Result, format_err};
use rand_core::Rng;

use crate::host::clocks::{Clocks, HostMonotonicClock, HostWallClock};
use crate::host::directory::Directory;
use crate::host::permissions::FsPerms;
use crate::host::random::Source;
use crate::host::sockets::{Socket, SocketAddrCheck, SocketAddrUse};
use crate::host::streams::{Empty, Sink, StdinStream, StdoutStream};
use crate::p1::{Grants, WasiP1Ctx};

/// How many random bytes a guest may have in one call unless the embedder says
/// otherwise.
const DEFAULT_MAX_RANDOM_SIZE: u64 = 64 << 20;

/// Collects what a guest is granted. A new builder grants nothing: no arguments,
/// no environment, no directories, empty input and output that goes nowhere.
///
/// Text is handed to the guest with a NUL behind it, so a guest that uses C
/// strings sees text with a NUL inside only up to there.
pub struct WasiCtxBuilder {
    grants: Grants,
    built: bool,
}

/// What a guest is granted. Contexts of preview 1 are made by
/// [`WasiCtxBuilder::build_p1`]; there are no others yet.
#[derive(Debug)]
pub enum WasiCtx {}

impl WasiCtx {
    /// The same as [`WasiCtxBuilder::new`].
    pub fn builder() -> WasiCtxBuilder {
        WasiCtxBuilder::new()
    }
}

impl Default for WasiCtxBuilder {
    fn default() -> WasiCtxBuilder {
        WasiCtxBuilder::new()
    }
}

impl WasiCtxBuilder {
    /// A builder that grants nothing yet.
    pub fn new() -> WasiCtxBuilder {
        WasiCtxBuilder {
            grants: Grants {
                args: Vec::new(),
                env: Vec::new(),
                stdin: Box::new(Empty),
                stdout: Box::new(Sink),
                stderr: Box::new(Sink),
                preopens: Vec::new(),
                sockets: Vec::new(),
                max_descriptors: usize::MAX,
                max_random_size: DEFAULT_MAX_RANDOM_SIZE,
                random: Source::Kernel,
                clocks: Clocks::new(),
                address_check: None,
            },
            built: false,
        }
    }

    /// Appends one argument. The first one is, by custom, the program's name.
    pub fn arg(&mut self, arg: impl AsRef<str>) -> &mut Self {
        self.grants.args.push(arg.as_ref().into());
        self
    }

    /// Appends arguments.
    pub fn args(&mut self, args: &[impl AsRef<str>]) -> &mut Self {
        args.iter().fold(self, |builder, arg| builder.arg(arg))
    }

    /// Appends the arguments of this process, the program's name included.
    pub fn inherit_args(&mut self) -> &mut Self {
        let args = std::env::args_os().map(OsStringExt::into_vec);
        self.grants.args.extend(args);
        self
    }

    /// Appends an environment variable.
    pub fn env(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> &mut Self {
        self.push_env(name.as_ref().as_ref(), value.as_ref().as_ref());
        self
    }

    /// Appends environment variables, each a name and a value.
    pub fn envs(&mut self, env: &[(impl AsRef<str>, impl AsRef<str>)]) -> &mut Self {
        env.iter()
            .fold(self, |builder, (name, value)| builder.env(name, value))
    }

    /// Appends all environment variables of this process.
    pub fn inherit_env(&mut self) -> &mut Self {
        for (name, value) in std::env::vars_os() {
            self.push_env(&name, &value);
        }
        self
    }

    fn push_env(&mut self, name: &OsStr, value: &OsStr) {
        let variable = [name.as_bytes(), value.as_bytes()].join(&b'=');
        self.grants.env.push(variable);
    }

    /// Sets where standard input comes from: anything with a file descriptor, a
    /// [`MemoryInputPipe`](crate::p2::pipe::MemoryInputPipe), or a stream of your own.
    pub fn stdin(&mut self, stdin: impl StdinStream) -> &mut Self {
        self.grants.stdin = Box::new(stdin);
        self
    }

    /// Sets where standard output goes: anything with a file descriptor, a
    /// [`MemoryOutputPipe`](crate::p2::pipe::MemoryOutputPipe), or a stream of your own.
    pub fn stdout(&mut self, stdout: impl StdoutStream) -> &mut Self {
        self.grants.stdout = Box::new(stdout);
        self
    }

    /// Sets where standard error goes, like [`stdout`](Self::stdout).
    pub fn stderr(&mut self, stderr: impl StdoutStream) -> &mut Self {
        self.grants.stderr = Box::new(stderr);
        self
    }

    /// Lets the guest read this process's standard input. What `std::io::stdin`
    /// already holds in its buffer stays there.
    pub fn inherit_stdin(&mut self) -> &mut Self {
        self.stdin(std::io::stdin())
    }

    /// Lets the guest write to this process's standard output, past the buffer of
    /// `std::io::stdout`.
    pub fn inherit_stdout(&mut self) -> &mut Self {
        self.stdout(std::io::stdout())
    }

    /// Lets the guest write to this process's standard error.
    pub fn inherit_stderr(&mut self) -> &mut Self {
        self.stderr(std::io::stderr())
    }

    /// Lets the guest use all three standard streams of this process.
    pub fn inherit_stdio(&mut self) -> &mut Self {
        self.inherit_stdin().inherit_stdout().inherit_stderr()
    }

    /// Opens the directory `host_path` for the guest, which finds it under the
    /// name `guest_path`. The guest reaches what lies beneath it, within the
    /// permissions, and nothing else.
    ///
    /// Directories get the descriptors from 3 on, in the order of the calls.
    pub fn preopened_dir(
        &mut self,
        host_path: impl AsRef<Path>,
        guest_path: impl AsRef<str>,
        perms: FsPerms,
    ) -> Result<&mut Self> {
        let host_path = host_path.as_ref();
        let directory = Directory::open_ambient(host_path, perms).map_err(|error| {
            format_err!(
                "cannot open the directory `{}` for the guest: {error}",
                host_path.display()
            )
        })?;
        let name = guest_path.as_ref().as_bytes().into();
        self.grants.preopens.push((name, directory));
        Ok(self)
    }

    /// Hands a socket to the guest: a listener, from which it can accept, or a
    /// connection. Sockets get the descriptors after the last preopened
    /// directory, in the order of the calls.
    pub fn preopened_socket(&mut self, socket: impl Into<OwnedFd>) -> &mut Self {
        self.grants.sockets.push(Socket::new(socket.into()));
        self
    }

    /// Limits how many descriptors the guest may hold at one time; without it, as many
    /// as the process may, which the guest then shares with the host. Either way the
    /// guest is told that it has too many files open (`EMFILE`). What the builder itself
    /// grants is always granted.
    pub fn max_descriptors(&mut self, limit: usize) -> &mut Self {
        self.grants.max_descriptors = limit;
        self
    }

    /// Limits how many random bytes the guest may ask for in one call; 64 MiB unless
    /// set. A guest that asks for more is trapped.
    pub fn max_random_size(&mut self, max_size: u64) -> &mut Self {
        self.grants.max_random_size = max_size;
        self
    }

    /// Sets where the guest's random bytes come from, which is the kernel otherwise. The
    /// guest may make keys of them.
    pub fn secure_random(&mut self, random: impl Rng + Send + 'static) -> &mut Self {
        self.grants.random = Source::Embedder(Mutex::new(Box::new(random)));
        self
    }

    /// Has no effect: preview 1 has no random bytes but the secure ones.
    pub fn insecure_random(&mut self, _insecure_random: impl Rng + Send + 'static) -> &mut Self {
        self
    }

    /// Has no effect, like [`insecure_random`](Self::insecure_random).
    pub fn insecure_random_seed(&mut self, _insecure_random_seed: u128) -> &mut Self {
        self
    }

    /// Sets the clock that tells the guest what time it is, which is the host's otherwise.
    pub fn wall_clock(&mut self, clock: impl HostWallClock + 'static) -> &mut Self {
        self.grants.clocks.set_wall(Box::new(clock));
        self
    }

    /// Sets the guest's monotonic clock; without it, one that begins at zero when the builder
    /// is made. How long a guest waits is always measured by the host's.
    pub fn monotonic_clock(&mut self, clock: impl HostMonotonicClock + 'static) -> &mut Self {
        self.grants.clocks.set_monotonic(Box::new(clock));
        self
    }

    /// Has no effect: preview 1 knows no working directory. Programs resolve relative paths
    /// beneath the directory that they know as `.`, or as `/`.
    pub fn initial_cwd(&mut self, _path: impl AsRef<str>) -> &mut Self {
        self
    }

    /// Permits all addresses; see [`socket_addr_check`](Self::socket_addr_check).
    pub fn inherit_network(&mut self) -> &mut Self {
        self.socket_addr_check(|_, _| Box::pin(async { true }))
    }

    /// Sets who is asked before an address is used. A guest of preview 1 has the sockets
    /// that were opened for it and can only accept connections
    /// ([`SocketAddrUse::TcpAccept`]); those that are refused are closed, and the guest
    /// never knows. Without a check all are accepted.
    ///
    /// The future is polled on the guest's thread, which waits for it.
    pub fn socket_addr_check<F>(&mut self, check: F) -> &mut Self
    where
        F: Fn(SocketAddr, SocketAddrUse) -> Pin<Box<dyn Future<Output = bool> + Send + Sync>>
            + Send
            + Sync
            + 'static,
    {
        self.grants.address_check = Some(SocketAddrCheck(Box::new(check)));
        self
    }

    /// Has no effect: preview 1 can't look names up.
    pub fn allow_ip_name_lookup(&mut self, _enable: bool) -> &mut Self {
        self
    }

    /// Has no effect: a guest of preview 1 can't open sockets. Those of
    /// [`preopened_socket`](Self::preopened_socket) are allowed by that.
    pub fn allow_udp(&mut self, _enable: bool) -> &mut Self {
        self
    }

    /// Has no effect, like [`allow_udp`](Self::allow_udp).
    pub fn allow_tcp(&mut self, _enable: bool) -> &mut Self {
        self
    }

    /// Has no effect: a guest always runs, and waits, on the thread that called it.
    pub fn allow_blocking_current_thread(&mut self, _enable: bool) -> &mut Self {
        self
    }

    /// Makes the context.
    ///
    /// # Panics
    ///
    /// If the builder has made one before: what it granted is gone, and a context that
    /// grants nothing is hardly what is wanted.
    pub fn build_p1(&mut self) -> WasiP1Ctx {
        assert!(!self.built, "a WasiCtxBuilder makes one context");
        let used = WasiCtxBuilder {
            built: true,
            ..WasiCtxBuilder::new()
        };
        WasiP1Ctx::new(std::mem::replace(self, used).grants)
    }
}
