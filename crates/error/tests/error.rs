//! What programs do with errors that they get from the API, and with their own.

use mainspring_error::{
    Context, Error, OutOfMemory, Result, ToWasmtimeResult, bail, ensure, format_err,
};
use std::error::Error as StdError;
use std::fmt;

#[derive(Debug, PartialEq)]
struct Inner(u32);

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inner {}", self.0)
    }
}

impl StdError for Inner {}

#[derive(Debug)]
struct Outer(Inner);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl StdError for Outer {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

fn texts(error: &Error) -> Vec<String> {
    error.chain().map(ToString::to_string).collect()
}

#[test]
fn errors_are_found_under_their_contexts() {
    let mut error = Error::new(Outer(Inner(1)))
        .context("first")
        .context("second");
    assert_eq!(texts(&error), ["second", "first", "outer", "inner 1"]);
    assert_eq!(error.root_cause().to_string(), "inner 1");
    assert_eq!(error.chain().rev().count(), error.chain().len());
    assert!(error.is::<Outer>() && error.is::<&str>() && !error.is::<Inner>());
    error.downcast_mut::<Outer>().expect("it is one").0 = Inner(2);
    assert_eq!(format!("{error:#}"), "second: first: outer: inner 2");
    assert!(format!("{error:?}").contains("Caused by:"));
    assert_eq!(error.source().expect("a cause").to_string(), "first");
    let error = error.downcast::<Inner>().expect_err("it is none");
    assert_eq!(error.downcast::<Outer>().expect("it is one").0, Inner(2));
}

#[test]
fn anything_becomes_an_error_and_back() {
    fn of_std() -> Result<u32> {
        Ok("x".parse::<u32>()?)
    }
    assert!(of_std().unwrap_err().is::<std::num::ParseIntError>());
    let boxed: Box<dyn StdError + Send + Sync> = Error::new(Inner(3)).into();
    assert!(boxed.downcast_ref::<Inner>().is_some());
    let boxed: Box<dyn StdError> = Error::msg("text").into();
    assert_eq!(boxed.to_string(), "text");
    let again = Error::from_boxed(Box::new(Inner(4)));
    assert_eq!(again.to_string(), "inner 4");
    let borrowed: &(dyn StdError + 'static) = again.as_ref();
    assert_eq!(borrowed.to_string(), "inner 4");
    let memory = Error::from(OutOfMemory::new(5));
    let found = memory.downcast_ref::<OutOfMemory>().expect("it is one");
    assert_eq!(found.requested_allocation_size(), 5);
    assert!(memory.to_string().contains("5 bytes"));
}

#[test]
fn errors_go_through_anyhow_and_lose_nothing() {
    fn theirs() -> anyhow::Result<()> {
        Err(Error::new(Inner(6)).context("ours"))?;
        Ok(())
    }
    fn ours() -> Result<()> {
        anyhow::Context::context(theirs(), "theirs").to_wasmtime_result()?;
        Err(Error::msg("not reached")).to_wasmtime_result()
    }
    let error = ours().unwrap_err();
    assert_eq!(texts(&error), ["theirs", "ours", "inner 6"]);
    assert!(error.is::<Inner>());
    let theirs = anyhow::Error::from(error);
    assert_eq!(theirs.downcast_ref(), Some(&Inner(6)));
    // One of theirs keeps its causes.
    let ours = format_err!(theirs);
    assert_eq!(texts(&ours), ["theirs", "ours", "inner 6"]);
    assert_eq!(texts(&format_err!(ours)), ["theirs", "ours", "inner 6"]);
}

/// A program's own error type can be made of both.
#[test]
fn both_have_conversions_of_their_own() {
    #[derive(Debug)]
    enum Mine {
        Runtime(Error),
        Other(anyhow::Error),
    }
    impl From<Error> for Mine {
        fn from(error: Error) -> Mine {
            Mine::Runtime(error)
        }
    }
    impl From<anyhow::Error> for Mine {
        fn from(error: anyhow::Error) -> Mine {
            Mine::Other(error)
        }
    }
    fn run(which: u32) -> Result<(), Mine> {
        match which {
            0 => Err(Error::msg("zero"))?,
            _ => Err(anyhow::Error::msg("one"))?,
        }
        Ok(())
    }
    assert!(matches!(run(0), Err(Mine::Runtime(error)) if error.to_string() == "zero"));
    assert!(matches!(run(1), Err(Mine::Other(error)) if error.to_string() == "one"));
}

#[test]
fn contexts_are_put_around_everything() {
    let of_std: Result<u32, _> = "x".parse::<u32>();
    let error = of_std.with_context(|| "a number").unwrap_err();
    assert_eq!(texts(&error)[0], "a number");
    let error = Err::<(), _>(error).context("again").unwrap_err();
    assert_eq!(texts(&error)[..2], ["again", "a number"]);
    assert_eq!(
        None::<u32>.context("nothing").unwrap_err().to_string(),
        "nothing"
    );
    assert_eq!(Some(1).context("nothing").unwrap(), 1);
    assert_eq!(Ok::<_, Inner>(1).with_context(|| "no").unwrap(), 1);
}

#[test]
fn macros_take_what_they_are_given() {
    fn bails(how: u32) -> Result<()> {
        let name = String::from("x");
        match how {
            0 => bail!("plain"),
            1 => bail!("{name} and {}", 1),
            2 => bail!(Inner(7)),
            3 => bail!(String::from("owned")),
            4 => ensure!(name.is_empty(), "{name} is not empty"),
            5 => ensure!(name.is_empty(), Inner(8)),
            _ => ensure!(name.len() > 1),
        }
        mainspring_error::Ok(())
    }
    let texts: Vec<_> = (0..7)
        .map(|how| bails(how).unwrap_err().to_string())
        .collect();
    let expected = [
        "plain",
        "x and 1",
        "inner 7",
        "owned",
        "x is not empty",
        "inner 8",
        "Condition failed: `name.len() > 1`",
    ];
    assert_eq!(texts, expected);
    assert!(bails(2).unwrap_err().is::<Inner>());
    fn is_usual<T: Send + Sync + 'static>() {}
    is_usual::<Error>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
}
