//! Results on their way to being results of ours.

use crate::{Error, Result};
use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt::Display;

mod sealed {
    pub trait Sealed {}

    impl<T, E> Sealed for Result<T, E> {}
    impl<T> Sealed for Option<T> {}
}

/// Puts a context around the error of a result, or makes an error of `None`.
pub trait Context<T, E>: sealed::Sealed {
    /// Puts a context around the error.
    ///
    /// # Errors
    /// With the context, if there was one.
    fn context<C: Display + Send + Sync + 'static>(self, context: C) -> Result<T>;

    /// Like [`context`](Self::context), with one that is only made if there is an error.
    ///
    /// # Errors
    /// With the context, if there was one.
    fn with_context<C: Display + Send + Sync + 'static, F: FnOnce() -> C>(
        self,
        context: F,
    ) -> Result<T>;
}

impl<T, E: StdError + Send + Sync + 'static> Context<T, E> for Result<T, E> {
    fn context<C: Display + Send + Sync + 'static>(self, context: C) -> Result<T> {
        self.map_err(|error| Error::new(error).context(context))
    }

    fn with_context<C: Display + Send + Sync + 'static, F: FnOnce() -> C>(
        self,
        context: F,
    ) -> Result<T> {
        self.map_err(|error| Error::new(error).context(context()))
    }
}

impl<T> Context<T, Error> for Result<T> {
    fn context<C: Display + Send + Sync + 'static>(self, context: C) -> Result<T> {
        self.map_err(|error| error.context(context))
    }

    fn with_context<C: Display + Send + Sync + 'static, F: FnOnce() -> C>(
        self,
        context: F,
    ) -> Result<T> {
        self.map_err(|error| error.context(context()))
    }
}

impl<T> Context<T, Infallible> for Option<T> {
    fn context<C: Display + Send + Sync + 'static>(self, context: C) -> Result<T> {
        self.with_context(|| context)
    }

    fn with_context<C: Display + Send + Sync + 'static, F: FnOnce() -> C>(
        self,
        context: F,
    ) -> Result<T> {
        // As `anyhow` does: the context is all there is.
        anyhow::Context::with_context(self, context).map_err(Error::from_anyhow)
    }
}

/// Makes results of `anyhow`'s ours.
pub trait ToWasmtimeResult<T> {
    /// The same, with an [`Error`].
    ///
    /// # Errors
    /// If it is one.
    fn to_wasmtime_result(self) -> Result<T>;
}

impl<T> ToWasmtimeResult<T> for anyhow::Result<T> {
    fn to_wasmtime_result(self) -> Result<T> {
        self.map_err(Error::from_anyhow)
    }
}

impl<T> ToWasmtimeResult<T> for Result<T> {
    fn to_wasmtime_result(self) -> Result<T> {
        self
    }
}
