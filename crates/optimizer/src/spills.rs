//! Stores of values where they are already.
//!
//! A value that has no register all the way through a loop is kept in its place in the frame between the last use in one round and
//! the first in the next. Cranelift's allocator writes it there in each round, although it never changes; the next round then
//! waits until what was written can be read. This finds which registers hold what is in which places
//! of the frame, at each instruction and however that is reached (available copies, as in Aho, Lam, Sethi and
//! Ullman, Compilers, 2006, section 9.2.6), and says which stores and loads change nothing.

use crate::pieces::{End, Piece, Pieces};
use iced_x86::{
    Code, Decoder, DecoderOptions, Instruction, InstructionInfoFactory, OpAccess, OpKind, Register,
    UsedMemory,
};
use std::ops::Range;

/// Copies that are known at a time, at the most.
const MOST_COPIES: usize = 32;

/// How often each instruction is looked at, on average and at the most. A function where that is not enough stays as it is.
const MOST_ROUNDS: usize = 8;

/// Instructions that store to a frame, or load from there, what is there already. By ascending offset.
pub(crate) fn redundant(code: &[u8], pieces: &Pieces) -> Vec<Range<u32>> {
    let jumps_back = |piece: &Piece| match piece.end {
        End::Jump(target) | End::JumpIf(_, target) => target <= piece.start(),
        End::Next | End::Indirect(_) | End::Leaves => false,
    };
    if !pieces.all.iter().any(jumps_back) {
        return Vec::new();
    }
    let effects = Effects::of(code, pieces);
    if !effects.has_both() {
        return Vec::new();
    }
    let starts = effects.copies_at_starts(pieces);
    starts.map_or(Vec::new(), |starts| effects.redundant(&starts))
}

/// Bytes of the frame, from the stack pointer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Slot {
    offset: i64,
    bytes: i64,
}

impl Slot {
    fn overlaps(self, other: Slot) -> bool {
        self.offset < other.offset + other.bytes && other.offset < self.offset + self.bytes
    }
}

/// A register has what a slot has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Copied {
    slot: Slot,
    register: Register,
}

/// What is copied where.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Copies(Vec<Copied>);

impl Copies {
    fn add(&mut self, copied: Copied) {
        if !self.0.contains(&copied) {
            if self.0.len() == MOST_COPIES {
                self.0.remove(0);
            }
            self.0.push(copied);
        }
    }

    fn changes(&mut self, register: Register) {
        self.0.retain(|copied| copied.register != register);
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Load(copied) => {
                self.changes(copied.register);
                self.add(copied);
            }
            Effect::Store(copied) => {
                if !self.0.contains(&copied) {
                    self.0.retain(|other| !other.slot.overlaps(copied.slot));
                    self.add(copied);
                }
            }
            Effect::Move { from, to } if from != to => {
                self.changes(to);
                let same = |copied: &&Copied| copied.register == from;
                let slots: Vec<Slot> = self.0.iter().filter(same).map(|it| it.slot).collect();
                for slot in slots {
                    self.add(Copied { slot, register: to });
                }
            }
            Effect::Move { .. } => {}
            Effect::Change(register) => self.changes(register),
            Effect::Write(slot) => self.0.retain(|copied| !copied.slot.overlaps(slot)),
            Effect::Forget => self.0.clear(),
        }
    }

    /// Keeps what is known on another way here, too. Says whether that was less.
    fn meet(&mut self, other: &Copies) -> bool {
        let before = self.0.len();
        self.0.retain(|copied| other.0.contains(copied));
        self.0.len() < before
    }
}

/// What an instruction does to what is known.
#[derive(Clone, Copy, Debug)]
enum Effect {
    Load(Copied),
    Store(Copied),
    Move { from: Register, to: Register },
    Change(Register),
    Write(Slot),
    Forget,
}

/// What each instruction does, and where it is.
struct Effects {
    all: Vec<(Effect, Range<u32>)>,
    /// Those of each piece.
    of_pieces: Vec<Range<usize>>,
}

