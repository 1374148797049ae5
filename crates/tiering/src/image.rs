//! Modules compiled ahead of time, as bytes: made once, stored, mapped.
//!
//! ```text
//! header      magic, format, four zeros, checksum of all that follows, file length,
//!             then offset and length of each section
//! fingerprint build, proposals, settings, processor features: all that the code depends on, see `fingerprint`
//! meta        the module's description
//! functions   start and end of each function in the text
//! traps, locations, inlined, calls, roots, handlers
//!             see `tables`
//! blob        data segments, the name section and, if it was asked for, debugging information
//! text        machine code, at a multiple of 4096
//! ```
//!
//! The text needs no relocation after loading: calls are relative, everything else goes through the
//! VM context. So it is mapped from the file as it is, and shared between processes. Numbers are little-endian.

use crate::code_memory::{Backing, CodeRange};
use crate::compile::{Compilers, Progress};
use crate::fingerprint;
use crate::module_code::{CodeLocation, Landing};
use crate::profiler::{CodeKind, Symbols};
use crate::tables::{
    self, CodeInfo, Sections, TableBuilder, Tables, last_at_or_before, read_sections,
};
use mainspring_abi::{CompiledFunction, RelocTarget, VMOffsets};
use mainspring_error::{Context, Result, bail, ensure};
use mainspring_platform::pages::MappedFile;
use mainspring_wasm::{DefinedFuncIndex, ModuleInfo, needed};
use std::ffi::c_void;
use std::fs::File;
use std::ops::Range;
use wasmparser::WasmFeatures;
use xxhash_rust::xxh3::xxh3_64;

/// The first bytes of every image.
pub const IMAGE_MAGIC: [u8; 8] = *b"\x7fMSIMAGE";
/// Changes whenever the format does.
const FORMAT: u32 = 7;
const TEXT_ALIGNMENT: usize = 4096;
/// Where in the header the list of sections is.
const SECTIONS_AT: usize = 32;
const HEADER_LEN: usize = SECTIONS_AT + Section::COUNT * 16;
/// Where in the header the checksum is; it covers everything after it.
const CHECKSUM_AT: usize = 16;

#[derive(Clone, Copy)]
enum Section {
    Fingerprint,
    Meta,
    Functions,
    Traps,
    Locations,
    Inlined,
    InlinedCalls,
    Roots,
    Handlers,
    Blob,
    Text,
}

impl Section {
    const COUNT: usize = 11;
}

/// The bytes of an image.
pub enum ImageBytes {
    /// In memory.
    Owned(Vec<u8>),
    /// In a file that stays as it is.
    Mapped(MappedFile, File),
}

impl ImageBytes {
    /// Maps an image file.
    ///
    /// # Safety
    /// The file must not be changed or truncated while the image is in use.
    pub unsafe fn map(file: File) -> Result<ImageBytes> {
        // SAFETY: the caller's promise.
        let mapped = unsafe { MappedFile::open(&file) }.context("cannot map the image")?;
        Ok(ImageBytes::Mapped(mapped, file))
    }

    fn bytes(&self) -> &[u8] {
        match self {
            ImageBytes::Owned(bytes) => bytes,
            ImageBytes::Mapped(mapped, _) => mapped.bytes(),
        }
    }
}

/// A loaded image.
pub(crate) struct Image {
    bytes: ImageBytes,
    sections: [Range<usize>; Section::COUNT],
    code: CodeRange,
}

/// Compiles a whole module, which is valid with some proposals, into an image.
pub(crate) fn build(
    compilers: &Compilers,
    features: WasmFeatures,
    info: &ModuleInfo,
    offsets: &VMOffsets,
    bytes: &[u8],
    progress: Option<Progress<'_>>,
) -> Result<Vec<u8>> {
    let compiled = compilers.compile_all(info, offsets, bytes, progress)?;
    let (functions, placed) = place(compiled)?;
    let (kept, blob) = keep_needed(info, bytes, compilers.keeps_debug_sections());
    let meta = postcard::to_stdvec(&kept).context("cannot encode the module's description")?;
    let fingerprint = fingerprint::of(compilers, info, needed(features, bytes));
    let parts: [&[u8]; Section::COUNT] = [
        fingerprint.as_bytes(),
        &meta,
        &functions,
        &placed.traps,
        &placed.locations,
        &placed.inlined,
        &placed.inlined_calls,
        &placed.roots,
        &placed.handlers,
        &blob,
        &placed.text,
    ];

    let mut parts = parts.map(|part| (part, 8));
    parts[Section::Text as usize].1 = TEXT_ALIGNMENT;
    let sections = Sections::new(SECTIONS_AT, parts);
    let mut image = Vec::with_capacity(sections.end());
    image.extend(IMAGE_MAGIC);
    image.extend(FORMAT.to_le_bytes());
    image.resize(SECTIONS_AT, 0);
    sections.write(&mut image)?;
    let len = image.len() as u64;
    image[24..32].copy_from_slice(&len.to_le_bytes());
    let checksum = xxh3_64(&image[CHECKSUM_AT + 8..]);
    image[CHECKSUM_AT..CHECKSUM_AT + 8].copy_from_slice(&checksum.to_le_bytes());
    Ok(image)
}

