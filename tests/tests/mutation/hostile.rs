//! Modules that mean harm: as deep, as long, as many of everything as the format allows, or more. Each is
//! refused, fails or works as its row says, in bounded time and memory.

use crate::encode::*;
use mainspring::*;
use std::time::{Duration, Instant};

/// No case comes near it on an idle machine; what grows with the square of its size exceeds it by far.
const TIME: Duration = Duration::from_secs(10);
/// What [`TIME`] grows by where each loop that is reached is compiled again, on the thread that runs it: the
/// cases with hundreds of loops pay for each of them.
const LOOPS_COMPILED: u32 = 5;
/// Of the whole process, with all that runs beside a case.
const MEMORY_KIB: u64 = 4 << 20;

/// What becomes of a module.
enum Expected {
    /// It is invalid: words of the error, which also says at which byte.
    Refused(&'static str),
    /// It can't be instantiated: words of the error.
    NotInstantiated(&'static str),
    /// The system decides whether there is room for it.
    Instantiated,
    /// `f` returns this.
    Returns(i32),
    /// `f` traps.
    Traps(Trap),
    /// `f` works, but is left to the baseline tier, since it is too large for the optimizing tier.
    NotOptimized,
}
use Expected::*;

fn check(cases: Vec<(&str, Vec<u8>, Expected)>) {
    let engine = Engine::new(Config::new().wasm_legacy_exceptions(true)).unwrap();
    let every_loop = std::env::var_os("MAINSPRING_TIER").is_some_and(|tier| tier == "stress-loops");
    let limit = TIME * if every_loop { LOOPS_COMPILED } else { 1 };
    for (name, bytes, expected) in cases {
        let start = Instant::now();
        run(&engine, name, &bytes, &expected);
        let (time, memory) = (start.elapsed(), peak_kib());
        assert!(time < limit, "{name} took {time:?}");
        assert!(
            memory < MEMORY_KIB,
            "{name}: the process has had {memory} KiB of memory"
        );
        eprintln!("{name}: {time:?}");
    }
}

fn run(engine: &Engine, name: &str, bytes: &[u8], expected: &Expected) {
    let module = match (Module::new(engine, bytes), expected) {
        (Err(error), Refused(words)) => {
            let text = format!("{error:#}");
            return assert!(
                text.contains(words) && text.contains("0x"),
                "{name}: {text}"
            );
        }
        (Err(error), _) => panic!("{name}: refused: {error:#}"),
        (Ok(_), Refused(_)) => panic!("{name}: not refused"),
        (Ok(module), _) => module,
    };
    let mut store = Store::new(engine, ());
    let instance = match (Instance::new(&mut store, &module, &[]), expected) {
        (_, Instantiated) => return,
        (Err(error), NotInstantiated(words)) => {
            let text = format!("{error:#}");
            return assert!(text.contains(words), "{name}: {text}");
        }
        (Err(error), _) => panic!("{name}: not instantiated: {error:#}"),
        (Ok(_), NotInstantiated(_)) => panic!("{name}: instantiated"),
        (Ok(instance), _) => instance,
    };
    let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
    match (f.call(&mut store, ()), expected) {
        (Ok(value), Returns(expected)) => assert_eq!(value, *expected, "{name}"),
        (Err(error), Traps(trap)) => {
            assert_eq!(error.downcast_ref(), Some(trap), "{name}: {error:#}")
        }
        (Ok(_), NotOptimized) => {
            let too_large = || engine.statistics().optimizing.too_large;
            let before = too_large();
            engine.precompile_module(bytes).unwrap();
            assert_eq!(too_large(), before + 1, "{name}");
        }
        (other, _) => panic!("{name}: {other:?}"),
    }
}

/// The most memory that the process has had at once.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("Linux");
    let number = line.split_whitespace().nth(1).expect("a number");
    number.parse().expect("a number")
}

/// `open` so many times, then `middle`, then `close` as often.
fn nested(open: &[u8], count: usize, middle: &[u8], close: &[u8]) -> Vec<u8> {
    [open.repeat(count), middle.to_vec(), close.repeat(count)].concat()
}

/// A statement so many times, then the result 7.
fn repeat(statement: &[u8], count: usize) -> Vec<u8> {
    [statement.repeat(count), SEVEN.to_vec()].concat()
}

/// A `br_table` with these targets, the last one for all other indices.
fn br_table(targets: Vec<u64>) -> Vec<u8> {
    let mut code = vec![CONST, 3, BR_TABLE];
    code.extend(leb(targets.len() as u64 - 1));
    code.extend(targets.into_iter().flat_map(leb));
    code
}

/// For each local, its value and one more becomes the value of the next.
fn chain(locals: u64) -> Vec<u8> {
    let step = |i| [vec![GET], leb(i), vec![CONST, 1, ADD, SET], leb(i + 1)].concat();
    (0..locals - 1).flat_map(step).collect()
}

const SEVEN: [u8; 2] = [CONST, 7];
/// A zero that the compiler does not know to be one.
const ZERO: [u8; 5] = [CONST, 0, LOAD, 2, 0];

#[test]
fn deep_and_long_control_flow() {
    let body = |code: Vec<u8>| one_function(&[(1, I32)], &code);
    let returns = |code| (body(code), Returns(7));
    let again: Vec<u8> = [&ZERO[..], &[BR_IF, 0, END]].concat();
    let cases = [
        (
            "blocks in blocks",
            returns(nested(&[BLOCK, I32], 100_000, &SEVEN, &[END])),
        ),
        (
            "loops in loops",
            returns(nested(&[LOOP, I32], 100_000, &SEVEN, &[END])),
        ),
        (
            "ifs in ifs",
            returns(nested(
                &[GET, 0, IF, I32],
                50_000,
                &SEVEN,
                &[ELSE, CONST, 7, END],
            )),
        ),
        (
            "ifs in elses",
            returns(nested(
                &[GET, 0, IF, I32, CONST, 7, ELSE],
                50_000,
                &SEVEN,
                &[END],
            )),
        ),
        (
            "block after block",
            returns(repeat(&[BLOCK, EMPTY, END], 300_000)),
        ),
        (
            "loop after loop",
            returns(repeat(&[&[LOOP, EMPTY][..], &again].concat(), 30_000)),
        ),
        (
            "if after if",
            returns(repeat(
                &[
                    GET, 0, IF, EMPTY, CONST, 1, SET, 0, ELSE, CONST, 2, SET, 0, END,
                ],
                30_000,
            )),
        ),
        (
            "branch after branch",
            returns(
                [
                    vec![BLOCK, EMPTY],
                    [GET, 0, BR_IF, 0].repeat(100_000),
                    vec![END],
                    SEVEN.to_vec(),
                ]
                .concat(),
            ),
        ),
        (
            "100,000 targets",
            returns(
                [
                    vec![BLOCK, EMPTY],
                    br_table(vec![0; 100_001]),
                    vec![END],
                    SEVEN.to_vec(),
                ]
                .concat(),
            ),
        ),
        (
            "10,000 different targets",
            returns(
                [
                    [BLOCK, EMPTY].repeat(10_000),
                    br_table((0..10_000).collect()),
                    vec![END; 10_000],
                    SEVEN.to_vec(),
                ]
                .concat(),
            ),
        ),
        (
            "300 times 1,000 different targets",
            returns({
                let one = [
                    vec![BLOCK, EMPTY],
                    br_table((0..1_000).collect()),
                    vec![END],
                ]
                .concat();
                [
                    [BLOCK, EMPTY].repeat(1_000),
                    one.repeat(300),
                    vec![END; 1_000],
                    SEVEN.to_vec(),
                ]
                .concat()
            }),
        ),
        (
            "never reached",
            (
                body([vec![UNREACHABLE], repeat(&[CONST, 1, DROP], 300_000)].concat()),
                Traps(Trap::UnreachableCodeReached),
            ),
        ),
    ];
    check(
        cases
            .into_iter()
            .map(|(name, (bytes, expected))| (name, bytes, expected))
            .collect(),
    );
}

#[test]
fn deep_and_long_exceptions() {
    let body = |code: Vec<Vec<u8>>| {
        let code = [code.concat(), SEVEN.to_vec()].concat();
        one_function(&[(1, I32)], &code)
    };
    let case = |name, code| (name, body(code), Returns(7));
    let too_large = |name, code| (name, body(code), NotOptimized);
    let many = 100_000;
    let catches_none = [TRY_TABLE, EMPTY, 0];
    let perhaps = |code: &[u8]| [&[GET, 0, IF, EMPTY][..], code, &[END]].concat();
    let delegate = |i: u64| [vec![DELEGATE], leb(i)].concat();
    check(vec![
        case(
            "try_tables in try_tables",
            vec![nested(&catches_none, many, &[CALL, 1], &[END])],
        ),
        too_large(
            "calls in them",
            vec![nested(&catches_none, many, &[CALL, 1].repeat(many), &[END])],
        ),
        too_large(
            "throws in them",
            vec![nested(
                &catches_none,
                many,
                &perhaps(&[THROW, 0]).repeat(many),
                &[END],
            )],
        ),
        case(
            "clauses of a try_table",
            vec![
                vec![BLOCK, EMPTY, TRY_TABLE, EMPTY],
                leb(10_000),
                [0, 0, 0].repeat(10_000),
                perhaps(&[THROW, 0]).repeat(many),
                vec![CALL, 1, END, END],
            ],
        ),
        too_large(
            "tries in tries",
            vec![nested(
                &[TRY, EMPTY],
                many / 2,
                &perhaps(&[THROW, 0]).repeat(many / 2),
                &[CALL, 1, CATCH, 0, CATCH_ALL, END],
            )],
        ),
        case(
            "clauses of a try",
            vec![
                vec![TRY, EMPTY, CALL, 1],
                [CATCH, 0].repeat(many),
                vec![END],
            ],
        ),
        case(
            "throwing again",
            vec![
                vec![TRY, EMPTY, CALL, 1, CATCH_ALL],
                perhaps(&[RETHROW, 1]).repeat(many),
                vec![END],
            ],
        ),
        case(
            "delegating past many",
            vec![
                [TRY, EMPTY].repeat(many),
                vec![CALL, 1],
                (0..many as u64).rev().flat_map(delegate).collect(),
            ],
        ),
    ]);
}

#[test]
fn many_locals_and_operands() {
    let seven = SEVEN.to_vec();
    let fill: Vec<u8> = (0..5_000u64)
        .flat_map(|i| [ZERO.to_vec(), vec![SET], leb(i)].concat())
        .collect();
    let across_calls = [
        &fill[..],
        &[LOOP, EMPTY, CALL, 1],
        &chain(5_000),
        &ZERO,
        &[BR_IF, 0, END],
        &SEVEN,
    ]
    .concat();
    let again: Vec<u8> = [&ZERO[..], &[BR_IF, 0, END]].concat();
    // Each local changes in so many loops.
    let in_loops = |count: usize, nops: usize| {
        let step = |i| [vec![GET], leb(i), vec![CONST, 1, ADD, SET], leb(i)].concat();
        let steps: Vec<u8> = (0..count as u64).flat_map(step).collect();
        let last = leb(count as u64 - 1);
        let sum = [&[GET, 0, GET][..], &last, &[ADD, CONST, 5, ADD]].concat();
        let loops = nested(&[LOOP, EMPTY], count, &steps, &again);
        one_function(
            &[(count as u64, I32)],
            &[loops, vec![NOP; nops], sum].concat(),
        )
    };
    let late = [
        [BLOCK, EMPTY, GET, 0, BR_IF, 0, END].repeat(50_000),
        chain(50_000),
        seven.clone(),
    ]
    .concat();
    check(vec![
        (
            "50,000 locals",
            one_function(&[(50_000, I64)], &SEVEN),
            Returns(7),
        ),
        (
            "50,000 vectors",
            one_function(&[(50_000, V128)], &SEVEN),
            Returns(7),
        ),
        (
            "one local too many",
            one_function(&[(50_001, I64)], &SEVEN),
            Refused("locals"),
        ),
        (
            "4 billion locals",
            one_function(&[(0xffff_ffff, I64)], &SEVEN),
            Refused("locals"),
        ),
        (
            "50,000 locals in a chain",
            one_function(&[(50_000, I32)], &[chain(50_000), seven].concat()),
            Returns(7),
        ),
        (
            "5,000 locals across calls",
            one_function(&[(5_000, I32)], &across_calls),
            Returns(7),
        ),
        ("200 locals in 200 loops", in_loops(200, 0), Returns(7)),
        ("260 locals in 260 loops", in_loops(260, 0), NotOptimized),
        (
            "270 locals in 270 loops, and nops",
            in_loops(270, 50_000),
            Returns(7),
        ),
        (
            "1,500 locals in 1,500 loops, and nops",
            in_loops(1_500, 2_000_000),
            NotOptimized,
        ),
        (
            "3,000 locals in 3,000 loops",
            in_loops(3_000, 0),
            NotOptimized,
        ),
        (
            "50,000 locals after 50,000 blocks",
            one_function(&[(50_000, I32)], &late),
            NotOptimized,
        ),
        (
            "100,000 operands",
            one_function(
                &[],
                &[[CONST, 1].repeat(100_000), vec![ADD; 99_999]].concat(),
            ),
            Returns(100_000),
        ),
    ]);
}

#[test]
fn long_straight_code() {
    let i32s = |statement: &[u8], count| {
        (
            one_function(&[(1, I32)], &repeat(statement, count)),
            Returns(7),
        )
    };
    let f64s = |statement: &[u8], count| {
        (
            one_function(&[(1, F64)], &repeat(statement, count)),
            Returns(7),
        )
    };
    let indirect = repeat(&[CONST, 0, CALL_INDIRECT, 1, 0], 25_000);
    let cases = [
        ("additions", i32s(&[GET, 0, CONST, 3, ADD, SET, 0], 100_000)),
        ("loads", i32s(&[GET, 0, LOAD, 2, 4, DROP], 100_000)),
        ("stores", i32s(&[GET, 0, CONST, 3, STORE, 2, 4], 100_000)),
        (
            "divisions",
            i32s(&[GET, 0, CONST, 3, DIV_S, SET, 0], 100_000),
        ),
        ("calls", i32s(&[CALL, 1], 100_000)),
        (
            "indirect calls",
            (
                one_function(&[], &indirect),
                Traps(Trap::IndirectCallToNull),
            ),
        ),
        (
            "a global",
            i32s(&[GLOBAL_GET, 0, CONST, 1, ADD, GLOBAL_SET, 0], 25_000),
        ),
        (
            "memory.grow",
            i32s(&[CONST, 0, MEMORY_GROW, 0, DROP], 30_000),
        ),
        (
            "float additions",
            f64s(&[GET, 0, GET, 0, F64_ADD, SET, 0], 100_000),
        ),
        (
            "conversions",
            f64s(&[GET, 0, I32_TRUNC_F64_S, DROP], 50_000),
        ),
        ("constants", i32s(&[CONST, 1, DROP], 1_600_000)),
        ("nops", i32s(&[NOP], 5_000_000)),
        (
            "too many nops",
            (
                one_function(&[], &repeat(&[NOP], 8_000_000)),
                Refused("function body size"),
            ),
        ),
    ];
    check(
        cases
            .into_iter()
            .map(|(name, (bytes, expected))| (name, bytes, expected))
            .collect(),
    );
}

#[test]
fn many_of_everything() {
    let [ty, func] = [section(1, &[1, 0x60, 0, 1, I32]), section(3, &[1, 0])];
    let exports_f = section(7, &[&[1][..], &name("f"), &[0, 0]].concat());
    let code = entries(10, &[body(&[], &SEVEN)]);
    // With a function to call, after all else.
    let with = |ids: &[u8], sections: Vec<Vec<u8>>| {
        let mut all = vec![ty.clone(), func.clone(), exports_f.clone(), code.clone()];
        all.retain(|section| !ids.contains(&section[0]));
        all.extend(sections);
        // In the order of the format, custom sections last.
        all.sort_by_key(|section| if section[0] == 0 { 99 } else { section[0] });
        module(&all)
    };
    let different_types: Vec<_> = (0..100_000u32)
        .map(|i| {
            let params = (0..17).map(|bit| if i >> bit & 1 == 1 { I32 } else { I64 });
            [vec![0x60, 17], params.collect(), vec![0]].concat()
        })
        .collect();
    let mut types = vec![vec![0x60, 0, 1, I32]];
    types.extend(different_types);
    let names = |count: usize| {
        entries(
            7,
            &(0..count)
                .map(|i| {
                    [
                        name(if i == 0 { "f".into() } else { format!("e{i}") }.as_str()),
                        vec![0, 0],
                    ]
                    .concat()
                })
                .collect::<Vec<_>>(),
        )
    };
    let twice = entries(
        7,
        &[
            [name("f"), vec![0, 0]].concat(),
            [name("f"), vec![0, 0]].concat(),
        ],
    );
    let long_constant = [
        &[1, I32, 0][..],
        &[CONST, 1].repeat(200_000),
        &vec![ADD; 199_999],
        &[END],
    ]
    .concat();
    check(vec![
        (
            "functions",
            with(
                &[3, 10],
                vec![
                    repeated(3, 1_000_000, &[0]),
                    repeated(10, 1_000_000, &body(&[], &SEVEN)),
                ],
            ),
            Returns(7),
        ),
        (
            "a function too many",
            with(
                &[3, 10],
                vec![
                    repeated(3, 1_000_001, &[0]),
                    repeated(10, 1_000_001, &body(&[], &SEVEN)),
                ],
            ),
            Refused("functions count"),
        ),
        (
            "equal types",
            with(&[1], vec![repeated(1, 200_000, &[0x60, 0, 1, I32])]),
            Returns(7),
        ),
        (
            "different types",
            with(&[1], vec![entries(1, &types)]),
            Returns(7),
        ),
        ("exports", with(&[7], vec![names(200_000)]), Returns(7)),
        (
            "an export twice",
            with(&[7], vec![twice]),
            Refused("duplicate export name"),
        ),
        (
            "globals",
            with(&[], vec![repeated(6, 200_000, &[I32, 1, CONST, 0, END])]),
            Returns(7),
        ),
        (
            "a long constant",
            with(&[], vec![section(6, &long_constant)]),
            Returns(7),
        ),
        (
            "data segments",
            with(
                &[],
                vec![
                    section(5, &[1, 0, 1]),
                    repeated(11, 100_000, &[0, CONST, 1, END, 1, 65]),
                ],
            ),
            Returns(7),
        ),
        (
            "data outside",
            with(
                &[],
                vec![
                    section(5, &[1, 0, 1]),
                    section(11, &[1, 0, CONST, 0x7f, END, 1, 65]),
                ],
            ),
            NotInstantiated("out of bounds memory access"),
        ),
        (
            "element segments",
            with(
                &[],
                vec![
                    section(4, &[1, 0x70, 0, 1]),
                    repeated(9, 100_000, &[0, CONST, 0, END, 0]),
                ],
            ),
            Returns(7),
        ),
        (
            "custom sections",
            with(&[], vec![section(0, &name("x")); 200_000]),
            Returns(7),
        ),
    ]);
}

#[test]
fn large_memories_and_tables() {
    let memory =
        |flags: u8, pages: u64| module(&[section(5, &[&[1, flags][..], &leb(pages)].concat())]);
    let tables =
        |count, size: u64| module(&[repeated(4, count, &[&[0x70, 0][..], &leb(size)].concat())]);
    check(vec![
        ("4 GiB", memory(0, 1 << 16), Instantiated),
        (
            "more than 4 GiB",
            memory(0, (1 << 16) + 1),
            Refused("memory size"),
        ),
        ("64 GiB", memory(4, 1 << 20), Instantiated),
        (
            "256 TiB",
            memory(4, 1 << 32),
            NotInstantiated("address space"),
        ),
        (
            "16 EiB",
            memory(4, 1 << 48),
            NotInstantiated("address space"),
        ),
        (
            "100 memories",
            module(&[repeated(5, 100, &[0, 1])]),
            Instantiated,
        ),
        (
            "101 memories",
            module(&[repeated(5, 101, &[0, 1])]),
            Refused("memories count"),
        ),
        ("10 million elements", tables(1, 10_000_000), Instantiated),
        ("4 billion elements", tables(1, 4_000_000_000), Instantiated),
        (
            "100 times 10 million elements",
            tables(100, 10_000_000),
            Instantiated,
        ),
        ("200 tables", tables(200, 1), Instantiated),
    ]);
}

/// Sections that declare entries which they do not have.
#[test]
fn huge_declared_counts_cost_nothing() {
    let mut cases = Vec::new();
    // Only the start section (8) holds a number that counts nothing.
    for id in (1..=13).filter(|&id| id != 8) {
        for count in [1, 100_000, 0xffff_ffff] {
            cases.push((
                "a declared count",
                module(&[section(id, &leb(count))]),
                Refused(""),
            ));
        }
    }
    check(cases);
}
