//! References to internal values.

use crate::Result;
use crate::gc::rooted::{Rooted, gc_refs, sealed::GcRefImpl};
use crate::gc::{ArrayRef, ExternRef, I31, StructRef};
use crate::store::{AsContext, AsContextMut, StoreOpaque};
use crate::types::HeapType;
use mainspring_wasm::TypeAddress;

gc_refs! {
    /// An internal value: a struct, an array, an integer of 31 bits, or a host value that was made one.
    AnyRef: Any;
    /// An internal value that can be compared: a struct, an array, or an integer of 31 bits.
    EqRef: Eq;
}

impl AnyRef {
    /// A host value, made an internal one: what `any.convert_extern` does.
    ///
    /// # Errors
    /// If the scope of the reference has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn convert_extern(
        store: impl AsContextMut,
        externref: Rooted<ExternRef>,
    ) -> Result<Rooted<AnyRef>> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let raw = store.resolve(externref.index())?;
        Ok(store.root(raw))
    }

    /// Whether it can be compared: it is a struct, an array or an integer.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn is_eqref(&self, store: impl AsContext) -> Result<bool> {
        let store = &store.as_context().0.opaque;
        let raw = store.resolve(&self.0)?;
        Ok(raw & 1 != 0 || kind_of(store, raw) >= TypeAddress::STRUCT)
    }

    /// The reference as one to what can be compared, if it is.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn as_eqref(&self, store: impl AsContextMut) -> Result<Option<Rooted<EqRef>>> {
        let mut store = store;
        if !self.is_eqref(&store)? {
            return Ok(None);
        }
        let store = &mut store.as_context_mut().0.opaque;
        let raw = store.resolve(&self.0)?;
        Ok(Some(store.root(raw)))
    }

    /// The reference as one to what can be compared.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is not, or of another store.
    pub fn unwrap_eqref(&self, store: impl AsContextMut) -> Result<Rooted<EqRef>> {
        Ok(self
            .as_eqref(store)?
            .expect("AnyRef::unwrap_eqref on what is no eqref"))
    }
}

/// The kind of an object's type.
pub(super) fn kind_of(store: &StoreOpaque, object: u32) -> u32 {
    // SAFETY: types stay registered as long as there are objects of them.
    unsafe { store.runtime.type_of(object).kind() }
}

/// What internal values of more than one kind have in common.
macro_rules! of_several_kinds {
    ($($name:ident)*) => {$(
        impl $name {
            /// Makes a reference that stands for an integer.
            pub fn from_i31(store: impl AsContextMut, value: I31) -> Rooted<Self> {
                let mut store = store;
                let store = &mut store.as_context_mut().0.opaque;
                store.root(value.to_reference())
            }

            /// Its most exact type.
            ///
            /// # Errors
            /// If its scope has ended.
            ///
            /// # Panics
            /// If it is of another store.
            pub fn ty(&self, store: impl AsContext) -> Result<HeapType> {
                let store = &store.as_context().0.opaque;
                let raw = store.resolve(&self.0)?;
                Ok(store.type_of_reference(raw, &HeapType::Any))
            }

            /// Whether it is of a type.
            ///
            /// # Errors
            /// If its scope has ended.
            ///
            /// # Panics
            /// If it is of another store.
            pub fn matches_ty(&self, store: impl AsContext, ty: &HeapType) -> Result<bool> {
                Ok(self.ty(store)?.matches(ty))
            }

            /// Whether it is an integer.
            ///
            /// # Errors
            /// If its scope has ended.
            ///
            /// # Panics
            /// If it is of another store.
            pub fn is_i31(&self, store: impl AsContext) -> Result<bool> {
                Ok(self.as_i31(store)?.is_some())
            }

            /// The integer, if it is one.
            ///
            /// # Errors
            /// If its scope has ended.
            ///
            /// # Panics
            /// If it is of another store.
            pub fn as_i31(&self, store: impl AsContext) -> Result<Option<I31>> {
                let raw = store.as_context().0.opaque.resolve(&self.0)?;
                Ok(I31::of_reference(raw))
            }

            /// The integer.
            ///
            /// # Errors
            /// If its scope has ended.
            ///
            /// # Panics
            /// If it is none, or of another store.
            pub fn unwrap_i31(&self, store: impl AsContext) -> Result<I31> {
                Ok(self.as_i31(store)?.expect("unwrap_i31 on what is no i31"))
            }
        }
    )*};
}

of_several_kinds! { AnyRef EqRef }

/// Conversions to types further down.
macro_rules! downcasts {
    ($($from:ident: $to:ident $kind:ident $is:ident $as:ident $unwrap:ident;)*) => {$(
        impl $from {
            #[doc = concat!("Whether it is a [`", stringify!($to), "`].")]
            ///
            /// # Errors
            /// If its scope has ended.
            ///
            /// # Panics
            /// If it is of another store.
            pub fn $is(&self, store: impl AsContext) -> Result<bool> {
                let store = &store.as_context().0.opaque;
                let raw = store.resolve(&self.0)?;
                Ok(raw & 1 == 0 && kind_of(store, raw) == TypeAddress::$kind)
            }

            #[doc = concat!("The reference as a [`", stringify!($to), "`], if it is one. It is in the same scope.")]
            ///
            /// # Errors
            /// If its scope has ended.
            ///
            /// # Panics
            /// If it is of another store.
            pub fn $as(&self, store: impl AsContext) -> Result<Option<Rooted<$to>>> {
                Ok(self.$is(store)?.then(|| Rooted::at(self.0)))
            }

            #[doc = concat!("The reference as a [`", stringify!($to), "`]. It is in the same scope.")]
            ///
            /// # Errors
            /// If its scope has ended.
            ///
            /// # Panics
            /// If it is none, or of another store.
            pub fn $unwrap(&self, store: impl AsContext) -> Result<Rooted<$to>> {
                Ok(self.$as(store)?.expect(concat!(stringify!($unwrap), " on what is none")))
            }
        }
    )*};
}

downcasts! {
    AnyRef: StructRef STRUCT is_struct as_struct unwrap_struct;
    AnyRef: ArrayRef ARRAY is_array as_array unwrap_array;
    EqRef: StructRef STRUCT is_struct as_struct unwrap_struct;
    EqRef: ArrayRef ARRAY is_array as_array unwrap_array;
}
