//! Names for references that a store holds for the host.

use crate::Result;
use crate::store::{AsContext, AsContextMut, StoreContext, StoreContextMut, StoreOpaque};
use crate::types::HeapType;
use mainspring_error::{Error, bail};
use mainspring_runtime::StoreId;
use mainspring_runtime::gc::{Handle, Scope};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// Where a store holds a reference.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RootIndex {
    store: StoreId,
    handle: Handle,
}

pub(crate) mod sealed {
    use super::RootIndex;
    use mainspring_wasm as wasm;

    /// # Safety
    /// The type must be a [`RootIndex`], transparently.
    pub unsafe trait GcRefImpl: Send + Sync + Sized {
        /// The type of all such references, and the like of it without null.
        const HEAP: wasm::HeapType;
        fn index(&self) -> &RootIndex;
    }

    pub trait RootedGcRefImpl<T> {}
}

/// What a [`Rooted`] can refer to.
pub trait GcRef: sealed::GcRefImpl {}

impl<T: sealed::GcRefImpl> GcRef for T {}

/// Defines types of references.
macro_rules! gc_refs {
    ($($(#[$doc:meta])* $name:ident: $heap:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        #[repr(transparent)]
        pub struct $name(crate::gc::rooted::RootIndex);

        // SAFETY: just declared so.
        unsafe impl crate::gc::rooted::sealed::GcRefImpl for $name {
            const HEAP: mainspring_wasm::HeapType = mainspring_wasm::HeapType::$heap;

            fn index(&self) -> &crate::gc::rooted::RootIndex {
                &self.0
            }
        }
    )*};
}
pub(crate) use gc_refs;

/// A reference, [`Rooted`] or [`OwnedRooted`].
pub trait RootedGcRef<T: GcRef>: sealed::RootedGcRefImpl<T> + Deref<Target = T> {}

impl<T: GcRef, U: sealed::RootedGcRefImpl<T> + Deref<Target = T>> RootedGcRef<T> for U {}

/// A reference that keeps what it refers to, up to the end of the scope that it was made in.
///
/// The innermost scope is that of the call of the host function which is running, or one that a [`RootScope`] began.
/// Outside of all scopes it is the store: what is not to stay so long has to be put into a scope.
/// Using a reference whose scope has ended is an error. One that outlives its scope is made by
/// [`to_owned_rooted`](Self::to_owned_rooted).
#[repr(transparent)]
pub struct Rooted<T: GcRef> {
    index: RootIndex,
    _type: PhantomData<fn() -> T>,
}

impl<T: GcRef> Clone for Rooted<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: GcRef> Copy for Rooted<T> {}

impl<T: GcRef> fmt::Debug for Rooted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rooted").field(&self.index).finish()
    }
}

impl<T: GcRef> Deref for Rooted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: references are such an index, transparently.
        unsafe { &*(&raw const self.index).cast() }
    }
}

impl<T: GcRef> sealed::RootedGcRefImpl<T> for Rooted<T> {}

impl<T: GcRef> Rooted<T> {
    /// Whether both refer to the same object.
    ///
    /// # Errors
    /// If the scope of one has ended.
    ///
    /// # Panics
    /// If one is of another store.
    pub fn ref_eq(
        store: impl AsContext,
        a: &impl RootedGcRef<T>,
        b: &impl RootedGcRef<T>,
    ) -> Result<bool> {
        let store = &store.as_context().0.opaque;
        Ok(store.resolve(a.index())? == store.resolve(b.index())?)
    }

    /// Hashes which object it refers to. The hash is another one after a collection.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn ref_hash<H: Hasher>(&self, store: impl AsContext, state: &mut H) -> Result<()> {
        let store = &store.as_context().0.opaque;
        store.resolve(self.index())?.hash(state);
        Ok(())
    }

    /// Whether both are the same name. Different names may refer to the same object.
    pub fn rooted_eq(a: Self, b: Self) -> bool {
        a.index == b.index
    }

    /// Hashes which name it is.
    pub fn rooted_hash<H: Hasher>(&self, state: &mut H) {
        self.index.hash(state);
    }

    /// The same reference, in no scope.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn to_owned_rooted(&self, store: impl AsContextMut) -> Result<OwnedRooted<T>> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let raw = store.resolve(self.index())?;
        Ok(store.root_owned(raw))
    }

    /// The same reference as one of another type that it is of.
    pub(crate) fn cast<U: GcRef>(self) -> Rooted<U> {
        Rooted::at(self.index)
    }

    /// What is held somewhere, which is of the type.
    pub(super) fn at(index: RootIndex) -> Rooted<T> {
        Rooted {
            index,
            _type: PhantomData,
        }
    }
}

