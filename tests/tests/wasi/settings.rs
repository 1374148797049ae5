//! What an embedder can put in the place of the host: clocks, random numbers, and a say in
//! who may connect.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use mainspring_wasi::sockets::SocketAddrUse;
use mainspring_wasi::{
    Deterministic, FsPerms, HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder,
};

use crate::guest::{DATA, Guest, errno, fdflags};

struct Stopped;

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn now(&self) -> Duration {
        Duration::new(7, 9)
    }
}

/// Goes on whenever someone looks.
#[derive(Default)]
struct Ticks(AtomicU64);

impl HostMonotonicClock for Ticks {
    fn resolution(&self) -> u64 {
        10
    }

    fn now(&self) -> u64 {
        self.0.fetch_add(10, Ordering::Relaxed)
    }
}

#[test]
fn clocks_are_those_of_the_embedder() {
    let mut builder = WasiCtx::builder();
    builder
        .wall_clock(Stopped)
        .monotonic_clock(Ticks::default());
    let mut guest = Guest::new(&mut builder);
    let mut ask = |name: &str, clock: u64| {
        let call = match name {
            "clock_res_get" => vec![clock, 0],
            _ => vec![clock, 0, 0],
        };
        guest.call(name, &call).unwrap();
        guest.u64_at(0)
    };
    assert_eq!(ask("clock_res_get", 0), 2_000_000_000);
    assert_eq!(ask("clock_time_get", 0), 7_000_000_009);
    assert_eq!(ask("clock_res_get", 1), 10);
    assert_eq!(ask("clock_time_get", 1), 0);
    assert_eq!(ask("clock_time_get", 1), 10);
    // Those of the processor are nobody else's.
    assert!(ask("clock_time_get", 2) > 0);
}

#[test]
fn random_bytes_are_those_of_the_embedder() {
    let mut builder = WasiCtx::builder();
    builder.secure_random(Deterministic::new(vec![1, 2, 3]));
    let mut guest = Guest::new(&mut builder);
    for expected in [[1, 2, 3, 1], [2, 3, 1, 2]] {
        guest.call("random_get", &[DATA.into(), 4]).unwrap();
        assert_eq!(guest.bytes(DATA, 4), expected);
    }
}

#[test]
fn who_may_connect_is_for_the_embedder_to_say() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The first two are refused, the verdict on the second comes later.
    let first = TcpStream::connect(address).unwrap();
    let second = TcpStream::connect(address).unwrap();
    let refused = [first.local_addr().unwrap(), second.local_addr().unwrap()];
    let third = TcpStream::connect(address).unwrap();

    let mut builder = WasiCtxBuilder::new();
    builder
        .preopened_socket(listener)
        .socket_addr_check(move |from, purpose| {
            assert!(matches!(purpose, SocketAddrUse::TcpAccept));
            let mut polled = false;
            Box::pin(std::future::poll_fn(move |context| {
                if from == refused[1] && !polled {
                    polled = true;
                    let waker = context.waker().clone();
                    std::thread::spawn(move || {
                        std::thread::sleep(Duration::from_millis(10));
                        waker.wake();
                    });
                    return Poll::Pending;
                }
                Poll::Ready(!refused.contains(&from))
            }))
        });
    let mut guest = Guest::new(&mut builder);
    let accept = [3, fdflags::NONBLOCK.into(), DATA.into()];
    guest.call("sock_accept", &accept).unwrap();
    let connection = guest.u32_at(DATA);
    assert_eq!(guest.write(connection, "hello"), Ok(5));
    guest.close(connection).unwrap();
    for (mut client, expected) in [(first, ""), (second, ""), (third, "hello")] {
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, expected);
    }
    // Nobody is left, those who were refused included.
    let set = [3, fdflags::NONBLOCK.into()];
    guest.call("fd_fdstat_set_flags", &set).unwrap();
    assert_eq!(guest.call("sock_accept", &accept), Err(errno::AGAIN));
}

#[test]
fn what_means_nothing_to_preview_1_can_be_said() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = WasiCtx::builder();
    builder
        .args(&["program"])
        .initial_cwd("/somewhere")
        .insecure_random(Deterministic::new(vec![7]))
        .insecure_random_seed(7)
        .inherit_network()
        .allow_ip_name_lookup(true)
        .allow_udp(true)
        .allow_tcp(true)
        .allow_blocking_current_thread(true)
        .max_random_size(1 << 20)
        .preopened_dir(dir.path(), ".", FsPerms::ReadOnly)
        .unwrap();
    let mut guest = Guest::new(&mut builder);
    guest.call("random_get", &[DATA.into(), 100]).unwrap();
    assert_ne!(guest.bytes(DATA, 100), [7; 100]);
}

#[test]
#[should_panic(expected = "a WasiCtxBuilder makes one context")]
fn a_builder_makes_one_context() {
    let mut builder = WasiCtxBuilder::new();
    builder.build_p1();
    builder.build_p1();
}
