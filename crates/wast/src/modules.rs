//! What a script's modules are called. A module that never came to be keeps its name, so that
//! what speaks of it is not taken to speak of another one, and is not a fault of its own.

use crate::outcome::{Lost, Outcome, Wrong, no_such, unexpected};
use crate::script::Script;
use mainspring::{Error, Instance, Module, Result};
use std::collections::HashMap;
use wast::token::Id;
use wast::{QuoteWat, QuoteWatTest, Wat};

/// Something, or where the directive stands that was to make it.
type Slot<T> = Result<T, Lost>;

/// Instances or definitions by name.
struct Named<T> {
    /// What a directive that names none means.
    latest: Option<Slot<T>>,
    by_name: HashMap<String, Slot<T>>,
}

impl<T> Default for Named<T> {
    fn default() -> Named<T> {
        Named {
            latest: None,
            by_name: HashMap::new(),
        }
    }
}

impl<T: Clone> Named<T> {
    fn set(&mut self, id: Option<String>, slot: Slot<T>) {
        if let Some(id) = id {
            self.by_name.insert(id, slot.clone());
        }
        self.latest = Some(slot);
    }

    fn get(&self, what: &str, id: Option<Id<'_>>) -> Result<T> {
        let found = match id {
            Some(id) => self.by_name.get(id.name()),
            None => self.latest.as_ref(),
        };
        match found {
            Some(Ok(found)) => Ok(found.clone()),
            Some(Err(lost)) => Err((*lost).into()),
            None => Err(Error::msg(no_such(what, id))),
        }
    }
}

/// The modules of a script.
#[derive(Default)]
pub(crate) struct Modules {
    instances: Named<Instance>,
    definitions: Named<Module>,
    /// Names that modules which never came to be were to be imported under.
    lost_registrations: HashMap<String, Lost>,
}

/// What is said of components.
pub(crate) const NO_COMPONENTS: &str = "this runner can't do components";

/// Why a module never came to be.
pub(crate) enum Refused {
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

impl Modules {
    /// The text of the module at a place could not be read.
    pub(crate) fn lose(&mut self, at: usize, id: Option<String>) {
        self.definitions.set(id.clone(), Err(Lost(at)));
        self.instances.set(id, Err(Lost(at)));
    }
}

impl Script {
    pub(crate) fn module(&mut self, at: usize, module: QuoteWat<'_>) -> Outcome {
        let id = name_of(&module);
        let made = self
            .define(at, module)
            .and_then(|module| self.instantiate_directive(&module));
        self.keep_instance(at, id, made)
    }

    pub(crate) fn definition(&mut self, at: usize, module: QuoteWat<'_>) -> Outcome {
        self.define(at, module).map(drop)
    }

    pub(crate) fn instance_of(
        &mut self,
        at: usize,
        instance: Option<Id<'_>>,
        module: Option<Id<'_>>,
    ) -> Outcome {
        let id = instance.map(|id| id.name().to_string());
        let definition = self.modules.definitions.get("module definition", module);
        let made = match definition {
            Ok(definition) => self.instantiate_directive(&definition),
            Err(error) => Err(Wrong::of(&error, || error.to_string())),
        };
        self.keep_instance(at, id, made)
    }

    fn define(&mut self, at: usize, module: QuoteWat<'_>) -> Result<Module, Wrong> {
        let id = name_of(&module);
        let made = self.compile(module).map_err(not_valid);
        let slot = made.clone().map_err(|_| Lost(at));
        self.modules.definitions.set(id, slot);
        Ok(made?)
    }

    fn keep_instance(
        &mut self,
        at: usize,
        id: Option<String>,
        made: Result<Instance, Wrong>,
    ) -> Outcome {
        let slot = match &made {
            Ok(instance) => Ok(*instance),
            Err(Wrong::Lost(lost)) => Err(*lost),
            Err(_) => Err(Lost(at)),
        };
        self.modules.instances.set(id, slot);
        made.map(drop)
    }

    /// Makes an instance. That it imports what a module that is lost was to export is no fault of its own.
    fn instantiate_directive(&mut self, module: &Module) -> Result<Instance, Wrong> {
        let lost = &self.modules.lost_registrations;
        let lost = module
            .imports()
            .find_map(|import| lost.get(import.module()));
        let lost = lost.copied();
        self.instantiate(module).map_err(|error| match lost {
            Some(lost) => Wrong::Lost(lost),
            None => unexpected(error),
        })
    }

    pub(crate) fn register(&mut self, name: &str, module: Option<Id<'_>>) -> Outcome {
        if let Some(memories) = module.and_then(|id| self.shared.get(id.name())) {
            for (item, memory) in memories {
                self.linker
                    .define(&self.store, name, item, memory.clone())
                    .map_err(unexpected)?;
            }
            return Ok(());
        }
        let registered = self.named(module).and_then(|instance| {
            self.linker.instance(&mut self.store, name, instance)?;
            Ok(())
        });
        let registered = registered.map_err(unexpected);
        match &registered {
            Err(Wrong::Lost(lost)) => {
                let names = &mut self.modules.lost_registrations;
                names.insert(name.to_string(), *lost);
            }
            _ => {
                self.modules.lost_registrations.remove(name);
            }
        }
        registered
    }

    /// The instance that a directive speaks of.
    pub(crate) fn named(&self, id: Option<Id<'_>>) -> Result<Instance> {
        self.modules.instances.get("module instance", id)
    }

    pub(crate) fn instantiate(&mut self, module: &Module) -> Result<Instance> {
        self.linker.instantiate(&mut self.store, module)
    }

    pub(crate) fn compile(&self, mut module: QuoteWat<'_>) -> Result<Module, Refused> {
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
        self.compile(QuoteWat::Wat(module)).map_err(not_valid)
    }
}

fn not_valid(refused: Refused) -> String {
    format!("expected a valid module, got: {refused}")
}

fn name_of(module: &QuoteWat<'_>) -> Option<String> {
    module.name().map(|id| id.name().to_string())
}

/// Translates a module that a script holds as quoted text.
fn quoted(text: Vec<u8>) -> Result<Vec<u8>, wast::Error> {
    let text = String::from_utf8(text).map_err(|_| {
        let start = wast::token::Span::from_offset(0);
        wast::Error::new(start, "malformed UTF-8 encoding".into())
    })?;
    let buffer = crate::read::buffer(&text)?;
    wast::parser::parse::<Wat>(&buffer)?.encode()
}
