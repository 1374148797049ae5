//! Directories: listing, making, removing, renaming, and links of both kinds.

use std::collections::BTreeSet;

use crate::guest::{DATA, DIR, FOLLOW, Open, errno, filetype, oflags, rights, with_dir};

fn file_names(count: usize) -> Vec<String> {
    // Of every length, so that entries are cut off everywhere.
    (0..count)
        .map(|i| format!("{i:04}{}", "x".repeat(i % 60)))
        .collect()
}

#[test]
fn listing_with_any_buffer_finds_every_entry_once() {
    let (dir, mut guest) = with_dir();
    let mut expected = file_names(500);
    for name in &expected {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    expected.extend([".".to_string(), "..".to_string()]);
    expected.sort();
    for room in [24 + 64, 100, 333, 4096, 8192, 1 << 20] {
        let mut names = guest.names(DIR, room).unwrap();
        names.sort();
        assert_eq!(names, expected, "{room}");
    }
}

#[test]
fn entries_tell_their_kind_and_inode() {
    let (dir, mut guest) = with_dir();
    std::fs::write(dir.path().join("file"), "").unwrap();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    std::os::unix::fs::symlink("file", dir.path().join("link")).unwrap();
    let (entries, _) = guest.readdir(DIR, 0, 4096).unwrap();
    assert_eq!(entries.len(), 5);
    let own = guest.fd_stat(DIR).unwrap().inode;
    for entry in entries {
        let (kind, inode) = match entry.name.as_str() {
            // The parent is outside of what the guest may know.
            "." | ".." => (filetype::DIRECTORY, own),
            name => {
                let stat = guest.path_stat(DIR, 0, name).unwrap();
                (stat.kind, stat.inode)
            }
        };
        assert_eq!((entry.kind, entry.inode), (kind, inode), "{}", entry.name);
    }
}

#[test]
fn an_entry_that_does_not_fit_is_cut_off() {
    let (dir, mut guest) = with_dir();
    std::fs::write(dir.path().join("a-rather-long-name"), "").unwrap();
    let (entries, used) = guest.readdir(DIR, 0, 4096).unwrap();
    assert!(used < 4096);
    for (i, entry) in entries.iter().enumerate() {
        let before = match i {
            0 => 0,
            _ => entries[i - 1].next,
        };
        // Every cookie leads to the entry after it, and every buffer is filled.
        for room in [0, 1, 23, 24, 25, 24 + entry.name.len() as u32] {
            guest.put(DATA, &[0xaa; 64]);
            let (found, used) = guest.readdir(DIR, before, room).unwrap();
            assert_eq!(used, room);
            let rest = guest.bytes(DATA + room, 8);
            assert_eq!(rest, [0xaa; 8], "written behind {room} bytes");
            if room >= 24 + entry.name.len() as u32 {
                assert_eq!(&found[0], entry);
            }
        }
    }
    let last = entries.last().unwrap().next;
    assert_eq!(guest.readdir(DIR, last, 4096).unwrap(), (vec![], 0));
}

#[test]
fn entries_may_go_while_they_are_listed() {
    let (dir, mut guest) = with_dir();
    let expected = file_names(300);
    for name in &expected {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    // What `rm -r` does: list some, remove them, go on from the last cookie.
    let mut seen = BTreeSet::new();
    let mut cookie = 0;
    loop {
        let (entries, _) = guest.readdir(DIR, cookie, 700).unwrap();
        let Some(last) = entries.last() else { break };
        cookie = last.next;
        for entry in entries {
            if !entry.name.starts_with('.') {
                guest.unlink(DIR, &entry.name).unwrap();
            }
            assert!(seen.insert(entry.name));
        }
    }
    assert_eq!(seen.len(), 302);
    assert_eq!(guest.names(DIR, 4096).unwrap().len(), 2);
}

#[test]
fn cookies_are_small_numbers_in_the_order_of_the_listing() {
    let (dir, mut guest) = with_dir();
    for name in file_names(500) {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    let (all, _) = guest.readdir(DIR, 0, 1 << 20).unwrap();
    let cookies: Vec<u64> = all.iter().map(|entry| entry.next).collect();
    assert_eq!(cookies, (1..=502).collect::<Vec<u64>>());
    // From each of them, in any order and also from a second descriptor, that was never
    // told of them, come the entries behind it.
    let second = guest.open(DIR, ".", Open::directory()).unwrap();
    for fd in [DIR, second] {
        for cookie in (0..=502).rev().step_by(7).chain([1, 300, 2, 502, 299]) {
            let (rest, _) = guest.readdir(fd, cookie, 1 << 20).unwrap();
            assert_eq!(rest, all[cookie as usize..], "{cookie}");
        }
    }
    assert_eq!(guest.readdir(second, 503, 4096).unwrap(), (vec![], 0));
}

#[test]
fn cookies_stay_what_they_are_while_entries_come_and_go() {
    let (dir, mut guest) = with_dir();
    for name in file_names(100) {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    let (all, _) = guest.readdir(DIR, 0, 1 << 20).unwrap();
    let gone: Vec<&str> = all[10..]
        .iter()
        .step_by(10)
        .map(|entry| entry.name.as_str())
        .filter(|name| !name.starts_with('.'))
        .collect();
    for name in &gone {
        guest.unlink(DIR, name).unwrap();
    }
    for i in 0..20 {
        std::fs::write(dir.path().join(format!("new{i}")), "").unwrap();
    }
    // Whether the new ones are seen is left open. The others are, each from its cookie.
    for cookie in [0, 5, 50, 0, 99] {
        let (rest, _) = guest.readdir(DIR, cookie, 1 << 20).unwrap();
        let expected = all[cookie as usize..].iter();
        let expected = expected.filter(|entry| !gone.contains(&entry.name.as_str()));
        let mut before = cookie;
        for entry in expected {
            assert!(
                rest.iter().any(|found| found.name == entry.name),
                "{entry:?}"
            );
        }
        for entry in &rest {
            let (found, _) = guest.readdir(DIR, before, 400).unwrap();
            assert_eq!(found[0], *entry);
            before = entry.next;
        }
    }
}

#[test]
fn listing_from_the_start_sees_what_is_new() {
    let (_dir, mut guest) = with_dir();
    assert_eq!(guest.names(DIR, 4096).unwrap().len(), 2);
    guest.mkdir(DIR, "new").unwrap();
    assert_eq!(guest.names(DIR, 4096).unwrap().len(), 3);
    // Any number as a cookie is safe.
    for cookie in [1, 77, u64::MAX / 2, u64::MAX] {
        let _ = guest.readdir(DIR, cookie, 4096);
    }
    let file = guest.open(DIR, "f", Open::both().oflags(oflags::CREAT));
    let listed = guest.readdir(file.unwrap(), 0, 64);
    assert_eq!(listed, Err(errno::NOTDIR));
    assert_eq!(guest.readdir(1, 0, 64), Err(errno::NOTDIR));
}

#[test]
fn a_removed_directory_is_empty() {
    let (dir, mut guest) = with_dir();
    guest.mkdir(DIR, "sub").unwrap();
    let sub = guest.open(DIR, "sub", Open::directory()).unwrap();
    std::fs::remove_dir(dir.path().join("sub")).unwrap();
    assert_eq!(guest.readdir(sub, 0, 4096).unwrap(), (vec![], 0));
    let create = Open::write().oflags(oflags::CREAT);
    assert_eq!(guest.open(sub, "file", create), Err(errno::NOENT));
}

#[test]
fn a_directory_is_not_read_or_written_as_a_file() {
    let (_dir, mut guest) = with_dir();
    guest.mkdir(DIR, "sub").unwrap();
    assert_eq!(guest.open(DIR, "sub", Open::write()), Err(errno::ISDIR));
    let sub = guest.open(DIR, "sub", Open::read()).unwrap();
    let stat = guest.fdstat(sub).unwrap();
    assert_eq!(stat.kind, filetype::DIRECTORY);
    assert_eq!(stat.base & (rights::READ | rights::WRITE | rights::SEEK), 0);
    assert_ne!(stat.base & rights::READDIR, 0);
    assert_ne!(stat.inheriting & rights::WRITE, 0);
    assert_eq!(guest.read(sub, 1), Err(errno::ISDIR));
    assert_eq!(guest.pread(sub, 1, 0), Err(errno::ISDIR));
    // It can't be open for writing, which comes first.
    assert_eq!(guest.write(sub, "x"), Err(errno::BADF));
    assert_eq!(guest.pwrite(sub, "x", 0), Err(errno::BADF));
    assert_eq!(guest.seek(sub, 0, 0), Err(errno::BADF));
    assert_eq!(guest.tell(sub), Err(errno::BADF));
    assert_eq!(guest.unlink(DIR, "sub"), Err(errno::ISDIR));
}

#[test]
fn directories_are_made_and_removed() {
    let (dir, mut guest) = with_dir();
    guest.mkdir(DIR, "a").unwrap();
    guest.mkdir(DIR, "a/b/").unwrap();
    assert_eq!(guest.mkdir(DIR, "a"), Err(errno::EXIST));
    assert_eq!(guest.mkdir(DIR, "none/x"), Err(errno::NOENT));
    assert_eq!(guest.mkdir(DIR, ""), Err(errno::NOENT));
    assert!(dir.path().join("a/b").is_dir());
    assert_eq!(guest.rmdir(DIR, "a"), Err(errno::NOTEMPTY));
    // A directory that was opened beneath another serves as well.
    let a = guest.open(DIR, "a", Open::directory()).unwrap();
    guest.mkdir(a, "c").unwrap();
    guest.rmdir(a, "c/").unwrap();
    guest.rmdir(DIR, "a/b").unwrap();
    guest.rmdir(DIR, "a").unwrap();
    assert_eq!(guest.rmdir(DIR, "a"), Err(errno::NOENT));
    std::fs::write(dir.path().join("file"), "").unwrap();
    assert_eq!(guest.rmdir(DIR, "file"), Err(errno::NOTDIR));
    assert_eq!(guest.rmdir(DIR, "file/"), Err(errno::NOTDIR));
    assert_eq!(guest.unlink(DIR, "file/"), Err(errno::NOTDIR));
    guest.unlink(DIR, "file").unwrap();
    assert_eq!(guest.unlink(DIR, "file"), Err(errno::NOENT));
}

#[test]
fn renaming_replaces_what_may_be_replaced() {
    let (dir, mut guest) = with_dir();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("file"), "file").unwrap();
    std::fs::write(at("other"), "other").unwrap();
    for name in ["full", "empty"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    std::fs::write(at("full/x"), "").unwrap();

    guest.rename(DIR, "file", DIR, "other").unwrap();
    assert_eq!(std::fs::read(at("other")).unwrap(), b"file");
    assert_eq!(guest.rename(DIR, "file", DIR, "y"), Err(errno::NOENT));
    assert_eq!(guest.rename(DIR, "other", DIR, "empty"), Err(errno::ISDIR));
    assert_eq!(guest.rename(DIR, "empty", DIR, "other"), Err(errno::NOTDIR));
    assert_eq!(
        guest.rename(DIR, "empty", DIR, "full"),
        Err(errno::NOTEMPTY)
    );
    assert_eq!(guest.rename(DIR, "other/", DIR, "y"), Err(errno::NOTDIR));
    guest.rename(DIR, "full", DIR, "empty").unwrap();
    assert!(at("empty/x").exists());
    guest.rename(DIR, "empty/", DIR, "new/").unwrap();
    assert_eq!(guest.rename(DIR, "new", DIR, "new/sub"), Err(errno::INVAL));
    let new = guest.open(DIR, "new", Open::directory()).unwrap();
    guest.rename(DIR, "other", new, "moved").unwrap();
    assert_eq!(std::fs::read(at("new/moved")).unwrap(), b"file");
    // A link is renamed itself.
    guest.symlink("nowhere", DIR, "link").unwrap();
    guest.rename(DIR, "link", DIR, "knot").unwrap();
    assert_eq!(guest.readlink(DIR, "knot", 99).unwrap(), b"nowhere");
}

#[test]
fn hard_links_share_one_file() {
    let (dir, mut guest) = with_dir();
    std::fs::write(dir.path().join("file"), "content").unwrap();
    guest.link(DIR, 0, "file", DIR, "second").unwrap();
    let (a, b) = (
        guest.path_stat(DIR, 0, "file").unwrap(),
        guest.path_stat(DIR, 0, "second").unwrap(),
    );
    assert_eq!(a, b);
    assert_eq!(a.links, 2);
    assert_eq!(guest.link(DIR, 0, "file", DIR, "second"), Err(errno::EXIST));
    assert_eq!(guest.link(DIR, 0, "none", DIR, "x"), Err(errno::NOENT));
    guest.mkdir(DIR, "sub").unwrap();
    assert_eq!(guest.link(DIR, 0, "sub", DIR, "x"), Err(errno::PERM));
    let following = guest.link(DIR, FOLLOW, "file", DIR, "x");
    assert_eq!(following, Err(errno::INVAL));
    guest.symlink("file", DIR, "link").unwrap();
    guest.link(DIR, 0, "link", DIR, "link2").unwrap();
    assert_eq!(guest.readlink(DIR, "link2", 99).unwrap(), b"file");
}

#[test]
fn symbolic_links_are_made_read_and_followed() {
    let (dir, mut guest) = with_dir();
    guest.mkdir(DIR, "sub").unwrap();
    std::fs::write(dir.path().join("sub/file"), "content").unwrap();
    guest.symlink("sub/file", DIR, "link").unwrap();
    assert_eq!(guest.readlink(DIR, "link", 99).unwrap(), b"sub/file");
    // A buffer that is too small holds the beginning, as readlink's does.
    assert_eq!(guest.readlink(DIR, "link", 3).unwrap(), b"sub");
    assert_eq!(guest.readlink(DIR, "sub", 9), Err(errno::INVAL));
    assert_eq!(guest.symlink("x", DIR, "link"), Err(errno::EXIST));
    assert_eq!(guest.symlink("", DIR, "void"), Err(errno::NOENT));

    let file = guest.open(DIR, "link", Open::read().follow()).unwrap();
    assert_eq!(guest.read(file, 9).unwrap(), b"content");
    assert_eq!(guest.open(DIR, "link", Open::read()), Err(errno::LOOP));
    // A link in the middle is always followed.
    guest.symlink("sub", DIR, "dirlink").unwrap();
    assert!(guest.open(DIR, "dirlink/file", Open::read()).is_ok());
    let up = guest.open(DIR, "dirlink/../link", Open::read().follow());
    assert!(up.is_ok());

    // Dangling: created through, not created over.
    guest.symlink("later", DIR, "dangling").unwrap();
    let create = Open::write().oflags(oflags::CREAT);
    let exclusive = Open::write().oflags(oflags::CREAT | oflags::EXCL);
    assert_eq!(
        guest.open(DIR, "dangling", exclusive.follow()),
        Err(errno::EXIST)
    );
    assert!(guest.open(DIR, "dangling", create.follow()).is_ok());
    assert!(dir.path().join("later").exists());
    guest.unlink(DIR, "dangling").unwrap();
    assert!(dir.path().join("later").exists());
}

#[test]
fn link_loops_end() {
    let (_dir, mut guest) = with_dir();
    guest.symlink("b", DIR, "a").unwrap();
    guest.symlink("a", DIR, "b").unwrap();
    guest.symlink("self/x", DIR, "self").unwrap();
    for path in ["a", "b", "self", "a/x"] {
        let opened = guest.open(DIR, path, Open::read().follow());
        assert_eq!(opened, Err(errno::LOOP), "{path}");
        assert_eq!(guest.path_stat(DIR, FOLLOW, path), Err(errno::LOOP));
    }
    // A chain that is long, and one that is too long.
    guest.mkdir(DIR, "0").unwrap();
    for i in 1..60 {
        let target = (i - 1).to_string();
        guest.symlink(target, DIR, i.to_string()).unwrap();
    }
    assert!(guest.open(DIR, "30", Open::read().follow()).is_ok());
    let too_long = guest.open(DIR, "59", Open::read().follow());
    assert_eq!(too_long, Err(errno::LOOP));
}
