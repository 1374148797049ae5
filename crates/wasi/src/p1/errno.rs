// tidy: table
//! Preview 1's error numbers, and what each error of the host becomes.

use std::io::{Error, ErrorKind};

use rustix::io::Errno as Host;

/// An error number as a guest sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Errno {
    TooBig = 1,
    Access = 2,
    AddressInUse = 3,
    AddressNotAvailable = 4,
    AddressFamilyNotSupported = 5,
    Again = 6,
    Already = 7,
    BadDescriptor = 8,
    BadMessage = 9,
    Busy = 10,
    Canceled = 11,
    Child = 12,
    ConnectionAborted = 13,
    ConnectionRefused = 14,
    ConnectionReset = 15,
    Deadlock = 16,
    DestinationRequired = 17,
    Domain = 18,
    Quota = 19,
    Exists = 20,
    Fault = 21,
    FileTooBig = 22,
    HostUnreachable = 23,
    IdentifierRemoved = 24,
    IllegalSequence = 25,
    InProgress = 26,
    Interrupted = 27,
    Invalid = 28,
    Io = 29,
    IsConnected = 30,
    IsDirectory = 31,
    Loop = 32,
    TooManyFiles = 33,
    TooManyLinks = 34,
    MessageSize = 35,
    Multihop = 36,
    NameTooLong = 37,
    NetworkDown = 38,
    NetworkReset = 39,
    NetworkUnreachable = 40,
    FileTableOverflow = 41,
    NoBufferSpace = 42,
    NoDevice = 43,
    NoEntry = 44,
    NotExecutable = 45,
    NoLock = 46,
    NoLink = 47,
    OutOfMemory = 48,
    NoMessage = 49,
    NoProtocolOption = 50,
    NoSpace = 51,
    NotImplemented = 52,
    NotConnected = 53,
    NotDirectory = 54,
    NotEmpty = 55,
    NotRecoverable = 56,
    NotSocket = 57,
    NotSupported = 58,
    NotTerminal = 59,
    NoSuchAddress = 60,
    Overflow = 61,
    OwnerDead = 62,
    NotPermitted = 63,
    Pipe = 64,
    Protocol = 65,
    ProtocolNotSupported = 66,
    ProtocolType = 67,
    Range = 68,
    ReadOnlyFileSystem = 69,
    IllegalSeek = 70,
    NoProcess = 71,
    Stale = 72,
    TimedOut = 73,
    TextBusy = 74,
    CrossDevice = 75,
    NotCapable = 76,
}

impl From<&Error> for Errno {
    fn from(error: &Error) -> Errno {
        match Host::from_io_error(error) {
            Some(host) => host.into(),
            None => of_kind(error.kind()),
        }
    }
}

impl From<Host> for Errno {
    fn from(host: Host) -> Errno {
        HOST.iter()
            .find(|(known, _)| *known == host)
            .map_or(Errno::Io, |(_, errno)| *errno)
    }
}

/// Errors that no system call made: those of `cap-std`, which refuses a path that
/// leads out of the sandbox with `PermissionDenied`, and of streams that the
/// embedder wrote.
fn of_kind(kind: ErrorKind) -> Errno {
    match kind {
        ErrorKind::PermissionDenied => Errno::NotPermitted,
        ErrorKind::NotFound => Errno::NoEntry,
        ErrorKind::AlreadyExists => Errno::Exists,
        ErrorKind::InvalidInput => Errno::Invalid,
        ErrorKind::BrokenPipe => Errno::Pipe,
        ErrorKind::ConnectionReset => Errno::ConnectionReset,
        ErrorKind::ConnectionAborted => Errno::ConnectionAborted,
        ErrorKind::NotConnected => Errno::NotConnected,
        ErrorKind::WouldBlock => Errno::Again,
        ErrorKind::TimedOut => Errno::TimedOut,
        ErrorKind::Interrupted => Errno::Interrupted,
        ErrorKind::StorageFull | ErrorKind::WriteZero => Errno::NoSpace,
        ErrorKind::QuotaExceeded => Errno::Quota,
        ErrorKind::FileTooLarge => Errno::FileTooBig,
        ErrorKind::OutOfMemory => Errno::OutOfMemory,
        ErrorKind::Unsupported => Errno::NotSupported,
        _ => Errno::Io,
    }
}

