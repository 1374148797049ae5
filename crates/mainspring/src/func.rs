//! Functions, of wasm's or of the host's.

use crate::call::{call_registers, call_slots};
use crate::host::{Caller, IntoFunc, new_dynamic, new_unchecked};
use crate::store::{AsContext, AsContextMut, StoreOpaque};
use crate::typed::{TypedFunc, WasmParams, WasmResults};
use crate::types::FuncType;
use crate::{Result, Val, ValRaw};
use mainspring_abi::VMFuncRef;
use mainspring_error::{Context, bail};
use mainspring_runtime::StoreId;
use mainspring_wasm::CanonicalTypeId;
use smallvec::{SmallVec, smallvec};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// A function of a store.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Func {
    store: StoreId,
    func_ref: NonNull<VMFuncRef>,
}

// SAFETY: a name for a function of a store; using it takes the store.
unsafe impl Send for Func {}
// SAFETY: as above.
unsafe impl Sync for Func {}

impl Func {
    /// Makes a host function of a type that is known at run time.
    ///
    /// The closure gets the arguments, of the types in `ty`, and sets the results. Results of other
    /// types than declared, or of another store, become an error of the call. So does an error that it returns, and a
    /// panic goes on in whoever called wasm.
    ///
    /// # Panics
    /// If the type belongs to another engine.
    pub fn new<T: 'static>(
        store: impl AsContextMut<Data = T>,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Func {
        let mut store = store;
        new_dynamic(&ty, func).instantiate(&mut store.as_context_mut().0.opaque)
    }

    /// Like [`new`](Self::new).
    ///
    /// # Errors
    /// None today.
    pub fn try_new<T: 'static>(
        store: impl AsContextMut<Data = T>,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Func> {
        Ok(Func::new(store, ty, func))
    }

