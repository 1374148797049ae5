//! Host functions: from closures to what generated code can call.

use crate::externals::Extern;
use crate::module::ModuleExport;
use crate::store::{
    AsContext, AsContextMut, StoreContext, StoreContextMut, StoreInner, StoreOpaque,
};
use crate::typed::{StoreOpaqueRef, WasmTy};
use crate::types::{FuncType, ValType};
use crate::{Engine, Func, Instance, Result, ThrownException, Val, ValRaw};
use mainspring_abi::{FLOAT_ARG_REGS, INT_ARG_REGS};
use mainspring_error::{Context, Error};
use mainspring_runtime as runtime;
use mainspring_runtime::gc::{GcHeapOutOfMemory, GcStatistics};
use mainspring_runtime::{CallingContext, HostDefinition, HostTarget, Unwind, VMHostContext};
use mainspring_wasm as wasm;
use smallvec::SmallVec;
use std::any::Any;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The store as a host function sees it, with the instance that called.
pub struct Caller<'a, T: 'static> {
    store: StoreContextMut<'a, T>,
    caller: CallingContext,
}

impl<T: 'static> Caller<'_, T> {
    /// An export of the calling instance; `None` if it has none of that name, or if the host called.
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        self.instance()?.get_export(&mut self.store, name)
    }

    /// An export of the calling instance; `None` if it is an instance of another module, or if the host called.
    pub fn get_module_export(&mut self, export: &ModuleExport) -> Option<Extern> {
        self.instance()?.get_module_export(&mut self.store, export)
    }

    fn instance(&self) -> Option<Instance> {
        let store = &self.store.0.opaque;
        Some(Instance::of_id(
            store,
            store.runtime.calling_instance(self.caller)?,
        ))
    }

    /// Collects garbage: see [`Store::gc`](crate::Store::gc).
    ///
    /// # Errors
    /// As for [`Store::gc`](crate::Store::gc).
    pub fn gc(&mut self, why: Option<&GcHeapOutOfMemory<()>>) -> Result<()> {
        self.store.gc(why)
    }

    /// Bytes that objects take: see [`Store::gc_heap_capacity`](crate::Store::gc_heap_capacity).
    pub fn gc_heap_capacity(&self) -> usize {
        self.store.0.opaque.gc_heap_capacity()
    }

    /// What the collector has done: see [`Store::gc_statistics`](crate::Store::gc_statistics).
    pub fn gc_statistics(&self) -> GcStatistics {
        self.store.0.opaque.gc_statistics()
    }

    /// The embedder's data.
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// The embedder's data, to change.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.store.engine()
    }
}

impl<T: 'static> AsContext for Caller<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        self.store.as_context()
    }
}

impl<T: 'static> AsContextMut for Caller<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        self.store.as_context_mut()
    }
}

impl<'a, T: 'static> From<Caller<'a, T>> for StoreContextMut<'a, T> {
    fn from(caller: Caller<'a, T>) -> StoreContextMut<'a, T> {
        caller.store
    }
}

impl<T: 'static> std::fmt::Debug for Caller<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("caller", &self.instance())
            .finish_non_exhaustive()
    }
}

/// A host function that is in no store yet. Cheap to clone.
#[doc(hidden)]
#[derive(Clone)]
pub struct HostFunc {
    ty: Arc<FuncType>,
    definition: Arc<HostDefinition>,
}

impl HostFunc {
    /// # Safety
    /// The target must be a function for that type, must expect a pointer to an `F`, and must not unwind.
    unsafe fn new<F: Any + Send + Sync>(ty: FuncType, target: HostTarget, data: F) -> HostFunc {
        let owner = Arc::new(data);
        let data = Arc::as_ptr(&owner).cast();
        let types = ty.registered().clone();
        // SAFETY: the caller's promise.
        let definition = unsafe { HostDefinition::new(ty.as_wasm(), types, target, data, owner) };
        HostFunc {
            ty: Arc::new(ty),
            definition: Arc::new(definition),
        }
    }