/// Lays functions out one after the other and resolves the calls between them. Returns the table of
/// functions too.
fn place(compiled: Vec<CompiledFunction>) -> Result<(Vec<u8>, TableBuilder)> {
    let (mut functions, mut tables) = (Vec::new(), TableBuilder::default());
    let mut starts = Vec::with_capacity(compiled.len());
    let mut at = 0usize;
    for function in &compiled {
        at = at.next_multiple_of(function.alignment.max(1) as usize);
        starts.push(at);
        at += function.code.len();
    }
    ensure!(
        at <= crate::code_memory::MAX_RANGE,
        "the module's code takes {at} bytes; the limit is {}",
        crate::code_memory::MAX_RANGE
    );
    tables.text.reserve(at);
    for (function, &start) in compiled.into_iter().zip(&starts) {
        let range = tables.add(start, &function.code, CodeInfo::of(&function));
        tables::numbers(&mut functions, [range.start as u32, range.end as u32]);
        for reloc in &function.relocs {
            let RelocTarget::Function(target) = reloc.target else {
                bail!("code compiled ahead of time refers to a code table");
            };
            let field = start + reloc.offset as usize;
            let distance = starts[target.index()] as i64 + i64::from(reloc.addend) - field as i64;
            tables.text[field..field + 4].copy_from_slice(&i32::try_from(distance)?.to_le_bytes());
        }
    }
    Ok((functions, tables))
}

/// The description of a module without its bodies, and the bytes that it still refers to, perhaps with its debugging
/// information.
fn keep_needed(info: &ModuleInfo, bytes: &[u8], debug_sections: bool) -> (ModuleInfo, Vec<u8>) {
    let mut info = info.clone();
    if !debug_sections {
        info.debug_sections.leave_out();
    }
    let mut blob = Vec::new();
    let mut keep = |range: &mut Range<u32>| {
        let start = blob.len() as u32;
        blob.extend_from_slice(&bytes[range.start as usize..range.end as usize]);
        *range = start..blob.len() as u32;
    };
    info.data
        .iter_mut()
        .for_each(|segment| keep(&mut segment.range));
    info.name_section.iter_mut().for_each(&mut keep);
    info.debug_sections.ranges_mut().for_each(&mut keep);
    (info, blob)
}

impl Image {
    /// Checks an image, which may use some proposals, and maps its code.
    pub fn load(
        compilers: &Compilers,
        features: WasmFeatures,
        bytes: ImageBytes,
    ) -> Result<(ModuleInfo, Image)> {
        let sections = check(bytes.bytes())?;
        let found = &bytes.bytes()[sections[Section::Fingerprint as usize].clone()];
        let found = std::str::from_utf8(found)
            .context("the compiled image is damaged: its fingerprint is not text")?;
        fingerprint::check(found, compilers, features)?;
        let meta = &bytes.bytes()[sections[Section::Meta as usize].clone()];
        let info: ModuleInfo = postcard::from_bytes(meta)
            .context("the compiled image is damaged: its description can't be read")?;
        let text = sections[Section::Text as usize].clone();
        let backing = compilers.code_backing();
        let code = match &bytes {
            ImageBytes::Mapped(_, file) if backing == Backing::MemoryFile => {
                // SAFETY: whoever made the `ImageBytes` said that the file stays as it is, and the
                // checksum that it is what was written.
                unsafe { CodeRange::from_file(file, text.start as u64, text.len()) }
                    // Where files can't be mapped executable (noexec mounts), copying works.
                    .or_else(|_| copy_code(&bytes.bytes()[text.clone()], backing))?
            }
            _ => copy_code(&bytes.bytes()[text.clone()], backing)?,
        };
        let image = Image {
            bytes,
            sections,
            code,
        };
        let functions = image.functions().len() / 8;
        ensure!(
            functions == info.bodies.len(),
            "the compiled image is damaged: it has code for {functions} of {} functions",
            info.bodies.len()
        );
        if let Some(profiler) = compilers.profiler() {
            let names = info.name_section.clone().unwrap_or_default();
            let names = info.slice(image.blob(), &names);
            image.publish(&Symbols::new(profiler, &info, names));
        }
        Ok((info, image))
    }

