//! wasi-threads: guests that ask for threads.
//!
//! A thread of a guest is an instance of its module, in a store of its own, on a thread of the
//! system. What all of them have in common are the shared memories that the module imports, and
//! what clones of the data of a store share, such as a [`WasiP1Ctx`](crate::p1::WasiP1Ctx).
//!
//! Names and behaviour are those of the crate `wasmtime-wasi-threads`, whose last version is 46;
//! [`ThreadHooks`] is ours.
//!
//! ```
//! use mainspring::{Config, Engine, Linker, Module, Result, Store};
//! use mainspring_wasi::threads::{WasiThreadsCtx, add_to_linker};
//! use std::sync::Arc;
//!
//! /// The data of a store, of which each thread gets a clone.
//! #[derive(Clone, Default)]
//! struct Host {
//!     threads: Option<Arc<WasiThreadsCtx<Host>>>,
//! }
//!
//! fn main() -> Result<()> {
//!     let engine = Engine::new(Config::new().shared_memory(true))?;
//!     let module = Module::new(&engine, r#"(module
//!         (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
//!         (import "env" "memory" (memory 1 1 shared))
//!         (func (export "wasi_thread_start") (param $thread i32) (param $address i32)
//!             (i32.atomic.store (local.get $address) (local.get $thread))
//!             (drop (memory.atomic.notify (local.get $address) (i32.const 1))))
//!         (func (export "run") (result i32)
//!             (drop (call $spawn (i32.const 64)))
//!             (drop (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const -1)))
//!             (i32.atomic.load (i32.const 64))))"#)?;
//!
//!     let mut store = Store::new(&engine, Host::default());
//!     let mut linker = Linker::new(&engine);
//!     add_to_linker(&mut linker, &store, &module, |host: &mut Host| {
//!         host.threads.as_deref().expect("set below")
//!     })?;
//!     let threads = WasiThreadsCtx::new(module.clone(), Arc::new(linker.clone()), false)?;
//!     store.data_mut().threads = Some(Arc::new(threads));
//!
//!     let instance = linker.instantiate(&mut store, &module)?;
//!     let run = instance.get_typed_func::<(), i32>(&mut store, "run")?;
//!     assert_eq!(run.call(&mut store, ())?, 1);
//!     Ok(())
//! }
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::Builder;

use mainspring::{
    Caller, Error, ExternType, InstancePre, Linker, Module, Result, SharedMemory, Store, Trap,
    bail, ensure,
};

use crate::exit::I32Exit;

/// What a module exports for its threads to begin in.
const ENTRY_POINT: &str = "wasi_thread_start";
/// The upper bits of a thread's number are the guest's, for locks that hold it.
const LAST_THREAD: i32 = 0x1fff_ffff;
/// Room on a thread's stack beside what the guest may use of it.
const HOST_STACK: usize = 1536 << 10;
/// The status of a process that was ended by SIGABRT, as a trap ends a guest.
const TRAPPED: i32 = 134;

/// What the embedder does about the threads of a guest, from making them to their end. As it
/// stands, it does what the crate `wasmtime-wasi-threads` does.
pub trait ThreadHooks<T: 'static>: Send + Sync + 'static {
    /// Whether there may be one more thread, with this as the data of its store.
    ///
    /// # Errors
    /// If not; the guest is told with a negative number.
    fn check(&self, host: &T) -> Result<()> {
        let _ = host;
        Ok(())
    }

    /// Called on each new thread with its store, in which there is nothing yet: the place to set a
    /// limiter.
    fn begin(&self, store: &mut Store<T>) {
        let _ = store;
    }

    /// A thread was asked for and not made; the guest is told with a negative number.
    fn refused(&self, reason: &Error) {
        tracing::error!("failed to spawn thread: {reason:#}");
    }

    /// A thread ended with an error, be it a trap or the guest's wish to end ([`I32Exit`]). As
    /// this ends all threads, it does not return.
    fn failed(&self, store: &mut Store<T>, error: Error) -> ! {
        let _ = store;
        if let Some(exit) = error.downcast_ref::<I32Exit>() {
            process::exit(exit.0);
        }
        eprintln!("Error: {error:?}");
        process::exit(if error.is::<Trap>() { TRAPPED } else { 1 })
    }
}

/// What the crate `wasmtime-wasi-threads` does.
struct Default;

impl<T: 'static> ThreadHooks<T> for Default {}

/// Makes the threads of a guest.
pub struct WasiThreadsCtx<T: 'static> {
    program: InstancePre<T>,
    hooks: Arc<dyn ThreadHooks<T>>,
    last_thread: AtomicI32,
}

