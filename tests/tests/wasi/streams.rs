//! Standard streams: in the embedder's memory, through pipes, files, and streams
//! of the embedder's own making.

use std::io::{self, IoSlice, IoSliceMut, Read, Seek, Write};
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;

use mainspring_wasi::WasiCtxBuilder;
use mainspring_wasi::cli::{StdinStream, StdoutStream};
use mainspring_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};

use crate::guest::{DATA, Guest, errno, fdflags, filetype, rights};

fn guest_with(configure: impl FnOnce(&mut WasiCtxBuilder)) -> Guest {
    let mut builder = WasiCtxBuilder::new();
    configure(&mut builder);
    Guest::new(&mut builder)
}

#[test]
fn streams_in_memory() {
    let (out, err) = (MemoryOutputPipe::new(100), MemoryOutputPipe::new(4));
    let mut guest = guest_with(|builder| {
        builder
            .stdin(MemoryInputPipe::new("some input"))
            .stdout(out.clone())
            .stderr(err.clone());
    });
    assert_eq!(guest.read_buffers(0, &[(DATA, 4), (DATA + 8, 99)]), Ok(10));
    assert_eq!(guest.bytes(DATA, 4), b"some");
    assert_eq!(guest.read(0, 9).unwrap(), b"");
    guest.put(DATA, b"hello world");
    assert_eq!(guest.write_buffers(1, &[(DATA, 6), (DATA + 6, 5)]), Ok(11));
    assert_eq!(out.contents(), b"hello world");
    assert_eq!(guest.write(2, "warning"), Ok(4));
    assert_eq!(guest.write(2, "more"), Err(errno::NOSPC));
    drop(guest);
    assert_eq!(err.try_into_inner().unwrap(), b"warn");
}

#[test]
fn streams_have_a_direction_and_no_position() {
    let out = MemoryOutputPipe::new(100);
    let mut guest = guest_with(|builder| {
        builder.stdin(MemoryInputPipe::new("x")).stdout(out.clone());
    });
    assert_eq!(guest.write(0, "x"), Err(errno::BADF));
    assert_eq!(guest.read(1, 1), Err(errno::BADF));
    assert_eq!(guest.seek(0, 0, 1), Err(errno::SPIPE));
    assert_eq!(guest.tell(1), Err(errno::SPIPE));
    assert_eq!(guest.pread(0, 1, 0), Err(errno::SPIPE));
    assert_eq!(guest.pwrite(1, "x", 0), Err(errno::SPIPE));
    for fd in [0, 1] {
        let stat = guest.fdstat(fd).unwrap();
        assert_eq!(stat.base & (rights::SEEK | rights::TELL), 0);
        assert_eq!(guest.fd_stat(fd).unwrap().size, 0);
        guest.call("fd_sync", &[fd.into()]).unwrap();
        let resize = guest.call("fd_filestat_set_size", &[fd.into(), 0]);
        assert_eq!(resize, Err(errno::BADF));
    }
    assert_ne!(guest.fdstat(0).unwrap().base & rights::READ, 0);
    assert_ne!(guest.fdstat(1).unwrap().base & rights::WRITE, 0);
}

#[test]
fn pipes_carry_everything_and_break_quietly() {
    let (their_input, mut our_output) = io::pipe().unwrap();
    let (mut our_input, their_output) = io::pipe().unwrap();
    let mut guest = guest_with(|builder| {
        builder.stdin(their_input).stdout(their_output);
    });
    our_output.write_all(b"through a pipe").unwrap();
    drop(our_output);
    assert_eq!(guest.read(0, 7).unwrap(), b"through");
    assert_eq!(guest.read(0, 99).unwrap(), b" a pipe");
    assert_eq!(guest.read(0, 99).unwrap(), b"");
    assert_eq!(guest.seek(0, 0, 1), Err(errno::SPIPE));

    // More than a pipe holds arrives whole, in one write.
    let megabyte: Vec<u8> = (0..1 << 20).map(|i| (i % 251) as u8).collect();
    let reader = std::thread::spawn(move || {
        let mut all = vec![0; 1 << 20];
        our_input.read_exact(&mut all).unwrap();
        all
    });
    assert_eq!(guest.write(1, &megabyte), Ok(1 << 20));
    assert!(reader.join().unwrap() == megabyte);
    // The reader is gone.
    assert_eq!(guest.write(1, "x"), Err(errno::PIPE));
    assert_eq!(guest.write(1, "x"), Err(errno::PIPE));
}

