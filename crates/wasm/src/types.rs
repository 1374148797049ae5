//! Types of WebAssembly values and of what modules import and export.
//!
//! A reference to a concrete type inside a [`ModuleInfo`](crate::ModuleInfo) is an index into that
//! module's types, so that the description of a module is independent of any engine and can be
//! stored in an image. [`TypeRegistry`](crate::TypeRegistry) turns them into canonical ids.
//! Follows the specification, section "Structure / Types".

use crate::index::TypeIndex;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
    /// 128-bit vector.
    V128,
    /// A reference.
    Ref(RefType),
}

/// The type of a reference.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct RefType {
    /// Whether null is a value of the type.
    pub nullable: bool,
    /// What it points to.
    pub heap: HeapType,
}

/// What a reference points to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum HeapType {
    /// Any function.
    Func,
    /// No function: only null.
    NoFunc,
    /// Anything of the host's.
    Extern,
    /// Nothing of the host's: only null.
    NoExtern,
    /// Any internal value.
    Any,
    /// Values that can be compared.
    Eq,
    /// Unboxed 31-bit integers.
    I31,
    /// Any struct.
    Struct,
    /// Any array.
    Array,
    /// No internal value: only null.
    None,
    /// Any exception.
    Exn,
    /// No exception: only null.
    NoExn,
    /// A type that a module declares.
    Concrete(ConcreteType),
}

/// A reference to a declared type, by where its index counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum ConcreteType {
    /// In the types of the module at hand.
    Module(TypeIndex),
    /// In the recursion group that the type itself belongs to; only inside a [`crate::TypeRegistry`].
    Group(u32),
    /// In the engine's registry.
    Canonical(CanonicalTypeId),
}

/// A type made canonical across an engine: equal ids if and only if equal types.
/// Generated code compares these in `call_indirect`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[repr(transparent)]
pub struct CanonicalTypeId(pub u32);

/// Parameters and results of a function.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct FuncType {
    /// Types of the parameters, in order.
    pub params: Box<[ValType]>,
    /// Types of the results, in order.
    pub results: Box<[ValType]>,
}

/// A field of a struct or the element of an array.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct FieldType {
    /// What is stored.
    pub storage: StorageType,
    /// Whether it can be set after creation.
    pub mutable: bool,
}

/// How a field is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum StorageType {
    /// One byte, packed.
    I8,
    /// Two bytes, packed.
    I16,
    /// A whole value.
    Val(ValType),
}

/// The shape of a declared type.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum CompositeType {
    /// A function type.
    Func(FuncType),
    /// A struct type, by its fields.
    Struct(Box<[FieldType]>),
    /// An array type, by its element.
    Array(FieldType),
}

/// A declared type with its place in the subtype order.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct SubType {
    /// Whether it may not have subtypes.
    pub is_final: bool,
    /// The type it declares itself a subtype of.
    pub supertype: Option<ConcreteType>,
    /// Its shape.
    pub composite: CompositeType,
}

impl SubType {
    /// The function type, if that is what it is.
    pub fn as_func(&self) -> Option<&FuncType> {
        match &self.composite {
            CompositeType::Func(ty) => Some(ty),
            _ => None,
        }
    }
}

/// The type of a table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct TableType {
    /// The type of its elements.
    pub element: RefType,
    /// Whether it is indexed with 64 bits.
    pub table64: bool,
    /// Elements it starts with.
    pub minimum: u64,
    /// Elements it may grow to.
    pub maximum: Option<u64>,
}

/// The type of a linear memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct MemoryType {
    /// Whether it is indexed with 64 bits.
    pub memory64: bool,
    /// Whether threads share it.
    pub shared: bool,
    /// Pages it starts with.
    pub minimum: u64,
    /// Pages it may grow to.
    pub maximum: Option<u64>,
    /// The size of a page, as a power of two (16 but for custom page sizes).
    pub page_size_log2: u8,
}

