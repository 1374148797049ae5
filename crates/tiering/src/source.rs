//! Where a module's bytes are.
//!
//! A program that runs again from the same file needs few of them: its description, its code and the
//! contents of its memories come from the cache. So the file is read later, or never. What ties the
//! file to what is in the cache is its [`FileIdentity`], under which the cache keeps a *description*:
//!
//! ```text
//!  0  the key of what was learned about the module
//! 32  `ModuleInfo`
//! ```
//!
//! Bytes that are read later are used only if that key is theirs.

use crate::cache::{Entry, Key};
use crate::compile::Compilers;
use crate::module_code::ModuleCode;
use crate::queue::{Job, Queue};
use mainspring_error::{Context, Result, bail};
use mainspring_platform::files::{self, FileIdentity};
use mainspring_wasm::ModuleInfo;
use std::fs::File;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};
use wasmparser::WasmFeatures;

/// A module's bytes.
pub(crate) enum ModuleBytes {
    /// The module as it was given.
    Whole(Vec<u8>),
    /// The part of an image that holds what is needed at run time.
    InImage,
    /// In a file that was not read yet, or was.
    InFile(ModuleFile),
}

/// A module's file, known from an earlier run.
pub(crate) struct ModuleFile {
    file: File,
    features: WasmFeatures,
    /// The key that the contents must have.
    key: Key,
    contents: OnceLock<Result<Vec<u8>, String>>,
    /// What waits for the contents; nothing anymore once they are there.
    waiting: Mutex<Option<Vec<Job>>>,
}

impl ModuleFile {
    pub fn new(file: File, features: WasmFeatures, key: Key) -> ModuleFile {
        ModuleFile {
            file,
            features,
            key,
            contents: OnceLock::new(),
            waiting: Mutex::new(Some(Vec::new())),
        }
    }

    /// Queues a job when the contents are there. It is no reason to read them: what was hot in earlier runs is
    /// optimized already, and a program that ends soon gains nothing from more.
    pub fn queue_when_read(&self, job: Job, queue: &Queue) {
        if let Some(waiting) = &mut *self.lock_waiting() {
            return waiting.push(job);
        }
        queue.add(job);
    }

    fn lock_waiting(&self) -> MutexGuard<'_, Option<Vec<Job>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The contents; read when first asked for.
    ///
    /// # Errors
    /// If they can't be read, or are not what they were.
    pub fn bytes(&self, compilers: &Compilers) -> Result<&[u8]> {
        let contents = self.contents.get_or_init(|| {
            let contents = self.read(compilers);
            let waiting = self.lock_waiting().take();
            for job in waiting.into_iter().flatten() {
                compilers.queue().add(job);
            }
            contents.map_err(|error| format!("cannot read the module's file again: {error:#}"))
        });
        match contents {
            Ok(bytes) => Ok(bytes),
            Err(error) => bail!("{error}"),
        }
    }

    fn read(&self, compilers: &Compilers) -> Result<Vec<u8>> {
        let bytes = files::read(&mut self.file.try_clone()?)?;
        if compilers.cache_key(self.features, &bytes) != Some(self.key) {
            bail!("it has been written to since the program was started");
        }
        Ok(bytes)
    }
}

/// How long a program runs before its file is read although nothing needs it yet: from then on it does not
/// matter who writes to it. Many programs have ended by then.
const READ_AFTER: Duration = Duration::from_millis(300);

/// Has a module's file read by a thread of its own, if the module lives long enough.
pub(crate) fn read_soon(module: &Weak<ModuleCode>) {
    type Due = (Instant, Weak<ModuleCode>);
    static READER: OnceLock<Option<Sender<Due>>> = OnceLock::new();
    let reader = READER.get_or_init(|| {
        let (sender, receiver) = channel::<Due>();
        let read = move || {
            for (due, module) in receiver {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                if let Some(module) = module.upgrade() {
                    // Whoever needs the bytes will see the error.
                    let _ = module.bytes();
                }
            }
        };
        let thread = std::thread::Builder::new().name("mainspring-reader".into());
        thread.spawn(read).is_ok().then_some(sender)
    });
    let due = Instant::now() + READ_AFTER;
    let sent = reader
        .as_ref()
        .map(|reader| reader.send((due, module.clone())));
    if !matches!(sent, Some(Ok(())))
        && let Some(module) = module.upgrade()
    {
        let _ = module.bytes();
    }
}

/// What the cache keeps under a file's identity.
pub(crate) fn encode_description(key: &Key, info: &ModuleInfo) -> Result<Vec<u8>> {
    let bytes = key.as_bytes().to_vec();
    postcard::to_extend(info, bytes).context("cannot encode the module's description")
}

/// The key of what was learned about a module, and its description.
pub(crate) fn decode_description(entry: &Entry) -> Option<(Key, ModuleInfo)> {
    let (key, info) = entry.payload().split_first_chunk()?;
    Some((Key::from_bytes(*key), postcard::from_bytes(info).ok()?))
}

impl Compilers {
    /// What the cache knows a file's description by, if there is a cache and the file can be told from a
    /// later version of itself.
    pub(crate) fn file_key(
        &self,
        features: WasmFeatures,
        file: Option<FileIdentity>,
    ) -> Option<Key> {
        let identity = file?.to_bytes();
        let depends = self.cache_key(features, b"")?;
        Some(Key::new(&[depends.as_bytes(), b"file", &identity]))
    }
}
