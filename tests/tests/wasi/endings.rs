//! What a path ends in decides what may be done with it: `x/` and `x/.` are
//! directories, `x/..` is what `x` lies in, and so on. The system itself is the
//! oracle: each operation is done twice, by a guest in one tree and by system calls
//! in another, and both the error number and what becomes of the tree are compared.

use std::fmt::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

use mainspring_wasi::FsPerms;
use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno as Host;
use tempfile::TempDir;

use crate::guest::{DIR, Errno, FOLLOW, Guest, Open, errno, guest_of, oflags, rights};

/// A directory with something in it, one without, a file, links to each of them, one
/// to nothing, and a name that nothing has.
const NAMES: [&str; 8] = [
    "full", "empty", "file", "to-full", "to-empty", "to-file", "dangling", "none",
];

const ENDINGS: [&str; 8] = ["", "/", "//", "/.", "/./", "/..", "/../", "/../file"];

/// Paths without a name of their own.
const OTHERS: [&str; 6] = ["", ".", "./", "./.", "full/sub/..", "full/sub/../../"];

fn paths() -> Vec<String> {
    let named = NAMES
        .iter()
        .flat_map(|name| ENDINGS.iter().map(move |ending| format!("{name}{ending}")));
    named.chain(OTHERS.map(String::from)).collect()
}

/// The same tree each time.
fn grow(root: &Path) {
    std::fs::create_dir_all(root.join("full/sub")).unwrap();
    std::fs::write(root.join("full/inner"), "inner").unwrap();
    std::fs::create_dir(root.join("empty")).unwrap();
    std::fs::write(root.join("file"), "file").unwrap();
    for (target, link) in [
        ("full", "to-full"),
        ("empty", "to-empty"),
        ("file", "to-file"),
        ("nothing", "dangling"),
    ] {
        std::os::unix::fs::symlink(target, root.join(link)).unwrap();
    }
    old(root);
}

/// Sets all times to the same one, so that changes of them can be seen.
fn old(path: &Path) {
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).unwrap() {
            old(&entry.unwrap().path());
        }
    }
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(rustix::fs::CWD, path, &times(1000), flags).unwrap();
}

