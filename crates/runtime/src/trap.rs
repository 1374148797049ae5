//! Wasm that stops before its end: traps, errors and panics of host functions.
//!
//! However it begins, it goes the same way: the reason, with a backtrace, is put into the store, and
//! [`enter::unwind`] returns from the innermost entry, which takes it out again.
//!
//! Machine faults arrive in a signal handler. That only checks that the program counter is in the
//! region of generated code and makes the thread go on in [`fault_landing`], outside of the
//! handler, where everything may be looked up. Frames need no registration: each wasm function keeps
//! a frame pointer, and the chain ends at the first return address that is not in generated code,
//! which is the entry's.

use crate::enter::{self, FRAME_EXIT_FP, FRAME_EXIT_SP, FRAME_STORE};
use crate::exceptions::throw_pending;
use crate::module::Module;
use crate::store::Store;
use mainspring_abi::{TrapCode, VMStoreContext};
use mainspring_platform::fault::{self, Fault, Resume};
use mainspring_tiering::{find_code, is_code_address};
use mainspring_wasm::FuncIndex;
use std::any::Any;
use std::ffi::c_void;
use std::sync::Arc;

/// Addresses that nothing is ever mapped at.
const NULL_PAGE: usize = 4096;

/// Why wasm was unwound.
pub enum Unwind {
    /// It trapped.
    Trap(TrapCode, Backtrace),
    /// An access to a memory trapped, at an address that is known.
    MemoryFault(MemoryFault, Backtrace),
    /// A host function, or the runtime on behalf of one, returned an error.
    Error(mainspring_error::Error, Backtrace),
    /// A host function panicked; the payload resumes in the host.
    Panic(Box<dyn Any + Send>),
}

impl Unwind {
    /// A trap at a place where wasm has called out, or is about to be entered.
    pub fn trap(store: &Store, code: TrapCode) -> Unwind {
        Unwind::Trap(code, Backtrace::capture(store))
    }

    /// An error at a place where wasm has called out.
    pub fn error(store: &Store, error: mainspring_error::Error) -> Unwind {
        Unwind::Error(error, Backtrace::capture(store))
    }
}

/// Where an access outside of a memory went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryFault {
    /// Where in the memory.
    pub address: usize,
    /// How many bytes the memory had.
    pub size: usize,
}

impl std::fmt::Display for MemoryFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "memory fault at wasm address {:#x} in linear memory of size {:#x}",
            self.address, self.size
        )
    }
}

impl std::fmt::Debug for Unwind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unwind::Trap(code, _) => write!(f, "Trap({code:?})"),
            Unwind::MemoryFault(fault, _) => write!(f, "{fault:?}"),
            Unwind::Error(error, _) => write!(f, "Error({error:?})"),
            Unwind::Panic(_) => f.write_str("Panic"),
        }
    }
}

/// The wasm functions that were running, the innermost first.
#[derive(Clone, Debug, Default)]
pub struct Backtrace {
    /// The frames.
    pub frames: Vec<Frame>,
}

/// One wasm function that was running.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its module.
    pub module: Arc<Module>,
    /// Which function.
    pub func: FuncIndex,
    /// Offset in the module of the instruction that was executing.
    pub wasm_offset: Option<u32>,
}

impl Backtrace {
    /// Records the wasm frames of the thread, from the last that called out; as many as the store's settings allow.
    pub fn capture(store: &Store) -> Backtrace {
        Backtrace::capture_at_most(store, store.settings().max_backtrace_frames)
    }

    /// Like [`capture`](Self::capture), whatever the settings say: `limit` frames at the most.
    pub fn capture_at_most(store: &Store, limit: usize) -> Backtrace {
        let vm = store.vm();
        if vm.entry_fp == 0 {
            return Backtrace::default();
        }
        // SAFETY: wasm runs, and has called out.
        let pc = unsafe { return_address(vm.exit_sp) };
        Backtrace::walk(store, pc, vm.exit_fp, vm.entry_fp, false, limit)
    }

    fn walk(
        store: &Store,
        mut pc: usize,
        mut fp: usize,
        mut entry_fp: usize,
        mut at_fault: bool,
        limit: usize,
    ) -> Backtrace {
        let mut frames = Vec::new();
        while entry_fp != 0 && frames.len() < limit {
            // One activation, innermost frame first.
            while is_code_address(pc) && frames.len() < limit {
                frames.extend(frames_at(store, pc, at_fault));
                at_fault = false;
                // SAFETY: `fp` is the frame pointer of a wasm function that is running: it points to
                // the caller's frame pointer and, above it, the return address.
                unsafe { (pc, fp) = (*(fp as *const usize).add(1), *(fp as *const usize)) };
            }
            // SAFETY: `entry_fp` is the frame of a live entry, laid out as `enter` says. If there is an
            // activation before it, that has called out to the host, which made this entry.
            unsafe {
                let exit_sp = *((entry_fp - FRAME_EXIT_SP) as *const usize);
                fp = *((entry_fp - FRAME_EXIT_FP) as *const usize);
                entry_fp = *((entry_fp - enter::FRAME_ENTRY_FP) as *const usize);
                if entry_fp != 0 {
                    pc = return_address(exit_sp);
                }
            }
        }
        frames.truncate(limit);
        Backtrace { frames }
    }
}

