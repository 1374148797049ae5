//! Modules: code that any store of the engine can instantiate.

use crate::Engine;
use crate::config::Strategy;
use crate::externals::{ExportType, ImportType, extern_type};
use crate::types::ExternType;
use mainspring_error::{Context, Result};
use mainspring_platform::files::{self, FileIdentity};
use mainspring_runtime as runtime;
use mainspring_tiering::{ImageBytes, ModuleCode, SourceFile};
use mainspring_wasm::{DecodeError, EntityIndex, FuncIndex, FunctionNames};
use std::borrow::Cow;
use std::fs::File;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

/// A validated module with its code. Cheap to clone: clones are the same module.
#[derive(Clone)]
pub struct Module {
    engine: Engine,
    inner: Arc<runtime::Module>,
}

/// An export of a module, found once and used for many instances.
#[derive(Clone, Debug)]
pub struct ModuleExport {
    pub(crate) module: Arc<runtime::Module>,
    pub(crate) entity: EntityIndex,
}

/// A function of a module, in its compiled code.
#[derive(Clone, Debug)]
pub struct ModuleFunction {
    /// Its index in the module.
    pub index: u32,
    /// Its name, if the module says.
    pub name: Option<String>,
}

/// What an instance of a module needs at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourcesRequired {
    /// How many memories it defines.
    pub num_memories: u32,
    /// Pages of the largest memory it defines.
    pub max_initial_memory_size: Option<u64>,
    /// How many tables it defines.
    pub num_tables: u32,
    /// Elements of the largest table it defines.
    pub max_initial_table_size: Option<u64>,
}

/// Text becomes binary; binary stays.
pub(crate) fn to_binary(bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
    wat::parse_bytes(bytes).map_err(mainspring_error::Error::from)
}

impl Module {
    /// Makes a module from its binary or text form.
    ///
    /// # Errors
    /// If it is malformed or invalid, or uses a proposal that is off: the error names the byte offset, and the function.
    /// For images, see [`deserialize`](Self::deserialize).
    pub fn new(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Module> {
        let bytes = bytes.as_ref();
        refuse_image(bytes)?;
        Module::from_vec(engine, to_binary(bytes)?.into_owned(), None)
    }

    /// Makes a module from its binary form only.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn from_binary(engine: &Engine, binary: &[u8]) -> Result<Module> {
        refuse_image(binary)?;
        Module::from_vec(engine, binary.to_vec(), None)
    }

    /// Makes a module from a file in binary or text form.
    ///
    /// # Errors
    /// If the file can't be read, and as for [`new`](Self::new).
    pub fn from_file(engine: &Engine, file: impl AsRef<Path>) -> Result<Module> {
        let file = file.as_ref();
        let failed = || format!("failed to read input file: {}", file.display());
        let mut opened = File::open(file).with_context(failed)?;
        let lazy = engine.config().strategy != Strategy::Cranelift;
        if lazy && let Some(module) = Module::known(engine, &opened) {
            return Ok(module);
        }
        let before = FileIdentity::of(&opened).with_context(failed)?;
        let bytes = files::read(&mut opened).with_context(failed)?;
        refuse_image(&bytes)?;
        // Only if what was read is what is there now, and is what the module is made of.
        let after = FileIdentity::of(&opened).with_context(failed)?;
        let mut identity = before.filter(|_| before == after);
        let binary = match wat::parse_bytes(&bytes) {
            Ok(Cow::Owned(binary)) => {
                identity = None;
                binary
            }
            Ok(Cow::Borrowed(_)) => bytes,
            Err(mut error) => {
                error.set_path(file);
                return Err(error.into());
            }
        };
        let source = identity.map(|identity| SourceFile {
            file: opened,
            identity,
        });
        Module::from_vec(engine, binary, source).map_err(|error| {
            let what = match error.is::<DecodeError>() {
                true => "is not a valid module",
                false => "can't be made a module of",
            };
            error.context(format!("`{}` {what}", file.display()))
        })
    }

