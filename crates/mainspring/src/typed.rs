//! Functions whose type is known to the Rust compiler.
//!
//! A call of at most five integers and eight floats, with at most one result, passes everything in
//! registers: no list is made, nothing is looked up. Other calls go through slots.

use crate::call::call_slots;
use crate::gc::{GcRef, I31, NoExtern, NoFunc, NoneRef, Obstacle, OwnedRooted, Rooted};
use crate::store::{AsContext, AsContextMut, StoreOpaque};
use crate::trap::error_of;
use crate::types::{FuncType, HeapType, RefType, ValType};
use crate::values::V128;
use crate::{Func, Result, ValRaw};
use mainspring_abi::{FLOAT_ARG_REGS, RegClass, VMFuncRef};
use mainspring_error::{Context, bail, ensure};
use mainspring_runtime::enter::{MAX_INTS, RegisterResult, call_with_ints, call_with_registers};
use mainspring_wasm as wasm;
use std::marker::PhantomData;

/// A Rust type that is a wasm value type.
///
/// # Safety
/// Implemented here for all that are. Generated code relies on [`Abi`](Self::Abi).
pub unsafe trait WasmTy: Send + Sized {
    /// The machine value that carries it.
    #[doc(hidden)]
    type Abi: Copy;
    /// Its type, or one of the same register class.
    #[doc(hidden)]
    const WASM: wasm::ValType;
    /// The wasm type.
    #[doc(hidden)]
    fn valtype() -> ValType;
    /// What is in the way of using it in a store.
    #[doc(hidden)]
    #[inline]
    fn obstacle(&self, store: &StoreOpaqueRef) -> Option<Obstacle> {
        let _ = store;
        None
    }
    /// Its machine value, if there is no obstacle. That of a reference is good until the next collection.
    #[doc(hidden)]
    fn into_abi(self, store: &StoreOpaqueRef) -> Self::Abi;
    #[doc(hidden)]
    unsafe fn from_abi(store: &mut StoreOpaqueRef, abi: Self::Abi) -> Self;
    #[doc(hidden)]
    fn abi_to_raw(abi: Self::Abi) -> ValRaw;
    #[doc(hidden)]
    fn raw_to_abi(raw: ValRaw) -> Self::Abi;
    #[doc(hidden)]
    fn check(actual: &ValType, is_result: bool) -> Result<()> {
        let own = Self::valtype();
        let fits = if is_result {
            actual.matches(&own)
        } else {
            own.matches(actual)
        };
        ensure_fits(fits, &own, actual, is_result)
    }
    #[doc(hidden)]
    fn check_value(&self, store: &StoreOpaqueRef, actual: &ValType) -> Result<()> {
        let _ = (store, actual);
        Ok(())
    }
}

/// A store, without its embedder's data, in signatures that are public for technical reasons.
#[doc(hidden)]
#[repr(transparent)]
pub struct StoreOpaqueRef(pub(crate) StoreOpaque);

impl StoreOpaqueRef {
    #[inline]
    pub(crate) fn of(store: &StoreOpaque) -> &StoreOpaqueRef {
        // SAFETY: a struct of one field, seen through a reference that lives as long.
        unsafe { &*std::ptr::from_ref(store).cast() }
    }

    #[inline]
    pub(crate) fn of_mut(store: &mut StoreOpaque) -> &mut StoreOpaqueRef {
        // SAFETY: as above.
        unsafe { &mut *std::ptr::from_mut(store).cast() }
    }
}

macro_rules! number_types {
    ($($ty:ident $abi:ident $wasm:ident |$x:ident| $to:expr, |$y:ident| $from:expr, $raw:ident $get:ident;)*) => {$(
        // SAFETY: the machine value of the wasm type.
        unsafe impl WasmTy for $ty {
            type Abi = $abi;
            const WASM: wasm::ValType = wasm::ValType::$wasm;

            fn valtype() -> ValType {
                ValType::$wasm
            }
            #[inline]
            fn into_abi(self, _: &StoreOpaqueRef) -> $abi {
                let $x = self;
                $to
            }
            #[inline]
            unsafe fn from_abi(_: &mut StoreOpaqueRef, $y: $abi) -> $ty {
                $from
            }
            #[inline]
            fn abi_to_raw(abi: $abi) -> ValRaw {
                ValRaw::$raw(abi.to_bits_or_self())
            }
            #[inline]
            fn raw_to_abi(raw: ValRaw) -> $abi {
                <$abi>::of_bits_or_self(raw.$get())
            }
        }
    )*};
}

