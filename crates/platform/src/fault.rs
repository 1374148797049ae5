//! Processor faults: bad addresses, illegal instructions, division errors.
//!
//! One handler for the process. It runs in a signal handler, so it may only look at its argument
//! and at atomics, and decide: resume somewhere else, or pass the fault on to whoever was there
//! before.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The registers of the faulting thread that matter, and where it faulted.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Address of the faulting instruction.
    pub pc: usize,
    /// Stack pointer.
    pub sp: usize,
    /// Frame pointer.
    pub fp: usize,
    /// The address that could not be accessed, for a memory fault.
    pub address: usize,
}

/// Where to go on after a fault: a function that never returns, called with three arguments.
#[derive(Clone, Copy, Debug)]
pub struct Resume {
    /// The function.
    pub function: extern "sysv64" fn(usize, usize, usize) -> !,
    /// Its arguments.
    pub arguments: [usize; 3],
}

/// Decides about a fault; `None` passes it on. Runs in a signal handler.
pub type Handler = fn(&Fault) -> Option<Resume>;

const SIGNALS: [libc::c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

static HANDLER: OnceLock<Handler> = OnceLock::new();
/// What was there before, by the order of [`SIGNALS`]; null while our handler is not installed.
static PREVIOUS: AtomicPtr<Actions> = AtomicPtr::new(ptr::null_mut());
/// Held by who installs handlers or takes them away.
static CHANGING: Mutex<()> = Mutex::new(());

type Actions = [libc::sigaction; SIGNALS.len()];

/// Installs the process's fault handler, unless it is installed. The first handler counts.
///
/// # Panics
/// If the system refuses to install a signal handler.
pub fn install(handler: Handler) {
    let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    HANDLER.get_or_init(|| handler);
    if !PREVIOUS.load(Ordering::Acquire).is_null() {
        return;
    }
    let previous = SIGNALS.map(|signal| {
        // SAFETY: zero is valid for all fields.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_signal as *const () as usize;
        // SA_NODEFER: the handler leaves by changing the context, and a fault inside of
        // it must reach the previous handler rather than be blocked.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        // SAFETY: the set is there to be written to.
        unsafe { libc::sigemptyset(&mut action.sa_mask) };
        // SAFETY: the handler has the signature that SA_SIGINFO asks for.
        unsafe { exchange(signal, &action) }
    });
    PREVIOUS.store(Box::into_raw(Box::new(previous)), Ordering::Release);
}

/// Takes the process's fault handler away: what was there before is there again. [`install`] installs it anew. Ends the
/// process if others have installed handlers since, who may call ours.
///
/// # Safety
/// No code may run, on any thread, whose faults the handler takes for traps.
pub unsafe fn uninstall() {
    let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    let previous = PREVIOUS.swap(ptr::null_mut(), Ordering::AcqRel);
    if previous.is_null() {
        return;
    }
    // SAFETY: made by `install`. It is not freed: another thread may be in the handler for a fault of its own.
    for (signal, previous) in SIGNALS.into_iter().zip(unsafe { &*previous }) {
        // SAFETY: the action was there before.
        let ours = unsafe { exchange(signal, previous) };
        if ours.sa_sigaction != on_signal as *const () as usize {
            eprintln!(
                "mainspring: the handler of signal {signal} is another one by now, and ours can't be taken away"
            );
            std::process::abort();
        }
    }
}

/// Sets the action of a signal, and returns what it was.
///
/// # Safety
/// The action's handler must be one for that signal.
///
/// # Panics
/// If the system refuses.
unsafe fn exchange(signal: libc::c_int, action: &libc::sigaction) -> libc::sigaction {
    let mut previous = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the caller's promise; `previous` is written by a successful call.
    unsafe {
        assert_eq!(
            libc::sigaction(signal, action, previous.as_mut_ptr()),
            0,
            "the system installs signal handlers"
        );
        previous.assume_init()
    }
}

/// Bytes below the stack pointer that interrupted code may use.
const RED_ZONE: usize = 128;

unsafe extern "C" fn on_signal(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: with SA_SIGINFO the system passes a valid siginfo and ucontext, which are this
    // handler's to read and change until it returns.
    let (info_ref, registers) = unsafe {
        (
            &*info,
            &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs,
        )
    };
    let fault = Fault {
        pc: registers[libc::REG_RIP as usize] as usize,
        sp: registers[libc::REG_RSP as usize] as usize,
        fp: registers[libc::REG_RBP as usize] as usize,
        // SAFETY: the signals installed here are those for which si_addr is set.
        address: unsafe { info_ref.si_addr() } as usize,
    };
    if let Some(resume) = HANDLER.get().and_then(|handler| handler(&fault)) {
        // As at a call: the stack pointer is 8 below a multiple of 16.
        registers[libc::REG_RSP as usize] = (((fault.sp - RED_ZONE) & !15) - 8) as i64;
        registers[libc::REG_RIP as usize] = resume.function as usize as i64;
        registers[libc::REG_RDI as usize] = resume.arguments[0] as i64;
        registers[libc::REG_RSI as usize] = resume.arguments[1] as i64;
        registers[libc::REG_RDX as usize] = resume.arguments[2] as i64;
        return;
    }
    // SAFETY: the arguments are the system's own.
    unsafe { pass_on(signal, info, context) }
}

/// Does what would have happened without us.
unsafe fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let position = SIGNALS.iter().position(|&s| s == signal);
    // SAFETY: null, or made by `install` and never freed.
    let all = unsafe { PREVIOUS.load(Ordering::Acquire).as_ref() };
    let Some(previous) = position.and_then(|i| all.map(|all| all[i])) else {
        // A fault while the handlers are being installed, or taken away.
        // SAFETY: restoring the default action; the instruction faults again and ends the process.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    };
    match previous.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: the previous action goes back; the instruction faults again under it.
            unsafe { libc::sigaction(signal, &previous, ptr::null_mut()) };
        }
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: SA_SIGINFO says that it is a function of this signature.
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                unsafe { std::mem::transmute(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: without SA_SIGINFO it is a function of this signature.
            let handler: extern "C" fn(libc::c_int) = unsafe { std::mem::transmute(handler) };
            handler(signal);
        }
    }
}
