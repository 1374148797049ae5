//! The thread that sees to modules' files: it takes leases on them, so that the modules' bytes need not be kept, and gives
//! those up when someone wants to write.
//!
//! Each module is looked at once, some time after it was made: many programs have ended by then, and
//! never pay for it.

use crate::module_code::ModuleCode;
use mainspring_platform::lease::{Leaseholder, Waker};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

/// When that is for a module whose file was not read, because the cache knows it.
pub(crate) const KNOWN: Duration = Duration::from_millis(300);
/// When that is for a module whose bytes are in memory: soon, before what runs takes memory too.
pub(crate) const MADE: Duration = Duration::from_millis(5);

type Due = (Instant, Weak<ModuleCode>);

/// How the thread is told.
struct Thread {
    modules: Sender<Due>,
    /// `None` if it holds no leases: then it waits for modules, not for signals.
    waker: Option<Waker>,
}

/// Has a module's file seen to after some time.
pub(crate) fn look_after(module: &Weak<ModuleCode>, after: Duration) {
    static THREAD: OnceLock<Option<Mutex<Thread>>> = OnceLock::new();
    let thread = THREAD.get_or_init(|| start().map(Mutex::new));
    let told = thread.as_ref().is_some_and(|thread| {
        let thread = thread.lock().unwrap_or_else(PoisonError::into_inner);
        let due = (Instant::now() + after, module.clone());
        let sent = thread.modules.send(due).is_ok();
        if let Some(waker) = thread.waker {
            waker.wake();
        }
        sent
    });
    if !told && let Some(module) = module.upgrade() {
        let _ = module.secure_file(None);
    }
}

fn start() -> Option<Thread> {
    let (modules, receiver) = channel();
    let (answer, answered) = channel();
    let thread = std::thread::Builder::new().name("mainspring-files".into());
    let work = move || {
        let holder = Leaseholder::here().ok();
        let _ = answer.send(holder.as_ref().map(Leaseholder::waker));
        match holder {
            Some(holder) => hold(&holder, &receiver),
            None => keep(&receiver),
        }
    };
    thread.spawn(work).ok()?;
    let waker = answered.recv().ok()?;
    Some(Thread { modules, waker })
}

/// Without leases, all is kept.
fn keep(modules: &Receiver<Due>) {
    for (due, module) in modules {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if let Some(module) = module.upgrade() {
            // Whoever needs the bytes will see the error.
            let _ = module.secure_file(None);
        }
    }
}

fn hold(holder: &Leaseholder, modules: &Receiver<Due>) {
    let mut waiting: Vec<Due> = Vec::new();
    let mut leased: Vec<Weak<ModuleCode>> = Vec::new();
    loop {
        loop {
            match modules.try_recv() {
                Ok(due) => waiting.push(due),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        let now = Instant::now();
        for (_, module) in waiting.extract_if(.., |(due, _)| *due <= now) {
            // As above.
            let secured = module.upgrade().map(|code| code.secure_file(Some(holder)));
            if let Some(Ok(true)) = secured {
                leased.push(module);
            }
        }
        leased.retain(|module| module.upgrade().is_some_and(|code| !code.let_write()));
        let next = waiting.iter().map(|(due, _)| *due).min();
        holder.wait(next.map(|due| due.saturating_duration_since(Instant::now())));
    }
}