/// Wasm that runs now, up to where it called out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Activation {
    entry_fp: usize,
    exit_fp: usize,
    exit_sp: usize,
}

impl Activation {
    /// The innermost of a store, which has called out to us if there is one.
    pub(crate) fn innermost(vm: &VMStoreContext) -> Activation {
        Activation {
            entry_fp: vm.entry_fp,
            exit_fp: vm.exit_fp,
            exit_sp: vm.exit_sp,
        }
    }

    /// The one before.
    fn before(self) -> Activation {
        let at = |offset| {
            // SAFETY: `entry_fp` is the frame of a live entry, laid out as `enter` says.
            unsafe { *((self.entry_fp - offset) as *const usize) }
        };
        Activation {
            entry_fp: at(enter::FRAME_ENTRY_FP),
            exit_fp: at(FRAME_EXIT_FP),
            exit_sp: at(FRAME_EXIT_SP),
        }
    }
}

/// Shows all wasm frames of an activation and those before it, the innermost first: the address that the frame's call
/// returns to, and its frame pointer.
pub(crate) fn each_frame(mut activation: Activation, visit: &mut dyn FnMut(usize, usize)) {
    while activation.entry_fp != 0 {
        // SAFETY: it has called out to the host.
        let mut pc = unsafe { return_address(activation.exit_sp) };
        let mut fp = activation.exit_fp;
        while is_code_address(pc) {
            visit(pc, fp);
            // SAFETY: as in `Backtrace::walk`.
            unsafe { (pc, fp) = (*(fp as *const usize).add(1), *(fp as *const usize)) };
        }
        activation = activation.before();
    }
}

/// Where a call returns to.
///
/// # Safety
/// `exit_sp` must be the stack pointer of a wasm function at a call that has not returned.
pub(crate) unsafe fn return_address(exit_sp: usize) -> usize {
    // SAFETY: the caller's promise; the call pushed it.
    unsafe { *((exit_sp - size_of::<usize>()) as *const usize) }
}

/// The wasm functions at an address: several where some were compiled into others.
fn frames_at(store: &Store, pc: usize, at_fault: bool) -> Vec<Frame> {
    // A return address belongs to the call before it.
    let pc = if at_fault { pc } else { pc - 1 };
    let find = || {
        let code = find_code(pc)?;
        let module = store.module_of(Arc::as_ptr(&code))?;
        let frame = |(func, wasm_offset)| Frame {
            module: module.clone(),
            func,
            wasm_offset,
        };
        Some(code.locate(pc)?.frames.into_iter().map(frame).collect())
    };
    find().unwrap_or_default()
}

impl Store {
    /// Says why wasm is about to be unwound.
    pub fn set_unwinding(&mut self, why: Unwind) {
        self.unwinding = Some(why);
    }

    /// Whether a fault of generated code is one that is meant to be a trap: of an instruction that is there to trap, whose own
    /// address it is, or of an access to a memory of the store, to its objects, or through a null pointer. Anything else has
    /// gone somewhere where the guest must not be, and went wrong only by chance.
    fn may_trap_at(&self, pc: usize, address: usize) -> bool {
        address == pc
            || address < NULL_PAGE
            || self.memories.iter().any(|memory| memory.reserves(address))
            || self.heap().is_some_and(|heap| heap.reserves(address))
    }
}

impl Store {
    /// What a fault of generated code is: a trap, at a known address of a memory if an access to one made it.
    fn fault(&self, trap: TrapCode, address: usize, backtrace: Backtrace) -> Unwind {
        let memory = self.memories.iter().find(|memory| memory.reserves(address));
        let offset = memory.and_then(|memory| address.checked_sub(memory.base() as usize));
        match (trap, memory, offset) {
            (TrapCode::MemoryOutOfBounds, Some(memory), Some(address)) => {
                let size = memory.len();
                Unwind::MemoryFault(MemoryFault { address, size }, backtrace)
            }
            _ => Unwind::Trap(trap, backtrace),
        }
    }
}

/// Stops the wasm that called us, for a reason.
///
/// # Safety
/// The context must be that of the store whose wasm made the call that is going on, and no frame
/// between that call and this may own anything.
pub unsafe fn raise(context: *mut VMStoreContext, why: Unwind) -> ! {
    // SAFETY: the caller's promise; the reference ends before the jump.
    unsafe {
        Store::of_context(context).set_unwinding(why);
        unwind_pending(context)
    }
}

/// Stops the wasm that called us, for the reason that the store holds. If that is an exception, wasm may catch it.
///
/// # Safety
/// As for [`raise`].
pub unsafe fn unwind_pending(context: *mut VMStoreContext) -> ! {
    // SAFETY: the caller's promise; the reference ends before the jump.
    if let Some(error) = unsafe { Store::of_context(context).take_throwing() } {
        // SAFETY: the caller's promise.
        unsafe { throw_pending(context, Some(error)) }
    }
    // SAFETY: the innermost entry's frame is live while wasm runs.
    unsafe { enter::unwind((*context).entry_fp) }
}

