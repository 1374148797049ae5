//! `mainspring explore`: a function's WebAssembly beside the machine code that each tier makes of it.
//! Nothing is run.

mod find;
mod layout;
mod machine;
mod wasm;

use crate::source::{Contents, Source};
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

WebAssembly instructions stand with their offsets in the module, machine instructions with
theirs in the function's code. Baseline code is shown as it runs in tiered mode: it counts.
Optimized code is what is made without knowing what was counted.";

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
}

/// What a tier made of it.
struct TierView {
    name: &'static str,
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
        let explorer = Explorer::new(&Engine::default(), bytes.get()?)
            .map_err(|error| error.context(format!("{} is not a valid module", source.name)))?;
        let functions = explorer.functions();
        let text = match &self.func {
            Some(wanted) => {
                let view = self.view(&explorer, &functions, wanted)?;
                match (self.json, self.columns_width()) {
                    (true, _) => json(&view_json(&view))?,
                    (false, Some(width)) => layout::columns(&view, width),
                    (false, None) => layout::sections(&view),
                }
            }
            None if self.json => json(&functions.iter().map(function_json).collect::<Vec<_>>())?,
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
        let tiers = match self.tier {
            Shown::Baseline => &[CompilerTier::Baseline][..],
            Shown::Optimizing => &[CompilerTier::Optimizing],
            Shown::Both => &[CompilerTier::Baseline, CompilerTier::Optimizing],
        };
        let names = machine::Names::of(functions);
        let compiled = |&tier: &CompilerTier| -> Result<TierView> {
            let code = explorer.compile(function.index, tier)?;
            Ok(TierView {
                name: match tier {
                    CompilerTier::Baseline => "baseline",
                    CompilerTier::Optimizing => "optimizing",
                },
                lines: machine::disassemble(&code, &names),
                code: code.code,
            })
        };
        Ok(View {
            // Before the text is made: an import has none.
            tiers: tiers.iter().map(compiled).collect::<Result<_>>()?,
            operators: wasm::operators(explorer.wasm(), functions, function)?,
            function: function.clone(),
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

#[derive(Serialize)]
struct FunctionJson<'a> {
    index: u32,
    name: Option<&'a str>,
    exports: &'a [String],
    import: Option<[&'a str; 2]>,
    /// Where the body is in the module.
    offset: usize,
    bytes: usize,
}

#[derive(Serialize)]
struct ViewJson<'a> {
    function: FunctionJson<'a>,
    wasm: Vec<OperatorJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<CodeJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    optimizing: Option<CodeJson<'a>>,
}

#[derive(Serialize)]
struct OperatorJson<'a> {
    offset: usize,
    depth: usize,
    text: &'a str,
}

#[derive(Serialize)]
struct CodeJson<'a> {
    bytes: usize,
    instructions: Vec<InstructionJson<'a>>,
}

#[derive(Serialize)]
struct InstructionJson<'a> {
    offset: usize,
    bytes: String,
    text: &'a str,
    /// The offset of the WebAssembly instruction that it belongs to.
    wasm: Option<usize>,
    notes: &'a [String],
}

fn function_json(function: &ExploredFunction) -> FunctionJson<'_> {
    let import = function.import.as_ref();
    FunctionJson {
        index: function.index,
        name: function.name.as_deref(),
        exports: &function.exports,
        import: import.map(|(module, name)| [module.as_str(), name.as_str()]),
        offset: function.body.start,
        bytes: function.body.len(),
    }
}

fn view_json(view: &View) -> ViewJson<'_> {
    let code = |name: &str| {
        let tier = view.tiers.iter().find(|tier| tier.name == name)?;
        let instruction = |line| instruction_json(line, &tier.code);
        Some(CodeJson {
            bytes: tier.code.len(),
            instructions: tier.lines.iter().map(instruction).collect(),
        })
    };
    let operators = view.operators.iter().map(|operator| OperatorJson {
        offset: operator.offset,
        depth: operator.depth,
        text: &operator.text,
    });
    ViewJson {
        function: function_json(&view.function),
        wasm: operators.collect(),
        baseline: code("baseline"),
        optimizing: code("optimizing"),
    }
}

fn instruction_json<'a>(line: &'a machine::Line, code: &[u8]) -> InstructionJson<'a> {
    let bytes = &code[line.offset..line.offset + line.len];
    InstructionJson {
        offset: line.offset,
        bytes: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        text: &line.text,
        wasm: line.wasm,
        notes: &line.notes,
    }
}
