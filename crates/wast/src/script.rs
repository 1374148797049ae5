//! One script as it runs: its directives in turn, some of them on threads. What they demand is
//! judged in `assertions.rs`, modules are made in `modules.rs`, and calls in `execute.rs`.

use crate::modules::Modules;
use crate::outcome::{Outcome, Wrong, no_such, unexpected};
use crate::read::{Item, Items};
use crate::spectest;
use mainspring::{Engine, Linker, Result, SharedMemory, Store};
use std::collections::HashMap;
use std::thread::{self, Scope, ScopedJoinHandle};
use wast::token::Id;
use wast::{WastDirective, WastExecute, WastThread};

/// What a script tells as it runs. Places are offsets in its text.
pub(crate) enum Event {
    /// A directive begins.
    Begins { at: usize, directive: &'static str },
    /// It came out.
    Done(Done),
}

/// A directive that came out.
pub(crate) struct Done {
    pub at: usize,
    pub directive: &'static str,
    pub outcome: Outcome,
}

/// The state that the directives of one script share, or those of one of its threads.
pub(crate) struct Script {
    pub(crate) store: Store<()>,
    pub(crate) linker: Linker<()>,
    echo: bool,
    /// What threads get of the modules that are shared with them: the memories that these export.
    pub(crate) shared: HashMap<String, Vec<(String, SharedMemory)>>,
    pub(crate) modules: Modules,
}

impl Script {
    pub(crate) fn new(engine: &Engine, echo: bool) -> Result<Script> {
        let mut store = Store::new(engine, ());
        let mut linker = Linker::new(engine);
        // A script may register a name again, and means the later module from then on.
        linker.allow_shadowing(true);
        spectest::define(&mut store, &mut linker, echo)?;
        Ok(Script {
            store,
            linker,
            echo,
            shared: HashMap::new(),
            modules: Modules::default(),
        })
    }

    /// Executes directives. Threads that the script does not wait for are waited for at its end.
    pub(crate) fn run(mut self, items: Items<'_>, tell: &mut dyn FnMut(Event)) {
        thread::scope(|scope| {
            let mut threads = HashMap::new();
            for (base, item) in items {
                let directive = match item {
                    Item::Directive(directive) => directive,
                    broken => {
                        tell(Event::Done(self.broken(base, broken)));
                        continue;
                    }
                };
                let (at, name) = (base + directive.span().offset(), keyword(&directive));
                tell(Event::Begins {
                    at,
                    directive: name,
                });
                let outcome = match directive {
                    WastDirective::Thread(thread) => {
                        let id = thread.name.name().to_string();
                        let started = self.start(scope, base, thread);
                        started.map(|thread| drop(threads.insert(id, thread)))
                    }
                    WastDirective::Wait { thread, .. } => match threads.remove(thread.name()) {
                        Some(thread) => {
                            joined(thread, tell);
                            Ok(())
                        }
                        None => Err(no_such("thread", Some(thread)).into()),
                    },
                    other => self.directive(at, other),
                };
                tell(Event::Done(Done {
                    at,
                    directive: name,
                    outcome,
                }));
            }
            for thread in threads.into_values() {
                joined(thread, tell);
            }
        });
    }

    /// What can't be read, and may have been to make a module.
    fn broken(&mut self, base: usize, item: Item<'_>) -> Done {
        let Item::Broken {
            message,
            at,
            module,
        } = item
        else {
            unreachable!("only for what is broken");
        };
        if let Some(id) = module {
            self.modules.lose(base + at, id);
        }
        Done {
            at: base + at,
            directive: "syntax",
            outcome: Err(Wrong::Says(message)),
        }
    }