impl MemoryType {
    /// The size of a page in bytes.
    pub fn page_size(&self) -> u64 {
        1 << self.page_size_log2
    }

    /// Bytes it starts with, if that fits in 64 bits.
    pub fn minimum_bytes(&self) -> Option<u64> {
        self.minimum.checked_mul(self.page_size())
    }

    /// Pages it can ever have, by its declared maximum and by how it is indexed.
    pub fn maximum_pages(&self) -> u64 {
        let bits = if self.memory64 { 64 } else { 32 };
        let index_limit = match bits - u32::from(self.page_size_log2) {
            64 => u64::MAX,
            // The size in pages has to fit in an index itself.
            32 if !self.memory64 => u64::from(u32::MAX),
            shift => 1 << shift,
        };
        self.maximum.unwrap_or(index_limit).min(index_limit)
    }
}

/// The type of a global.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct GlobalType {
    /// The type of its value.
    pub content: ValType,
    /// Whether it can be set.
    pub mutable: bool,
}

impl RefType {
    /// `funcref`
    pub const FUNCREF: RefType = RefType {
        nullable: true,
        heap: HeapType::Func,
    };
    /// `externref`
    pub const EXTERNREF: RefType = RefType {
        nullable: true,
        heap: HeapType::Extern,
    };
}

impl ValType {
    /// `funcref`
    pub const FUNCREF: ValType = ValType::Ref(RefType::FUNCREF);
    /// `externref`
    pub const EXTERNREF: ValType = ValType::Ref(RefType::EXTERNREF);
}

/// How a value of a reference type is represented in generated code, tables and globals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefKind {
    /// A pointer to a `VMFuncRef`, or null: 64 bits.
    Func,
    /// A reference that the garbage collector knows, or zero for null: 32 bits.
    Gc,
}

impl RefType {
    /// How a value of this type is represented. `is_func_type` says whether a concrete type
    /// is a function type.
    #[inline]
    pub fn kind(&self, is_func_type: impl Fn(ConcreteType) -> bool) -> RefKind {
        match self.heap {
            HeapType::Func | HeapType::NoFunc => RefKind::Func,
            HeapType::Concrete(ty) if is_func_type(ty) => RefKind::Func,
            _ => RefKind::Gc,
        }
    }
}

impl fmt::Display for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValType::I32 => f.write_str("i32"),
            ValType::I64 => f.write_str("i64"),
            ValType::F32 => f.write_str("f32"),
            ValType::F64 => f.write_str("f64"),
            ValType::V128 => f.write_str("v128"),
            ValType::Ref(ty) => ty.fmt(f),
        }
    }
}

impl fmt::Display for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.nullable, self.heap) {
            (true, HeapType::Func) => f.write_str("funcref"),
            (true, HeapType::Extern) => f.write_str("externref"),
            (true, heap) => write!(f, "(ref null {heap})"),
            (false, heap) => write!(f, "(ref {heap})"),
        }
    }
}

impl fmt::Display for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeapType::Func => "func",
            HeapType::NoFunc => "nofunc",
            HeapType::Extern => "extern",
            HeapType::NoExtern => "noextern",
            HeapType::Any => "any",
            HeapType::Eq => "eq",
            HeapType::I31 => "i31",
            HeapType::Struct => "struct",
            HeapType::Array => "array",
            HeapType::None => "none",
            HeapType::Exn => "exn",
            HeapType::NoExn => "noexn",
            HeapType::Concrete(ConcreteType::Module(ty)) => return write!(f, "(type {})", ty.0),
            HeapType::Concrete(ConcreteType::Group(n)) => return write!(f, "(type rec {n})"),
            HeapType::Concrete(ConcreteType::Canonical(id)) => {
                return write!(f, "(type #{})", id.0);
            }
        })
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |tys: &[ValType]| {
            tys.iter()
                .map(ValType::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        write!(f, "({}) -> ({})", list(&self.params), list(&self.results))
    }
}
