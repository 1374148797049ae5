//! What is known about a function that has baseline code which counts.

use crate::tuning::{NEVER, Tuning};
use mainspring_abi::{Counter, CounterKind, LoopHeader, TierUp};
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicI32, Ordering};

/// A function with baseline code that counts.
pub(crate) struct Counted {
    /// What its counters are and where its frames keep values.
    pub tier_up: Box<TierUp>,
    /// Its counters, in the code table's data pages.
    cells: *const AtomicI32,
    /// The number of each call's counter, by the call's offset in the module.
    calls: HashMap<u32, usize>,
    /// The number of each loop's counter.
    loop_cells: Vec<usize>,
    /// Optimized code from the start.
    start: Better,
    /// Optimized code from the header of each loop.
    loops: Vec<Better>,
    /// What counters had counted when they were set anew.
    heat: u64,
    entries_before: u32,
    first_entries: i32,
}

// SAFETY: the cells are atomics that live as long as the table, which owns this.
unsafe impl Send for Counted {}

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
        let calls = tier_up
            .counters
            .iter()
            .enumerate()
            .filter(|(_, counter)| counter.kind == CounterKind::Call)
            .map(|(i, counter)| (counter.wasm, i))
            .collect();
        let loop_cell = |header: &LoopHeader| {
            let is_its = |counter: &Counter| {
                counter.kind == CounterKind::Loop && counter.wasm == header.wasm
            };
            let found = tier_up.counters.iter().position(is_its);
            found.expect("every loop has a counter")
        };
        let loop_cells = tier_up.loops.iter().map(loop_cell).collect();
        let loops = vec![Better::No; tier_up.loops.len()];
        let first_entries = tuning.entries();
        let counted = Counted {
            tier_up,
            cells,
            calls,
            loop_cells,
            start: Better::No,
            loops,
            heat: 0,
            entries_before: 0,
            first_entries,
        };
        for (i, counter) in counted.tier_up.counters.iter().enumerate() {
            let first = match counter.kind {
                CounterKind::Entry => first_entries,
                CounterKind::Loop => tuning.iterations(),
                CounterKind::Call => 0,
            };
            counted.cell(i).store(first, Ordering::Relaxed);
        }
        counted
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

    /// Notes that optimized code is wanted; true if nobody wanted it before.
    pub fn want(&mut self, header: Option<u32>) -> bool {
        let better = self.better(header);
        let first = *better == Better::No;
        if first {
            *better = Better::Queued;
        }
        first
    }

    /// Sets a loop's counter.
    pub fn set_loop(&mut self, header: u32, iterations: i32) {
        self.heat += u64::from(iterations.unsigned_abs() / 16);
        let cell = self.loop_cells[header as usize];
        self.cell(cell).store(iterations, Ordering::Relaxed);
    }

    /// How often the function was called.
    pub fn entries(&self) -> u32 {
        let left = self.cell(0).load(Ordering::Relaxed);
        let since = self.first_entries.wrapping_sub(left) as u32;
        self.entries_before.saturating_add(since)
    }

    /// How often a call was executed.
    pub fn calls(&self, wasm: u32) -> Option<u32> {
        let &cell = self.calls.get(&wasm)?;
        Some(self.cell(cell).load(Ordering::Relaxed) as u32)
    }

    /// How much it has run.
    pub fn heat(&self) -> u64 {
        self.heat + u64::from(self.entries())
    }
}
