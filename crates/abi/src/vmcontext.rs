//! The VM context: the block of memory each instance owns, and whose address every wasm function
//! gets as its first argument.
//!
//! Layout, in order (see [`VMOffsets`]): the fixed header, then one array for each kind of entity,
//! the most used first so that their displacements stay small. *Defined* entities live in the
//! context itself; *imported* ones are pointers to the definition in the context of the
//! instance (or host object) that owns it. A context never moves and lives as long as its store.

use crate::gc::VMHeap;
use mainspring_wasm::{
    CompositeType, FieldType, FuncIndex, FuncRefIndex, GlobalIndex, MemoryIndex, ModuleInfo,
    StorageType, SubType, TableIndex, TagIndex, TypeAddress, ValType,
};
use std::ffi::c_void;
use std::mem::size_of;

/// What all instances of a store share, at a fixed address.
///
/// Generated code reads [`stack_limit`](Self::stack_limit) in prologues and writes
/// [`caller`](Self::caller) before calls that may leave the module. Before it calls an import (other
/// than by a tail call) it also writes [`exit_fp`](Self::exit_fp) and [`exit_sp`](Self::exit_sp), so
/// that a host function can be called with nothing in between. The rest belongs to the crossings
/// between host and wasm.
#[repr(C)]
#[derive(Debug)]
pub struct VMStoreContext {
    /// Wasm functions trap when their frame would reach below this address.
    /// `usize::MAX` while no wasm runs.
    pub stack_limit: usize,
    /// Frame pointer of the wasm function that last called out to the host or a builtin.
    pub exit_fp: usize,
    /// Its stack pointer at that call: the return address into it is in the 8 bytes below.
    pub exit_sp: usize,
    /// Frame pointer of the innermost host-to-wasm entry frame; 0 if there is none.
    pub entry_fp: usize,
    /// The context of the instance that last made a call that can leave its module.
    pub caller: *mut c_void,
    /// What code with [`Entry::Loop`](crate::Entry::Loop) finds when it is entered: the function's locals and then
    /// the operands at the loop's header, bottom first, 16 bytes each.
    pub frame_values: *const [u8; 16],
    /// The store's objects. Where the heap is does not change after the first instance of a module that
    /// [needs one](ModuleInfo::needs_heap) was made.
    pub heap: VMHeap,
}

/// The fixed start of every VM context. A host function's context starts with the same first
/// field, so that a crossing finds the store without knowing which it was given.
#[repr(C)]
#[derive(Debug)]
pub struct VMContextHeader {
    /// The store's shared context.
    pub store: *mut VMStoreContext,
    /// Entry points of the builtins, indexed by [`Builtin`](crate::Builtin).
    pub builtins: *const *const c_void,
    /// What stands for each of the module's types.
    pub types: *const TypeAddress,
    /// Where the supertype vectors of all types of the engine are: an object's header is how far its type's is from
    /// here.
    pub type_base: *const c_void,
    /// The runtime's instance; opaque to generated code.
    pub instance: *mut c_void,
}

/// A function that references point to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VMFuncRef {
    /// Where to call it, with the calling convention of [`call_layout`](crate::call_layout).
    pub code: *const c_void,
    /// What to pass as its first argument.
    pub vmctx: *mut c_void,
    /// What stands for its type, and knows the supertypes of that.
    pub ty: TypeAddress,
}

/// An imported function, made from its [`VMFuncRef`] so that a call takes no extra load.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VMFunctionImport {
    /// Where to call it, after recording the exit: see [`VMStoreContext`]. A tail call has no
    /// frame to record, and goes through the reference.
    pub code: *const c_void,
    /// What to pass as its first argument.
    pub vmctx: *mut c_void,
    /// Where it was copied from: the value of a reference to it.
    pub func_ref: *const VMFuncRef,
}

/// Where a memory's bytes are, and how many.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VMMemoryDefinition {
    /// The address of byte 0. Never changes for a memory whose [`MemoryPlan`](crate::MemoryPlan)
    /// is static.
    pub base: *mut u8,
    /// Accessible bytes.
    pub length: usize,
}

