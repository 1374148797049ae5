//! What modules import and export, and what instances do.

use crate::store::{AsContext, StoreOpaque};
use crate::types::{ExternType, FuncType, GlobalType, MemoryType, TableType, TagType};
use crate::{Engine, Func, Global, Memory, Module, SharedMemory, Table, Tag};
use mainspring_runtime as runtime;
use mainspring_runtime::Import;
use mainspring_wasm::EntityIndex;

/// Something of a store that can be imported or exported.
#[derive(Clone, Debug)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A global.
    Global(Global),
    /// A table.
    Table(Table),
    /// A memory.
    Memory(Memory),
    /// A memory that threads share.
    SharedMemory(SharedMemory),
    /// A tag of exceptions.
    Tag(Tag),
}

macro_rules! extern_accessors {
    ($($variant:ident $into:ident $word:literal)*) => {
        impl Extern {
            $(
                #[doc = concat!("The ", $word, ", if it is one.")]
                pub fn $into(self) -> Option<$variant> {
                    match self {
                        Extern::$variant(item) => Some(item),
                        _ => None,
                    }
                }
            )*
        }

        $(impl From<$variant> for Extern {
            fn from(item: $variant) -> Extern {
                Extern::$variant(item)
            }
        })*
    };
}

extern_accessors! {
    Func into_func "function"
    Global into_global "global"
    Table into_table "table"
    Memory into_memory "memory"
    SharedMemory into_shared_memory "shared memory"
    Tag into_tag "tag"
}

impl Extern {
    /// Its type.
    ///
    /// # Panics
    /// If it is of another store.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        match self {
            Extern::Func(item) => ExternType::Func(item.ty(store)),
            Extern::Global(item) => ExternType::Global(item.ty(store)),
            Extern::Table(item) => ExternType::Table(item.ty(store)),
            Extern::Memory(item) => ExternType::Memory(item.ty(store)),
            Extern::SharedMemory(item) => ExternType::Memory(item.ty()),
            Extern::Tag(item) => ExternType::Tag(item.ty(store)),
        }
    }

    pub(crate) fn comes_from(&self, store: &StoreOpaque) -> bool {
        let id = match self {
            Extern::Func(item) => item.store_id(),
            Extern::Global(item) => item.store_id(),
            Extern::Table(item) => item.store_id(),
            Extern::Memory(item) => item.store_id(),
            Extern::Tag(item) => item.store_id(),
            // Of no store, but of an engine.
            Extern::SharedMemory(item) => return Engine::same(item.engine(), &store.engine),
        };
        id == store.id()
    }

    /// What fills an import, given the store that it is to be in.
    pub(crate) fn as_import(&self, store: &mut StoreOpaque) -> Import {
        match self {
            Extern::Func(item) => Import::Func(item.func_ref()),
            Extern::Global(item) => Import::Global(item.id()),
            Extern::Table(item) => Import::Table(item.id()),
            Extern::Memory(item) => Import::Memory(item.id()),
            Extern::Tag(item) => Import::Tag(item.id()),
            Extern::SharedMemory(item) => {
                Import::Memory(store.runtime.foreign_memory(item.runtime()))
            }
        }
    }
}

/// The type of an entity of a module.
pub(crate) fn extern_type(
    engine: &Engine,
    module: &runtime::Module,
    entity: EntityIndex,
) -> ExternType {
    let info = module.info();
    match entity {
        EntityIndex::Func(index) => {
            let id = module.types().ids()[info.functions[index.index()].index()];
            ExternType::Func(FuncType::from_id(engine, id))
        }
        EntityIndex::Table(index) => {
            let ty = info.tables[index.index()];
            let element = runtime::canonical_ref(module, ty.element);
            ExternType::Table(TableType::from_wasm(
                engine,
                &mainspring_wasm::TableType { element, ..ty },
            ))
        }
        EntityIndex::Memory(index) => {
            ExternType::Memory(MemoryType::from_wasm(&info.memories[index.index()]))
        }
        EntityIndex::Global(index) => {
            let ty = info.globals[index.index()];
            let content = runtime::canonical_val(module, ty.content);
            ExternType::Global(GlobalType::from_wasm(
                engine,
                &mainspring_wasm::GlobalType { content, ..ty },
            ))
        }
        EntityIndex::Tag(index) => {
            let id = module.types().ids()[info.tags[index.index()].index()];
            ExternType::Tag(TagType::new(FuncType::from_id(engine, id)))
        }
    }
}

/// An import that a module declares.
#[derive(Clone)]
pub struct ImportType<'module> {
    module_name: &'module str,
    name: &'module str,
    module: &'module Module,
    entity: EntityIndex,
}

impl<'module> ImportType<'module> {
    pub(crate) fn new(
        module_name: &'module str,
        name: &'module str,
        module: &'module Module,
        entity: EntityIndex,
    ) -> Self {
        ImportType {
            module_name,
            name,
            module,
            entity,
        }
    }

    /// The first half of its name.
    pub fn module(&self) -> &'module str {
        self.module_name
    }

    /// The second half of its name.
    pub fn name(&self) -> &'module str {
        self.name
    }

    /// Its type.
    pub fn ty(&self) -> ExternType {
        self.module.extern_type(self.entity)
    }
}

impl std::fmt::Debug for ImportType<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportType")
            .field("module", &self.module_name)
            .field("name", &self.name)
            .field("ty", &self.ty())
            .finish()
    }
}

/// An export that a module declares.
#[derive(Clone)]
pub struct ExportType<'module> {
    name: &'module str,
    module: &'module Module,
    entity: EntityIndex,
}

impl<'module> ExportType<'module> {
    pub(crate) fn new(name: &'module str, module: &'module Module, entity: EntityIndex) -> Self {
        ExportType {
            name,
            module,
            entity,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'module str {
        self.name
    }

    /// Its type.
    pub fn ty(&self) -> ExternType {
        self.module.extern_type(self.entity)
    }
}

impl std::fmt::Debug for ExportType<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportType")
            .field("name", &self.name)
            .field("ty", &self.ty())
            .finish()
    }
}

/// An export of an instance.
#[derive(Clone, Debug)]
pub struct Export<'instance> {
    name: &'instance str,
    definition: Extern,
}

impl<'instance> Export<'instance> {
    pub(crate) fn new(name: &'instance str, definition: Extern) -> Self {
        Export { name, definition }
    }

    /// Its name.
    pub fn name(&self) -> &'instance str {
        self.name
    }

    /// Its type.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        self.definition.ty(store)
    }

    /// What it is.
    pub fn into_extern(self) -> Extern {
        self.definition
    }

    /// The function, if it is one.
    pub fn into_func(self) -> Option<Func> {
        self.definition.into_func()
    }

    /// The table, if it is one.
    pub fn into_table(self) -> Option<Table> {
        self.definition.into_table()
    }

    /// The memory, if it is one.
    pub fn into_memory(self) -> Option<Memory> {
        self.definition.into_memory()
    }

    /// The shared memory, if it is one.
    pub fn into_shared_memory(self) -> Option<SharedMemory> {
        self.definition.into_shared_memory()
    }

    /// The global, if it is one.
    pub fn into_global(self) -> Option<Global> {
        self.definition.into_global()
    }

    /// The tag, if it is one.
    pub fn into_tag(self) -> Option<Tag> {
        self.definition.into_tag()
    }
}
