//! What a cache must stand: damage, foreign files, want of room, others at the same time, `kill -9`.

use super::eviction::sweep_if_due;
use super::*;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const HOUR: Duration = Duration::from_secs(3600);

struct Fixture {
    cache: Cache,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Fixture {
        Fixture::with_limit(CacheSettings::DEFAULT_SIZE_LIMIT)
    }

    fn with_limit(size_limit: u64) -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let cache = open(directory.path(), size_limit);
        Fixture { cache, directory }
    }

    fn file(&self, key: &Key) -> PathBuf {
        self.directory.path().join(key.to_string())
    }

    fn names(&self) -> Vec<String> {
        names(self.directory.path())
    }

    /// Has the next store look through the directory.
    fn forget_ledger(&self) {
        let _ = fs::remove_file(self.directory.path().join("ledger"));
    }

    fn age(&self, key: &Key, hours: u32) {
        let file = File::open(self.file(key)).unwrap();
        file.set_modified(SystemTime::now() - HOUR * hours).unwrap();
    }
}

fn open(directory: &Path, size_limit: u64) -> Cache {
    Cache::open(limited(directory, size_limit)).unwrap()
}

fn limited(directory: &Path, size_limit: u64) -> CacheSettings {
    CacheSettings {
        size_limit,
        ..CacheSettings::new(directory)
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "ledger")
        .collect();
    names.sort();
    names
}

fn key(n: u64) -> Key {
    Key::new(&[b"test", &n.to_le_bytes()])
}

