//! Where a module's bytes are.
//!
//! What is needed of them while a module runs is little: its description, its code and the contents of its memories are
//! made once, or come from the cache. So those of a file that are more than a few are not kept, but read from
//! there again, in blocks that are used only if their hash is the one that is known. What sees to it that
//! they can be read, or are kept if not, is `file_watch`.
//!
//! What ties a file to what is in the cache is its [`FileIdentity`], under which the cache keeps a *description*:
//!
//! ```text
//!  0  the key of what was learned about the module
//! 32  `Blocks`
//!     `ModuleInfo`
//! ```

use crate::blocks::Blocks;
use crate::cache::{Entry, Key};
use crate::compile::Compilers;
use crate::queue::{Job, Queue};
use mainspring_error::{Context, Result, bail, ensure};
use mainspring_platform::files::FileIdentity;
use mainspring_platform::lease::{self, Leaseholder};
use mainspring_wasm::ModuleInfo;
use std::collections::VecDeque;
use std::fs::File;
use std::ops::{Deref, Range};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmparser::WasmFeatures;

/// From how many bytes on a module's are not kept.
const LARGE: usize = 1 << 20;

/// How many blocks are kept of those that were read last: functions that call one another often lie together.
const RECENT: usize = 64;

/// A module's bytes.
pub(crate) enum ModuleBytes {
    /// The module as it was given.
    Whole(Vec<u8>),
    /// The part of an image that holds what is needed at run time.
    InImage,
    /// In a file.
    InFile(ModuleFile),
}

impl ModuleBytes {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            ModuleBytes::Whole(bytes) => bytes.len(),
            ModuleBytes::InImage => 0,
            ModuleBytes::InFile(file) => file.blocks.len(),
        }
    }

    /// A part of them.
    ///
    /// # Errors
    /// If they are in a file that can't be read anymore.
    pub fn read(&self, range: &Range<usize>) -> Result<ModuleSlice<'_>> {
        match self {
            ModuleBytes::Whole(bytes) => Ok(ModuleSlice::borrowed(&bytes[range.clone()])),
            ModuleBytes::InImage => bail!("the bytes of a compiled image are the image's"),
            ModuleBytes::InFile(file) => file.read(range.clone()),
        }
    }
}

/// A part of a module's bytes.
pub struct ModuleSlice<'a>(Part<'a>);

enum Part<'a> {
    Borrowed(&'a [u8]),
    Shared(Arc<Vec<u8>>, Range<usize>),
    Read(Vec<u8>),
}

impl<'a> ModuleSlice<'a> {
    pub(crate) fn borrowed(bytes: &'a [u8]) -> ModuleSlice<'a> {
        ModuleSlice(Part::Borrowed(bytes))
    }
}

impl Deref for ModuleSlice<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Part::Borrowed(bytes) => bytes,
            Part::Shared(bytes, range) => &bytes[range.clone()],
            Part::Read(bytes) => bytes,
        }
    }
}

/// An open file that holds a module, as it was when it was read.
#[derive(Debug)]
pub struct SourceFile {
    /// The file.
    pub file: File,
    /// What it is changed if this is.
    pub identity: FileIdentity,
}

/// A module's file.
pub(crate) struct ModuleFile {
    source: SourceFile,
    blocks: Blocks,
    contents: Mutex<Contents>,
    /// What waits until something is read; nothing anymore once that has happened.
    waiting: Mutex<Option<Vec<Job>>>,
}

struct Contents {
    /// All of it, while or because it can't be read again for sure.
    whole: Option<Arc<Vec<u8>>>,
    /// The blocks that were read last, the latest at the end.
    recent: VecDeque<(usize, Vec<u8>)>,
    /// Whether nobody writes to the file without asking.
    leased: bool,
}

impl ModuleFile {
    /// A file whose contents were read, or are known from an earlier run.
    pub fn new(source: SourceFile, blocks: Blocks, whole: Option<Vec<u8>>) -> ModuleFile {
        ModuleFile {
            source,
            blocks,
            // Only in a process that has nothing to read is it worth waiting with what is hot.
            waiting: Mutex::new(whole.is_none().then(Vec::new)),
            contents: Mutex::new(Contents {
                whole: whole.map(Arc::new),
                recent: VecDeque::new(),
                leased: false,
            }),
        }
    }

    /// Whether it is worth not to keep a file's contents.
    pub fn is_worth_it(bytes: &[u8]) -> bool {
        bytes.len() >= LARGE
    }

    /// Queues a job when something of the file was read. It is no reason to read it: what was hot in earlier runs is
    /// optimized already, and a program that ends soon gains nothing from more.
    pub fn queue_when_read(&self, job: Job, queue: &Queue) {
        if let Some(waiting) = &mut *self.lock_waiting() {
            return waiting.push(job);
        }
        queue.add(job);
    }

    /// Queues what waits.
    pub fn queue_waiting(&self, queue: &Queue) {
        let waiting = self.lock_waiting().take();
        waiting.into_iter().flatten().for_each(|job| queue.add(job));
    }

