//! The engine: configuration, compilers and types that stores and modules share. What it was configured with is read in
//! `settings`.

mod settings;

use crate::config::{Collector, Config};
use mainspring_error::{Context, Result};
use mainspring_runtime::{HeapSettings, StoreSettings};
use mainspring_tiering::{BUILD_ID, Compilers, IMAGE_MAGIC, ModuleCode, Progress, Statistics};
use mainspring_wasm::{ConcreteType, TypeRegistry};
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Weak};
use wasmparser::WasmFeatures;

/// Shared by everything that works together. Cheap to clone: clones are the same engine.
#[derive(Clone)]
pub struct Engine(Arc<EngineInner>);

struct EngineInner {
    config: Config,
    compilers: Arc<Compilers>,
    types: TypeRegistry,
    stores: Arc<StoreSettings>,
}

/// An engine that may be gone. See [`Engine::weak`].
#[derive(Clone)]
pub struct EngineWeak(Weak<EngineInner>);

impl EngineWeak {
    /// The engine, if something else still keeps it.
    pub fn upgrade(&self) -> Option<Engine> {
        self.0.upgrade().map(Engine)
    }
}

/// What a compiled image holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precompiled {
    /// A core module.
    Module,
    /// A component.
    Component,
}

impl Default for Engine {
    /// An engine with the default configuration.
    ///
    /// # Panics
    /// If the processor is not supported.
    fn default() -> Engine {
        Engine::new(&Config::new()).expect("the default configuration is valid")
    }
}

impl Engine {
    /// Makes an engine.
    ///
    /// # Errors
    /// If the configuration is contradictory or asks for what is not supported.
    pub fn new(config: &Config) -> Result<Engine> {
        config.validate()?;
        mainspring_runtime::install_handlers();
        let types = TypeRegistry::default();
        let frames = config.backtrace_max_frames.map_or(0, |limit| limit.get());
        let cache = config.cache.as_ref().map(|cache| cache.files.clone());
        let compilers = Compilers::new(
            config.compile,
            config.tuning()?,
            config.parallel_compilation,
        )?;
        Ok(Engine(Arc::new(EngineInner {
            config: config.clone(),
            compilers: Arc::new(
                compilers
                    .with_cache(cache)
                    .with_debug_sections(config.backtrace_details.enabled)
                    .with_profiling(config.profiling()?)?,
            ),
            stores: Arc::new(StoreSettings {
                memory: config.memory_settings(),
                max_wasm_stack: config.max_wasm_stack,
                max_backtrace_frames: frames,
                shared_memories: config.shared_memory,
                heap: HeapSettings {
                    limit: usize::try_from(config.heap.reservation).unwrap_or(usize::MAX),
                    collects: config.heap.collector != Collector::Null,
                    zeal: config.heap.zeal,
                    stress: config.heap.stress,
                },
                types: types.clone(),
            }),
            types,
        })))
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Whether both are the same engine.
    pub fn same(a: &Engine, b: &Engine) -> bool {
        Arc::ptr_eq(&a.0, &b.0)
    }

    /// A handle that does not keep the engine.
    pub fn weak(&self) -> EngineWeak {
        EngineWeak(Arc::downgrade(&self.0))
    }

    /// Whether code is for a portable interpreter. It never is.
    pub fn is_pulley(&self) -> bool {
        false
    }

    /// Compiles a module, binary or text, to an image that [`Module::deserialize`](crate::Module::deserialize)
    /// loads on a machine like this one.
    ///
    /// # Errors
    /// If the module is invalid, or can't be compiled.
    pub fn precompile_module(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        self.precompile_module_with_progress(bytes, &|_, _| {})
    }

    /// Like [`precompile_module`](Self::precompile_module), and reports how many functions of how
    /// many are done, from any thread.
    pub fn precompile_module_with_progress(
        &self,
        bytes: &[u8],
        progress: Progress<'_>,
    ) -> Result<Vec<u8>> {
        let bytes = crate::module::to_binary(bytes)?;
        ModuleCode::precompile(
            &self.0.compilers,
            self.0.config.features,
            &bytes,
            Some(progress),
        )
    }

    /// What kind of compiled image some bytes are, if they are one.
    pub fn detect_precompiled(bytes: &[u8]) -> Option<Precompiled> {
        bytes
            .starts_with(&IMAGE_MAGIC)
            .then_some(Precompiled::Module)
    }

    /// What kind of compiled image a file is, if it is one.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn detect_precompiled_file(path: impl AsRef<Path>) -> Result<Option<Precompiled>> {
        let path = path.as_ref();
        let start = || -> std::io::Result<Vec<u8>> {
            let mut start = Vec::new();
            std::fs::File::open(path)?
                .take(IMAGE_MAGIC.len() as u64)
                .read_to_end(&mut start)?;
            Ok(start)
        };
        let start = start().with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Engine::detect_precompiled(&start))
    }

    /// Writes what was learned about modules to the cache, if there is one. That also happens when a
    /// module is dropped, and in the background; a program that ends by
    /// [`exit`](std::process::exit) calls this before.
    pub fn flush_cache(&self) {
        self.0.compilers.remember();
    }

    /// What it has done so far, in numbers.
    pub fn statistics(&self) -> Statistics {
        self.0.compilers.statistics()
    }

    /// What an image must have in common with another engine so that both can load it, if it uses all of it: the build, the
    /// proposals, and what code is made with and for.
    pub fn precompile_compatibility_hash(&self) -> impl std::hash::Hash + '_ {
        let features = self.config().features.bits();
        (BUILD_ID, self.0.compilers.fingerprint(), features)
    }

    /// Drops the engine, and has machine faults go where they went before there was one. The next engine takes them again.
    ///
    /// # Panics
    /// If this is not the last handle of the engine.
    ///
    /// # Aborts
    /// If others have installed handlers for the signals of such faults since.
    ///
    /// # Safety
    /// There must be no other engine in the process.
    pub unsafe fn unload_process_handlers(self) {
        let handles = Arc::strong_count(&self.0) + Arc::weak_count(&self.0);
        assert_eq!(handles, 1, "this is not the last handle of the engine");
        drop(self);
        // SAFETY: stores and modules have handles of their engine, and there is no other, so no wasm runs.
        unsafe { mainspring_runtime::uninstall_handlers() };
    }

    /// Has no effect: a thread that calls wasm needs nothing prepared.
    pub fn tls_eager_initialize() {}

    pub(crate) fn compilers(&self) -> &Arc<Compilers> {
        &self.0.compilers
    }

    /// Whether a registered type is the type of a function. Without the proposal that has others, that takes no
    /// lock.
    pub(crate) fn is_func_type(&self, ty: ConcreteType) -> bool {
        match ty {
            ConcreteType::Canonical(id) if self.config().features.contains(WasmFeatures::GC) => {
                self.types().lookup(id).as_func().is_some()
            }
            _ => true,
        }
    }

    pub(crate) fn types(&self) -> &TypeRegistry {
        &self.0.types
    }

    pub(crate) fn store_settings(&self) -> &Arc<StoreSettings> {
        &self.0.stores
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for EngineWeak {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineWeak").finish_non_exhaustive()
    }
}
