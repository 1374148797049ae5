//! What casts ask for.

use crate::index::TypeIndex;
use crate::module::ModuleInfo;
use crate::types::{CompositeType, HeapType};

/// Which references `ref.test` and its like let through, apart from null.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cast {
    /// All: the type is the top of its hierarchy.
    All,
    /// None: the type is the bottom of its hierarchy.
    Nothing,
    /// Functions of a type of the module, or of a subtype of it.
    Func(TypeIndex),
    /// Objects of a struct or array type of the module, or of a subtype of it.
    Object(TypeIndex),
    /// Structs, arrays and unboxed integers.
    Eq,
    /// Unboxed integers.
    I31,
    /// Structs of any type.
    Struct,
    /// Arrays of any type.
    Array,
}

impl ModuleInfo {
    /// What a cast to a type lets through.
    ///
    /// # Panics
    /// If a concrete type is not one of the module's.
    pub fn cast(&self, heap: HeapType) -> Cast {
        use HeapType::*;
        match heap {
            Any | Func | Extern | Exn => Cast::All,
            None | NoFunc | NoExtern | NoExn => Cast::Nothing,
            Eq => Cast::Eq,
            I31 => Cast::I31,
            Struct => Cast::Struct,
            Array => Cast::Array,
            Concrete(crate::ConcreteType::Module(ty)) => match self.types[ty.index()].composite {
                CompositeType::Func(_) => Cast::Func(ty),
                CompositeType::Struct(_) | CompositeType::Array(_) => Cast::Object(ty),
            },
            Concrete(_) => panic!("types in a module's description are the module's"),
        }
    }
}
