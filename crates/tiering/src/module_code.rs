//! All code of one module.

use crate::blocks::Blocks;
use crate::cache::{self, Payload};
use crate::code_table::CodeTable;
use crate::compile::{Compilers, Progress};
use crate::file_watch;
use crate::image::{self, Image, ImageBytes};
use crate::profiler::Symbols;
use crate::registry;
use crate::source::{self, ModuleBytes, ModuleFile, ModuleSlice, SourceFile};
use crate::stats::{self, count};
use crate::tables::Place;
use mainspring_abi::{Handler, InlinedCall, SourceLocation, TrapCode, VMOffsets};
use mainspring_error::Result;
use mainspring_platform::files::FileIdentity;
use mainspring_platform::lease::Leaseholder;
use mainspring_platform::memory_file::MemoryFile;
use mainspring_wasm::{DefinedFuncIndex, FuncIndex, ModuleInfo, decode, decode_sections, explain};
use std::ffi::c_void;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Instant;
use tracing::field;
use wasmparser::WasmFeatures;

/// A module with its code: shared by all its instances in all stores, on all threads.
pub struct ModuleCode {
    info: ModuleInfo,
    offsets: VMOffsets,
    bytes: ModuleBytes,
    pub(crate) kind: Kind,
    /// What the cache knows it by.
    key: Option<cache::Key>,
    /// What the cache is to keep besides what the code table learned.
    to_keep: Mutex<ToKeep>,
    /// Held while the cache is given what was learned.
    remembering: Mutex<()>,
    /// The image of a lazy module whose code someone wanted to have whole.
    whole: OnceLock<Vec<u8>>,
    itself: Weak<ModuleCode>,
}

pub(crate) enum Kind {
    /// Functions are compiled when they are called first.
    Lazy(Box<CodeTable>),
    /// All functions were compiled together.
    Ahead(Box<Image>),
}

#[derive(Default)]
struct ToKeep {
    /// Initial contents of memories.
    memories: Vec<(u32, Arc<MemoryFile>)>,
    /// The description, under this key, with the hashes of what was read.
    description: Option<(cache::Key, Blocks)>,
}

/// What a program counter belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeLocation {
    /// The functions that are running there, the innermost first: more than one where functions were
    /// compiled into their callers. With each, the offset in the module of the instruction it is at, if the code belongs to one.
    pub frames: Vec<(FuncIndex, Option<u32>)>,
    /// Why the instruction at exactly that address traps, if it can.
    pub trap: Option<TrapCode>,
}

/// A place that exceptions go to. See [`Handler`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Landing {
    /// Its address.
    pub pc: usize,
    /// Where the stack pointer is then: so many bytes below the frame pointer.
    pub below_fp: u32,
}

impl Landing {
    /// That of a handler in code at an address.
    pub(crate) fn new(code: usize, handler: Handler) -> Landing {
        Landing {
            pc: code + handler.landing as usize,
            below_fp: handler.below_fp,
        }
    }
}

impl CodeLocation {
    /// Unfolds the calls in whose place the code is.
    pub(crate) fn new(
        func: FuncIndex,
        place: Place,
        call: impl Fn(u32) -> InlinedCall,
    ) -> CodeLocation {
        let known = |wasm: u32| (wasm != SourceLocation::NONE).then_some(wasm);
        let mut frames = Vec::with_capacity(1);
        let (mut wasm, mut inlined) = (place.wasm.and_then(known), place.inlined);
        while inlined != InlinedCall::NONE {
            let InlinedCall {
                callee,
                wasm: at,
                within,
            } = call(inlined);
            frames.push((callee, wasm));
            (wasm, inlined) = (known(at), within);
        }
        frames.push((func, wasm));
        CodeLocation {
            frames,
            trap: place.trap,
        }
    }
}