/// Makes machine faults and failed compilations in wasm into traps, unless they are that already.
pub fn install_handlers() {
    fault::install(on_fault);
    mainspring_tiering::on_compile_failure(on_compile_failure);
}

/// Has machine faults go where they went before. Ends the process if others have installed handlers since.
///
/// # Safety
/// No wasm may run, on any thread, until [`install_handlers`] is called again.
pub unsafe fn uninstall_handlers() {
    // SAFETY: the caller's promise.
    unsafe { fault::uninstall() };
}

/// Runs in a signal handler.
fn on_fault(fault: &Fault) -> Option<Resume> {
    if !is_code_address(fault.pc) {
        return None;
    }
    Some(Resume {
        function: fault_landing,
        arguments: [fault.pc, fault.fp, fault.address],
    })
}

/// Where a thread goes on after a fault in generated code.
extern "sysv64" fn fault_landing(pc: usize, fp: usize, address: usize) -> ! {
    let trap = find_code(pc).and_then(|code| code.locate(pc)?.trap);
    let Some(trap) = trap else {
        eprintln!(
            "mainspring: generated code faulted at {pc:#x} (address {address:#x}), where it cannot trap; this is a bug in the compiler"
        );
        std::process::abort();
    };
    // SAFETY: generated code keeps frame pointers from its first instructions on, before anything
    // that traps; it was entered through an entry frame.
    unsafe {
        let context = store_of_chain(pc, fp);
        let store = Store::of_context(context);
        if !store.may_trap_at(pc, address) {
            eprintln!(
                "mainspring: generated code at {pc:#x} accessed {address:#x}, which is in no memory of its store; this is a bug in the compiler"
            );
            std::process::abort();
        }
        let entry_fp = (*context).entry_fp;
        let limit = store.settings().max_backtrace_frames;
        let backtrace = Backtrace::walk(store, pc, fp, entry_fp, true, limit);
        store.set_unwinding(store.fault(trap, address, backtrace));
        enter::unwind(entry_fp)
    }
}

/// Follows frame pointers to the entry, which knows the store.
///
/// # Safety
/// `fp` must be the frame pointer of a wasm function that is running at `pc`.
unsafe fn store_of_chain(mut pc: usize, mut fp: usize) -> *mut VMStoreContext {
    while is_code_address(pc) {
        // SAFETY: as in `Backtrace::walk`.
        unsafe { (pc, fp) = (*(fp as *const usize).add(1), *(fp as *const usize)) };
    }
    // SAFETY: the first return address outside of generated code is the entry's, and so its frame is next.
    unsafe { *((fp - FRAME_STORE) as *const *mut VMStoreContext) }
}

/// Called in place of a function that can't be compiled, with its VM context.
unsafe extern "sysv64" fn on_compile_failure(vmctx: *mut c_void) -> ! {
    let error = mainspring_tiering::take_compile_error()
        .unwrap_or_else(|| mainspring_error::Error::msg("a function could not be compiled"));
    // SAFETY: every VM context starts with its store's; we were jumped to from wasm, through a shim
    // that owns nothing.
    unsafe {
        let context = *vmctx.cast::<*mut VMStoreContext>();
        let why = Unwind::Error(error, Backtrace::default());
        raise(context, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{HeapSettings, StoreSettings};
    use mainspring_abi::MemorySettings;
    use mainspring_wasm::{MemoryType, TypeRegistry};

    #[test]
    fn only_where_the_guest_may_go_wrong_a_fault_is_a_trap() {
        let memory = MemorySettings::default();
        let mut store = Store::new(Arc::new(StoreSettings {
            memory,
            max_wasm_stack: 1 << 20,
            max_backtrace_frames: 1,
            shared_memories: true,
            heap: HeapSettings {
                limit: 1 << 20,
                collects: true,
                zeal: None,
                stress: false,
            },
            types: TypeRegistry::default(),
        }));
        let ty = |shared| MemoryType {
            memory64: false,
            shared,
            minimum: 1,
            maximum: Some(2),
            page_size_log2: 16,
        };
        store.add_memory(ty(false), None, None).unwrap();
        store.add_shared_memory(ty(true), None).unwrap();
        let pc = 0x7700_0000_1234;
        assert!(store.may_trap_at(pc, pc) && store.may_trap_at(pc, 8));
        for memory in &store.memories {
            let base = memory.base() as usize;
            assert!(store.may_trap_at(pc, base + (4 << 30) + 8));
            assert!(
                store.may_trap_at(pc, base - 8),
                "there is a guard before it"
            );
            let end = base + (4 << 30) + memory_guard();
            assert!(!memory.reserves(end));
        }
        let elsewhere = [NULL_PAGE, pc - 1, usize::MAX, &raw const store as usize];
        for address in elsewhere {
            assert!(!store.may_trap_at(pc, address), "{address:#x}");
        }
    }

    fn memory_guard() -> usize {
        MemorySettings::default().guard as usize
    }
}
