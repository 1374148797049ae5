//! The code buffer: instructions in general form, labels, constants.
//!
//! An instruction is at most 15 bytes, so each makes room for twice that and then writes without
//! further checks, prefixes that turn out not to be needed included.

use super::op::Op;
use super::reg::Reg;

/// A place in the code, which may not be known yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Label(u32);

/// A memory operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mem {
    base: u8,
    index: u8,
    /// Logarithm of what the index is multiplied by.
    scale: u8,
    disp: i32,
}

const NO_INDEX: u8 = 0xff;
/// In place of a base: the displacement is an offset in the constants.
const CONSTANT: u8 = 0xfe;

impl Mem {
    #[inline]
    pub(crate) fn at(base: Reg, disp: i32) -> Mem {
        Mem {
            base: base.0,
            index: NO_INDEX,
            scale: 0,
            disp,
        }
    }

    #[inline]
    pub(crate) fn indexed(base: Reg, index: Reg, scale: u8, disp: i32) -> Mem {
        debug_assert_ne!(index, Reg::RSP, "the stack pointer can't be an index");
        Mem {
            base: base.0,
            index: index.0,
            scale,
            disp,
        }
    }

    /// What is added to the base.
    pub(crate) fn displacement(self) -> i32 {
        self.disp
    }

    /// The same, further on.
    #[inline]
    pub(crate) fn plus(self, bytes: i32) -> Mem {
        Mem {
            disp: self.disp + bytes,
            ..self
        }
    }
}

/// A register or memory operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rm {
    Reg(Reg),
    Mem(Mem),
}

/// Where 32 bits have to be filled in.
struct Fixup {
    at: u32,
    /// A label, or with the highest bit an offset in the constants.
    target: u32,
    /// What the distance counts from.
    from: u32,
}

const IN_CONSTANTS: u32 = 1 << 31;
const UNBOUND: u32 = u32::MAX;

/// Code in the making. Cleared and used again for the next function.
#[derive(Default)]
pub(crate) struct Asm {
    code: Vec<u8>,
    labels: Vec<u32>,
    fixups: Vec<Fixup>,
    constants: Vec<u8>,
    /// Jump tables, as `(offset in the constants, first entry in table_labels, entries)`.
    tables: Vec<(u32, u32, u32)>,
    table_labels: Vec<Label>,
}

/// Bytes that may be written after [`Asm::room`].
const ROOM: usize = 32;

/// Where the next byte of an instruction goes.
#[derive(Clone, Copy)]
struct Cursor(*mut u8);

impl Cursor {
    /// Writes a byte, and keeps it if `keep`.
    ///
    /// # Safety
    /// There must be room.
    #[inline(always)]
    unsafe fn byte_if(&mut self, byte: u8, keep: bool) {
        // SAFETY: the caller's promise.
        unsafe {
            *self.0 = byte;
            self.0 = self.0.add(keep as usize);
        }
    }

    /// # Safety
    /// There must be room.
    #[inline(always)]
    unsafe fn byte(&mut self, byte: u8) {
        // SAFETY: the caller's promise.
        unsafe { self.byte_if(byte, true) }
    }

    /// # Safety
    /// There must be room.
    #[inline(always)]
    unsafe fn dword(&mut self, value: u32) {
        // SAFETY: the caller's promise.
        unsafe {
            self.0.cast::<u32>().write_unaligned(value);
            self.0 = self.0.add(4);
        }
    }

    /// Prefixes and opcode.
    ///
    /// # Safety
    /// There must be room.
    #[inline(always)]
    unsafe fn opcode(&mut self, op: Op, rex: u8, force_rex: bool) {
        // SAFETY: the caller's promise.
        unsafe {
            self.byte_if(op.prefix, op.prefix != 0);
            self.byte_if(0x40 | rex, rex != 0 || force_rex);
            self.byte_if(0x0f, op.map != 0);
            self.byte_if(if op.map == 2 { 0x38 } else { 0x3a }, op.map > 1);
            self.byte(op.code);
        }
    }

    /// A memory operand. The displacement of a constant is left open.
    ///
    /// # Safety
    /// There must be room.
    #[inline(always)]
    unsafe fn mem(&mut self, reg: u8, mem: Mem) {
        let reg = (reg & 7) << 3;
        let (base, disp) = (mem.base & 7, mem.disp);
        // SAFETY: the caller's promise.
        unsafe {
            if mem.base == CONSTANT {
                self.byte(reg | 5);
                self.dword(0);
                return;
            }
            let short = disp == i32::from(disp as i8);
            let none = disp == 0 && base != 5;
            let mode = if none { 0 } else { 0x80 - ((short as u8) << 6) };
            if mem.index == NO_INDEX {
                self.byte(mode | reg | base);
                self.byte_if(0x24, base == 4);
            } else {
                self.byte(mode | reg | 4);
                self.byte(mem.scale << 6 | (mem.index & 7) << 3 | base);
            }
            self.0.cast::<i32>().write_unaligned(disp);
            self.0 = self.0.add(if none {
                0
            } else if short {
                1
            } else {
                4
            });
        }
    }
}

