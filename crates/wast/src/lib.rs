//! Runs WebAssembly script files (`.wast`), the form in which the specification writes
//! its tests: modules, calls, and assertions about what they must do.
//!
//! A script runs in a store of its own, against the `spectest` host module. Every
//! directive is executed even when an earlier one failed, and each failure says where
//! it stands and what was expected and what came instead. Nothing is skipped: a
//! directive that this runner or the engine can't do is a failure that says so. Only where a module
//! is to be refused, and the engine lacks what it takes to know why, is there no judgement: such
//! directives are listed apart.

#![warn(missing_docs)]

mod assertions;
mod execute;
mod modules;
mod outcome;
mod read;
mod reasons;
mod refusal;
mod report;
mod script;
mod spectest;
mod superseded;
mod traps;
mod values;
mod watch;

pub use report::{Failure, Report};
pub use superseded::Superseded;

use mainspring::{Engine, Error, Result, format_err};
use script::{Event, Script};
use std::path::Path;
use std::time::Duration;

/// Runs scripts on one engine; its configuration decides which proposals are on.
#[derive(Clone)]
pub struct WastRunner {
    engine: Engine,
    echo: bool,
    superseded: &'static [Superseded],
    timeout: Option<Duration>,
}

impl WastRunner {
    /// A runner whose scripts are compiled and executed by `engine`.
    pub fn new(engine: &Engine) -> WastRunner {
        WastRunner {
            engine: engine.clone(),
            echo: false,
            superseded: &[],
            timeout: None,
        }
    }

    /// Whether what a script prints through `spectest` appears on standard output.
    /// It does not unless asked for.
    pub fn echo(mut self, echo: bool) -> WastRunner {
        self.echo = echo;
        self
    }

    /// Names the directives that a later version of the specification supersedes.
    /// Each is still executed, and must fail in the way that its row describes.
    pub fn superseded(mut self, rows: &'static [Superseded]) -> WastRunner {
        self.superseded = rows;
        self
    }

    /// Gives each script so long, and judges nothing of it after that. A script that takes longer can't be
    /// stopped: it goes on, on a thread of its own, until the process ends.
    pub fn timeout(mut self, limit: Duration) -> WastRunner {
        self.timeout = Some(limit);
        self
    }

    /// Reads and runs the script at `path`.
    ///
    /// # Errors
    /// If there is nothing to run: the file can't be read or is not a script.
    pub fn run_file(&self, path: impl AsRef<Path>) -> Result<Report> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format_err!("cannot read `{}`: {error}", path.display()))?;
        self.run_str(&path.display().to_string(), &text)
    }

    /// Runs the script `text`; `name` is what failures call it.
    ///
    /// # Errors
    /// If it is not a script: not one directive of it can be read.
    pub fn run_str(&self, name: &str, text: &str) -> Result<Report> {
        let mut report = Report::new(name, text, self.superseded);
        match self.timeout {
            Some(limit) => watch::run(self, name, text, limit, &mut report)?,
            None => self.run(name, text, &mut |event| {
                if let Event::Done(done) = event {
                    report.record(done);
                }
            })?,
        }
        Ok(report.finish())
    }

    fn run(&self, name: &str, text: &str, tell: &mut dyn FnMut(Event)) -> Result<()> {
        let script = Script::new(&self.engine, self.echo)?;
        read::with_items(text, |items| script.run(items, tell))
            .map_err(|error| unreadable(name, text, error))
    }
}

/// The script itself doesn't parse: says where, in the words of the parser.
fn unreadable(name: &str, text: &str, error: wast::Error) -> Error {
    let (line, column) = error.span().linecol_in(text);
    format_err!(
        "`{name}` is not a script: {name}:{}:{}: {}",
        line + 1,
        column + 1,
        error.message()
    )
}

/// The example of the README, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
