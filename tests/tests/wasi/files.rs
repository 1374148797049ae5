//! Files: opening, reading, writing, positions, sizes, times, flags and rights,
//! and the numbers that stand for them.

use std::os::unix::fs::PermissionsExt;

use mainspring_wasi::{FsPerms, WasiCtxBuilder};

use crate::guest::{
    DATA, DIR, Guest, Open, errno, fdflags, filetype, guest_of, oflags, rights, with_dir,
};

#[test]
fn what_is_written_is_read_back() {
    let (dir, mut guest) = with_dir();
    let create = Open::both().oflags(oflags::CREAT);
    let file = guest.open(DIR, "file", create).unwrap();
    assert_eq!(file, 4);
    assert_eq!(guest.write(file, "hello world"), Ok(11));
    assert_eq!(guest.tell(file), Ok(11));
    assert_eq!(guest.seek(file, -5, 1), Ok(6));
    assert_eq!(guest.read(file, 100).unwrap(), b"world");
    assert_eq!(guest.read(file, 100).unwrap(), b"");
    assert_eq!(guest.seek(file, -11, 2), Ok(0));
    assert_eq!(guest.read(file, 5).unwrap(), b"hello");
    assert_eq!(guest.seek(file, 20, 0), Ok(20));
    assert_eq!(guest.write(file, "far"), Ok(3));
    assert_eq!(guest.seek(file, -1, 0), Err(errno::INVAL));
    assert_eq!(guest.seek(file, i64::MIN, 1), Err(errno::INVAL));
    guest.close(file).unwrap();
    let on_disk = std::fs::read(dir.path().join("file")).unwrap();
    assert_eq!(on_disk, b"hello world\0\0\0\0\0\0\0\0\0far");
}

#[test]
fn reads_and_writes_at_an_offset_leave_the_position() {
    let (_dir, mut guest) = with_dir();
    let create = Open::both().oflags(oflags::CREAT);
    let file = guest.open(DIR, "file", create).unwrap();
    assert_eq!(guest.pwrite(file, "abcdef", 2), Ok(6));
    assert_eq!(guest.tell(file), Ok(0));
    assert_eq!(guest.pread(file, 3, 4).unwrap(), b"cde");
    assert_eq!(guest.pread(file, 9, 100).unwrap(), b"");
    assert_eq!(guest.tell(file), Ok(0));
    assert_eq!(guest.read(file, 4).unwrap(), b"\0\0ab");
    assert_eq!(guest.pread(file, 1, u64::MAX), Err(errno::INVAL));
    assert_eq!(guest.pwrite(file, "x", 1 << 63), Err(errno::INVAL));
}

#[test]
fn many_buffers_move_in_one_call() {
    let (_dir, mut guest) = with_dir();
    let create = Open::both().oflags(oflags::CREAT);
    let file = guest.open(DIR, "file", create).unwrap();
    let all: Vec<u8> = (0..=255).collect();
    guest.put(DATA, &all);
    // Twenty buffers of uneven length, some empty, in the order of the bytes.
    let mut buffers = Vec::new();
    let mut at = 0;
    for i in 0..20 {
        let length = if i % 5 == 3 { 0 } else { i };
        buffers.push((DATA + at, length));
        at += length;
    }
    assert_eq!(guest.write_buffers(file, &buffers), Ok(at));
    guest.seek(file, 0, 0).unwrap();
    guest.put(DATA, &[0; 256]);
    assert_eq!(guest.read_buffers(file, &buffers), Ok(at));
    assert_eq!(guest.bytes(DATA, at), &all[..at as usize]);

    let (list, count) = guest.pass_buffers(&buffers);
    guest.put(DATA, &[0; 256]);
    let read = [file.into(), list, count, 7, 0];
    guest.call("fd_pread", &read).unwrap();
    assert_eq!(guest.u32_at(0), at - 7);
    assert_eq!(guest.bytes(DATA, at - 7), &all[7..at as usize]);
    let (list, count) = guest.pass_buffers(&buffers);
    let write = [file.into(), list, count, 1000, 0];
    guest.call("fd_pwrite", &write).unwrap();
    assert_eq!(guest.fd_stat(file).unwrap().size, 1000 + u64::from(at));
}

