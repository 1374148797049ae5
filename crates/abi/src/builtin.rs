//! Builtins: what generated code asks of the runtime. One row each; ids, names and the signatures
//! that compilers declare follow from the row.
//!
//! A builtin is called with the System V convention through the table whose address is in the VM
//! context's header. Its first argument is the VM context. One that traps does not return.

/// The machine type of a builtin's parameter or result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuiltinParam {
    /// 32-bit integer.
    I32,
    /// 64-bit integer or pointer.
    I64,
    /// Single-precision float.
    F32,
    /// Double-precision float.
    F64,
}

macro_rules! builtins {
    ($($(#[$doc:meta])* $name:ident ( $($param:ident),* ) $(-> $result:ident)?;)*) => {
        /// A builtin, by its position in the table.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Builtin {
            $($(#[$doc])* $name,)*
        }

        /// How many builtins there are.
        pub const BUILTIN_COUNT: usize = [$(Builtin::$name),*].len();

        impl Builtin {
            /// All of them, in table order.
            pub const ALL: [Builtin; BUILTIN_COUNT] = [$(Builtin::$name),*];

            /// Its parameters after the VM context.
            pub fn params(self) -> &'static [BuiltinParam] {
                match self {
                    $(Builtin::$name => &[$(BuiltinParam::$param),*],)*
                }
            }

            /// Its result.
            pub fn result(self) -> Option<BuiltinParam> {
                match self {
                    $(Builtin::$name => builtins!(@result $($result)?),)*
                }
            }
        }
    };
    (@result) => { None };
    (@result $result:ident) => { Some(BuiltinParam::$result) };
}

builtins! {
    /// memory, pages to add -> pages before, or -1
    MemoryGrow(I32, I64) -> I64;
    /// destination memory, source memory, destination, source, bytes
    MemoryCopy(I32, I32, I64, I64, I64);
    /// memory, destination, byte, bytes
    MemoryFill(I32, I64, I32, I64);
    /// memory, data segment, destination, offset in segment, bytes
    MemoryInit(I32, I32, I64, I32, I32);
    /// data segment
    DataDrop(I32);
    /// memory, index, offset, expected, timeout in nanoseconds -> how it ended
    AtomicWait32(I32, I64, I64, I32, I64) -> I32;
    /// memory, index, offset, expected, timeout in nanoseconds -> how it ended
    AtomicWait64(I32, I64, I64, I64, I64) -> I32;
    /// memory, index, offset, threads at the most -> threads
    AtomicNotify(I32, I64, I64, I32) -> I32;
    /// table, elements to add, what they start as -> elements before, or -1
    TableGrow(I32, I64, I64) -> I64;
    /// table, destination, value, elements
    TableFill(I32, I64, I64, I64);
    /// destination table, source table, destination, source, elements
    TableCopy(I32, I32, I64, I64, I64);
    /// table, element segment, destination, offset in segment, elements
    TableInit(I32, I32, I64, I32, I32);
    /// element segment
    ElemDrop(I32);
    /// struct type, by its index in the module -> an object, all zero but for its header. Collects garbage when there
    /// is no room.
    StructNew(I32) -> I32;
    /// array type, length -> an array of zeros. Collects garbage when there is no room.
    ArrayNew(I32, I32) -> I32;
    /// array type, data segment, offset in segment, elements -> an array
    ArrayNewData(I32, I32, I32, I32) -> I32;
    /// array type, element segment, offset in segment, elements -> an array
    ArrayNewElem(I32, I32, I32, I32) -> I32;
    /// array, first element, value (its lower and its upper half, of which as many bytes count as an element has), elements
    ArrayFill(I32, I32, I64, I64, I32);
    /// destination array, first element, source array, first element, elements
    ArrayCopy(I32, I32, I32, I32, I32);
    /// array, data segment, first element, offset in segment, elements
    ArrayInitData(I32, I32, I32, I32, I32);
    /// array, element segment, first element, offset in segment, elements
    ArrayInitElem(I32, I32, I32, I32, I32);
    /// tag -> an exception with it, whose values are zero. Collects garbage when there is no room.
    ExceptionNew(I32) -> I32;
    /// exception, which is thrown; traps if it is null. Does not return.
    Throw(I32);
    /// Rounding, for processors without SSE4.1.
    CeilF32(F32) -> F32;
    /// See [`Builtin::CeilF32`].
    FloorF32(F32) -> F32;
    /// See [`Builtin::CeilF32`].
    TruncF32(F32) -> F32;
    /// See [`Builtin::CeilF32`].
    NearestF32(F32) -> F32;
    /// See [`Builtin::CeilF32`].
    CeilF64(F64) -> F64;
    /// See [`Builtin::CeilF32`].
    FloorF64(F64) -> F64;
    /// See [`Builtin::CeilF32`].
    TruncF64(F64) -> F64;
    /// See [`Builtin::CeilF32`].
    NearestF64(F64) -> F64;
    /// A product and a sum, rounded once, for processors without FMA.
    FmaF32(F32, F32, F32) -> F32;
    /// See [`Builtin::FmaF32`].
    FmaF64(F64, F64, F64) -> F64;
}

impl Builtin {
    /// Byte offset of its entry point in the table.
    pub fn table_offset(self) -> u32 {
        self as u32 * 8
    }
}
