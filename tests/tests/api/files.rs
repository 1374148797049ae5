//! Modules from files that a cache knows from before.

use mainspring::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// A file is known once it was left alone for 3 seconds.
const SETTLED: Duration = Duration::from_millis(3200);

/// Two functions and a passive segment; of these `first` is called in the first run.
fn module(answer: u8) -> Vec<u8> {
    let text = format!(
        r#"(module (memory 1) (data $text "\2a\07")
            (func (export "first") (result i32) (i32.const {answer}))
            (func (export "second") (result i32) (i32.const {answer}))
            (func (export "copied") (result i32)
                (memory.init $text (i32.const 0) (i32.const 0) (i32.const 2))
                (i32.load16_u (i32.const 0))))"#
    );
    wat::parse_str(text).unwrap()
}

struct Run {
    store: Store<()>,
    instance: Instance,
    engine: Engine,
}

impl Run {
    fn new(directory: &Path, file: &Path) -> Run {
        let mut cache = CacheConfig::new();
        cache.with_directory(directory);
        let mut config = Config::new();
        config.cache(Some(Cache::new(cache).unwrap()));
        let engine = Engine::new(&config).unwrap();
        let module = Module::from_file(&engine, file).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        Run {
            store,
            instance,
            engine,
        }
    }

    fn call(&mut self, name: &str) -> Result<i32> {
        let func = self
            .instance
            .get_typed_func::<(), i32>(&mut self.store, name);
        func.unwrap().call(&mut self.store, ())
    }

    /// Whether the module's file was known, and how many functions' code.
    fn known(&self) -> (u64, u64) {
        let statistics = self.engine.statistics();
        (statistics.known_files, statistics.cached_functions)
    }
}

fn place() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let (cache, file) = (
        place.path().join("cache"),
        place.path().join("program.wasm"),
    );
    (place, cache, file)
}

/// A program that the cache knows with its file, and one of its functions.
fn known_program() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let (place, cache, file) = place();
    fs::write(&file, module(1)).unwrap();
    thread::sleep(SETTLED);
    Run::new(&cache, &file).call("first").unwrap();
    (place, cache, file)
}

#[test]
fn files_that_are_known_are_read_when_needed() {
    let (_place, cache, file) = place();
    fs::write(&file, module(1)).unwrap();
    // It was written just now: another version could have the same times.
    let mut run = Run::new(&cache, &file);
    assert_eq!((run.call("first").unwrap(), run.known()), (1, (0, 0)));
    drop(run);
    assert_eq!(Run::new(&cache, &file).known(), (0, 1));

    thread::sleep(SETTLED);
    drop(Run::new(&cache, &file));
    let mut run = Run::new(&cache, &file);
    assert_eq!((run.call("first").unwrap(), run.known()), (1, (1, 1)));
    assert_eq!(run.call("second").unwrap(), 1);
    assert_eq!(run.call("copied").unwrap(), 0x072a);
    drop(run);
    let run = Run::new(&cache, &file);
    assert_eq!(run.known(), (1, 3));
    drop(run);

    // Another module in its place, of the same length.
    fs::write(&file, module(2)).unwrap();
    let mut run = Run::new(&cache, &file);
    assert_eq!((run.call("first").unwrap(), run.known()), (2, (0, 0)));
    drop(run);
    // The description is only a description: without code and proof of validity it does nothing.
    thread::sleep(SETTLED);
    drop(Run::new(&cache, &file));
    fs::remove_dir_all(&cache).unwrap();
    let mut run = Run::new(&cache, &file);
    assert_eq!((run.call("second").unwrap(), run.known()), (2, (0, 0)));
}

/// What was in the file is gone, and what is there now was not validated: functions that are needed
/// for the first time can't be had, and say why.
#[test]
fn files_that_are_overwritten_at_once_are_noticed() {
    for remove in [false, true] {
        let (_place, cache, file) = known_program();
        drop(Run::new(&cache, &file));

        let mut run = Run::new(&cache, &file);
        assert_eq!(run.known(), (1, 1));
        if remove {
            // The old contents stay for whoever has them open.
            fs::remove_file(&file).unwrap();
        }
        fs::write(&file, module(2)).unwrap();
        assert_eq!(run.call("first").unwrap(), 1);
        match (remove, run.call("second"), run.call("copied")) {
            (true, Ok(1), Ok(0x072a)) => {}
            (false, Err(second), Err(copied)) => {
                for error in [second, copied] {
                    let text = format!("{error:#}");
                    assert!(text.contains("has been written to"), "{text}");
                }
            }
            (_, second, copied) => panic!("{second:?}, {copied:?}"),
        }
    }
}

