//! A guest that does what a test tells it: a module that exports its memory and,
//! for each function of preview 1, a function that passes its arguments on.

use std::fmt::Write;
use std::path::Path;
use std::sync::OnceLock;

use mainspring::{Config, Engine, Error, Instance, Linker, Memory, Module, Store, Val, ValType};
use mainspring_wasi::p0;
use mainspring_wasi::p1::{self, WasiP1Ctx};
use mainspring_wasi::{FsPerms, WasiCtxBuilder};
use tempfile::TempDir;

/// Every function with its parameters (`i` for i32, `I` for i64) and, but for
/// `proc_exit`, one i32 as its result.
pub const FUNCTIONS: &[(&str, &str)] = &[
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "iIi"),
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_get", "ii"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_exit", "i"),
    ("proc_raise", "i"),
    ("sched_yield", ""),
    ("random_get", "ii"),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// Error numbers as the specification has them.
pub mod errno {
    pub const ACCES: u32 = 2;
    pub const AGAIN: u32 = 6;
    pub const BADF: u32 = 8;
    pub const BUSY: u32 = 10;
    pub const EXIST: u32 = 20;
    pub const ILSEQ: u32 = 25;
    pub const INVAL: u32 = 28;
    pub const ISDIR: u32 = 31;
    pub const LOOP: u32 = 32;
    pub const MFILE: u32 = 33;
    pub const NAMETOOLONG: u32 = 37;
    pub const NOENT: u32 = 44;
    pub const NOSPC: u32 = 51;
    pub const NOTDIR: u32 = 54;
    pub const NOTEMPTY: u32 = 55;
    pub const NOTSOCK: u32 = 57;
    pub const NOTSUP: u32 = 58;
    pub const PERM: u32 = 63;
    pub const PIPE: u32 = 64;
    pub const SPIPE: u32 = 70;
    pub const NOTCAPABLE: u32 = 76;
}

pub mod oflags {
    pub const CREAT: u32 = 1;
    pub const DIRECTORY: u32 = 2;
    pub const EXCL: u32 = 4;
    pub const TRUNC: u32 = 8;
}

pub mod fdflags {
    pub const APPEND: u32 = 1;
    pub const DSYNC: u32 = 2;
    pub const NONBLOCK: u32 = 4;
    pub const SYNC: u32 = 16;
}

pub mod rights {
    pub const READ: u64 = 1 << 1;
    pub const SEEK: u64 = 1 << 2;
    pub const TELL: u64 = 1 << 5;
    pub const WRITE: u64 = 1 << 6;
    pub const PATH_OPEN: u64 = 1 << 13;
    pub const READDIR: u64 = 1 << 14;
    pub const UNLINK: u64 = 1 << 26;
}

pub mod filetype {
    pub const CHARACTER_DEVICE: u8 = 2;
    pub const DIRECTORY: u8 = 3;
    pub const REGULAR_FILE: u8 = 4;
    pub const SOCKET_STREAM: u8 = 6;
    pub const SYMBOLIC_LINK: u8 = 7;
}

/// Follow a symbolic link at the end of a path.
pub const FOLLOW: u32 = 1;
/// The descriptor of the first preopened directory.
pub const DIR: u32 = 3;

/// Where helpers put what they pass, below the results and the data.
const ARGUMENTS: u32 = 0x100;
const RESULT: u32 = 0x8000;
/// Where tests may put what they like, up to the end of the memory.
pub const DATA: u32 = 0x1_0000;
/// 64 pages.
pub const MEMORY_SIZE: u32 = 64 << 16;

/// What a function returned to the guest: an error number if not zero.
pub type Errno<T> = Result<T, u32>;

pub struct Guest {
    pub store: Store<WasiP1Ctx>,
    pub instance: Instance,
    pub memory: Memory,
    next: u32,
}

