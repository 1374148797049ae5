//! Values whose types are known at run time.

use crate::gc::rooted::sealed::GcRefImpl as _;
use crate::gc::{AnyRef, ArrayRef, EqRef, ExnRef, ExternRef, GcRef, Obstacle, Rooted, StructRef};
use crate::store::{AsContext, AsContextMut, StoreOpaque, wrong_store};
use crate::types::{HeapType, RefType, ValType};
use crate::{Func, Result};
use mainspring_error::ensure;
use mainspring_runtime::ValRaw;
use mainspring_wasm as wasm;

/// A 128-bit vector.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[repr(transparent)]
pub struct V128(u128);

impl V128 {
    /// Its bits, as they lie in memory, little-endian.
    #[inline]
    pub fn as_u128(&self) -> u128 {
        self.0
    }
}

impl From<u128> for V128 {
    fn from(bits: u128) -> V128 {
        V128(bits)
    }
}

impl From<V128> for u128 {
    fn from(vector: V128) -> u128 {
        vector.0
    }
}

/// A wasm value. Floats are kept as bits, so that NaNs keep theirs.
#[derive(Clone, Copy, Debug)]
pub enum Val {
    /// A 32-bit integer.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
    /// The bits of a single-precision float.
    F32(u32),
    /// The bits of a double-precision float.
    F64(u64),
    /// A 128-bit vector.
    V128(V128),
    /// A function, or null.
    FuncRef(Option<Func>),
    /// A host value, or null.
    ExternRef(Option<Rooted<ExternRef>>),
    /// An internal value, or null.
    AnyRef(Option<Rooted<AnyRef>>),
    /// An exception, or null.
    ExnRef(Option<Rooted<ExnRef>>),
    /// A continuation, of which there are none: programs that match all values name it.
    ContRef(ContRef),
}

/// A continuation. There are none, as stack switching is not supported.
#[derive(Clone, Copy, Debug)]
pub enum ContRef {}

macro_rules! val_accessors {
    ($($variant:ident($binding:ident) $get:ident $unwrap:ident -> $ty:ty = $value:expr;)*) => {$(
        #[doc = concat!("The value, if it is [`Val::", stringify!($variant), "`].")]
        pub fn $get(&self) -> Option<$ty> {
            match self {
                Val::$variant($binding) => Some($value),
                _ => None,
            }
        }

        #[doc = concat!("The value, which must be [`Val::", stringify!($variant), "`].\n\n# Panics\nIf it is not.")]
        pub fn $unwrap(&self) -> $ty {
            self.$get().expect(concat!("expected ", stringify!($get)))
        }
    )*};
}

impl Val {
    val_accessors! {
        I32(x) i32 unwrap_i32 -> i32 = *x;
        I64(x) i64 unwrap_i64 -> i64 = *x;
        F32(x) f32 unwrap_f32 -> f32 = f32::from_bits(*x);
        F64(x) f64 unwrap_f64 -> f64 = f64::from_bits(*x);
        V128(x) v128 unwrap_v128 -> V128 = *x;
    }

    /// The function or null, if it is a function reference.
    pub fn func_ref(&self) -> Option<Option<&Func>> {
        match self {
            Val::FuncRef(func) => Some(func.as_ref()),
            _ => None,
        }
    }

    /// Like [`func_ref`](Self::func_ref).
    pub fn funcref(&self) -> Option<Option<&Func>> {
        self.func_ref()
    }

    /// The function or null.
    ///
    /// # Panics
    /// If it is not a function reference.
    pub fn unwrap_func_ref(&self) -> Option<&Func> {
        self.func_ref().expect("expected func_ref")
    }

    /// Like [`unwrap_func_ref`](Self::unwrap_func_ref).
    pub fn unwrap_funcref(&self) -> Option<&Func> {
        self.unwrap_func_ref()
    }

    /// The host value or null, if it is an external reference.
    pub fn extern_ref(&self) -> Option<Option<&Rooted<ExternRef>>> {
        match self {
            Val::ExternRef(value) => Some(value.as_ref()),
            _ => None,
        }
    }

