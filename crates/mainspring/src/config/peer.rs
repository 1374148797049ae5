//! Settings that programs for wasmtime have, and that make no difference here or can only be one way. Each is a row.

use super::Config;
use mainspring_error::{Result, bail, ensure};

/// How an engine's instances get their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum InstanceAllocationStrategy {
    /// From the system, when they are made.
    #[default]
    OnDemand,
}

/// How the optimizing tier finds registers for values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RegallocAlgorithm {
    /// The one that there is: it takes a choice back where another is better.
    #[default]
    Backtracking,
    /// In wasmtime, one that is faster and makes slower code. Not supported:
    /// [`Engine::new`](crate::Engine::new) fails.
    SinglePass,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $ty:ty = $default:expr;)*) => {
        /// As they were set.
        #[derive(Clone, Debug)]
        pub(crate) struct PeerSettings {
            $(pub $name: $ty,)*
            pub target: Option<String>,
        }

        impl Default for PeerSettings {
            fn default() -> PeerSettings {
                PeerSettings {
                    $($name: $default,)*
                    target: None,
                }
            }
        }

        impl Config {
            $(
                $(#[$doc])*
                pub fn $name(&mut self, value: $ty) -> &mut Self {
                    self.peer.$name = value;
                    self
                }
            )*
        }
    };
}

settings! {
    /// Has no effect: images have no symbols. Profilers are told of functions by [`profiler`](Self::profiler).
    debug_symbols: bool = true;
    /// Has no effect: code keeps frame pointers, and registers nothing with the system's unwinder.
    native_unwind_info: bool = true;
    /// Has no effect: tables are filled when an instance is made.
    table_lazy_init: bool = true;
    /// Has no effect: initial contents of memories always lie in a file in memory.
    force_memory_init_memfd: bool = false;
    /// Has no effect: initial contents of memories are mapped where they are not zero, however far apart that is.
    memory_guaranteed_dense_image_size: u64 = 16 << 20;
    /// Has no effect: there is no macOS here.
    macos_use_mach_ports: bool = true;
    /// Has no effect: compilers check what they are to, which is set by
    /// [`cranelift_debug_verifier`](Self::cranelift_debug_verifier).
    cranelift_wasmtime_debug_checks: bool = false;
    /// Has no effect: code has no assertions of its own.
    metadata_for_internal_asserts: bool = false;
    /// Sets how registers are found for values. [`RegallocAlgorithm::Backtracking`] by default, which is the only one.
    cranelift_regalloc_algorithm: RegallocAlgorithm = RegallocAlgorithm::Backtracking;
    /// Sets whether native debuggers are told of code. Off by default, and not supported:
    /// [`Engine::new`](crate::Engine::new) fails if it is on.
    debug_info: bool = false;
    /// Sets whether guests can be debugged. Off by default, and not supported:
    /// [`Engine::new`](crate::Engine::new) fails if it is on.
    guest_debug: bool = false;
    /// Sets whether a guest's uses of its heap are checked. Off by default, and not supported:
    /// [`Engine::new`](crate::Engine::new) fails if it is on.
    wmemcheck: bool = false;
    /// Sets whether machine faults are traps. On by default, and [`Engine::new`](crate::Engine::new) fails if it is off: each
    /// trap is a fault.
    signals_based_traps: bool = true;
}

impl Config {
    /// Sets how instances get their memory. [`InstanceAllocationStrategy::OnDemand`] by default.
    pub fn allocation_strategy(
        &mut self,
        strategy: impl Into<InstanceAllocationStrategy>,
    ) -> &mut Self {
        let InstanceAllocationStrategy::OnDemand = strategy.into();
        self
    }

    /// Sets for which machines code is made, by a target triple. Those like this one by default.
    ///
    /// # Errors
    /// If it is for another processor or another system.
    pub fn target(&mut self, target: &str) -> Result<&mut Self> {
        let mut parts = target.split('-');
        let (arch, rest) = (parts.next(), parts.collect::<Vec<_>>());
        ensure!(
            arch == Some("x86_64") && rest.contains(&"linux"),
            "no code can be made for {target}, only for x86-64 and Linux"
        );
        self.peer.target = Some(target.to_owned());
        Ok(self)
    }

    /// Refuses what can't be.
    pub(super) fn validate_peer_settings(&self) -> Result<()> {
        let peer = &self.peer;
        let unsupported = [
            ("debug_info", peer.debug_info),
            ("guest_debug", peer.guest_debug),
            ("wmemcheck", peer.wmemcheck),
        ];
        if let Some((name, _)) = unsupported.iter().find(|(_, on)| *on) {
            bail!("{name} is not supported");
        }
        ensure!(
            peer.signals_based_traps,
            "traps without signals (signals_based_traps) are not supported"
        );
        ensure!(
            peer.cranelift_regalloc_algorithm == RegallocAlgorithm::Backtracking,
            "the register allocator {:?} is not supported; Backtracking is",
            peer.cranelift_regalloc_algorithm
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;

    #[test]
    fn what_can_not_be_is_refused_by_name() {
        type Set = fn(&mut Config);
        let cases: [(Set, &str); 5] = [
            (
                |config| {
                    config.debug_info(true);
                },
                "debug_info",
            ),
            (
                |config| {
                    config.guest_debug(true);
                },
                "guest_debug",
            ),
            (
                |config| {
                    config.wmemcheck(true);
                },
                "wmemcheck",
            ),
            (
                |config| {
                    config.signals_based_traps(false);
                },
                "signals_based_traps",
            ),
            (
                |config| {
                    config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
                },
                "SinglePass",
            ),
        ];
        for (set, name) in cases {
            let mut config = Config::new();
            set(&mut config);
            let error = Engine::new(&config).expect_err(name).to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn code_is_made_for_machines_like_this_one() {
        let mut config = Config::new();
        for target in [
            "x86_64-unknown-linux-gnu",
            "x86_64-linux",
            "x86_64-unknown-linux-musl",
        ] {
            config.target(target).expect(target);
            let engine = Engine::new(&config).expect("a valid configuration");
            assert_eq!(engine.get_target().as_deref(), Some(target));
        }
        for target in [
            "",
            "x86_64",
            "aarch64-unknown-linux-gnu",
            "x86_64-apple-darwin",
            "pulley64",
        ] {
            let error = config.target(target).expect_err(target).to_string();
            assert!(error.contains("only for x86-64"), "{error}");
        }
    }
}
