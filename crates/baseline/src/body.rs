//! Reading a function body, which was validated.

use mainspring_error::{Result, bail};
use mainspring_wasm::{
    ConcreteType, FuncType, HeapType, ModuleInfo, RefKind, RefType, TypeIndex, ValType,
};

/// A position in a body.
#[derive(Clone, Copy)]
pub(crate) struct Body<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the body starts in the module.
    base: u32,
}

impl<'a> Body<'a> {
    pub(crate) fn new(bytes: &'a [u8], base: u32) -> Body<'a> {
        Body { bytes, at: 0, base }
    }

    /// Offset in the module.
    #[inline]
    pub(crate) fn offset(&self) -> u32 {
        self.base + self.at as u32
    }

    #[inline]
    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// What is left of it.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Back to what was just read.
    pub(crate) fn back(&mut self, bytes: usize) {
        self.at -= bytes;
    }

    /// The next byte, without reading past it; `end` if there is none.
    #[inline]
    pub(crate) fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(opcode::END)
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> u8 {
        let byte = self.bytes[self.at];
        self.at += 1;
        byte
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> u32 {
        let first = self.byte();
        if first < 0x80 {
            return u32::from(first);
        }
        self.unsigned(first) as u32
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> u64 {
        let first = self.byte();
        self.unsigned(first)
    }

    #[inline]
    fn unsigned(&mut self, first: u8) -> u64 {
        let (mut value, mut shift, mut byte) = (u64::from(first & 0x7f), 7, first);
        while byte >= 0x80 {
            byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
        }
        value
    }

    /// A signed integer of up to 64 bits.
    #[inline]
    pub(crate) fn signed(&mut self) -> i64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            value |= i64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return match shift {
                    ..64 => value << (64 - shift) >> (64 - shift),
                    _ => value,
                };
            }
        }
    }

    /// Little-endian bytes.
    #[inline]
    pub(crate) fn fixed<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[self.at..self.at + N]);
        self.at += N;
        bytes
    }

    /// A value type, as generated code sees it.
    pub(crate) fn value_type(&mut self, module: &ModuleInfo) -> Result<Ty> {
        Ok(match self.byte() {
            0x7f => Ty::I32,
            0x7e => Ty::I64,
            0x7d => Ty::F32,
            0x7c => Ty::F64,
            0x7b => Ty::V128,
            NULLABLE_REF | NON_NULL_REF => self.reference_type(module)?,
            _ => {
                // The short form of a nullable reference is its heap type.
                self.back(1);
                self.reference_type(module)?
            }
        })
    }

    pub(crate) fn heap_type(&mut self) -> Result<HeapType> {
        Ok(match self.signed() {
            index @ 0.. => HeapType::Concrete(ConcreteType::Module(TypeIndex(index as u32))),
            -0x0c => HeapType::NoExn,
            -0x0d => HeapType::NoFunc,
            -0x0e => HeapType::NoExtern,
            -0x0f => HeapType::None,
            -0x10 => HeapType::Func,
            -0x11 => HeapType::Extern,
            -0x12 => HeapType::Any,
            -0x13 => HeapType::Eq,
            -0x14 => HeapType::I31,
            -0x15 => HeapType::Struct,
            -0x16 => HeapType::Array,
            -0x17 => HeapType::Exn,
            other => bail!("a reference to the heap type {other} is not supported"),
        })
    }

    /// How a reference to what a heap type says is represented.
    pub(crate) fn reference_type(&mut self, module: &ModuleInfo) -> Result<Ty> {
        let (nullable, heap) = (true, self.heap_type()?);
        Ok(Ty::of(module, ValType::Ref(RefType { nullable, heap })))
    }

    /// A memory access's flags (alignment) are skipped; memory and offset are returned.
    #[inline]
    pub(crate) fn memarg(&mut self) -> (u32, u64) {
        let flags = self.u32();
        let memory = if flags & 0x40 != 0 { self.u32() } else { 0 };
        (memory, self.u64())
    }

    pub(crate) fn block_type(&mut self, module: &ModuleInfo) -> Result<BlockType> {
        let first = self.peek();
        if first == 0x40 {
            self.at += 1;
            return Ok(BlockType::Empty);
        }
        if first & 0xc0 == 0x40 {
            return Ok(BlockType::Result(self.value_type(module)?));
        }
        Ok(BlockType::Func(TypeIndex(self.signed() as u32)))
    }
}

/// How a value is represented in machine code. References are integers there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ty {
    I32,
    /// A reference that the garbage collector follows: 32 bits.
    Ref,
    I64,
    F32,
    F64,
    V128,
}

