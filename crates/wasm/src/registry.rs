//! Types made canonical across an engine.
//!
//! Two declared types are the same type if and only if their recursion groups are equal up to the
//! numbering of types (specification, "Validation / Types / Defined Types"). The registry interns whole
//! groups: references inside a group are rewritten to positions in it, references out of it to
//! canonical ids, and the rewritten group is the key. Equal ids are then equal types. What generated code
//! compares instead of them are the addresses of their supertype vectors: see [`TypeAddress`].
//!
//! Groups are counted: they leave the registry with the last [`RegisteredTypes`] that names them,
//! and their ids are reused only then.

use crate::index::TypeIndex;
use crate::module::ModuleInfo;
use crate::supertypes::{SupertypeVector, TypeAddress, VectorSpace};
use crate::types::*;
use mainspring_error::Result;
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex};

/// All types of an engine. Cheap to clone; clones are the same registry.
#[derive(Clone, Debug, Default)]
pub struct TypeRegistry(Arc<Mutex<Groups>>);

#[derive(Debug, Default)]
struct Groups {
    by_key: HashMap<Arc<[SubType]>, u32>,
    /// By the id of a group's first type.
    entries: HashMap<u32, Entry>,
    /// By the id of any type: the first id of its group.
    starts: Vec<u32>,
    free: HashMap<usize, Vec<u32>>,
    space: VectorSpace,
}

#[derive(Debug)]
struct Entry {
    key: Arc<[SubType]>,
    /// The group's types, their references canonical.
    types: Box<[Arc<SubType>]>,
    vectors: Box<[SupertypeVector]>,
    uses: usize,
}

/// Canonical ids of some types, which keeps them registered.
#[derive(Debug)]
pub struct RegisteredTypes {
    registry: TypeRegistry,
    ids: SmallVec<[CanonicalTypeId; 1]>,
    addresses: SmallVec<[TypeAddress; 1]>,
    /// Where all addresses of the registry begin.
    base: usize,
    groups: SmallVec<[u32; 1]>,
}

impl TypeRegistry {
    /// Registers all types of a module, in the order of its type indices.
    ///
    /// # Errors
    /// If the engine has no room for more.
    pub fn register_module(&self, info: &ModuleInfo) -> Result<RegisteredTypes> {
        let mut groups = self.lock();
        let mut ids: Vec<CanonicalTypeId> = Vec::with_capacity(info.types.len());
        let mut held = Vec::with_capacity(info.rec_groups.len());
        // A group without types has no ids that it could be known by.
        for range in info.rec_groups.iter().filter(|range| !range.is_empty()) {
            let rewrite = |ty: ConcreteType| match ty {
                ConcreteType::Module(TypeIndex(index)) => match index.checked_sub(range.start) {
                    Some(position) => ConcreteType::Group(position),
                    None => ConcreteType::Canonical(ids[index as usize]),
                },
                other => other,
            };
            let key: Arc<[SubType]> = info.types[range.start as usize..range.end as usize]
                .iter()
                .map(|ty| map_sub_type(ty, &rewrite))
                .collect();
            match groups.intern(key, true) {
                Ok(first) => held.push(first),
                Err(error) => {
                    held.into_iter().for_each(|first| groups.release(first));
                    return Err(error);
                }
            }
            let first = held[held.len() - 1];
            ids.extend((0..range.end - range.start).map(|i| CanonicalTypeId(first + i)));
        }
        let addresses = ids.iter().map(|&id| groups.vector(id).address()).collect();
        let base = groups.space.base()? as usize;
        drop(groups);
        Ok(RegisteredTypes {
            registry: self.clone(),
            ids: ids.into(),
            addresses,
            base,
            groups: held.into(),
        })
    }

    /// Registers one type, a recursion group of its own, whose concrete references, if any, are canonical
    /// and held by someone.
    ///
    /// # Errors
    /// If the engine has no room for more.
    pub fn register(&self, ty: SubType) -> Result<RegisteredTypes> {
        let mut groups = self.lock();
        let first = groups.intern(Arc::new([ty]), false)?;
        let id = CanonicalTypeId(first);
        Ok(RegisteredTypes {
            registry: self.clone(),
            ids: smallvec![id],
            addresses: smallvec![groups.vector(id).address()],
            base: groups.space.base()? as usize,
            groups: smallvec![first],
        })
    }