impl Effects {
    fn of(bytes: &[u8], pieces: &Pieces) -> Effects {
        let mut effects = Effects {
            all: Vec::new(),
            of_pieces: Vec::with_capacity(pieces.all.len()),
        };
        let mut reader = Reader {
            info: InstructionInfoFactory::new(),
            frame_is_shared: false,
        };
        let mut instruction = Instruction::default();
        for piece in &pieces.all {
            let first = effects.all.len();
            let Range { start, end } = piece.bytes;
            let code = &bytes[start as usize..end as usize];
            let mut decoder = Decoder::with_ip(64, code, start.into(), DecoderOptions::NONE);
            while decoder.can_decode() {
                decoder.decode_out(&mut instruction);
                let place = instruction.ip() as u32..instruction.next_ip() as u32;
                reader.read(&instruction, |effect| {
                    effects.all.push((effect, place.clone()));
                });
            }
            effects.of_pieces.push(first..effects.all.len());
        }
        if reader.frame_is_shared {
            effects.all.clear();
            effects.of_pieces.fill(0..0);
        }
        effects
    }

    /// Whether there may be anything to find.
    fn has_both(&self) -> bool {
        let any = |what: fn(&Effect) -> bool| self.all.iter().any(|(effect, _)| what(effect));
        any(|effect| matches!(effect, Effect::Load(_)))
            && any(|effect| matches!(effect, Effect::Store(_)))
    }

    fn in_piece(&self, piece: usize) -> impl Iterator<Item = (Effect, &Range<u32>)> {
        let range = self.of_pieces[piece].clone();
        self.all[range]
            .iter()
            .map(|(effect, place)| (*effect, place))
    }

    /// What is known where each piece starts: nothing of those that are entered in ways that the code doesn't show. `None` of
    /// those that nothing leads to, and as a whole if finding it takes too long.
    fn copies_at_starts(&self, pieces: &Pieces) -> Option<Vec<Option<Copies>>> {
        let mut known: Vec<Option<Copies>> = vec![None; pieces.all.len()];
        let entered = pieces.entered.iter().filter_map(|&at| pieces.at(at));
        let first = std::iter::once(0).chain(entered);
        let mut waiting: Vec<usize> = first.collect();
        for &piece in &waiting {
            known[piece] = Some(Copies::default());
        }
        let mut left = MOST_ROUNDS * (self.all.len() + pieces.all.len());
        while let Some(piece) = waiting.pop() {
            left = left.checked_sub(self.of_pieces[piece].len() + 1)?;
            let mut copies = known[piece].clone()?;
            self.in_piece(piece)
                .for_each(|(effect, _)| copies.apply(effect));
            for next in pieces.after(piece) {
                let less = match &mut known[next] {
                    Some(there) => there.meet(&copies),
                    nothing => {
                        *nothing = Some(copies.clone());
                        true
                    }
                };
                if less {
                    waiting.push(next);
                }
            }
        }
        Some(known)
    }

    fn redundant(&self, starts: &[Option<Copies>]) -> Vec<Range<u32>> {
        let mut redundant = Vec::new();
        for (piece, copies) in starts.iter().enumerate() {
            let Some(mut copies) = copies.clone() else {
                continue;
            };
            for (effect, place) in self.in_piece(piece) {
                match effect {
                    Effect::Load(copied) | Effect::Store(copied) if copies.0.contains(&copied) => {
                        redundant.push(place.clone());
                    }
                    other => copies.apply(other),
                }
            }
        }
        redundant
    }
}

/// Tells what instructions do.
struct Reader {
    info: InstructionInfoFactory,
    /// Whether the address of something in the frame was taken: others may write there.
    frame_is_shared: bool,
}

