//! How the command says that something went wrong, and which exit status goes with it.
//! Everything goes to standard error; colour only where a person reads it.

use crate::text::{escaped, printable};
use crate::uncaught::Uncaught;
use mainspring::{
    Error, FrameInfo, FrameSymbol, MissingProposals, SharedMemoriesOff, ThrownException, Trap,
    WasmBacktrace, demangle,
};
use mainspring_wasi::I32Exit;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::process::ExitCode;

/// What a shell reports for a process that was ended by SIGABRT, as a trap ends a guest.
const TRAPPED: u8 = 134;
const USAGE: u8 = 2;
const FAILED: u8 = 1;

/// Reports an error and returns the exit status that belongs to it.
pub(crate) fn failure(error: &Error) -> ExitCode {
    ExitCode::from(status(error))
}

/// Like [`failure`], as a number.
pub(crate) fn status(error: &Error) -> u8 {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return exited(exit.0);
    }
    print("error", &error_text(error));
    if error.is::<Trap>() { TRAPPED } else { FAILED }
}

/// A program that ends itself is no error of ours: no message. The operating system keeps
/// eight bits of a status, and the rest of them must not get lost unnoticed.
fn exited(status: i32) -> u8 {
    match u8::try_from(status) {
        Ok(status) => status,
        Err(_) => {
            let text = format!(
                "the program ended itself with the status {}, but a process's is from 0 to 255",
                status as u32
            );
            print("error", &text);
            FAILED
        }
    }
}

/// Prints what clap has to say: help and the version are answers, the rest are errors.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Nothing is left to do about a terminal that can't be written to.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
}

/// A hint that is not an error.
pub(crate) fn note(text: &str) {
    print("note", text);
}

/// Text that was asked for.
pub(crate) fn plain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn print(prefix: &str, text: &str) {
    let stderr = std::io::stderr();
    let colour = stderr.is_terminal() && !no_colour();
    let prefix = match (colour, prefix) {
        (false, _) => format!("{prefix}:"),
        (true, "error") => format!("\x1b[1;31m{prefix}:\x1b[0m"),
        (true, _) => format!("\x1b[1;36m{prefix}:\x1b[0m"),
    };
    let text = escaped(text, |c| c.is_control() && !matches!(c, '\n' | '\t'));
    let _ = writeln!(stderr.lock(), "{prefix} {text}");
}

/// <https://no-color.org>: any value that is not empty.
pub(crate) fn no_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// What went wrong, and the guest's calls that led to it, whatever it was that ended them.
fn error_text(error: &Error) -> String {
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let shown_below = backtrace.map(ToString::to_string);
    let says_more = error.is::<Uncaught>();
    let causes = error
        .chain()
        .filter(|cause| !(says_more && cause.is::<ThrownException>()))
        .map(|cause| match cause.is::<SharedMemoriesOff>() {
            // Its own words are for embedders.
            true => "the creation of shared memories is switched off".into(),
            false => cause.to_string(),
        })
        .filter(|text| shown_below.as_ref() != Some(text));
    let mut text = joined(causes);
    if let Some(switches) = switches(error) {
        let _ = write!(text, "; `-W {switches}` allows it");
    }
    if let Some(backtrace) = backtrace {
        write_frames(&mut text, backtrace.frames());
        if backtrace.could_say_more() {
            let _ = write!(text, "\nnote: {}", WasmBacktrace::MORE_DETAILS);
        }
    }
    text
}

/// What would have to be switched on, in the words of the command line.
fn switches(error: &Error) -> Option<String> {
    let missing = error.downcast_ref::<MissingProposals>();
    match missing.filter(|missing| missing.are_supported()) {
        Some(missing) => Some(missing.names().join(",")),
        None => (error.is::<SharedMemoriesOff>()).then(|| "shared-memory".into()),
    }
}

/// The causes of an error, outermost first, without saying one of them twice: some
/// libraries put the text of a cause into the error that it caused.
fn joined(causes: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    for cause in causes {
        let cause = cause.trim_end();
        if text.is_empty() {
            text.push_str(cause);
        } else if !text.contains(cause) {
            // A cause of several lines (a parser showing the place) starts its own line.
            text.push_str(if cause.contains('\n') { ":\n" } else { ": " });
            text.push_str(cause);
        }
    }
    text
}

/// The guest's calls that were going on, the innermost first.
fn write_frames(text: &mut String, frames: &[FrameInfo]) {
    if !frames.is_empty() {
        text.push_str("\nbacktrace of the program, innermost call first:");
    }
    for (nth, frame) in frames.iter().enumerate() {
        let symbols = frame.symbols();
        let name = symbols.first().map_or_else(
            || function_name(frame),
            |symbol| symbol_name(frame, symbol, symbols.len() == 1),
        );
        let _ = write!(text, "\n  {nth:>3}: {name}");
        if let Some(name) = frame.module().name() {
            let _ = write!(text, " in {}", printable(name));
        }
        if let Some(offset) = frame.module_offset() {
            let _ = write!(text, " at offset {offset:#x}");
        }
        for (nth, symbol) in symbols.iter().enumerate() {
            if nth > 0 {
                let name = symbol_name(frame, symbol, nth + 1 == symbols.len());
                let _ = write!(text, "\n     - {name}");
            }
            if let Some(place) = symbol.place() {
                let _ = write!(text, "\n          at {}", printable(&place));
            }
        }
    }
}

fn function_name(frame: &FrameInfo) -> String {
    match frame.func_name() {
        Some(name) => printable(&demangle(name)),
        None => format!("<function {}>", frame.func_index()),
    }
}

/// The name of a function in the source: of the frame's, if it is the outermost, or of one that was inlined into that.
fn symbol_name(frame: &FrameInfo, symbol: &FrameSymbol, outermost: bool) -> String {
    match symbol.name() {
        Some(name) => printable(&demangle(name)),
        None if outermost => function_name(frame),
        None => "<inlined function>".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_joined_and_not_repeated() {
        let error = Error::msg("bad offset")
            .context("cannot load: bad offset")
            .context("no start");
        assert_eq!(error_text(&error), "no start: cannot load: bad offset");
    }
}
