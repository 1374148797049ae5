//! How much memory the program may take.

use crate::options;
use mainspring::{Error, ResourceLimiter, Result, StoreLimits, StoreLimitsBuilder, bail};

/// Bytes of an element of a table.
const ELEMENT: usize = 8;

/// Limits of each thing (`-W max-...`), and one of all that takes memory together (`--max-memory`).
pub(super) struct Limits {
    each: StoreLimits,
    /// Bytes that there may be.
    total: usize,
    used: usize,
    /// What was last granted. It is given back if it turns out that there was no more to be had.
    granted: usize,
    trap: bool,
}

impl Limits {
    pub(super) fn new(each: &options::Limits, total: Option<usize>) -> Limits {
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
            total: total.unwrap_or(usize::MAX),
            used: 0,
            granted: 0,
            trap,
        }
    }

    /// Takes the difference of two sizes, if there is that much.
    fn take(&mut self, what: &str, current: usize, desired: usize) -> Result<bool> {
        let more = desired.saturating_sub(current);
        let fits = more <= self.total - self.used;
        if !fits && self.trap {
            bail!(
                "forcing trap when growing {what} by {more} bytes: {} of {} are in use (--max-memory)",
                self.used,
                self.total
            );
        }
        if fits {
            self.used += more;
            self.granted = more;
        }
        Ok(fits)
    }

    fn give_back(&mut self) {
        self.used -= std::mem::take(&mut self.granted);
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.granted = 0;
        Ok(self.each.memory_growing(current, desired, maximum)?
            && self.take("memory", current, desired)?)
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
        self.granted = 0;
        let bytes = |elements: usize| elements.saturating_mul(ELEMENT);
        Ok(self.each.table_growing(current, desired, maximum)?
            && self.take("table", bytes(current), bytes(desired))?)
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.give_back();
        self.each.table_grow_failed(error)
    }

    fn instances(&self) -> usize {
        self.each.instances()
    }

    fn tables(&self) -> usize {
        self.each.tables()
    }

    fn memories(&self) -> usize {
        self.each.memories()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_granted_in_vain_is_not_used() {
        let mut limits = Limits::new(&options::Limits::default(), Some(1000));
        assert!(limits.memory_growing(0, 600, None).unwrap());
        assert!(limits.table_growing(0, 50, None).unwrap());
        assert!(!limits.memory_growing(600, 601, None).unwrap());
        limits.table_grow_failed(Error::msg("none")).unwrap();
        assert_eq!(limits.used, 1000, "what failed was not granted");
        let mut limits = Limits::new(&options::Limits::default(), Some(1000));
        assert!(limits.table_growing(0, 125, None).unwrap());
        limits.table_grow_failed(Error::msg("none")).unwrap();
        limits.table_grow_failed(Error::msg("none")).unwrap();
        assert!(limits.memory_growing(0, 1000, None).unwrap());
        assert!(!limits.table_growing(0, usize::MAX, None).unwrap());
    }
}
