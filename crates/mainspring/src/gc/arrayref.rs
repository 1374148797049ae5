//! Arrays.

use crate::gc::fields;
use crate::gc::rooted::{Rooted, gc_refs};
use crate::store::{AsContext, AsContextMut, StoreContextMut, StoreOpaque};
use crate::types::ArrayType;
use crate::{Result, Trap, Val};
use mainspring_abi::gc::{ARRAY_ELEMENTS_AT, ObjectHeader};
use mainspring_error::{Context, ensure};
use mainspring_runtime::StoreId;
use mainspring_wasm::{CompositeType, FieldType, StorageType};

gc_refs! {
    /// An array.
    ArrayRef: Array;
}

/// What it takes to make arrays of a type in a store.
#[derive(Debug)]
pub struct ArrayRefPre {
    store: StoreId,
    ty: ArrayType,
    /// `None` if there was no heap and none could be made.
    header: Option<ObjectHeader>,
}

impl ArrayRefPre {
    /// Prepares a type.
    ///
    /// # Panics
    /// If it is of another engine.
    pub fn new(store: impl AsContextMut, ty: ArrayType) -> ArrayRefPre {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        ty.declared().ensure_of(&store.engine);
        let header = store.runtime.add_object_type(ty.declared().id());
        ArrayRefPre {
            store: store.id(),
            ty,
            header: header.ok().map(|(header, _)| header),
        }
    }

    fn allocate(&self, store: &mut StoreOpaque, len: usize) -> Result<u32> {
        let header = match self.header {
            Some(header) => header,
            None => store.runtime.add_object_type(self.ty.declared().id())?.0,
        };
        let made = match u32::try_from(len) {
            Ok(len) => store.new_object(header, len),
            Err(_) => Err(Trap::AllocationTooLarge.into()),
        };
        made.with_context(|| format!("cannot make an array of {len} elements"))
    }
}

fn element_of(ty: &ArrayType) -> FieldType {
    match ty.declared().composite() {
        CompositeType::Array(element) => *element,
        _ => unreachable!("the type of an array"),
    }
}

impl ArrayRef {
    /// Makes an array of so many elements that are all `elem`.
    ///
    /// # Errors
    /// If the value is of another type, or its scope has ended. If there is no room, with a
    /// [`GcHeapOutOfMemory`](crate::GcHeapOutOfMemory); if there never can be, with [`Trap::AllocationTooLarge`].
    ///
    /// # Panics
    /// If the type was prepared for another store, or the value is of one.
    pub fn new(
        store: impl AsContextMut,
        allocator: &ArrayRefPre,
        elem: &Val,
        len: u32,
    ) -> Result<Rooted<ArrayRef>> {
        let elements = std::iter::repeat_n(elem, len as usize);
        ArrayRef::of_elements(store, allocator, std::slice::from_ref(elem), elements)
    }

    /// Makes an array of elements.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    ///
    /// # Panics
    /// If the type was prepared for another store, or a value is of one.
    pub fn new_fixed(
        store: impl AsContextMut,
        allocator: &ArrayRefPre,
        elems: &[Val],
    ) -> Result<Rooted<ArrayRef>> {
        ArrayRef::of_elements(store, allocator, elems, elems.iter())
    }

