//! What an image depends on besides its module, as text: a line for each thing, with its name. An image names only what made a
//! difference to it, so an engine may have another setting for what it does not use.

use crate::compile::Compilers;
use mainspring_error::{Context, Result, bail, ensure};
use mainspring_wasm::ModuleInfo;
use wasmparser::WasmFeatures;

/// What this version is, down to its sources.
pub const BUILD_ID: &str = env!("MAINSPRING_BUILD");

const BUILD: &str = "build";
const PROPOSALS: &str = "proposals";
const OPTIMIZER: &str = "optimizing tier";
const BASELINE: &str = "baseline tier";

/// The fingerprint of an image of a module that needs some proposals.
pub(crate) fn of(compilers: &Compilers, module: &ModuleInfo, needed: WasmFeatures) -> String {
    let mut text = format!("{BUILD}: {BUILD_ID}\n");
    let names: Vec<&str> = needed.iter_names().map(|(name, _)| name).collect();
    text += &format!("{PROPOSALS}: {}\n", names.join(" "));
    for (name, value, matters) in lines(compilers, module, needed) {
        if matters {
            text += &format!("{name}: {value}\n");
        }
    }
    text
}

/// All that code may depend on, with whether that of a module does.
fn lines(
    compilers: &Compilers,
    module: &ModuleInfo,
    needed: WasmFeatures,
) -> Vec<(&'static str, String, bool)> {
    let settings = compilers.settings();
    let memory = &settings.memory;
    let has_memory = !module.memories.is_empty();
    let is_relaxed = needed.contains(WasmFeatures::RELAXED_SIMD);
    vec![
        (
            "memory_reservation",
            memory.reservation.to_string(),
            has_memory,
        ),
        ("memory_guard_size", memory.guard.to_string(), has_memory),
        ("memory_may_move", memory.may_move.to_string(), has_memory),
        (
            "cranelift_nan_canonicalization",
            settings.canonical_nans.to_string(),
            true,
        ),
        (
            "relaxed_simd_deterministic",
            settings.deterministic_relaxed_simd.to_string(),
            is_relaxed,
        ),
        (
            "wasm_branch_hinting",
            settings.branch_hints.to_string(),
            !module.branch_hints.is_empty(),
        ),
        (
            "spectre_mitigation",
            settings.spectre_mitigation.to_string(),
            true,
        ),
        (
            "cranelift_opt_level",
            format!("{:?}", settings.optimize),
            true,
        ),
        ("compiler_inlining", format!("{:?}", settings.inline), true),
        (
            "generate_address_map",
            settings.address_map.to_string(),
            true,
        ),
        (OPTIMIZER, compilers.optimizer_fingerprint(), true),
        (BASELINE, compilers.baseline_fingerprint(), true),
    ]
}

/// Checks that an image with a fingerprint can be used by an engine.
///
/// # Errors
/// If not: what is in the way, by its name.
pub(crate) fn check(found: &str, compilers: &Compilers, features: WasmFeatures) -> Result<()> {
    let everything = lines(compilers, &ModuleInfo::default(), WasmFeatures::empty());
    for line in found.lines() {
        let (name, value) = line
            .split_once(": ")
            .context("the compiled image is damaged: its fingerprint has no names")?;
        match name {
            BUILD => ensure!(
                value == BUILD_ID,
                "the compiled image was made by version {value}, and this is {BUILD_ID}: compile the module again"
            ),
            PROPOSALS => check_proposals(value, features)?,
            _ => {
                let known = everything.iter().find(|(known, ..)| *known == name);
                let (_, expected, _) = known
                    .with_context(|| format!("the compiled image depends on an unknown {name}"))?;
                if value != expected {
                    bail!(
                        "the compiled image was made with other settings or for another processor ({}): compile the module again",
                        difference(name, value, expected)
                    );
                }
            }
        }
    }
    Ok(())
}

fn check_proposals(needed: &str, features: WasmFeatures) -> Result<()> {
    let is_on =
        |name: &str| WasmFeatures::from_name(name).is_some_and(|one| features.contains(one));
    let mut missing = needed.split_whitespace().filter(|name| !is_on(name));
    let Some(first) = missing.next() else {
        return Ok(());
    };
    let name = |flag: &str| match flag {
        "GC_TYPES" => "gc_support".to_owned(),
        flag => flag.to_lowercase().replace('_', "-"),
    };
    match missing.next() {
        None => bail!(
            "the compiled image needs the {} proposal, which is switched off",
            name(first)
        ),
        Some(second) => {
            let names: Vec<_> = [first, second].into_iter().chain(missing).collect();
            let names: Vec<_> = names.into_iter().map(name).collect();
            bail!(
                "the compiled image needs proposals that are switched off: {}",
                names.join(", ")
            )
        }
    }
}

/// What two values of a name differ in.
fn difference(name: &str, found: &str, expected: &str) -> String {
    if name != OPTIMIZER && name != BASELINE {
        return format!("{name} was {found}, and is {expected} here");
    }
    let missing = |from: &str, other: &str| {
        let others: Vec<_> = other.split_whitespace().collect();
        let own = from
            .split_whitespace()
            .filter(|word| !others.contains(word));
        own.collect::<Vec<_>>().join(" ")
    };
    format!(
        "{name}: {}, and here {}",
        missing(found, expected),
        missing(expected, found)
    )
}
