//! `poll_oneoff`: clocks, pipes, files, sockets and streams.

use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mainspring_wasi::WasiCtxBuilder;
use mainspring_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};

use crate::guest::{DATA, DIR, Errno, Guest, Open, errno, with_dir};

const EVENTS: u32 = DATA + 0x1_0000;
const MILLISECOND: u64 = 1_000_000;

#[derive(Debug, PartialEq, Eq)]
struct Event {
    userdata: u64,
    error: u16,
    kind: u8,
    bytes: u64,
    hangup: bool,
}

enum Wait {
    Clock(u32, u64),
    ClockAt(u32, u64),
    Read(u32),
    Write(u32),
}

/// Waits; the number of a subscription is its user data.
fn poll(guest: &mut Guest, waits: &[Wait]) -> Errno<Vec<Event>> {
    let mut subscriptions = Vec::new();
    for (i, wait) in waits.iter().enumerate() {
        let mut bytes = [0; 48];
        bytes[..8].copy_from_slice(&(i as u64).to_le_bytes());
        let (tag, number) = match wait {
            Wait::Clock(id, _) | Wait::ClockAt(id, _) => (0, *id),
            Wait::Read(fd) => (1, *fd),
            Wait::Write(fd) => (2, *fd),
        };
        bytes[8] = tag;
        bytes[16..20].copy_from_slice(&number.to_le_bytes());
        if let Wait::Clock(_, timeout) | Wait::ClockAt(_, timeout) = wait {
            bytes[24..32].copy_from_slice(&timeout.to_le_bytes());
            bytes[40] = u8::from(matches!(wait, Wait::ClockAt(..)));
        }
        subscriptions.extend(bytes);
    }
    guest.put(DATA, &subscriptions);
    let call = [DATA.into(), EVENTS.into(), waits.len() as u64, 0];
    guest.call("poll_oneoff", &call)?;
    Ok((0..guest.u32_at(0))
        .map(|i| {
            let bytes = guest.bytes(EVENTS + i * 32, 32);
            Event {
                userdata: guest.u64_at(EVENTS + i * 32),
                error: u16::from_le_bytes([bytes[8], bytes[9]]),
                kind: bytes[10],
                bytes: guest.u64_at(EVENTS + i * 32 + 16),
                hangup: bytes[24] == 1,
            }
        })
        .collect())
}

fn clock_event(userdata: u64) -> Event {
    Event {
        userdata,
        error: 0,
        kind: 0,
        bytes: 0,
        hangup: false,
    }
}

#[test]
fn sleeping_lasts_as_long_as_it_should() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for clock in [0, 1] {
        let start = Instant::now();
        let events = poll(&mut guest, &[Wait::Clock(clock, 30 * MILLISECOND)]);
        assert_eq!(events.unwrap(), [clock_event(0)]);
        let slept = start.elapsed();
        assert!(slept >= Duration::from_millis(30), "{slept:?}");
        assert!(slept < Duration::from_secs(5), "{slept:?}");
    }
}

#[test]
fn sleeping_until_a_time() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    guest.call("clock_time_get", &[1, 0, 0]).unwrap();
    let start = Instant::now();
    let until = guest.u64_at(0) + 30 * MILLISECOND;
    let events = poll(&mut guest, &[Wait::ClockAt(1, until)]).unwrap();
    assert_eq!(events, [clock_event(0)]);
    assert!(start.elapsed() >= Duration::from_millis(25));
    guest.call("clock_time_get", &[1, 0, 0]).unwrap();
    assert!(guest.u64_at(0) >= until);

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let until = now.as_nanos() as u64 + 30 * MILLISECOND;
    poll(&mut guest, &[Wait::ClockAt(0, until)]).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(now.as_nanos() as u64 >= until);
    // The past is over at once.
    for wait in [Wait::ClockAt(0, 5), Wait::ClockAt(1, 0), Wait::Clock(1, 0)] {
        assert_eq!(poll(&mut guest, &[wait]).unwrap(), [clock_event(0)]);
    }
}

#[test]
fn the_first_clock_ends_the_wait() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    let waits = [
        Wait::Clock(1, u64::MAX),
        Wait::Clock(1, 10 * MILLISECOND),
        Wait::ClockAt(0, u64::MAX),
    ];
    assert_eq!(poll(&mut guest, &waits).unwrap(), [clock_event(1)]);
}

