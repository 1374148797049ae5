//! What an engine says that it was configured with.

use mainspring::*;
use std::hash::{DefaultHasher, Hash, Hasher};

#[test]
fn an_engine_says_how_it_is_configured() -> Result<()> {
    let engine = Engine::default();
    assert_eq!(engine.get_strategy(), Some(Strategy::Auto));
    assert_eq!(engine.get_target(), None);
    assert_eq!(engine.get_max_wasm_stack(), 512 << 10);
    assert_eq!(engine.get_wasm_backtrace_max_frames(), 20);
    assert_eq!(engine.get_memory_reservation(), 4 << 30);
    assert_eq!(engine.get_memory_guard_size(), 32 << 20);
    assert_eq!(engine.get_collector(), Some(Collector::Copying));
    assert!(engine.get_table_lazy_init() && engine.get_generate_address_map());
    assert!(engine.get_signals_based_traps() && !engine.get_debug_info());

    let mut config = Config::new();
    config
        .strategy(Strategy::Winch)
        .cranelift_opt_level(OptLevel::None)
        .cranelift_nan_canonicalization(true)
        .cranelift_debug_verifier(true)
        .parallel_compilation(false)
        .max_wasm_stack(1 << 20)
        .wasm_backtrace_max_frames(None)
        .memory_reservation(1 << 20)
        .memory_reservation_for_growth(2 << 20)
        .memory_guard_size(3 << 20)
        .memory_may_move(false)
        .memory_init_cow(false)
        .guard_before_linear_memory(false)
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .generate_address_map(false)
        .table_lazy_init(false)
        .debug_symbols(false)
        .native_unwind_info(false)
        .memory_guaranteed_dense_image_size(7)
        .metadata_for_internal_asserts(true);
    let engine = Engine::new(&config)?;
    assert_eq!(engine.get_strategy(), Some(Strategy::Winch));
    assert!(matches!(
        engine.get_cranelift_opt_level(),
        Some(OptLevel::None)
    ));
    assert_eq!(engine.get_cranelift_nan_canonicalization(), Some(true));
    assert_eq!(engine.get_cranelift_debug_verifier(), Some(true));
    assert!(!engine.get_parallel_compilation());
    assert_eq!(engine.get_max_wasm_stack(), 1 << 20);
    assert_eq!(engine.get_wasm_backtrace_max_frames(), 0);
    assert_eq!(engine.get_memory_reservation(), 1 << 20);
    assert_eq!(engine.get_memory_reservation_for_growth(), 2 << 20);
    assert_eq!(engine.get_memory_guard_size(), 3 << 20);
    assert!(!engine.get_memory_may_move() && !engine.get_memory_init_cow());
    assert!(!engine.get_guard_before_linear_memory());
    assert!(!engine.get_generate_address_map() && !engine.get_table_lazy_init());
    assert!(!engine.get_debug_symbols());
    assert_eq!(engine.get_native_unwind_info(), Some(false));
    assert_eq!(engine.get_memory_guaranteed_dense_image_size(), 7);
    assert!(engine.get_metadata_for_internal_asserts());
    Ok(())
}

#[test]
fn images_of_engines_with_the_same_hash_are_compatible() -> Result<()> {
    fn hash(config: &Config) -> Result<u64> {
        let mut hasher = DefaultHasher::new();
        let engine = Engine::new(config)?;
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(hasher.finish())
    }
    let plain = hash(&Config::new())?;
    assert_eq!(hash(Config::new().max_wasm_stack(1 << 20))?, plain);
    assert_ne!(
        hash(Config::new().wasm_simd(false).wasm_relaxed_simd(false))?,
        plain
    );
    assert_ne!(
        hash(Config::new().cranelift_nan_canonicalization(true))?,
        plain
    );
    assert_ne!(hash(Config::new().memory_reservation(0))?, plain);
    Ok(())
}
