//! Runs a script for no longer than it may take.

use crate::WastRunner;
use crate::outcome::Wrong;
use crate::report::Report;
use crate::script::{Done, Event, STACK};
use mainspring::Result;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Runs a script on a thread, and writes down what comes of it until the time is over.
pub(crate) fn run(
    runner: &WastRunner,
    name: &str,
    text: &str,
    limit: Duration,
    report: &mut Report,
) -> Result<()> {
    let (sender, events) = mpsc::channel();
    let (runner, name, text) = (runner.clone(), name.to_string(), text.to_string());
    let work = move || {
        runner.run(&name, &text, &mut |event| {
            // Nobody listens any longer if the time is over.
            let _ = sender.send(event);
        })
    };
    let script = thread::Builder::new().stack_size(STACK).spawn(work)?;
    // Where it is, until it tells something else.
    let (mut at, mut directive) = (0, "script");
    let end = Instant::now() + limit;
    loop {
        match events.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(Event::Begins {
                at: place,
                directive: keyword,
            }) => (at, directive) = (place, keyword),
            Ok(Event::Done(done)) => report.record(done),
            Err(RecvTimeoutError::Timeout) => {
                let message = format!(
                    "the script did not end within {limit:?}; nothing from here on was judged"
                );
                report.record(Done {
                    at,
                    directive,
                    outcome: Err(Wrong::Says(message)),
                });
                return Ok(());
            }
            Err(RecvTimeoutError::Disconnected) => {
                return script
                    .join()
                    .unwrap_or_else(|payload| std::panic::resume_unwind(payload));
            }
        }
    }
}
