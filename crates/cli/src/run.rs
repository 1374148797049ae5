//! `mainspring run`: loads a program, gives it what the command line grants it, and runs
//! it. What a program is not granted here it can't reach.

mod ending;
mod limits;
mod stack;
mod threads;
mod wasi;

use crate::cache::CacheOptions;
use crate::engine::{CollectorOptions, EngineOptions};
use crate::later::{self, FINISH, Turn};
use crate::options::Program;
use crate::source::{Bytes, Contents, Source};
use crate::{invoke, report, uncaught};
use clap::{Args, ValueEnum};
use ending::Ending;
use limits::Limits;
use mainspring::{
    Engine, Error, Instance, Linker, Module, ProfilingStrategy, Result, Store, Unfinished, bail,
    ensure, format_err,
};
use mainspring_wasi::p1::WasiP1Ctx;
use mainspring_wasi::threads::WasiThreadsCtx;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use wasi::Dir;

/// Run a program
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Run {
    /// Let the program see the directory HOST, under the name GUEST (or HOST, where none
    /// is given); with `:ro` it can't change anything in it. May be repeated
    #[arg(long = "dir", value_name = "HOST[::GUEST][:ro]", value_parser = Dir::parse)]
    dirs: Vec<Dir>,

    /// Set the environment variable K for the program; without a value it gets the one
    /// that K has here. May be repeated
    #[arg(long = "env", value_name = "K[=V]")]
    envs: Vec<String>,

    /// Call the program NAME in its own arguments; otherwise it is the name of its file
    #[arg(long, value_name = "NAME")]
    argv0: Option<OsString>,

    /// Call the exported function NAME instead of the program's start; the arguments are
    /// read as its parameters' types, and its results are printed one per line
    #[arg(long, value_name = "NAME")]
    invoke: Option<String>,

    /// Run FILE first, and let the program import what it exports from the module NAME. May be
    /// repeated; a later one may import from those before it
    #[arg(long = "preload", value_name = "NAME=FILE", value_parser = Preload::parse)]
    preloads: Vec<Preload>,

    /// Let the program's memories, tables (8 bytes an element) and objects take no more than
    /// SIZE bytes together, as in 500000, 64K, 128M or 2G
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_memory: Option<usize>,

    /// Let the program hold no more than N descriptors (files, directories, streams) at a
    /// time; otherwise as many as the system lets this process
    #[arg(long, value_name = "N")]
    max_descriptors: Option<usize>,

    /// Accept a compiled image (made by `mainspring compile`). It holds native code that
    /// runs without a sandbox, so allow this only for images that you made yourself
    #[arg(long)]
    allow_precompiled: bool,

    /// Don't run the program, but optimize what an earlier run could not. See `later`
    #[arg(long = FINISH, hide = true, value_name = "FUNCTIONS")]
    finish: Option<Unfinished>,

    /// The address at which a debugger can connect
    #[arg(
        long = "gdbstub",
        short = 'g',
        value_name = "[ADDRESS:]PORT",
        value_parser = no_debugger,
        hide = true
    )]
    _gdbstub: Option<String>,

    /// When the program ends, print what the engine did on standard error
    #[arg(long)]
    stats: bool,

    /// Tell the profiler `perf` which code is which function: `perf record mainspring run
    /// --profile perfmap prog.wasm`, then `perf report`
    #[arg(long, value_enum, value_name = "HOW")]
    profile: Option<Profile>,

    #[command(flatten)]
    cache: CacheOptions,

    #[command(flatten)]
    pub(crate) engine: EngineOptions,

    #[command(flatten)]
    collector: CollectorOptions,

    /// The program (.wasm, .wat, a compiled image, or `-` for standard input), then the
    /// arguments that it gets
    #[arg(
        required = true,
        trailing_var_arg = true,
        value_names = ["FILE", "ARGS"],
    )]
    program: Vec<OsString>,
}