/// A reference that keeps what it refers to as long as it, or a clone of it, lives.
pub struct OwnedRooted<T: GcRef> {
    index: RootIndex,
    keep: Arc<()>,
    _type: PhantomData<fn() -> T>,
}

impl<T: GcRef> Clone for OwnedRooted<T> {
    fn clone(&self) -> Self {
        OwnedRooted {
            index: self.index,
            keep: self.keep.clone(),
            _type: PhantomData,
        }
    }
}

impl<T: GcRef> fmt::Debug for OwnedRooted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedRooted").field(&self.index).finish()
    }
}

impl<T: GcRef> Deref for OwnedRooted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: references are such an index, transparently.
        unsafe { &*(&raw const self.index).cast() }
    }
}

impl<T: GcRef> sealed::RootedGcRefImpl<T> for OwnedRooted<T> {}

impl<T: GcRef> OwnedRooted<T> {
    /// Whether both refer to the same object.
    ///
    /// # Errors
    /// If the scope of one has ended.
    ///
    /// # Panics
    /// If one is of another store.
    pub fn ref_eq(
        store: impl AsContext,
        a: &impl RootedGcRef<T>,
        b: &impl RootedGcRef<T>,
    ) -> Result<bool> {
        Rooted::ref_eq(store, a, b)
    }

    /// Hashes which object it refers to. The hash is another one after a collection.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn ref_hash<H: Hasher>(&self, store: impl AsContext, state: &mut H) {
        let store = &store.as_context().0.opaque;
        let raw = store.resolve(self.index()).expect("owned references stay");
        raw.hash(state);
    }

    /// Hashes which name it is.
    pub fn rooted_hash<H: Hasher>(&self, state: &mut H) {
        self.index.hash(state);
    }

    /// The same reference, in the innermost scope.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn to_rooted(&self, store: impl AsContextMut) -> Rooted<T> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let raw = store.resolve(self.index()).expect("owned references stay");
        store.root(raw)
    }

    /// The same reference as one of another type that it is of.
    pub(crate) fn cast<U: GcRef>(self) -> OwnedRooted<U> {
        OwnedRooted {
            index: self.index,
            keep: self.keep,
            _type: PhantomData,
        }
    }
}

/// Why a reference can't be used.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Obstacle {
    OtherStore,
    Unrooted,
}

impl Obstacle {
    /// The error, with what is said of values of another store.
    #[cold]
    pub(crate) fn error(self, other_store: &'static str) -> Error {
        match self {
            Obstacle::OtherStore => Error::msg(other_store),
            Obstacle::Unrooted => Error::msg(UNROOTED),
        }
    }
}

const UNROOTED: &str =
    "the scope that a reference was rooted in has ended, and with it what the reference kept";

impl StoreOpaque {
    /// Holds a reference, which is not null and of that type, in the innermost scope.
    #[inline]
    pub(crate) fn root<T: GcRef>(&mut self, raw: u32) -> Rooted<T> {
        debug_assert_ne!(raw, 0);
        let handle = self.runtime.handles().scoped(raw);
        Rooted {
            index: self.root_index(handle),
            _type: PhantomData,
        }
    }

    pub(crate) fn rooted_at<T: GcRef>(&self, handle: Handle) -> Rooted<T> {
        Rooted {
            index: self.root_index(handle),
            _type: PhantomData,
        }
    }

    pub(crate) fn root_owned<T: GcRef>(&mut self, raw: u32) -> OwnedRooted<T> {
        let (handle, keep) = self.runtime.handles().owned(raw);
        OwnedRooted {
            index: self.root_index(handle),
            keep,
            _type: PhantomData,
        }
    }

    fn root_index(&self, handle: Handle) -> RootIndex {
        let store = self.id();
        RootIndex { store, handle }
    }

    /// What is in the way of using a reference.
    #[inline]
    pub(crate) fn obstacle(&self, index: &RootIndex) -> Option<Obstacle> {
        if index.store != self.id() {
            return Some(Obstacle::OtherStore);
        }
        match self.runtime.reference(index.handle) {
            Some(_) => None,
            None => Some(Obstacle::Unrooted),
        }
    }