/// Floats travel as floats and are kept as bits.
trait BitsOrSelf {
    type Bits;
    fn to_bits_or_self(self) -> Self::Bits;
    fn of_bits_or_self(bits: Self::Bits) -> Self;
}

macro_rules! bits_or_self {
    ($($ty:ident $bits:ident |$x:ident| $to:expr, |$y:ident| $from:expr;)*) => {$(
        impl BitsOrSelf for $ty {
            type Bits = $bits;
            #[inline]
            fn to_bits_or_self(self) -> $bits {
                let $x = self;
                $to
            }
            #[inline]
            fn of_bits_or_self($y: $bits) -> $ty {
                $from
            }
        }
    )*};
}

bits_or_self! {
    u32 u32 |x| x, |y| y;
    u64 u64 |x| x, |y| y;
    f32 u32 |x| x.to_bits(), |y| f32::from_bits(y);
    f64 u64 |x| x.to_bits(), |y| f64::from_bits(y);
}

number_types! {
    i32 u32 I32 |x| x as u32, |y| y as i32, u32 get_u32;
    u32 u32 I32 |x| x, |y| y, u32 get_u32;
    i64 u64 I64 |x| x as u64, |y| y as i64, u64 get_u64;
    u64 u64 I64 |x| x, |y| y, u64 get_u64;
    f32 f32 F32 |x| x, |y| y, f32 get_f32;
    f64 f64 F64 |x| x, |y| y, f64 get_f64;
}

// SAFETY: the machine value of a vector.
unsafe impl WasmTy for V128 {
    type Abi = std::arch::x86_64::__m128i;
    const WASM: wasm::ValType = wasm::ValType::V128;

    fn valtype() -> ValType {
        ValType::V128
    }
    fn into_abi(self, _: &StoreOpaqueRef) -> Self::Abi {
        V128::raw_to_abi(ValRaw::v128(self.as_u128()))
    }
    unsafe fn from_abi(_: &mut StoreOpaqueRef, abi: Self::Abi) -> V128 {
        V128::from(V128::abi_to_raw(abi).get_v128())
    }
    fn abi_to_raw(abi: Self::Abi) -> ValRaw {
        // SAFETY: two names for 16 bytes.
        ValRaw::v128(unsafe { std::mem::transmute::<Self::Abi, u128>(abi) })
    }
    fn raw_to_abi(raw: ValRaw) -> Self::Abi {
        // SAFETY: two names for 16 bytes.
        unsafe { std::mem::transmute::<u128, Self::Abi>(raw.get_v128()) }
    }
}

/// Reference types: `$into` and `$from` go between the type and its machine value.
macro_rules! reference_types {
    ($($ty:ty $(=> $T:ident)?, $abi:ident, $wasm:expr, $valtype:expr, |$x:ident, $in:ident| $into:expr, |$store:ident, $y:ident| $from:expr, |$z:ident, $at:ident| $obstacle:expr;)*) => {$(
        // SAFETY: the machine value of the reference.
        unsafe impl $(<$T: GcRef>)? WasmTy for $ty {
            type Abi = $abi;
            const WASM: wasm::ValType = $wasm;

            fn valtype() -> ValType {
                $valtype
            }
            #[inline]
            fn obstacle(&self, store: &StoreOpaqueRef) -> Option<Obstacle> {
                let ($z, $at) = (self, &store.0);
                $obstacle
            }
            #[inline]
            fn into_abi(self, store: &StoreOpaqueRef) -> $abi {
                let ($x, $in) = (self, &store.0);
                $into
            }
            #[inline]
            unsafe fn from_abi(store: &mut StoreOpaqueRef, $y: $abi) -> Self {
                let $store = &mut store.0;
                $from
            }
            #[inline]
            fn abi_to_raw(abi: $abi) -> ValRaw {
                ValRaw::u64(abi as u64)
            }
            #[inline]
            fn raw_to_abi(raw: ValRaw) -> $abi {
                raw.get_u64() as $abi
            }
            fn check(actual: &ValType, is_result: bool) -> Result<()> {
                check_reference(&Self::valtype(), actual, is_result)
            }
            fn check_value(&self, store: &StoreOpaqueRef, actual: &ValType) -> Result<()> {
                let ($x, $in) = (self.clone(), &store.0);
                let raw = Self::abi_to_raw($into);
                check_reference_value($in, raw, Self::WASM, actual)
            }
        }
    )*};
}

