//! Linking by name.

use crate::externals::{Extern, ImportType};
use crate::host::{Caller, HostFunc, IntoFunc, new_dynamic, new_unchecked};
use crate::matching::{self, Known, Supplied};
use crate::store::{AsContext, AsContextMut, StoreOpaque};
use crate::types::{ExternType, FuncType};
use crate::{Engine, Func, Instance, InstancePre, Module, Result, Val, ValRaw};
use mainspring_error::{Context, bail, ensure, format_err};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::sync::Arc;

/// Something a linker knows.
#[derive(Clone)]
pub(crate) enum Definition {
    /// Of a store, with what there was to know of it when it was defined, if the store is of the linker's engine.
    Extern(Extern, Option<Known>),
    /// A host function, to be put into each store that uses it.
    Host(HostFunc),
}

/// Names, and what modules get that import them.
///
/// ```
/// use mainspring::*;
///
/// let engine = Engine::default();
/// let mut linker = Linker::new(&engine);
/// linker.func_wrap("env", "log", |x: i32| println!("{x}"))?;
/// let module = Module::new(&engine, r#"(module (import "env" "log" (func (param i32))))"#)?;
/// let mut store = Store::new(&engine, ());
/// linker.instantiate(&mut store, &module)?;
/// # Ok::<(), Error>(())
/// ```
pub struct Linker<T> {
    engine: Engine,
    /// By module name, then by name.
    definitions: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Definition>>,
    allow_shadowing: bool,
    allow_unknown_exports: bool,
    _data: PhantomData<fn() -> T>,
}

impl<T> Clone for Linker<T> {
    fn clone(&self) -> Self {
        Linker {
            engine: self.engine.clone(),
            definitions: self.definitions.clone(),
            allow_shadowing: self.allow_shadowing,
            allow_unknown_exports: self.allow_unknown_exports,
            _data: PhantomData,
        }
    }
}

impl<T> std::fmt::Debug for Linker<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Linker")
            .field("modules", &self.definitions.keys())
            .finish_non_exhaustive()
    }
}

impl<T: 'static> Default for Linker<T> {
    fn default() -> Linker<T> {
        Linker::new(&Engine::default())
    }
}

/// A module imports what the linker does not know.
#[derive(Debug, Clone)]
pub struct UnknownImportError {
    module: String,
    name: String,
    ty: ExternType,
}

impl UnknownImportError {
    /// The first half of the import's name.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// The second half of the import's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type that the module expects.
    pub fn ty(&self) -> ExternType {
        self.ty.clone()
    }
}

impl std::fmt::Display for UnknownImportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "unknown import: `{}::{}` has not been defined",
            self.module, self.name
        )
    }
}

impl std::error::Error for UnknownImportError {}

