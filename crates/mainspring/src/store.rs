//! Stores, and the ways to pass them around.

use crate::call::CallTypes;
use crate::{Engine, Module, Result};
use mainspring_runtime as runtime;
use mainspring_runtime::gc::{GcHeapOutOfMemory, GcStatistics};
use mainspring_runtime::{ResourceLimiter, StoreId};
use std::mem::ManuallyDrop;

/// Owner of instances and everything they are made of, with data of the embedder's.
///
/// Objects in a store live until the store is dropped. All other objects of the API are handles into
/// one; using one with another store panics.
pub struct Store<T: 'static> {
    inner: ManuallyDrop<Box<StoreInner<T>>>,
}

/// What does not depend on the embedder's data. The runtime's store comes first, so that a way back
/// from it exists.
#[repr(C)]
pub(crate) struct StoreOpaque {
    pub runtime: runtime::Store,
    pub engine: Engine,
    /// The module of each instance, by its id.
    pub modules: Vec<Module>,
    pub call_types: CallTypes,
}

#[repr(C)]
pub(crate) struct StoreInner<T: 'static> {
    pub opaque: StoreOpaque,
    limiter: Option<LimiterCallback<T>>,
    pub data: T,
}

type LimiterCallback<T> = Box<dyn (FnMut(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync>;

impl StoreOpaque {
    pub fn id(&self) -> StoreId {
        self.runtime.id()
    }

    /// # Panics
    /// If the id is that of another store.
    #[inline]
    pub fn check(&self, id: StoreId) {
        if id != self.id() {
            wrong_store();
        }
    }
}

impl StoreOpaque {
    pub fn gc_heap_capacity(&self) -> usize {
        self.runtime.heap().map_or(0, |heap| heap.capacity())
    }

    pub fn gc_statistics(&self) -> GcStatistics {
        let heap = self.runtime.heap();
        heap.map_or_else(GcStatistics::default, |heap| heap.statistics())
    }
}

#[cold]
pub(crate) fn wrong_store() -> ! {
    panic!("object used with the wrong store");
}

impl<T: 'static> Store<T> {
    /// Makes a store with data of the embedder's.
    pub fn new(engine: &Engine, data: T) -> Store<T> {
        let runtime = runtime::Store::new(engine.store_settings().clone());
        let mut inner = Box::new(StoreInner {
            opaque: StoreOpaque {
                runtime,
                engine: engine.clone(),
                modules: Vec::new(),
                call_types: CallTypes::default(),
            },
            limiter: None,
            data,
        });
        inner.opaque.runtime.settle();
        Store {
            inner: ManuallyDrop::new(inner),
        }
    }

    /// Like [`new`](Self::new).
    ///
    /// # Errors
    /// None today: what a store needs is allocated as it is used.
    pub fn try_new(engine: &Engine, data: T) -> Result<Store<T>> {
        Ok(Store::new(engine, data))
    }

    /// The embedder's data.
    pub fn data(&self) -> &T {
        &self.inner.data
    }

    /// The embedder's data, to change.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.inner.data
    }

    /// Ends the store and gives the embedder's data back.
    pub fn into_data(mut self) -> T {
        // SAFETY: `self` is forgotten right after, so the box is taken only once.
        let inner = unsafe { ManuallyDrop::take(&mut self.inner) };
        std::mem::forget(self);
        inner.data
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.inner.opaque.engine
    }

    /// Collects garbage: drops what no reference leads to, host values among them. That happens by itself when there
    /// is need. `why` is the error that made it necessary, if one did.
    ///
    /// # Errors
    /// If there is too little memory to do so, or objects take more than they may afterwards.
    pub fn gc(&mut self, why: Option<&GcHeapOutOfMemory<()>>) -> Result<()> {
        StoreContextMut(&mut self.inner).gc(why)
    }

    /// Bytes of memory that objects take, new ones included, or may take without asking a limiter. 0 if there were none yet.
    pub fn gc_heap_capacity(&self) -> usize {
        self.inner.opaque.gc_heap_capacity()
    }

    /// What the collector has done in this store so far, how long that took and how much memory objects did. All
    /// is 0 if there were none yet.
    pub fn gc_statistics(&self) -> GcStatistics {
        self.inner.opaque.gc_statistics()
    }

    /// Sets who decides about growth in this store.
    pub fn limiter(
        &mut self,
        limiter: impl (FnMut(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync + 'static,
    ) {
        self.inner.limiter = Some(Box::new(limiter));
        // SAFETY: the accessor is for stores of this `T`, and the callback stays set from now on.
        unsafe {
            self.inner
                .opaque
                .runtime
                .set_limiter(Some(find_limiter::<T>))
        };
    }
}

/// Finds the embedder's limiter, given the runtime's store.
///
/// # Safety
/// The store must be the first field of a `StoreInner<T>` with a limiter.
unsafe fn find_limiter<T: 'static>(store: *mut runtime::Store) -> *mut dyn ResourceLimiter {
    // SAFETY: the caller's promise. Only fields outside of the runtime's store are borrowed.
    let (limiter, data) = unsafe {
        (
            &mut (*store.cast::<StoreInner<T>>()).limiter,
            &mut (*store.cast::<StoreInner<T>>()).data,
        )
    };
    limiter.as_mut().expect("set together with this accessor")(data)
}

impl<T: 'static> Drop for Store<T> {
    fn drop(&mut self) {
        // SAFETY: dropped once, here.
        unsafe { ManuallyDrop::drop(&mut self.inner) }
    }
}