impl ModuleCode {
    /// Decodes, validates, and compiles nothing yet. If a file holds these bytes, the cache will know the module from its
    /// file alone ([`known`](Self::known)), and the bytes are not kept if they are many and can be read again.
    pub fn lazy(
        compilers: &Arc<Compilers>,
        features: WasmFeatures,
        bytes: Vec<u8>,
        file: Option<SourceFile>,
    ) -> Result<Arc<ModuleCode>> {
        let start = Instant::now();
        let to_file = file.is_some() && ModuleFile::is_worth_it(&bytes);
        let wanted = to_file || compilers.cache().is_some();
        // What the cache knows is valid.
        let validate = AtomicBool::new(false);
        let look_up = || {
            let blocks = wanted.then(|| Blocks::of(&bytes));
            let key = (blocks.as_ref()).and_then(|blocks| compilers.module_key(features, blocks));
            let learned = key.as_ref().and_then(|key| compilers.cache()?.load(key));
            validate.store(learned.is_none(), Ordering::Relaxed);
            (blocks, key, learned)
        };
        let decode = || decode_sections(features, &bytes, &validate);
        let (decoded, (blocks, key, learned)) = mainspring_wasm::join(decode, look_up);
        let info = seen_decoding(bytes.len(), learned.is_none(), || match &learned {
            // It would not be there if the module were not valid.
            Some(_) => Ok(decoded?.known_to_be_valid()),
            None => decoded?.validate(),
        })
        .map_err(|error| explain(features, &bytes, error))?;
        let place = (file.as_ref()).and_then(|file| compilers.file_key(features, &file.identity));
        let description = place.zip(blocks.clone());
        let bytes = match (file, blocks) {
            (Some(file), Some(blocks)) if to_file => {
                ModuleBytes::InFile(ModuleFile::new(file, blocks, Some(bytes)))
            }
            _ => ModuleBytes::Whole(bytes),
        };
        let code = ModuleCode::with_table(compilers, start, info, bytes, key, learned)?;
        code.lock_to_keep().description = description;
        if to_file {
            file_watch::look_after(&code.itself, file_watch::MADE);
        }
        Ok(code)
    }

    /// A module whose file and code the cache knows. Of the file, what the cache has not is read when it is needed.
    pub fn known(
        compilers: &Arc<Compilers>,
        features: WasmFeatures,
        file: &File,
    ) -> Option<Arc<ModuleCode>> {
        let cache = compilers.cache()?;
        if compilers.profiler().is_some() {
            // It wants to know the functions' names.
            return None;
        }
        let start = Instant::now();
        let identity = FileIdentity::of(file).ok()??;
        let description = cache.load(&compilers.file_key(features, &identity)?)?;
        let (key, blocks, info) = source::decode_description(&description)?;
        let learned = cache.load(&key)?;
        let file = file.try_clone().ok()?;
        let file = ModuleFile::new(SourceFile { file, identity }, blocks, None);
        let bytes = ModuleBytes::InFile(file);
        let code =
            ModuleCode::with_table(compilers, start, info, bytes, Some(key), Some(learned)).ok()?;
        count(&compilers.counts().known_files);
        file_watch::look_after(&code.itself, file_watch::KNOWN);
        Some(code)
    }

    /// A module that is compiled as it is called.
    fn with_table(
        compilers: &Arc<Compilers>,
        start: Instant,
        info: ModuleInfo,
        bytes: ModuleBytes,
        key: Option<cache::Key>,
        learned: Option<cache::Entry>,
    ) -> Result<Arc<ModuleCode>> {
        let counts = compilers.counts();
        if key.is_some() {
            count(match &learned {
                Some(_) => &counts.cache_hits,
                None => &counts.cache_misses,
            });
        }
        count(&counts.modules);
        stats::add(&counts.functions, info.bodies.len());
        stats::add_time(&counts.decoding, start);
        let offsets = VMOffsets::new(&info);
        let symbols = match compilers.profiler() {
            Some(profiler) => {
                let names = info.name_section.clone().unwrap_or_default();
                let names = bytes.read(&(names.start as usize..names.end as usize))?;
                Some(Symbols::new(profiler, &info, &names))
            }
            None => None,
        };
        let table = CodeTable::new(compilers.clone(), &info, symbols, learned)?;
        stats::add(&counts.cached_functions, table.known_functions());
        let mut written = Ok(());
        let code = Arc::new_cyclic(|itself: &Weak<ModuleCode>| {
            written = table.write_stubs(itself.as_ptr());
            ModuleCode {
                info,
                offsets,
                bytes,
                kind: Kind::Lazy(Box::new(table)),
                key,
                to_keep: Mutex::default(),
                remembering: Mutex::default(),
                whole: OnceLock::new(),
                itself: itself.clone(),
            }
        });
        written?;
        if key.is_some() {
            compilers.remember_later(&code.itself);
        }
        Ok(code.registered())
    }