    /// Like [`extern_ref`](Self::extern_ref).
    pub fn externref(&self) -> Option<Option<&Rooted<ExternRef>>> {
        self.extern_ref()
    }

    /// The host value or null.
    ///
    /// # Panics
    /// If it is not an external reference.
    pub fn unwrap_extern_ref(&self) -> Option<&Rooted<ExternRef>> {
        self.extern_ref().expect("expected extern_ref")
    }

    /// Like [`unwrap_extern_ref`](Self::unwrap_extern_ref).
    pub fn unwrap_externref(&self) -> Option<&Rooted<ExternRef>> {
        self.unwrap_extern_ref()
    }

    /// The internal value or null, if it is a reference of that hierarchy.
    pub fn any_ref(&self) -> Option<Option<&Rooted<AnyRef>>> {
        match self {
            Val::AnyRef(value) => Some(value.as_ref()),
            _ => None,
        }
    }

    /// Like [`any_ref`](Self::any_ref).
    pub fn anyref(&self) -> Option<Option<&Rooted<AnyRef>>> {
        self.any_ref()
    }

    /// The internal value or null.
    ///
    /// # Panics
    /// If it is not a reference of that hierarchy.
    pub fn unwrap_any_ref(&self) -> Option<&Rooted<AnyRef>> {
        self.any_ref().expect("expected any_ref")
    }

    /// Like [`unwrap_any_ref`](Self::unwrap_any_ref).
    pub fn unwrap_anyref(&self) -> Option<&Rooted<AnyRef>> {
        self.unwrap_any_ref()
    }

    /// The exception or null, if it is a reference of that hierarchy.
    pub fn exnref(&self) -> Option<Option<&Rooted<ExnRef>>> {
        match self {
            Val::ExnRef(value) => Some(value.as_ref()),
            _ => None,
        }
    }

    /// The exception or null.
    ///
    /// # Panics
    /// If it is not a reference of that hierarchy.
    pub fn unwrap_exnref(&self) -> Option<&Rooted<ExnRef>> {
        self.exnref().expect("expected exnref")
    }

    /// The null reference to an internal value.
    pub const fn null_any_ref() -> Val {
        Val::AnyRef(None)
    }

    /// The null function reference.
    pub const fn null_func_ref() -> Val {
        Val::FuncRef(None)
    }

    /// The null external reference.
    pub const fn null_extern_ref() -> Val {
        Val::ExternRef(None)
    }

    /// The null of the hierarchy that a heap type is in.
    pub fn null_ref(heap_type: &HeapType) -> Val {
        Ref::null(heap_type).into()
    }

    /// Zero or null of a type, if it has it.
    pub fn default_for_ty(ty: &ValType) -> Option<Val> {
        Some(match ty {
            ValType::I32 => Val::I32(0),
            ValType::I64 => Val::I64(0),
            ValType::F32 => Val::F32(0),
            ValType::F64 => Val::F64(0),
            ValType::V128 => Val::V128(V128(0)),
            ValType::Ref(ty) if ty.is_nullable() => Val::null_ref(ty.heap_type()),
            ValType::Ref(_) => return None,
        })
    }

    /// The value as a reference, if it is one.
    pub fn ref_(self) -> Option<Ref> {
        match self {
            Val::FuncRef(func) => Some(Ref::Func(func)),
            Val::ExternRef(value) => Some(Ref::Extern(value)),
            Val::AnyRef(value) => Some(Ref::Any(value)),
            Val::ExnRef(value) => Some(Ref::Exn(value)),
            _ => None,
        }
    }

    /// Its most exact type.
    ///
    /// # Errors
    /// If it is a reference whose scope has ended.
    ///
    /// # Panics
    /// If it is a reference of another store.
    pub fn ty(&self, store: impl AsContext) -> Result<ValType> {
        let store = &store.as_context().0.opaque;
        self.ensure_usable(store)?;
        self.ty_in(store)
    }

