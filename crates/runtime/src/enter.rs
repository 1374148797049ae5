//! Host to wasm.
//!
//! An entry pushes a frame on the host's stack that holds all it takes to come back, normally or
//! not. From the frame pointer downwards:
//!
//! ```text
//! fp + 8    return address into the host
//! fp        the host's frame pointer
//! fp - 40   rbx r12 r13 r14 r15: what the calling convention preserves
//! fp - 48   the store's VM context
//! fp - 56   exit_fp  \
//! fp - 64   exit_sp   } of the activation before this one
//! fp - 72   entry_fp /
//! fp - 80   where to put results (entry with an array), or nothing
//! ```
//!
//! While wasm runs, the context's `entry_fp` is this frame. [`unwind`] returns from the
//! entry from any depth by restoring the stack pointer from it: between it and the raise there
//! are only frames of generated code and of shims, which own nothing.

use crate::InstanceId;
use crate::store::Store;
use crate::trap::Unwind;
use crate::val::ValRaw;
use mainspring_abi::{FLOAT_ARG_REGS, INT_ARG_REGS, RegClass, TrapCode, VMStoreContext};
use mainspring_wasm::{FuncIndex, ValType};
use std::arch::x86_64::__m128i;
use std::arch::{asm, naked_asm};
use std::ffi::c_void;
use std::mem::offset_of;

/// Where an entry frame keeps the store's VM context, below its frame pointer.
pub(crate) const FRAME_STORE: usize = 48;
/// Where it keeps the `exit_fp` of the activation before.
pub(crate) const FRAME_EXIT_FP: usize = 56;
/// Where it keeps the `exit_sp` of the activation before.
pub(crate) const FRAME_EXIT_SP: usize = 64;
/// Where it keeps the entry frame of the activation before.
pub(crate) const FRAME_ENTRY_FP: usize = 72;

/// The contents of all argument or result registers.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug)]
pub struct RegisterFile {
    /// Integers, in the order of their sequence.
    pub ints: [u64; INT_ARG_REGS],
    /// Floats and vectors.
    pub floats: [u128; 8],
}

impl RegisterFile {
    /// All zero.
    pub fn zeroed() -> RegisterFile {
        RegisterFile {
            ints: [0; INT_ARG_REGS],
            floats: [0; 8],
        }
    }
}

/// Pushes an entry frame; `$context` names the register with the store's VM context, and `$caller` is whose call a host
/// function sees that is entered.
macro_rules! push_frame {
    ($context:literal, $last:literal, $caller:literal) => {
        concat!(
            "push rbp\n",
            "mov rbp, rsp\n",
            "push rbx\n",
            "push r12\n",
            "push r13\n",
            "push r14\n",
            "push r15\n",
            "push ",
            $context,
            "\n",
            "push [",
            $context,
            " + {exit_fp}]\n",
            "push [",
            $context,
            " + {exit_sp}]\n",
            "push [",
            $context,
            " + {entry_fp}]\n",
            "push ",
            $last,
            "\n",
            "mov [",
            $context,
            " + {entry_fp}], rbp\n",
            "mov qword ptr [",
            $context,
            " + {caller}], ",
            $caller,
            "\n",
        )
    };
}

/// Leaves through the entry frame at `rbp`. Keeps `rax`, `r11` and all float registers.
macro_rules! pop_frame {
    () => {
        concat!(
            "lea rsp, [rbp - 72]\n",
            "mov r10, [rbp - 48]\n",
            "pop [r10 + {entry_fp}]\n",
            "pop [r10 + {exit_sp}]\n",
            "pop [r10 + {exit_fp}]\n",
            "pop r10\n",
            "pop r15\n",
            "pop r14\n",
            "pop r13\n",
            "pop r12\n",
            "pop rbx\n",
            "pop rbp\n",
            "ret\n",
        )
    };
}

/// Calls the code at `r10` with the store's VM context at `r11` and the arguments already in their registers.
/// Afterwards the result is in its register, and `r11` is 0 if there is one, or 1 if wasm was unwound.
#[unsafe(naked)]
unsafe extern "sysv64" fn enter_with_registers() {
    naked_asm!(
        push_frame!("r11", "r11", "0"),
        "call r10",
        "xor r11d, r11d",
        pop_frame!(),
        exit_fp = const offset_of!(VMStoreContext, exit_fp),
        exit_sp = const offset_of!(VMStoreContext, exit_sp),
        entry_fp = const offset_of!(VMStoreContext, entry_fp),
        caller = const offset_of!(VMStoreContext, caller),
    )
}

