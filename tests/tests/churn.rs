//! Modules come and go for as long as a process lives: what it holds of memory, mappings, files and
//! threads levels off, and no page is ever both writable and executable, also while code is being
//! optimized.
//!
//! What is measured belongs to the whole process, so each test has one of its own: the test program,
//! started again. `MAINSPRING_CHURN` sets how many modules there are.

use mainspring::*;
use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Set where a test is the process that it started.
const ALONE: &str = "MAINSPRING_TEST_CHURN_ALONE";

/// Runs a test in a process of its own.
fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let output = Command::new(std::env::current_exe().expect("the test program has a path"))
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .expect("the test program starts");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    eprintln!("{stderr}");
    for line in stdout
        .lines()
        .filter_map(|line| line.split_once("not to be had: "))
    {
        // Written past `eprintln!`, which the runner would keep to itself.
        let _ = writeln!(std::io::stderr(), "not to be had: {}", line.1);
    }
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{}\n{stdout}",
        output.status
    );
}

/// A module unlike all others, and what its export `run` gives for a number of rounds.
fn program(n: u32) -> (Vec<u8>, impl Fn(u32) -> u32) {
    let text = format!(
        r#"(module $churn{n}
            (memory (export "memory") 1)
            (global $calls (mut i32) (i32.const 0))
            (table $t 2 funcref)
            (elem (table $t) (i32.const 0) func $add $mix)
            (data (i32.const 64) "the contents of module {n}")
            (type $step (func (param i32 i32) (result i32)))
            (func $add (type $step) (i32.add (local.get 0) (local.get 1)))
            (func $mix (type $step) (i32.xor (i32.mul (local.get 0) (i32.const 31)) (i32.add (local.get 1) (i32.const {n}))))
            (func (export "run") (param $rounds i32) (result i32) (local $x i32)
                (loop $again
                    (local.set $x (call $mix (local.get $x) (local.get $rounds)))
                    (local.set $x (call_indirect $t (type $step)
                        (local.get $x) (i32.const 1) (i32.and (local.get $x) (i32.const 1))))
                    (i32.store (i32.const 0) (local.get $x))
                    (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
                (i32.load (i32.const 0))))"#
    );
    let bytes = wat::parse_str(text).expect("a module");
    let mix = move |x: u32, y: u32| x.wrapping_mul(31) ^ y.wrapping_add(n);
    let expected = move |rounds: u32| {
        (1..=rounds).rev().fold(0, |x, round| {
            let x = mix(x, round);
            if x & 1 == 0 {
                x.wrapping_add(1)
            } else {
                mix(x, 1)
            }
        })
    };
    (bytes, expected)
}

/// A module in use.
struct Guest {
    _module: Module,
    store: Store<()>,
    run: TypedFunc<u32, u32>,
}

impl Guest {
    fn new(engine: &Engine, bytes: &[u8]) -> Result<Guest> {
        let module = Module::new(engine, bytes)?;
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, &module, &[])?;
        let run = instance.get_typed_func(&mut store, "run")?;
        Ok(Guest {
            _module: module,
            store,
            run,
        })
    }

    fn run(&mut self, rounds: u32) -> u32 {
        self.run
            .call(&mut self.store, rounds)
            .expect("it does not trap")
    }
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    resident: u64,
    /// Of the files that exist only in memory, mapped or not.
    in_memory_files: u64,
    mappings: u64,
    files: u64,
    threads: u64,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} KiB resident, {} KiB in memory files, {} mappings, {} files, {} threads",
            self.resident / 1024,
            self.in_memory_files / 1024,
            self.mappings,
            self.files,
            self.threads
        )
    }
}

