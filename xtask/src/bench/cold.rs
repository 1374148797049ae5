//! The first run of a program: nothing compiled ahead, no cache. Every run gets a cache
//! folder of its own, empty, so that neither side learns from an earlier round.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::measure::{self, Run};
use super::stats::{Spread, spread};
use super::{Runtimes, folder, version};

#[derive(Debug, Args)]
#[group(skip)]
pub struct Options {
    /// The programs to run
    #[arg(required = true, value_name = "FILE.wasm")]
    files: Vec<PathBuf>,
    /// How many times each program runs on each side
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// A folder that the programs may use (may be repeated)
    #[arg(long, value_name = "HOST[::GUEST]")]
    dir: Vec<String>,
    #[command(flatten)]
    runtimes: Runtimes,
    /// What every program gets as its arguments
    #[arg(last = true)]
    arguments: Vec<String>,
}

struct Side {
    name: &'static str,
    program: PathBuf,
    flags: &'static [&'static str],
}

pub fn command(options: &Options) -> Result<()> {
    let sides = [
        Side {
            name: "Mainspring",
            program: options.runtimes.mainspring(),
            flags: &["run"],
        },
        Side {
            name: "wasmtime",
            program: options.runtimes.wasmtime.clone(),
            flags: &["run", "-C", "cache=n"],
        },
    ];
    let scratch = folder().join("cold");
    fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    let mut present = Vec::new();
    for side in &sides {
        match version(&side.program) {
            Ok(version) => {
                println!("{}: {version}", side.name);
                present.push(side);
            }
            Err(reason) => println!("{} is missing: {reason}", side.name),
        }
    }
    println!(
        "{:<24}{:<12}{:>10}{:>10}{:>10}",
        "wall seconds", "", "median", "least", "most"
    );
    for file in &options.files {
        one(file, &present, options, &scratch)?;
    }
    if present.first().is_none_or(|side| side.name != "Mainspring") {
        bail!(
            "Mainspring was not measured; `cargo build --release --package mainspring-cli` makes it"
        );
    }
    Ok(())
}

fn one(file: &Path, sides: &[&Side], options: &Options, scratch: &Path) -> Result<()> {
    let shown = file
        .file_name()
        .unwrap_or(file.as_os_str())
        .to_string_lossy();
    let mut runs: Vec<Vec<Run>> = sides.iter().map(|_| Vec::new()).collect();
    for round in 0..options.rounds as usize {
        for turn in 0..sides.len() {
            let at = (turn + round) % sides.len();
            runs[at].push(cold_run(sides[at], file, options, scratch)?);
        }
    }
    let outputs = runs.iter().flatten().map(|run| &run.output);
    for (run, expected) in outputs.clone().skip(1).zip(outputs) {
        ensure!(
            run == expected,
            "{shown} printed different things in different runs; compare them by hand"
        );
    }
    let walls: Vec<Spread> = runs
        .iter()
        .filter_map(|runs| spread(runs.iter().map(|run| run.wall.as_secs_f64())))
        .collect();
    for (side, wall) in sides.iter().zip(&walls) {
        println!(
            "{shown:<24}{:<12}{:>10.3}{:>10.3}{:>10.3}",
            side.name, wall.median, wall.least, wall.most
        );
    }
    if let [mainspring, wasmtime] = &runs[..] {
        let pairs = mainspring.iter().zip(wasmtime);
        let times = spread(pairs.map(|(m, w)| w.wall.as_secs_f64() / m.wall.as_secs_f64()));
        println!(
            "{shown:<24}Mainspring is {:.2} times as fast",
            times.map_or(f64::NAN, |t| t.median)
        );
    }
    Ok(())
}

fn cold_run(side: &Side, file: &Path, options: &Options, scratch: &Path) -> Result<Run> {
    let cache = scratch.join("cache");
    if cache.exists() {
        fs::remove_dir_all(&cache).with_context(|| format!("cannot empty {}", cache.display()))?;
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
    let mut command = Command::new(&side.program);
    command.args(side.flags).env("XDG_CACHE_HOME", &cache);
    for dir in &options.dir {
        command.args(["--dir", dir]);
    }
    command.arg(file).args(&options.arguments);
    measure::run(&mut command, &scratch.join("output"))
}
