//! Shared memories, and atomic instructions that no suite of the specification covers.

use super::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// Like [`engines`], with shared memories.
fn threaded() -> Vec<(&'static str, Engine)> {
    engines()
        .into_iter()
        .map(|(name, engine)| {
            let mut config = engine.config().clone();
            config.shared_memory(true);
            (name, Engine::new(&config).expect("a valid configuration"))
        })
        .collect()
}

fn engine() -> Engine {
    Engine::new(Config::new().shared_memory(true)).expect("a valid configuration")
}

fn is_shareable<T: Send + Sync + Clone>() {}

#[test]
fn handles_cross_threads_and_are_the_same_memory() {
    is_shareable::<SharedMemory>();
    let memory = SharedMemory::new(&engine(), MemoryType::shared(1, 5)).unwrap();
    let other = memory.clone();
    thread::spawn(move || other.grow(2).unwrap())
        .join()
        .unwrap();
    assert_eq!((memory.size(), memory.data_size()), (3, 3 << 16));
    assert_eq!(memory.data().len(), 3 << 16);
    assert_eq!(memory.page_size(), 1 << 16);
    assert_eq!(memory.ty(), MemoryType::shared(1, 5));
    let error = memory.grow(3).unwrap_err();
    assert!(format!("{error:#}").contains("maximum"), "{error:#}");
    assert_eq!(memory.size(), 3);
}

#[test]
fn bytes_are_copied_within_bounds() {
    let memory = SharedMemory::new(&engine(), MemoryType::shared(1, 1)).unwrap();
    let end = memory.data_size();
    memory.write(end - 3, b"abc").unwrap();
    let mut bytes = [0; 4];
    memory.read(end - 4, &mut bytes).unwrap();
    assert_eq!(&bytes, b"\0abc");
    assert!(memory.write(end - 3, b"defg").is_err());
    assert!(memory.read(end - 3, &mut bytes).is_err());
    assert!(memory.read(usize::MAX, &mut bytes).is_err());
    memory.read(end - 4, &mut bytes).unwrap();
    assert_eq!(&bytes, b"\0abc");
    memory.write(end, b"").unwrap();
}

#[test]
fn shared_memories_are_off_unless_asked_for() {
    let off = Engine::default();
    let ty = MemoryType::shared(1, 1);
    let error = SharedMemory::new(&off, ty.clone()).unwrap_err();
    assert!(
        error.to_string().contains("Config::shared_memory"),
        "{error}"
    );
    // Modules are valid all the same; it is making the memory that fails.
    let module = Module::new(&off, "(module (memory 1 1 shared))").unwrap();
    let error = Instance::new(&mut Store::new(&off, ()), &module, &[]).unwrap_err();
    assert!(
        error.to_string().contains("Config::shared_memory"),
        "{error}"
    );
    // Without threads, there is no type of a shared memory in a module.
    let without = Engine::new(Config::new().shared_memory(true).wasm_threads(false)).unwrap();
    let error = Module::new(&without, "(module (memory 1 1 shared))").unwrap_err();
    assert!(format!("{error:#}").contains("threads"), "{error:#}");
    let error = Memory::new(&mut Store::new(&engine(), ()), ty).unwrap_err();
    assert!(error.to_string().contains("`SharedMemory`"), "{error}");
    assert!(SharedMemory::new(&engine(), MemoryType::new(1, Some(1))).is_err());
}

#[test]
fn exported_defined_and_imported_again() -> Result<()> {
    for (name, engine) in threaded() {
        let text = r#"(module (memory (export "m") 1 3 shared) (data (i32.const 4) "\2a")
            (func (export "size") (result i32) (memory.size)))"#;
        let mut store = Store::new(&engine, ());
        let first = Instance::new(&mut store, &Module::new(&engine, text)?, &[])?;
        assert!(first.get_memory(&mut store, "m").is_none(), "{name}");
        let memory = first.get_shared_memory(&mut store, "m").expect(name);

        let text = r#"(module (import "env" "m" (memory 1 3 shared))
            (func (export "get") (result i32) (i32.atomic.load8_u (i32.const 4)))
            (func (export "grow") (result i32) (memory.grow (i32.const 2))))"#;
        let module = Module::new(&engine, text)?;
        let mut linker = Linker::new(&engine);
        let mut other = Store::new(&engine, ());
        linker.define(&other, "env", "m", memory.clone())?;
        let second = linker.instantiate(&mut other, &module)?;
        let get = second.get_typed_func::<(), u32>(&mut other, "get")?;
        assert_eq!(get.call(&mut other, ())?, 42, "{name}");
        let grow = second.get_typed_func::<(), i32>(&mut other, "grow")?;
        assert_eq!(grow.call(&mut other, ())?, 1, "{name}");
        assert_eq!(grow.call(&mut other, ())?, -1, "{name}");
        let size = first.get_typed_func::<(), u32>(&mut store, "size")?;
        assert_eq!(
            (size.call(&mut store, ())?, memory.size()),
            (3, 3),
            "{name}"
        );
    }
    Ok(())
}

