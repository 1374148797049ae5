//! The end of a program, which the first of its threads brings about that comes to one.

use crate::later;
use crate::report;
use crate::stats::{self, Phases};
use mainspring::{Engine, GcStatistics, Module, Unfinished};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What there is to do at the end of a program.
pub(super) struct Ending {
    engine: Engine,
    file: PathBuf,
    shows_statistics: bool,
    progress: Mutex<Progress>,
}

/// How far the program has come.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) phases: Phases,
    /// When it began to run, until it ends by itself.
    pub(super) began: Option<Instant>,
    /// The program, if what is left to optimize of it can be left to another process.
    pub(super) module: Option<Module>,
}

impl Ending {
    pub(super) fn new(engine: &Engine, file: PathBuf, shows_statistics: bool) -> Ending {
        Ending {
            engine: engine.clone(),
            file,
            shows_statistics,
            progress: Mutex::default(),
        }
    }

    /// Who asks while another thread ends the program waits for the end of the process.
    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program has run, with these collections of garbage.
    pub(super) fn has_run(&self, gc: GcStatistics) {
        let mut progress = self.progress();
        progress.phases.gc = gc;
        if let Some(began) = progress.began.take() {
            progress.phases.run = began.elapsed();
        }
    }

    /// Does all that is to be done before the process ends. Threads that come to an end later wait here for
    /// that, so only one says how the program ended.
    pub(super) fn settle(&self) {
        let progress = self.progress();
        self.engine.flush_cache();
        let module = progress.module.as_ref();
        let unfinished = module.map_or_else(Unfinished::default, Module::unfinished);
        later::finish(&self.file, &unfinished);
        if self.shows_statistics {
            let mut phases = progress.phases;
            if let Some(began) = progress.began {
                phases.run = began.elapsed();
            }
            report::plain(&stats::table(&self.engine.statistics(), phases));
        }
        std::mem::forget(progress);
    }
}
