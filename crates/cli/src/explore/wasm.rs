//! A function's instructions in the text format, with their offsets in the module.

use mainspring::error::ToWasmtimeResult;
use mainspring::{ExploredFunction, Result};
use wasmparser::{Parser, Payload};

/// An instruction, or the function's type or local declarations.
pub(super) struct Operator {
    pub(super) offset: usize,
    /// How many blocks it is in.
    pub(super) depth: usize,
    pub(super) text: String,
}

/// A body that is never looked at: no locals, `unreachable`, `end`.
const EMPTY_BODY: [u8; 4] = [3, 0, 0x00, 0x0b];

/// The operators of one of a module's functions.
pub(super) fn operators(
    module: &[u8],
    functions: &[ExploredFunction],
    wanted: &ExploredFunction,
) -> Result<Vec<Operator>> {
    let (alone, start) = with_one_body(module, functions, wanted)?;
    let end = start + wanted.body.len();
    let mut storage = String::new();
    let config = wasmprinter::Config::new();
    let lines = config
        .offsets_and_lines(&alone, &mut storage)
        .to_wasmtime_result()?;
    let mut operators = Vec::new();
    for (offset, line) in lines {
        let Some(offset) = offset.map(|offset| offset as usize) else {
            continue;
        };
        let text = line.trim();
        // What closes the function has the offset of its last `end`, and is shown as that.
        if !(start..end - 1).contains(&offset) || text.is_empty() {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        operators.push(Operator {
            offset: offset - start + wanted.body.start,
            depth: (indent / 2).saturating_sub(2),
            text: text.to_string(),
        });
    }
    operators.push(Operator {
        offset: wanted.body.end - 1,
        depth: 0,
        text: "end".to_string(),
    });
    Ok(operators)
}

/// The same module with no other function's body and no data, and where the body begins in it. The
/// printer prints whole modules, which can be large.
fn with_one_body(
    module: &[u8],
    functions: &[ExploredFunction],
    wanted: &ExploredFunction,
) -> Result<(Vec<u8>, usize)> {
    let mut alone = module[..8].to_vec();
    let mut start = 0;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match &payload {
            Payload::ElementSection(_)
            | Payload::StartSection { .. }
            | Payload::DataSection(_)
            | Payload::DataCountSection { .. }
            | Payload::CodeSectionEntry(_) => continue,
            Payload::CustomSection(custom) if custom.name() != "name" => continue,
            Payload::CodeSectionStart { .. } => {
                let (code, at) = code_section(module, functions, wanted);
                section(&mut alone, 10, &code);
                start = alone.len() - code.len() + at;
                continue;
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            let range = range.start as usize..range.end as usize;
            section(&mut alone, id, &module[range]);
        }
    }
    Ok((alone, start))
}

/// The contents of a code section with one body, and where that begins in it.
fn code_section(
    module: &[u8],
    functions: &[ExploredFunction],
    wanted: &ExploredFunction,
) -> (Vec<u8>, usize) {
    let defined = functions
        .iter()
        .filter(|function| function.import.is_none());
    let mut code = Vec::new();
    let mut at = 0;
    leb128(&mut code, defined.clone().count());
    for function in defined {
        if function.index == wanted.index {
            leb128(&mut code, wanted.body.len());
            at = code.len();
            code.extend_from_slice(&module[wanted.body.clone()]);
        } else {
            code.extend(EMPTY_BODY);
        }
    }
    (code, at)
}

fn section(module: &mut Vec<u8>, id: u8, contents: &[u8]) {
    module.push(id);
    leb128(module, contents.len());
    module.extend_from_slice(contents);
}

fn leb128(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use mainspring::{Engine, Explorer};

    #[test]
    fn operators_have_their_offsets_and_depths() {
        let text = r#"(module
            (import "host" "f" (func $imported (param i32)))
            (table 1 funcref) (memory 1) (elem (i32.const 0) $other)
            (func $other (call $imported (i32.const 500)))
            (func $this (param $x i32) (local i64 i64)
              (block (loop $again (br_if $again (local.get $x)) (call $other)))
              (if (local.get $x) (then (nop)) (else (memory.init 0 (i32.const 1) (i32.const 2) (i32.const 3)))))
            (data "abc"))"#;
        let explorer = Explorer::new(&Engine::default(), text).expect("it is valid");
        let functions = explorer.functions();
        let found = operators(explorer.wasm(), &functions, &functions[2]).expect("it is printed");
        let shown: Vec<_> = found
            .iter()
            .map(|operator| (operator.depth, operator.text.as_str()))
            .collect();
        assert!(shown[0].1.starts_with("(func $this") && shown[0].0 == 0);
        assert_eq!(shown[1], (0, "(local i64 i64)"));
        assert!(shown[2].1.starts_with("block") && shown[2].0 == 0);
        assert!(shown[3].1.starts_with("loop $again") && shown[3].0 == 1);
        assert_eq!(shown[4], (2, "local.get $x"));
        assert_eq!(shown[6], (2, "call $other"));
        assert_eq!(shown.last(), Some(&(0, "end")));
        // Every offset but those of the declarations is the first byte of the instruction.
        let opcode = |text: &str| match text.split(' ').next() {
            Some("block") => 0x02,
            Some("loop") => 0x03,
            Some("if") => 0x04,
            Some("else") => 0x05,
            Some("end") => 0x0b,
            Some("br_if") => 0x0d,
            Some("nop") => 0x01,
            Some("call") => 0x10,
            Some("local.get") => 0x20,
            Some("i32.const") => 0x41,
            Some("memory.init") => 0xfc,
            other => panic!("{other:?}"),
        };
        for operator in &found[2..] {
            let byte = explorer.wasm()[operator.offset];
            assert_eq!(byte, opcode(&operator.text), "{}", operator.text);
        }
    }
}
