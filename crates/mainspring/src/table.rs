//! Tables.

use crate::store::{AsContext, AsContextMut, StoreOpaque};
use crate::types::{TableType, ValType};
use crate::{Ref, Result, Trap, Val, ValRaw};
use mainspring_error::{Context, bail, ensure};
use mainspring_runtime::{StoreId, TableId};

/// A table of a store.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Table {
    store: StoreId,
    id: TableId,
}

impl Table {
    /// Makes a table whose elements are all `init`.
    ///
    /// # Errors
    /// If `init` is of another type, the type of another engine, or a limit of the store is reached.
    pub fn new(store: impl AsContextMut, ty: TableType, init: Ref) -> Result<Table> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let wasm = ty.to_wasm();
        if wasm.maximum.is_some_and(|maximum| maximum < wasm.minimum) {
            bail!(
                "the table's minimum ({}) is above its maximum",
                wasm.minimum
            );
        }
        let raw = checked(store, &ty, init)?;
        let id = store.runtime.new_table(wasm, raw)?;
        Ok(Table::from_id(store, id))
    }

    /// Its type.
    ///
    /// # Panics
    /// As all methods do, if it is of another store.
    pub fn ty(&self, store: impl AsContext) -> TableType {
        let store = store.as_context();
        store.0.opaque.check(self.store);
        self.ty_in(&store.0.opaque)
    }

    pub(crate) fn ty_in(&self, store: &StoreOpaque) -> TableType {
        TableType::from_wasm(&store.engine, store.runtime.table(self.id).ty())
    }

    pub(crate) fn size_in(&self, store: &StoreOpaque) -> u64 {
        store.runtime.table(self.id).size()
    }

    /// An element; `None` if there is none at that index.
    pub fn get(&self, store: impl AsContextMut, index: u64) -> Option<Ref> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(self.store);
        let table = store.runtime.table(self.id);
        let raw = *table.elements().get(usize::try_from(index).ok()?)?;
        let ty = table.ty().element;
        // SAFETY: elements are of the table's type.
        Some(unsafe { Ref::of_raw(store, ValRaw::u64(raw), ty) })
    }

    /// Sets an element.
    ///
    /// # Errors
    /// If there is none at that index, with [`Trap::TableOutOfBounds`]; or the value is of another type.
    pub fn set(&self, store: impl AsContextMut, index: u64, value: Ref) -> Result<()> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(self.store);
        let raw = checked(store, &self.ty_in(store), value)?;
        let Some(element) = store.runtime.table_mut(self.id).change_from(index, 1) else {
            bail!(Trap::TableOutOfBounds)
        };
        element.fill(raw);
        Ok(())
    }

    /// How many elements it has.
    pub fn size(&self, store: impl AsContext) -> u64 {
        let store = store.as_context();
        store.0.opaque.check(self.store);
        self.size_in(&store.0.opaque)
    }

    /// Grows it by `delta` elements that are `init`, and returns its size before.
    ///
    /// # Errors
    /// If `init` is of another type, or its type, a limit of the store, or the system says no.
    pub fn grow(&self, store: impl AsContextMut, delta: u64, init: Ref) -> Result<u64> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(self.store);
        let raw = checked(store, &self.ty_in(store), init)?;
        store
            .runtime
            .grow_table(self.id, delta, raw)?
            .with_context(|| format!("failed to grow table by `{delta}`"))
    }

    /// Copies elements between tables, or inside of one.
    ///
    /// # Errors
    /// If the types differ, or a range is not inside.
    pub fn copy(
        store: impl AsContextMut,
        dst_table: &Table,
        dst_index: u64,
        src_table: &Table,
        src_index: u64,
        len: u64,
    ) -> Result<()> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(dst_table.store);
        store.check(src_table.store);
        let (to, from) = (dst_table.ty_in(store), src_table.ty_in(store));
        ensure!(
            from.element().matches(to.element()),
            "type mismatch: source table's element type does not match destination table's element type: expected {}, found {}",
            to.element(),
            from.element()
        );
        if !store
            .runtime
            .copy_table(dst_table.id, src_table.id, dst_index, src_index, len)
        {
            bail!(Trap::TableOutOfBounds);
        }
        Ok(())
    }

    /// Sets `len` elements from `dst` on.
    ///
    /// # Errors
    /// If the value is of another type, or the range is not inside.
    pub fn fill(&self, store: impl AsContextMut, dst: u64, value: Ref, len: u64) -> Result<()> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(self.store);
        let raw = checked(store, &self.ty_in(store), value)?;
        let Some(elements) = store.runtime.table_mut(self.id).change_from(dst, len) else {
            bail!(Trap::TableOutOfBounds)
        };
        elements.fill(raw);
        Ok(())
    }

    pub(crate) fn from_id(store: &StoreOpaque, id: TableId) -> Table {
        Table {
            store: store.id(),
            id,
        }
    }

    /// A number that no other table of the store has.
    pub fn debug_index_in_store(&self) -> u64 {
        self.id.0.into()
    }

    pub(crate) fn id(&self) -> TableId {
        self.id
    }

    pub(crate) fn store_id(&self) -> StoreId {
        self.store
    }
}

/// The raw form of a value, once it is known to fit.
fn checked(store: &StoreOpaque, ty: &TableType, value: Ref) -> Result<u64> {
    Val::from(value)
        .ensure_matches(store, &ValType::Ref(ty.element().clone()))
        .context("type mismatch: value does not match table element type")?;
    Ok(value.raw(store)?.get_u64())
}
