use super::*;
use crate::Cli;
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write;

/// The names of the options of wasmtime 48, as `wasmtime run -W help` and so on list them.
const WASMTIMES: &str = include_str!("wasmtime-48.txt");

/// Options that wasmtime 48 has not.
const OURS: [&str; 2] = ["-W compact-imports", "-W legacy-exceptions"];

/// What else `wasmtime run` takes, and what each does here.
const SWITCHES: &[(&str, &str)] = &[
    (
        "allow-precompiled",
        "The same: compiled images are native code, and refused otherwise",
    ),
    (
        "argv0",
        "The same: the program's name in its own arguments; otherwise that of its file, without folders",
    ),
    ("codegen", "The group `-C`, below"),
    ("config", "The same"),
    ("debug", "The group `-D`, below"),
    ("dir", "The same, and `:ro` at the end makes it read-only"),
    (
        "env",
        "The same; a variable without a value that is not set here is an error, not left out",
    ),
    ("gdbstub", "Refused: there is no debugger of programs"),
    ("help", "The same"),
    (
        "invoke",
        "The same, without a warning; vectors are read and printed too",
    ),
    ("optimize", "The group `-O`, below"),
    (
        "preload",
        "The same, for modules and compiled images; a later one may import from those before it",
    ),
    (
        "profile",
        "`perfmap` and `jitdump` are the same; `vtune`, `pulley` and `guest` are refused",
    ),
    ("record", "The group `-R`, below"),
    (
        "target",
        "The same, but that it can only be x86-64 and Linux, which is the default",
    ),
    ("wasi", "The group `-S`, below"),
    ("wasm", "The group `-W`, below"),
];

const TITLE: &str = "\
# The options of `mainspring run`

What each option of `wasmtime run` (version 48) does here, then what only this command has. This file is written by
`MAINSPRING_BLESS=1 cargo test -p mainspring-cli options`, from the tables in `crates/cli/src/options`.

Options of a group may be given one by one (`-W gc=n -W threads`) or with commas between (`-Wgc=n,threads`). A
switch without a value is on; `y`, `yes` and `true`, `n`, `no` and `false` are values of switches. Numbers may be
hexadecimal (`0x10000`) and have `_` between digits. What is refused is refused by name, with the reason, so that no
option is taken and then ignored. The other commands take the groups too; what is about running a program changes nothing
of what `compile` and `explore` do, and is refused by `wast`.
";

fn run_command() -> Command {
    let mut command = Cli::command();
    command.build();
    let run = command.find_subcommand("run");
    run.expect("there is that command").clone()
}

/// What OPTIONS.md has to be.
fn document() -> String {
    let mut text = TITLE.to_owned();
    let mut table = |title: &str, rows: &mut dyn Iterator<Item = (String, String)>| {
        let _ = write!(text, "\n## {title}\n\n| option | here |\n|---|---|\n");
        for (name, says) in rows {
            let _ = writeln!(text, "| `{}` | {says} |", name.replace('|', "\\|"));
        }
    };
    let command = run_command();
    let switches = SWITCHES.iter().map(|(name, says)| {
        let arg = long(&command, name).unwrap_or_else(|| panic!("no --{name}"));
        (usage(arg), (*says).to_owned())
    });
    table("Options of `wasmtime run`", &mut switches.into_iter());
    for group in GROUPS {
        let rows = group.rows.iter().map(|row| {
            let name = format!("-{} {}", group.short, row.usage());
            (name, row.says())
        });
        table(
            &format!("{} (`-{}`)", group.title, group.short),
            &mut rows.into_iter(),
        );
    }
    let ours = command.get_arguments().filter(|arg| {
        let name = arg.get_long();
        name.is_some_and(|name| SWITCHES.iter().all(|(known, _)| *known != name))
    });
    let shown = ours.filter(|arg| !arg.is_hide_set()).map(|arg| {
        let help = arg.get_long_help().or(arg.get_help());
        (usage(arg), help.expect("each has one").to_string())
    });
    table("Options that only this command has", &mut shown.into_iter());
    text
}

fn long<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(name))
}

fn usage(arg: &Arg) -> String {
    let short = arg
        .get_short()
        .map_or(String::new(), |short| format!("-{short}, "));
    let long = arg.get_long().expect("it has a name");
    let takes = arg.get_action().takes_values();
    let value = match arg.get_value_names() {
        Some([value, ..]) if takes => format!(" {value}"),
        _ => String::new(),
    };
    format!("{short}--{long}{value}")
}

#[test]
fn each_option_of_wasmtime_has_a_row() {
    let known: Vec<&str> = WASMTIMES.lines().chain(OURS).collect();
    let mut rows: Vec<String> = Vec::new();
    for group in GROUPS {
        rows.extend(
            group
                .rows
                .iter()
                .map(|row| format!("-{} {}", group.short, row.name)),
        );
    }
    for name in &known {
        assert!(rows.iter().any(|row| row == name), "no row for {name}");
    }
    for row in &rows {
        assert!(
            known.contains(&row.as_str()),
            "{row} is not an option of wasmtime"
        );
        assert_eq!(
            rows.iter().filter(|other| *other == row).count(),
            1,
            "{row}"
        );
    }
}

