//! Exceptions.

use crate::gc::fields;
use crate::gc::rooted::{Rooted, gc_refs};
use crate::store::{AsContext, AsContextMut, Store, StoreContextMut, StoreOpaque};
use crate::types::{ExnType, FuncType, HeapType, TagType};
use crate::{Result, Tag, ThrownException, Val};
use mainspring_abi::gc::{EXCEPTION_TAG_AT, ObjectHeader, StructLayout};
use mainspring_error::{Context, ensure};
use mainspring_runtime::{StoreId, TagId};
use mainspring_wasm::StorageType;

gc_refs! {
    /// An exception.
    ///
    /// ```
    /// use mainspring::*;
    ///
    /// let mut store = Store::<()>::default();
    /// let ty = ExnType::new(store.engine(), [ValType::I32])?;
    /// let tag = Tag::new(&mut store, &ty.tag_type())?;
    /// let pre = ExnRefPre::new(&mut store, ty);
    /// let exception = ExnRef::new(&mut store, &pre, &tag, &[Val::I32(5)])?;
    /// assert_eq!(exception.field(&mut store, 0)?.unwrap_i32(), 5);
    /// # Ok::<(), Error>(())
    /// ```
    ExnRef: Exn;
}

/// What it takes to make exceptions of a type in a store.
#[derive(Debug)]
pub struct ExnRefPre {
    store: StoreId,
    ty: ExnType,
    /// `None` if there was no heap and none could be made.
    header: Option<ObjectHeader>,
    layout: StructLayout,
}

impl ExnRefPre {
    /// Prepares a type.
    ///
    /// # Panics
    /// If it is of another engine.
    pub fn new(store: impl AsContextMut, ty: ExnType) -> ExnRefPre {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        ty.func().declared().ensure_of(&store.engine);
        let header = store.runtime.add_object_type(ty.func().id());
        ExnRefPre {
            store: store.id(),
            layout: layout(store, &ty),
            ty,
            header: header.ok().map(|(header, _)| header),
        }
    }
}

/// Where the values are; first, the number of the tag.
fn layout(store: &StoreOpaque, ty: &ExnType) -> StructLayout {
    StructLayout::of_exception(ty.func().as_wasm(), |ty| store.engine.is_func_type(ty))
}

