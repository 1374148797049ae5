//! Directives of an older version of the specification that a later version supersedes.
//! They are not skipped: each must fail, and in the way that its row says.

use crate::outcome::{Outcome, Wrong};

/// One superseded directive.
#[derive(Debug, Clone, Copy)]
pub struct Superseded {
    /// The script's name, as it is given to the runner.
    pub file: &'static str,
    /// The line on which the directive starts, counted from one.
    pub line: usize,
    /// The sentence of the later specification that supersedes the directive.
    pub sentence: &'static str,
    /// What the failure's message must contain: how the directive comes out today.
    pub comes_out: &'static str,
}

impl Superseded {
    /// Turns the outcome of the directive into whether it failed as described.
    pub(crate) fn judge(&self, outcome: Outcome) -> Outcome {
        let message = match outcome {
            Ok(()) => format!(
                "holds, but is listed as superseded, because {}",
                self.sentence
            ),
            Err(Wrong::Says(message)) if message.contains(self.comes_out) => return Ok(()),
            Err(Wrong::Says(message) | Wrong::Unjudged(message)) => self.otherwise(&message),
            Err(Wrong::Lost(lost)) => self.otherwise(&lost.to_string()),
        };
        Err(message.into())
    }

    fn otherwise(&self, message: &str) -> String {
        format!(
            "is superseded and was expected to fail with \"{}\", but failed otherwise: {message}",
            self.comes_out
        )
    }
}
