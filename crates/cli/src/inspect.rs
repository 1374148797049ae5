//! `mainspring inspect`: what a module holds, as a table for people or JSON for programs.
//! What is not valid is refused; what is valid with proposals that are off, or that no
//! engine has, is described.

mod collect;
mod proposals;
mod table;

use crate::source::{Contents, Source};
use clap::Args;
use mainspring::{Engine, MissingProposals, Module, Result, bail};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use wasmparser::{Validator, WasmFeatures};

/// Show what a module imports, exports and contains, and which proposals it uses
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Inspect {
    /// Print JSON instead of a table, which cuts long names
    #[arg(long)]
    json: bool,

    /// The module (.wasm, .wat, or `-` for standard input)
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

const AFTER_HELP: &str = "\
Examples:
  mainspring inspect prog.wasm
  mainspring inspect --json prog.wasm | jq '.imports[].module'";

impl Inspect {
    pub(crate) fn execute(self) -> Result<ExitCode> {
        let source = Source::read(&self.file)?;
        let Contents::Module(bytes) = &source.contents else {
            bail!(
                "{} is a compiled image; inspect the module that it was made from",
                source.name
            );
        };
        let bytes = bytes.get()?;
        let summary = validate(&bytes)
            .and_then(|()| Ok(collect::summarize(&bytes)?))
            .map_err(|error| source.refused(error))?;
        let text = match self.json {
            true => serde_json::to_string_pretty(&summary)? + "\n",
            false => table::render(source.name.trim_matches('`'), &summary),
        };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether a module is valid, whatever proposals it needs.
fn validate(bytes: &[u8]) -> Result<()> {
    let Err(error) = Module::validate(&Engine::default(), bytes) else {
        return Ok(());
    };
    if !error.is::<MissingProposals>() {
        return Err(error);
    }
    Validator::new_with_features(WasmFeatures::all()).validate_all(bytes)?;
    Ok(())
}

/// Everything that is shown, in the order in which it is.
#[derive(Serialize)]
struct Summary {
    /// The module's name for itself, from its name section.
    name: Option<String>,
    bytes: usize,
    /// The WebAssembly proposals, beyond the first version, that the module uses.
    proposals: Vec<&'static str>,
    sections: Vec<Section>,
    imports: Vec<Import>,
    exports: Vec<Export>,
    functions: Functions,
}

#[derive(Serialize)]
struct Section {
    name: String,
    /// How many entries it holds, where it is a list.
    items: Option<u32>,
    bytes: u64,
}

#[derive(Serialize)]
struct Import {
    module: String,
    name: String,
    kind: &'static str,
    r#type: String,
}

#[derive(Serialize)]
struct Export {
    name: String,
    kind: &'static str,
    index: u32,
    r#type: String,
}

#[derive(Serialize)]
struct Functions {
    imported: usize,
    defined: usize,
    /// The size of all bodies.
    code_bytes: u64,
    /// The largest bodies, largest first.
    largest: Vec<Function>,
}

#[derive(Clone, Serialize)]
struct Function {
    index: u32,
    name: Option<String>,
    bytes: u64,
}
