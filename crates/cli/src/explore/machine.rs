//! Machine code as lines of text, each with what it came from.
//!
//! Code has data in it: tables of jumps behind the jump that uses them, and constants at its end. Both are
//! recognized by the instructions that refer to them, which come before; what refers to a place outside of
//! the code is named by the compiler.

use crate::text::printable;
use iced_x86::{
    Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter, Mnemonic, SymbolResolver,
    SymbolResult,
};
use mainspring::{CodeReference, CodeSource, ExploredFunction, FunctionCode};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// An instruction, or some data.
pub(super) struct Line {
    /// Where it is in the code.
    pub(super) offset: usize,
    pub(super) len: usize,
    pub(super) text: String,
    /// How it can trap, if it can.
    pub(super) trap: Option<String>,
    /// If it was inlined: the function, and the offset in the module of the instruction that it belongs to.
    pub(super) inlined: Option<(u32, Option<usize>)>,
    /// The offset in the module of the instruction of the function itself that it belongs to.
    pub(super) wasm: Option<usize>,
}

impl Line {
    /// What is to be known about it besides.
    pub(super) fn notes(&self, names: &Names) -> Vec<String> {
        let traps = self.trap.as_ref().map(|trap| format!("traps: {trap}"));
        let inlined = self.inlined.map(|(function, wasm)| {
            let name = names.function(function);
            match wasm {
                Some(wasm) => format!("in {name} at {wasm:#x}"),
                None => format!("in {name}"),
            }
        });
        traps.into_iter().chain(inlined).collect()
    }
}

/// Names for what code refers to.
pub(super) struct Names(HashMap<u32, String>);

impl Names {
    pub(super) fn of(functions: &[ExploredFunction]) -> Names {
        let name = |function: &ExploredFunction| Some((function.index, function.name.clone()?));
        Names(functions.iter().filter_map(name).collect())
    }

    fn function(&self, index: u32) -> String {
        match self.0.get(&index) {
            Some(name) => format!("${}", printable(name)),
            None => format!("function {index}"),
        }
    }

    fn reference(&self, to: CodeReference) -> String {
        match to {
            CodeReference::Function(func) => self.function(func),
            CodeReference::Slot(func) => format!("slot of {}", self.function(func)),
            CodeReference::Counter(n) => format!("counter {n}"),
            CodeReference::HotEntry => "hot entry".into(),
            CodeReference::HotLoop => "hot loop".into(),
            _ => "elsewhere".into(),
        }
    }
}

/// What data that code refers to is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Data {
    /// Distances from its start to places in the code, 32 bits each.
    JumpTable,
    /// So many bytes.
    Constant(usize),
}

/// Names for addresses outside of the code, by the offset of the field that refers to one.
struct Symbols(Vec<(usize, String)>);

impl SymbolResolver for Symbols {
    fn symbol(
        &mut self,
        instruction: &Instruction,
        _operand: u32,
        _instruction_operand: Option<u32>,
        address: u64,
        _address_size: u32,
    ) -> Option<SymbolResult<'_>> {
        // Immediate operands are asked about as well.
        let to = match instruction.is_ip_rel_memory_operand() {
            true => instruction.ip_rel_memory_address(),
            false => instruction.near_branch_target(),
        };
        let at = field_in(&self.0, instruction).filter(|_| to == address)?;
        Some(SymbolResult::with_str(address, &self.0[at].1))
    }
}

/// Which of the fields that refer to other places is in an instruction.
fn field_in<T>(fields: &[(usize, T)], instruction: &Instruction) -> Option<usize> {
    let (start, end) = (instruction.ip() as usize, instruction.next_ip() as usize);
    let at = fields.partition_point(|&(at, _)| at < start);
    (fields.get(at)?.0 < end).then_some(at)
}

/// The whole code, in its order.
pub(super) fn disassemble(code: &FunctionCode, names: &Names) -> Vec<Line> {
    let references = code.references.iter();
    let symbols = Symbols(
        references
            .map(|&(at, to)| (at, names.reference(to)))
            .collect(),
    );
    let mut formatter = IntelFormatter::with_options(Some(Box::new(symbols)), None);
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    options.set_space_after_operand_separator(true);
    let mut reader = Reader {
        code,
        formatter,
        data: BTreeMap::new(),
        targets: BTreeSet::new(),
        lines: Vec::new(),
    };
    let mut at = 0;
    while at < code.code.len() {
        let data = match reader.data.get(&at).copied() {
            Some((Data::JumpTable, user)) => reader.jump_table(at, user),
            Some((Data::Constant(size), user)) => Some(reader.constant(at, size, user)),
            None => reader.padding(at),
        };
        at = data.unwrap_or_else(|| reader.instruction(at));
    }
    reader.lines
}

struct Reader<'a> {
    code: &'a FunctionCode,
    formatter: IntelFormatter,
    /// Data that was referred to so far, and the first instruction that did.
    data: BTreeMap<usize, (Data, usize)>,
    /// Places that were jumped to so far.
    targets: BTreeSet<usize>,
    lines: Vec<Line>,
}

