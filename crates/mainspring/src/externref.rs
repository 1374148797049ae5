//! References to host values.
//!
//! A value that was put into a store stays there until the store is dropped.

use crate::store::{AsContext, AsContextMut, StoreContext, StoreContextMut, StoreOpaque};
use crate::{Ref, Result, Val};
use mainspring_runtime::StoreId;
use std::any::Any;
use std::ops::Deref;

mod sealed {
    pub trait Sealed {}
}

/// What a [`Rooted`] can refer to.
pub trait GcRef: sealed::Sealed + Copy {}

/// A reference that keeps what it refers to.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Rooted<T: GcRef>(T);

impl<T: GcRef> Deref for Rooted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: GcRef> Rooted<T> {
    /// Whether both refer to the same object.
    ///
    /// # Errors
    /// None today.
    pub fn ref_eq(
        store: impl AsContext,
        a: &impl Deref<Target = T>,
        b: &impl Deref<Target = T>,
    ) -> Result<bool>
    where
        T: PartialEq,
    {
        let _ = store;
        Ok(**a == **b)
    }
}

/// A host value that wasm can hold and pass around, but not look into.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExternRef {
    store: StoreId,
    raw: u32,
}

impl sealed::Sealed for ExternRef {}
impl GcRef for ExternRef {}

impl ExternRef {
    /// Puts a value into a store.
    ///
    /// # Errors
    /// If the store has no room for more.
    pub fn new<T: 'static + Any + Send + Sync>(
        store: impl AsContextMut,
        value: T,
    ) -> Result<Rooted<ExternRef>> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let raw = store.runtime.new_extern(Box::new(value))?;
        Ok(Rooted(ExternRef {
            store: store.id(),
            raw,
        }))
    }

    /// The value.
    ///
    /// # Errors
    /// None today.
    ///
    /// # Panics
    /// If the reference is of another store.
    pub fn data<'a, T: 'static>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
    ) -> Result<Option<&'a (dyn Any + Send + Sync)>> {
        let store = store.into();
        store.0.opaque.check(self.store);
        Ok(store.0.opaque.runtime.extern_value(self.raw))
    }

    /// The value, to change.
    ///
    /// # Errors
    /// None today.
    ///
    /// # Panics
    /// If the reference is of another store.
    pub fn data_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> Result<Option<&'a mut (dyn Any + Send + Sync)>> {
        let store = store.into();
        store.0.opaque.check(self.store);
        Ok(store.0.opaque.runtime.extern_value_mut(self.raw))
    }

    pub(crate) fn store_id(&self) -> StoreId {
        self.store
    }

    pub(crate) fn raw_of(value: Option<Rooted<ExternRef>>) -> u32 {
        value.map_or(0, |value| value.raw)
    }

    pub(crate) fn of_raw(store: &StoreOpaque, raw: u32) -> Option<Rooted<ExternRef>> {
        (raw != 0).then(|| {
            Rooted(ExternRef {
                store: store.id(),
                raw,
            })
        })
    }
}

macro_rules! future_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            _none: std::convert::Infallible,
        }

        impl sealed::Sealed for $name {}
        impl GcRef for $name {}
    )*};
}

future_types! {
    /// An internal value: a struct, an array, an integer of 31 bits. None can be made yet, so
    /// `Option<Rooted<AnyRef>>` is always null.
    AnyRef;
    /// An exception. None can be made yet, so `Option<Rooted<ExnRef>>` is always null.
    ExnRef;
}

macro_rules! bottom_types {
    ($($(#[$doc:meta])* $name:ident $null:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            _none: std::convert::Infallible,
        }

        impl $name {
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
}
