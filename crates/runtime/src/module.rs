//! A module as the runtime needs it: code, canonical types, and what its memories start as.

use crate::gc::Shape;
use mainspring_error::{Context, Result};
use mainspring_platform::files::longest_file;
use mainspring_platform::memory_file::MemoryFile;
use mainspring_platform::pages::{page_size, round_up};
use mainspring_tiering::ModuleCode;
use mainspring_tiering::cache::Entry;
use mainspring_wasm::{
    CanonicalTypeId, ConstOp, DataSegment, FunctionNames, MemoryIndex, ModuleInfo, RegisteredTypes,
    SegmentMode, SourceMap, TagIndex, TypeRegistry, tag_name,
};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};

/// A module, shared by its instances in all stores.
#[derive(Debug)]
pub struct Module {
    code: Arc<ModuleCode>,
    types: RegisteredTypes,
    /// What objects of its types look like, if it needs a heap.
    shapes: Option<Box<[(CanonicalTypeId, Shape)]>>,
    /// By defined memory.
    images: OnceLock<Box<[Option<MemoryImage>]>>,
    images_wanted: bool,
    names: OnceLock<FunctionNames>,
    sources: OnceLock<SourceMap>,
}

/// The initial contents of a memory, as pages to map copy-on-write.
#[derive(Debug)]
pub(crate) struct MemoryImage {
    backing: Backing,
    /// Which bytes of the memory the file holds; page-aligned.
    pub range: Range<usize>,
}

/// Where the contents are.
#[derive(Debug)]
enum Backing {
    /// Made in this process.
    Made(Arc<MemoryFile>),
    /// Kept by the cache from an earlier run.
    Kept(Entry),
}

/// Images up to this size are made however sparse they are.
const ALWAYS_DENSE_ENOUGH: usize = 16 << 20;

impl Module {
    /// Makes a module of an engine whose types are in `registry`. `images` says whether memories
    /// are initialized by mapping.
    ///
    /// # Errors
    /// If the engine has no room for its types.
    pub fn new(code: Arc<ModuleCode>, registry: &TypeRegistry, images: bool) -> Result<Module> {
        let types = registry.register_module(code.info())?;
        let shapes = code.info().needs_heap();
        Ok(Module {
            shapes: shapes.then(|| shapes_of(code.info(), &types)),
            code,
            types,
            images: OnceLock::new(),
            images_wanted: images,
            names: OnceLock::new(),
            sources: OnceLock::new(),
        })
    }

    /// What it declares.
    pub fn info(&self) -> &ModuleInfo {
        self.code.info()
    }

    /// Its code.
    pub fn code(&self) -> &Arc<ModuleCode> {
        &self.code
    }

    /// Its types, made canonical.
    pub fn types(&self) -> &RegisteredTypes {
        &self.types
    }

    /// Whether its instances need a heap.
    pub(crate) fn needs_heap(&self) -> bool {
        self.shapes.is_some()
    }

    /// The types that there can be objects of, and what these look like.
    pub(crate) fn shapes(&self) -> &[(CanonicalTypeId, Shape)] {
        self.shapes.as_deref().unwrap_or_default()
    }

    /// The names of its functions; read from its `name` section when first asked for.
    pub fn function_names(&self) -> &FunctionNames {
        self.names.get_or_init(|| {
            let info = self.info();
            let Some(range) = &info.name_section else {
                return FunctionNames::default();
            };
            // Without the module's bytes, functions go by their numbers.
            self.code.read(range).map_or_else(
                |_| FunctionNames::default(),
                |section| FunctionNames::read(&section),
            )
        })
    }

    /// Where in its source its code comes from; read from its debugging information when first asked for.
    pub fn source_map(&self) -> &SourceMap {
        self.sources.get_or_init(|| {
            // Without the module's bytes, there are no lines.
            let read = |range: &_| self.code.read(range).ok().map(|section| section.to_vec());
            SourceMap::new(&self.info().debug_sections, read)
        })
    }

    /// The name of one of its tags in its `name` section.
    pub(crate) fn tag_name(&self, tag: TagIndex) -> Option<String> {
        let range = self.info().name_section.as_ref()?;
        tag_name(&self.code.read(range).ok()?, tag)
    }

    /// Makes the images of its memories now rather than at the first instantiation.
    pub fn prepare_images(&self) -> Result<()> {
        if self.images_wanted && self.images.get().is_none() {
            let images = make_images(&self.code)?;
            let _ = self.images.set(images);
        }
        Ok(())
    }

    /// The image of a defined memory, if it has one: its active segments need no copying then.
    pub(crate) fn image(&self, defined: usize) -> Result<Option<&MemoryImage>> {
        self.prepare_images()?;
        Ok(self
            .images
            .get()
            .and_then(|images| images[defined].as_ref()))
    }
}

fn shapes_of(info: &ModuleInfo, types: &RegisteredTypes) -> Box<[(CanonicalTypeId, Shape)]> {
    let tags = info.tags.iter().map(|ty| ty.index());
    let declared = (0..info.types.len()).filter(|&i| info.types[i].as_func().is_none());
    let shape = |i: usize| Shape::of(&info.types[i], |ty| info.is_func_type(ty));
    (declared.chain(tags))
        .map(|i| (types.ids()[i], shape(i)))
        .collect()
}

