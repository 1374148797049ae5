//! What processes that are killed, and disks that are full, do to the cache that the command uses: a run
//! that ends gives the right result, and what they leave behind is neither used nor in the way for ever.
//!
//! `MAINSPRING_CACHE_RUNS` sets how many runs there are.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

/// How large the command lets a cache become.
const LIMIT: u64 = 2 << 30;
const PAGE: u64 = 4096;

fn runs(usual: u32) -> u32 {
    let set = std::env::var("MAINSPRING_CACHE_RUNS").ok();
    set.and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// xorshift64*: reproducible, and good enough to find bad moments.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Programs that differ in a number in their data. They stir it with many functions, each a
/// list of steps, and print the 4 bytes that come out.
struct Family {
    functions: Vec<Vec<Step>>,
    binary: Vec<u8>,
    /// Where the number is.
    number_at: usize,
}

#[derive(Clone, Copy)]
enum Step {
    Multiply(u32),
    Exclude(u32),
    Add(u32),
    Rotate(u32),
}

impl Step {
    fn of(x: u32, step: Step) -> u32 {
        match step {
            Step::Multiply(by) => x.wrapping_mul(by),
            Step::Exclude(bits) => x ^ bits,
            Step::Add(this) => x.wrapping_add(this),
            Step::Rotate(by) => x.rotate_left(by),
        }
    }

    fn text(self) -> (&'static str, u32) {
        match self {
            Step::Multiply(by) => ("i32.mul", by),
            Step::Exclude(bits) => ("i32.xor", bits),
            Step::Add(this) => ("i32.add", this),
            Step::Rotate(by) => ("i32.rotl", by),
        }
    }
}

/// Functions that are called often enough to be optimized, and how often.
const HOT: usize = 4;
const HOT_CALLS: u32 = 2_000;

impl Family {
    fn new(functions: usize, steps: usize, data: usize) -> Family {
        let mut random = Random(0x6361_6368_6564);
        let mut step = || {
            let value = random.next() as u32;
            match value % 4 {
                0 => Step::Multiply(value | 1),
                1 => Step::Exclude(value),
                2 => Step::Add(value),
                _ => Step::Rotate(value % 31 + 1),
            }
        };
        let functions: Vec<Vec<Step>> = (0..functions)
            .map(|_| (0..steps).map(|_| step()).collect())
            .collect();
        let binary = wat::parse_str(Family::text(&functions, data)).expect("a module");
        let marked = binary.windows(8).position(|bytes| bytes == b"NUMBERED");
        Family {
            functions,
            binary,
            number_at: marked.expect("the data is in the module"),
        }
    }

    fn text(functions: &[Vec<Step>], data: usize) -> String {
        let mut text = format!(
            r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") {pages})
            (data (i32.const 0) "\10\00\00\00\04\00\00\00")
            (data (i32.const 32) "NUMBERED{contents}")"#,
            pages = data / 65536 + 2,
            contents = "0123456789abcdef".repeat(data / 16),
        );
        for (n, steps) in functions.iter().enumerate() {
            let _ = write!(text, "(func $f{n} (param i32) (result i32) local.get 0");
            for step in steps {
                let (name, value) = step.text();
                let _ = write!(text, " i32.const {value} {name}");
            }
            text.push_str(")\n");
        }
        text.push_str(
            r#"(func (export "_start") (local $x i32) (local $n i32)
            (local.set $x (i32.load (i32.const 32)))"#,
        );
        let call = |n| format!("(local.set $x (call $f{n} (local.get $x)))\n");
        text.extend((0..functions.len()).map(call));
        let _ = write!(text, "(local.set $n (i32.const {HOT_CALLS})) (loop $again");
        text.extend((0..HOT.min(functions.len())).map(call));
        text.push_str(
            r#" (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (i32.store (i32.const 16) (local.get $x))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
        );
        text
    }

    /// What the program with a number prints.
    fn prints(&self, number: u32) -> [u8; 4] {
        let stir = |x, steps: &Vec<Step>| steps.iter().copied().fold(x, Step::of);
        let mut x = self.functions.iter().fold(number, stir);
        for _ in 0..HOT_CALLS {
            x = self.functions.iter().take(HOT).fold(x, stir);
        }
        x.to_le_bytes()
    }

    fn write(&self, directory: &Path, number: u32) -> Program {
        let mut binary = self.binary.clone();
        binary[self.number_at..][..4].copy_from_slice(&number.to_le_bytes());
        let path = directory.join(format!("{number}.wasm"));
        fs::write(&path, binary).expect("a program can be written");
        let prints = self.prints(number);
        Program { path, prints }
    }
}

#[derive(Clone)]
struct Program {
    path: PathBuf,
    prints: [u8; 4],
}

impl Program {
    fn command(&self, cache: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainspring"));
        command
            .args(["run", "--stats"])
            .arg(&self.path)
            .env("MAINSPRING_CACHE_DIR", cache)
            .env("MAINSPRING_CACHE", "foreground")
            .env_remove("MAINSPRING_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn start(&self, cache: &Path) -> Child {
        self.command(cache).spawn().expect("the command starts")
    }

    /// Checks a run that ended by itself. Says whether the cache knew the program.
    #[track_caller]
    fn check(&self, ran: &Output) -> bool {
        let stderr = String::from_utf8_lossy(&ran.stderr);
        let shown = self.path.display();
        assert!(ran.status.success(), "{shown}: {}\n{stderr}", ran.status);
        assert_eq!(ran.stdout, self.prints, "{shown}: {stderr}");
        assert!(!stderr.contains("panicked"), "{shown}: {stderr}");
        let row = stderr.lines().find_map(|line| line.strip_prefix("cache "));
        row.is_some_and(|row| row.trim() == "1 hits, 0 misses")
    }

    #[track_caller]
    fn run(&self, cache: &Path) -> bool {
        self.check(&self.command(cache).output().expect("the command starts"))
    }

    /// It works, and what one run learns the next one knows.
    #[track_caller]
    fn is_remembered(&self, cache: &Path) {
        let known = self.run(cache);
        assert!(known || self.run(cache), "never found again");
    }
}

/// The files in a cache, with their lengths.
fn files(cache: &Path) -> Vec<(String, u64)> {
    let listed = fs::read_dir(cache).expect("the cache is a directory");
    listed
        .filter_map(|file| {
            let file = file.ok()?;
            let name = file.file_name().into_string().ok()?;
            Some((name, file.metadata().ok()?.len()))
        })
        .collect()
}

fn temporaries(cache: &Path) -> Vec<String> {
    let names = files(cache).into_iter().map(|(name, _)| name);
    names.filter(|name| name.starts_with("tmp-")).collect()
}

/// How much room the entries and temporaries take by the cache's count.
fn room(cache: &Path) -> u64 {
    let counted = files(cache)
        .into_iter()
        .filter(|(name, _)| name != "ledger");
    counted.map(|(_, len)| len.next_multiple_of(PAGE)).sum()
}

/// Makes as if no one had looked through the cache for long.
fn long_ago(cache: &Path) {
    if let Ok(mut ledger) = fs::File::options().write(true).open(cache.join("ledger")) {
        ledger
            .write_all(&[0; 8])
            .expect("the ledger can be written");
    }
}

/// Brings a cache near its limit, with files like entries that hold nothing and take no disk.
fn fill(cache: &Path, random: &mut Random) {
    const LEN: u64 = 64 << 20;
    let mut room = room(cache);
    while room + LEN < LIMIT - (8 << 20) {
        let name: String = (0..4).map(|_| format!("{:016x}", random.next())).collect();
        let file = fs::File::create(cache.join(name)).expect("a file can be made");
        file.set_len(LEN).expect("it may be sparse");
        let age = Duration::from_secs(random.below(100));
        let used = SystemTime::now() - age;
        file.set_modified(used).expect("it is ours");
        // As whoever stores something does.
        let ledger = fs::File::options().append(true).open(cache.join("ledger"));
        if let Ok(mut ledger) = ledger {
            let pages = vec![0; (LEN / PAGE) as usize];
            ledger.write_all(&pages).expect("the ledger can be written");
        }
        room += LEN;
    }
}

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Never,
    After(Duration),
    /// So long after it began to write to the cache.
    Writing(Duration),
    /// So long after it had written.
    Written(Duration),
}

impl Moment {
    /// `whole` is how long a run takes.
    fn any(random: &mut Random, whole: Duration) -> Moment {
        let below = |random: &mut Random, end: Duration| {
            Duration::from_micros(random.below(end.as_micros() as u64))
        };
        // From a microsecond to some milliseconds.
        let any_size = |random: &mut Random| {
            let longest = 1 << random.below(13);
            Duration::from_micros(random.below(longest))
        };
        match random.below(6) {
            0 | 1 => Moment::Never,
            2 | 3 => Moment::After(below(random, whole + whole / 5)),
            4 => Moment::Writing(any_size(random)),
            _ => Moment::Written(any_size(random)),
        }
    }

    /// Waits for the moment, at most until the process ends.
    fn wait(self, child: &mut Child, cache: &Path) {
        let prefix = format!("tmp-{}-", child.id());
        let is_writing = || {
            let names = fs::read_dir(cache).expect("the cache is a directory");
            names
                .flatten()
                .any(|file| file.file_name().to_string_lossy().starts_with(&prefix))
        };
        let mut until = |there: bool| {
            while is_writing() != there && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_micros(50));
            }
        };
        match self {
            Moment::Never => return,
            Moment::After(time) => std::thread::sleep(time),
            Moment::Writing(time) => {
                until(true);
                std::thread::sleep(time);
            }
            Moment::Written(time) => {
                until(true);
                until(false);
                std::thread::sleep(time);
            }
        }
        // It may have ended already.
        let _ = child.kill();
    }
}

