//! Runs one child process and tells what it cost: wall time, and user time of that very
//! child as the kernel counts it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What one run cost and said.
#[derive(Debug, Clone)]
pub struct Run {
    pub wall: Duration,
    pub user: Duration,
    pub output: Vec<u8>,
}

/// Runs `command` to its end; its standard output goes through `scratch`, a file, because a
/// pipe would need a reader whose time mixes with the child's. A failed run is an error.
pub fn run(command: &mut Command, scratch: &Path) -> Result<Run> {
    let shown = format!("{command:?}");
    let errors = scratch.with_extension("stderr");
    let create = |path: &Path| {
        File::create(path).with_context(|| format!("cannot write {}", path.display()))
    };
    command
        .stdin(Stdio::null())
        .stdout(create(scratch)?)
        .stderr(create(&errors)?);
    let began = Instant::now();
    let child = command
        .spawn()
        .with_context(|| format!("cannot run {shown}"))?;
    let (status, user) = wait(child.id()).with_context(|| format!("cannot wait for {shown}"))?;
    let wall = began.elapsed();
    if status != 0 {
        let said = std::fs::read_to_string(&errors).unwrap_or_default();
        bail!("{shown} ended with {}: {}", describe(status), said.trim());
    }
    let output =
        std::fs::read(scratch).with_context(|| format!("cannot read {}", scratch.display()))?;
    Ok(Run { wall, user, output })
}

fn describe(status: i32) -> String {
    match libc::WIFSIGNALED(status) {
        true => format!("signal {}", libc::WTERMSIG(status)),
        false => format!("status {}", libc::WEXITSTATUS(status)),
    }
}

/// Waits for the child `id`; gives its wait status and the user time it took.
fn wait(id: u32) -> io::Result<(i32, Duration)> {
    let id = libc::pid_t::try_from(id).map_err(io::Error::other)?;
    let mut status = 0;
    loop {
        // SAFETY: `rusage` is plain numbers, for which all zeros is a value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: both pointers are to live variables of the types that wait4 writes.
        let waited = unsafe { libc::wait4(id, &raw mut status, 0, &raw mut usage) };
        if waited == id {
            let seconds = Duration::from_secs(usage.ru_utime.tv_sec.unsigned_abs());
            return Ok((
                status,
                seconds + Duration::from_micros(usage.ru_utime.tv_usec.unsigned_abs()),
            ));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, name: &str) -> Result<Run> {
        let scratch =
            std::env::temp_dir().join(format!("xtask-measure-{}-{name}", std::process::id()));
        let run = run(Command::new("sh").args(["-c", script]), &scratch);
        let _ = std::fs::remove_file(scratch.with_extension("stderr"));
        let _ = std::fs::remove_file(scratch);
        run
    }

    #[test]
    fn work_counts_as_user_time_and_sleep_does_not() {
        let busy = shell(
            "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done",
            "busy",
        )
        .unwrap();
        assert_eq!(busy.output, b"done\n");
        assert!(busy.user > Duration::from_millis(5), "{busy:?}");
        let idle = shell("sleep 0.2", "idle").unwrap();
        assert!(
            idle.wall >= Duration::from_millis(200) && idle.user < Duration::from_millis(100),
            "{idle:?}"
        );
    }

    #[test]
    fn a_failed_run_is_an_error_with_what_it_said() {
        let error = shell("echo oh no >&2; exit 3", "fail")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("status 3") && error.contains("oh no"),
            "{error}"
        );
        let error = shell("kill -9 $$", "kill").unwrap_err().to_string();
        assert!(error.contains("signal 9"), "{error}");
    }
}