impl Ty {
    #[inline]
    pub(crate) fn of(module: &ModuleInfo, ty: ValType) -> Ty {
        match ty {
            ValType::I32 => Ty::I32,
            ValType::I64 => Ty::I64,
            ValType::F32 => Ty::F32,
            ValType::F64 => Ty::F64,
            ValType::V128 => Ty::V128,
            ValType::Ref(ty) => match module.ref_kind(ty) {
                RefKind::Func => Ty::I64,
                RefKind::Gc => Ty::Ref,
            },
        }
    }

    /// Whether it lives in `xmm` registers.
    #[inline]
    pub(crate) fn is_float(self) -> bool {
        !matches!(self, Ty::I32 | Ty::Ref | Ty::I64)
    }

    /// Whether it is 32 bits in a general-purpose register.
    #[inline]
    pub(crate) fn is_narrow(self) -> bool {
        matches!(self, Ty::I32 | Ty::Ref)
    }

    /// Whether instructions on it are those on 64 bits.
    #[inline]
    pub(crate) fn is_wide(self) -> bool {
        matches!(self, Ty::I64 | Ty::F64)
    }
}

/// The type of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BlockType {
    Empty,
    Result(Ty),
    Func(TypeIndex),
}

impl BlockType {
    fn func(self, module: &ModuleInfo) -> Option<&FuncType> {
        match self {
            BlockType::Func(ty) => Some(module.func_type_at(ty)),
            _ => None,
        }
    }

    pub(crate) fn params(self, module: &ModuleInfo) -> usize {
        self.func(module).map_or(0, |ty| ty.params.len())
    }

    pub(crate) fn results(self, module: &ModuleInfo) -> usize {
        match self {
            BlockType::Empty => 0,
            BlockType::Result(_) => 1,
            BlockType::Func(ty) => module.func_type_at(ty).results.len(),
        }
    }

    pub(crate) fn param(self, module: &ModuleInfo, n: usize) -> Ty {
        let ty = self.func(module).expect("only such a block has parameters");
        Ty::of(module, ty.params[n])
    }

    pub(crate) fn result(self, module: &ModuleInfo, n: usize) -> Ty {
        match self {
            BlockType::Result(ty) => ty,
            BlockType::Func(ty) => Ty::of(module, module.func_type_at(ty).results[n]),
            BlockType::Empty => unreachable!("an empty block has no results"),
        }
    }
}

/// Opcodes that more than one place asks for.
pub(crate) mod opcode {
    pub(crate) const BLOCK: u8 = 0x02;
    pub(crate) const LOOP: u8 = 0x03;
    pub(crate) const IF: u8 = 0x04;
    pub(crate) const ELSE: u8 = 0x05;
    pub(crate) const TRY: u8 = 0x06;
    pub(crate) const CATCH: u8 = 0x07;
    pub(crate) const THROW: u8 = 0x08;
    pub(crate) const RETHROW: u8 = 0x09;
    pub(crate) const THROW_REF: u8 = 0x0a;
    pub(crate) const END: u8 = 0x0b;
    pub(crate) const BR_IF: u8 = 0x0d;
    pub(crate) const CALL: u8 = 0x10;
    pub(crate) const CALL_INDIRECT: u8 = 0x11;
    pub(crate) const RETURN_CALL: u8 = 0x12;
    pub(crate) const RETURN_CALL_INDIRECT: u8 = 0x13;
    pub(crate) const CALL_REF: u8 = 0x14;
    pub(crate) const RETURN_CALL_REF: u8 = 0x15;
    pub(crate) const DELEGATE: u8 = 0x18;
    pub(crate) const CATCH_ALL: u8 = 0x19;
    pub(crate) const SELECT: u8 = 0x1b;
    pub(crate) const TRY_TABLE: u8 = 0x1f;
    pub(crate) const LOCAL_GET: u8 = 0x20;
    pub(crate) const LOCAL_SET: u8 = 0x21;
    pub(crate) const LOCAL_TEE: u8 = 0x22;
    pub(crate) const GLOBAL_GET: u8 = 0x23;
    pub(crate) const GLOBAL_SET: u8 = 0x24;
    pub(crate) const MEMORY_SIZE: u8 = 0x3f;
    pub(crate) const MEMORY_GROW: u8 = 0x40;
    pub(crate) const I32_EQZ: u8 = 0x45;
    pub(crate) const I32_ADD: u8 = 0x6a;
    pub(crate) const GC: u8 = 0xfb;
    pub(crate) const MISC: u8 = 0xfc;
    pub(crate) const SIMD: u8 = 0xfd;
    pub(crate) const ATOMIC: u8 = 0xfe;
}

