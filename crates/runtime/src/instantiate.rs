//! Making an instance. Follows the specification, "Execution / Modules / Instantiation".
//!
//! Types of imports were checked by the caller. Then, in this order: allocate; record the
//! instance in the store, because from here on its functions can end up in other instances'
//! tables; globals; element segments; tables; data segments. The start function is the caller's to call.
//! A failure to allocate gives back what was allocated. A later one leaves the instance and its writes in place.

use crate::builtins;
use crate::builtins::Stop;
use crate::const_eval::{evaluate, function_value};
use crate::exceptions::TagId;
use crate::func::function_import;
use crate::gc::{AllocateError, Elements};
use crate::global::GlobalId;
use crate::instance::{Instance, InstanceId, VMContext};
use crate::memory::{MemoryId, MemoryInstance};
use crate::module::Module;
use crate::store::Store;
use crate::table::TableId;
use mainspring_abi::{TrapCode, VMContextHeader, VMFuncRef, VMMemoryImport};
use mainspring_error::{Result, ensure};
use mainspring_wasm::{
    DataIndex, ElemIndex, ElementItems, EntityIndex, FuncIndex, GlobalIndex, GlobalType,
    MemoryIndex, RefKind, RefType, SegmentMode, TableIndex, TableType, TagIndex, ValType,
    map_ref_type, map_val_type,
};
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

/// What fills an import.
#[derive(Clone, Copy, Debug)]
pub enum Import {
    /// A function of the store.
    Func(NonNull<VMFuncRef>),
    /// A table of the store.
    Table(TableId),
    /// A memory of the store.
    Memory(MemoryId),
    /// A global of the store.
    Global(GlobalId),
    /// A tag of the store.
    Tag(TagId),
}

/// Why an instance could not be made.
#[derive(Debug)]
pub enum InstantiateError {
    /// A segment does not fit.
    Trap(TrapCode),
    /// A limit, or the system, says no.
    Refused(mainspring_error::Error),
}

impl From<mainspring_error::Error> for InstantiateError {
    fn from(error: mainspring_error::Error) -> InstantiateError {
        InstantiateError::Refused(error)
    }
}

impl From<AllocateError> for InstantiateError {
    fn from(error: AllocateError) -> InstantiateError {
        match error {
            AllocateError::TooLarge => InstantiateError::Trap(TrapCode::AllocationTooLarge),
            AllocateError::Error(error) => InstantiateError::Refused(error),
        }
    }
}

/// Makes an instance, up to the start function.
///
/// The imports must be as many as the module declares, in order, and of matching types.
pub fn instantiate(
    store: &mut Store,
    module: &Arc<Module>,
    imports: &[Import],
) -> Result<InstanceId, InstantiateError> {
    check_count(store)?;
    if module.needs_heap() {
        store.ensure_heap()?;
        store.add_shapes(module);
    }
    let id = allocate(store, module, imports)?;
    initialize_globals(store, id)?;
    initialize_elements(store, id)?;
    initialize_tables(store, id)?;
    initialize_memories(store, id)?;
    Ok(id)
}

fn check_count(store: &mut Store) -> Result<()> {
    let count = store.instances.len();
    let limit = store
        .limiter()
        .map_or(crate::DEFAULT_INSTANCE_LIMIT, |limiter| limiter.instances());
    ensure!(
        count < limit,
        "resource limit exceeded: instance count too high at {}",
        count + 1
    );
    Ok(())
}

/// Makes everything that the module defines and records the instance. A failure leaves nothing behind.
fn allocate(store: &mut Store, module: &Arc<Module>, imports: &[Import]) -> Result<InstanceId> {
    let vmctx = VMContext::new(module.code().offsets().size());
    let mut entities = link(store, module, &vmctx, imports);
    define(store, module, &vmctx, &mut entities)?;
    Ok(record(store, module, vmctx, entities))
}

/// What an instance has, imported ones first.
#[derive(Default)]
struct Entities {
    tables: Vec<TableId>,
    memories: Vec<MemoryId>,
    globals: Vec<GlobalId>,
    tags: Vec<TagId>,
}

