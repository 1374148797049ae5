//! Host functions.

use crate::exit;
use crate::store::Store;
use crate::val::ValRaw;
use mainspring_abi::{CallLayout, VMFuncRef, VMFunctionImport, VMStoreContext, call_layout};
use mainspring_wasm::{FuncRefIndex, FuncType, RegisteredTypes, TypeAddress};
use std::any::Any;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

/// A host function's body for arguments in memory: parameters in, results out, in the same slots.
///
/// There are as many slots as the larger of both numbers. It must not unwind; to stop the guest it
/// says why with [`Store::set_unwinding`] and returns false.
pub type ArrayTarget = unsafe extern "sysv64" fn(*mut VMHostContext, *mut ValRaw) -> bool;

/// What a host function gets as its first argument, in the place of a VM context.
#[repr(C)]
#[derive(Debug)]
pub struct VMHostContext {
    /// The store; first, as in a VM context.
    pub store: *mut VMStoreContext,
    /// What the exit shim calls: a function of the wasm function's own signature, or an
    /// [`ArrayTarget`].
    pub(crate) target: *const c_void,
    /// The closure behind it.
    pub data: *const (),
    /// Where arguments are, for the array shim.
    pub(crate) layout: *const CallLayout,
}

/// How a host function wants its arguments.
#[derive(Clone, Copy, Debug)]
pub enum HostTarget {
    /// In registers: a function with the System V convention, of the wasm function's parameters
    /// after the context. Only where these conventions agree: see [`CallLayout`].
    Registers(*const c_void),
    /// In memory.
    Array(ArrayTarget),
}

/// A host function that is in no store yet. Stores share it, so that putting it into one takes no
/// lock and copies nothing.
pub struct HostDefinition {
    ty: TypeAddress,
    /// The shim, and what it calls.
    code: *const c_void,
    target: *const c_void,
    layout: CallLayout,
    data: *const (),
    /// Keeps what `data` points to alive.
    _owner: Arc<dyn Any + Send + Sync>,
    /// Keeps its type registered.
    _types: RegisteredTypes,
}

// SAFETY: the pointers are to code and to what `_owner` keeps, which is `Send + Sync`.
unsafe impl Send for HostDefinition {}
// SAFETY: as above.
unsafe impl Sync for HostDefinition {}

impl HostDefinition {
    /// A host function of a type (concrete references canonical).
    ///
    /// `data` is what the target finds in its context, kept alive by `owner`.
    ///
    /// # Safety
    /// The target must be a function for that type, must expect `data`, and must not unwind.
    pub unsafe fn new(
        ty: &FuncType,
        types: RegisteredTypes,
        target: HostTarget,
        data: *const (),
        owner: Arc<dyn Any + Send + Sync>,
    ) -> HostDefinition {
        let (code, target) = match target {
            HostTarget::Registers(target) => (exit::exit_with_registers as *const c_void, target),
            HostTarget::Array(target) => (
                exit::exit_with_array as *const c_void,
                target as *const c_void,
            ),
        };
        HostDefinition {
            ty: types.addresses()[0],
            code,
            target,
            layout: call_layout(ty),
            data,
            _owner: owner,
            _types: types,
        }
    }
}

/// A function of the host's in a store.
pub struct HostFunc {
    context: VMHostContext,
    func_ref: VMFuncRef,
    /// Keeps what the context points to.
    _definition: Arc<HostDefinition>,
}

impl Store {
    /// Adds a host function.
    pub fn add_host_func(&mut self, definition: &Arc<HostDefinition>) -> NonNull<VMFuncRef> {
        let mut func = Box::new(HostFunc {
            context: VMHostContext {
                store: self.vm_ptr(),
                target: definition.target,
                data: definition.data,
                layout: &definition.layout,
            },
            func_ref: VMFuncRef {
                code: definition.code,
                vmctx: std::ptr::null_mut(),
                ty: definition.ty,
            },
            _definition: definition.clone(),
        });
        func.func_ref.vmctx = (&raw mut func.context).cast();
        let func_ref = NonNull::from(&mut func.func_ref);
        self.host_funcs.push(func);
        func_ref
    }

    /// How many host functions it has.
    pub fn host_func_count(&self) -> usize {
        self.host_funcs.len()
    }

    /// Takes out the host functions that were added since there were `count`.
    ///
    /// # Safety
    /// Nothing may refer to them.
    pub unsafe fn forget_host_funcs(&mut self, count: usize) {
        if self.func_refs.host_funcs > count {
            self.func_refs = FuncRefs::default();
        }
        self.host_funcs.truncate(count);
    }

    /// Whether there is a function reference of this store at an address.
    pub fn is_func_ref(&mut self, address: *const c_void) -> bool {
        let mut known = std::mem::take(&mut self.func_refs);
        for func in &self.host_funcs[known.host_funcs..] {
            known.add((&raw const func.func_ref).cast(), 1);
        }
        for instance in &self.instances[known.instances..] {
            let count = instance.module.info().escaping.len();
            if count > 0 {
                let first = instance.module.code().offsets().func_ref(FuncRefIndex(0));
                let first = instance.vmctx.at::<VMFuncRef>(first);
                known.add(first.as_ptr().cast(), count);
            }
        }
        known.host_funcs = self.host_funcs.len();
        known.instances = self.instances.len();
        let found = known.has(address);
        self.func_refs = known;
        found
    }
}

/// Where a store's function references are, as far as someone has asked.
#[derive(Default)]
pub(crate) struct FuncRefs {
    /// The ends of arrays of them, by where these begin.
    arrays: BTreeMap<usize, usize>,
    /// Those of so many host functions and instances are in it.
    host_funcs: usize,
    instances: usize,
}

impl FuncRefs {
    fn add(&mut self, first: *const c_void, count: usize) {
        let start = first.addr();
        let end = start + count * size_of::<VMFuncRef>();
        self.arrays.insert(start, end);
    }

    fn has(&self, address: *const c_void) -> bool {
        let address = address.addr();
        let before = self.arrays.range(..=address).next_back();
        before.is_some_and(|(start, end)| {
            address < *end && (address - start).is_multiple_of(size_of::<VMFuncRef>())
        })
    }
}

/// What an instance that imports a function calls.
///
/// # Safety
/// The reference must be to a function of a live store.
pub(crate) unsafe fn function_import(func_ref: NonNull<VMFuncRef>) -> VMFunctionImport {
    // SAFETY: the caller's promise.
    let VMFuncRef { code, vmctx, .. } = *unsafe { func_ref.as_ref() };
    let code = if code == exit::exit_with_registers as *const c_void {
        // Whoever calls an import does what that shim does.
        // SAFETY: only host functions have that code, with such a context.
        unsafe { (*vmctx.cast::<VMHostContext>()).target }
    } else {
        code
    };
    VMFunctionImport {
        code,
        vmctx,
        func_ref: func_ref.as_ptr(),
    }
}

impl std::fmt::Debug for HostFunc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostFunc")
            .field("func_ref", &self.func_ref)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for HostDefinition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostDefinition")
            .field("ty", &self.ty)
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}
