//! The calling convention of wasm functions on x86-64: Cranelift's `tail` convention, written
//! down so that the baseline tier, the entry trampoline and host functions can follow it.
//!
//! - Arguments: the callee's VM context, then the address of the result area if there is one
//!   (see below), then the wasm parameters. Integers, and references, take `rdi rsi rdx rcx r8 r9`
//!   in order, floats and vectors `xmm0`–`xmm7`; what is left goes to the stack in order, each
//!   aligned to its size and at least 8 bytes, the area rounded up to 16 bytes.
//! - Stack arguments are popped by the **callee**.
//! - Results: integers in `rax rcx rdx rsi rdi r8`, floats and vectors in `xmm0`–`xmm7`. If one of
//!   them would not fit, **all** results go to memory: the caller passes the address of an area
//!   with one 16-byte slot for each result, in order.
//! - `rbx`, `rbp` and `r12`–`r15` are preserved by the callee. Every function keeps a frame
//!   pointer. `rsp` is a multiple of 16 at each call.
//!
//! For at most five integer and eight float arguments and at most one result this is the System V
//! convention too, so host code can call such a function, and be called as one, directly.

use mainspring_wasm::{FuncType, ModuleInfo, RefKind, ValType};

/// Registers for integer arguments, the VM context included.
pub const INT_ARG_REGS: usize = 6;
/// Registers for float and vector arguments.
pub const FLOAT_ARG_REGS: usize = 8;
/// Registers for integer results.
pub const INT_RESULT_REGS: usize = 6;
/// Registers for float and vector results.
pub const FLOAT_RESULT_REGS: usize = 8;

/// Which register file a value travels in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegClass {
    /// General-purpose registers.
    Int,
    /// `xmm` registers.
    Float,
}

impl RegClass {
    /// The register file of a value type.
    #[inline]
    pub const fn of(ty: ValType) -> RegClass {
        match ty {
            ValType::I32 | ValType::I64 | ValType::Ref(_) => RegClass::Int,
            ValType::F32 | ValType::F64 | ValType::V128 => RegClass::Float,
        }
    }
}

/// Where an argument or result is at the moment of the call or return.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgLocation {
    /// In the n-th integer register of its sequence (arguments: 0 is `rdi`, the VM context).
    Int(u8),
    /// In the n-th float register.
    Float(u8),
    /// At this offset from the start of the stack argument area.
    Stack(u32),
}

/// How results come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResultPassing {
    /// In registers.
    Registers,
    /// In memory: the address of the area is the second argument.
    Memory,
}

/// Where everything is in a call of one function type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallLayout {
    /// Where each wasm parameter is.
    pub params: Box<[ArgLocation]>,
    /// Where each result is; empty if they are passed in memory.
    pub results: Box<[ArgLocation]>,
    /// How many results there are, wherever they are.
    pub result_count: u32,
    /// How results come back.
    pub result_passing: ResultPassing,
    /// Bytes of the stack argument area, a multiple of 16.
    pub stack_bytes: u32,
}

/// Computes where arguments and results of a function type are.
pub fn call_layout(ty: &FuncType) -> CallLayout {
    let result_passing = ResultPassing::of(&ty.results);
    let mut assign = ArgAssigner::for_params(result_passing);
    let params = ty.params.iter().map(|&ty| assign.param(ty)).collect();
    let stack_bytes = assign.stack_bytes();
    let results = match result_passing {
        ResultPassing::Registers => {
            let mut assign = ArgAssigner::for_results();
            ty.results.iter().map(|&ty| assign.result(ty)).collect()
        }
        ResultPassing::Memory => Box::default(),
    };
    CallLayout {
        params,
        results,
        result_count: ty.results.len() as u32,
        result_passing,
        stack_bytes,
    }
}

impl ResultPassing {
    /// How results of these types come back.
    #[inline]
    pub fn of(results: &[ValType]) -> ResultPassing {
        let floats = results
            .iter()
            .filter(|&&ty| RegClass::of(ty) == RegClass::Float)
            .count();
        let ints = results.len() - floats;
        if ints <= INT_RESULT_REGS && floats <= FLOAT_RESULT_REGS {
            ResultPassing::Registers
        } else {
            ResultPassing::Memory
        }
    }
}

/// Assigns places one value after the other, without a list of them.
#[derive(Clone, Debug)]
pub struct ArgAssigner {
    ints: u8,
    floats: u8,
    stack: u32,
}

impl ArgAssigner {
    /// For the parameters of a function whose results come back in a way.
    #[inline]
    pub fn for_params(results: ResultPassing) -> ArgAssigner {
        let ints = match results {
            ResultPassing::Registers => 1,
            ResultPassing::Memory => 2,
        };
        ArgAssigner {
            ints,
            floats: 0,
            stack: 0,
        }
    }

    /// For results in registers.
    #[inline]
    pub fn for_results() -> ArgAssigner {
        ArgAssigner {
            ints: 0,
            floats: 0,
            stack: 0,
        }
    }

    /// The place of the next parameter.
    #[inline]
    pub fn param(&mut self, ty: ValType) -> ArgLocation {
        self.register(ty, INT_ARG_REGS, FLOAT_ARG_REGS)
            .unwrap_or_else(|| {
                let size = if ty == ValType::V128 { 16 } else { 8 };
                self.stack = self.stack.next_multiple_of(size);
                let at = self.stack;
                self.stack += size;
                ArgLocation::Stack(at)
            })
    }

    /// The place of the next result.
    ///
    /// # Panics
    /// If the results do not fit in registers.
    #[inline]
    pub fn result(&mut self, ty: ValType) -> ArgLocation {
        self.register(ty, INT_RESULT_REGS, FLOAT_RESULT_REGS)
            .expect("results that do not fit in registers are passed in memory")
    }

    /// Bytes of the stack argument area so far, a multiple of 16.
    #[inline]
    pub fn stack_bytes(&self) -> u32 {
        self.stack.next_multiple_of(16)
    }

    #[inline]
    fn register(&mut self, ty: ValType, ints: usize, floats: usize) -> Option<ArgLocation> {
        let (next, limit, location): (_, _, fn(u8) -> ArgLocation) = match RegClass::of(ty) {
            RegClass::Int => (&mut self.ints, ints, ArgLocation::Int),
            RegClass::Float => (&mut self.floats, floats, ArgLocation::Float),
        };
        (usize::from(*next) < limit).then(|| {
            *next += 1;
            location(*next - 1)
        })
    }
}

/// Bits of the machine value that carries a value of a type in a module.
pub fn value_bits(module: &ModuleInfo, ty: ValType) -> u32 {
    match ty {
        ValType::I32 | ValType::F32 => 32,
        ValType::I64 | ValType::F64 => 64,
        ValType::V128 => 128,
        ValType::Ref(ty) => match module.ref_kind(ty) {
            RefKind::Func => 64,
            RefKind::Gc => 32,
        },
    }
}
