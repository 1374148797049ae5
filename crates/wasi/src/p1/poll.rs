//! `poll_oneoff`: waits for the first of many things.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::SeekFrom;

use super::errno::Errno;
use super::memory::GuestMemory;
use super::table::{Descriptor, Entry};
use super::types::{EVENT_SIZE, Event, Interest, Rights, Subscription};
use super::{Context, Fault};
use crate::host::clocks::{Clock, Clocks};
use crate::host::file;
use crate::host::poll::{self, Deadline};
use crate::host::stat::{FileType, Stat};

/// How many bytes a guest is told it can write: what a pipe that is ready takes
/// at once, and everything else too.
const WRITABLE: u64 = 4096;

/// The descriptors that subscriptions name, which stay open while they are waited for.
type Named = BTreeMap<u32, Entry>;

/// Where a subscription stands before anything was waited for.
enum Pending<'a> {
    /// Nothing to wait for: it happened, or never can.
    Done(Event),
    Clock(Deadline),
    Descriptor(&'a Entry, BorrowedFd<'a>, u32),
}

pub(super) fn poll_oneoff(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    subscriptions: u32,
    events: u32,
    count: u32,
    happened: u32,
) -> Result<(), Fault> {
    let arrays = Arrays {
        subscriptions,
        events,
        count,
        happened,
        decode: Subscription::decode,
    };
    wait_for_any(memory, context, arrays)
}

/// Where the guest put its subscriptions, of `SIZE` bytes each, and wants to find what
/// became of them.
pub(crate) struct Arrays<const SIZE: usize> {
    pub subscriptions: u32,
    pub events: u32,
    pub count: u32,
    pub happened: u32,
    pub decode: fn(&[u8; SIZE]) -> Result<Subscription, Errno>,
}

/// The subscriptions are gone through several times, before the wait and after it, and
/// nothing is kept of each: there may be as many as fit in the guest's memory. Other
/// threads may change them meanwhile.
pub(crate) fn wait_for_any<const SIZE: usize>(
    memory: &mut GuestMemory<'_>,
    context: &Context,
    arrays: Arrays<SIZE>,
) -> Result<(), Fault> {
    let Arrays {
        subscriptions,
        events,
        count,
        happened,
        decode,
    } = arrays;
    if count == 0 {
        return Err(Errno::Invalid.into());
    }
    // Both arrays have to be there before anything is waited for.
    let events = memory.array::<EVENT_SIZE>(events, count, 8)?;
    let subscriptions = memory.array::<SIZE>(subscriptions, count, 8)?;
    let mut named = BTreeMap::new();
    for nth in 0..count as usize {
        let subscription = decode(&memory.element(subscriptions, nth))?;
        if let Interest::Read { fd } | Interest::Write { fd } = subscription.interest
            && let Ok(entry) = context.table.get(fd, Rights::empty())
        {
            named.insert(fd, entry);
        }
    }
    let start = Start::new(&context.clocks);
    let mut waiting = Waiting::default();
    for nth in 0..count as usize {
        let subscription = decode(&memory.element(subscriptions, nth))?;
        waiting.add(subscription, prepare(&named, &start, subscription));
    }
    waiting.wait()?;

    let now = Deadline::now();
    let mut ready = 0;
    for nth in 0..count as usize {
        let subscription = decode(&memory.element(subscriptions, nth))?;
        let event = match prepare(&named, &start, subscription) {
            Pending::Done(event) => Some(event),
            Pending::Clock(deadline) if deadline <= now => Some(succeeded(subscription, 0)),
            Pending::Clock(_) => None,
            Pending::Descriptor(entry, host, fd) => waiting
                .found(fd, subscription.interest)
                .map(|flags| descriptor_event(subscription, entry, host, flags)),
        };
        if let Some(event) = event {
            memory.set_element(events, ready, &event.encode());
            ready += 1;
        }
    }
    memory.write_u32(happened, ready as u32)
}

/// When the wait began, on each clock that there is.
struct Start {
    host: Deadline,
    realtime: u64,
    monotonic: u64,
}

impl Start {
    fn new(clocks: &Clocks) -> Start {
        Start {
            host: Deadline::now(),
            realtime: clocks.now(Clock::Realtime),
            monotonic: clocks.now(Clock::Monotonic),
        }
    }

    /// When a clock will have reached a time. The clocks of the processor stand
    /// still while a guest waits, so it would wait for ever.
    fn deadline(&self, clock: u32, timeout: u64, absolute: bool) -> Result<Deadline, Errno> {
        let now = match Clock::from_guest(clock)? {
            Clock::Realtime => self.realtime,
            Clock::Monotonic => self.monotonic,
            Clock::ProcessCpuTime | Clock::ThreadCpuTime => return Err(Errno::NotSupported),
        };
        Ok(self.host.after(match absolute {
            true => timeout.saturating_sub(now),
            false => timeout,
        }))
    }
}

