//! Which code runs for a function.
//!
//! - [`ModuleCode`] is all code of one module and answers every question about it: where to call a
//!   function, what a program counter belongs to.
//! - `code_table`: the lazy kind. Each function has a slot that holds the code to call; at first, a stub that
//!   compiles it. The order of publication is written down there.
//! - `policy`: what happens when a function is called first, or its counters run out. The numbers are in
//!   `tuning`.
//! - `counted`, `queue`, `osr`: what was counted; the threads that optimize; exchanging a frame.
//! - `image`: the ahead-of-time kind. All functions compiled together, stored, mapped.
//! - `code_memory`: executable pages, never writable where they are executable; `code_region`: which of the process's
//!   are whose.
//! - [`cache`]: compiled code on disk, from one process to the next.
//! - `source`, `blocks`, `file_watch`: a module's bytes, which need not be kept.
//! - `profiler`: what the system's profiler is told about code.
//! - `registry`: from a program counter to the module it is in.
//!
//! Nothing here knows stores, instances or the host.

#![warn(missing_docs)]

mod ahead;
mod blocks;
pub mod cache;
mod code_memory;
mod code_region;
mod code_table;
mod compile;
mod counted;
mod debug;
mod file_watch;
mod fingerprint;
mod image;
mod learned;
mod module_code;
mod osr;
mod policy;
mod profiler;
mod queue;
mod registry;
mod source;
mod stats;
mod stub;
mod tables;
mod tuning;

pub use cache::{Cache, CacheSettings};
pub use code_region::contains as is_code_address;
pub use compile::{Compilers, Progress, Tier};
pub use fingerprint::BUILD_ID;
pub use image::{IMAGE_MAGIC, ImageBytes};
pub use module_code::{CodeLocation, Landing, ModuleCode};
pub use profiler::Profiling;
pub use registry::find as find_code;
pub use source::{ModuleSlice, SourceFile};
pub use stats::{Statistics, TierStatistics};
pub use stub::{on_compile_failure, take_compile_error};
pub use tuning::{Pace, Tiers, Tuning};