/// The first bytes of reference types in their long form; a heap type follows.
const NULLABLE_REF: u8 = 0x63;
/// See [`NULLABLE_REF`].
const NON_NULL_REF: u8 = 0x64;

/// What follows an opcode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Immediates {
    None,
    /// One integer of any length.
    One,
    Two,
    MemArg,
    BlockType,
    BrTable,
    /// A count of value types, and these.
    Types,
    TryTable,
    Four,
    Eight,
}

/// By opcode.
static IMMEDIATES: [Immediates; 256] = immediates();

const fn immediates() -> [Immediates; 256] {
    let mut table = [Immediates::None; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = match code {
            0x02..=0x04 | 0x06 => Immediates::BlockType,
            0x0e => Immediates::BrTable,
            0x07..=0x09 | 0x0c | 0x0d | 0x10 | 0x12 | 0x14 | 0x15 | 0x18 => Immediates::One,
            0x20..=0x26 | 0x3f..=0x42 => Immediates::One,
            0xd0 | 0xd2 | 0xd5 | 0xd6 => Immediates::One,
            0x11 | 0x13 => Immediates::Two,
            0x1c => Immediates::Types,
            0x1f => Immediates::TryTable,
            0x28..=0x3e => Immediates::MemArg,
            0x43 => Immediates::Four,
            0x44 => Immediates::Eight,
            _ => Immediates::None,
        };
        code += 1;
    }
    table
}

impl Body<'_> {
    /// Reads past the immediates of an operator that was just read.
    #[inline]
    pub(crate) fn skip_immediates(&mut self, code: u8) {
        match IMMEDIATES[code as usize] {
            Immediates::None if code < opcode::GC => {}
            Immediates::None => self.skip_prefixed(code),
            // A heap type is one integer too.
            Immediates::One => self.skip_integer(),
            // So are block types, but for types in their long form.
            Immediates::BlockType => self.skip_value_type(),
            Immediates::Two => {
                self.skip_integer();
                self.skip_integer();
            }
            Immediates::MemArg => self.skip_memarg(),
            Immediates::BrTable => {
                for _ in 0..=self.u32() {
                    self.skip_integer();
                }
            }
            Immediates::Types => {
                for _ in 0..self.u32() {
                    self.skip_value_type();
                }
            }
            Immediates::TryTable => self.skip_try_table(),
            Immediates::Four => self.at += 4,
            Immediates::Eight => self.at += 8,
        }
    }

    #[inline]
    fn skip_integer(&mut self) {
        while self.byte() >= 0x80 {}
    }

    #[inline]
    fn skip_value_type(&mut self) {
        if matches!(self.peek(), NULLABLE_REF | NON_NULL_REF) {
            self.at += 1;
        }
        self.skip_integer();
    }

    fn skip_try_table(&mut self) {
        self.skip_value_type();
        for _ in 0..self.u32() {
            if self.byte() < 2 {
                self.skip_integer();
            }
            self.skip_integer();
        }
    }

    fn skip_memarg(&mut self) {
        if self.u32() & 0x40 != 0 {
            self.skip_integer();
        }
        self.skip_integer();
    }

    fn skip_prefixed(&mut self, code: u8) {
        let sub = self.u32();
        let integers = match (code, sub) {
            (opcode::GC, 0 | 1 | 6 | 7 | 11..=14 | 16 | 20..=23) => 1,
            (opcode::GC, 2..=5 | 8..=10 | 17..=19) => 2,
            // Flags, which are a byte below 128, a label, and two heap types.
            (opcode::GC, 24 | 25) => 4,
            (opcode::MISC, 8 | 10 | 12 | 14) => 2,
            (opcode::MISC, 9 | 11 | 13 | 15..=17) => 1,
            (opcode::SIMD, 0..=11 | 92 | 93) | (opcode::ATOMIC, 0..=2 | 16..) => {
                return self.skip_memarg();
            }
            (opcode::SIMD, 12 | 13) => {
                self.at += 16;
                return;
            }
            (opcode::ATOMIC, 3) | (opcode::SIMD, 21..=34) => {
                self.at += 1;
                return;
            }
            (opcode::SIMD, 84..=91) => {
                self.skip_memarg();
                self.at += 1;
                return;
            }
            _ => 0,
        };
        for _ in 0..integers {
            self.skip_integer();
        }
    }
}