fn prepare<'a>(named: &'a Named, start: &Start, subscription: Subscription) -> Pending<'a> {
    let (fd, right) = match subscription.interest {
        Interest::Clock {
            clock,
            timeout,
            absolute,
        } => {
            return match start.deadline(clock, timeout, absolute) {
                Ok(deadline) => Pending::Clock(deadline),
                Err(errno) => Pending::Done(failed(subscription, errno)),
            };
        }
        Interest::Read { fd } => (fd, Rights::FD_READ),
        Interest::Write { fd } => (fd, Rights::FD_WRITE),
    };
    let entry = named.get(&fd).ok_or(Errno::BadDescriptor);
    let allowed = |entry: &&Entry| entry.require(right | Rights::POLL_FD_READWRITE);
    let entry = match entry.and_then(|entry| allowed(&entry).map(|()| entry)) {
        Ok(entry) => entry,
        Err(errno) => return Pending::Done(failed(subscription, errno)),
    };
    match (&entry.descriptor, subscription.interest, entry.host()) {
        (Descriptor::Stdin(_), Interest::Write { .. }, _)
        | (Descriptor::Stdout(_), Interest::Read { .. }, _) => {
            Pending::Done(failed(subscription, Errno::BadDescriptor))
        }
        (_, _, Some(host)) => Pending::Descriptor(entry, host, fd),
        (_, _, None) => Pending::Done(memory_stream(subscription, entry)),
    }
}

/// What all subscriptions together wait for: each descriptor once, since the system
/// takes no more of them than a process can have.
#[derive(Default)]
struct Waiting<'a> {
    /// The place in `fds` of each of the guest's descriptors.
    places: BTreeMap<u32, usize>,
    fds: Vec<PollFd<'a>>,
    /// In the ways of all that wait for it.
    wanted: Vec<PollFlags>,
    first: Option<Deadline>,
    nothing_to_wait_for: bool,
}

impl<'a> Waiting<'a> {
    fn add(&mut self, subscription: Subscription, pending: Pending<'a>) {
        match pending {
            Pending::Done(_) => self.nothing_to_wait_for = true,
            Pending::Clock(deadline) => {
                self.first = Some(self.first.map_or(deadline, |first| first.min(deadline)));
            }
            Pending::Descriptor(_, host, fd) => {
                let wanted = flags_of(subscription.interest);
                let place = *self.places.entry(fd).or_insert(self.fds.len());
                if place == self.fds.len() {
                    self.fds.push(PollFd::from_borrowed_fd(host, wanted));
                    self.wanted.push(wanted);
                } else if !self.wanted[place].contains(wanted) {
                    self.wanted[place] |= wanted;
                    self.fds[place] = PollFd::from_borrowed_fd(host, self.wanted[place]);
                }
            }
        }
    }

    /// Waits for the first of all to come true.
    fn wait(&mut self) -> io::Result<()> {
        match self.nothing_to_wait_for {
            true => poll::look(&mut self.fds),
            false => poll::wait(&mut self.fds, self.first),
        }
    }

    /// What came of waiting for a descriptor in one way, if anything did.
    fn found(&self, fd: u32, interest: Interest) -> Option<PollFlags> {
        let all = self.fds[*self.places.get(&fd)?].revents();
        let other = PollFlags::IN | PollFlags::OUT;
        let found = all.difference(other.difference(flags_of(interest)));
        (!found.is_empty()).then_some(found)
    }
}

fn flags_of(interest: Interest) -> PollFlags {
    match interest {
        Interest::Write { .. } => PollFlags::OUT,
        _ => PollFlags::IN,
    }
}

fn descriptor_event(
    subscription: Subscription,
    entry: &Entry,
    host: BorrowedFd<'_>,
    flags: PollFlags,
) -> Event {
    let bytes = match subscription.interest {
        Interest::Read { .. } => readable(entry, host),
        _ => WRITABLE,
    };
    Event {
        hangup: flags.intersects(PollFlags::HUP | PollFlags::ERR),
        ..succeeded(subscription, bytes)
    }
}

/// How many bytes can be read at once; zero where the kernel does not tell.
fn readable(entry: &Entry, host: BorrowedFd<'_>) -> u64 {
    let rest_of_file = || {
        let stat = Stat::of(host).ok()?;
        let position = file::seek(host, SeekFrom::Current(0)).ok()?;
        (stat.kind == FileType::RegularFile).then(|| stat.size.saturating_sub(position))
    };
    match &entry.descriptor {
        Descriptor::Directory(_) => 0,
        _ => rest_of_file()
            .or_else(|| rustix::io::ioctl_fionread(host).ok())
            .unwrap_or(0),
    }
}

/// A stream that no descriptor stands behind is always ready.
fn memory_stream(subscription: Subscription, entry: &Entry) -> Event {
    match &entry.descriptor {
        Descriptor::Stdin(stdin) => {
            let bytes = stdin.stream.available();
            Event {
                hangup: bytes == 0,
                ..succeeded(subscription, bytes)
            }
        }
        _ => succeeded(subscription, WRITABLE),
    }
}

fn succeeded(subscription: Subscription, bytes: u64) -> Event {
    Event {
        subscription,
        error: None,
        bytes,
        hangup: false,
    }
}

fn failed(subscription: Subscription, errno: Errno) -> Event {
    Event {
        error: Some(errno),
        ..succeeded(subscription, 0)
    }
}
