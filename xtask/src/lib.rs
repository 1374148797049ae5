//! The project's chores as a library, so that tests call the very code that the commands
//! run. `tidy` reads the tree and changes nothing; `bench` writes only under `target/bench`.

pub mod bench;
pub mod tidy;

use std::path::{Path, PathBuf};

/// The root of the repository: the folder that holds `xtask/`.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the repository's root")
        .to_path_buf()
}
