//! Which wasm functions were running.

use crate::config::DEFAULT_BACKTRACE_FRAMES;
use crate::store::AsContext;
use crate::{Engine, Module};
use mainspring_runtime::Backtrace;
use mainspring_wasm::{FuncIndex, SourceFrame, demangle};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The wasm functions that were running when an error left wasm, the innermost first. Found in an
/// [`Error`](crate::Error) with `downcast_ref::<WasmBacktrace>()`.
#[derive(Debug)]
pub struct WasmBacktrace {
    frames: Vec<FrameInfo>,
    could_say_more: bool,
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
        let frames = backtrace.frames.into_iter();
        let mut frames: Vec<_> = frames.map(|frame| FrameInfo::new(engine, frame)).collect();
        let details = engine.config().backtrace_details;
        if details.enabled {
            let symbols = Arc::new(Symbols::new(&frames));
            for (nth, frame) in frames.iter_mut().enumerate() {
                frame.symbols = Some((symbols.clone(), nth));
            }
        }
        let has_any = |frame: &FrameInfo| frame.module.inner().info().debug_sections.had_any();
        WasmBacktrace {
            could_say_more: details.could_be && frames.iter().any(has_any),
            frames,
        }
    }

    /// The frames, the innermost first.
    pub fn frames(&self) -> &[FrameInfo] {
        &self.frames
    }

    /// Whether there is debugging information that was not read because the environment does not ask for it. Its text
    /// then ends in [`MORE_DETAILS`](Self::MORE_DETAILS). Not in wasmtime's API.
    pub fn could_say_more(&self) -> bool {
        self.could_say_more
    }

    /// How to have more in a backtrace. Not in wasmtime's API.
    pub const MORE_DETAILS: &str = "using the `WASMTIME_BACKTRACE_DETAILS=1` environment variable may show more debugging information";
}

impl fmt::Display for WasmBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error while executing at wasm backtrace:")?;
        for (i, frame) in self.frames.iter().enumerate() {
            write!(f, "\n  {i:>3}: ")?;
            if let Some(offset) = frame.module_offset {
                write!(f, "{offset:#8x} - ")?;
            }
            let symbols = frame.symbols();
            if symbols.is_empty() {
                write!(f, "{}!", frame.module.name().unwrap_or("<unknown>"))?;
                frame.write_function(f)?;
            }
            for (nth, symbol) in symbols.iter().enumerate() {
                if nth > 0 {
                    write!(f, "\n                - ")?;
                }
                match symbol.name() {
                    Some(name) => write!(f, "{}", demangle(name))?,
                    None if nth + 1 == symbols.len() => frame.write_function(f)?,
                    None => write!(f, "<inlined function>")?,
                }
                if let Some(place) = symbol.place() {
                    write!(f, "\n                    at {place}")?;
                }
            }
        }
        if self.could_say_more {
            write!(f, "\nnote: {}", Self::MORE_DETAILS)?;
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
    /// Those of the backtrace, and which of them are the frame's.
    symbols: Option<(Arc<Symbols>, usize)>,
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
            symbols: None,
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

    /// From which source lines the instruction is, if [`Config::wasm_backtrace_details`](crate::Config::wasm_backtrace_details)
    /// is on and the module has debugging information: the innermost function first, then those that the module's compiler
    /// inlined it into. Read for the whole backtrace when first asked for.
    pub fn symbols(&self) -> &[FrameSymbol] {
        match &self.symbols {
            Some((symbols, nth)) => &symbols.found()[*nth],
            None => &[],
        }
    }

    /// The function's name, or else its number.
    fn write_function(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.func_name() {
            Some(name) => write!(f, "{}", demangle(name)),
            None => write!(f, "<wasm function {}>", self.func_index),
        }
    }
}

/// The source lines of a backtrace.
#[derive(Debug)]
struct Symbols {
    /// The frames of each module, by their number, with their offset in its code section.
    modules: Vec<(Module, Vec<(usize, u64)>)>,
    frames: usize,
    /// Those of each frame.
    found: OnceLock<Vec<Vec<FrameSymbol>>>,
}

impl Symbols {
    fn new(frames: &[FrameInfo]) -> Symbols {
        let mut modules: Vec<(Module, Vec<_>)> = Vec::new();
        for (nth, frame) in frames.iter().enumerate() {
            let start = frame.module.inner().info().code_section_start as usize;
            let offset = frame.module_offset.and_then(|at| at.checked_sub(start));
            let Some(offset) = offset else { continue };
            let place = (nth, offset as u64);
            let mut known = modules.iter_mut();
            match known.rfind(|(module, _)| Module::same(module, &frame.module)) {
                Some((_, places)) => places.push(place),
                None => modules.push((frame.module.clone(), vec![place])),
            }
        }
        Symbols {
            modules,
            frames: frames.len(),
            found: OnceLock::new(),
        }
    }

    fn found(&self) -> &[Vec<FrameSymbol>] {
        self.found.get_or_init(|| self.find())
    }

    /// Asks each module once, as what that may take is limited for all its frames together.
    fn find(&self) -> Vec<Vec<FrameSymbol>> {
        let mut found = Vec::new();
        found.resize_with(self.frames, Vec::new);
        for (module, places) in &self.modules {
            let offsets: Vec<u64> = places.iter().map(|&(_, offset)| offset).collect();
            let symbols = module.inner().source_map().find(&offsets);
            for (&(nth, _), symbols) in places.iter().zip(symbols) {
                found[nth] = symbols.into_iter().map(FrameSymbol).collect();
            }
        }
        found
    }
}

/// A source line that a frame was at.
#[derive(Debug)]
pub struct FrameSymbol(SourceFrame);

impl FrameSymbol {
    /// The function, as its compiler names it: [`demangle`](crate::demangle) makes it readable.
    pub fn name(&self) -> Option<&str> {
        self.0.function.as_deref()
    }

    /// The source file.
    pub fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    /// The line, from 1.
    pub fn line(&self) -> Option<u32> {
        self.0.line
    }

    /// The column, from 1; 0 for the whole line.
    pub fn column(&self) -> Option<u32> {
        self.0.column
    }

    /// The file with line and column, as far as they are known. Not in wasmtime's API.
    pub fn place(&self) -> Option<String> {
        let mut place = self.file()?.to_owned();
        for number in [self.line(), self.column()] {
            let Some(number) = number else { break };
            place += &format!(":{number}");
        }
        Some(place)
    }
}
