//! What casts ask for, and whether that can be answered without a heap of objects.

use crate::convert;
use crate::index::TypeIndex;
use crate::module::ModuleInfo;
use crate::types::{CompositeType, HeapType};
use anyhow::{Result, bail};
use wasmparser::Operator;

/// Which references `ref.test` and its like let through, apart from null.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cast {
    /// All: the type is the top of its hierarchy.
    All,
    /// None: the type is the bottom of its hierarchy.
    Nothing,
    /// Functions of a type of the module, or of a subtype of it.
    Func(TypeIndex),
}

impl ModuleInfo {
    /// What a cast to a type lets through; nothing if that takes objects on a heap to tell.
    pub fn cast(&self, heap: HeapType) -> Option<Cast> {
        use HeapType::*;
        match heap {
            Any | Func | Extern | Exn => Some(Cast::All),
            None | NoFunc | NoExtern | NoExn => Some(Cast::Nothing),
            Concrete(crate::ConcreteType::Module(ty)) => match self.types[ty.index()].composite {
                CompositeType::Func(_) => Some(Cast::Func(ty)),
                CompositeType::Struct(_) | CompositeType::Array(_) => Option::None,
            },
            Concrete(_) | Eq | I31 | Struct | Array => Option::None,
        }
    }
}

/// Refuses instructions that take objects on a heap, which there is not.
pub(crate) fn check_operator(info: &ModuleInfo, operator: &Operator<'_>) -> Result<()> {
    use Operator as O;
    let target = match *operator {
        O::RefTestNonNull { hty }
        | O::RefTestNullable { hty }
        | O::RefCastNonNull { hty }
        | O::RefCastNullable { hty } => hty,
        O::BrOnCast { to_ref_type, .. } | O::BrOnCastFail { to_ref_type, .. } => {
            to_ref_type.heap_type()
        }
        _ if group_of(operator) != "gc" => return Ok(()),
        _ => bail!("the instruction {operator:?} {NEEDS_HEAP}"),
    };
    if info.cast(convert::heap_type(target)?).is_none() {
        bail!("the instruction {operator:?} {NEEDS_HEAP}");
    }
    Ok(())
}

const NEEDS_HEAP: &str =
    "needs a heap of objects: that part of the gc proposal is not supported yet";

/// Generates the match from an operator to the group that the decoder puts it into.
macro_rules! define_group_of {
    ($( @$group:ident $op:ident $({ $($field:ident: $ty:ty),* })? => $visit:ident ($($arity:tt)*) )*) => {
        fn group_of(operator: &Operator<'_>) -> &'static str {
            match operator {
                $( Operator::$op { .. } => stringify!($group), )*
                // The enum is open for operators of proposals to come.
                _ => "unknown",
            }
        }
    };
}
wasmparser::for_each_operator!(define_group_of);