#[derive(Debug, PartialEq, Eq)]
pub struct FdStat {
    pub kind: u8,
    pub flags: u16,
    pub base: u64,
    pub inheriting: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub struct FileStat {
    pub device: u64,
    pub inode: u64,
    pub kind: u8,
    pub links: u64,
    pub size: u64,
    pub accessed: u64,
    pub modified: u64,
    pub changed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    pub next: u64,
    pub inode: u64,
    pub kind: u8,
    pub name: String,
}

#[derive(Clone, Copy, Default)]
pub struct Open {
    pub lookup: u32,
    pub oflags: u32,
    pub rights: u64,
    pub fdflags: u32,
}

impl Open {
    pub fn read() -> Open {
        Open {
            rights: rights::READ,
            ..Open::default()
        }
    }

    pub fn write() -> Open {
        Open {
            rights: rights::WRITE,
            ..Open::default()
        }
    }

    pub fn both() -> Open {
        Open {
            rights: rights::READ | rights::WRITE,
            ..Open::default()
        }
    }

    pub fn directory() -> Open {
        Open {
            oflags: oflags::DIRECTORY,
            rights: rights::READDIR,
            ..Open::default()
        }
    }

    pub fn oflags(self, oflags: u32) -> Open {
        Open { oflags, ..self }
    }

    pub fn fdflags(self, fdflags: u32) -> Open {
        Open { fdflags, ..self }
    }

    pub fn follow(self) -> Open {
        Open {
            lookup: FOLLOW,
            ..self
        }
    }
}

pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(Config::new().shared_memory(true)).unwrap())
}

fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| Module::new(engine(), text("wasi_snapshot_preview1")).unwrap())
}

fn unstable_module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| Module::new(engine(), text("wasi_unstable")).unwrap())
}

