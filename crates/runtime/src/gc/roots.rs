//! Who holds references in a store: frames of running wasm, globals, tables, element segments, handles of the host's, and
//! operands of constant expressions.

use super::{Handles, Roots};
use crate::global::{GlobalId, GlobalInstance};
use crate::store::{LimiterAccess, Store};
use crate::table::{TableId, TableInstance};
use crate::trap::{Activation, each_frame};
use mainspring_tiering::find_code;
use mainspring_wasm::{ConcreteType, HeapType, ValType};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

/// An operand of a constant expression.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand {
    pub value: crate::ValRaw,
    /// Whether the collector has to follow it.
    pub is_reference: bool,
}

/// The elements of a segment. They change only while they are made.
pub(crate) struct Elements {
    pub references: Box<[u32]>,
    /// Whether one of them may be to a young object.
    pub young: bool,
}

/// What holds references in a store, but for frames.
#[derive(Default)]
pub(crate) struct Holders {
    /// Globals and tables whose values are references that the collector follows.
    pub globals: Vec<GlobalId>,
    pub tables: Vec<TableId>,
    /// The elements of segments that hold such references, by instance and segment.
    pub elements: HashMap<(u32, u32), Elements>,
    /// Operands of constant expressions that are being evaluated.
    pub operands: Vec<Operand>,
    pub handles: Handles,
    /// The exception that waits to be thrown on, or null.
    pub exception: u32,
    frames: FrameRoots,
}

/// All that the collector has to know of a store.
pub(crate) struct StoreRoots<'a> {
    pub holders: &'a mut Holders,
    pub all_globals: &'a mut [GlobalInstance],
    pub all_tables: &'a mut [TableInstance],
    pub activation: Activation,
    pub limiter: Option<LimiterAccess>,
    /// For the limiter.
    pub store: *mut Store,
    /// What the limiter wants the guest to be stopped with.
    pub refusal: Option<mainspring_error::Error>,
}

impl Roots for StoreRoots<'_> {
    fn each(&mut self, young: bool, visit: &mut dyn FnMut(&mut u32) -> bool) {
        let frames = &mut self.holders.frames;
        each_frame(self.activation, &mut |pc, fp| {
            for &slot in frames.at(pc) {
                let place = fp.wrapping_add_signed(slot as isize) as *mut u32;
                // SAFETY: the code that is running in this frame says that a reference is there during the call that
                // it is at, and nothing else uses the frame meanwhile.
                visit(unsafe { &mut *place });
            }
        });
        for id in &self.holders.globals {
            let definition = self.all_globals[id.0 as usize].definition();
            // SAFETY: definitions live as long as their global, and no wasm runs while its store is borrowed.
            visit(unsafe { definition.cast().as_mut() });
        }
        for id in &self.holders.tables {
            self.all_tables[id.0 as usize].each_reference(!young, visit);
        }
        for elements in self.holders.elements.values_mut() {
            if elements.young || !young {
                elements.young = false;
                for reference in &mut elements.references {
                    elements.young |= visit(reference);
                }
            }
        }
        for operand in &mut self.holders.operands {
            if operand.is_reference {
                let mut reference = operand.value.get_u32();
                visit(&mut reference);
                operand.value = crate::ValRaw::u32(reference);
            }
        }
        visit(&mut self.holders.exception);
        self.holders.handles.each(visit);
    }

    fn may_grow(&mut self, from: usize, to: usize) -> bool {
        let Some(access) = self.limiter else {
            return true;
        };
        // SAFETY: the limiter is the embedder's and no part of the store.
        let limiter = unsafe { &mut *access(self.store) };
        limiter
            .memory_growing(from, to, None)
            .unwrap_or_else(|error| {
                self.refusal = Some(error);
                false
            })
    }
}

/// Where frames hold references, by the address that their call returns to. What was looked up once is kept:
/// code stays where it is as long as its module, and the module as long as the store.
#[derive(Default)]
pub(crate) struct FrameRoots {
    known: HashMap<usize, Range<u32>, BuildHasherDefault<AddressHasher>>,
    slots: Vec<i32>,
}

impl FrameRoots {
    /// In bytes from the frame pointer.
    fn at(&mut self, pc: usize) -> &[i32] {
        let slots = &mut self.slots;
        let known = self.known.entry(pc).or_insert_with(|| {
            let start = slots.len() as u32;
            // A return address belongs to the call before it.
            if let Some(code) = find_code(pc - 1) {
                code.roots(pc, &mut |slot| slots.push(slot));
            }
            start..slots.len() as u32
        });
        &self.slots[known.start as usize..known.end as usize]
    }
}

/// One multiplication spreads addresses.
#[derive(Default)]
pub(crate) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("addresses are hashed as one number")
    }

    #[inline]
    fn write_usize(&mut self, address: usize) {
        self.0 = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}

impl Store {
    /// Whether values of a type, whose concrete references are canonical, are followed by the collector.
    pub(crate) fn is_gc_type(&self, ty: ValType) -> bool {
        match ty {
            ValType::Ref(ty) => match ty.heap {
                HeapType::Func | HeapType::NoFunc => false,
                HeapType::Concrete(ConcreteType::Canonical(id)) => {
                    self.settings().types.lookup(id).as_func().is_none()
                }
                _ => true,
            },
            _ => false,
        }
    }
}