/// The host's numbers in the order of how often guests meet them.
const HOST: &[(Host, Errno)] = &[
    (Host::NOENT, Errno::NoEntry),
    (Host::EXIST, Errno::Exists),
    (Host::BADF, Errno::BadDescriptor),
    (Host::AGAIN, Errno::Again),
    (Host::NOTDIR, Errno::NotDirectory),
    (Host::ISDIR, Errno::IsDirectory),
    (Host::ACCESS, Errno::Access),
    (Host::PERM, Errno::NotPermitted),
    (Host::INVAL, Errno::Invalid),
    (Host::SPIPE, Errno::IllegalSeek),
    (Host::PIPE, Errno::Pipe),
    (Host::NOSPC, Errno::NoSpace),
    (Host::NOTEMPTY, Errno::NotEmpty),
    (Host::LOOP, Errno::Loop),
    (Host::NAMETOOLONG, Errno::NameTooLong),
    (Host::TOOBIG, Errno::TooBig),
    (Host::ADDRINUSE, Errno::AddressInUse),
    (Host::ADDRNOTAVAIL, Errno::AddressNotAvailable),
    (Host::AFNOSUPPORT, Errno::AddressFamilyNotSupported),
    (Host::ALREADY, Errno::Already),
    (Host::BADMSG, Errno::BadMessage),
    (Host::BUSY, Errno::Busy),
    (Host::CANCELED, Errno::Canceled),
    (Host::CHILD, Errno::Child),
    (Host::CONNABORTED, Errno::ConnectionAborted),
    (Host::CONNREFUSED, Errno::ConnectionRefused),
    (Host::CONNRESET, Errno::ConnectionReset),
    (Host::DEADLK, Errno::Deadlock),
    (Host::DESTADDRREQ, Errno::DestinationRequired),
    (Host::DOM, Errno::Domain),
    (Host::DQUOT, Errno::Quota),
    (Host::FAULT, Errno::Fault),
    (Host::FBIG, Errno::FileTooBig),
    (Host::HOSTUNREACH, Errno::HostUnreachable),
    (Host::IDRM, Errno::IdentifierRemoved),
    (Host::ILSEQ, Errno::IllegalSequence),
    (Host::INPROGRESS, Errno::InProgress),
    (Host::INTR, Errno::Interrupted),
    (Host::IO, Errno::Io),
    (Host::ISCONN, Errno::IsConnected),
    (Host::MFILE, Errno::TooManyFiles),
    (Host::MLINK, Errno::TooManyLinks),
    (Host::MSGSIZE, Errno::MessageSize),
    (Host::MULTIHOP, Errno::Multihop),
    (Host::NETDOWN, Errno::NetworkDown),
    (Host::NETRESET, Errno::NetworkReset),
    (Host::NETUNREACH, Errno::NetworkUnreachable),
    (Host::NFILE, Errno::FileTableOverflow),
    (Host::NOBUFS, Errno::NoBufferSpace),
    (Host::NODEV, Errno::NoDevice),
    (Host::NOEXEC, Errno::NotExecutable),
    (Host::NOLCK, Errno::NoLock),
    (Host::NOLINK, Errno::NoLink),
    (Host::NOMEM, Errno::OutOfMemory),
    (Host::NOMSG, Errno::NoMessage),
    (Host::NOPROTOOPT, Errno::NoProtocolOption),
    (Host::NOSYS, Errno::NotImplemented),
    (Host::NOTCONN, Errno::NotConnected),
    (Host::NOTRECOVERABLE, Errno::NotRecoverable),
    (Host::NOTSOCK, Errno::NotSocket),
    (Host::OPNOTSUPP, Errno::NotSupported),
    (Host::NOTTY, Errno::NotTerminal),
    (Host::NXIO, Errno::NoSuchAddress),
    (Host::OVERFLOW, Errno::Overflow),
    (Host::OWNERDEAD, Errno::OwnerDead),
    (Host::PROTO, Errno::Protocol),
    (Host::PROTONOSUPPORT, Errno::ProtocolNotSupported),
    (Host::PROTOTYPE, Errno::ProtocolType),
    (Host::RANGE, Errno::Range),
    (Host::ROFS, Errno::ReadOnlyFileSystem),
    (Host::SRCH, Errno::NoProcess),
    (Host::STALE, Errno::Stale),
    (Host::TIMEDOUT, Errno::TimedOut),
    (Host::TXTBSY, Errno::TextBusy),
    (Host::XDEV, Errno::CrossDevice),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_both_ends_and_the_middle() {
        assert_eq!(Errno::TooBig as u16, 1);
        assert_eq!(Errno::BadDescriptor as u16, 8);
        assert_eq!(Errno::Invalid as u16, 28);
        assert_eq!(Errno::NoEntry as u16, 44);
        assert_eq!(Errno::NotPermitted as u16, 63);
        assert_eq!(Errno::NotCapable as u16, 76);
    }

    #[test]
    fn errors_of_the_system_and_of_libraries() {
        assert_eq!(
            Errno::from(&Error::from(Host::ROFS)),
            Errno::ReadOnlyFileSystem
        );
        let escape = Error::new(ErrorKind::PermissionDenied, "out of the sandbox");
        assert_eq!(Errno::from(&escape), Errno::NotPermitted);
        // A number that preview 1 has no word for.
        assert_eq!(Errno::from(Host::UCLEAN), Errno::Io);
    }
}