impl Held {
    fn now() -> Held {
        let statm = fs::read_to_string("/proc/self/statm").expect("Linux has it");
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
        let files: Vec<_> = fs::read_dir("/proc/self/fd")
            .expect("Linux has it")
            .filter_map(|file| Some(file.ok()?.path()))
            .collect();
        let in_memory = |path: &&std::path::PathBuf| {
            let target = fs::read_link(path).unwrap_or_default();
            target.to_string_lossy().starts_with("/memfd:mainspring")
        };
        let blocks = |path| fs::metadata(path).map_or(0, |file| file.blocks() * 512);
        Held {
            resident: pages.map_or(0, |pages: u64| pages * 4096),
            in_memory_files: files.iter().filter(in_memory).map(blocks).sum(),
            mappings: maps().lines().count() as u64,
            files: files.len() as u64,
            threads: fs::read_dir("/proc/self/task")
                .expect("Linux has it")
                .count() as u64,
        }
    }

    /// After threads had time to end and to let go of what they hold.
    fn settled() -> Held {
        let mut least = Held::now();
        for _ in 0..20 {
            thread::sleep(Duration::from_millis(25));
            let now = Held::now();
            least = Held {
                resident: least.resident.min(now.resident),
                in_memory_files: least.in_memory_files.min(now.in_memory_files),
                mappings: least.mappings.min(now.mappings),
                files: least.files.min(now.files),
                threads: least.threads.min(now.threads),
            };
        }
        least
    }

    #[track_caller]
    fn assert_no_more_than(&self, before: &Held) {
        let slack = [
            (self.resident, before.resident, 8 << 20),
            (self.in_memory_files, before.in_memory_files, 1 << 20),
            (self.mappings, before.mappings, 40),
            (self.files, before.files, 2),
            (self.threads, before.threads, 1),
        ];
        for (now, before_this, slack) in slack {
            assert!(now <= before_this + slack, "before: {before}\nnow: {self}");
        }
    }
}

fn maps() -> String {
    fs::read_to_string("/proc/self/maps").expect("Linux has it")
}

/// What was seen of the process's mappings.
#[derive(Default)]
struct Seen {
    looks: u64,
    executable: bool,
    writable: bool,
    /// Mappings that must not be.
    both: Vec<String>,
}

impl Seen {
    fn look(&mut self) {
        self.looks += 1;
        for line in maps().lines() {
            let rights = line.split(' ').nth(1).expect("address, rights");
            let (writable, executable) = (rights.contains('w'), rights.contains('x'));
            if writable && executable {
                self.both.push(line.into());
            }
            if line.contains("mainspring-code") {
                self.executable |= executable;
                self.writable |= writable;
            }
        }
    }
}

/// Engines for one module each, of all kinds.
fn another_engine(n: u32, cache: &Cache) -> Engine {
    let mut config = Config::new();
    match n % 5 {
        0 => {}
        1 => drop(config.cache(Some(cache.clone()))),
        2 => drop(config.optimizing_threads(0)),
        3 => drop(config.strategy(Strategy::Winch)),
        _ => drop(config.strategy(Strategy::Cranelift)),
    }
    Engine::new(&config).expect("a valid configuration")
}

/// How many functions and loops an engine has optimized.
fn optimized(engine: &Engine) -> u64 {
    let statistics = engine.statistics();
    statistics.tier_ups + statistics.loops_optimized
}

