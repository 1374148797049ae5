//! Which wasm functions were running.

use crate::config::DEFAULT_BACKTRACE_FRAMES;
use crate::store::AsContext;
use crate::{Engine, Module};
use mainspring_runtime::Backtrace;
use mainspring_wasm::{FuncIndex, demangle};
use std::fmt;

/// The wasm functions that were running when an error left wasm, the innermost first. Found in an
/// [`Error`](crate::Error) with `downcast_ref::<WasmBacktrace>()`.
#[derive(Debug)]
pub struct WasmBacktrace {
    frames: Vec<FrameInfo>,
}

impl WasmBacktrace {
    /// Records the backtrace of a store in which wasm has called the host; empty if none has, or if backtraces are off.
    pub fn capture(store: impl AsContext) -> WasmBacktrace {
        let store = store.as_context();
        WasmBacktrace::new(store.engine(), Backtrace::capture(&store.0.opaque.runtime))
    }

    /// Like [`capture`](Self::capture), also if backtraces are off. Has as many frames as the configuration allows, or by
    /// default allows.
    pub fn force_capture(store: impl AsContext) -> WasmBacktrace {
        let store = store.as_context();
        let limit = store.engine().config().backtrace_max_frames;
        let limit = limit.unwrap_or(DEFAULT_BACKTRACE_FRAMES).get();
        let backtrace = Backtrace::capture_at_most(&store.0.opaque.runtime, limit);
        WasmBacktrace::new(store.engine(), backtrace)
    }

    pub(crate) fn new(engine: &Engine, backtrace: Backtrace) -> WasmBacktrace {
        let frames = backtrace
            .frames
            .into_iter()
            .map(|frame| FrameInfo::new(engine, frame))
            .collect();
        WasmBacktrace { frames }
    }

    /// The frames, the innermost first.
    pub fn frames(&self) -> &[FrameInfo] {
        &self.frames
    }
}

impl fmt::Display for WasmBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error while executing at wasm backtrace:")?;
        for (i, frame) in self.frames.iter().enumerate() {
            write!(f, "\n  {i:>3}: ")?;
            if let Some(offset) = frame.module_offset {
                write!(f, "{offset:#8x} - ")?;
            }
            write!(f, "{}!", frame.module.name().unwrap_or("<unknown>"))?;
            match frame.func_name() {
                Some(name) => write!(f, "{}", demangle(name))?,
                None => write!(f, "<wasm function {}>", frame.func_index)?,
            }
        }
        Ok(())
    }
}

/// A wasm function that was running.
#[derive(Debug)]
pub struct FrameInfo {
    module: Module,
    func_index: u32,
    func_start: u32,
    module_offset: Option<usize>,
    symbols: Vec<FrameSymbol>,
}

impl FrameInfo {
    fn new(engine: &Engine, frame: mainspring_runtime::Frame) -> FrameInfo {
        let module = Module::from_inner(engine, frame.module);
        let info = module.inner().info();
        let func_start = info
            .defined_func(frame.func)
            .map_or(0, |func| info.bodies[func.index()].start);
        // Of calls that were inlined, code says it all the same.
        let is_mapped = engine.config().compile.address_map;
        let offset = frame.wasm_offset.filter(|_| is_mapped);
        FrameInfo {
            func_index: frame.func.0,
            func_start,
            module_offset: offset.map(|offset| offset as usize),
            symbols: Vec::new(),
            module,
        }
    }

    /// The function's index in its module.
    pub fn func_index(&self) -> u32 {
        self.func_index
    }

    /// The module it is in.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The function's name, if the module says, as it is there: [`demangle`](crate::demangle) makes it readable. Read when first asked for: programs also end by an error.
    pub fn func_name(&self) -> Option<&str> {
        let names = self.module.function_names();
        names.get(FuncIndex(self.func_index))
    }

    /// Offset in the module of the instruction that was executing.
    pub fn module_offset(&self) -> Option<usize> {
        self.module_offset
    }

    /// Offset from the start of the function of the instruction that was executing.
    pub fn func_offset(&self) -> Option<usize> {
        self.module_offset?.checked_sub(self.func_start as usize)
    }

    /// Source lines, from debugging information; none are read yet.
    pub fn symbols(&self) -> &[FrameSymbol] {
        &self.symbols
    }
}

/// A source line that a frame was at.
#[derive(Debug)]
pub struct FrameSymbol {
    name: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
}

impl FrameSymbol {
    /// The function in the source language.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The source file.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The line, from 1.
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    /// The column, from 1.
    pub fn column(&self) -> Option<u32> {
        self.column
    }
}