/// The text of the module that passes everything on to `version`.
fn text(version: &str) -> String {
    let mut imports = String::new();
    let mut exports = String::new();
    for (name, parameters) in FUNCTIONS {
        if *name == "sock_accept" && version == "wasi_unstable" {
            // It came later.
            continue;
        }
        let types: String = parameters
            .chars()
            .map(|c| if c == 'i' { " i32" } else { " i64" })
            .collect();
        let result = match *name {
            "proc_exit" => "",
            _ => "(result i32)",
        };
        writeln!(
            imports,
            r#"(import "{version}" "{name}" (func ${name} (param{types}) {result}))"#
        )
        .unwrap();
        let passed: String = (0..parameters.len())
            .map(|i| format!(" (local.get {i})"))
            .collect();
        writeln!(
            exports,
            r#"(func (export "{name}") (param{types}) {result} (call ${name}{passed}))"#
        )
        .unwrap();
    }
    format!(r#"(module {imports} (memory (export "memory") 64) {exports})"#)
}

/// A fresh directory of the host and a guest that has it as descriptor 3.
pub fn with_dir() -> (TempDir, Guest) {
    let dir = tempfile::tempdir().unwrap();
    let guest = guest_of(dir.path(), FsPerms::ReadWrite);
    (dir, guest)
}

pub fn guest_of(dir: &Path, perms: FsPerms) -> Guest {
    let mut builder = WasiCtxBuilder::new();
    builder.preopened_dir(dir, "/", perms).unwrap();
    Guest::new(&mut builder)
}

impl Guest {
    pub fn new(builder: &mut WasiCtxBuilder) -> Guest {
        Guest::in_world(builder.build_p1())
    }

    /// A guest of a context that other guests may have a clone of.
    pub fn in_world(context: WasiP1Ctx) -> Guest {
        let mut linker = Linker::new(engine());
        p1::add_to_linker_sync(&mut linker, |context| context).unwrap();
        Guest::of(&linker, module(), context)
    }

    /// A guest that calls the functions of preview 0.
    pub fn unstable(builder: &mut WasiCtxBuilder) -> Guest {
        let mut linker = Linker::new(engine());
        p0::add_to_linker_sync(&mut linker, |context| context).unwrap();
        // Both may be in one linker.
        p1::add_to_linker_sync(&mut linker, |context| context).unwrap();
        Guest::of(&linker, unstable_module(), builder.build_p1())
    }

    fn of(linker: &Linker<WasiP1Ctx>, module: &Module, context: WasiP1Ctx) -> Guest {
        let mut store = Store::new(engine(), context);
        let instance = linker.instantiate(&mut store, module).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        Guest {
            store,
            instance,
            memory,
            next: ARGUMENTS,
        }
    }

    /// Calls a function with bare numbers; an error is a trap.
    pub fn try_call(&mut self, name: &str, arguments: &[u64]) -> Result<u32, Error> {
        let function = self.instance.get_func(&mut self.store, name).unwrap();
        let types = function.ty(&self.store);
        assert_eq!(types.params().len(), arguments.len(), "{name}");
        let arguments: Vec<Val> = types
            .params()
            .zip(arguments)
            .map(|(ty, number)| match ty {
                ValType::I32 => Val::I32(u32::try_from(*number).unwrap() as i32),
                _ => Val::I64(*number as i64),
            })
            .collect();
        let mut results = [Val::I32(-1)];
        let results = &mut results[..types.results().len()];
        self.next = ARGUMENTS;
        function.call(&mut self.store, &arguments, results)?;
        Ok(results.first().map_or(0, Val::unwrap_i32) as u32)
    }

    /// Calls a function that must not trap.
    pub fn call(&mut self, name: &str, arguments: &[u64]) -> Errno<()> {
        match self.try_call(name, arguments) {
            Ok(0) => Ok(()),
            Ok(errno) => Err(errno),
            Err(error) => panic!("{name}{arguments:?} trapped: {error:?}"),
        }
    }

    /// What a trap that the call must end in says.
    pub fn trap(&mut self, name: &str, arguments: &[u64]) -> String {
        match self.try_call(name, arguments) {
            Ok(errno) => panic!("{name}{arguments:?} returned {errno}"),
            Err(error) => format!("{error:?}"),
        }
    }

    pub fn put(&mut self, at: u32, bytes: &[u8]) {
        self.memory
            .write(&mut self.store, at as usize, bytes)
            .unwrap();
    }

    pub fn bytes(&self, at: u32, length: u32) -> Vec<u8> {
        let range = at as usize..(at + length) as usize;
        self.memory.data(&self.store)[range].to_vec()
    }

    pub fn u32_at(&self, at: u32) -> u32 {
        u32::from_le_bytes(self.bytes(at, 4).try_into().unwrap())
    }

    pub fn u64_at(&self, at: u32) -> u64 {
        u64::from_le_bytes(self.bytes(at, 8).try_into().unwrap())
    }

    /// Puts an argument into memory, to be passed by the next call.
    pub fn pass(&mut self, bytes: impl AsRef<[u8]>) -> (u64, u64) {
        let bytes = bytes.as_ref();
        let at = self.next;
        self.next = (at + bytes.len() as u32).next_multiple_of(8);
        assert!(self.next <= RESULT);
        self.put(at, bytes);
        (at.into(), bytes.len() as u64)
    }

    /// Puts a list of buffers into memory, to be passed by the next call.
    pub fn pass_buffers(&mut self, buffers: &[(u32, u32)]) -> (u64, u64) {
        let mut list = Vec::new();
        for (pointer, length) in buffers {
            list.extend(pointer.to_le_bytes());
            list.extend(length.to_le_bytes());
        }
        let (pointer, _) = self.pass(list);
        (pointer, buffers.len() as u64)
    }

    pub fn open(&mut self, dir: u32, path: impl AsRef<[u8]>, how: Open) -> Errno<u32> {
        let (path, length) = self.pass(path);
        self.call(
            "path_open",
            &[
                dir.into(),
                how.lookup.into(),
                path,
                length,
                how.oflags.into(),
                how.rights,
                u64::MAX,
                how.fdflags.into(),
                RESULT.into(),
            ],
        )?;
        Ok(self.u32_at(RESULT))
    }

    pub fn close(&mut self, fd: u32) -> Errno<()> {
        self.call("fd_close", &[fd.into()])
    }

    pub fn write(&mut self, fd: u32, bytes: impl AsRef<[u8]>) -> Errno<u32> {
        let bytes = bytes.as_ref();
        self.put(DATA, bytes);
        self.write_buffers(fd, &[(DATA, bytes.len() as u32)])
    }

    pub fn write_buffers(&mut self, fd: u32, buffers: &[(u32, u32)]) -> Errno<u32> {
        let (list, count) = self.pass_buffers(buffers);
        self.call("fd_write", &[fd.into(), list, count, RESULT.into()])?;
        Ok(self.u32_at(RESULT))
    }

    pub fn read(&mut self, fd: u32, length: u32) -> Errno<Vec<u8>> {
        let read = self.read_buffers(fd, &[(DATA, length)])?;
        Ok(self.bytes(DATA, read))
    }

    pub fn read_buffers(&mut self, fd: u32, buffers: &[(u32, u32)]) -> Errno<u32> {
        let (list, count) = self.pass_buffers(buffers);
        self.call("fd_read", &[fd.into(), list, count, RESULT.into()])?;
        Ok(self.u32_at(RESULT))
    }

    pub fn pread(&mut self, fd: u32, length: u32, offset: u64) -> Errno<Vec<u8>> {
        let (list, count) = self.pass_buffers(&[(DATA, length)]);
        self.call("fd_pread", &[fd.into(), list, count, offset, RESULT.into()])?;
        Ok(self.bytes(DATA, self.u32_at(RESULT)))
    }

    pub fn pwrite(&mut self, fd: u32, bytes: impl AsRef<[u8]>, offset: u64) -> Errno<u32> {
        let bytes = bytes.as_ref();
        self.put(DATA, bytes);
        let (list, count) = self.pass_buffers(&[(DATA, bytes.len() as u32)]);
        self.call(
            "fd_pwrite",
            &[fd.into(), list, count, offset, RESULT.into()],
        )?;
        Ok(self.u32_at(RESULT))
    }

    pub fn seek(&mut self, fd: u32, offset: i64, whence: u32) -> Errno<u64> {
        self.call(
            "fd_seek",
            &[fd.into(), offset as u64, whence.into(), RESULT.into()],
        )?;
        Ok(self.u64_at(RESULT))
    }

    pub fn tell(&mut self, fd: u32) -> Errno<u64> {
        self.call("fd_tell", &[fd.into(), RESULT.into()])?;
        Ok(self.u64_at(RESULT))
    }

    pub fn fdstat(&mut self, fd: u32) -> Errno<FdStat> {
        self.call("fd_fdstat_get", &[fd.into(), RESULT.into()])?;
        let bytes = self.bytes(RESULT, 24);
        Ok(FdStat {
            kind: bytes[0],
            flags: u16::from_le_bytes([bytes[2], bytes[3]]),
            base: self.u64_at(RESULT + 8),
            inheriting: self.u64_at(RESULT + 16),
        })
    }

    pub fn fd_stat(&mut self, fd: u32) -> Errno<FileStat> {
        self.call("fd_filestat_get", &[fd.into(), RESULT.into()])?;
        Ok(self.decode_stat())
    }

    pub fn path_stat(&mut self, dir: u32, lookup: u32, path: impl AsRef<[u8]>) -> Errno<FileStat> {
        let (path, length) = self.pass(path);
        self.call(
            "path_filestat_get",
            &[dir.into(), lookup.into(), path, length, RESULT.into()],
        )?;
        Ok(self.decode_stat())
    }

    fn decode_stat(&self) -> FileStat {
        FileStat {
            device: self.u64_at(RESULT),
            inode: self.u64_at(RESULT + 8),
            kind: self.bytes(RESULT + 16, 1)[0],
            links: self.u64_at(RESULT + 24),
            size: self.u64_at(RESULT + 32),
            accessed: self.u64_at(RESULT + 40),
            modified: self.u64_at(RESULT + 48),
            changed: self.u64_at(RESULT + 56),
        }
    }

    /// Calls a function that takes a directory and a path.
    fn with_path(&mut self, name: &str, dir: u32, path: impl AsRef<[u8]>) -> Errno<()> {
        let (path, length) = self.pass(path);
        self.call(name, &[dir.into(), path, length])
    }

    pub fn mkdir(&mut self, dir: u32, path: impl AsRef<[u8]>) -> Errno<()> {
        self.with_path("path_create_directory", dir, path)
    }

    pub fn rmdir(&mut self, dir: u32, path: impl AsRef<[u8]>) -> Errno<()> {
        self.with_path("path_remove_directory", dir, path)
    }

    pub fn unlink(&mut self, dir: u32, path: impl AsRef<[u8]>) -> Errno<()> {
        self.with_path("path_unlink_file", dir, path)
    }

    pub fn rename(
        &mut self,
        dir: u32,
        path: impl AsRef<[u8]>,
        new_dir: u32,
        new_path: impl AsRef<[u8]>,
    ) -> Errno<()> {
        let (path, length) = self.pass(path);
        let (new_path, new_length) = self.pass(new_path);
        self.call(
            "path_rename",
            &[
                dir.into(),
                path,
                length,
                new_dir.into(),
                new_path,
                new_length,
            ],
        )
    }

    pub fn link(
        &mut self,
        dir: u32,
        lookup: u32,
        path: impl AsRef<[u8]>,
        new_dir: u32,
        new_path: impl AsRef<[u8]>,
    ) -> Errno<()> {
        let (path, length) = self.pass(path);
        let (new_path, new_length) = self.pass(new_path);
        self.call(
            "path_link",
            &[
                dir.into(),
                lookup.into(),
                path,
                length,
                new_dir.into(),
                new_path,
                new_length,
            ],
        )
    }

    pub fn symlink(
        &mut self,
        target: impl AsRef<[u8]>,
        dir: u32,
        path: impl AsRef<[u8]>,
    ) -> Errno<()> {
        let (target, target_length) = self.pass(target);
        let (path, length) = self.pass(path);
        self.call(
            "path_symlink",
            &[target, target_length, dir.into(), path, length],
        )
    }

    pub fn readlink(&mut self, dir: u32, path: impl AsRef<[u8]>, room: u32) -> Errno<Vec<u8>> {
        let (path, length) = self.pass(path);
        self.call(
            "path_readlink",
            &[
                dir.into(),
                path,
                length,
                DATA.into(),
                room.into(),
                RESULT.into(),
            ],
        )?;
        Ok(self.bytes(DATA, self.u32_at(RESULT)))
    }

    /// One call of `fd_readdir`: the whole entries, and how many bytes were used.
    pub fn readdir(&mut self, fd: u32, cookie: u64, room: u32) -> Errno<(Vec<DirEntry>, u32)> {
        self.call(
            "fd_readdir",
            &[fd.into(), DATA.into(), room.into(), cookie, RESULT.into()],
        )?;
        let used = self.u32_at(RESULT);
        let mut entries = Vec::new();
        let mut at = 0;
        while at + 24 <= used {
            let length = self.u32_at(DATA + at + 16);
            if at + 24 + length > used {
                break;
            }
            let name = self.bytes(DATA + at + 24, length);
            entries.push(DirEntry {
                next: u64::from_le_bytes(self.bytes(DATA + at, 8).try_into().unwrap()),
                inode: u64::from_le_bytes(self.bytes(DATA + at + 8, 8).try_into().unwrap()),
                kind: self.bytes(DATA + at + 20, 1)[0],
                name: String::from_utf8(name).unwrap(),
            });
            at += 24 + length;
        }
        Ok((entries, used))
    }

    /// The names of a directory as a C library reads them: with a buffer of
    /// `room` bytes, coming back with the last cookie until one is not full.
    pub fn names(&mut self, fd: u32, room: u32) -> Errno<Vec<String>> {
        let mut names = Vec::new();
        let mut cookie = 0;
        loop {
            let (entries, used) = self.readdir(fd, cookie, room)?;
            if let Some(last) = entries.last() {
                cookie = last.next;
            }
            let none = entries.is_empty();
            names.extend(entries.into_iter().map(|entry| entry.name));
            if used < room || none {
                assert!(used < room, "a buffer of {room} bytes holds no entry");
                return Ok(names);
            }
        }
    }
}
