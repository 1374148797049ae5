//! WASI previews 1 and 0 as a guest meets it. Every test runs a guest in WebAssembly
//! that calls the functions with numbers of the test's choice (`guest.rs`) and
//! looks at what comes back: error numbers, and bytes in the guest's memory.

mod basics;
mod directories;
mod endings;
mod files;
mod guest;
mod polling;
mod programs;
mod sandbox;
mod settings;
mod sockets;
mod streams;
mod threads;
mod unstable;