const AFTER_HELP: &str = "\
Examples:
  mainspring run hello.wasm
  mainspring run --dir . --dir /usr/share/dict::/dict:ro spell.wasm -- -v notes.txt
  mainspring run --env HOME=/home --env LANG app.wasm
  mainspring run --invoke add add.wat 2 3
  mainspring run --preload math=math.wasm -W max-memory-size=1000000 app.wasm
  zcat app.wasm.gz | mainspring run -

Options for mainspring come before FILE; everything after FILE belongs to the program
(a first `--` is left out).

The exit status is the one that the program ends with, and 134 when it traps.";

/// What stands behind the program's imports, and what it may use. Each of its threads has a clone.
#[derive(Clone)]
struct Host {
    wasi: WasiP1Ctx,
    limits: Limits,
    threads: Option<Arc<WasiThreadsCtx<Host>>>,
}

/// How `perf` learns about code.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// Addresses and names in /tmp/perf-PID.map
    Perfmap,
    /// Code, names and times in jit-PID.dump, here; for `perf record -k mono`, then
    /// `perf inject --jit`
    Jitdump,
}

/// A module that runs before the program.
#[derive(Clone, Debug)]
struct Preload {
    name: String,
    file: PathBuf,
}

impl Preload {
    fn parse(text: &str) -> Result<Preload, String> {
        match text.split_once('=') {
            Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok(Preload {
                name: name.into(),
                file: file.into(),
            }),
            _ => Err("write NAME=FILE, the name of a module and where it is".into()),
        }
    }
}

impl Run {
    pub(crate) fn execute(mut self) -> Result<ExitCode> {
        if self.program.get(1).is_some_and(|arg| arg == "--") {
            self.program.remove(1);
        }
        if self.finish.is_some() {
            later::step_back();
        }
        let mut settings = self.engine.settings()?;
        self.collector.apply(&mut settings.config);
        let cache = self.cache.cache(&settings.cache)?;
        settings.config.cache(cache).profiler(self.profiler());
        let engine = Engine::new(&settings.config)?;
        if let Some(unfinished) = &self.finish {
            return self.finish(&engine, unfinished);
        }
        let ending = Arc::new(Ending::new(&engine, (&self.program[0]).into(), self.stats));
        let program = &settings.program;
        let outcome = stack::with(program.max_wasm_stack, || {
            self.run(&engine, program, &ending)
        });
        ending.settle();
        outcome.map(|()| ExitCode::SUCCESS)
    }

    fn profiler(&self) -> ProfilingStrategy {
        match self.profile {
            None => ProfilingStrategy::None,
            Some(Profile::Perfmap) => ProfilingStrategy::PerfMap,
            Some(Profile::Jitdump) => ProfilingStrategy::JitDump,
        }
    }

    /// Optimizes what an earlier run of the program left unfinished.
    fn finish(&self, engine: &Engine, unfinished: &Unfinished) -> Result<ExitCode> {
        let file = Path::new(&self.program[0]);
        if let Some(_turn) = Turn::take(file) {
            let module = self.load(engine, &Source::read(file)?)?;
            module.finish(unfinished, later::BUDGET);
            engine.flush_cache();
        }
        Ok(ExitCode::SUCCESS)
    }

