//! Instructions on general-purpose registers, and moves.

use super::asm::{Asm, Label, Mem, Rm};
use super::op::{self, Alu, Cond, Shift};
use super::reg::Reg;

impl Asm {
    /// Copies a general-purpose register; 32 bits of it clear the rest.
    #[inline]
    pub(crate) fn mov(&mut self, wide: bool, to: Reg, from: Reg) {
        self.rr(op::MOV_LOAD, wide, to, from);
    }

    /// Sets a register to a number. Flags stay as they are.
    #[inline]
    pub(crate) fn mov_imm(&mut self, to: Reg, value: u64) {
        let number = to.number();
        if let Ok(low) = u32::try_from(value) {
            if number >= 8 {
                self.bytes(&[0x41]);
            }
            self.bytes(&[0xb8 | number & 7]);
            self.bytes(&low.to_le_bytes());
        } else if i64::from(value as i32) == value.cast_signed() {
            self.nri32(op::one(0xc7), true, 0, Rm::Reg(to), value as i32);
        } else {
            self.bytes(&[0x48 | number >> 3, 0xb8 | number & 7]);
            self.bytes(&value.to_le_bytes());
        }
    }

    /// Clears a register, and changes flags.
    #[inline]
    pub(crate) fn zero(&mut self, reg: Reg) {
        self.alu(Alu::Xor, false, reg, Rm::Reg(reg));
    }

    #[inline]
    pub(crate) fn load(&mut self, wide: bool, to: Reg, from: Mem) {
        self.rmem(op::MOV_LOAD, wide, to, from);
    }

    #[inline]
    pub(crate) fn store(&mut self, wide: bool, to: Mem, from: Reg) {
        self.rmem(op::MOV_STORE, wide, from, to);
    }

    pub(crate) fn store8(&mut self, to: Mem, from: Reg) {
        self.rmem_bytes(op::MOV_STORE8, from, to);
    }

    pub(crate) fn store16(&mut self, to: Mem, from: Reg) {
        let op = op::Op {
            prefix: 0x66,
            ..op::MOV_STORE
        };
        self.rmem(op, false, from, to);
    }

    pub(crate) fn store_imm8(&mut self, to: Mem, value: u8) {
        self.nmi8(op::one(0xc6), false, 0, to, value);
    }

    pub(crate) fn store_imm16(&mut self, to: Mem, value: u16) {
        let mut op = op::one(0xc7);
        op.prefix = 0x66;
        let [low, high] = value.to_le_bytes();
        // The immediate has two bytes: one here, one behind it. It is never at a constant's address.
        self.nmi8(op, false, 0, to, low);
        self.bytes(&[high]);
    }

    /// Stores 32 bits, or 64 that are these extended by their sign.
    pub(crate) fn store_imm(&mut self, wide: bool, to: Mem, value: i32) {
        self.nri32(op::one(0xc7), wide, 0, Rm::Mem(to), value);
    }

    #[inline]
    pub(crate) fn lea(&mut self, wide: bool, to: Reg, from: Mem) {
        self.rmem(op::LEA, wide, to, from);
    }

    /// `alu to, from`.
    #[inline]
    pub(crate) fn alu(&mut self, alu: Alu, wide: bool, to: Reg, from: Rm) {
        self.rm(op::one((alu as u8) << 3 | 3), wide, to, from);
    }

    /// `alu to, value`.
    #[inline]
    pub(crate) fn alu_imm(&mut self, alu: Alu, wide: bool, to: Rm, value: i32) {
        match (i8::try_from(value), to) {
            (Ok(value), Rm::Reg(to)) => {
                self.nri8(op::one(0x83), wide, alu as u8, to, value.cast_unsigned());
            }
            (Ok(value), Rm::Mem(to)) => {
                self.nmi8(op::one(0x83), wide, alu as u8, to, value.cast_unsigned());
            }
            (Err(_), to) => self.nri32(op::one(0x81), wide, alu as u8, to, value),
        }
    }

    #[inline]
    pub(crate) fn test(&mut self, wide: bool, a: Reg, b: Reg) {
        self.rr(op::TEST, wide, a, b);
    }

    #[inline]
    pub(crate) fn test_imm(&mut self, wide: bool, a: Reg, mask: i32) {
        self.nri32(op::one(0xf7), wide, 0, Rm::Reg(a), mask);
    }

    #[inline]
    pub(crate) fn imul(&mut self, wide: bool, to: Reg, from: Rm) {
        self.rm(op::IMUL, wide, to, from);
    }

    #[inline]
    pub(crate) fn imul_imm(&mut self, wide: bool, to: Reg, from: Rm, value: i32) {
        match i8::try_from(value) {
            Ok(value) => self.rmi8(op::one(0x6b), wide, to, from, value.cast_unsigned()),
            Err(_) => self.rmi32(op::one(0x69), wide, to, from, value),
        }
    }

