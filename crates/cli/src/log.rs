//! What the engine says about its work, on standard error or in a file, where `MAINSPRING_LOG` asks for it.

use crate::options::Logging;
use crate::report;
use mainspring::{Result, format_err};
use std::fs::File;
use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::time::uptime;

const VARIABLE: &str = "MAINSPRING_LOG";

/// Starts listening, if that is asked for. Otherwise nothing listens, and events cost nothing.
pub(crate) fn start(logging: Logging) -> Result<()> {
    let filter = match std::env::var(VARIABLE) {
        Ok(filter) if !filter.is_empty() && logging.is_on => filter,
        _ => return Ok(()),
    };
    let parsed = EnvFilter::try_new(&filter).map_err(|error| {
        format_err!(
            "{VARIABLE}={filter}: {error}; \
             write a level (error, warn, info, debug, trace), or one for each target, as in mainspring_tiering=trace"
        )
    })?;
    let listener = tracing_subscriber::fmt()
        .with_env_filter(parsed)
        // What took time is said when it ends, with how long it took.
        .with_span_events(FmtSpan::CLOSE)
        .with_timer(uptime());
    if logging.to_file {
        let name = format!("mainspring.dbg.{}", std::process::id());
        let file = File::create(&name)
            .map_err(|error| format_err!("cannot write the log to `{name}`: {error}"))?;
        listener.with_ansi(false).with_writer(file).init();
    } else {
        let colour = stderr().is_terminal() && !report::no_colour();
        listener.with_ansi(colour).with_writer(stderr).init();
    }
    Ok(())
}