    pub(crate) fn ty_in(&self, store: &StoreOpaque) -> Result<ValType> {
        Ok(match self {
            Val::I32(_) => ValType::I32,
            Val::I64(_) => ValType::I64,
            Val::F32(_) => ValType::F32,
            Val::F64(_) => ValType::F64,
            Val::V128(_) => ValType::V128,
            Val::FuncRef(None) => ValType::NULLFUNCREF,
            Val::FuncRef(Some(func)) => {
                RefType::new(false, HeapType::ConcreteFunc(func.ty_in(store))).into()
            }
            Val::ExternRef(None) => ValType::NULLEXTERNREF,
            Val::ExternRef(Some(_)) => RefType::new(false, HeapType::Extern).into(),
            Val::AnyRef(None) => ValType::NULLREF,
            Val::AnyRef(Some(value)) => {
                let raw = store.resolve(value.index())?;
                let heap = store.type_of_reference(raw, &HeapType::Any);
                RefType::new(false, heap).into()
            }
            Val::ExnRef(None) => ValType::NULLEXNREF,
            Val::ExnRef(Some(_)) => RefType::new(false, HeapType::Exn).into(),
            Val::ContRef(none) => match *none {},
        })
    }

    /// Whether it is a value of a type.
    ///
    /// # Errors
    /// If it is a reference whose scope has ended.
    ///
    /// # Panics
    /// If it is a reference of another store, or the type of another engine.
    pub fn matches_ty(&self, store: impl AsContext, ty: &ValType) -> Result<bool> {
        let store = &store.as_context().0.opaque;
        ty.ensure_of(&store.engine);
        self.ensure_usable(store)?;
        self.matches_ty_in(store, ty)
    }

    /// # Errors
    /// If it is a reference whose scope has ended.
    ///
    /// # Panics
    /// If it is a reference of another store.
    pub(crate) fn ensure_usable(&self, store: &StoreOpaque) -> Result<()> {
        match self.obstacle(store) {
            None => Ok(()),
            Some(Obstacle::OtherStore) => wrong_store(),
            Some(unrooted) => Err(unrooted.error("")),
        }
    }

    pub(crate) fn matches_ty_in(&self, store: &StoreOpaque, ty: &ValType) -> Result<bool> {
        Ok(match (self, ty) {
            (Val::I32(_), ValType::I32) | (Val::I64(_), ValType::I64) => true,
            (Val::F32(_), ValType::F32)
            | (Val::F64(_), ValType::F64)
            | (Val::V128(_), ValType::V128) => true,
            (_, ValType::Ref(_)) => self.ty_in(store)?.matches(ty),
            _ => false,
        })
    }

    /// Checks that it is a value of a type, that it is of this store, and the type of its engine.
    pub(crate) fn ensure_matches(&self, store: &StoreOpaque, ty: &ValType) -> Result<()> {
        if let Some(obstacle) = self.obstacle(store) {
            return Err(obstacle
                .error("value used with wrong store: cross-`Store` values are not supported"));
        }
        ensure!(ty.is_of(&store.engine), "type used with wrong engine");
        let found = self.ty_in(store)?;
        ensure!(
            found.matches(ty),
            "type mismatch: expected {ty}, found {found}"
        );
        Ok(())
    }

    /// Like [`ensure_matches`](Self::ensure_matches), with the common cases decided without the type registry.
    #[inline]
    pub(crate) fn ensure_of_wasm(&self, store: &StoreOpaque, ty: wasm::ValType) -> Result<()> {
        let plain = match (self, ty) {
            (Val::I32(_), wasm::ValType::I32) | (Val::I64(_), wasm::ValType::I64) => true,
            (Val::F32(_), wasm::ValType::F32) | (Val::F64(_), wasm::ValType::F64) => true,
            (Val::V128(_), wasm::ValType::V128) => true,
            (_, wasm::ValType::Ref(ty)) => {
                let of_hierarchy = matches!(
                    (self, ty.heap),
                    (Val::FuncRef(_), wasm::HeapType::Func)
                        | (Val::ExternRef(_), wasm::HeapType::Extern)
                        | (Val::AnyRef(_), wasm::HeapType::Any)
                );
                of_hierarchy && ty.nullable && self.obstacle(store).is_none()
            }
            _ => false,
        };
        if plain {
            return Ok(());
        }
        self.ensure_matches(store, &ValType::from_wasm(&store.engine, ty))
    }

