//! What each operator takes and leaves.

use super::body::{Body, require};
use super::types::Plain::{self, Exn, F32, F64, I32, I64, V128};
use super::types::{Block, Signature, Types};

/// Operators that have a meaning of their own here.
pub(super) mod opcode {
    pub const UNREACHABLE: u8 = 0x00;
    pub const NOP: u8 = 0x01;
    pub const BLOCK: u8 = 0x02;
    pub const LOOP: u8 = 0x03;
    pub const IF: u8 = 0x04;
    pub const ELSE: u8 = 0x05;
    pub const THROW: u8 = 0x08;
    pub const THROW_REF: u8 = 0x0a;
    pub const END: u8 = 0x0b;
    pub const BR: u8 = 0x0c;
    pub const BR_IF: u8 = 0x0d;
    pub const BR_TABLE: u8 = 0x0e;
    pub const RETURN: u8 = 0x0f;
    pub const CALL: u8 = 0x10;
    pub const CALL_INDIRECT: u8 = 0x11;
    pub const RETURN_CALL: u8 = 0x12;
    pub const RETURN_CALL_INDIRECT: u8 = 0x13;
    pub const DROP: u8 = 0x1a;
    pub const SELECT: u8 = 0x1b;
    pub const TRY_TABLE: u8 = 0x1f;
    pub const LOCAL_GET: u8 = 0x20;
    pub const LOCAL_SET: u8 = 0x21;
    pub const LOCAL_TEE: u8 = 0x22;
    pub const GLOBAL_GET: u8 = 0x23;
    pub const GLOBAL_SET: u8 = 0x24;
    pub const MEMORY_SIZE: u8 = 0x3f;
    pub const MEMORY_GROW: u8 = 0x40;
    pub const I32_CONST: u8 = 0x41;
    pub const I64_CONST: u8 = 0x42;
    pub const F32_CONST: u8 = 0x43;
    pub const F64_CONST: u8 = 0x44;
    pub const MISC: u8 = 0xfc;
    pub const SIMD: u8 = 0xfd;
}

