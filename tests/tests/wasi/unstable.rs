//! Preview 0, where it is not preview 1 under another name.

use std::time::{Duration, Instant};

use mainspring_wasi::{FsPerms, WasiCtxBuilder};
use tempfile::TempDir;

use crate::guest::{DATA, DIR, FOLLOW, Guest, Open, errno, filetype, oflags};

fn with_dir() -> (TempDir, Guest) {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder
        .preopened_dir(dir.path(), "/", FsPerms::ReadWrite)
        .unwrap();
    let guest = Guest::unstable(&mut builder);
    (dir, guest)
}

#[test]
fn files_are_written_read_and_listed() {
    let (dir, mut guest) = with_dir();
    let create = Open::both().oflags(oflags::CREAT);
    let file = guest.open(DIR, "file", create).unwrap();
    assert_eq!(guest.write(file, "hello world"), Ok(11));
    assert_eq!(guest.pread(file, 5, 6).unwrap(), b"world");
    assert_eq!(guest.names(DIR, 4096).unwrap().len(), 3);
    assert_eq!(guest.fdstat(file).unwrap().kind, filetype::REGULAR_FILE);
    let on_disk = std::fs::read(dir.path().join("file")).unwrap();
    assert_eq!(on_disk, b"hello world");
}

#[test]
fn seeking_counts_from_here_from_the_end_and_from_the_start() {
    let (_dir, mut guest) = with_dir();
    let create = Open::both().oflags(oflags::CREAT);
    let file = guest.open(DIR, "file", create).unwrap();
    guest.write(file, "0123456789").unwrap();
    assert_eq!(guest.seek(file, 3, 2), Ok(3));
    assert_eq!(guest.seek(file, 2, 0), Ok(5));
    assert_eq!(guest.seek(file, -1, 1), Ok(9));
    assert_eq!(guest.seek(file, 0, 3), Err(errno::INVAL));
    assert_eq!(guest.tell(file), Ok(9));
}

#[test]
fn links_are_counted_in_32_bits() {
    let (dir, mut guest) = with_dir();
    std::fs::write(dir.path().join("file"), "12345").unwrap();
    guest.link(DIR, 0, "file", DIR, "other").unwrap();
    let file = guest.open(DIR, "file", Open::read()).unwrap();
    let host = std::fs::metadata(dir.path().join("file")).unwrap();
    let inode = std::os::unix::fs::MetadataExt::ino(&host);
    let modified = host.modified().unwrap();
    let modified = modified.duration_since(std::time::UNIX_EPOCH).unwrap();

    let check = |guest: &Guest| {
        assert_eq!(guest.u64_at(DATA + 8), inode);
        assert_eq!(guest.bytes(DATA + 16, 1), [filetype::REGULAR_FILE]);
        assert_eq!(guest.u32_at(DATA + 20), 2);
        assert_eq!(guest.u64_at(DATA + 24), 5);
        assert_eq!(guest.u64_at(DATA + 40), modified.as_nanos() as u64);
        // Nothing behind it is touched.
        assert_eq!(guest.bytes(DATA + 56, 8), [0xaa; 8]);
    };
    guest.put(DATA, &[0xaa; 64]);
    guest
        .call("fd_filestat_get", &[file.into(), DATA.into()])
        .unwrap();
    check(&guest);
    guest.put(DATA, &[0xaa; 64]);
    let (path, length) = guest.pass("file");
    let call = [DIR.into(), FOLLOW.into(), path, length, DATA.into()];
    guest.call("path_filestat_get", &call).unwrap();
    check(&guest);
}

#[test]
fn clocks_have_an_identifier_when_they_are_waited_for() {
    let (_dir, mut guest) = with_dir();
    let mut subscriptions = [0; 2 * 56];
    // A clock that has far to go, and one that has not.
    for (nth, timeout) in [u64::MAX, 30_000_000].into_iter().enumerate() {
        let bytes = &mut subscriptions[nth * 56..][..56];
        bytes[..8].copy_from_slice(&(nth as u64 + 7).to_le_bytes());
        bytes[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
        bytes[24] = 1;
        bytes[32..40].copy_from_slice(&timeout.to_le_bytes());
    }
    guest.put(DATA, &subscriptions);
    let events = DATA + 1024;
    let start = Instant::now();
    guest
        .call("poll_oneoff", &[DATA.into(), events.into(), 2, 0])
        .unwrap();
    let slept = start.elapsed();
    assert!(slept >= Duration::from_millis(30), "{slept:?}");
    assert!(slept < Duration::from_secs(10), "{slept:?}");
    assert_eq!((guest.u32_at(0), guest.u64_at(events)), (1, 8));
}
