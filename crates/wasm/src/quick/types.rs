//! What bodies of a module refer to, in the form in which it is compared.

use crate::module::ModuleInfo;
use crate::types::{FuncType, HeapType, RefType, ValType};
use wasmparser::WasmFeatures;

/// The type of a value, or one byte for all that is not of a plain type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Plain {
    I32,
    I64,
    F32,
    F64,
    V128,
    Func,
    Extern,
    Exn,
}

impl Plain {
    const ALL: [Plain; 8] = [
        Plain::I32,
        Plain::I64,
        Plain::F32,
        Plain::F64,
        Plain::V128,
        Plain::Func,
        Plain::Extern,
        Plain::Exn,
    ];

    /// By its one byte in the binary format.
    pub fn decode(byte: u8) -> Option<Plain> {
        Some(match byte {
            0x7f => Plain::I32,
            0x7e => Plain::I64,
            0x7d => Plain::F32,
            0x7c => Plain::F64,
            0x7b => Plain::V128,
            0x70 => Plain::Func,
            0x6f => Plain::Extern,
            0x69 => Plain::Exn,
            _ => return None,
        })
    }

    pub fn of(ty: ValType) -> Option<Plain> {
        Some(match ty {
            ValType::I32 => Plain::I32,
            ValType::I64 => Plain::I64,
            ValType::F32 => Plain::F32,
            ValType::F64 => Plain::F64,
            ValType::V128 => Plain::V128,
            ValType::Ref(RefType { nullable, heap }) => match heap {
                HeapType::Func if nullable => Plain::Func,
                HeapType::Extern if nullable => Plain::Extern,
                HeapType::Exn if nullable => Plain::Exn,
                _ => return None,
            },
        })
    }
}

/// Types of several values, in [`PlainModule::pool`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Types {
    start: u32,
    len: u32,
}

impl Types {
    pub const NONE: Types = Types { start: 0, len: 0 };

    pub fn one(ty: Plain) -> Types {
        Types {
            start: ty as u32,
            len: 1,
        }
    }

    pub fn len(self) -> usize {
        self.len as usize
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Signature {
    pub params: Types,
    pub results: Types,
}

/// The declarations of a module that bodies refer to. Whatever has no plain form is not there.
pub(crate) struct PlainModule {
    /// Begins with each type once.
    pool: Vec<Plain>,
    types: Vec<Option<Signature>>,
    /// The type of each function.
    functions: Vec<u32>,
    /// The type of each tag.
    tags: Vec<u32>,
    /// The type of each global, and whether it can be set.
    globals: Vec<Option<(Plain, bool)>>,
    /// Whether a table has function references and 32-bit indices.
    tables: Vec<bool>,
    /// Whether the first memory has 32-bit addresses.
    pub has_memory: bool,
    pub exceptions: bool,
    pub tail_calls: bool,
}

/// What all bodies may use.
const NEEDED: WasmFeatures = WasmFeatures::WASM2;

impl PlainModule {
    /// Made of what comes before the bodies. Nothing, if proposals are off that this file takes for granted.
    pub fn new(features: WasmFeatures, info: &ModuleInfo) -> Option<PlainModule> {
        if !features.contains(NEEDED) {
            return None;
        }
        let mut pool = Plain::ALL.to_vec();
        let types = (info.types.iter())
            .map(|ty| signature(&mut pool, ty.as_func()?))
            .collect();
        let globals = info.globals.iter();
        let tables = info.tables.iter();
        Some(PlainModule {
            pool,
            types,
            functions: info.functions.iter().map(|ty| ty.0).collect(),
            tags: info.tags.iter().map(|ty| ty.0).collect(),
            globals: globals
                .map(|ty| Some((Plain::of(ty.content)?, ty.mutable)))
                .collect(),
            tables: tables
                .map(|ty| ty.element == RefType::FUNCREF && !ty.table64)
                .collect(),
            has_memory: info.memories.first().is_some_and(|ty| !ty.memory64),
            exceptions: features.contains(WasmFeatures::EXCEPTIONS),
            tail_calls: features.contains(WasmFeatures::TAIL_CALL),
        })
    }

    pub fn types(&self, types: Types) -> &[Plain] {
        let start = types.start as usize;
        &self.pool[start..start + types.len()]
    }

    pub fn signature(&self, ty: u32) -> Option<Signature> {
        *self.types.get(ty as usize)?
    }

    pub fn function(&self, func: u32) -> Option<Signature> {
        self.signature(*self.functions.get(func as usize)?)
    }

    pub fn tag(&self, tag: u32) -> Option<Signature> {
        self.signature(*self.tags.get(tag as usize)?)
    }

    pub fn global(&self, global: u32) -> Option<(Plain, bool)> {
        *self.globals.get(global as usize)?
    }

    pub fn is_function_table(&self, table: u32) -> bool {
        self.tables.get(table as usize) == Some(&true)
    }
}

fn signature(pool: &mut Vec<Plain>, ty: &FuncType) -> Option<Signature> {
    Some(Signature {
        params: pooled(pool, &ty.params)?,
        results: pooled(pool, &ty.results)?,
    })
}

fn pooled(pool: &mut Vec<Plain>, types: &[ValType]) -> Option<Types> {
    match *types {
        [] => return Some(Types::NONE),
        [ty] => return Plain::of(ty).map(Types::one),
        _ => {}
    }
    let start = pool.len();
    for &ty in types {
        let Some(ty) = Plain::of(ty) else {
            pool.truncate(start);
            return None;
        };
        pool.push(ty);
    }
    Some(Types {
        start: start as u32,
        len: types.len() as u32,
    })
}

/// A block that is open.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub kind: Block,
    /// Operands below it.
    pub height: usize,
    pub params: Types,
    pub results: Types,
    /// Whether control can't get to where we are.
    pub unreachable: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    /// `block`, `try_table`, the body itself, and an `if` behind its `else`.
    Forward,
    Loop,
    If,
}

impl Frame {
    /// What a branch to it takes.
    pub fn label(&self) -> Types {
        match self.kind {
            Block::Loop => self.params,
            Block::Forward | Block::If => self.results,
        }
    }
}

/// Memory that is used for one body after the other.
#[derive(Default)]
pub(crate) struct Stacks {
    pub locals: Vec<Plain>,
    pub operands: Vec<Plain>,
    pub frames: Vec<Frame>,
}