#[test]
fn the_same_bytes_can_be_written_twice_and_are_never_read_into_twice() {
    let (_dir, mut guest) = with_dir();
    let create = Open::both().oflags(oflags::CREAT);
    let file = guest.open(DIR, "file", create).unwrap();
    guest.put(DATA, b"abcd");
    let twice = [(DATA, 4), (DATA + 2, 2)];
    assert_eq!(guest.write_buffers(file, &twice), Ok(6));
    guest.seek(file, 0, 0).unwrap();
    // A short read is allowed, and here the only one that makes sense.
    assert_eq!(guest.read_buffers(file, &twice), Ok(4));
    assert_eq!(guest.bytes(DATA, 4), b"abcd");
    assert_eq!(guest.read(file, 9).unwrap(), b"cd");
}

#[test]
fn as_many_buffers_as_fit_in_memory_move_in_one_call() {
    let (dir, mut guest) = with_dir();
    guest.memory.grow(&mut guest.store, 100).unwrap();
    let create = Open::both().oflags(oflags::CREAT);
    let file = guest.open(DIR, "file", create).unwrap();
    // More than the system takes at once, each one byte, and empty ones between.
    let count = 100_000;
    let data = DATA + 8 * count;
    let mut list = Vec::new();
    for nth in 0..count {
        list.extend((data + nth).to_le_bytes());
        list.extend((nth % 2).to_le_bytes());
        guest.put(data + nth, &[nth as u8]);
    }
    guest.put(DATA, &list);
    let expected: Vec<u8> = (0..count)
        .filter(|nth| nth % 2 == 1)
        .map(|nth| nth as u8)
        .collect();
    for (name, offset) in [("fd_write", None), ("fd_pwrite", Some(0))] {
        let mut call = vec![file.into(), DATA.into(), count.into()];
        call.extend(offset);
        call.push(0);
        guest.call(name, &call).unwrap();
        assert_eq!(guest.u32_at(0), count / 2, "{name}");
        let on_disk = std::fs::read(dir.path().join("file")).unwrap();
        assert_eq!(on_disk, expected, "{name}");
    }
    guest.put(data, &vec![0; count as usize]);
    let call = [file.into(), DATA.into(), count.into(), 0, 0];
    guest.call("fd_pread", &call).unwrap();
    let read = guest.bytes(data, count);
    let read: Vec<u8> = read.into_iter().skip(1).step_by(2).collect();
    assert_eq!(read, expected);
    // One that is not in memory traps.
    guest.put(DATA + 8 * count - 8, &u32::MAX.to_le_bytes());
    let call = [file.into(), DATA.into(), count.into(), 0];
    assert!(guest.trap("fd_read", &call).contains("leads out of"));
}

#[test]
fn nothing_at_all_can_be_read_and_written() {
    let (_dir, mut guest) = with_dir();
    let create = Open::both().oflags(oflags::CREAT);
    let file = guest.open(DIR, "file", create).unwrap();
    for buffers in [&[][..], &[(DATA, 0)], &[(0, 0), (DATA, 0)]] {
        assert_eq!(guest.write_buffers(file, buffers), Ok(0));
        assert_eq!(guest.read_buffers(file, buffers), Ok(0));
        assert_eq!(guest.write_buffers(1, buffers), Ok(0));
        assert_eq!(guest.read_buffers(0, buffers), Ok(0));
    }
    assert_eq!(guest.fd_stat(file).unwrap().size, 0);
}