fn error_of<T>(result: Result<T>) -> String {
    format!("{:#}", result.err().expect("it must fail"))
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

#[test]
fn keys_depend_on_each_part() {
    let keys = [
        Key::new(&[]),
        Key::new(&[b""]),
        Key::new(&[b"", b""]),
        Key::new(&[b"ab", b"c"]),
        Key::new(&[b"a", b"bc"]),
        Key::new(&[b"abc"]),
        Key::new(&[b"c", b"ab"]),
    ];
    let different: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(different.len(), keys.len());
}

#[test]
fn what_is_stored_is_loaded() {
    let Fixture { cache, directory } = Fixture::new();
    for (n, len) in [0, 1, 4095, 4096, 4097, 1_000_000].into_iter().enumerate() {
        let payload: Vec<u8> = (0..len).map(|i| (i * 7 + n) as u8).collect();
        let key = key(n as u64);
        assert!(cache.load(&key).is_none());
        cache.store(&key, &payload).unwrap();
        // Another process would see it through another `Cache`.
        for cache in [&cache, &open(directory.path(), 1 << 20)] {
            let entry = cache.load(&key).unwrap();
            assert_eq!(entry.payload(), payload);
            let mut read = vec![0; len];
            entry
                .file()
                .read_exact_at(&mut read, Entry::PAYLOAD_AT)
                .unwrap();
            assert_eq!(read, payload);
        }
    }
    let expected = CacheStatistics {
        hits: 6,
        misses: 6,
        stores: 6,
        ..CacheStatistics::default()
    };
    assert_eq!(cache.clone().statistics(), expected);
    assert_eq!(Entry::PAYLOAD_AT % 4096, 0);
}

#[test]
fn replaced_and_removed_entries_stay_for_who_has_them() {
    let fixture = Fixture::new();
    let cache = &fixture.cache;
    cache.store(&key(1), &[1; 10_000]).unwrap();
    let first = cache.load(&key(1)).unwrap();
    cache.store(&key(1), &[2; 20_000]).unwrap();
    let second = cache.load(&key(1)).unwrap();
    fs::remove_dir_all(fixture.directory.path()).unwrap();
    assert!(cache.load(&key(1)).is_none());
    assert_eq!(first.payload(), [1; 10_000]);
    assert_eq!(second.payload(), [2; 20_000]);
    // The directory comes back when there is something to store.
    cache.store(&key(1), &[3; 5]).unwrap();
    assert_eq!(cache.load(&key(1)).unwrap().payload(), [3; 5]);
}

/// Damages an entry and expects that it is found out and removed.
fn refused(fixture: &Fixture, what: &str, damage: impl FnOnce(&mut Vec<u8>)) {
    let key = key(1);
    fixture
        .cache
        .store(&key, b"some code and some more")
        .unwrap();
    let mut bytes = fs::read(fixture.file(&key)).unwrap();
    let before = bytes.clone();
    damage(&mut bytes);
    assert_ne!(bytes, before, "{what} changes nothing");
    fs::write(fixture.file(&key), bytes).unwrap();
    assert!(fixture.cache.load(&key).is_none(), "{what} is loaded");
    assert!(!fixture.file(&key).exists(), "{what} is left");
}

#[test]
fn damage_is_found() {
    let fixture = Fixture::new();
    let fields = [
        ("magic", 0..8),
        ("checksum", 8..16),
        ("format", 16..20),
        ("zeros", 20..24),
        ("length", 24..32),
        ("key", 32..64),
        ("rest of the header", 64..4096),
        ("payload", 4096..4119),
    ];
    for (name, field) in fields {
        for at in [field.start, field.end - 1] {
            refused(&fixture, name, |bytes| bytes[at] ^= 0x80);
        }
    }
    let mut numbers = Numbers(1);
    for _ in 0..200 {
        let bit = numbers.below(4119 * 8) as usize;
        refused(&fixture, &format!("bit {bit}"), |bytes| {
            bytes[bit / 8] ^= 1 << (bit % 8)
        });
    }
    for len in [0, 1, 15, 63, 64, 4095, 4096, 4118] {
        refused(&fixture, &format!("length {len}"), |bytes| {
            bytes.truncate(len)
        });
    }
    refused(&fixture, "one byte more", |bytes| bytes.push(0));
    // What a power failure can leave: the length, without the contents.
    refused(&fixture, "zeros", |bytes| bytes.fill(0));
}

#[test]
fn entries_of_other_keys_and_formats_are_refused() {
    let fixture = Fixture::new();
    fixture.cache.store(&key(2), b"of another key").unwrap();
    let other = fs::read(fixture.file(&key(2))).unwrap();
    refused(&fixture, "another's entry", |bytes| *bytes = other);
    // Not damaged, but of a version to come.
    refused(&fixture, "another format", |bytes| {
        bytes[16] += 1;
        let sum = xxhash_rust::xxh3::xxh3_64(&bytes[16..]);
        bytes[8..16].copy_from_slice(&sum.to_le_bytes());
    });
    assert!(fixture.cache.load(&key(2)).is_some());
}

#[test]
fn directories_that_others_can_write_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("a/cache");
    let settings = CacheSettings::new(&directory);
    let cache = Cache::open(settings.clone()).unwrap();
    let mode = fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
    cache.store(&key(1), b"code").unwrap();

    let link = parent.path().join("link");
    symlink(&directory, &link).unwrap();
    let linked = CacheSettings::new(&link);
    assert!(Cache::open(linked.clone()).unwrap().load(&key(1)).is_some());

    for mode in [0o777, 0o770, 0o702, 0o1777] {
        fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();
        for settings in [&settings, &linked] {
            let error = error_of(Cache::open(settings.clone()));
            let path = settings.directory.display().to_string();
            assert!(error.contains(&path), "{error}");
            assert!(error.contains("chmod go-w"), "{error}");
        }
        // Also if it happens to a cache that is open.
        assert!(cache.load(&key(1)).is_none());
        assert!(error_of(cache.store(&key(1), b"code")).contains("can't be trusted"));
    }
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(cache.load(&key(1)).is_some());

    fs::write(parent.path().join("file"), "").unwrap();
    let error = error_of(Cache::open(CacheSettings::new(parent.path().join("file"))));
    assert!(error.contains("cannot use the cache directory"), "{error}");
}

