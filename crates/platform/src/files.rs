//! Files: those that no other user can have written, and what tells one from another.
//!
//! A [`PrivateDirectory`] belongs to the process's user and no one else may write to it; so do the
//! files opened through it. That is checked on what was opened, never on a path beforehand, so
//! nothing can be put in its place in between. Whoever is granted rights by an access control list
//! counts too: such a list shows in the group's rights.
//!
//! Processes of the same user are trusted, and so is whoever may rename the directories above.

use crate::pages;
use rustix::fs::{Access, AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::{Pid, Resource};
use std::fmt;
use std::fs::{DirBuilder, File};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Rights of the group and of others to write.
const WRITABLE: u32 = 0o022;

/// Why something can't be trusted. It comes as the inner error of an [`io::Error`] whose kind is
/// `PermissionDenied`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotPrivate {
    /// Another user owns it.
    Owner {
        /// Who owns it.
        owner: u32,
        /// Whom the process runs as.
        user: u32,
    },
    /// The group or others may write to it; its permission bits.
    Writable(u32),
    /// It is a link, a pipe, a directory: anything but a plain file.
    Kind,
}

impl NotPrivate {
    /// The reason, if it is the reason for an error.
    pub fn of(error: &io::Error) -> Option<NotPrivate> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl fmt::Display for NotPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotPrivate::Owner { owner, user } => {
                write!(
                    f,
                    "it belongs to user {owner}, and this process runs as user {user}"
                )
            }
            NotPrivate::Writable(mode) => {
                write!(f, "the group or others may write to it (mode {mode:o})")
            }
            NotPrivate::Kind => f.write_str("it is not a plain file"),
        }
    }
}

impl std::error::Error for NotPrivate {}

impl From<NotPrivate> for io::Error {
    fn from(reason: NotPrivate) -> io::Error {
        io::Error::new(io::ErrorKind::PermissionDenied, reason)
    }
}

fn check(stat: &Stat, user: u32) -> Result<(), NotPrivate> {
    if stat.st_uid != user {
        let owner = stat.st_uid;
        return Err(NotPrivate::Owner { owner, user });
    }
    if stat.st_mode & WRITABLE != 0 {
        return Err(NotPrivate::Writable(stat.st_mode & 0o7777));
    }
    Ok(())
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A file in a directory's listing.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
    /// When it was written or touched last.
    pub modified: SystemTime,
}

/// An open directory that only the process's user may write to. Names are relative to it, without
/// slashes.
#[derive(Debug)]
pub struct PrivateDirectory(OwnedFd);

impl PrivateDirectory {
    /// Opens a directory; links to one are followed.
    pub fn open(path: &Path) -> io::Result<PrivateDirectory> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        check(&rustix::fs::fstat(&fd)?, user())?;
        Ok(PrivateDirectory(fd))
    }

    /// Opens a directory; first makes it, and those above it, for this user alone if it isn't there.
    pub fn open_or_create(path: &Path) -> io::Result<PrivateDirectory> {
        match PrivateDirectory::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(path)?;
                PrivateDirectory::open(path)
            }
            opened => opened,
        }
    }

    fn open_plain(&self, name: &str, how: OFlags) -> io::Result<File> {
        // Not to wait for the other end of a pipe.
        let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(&self.0, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            // Links, directories opened for writing, sockets and pipes without a reader.
            Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Err(NotPrivate::Kind.into()),
            Err(error) => return Err(error.into()),
        };
        let stat = rustix::fs::fstat(&fd)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(NotPrivate::Kind.into());
        }
        check(&stat, user())?;
        Ok(File::from(fd))
    }

    /// Opens a file for reading.
    pub fn open_file(&self, name: &str) -> io::Result<File> {
        self.open_plain(name, OFlags::RDONLY)
    }

    /// Opens a file for reading and for writing at its end.
    pub fn open_to_append(&self, name: &str) -> io::Result<File> {
        self.open_plain(name, OFlags::RDWR | OFlags::APPEND)
    }

    /// Whether the system lets this process make files in it.
    pub fn can_be_written(&self) -> bool {
        rustix::fs::accessat(&self.0, ".", Access::WRITE_OK, AtFlags::EACCESS).is_ok()
    }

    /// Makes a file for this user alone. It must not be there yet.
    pub fn create_file(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(File::from(fd))
    }

    /// Renames a file, in place of the one that has that name. Others see the one or the other.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    /// Removes a file. Whoever has it open keeps it.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// The plain files in it. Those that vanish meanwhile may be missing.
    pub fn files(&self) -> io::Result<Vec<Listed>> {
        let mut files = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if let Ok(stat) = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)
                && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            {
                files.push(Listed {
                    name: name.to_owned(),
                    len: stat.st_size.max(0) as u64,
                    modified: modified(&stat),
                });
            }
        }
        Ok(files)
    }

    /// Locks the directory, unless it is locked already: by another process or another opening of
    /// it. The lock goes with the process. Where directories can't be locked, every try succeeds.
    pub fn try_lock(&self) -> Option<DirectoryLock<'_>> {
        let tried = rustix::fs::flock(self.0.as_fd(), FlockOperation::NonBlockingLockExclusive);
        (tried != Err(Errno::WOULDBLOCK)).then_some(DirectoryLock(self))
    }
}

