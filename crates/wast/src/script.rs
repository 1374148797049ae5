//! One script as it runs: the store, what its modules are called, and what each
//! directive demands. Directives here only judge; calls are made in `execute.rs`.

use crate::report::Report;
use crate::{refusal, spectest, traps, values};
use mainspring::{
    Engine, Error, Instance, Linker, Module, Result, SharedMemory, Store, ThrownException, Trap,
    Val,
};
use std::collections::HashMap;
use std::thread::{self, Scope, ScopedJoinHandle};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::token::{Id, Span};
use wast::{QuoteWat, QuoteWatTest, WastDirective, WastExecute, WastRet, WastThread, Wat};

/// How a directive came out.
pub(crate) type Outcome = Result<(), Wrong>;

/// A directive that did not hold.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// The sentence that says why.
    Says(String),
    /// The engine refused a module that was to be refused, but for what it lacks. The sentence says what.
    Unjudged(String),
}

impl From<String> for Wrong {
    fn from(sentence: String) -> Wrong {
        Wrong::Says(sentence)
    }
}

/// A directive's place, its keyword, and how it came out.
type Done = (Span, &'static str, Outcome);

/// The state that the directives of one script share, or those of one of its threads.
pub(crate) struct Script {
    pub(crate) store: Store<()>,
    linker: Linker<()>,
    echo: bool,
    /// What threads get of the modules that are shared with them: the memories that these export.
    shared: HashMap<String, Vec<(String, SharedMemory)>>,
    /// What a directive that names no module means: the module before it, or none where
    /// that one failed, so that nothing is asserted of the wrong module.
    current: Option<Instance>,
    instances: HashMap<String, Instance>,
    latest_definition: Option<Module>,
    definitions: HashMap<String, Module>,
}

/// What is said of components.
const NO_COMPONENTS: &str = "this runner can't do components";

/// Why a module never came to be.
enum Refused {
    /// It is a component.
    Component,
    /// By the parser of the text format.
    Text(wast::Error),
    /// By the engine.
    Engine(Error),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::Component => f.write_str(NO_COMPONENTS),
            Refused::Text(error) => write!(f, "{}", error.message()),
            Refused::Engine(error) => write!(f, "{error:#}"),
        }
    }
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
            current: None,
            instances: HashMap::new(),
            latest_definition: None,
            definitions: HashMap::new(),
        })
    }

    pub(crate) fn run(
        self,
        directives: Vec<WastDirective<'_>>,
        mut report: Report,
    ) -> Result<Report> {
        for (span, name, outcome) in self.outcomes(directives) {
            report.record(span, name, outcome);
        }
        Ok(report.finish())
    }

    /// Executes directives. Threads that the script does not wait for are waited for at its end.
    fn outcomes(mut self, directives: Vec<WastDirective<'_>>) -> Vec<Done> {
        thread::scope(|scope| {
            let mut threads = HashMap::new();
            let mut done = Vec::new();
            for directive in directives {
                let (span, name) = (directive.span(), keyword(&directive));
                let outcome = match directive {
                    WastDirective::Thread(thread) => {
                        let id = thread.name.name().to_string();
                        let started = self.start(scope, thread).map(|thread| {
                            threads.insert(id, thread);
                        });
                        started.map_err(Wrong::Says)
                    }
                    WastDirective::Wait { thread, .. } => match threads.remove(thread.name()) {
                        Some(thread) => {
                            done.extend(joined(thread));
                            Ok(())
                        }
                        None => Err(no_such("thread", Some(thread)).into()),
                    },
                    other => self.directive(other),
                };
                done.push((span, name, outcome));
            }
            done.extend(threads.into_values().flat_map(joined));
            done
        })
    }

    /// Starts a thread with a store of its own, which knows the memories of the module that is shared with it.
    fn start<'scope, 'text: 'scope>(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        thread: WastThread<'text>,
    ) -> Result<ScopedJoinHandle<'scope, Vec<Done>>, String> {
        let mut script = Script::new(self.store.engine(), self.echo).map_err(unexpected)?;
        if let Some(id) = thread.shared_module {
            let memories = self.shared_memories(id)?;
            script.shared.insert(id.name().to_string(), memories);
        }
        // As much stack as scripts get that begin one.
        let builder = thread::Builder::new().stack_size(16 << 20);
        builder
            .spawn_scoped(scope, move || script.outcomes(thread.directives))
            .map_err(|error| format!("no thread could be started: {error}"))
    }

    fn shared_memories(&mut self, id: Id<'_>) -> Result<Vec<(String, SharedMemory)>, String> {
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

    fn directive(&mut self, directive: WastDirective<'_>) -> Outcome {
        use WastDirective::*;
        match directive {
            Module(module) => self.module(module),
            ModuleDefinition(module) => Ok(self.definition(module).map(drop)?),
            ModuleInstance {
                instance, module, ..
            } => self.instance_of(instance, module),
            Register { name, module, .. } => self.register(name, module),
            Invoke(call) => match self.execute(WastExecute::Invoke(call)) {
                Ok(_) => Ok(()),
                Err(error) => Err(unexpected(error).into()),
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

    // Modules.

    fn module(&mut self, module: QuoteWat<'_>) -> Outcome {
        let id = module.name().map(|id| id.name().to_string());
        self.current = None;
        if let Some(id) = &id {
            self.instances.remove(id);
        }
        let module = self.definition(module)?;
        let instance = self.instantiate(&module).map_err(unexpected)?;
        self.current = Some(instance);
        self.instances.extend(id.map(|id| (id, instance)));
        Ok(())
    }

    fn definition(&mut self, module: QuoteWat<'_>) -> Result<Module, String> {
        let id = module.name().map(|id| id.name().to_string());
        self.latest_definition = None;
        if let Some(id) = &id {
            self.definitions.remove(id);
        }
        let module = self
            .compile(module)
            .map_err(|error| format!("expected a valid module, got: {error}"))?;
        self.latest_definition = Some(module.clone());
        self.definitions.extend(id.map(|id| (id, module.clone())));
        Ok(module)
    }

    fn instance_of(&mut self, instance: Option<Id<'_>>, module: Option<Id<'_>>) -> Outcome {
        self.current = None;
        let definition = match module {
            Some(id) => self.definitions.get(id.name()),
            None => self.latest_definition.as_ref(),
        };
        let Some(definition) = definition.cloned() else {
            return Err(no_such("module definition", module).into());
        };
        let made = self.instantiate(&definition).map_err(unexpected)?;
        self.current = Some(made);
        self.instances
            .extend(instance.map(|id| (id.name().to_string(), made)));
        Ok(())
    }

    fn register(&mut self, name: &str, module: Option<Id<'_>>) -> Outcome {
        if let Some(memories) = module.and_then(|id| self.shared.get(id.name())) {
            for (item, memory) in memories {
                self.linker
                    .define(&self.store, name, item, memory.clone())
                    .map_err(unexpected)?;
            }
            return Ok(());
        }
        let instance = self.named(module)?;
        self.linker
            .instance(&mut self.store, name, instance)
            .map_err(unexpected)?;
        Ok(())
    }

    /// The instance that a directive speaks of.
    pub(crate) fn named(&self, id: Option<Id<'_>>) -> Result<Instance, String> {
        let found = match id {
            Some(id) => self.instances.get(id.name()).copied(),
            None => self.current,
        };
        found.ok_or_else(|| no_such("module instance", id))
    }

    pub(crate) fn instantiate(&mut self, module: &Module) -> Result<Instance> {
        self.linker.instantiate(&mut self.store, module)
    }

    fn compile(&self, mut module: QuoteWat<'_>) -> Result<Module, Refused> {
        let is_component = matches!(
            module,
            QuoteWat::Wat(Wat::Component(_)) | QuoteWat::QuoteComponent(..)
        );
        if is_component {
            return Err(Refused::Component);
        }
        let binary = match module.to_test().map_err(Refused::Text)? {
            QuoteWatTest::Binary(binary) => binary,
            QuoteWatTest::Text(text) => quoted(text).map_err(Refused::Text)?,
        };
        Module::from_binary(self.store.engine(), &binary).map_err(Refused::Engine)
    }

    pub(crate) fn compile_wat(&self, module: Wat<'_>) -> Result<Module, String> {
        self.compile(QuoteWat::Wat(module))
            .map_err(|error| format!("expected a valid module, got: {error}"))
    }

    // Assertions.

    fn assert_return(&mut self, exec: WastExecute<'_>, expected: &[WastRet<'_>]) -> Outcome {
        let came = self.execute(exec).map_err(unexpected)?;
        if came.len() != expected.len() {
            let message = format!(
                "expected {} results, got {}: {}",
                expected.len(),
                came.len(),
                show_all(&came)
            );
            return Err(message.into());
        }
        for (nth, (came, expected)) in came.iter().zip(expected).enumerate() {
            let position = if nth == 0 {
                String::new()
            } else {
                format!(" as result {nth}")
            };
            values::check(&mut self.store, came, expected).map_err(|e| format!("{e}{position}"))?;
        }
        Ok(())
    }

    fn assert_trap(&mut self, exec: WastExecute<'_>, message: &str) -> Outcome {
        let trap = self.trap(exec, message)?;
        Ok(traps::check(message, trap)?)
    }

    fn assert_exhaustion(&mut self, exec: WastExecute<'_>, message: &str) -> Outcome {
        match self.trap(exec, message)? {
            trap @ Trap::StackOverflow => Ok(traps::check(message, trap)?),
            trap => Err(format!("expected that the stack is used up, got: {trap}").into()),
        }
    }

    /// The trap that a call ends with.
    fn trap(&mut self, exec: WastExecute<'_>, message: &str) -> Result<Trap, String> {
        match self.execute(exec) {
            Ok(came) => Err(format!(
                "expected the trap \"{message}\", got the results {}",
                show_all(&came)
            )),
            Err(error) => error.downcast_ref::<Trap>().copied().ok_or_else(|| {
                format!("expected the trap \"{message}\", got an error that is none: {error:#}")
            }),
        }
    }

    fn assert_exception(&mut self, exec: WastExecute<'_>) -> Outcome {
        let outcome = self.execute(exec);
        let exception = self.store.take_pending_exception();
        let message = match outcome {
            Ok(came) => format!("expected an exception, got the results {}", show_all(&came)),
            Err(error) if error.is::<ThrownException>() && exception.is_some() => return Ok(()),
            Err(error) => format!("expected an exception, got an error that is none: {error:#}"),
        };
        Err(message.into())
    }

    fn assert_unlinkable(&mut self, module: Wat<'_>, message: &str) -> Outcome {
        let module = self.compile_wat(module)?;
        match self.instantiate(&module) {
            Ok(_) => {
                let message =
                    format!("expected no instance, because of \"{message}\", but it was made");
                Err(message.into())
            }
            Err(error) => refusal::check_link(message, &error),
        }
    }

    fn assert_refused(&mut self, module: QuoteWat<'_>, message: &str) -> Outcome {
        match self.compile(module) {
            Ok(_) => Err(format!(
                "expected the module to be refused, because of \"{message}\", but it was accepted"
            )
            .into()),
            Err(Refused::Component) => Err(refusal::for_want_of(message, NO_COMPONENTS)),
            Err(Refused::Text(error)) => refusal::check_parse(message, &error),
            Err(Refused::Engine(error)) => refusal::check(message, &error),
        }
    }
}

/// What became of a thread's directives.
fn joined(thread: ScopedJoinHandle<'_, Vec<Done>>) -> Vec<Done> {
    match thread.join() {
        Ok(done) => done,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// Translates a module that a script holds as quoted text.
fn quoted(text: Vec<u8>) -> Result<Vec<u8>, wast::Error> {
    let text = String::from_utf8(text)
        .map_err(|_| wast::Error::new(Span::from_offset(0), "malformed UTF-8 encoding".into()))?;
    let mut lexer = Lexer::new(&text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer)?;
    parser::parse::<Wat>(&buffer)?.encode()
}

fn show_all(values: &[Val]) -> String {
    let shown: Vec<_> = values.iter().map(values::show).collect();
    format!("[{}]", shown.join(", "))
}

fn unexpected(error: Error) -> String {
    // The chain of causes on one line, without the backtrace that traps carry.
    match error.downcast_ref::<Trap>() {
        Some(trap) => format!("expected no trap, got: {trap}"),
        None => format!("expected no error, got: {error:#}"),
    }
}

fn no_such(what: &str, id: Option<Id<'_>>) -> String {
    match id {
        Some(id) => format!("there is no {what} `${}`, or making it failed", id.name()),
        None => format!("there is no {what} before this directive, or making it failed"),
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