#[test]
fn a_pipe_is_ready_when_something_is_in_it() {
    let (their_input, mut our_output) = std::io::pipe().unwrap();
    let (our_input, their_output) = std::io::pipe().unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder.stdin(their_input).stdout(their_output);
    let mut guest = Guest::new(&mut builder);

    let waits = [Wait::Read(0), Wait::Clock(1, 10 * MILLISECOND)];
    assert_eq!(poll(&mut guest, &waits).unwrap(), [clock_event(1)]);
    let events = poll(&mut guest, &[Wait::Write(1)]).unwrap();
    assert_eq!((events[0].kind, events[0].error), (2, 0));
    assert!(events[0].bytes > 0);

    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        our_output.write_all(b"abc").unwrap();
        our_output
    });
    let waits = [Wait::Read(0), Wait::Clock(1, 60_000 * MILLISECOND)];
    let ready = Event {
        userdata: 0,
        error: 0,
        kind: 1,
        bytes: 3,
        hangup: false,
    };
    assert_eq!(poll(&mut guest, &waits).unwrap(), [ready]);
    guest.read(0, 3).unwrap();
    drop(writer.join().unwrap());
    let events = poll(&mut guest, &waits).unwrap();
    assert!(events[0].hangup && events[0].bytes == 0, "{events:?}");
    drop(our_input);
    let events = poll(&mut guest, &[Wait::Write(1)]).unwrap();
    assert!(events[0].hangup, "{events:?}");
}

#[test]
fn files_and_streams_in_memory_are_always_ready() {
    let (dir, mut guest) = with_dir();
    std::fs::write(dir.path().join("file"), "0123456789").unwrap();
    let file = guest.open(DIR, "file", Open::both()).unwrap();
    guest.read(file, 4).unwrap();
    let waits = [
        Wait::Read(file),
        Wait::Write(file),
        Wait::Clock(1, 60_000 * MILLISECOND),
    ];
    let events = poll(&mut guest, &waits).unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!((events[0].kind, events[0].bytes), (1, 6));
    assert_eq!((events[1].kind, events[1].error), (2, 0));

    let mut builder = WasiCtxBuilder::new();
    builder
        .stdin(MemoryInputPipe::new("input"))
        .stdout(MemoryOutputPipe::new(9));
    let mut guest = Guest::new(&mut builder);
    let events = poll(&mut guest, &[Wait::Read(0), Wait::Write(1)]).unwrap();
    assert_eq!((events[0].bytes, events[0].hangup), (5, false));
    assert_eq!(events[1].error, 0);
}

#[test]
fn what_cannot_be_waited_for_is_told_and_nothing_waits() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    let waits = [
        Wait::Read(77),
        Wait::Write(0),
        Wait::Read(1),
        Wait::Clock(2, 0),
        Wait::Clock(9, 0),
        Wait::Clock(1, 60_000 * MILLISECOND),
    ];
    let events = poll(&mut guest, &waits).unwrap();
    let errors: Vec<(u64, u32)> = events
        .iter()
        .map(|event| (event.userdata, event.error.into()))
        .collect();
    let expected = [
        (0, errno::BADF),
        (1, errno::BADF),
        (2, errno::BADF),
        (3, errno::NOTSUP),
        (4, errno::INVAL),
    ];
    assert_eq!(errors, expected);
    let none = guest.call("poll_oneoff", &[0, 0, 0, 8]);
    assert_eq!(none, Err(errno::INVAL));
}

#[test]
fn as_much_can_be_waited_for_as_fits_in_memory() {
    let (theirs, mut ours) = std::io::pipe().unwrap();
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(theirs));
    ours.write_all(b"abc").unwrap();
    // More than a process can have descriptors, and than fit in 16 bits.
    let count = 70_000;
    guest.memory.grow(&mut guest.store, 100).unwrap();
    let mut subscriptions = Vec::new();
    for nth in 0..u64::from(count) {
        let mut bytes = [0; 48];
        bytes[..8].copy_from_slice(&nth.to_le_bytes());
        // Read from 0, write to 1, or wait for long.
        let (tag, id) = [(1, 0), (2, 1), (0, 1)][nth as usize % 3];
        (bytes[8], bytes[16]) = (tag, id);
        bytes[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
        subscriptions.extend(bytes);
    }
    let events = DATA + 48 * count;
    guest.put(DATA, &subscriptions);
    let call = [DATA.into(), events.into(), count.into(), 0];
    guest.call("poll_oneoff", &call).unwrap();
    let happened = guest.u32_at(0);
    assert_eq!(happened, count.div_ceil(3) + (count + 1) / 3);
}
