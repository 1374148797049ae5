//! Clocks. The monotonic clock of a guest starts at zero, so that it does not
//! tell how long the machine has been up, nor relate guests to one another.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

/// A clock that tells what time it is, for guests to be given instead of the host's.
pub trait HostWallClock: Send {
    /// The shortest step of the clock.
    fn resolution(&self) -> Duration;

    /// The time since 1970.
    fn now(&self) -> Duration;
}

/// A clock that only goes forward, for guests to be given instead of the host's.
pub trait HostMonotonicClock: Send {
    /// The shortest step of the clock in nanoseconds.
    fn resolution(&self) -> u64;

    /// The time since some beginning in nanoseconds; never less than before.
    fn now(&self) -> u64;
}

/// The host's own clock of the time of day.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock;

impl WallClock {
    /// The host's clock.
    pub fn new() -> WallClock {
        WallClock
    }
}

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        duration(clock_getres(ClockId::Realtime))
    }

    fn now(&self) -> Duration {
        duration(clock_gettime(ClockId::Realtime))
    }
}

/// The host's own monotonic clock, which begins at zero when this is made.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicClock {
    start: u64,
}

impl MonotonicClock {
    /// A clock that is at zero now.
    pub fn new() -> MonotonicClock {
        MonotonicClock {
            start: nanoseconds(duration(clock_gettime(ClockId::Monotonic))),
        }
    }
}

impl Default for MonotonicClock {
    fn default() -> MonotonicClock {
        MonotonicClock::new()
    }
}

impl HostMonotonicClock for MonotonicClock {
    fn resolution(&self) -> u64 {
        nanoseconds(duration(clock_getres(ClockId::Monotonic)))
    }

    fn now(&self) -> u64 {
        nanoseconds(duration(clock_gettime(ClockId::Monotonic))).saturating_sub(self.start)
    }
}

/// The clock of the time of day that guests get unless told otherwise.
pub fn wall_clock() -> Box<dyn HostWallClock + Send> {
    Box::new(WallClock::new())
}

/// The monotonic clock that guests get unless told otherwise.
pub fn monotonic_clock() -> Box<dyn HostMonotonicClock + Send> {
    Box::new(MonotonicClock::new())
}

/// The clocks that WASI knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    Realtime,
    Monotonic,
    ProcessCpuTime,
    ThreadCpuTime,
}

/// The clocks as one guest sees them.
pub(crate) struct Clocks {
    wall: Source<WallClock, dyn HostWallClock + Send>,
    monotonic: Source<MonotonicClock, dyn HostMonotonicClock + Send>,
}

/// Whose a clock is. The threads of a guest take turns to read those of the embedder.
enum Source<Own, Other: ?Sized> {
    Host(Own),
    Embedder(Mutex<Box<Other>>),
}

impl Clocks {
    /// The host's.
    pub fn new() -> Clocks {
        Clocks {
            wall: Source::Host(WallClock::new()),
            monotonic: Source::Host(MonotonicClock::new()),
        }
    }

    pub fn set_wall(&mut self, clock: Box<dyn HostWallClock + Send>) {
        self.wall = Source::Embedder(Mutex::new(clock));
    }

    pub fn set_monotonic(&mut self, clock: Box<dyn HostMonotonicClock + Send>) {
        self.monotonic = Source::Embedder(Mutex::new(clock));
    }

    /// The shortest step of a clock in nanoseconds.
    pub fn resolution(&self, clock: Clock) -> u64 {
        match clock {
            Clock::Realtime => nanoseconds(
                self.wall
                    .ask(|clock| clock.resolution(), |clock| clock.resolution()),
            ),
            Clock::Monotonic => self
                .monotonic
                .ask(|clock| clock.resolution(), |clock| clock.resolution()),
            Clock::ProcessCpuTime => nanoseconds(duration(clock_getres(ClockId::ProcessCPUTime))),
            Clock::ThreadCpuTime => nanoseconds(duration(clock_getres(ClockId::ThreadCPUTime))),
        }
    }

    /// The time of a clock in nanoseconds.
    pub fn now(&self, clock: Clock) -> u64 {
        match clock {
            Clock::Realtime => nanoseconds(self.wall.ask(|clock| clock.now(), |clock| clock.now())),
            Clock::Monotonic => self.monotonic.ask(|clock| clock.now(), |clock| clock.now()),
            Clock::ProcessCpuTime => nanoseconds(duration(clock_gettime(ClockId::ProcessCPUTime))),
            Clock::ThreadCpuTime => nanoseconds(duration(clock_gettime(ClockId::ThreadCPUTime))),
        }
    }
}

impl<Own, Other: ?Sized> Source<Own, Other> {
    /// Asks the one that it is.
    fn ask<R>(&self, own: impl FnOnce(&Own) -> R, other: impl FnOnce(&Other) -> R) -> R {
        match self {
            Source::Host(clock) => own(clock),
            // A clock that panicked once is asked again.
            Source::Embedder(clock) => {
                other(&**clock.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }
}

/// A time before 1970 is taken for 1970: WASI's times are unsigned.
fn duration(time: Timespec) -> Duration {
    match u64::try_from(time.tv_sec) {
        Ok(seconds) => Duration::new(seconds, time.tv_nsec as u32),
        Err(_) => Duration::ZERO,
    }
}

/// WASI's times end in the year 2554.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_starts_at_zero_and_advances() {
        let clock = MonotonicClock::new();
        let first = clock.now();
        let second = clock.now();
        assert!(first < 60_000_000_000, "{first}");
        assert!(second >= first);
    }

    #[test]
    fn times_before_1970_read_as_1970() {
        let time = Timespec {
            tv_sec: -5,
            tv_nsec: 7,
        };
        assert_eq!(duration(time), Duration::ZERO);
        assert_eq!(nanoseconds(Duration::MAX), u64::MAX);
    }
}
