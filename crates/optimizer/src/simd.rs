//! Vectors.
use crate::func::Func;
use anyhow::Result;
use wasmparser::Operator;

impl Func<'_, '_> {
    /// Translates an operator on vectors. False if it is not one.
    pub(crate) fn vector(&mut self, _operator: &Operator<'_>) -> Result<bool> {
        Ok(false)
    }
}
