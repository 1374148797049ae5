//! `wasi_snapshot_preview1`: how a guest's calls become calls of `host/`.
//!
//! Each function takes the guest's memory, the guest's context and the numbers
//! that the guest passed, and fails with an error number that the guest sees, or
//! with a trap that ends the guest. The tables at the end of this file, and in `p0`,
//! link names to functions; they are the only places that know of `Linker` and `Caller`.

mod args_env;
mod clock;
pub(crate) mod errno;
pub(crate) mod fd;
pub(crate) mod io;
pub(crate) mod memory;
pub(crate) mod path;
pub(crate) mod poll;
mod proc;
mod random;
mod readdir;
mod sock;
mod table;
mod transfer;
pub(crate) mod types;

use std::sync::Arc;

use mainspring::{Caller, Error, Extern, Linker, Result};

use crate::host::clocks::Clocks;
use crate::host::directory::Directory;
use crate::host::random::Source;
use crate::host::sockets::{Socket, SocketAddrCheck};
use crate::host::streams::{StdinStream, StdoutStream};
use args_env::Strings;
use errno::Errno;
use memory::GuestMemory;
use table::{Descriptor, Entry, Stream, Table};

/// Everything that a builder collected.
pub(crate) struct Grants {
    pub args: Vec<Vec<u8>>,
    pub env: Vec<Vec<u8>>,
    pub stdin: Box<dyn StdinStream>,
    pub stdout: Box<dyn StdoutStream>,
    pub stderr: Box<dyn StdoutStream>,
    /// Directories with the names that the guest knows them by.
    pub preopens: Vec<(Box<[u8]>, Directory)>,
    pub sockets: Vec<Socket>,
    pub max_descriptors: usize,
    pub max_random_size: u64,
    pub random: Source,
    pub clocks: Clocks,
    pub address_check: Option<SocketAddrCheck>,
}

/// The world of one guest. Lives in the data of the guest's store; made by
/// [`WasiCtxBuilder::build_p1`](crate::WasiCtxBuilder::build_p1).
///
/// A clone is the same world, for another thread of the guest: what one opens, all have.
#[derive(Clone)]
pub struct WasiP1Ctx(Arc<Context>);

/// What all threads of a guest have in common.
pub(crate) struct Context {
    args: Strings,
    env: Strings,
    clocks: Clocks,
    table: Table,
    random: Source,
    max_random_size: u64,
    address_check: Option<SocketAddrCheck>,
}

impl WasiP1Ctx {
    pub(crate) fn new(grants: Grants) -> WasiP1Ctx {
        let stdin = Descriptor::Stdin(Stream::new(grants.stdin));
        let outputs = [grants.stdout, grants.stderr];
        let outputs = outputs.map(|stream| Descriptor::Stdout(Stream::new(stream)));

        let mut table = Table::new(grants.max_descriptors);
        table.grant(Entry::new(stdin));
        for output in outputs {
            table.grant(Entry::new(output));
        }
        // Guests look for directories from 3 on and stop at the first number
        // that is something else, so directories come before sockets.
        for (name, directory) in grants.preopens {
            let mut entry = Entry::new(Descriptor::Directory(Arc::new(directory)));
            entry.preopen = Some(name.into());
            table.grant(entry);
        }
        for socket in grants.sockets {
            table.grant(Entry::new(Descriptor::Socket(Arc::new(socket))));
        }

        WasiP1Ctx(Arc::new(Context {
            args: Strings::new(&grants.args),
            env: Strings::new(&grants.env),
            clocks: grants.clocks,
            table,
            random: grants.random,
            max_random_size: grants.max_random_size,
            address_check: grants.address_check,
        }))
    }
}

/// Why a call did not do what the guest asked for.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The guest is told.
    Errno(Errno),
    /// The guest ends here.
    Trap(Error),
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Fault {
        Fault::Errno(errno)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Fault {
        Fault::Errno(Errno::from(&error))
    }
}

/// Finds what a function works on. The memory is looked up for each call: the
/// guest is whoever calls, and may have grown.
pub(crate) fn enter<'a, T: 'static>(
    caller: &'a mut Caller<'_, T>,
    context: impl Fn(&mut T) -> &mut WasiP1Ctx,
) -> (GuestMemory<'a>, &'a Context) {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => {
            let (bytes, data) = memory.data_and_store_mut(caller);
            (GuestMemory::new(bytes), &context(data).0)
        }
        Some(Extern::SharedMemory(memory)) => {
            (GuestMemory::shared(memory), &context(caller.data_mut()).0)
        }
        // Enough for functions that take no pointers; others trap.
        _ => (GuestMemory::new(&mut []), &context(caller.data_mut()).0),
    }
}

/// What the guest sees of a function's result.
pub(crate) fn leave(name: &'static str, result: Result<(), Fault>) -> Result<u32> {
    match result {
        Ok(()) => Ok(0),
        Err(Fault::Errno(errno)) => Ok(errno as u32),
        Err(Fault::Trap(error)) => Err(error.context(format!("in the WASI function `{name}`"))),
    }
}

