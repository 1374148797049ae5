//! The options that decide how code is compiled and run, shared by every command that
//! makes an engine, so that an image compiled by one loads in another.

use clap::Args;
use mainspring::{Config, Engine, Result};

/// Options of the engine.
#[derive(Args)]
pub(crate) struct EngineOptions {}

impl EngineOptions {
    pub(crate) fn engine(&self) -> Result<Engine> {
        Engine::new(&Config::new())
    }
}