    /// What is in the way of using it in a store.
    pub(crate) fn obstacle(&self, store: &StoreOpaque) -> Option<Obstacle> {
        match self {
            Val::FuncRef(Some(func)) if func.store_id() != store.id() => Some(Obstacle::OtherStore),
            Val::ExternRef(Some(value)) => store.obstacle(value.index()),
            Val::AnyRef(Some(value)) => store.obstacle(value.index()),
            Val::ExnRef(Some(value)) => store.obstacle(value.index()),
            _ => None,
        }
    }

    /// Its untyped form, which, if it is a reference to an object, is good until the next collection.
    ///
    /// # Errors
    /// If it is a reference whose scope has ended.
    ///
    /// # Panics
    /// If it is a reference to an object of another store.
    pub fn to_raw(&self, store: impl AsContextMut) -> Result<ValRaw> {
        let mut store = store;
        self.raw(&store.as_context_mut().0.opaque)
    }

    #[inline]
    pub(crate) fn raw(&self, store: &StoreOpaque) -> Result<ValRaw> {
        Ok(match self {
            Val::I32(x) => ValRaw::i32(*x),
            Val::I64(x) => ValRaw::i64(*x),
            Val::F32(x) => ValRaw::f32(*x),
            Val::F64(x) => ValRaw::f64(*x),
            Val::V128(x) => ValRaw::v128(x.0),
            Val::FuncRef(func) => ValRaw::funcref(Func::raw_of(*func)),
            Val::ExternRef(Some(value)) => ValRaw::externref(store.resolve(value.index())?),
            Val::AnyRef(Some(value)) => ValRaw::anyref(store.resolve(value.index())?),
            Val::ExnRef(Some(value)) => ValRaw::exnref(store.resolve(value.index())?),
            Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => ValRaw::null(),
            Val::ContRef(none) => match *none {},
        })
    }

    /// The value of a type that an untyped form holds.
    ///
    /// # Panics
    /// If the type is of another engine.
    ///
    /// # Safety
    /// It must hold a value of that type, of this store.
    pub unsafe fn from_raw(store: impl AsContextMut, raw: ValRaw, ty: ValType) -> Val {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        ty.ensure_of(&store.engine);
        // SAFETY: the caller's promise.
        unsafe { Val::of_raw(store, raw, ty.to_wasm()) }
    }

    /// # Safety
    /// As for [`from_raw`](Self::from_raw).
    #[inline]
    pub(crate) unsafe fn of_raw(store: &mut StoreOpaque, raw: ValRaw, ty: wasm::ValType) -> Val {
        match ty {
            wasm::ValType::I32 => Val::I32(raw.get_i32()),
            wasm::ValType::I64 => Val::I64(raw.get_i64()),
            wasm::ValType::F32 => Val::F32(raw.get_f32()),
            wasm::ValType::F64 => Val::F64(raw.get_f64()),
            wasm::ValType::V128 => Val::V128(V128(raw.get_v128())),
            // SAFETY: the caller's promise.
            wasm::ValType::Ref(ty) => unsafe { Ref::of_raw(store, raw, ty) }.into(),
        }
    }
}

macro_rules! conversions {
    ($($from:ty => |$x:ident| $val:expr;)*) => {$(
        impl From<$from> for Val {
            fn from($x: $from) -> Val {
                $val
            }
        }
    )*};
}

