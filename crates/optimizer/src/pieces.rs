//! Machine code taken apart: stretches between jumps, which can be laid out anew.
//!
//! Cranelift's jumps all have room for any distance, and its blocks lie where they happen to. What
//! comes after it, [`dispatch`](crate::dispatch) and [`layout`](crate::layout), works on these pieces.
//! All offsets are those of the code that was taken apart.

use crate::places;
use cranelift_codegen::CompiledCode;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};
use mainspring_error::{Result, bail};
use std::collections::BTreeSet;
use std::ops::Range;

/// A function's code.
pub(crate) struct Pieces {
    /// By ascending offset.
    pub all: Vec<Piece>,
    /// Fields within instructions that say how far something is, by ascending offset.
    pub relative: Vec<Relative>,
    /// Pieces that are reached in ways that no instruction shows: from a table, or by an exception.
    pub entered: Vec<u32>,
    /// Constants, behind all instructions.
    pub data: Range<u32>,
}

/// Instructions that run one after the other, if none traps.
pub(crate) struct Piece {
    /// Instructions that can be taken as they are but for [`Pieces::relative`].
    pub bytes: Range<u32>,
    /// What comes after these.
    pub end: End,
    /// Whether it may be there twice: it has no calls, whose return addresses are known to others, and nothing
    /// that is filled in only when the function's place is known.
    pub can_be_copied: bool,
}

/// How a piece ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// It goes on with the next one.
    Next,
    /// It jumps to a place.
    Jump(u32),
    /// It jumps there if a condition holds, in the processor's encoding, and goes on with the next one if not.
    JumpIf(u8, u32),
    /// Its last instruction jumps to one of many places. A table of these may follow, up to the offset.
    Indirect(u32),
    /// Its last instruction returns, traps, or leaves in another way.
    Leaves,
}

/// A field of 4 bytes, at the end of an instruction or before an immediate.
#[derive(Clone, Copy)]
pub(crate) struct Relative {
    pub field: u32,
    /// Where its instruction ends, which is what it counts from.
    pub from: u32,
    pub target: u32,
}

impl Piece {
    /// Where it begins, by which jumps know it.
    pub fn start(&self) -> u32 {
        self.bytes.start
    }

    /// Where the entries lead of the table that may follow it.
    fn table<'a>(&self, code: &'a [u8]) -> impl Iterator<Item = u32> + use<'a> {
        let start = self.bytes.end;
        let end = match self.end {
            End::Indirect(end) => end,
            End::Next | End::Jump(_) | End::JumpIf(..) | End::Leaves => start,
        };
        let entries = code[start as usize..end as usize].as_chunks().0.iter();
        entries.map(move |entry| start.wrapping_add_signed(i32::from_le_bytes(*entry)))
    }
}

/// What decoding notes before it is known where pieces begin.
struct Decoded {
    /// Where a piece ends, where the next begins, how, and what it can't be copied for.
    ends: Vec<(u32, u32, End)>,
    starts: BTreeSet<u32>,
    fixed: Vec<u32>,
    relative: Vec<Relative>,
    /// Their targets.
    referenced: BTreeSet<u32>,
    traps: Vec<u32>,
    end: u32,
}

impl Pieces {
    /// Takes code apart.
    pub fn of(code: &CompiledCode) -> Result<Pieces> {
        let bytes = code.code_buffer();
        let decoded = Decoded::of(code, bytes)?;
        let mut all = Vec::with_capacity(decoded.starts.len() + decoded.ends.len());
        let mut ends = decoded.ends.iter().peekable();
        let mut fixed = decoded.fixed.iter().peekable();
        let mut starts = decoded.starts.range(1..).peekable();
        let mut at = 0;
        while at < decoded.end {
            while starts.next_if(|start| **start <= at).is_some() {}
            let start = starts.peek().map_or(decoded.end, |start| **start);
            let first =
                |ends: &&(u32, u32, End)| ends.0 < start || (ends.0, ends.1) == (start, start);
            let (until, next, end) =
                ends.next_if(first)
                    .copied()
                    .unwrap_or((start, start, End::Next));
            let mut can_be_copied = true;
            while fixed.next_if(|fixed| **fixed < until).is_some() {
                can_be_copied = false;
            }
            all.push(Piece {
                bytes: at..until,
                end,
                can_be_copied,
            });
            at = next;
        }
        let mut entered: Vec<u32> = places::landings(code).map(|it| it.landing).collect();
        entered.extend(all.iter().flat_map(|piece| piece.table(bytes)));
        Ok(Pieces {
            all,
            relative: decoded.relative,
            entered,
            data: decoded.end..bytes.len() as u32,
        })
    }