#[test]
fn imports_have_to_match() -> Result<()> {
    let engine = engine();
    let shared: Extern = SharedMemory::new(&engine, MemoryType::shared(1, 4))?.into();
    let check = |text: &str, supplied: &Extern| {
        let module = Module::new(&engine, text)?;
        Instance::new(
            &mut Store::new(&engine, ()),
            &module,
            std::slice::from_ref(supplied),
        )
        .map(drop)
    };
    check(r#"(module (import "" "" (memory 1 4 shared)))"#, &shared)?;
    check(r#"(module (import "" "" (memory 0 9 shared)))"#, &shared)?;
    for text in [
        r#"(module (import "" "" (memory 1 4)))"#,
        r#"(module (import "" "" (memory 2 4 shared)))"#,
        r#"(module (import "" "" (memory 1 3 shared)))"#,
        r#"(module (import "" "" (func)))"#,
    ] {
        let error = check(text, &shared).expect_err(text);
        assert!(
            error.to_string().contains("incompatible import type"),
            "{error}"
        );
    }
    let foreign = SharedMemory::new(&self::engine(), MemoryType::shared(1, 4))?.into();
    check(r#"(module (import "" "" (memory 1 4 shared)))"#, &foreign).unwrap_err();
    Ok(())
}

#[test]
fn limiters_decide_about_shared_memories_too() -> Result<()> {
    let engine = engine();
    let module = Module::new(
        &engine,
        r#"(module (memory 1 4 shared) (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#,
    )?;
    let limited = |pages: usize| {
        let limits = StoreLimitsBuilder::new()
            .memory_size(pages << 16)
            .memories(1);
        let mut store = Store::new(&engine, limits.build());
        store.limiter(|limits| limits);
        store
    };
    let error = Instance::new(&mut limited(0), &module, &[]).unwrap_err();
    assert!(
        error.to_string().contains("exceeds memory limits"),
        "{error}"
    );
    let mut store = limited(2);
    let instance = Instance::new(&mut store, &module, &[])?;
    let grow = instance.get_typed_func::<(), i32>(&mut store, "grow")?;
    assert_eq!(grow.call(&mut store, ())?, 1);
    assert_eq!(grow.call(&mut store, ())?, -1);
    let error = Instance::new(&mut store, &module, &[]).unwrap_err();
    assert!(error.to_string().contains("memory count"), "{error}");
    // One from elsewhere is not the store's, but what its guests make of it is.
    let memory = SharedMemory::new(&engine, MemoryType::shared(1, 4))?;
    let import = Module::new(
        &engine,
        r#"(module (import "" "" (memory 1 4 shared)) (func (export "grow") (result i32) (memory.grow (i32.const 2))))"#,
    )?;
    let instance = Instance::new(&mut store, &import, &[memory.clone().into()])?;
    let grow = instance.get_typed_func::<(), i32>(&mut store, "grow")?;
    assert_eq!((grow.call(&mut store, ())?, memory.size()), (-1, 1));
    assert_eq!((memory.grow(2)?, memory.size()), (1, 3));
    Ok(())
}

#[test]
fn host_and_guest_wake_each_other() -> Result<()> {
    for (name, engine) in threaded() {
        let memory = SharedMemory::new(&engine, MemoryType::shared(1, 1))?;
        let module = Module::new(
            &engine,
            r#"(module (import "" "" (memory 1 1 shared))
                (func (export "wait") (param i64) (result i32)
                    (memory.atomic.wait64 offset=8 (i32.const 8) (i64.const 0) (local.get 0)))
                (func (export "notify") (result i32)
                    (memory.atomic.notify (i32.const 16) (i32.const 7))))"#,
        )?;
        let call = |export: &'static str, timeout: Option<i64>| -> Result<u32> {
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[memory.clone().into()])?;
            match timeout {
                Some(timeout) => instance
                    .get_typed_func::<i64, u32>(&mut store, export)?
                    .call(&mut store, timeout),
                None => instance
                    .get_typed_func::<(), u32>(&mut store, export)?
                    .call(&mut store, ()),
            }
        };
        assert_eq!(call("wait", Some(1_000_000))?, 2, "{name}");
        thread::scope(|scope| -> Result<()> {
            let guest = scope.spawn(|| call("wait", Some(-1)));
            while memory.atomic_notify(16, 1)? == 0 {
                thread::yield_now();
            }
            assert_eq!(guest.join().unwrap()?, 0, "{name}");
            let host = scope.spawn(|| memory.atomic_wait64(16, 0, None));
            while call("notify", None)? == 0 {
                thread::yield_now();
            }
            assert_eq!(host.join().unwrap(), Ok(WaitResult::Ok), "{name}");
            Ok(())
        })?;
        let soon = Some(Duration::ZERO);
        assert_eq!(memory.atomic_wait32(2, 0, soon), Err(Trap::HeapMisaligned));
        assert_eq!(
            memory.atomic_notify(65_536, 1),
            Err(Trap::MemoryOutOfBounds)
        );
    }
    Ok(())
}

