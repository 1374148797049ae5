//! References to what the garbage collector manages: values of the host's, structs, arrays, exceptions, and integers that
//! go for references.
//!
//! The host never holds an object itself, for the collector moves them: it holds names for places in the store that
//! hold it. See [`Rooted`].

mod anyref;
mod arrayref;
mod exnref;
mod externref;
mod fields;
mod i31;
pub(crate) mod rooted;
mod structref;

pub use anyref::{AnyRef, EqRef};
pub use arrayref::{ArrayRef, ArrayRefPre};
pub use exnref::{ExnRef, ExnRefPre};
pub use externref::{ExternRef, NoExtern, NoFunc, NoneRef};
pub use i31::I31;
pub(crate) use rooted::Obstacle;
pub use rooted::{GcRef, OwnedRooted, RootScope, Rooted, RootedGcRef};
pub use structref::{StructRef, StructRefPre};
