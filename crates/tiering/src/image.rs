//! Modules compiled ahead of time, as bytes: made once, stored, mapped.
//!
//! ```text
//! header      magic, format, fingerprint length, checksum of all that follows, file length,
//!             then offset and length of each section
//! fingerprint version, settings, processor features: all that the code depends on
//! meta        the module's description
//! functions   start and end of each function in the text
//! traps       text offset and trap code, ascending
//! locations   text offset and wasm offset, ascending
//! inlined     text offset and number of an inlined call (or none), ascending
//! calls       of each inlined call: the callee, the call's wasm offset, the inlined call it is in (or none)
//! blob        data segments and the name section
//! text        machine code, at a multiple of 4096
//! ```
//!
//! The text needs no relocation after loading: calls are relative, everything else goes through the
//! VM context. So it is mapped from the file as it is, and shared between processes. Numbers are little-endian.

use crate::code_memory::CodeRange;
use crate::compile::{Compilers, Progress};
use crate::module_code::CodeLocation;
use anyhow::{Context, Result, bail, ensure};
use mainspring_abi::{CompiledFunction, InlinedCall, RelocTarget, TrapCode, VMOffsets};
use mainspring_platform::pages::MappedFile;
use mainspring_wasm::{DefinedFuncIndex, FuncIndex, ModuleInfo};
use std::ffi::c_void;
use std::fs::File;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// The first bytes of every image.
pub const IMAGE_MAGIC: [u8; 8] = *b"\x7fMSIMAGE";
/// Changes whenever the format does.
const FORMAT: u32 = 2;
const TEXT_ALIGNMENT: usize = 4096;
/// Bytes of an entry of the inlined calls.
const CALL_LEN: usize = 12;
const HEADER_LEN: usize = 32 + Section::COUNT * 16;
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
    Blob,
    Text,
}