#[test]
fn creation_flags_do_what_they_say() {
    let (dir, mut guest) = with_dir();
    let create = Open::both().oflags(oflags::CREAT);
    assert_eq!(guest.open(DIR, "file", Open::both()), Err(errno::NOENT));
    let file = guest.open(DIR, "file", create).unwrap();
    guest.write(file, "content").unwrap();
    guest.close(file).unwrap();

    let exclusive = create.oflags(oflags::CREAT | oflags::EXCL);
    assert_eq!(guest.open(DIR, "file", exclusive), Err(errno::EXIST));
    let file = guest.open(DIR, "file", create).unwrap();
    assert_eq!(guest.fd_stat(file).unwrap().size, 7);
    guest.close(file).unwrap();
    let truncate = Open::write().oflags(oflags::TRUNC);
    let file = guest.open(DIR, "file", truncate).unwrap();
    assert_eq!(guest.fd_stat(file).unwrap().size, 0);

    // Creation needs no wish to write.
    let file = guest.open(DIR, "empty", Open::read().oflags(oflags::CREAT));
    assert_eq!(guest.write(file.unwrap(), "x"), Err(errno::BADF));
    assert!(dir.path().join("empty").exists());

    let directory = |flags| Open::read().oflags(oflags::DIRECTORY | flags);
    assert_eq!(guest.open(DIR, "file", directory(0)), Err(errno::NOTDIR));
    for flags in [oflags::CREAT, oflags::EXCL, oflags::TRUNC] {
        assert_eq!(guest.open(DIR, "new", directory(flags)), Err(errno::INVAL));
    }
}

#[test]
fn a_file_does_only_what_it_was_opened_for() {
    let (_dir, mut guest) = with_dir();
    let write = guest.open(DIR, "file", Open::write().oflags(oflags::CREAT));
    let write = write.unwrap();
    let read = guest.open(DIR, "file", Open::read()).unwrap();
    assert_eq!(guest.read(write, 1), Err(errno::BADF));
    assert_eq!(guest.pread(write, 1, 0), Err(errno::BADF));
    assert_eq!(guest.write(read, "x"), Err(errno::BADF));
    assert_eq!(guest.pwrite(read, "x", 0), Err(errno::BADF));
    let allocate = guest.call("fd_allocate", &[read.into(), 0, 10]);
    assert_eq!(allocate, Err(errno::BADF));
    let resize = guest.call("fd_filestat_set_size", &[read.into(), 10]);
    assert_eq!(resize, Err(errno::INVAL));

    let (reading, writing) = (guest.fdstat(read), guest.fdstat(write));
    let access = |stat: crate::guest::FdStat| stat.base & (rights::READ | rights::WRITE);
    assert_eq!(access(reading.unwrap()), rights::READ);
    assert_eq!(access(writing.unwrap()), rights::WRITE);
    let both = guest.open(DIR, "file", Open::both()).unwrap();
    let stat = guest.fdstat(both).unwrap();
    assert_eq!(stat.kind, filetype::REGULAR_FILE);
    assert_ne!(stat.base & rights::SEEK, 0);
    assert_ne!(stat.base & rights::TELL, 0);
    assert_eq!(access(stat), rights::READ | rights::WRITE);
}

#[test]
fn appending_writes_go_to_the_end() {
    let (dir, mut guest) = with_dir();
    let append = Open::write().oflags(oflags::CREAT).fdflags(fdflags::APPEND);
    let file = guest.open(DIR, "log", append).unwrap();
    guest.write(file, "one ").unwrap();
    guest.seek(file, 0, 0).unwrap();
    guest.write(file, "two ").unwrap();
    assert_eq!(guest.fdstat(file).unwrap().flags, fdflags::APPEND as u16);

    // The flag can be taken away and given back.
    guest
        .call("fd_fdstat_set_flags", &[file.into(), 0])
        .unwrap();
    assert_eq!(guest.fdstat(file).unwrap().flags, 0);
    guest.seek(file, 0, 0).unwrap();
    guest.write(file, "ONE").unwrap();
    let append = [file.into(), fdflags::APPEND.into()];
    guest.call("fd_fdstat_set_flags", &append).unwrap();
    guest.write(file, "three").unwrap();
    let on_disk = std::fs::read(dir.path().join("log")).unwrap();
    assert_eq!(on_disk, b"ONE two three");
}

