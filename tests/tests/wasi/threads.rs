//! Guests on several threads.

use std::io::{self, Write};
use std::thread;

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use mainspring::{Error, Linker, Module, Result, Store};
use mainspring_wasi::threads::{self, ThreadHooks, WasiThreadsCtx};
use mainspring_wasi::{FsPerms, I32Exit, WasiCtxBuilder};

use crate::guest::{DIR, Guest, Open, engine, errno, oflags};

#[test]
fn what_a_thread_opens_all_have() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder
        .preopened_dir(dir.path(), "/", FsPerms::ReadWrite)
        .unwrap();
    let context = builder.build_p1();
    let mut guest = Guest::in_world(context.clone());
    let opened = thread::spawn(move || {
        let mut other = Guest::in_world(context);
        let file = other.open(DIR, "file", Open::both().oflags(oflags::CREAT));
        let file = file.unwrap();
        assert_eq!(other.write(file, "text"), Ok(4));
        file
    });
    let file = opened.join().unwrap();
    assert_eq!(guest.pread(file, 9, 0).unwrap(), b"text");
    assert_eq!(guest.tell(file), Ok(4));
}

/// While one thread waits for input, others use all else, and this descriptor too.
#[test]
fn a_call_that_waits_keeps_no_other_waiting() {
    let (input, mut writer) = io::pipe().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdin(input)
        .preopened_dir(dir.path(), "/", FsPerms::ReadWrite)
        .unwrap();
    let context = builder.build_p1();
    let mut guest = Guest::in_world(context.clone());
    let (about_to_wait, waits) = io::pipe().unwrap();
    let reader = thread::spawn(move || {
        drop(waits);
        Guest::in_world(context).read(0, 9)
    });
    // The end of this pipe says that the thread runs.
    assert_eq!(io::read_to_string(about_to_wait).unwrap(), "");
    thread::sleep(std::time::Duration::from_millis(20));

    assert!(!reader.is_finished());
    assert!(guest.fdstat(0).is_ok());
    let file = guest.open(DIR, "file", Open::write().oflags(oflags::CREAT));
    assert_eq!(guest.write(file.unwrap(), "text"), Ok(4));
    guest.call("fd_close", &[0]).unwrap();
    assert_eq!(guest.read(0, 1), Err(errno::BADF));
    // Who reads keeps open what it reads from.
    writer.write_all(b"late").unwrap();
    assert_eq!(reader.join().unwrap(), Ok(b"late".to_vec()));
}

#[test]
fn numbers_are_given_to_one_thread_each() {
    const THREADS: u32 = 4;
    const FILES: u32 = 200;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder
        .preopened_dir(dir.path(), "/", FsPerms::ReadWrite)
        .unwrap();
    let context = builder.build_p1();
    let opener = || {
        let mut guest = Guest::in_world(context.clone());
        (0..FILES)
            .map(|nth| {
                let file = guest.open(DIR, "file", Open::read()).unwrap();
                if nth % 3 == 0 {
                    guest.call("fd_close", &[file.into()]).unwrap();
                    return None;
                }
                Some(file)
            })
            .collect::<Vec<_>>()
    };
    let all = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(opener)).collect();
        let all = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        all.flatten().collect::<Vec<_>>()
    });
    let mut numbers = all.clone();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), all.len());
    assert_eq!(all.len() as u32, THREADS * (FILES - FILES.div_ceil(3)));
}

/// What a test hears of a program's threads.
#[derive(Debug, PartialEq)]
enum Heard {
    Began,
    Refused(String),
    Failed(Option<i32>),
}

struct Listener(Mutex<Sender<Heard>>);

impl Listener {
    fn hears(&self, what: Heard) {
        self.0.lock().unwrap().send(what).unwrap();
    }
}

impl ThreadHooks<Host> for Listener {
    fn begin(&self, _: &mut Store<Host>) {
        self.hears(Heard::Began);
    }

    fn refused(&self, reason: &Error) {
        self.hears(Heard::Refused(reason.to_string()));
    }