    /// Where all types are: see [`RegisteredTypes::base`].
    ///
    /// # Errors
    /// If the system has no memory for types.
    pub fn base(&self) -> Result<*const c_void> {
        Ok(self.lock().space.base()?.cast())
    }

    /// Keeps a type that something else holds registered for longer, and returns it, its references
    /// canonical.
    ///
    /// # Panics
    /// If nothing holds the type.
    pub fn hold(&self, id: CanonicalTypeId) -> (RegisteredTypes, Arc<SubType>) {
        let mut groups = self.lock();
        let first = groups.starts[id.0 as usize];
        let entry = groups
            .entries
            .get_mut(&first)
            .expect("held groups are registered");
        entry.uses += 1;
        let at = (id.0 - first) as usize;
        let ty = entry.types[at].clone();
        let held = RegisteredTypes {
            registry: self.clone(),
            ids: smallvec![id],
            addresses: smallvec![entry.vectors[at].address()],
            base: groups.space.base().expect("made with the first type") as usize,
            groups: smallvec![first],
        };
        (held, ty)
    }

    /// The type with a canonical id, its references canonical too.
    ///
    /// # Panics
    /// If nothing holds the type.
    pub fn lookup(&self, id: CanonicalTypeId) -> Arc<SubType> {
        let groups = self.lock();
        let first = groups.starts[id.0 as usize];
        groups.entries[&first].types[(id.0 - first) as usize].clone()
    }

    /// Whether the first type is the second or a declared subtype of it.
    ///
    /// # Panics
    /// If nothing holds one of them.
    pub fn is_subtype(&self, sub: CanonicalTypeId, sup: CanonicalTypeId) -> bool {
        let groups = self.lock();
        sub == sup || groups.vector(sub).is_subtype(groups.vector(sup))
    }

    /// How many supertypes a type has.
    ///
    /// # Panics
    /// If nothing holds it.
    pub fn depth(&self, id: CanonicalTypeId) -> u32 {
        self.lock().vector(id).depth()
    }

