//! Where a test of the command works, and what became of a run of it.

#![allow(dead_code, reason = "each program of tests uses what it needs")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A directory with files, and the command run in it, with a cache of its own.
pub struct Place {
    files: TempDir,
    pub cache: TempDir,
}

impl Place {
    pub fn new(files: &[(&str, &str)]) -> Place {
        let directory = || TempDir::new().expect("a temporary directory");
        let place = Place {
            files: directory(),
            cache: directory(),
        };
        for (name, contents) in files {
            place.write(name, contents);
        }
        place
    }

    /// The same on a file system in memory, whatever others are like.
    pub fn in_memory() -> Place {
        Place {
            files: TempDir::new_in("/dev/shm").expect("a file system in memory"),
            ..Place::new(&[])
        }
    }

    pub fn path(&self) -> &Path {
        self.files.path()
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), contents).expect("a file can be written");
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainspring"));
        command
            .args(args)
            .current_dir(self.path())
            // What one test learns is not for another, and none of the user's business.
            .env("MAINSPRING_CACHE_DIR", self.cache.path())
            .env("MAINSPRING_CACHE", "foreground")
            .env_remove("MAINSPRING_LOG")
            .env_remove("WASMTIME_BACKTRACE_DETAILS")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::new(self.command(args).output().expect("the command starts"))
    }

    /// What a shell's command line writes to a terminal.
    pub fn run_on_a_terminal(&self, command: &str, no_color: &str) -> String {
        let mut script = Command::new("script");
        script
            .args(["-qec", command, "/dev/null"])
            .current_dir(self.path())
            .env("NO_COLOR", no_color)
            .stdin(Stdio::null());
        let output = script.output().expect("the command `script` (util-linux)");
        String::from_utf8(output.stdout).expect("text")
    }

    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        // Dropped at the end of the statement, which ends the input.
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(input)
            .expect("it reads its input");
        Ran::new(child.wait_with_output().expect("the command ends"))
    }
}

#[derive(Debug)]
pub struct Ran {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn new(output: Output) -> Ran {
        Ran {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("text on standard output"),
            stderr: String::from_utf8(output.stderr).expect("text on standard error"),
        }
    }

    /// It went well: this on standard output, nothing on standard error.
    #[track_caller]
    pub fn prints(&self, stdout: &str) {
        assert_eq!(
            (self.status, self.stdout.as_str(), self.stderr.as_str()),
            (Some(0), stdout, "")
        );
    }

    /// It failed with this status, nothing on standard output, and an error that holds all
    /// of the texts.
    #[track_caller]
    pub fn fails(&self, status: i32, texts: &[&str]) {
        assert_eq!(
            (self.status, self.stdout.as_str()),
            (Some(status), ""),
            "{self:?}"
        );
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        for text in texts {
            assert!(self.stderr.contains(text), "no \"{text}\" in {self:?}");
        }
        assert!(
            !self.stderr.contains('\x1b'),
            "colour without a terminal: {self:?}"
        );
    }
}
