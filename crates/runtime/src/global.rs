//! Globals.

use crate::store::Store;
use crate::val::ValRaw;
use mainspring_abi::VMGlobalDefinition;
use mainspring_wasm::GlobalType;
use std::ptr::NonNull;

/// A global of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GlobalId(pub u32);

/// A global variable.
#[derive(Debug)]
pub struct GlobalInstance {
    ty: GlobalType,
    /// In the owner's VM context, or in `host_definition`.
    definition: NonNull<VMGlobalDefinition>,
    _host_definition: Option<Box<VMGlobalDefinition>>,
}

impl GlobalInstance {
    /// Its type, concrete references canonical.
    pub fn ty(&self) -> &GlobalType {
        &self.ty
    }

    /// Where generated code finds it.
    pub fn definition(&self) -> NonNull<VMGlobalDefinition> {
        self.definition
    }

    /// Its value.
    pub fn get(&self) -> ValRaw {
        // SAFETY: definitions live as long as their global, and no wasm runs while the store is borrowed.
        ValRaw::v128(u128::from_le_bytes(unsafe { self.definition.as_ref() }.0))
    }

    /// Sets its value, which must be of its type.
    pub fn set(&mut self, value: ValRaw) {
        // SAFETY: as in `get`.
        unsafe {
            self.definition
                .write(VMGlobalDefinition(value.get_v128().to_le_bytes()))
        };
    }
}

impl Store {
    /// Makes a global. Concrete references of its type are canonical.
    pub fn new_global(&mut self, ty: GlobalType, value: ValRaw) -> GlobalId {
        self.hold_type(ty.content);
        let mut fresh = Box::new(VMGlobalDefinition([0; 16]));
        let definition = NonNull::from(fresh.as_mut());
        let id = self.push_global(GlobalInstance {
            ty,
            definition,
            _host_definition: Some(fresh),
        });
        self.global_mut(id).set(value);
        id
    }

    pub(crate) fn add_global(
        &mut self,
        ty: GlobalType,
        definition: NonNull<VMGlobalDefinition>,
    ) -> GlobalId {
        self.push_global(GlobalInstance {
            ty,
            definition,
            _host_definition: None,
        })
    }

    fn push_global(&mut self, global: GlobalInstance) -> GlobalId {
        let id = GlobalId(self.globals.len() as u32);
        if self.is_gc_type(global.ty.content) {
            self.holders.globals.push(id);
        }
        self.globals.push(global);
        id
    }

    /// A global.
    pub fn global(&self, id: GlobalId) -> &GlobalInstance {
        &self.globals[id.0 as usize]
    }

    /// A global, to change.
    pub fn global_mut(&mut self, id: GlobalId) -> &mut GlobalInstance {
        &mut self.globals[id.0 as usize]
    }
}
