//! What running one script came to: how many directives held, and where and why the
//! others did not. Positions are counted from one, as editors do.

use crate::script::{Outcome, Wrong};
use crate::superseded::Superseded;
use std::fmt;
use wast::token::Span;

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
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            file,
            line,
            column,
            directive,
            message,
        } = self;
        write!(f, "{file}:{line}:{column}: {directive}: {message}")
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

    /// How many directives were executed.
    pub fn directives(&self) -> usize {
        self.passed + self.superseded + self.failures.len() + self.unjudged.len()
    }

    /// Writes down how the directive at `span` went.
    pub(crate) fn record(&mut self, span: Span, directive: &'static str, outcome: Outcome) {
        let (line, column) = self.lines.position(span);
        let row = self.rows.iter_mut().find(|(row, _)| row.line == line);
        let outcome = match row {
            Some((row, seen)) => {
                *seen = true;
                row.judge(outcome).map(|()| &mut self.superseded)
            }
            None => outcome.map(|()| &mut self.passed),
        };
        let (list, message) = match outcome {
            Ok(count) => {
                *count += 1;
                return;
            }
            Err(Wrong::Says(message)) => (&mut self.failures, message),
            Err(Wrong::Unjudged(message)) => (&mut self.unjudged, message),
        };
        list.push(Failure {
            file: self.name.clone(),
            line,
            column,
            directive,
            message,
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
            });
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

    fn position(&self, span: Span) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= span.offset());
        (line, span.offset() - self.0[line - 1] + 1)
    }
}