    /// Decodes, validates and compiles every function.
    pub fn ahead(
        compilers: &Arc<Compilers>,
        features: WasmFeatures,
        bytes: &[u8],
    ) -> Result<Arc<ModuleCode>> {
        let image = Self::precompile(compilers, features, bytes, None)?;
        Self::from_image(compilers, features, ImageBytes::Owned(image))
    }

    /// Decodes, validates and compiles every function to an image.
    pub fn precompile(
        compilers: &Arc<Compilers>,
        features: WasmFeatures,
        bytes: &[u8],
        progress: Option<Progress<'_>>,
    ) -> Result<Vec<u8>> {
        let info = seen_decoding(bytes.len(), true, || decode(features, bytes))?;
        let offsets = VMOffsets::new(&info);
        image::build(compilers, features, &info, &offsets, bytes, progress)
    }

    /// Loads an image, which may use some proposals.
    ///
    /// # Errors
    /// If it is damaged, or was made by another version, for another processor or with other settings that make a difference
    /// to it, or needs other proposals.
    pub fn from_image(
        compilers: &Arc<Compilers>,
        features: WasmFeatures,
        bytes: ImageBytes,
    ) -> Result<Arc<ModuleCode>> {
        let _span = tracing::debug_span!("load image").entered();
        let (info, image) = Image::load(compilers, features, bytes)?;
        let offsets = VMOffsets::new(&info);
        let code = Arc::new_cyclic(|itself: &Weak<ModuleCode>| ModuleCode {
            info,
            offsets,
            bytes: ModuleBytes::InImage,
            kind: Kind::Ahead(Box::new(image)),
            key: None,
            to_keep: Mutex::default(),
            remembering: Mutex::default(),
            whole: OnceLock::new(),
            itself: itself.clone(),
        });
        Ok(code.registered())
    }

    fn registered(self: Arc<Self>) -> Arc<Self> {
        registry::register(self.addresses().start, &self.itself);
        self
    }

    /// Makes an image of the module, which is valid with some proposals, compiling what is not.
    pub fn serialize(
        &self,
        features: WasmFeatures,
        progress: Option<Progress<'_>>,
    ) -> Result<Vec<u8>> {
        match &self.kind {
            Kind::Lazy(table) => image::build(
                table.compilers(),
                features,
                &self.info,
                &self.offsets,
                &self.bytes()?,
                progress,
            ),
            Kind::Ahead(image) => Ok(image.bytes().to_vec()),
        }
    }

    /// What the module declares.
    pub fn info(&self) -> &ModuleInfo {
        &self.info
    }

    /// The layout of its VM contexts.
    pub fn offsets(&self) -> &VMOffsets {
        &self.offsets
    }