impl Reader {
    fn read(&mut self, instruction: &Instruction, mut effect: impl FnMut(Effect)) {
        let register = |operand| instruction.op_register(operand).full_register();
        let is_register = |operand| instruction.op_kind(operand) == OpKind::Register;
        match instruction.code() {
            Code::Mov_r64_rm64 | Code::Mov_rm64_r64 | Code::Movaps_xmm_xmmm128
                if is_register(0)
                    && is_register(1)
                    && register(0) != Register::RSP
                    && register(1) != Register::RSP =>
            {
                let (to, from) = (register(0), register(1));
                return effect(Effect::Move { from, to });
            }
            Code::Mov_r64_rm64 | Code::Movdqu_xmm_xmmm128 => {
                if let Some(slot) = slot_of(instruction, 1) {
                    let register = register(0);
                    return effect(Effect::Load(Copied { slot, register }));
                }
            }
            Code::Mov_rm64_r64 | Code::Movdqu_xmmm128_xmm => {
                if let Some(slot) = slot_of(instruction, 0) {
                    let register = register(1);
                    return effect(Effect::Store(Copied { slot, register }));
                }
            }
            _ => {}
        }
        let takes = instruction.code() == Code::Lea_r64_m
            || matches!(instruction.code(), Code::Mov_r64_rm64 | Code::Mov_rm64_r64);
        let reads_sp = instruction.memory_base() == Register::RSP
            && instruction.code() == Code::Lea_r64_m
            || is_register(1) && register(1) == Register::RSP;
        if takes && reads_sp && register(0) != Register::RBP {
            self.frame_is_shared = true;
        }
        if instruction.is_stack_instruction() {
            return effect(Effect::Forget);
        }
        let info = self.info.info(instruction);
        for used in info.used_registers() {
            if writes(used.access()) {
                match used.register().full_register() {
                    Register::RSP => effect(Effect::Forget),
                    register => effect(Effect::Change(register)),
                }
            }
        }
        for used in info.used_memory() {
            if writes(used.access()) && used.base() == Register::RSP {
                effect(frame_slot(used).map_or(Effect::Forget, Effect::Write));
            }
        }
    }
}

fn writes(access: OpAccess) -> bool {
    matches!(
        access,
        OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
    )
}

/// The slot that an operand is.
fn slot_of(instruction: &Instruction, operand: u32) -> Option<Slot> {
    let in_frame = instruction.op_kind(operand) == OpKind::Memory
        && instruction.memory_base() == Register::RSP
        && instruction.memory_index() == Register::None;
    in_frame.then(|| Slot {
        offset: instruction.memory_displacement64().cast_signed(),
        bytes: instruction.memory_size().size() as i64,
    })
}

