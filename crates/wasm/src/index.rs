//! Index spaces of a module, one newtype each, so that a table index can't be
//! handed to something that wants a memory index.

use serde::{Deserialize, Serialize};

macro_rules! index_types {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub struct $name(pub u32);

        impl $name {
            /// The index as a `usize`, to index slices with.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl From<usize> for $name {
            fn from(index: usize) -> $name {
                $name(u32::try_from(index).expect("index spaces of a validated module fit in 32 bits"))
            }
        }
    )*};
}

index_types! {
    /// A type of the module, in the order of its type section (rec groups flattened).
    TypeIndex
    /// A function: imported ones first, then those the module defines.
    FuncIndex
    /// A function with a body: the n-th entry of the code section.
    DefinedFuncIndex
    /// A table: imported ones first.
    TableIndex
    /// A memory: imported ones first.
    MemoryIndex
    /// A global: imported ones first.
    GlobalIndex
    /// A tag: imported ones first.
    TagIndex
    /// An element segment.
    ElemIndex
    /// A data segment.
    DataIndex
    /// A function that can be named by a reference at run time (exported, in an element segment,
    /// in a `ref.func`, or the start of a constant expression), numbered densely.
    FuncRefIndex
}

/// Something that can be imported or exported.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum EntityIndex {
    /// A function.
    Func(FuncIndex),
    /// A table.
    Table(TableIndex),
    /// A memory.
    Memory(MemoryIndex),
    /// A global.
    Global(GlobalIndex),
    /// A tag.
    Tag(TagIndex),
}
