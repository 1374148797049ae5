//! The store: owner of everything that runs.

use crate::exceptions::Exceptions;
use crate::func::{FuncRefs, HostFunc};
use crate::gc::{Heap, Holders};
use crate::global::GlobalInstance;
use crate::instance::{Instance, InstanceId};
use crate::limits::ResourceLimiter;
use crate::memory::{MemoryId, MemoryInstance};
use crate::module::Module;
use crate::table::TableInstance;
use crate::trap::Unwind;
use mainspring_abi::gc::VMHeap;
use mainspring_abi::{MemorySettings, VMStoreContext};
use mainspring_wasm::{
    CanonicalTypeId, ConcreteType, HeapType, RefType, RegisteredTypes, TypeRegistry, ValType,
};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The identity of a store: no two stores of a process ever have the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StoreId(u64);

impl StoreId {
    fn next() -> StoreId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        StoreId(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// As a number.
    pub fn as_raw(self) -> u64 {
        self.0
    }
}

/// What an engine fixes for all its stores.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// How memories are laid out.
    pub memory: MemorySettings,
    /// Bytes of stack that wasm may use.
    pub max_wasm_stack: usize,
    /// Frames in a backtrace at the most; none are recorded if it is 0.
    pub max_backtrace_frames: usize,
    /// Whether modules may define shared memories.
    pub shared_memories: bool,
    /// How objects are kept.
    pub heap: HeapSettings,
    /// The engine's types.
    pub types: TypeRegistry,
}

/// How a store keeps objects.
#[derive(Clone, Copy, Debug)]
pub struct HeapSettings {
    /// Bytes that objects may take which have survived, or are large.
    pub limit: usize,
    /// Whether anything is ever collected.
    pub collects: bool,
    /// Every so many allocations collect, for tests.
    pub zeal: Option<NonZeroU32>,
    /// Whether garbage is collected wherever it may be, for tests.
    pub stress: bool,
}

/// The store's context for generated code, with the way back to the store.
#[repr(C)]
pub(crate) struct StoreContext {
    pub vm: VMStoreContext,
    pub store: *mut Store,
}

/// Finds the limiter of the embedder's that a store has, given the store.
pub type LimiterAccess = unsafe fn(*mut Store) -> *mut dyn ResourceLimiter;

/// Owner of instances, memories, tables, globals, host functions and objects.
///
/// Must stay at one address from [`settle`](Self::settle) on.
pub struct Store {
    /// In the store itself, so that whoever is given its address may reach the store.
    pub(crate) context: StoreContext,
    id: StoreId,
    settings: Arc<StoreSettings>,
    #[expect(clippy::vec_box, reason = "generated code holds their addresses")]
    pub(crate) instances: Vec<Box<Instance>>,
    pub(crate) memories: Vec<MemoryInstance>,
    /// The shared memories among them that came from elsewhere, by the addresses of their definitions.
    pub(crate) foreign_memories: HashMap<usize, MemoryId>,
    pub(crate) tables: Vec<TableInstance>,
    pub(crate) globals: Vec<GlobalInstance>,
    #[expect(clippy::vec_box, reason = "generated code holds their addresses")]
    pub(crate) host_funcs: Vec<Box<HostFunc>>,
    pub(crate) func_refs: FuncRefs,
    /// Made with the first instance of a module that needs it, or the first object of the host's.
    pub(crate) heap: Option<Box<Heap>>,
    pub(crate) holders: Holders,
    /// The types that tables, globals and objects of the host's mention, by id.
    types: HashMap<u32, RegisteredTypes>,
    /// By the address of their code.
    modules: HashMap<usize, Arc<Module>>,
    pub(crate) limiter: Option<LimiterAccess>,
    /// Why wasm is being unwound, between the raise and the entry.
    pub(crate) unwinding: Option<Unwind>,
    pub(crate) exceptions: Exceptions,
}

// SAFETY: the raw pointers in a store point to what the store itself owns, and move with it between
// threads; host functions and values are `Send + Sync` by their constructors' bounds.
unsafe impl Send for Store {}
// SAFETY: shared access reads only; everything that changes takes `&mut Store`.
unsafe impl Sync for Store {}

impl Store {
    /// An empty store.
    pub fn new(settings: Arc<StoreSettings>) -> Store {
        let vm = VMStoreContext {
            stack_limit: usize::MAX,
            exit_fp: 0,
            exit_sp: 0,
            frame_values: std::ptr::null(),
            entry_fp: 0,
            caller: std::ptr::null_mut(),
            heap: VMHeap {
                base: std::ptr::null_mut(),
                next: 0,
                limit: 0,
            },
        };
        Store {
            context: StoreContext {
                vm,
                store: std::ptr::null_mut(),
            },
            id: StoreId::next(),
            settings,
            instances: Vec::new(),
            memories: Vec::new(),
            foreign_memories: HashMap::new(),
            tables: Vec::new(),
            globals: Vec::new(),
            host_funcs: Vec::new(),
            func_refs: FuncRefs::default(),
            heap: None,
            holders: Holders::default(),
            types: HashMap::new(),
            modules: HashMap::new(),
            limiter: None,
            unwinding: None,
            exceptions: Exceptions::default(),
        }
    }

