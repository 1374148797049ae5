//! A store's objects.

use super::roots::StoreRoots;
use super::{Handle, Heap, HostValue, OutOfMemory, Shape, YOUNG};
use crate::module::Module;
use crate::store::Store;
use crate::trap::Activation;
use mainspring_abi::gc::{ObjectHeader, VMHeap};
use mainspring_error::{Context, Error, Result};
use mainspring_wasm::{CanonicalTypeId, ConcreteType, SubType, TypeAddress};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// There is no room for an object, even after a collection, and the heap may not grow.
pub struct GcHeapOutOfMemory<T> {
    inner: T,
    bytes_needed: u64,
}

impl<T> GcHeapOutOfMemory<T> {
    pub(crate) fn new(inner: T, bytes_needed: u64) -> GcHeapOutOfMemory<T> {
        GcHeapOutOfMemory {
            inner,
            bytes_needed,
        }
    }

    /// Bytes of the object that there was no room for.
    pub fn bytes_needed(&self) -> u64 {
        self.bytes_needed
    }

    /// What could not be put into the heap.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// What could not be put into the heap, and the error without it.
    pub fn take_inner(self) -> (T, GcHeapOutOfMemory<()>) {
        (self.inner, GcHeapOutOfMemory::new((), self.bytes_needed))
    }
}

impl<T> fmt::Debug for GcHeapOutOfMemory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T> fmt::Display for GcHeapOutOfMemory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes_needed;
        write!(
            f,
            "GC heap out of memory: no capacity for allocation of {bytes} bytes"
        )
    }
}

impl<T> std::error::Error for GcHeapOutOfMemory<T> {}

/// Why an object can't be made.
#[derive(Debug)]
pub enum AllocateError {
    /// No object may be as large.
    TooLarge,
    /// There is no room, or the limiter says no.
    Error(Error),
}

impl Store {
    /// Makes the heap, unless it is there.
    ///
    /// # Errors
    /// If the limiter or the system says no.
    pub fn ensure_heap(&mut self) -> Result<()> {
        if self.heap.is_some() {
            return Ok(());
        }
        if let Some(limiter) = self.limiter()
            && !limiter.memory_growing(0, YOUNG.len(), None)?
        {
            return Err(GcHeapOutOfMemory::new((), YOUNG.len() as u64))
                .context("the store's limits leave no room for objects");
        }
        let base = self.settings().types.base()?;
        let settings = self.settings().heap;
        let heap = Heap::new(settings.limit, settings.collects, base);
        let mut heap = Box::new(heap.context("cannot make the heap of a store")?);
        let mut vm = heap.vm();
        if let Some(every) = settings.zeal {
            heap.be_zealous(&mut vm, every);
        }
        self.context.vm.heap = vm;
        self.heap = Some(heap);
        Ok(())
    }

    /// The heap, if there is one.
    #[inline]
    pub fn heap(&self) -> Option<&Heap> {
        self.heap.as_deref()
    }

    /// The heap, which has to be there: whoever has a reference knows that it is.
    #[inline]
    pub fn heap_mut(&mut self) -> &mut Heap {
        self.heap.as_mut().expect("made before the first object")
    }