/// A memory that lies elsewhere: an imported one, or a shared one, which outlives the instance that defines it. It
/// takes the same room as a definition.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VMMemoryImport {
    /// A copy of the definition's base. Only right for a memory that never moves.
    pub base: *mut u8,
    /// The definition, in its owner.
    pub definition: *mut VMMemoryDefinition,
}

const _: () = assert!(size_of::<VMMemoryImport>() == size_of::<VMMemoryDefinition>());

/// Where a table's elements are, and how many. Each element takes 8 bytes: a pointer to a
/// [`VMFuncRef`] or null, or a garbage-collected reference zero-extended.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VMTableDefinition {
    /// The address of element 0. Never changes for a table that can't grow (minimum = maximum).
    pub base: *mut u64,
    /// How many elements there are.
    pub length: u64,
    /// A byte for each [`TABLE_CARD`](crate::gc::TABLE_CARD) elements, which whoever stores a garbage-collected reference in one of them sets to 1.
    /// As constant as `base`; null for functions.
    pub cards: *mut u8,
}

/// The value of a global: any value type, in its first bytes, little-endian.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug)]
pub struct VMGlobalDefinition(pub [u8; 16]);

/// Byte offsets of everything in the VM context of one module's instances.
#[derive(Clone, Debug)]
pub struct VMOffsets {
    imported_functions: u32,
    imported_tables: u32,
    imported_memories: u32,
    imported_globals: u32,
    imported_tags: u32,
    defined_memories_at: u32,
    memory_imports_at: u32,
    defined_tables_at: u32,
    table_imports_at: u32,
    function_imports_at: u32,
    global_imports_at: u32,
    tags_at: u32,
    defined_globals_at: u32,
    func_refs_at: u32,
    size: u32,
    passes_vectors: bool,
    needs_heap: bool,
}

fn passes_vectors(module: &ModuleInfo) -> bool {
    let is_vector = |ty: &ValType| *ty == ValType::V128;
    let holds = |field: &FieldType| field.storage == StorageType::Val(ValType::V128);
    let passes = |ty: &SubType| match &ty.composite {
        CompositeType::Func(ty) => ty.results.iter().any(is_vector),
        CompositeType::Struct(fields) => fields.iter().any(holds),
        CompositeType::Array(element) => holds(element),
    };
    let mut globals = module.globals.iter().map(|global| &global.content);
    module.types.iter().any(passes) || globals.any(is_vector)
}

impl VMOffsets {
    /// Lays out the context for a module.
    ///
    /// # Panics
    /// If the context would be 2 GiB or more, which the limits of validation rule out.
    pub fn new(module: &ModuleInfo) -> VMOffsets {
        let mut at = size_of::<VMContextHeader>();
        let mut array = |count: usize, size: usize, align: usize| {
            at = at.next_multiple_of(align);
            let start = at;
            at += count * size;
            u32::try_from(start).expect("VM contexts stay below 4 GiB")
        };
        let imported = module.imported;
        let defined = |all: usize, imported: u32| all - imported as usize;
        let mut offsets = VMOffsets {
            imported_functions: imported.functions,
            imported_tables: imported.tables,
            imported_memories: imported.memories,
            imported_globals: imported.globals,
            imported_tags: imported.tags,
            defined_memories_at: array(
                defined(module.memories.len(), imported.memories),
                size_of::<VMMemoryDefinition>(),
                8,
            ),
            memory_imports_at: array(imported.memories as usize, size_of::<VMMemoryImport>(), 8),
            defined_tables_at: array(
                defined(module.tables.len(), imported.tables),
                size_of::<VMTableDefinition>(),
                8,
            ),
            table_imports_at: array(
                imported.tables as usize,
                size_of::<*mut VMTableDefinition>(),
                8,
            ),
            function_imports_at: array(
                imported.functions as usize,
                size_of::<VMFunctionImport>(),
                8,
            ),
            global_imports_at: array(
                imported.globals as usize,
                size_of::<*mut VMGlobalDefinition>(),
                8,
            ),
            // For each tag, imported or defined, its number in the store.
            tags_at: array(module.tags.len(), size_of::<u32>(), 4),
            defined_globals_at: array(
                defined(module.globals.len(), imported.globals),
                size_of::<VMGlobalDefinition>(),
                16,
            ),
            func_refs_at: array(module.escaping.len(), size_of::<VMFuncRef>(), 8),
            size: 0,
            passes_vectors: passes_vectors(module),
            needs_heap: module.needs_heap(),
        };
        offsets.size =
            u32::try_from(at.next_multiple_of(16)).expect("VM contexts stay below 4 GiB");
        assert!(
            offsets.size <= i32::MAX as u32,
            "offsets are used as signed 32-bit displacements"
        );
        offsets
    }

