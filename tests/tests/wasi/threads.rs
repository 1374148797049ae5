//! Guests on several threads.

use std::io::{self, Write};
use std::thread;

use mainspring_wasi::{FsPerms, WasiCtxBuilder};

use crate::guest::{DIR, Guest, Open, errno, oflags};

#[test]
fn what_a_thread_opens_all_have() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder
        .preopened_dir(dir.path(), "/", FsPerms::ReadWrite)
        .unwrap();
    let context = builder.build_p1();
    let mut guest = Guest::in_world(context.clone());
    let opened = thread::spawn(move || {
        let mut other = Guest::in_world(context);
        let file = other.open(DIR, "file", Open::both().oflags(oflags::CREAT));
        let file = file.unwrap();
        assert_eq!(other.write(file, "text"), Ok(4));
        file
    });
    let file = opened.join().unwrap();
    assert_eq!(guest.pread(file, 9, 0).unwrap(), b"text");
    assert_eq!(guest.tell(file), Ok(4));
}

/// While one thread waits for input, others use all else, and this descriptor too.
#[test]
fn a_call_that_waits_keeps_no_other_waiting() {
    let (input, mut writer) = io::pipe().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdin(input)
        .preopened_dir(dir.path(), "/", FsPerms::ReadWrite)
        .unwrap();
    let context = builder.build_p1();
    let mut guest = Guest::in_world(context.clone());
    let (about_to_wait, waits) = io::pipe().unwrap();
    let reader = thread::spawn(move || {
        drop(waits);
        Guest::in_world(context).read(0, 9)
    });
    // The end of this pipe says that the thread runs.
    assert_eq!(io::read_to_string(about_to_wait).unwrap(), "");
    thread::sleep(std::time::Duration::from_millis(20));

    assert!(!reader.is_finished());
    assert!(guest.fdstat(0).is_ok());
    let file = guest.open(DIR, "file", Open::write().oflags(oflags::CREAT));
    assert_eq!(guest.write(file.unwrap(), "text"), Ok(4));
    guest.call("fd_close", &[0]).unwrap();
    assert_eq!(guest.read(0, 1), Err(errno::BADF));
    // Who reads keeps open what it reads from.
    writer.write_all(b"late").unwrap();
    assert_eq!(reader.join().unwrap(), Ok(b"late".to_vec()));
}

#[test]
fn numbers_are_given_to_one_thread_each() {
    const THREADS: u32 = 4;
    const FILES: u32 = 200;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder
        .preopened_dir(dir.path(), "/", FsPerms::ReadWrite)
        .unwrap();
    let context = builder.build_p1();
    let opener = || {
        let mut guest = Guest::in_world(context.clone());
        (0..FILES)
            .map(|nth| {
                let file = guest.open(DIR, "file", Open::read()).unwrap();
                if nth % 3 == 0 {
                    guest.call("fd_close", &[file.into()]).unwrap();
                    return None;
                }
                Some(file)
            })
            .collect::<Vec<_>>()
    };
    let all = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(opener)).collect();
        let all = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        all.flatten().collect::<Vec<_>>()
    });
    let mut numbers = all.clone();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), all.len());
    assert_eq!(all.len() as u32, THREADS * (FILES - FILES.div_ceil(3)));
}
