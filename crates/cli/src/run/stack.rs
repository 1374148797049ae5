//! The stack that the program runs on.

use mainspring::{Result, bail, format_err};
use std::thread;

/// What the thread that the process begins with has room for, whatever the system's limits.
const ENOUGH: usize = 512 << 10;
/// For the host's functions, which run on the same stack.
const HOST: usize = 1 << 20;
/// More than any system gives.
const TOO_MUCH: usize = 1 << 46;

/// Does something on a stack on which the program may use so many bytes. What the process began with may be too
/// small for that.
pub(super) fn with<R: Send>(
    wasm: Option<usize>,
    action: impl FnOnce() -> Result<R> + Send,
) -> Result<R> {
    let wasm = match wasm {
        Some(wasm) if wasm > ENOUGH => wasm,
        _ => return action(),
    };
    if wasm > TOO_MUCH {
        bail!("-W max-wasm-stack={wasm}: no stack can be that large");
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(wasm + HOST);
        let running = thread.spawn_scoped(scope, action).map_err(|error| {
            format_err!("-W max-wasm-stack={wasm}: cannot make a stack that large: {error}")
        })?;
        running
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