    /// Whether a function may get a vector from elsewhere, without an instruction of its own that makes one: from
    /// a global, a call or an object.
    pub fn passes_vectors(&self) -> bool {
        self.passes_vectors
    }

    /// Whether the module [needs a heap](ModuleInfo::needs_heap).
    pub fn needs_heap(&self) -> bool {
        self.needs_heap
    }

    /// Bytes of the whole context.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Of the [`VMMemoryDefinition`] of a memory that the module defines, or its [`VMMemoryImport`] if it is shared.
    pub fn defined_memory(&self, memory: MemoryIndex) -> u32 {
        self.defined_memories_at
            + (memory.0 - self.imported_memories) * size_of::<VMMemoryDefinition>() as u32
    }

    /// Of the [`VMMemoryImport`] of an imported memory.
    pub fn memory_import(&self, memory: MemoryIndex) -> u32 {
        debug_assert!(memory.0 < self.imported_memories);
        self.memory_imports_at + memory.0 * size_of::<VMMemoryImport>() as u32
    }

    /// Of the [`VMMemoryImport`] of a memory that has one: an imported or a shared one.
    pub fn memory_elsewhere(&self, memory: MemoryIndex) -> u32 {
        match memory.0 < self.imported_memories {
            true => self.memory_import(memory),
            false => self.defined_memory(memory),
        }
    }

    /// Of the [`VMTableDefinition`] of a table that the module defines.
    pub fn defined_table(&self, table: TableIndex) -> u32 {
        self.defined_tables_at
            + (table.0 - self.imported_tables) * size_of::<VMTableDefinition>() as u32
    }

    /// Of the pointer to an imported table's [`VMTableDefinition`].
    pub fn table_import(&self, table: TableIndex) -> u32 {
        debug_assert!(table.0 < self.imported_tables);
        self.table_imports_at + table.0 * size_of::<*mut VMTableDefinition>() as u32
    }

    /// Of the [`VMFunctionImport`] of an imported function.
    pub fn function_import(&self, func: FuncIndex) -> u32 {
        debug_assert!(func.0 < self.imported_functions);
        self.function_imports_at + func.0 * size_of::<VMFunctionImport>() as u32
    }

    /// Of the [`VMGlobalDefinition`] of a global that the module defines.
    pub fn defined_global(&self, global: GlobalIndex) -> u32 {
        self.defined_globals_at
            + (global.0 - self.imported_globals) * size_of::<VMGlobalDefinition>() as u32
    }

    /// Of the pointer to an imported global's [`VMGlobalDefinition`].
    pub fn global_import(&self, global: GlobalIndex) -> u32 {
        debug_assert!(global.0 < self.imported_globals);
        self.global_imports_at + global.0 * size_of::<*mut VMGlobalDefinition>() as u32
    }

    /// Of a tag's number in the store, 32 bits: equal if tags are.
    pub fn tag(&self, tag: TagIndex) -> u32 {
        self.tags_at + tag.0 * size_of::<u32>() as u32
    }

    /// How many tags are imported; the rest are the instance's own.
    pub fn imported_tags(&self) -> u32 {
        self.imported_tags
    }

    /// Of the [`VMFuncRef`] of an escaping function.
    pub fn func_ref(&self, func_ref: FuncRefIndex) -> u32 {
        self.func_refs_at + func_ref.0 * size_of::<VMFuncRef>() as u32
    }
}