    fn run(&self, engine: &Engine, program: &Program, ending: &Arc<Ending>) -> Result<()> {
        let start_of_load = Instant::now();
        let file = PathBuf::from(&self.program[0]);
        let source = Source::read(&file).map_err(|error| self.explain_missing(&file, error))?;
        let module = self.load(engine, &source)?;
        ending.progress().phases.load = start_of_load.elapsed();
        if let Contents::Module(Bytes::InFile(_)) = source.contents {
            ending.progress().module = Some(module.clone());
        }

        let start_of_instantiation = Instant::now();
        let mut store = self.store(engine, program, &module)?;
        let linker = self.linker(&mut store, &module, program)?;
        if program.wasi.threads {
            threads::make_possible(&linker, &mut store, &module, ending)?;
        }
        let instance = linker
            .instantiate(&mut store, &module)
            .map_err(|error| uncaught::explain(&mut store, error))
            .map_err(|error| threads::explain(&module, error))
            .map_err(|error| error.context(format!("cannot instantiate {}", source.name)))?;
        ending.progress().phases.instantiate = start_of_instantiation.elapsed();
        ending.progress().began = Some(Instant::now());
        let _span = tracing::debug_span!("run", program = %source.name).entered();
        let outcome = match &self.invoke {
            Some(name) => self.call_export(&mut store, instance, &source, name),
            None => start(&mut store, instance, &module, &source),
        };
        let outcome = outcome.map_err(|error| uncaught::explain(&mut store, error));
        ending.has_run(store.gc_statistics());
        // The process ends soon, and the system takes its memory back faster than we give it. What is to
        // outlive it is written: output by the program, what was learned by `flush_cache`.
        std::mem::forget((store, module, linker, engine.clone()));
        outcome
    }

    /// All that the program may import.
    fn linker(
        &self,
        store: &mut Store<Host>,
        module: &Module,
        program: &Program,
    ) -> Result<Linker<Host>> {
        let engine = store.engine().clone();
        let mut linker = Linker::new(&engine);
        linker.allow_unknown_exports(program.unknown_exports);
        ensure!(
            self.preloads.is_empty() || !program.wasi.threads,
            "`--preload` and `-S threads` don't go together: each thread has instances of its own"
        );
        let mut preloads = Vec::new();
        for preload in &self.preloads {
            preloads.push(self.load(&engine, &Source::read(&preload.file)?)?);
        }
        if program.wasi.cli {
            let modules = preloads.iter().chain([module]);
            wasi::link(&mut linker, modules, program.wasi.preview0)?;
        }
        for (Preload { name, file }, module) in self.preloads.iter().zip(&preloads) {
            linker
                .module(&mut *store, name, module)
                .map_err(|error| uncaught::explain(store, error))
                .map_err(|error| {
                    error.context(format!("cannot preload `{}` as `{name}`", file.display()))
                })?;
        }
        if program.wasi.threads {
            threads::link(&mut linker, store, module)?;
        }
        if program.unknown_imports_trap {
            linker.define_unknown_imports_as_traps(module)?;
        }
        if program.unknown_imports_default {
            linker.define_unknown_imports_as_default_values(store, module)?;
        }
        Ok(linker)
    }

    /// A command that is spelt wrong ends up here as the name of a file.
    fn explain_missing(&self, file: &Path, error: Error) -> Error {
        let looks_like_a_command = file.extension().is_none() && file.components().count() == 1;
        if looks_like_a_command && !file.exists() && file != Path::new("-") {
            return format_err!(
                "`{}` is neither a file nor a command; `mainspring --help` lists the commands",
                file.display()
            );
        }
        error
    }

    fn load(&self, engine: &Engine, source: &Source) -> Result<Module> {
        match &source.contents {
            Contents::Module(Bytes::InFile(path)) => Module::from_file(engine, path),
            Contents::Module(Bytes::InMemory(bytes)) => {
                Module::from_binary(engine, bytes).map_err(|error| source.refused(error))
            }
            Contents::Image(_) if !self.allow_precompiled => bail!(
                "{} is a compiled image, native code that runs without a sandbox; \
                 if you made it yourself, add --allow-precompiled, or else run the module that it was made from",
                source.name
            ),
            Contents::Image(bytes) => load_image(engine, bytes).map_err(|error| {
                error.context(format!(
                    "cannot load the compiled image {}; make it again with `mainspring compile`",
                    source.name
                ))
            }),
        }
    }

    fn store(&self, engine: &Engine, program: &Program, module: &Module) -> Result<Store<Host>> {
        let host = Host {
            wasi: self.context(&program.wasi)?,
            limits: Limits::new(
                &program.limits,
                self.max_memory,
                module.resources_required(),
            ),
            threads: None,
        };
        let mut store = Store::new(engine, host);
        store.limiter(|host| &mut host.limits);
        Ok(store)
    }