    /// Makes a module from a file that is a module, binary or text, or a compiled image.
    ///
    /// # Errors
    /// If the file can't be read, and as for [`new`](Self::new) and [`deserialize`](Self::deserialize).
    ///
    /// # Safety
    /// As for [`deserialize_file`](Self::deserialize_file).
    pub unsafe fn from_trusted_file(engine: &Engine, file: impl AsRef<Path>) -> Result<Module> {
        match Engine::detect_precompiled_file(&file)? {
            // SAFETY: the caller's promise.
            Some(_) => unsafe { Module::deserialize_file(engine, file) },
            None => Module::from_file(engine, file),
        }
    }

    /// A module whose file the engine's cache knows.
    fn known(engine: &Engine, file: &File) -> Option<Module> {
        let code = ModuleCode::known(engine.compilers(), engine.config().features, file)?;
        // If there is no room for its types, whoever reads the file says so.
        Module::from_code(engine, code).ok()
    }

    fn from_vec(engine: &Engine, binary: Vec<u8>, file: Option<SourceFile>) -> Result<Module> {
        let (compilers, features) = (engine.compilers(), engine.config().features);
        let code = match engine.config().strategy {
            Strategy::Auto | Strategy::Winch => {
                ModuleCode::lazy(compilers, features, binary, file)?
            }
            Strategy::Cranelift => ModuleCode::ahead(compilers, features, &binary)?,
        };
        Module::from_code(engine, code)
    }

    fn from_code(engine: &Engine, code: Arc<ModuleCode>) -> Result<Module> {
        let inner = runtime::Module::new(code, engine.types(), engine.config().memory_init_cow)?;
        Ok(Module {
            engine: engine.clone(),
            inner: Arc::new(inner),
        })
    }

    /// Checks that bytes, in binary form, are a valid module for the engine's configuration.
    ///
    /// # Errors
    /// If they are not.
    pub fn validate(engine: &Engine, binary: &[u8]) -> Result<()> {
        mainspring_wasm::decode(engine.config().features, binary).map(|_| ())
    }

    /// Makes a compiled image of the module, compiling what is not.
    ///
    /// # Errors
    /// If a function can't be compiled.
    pub fn serialize(&self) -> Result<Vec<u8>> {
        let features = self.engine.config().features;
        self.inner.code().serialize(features, None)
    }

    /// Loads a compiled image.
    ///
    /// # Errors
    /// If it is damaged, or was made by another version, for another processor or with other settings that make a difference
    /// to it, or needs a proposal that is switched off: the error names what is in the way.
    ///
    /// # Safety
    /// The image is native code that will run with all rights of the process: it must come from
    /// [`serialize`](Self::serialize) or [`Engine::precompile_module`], by a way that is trusted.
    pub unsafe fn deserialize(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Module> {
        let image = ImageBytes::Owned(bytes.as_ref().to_vec());
        Module::from_image(engine, image)
    }

    /// Loads a compiled image by mapping its file.
    ///
    /// # Errors
    /// If the file can't be read, and as for [`deserialize`](Self::deserialize).
    ///
    /// # Safety
    /// As for [`deserialize`](Self::deserialize); and the file must not change while the module lives.
    pub unsafe fn deserialize_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Module> {
        let path = path.as_ref();
        let file =
            File::open(path).with_context(|| format!("failed to open file: {}", path.display()))?;
        // SAFETY: the caller's promise.
        unsafe { Module::deserialize_open_file(engine, file) }
            .with_context(|| format!("failed to load code from: {}", path.display()))
    }

    /// Loads a compiled image by mapping an open file.
    ///
    /// # Errors
    /// As for [`deserialize_file`](Self::deserialize_file).
    ///
    /// # Safety
    /// As for [`deserialize_file`](Self::deserialize_file).
    pub unsafe fn deserialize_open_file(engine: &Engine, file: File) -> Result<Module> {
        // SAFETY: the caller's promise.
        let image = unsafe { ImageBytes::map(file) }?;
        Module::from_image(engine, image)
    }

    /// Loads a compiled image that lies in memory. It is copied.
    ///
    /// # Errors
    /// As for [`deserialize`](Self::deserialize).
    ///
    /// # Safety
    /// As for [`deserialize`](Self::deserialize); and the memory must be readable.
    pub unsafe fn deserialize_raw(engine: &Engine, memory: NonNull<[u8]>) -> Result<Module> {
        // SAFETY: the caller's promise.
        unsafe { Module::deserialize(engine, memory.as_ref()) }
    }

    fn from_image(engine: &Engine, image: ImageBytes) -> Result<Module> {
        let (compilers, features) = (engine.compilers(), engine.config().features);
        let code = ModuleCode::from_image(compilers, features, image)?;
        Module::from_code(engine, code)
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether both are the same module.
    pub fn same(a: &Module, b: &Module) -> bool {
        Arc::ptr_eq(&a.inner, &b.inner)
    }

    /// Its own name, from its `name` section.
    pub fn name(&self) -> Option<&str> {
        self.inner.info().name.as_deref()
    }

    /// What it imports, in declaration order.
    pub fn imports<'module>(
        &'module self,
    ) -> impl ExactSizeIterator<Item = ImportType<'module>> + 'module {
        self.inner
            .info()
            .imports
            .iter()
            .map(|import| ImportType::new(&import.module, &import.name, self, import.entity))
    }

    /// What it exports, in declaration order.
    pub fn exports<'module>(
        &'module self,
    ) -> impl ExactSizeIterator<Item = ExportType<'module>> + 'module {
        self.inner
            .info()
            .exports
            .iter()
            .map(|export| ExportType::new(&export.name, self, export.entity))
    }