impl Reader<'_> {
    /// Reads an instruction; returns where the next begins.
    fn instruction(&mut self, at: usize) -> usize {
        let bytes = &self.code.code[at..];
        let mut decoder = Decoder::with_ip(64, bytes, at as u64, DecoderOptions::NONE);
        let instruction = decoder.decode();
        let end = at + instruction.len();
        // What reaches into something else was data that nothing refers to.
        if instruction.is_invalid() || end > self.next_known(at) {
            self.add(at, 1, at, format!(".byte {:#04x}", bytes[0]));
            return at + 1;
        }
        if field_in(&self.code.references, &instruction).is_none() {
            self.follow(&instruction);
        }
        let mut text = String::new();
        self.formatter.format(&instruction, &mut text);
        self.add(at, instruction.len(), at, text);
        end
    }

    /// Notes what else is in the code that an instruction refers to.
    fn follow(&mut self, instruction: &Instruction) {
        if instruction.is_ip_rel_memory_operand() {
            let to = instruction.ip_rel_memory_address() as usize;
            let data = match instruction.mnemonic() {
                Mnemonic::Lea => Data::JumpTable,
                _ => Data::Constant(instruction.memory_size().size().max(1)),
            };
            let new = (data, instruction.ip() as usize);
            let known = self.data.entry(to).or_insert(new);
            if let (Data::Constant(size), Data::Constant(known)) = (data, &mut known.0) {
                *known = size.max(*known);
            }
        }
        // 0 for all that is no branch, which is the start of the code.
        self.targets
            .insert(instruction.near_branch_target() as usize);
    }

    /// Reads a table of jumps, if it is one. It ends where something else begins that is known: its own targets,
    /// or code of another source.
    fn jump_table(&mut self, start: usize, user: usize) -> Option<usize> {
        let len = self.code.code.len();
        let mut end = self.next_known(start);
        let sources = &self.code.sources;
        let next_source = sources.partition_point(|source| source.code <= start);
        if let Some(source) = sources.get(next_source) {
            end = end.min(source.code);
        }
        let mut at = start;
        while at + 4 <= end {
            let bytes = self.code.code[at..at + 4].try_into().expect("four bytes");
            let distance = i32::from_le_bytes(bytes);
            let Some(target) = start.checked_add_signed(distance as isize) else {
                break;
            };
            if target >= len || (start..at + 4).contains(&target) {
                break;
            }
            if target > start {
                end = end.min(target);
            }
            self.add(at, 4, user, format!(".long {target:#x} - {start:#x}"));
            at += 4;
        }
        (at > start).then_some(at)
    }

    /// Reads a constant; returns where it ends.
    fn constant(&mut self, start: usize, size: usize, user: usize) -> usize {
        let end = self.next_known(start).min(start.saturating_add(size));
        let mut at = start;
        for bytes in self.code.code[start..end].chunks(8) {
            let text = match *bytes {
                [a, b] => format!(".word {:#06x}", u16::from_le_bytes([a, b])),
                [a, b, c, d] => format!(".long {:#010x}", u32::from_le_bytes([a, b, c, d])),
                _ => match bytes.try_into() {
                    Ok(bytes) => format!(".quad {:#018x}", u64::from_le_bytes(bytes)),
                    Err(_) => {
                        let bytes: Vec<_> =
                            bytes.iter().map(|byte| format!("{byte:#04x}")).collect();
                        format!(".byte {}", bytes.join(", "))
                    }
                },
            };
            self.add(at, bytes.len(), user, text);
            at += bytes.len();
        }
        end
    }

    /// Where the next thing begins that is known to be there: data, what is jumped to, or the end.
    fn next_known(&self, start: usize) -> usize {
        let data = self.data.range(start + 1..).next().map(|(&at, _)| at);
        let target = self.targets.range(start + 1..).next().copied();
        let known = [data, target].into_iter().flatten();
        known.fold(self.code.code.len(), usize::min)
    }

    /// The end of the bytes between code and data, or behind everything, that never run.
    fn padding(&self, at: usize) -> Option<usize> {
        let end = self.next_known(at);
        let bytes = &self.code.code[at..end];
        bytes
            .iter()
            .all(|byte| matches!(byte, 0 | 0xcc))
            .then_some(end)
    }

    /// Adds a line of what is at an offset, and belongs to where an instruction is from.
    fn add(&mut self, offset: usize, len: usize, instruction: usize, text: String) {
        let sources = &self.code.sources;
        let covering = sources.partition_point(|source| source.code <= instruction);
        let source = covering.checked_sub(1).map(|i| &sources[i]);
        let traps = &self.code.traps;
        let trap = traps.binary_search_by_key(&offset, |&(at, _)| at).ok();
        let inlined = |source: &CodeSource| {
            let &(function, _) = source.inlined.first()?;
            Some((function, source.wasm))
        };
        self.lines.push(Line {
            offset,
            len,
            text,
            trap: trap.map(|i| trap_name(&traps[i].1.to_string()).to_string()),
            inlined: source.and_then(inlined),
            wasm: source.and_then(CodeSource::outermost),
        });
    }
}

/// What a trap is called without what all are called.
fn trap_name(text: &str) -> &str {
    text.strip_prefix("wasm trap: ").unwrap_or(text)
}
