//! How a memory's address space is laid out, and so which checks its accesses need.

use mainspring_wasm::MemoryType;
use serde::{Deserialize, Serialize};

/// The engine's settings for linear memories. Part of the key of compiled code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct MemorySettings {
    /// Bytes of address space reserved for each memory.
    pub reservation: u64,
    /// Bytes of inaccessible guard region after the reservation.
    pub guard: u64,
    /// Bytes reserved beyond the current size when a memory that outgrew its reservation moves.
    pub reservation_for_growth: u64,
    /// Whether a memory may move when it outgrows its reservation.
    pub may_move: bool,
    /// Whether a guard region of the same size stands before the memory too.
    pub guard_before: bool,
}

impl Default for MemorySettings {
    fn default() -> MemorySettings {
        MemorySettings {
            reservation: 4 << 30,
            guard: 32 << 20,
            reservation_for_growth: 2 << 30,
            may_move: true,
            guard_before: true,
        }
    }
}

/// How one memory is accessed. Compilers and runtime compute it from the same two inputs, so that
/// code never omits a check that the address space does not make up for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryPlan {
    /// Bytes reserved from the base, the same for as long as the memory is in one place.
    pub reservation: u64,
    /// Bytes of guard after the reservation.
    pub guard: u64,
    /// Whether the base may change when the memory grows. If not, its base is a constant of the
    /// instance.
    pub may_move: bool,
}

impl MemoryPlan {
    /// The plan for a memory of a type under an engine's settings.
    pub fn new(ty: &MemoryType, settings: &MemorySettings) -> MemoryPlan {
        let maximum_bytes = ty.maximum_pages().saturating_mul(ty.page_size());
        let stays = !settings.may_move || maximum_bytes <= settings.reservation;
        MemoryPlan {
            reservation: settings.reservation,
            guard: settings.guard,
            may_move: !stays && !ty.shared,
        }
    }

    /// Whether an access of `size` bytes at a 32-bit index plus `offset` needs no check, because
    /// every address it can form lies in the reservation or the guard.
    pub fn elides_bounds_check(&self, ty: &MemoryType, offset: u64, size: u64) -> bool {
        let highest_end = u64::from(u32::MAX)
            .saturating_add(offset)
            .saturating_add(size);
        !ty.memory64
            && ty.page_size_log2 >= 12
            && highest_end <= self.reservation.saturating_add(self.guard)
    }
}
