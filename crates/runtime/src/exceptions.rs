//! Exceptions: tags, and the way from where one is thrown to where it is caught.
//!
//! Frames are walked as for a backtrace, from the one that called out. The first that has a [`Landing`] for the call
//! that it is in gets the exception, and the frames before it, which own nothing, are gone. If none of this activation
//! has one, the host gets an error, and the exception waits in the store: a host function
//! that returns the error throws it on.

use crate::enter;
use crate::gc::AllocateError;
use crate::store::Store;
use crate::trap::{Backtrace, Unwind, return_address};
use anyhow::Error;
use mainspring_abi::VMStoreContext;
use mainspring_abi::gc::{EXCEPTION_TAG_AT, ObjectHeader};
use mainspring_tiering::{Landing, ModuleCode, find_code, is_code_address};
use mainspring_wasm::{CanonicalTypeId, FuncIndex};
use std::arch::naked_asm;
use std::fmt;

/// A tag, by its number in the store, from 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TagId(pub u32);

/// An exception was thrown, and waits in its store.
///
/// It was thrown out of wasm that the host called, or [`Store::throw`](Store::set_pending_exception) was asked to throw it.
/// If a host function returns this error while the exception waits, it is thrown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrownException;

impl fmt::Display for ThrownException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("thrown Wasm exception")
    }
}

impl std::error::Error for ThrownException {}

/// What a store knows about exceptions.
#[derive(Default)]
pub(crate) struct Exceptions {
    /// The function type of each tag.
    tags: Vec<CanonicalTypeId>,
    /// The error that a host function returned to have that thrown.
    throwing: Option<Error>,
    calls: Calls,
    way: Way,
}

/// The way of the exception that was thrown last, for its backtrace: what hands it on without catching it, be it the end of
/// a `try_table` or a `throw_ref` behind it, throws it anew from there, when the frames before are gone. Functions that were
/// compiled into that one have no frames, and are not seen.
#[derive(Default)]
struct Way {
    /// Which exception; null when that can't be told anymore, because it may have been moved.
    exception: u32,
    /// The return addresses of the calls that it left, the innermost first, as many as a backtrace has frames.
    calls: Vec<usize>,
    /// The frame that it got to, and whose that is.
    fp: usize,
    function: Option<Function>,
}

/// The function that a frame is of.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Function {
    code: *const ModuleCode,
    index: FuncIndex,
}

// SAFETY: the address is only compared.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Sync for Function {}

/// What is known of calls that exceptions left before: code of a store's modules stays where it is as
/// long as the store lives, and so do its landings.
#[derive(Default)]
struct Calls {
    known: Vec<Call>,
}

/// A call that an exception can leave.
#[derive(Clone, Copy, Default)]
struct Call {
    /// Where it returns to.
    pc: usize,
    /// Who made it.
    function: Option<Function>,
    /// Where the exception goes, if not on to the caller.
    landing: Option<Landing>,
}

impl Exceptions {
    /// Exceptions may have moved: none is known by its reference anymore.
    pub fn were_moved(&mut self) {
        self.way.exception = 0;
    }
}

impl Calls {
    /// A power of two.
    const COUNT: usize = 1024;

    /// The call that returns to an address.
    #[inline]
    fn at(&mut self, pc: usize) -> Call {
        let place = (pc ^ pc >> 10) % Calls::COUNT;
        match self.known.get(place) {
            Some(&call) if call.pc == pc => call,
            _ => self.look_up(place, pc),
        }
    }

    #[cold]
    fn look_up(&mut self, place: usize, pc: usize) -> Call {
        // A return address belongs to the call before it.
        let code = find_code(pc - 1);
        let code = code.as_deref();
        let function = |code: &ModuleCode| {
            let frames = code.locate(pc - 1)?.frames;
            let (index, _) = *frames.last()?;
            Some(Function { code, index })
        };
        self.known.resize(Calls::COUNT, Call::default());
        self.known[place] = Call {
            pc,
            function: code.and_then(function),
            landing: code.and_then(|code| code.handler(pc)),
        };
        self.known[place]
    }
}

impl Way {
    /// Notes that an exception is thrown by a frame in a call that returns to an address, or that is handed on by it.
    fn begin(&mut self, exception: u32, fp: usize, call: Call) {
        let goes_on = self.exception == exception
            && self.fp == fp
            && self.function.is_some()
            && self.function == call.function;
        if !goes_on {
            self.calls.clear();
            self.calls.push(call.pc);
        }
        self.exception = exception;
    }

    /// Notes that the exception left another call.
    #[inline]
    fn leave(&mut self, call: Call, limit: usize) {
        if self.calls.len() < limit {
            self.calls.push(call.pc);
        }
    }
}

impl Store {
    /// Makes a tag of a function type, which someone holds now.
    pub fn add_tag(&mut self, ty: CanonicalTypeId) -> TagId {
        self.hold_type_id(ty);
        self.exceptions.tags.push(ty);
        TagId(self.exceptions.tags.len() as u32)
    }

