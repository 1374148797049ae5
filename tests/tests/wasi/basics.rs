//! Arguments, environment, clocks, random bytes, the end of a guest; and how all
//! functions treat pointers and flags that make no sense.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use mainspring::{Linker, Module, Store};
use mainspring_wasi::p1::{self, WasiP1Ctx};
use mainspring_wasi::{FsPerms, I32Exit, WasiCtxBuilder};

use crate::guest::{
    DATA, DIR, FUNCTIONS, Guest, MEMORY_SIZE, Open, engine, errno, oflags, with_dir,
};

fn strings(guest: &mut Guest, sizes: &str, get: &str) -> Vec<String> {
    guest.call(sizes, &[0, 4]).unwrap();
    let (count, size) = (guest.u32_at(0), guest.u32_at(4));
    guest.call(get, &[1024, DATA.into()]).unwrap();
    let end = DATA + size;
    (0..count)
        .map(|i| {
            let start = guest.u32_at(1024 + 4 * i);
            let bytes = guest.bytes(start, end - start);
            let length = bytes.iter().position(|byte| *byte == 0).unwrap();
            String::from_utf8(bytes[..length].to_vec()).unwrap()
        })
        .collect()
}

#[test]
fn arguments_and_environment_arrive() {
    let mut builder = WasiCtxBuilder::new();
    builder
        .args(&["program", "", "zwei drei"])
        .arg("vier")
        .env("HOME", "/home/me")
        .envs(&[("EMPTY", ""), ("EQUALS", "a=b")]);
    let mut guest = Guest::new(&mut builder);
    assert_eq!(
        strings(&mut guest, "args_sizes_get", "args_get"),
        ["program", "", "zwei drei", "vier"]
    );
    assert_eq!(
        strings(&mut guest, "environ_sizes_get", "environ_get"),
        ["HOME=/home/me", "EMPTY=", "EQUALS=a=b"]
    );
}

#[test]
fn nothing_is_granted_unasked() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    assert!(strings(&mut guest, "args_sizes_get", "args_get").is_empty());
    assert!(strings(&mut guest, "environ_sizes_get", "environ_get").is_empty());
    assert_eq!(guest.read(0, 100), Ok(vec![]));
    assert_eq!(guest.write(1, "gone"), Ok(4));
    assert_eq!(guest.call("fd_prestat_get", &[3, 0]), Err(errno::BADF));
    assert_eq!(guest.fdstat(3), Err(errno::BADF));
}

#[test]
fn preopened_directories_are_found_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = WasiCtxBuilder::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    builder.preopened_socket(listener);
    for name in ["/first", "second"] {
        builder
            .preopened_dir(dir.path(), name, FsPerms::ReadWrite)
            .unwrap();
    }
    let mut guest = Guest::new(&mut builder);
    for (fd, name) in [(3, "/first"), (4, "second")] {
        guest.call("fd_prestat_get", &[fd, 0]).unwrap();
        assert_eq!(guest.u32_at(0), 0);
        let length = guest.u32_at(4);
        assert_eq!(length as usize, name.len());
        let shorter = u64::from(length) - 1;
        assert_eq!(
            guest.call("fd_prestat_dir_name", &[fd, DATA.into(), shorter]),
            Err(errno::NAMETOOLONG)
        );
        guest
            .call("fd_prestat_dir_name", &[fd, DATA.into(), length.into()])
            .unwrap();
        assert_eq!(guest.bytes(DATA, length), name.as_bytes());
    }
    // The socket is no directory, and comes last whatever the order of the calls.
    assert_eq!(guest.call("fd_prestat_get", &[5, 0]), Err(errno::BADF));
    assert_eq!(guest.call("fd_prestat_get", &[1, 0]), Err(errno::BADF));
}

#[test]
fn a_missing_directory_is_named_in_the_error() {
    let mut builder = WasiCtxBuilder::new();
    let error = builder
        .preopened_dir("/no/such/place", "/", FsPerms::ReadWrite)
        .err()
        .unwrap();
    let text = format!("{error:?}");
    assert!(text.contains("/no/such/place"), "{text}");
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(
        builder
            .preopened_dir(file.path(), "/", FsPerms::ReadWrite)
            .is_err()
    );
}

