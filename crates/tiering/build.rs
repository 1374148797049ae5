//! Names the build in what is stored: code is only good for the engine whose sources made it, and
//! these change more often than the version does.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::{fs, io};

/// The crates beside this one that code depends on. Where they are not, the version says it all.
const CRATES: [&str; 6] = [
    "abi",
    "baseline",
    "optimizer",
    "platform",
    "tiering",
    "wasm",
];

fn main() {
    let mut hasher = DefaultHasher::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in CRATES {
        let sources = crates.join(name).join("src");
        if sources.is_dir() {
            println!("cargo::rerun-if-changed={}", sources.display());
            hash(&sources, &mut hasher).expect("sources can be read");
        }
    }
    let lock = crates.join("../Cargo.lock");
    if let Ok(lock_file) = fs::read(&lock) {
        println!("cargo::rerun-if-changed={}", lock.display());
        lock_file.hash(&mut hasher);
    }
    let version = env!("CARGO_PKG_VERSION");
    println!(
        "cargo::rustc-env=MAINSPRING_BUILD={version}-{:016x}",
        hasher.finish()
    );
}

/// All files below a folder, in the order of their names.
fn hash(folder: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            hash(&path, hasher)?;
        } else {
            entry.file_name().hash(hasher);
            fs::read(&path)?.hash(hasher);
        }
    }
    Ok(())
}
