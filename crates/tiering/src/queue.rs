//! The background: threads that optimize what is hot, hottest first.
//!
//! Jobs do not keep their module. The threads start with the first job and end when the queue's owner
//! is gone; none is waited for.

use crate::module_code::ModuleCode;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// How often what was learned goes to the cache, at the most, so that little is lost when the process is
/// killed.
const REMEMBER_EVERY: Duration = Duration::from_secs(2);

/// Code to make.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub module: Weak<ModuleCode>,
    pub func: u32,
    /// The loop it begins at, if not at the start of the function.
    pub header: Option<u32>,
}

/// The threads and what they have to do.
pub(crate) struct Queue {
    shared: Arc<Shared>,
    workers: usize,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    jobs: Vec<Job>,
    started: usize,
    busy: usize,
    closed: bool,
    last_remembered: Instant,
}

impl Queue {
    pub fn new(workers: usize) -> Queue {
        Queue {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    jobs: Vec::new(),
                    started: 0,
                    busy: 0,
                    closed: false,
                    last_remembered: Instant::now(),
                }),
                changed: Condvar::new(),
            }),
            workers,
        }
    }

    /// Whether there are threads, so that nobody waits for jobs.
    pub fn is_background(&self) -> bool {
        self.workers > 0
    }

    /// Has a job done, now if there are no threads. The caller must not hold a lock that jobs take.
    pub fn add(&self, job: Job) {
        if self.workers == 0 {
            return run(&job);
        }
        let mut state = self.shared.lock();
        state.jobs.push(job);
        if state.started < self.workers && state.busy == state.started {
            state.started += 1;
            let shared = self.shared.clone();
            let thread = thread::Builder::new().name("mainspring-optimizer".into());
            if thread.spawn(move || shared.work()).is_err() {
                // Without the thread, code stays as it is.
                state.started -= 1;
            }
        }
        drop(state);
        self.shared.changed.notify_one();
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if state.closed {
                return;
            }
            if state.jobs.is_empty() {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            // Looking at a job may drop its module, and that its engine's queue: not under the lock.
            let mut jobs = std::mem::take(&mut state.jobs);
            state.busy += 1;
            drop(state);
            let hottest = take_hottest(&mut jobs);
            self.put_back(jobs);
            if let Some(job) = &hottest {
                run(job);
            }
            state = self.lock();
            state.busy -= 1;
            if state.jobs.is_empty() && state.last_remembered.elapsed() > REMEMBER_EVERY {
                state.last_remembered = Instant::now();
                drop(state);
                if let Some(module) = hottest.and_then(|job| job.module.upgrade()) {
                    module.remember();
                }
                state = self.lock();
            }
        }
    }

    fn put_back(&self, mut jobs: Vec<Job>) {
        if !jobs.is_empty() {
            self.lock().jobs.append(&mut jobs);
            self.changed.notify_one();
        }
    }
}

/// What has become hot since it was queued goes first. Jobs of modules that are gone are dropped.
fn take_hottest(jobs: &mut Vec<Job>) -> Option<Job> {
    let mut hottest = None;
    let mut i = 0;
    while i < jobs.len() {
        let Some(module) = jobs[i].module.upgrade() else {
            jobs.swap_remove(i);
            continue;
        };
        let heat = module.heat(&jobs[i]);
        if hottest.is_none_or(|(_, most)| heat > most) {
            hottest = Some((i, heat));
        }
        i += 1;
    }
    hottest.map(|(i, _)| jobs.swap_remove(i))
}

fn run(job: &Job) {
    let Some(module) = job.module.upgrade() else {
        return;
    };
    if let Err(error) = module.optimize(job) {
        module.not_optimized(job, &format!("{error:#}"));
    }
}
