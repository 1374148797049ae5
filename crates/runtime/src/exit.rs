//! Wasm to host: the shims between generated code and host functions.
//!
//! A shim records the wasm frame that called (for backtraces) and goes on to the host function.
//! It is entered like a wasm function, with a [`VMHostContext`] in place of the VM context. Calls of
//! imports record that themselves, and need no shim if the host function takes its arguments where
//! they are.

use crate::enter::RegisterFile;
use crate::func::{ArrayTarget, VMHostContext};
use crate::trap::unwind_pending;
use crate::val::ValRaw;
use mainspring_abi::{ArgLocation, ResultPassing, VMStoreContext};
use std::arch::naked_asm;
use std::mem::offset_of;

/// Records the calling wasm frame; `rdi` is a context whose first field is the store's.
/// Changes `r10` and `rax`.
macro_rules! record_exit {
    () => {
        concat!(
            "mov r10, [rdi]\n",
            "mov [r10 + {exit_fp}], rbp\n",
            "lea rax, [rsp + 8]\n",
            "mov [r10 + {exit_sp}], rax\n",
        )
    };
}
pub(crate) use record_exit;

/// Goes on to a target that takes its arguments where they are. It returns to wasm directly.
///
/// # Safety
/// Called by wasm as a function of the target's type, with a host function's context.
#[unsafe(naked)]
pub(crate) unsafe extern "sysv64" fn exit_with_registers() {
    naked_asm!(
        record_exit!(),
        "jmp [rdi + {target}]",
        exit_fp = const offset_of!(VMStoreContext, exit_fp),
        exit_sp = const offset_of!(VMStoreContext, exit_sp),
        target = const offset_of!(VMHostContext, target),
    )
}

/// Calls an [`ArrayTarget`]: all argument registers to memory and all result registers back.
///
/// # Safety
/// Called by wasm as a function of the type that the context's layout was made for.
#[unsafe(naked)]
pub(crate) unsafe extern "sysv64" fn exit_with_array() {
    naked_asm!(
        record_exit!(),
        "push rbp",
        "mov rbp, rsp",
        "sub rsp, 176",
        "mov [rsp], rdi",
        "mov [rsp + 8], rsi",
        "mov [rsp + 16], rdx",
        "mov [rsp + 24], rcx",
        "mov [rsp + 32], r8",
        "mov [rsp + 40], r9",
        "movups [rsp + 48], xmm0",
        "movups [rsp + 64], xmm1",
        "movups [rsp + 80], xmm2",
        "movups [rsp + 96], xmm3",
        "movups [rsp + 112], xmm4",
        "movups [rsp + 128], xmm5",
        "movups [rsp + 144], xmm6",
        "movups [rsp + 160], xmm7",
        "mov rsi, rsp",
        "lea rdx, [rbp + 16]",
        "call {marshal}",
        "mov r11, rax",
        "mov rax, [rsp]",
        "mov rcx, [rsp + 8]",
        "mov rdx, [rsp + 16]",
        "mov rsi, [rsp + 24]",
        "mov rdi, [rsp + 32]",
        "mov r8, [rsp + 40]",
        "movups xmm0, [rsp + 48]",
        "movups xmm1, [rsp + 64]",
        "movups xmm2, [rsp + 80]",
        "movups xmm3, [rsp + 96]",
        "movups xmm4, [rsp + 112]",
        "movups xmm5, [rsp + 128]",
        "movups xmm6, [rsp + 144]",
        "movups xmm7, [rsp + 160]",
        "leave",
        // The callee pops its stack arguments.
        "test r11, r11",
        "jnz 2f",
        "ret",
        "2:",
        "pop r10",
        "add rsp, r11",
        "jmp r10",
        exit_fp = const offset_of!(VMStoreContext, exit_fp),
        exit_sp = const offset_of!(VMStoreContext, exit_sp),
        marshal = sym marshal,
    )
}

/// Slots that are kept on the stack; calls with more take the heap.
const INLINE_SLOTS: usize = 16;

/// Brings arguments into slots, calls the target, and brings results into registers. Returns how
/// many bytes of stack arguments there were.
unsafe extern "sysv64" fn marshal(
    context: *mut VMHostContext,
    registers: *mut RegisterFile,
    stack: *const u8,
) -> usize {
    // SAFETY: the shim passes its own context, and registers that only this call uses; the layout
    // lives as long as the host function.
    let (layout, registers, target) =
        unsafe { (&*(*context).layout, &mut *registers, (*context).target) };
    let results = layout.result_count as usize;
    let count = layout.params.len().max(results);
    let mut inline = [ValRaw::null(); INLINE_SLOTS];
    let mut heap = Vec::new();
    let slots = if count <= INLINE_SLOTS {
        &mut inline[..count]
    } else {
        heap.resize(count, ValRaw::null());
        &mut heap[..]
    };
    for (slot, location) in slots.iter_mut().zip(&layout.params) {
        *slot = match *location {
            ArgLocation::Int(n) => ValRaw::u64(registers.ints[n as usize]),
            ArgLocation::Float(n) => ValRaw::v128(registers.floats[n as usize]),
            // SAFETY: the caller pushed its stack arguments there. Every argument has at least 8 bytes;
            // 16 are read, which stay inside the caller's frame and are right where they count.
            ArgLocation::Stack(at) => {
                // SAFETY: the caller pushed its stack arguments there. Every argument has at least 8
                // bytes; 16 are read, which stay inside the caller's frame and are right where they count.
                let bits = unsafe { stack.add(at as usize).cast::<u128>().read_unaligned() };
                ValRaw::v128(bits)
            }
        };
    }
    // SAFETY: a host function with this shim was made with an array target, as the constructor says.
    let target = unsafe { std::mem::transmute::<*const std::ffi::c_void, ArrayTarget>(target) };
    let slots_ptr = slots.as_mut_ptr();
    // SAFETY: as many slots as parameters and results.
    if !unsafe { target(context, slots_ptr) } {
        drop(heap);
        // SAFETY: the target said that the store knows why, and nothing here owns anything anymore.
        unsafe { unwind_pending((*context).store) };
    }
    // SAFETY: the slots are still there.
    let slots = unsafe { std::slice::from_raw_parts(slots_ptr, count) };
    match layout.result_passing {
        ResultPassing::Registers => {
            for (slot, location) in slots.iter().zip(&layout.results) {
                match *location {
                    ArgLocation::Int(n) => registers.ints[n as usize] = slot.get_u64(),
                    ArgLocation::Float(n) => registers.floats[n as usize] = slot.get_v128(),
                    ArgLocation::Stack(_) => {
                        unreachable!("results are in registers or all in memory")
                    }
                }
            }
        }
        ResultPassing::Memory => {
            let area = registers.ints[1] as *mut ValRaw;
            // SAFETY: the caller passes the address of an area with a 16-byte slot for each result.
            unsafe { std::ptr::copy_nonoverlapping(slots.as_ptr(), area, results) };
        }
    }
    layout.stack_bytes as usize
}
