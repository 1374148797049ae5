//! Fuzzes on all cores for as long as asked, with inputs from a seeded generator.

mod shrink;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use mainspring_fuzz::generate::Case;
use mainspring_fuzz::program;
use mainspring_fuzz::random::Random;
use mainspring_fuzz::{BODIES, Body, input, regression};
use rustix::time::{ClockId, clock_gettime};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Run random modules on every tier, and against an oracle; keep what differs.
#[derive(Parser)]
struct Options {
    /// For how long.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What the inputs are made of. By default the time.
    #[arg(long)]
    seed: Option<u64>,
    /// Only this body.
    #[arg(long)]
    body: Option<String>,
    /// On so many threads. By default one a core.
    #[arg(long)]
    threads: Option<usize>,
    /// Where found cases go.
    #[arg(long, default_value = "target/fuzz")]
    out: PathBuf,
    /// Run one module, binary or text, instead.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Make a module that fails smaller, instead, and print it.
    #[arg(long, value_name = "FILE")]
    shrink: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    if let Some(path) = &options.check {
        regression(&wat::parse_file(path)?);
        return Ok(());
    }
    if let Some(path) = &options.shrink {
        return shrink::shrink(path);
    }
    fuzz(options)
}

/// What all threads add to.
struct Counts {
    inputs: Vec<AtomicU64>,
    failures: AtomicU64,
}

fn fuzz(options: &Options) -> Result<()> {
    let wanted = |body: &&Body| options.body.as_ref().is_none_or(|name| body.name == name);
    let bodies: Vec<&Body> = BODIES.iter().filter(wanted).collect();
    ensure!(!bodies.is_empty(), "no body has that name");
    std::fs::create_dir_all(&options.out)?;
    let seed = options.seed.unwrap_or_else(|| {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed();
        now.map_or(0, |now| now.as_secs())
    });
    let threads = match options.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism()?.get(),
    };
    let counts = Counts {
        inputs: bodies.iter().map(|_| AtomicU64::new(0)).collect(),
        failures: AtomicU64::new(0),
    };
    let end = Instant::now() + Duration::from_secs(options.seconds);
    println!("seed {seed}, {threads} threads, {} s", options.seconds);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (bodies, counts) = (&bodies, &counts);
            let random = Random::new(seed.wrapping_mul(1_000).wrapping_add(thread as u64));
            let worker = Worker {
                bodies,
                counts,
                out: &options.out,
                thread,
            };
            std::thread::Builder::new()
                .stack_size(16 << 20)
                .spawn_scoped(scope, move || worker.work(random, end))
                .expect("a thread can be made");
        }
    });
    for (body, count) in bodies.iter().zip(&counts.inputs) {
        println!("{}: {} inputs", body.name, count.load(Relaxed));
    }
    print!("{}", mainspring_fuzz::report());
    let spent = cpu_time(ClockId::ProcessCPUTime).as_secs();
    println!("{spent} s of processor time");
    match counts.failures.load(Relaxed) {
        0 => Ok(()),
        failures => bail!("{failures} failures, in {}", options.out.display()),
    }
}

struct Worker<'a> {
    bodies: &'a [&'a Body],
    counts: &'a Counts,
    out: &'a Path,
    thread: usize,
}

/// Of processor time: longer than any case takes that is not stuck somewhere, even one of seven functions that trap thousands of times each.
const SLOW: Duration = Duration::from_secs(10);

fn cpu_time(clock: ClockId) -> Duration {
    clock_gettime(clock)
        .try_into()
        .expect("time spent is not negative")
}

impl Worker<'_> {
    fn work(&self, mut random: Random, end: Instant) {
        // If the process dies, this is why.
        let current = self.out.join(format!("current-{}", self.thread));
        let mut next = self.thread;
        while Instant::now() < end {
            next = (next + 1) % self.bodies.len();
            let body = self.bodies[next];
            let data = input(&mut random);
            let kept = [body.name.as_bytes(), b"\n", &data].concat();
            std::fs::write(&current, kept).expect("the current input can be written");
            let start = cpu_time(ClockId::ThreadCPUTime);
            match catch_unwind(AssertUnwindSafe(|| (body.run)(&data))) {
                Ok(useful) => drop(self.counts.inputs[next].fetch_add(u64::from(useful), Relaxed)),
                Err(_) => self.keep(body, &data, "differs"),
            }
            if cpu_time(ClockId::ThreadCPUTime) - start > SLOW {
                self.keep(body, &data, "slow");
            }
        }
        let _ = std::fs::remove_file(current);
    }

    /// Writes down a case that failed, both what it was made of and the module.
    fn keep(&self, body: &Body, data: &[u8], why: &str) {
        let number = self.counts.failures.fetch_add(1, Relaxed);
        let name = format!("{}-{why}-{}-{number}", body.name, std::process::id());
        let path = self.out.join(name);
        let written = std::fs::write(&path, data).and_then(|()| {
            let case = match body.name {
                "programs" => Ok(program::case(data, false)),
                "oracle-programs" => Ok(program::case(data, true)),
                name => Case::new(data, name == "oracle"),
            };
            case.map_or(Ok(()), |case| {
                std::fs::write(path.with_extension("wasm"), case.wasm)
            })
        });
        written
            .with_context(|| format!("cannot write {}", path.display()))
            .expect("failures can be written down");
        println!("{}", path.display());
    }
}