impl Section {
    const COUNT: usize = 9;
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

/// Compiles a whole module into an image.
pub(crate) fn build(
    compilers: &Compilers,
    info: &ModuleInfo,
    offsets: &VMOffsets,
    bytes: &[u8],
    progress: Option<Progress<'_>>,
) -> Result<Vec<u8>> {
    let compiled = compilers.compile_all(info, offsets, bytes, progress)?;
    let placed = place(compiled)?;
    let (info, blob) = keep_needed(info, bytes);
    let meta = postcard::to_stdvec(&info).context("cannot encode the module's description")?;
    let fingerprint = fingerprint(compilers);
    let parts: [&[u8]; Section::COUNT] = [
        fingerprint.as_bytes(),
        &meta,
        &placed.functions,
        &placed.traps,
        &placed.locations,
        &placed.inlined,
        &placed.inlined_calls,
        &blob,
        &placed.text,
    ];

    let mut image = Vec::with_capacity(
        HEADER_LEN + parts.iter().map(|part| part.len() + 16).sum::<usize>() + TEXT_ALIGNMENT,
    );
    image.extend(IMAGE_MAGIC);
    image.extend(FORMAT.to_le_bytes());
    image.resize(HEADER_LEN, 0);
    for (i, part) in parts.into_iter().enumerate() {
        let alignment = if i == Section::Text as usize {
            TEXT_ALIGNMENT
        } else {
            8
        };
        image.resize(image.len().next_multiple_of(alignment), 0);
        let at = 32 + i * 16;
        let start = image.len() as u64;
        image[at..at + 8].copy_from_slice(&start.to_le_bytes());
        image[at + 8..at + 16].copy_from_slice(&(part.len() as u64).to_le_bytes());
        image.extend_from_slice(part);
    }
    let len = image.len() as u64;
    image[24..32].copy_from_slice(&len.to_le_bytes());
    let checksum = xxh3_64(&image[CHECKSUM_AT + 8..]);
    image[CHECKSUM_AT..CHECKSUM_AT + 8].copy_from_slice(&checksum.to_le_bytes());
    Ok(image)
}

fn fingerprint(compilers: &Compilers) -> String {
    fingerprint_of(&compilers.fingerprint())
}

fn fingerprint_of(compilers: &str) -> String {
    format!("{}\n{compilers}", env!("CARGO_PKG_VERSION"))
}

#[derive(Default)]
struct PlacedCode {
    text: Vec<u8>,
    functions: Vec<u8>,
    traps: Vec<u8>,
    locations: Vec<u8>,
    inlined: Vec<u8>,
    inlined_calls: Vec<u8>,
}

/// Lays functions out one after the other and resolves the calls between them.
fn place(compiled: Vec<CompiledFunction>) -> Result<PlacedCode> {
    let mut placed = PlacedCode::default();
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
    placed.text.reserve(at);
    for (function, &start) in compiled.into_iter().zip(&starts) {
        // Between functions: int3.
        placed.text.resize(start, 0xcc);
        let pair = |list: &mut Vec<u8>, first: usize, second: u32| {
            list.extend((first as u32).to_le_bytes());
            list.extend(second.to_le_bytes());
        };
        pair(
            &mut placed.functions,
            start,
            (start + function.code.len()) as u32,
        );
        for trap in &function.traps {
            pair(
                &mut placed.traps,
                start + trap.offset as usize,
                trap.code as u32,
            );
        }
        for location in &function.locations {
            pair(
                &mut placed.locations,
                start + location.code as usize,
                location.wasm,
            );
        }
        let first_call = (placed.inlined_calls.len() / CALL_LEN) as u32;
        let call_number = |call: u32| {
            if call == InlinedCall::NONE {
                call
            } else {
                first_call + call
            }
        };
        for stretch in &function.inlined {
            pair(
                &mut placed.inlined,
                start + stretch.code as usize,
                call_number(stretch.call),
            );
        }
        for call in &function.inlined_calls {
            for number in [call.callee.0, call.wasm, call_number(call.within)] {
                placed.inlined_calls.extend(number.to_le_bytes());
            }
        }
        placed.text.extend_from_slice(&function.code);
        for reloc in &function.relocs {
            let RelocTarget::Function(target) = reloc.target else {
                bail!("code compiled ahead of time refers to a code table");
            };
            let field = start + reloc.offset as usize;
            let distance = starts[target.index()] as i64 + i64::from(reloc.addend) - field as i64;
            placed.text[field..field + 4].copy_from_slice(&i32::try_from(distance)?.to_le_bytes());
        }
    }
    Ok(placed)
}

/// The description of a module without its bodies, and the bytes that it still refers to.
fn keep_needed(info: &ModuleInfo, bytes: &[u8]) -> (ModuleInfo, Vec<u8>) {
    let mut info = info.clone();
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
    (info, blob)
}

impl Image {
    /// Checks an image and maps its code.
    pub fn load(compilers: &str, bytes: ImageBytes) -> Result<(ModuleInfo, Image)> {
        let sections = check(bytes.bytes(), &fingerprint_of(compilers))?;
        let meta = &bytes.bytes()[sections[Section::Meta as usize].clone()];
        let info: ModuleInfo = postcard::from_bytes(meta)
            .context("the compiled image is damaged: its description can't be read")?;
        let text = sections[Section::Text as usize].clone();
        let code = match &bytes {
            ImageBytes::Mapped(_, file) => {
                // SAFETY: whoever made the `ImageBytes` said that the file stays as it is, and the
                // checksum that it is what was written.
                unsafe { CodeRange::from_file(file, text.start as u64, text.len()) }
                    // Where files can't be mapped executable (noexec mounts), copying works.
                    .or_else(|_| copy_code(&bytes.bytes()[text.clone()]))?
            }
            ImageBytes::Owned(bytes) => copy_code(&bytes[text.clone()])?,
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
        Ok((info, image))
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
        let (start, _) = pair(self.functions(), func.index());
        self.code().wrapping_add(start as usize).cast()
    }

    /// What an address belongs to.
    pub fn locate(&self, info: &ModuleInfo, pc: usize) -> Option<CodeLocation> {
        let offset = u32::try_from(pc.checked_sub(self.code.code() as usize)?).ok()?;
        let functions = self.functions();
        let func = last_at_or_before(functions, offset)?;
        let (start, end) = pair(functions, func);
        if offset >= end {
            return None;
        }
        // The entry of a table that covers the address, if it is one of this function's.
        let covering = |section| {
            let table = self.section(section);
            last_at_or_before(table, offset)
                .map(|i| pair(table, i))
                .filter(|&(at, _)| at >= start)
        };
        let trap = covering(Section::Traps)
            .filter(|&(at, _)| at == offset)
            .and_then(|(_, code)| TrapCode::from_u8(code as u8));
        let wasm = covering(Section::Locations).map(|(_, wasm)| wasm);
        let inlined = covering(Section::Inlined).map_or(InlinedCall::NONE, |(_, call)| call);
        let func = info.func_of(DefinedFuncIndex::from(func));
        Some(CodeLocation::new(func, wasm, trap, inlined, |call| {
            self.inlined_call(call)
        }))
    }

    fn inlined_call(&self, n: u32) -> InlinedCall {
        let entry = &self.section(Section::InlinedCalls)[n as usize * CALL_LEN..];
        let number =
            |at: usize| u32::from_le_bytes(entry[at..at + 4].try_into().expect("four bytes"));
        InlinedCall {
            callee: FuncIndex(number(0)),
            wasm: number(4),
            within: number(8),
        }
    }
}

fn copy_code(text: &[u8]) -> Result<CodeRange> {
    let mut code = CodeRange::new(0, text.len())?;
    // SAFETY: a fresh range: nothing runs in it and no one else writes it.
    unsafe { code.write(0, text) };
    code.seal();
    Ok(code)
}

/// The n-th pair of numbers in a table.
fn pair(table: &[u8], n: usize) -> (u32, u32) {
    let entry = &table[n * 8..n * 8 + 8];
    let number = |at: usize| u32::from_le_bytes(entry[at..at + 4].try_into().expect("four bytes"));
    (number(0), number(4))
}

/// The position of the last pair whose first number is not above `key`.
fn last_at_or_before(table: &[u8], key: u32) -> Option<usize> {
    let (mut low, mut high) = (0, table.len() / 8);
    while low < high {
        let middle = (low + high) / 2;
        if pair(table, middle).0 <= key {
            low = middle + 1
        } else {
            high = middle
        }
    }
    low.checked_sub(1)
}

/// Checks everything about an image that can be checked, and finds its sections.
fn check(bytes: &[u8], expected: &str) -> Result<[Range<usize>; Section::COUNT]> {
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
    let mut sections: [Range<usize>; Section::COUNT] = Default::default();
    for (i, section) in sections.iter_mut().enumerate() {
        let (start, len) = (u64_at(32 + i * 16), u64_at(40 + i * 16));
        let end = start
            .checked_add(len)
            .filter(|&end| end <= bytes.len() as u64);
        let end = end.context("the compiled image is damaged: a section lies outside of it")?;
        *section = start as usize..end as usize;
    }
    let found = std::str::from_utf8(&bytes[sections[Section::Fingerprint as usize].clone()])
        .context("the compiled image is damaged: its fingerprint is not text")?;
    if found != expected {
        let (found_version, found_rest) = found.split_once('\n').unwrap_or((found, ""));
        let (version, _) = expected
            .split_once('\n')
            .expect("fingerprints start with the version");
        if found_version != version {
            bail!(
                "the compiled image was made by version {found_version}, and this is {version}: compile the module again"
            );
        }
        bail!(
            "the compiled image was made with other settings or for another processor ({found_rest}): compile the module again"
        );
    }
    Ok(sections)
}
