//! Sockets that the embedder opened, and the connections that they accept.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use rustix::io::retry_on_intr;
use rustix::net::sockopt::socket_type;
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendFlags, Shutdown,
    SocketFlags, SocketType, acceptfrom_with, recvmsg, sendmsg, shutdown,
};

use super::stat::FileType;

/// What an address of the network is about to be used for.
#[derive(Clone, Copy, Debug)]
pub enum SocketAddrUse {
    /// Give a TCP socket the address.
    TcpBind,
    /// Let a TCP socket at the address take connections.
    TcpListen,
    /// Take a connection from the address.
    TcpAccept,
    /// Connect to the address.
    TcpConnect,
    /// Give a UDP socket the address.
    UdpBind,
    /// Send a datagram to the address.
    UdpSend,
    /// Receive a datagram from the address.
    UdpReceive,
}

/// A promise to say whether an address may be used.
pub(crate) type Verdict = Pin<Box<dyn Future<Output = bool> + Send + Sync>>;

/// The embedder's say in which addresses may be used.
pub(crate) struct SocketAddrCheck(
    pub Box<dyn Fn(SocketAddr, SocketAddrUse) -> Verdict + Send + Sync>,
);

impl SocketAddrCheck {
    /// Waits, on this thread, until the embedder has said so.
    fn permits(&self, address: SocketAddr, purpose: SocketAddrUse) -> bool {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut verdict = (self.0)(address, purpose);
        loop {
            match verdict.as_mut().poll(&mut context) {
                Poll::Ready(permitted) => return permitted,
                Poll::Pending => thread::park(),
            }
        }
    }
}

/// A listening or a connected socket.
pub(crate) struct Socket {
    fd: OwnedFd,
    /// What is sent in one call arrives in one.
    keeps_messages: bool,
}

impl Socket {
    pub fn new(fd: OwnedFd) -> Socket {
        let keeps_messages = socket_type(&fd) != Ok(SocketType::STREAM);
        Socket { fd, keeps_messages }
    }

    pub fn keeps_messages(&self) -> bool {
        self.keeps_messages
    }

    pub fn kind(&self) -> io::Result<FileType> {
        Ok(match socket_type(&self.fd)? {
            SocketType::STREAM | SocketType::SEQPACKET => FileType::StreamSocket,
            SocketType::DGRAM => FileType::DatagramSocket,
            _ => FileType::Unknown,
        })
    }

    /// The next connection, whose reads and writes do not wait if it is `nonblocking`. Those
    /// that `check` refuses are closed, as if they had never come.
    pub fn accept(&self, nonblocking: bool, check: Option<&SocketAddrCheck>) -> io::Result<Socket> {
        let mut flags = SocketFlags::CLOEXEC;
        flags.set(SocketFlags::NONBLOCK, nonblocking);
        loop {
            let (fd, address) = retry_on_intr(|| acceptfrom_with(&self.fd, flags))?;
            // Connections within the machine have no such address.
            let address = address.and_then(|address| SocketAddr::try_from(address).ok());
            let permitted = match (check, address) {
                (Some(check), Some(address)) => check.permits(address, SocketAddrUse::TcpAccept),
                _ => true,
            };
            if permitted {
                return Ok(Socket::new(fd));
            }
        }
    }

    /// Returns the number of bytes, and whether the rest of a datagram was lost.
    pub fn receive(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> io::Result<(usize, bool)> {
        // The kernel would wait for data that nobody has room for.
        if buffers.iter().all(|buffer| buffer.is_empty()) {
            return Ok((0, false));
        }
        let message = retry_on_intr(|| {
            recvmsg(
                &self.fd,
                buffers,
                &mut RecvAncillaryBuffer::default(),
                flags | RecvFlags::CMSG_CLOEXEC,
            )
        })?;
        let truncated = message.flags.contains(ReturnFlags::TRUNC);
        Ok((message.bytes, truncated))
    }

    /// A peer that is gone is an error, never a signal.
    pub fn send(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(retry_on_intr(|| {
            sendmsg(
                &self.fd,
                buffers,
                &mut SendAncillaryBuffer::default(),
                SendFlags::NOSIGNAL,
            )
        })?)
    }

    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        Ok(shutdown(&self.fd, how)?)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