#[test]
fn synchronous_files_say_so_and_stay_so() {
    let (_dir, mut guest) = with_dir();
    let create = Open::write().oflags(oflags::CREAT);
    let synchronous = guest.open(DIR, "a", create.fdflags(fdflags::DSYNC));
    let synchronous = synchronous.unwrap();
    assert_eq!(
        guest.fdstat(synchronous).unwrap().flags,
        fdflags::DSYNC as u16
    );
    let whole = guest.open(DIR, "b", create.fdflags(fdflags::SYNC)).unwrap();
    assert_ne!(guest.fdstat(whole).unwrap().flags & fdflags::SYNC as u16, 0);
    let plain = guest.open(DIR, "c", create).unwrap();
    let change = [plain.into(), fdflags::SYNC.into()];
    assert_eq!(
        guest.call("fd_fdstat_set_flags", &change),
        Err(errno::INVAL)
    );
    // Asking for what is already there is no change, and what can't be taken away stays.
    let nonblock = u64::from(fdflags::NONBLOCK);
    for flags in [u64::from(fdflags::DSYNC) | nonblock, nonblock, 0] {
        guest
            .call("fd_fdstat_set_flags", &[synchronous.into(), flags])
            .unwrap();
        let now = guest.fdstat(synchronous).unwrap().flags;
        assert_eq!(
            u64::from(now),
            u64::from(fdflags::DSYNC) | (flags & nonblock)
        );
    }
    for file in [synchronous, whole, plain, DIR] {
        guest.call("fd_sync", &[file.into()]).unwrap();
        guest.call("fd_datasync", &[file.into()]).unwrap();
    }
}

#[test]
fn sizes_change_and_space_is_reserved() {
    let (_dir, mut guest) = with_dir();
    let create = Open::both().oflags(oflags::CREAT);
    let file = guest.open(DIR, "file", create).unwrap();
    guest.write(file, "0123456789").unwrap();
    let resize = |guest: &mut Guest, size| guest.call("fd_filestat_set_size", &[file.into(), size]);
    resize(&mut guest, 4).unwrap();
    assert_eq!(guest.pread(file, 99, 0).unwrap(), b"0123");
    resize(&mut guest, 6).unwrap();
    assert_eq!(guest.pread(file, 99, 0).unwrap(), b"0123\0\0");
    assert_eq!(resize(&mut guest, 1 << 63), Err(errno::INVAL));
    guest.call("fd_allocate", &[file.into(), 0, 3]).unwrap();
    assert_eq!(guest.fd_stat(file).unwrap().size, 6);
    guest.call("fd_allocate", &[file.into(), 100, 28]).unwrap();
    assert_eq!(guest.fd_stat(file).unwrap().size, 128);
    let nothing = guest.call("fd_allocate", &[file.into(), 0, 0]);
    assert_eq!(nothing, Err(errno::INVAL));
    for advice in 0..6 {
        guest
            .call("fd_advise", &[file.into(), 0, 0, advice])
            .unwrap();
    }
    let directory = guest.call("fd_advise", &[DIR.into(), 0, 0, 0]);
    assert_eq!(directory, Err(errno::BADF));
}

#[test]
fn times_are_told_and_set() {
    let (_dir, mut guest) = with_dir();
    let file = guest
        .open(DIR, "file", Open::both().oflags(oflags::CREAT))
        .unwrap();
    let (accessed, modified) = (1_000_000_000_123_456_789, 5_000_000_042);
    let set = [file.into(), accessed, modified, 1 | 4];
    guest.call("fd_filestat_set_times", &set).unwrap();
    let stat = guest.fd_stat(file).unwrap();
    assert_eq!((stat.accessed, stat.modified), (accessed, modified));
    assert!(stat.changed > accessed);

    // One to now, the other kept.
    guest
        .call("fd_filestat_set_times", &[file.into(), 7, 7, 8])
        .unwrap();
    let stat = guest.fd_stat(file).unwrap();
    assert_eq!(stat.accessed, accessed);
    assert!(stat.modified > accessed);

    let (path, length) = guest.pass("file");
    let set = [DIR.into(), 0, path, length, 1, 2, 1 | 4];
    guest.call("path_filestat_set_times", &set).unwrap();
    let stat = guest.path_stat(DIR, 0, "file").unwrap();
    assert_eq!((stat.accessed, stat.modified), (1, 2));
    // Of a directory, through its descriptor.
    guest
        .call("fd_filestat_set_times", &[DIR.into(), 0, 3_000_000_000, 4])
        .unwrap();
    assert_eq!(guest.fd_stat(DIR).unwrap().modified, 3_000_000_000);
    let stream = guest.call("fd_filestat_set_times", &[1, 0, 0, 4]);
    assert_eq!(stream, Err(errno::BADF));
}