    /// The module's bytes in a range, as in [`info`](Self::info).
    ///
    /// # Errors
    /// If they are in a file that can't be read anymore.
    pub fn read(&self, range: &Range<u32>) -> Result<ModuleSlice<'_>> {
        let range = range.start as usize..range.end as usize;
        let bytes = match (&self.bytes, &self.kind) {
            (ModuleBytes::InImage, Kind::Ahead(image)) => {
                return Ok(ModuleSlice::borrowed(&image.blob()[range]));
            }
            (bytes, _) => bytes.read(&range)?,
        };
        self.was_read();
        Ok(bytes)
    }

    /// All the module's bytes.
    fn bytes(&self) -> Result<ModuleSlice<'_>> {
        self.bytes.read(&(0..self.bytes.len()))
    }

    /// The file that the bytes are in, if they are.
    pub(crate) fn file(&self) -> Option<&ModuleFile> {
        match &self.bytes {
            ModuleBytes::InFile(file) => Some(file),
            _ => None,
        }
    }

    /// Has what waited for that queued.
    fn was_read(&self) {
        if let (Some(file), Kind::Lazy(table)) = (self.file(), &self.kind) {
            file.queue_waiting(table.compilers().queue());
        }
    }

    /// Sees to it that the file, if there is one, can be read for as long as the module lives. Returns whether there is a
    /// lease on it. See [`ModuleFile::secure`].
    pub(crate) fn secure_file(&self, holder: Option<&Leaseholder>) -> Result<bool> {
        let Some(file) = self.file() else {
            return Ok(false);
        };
        let secured = file.secure(holder);
        self.was_read();
        secured
    }

    /// See [`ModuleFile::let_write`].
    pub(crate) fn let_write(&self) -> bool {
        self.file().is_none_or(ModuleFile::let_write)
    }

    /// Where to call a function, now and for as long as the module lives.
    pub fn entry(&self, func: DefinedFuncIndex) -> *const c_void {
        match &self.kind {
            Kind::Lazy(table) => table.entry(func),
            Kind::Ahead(image) => image.entry(func),
        }
    }

    /// What an address in the module's code belongs to.
    pub fn locate(&self, pc: usize) -> Option<CodeLocation> {
        match &self.kind {
            Kind::Lazy(table) => table.locate(&self.info, pc),
            Kind::Ahead(image) => image.locate(&self.info, pc),
        }
    }

    /// Shows where the frame of a call that returns to an address of the module's code holds references for the
    /// garbage collector, in bytes from its frame pointer. See [`Root`](mainspring_abi::Root).
    pub fn roots(&self, pc: usize, visit: &mut dyn FnMut(i32)) {
        match &self.kind {
            Kind::Lazy(table) => table.roots(pc, visit),
            Kind::Ahead(image) => image.roots(pc, visit),
        }
    }

    /// Where an exception goes that leaves a call which returns to an address of the module's code, if it does not go
    /// on to the caller.
    pub fn handler(&self, pc: usize) -> Option<Landing> {
        match &self.kind {
            Kind::Lazy(table) => table.handler(pc),
            Kind::Ahead(image) => image.handler(pc),
        }
    }

    /// All addresses of the module's code and of what lies with it.
    pub fn addresses(&self) -> Range<usize> {
        match &self.kind {
            Kind::Lazy(table) => table.addresses(),
            Kind::Ahead(image) => image.addresses(),
        }
    }

    /// The code of the module, which is valid with some proposals. A lazy one's comes and grows, so it is compiled to an image
    /// for this, once.
    ///
    /// # Errors
    /// If it can't be compiled.
    pub fn text(&self, features: WasmFeatures) -> Result<&[u8]> {
        if let Kind::Ahead(image) = &self.kind {
            return Ok(image.text());
        }
        let image = match self.whole.get() {
            Some(image) => image,
            None => {
                let image = self.serialize(features, None)?;
                self.whole.get_or_init(|| image)
            }
        };
        image::text_of(image)
    }

    /// The initial contents of a memory, if the cache has kept them.
    pub fn kept_memory(&self, memory: u32) -> Option<cache::Entry> {
        let Kind::Lazy(table) = &self.kind else {
            return None;
        };
        let key = self.memory_key(memory)?;
        table.compilers().cache()?.load(&key)
    }

    /// Has the cache keep the initial contents of a memory, if there is one.
    pub fn keep_memory(&self, memory: u32, contents: &Arc<MemoryFile>) {
        if self.key.is_some() {
            self.lock_to_keep()
                .memories
                .push((memory, contents.clone()));
        }
    }

    fn memory_key(&self, memory: u32) -> Option<cache::Key> {
        let module = self.key.as_ref()?;
        let memory = memory.to_le_bytes();
        Some(cache::Key::new(&[module.as_bytes(), b"memory", &memory]))
    }

    fn lock_to_keep(&self) -> MutexGuard<'_, ToKeep> {
        let to_keep = self.to_keep.lock();
        to_keep.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the cache keeps what is learned about it, and can be written.
    pub(crate) fn is_remembered(&self) -> bool {
        let Kind::Lazy(table) = &self.kind else {
            return false;
        };
        let cache = table.compilers().cache().filter(|_| self.key.is_some());
        cache.is_some_and(cache::Cache::can_be_written)
    }

    /// Has the cache keep what was learned, if there is anything new.
    pub(crate) fn remember(&self) {
        let (Kind::Lazy(table), Some(key)) = (&self.kind, &self.key) else {
            return;
        };
        let Some(cache) = table.compilers().cache() else {
            return;
        };
        // Whoever finds nothing new may end the process: another thread must not be storing it still.
        let remembering = self.remembering.lock();
        let _remembering = remembering.unwrap_or_else(PoisonError::into_inner);
        let ToKeep {
            memories,
            description,
        } = std::mem::take(&mut *self.lock_to_keep());
        // A cache that can't be written is no worse than none. Perhaps it can later.
        let kept = |stored: Result<()>| {
            stored
                .inspect_err(
                    |error| tracing::debug!(error = %format_args!("{error:#}"), "not remembered"),
                )
                .is_ok()
        };
        for (memory, contents) in memories {
            if let Some(key) = self.memory_key(memory) {
                let contents = InitialContents::of(&contents);
                kept(contents.and_then(|contents| cache.store(&key, &contents)));
            }
        }
        if let Some((learned, pieces)) = table.to_remember(cache)
            && kept(cache.store(key, &learned))
        {
            table.remembered(pieces);
        }
        if let Some((place, blocks)) = description {
            let description = source::encode_description(key, &blocks, &self.info);
            kept(description.and_then(|description| cache.store(&place, &description)));
        }
    }

    pub(crate) fn itself(&self) -> &Weak<ModuleCode> {
        &self.itself
    }
}