    /// The reference itself, good until the next collection. Never null.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    #[inline]
    pub(crate) fn resolve(&self, index: &RootIndex) -> Result<u32> {
        self.check(index.store);
        match self.runtime.reference(index.handle) {
            Some(raw) => Ok(raw),
            None => bail!(UNROOTED),
        }
    }

    /// The reference itself, where it was checked that there is no obstacle.
    #[inline]
    pub(crate) fn resolved(&self, index: &RootIndex) -> u32 {
        let raw = self.runtime.reference(index.handle);
        raw.expect("checked to be rooted")
    }
}

/// A scope for references: those that are made with it as the store end with it.
///
/// ```
/// use mainspring::*;
///
/// let mut store = Store::<()>::default();
/// let value;
/// {
///     let mut scope = RootScope::new(&mut store);
///     value = ExternRef::new(&mut scope, 5)?;
///     assert!(value.data(&scope)?.is_some());
/// }
/// assert!(value.data(&store).is_err());
/// # Ok::<(), Error>(())
/// ```
pub struct RootScope<C: AsContextMut> {
    store: C,
    /// Always there, but while it is dropped.
    scope: Option<Scope>,
}

impl<C: AsContextMut> RootScope<C> {
    /// Begins a scope.
    pub fn new(store: C) -> RootScope<C> {
        let mut store = store;
        let scope = store.as_context_mut().0.opaque.runtime.handles().enter();
        RootScope {
            store,
            scope: Some(scope),
        }
    }

    /// Makes room for more references.
    pub fn reserve(&mut self, more: usize) {
        let store = &mut self.store.as_context_mut().0.opaque;
        store.runtime.handles().reserve(more);
    }
}

impl<C: AsContextMut> Drop for RootScope<C> {
    fn drop(&mut self) {
        let scope = self.scope.take().expect("dropped once");
        let store = &mut self.store.as_context_mut().0.opaque;
        store.runtime.handles().leave(scope);
    }
}

impl<C: AsContextMut> AsContext for RootScope<C> {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, C::Data> {
        self.store.as_context()
    }
}

impl<C: AsContextMut> AsContextMut for RootScope<C> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        self.store.as_context_mut()
    }
}

impl<C: AsContextMut> fmt::Debug for RootScope<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootScope").finish_non_exhaustive()
    }
}

/// Conversions to types further up.
macro_rules! upcasts {
    ($($from:ident => $($to:ident $name:ident),*;)*) => {$(
        impl Rooted<$from> {
            $(
                #[doc = concat!("The same reference as [`", stringify!($to), "`].")]
                pub fn $name(self) -> Rooted<$to> {
                    self.cast()
                }
            )*
        }

        impl OwnedRooted<$from> {
            $(
                #[doc = concat!("The same reference as [`", stringify!($to), "`].")]
                pub fn $name(self) -> OwnedRooted<$to> {
                    self.cast()
                }
            )*
        }

        $(
            impl From<Rooted<$from>> for Rooted<$to> {
                fn from(value: Rooted<$from>) -> Self {
                    value.cast()
                }
            }

            impl From<OwnedRooted<$from>> for OwnedRooted<$to> {
                fn from(value: OwnedRooted<$from>) -> Self {
                    value.cast()
                }
            }
        )*
    )*};
}

use crate::gc::{AnyRef, ArrayRef, EqRef, StructRef};
upcasts! {
    EqRef => AnyRef to_anyref;
    StructRef => EqRef to_eqref, AnyRef to_anyref;
    ArrayRef => EqRef to_eqref, AnyRef to_anyref;
}

impl StoreOpaque {
    /// The most exact type of a reference that is not null, of the hierarchy `top`.
    pub(crate) fn type_of_reference(&self, raw: u32, top: &HeapType) -> HeapType {
        use crate::types::{ArrayType, StructType};
        use mainspring_wasm::TypeAddress;
        if matches!(top, HeapType::Extern | HeapType::Exn) {
            return top.clone();
        }
        if raw & 1 != 0 {
            return HeapType::I31;
        }
        let ty = self.runtime.type_of(raw);
        // SAFETY: types stay registered as long as there are objects of them.
        let (kind, id) = unsafe { (ty.kind(), ty.id()) };
        match kind {
            TypeAddress::STRUCT => HeapType::ConcreteStruct(StructType::from_id(&self.engine, id)),
            TypeAddress::ARRAY => HeapType::ConcreteArray(ArrayType::from_id(&self.engine, id)),
            _ => HeapType::Any,
        }
    }
}