#[test]
fn directories_of_others_are_refused() {
    // Root can give a directory away; to anyone else, `/` is another's.
    let parent = tempfile::tempdir().unwrap();
    let given = std::os::unix::fs::chown(parent.path(), Some(12345), None).is_ok();
    let foreign = if given { parent.path() } else { Path::new("/") };
    let error = error_of(Cache::open(CacheSettings::new(foreign)));
    let expected = format!("{} can't be trusted: it belongs to user", foreign.display());
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn files_that_others_could_have_written_are_refused() {
    let fixture = Fixture::new();
    let cache = &fixture.cache;
    for mode in [0o666, 0o660, 0o602] {
        cache.store(&key(1), b"code").unwrap();
        let file = fixture.file(&key(1));
        let made = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(made & 0o7777, 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert!(cache.load(&key(1)).is_none(), "mode {mode:o}");
        assert!(!file.exists(), "mode {mode:o}");
    }
    // A link to a good entry is still a link.
    cache.store(&key(1), b"code").unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("entry");
    fs::rename(fixture.file(&key(1)), &target).unwrap();
    symlink(&target, fixture.file(&key(1))).unwrap();
    assert!(cache.load(&key(1)).is_none());
    assert!(fixture.names().is_empty());
    assert!(target.exists());
    // A pipe doesn't make anyone wait, a directory can't be removed and isn't in the way of misses.
    let made = Command::new("mkfifo").arg(fixture.file(&key(2))).status();
    assert!(made.unwrap().success());
    assert!(cache.load(&key(2)).is_none());
    assert!(fixture.names().is_empty());
    fs::create_dir(fixture.file(&key(3))).unwrap();
    assert!(cache.load(&key(3)).is_none());
    assert!(cache.store(&key(3), b"code").is_err());
    assert_eq!(fixture.names(), [key(3).to_string()]);
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    // Room for ten entries of two pages.
    let fixture = Fixture::with_limit(20 * 4096);
    let cache = &fixture.cache;
    for n in 0..10 {
        cache.store(&key(n), &[n as u8; 4096]).unwrap();
        fixture.age(&key(n), 24 - n as u32);
    }
    assert_eq!(cache.statistics().evictions, 0);
    // The oldest is used, so the next ones go.
    assert!(cache.load(&key(0)).is_some());
    let used = fs::metadata(fixture.file(&key(0))).unwrap().modified();
    assert!(used.unwrap().elapsed().unwrap() < HOUR / 2);
    cache.store(&key(10), &[10; 4096]).unwrap();
    let left: Vec<u64> = (0..11).filter(|&n| cache.load(&key(n)).is_some()).collect();
    assert_eq!(left, [0, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(cache.statistics().evictions, 3);
}

/// Which entries go, and in which order: by when they were used, then by name; those from the future first.
#[test]
fn entries_go_in_the_order_in_which_they_were_used() {
    let fixture = Fixture::new();
    let path = fixture.directory.path();
    let directory = PrivateDirectory::open(path).unwrap();
    let now = SystemTime::now();
    let ages = [5i32, 3, 9, -3, 1, 3, -1];
    for (n, hours) in (0..).zip(ages) {
        let file = directory.create_file(&key(n).to_string()).unwrap();
        file.set_len(4096).unwrap();
        let used = match hours {
            0.. => now - HOUR * hours as u32,
            ahead => now + HOUR * ahead.unsigned_abs() - HOUR / 2,
        };
        file.set_modified(used).unwrap();
    }
    let mut same = [1, 5];
    same.sort_by_key(|&n| key(n).to_string());
    // What was used half an hour ahead may have been; two hours and a half may not.
    let order = [3, 2, 0, same[0], same[1], 4, 6];
    for gone in 1..=order.len() {
        let settings = CacheSettings {
            file_limit: order.len() as u64 - gone as u64,
            file_percent: 100,
            ..CacheSettings::new(path)
        };
        fixture.forget_ledger();
        let stays = gone == order.len();
        assert_eq!(sweep_if_due(&directory, &settings), u64::from(!stays));
        // The one used last stays, whatever the limit.
        let mut left: Vec<_> = order[gone.min(order.len() - 1)..]
            .iter()
            .map(|&n| key(n).to_string())
            .collect();
        left.sort();
        assert_eq!(fixture.names(), left, "{gone} gone");
    }
}

#[test]
fn limits_leave_the_part_that_was_asked_for() {
    let fixture = Fixture::new();
    let path = fixture.directory.path();
    let directory = PrivateDirectory::open(path).unwrap();
    for (settings, left) in [
        (
            CacheSettings {
                file_limit: 10,
                ..CacheSettings::new(path)
            },
            10,
        ),
        (
            CacheSettings {
                file_limit: 9,
                ..CacheSettings::new(path)
            },
            7,
        ),
        (
            CacheSettings {
                file_limit: 9,
                file_percent: 0,
                ..CacheSettings::new(path)
            },
            1,
        ),
        (
            CacheSettings {
                size_percent: 50,
                ..limited(path, 9 * 4096)
            },
            4,
        ),
        (
            CacheSettings {
                size_percent: 50,
                ..limited(path, 10 * 4096)
            },
            10,
        ),
        (
            CacheSettings {
                file_limit: 5,
                ..limited(path, 9 * 4096)
            },
            4,
        ),
    ] {
        for n in 0..10 {
            let file = File::create(fixture.file(&key(n))).unwrap();
            file.set_len(4096).unwrap();
        }
        fixture.forget_ledger();
        sweep_if_due(&directory, &settings);
        assert_eq!(fixture.names().len(), left, "{settings:?}");
    }
}

#[test]
fn the_bound_holds_and_is_looked_after_seldom() {
    let limit = 100 * 4096;
    let fixture = Fixture::with_limit(limit);
    let mut numbers = Numbers(2);
    let mut looks = 0;
    let mut last = None;
    for n in 0..500 {
        let len = numbers.below(6 * 4096) as usize;
        // Each time another process.
        let cache = open(fixture.directory.path(), limit);
        cache.store(&key(n), &vec![n as u8; len]).unwrap();
        let sizes = fixture.names().into_iter().map(|name| {
            let path = fixture.directory.path().join(name);
            fs::metadata(path).unwrap().len().next_multiple_of(4096)
        });
        let total: u64 = sizes.sum();
        assert!(total <= limit, "{total} bytes after {n} stores");
        assert!(cache.load(&key(n)).is_some(), "the newest one stays");
        let ledger = fs::metadata(fixture.directory.path().join("ledger")).unwrap();
        let inode = std::os::unix::fs::MetadataExt::ino(&ledger);
        looks += u32::from(last.replace(inode) != Some(inode));
    }
    // Every twentieth of the limit is about five entries.
    assert!((10..=150).contains(&looks), "{looks} looks");
}

#[test]
fn times_of_use_are_kept_coarse_and_put_right() {
    let fixture = Fixture::new();
    fixture.cache.store(&key(1), b"code").unwrap();
    let time = || {
        fs::metadata(fixture.file(&key(1)))
            .unwrap()
            .modified()
            .unwrap()
    };
    let set = |time| {
        let file = File::open(fixture.file(&key(1))).unwrap();
        file.set_modified(time).unwrap();
        assert!(fixture.cache.load(&key(1)).is_some());
    };
    let recent = SystemTime::now() - HOUR / 120;
    set(recent);
    assert_eq!(time(), recent);
    for wrong in [SystemTime::now() - 2 * HOUR, SystemTime::now() + 2 * HOUR] {
        set(wrong);
        let off = SystemTime::now().duration_since(time()).unwrap();
        assert!(off < Duration::from_secs(60));
    }
}

#[test]
fn large_entries_are_declined_or_kept() {
    let fixture = Fixture::with_limit(10 * 4096);
    let cache = &fixture.cache;
    cache.store(&key(1), &[1; 10 * 4096]).unwrap();
    assert!(cache.load(&key(1)).is_none());
    assert_eq!(cache.statistics().declined, 1);
    // More than what eviction leaves, but allowed.
    cache.store(&key(2), &[2; 4096]).unwrap();
    fixture.age(&key(2), 1);
    cache.store(&key(3), &[3; 9 * 4096]).unwrap();
    assert!(cache.load(&key(3)).is_some());
    assert!(cache.load(&key(2)).is_none());
}

#[test]
fn leftovers_are_collected() {
    let fixture = Fixture::new();
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let make = |name: &str, age: Duration| {
        let file = File::create(fixture.directory.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    };
    let (dead, alive) = (child.id(), std::process::id());
    make(&format!("tmp-{dead}-0-0123456789abcdef"), Duration::ZERO);
    make(&format!("tmp-{alive}-0-0123456789abcdef"), Duration::ZERO);
    make(&format!("tmp-{alive}-1-0123456789abcdef"), HOUR);
    // Not ours, whatever their age.
    make("README", 1000 * HOUR);
    make("0123", 1000 * HOUR);
    fixture.forget_ledger();
    fixture.cache.store(&key(1), b"code").unwrap();
    let expected = [
        "0123".to_owned(),
        "README".to_owned(),
        key(1).to_string(),
        format!("tmp-{alive}-0-0123456789abcdef"),
    ];
    let mut names = fixture.names();
    names.sort_by_key(|name| (name.starts_with("tmp"), name.len()));
    assert_eq!(names, ["0123", "README", &expected[2], &expected[3]]);
}

#[test]
fn leftovers_are_collected_where_nothing_is_stored() {
    let fixture = Fixture::new();
    fixture.cache.store(&key(1), b"code").unwrap();
    let leftover = fixture.directory.path().join("tmp-0-0-0");
    fs::write(&leftover, "").unwrap();
    fixture.forget_ledger();
    // Most loads look at nothing else.
    assert!(fixture.cache.load(&key(1)).is_some());
    assert!(leftover.exists());
    fixture.age(&key(1), 2);
    assert!(fixture.cache.load(&key(1)).is_some());
    assert!(!leftover.exists());
}

#[test]
fn one_looks_at_a_time_and_at_least_each_hour() {
    let fixture = Fixture::with_limit(0);
    let path = fixture.directory.path();
    let (one, two) = (key(1).to_string(), key(2).to_string());
    let directory = PrivateDirectory::open(path).unwrap();
    for name in [&one, &two] {
        directory.create_file(name).unwrap().set_len(4096).unwrap();
    }
    let other = PrivateDirectory::open(path).unwrap();
    let locked = other.try_lock().unwrap();
    let small = limited(path, 4096);
    assert_eq!(sweep_if_due(&directory, &small), 0);
    drop(locked);
    assert_eq!(sweep_if_due(&directory, &small), 1);
    assert_eq!(sweep_if_due(&directory, &small), 0);

    // Within its bound, but not looked at for long or under a wrong clock, or the ledger can't be read.
    let large = CacheSettings::new(path);
    let ledger = path.join("ledger");
    let make_leftover = || fs::write(path.join("tmp-0-0-0"), "").unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap().as_secs();
    for (time, looks) in [(now - 10, false), (now - 7200, true), (now + 7200, true)] {
        make_leftover();
        fs::write(&ledger, time.to_le_bytes()).unwrap();
        sweep_if_due(&directory, &large);
        assert_eq!(!path.join("tmp-0-0-0").exists(), looks, "{time}");
    }
    for damage in ["", "1234567"] {
        make_leftover();
        fs::write(&ledger, damage).unwrap();
        sweep_if_due(&directory, &large);
        assert!(!path.join("tmp-0-0-0").exists());
        assert!(fs::read(&ledger).unwrap().len() >= 8);
    }
}

#[test]
fn failing_writes_leave_what_was_there() {
    let fixture = Fixture::new();
    let cache = &fixture.cache;
    cache.store(&key(1), b"before").unwrap();
    // Half of it is written, then the disk is full.
    let error = error_of(cache.store_with(&key(1), 100_000, |file| {
        file.write_all(&[1; 50_000])?;
        let mut full = File::options().write(true).open("/dev/full")?;
        full.write_all(&[1; 50_000])
    }));
    assert!(error.contains("No space left"), "{error}");
    assert!(error.contains(&key(1).to_string()), "{error}");
    assert_eq!(fixture.names(), [key(1).to_string()]);
    assert_eq!(cache.load(&key(1)).unwrap().payload(), b"before");
    assert_eq!(cache.statistics().stores, 1);
    // Someone took the temporary for abandoned: nothing is stored, and that is no error.
    let collect = |_: &mut File| {
        let names = fixture.names();
        let temporary = names.iter().find(|name| name.starts_with("tmp-")).unwrap();
        fs::remove_file(fixture.directory.path().join(temporary))
    };
    cache.store_with(&key(1), 100, collect).unwrap();
    assert_eq!(cache.load(&key(1)).unwrap().payload(), b"before");
}

#[test]
fn the_default_directory_follows_the_environment() {
    let directory = |variables: &[(&str, &str)]| {
        default_directory(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| value.into())
        })
        .map(|path| path.to_str().unwrap().to_owned())
    };
    let all = [
        ("MAINSPRING_CACHE_DIR", "m"),
        ("XDG_CACHE_HOME", "/x"),
        ("HOME", "/h"),
    ];
    assert_eq!(directory(&all).unwrap(), "m");
    assert_eq!(directory(&all[1..]).unwrap(), "/x/mainspring");
    assert_eq!(directory(&all[2..]).unwrap(), "/h/.cache/mainspring");
    let odd = [
        ("MAINSPRING_CACHE_DIR", ""),
        ("XDG_CACHE_HOME", "x"),
        all[2],
    ];
    assert_eq!(directory(&odd).unwrap(), "/h/.cache/mainspring");
    assert!(error_of(directory(&odd[..2])).contains("MAINSPRING_CACHE_DIR"));
}

// Processes, and threads in them, that all store and load the same few keys.

const KEYS: u64 = 6;
/// Of an entry; the cache has room for about three of this length.
const LONGEST: u64 = 400_000;
const LIMIT: u64 = 3 * LONGEST;
/// Where it is set, a test runs as a process that it started itself.
const WORKER_DIRECTORY: &str = "MAINSPRING_TEST_CACHE_WORKER";

/// Contents that say which key they are of, and that can be told from a mixture of two.
fn payload(n: u64, version: u64) -> Vec<u8> {
    let mut numbers = Numbers((n + 1) << 32 | (version + 1));
    let words = numbers.below(LONGEST / 8);
    let head = [n, version].into_iter();
    let rest = std::iter::repeat_with(|| numbers.next());
    head.chain(rest.take(words as usize))
        .flat_map(u64::to_le_bytes)
        .collect()
}

fn assert_good(n: u64, found: &[u8]) {
    let word = |at: usize| u64::from_le_bytes(found[at..at + 8].try_into().unwrap());
    assert_eq!(word(0), n, "an entry of another key");
    assert!(found == payload(n, word(8)), "an entry that no one stored");
}

fn store_and_load(cache: &Cache, seed: u64, until: Instant) {
    let mut numbers = Numbers(seed);
    while Instant::now() < until {
        let n = numbers.below(KEYS);
        if numbers.below(3) == 0 {
            cache
                .store(&key(n), &payload(n, numbers.below(1000)))
                .unwrap();
        } else if let Some(entry) = cache.load(&key(n)) {
            assert_good(n, entry.payload());
            // Mapped ones stay, whatever the others do to the file.
            std::thread::yield_now();
            assert_good(n, entry.payload());
        }
    }
}

#[test]
fn threads_share_a_cache() {
    let fixture = Fixture::with_limit(LIMIT);
    let until = Instant::now() + Duration::from_secs(1);
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            let cache = fixture.cache.clone();
            scope.spawn(move || store_and_load(&cache, seed, until));
        }
    });
    let statistics = fixture.cache.statistics();
    assert!(statistics.hits > 0 && statistics.stores > 0 && statistics.evictions > 0);
    assert!(fixture.names().len() <= KEYS as usize);
}

