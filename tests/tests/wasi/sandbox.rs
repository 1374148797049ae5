//! Hostile guests. Each test gives a guest one directory that lies beside a
//! secret, lets it try to get at the secret, and sees that the secret is unread
//! and untouched.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mainspring_wasi::{FsPerms, WasiCtxBuilder};
use tempfile::TempDir;

use crate::guest::{DIR, Errno, FOLLOW, Guest, Open, errno, guest_of, oflags, rights};

/// `home` is what the guest gets. Beside it lies `outside`, with a file `secret`,
/// an empty directory `empty`, and nothing else.
struct Sandbox {
    root: TempDir,
    guest: Guest,
}

const SECRET: &[u8] = b"a secret of the host";

impl Sandbox {
    fn new() -> Sandbox {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        std::fs::create_dir_all(home.join("sub/deep")).unwrap();
        std::fs::write(home.join("file"), "of the guest").unwrap();
        std::fs::create_dir_all(root.path().join("outside/empty")).unwrap();
        std::fs::write(root.path().join("outside/secret"), SECRET).unwrap();
        let guest = guest_of(&home, FsPerms::ReadWrite);
        Sandbox { root, guest }
    }

    fn home(&self, path: &str) -> PathBuf {
        self.root.path().join("home").join(path)
    }

    fn outside(&self, path: &str) -> PathBuf {
        self.root.path().join("outside").join(path)
    }

    /// Tries everything that can be done with the path of an existing file or
    /// directory, and with a path that could be made; all must fail.
    fn try_everything(&mut self, existing: &[u8], new: &[u8]) {
        for (what, result) in everything(&mut self.guest, existing, new) {
            let path = String::from_utf8_lossy(existing);
            assert!(result.is_err(), "{what} got through `{path}`");
        }
        self.assert_untouched();
    }