/// Fills in the imports.
fn link(store: &Store, module: &Module, vmctx: &VMContext, imports: &[Import]) -> Entities {
    let (info, offsets) = (module.info(), module.code().offsets());
    assert_eq!(
        imports.len(),
        info.imports.len(),
        "the caller counted the imports"
    );
    let mut entities = Entities::default();
    for (import, declared) in imports.iter().zip(&info.imports) {
        match (*import, declared.entity) {
            (Import::Func(func_ref), EntityIndex::Func(index)) => {
                // SAFETY: functions of a store live as long as it does.
                let import = unsafe { function_import(func_ref) };
                vmctx.write(offsets.function_import(index), import);
            }
            (Import::Table(id), EntityIndex::Table(index)) => {
                vmctx.write(offsets.table_import(index), store.table(id).definition());
                entities.tables.push(id);
            }
            (Import::Memory(id), EntityIndex::Memory(index)) => {
                let memory = elsewhere(store.memory(id));
                vmctx.write(offsets.memory_import(index), memory);
                entities.memories.push(id);
            }
            (Import::Global(id), EntityIndex::Global(index)) => {
                vmctx.write(offsets.global_import(index), store.global(id).definition());
                entities.globals.push(id);
            }
            (Import::Tag(id), EntityIndex::Tag(index)) => {
                vmctx.write(offsets.tag(index), id.0);
                entities.tags.push(id);
            }
            (import, declared) => unreachable!("{import:?} was checked to match {declared:?}"),
        }
    }
    entities
}

/// A memory that does not lie in the VM context.
fn elsewhere(memory: &MemoryInstance) -> VMMemoryImport {
    VMMemoryImport {
        base: memory.base(),
        definition: memory.definition().as_ptr(),
    }
}

/// Makes what the module defines.
fn define(
    store: &mut Store,
    module: &Module,
    vmctx: &VMContext,
    entities: &mut Entities,
) -> Result<()> {
    let (info, offsets) = (module.info(), module.code().offsets());
    let canonical = |ty| canonical(module, ty);
    let allocation = Allocation::begin(store);
    let store = &mut *allocation.store;
    let memories = &mut entities.memories;
    for (defined, ty) in info.memories[memories.len()..].iter().enumerate() {
        let at = offsets.defined_memory(MemoryIndex::from(memories.len()));
        let image = module.image(defined)?;
        memories.push(if ty.shared {
            let id = store.add_shared_memory(*ty, image)?;
            vmctx.write(at, elsewhere(store.memory(id)));
            id
        } else {
            store.add_memory(*ty, image, Some(vmctx.at(at)))?
        });
    }
    let tables = &mut entities.tables;
    for ty in &info.tables[tables.len()..] {
        let definition = vmctx.at(offsets.defined_table(TableIndex::from(tables.len())));
        let ty = TableType {
            element: map_ref_type(ty.element, &canonical),
            ..*ty
        };
        tables.push(store.add_table(ty, 0, Some(definition))?);
    }
    let globals = &mut entities.globals;
    for ty in &info.globals[globals.len()..] {
        let definition = vmctx.at(offsets.defined_global(GlobalIndex::from(globals.len())));
        let ty = GlobalType {
            content: map_val_type(ty.content, &canonical),
            ..*ty
        };
        globals.push(store.add_global(ty, definition));
    }
    let tags = &mut entities.tags;
    for ty in &info.tags[tags.len()..] {
        let tag = store.add_tag(module.types().ids()[ty.index()]);
        vmctx.write(offsets.tag(TagIndex::from(tags.len())), tag.0);
        tags.push(tag);
    }
    allocation.keep();
    Ok(())
}

/// Entities of an instance that is not recorded yet. Unless they are kept, they leave the store
/// again, also if a limiter panics: nothing else knows them.
struct Allocation<'a> {
    store: &'a mut Store,
    /// How many memories, tables, globals and tags there were before.
    before: (usize, usize, usize, usize),
}

impl Allocation<'_> {
    fn begin(store: &mut Store) -> Allocation<'_> {
        let before = (
            store.memories.len(),
            store.tables.len(),
            store.globals.len(),
            store.tag_count(),
        );
        Allocation { store, before }
    }

    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Allocation<'_> {
    fn drop(&mut self) {
        let (memories, tables, globals, tags) = self.before;
        self.store.memories.truncate(memories);
        self.store.tables.truncate(tables);
        self.store.globals.truncate(globals);
        self.store.forget_tags(tags);
        let holders = &mut self.store.holders;
        holders.tables.retain(|id| (id.0 as usize) < tables);
        holders.globals.retain(|id| (id.0 as usize) < globals);
    }
}

/// Makes the instance and puts it into the store. Can't fail.
fn record(
    store: &mut Store,
    module: &Arc<Module>,
    vmctx: VMContext,
    entities: Entities,
) -> InstanceId {
    let info = module.info();
    let id = InstanceId(store.instances.len() as u32);
    let mut instance = Box::new(Instance {
        id,
        module: module.clone(),
        vmctx,
        tables: entities.tables.into(),
        memories: entities.memories.into(),
        globals: entities.globals.into(),
        tags: entities.tags.into(),
        dropped_elements: vec![false; info.elements.len()].into(),
        dropped_data: vec![false; info.data.len()].into(),
    });
    let header = VMContextHeader {
        store: store.vm_ptr(),
        builtins: builtins::table(),
        types: module.types().addresses().as_ptr(),
        type_base: module.types().base(),
        instance: (&raw mut *instance).cast(),
    };
    instance.vmctx.write(0, header);
    fill_func_refs(&instance);
    store.remember_module(module);
    store.instances.push(instance);
    id
}