    /// Leaves instructions out, which are by ascending offset.
    pub fn leave_out(&mut self, instructions: &[Range<u32>]) {
        let mut left_out = instructions.iter().peekable();
        let mut all: Vec<Piece> = Vec::with_capacity(self.all.len() + instructions.len());
        for mut piece in std::mem::take(&mut self.all) {
            let first = all.len();
            while let Some(gap) = left_out.next_if(|gap| gap.start < piece.bytes.end) {
                if all.len() == first || gap.start > piece.bytes.start {
                    all.push(Piece {
                        bytes: piece.bytes.start..gap.start,
                        end: End::Next,
                        can_be_copied: piece.can_be_copied,
                    });
                }
                piece.bytes.start = gap.end;
            }
            match &mut all[first..] {
                [.., last] if piece.bytes.is_empty() => last.end = piece.end,
                _ => all.push(piece),
            }
        }
        self.all = all;
    }

    /// Has conditional jumps over nothing but another jump go where that goes, if the condition does not hold.
    pub fn turn_jumps(&mut self) {
        let mut targets: BTreeSet<u32> = self.entered.iter().copied().collect();
        targets.extend(self.all.iter().filter_map(|piece| match piece.end {
            End::Jump(target) | End::JumpIf(_, target) => Some(target),
            End::Next | End::Indirect(_) | End::Leaves => None,
        }));
        let mut kept: Vec<Piece> = Vec::with_capacity(self.all.len());
        let mut rest = std::mem::take(&mut self.all).into_iter().peekable();
        while let Some(piece) = rest.next() {
            kept.push(piece);
            let Some(next) = rest.peek() else {
                break;
            };
            let [.., before, over] = &mut *kept else {
                continue;
            };
            if let (End::JumpIf(condition, target), End::Jump(other)) = (before.end, over.end)
                && over.bytes.is_empty()
                && target == next.start()
                && !targets.contains(&over.start())
            {
                // The processor's conditions come in pairs that differ in the last bit.
                before.end = End::JumpIf(condition ^ 1, other);
                kept.pop();
            }
        }
        self.all = kept;
    }

    /// The pieces that may come after one, as far as its last instruction shows.
    pub fn after(&self, piece: usize) -> impl Iterator<Item = usize> {
        let (goes_on, target) = match self.all[piece].end {
            End::Next => (true, None),
            End::JumpIf(_, target) => (true, Some(target)),
            End::Jump(target) => (false, Some(target)),
            End::Indirect(_) | End::Leaves => (false, None),
        };
        let next = (goes_on && piece + 1 < self.all.len()).then_some(piece + 1);
        next.into_iter().chain(target.and_then(|at| self.at(at)))
    }

    /// Which piece begins at an offset.
    pub fn at(&self, offset: u32) -> Option<usize> {
        self.all.binary_search_by_key(&offset, Piece::start).ok()
    }

    /// The fields in a piece.
    pub fn relative_in(&self, piece: &Piece) -> &[Relative] {
        let before = |offset: u32| self.relative.partition_point(|it| it.field < offset);
        &self.relative[before(piece.bytes.start)..before(piece.bytes.end)]
    }
}