conversions! {
    i32 => |x| Val::I32(x);
    i64 => |x| Val::I64(x);
    f32 => |x| Val::F32(x.to_bits());
    f64 => |x| Val::F64(x.to_bits());
    u128 => |x| Val::V128(V128(x));
    V128 => |x| Val::V128(x);
    Func => |x| Val::FuncRef(Some(x));
    Option<Func> => |x| Val::FuncRef(x);
    Rooted<ExternRef> => |x| Val::ExternRef(Some(x));
    Option<Rooted<ExternRef>> => |x| Val::ExternRef(x);
    Rooted<AnyRef> => |x| Val::AnyRef(Some(x));
    Option<Rooted<AnyRef>> => |x| Val::AnyRef(x);
    Rooted<ExnRef> => |x| Val::ExnRef(Some(x));
    Option<Rooted<ExnRef>> => |x| Val::ExnRef(x);
    Ref => |x| match x {
        Ref::Func(func) => Val::FuncRef(func),
        Ref::Extern(value) => Val::ExternRef(value),
        Ref::Any(value) => Val::AnyRef(value),
        Ref::Exn(value) => Val::ExnRef(value),
    };
}

/// A reference.
#[derive(Clone, Copy, Debug)]
pub enum Ref {
    /// A function, or null.
    Func(Option<Func>),
    /// A host value, or null.
    Extern(Option<Rooted<ExternRef>>),
    /// An internal value, or null.
    Any(Option<Rooted<AnyRef>>),
    /// An exception, or null.
    Exn(Option<Rooted<ExnRef>>),
}

impl Ref {
    /// The null of the hierarchy that a heap type is in.
    pub fn null(heap_type: &HeapType) -> Ref {
        match heap_type.top() {
            HeapType::Extern => Ref::Extern(None),
            HeapType::Func => Ref::Func(None),
            HeapType::Exn => Ref::Exn(None),
            _ => Ref::Any(None),
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        use Ref::{Any, Exn, Extern, Func};
        matches!(self, Func(None) | Extern(None) | Any(None) | Exn(None))
    }

    /// Whether it is not null.
    pub fn is_non_null(&self) -> bool {
        !self.is_null()
    }

    /// Whether it is of the function hierarchy.
    pub fn is_func(&self) -> bool {
        matches!(self, Ref::Func(_))
    }

    /// Whether it is of the host hierarchy.
    pub fn is_extern(&self) -> bool {
        matches!(self, Ref::Extern(_))
    }

    /// Whether it is of the hierarchy of internal values.
    pub fn is_any(&self) -> bool {
        matches!(self, Ref::Any(_))
    }

    /// Whether it is of the hierarchy of exceptions.
    pub fn is_exn(&self) -> bool {
        matches!(self, Ref::Exn(_))
    }

    /// The function or null, if it is of the function hierarchy.
    pub fn as_func(&self) -> Option<Option<&Func>> {
        match self {
            Ref::Func(func) => Some(func.as_ref()),
            _ => None,
        }
    }

    /// The function or null.
    ///
    /// # Panics
    /// If it is not of the function hierarchy.
    pub fn unwrap_func(&self) -> Option<&Func> {
        self.as_func()
            .expect("Ref::unwrap_func on a reference of another hierarchy")
    }

    /// The host value or null, if it is of the host hierarchy.
    pub fn as_extern(&self) -> Option<Option<&Rooted<ExternRef>>> {
        match self {
            Ref::Extern(value) => Some(value.as_ref()),
            _ => None,
        }
    }

    /// The host value or null.
    ///
    /// # Panics
    /// If it is not of the host hierarchy.
    pub fn unwrap_extern(&self) -> Option<&Rooted<ExternRef>> {
        self.as_extern()
            .expect("Ref::unwrap_extern on a reference of another hierarchy")
    }

    /// The internal value or null, if it is of that hierarchy.
    pub fn as_any(&self) -> Option<Option<&Rooted<AnyRef>>> {
        match self {
            Ref::Any(value) => Some(value.as_ref()),
            _ => None,
        }
    }

    /// The internal value or null.
    ///
    /// # Panics
    /// If it is not of that hierarchy.
    pub fn unwrap_any(&self) -> Option<&Rooted<AnyRef>> {
        self.as_any()
            .expect("Ref::unwrap_any on a reference of another hierarchy")
    }

    /// The exception or null, if it is of that hierarchy.
    pub fn as_exn(&self) -> Option<Option<&Rooted<ExnRef>>> {
        match self {
            Ref::Exn(value) => Some(value.as_ref()),
            _ => None,
        }
    }

    /// The exception or null.
    ///
    /// # Panics
    /// If it is not of that hierarchy.
    pub fn unwrap_exn(&self) -> Option<&Rooted<ExnRef>> {
        self.as_exn()
            .expect("Ref::unwrap_exn on a reference of another hierarchy")
    }

    /// Its most exact type.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn ty(&self, store: impl AsContext) -> Result<RefType> {
        match Val::from(*self).ty(store)? {
            ValType::Ref(ty) => Ok(ty),
            _ => unreachable!("references have reference types"),
        }
    }

