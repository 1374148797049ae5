//! Sockets that the embedder opened, and the connections that they accept.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::retry_on_intr;
use rustix::net::sockopt::socket_type;
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendFlags, Shutdown,
    SocketFlags, SocketType, accept_with, recvmsg, sendmsg, shutdown,
};

use super::stat::FileType;

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

    pub fn accept(&self, nonblocking: bool) -> io::Result<Socket> {
        let mut flags = SocketFlags::CLOEXEC;
        flags.set(SocketFlags::NONBLOCK, nonblocking);
        let fd = retry_on_intr(|| accept_with(&self.fd, flags))?;
        Ok(Socket::new(fd))
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