    fn call_export(
        &self,
        store: &mut Store<Host>,
        instance: Instance,
        source: &Source,
        name: &str,
    ) -> Result<()> {
        if let (Some(initialize), true) = (
            instance.get_func(&mut *store, "_initialize"),
            name != "_initialize",
        ) {
            initialize.typed::<(), ()>(&*store)?.call(&mut *store, ())?;
        }
        let Some(function) = instance.get_func(&mut *store, name) else {
            bail!(
                "{} exports no function `{name}`; {}",
                source.name,
                exported_functions(store, instance)
            );
        };
        invoke::invoke(store, function, name, &self.program[1..])
    }
}

fn no_debugger(_: &str) -> Result<String, &'static str> {
    Err("refused: there is no debugger of programs")
}

/// A number of bytes, with K, M or G for powers of 1024.
fn parse_size(text: &str) -> Result<usize, String> {
    let (digits, shift) = match text.as_bytes().last().map(u8::to_ascii_uppercase) {
        Some(b'K') => (&text[..text.len() - 1], 10),
        Some(b'M') => (&text[..text.len() - 1], 20),
        Some(b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let size = digits
        .parse::<usize>()
        .ok()
        .and_then(|size| size.checked_mul(1 << shift));
    size.ok_or_else(|| "a size is a number of bytes, or one with K, M or G, as in 64M".into())
}

/// Only for an image that the user vouched for with --allow-precompiled.
fn load_image(engine: &Engine, bytes: &Bytes) -> Result<Module> {
    match bytes {
        // SAFETY: an image is code that is trusted, and the user was told so before they allowed
        // it. `mainspring compile` replaces a file and never writes into one that is mapped.
        Bytes::InFile(path) => unsafe { Module::deserialize_file(engine, path) },
        // SAFETY: as above; and nothing else has these bytes.
        Bytes::InMemory(bytes) => unsafe { Module::deserialize(engine, bytes) },
    }
}

/// Runs a command (`_start`), or initializes a reactor (`_initialize`). What it returns, which
/// is mostly nothing, is printed.
fn start(
    store: &mut Store<Host>,
    instance: Instance,
    module: &Module,
    source: &Source,
) -> Result<()> {
    for name in ["_start", "_initialize"] {
        if let Some(function) = instance.get_func(&mut *store, name) {
            let params = function.ty(&*store).params().len();
            if params > 0 {
                bail!(
                    "{}: `{name}` has the wrong type: it takes arguments, and there are none",
                    source.name
                );
            }
            return invoke::invoke(store, function, name, &[]);
        }
    }
    // Instantiation has run the module's own start function, where it has one. A module that
    // exports functions is a library, and its user probably meant one of them.
    if module.exports().any(|export| export.ty().func().is_some()) {
        report::note(&format!(
            "{} has no `_start`, so nothing was called; name a function with --invoke ({})",
            source.name,
            exported_functions(store, instance)
        ));
    }
    Ok(())
}

fn exported_functions(store: &mut Store<Host>, instance: Instance) -> String {
    const SHOWN: usize = 8;
    let exports = instance.exports(&mut *store);
    let mut names: Vec<_> = exports
        .filter_map(|export| {
            let name = export.name().to_string();
            export.into_func().map(|_| format!("`{name}`"))
        })
        .collect();
    if names.is_empty() {
        return "it exports no functions".into();
    }
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let tail = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("it exports {}{tail}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit() {
        assert_eq!(parse_size("500000"), Ok(500_000));
        assert_eq!(parse_size("64K"), Ok(64 << 10));
        assert_eq!(parse_size("2g"), Ok(2 << 30));
        for wrong in [
            "",
            "K",
            "-1",
            "1.5M",
            "64KB",
            "99999999999999999999",
            "18446744073709551615G",
            "1ü",
        ] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
