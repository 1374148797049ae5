//! Structs.

use crate::gc::fields;
use crate::gc::rooted::{Rooted, gc_refs};
use crate::store::{AsContext, AsContextMut, StoreContextMut, StoreOpaque};
use crate::types::StructType;
use crate::{Result, Val};
use mainspring_abi::gc::{ObjectHeader, StructLayout};
use mainspring_error::{Context, ensure};
use mainspring_runtime::StoreId;
use mainspring_wasm::{CompositeType, FieldType};

gc_refs! {
    /// A struct.
    ///
    /// ```
    /// use mainspring::*;
    ///
    /// let mut store = Store::<()>::default();
    /// let field = FieldType::new(Mutability::Var, StorageType::I8);
    /// let ty = StructType::new(store.engine(), [field])?;
    /// let pre = StructRefPre::new(&mut store, ty);
    /// let object = StructRef::new(&mut store, &pre, &[Val::I32(5)])?;
    /// object.set_field(&mut store, 0, Val::I32(-1))?;
    /// assert_eq!(object.field(&mut store, 0)?.unwrap_i32(), 255);
    /// # Ok::<(), Error>(())
    /// ```
    StructRef: Struct;
}

/// What it takes to make structs of a type in a store.
#[derive(Debug)]
pub struct StructRefPre {
    store: StoreId,
    ty: StructType,
    /// `None` if there was no heap and none could be made.
    header: Option<ObjectHeader>,
    layout: StructLayout,
}

impl StructRefPre {
    /// Prepares a type.
    ///
    /// # Panics
    /// If it is of another engine.
    pub fn new(store: impl AsContextMut, ty: StructType) -> StructRefPre {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        ty.declared().ensure_of(&store.engine);
        let header = store.runtime.add_object_type(ty.declared().id());
        StructRefPre {
            store: store.id(),
            layout: layout(store, &ty),
            ty,
            header: header.ok().map(|(header, _)| header),
        }
    }
}

fn fields_of(ty: &StructType) -> &[FieldType] {
    match ty.declared().composite() {
        CompositeType::Struct(fields) => fields,
        _ => unreachable!("the type of a struct"),
    }
}

fn layout(store: &StoreOpaque, ty: &StructType) -> StructLayout {
    StructLayout::new(fields_of(ty), |ty| store.engine.is_func_type(ty))
}

impl StructRef {
    /// Makes a struct with these fields.
    ///
    /// # Errors
    /// If the values are not as many as the type has fields, or of other types, or their
    /// scope has ended. If there is no room, with a [`GcHeapOutOfMemory`](crate::GcHeapOutOfMemory).
    ///
    /// # Panics
    /// If the type was prepared for another store, or a value is of one.
    pub fn new(
        store: impl AsContextMut,
        allocator: &StructRefPre,
        fields: &[Val],
    ) -> Result<Rooted<StructRef>> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(allocator.store);
        let types = fields_of(&allocator.ty);
        ensure!(
            fields.len() == types.len(),
            "expected {} fields, got {}",
            types.len(),
            fields.len()
        );
        for (ty, value) in types.iter().zip(fields) {
            value.ensure_usable(store)?;
            fields::check(store, ty.storage, value).context("field type mismatch")?;
        }
        let header = match allocator.header {
            Some(header) => header,
            None => {
                store
                    .runtime
                    .add_object_type(allocator.ty.declared().id())?
                    .0
            }
        };
        let object = store.new_object(header, 0)?;
        for ((ty, value), offset) in types.iter().zip(fields).zip(&allocator.layout.offsets) {
            let raw = fields::raw(store, value);
            fields::write(store, object + offset, ty.storage, raw);
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
    pub fn ty(&self, store: impl AsContext) -> Result<StructType> {
        Ok(self.resolve(&store.as_context().0.opaque)?.1)
    }

    /// Whether it is of a type.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn matches_ty(&self, store: impl AsContext, ty: &StructType) -> Result<bool> {
        Ok(self.ty(store)?.matches(ty))
    }

    /// Its fields.
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
        let offsets = layout(store, &ty).offsets;
        let all = fields_of(&ty).iter().zip(offsets);
        let values = all.map(|(field, offset)| fields::read(store, object + offset, field.storage));
        Ok(values.collect::<Vec<_>>().into_iter())
    }

    /// A field. Packed ones come zero-extended.
    ///
    /// # Errors
    /// If there is no such field, or its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn field(&self, store: impl AsContextMut, index: usize) -> Result<Val> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let (at, field) = self.place(store, index)?;
        Ok(fields::read(store, at, field.storage))
    }

    /// Sets a field. Of values for packed ones only the lower bits count.
    ///
    /// # Errors
    /// If there is no such field, or it is immutable, or the value is of another type or another store, or a scope
    /// has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn set_field(&self, store: impl AsContextMut, index: usize, value: Val) -> Result<()> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let (at, field) = self.place(store, index)?;
        ensure!(field.mutable, "cannot set field {index}: it is not mutable");
        fields::check(store, field.storage, &value)
            .with_context(|| format!("cannot set field {index}: type mismatch"))?;
        let raw = fields::raw(store, &value);
        fields::write(store, at, field.storage, raw);
        Ok(())
    }

    fn resolve(&self, store: &StoreOpaque) -> Result<(u32, StructType)> {
        let object = store.resolve(&self.0)?;
        // SAFETY: types stay registered as long as there are objects of them.
        let id = unsafe { store.runtime.type_of(object).id() };
        Ok((object, StructType::from_id(&store.engine, id)))
    }

    /// Where a field is.
    fn place(&self, store: &StoreOpaque, index: usize) -> Result<(u32, FieldType)> {
        let (object, ty) = self.resolve(store)?;
        let fields = fields_of(&ty);
        let field = fields.get(index).with_context(|| {
            let count = fields.len();
            format!("cannot access field {index}: the struct has {count}")
        })?;
        Ok((object + layout(store, &ty).offsets[index], *field))
    }
}
