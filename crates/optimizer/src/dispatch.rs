//! Interpreters' dispatch: each place that goes back to a `br_table` gets a copy of its own.
//!
//! An interpreter written as a loop around a switch has one indirect jump, which is all that the
//! processor has to predict the next instruction by. With one jump at the end of each instruction's
//! code, it learns what usually follows which (Ertl and Gregg, The Structure and Performance of
//! Efficient Interpreters, 2003). Copying blocks of IR would do that too, but makes an edge
//! from each copy to each target, too many to allocate registers for. So machine code is copied:
//! the registers that it expects are the same wherever it is.
//!
//! What is copied is a *tail*: blocks from where others jump to up to an indirect jump. Copies lie behind
//! the function's code, so that nothing moves, and a jump to the tail becomes one to a copy.

use anyhow::{Context as _, Result};
use cranelift_codegen::CompiledCode;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};
use mainspring_abi::{CompiledFunction, InlinedCode, SourceLocation, TrapSite};
use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes of a tail at the most: what comes before the jump should be what finds the next instruction.
const MAX_TAIL: usize = 160;

/// Blocks of a tail at the most. Empty ones may go round in a circle.
const MAX_PARTS: usize = 8;

/// Jumps that lead to the same indirect jump at the least. Fewer are not an interpreter's.
const MIN_JUMPS: usize = 4;

/// Bytes of all copies at the most.
const MAX_COPIES: usize = 64 << 10;

/// What a copy's address is a multiple of.
const ALIGNMENT: usize = 16;

/// The length of a jump to anywhere in the function, whose last 4 bytes are the distance.
const JUMP: usize = 5;

/// Gives each jump to a tail a copy of it.
pub(crate) fn copy(code: &CompiledCode, compiled: &mut CompiledFunction) -> Result<()> {
    let blocks = Blocks::decode(code);
    let mut tails: BTreeMap<u32, Option<Tail>> = BTreeMap::new();
    let mut jumps_to = BTreeMap::<u32, usize>::new();
    let mut jumps = Vec::new();
    for block in blocks.0.values() {
        if let End::Jump(target) = block.end {
            let tail = tails.entry(target).or_insert_with(|| blocks.tail(target));
            if let Some(tail) = tail {
                *jumps_to.entry(tail.indirect).or_default() += 1;
                jumps.push((block.range.end, target));
            }
        }
    }
    let begin = compiled.code.len();
    for (jump, target) in jumps {
        let tail = tails[&target].as_ref().expect("it was found above");
        if jumps_to[&tail.indirect] < MIN_JUMPS {
            continue;
        }
        if compiled.code.len() - begin > MAX_COPIES {
            break;
        }
        let at = compiled.code.len().next_multiple_of(ALIGNMENT);
        compiled.code.resize(at, PADDING);
        tail.append_to(compiled)?;
        let field = jump as usize + 1;
        put_distance(&mut compiled.code, field, at, field + 4)?;
    }
    Ok(())
}

/// What is between copies, and traps if it runs.
const PADDING: u8 = 0xcc;

/// Sets a 4-byte field to how far a target is from the end of the instruction.
fn put_distance(code: &mut [u8], field: usize, target: usize, end: usize) -> Result<()> {
    let distance = i32::try_from(target as i64 - end as i64).context("its code is too large")?;
    code[field..field + 4].copy_from_slice(&distance.to_le_bytes());
    Ok(())
}

/// The blocks of a function's machine code, by where they start.
struct Blocks(BTreeMap<u32, Block>);

struct Block {
    /// The instructions, without a jump at the end.
    range: Range<u32>,
    /// Fields that are relative to their place: the field, and the end of its instruction.
    relative: Vec<(u32, u32)>,
    /// Whether it may be copied: it has no calls, whose return addresses are known to others, and nothing that is
    /// filled in only when the function's place is known.
    can_be_copied: bool,
    end: End,
}

enum End {
    /// It goes on with the next one.
    Next,
    /// It jumps to one.
    Jump(u32),
    /// It jumps to one of many.
    Indirect,
    /// Something else, or nothing to copy.
    Other,
}

impl Blocks {
    fn decode(code: &CompiledCode) -> Blocks {
        let mut starts = code.bb_starts.clone();
        starts.sort_unstable();
        starts.dedup();
        let mut relocs: Vec<u32> = code.buffer.relocs().iter().map(|at| at.offset).collect();
        relocs.sort_unstable();
        let all = code.code_buffer();
        let ends = starts[1..].iter().copied().chain([all.len() as u32]);
        let decoded = starts
            .iter()
            .zip(ends)
            .map(|(&start, end)| (start, Block::decode(all, start..end, &relocs)));
        Blocks(decoded.collect())
    }

