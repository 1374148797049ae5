//! `mainspring run`: loads a program, gives it what the command line grants it, and runs
//! it. What a program is not granted here it can't reach.

use crate::cache::CacheOptions;
use crate::engine::{CollectorOptions, EngineOptions};
use crate::later::{self, Turn};
use crate::source::{Bytes, Contents, Source};
use crate::stats::{self, Phases};
use crate::{invoke, report, uncaught};
use clap::{Args, ValueEnum};
use mainspring::{
    Engine, Error, ImportType, Instance, Linker, Module, ProfilingStrategy, Result, Store,
    StoreLimits, StoreLimitsBuilder, Unfinished, bail, format_err,
};
use mainspring_wasi::p1::WasiP1Ctx;
use mainspring_wasi::{FsPerms, WasiCtxBuilder, p0, p1};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

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

    /// Let none of the program's memories grow beyond SIZE bytes, as in 500000, 64K, 128M or 2G
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
    engine: EngineOptions,

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

/// The hidden option of a process that optimizes what another left unfinished.
pub(crate) const FINISH: &str = "finish-optimizing";

const AFTER_HELP: &str = "\
Examples:
  mainspring run hello.wasm
  mainspring run --dir . --dir /usr/share/dict::/dict:ro spell.wasm -- -v notes.txt
  mainspring run --env HOME=/home --env LANG app.wasm
  mainspring run --invoke add add.wat 2 3
  zcat app.wasm.gz | mainspring run -

Options for mainspring come before FILE; everything after FILE belongs to the program
(a first `--` is left out).

The exit status is the one that the program ends with, and 134 when it traps.";