/// Checks that a reference, of a type that includes its own, is of a parameter's type.
fn check_reference_value(
    store: &StoreOpaque,
    raw: ValRaw,
    of: wasm::ValType,
    actual: &ValType,
) -> Result<()> {
    let wasm::ValType::Ref(of) = of else {
        unreachable!("a reference type")
    };
    let top = HeapType::from_wasm(&store.engine, of.heap).top();
    let found: ValType = match (raw.get_u64(), &top) {
        (0, _) => RefType::new(true, top.bottom()).into(),
        (_, HeapType::Func) => {
            // SAFETY: the caller's own reference.
            let func = unsafe { Func::of_raw(store, raw.get_funcref()) };
            crate::Val::FuncRef(func).ty_in(store)?
        }
        _ => RefType::new(false, store.type_of_reference(raw.get_u32(), &top)).into(),
    };
    ensure!(
        found.matches(actual),
        "type mismatch: expected {actual}, found {found}"
    );
    Ok(())
}

const fn reference(heap: wasm::HeapType) -> wasm::ValType {
    wasm::ValType::Ref(wasm::RefType {
        nullable: true,
        heap,
    })
}

fn reference_type(store: wasm::HeapType, nullable: bool) -> ValType {
    RefType::new(nullable, abstract_type(store)).into()
}

fn abstract_type(heap: wasm::HeapType) -> HeapType {
    match heap {
        wasm::HeapType::Extern => HeapType::Extern,
        wasm::HeapType::Exn => HeapType::Exn,
        wasm::HeapType::Eq => HeapType::Eq,
        wasm::HeapType::Struct => HeapType::Struct,
        wasm::HeapType::Array => HeapType::Array,
        _ => HeapType::Any,
    }
}

/// A parameter of a declared type takes any Rust type of its hierarchy, since no Rust type is that very one; its values are
/// checked at each call.
fn check_reference(own: &ValType, actual: &ValType, is_result: bool) -> Result<()> {
    let fits = match (own, actual) {
        (ValType::Ref(own), ValType::Ref(actual))
            if !is_result && actual.heap_type().is_concrete() =>
        {
            HeapType::eq(&own.heap_type().top(), &actual.heap_type().top())
        }
        _ if is_result => actual.matches(own),
        _ => own.matches(actual),
    };
    ensure_fits(fits, own, actual, is_result)
}

/// What is expected of a parameter is what wasm takes, and of a result what the host does.
fn ensure_fits(fits: bool, own: &ValType, actual: &ValType, is_result: bool) -> Result<()> {
    let (expected, found) = match is_result {
        true => (own, actual),
        false => (actual, own),
    };
    ensure!(fits, "type mismatch: expected {expected}, found {found}");
    Ok(())
}

fn other_store(func: &Func, store: &StoreOpaque) -> Option<Obstacle> {
    (func.store_id() != store.id()).then_some(Obstacle::OtherStore)
}