impl<T> Linker<T> {
    /// A linker that knows nothing.
    pub fn new(engine: &Engine) -> Linker<T> {
        Linker {
            engine: engine.clone(),
            definitions: BTreeMap::new(),
            allow_shadowing: false,
            allow_unknown_exports: false,
            _data: PhantomData,
        }
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Sets whether a name may be defined again. Off by default: that is an error.
    pub fn allow_shadowing(&mut self, allow: bool) -> &mut Self {
        self.allow_shadowing = allow;
        self
    }

    /// Sets whether [`module`](Self::module) accepts commands that export more than commands should.
    pub fn allow_unknown_exports(&mut self, allow: bool) -> &mut Self {
        self.allow_unknown_exports = allow;
        self
    }

    fn insert(&mut self, module: &str, name: &str, definition: Definition) -> Result<&mut Self> {
        if !self.allow_shadowing && self.lookup(module, name).is_some() {
            bail!("import of `{module}::{name}` defined twice");
        }
        let names = match self.definitions.get_mut(module) {
            Some(names) => names,
            None => self.definitions.entry(module.into()).or_default(),
        };
        names.insert(name.into(), definition);
        Ok(self)
    }

    fn lookup(&self, module: &str, name: &str) -> Option<&Definition> {
        self.definitions.get(module)?.get(name)
    }

    /// Defines a name as something of a store.
    ///
    /// # Errors
    /// If the name is defined and shadowing is not allowed.
    ///
    /// # Panics
    /// If the item is of another store.
    pub fn define(
        &mut self,
        store: impl AsContext<Data = T>,
        module: &str,
        name: &str,
        item: impl Into<Extern>,
    ) -> Result<&mut Self>
    where
        T: 'static,
    {
        let definition = self.of_store(&store.as_context().0.opaque, item.into());
        self.insert(module, name, definition)
    }

    /// # Panics
    /// If the item is of another store.
    fn of_store(&self, store: &StoreOpaque, item: Extern) -> Definition {
        let known = Known::new(store, &item);
        let ours = Engine::same(&self.engine, &store.engine);
        Definition::Extern(item, ours.then_some(known))
    }

    /// Defines a name as a host function of a closure.
    ///
    /// # Errors
    /// If the name is defined and shadowing is not allowed.
    pub fn func_wrap<Params, Args>(
        &mut self,
        module: &str,
        name: &str,
        func: impl IntoFunc<T, Params, Args>,
    ) -> Result<&mut Self>
    where
        T: 'static,
    {
        let func = func.into_func(&self.engine);
        self.insert(module, name, Definition::Host(func))
    }

    /// Defines a name as a host function of a type that is known at run time. See [`Func::new`].
    ///
    /// # Errors
    /// If the name is defined and shadowing is not allowed.
    pub fn func_new(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<&mut Self>
    where
        T: 'static,
    {
        assert!(
            Engine::same(ty.engine(), &self.engine),
            "the function's type belongs to another engine"
        );
        self.insert(module, name, Definition::Host(new_dynamic(&ty, func)))
    }

    /// Defines a name as a host function of a type that is known at run time, with untyped values. See
    /// [`Func::new_unchecked`].
    ///
    /// # Errors
    /// If the name is defined and shadowing is not allowed.
    ///
    /// # Panics
    /// If the type belongs to another engine.
    ///
    /// # Safety
    /// As for [`Func::new_unchecked`], in every store that the linker's functions get into.
    pub unsafe fn func_new_unchecked(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &mut [MaybeUninit<ValRaw>]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<&mut Self>
    where
        T: 'static,
    {
        assert!(
            Engine::same(ty.engine(), &self.engine),
            "the function's type belongs to another engine"
        );
        // SAFETY: the caller's promise.
        let func = unsafe { new_unchecked(&ty, func) };
        self.insert(module, name, Definition::Host(func))
    }

    /// Defines a name as what another one is now.
    ///
    /// # Errors
    /// If the other one is not defined, or the name is and shadowing is not allowed.
    pub fn alias(
        &mut self,
        module: &str,
        name: &str,
        as_module: &str,
        as_name: &str,
    ) -> Result<&mut Self> {
        let definition = self
            .lookup(module, name)
            .cloned()
            .ok_or_else(|| format_err!("no item named `{module}::{name}` defined"))?;
        self.insert(as_module, as_name, definition)
    }

    /// Defines, for every name of a module, the same under another module name.
    ///
    /// # Errors
    /// If one of them is defined and shadowing is not allowed.
    pub fn alias_module(&mut self, module: &str, as_module: &str) -> Result<()> {
        let items = self.definitions.get(module).cloned().unwrap_or_default();
        for (name, definition) in items {
            self.insert(as_module, &name, definition)?;
        }
        Ok(())
    }

    /// Defines the exports of an instance as names of a module.
    ///
    /// # Errors
    /// If one of them is defined and shadowing is not allowed.
    pub fn instance(
        &mut self,
        store: impl AsContextMut<Data = T>,
        module_name: &str,
        instance: Instance,
    ) -> Result<&mut Self>
    where
        T: 'static,
    {
        let mut store = store;
        let mut context = store.as_context_mut();
        let exports: Vec<_> = instance
            .exports(&mut context)
            .map(|export| (export.name().to_owned(), export.into_extern()))
            .collect();
        for (name, item) in exports {
            let definition = self.of_store(&context.0.opaque, item);
            self.insert(module_name, &name, definition)?;
        }
        Ok(self)
    }

    /// Instantiates a module and defines its exports as names of a module.
    ///
    /// A *command*, which exports `_start`, gets a fresh instance for each call of one of its functions. A *reactor* is
    /// instantiated once, and its `_initialize` called if it exports one.
    ///
    /// # Errors
    /// If a name is defined and shadowing is not allowed, if an import is unknown or of the wrong type, or if instantiation fails.
    ///
    /// # Panics
    /// If the store is of another engine.
    pub fn module(
        &mut self,
        store: impl AsContextMut<Data = T>,
        module_name: &str,
        module: &Module,
    ) -> Result<&mut Self>
    where
        T: 'static,
    {
        let mut store = store;
        assert!(
            Engine::same(&self.engine, store.as_context().engine()),
            "the store belongs to another engine than the linker"
        );
        match ModuleKind::of(module)? {
            ModuleKind::Command => self.command(store, module_name, module),
            ModuleKind::Reactor => {
                let instance = self.instantiate(&mut store, module)?;
                if let Some(initialize) = instance.get_func(&mut store, "_initialize") {
                    let initialize = initialize
                        .typed::<(), ()>(&store)
                        .context("loading the Reactor initialization function")?;
                    initialize
                        .call(&mut store, ())
                        .context("calling the Reactor initialization function")?;
                }
                self.instance(store, module_name, instance)
            }
        }
    }

    fn command(
        &mut self,
        store: impl AsContextMut<Data = T>,
        module_name: &str,
        module: &Module,
    ) -> Result<&mut Self>
    where
        T: 'static,
    {
        let mut store = store;
        for export in module.exports() {
            let ExternType::Func(ty) = export.ty() else {
                if export.name() != "memory"
                    && export.name() != "__indirect_function_table"
                    && !self.allow_unknown_exports
                {
                    bail!("command export '{}' is not a function", export.name());
                }
                continue;
            };
            // Each call runs in an instance of its own.
            let pre = self.instantiate_pre_in(Some(&store.as_context_mut().0.opaque), module)?;
            let name = export.name().to_owned();
            self.func_new(
                module_name,
                export.name(),
                ty,
                move |mut caller, params, results| {
                    let instance = pre.instantiate(&mut caller)?;
                    let func = instance
                        .get_func(&mut caller, &name)
                        .expect("an export of the module");
                    func.call(&mut caller, params, results)
                },
            )?;
        }
        // A command without a default export is called by its module name.
        if module.get_export("").is_none()
            && self.lookup(module_name, "").is_none()
            && self.lookup(module_name, "_start").is_some()
        {
            self.alias(module_name, "_start", module_name, "")?;
        }
        Ok(self)
    }

    /// Defines everything that a module imports and the linker does not know as functions that trap.
    ///
    /// # Errors
    /// None for functions; what is not a function stays undefined.
    pub fn define_unknown_imports_as_traps(&mut self, module: &Module) -> Result<()>
    where
        T: 'static,
    {
        for import in module.imports() {
            if self.lookup(import.module(), import.name()).is_some() {
                continue;
            }
            if let ExternType::Func(ty) = import.ty() {
                let error = unknown(&import);
                self.func_new(import.module(), import.name(), ty, move |_, _, _| {
                    Err(error.clone().into())
                })?;
            }
        }
        Ok(())
    }

    /// Defines everything that a module imports and the linker does not know as something of its type: functions
    /// return zeros and nulls, globals hold them, memories and tables are as small as allowed.
    ///
    /// # Errors
    /// If a type has no default value.
    pub fn define_unknown_imports_as_default_values(
        &mut self,
        store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<()>
    where
        T: 'static,
    {
        let mut store = store;
        for import in module.imports() {
            if self.lookup(import.module(), import.name()).is_some() {
                continue;
            }
            let item = import.ty().default_value(&mut store).with_context(|| {
                format!(
                    "no default value exists for type of import `{}::{}`",
                    import.module(),
                    import.name()
                )
            })?;
            self.define(&store, import.module(), import.name(), item)?;
        }
        Ok(())
    }

    /// Instantiates a module with what the linker knows.
    ///
    /// # Errors
    /// If an import is unknown, with an [`UnknownImportError`]; otherwise as for [`Instance::new`].
    pub fn instantiate(
        &self,
        store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<Instance>
    where
        T: 'static,
    {
        let mut store = store;
        let pre = self.instantiate_pre_in(Some(&store.as_context_mut().0.opaque), module)?;
        pre.instantiate(store)
    }

    /// Looks up and checks everything that a module imports, so that instantiating it is quick.
    ///
    /// # Errors
    /// If an import is unknown, with an [`UnknownImportError`], or of the wrong type or another engine. What is of a store counts
    /// with the size that it had when it was defined.
    pub fn instantiate_pre(&self, module: &Module) -> Result<InstancePre<T>>
    where
        T: 'static,
    {
        self.instantiate_pre_in(None, module)
    }

    fn instantiate_pre_in(
        &self,
        store: Option<&StoreOpaque>,
        module: &Module,
    ) -> Result<InstancePre<T>>
    where
        T: 'static,
    {
        if !Engine::same(&self.engine, module.engine()) {
            bail!(OTHER_ENGINE);
        }
        let mut imports = Vec::with_capacity(module.imports().len());
        for (i, import) in module.imports().enumerate() {
            let Some(definition) = self.lookup(import.module(), import.name()) else {
                return Err(unknown(&import).into());
            };
            definition.check(store, module, i)?;
            imports.push(definition.clone());
        }
        Ok(InstancePre::new(module, imports))
    }

    /// All names and what they are.
    pub fn iter<'a: 'p, 'p>(
        &'a self,
        store: impl AsContextMut<Data = T> + 'p,
    ) -> impl Iterator<Item = (&'a str, &'a str, Extern)> + 'p
    where
        T: 'static,
    {
        let mut store = store;
        let all = self.definitions.iter().flat_map(|(module, names)| {
            names
                .iter()
                .map(move |(name, definition)| (module, name, definition))
        });
        all.map(move |(module, name, definition)| {
            let item = definition.in_store(&mut store.as_context_mut().0.opaque);
            (&**module, &**name, item)
        })
    }

    /// What a name is.
    ///
    /// # Errors
    /// If it is not defined.
    pub fn get(
        &self,
        store: impl AsContextMut<Data = T>,
        module: &str,
        name: &str,
    ) -> Result<Extern>
    where
        T: 'static,
    {
        let mut store = store;
        let definition = self
            .lookup(module, name)
            .ok_or_else(|| format_err!("no item named `{module}::{name}` defined"))?;
        Ok(definition.in_store(&mut store.as_context_mut().0.opaque))
    }

    /// What an import's name is.
    pub fn get_by_import(
        &self,
        store: impl AsContextMut<Data = T>,
        import: &ImportType<'_>,
    ) -> Option<Extern>
    where
        T: 'static,
    {
        self.get(store, import.module(), import.name()).ok()
    }

    /// Like [`get_by_import`](Self::get_by_import).
    ///
    /// # Errors
    /// None today.
    pub fn try_get_by_import(
        &self,
        store: impl AsContextMut<Data = T>,
        import: &ImportType<'_>,
    ) -> Result<Option<Extern>>
    where
        T: 'static,
    {
        Ok(self.get_by_import(store, import))
    }

    /// What running a module means: its function named by the empty string, or `_start`, or nothing.
    ///
    /// # Errors
    /// If the empty name is defined as something else than a function.
    pub fn get_default(&self, store: impl AsContextMut<Data = T>, module: &str) -> Result<Func>
    where
        T: 'static,
    {
        let mut store = store;
        for name in ["", "_start"] {
            if let Some(definition) = self.lookup(module, name) {
                return match definition.in_store(&mut store.as_context_mut().0.opaque) {
                    Extern::Func(func) => Ok(func),
                    _ if name.is_empty() => bail!("default export in '{module}' is not a function"),
                    _ => bail!("`_start` in '{module}' is not a function"),
                };
            }
        }
        Ok(Func::wrap(store, || {}))
    }
}

fn unknown(import: &ImportType<'_>) -> UnknownImportError {
    UnknownImportError {
        module: import.module().to_owned(),
        name: import.name().to_owned(),
        ty: import.ty(),
    }
}

pub(crate) const OTHER_ENGINE: &str = "cross-`Engine` instantiation is not currently supported";
pub(crate) const OTHER_STORE: &str = "cross-`Store` instantiation is not currently supported";

impl Definition {
    /// Checks that it can be an import of a module, of the linker's engine. `store` is where the module is to be
    /// instantiated, if that is known; what is of a store is checked again when it is.
    fn check(&self, store: Option<&StoreOpaque>, module: &Module, import: usize) -> Result<()> {
        let supplied = match (self, store) {
            (Definition::Host(func), _) => Supplied::Host(func),
            (Definition::Extern(_, None), _) => bail!(OTHER_ENGINE),
            (Definition::Extern(item, Some(_)), Some(store)) => {
                ensure!(item.comes_from(store), OTHER_STORE);
                Supplied::Extern(store, item)
            }
            (Definition::Extern(_, Some(known)), None) => Supplied::Known(known),
        };
        matching::check(module, import, &supplied)
    }

    fn in_store(&self, store: &mut StoreOpaque) -> Extern {
        match self {
            Definition::Extern(item, _) => item.clone(),
            Definition::Host(func) => Extern::Func(func.instantiate(store)),
        }
    }
}

/// What a WASI module is meant for.
enum ModuleKind {
    /// Runs once, from `_start`.
    Command,
    /// Is called into.
    Reactor,
}

impl ModuleKind {
    fn of(module: &Module) -> Result<ModuleKind> {
        match (
            module.get_export("_start"),
            module.get_export("_initialize"),
        ) {
            (Some(ExternType::Func(ty)), None)
                if ty.params().len() == 0 && ty.results().len() == 0 =>
            {
                Ok(ModuleKind::Command)
            }
            (Some(_), None) => bail!("`_start` must be a function without parameters and results"),
            (None, _) => Ok(ModuleKind::Reactor),
            (Some(_), Some(_)) => bail!("Program cannot be both a Command and a Reactor"),
        }
    }
}