    pub(crate) fn ty(&self) -> &FuncType {
        &self.ty
    }

    /// Puts it into a store.
    ///
    /// # Panics
    /// If its type is of another engine.
    pub(crate) fn instantiate(&self, store: &mut StoreOpaque) -> Func {
        assert!(
            Engine::same(self.ty.engine(), &store.engine),
            "the function's type belongs to another engine"
        );
        let func_ref = store.runtime.add_host_func(&self.definition);
        Func::from_ref(store, func_ref)
    }
}

/// Runs a host function's body; what stops the guest is left in the store, and the caller then
/// unwinds.
///
/// # Safety
/// `context` must be that of a host function in a store with data of type `T`, which wasm or the
/// host has just called.
unsafe fn run<T: 'static, R>(
    context: *mut VMHostContext,
    body: impl FnOnce(Caller<'_, T>) -> Result<R>,
) -> Option<R> {
    // SAFETY: every store is the first field of a `StoreInner`, which stays where it is; while wasm
    // has called out, it is ours.
    let store = unsafe {
        &mut *std::ptr::from_mut(runtime::Store::of_context((*context).store))
            .cast::<StoreInner<T>>()
    };
    let caller = store.opaque.runtime.calling_context();
    // What it takes and makes of references to objects ends with the call.
    let scope = store.opaque.runtime.handles().enter();
    let caller = Caller {
        store: StoreContextMut(store),
        caller,
    };
    let done = catch_unwind(AssertUnwindSafe(|| body(caller)));
    store.opaque.runtime.handles().leave(scope);
    let why = match done {
        Ok(Ok(result)) => return Some(result),
        Ok(Err(error)) => {
            stopped(&mut store.opaque, error);
            return None;
        }
        Err(payload) => Unwind::Panic(payload),
    };
    store.opaque.runtime.set_unwinding(why);
    None
}

/// A host function returned an error.
#[cold]
fn stopped(store: &mut StoreOpaque, error: Error) {
    let store = &mut store.runtime;
    if store.pending_exception() != 0 && error.is::<ThrownException>() {
        return store.set_throwing(error);
    }
    let why = Unwind::error(store, error);
    store.set_unwinding(why);
}

/// Stops the guest for the reason that the store holds.
///
/// # Safety
/// As for [`runtime::unwind_pending`].
#[cold]
unsafe fn unwind(context: *mut VMHostContext) -> ! {
    // SAFETY: the caller's promise.
    unsafe { runtime::unwind_pending((*context).store) }
}

/// What a host function may return: nothing, a wasm type, a tuple of them, or a `Result` of one of
/// these.
///
/// # Safety
/// Implemented here for all that are.
pub unsafe trait WasmRet {
    /// The machine value, if there is one result.
    #[doc(hidden)]
    type Abi: Copy;
    #[doc(hidden)]
    const TYPES: &'static [wasm::ValType];
    /// Whether [`Abi`](Self::Abi) is what the wasm function returns.
    #[doc(hidden)]
    const IN_REGISTER: bool;
    #[doc(hidden)]
    fn valtypes() -> Vec<ValType>;
    #[doc(hidden)]
    fn into_abi(self, store: &StoreOpaqueRef) -> Result<Self::Abi>;
    #[doc(hidden)]
    fn store(self, store: &StoreOpaqueRef, slots: &mut [ValRaw]) -> Result<()>;
}

// SAFETY: no result.
unsafe impl WasmRet for () {
    type Abi = ();
    const TYPES: &'static [wasm::ValType] = &[];
    const IN_REGISTER: bool = true;

    fn valtypes() -> Vec<ValType> {
        Vec::new()
    }
    #[inline]
    fn into_abi(self, _: &StoreOpaqueRef) -> Result<()> {
        Ok(())
    }
    fn store(self, _: &StoreOpaqueRef, _: &mut [ValRaw]) -> Result<()> {
        Ok(())
    }
}

