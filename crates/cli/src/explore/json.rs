//! A function's WebAssembly and machine code as JSON for programs.

use super::{TierView, View, machine};
use mainspring::ExploredFunction;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Function<'a> {
    index: u32,
    name: Option<&'a str>,
    exports: &'a [String],
    /// Module and name.
    import: Option<[&'a str; 2]>,
    /// Where the body is in the module. `null` if it is imported.
    offset: Option<usize>,
    bytes: usize,
}

#[derive(Serialize)]
pub(super) struct Explored<'a> {
    function: Function<'a>,
    wasm: Vec<Operator<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Code<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    optimizing: Option<Code<'a>>,
}

#[derive(Serialize)]
struct Operator<'a> {
    offset: usize,
    depth: usize,
    text: &'a str,
}

#[derive(Serialize)]
struct Code<'a> {
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    bytes: usize,
    instructions: Vec<Instruction<'a>>,
}

#[derive(Serialize)]
struct Instruction<'a> {
    offset: usize,
    bytes: String,
    text: &'a str,
    /// The offset of the WebAssembly instruction of this function that it belongs to.
    wasm: Option<usize>,
    trap: Option<&'a str>,
    inlined: Option<Inlined>,
}

/// The function that an instruction was inlined from, and the WebAssembly instruction there.
#[derive(Serialize)]
struct Inlined {
    function: u32,
    wasm: Option<usize>,
}

pub(super) fn function(function: &ExploredFunction) -> Function<'_> {
    let import = function.import.as_ref();
    Function {
        index: function.index,
        name: function.name.as_deref(),
        exports: &function.exports,
        import: import.map(|(module, name)| [module.as_str(), name.as_str()]),
        offset: import.is_none().then_some(function.body.start),
        bytes: function.body.len(),
    }
}

pub(super) fn view(view: &View) -> Explored<'_> {
    let tier = |name: &str| {
        let tier = view.tiers.iter().find(|tier| tier.name == name)?;
        Some(code(tier))
    };
    let operators = view.operators.iter().map(|operator| Operator {
        offset: operator.offset,
        depth: operator.depth,
        text: &operator.text,
    });
    Explored {
        function: function(&view.function),
        wasm: operators.collect(),
        baseline: tier("baseline"),
        optimizing: tier("optimizing"),
    }
}

fn code(tier: &TierView) -> Code<'_> {
    let lines = tier.lines.iter();
    Code {
        error: tier.refused.as_deref(),
        bytes: tier.code.len(),
        instructions: lines.map(|line| instruction(line, &tier.code)).collect(),
    }
}

fn instruction<'a>(line: &'a machine::Line, code: &[u8]) -> Instruction<'a> {
    let bytes = &code[line.offset..line.offset + line.len];
    Instruction {
        offset: line.offset,
        bytes: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        text: &line.text,
        wasm: line.wasm,
        trap: line.trap.as_deref(),
        inlined: line
            .inlined
            .map(|(function, wasm)| Inlined { function, wasm }),
    }
}
