//! One body on its way through [`PlainModule::accepts`]: reading, operands and blocks.
//!
//! All functions give nothing where it can't be told that the body is valid.

use super::operators::opcode;
use super::types::{Block, Frame, Plain, PlainModule, Stacks, Types};

/// As many locals as a function may have, parameters included.
const MAX_LOCALS: usize = 50_000;

pub(super) struct Body<'a> {
    pub module: &'a PlainModule,
    bytes: &'a [u8],
    at: usize,
    pub stacks: &'a mut Stacks,
    /// Operands below the innermost block.
    height: usize,
}

impl PlainModule {
    /// Whether the body of a function of the type with an index is valid. If not, it may still be.
    pub fn accepts(&self, ty: u32, bytes: &[u8], stacks: &mut Stacks) -> bool {
        stacks.locals.clear();
        stacks.operands.clear();
        stacks.frames.clear();
        let body = Body {
            module: self,
            bytes,
            at: 0,
            stacks,
            height: 0,
        };
        body.read(ty).is_some()
    }
}

impl Body<'_> {
    fn read(mut self, ty: u32) -> Option<()> {
        let signature = self.module.signature(ty)?;
        let params = self.module.types(signature.params);
        self.stacks.locals.extend_from_slice(params);
        for _ in 0..self.u32()? {
            let count = self.u32()? as usize;
            let ty = self.plain()?;
            let locals = &mut self.stacks.locals;
            let len = locals.len().checked_add(count)?;
            require(len <= MAX_LOCALS)?;
            locals.resize(len, ty);
        }
        self.open(Block::Forward, Types::NONE, signature.results)?;
        self.operators()?;
        require(self.at == self.bytes.len())
    }

    #[inline(always)]
    pub fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub fn skip(&mut self, bytes: usize) -> Option<()> {
        require(self.bytes.len() - self.at >= bytes)?;
        self.at += bytes;
        Some(())
    }

    /// A byte that has to be zero: the index of the first memory.
    pub fn zero(&mut self) -> Option<()> {
        require(self.byte()? == 0)
    }

    #[inline(always)]
    pub fn u32(&mut self) -> Option<u32> {
        let byte = self.byte()?;
        match byte < 0x80 {
            true => Some(byte.into()),
            false => self.long_u32(byte),
        }
    }

    /// A type index, which is written as a number that could be negative.
    pub fn type_index(&mut self) -> Option<u32> {
        let index = self.u32()?;
        let last = self.bytes[self.at - 1];
        require(last & 0x40 == 0).map(|()| index)
    }

    fn long_u32(&mut self, first: u8) -> Option<u32> {
        let mut value = u32::from(first & 0x7f);
        for shift in [7, 14, 21] {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        let byte = self.byte()?;
        require(byte < 0x10)?;
        Some(value | u32::from(byte) << 28)
    }

    /// Goes over a signed number of at most 7 × `whole` bits and the low `rest` bits of one byte more.
    #[inline(always)]
    pub fn skip_signed(&mut self, whole: usize, rest: u32) -> Option<()> {
        for _ in 0..whole {
            if self.byte()? < 0x80 {
                return Some(());
            }
        }
        // What is left of the last byte repeats the sign.
        let unused = self.byte()? >> (rest - 1);
        require(unused == 0 || unused == 0x7f >> (rest - 1))
    }

    pub fn plain(&mut self) -> Option<Plain> {
        let ty = Plain::decode(self.byte()?)?;
        require(ty != Plain::Exn || self.module.exceptions)?;
        Some(ty)
    }

    #[inline(always)]
    pub fn local(&mut self) -> Option<Plain> {
        let local = self.u32()? as usize;
        self.stacks.locals.get(local).copied()
    }

    #[inline(always)]
    pub fn push(&mut self, ty: Plain) {
        self.stacks.operands.push(ty);
    }

    pub fn push_all(&mut self, types: Types) {
        let types = self.module.types(types);
        self.stacks.operands.extend_from_slice(types);
    }

    #[inline(always)]
    pub fn pop_any(&mut self) -> Option<Plain> {
        let operands = &mut self.stacks.operands;
        require(operands.len() > self.height)?;
        operands.pop()
    }

    #[inline(always)]
    pub fn pop(&mut self, ty: Plain) -> Option<()> {
        require(self.pop_any()? == ty)
    }

    /// Checks the topmost operand, which stays.
    #[inline(always)]
    pub fn has_one(&mut self, ty: Plain) -> Option<()> {
        let operands = &self.stacks.operands;
        require(operands.len() > self.height && operands.last() == Some(&ty))
    }

    /// Checks the topmost operands, which stay.
    pub fn has(&self, types: Types) -> Option<()> {
        let block = self.stacks.operands.get(self.height..)?;
        require(types.len() == 0 || block.ends_with(self.module.types(types)))
    }

    pub fn pop_all(&mut self, types: Types) -> Option<()> {
        self.has(types)?;
        let operands = &mut self.stacks.operands;
        operands.truncate(operands.len() - types.len());
        Some(())
    }

    /// Opens a block that takes operands.
    pub fn open(&mut self, kind: Block, params: Types, results: Types) -> Option<()> {
        self.has(params)?;
        self.height = self.stacks.operands.len() - params.len();
        self.stacks.frames.push(Frame {
            kind,
            height: self.height,
            params,
            results,
            unreachable: false,
        });
        Some(())
    }

    /// Checks that the innermost block can end here, and takes its results.
    pub fn close(&mut self) -> Option<Frame> {
        let frame = self.stacks.frames.pop()?;
        if !frame.unreachable {
            self.pop_all(frame.results)?;
        }
        require(self.stacks.operands.len() == frame.height)?;
        self.height = self.stacks.frames.last().map_or(0, |frame| frame.height);
        Some(frame)
    }

    /// What a branch takes.
    #[inline(always)]
    pub fn label(&self, depth: u32) -> Option<Types> {
        let at = self.stacks.frames.len().checked_sub(depth as usize + 1)?;
        Some(self.stacks.frames[at].label())
    }

    /// Control does not get to what follows, which is the end of the block but for more of what takes anything.
    pub fn unreachable(&mut self) -> Option<()> {
        loop {
            match self.peek()? {
                opcode::ELSE | opcode::END => break,
                opcode::UNREACHABLE | opcode::RETURN => self.skip(1)?,
                opcode::BR => {
                    self.skip(1)?;
                    let label = self.u32()?;
                    self.label(label)?;
                }
                _ => return None,
            }
        }
        self.stacks.operands.truncate(self.height);
        self.stacks.frames.last_mut()?.unreachable = true;
        Some(())
    }
}

#[inline(always)]
pub(super) fn require(holds: bool) -> Option<()> {
    holds.then_some(())
}
