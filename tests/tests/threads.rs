//! Programs that several host threads run at once in one shared memory, each with a store of its own:
//! threads that take turns by a mutex, and threads that steal work from each other. What comes out is
//! right only if every atomic operation is.
//!
//! `MAINSPRING_THREADS` sets how many operations each thread does, `MAINSPRING_THREAD_RUNS` how often each program runs on
//! each tier, every time in an engine, a memory and stores of its own.

use mainspring::*;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Threads that run at once.
const THREADS: u32 = 4;

fn asked(variable: &str, default: u32) -> u32 {
    let asked = std::env::var(variable).ok();
    asked.map_or(default, |text| text.parse().expect("a number"))
}

fn operations() -> u32 {
    asked("MAINSPRING_THREADS", 20_000)
}

/// Runs `program` as often as asked in an engine for each way in which code comes about, has `check` look at what each
/// run gave, and says how long the runs took.
fn check_on_all_tiers(program: &str, operations: u32, check: impl Fn(&str, &[u64], &SharedMemory)) {
    let runs = asked("MAINSPRING_THREAD_RUNS", 1);
    for (name, config) in configurations() {
        let (mut whole, mut longest) = (Duration::ZERO, Duration::ZERO);
        for number in 0..runs {
            let engine = Engine::new(&config).expect("a valid configuration");
            let start = Instant::now();
            let (given, memory) = run(&engine, program, operations)
                .unwrap_or_else(|error| panic!("{name}, run {number}: {error:#}"));
            let took = start.elapsed();
            (whole, longest) = (whole + took, longest.max(took));
            check(name, &given, &memory);
        }
        let mean = whole / runs.max(1);
        println!(
            "{name}: {runs} runs of {THREADS} x {operations} operations, {mean:.1?} each, {longest:.1?} at most"
        );
    }
}

/// A configuration for each way in which code comes about.
fn configurations() -> Vec<(&'static str, Config)> {
    [
        ("tiered", Strategy::Auto, None),
        ("baseline", Strategy::Winch, None),
        ("optimizing", Strategy::Cranelift, None),
        ("tier-up stress", Strategy::Auto, Some(TierStress::TierUp)),
        (
            "on-stack replacement stress",
            Strategy::Auto,
            Some(TierStress::OnStackReplacement),
        ),
    ]
    .into_iter()
    .map(|(name, strategy, stress)| {
        let mut config = Config::new();
        config
            .strategy(strategy)
            .tier_stress(stress)
            .shared_memory(true);
        (name, config)
    })
    .collect()
}

/// Runs `run(thread, threads, operations)` of a program on all threads, and returns what each gave, and the memory.
fn run(engine: &Engine, program: &str, operations: u32) -> Result<(Vec<u64>, SharedMemory)> {
    let memory = SharedMemory::new(engine, MemoryType::shared(1, 16))?;
    let module = Module::new(engine, program)?;
    let all_begin = Barrier::new(THREADS as usize);
    let one = |number: u32| -> Result<u64> {
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, &module, &[memory.clone().into()]);
        let run = instance.and_then(|instance| {
            instance.get_typed_func::<(u32, u32, u32), u64>(&mut store, "run")
        });
        // Also if there is nothing to run: the others wait.
        all_begin.wait();
        run?.call(&mut store, (number, THREADS, operations))
    };
    let given: Result<Vec<u64>> = thread::scope(|scope| {
        let one = &one;
        let all: Vec<_> = (0..THREADS)
            .map(|number| scope.spawn(move || one(number)))
            .collect();
        let all = all.into_iter();
        all.map(|thread| thread.join().expect("no panic")).collect()
    });
    Ok((given?, memory))
}

/// A mutex at address 0 (0 is free, 1 taken, 2 taken and waited for) guards a sum that is not atomic, at
/// 64, and pages that each thread adds now and then.
const MUTEX: &str = r#"(module
    (import "env" "memory" (memory 1 16 shared))
    (func $lock (local $seen i32)
        (if (i32.eqz (local.tee $seen (i32.atomic.rmw.cmpxchg (i32.const 0) (i32.const 0) (i32.const 1))))
            (then (return)))
        (loop $again
            (if (if (result i32) (i32.eq (local.get $seen) (i32.const 2))
                    (then (i32.const 1))
                    (else (i32.atomic.rmw.cmpxchg (i32.const 0) (i32.const 1) (i32.const 2))))
                (then (drop (memory.atomic.wait32 (i32.const 0) (i32.const 2) (i64.const -1)))))
            (br_if $again
                (local.tee $seen (i32.atomic.rmw.cmpxchg (i32.const 0) (i32.const 0) (i32.const 2))))))
    (func $unlock
        (if (i32.ne (i32.atomic.rmw.sub (i32.const 0) (i32.const 1)) (i32.const 1))
            (then
                (i32.atomic.store (i32.const 0) (i32.const 0))
                (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))))
    (func (export "run") (param $thread i32) (param $threads i32) (param $n i32) (result i64) (local $sum i64)
        (loop $again
            (call $lock)
            (local.set $sum (i64.add (i64.load (i32.const 64)) (i64.extend_i32_u (local.get $n))))
            (i64.store (i32.const 64) (local.get $sum))
            (call $unlock)
            (if (i32.eqz (i32.and (local.get $n) (i32.const 4095)))
                (then (drop (memory.grow (i32.const 1)))))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum)))"#;

#[test]
fn a_mutex_lets_one_thread_in_at_a_time() {
    let n = operations();
    let sum = u64::from(THREADS) * u64::from(n) * u64::from(n + 1) / 2;
    check_on_all_tiers(MUTEX, n, |name, given, memory| {
        // Whoever was last saw all.
        assert_eq!(given.iter().max(), Some(&sum), "{name}");
        assert!(memory.size() > 1 && memory.size() <= 16, "{name}");
    });
}

