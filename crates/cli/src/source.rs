//! Where a command gets its module from: a file or standard input, binary or text, or an
//! image that was compiled before. What is none of these is named, so that its user
//! knows what they have in hand.

use mainspring::{Engine, Error, Result, bail, format_err};
use std::borrow::Cow;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// What a command line's FILE turned out to hold.
pub(crate) struct Source {
    /// What messages call it.
    pub(crate) name: String,
    /// Where it came from; nothing for standard input.
    pub(crate) path: Option<PathBuf>,
    pub(crate) contents: Contents,
}

pub(crate) enum Contents {
    /// A module in the binary format (text has been translated). Not yet validated.
    Module(Bytes),
    /// A compiled image of this runtime. Native code: whoever loads it trusts it.
    Image(Bytes),
}

/// Contents that were recognized. Those of a plain file stay in it until they are wanted,
/// so that the engine can read or map a large one by itself.
pub(crate) enum Bytes {
    InFile(PathBuf),
    InMemory(Vec<u8>),
}

impl Bytes {
    pub(crate) fn get(&self) -> Result<Cow<'_, [u8]>> {
        match self {
            Bytes::InFile(path) => read_file(path).map(Cow::Owned),
            Bytes::InMemory(bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }
}

impl Source {
    /// What to say of a module that was refused.
    pub(crate) fn refused(&self, error: Error) -> Error {
        let what = match error.is::<wasmparser::Error>() {
            true => "is not a valid module",
            false => "can't be loaded",
        };
        error.context(format!("{} {what}", self.name))
    }

    /// Finds out what FILE is, where `-` stands for standard input.
    pub(crate) fn read(file: &Path) -> Result<Source> {
        if file == Path::new("-") {
            let name = "standard input".to_string();
            let contents = recognize(&name, None, read_stdin()?)?;
            return Ok(Source {
                name,
                path: None,
                contents,
            });
        }
        let name = format!("`{}`", file.display());
        // A pipe that has a name can be read only once, so only files are looked into first.
        let header = if file.is_file() {
            read_header(file)?
        } else {
            Vec::new()
        };
        let contents = match recognize_header(&name, &header)? {
            Some(form) => form.contents(Bytes::InFile(file.to_path_buf())),
            None => recognize(&name, Some(file), read_file(file)?)?,
        };
        Ok(Source {
            name,
            path: Some(file.to_path_buf()),
            contents,
        })
    }
}

fn read_header(file: &Path) -> Result<Vec<u8>> {
    const ENOUGH: u64 = 64;
    let mut header = Vec::new();
    File::open(file)
        .and_then(|file| file.take(ENOUGH).read_to_end(&mut header))
        .map_err(|error| unreadable(file, &error))?;
    Ok(header)
}

fn read_file(file: &Path) -> Result<Vec<u8>> {
    if file.is_dir() {
        bail!(
            "`{}` is a directory, not a WebAssembly module",
            file.display()
        );
    }
    std::fs::read(file).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => format_err!("there is no file `{}`", file.display()),
        _ => format_err!("cannot read `{}`: {error}", file.display()),
    }
}

fn read_stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| format_err!("cannot read the module from standard input: {error}"))?;
    Ok(bytes)
}

/// The two binary forms, which their first bytes tell.
enum Form {
    Module,
    Image,
}

impl Form {
    fn contents(self, bytes: Bytes) -> Contents {
        match self {
            Form::Module => Contents::Module(bytes),
            Form::Image => Contents::Image(bytes),
        }
    }
}

fn recognize_header(name: &str, bytes: &[u8]) -> Result<Option<Form>> {
    if Engine::detect_precompiled(bytes).is_some() {
        return Ok(Some(Form::Image));
    }
    if !bytes.starts_with(b"\0asm") {
        return Ok(None);
    }
    match bytes.get(4..8) {
        Some([_, _, 0, 0]) => Ok(Some(Form::Module)),
        Some([_, _, 1, 0]) => bail!(
            "{name} is a WebAssembly component, and this version runs core modules only; \
             build the program for a target such as wasm32-wasip1"
        ),
        Some(_) => {
            bail!("{name} has a WebAssembly version that does not exist; it is probably damaged")
        }
        None => bail!(
            "{name} ends after {} bytes, within the header of a WebAssembly module",
            bytes.len()
        ),
    }
}

