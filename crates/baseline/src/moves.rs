//! Moves that happen at once: arguments, results, parameters.

use crate::body::Ty;
use crate::state::{Entry, Func, Value};
use crate::x64::{Reg, SCRATCH, XSCRATCH};

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    pub(crate) to: Reg,
    pub(crate) from: Value,
    pub(crate) ty: Ty,
}

impl Func<'_, '_> {
    /// Adds an operand's move to a register to those that wait.
    pub(crate) fn move_later(&mut self, to: Reg, entry: Entry) {
        let from = self.value(entry);
        self.moves.push(Move {
            to,
            from,
            ty: entry.ty,
        });
    }

    /// Does all moves that wait, as if at once. Values of 32 bits are extended by zeros.
    pub(crate) fn do_moves(&mut self) {
        let mut waiting = std::mem::take(self.moves);
        let mut registers = 0;
        // Those between registers to the front; the others read nothing that these change.
        for i in 0..waiting.len() {
            if matches!(waiting[i].from, Value::Reg(_)) {
                waiting.swap(registers, i);
                registers += 1;
            }
        }
        self.move_registers(&mut waiting, registers);
        for one in &waiting[registers..] {
            match one.from {
                Value::Mem(from) => self.load(one.to, from, one.ty),
                Value::Imm(bits) => self.load_const(one.to, bits, one.ty),
                Value::Reg(_) => unreachable!("these are in front"),
            }
        }
        waiting.clear();
        *self.moves = waiting;
    }

    fn move_registers(&mut self, moves: &mut [Move], count: usize) {
        let mut left = count;
        while left > 0 {
            let free = (0..left).find(|&i| {
                let reads = Value::Reg(moves[i].to);
                !moves[..left]
                    .iter()
                    .enumerate()
                    .any(|(j, other)| j != i && other.from == reads)
            });
            let Some(i) = free else {
                // All that are left read what another writes. Freeing one place starts it again.
                let occupied = moves[0].to;
                let (aside, ty) = match occupied.is_xmm() {
                    true => (XSCRATCH, Ty::V128),
                    false => (SCRATCH, Ty::I64),
                };
                self.copy(aside, occupied, ty);
                for one in &mut moves[..left] {
                    if one.from == Value::Reg(occupied) {
                        one.from = Value::Reg(aside);
                    }
                }
                continue;
            };
            let one = moves[i];
            let Value::Reg(from) = one.from else {
                unreachable!("these are in front");
            };
            if one.to != from {
                self.copy(one.to, from, one.ty);
            } else if one.ty.is_narrow() && self.regs.dirty.contains(from) {
                self.asm.mov(false, from, from);
            }
            left -= 1;
            moves.swap(i, left);
        }
    }
}