    /// What is copied for a jump to a block.
    fn tail(&self, start: u32) -> Option<Tail> {
        let mut tail = Tail {
            parts: Vec::new(),
            relative: Vec::new(),
            indirect: 0,
        };
        let (mut at, mut len) = (start, 0);
        loop {
            let block = self.0.get(&at)?;
            len += block.range.len();
            if !block.can_be_copied || len > MAX_TAIL || tail.parts.len() == MAX_PARTS {
                return None;
            }
            tail.parts.push(block.range.clone());
            tail.relative.push(block.relative.clone());
            match block.end {
                End::Next => at = block.range.end,
                End::Jump(target) => at = target,
                End::Indirect => {
                    tail.indirect = block.range.end;
                    return Some(tail);
                }
                End::Other => return None,
            }
        }
    }
}

impl Block {
    fn decode(code: &[u8], range: Range<u32>, relocs: &[u32]) -> Block {
        let mut block = Block {
            range: range.clone(),
            relative: Vec::new(),
            can_be_copied: true,
            end: End::Next,
        };
        let bytes = &code[range.start as usize..range.end as usize];
        let mut decoder = Decoder::with_ip(64, bytes, range.start.into(), DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        while decoder.can_decode() {
            decoder.decode_out(&mut instruction);
            let (start, end) = (instruction.ip() as u32, instruction.next_ip() as u32);
            let first_reloc = relocs.partition_point(|&at| at < start);
            let has_reloc = relocs.get(first_reloc).is_some_and(|&at| at < end);
            let fields = decoder.get_constant_offsets(&instruction);
            match instruction.flow_control() {
                FlowControl::Next if has_reloc => block.can_be_copied = false,
                FlowControl::Next if instruction.is_ip_rel_memory_operand() => {
                    let field = start + fields.displacement_offset() as u32;
                    block.relative.push((field, end));
                }
                FlowControl::Next => {}
                FlowControl::ConditionalBranch if fields.immediate_size() == 4 => {
                    let field = start + fields.immediate_offset() as u32;
                    block.relative.push((field, end));
                }
                FlowControl::UnconditionalBranch if instruction.len() == JUMP && !has_reloc => {
                    block.range.end = start;
                    block.end = End::Jump(instruction.near_branch64() as u32);
                    return block;
                }
                FlowControl::IndirectBranch
                    if !has_reloc && !instruction.is_ip_rel_memory_operand() =>
                {
                    block.range.end = end;
                    block.end = End::Indirect;
                    return block;
                }
                FlowControl::UnconditionalBranch
                | FlowControl::IndirectBranch
                | FlowControl::Return
                | FlowControl::Exception => {
                    block.range.end = start;
                    block.end = End::Other;
                    return block;
                }
                _ => block.can_be_copied = false,
            }
        }
        block
    }
}

/// Blocks up to an indirect jump.
struct Tail {
    parts: Vec<Range<u32>>,
    /// Of each part, as in [`Block`].
    relative: Vec<Vec<(u32, u32)>>,
    /// The end of the indirect jump, by which it is known.
    indirect: u32,
}

impl Tail {
    /// Writes a copy behind a function's code, with what is said of the original.
    fn append_to(&self, compiled: &mut CompiledFunction) -> Result<()> {
        for (part, relative) in self.parts.iter().zip(&self.relative) {
            let to = compiled.code.len() as u32;
            let moved = |offset: u32| offset - part.start + to;
            compiled
                .code
                .extend_from_within(part.start as usize..part.end as usize);
            for &(field, end) in relative {
                let bytes = compiled.code[field as usize..][..4]
                    .try_into()
                    .expect("4 bytes");
                let target = i64::from(end) + i64::from(i32::from_le_bytes(bytes));
                put_distance(
                    &mut compiled.code,
                    moved(field) as usize,
                    target as usize,
                    moved(end) as usize,
                )?;
            }
            let first = compiled
                .traps
                .partition_point(|site| site.offset < part.start);
            let end = compiled
                .traps
                .partition_point(|site| site.offset < part.end);
            for i in first..end {
                let site = compiled.traps[i];
                compiled.traps.push(TrapSite {
                    offset: moved(site.offset),
                    ..site
                });
            }
            let first = compiled
                .locations
                .partition_point(|entry| entry.code <= part.start);
            let end = compiled
                .locations
                .partition_point(|entry| entry.code < part.end);
            for i in first.saturating_sub(1)..end {
                let entry = compiled.locations[i];
                compiled.locations.push(SourceLocation {
                    code: moved(entry.code.max(part.start)),
                    ..entry
                });
            }
            let first = compiled
                .inlined
                .partition_point(|entry| entry.code <= part.start);
            let end = compiled
                .inlined
                .partition_point(|entry| entry.code < part.end);
            for i in first.saturating_sub(1)..end {
                let entry = compiled.inlined[i];
                compiled.inlined.push(InlinedCode {
                    code: moved(entry.code.max(part.start)),
                    ..entry
                });
            }
        }
        Ok(())
    }
}
