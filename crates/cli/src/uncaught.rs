//! Says of an exception that nothing caught what only its store knows: the tag, and what it carried.

use crate::invoke::show;
use crate::text::printable;
use mainspring::{Error, ExnRef, Result, Rooted, Store, ThrownException};
use std::fmt;

/// What the program threw.
#[derive(Debug)]
pub(crate) struct Uncaught {
    tag: Option<String>,
    values: Vec<String>,
}

impl fmt::Display for Uncaught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the program threw an exception that nothing caught, with ")?;
        match &self.tag {
            Some(tag) => write!(f, "the tag `{}`", printable(tag))?,
            None => f.write_str("a tag without a name")?,
        }
        match &self.values[..] {
            [] => Ok(()),
            [value] => write!(f, " and the value {value}"),
            values => write!(f, " and the values {}", values.join(", ")),
        }
    }
}

/// Adds to an error of a call what was thrown, if that is what the call ended with.
pub(crate) fn explain<T: 'static>(store: &mut Store<T>, error: Error) -> Error {
    if !error.is::<ThrownException>() {
        return error;
    }
    let exception = store.take_pending_exception();
    match exception.map(|exception| describe(store, exception)) {
        Some(Ok(uncaught)) => error.context(uncaught),
        Some(Err(_)) | None => error,
    }
}

fn describe<T: 'static>(store: &mut Store<T>, exception: Rooted<ExnRef>) -> Result<Uncaught> {
    let tag = exception.tag(&mut *store)?;
    let values = exception.fields(&mut *store)?;
    Ok(Uncaught {
        values: values.map(|value| show(&value)).collect(),
        tag: tag.name(&*store),
    })
}
