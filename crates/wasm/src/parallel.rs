//! Other threads to work on a module with, if the process can have them.

use std::error::Error;
use std::sync::OnceLock;

/// Whether there are threads to share work with. Where none can be made, whoever wants something does it.
///
/// Must be asked before `rayon` is used, which panics there.
pub fn has_threads() -> bool {
    static THREADS: OnceLock<bool> = OnceLock::new();
    *THREADS.get_or_init(|| {
        let made = rayon::ThreadPoolBuilder::new().build_global();
        // Without a cause, it says that the program has made them before.
        made.map_or_else(|error| error.source().is_none(), |()| true)
    })
}

/// Does two things, at once if there are threads.
pub fn join<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    match has_threads() {
        true => rayon::join(first, second),
        false => (first(), second()),
    }
}