// SAFETY: one wasm type.
unsafe impl<R: WasmTy> WasmRet for R {
    type Abi = R::Abi;
    const TYPES: &'static [wasm::ValType] = &[R::WASM];
    const IN_REGISTER: bool = true;

    fn valtypes() -> Vec<ValType> {
        vec![R::valtype()]
    }
    #[inline]
    fn into_abi(self, store: &StoreOpaqueRef) -> Result<R::Abi> {
        if let Some(obstacle) = self.obstacle(store) {
            let other = "host function attempted to return cross-`Store` value to Wasm";
            return Err(obstacle.error(other));
        }
        Ok(WasmTy::into_abi(self, store))
    }
    fn store(self, store: &StoreOpaqueRef, slots: &mut [ValRaw]) -> Result<()> {
        slots[0] = R::abi_to_raw(WasmRet::into_abi(self, store)?);
        Ok(())
    }
}

// SAFETY: what it is a result of.
unsafe impl<R: WasmRet> WasmRet for Result<R> {
    type Abi = R::Abi;
    const TYPES: &'static [wasm::ValType] = R::TYPES;
    const IN_REGISTER: bool = R::IN_REGISTER;

    fn valtypes() -> Vec<ValType> {
        R::valtypes()
    }
    #[inline]
    fn into_abi(self, store: &StoreOpaqueRef) -> Result<R::Abi> {
        self?.into_abi(store)
    }
    fn store(self, store: &StoreOpaqueRef, slots: &mut [ValRaw]) -> Result<()> {
        self?.store(store, slots)
    }
}

macro_rules! tuple_results {
    ($(($($R:ident)*))*) => {$(
        // SAFETY: wasm types.
        #[allow(non_snake_case)]
        unsafe impl<$($R: WasmTy),*> WasmRet for ($($R,)*) {
            type Abi = ();
            const TYPES: &'static [wasm::ValType] = &[$($R::WASM),*];
            const IN_REGISTER: bool = false;

            fn valtypes() -> Vec<ValType> {
                vec![$($R::valtype()),*]
            }
            fn into_abi(self, _: &StoreOpaqueRef) -> Result<()> {
                unreachable!("tuples go through slots")
            }
            fn store(self, store: &StoreOpaqueRef, slots: &mut [ValRaw]) -> Result<()> {
                let ($($R,)*) = self;
                let mut slots = slots.iter_mut();
                $($R.store(store, std::slice::from_mut(slots.next().expect("a slot for each")))?;)*
                Ok(())
            }
        }
    )*};
}

tuple_results! {
    (R1) (R1 R2) (R1 R2 R3) (R1 R2 R3 R4) (R1 R2 R3 R4 R5) (R1 R2 R3 R4 R5 R6) (R1 R2 R3 R4 R5 R6 R7) (R1 R2 R3 R4 R5 R6 R7 R8)
    (R1 R2 R3 R4 R5 R6 R7 R8 R9) (R1 R2 R3 R4 R5 R6 R7 R8 R9 R10) (R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11)
    (R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11 R12) (R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11 R12 R13) (R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11 R12 R13 R14)
    (R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11 R12 R13 R14 R15) (R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11 R12 R13 R14 R15 R16)
    (R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11 R12 R13 R14 R15 R16 R17)
}

/// A closure that can be a host function: of wasm types, optionally after a [`Caller`], returning
/// what [`WasmRet`] allows.
pub trait IntoFunc<T, Params, Results>: Send + Sync + 'static {
    #[doc(hidden)]
    fn into_func(self, engine: &Engine) -> HostFunc;
}

/// Whether a function's arguments are all in registers, where the wasm and the System V conventions agree.
const fn fits_registers(params: &[wasm::ValType]) -> bool {
    let (mut ints, mut floats, mut i) = (1, 0, 0);
    while i < params.len() {
        match params[i] {
            wasm::ValType::F32 | wasm::ValType::F64 | wasm::ValType::V128 => floats += 1,
            _ => ints += 1,
        }
        i += 1;
    }
    ints <= INT_ARG_REGS && floats <= FLOAT_ARG_REGS
}

