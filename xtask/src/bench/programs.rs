//! Steady state: each C program compiled ahead of time on every side, then run in turns.
//! Reading order: the options, what is installed, building, rounds, results.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Serialize;

use super::measure::{self, Run};
use super::stats::{Spread, geometric_mean, spread};
use super::{Runtimes, folder, report, version};

/// Native code runs on any x86-64, not only on this machine: zig would otherwise use every
/// instruction of it. `sqrt` is an instruction on all sides, not a call that sets errno.
const FLAGS: &[&str] = &["-O2", "-fno-math-errno", "-s"];
const WASM: &str = "wasm32-wasi";
const NATIVE: &str = "x86_64-linux-gnu";

#[derive(Debug, Args)]
#[group(skip)]
pub struct Options {
    /// How many times each program runs on each side
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only this program (may be repeated)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    #[command(flatten)]
    runtimes: Runtimes,
    /// A Python interpreter, or a folder of a virtual environment, that has the package `ziglang`
    #[arg(long, value_name = "PATH", env = "MAINSPRING_ZIG")]
    zig: Option<PathBuf>,
    /// Write all times and ratios to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Who runs a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Mainspring,
    Wasmtime,
    Native,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Side::Mainspring => "Mainspring",
            Side::Wasmtime => "wasmtime",
            Side::Native => "native",
        }
    }
}

/// What a whole bench found: what the table, the JSON file and the page are made from.
#[derive(Debug, Serialize)]
pub struct Results {
    pub machine: String,
    pub compiler: String,
    pub rounds: u32,
    /// What `--version` said, or why the side is missing.
    pub installed: BTreeMap<Side, String>,
    pub missing: BTreeMap<Side, String>,
    pub programs: Vec<ProgramResult>,
    /// Geometric means over the programs, of Mainspring's user time over the other's.
    pub mean: BTreeMap<Side, f64>,
}

#[derive(Debug, Serialize)]
pub struct ProgramResult {
    pub name: String,
    /// Seconds of user and of wall time, a round each.
    pub user: BTreeMap<Side, Vec<f64>>,
    pub wall: BTreeMap<Side, Vec<f64>>,
    /// Mainspring's user time over the other side's in the same round.
    pub ratio: BTreeMap<Side, Spread>,
    /// User time over native's in the same round.
    pub native: BTreeMap<Side, Spread>,
}

pub fn command(options: &Options) -> Result<()> {
    let sources = sources(&options.only)?;
    let zig = Zig::find(options.zig.as_deref())?;
    fs::create_dir_all(folder())
        .with_context(|| format!("cannot create {}", folder().display()))?;
    let runtimes = [
        (Side::Mainspring, options.runtimes.mainspring()),
        (Side::Wasmtime, options.runtimes.wasmtime.clone()),
    ];
    let mut results = Results {
        machine: machine(),
        compiler: format!("zig cc {} {}", zig.version, FLAGS.join(" ")),
        rounds: options.rounds,
        installed: BTreeMap::new(),
        missing: BTreeMap::new(),
        programs: Vec::new(),
        mean: BTreeMap::new(),
    };
    for (side, path) in &runtimes {
        match version(path) {
            Ok(version) => drop(results.installed.insert(*side, version)),
            Err(reason) => {
                println!("{} is missing: {reason}", side.name());
                results.missing.insert(*side, reason);
            }
        }
    }
    results.installed.insert(
        Side::Native,
        format!("{NATIVE}, the same compiler and flags"),
    );
    for source in &sources {
        let commands = prepare(source, &zig, &runtimes, &results)?;
        results
            .programs
            .push(rounds(source, &commands, options.rounds)?);
    }
    results.summarize();
    print(&results);
    write_files(&results, options)?;
    if let Some(reason) = results.missing.get(&Side::Mainspring) {
        bail!(
            "Mainspring was not measured ({reason}); `cargo build --release --package mainspring-cli` makes it"
        );
    }
    Ok(())
}