fn recognize(name: &str, path: Option<&Path>, bytes: Vec<u8>) -> Result<Contents> {
    if let Some(form) = recognize_header(name, &bytes)? {
        return Ok(form.contents(Bytes::InMemory(bytes)));
    }
    if has_extension(path, "wast") {
        bail!("{name} is a script of tests, not a module; `mainspring wast` runs scripts");
    }
    if is_text_module(path, &bytes) {
        let binary = translate(name, path, &bytes)?;
        return Ok(Contents::Module(Bytes::InMemory(binary)));
    }
    if has_extension(path, "cwasm") {
        bail!(
            "{name} is not a compiled image of this version of mainspring, or it is damaged; \
             make it again with `mainspring compile`"
        );
    }
    bail!("{name} is not a WebAssembly module: {}", describe(&bytes));
}

fn has_extension(path: Option<&Path>, extension: &str) -> bool {
    path.and_then(Path::extension)
        .is_some_and(|found| found == extension)
}

/// A file is taken for WebAssembly text when its name says so, or when it starts as
/// such text does: with a parenthesis or a comment.
fn is_text_module(path: Option<&Path>, bytes: &[u8]) -> bool {
    if has_extension(path, "wat") {
        return true;
    }
    let start = bytes.trim_ascii_start();
    (start.starts_with(b"(") || start.starts_with(b";;")) && std::str::from_utf8(bytes).is_ok()
}

fn translate(name: &str, path: Option<&Path>, bytes: &[u8]) -> Result<Vec<u8>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        format_err!(
            "{name} is not WebAssembly text: it is not UTF-8 at byte {}",
            error.valid_up_to()
        )
    })?;
    wat::parse_str(text).map_err(|mut error| {
        if let Some(path) = path {
            error.set_path(path);
        }
        format_err!("cannot parse {name}: {error}")
    })
}

/// Starts of files that people hand to a runtime by mistake, and what to say of each.
const LOOKS: &[(&[u8], &str)] = &[
    (
        b"\x7fELF",
        "it is a native (ELF) program or library; run it directly, or build it for wasm32-wasip1",
    ),
    (
        b"MZ",
        "it looks like a Windows program; build it for wasm32-wasip1",
    ),
    (
        b"\xcf\xfa\xed\xfe",
        "it looks like a macOS program; build it for wasm32-wasip1",
    ),
    (
        b"\x1f\x8b",
        "it is compressed with gzip; decompress it first (gunzip)",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "it is compressed with zstd; decompress it first (unzstd)",
    ),
    (
        b"\xfd7zXZ\0",
        "it is compressed with xz; decompress it first (unxz)",
    ),
    (
        b"BZh",
        "it is compressed with bzip2; decompress it first (bunzip2)",
    ),
    (
        b"PK\x03\x04",
        "it is a zip archive; unpack it first (unzip)",
    ),
    (
        b"!<arch>\n",
        "it is an archive of object files; link them into a program first",
    ),
    (
        b"BC\xc0\xde",
        "it is LLVM bitcode; compile and link it for wasm32-wasip1 first",
    ),
    (b"#!", "it is a script for another interpreter"),
    (b"<", "it looks like HTML or XML, as a failed download does"),
];

fn describe(bytes: &[u8]) -> &'static str {
    if bytes.is_empty() {
        return "it is empty";
    }
    let known = LOOKS.iter().find(|(start, _)| bytes.starts_with(start));
    if let Some((_, description)) = known {
        return description;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => {
            "it is text, but not WebAssembly text, which starts with `(module`"
        }
        _ => "it does not start with the bytes `\\0asm` of a module",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: Option<&str>, bytes: &[u8]) -> String {
        match recognize("it", path.map(Path::new), bytes.to_vec()) {
            Ok(_) => panic!("{bytes:?} was accepted"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_not_wasm_is_named() {
        assert!(refusal(None, b"").contains("empty"));
        assert!(refusal(None, b"\x7fELF\x02\x01\x01").contains("ELF"));
        assert!(refusal(None, b"\x1f\x8b\x08").contains("gunzip"));
        assert!(refusal(None, b"hello world").contains("text"));
        assert!(refusal(None, b"\0asm\x0d\0\x01\0").contains("component"));
        assert!(refusal(None, b"\0asm\x01").contains("5 bytes"));
        assert!(refusal(None, b"\xff\xfe\0\0").contains("\\0asm"));
        assert!(refusal(Some("a.wast"), b"(module)").contains("mainspring wast"));
        assert!(refusal(Some("a.wat"), b"(modul)").contains("a.wat:1:2"));
    }

    #[test]
    fn text_is_translated_wherever_it_comes_from() {
        for text in ["(module)", "  ;; empty\n(module)", "(; empty ;) (module)"] {
            let Ok(Contents::Module(Bytes::InMemory(bytes))) = recognize("it", None, text.into())
            else {
                panic!("{text} was not taken for text");
            };
            assert_eq!(bytes, b"\0asm\x01\0\0\0");
        }
    }
}
