//! What an engine was configured with. Each getter is a row.

use crate::config::{Collector, OptLevel, RegallocAlgorithm, Strategy};
use crate::{Config, Engine};
use mainspring_abi::Optimize;
use std::num::NonZeroU32;
use wasmparser::WasmFeatures;

macro_rules! getters {
    ($($name:ident $setting:ident: $ty:ty = |$config:ident| $value:expr;)*) => {
        impl Engine {
            $(
                #[doc = concat!("See [`Config::", stringify!($setting), "`].")]
                pub fn $name(&self) -> $ty {
                    let $config: &Config = self.config();
                    $value
                }
            )*
        }
    };
}

getters! {
    get_wasm_features wasm_features: WasmFeatures = |config| config.features;
    get_wasm_branch_hinting wasm_branch_hinting: bool = |config| config.compile.branch_hints;
    get_relaxed_simd_deterministic relaxed_simd_deterministic: bool =
        |config| config.compile.deterministic_relaxed_simd;
    get_strategy strategy: Option<Strategy> = |config| Some(config.strategy);
    get_target target: Option<String> = |config| config.peer.target.clone();
    get_cranelift_debug_verifier cranelift_debug_verifier: Option<bool> = |config| Some(config.compile.verify);
    get_cranelift_nan_canonicalization cranelift_nan_canonicalization: Option<bool> =
        |config| Some(config.compile.canonical_nans);
    get_cranelift_opt_level cranelift_opt_level: Option<OptLevel> =
        |config| Some(match config.compile.optimize {
            Optimize::None => OptLevel::None,
            Optimize::Speed => OptLevel::Speed,
            Optimize::SpeedAndSize => OptLevel::SpeedAndSize,
        });
    get_cranelift_regalloc_algorithm cranelift_regalloc_algorithm: Option<RegallocAlgorithm> =
        |config| Some(config.peer.cranelift_regalloc_algorithm);
    get_parallel_compilation parallel_compilation: bool = |config| config.parallel_compilation;
    get_max_wasm_stack max_wasm_stack: usize = |config| config.max_wasm_stack;
    get_wasm_backtrace_max_frames wasm_backtrace_max_frames: usize =
        |config| config.backtrace_max_frames.map_or(0, |limit| limit.get());
    get_memory_reservation memory_reservation: u64 = |config| config.compile.memory.reservation;
    get_memory_reservation_for_growth memory_reservation_for_growth: u64 =
        |config| config.compile.memory.reservation_for_growth;
    get_memory_guard_size memory_guard_size: u64 = |config| config.compile.memory.guard;
    get_guard_before_linear_memory guard_before_linear_memory: bool = |config| config.compile.memory.guard_before;
    get_memory_may_move memory_may_move: bool = |config| config.compile.memory.may_move;
    get_memory_init_cow memory_init_cow: bool = |config| config.memory_init_cow;
    get_memory_guaranteed_dense_image_size memory_guaranteed_dense_image_size: u64 =
        |config| config.peer.memory_guaranteed_dense_image_size;
    get_table_lazy_init table_lazy_init: bool = |config| config.peer.table_lazy_init;
    get_shared_memory shared_memory: bool = |config| config.shared_memory;
    get_collector collector: Option<Collector> = |config| config.heap.support.then_some(
        match config.heap.collector {
            Collector::Auto => Collector::Copying,
            chosen => chosen,
        },
    );
    get_gc_heap_reservation gc_heap_reservation: u64 = |config| config.heap.reservation;
    get_gc_heap_guard_size gc_heap_guard_size: u64 = |config| config.heap.guard_size;
    get_gc_heap_reservation_for_growth gc_heap_reservation_for_growth: u64 =
        |config| config.heap.reservation_for_growth;
    get_gc_heap_initial_size gc_heap_initial_size: u64 = |config| config.heap.initial_size;
    get_gc_heap_may_move gc_heap_may_move: bool = |config| config.heap.may_move;
    get_gc_zeal_alloc_counter gc_zeal_alloc_counter: Option<NonZeroU32> = |config| config.heap.zeal;
    get_metadata_for_gc_heap_corruption metadata_for_gc_heap_corruption: bool =
        |config| config.heap.corruption_metadata;
    get_metadata_for_internal_asserts metadata_for_internal_asserts: bool =
        |config| config.peer.metadata_for_internal_asserts;
    get_generate_address_map generate_address_map: bool = |config| config.compile.address_map;
    get_native_unwind_info native_unwind_info: Option<bool> = |config| Some(config.peer.native_unwind_info);
    get_debug_info debug_info: bool = |config| config.peer.debug_info;
    get_debug_symbols debug_symbols: bool = |config| config.peer.debug_symbols;
    get_guest_debug guest_debug: bool = |config| config.peer.guest_debug;
    get_signals_based_traps signals_based_traps: bool = |config| config.peer.signals_based_traps;
}