    /// Makes a host function of a type that is known at run time, of a closure over untyped values.
    ///
    /// The closure gets as many slots as the larger number of parameters and results in `ty`. The first ones hold the
    /// arguments; results take their place. References among the arguments are good until the next collection.
    ///
    /// # Panics
    /// If the type belongs to another engine.
    ///
    /// # Safety
    /// Where the closure returns `Ok`, the first slots must hold results of the types in `ty`, of this store.
    pub unsafe fn new_unchecked<T: 'static>(
        store: impl AsContextMut<Data = T>,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &mut [MaybeUninit<ValRaw>]) -> Result<()> + Send + Sync + 'static,
    ) -> Func {
        let mut store = store;
        // SAFETY: the caller's promise.
        let func = unsafe { new_unchecked(&ty, func) };
        func.instantiate(&mut store.as_context_mut().0.opaque)
    }

    /// Makes a host function of a closure, whose parameters and results give its type.
    pub fn wrap<T: 'static, Params, Results>(
        store: impl AsContextMut<Data = T>,
        func: impl IntoFunc<T, Params, Results>,
    ) -> Func {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        func.into_func(&store.engine).instantiate(store)
    }

    /// Like [`wrap`](Self::wrap).
    ///
    /// # Errors
    /// None today.
    pub fn try_wrap<T: 'static, Params, Results>(
        store: impl AsContextMut<Data = T>,
        func: impl IntoFunc<T, Params, Results>,
    ) -> Result<Func> {
        Ok(Func::wrap(store, func))
    }

    /// Its type.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn ty(&self, store: impl AsContext) -> FuncType {
        let store = store.as_context();
        store.0.opaque.check(self.store);
        self.ty_in(&store.0.opaque)
    }

    pub(crate) fn ty_in(&self, store: &StoreOpaque) -> FuncType {
        FuncType::from_id(&store.engine, self.type_id())
    }

    pub(crate) fn type_id(&self) -> CanonicalTypeId {
        // SAFETY: functions live as long as their store, and whoever asks holds the store. Their types stay
        // registered as long.
        unsafe { self.func_ref.as_ref().ty.id() }
    }

    /// Whether it can be used as a function of a type.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn matches_ty(&self, store: impl AsContext, ty: &FuncType) -> bool {
        self.ty(store).matches(ty)
    }

    /// Calls it. `results` is filled with as many values as its type has.
    ///
    /// # Errors
    /// If the arguments are not as many as its type has or not of its types, or are of another store, or `results` has
    /// not the right length. If wasm traps, with a [`Trap`](crate::Trap); if a host function returns an error,
    /// with that.
    ///
    /// # Panics
    /// If it is of another store, or if a host function panics.
    pub fn call(
        &self,
        store: impl AsContextMut,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(self.store);
        // SAFETY: the list of call types keeps what is in it, and lives as long as the store.
        let ty = unsafe { store.call_types.get(&store.engine, self.type_id()).as_ref() };
        let (param_types, result_types) = (&ty.func().params, &ty.func().results);
        if params.len() != param_types.len() {
            bail!(
                "expected {} arguments, got {}",
                param_types.len(),
                params.len()
            );
        }
        if results.len() != result_types.len() {
            bail!(
                "expected {} results, got {}",
                result_types.len(),
                results.len()
            );
        }
        for (param, &expected) in params.iter().zip(param_types) {
            param
                .ensure_of_wasm(store, expected)
                .context("argument type mismatch")?;
        }
        if let Some(registers) = ty.registers() {
            // SAFETY: the function is of this store, and the arguments are of its type.
            let result = unsafe { call_registers(store, self.func_ref, registers, params) }?;
            if let (Some(place), Some(&ty)) = (results.first_mut(), result_types.first()) {
                // SAFETY: the function returned a value of its type.
                *place = unsafe { Val::of_raw(store, result.raw(ty), ty) };
            }
            return Ok(());
        }
        let mut slots: SmallVec<[ValRaw; 16]> =
            smallvec![ValRaw::null(); params.len().max(results.len())];
        for (slot, param) in slots.iter_mut().zip(params) {
            *slot = param.raw(store)?;
        }
        // SAFETY: as above.
        unsafe { call_slots(store, self.func_ref, param_types, result_types, &mut slots) }?;
        for ((result, slot), &ty) in results.iter_mut().zip(&slots).zip(result_types) {
            // SAFETY: as above.
            *result = unsafe { Val::of_raw(store, *slot, ty) };
        }
        Ok(())
    }

    /// Calls it with untyped arguments; results take their place.
    ///
    /// # Errors
    /// As for [`call`](Self::call), but for what is not checked.
    ///
    /// # Safety
    /// There must be as many slots as the larger number of its parameters and results, and they must
    /// hold arguments of its types, of this store.
    pub unsafe fn call_unchecked(
        &self,
        store: impl AsContextMut,
        slots: *mut [ValRaw],
    ) -> Result<()> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(self.store);
        // SAFETY: as in `call`; for the rest, the caller's promise.
        unsafe {
            let ty = store.call_types.get(&store.engine, self.type_id()).as_ref();
            let (params, results) = (&ty.func().params, &ty.func().results);
            call_slots(store, self.func_ref, params, results, &mut *slots)
        }
    }

    /// The function with its type checked once, to be called quickly.
    ///
    /// # Errors
    /// If its type is another one.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn typed<Params: WasmParams, Results: WasmResults>(
        &self,
        store: impl AsContext,
    ) -> Result<TypedFunc<Params, Results>> {
        let store = store.as_context();
        store.0.opaque.check(self.store);
        let ty = self.ty_in(&store.0.opaque);
        Params::typecheck(&ty, ty.params(), false).context("type mismatch with parameters")?;
        Results::typecheck(&ty, ty.results(), true).context("type mismatch with results")?;
        // SAFETY: the types were just compared.
        Ok(unsafe { TypedFunc::new_unchecked(store, *self) })
    }

    /// Its untyped form, which lives as long as the store.
    pub fn to_raw(&self, store: impl AsContextMut) -> *mut c_void {
        let mut store = store;
        store.as_context_mut().0.opaque.check(self.store);
        self.func_ref.as_ptr().cast()
    }

    /// The function that an untyped form is of; `None` for null, and for what is no function of this store.
    ///
    /// # Safety
    /// It must come from [`to_raw`](Self::to_raw) with the same store, or from wasm of it. (It is found out if it does not,
    /// but for memory that came to hold another function.)
    pub unsafe fn from_raw(store: impl AsContextMut, raw: *mut c_void) -> Option<Func> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        if !store.runtime.is_func_ref(raw) {
            return None;
        }
        // SAFETY: just looked up.
        unsafe { Func::of_raw(store, raw) }
    }

    /// # Safety
    /// It must be null, or a function reference of this store.
    pub(crate) unsafe fn of_raw(store: &StoreOpaque, raw: *mut c_void) -> Option<Func> {
        Some(Func {
            store: store.id(),
            func_ref: NonNull::new(raw.cast())?,
        })
    }

    pub(crate) fn raw_of(func: Option<Func>) -> *mut c_void {
        func.map_or(std::ptr::null_mut(), |func| func.func_ref.as_ptr().cast())
    }

    pub(crate) fn from_ref(store: &StoreOpaque, func_ref: NonNull<VMFuncRef>) -> Func {
        Func {
            store: store.id(),
            func_ref,
        }
    }

    pub(crate) fn func_ref(&self) -> NonNull<VMFuncRef> {
        self.func_ref
    }

    pub(crate) fn store_id(&self) -> StoreId {
        self.store
    }
}
