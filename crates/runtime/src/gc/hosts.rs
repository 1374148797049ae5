//! Values of the host that objects stand for: they go with the last reference to their object.

use super::{Heap, Roots};
use mainspring_abi::gc::{ObjectHeader, VMHeap};
use std::any::Any;

/// A value of the host's.
pub type HostValue = Box<dyn Any + Send + Sync>;

/// Where an object says which value it stands for.
const NUMBER_AT: u32 = 4;

#[derive(Default)]
pub(super) struct Hosts {
    values: Vec<Option<Host>>,
    free: Vec<u32>,
    /// Those whose objects are young.
    young: Vec<u32>,
}

struct Host {
    value: HostValue,
    object: u32,
}

impl Heap {
    /// Makes an object that stands for a value.
    ///
    /// # Errors
    /// If there is no room, even after a collection; the value comes back.
    pub fn new_host(
        &mut self,
        vm: &mut VMHeap,
        value: HostValue,
        roots: &mut dyn Roots,
    ) -> Result<u32, HostValue> {
        let Ok(object) = self.allocate(vm, ObjectHeader::HOST, 0, roots) else {
            return Err(value);
        };
        let host = Some(Host { value, object });
        let number = match self.hosts.free.pop() {
            Some(number) => {
                self.hosts.values[number as usize] = host;
                number
            }
            None => {
                self.hosts.values.push(host);
                self.hosts.values.len() as u32 - 1
            }
        };
        self.hosts.young.push(number);
        self.store(object + NUMBER_AT, number);
        Ok(object)
    }

    /// The value that an object stands for, if it does for one.
    pub fn host(&self, object: u32) -> Option<&HostValue> {
        let number = self.host_number(object)?;
        Some(&self.hosts.values.get(number)?.as_ref()?.value)
    }

    /// The value that an object stands for, if it does for one, to change.
    pub fn host_mut(&mut self, object: u32) -> Option<&mut HostValue> {
        let number = self.host_number(object)?;
        Some(&mut self.hosts.values.get_mut(number)?.as_mut()?.value)
    }

    fn host_number(&self, object: u32) -> Option<usize> {
        let is_host = object != 0 && object & 1 == 0 && self.header(object) == ObjectHeader::HOST;
        is_host.then(|| self.load(object + NUMBER_AT) as usize)
    }

    /// After objects were moved: asks where each object is now, or `None` if it is nowhere. The values that
    /// nothing stands for anymore are to be dropped when all is in order again.
    pub(super) fn follow_hosts(&mut self, all: bool, now: impl Fn(&Heap, u32) -> Option<u32>) {
        let mut hosts = std::mem::take(&mut self.hosts);
        let numbers: Vec<u32> = match all {
            true => (0..hosts.values.len() as u32).collect(),
            false => std::mem::take(&mut hosts.young),
        };
        hosts.young.clear();
        for number in numbers {
            let slot = &mut hosts.values[number as usize];
            let Some(host) = slot else { continue };
            match now(self, host.object) {
                Some(object) => {
                    host.object = object;
                    if super::YOUNG.contains(&object) {
                        hosts.young.push(number);
                    }
                }
                None => {
                    self.dropped.extend(slot.take().map(|host| host.value));
                    hosts.free.push(number);
                }
            }
        }
        self.hosts = hosts;
    }
}