#[test]
fn clocks_tell_the_time() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for clock in 0..4 {
        guest.call("clock_res_get", &[clock, 0]).unwrap();
        let resolution = guest.u64_at(0);
        assert!((1..=1_000_000_000).contains(&resolution), "{resolution}");
        guest.call("clock_time_get", &[clock, 1, 0]).unwrap();
        let first = guest.u64_at(0);
        guest.call("clock_time_get", &[clock, 1, 0]).unwrap();
        assert!(guest.u64_at(0) >= first);
    }
    guest.call("clock_time_get", &[0, 1, 0]).unwrap();
    let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(host.as_nanos().abs_diff(guest.u64_at(0).into()) < 5_000_000_000);

    assert_eq!(guest.call("clock_time_get", &[4, 1, 0]), Err(errno::INVAL));
    assert_eq!(guest.call("clock_res_get", &[4, 0]), Err(errno::INVAL));
}

#[test]
fn random_bytes_differ() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    guest.call("random_get", &[DATA.into(), 100_000]).unwrap();
    let bytes = guest.bytes(DATA, 100_000);
    let distinct: BTreeSet<u8> = bytes.iter().copied().collect();
    assert_eq!(distinct.len(), 256);
    assert!(bytes[99_990..].iter().any(|byte| *byte != 0));
    assert_eq!(guest.bytes(DATA + 100_000, 64), [0; 64]);
    guest.call("random_get", &[DATA.into(), 0]).unwrap();
    guest.call("sched_yield", &[]).unwrap();
}

#[test]
fn random_bytes_come_in_portions() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    guest.memory.grow(&mut guest.store, 1024).unwrap();
    guest.call("random_get", &[0, 64 << 20]).unwrap();
    let trap = guest.trap("random_get", &[0, (64 << 20) + 1]);
    assert!(trap.contains("exceeds the limit of 67108864"), "{trap}");

    let mut guest = Guest::new(WasiCtxBuilder::new().max_random_size(10));
    guest.call("random_get", &[0, 10]).unwrap();
    let trap = guest.trap("random_get", &[0, 11]);
    assert!(trap.contains("exceeds the limit of 10"), "{trap}");
}

#[test]
fn the_exit_status_reaches_the_embedder() {
    for status in [0u32, 1, 127, 200, u32::MAX] {
        let mut guest = Guest::new(&mut WasiCtxBuilder::new());
        let error = guest.try_call("proc_exit", &[status.into()]).unwrap_err();
        let exit = error.downcast_ref::<I32Exit>().unwrap();
        assert_eq!(*exit, I32Exit(status as i32));
    }
}

#[test]
fn a_raised_signal_does_what_it_does_to_a_process_without_handlers() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for ignored in [0, 16, 17, 22, 27] {
        guest.call("proc_raise", &[ignored]).unwrap();
    }
    assert_eq!(guest.call("proc_raise", &[18]), Err(errno::NOTSUP));
    assert_eq!(guest.call("proc_raise", &[31]), Err(errno::INVAL));
    // abrt and sys, which Linux counts one higher.
    for (signal, status) in [(6, 134), (30, 159)] {
        let error = guest.try_call("proc_raise", &[signal]).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&I32Exit(status)));
    }
}