/// How many programs are run again and again.
const RECENT: usize = 12;

#[derive(Default, Debug)]
struct Tally {
    runs: u32,
    completed: u32,
    hits: u32,
    killed: u32,
    killed_writing: u32,
    most_room: u64,
}

struct Killing<'a> {
    family: &'a Family,
    directory: &'a Path,
    cache: &'a Path,
    /// How long a run takes that has everything to learn.
    whole: Duration,
    count: u32,
    programs: Mutex<Vec<Program>>,
    tally: Mutex<Tally>,
}

impl Killing<'_> {
    /// Whether there is another run. There are more than wanted until one was killed as it wrote.
    fn another(&self) -> bool {
        let mut tally = self.tally.lock().expect("no one panicked");
        tally.runs += 1;
        let enough = tally.runs > self.count;
        let all = enough && (tally.killed_writing > 0 || tally.runs > 20 * self.count);
        tally.runs -= u32::from(all);
        !all
    }

    /// A new program, or one that has run before.
    fn program(&self, random: &mut Random) -> Program {
        let mut programs = self.programs.lock().expect("no one panicked");
        if programs.is_empty() || random.below(2) == 0 {
            let program = self.family.write(self.directory, random.next() as u32);
            programs.push(program);
            if programs.len() > 2 * RECENT {
                // No one has started it for long.
                fs::remove_file(programs.remove(0).path).expect("it is there");
            }
        }
        let recent = programs.len().min(RECENT);
        programs[programs.len() - 1 - random.below(recent as u64) as usize].clone()
    }

    /// One run after the other.
    fn work(&self, seed: u64) {
        let mut random = Random(seed);
        while self.another() {
            if random.below(8) == 0 {
                fill(self.cache, &mut random);
            }
            let program = self.program(&mut random);
            let mut child = program.start(self.cache);
            let prefix = format!("tmp-{}-", child.id());
            Moment::any(&mut random, self.whole).wait(&mut child, self.cache);
            let ran = child.wait_with_output().expect("the command ends");
            let mut left = temporaries(self.cache).into_iter();
            let left = left.any(|name| name.starts_with(&prefix));
            let room = room(self.cache);
            let mut tally = self.tally.lock().expect("no one panicked");
            tally.most_room = tally.most_room.max(room);
            if ran.status.signal() == Some(9) {
                tally.killed += 1;
                tally.killed_writing += u32::from(left);
                let so_far = program.prints.starts_with(&ran.stdout);
                assert!(so_far, "{:?} before it was killed", ran.stdout);
            } else {
                tally.completed += 1;
                tally.hits += u32::from(program.check(&ran));
                assert!(!left, "a run that ends by itself leaves nothing behind");
            }
        }
    }
}