/// Memory that another thread adds is there for whoever hears of it, whether or not accesses are checked in code.
#[test]
fn growth_is_seen_by_code_that_runs() -> Result<()> {
    for (name, engine) in threaded() {
        let memory = SharedMemory::new(&engine, MemoryType::shared(1, 64))?;
        let module = Module::new(
            &engine,
            r#"(module (import "" "" (memory 1 64 shared))
                (func (export "follow") (param $last i32) (local $pages i32)
                    (loop $again
                        (local.set $pages (i32.atomic.load (i32.const 0)))
                        (if (local.get $pages)
                            (then
                                (i32.store
                                    (i32.sub (i32.mul (local.get $pages) (i32.const 65536)) (i32.const 4))
                                    (local.get $pages))
                                (if (i32.lt_u (memory.size) (local.get $pages)) (then unreachable))))
                        (br_if $again (i32.lt_u (local.get $pages) (local.get $last))))))"#,
        )?;
        thread::scope(|scope| -> Result<()> {
            let guest = scope.spawn(|| -> Result<()> {
                let mut store = Store::new(&engine, ());
                let instance = Instance::new(&mut store, &module, &[memory.clone().into()])?;
                let follow = instance.get_typed_func::<u32, ()>(&mut store, "follow")?;
                follow.call(&mut store, 64)
            });
            // SAFETY: inside of the memory, aligned, and everyone accesses these bytes atomically.
            let place = unsafe { AtomicU32::from_ptr(memory.data()[0].get().cast()) };
            for pages in 2..=64 {
                memory.grow(1)?;
                place.store(pages, Ordering::SeqCst);
                thread::yield_now();
            }
            guest.join().unwrap().map_err(|error| error.context(name))
        })?;
    }
    Ok(())
}