#[test]
fn the_times_of_a_link_and_of_its_target_are_apart() {
    let (_dir, mut guest) = with_dir();
    guest
        .open(DIR, "file", Open::both().oflags(oflags::CREAT))
        .unwrap();
    guest.symlink("file", DIR, "link").unwrap();
    for (lookup, time) in [(0, 10), (1, 20)] {
        let (path, length) = guest.pass("link");
        let set = [DIR.into(), lookup, path, length, 0, time, 4];
        guest.call("path_filestat_set_times", &set).unwrap();
    }
    assert_eq!(guest.path_stat(DIR, 0, "link").unwrap().modified, 10);
    assert_eq!(guest.path_stat(DIR, 1, "link").unwrap().modified, 20);
    assert_eq!(guest.path_stat(DIR, 0, "file").unwrap().modified, 20);
}

#[test]
fn the_times_of_a_fifo_are_set_without_its_other_end() {
    let (dir, mut guest) = with_dir();
    let fifo = dir.path().join("fifo");
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let (path, length) = guest.pass("fifo");
    let set = [DIR.into(), 1, path, length, 0, 30, 4];
    guest.call("path_filestat_set_times", &set).unwrap();
    assert_eq!(guest.path_stat(DIR, 0, "fifo").unwrap().modified, 30);
}

#[test]
fn a_file_is_the_same_by_descriptor_and_by_path() {
    let (dir, mut guest) = with_dir();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    std::fs::write(dir.path().join("sub/file"), "12345").unwrap();
    std::os::unix::fs::symlink("sub/file", dir.path().join("link")).unwrap();
    let file = guest.open(DIR, "sub/file", Open::read()).unwrap();
    let by_fd = guest.fd_stat(file).unwrap();
    assert_eq!(by_fd.kind, filetype::REGULAR_FILE);
    assert_eq!((by_fd.size, by_fd.links), (5, 1));
    assert_ne!(by_fd.inode, 0);
    for (lookup, path) in [(0, "sub/file"), (1, "sub/../sub/./file"), (1, "link")] {
        assert_eq!(guest.path_stat(DIR, lookup, path).as_ref(), Ok(&by_fd));
    }
    let link = guest.path_stat(DIR, 0, "link").unwrap();
    assert_eq!((link.kind, link.size), (filetype::SYMBOLIC_LINK, 8));
    for path in [".", "sub/..", "./"] {
        let stat = guest.path_stat(DIR, 1, path).unwrap();
        assert_eq!(stat, guest.fd_stat(DIR).unwrap(), "{path}");
        assert_eq!(stat.kind, filetype::DIRECTORY);
    }
    for (path, errno) in [
        ("none", errno::NOENT),
        ("", errno::NOENT),
        ("sub/file/", errno::NOTDIR),
        ("sub/file/x", errno::NOTDIR),
        ("link/", errno::NOTDIR),
    ] {
        assert_eq!(guest.path_stat(DIR, 1, path), Err(errno), "{path}");
    }
}

#[test]
fn a_full_disk_is_told() {
    let mut guest = guest_of(std::path::Path::new("/dev"), FsPerms::ReadWrite);
    let full = guest.open(DIR, "full", Open::write()).unwrap();
    assert_eq!(guest.fdstat(full).unwrap().kind, filetype::CHARACTER_DEVICE);
    assert_eq!(guest.write(full, "x"), Err(errno::NOSPC));
    let zero = guest.open(DIR, "zero", Open::read()).unwrap();
    assert_eq!(guest.read(zero, 10).unwrap(), [0; 10]);
}

