//! From a command line's text to what a table's rows do with it.

use super::{Effect, GROUPS, Group, Row, Settings};
use clap::builder::{StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use std::ffi::OsStr;
use std::fmt::Write;
use std::sync::Arc;

/// Options that were given with commas between.
#[derive(Clone, Default)]
pub(crate) struct List(Vec<Given>);

impl List {
    pub(super) fn options(&self) -> impl Iterator<Item = &Given> {
        self.0.iter()
    }

    pub(super) fn add(&mut self, option: Given) {
        self.0.push(option);
    }
}

/// An option that was given.
#[derive(Clone)]
pub(super) struct Given {
    /// Which of its group.
    pub(super) row: usize,
    pub(super) apply: Apply,
}

type Apply = Arc<dyn Fn(&mut Settings) + Send + Sync>;

impl TypedValueParser for Group {
    type Value = List;

    fn parse_ref(
        &self,
        cmd: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<List, clap::Error> {
        let text = StringValueParser::new().parse_ref(cmd, arg, value)?;
        if text == "help" || text == "help-long" {
            return Err(clap::Error::raw(ErrorKind::DisplayHelp, self.help()));
        }
        self.parse(&text).map_err(|message| {
            clap::Error::raw(ErrorKind::ValueValidation, message + "\n").with_cmd(cmd)
        })
    }
}

impl Group {
    /// Reads options with commas between.
    pub(super) fn parse(&self, text: &str) -> Result<List, String> {
        let options = text.split(',').map(|option| self.parse_one(option));
        Ok(List(options.collect::<Result<_, _>>()?))
    }

    pub(super) fn parse_one(&self, option: &str) -> Result<Given, String> {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        let row = self.rows.iter().position(|row| row.has_name(name));
        let row = row.ok_or_else(|| self.unknown(name))?;
        let apply = self.rows[row]
            .apply(value)
            .map_err(|why| format!("-{} {option}: {why}", self.short))?;
        Ok(Given { row, apply })
    }

    /// What is said of a name that there is none of, with what may have been meant.
    fn unknown(&self, name: &str) -> String {
        let short = self.short;
        let mut text = format!("there is no option `-{short} {name}`");
        let elsewhere = GROUPS
            .iter()
            .find(|group| group.rows.iter().any(|row| row.name == name));
        let alike = |row: &&Row| name.len() > 2 && row.name.contains(name);
        let alike: Vec<_> = self
            .rows
            .iter()
            .filter(alike)
            .map(|row| format!("`-{short} {}`", row.name))
            .collect();
        if let Some(group) = elsewhere {
            let _ = write!(text, ", but `-{} {name}`", group.short);
        } else if !alike.is_empty() && alike.len() < 6 {
            let _ = write!(text, "; did you mean {}?", alike.join(" or "));
        }
        let _ = write!(text, "; `-{short} help` lists all");
        text
    }

    /// What `-W help` prints: first what works here, then what is refused.
    fn help(&self) -> String {
        let mut text = format!("{} (-{} KEY[=VAL],..)\n", self.title, self.short);
        let (works, refused): (Vec<_>, Vec<_>) = self.rows.iter().partition(|row| row.works());
        self.list(&works, &mut text);
        if !refused.is_empty() {
            text += "\nRefused:\n";
            self.list(&refused, &mut text);
        }
        text
    }

    fn list(&self, rows: &[&Row], text: &mut String) {
        for row in rows {
            let _ = writeln!(text, "\n  -{} {}", self.short, row.usage());
            let mut width = 0;
            for word in row.says().split(' ') {
                if width == 0 || width + word.len() > 88 {
                    *text += if width == 0 { "     " } else { "\n     " };
                    width = 0;
                }
                let _ = write!(text, " {word}");
                width += 1 + word.len();
            }
            *text += "\n";
        }
    }
}

impl Row {
    fn has_name(&self, name: &str) -> bool {
        match self.effect {
            Effect::RefusedPrefix(_) => name
                .strip_prefix(self.name)
                .is_some_and(|rest| rest.starts_with('-')),
            _ => name == self.name,
        }
    }

    /// Whether there is a value with which it is not refused.
    pub(super) fn works(&self) -> bool {
        !matches!(
            self.effect,
            Effect::Refused(_) | Effect::NotYet(_) | Effect::RefusedPrefix(_)
        )
    }

    /// Its name and what values it has.
    pub(super) fn usage(&self) -> String {
        format!("{}{}", self.name, self.effect.value())
    }

    /// What it does here.
    pub(super) fn says(&self) -> String {
        match &self.effect {
            Effect::Only(on) => format!("Only `{}`: {}", yes_or_no(*on), self.text),
            Effect::Refused(_) | Effect::RefusedPrefix(_) => format!("Refused: {}", self.text),
            Effect::NotYet(_) => format!("Not supported yet: {}", self.text),
            _ => self.text.into(),
        }
    }

    /// What it does with a value that was given.
    fn apply(&self, value: Option<&str>) -> Result<Apply, String> {
        Ok(match self.effect {
            Effect::Config(set) => {
                let on = switch(value)?;
                Arc::new(move |settings| {
                    set(&mut settings.config, on);
                })
            }
            Effect::Proposal(set) => {
                let on = switch(value)?;
                Arc::new(move |settings| {
                    set(&mut settings.config, on);
                })
            }
            Effect::Bytes(set) => {
                let bytes = number(value)?;
                Arc::new(move |settings| {
                    set(&mut settings.config, bytes);
                })
            }
            Effect::Switch(set) => {
                let on = switch(value)?;
                Arc::new(move |settings| set(settings, on))
            }
            Effect::Number(set) => {
                let number = number(value)?;
                Arc::new(move |settings| set(settings, number))
            }
            Effect::Text(set) => {
                let text = value.ok_or("the value is missing")?.to_owned();
                Arc::new(move |settings| set(settings, &text))
            }
            Effect::Word(words) => {
                let value = value.ok_or("the value is missing")?;
                let found = words.iter().find(|(word, _)| *word == value);
                let (_, set) = found.ok_or_else(|| {
                    let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
                    format!("`{value}` is none of {}; {}", words.join(", "), self.text)
                })?;
                Arc::new(set)
            }
            Effect::Only(only) => match switch(value)? == only {
                true => Arc::new(|_| {}),
                false => return Err(format!("not supported: {}", self.text)),
            },
            Effect::Refused(_) | Effect::RefusedPrefix(_) => {
                return Err(format!("refused: {}", self.text));
            }
            Effect::NotYet(_) => return Err(format!("not supported yet: {}", self.text)),
        })
    }
}

fn yes_or_no(on: bool) -> &'static str {
    if on { "y" } else { "n" }
}

fn switch(value: Option<&str>) -> Result<bool, String> {
    match value {
        None | Some("y" | "yes" | "true") => Ok(true),
        Some("n" | "no" | "false") => Ok(false),
        Some(other) => Err(format!("`{other}` is neither `y` nor `n`")),
    }
}

/// Decimal or, with `0x`, hexadecimal; `_` may stand between digits.
fn number(value: Option<&str>) -> Result<u64, String> {
    let text = value.ok_or("the value, a number, is missing")?;
    let digits = text.replace('_', "");
    let number = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    number.map_err(|_| format!("`{text}` is not a number from 0 to 2^64-1"))
}
