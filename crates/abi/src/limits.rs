//! What a tier refuses although it is valid.

use std::fmt;

/// A function that is more than a tier takes: it would need too much code, or too much time. The other tier may take it, since
/// their limits differ.
///
/// Errors of compilations have it as a cause where that is so.
///
/// ```
/// use mainspring_abi::TooLarge;
///
/// let error = TooLarge::new("its frame would be too large");
/// assert_eq!(error.to_string(), "its frame would be too large");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TooLarge(String);

impl TooLarge {
    /// Says what there is too much of, as the end of a sentence about the function.
    pub fn new(what: impl Into<String>) -> TooLarge {
        TooLarge(what.into())
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooLarge {}