    /// Whether it is a value of a type.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store, or the type of another engine.
    pub fn matches_ty(&self, store: impl AsContext, ty: &RefType) -> Result<bool> {
        Val::from(*self).matches_ty(store, &ValType::Ref(ty.clone()))
    }

    /// # Safety
    /// It must hold a value of that type, of this store.
    pub(crate) unsafe fn of_raw(store: &mut StoreOpaque, raw: ValRaw, ty: wasm::RefType) -> Ref {
        use wasm::HeapType as H;
        fn root<T: GcRef>(store: &mut StoreOpaque, raw: ValRaw) -> Option<Rooted<T>> {
            let raw = raw.get_u32();
            (raw != 0).then(|| store.root(raw))
        }
        match ty.heap {
            H::Extern | H::NoExtern => Ref::Extern(root(store, raw)),
            H::Exn | H::NoExn => Ref::Exn(root(store, raw)),
            _ if ty.kind(|ty| store.engine.is_func_type(ty)) == wasm::RefKind::Func => {
                // SAFETY: the caller's promise.
                Ref::Func(unsafe { Func::of_raw(store, raw.get_funcref()) })
            }
            _ => Ref::Any(root(store, raw)),
        }
    }

    pub(crate) fn raw(self, store: &StoreOpaque) -> Result<ValRaw> {
        Val::from(self).raw(store)
    }
}

/// References of types further down.
macro_rules! internal_references {
    ($($name:ident)*) => {$(
        impl From<Rooted<$name>> for Ref {
            fn from(value: Rooted<$name>) -> Ref {
                Ref::Any(Some(value.cast()))
            }
        }

        impl From<Option<Rooted<$name>>> for Ref {
            fn from(value: Option<Rooted<$name>>) -> Ref {
                Ref::Any(value.map(Rooted::cast))
            }
        }

        impl From<Rooted<$name>> for Val {
            fn from(value: Rooted<$name>) -> Val {
                Val::AnyRef(Some(value.cast()))
            }
        }

        impl From<Option<Rooted<$name>>> for Val {
            fn from(value: Option<Rooted<$name>>) -> Val {
                Val::AnyRef(value.map(Rooted::cast))
            }
        }
    )*};
}

internal_references! { EqRef StructRef ArrayRef }

impl From<Func> for Ref {
    fn from(func: Func) -> Ref {
        Ref::Func(Some(func))
    }
}

impl From<Option<Func>> for Ref {
    fn from(func: Option<Func>) -> Ref {
        Ref::Func(func)
    }
}

impl From<Rooted<ExternRef>> for Ref {
    fn from(value: Rooted<ExternRef>) -> Ref {
        Ref::Extern(Some(value))
    }
}

impl From<Rooted<AnyRef>> for Ref {
    fn from(value: Rooted<AnyRef>) -> Ref {
        Ref::Any(Some(value))
    }
}

impl From<Option<Rooted<AnyRef>>> for Ref {
    fn from(value: Option<Rooted<AnyRef>>) -> Ref {
        Ref::Any(value)
    }
}

impl From<Rooted<ExnRef>> for Ref {
    fn from(value: Rooted<ExnRef>) -> Ref {
        Ref::Exn(Some(value))
    }
}

impl From<Option<Rooted<ExnRef>>> for Ref {
    fn from(value: Option<Rooted<ExnRef>>) -> Ref {
        Ref::Exn(value)
    }
}

impl From<Option<Rooted<ExternRef>>> for Ref {
    fn from(value: Option<Rooted<ExternRef>>) -> Ref {
        Ref::Extern(value)
    }
}
