//! The machine code between a call and a function that is not compiled yet.
//!
//! Each function of a lazily compiled module has a stub of 16 bytes:
//!
//! ```text
//! enter_i:    jmp  [slot_i]      what references to the function call: always the best code
//! compile_i:  mov  eax, i        what slot_i holds at first
//!             jmp  compile
//! ```
//!
//! and the module has one `compile`, which loads its [`ModuleCode`]'s address and goes to
//! [`compile_entry`]. That saves every register that can hold an argument, has the
//! function compiled, and jumps to it as if it had been there all along. Next to it are `hot_entry`
//! and `hot_loop`, where baseline code goes when its counters run out.

use crate::module_code::ModuleCode;
use mainspring_abi::VMContextHeader;
use mainspring_error::Error;
use std::arch::naked_asm;
use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Bytes of one function's stub.
pub(crate) const STUB_SIZE: usize = 16;
/// Where in its stub a function's `compile_i` starts.
pub(crate) const COMPILE_AT: usize = 6;
/// Where the module's `compile` is,
const COMPILE: usize = 0;
/// its `hot_entry`,
pub(crate) const HOT_ENTRY: usize = 32;
/// its `hot_loop`,
pub(crate) const HOT_LOOP: usize = 64;
/// and the first function's stub.
pub(crate) const FIRST_STUB: usize = 96;

/// The stubs of a module with `count` functions, for slots at `slots` and code that is executed at
/// `at`.
pub(crate) fn stubs(count: usize, slots: usize, at: usize, module: *const ModuleCode) -> Vec<u8> {
    // mov r11, module; mov r8, module
    const TO_R11: [u8; 2] = [0x49, 0xbb];
    const TO_R8: [u8; 2] = [0x49, 0xb8];
    let mut code = Vec::with_capacity(FIRST_STUB + count * STUB_SIZE);
    for (place, load, target) in [
        (COMPILE, TO_R11, compile_entry as *const ()),
        (HOT_ENTRY, TO_R11, hot_entry as *const ()),
        (HOT_LOOP, TO_R8, hot_loop as *const ()),
    ] {
        code.resize(place, 0xcc);
        code.extend(load);
        code.extend((module as u64).to_le_bytes());
        // jmp [rip + 0]; the address it jumps to
        code.extend([0xff, 0x25, 0, 0, 0, 0]);
        code.extend((target as u64).to_le_bytes());
    }
    code.resize(FIRST_STUB, 0xcc);
    for i in 0..count {
        let stub = at + code.len();
        // jmp [rip + slot - end of instruction]
        code.extend([0xff, 0x25]);
        code.extend(displacement(slots + i * 8, stub + 6));
        // mov eax, i
        code.push(0xb8);
        code.extend((i as u32).to_le_bytes());
        // jmp compile
        code.push(0xe9);
        code.extend(displacement(at, stub + STUB_SIZE));
    }
    code
}

fn displacement(target: usize, from: usize) -> [u8; 4] {
    let distance = target as i64 - from as i64;
    i32::try_from(distance)
        .expect("a module's code range is less than 2 GiB")
        .to_le_bytes()
}

/// The body of a routine that is entered by a jump with the arguments of a wasm call in place, a
/// function's number in `eax` and its module in `r11`: asks `$ask` for code and jumps there.
macro_rules! ask_and_jump {
    ($ask:path) => {
        naked_asm!(
            "push rbp",
            "mov rbp, rsp",
            "push rdi",
            "push rsi",
            "push rdx",
            "push rcx",
            "push r8",
            "push r9",
            "sub rsp, 128",
            "movups [rsp], xmm0",
            "movups [rsp + 16], xmm1",
            "movups [rsp + 32], xmm2",
            "movups [rsp + 48], xmm3",
            "movups [rsp + 64], xmm4",
            "movups [rsp + 80], xmm5",
            "movups [rsp + 96], xmm6",
            "movups [rsp + 112], xmm7",
            "mov rdi, r11",
            "mov esi, eax",
            "call {ask}",
            "movups xmm0, [rsp]",
            "movups xmm1, [rsp + 16]",
            "movups xmm2, [rsp + 32]",
            "movups xmm3, [rsp + 48]",
            "movups xmm4, [rsp + 64]",
            "movups xmm5, [rsp + 80]",
            "movups xmm6, [rsp + 96]",
            "movups xmm7, [rsp + 112]",
            "add rsp, 128",
            "pop r9",
            "pop r8",
            "pop rcx",
            "pop rdx",
            "pop rsi",
            "pop rdi",
            "pop rbp",
            "test rax, rax",
            "jz 2f",
            "jmp rax",
            "2:",
            "jmp [rip + {failed}]",
            ask = sym $ask,
            failed = sym FAILED,
        )
    };
}

/// Compiles function `eax` of the module at `r11` and goes on in it.
#[unsafe(naked)]
unsafe extern "sysv64" fn compile_entry() {
    ask_and_jump!(compile)
}

/// Goes on in the code that function `eax` of the module at `r11` has, now that it is hot.
#[unsafe(naked)]
unsafe extern "sysv64" fn hot_entry() {
    ask_and_jump!(entry_ran_out)
}

/// Returns the address of the code, which there is: baseline code asks.
unsafe extern "sysv64" fn entry_ran_out(module: *const ModuleCode, index: u32) -> *const c_void {
    // SAFETY: stubs hold the address of the module that owns them, and code only runs while its
    // module is alive.
    unsafe { &*module }.entry_ran_out(index)
}

/// Called by baseline code at a loop's header; returns the code to go on in, or null to stay.
unsafe extern "sysv64" fn hot_loop(
    vmctx: *mut VMContextHeader,
    frame: *const u8,
    index: u32,
    header: u32,
    module: *const ModuleCode,
) -> *const c_void {
    // SAFETY: as above; and baseline code passes its own context and frame.
    unsafe { (*module).loop_ran_out(index, header, frame, vmctx) }
}

/// Returns the address of the code, or null after storing the error.
unsafe extern "sysv64" fn compile(module: *const ModuleCode, index: u32) -> *const c_void {
    // SAFETY: stubs hold the address of the module that owns them, and code only runs while its
    // module is alive.
    let module = unsafe { &*module };
    // A panic may not cross the machine code that called us.
    let result =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| module.first_call(index)));
    let error = match result {
        Ok(Ok(code)) => return code,
        Ok(Err(error)) => error,
        Err(_) => Error::msg(format!("the compiler panicked on function {index}")),
    };
    COMPILE_ERROR.set(Some(error));
    std::ptr::null()
}

thread_local! {
    static COMPILE_ERROR: Cell<Option<Error>> = const { Cell::new(None) };
}

static FAILED: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

/// Says what to run, in place of a function that could not be compiled. It gets the callee's VM
/// context, finds the reason with [`take_compile_error`], and unwinds.
pub fn on_compile_failure(handler: unsafe extern "sysv64" fn(*mut c_void) -> !) {
    FAILED.store(handler as *mut c_void, Ordering::Release);
}

/// Why the last compilation on this thread failed.
pub fn take_compile_error() -> Option<Error> {
    COMPILE_ERROR.take()
}
