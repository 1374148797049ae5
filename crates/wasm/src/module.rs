//! The immutable description of a module that everything above works from.
//!
//! It is made once by [`decode`](crate::decode), is valid by then, and never changes. It holds no
//! pointers and no engine state, so an image can store it. Function bodies and data stay in the
//! module's bytes and are named by ranges.

use crate::const_expr::ConstExpr;
use crate::dwarf::DebugSections;
use crate::index::*;
use crate::types::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// What a module declares. See the specification, section "Structure / Modules".
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ModuleInfo {
    /// The module's own name, from the `name` section.
    pub name: Option<String>,
    /// All types, recursion groups flattened.
    pub types: Vec<SubType>,
    /// The recursion groups, as ranges of [`types`](Self::types); they tile it in order.
    pub rec_groups: Vec<Range<u32>>,
    /// Imports in declaration order.
    pub imports: Vec<Import>,
    /// The type of each function, imported ones first.
    pub functions: Vec<TypeIndex>,
    /// The type of each table, imported ones first.
    pub tables: Vec<TableType>,
    /// The type of each memory, imported ones first.
    pub memories: Vec<MemoryType>,
    /// The type of each global, imported ones first.
    pub globals: Vec<GlobalType>,
    /// The type of each tag (a function type), imported ones first.
    pub tags: Vec<TypeIndex>,
    /// How many of each index space are imported.
    pub imported: ImportCounts,
    /// What each defined table's elements start as; `None` is null.
    pub table_inits: Vec<Option<ConstExpr>>,
    /// What each defined global starts as.
    pub global_inits: Vec<ConstExpr>,
    /// Exports in declaration order.
    pub exports: Vec<Export>,
    /// The position in [`exports`](Self::exports) of each name.
    pub export_names: BTreeMap<String, usize>,
    /// The function to run when an instance is made.
    pub start: Option<FuncIndex>,
    /// Element segments.
    pub elements: Vec<ElementSegment>,
    /// Data segments.
    pub data: Vec<DataSegment>,
    /// Where each defined function's body lies in the module's bytes (locals and operators, without
    /// the size prefix).
    pub bodies: Vec<Range<u32>>,
    /// Functions that references can name, in the order of their [`FuncRefIndex`].
    pub escaping: Vec<FuncIndex>,
    /// The reverse of [`escaping`](Self::escaping), for every function.
    pub func_ref_index: Vec<Option<FuncRefIndex>>,
    /// Where the contents of the `name` section lie, if there is one; read when a name is wanted.
    pub name_section: Option<Range<u32>>,
    /// Where the debugging information lies; read when a backtrace is to show lines.
    pub debug_sections: DebugSections,
    /// Where the contents of the code section start, for offsets in backtraces.
    pub code_section_start: u32,
    /// What the module says about where its branches go, by ascending offset.
    pub branch_hints: Vec<BranchHint>,
}

/// What a module says about one of its branches (`br_if` or `if`), in the custom section
/// `metadata.code.branch_hint`. It may be wrong, and changes no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BranchHint {
    /// Offset of the instruction in the module.
    pub offset: u32,
    /// Whether its condition is likely to hold, rather than not to.
    pub likely: bool,
}

/// How many entries of each index space a module imports.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct ImportCounts {
    /// Functions.
    pub functions: u32,
    /// Tables.
    pub tables: u32,
    /// Memories.
    pub memories: u32,
    /// Globals.
    pub globals: u32,
    /// Tags.
    pub tags: u32,
}

/// One import.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Import {
    /// The first half of its name.
    pub module: String,
    /// The second half of its name.
    pub name: String,
    /// Which entry of which index space it fills.
    pub entity: EntityIndex,
}

/// One export.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// What it is.
    pub entity: EntityIndex,
}

/// When a segment is used.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SegmentMode<Target> {
    /// Copied when an instance is made.
    Active {
        /// Where to.
        target: Target,
        /// The offset there.
        offset: ConstExpr,
    },
    /// Used by `memory.init` and `table.init`.
    Passive,
    /// Only declares that its functions can be named (`ref.func`).
    Declared,
}

/// An element segment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElementSegment {
    /// When it is used.
    pub mode: SegmentMode<TableIndex>,
    /// The type of its elements.
    pub element: RefType,
    /// Its elements.
    pub items: ElementItems,
}

/// The elements of a segment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ElementItems {
    /// Functions, by index.
    Functions(Box<[FuncIndex]>),
    /// Constant expressions.
    Expressions(Box<[ConstExpr]>),
}

impl ElementItems {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            ElementItems::Functions(items) => items.len(),
            ElementItems::Expressions(items) => items.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A data segment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DataSegment {
    /// When it is used.
    pub mode: SegmentMode<MemoryIndex>,
    /// Where its bytes lie in the module's bytes.
    pub range: Range<u32>,
}

impl ModuleInfo {
    /// Whether two tags may turn out to be the same: what the module defines itself is no import, and no two of these are the
    /// same.
    pub fn may_be_same_tag(&self, a: TagIndex, b: TagIndex) -> bool {
        let is_import = |tag: TagIndex| tag.0 < self.imported.tags;
        a == b || (is_import(a) && is_import(b))
    }

