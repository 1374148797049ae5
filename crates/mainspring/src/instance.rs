//! Instances.

use crate::externals::{Export, Extern};
use crate::linker::{Definition, OTHER_ENGINE, OTHER_STORE};
use crate::matching::{self, Supplied};
use crate::module::ModuleExport;
use crate::store::{AsContextMut, StoreContext, StoreContextMut, StoreOpaque};
use crate::trap::error_of;
use crate::typed::{TypedFunc, WasmParams, WasmResults};
use crate::{Engine, Func, Global, Memory, Module, Result, SharedMemory, Table, Tag};
use mainspring_error::{Context, bail, ensure, format_err};
use mainspring_runtime as runtime;
use mainspring_runtime::{Backtrace, Import, InstanceId, InstantiateError, StoreId, Unwind};
use mainspring_wasm::{EntityIndex, FuncIndex, GlobalIndex, MemoryIndex, TableIndex, TagIndex};
use std::sync::Arc;

/// An instance of a module, in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instance {
    store: StoreId,
    id: InstanceId,
}

impl Instance {
    /// Makes an instance, with what it imports in declaration order.
    ///
    /// # Errors
    /// If there are more or fewer imports than declared, or one has the wrong type: the error names it. If a segment does
    /// not fit or the start function traps, with a [`Trap`](crate::Trap). If a limit of the store is reached. If an import is
    /// of another store, or the module of another engine.
    pub fn new(store: impl AsContextMut, module: &Module, imports: &[Extern]) -> Result<Instance> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        check_engine(module.engine(), &store.engine)?;
        let declared = module.imports().len();
        if imports.len() != declared {
            bail!("expected {declared} imports, found {}", imports.len());
        }
        for (i, import) in imports.iter().enumerate() {
            ensure!(import.comes_from(store), OTHER_STORE);
            matching::check(module, i, &Supplied::Extern(store, import))?;
        }
        let imports: Vec<Import> = imports.iter().map(|item| item.as_import(store)).collect();
        Instance::make(store, module, &imports)
    }

    /// Makes an instance with imports that were checked.
    fn make(store: &mut StoreOpaque, module: &Module, imports: &[Import]) -> Result<Instance> {
        let _span = tracing::debug_span!("instantiate", module = module.name()).entered();
        let made = runtime::instantiate(&mut store.runtime, module.inner(), imports);
        // An instance whose initialization failed is in the store all the same.
        if store.modules.len() < store.runtime.instance_count() {
            store.modules.push(module.clone());
        }
        let id = made.map_err(|error| match error {
            InstantiateError::Trap(code) => error_of(
                store,
                Unwind::Trap(code, Backtrace::capture(&store.runtime)),
            ),
            InstantiateError::Refused(error) => error,
        })?;
        let instance = Instance::of_id(store, id);
        if let Some(start) = module.inner().info().start {
            instance.start(store, start)?;
        }
        Ok(instance)
    }

    fn start(&self, store: &mut StoreOpaque, start: FuncIndex) -> Result<()> {
        // SAFETY: it is the instance's start function.
        let done = unsafe { runtime::enter::call_start(&mut store.runtime, self.id, start) };
        done.map_err(|why| error_of(store, why))
    }

    pub(crate) fn of_id(store: &StoreOpaque, id: InstanceId) -> Instance {
        Instance {
            store: store.id(),
            id,
        }
    }

    /// The module it is an instance of.
    pub fn module<'a, T: 'static>(&self, store: impl Into<StoreContext<'a, T>>) -> &'a Module {
        let store = store.into();
        store.0.opaque.check(self.store);
        &store.0.opaque.modules[self.id.0 as usize]
    }

    /// Its exports, in declaration order.
    pub fn exports<'a, T: 'static>(
        &'a self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> impl ExactSizeIterator<Item = Export<'a>> + 'a {
        let store = store.into();
        let opaque: &'a StoreOpaque = &store.0.opaque;
        opaque.check(self.store);
        let instance = opaque.runtime.instance(self.id);
        instance
            .module()
            .info()
            .exports
            .iter()
            .map(|export| Export::new(&export.name, self.entity(opaque, export.entity)))
    }

    /// An export.
    ///
    /// # Panics
    /// If the instance is of another store.
    pub fn get_export(&self, store: impl AsContextMut, name: &str) -> Option<Extern> {
        let mut store = store;
        let store = &store.as_context_mut().0.opaque;
        store.check(self.store);
        let entity = store
            .runtime
            .instance(self.id)
            .module()
            .info()
            .export(name)?;
        Some(self.entity(store, entity))
    }

    /// An export that was looked up in the module; `None` if that is another module.
    ///
    /// # Panics
    /// If the instance is of another store.
    pub fn get_module_export(
        &self,
        store: impl AsContextMut,
        export: &ModuleExport,
    ) -> Option<Extern> {
        let mut store = store;
        let store = &store.as_context_mut().0.opaque;
        store.check(self.store);
        let own = store.runtime.instance(self.id).module();
        Arc::ptr_eq(own, &export.module).then(|| self.entity(store, export.entity))
    }

    /// A function by its index in the module, in which imported ones come first. `None` if there is none, or if
    /// the module neither exports it nor makes references to it.
    ///
    /// # Panics
    /// If the instance is of another store.
    pub fn debug_function(&self, store: impl AsContextMut, function_index: u32) -> Option<Func> {
        let mut store = store;
        let store = &store.as_context_mut().0.opaque;
        store.check(self.store);
        let instance = store.runtime.instance(self.id);
        let func_ref = instance.func_ref_if_any(FuncIndex(function_index))?;
        Some(Func::from_ref(store, func_ref))
    }

    /// A memory by its index in the module, in which imported ones come first. `None` if there is none, or it is shared.
    ///
    /// # Panics
    /// If the instance is of another store.
    pub fn debug_memory(&self, store: impl AsContextMut, memory_index: u32) -> Option<Memory> {
        self.by_index(store, EntityIndex::Memory(MemoryIndex(memory_index)))?
            .into_memory()
    }

    /// A memory that threads share by its index in the module, in which imported ones come first. `None` if there is none,
    /// or it is not shared.
    ///
    /// # Panics
    /// If the instance is of another store.
    pub fn debug_shared_memory(
        &self,
        store: impl AsContextMut,
        memory_index: u32,
    ) -> Option<SharedMemory> {
        self.by_index(store, EntityIndex::Memory(MemoryIndex(memory_index)))?
            .into_shared_memory()
    }

    /// A table by its index in the module, in which imported ones come first.
    ///
    /// # Panics
    /// If the instance is of another store.
    pub fn debug_table(&self, store: impl AsContextMut, table_index: u32) -> Option<Table> {
        self.by_index(store, EntityIndex::Table(TableIndex(table_index)))?
            .into_table()
    }

    /// A global by its index in the module, in which imported ones come first.
    ///
    /// # Panics
    /// If the instance is of another store.
    pub fn debug_global(&self, store: impl AsContextMut, global_index: u32) -> Option<Global> {
        self.by_index(store, EntityIndex::Global(GlobalIndex(global_index)))?
            .into_global()
    }

    /// A tag by its index in the module, in which imported ones come first.
    ///
    /// # Panics
    /// If the instance is of another store.
    pub fn debug_tag(&self, store: impl AsContextMut, tag_index: u32) -> Option<Tag> {
        self.by_index(store, EntityIndex::Tag(TagIndex(tag_index)))?
            .into_tag()
    }

    /// A number that no other instance of the store has.
    pub fn debug_index_in_store(&self) -> u32 {
        self.id.0
    }

    /// What has an index in the module, if there is such a thing.
    fn by_index(&self, store: impl AsContextMut, entity: EntityIndex) -> Option<Extern> {
        let mut store = store;
        let store = &store.as_context_mut().0.opaque;
        store.check(self.store);
        let info = store.runtime.instance(self.id).module().info();
        let (index, count) = match entity {
            EntityIndex::Func(index) => (index.index(), info.functions.len()),
            EntityIndex::Table(index) => (index.index(), info.tables.len()),
            EntityIndex::Memory(index) => (index.index(), info.memories.len()),
            EntityIndex::Global(index) => (index.index(), info.globals.len()),
            EntityIndex::Tag(index) => (index.index(), info.tags.len()),
        };
        (index < count).then(|| self.entity(store, entity))
    }

    fn entity(&self, store: &StoreOpaque, entity: EntityIndex) -> Extern {
        let instance = store.runtime.instance(self.id);
        match entity {
            EntityIndex::Func(index) => {
                Extern::Func(Func::from_ref(store, instance.func_ref(index)))
            }
            EntityIndex::Table(index) => {
                Extern::Table(Table::from_id(store, instance.table(index)))
            }
            EntityIndex::Memory(index) => {
                let id = instance.memory(index);
                match store.runtime.memory(id).shared() {
                    Some(memory) => SharedMemory::of(&store.engine, memory.clone()).into(),
                    None => Memory::from_id(store, id).into(),
                }
            }
            EntityIndex::Global(index) => {
                Extern::Global(Global::from_id(store, instance.global(index)))
            }
            EntityIndex::Tag(index) => Extern::Tag(Tag::from_id(store, instance.tag(index))),
        }
    }

    /// An exported function.
    pub fn get_func(&self, store: impl AsContextMut, name: &str) -> Option<Func> {
        self.get_export(store, name)?.into_func()
    }

    /// An exported function, with its type checked.
    ///
    /// # Errors
    /// If there is none of that name, or its type is another one.
    pub fn get_typed_func<Params: WasmParams, Results: WasmResults>(
        &self,
        store: impl AsContextMut,
        name: &str,
    ) -> Result<TypedFunc<Params, Results>> {
        let mut store = store;
        let func = self
            .get_export(&mut store, name)
            .and_then(Extern::into_func)
            .ok_or_else(|| format_err!("failed to find function export `{name}`"))?;
        func.typed(&store)
            .with_context(|| format!("failed to convert function `{name}` to given type"))
    }

    /// An exported table.
    pub fn get_table(&self, store: impl AsContextMut, name: &str) -> Option<Table> {
        self.get_export(store, name)?.into_table()
    }

    /// An exported memory that threads share.
    pub fn get_shared_memory(&self, store: impl AsContextMut, name: &str) -> Option<SharedMemory> {
        self.get_export(store, name)?.into_shared_memory()
    }

    /// An exported memory that is not shared.
    pub fn get_memory(&self, store: impl AsContextMut, name: &str) -> Option<Memory> {
        self.get_export(store, name)?.into_memory()
    }

    /// An exported global.
    pub fn get_global(&self, store: impl AsContextMut, name: &str) -> Option<Global> {
        self.get_export(store, name)?.into_global()
    }

    /// An exported tag.
    pub fn get_tag(&self, store: impl AsContextMut, name: &str) -> Option<Tag> {
        self.get_export(store, name)?.into_tag()
    }
}

