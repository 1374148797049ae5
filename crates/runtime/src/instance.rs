//! Instances: a module's entities, tied together by a VM context.

use crate::exceptions::TagId;
use crate::global::GlobalId;
use crate::memory::MemoryId;
use crate::module::Module;
use crate::table::TableId;
use mainspring_abi::gc::ObjectHeader;
use mainspring_abi::{VMFuncRef, VMFunctionImport};
use mainspring_wasm::{
    DataIndex, ElemIndex, FuncIndex, GlobalIndex, MemoryIndex, TableIndex, TagIndex, TypeIndex,
};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

/// An instance of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct InstanceId(pub u32);

/// An instance of a module.
#[derive(Debug)]
pub struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) module: Arc<Module>,
    pub(crate) vmctx: VMContext,
    /// All tables, imported ones first.
    pub(crate) tables: Box<[TableId]>,
    /// All memories, imported ones first.
    pub(crate) memories: Box<[MemoryId]>,
    /// All globals, imported ones first.
    pub(crate) globals: Box<[GlobalId]>,
    /// All tags, imported ones first.
    pub(crate) tags: Box<[TagId]>,
    /// Element segments that are used up.
    pub(crate) dropped_elements: Box<[bool]>,
    /// Data segments that are used up.
    pub(crate) dropped_data: Box<[bool]>,
}

/// The memory of a VM context: zeroed, 16-byte aligned, at one address.
#[derive(Debug)]
pub(crate) struct VMContext(Box<[u128]>);

impl VMContext {
    pub fn new(size: u32) -> VMContext {
        VMContext(vec![0; size.div_ceil(16) as usize].into())
    }

    pub fn as_ptr(&self) -> NonNull<c_void> {
        NonNull::new(self.0.as_ptr().cast_mut())
            .expect("boxes are not null")
            .cast()
    }

    /// The entry at an offset.
    ///
    /// # Panics
    /// If it is not inside of the context or not aligned.
    pub fn at<T>(&self, offset: u32) -> NonNull<T> {
        assert!(
            offset as usize + size_of::<T>() <= self.0.len() * 16,
            "offset {offset} is inside the VM context"
        );
        // SAFETY: inside the allocation, as just checked.
        let entry: NonNull<T> = unsafe { self.as_ptr().byte_add(offset as usize) }.cast();
        assert!(entry.is_aligned());
        entry
    }

    pub fn write<T>(&self, offset: u32, value: T) {
        // SAFETY: `at` checks that the place is inside the context; contexts hold plain data
        // that only their store, with one thread at a time, and generated code touch.
        unsafe { self.at(offset).write(value) }
    }
}

impl Instance {
    /// Which one it is in its store.
    pub fn id(&self) -> InstanceId {
        self.id
    }

    /// What it is an instance of.
    pub fn module(&self) -> &Arc<Module> {
        &self.module
    }

    /// The address that its functions get as their first argument.
    pub fn vmctx(&self) -> NonNull<c_void> {
        self.vmctx.as_ptr()
    }

    /// The instance that a VM context belongs to.
    ///
    /// # Safety
    /// The context must be that of an instance that is alive.
    pub(crate) unsafe fn of_vmctx(vmctx: NonNull<c_void>) -> NonNull<Instance> {
        // SAFETY: every VM context of an instance starts with this header, filled in at its making.
        let header = unsafe { vmctx.cast::<mainspring_abi::VMContextHeader>().as_ref() };
        NonNull::new(header.instance.cast()).expect("set when the instance was made")
    }

    /// The value of a reference to a function: of an imported one, its owner's.
    ///
    /// # Panics
    /// If the function does not escape, which validation rules out where references are made.
    pub fn func_ref(&self, func: FuncIndex) -> NonNull<VMFuncRef> {
        let info = self.module.info();
        let offsets = self.module.code().offsets();
        if info.defined_func(func).is_none() {
            // SAFETY: imports are filled in when the instance is made.
            let import = unsafe {
                self.vmctx
                    .at::<VMFunctionImport>(offsets.function_import(func))
                    .as_ref()
            };
            return NonNull::new(import.func_ref.cast_mut()).expect("imports are not null");
        }
        let index = info.func_ref_index[func.index()]
            .expect("only escaping functions are named by references");
        self.vmctx.at(offsets.func_ref(index))
    }

    /// The same, unless there is no such function, or it does not escape.
    pub fn func_ref_if_any(&self, func: FuncIndex) -> Option<NonNull<VMFuncRef>> {
        let info = self.module.info();
        let escapes = *info.func_ref_index.get(func.index())?;
        let is_imported = info.defined_func(func).is_none();
        (is_imported || escapes.is_some()).then(|| self.func_ref(func))
    }

    /// The header of objects of a struct or array type of its module.
    pub(crate) fn object_header(&self, ty: TypeIndex) -> ObjectHeader {
        let types = self.module.types();
        ObjectHeader(types.addresses()[ty.index()].offset_from(types.base()))
    }

    /// How many bytes a data segment has left.
    pub(crate) fn data_len(&self, segment: DataIndex) -> usize {
        match self.dropped_data[segment.index()] {
            true => 0,
            false => self.module.info().data[segment.index()].range.len(),
        }
    }

    /// How many elements an element segment has left.
    pub(crate) fn elements_len(&self, segment: ElemIndex) -> usize {
        match self.dropped_elements[segment.index()] {
            true => 0,
            false => self.module.info().elements[segment.index()].items.len(),
        }
    }

    /// One of its memories.
    pub fn memory(&self, index: MemoryIndex) -> MemoryId {
        self.memories[index.index()]
    }

    /// One of its tables.
    pub fn table(&self, index: TableIndex) -> TableId {
        self.tables[index.index()]
    }

    /// One of its globals.
    pub fn global(&self, index: GlobalIndex) -> GlobalId {
        self.globals[index.index()]
    }

    /// What exceptions with one of its tags begin with.
    pub(crate) fn exception(&self, tag: TagIndex) -> (ObjectHeader, TagId) {
        let ty = self.module.info().tags[tag.index()];
        (self.object_header(ty), self.tag(tag))
    }

    /// One of its tags.
    pub fn tag(&self, index: TagIndex) -> TagId {
        self.tags[index.index()]
    }
}

impl Instance {
    /// Where to call a function of the module, and with which context, whether or not it escapes.
    pub fn code_of(&self, func: FuncIndex) -> (*const c_void, *mut c_void) {
        match self.module.info().defined_func(func) {
            Some(defined) => (self.module.code().entry(defined), self.vmctx().as_ptr()),
            None => {
                // SAFETY: imports are filled in when the instance is made.
                let func_ref = unsafe { *self.func_ref(func).as_ptr() };
                (func_ref.code, func_ref.vmctx)
            }
        }
    }
}