#[test]
fn atomic_instructions_trap_as_they_should() {
    for (name, engine) in threaded() {
        for kind in ["1", "1 1 shared"] {
            let text = format!(
                r#"(module (memory {kind})
                (func (export "load") (param i32) (drop (i64.atomic.load offset=4 (local.get 0))))
                (func (export "store") (param i32) (i32.atomic.store16 (local.get 0) (i32.const 1)))
                (func (export "add") (param i32) (drop (i32.atomic.rmw.add (local.get 0) (i32.const 1))))
                (func (export "or") (param i32) (drop (i64.atomic.rmw32.or_u offset=8 (local.get 0) (i64.const 1))))
                (func (export "swap") (param i32)
                    (drop (i64.atomic.rmw.cmpxchg (local.get 0) (i64.const 1) (i64.const 2))))
                (func (export "byte") (param i32) (drop (i32.atomic.rmw8.xor_u (local.get 0) (i32.const 1))))
                (func (export "wait") (param i32)
                    (drop (memory.atomic.wait32 (local.get 0) (i32.const 1) (i64.const 0)))))"#
            );
            let run = || -> Result<()> {
                let module = Module::new(&engine, text)?;
                let mut store = Store::new(&engine, ());
                let instance = Instance::new(&mut store, &module, &[])?;
                for (export, fine, misaligned, outside) in [
                    ("load", 4, 0, 65_532),
                    ("store", 2, 65_537, 65_536),
                    ("add", 65_532, 65_533, u32::MAX - 3),
                    ("or", 65_524, 65_526, u32::MAX - 3),
                    ("swap", 65_528, 65_532, 65_536),
                    ("byte", 65_535, 65_536, 65_536),
                    ("wait", 65_532, 65_534, 65_536),
                ] {
                    let func = instance.get_typed_func::<u32, ()>(&mut store, export)?;
                    let mut call = |at| match func.call(&mut store, at) {
                        Ok(()) => None,
                        Err(error) => Some(*error.downcast_ref::<Trap>().expect("a trap")),
                    };
                    let unshared_wait = export == "wait" && kind == "1";
                    let expected = unshared_wait.then_some(Trap::AtomicWaitNonSharedMemory);
                    assert_eq!(call(fine), expected, "{name} {export}");
                    let expected = match export {
                        "byte" => Trap::MemoryOutOfBounds,
                        _ => Trap::HeapMisaligned,
                    };
                    assert_eq!(call(misaligned), Some(expected), "{name} {export}");
                    assert_eq!(
                        call(outside),
                        Some(Trap::MemoryOutOfBounds),
                        "{name} {export}"
                    );
                }
                Ok(())
            };
            run().unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
    }
}

/// Set in the process of a test that has no threads.
const ALONE: &str = "MAINSPRING_TEST_ALONE";

#[test]
fn modules_are_made_and_run_where_no_thread_can_be_made() -> Result<()> {
    if std::env::var_os(ALONE).is_some() {
        return work_alone();
    }
    let test = "threads::modules_are_made_and_run_where_no_thread_can_be_made";
    let output = std::process::Command::new(std::env::current_exe()?)
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "1")
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    Ok(())
}

fn work_alone() -> Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Some(0);
    let limit = Rlimit {
        current: none,
        maximum: none,
    };
    setrlimit(Resource::Nproc, limit)?;
    if rustix::process::getuid().is_root() {
        // The limit is not for root.
        let nobody = rustix::process::Uid::from_raw(65534);
        rustix::thread::set_thread_uid(nobody)?;
    }
    let thread = thread::Builder::new().spawn(|| ());
    assert!(
        thread.is_err(),
        "threads can be made, so this tests nothing"
    );

    // Enough bodies for several threads, and a file of which two threads read a part each.
    let functions: String = (0..3000)
        .map(|i| format!("(func (result i32) (i32.add (i32.const {i}) (call 0)))"))
        .collect();
    let data = "x".repeat(5 << 20);
    let text = format!(
        r#"(module (memory 81) (func (export "f") (result i32) (i32.const 7)) {functions} (data (i32.const 0) "{data}"))"#
    );
    let binary = wat::parse_str(text).expect("the text parses");
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &binary)?;
    for strategy in [Strategy::Auto, Strategy::Winch, Strategy::Cranelift] {
        let engine = Engine::new(Config::new().strategy(strategy))?;
        for module in [
            Module::new(&engine, &binary)?,
            Module::from_file(&engine, file.path())?,
        ] {
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[])?;
            let f = instance.get_typed_func::<(), i32>(&mut store, "f")?;
            assert_eq!(f.call(&mut store, ())?, 7);
        }
        // Invalid ones are found to be so, and why.
        let tail = b"(module (func (return_call 0)))";
        let mut config = Config::new();
        let engine = Engine::new(config.strategy(strategy).wasm_tail_call(false))?;
        let error = Module::new(&engine, tail).unwrap_err();
        assert!(error.to_string().contains("tail-call"), "{error:#}");
    }
    let engine = Engine::default();
    let image = engine.precompile_module(&binary)?;
    // SAFETY: made right here.
    unsafe { Module::deserialize(&engine, &image) }?;
    Ok(())
}