    fn assert_untouched(&self) {
        assert_eq!(std::fs::read(self.outside("secret")).unwrap(), SECRET);
        let secret = std::fs::metadata(self.outside("secret")).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::nlink(&secret), 1);
        assert!(secret.modified().unwrap() > std::time::UNIX_EPOCH + Duration::from_secs(10));
        let mut names: Vec<_> = std::fs::read_dir(self.outside(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["empty", "secret"]);
        assert_eq!(std::fs::read_dir(self.outside("empty")).unwrap().count(), 0);
        let mut beside: Vec<_> = std::fs::read_dir(self.root.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        beside.sort();
        assert_eq!(beside, ["home", "outside"]);
    }
}

/// Every function that takes a path, with the outcome of each.
fn everything(guest: &mut Guest, existing: &[u8], new: &[u8]) -> Vec<(&'static str, Errno<()>)> {
    let create = Open::write().oflags(oflags::CREAT).follow();
    let truncate = Open::write().oflags(oflags::TRUNC).follow();
    let times = |guest: &mut Guest, lookup| {
        let (path, length) = guest.pass(existing);
        let set = [DIR.into(), lookup, path, length, 5, 5, 1 | 4];
        guest.call("path_filestat_set_times", &set)
    };
    vec![
        (
            "open to read",
            guest.open(DIR, existing, Open::read().follow()).map(drop),
        ),
        (
            "open to write",
            guest.open(DIR, existing, Open::write().follow()).map(drop),
        ),
        (
            "open a directory",
            guest
                .open(DIR, existing, Open::directory().follow())
                .map(drop),
        ),
        ("truncate", guest.open(DIR, existing, truncate).map(drop)),
        ("create", guest.open(DIR, new, create).map(drop)),
        ("stat", guest.path_stat(DIR, FOLLOW, existing).map(drop)),
        ("set times", times(guest, 1)),
        ("mkdir", guest.mkdir(DIR, new)),
        ("symlink", guest.symlink("x", DIR, new)),
        ("link from", guest.link(DIR, 0, existing, DIR, "stolen")),
        ("link to", guest.link(DIR, 0, "file", DIR, new)),
        ("rename to", guest.rename(DIR, "file", DIR, new)),
    ]
    .into_iter()
    .chain(on_the_name_itself(guest, existing))
    .collect()
}

/// Functions that act on the last component of a path itself, also where it is a
/// link; they get a path that leads outside before its last component.
fn on_the_name_itself(guest: &mut Guest, existing: &[u8]) -> Vec<(&'static str, Errno<()>)> {
    let leads_out_early = existing.contains(&b'/') && !existing.ends_with(b"/");
    if !leads_out_early {
        return Vec::new();
    }
    vec![
        ("lstat", guest.path_stat(DIR, 0, existing).map(drop)),
        ("readlink", guest.readlink(DIR, existing, 99).map(drop)),
        ("rmdir", guest.rmdir(DIR, existing)),
        ("unlink", guest.unlink(DIR, existing)),
        ("rename from", guest.rename(DIR, existing, DIR, "stolen")),
    ]
}

#[test]
fn dots_do_not_lead_out() {
    let mut sandbox = Sandbox::new();
    for up in [
        "..",
        "sub/../..",
        "sub/deep/../../..",
        "./..",
        "sub//..//..",
        "sub/./../..",
    ] {
        for target in ["outside/secret", "outside/empty", "outside"] {
            let existing = format!("{up}/{target}");
            let new = format!("{up}/outside/new");
            sandbox.try_everything(existing.as_bytes(), new.as_bytes());
        }
        assert_eq!(
            sandbox.guest.open(DIR, up, Open::directory()),
            Err(errno::PERM)
        );
        assert_eq!(sandbox.guest.path_stat(DIR, 0, up), Err(errno::PERM));
    }
    let far = "../".repeat(1000) + "etc/passwd";
    assert_eq!(sandbox.guest.open(DIR, far, Open::read()), Err(errno::PERM));
    // What stays inside is fine.
    assert!(sandbox.guest.open(DIR, "sub/../file", Open::read()).is_ok());
    assert!(
        sandbox
            .guest
            .open(DIR, "sub/deep/../../file", Open::read())
            .is_ok()
    );
}

#[test]
fn a_directory_opened_beneath_leads_no_further_up() {
    let mut sandbox = Sandbox::new();
    let guest = &mut sandbox.guest;
    let sub = guest.open(DIR, "sub", Open::directory()).unwrap();
    assert_eq!(guest.open(sub, "..", Open::directory()), Err(errno::PERM));
    assert_eq!(guest.open(sub, "../file", Open::read()), Err(errno::PERM));
    // Nor after it was moved up, where its old way up would lead out.
    let deep = guest.open(DIR, "sub/deep", Open::directory()).unwrap();
    guest.rename(DIR, "sub/deep", DIR, "deep").unwrap();
    for path in ["..", "../..", "../../outside/secret"] {
        assert_eq!(guest.open(deep, path, Open::read()), Err(errno::PERM));
    }
    sandbox.assert_untouched();
}

#[test]
fn absolute_paths_do_not_lead_out() {
    let mut sandbox = Sandbox::new();
    let secret = sandbox.outside("secret");
    let new = sandbox.outside("new");
    for prefix in ["", "/", "//"] {
        let existing = format!("{prefix}{}", secret.display());
        let new = format!("{prefix}{}", new.display());
        sandbox.try_everything(existing.as_bytes(), new.as_bytes());
    }
    for path in [
        "/",
        "//",
        "/.",
        "/..",
        "/etc/passwd",
        "/proc/self/root/etc/passwd",
    ] {
        let opened = sandbox.guest.open(DIR, path, Open::read());
        assert_eq!(opened, Err(errno::PERM), "{path}");
    }
    // Also not to what would be inside.
    let inside = sandbox.home("file").display().to_string();
    assert_eq!(
        sandbox.guest.open(DIR, inside, Open::read()),
        Err(errno::PERM)
    );
}

#[test]
fn links_that_the_host_made_do_not_lead_out() {
    let mut sandbox = Sandbox::new();
    let absolute = sandbox.outside("").display().to_string();
    let absolute = absolute.trim_end_matches('/').to_string();
    let home = sandbox.home("").display().to_string();
    for (name, target) in [
        ("to-outside", "../outside".to_string()),
        ("to-absolute", absolute.clone()),
        ("to-parent", "..".to_string()),
        ("sub/to-outside", "../../outside".to_string()),
        ("chain-1", "chain-2".to_string()),
        ("chain-2", "sub/chain-3".to_string()),
        ("sub/chain-3", "../to-outside".to_string()),
        ("to-root", "/".to_string()),
        ("out-and-in", format!("../home/{}", "sub")),
        ("absolute-in", home),
    ] {
        symlink(target, sandbox.home(name)).unwrap();
    }
    let beneath = absolute.trim_start_matches('/');
    for way in [
        "to-outside".to_string(),
        "to-outside/".to_string(),
        "to-outside/.".to_string(),
        "to-absolute".to_string(),
        "to-parent/outside".to_string(),
        "sub/to-outside".to_string(),
        "sub/../sub/to-outside".to_string(),
        "chain-1".to_string(),
        "chain-2".to_string(),
        format!("to-root/{beneath}"),
    ] {
        for target in ["secret", "empty"] {
            let existing = format!("{way}/{target}");
            let new = format!("{way}/new");
            sandbox.try_everything(existing.as_bytes(), new.as_bytes());
        }
    }
    // To leave and come back is to leave.
    for path in [
        "out-and-in",
        "out-and-in/deep",
        "absolute-in",
        "absolute-in/file",
    ] {
        let opened = sandbox.guest.open(DIR, path, Open::read().follow());
        assert_eq!(opened, Err(errno::PERM), "{path}");
    }
    // What an absolute link says is the host's business.
    let read = sandbox.guest.readlink(DIR, "to-absolute", 99);
    assert_eq!(read, Err(errno::PERM));
}

#[test]
fn links_to_files_outside_are_not_followed() {
    let mut sandbox = Sandbox::new();
    let secret = sandbox.outside("secret");
    symlink("../outside/secret", sandbox.home("relative")).unwrap();
    symlink(&secret, sandbox.home("absolute")).unwrap();
    symlink("relative", sandbox.home("chain")).unwrap();
    symlink("../outside/new", sandbox.home("dangling")).unwrap();
    symlink(sandbox.outside("new"), sandbox.home("dangling-absolute")).unwrap();
    for link in ["relative", "absolute", "chain", "relative/", "relative/x"] {
        for how in [Open::read(), Open::write(), Open::both()] {
            assert!(
                sandbox.guest.open(DIR, link, how.follow()).is_err(),
                "{link}"
            );
            assert!(sandbox.guest.open(DIR, link, how).is_err(), "{link}");
        }
        let truncate = Open::write().oflags(oflags::TRUNC);
        assert!(sandbox.guest.open(DIR, link, truncate.follow()).is_err());
        assert!(sandbox.guest.path_stat(DIR, FOLLOW, link).is_err());
        let (path, length) = sandbox.guest.pass(link);
        let times = [DIR.into(), 1, path, length, 5, 5, 1 | 4];
        assert!(
            sandbox
                .guest
                .call("path_filestat_set_times", &times)
                .is_err()
        );
    }
    let create = Open::write().oflags(oflags::CREAT);
    for link in ["dangling", "dangling-absolute"] {
        let opened = sandbox.guest.open(DIR, link, create.follow());
        assert_eq!(opened, Err(errno::PERM), "{link}");
        assert!(sandbox.guest.open(DIR, link, create).is_err());
        assert!(sandbox.guest.mkdir(DIR, link).is_err());
    }
    sandbox.assert_untouched();
    // The links themselves are the guest's.
    for link in ["relative", "absolute", "chain", "dangling"] {
        sandbox.guest.unlink(DIR, link).unwrap();
    }
    sandbox.assert_untouched();
}

#[test]
fn links_that_the_guest_makes_do_not_lead_out() {
    let mut sandbox = Sandbox::new();
    let guest = &mut sandbox.guest;
    // An absolute target is refused from the start.
    for target in ["/", "/etc/passwd", "//x", "/../x"] {
        assert_eq!(guest.symlink(target, DIR, "link"), Err(errno::PERM));
        assert_eq!(guest.path_stat(DIR, 0, "link"), Err(errno::NOENT));
    }
    // A relative one may say what it likes.
    guest.symlink("../outside", DIR, "up").unwrap();
    guest.symlink("../file", DIR, "sub/deep/link").unwrap();
    guest.rename(DIR, "sub/deep/link", DIR, "moved").unwrap();
    assert_eq!(
        guest.open(DIR, "moved", Open::read().follow()),
        Err(errno::PERM)
    );
    // A link that stays inside until its directory moves up.
    guest.mkdir(DIR, "sub/deep/er").unwrap();
    guest
        .symlink("../../../outside", DIR, "sub/deep/er/link")
        .unwrap();
    guest.rename(DIR, "sub/deep/er", DIR, "sub/er").unwrap();
    let opened = guest.open(DIR, "sub/er/link/secret", Open::read());
    assert_eq!(opened, Err(errno::PERM));
    guest.link(DIR, 0, "up", DIR, "sub/up").unwrap();
    assert!(guest.open(DIR, "sub/up/secret", Open::read()).is_err());
    for way in ["up", "sub/er/link"] {
        let existing = format!("{way}/secret");
        let new = format!("{way}/new");
        sandbox.try_everything(existing.as_bytes(), new.as_bytes());
    }
}

#[test]
fn the_process_file_system_does_not_lead_out() {
    // Even to a guest that is given /proc itself its links are shut.
    let mut guest = guest_of(Path::new("/proc"), FsPerms::ReadWrite);
    for path in [
        "self/root/etc/passwd",
        "self/root",
        "self/cwd/Cargo.toml",
        "self/fd/0",
        "self/exe",
        "thread-self/root/etc/passwd",
        "self/../../etc/passwd",
        "self/task/../root/etc",
    ] {
        for how in [Open::read(), Open::directory()] {
            assert!(guest.open(DIR, path, how.follow()).is_err(), "{path}");
        }
    }
    // /dev/fd and /dev/stdin are links into /proc.
    let mut guest = guest_of(Path::new("/dev"), FsPerms::ReadWrite);
    for path in ["fd/0", "fd/1", "stdin", "stdout", "fd/../../etc/passwd"] {
        for how in [Open::read(), Open::write()] {
            assert!(guest.open(DIR, path, how.follow()).is_err(), "{path}");
        }
    }
    let mut sandbox = Sandbox::new();
    symlink("/proc/self/root", sandbox.home("root")).unwrap();
    symlink("/proc/self/cwd", sandbox.home("cwd")).unwrap();
    for path in ["root", "root/etc/passwd", "cwd", "cwd/Cargo.toml"] {
        let opened = sandbox.guest.open(DIR, path, Open::read().follow());
        assert_eq!(opened, Err(errno::PERM), "{path}");
    }
}

#[test]
fn odd_paths_are_refused() {
    let mut sandbox = Sandbox::new();
    let guest = &mut sandbox.guest;
    let long_name = "a".repeat(300);
    let long_path = "sub/../".repeat(700);
    let longer = "a".repeat(20_000);
    let cases: &[(&[u8], u32)] = &[
        (b"", errno::NOENT),
        (b"fi\0le", errno::INVAL),
        (b"file\0", errno::INVAL),
        (b"\0", errno::INVAL),
        (b"file\0/../../outside/secret", errno::INVAL),
        (b"f\xffle", errno::ILSEQ),
        (b"\xc0\xaf", errno::ILSEQ),
        (b"..\xc0\xaf..\xc0\xafoutside", errno::ILSEQ),
        (b"\xed\xa0\x80", errno::ILSEQ),
        (long_name.as_bytes(), errno::NAMETOOLONG),
        (long_path.as_bytes(), errno::NAMETOOLONG),
        (longer.as_bytes(), errno::NAMETOOLONG),
    ];
    for (path, expected) in cases {
        let shown = String::from_utf8_lossy(&path[..path.len().min(30)]).into_owned();
        let create = Open::write().oflags(oflags::CREAT);
        let results = [
            guest.open(DIR, path, Open::read().follow()).map(drop),
            guest.open(DIR, path, create).map(drop),
            guest.path_stat(DIR, 0, path).map(drop),
            guest.path_stat(DIR, FOLLOW, path).map(drop),
            guest.mkdir(DIR, path),
            guest.rmdir(DIR, path),
            guest.unlink(DIR, path),
            guest.readlink(DIR, path, 9).map(drop),
            guest.rename(DIR, "file", DIR, path),
            guest.rename(DIR, path, DIR, "x"),
            guest.link(DIR, 0, "file", DIR, path),
            guest.link(DIR, 0, path, DIR, "x"),
            guest.symlink("x", DIR, path),
        ];
        for (i, result) in results.into_iter().enumerate() {
            assert_eq!(result, Err(*expected), "{shown} in call {i}");
        }
    }
    for (target, expected) in [(&b"a\0b"[..], errno::INVAL), (b"\xff", errno::ILSEQ)] {
        assert_eq!(guest.symlink(target, DIR, "link"), Err(expected));
    }
    sandbox.assert_untouched();
}

#[test]
fn trailing_slashes_mean_a_directory() {
    let mut sandbox = Sandbox::new();
    symlink("sub", sandbox.home("inner")).unwrap();
    let guest = &mut sandbox.guest;
    for path in ["file/", "file/.", "file//", "file/..", "file/../file"] {
        let opened = guest.open(DIR, path, Open::read().follow());
        assert_eq!(opened, Err(errno::NOTDIR), "{path}");
    }
    let create = Open::write().oflags(oflags::CREAT);
    assert!(guest.open(DIR, "new/", create).is_err());
    assert_eq!(guest.path_stat(DIR, 0, "new"), Err(errno::NOENT));
    for path in ["sub/", "sub//", "sub/.", "inner/", "inner/."] {
        assert!(guest.open(DIR, path, Open::directory()).is_ok(), "{path}");
    }
    assert_eq!(guest.rmdir(DIR, "inner/"), Err(errno::NOTDIR));
    assert!(guest.unlink(DIR, "inner/").is_err());
    assert!(guest.symlink("x", DIR, "new/").is_err());
    assert!(guest.link(DIR, 0, "file", DIR, "new/").is_err());
    assert!(guest.rmdir(DIR, "sub/.").is_err());
    assert!(guest.rmdir(DIR, ".").is_err());
    assert!(guest.rmdir(DIR, "sub/deep/..").is_err());
    assert!(sandbox.home("sub/deep").is_dir());
}

/// Everything that changes something.
fn changes(guest: &mut Guest, dir: u32) -> Vec<(&'static str, Errno<()>)> {
    let create = Open::write().oflags(oflags::CREAT);
    let create_to_read = Open::read().oflags(oflags::CREAT);
    let truncate_to_read = Open::read().oflags(oflags::TRUNC);
    let times = |guest: &mut Guest| {
        let (path, length) = guest.pass("file");
        let set = [dir.into(), 0, path, length, 5, 5, 1 | 4];
        guest.call("path_filestat_set_times", &set)
    };
    vec![
        ("write", guest.open(dir, "file", Open::write()).map(drop)),
        (
            "truncate",
            guest.open(dir, "file", truncate_to_read).map(drop),
        ),
        ("create", guest.open(dir, "new", create).map(drop)),
        (
            "create to read",
            guest.open(dir, "new", create_to_read).map(drop),
        ),
        ("mkdir", guest.mkdir(dir, "new")),
        ("rmdir", guest.rmdir(dir, "sub/deep")),
        ("unlink", guest.unlink(dir, "file")),
        ("symlink", guest.symlink("file", dir, "new")),
        ("link", guest.link(dir, 0, "file", dir, "new")),
        ("rename", guest.rename(dir, "file", dir, "new")),
        ("path times", times(guest)),
        (
            "directory times",
            guest.call("fd_filestat_set_times", &[dir.into(), 5, 5, 5]),
        ),
    ]
}

#[test]
fn a_read_only_directory_stays_as_it_is() {
    let sandbox = Sandbox::new();
    let home = sandbox.home("");
    let mut guest = guest_of(&home, FsPerms::ReadOnly);
    let before = std::fs::metadata(home.join("file")).unwrap();
    for (what, result) in changes(&mut guest, DIR) {
        assert_eq!(result, Err(errno::PERM), "{what}");
    }
    // Nor through a descriptor that was opened beneath it.
    let again = guest.open(DIR, ".", Open::directory()).unwrap();
    for (what, result) in changes(&mut guest, again) {
        assert_eq!(result, Err(errno::PERM), "{what}");
    }
    let sub = guest.open(DIR, "sub", Open::directory()).unwrap();
    assert_eq!(guest.rmdir(sub, "deep"), Err(errno::PERM));

    let file = guest.open(DIR, "file", Open::read()).unwrap();
    assert_eq!(guest.read(file, 99).unwrap(), b"of the guest");
    assert_eq!(guest.write(file, "x"), Err(errno::BADF));
    let times = guest.call("fd_filestat_set_times", &[file.into(), 5, 5, 5]);
    assert_eq!(times, Err(errno::PERM));
    assert_eq!(guest.names(DIR, 4096).unwrap().len(), 4);
    let after = std::fs::metadata(home.join("file")).unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
    assert_eq!(before.len(), after.len());
}

#[test]
fn rights_tell_whether_a_directory_is_read_only() {
    let sandbox = Sandbox::new();
    let home = sandbox.home("");
    // To write, to allocate, to set sizes and times, and all that changes entries.
    let writing = 1 << 6 | 1 << 8 | 1 << 22 | 1 << 23;
    let changing = 0b1111 << 9 | 0b11 << 16 | 0b11 << 19 | 0b111 << 24;
    for (perms, permitted) in [(FsPerms::ReadOnly, false), (FsPerms::ReadWrite, true)] {
        let mut guest = guest_of(&home, perms);
        let sub = guest.open(DIR, "sub", Open::directory()).unwrap();
        for fd in [DIR, sub] {
            let stat = guest.fdstat(fd).unwrap();
            let expected = |all: u64| if permitted { all } else { 0 };
            assert_eq!(stat.base & changing, expected(changing));
            let inheriting = writing | changing;
            assert_eq!(stat.inheriting & inheriting, expected(inheriting));
            assert_ne!(stat.inheriting & rights::READ, 0);
            assert_ne!(stat.base & rights::PATH_OPEN, 0);
        }
        let file = guest.open(DIR, "file", Open::read()).unwrap();
        let base = guest.fdstat(file).unwrap().base;
        assert_eq!(base & 1 << 23 != 0, permitted);
        // What C's `open` for writing comes to where no right to write is inherited.
        let datasync = Open {
            rights: rights::READ | 1,
            ..Open::default()
        };
        let opened = guest.open(DIR, "file", datasync);
        assert_eq!(opened.is_ok(), permitted, "{opened:?}");
    }
}

#[test]
fn a_file_gains_nothing_by_a_name_in_another_directory() {
    let sandbox = Sandbox::new();
    let open = sandbox.home("sub");
    let mut builder = WasiCtxBuilder::new();
    builder
        .preopened_dir(sandbox.outside(""), "/ro", FsPerms::ReadOnly)
        .unwrap()
        .preopened_dir(&open, "/rw", FsPerms::ReadWrite)
        .unwrap();
    let mut guest = Guest::new(&mut builder);
    assert_eq!(guest.link(3, 0, "secret", 4, "mine"), Err(errno::PERM));
    assert_eq!(guest.rename(3, "secret", 4, "mine"), Err(errno::PERM));
    assert_eq!(guest.rename(3, "empty", 4, "mine"), Err(errno::PERM));
    sandbox.assert_untouched();
    // Nor does it get a name where names may not change.
    let mut fixed = WasiCtxBuilder::new();
    fixed
        .preopened_dir(&open, "/rw", FsPerms::ReadWrite)
        .unwrap()
        .preopened_dir(sandbox.outside(""), "/ro", FsPerms::ReadOnly)
        .unwrap();
    let mut confined = Guest::new(&mut fixed);
    std::fs::write(open.join("mine"), "").unwrap();
    assert_eq!(confined.link(3, 0, "mine", 4, "new"), Err(errno::PERM));
    assert_eq!(confined.rename(3, "mine", 4, "new"), Err(errno::PERM));
    assert_eq!(confined.link(4, 0, "secret", 3, "new"), Err(errno::PERM));
    sandbox.assert_untouched();
    // A link between two directories leads out of the one it is in.
    guest.symlink("../../outside/secret", 4, "link").unwrap();
    assert_eq!(
        guest.open(4, "link", Open::read().follow()),
        Err(errno::PERM)
    );
    sandbox.assert_untouched();
}

/// Repeats `attempt` at least `rounds` times while `interfere` is repeated by
/// another thread, and until `attempt` says that it has seen enough. On a busy
/// machine either thread may stand still for long.
fn against(
    rounds: usize,
    interfere: impl Fn(usize) + Sync,
    mut attempt: impl FnMut(usize) -> bool,
) {
    let stop = AtomicBool::new(false);
    let interferences = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                interfere(interferences.fetch_add(1, Ordering::Relaxed));
            }
        });
        // Also when an attempt panics, or the scope would wait for ever.
        let _stop = StopOnDrop(&stop);
        let deadline = Instant::now() + Duration::from_secs(120);
        let mut round = 0;
        loop {
            let enough = attempt(round);
            round += 1;
            let interfered = interferences.load(Ordering::Relaxed) > 200;
            if round >= rounds && enough && interfered {
                break;
            }
            assert!(Instant::now() < deadline, "not enough after {round} rounds");
        }
    });
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Points `link` at one of two targets. Atomic, so that the guest never finds
/// nothing there.
fn swap(home: &Path, target: &str) {
    symlink(target, home.join("fresh")).unwrap();
    std::fs::rename(home.join("fresh"), home.join("link")).unwrap();
}

