//! Atomic operations on memories. All of them are sequentially consistent.
//!
//! An address is checked to be aligned, then to be in bounds as that of any access.

use crate::body::Ty;
use crate::memory::Width;
use crate::state::{Entry, Func, Place};
use crate::x64::{Alu, Cond, Mem, Op, Reg, RegSet, Rm, SCRATCH, op};
use Ty::{I32, I64};
use Width::{Byte, Eight, Four, Two};
use mainspring_abi::{Builtin, TrapCode};
use mainspring_error::{Result, bail};

/// What is done to a place in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Update {
    Add,
    Sub,
    /// By an instruction that has no atomic form with a result.
    With(Alu),
    Exchange,
}

/// By operator: of each kind there is one for each type and width, in this order.
const KINDS: [(Ty, Width); 7] = [
    (I32, Four),
    (I64, Eight),
    (I32, Byte),
    (I32, Two),
    (I64, Byte),
    (I64, Two),
    (I64, Four),
];

const XADD: [Op; 2] = [op::XADD, op::XADD8];
const XCHG: [Op; 2] = [op::XCHG, op::XCHG8];
const CMPXCHG: [Op; 2] = [op::CMPXCHG, op::CMPXCHG8];

impl Func<'_, '_> {
    pub(crate) fn atomic(&mut self) -> Result<()> {
        let code = self.body.u32();
        let (ty, width) = match code {
            16.. => KINDS[((code - 16) % 7) as usize],
            _ => (I32, Four),
        };
        match code {
            0 => self.atomic_notify(),
            1 => self.atomic_wait(Builtin::AtomicWait32),
            2 => self.atomic_wait(Builtin::AtomicWait64),
            3 => {
                self.body.advance(1);
                self.asm.mfence();
            }
            16..=22 => self.atomic_load(ty, width),
            23..=29 => self.atomic_store(width),
            30..=36 => self.atomic_update(Update::Add, ty, width),
            37..=43 => self.atomic_update(Update::Sub, ty, width),
            44..=50 => self.atomic_update(Update::With(Alu::And), ty, width),
            51..=57 => self.atomic_update(Update::With(Alu::Or), ty, width),
            58..=64 => self.atomic_update(Update::With(Alu::Xor), ty, width),
            65..=71 => self.atomic_update(Update::Exchange, ty, width),
            72..=78 => self.atomic_compare_exchange(ty, width),
            _ => bail!("the instruction 0xfe {code} is not supported"),
        }
        Ok(())
    }

    // Addresses.

    /// Traps unless an address is a multiple of a width. Returns the index, in a register unless it is a constant.
    fn check_alignment(&mut self, index: Entry, offset: u64, width: Width) -> Entry {
        let mask = width as u64 - 1;
        if let Place::Const(index) = index.place {
            if index.wrapping_add(offset) & mask != 0 {
                let misaligned = self.trap_label(TrapCode::HeapMisaligned);
                self.asm.jmp(misaligned);
            }
        } else if mask != 0 {
            let reg = self.in_clean_reg(index);
            let mut low = reg;
            if offset & mask != 0 {
                low = SCRATCH;
                self.asm
                    .lea(false, low, Mem::at(reg, (offset & mask) as i32));
            }
            self.asm.test_imm(false, low, mask as i32);
            let misaligned = self.trap_label(TrapCode::HeapMisaligned);
            self.asm.jcc(Cond::NotEqual, misaligned);
            return Entry {
                place: Place::Reg(reg),
                ty: index.ty,
            };
        }
        index
    }

    /// Pops an index, brings the address of an access to the scratch register, and releases all others.
    fn atomic_address(&mut self, memarg: (u32, u64), width: Width) -> Mem {
        let (memory, offset) = memarg;
        let index = self.pop();
        let index = self.check_alignment(index, offset, width);
        let at = self.address(memory, index, offset, width as u64);
        self.asm.lea(true, SCRATCH, at);
        self.regs.locked = RegSet::EMPTY;
        Mem::at(SCRATCH, 0)
    }

    /// Pops so many operands after they were brought to their slots, where they take no register while the
    /// address is computed.
    fn pop_from_slots<const N: usize>(&mut self) -> [Entry; N] {
        let height = self.stack.len();
        self.put_in_slots(height - N, height);
        let mut entries = [Entry::i32(0); N];
        for entry in entries.iter_mut().rev() {
            *entry = self.pop();
        }
        entries
    }