impl<T: Clone + Send + 'static> WasiThreadsCtx<T> {
    /// A context for threads that are instances of `module`, with what `linker` knows. The last
    /// argument has no effect: all calls return when they are done.
    ///
    /// # Errors
    /// If the module imports something that the linker does not have.
    pub fn new(module: Module, linker: Arc<Linker<T>>, _use_async: bool) -> Result<Self> {
        Ok(WasiThreadsCtx {
            program: linker.instantiate_pre(&module)?,
            hooks: Arc::new(Default),
            last_thread: AtomicI32::new(0),
        })
    }

    /// Sets what happens besides. This is ours.
    pub fn with_hooks(self, hooks: impl ThreadHooks<T>) -> Self {
        let hooks = Arc::new(hooks);
        WasiThreadsCtx { hooks, ..self }
    }

    /// Makes a thread with `host` as the data of its store, on which the guest is called with its
    /// number and the argument. Returns the number, from 1 to 0x1fffffff, or -1 if the module has no
    /// function for threads to begin in, numbers have run out, or [`ThreadHooks::check`] fails.
    ///
    /// A guest that traps or exits on a thread ends **the process**, with the status that belongs
    /// to it, unless [`ThreadHooks::failed`] does something else.
    ///
    /// # Errors
    /// If the system makes no more threads.
    pub fn spawn(&self, host: T, thread_start_arg: i32) -> Result<i32> {
        let number = self
            .check_entry_point()
            .and_then(|()| self.hooks.check(&host))
            .and_then(|()| self.next_number());
        match number {
            Ok(number) => self.start(host, number, thread_start_arg),
            Err(reason) => {
                self.hooks.refused(&reason);
                Ok(-1)
            }
        }
    }

    /// Checked only here: modules that were linked with threads and make none need no such
    /// function.
    fn check_entry_point(&self) -> Result<()> {
        let Some(ExternType::Func(ty)) = self.program.module().get_export(ENTRY_POINT) else {
            bail!("the module exports no function `{ENTRY_POINT}` for threads to begin in");
        };
        let takes_two = ty.params().len() == 2 && ty.params().all(|param| param.is_i32());
        ensure!(
            takes_two && ty.results().len() == 0,
            "`{ENTRY_POINT}`, for threads to begin in, has to have the type \
             `(type (func (param i32 i32)))`, and has `{ty}`"
        );
        Ok(())
    }

    fn next_number(&self) -> Result<i32> {
        let next = |last| (last < LAST_THREAD).then_some(last + 1);
        let counted = self
            .last_thread
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        match counted {
            Ok(last) => Ok(last + 1),
            Err(_) => bail!("there are no more numbers for threads"),
        }
    }

    fn start(&self, host: T, number: i32, argument: i32) -> Result<i32> {
        let (program, hooks) = (self.program.clone(), self.hooks.clone());
        let guest_stack = program.module().engine().get_max_wasm_stack();
        Builder::new()
            .name(format!("wasi-thread-{number}"))
            .stack_size(guest_stack.saturating_add(HOST_STACK))
            .spawn(move || {
                let thread = || run(&program, &*hooks, host, number, argument);
                if catch_unwind(AssertUnwindSafe(thread)).is_err() {
                    // Said so has the panic hook; the other threads may wait for this one.
                    process::exit(1);
                }
            })?;
        Ok(number)
    }
}

/// What a thread does.
fn run<T: 'static>(
    program: &InstancePre<T>,
    hooks: &dyn ThreadHooks<T>,
    host: T,
    number: i32,
    argument: i32,
) {
    let mut store = Store::new(program.module().engine(), host);
    hooks.begin(&mut store);
    tracing::trace!(number, argument, "a thread begins");
    let outcome = program
        .instantiate(&mut store)
        .and_then(|instance| instance.get_typed_func::<(i32, i32), ()>(&mut store, ENTRY_POINT))
        .and_then(|start| start.call(&mut store, (number, argument)));
    match outcome {
        Ok(()) => tracing::trace!(number, "a thread ends"),
        Err(error) => hooks.failed(&mut store, error),
    }
}

/// Defines `thread-spawn` of the module `wasi` in a linker, and makes the memories that `module`
/// imports, for all instances that are made with the linker. `get_cx` finds the context in the data of
/// the store of whoever asks for a thread, which the thread gets a clone of.
///
/// # Errors
/// If a memory that the module imports is not shared, or can't be made, or the linker has one of
/// the names already and does not allow shadowing.
pub fn add_to_linker<T: Clone + Send + 'static>(
    linker: &mut Linker<T>,
    store: &Store<T>,
    module: &Module,
    get_cx: impl Fn(&mut T) -> &WasiThreadsCtx<T> + Send + Sync + Copy + 'static,
) -> Result<()> {
    linker.func_wrap(
        "wasi",
        "thread-spawn",
        move |mut caller: Caller<'_, T>, argument: i32| -> i32 {
            let host = caller.data().clone();
            let context = get_cx(caller.data_mut());
            context.spawn(host, argument).unwrap_or_else(|error| {
                context.hooks.refused(&error);
                -1
            })
        },
    )?;
    for import in module.imports() {
        let ExternType::Memory(ty) = import.ty() else {
            continue;
        };
        let (from, name) = (import.module(), import.name());
        ensure!(
            ty.is_shared(),
            "the memory `{from}::{name}` that the module imports is not shared, as it has to be for threads"
        );
        let memory = SharedMemory::new(module.engine(), ty)?;
        linker.define(store, from, name, memory)?;
    }
    Ok(())
}
