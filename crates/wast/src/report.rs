//! What running one script came to: how many directives held, and where and why the
//! others did not. Positions are counted from one, as editors do.

use crate::outcome::{Lost, Wrong};
use crate::script::Done;
use crate::superseded::Superseded;
use std::fmt;

/// The outcome of one script.
#[derive(Debug, Clone)]
pub struct Report {
    /// The name that the script was given.
    pub name: String,
    /// Directives that did what they say.
    pub passed: usize,
    /// Directives that a later specification supersedes, and that failed as described.
    pub superseded: usize,
    /// Directives that did not hold, in the order of the script.
    pub failures: Vec<Failure>,
    /// Directives that want a module refused, which was, but for what the engine lacks: neither passes nor failures.
    pub unjudged: Vec<Failure>,
    lines: Lines,
    rows: Vec<(&'static Superseded, bool)>,
}

/// A directive that did not hold.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The script that it stands in.
    pub file: String,
    /// Line, counted from one.
    pub line: usize,
    /// Column, counted from one.
    pub column: usize,
    /// The directive's keyword, such as `assert_return`.
    pub directive: &'static str,
    /// What was expected and what came.
    pub message: String,
    /// Later directives that need the module which this one was to make, and so were not judged.
    pub unrun: usize,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            file,
            line,
            column,
            directive,
            message,
            unrun,
        } = self;
        write!(f, "{file}:{line}:{column}: {directive}: {message}")?;
        match unrun {
            0 => Ok(()),
            1 => f.write_str(" (1 later directive needs this module, and was not run)"),
            n => write!(
                f,
                " ({n} later directives need this module, and were not run)"
            ),
        }
    }
}

impl Report {
    pub(crate) fn new(name: &str, text: &str, rows: &'static [Superseded]) -> Report {
        let rows = rows
            .iter()
            .filter(|row| row.file == name)
            .map(|row| (row, false));
        Report {
            name: name.to_string(),
            passed: 0,
            superseded: 0,
            failures: Vec::new(),
            unjudged: Vec::new(),
            lines: Lines::new(text),
            rows: rows.collect(),
        }
    }

    /// Whether every directive held.
    pub fn is_success(&self) -> bool {
        self.failures.is_empty()
    }

    /// How many directives the script has.
    pub fn directives(&self) -> usize {
        let listed = self.failures.len() + self.unjudged.len();
        self.passed + self.superseded + listed + self.unrun()
    }

    /// How many directives were not run, because the module failed that they need.
    pub fn unrun(&self) -> usize {
        self.failures.iter().map(|failure| failure.unrun).sum()
    }

    /// Writes down how a directive went.
    pub(crate) fn record(&mut self, done: Done) {
        let (line, column) = self.lines.position(done.at);
        let row = self.rows.iter_mut().find(|(row, _)| row.line == line);
        let outcome = match row {
            Some((row, seen)) => {
                *seen = true;
                row.judge(done.outcome).map(|()| &mut self.superseded)
            }
            None => done.outcome.map(|()| &mut self.passed),
        };
        let wrong = match outcome {
            Ok(count) => {
                *count += 1;
                return;
            }
            Err(wrong) => wrong,
        };
        if let Wrong::Lost(Lost(at)) = wrong {
            let place = self.lines.position(at);
            let is_it = |failure: &&mut Failure| (failure.line, failure.column) == place;
            if let Some(failure) = self.failures.iter_mut().find(is_it) {
                failure.unrun += 1;
                return;
            }
        }
        let (list, message) = match wrong {
            Wrong::Says(message) => (&mut self.failures, message),
            Wrong::Unjudged(message) => (&mut self.unjudged, message),
            // Where that failure is listed as superseded.
            Wrong::Lost(lost) => (&mut self.failures, lost.to_string()),
        };
        list.push(Failure {
            file: self.name.clone(),
            line,
            column,
            directive: done.directive,
            message,
            unrun: 0,
        });
    }

    /// A row of the table of superseded directives that met no directive is out of date.
    pub(crate) fn finish(mut self) -> Report {
        for (row, _) in self.rows.iter().filter(|(_, seen)| !seen) {
            self.failures.push(Failure {
                file: self.name.clone(),
                line: row.line,
                column: 1,
                directive: "superseded",
                message: "the table of superseded directives names this line, but no directive starts here".into(),
                unrun: 0,
            });
        }
        // Threads tell of theirs when they are waited for.
        for list in [&mut self.failures, &mut self.unjudged] {
            list.sort_by_key(|failure| (failure.line, failure.column));
        }
        self
    }
}

/// Where each line of a script starts, so that a position costs a binary search and not
/// another pass over the text.
#[derive(Debug, Clone)]
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Lines {
        let after_newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Lines(
            std::iter::once(0)
                .chain(after_newlines.map(|(at, _)| at + 1))
                .collect(),
        )
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= at);
        (line, at - self.0[line - 1] + 1)
    }
}