impl Asm {
    pub(crate) fn clear(&mut self) {
        self.code.clear();
        self.labels.clear();
        self.fixups.clear();
        self.constants.clear();
        self.tables.clear();
        self.table_labels.clear();
    }

    /// How many bytes of code there are.
    #[inline]
    pub(crate) fn offset(&self) -> u32 {
        self.code.len() as u32
    }

    /// Makes room for one instruction.
    #[inline(always)]
    fn room(&mut self) -> Cursor {
        if self.code.capacity() - self.code.len() < ROOM {
            self.code.reserve(4096);
        }
        // SAFETY: one past the bytes in use is still in the allocation.
        Cursor(unsafe { self.code.as_mut_ptr().add(self.code.len()) })
    }

    /// Ends an instruction that [`room`](Self::room) began.
    #[inline(always)]
    fn done(&mut self, end: Cursor) {
        // SAFETY: both point into the code's allocation, and everything in between was written.
        unsafe {
            let len = end.0.offset_from(self.code.as_ptr()) as usize;
            debug_assert!(len <= self.code.capacity() && len - self.code.len() <= ROOM);
            self.code.set_len(len);
        }
    }

    /// An instruction with two registers. `bytes` says that they are seen as bytes.
    #[inline]
    fn reg_reg(&mut self, op: Op, wide: bool, bytes: bool, reg: u8, rm: u8) -> Cursor {
        let mut cursor = self.room();
        let rex = (wide as u8) << 3 | (reg & 8) >> 1 | (rm & 8) >> 3;
        // SAFETY: `room` made room for more than this.
        unsafe {
            cursor.opcode(op, rex, bytes);
            cursor.byte(0xc0 | (reg & 7) << 3 | (rm & 7));
        }
        cursor
    }

    #[inline]
    fn reg_mem(&mut self, op: Op, wide: bool, bytes: bool, reg: u8, mem: Mem, imm: u32) -> Cursor {
        let mut cursor = self.room();
        let index = if mem.index == NO_INDEX { 0 } else { mem.index };
        let base = if mem.base == CONSTANT { 0 } else { mem.base };
        let rex = (wide as u8) << 3 | (reg & 8) >> 1 | (index & 8) >> 2 | (base & 8) >> 3;
        // SAFETY: `room` made room for more than this.
        unsafe {
            cursor.opcode(op, rex, bytes);
            cursor.mem(reg, mem);
        }
        if mem.base == CONSTANT {
            self.fix_constant(cursor, mem, imm);
        }
        cursor
    }

    /// The operand that ends at a cursor, and is followed by so many bytes, is a constant.
    #[cold]
    fn fix_constant(&mut self, cursor: Cursor, mem: Mem, imm: u32) {
        // SAFETY: the cursor is in the code's allocation.
        let end = unsafe { cursor.0.offset_from(self.code.as_ptr()) } as u32;
        self.fixups.push(Fixup {
            at: end - 4,
            target: mem.disp as u32 | IN_CONSTANTS,
            from: end + imm,
        });
    }

    /// `op reg, rm`, of 32 bits or 64.
    #[inline]
    pub(crate) fn rr(&mut self, op: Op, wide: bool, reg: Reg, rm: Reg) {
        let end = self.reg_reg(op, wide, false, reg.number(), rm.number());
        self.done(end);
    }

    /// `op reg, [mem]`, in whichever direction.
    #[inline]
    pub(crate) fn rmem(&mut self, op: Op, wide: bool, reg: Reg, mem: Mem) {
        let end = self.reg_mem(op, wide, false, reg.number(), mem, 0);
        self.done(end);
    }

    #[inline]
    pub(crate) fn rm(&mut self, op: Op, wide: bool, reg: Reg, rm: Rm) {
        match rm {
            Rm::Reg(rm) => self.rr(op, wide, reg, rm),
            Rm::Mem(mem) => self.rmem(op, wide, reg, mem),
        }
    }

    /// With a number in place of the register operand.
    #[inline]
    pub(crate) fn nr(&mut self, op: Op, wide: bool, n: u8, rm: Reg) {
        let end = self.reg_reg(op, wide, false, n, rm.number());
        self.done(end);
    }

    /// With a number in place of the register operand, and an immediate byte.
    #[inline]
    pub(crate) fn nri8(&mut self, op: Op, wide: bool, n: u8, rm: Reg, imm: u8) {
        let mut end = self.reg_reg(op, wide, false, n, rm.number());
        // SAFETY: room for an instruction covers its immediate.
        unsafe { end.byte(imm) };
        self.done(end);
    }