impl Body<'_> {
    /// Reads operators to the end of the body.
    pub fn operators(&mut self) -> Option<()> {
        loop {
            match self.byte()? {
                opcode::UNREACHABLE => self.unreachable()?,
                opcode::NOP => {}
                opcode::BLOCK => self.block(Block::Forward)?,
                opcode::LOOP => self.block(Block::Loop)?,
                opcode::IF => {
                    self.pop(I32)?;
                    self.block(Block::If)?;
                }
                opcode::ELSE => self.else_()?,
                opcode::THROW => self.throw()?,
                opcode::THROW_REF => self.throw_ref()?,
                opcode::END => {
                    if self.end()? {
                        return Some(());
                    }
                }
                opcode::BR => {
                    let label = self.u32()?;
                    self.has(self.label(label)?)?;
                    self.unreachable()?;
                }
                opcode::BR_IF => {
                    self.pop(I32)?;
                    let label = self.u32()?;
                    self.has(self.label(label)?)?;
                }
                opcode::BR_TABLE => self.br_table()?,
                opcode::RETURN => self.return_()?,
                opcode::CALL => {
                    let func = self.u32()?;
                    self.call(self.module.function(func)?)?;
                }
                opcode::CALL_INDIRECT => {
                    let signature = self.indirect()?;
                    self.call(signature)?;
                }
                opcode::RETURN_CALL => {
                    let func = self.u32()?;
                    self.tail_call(self.module.function(func)?)?;
                }
                opcode::RETURN_CALL_INDIRECT => {
                    let signature = self.indirect()?;
                    self.tail_call(signature)?;
                }
                opcode::DROP => {
                    self.pop_any()?;
                }
                opcode::SELECT => self.select()?,
                opcode::TRY_TABLE => self.try_table()?,
                opcode::LOCAL_GET => {
                    let ty = self.local()?;
                    self.push(ty);
                }
                opcode::LOCAL_SET => {
                    let ty = self.local()?;
                    self.pop(ty)?;
                }
                opcode::LOCAL_TEE => {
                    let ty = self.local()?;
                    self.has_one(ty)?;
                }
                opcode::GLOBAL_GET => {
                    let global = self.u32()?;
                    let (ty, _) = self.module.global(global)?;
                    self.push(ty);
                }
                opcode::GLOBAL_SET => {
                    let global = self.u32()?;
                    let (ty, mutable) = self.module.global(global)?;
                    require(mutable)?;
                    self.pop(ty)?;
                }
                code @ 0x28..=0x35 => {
                    let (ty, align) = LOADS[usize::from(code - 0x28)];
                    self.memory_argument(align)?;
                    self.unary(I32, ty)?;
                }
                code @ 0x36..=0x3e => {
                    let (ty, align) = STORES[usize::from(code - 0x36)];
                    self.memory_argument(align)?;
                    self.pop(ty)?;
                    self.pop(I32)?;
                }
                opcode::MEMORY_SIZE => {
                    self.memory_index()?;
                    self.push(I32);
                }
                opcode::MEMORY_GROW => {
                    self.memory_index()?;
                    self.unary(I32, I32)?;
                }
                opcode::I32_CONST => {
                    self.skip_signed(4, 4)?;
                    self.push(I32);
                }
                opcode::I64_CONST => {
                    self.skip_signed(9, 1)?;
                    self.push(I64);
                }
                opcode::F32_CONST => {
                    self.skip(4)?;
                    self.push(F32);
                }
                opcode::F64_CONST => {
                    self.skip(8)?;
                    self.push(F64);
                }
                code @ 0x45..=0xc4 => self.number(code)?,
                opcode::MISC => self.misc()?,
                opcode::SIMD => self.vector()?,
                _ => return None,
            }
        }
    }

    /// `blocktype`
    fn block_type(&mut self) -> Option<Signature> {
        let params = Types::NONE;
        match self.peek()? {
            0x40 => {
                self.skip(1)?;
                let results = Types::NONE;
                Some(Signature { params, results })
            }
            // Negative numbers of one byte are types.
            0x41..=0x7f => {
                let results = Types::one(self.plain()?);
                Some(Signature { params, results })
            }
            _ => {
                let ty = self.type_index()?;
                self.module.signature(ty)
            }
        }
    }

    fn block(&mut self, kind: Block) -> Option<()> {
        let Signature { params, results } = self.block_type()?;
        self.open(kind, params, results)
    }

    fn else_(&mut self) -> Option<()> {
        let frame = self.close()?;
        require(frame.kind == Block::If)?;
        self.push_all(frame.params);
        self.open(Block::Forward, frame.params, frame.results)
    }

    /// Whether it is the end of the body.
    fn end(&mut self) -> Option<bool> {
        let frame = self.close()?;
        // Without `else`, operands pass an `if` by.
        let passes = self.module.types(frame.params) == self.module.types(frame.results);
        require(frame.kind != Block::If || passes)?;
        if self.stacks.frames.is_empty() {
            return Some(true);
        }
        self.push_all(frame.results);
        Some(false)
    }

    fn br_table(&mut self) -> Option<()> {
        self.pop(I32)?;
        let targets = self.u32()?;
        let mut arity = None;
        for _ in 0..=targets {
            let label = self.u32()?;
            let label = self.label(label)?;
            require(*arity.get_or_insert(label.len()) == label.len())?;
            self.has(label)?;
        }
        self.unreachable()
    }

    fn return_(&mut self) -> Option<()> {
        self.has(self.stacks.frames.first()?.results)?;
        self.unreachable()
    }

    /// Reads what an indirect call names, and pops the index.
    fn indirect(&mut self) -> Option<Signature> {
        let ty = self.u32()?;
        let table = self.u32()?;
        require(self.module.is_function_table(table))?;
        self.pop(I32)?;
        self.module.signature(ty)
    }

    fn call(&mut self, signature: Signature) -> Option<()> {
        self.pop_all(signature.params)?;
        self.push_all(signature.results);
        Some(())
    }

    fn tail_call(&mut self, signature: Signature) -> Option<()> {
        require(self.module.tail_calls)?;
        let results = self.stacks.frames.first()?.results;
        require(self.module.types(results) == self.module.types(signature.results))?;
        self.pop_all(signature.params)?;
        self.unreachable()
    }

    fn throw(&mut self) -> Option<()> {
        require(self.module.exceptions)?;
        let tag = self.u32()?;
        self.pop_all(self.module.tag(tag)?.params)?;
        self.unreachable()
    }

    fn throw_ref(&mut self) -> Option<()> {
        require(self.module.exceptions)?;
        self.pop(Exn)?;
        self.unreachable()
    }

    fn try_table(&mut self) -> Option<()> {
        const MOST: u32 = 100;
        require(self.module.exceptions)?;
        let Signature { params, results } = self.block_type()?;
        let clauses = self.u32()?;
        require(clauses <= MOST)?;
        for _ in 0..clauses {
            let kind = self.byte()?;
            let values = match kind {
                0 | 1 => {
                    let tag = self.u32()?;
                    self.module.types(self.module.tag(tag)?.params)
                }
                2 | 3 => &[],
                _ => return None,
            };
            let label = self.u32()?;
            let label = self.module.types(self.label(label)?);
            // The odd ones give the exception itself, too.
            let label = match kind & 1 {
                0 => label,
                _ => label.strip_suffix(&[Exn])?,
            };
            require(label == values)?;
        }
        self.open(Block::Forward, params, results)
    }

    fn select(&mut self) -> Option<()> {
        self.pop(I32)?;
        let ty = self.pop_any()?;
        require(matches!(ty, I32 | I64 | F32 | F64 | V128))?;
        self.has_one(ty)
    }

    fn memory_index(&mut self) -> Option<()> {
        require(self.module.has_memory)?;
        self.zero()
    }

    /// `memarg` of an access of 2^`align` bytes
    #[inline(always)]
    pub fn memory_argument(&mut self, align: u8) -> Option<()> {
        require(self.module.has_memory)?;
        require(self.byte()? <= align)?;
        self.u32()?;
        Some(())
    }

    #[inline(always)]
    pub fn unary(&mut self, from: Plain, to: Plain) -> Option<()> {
        self.pop(from)?;
        self.push(to);
        Some(())
    }

    #[inline(always)]
    fn number(&mut self, code: u8) -> Option<()> {
        let Numeric { from, to, binary } = NUMERIC[usize::from(code - 0x45)];
        if binary {
            self.pop(from)?;
        }
        self.unary(from, to)
    }

    fn misc(&mut self) -> Option<()> {
        match self.u32()? {
            0 | 1 => self.unary(F32, I32),
            2 | 3 => self.unary(F64, I32),
            4 | 5 => self.unary(F32, I64),
            6 | 7 => self.unary(F64, I64),
            code @ (10 | 11) => {
                self.memory_index()?;
                if code == 10 {
                    self.zero()?;
                }
                (0..3).try_for_each(|_| self.pop(I32))
            }
            _ => None,
        }
    }
}