    /// The type of an export.
    pub fn get_export(&self, name: &str) -> Option<ExternType> {
        Some(self.extern_type(self.inner.info().export(name)?))
    }

    /// An export, to look it up in instances quickly.
    pub fn get_export_index(&self, name: &str) -> Option<ModuleExport> {
        Some(ModuleExport {
            module: self.inner.clone(),
            entity: self.inner.info().export(name)?,
        })
    }

    /// What an instance of it needs at least.
    pub fn resources_required(&self) -> ResourcesRequired {
        let info = self.inner.info();
        let memories = &info.memories[info.imported.memories as usize..];
        let tables = &info.tables[info.imported.tables as usize..];
        ResourcesRequired {
            num_memories: memories.len() as u32,
            max_initial_memory_size: memories.iter().map(|ty| ty.minimum).max(),
            num_tables: tables.len() as u32,
            max_initial_table_size: tables.iter().map(|ty| ty.minimum).max(),
        }
    }

    /// Makes the initial contents of its memories now rather than at the first instantiation.
    ///
    /// # Errors
    /// If the system has no memory for it.
    pub fn initialize_copy_on_write_image(&self) -> Result<()> {
        self.inner.prepare_images()
    }

    /// Its machine code, as an image of it has it. If its code comes while it runs, it is compiled for this, once, which takes
    /// as long as [`serialize`](Self::serialize) does. Empty if it can't be compiled.
    pub fn text(&self) -> &[u8] {
        let features = self.engine.config().features;
        self.inner.code().text(features).unwrap_or_default()
    }

    /// The addresses of its code.
    pub fn image_range(&self) -> std::ops::Range<*const u8> {
        let range = self.inner.code().addresses();
        range.start as *const u8..range.end as *const u8
    }

    /// The functions it defines.
    pub fn functions<'a>(&'a self) -> impl ExactSizeIterator<Item = ModuleFunction> + 'a {
        let info = self.inner.info();
        let names = self.function_names();
        (info.imported.functions as usize..info.functions.len()).map(move |i| {
            let func = FuncIndex::from(i);
            ModuleFunction {
                index: func.0,
                name: names.get(func).map(str::to_owned),
            }
        })
    }

    pub(crate) fn function_names(&self) -> &FunctionNames {
        self.inner.function_names()
    }

    pub(crate) fn extern_type(&self, entity: EntityIndex) -> ExternType {
        extern_type(&self.engine, &self.inner, entity)
    }

    pub(crate) fn inner(&self) -> &Arc<runtime::Module> {
        &self.inner
    }

    pub(crate) fn from_inner(engine: &Engine, inner: Arc<runtime::Module>) -> Module {
        Module {
            engine: engine.clone(),
            inner,
        }
    }
}

fn refuse_image(bytes: &[u8]) -> Result<()> {
    if Engine::detect_precompiled(bytes).is_some() {
        mainspring_error::bail!(
            "these bytes are a compiled image, which is native code: load it with Module::deserialize if it is trusted"
        );
    }
    Ok(())
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