/// Two runs at once: what the first to end has compiled is not lost by what the other has only counted.
#[test]
fn what_was_only_counted_replaces_no_code() {
    let (_place, cache, file) = known_program();
    let mut counts = Run::new(&cache, &file);
    let mut compiles = Run::new(&cache, &file);
    assert_eq!((counts.known(), compiles.known()), ((1, 1), (1, 1)));
    for _ in 0..3_000 {
        counts.call("first").unwrap();
    }
    compiles.call("second").unwrap();
    compiles.call("copied").unwrap();
    drop(compiles);
    drop(counts);
    assert_eq!(Run::new(&cache, &file).known(), (1, 3));
}

/// Soon after it was loaded, nothing of the file is needed anymore.
#[test]
fn files_are_read_before_long() {
    let (_place, cache, file) = known_program();
    drop(Run::new(&cache, &file));
    let mut run = Run::new(&cache, &file);
    assert_eq!(run.known(), (1, 1));
    thread::sleep(Duration::from_secs(2));
    fs::write(&file, "something else").unwrap();
    assert_eq!(run.call("second").unwrap(), 1);
}

/// The optimizing tier needs the module's bytes, and they are not read for its sake.
#[test]
fn what_gets_hot_in_a_known_program_is_optimized_once_its_file_was_read() {
    let (_place, cache, file) = known_program();
    let start = Instant::now();
    let mut run = Run::new(&cache, &file);
    assert_eq!(run.known(), (1, 1));
    let optimized = |run: &Run| run.engine.statistics().optimizing.functions;
    let mut before = optimized(&run);
    while optimized(&run) == 0 {
        for _ in 0..1_000 {
            run.call("first").unwrap();
        }
        let so_far = optimized(&run);
        if start.elapsed() < Duration::from_millis(200) {
            before = so_far;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "it never was");
    }
    assert_eq!(before, 0);
}

#[test]
fn what_a_run_left_unfinished_is_finished_elsewhere_and_kept() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("program.wasm");
    let text = r#"(module
        (func $step (param i32) (result i32) (i32.add (local.get 0) (i32.const 3)))
        (func (export "f") (param $n i32) (result i32) (local $x i32)
            (loop $again
                (local.set $x (call $step (local.get $x)))
                (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $x)))"#;
    fs::write(&file, wat::parse_str(text)?)?;
    let mut cache = CacheConfig::new();
    cache.with_directory(directory.path().join("cache"));
    let start = || -> Result<(Engine, Module)> {
        let mut config = Config::new();
        config.cache(Some(Cache::new(cache.clone())?));
        config.strategy(Strategy::Auto);
        let engine = Engine::new(&config)?;
        let module = Module::from_file(&engine, &file)?;
        Ok((engine, module))
    };
    // Not often enough to be worth optimizing in one run.
    let run = || -> Result<(Engine, Unfinished)> {
        let (engine, module) = start()?;
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[])?;
        let f = instance.get_typed_func::<i32, i32>(&mut store, "f")?;
        assert_eq!(f.call(&mut store, 4000)?, 12_000);
        let unfinished = module.unfinished();
        engine.flush_cache();
        Ok((engine, unfinished))
    };
    thread::sleep(SETTLED);
    assert!(run()?.1.is_empty());
    // Where the cache can't keep it, there is nothing to finish.
    let (engine, module) = start()?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    let f = instance.get_typed_func::<i32, i32>(&mut store, "f")?;
    f.call(&mut store, 4000)?;
    assert_eq!(module.unfinished().to_string(), "0");
    let (there, away) = (
        directory.path().join("cache"),
        directory.path().join("away"),
    );
    fs::rename(&there, &away)?;
    fs::write(&there, "in its place")?;
    engine.flush_cache();
    assert!(module.unfinished().is_empty());
    drop((engine, module, store));
    fs::remove_file(&there)?;
    fs::rename(&away, &there)?;
    // The second run knows the file, and does not read it for the sake of optimizing.
    let (engine, unfinished) = run()?;
    assert_eq!(unfinished.to_string(), "0");
    assert_eq!(engine.statistics().optimizing.functions, 0);
    let (engine, module) = start()?;
    // With some that the module has not.
    let handed: Unfinished = format!("7000,{unfinished},0@5").parse()?;
    module.finish(&handed, Duration::from_secs(100));
    assert_eq!(engine.statistics().tier_ups, 1);
    drop(module);
    let (engine, unfinished) = run()?;
    assert!(unfinished.is_empty(), "{unfinished}");
    assert_eq!(engine.statistics().optimizing.functions, 0);
    assert!("7@".parse::<Unfinished>().is_err());
    Ok(())
}

