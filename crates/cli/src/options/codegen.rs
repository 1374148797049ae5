//! `-C`: how code is made and kept.

use super::Effect::{self, Only, RefusedPrefix, Switch, Text, Word};
use super::{Row, row};
use mainspring::{Collector, Config, Inlining, Strategy};

pub(super) const ROWS: &[Row] = &[
    row(
        "compiler",
        Word(&[
            ("cranelift", |s| s.strategy = Some(Strategy::Cranelift)),
            ("winch", |s| s.strategy = Some(Strategy::Winch)),
        ]),
        "`cranelift` is `--tier optimizing`, `winch` is `--tier baseline`; the default is `--tier tiered`, which is both",
    ),
    row(
        "collector",
        Word(&[
            ("drc", |s| {
                s.config.collector(Collector::DeferredReferenceCounting);
            }),
            ("copying", |s| {
                s.config.collector(Collector::Copying);
            }),
            ("null", |s| {
                s.config.collector(Collector::Null);
            }),
        ]),
        "`null` never collects garbage; the others are all the one that there is, which copies",
    ),
    row(
        "cache",
        Switch(|s, on| s.cache.is_on = on),
        "Whether what is learned about a program is kept and used; `n` is `--no-cache`",
    ),
    row(
        "cache-config",
        Text(|s, path| s.cache.config = Some(path.into())),
        "The file that says where the cache is and how large it may be, in wasmtime's format; otherwise mainspring/config.toml in $XDG_CONFIG_HOME or ~/.config, if it is there",
    ),
    row(
        "cranelift-debug-verifier",
        Effect::Config(Config::cranelift_debug_verifier),
        "The optimizing tier checks its intermediate results, which takes time",
    ),
    row(
        "parallel-compilation",
        Effect::Config(Config::parallel_compilation),
        "Whether `compile` and `--tier optimizing` use all processors; on by default",
    ),
    row(
        "inlining",
        Word(&[
            ("y", |s| {
                s.config.compiler_inlining(Inlining::Yes);
            }),
            ("n", |s| {
                s.config.compiler_inlining(Inlining::No);
            }),
            ("yes", |s| {
                s.config.compiler_inlining(Inlining::Yes);
            }),
            ("no", |s| {
                s.config.compiler_inlining(Inlining::No);
            }),
            ("true", |s| {
                s.config.compiler_inlining(Inlining::Yes);
            }),
            ("false", |s| {
                s.config.compiler_inlining(Inlining::No);
            }),
            ("intrinsics", |s| {
                s.config.compiler_inlining(Inlining::Intrinsics);
            }),
            ("inter-module", |s| {
                s.config.compiler_inlining(Inlining::InterModule);
            }),
            ("gc", |s| {
                s.config.compiler_inlining(Inlining::InterModuleAndIntraGc);
            }),
        ]),
        "Whether the optimizing tier compiles small functions in place of calls to them, which it does by default; there is nothing to inline from other modules, so that `intrinsics` and `inter-module` are `n`",
    ),
    row(
        "native-unwind-info",
        Only(false),
        "frames are found by their frame pointers, and nothing unwinds them",
    ),
    row(
        "metadata-for-internal-asserts",
        Only(false),
        "code has no assertions of its own",
    ),
    row(
        "metadata-for-gc-heap-corruption",
        Only(false),
        "code has no assertions about objects",
    ),
    row(
        "cranelift",
        RefusedPrefix("-KEY[=VAL]"),
        "flags of the code generator are the engine's business; `-O opt-level` and `--tier` are there instead",
    ),
];
