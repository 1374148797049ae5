//! `cargo xtask bench`: the programs of `benches/programs` on Mainspring, on wasmtime and on
//! the bare machine, taking turns, so that a change of the machine's speed meets all alike.
//! Everything made lies under `target/bench`. A runtime that is not installed is said to be
//! missing; an output that differs from the native one is a failure, never a number.

mod cold;
mod measure;
mod programs;
mod report;
mod stats;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};

/// Time the programs of `benches/programs` on Mainspring, wasmtime and the bare machine.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    other: Option<Other>,
    #[command(flatten)]
    programs: programs::Options,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Time whole runs with nothing prepared and nothing cached: how long a user waits.
    Cold(cold::Options),
}

/// Where the runtimes are.
#[derive(Debug, Args)]
#[group(skip)]
struct Runtimes {
    /// The `mainspring` program [default: target/release/mainspring]
    #[arg(long, value_name = "PATH")]
    mainspring: Option<PathBuf>,
    /// The `wasmtime` program, version 48
    #[arg(long, value_name = "PATH", default_value = "wasmtime")]
    wasmtime: PathBuf,
}

impl Runtimes {
    fn mainspring(&self) -> PathBuf {
        match &self.mainspring {
            Some(path) => path.clone(),
            None => target().join("release/mainspring"),
        }
    }
}

/// `cargo xtask bench ...`
pub fn command(options: &Options) -> Result<()> {
    match &options.other {
        Some(Other::Cold(options)) => cold::command(options),
        None => programs::command(&options.programs),
    }
}

/// Cargo's target folder.
fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => crate::root().join("target"),
    }
}

fn folder() -> PathBuf {
    target().join("bench")
}

/// The first line of `PROGRAM --version`, or why there is none.
fn version(program: &Path) -> Result<String, String> {
    let output = std::process::Command::new(program)
        .arg("--version")
        .output();
    let output = output.map_err(|e| format!("{} cannot be run: {e}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) if output.status.success() => Ok(line.to_string()),
        _ => Err(format!(
            "`{} --version` failed: {}",
            program.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}
