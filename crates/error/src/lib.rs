//! The error type of the API, and what goes with it.
//!
//! [`Error`] is `anyhow`'s, in a type of our own: a program can tell the two apart and have conversions from both. Each of them
//! becomes the other without losing anything, by `?` in one direction and by [`ToWasmtimeResult`] in the other (the
//! traits of the language allow only one of them to be `From`).

#![warn(missing_docs)]

mod context;
mod out_of_memory;

pub use context::{Context, ToWasmtimeResult};
pub use out_of_memory::OutOfMemory;
use std::backtrace::Backtrace;
use std::error::Error as StdError;
use std::fmt::{self, Debug, Display};
use std::iter::FusedIterator;
use std::ops::Deref;

/// A result whose error is an [`Error`], unless another is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// `Ok` of a result whose error is an [`Error`], where nothing else says so.
#[expect(non_snake_case, reason = "it stands for the constructor of that name")]
pub fn Ok<T>(value: T) -> Result<T> {
    Result::Ok(value)
}

/// Any error, with the contexts that were put around it and a backtrace of where it was made, if backtraces are asked for
/// (`RUST_BACKTRACE`).
///
/// As text it is its outermost context; with `{:#}`, all of them with what caused it. `{:?}` is for people, over several lines.
///
/// ```
/// use mainspring_error::{Context, Error, Result, bail};
///
/// #[derive(Debug, PartialEq)]
/// struct Empty;
///
/// impl std::fmt::Display for Empty {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         f.write_str("there is nothing in it")
///     }
/// }
///
/// impl std::error::Error for Empty {}
///
/// fn first(list: &[u32]) -> Result<u32> {
///     let Some(first) = list.first() else { bail!(Empty) };
///     Ok(*first)
/// }
///
/// let error = first(&[]).context("cannot read the list").unwrap_err();
/// assert_eq!(error.to_string(), "cannot read the list");
/// assert_eq!(format!("{error:#}"), "cannot read the list: there is nothing in it");
/// assert_eq!(error.downcast_ref(), Some(&Empty));
/// ```
#[repr(transparent)]
pub struct Error(anyhow::Error);

impl Error {
    /// An error of any type, which can be found again by [`downcast_ref`](Self::downcast_ref).
    #[cold]
    #[must_use]
    pub fn new<E: StdError + Send + Sync + 'static>(error: E) -> Error {
        Error(anyhow::Error::new(error))
    }

    /// An error that is a message.
    #[cold]
    #[must_use]
    pub fn msg<M: Display + Debug + Send + Sync + 'static>(message: M) -> Error {
        Error(anyhow::Error::msg(message))
    }

    /// An error that is in a box.
    #[cold]
    #[must_use]
    pub fn from_boxed(error: Box<dyn StdError + Send + Sync + 'static>) -> Error {
        Error(anyhow::Error::from_boxed(error))
    }

    /// An error of `anyhow`'s, with all that is in it.
    #[must_use]
    pub fn from_anyhow(error: anyhow::Error) -> Error {
        Error(error)
    }

    /// The same with a context around it, which may be found by [`downcast_ref`](Self::downcast_ref) too.
    #[cold]
    #[must_use]
    pub fn context<C: Display + Send + Sync + 'static>(self, context: C) -> Error {
        Error(self.0.context(context))
    }

    /// Where it was made. Empty unless backtraces are asked for.
    pub fn backtrace(&self) -> &Backtrace {
        self.0.backtrace()
    }

    /// Its contexts from the outside inwards, then the error itself and what caused that.
    pub fn chain(&self) -> Chain<'_> {
        Chain(self.0.chain())
    }

    /// The last of its [`chain`](Self::chain).
    pub fn root_cause(&self) -> &(dyn StdError + 'static) {
        self.0.root_cause()
    }

    /// Whether it, or a context around it, is of a type.
    pub fn is<E: Display + Debug + Send + Sync + 'static>(&self) -> bool {
        self.0.is::<E>()
    }

    /// What of it is of a type: the error that it was made of, or a context.
    ///
    /// # Errors
    /// The error itself, if nothing is.
    pub fn downcast<E: Display + Debug + Send + Sync + 'static>(self) -> Result<E, Error> {
        self.0.downcast().map_err(Error)
    }

    /// What of it is of a type: the error that it was made of, or a context.
    pub fn downcast_ref<E: Display + Debug + Send + Sync + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }

    /// Like [`downcast_ref`](Self::downcast_ref), to change.
    pub fn downcast_mut<E: Display + Debug + Send + Sync + 'static>(&mut self) -> Option<&mut E> {
        self.0.downcast_mut()
    }

    /// The error in a box, in which it can be found by its type. Its backtrace is lost.
    #[must_use]
    pub fn into_boxed_dyn_error(self) -> Box<dyn StdError + Send + Sync + 'static> {
        self.0.reallocate_into_boxed_dyn_error_without_backtrace()
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.0, f)
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    #[cold]
    fn from(error: E) -> Error {
        Error::new(error)
    }
}

