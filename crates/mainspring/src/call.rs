//! Calls that no [`TypedFunc`](crate::TypedFunc) makes in registers: with arguments and results in slots, or
//! of a type that is known only at run time.

use crate::store::StoreOpaque;
use crate::trap::error_of;
use crate::types::FuncType;
use crate::{Engine, Result, Val};
use mainspring_abi::{ArgAssigner, ArgLocation, FLOAT_ARG_REGS, ResultPassing, VMFuncRef};
use mainspring_runtime::ValRaw;
use mainspring_runtime::enter::{
    MAX_INTS, RegisterFile, RegisterResult, call_with_array, call_with_ints, call_with_registers,
};
use mainspring_wasm::{self as wasm, CanonicalTypeId, ValType};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr::NonNull;

/// What calling a function by values needs to know of its type.
pub(crate) struct CallType {
    ty: FuncType,
    registers: Option<Registers>,
}

/// Which registers carry the arguments of a call that needs nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Registers {
    Ints,
    /// Floats and vectors, and perhaps integers.
    Floats,
}

impl CallType {
    fn new(ty: FuncType) -> CallType {
        let (params, results) = (&ty.as_wasm().params, &ty.as_wasm().results);
        let mut assign = ArgAssigner::for_params(ResultPassing::Registers);
        let mut registers = Some(Registers::Ints);
        for &param in params {
            match assign.param(param) {
                ArgLocation::Int(_) => {}
                ArgLocation::Float(_) => registers = registers.and(Some(Registers::Floats)),
                ArgLocation::Stack(_) => registers = None,
            }
        }
        if results.len() > 1 {
            registers = None;
        }
        CallType { ty, registers }
    }

    #[inline]
    pub fn func(&self) -> &wasm::FuncType {
        self.ty.as_wasm()
    }

    /// `None` if a call takes more than registers.
    pub fn registers(&self) -> Option<Registers> {
        self.registers
    }
}

/// The types of the functions that were called by values in one store, so that such a call does not
/// take the lock of the engine's types. They stay registered as long as the store lives.
#[derive(Default)]
pub(crate) struct CallTypes(HashMap<u32, Box<CallType>, BuildHasherDefault<TypeIdHasher>>);

impl CallTypes {
    /// The type with an id, valid as long as this list: nothing is taken out of it.
    #[inline]
    pub fn get(&mut self, engine: &Engine, id: CanonicalTypeId) -> NonNull<CallType> {
        let ty = match self.0.entry(id.0) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                entry.insert(Box::new(CallType::new(FuncType::from_id(engine, id))))
            }
        };
        NonNull::from(ty.as_ref())
    }
}

/// Type ids are small numbers of the engine's own making: one multiplication spreads them.
#[derive(Default)]
struct TypeIdHasher(u64);

impl Hasher for TypeIdHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("type ids are hashed as one number")
    }

    #[inline]
    fn write_u32(&mut self, id: u32) {
        self.0 = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// Calls a function whose arguments are all in registers and whose result, if any, is too.
///
/// # Errors
/// What stopped wasm.
///
/// # Safety
/// The function must be of the store, the arguments must be of its type, and `registers` that of its [`CallType`].
#[inline]
pub(crate) unsafe fn call_registers(
    store: &mut StoreOpaque,
    func: NonNull<VMFuncRef>,
    registers: Registers,
    params: &[Val],
) -> Result<RegisterResult> {
    // SAFETY: functions of a store live as long as it does.
    let VMFuncRef { code, vmctx, .. } = *unsafe { func.as_ref() };
    let mut ints = [0; MAX_INTS];
    // SAFETY: the caller's promise, and arguments in their order in each register file.
    let outcome = unsafe {
        match registers {
            Registers::Ints => {
                for (place, param) in ints.iter_mut().zip(params) {
                    *place = param.raw(store)?.get_u64();
                }
                call_with_ints(&mut store.runtime, code, vmctx, ints)
            }
            Registers::Floats => {
                let mut floats = [0; FLOAT_ARG_REGS];
                let (mut next_int, mut next_float) = (ints.iter_mut(), floats.iter_mut());
                for param in params {
                    let raw = param.raw(store)?;
                    if let Val::F32(_) | Val::F64(_) | Val::V128(_) = param {
                        *next_float.next().expect("arguments fit") = raw.get_v128();
                    } else {
                        *next_int.next().expect("arguments fit") = raw.get_u64();
                    }
                }
                call_with_registers(&mut store.runtime, code, vmctx, ints, floats)
            }
        }
    };
    outcome.map_err(|why| error_of(store, why))
}

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
    let mut stack: SmallVec<[u64; 16]> = SmallVec::new();
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