#[test]
fn killed_runs_do_no_harm() {
    let place = TempDir::new().expect("a temporary directory");
    let (directory, cache) = (place.path(), &place.path().join("cache"));
    let family = &Family::new(800, 300, 4 << 20);
    let first = family.write(directory, 1);
    let started = Instant::now();
    assert!(!first.run(cache));
    let whole = started.elapsed();
    assert!(first.run(cache));
    let one = room(cache);
    assert!(one > 1 << 20, "entries of {one} bytes are written at once");

    let killing = Killing {
        family,
        directory,
        cache,
        whole,
        count: runs(30),
        programs: Mutex::default(),
        tally: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for lane in 1..=2 {
            let killing = &killing;
            scope.spawn(move || killing.work(lane));
        }
    });
    let tally = killing.tally.into_inner().expect("no one panicked");
    let left = temporaries(cache).len();
    eprintln!(
        "{tally:?}, {left} temporaries left; a run took {whole:?}, its entries {} KiB",
        one / 1024
    );
    assert!(tally.completed > 0 && tally.killed_writing > 0, "{tally:?}");
    // Who was killed had not looked yet.
    assert!(tally.most_room < LIMIT + 16 * one, "{tally:?}");

    let programs = killing.programs.into_inner().expect("no one panicked");
    for program in programs.iter().rev().take(RECENT) {
        program.is_remembered(cache);
    }
    // Whoever stores something next, when no one has looked for long, collects what was left.
    long_ago(cache);
    assert!(!family.write(directory, 2).run(cache));
    assert_eq!(temporaries(cache), [""; 0]);
    // The bound holds, and to keep to it not everything went.
    assert!(room(cache) <= LIMIT);
    fill(cache, &mut Random(3));
    family.write(directory, 3).is_remembered(cache);
    family.write(directory, 4).is_remembered(cache);
    assert!(room(cache) <= LIMIT);
}

