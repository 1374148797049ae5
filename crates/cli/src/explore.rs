//! `mainspring explore`: a function's WebAssembly beside the machine code that each tier makes of it.
//! Nothing is run.

mod find;
mod json;
mod layout;
mod machine;
mod paint;
mod wasm;

use crate::options::Options;
use crate::source::{Contents, Source};
use crate::text::printable;
use clap::{Args, ValueEnum};
use mainspring::{CompilerTier, Engine, ExploredFunction, Explorer, Result, bail};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Show a function's WebAssembly beside the machine code that each tier makes of it
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Explore {
    /// The function: its index, its name, or a name it is exported under
    #[arg(long, value_name = "N|NAME", required_unless_present = "list")]
    func: Option<String>,

    /// List the module's functions instead: index, size in bytes, name
    #[arg(long, conflicts_with_all = ["func", "tier", "layout"])]
    list: bool,

    /// Whose machine code is shown
    #[arg(long, value_enum, default_value_t = Shown::Both, value_name = "TIER")]
    tier: Shown,

    /// How it is laid out
    #[arg(long, value_enum, default_value_t = Layout::Auto, value_name = "LAYOUT")]
    layout: Layout,

    /// Print JSON
    #[arg(long, conflicts_with = "layout")]
    json: bool,

    #[command(flatten)]
    pub(crate) options: Options,

    /// The module (.wasm, .wat, or `-` for standard input)
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

const AFTER_HELP: &str = "\
Examples:
  mainspring explore --list prog.wasm
  mainspring explore --func 7 prog.wasm
  mainspring explore --func malloc --tier optimizing prog.wasm
  mainspring explore --func main --layout columns prog.wasm | less -S
  mainspring explore --func main --json prog.wasm | jq '.baseline.instructions[].text'

WebAssembly instructions stand with their offsets in the module, machine instructions with
theirs in the function's code. `traps` says how an instruction can stop the program, `in $f`
that it comes from the function f, which was inlined. Baseline code is shown as it runs in
tiered mode: it counts. Optimized code is what is made without knowing what was counted.
Nothing of the module is run.";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shown {
    Baseline,
    Optimizing,
    Both,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// Columns on a terminal that is wide enough, otherwise sections
    Auto,
    /// Side by side, each instruction with the code that was made of it
    Columns,
    /// One below the other, code in the order in which it lies
    Sections,
}

/// From so many columns of a terminal on, code stands side by side: with one tier, or with two.
const WIDE: [usize; 2] = [80, 120];

/// All that is shown of a function.
struct View {
    function: ExploredFunction,
    operators: Vec<wasm::Operator>,
    tiers: Vec<TierView>,
    names: machine::Names,
}

/// What a tier made of it.
struct TierView {
    name: &'static str,
    /// If it can't compile the function: why not.
    refused: Option<String>,
    code: Vec<u8>,
    lines: Vec<machine::Line>,
}

impl Explore {
    pub(crate) fn execute(self) -> Result<ExitCode> {
        let source = Source::read(&self.file)?;
        let Contents::Module(bytes) = &source.contents else {
            bail!(
                "{} is a compiled image; explore the module that it was made from",
                source.name
            );
        };
        let config = self.options.settings()?.config;
        let explorer = Explorer::new(&Engine::new(&config)?, bytes.get()?)
            .map_err(|error| source.refused(error))?;
        let functions = explorer.functions();
        let text = match &self.func {
            Some(wanted) => {
                let view = self.view(&explorer, &functions, wanted)?;
                let paint = paint::Paint::for_stdout();
                match (self.json, self.columns_width()) {
                    (true, _) => json(&json::view(&view))?,
                    (false, Some(width)) => layout::columns(&view, width, paint),
                    (false, None) => layout::sections(&view, paint),
                }
            }
            None if self.json => json(&functions.iter().map(json::function).collect::<Vec<_>>())?,
            None => layout::list(&functions),
        };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }

    fn view(
        &self,
        explorer: &Explorer,
        functions: &[ExploredFunction],
        wanted: &str,
    ) -> Result<View> {
        let function = find::find(functions, wanted)?;
        if let Some((module, name)) = &function.import {
            bail!(
                "function {} is the import `{}` `{}`: its code is not in the module",
                function.index,
                printable(module),
                printable(name)
            );
        }
        let tiers = match self.tier {
            Shown::Baseline => &[CompilerTier::Baseline][..],
            Shown::Optimizing => &[CompilerTier::Optimizing],
            Shown::Both => &[CompilerTier::Baseline, CompilerTier::Optimizing],
        };
        let names = machine::Names::of(functions);
        let tier_view =
            |&tier: &CompilerTier| TierView::new(explorer, function.index, tier, &names);
        Ok(View {
            operators: wasm::operators(explorer.wasm(), functions, function)?,
            tiers: tiers.iter().map(tier_view).collect(),
            function: function.clone(),
            names,
        })
    }

    /// How wide columns may be together, if there are to be any.
    fn columns_width(&self) -> Option<usize> {
        let tiers = usize::from(self.tier == Shown::Both);
        match (self.layout, terminal_width()) {
            (Layout::Sections, _) | (Layout::Auto, None) => None,
            (Layout::Columns, width) => Some(width.unwrap_or(usize::MAX)),
            (Layout::Auto, Some(width)) => Some(width).filter(|&width| width >= WIDE[tiers]),
        }
    }
}

impl TierView {
    fn new(
        explorer: &Explorer,
        function: u32,
        tier: CompilerTier,
        names: &machine::Names,
    ) -> TierView {
        let name = match tier {
            CompilerTier::Baseline => "baseline",
            CompilerTier::Optimizing => "optimizing",
        };
        match explorer.compile(function, tier) {
            Ok(code) => TierView {
                name,
                refused: None,
                lines: machine::disassemble(&code, names),
                code: code.code,
            },
            Err(error) => TierView {
                name,
                refused: Some(printable(&format!("{error:#}"))),
                lines: Vec::new(),
                code: Vec::new(),
            },
        }
    }
}

/// The width of the terminal that standard output is, if it is one.
fn terminal_width() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stdout).ok()?;
    (size.ws_col > 0).then_some(size.ws_col.into())
}

fn json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
