//! Telling the system's profiler, `perf`, about code that is in no program file. It knows two ways:
//!
//! - [`PerfMap`]: a text file of addresses and names, read when a profile is shown. It is asked only about
//!   addresses in anonymous memory, which is what [`Reservation::map_anonymous_twice`] makes.
//! - [`JitDump`]: a binary file with names, code and times, in the format that the kernel's sources describe in
//!   `tools/perf/Documentation/jitdump-specification.txt`. `perf inject --jit` makes program files of it, so the
//!   profile shows instructions too. It must have been recorded with `perf record -k mono`.
//!
//! Neither is ever read here. Numbers are those of the processor.

use crate::pages::{Reservation, View, page_size};
use rustix::time::{ClockId, clock_gettime};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The text file.
#[derive(Debug)]
pub struct PerfMap {
    file: File,
}

impl PerfMap {
    /// Where `perf` looks for the file of this process.
    pub fn path() -> PathBuf {
        format!("/tmp/perf-{}.map", std::process::id()).into()
    }

    /// Begins a file, in place of what a process of the same number may have left.
    pub fn create(path: &Path) -> io::Result<PerfMap> {
        let file = create(path, OpenOptions::new().append(true))?;
        // Appending and truncating exclude each other when a file is opened.
        file.set_len(0)?;
        Ok(PerfMap { file })
    }

    /// Enters code. The entry is in the file when this returns.
    pub fn add(&mut self, name: &str, address: usize, len: usize) -> io::Result<()> {
        let line = format!("{address:x} {len:x} {}\n", one_line(name));
        self.file.write_all(line.as_bytes())
    }
}

/// The binary file.
#[derive(Debug)]
pub struct JitDump {
    file: File,
    /// How many records there are.
    next: u64,
    /// `perf` sees an executable mapping of the file, and so learns of it.
    _seen: Reservation,
}

/// `JiTD`.
const MAGIC: u32 = 0x4a69_5444;
const VERSION: u32 = 1;
const HEADER_LEN: u32 = 40;
/// ELF's number for x86-64.
const MACHINE: u32 = 62;
/// The kind of record that says that code was loaded, and its length without name and code.
const CODE_LOAD: u32 = 0;
const CODE_LOAD_LEN: usize = 56;

impl JitDump {
    /// Where this process's file is made: in the current directory. The name is one that `perf` knows.
    pub fn path() -> PathBuf {
        format!("jit-{}.dump", std::process::id()).into()
    }

    /// Begins a file, in place of what a process of the same number may have left.
    pub fn create(path: &Path) -> io::Result<JitDump> {
        let mut file = create(path, OpenOptions::new().read(true).write(true))?;
        file.set_len(0)?;
        let mut header = Vec::with_capacity(HEADER_LEN as usize);
        for number in [MAGIC, VERSION, HEADER_LEN, MACHINE, 0, std::process::id()] {
            header.extend(number.to_ne_bytes());
        }
        header.extend(monotonic_nanoseconds().to_ne_bytes());
        // Flags: times are those of the monotonic clock.
        header.extend(0u64.to_ne_bytes());
        file.write_all(&header)?;
        let seen = Reservation::new(page_size())?;
        // SAFETY: a fresh reservation, whose contents nobody ever looks at.
        unsafe { seen.map_file(0..page_size(), &file, 0, View::ExecutePrivate) }?;
        Ok(JitDump {
            file,
            next: 0,
            _seen: seen,
        })
    }

    /// Enters code that is executed at an address. The entry is in the file when this returns.
    pub fn add(&mut self, name: &str, address: usize, code: &[u8]) -> io::Result<()> {
        let name = one_line(name);
        let len = CODE_LOAD_LEN + name.len() + 1 + code.len();
        let mut record = Vec::with_capacity(len);
        let thread = rustix::thread::gettid().as_raw_nonzero().get();
        record.extend(CODE_LOAD.to_ne_bytes());
        record.extend((len as u32).to_ne_bytes());
        record.extend(monotonic_nanoseconds().to_ne_bytes());
        record.extend(std::process::id().to_ne_bytes());
        record.extend(thread.to_ne_bytes());
        // Where it runs and where it lies are the same.
        for number in [address as u64, address as u64, code.len() as u64, self.next] {
            record.extend(number.to_ne_bytes());
        }
        record.extend(name.bytes());
        record.push(0);
        record.extend(code);
        self.next += 1;
        self.file.write_all(&record)
    }
}

/// Opens a file that only its owner can write, and never what somebody else's link names.
fn create(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options
        .create(true)
        .mode(0o644)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)
}

/// Names come from modules: whatever would end an entry early goes.
fn one_line(name: &str) -> String {
    name.replace(|c: char| c.is_control(), "?")
}

fn monotonic_nanoseconds() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("mainspring-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_perf_map_has_a_line_for_each_function() {
        let path = place("perf.map");
        std::fs::write(&path, "left behind").unwrap();
        let mut map = PerfMap::create(&path).unwrap();
        map.add("a b", 0x7f00_1000, 0x2a).unwrap();
        map.add("c\nd", 16, 1).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(text, "7f001000 2a a b\n10 1 c?d\n");
    }

    #[test]
    fn a_link_is_not_followed() {
        let (path, target) = (place("link"), place("target"));
        std::os::unix::fs::symlink(&target, &path).unwrap();
        let made = PerfMap::create(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(made.is_err() && !target.exists());
    }

    #[test]
    fn a_jit_dump_is_as_specified() {
        let path = place("jit.dump");
        let mut dump = JitDump::create(&path).unwrap();
        dump.add("f", 0x1000, &[0x90, 0xc3]).unwrap();
        dump.add("g\0", 0x2000, &[0xc3]).unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let shown = maps.lines().find(|line| line.ends_with("jit.dump"));
        assert!(shown.unwrap().contains(" r-xp "), "{maps}");

        let u32_at = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        let u64_at = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
        let pid = std::process::id();
        assert_eq!(&bytes[..4], b"DTiJ");
        assert_eq!([4, 8, 12, 16, 20].map(u32_at), [1, 40, 62, 0, pid]);
        assert_eq!(u64_at(32), 0);
        let first = 40;
        assert_eq!([u32_at(first), u32_at(first + 4)], [0, 56 + 2 + 2]);
        assert_eq!(u32_at(first + 16), pid);
        assert_eq!(
            [24, 32, 40, 48].map(|at| u64_at(first + at)),
            [0x1000, 0x1000, 2, 0]
        );
        assert_eq!(bytes[first + 56..first + 60], [b'f', 0, 0x90, 0xc3]);
        let second = first + 60;
        assert!(u64_at(second + 8) >= u64_at(first + 8) && u64_at(first + 8) >= u64_at(24));
        assert_eq!(
            [24, 32, 40, 48].map(|at| u64_at(second + at)),
            [0x2000, 0x2000, 1, 1]
        );
        assert_eq!(&bytes[second + 56..], b"g?\0\xc3");
    }
}
