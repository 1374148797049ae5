//! Constant expressions: what globals, offsets of segments and elements are computed from.
//! See the specification, section "Validation / Instructions / Constant Expressions".

use crate::index::{FuncIndex, GlobalIndex, TypeIndex};
use crate::types::HeapType;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A validated constant expression in postfix order. Conversions between `anyref` and `externref` are left out: they
/// change no bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConstExpr(pub SmallVec<[ConstOp; 2]>);

/// One instruction of a constant expression.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum ConstOp {
    /// `i32.const`
    I32(i32),
    /// `i64.const`
    I64(i64),
    /// `f32.const`, as bits
    F32(u32),
    /// `f64.const`, as bits
    F64(u64),
    /// `v128.const`, little-endian
    V128(u128),
    /// `global.get`
    GlobalGet(GlobalIndex),
    /// `ref.null`
    RefNull(HeapType),
    /// `ref.func`
    RefFunc(FuncIndex),
    /// `i32.add`
    I32Add,
    /// `i32.sub`
    I32Sub,
    /// `i32.mul`
    I32Mul,
    /// `i64.add`
    I64Add,
    /// `i64.sub`
    I64Sub,
    /// `i64.mul`
    I64Mul,
    /// `ref.i31`
    RefI31,
    /// `struct.new`
    StructNew(TypeIndex),
    /// `struct.new_default`
    StructNewDefault(TypeIndex),
    /// `array.new`
    ArrayNew(TypeIndex),
    /// `array.new_default`
    ArrayNewDefault(TypeIndex),
    /// `array.new_fixed`, with how many elements
    ArrayNewFixed(TypeIndex, u32),
}

impl ConstExpr {
    /// The function, if the expression is a single `ref.func`.
    pub fn as_ref_func(&self) -> Option<FuncIndex> {
        match self.0.as_slice() {
            [ConstOp::RefFunc(func)] => Some(*func),
            _ => None,
        }
    }
}

impl ConstExpr {
    /// The functions it names.
    pub(crate) fn functions(&self) -> impl Iterator<Item = FuncIndex> + '_ {
        self.0.iter().filter_map(|op| match op {
            ConstOp::RefFunc(func) => Some(*func),
            _ => None,
        })
    }
}
