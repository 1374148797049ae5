//! `-W`: what modules may use, and what a program may do.

use super::Effect::{self, NotYet, Number, Only, Proposal, Switch};
use super::{NUMBER, Row, Settings, TIME, row};
use mainspring::Config;

const COMPONENTS: &str = "there are no components";
const ASYNC: &str = "nothing runs asynchronously";

/// `all-proposals` comes before each proposal, which overrides it, and what takes some away comes after.
pub(super) const ROWS: &[Row] = &[
    row(
        "all-proposals",
        Switch(all_proposals),
        "Switches on, or off, all proposals that the engine has, but for those that are given by name",
    ),
    row(
        "branch-hinting",
        Proposal(Config::wasm_branch_hinting),
        "Code is placed by what a module says about its branches",
    ),
    row(
        "bulk-memory",
        Proposal(Config::wasm_bulk_memory),
        "Bulk memory operations; on by default",
    ),
    row(
        "compact-imports",
        Proposal(Config::wasm_compact_imports),
        "Import sections that name a module, or a type, once for several imports",
    ),
    row(
        "custom-page-sizes",
        Proposal(Config::wasm_custom_page_sizes),
        "Memories with pages of one byte",
    ),
    row(
        "exceptions",
        Proposal(Config::wasm_exceptions),
        "Exceptions; on by default",
    ),
    row(
        "extended-const",
        Proposal(Config::wasm_extended_const),
        "Arithmetic in constant expressions; on by default",
    ),
    row(
        "function-references",
        Proposal(Config::wasm_function_references),
        "Typed function references; on by default",
    ),
    row(
        "gc",
        Proposal(Config::wasm_gc),
        "Garbage-collected structs and arrays; on by default",
    ),
    row(
        "memory64",
        Proposal(Config::wasm_memory64),
        "Memories and tables indexed with 64 bits; on by default",
    ),
    row(
        "multi-memory",
        Proposal(Config::wasm_multi_memory),
        "Several memories in a module; on by default",
    ),
    row(
        "multi-value",
        Proposal(Config::wasm_multi_value),
        "Several results, and parameters of blocks; on by default",
    ),
    row(
        "reference-types",
        Proposal(Config::wasm_reference_types),
        "Reference types; on by default",
    ),
    row(
        "relaxed-simd",
        Proposal(Config::wasm_relaxed_simd),
        "Relaxed vector instructions; on by default",
    ),
    row(
        "simd",
        Proposal(Config::wasm_simd),
        "Vectors of 128 bits; on by default",
    ),
    row(
        "tail-call",
        Proposal(Config::wasm_tail_call),
        "Tail calls; on by default",
    ),
    row(
        "threads",
        Proposal(Config::wasm_threads),
        "Atomic instructions and the types of shared memories; on by default",
    ),
    row(
        "wide-arithmetic",
        Proposal(Config::wasm_wide_arithmetic),
        "Sums and products of 128 bits",
    ),
    row(
        "legacy-exceptions",
        Effect::Config(Config::wasm_legacy_exceptions),
        "The exception instructions of before version 3 of the specification",
    ),
    row(
        "gc-support",
        Effect::Config(Config::gc_support),
        "Whether there may be objects at all; off refuses modules that need them. On by default",
    ),
    row(
        "shared-memory",
        Effect::Config(Config::shared_memory),
        "Whether shared memories can be made; those of scripts always can",
    ),
    row(
        "relaxed-simd-deterministic",
        Effect::Config(Config::relaxed_simd_deterministic),
        "Relaxed vector instructions give the same results on every machine",
    ),
    row(
        "nan-canonicalization",
        Effect::Config(Config::cranelift_nan_canonicalization),
        "NaNs that instructions produce have one form",
    ),
    row(
        "max-wasm-stack",
        Number(|s, n| {
            s.config.max_wasm_stack(n as usize);
            s.program.max_wasm_stack = Some(n as usize);
        }),
        "How many bytes of stack the program may use; 512 KiB by default",
    ),
    row(
        "max-memory-size",
        Number(|s, n| s.program.limits.memory_size = Some(n as usize)),
        "How many bytes each memory may have, and the heap of objects",
    ),
    row(
        "max-table-elements",
        Number(|s, n| s.program.limits.table_elements = Some(n as usize)),
        "How many elements each table may have",
    ),
    row(
        "max-instances",
        Number(|s, n| s.program.limits.instances = Some(n as usize)),
        "How many instances there may be",
    ),
    row(
        "max-tables",
        Number(|s, n| s.program.limits.tables = Some(n as usize)),
        "How many tables there may be",
    ),
    row(
        "max-memories",
        Number(|s, n| s.program.limits.memories = Some(n as usize)),
        "How many memories there may be",
    ),
    row(
        "trap-on-grow-failure",
        Switch(|s, on| s.program.limits.trap_on_grow_failure = on),
        "A memory or table that can't grow stops the program, instead of giving it -1",
    ),
    row(
        "unknown-imports-trap",
        Switch(|s, on| s.program.unknown_imports_trap = on),
        "Functions that the program imports and nothing defines stop it when they are called",
    ),
    row(
        "unknown-imports-default",
        Switch(|s, on| s.program.unknown_imports_default = on),
        "What the program imports and nothing defines is a function that returns zeros and nulls, or a global, memory or table that holds them",
    ),
    row(
        "unknown-exports-allow",
        Switch(|s, on| s.program.unknown_exports = on),
        "Commands given to `--preload` may export more than functions, a memory and a table",
    ),
    row(
        "wmemcheck",
        Only(false),
        "there is no checker of memory accesses",
    ),
    row(
        "stack-switching",
        Only(false),
        "the engine does not have this proposal yet",
    ),
    row(
        "shared-everything-threads",
        Only(false),
        "the engine does not have this proposal yet",
    ),
    row(
        "fuel",
        NotYet(NUMBER),
        "what a program executes is not counted",
    ),
    row(
        "timeout",
        NotYet(TIME),
        "a program can't be stopped from outside but by ending the process",
    ),
    row(
        "epoch-interruption",
        Only(false),
        "a program can't be stopped from outside but by ending the process",
    ),
    row("async-stack-size", NotYet(NUMBER), ASYNC),
    row("async-stack-zeroing", Only(false), ASYNC),
    row("concurrency-support", Only(false), ASYNC),
    row("component-model", Only(false), COMPONENTS),
    row("component-model-async", Only(false), COMPONENTS),
    row("component-model-async-stackful", Only(false), COMPONENTS),
    row("component-model-error-context", Only(false), COMPONENTS),
    row(
        "component-model-fixed-length-lists",
        Only(false),
        COMPONENTS,
    ),
    row("component-model-gc", Only(false), COMPONENTS),
    row("component-model-implements", Only(false), COMPONENTS),
    row("component-model-map", Only(false), COMPONENTS),
    row("component-model-memory64", Only(false), COMPONENTS),
    row(
        "component-model-more-async-builtins",
        Only(false),
        COMPONENTS,
    ),
    row("component-model-threading", Only(false), COMPONENTS),
];

/// Sets every proposal that there is.
fn all_proposals(settings: &mut Settings, on: bool) {
    for row in ROWS {
        if let Proposal(set) = row.effect {
            set(&mut settings.config, on);
        }
    }
}