reference_types! {
    Option<Func>, u64, wasm::ValType::FUNCREF, ValType::FUNCREF,
        |x, _store| Func::raw_of(x) as u64,
        // SAFETY: wasm passes function references of its store.
        |store, y| unsafe { Func::of_raw(store, y as *mut std::ffi::c_void) },
        |z, store| z.as_ref().and_then(|func| other_store(func, store));
    Func, u64, wasm::ValType::FUNCREF, RefType::new(false, HeapType::Func).into(),
        |x, _store| Func::raw_of(Some(x)) as u64,
        // SAFETY: wasm passes function references of its store, here not null.
        |store, y| unsafe { Func::of_raw(store, y as *mut std::ffi::c_void) }.expect("a non-null reference"),
        |z, store| other_store(z, store);
    Option<Rooted<T>> => T, u32, reference(T::HEAP), reference_type(T::HEAP, true),
        |x, store| x.map_or(0, |x| store.resolved(x.index())),
        |store, y| (y != 0).then(|| store.root(y)),
        |z, store| z.as_ref().and_then(|value| store.obstacle(value.index()));
    Rooted<T> => T, u32, reference(T::HEAP), reference_type(T::HEAP, false),
        |x, store| store.resolved(x.index()),
        |store, y| store.root(y),
        |z, store| store.obstacle(z.index());
    Option<OwnedRooted<T>> => T, u32, reference(T::HEAP), reference_type(T::HEAP, true),
        |x, store| x.map_or(0, |x| store.resolved(x.index())),
        |store, y| (y != 0).then(|| store.root_owned(y)),
        |z, store| z.as_ref().and_then(|value| store.obstacle(value.index()));
    OwnedRooted<T> => T, u32, reference(T::HEAP), reference_type(T::HEAP, false),
        |x, store| store.resolved(x.index()),
        |store, y| store.root_owned(y),
        |z, store| store.obstacle(z.index());
    Option<I31>, u32, reference(wasm::HeapType::I31), ValType::I31REF,
        |x, _store| x.map_or(0, I31::to_reference),
        |_store, y| I31::of_reference(y),
        |_z, _store| None;
    I31, u32, reference(wasm::HeapType::I31), RefType::new(false, HeapType::I31).into(),
        |x, _store| x.to_reference(),
        |_store, y| I31::of_reference(y).expect("a non-null reference"),
        |_z, _store| None;
    Option<NoFunc>, u64, wasm::ValType::FUNCREF, ValType::NULLFUNCREF, |_x, _store| 0, |_store, _y| None, |_z, _store| None;
    Option<NoExtern>, u32, wasm::ValType::EXTERNREF, ValType::NULLEXTERNREF, |_x, _store| 0, |_store, _y| None, |_z, _store| None;
    Option<NoneRef>, u32, reference(wasm::HeapType::Any), ValType::NULLREF, |_x, _store| 0, |_store, _y| None, |_z, _store| None;
    NoFunc, u64, wasm::ValType::FUNCREF, RefType::new(false, HeapType::NoFunc).into(),
        |x, _store| x.never(), |_store, _y| unreachable!("no function is of the type"), |_z, _store| None;
    NoExtern, u32, wasm::ValType::EXTERNREF, RefType::new(false, HeapType::NoExtern).into(),
        |x, _store| x.never(), |_store, _y| unreachable!("no host value is of the type"), |_z, _store| None;
    NoneRef, u32, reference(wasm::HeapType::Any), RefType::new(false, HeapType::None).into(),
        |x, _store| x.never(), |_store, _y| unreachable!("no internal value is of the type"), |_z, _store| None;
}

/// A list of Rust types that are wasm value types.
///
/// # Safety
/// Implemented here for all that are.
pub unsafe trait WasmTyList {
    /// Their wasm types.
    fn valtypes() -> impl Iterator<Item = ValType>;
}

/// Parameters of a [`TypedFunc`]: one wasm type, or a tuple of them.
///
/// # Safety
/// Implemented here for all that are.
pub unsafe trait WasmParams: Send {
    #[doc(hidden)]
    const TYPES: &'static [wasm::ValType];
    #[doc(hidden)]
    fn typecheck(
        ty: &FuncType,
        actual: impl ExactSizeIterator<Item = ValType>,
        is_result: bool,
    ) -> Result<()>;
    #[doc(hidden)]
    fn obstacle(&self, store: &StoreOpaqueRef) -> Option<Obstacle>;
    #[doc(hidden)]
    fn check_values(&self, store: &StoreOpaqueRef, ty: &FuncType) -> Result<()>;
    #[doc(hidden)]
    fn store(self, store: &StoreOpaqueRef, slots: &mut [ValRaw]);
    /// Puts the arguments where the convention wants them, if that is all in registers.
    #[doc(hidden)]
    fn store_in_registers(self, store: &StoreOpaqueRef, registers: &mut ArgRegisters);
}

