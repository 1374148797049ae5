//! Clocks. The monotonic clock of a guest starts at zero, so that it does not
//! tell how long the machine has been up, nor relate guests to one another.

use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

/// The clocks that WASI knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    Realtime,
    Monotonic,
    ProcessCpuTime,
    ThreadCpuTime,
}

impl Clock {
    fn id(self) -> ClockId {
        match self {
            Clock::Realtime => ClockId::Realtime,
            Clock::Monotonic => ClockId::Monotonic,
            Clock::ProcessCpuTime => ClockId::ProcessCPUTime,
            Clock::ThreadCpuTime => ClockId::ThreadCPUTime,
        }
    }

    /// The shortest step of the clock in nanoseconds.
    pub fn resolution(self) -> u64 {
        nanoseconds(clock_getres(self.id()))
    }
}

/// The clocks as one guest sees them.
pub(crate) struct Clocks {
    monotonic_start: u64,
}

impl Clocks {
    pub fn new() -> Clocks {
        Clocks {
            monotonic_start: host_monotonic(),
        }
    }

    /// The time of a clock in nanoseconds.
    pub fn now(&self, clock: Clock) -> u64 {
        let now = nanoseconds(clock_gettime(clock.id()));
        match clock {
            Clock::Monotonic => now.saturating_sub(self.monotonic_start),
            _ => now,
        }
    }
}

fn host_monotonic() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// A time before 1970 reads as 1970: WASI's times are unsigned.
fn nanoseconds(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_starts_at_zero_and_advances() {
        let clocks = Clocks::new();
        let first = clocks.now(Clock::Monotonic);
        let second = clocks.now(Clock::Monotonic);
        assert!(first < 60_000_000_000, "{first}");
        assert!(second >= first);
    }

    #[test]
    fn times_before_1970_read_as_1970() {
        let time = Timespec {
            tv_sec: -5,
            tv_nsec: 7,
        };
        assert_eq!(nanoseconds(time), 7);
    }
}
