//! What a store may use.

use mainspring_error::Result;

/// How many instances a store has at the most, unless a limiter says otherwise.
pub const DEFAULT_INSTANCE_LIMIT: usize = 10_000;
/// How many tables a store has at the most, unless a limiter says otherwise.
pub const DEFAULT_TABLE_LIMIT: usize = 10_000;
/// How many memories a store has at the most, unless a limiter says otherwise.
pub const DEFAULT_MEMORY_LIMIT: usize = 10_000;

/// Decides about growth. Called before a memory or table is made or grows, and never from more
/// than one thread at once.
pub trait ResourceLimiter: Send {
    /// Whether a linear memory may have `desired` bytes, from `current` (0 when it is made).
    /// `maximum` is what its type allows. An error traps the guest.
    ///
    /// Shared memories that the store's modules define, or that its guests grow, count too, and so does the heap
    /// of objects, as one more memory without a maximum.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool>;

    /// Told that growth that was allowed, or not asked about, failed. An error traps the guest.
    fn memory_grow_failed(&mut self, error: mainspring_error::Error) -> Result<()> {
        let _ = error;
        Ok(())
    }

    /// Whether a table may have `desired` elements, from `current` (0 when it is made).
    /// `maximum` is what its type allows. An error traps the guest.
    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool>;

    /// Told that growth that was allowed, or not asked about, failed. An error traps the guest.
    fn table_grow_failed(&mut self, error: mainspring_error::Error) -> Result<()> {
        let _ = error;
        Ok(())
    }

    /// How many instances there may be.
    fn instances(&self) -> usize {
        DEFAULT_INSTANCE_LIMIT
    }

    /// How many tables there may be.
    fn tables(&self) -> usize {
        DEFAULT_TABLE_LIMIT
    }

    /// How many memories there may be.
    fn memories(&self) -> usize {
        DEFAULT_MEMORY_LIMIT
    }
}