/// The C programs, all or those named, sorted.
fn sources(only: &[String]) -> Result<Vec<PathBuf>> {
    let folder = crate::root().join("benches/programs");
    let entries =
        fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut all: Vec<PathBuf> = entries
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    all.retain(|path| path.extension().is_some_and(|e| e == "c"));
    all.sort();
    let names: Vec<&str> = all.iter().map(|path| name(path)).collect();
    for wanted in only {
        ensure!(
            names.contains(&wanted.as_str()),
            "no program is called `{wanted}`; there are: {}",
            names.join(", ")
        );
    }
    all.retain(|path| only.is_empty() || only.iter().any(|o| o == name(path)));
    Ok(all)
}

fn name(source: &Path) -> &str {
    source.file_stem().and_then(|s| s.to_str()).unwrap_or("?")
}

/// The C compiler: one program that makes both WebAssembly and native code.
struct Zig {
    command: Vec<PathBuf>,
    version: String,
}

impl Zig {
    fn find(given: Option<&Path>) -> Result<Zig> {
        let candidates = match given {
            Some(path) if path.is_dir() => vec![path.join("bin/python3")],
            Some(path) => vec![path.to_path_buf()],
            None => vec!["python3".into(), folder().join("venv/bin/python3")],
        };
        for python in &candidates {
            let command = vec![python.clone(), "-m".into(), "ziglang".into()];
            let output = Command::new(&command[0])
                .args(&command[1..])
                .arg("version")
                .output();
            if let Some(output) = output.ok().filter(|o| o.status.success()) {
                let version = String::from_utf8_lossy(&output.stdout).trim().to_string();
                return Ok(Zig { command, version });
            }
        }
        let venv = folder().join("venv");
        let venv = venv.display();
        bail!(
            "no Python with the package `ziglang`, which compiles the programs (tried {}); \
             `python3 -m venv {venv} && {venv}/bin/pip install ziglang` puts it where it is looked for",
            candidates
                .iter()
                .map(|c| c.display().to_string())
                .collect::<Vec<_>>()
                .join(", ")
        )
    }

    /// Compiles unless what is there is newer than the source.
    fn compile(&self, source: &Path, target: &str, to: &Path) -> Result<()> {
        let age = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
        if age(to).is_some_and(|made| age(source).is_some_and(|written| made > written)) {
            return Ok(());
        }
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .args(["cc", "-target", target])
            .args(FLAGS);
        checked(command.arg(source).arg("-o").arg(to))
    }
}

fn checked(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        said.trim()
    );
    Ok(())
}

/// Compiles one program for every side that is installed; gives how each runs it.
fn prepare(
    source: &Path,
    zig: &Zig,
    runtimes: &[(Side, PathBuf)],
    results: &Results,
) -> Result<Vec<(Side, Vec<PathBuf>)>> {
    let made = |end: &str| folder().join(format!("{}{end}", name(source)));
    let (wasm, native) = (made(".wasm"), made(".native"));
    zig.compile(source, WASM, &wasm)?;
    zig.compile(source, NATIVE, &native)?;
    let mut commands = Vec::new();
    for (side, path) in runtimes {
        if results.missing.contains_key(side) {
            continue;
        }
        let image = made(&format!(".{}.cwasm", side.name().to_lowercase()));
        checked(
            Command::new(path)
                .arg("compile")
                .arg(&wasm)
                .arg("-o")
                .arg(&image),
        )?;
        commands.push((
            *side,
            vec![
                path.clone(),
                "run".into(),
                "--allow-precompiled".into(),
                image,
            ],
        ));
    }
    commands.push((Side::Native, vec![native]));
    Ok(commands)
}