    /// With a number in place of the register operand, and an immediate of 32 bits.
    #[inline]
    pub(crate) fn nri32(&mut self, op: Op, wide: bool, n: u8, rm: Rm, imm: i32) {
        let mut end = match rm {
            Rm::Reg(rm) => self.reg_reg(op, wide, false, n, rm.number()),
            Rm::Mem(mem) => self.reg_mem(op, wide, false, n, mem, 4),
        };
        // SAFETY: room for an instruction covers its immediate.
        unsafe { end.dword(imm.cast_unsigned()) };
        self.done(end);
    }

    /// With a number in place of the register operand, memory, and an immediate byte.
    #[inline]
    pub(crate) fn nmi8(&mut self, op: Op, wide: bool, n: u8, mem: Mem, imm: u8) {
        let mut end = self.reg_mem(op, wide, false, n, mem, 1);
        // SAFETY: room for an instruction covers its immediate.
        unsafe { end.byte(imm) };
        self.done(end);
    }

    /// With a number in place of the register operand, and memory.
    #[inline]
    pub(crate) fn nm(&mut self, op: Op, wide: bool, n: u8, mem: Mem) {
        let end = self.reg_mem(op, wide, false, n, mem, 0);
        self.done(end);
    }

    /// Two registers, the second or both seen as bytes.
    #[inline]
    pub(crate) fn rr_bytes(&mut self, op: Op, wide: bool, reg: Reg, rm: Reg) {
        let end = self.reg_reg(op, wide, true, reg.number(), rm.number());
        self.done(end);
    }

    /// A byte register and memory.
    #[inline]
    pub(crate) fn rmem_bytes(&mut self, op: Op, reg: Reg, mem: Mem) {
        let end = self.reg_mem(op, false, true, reg.number(), mem, 0);
        self.done(end);
    }

    /// `op reg, rm, imm8`.
    #[inline]
    pub(crate) fn rmi8(&mut self, op: Op, wide: bool, reg: Reg, rm: Rm, imm: u8) {
        let mut end = match rm {
            Rm::Reg(rm) => self.reg_reg(op, wide, false, reg.number(), rm.number()),
            Rm::Mem(mem) => self.reg_mem(op, wide, false, reg.number(), mem, 1),
        };
        // SAFETY: room for an instruction covers its immediate.
        unsafe { end.byte(imm) };
        self.done(end);
    }

    /// `op reg, rm, imm32`.
    #[inline]
    pub(crate) fn rmi32(&mut self, op: Op, wide: bool, reg: Reg, rm: Rm, imm: i32) {
        self.nri32(op, wide, reg.number(), rm, imm);
    }

    /// The form with three operands: `op reg, v, rm`.
    #[inline]
    pub(crate) fn vex(&mut self, op: Op, wide: bool, reg: Reg, v: Reg, rm: Rm) {
        let end = self.vex_with(op, wide, reg.number(), v.number(), rm, 0);
        self.done(end);
    }

    /// The form with three operands and an immediate byte.
    #[inline]
    pub(crate) fn vexi8(&mut self, op: Op, reg: Reg, v: Reg, rm: Rm, imm: u8) {
        let mut end = self.vex_with(op, false, reg.number(), v.number(), rm, 1);
        // SAFETY: room for an instruction covers its immediate.
        unsafe { end.byte(imm) };
        self.done(end);
    }

    #[inline]
    fn vex_with(&mut self, op: Op, wide: bool, reg: u8, v: u8, rm: Rm, imm: u32) -> Cursor {
        let (index, base) = match rm {
            Rm::Reg(rm) => (0, rm.number()),
            Rm::Mem(mem) => (
                if mem.index == NO_INDEX { 0 } else { mem.index },
                if mem.base == CONSTANT { 0 } else { mem.base },
            ),
        };
        let prefix = match op.prefix {
            0 => 0,
            0x66 => 1,
            0xf3 => 2,
            _ => 3,
        };
        let not = |bit: u8, shift: u8| (bit & 8 == 0) as u8 * shift;
        let tail = (!v & 15) << 3 | prefix;
        let mut cursor = self.room();
        // SAFETY: `room` made room for more than this.
        unsafe {
            if op.map == 1 && !wide && (index | base) & 8 == 0 {
                cursor.byte(0xc5);
                cursor.byte(not(reg, 0x80) | tail);
            } else {
                cursor.byte(0xc4);
                cursor.byte(not(reg, 0x80) | not(index, 0x40) | not(base, 0x20) | op.map);
                cursor.byte((wide as u8) << 7 | tail);
            }
            cursor.byte(op.code);
            match rm {
                Rm::Reg(rm) => cursor.byte(0xc0 | (reg & 7) << 3 | (rm.number() & 7)),
                Rm::Mem(mem) => cursor.mem(reg, mem),
            }
        }
        if let Rm::Mem(mem) = rm
            && mem.base == CONSTANT
        {
            self.fix_constant(cursor, mem, imm);
        }
        cursor
    }