macro_rules! into_func {
    ($(($($A:ident)*))*) => {$(
        #[allow(non_snake_case, unused)]
        impl<T: 'static, Func, R, $($A),*> IntoFunc<T, ($($A,)*), R> for Func
        where
            Func: Fn($($A),*) -> R + Send + Sync + 'static,
            $($A: WasmTy,)*
            R: WasmRet,
        {
            fn into_func(self, engine: &Engine) -> HostFunc {
                let func = move |_: Caller<'_, T>, $($A: $A),*| self($($A),*);
                <_ as IntoFunc<T, (Caller<'_, T>, $($A,)*), R>>::into_func(func, engine)
            }
        }

        #[allow(non_snake_case, unused)]
        impl<T: 'static, Func, R, $($A),*> IntoFunc<T, (Caller<'_, T>, $($A,)*), R> for Func
        where
            Func: Fn(Caller<'_, T>, $($A),*) -> R + Send + Sync + 'static,
            $($A: WasmTy,)*
            R: WasmRet,
        {
            fn into_func(self, engine: &Engine) -> HostFunc {
                /// Arguments where wasm has them.
                unsafe extern "sysv64" fn in_registers<T, Func, R, $($A),*>(context: *mut VMHostContext, $($A: $A::Abi),*) -> R::Abi
                where
                    T: 'static,
                    Func: Fn(Caller<'_, T>, $($A),*) -> R,
                    $($A: WasmTy,)*
                    R: WasmRet,
                {
                    // SAFETY: the data is the closure, and wasm passes values of its types.
                    let body = |caller: Caller<'_, T>| unsafe {
                        let func = &*(*context).data.cast::<Func>();
                        let store: *mut _ = StoreOpaqueRef::of_mut(&mut caller.store.0.opaque);
                        $(let $A = $A::from_abi(&mut *store, $A);)*
                        (*store).0.runtime.safepoint();
                        func(caller, $($A),*).into_abi(&*store)
                    };
                    // SAFETY: generated code called with this context; nothing is owned when it is unwound.
                    unsafe {
                        match run(context, body) {
                            Some(result) => result,
                            None => unwind(context),
                        }
                    }
                }

                /// Arguments in slots.
                unsafe extern "sysv64" fn in_slots<T, Func, R, $($A),*>(context: *mut VMHostContext, slots: *mut ValRaw) -> bool
                where
                    T: 'static,
                    Func: Fn(Caller<'_, T>, $($A),*) -> R,
                    $($A: WasmTy,)*
                    R: WasmRet,
                {
                    // SAFETY: the data is the closure, and the slots hold values of its types.
                    let body = |caller: Caller<'_, T>| unsafe {
                        let func = &*(*context).data.cast::<Func>();
                        let store: *mut _ = StoreOpaqueRef::of_mut(&mut caller.store.0.opaque);
                        let mut next = slots;
                        $(
                            let $A = $A::from_abi(&mut *store, $A::raw_to_abi(*next));
                            next = next.add(1);
                        )*
                        (*store).0.runtime.safepoint();
                        let results = std::slice::from_raw_parts_mut(slots, R::TYPES.len());
                        func(caller, $($A),*).store(&*store, results)
                    };
                    // SAFETY: the array shim called with this context.
                    unsafe { run(context, body) }.is_some()
                }

                let ty = FuncType::new(engine, [$($A::valtype()),*], R::valtypes());
                let target = if R::IN_REGISTER && fits_registers(&[$($A::WASM),*]) {
                    HostTarget::Registers(in_registers::<T, Func, R, $($A),*> as *const std::ffi::c_void)
                } else {
                    HostTarget::Array(in_slots::<T, Func, R, $($A),*>)
                };
                // SAFETY: both targets are for the closure's own type, find the closure, and catch panics.
                unsafe { HostFunc::new(ty, target, self) }
            }
        }
    )*};
}

into_func! {
    () (A1) (A1 A2) (A1 A2 A3) (A1 A2 A3 A4) (A1 A2 A3 A4 A5) (A1 A2 A3 A4 A5 A6) (A1 A2 A3 A4 A5 A6 A7) (A1 A2 A3 A4 A5 A6 A7 A8)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9) (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10) (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12) (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13) (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15) (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 A17)
}