/// The loads from 0x28: what they give, and the power of two of how many bytes they access.
const LOADS: [(Plain, u8); 14] = [
    (I32, 2),
    (I64, 3),
    (F32, 2),
    (F64, 3),
    (I32, 0),
    (I32, 0),
    (I32, 1),
    (I32, 1),
    (I64, 0),
    (I64, 0),
    (I64, 1),
    (I64, 1),
    (I64, 2),
    (I64, 2),
];

/// The stores from 0x36.
const STORES: [(Plain, u8); 9] = [
    (I32, 2),
    (I64, 3),
    (F32, 2),
    (F64, 3),
    (I32, 0),
    (I32, 1),
    (I64, 0),
    (I64, 1),
    (I64, 2),
];

/// An operator whose operands are of one type.
#[derive(Clone, Copy)]
struct Numeric {
    from: Plain,
    to: Plain,
    /// Whether it takes two.
    binary: bool,
}

/// The operators from 0x45 to 0xc4.
const NUMERIC: [Numeric; 128] = {
    let mut table = [unary(I32, I32); 128];
    let mut code = 0x45;
    while code <= 0xc4 {
        table[code - 0x45] = match code {
            0x45 => unary(I32, I32),
            0x46..=0x4f => binary(I32, I32),
            0x50 => unary(I64, I32),
            0x51..=0x5a => binary(I64, I32),
            0x5b..=0x60 => binary(F32, I32),
            0x61..=0x66 => binary(F64, I32),
            0x67..=0x69 => unary(I32, I32),
            0x6a..=0x78 => binary(I32, I32),
            0x79..=0x7b => unary(I64, I64),
            0x7c..=0x8a => binary(I64, I64),
            0x8b..=0x91 => unary(F32, F32),
            0x92..=0x98 => binary(F32, F32),
            0x99..=0x9f => unary(F64, F64),
            0xa0..=0xa6 => binary(F64, F64),
            0xa7 => unary(I64, I32),
            0xa8 | 0xa9 => unary(F32, I32),
            0xaa | 0xab => unary(F64, I32),
            0xac | 0xad => unary(I32, I64),
            0xae | 0xaf => unary(F32, I64),
            0xb0 | 0xb1 => unary(F64, I64),
            0xb2 | 0xb3 => unary(I32, F32),
            0xb4 | 0xb5 => unary(I64, F32),
            0xb6 => unary(F64, F32),
            0xb7 | 0xb8 => unary(I32, F64),
            0xb9 | 0xba => unary(I64, F64),
            0xbb => unary(F32, F64),
            0xbc => unary(F32, I32),
            0xbd => unary(F64, I64),
            0xbe => unary(I32, F32),
            0xbf => unary(I64, F64),
            0xc0 | 0xc1 => unary(I32, I32),
            _ => unary(I64, I64),
        };
        code += 1;
    }
    table
};

const fn unary(from: Plain, to: Plain) -> Numeric {
    let binary = false;
    Numeric { from, to, binary }
}

const fn binary(from: Plain, to: Plain) -> Numeric {
    let binary = true;
    Numeric { from, to, binary }
}
