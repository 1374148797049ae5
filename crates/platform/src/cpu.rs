//! The processor that code runs on.

/// The instruction-set extensions that generated code can make use of and that this processor has, in a fixed
/// order. Code compiled with one set must not run on a processor without it.
pub fn features() -> Vec<&'static str> {
    macro_rules! detect {
        ($($name:tt)*) => {
            [$(($name, std::arch::is_x86_feature_detected!($name))),*]
        };
    }
    detect!("sse3" "ssse3" "sse4.1" "sse4.2" "popcnt" "avx" "avx2" "fma" "bmi1" "bmi2" "lzcnt" "avx512f" "avx512vl" "avx512dq" "avx512bitalg" "avx512vbmi" "cmpxchg16b")
        .into_iter()
        .filter_map(|(name, present)| present.then_some(name))
        .collect()
}