impl<T: Default> Default for Store<T> {
    fn default() -> Store<T> {
        Store::new(&Engine::default(), T::default())
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("data", self.data())
            .finish_non_exhaustive()
    }
}

/// A store, borrowed.
#[repr(transparent)]
pub struct StoreContext<'a, T: 'static>(pub(crate) &'a StoreInner<T>);

/// A store, borrowed exclusively.
#[repr(transparent)]
pub struct StoreContextMut<'a, T: 'static>(pub(crate) &'a mut StoreInner<T>);

impl<'a, T> StoreContext<'a, T> {
    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.0.opaque.engine
    }

    /// The embedder's data.
    pub fn data(&self) -> &'a T {
        &self.0.data
    }
}

impl<'a, T> StoreContextMut<'a, T> {
    /// Collects garbage: see [`Store::gc`].
    ///
    /// # Errors
    /// As for [`Store::gc`].
    pub fn gc(&mut self, why: Option<&GcHeapOutOfMemory<()>>) -> Result<()> {
        let _ = why;
        self.0.opaque.runtime.collect(true)
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.0.opaque.engine
    }

    /// The embedder's data.
    pub fn data(&self) -> &T {
        &self.0.data
    }

    /// The embedder's data, to change.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.0.data
    }
}

/// What a store can be borrowed from.
pub trait AsContext {
    /// The embedder's data.
    type Data: 'static;

    /// Borrows the store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// What a store can be borrowed from exclusively.
pub trait AsContextMut: AsContext {
    /// Borrows the store.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data>;
}

impl<T: 'static> AsContext for Store<T> {
    type Data = T;

    #[inline]
    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(&self.inner)
    }
}

impl<T: 'static> AsContextMut for Store<T> {
    #[inline]
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(&mut self.inner)
    }
}

impl<T: 'static> AsContext for StoreContext<'_, T> {
    type Data = T;

    #[inline]
    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.0)
    }
}

impl<T: 'static> AsContext for StoreContextMut<'_, T> {
    type Data = T;

    #[inline]
    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.0)
    }
}

impl<T: 'static> AsContextMut for StoreContextMut<'_, T> {
    #[inline]
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self.0)
    }
}

impl<T: AsContext> AsContext for &'_ T {
    type Data = T::Data;

    #[inline]
    fn as_context(&self) -> StoreContext<'_, T::Data> {
        T::as_context(*self)
    }
}

impl<T: AsContext> AsContext for &'_ mut T {
    type Data = T::Data;

    #[inline]
    fn as_context(&self) -> StoreContext<'_, T::Data> {
        T::as_context(*self)
    }
}

impl<T: AsContextMut> AsContextMut for &'_ mut T {
    #[inline]
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T::Data> {
        T::as_context_mut(*self)
    }
}

impl<'a, T: AsContext> From<&'a T> for StoreContext<'a, T::Data> {
    fn from(store: &'a T) -> StoreContext<'a, T::Data> {
        store.as_context()
    }
}

impl<'a, T: AsContext> From<&'a mut T> for StoreContext<'a, T::Data> {
    fn from(store: &'a mut T) -> StoreContext<'a, T::Data> {
        T::as_context(store)
    }
}

impl<'a, T: AsContextMut> From<&'a mut T> for StoreContextMut<'a, T::Data> {
    fn from(store: &'a mut T) -> StoreContextMut<'a, T::Data> {
        store.as_context_mut()
    }
}

impl<'a, T: 'static> From<StoreContextMut<'a, T>> for StoreContext<'a, T> {
    fn from(store: StoreContextMut<'a, T>) -> StoreContext<'a, T> {
        StoreContext(store.0)
    }
}