#[test]
fn a_link_swapped_while_in_use_does_not_lead_out() {
    let mut sandbox = Sandbox::new();
    std::fs::write(sandbox.home("sub/secret"), "of the guest").unwrap();
    symlink("sub", sandbox.home("link")).unwrap();
    let home = sandbox.home("");
    let guest = &mut sandbox.guest;
    let (mut inside, mut refused) = (0, 0);
    against(
        20_000,
        |i| swap(&home, ["../outside", "sub"][i % 2]),
        |_| {
            match guest.open(DIR, "link/secret", Open::both()) {
                Ok(file) => {
                    assert_eq!(guest.read(file, 99).unwrap(), b"of the guest");
                    guest.close(file).unwrap();
                    inside += 1;
                }
                Err(_) => refused += 1,
            }
            inside > 100 && refused > 100
        },
    );
    sandbox.assert_untouched();
}

#[test]
fn changes_through_a_swapped_link_stay_inside() {
    let mut sandbox = Sandbox::new();
    symlink("sub", sandbox.home("link")).unwrap();
    let home = sandbox.home("");
    let absolute = sandbox.outside("").display().to_string();
    let guest = &mut sandbox.guest;
    let create = Open::write().oflags(oflags::CREAT | oflags::TRUNC);
    against(
        4_000,
        |i| swap(&home, [absolute.as_str(), "sub"][i % 2]),
        |i| {
            let name = format!("link/{i}");
            // Whatever succeeds has to have happened in `sub`.
            for name in [&name, "link/secret"] {
                if let Ok(file) = guest.open(DIR, name, create) {
                    guest.close(file).unwrap();
                }
            }
            let _ = guest.mkdir(DIR, format!("link/d{i}"));
            let _ = guest.symlink("x", DIR, format!("link/s{i}"));
            let _ = guest.link(DIR, 0, "file", DIR, format!("link/h{i}"));
            let _ = guest.rename(DIR, &name, DIR, format!("link/r{i}"));
            let _ = guest.unlink(DIR, "link/secret");
            let _ = guest.rmdir(DIR, "link/empty");
            if let Ok(stat) = guest.path_stat(DIR, FOLLOW, "link/secret") {
                assert_ne!(stat.size, SECRET.len() as u64);
            }
            true
        },
    );
    sandbox.assert_untouched();
}