fn frame_slot(used: &UsedMemory) -> Option<Slot> {
    (used.index() == Register::None).then(|| Slot {
        offset: used.displacement().cast_signed(),
        bytes: used.memory_size().size() as i64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: &[u8] = &[0x48, 0x89, 0x4c, 0x24, 0x08]; // mov [rsp+8], rcx
    const LOAD: &[u8] = &[0x48, 0x8b, 0x4c, 0x24, 0x08]; // mov rcx, [rsp+8]

    /// A loop of two pieces. The second may also be entered from elsewhere.
    fn found(first: &[&[u8]], second: &[&[u8]], entered: bool) -> Vec<(u32, u32)> {
        let (first, second) = (first.concat(), second.concat());
        let middle = first.len() as u32;
        let end = middle + second.len() as u32;
        let piece = |bytes, end| Piece {
            bytes,
            end,
            can_be_copied: false,
        };
        let pieces = Pieces {
            all: vec![
                piece(0..middle, End::Next),
                piece(middle..end, End::JumpIf(5, 0)),
                piece(end + 6..end + 7, End::Leaves),
            ],
            relative: Vec::new(),
            entered: if entered { vec![middle] } else { Vec::new() },
            data: end + 7..end + 7,
        };
        let code = [first, second, vec![0x90; 6], vec![0xc3]].concat();
        let redundant = redundant(&code, &pieces).into_iter();
        redundant.map(|range| (range.start, range.end)).collect()
    }

    #[test]
    fn values_that_are_there_are_not_stored_again() {
        assert_eq!(found(&[LOAD], &[STORE], false), [(5, 10)]);
        let through_another = [0x48, 0x89, 0xcb, 0x48, 0x89, 0x5c, 0x24, 0x08]; // mov rbx, rcx; mov [rsp+8], rbx
        assert_eq!(found(&[LOAD], &[&through_another], false), [(8, 13)]);
        let load = &[0xf3, 0x0f, 0x6f, 0x4c, 0x24, 0x10]; // movdqu xmm1, [rsp+16]
        let store = &[0xf3, 0x0f, 0x7f, 0x4c, 0x24, 0x10];
        assert_eq!(found(&[load], &[store], false), [(6, 12)]);
    }

    #[test]
    fn what_changes_is_stored() {
        let between: [&[u8]; 11] = [
            &[0x48, 0x01, 0xd1],                         // add rcx, rdx
            &[0x89, 0xc9],                               // mov ecx, ecx
            &[0x0f, 0x44, 0xc8],                         // cmove ecx, eax
            &[0xc7, 0x44, 0x24, 0x0c, 0, 0, 0, 0],       // mov dword ptr [rsp+12], 0
            &[0x48, 0x89, 0x44, 0x24, 0x0c],             // mov [rsp+12], rax
            &[0x83, 0x44, 0x24, 0x08, 0x01],             // add dword ptr [rsp+8], 1
            &[0xe8, 0, 0, 0, 0],                         // call
            &[0xff, 0xd0],                               // call rax
            &[0x48, 0x87, 0xd1],                         // xchg rcx, rdx
            &[0xf0, 0x48, 0x0f, 0xc1, 0x4c, 0x24, 0x08], // lock xadd [rsp+8], rcx
            &[0x48, 0x83, 0xec, 0x10],                   // sub rsp, 16
        ];
        for change in between {
            assert_eq!(found(&[LOAD], &[change, STORE], false), [], "{change:x?}");
        }
        let load = &[0xf3, 0x0f, 0x6f, 0x4c, 0x24, 0x10]; // movdqu xmm1, [rsp+16]
        let store = &[0xf3, 0x0f, 0x7f, 0x4c, 0x24, 0x10];
        let change = &[0xc5, 0xfa, 0x10, 0x08]; // vmovss xmm1, [rax]
        assert_eq!(found(&[load], &[change, store], false), []);
        // Whoever has the address of something in the frame may write there.
        let share = &[0x48, 0x8d, 0x74, 0x24, 0x08]; // lea rsi, [rsp+8]
        assert_eq!(found(&[share, LOAD], &[STORE], false), []);
    }

    #[test]
    fn what_is_not_known_on_each_way_is_stored() {
        assert_eq!(found(&[LOAD], &[STORE], true), []);
        // The first time, the register has something else.
        assert_eq!(found(&[STORE], &[LOAD], false), [(5, 10)]);
        assert_eq!(found(&[&[0x90]], &[STORE, LOAD], false), [(6, 11)]);
    }

    /// A way around an instruction, and one through it, come together before the store.
    #[test]
    fn what_is_known_on_one_of_two_ways_is_stored() {
        let found = |on_one_way: &[u8]| {
            let code = [LOAD, on_one_way, STORE, &[0xc3]].concat();
            let places = [
                (0..5, End::JumpIf(4, 8)),
                (5..8, End::Next),
                (8..13, End::JumpIf(5, 0)),
                (13..14, End::Leaves),
            ];
            let piece = |(bytes, end)| Piece {
                bytes,
                end,
                can_be_copied: false,
            };
            let pieces = Pieces {
                all: places.into_iter().map(piece).collect(),
                relative: Vec::new(),
                entered: Vec::new(),
                data: 14..14,
            };
            redundant(&code, &pieces).len()
        };
        assert_eq!(found(&[0x48, 0x01, 0xd1]), 0); // add rcx, rdx
        assert_eq!(found(&[0x48, 0x01, 0xca]), 1); // add rdx, rcx
    }
}