    /// Makes an array of elements, which are among some values.
    fn of_elements<'a>(
        store: impl AsContextMut,
        allocator: &ArrayRefPre,
        values: &[Val],
        elements: impl ExactSizeIterator<Item = &'a Val>,
    ) -> Result<Rooted<ArrayRef>> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(allocator.store);
        let storage = element_of(&allocator.ty).storage;
        for value in values {
            value.ensure_usable(store)?;
            fields::check(store, storage, value).context("element type mismatch")?;
        }
        let array = allocator.allocate(store, elements.len())?;
        let (size, _) = store.runtime.heap_mut().element(array);
        for (i, element) in (0..).zip(elements) {
            let raw = fields::raw(store, element);
            fields::write(store, array + ARRAY_ELEMENTS_AT + i * size, storage, raw);
        }
        Ok(store.root(array))
    }

    /// Makes an array of bytes, of a type whose elements are bytes.
    ///
    /// # Errors
    /// If its elements are others. If there is no room, with a [`GcHeapOutOfMemory`](crate::GcHeapOutOfMemory); if there never
    /// can be, with [`Trap::AllocationTooLarge`].
    ///
    /// # Panics
    /// If the type was prepared for another store.
    pub fn new_from_i8_slice(
        store: impl AsContextMut,
        allocator: &ArrayRefPre,
        data: &[u8],
    ) -> Result<Rooted<ArrayRef>> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(allocator.store);
        ensure_bytes(&allocator.ty)?;
        let array = allocator.allocate(store, data.len())?;
        let heap = store.runtime.heap_mut();
        // They fit, or there would be no array.
        heap.bytes_mut(array + ARRAY_ELEMENTS_AT, data.len() as u32)
            .copy_from_slice(data);
        Ok(store.root(array))
    }

    /// Copies an array of bytes.
    ///
    /// # Errors
    /// If its elements are others, or the lengths differ, or its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn copy_to_i8_slice(&self, store: impl AsContextMut, data: &mut [u8]) -> Result<()> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let (array, ty) = self.resolve(store)?;
        ensure_bytes(&ty)?;
        let heap = store.runtime.heap_mut();
        let len = heap.array_length(array);
        ensure!(
            len as usize == data.len(),
            "the array has {len} elements, and the slice {}",
            data.len()
        );
        data.copy_from_slice(heap.bytes(array + ARRAY_ELEMENTS_AT, len));
        Ok(())
    }

    /// Its type.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn ty(&self, store: impl AsContext) -> Result<ArrayType> {
        Ok(self.resolve(&store.as_context().0.opaque)?.1)
    }

    /// Whether it is of a type.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn matches_ty(&self, store: impl AsContext, ty: &ArrayType) -> Result<bool> {
        Ok(self.ty(store)?.matches(ty))
    }

    /// How many elements it has.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn len(&self, store: impl AsContext) -> Result<u32> {
        let store = &store.as_context().0.opaque;
        let array = store.resolve(&self.0)?;
        let heap = store.runtime.heap().expect("there are objects");
        Ok(heap.array_length(array))
    }

    /// Its elements.
    ///
    /// # Errors
    /// If its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn elems<'a, T: 'static>(
        &'a self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> Result<impl ExactSizeIterator<Item = Val> + 'a> {
        let store = &mut store.into().0.opaque;
        let (array, ty) = self.resolve(store)?;
        let heap = store.runtime.heap_mut();
        let (len, (size, _)) = (heap.array_length(array), heap.element(array));
        let places = (0..len).map(|i| array + ARRAY_ELEMENTS_AT + i * size);
        let storage = element_of(&ty).storage;
        let values = places.map(|at| fields::read(store, at, storage));
        Ok(values.collect::<Vec<_>>().into_iter())
    }

    /// An element. Packed ones come zero-extended.
    ///
    /// # Errors
    /// If there is no such element, or its scope has ended.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn get(&self, store: impl AsContextMut, index: u32) -> Result<Val> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let (at, element) = self.place(store, index)?;
        Ok(fields::read(store, at, element.storage))
    }

    /// Sets an element. Of values for packed ones only the lower bits count.
    ///
    /// # Errors
    /// If there is no such element, or elements are immutable, or the value is of another type, or a scope has ended.
    ///
    /// # Panics
    /// If it or the value is of another store.
    pub fn set(&self, store: impl AsContextMut, index: u32, value: Val) -> Result<()> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        let (at, element) = self.place(store, index)?;
        ensure!(
            element.mutable,
            "cannot set element {index}: elements are not mutable"
        );
        value.ensure_usable(store)?;
        fields::check(store, element.storage, &value)
            .with_context(|| format!("cannot set element {index}: type mismatch"))?;
        let raw = fields::raw(store, &value);
        fields::write(store, at, element.storage, raw);
        Ok(())
    }

    fn resolve(&self, store: &StoreOpaque) -> Result<(u32, ArrayType)> {
        let array = store.resolve(&self.0)?;
        // SAFETY: types stay registered as long as there are objects of them.
        let id = unsafe { store.runtime.type_of(array).id() };
        Ok((array, ArrayType::from_id(&store.engine, id)))
    }

    /// Where an element is.
    fn place(&self, store: &StoreOpaque, index: u32) -> Result<(u32, FieldType)> {
        let (array, ty) = self.resolve(store)?;
        let heap = store.runtime.heap().expect("there are objects");
        let (len, (size, _)) = (heap.array_length(array), heap.element(array));
        ensure!(
            index < len,
            "index out of bounds: there is no element {index}, the array has {len}"
        );
        Ok((array + ARRAY_ELEMENTS_AT + index * size, element_of(&ty)))
    }
}

fn ensure_bytes(ty: &ArrayType) -> Result<()> {
    let storage = element_of(ty).storage;
    ensure!(
        storage == StorageType::I8,
        "element type mismatch: the elements are bytes, those of {ty} are not"
    );
    Ok(())
}