impl From<Error> for anyhow::Error {
    fn from(error: Error) -> anyhow::Error {
        error.0
    }
}

impl From<Error> for Box<dyn StdError + Send + Sync + 'static> {
    fn from(error: Error) -> Self {
        error.into_boxed_dyn_error()
    }
}

impl From<Error> for Box<dyn StdError + Send + 'static> {
    fn from(error: Error) -> Self {
        error.into_boxed_dyn_error()
    }
}

impl From<Error> for Box<dyn StdError + 'static> {
    fn from(error: Error) -> Self {
        error.into_boxed_dyn_error()
    }
}

impl Deref for Error {
    type Target = dyn StdError + Send + Sync + 'static;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl AsRef<dyn StdError> for Error {
    fn as_ref(&self) -> &(dyn StdError + 'static) {
        self.0.as_ref()
    }
}

impl AsRef<dyn StdError + Send + Sync> for Error {
    fn as_ref(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self.0.as_ref()
    }
}

/// What [`Error::chain`] goes through.
#[derive(Clone)]
pub struct Chain<'a>(anyhow::Chain<'a>);

impl Debug for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a> Iterator for Chain<'a> {
    type Item = &'a (dyn StdError + 'static);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Chain<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back()
    }
}

impl ExactSizeIterator for Chain<'_> {}

impl FusedIterator for Chain<'_> {}

/// What the macros need.
#[doc(hidden)]
pub mod macros {
    pub use anyhow::anyhow;
    pub use std::result::Result::Err;
}

/// An [`Error`] of a message, with arguments as `format!` takes them, or of any one error.
///
/// ```
/// # use mainspring_error::format_err;
/// let n = 3;
/// assert_eq!(format_err!("{n} is not {}", 4).to_string(), "3 is not 4");
/// assert!(format_err!(std::fmt::Error).is::<std::fmt::Error>());
/// ```
#[macro_export]
macro_rules! format_err {
    ($($of:tt)*) => {
        $crate::Error::from_anyhow($crate::macros::anyhow!($($of)*))
    };
}

/// Returns an [`Error`], made as by [`format_err!`].
///
/// ```
/// # use mainspring_error::{Result, bail};
/// fn half(n: u32) -> Result<u32> {
///     if n % 2 != 0 {
///         bail!("{n} is odd");
///     }
///     Ok(n / 2)
/// }
/// assert_eq!(half(3).unwrap_err().to_string(), "3 is odd");
/// ```
#[macro_export]
macro_rules! bail {
    ($($of:tt)*) => {
        return $crate::macros::Err($crate::format_err!($($of)*))
    };
}

/// Returns an [`Error`], made as by [`format_err!`], unless a condition holds.
///
/// ```
/// # use mainspring_error::{Result, ensure};
/// fn half(n: u32) -> Result<u32> {
///     ensure!(n % 2 == 0, "{n} is odd");
///     ensure!(n > 0);
///     Ok(n / 2)
/// }
/// assert_eq!(half(3).unwrap_err().to_string(), "3 is odd");
/// assert_eq!(half(0).unwrap_err().to_string(), "Condition failed: `n > 0`");
/// ```
#[macro_export]
macro_rules! ensure {
    ($condition:expr $(,)?) => {
        $crate::ensure!($condition, "Condition failed: `{}`", stringify!($condition))
    };
    ($condition:expr, $($of:tt)+) => {
        if !$condition {
            $crate::bail!($($of)+);
        }
    };
}