    /// Divides `rdx:rax`.
    pub(crate) fn div(&mut self, wide: bool, signed: bool, by: Reg) {
        self.nr(op::one(0xf7), wide, if signed { 7 } else { 6 }, by);
    }

    /// Multiplies `rax` to `rdx:rax`.
    pub(crate) fn mul_wide(&mut self, signed: bool, by: Reg) {
        self.nr(op::one(0xf7), true, if signed { 5 } else { 4 }, by);
    }

    /// Exchanges a register with as many bytes of memory: adds to these, compares them with `rax`, or neither, all
    /// at once for other processors. `op` is the form with whole registers, `bytes` that with bytes.
    pub(crate) fn atomic(&mut self, [op, bytes]: [op::Op; 2], size: u32, reg: Reg, at: Mem) {
        // A lock is implied where nothing else is done.
        if op != op::XCHG {
            self.bytes(&[0xf0]);
        }
        match size {
            1 => self.rmem_bytes(bytes, reg, at),
            2 => self.rmem(op::Op { prefix: 0x66, ..op }, false, reg, at),
            _ => self.rmem(op, size == 8, reg, at),
        }
    }

    pub(crate) fn neg(&mut self, reg: Reg) {
        self.nr(op::one(0xf7), true, 3, reg);
    }

    pub(crate) fn mfence(&mut self) {
        self.bytes(&[0x0f, 0xae, 0xf0]);
    }

    /// Extends `rax` by its sign into `rdx`.
    pub(crate) fn sign_to_rdx(&mut self, wide: bool) {
        self.bytes(if wide { &[0x48, 0x99] } else { &[0x99] });
    }

    #[inline]
    pub(crate) fn shift_imm(&mut self, shift: Shift, wide: bool, reg: Reg, count: u8) {
        self.nri8(op::one(0xc1), wide, shift as u8, reg, count);
    }

    /// Shifts by `cl`.
    #[inline]
    pub(crate) fn shift_cl(&mut self, shift: Shift, wide: bool, reg: Reg) {
        self.nr(op::one(0xd3), wide, shift as u8, reg);
    }

    /// 1 in a byte register if the condition holds, 0 otherwise.
    pub(crate) fn setcc(&mut self, cond: Cond, to: Reg) {
        let op = op::Op {
            prefix: 0,
            map: 1,
            code: 0x90 | cond as u8,
        };
        self.rr_bytes(op, false, Reg(0), to);
    }

    /// Copies if the condition holds; 32 bits clear the rest in either case.
    #[inline]
    pub(crate) fn cmov(&mut self, cond: Cond, wide: bool, to: Reg, from: Rm) {
        let op = op::Op {
            prefix: 0,
            map: 1,
            code: 0x40 | cond as u8,
        };
        self.rm(op, wide, to, from);
    }

    /// A shift with its count in any register.
    pub(crate) fn shiftx(&mut self, op: op::Op, wide: bool, to: Reg, from: Rm, count: Reg) {
        self.vex(op, wide, to, count, from);
    }

    // Jumps and calls.

    #[inline]
    pub(crate) fn jcc(&mut self, cond: Cond, to: Label) {
        self.jump(0x70 | cond as u8, &[0x0f, 0x80 | cond as u8], to);
    }

    #[inline]
    pub(crate) fn jmp(&mut self, to: Label) {
        self.jump(0xeb, &[0xe9], to);
    }

    pub(crate) fn jmp_reg(&mut self, to: Reg) {
        self.nr(op::one(0xff), false, 4, to);
    }

    pub(crate) fn call_reg(&mut self, to: Reg) {
        self.nr(op::one(0xff), false, 2, to);
    }

    pub(crate) fn call_mem(&mut self, to: Mem) {
        self.nm(op::one(0xff), false, 2, to);
    }

    /// An instruction whose last 4 bytes are an address that others fill in. Returns where they are.
    pub(crate) fn with_address(&mut self, opcode: &[u8]) -> u32 {
        self.bytes(opcode);
        self.bytes(&[0; 4]);
        self.offset() - 4
    }

    pub(crate) fn push(&mut self, reg: Reg) {
        if reg.number() >= 8 {
            self.bytes(&[0x41]);
        }
        self.bytes(&[0x50 | reg.number() & 7]);
    }

    pub(crate) fn push_mem(&mut self, from: Mem) {
        self.nm(op::one(0xff), false, 6, from);
    }

    pub(crate) fn leave(&mut self) {
        self.bytes(&[0xc9]);
    }

    /// Returns, and pops so many bytes of arguments.
    pub(crate) fn ret(&mut self, bytes: u32) {
        match u16::try_from(bytes) {
            Ok(0) => self.bytes(&[0xc3]),
            Ok(bytes) => {
                let [low, high] = bytes.to_le_bytes();
                self.bytes(&[0xc2, low, high]);
            }
            Err(_) => unreachable!("a thousand arguments of 16 bytes fit"),
        }
    }

    pub(crate) fn ud2(&mut self) {
        self.bytes(&[0x0f, 0x0b]);
    }
}
