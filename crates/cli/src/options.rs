//! The option groups `-W`, `-O`, `-C`, `-D`, `-S` and `-R`, with the names and values that wasmtime gives them.
//!
//! There is one table, a file for each group. What the command line accepts follows from it, as do `-W help`, what is
//! said of options that mean nothing here, and OPTIONS.md.

mod codegen;
mod debug;
mod file;
mod optimize;
mod parse;
mod record;
mod settings;
#[cfg(test)]
mod tests;
mod wasi;
mod wasm;

use clap::Args;
use file::FromFile;
use mainspring::{Config, Result};
use std::path::PathBuf;

pub(crate) use parse::List;
pub(crate) use settings::{CacheSettings, Limits, Logging, Program, Settings, Wasi};

/// The option groups.
#[derive(Args)]
pub(crate) struct Options {
    /// What modules may use and what a program may do; `-W help` lists these options
    #[arg(long, short = 'W', value_name = KEY, value_parser = WASM)]
    wasm: Vec<List>,

    /// How hard the engine tries, and how memory is laid out; `-O help` lists these options
    #[arg(long, short = 'O', value_name = KEY, value_parser = OPTIMIZE)]
    optimize: Vec<List>,

    /// How code is made and kept; `-C help` lists these options
    #[arg(long, short = 'C', value_name = KEY, value_parser = CODEGEN)]
    codegen: Vec<List>,

    /// What there is to find faults with; `-D help` lists these options
    #[arg(long, short = 'D', value_name = KEY, value_parser = DEBUG)]
    debug: Vec<List>,

    /// What a program gets of WASI; `-S help` lists these options
    #[arg(long, short = 'S', value_name = KEY, value_parser = WASI)]
    wasi: Vec<List>,

    /// Recording of runs, which there is none of; `-R help` lists these options
    #[arg(long, short = 'R', value_name = KEY, value_parser = RECORD, hide = true)]
    record: Vec<List>,

    /// Make code for machines like TARGET, which can only be one like this
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,

    /// Take options of these groups from FILE, in TOML: `wasm.gc = false`. Those of the command
    /// line go before them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const KEY: &str = "KEY[=VAL],..";

const WASM: Group = Group {
    short: 'W',
    long: "wasm",
    title: "WebAssembly and running it",
    rows: wasm::ROWS,
};
const OPTIMIZE: Group = Group {
    short: 'O',
    long: "optimize",
    title: "Optimization and the layout of memory",
    rows: optimize::ROWS,
};
const CODEGEN: Group = Group {
    short: 'C',
    long: "codegen",
    title: "Making code",
    rows: codegen::ROWS,
};
const DEBUG: Group = Group {
    short: 'D',
    long: "debug",
    title: "Finding faults",
    rows: debug::ROWS,
};
const WASI: Group = Group {
    short: 'S',
    long: "wasi",
    title: "WASI",
    rows: wasi::ROWS,
};
const RECORD: Group = Group {
    short: 'R',
    long: "record",
    title: "Recording runs",
    rows: record::ROWS,
};

/// All of them.
const GROUPS: [Group; 6] = [WASM, OPTIMIZE, CODEGEN, DEBUG, WASI, RECORD];

/// Options that are given behind the same letter.
#[derive(Clone, Copy)]
struct Group {
    short: char,
    long: &'static str,
    title: &'static str,
    rows: &'static [Row],
}

/// An option. Those of a command line take effect in the order of the table, and what is given twice in the order in
/// which it was.
struct Row {
    name: &'static str,
    effect: Effect,
    /// What it does, or else why there is nothing that it could do.
    text: &'static str,
}

const fn row(name: &'static str, effect: Effect, text: &'static str) -> Row {
    Row { name, effect, text }
}

/// What an option does, and with it which values it has.
enum Effect {
    /// Sets a switch of the engine.
    Config(fn(&mut Config, bool) -> &mut Config),
    /// The same of a proposal, which `all-proposals` sets too.
    Proposal(fn(&mut Config, bool) -> &mut Config),
    /// Sets a number of bytes of the engine.
    Bytes(fn(&mut Config, u64) -> &mut Config),
    Switch(fn(&mut Settings, bool)),
    Number(fn(&mut Settings, u64)),
    Text(fn(&mut Settings, &str)),
    /// One of some words.
    Word(&'static [Choice]),
    /// Nothing, as this is what happens anyway; the other value is refused.
    Only(bool),
    /// Is refused, with what its value looks like.
    Refused(&'static str),
    /// Is refused for now.
    NotYet(&'static str),
    /// Is refused with all that begin with its name.
    RefusedPrefix(&'static str),
}

/// A word, and what it sets.
type Choice = (&'static str, fn(&mut Settings));

impl Effect {
    /// What its value looks like.
    fn value(&self) -> String {
        match self {
            Effect::Config(_) | Effect::Proposal(_) | Effect::Switch(_) | Effect::Only(_) => {
                SWITCH.into()
            }
            Effect::Bytes(_) | Effect::Number(_) => NUMBER.into(),
            Effect::Text(_) => TEXT.into(),
            Effect::Word(words) => {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                format!("={}", words.join("|"))
            }
            Effect::Refused(value) | Effect::NotYet(value) | Effect::RefusedPrefix(value) => {
                (*value).into()
            }
        }
    }
}

const SWITCH: &str = "[=y|n]";
const NUMBER: &str = "=N";
const TEXT: &str = "=TEXT";
const TIME: &str = "=TIME";

impl Options {
    /// What they come to.
    ///
    /// # Errors
    /// If the file with options can't be read, or holds something else.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let file = self.config.as_deref().map(FromFile::read).transpose()?;
        let lists = [
            &self.wasm,
            &self.optimize,
            &self.codegen,
            &self.debug,
            &self.wasi,
            &self.record,
        ];
        let mut settings = Settings::default();
        if let Some(target) = &self.target {
            let set = settings.config.target(target);
            set.map_err(|error| error.context("--target"))?;
        }
        for (group, given) in GROUPS.iter().zip(lists) {
            let from_file = file.iter().flat_map(|file| file.of(group));
            let all = from_file.chain(given);
            let mut options: Vec<_> = all.flat_map(List::options).collect();
            options.sort_by_key(|option| option.row);
            for option in options {
                (option.apply)(&mut settings);
            }
        }
        Ok(settings)
    }
}