    /// Starts a thread with a store of its own, which knows the memories of the module that is shared with it.
    fn start<'scope, 'text: 'scope>(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        base: usize,
        thread: WastThread<'text>,
    ) -> Result<ScopedJoinHandle<'scope, Vec<Done>>, Wrong> {
        let mut script = Script::new(self.store.engine(), self.echo).map_err(unexpected)?;
        if let Some(id) = thread.shared_module {
            let memories = self.shared_memories(id).map_err(unexpected)?;
            script.shared.insert(id.name().to_string(), memories);
        }
        let directives = thread.directives.into_iter();
        let items = directives
            .map(|directive| (base, Item::Directive(directive)))
            .collect();
        let work = move || {
            let mut all = Vec::new();
            script.run(items, &mut |event| match event {
                Event::Begins { .. } => {}
                Event::Done(done) => all.push(done),
            });
            all
        };
        // As much stack as scripts get that begin one.
        let builder = thread::Builder::new().stack_size(STACK);
        builder
            .spawn_scoped(scope, work)
            .map_err(|error| format!("no thread could be started: {error}").into())
    }

    fn shared_memories(&mut self, id: Id<'_>) -> Result<Vec<(String, SharedMemory)>> {
        if let Some(memories) = self.shared.get(id.name()) {
            return Ok(memories.clone());
        }
        let instance = self.named(Some(id))?;
        let exports = instance.exports(&mut self.store);
        Ok(exports
            .filter_map(|export| {
                let name = export.name().to_string();
                Some((name, export.into_shared_memory()?))
            })
            .collect())
    }

    fn directive(&mut self, at: usize, directive: WastDirective<'_>) -> Outcome {
        use WastDirective::*;
        match directive {
            Module(module) => self.module(at, module),
            ModuleDefinition(module) => self.definition(at, module),
            ModuleInstance {
                instance, module, ..
            } => self.instance_of(at, instance, module),
            Register { name, module, .. } => self.register(name, module),
            Invoke(call) => match self.execute(WastExecute::Invoke(call)) {
                Ok(_) => Ok(()),
                Err(error) => Err(unexpected(error)),
            },
            AssertReturn { exec, results, .. } => self.assert_return(exec, &results),
            AssertTrap { exec, message, .. } => self.assert_trap(exec, message),
            AssertExhaustion { call, message, .. } => {
                self.assert_exhaustion(WastExecute::Invoke(call), message)
            }
            AssertUnlinkable {
                module, message, ..
            } => self.assert_unlinkable(module, message),
            AssertMalformed {
                module, message, ..
            }
            | AssertInvalid {
                module, message, ..
            }
            | AssertMalformedCustom {
                module, message, ..
            }
            | AssertInvalidCustom {
                module, message, ..
            } => self.assert_refused(module, message),
            AssertException { exec, .. } => self.assert_exception(exec),
            AssertSuspension { .. } => Err("this runner can't do stack switching yet"
                .to_string()
                .into()),
            Thread(_) | Wait { .. } => unreachable!("not for one script alone"),
        }
    }
}

/// Bytes of stack of a thread that runs directives: the parser of their modules is recursive.
pub(crate) const STACK: usize = 16 << 20;

/// Tells what became of a thread's directives.
fn joined(thread: ScopedJoinHandle<'_, Vec<Done>>, tell: &mut dyn FnMut(Event)) {
    match thread.join() {
        Ok(all) => all.into_iter().for_each(|done| tell(Event::Done(done))),
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

fn keyword(directive: &WastDirective<'_>) -> &'static str {
    use WastDirective::*;
    match directive {
        Module(_) => "module",
        ModuleDefinition(_) => "module definition",
        ModuleInstance { .. } => "module instance",
        AssertMalformed { .. } => "assert_malformed",
        AssertInvalid { .. } => "assert_invalid",
        AssertInvalidCustom { .. } => "assert_invalid_custom",
        AssertMalformedCustom { .. } => "assert_malformed_custom",
        Register { .. } => "register",
        Invoke(_) => "invoke",
        AssertTrap { .. } => "assert_trap",
        AssertReturn { .. } => "assert_return",
        AssertExhaustion { .. } => "assert_exhaustion",
        AssertUnlinkable { .. } => "assert_unlinkable",
        AssertException { .. } => "assert_exception",
        AssertSuspension { .. } => "assert_suspension",
        Thread(_) => "thread",
        Wait { .. } => "wait",
    }
}