#[test]
fn a_directory_swapped_for_a_link_does_not_lead_out() {
    let mut sandbox = Sandbox::new();
    let at = |path: &str| sandbox.root.path().join("home").join(path);
    std::fs::create_dir(at("place")).unwrap();
    std::fs::write(at("place/secret"), "of the guest").unwrap();
    symlink("../outside", at("lure")).unwrap();
    let guest = &mut sandbox.guest;
    let mut inside = 0;
    against(
        10_000,
        |_| {
            std::fs::rename(at("place"), at("aside")).unwrap();
            std::fs::rename(at("lure"), at("place")).unwrap();
            std::fs::rename(at("place"), at("lure")).unwrap();
            std::fs::rename(at("aside"), at("place")).unwrap();
        },
        |_| {
            if let Ok(file) = guest.open(DIR, "place/secret", Open::read()) {
                assert_eq!(guest.read(file, 99).unwrap(), b"of the guest");
                guest.close(file).unwrap();
                inside += 1;
            }
            let _ = guest.unlink(DIR, "place/empty");
            inside > 10
        },
    );
    sandbox.assert_untouched();
}

#[test]
fn a_directory_moved_out_while_in_use_does_not_lead_up() {
    let mut sandbox = Sandbox::new();
    let home = sandbox.home("");
    let guest = &mut sandbox.guest;
    let deep = guest.open(DIR, "sub/deep", Open::directory()).unwrap();
    let elsewhere = sandbox.root.path().join("outside/empty/deep");
    // From inside of it, once it is there, `../../secret` would be the secret.
    against(
        10_000,
        |_| {
            std::fs::rename(home.join("sub/deep"), &elsewhere).unwrap();
            std::fs::rename(&elsewhere, home.join("sub/deep")).unwrap();
        },
        |_| {
            for path in ["../secret", "../../secret", "../../outside/secret"] {
                assert!(guest.open(deep, path, Open::read()).is_err());
            }
            let through = guest.open(DIR, "sub/deep/../../secret", Open::read());
            assert!(through.is_err());
            true
        },
    );
    sandbox.assert_untouched();
}
