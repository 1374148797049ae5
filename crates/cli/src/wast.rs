//! `mainspring wast`: runs specification test scripts.

use crate::engine::{CollectorOptions, EngineOptions};
use clap::Args;
use mainspring::{Engine, Result};
use mainspring_wast::WastRunner;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Run specification test scripts (.wast)
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Wast {
    /// The scripts
    #[arg(value_name = "FILES", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    engine: EngineOptions,

    #[command(flatten)]
    collector: CollectorOptions,
}

const AFTER_HELP: &str = "\
Prints one line per script, and every directive that did not hold as file:line:column with
what was expected and what came. The exit status is 1 when there was any. Where a module
is to be refused, and was, but for what the engine lacks, there is no telling whether the
directive holds: it is listed as not judged, and is neither passed nor failed.";

impl Wast {
    pub(crate) fn execute(self) -> Result<ExitCode> {
        let mut config = self.engine.config();
        self.collector.apply(&mut config);
        let runner = WastRunner::new(&Engine::new(&config)?).echo(true);
        let mut all_held = true;
        for file in &self.files {
            let report = match runner.run_file(file) {
                Ok(report) => report,
                Err(error) => {
                    crate::report::failure(&error);
                    all_held = false;
                    continue;
                }
            };
            all_held &= report.is_success();
            let mut stdout = std::io::stdout().lock();
            for failure in &report.failures {
                writeln!(stdout, "{failure}")?;
            }
            for unjudged in &report.unjudged {
                writeln!(stdout, "not judged: {unjudged}")?;
            }
            writeln!(
                stdout,
                "{}: {} of {} directives passed",
                report.name,
                report.passed,
                report.directives()
            )?;
        }
        Ok(if all_held {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