fn canonical(module: &Module, ty: mainspring_wasm::ConcreteType) -> mainspring_wasm::ConcreteType {
    use mainspring_wasm::ConcreteType::*;
    match ty {
        Module(index) => Canonical(module.types().ids()[index.index()]),
        other => other,
    }
}

/// A reference type of a module with its concrete type made canonical.
pub fn canonical_ref(module: &Module, ty: RefType) -> RefType {
    map_ref_type(ty, &|ty| canonical(module, ty))
}

/// A value type of a module with its concrete types made canonical.
pub fn canonical_val(module: &Module, ty: ValType) -> ValType {
    map_val_type(ty, &|ty| canonical(module, ty))
}

/// Fills in what references to the module's own functions point to.
fn fill_func_refs(instance: &Instance) {
    let (info, code) = (instance.module.info(), instance.module.code());
    let vmctx = instance.vmctx.as_ptr().as_ptr();
    for (i, &func) in info.escaping.iter().enumerate() {
        if let Some(defined) = info.defined_func(func) {
            let ty = instance.module.types().addresses()[info.functions[func.index()].index()];
            let func_ref = VMFuncRef {
                code: code.entry(defined),
                vmctx,
                ty,
            };
            instance.vmctx.write(
                code.offsets()
                    .func_ref(mainspring_wasm::FuncRefIndex::from(i)),
                func_ref,
            );
        }
    }
}

fn initialize_globals(store: &mut Store, id: InstanceId) -> Result<(), InstantiateError> {
    let module = store.instance(id).module.clone();
    let first = module.info().imported.globals as usize;
    for (i, expr) in module.info().global_inits.iter().enumerate() {
        let value = evaluate(store, id, expr)?;
        let global = store.instance(id).globals[first + i];
        store.global_mut(global).set(value);
    }
    Ok(())
}

/// Makes the elements of segments that hold references which the collector follows: what they refer to is made once,
/// however often the segment is used. References to functions are made when they are used.
fn initialize_elements(store: &mut Store, id: InstanceId) -> Result<(), InstantiateError> {
    let module = store.instance(id).module.clone();
    for (i, segment) in module.info().elements.iter().enumerate() {
        let is_gc = module.info().ref_kind(segment.element) == RefKind::Gc;
        let (ElementItems::Expressions(exprs), true) = (&segment.items, is_gc) else {
            continue;
        };
        let key = (id.0, i as u32);
        let elements = Elements {
            references: vec![0; exprs.len()].into(),
            young: false,
        };
        store.holders.elements.insert(key, elements);
        for (n, expr) in exprs.iter().enumerate() {
            let value = evaluate(store, id, expr)?.get_u32();
            let elements = store.holders.elements.get_mut(&key);
            let elements = elements.expect("just put there");
            elements.references[n] = value;
            elements.young = true;
        }
    }
    Ok(())
}

fn initialize_tables(store: &mut Store, id: InstanceId) -> Result<(), InstantiateError> {
    let module = store.instance(id).module.clone();
    let first = module.info().imported.tables as usize;
    for (i, expr) in module.info().table_inits.iter().enumerate() {
        let Some(expr) = expr else { continue };
        let value = evaluate(store, id, expr)?.get_u64();
        let table = store.instance(id).tables[first + i];
        let table = store.table_mut(table);
        let elements = table.change_from(0, table.size());
        elements.expect("it has so many").fill(value);
    }
    for (i, segment) in module.info().elements.iter().enumerate() {
        let index = ElemIndex::from(i);
        if let SegmentMode::Active { target, offset } = &segment.mode {
            let offset = offset_value(
                store,
                id,
                offset,
                module.info().tables[target.index()].table64,
            )?;
            let len = segment.items.len() as u64;
            store
                .init_table(id, *target, index, offset, 0, len)
                .map_err(InstantiateError::Trap)?;
        }
        if !matches!(segment.mode, SegmentMode::Passive) {
            store.drop_elements(id, index);
        }
    }
    Ok(())
}