    /// How many groups are registered.
    pub fn group_count(&self) -> usize {
        self.lock().entries.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Groups> {
        // Nothing panics while it holds the lock, so a poisoned one is whole.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Groups {
    fn vector(&self, id: CanonicalTypeId) -> SupertypeVector {
        let first = self.starts[id.0 as usize];
        self.entries[&first].vectors[(id.0 - first) as usize]
    }

    /// The vectors of a group's types. Supertypes come before their subtypes.
    fn vectors(
        &mut self,
        key: &[SubType],
        first: u32,
        for_module: bool,
    ) -> Result<Box<[SupertypeVector]>> {
        let mut vectors: Vec<SupertypeVector> = Vec::with_capacity(key.len());
        for (id, ty) in (first..).map(CanonicalTypeId).zip(key) {
            let supertype = match ty.supertype {
                None => None,
                Some(ConcreteType::Group(position)) => Some(vectors[position as usize]),
                Some(ConcreteType::Canonical(id)) => Some(self.vector(id)),
                Some(ConcreteType::Module(_)) => {
                    unreachable!("keys name types by position or canonical id")
                }
            };
            let kind = match ty.composite {
                CompositeType::Func(_) => TypeAddress::FUNC,
                CompositeType::Struct(_) => TypeAddress::STRUCT,
                CompositeType::Array(_) => TypeAddress::ARRAY,
            };
            match self.space.make(id, kind, supertype, for_module) {
                Ok(vector) => vectors.push(vector),
                Err(error) => {
                    (vectors.into_iter()).for_each(|vector| self.space.give_back(vector));
                    return Err(error);
                }
            }
        }
        Ok(vectors.into())
    }

    fn intern(&mut self, key: Arc<[SubType]>, for_module: bool) -> Result<u32> {
        if let Some(&first) = self.by_key.get(&key) {
            self.entries
                .get_mut(&first)
                .expect("interned groups have entries")
                .uses += 1;
            return Ok(first);
        }
        let first = match self.free.get_mut(&key.len()).and_then(Vec::pop) {
            Some(first) => first,
            None => {
                let first = self.starts.len() as u32;
                self.starts.extend(std::iter::repeat_n(first, key.len()));
                first
            }
        };
        let vectors = match self.vectors(&key, first, for_module) {
            Ok(vectors) => vectors,
            Err(error) => {
                self.free.entry(key.len()).or_default().push(first);
                return Err(error);
            }
        };
        // The group holds the groups it refers to.
        for outer in referenced_groups(&key, &self.starts) {
            self.entries
                .get_mut(&outer)
                .expect("referenced groups are registered")
                .uses += 1;
        }
        self.by_key.insert(key.clone(), first);
        let canonical = |ty| match ty {
            ConcreteType::Group(position) => {
                ConcreteType::Canonical(CanonicalTypeId(first + position))
            }
            other => other,
        };
        let types = key
            .iter()
            .map(|ty| Arc::new(map_sub_type(ty, &canonical)))
            .collect();
        let entry = Entry {
            vectors,
            key,
            types,
            uses: 1,
        };
        self.entries.insert(first, entry);
        Ok(first)
    }

    fn release(&mut self, first: u32) {
        let mut pending = vec![first];
        while let Some(first) = pending.pop() {
            let entry = self
                .entries
                .get_mut(&first)
                .expect("held groups are registered");
            entry.uses -= 1;
            if entry.uses > 0 {
                continue;
            }
            let entry = self.entries.remove(&first).expect("just seen");
            for &vector in &entry.vectors {
                self.space.give_back(vector);
            }
            self.by_key.remove(&entry.key);
            self.free.entry(entry.key.len()).or_default().push(first);
            pending.extend(referenced_groups(&entry.key, &self.starts));
        }
    }
}

/// The first ids of the groups outside of itself that a group names, once for each mention.
fn referenced_groups(key: &[SubType], starts: &[u32]) -> Vec<u32> {
    let found = std::cell::RefCell::new(Vec::new());
    let note = |ty| {
        if let ConcreteType::Canonical(id) = ty {
            found.borrow_mut().push(starts[id.0 as usize]);
        }
        ty
    };
    for ty in key {
        map_sub_type(ty, &note);
    }
    found.into_inner()
}

impl RegisteredTypes {
    /// The canonical ids, in the order the types were given.
    pub fn ids(&self) -> &[CanonicalTypeId] {
        &self.ids
    }

    /// What generated code knows them by, in the same order.
    pub fn addresses(&self) -> &[TypeAddress] {
        &self.addresses
    }

    /// Where all types of the registry are: each address is less than 4 GiB from here. It stays the same.
    pub fn base(&self) -> *const c_void {
        self.base as *const c_void
    }

    /// The registry they are in.
    pub fn registry(&self) -> &TypeRegistry {
        &self.registry
    }
}

impl Clone for RegisteredTypes {
    fn clone(&self) -> RegisteredTypes {
        let mut groups = self.registry.lock();
        for first in &self.groups {
            groups
                .entries
                .get_mut(first)
                .expect("held groups are registered")
                .uses += 1;
        }
        RegisteredTypes {
            registry: self.registry.clone(),
            ids: self.ids.clone(),
            addresses: self.addresses.clone(),
            base: self.base,
            groups: self.groups.clone(),
        }
    }
}

impl Drop for RegisteredTypes {
    fn drop(&mut self) {
        let mut groups = self.registry.lock();
        for &first in &self.groups {
            groups.release(first);
        }
    }
}

/// Rewrites every mention of a concrete type.
pub fn map_sub_type(ty: &SubType, rewrite: &impl Fn(ConcreteType) -> ConcreteType) -> SubType {
    let field = |field: &FieldType| FieldType {
        storage: match field.storage {
            StorageType::Val(ty) => StorageType::Val(map_val_type(ty, rewrite)),
            packed => packed,
        },
        mutable: field.mutable,
    };
    SubType {
        is_final: ty.is_final,
        supertype: ty.supertype.map(rewrite),
        composite: match &ty.composite {
            CompositeType::Func(ty) => CompositeType::Func(map_func_type(ty, rewrite)),
            CompositeType::Struct(fields) => {
                CompositeType::Struct(fields.iter().map(field).collect())
            }
            CompositeType::Array(element) => CompositeType::Array(field(element)),
        },
    }
}

/// Rewrites every mention of a concrete type in a function type.
pub fn map_func_type(ty: &FuncType, rewrite: &impl Fn(ConcreteType) -> ConcreteType) -> FuncType {
    let list = |tys: &[ValType]| tys.iter().map(|&ty| map_val_type(ty, rewrite)).collect();
    FuncType {
        params: list(&ty.params),
        results: list(&ty.results),
    }
}

/// Rewrites the mention of a concrete type in a value type.
pub fn map_val_type(ty: ValType, rewrite: &impl Fn(ConcreteType) -> ConcreteType) -> ValType {
    match ty {
        ValType::Ref(ty) => ValType::Ref(map_ref_type(ty, rewrite)),
        other => other,
    }
}

/// Rewrites the mention of a concrete type in a reference type.
pub fn map_ref_type(ty: RefType, rewrite: &impl Fn(ConcreteType) -> ConcreteType) -> RefType {
    let heap = match ty.heap {
        HeapType::Concrete(ty) => HeapType::Concrete(rewrite(ty)),
        other => other,
    };
    RefType {
        nullable: ty.nullable,
        heap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::WasmFeatures;

    fn module(text: &str) -> ModuleInfo {
        crate::decode(WasmFeatures::all(), &wat::parse_str(text).unwrap()).unwrap()
    }

    #[test]
    fn equal_types_of_different_modules_get_equal_ids() {
        let registry = TypeRegistry::default();
        let a = registry
            .register_module(&module("(module (type (func)) (type (func (param i32))))"))
            .unwrap();
        let b = registry
            .register_module(&module("(module (type (func (param i32))) (type (func)))"))
            .unwrap();
        assert_eq!(a.ids()[0], b.ids()[1]);
        assert_eq!(a.ids()[1], b.ids()[0]);
        assert_ne!(a.ids()[0], a.ids()[1]);
    }

    #[test]
    fn recursion_groups_are_compared_whole() {
        let registry = TypeRegistry::default();
        let text = "(module (rec (type $a (struct (field (ref null $b)))) (type $b (struct (field (ref null $a))))))";
        let a = registry.register_module(&module(text)).unwrap();
        let b = registry
            .register_module(&module(&format!("(module (type (func)) {}", &text[8..])))
            .unwrap();
        assert_eq!(a.ids(), &b.ids()[1..]);
        let c = registry
            .register_module(&module("(module (type $a (struct (field (ref null $a)))))"))
            .unwrap();
        assert_ne!(a.ids()[0], c.ids()[0]);
    }

    #[test]
    fn empty_groups_take_no_ids() {
        let registry = TypeRegistry::default();
        let text = "(module (rec) (type (func)) (rec) (type (func (param i32))) (rec))";
        let types = registry.register_module(&module(text)).unwrap();
        assert_eq!((types.ids().len(), registry.group_count()), (2, 2));
        drop(types);
        assert_eq!(registry.group_count(), 0);
    }

    #[test]
    fn types_leave_with_their_last_holder_and_outlive_those_that_name_them() {
        let registry = TypeRegistry::default();
        let outer = registry
            .register_module(&module(
                "(module (type $f (func)) (type (func (param (ref null $f)))))",
            ))
            .unwrap();
        let id = outer.ids()[1];
        let inner = registry
            .register_module(&module("(module (type (func)))"))
            .unwrap();
        assert_eq!(registry.group_count(), 2);
        drop(inner);
        assert!(registry.lookup(id).as_func().is_some());
        let copy = outer.clone();
        drop(outer);
        assert_eq!(registry.group_count(), 2);
        drop(copy);
        assert_eq!(registry.group_count(), 0);
    }

    #[test]
    fn subtypes_follow_declarations() {
        let registry = TypeRegistry::default();
        let text =
            "(module (type $a (sub (func))) (type $b (sub $a (func))) (type $c (sub $b (func))))";
        let types = registry.register_module(&module(text)).unwrap();
        let [a, b, c] = types.ids() else { panic!() };
        assert!(registry.is_subtype(*c, *a) && registry.is_subtype(*b, *b));
        assert!(!registry.is_subtype(*a, *c));
        let depths = [a, b, c].map(|id| registry.depth(*id));
        assert_eq!(depths, [0, 1, 2]);
        let other = registry.register_module(&module(text)).unwrap();
        assert_eq!(types.addresses(), other.addresses());
    }
}
