//! Interpreters' dispatch: each place that goes back to a `br_table` gets a copy of its own.
//!
//! An interpreter written as a loop around a switch has one indirect jump, which is all that the
//! processor has to predict the next instruction by. With one jump at the end of each instruction's
//! code, it learns what usually follows which (Ertl and Gregg, The Structure and Performance of
//! Efficient Interpreters, 2003). Copying blocks of IR would do that too, but makes an edge
//! from each copy to each target, too many to allocate registers for. So machine code is copied:
//! the registers that it expects are the same wherever it is.
//!
//! What is copied is a *tail*: pieces from where others jump to up to an indirect jump. A copy takes the place of
//! the jump to it.

use crate::pieces::{End, Pieces};
use std::collections::BTreeMap;

/// Bytes of a tail at the most: what comes before the jump should be what finds the next instruction.
const MAX_TAIL: usize = 160;

/// Pieces of a tail at the most. Empty ones may go round in a circle.
const MAX_PIECES: usize = 16;

/// Jumps that lead to the same indirect jump at the least. Fewer are not an interpreter's.
const MIN_JUMPS: usize = 4;

/// Bytes of all copies at the most.
const MAX_COPIES: usize = 64 << 10;

/// Pieces up to an indirect jump, the last.
struct Tail {
    pieces: Vec<usize>,
    len: usize,
}

/// Finds which pieces end in a jump whose place a copy is to take, and what is copied there.
pub(crate) fn copies(pieces: &Pieces) -> BTreeMap<usize, Vec<usize>> {
    let mut tails: BTreeMap<u32, Option<Tail>> = BTreeMap::new();
    let mut jumps_to = BTreeMap::<usize, usize>::new();
    let mut jumps = Vec::new();
    for (i, piece) in pieces.all.iter().enumerate() {
        if let End::Jump(target) = piece.end {
            let tail = tails.entry(target).or_insert_with(|| tail(pieces, target));
            if let Some(&indirect) = tail.as_ref().and_then(|tail| tail.pieces.last()) {
                *jumps_to.entry(indirect).or_default() += 1;
                jumps.push((i, target, indirect));
            }
        }
    }
    let mut room = MAX_COPIES;
    let mut copies = BTreeMap::new();
    for (jump, target, indirect) in jumps {
        let tail = tails[&target].as_ref().expect("it was found above");
        if jumps_to[&indirect] >= MIN_JUMPS && tail.len <= room {
            room -= tail.len;
            copies.insert(jump, tail.pieces.clone());
        }
    }
    copies
}

/// What is copied for a jump to an offset.
fn tail(pieces: &Pieces, start: u32) -> Option<Tail> {
    let mut tail = Tail {
        pieces: Vec::new(),
        len: 0,
    };
    let mut at = pieces.at(start)?;
    loop {
        let piece = pieces.all.get(at)?;
        tail.len += piece.bytes.len();
        if !piece.can_be_copied || tail.len > MAX_TAIL || tail.pieces.len() == MAX_PIECES {
            return None;
        }
        tail.pieces.push(at);
        at = match piece.end {
            End::Next | End::JumpIf(..) => at + 1,
            End::Jump(target) => pieces.at(target)?,
            End::Indirect(_) => return Some(tail),
            End::Leaves => return None,
        };
    }
}
