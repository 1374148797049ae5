//! The code generator's configuration: flags, and the features of the host's processor.
//!
//! All of Cranelift's switches are set here. What is set here and changes code is part of
//! [`fingerprint`].

use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable, Flags};
use mainspring_abi::{CompileSettings, Optimize};
use mainspring_error::{Context, Result, bail, format_err};
use std::fmt::Write;

/// The code generator for this machine under an engine's settings, with the features its processor
/// has beyond those that all have.
pub(crate) fn host_isa(settings: &CompileSettings, features: bool) -> Result<OwnedTargetIsa> {
    let mut builder = cranelift_native::builder_with_options(features)
        .map_err(|reason| format_err!("can't generate code for this processor: {reason}"))?;
    // Shuffling bytes without it would take calls, for processors of before 2011.
    if !std::is_x86_feature_detected!("ssse3") {
        bail!("can't generate code for this processor: it has no SSSE3");
    }
    for required in ["has_sse3", "has_ssse3"] {
        builder
            .enable(required)
            .with_context(|| format!("processor feature {required}"))?;
    }
    builder
        .finish(flags(settings)?)
        .context("can't generate code for this processor")
}

fn flags(settings: &CompileSettings) -> Result<Flags> {
    let mut builder = settings::builder();
    let on_off = |on: bool| if on { "true" } else { "false" };
    for (name, value) in [
        (
            "opt_level",
            match settings.optimize {
                Optimize::None => "none",
                Optimize::Speed => "speed",
                Optimize::SpeedAndSize => "speed_and_size",
            },
        ),
        ("regalloc_algorithm", "backtracking"),
        ("enable_verifier", on_off(settings.verify)),
        (
            "enable_nan_canonicalization",
            on_off(settings.canonical_nans),
        ),
        (
            "enable_heap_access_spectre_mitigation",
            on_off(settings.spectre_mitigation),
        ),
        (
            "enable_table_access_spectre_mitigation",
            on_off(settings.spectre_mitigation),
        ),
        // Backtraces and traps walk frame pointers; nothing unwinds by tables.
        ("preserve_frame_pointers", "true"),
        ("unwind_info", "false"),
        // A frame larger than a guard page touches each page in turn, so that it can't step over.
        ("enable_probestack", "true"),
        ("probestack_strategy", "inline"),
        // Where blocks start, for `dispatch`.
        ("machine_code_cfg_info", "true"),
        // 32 bytes: what the processor fetches at once. A call lands on as much code as fits in.
        ("log2_min_function_alignment", "5"),
        // The address of a function that is not colocated comes from a table; see `call`.
        ("is_pic", "true"),
    ] {
        builder
            .set(name, value)
            .with_context(|| format!("compiler setting {name}"))?;
    }
    Ok(Flags::new(builder))
}

/// Flags that say what [`CompileSettings`] do.
const OF_SETTINGS: [&str; 5] = [
    "opt_level",
    "enable_verifier",
    "enable_nan_canonicalization",
    "enable_heap_access_spectre_mitigation",
    "enable_table_access_spectre_mitigation",
];

/// See [`crate::Optimizer::fingerprint`].
pub(crate) fn fingerprint(isa: &dyn TargetIsa) -> String {
    let mut text = format!("cranelift {} {}", cranelift_codegen::VERSION, isa.triple());
    let flags = isa.flags().iter().chain(isa.isa_flags());
    for value in flags.filter(|flag| !OF_SETTINGS.contains(&flag.name)) {
        write!(text, " {value}").expect("writing to a string can't fail");
    }
    text
}

/// Whether the processor has a feature, by Cranelift's name for it.
pub(crate) fn has(isa: &dyn TargetIsa, feature: &str) -> bool {
    isa.isa_flags()
        .iter()
        .any(|flag| flag.name == feature && flag.as_bool() == Some(true))
}
