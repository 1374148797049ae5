//! All numbers that tiering goes by. None of them can change a result.

use std::cell::Cell;
use std::thread::available_parallelism;
use std::time::Duration;

/// Calls of a function before it is optimized. What runs less often would not make up for the time that takes.
const ENTRIES: i32 = 6_000;
/// Iterations of a loop before it is optimized.
const ITERATIONS: i32 = 60_000;
/// The body that these are meant for, in bytes, and smaller ones. Larger ones take so much longer, and tens of megabytes, while an iteration
/// need not run more of them.
const USUAL_BODY: u32 = 8 << 10;
/// How much more is asked of the largest.
const MOST_WEIGHT: i32 = 1 << 10;
/// Iterations of a loop between two looks whether its optimized code is there.
const ITERATIONS_BETWEEN_LOOKS: i32 = 2_000;
/// How often that doubles.
const MOST_DOUBLED_LOOKS: u32 = 6;
/// How often the iterations before a loop is optimized double.
const MOST_DOUBLED_ITERATIONS: u32 = 20;
/// How long a loop waits for the one around it to come around, where better code can begin. Baseline code is not so much
/// slower that this matters, and what loops longer makes little of what happens in between.
const PATIENCE: Duration = Duration::from_millis(10);
/// What part of a counter has to be used up for that to be written to the cache where nothing else is new: with less in each
/// run, a function would be optimized after more runs than most programs see.
const PART_WORTH_REMEMBERING: i32 = 8;
/// What a counter is set to that is not to run out anymore.
pub(crate) const NEVER: i32 = i32::MAX;
/// Threads that optimize in the background, at most.
const MOST_WORKERS: usize = 8;

/// Which tiers make the code of functions that are compiled when they are called first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tiers {
    /// The baseline tier first, then the optimizing tier for what runs often.
    Tiered,
    /// The baseline tier only.
    Baseline,
    /// The optimizing tier only.
    Optimizing,
}

/// When functions and loops move to the optimizing tier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// As serves programs best.
    Usual,
    /// Functions at random, after few calls.
    StressTierUp,
    /// Loops at random, after few iterations, most at once.
    StressLoops,
}

/// How an engine's functions move between tiers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tuning {
    /// Which tiers there are.
    pub tiers: Tiers,
    /// When functions move.
    pub pace: Pace,
    /// Threads that optimize in the background. Without any, the thread that finds a function hot
    /// optimizes it there and then.
    pub workers: usize,
}

impl Tuning {
    /// What serves programs best.
    pub fn usual(tiers: Tiers) -> Tuning {
        let cores = available_parallelism().map_or(1, |cores| cores.get());
        Tuning {
            tiers,
            pace: Pace::Usual,
            workers: cores.saturating_sub(1).clamp(1, MOST_WORKERS),
        }
    }

    /// Makes functions and loops move as soon and as randomly as possible, for tests.
    pub fn stress(tiers: Tiers, pace: Pace) -> Tuning {
        Tuning {
            tiers,
            pace,
            workers: 0,
        }
    }

    /// How much more often than usual code has to run to be worth optimizing, of a body with so many bytes.
    pub(crate) fn weight(body: u32) -> i32 {
        let weight = i32::try_from(body / USUAL_BODY).unwrap_or(MOST_WEIGHT);
        weight.clamp(1, MOST_WEIGHT)
    }

    /// What an entry counter starts with.
    pub(crate) fn entries(&self, weight: i32) -> i32 {
        match self.pace {
            Pace::Usual => ENTRIES * weight,
            Pace::StressTierUp => random(6),
            Pace::StressLoops => NEVER,
        }
    }

    /// What a loop's counter starts with.
    pub(crate) fn iterations(&self, weight: i32) -> i32 {
        match self.pace {
            Pace::Usual => ITERATIONS * weight,
            Pace::StressTierUp => NEVER,
            Pace::StressLoops => random(3),
        }
    }

    /// How much of what an entry counter starts with is worth remembering for itself.
    pub(crate) fn entries_worth_remembering(&self, weight: i32) -> i32 {
        match self.pace {
            Pace::Usual => ENTRIES * weight / PART_WORTH_REMEMBERING,
            Pace::StressTierUp | Pace::StressLoops => NEVER,
        }
    }

    /// How much of what a loop's counter starts with is.
    pub(crate) fn iterations_worth_remembering(&self, weight: i32) -> i32 {
        match self.pace {
            Pace::Usual => ITERATIONS * weight / PART_WORTH_REMEMBERING,
            Pace::StressTierUp | Pace::StressLoops => NEVER,
        }
    }

    /// What a loop's counter is set to while its optimized code is being made, when somebody has looked so often: less
    /// and less often, since whoever makes the code sets the counter too.
    pub(crate) fn iterations_between_looks(&self, looks: u32) -> i32 {
        match self.pace {
            Pace::Usual => ITERATIONS_BETWEEN_LOOKS << looks.min(MOST_DOUBLED_LOOKS),
            Pace::StressTierUp | Pace::StressLoops => 0,
        }
    }

    /// Iterations of a loop before it is optimized in a function where code for that many was made in vain.
    pub(crate) fn iterations_after(&self, disappointments: u32, weight: i32) -> u64 {
        match self.pace {
            Pace::Usual if disappointments > 0 => {
                u64::from((ITERATIONS * weight).unsigned_abs())
                    << disappointments.min(MOST_DOUBLED_ITERATIONS)
            }
            Pace::Usual | Pace::StressTierUp | Pace::StressLoops => 0,
        }
    }

    /// How long a loop waits for the one around it.
    pub(crate) fn patience(&self) -> Duration {
        match self.pace {
            Pace::Usual => PATIENCE,
            Pace::StressTierUp | Pace::StressLoops => Duration::ZERO,
        }
    }
}

/// A number below `end`. Nothing depends on how random it is.
fn random(end: i32) -> i32 {
    thread_local! {
        static STATE: Cell<u32> = const { Cell::new(0x9e37_79b9) };
    }
    // Xorshift (Marsaglia, 2003).
    let mut x = STATE.get();
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    STATE.set(x);
    (x % end as u32) as i32
}