/// Defines functions of modules here under the names that they have, in the module `$version`.
macro_rules! define {
    ($linker:ident, $version:expr, $context:ident;
     $($module:ident::$name:ident($($arg:ident: $type:ty),*);)*) => {$(
        $linker.func_wrap(
            $version,
            stringify!($name),
            move |mut caller: mainspring::Caller<'_, T>, $($arg: $type),*| -> Result<u32> {
                let (mut memory, context) = $crate::p1::enter(&mut caller, $context);
                let result = $module::$name(&mut memory, context, $($arg),*);
                $crate::p1::leave(stringify!($name), result)
            },
        )?;
    )*};
}
pub(crate) use define;

/// Defines all of `wasi_snapshot_preview1` in a linker. `context` finds the
/// guest's [`WasiP1Ctx`] in the data of its store.
///
/// # Errors
///
/// If the linker has one of the functions already, and does not allow shadowing.
pub fn add_to_linker_sync<T: Send + 'static>(
    linker: &mut Linker<T>,
    context: impl Fn(&mut T) -> &mut WasiP1Ctx + Copy + Send + Sync + 'static,
) -> Result<()> {
    const VERSION: &str = "wasi_snapshot_preview1";
    link_what_never_changed(linker, VERSION, context)?;
    define! {
        linker, VERSION, context;
        fd::fd_filestat_get(fd: u32, stat: u32);
        io::fd_seek(fd: u32, offset: i64, whence: u32, position: u32);
        path::path_filestat_get(fd: u32, lookup: u32, path: u32, path_len: u32, stat: u32);
        poll::poll_oneoff(subscriptions: u32, events: u32, count: u32, happened: u32);
        sock::sock_accept(fd: u32, flags: u32, connection: u32);
    }
    Ok(())
}

/// Defines those functions that are the same in all versions.
pub(crate) fn link_what_never_changed<T: Send + 'static>(
    linker: &mut Linker<T>,
    version: &'static str,
    context: impl Fn(&mut T) -> &mut WasiP1Ctx + Copy + Send + Sync + 'static,
) -> Result<()> {
    define! {
        linker, version, context;
        args_env::args_get(argv: u32, argv_buf: u32);
        args_env::args_sizes_get(argc: u32, argv_buf_size: u32);
        args_env::environ_get(environ: u32, environ_buf: u32);
        args_env::environ_sizes_get(count: u32, environ_buf_size: u32);
        clock::clock_res_get(id: u32, resolution: u32);
        clock::clock_time_get(id: u32, precision: u64, time: u32);
        fd::fd_advise(fd: u32, offset: u64, length: u64, advice: u32);
        fd::fd_allocate(fd: u32, offset: u64, length: u64);
        fd::fd_close(fd: u32);
        fd::fd_datasync(fd: u32);
        fd::fd_fdstat_get(fd: u32, stat: u32);
        fd::fd_fdstat_set_flags(fd: u32, flags: u32);
        fd::fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
        fd::fd_filestat_set_size(fd: u32, size: u64);
        fd::fd_filestat_set_times(fd: u32, accessed: u64, modified: u64, flags: u32);
        io::fd_pread(fd: u32, iovs: u32, iovs_len: u32, offset: u64, read: u32);
        fd::fd_prestat_get(fd: u32, prestat: u32);
        fd::fd_prestat_dir_name(fd: u32, path: u32, path_len: u32);
        io::fd_pwrite(fd: u32, iovs: u32, iovs_len: u32, offset: u64, written: u32);
        io::fd_read(fd: u32, iovs: u32, iovs_len: u32, read: u32);
        readdir::fd_readdir(fd: u32, buf: u32, buf_len: u32, cookie: u64, used: u32);
        fd::fd_renumber(from: u32, to: u32);
        fd::fd_sync(fd: u32);
        io::fd_tell(fd: u32, position: u32);
        io::fd_write(fd: u32, iovs: u32, iovs_len: u32, written: u32);
        path::path_create_directory(fd: u32, path: u32, path_len: u32);
        path::path_filestat_set_times(
            fd: u32, lookup: u32, path: u32, path_len: u32,
            accessed: u64, modified: u64, flags: u32
        );
        path::path_link(
            fd: u32, lookup: u32, path: u32, path_len: u32,
            new_fd: u32, new_path: u32, new_path_len: u32
        );
        path::path_open(
            fd: u32, lookup: u32, path: u32, path_len: u32, open_flags: u32,
            rights: u64, inheriting: u64, fd_flags: u32, opened: u32
        );
        path::path_readlink(
            fd: u32, path: u32, path_len: u32, buf: u32, buf_len: u32, used: u32
        );
        path::path_remove_directory(fd: u32, path: u32, path_len: u32);
        path::path_rename(
            fd: u32, path: u32, path_len: u32, new_fd: u32, new_path: u32, new_path_len: u32
        );
        path::path_symlink(target: u32, target_len: u32, fd: u32, path: u32, path_len: u32);
        path::path_unlink_file(fd: u32, path: u32, path_len: u32);
        proc::proc_raise(signal: u32);
        proc::sched_yield();
        random::random_get(buf: u32, buf_len: u32);
        sock::sock_recv(
            fd: u32, iovs: u32, iovs_len: u32, flags: u32, received: u32, flags_out: u32
        );
        sock::sock_send(fd: u32, iovs: u32, iovs_len: u32, flags: u32, sent: u32);
        sock::sock_shutdown(fd: u32, how: u32);
    }

    // The one function that returns nothing, because it does not return.
    linker.func_wrap(version, "proc_exit", |status: u32| -> Result<()> {
        Err(proc::exit(status))
    })?;
    Ok(())
}