/// Has modules come and go, and says what the process held after a third and at the end.
fn churn(count: u32) -> (Held, Held, Engine) {
    let place = TempDir::new().expect("a temporary directory");
    let mut config = CacheConfig::new();
    config
        .with_directory(place.path().join("cache"))
        .with_files_total_size_soft_limit(1 << 20);
    let cache = Cache::new(config).expect("a cache");
    let shared = Engine::default();
    let mut kept = VecDeque::new();
    let mut before = None;
    for n in 0..count {
        if n == count / 3 {
            let held = Held::now();
            assert!(held.in_memory_files > 0, "the code is not seen: {held}");
            kept.clear();
            before = Some(Held::settled());
        }
        let (bytes, expected) = program(n);
        let engine = if n % 8 == 7 {
            another_engine(n / 8, &cache)
        } else {
            shared.clone()
        };
        let mut guest = Guest::new(&engine, &bytes).expect("a module that can be instantiated");
        let moves = optimized(&shared);
        // Most are gone before anything is optimized, some while it is, the others after.
        let rounds = if n % 4 == 3 { 50_000 } else { 100 };
        assert_eq!(guest.run(rounds), expected(rounds), "module {n}");
        if n % 16 == 3 {
            let started = Instant::now();
            while optimized(&shared) == moves {
                assert_eq!(guest.run(50_000), expected(50_000), "module {n}");
                let waited = started.elapsed();
                let limit = Duration::from_secs(60);
                assert!(waited < limit, "{:?}", shared.statistics());
            }
        }
        // Not in the order in which they came.
        let at = n as usize * 7 % (kept.len() + 1);
        kept.insert(at, guest);
        if kept.len() > 12 {
            kept.pop_front();
        }
    }
    kept.clear();
    let before = before.expect("there are modules");
    (before, Held::settled(), shared)
}

#[test]
fn modules_come_and_go_and_leave_nothing() {
    alone("modules_come_and_go_and_leave_nothing", || {
        let count = std::env::var("MAINSPRING_CHURN")
            .ok()
            .and_then(|n| n.parse().ok())
            .unwrap_or(900);
        let done = AtomicBool::new(false);
        let watch = || {
            let mut seen = Seen::default();
            while !done.load(Ordering::Relaxed) {
                seen.look();
                thread::sleep(Duration::from_millis(1));
            }
            seen
        };
        let (seen, (before, after, engine)) = thread::scope(|scope| {
            let watcher = scope.spawn(watch);
            let churned = churn_and(&done, count);
            (watcher.join().expect("it only looks"), churned)
        });
        let statistics = engine.statistics();
        eprintln!(
            "{count} modules, {} looks at the mappings\nafter a third: {before}\nat the end: {after}\n\
             {} functions and {} loops optimized, {} frames replaced",
            seen.looks, statistics.tier_ups, statistics.loops_optimized, statistics.replacements
        );
        assert_eq!(seen.both, [""; 0], "writable and executable");
        assert!(
            seen.looks > 100 && seen.executable && seen.writable,
            "the mappings of code were never seen"
        );
        assert!(statistics.tier_ups > 0 && statistics.loops_optimized > 0);
        after.assert_no_more_than(&before);
        // All code is gone, and its pages with it.
        assert!(after.in_memory_files <= 64 << 10, "{after}");
    });
}

/// Tells the watcher when it is over, however that comes about.
fn churn_and(done: &AtomicBool, count: u32) -> (Held, Held, Engine) {
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let _done = Done(done);
    churn(count)
}

/// A process may have only so many mappings. Who meets the limit is told so, and goes on.
#[test]
fn mappings_run_out_with_an_error() {
    alone("mappings_run_out_with_an_error", || {
        let limit = fs::read_to_string("/proc/sys/vm/max_map_count").expect("Linux has it");
        let limit: u64 = limit.trim().parse().expect("a number");
        if limit > 200_000 {
            println!(
                "not to be had: the end of mappings: {limit} are more than can be made in time"
            );
            return;
        }
        let engine = Engine::default();
        let before = Held::settled();
        for round in 0..2 {
            let mut guests = Vec::new();
            let error = loop {
                let (bytes, expected) = program(guests.len() as u32);
                match Guest::new(&engine, &bytes) {
                    Ok(mut guest) => {
                        assert_eq!(guest.run(3), expected(3));
                        guests.push(guest);
                    }
                    Err(error) => break format!("{error:#}"),
                }
            };
            eprintln!("round {round}: {} modules, then: {error}", guests.len());
            // In another order than they came.
            while !guests.is_empty() {
                guests.swap_remove(guests.len() / 2);
            }
            let held = Held::settled();
            eprintln!("{held}");
            // What is left of the heap may have been cut up.
            assert!(held.mappings <= before.mappings + 100, "{before}\n{held}");
        }
    });
}