/// Where each function takes a pointer to something: the index of the parameter,
/// with what to pass for all others. Names are `DIR`-relative.
const POINTERS: &[(&str, &[u64], &[usize])] = &[
    ("args_get", &[1024, 2048], &[0, 1]),
    ("args_sizes_get", &[1024, 2048], &[0, 1]),
    ("environ_get", &[1024, 2048], &[0, 1]),
    ("environ_sizes_get", &[1024, 2048], &[0, 1]),
    ("clock_res_get", &[0, 1024], &[1]),
    ("clock_time_get", &[0, 0, 1024], &[2]),
    ("fd_fdstat_get", &[3, 1024], &[1]),
    ("fd_filestat_get", &[3, 1024], &[1]),
    ("fd_pread", &[4, 1024, 1, 0, 2048], &[1, 4]),
    ("fd_prestat_get", &[3, 1024], &[1]),
    ("fd_prestat_dir_name", &[3, 1024, 1], &[1]),
    ("fd_pwrite", &[4, 1024, 1, 0, 2048], &[1, 4]),
    ("fd_read", &[4, 1024, 1, 2048], &[1, 3]),
    ("fd_readdir", &[3, 1024, 64, 0, 2048], &[1, 4]),
    ("fd_seek", &[4, 0, 0, 1024], &[3]),
    ("fd_tell", &[4, 1024], &[1]),
    ("fd_write", &[4, 1024, 1, 2048], &[1, 3]),
    ("path_create_directory", &[3, 1024, 1], &[1]),
    ("path_filestat_get", &[3, 0, 512, 4, 1024], &[2, 4]),
    ("path_filestat_set_times", &[3, 0, 1024, 1, 0, 0, 0], &[2]),
    ("path_link", &[3, 0, 512, 4, 3, 1024, 1], &[2, 5]),
    ("path_open", &[3, 0, 512, 4, 0, 2, 2, 0, 2048], &[2, 8]),
    ("path_readlink", &[3, 516, 4, 1024, 8, 2048], &[1, 3, 5]),
    ("path_remove_directory", &[3, 1024, 1], &[1]),
    ("path_rename", &[3, 512, 4, 3, 1024, 1], &[1, 4]),
    ("path_symlink", &[512, 4, 3, 1024, 1], &[0, 3]),
    ("path_unlink_file", &[3, 1024, 1], &[1]),
    ("poll_oneoff", &[4096, 8192, 1, 2048], &[0, 1, 3]),
    ("random_get", &[1024, 1], &[0]),
];

#[test]
fn pointers_that_lead_out_of_memory_trap() {
    for (name, arguments, pointers) in POINTERS {
        for pointer in *pointers {
            for hostile in [MEMORY_SIZE, u32::MAX - 7, 1 << 31] {
                let dir = tempfile::tempdir().unwrap();
                let mut builder = WasiCtxBuilder::new();
                builder
                    .arg("a")
                    .env("b", "c")
                    .preopened_dir(dir.path(), "/", FsPerms::ReadWrite)
                    .unwrap();
                let mut guest = Guest::new(&mut builder);
                let file = guest.open(DIR, "file", Open::both().oflags(oflags::CREAT));
                assert_eq!(file, Ok(4));
                guest.symlink("file", DIR, "link").unwrap();
                guest.put(512, b"filelink");
                // One buffer of 16 bytes.
                guest.put(1024, &[0, 0, 1, 0, 16, 0, 0, 0]);
                let mut arguments = arguments.to_vec();
                arguments[*pointer] = hostile.into();
                let trap = guest.trap(name, &arguments);
                let says = trap.contains(name) && trap.contains("out of its memory");
                assert!(says, "{name} parameter {pointer}: {trap}");
            }
        }
    }
}

#[test]
fn buffers_that_lead_out_of_memory_trap() {
    let (_dir, mut guest) = with_dir();
    let file = guest
        .open(DIR, "file", Open::both().oflags(oflags::CREAT))
        .unwrap();
    guest.write(file, [1; 64]).unwrap();
    for hostile in [(MEMORY_SIZE - 4, 5), (DATA, u32::MAX), (u32::MAX, u32::MAX)] {
        for name in ["fd_read", "fd_write"] {
            let (list, count) = guest.pass_buffers(&[(DATA, 4), hostile]);
            guest.trap(name, &[file.into(), list, count, 0]);
        }
        for name in ["fd_pread", "fd_pwrite"] {
            let (list, count) = guest.pass_buffers(&[(DATA, 4), hostile]);
            guest.trap(name, &[file.into(), list, count, 0, 0]);
        }
    }
    // The list itself: a length that would overflow, and one that is only long.
    guest.trap("fd_read", &[file.into(), 0, u32::MAX.into(), 8]);
    guest.trap("fd_read", &[file.into(), 0, 1 << 29, 8]);
    assert_eq!(guest.fd_stat(file).unwrap().size, 64);
}

