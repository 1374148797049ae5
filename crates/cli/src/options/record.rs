//! `-R`: recording of runs.

use super::Effect::Refused;
use super::{NUMBER, Row, SWITCH, TEXT, row};

const NONE: &str = "runs are not recorded";

pub(super) const ROWS: &[Row] = &[
    row("path", Refused(TEXT), NONE),
    row("validation-metadata", Refused(SWITCH), NONE),
    row("event-window-size", Refused(NUMBER), NONE),
];
