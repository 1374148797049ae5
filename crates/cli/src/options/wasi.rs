//! `-S`: what a program gets of WASI.

use super::Effect::{NotYet, Number, Only, Switch, Text};
use super::{NUMBER, Row, TEXT, row};

const PREVIEW_2: &str = "there is WASI preview 1 only";
const NO_SOCKETS: &str =
    "a program of WASI preview 1 can't open sockets; `-S tcplisten=ADDRESS` gives it one";
const HTTP: &str = "there is no wasi-http";
const NN: &str = "there is no wasi-nn";
const CONFIG: &str = "there is no wasi-config";
const KEYVALUE: &str = "there is no wasi-keyvalue";
const COMPONENTS: &str = "it is about components, which there are none of";

pub(super) const ROWS: &[Row] = &[
    row(
        "cli",
        Switch(|s, on| s.program.wasi.cli = on),
        "Whether the program has WASI; on by default",
    ),
    row(
        "common",
        Switch(|s, on| s.program.wasi.cli = on),
        "An old name of cli",
    ),
    row(
        "preview0",
        Switch(|s, on| s.program.wasi.preview0 = on),
        "Whether it has the functions of before preview 1 (`wasi_unstable`) too; on by default",
    ),
    row(
        "inherit-env",
        Switch(|s, on| s.program.wasi.inherit_env = on),
        "Whether it gets all environment variables; those of `--env` go before them",
    ),
    row(
        "inherit-stdin",
        Switch(|s, on| s.program.wasi.stdin = on),
        "Whether it gets standard input, and not an empty one; on by default",
    ),
    row(
        "inherit-stdout",
        Switch(|s, on| s.program.wasi.stdout = on),
        "Whether its standard output goes anywhere; on by default",
    ),
    row(
        "inherit-stderr",
        Switch(|s, on| s.program.wasi.stderr = on),
        "Whether its standard error goes anywhere; on by default",
    ),
    row(
        "listenfd",
        Switch(|s, on| s.program.wasi.listenfd = on),
        "Whether it gets the sockets that systemd passes (LISTEN_FDS), after its directories",
    ),
    row(
        "tcplisten",
        Text(|s, address| s.program.wasi.tcplisten.push(address.into())),
        "It gets a socket that listens at this address, as in 127.0.0.1:8080, after its directories. May be repeated",
    ),
    row(
        "max-random-size",
        Number(|s, n| s.program.wasi.max_random_size = Some(n)),
        "How many random bytes it may have in one call; 64 MiB by default",
    ),
    row(
        "threads",
        Switch(|s, on| s.program.wasi.threads = on),
        "Whether it can make threads (wasi-threads); its memory is shared, which takes `-W shared-memory` too",
    ),
    row(
        "preview2",
        Only(true),
        "preview 1 is implemented in one way",
    ),
    row("inherit-network", Only(false), NO_SOCKETS),
    row("tcp", Only(false), NO_SOCKETS),
    row("udp", Only(false), NO_SOCKETS),
    row(
        "allow-ip-name-lookup",
        Only(false),
        "a program of WASI preview 1 can't look names up",
    ),
    row("network-error-code", Only(false), PREVIEW_2),
    row("cli-exit-with-code", Only(false), PREVIEW_2),
    row("p3", Only(false), PREVIEW_2),
    row("nn", Only(false), NN),
    row("http", Only(false), HTTP),
    row("config", Only(false), CONFIG),
    row("keyvalue", Only(false), KEYVALUE),
    row("tls", Only(false), "there is no wasi-tls"),
    row(
        "cwd",
        NotYet(TEXT),
        "a program of WASI preview 1 has no working directory but the one that `--dir` names `.`",
    ),
    row("nn-graph", NotYet("=FORMAT::DIR"), NN),
    row("http-outgoing-body-buffer-chunks", NotYet(NUMBER), HTTP),
    row("http-outgoing-body-chunk-size", NotYet(NUMBER), HTTP),
    row("max-http-fields-size", NotYet(NUMBER), HTTP),
    row("config-var", NotYet("=NAME=VAL"), CONFIG),
    row("keyvalue-in-memory-data", NotYet("=NAME=VAL"), KEYVALUE),
    row("max-resources", NotYet(NUMBER), COMPONENTS),
    row("hostcall-fuel", NotYet(NUMBER), COMPONENTS),
    row("max-component-handles", NotYet(NUMBER), COMPONENTS),
];
