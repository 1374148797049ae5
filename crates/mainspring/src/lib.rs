//! Mainspring: a WebAssembly runtime to embed.
//!
//! The API is that of the `wasmtime` crate: the same names, signatures and behaviour, so a program moves over by
//! changing one line of its `Cargo.toml`.
//!
//! ```
//! use mainspring::*;
//!
//! # fn main() -> Result<()> {
//! let engine = Engine::default();
//! let module = Module::new(&engine, r#"(module
//!     (import "host" "double" (func $double (param i32) (result i32)))
//!     (func (export "run") (param i32) (result i32)
//!         local.get 0 call $double i32.const 1 i32.add))"#)?;
//!
//! let mut linker = Linker::new(&engine);
//! linker.func_wrap("host", "double", |x: i32| x * 2)?;
//!
//! let mut store = Store::new(&engine, ());
//! let instance = linker.instantiate(&mut store, &module)?;
//! let run = instance.get_typed_func::<i32, i32>(&mut store, "run")?;
//! assert_eq!(run.call(&mut store, 20)?, 41);
//! # Ok(())
//! # }
//! ```
//!
//! What is where: an [`Engine`] holds configuration and compilers; a [`Module`] is code, shared by
//! everyone; a [`Store`] owns what runs, and all other objects are handles into one.

#![warn(missing_docs)]

mod backtrace;
mod cache;
mod call;
mod code_builder;
mod config;
mod engine;
mod explore;
mod externals;
mod func;
mod gc;
mod global;
mod host;
mod instance;
mod limits;
mod linker;
mod matching;
mod memory;
mod module;
mod shared_memory;
mod store;
mod table;
mod tag;
mod trap;
mod typed;
mod types;
mod unfinished;
mod values;

pub use backtrace::{FrameInfo, FrameSymbol, WasmBacktrace};
pub use cache::{Cache, CacheConfig};
pub use code_builder::{CodeBuilder, CodeHint};
pub use config::{
    Collector, Config, Inlining, InstanceAllocationStrategy, OptLevel, ProfilingStrategy,
    RegallocAlgorithm, Strategy, TierStress, WasmBacktraceDetails,
};
pub use engine::{Engine, EngineWeak, Precompiled};
pub use explore::{
    CodeReference, CodeSource, CompilerTier, ExploredFunction, Explorer, FunctionCode,
};
pub use externals::{Export, ExportType, Extern, ImportType};
pub use func::Func;
pub use gc::{
    AnyRef, ArrayRef, ArrayRefPre, EqRef, ExnRef, ExnRefPre, ExternRef, GcRef, I31, NoExtern,
    NoFunc, NoneRef, OwnedRooted, RootScope, Rooted, RootedGcRef, StructRef, StructRefPre,
};
pub use global::Global;
pub use host::{Caller, IntoFunc, WasmRet};
pub use instance::{Instance, InstancePre};
pub use limits::{StoreLimits, StoreLimitsBuilder};
pub use linker::{Linker, UnknownImportError};
pub use mainspring_error as error;
pub use mainspring_error::{Error, OutOfMemory, Result, bail, ensure, format_err};
pub use mainspring_runtime::gc::{GcHeapOutOfMemory, GcStatistics};
pub use mainspring_runtime::{
    DEFAULT_INSTANCE_LIMIT, DEFAULT_MEMORY_LIMIT, DEFAULT_TABLE_LIMIT, ResourceLimiter,
    SharedMemoriesOff, ThrownException, ValRaw,
};
pub use mainspring_tiering::{Statistics, TierStatistics};
pub use mainspring_wasm::{MissingProposals, demangle};
pub use memory::{Memory, MemoryAccessError};
pub use module::{Module, ModuleExport, ModuleFunction, ResourcesRequired};
pub use shared_memory::{SharedMemory, WaitResult};
pub use store::{AsContext, AsContextMut, Store, StoreContext, StoreContextMut};
pub use table::Table;
pub use tag::Tag;
pub use trap::Trap;
pub use typed::{TypedFunc, WasmParams, WasmResults, WasmTy, WasmTyList};
pub use types::{
    ArrayType, ExnType, ExternType, FieldType, Finality, FuncType, GlobalType, HeapType,
    MemoryType, MemoryTypeBuilder, Mutability, RefType, StorageType, StructType, TableType,
    TagType, ValType,
};
pub use unfinished::Unfinished;
pub use values::{ContRef, Ref, V128, Val};
pub use wasmparser::WasmFeatures;

/// The example of the README, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