/// Arguments on their way into registers.
#[doc(hidden)]
#[derive(Default)]
pub struct ArgRegisters {
    ints: [u64; MAX_INTS],
    floats: [u128; FLOAT_ARG_REGS],
    int_count: usize,
    float_count: usize,
}

impl ArgRegisters {
    #[inline(always)]
    fn push<T: WasmTy>(&mut self, abi: T::Abi) {
        let raw = T::abi_to_raw(abi);
        match RegClass::of(T::WASM) {
            RegClass::Int => {
                self.ints[self.int_count] = raw.get_u64();
                self.int_count += 1;
            }
            RegClass::Float => {
                self.floats[self.float_count] = raw.get_v128();
                self.float_count += 1;
            }
        }
    }
}

/// Results of a [`TypedFunc`]: nothing, one wasm type, or a tuple of them.
///
/// # Safety
/// Implemented here for all that are.
pub unsafe trait WasmResults: WasmParams {
    #[doc(hidden)]
    unsafe fn load(store: &mut StoreOpaqueRef, slots: &[ValRaw]) -> Self;
    /// The result, if there is at most one.
    #[doc(hidden)]
    unsafe fn load_from_register(store: &mut StoreOpaqueRef, result: RegisterResult) -> Self;
}

const fn count(types: &[wasm::ValType], class: RegClass) -> usize {
    let (mut n, mut i) = (0, 0);
    while i < types.len() {
        let is_float = matches!(
            types[i],
            wasm::ValType::F32 | wasm::ValType::F64 | wasm::ValType::V128
        );
        if is_float == matches!(class, RegClass::Float) {
            n += 1;
        }
        i += 1;
    }
    n
}

macro_rules! tuples {
    ($($n:tt ($($T:ident)*))*) => {$(
        // SAFETY: a tuple of wasm types.
        unsafe impl<$($T: WasmTy),*> WasmTyList for ($($T,)*) {
            fn valtypes() -> impl Iterator<Item = ValType> {
                let types: [ValType; $n] = [$($T::valtype()),*];
                types.into_iter()
            }
        }

        // SAFETY: a tuple of wasm types.
        #[allow(non_snake_case, unused)]
        unsafe impl<$($T: WasmTy),*> WasmParams for ($($T,)*) {
            const TYPES: &'static [wasm::ValType] = &[$($T::WASM),*];

            fn typecheck(ty: &FuncType, mut actual: impl ExactSizeIterator<Item = ValType>, is_result: bool) -> Result<()> {
                let found = actual.len();
                if found != $n {
                    bail!("expected {} types, found {found}", $n);
                }
                $($T::check(&actual.next().expect("just counted"), is_result)?;)*
                Ok(())
            }
            #[inline]
            fn obstacle(&self, store: &StoreOpaqueRef) -> Option<Obstacle> {
                let ($($T,)*) = self;
                $(
                    let obstacle = $T.obstacle(store);
                    if obstacle.is_some() {
                        return obstacle;
                    }
                )*
                None
            }
            fn check_values(&self, store: &StoreOpaqueRef, ty: &FuncType) -> Result<()> {
                let ($($T,)*) = self;
                let mut params = ty.params();
                $($T.check_value(store, &params.next().expect("as many as checked"))
                    .context("argument type mismatch for reference to concrete type")?;)*
                Ok(())
            }
            #[inline]
            fn store(self, store: &StoreOpaqueRef, slots: &mut [ValRaw]) {
                let ($($T,)*) = self;
                let mut slots = slots.iter_mut();
                $(*slots.next().expect("a slot for each") = $T::abi_to_raw($T.into_abi(store));)*
            }
            #[inline(always)]
            fn store_in_registers(self, store: &StoreOpaqueRef, registers: &mut ArgRegisters) {
                let ($($T,)*) = self;
                $(registers.push::<$T>($T.into_abi(store));)*
            }
        }

        // SAFETY: a tuple of wasm types.
        #[allow(unused, clippy::unused_unit)]
        unsafe impl<$($T: WasmTy),*> WasmResults for ($($T,)*) {
            #[inline]
            unsafe fn load(store: &mut StoreOpaqueRef, slots: &[ValRaw]) -> Self {
                let mut slots = slots.iter();
                // SAFETY: the caller says that the slots hold these types.
                ($(unsafe { $T::from_abi(store, $T::raw_to_abi(*slots.next().expect("a slot for each"))) },)*)
            }
            #[inline(always)]
            unsafe fn load_from_register(store: &mut StoreOpaqueRef, result: RegisterResult) -> Self {
                // SAFETY: the caller says that it is of this type. More than one is never in one register.
                ($(unsafe { in_register::<$T>(store, result) },)*)
            }
        }
    )*};
}

