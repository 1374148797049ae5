//! Why wasm stops: the closed list of traps.

use serde::{Deserialize, Serialize};

macro_rules! trap_codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal)*) => {
        /// Why generated code traps. See the specification, section "Execution / Instructions":
        /// each place that says "trap" has one of these.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum TrapCode {
            $($(#[$doc])* $name = $value,)*
        }

        impl TrapCode {
            /// The trap with a given number.
            pub fn from_u8(value: u8) -> Option<TrapCode> {
                match value {
                    $($value => Some(TrapCode::$name),)*
                    _ => None,
                }
            }
        }
    };
}

trap_codes! {
    /// The stack would have grown past its limit.
    StackOverflow = 1
    /// A load, store or bulk operation outside its memory.
    MemoryOutOfBounds = 2
    /// An atomic access that is not aligned.
    HeapMisaligned = 3
    /// An access outside its table.
    TableOutOfBounds = 4
    /// `call_indirect` through a null element.
    IndirectCallToNull = 5
    /// `call_indirect` of a function of another type.
    BadSignature = 6
    /// An integer result that can't be represented.
    IntegerOverflow = 7
    /// Integer division by zero.
    IntegerDivisionByZero = 8
    /// Conversion of a NaN or out-of-range float to an integer.
    BadConversionToInteger = 9
    /// `unreachable` was executed.
    UnreachableCodeReached = 10
    /// The epoch deadline passed.
    Interrupt = 11
    /// All fuel is used.
    OutOfFuel = 12
    /// `memory.atomic.wait` on a memory that is not shared.
    AtomicWaitNonSharedMemory = 13
    /// A null reference where a value is needed.
    NullReference = 14
    /// An access outside its array.
    ArrayOutOfBounds = 15
    /// An object too large to allocate.
    AllocationTooLarge = 16
    /// `ref.cast` to a type the value does not have.
    CastFailure = 17
}
