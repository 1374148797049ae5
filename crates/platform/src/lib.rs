//! All of Mainspring that knows the operating system and the processor: address space, memory
//! files, signals, CPU features.
//!
//! What a platform must supply, each in the module of that name:
//! - `pages`: reserve address space, commit and decommit pages of it, map a memory file twice (once
//!   writable, once executable), map files read-only, private or executable;
//! - `memory_file`: files that exist only in memory, and give pages back;
//! - `fault`: call a handler for processor faults (bad address, illegal instruction, division),
//!   with the registers, and resume where it says; pass on what it doesn't want;
//! - `files`: directories and files that no other user can have written, renaming over, locks;
//! - `lease`: to be asked before someone writes to a file, where there is such a thing;
//! - `cpu`: the processor features that generated code may use;
//! - `perf`: files that tell the system's profiler about generated code.
//!
//! Nothing here knows WebAssembly.

#![warn(missing_docs)]

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!(
    "Mainspring runs on Linux on x86-64; another target needs `pages` (reserve, commit, decommit, map twice), \
     `fault` (fault handler with registers, resume elsewhere), `files` (owners and rights), `lease` (or none at all), `memory_file` (memory with a \
     descriptor), `cpu` (feature detection) and `perf` (profilers) in crates/platform, and an emitter and entry trampolines for its processor"
);

pub mod cpu;
pub mod fault;
pub mod files;
pub mod lease;
pub mod memory_file;
pub mod pages;
pub mod perf;
