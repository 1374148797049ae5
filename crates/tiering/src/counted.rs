//! What is known about a function that has baseline code which counts.

use crate::tuning::{NEVER, Tuning};
use mainspring_abi::{CounterKind, TierUp};
use std::ffi::c_void;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// A function with baseline code that counts.
pub(crate) struct Counted {
    /// What its counters are and where its frames keep values.
    pub tier_up: Box<TierUp>,
    /// Its counters, in the code table's data pages.
    cells: *const AtomicI32,
    /// How much more often than others it has to run before it is optimized.
    weight: i32,
    /// Optimized code from the start.
    start: Better,
    /// Optimized code from the header of each loop.
    loops: Vec<Better>,
    /// The loop that code was asked for last.
    wanted_loop: Option<u32>,
    /// The loop whose counter ran out last, and then.
    hot_loop: u32,
    hot_when_wanted: u32,
    /// How many loops farther on the function was when code from one was there.
    passed: u32,
    /// What each loop had counted when somebody looked.
    looks: Vec<Looks>,
    /// Code from headers of loops that was made since such code was last gone on in.
    disappointments: u32,
    /// When each loop was reached, as far as loops in it noticed.
    reached: Vec<Option<Reached>>,
    /// What counters had counted when they were set anew.
    heat: u64,
    entries_before: u32,
    first_entries: i32,
}

// SAFETY: the cells are atomics that live as long as the table, which owns this.
unsafe impl Send for Counted {}

/// How many loops around a hot one are looked at,
const FARTHEST_OUT: usize = 10;
/// and how many behind it.
const FARTHEST_ON: usize = 1000;

/// How often a loop's counter ran out.
#[derive(Clone, Copy, Default)]
struct Looks {
    count: u32,
    /// Iterations of the loop meanwhile.
    iterations: u64,
}

/// When a loop was seen to come around.
#[derive(Clone, Copy)]
struct Reached {
    /// How its counter stood.
    count: i32,
    last: Instant,
    /// Whether it came around since somebody looked first.
    again: bool,
}

/// How far better code is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Better {
    /// Nobody asked for it.
    No,
    /// It is being made, or waits for that.
    Queued,
    /// It is there.
    Ready(*const c_void),
    /// It can't be made.
    Failed,
}

impl Counted {
    /// Sets the counters to their first values.
    ///
    /// # Safety
    /// There must be as many cells as counters, which live as long as this and are only accessed as atomics and by generated code.
    pub unsafe fn new(tier_up: Box<TierUp>, cells: *const AtomicI32, tuning: &Tuning) -> Counted {
        let mut counted = Counted::of(tier_up, cells);
        counted.first_entries = tuning.entries(counted.weight);
        for (i, counter) in counted.tier_up.counters.iter().enumerate() {
            let first = match counter.kind {
                CounterKind::Entry => counted.first_entries,
                CounterKind::Loop => tuning.iterations(counted.weight),
                CounterKind::Call => 0,
            };
            counted.cell(i).store(first, Ordering::Relaxed);
        }
        counted
    }

    fn of(tier_up: Box<TierUp>, cells: *const AtomicI32) -> Counted {
        let counters = &tier_up.counters;
        debug_assert!(counters.is_sorted_by_key(|counter| counter.wasm));
        let (first, last) = (counters.first(), counters.last());
        // About the body's.
        let bytes =
            (first.zip(last)).map_or(0, |(first, last)| last.wasm.saturating_sub(first.wasm));
        let loops = vec![Better::No; tier_up.loops.len()];
        let looks = vec![Looks::default(); tier_up.loops.len()];
        let reached = vec![None; tier_up.loops.len()];
        Counted {
            tier_up,
            cells,
            weight: Tuning::weight(bytes),
            start: Better::No,
            loops,
            wanted_loop: None,
            hot_loop: 0,
            hot_when_wanted: 0,
            passed: 0,
            looks,
            disappointments: 0,
            reached,
            heat: 0,
            entries_before: 0,
            first_entries: NEVER,
        }
    }

