//! What generated code asks of the runtime.
//!
//! Each builtin is a shim, which records the calling wasm frame, and a function. The function works
//! on the store as a host function does; a `TrapCode` or an error that it returns stops the guest.

use crate::exceptions::throw_pending;
use crate::exit::record_exit;
use crate::instance::Instance;
use crate::memory::in_bounds;
use crate::shared_memory::{SharedMemory, check};
use crate::store::Store;
use crate::trap::{Unwind, raise};
use mainspring_abi::{BUILTIN_COUNT, Builtin, TrapCode, VMStoreContext};
use mainspring_error::Error;
use mainspring_wasm::{DataIndex, ElemIndex, MemoryIndex, TableIndex, TagIndex};
use std::arch::naked_asm;
use std::ffi::c_void;
use std::mem::offset_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::time::Duration;

/// Why a builtin stops the guest.
pub(crate) enum Stop {
    Trap(TrapCode),
    Error(Error),
    /// The pending exception is thrown, which the guest may catch.
    Exception,
}

impl From<TrapCode> for Stop {
    fn from(code: TrapCode) -> Stop {
        Stop::Trap(code)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Error(error)
    }
}

/// The calling instance, and its store.
pub(crate) struct Call<'a> {
    pub(crate) store: &'a mut Store,
    instance: NonNull<Instance>,
}

impl Call<'_> {
    /// A memory to wait at, which has to be shared. Waiting keeps a handle of it.
    fn shared_memory(
        &self,
        memory: u32,
        address: u64,
        size: u64,
    ) -> Result<SharedMemory, TrapCode> {
        let memory = self
            .store
            .memory(self.instance().memory(MemoryIndex(memory)));
        check(address, size, memory.len())?;
        let shared = memory.shared().cloned();
        shared.ok_or(TrapCode::AtomicWaitNonSharedMemory)
    }

    pub(crate) fn instance(&self) -> &Instance {
        // SAFETY: the instance is running, so it is alive; what changes in it (the
        // dropped segments) changes through the store, not while this borrow of the call lasts.
        unsafe { self.instance.as_ref() }
    }
}

/// Where an atomic operation of `size` bytes is.
fn atomic_address(index: u64, offset: u64, size: u64) -> Result<u64, TrapCode> {
    match index.checked_add(offset) {
        Some(address) => Ok(address),
        None if index.wrapping_add(offset).is_multiple_of(size) => Err(TrapCode::MemoryOutOfBounds),
        None => Err(TrapCode::HeapMisaligned),
    }
}

/// A timeout as instructions have it: in nanoseconds, and none if it is negative.
fn duration(timeout: u64) -> Option<Duration> {
    let nanoseconds = timeout.cast_signed();
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}

/// Runs a builtin's function; if it fails, stops the guest.
unsafe fn run<T>(vmctx: *mut c_void, function: impl FnOnce(&mut Call<'_>) -> Result<T, Stop>) -> T {
    // SAFETY: generated code passes its own VM context, whose header was filled in when the
    // instance was made.
    let (context, instance) = unsafe {
        let context = *vmctx.cast::<*mut VMStoreContext>();
        (context, Instance::of_vmctx(NonNull::new_unchecked(vmctx)))
    };
    let outcome = {
        // SAFETY: while wasm has called out, the store is ours.
        let store = unsafe { Store::of_context(context) };
        let mut call = Call { store, instance };
        let result = catch_unwind(AssertUnwindSafe(|| {
            let result = function(&mut call);
            // What a builtin is given it holds itself, so that this is where all references are known. A
            // reference that it returns was made by an allocation, which is tested otherwise.
            if size_of::<T>() != size_of::<u32>() {
                call.store.safepoint();
            }
            result
        }));
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Stop::Trap(code))) => Err(Some(Unwind::trap(call.store, code))),
            Ok(Err(Stop::Error(error))) => Err(Some(Unwind::error(call.store, error))),
            Ok(Err(Stop::Exception)) => Err(None),
            Err(payload) => Err(Some(Unwind::Panic(payload))),
        }
    };
    match outcome {
        Ok(value) => value,
        // SAFETY: called from wasm through a shim, and nothing here owns anything anymore.
        Err(Some(why)) => unsafe { raise(context, why) },
        // SAFETY: as above.
        Err(None) => unsafe { throw_pending(context, None) },
    }
}