    /// The type of a function.
    pub fn func_type(&self, func: FuncIndex) -> &FuncType {
        self.func_type_at(self.functions[func.index()])
    }

    /// The function type at a type index.
    ///
    /// # Panics
    /// If the type is not a function type, which validation rules out for every index that an
    /// instruction or a declaration uses as one.
    pub fn func_type_at(&self, ty: TypeIndex) -> &FuncType {
        self.types[ty.index()]
            .as_func()
            .expect("validated to be a function type")
    }

    /// How many supertypes a declared type has.
    pub fn type_depth(&self, ty: TypeIndex) -> u32 {
        self.supertypes(ty).count() as u32 - 1
    }

    /// Whether a declared type is another, or is declared a subtype of it. Says nothing of types that are
    /// equal under two indices.
    pub fn is_declared_subtype(&self, sub: TypeIndex, sup: TypeIndex) -> bool {
        self.supertypes(sub).any(|ty| ty == sup)
    }

    /// A declared type, its supertype, and so on.
    fn supertypes(&self, ty: TypeIndex) -> impl Iterator<Item = TypeIndex> + '_ {
        std::iter::successors(Some(ty), |ty| match self.types[ty.index()].supertype {
            Some(ConcreteType::Module(supertype)) => Some(supertype),
            _ => None,
        })
    }

    /// Whether a reference in a table can only be to functions of a type.
    pub fn is_always_of(&self, element: RefType, ty: TypeIndex) -> bool {
        match element.heap {
            HeapType::Concrete(ConcreteType::Module(element)) => {
                self.is_declared_subtype(element, ty)
            }
            _ => false,
        }
    }

    /// Whether a concrete heap type of this module is a function type.
    pub fn is_func_type(&self, ty: ConcreteType) -> bool {
        match ty {
            ConcreteType::Module(ty) => self.types[ty.index()].as_func().is_some(),
            ConcreteType::Group(_) | ConcreteType::Canonical(_) => {
                unreachable!("a module's own description names types by module index")
            }
        }
    }

    /// How references of a type are represented.
    pub fn ref_kind(&self, ty: RefType) -> RefKind {
        ty.kind(|concrete| self.is_func_type(concrete))
    }

    /// Whether an instance can come by objects that its code looks into, which lie in the store's heap. Only a
    /// module that names no types of objects can do without, or one that has no references but to functions.
    pub fn needs_heap(&self) -> bool {
        let is_gc = |ty: RefType| self.ref_kind(ty) == RefKind::Gc;
        let is_gc_value = |ty: &ValType| matches!(ty, ValType::Ref(ty) if is_gc(*ty));
        let makes_or_takes = |ty: &SubType| match &ty.composite {
            CompositeType::Func(ty) => ty.params.iter().chain(&ty.results).any(is_gc_value),
            CompositeType::Struct(_) | CompositeType::Array(_) => true,
        };
        !self.tags.is_empty()
            || self.types.iter().any(makes_or_takes)
            || self.globals.iter().any(|ty| is_gc_value(&ty.content))
            || self.tables.iter().any(|ty| is_gc(ty.element))
    }

    /// The body's number, unless the function is imported.
    pub fn defined_func(&self, func: FuncIndex) -> Option<DefinedFuncIndex> {
        func.0
            .checked_sub(self.imported.functions)
            .map(DefinedFuncIndex)
    }

    /// The function with a given body.
    pub fn func_of(&self, defined: DefinedFuncIndex) -> FuncIndex {
        FuncIndex(self.imported.functions + defined.0)
    }

    /// The position among defined tables, unless it is imported.
    pub fn defined_table(&self, table: TableIndex) -> Option<usize> {
        table
            .0
            .checked_sub(self.imported.tables)
            .map(|i| i as usize)
    }

    /// The position among defined memories, unless it is imported.
    pub fn defined_memory(&self, memory: MemoryIndex) -> Option<usize> {
        memory
            .0
            .checked_sub(self.imported.memories)
            .map(|i| i as usize)
    }

    /// The position among defined globals, unless it is imported.
    pub fn defined_global(&self, global: GlobalIndex) -> Option<usize> {
        global
            .0
            .checked_sub(self.imported.globals)
            .map(|i| i as usize)
    }

    /// The position among defined tags, unless it is imported.
    pub fn defined_tag(&self, tag: TagIndex) -> Option<usize> {
        tag.0.checked_sub(self.imported.tags).map(|i| i as usize)
    }

    /// What is exported under a name.
    pub fn export(&self, name: &str) -> Option<EntityIndex> {
        Some(self.exports[*self.export_names.get(name)?].entity)
    }

    /// Whether the condition of the branch at an offset in the module is likely to hold, if the module says that.
    pub fn branch_hint(&self, offset: u32) -> Option<bool> {
        let at = self
            .branch_hints
            .binary_search_by_key(&offset, |hint| hint.offset);
        at.ok().map(|at| self.branch_hints[at].likely)
    }

    /// The module's bytes that a `u32` range names.
    pub fn slice<'a>(&self, bytes: &'a [u8], range: &Range<u32>) -> &'a [u8] {
        &bytes[range.start as usize..range.end as usize]
    }
}
