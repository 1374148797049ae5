//! What references refer to.

use super::declared::Declared;
use super::{ArrayType, ExnType, FuncType, StructType};
use crate::Engine;
use mainspring_wasm as wasm;
use std::fmt;

/// What a reference refers to. There are four hierarchies: of functions, of host values, of internal values and of
/// exceptions.
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
    /// Internal values.
    Any,
    /// Internal values that can be compared.
    Eq,
    /// Integers of 31 bits.
    I31,
    /// Arrays.
    Array,
    /// Arrays of one type.
    ConcreteArray(ArrayType),
    /// Structs.
    Struct,
    /// Structs of one type.
    ConcreteStruct(StructType),
    /// No internal value.
    None,
    /// Exceptions.
    Exn,
    /// Exceptions of one type. Modules can't name these: where wasm's types count, it is the same as
    /// [`Exn`](Self::Exn).
    ConcreteExn(ExnType),
    /// No exception.
    NoExn,
}

macro_rules! is_one {
    ($($(#[$doc:meta])* $name:ident $variant:ident;)*) => {
        impl HeapType {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> bool {
                    matches!(self, HeapType::$variant)
                }
            )*
        }
    };
}

is_one! {
    /// Whether it is `extern`.
    is_extern Extern;
    /// Whether it is `func`.
    is_func Func;
    /// Whether it is `nofunc`.
    is_no_func NoFunc;
    /// Whether it is `any`.
    is_any Any;
    /// Whether it is `i31`.
    is_i31 I31;
    /// Whether it is `none`.
    is_none None;
    /// Whether it is `exn`.
    is_exn Exn;
    /// Whether it is `noexn`.
    is_no_exn NoExn;
}

macro_rules! concrete {
    ($($variant:ident($ty:ident) $is:ident $get:ident $unwrap:ident $words:literal;)*) => {
        impl HeapType {
            $(
                #[doc = concat!("Whether it is a declared ", $words, " type.")]
                pub fn $is(&self) -> bool {
                    self.$get().is_some()
                }

                #[doc = concat!("The declared ", $words, " type, if it is one.")]
                pub fn $get(&self) -> Option<&$ty> {
                    match self {
                        HeapType::$variant(ty) => Some(ty),
                        _ => None,
                    }
                }

                #[doc = concat!("The declared ", $words, " type.\n\n# Panics\nIf it is not one.")]
                pub fn $unwrap(&self) -> &$ty {
                    self.$get().expect(concat!("the heap type is a declared ", $words, " type"))
                }
            )*

            /// The declared type, if it is one.
            pub(super) fn declared(&self) -> Option<&Declared> {
                match self {
                    $(HeapType::$variant(ty) => Some(ty.declared()),)*
                    _ => None,
                }
            }
        }

        $(impl From<$ty> for HeapType {
            fn from(ty: $ty) -> HeapType {
                HeapType::$variant(ty)
            }
        })*
    };
}

concrete! {
    ConcreteFunc(FuncType) is_concrete_func as_concrete_func unwrap_concrete_func "function";
    ConcreteArray(ArrayType) is_concrete_array as_concrete_array unwrap_concrete_array "array";
    ConcreteStruct(StructType) is_concrete_struct as_concrete_struct unwrap_concrete_struct "struct";
}

impl HeapType {
    /// Whether it is a declared type.
    pub fn is_concrete(&self) -> bool {
        self.declared().is_some() || self.is_concrete_exn()
    }

    /// Whether it is a type of exceptions that carry certain values.
    pub fn is_concrete_exn(&self) -> bool {
        self.as_concrete_exn().is_some()
    }

    /// The type of exceptions, if it says what they carry.
    pub fn as_concrete_exn(&self) -> Option<&ExnType> {
        match self {
            HeapType::ConcreteExn(ty) => Some(ty),
            _ => None,
        }
    }

    /// Whether it is not a declared type.
    pub fn is_abstract(&self) -> bool {
        !self.is_concrete()
    }

    /// Whether it is the top of its hierarchy.
    pub fn is_top(&self) -> bool {
        use HeapType::{Any, Exn, Extern, Func};
        matches!(self, Extern | Func | Any | Exn)
    }

    /// Whether it is the bottom of its hierarchy.
    pub fn is_bottom(&self) -> bool {
        use HeapType::{NoExn, NoExtern, NoFunc, None};
        matches!(self, NoExtern | NoFunc | None | NoExn)
    }

    /// The top of its hierarchy.
    pub fn top(&self) -> HeapType {
        match self {
            HeapType::Extern | HeapType::NoExtern => HeapType::Extern,
            HeapType::Func | HeapType::ConcreteFunc(_) | HeapType::NoFunc => HeapType::Func,
            HeapType::Exn | HeapType::ConcreteExn(_) | HeapType::NoExn => HeapType::Exn,
            HeapType::Any
            | HeapType::Eq
            | HeapType::I31
            | HeapType::Array
            | HeapType::ConcreteArray(_)
            | HeapType::Struct
            | HeapType::ConcreteStruct(_)
            | HeapType::None => HeapType::Any,
        }
    }

    /// The bottom of its hierarchy.
    pub fn bottom(&self) -> HeapType {
        match self.top() {
            HeapType::Extern => HeapType::NoExtern,
            HeapType::Func => HeapType::NoFunc,
            HeapType::Exn => HeapType::NoExn,
            _ => HeapType::None,
        }
    }

    /// Whether everything of this type is of `other` too.
    ///
    /// # Panics
    /// If the types are of different engines.
    pub fn matches(&self, other: &HeapType) -> bool {
        use HeapType as H;
        match (self, other) {
            (H::ConcreteFunc(a), H::ConcreteFunc(b)) => a.matches(b),
            (H::ConcreteArray(a), H::ConcreteArray(b)) => a.matches(b),
            (H::ConcreteStruct(a), H::ConcreteStruct(b)) => a.matches(b),
            (H::ConcreteExn(a), H::ConcreteExn(b)) => a.matches(b),
            (H::ConcreteArray(_), H::Array) | (H::ConcreteStruct(_), H::Struct) => true,
            (H::I31 | H::Array | H::Struct | H::ConcreteArray(_) | H::ConcreteStruct(_), H::Eq) => {
                true
            }
            (own, other) if own.is_bottom() || other.is_top() => {
                own.top().is_same_abstract(&other.top())
            }
            (own, other) => own.is_same_abstract(other),
        }
    }

    fn is_same_abstract(&self, other: &HeapType) -> bool {
        self.is_abstract() && std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Whether both are the same type.
    ///
    /// # Panics
    /// If the types are of different engines.
    #[expect(
        clippy::should_implement_trait,
        reason = "the peer's name and signature"
    )]
    pub fn eq(a: &HeapType, b: &HeapType) -> bool {
        a.matches(b) && b.matches(a)
    }

    /// A type whose declared type, if it is one, someone holds.
    pub(crate) fn from_wasm(engine: &Engine, ty: wasm::HeapType) -> HeapType {
        match ty {
            wasm::HeapType::Extern => HeapType::Extern,
            wasm::HeapType::NoExtern => HeapType::NoExtern,
            wasm::HeapType::Func => HeapType::Func,
            wasm::HeapType::NoFunc => HeapType::NoFunc,
            wasm::HeapType::Any => HeapType::Any,
            wasm::HeapType::Eq => HeapType::Eq,
            wasm::HeapType::I31 => HeapType::I31,
            wasm::HeapType::Struct => HeapType::Struct,
            wasm::HeapType::Array => HeapType::Array,
            wasm::HeapType::None => HeapType::None,
            wasm::HeapType::Exn => HeapType::Exn,
            wasm::HeapType::NoExn => HeapType::NoExn,
            wasm::HeapType::Concrete(wasm::ConcreteType::Canonical(id)) => {
                let ty = Declared::from_id(engine, id);
                match ty.composite() {
                    wasm::CompositeType::Func(_) => FuncType::from_declared(ty).into(),
                    wasm::CompositeType::Struct(_) => StructType::from_declared(ty).into(),
                    wasm::CompositeType::Array(_) => ArrayType::from_declared(ty).into(),
                }
            }
            wasm::HeapType::Concrete(_) => unreachable!("{ty} is not canonical"),
        }
    }

    pub(super) fn to_wasm(&self) -> wasm::HeapType {
        match self {
            HeapType::Extern => wasm::HeapType::Extern,
            HeapType::NoExtern => wasm::HeapType::NoExtern,
            HeapType::Func => wasm::HeapType::Func,
            HeapType::NoFunc => wasm::HeapType::NoFunc,
            HeapType::Any => wasm::HeapType::Any,
            HeapType::Eq => wasm::HeapType::Eq,
            HeapType::I31 => wasm::HeapType::I31,
            HeapType::Struct => wasm::HeapType::Struct,
            HeapType::Array => wasm::HeapType::Array,
            HeapType::None => wasm::HeapType::None,
            HeapType::Exn | HeapType::ConcreteExn(_) => wasm::HeapType::Exn,
            HeapType::NoExn => wasm::HeapType::NoExn,
            HeapType::ConcreteFunc(_)
            | HeapType::ConcreteArray(_)
            | HeapType::ConcreteStruct(_) => {
                let ty = self.declared().expect("a declared type");
                wasm::HeapType::Concrete(wasm::ConcreteType::Canonical(ty.id()))
            }
        }
    }
}

impl From<ExnType> for HeapType {
    fn from(ty: ExnType) -> HeapType {
        HeapType::ConcreteExn(ty)
    }
}

impl fmt::Display for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeapType::ConcreteFunc(ty) => write!(f, "(concrete func {})", ty.id().0),
            HeapType::ConcreteArray(ty) => write!(f, "(concrete array {})", ty.id().0),
            HeapType::ConcreteStruct(ty) => write!(f, "(concrete struct {})", ty.id().0),
            HeapType::ConcreteExn(ty) => ty.fmt(f),
            other => other.to_wasm().fmt(f),
        }
    }
}

impl fmt::Debug for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
