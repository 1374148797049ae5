//! `-O`: how hard the engine tries, and how memory is laid out.

use super::Effect::{self, Bytes, Number, Only, Refused, Switch, Word};
use super::{NUMBER, Row, row};
use mainspring::{Config, OptLevel};
use std::num::NonZeroU32;

const POOL: &str = "there is no pool of instances; a command makes what it runs";
const IN_PLACE: &str = "the heap grows where it is, in the room that gc-heap-reservation gives it";
const LAZY: &str =
    "tables are filled when an instance is made; functions are compiled when they are called";

pub(super) const ROWS: &[Row] = &[
    row(
        "opt-level",
        Word(&[
            ("0", |s| {
                s.config.cranelift_opt_level(OptLevel::None);
            }),
            ("1", |s| {
                s.config.cranelift_opt_level(OptLevel::Speed);
            }),
            ("2", |s| {
                s.config.cranelift_opt_level(OptLevel::Speed);
            }),
            ("s", |s| {
                s.config.cranelift_opt_level(OptLevel::SpeedAndSize);
            }),
        ]),
        "How hard the optimizing tier tries: not at all, for speed (the default), or for small code too",
    ),
    row(
        "regalloc-algorithm",
        Word(&[("backtracking", |_| {})]),
        "How registers are allocated: the optimizing tier has one way, and `--tier baseline` is there for quick compilation",
    ),
    row(
        "memory-reservation",
        Bytes(Config::memory_reservation),
        "How much address space a memory takes from the start; 4 GiB by default",
    ),
    row(
        "memory-reservation-for-growth",
        Bytes(Config::memory_reservation_for_growth),
        "How much address space a memory that outgrew that has to grow in place; 2 GiB by default",
    ),
    row(
        "memory-may-move",
        Effect::Config(Config::memory_may_move),
        "Whether a memory that outgrows its address space moves; otherwise it can't grow. On by default",
    ),
    row(
        "memory-guard-size",
        Bytes(Config::memory_guard_size),
        "How large the guard after a memory is; 32 MiB by default",
    ),
    row(
        "guard-before-linear-memory",
        Effect::Config(Config::guard_before_linear_memory),
        "Whether there is a guard before a memory too; on by default",
    ),
    row(
        "memory-init-cow",
        Effect::Config(Config::memory_init_cow),
        "Whether memories get their initial contents by mapping, copy-on-write; on by default",
    ),
    row(
        "static-memory-maximum-size",
        Bytes(Config::memory_reservation),
        "An old name of memory-reservation",
    ),
    row(
        "dynamic-memory-reserved-for-growth",
        Bytes(Config::memory_reservation_for_growth),
        "An old name of memory-reservation-for-growth",
    ),
    row(
        "static-memory-guard-size",
        Bytes(Config::memory_guard_size),
        "An old name of memory-guard-size",
    ),
    row(
        "dynamic-memory-guard-size",
        Bytes(Config::memory_guard_size),
        "An old name of memory-guard-size",
    ),
    row(
        "static-memory-forced",
        Switch(|s, on| {
            s.config.memory_may_move(!on);
        }),
        "An old name of memory-may-move, the other way round",
    ),
    row(
        "gc-heap-reservation",
        Bytes(Config::gc_heap_reservation),
        "How many bytes objects may take that have survived or are large; 2 GiB by default and at the most",
    ),
    row("gc-heap-may-move", Only(false), "a heap never moves"),
    row(
        "gc-zeal-alloc-counter",
        Number(|s, n| {
            s.config
                .gc_zeal_alloc_counter(NonZeroU32::new(u32::try_from(n).unwrap_or(u32::MAX)));
        }),
        "Each so many allocations collect garbage, for tests of the engine",
    ),
    row(
        "signals-based-traps",
        Only(true),
        "code checks no memory access that a guard catches",
    ),
    row("table-lazy-init", Only(false), LAZY),
    row("pooling-allocator", Only(false), POOL),
    row(
        "gc-heap-guard-size",
        Refused(NUMBER),
        "no reference can lead out of a heap's address space, so it needs no guard",
    ),
    row("gc-heap-initial-size", Refused(NUMBER), IN_PLACE),
    row("gc-heap-reservation-for-growth", Refused(NUMBER), IN_PLACE),
    row(
        "memory-guaranteed-dense-image-size",
        Refused(NUMBER),
        "initial contents are mapped wherever memory-init-cow allows, however large they are",
    ),
    row("pooling-decommit-batch-size", Refused(NUMBER), POOL),
    row("pooling-memory-keep-resident", Refused(NUMBER), POOL),
    row("pooling-table-keep-resident", Refused(NUMBER), POOL),
    row(
        "pooling-memory-protection-keys",
        Refused("[=y|n|auto]"),
        POOL,
    ),
    row("pooling-max-memory-protection-keys", Refused(NUMBER), POOL),
    row("pooling-total-core-instances", Refused(NUMBER), POOL),
    row("pooling-total-component-instances", Refused(NUMBER), POOL),
    row("pooling-total-memories", Refused(NUMBER), POOL),
    row("pooling-total-tables", Refused(NUMBER), POOL),
    row("pooling-total-stacks", Refused(NUMBER), POOL),
    row("pooling-max-memory-size", Refused(NUMBER), POOL),
    row("pooling-table-elements", Refused(NUMBER), POOL),
    row("pooling-max-core-instance-size", Refused(NUMBER), POOL),
    row("pooling-max-unused-warm-slots", Refused(NUMBER), POOL),
    row("pooling-async-stack-keep-resident", Refused(NUMBER), POOL),
    row("pooling-max-component-instance-size", Refused(NUMBER), POOL),
    row(
        "pooling-max-core-instances-per-component",
        Refused(NUMBER),
        POOL,
    ),
    row("pooling-max-memories-per-component", Refused(NUMBER), POOL),
    row("pooling-max-tables-per-component", Refused(NUMBER), POOL),
    row("pooling-max-tables-per-module", Refused(NUMBER), POOL),
    row("pooling-max-memories-per-module", Refused(NUMBER), POOL),
    row("pooling-total-gc-heaps", Refused(NUMBER), POOL),
    row("pooling-pagemap-scan", Refused("[=y|n|auto]"), POOL),
];