/// Defines builtins: a shim and a function each, and the table that holds the shims in the order of
/// [`Builtin`].
macro_rules! builtins {
    ($($name:ident = $function:ident ($call:ident $(, $param:ident: $ty:ty)*) $(-> $result:ty)? $body:block)*) => {
        $(mod $function {
            use super::*;

            #[unsafe(naked)]
            /// # Safety
            /// Called by generated code with its own VM context and the arguments of the builtin.
            pub(super) unsafe extern "sysv64" fn shim() {
                naked_asm!(
                    record_exit!(),
                    "jmp {function}",
                    exit_fp = const offset_of!(VMStoreContext, exit_fp),
                    exit_sp = const offset_of!(VMStoreContext, exit_sp),
                    function = sym function,
                )
            }

            unsafe extern "sysv64" fn function(vmctx: *mut c_void $(, $param: $ty)*) $(-> $result)? {
                let body = |$call: &mut Call<'_>| $body;
                // SAFETY: called by generated code, which passes its VM context.
                unsafe { run(vmctx, body) }
            }
        })*

        /// The address of the table that VM contexts name.
        pub(crate) fn table() -> *const *const c_void {
            struct Table([*const c_void; BUILTIN_COUNT]);
            // SAFETY: addresses of functions, which never change.
            unsafe impl Sync for Table {}
            static TABLE: Table = {
                let mut table = [std::ptr::null(); BUILTIN_COUNT];
                $(table[Builtin::$name as usize] = $function::shim as *const c_void;)*
                Table(table)
            };
            TABLE.0.as_ptr()
        }

        #[cfg(test)]
        const DEFINED: &[Builtin] = &[$(Builtin::$name),*];
    };
}

