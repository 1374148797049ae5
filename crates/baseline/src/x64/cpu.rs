//! The processor features that code is generated for.

use mainspring_error::{Result, bail};

/// What the processor has beyond SSSE3, which is required.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Cpu {
    pub(crate) sse41: bool,
    pub(crate) sse42: bool,
    pub(crate) avx: bool,
    pub(crate) bmi1: bool,
    pub(crate) bmi2: bool,
    pub(crate) lzcnt: bool,
    pub(crate) popcnt: bool,
    pub(crate) fma: bool,
}

impl Cpu {
    /// Those of the processor that this runs on.
    pub(crate) fn host() -> Result<Cpu> {
        if !std::is_x86_feature_detected!("ssse3") {
            bail!("can't generate code for this processor: it has no SSSE3");
        }
        Ok(Cpu {
            sse41: std::is_x86_feature_detected!("sse4.1"),
            sse42: std::is_x86_feature_detected!("sse4.2"),
            avx: std::is_x86_feature_detected!("avx"),
            bmi1: std::is_x86_feature_detected!("bmi1"),
            bmi2: std::is_x86_feature_detected!("bmi2"),
            lzcnt: std::is_x86_feature_detected!("lzcnt"),
            popcnt: std::is_x86_feature_detected!("popcnt"),
            fma: std::is_x86_feature_detected!("avx") && std::is_x86_feature_detected!("fma"),
        })
    }
}