tuples! {
    0 ()
    1 (A1)
    2 (A1 A2)
    3 (A1 A2 A3)
    4 (A1 A2 A3 A4)
    5 (A1 A2 A3 A4 A5)
    6 (A1 A2 A3 A4 A5 A6)
    7 (A1 A2 A3 A4 A5 A6 A7)
    8 (A1 A2 A3 A4 A5 A6 A7 A8)
    9 (A1 A2 A3 A4 A5 A6 A7 A8 A9)
    10 (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10)
    11 (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11)
    12 (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12)
    13 (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13)
    14 (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14)
    15 (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15)
    16 (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16)
    17 (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 A17)
}

// SAFETY: one wasm type.
unsafe impl<T: WasmTy> WasmParams for T {
    const TYPES: &'static [wasm::ValType] = &[T::WASM];

    fn typecheck(
        ty: &FuncType,
        actual: impl ExactSizeIterator<Item = ValType>,
        is_result: bool,
    ) -> Result<()> {
        <(T,)>::typecheck(ty, actual, is_result)
    }
    #[inline]
    fn obstacle(&self, store: &StoreOpaqueRef) -> Option<Obstacle> {
        T::obstacle(self, store)
    }
    fn check_values(&self, store: &StoreOpaqueRef, ty: &FuncType) -> Result<()> {
        self.check_value(store, &ty.param(0).expect("one parameter, as checked"))
    }
    #[inline]
    fn store(self, store: &StoreOpaqueRef, slots: &mut [ValRaw]) {
        slots[0] = T::abi_to_raw(self.into_abi(store));
    }
    #[inline(always)]
    fn store_in_registers(self, store: &StoreOpaqueRef, registers: &mut ArgRegisters) {
        registers.push::<T>(self.into_abi(store));
    }
}

// SAFETY: one wasm type.
unsafe impl<T: WasmTy> WasmResults for T {
    #[inline]
    unsafe fn load(store: &mut StoreOpaqueRef, slots: &[ValRaw]) -> Self {
        // SAFETY: the caller says that the slot holds this type.
        unsafe { T::from_abi(store, T::raw_to_abi(slots[0])) }
    }
    #[inline(always)]
    unsafe fn load_from_register(store: &mut StoreOpaqueRef, result: RegisterResult) -> Self {
        // SAFETY: the caller says that it is of this type.
        unsafe { in_register::<T>(store, result) }
    }
}

/// # Safety
/// The register must hold a value of that type.
#[inline(always)]
unsafe fn in_register<T: WasmTy>(store: &mut StoreOpaqueRef, result: RegisterResult) -> T {
    let raw = result.raw(T::WASM);
    // SAFETY: the caller's promise.
    unsafe { T::from_abi(store, T::raw_to_abi(raw)) }
}

/// A function whose type was compared once. Calling it costs little more than calling a Rust
/// function.
///
/// ```
/// use mainspring::*;
///
/// let engine = Engine::default();
/// let module = Module::new(&engine, r#"(module (func (export "add") (param i32 i32) (result i32)
///     local.get 0 local.get 1 i32.add))"#)?;
/// let mut store = Store::new(&engine, ());
/// let instance = Instance::new(&mut store, &module, &[])?;
/// let add = instance.get_typed_func::<(i32, i32), i32>(&mut store, "add")?;
/// assert_eq!(add.call(&mut store, (2, 3))?, 5);
/// # Ok::<(), Error>(())
/// ```
pub struct TypedFunc<Params, Results> {
    func: Func,
    /// Whether arguments must be compared with the function's own parameter types at each call.
    checks_values: bool,
    _types: PhantomData<fn(Params) -> Results>,
}