/// What stands behind the program's imports.
struct Host {
    wasi: WasiP1Ctx,
    limits: StoreLimits,
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

/// A directory that the program may see.
#[derive(Clone, Debug, PartialEq)]
struct Dir {
    host: PathBuf,
    guest: String,
    read_only: bool,
}

impl Dir {
    fn parse(text: &str) -> Result<Dir, String> {
        let (paths, read_only) = match text.strip_suffix(":ro") {
            Some(paths) => (paths, true),
            None => (text, false),
        };
        let (host, guest) = paths.split_once("::").unwrap_or((paths, paths));
        if host.is_empty() || guest.is_empty() {
            return Err("a directory's name is empty; write HOST, or HOST::GUEST".into());
        }
        Ok(Dir {
            host: host.into(),
            guest: guest.into(),
            read_only,
        })
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
        let mut config = self.engine.config();
        self.collector.apply(&mut config);
        config.cache(self.cache.cache()).profiler(self.profiler());
        let engine = Engine::new(&config)?;
        if let Some(unfinished) = &self.finish {
            return self.finish(&engine, unfinished);
        }
        let mut phases = Phases::default();
        let (mut unfinished, path) = (Unfinished::default(), PathBuf::from(&self.program[0]));
        let outcome = self.run(&engine, &mut phases, &mut unfinished);
        engine.flush_cache();
        later::finish(&path, &unfinished);
        if self.stats {
            report::plain(&stats::table(&engine.statistics(), phases));
        }
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

    fn run(&self, engine: &Engine, phases: &mut Phases, unfinished: &mut Unfinished) -> Result<()> {
        let start_of_load = Instant::now();
        let file = PathBuf::from(&self.program[0]);
        let source = Source::read(&file).map_err(|error| self.explain_missing(&file, error))?;
        let module = self.load(engine, &source)?;
        phases.load = start_of_load.elapsed();

        let start_of_instantiation = Instant::now();
        let mut linker = Linker::new(engine);
        link_wasi(&mut linker, &module)?;
        let mut store = self.store(engine)?;
        let instance = linker
            .instantiate(&mut store, &module)
            .map_err(|error| uncaught::explain(&mut store, error))
            .map_err(|error| error.context(format!("cannot instantiate {}", source.name)))?;
        phases.instantiate = start_of_instantiation.elapsed();
        let start_of_run = Instant::now();
        let _span = tracing::debug_span!("run", program = %source.name).entered();
        let outcome = match &self.invoke {
            Some(name) => self.call_export(&mut store, instance, &source, name),
            None => start(&mut store, instance, &module, &source),
        };
        let outcome = outcome.map_err(|error| uncaught::explain(&mut store, error));
        phases.run = start_of_run.elapsed();
        phases.gc = store.gc_statistics();
        if let Contents::Module(Bytes::InFile(_)) = source.contents {
            *unfinished = module.unfinished();
        }
        // The process ends soon, and the system takes its memory back faster than we give it. What is to
        // outlive it is written: output by the program, what was learned by `flush_cache`.
        std::mem::forget((store, module, linker, engine.clone()));
        outcome
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

    fn store(&self, engine: &Engine) -> Result<Store<Host>> {
        let wasi = self.context()?;
        let Some(size) = self.max_memory else {
            return Ok(Store::new(
                engine,
                Host {
                    wasi,
                    limits: StoreLimits::default(),
                },
            ));
        };
        let limits = StoreLimitsBuilder::new().memory_size(size).build();
        let mut store = Store::new(engine, Host { wasi, limits });
        store.limiter(|host| &mut host.limits);
        Ok(store)
    }

    /// What the program gets: its arguments, the variables and directories that were named, and
    /// the standard streams.
    fn context(&self) -> Result<WasiP1Ctx> {
        let mut builder = WasiCtxBuilder::new();
        builder.inherit_stdio();
        for (nth, arg) in self.program.iter().enumerate() {
            let arg = match nth {
                0 => self.program_name(),
                _ => arg,
            };
            let Some(arg) = arg.to_str() else {
                bail!("argument {nth} ({arg:?}) is not UTF-8, which WASI asks of arguments");
            };
            builder.arg(arg);
        }
        for variable in &self.envs {
            let (key, value) = environment(variable)?;
            builder.env(&key, &value);
        }
        for dir in &self.dirs {
            let perms = match dir.read_only {
                true => FsPerms::ReadOnly,
                false => FsPerms::ReadWrite,
            };
            builder.preopened_dir(&dir.host, &dir.guest, perms)?;
        }
        if let Some(limit) = self.max_descriptors {
            builder.max_descriptors(limit);
        }
        Ok(builder.build_p1())
    }

    /// What the program knows itself by: where it lies is not its business.
    fn program_name(&self) -> &OsStr {
        let file = Path::new(&self.program[0]);
        match &self.argv0 {
            Some(name) => name,
            None => file.file_name().unwrap_or(file.as_os_str()),
        }
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

/// Defines what of WASI a module may import. Few import preview 0, so that defining it is left
/// to when one does.
fn link_wasi(linker: &mut Linker<Host>, module: &Module) -> Result<()> {
    p1::add_to_linker_sync(linker, |host| &mut host.wasi)?;
    let unstable = |import: ImportType<'_>| import.module() == "wasi_unstable";
    if module.imports().any(unstable) {
        p0::add_to_linker_sync(linker, |host| &mut host.wasi)?;
    }
    Ok(())
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

/// `K=V`, or `K` for the value that K has in our own environment.
fn environment(variable: &str) -> Result<(String, String)> {
    let (key, value) = match variable.split_once('=') {
        Some((key, value)) => (key, value.to_string()),
        None => {
            let value = std::env::var(variable).map_err(|error| match error {
                std::env::VarError::NotPresent => format_err!(
                    "--env {variable}: there is no variable `{variable}` in this environment; give it a value with --env {variable}=VALUE"
                ),
                std::env::VarError::NotUnicode(_) => {
                    format_err!("--env {variable}: the value is not UTF-8, which WASI asks of variables")
                }
            })?;
            (variable, value)
        }
    };
    if key.is_empty() {
        bail!("--env {variable}: the variable's name is missing; write --env NAME=VALUE");
    }
    Ok((key.to_string(), value))
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

    #[test]
    fn directories_are_read_from_their_option() {
        let dir = |host: &str, guest: &str, read_only| {
            Ok(Dir {
                host: host.into(),
                guest: guest.into(),
                read_only,
            })
        };
        assert_eq!(Dir::parse("."), dir(".", ".", false));
        assert_eq!(Dir::parse("/a/b::/c"), dir("/a/b", "/c", false));
        assert_eq!(Dir::parse("/a:ro"), dir("/a", "/a", true));
        assert_eq!(Dir::parse("/a::/c:ro"), dir("/a", "/c", true));
        assert_eq!(Dir::parse("a:b"), dir("a:b", "a:b", false));
        assert!(
            Dir::parse("::/c").is_err()
                && Dir::parse("/a::").is_err()
                && Dir::parse(":ro").is_err()
        );
    }
}
