//! How much memory the program may take.

use crate::options;
use mainspring::{
    Error, ResourceLimiter, ResourcesRequired, Result, StoreLimits, StoreLimitsBuilder, bail,
};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes of an element of a table.
const ELEMENT: usize = 8;

/// Limits of each thing (`-W max-...`), and one of all that takes memory together (`--max-memory`).
///
/// A clone is for the store of another thread. How many things there are, and how much memory, is counted for all
/// threads together.
pub(super) struct Limits {
    each: StoreLimits,
    all: Arc<All>,
    /// How many threads there were when this one was asked for.
    others: usize,
    /// Bytes of this thread's, which go with it.
    own: usize,
    /// What was last granted. It is given back if it turns out that there was no more to be had.
    granted: Granted,
    trap: bool,
}

/// What all threads have together.
struct All {
    /// Bytes that there may be.
    total: usize,
    used: AtomicUsize,
    threads: AtomicUsize,
    /// What there is of each thread.
    instance: ResourcesRequired,
}

#[derive(Clone, Copy, Default)]
struct Granted {
    bytes: usize,
    /// How many of them go with this thread.
    own: usize,
}

impl Limits {
    /// Limits of a program that is one such instance for each thread.
    pub(super) fn new(
        each: &options::Limits,
        total: Option<usize>,
        instance: ResourcesRequired,
    ) -> Limits {
        let trap = each.trap_on_grow_failure;
        let mut limits = StoreLimitsBuilder::new().trap_on_grow_failure(trap);
        type Set = fn(StoreLimitsBuilder, usize) -> StoreLimitsBuilder;
        let given: [(Option<usize>, Set); 5] = [
            (each.memory_size, StoreLimitsBuilder::memory_size),
            (each.table_elements, StoreLimitsBuilder::table_elements),
            (each.instances, StoreLimitsBuilder::instances),
            (each.tables, StoreLimitsBuilder::tables),
            (each.memories, StoreLimitsBuilder::memories),
        ];
        for (limit, set) in given {
            if let Some(limit) = limit {
                limits = set(limits, limit);
            }
        }
        Limits {
            each: limits.build(),
            all: Arc::new(All {
                total: total.unwrap_or(usize::MAX),
                used: AtomicUsize::new(0),
                threads: AtomicUsize::new(1),
                instance,
            }),
            others: 0,
            own: 0,
            granted: Granted::default(),
            trap,
        }
    }

    /// Takes the difference of two sizes, if there is that much. It goes with this thread, or stays.
    fn take(&mut self, what: &str, current: usize, desired: usize, stays: bool) -> Result<bool> {
        let bytes = desired.saturating_sub(current);
        let total = self.all.total;
        let taken = |used: usize| (bytes <= total - used).then(|| used + bytes);
        match self.all.used.fetch_update(Relaxed, Relaxed, taken) {
            Ok(_) => {
                let own = if stays { 0 } else { bytes };
                self.own += own;
                self.granted = Granted { bytes, own };
                Ok(true)
            }
            Err(used) if self.trap => bail!(
                "forcing trap when growing {what} by {bytes} bytes: {used} of {total} are in use (--max-memory)"
            ),
            Err(_) => Ok(false),
        }
    }

    fn give_back(&mut self) {
        let granted = std::mem::take(&mut self.granted);
        self.own -= granted.own;
        self.all.used.fetch_sub(granted.bytes, Relaxed);
    }

    /// What is left for this thread of a number of things, when each of the others has so many.
    fn without_others(&self, limit: usize, each: u32) -> usize {
        limit.saturating_sub(self.others.saturating_mul(each as usize))
    }
}

impl Clone for Limits {
    fn clone(&self) -> Limits {
        Limits {
            each: self.each.clone(),
            all: self.all.clone(),
            others: self.all.threads.fetch_add(1, Relaxed),
            own: 0,
            granted: Granted::default(),
            trap: self.trap,
        }
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        self.all.used.fetch_sub(self.own, Relaxed);
        self.all.threads.fetch_sub(1, Relaxed);
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.granted = Granted::default();
        // All shared memories have a maximum. Whether it is one that grows is not told, so it counts as one.
        let stays = current > 0 && maximum.is_some();
        Ok(self.each.memory_growing(current, desired, maximum)?
            && self.take("memory", current, desired, stays)?)
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.give_back();
        self.each.memory_grow_failed(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.granted = Granted::default();
        let bytes = |elements: usize| elements.saturating_mul(ELEMENT);
        Ok(self.each.table_growing(current, desired, maximum)?
            && self.take("table", bytes(current), bytes(desired), false)?)
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.give_back();
        self.each.table_grow_failed(error)
    }

    fn instances(&self) -> usize {
        self.without_others(self.each.instances(), 1)
    }

    fn tables(&self) -> usize {
        self.without_others(self.each.tables(), self.all.instance.num_tables)
    }

    fn memories(&self) -> usize {
        self.without_others(self.each.memories(), self.all.instance.num_memories)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_program(total: usize) -> Limits {
        let instance = ResourcesRequired {
            num_memories: 0,
            max_initial_memory_size: None,
            num_tables: 2,
            max_initial_table_size: None,
        };
        Limits::new(&options::Limits::default(), Some(total), instance)
    }

    fn used(limits: &Limits) -> usize {
        limits.all.used.load(Relaxed)
    }

    #[test]
    fn threads_count_together_and_take_away_what_is_theirs() {
        let mut main = of_program(1000);
        assert!(main.memory_growing(0, 500, Some(800)).unwrap());
        let mut thread = main.clone();
        assert!(thread.table_growing(0, 25, None).unwrap());
        assert!(thread.memory_growing(500, 600, Some(800)).unwrap());
        assert!(thread.memory_growing(0, 150, None).unwrap());
        assert_eq!(used(&main), 950);
        assert!(!main.table_growing(0, 10, None).unwrap());
        assert_eq!(thread.instances(), StoreLimits::default().instances() - 1);
        assert_eq!(thread.tables(), StoreLimits::default().tables() - 2);
        drop(thread);
        // What the shared memory has grown by is still there.
        assert_eq!(used(&main), 600);
        assert_eq!(
            main.clone().instances(),
            StoreLimits::default().instances() - 1
        );
    }

    #[test]
    fn what_was_granted_in_vain_is_not_used() {
        let mut limits = of_program(1000);
        assert!(limits.memory_growing(0, 600, None).unwrap());
        assert!(limits.table_growing(0, 50, None).unwrap());
        assert!(!limits.memory_growing(600, 601, None).unwrap());
        limits.table_grow_failed(Error::msg("none")).unwrap();
        assert_eq!(used(&limits), 1000, "what failed was not granted");
        let mut limits = of_program(1000);
        assert!(limits.table_growing(0, 125, None).unwrap());
        limits.table_grow_failed(Error::msg("none")).unwrap();
        limits.table_grow_failed(Error::msg("none")).unwrap();
        assert!(limits.memory_growing(0, 1000, None).unwrap());
        assert!(!limits.table_growing(0, usize::MAX, None).unwrap());
    }
}
