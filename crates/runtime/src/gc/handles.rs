//! References that the host holds.
//!
//! Most are scoped: they stand in a list, and go with the scope that they were made in, a call of a host function, say,
//! or the store. Others are owned: they stay as long as someone keeps what came with them.

use std::sync::{Arc, Weak};

/// A name for a reference that the host holds in a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Handle {
    index: u32,
    /// When it was made, and whether it is [`OWNED`].
    generation: u64,
}

/// The bit of a generation that says that a handle is owned.
const OWNED: u64 = 1 << 63;

/// A scope that was entered.
#[derive(Debug)]
#[must_use]
pub struct Scope(usize);

/// The references that the host holds in a store.
#[derive(Default)]
pub struct Handles {
    scoped: Vec<Scoped>,
    /// How many scopes ended and how many owned handles were made: no two handles of one place have the same.
    generation: u64,
    owned: Vec<Owned>,
    free: Vec<u32>,
    /// How many owned ones there may be before those are looked for that nobody keeps.
    enough: usize,
}

struct Scoped {
    generation: u64,
    reference: u32,
}

struct Owned {
    generation: u64,
    /// Zero if the place is free.
    reference: u32,
    kept: Weak<()>,
}

impl Handles {
    /// Holds a reference, which is not null, up to the end of the innermost scope.
    #[inline]
    pub fn scoped(&mut self, reference: u32) -> Handle {
        let generation = self.generation;
        self.scoped.push(Scoped {
            generation,
            reference,
        });
        Handle {
            index: (self.scoped.len() - 1) as u32,
            generation,
        }
    }

    /// Holds a reference, which is not null, as long as what is returned with the handle is kept.
    pub fn owned(&mut self, reference: u32) -> (Handle, Arc<()>) {
        if self.owned.len() - self.free.len() >= self.enough {
            self.forget_unkept();
            self.enough = 2 * (self.owned.len() - self.free.len()).max(16);
        }
        let keep = Arc::new(());
        self.generation += 1;
        let generation = self.generation | OWNED;
        let owned = Owned {
            generation,
            reference,
            kept: Arc::downgrade(&keep),
        };
        let index = match self.free.pop() {
            Some(index) => {
                self.owned[index as usize] = owned;
                index
            }
            None => {
                self.owned.push(owned);
                (self.owned.len() - 1) as u32
            }
        };
        (Handle { index, generation }, keep)
    }

    /// Finds owned references that nobody keeps.
    fn forget_unkept(&mut self) {
        for (index, owned) in (0..).zip(&mut self.owned) {
            if owned.reference != 0 && owned.kept.strong_count() == 0 {
                owned.reference = 0;
                self.free.push(index);
            }
        }
    }

    /// The reference, unless its scope has ended, or nobody keeps it.
    #[inline]
    pub fn get(&self, handle: Handle) -> Option<u32> {
        let index = handle.index as usize;
        if handle.generation & OWNED != 0 {
            let owned = self.owned.get(index)?;
            let stays = owned.generation == handle.generation && owned.reference != 0;
            return stays.then_some(owned.reference);
        }
        let scoped = self.scoped.get(index)?;
        (scoped.generation == handle.generation).then_some(scoped.reference)
    }

    /// Enters a scope.
    #[inline]
    pub fn enter(&self) -> Scope {
        Scope(self.scoped.len())
    }

    /// Leaves a scope, which was entered last.
    #[inline]
    pub fn leave(&mut self, scope: Scope) {
        if self.scoped.len() > scope.0 {
            self.scoped.truncate(scope.0);
            self.generation += 1;
        }
    }

    /// Makes room for more in this scope.
    pub fn reserve(&mut self, more: usize) {
        self.scoped.reserve(more);
    }

    /// Shows each place that holds a reference.
    pub(super) fn each(&mut self, visit: &mut dyn FnMut(&mut u32) -> bool) {
        self.forget_unkept();
        for scoped in &mut self.scoped {
            visit(&mut scoped.reference);
        }
        for owned in &mut self.owned {
            visit(&mut owned.reference);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scoped_handles_end_with_their_scope() {
        let mut handles = Handles::default();
        let outer = handles.scoped(8);
        let scope = handles.enter();
        let inner = handles.scoped(16);
        assert_eq!(
            (handles.get(outer), handles.get(inner)),
            (Some(8), Some(16))
        );
        handles.leave(scope);
        assert_eq!((handles.get(outer), handles.get(inner)), (Some(8), None));
        let next = handles.scoped(24);
        assert_eq!((handles.get(inner), handles.get(next)), (None, Some(24)));
    }

    #[test]
    fn owned_handles_end_when_nobody_keeps_them() {
        let mut handles = Handles::default();
        let (first, keep) = handles.owned(8);
        for n in 0..10_000 {
            let (handle, _) = handles.owned(16 + n * 8);
            assert_eq!(handles.get(handle), Some(16 + n * 8));
        }
        assert!(handles.owned.len() < 100);
        assert_eq!(handles.get(first), Some(8));
        drop(keep);
        let mut seen = 0;
        handles.each(&mut |reference| {
            seen += usize::from(*reference != 0);
            false
        });
        assert_eq!(seen, 0);
    }
}
