//! Processor faults: bad addresses, illegal instructions, division errors.
//!
//! One handler for the process. It runs in a signal handler, so it may only look at its argument
//! and at atomics, and decide: resume somewhere else, or pass the fault on to whoever was there
//! before.

use std::mem::MaybeUninit;
use std::sync::OnceLock;

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
static PREVIOUS: OnceLock<[libc::sigaction; SIGNALS.len()]> = OnceLock::new();

/// Installs the process's fault handler. The first call counts; later ones do nothing.
///
/// # Panics
/// If the system refuses to install a signal handler.
pub fn install(handler: Handler) {
    HANDLER.get_or_init(|| handler);
    PREVIOUS.get_or_init(|| {
        SIGNALS.map(|signal| {
            let mut previous = MaybeUninit::<libc::sigaction>::uninit();
            // SAFETY: the action is fully initialized (zero is valid for its other fields), its
            // handler has the signature that SA_SIGINFO asks for, and `previous` is written by a
            // successful call.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = on_signal as *const () as usize;
                // SA_NODEFER: the handler leaves by changing the context, and a fault inside of
                // it must reach the previous handler rather than be blocked.
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
                libc::sigemptyset(&mut action.sa_mask);
                assert_eq!(
                    libc::sigaction(signal, &action, previous.as_mut_ptr()),
                    0,
                    "the system installs signal handlers"
                );
                previous.assume_init()
            }
        })
    });
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
    let Some(previous) = position.and_then(|i| PREVIOUS.get().map(|all| all[i])) else {
        // A fault while the handlers are being installed.
        // SAFETY: restoring the default action; the instruction faults again and ends the process.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    };
    match previous.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: the previous action goes back; the instruction faults again under it.
            unsafe { libc::sigaction(signal, &previous, std::ptr::null_mut()) };
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
