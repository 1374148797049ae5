//! Globals.

use crate::store::{AsContext, AsContextMut, StoreOpaque};
use crate::types::GlobalType;
use crate::{Result, Val};
use mainspring_error::{Context, bail};
use mainspring_runtime::{GlobalId, StoreId};

/// A global variable of a store.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Global {
    store: StoreId,
    id: GlobalId,
}

impl Global {
    /// Makes a global.
    ///
    /// # Errors
    /// If the value is of another type, or the type of another engine.
    pub fn new(store: impl AsContextMut, ty: GlobalType, val: Val) -> Result<Global> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        val.ensure_matches(store, ty.content()).context(
            "type mismatch: initial value provided does not match the type of this global",
        )?;
        let raw = val.raw(store)?;
        let id = store.runtime.new_global(ty.to_wasm(), raw);
        Ok(Global::from_id(store, id))
    }

    /// Its type.
    ///
    /// # Panics
    /// As all methods do, if it is of another store.
    pub fn ty(&self, store: impl AsContext) -> GlobalType {
        let store = store.as_context();
        store.0.opaque.check(self.store);
        self.ty_in(&store.0.opaque)
    }

    pub(crate) fn ty_in(&self, store: &StoreOpaque) -> GlobalType {
        GlobalType::from_wasm(&store.engine, store.runtime.global(self.id).ty())
    }

    /// Its value.
    pub fn get(&self, store: impl AsContextMut) -> Val {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(self.store);
        let global = store.runtime.global(self.id);
        let (raw, ty) = (global.get(), global.ty().content);
        // SAFETY: it holds a value of its type.
        unsafe { Val::of_raw(store, raw, ty) }
    }

    /// Sets its value.
    ///
    /// # Errors
    /// If it is immutable, or the value is of another type.
    pub fn set(&self, store: impl AsContextMut, val: Val) -> Result<()> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(self.store);
        let ty = self.ty_in(store);
        if ty.mutability().is_const() {
            bail!("immutable global cannot be set");
        }
        val.ensure_matches(store, ty.content())
            .context("type mismatch: attempt to set global to value of wrong type")?;
        let raw = val.raw(store)?;
        store.runtime.global_mut(self.id).set(raw);
        Ok(())
    }

    pub(crate) fn from_id(store: &StoreOpaque, id: GlobalId) -> Global {
        Global {
            store: store.id(),
            id,
        }
    }

    /// A number that no other global of the store has.
    pub fn debug_index_in_store(&self) -> u64 {
        self.id.0.into()
    }

    pub(crate) fn id(&self) -> GlobalId {
        self.id
    }

    pub(crate) fn store_id(&self) -> StoreId {
        self.store
    }
}