    /// Says that the store has reached the address where it stays.
    pub fn settle(&mut self) {
        self.context.store = self;
    }

    /// Its identity.
    #[inline]
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// What its engine fixed.
    #[inline]
    pub fn settings(&self) -> &StoreSettings {
        &self.settings
    }

    /// Its context for generated code.
    pub fn vm(&self) -> &VMStoreContext {
        &self.context.vm
    }

    #[inline]
    pub(crate) fn vm_ptr(&mut self) -> *mut VMStoreContext {
        &raw mut self.context.vm
    }

    /// The store that a context belongs to.
    ///
    /// # Safety
    /// The context must be that of a settled store that is alive.
    #[inline]
    pub unsafe fn of_context<'a>(vm: *mut VMStoreContext) -> &'a mut Store {
        // SAFETY: every `VMStoreContext` is the first field of a `StoreContext`, and a settled
        // store stays where it is.
        unsafe { &mut *(*vm.cast::<StoreContext>()).store }
    }

    /// Sets how to find the embedder's limiter.
    ///
    /// # Safety
    /// `access` must return a valid limiter for this store as long as the store lives.
    pub unsafe fn set_limiter(&mut self, access: Option<LimiterAccess>) {
        self.limiter = access;
    }

    pub(crate) fn limiter(&mut self) -> Option<&mut dyn ResourceLimiter> {
        let access = self.limiter?;
        // SAFETY: `set_limiter`'s contract; the limiter is the embedder's and no part of `self`.
        Some(unsafe { &mut *access(self) })
    }

    /// How many instances it has.
    pub fn instance_count(&self) -> usize {
        self.instances.len()
    }

    /// An instance.
    pub fn instance(&self, id: InstanceId) -> &Instance {
        &self.instances[id.0 as usize]
    }

    pub(crate) fn instance_ptr(&mut self, id: InstanceId) -> NonNull<Instance> {
        NonNull::from(self.instances[id.0 as usize].as_mut())
    }

    pub(crate) fn remember_module(&mut self, module: &Arc<Module>) {
        self.modules
            .entry(Arc::as_ptr(module.code()) as usize)
            .or_insert_with(|| module.clone());
    }

    /// The module of this store that has some code.
    pub(crate) fn module_of(
        &self,
        code: *const mainspring_tiering::ModuleCode,
    ) -> Option<&Arc<Module>> {
        self.modules.get(&(code as usize))
    }

    /// Keeps the declared type that a type mentions, if it does, registered as long as the store lives. Someone
    /// holds it now.
    pub(crate) fn hold_type(&mut self, ty: ValType) {
        if let ValType::Ref(RefType {
            heap: HeapType::Concrete(ConcreteType::Canonical(id)),
            ..
        }) = ty
        {
            self.hold_type_id(id);
        }
    }

    /// Keeps a type registered as long as the store lives. Someone holds it now.
    pub(crate) fn hold_type_id(&mut self, id: CanonicalTypeId) {
        let hold = || self.settings.types.hold(id).0;
        self.types.entry(id.0).or_insert_with(hold);
    }

    /// Keeps a type registered as long as the store lives.
    pub(crate) fn keep_types(&mut self, id: CanonicalTypeId, held: RegisteredTypes) {
        self.types.entry(id.0).or_insert(held);
    }

    /// The instance that made the call which is going on, as a name to be looked up when wanted.
    /// Must be asked before anything else is called.
    #[inline]
    pub fn calling_context(&self) -> CallingContext {
        CallingContext(self.context.vm.caller)
    }

    /// The instance that a calling context names; `None` if the host called.
    pub fn calling_instance(&self, caller: CallingContext) -> Option<InstanceId> {
        let vmctx = NonNull::new(caller.0)?;
        // SAFETY: generated code stores its own VM context there before each call that can reach
        // the host, and entering wasm clears it.
        Some(unsafe { Instance::of_vmctx(vmctx).as_ref() }.id())
    }
}

/// Who called a host function. See [`Store::calling_context`].
#[derive(Clone, Copy, Debug)]
pub struct CallingContext(*mut std::ffi::c_void);

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("id", &self.id)
            .field("instances", &self.instances.len())
            .finish_non_exhaustive()
    }
}
