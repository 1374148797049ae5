//! `mainspring compile`: makes an image of native code from a module.

use crate::engine::EngineOptions;
use crate::source::{Contents, Source};
use clap::Args;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use mainspring::{Engine, Error, Result, bail, format_err};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Compile a module ahead of time, to an image that starts without compiling
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Compile {
    /// The module (.wasm, .wat, or `-` for standard input)
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Where the image goes; FILE with the extension .cwasm where nothing else is said
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) engine: EngineOptions,
}

const AFTER_HELP: &str = "\
Examples:
  mainspring compile prog.wasm                 writes prog.cwasm
  mainspring compile prog.wat -o /tmp/image
  mainspring run --allow-precompiled prog.cwasm

An image runs only on the version of mainspring that made it, and only on processors that
have the features of this one.";

impl Compile {
    pub(crate) fn execute(self) -> Result<ExitCode> {
        let source = Source::read(&self.file)?;
        let Contents::Module(bytes) = &source.contents else {
            bail!(
                "{} is a compiled image already; compile the module that it was made from",
                source.name
            );
        };
        let output = self.output_path(&source)?;
        let bytes = bytes.get()?;
        let engine = Engine::new(&self.engine.settings()?.config)?;

        let started = Instant::now();
        let progress = progress(&source.name);
        let image = engine.precompile_module_with_progress(&bytes, &|done, total| {
            progress.set_length(total as u64);
            progress.set_position(done as u64);
        });
        progress.finish_and_clear();
        let image =
            image.map_err(|error| error.context(format!("cannot compile {}", source.name)))?;
        write_whole(&output, &image)?;
        if !progress.is_hidden() {
            eprintln!(
                "compiled {} to `{}` ({} in {:.1} s)",
                source.name,
                output.display(),
                HumanBytes(image.len() as u64),
                started.elapsed().as_secs_f64(),
            );
        }
        Ok(ExitCode::SUCCESS)
    }

    fn output_path(&self, source: &Source) -> Result<PathBuf> {
        let output = match (&self.output, &source.path) {
            (Some(output), _) => output.clone(),
            (None, Some(path)) => path.with_extension("cwasm"),
            (None, None) => bail!(
                "a module from standard input has no name to derive the image's from; name it with -o OUT"
            ),
        };
        let same = source
            .path
            .as_deref()
            .is_some_and(|input| is_same_file(input, &output));
        if same {
            bail!(
                "the image would replace {} itself; name another file with -o OUT",
                source.name
            );
        }
        Ok(output)
    }
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Shows how many functions of how many are compiled. Where standard error is no terminal,
/// nothing is drawn.
fn progress(name: &str) -> ProgressBar {
    let progress = ProgressBar::new(0);
    let style =
        ProgressStyle::with_template("compiling {msg} {wide_bar} {pos}/{len} functions {elapsed}")
            .expect("the template is well formed");
    progress.set_style(style);
    progress.set_message(name.to_string());
    progress.enable_steady_tick(Duration::from_millis(100));
    progress
}

/// Writes beside the target and renames, so that whoever reads `path` sees the old
/// image or the new one, and never half of either.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let explain = |error: std::io::Error| -> Error {
        format_err!("cannot write `{}`: {error}", path.display())
    };
    if path.is_dir() {
        bail!("cannot write `{}`: it is a directory", path.display());
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".mainspring-")
        // What a new file usually gets; the process's umask still applies.
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(directory)
        .map_err(explain)?;
    file.write_all(bytes).map_err(explain)?;
    file.persist(path).map_err(|error| explain(error.error))?;
    Ok(())
}