#[test]
fn a_cache_is_set_up_by_a_file() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (file, files) = (
        directory.path().join("cache.toml"),
        directory.path().join("files"),
    );
    let missing = Cache::from_file(Some(&file)).expect_err("there is no file");
    let missing = format!("{missing:#}");
    assert!(missing.contains("cache.toml"), "{missing}");
    fs::write(&file, "[cache]\ndirectory = 5")?;
    let wrong = format!("{:#}", Cache::from_file(Some(&file)).expect_err("no path"));
    assert!(
        wrong.contains("cache.toml") && wrong.contains("`directory`"),
        "{wrong}"
    );
    let text = format!("[cache]\ndirectory = {files:?}\nfile-count-soft-limit = \"7\"");
    fs::write(&file, text)?;
    let cache = Cache::from_file(Some(&file))?;
    assert_eq!(cache.directory(), &files);
    assert_eq!(cache.file_count_soft_limit(), 7);
    let engine = Engine::new(Config::new().cache(Some(cache.clone())))?;
    let module = Module::new(&engine, r#"(module (func (export "f")))"#)?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    instance
        .get_typed_func::<(), ()>(&mut store, "f")?
        .call(&mut store, ())?;
    drop((store, module));
    engine.flush_cache();
    assert_eq!(cache.cache_misses(), 1);
    assert!(fs::read_dir(&files)?.count() > 0);
    let mut config = CacheConfig::new();
    config.with_directory("here");
    let relative = Cache::new(config).expect_err("not absolute").to_string();
    assert!(relative.contains("absolute"), "{relative}");
    Ok(())
}

/// Which files there are, each time anew if written.
fn inodes(directory: &Path) -> Vec<u64> {
    let entries = fs::read_dir(directory).unwrap();
    let files = entries.map(|entry| entry.unwrap());
    let mut inodes: Vec<u64> = files
        .filter(|file| file.file_name() != "ledger")
        .map(|file| std::os::unix::fs::MetadataExt::ino(&file.metadata().unwrap()))
        .collect();
    inodes.sort_unstable();
    inodes
}

#[test]
fn counts_add_up_over_runs_in_which_nothing_else_is_new() {
    let binary = wat::parse_str(
        r#"(module (func (export "f") (param i32) (result i32)
            (i32.mul (local.get 0) (i32.const 3))))"#,
    )
    .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let run = |calls: i32| {
        let mut cache = CacheConfig::new();
        cache.with_directory(directory.path());
        let mut config = Config::new();
        config
            .strategy(Strategy::Auto)
            .optimizing_threads(0)
            .cache(Some(Cache::new(cache).unwrap()));
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, &binary).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let f = instance
            .get_typed_func::<i32, i32>(&mut store, "f")
            .unwrap();
        for n in 0..calls {
            assert_eq!(f.call(&mut store, n).unwrap(), 3 * n);
        }
        drop((store, module));
        engine.flush_cache();
        engine.statistics().tier_ups
    };
    // A little is not worth a write.
    run(100);
    let first = inodes(directory.path());
    for _ in 0..3 {
        assert_eq!(run(100), 0);
        assert_eq!(inodes(directory.path()), first);
    }
    // A good part of what makes a function hot is, until it is.
    let tier_ups: Vec<u64> = (0..10).map(|_| run(1000)).collect();
    assert_eq!(tier_ups.iter().sum::<u64>(), 1, "{tier_ups:?}");
    let settled = inodes(directory.path());
    assert_eq!(run(1000), 0);
    assert_eq!(inodes(directory.path()), settled);
}