/// Where a file system of 16 MiB and 400 files is, for the process that finds it there.
const SMALL_DISK: &str = "MAINSPRING_TEST_SMALL_DISK";

/// Mounts a small file system for a process and what that starts, and for no one else.
fn with_small_disk(command: &str, place: &Path) -> Option<Command> {
    let mount = "mount -t tmpfs -o size=16m,nr_inodes=400,mode=700 none \"$0\"";
    let ways: [&[&str]; 2] = [&["--mount"], &["--map-root-user", "--mount"]];
    ways.into_iter().find_map(|way| {
        let shell = |script: String| {
            let mut shell = Command::new("unshare");
            shell.args(way).args(["sh", "-c", &script]).arg(place);
            shell.stdin(Stdio::null());
            shell
        };
        let mounted = shell(mount.into()).output();
        let can = mounted.is_ok_and(|mounted| mounted.status.success());
        can.then(|| shell(format!("{mount} && {command}")))
    })
}

#[test]
fn a_full_disk_does_no_harm() {
    if let Some(disk) = std::env::var_os(SMALL_DISK) {
        return fill_disk(disk.as_ref());
    }
    let place = TempDir::new().expect("a temporary directory");
    let again = "exec \"$1\" --exact a_full_disk_does_no_harm --nocapture";
    let Some(mut command) = with_small_disk(again, place.path()) else {
        // Written past `eprintln!`, which the runner would keep to itself.
        let _ = writeln!(
            std::io::stderr(),
            "not to be had: a small disk: neither this user nor one in a namespace may mount one"
        );
        return;
    };
    let ran = command
        .arg(std::env::current_exe().expect("the test program has a path"))
        .env(SMALL_DISK, place.path())
        .output()
        .expect("the test program starts");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&ran.stdout), said(&ran.stderr));
    eprintln!("{stderr}");
    assert!(
        ran.status.success() && stdout.contains("1 passed"),
        "{}\n{stdout}",
        ran.status
    );
}

