//! From a program counter to the module whose code it is in.
//!
//! Read when something has gone wrong (a trap, a backtrace), written when modules come and go.
//! Never read in a signal handler.

use crate::module_code::ModuleCode;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock, Weak};

/// By start address.
static CODE: RwLock<BTreeMap<usize, (usize, Weak<ModuleCode>)>> = RwLock::new(BTreeMap::new());

pub(crate) fn register(addresses: Range<usize>, code: &Weak<ModuleCode>) {
    let mut all = CODE.write().unwrap_or_else(PoisonError::into_inner);
    all.insert(addresses.start, (addresses.end, code.clone()));
}

pub(crate) fn unregister(addresses: Range<usize>) {
    CODE.write()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&addresses.start);
}

/// The module whose code an address is in.
pub fn find(pc: usize) -> Option<Arc<ModuleCode>> {
    let all = CODE.read().unwrap_or_else(PoisonError::into_inner);
    let (_, (end, code)) = all.range(..=pc).next_back()?;
    if pc < *end { code.upgrade() } else { None }
}