/// Each thread makes tasks, numbered from 1, in a queue of its own, works on some from its near end and steals
/// from the far end of the others'; then all go on until there is no task left. A queue is `top` and `bottom` at
/// 1024 + 128 × thread, 64 bytes apart, and a ring of 256 tasks at 8192 + 1024 × thread. How many tasks
/// are done is at 0.
const STEALING: &str = r#"(module
    (import "env" "memory" (memory 1 16 shared))
    (global $sum (mut i64) (i64.const 0))
    (func $queue (param $of i32) (result i32)
        (i32.add (i32.const 1024) (i32.mul (local.get $of) (i32.const 128))))
    (func $slot (param $of i32) (param $at i32) (result i32)
        (i32.add
            (i32.add (i32.const 8192) (i32.mul (local.get $of) (i32.const 1024)))
            (i32.mul (i32.and (local.get $at) (i32.const 255)) (i32.const 4))))
    (func $push (param $of i32) (param $task i32) (result i32) (local $queue i32) (local $bottom i32)
        (local.set $queue (call $queue (local.get $of)))
        (local.set $bottom (i32.atomic.load offset=64 (local.get $queue)))
        (if (i32.ge_s (i32.sub (local.get $bottom) (i32.atomic.load (local.get $queue))) (i32.const 256))
            (then (return (i32.const 0))))
        (i32.atomic.store (call $slot (local.get $of) (local.get $bottom)) (local.get $task))
        (i32.atomic.store offset=64 (local.get $queue) (i32.add (local.get $bottom) (i32.const 1)))
        (i32.const 1))
    (func $pop (param $of i32) (result i32)
        (local $queue i32) (local $bottom i32) (local $top i32) (local $task i32)
        (local.set $queue (call $queue (local.get $of)))
        (local.set $bottom (i32.sub (i32.atomic.load offset=64 (local.get $queue)) (i32.const 1)))
        (i32.atomic.store offset=64 (local.get $queue) (local.get $bottom))
        (local.set $top (i32.atomic.load (local.get $queue)))
        (if (i32.lt_s (local.get $top) (local.get $bottom))
            (then (return (i32.atomic.load (call $slot (local.get $of) (local.get $bottom))))))
        ;; The last task, if there is one, is whose who moves the top.
        (if (i32.eq (local.get $top) (local.get $bottom))
            (then
                (local.set $task (i32.atomic.load (call $slot (local.get $of) (local.get $bottom))))
                (if (i32.ne (local.get $top)
                        (i32.atomic.rmw.cmpxchg (local.get $queue) (local.get $top) (i32.add (local.get $top) (i32.const 1))))
                    (then (local.set $task (i32.const 0))))))
        (i32.atomic.store offset=64 (local.get $queue) (i32.add (local.get $bottom) (i32.const 1)))
        (local.get $task))
    (func $steal (param $of i32) (result i32) (local $queue i32) (local $top i32) (local $task i32)
        (local.set $queue (call $queue (local.get $of)))
        (local.set $top (i32.atomic.load (local.get $queue)))
        (if (i32.ge_s (local.get $top) (i32.atomic.load offset=64 (local.get $queue)))
            (then (return (i32.const 0))))
        (local.set $task (i32.atomic.load (call $slot (local.get $of) (local.get $top))))
        (if (i32.ne (local.get $top)
                (i32.atomic.rmw.cmpxchg (local.get $queue) (local.get $top) (i32.add (local.get $top) (i32.const 1))))
            (then (return (i32.const 0))))
        (local.get $task))
    (func $work (param $task i32) (local $task64 i64)
        (if (i32.eqz (local.get $task)) (then (return)))
        (local.set $task64 (i64.extend_i32_u (local.get $task)))
        (global.set $sum (i64.add (global.get $sum) (i64.mul (local.get $task64) (local.get $task64))))
        (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))
    (func (export "run") (param $thread i32) (param $threads i32) (param $n i32) (result i64)
        (local $all i32) (local $victim i32) (local $made i32)
        (local.set $all (i32.mul (local.get $threads) (local.get $n)))
        (local.set $victim (local.get $thread))
        (loop $again
            (if (local.get $n)
                (then
                    (local.set $made (call $push (local.get $thread) (local.get $n)))
                    (local.set $n (i32.sub (local.get $n) (local.get $made)))
                    ;; Two at a time, so that queues fill up; a full one has to be worked on.
                    (br_if $again (i32.and (local.get $made) (local.get $n)))))
            (call $work (call $pop (local.get $thread)))
            (local.set $victim (i32.rem_u (i32.add (local.get $victim) (i32.const 1)) (local.get $threads)))
            (if (i32.ne (local.get $victim) (local.get $thread))
                (then (call $work (call $steal (local.get $victim)))))
            (br_if $again (i32.lt_u (i32.atomic.load (i32.const 0)) (local.get $all))))
        (global.get $sum)))"#;

#[test]
fn each_task_is_stolen_or_done_once() {
    let n = operations();
    let squares: u64 = (1..=u64::from(n)).map(|task| task * task).sum();
    check_on_all_tiers(STEALING, n, |name, given, memory| {
        let sum: u64 = given.iter().sum();
        assert_eq!(sum, u64::from(THREADS) * squares, "{name}");
        let done = memory.atomic_wait32(0, THREADS * n + 1, None);
        assert_eq!(done, Ok(WaitResult::Mismatch), "{name}");
        let done = memory.atomic_wait32(0, THREADS * n, Some(Duration::ZERO));
        assert_eq!(done, Ok(WaitResult::TimedOut), "{name}");
    });
}
