//! WebAssembly modules as data: decoded and validated once, then immutable.
//!
//! `bytes -> decode (sections, bodies in parallel) -> ModuleInfo`. The decoder underneath is
//! `wasmparser`; most bodies are found valid without it. Nothing here knows of code, engines,
//! stores or instances; the only thing shared between modules is the [`TypeRegistry`], in which
//! types are made canonical.

#![warn(missing_docs)]

mod branch_hints;
mod casts;
mod const_expr;
mod convert;
mod decode;
mod demangle;
mod dwarf;
mod index;
mod missing;
mod module;
mod names;
mod needed;
mod parallel;
mod quick;
mod refusal;
mod registry;
mod supertypes;
mod types;
mod validate;

pub use casts::Cast;
pub use const_expr::{ConstExpr, ConstOp};
pub use decode::{DecodeError, DecodedSections, decode, decode_sections};
pub use demangle::demangle;
pub use dwarf::{DebugSections, SourceFrame, SourceMap};
pub use index::{
    DataIndex, DefinedFuncIndex, ElemIndex, EntityIndex, FuncIndex, FuncRefIndex, GlobalIndex,
    MemoryIndex, TableIndex, TagIndex, TypeIndex,
};
pub use missing::MissingProposals;
pub use module::{
    BranchHint, DataSegment, ElementItems, ElementSegment, Export, Import, ImportCounts,
    ModuleInfo, SegmentMode,
};
pub use names::{FunctionNames, tag_name};
pub use needed::needed;
pub use parallel::{has_threads, join};
pub use refusal::explain;
pub use registry::{
    RegisteredTypes, TypeRegistry, map_func_type, map_ref_type, map_sub_type, map_val_type,
};
pub use supertypes::TypeAddress;
pub use types::{
    CanonicalTypeId, CompositeType, ConcreteType, FieldType, FuncType, GlobalType, HeapType,
    MemoryType, RefKind, RefType, StorageType, SubType, TableType, ValType,
};