/// A directory, locked until this is dropped.
#[derive(Debug)]
pub struct DirectoryLock<'a>(&'a PrivateDirectory);

impl Drop for DirectoryLock<'_> {
    fn drop(&mut self) {
        // Closing the directory would not do: a process that was forked meanwhile has it open, too.
        let _ = rustix::fs::flock(self.0.0.as_fd(), FlockOperation::Unlock);
    }
}

fn modified(stat: &Stat) -> SystemTime {
    let since = Duration::new(stat.st_mtime.max(0) as u64, stat.st_mtime_nsec as u32);
    SystemTime::UNIX_EPOCH + since
}

/// The longest file that the process may write. Going beyond it kills the process.
pub fn longest_file() -> u64 {
    rustix::process::getrlimit(Resource::Fsize)
        .current
        .unwrap_or(u64::MAX)
}

/// Whether a process with that number is there, as far as can be seen from here.
pub fn process_exists(pid: u32) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(Errno::SRCH))
}

/// What tells a file from all others, and from itself once it has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileIdentity([i64; 7]);

impl FileIdentity {
    /// Bytes of [`to_bytes`](Self::to_bytes).
    pub const LEN: usize = 7 * 8;

    /// File systems keep times in steps. A change in the same step as the one before shows in nothing, so
    /// a file must have been left alone for so long.
    const SETTLED_AFTER: Duration = Duration::from_secs(3);

    /// The identity of an open file. `None` if it is not a plain file, or has changed just now.
    pub fn of(file: &File) -> io::Result<Option<FileIdentity>> {
        FileIdentity::at(file, SystemTime::now())
    }

    fn at(file: &File, now: SystemTime) -> io::Result<Option<FileIdentity>> {
        let metadata = file.metadata()?;
        let identity = FileIdentity([
            metadata.dev().cast_signed(),
            metadata.ino().cast_signed(),
            metadata.size().cast_signed(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
        ]);
        let time =
            |seconds: i64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.max(0) as u64);
        let last = time(metadata.mtime().max(metadata.ctime()));
        // Times in the future have not settled.
        let settled = now
            .duration_since(last)
            .is_ok_and(|age| age >= Self::SETTLED_AFTER);
        Ok((metadata.is_file() && settled).then_some(identity))
    }

    /// It as bytes.
    pub fn to_bytes(&self) -> [u8; FileIdentity::LEN] {
        let mut bytes = [0; FileIdentity::LEN];
        for (place, number) in bytes.chunks_exact_mut(8).zip(self.0) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }
}

/// From this size on, a second thread helps to read a file: most of the time goes to finding memory for it.
const HELP_FROM: usize = 4 << 20;

/// Whether two are the same file, not only the same contents.
pub fn are_same(one: &File, other: &File) -> bool {
    let identity = |file: &File| rustix::fs::fstat(file).map(|stat| (stat.st_dev, stat.st_ino));
    identity(one).is_ok_and(|one| identity(other) == Ok(one))
}

/// Reads a whole file. Memory that can't be had is an error.
pub fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let metadata = file.metadata()?;
    let len = usize::try_from(metadata.len()).unwrap_or(0);
    let mut bytes = Vec::new();
    // One more, so that reading finds the end without growing.
    bytes.try_reserve_exact(len.saturating_add(1))?;
    if metadata.is_file() && len >= HELP_FROM {
        let (first, second) = bytes.spare_capacity_mut()[..len].split_at_mut(len / 2);
        let at = first.len();
        let (first, second) = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new();
            let helper = thread.spawn_scoped(scope, || read_at(file, second, at as u64));
            let first = read_at(file, first, 0);
            // What no thread reads is read below.
            let second = helper.map_or(Ok(0), |helper| {
                helper.join().expect("reading does not panic")
            });
            (first, second)
        });
        let (first, second) = (first?, second?);
        let read = if first == at { at + second } else { first };
        // SAFETY: so many bytes from the start were read.
        unsafe { bytes.set_len(read) };
        io::Seek::seek(file, io::SeekFrom::Start(read as u64))?;
    }
    // The rest, if it has grown meanwhile or has no length.
    io::Read::read_to_end(file, &mut bytes)?;
    Ok(bytes)
}

