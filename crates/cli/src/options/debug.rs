//! `-D`: what there is to find faults with.

use super::Effect::{self, NotYet, Number, Only, Refused, Switch};
use super::{Row, SWITCH, TEXT, row};
use mainspring::Config;
use std::num::NonZeroUsize;

const DEBUGGER: &str = "there is no debugger of programs";

pub(super) const ROWS: &[Row] = &[
    row(
        "logging",
        Switch(|s, on| s.logging.is_on = on),
        "Whether the engine says what it does, where MAINSPRING_LOG asks for it; on by default",
    ),
    row(
        "log-to-files",
        Switch(|s, on| s.logging.to_file = on),
        "It does so in a file, mainspring.dbg.PID, instead of on standard error",
    ),
    row(
        "address-map",
        Effect::Config(Config::generate_address_map),
        "Whether code says which instruction it is from, as backtraces do; without, images are smaller. On by default",
    ),
    row(
        "max-backtrace",
        Number(|s, n| {
            s.config
                .wasm_backtrace_max_frames(NonZeroUsize::new(n as usize));
        }),
        "How many calls a backtrace shows; 20 by default, and with 0 there are none",
    ),
    row(
        "debug-info",
        Only(false),
        "there is no debugging information of compiled code; `--profile` names functions for `perf`",
    ),
    row("guest-debug", Only(false), DEBUGGER),
    row(
        "symbols",
        Only(false),
        "an image is no object file and has no symbols; `--profile` names its functions",
    ),
    row("coredump", NotYet(TEXT), "no core dumps are written"),
    row("debugger", Refused(TEXT), DEBUGGER),
    row("arg", Refused(TEXT), DEBUGGER),
    row("inherit-stdin", Refused(SWITCH), DEBUGGER),
    row("inherit-stdout", Refused(SWITCH), DEBUGGER),
    row("inherit-stderr", Refused(SWITCH), DEBUGGER),
];
