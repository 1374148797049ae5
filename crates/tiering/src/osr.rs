//! On-stack replacement, as seen from baseline code: a loop's counter ran out, and the frame may be
//! exchanged for one of optimized code.

use mainspring_abi::{FrameSlot, TierUp, VMContextHeader};
use mainspring_wasm::ValType;
use std::cell::RefCell;
use std::ffi::c_void;

thread_local! {
    /// The values of the frame that is being exchanged. Code that takes its place reads them when it is
    /// entered, before anything else happens on the thread.
    static VALUES: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
}

/// Puts the values of a frame at a loop where the code that takes its place finds them.
///
/// # Safety
/// `frame` must be the frame pointer of baseline code that `tier_up` describes, stopped at that loop,
/// and `vmctx` its VM context.
pub(crate) unsafe fn hand_over(
    tier_up: &TierUp,
    header: u32,
    frame: *const u8,
    vmctx: *mut VMContextHeader,
) {
    let operands = &tier_up.loops[header as usize].operands;
    VALUES.with_borrow_mut(|values| {
        values.clear();
        for slot in tier_up.locals.iter().chain(operands) {
            // SAFETY: the caller's promise.
            values.push(unsafe { read(*slot, frame) });
        }
        // SAFETY: VM contexts start with this header, which names the store's context; the thread runs
        // wasm of that store, so nothing else uses it.
        unsafe { (*(*vmctx).store).frame_values = values.as_ptr() };
    });
}

/// # Safety
/// As for [`hand_over`].
unsafe fn read(slot: FrameSlot, frame: *const u8) -> [u8; 16] {
    let len = if slot.ty == ValType::V128 { 16 } else { 8 };
    let mut value = [0; 16];
    // SAFETY: the frame has that many bytes there.
    let bytes = unsafe { std::slice::from_raw_parts(frame.offset(slot.offset as isize), len) };
    value[..len].copy_from_slice(bytes);
    value
}

/// What baseline code gets when it is to go on where it is.
pub(crate) const STAY: *const c_void = std::ptr::null();
