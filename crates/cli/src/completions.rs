//! `mainspring completions`: what a shell needs to complete our command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use mainspring::Result;
use std::io::Write;
use std::process::ExitCode;

/// Print a script that completes mainspring's command line in a shell
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

const AFTER_HELP: &str = "\
Examples:
  mainspring completions bash > ~/.local/share/bash-completion/completions/mainspring
  mainspring completions fish > ~/.config/fish/completions/mainspring.fish
  mainspring completions zsh > ~/.zfunc/_mainspring";

impl Completions {
    pub(crate) fn execute(self) -> Result<ExitCode> {
        // By way of a buffer, because the generator panics when it can't write.
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut crate::Cli::command(),
            "mainspring",
            &mut script,
        );
        std::io::stdout().write_all(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