    /// Bytes as they are.
    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.code.extend_from_slice(bytes);
    }

    /// Sets 32 bits that were written before.
    pub(crate) fn patch(&mut self, at: u32, value: i32) {
        self.code[at as usize..at as usize + 4].copy_from_slice(&value.to_le_bytes());
    }

    // Labels.

    #[inline]
    pub(crate) fn label(&mut self) -> Label {
        self.labels.push(UNBOUND);
        Label(self.labels.len() as u32 - 1)
    }

    /// The label is here.
    #[inline]
    pub(crate) fn bind(&mut self, label: Label) {
        debug_assert_eq!(self.labels[label.0 as usize], UNBOUND);
        self.labels[label.0 as usize] = self.offset();
    }

    /// Where a label that was bound is.
    pub(crate) fn bound_at(&self, label: Label) -> u32 {
        debug_assert_ne!(self.labels[label.0 as usize], UNBOUND);
        self.labels[label.0 as usize]
    }

    /// A jump to a label: `short` is the opcode with 8 bits, `long` that with 32.
    #[inline]
    pub(crate) fn jump(&mut self, short: u8, long: &[u8], label: Label) {
        let target = self.labels[label.0 as usize];
        if target != UNBOUND {
            let distance = i64::from(target) - i64::from(self.offset() + 2);
            if let Ok(distance) = i8::try_from(distance) {
                self.bytes(&[short, distance.cast_unsigned()]);
                return;
            }
        }
        self.bytes(long);
        self.bytes(&[0; 4]);
        let end = self.offset();
        self.fixups.push(Fixup {
            at: end - 4,
            target: label.0,
            from: end,
        });
    }

    // Constants.

    /// A constant of 4, 8 or 16 bytes, as a memory operand.
    pub(crate) fn constant(&mut self, bytes: &[u8]) -> Mem {
        let len = bytes.len();
        // A few of the last ones, so that the search is short.
        let recent = self.constants.len().saturating_sub(256) & !15;
        let found = self.constants[recent..]
            .chunks_exact(len)
            .position(|chunk| chunk == bytes);
        let at = match found {
            Some(n) if self.tables.is_empty() => recent + n * len,
            _ => {
                self.constants
                    .resize(self.constants.len().next_multiple_of(len), 0);
                self.constants.extend_from_slice(bytes);
                self.constants.len() - len
            }
        };
        Mem {
            base: CONSTANT,
            index: NO_INDEX,
            scale: 0,
            disp: at as i32,
        }
    }

    /// A table of distances from its own start to labels, 32 bits each.
    pub(crate) fn jump_table(&mut self, labels: impl Iterator<Item = Label>) -> Mem {
        self.constants
            .resize(self.constants.len().next_multiple_of(4), 0);
        let at = self.constants.len();
        let first = self.table_labels.len();
        self.table_labels.extend(labels);
        let count = self.table_labels.len() - first;
        self.constants.resize(at + count * 4, 0);
        self.tables.push((at as u32, first as u32, count as u32));
        Mem {
            base: CONSTANT,
            index: NO_INDEX,
            scale: 0,
            disp: at as i32,
        }
    }

    /// Appends the constants and fills in all distances. False if the code is too large for them.
    pub(crate) fn finish(&mut self) -> bool {
        if !self.constants.is_empty() {
            let aligned = self.code.len().next_multiple_of(16);
            self.code.resize(aligned, 0xcc);
        }
        let constants = self.code.len() as u32;
        self.code.extend_from_slice(&self.constants);
        if self.code.len() > i32::MAX as usize {
            return false;
        }
        for fixup in &self.fixups {
            let target = if fixup.target & IN_CONSTANTS != 0 {
                constants + (fixup.target & !IN_CONSTANTS)
            } else {
                self.labels[fixup.target as usize]
            };
            debug_assert_ne!(target, UNBOUND, "every label is bound");
            let distance = target.wrapping_sub(fixup.from);
            let at = fixup.at as usize;
            self.code[at..at + 4].copy_from_slice(&distance.to_le_bytes());
        }
        for &(at, first, count) in &self.tables {
            let table = constants + at;
            for n in 0..count {
                let label = self.table_labels[(first + n) as usize];
                let distance = self.labels[label.0 as usize].wrapping_sub(table);
                let at = (table + n * 4) as usize;
                self.code[at..at + 4].copy_from_slice(&distance.to_le_bytes());
            }
        }
        true
    }

    /// All of it, once [`finish`](Self::finish)ed.
    pub(crate) fn code(&self) -> &[u8] {
        &self.code
    }
}
