//! The program's threads.

use super::Host;
use super::ending::Ending;
use crate::{report, uncaught};
use mainspring::{
    Error, ExternType, ImportType, Linker, Module, ResourceLimiter, Result, Store,
    UnknownImportError, ensure,
};
use mainspring_wasi::threads::{self, ThreadHooks, WasiThreadsCtx};
use std::process;
use std::sync::{Arc, Once};

/// Lets a program make threads, and makes the memory that they share.
pub(super) fn link(
    linker: &mut Linker<Host>,
    store: &mut Store<Host>,
    module: &Module,
) -> Result<()> {
    count_memories(&mut store.data_mut().limits, module)?;
    threads::add_to_linker(linker, store, module, |host| {
        let context = host.threads.as_deref();
        context.expect("there is one before the program runs")
    })
}

/// Makes what makes threads, which have all that the linker has.
pub(super) fn make_possible(
    linker: &Linker<Host>,
    store: &mut Store<Host>,
    module: &Module,
    ending: &Arc<Ending>,
) -> Result<()> {
    let context = WasiThreadsCtx::new(module.clone(), Arc::new(linker.clone()), false)?;
    let hooks = Hooks {
        ending: ending.clone(),
        refusal: Once::new(),
    };
    store.data_mut().threads = Some(Arc::new(context.with_hooks(hooks)));
    Ok(())
}

/// Says of a program that lacks what it makes threads with how it gets that.
pub(super) fn explain(module: &Module, error: Error) -> Error {
    let spawns =
        |import: ImportType<'_>| (import.module(), import.name()) == ("wasi", "thread-spawn");
    match error.is::<UnknownImportError>() && module.imports().any(spawns) {
        true => error.context("the program makes threads, which `-S threads` lets it do"),
        false => error,
    }
}

/// Memories that the host makes are nothing that a store asks its limiter about.
fn count_memories(limits: &mut dyn ResourceLimiter, module: &Module) -> Result<()> {
    for import in module.imports() {
        let ExternType::Memory(ty) = import.ty() else {
            continue;
        };
        let bytes = |pages: u64| {
            let bytes = pages.saturating_mul(ty.page_size());
            usize::try_from(bytes).unwrap_or(usize::MAX)
        };
        ensure!(
            limits.memory_growing(0, bytes(ty.minimum()), ty.maximum().map(bytes))?,
            "memory minimum size of {} pages exceeds memory limits",
            ty.minimum()
        );
    }
    Ok(())
}

struct Hooks {
    ending: Arc<Ending>,
    refusal: Once,
}

impl ThreadHooks<Host> for Hooks {
    fn check(&self, host: &Host) -> Result<()> {
        ensure!(
            host.limits.instances() > 0,
            "each thread is an instance, and there are as many as there may be"
        );
        Ok(())
    }

    fn begin(&self, store: &mut Store<Host>) {
        store.limiter(|host| &mut host.limits);
    }

    /// Said once: programs try again.
    fn refused(&self, reason: &Error) {
        self.refusal.call_once(|| {
            report::note(&format!("the program gets no more threads: {reason:#}"));
        });
    }

    fn failed(&self, store: &mut Store<Host>, error: Error) -> ! {
        let error = uncaught::explain(store, error);
        self.ending.settle();
        process::exit(report::status(&error).into())
    }
}