/// The initial contents of a memory, for the cache.
struct InitialContents<'a> {
    file: &'a MemoryFile,
    len: usize,
}

impl InitialContents<'_> {
    fn of(file: &MemoryFile) -> Result<InitialContents<'_>> {
        let len = usize::try_from(file.size()?)?;
        Ok(InitialContents { file, len })
    }
}

impl Payload for InitialContents<'_> {
    fn size(&self) -> usize {
        self.len
    }

    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        self.file.copy_to(to)
    }
}

/// Has a module decoded, and says so.
fn seen_decoding(
    bytes: usize,
    validate: bool,
    decode: impl FnOnce() -> Result<ModuleInfo>,
) -> Result<ModuleInfo> {
    let functions = field::Empty;
    let span = tracing::debug_span!("decode", bytes, validate, functions).entered();
    let info = decode()?;
    span.record("functions", info.bodies.len());
    Ok(info)
}

impl Drop for ModuleCode {
    fn drop(&mut self) {
        let _remembered = Remembered(self);
        self.remember();
        registry::unregister(self.addresses().start);
    }
}

/// Says when it is dropped, however that comes about, that the cache knows all of a module that it will.
struct Remembered<'a>(&'a ModuleCode);

impl Drop for Remembered<'_> {
    fn drop(&mut self) {
        if let (Kind::Lazy(table), Some(_)) = (&self.0.kind, &self.0.key) {
            table.compilers().let_go(&self.0.itself);
        }
    }
}

impl std::fmt::Debug for ModuleCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModuleCode")
            .field("name", &self.info.name)
            .field("addresses", &self.addresses())
            .finish_non_exhaustive()
    }
}
