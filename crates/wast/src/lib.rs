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

mod execute;
mod reasons;
mod refusal;
mod report;
mod script;
mod spectest;
mod superseded;
mod traps;
mod values;

pub use report::{Failure, Report};
pub use superseded::Superseded;

use mainspring::{Engine, Error, Result, format_err};
use std::path::Path;
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};

/// Runs scripts on one engine; its configuration decides which proposals are on.
pub struct WastRunner {
    engine: Engine,
    echo: bool,
    superseded: &'static [Superseded],
}

impl WastRunner {
    /// A runner whose scripts are compiled and executed by `engine`.
    pub fn new(engine: &Engine) -> WastRunner {
        WastRunner {
            engine: engine.clone(),
            echo: false,
            superseded: &[],
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

    /// Reads and runs the script at `path`. An error means that there was nothing to run:
    /// the file can't be read or is not a script.
    pub fn run_file(&self, path: impl AsRef<Path>) -> Result<Report> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format_err!("cannot read `{}`: {error}", path.display()))?;
        self.run_str(&path.display().to_string(), &text)
    }

    /// Runs the script `text`; `name` is what failures call it.
    pub fn run_str(&self, name: &str, text: &str) -> Result<Report> {
        let mut lexer = Lexer::new(text);
        // The specification's own tests of strings and names hold characters that change
        // the direction of text, which the lexer otherwise refuses as misleading.
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer).map_err(|e| unreadable(name, text, e))?;
        let parsed = parser::parse::<wast::Wast>(&buffer).map_err(|e| unreadable(name, text, e))?;
        let report = Report::new(name, text, self.superseded);
        script::Script::new(&self.engine, self.echo)?.run(parsed.directives, report)
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