    /// As it was when it was remembered. The counters are set already.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn restored(
        tier_up: Box<TierUp>,
        cells: *const AtomicI32,
        entries: u32,
        first_entries: i32,
        better: impl Fn(Option<u32>) -> Better,
    ) -> Counted {
        let headers = 0..tier_up.loops.len() as u32;
        let loops = headers.map(|header| better(Some(header))).collect();
        Counted {
            start: better(None),
            loops,
            heat: u64::from(entries),
            entries_before: entries,
            first_entries,
            ..Counted::of(tier_up, cells)
        }
    }

    /// What the counters are to begin with next time.
    pub fn remembered_counters(&self) -> impl Iterator<Item = i32> + '_ {
        let state = |better: Better, now: i32| match better {
            Better::No => now.max(0),
            Better::Queued => 0,
            // Without it, another attempt would fail just so.
            Better::Failed => NEVER,
            Better::Ready(_) => 0,
        };
        let mut loops = self.loops.iter();
        let counters = self.tier_up.counters.iter().enumerate();
        counters.map(move |(i, counter)| {
            let now = self.cell(i).load(Ordering::Relaxed);
            match counter.kind {
                CounterKind::Entry => state(self.start, now),
                // Both are in the order of the code.
                CounterKind::Loop => state(*loops.next().unwrap_or(&Better::Failed), now),
                CounterKind::Call => now,
            }
        })
    }

    /// Whether a counter that is to run out has used up a good part of what it starts with, given what each was before.
    pub fn counted_much(&self, before: impl Fn(usize) -> Option<i32>, tuning: &Tuning) -> bool {
        let mut loops = self.loops.iter();
        let mut counters = self.tier_up.counters.iter().enumerate();
        counters.any(|(i, counter)| {
            let (better, much) = match counter.kind {
                CounterKind::Entry => (
                    Some(&self.start),
                    tuning.entries_worth_remembering(self.weight),
                ),
                CounterKind::Loop => (
                    loops.next(),
                    tuning.iterations_worth_remembering(self.weight),
                ),
                CounterKind::Call => return false,
            };
            let before = before(i).filter(|_| better == Some(&Better::No));
            before.is_some_and(|before| {
                let now = self.cell(i).load(Ordering::Relaxed).max(0);
                before < NEVER / 2 && before.saturating_sub(now) >= much
            })
        })
    }

    /// Where its first counter is.
    pub fn cells(&self) -> *const AtomicI32 {
        self.cells
    }

    fn cell(&self, i: usize) -> &AtomicI32 {
        assert!(i < self.tier_up.counters.len());
        // SAFETY: `new`'s contract.
        unsafe { &*self.cells.add(i) }
    }

    /// Has the entry counter never run out again.
    pub fn stop_counting_entries(&mut self) {
        let used = self.entries();
        self.entries_before = used;
        self.first_entries = NEVER;
        self.heat += u64::from(used);
        self.cell(0).store(NEVER, Ordering::Relaxed);
    }

    /// How far optimized code is: from the start, or from a loop.
    pub fn better(&mut self, header: Option<u32>) -> &mut Better {
        match header {
            None => &mut self.start,
            Some(header) => &mut self.loops[header as usize],
        }
    }

    /// Notes that the function can't be optimized. What holds it up, its size, does so from wherever the code
    /// begins, and finding that out again for each of many loops would keep a thread busy for minutes.
    pub fn give_up(&mut self) {
        for better in self.loops.iter_mut().chain([&mut self.start]) {
            if matches!(better, Better::No | Better::Queued) {
                *better = Better::Failed;
            }
        }
    }

    /// Whether it has a loop, or none is meant.
    pub fn has_loop(&self, header: Option<u32>) -> bool {
        header.is_none_or(|header| (header as usize) < self.loops.len())
    }

    /// Where optimized code is to begin that is wanted and not there.
    pub fn wanted(&self) -> impl Iterator<Item = Option<u32>> + '_ {
        let loops = self.loops.iter().enumerate();
        let loops = loops.map(|(header, better)| (Some(header as u32), better));
        let all = std::iter::once((None, &self.start)).chain(loops);
        all.filter_map(|(header, better)| (*better == Better::Queued).then_some(header))
    }

    /// Notes that optimized code is wanted; true if nobody wanted it before.
    pub fn want(&mut self, header: Option<u32>) -> bool {
        let better = self.better(header);
        let first = *better == Better::No;
        if first {
            *better = Better::Queued;
        }
        first
    }

    /// A loop's counter ran out: has it count on.
    pub fn look(&mut self, header: u32, tuning: &Tuning) {
        let looks = &mut self.looks[header as usize];
        let counted = match looks.count {
            0 => tuning.iterations(self.weight),
            before => tuning.iterations_between_looks(before - 1),
        };
        looks.iterations += u64::from(counted.unsigned_abs());
        let pause = tuning.iterations_between_looks(looks.count);
        looks.count += 1;
        self.hot_loop = header;
        self.set_loop(header, pause);
    }

    /// Notes that optimized code from a loop's header is wanted for one that is hot, which it may be itself. Returns where
    /// it is to begin, if nobody wanted it before. Such code takes as long to make as the whole function. Where loops end before it is there, there
    /// would be no end of it: one is made after the other, each after the loop has run longer.
    pub fn want_loop(&mut self, begin_at: u32, hot: u32, tuning: &Tuning) -> Option<u32> {
        let waits = |wanted: u32| self.loops[wanted as usize] == Better::Queued;
        let iterations = self.looks[hot as usize].iterations;
        if self.wanted_loop.is_some_and(waits)
            || iterations < tuning.iterations_after(self.disappointments, self.weight)
        {
            return None;
        }
        let begin_at = self.meet(begin_at);
        self.wanted_loop = Some(begin_at);
        self.hot_when_wanted = hot;
        self.want(Some(begin_at)).then_some(begin_at)
    }

    /// The loop that the function will be at when code that is made for it is there, going by how far it came
    /// meanwhile last time, if that was in vain. A function with many loops, one after the other, is met in this way.
    fn meet(&self, begin_at: u32) -> u32 {
        if self.disappointments == 0 {
            return begin_at;
        }
        let loops = &self.tier_up.loops;
        let depth = loops[begin_at as usize].depth;
        let first = begin_at as usize + 1 + 2 * self.passed as usize;
        let mut later = (first..loops.len()).take(FARTHEST_ON);
        // One inside another would be passed as often as that comes around.
        let met = later.find(|&at| loops[at].depth <= depth);
        met.map_or(begin_at, |at| at as u32)
    }

    /// Optimized code from a loop's header is there: whoever comes by moves.
    pub fn loop_is_ready(&mut self, header: u32) {
        self.disappointments += 1;
        self.passed = self.hot_loop.saturating_sub(self.hot_when_wanted);
        self.set_loop(header, 0);
    }

    /// Somebody goes on in it.
    pub fn loop_is_entered(&mut self, header: u32) {
        self.disappointments = 0;
        self.set_loop(header, 0);
    }

    /// The loop to begin at, of one that is hot and those around it: the outermost that comes around while one is
    /// patient. Code that begins at a loop goes on in all that follows, but has its blocks in the order in which they
    /// are reached from there, which suits that loop and the ones in it.
    pub fn loop_to_begin_at(&mut self, hot: u32, patience: Duration) -> u32 {
        let mut best = hot;
        let mut header = hot;
        for _ in 0..FARTHEST_OUT {
            let Some(around) = self.tier_up.loops[header as usize].around else {
                break;
            };
            let reached = self.look_at(around);
            if reached.again && reached.last.elapsed() < patience {
                best = around;
            }
            header = around;
        }
        best
    }

    /// Whether the loop around one may be reached soon, so that code for that one is worth waiting for.
    pub fn loop_around_is_due(&mut self, header: u32, patience: Duration) -> bool {
        let Some(around) = self.tier_up.loops[header as usize].around else {
            return false;
        };
        self.loops[around as usize] != Better::Failed
            && self.look_at(around).last.elapsed() < patience
    }

    fn look_at(&mut self, header: u32) -> Reached {
        let wasm = self.tier_up.loops[header as usize].wasm;
        let counter = self.counter_at(wasm);
        let count = counter.map_or(0, |counter| self.cell(counter).load(Ordering::Relaxed));
        let now = || Reached {
            count,
            last: Instant::now(),
            again: false,
        };
        let reached = self.reached[header as usize].get_or_insert_with(now);
        if reached.count != count {
            *reached = Reached {
                again: true,
                ..now()
            };
        }
        *reached
    }

    /// Sets a loop's counter.
    pub fn set_loop(&mut self, header: u32, iterations: i32) {
        self.heat += u64::from(iterations.unsigned_abs() / 16);
        let wasm = self.tier_up.loops[header as usize].wasm;
        if let Some(counter) = self.counter_at(wasm) {
            self.cell(counter).store(iterations, Ordering::Relaxed);
        }
    }

    /// The number of the counter of the instruction at an offset in the module.
    fn counter_at(&self, wasm: u32) -> Option<usize> {
        let counters = &self.tier_up.counters;
        counters
            .binary_search_by_key(&wasm, |counter| counter.wasm)
            .ok()
    }

    /// How often the function was called.
    pub fn entries(&self) -> u32 {
        let left = self.cell(0).load(Ordering::Relaxed);
        let since = self.first_entries.wrapping_sub(left) as u32;
        self.entries_before.saturating_add(since)
    }

    /// How often a call was executed.
    pub fn calls(&self, wasm: u32) -> Option<u32> {
        let cell = self.cell(self.counter_at(wasm)?);
        Some(cell.load(Ordering::Relaxed) as u32)
    }

    /// How much it has run.
    pub fn heat(&self) -> u64 {
        self.heat + u64::from(self.entries())
    }
}
