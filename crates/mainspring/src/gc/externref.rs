//! References to host values.

use crate::gc::anyref::kind_of;
use crate::gc::rooted::{Rooted, gc_refs, sealed::GcRefImpl};
use crate::gc::{AnyRef, ExnRef};
use crate::store::{AsContextMut, StoreContext, StoreContextMut, StoreOpaque};
use crate::{Ref, Result, Val};
use mainspring_wasm::TypeAddress;
use std::any::Any;

gc_refs! {
    /// A host value that wasm can hold and pass around, but not look into. Or an internal value that was made one.
    ///
    /// The value is dropped when nothing refers to it anymore and the garbage collector has found that out.
    ///
    /// ```
    /// use mainspring::*;
    ///
    /// let mut store = Store::<()>::default();
    /// let value = ExternRef::new(&mut store, String::from("hello"))?;
    /// let data = value.data(&store)?.unwrap();
    /// assert_eq!(data.downcast_ref::<String>().unwrap(), "hello");
    /// # Ok::<(), Error>(())
    /// ```
    ExternRef: Extern;
}

impl ExternRef {
    /// Puts a value into a store.
    ///
    /// # Errors
    /// If the store has no room for it, with a [`GcHeapOutOfMemory`](crate::GcHeapOutOfMemory) that has the value.
    pub fn new<T: 'static + Any + Send + Sync>(
        store: impl AsContextMut,
        value: T,
    ) -> Result<Rooted<ExternRef>> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let handle = store.runtime.new_host(value)?;
        Ok(store.rooted_at(handle))
    }

    /// An internal value, made one of the host's: what `extern.convert_any` does.
    ///
    /// # Errors
    /// If the scope of the reference has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn convert_any(
        store: impl AsContextMut,
        anyref: Rooted<AnyRef>,
    ) -> Result<Rooted<ExternRef>> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let raw = store.resolve(anyref.index())?;
        Ok(store.root(raw))
    }

    /// The value; `None` if it is an internal value that was made one of the host's.
    ///
    /// # Errors
    /// If the scope of the reference has ended.
    ///
    /// # Panics
    /// If the reference is of another store.
    pub fn data<'a, T: 'static>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
    ) -> Result<Option<&'a (dyn Any + Send + Sync)>> {
        let store = &store.into().0.opaque;
        let raw = store.resolve(&self.0)?;
        Ok(store.runtime.host_value(raw).map(|value| &**value as _))
    }

    /// The value, to change.
    ///
    /// # Errors
    /// If the scope of the reference has ended.
    ///
    /// # Panics
    /// If the reference is of another store.
    pub fn data_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> Result<Option<&'a mut (dyn Any + Send + Sync)>> {
        let store = &mut store.into().0.opaque;
        let raw = store.resolve(&self.0)?;
        let value = store.runtime.host_value_mut(raw);
        Ok(value.map(|value| &mut **value as _))
    }
}

/// Whether a number is a reference of a store: to an exception, or to anything else, which may be external as well as
/// internal.
fn is_reference(store: &mut StoreOpaque, raw: u32, exceptions: bool) -> bool {
    if raw & 1 != 0 {
        // An `i31`.
        return !exceptions;
    }
    store.runtime.is_object(raw) && (kind_of(store, raw) == TypeAddress::FUNC) == exceptions
}

/// Untyped forms of references.
macro_rules! raw_forms {
    ($($name:ident: $exceptions:literal,)*) => {$(
        impl $name {
            /// The reference that an untyped form is of; `None` for null, and for what is no reference of this type and
            /// of this store. A form that is older than the last collection may be taken for another object's.
            pub fn from_raw(store: impl AsContextMut, raw: u32) -> Option<Rooted<$name>> {
                let mut store = store;
                let store = &mut store.as_context_mut().0.opaque;
                is_reference(store, raw, $exceptions).then(|| store.root(raw))
            }

            /// Its untyped form, good until the next collection.
            ///
            /// # Errors
            /// If the scope of the reference has ended.
            ///
            /// # Panics
            /// If it is of another store.
            pub fn to_raw(&self, store: impl AsContextMut) -> Result<u32> {
                let mut store = store;
                store.as_context_mut().0.opaque.resolve(self.index())
            }
        }
    )*};
}

raw_forms! { ExternRef: false, AnyRef: false, ExnRef: true, }

macro_rules! bottom_types {
    ($($(#[$doc:meta])* $name:ident $null:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            _none: std::convert::Infallible,
        }

        impl $name {
            /// What follows from there being one.
            pub(crate) fn never<T>(self) -> T {
                match self._none {}
            }

            /// The null reference.
            pub fn null() -> Option<$name> {
                None
            }

            /// The null reference.
            pub fn null_ref() -> Ref {
                Ref::$null(None)
            }

            /// The null reference.
            pub fn null_val() -> Val {
                Ref::$null(None).into()
            }
        }
    )*};
}

bottom_types! {
    /// The type of which no host value is: `Option<NoExtern>` is always null.
    NoExtern Extern;
    /// The type of which no function is: `Option<NoFunc>` is always null.
    NoFunc Func;
    /// The type of which no internal value is: `Option<NoneRef>` is always null.
    NoneRef Any;
}