impl ExnRef {
    /// Makes an exception with a tag and these values.
    ///
    /// # Errors
    /// If the tag is of another type than was prepared. If the values are not as many as the type has, or of other types,
    /// or their scope has ended. If there is no room, with a
    /// [`GcHeapOutOfMemory`](crate::GcHeapOutOfMemory).
    ///
    /// # Panics
    /// If the type was prepared for another store, or the tag or a value is of one.
    pub fn new(
        store: impl AsContextMut,
        allocator: &ExnRefPre,
        tag: &Tag,
        fields: &[Val],
    ) -> Result<Rooted<ExnRef>> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(allocator.store);
        store.check(tag.store_id());
        let ty = allocator.ty.func();
        ensure!(
            FuncType::eq(tag.ty_in(store).ty(), ty),
            "the tag is of another type than the exception"
        );
        let types = &ty.as_wasm().params;
        ensure!(
            fields.len() == types.len(),
            "expected {} fields, got {}",
            types.len(),
            fields.len()
        );
        for (&ty, value) in types.iter().zip(fields) {
            value.ensure_usable(store)?;
            fields::check(store, StorageType::Val(ty), value).context("field type mismatch")?;
        }
        let header = match allocator.header {
            Some(header) => header,
            None => store.runtime.add_object_type(ty.id())?.0,
        };
        let object = store.new_object(header, 0)?;
        let heap = store.runtime.heap_mut();
        heap.store(object + EXCEPTION_TAG_AT, tag.id().0);
        let offsets = &allocator.layout.offsets[1..];
        for ((&ty, value), offset) in types.iter().zip(fields).zip(offsets) {
            let raw = fields::raw(store, value);
            fields::write(store, object + offset, StorageType::Val(ty), raw);
        }
        Ok(store.root(object))
    }

    /// Its type.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn ty(&self, store: impl AsContext) -> Result<ExnType> {
        Ok(self.resolve(&store.as_context().0.opaque)?.1)
    }

    /// Whether it is of a type.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn matches_ty(&self, store: impl AsContext, ty: &HeapType) -> Result<bool> {
        Ok(HeapType::ConcreteExn(self.ty(store)?).matches(ty))
    }

    /// Its tag.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn tag(&self, store: impl AsContextMut) -> Result<Tag> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let (object, _) = self.resolve(store)?;
        let number = store.runtime.heap_mut().load(object + EXCEPTION_TAG_AT);
        Ok(Tag::from_id(store, TagId(number)))
    }

    /// What it carries.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn fields<'a, T: 'static>(
        &'a self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> Result<impl ExactSizeIterator<Item = Val> + 'a> {
        let store = &mut store.into().0.opaque;
        let (object, ty) = self.resolve(store)?;
        let layout = layout(store, &ty);
        let all = ty.func().as_wasm().params.iter().zip(&layout.offsets[1..]);
        let values =
            all.map(|(&ty, offset)| fields::read(store, object + offset, StorageType::Val(ty)));
        Ok(values.collect::<Vec<_>>().into_iter())
    }

    /// One of the values that it carries.
    ///
    /// # Errors
    /// If there are not so many, or its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn field(&self, store: impl AsContextMut, index: usize) -> Result<Val> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let (object, ty) = self.resolve(store)?;
        let types = &ty.func().as_wasm().params;
        let field = *types.get(index).with_context(|| {
            let count = types.len();
            format!("cannot access field {index}: the exception has {count}")
        })?;
        let at = object + layout(store, &ty).offsets[index + 1];
        Ok(fields::read(store, at, StorageType::Val(field)))
    }

    fn resolve(&self, store: &StoreOpaque) -> Result<(u32, ExnType)> {
        let object = store.resolve(&self.0)?;
        // SAFETY: types stay registered as long as there are objects of them.
        let id = unsafe { store.runtime.type_of(object).id() };
        let tag = TagType::new(FuncType::from_id(&store.engine, id));
        Ok((object, ExnType::from_tag_type(&tag)?))
    }
}

impl<T: 'static> StoreContextMut<'_, T> {
    /// Has an exception wait in the store, and returns the error that stands for it. A host function that returns this error
    /// throws the exception in the wasm that called it.
    ///
    /// # Errors
    /// Always: with [`ThrownException`]. Or, if the exception's scope has ended, with another one.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn throw<R>(&mut self, exception: Rooted<ExnRef>) -> Result<R> {
        let store = &mut self.0.opaque;
        let raw = store.resolve(&exception.0)?;
        store.runtime.set_pending_exception(raw);
        Err(ThrownException.into())
    }

    /// Takes the exception that waits in the store, if there is one: the one that a call ended with whose error is
    /// [`ThrownException`].
    pub fn take_pending_exception(&mut self) -> Option<Rooted<ExnRef>> {
        let store = &mut self.0.opaque;
        let raw = store.runtime.pending_exception();
        store.runtime.set_pending_exception(0);
        (raw != 0).then(|| store.root(raw))
    }

    /// Whether an exception waits in the store.
    pub fn has_pending_exception(&self) -> bool {
        self.0.opaque.runtime.pending_exception() != 0
    }
}

impl<T: 'static> Store<T> {
    /// Like [`StoreContextMut::throw`].
    ///
    /// # Errors
    /// Always, as there.
    ///
    /// # Panics
    /// If the exception is of another store.
    pub fn throw<R>(&mut self, exception: Rooted<ExnRef>) -> Result<R> {
        self.as_context_mut().throw(exception)
    }

    /// Like [`StoreContextMut::take_pending_exception`].
    pub fn take_pending_exception(&mut self) -> Option<Rooted<ExnRef>> {
        self.as_context_mut().take_pending_exception()
    }

    /// Whether an exception waits in the store.
    pub fn has_pending_exception(&self) -> bool {
        self.as_context().0.opaque.runtime.pending_exception() != 0
    }
}