/// Leaves so many bytes of a disk, by a file that takes the rest.
fn leave(filler: &Path, bytes: u64) {
    let mut file = fs::File::create(filler).expect("a file can be made");
    let block = vec![1; 64 << 10];
    let mut written = 0;
    let full = loop {
        match file.write(&block) {
            Ok(n) => written += n as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let len = written.saturating_sub(bytes);
    file.set_len(len).expect("a file can be cut");
}

/// Runs two programs at a time where both find more or less room, and where some are killed.
fn fill_disk(disk: &Path) {
    let place = TempDir::new().expect("a temporary directory");
    let (cache, filler) = (&disk.join("cache"), &disk.join("filler"));
    let family = Family::new(100, 150, 256 << 10);
    let programs: Vec<Program> = (0..6).map(|n| family.write(place.path(), n)).collect();
    let started = Instant::now();
    assert!(!programs[0].run(cache));
    let whole = started.elapsed();
    let one = room(cache);
    assert!(
        one > 100 << 10 && 8 * one < 16 << 20,
        "{one} bytes an entry"
    );

    let mut random = Random(4);
    let (mut completed, mut hits, mut killed) = (0, 0, 0);
    for round in 0..runs(30).div_ceil(2) {
        for (name, _) in files(cache) {
            if name.len() == 64 && random.below(3) == 0 {
                fs::remove_file(cache.join(name)).expect("it is there");
            }
        }
        let room = [0, PAGE, one / 2, one, 3 * one][random.below(5) as usize];
        leave(filler, room + PAGE * random.below(4));
        let mut pair = [(); 2].map(|()| {
            let program = &programs[random.below(6) as usize];
            (program, program.start(cache))
        });
        if random.below(3) == 0 {
            std::thread::sleep(whole.mul_f64(random.below(120) as f64 / 100.0));
            let _ = pair[0].1.kill();
        }
        for (program, child) in pair {
            let process = child.id();
            let ran = child.wait_with_output().expect("the command ends");
            if ran.status.signal() == Some(9) {
                killed += 1;
                continue;
            }
            completed += 1;
            hits += u32::from(program.check(&ran));
            let mut left = temporaries(cache).into_iter();
            let prefix = format!("tmp-{process}-");
            assert!(!left.any(|name| name.starts_with(&prefix)), "left behind");
        }
        if round % 5 == 4 {
            fs::remove_file(filler).expect("it is there");
            programs[random.below(6) as usize].is_remembered(cache);
        }
    }
    eprintln!("{completed} runs completed, {hits} hits, {killed} killed; {one} bytes an entry");
    assert!(completed > 0);

    // With room, everything is as ever.
    let _ = fs::remove_file(filler);
    for program in &programs {
        program.is_remembered(cache);
    }
    long_ago(cache);
    assert!(!family.write(place.path(), 7).run(cache));
    assert_eq!(temporaries(cache), [""; 0]);
    for program in &programs {
        assert!(program.run(cache), "{}", program.path.display());
    }

    // No room for as much as a directory.
    for n in 0.. {
        if fs::File::create(disk.join(format!("{n}"))).is_err() {
            break;
        }
    }
    let ran = programs[0].command(&disk.join("another")).output();
    let ran = ran.expect("the command starts");
    assert!(!programs[0].check(&ran));
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert!(
        stderr.contains("note: running without the cache: "),
        "{stderr}"
    );
    assert!(stderr.contains("No space left"), "{stderr}");
    // Room for what is there, and for nothing else: what is new takes the place of what was not used for longest.
    assert!(programs[0].run(cache));
    let others: Vec<Program> = (8..14).map(|n| family.write(place.path(), n)).collect();
    for other in &others {
        assert!(!other.run(cache));
        assert!(other.run(cache), "{}", other.path.display());
    }
    assert!(programs.iter().any(|program| !program.run(cache)));
    let other = &others[5];
    fs::remove_file(disk.join("0")).expect("it is there");
    fs::remove_file(disk.join("1")).expect("it is there");
    fs::remove_file(disk.join("2")).expect("it is there");
    other.is_remembered(cache);
}

/// As a full disk does, but without rights to mount one. Writing beyond the limit would end the process.
#[test]
fn limits_on_file_lengths_do_no_harm() {
    let place = TempDir::new().expect("a temporary directory");
    let cache = &place.path().join("cache");
    let family = Family::new(100, 150, 256 << 10);
    let program = family.write(place.path(), 1);
    for blocks in [0, 8, 64, 600] {
        let command = program.command(cache);
        let ran = Command::new("sh")
            .args(["-c", "ulimit -f $0 && exec \"$@\""])
            .arg(blocks.to_string())
            .arg(command.get_program())
            .args(command.get_args())
            .env("MAINSPRING_CACHE_DIR", cache)
            .env("MAINSPRING_CACHE", "foreground")
            .env_remove("MAINSPRING_LOG")
            .output()
            .expect("a shell starts");
        assert!(!program.check(&ran), "{blocks} blocks");
        assert_eq!(temporaries(cache), [""; 0]);
    }
    program.is_remembered(cache);
}

/// What the cache has, so that a change shows.
fn contents(cache: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(cache).expect("a cache");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let mut all: Vec<_> = files
        .filter_map(|path| Some((path.clone(), fs::read(path).ok()?)))
        .collect();
    all.sort();
    all
}

/// A run that ends soon leaves what is hot to a process that it does not wait for.
#[test]
fn what_a_run_leaves_is_optimized_after_its_end() {
    let place = TempDir::new().expect("a temporary directory");
    let cache = &place.path().join("cache");
    let file = place.path().join("short.wasm");
    let text = r#"(module
        (func $step (param i32) (result i32) (i32.add (local.get 0) (i32.const 3)))
        (func (export "_start") (local $n i32) (local $x i32)
            (local.set $n (i32.const 4000))
            (loop $again
                (local.set $x (call $step (local.get $x)))
                (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#;
    fs::write(&file, wat::parse_str(text).expect("a module")).expect("it can be written");
    // A file is known once it was left alone for a while.
    std::thread::sleep(Duration::from_millis(3200));
    let run = |mode: &str| {
        let ran = Command::new(env!("CARGO_BIN_EXE_mainspring"))
            .args(["run", "--stats"])
            .arg(&file)
            .env("MAINSPRING_CACHE_DIR", cache)
            .env("MAINSPRING_CACHE", mode)
            .env_remove("MAINSPRING_LOG")
            .output()
            .expect("the command starts");
        assert!(ran.status.success(), "{ran:?}");
        let stats = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(
            stats.contains("optimizing               0 functions"),
            "{stats}"
        );
    };
    run("foreground");
    let before = contents(cache);
    // Hot by now, but nobody may do anything about it.
    run("foreground");
    std::thread::sleep(Duration::from_millis(500));
    assert!(contents(cache) == before);
    run("on");
    let start = Instant::now();
    while contents(cache) == before {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "nothing was optimized"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let settled = contents(cache);
    run("on");
    std::thread::sleep(Duration::from_millis(500));
    assert!(contents(cache) == settled, "there was more to optimize");
}
