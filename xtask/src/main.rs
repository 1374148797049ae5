//! `cargo xtask CHORE`: the project's only scripts. This file parses the command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{bench, tidy};

/// Project chores: checks of the tree, benchmarks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Check the rules that the compiler does not know: crate edges, file length, reasons for
    /// `unsafe`, paths named in the documents. `cargo test` runs the same checks.
    Tidy,
    /// Time the programs of `benches/programs` on Mainspring, wasmtime and the bare machine.
    Bench(Box<bench::Options>),
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Tidy => tidy::command(),
        Chore::Bench(options) => bench::command(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