    fn in_new_reg(&mut self, entry: Entry) -> Reg {
        let reg = self.alloc(entry.ty);
        self.load_value(reg, entry);
        reg
    }

    // Operators.

    fn atomic_load(&mut self, ty: Ty, width: Width) {
        let memarg = self.body.memarg();
        let index = self.pop();
        let index = self.check_alignment(index, memarg.1, width);
        let op = match width {
            Byte => op::MOVZX8,
            Two => op::MOVZX16,
            _ => op::MOV_LOAD,
        };
        self.load_from(memarg, index, op, width == Eight, ty, width);
    }

    fn atomic_store(&mut self, width: Width) {
        let memarg = self.body.memarg();
        let [value] = self.pop_from_slots();
        let at = self.atomic_address(memarg, width);
        let reg = self.in_new_reg(value);
        self.may_trap(TrapCode::MemoryOutOfBounds);
        self.asm.atomic(XCHG, width as u32, reg, at);
    }

    fn atomic_update(&mut self, update: Update, ty: Ty, width: Width) {
        let memarg = self.body.memarg();
        let [value] = self.pop_from_slots();
        let at = self.atomic_address(memarg, width);
        if let Update::With(alu) = update {
            return self.atomic_update_in_loop(alu, value, ty, width, at);
        }
        let reg = self.in_new_reg(value);
        if update == Update::Sub {
            self.asm.neg(reg);
        }
        let op = match update {
            Update::Exchange => XCHG,
            _ => XADD,
        };
        self.may_trap(TrapCode::MemoryOutOfBounds);
        self.asm.atomic(op, width as u32, reg, at);
        self.push_zero_extended(reg, ty, width);
    }

    /// Tries until nobody has changed the place in between.
    fn atomic_update_in_loop(&mut self, alu: Alu, value: Entry, ty: Ty, width: Width, at: Mem) {
        self.claim(Reg::RAX);
        let value = self.in_new_reg(value);
        let new = self.alloc(I64);
        self.may_trap(TrapCode::MemoryOutOfBounds);
        match width {
            Byte => self.asm.rmem(op::MOVZX8, false, Reg::RAX, at),
            Two => self.asm.rmem(op::MOVZX16, false, Reg::RAX, at),
            _ => self.asm.load(width == Eight, Reg::RAX, at),
        }
        let again = self.asm.label();
        self.asm.bind(again);
        self.asm.mov(true, new, Reg::RAX);
        self.asm.alu(alu, true, new, Rm::Reg(value));
        self.may_trap(TrapCode::MemoryOutOfBounds);
        self.asm.atomic(CMPXCHG, width as u32, new, at);
        self.asm.jcc(Cond::NotEqual, again);
        self.push_zero_extended(Reg::RAX, ty, width);
    }

    fn atomic_compare_exchange(&mut self, ty: Ty, width: Width) {
        let memarg = self.body.memarg();
        let [expected, replacement] = self.pop_from_slots();
        let at = self.atomic_address(memarg, width);
        self.claim(Reg::RAX);
        self.load_value(Reg::RAX, expected);
        let new = self.in_new_reg(replacement);
        self.may_trap(TrapCode::MemoryOutOfBounds);
        self.asm.atomic(CMPXCHG, width as u32, new, at);
        self.push_zero_extended(Reg::RAX, ty, width);
    }

    /// Pushes what memory held, of which instructions leave the rest of the register as it was.
    fn push_zero_extended(&mut self, reg: Reg, ty: Ty, width: Width) {
        match width {
            Byte => self.asm.rr_bytes(op::MOVZX8, false, reg, reg),
            Two => self.asm.rr(op::MOVZX16, false, reg, reg),
            Four => self.asm.mov(false, reg, reg),
            _ => {}
        }
        self.push_reg(reg, ty);
    }

    fn atomic_wait(&mut self, builtin: Builtin) {
        let (memory, offset) = self.body.memarg();
        let (index, expected, timeout) = self.pop3();
        let args = [Entry::i32(memory), index, i64(offset), expected, timeout];
        self.call_builtin(builtin, &args);
        self.push_int_result(I32);
    }

    fn atomic_notify(&mut self) {
        let (memory, offset) = self.body.memarg();
        let (index, count) = self.pop2();
        let args = [Entry::i32(memory), index, i64(offset), count];
        self.call_builtin(Builtin::AtomicNotify, &args);
        self.push_int_result(I32);
    }
}

fn i64(value: u64) -> Entry {
    Entry {
        place: Place::Const(value),
        ty: I64,
    }
}
