//! WASI preview 1 for Mainspring, preview 0 before it, and wasi-threads.
//!
//! A guest gets what its [`WasiCtxBuilder`] grants and nothing else: arguments,
//! environment, standard streams, directories that were opened for it and
//! sockets that were opened for it. Paths are resolved beneath those
//! directories by `cap-std`.
//!
//! ```no_run
//! use mainspring::{Engine, Linker, Module, Result, Store};
//! use mainspring_wasi::p1::{self, WasiP1Ctx};
//! use mainspring_wasi::{FsPerms, I32Exit, WasiCtxBuilder};
//!
//! fn main() -> Result<()> {
//!     let engine = Engine::default();
//!     let module = Module::from_file(&engine, "program.wasm")?;
//!     let mut linker: Linker<WasiP1Ctx> = Linker::new(&engine);
//!     p1::add_to_linker_sync(&mut linker, |ctx| ctx)?;
//!
//!     let wasi = WasiCtxBuilder::new()
//!         .inherit_stdio()
//!         .args(&["program", "--help"])
//!         .preopened_dir("data", "/data", FsPerms::ReadOnly)?
//!         .build_p1();
//!     let mut store = Store::new(&engine, wasi);
//!     let instance = linker.instantiate(&mut store, &module)?;
//!     let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
//!     if let Err(error) = start.call(&mut store, ()) {
//!         match error.downcast_ref::<I32Exit>() {
//!             Some(exit) => std::process::exit(exit.0),
//!             None => return Err(error),
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Layout: `host/` does the work and knows nothing of WebAssembly or of preview
//! 1's encoding; `p1/` is the encoding and knows the system only through
//! `host/`. `threads` makes instances and knows of neither. Nothing here is `unsafe`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod builder;
mod exit;
mod host;
pub mod p0;
pub mod p1;
pub mod threads;

pub use builder::{WasiCtx, WasiCtxBuilder};
pub use exit::I32Exit;
pub use host::clocks::{HostMonotonicClock, HostWallClock};
pub use host::permissions::FsPerms;
pub use host::random::Deterministic;
pub use rand_core::Rng;

/// The standard streams of a guest.
pub mod cli {
    pub use crate::host::streams::{StdinStream, StdoutStream};
}

/// Clocks: the host's, and what others have to do.
pub mod clocks {
    pub use crate::host::clocks::{
        HostMonotonicClock, HostWallClock, MonotonicClock, WallClock, monotonic_clock, wall_clock,
    };
}

/// Random numbers.
pub mod random {
    pub use crate::host::random::Deterministic;
}

/// What an embedder is asked about addresses.
pub mod sockets {
    pub use crate::host::sockets::SocketAddrUse;
}

/// Of preview 2 there is only what serves other versions as well.
pub mod p2 {
    /// Streams that live in the memory of the embedder.
    pub mod pipe {
        pub use crate::host::pipe::{MemoryInputPipe, MemoryOutputPipe};
    }
}
