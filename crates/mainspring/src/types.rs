//! Types as embedders see them: of values here, of what references refer to in `heap`, of functions in `func`,
//! of structs and arrays in `aggregate`, of tables, memories, globals and tags in `entity`.

mod aggregate;
mod declared;
mod entity;
mod exception;
mod func;
mod heap;

use crate::Engine;
use mainspring_wasm as wasm;
use std::fmt;

pub use aggregate::{ArrayType, FieldType, StorageType, StructType};
pub use declared::Finality;
pub use entity::{
    ExternType, GlobalType, MemoryType, MemoryTypeBuilder, Mutability, TableType, TagType,
};
pub use exception::ExnType;
pub use func::FuncType;
pub use heap::HeapType;

/// The type of a value.
#[derive(Clone, Hash)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// Single-precision float.
    F32,
    /// Double-precision float.
    F64,
    /// 128-bit vector.
    V128,
    /// A reference.
    Ref(RefType),
}

/// The nullable references that have a name of their own.
macro_rules! named_references {
    ($($(#[$doc:meta])* $name:ident $heap:ident;)*) => {
        impl ValType {
            $(
                $(#[$doc])*
                pub const $name: Self = ValType::Ref(RefType::$name);
            )*
        }

        impl RefType {
            $(
                $(#[$doc])*
                pub const $name: Self = RefType {
                    is_nullable: true,
                    heap_type: HeapType::$heap,
                };
            )*
        }
    };
}

named_references! {
    /// `externref`: a nullable reference to a host value.
    EXTERNREF Extern;
    /// `nullexternref`: only null.
    NULLEXTERNREF NoExtern;
    /// `funcref`: a nullable reference to a function.
    FUNCREF Func;
    /// `nullfuncref`: only null.
    NULLFUNCREF NoFunc;
    /// `anyref`: a nullable reference to an internal value.
    ANYREF Any;
    /// `eqref`: a nullable reference to an internal value that can be compared.
    EQREF Eq;
    /// `i31ref`: a nullable integer of 31 bits.
    I31REF I31;
    /// `arrayref`: a nullable reference to an array.
    ARRAYREF Array;
    /// `structref`: a nullable reference to a struct.
    STRUCTREF Struct;
    /// `nullref`: only null.
    NULLREF None;
    /// `exnref`: a nullable reference to an exception.
    EXNREF Exn;
    /// `nullexnref`: only null.
    NULLEXNREF NoExn;
}

impl ValType {
    /// Whether it is a number: `i32`, `i64`, `f32` or `f64`.
    pub fn is_num(&self) -> bool {
        matches!(
            self,
            ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64
        )
    }

    /// Whether it is `i32`.
    pub fn is_i32(&self) -> bool {
        matches!(self, ValType::I32)
    }

    /// Whether it is `i64`.
    pub fn is_i64(&self) -> bool {
        matches!(self, ValType::I64)
    }

    /// Whether it is `f32`.
    pub fn is_f32(&self) -> bool {
        matches!(self, ValType::F32)
    }

    /// Whether it is `f64`.
    pub fn is_f64(&self) -> bool {
        matches!(self, ValType::F64)
    }

    /// Whether it is `v128`.
    pub fn is_v128(&self) -> bool {
        matches!(self, ValType::V128)
    }

    /// Whether it is a reference.
    pub fn is_ref(&self) -> bool {
        matches!(self, ValType::Ref(_))
    }

    /// Whether it is `funcref`.
    pub fn is_funcref(&self) -> bool {
        matches!(
            self,
            ValType::Ref(RefType {
                is_nullable: true,
                heap_type: HeapType::Func
            })
        )
    }

    /// Whether it is `externref`.
    pub fn is_externref(&self) -> bool {
        matches!(
            self,
            ValType::Ref(RefType {
                is_nullable: true,
                heap_type: HeapType::Extern
            })
        )
    }

    /// Whether it is `anyref`.
    pub fn is_anyref(&self) -> bool {
        matches!(
            self,
            ValType::Ref(RefType {
                is_nullable: true,
                heap_type: HeapType::Any
            })
        )
    }

    /// The reference type, if it is one.
    pub fn as_ref(&self) -> Option<&RefType> {
        match self {
            ValType::Ref(ty) => Some(ty),
            _ => None,
        }
    }

    /// The reference type.
    ///
    /// # Panics
    /// If it is not one.
    pub fn unwrap_ref(&self) -> &RefType {
        self.as_ref().expect("the value type is a reference type")
    }

    /// Whether every value of this type is one of `other`.
    ///
    /// # Panics
    /// If the types are of different engines.
    pub fn matches(&self, other: &ValType) -> bool {
        match (self, other) {
            (ValType::Ref(a), ValType::Ref(b)) => a.matches(b),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// Whether both are the same type.
    ///
    /// # Panics
    /// If the types are of different engines.
    #[expect(
        clippy::should_implement_trait,
        reason = "the peer's name and signature"
    )]
    pub fn eq(a: &ValType, b: &ValType) -> bool {
        a.matches(b) && b.matches(a)
    }

    /// Zero or null, if the type has it.
    pub fn default_value(&self) -> Option<crate::Val> {
        crate::Val::default_for_ty(self)
    }

    pub(crate) fn from_wasm(engine: &Engine, ty: wasm::ValType) -> ValType {
        match ty {
            wasm::ValType::I32 => ValType::I32,
            wasm::ValType::I64 => ValType::I64,
            wasm::ValType::F32 => ValType::F32,
            wasm::ValType::F64 => ValType::F64,
            wasm::ValType::V128 => ValType::V128,
            wasm::ValType::Ref(ty) => ValType::Ref(RefType::from_wasm(engine, ty)),
        }
    }

    pub(crate) fn to_wasm(&self) -> wasm::ValType {
        match self {
            ValType::I32 => wasm::ValType::I32,
            ValType::I64 => wasm::ValType::I64,
            ValType::F32 => wasm::ValType::F32,
            ValType::F64 => wasm::ValType::F64,
            ValType::V128 => wasm::ValType::V128,
            ValType::Ref(ty) => wasm::ValType::Ref(ty.to_wasm()),
        }
    }

    /// Whether it means the same in an engine: it is one of its types, or names none.
    pub(crate) fn is_of(&self, engine: &Engine) -> bool {
        let declared = self.as_ref().and_then(|ty| ty.heap_type.declared());
        declared.is_none_or(|ty| Engine::same(ty.engine(), engine))
    }

    /// # Panics
    /// If it belongs to another engine.
    pub(crate) fn ensure_of(&self, engine: &Engine) {
        if let Some(ty) = self.as_ref().and_then(|ty| ty.heap_type.declared()) {
            ty.ensure_of(engine);
        }
    }
}

impl fmt::Display for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValType::Ref(ty) => ty.fmt(f),
            other => other.to_wasm().fmt(f),
        }
    }
}

impl fmt::Debug for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<RefType> for ValType {
    fn from(ty: RefType) -> ValType {
        ValType::Ref(ty)
    }
}

/// The type of a reference.
#[derive(Clone, Hash)]
pub struct RefType {
    is_nullable: bool,
    heap_type: HeapType,
}

impl RefType {
    /// The type of references to something.
    pub fn new(is_nullable: bool, heap_type: HeapType) -> RefType {
        RefType {
            is_nullable,
            heap_type,
        }
    }

    /// Whether null is one of its values.
    pub fn is_nullable(&self) -> bool {
        self.is_nullable
    }

    /// What it refers to.
    pub fn heap_type(&self) -> &HeapType {
        &self.heap_type
    }

    /// Whether every value of this type is one of `other`.
    pub fn matches(&self, other: &RefType) -> bool {
        (other.is_nullable || !self.is_nullable) && self.heap_type.matches(&other.heap_type)
    }

    /// Whether both are the same type.
    #[expect(
        clippy::should_implement_trait,
        reason = "the peer's name and signature"
    )]
    pub fn eq(a: &RefType, b: &RefType) -> bool {
        a.matches(b) && b.matches(a)
    }

    pub(crate) fn from_wasm(engine: &Engine, ty: wasm::RefType) -> RefType {
        RefType {
            is_nullable: ty.nullable,
            heap_type: HeapType::from_wasm(engine, ty.heap),
        }
    }

    pub(crate) fn to_wasm(&self) -> wasm::RefType {
        wasm::RefType {
            nullable: self.is_nullable,
            heap: self.heap_type.to_wasm(),
        }
    }
}

impl fmt::Display for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_nullable, &self.heap_type) {
            (true, HeapType::Func) => f.write_str("funcref"),
            (true, HeapType::Extern) => f.write_str("externref"),
            (true, heap) => write!(f, "(ref null {heap})"),
            (false, heap) => write!(f, "(ref {heap})"),
        }
    }
}

impl fmt::Debug for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
