//! Memory for code, found before it is needed, by a thread that does nothing else: so whoever compiles does not wait for
//! the system to find pages.

use mainspring_platform::pages::{will_read, will_write};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// Where code will be written, and where it will run: the same pages.
pub(crate) struct Pages {
    pub write: usize,
    pub run: usize,
    pub len: usize,
}

/// Has pages found soon. If their range is gone by then, so are the mappings, or they are someone else's, and nothing
/// happens to what is in them. Without the thread, pages come as they are touched.
pub(crate) fn find(pages: Pages) {
    static THREAD: OnceLock<Option<Sender<Pages>>> = OnceLock::new();
    let thread = THREAD.get_or_init(|| {
        let (sender, receiver) = channel::<Pages>();
        let work = move || {
            for Pages { write, run, len } in receiver {
                will_write(std::ptr::slice_from_raw_parts_mut(write as *mut u8, len));
                will_read(std::ptr::slice_from_raw_parts(run as *const u8, len));
            }
        };
        let thread = thread::Builder::new().name("mainspring-pages".into());
        thread.spawn(work).is_ok().then_some(sender)
    });
    if let Some(thread) = thread {
        // It only ends with the process.
        let _ = thread.send(pages);
    }
}
