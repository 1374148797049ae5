//! Sockets that the embedder opened: a listener, and a connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use mainspring_wasi::WasiCtxBuilder;

use crate::guest::{DATA, Errno, Guest, errno, fdflags, filetype, rights, with_dir};

fn listening() -> (Guest, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let guest = Guest::new(WasiCtxBuilder::new().preopened_socket(listener));
    (guest, address)
}

fn accept(guest: &mut Guest, fd: u32, flags: u32) -> Errno<u32> {
    guest.call("sock_accept", &[fd.into(), flags.into(), 0])?;
    Ok(guest.u32_at(0))
}

fn receive(guest: &mut Guest, fd: u32, room: u32, flags: u64) -> Errno<(Vec<u8>, u32)> {
    let (list, count) = guest.pass_buffers(&[(DATA, room)]);
    guest.call("sock_recv", &[fd.into(), list, count, flags, 0, 8])?;
    let flags = guest.u32_at(8) & 0xffff;
    Ok((guest.bytes(DATA, guest.u32_at(0)), flags))
}

fn send(guest: &mut Guest, fd: u32, bytes: &[u8]) -> Errno<u32> {
    guest.put(DATA, bytes);
    let (list, count) = guest.pass_buffers(&[(DATA, bytes.len() as u32)]);
    guest.call("sock_send", &[fd.into(), list, count, 0, 0])?;
    Ok(guest.u32_at(0))
}

#[test]
fn a_guest_serves_a_connection() {
    let (mut guest, address) = listening();
    let client = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"hello guest").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let connection = accept(&mut guest, 3, 0).unwrap();
    assert_eq!(connection, 4);
    for fd in [3, connection] {
        let stat = guest.fdstat(fd).unwrap();
        assert_eq!(stat.kind, filetype::SOCKET_STREAM);
        assert_ne!(stat.base & rights::READ, 0);
        assert_eq!(guest.fd_stat(fd).unwrap().kind, filetype::SOCKET_STREAM);
    }
    // A look ahead, then some of it, then the rest as from a file.
    let peek = receive(&mut guest, connection, 5, 1);
    assert_eq!(peek, Ok((b"hello".to_vec(), 0)));
    let whole = receive(&mut guest, connection, 5, 2);
    assert_eq!(whole, Ok((b"hello".to_vec(), 0)));
    assert_eq!(guest.read(connection, 99).unwrap(), b" guest");
    assert_eq!(send(&mut guest, connection, b"hello "), Ok(6));
    assert_eq!(guest.write(connection, "host"), Ok(4));
    guest
        .call("sock_shutdown", &[connection.into(), 2])
        .unwrap();
    assert_eq!(client.join().unwrap(), "hello host");
    // The other end is closed: the end of the data, and no way to write.
    assert_eq!(guest.read(connection, 99).unwrap(), b"");
    assert_eq!(guest.write(connection, "x"), Err(errno::PIPE));
    guest.close(connection).unwrap();
}

#[test]
fn a_socket_that_must_not_block_does_not() {
    let (mut guest, address) = listening();
    let set = [3, fdflags::NONBLOCK.into()];
    guest.call("fd_fdstat_set_flags", &set).unwrap();
    assert_eq!(accept(&mut guest, 3, 0), Err(errno::AGAIN));
    let _client = TcpStream::connect(address).unwrap();
    let connection = loop {
        match accept(&mut guest, 3, fdflags::NONBLOCK) {
            Err(errno::AGAIN) => std::thread::yield_now(),
            accepted => break accepted.unwrap(),
        }
    };
    assert_eq!(
        guest.fdstat(connection).unwrap().flags,
        fdflags::NONBLOCK as u16
    );
    assert_eq!(receive(&mut guest, connection, 9, 0), Err(errno::AGAIN));
    // Room for nothing is filled at once.
    assert_eq!(receive(&mut guest, connection, 0, 0), Ok((vec![], 0)));
}

#[test]
fn a_connection_can_be_granted_as_it_is() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut guest = Guest::new(WasiCtxBuilder::new().preopened_socket(theirs));
    (&ours).write_all(b"in").unwrap();
    assert_eq!(guest.read_buffers(3, &[(DATA, 1), (DATA + 1, 9)]), Ok(2));
    assert_eq!(guest.bytes(DATA, 2), b"in");
    drop(ours);
    assert_eq!(guest.write(3, "x"), Err(errno::PIPE));
    assert_eq!(guest.seek(3, 0, 0), Err(errno::SPIPE));
    assert_eq!(guest.pread(3, 1, 0), Err(errno::SPIPE));
    assert_eq!(accept(&mut guest, 3, 0), Err(errno::INVAL));
}

#[test]
fn a_datagram_that_does_not_fit_says_so() {
    let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
    let mut guest = Guest::new(WasiCtxBuilder::new().preopened_socket(theirs));
    ours.send(b"0123456789").unwrap();
    let received = receive(&mut guest, 3, 4, 0);
    assert_eq!(received, Ok((b"0123".to_vec(), 1)));
}

#[test]
fn a_datagram_of_any_number_of_buffers_stays_one() {
    let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
    let mut guest = Guest::new(WasiCtxBuilder::new().preopened_socket(theirs));
    for count in [1, 9, 1024, 1025, 3000] {
        let text: Vec<u8> = (0..count).map(|nth| nth as u8).collect();
        let data = DATA + 0x1_0000;
        let mut list = Vec::new();
        for nth in 0..count {
            list.extend((data + nth).to_le_bytes());
            list.extend(1_u32.to_le_bytes());
        }
        guest.put(DATA, &list);
        guest.put(data, &text);
        let call = [3, DATA.into(), count.into(), 0, 0];
        guest.call("sock_send", &call).unwrap();
        let mut received = vec![0; 5000];
        let length = ours.recv(&mut received).unwrap();
        assert_eq!(received[..length], text);

        guest.put(data, &vec![0; count as usize]);
        ours.send(&text).unwrap();
        let call = [3, DATA.into(), count.into(), 0, 0, 4];
        guest.call("sock_recv", &call).unwrap();
        assert_eq!(guest.u32_at(0), count);
        assert_eq!(guest.bytes(data, count), text);
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (_dir, mut guest) = with_dir();
    for fd in [0, 1, 3] {
        assert_eq!(accept(&mut guest, fd, 0), Err(errno::NOTSOCK));
        assert_eq!(receive(&mut guest, fd, 1, 0), Err(errno::NOTSOCK));
        assert_eq!(send(&mut guest, fd, b"x"), Err(errno::NOTSOCK));
        let shut = guest.call("sock_shutdown", &[fd.into(), 1]);
        assert_eq!(shut, Err(errno::NOTSOCK));
    }
    let (mut guest, _) = listening();
    assert_eq!(accept(&mut guest, 3, fdflags::APPEND), Err(errno::INVAL));
    assert_eq!(guest.call("sock_shutdown", &[3, 0]), Err(errno::INVAL));
    assert_eq!(guest.call("sock_shutdown", &[3, 4]), Err(errno::INVAL));
    assert_eq!(receive(&mut guest, 3, 1, 4), Err(errno::INVAL));
    assert_eq!(guest.call("sock_send", &[3, 0, 0, 1, 0]), Err(errno::INVAL));
}