fn times(seconds: i64) -> Timestamps {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

/// All that can be seen of a tree, but for times that passed meanwhile.
fn describe(path: &Path, name: &str, text: &mut String) {
    let stat = rustix::fs::statat(rustix::fs::CWD, path, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    let time = match stat.st_mtime {
        1000 | 2000 => stat.st_mtime,
        _ => 0,
    };
    write!(text, "{name} {:o} {time}", stat.st_mode).unwrap();
    if path.is_symlink() {
        writeln!(text, " -> {:?}", std::fs::read_link(path).unwrap()).unwrap();
    } else if path.is_dir() {
        writeln!(text, " {{").unwrap();
        let mut names: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        for name in names {
            describe(&path.join(&name), &name, text);
        }
        writeln!(text, "}}").unwrap();
    } else {
        writeln!(text, " {:?}", std::fs::read(path).unwrap()).unwrap();
    }
}

/// A tree, and what it looked like when nobody had touched it.
struct Tree {
    dir: TempDir,
    untouched: String,
}

impl Tree {
    fn new() -> Tree {
        let dir = tempfile::tempdir().unwrap();
        grow(dir.path());
        let mut tree = Tree {
            dir,
            untouched: String::new(),
        };
        tree.untouched = tree.look();
        tree
    }

    fn look(&self) -> String {
        let mut text = String::new();
        describe(self.dir.path(), "", &mut text);
        text
    }

    fn restore(&self) {
        for entry in std::fs::read_dir(self.dir.path()).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() && !path.is_symlink() {
                true => std::fs::remove_dir_all(path).unwrap(),
                false => std::fs::remove_file(path).unwrap(),
            }
        }
        grow(self.dir.path());
    }
}

/// A guest with its tree, and the host's own.
struct Oracle {
    guest: Guest,
    guests: Tree,
    host: OwnedFd,
    hosts: Tree,
    differences: Vec<String>,
    /// How many operations succeeded, lest all fail for a silly reason.
    successes: usize,
}

impl Oracle {
    fn new() -> Oracle {
        let (guests, hosts) = (Tree::new(), Tree::new());
        let open = OFlags::RDONLY | OFlags::DIRECTORY;
        Oracle {
            guest: guest_of(guests.dir.path(), FsPerms::ReadWrite),
            guests,
            host: rustix::fs::open(hosts.dir.path(), open, Mode::empty()).unwrap(),
            hosts,
            differences: Vec::new(),
            successes: 0,
        }
    }

    fn compare(
        &mut self,
        what: &str,
        by_guest: impl FnOnce(&mut Guest) -> Errno<()>,
        by_host: impl FnOnce(&OwnedFd) -> rustix::io::Result<()>,
    ) {
        let found = by_guest(&mut self.guest);
        let expected = by_host(&self.host).map_err(number);
        self.successes += usize::from(expected.is_ok());
        let (seen, wanted) = (self.guests.look(), self.hosts.look());
        if found != expected || seen != wanted {
            let tree = if seen != wanted { seen.as_str() } else { "" };
            self.differences.push(format!(
                "{what}: the guest got {found:?}, the host {expected:?} {tree}"
            ));
        }
        for (tree, now) in [(&self.guests, &seen), (&self.hosts, &wanted)] {
            if *now != tree.untouched {
                tree.restore();
            }
        }
    }

    fn finish(self) {
        let all = self.differences.join("\n");
        assert!(all.is_empty(), "{all}");
        assert!(self.successes > 5, "{} successes", self.successes);
    }
}

/// Preview 1's number of each error that occurs here.
fn number(error: Host) -> u32 {
    match error {
        Host::BUSY => errno::BUSY,
        Host::EXIST => errno::EXIST,
        Host::INVAL => errno::INVAL,
        Host::ISDIR => errno::ISDIR,
        Host::LOOP => errno::LOOP,
        Host::NOENT => errno::NOENT,
        Host::NOTDIR => errno::NOTDIR,
        Host::NOTEMPTY => errno::NOTEMPTY,
        Host::PERM => errno::PERM,
        other => panic!("unexpected: {other}"),
    }
}

#[test]
fn of_directories_that_are_made_and_removed_and_files_that_are_removed() {
    let mut oracle = Oracle::new();
    let all = Mode::RWXU | Mode::RWXG | Mode::RWXO;
    for path in &paths() {
        oracle.compare(
            &format!("mkdir {path:?}"),
            |guest| guest.mkdir(DIR, path),
            |host| rustix::fs::mkdirat(host, path, all),
        );
        oracle.compare(
            &format!("rmdir {path:?}"),
            |guest| guest.rmdir(DIR, path),
            |host| rustix::fs::unlinkat(host, path, AtFlags::REMOVEDIR),
        );
        oracle.compare(
            &format!("unlink {path:?}"),
            |guest| guest.unlink(DIR, path),
            |host| rustix::fs::unlinkat(host, path, AtFlags::empty()),
        );
    }
    oracle.finish();
}

#[test]
fn of_symbolic_links_that_are_made_and_read() {
    let mut oracle = Oracle::new();
    for path in &paths() {
        for target in ["file", "full/", "none/.", "", "..", "a/../../b"] {
            oracle.compare(
                &format!("symlink {target:?} at {path:?}"),
                |guest| guest.symlink(target, DIR, path),
                |host| rustix::fs::symlinkat(target, host, path),
            );
        }
        oracle.compare(
            &format!("readlink {path:?}"),
            |guest| guest.readlink(DIR, path, 99).map(drop),
            |host| rustix::fs::readlinkat(host, path, Vec::new()).map(drop),
        );
    }
    oracle.finish();
}

#[test]
fn of_what_is_looked_at_and_whose_times_are_set() {
    let mut oracle = Oracle::new();
    for path in &paths() {
        for (lookup, flags) in [(0, AtFlags::SYMLINK_NOFOLLOW), (FOLLOW, AtFlags::empty())] {
            let mut seen = None;
            let mut wanted = None;
            oracle.compare(
                &format!("stat {path:?} with {flags:?}"),
                |guest| {
                    let stat = guest.path_stat(DIR, lookup, path)?;
                    seen = Some((stat.size, stat.links));
                    Ok(())
                },
                |host| {
                    let stat = rustix::fs::statat(host, path, flags)?;
                    wanted = Some((stat.st_size as u64, stat.st_nlink as u64));
                    Ok(())
                },
            );
            assert_eq!(seen, wanted, "{path:?} with {flags:?}");
            oracle.compare(
                &format!("utimes {path:?} with {flags:?}"),
                |guest| {
                    let (path, length) = guest.pass(path);
                    let time = 2000 * 1_000_000_000;
                    let numbers = [DIR.into(), lookup.into(), path, length, time, time, 5];
                    guest.call("path_filestat_set_times", &numbers)
                },
                |host| rustix::fs::utimensat(host, path, &times(2000), flags),
            );
        }
    }
    oracle.finish();
}

#[test]
fn of_what_is_opened() {
    let mut oracle = Oracle::new();
    let how = [
        (rights::READ, OFlags::RDONLY),
        (rights::WRITE, OFlags::WRONLY),
        (rights::READ | rights::WRITE, OFlags::RDWR),
    ];
    let flags = [
        (0, OFlags::empty()),
        (oflags::DIRECTORY, OFlags::DIRECTORY),
        (oflags::TRUNC, OFlags::TRUNC),
        (oflags::CREAT, OFlags::CREATE),
        (
            oflags::CREAT | oflags::TRUNC,
            OFlags::CREATE | OFlags::TRUNC,
        ),
        (oflags::CREAT | oflags::EXCL, OFlags::CREATE | OFlags::EXCL),
    ];
    let mode = Mode::from_raw_mode(0o666);
    for path in &paths() {
        for (lookup, follow) in [(0, OFlags::NOFOLLOW), (FOLLOW, OFlags::empty())] {
            for (rights, access) in how {
                for (oflags, creation) in flags {
                    let open = Open {
                        lookup,
                        oflags,
                        rights,
                        fdflags: 0,
                    };
                    let host_flags = access | creation | follow;
                    oracle.compare(
                        &format!("open {path:?} with {host_flags:?}"),
                        |guest| {
                            let opened = guest.open(DIR, path, open)?;
                            guest.close(opened)
                        },
                        |host| rustix::fs::openat(host, path, host_flags, mode).map(drop),
                    );
                }
            }
        }
    }
    oracle.finish();
}

#[test]
fn of_what_is_renamed() {
    let mut oracle = Oracle::new();
    for from in &paths() {
        for to in &paths() {
            oracle.compare(
                &format!("rename {from:?} to {to:?}"),
                |guest| guest.rename(DIR, from, DIR, to),
                |host| rustix::fs::renameat(host, from, host, to),
            );
        }
    }
    oracle.finish();
}

#[test]
fn of_what_gets_a_second_name() {
    let mut oracle = Oracle::new();
    for from in &paths() {
        for to in &paths() {
            oracle.compare(
                &format!("link {from:?} to {to:?}"),
                |guest| guest.link(DIR, 0, from, DIR, to),
                |host| rustix::fs::linkat(host, from, host, to, AtFlags::empty()),
            );
        }
    }
    oracle.finish();
}
