//! The project's chores as a library, so that tests call the very code that the commands
//! run. `tidy` reads the tree and changes nothing; `bench` writes only under `target/bench`.

pub mod bench;
pub mod tidy;

use std::path::PathBuf;

/// The root of the repository: the folder that holds `xtask/`.
pub fn root() -> PathBuf {
    // Cargo says where the tree is now; it may lie elsewhere than when this was compiled.
    let now = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let xtask = now.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = xtask.parent();
    root.expect("xtask lies in the repository's root")
        .to_path_buf()
}