/// Calls `code` with registers from `registers` and `stack_words` words of stack arguments, and puts the result
/// registers into `registers`. Returns 0, or 1 if wasm was unwound.
#[unsafe(naked)]
unsafe extern "sysv64" fn enter_with_array(
    code: *const c_void,
    context: *mut VMStoreContext,
    registers: *mut RegisterFile,
    stack: *const u64,
    stack_words: usize,
    caller: *mut c_void,
) -> usize {
    naked_asm!(
        push_frame!("rsi", "rdx", "r9"),
        "mov r10, rdi",
        // Stack arguments, the last one first. Their number is even, so the stack stays aligned.
        "2:",
        "test r8, r8",
        "jz 3f",
        "push [rcx + r8 * 8 - 8]",
        "dec r8",
        "jmp 2b",
        "3:",
        "mov rax, rdx",
        "mov rdi, [rax]",
        "mov rsi, [rax + 8]",
        "mov rdx, [rax + 16]",
        "mov rcx, [rax + 24]",
        "mov r8, [rax + 32]",
        "mov r9, [rax + 40]",
        "movups xmm0, [rax + 48]",
        "movups xmm1, [rax + 64]",
        "movups xmm2, [rax + 80]",
        "movups xmm3, [rax + 96]",
        "movups xmm4, [rax + 112]",
        "movups xmm5, [rax + 128]",
        "movups xmm6, [rax + 144]",
        "movups xmm7, [rax + 160]",
        "call r10",
        "mov r10, [rbp - 80]",
        "mov [r10], rax",
        "mov [r10 + 8], rcx",
        "mov [r10 + 16], rdx",
        "mov [r10 + 24], rsi",
        "mov [r10 + 32], rdi",
        "mov [r10 + 40], r8",
        "movups [r10 + 48], xmm0",
        "movups [r10 + 64], xmm1",
        "movups [r10 + 80], xmm2",
        "movups [r10 + 96], xmm3",
        "movups [r10 + 112], xmm4",
        "movups [r10 + 128], xmm5",
        "movups [r10 + 144], xmm6",
        "movups [r10 + 160], xmm7",
        "xor eax, eax",
        pop_frame!(),
        exit_fp = const offset_of!(VMStoreContext, exit_fp),
        exit_sp = const offset_of!(VMStoreContext, exit_sp),
        entry_fp = const offset_of!(VMStoreContext, entry_fp),
        caller = const offset_of!(VMStoreContext, caller),
    )
}

/// Returns from the entry with the frame `entry_fp`, saying that wasm was unwound.
///
/// # Safety
/// The frame must be that of the thread's innermost entry, and no frame between here and it may own
/// anything.
#[unsafe(naked)]
pub(crate) unsafe extern "sysv64" fn unwind(entry_fp: usize) -> ! {
    naked_asm!(
        "mov rbp, rdi",
        "mov eax, 1",
        "mov r11d, 1",
        pop_frame!(),
        exit_fp = const offset_of!(VMStoreContext, exit_fp),
        exit_sp = const offset_of!(VMStoreContext, exit_sp),
        entry_fp = const offset_of!(VMStoreContext, entry_fp),
    )
}

/// What a call with everything in registers returns, in either file.
#[derive(Clone, Copy, Debug)]
pub struct RegisterResult {
    /// The first integer result register.
    pub int: u64,
    /// The first float result register.
    pub float: u128,
}

impl RegisterResult {
    /// The result, if it is of a type.
    #[inline(always)]
    pub fn raw(self, ty: ValType) -> ValRaw {
        match RegClass::of(ty) {
            RegClass::Int => ValRaw::u64(self.int),
            RegClass::Float => ValRaw::v128(self.float),
        }
    }
}

/// Gives wasm its part of the stack for the outermost entry, and takes it back.
struct StackLimit {
    context: *mut VMStoreContext,
    outermost: bool,
}

impl StackLimit {
    /// # Safety
    /// The context must be valid until the guard is dropped.
    #[inline(always)]
    unsafe fn enter(store: &mut Store) -> Result<StackLimit, TrapCode> {
        let here = stack_pointer();
        let max = store.settings().max_wasm_stack;
        let context = store.vm_ptr();
        // SAFETY: the store's own context.
        let limit = unsafe { &mut (*context).stack_limit };
        let outermost = *limit == usize::MAX;
        if outermost {
            *limit = here.saturating_sub(max);
        } else if here < *limit {
            return Err(TrapCode::StackOverflow);
        }
        Ok(StackLimit { context, outermost })
    }
}

impl Drop for StackLimit {
    #[inline(always)]
    fn drop(&mut self) {
        if self.outermost {
            // SAFETY: `enter`'s contract.
            unsafe { (*self.context).stack_limit = usize::MAX };
        }
    }
}

#[inline(always)]
fn stack_pointer() -> usize {
    let sp: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
    sp
}

/// Integer arguments that fit in registers after the VM context.
pub const MAX_INTS: usize = INT_ARG_REGS - 1;