#[test]
fn closed_descriptors_are_bad_everywhere() {
    let (_dir, mut guest) = with_dir();
    let file = guest
        .open(DIR, "file", Open::both().oflags(oflags::CREAT))
        .unwrap();
    guest.close(file).unwrap();
    let (path, length) = guest.pass("x");
    let all: &[(&str, &[u64])] = &[
        ("fd_advise", &[0, 0, 0, 0]),
        ("fd_allocate", &[0, 0, 1]),
        ("fd_close", &[0]),
        ("fd_datasync", &[0]),
        ("fd_fdstat_get", &[0, 0]),
        ("fd_fdstat_set_flags", &[0, 0]),
        ("fd_fdstat_set_rights", &[0, 0, 0]),
        ("fd_filestat_get", &[0, 0]),
        ("fd_filestat_set_size", &[0, 0]),
        ("fd_filestat_set_times", &[0, 0, 0, 0]),
        ("fd_pread", &[0, 0, 0, 0, 0]),
        ("fd_prestat_get", &[0, 0]),
        ("fd_prestat_dir_name", &[0, 0, 0]),
        ("fd_pwrite", &[0, 0, 0, 0, 0]),
        ("fd_read", &[0, 0, 0, 0]),
        ("fd_readdir", &[0, 0, 0, 0, 0]),
        ("fd_renumber", &[0, 3]),
        ("fd_seek", &[0, 0, 0, 0]),
        ("fd_sync", &[0]),
        ("fd_tell", &[0, 0]),
        ("fd_write", &[0, 0, 0, 0]),
        ("path_create_directory", &[0, path, length]),
        ("path_filestat_get", &[0, 0, path, length, 0]),
        ("path_filestat_set_times", &[0, 0, path, length, 0, 0, 0]),
        ("path_link", &[0, 0, path, length, 3, path, length]),
        ("path_open", &[0, 0, path, length, 0, 0, 0, 0, 0]),
        ("path_readlink", &[0, path, length, 0, 0, 0]),
        ("path_remove_directory", &[0, path, length]),
        ("path_rename", &[0, path, length, 3, path, length]),
        ("path_unlink_file", &[0, path, length]),
        ("sock_accept", &[0, 0, 0]),
        ("sock_recv", &[0, 0, 0, 0, 0, 0]),
        ("sock_send", &[0, 0, 0, 0, 0]),
        ("sock_shutdown", &[0, 1]),
    ];
    for closed in [file, 5, 1_000_000, u32::MAX] {
        for (name, arguments) in all {
            let mut arguments = arguments.to_vec();
            arguments[0] = closed.into();
            assert_eq!(guest.call(name, &arguments), Err(errno::BADF), "{name}");
        }
        let symlink = [path, length, closed.into(), path, length];
        assert_eq!(guest.call("path_symlink", &symlink), Err(errno::BADF));
        let link = [3, 0, path, length, closed.into(), path, length];
        assert_eq!(guest.call("path_link", &link), Err(errno::BADF));
        let renumber = guest.call("fd_renumber", &[3, closed.into()]);
        assert_eq!(renumber, Err(errno::BADF));
    }
}

#[test]
fn numbers_are_lowest_first_and_move() {
    let (dir, mut guest) = with_dir();
    for name in ["a", "b", "c"] {
        std::fs::write(dir.path().join(name), name).unwrap();
    }
    let [a, b, c] = ["a", "b", "c"].map(|name| guest.open(DIR, name, Open::read()).unwrap());
    assert_eq!([a, b, c], [4, 5, 6]);
    guest.close(b).unwrap();
    guest.close(a).unwrap();
    assert_eq!(guest.open(DIR, "b", Open::read()), Ok(4));
    assert_eq!(guest.open(DIR, "a", Open::read()), Ok(5));

    // c over b: the number of c is free, what b was is closed.
    guest.call("fd_renumber", &[6, 4]).unwrap();
    assert_eq!(guest.read(4, 9).unwrap(), b"c");
    assert_eq!(guest.read(6, 9), Err(errno::BADF));
    guest.call("fd_renumber", &[4, 4]).unwrap();
    assert_eq!(guest.read(4, 9).unwrap(), b"");
    assert_eq!(guest.open(DIR, "b", Open::read()), Ok(6));
}

