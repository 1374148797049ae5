//! Tags of exceptions.

use crate::Result;
use crate::store::{AsContext, AsContextMut, StoreOpaque};
use crate::types::{FuncType, TagType};
use mainspring_error::ensure;
use mainspring_runtime::{StoreId, TagId};

/// A tag of a store: what distinguishes one sort of exceptions from others. Each that is made is another one,
/// whatever its type.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Tag {
    store: StoreId,
    id: TagId,
}

impl Tag {
    /// Makes a tag.
    ///
    /// # Errors
    /// If the type is of another engine, or has results.
    pub fn new(store: impl AsContextMut, ty: &TagType) -> Result<Tag> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        ensure!(
            crate::Engine::same(ty.ty().engine(), &store.engine),
            "the tag's type belongs to another engine"
        );
        ensure!(
            ty.ty().results().len() == 0,
            "the type of a tag can't have results"
        );
        let id = store.runtime.add_tag(ty.ty().id());
        Ok(Tag::from_id(store, id))
    }

    /// Its type.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn ty(&self, store: impl AsContext) -> TagType {
        let store = store.as_context();
        store.0.opaque.check(self.store);
        self.ty_in(&store.0.opaque)
    }

    pub(crate) fn ty_in(&self, store: &StoreOpaque) -> TagType {
        let ty = store.runtime.tag_type(self.id);
        TagType::new(FuncType::from_id(&store.engine, ty))
    }

    /// What modules of the store call it: in a `name` section, or else by an export or an import. For messages; this is
    /// ours.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn name(&self, store: impl AsContext) -> Option<String> {
        let store = &store.as_context().0.opaque;
        store.check(self.store);
        store.runtime.tag_name(self.id)
    }

    /// Whether two are the same.
    ///
    /// # Panics
    /// If one is of another store.
    pub fn eq(a: &Tag, b: &Tag, store: impl AsContext) -> bool {
        let store = store.as_context();
        store.0.opaque.check(a.store);
        store.0.opaque.check(b.store);
        a.id == b.id
    }

    /// A number that no other tag of the store has.
    pub fn debug_index_in_store(&self) -> u64 {
        self.id.0.into()
    }

    pub(crate) fn from_id(store: &StoreOpaque, id: TagId) -> Tag {
        Tag {
            store: store.id(),
            id,
        }
    }

    pub(crate) fn id(&self) -> TagId {
        self.id
    }

    pub(crate) fn store_id(&self) -> StoreId {
        self.store
    }
}