fn work(directory: OsString) {
    let cache = open(directory.as_ref(), LIMIT);
    let until = Instant::now() + Duration::from_secs(60);
    store_and_load(&cache, u64::from(std::process::id()) << 20 | 1, until);
}

/// A process that goes when the test does.
struct Worker(Child);

impl Worker {
    fn start(directory: &Path) -> Worker {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cache::tests::killed_processes_do_no_harm"])
            .arg("--nocapture")
            .env(WORKER_DIRECTORY, directory)
            .stdout(Stdio::null())
            .spawn();
        Worker(child.unwrap())
    }

    fn assert_running(&mut self) {
        let ended = self.0.try_wait().unwrap();
        assert!(ended.is_none(), "a worker found something wrong: {ended:?}");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn killed_processes_do_no_harm() {
    if let Some(directory) = std::env::var_os(WORKER_DIRECTORY) {
        return work(directory);
    }
    let fixture = Fixture::with_limit(LIMIT);
    let start = || Worker::start(fixture.directory.path());
    let mut workers: Vec<Worker> = std::iter::repeat_with(start).take(4).collect();
    let mut numbers = Numbers(3);
    let until = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        std::thread::sleep(Duration::from_micros(5_000 + numbers.below(50_000)));
        let worker = &mut workers[numbers.below(4) as usize];
        worker.assert_running();
        *worker = start();
        let n = numbers.below(KEYS);
        if let Some(entry) = fixture.cache.load(&key(n)) {
            assert_good(n, entry.payload());
        }
    }
    workers.iter_mut().for_each(Worker::assert_running);
    drop(workers);
    assert!(fixture.cache.statistics().hits > 0);
    // Everything works, and nothing is left behind.
    fixture.forget_ledger();
    for n in 0..KEYS {
        let stored = payload(n, 7);
        fixture.cache.store(&key(n), &stored).unwrap();
        assert_eq!(fixture.cache.load(&key(n)).unwrap().payload(), stored);
    }
    let left = fixture.names();
    assert!(
        left.iter().all(|name| !name.starts_with("tmp-")),
        "{left:?}"
    );
}

/// A process whose files are limited is told so, rather than ended by the limit.
#[test]
fn limits_on_file_lengths_do_not_kill() {
    if let Some(directory) = std::env::var_os(WORKER_DIRECTORY) {
        return work_with_a_limit(directory);
    }
    let fixture = Fixture::new();
    fixture.cache.store(&key(1), b"before").unwrap();
    // The ledger is in the way of the limit, which is 32 KiB, or nearly so.
    for len in [70_000, 32 << 10, 8] {
        let ledger = File::create(fixture.directory.path().join("ledger")).unwrap();
        ledger.set_len(len).unwrap();
        let script =
            "ulimit -f 64 && exec \"$0\" --exact cache::tests::limits_on_file_lengths_do_not_kill";
        let ran = Command::new("sh")
            .args(["-c", script])
            .arg(std::env::current_exe().unwrap())
            .env(WORKER_DIRECTORY, fixture.directory.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && said.contains("1 passed"), "{ran:?}");
        assert_eq!(fixture.cache.load(&key(1)).unwrap().payload(), b"before");
        assert_eq!(fixture.names().len(), 2);
    }
}

fn work_with_a_limit(directory: OsString) {
    let cache = open(directory.as_ref(), LIMIT);
    let error = error_of(cache.store(&key(1), &[1; 100_000]));
    assert!(error.contains("ulimit -f"), "{error}");
    // The ledger may not grow, either.
    cache.store(&key(2), &[1; 10_000]).unwrap();
    assert!(cache.load(&key(2)).is_some());
}
