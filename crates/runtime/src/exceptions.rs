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
use mainspring_abi::VMStoreContext;
use mainspring_abi::gc::{EXCEPTION_TAG_AT, ObjectHeader};
use mainspring_error::Error;
use mainspring_tiering::{Landing, find_code, is_code_address};
use mainspring_wasm::{CanonicalTypeId, EntityIndex, ModuleInfo, TagIndex};
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
    landings: Landings,
}

/// Where exceptions go that leave calls which were looked up before: code of a store's modules stays where it is as
/// long as the store lives, and so do its landings.
#[derive(Default)]
struct Landings {
    known: Vec<(usize, Option<Landing>)>,
}

impl Landings {
    /// A power of two.
    const COUNT: usize = 1024;

    /// Where an exception goes that leaves a call which returns to an address.
    #[inline]
    fn at(&mut self, pc: usize) -> Option<Landing> {
        let place = (pc ^ pc >> 10) % Landings::COUNT;
        match self.known.get(place) {
            Some(&(known, landing)) if known == pc => landing,
            _ => self.look_up(place, pc),
        }
    }

    #[cold]
    fn look_up(&mut self, place: usize, pc: usize) -> Option<Landing> {
        let landing = find_code(pc - 1).and_then(|code| code.handler(pc));
        self.known.resize(Landings::COUNT, (0, None));
        self.known[place] = (pc, landing);
        landing
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

    /// What a tag is called where modules name it: in a `name` section, or else as it is exported, or imported.
    pub fn tag_name(&self, tag: TagId) -> Option<String> {
        let uses = || {
            let all = self.instances.iter().flat_map(|instance| {
                let tags = instance.tags.iter().enumerate();
                tags.map(|(i, id)| (&instance.module, TagIndex::from(i), *id))
            });
            all.filter(|(_, _, id)| *id == tag)
        };
        let named = uses().find_map(|(module, tag, _)| module.tag_name(tag));
        named.or_else(|| uses().find_map(|(module, tag, _)| name_outside(module.info(), tag)))
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

    /// Where the exception goes that the wasm which called out throws now, and that frame.
    fn find_landing(&mut self) -> Option<(Landing, usize)> {
        let vm = self.vm();
        if vm.entry_fp == 0 {
            return None;
        }
        // SAFETY: wasm runs, or the host called a host function as if it were wasm; either has called out.
        let (mut pc, mut fp) = unsafe { (return_address(vm.exit_sp), vm.exit_fp) };
        while is_code_address(pc) {
            if let Some(landing) = self.exceptions.landings.at(pc) {
                return Some((landing, fp));
            }
            // SAFETY: `fp` is the frame pointer of a wasm function that is running: it points to the caller's frame
            // pointer and, above it, the return address.
            unsafe { (pc, fp) = (*(fp as *const usize).add(1), *(fp as *const usize)) };
        }
        None
    }
}

/// What a module calls a tag to others, or they to it.
fn name_outside(info: &ModuleInfo, tag: TagIndex) -> Option<String> {
    let is_it = |entity: EntityIndex| entity == EntityIndex::Tag(tag);
    let mut exports = info.exports.iter();
    if let Some(export) = exports.find(|export| is_it(export.entity)) {
        return Some(export.name.to_string());
    }
    let mut imports = info.imports.iter();
    let import = imports.find(|import| is_it(import.entity))?;
    Some(format!("{}::{}", import.module, import.name))
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
            store.unwinding = Some(Unwind::Error(error, Backtrace::capture(store)));
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
