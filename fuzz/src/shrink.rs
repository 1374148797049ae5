//! Makes a failing module smaller, by leaving out lines of its text for as long as it fails.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Of one try: a case that does not end is none.
const PATIENCE: Duration = Duration::from_secs(20);

/// Prints the smallest module found that fails as the one in the file does.
pub fn shrink(path: &Path) -> Result<()> {
    let text = wasmprinter::print_bytes(wat::parse_file(path)?)?;
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let Some(how) = failure(&lines)? else {
        bail!("the module does not fail");
    };
    let fails =
        |lines: &[String]| Ok::<bool, anyhow::Error>(failure(lines)?.as_ref() == Some(&how));
    let mut size = lines.len() / 2;
    while size > 0 {
        let mut at = 0;
        let mut smaller = false;
        while at < lines.len() {
            let end = (at + size).min(lines.len());
            let mut kept = false;
            for instead in [
                &[][..],
                &["unreachable"],
                &["drop"],
                &["i32.const 0"],
                &["i64.const 0"],
            ] {
                // Only what is shorter, or one instruction simpler.
                if instead.len() == end - at && lines[at..end] == *instead {
                    break;
                }
                if instead.len() >= end - at && !instead.is_empty() {
                    break;
                }
                let mut fewer = lines.clone();
                fewer.splice(at..end, instead.iter().map(|line| line.to_string()));
                if fails(&fewer)? {
                    lines = fewer;
                    kept = true;
                    smaller = true;
                    break;
                }
            }
            at += if kept { 0 } else { size };
        }
        eprintln!("{} lines, {size} at a time", lines.len());
        if !smaller || size > 1 {
            size /= 2;
        }
    }
    println!("{}", lines.join("\n"));
    Ok(())
}

/// How a module fails, if lines are one and it does: where it panicked, or the status of the process that crashed.
fn failure(lines: &[String]) -> Result<Option<String>> {
    let Ok(wasm) = wat::parse_str(lines.join("\n")) else {
        return Ok(None);
    };
    if wasmparser::validate(&wasm).is_err() {
        return Ok(None);
    }
    let path = std::env::temp_dir().join(format!("mainspring-shrink-{}.wasm", std::process::id()));
    std::fs::File::create(&path)?.write_all(&wasm)?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--check")
        .arg(&path)
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run this program again")?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let mut text = String::new();
    child
        .stderr
        .take()
        .context("it is piped")?
        .read_to_string(&mut text)?;
    let panic = text
        .lines()
        .find_map(|line| line.split_once("panicked at "));
    Ok((!status.success()).then(|| match panic {
        Some((_, place)) => place.to_string(),
        None => status.to_string(),
    }))
}
