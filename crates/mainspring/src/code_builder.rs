//! Modules in the making, from bytes or files.

use crate::module::to_binary;
use crate::{Engine, Module, Result};
use mainspring_error::{Context, ensure};
use std::borrow::Cow;
use std::path::Path;

/// Makes a module of bytes or a file, step by step.
///
/// ```
/// use mainspring::*;
///
/// let engine = Engine::default();
/// let module = CodeBuilder::new(&engine)
///     .wasm_binary_or_text(b"(module (func (export \"f\")))", None)?
///     .compile_module()?;
/// assert_eq!(module.exports().len(), 1);
/// # Ok::<(), Error>(())
/// ```
pub struct CodeBuilder<'a> {
    engine: &'a Engine,
    wasm: Option<Cow<'a, [u8]>>,
    /// Where it comes from, for messages.
    path: Option<Cow<'a, Path>>,
}

/// What bytes hold, by how they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeHint {
    /// A core module.
    Module,
    /// A component.
    Component,
}

impl<'a> CodeBuilder<'a> {
    /// Begins with nothing.
    pub fn new(engine: &'a Engine) -> CodeBuilder<'a> {
        CodeBuilder {
            engine,
            wasm: None,
            path: None,
        }
    }

    /// Takes a module in binary form. The path is only for messages.
    ///
    /// # Errors
    /// If there is one already.
    pub fn wasm_binary(
        &mut self,
        wasm_bytes: impl Into<Cow<'a, [u8]>>,
        wasm_path: Option<&'a Path>,
    ) -> Result<&mut Self> {
        ensure!(
            self.wasm.is_none(),
            "the wasm bytes to compile are set already"
        );
        self.wasm = Some(wasm_bytes.into());
        self.path = wasm_path.map(Cow::Borrowed);
        Ok(self)
    }

    /// Takes a module in binary or text form. The path is only for messages.
    ///
    /// # Errors
    /// If there is one already, or the text is malformed.
    pub fn wasm_binary_or_text(
        &mut self,
        wasm_bytes: &'a [u8],
        wasm_path: Option<&'a Path>,
    ) -> Result<&mut Self> {
        let binary = to_binary(wasm_bytes);
        let binary = match wasm_path {
            Some(path) => binary.with_context(|| path.display().to_string())?,
            None => binary?,
        };
        self.wasm_binary(binary, wasm_path)
    }

    /// Takes a file in binary form.
    ///
    /// # Errors
    /// If there is a module already, or the file can't be read.
    pub fn wasm_binary_file(&mut self, file: &'a Path) -> Result<&mut Self> {
        self.wasm_binary(read(file)?, Some(file))
    }

    /// Takes a file in binary or text form.
    ///
    /// # Errors
    /// If there is a module already, the file can't be read, or the text is malformed.
    pub fn wasm_binary_or_text_file(&mut self, file: &'a Path) -> Result<&mut Self> {
        let bytes = read(file)?;
        let binary = to_binary(&bytes)
            .with_context(|| file.display().to_string())?
            .into_owned();
        self.wasm_binary(binary, Some(file))
    }

    /// What the bytes hold, if there are some and they begin as a module or a component does.
    pub fn hint(&self) -> Option<CodeHint> {
        let wasm = self.wasm.as_deref()?;
        if wasmparser::Parser::is_core_wasm(wasm) {
            return Some(CodeHint::Module);
        }
        wasmparser::Parser::is_component(wasm).then_some(CodeHint::Component)
    }

    /// Makes the module.
    ///
    /// # Errors
    /// If there are no bytes, and as for [`Module::from_binary`].
    pub fn compile_module(&self) -> Result<Module> {
        self.with_path(Module::from_binary(self.engine, self.bytes()?))
    }

    /// Makes an image of the module, as [`Engine::precompile_module`] does.
    ///
    /// # Errors
    /// If there are no bytes, and as for [`Engine::precompile_module`].
    pub fn compile_module_serialized(&self) -> Result<Vec<u8>> {
        self.with_path(self.engine.precompile_module(self.bytes()?))
    }

    fn bytes(&self) -> Result<&[u8]> {
        self.wasm
            .as_deref()
            .context("there are no wasm bytes to compile yet")
    }

    fn with_path<T>(&self, made: Result<T>) -> Result<T> {
        match &self.path {
            Some(path) => {
                made.with_context(|| format!("failed to make a module of {}", path.display()))
            }
            None => made,
        }
    }
}

impl std::fmt::Debug for CodeBuilder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodeBuilder")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("failed to read input file: {}", file.display()))
}
