//! From a program counter to the module whose code it is in.
//!
//! Read when something has gone wrong (a trap, a backtrace), written when modules come and go.
//! Never read in a signal handler.

use crate::module_code::ModuleCode;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};

/// By where their addresses start. Where they end changes.
static CODE: RwLock<BTreeMap<usize, Weak<ModuleCode>>> = RwLock::new(BTreeMap::new());

pub(crate) fn register(start: usize, code: &Weak<ModuleCode>) {
    let mut all = CODE.write().unwrap_or_else(PoisonError::into_inner);
    all.insert(start, code.clone());
}

pub(crate) fn unregister(start: usize) {
    CODE.write()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&start);
}

/// The module whose code an address is in.
pub fn find(pc: usize) -> Option<Arc<ModuleCode>> {
    let all = CODE.read().unwrap_or_else(PoisonError::into_inner);
    let (_, code) = all.range(..=pc).next_back()?;
    let code = code.upgrade();
    // Whoever drops the last of it takes the lock.
    drop(all);
    code.filter(|code| code.addresses().contains(&pc))
}