    /// Does something with the heap for which all that holds references has to be known.
    fn with_roots<R>(
        &mut self,
        action: impl FnOnce(&mut Heap, &mut VMHeap, &mut StoreRoots<'_>) -> R,
    ) -> (R, Option<Error>) {
        let store: *mut Store = self;
        let heap = self.heap.as_mut().expect("made before the first object");
        let vm = &mut self.context.vm;
        let mut roots = StoreRoots {
            holders: &mut self.holders,
            all_globals: &mut self.globals,
            all_tables: &mut self.tables,
            activation: Activation::innermost(vm),
            limiter: self.limiter,
            store,
            refusal: None,
        };
        let done = action(heap, &mut vm.heap, &mut roots);
        let refusal = roots.refusal;
        let dropped = heap.take_dropped();
        // Whatever their destructors do, the heap is whole.
        drop_all(dropped);
        (done, refusal)
    }

    /// Makes an object, all zero but for its header and, if it is an array, its length. Collects garbage
    /// when there is no room. What is returned is good until the next collection.
    ///
    /// # Errors
    /// If there is no room, with a [`GcHeapOutOfMemory`], or what the limiter says; if there never can be.
    pub fn allocate(&mut self, header: ObjectHeader, length: u32) -> Result<u32, AllocateError> {
        let size = self.heap_mut().size(header, length);
        let size = size.ok_or(AllocateError::TooLarge)?;
        let (made, refusal) =
            self.with_roots(|heap, vm, roots| heap.allocate(vm, header, length, roots));
        made.map_err(|OutOfMemory| {
            let full = || GcHeapOutOfMemory::new((), size.into()).into();
            AllocateError::Error(refusal.unwrap_or_else(full))
        })
    }

    /// Makes an object that stands for a value of the host's, and holds it in the innermost scope.
    ///
    /// # Errors
    /// If there is no heap and none can be made; if there is no room, the value, which comes back in a
    /// [`GcHeapOutOfMemory`]; or what the limiter says.
    pub fn new_host<T: std::any::Any + Send + Sync>(&mut self, value: T) -> Result<Handle> {
        self.ensure_heap()?;
        let (made, refusal) =
            self.with_roots(|heap, vm, roots| heap.new_host(vm, Box::new(value), roots));
        match made {
            Ok(object) => Ok(self.holders.handles.scoped(object)),
            Err(value) => Err(match (refusal, value.downcast::<T>()) {
                (Some(error), _) => error,
                (None, Ok(value)) => GcHeapOutOfMemory::new(*value, 8).into(),
                (None, Err(_)) => unreachable!("the value comes back"),
            }),
        }
    }

    /// Drops what is not reachable: among young objects, or among all.
    ///
    /// # Errors
    /// If there is too little memory to do so.
    pub fn collect(&mut self, full: bool) -> Result<()> {
        if self.heap.is_none() {
            return Ok(());
        }
        let (done, refusal) = self.with_roots(|heap, vm, roots| heap.collect(vm, full, roots));
        match (done, refusal) {
            (Ok(()), _) => Ok(()),
            (Err(OutOfMemory), Some(error)) => Err(error),
            (Err(OutOfMemory), None) => Err(GcHeapOutOfMemory::new((), 0).into()),
        }
    }

    /// Collects if the settings want that wherever it may happen.
    #[inline]
    pub fn safepoint(&mut self) {
        if self.settings().heap.stress && self.heap.is_some() {
            let full = self.heap_mut().statistics().young_collections % 3 == 2;
            // What does not fit can't be helped here; the next allocation says so.
            let _ = self.collect(full);
        }
    }

    /// Tells the collector of the types of a module of which an instance is made.
    pub(crate) fn add_shapes(&mut self, module: &Module) {
        if self
            .module_of(std::sync::Arc::as_ptr(module.code()))
            .is_some()
        {
            return;
        }
        for (ty, shape) in module.shapes() {
            self.heap_mut().add_shape(*ty, shape);
        }
    }

    /// Tells the collector of a type of which the host makes objects, and keeps it registered.
    ///
    /// # Errors
    /// If there is no heap and none can be made.
    pub fn add_object_type(
        &mut self,
        id: CanonicalTypeId,
    ) -> Result<(ObjectHeader, std::sync::Arc<SubType>)> {
        self.ensure_heap()?;
        let types = self.settings().types.clone();
        let (held, ty) = types.hold(id);
        let is_func = |ty| match ty {
            ConcreteType::Canonical(id) => types.lookup(id).as_func().is_some(),
            _ => unreachable!("the registry's types are canonical"),
        };
        let shape = Shape::of(&ty, is_func);
        self.heap_mut().add_shape(id, &shape);
        let header = ObjectHeader(held.addresses()[0].offset_from(held.base()));
        self.keep_types(id, held);
        Ok((header, ty))
    }

    /// What an object is an object of.
    pub fn type_of(&self, object: u32) -> TypeAddress {
        let heap = self.heap().expect("there are objects");
        heap.type_of(object)
    }

    /// The reference of a handle, unless its scope has ended.
    #[inline]
    pub fn reference(&self, handle: Handle) -> Option<u32> {
        self.holders.handles.get(handle)
    }

    /// The references that the host holds.
    #[inline]
    pub fn handles(&mut self) -> &mut super::Handles {
        &mut self.holders.handles
    }

    /// Whether a number is a reference to an object of this store.
    pub fn is_object(&mut self, reference: u32) -> bool {
        let heap = self.heap.as_mut();
        heap.is_some_and(|heap| heap.is_object(&self.context.vm.heap, reference))
    }

    /// The host value that a reference stands for, if it does for one.
    pub fn host_value(&self, reference: u32) -> Option<&HostValue> {
        self.heap()?.host(reference)
    }

    /// The host value that a reference stands for, if it does for one, to change.
    pub fn host_value_mut(&mut self, reference: u32) -> Option<&mut HostValue> {
        self.heap.as_mut()?.host_mut(reference)
    }
}

/// Drops values of the host's. If destructors panic, all others run before the first panic goes on: two at once would end the
/// process.
fn drop_all(values: Vec<HostValue>) {
    let mut panic = None;
    for value in values {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
            match panic {
                None => panic = Some(payload),
                // What was panicked with may have a destructor that panics, too.
                Some(_) => std::mem::forget(payload),
            }
        }
    }
    if let Some(payload) = panic {
        resume_unwind(payload);
    }
}
