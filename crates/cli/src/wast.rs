//! `mainspring wast`: runs specification test scripts.

use crate::engine::{CollectorOptions, EngineOptions};
use crate::report;
use clap::Args;
use mainspring::{Engine, Result, bail, format_err};
use mainspring_wast::{Report, WastRunner};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Run specification test scripts (.wast)
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Wast {
    /// The scripts; of a folder, all that lie in it or below. `-` reads one from standard input
    #[arg(value_name = "FILES", required = true)]
    files: Vec<PathBuf>,

    /// Give each script no more than TIME, as in 10, 2.5s or 300ms; what comes after that is
    /// not judged, and a failure
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) engine: EngineOptions,

    #[command(flatten)]
    collector: CollectorOptions,
}

const AFTER_HELP: &str = "\
Examples:
  mainspring wast tests/*.wast
  mainspring wast --timeout 10s tests/

Prints one line per script, every directive that did not hold as file:line:column with what
was expected and what came, and the sums over all scripts where there are several. The exit
status is 1 when any directive did not hold, or a script could not be read.

What needs a module that failed is not run, and counted in that failure's line. Where a
module is to be refused, and was, but for what the engine lacks, there is no telling whether
the directive holds: it is listed as not judged, and is neither passed nor failed.";

impl Wast {
    pub(crate) fn execute(self) -> Result<ExitCode> {
        let mut config = self.engine.settings()?.without_a_program("wast")?;
        self.collector.apply(&mut config);
        // Scripts test all that there is, and make what memories they like anyway.
        config.shared_memory(true);
        let mut runner = WastRunner::new(&Engine::new(&config)?).echo(true);
        if let Some(limit) = self.timeout {
            runner = runner.timeout(limit);
        }
        let mut sums = Sums::default();
        for file in self.scripts()? {
            match run(&runner, &file) {
                Ok(report) => {
                    print(&report)?;
                    sums.add(&report);
                }
                Err(error) => {
                    report::failure(&error);
                    sums.unreadable += 1;
                }
            }
        }
        if sums.scripts + sums.unreadable > 1 {
            writeln!(std::io::stdout(), "{sums}")?;
        }
        Ok(match sums.failed + sums.unreadable {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }

    /// The scripts that were named, and those of the folders that were.
    fn scripts(&self) -> Result<Vec<PathBuf>> {
        let mut scripts = Vec::new();
        for file in &self.files {
            if !file.is_dir() {
                scripts.push(file.clone());
                continue;
            }
            let before = scripts.len();
            collect(file, &mut scripts)?;
            if scripts.len() == before {
                bail!("there are no scripts (.wast) in `{}`", file.display());
            }
            scripts[before..].sort();
        }
        Ok(scripts)
    }
}

/// Adds the scripts in a folder, and in those below it.
fn collect(folder: &Path, scripts: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable =
        |error: std::io::Error| format_err!("cannot list `{}`: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        // A link may lead back to where it lies, so those to folders are not followed.
        if entry.file_type().map_err(unreadable)?.is_dir() {
            collect(&path, scripts)?;
        } else if path.extension().is_some_and(|e| e == "wast") && path.is_file() {
            scripts.push(path);
        }
    }
    Ok(())
}

fn run(runner: &WastRunner, file: &Path) -> Result<Report> {
    if file != Path::new("-") {
        return runner.run_file(file);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| format_err!("cannot read the script from standard input: {error}"))?;
    runner.run_str("<stdin>", &text)
}

fn print(report: &Report) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    for failure in &report.failures {
        writeln!(stdout, "{failure}")?;
    }
    for unjudged in &report.unjudged {
        writeln!(stdout, "not judged: {unjudged}")?;
    }
    writeln!(
        stdout,
        "{}: {} of {} directives passed",
        report.name,
        report.passed,
        report.directives()
    )?;
    Ok(())
}

/// What came of all scripts.
#[derive(Default)]
struct Sums {
    scripts: usize,
    unreadable: usize,
    directives: usize,
    passed: usize,
    failed: usize,
    unjudged: usize,
    unrun: usize,
}

impl Sums {
    fn add(&mut self, report: &Report) {
        self.scripts += 1;
        self.directives += report.directives();
        self.passed += report.passed;
        self.failed += report.failures.len();
        self.unjudged += report.unjudged.len();
        self.unrun += report.unrun();
    }
}

impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} scripts: {} of {} directives passed",
            self.scripts, self.passed, self.directives
        )?;
        let others = [
            (self.failed, "failed"),
            (self.unrun, "not run"),
            (self.unjudged, "not judged"),
            (self.unreadable, "scripts could not be read"),
        ];
        for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {count} {what}")?;
        }
        Ok(())
    }
}

/// A number of seconds, or one with `s`, `ms` or `us`.
fn parse_time(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1e-3), ("us", 1e-6), ("s", 1.0), ("", 1.0)];
    let read = |(unit, seconds): (&str, f64)| {
        let number = text.strip_suffix(unit)?.parse::<f64>().ok()?;
        Duration::try_from_secs_f64(number * seconds).ok()
    };
    let time = units.into_iter().find_map(read);
    time.ok_or_else(|| "a time is a number of seconds, or one with s, ms or us, as in 300ms".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        let times = [
            ("10", 10_000_000),
            ("2.5s", 2_500_000),
            ("300ms", 300_000),
            ("7us", 7),
        ];
        for (text, micros) in times {
            assert_eq!(
                parse_time(text),
                Ok(Duration::from_micros(micros)),
                "{text}"
            );
        }
        for wrong in ["", "s", "-1", "1h", "1 s", "inf", "nan", "1e300"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
