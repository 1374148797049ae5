//! Types as embedders see them: of values here, of functions in `func`, of tables, memories and
//! globals in `entity`.

mod entity;
mod func;

use crate::Engine;
use mainspring_wasm as wasm;
use std::fmt;

pub use entity::{ExternType, GlobalType, MemoryType, MemoryTypeBuilder, Mutability, TableType};
pub use func::{Finality, FuncType};

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

impl ValType {
    /// `externref`: a nullable reference to a host value.
    pub const EXTERNREF: Self = ValType::Ref(RefType::EXTERNREF);
    /// `nullexternref`
    pub const NULLEXTERNREF: Self = ValType::Ref(RefType::NULLEXTERNREF);
    /// `funcref`: a nullable reference to a function.
    pub const FUNCREF: Self = ValType::Ref(RefType::FUNCREF);
    /// `nullfuncref`
    pub const NULLFUNCREF: Self = ValType::Ref(RefType::NULLFUNCREF);

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

    pub(crate) fn ensure_of(&self, engine: &Engine) {
        if let ValType::Ref(RefType {
            heap_type: HeapType::ConcreteFunc(ty),
            ..
        }) = self
        {
            assert!(
                Engine::same(ty.engine(), engine),
                "the type belongs to another engine"
            );
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
    /// `externref`
    pub const EXTERNREF: Self = RefType {
        is_nullable: true,
        heap_type: HeapType::Extern,
    };
    /// `nullexternref`
    pub const NULLEXTERNREF: Self = RefType {
        is_nullable: true,
        heap_type: HeapType::NoExtern,
    };
    /// `funcref`
    pub const FUNCREF: Self = RefType {
        is_nullable: true,
        heap_type: HeapType::Func,
    };
    /// `nullfuncref`
    pub const NULLFUNCREF: Self = RefType {
        is_nullable: true,
        heap_type: HeapType::NoFunc,
    };

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

/// What a reference refers to.
#[derive(Clone, Hash)]
pub enum HeapType {
    /// Host values.
    Extern,
    /// No host value.
    NoExtern,
    /// Functions.
    Func,
    /// Functions of one type.
    ConcreteFunc(FuncType),
    /// No function.
    NoFunc,
}

impl HeapType {
    /// Whether it is `extern`.
    pub fn is_extern(&self) -> bool {
        matches!(self, HeapType::Extern)
    }

    /// Whether it is `func`.
    pub fn is_func(&self) -> bool {
        matches!(self, HeapType::Func)
    }

    /// Whether it is `nofunc`.
    pub fn is_no_func(&self) -> bool {
        matches!(self, HeapType::NoFunc)
    }

    /// Whether it is a declared type.
    pub fn is_concrete(&self) -> bool {
        matches!(self, HeapType::ConcreteFunc(_))
    }

    /// Whether it is not a declared type.
    pub fn is_abstract(&self) -> bool {
        !self.is_concrete()
    }

    /// Whether it is a declared function type.
    pub fn is_concrete_func(&self) -> bool {
        self.is_concrete()
    }

    /// The declared function type, if it is one.
    pub fn as_concrete_func(&self) -> Option<&FuncType> {
        match self {
            HeapType::ConcreteFunc(ty) => Some(ty),
            _ => None,
        }
    }

    /// The declared function type.
    ///
    /// # Panics
    /// If it is not one.
    pub fn unwrap_concrete_func(&self) -> &FuncType {
        self.as_concrete_func()
            .expect("the heap type is a declared function type")
    }

    /// Whether it is the top of its hierarchy.
    pub fn is_top(&self) -> bool {
        matches!(self, HeapType::Extern | HeapType::Func)
    }

    /// Whether it is the bottom of its hierarchy.
    pub fn is_bottom(&self) -> bool {
        matches!(self, HeapType::NoExtern | HeapType::NoFunc)
    }

    /// The top of its hierarchy.
    pub fn top(&self) -> HeapType {
        match self {
            HeapType::Extern | HeapType::NoExtern => HeapType::Extern,
            HeapType::Func | HeapType::ConcreteFunc(_) | HeapType::NoFunc => HeapType::Func,
        }
    }

    /// The bottom of its hierarchy.
    pub fn bottom(&self) -> HeapType {
        match self {
            HeapType::Extern | HeapType::NoExtern => HeapType::NoExtern,
            HeapType::Func | HeapType::ConcreteFunc(_) | HeapType::NoFunc => HeapType::NoFunc,
        }
    }

    /// Whether everything of this type is of `other` too.
    pub fn matches(&self, other: &HeapType) -> bool {
        match (self, other) {
            (HeapType::NoExtern, HeapType::NoExtern | HeapType::Extern)
            | (HeapType::Extern, HeapType::Extern) => true,
            (HeapType::NoFunc, HeapType::NoFunc | HeapType::ConcreteFunc(_) | HeapType::Func) => {
                true
            }
            (HeapType::ConcreteFunc(_) | HeapType::Func, HeapType::Func) => true,
            (HeapType::ConcreteFunc(a), HeapType::ConcreteFunc(b)) => a.matches(b),
            _ => false,
        }
    }

    /// Whether both are the same type.
    #[expect(
        clippy::should_implement_trait,
        reason = "the peer's name and signature"
    )]
    pub fn eq(a: &HeapType, b: &HeapType) -> bool {
        a.matches(b) && b.matches(a)
    }

    fn from_wasm(engine: &Engine, ty: wasm::HeapType) -> HeapType {
        match ty {
            wasm::HeapType::Extern => HeapType::Extern,
            wasm::HeapType::NoExtern => HeapType::NoExtern,
            wasm::HeapType::Func => HeapType::Func,
            wasm::HeapType::NoFunc => HeapType::NoFunc,
            wasm::HeapType::Concrete(wasm::ConcreteType::Canonical(id)) => {
                HeapType::ConcreteFunc(FuncType::from_id(engine, id))
            }
            other => unreachable!("{other} belongs to a proposal that validation refuses"),
        }
    }

    fn to_wasm(&self) -> wasm::HeapType {
        match self {
            HeapType::Extern => wasm::HeapType::Extern,
            HeapType::NoExtern => wasm::HeapType::NoExtern,
            HeapType::Func => wasm::HeapType::Func,
            HeapType::NoFunc => wasm::HeapType::NoFunc,
            HeapType::ConcreteFunc(ty) => {
                wasm::HeapType::Concrete(wasm::ConcreteType::Canonical(ty.id()))
            }
        }
    }
}

impl fmt::Display for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeapType::Extern => f.write_str("extern"),
            HeapType::NoExtern => f.write_str("noextern"),
            HeapType::Func => f.write_str("func"),
            HeapType::NoFunc => f.write_str("nofunc"),
            HeapType::ConcreteFunc(ty) => write!(f, "(concrete func {:?})", ty.id().0),
        }
    }
}

impl fmt::Debug for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<FuncType> for HeapType {
    fn from(ty: FuncType) -> HeapType {
        HeapType::ConcreteFunc(ty)
    }
}
