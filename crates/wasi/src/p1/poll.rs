//! `poll_oneoff`: waits for the first of many things.

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::SeekFrom;

use super::errno::Errno;
use super::memory::GuestMemory;
use super::table::{Descriptor, Entry};
use super::types::{EVENT_SIZE, Event, Interest, Rights, SUBSCRIPTION_SIZE, Subscription};
use super::{Fault, WasiP1Ctx};
use crate::host::clocks::{Clock, Clocks};
use crate::host::file;
use crate::host::poll::{self, Deadline};
use crate::host::stat::{FileType, Stat};

/// The most that one call may wait for: more than there can be descriptors.
const MAX_SUBSCRIPTIONS: u32 = 1 << 14;
/// How many bytes a guest is told it can write: what a pipe that is ready takes
/// at once, and everything else too.
const WRITABLE: u64 = 4096;

/// Where a subscription stands before anything was waited for.
enum Pending<'a> {
    /// Nothing to wait for: it happened, or never can.
    Done(Event),
    Clock(Subscription, Deadline),
    Descriptor(Subscription, &'a Entry, BorrowedFd<'a>),
}

pub(super) fn poll_oneoff(
    memory: &mut GuestMemory<'_>,
    context: &mut WasiP1Ctx,
    subscriptions: u32,
    events: u32,
    count: u32,
    happened: u32,
) -> Result<(), Fault> {
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::Invalid.into());
    }
    // Both arrays have to be there before anything is waited for.
    memory.array_mut::<EVENT_SIZE>(events, count, 8)?;
    let context = &*context;
    let pending = memory
        .array::<SUBSCRIPTION_SIZE>(subscriptions, count, 8)?
        .iter()
        .map(|bytes| Ok(prepare(context, Subscription::decode(bytes)?)))
        .collect::<Result<Vec<Pending<'_>>, Fault>>()?;

    let ready = wait(&pending)?;
    let room = memory.array_mut::<EVENT_SIZE>(events, count, 8)?;
    for (place, event) in room.iter_mut().zip(&ready) {
        *place = event.encode();
    }
    memory.write_u32(happened, ready.len() as u32)
}

fn prepare(context: &WasiP1Ctx, subscription: Subscription) -> Pending<'_> {
    let (fd, right) = match subscription.interest {
        Interest::Clock {
            clock,
            timeout,
            absolute,
        } => {
            return match deadline(&context.clocks, clock, timeout, absolute) {
                Ok(deadline) => Pending::Clock(subscription, deadline),
                Err(errno) => Pending::Done(failed(subscription, errno)),
            };
        }
        Interest::Read { fd } => (fd, Rights::FD_READ),
        Interest::Write { fd } => (fd, Rights::FD_WRITE),
    };
    let entry = match context.table.get(fd, right | Rights::POLL_FD_READWRITE) {
        Ok(entry) => entry,
        Err(errno) => return Pending::Done(failed(subscription, errno)),
    };
    match (&entry.descriptor, subscription.interest, entry.host()) {
        (Descriptor::Stdin(_), Interest::Write { .. }, _)
        | (Descriptor::Stdout(_), Interest::Read { .. }, _) => {
            Pending::Done(failed(subscription, Errno::BadDescriptor))
        }
        (_, _, Some(host)) => Pending::Descriptor(subscription, entry, host),
        (_, _, None) => Pending::Done(memory_stream(subscription, entry)),
    }
}

/// When a clock will have reached a time. The clocks of the processor stand still
/// while a guest waits, so it would wait for ever.
fn deadline(clocks: &Clocks, clock: u32, timeout: u64, absolute: bool) -> Result<Deadline, Errno> {
    let clock = match Clock::from_guest(clock)? {
        clock @ (Clock::Realtime | Clock::Monotonic) => clock,
        Clock::ProcessCpuTime | Clock::ThreadCpuTime => return Err(Errno::NotSupported),
    };
    Ok(Deadline::after(match absolute {
        true => timeout.saturating_sub(clocks.now(clock)),
        false => timeout,
    }))
}

/// Waits for the first subscription to come true and returns all that are.
fn wait(pending: &[Pending<'_>]) -> Result<Vec<Event>, Fault> {
    let mut fds = Vec::new();
    let mut first: Option<Deadline> = None;
    let mut nothing_to_wait_for = false;
    for subscription in pending {
        match subscription {
            Pending::Done(_) => nothing_to_wait_for = true,
            Pending::Clock(_, deadline) => {
                first = Some(first.map_or(*deadline, |first| first.min(*deadline)));
            }
            Pending::Descriptor(subscription, _, host) => {
                let wanted = match subscription.interest {
                    Interest::Write { .. } => PollFlags::OUT,
                    _ => PollFlags::IN,
                };
                fds.push(PollFd::from_borrowed_fd(*host, wanted));
            }
        }
    }
    match nothing_to_wait_for {
        true => poll::look(&mut fds)?,
        false => poll::wait(&mut fds, first)?,
    }

    let mut polled = fds.iter();
    let mut ready = Vec::new();
    for subscription in pending {
        match subscription {
            Pending::Done(event) => ready.push(*event),
            Pending::Clock(subscription, deadline) if deadline.has_passed() => {
                ready.push(succeeded(*subscription, 0));
            }
            Pending::Clock(..) => {}
            Pending::Descriptor(subscription, entry, host) => {
                let flags = polled.next().map_or(PollFlags::empty(), PollFd::revents);
                if !flags.is_empty() {
                    ready.push(descriptor_event(*subscription, entry, *host, flags));
                }
            }
        }
    }
    Ok(ready)
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