    fn failed(&self, _: &mut Store<Host>, error: Error) -> ! {
        let exit = error.downcast_ref::<I32Exit>();
        self.hears(Heard::Failed(exit.map(|exit| exit.0)));
        loop {
            thread::park();
        }
    }
}

#[derive(Clone, Default)]
struct Host {
    threads: Option<Arc<WasiThreadsCtx<Host>>>,
}

fn store_with_threads(
    program: &str,
    hooks: Listener,
) -> Result<(Store<Host>, Arc<Linker<Host>>, Module)> {
    let module = Module::new(engine(), program)?;
    let mut store = Store::new(engine(), Host::default());
    let mut linker = Linker::new(engine());
    threads::add_to_linker(&mut linker, &store, &module, |host: &mut Host| {
        host.threads.as_deref().unwrap()
    })?;
    linker.func_wrap("host", "exit", |status: i32| -> Result<()> {
        Err(I32Exit(status).into())
    })?;
    let linker = Arc::new(linker);
    let context = WasiThreadsCtx::new(module.clone(), linker.clone(), false)?;
    store.data_mut().threads = Some(Arc::new(context.with_hooks(hooks)));
    Ok((store, linker, module))
}

#[test]
fn an_embedder_makes_threads_and_hears_of_them() {
    let program = r#"(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "host" "exit" (func $exit (param i32)))
  (import "any" "name" (memory 1 1 shared))
  (export "memory" (memory 0))
  (export "spawn" (func $spawn))
  (func (export "wasi_thread_start") (param $number i32) (param $argument i32)
    (i32.atomic.store (local.get $argument) (local.get $number))
    (drop (memory.atomic.notify (local.get $argument) (i32.const 1)))
    (if (i32.eq (local.get $argument) (i32.const 8)) (then (call $exit (i32.const 3))))
    (if (i32.eq (local.get $argument) (i32.const 12)) (then unreachable))))"#;
    let (sender, heard) = channel();
    let listener = Listener(Mutex::new(sender));
    let (mut store, linker, module) = store_with_threads(program, listener).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let memory = instance.get_shared_memory(&mut store, "memory").unwrap();
    let spawn = instance.get_typed_func::<i32, i32>(&mut store, "spawn");
    let spawn = spawn.unwrap();
    let threads = store.data().threads.clone().unwrap();

    assert_eq!(spawn.call(&mut store, 4).unwrap(), 1);
    memory.atomic_wait32(4, 0, None).unwrap();
    assert_eq!(heard.recv(), Ok(Heard::Began));
    assert_eq!(threads.spawn(Host::default(), 8).unwrap(), 2);
    assert_eq!(heard.recv(), Ok(Heard::Began));
    assert_eq!(heard.recv(), Ok(Heard::Failed(Some(3))));
    assert_eq!(spawn.call(&mut store, 12).unwrap(), 3);
    assert_eq!(heard.recv(), Ok(Heard::Began));
    assert_eq!(heard.recv(), Ok(Heard::Failed(None)));
    let mut numbers = [0; 16];
    memory.read(0, &mut numbers).unwrap();
    assert_eq!(numbers, [0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
}

#[test]
fn a_module_that_is_not_made_for_threads_gets_none() {
    let (sender, heard) = channel();
    let program = r#"(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (export "spawn" (func $spawn)))"#;
    let listener = Listener(Mutex::new(sender.clone()));
    let (mut store, linker, module) = store_with_threads(program, listener).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let spawn = instance.get_typed_func::<i32, i32>(&mut store, "spawn");
    assert_eq!(spawn.unwrap().call(&mut store, 0).unwrap(), -1);
    match heard.recv().unwrap() {
        Heard::Refused(reason) => assert!(reason.contains("wasi_thread_start"), "{reason}"),
        other => panic!("{other:?}"),
    }

    let unshared = r#"(module (import "any" "name" (memory 1)))"#;
    let refused = store_with_threads(unshared, Listener(Mutex::new(sender)));
    let error = refused.map(drop).unwrap_err().to_string();
    assert!(
        error.contains("`any::name`") && error.contains("not shared"),
        "{error}"
    );
}