impl<Params, Results> Clone for TypedFunc<Params, Results> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Params, Results> Copy for TypedFunc<Params, Results> {}

impl<Params, Results> std::fmt::Debug for TypedFunc<Params, Results> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TypedFunc")
            .field("func", &self.func)
            .finish_non_exhaustive()
    }
}

impl<Params: WasmParams, Results: WasmResults> TypedFunc<Params, Results> {
    const HAS_FLOATS: bool = count(Params::TYPES, RegClass::Float) > 0;
    /// Whether all arguments fit in registers, and the results too.
    const IN_REGISTERS: bool = count(Params::TYPES, RegClass::Int) <= MAX_INTS
        && count(Params::TYPES, RegClass::Float) <= FLOAT_ARG_REGS
        && Results::TYPES.len() <= 1;
    const SLOTS: usize = if Params::TYPES.len() > Results::TYPES.len() {
        Params::TYPES.len()
    } else {
        Results::TYPES.len()
    };

    /// Takes a function for one of these types, without comparing.
    ///
    /// # Safety
    /// It must be.
    pub unsafe fn new_unchecked(store: impl AsContext, func: Func) -> TypedFunc<Params, Results> {
        let store = store.as_context();
        let has_concrete = |ty: ValType| ty.as_ref().is_some_and(|ty| ty.heap_type().is_concrete());
        let checks_values = func.ty_in(&store.0.opaque).params().any(has_concrete);
        TypedFunc {
            func,
            checks_values,
            _types: PhantomData,
        }
    }

    /// The function.
    pub fn func(&self) -> &Func {
        &self.func
    }

    /// Calls it.
    ///
    /// # Errors
    /// If wasm traps, with a [`Trap`](crate::Trap); if a host function returns an error, with that; if a reference
    /// among the arguments is of another store.
    ///
    /// # Panics
    /// If it is of another store, or if a host function panics.
    #[inline]
    pub fn call(&self, store: impl AsContextMut, params: Params) -> Result<Results> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        store.check(self.func.store_id());
        let opaque = StoreOpaqueRef::of(store);
        if let Some(obstacle) = params.obstacle(opaque) {
            return Err(
                obstacle.error("attempt to pass cross-`Store` value to Wasm as function argument")
            );
        }
        if self.checks_values {
            params.check_values(opaque, &self.func.ty_in(store))?;
        }
        if Self::IN_REGISTERS {
            let mut registers = ArgRegisters::default();
            params.store_in_registers(opaque, &mut registers);
            // SAFETY: functions of a store live as long as it does.
            let VMFuncRef { code, vmctx, .. } = *unsafe { self.func.func_ref().as_ref() };
            // SAFETY: the function is of this store and its type is that of the arguments, which fit.
            let result = unsafe {
                match Self::HAS_FLOATS {
                    false => call_with_ints(&mut store.runtime, code, vmctx, registers.ints),
                    true => call_with_registers(
                        &mut store.runtime,
                        code,
                        vmctx,
                        registers.ints,
                        registers.floats,
                    ),
                }
            };
            return match result {
                Ok(result) => {
                    let opaque = StoreOpaqueRef::of_mut(store);
                    // SAFETY: the function returned a value of its type.
                    Ok(unsafe { Results::load_from_register(opaque, result) })
                }
                Err(why) => Err(error_of(store, why)),
            };
        }
        let mut slots = [ValRaw::null(); MAX_SLOTS];
        let slots = &mut slots[..Self::SLOTS];
        params.store(opaque, slots);
        // SAFETY: as above.
        unsafe {
            call_slots(
                store,
                self.func.func_ref(),
                Params::TYPES,
                Results::TYPES,
                slots,
            )
        }?;
        // SAFETY: the function returned values of its type.
        Ok(unsafe { Results::load(StoreOpaqueRef::of_mut(store), slots) })
    }
}

/// The longest tuple.
const MAX_SLOTS: usize = 17;