#[test]
fn the_list_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/OPTIONS.md");
    let (expected, found) = (
        document(),
        std::fs::read_to_string(path).unwrap_or_default(),
    );
    if std::env::var_os("MAINSPRING_BLESS").is_some() {
        return std::fs::write(path, expected).expect("the list can be written");
    }
    for (expected, found) in expected.lines().zip(found.lines()) {
        assert_eq!(expected, found, "OPTIONS.md is not what the tables say");
    }
    assert_eq!(expected, found, "OPTIONS.md is not what the tables say");
}

fn refusal(group: Group, text: &str) -> String {
    match group.parse(text) {
        Ok(_) => panic!("{text} was accepted"),
        Err(message) => message,
    }
}

/// Options of one group.
fn settings(group: Group, text: &[&str]) -> Settings {
    let lists = text
        .iter()
        .map(|text| group.parse(text).expect("they are options"))
        .collect();
    let mut options = Options {
        wasm: Vec::new(),
        optimize: Vec::new(),
        codegen: Vec::new(),
        debug: Vec::new(),
        wasi: Vec::new(),
        record: Vec::new(),
        target: None,
        config: None,
    };
    match group.short {
        'W' => options.wasm = lists,
        'S' => options.wasi = lists,
        other => panic!("-{other} is not used here"),
    }
    options.settings().expect("there is no file")
}

/// Each option takes what its usage says, or is refused with its reason, whatever it is given.
#[test]
fn each_row_is_taken_or_refused() {
    for group in GROUPS {
        for row in group.rows {
            let Row { name, text, .. } = row;
            let given = |value: &str| group.parse(&format!("{name}{value}")).map(|_| ());
            let reason = |value: &str| {
                let refused = refusal(group, &format!("{name}{value}"));
                assert!(
                    refused.contains(text) && refused.contains(name),
                    "{refused}"
                );
            };
            match &row.effect {
                Effect::Config(_) | Effect::Proposal(_) | Effect::Switch(_) => {
                    for value in ["", "=y", "=yes", "=true", "=n", "=no", "=false"] {
                        given(value).expect("a switch takes it");
                    }
                    assert!(given("=maybe").is_err() && given("=").is_err());
                }
                Effect::Bytes(_) | Effect::Number(_) => {
                    for value in ["=0", "=65_536", "=0x1_0000", "=18446744073709551615"] {
                        given(value).expect("a number");
                    }
                    for value in [
                        "",
                        "=",
                        "=-1",
                        "=1.5",
                        "=0x",
                        "=64K",
                        "=18446744073709551616",
                    ] {
                        assert!(given(value).is_err(), "{name}{value}");
                    }
                }
                Effect::Text(_) => assert!(given("=a=b").is_ok() && given("").is_err()),
                Effect::Word(words) => {
                    for (word, _) in *words {
                        given(&format!("={word}")).expect("a word of its own");
                    }
                    reason("=nonsense");
                    assert!(given("").is_err());
                }
                Effect::Only(on) => {
                    let (right, wrong) = if *on { ("=y", "=n") } else { ("=n", "=y") };
                    given(right).expect("it is so anyway");
                    reason(wrong);
                    assert!(given("=maybe").is_err());
                }
                Effect::Refused(_) | Effect::NotYet(_) => {
                    ["", "=y", "=1"].iter().for_each(|v| reason(v))
                }
                Effect::RefusedPrefix(_) => ["-x", "-x=1"].iter().for_each(|v| reason(v)),
            }
        }
    }
}

#[test]
fn what_is_not_there_is_said_with_what_may_be_meant() {
    let cases = [
        (WASM, "wide", "did you mean `-W wide-arithmetic`?"),
        (
            OPTIMIZE,
            "nan-canonicalization",
            "but `-W nan-canonicalization`",
        ),
        (WASM, "sind", "`-W help` lists all"),
        (WASM, "", "`-W help` lists all"),
        (WASM, "simd,,threads", "there is no option `-W `"),
        (CODEGEN, "cranelift", "there is no option"),
    ];
    for (group, text, expected) in cases {
        let refused = refusal(group, text);
        assert!(refused.contains(expected), "{refused}");
    }
}

/// What is given by name overrides what is given for all, in any order; otherwise the last one counts.
#[test]
fn options_take_effect_in_the_order_of_the_table() {
    let simd = |text: &[&str]| {
        let engine = mainspring::Engine::new(&settings(WASM, text).config);
        let features = engine.expect("a configuration").get_wasm_features();
        let simd = wasmparser::WasmFeatures::SIMD;
        let wide = wasmparser::WasmFeatures::WIDE_ARITHMETIC;
        (features.contains(simd), features.contains(wide))
    };
    assert_eq!(simd(&[]), (true, false));
    assert_eq!(simd(&["all-proposals"]), (true, true));
    assert_eq!(simd(&["all-proposals=n"]), (false, false));
    assert_eq!(simd(&["wide-arithmetic=n", "all-proposals"]), (true, false));
    assert_eq!(simd(&["all-proposals=n,simd"]), (true, false));
    assert_eq!(simd(&["simd=n,simd=y"]), (true, false));
    assert_eq!(simd(&["simd=y,simd=n", "relaxed-simd=n"]), (false, false));
    let both = settings(WASI, &["tcplisten=a", "tcplisten=b,cli=n"])
        .program
        .wasi;
    assert_eq!(both.tcplisten, ["a", "b"]);
    assert!(!both.cli);
}