/// Fills a buffer from a place in a file, unless that ends before. Returns how many bytes it read.
fn read_at(file: &File, buffer: &mut [MaybeUninit<u8>], offset: u64) -> io::Result<usize> {
    const STEP: usize = 1 << 20;
    let mut done = 0;
    while done < buffer.len() {
        let end = buffer.len().min(done + STEP);
        let step = &mut buffer[done..end];
        pages::will_write(std::ptr::from_mut(step) as *mut [u8]);
        match rustix::io::pread(file, step, offset + done as u64) {
            Ok(([], _)) => break,
            Ok((read, _)) => done += read.len(),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn large_files_are_read_whole() {
        let path = std::env::temp_dir().join(format!("mainspring-read-{}", std::process::id()));
        for len in [0, 1, HELP_FROM - 1, HELP_FROM, HELP_FROM + 12_345] {
            let contents: Vec<u8> = (0..len as u32)
                .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect();
            std::fs::write(&path, &contents).unwrap();
            assert!(
                read(&mut File::open(&path).unwrap()).unwrap() == contents,
                "{len}"
            );
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn identities_change_with_contents() {
        let path = std::env::temp_dir().join(format!("mainspring-identity-{}", std::process::id()));
        std::fs::write(&path, "one").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        assert_eq!(FileIdentity::of(&file).unwrap(), None, "just written");
        let later = SystemTime::now() + Duration::from_secs(10);
        let identity = |file: &File| FileIdentity::at(file, later).unwrap();
        let before = identity(&file).expect("it has settled");
        let again = identity(&File::open(&path).unwrap()).unwrap();
        assert_eq!(again.to_bytes(), before.to_bytes());
        // The time of modification can be set back; that of the change can't.
        let modified = file.metadata().unwrap().modified().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        std::fs::write(&path, "two").unwrap();
        file.set_modified(modified).unwrap();
        assert_ne!(identity(&file), Some(before));
        assert_eq!(identity(&File::open("/").unwrap()), None);
        std::fs::remove_file(path).unwrap();
    }

    fn stat(uid: u32, mode: u32) -> Stat {
        let mut stat = rustix::fs::stat("/").unwrap();
        stat.st_uid = uid;
        stat.st_mode = mode;
        stat
    }

    #[test]
    fn owner_and_rights_decide() {
        assert_eq!(check(&stat(7, 0o100600), 7), Ok(()));
        assert_eq!(check(&stat(7, 0o40755), 7), Ok(()));
        let foreign = NotPrivate::Owner { owner: 7, user: 8 };
        assert_eq!(check(&stat(7, 0o40700), 8), Err(foreign));
        let root = NotPrivate::Owner { owner: 7, user: 0 };
        assert_eq!(check(&stat(7, 0o40700), 0), Err(root));
        for mode in [0o720, 0o702, 0o777] {
            let expected = Err(NotPrivate::Writable(mode));
            assert_eq!(check(&stat(7, 0o40000 | mode), 7), expected);
        }
    }

    #[test]
    fn directories_are_made_for_one_user_and_listed() {
        let base = std::env::temp_dir().join(format!("mainspring-files-{}", std::process::id()));
        let path = base.join("a/b");
        let directory = PrivateDirectory::open_or_create(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
        directory.create_file("x").unwrap().set_len(5).unwrap();
        assert!(directory.create_file("x").is_err());
        std::os::unix::fs::symlink("x", path.join("link")).unwrap();
        std::fs::create_dir(path.join("sub")).unwrap();
        let listed = directory.files().unwrap();
        assert_eq!((listed.len(), listed[0].len), (1, 5));
        assert!(listed[0].modified.elapsed().unwrap() < Duration::from_secs(60));
        for name in ["link", "sub"] {
            let error = directory.open_file(name).unwrap_err();
            assert_eq!(NotPrivate::of(&error), Some(NotPrivate::Kind));
        }
        let error = directory.open_file("missing").unwrap_err();
        assert_eq!(NotPrivate::of(&error), None);
        std::fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn one_lock_at_a_time() {
        let path = std::env::temp_dir().join(format!("mainspring-lock-{}", std::process::id()));
        let first = PrivateDirectory::open_or_create(&path).unwrap();
        let second = PrivateDirectory::open(&path).unwrap();
        let locked = first.try_lock();
        assert!(locked.is_some());
        assert!(second.try_lock().is_none());
        // As a process has it that was forked meanwhile.
        let forked = first.0.try_clone().unwrap();
        drop(locked);
        assert!(second.try_lock().is_some());
        drop(forked);
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn processes_come_and_go() {
        assert!(process_exists(std::process::id()));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(!process_exists(child.id()));
        assert!(!process_exists(0));
    }
}