    fn lock_waiting(&self) -> MutexGuard<'_, Option<Vec<Job>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A part of it.
    ///
    /// # Errors
    /// If it can't be read, or is not what it was.
    pub fn read(&self, range: Range<usize>) -> Result<ModuleSlice<'_>> {
        let mut contents = self.lock();
        if let Some(whole) = &contents.whole {
            return Ok(ModuleSlice(Part::Shared(whole.clone(), range)));
        }
        let mut part = Vec::with_capacity(range.len());
        for block in Blocks::touched(&range) {
            let place = self.blocks.place(block);
            let bytes = self.block(&mut contents, block)?;
            let from = range.start.max(place.start) - place.start;
            let to = range.end.min(place.end) - place.start;
            part.extend_from_slice(&bytes[from..to]);
        }
        Ok(ModuleSlice(Part::Read(part)))
    }

    fn block<'a>(&self, contents: &'a mut Contents, block: usize) -> Result<&'a [u8]> {
        let recent = &mut contents.recent;
        let found = recent.iter().position(|&(number, _)| number == block);
        let bytes = match found.and_then(|at| recent.remove(at)) {
            Some((_, bytes)) => bytes,
            None => {
                // The place of the one that was not used for longest.
                let full = recent.len() == RECENT;
                let reused = full.then(|| recent.pop_front()).flatten();
                let mut bytes = reused.map_or_else(Vec::new, |(_, bytes)| bytes);
                self.read_block(block, &mut bytes)?;
                bytes
            }
        };
        recent.push_back((block, bytes));
        Ok(&recent[recent.len() - 1].1)
    }

    fn read_block(&self, block: usize, bytes: &mut Vec<u8>) -> Result<()> {
        let place = self.blocks.place(block);
        bytes.resize(place.len(), 0);
        self.read_at(bytes, place.start)?;
        ensure!(
            self.blocks.is(block, bytes),
            "cannot read the module's file again: it has been written to since the module was made"
        );
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], at: usize) -> Result<()> {
        let read = self.source.file.read_exact_at(bytes, at as u64);
        read.context("cannot read the module's file again")
    }

    /// Sees to it that the contents can be read for as long as the module lives: takes a lease on the file and
    /// forgets what is in memory, or else keeps that. Returns whether there is a lease.
    ///
    /// # Errors
    /// If the contents are not there anymore.
    pub fn secure(&self, holder: Option<&Leaseholder>) -> Result<bool> {
        let file = &self.source.file;
        let mut contents = self.lock();
        if contents.leased {
            return Ok(true);
        }
        if holder.is_some_and(|holder| holder.take(file).is_ok()) {
            // Before, anyone could write to it.
            if FileIdentity::of(file)? == Some(self.source.identity) {
                contents.leased = true;
                contents.whole = None;
                return Ok(true);
            }
            lease::give_up(file);
        }
        self.keep(&mut contents)?;
        Ok(false)
    }

    /// Gives the lease up if someone wants to write to the file, and keeps the contents from then on. Returns
    /// whether that was so.
    pub fn let_write(&self) -> bool {
        if !lease::is_asked_for(&self.source.file) {
            return false;
        }
        let mut contents = self.lock();
        // Whoever needs the bytes will see the error.
        let _ = self.keep(&mut contents);
        contents.leased = false;
        lease::give_up(&self.source.file);
        true
    }

    fn keep(&self, contents: &mut Contents) -> Result<()> {
        if contents.whole.is_none() {
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(self.blocks.len())?;
            bytes.resize(self.blocks.len(), 0);
            self.read_at(&mut bytes, 0)?;
            if Blocks::of(&bytes) != self.blocks {
                bail!(
                    "cannot read the module's file again: it has been written to since the module was made"
                );
            }
            contents.whole = Some(Arc::new(bytes));
            contents.recent = VecDeque::new();
        }
        Ok(())
    }
}

/// What the cache keeps under a file's identity.
pub(crate) fn encode_description(key: &Key, blocks: &Blocks, info: &ModuleInfo) -> Result<Vec<u8>> {
    let mut bytes = key.as_bytes().to_vec();
    bytes.extend(blocks.to_bytes());
    postcard::to_extend(info, bytes).context("cannot encode the module's description")
}

/// The key of what was learned about a module, its blocks, and its description.
pub(crate) fn decode_description(entry: &Entry) -> Option<(Key, Blocks, ModuleInfo)> {
    let (key, mut rest) = entry.payload().split_first_chunk()?;
    let blocks = Blocks::take(&mut rest)?;
    Some((
        Key::from_bytes(*key),
        blocks,
        postcard::from_bytes(rest).ok()?,
    ))
}

impl Compilers {
    /// What the cache knows a file's description by, if there is a cache.
    pub(crate) fn file_key(&self, features: WasmFeatures, file: &FileIdentity) -> Option<Key> {
        self.key(features, &[b"file", &file.to_bytes()])
    }
}
