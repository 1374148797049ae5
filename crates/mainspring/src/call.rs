//! Calls with arguments and results in slots: what every call does that does not fit in registers
//! or whose type is known only at run time.

use crate::Result;
use crate::store::StoreOpaque;
use crate::trap::error_of;
use mainspring_abi::{ArgAssigner, ArgLocation, ResultPassing, VMFuncRef};
use mainspring_runtime::ValRaw;
use mainspring_runtime::enter::{RegisterFile, call_with_array};
use mainspring_wasm::ValType;
use std::ptr::NonNull;

/// Calls a function with parameters from `slots` and puts its results there.
///
/// # Errors
/// What stopped wasm.
///
/// # Safety
/// The function must be of the store and of that type; the slots must hold values of it and be as many as the
/// larger number of parameters and results.
pub(crate) unsafe fn call_slots(
    store: &mut StoreOpaque,
    func: NonNull<VMFuncRef>,
    params: &[ValType],
    results: &[ValType],
    slots: &mut [ValRaw],
) -> Result<()> {
    let passing = ResultPassing::of(results);
    let mut assign = ArgAssigner::for_params(passing);
    let mut registers = RegisterFile::zeroed();
    let mut stack: Vec<u64> = Vec::new();
    for (&ty, slot) in params.iter().zip(slots.iter()) {
        match assign.param(ty) {
            ArgLocation::Int(n) => registers.ints[n as usize] = slot.get_u64(),
            ArgLocation::Float(n) => registers.floats[n as usize] = slot.get_v128(),
            ArgLocation::Stack(at) => {
                let word = at as usize / 8;
                stack.resize(word + 2, 0);
                stack[word] = slot.get_u64();
                stack[word + 1] = (slot.get_v128() >> 64) as u64;
            }
        }
    }
    stack.resize(assign.stack_bytes() as usize / 8, 0);
    if passing == ResultPassing::Memory {
        registers.ints[1] = slots.as_mut_ptr() as u64;
    }
    // SAFETY: functions of a store live as long as it does.
    let VMFuncRef { code, vmctx, .. } = *unsafe { func.as_ref() };
    // SAFETY: the caller's promise, and arguments where the layout has them.
    let outcome =
        unsafe { call_with_array(&mut store.runtime, code, vmctx, &mut registers, &stack) };
    if let Err(why) = outcome {
        return Err(error_of(store, why));
    }
    if passing == ResultPassing::Registers {
        let mut assign = ArgAssigner::for_results();
        for (&ty, slot) in results.iter().zip(slots.iter_mut()) {
            *slot = match assign.result(ty) {
                ArgLocation::Int(n) => ValRaw::u64(registers.ints[n as usize]),
                ArgLocation::Float(n) => ValRaw::v128(registers.floats[n as usize]),
                ArgLocation::Stack(_) => unreachable!("results are in registers or all in memory"),
            };
        }
    }
    Ok(())
}