/// Defines a call with arguments in registers; one more for each set of registers that is worth it.
macro_rules! call_in_registers {
    ($(#[$doc:meta])* $name:ident($($list:ident: $ty:ty),*) $(, $register:tt = $value:expr)*) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// Why wasm was unwound.
        ///
        /// # Safety
        /// `code` and `vmctx` must be of one function reference of this store, whose arguments are these
        /// and whose results, at most one, come back in a register.
        #[inline(always)]
        pub unsafe fn $name(store: &mut Store, code: *const c_void, vmctx: *mut c_void, $($list: $ty),*) -> Result<RegisterResult, Unwind> {
            // SAFETY: the guard does not outlive the store's context.
            let limit = match unsafe { StackLimit::enter(store) } {
                Ok(limit) => limit,
                Err(code) => return Err(Unwind::trap(store, code)),
            };
            let (int, float): (u64, __m128i);
            let status: usize;
            // SAFETY: the callee follows the convention, which preserves what System V preserves but the
            // registers named here; the entry restores the stack.
            unsafe {
                asm!(
                    "call {enter}",
                    enter = sym enter_with_registers,
                    inlateout("r10") code => _,
                    inlateout("r11") limit.context => status,
                    inlateout("rdi") vmctx => _,
                    $(in($register) $value,)*
                    lateout("rax") int,
                    lateout("xmm0") float,
                    clobber_abi("sysv64"),
                );
            }
            drop(limit);
            if status != 0 {
                return Err(store.unwinding.take().expect("whoever unwinds says why"));
            }
            Ok(RegisterResult { int, float: of_register(float) })
        }
    };
}

call_in_registers! {
    /// Calls wasm (or a host function) with integers.
    call_with_ints(ints: [u64; MAX_INTS]),
    "rsi" = ints[0], "rdx" = ints[1], "rcx" = ints[2], "r8" = ints[3], "r9" = ints[4]
}

call_in_registers! {
    /// Calls wasm (or a host function) with integers, floats and vectors.
    call_with_registers(ints: [u64; MAX_INTS], floats: [u128; FLOAT_ARG_REGS]),
    "rsi" = ints[0], "rdx" = ints[1], "rcx" = ints[2], "r8" = ints[3], "r9" = ints[4],
    "xmm0" = to_register(floats[0]), "xmm1" = to_register(floats[1]), "xmm2" = to_register(floats[2]), "xmm3" = to_register(floats[3]),
    "xmm4" = to_register(floats[4]), "xmm5" = to_register(floats[5]), "xmm6" = to_register(floats[6]), "xmm7" = to_register(floats[7])
}

#[inline(always)]
fn to_register(bits: u128) -> __m128i {
    // SAFETY: two names for 16 bytes.
    unsafe { std::mem::transmute::<u128, __m128i>(bits) }
}

#[inline(always)]
fn of_register(bits: __m128i) -> u128 {
    // SAFETY: two names for 16 bytes.
    unsafe { std::mem::transmute::<__m128i, u128>(bits) }
}

/// Calls wasm (or a host function) with any arguments.
///
/// `registers` and `stack` hold the arguments where [`call_layout`](mainspring_abi::call_layout)
/// puts them, but for the VM context, which this adds; afterwards `registers` holds the results.
///
/// # Errors
/// Why wasm was unwound.
///
/// # Safety
/// `code` and `vmctx` must be of one function reference of this store, and the arguments must be
/// those of its type. `stack` has an even number of words.
pub unsafe fn call_with_array(
    store: &mut Store,
    code: *const c_void,
    vmctx: *mut c_void,
    registers: &mut RegisterFile,
    stack: &[u64],
) -> Result<(), Unwind> {
    let host = std::ptr::null_mut();
    // SAFETY: the caller's promise.
    unsafe { call_on_behalf(store, code, vmctx, registers, stack, host) }
}

/// Calls an instance's start function. If that is one of the host's, it sees the instance as its caller.
///
/// # Errors
/// Why wasm was unwound.
///
/// # Safety
/// `start` must be the start function of an instance of this store.
pub unsafe fn call_start(
    store: &mut Store,
    instance: InstanceId,
    start: FuncIndex,
) -> Result<(), Unwind> {
    let instance = store.instance(instance);
    let (code, vmctx) = instance.code_of(start);
    let caller = instance.vmctx().as_ptr();
    // SAFETY: start functions have no parameters and no results; for the rest, the caller's promise.
    unsafe { call_on_behalf(store, code, vmctx, &mut RegisterFile::zeroed(), &[], caller) }
}

/// # Safety
/// As for [`call_with_array`]. `caller` is null, or the VM context of an instance of the store.
unsafe fn call_on_behalf(
    store: &mut Store,
    code: *const c_void,
    vmctx: *mut c_void,
    registers: &mut RegisterFile,
    stack: &[u64],
    caller: *mut c_void,
) -> Result<(), Unwind> {
    assert_eq!(
        stack.len() % 2,
        0,
        "the stack argument area is a multiple of 16 bytes"
    );
    // SAFETY: the guard does not outlive the store's context.
    let limit = match unsafe { StackLimit::enter(store) } {
        Ok(limit) => limit,
        Err(code) => return Err(Unwind::trap(store, code)),
    };
    registers.ints[0] = vmctx as u64;
    // SAFETY: the caller answers for code and arguments.
    let status = unsafe {
        enter_with_array(
            code,
            limit.context,
            registers,
            stack.as_ptr(),
            stack.len(),
            caller,
        )
    };
    drop(limit);
    if status != 0 {
        return Err(store.unwinding.take().expect("whoever unwinds says why"));
    }
    Ok(())
}