#[test]
fn standard_streams_and_preopens_close_and_move_like_others() {
    let (dir, mut guest) = with_dir();
    // A shell's `> out`: a file over standard output.
    let out = guest.open(DIR, "out", Open::write().oflags(oflags::CREAT));
    guest
        .call("fd_renumber", &[out.unwrap().into(), 1])
        .unwrap();
    guest.write(1, "to the file").unwrap();
    let on_disk = std::fs::read(dir.path().join("out")).unwrap();
    assert_eq!(on_disk, b"to the file");

    guest.close(0).unwrap();
    assert_eq!(guest.read(0, 1), Err(errno::BADF));
    assert_eq!(guest.open(DIR, "out", Open::read()), Ok(0));

    // A preopened directory keeps its name where it goes.
    guest.call("fd_renumber", &[DIR.into(), 2]).unwrap();
    assert_eq!(guest.call("fd_prestat_get", &[3, 0]), Err(errno::BADF));
    guest.call("fd_prestat_get", &[2, 0]).unwrap();
    guest.close(2).unwrap();
    assert_eq!(guest.open(2, "out", Open::read()), Err(errno::BADF));
}

#[test]
fn there_is_an_end_to_descriptors() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder
        .preopened_dir(dir.path(), "/", FsPerms::ReadWrite)
        .unwrap()
        .max_descriptors(10);
    let mut guest = Guest::new(&mut builder);
    std::fs::write(dir.path().join("file"), "").unwrap();
    for fd in 4..10 {
        assert_eq!(guest.open(DIR, "file", Open::read()), Ok(fd));
    }
    assert_eq!(guest.open(DIR, "file", Open::read()), Err(errno::MFILE));
    // Nothing was created by the attempt.
    let create = Open::write().oflags(oflags::CREAT);
    assert_eq!(guest.open(DIR, "new", create), Err(errno::MFILE));
    assert!(!dir.path().join("new").exists());
    guest.close(7).unwrap();
    assert_eq!(guest.open(DIR, "new", create), Ok(7));
}

#[test]
fn rights_can_be_given_up_for_good() {
    let (dir, mut guest) = with_dir();
    std::fs::write(dir.path().join("file"), "content").unwrap();
    let file = guest.open(DIR, "file", Open::both()).unwrap();
    let before = guest.fdstat(file).unwrap();
    let set = |guest: &mut Guest, fd: u32, base, inheriting| {
        guest.call("fd_fdstat_set_rights", &[fd.into(), base, inheriting])
    };
    set(&mut guest, file, before.base & !rights::WRITE, 0).unwrap();
    assert_eq!(guest.write(file, "x"), Err(errno::NOTCAPABLE));
    assert_eq!(guest.read(file, 7).unwrap(), b"content");
    let again = set(&mut guest, file, before.base, 0);
    assert_eq!(again, Err(errno::NOTCAPABLE));
    assert_eq!(set(&mut guest, file, u64::MAX, 0), Err(errno::NOTCAPABLE));
    assert_eq!(
        guest.fdstat(file).unwrap().base,
        before.base & !rights::WRITE
    );

    // A directory passes on what it inherits.
    let before = guest.fdstat(DIR).unwrap();
    let base = before.base & !rights::UNLINK;
    set(&mut guest, DIR, base, before.inheriting & !rights::WRITE).unwrap();
    assert_eq!(guest.unlink(DIR, "file"), Err(errno::NOTCAPABLE));
    assert_eq!(
        guest.open(DIR, "file", Open::both()),
        Err(errno::NOTCAPABLE)
    );
    let file = guest.open(DIR, "file", Open::read()).unwrap();
    assert_eq!(guest.fdstat(file).unwrap().base & rights::WRITE, 0);
    let sub = guest.open(DIR, ".", Open::directory()).unwrap();
    assert_eq!(
        guest.open(sub, "file", Open::both()),
        Err(errno::NOTCAPABLE)
    );
    set(&mut guest, DIR, base & !rights::PATH_OPEN, 0).unwrap();
    assert_eq!(
        guest.open(DIR, "file", Open::read()),
        Err(errno::NOTCAPABLE)
    );
}

#[test]
fn files_that_the_host_refuses_are_refused() {
    let (dir, mut guest) = with_dir();
    let path = dir.path().join("secret");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
    // The superuser may open it all the same.
    if std::fs::File::open(&path).is_err() {
        assert_eq!(guest.open(DIR, "secret", Open::read()), Err(errno::ACCES));
    }
    assert_eq!(guest.path_stat(DIR, 0, "secret").unwrap().size, 0);
}
