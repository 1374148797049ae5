//! How directives come out.

use mainspring::{Error, Trap};
use std::fmt;
use wast::token::Id;

/// How a directive came out.
pub(crate) type Outcome = Result<(), Wrong>;

/// A directive that did not hold.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// The sentence that says why.
    Says(String),
    /// The engine refused a module that was to be refused, but for what it lacks. The sentence says what.
    Unjudged(String),
    /// It needs the module of another directive, which did not hold.
    Lost(Lost),
}

impl From<String> for Wrong {
    fn from(sentence: String) -> Wrong {
        Wrong::Says(sentence)
    }
}

impl Wrong {
    /// What an error of a call means, and in which words: unless it only says that a module is lost.
    pub(crate) fn of(error: &Error, sentence: impl FnOnce() -> String) -> Wrong {
        match error.downcast_ref::<Lost>() {
            Some(lost) => Wrong::Lost(*lost),
            None => Wrong::Says(sentence()),
        }
    }
}

/// Where the directive stands whose module never came to be. As an error, it is what speaking of
/// that module ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost(pub usize);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("making the module failed")
    }
}

impl std::error::Error for Lost {}

/// An error where none was expected.
pub(crate) fn unexpected(error: Error) -> Wrong {
    // The chain of causes on one line, without the backtrace that traps carry.
    Wrong::of(&error, || match error.downcast_ref::<Trap>() {
        Some(trap) => format!("expected no trap, got: {trap}"),
        None => format!("expected no error, got: {error:#}"),
    })
}

pub(crate) fn no_such(what: &str, id: Option<Id<'_>>) -> String {
    match id {
        Some(id) => format!("there is no {what} `${}`", id.name()),
        None => format!("there is no {what} before this directive"),
    }
}