/// Arguments and results of a call by values that are kept on the stack; more take the heap.
const INLINE_VALUES: usize = 12;

/// A closure with a type that is known at run time.
struct Dynamic<F> {
    ty: FuncType,
    func: F,
}

/// Makes a host function of a closure over values.
pub(crate) fn new_dynamic<T: 'static, F>(ty: &FuncType, func: F) -> HostFunc
where
    F: Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
{
    unsafe extern "sysv64" fn target<T: 'static, F>(
        context: *mut VMHostContext,
        slots: *mut ValRaw,
    ) -> bool
    where
        F: Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()>,
    {
        // SAFETY: the data is a `Dynamic<F>`, and the slots hold values of its type.
        let body = |caller: Caller<'_, T>| unsafe {
            let dynamic = &*(*context).data.cast::<Dynamic<F>>();
            let store = &raw mut caller.store.0.opaque;
            let ty = dynamic.ty.as_wasm();
            // Filled in place: moving so many values would cost more than the rest of the call.
            let mut values: SmallVec<[Val; INLINE_VALUES]> = SmallVec::new();
            for (i, &ty) in ty.params.iter().enumerate() {
                values.push(Val::of_raw(&mut *store, *slots.add(i), ty));
            }
            (*store).runtime.safepoint();
            for _ in &ty.results {
                values.push(Val::null_func_ref());
            }
            let (params, results) = values.split_at_mut(ty.params.len());
            (dynamic.func)(caller, params, results)?;
            for (i, (result, &expected)) in results.iter().zip(&ty.results).enumerate() {
                result
                    .ensure_of_wasm(&*store, expected)
                    .context("function attempted to return an incompatible value")?;
                *slots.add(i) = result.raw(&*store)?;
            }
            Ok(())
        };
        // SAFETY: the array shim called with this context.
        unsafe { run(context, body) }.is_some()
    }
    let dynamic = Dynamic {
        ty: ty.clone(),
        func,
    };
    // SAFETY: the target reads the type from the data, and catches panics.
    unsafe { HostFunc::new(ty.clone(), HostTarget::Array(target::<T, F>), dynamic) }
}

/// Makes a host function of a closure over untyped values.
///
/// # Safety
/// The closure must write as many results as the type has, of its types and of the store.
pub(crate) unsafe fn new_unchecked<T: 'static, F>(ty: &FuncType, func: F) -> HostFunc
where
    F: Fn(Caller<'_, T>, &mut [MaybeUninit<ValRaw>]) -> Result<()> + Send + Sync + 'static,
{
    unsafe extern "sysv64" fn target<T: 'static, F>(
        context: *mut VMHostContext,
        slots: *mut ValRaw,
    ) -> bool
    where
        F: Fn(Caller<'_, T>, &mut [MaybeUninit<ValRaw>]) -> Result<()>,
    {
        // SAFETY: the data is a `Dynamic<F>`, and there are slots for the larger number of its parameters and results.
        let body = |caller: Caller<'_, T>| unsafe {
            let dynamic = &*(*context).data.cast::<Dynamic<F>>();
            let ty = dynamic.ty.as_wasm();
            let count = ty.params.len().max(ty.results.len());
            let slots = std::slice::from_raw_parts_mut(slots.cast(), count);
            (dynamic.func)(caller, slots)
        };
        // SAFETY: the array shim called with this context.
        unsafe { run(context, body) }.is_some()
    }
    let dynamic = Dynamic {
        ty: ty.clone(),
        func,
    };
    // SAFETY: the target reads the type from the data, and catches panics; for the results, the caller's promise.
    unsafe { HostFunc::new(ty.clone(), HostTarget::Array(target::<T, F>), dynamic) }
}