fn check_engine(module: &Engine, store: &Engine) -> Result<()> {
    ensure!(Engine::same(module, store), OTHER_ENGINE);
    Ok(())
}

/// A module with its imports, all checked: instantiation does no more looking up.
///
/// Belongs to no store, unless one of the imports does.
pub struct InstancePre<T: 'static> {
    module: Module,
    imports: Arc<[Definition]>,
    _data: std::marker::PhantomData<fn() -> T>,
}

impl<T: 'static> Clone for InstancePre<T> {
    fn clone(&self) -> Self {
        InstancePre {
            module: self.module.clone(),
            imports: self.imports.clone(),
            _data: std::marker::PhantomData,
        }
    }
}

impl<T: 'static> std::fmt::Debug for InstancePre<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstancePre")
            .field("module", &self.module)
            .finish_non_exhaustive()
    }
}

impl<T: 'static> InstancePre<T> {
    /// A module with imports that were checked, but for the store that they are in.
    pub(crate) fn new(module: &Module, imports: Vec<Definition>) -> InstancePre<T> {
        InstancePre {
            module: module.clone(),
            imports: imports.into(),
            _data: std::marker::PhantomData,
        }
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Makes an instance.
    ///
    /// # Errors
    /// As for [`Instance::new`], but for the types of host functions, which were checked.
    pub fn instantiate(&self, store: impl AsContextMut<Data = T>) -> Result<Instance> {
        let mut store = store;
        let store = &mut store.as_context_mut().0.opaque;
        check_engine(self.module.engine(), &store.engine)?;
        let instances = store.runtime.instance_count();
        let host_funcs = store.runtime.host_func_count();
        let made = self
            .imports_in(store)
            .and_then(|imports| Instance::make(store, &self.module, &imports));
        if made.is_err() && store.runtime.instance_count() == instances {
            // SAFETY: these host functions are known to the instance alone, and it was not made.
            unsafe { store.runtime.forget_host_funcs(host_funcs) };
        }
        made
    }

    /// The imports, put into a store.
    fn imports_in(&self, store: &mut StoreOpaque) -> Result<Vec<Import>> {
        let mut imports = Vec::with_capacity(self.imports.len());
        for (i, import) in self.imports.iter().enumerate() {
            imports.push(match import {
                Definition::Host(func) => Import::Func(func.instantiate(store).func_ref()),
                Definition::Extern(item, _) => {
                    ensure!(item.comes_from(store), OTHER_STORE);
                    matching::check(&self.module, i, &Supplied::Extern(store, item))?;
                    item.as_import(store)
                }
            });
        }
        Ok(imports)
    }
}
