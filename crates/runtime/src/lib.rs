//! The running machine: stores and what lives in them.
//!
//! - [`Store`] owns instances, memories, tables, globals and host functions; handles are ids into it.
//! - `instantiate` makes an instance in the order that the specification gives.
//! - [`enter`] and [`exit`] are the only crossings between host and wasm; `trap` is how wasm
//!   stops before its end.
//! - `builtins` is what generated code asks of us.
//!
//! What may be assumed everywhere: a store is used by one thread at a time; VM contexts and the
//! store's own context never move; nothing in a store that anything refers to is freed before the store. Nothing here
//! knows a compiler or the embedder's data type.

#![warn(missing_docs)]

mod builtins;
mod const_eval;
pub mod enter;
mod exceptions;
pub mod exit;
mod func;
pub mod gc;
mod global;
mod instance;
mod instantiate;
mod limits;
mod memory;
mod module;
mod shared_memory;
mod store;
mod table;
mod trap;
mod val;

pub use exceptions::{TagId, ThrownException};
pub use func::{ArrayTarget, HostDefinition, HostFunc, HostTarget, VMHostContext};
pub use global::{GlobalId, GlobalInstance};
pub use instance::{Instance, InstanceId};
pub use instantiate::{Import, InstantiateError, canonical_ref, canonical_val, instantiate};
pub use limits::{
    DEFAULT_INSTANCE_LIMIT, DEFAULT_MEMORY_LIMIT, DEFAULT_TABLE_LIMIT, ResourceLimiter,
};
pub use memory::{MemoryId, MemoryInstance};
pub use module::Module;
pub use shared_memory::{SharedMemoriesOff, SharedMemory, WaitResult};
pub use store::{CallingContext, HeapSettings, Store, StoreId, StoreSettings};
pub use table::{TableId, TableInstance};
pub use trap::{
    Backtrace, Frame, Unwind, install_handlers, raise, uninstall_handlers, unwind_pending,
};
pub use val::ValRaw;
