//! The `mainspring` command. This file parses the command line, hands over to the one
//! file per subcommand, and turns the outcome into the exit status; nothing here knows
//! what a subcommand does.

mod cache;
mod compile;
mod completions;
mod engine;
mod explore;
mod inspect;
mod invoke;
mod later;
mod log;
mod options;
mod report;
mod run;
mod source;
mod stats;
mod text;
mod uncaught;
mod wast;

use crate::options::Logging;
use clap::{CommandFactory, Parser, Subcommand};
use mainspring::Result;
use std::ffi::OsString;
use std::process::ExitCode;

/// Run, compile, inspect and test WebAssembly programs
#[derive(Parser)]
#[command(name = "mainspring", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Compile(compile::Compile),
    Wast(wast::Wast),
    Inspect(inspect::Inspect),
    Explore(explore::Explore),
    Completions(completions::Completions),
}

impl Command {
    /// Whether and where the engine is to say what it does.
    fn logging(&self) -> Result<Logging> {
        Ok(match self {
            Command::Run(command) => command.engine.logging()?,
            Command::Compile(command) => command.engine.logging()?,
            Command::Wast(command) => command.engine.logging()?,
            Command::Explore(command) => command.options.settings()?.logging,
            Command::Inspect(_) | Command::Completions(_) => Logging::default(),
        })
    }
}

const AFTER_HELP: &str = "\
Examples:
  mainspring hello.wasm                      run a program (`run` may be left out)
  mainspring --dir . sort.wasm -- -n in.txt  let it see this directory, pass it arguments
  mainspring run --invoke add add.wat 2 3    call one exported function, print its results
  mainspring compile big.wasm -o big.cwasm   compile ahead of time
  mainspring inspect big.wasm                what it imports and exports, and what it needs
  mainspring explore --func main big.wasm    what a function becomes as machine code
  mainspring wast tests/*.wast               run specification test scripts

A program may also be WebAssembly text (.wat), and `-` reads it from standard input.

With MAINSPRING_LOG=debug (or trace) in the environment, the engine says on standard error
what it does. With WASMTIME_BACKTRACE_DETAILS=1, backtraces show the lines of the source, where the
program has debugging information (DWARF); images have it only if they were compiled with that, too.

Exit status:
  0    success
  N    the program ended itself with the status N; beyond 255, that is an error
  134  the program trapped; the backtrace is on standard error
  1    something else went wrong; a sentence on standard error says what
  2    the command line was not understood";

fn main() -> ExitCode {
    restore_sigpipe();
    let cli = match Cli::try_parse_from(with_implied_run(std::env::args_os().collect())) {
        Ok(cli) => cli,
        Err(error) => return report::usage(&error),
    };
    if let Err(error) = cli.command.logging().and_then(log::start) {
        return report::failure(&error);
    }
    let outcome = match cli.command {
        Command::Run(command) => command.execute(),
        Command::Compile(command) => command.execute(),
        Command::Wast(command) => command.execute(),
        Command::Inspect(command) => command.execute(),
        Command::Explore(command) => command.execute(),
        Command::Completions(command) => command.execute(),
    };
    outcome.unwrap_or_else(|error| report::failure(&error))
}

/// `mainspring prog.wasm` means `mainspring run prog.wasm`: a first argument that is
/// neither a command nor a question about the command line belongs to `run`.
fn with_implied_run(mut args: Vec<OsString>) -> Vec<OsString> {
    let Some(first) = args.get(1).map(|first| first.to_string_lossy()) else {
        return args;
    };
    let is_question = matches!(&*first, "help" | "-h" | "--help" | "-V" | "--version");
    let is_command = Cli::command()
        .get_subcommands()
        .any(|command| command.get_name() == first);
    if !is_question && !is_command {
        args.insert(1, "run".into());
    }
    args
}

/// Rust programs start with the signal for a broken pipe ignored. Programs in a shell
/// pipeline are expected to end quietly by it, and so are the guests that run here: most
/// of them would take the failed write for a reason to complain, or not notice at all.
fn restore_sigpipe() {
    // SAFETY: no other thread exists yet, and the default action runs no code of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}