builtins! {
    MemoryGrow = memory_grow(call, memory: u32, delta: u64) -> u64 {
        let id = call.instance().memory(MemoryIndex(memory));
        Ok(call.store.grow_memory(id, delta)?.unwrap_or(u64::MAX))
    }
    MemoryCopy = memory_copy(call, to_memory: u32, from_memory: u32, to: u64, from: u64, len: u64) {
        let to_id = call.instance().memory(MemoryIndex(to_memory));
        let from_id = call.instance().memory(MemoryIndex(from_memory));
        let (target, source) = (call.store.memory(to_id), call.store.memory(from_id));
        if !in_bounds(to, len, target.len()) || !in_bounds(from, len, source.len()) {
            return Err(TrapCode::MemoryOutOfBounds.into());
        }
        // SAFETY: both ranges are accessible, as just checked; `copy` allows them to overlap. Of shared memories other
        // threads may see any mix of old and new bytes.
        unsafe { std::ptr::copy(source.base().add(from as usize), target.base().add(to as usize), len as usize) };
        Ok(())
    }
    MemoryFill = memory_fill(call, memory: u32, to: u64, byte: u32, len: u64) {
        let id = call.instance().memory(MemoryIndex(memory));
        let memory = call.store.memory(id);
        if !in_bounds(to, len, memory.len()) {
            return Err(TrapCode::MemoryOutOfBounds.into());
        }
        // SAFETY: the range is accessible, as just checked.
        unsafe { memory.base().add(to as usize).write_bytes(byte as u8, len as usize) };
        Ok(())
    }
    MemoryInit = memory_init(call, memory: u32, segment: u32, to: u64, from: u32, len: u32) {
        let id = call.instance().id();
        call.store.init_memory(id, MemoryIndex(memory), DataIndex(segment), to, from.into(), len.into())
    }
    DataDrop = data_drop(call, segment: u32) {
        let id = call.instance().id();
        call.store.drop_data(id, DataIndex(segment));
        Ok(())
    }
    AtomicWait32 = atomic_wait32(call, memory: u32, index: u64, offset: u64, expected: u32, timeout: u64) -> u32 {
        let address = atomic_address(index, offset, 4)?;
        let memory = call.shared_memory(memory, address, 4)?;
        Ok(memory.wait32(address, expected, duration(timeout))? as u32)
    }
    AtomicWait64 = atomic_wait64(call, memory: u32, index: u64, offset: u64, expected: u64, timeout: u64) -> u32 {
        let address = atomic_address(index, offset, 8)?;
        let memory = call.shared_memory(memory, address, 8)?;
        Ok(memory.wait64(address, expected, duration(timeout))? as u32)
    }
    AtomicNotify = atomic_notify(call, memory: u32, index: u64, offset: u64, count: u32) -> u32 {
        let address = atomic_address(index, offset, 4)?;
        let id = call.instance().memory(MemoryIndex(memory));
        let memory = call.store.memory(id);
        match memory.shared() {
            Some(memory) => Ok(memory.notify(address, count)?),
            // Nobody can wait there.
            None => Ok(check(address, 4, memory.len()).map(|()| 0)?),
        }
    }
    TableGrow = table_grow(call, table: u32, delta: u64, init: u64) -> u64 {
        let id = call.instance().table(TableIndex(table));
        Ok(call.store.grow_table(id, delta, init)?.unwrap_or(u64::MAX))
    }
    TableFill = table_fill(call, table: u32, to: u64, value: u64, len: u64) {
        let id = call.instance().table(TableIndex(table));
        let elements = call.store.table_mut(id).change_from(to, len);
        elements.ok_or(TrapCode::TableOutOfBounds)?.fill(value);
        Ok(())
    }
    TableCopy = table_copy(call, to_table: u32, from_table: u32, to: u64, from: u64, len: u64) {
        let to_id = call.instance().table(TableIndex(to_table));
        let from_id = call.instance().table(TableIndex(from_table));
        match call.store.copy_table(to_id, from_id, to, from, len) {
            true => Ok(()),
            false => Err(TrapCode::TableOutOfBounds.into()),
        }
    }
    TableInit = table_init(call, table: u32, segment: u32, to: u64, from: u32, len: u32) {
        let id = call.instance().id();
        Ok(call.store.init_table(id, TableIndex(table), ElemIndex(segment), to, from.into(), len.into())?)
    }
    ElemDrop = elem_drop(call, segment: u32) {
        let id = call.instance().id();
        call.store.drop_elements(id, ElemIndex(segment));
        Ok(())
    }
    StructNew = struct_new(call, ty: u32) -> u32 {
        call.struct_new(ty)
    }
    ArrayNew = array_new(call, ty: u32, length: u32) -> u32 {
        call.array_new(ty, length)
    }
    ArrayNewData = array_new_data(call, ty: u32, segment: u32, from: u32, length: u32) -> u32 {
        call.array_new_data(ty, segment, from, length)
    }
    ArrayNewElem = array_new_elem(call, ty: u32, segment: u32, from: u32, length: u32) -> u32 {
        call.array_new_elem(ty, segment, from, length)
    }
    ArrayFill = array_fill(call, array: u32, first: u32, low: u64, high: u64, len: u32) {
        call.array_fill(array, first, low, high, len)
    }
    ArrayCopy = array_copy(call, to: u32, to_first: u32, from: u32, from_first: u32, len: u32) {
        call.array_copy(to, to_first, from, from_first, len)
    }
    ArrayInitData = array_init_data(call, array: u32, segment: u32, first: u32, from: u32, len: u32) {
        call.init_data(array, segment, first, from, len)
    }
    ArrayInitElem = array_init_elem(call, array: u32, segment: u32, first: u32, from: u32, len: u32) {
        call.init_elem(array, segment, first, from, len)
    }
    ExceptionNew = exception_new(call, tag: u32) -> u32 {
        let (header, tag) = call.instance().exception(TagIndex(tag));
        Ok(call.store.new_exception(header, tag)?)
    }
    Throw = throw(call, exception: u32) {
        if exception == 0 {
            return Err(TrapCode::NullReference.into());
        }
        call.store.set_pending_exception(exception);
        Err::<(), _>(Stop::Exception)
    }
    CeilF32 = ceil_f32(_call, x: f32) -> f32 { Ok(x.ceil()) }
    FloorF32 = floor_f32(_call, x: f32) -> f32 { Ok(x.floor()) }
    TruncF32 = trunc_f32(_call, x: f32) -> f32 { Ok(x.trunc()) }
    NearestF32 = nearest_f32(_call, x: f32) -> f32 { Ok(x.round_ties_even()) }
    CeilF64 = ceil_f64(_call, x: f64) -> f64 { Ok(x.ceil()) }
    FloorF64 = floor_f64(_call, x: f64) -> f64 { Ok(x.floor()) }
    TruncF64 = trunc_f64(_call, x: f64) -> f64 { Ok(x.trunc()) }
    NearestF64 = nearest_f64(_call, x: f64) -> f64 { Ok(x.round_ties_even()) }
    FmaF32 = fma_f32(_call, x: f32, y: f32, z: f32) -> f32 { Ok(x.mul_add(y, z)) }
    FmaF64 = fma_f64(_call, x: f64, y: f64, z: f64) -> f64 { Ok(x.mul_add(y, z)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_is_defined() {
        assert_eq!(DEFINED, Builtin::ALL);
    }
}