impl Decoded {
    fn of(code: &CompiledCode, bytes: &[u8]) -> Result<Decoded> {
        let mut relocs: Vec<u32> = code.buffer.relocs().iter().map(|at| at.offset).collect();
        relocs.sort_unstable();
        let mut traps: Vec<u32> = code.buffer.traps().iter().map(|at| at.offset).collect();
        traps.sort_unstable();
        let mut decoded = Decoded {
            ends: Vec::new(),
            starts: (code.bb_starts.iter().copied())
                .chain(places::landings(code).map(|handler| handler.landing))
                .collect(),
            fixed: Vec::new(),
            relative: Vec::new(),
            referenced: BTreeSet::new(),
            traps,
            end: bytes.len() as u32,
        };
        let mut decoder = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        while decoder.can_decode() {
            decoder.decode_out(&mut instruction);
            let (start, end) = (instruction.ip() as u32, instruction.next_ip() as u32);
            let first_reloc = relocs.partition_point(|&at| at < start);
            let has_reloc = relocs.get(first_reloc).is_some_and(|&at| at < end);
            if has_reloc {
                decoded.fixed.push(start);
            } else if instruction.is_ip_rel_memory_operand() {
                let fields = decoder.get_constant_offsets(&instruction);
                let target = instruction.ip_rel_memory_address() as u32;
                decoded.referenced.insert(target);
                decoded.relative.push(Relative {
                    field: start + fields.displacement_offset() as u32,
                    from: end,
                    target,
                });
            }
            let target = instruction.near_branch_target() as u32;
            let (until, next, how) = match instruction.flow_control() {
                FlowControl::Next => continue,
                FlowControl::Call | FlowControl::IndirectCall => {
                    decoded.fixed.push(start);
                    continue;
                }
                FlowControl::ConditionalBranch => {
                    let condition = condition(&bytes[start as usize..end as usize])?;
                    decoded.starts.insert(target);
                    (start, end, End::JumpIf(condition, target))
                }
                FlowControl::UnconditionalBranch if !has_reloc => {
                    decoded.starts.insert(target);
                    (start, end, End::Jump(target))
                }
                FlowControl::IndirectBranch if !has_reloc => {
                    let table_end = decoded.table_end(end);
                    (end, table_end, End::Indirect(table_end))
                }
                FlowControl::UnconditionalBranch
                | FlowControl::IndirectBranch
                | FlowControl::Return
                | FlowControl::Exception => (end, end, End::Leaves),
                other => bail!("its machine code has an instruction that is not known: {other:?}"),
            };
            decoded.ends.push((until, next, how));
            if !matches!(how, End::JumpIf(..)) {
                // Nothing gets here by going on. Behind all blocks are traps, then constants.
                if decoded.traps.binary_search(&next).is_ok() {
                    decoded.starts.insert(next);
                }
                if !decoded.starts.contains(&next) {
                    decoded.end = next;
                    break;
                }
                decoder.set_position(next as usize)?;
                decoder.set_ip(next.into());
            }
        }
        Ok(decoded)
    }

    /// Where the table ends that may follow an indirect jump.
    fn table_end(&self, jump_end: u32) -> u32 {
        if !self.referenced.contains(&jump_end) {
            return jump_end;
        }
        let next_start = self.starts.range(jump_end..).next().copied();
        let next_trap = self.traps[self.traps.partition_point(|trap| *trap < jump_end)..].first();
        let first_data = self.referenced.range(jump_end + 1..).next().copied();
        [next_start, next_trap.copied(), first_data, Some(self.end)]
            .into_iter()
            .flatten()
            .min()
            .expect("the code ends")
    }
}

/// The condition of a jump, as the processor encodes it.
fn condition(instruction: &[u8]) -> Result<u8> {
    match *instruction {
        [opcode @ 0x70..=0x7f, _] => Ok(opcode & 15),
        [0x0f, opcode @ 0x80..=0x8f, _, _, _, _] => Ok(opcode & 15),
        _ => bail!("its machine code has a jump that is not known: {instruction:02x?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(all: &[(Range<u32>, End)]) -> Pieces {
        let piece = |(bytes, end): &(Range<u32>, End)| Piece {
            bytes: bytes.clone(),
            end: *end,
            can_be_copied: true,
        };
        Pieces {
            all: all.iter().map(piece).collect(),
            relative: Vec::new(),
            entered: Vec::new(),
            data: 0..0,
        }
    }

    fn shown(pieces: &Pieces) -> Vec<(Range<u32>, End)> {
        let all = pieces.all.iter();
        all.map(|piece| (piece.bytes.clone(), piece.end)).collect()
    }

    #[test]
    fn what_is_left_out_leaves_starts_and_ends_as_they_are() {
        let mut all = pieces(&[
            (0..10, End::JumpIf(4, 30)),
            (16..30, End::Next),
            (30..31, End::Leaves),
        ]);
        all.leave_out(&[0..3, 5..10, 16..20, 20..30]);
        let expected = [
            (0..0, End::Next),
            (3..5, End::JumpIf(4, 30)),
            (16..16, End::Next),
            (30..31, End::Leaves),
        ];
        assert_eq!(shown(&all), expected);
        assert_eq!(all.after(1).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn jumps_over_jumps_are_turned() {
        let before = [
            (0..2, End::JumpIf(4, 20)),
            (8..8, End::Jump(0)),
            (20..21, End::Leaves),
        ];
        let mut all = pieces(&before);
        all.turn_jumps();
        let expected = [(0..2, End::JumpIf(5, 0)), (20..21, End::Leaves)];
        assert_eq!(shown(&all), expected);
        // Not if someone else goes there.
        let mut all = pieces(&before);
        all.entered.push(8);
        all.turn_jumps();
        assert_eq!(shown(&all), before);
        let mut all = pieces(&[&before[..], &[(30..31, End::Jump(8))]].concat());
        all.turn_jumps();
        assert_eq!(all.all.len(), 4);
    }
}
