//! The types of exceptions.

use super::{FieldType, FuncType, Mutability, StorageType, TagType, ValType};
use crate::{Engine, Result};
use mainspring_error::ensure;
use std::fmt;

/// The type of exceptions whose tag has a type: what they carry.
#[derive(Clone, Hash)]
pub struct ExnType {
    /// Its parameters are what an exception carries; it has no results.
    func: FuncType,
}

impl ExnType {
    /// The type of exceptions that carry these values.
    ///
    /// # Errors
    /// None today.
    ///
    /// # Panics
    /// If one of the types belongs to another engine.
    pub fn new(engine: &Engine, fields: impl IntoIterator<Item = ValType>) -> Result<ExnType> {
        let func = FuncType::try_new(engine, fields, [])?;
        Ok(ExnType { func })
    }

    /// The type of exceptions with a tag of a type.
    ///
    /// # Errors
    /// If the tag's type has results.
    pub fn from_tag_type(tag: &TagType) -> Result<ExnType> {
        ensure!(
            tag.ty().results().len() == 0,
            "the type of a tag can't have results"
        );
        let func = tag.ty().clone();
        Ok(ExnType { func })
    }

    /// The type of the tags of such exceptions.
    pub fn tag_type(&self) -> TagType {
        TagType::new(self.func.clone())
    }

    pub(crate) fn func(&self) -> &FuncType {
        &self.func
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        self.func.engine()
    }

    /// What the n-th value is.
    pub fn field(&self, index: usize) -> Option<FieldType> {
        self.fields().nth(index)
    }

    /// What the values are.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = FieldType> + '_ {
        let field = |ty| FieldType::new(Mutability::Const, StorageType::ValType(ty));
        self.func.params().map(field)
    }

    /// Whether exceptions of this type are of `other` too: whether their tags have the same type.
    ///
    /// # Panics
    /// If they belong to different engines.
    pub fn matches(&self, other: &ExnType) -> bool {
        FuncType::eq(&self.func, &other.func)
    }
}

impl fmt::Display for ExnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(exn")?;
        for ty in self.func.params() {
            write!(f, " (field {ty})")?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for ExnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