    /// Tells the profiler about all functions.
    fn publish(&self, symbols: &Symbols) {
        for i in 0..self.functions().len() / 8 {
            let [start, end] = tables::entry::<2>(self.functions(), i);
            let Some(code) = self.text().get(start as usize..end as usize) else {
                continue;
            };
            let func = DefinedFuncIndex::from(i);
            symbols.published(func, CodeKind::Optimized, code, code.as_ptr() as usize);
        }
    }

    pub fn bytes(&self) -> &[u8] {
        self.bytes.bytes()
    }

    fn section(&self, section: Section) -> &[u8] {
        &self.bytes.bytes()[self.sections[section as usize].clone()]
    }

    fn functions(&self) -> &[u8] {
        self.section(Section::Functions)
    }

    pub fn blob(&self) -> &[u8] {
        self.section(Section::Blob)
    }

    pub fn addresses(&self) -> Range<usize> {
        self.code.addresses()
    }

    fn code(&self) -> *const u8 {
        self.code.code()
    }

    pub fn text(&self) -> &[u8] {
        let len = self.sections[Section::Text as usize].len();
        // SAFETY: the range maps at least as many bytes as the text has, readable, unchanging.
        unsafe { std::slice::from_raw_parts(self.code(), len) }
    }

    /// Where to call a function.
    pub fn entry(&self, func: DefinedFuncIndex) -> *const c_void {
        let [start, _] = tables::entry(self.functions(), func.index());
        self.code().wrapping_add(start as usize).cast()
    }

    fn tables(&self) -> Tables<'_> {
        Tables {
            traps: self.section(Section::Traps),
            locations: self.section(Section::Locations),
            inlined: self.section(Section::Inlined),
            inlined_calls: self.section(Section::InlinedCalls),
            roots: self.section(Section::Roots),
            handlers: self.section(Section::Handlers),
        }
    }

    fn text_offset(&self, pc: usize) -> Option<u32> {
        u32::try_from(pc.checked_sub(self.code() as usize)?).ok()
    }

    /// Shows where the frame of a call that returns to an address holds references.
    pub fn roots(&self, pc: usize, visit: &mut dyn FnMut(i32)) {
        if let Some(offset) = self.text_offset(pc) {
            self.tables().roots_at(offset, visit);
        }
    }

    /// Where an exception goes that leaves a call which returns to an address.
    pub fn handler(&self, pc: usize) -> Option<Landing> {
        let handler = self.tables().handler_at(self.text_offset(pc)?)?;
        Some(Landing::new(self.code() as usize, handler))
    }

    /// What an address belongs to.
    pub fn locate(&self, info: &ModuleInfo, pc: usize) -> Option<CodeLocation> {
        let offset = self.text_offset(pc)?;
        let functions = self.functions();
        let func = last_at_or_before::<2>(functions, offset)?;
        let [start, end] = tables::entry(functions, func);
        if offset >= end {
            return None;
        }
        let tables = self.tables();
        let place = tables.at(start, offset);
        let func = info.func_of(DefinedFuncIndex::from(func));
        Some(CodeLocation::new(func, place, |call| {
            tables.inlined_call(call)
        }))
    }
}

/// The machine code in the bytes of an image.
pub(crate) fn text_of(image: &[u8]) -> Result<&[u8]> {
    let sections = check(image)?;
    Ok(&image[sections[Section::Text as usize].clone()])
}

fn copy_code(text: &[u8], backing: Backing) -> Result<CodeRange> {
    let code = CodeRange::new(0, text.len(), backing)?;
    // SAFETY: a fresh range: nothing runs in it and no one else writes it.
    unsafe { code.write(0, text) }?;
    code.seal();
    Ok(code)
}

/// Checks that an image is whole, and finds its sections.
fn check(bytes: &[u8]) -> Result<[Range<usize>; Section::COUNT]> {
    ensure!(
        bytes.starts_with(&IMAGE_MAGIC),
        "not a compiled image (compile the module first)"
    );
    ensure!(
        bytes.len() >= HEADER_LEN,
        "the compiled image is damaged: it ends in its header"
    );
    let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let format = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes"));
    ensure!(
        format == FORMAT,
        "the compiled image has format {format}, and this version reads {FORMAT}: compile the module again"
    );
    // The only bytes that neither the checksum covers nor a comparison.
    ensure!(
        bytes[12..CHECKSUM_AT] == [0; 4],
        "the compiled image is damaged: its header has bytes without a meaning"
    );
    let len = u64_at(24);
    ensure!(
        len == bytes.len() as u64,
        "the compiled image is damaged: it has {} bytes of {len}",
        bytes.len()
    );
    ensure!(
        u64_at(CHECKSUM_AT) == xxh3_64(&bytes[CHECKSUM_AT + 8..]),
        "the compiled image is damaged: its checksum does not match"
    );
    let sections: [Range<usize>; Section::COUNT] = read_sections(bytes, SECTIONS_AT)
        .context("the compiled image is damaged: a section lies outside of it")?;
    Ok(sections)
}
