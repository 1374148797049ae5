//! The two ways in which an embedder drives a program: a command runs from `_start` to its
//! exit status, a reactor or a library stays and its exports are called.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use mainspring::{
    Engine, Instance, Linker, Memory, Module, Result, Store, TypedFunc, WasmParams, WasmResults,
    format_err,
};
use mainspring_wasi::p1::{self, WasiP1Ctx};
use mainspring_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use mainspring_wasi::{FsPerms, I32Exit, WasiCtxBuilder};

static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::default);
const MOST_OUTPUT: usize = 1 << 24;

/// A command about to be run.
pub struct Program {
    wasm: PathBuf,
    stdin: Vec<u8>,
    wasi: WasiCtxBuilder,
    failed: Result<()>,
}

/// What a command left.
pub struct Ran {
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Ran {
    pub fn error_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl Program {
    pub fn new(wasm: &Path) -> Program {
        Program {
            wasm: wasm.to_path_buf(),
            stdin: Vec::new(),
            wasi: WasiCtxBuilder::new(),
            failed: Ok(()),
        }
    }

    /// Adds arguments; the first of all is the program's name.
    pub fn args(mut self, arguments: &[&str]) -> Program {
        self.wasi.args(arguments);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Program {
        self.wasi.env(name, value);
        self
    }

    pub fn dir(mut self, host: &Path, guest: &str) -> Program {
        if self.failed.is_ok() {
            self.failed = open(&mut self.wasi, host, guest);
        }
        self
    }

    pub fn stdin(mut self, text: &str) -> Program {
        self.stdin = text.into();
        self
    }

    /// Runs to the end. A trap is an error; an exit status is not.
    pub fn run(mut self) -> Result<Ran> {
        self.failed?;
        let (stdout, stderr) = (
            MemoryOutputPipe::new(MOST_OUTPUT),
            MemoryOutputPipe::new(MOST_OUTPUT),
        );
        self.wasi
            .stdin(MemoryInputPipe::new(self.stdin))
            .stdout(stdout.clone())
            .stderr(stderr.clone());
        let mut store = Store::new(&ENGINE, self.wasi.build_p1());
        let instance = instantiate(&mut store, &self.wasm)?;
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
        let status = match start.call(&mut store, ()) {
            Ok(()) => 0,
            Err(error) => match error.downcast_ref::<I32Exit>() {
                Some(exit) => exit.0,
                None => {
                    let said = String::from_utf8_lossy(&stderr.contents()).into_owned();
                    return Err(
                        error.context(format!("{} failed; it wrote: {said}", self.wasm.display()))
                    );
                }
            },
        };
        Ok(Ran {
            status,
            stdout: stdout.contents().to_vec(),
            stderr: stderr.contents().to_vec(),
        })
    }
}

fn open(wasi: &mut WasiCtxBuilder, host: &Path, guest: &str) -> Result<()> {
    wasi.preopened_dir(host, guest, FsPerms::ReadWrite)?;
    Ok(())
}

fn instantiate(store: &mut Store<WasiP1Ctx>, wasm: &Path) -> Result<Instance> {
    let module = Module::from_file(&ENGINE, wasm)?;
    let mut linker = Linker::new(&ENGINE);
    p1::add_to_linker_sync(&mut linker, |wasi| wasi)?;
    linker.instantiate(store, &module)
}

/// An instance whose exports a test calls, with C strings in its memory.
pub struct Guest {
    pub store: Store<WasiP1Ctx>,
    instance: Instance,
    memory: Memory,
    stdout: MemoryOutputPipe,
}

impl Guest {
    pub fn new(wasm: &Path, dirs: &[(&Path, &str)]) -> Result<Guest> {
        let stdout = MemoryOutputPipe::new(MOST_OUTPUT);
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(stdout.clone());
        for (host, guest) in dirs {
            open(&mut wasi, host, guest)?;
        }
        let mut store = Store::new(&ENGINE, wasi.build_p1());
        let instance = instantiate(&mut store, wasm)?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or_else(|| format_err!("{} exports no memory", wasm.display()))?;
        Ok(Guest {
            store,
            instance,
            memory,
            stdout,
        })
    }

    pub fn function<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
    ) -> Result<TypedFunc<P, R>> {
        self.instance.get_typed_func(&mut self.store, name)
    }

    /// Memory from the guest's own `malloc`.
    pub fn allocate(&mut self, size: u32) -> Result<u32> {
        self.function::<u32, u32>("malloc")?
            .call(&mut self.store, size)
    }

    /// A copy of `text` in the guest's memory, with the zero at its end.
    pub fn text(&mut self, text: &str) -> Result<u32> {
        let at = self.allocate(text.len() as u32 + 1)?;
        self.write(at, text.as_bytes())?;
        self.write(at + text.len() as u32, &[0])?;
        Ok(at)
    }

    pub fn write(&mut self, at: u32, bytes: &[u8]) -> Result<()> {
        Ok(self.memory.write(&mut self.store, at as usize, bytes)?)
    }

    pub fn read(&mut self, at: u32, size: u32) -> Result<Vec<u8>> {
        let mut bytes = vec![0; size as usize];
        self.memory.read(&self.store, at as usize, &mut bytes)?;
        Ok(bytes)
    }

    pub fn read_u32(&mut self, at: u32) -> Result<u32> {
        let bytes = self.read(at, 4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub fn stdout(&self) -> Vec<u8> {
        self.stdout.contents().to_vec()
    }
}