    /// The function type of a tag.
    pub fn tag_type(&self, tag: TagId) -> CanonicalTypeId {
        self.exceptions.tags[tag.0 as usize - 1]
    }

    /// Makes an exception whose values are zero.
    pub(crate) fn new_exception(
        &mut self,
        header: ObjectHeader,
        tag: TagId,
    ) -> Result<u32, AllocateError> {
        let exception = self.allocate(header, 0)?;
        self.heap_mut().store(exception + EXCEPTION_TAG_AT, tag.0);
        Ok(exception)
    }

    /// How many tags there are.
    pub(crate) fn tag_count(&self) -> usize {
        self.exceptions.tags.len()
    }

    /// Takes out the tags that were made since there were `count`, which nothing refers to.
    pub(crate) fn forget_tags(&mut self, count: usize) {
        self.exceptions.tags.truncate(count);
    }

    /// The exception that waits to be thrown on, or null.
    pub fn pending_exception(&self) -> u32 {
        self.holders.exception
    }

    /// Has an exception wait to be thrown on, or none if it is null.
    pub fn set_pending_exception(&mut self, exception: u32) {
        self.holders.exception = exception;
    }

    /// Says, in the place of [`set_unwinding`](Self::set_unwinding), that the exception which waits is about to be
    /// thrown, and which error is to stand for it if wasm does not catch it.
    pub fn set_throwing(&mut self, error: Error) {
        self.exceptions.throwing = Some(error);
    }

    /// The error that a host function returned to have the pending exception thrown.
    pub(crate) fn take_throwing(&mut self) -> Option<Error> {
        self.exceptions.throwing.take()
    }

    /// Where the exception that waits goes when the wasm which called out throws it now, and that frame.
    fn find_landing(&mut self) -> Option<(Landing, usize)> {
        let limit = self.settings().max_backtrace_frames;
        let exception = self.holders.exception;
        let vm = &self.context.vm;
        let Exceptions { calls, way, .. } = &mut self.exceptions;
        if vm.entry_fp == 0 {
            way.calls.clear();
            return None;
        }
        // SAFETY: wasm runs, or the host called a host function as if it were wasm; either has called out.
        let (mut pc, mut fp) = unsafe { (return_address(vm.exit_sp), vm.exit_fp) };
        way.begin(exception, fp, calls.at(pc));
        let thrower = fp;
        while is_code_address(pc) {
            let call = calls.at(pc);
            if fp != thrower {
                way.leave(call, limit);
            }
            if let Some(landing) = call.landing {
                (way.fp, way.function) = (fp, call.function);
                return Some((landing, fp));
            }
            // SAFETY: `fp` is the frame pointer of a wasm function that is running: it points to the caller's frame
            // pointer and, above it, the return address.
            unsafe { (pc, fp) = (*(fp as *const usize).add(1), *(fp as *const usize)) };
        }
        None
    }

    /// The backtrace of an exception that found no landing.
    fn uncaught_backtrace(&mut self) -> Backtrace {
        let calls = std::mem::take(&mut self.exceptions.way.calls);
        Backtrace::through(self, &calls)
    }
}

/// Throws the exception that waits. If no wasm of this activation catches it, the entry returns with an error: the
/// one that is given, or one that is made.
///
/// # Safety
/// The context must be that of the store whose wasm made the call that is going on, and no frame
/// between that call and this may own anything.
pub(crate) unsafe fn throw_pending(context: *mut VMStoreContext, error: Option<Error>) -> ! {
    // SAFETY: the caller's promise; the reference ends before the jump.
    let found = unsafe {
        let store = Store::of_context(context);
        let found = store.find_landing();
        if found.is_none() {
            let error = error.unwrap_or_else(|| ThrownException.into());
            let backtrace = store.uncaught_backtrace();
            store.unwinding = Some(Unwind::Error(error, backtrace));
        } else {
            drop(error);
        }
        found.map(|found| (found, std::mem::take(&mut store.holders.exception)))
    };
    // SAFETY: the frame is that of a function whose code has the landing, and all frames above it own nothing; so say
    // the caller and, of wasm's, the convention. Without a landing, the innermost entry's frame is live.
    unsafe {
        match found {
            Some(((landing, fp), exception)) => {
                go_on_at(landing.pc, fp, fp - landing.below_fp as usize, exception)
            }
            None => enter::unwind((*context).entry_fp),
        }
    }
}

/// Goes on at an address, with a frame pointer, a stack pointer and an exception.
///
/// # Safety
/// The address must be a landing of the function whose frame it is.
#[unsafe(naked)]
unsafe extern "sysv64" fn go_on_at(pc: usize, fp: usize, sp: usize, exception: u32) -> ! {
    naked_asm!("mov rbp, rsi", "mov rsp, rdx", "mov eax, ecx", "jmp rdi",)
}
