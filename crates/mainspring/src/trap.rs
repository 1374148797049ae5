//! Why wasm stopped, as embedders see it.

use crate::backtrace::WasmBacktrace;
use crate::store::StoreOpaque;
use mainspring_abi::TrapCode;
use mainspring_error::Error;
use mainspring_runtime::Unwind;
use std::fmt;

macro_rules! traps {
    ($($(#[$doc:meta])* $name:ident $(= $code:ident)? : $text:literal)*) => {
        /// Why wasm trapped. Found in an [`Error`](crate::Error) with `downcast_ref::<Trap>()`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Trap {
            $($(#[$doc])* $name,)*
        }

        impl fmt::Display for Trap {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Trap::$name => concat!("wasm trap: ", $text),)*
                })
            }
        }

        impl From<TrapCode> for Trap {
            fn from(code: TrapCode) -> Trap {
                match code {
                    $($(TrapCode::$code => Trap::$name,)?)*
                }
            }
        }
    };
}

traps! {
    /// The stack is used up.
    StackOverflow = StackOverflow: "call stack exhausted"
    /// An access outside of a memory.
    MemoryOutOfBounds = MemoryOutOfBounds: "out of bounds memory access"
    /// An atomic access that is not aligned.
    HeapMisaligned = HeapMisaligned: "unaligned atomic"
    /// An access outside of a table.
    TableOutOfBounds = TableOutOfBounds: "undefined element: out of bounds table access"
    /// A call through a null table element.
    IndirectCallToNull = IndirectCallToNull: "uninitialized element"
    /// A call of a function of another type than expected.
    BadSignature = BadSignature: "indirect call type mismatch"
    /// An integer result that can't be represented.
    IntegerOverflow = IntegerOverflow: "integer overflow"
    /// Division of an integer by zero.
    IntegerDivisionByZero = IntegerDivisionByZero: "integer divide by zero"
    /// Conversion of a NaN or too large a float to an integer.
    BadConversionToInteger = BadConversionToInteger: "invalid conversion to integer"
    /// `unreachable` was executed.
    UnreachableCodeReached = UnreachableCodeReached: "wasm `unreachable` instruction executed"
    /// The store's epoch deadline passed.
    Interrupt = Interrupt: "interrupt"
    /// The store's fuel is used up.
    OutOfFuel = OutOfFuel: "all fuel consumed by WebAssembly"
    /// An atomic wait on a memory that is not shared.
    AtomicWaitNonSharedMemory = AtomicWaitNonSharedMemory: "atomic wait on non-shared memory"
    /// A null reference where a value is needed.
    NullReference = NullReference: "null reference"
    /// An access outside of an array.
    ArrayOutOfBounds = ArrayOutOfBounds: "out of bounds array access"
    /// An object too large to allocate.
    AllocationTooLarge = AllocationTooLarge: "allocation size too large"
    /// A cast to a type that the value does not have.
    CastFailure = CastFailure: "cast failure"
}

impl std::error::Error for Trap {}

/// Makes an error of what stopped wasm; a panic of the host's goes on here.
#[cold]
pub(crate) fn error_of(store: &StoreOpaque, why: Unwind) -> Error {
    let (error, backtrace) = match why {
        Unwind::Trap(code, backtrace) => (Error::from(Trap::from(code)), backtrace),
        Unwind::MemoryFault(fault, backtrace) => {
            let error = Error::from(Trap::MemoryOutOfBounds);
            (error.context(fault), backtrace)
        }
        Unwind::Error(error, backtrace) => (error, backtrace),
        Unwind::Panic(payload) => std::panic::resume_unwind(payload),
    };
    // An error that passed through an inner activation has its backtrace, which covers this one.
    if backtrace.frames.is_empty() || error.downcast_ref::<WasmBacktrace>().is_some() {
        return error;
    }
    error.context(WasmBacktrace::new(&store.engine, backtrace))
}