#[test]
fn misaligned_pointers_trap() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for (name, arguments) in [
        ("args_sizes_get", &[2, 8][..]),
        ("clock_time_get", &[0, 0, 4]),
        ("fd_write", &[1, 2, 1, 8]),
        ("poll_oneoff", &[4, 1024, 1, 8]),
    ] {
        let trap = guest.trap(name, arguments);
        assert!(trap.contains("aligned"), "{trap}");
    }
}

#[test]
fn flags_without_a_meaning_are_refused() {
    let (_dir, mut guest) = with_dir();
    let file = guest
        .open(DIR, "file", Open::both().oflags(oflags::CREAT))
        .unwrap();
    let path = |guest: &mut Guest| guest.pass("file");
    let odd = Open {
        oflags: 16,
        ..Open::read()
    };
    assert_eq!(guest.open(DIR, "file", odd), Err(errno::INVAL));
    let odd = Open {
        fdflags: 32,
        ..Open::read()
    };
    assert_eq!(guest.open(DIR, "file", odd), Err(errno::INVAL));
    let odd = Open {
        lookup: 2,
        ..Open::read()
    };
    assert_eq!(guest.open(DIR, "file", odd), Err(errno::INVAL));
    let (name, length) = path(&mut guest);
    let invalid: &[(&str, &[u64])] = &[
        ("fd_advise", &[file.into(), 0, 0, 6]),
        ("fd_fdstat_set_flags", &[file.into(), 32]),
        ("fd_filestat_set_times", &[file.into(), 0, 0, 16]),
        ("fd_filestat_set_times", &[file.into(), 0, 0, 3]),
        ("fd_seek", &[file.into(), 0, 3, 0]),
        ("path_filestat_get", &[3, 2, name, length, 0]),
        ("path_filestat_set_times", &[3, 0, name, length, 0, 0, 12]),
        ("poll_oneoff", &[0, 0, 0, 0]),
    ];
    for (function, arguments) in invalid {
        assert_eq!(
            guest.call(function, arguments),
            Err(errno::INVAL),
            "{function}"
        );
    }
}

#[test]
fn every_function_is_defined_and_no_other() {
    let mut linker: Linker<WasiP1Ctx> = Linker::new(engine());
    p1::add_to_linker_sync(&mut linker, |context| context).unwrap();
    let mut store = Store::new(engine(), WasiCtxBuilder::new().build_p1());
    let defined: BTreeSet<(String, String)> = linker
        .iter(&mut store)
        .map(|(module, name, _)| (module.to_string(), name.to_string()))
        .collect();
    let known = FUNCTIONS
        .iter()
        .map(|(name, _)| ("wasi_snapshot_preview1".to_string(), name.to_string()))
        .collect();
    assert_eq!(defined, known);
}

#[test]
fn a_guest_without_memory_can_exit_and_is_told_what_it_lacks() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (func (export "exit") (call $exit (i32.const 3)))
        (func (export "random") (drop (call $random (i32.const 0) (i32.const 8)))))"#;
    let module = Module::new(engine(), text).unwrap();
    let mut linker = Linker::new(engine());
    p1::add_to_linker_sync(&mut linker, |context: &mut WasiP1Ctx| context).unwrap();
    let mut store = Store::new(engine(), WasiCtxBuilder::new().build_p1());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let mut call = |name| {
        let function = instance.get_typed_func::<(), ()>(&mut store, name).unwrap();
        function.call(&mut store, ()).unwrap_err()
    };
    assert_eq!(call("exit").downcast_ref(), Some(&I32Exit(3)));
    let error = format!("{:?}", call("random"));
    assert!(error.contains("exports its memory"), "{error}");
}