#[test]
fn a_file_as_a_stream_has_a_size_and_a_position() {
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(b"0123456789").unwrap();
    input.rewind().unwrap();
    let mut output = tempfile::tempfile().unwrap();
    let shared = output.try_clone().unwrap();
    let mut guest = guest_with(|builder| {
        builder.stdin(input).stdout(shared);
    });
    let stat = guest.fdstat(0).unwrap();
    assert_eq!(stat.kind, filetype::REGULAR_FILE);
    assert_ne!(stat.base & rights::SEEK, 0);
    assert_eq!(guest.fd_stat(0).unwrap().size, 10);
    assert_eq!(guest.seek(0, 4, 0), Ok(4));
    assert_eq!(guest.read(0, 99).unwrap(), b"456789");
    guest.write(1, "kept").unwrap();
    output.rewind().unwrap();
    let mut kept = String::new();
    output.read_to_string(&mut kept).unwrap();
    assert_eq!(kept, "kept");
}

#[test]
fn a_device_that_is_no_terminal_does_not_look_like_one() {
    let mut guest = guest_with(|builder| {
        builder.stdin(std::fs::File::open("/dev/null").unwrap());
    });
    // C libraries: a character device that can neither seek nor tell.
    let stat = guest.fdstat(0).unwrap();
    assert_eq!(stat.kind, filetype::CHARACTER_DEVICE);
    assert_ne!(stat.base & (rights::SEEK | rights::TELL), 0);
}

#[test]
fn a_stream_that_must_not_block_does_not() {
    let (their_input, mut our_output) = io::pipe().unwrap();
    let (mut our_input, their_output) = io::pipe().unwrap();
    let kept_input = their_input.try_clone().unwrap();
    let mut guest = guest_with(|builder| {
        builder.stdin(their_input).stdout(their_output);
    });
    for fd in [0, 1] {
        let set = [fd, fdflags::NONBLOCK.into()];
        guest.call("fd_fdstat_set_flags", &set).unwrap();
        let flags = guest.fdstat(fd as u32).unwrap().flags;
        assert_eq!(flags, fdflags::NONBLOCK as u16);
    }
    assert_eq!(guest.read(0, 9), Err(errno::AGAIN));
    our_output.write_all(b"now").unwrap();
    assert_eq!(guest.read(0, 9).unwrap(), b"now");
    assert_eq!(guest.read(0, 9), Err(errno::AGAIN));

    // Until the pipe is full, and again when it was emptied.
    let mut written = 0;
    let refused = loop {
        match guest.write(1, [0; 4096]) {
            Ok(more) => written += more as usize,
            Err(errno) => break errno,
        }
    };
    assert_eq!(refused, errno::AGAIN);
    our_input.read_exact(&mut vec![0; written]).unwrap();
    assert_eq!(guest.write(1, "x"), Ok(1));

    // The descriptors that others share are as they were.
    let mut theirs = kept_input;
    let waiting = std::thread::spawn(move || {
        let mut byte = [0];
        theirs.read_exact(&mut byte).unwrap();
        byte[0]
    });
    std::thread::sleep(std::time::Duration::from_millis(20));
    our_output.write_all(b"!").unwrap();
    assert_eq!(waiting.join().unwrap(), b'!');
    let other = guest.call("fd_fdstat_set_flags", &[0, fdflags::SYNC.into()]);
    assert_eq!(other, Err(errno::NOTSUP));
}

/// A stream of the embedder's own: counts down, then fails.
struct Countdown(AtomicU8);

impl StdinStream for Countdown {
    fn read(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let next = |left: u8| left.checked_sub(1);
        match self.0.fetch_update(Relaxed, Relaxed, next) {
            Ok(left) => {
                buffers[0][0] = left - 1;
                Ok(1)
            }
            Err(_) => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

/// A stream of the embedder's own: has lost its other end.
struct Broken;

impl StdoutStream for Broken {
    fn write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn streams_of_the_embedder() {
    let mut guest = guest_with(|builder| {
        builder.stdin(Countdown(AtomicU8::new(2))).stdout(Broken);
    });
    assert_eq!(guest.read(0, 9).unwrap(), [1]);
    assert_eq!(guest.read(0, 9).unwrap(), [0]);
    assert_eq!(guest.read(0, 9), Err(15));
    assert_eq!(guest.write(1, "x"), Err(errno::PIPE));
}