/// Runs one program in turns; who begins a round changes.
fn rounds(source: &Path, commands: &[(Side, Vec<PathBuf>)], rounds: u32) -> Result<ProgramResult> {
    let scratch = folder().join("output");
    let mut runs: BTreeMap<Side, Vec<Run>> = BTreeMap::new();
    for round in 0..rounds as usize {
        eprintln!("{}: round {} of {rounds}", name(source), round + 1);
        for turn in 0..commands.len() {
            let (side, command) = &commands[(turn + round) % commands.len()];
            let run = measure::run(Command::new(&command[0]).args(&command[1..]), &scratch)?;
            runs.entry(*side).or_default().push(run);
        }
    }
    let expected = &runs[&Side::Native][0].output;
    for (side, runs) in &runs {
        for run in runs {
            ensure!(
                run.output == *expected,
                "{} on {} printed\n{}where the native program printed\n{}",
                name(source),
                side.name(),
                String::from_utf8_lossy(&run.output),
                String::from_utf8_lossy(expected)
            );
        }
    }
    Ok(ProgramResult::new(name(source), &runs))
}

impl ProgramResult {
    fn new(name: &str, runs: &BTreeMap<Side, Vec<Run>>) -> ProgramResult {
        let seconds = |of: fn(&Run) -> f64| -> BTreeMap<Side, Vec<f64>> {
            runs.iter()
                .map(|(side, runs)| (*side, runs.iter().map(of).collect()))
                .collect()
        };
        // A tick of the clock keeps a division by nothing away.
        let user = seconds(|run| run.user.as_secs_f64().max(1e-6));
        let over = |a: Side, b: Side| {
            let pairs = user
                .get(&a)
                .into_iter()
                .flatten()
                .zip(user.get(&b).into_iter().flatten());
            spread(pairs.map(|(a, b)| a / b))
        };
        let against = |side| Some((side, over(Side::Mainspring, side)?));
        let on = |side| Some((side, over(side, Side::Native)?));
        ProgramResult {
            name: name.to_string(),
            ratio: [Side::Wasmtime, Side::Native]
                .into_iter()
                .filter_map(against)
                .collect(),
            native: [Side::Mainspring, Side::Wasmtime]
                .into_iter()
                .filter_map(on)
                .collect(),
            wall: seconds(|run| run.wall.as_secs_f64()),
            user,
        }
    }
}

impl Results {
    fn summarize(&mut self) {
        for side in [Side::Wasmtime, Side::Native] {
            let ratios = self
                .programs
                .iter()
                .filter_map(|p| p.ratio.get(&side))
                .map(|r| r.median);
            if let Some(mean) = geometric_mean(ratios) {
                self.mean.insert(side, mean);
            }
        }
    }
}

/// The processor's name, and how many of it there are.
fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(':').nth(1))
        .map_or("an unnamed processor", str::trim);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores")
}

fn print(results: &Results) {
    let median = |times: Option<&Vec<f64>>| {
        let median = times.and_then(|t| spread(t.iter().copied()));
        median.map_or("-".to_string(), |s| format!("{:.3}", s.median))
    };
    let ratio = |value: Option<f64>| value.map_or("-".to_string(), |v| format!("{v:.3}"));
    println!(
        "{:<14}{:>12}{:>10}{:>10}{:>14}{:>12}",
        "user seconds", "Mainspring", "wasmtime", "native", "/ wasmtime", "/ native"
    );
    for program in &results.programs {
        println!(
            "{:<14}{:>12}{:>10}{:>10}{:>14}{:>12}",
            program.name,
            median(program.user.get(&Side::Mainspring)),
            median(program.user.get(&Side::Wasmtime)),
            median(program.user.get(&Side::Native)),
            ratio(program.ratio.get(&Side::Wasmtime).map(|r| r.median)),
            ratio(program.ratio.get(&Side::Native).map(|r| r.median)),
        );
    }
    println!(
        "{:<46}{:>14}{:>12}",
        "geometric mean",
        ratio(results.mean.get(&Side::Wasmtime).copied()),
        ratio(results.mean.get(&Side::Native).copied())
    );
}

fn write_files(results: &Results, options: &Options) -> Result<()> {
    let page = folder().join("report.html");
    fs::write(&page, report::page(results))
        .with_context(|| format!("cannot write {}", page.display()))?;
    println!("plots: {}", page.display());
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(results)?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
        println!("numbers: {}", path.display());
    }
    Ok(())
}