fn make_images(code: &ModuleCode) -> Result<Box<[Option<MemoryImage>]>> {
    let info = code.info();
    let defined = info.imported.memories as usize..info.memories.len();
    defined
        .map(|i| make_image(code, MemoryIndex::from(i)))
        .collect()
}

/// Makes the image of one memory, if every active segment of it has a constant offset and lies
/// inside its initial size, and the whole is dense enough.
fn make_image(code: &ModuleCode, memory: MemoryIndex) -> Result<Option<MemoryImage>> {
    let info = code.info();
    let ty = &info.memories[memory.index()];
    let Some(size) = ty
        .minimum_bytes()
        .and_then(|bytes| usize::try_from(bytes).ok())
    else {
        return Ok(None);
    };
    let mut placed = Vec::new();
    for segment in &info.data {
        match constant_range(segment, memory) {
            Placement::Elsewhere => {}
            Placement::At(range) if range.end <= size => placed.push((range, segment)),
            Placement::At(_) | Placement::Unknown => return Ok(None),
        }
    }
    let start = placed
        .iter()
        .map(|(range, _)| range.start)
        .min()
        .unwrap_or(0)
        / page_size()
        * page_size();
    let end = placed.iter().map(|(range, _)| range.end).max().unwrap_or(0);
    let Some(end) = round_up(end).filter(|&end| end <= size) else {
        return Ok(None);
    };
    let total: usize = placed.iter().map(|(range, _)| range.len()).sum();
    if start >= end
        || total == 0
        || (end - start > ALWAYS_DENSE_ENOUGH && total < (end - start) / 2)
    {
        return Ok(None);
    }
    let range = start..end;
    if let Some(entry) = code.kept_memory(memory.0)
        && entry.payload().len() == range.len()
    {
        // It was looked at for its checksum, and is mapped where memories are.
        entry.release(0..range.len());
        let backing = Backing::Kept(entry);
        return Ok(Some(MemoryImage { backing, range }));
    }
    // Copying the segments will do.
    if range.len() as u64 > longest_file() {
        return Ok(None);
    }
    let make = || -> Result<MemoryFile> {
        let file = MemoryFile::new("mainspring-memory", range.len() as u64)?;
        let segments = placed
            .iter()
            .map(|(range, segment)| (range.start - start, segment.range.clone()));
        write_segments(code, &file, segments)?;
        Ok(file)
    };
    let file = Arc::new(make().context("cannot make the image of a memory")?);
    code.keep_memory(memory.0, &file);
    let backing = Backing::Made(file);
    Ok(Some(MemoryImage { backing, range }))
}

/// Writes segments to a file of zeros, later ones over earlier ones. Modules can have many thousands of small
/// ones, so those that follow each other closely are written together.
fn write_segments(
    code: &ModuleCode,
    file: &MemoryFile,
    segments: impl Iterator<Item = (usize, Range<u32>)> + Clone,
) -> Result<()> {
    const TOGETHER: usize = 256 << 10;
    const GAP: usize = 4096;
    let ends = segments.clone().map(|(at, range)| at + range.len());
    let ascending = ends
        .zip(segments.clone().skip(1))
        .all(|(end, (at, _))| end <= at);
    let (mut run_at, mut run) = (0, Vec::with_capacity(TOGETHER));
    for (mut at, mut range) in segments {
        let end = run_at + run.len();
        // What lies between may be zeros only if nothing was written there.
        let joins = ascending && at - end < GAP && at + range.len() - run_at <= TOGETHER;
        if joins {
            run.resize(at - run_at, 0);
        } else {
            file.write_at(&run, run_at as u64)?;
            run.clear();
            run_at = at;
        }
        while range.len() >= TOGETHER {
            let part = range.start..range.start + TOGETHER as u32;
            file.write_at(&code.read(&part)?, at as u64)?;
            (range.start, at) = (part.end, at + TOGETHER);
            run_at = at;
        }
        run.extend_from_slice(&code.read(&range)?);
    }
    file.write_at(&run, run_at as u64)?;
    Ok(())
}

impl MemoryImage {
    /// The file that the contents are in, and where they start.
    pub(crate) fn file(&self) -> (BorrowedFd<'_>, u64) {
        match &self.backing {
            Backing::Made(file) => (file.as_fd(), 0),
            Backing::Kept(entry) => (entry.file().as_fd(), Entry::PAYLOAD_AT),
        }
    }
}

enum Placement {
    Elsewhere,
    At(Range<usize>),
    Unknown,
}

fn constant_range(segment: &DataSegment, memory: MemoryIndex) -> Placement {
    let SegmentMode::Active { target, offset } = &segment.mode else {
        return Placement::Elsewhere;
    };
    if *target != memory {
        return Placement::Elsewhere;
    }
    let start = match offset.0.as_slice() {
        [ConstOp::I32(offset)] => *offset as u32 as usize,
        [ConstOp::I64(offset)] => *offset as u64 as usize,
        _ => return Placement::Unknown,
    };
    match start.checked_add(segment.range.len()) {
        Some(end) => Placement::At(start..end),
        None => Placement::Unknown,
    }
}
