//! Pieces of text in colours, for a terminal that a person looks at.

use crate::report;
use std::io::IsTerminal;

/// Whether there are colours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Colours,
}

impl Paint {
    /// Colours on a terminal whose user did not ask for none.
    pub(super) fn for_stdout() -> Paint {
        match std::io::stdout().is_terminal() && !report::no_colour() {
            true => Paint::Colours,
            false => Paint::Plain,
        }
    }
}

/// What a piece of text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    Plain,
    Title,
    Offset,
    /// What an instruction does, without operands.
    Operation,
    /// What else is to be known about an instruction.
    Note,
    /// The WebAssembly instruction that machine code was made of.
    Source,
}

impl Style {
    /// The parameters of the terminal's sequence for it.
    fn sequence(self) -> Option<&'static str> {
        match self {
            Style::Plain => None,
            Style::Title => Some("1"),
            Style::Offset => Some("2"),
            Style::Operation => Some("36"),
            Style::Note => Some("33"),
            Style::Source => Some("32"),
        }
    }
}

/// A line of text, in pieces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Cell(Vec<(Style, String)>);

impl Cell {
    pub(super) fn new(style: Style, text: impl Into<String>) -> Cell {
        Cell(vec![(style, text.into())])
    }

    pub(super) fn push(&mut self, style: Style, text: impl Into<String>) {
        self.0.push((style, text.into()));
    }

    /// Adds an operation with its operands.
    pub(super) fn push_instruction(&mut self, text: &str) {
        let (operation, operands) = text.split_at(text.find(' ').unwrap_or(text.len()));
        self.push(Style::Operation, operation);
        self.push(Style::Plain, operands);
    }

    /// How many columns it takes.
    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.chars().count()).sum()
    }

    /// The same in at most so many columns.
    pub(super) fn shortened(&self, width: usize) -> Cell {
        if self.width() <= width {
            return self.clone();
        }
        let mut left = width.saturating_sub(1);
        let mut cell = Cell(Vec::new());
        for (style, text) in &self.0 {
            let text: String = text.chars().take(left).collect();
            left -= text.chars().count();
            cell.push(*style, text);
        }
        cell.push(Style::Plain, if width == 0 { "" } else { "…" });
        cell
    }

    pub(super) fn write(&self, to: &mut String, paint: Paint) {
        for (style, text) in self.0.iter().filter(|(_, text)| !text.is_empty()) {
            match style.sequence().filter(|_| paint == Paint::Colours) {
                Some(sequence) => to.extend(["\x1b[", sequence, "m", text.as_str(), "\x1b[0m"]),
                None => to.push_str(text),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shortened_in_columns() {
        let mut cell = Cell::new(Style::Offset, "äb");
        cell.push_instruction("cd ef");
        let text = |width: usize, paint| {
            let mut text = String::new();
            cell.shortened(width).write(&mut text, paint);
            text
        };
        assert_eq!(text(7, Paint::Plain), "äbcd ef");
        assert_eq!(text(6, Paint::Plain), "äbcd …");
        assert_eq!(text(3, Paint::Plain), "äb…");
        assert_eq!(text(1, Paint::Plain), "…");
        assert_eq!(text(0, Paint::Plain), "");
        assert_eq!(text(4, Paint::Colours), "\x1b[2mäb\x1b[0m\x1b[36mc\x1b[0m…");
    }
}
