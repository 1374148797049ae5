//! Which crate may depend on which, and on nothing that is itself a runtime. The table below
//! is the architecture: an edge that it lacks is either a mistake or a decision that belongs
//! in ARCHITECTURE.md first.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Finding, Tree};

/// Every crate of the workspace, bottom to top, and the crates of the workspace that it may
/// depend on, for its tests too.
const ALLOWED: &[(&str, &[&str])] = &[
    ("mainspring-platform", &[]),
    ("mainspring-error", &[]),
    ("mainspring-wasm", &["mainspring-error"]),
    ("mainspring-abi", &["mainspring-wasm"]),
    (
        "mainspring-baseline",
        &["mainspring-abi", "mainspring-error", "mainspring-wasm"],
    ),
    (
        "mainspring-optimizer",
        &["mainspring-abi", "mainspring-error", "mainspring-wasm"],
    ),
    (
        "mainspring-tiering",
        &[
            "mainspring-abi",
            "mainspring-baseline",
            "mainspring-error",
            "mainspring-optimizer",
            "mainspring-platform",
            "mainspring-wasm",
        ],
    ),
    (
        "mainspring-runtime",
        &[
            "mainspring-abi",
            "mainspring-error",
            "mainspring-platform",
            "mainspring-tiering",
            "mainspring-wasm",
        ],
    ),
    (
        "mainspring",
        &[
            "mainspring-abi",
            "mainspring-error",
            "mainspring-platform",
            "mainspring-runtime",
            "mainspring-tiering",
            "mainspring-wasm",
        ],
    ),
    ("mainspring-wasi", &["mainspring"]),
    ("mainspring-wast", &["mainspring"]),
    (
        "mainspring-cli",
        &["mainspring", "mainspring-wasi", "mainspring-wast"],
    ),
    (
        "mainspring-tests",
        &["mainspring", "mainspring-wasi", "mainspring-wast"],
    ),
    ("xtask", &[]),
];

/// Other runtimes: peers and oracles, never part of the product.
const RUNTIMES: &[&str] = &["wasmtime", "wiggle", "winch", "wasmer", "wasmi"];

/// Where peers and oracles may stand.
const PEER_FOLDERS: &[&str] = &["benches", "fuzz"];

pub fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version=1",
            "--no-deps",
            "--offline",
            "--manifest-path",
        ])
        .arg(tree.root.join("Cargo.toml"))
        .output()
        .context("cannot run `cargo metadata`")?;
    if !output.status.success() {
        bail!(
            "`cargo metadata` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("`cargo metadata` printed no JSON")?;
    check_metadata(&metadata, &tree.root)
}

fn check_metadata(metadata: &Value, root: &Path) -> Result<Vec<Finding>> {
    let packages = metadata["packages"]
        .as_array()
        .context("`cargo metadata` listed no packages")?;
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"]
            .as_str()
            .context("a package without a name")?;
        let manifest = package["manifest_path"]
            .as_str()
            .context("a package without a manifest")?;
        let manifest = Path::new(manifest);
        let place = manifest.strip_prefix(root).unwrap_or(manifest);
        if PEER_FOLDERS.iter().any(|folder| place.starts_with(folder)) {
            continue;
        }
        let text = fs::read_to_string(manifest).unwrap_or_default();
        let line = |needle: &str| {
            text.lines()
                .position(|l| l.trim_start().starts_with(needle))
        };
        let Some((_, allowed)) = ALLOWED.iter().find(|(crate_, _)| *crate_ == name) else {
            let message = format!(
                "the crate `{name}` has no row in xtask/src/tidy/edges.rs; give it one that says what it may depend on"
            );
            findings.push(Finding::new(place, line("name").unwrap_or(0) + 1, message));
            continue;
        };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        for dependency in dependencies {
            let used = dependency["name"]
                .as_str()
                .context("a dependency without a name")?;
            let alias = dependency["rename"].as_str().unwrap_or(used);
            if let Some(message) = complaint(name, allowed, used) {
                findings.push(Finding::new(place, line(alias).unwrap_or(0) + 1, message));
            }
        }
    }
    Ok(findings)
}

fn complaint(name: &str, allowed: &[&str], used: &str) -> Option<String> {
    if let Some(runtime) = RUNTIMES.iter().find(|runtime| used.starts_with(*runtime)) {
        return Some(format!(
            "`{name}` depends on `{used}`, part of another runtime ({runtime}); such peers may stand in benches/ and fuzz/ only"
        ));
    }
    let ours = ALLOWED.iter().any(|(crate_, _)| *crate_ == used);
    let position = |crate_: &str| ALLOWED.iter().position(|(c, _)| *c == crate_);
    if !ours || allowed.contains(&used) {
        return None;
    }
    let direction = if position(used) > position(name) {
        "upwards"
    } else {
        "sideways or past a layer"
    };
    Some(format!(
        "`{name}` depends on `{used}`, an edge {direction} that the table in xtask/src/tidy/edges.rs lacks; move the code, or pass what is needed in from above"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn findings(name: &str, manifest: &str, dependencies: &[&str]) -> Vec<String> {
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|d| json!({"name": d, "rename": null}))
            .collect();
        let metadata = json!({"packages": [
            {"name": name, "manifest_path": manifest, "dependencies": dependencies}
        ]});
        let found = check_metadata(&metadata, Path::new("/repo")).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_allowed_edge_passes() {
        let used = ["mainspring-wasm", "anyhow", "wasmparser"];
        assert_eq!(
            findings("mainspring-abi", "/repo/crates/abi/Cargo.toml", &used),
            [""; 0]
        );
    }

    #[test]
    fn an_edge_upwards_is_found() {
        let found = findings(
            "mainspring-wasm",
            "/repo/crates/wasm/Cargo.toml",
            &["mainspring"],
        );
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("crates/wasm/Cargo.toml:1: "),
            "{found:?}"
        );
        assert!(found[0].contains("an edge upwards"), "{found:?}");
    }

    #[test]
    fn an_edge_between_siblings_is_found() {
        let used = ["mainspring-baseline"];
        let found = findings(
            "mainspring-optimizer",
            "/repo/crates/optimizer/Cargo.toml",
            &used,
        );
        assert!(found[0].contains("an edge sideways"), "{found:?}");
    }

    #[test]
    fn an_unknown_crate_is_found() {
        let found = findings("mainspring-extra", "/repo/crates/extra/Cargo.toml", &[]);
        assert!(found[0].contains("has no row"), "{found:?}");
    }

    #[test]
    fn a_runtime_is_found_wherever_it_is_not_a_peer() {
        for used in [
            "wasmtime",
            "wasmtime-wasi",
            "wiggle",
            "winch-codegen",
            "wasmer",
            "wasmi",
        ] {
            let found = findings("mainspring", "/repo/crates/mainspring/Cargo.toml", &[used]);
            assert!(found[0].contains("another runtime"), "{found:?}");
            assert_eq!(
                findings("peers", "/repo/benches/peers/Cargo.toml", &[used]),
                [""; 0]
            );
            assert_eq!(findings("fuzz", "/repo/fuzz/Cargo.toml", &[used]), [""; 0]);
        }
    }

    #[test]
    fn the_table_goes_down_only() {
        for (at, (name, allowed)) in ALLOWED.iter().enumerate() {
            for used in *allowed {
                assert!(
                    ALLOWED[..at].iter().any(|(below, _)| below == used),
                    "{name} -> {used} does not go down"
                );
            }
        }
    }
}