fn initialize_memories(store: &mut Store, id: InstanceId) -> Result<(), InstantiateError> {
    let module = store.instance(id).module.clone();
    for (i, segment) in module.info().data.iter().enumerate() {
        let SegmentMode::Active { target, offset } = &segment.mode else {
            continue;
        };
        let index = DataIndex::from(i);
        let in_image = match module.info().defined_memory(*target) {
            Some(defined) => module.image(defined)?.is_some(),
            None => false,
        };
        if !in_image {
            let offset = offset_value(
                store,
                id,
                offset,
                module.info().memories[target.index()].memory64,
            )?;
            store
                .init_memory(id, *target, index, offset, 0, segment.range.len() as u64)
                .map_err(|stop| match stop {
                    Stop::Trap(code) => InstantiateError::Trap(code),
                    Stop::Error(error) => error.into(),
                    Stop::Exception => unreachable!("only code throws exceptions"),
                })?;
        }
        store.drop_data(id, index);
    }
    Ok(())
}

fn offset_value(
    store: &mut Store,
    id: InstanceId,
    expr: &mainspring_wasm::ConstExpr,
    is_64: bool,
) -> Result<u64, InstantiateError> {
    let value = evaluate(store, id, expr)?;
    Ok(if is_64 {
        value.get_u64()
    } else {
        u64::from(value.get_u32())
    })
}

impl Store {
    /// `table.init`, also for active segments.
    pub(crate) fn init_table(
        &mut self,
        id: InstanceId,
        table: TableIndex,
        segment: ElemIndex,
        to: u64,
        from: u64,
        len: u64,
    ) -> Result<(), TrapCode> {
        let instance = self.instance(id);
        let table = instance.table(table);
        let available = instance.elements_len(segment);
        if !crate::memory::in_bounds(from, len, available)
            || !crate::memory::in_bounds(to, len, self.table(table).elements().len())
        {
            return Err(TrapCode::TableOutOfBounds);
        }
        let range = from as usize..(from + len) as usize;
        let values = self.element_values(id, segment, range);
        let elements = self.table_mut(table).change_from(to, len);
        (elements.ok_or(TrapCode::TableOutOfBounds)?).copy_from_slice(&values);
        Ok(())
    }

    /// Elements of a segment, which has so many left.
    pub(crate) fn element_values(
        &self,
        id: InstanceId,
        segment: ElemIndex,
        range: Range<usize>,
    ) -> Vec<u64> {
        let instance = self.instance(id);
        let items = &instance.module.info().elements[segment.index()].items;
        if let Some(elements) = self.holders.elements.get(&(id.0, segment.0)) {
            let references = elements.references[range].iter();
            return references.map(|&value| value.into()).collect();
        }
        match items {
            _ if range.is_empty() => Vec::new(),
            ElementItems::Functions(funcs) => funcs[range]
                .iter()
                .map(|&func: &FuncIndex| instance.func_ref(func).as_ptr() as u64)
                .collect(),
            ElementItems::Expressions(exprs) => exprs[range]
                .iter()
                .map(|expr| function_value(self, instance, expr))
                .collect(),
        }
    }

    pub(crate) fn drop_elements(&mut self, id: InstanceId, segment: ElemIndex) {
        // SAFETY: instances live as long as the store, which is borrowed exclusively.
        unsafe { self.instance_ptr(id).as_mut() }.dropped_elements[segment.index()] = true;
        self.holders.elements.remove(&(id.0, segment.0));
    }

    /// `memory.init`, also for active segments.
    pub(crate) fn init_memory(
        &mut self,
        id: InstanceId,
        memory: MemoryIndex,
        segment: DataIndex,
        to: u64,
        from: u64,
        len: u64,
    ) -> Result<(), Stop> {
        let instance = self.instance(id);
        let module = instance.module.clone();
        let memory = instance.memory(memory);
        let range = match instance.dropped_data[segment.index()] {
            true => &(0..0),
            false => &module.info().data[segment.index()].range,
        };
        if !crate::memory::in_bounds(from, len, range.len())
            || !crate::memory::in_bounds(to, len, self.memory(memory).len())
        {
            return Err(TrapCode::MemoryOutOfBounds.into());
        }
        if len == 0 {
            return Ok(());
        }
        let (to, from, len) = (to as usize, from as usize, len as usize);
        let start = range.start + from as u32;
        let data = module.code().read(&(start..start + len as u32))?;
        let target = self.memory(memory).base();
        // SAFETY: the range is inside the memory, as checked above, and the module's bytes are no part of it. Other
        // threads may see any mix of old and new bytes if the memory is shared.
        unsafe { std::ptr::copy_nonoverlapping(data[..len].as_ptr(), target.add(to), len) };
        Ok(())
    }

    pub(crate) fn drop_data(&mut self, id: InstanceId, segment: DataIndex) {
        // SAFETY: as in `drop_elements`.
        unsafe { self.instance_ptr(id).as_mut() }.dropped_data[segment.index()] = true;
    }
}
