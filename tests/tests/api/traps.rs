//! Wasm that stops before its end.

use crate::{engines, with_instance};
use mainspring::*;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn every_trap_has_its_code_and_words() {
    let text = r#"(module
        (memory 1) (table 2 funcref) (elem (i32.const 0) $other) (func $other (param i64))
        (type $t (func))
        (func (export "memory") (drop (i32.load (i32.const 65533))))
        (func (export "far") (drop (i64.load offset=4294967295 (i32.const -1))))
        (func (export "store") (i32.store8 (i32.const 65536) (i32.const 0)))
        (func (export "fill") (memory.fill (i32.const 65535) (i32.const 0) (i32.const 2)))
        (func (export "table") (drop (table.get (i32.const 2))))
        (func (export "call_outside") (call_indirect (type $t) (i32.const 2)))
        (func (export "null") (call_indirect (type $t) (i32.const 1)))
        (func (export "signature") (call_indirect (type $t) (i32.const 0)))
        (func (export "overflow") (drop (i32.div_s (i32.const -2147483648) (i32.const -1))))
        (func (export "zero") (drop (i64.rem_u (i64.const 1) (i64.const 0))))
        (func (export "nan") (drop (i32.trunc_f32_s (f32.const nan))))
        (func (export "large") (drop (i64.trunc_f64_u (f64.const 1e30))))
        (func (export "unreachable") unreachable)
        (func $stack (export "stack") call $stack call $stack))"#;
    let expected = [
        (
            "memory",
            Trap::MemoryOutOfBounds,
            "wasm trap: out of bounds memory access",
        ),
        (
            "far",
            Trap::MemoryOutOfBounds,
            "wasm trap: out of bounds memory access",
        ),
        (
            "store",
            Trap::MemoryOutOfBounds,
            "wasm trap: out of bounds memory access",
        ),
        (
            "fill",
            Trap::MemoryOutOfBounds,
            "wasm trap: out of bounds memory access",
        ),
        (
            "table",
            Trap::TableOutOfBounds,
            "wasm trap: undefined element: out of bounds table access",
        ),
        (
            "call_outside",
            Trap::TableOutOfBounds,
            "wasm trap: undefined element: out of bounds table access",
        ),
        (
            "null",
            Trap::IndirectCallToNull,
            "wasm trap: uninitialized element",
        ),
        (
            "signature",
            Trap::BadSignature,
            "wasm trap: indirect call type mismatch",
        ),
        (
            "overflow",
            Trap::IntegerOverflow,
            "wasm trap: integer overflow",
        ),
        (
            "zero",
            Trap::IntegerDivisionByZero,
            "wasm trap: integer divide by zero",
        ),
        (
            "nan",
            Trap::BadConversionToInteger,
            "wasm trap: invalid conversion to integer",
        ),
        (
            "large",
            Trap::IntegerOverflow,
            "wasm trap: integer overflow",
        ),
        (
            "unreachable",
            Trap::UnreachableCodeReached,
            "wasm trap: wasm `unreachable` instruction executed",
        ),
        (
            "stack",
            Trap::StackOverflow,
            "wasm trap: call stack exhausted",
        ),
    ];
    with_instance(text, |store, instance| {
        // Twice: a store stays usable.
        for (name, code, words) in expected.iter().chain(&expected) {
            let func = instance.get_typed_func::<(), ()>(&mut *store, name)?;
            let error = func.call(&mut *store, ()).unwrap_err();
            assert_eq!(
                error.downcast_ref::<Trap>(),
                Some(code),
                "{name}: {error:?}"
            );
            assert_eq!(error.root_cause().to_string(), *words);
        }
        Ok(())
    });
}

#[test]
fn host_functions_see_the_frames_however_they_are_called() {
    let module = r#"(module
        (import "host" "see" (func $see (param i32))) (import "host" "slots" (func $slots (param i64 i64 i64 i64 i64 i64 i64)))
        (type $see (func (param i32)))
        (table funcref (elem $see))
        (func $direct (export "direct") (call $see (i32.const 1)))
        (func $table (export "table") (call_indirect (type $see) (i32.const 2) (i32.const 0)))
        (func $tail (param i64 i64 i64 i64 i64 i64 i64 i64) (return_call $see (i32.const 3)))
        (func $tail_table (return_call_indirect (type $see) (i32.const 4) (i32.const 0)))
        (func $tails (export "tails")
            (call $tail (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0))
            call $tail_table)
        (func $slow (export "slow") (call $slots (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0))))"#;
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, Vec::new());
        let mut linker = Linker::new(&engine);
        let see = |mut caller: Caller<'_, Vec<String>>| {
            let backtrace = WasmBacktrace::capture(&caller);
            let names = backtrace
                .frames()
                .iter()
                .map(|frame| frame.func_name().unwrap().to_string());
            let names: Vec<_> = names.collect();
            caller.data_mut().push(names.join(" "));
        };
        linker
            .func_wrap("host", "see", move |caller: Caller<'_, _>, _: i32| {
                see(caller)
            })
            .unwrap();
        linker
            .func_wrap(
                "host",
                "slots",
                move |caller: Caller<'_, _>,
                      _: i64,
                      _: i64,
                      _: i64,
                      _: i64,
                      _: i64,
                      _: i64,
                      _: i64| see(caller),
            )
            .unwrap();
        let module = Module::new(&engine, module).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        for export in ["direct", "table", "tails", "slow"] {
            instance
                .get_typed_func::<(), ()>(&mut store, export)
                .unwrap()
                .call(&mut store, ())
                .unwrap();
        }
        let expected = ["direct", "table", "tails", "tails", "slow"];
        assert_eq!(store.data(), &expected, "{name}");
        // Nothing runs anymore.
        assert!(WasmBacktrace::capture(&store).frames().is_empty(), "{name}");
    }
}

#[test]
fn backtraces_name_functions_and_offsets() {
    let inner = r#"(module $inner (func $fail (export "fail") unreachable))"#;
    let outer = r#"(module $outer
        (import "inner" "fail" (func $fail)) (import "host" "again" (func $again))
        (func $run (export "run") call $again)
        (func $_Z6middlev (export "middle") call $fail)
        (func (export "nameless") call $_Z6middlev))"#;
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        let again = |mut caller: Caller<'_, ()>| -> Result<()> {
            let Some(Extern::Func(func)) = caller.get_export("nameless") else {
                bail!("no export")
            };
            func.call(&mut caller, &[], &mut [])
        };
        linker.func_wrap("host", "again", again).unwrap();
        linker
            .module(&mut store, "inner", &Module::new(&engine, inner).unwrap())
            .unwrap();
        let binary = wat::parse_str(outer).unwrap();
        let instance = linker
            .instantiate(&mut store, &Module::new(&engine, &binary).unwrap())
            .unwrap();
        let error = instance
            .get_typed_func::<(), ()>(&mut store, "run")
            .unwrap()
            .call(&mut store, ())
            .unwrap_err();
        let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
        let frames: Vec<_> = backtrace
            .frames()
            .iter()
            .map(|frame| (frame.module().name(), frame.func_name(), frame.func_index()))
            .collect();
        let expected = [
            (Some("inner"), Some("fail"), 0),
            (Some("outer"), Some("_Z6middlev"), 3),
            (Some("outer"), None, 4),
            (Some("outer"), Some("run"), 2),
        ];
        assert_eq!(frames, expected, "{name}");
        for frame in &backtrace.frames()[1..] {
            // The instruction is a `call`, in the function that the frame says.
            assert_eq!(
                binary[frame.module_offset().unwrap()],
                0x10,
                "{name}: {frame:?}"
            );
            assert_eq!(frame.func_offset(), Some(1), "{name}");
        }
        let text = format!("{error:?}");
        assert!(
            text.starts_with("error while executing at wasm backtrace:\n    0:"),
            "{text}"
        );
        assert!(
            text.contains("inner!fail\n")
                && text.contains("outer!middle()\n")
                && text.contains("outer!<wasm function 4>\n"),
            "{text}"
        );
        assert_eq!(
            error.downcast_ref::<Trap>(),
            Some(&Trap::UnreachableCodeReached)
        );
    }
}

/// An interpreter: what it fetches past the end of memory traps at the fetch, whichever instruction was the
/// last, and until then it computes what it should.
#[test]
fn an_interpreters_fetch_traps_where_it_is() {
    let wat = r#"(module (memory (export "memory") 1) (global $sum (export "sum") (mut i32) (i32.const 0))
        (func (export "run") (param $pc i32) (local $op i32)
            (loop $next
                (block $halt (block $jump (block $double (block $add (block $xor
                    (local.set $op (i32.load8_u (local.get $pc)))
                    (local.set $pc (i32.add (local.get $pc) (i32.const 1)))
                    (br_table $xor $add $double $jump $halt (local.get $op)))
                    (global.set $sum (i32.xor (global.get $sum) (local.get $pc)))
                    (br $next))
                    (global.set $sum (i32.add (global.get $sum) (i32.const 7)))
                    (br $next))
                    (global.set $sum (i32.mul (global.get $sum) (i32.const 2)))
                    (br $next))
                    (local.set $pc (i32.load8_u (local.get $pc)))
                    (br $next)))))"#;
    let binary = wat::parse_str(wat).unwrap();
    let fetch = binary
        .windows(3)
        .position(|window| window == [0x2d, 0, 0])
        .unwrap();
    for (name, engine) in engines() {
        let module = Module::new(&engine, &binary).unwrap();
        for last in 0..4u8 {
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let memory = instance.get_memory(&mut store, "memory").unwrap();
            let (mut sum, size) = (0i32, memory.data_size(&store));
            let data = memory.data_mut(&mut store);
            for (pc, byte) in data.iter_mut().enumerate() {
                let op = if pc == size - 1 {
                    last
                } else {
                    (pc % 7 % 3) as u8
                };
                *byte = op;
                sum = match op {
                    0 => sum ^ (pc as i32 + 1),
                    1 => sum.wrapping_add(7),
                    2 => sum.wrapping_mul(2),
                    _ => sum,
                };
            }
            let run = instance
                .get_typed_func::<i32, ()>(&mut store, "run")
                .unwrap();
            let error = run.call(&mut store, 0).unwrap_err();
            assert_eq!(
                error.downcast_ref::<Trap>(),
                Some(&Trap::MemoryOutOfBounds),
                "{name}"
            );
            let total = instance.get_global(&mut store, "sum").unwrap();
            assert_eq!(total.get(&mut store).unwrap_i32(), sum, "{name}, {last}");
            let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
            let at = backtrace.frames()[0].module_offset().unwrap();
            assert_eq!(binary[at], 0x2d, "{name}, {last}");
            assert_eq!(at == fetch, last != 3, "{name}, {last}");
        }
    }
}

#[test]
fn backtraces_are_captured_as_configured_or_by_force() {
    let text = r#"(module (import "host" "look" (func $look))
        (func $inner (export "inner") (param $n i32)
            (if (local.get $n) (then (call $inner (i32.sub (local.get $n) (i32.const 1)))) (else (call $look)))))"#;
    type Configure = fn(&mut Config);
    // The configuration; the frames that `capture` finds of 31; those that `force_capture` does.
    let cases: [(Configure, usize, usize); 6] = [
        (|_| {}, 20, 20),
        (
            |config| {
                config.wasm_backtrace(false);
            },
            0,
            20,
        ),
        (
            |config| {
                config.wasm_backtrace_max_frames(None);
            },
            0,
            20,
        ),
        (
            |config| {
                config.wasm_backtrace_max_frames(NonZeroUsize::new(25));
            },
            25,
            25,
        ),
        (
            |config| {
                config
                    .wasm_backtrace_max_frames(NonZeroUsize::new(5))
                    .wasm_backtrace(true);
            },
            5,
            5,
        ),
        (
            |config| {
                config.wasm_backtrace_max_frames(None).wasm_backtrace(true);
            },
            20,
            20,
        ),
    ];
    for (configure, captured, forced) in cases {
        let mut config = Config::new();
        configure(&mut config);
        let engine = Engine::new(&config).unwrap();
        let mut linker = Linker::new(&engine);
        let look = |mut caller: Caller<'_, (usize, usize)>| {
            let frames = WasmBacktrace::force_capture(&caller);
            assert_eq!(frames.frames()[0].func_name(), Some("inner"));
            *caller.data_mut() = (
                WasmBacktrace::capture(&caller).frames().len(),
                frames.frames().len(),
            );
        };
        linker.func_wrap("host", "look", look).unwrap();
        let mut store = Store::new(&engine, (0, 0));
        let module = Module::new(&engine, text).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let inner = instance
            .get_typed_func::<i32, ()>(&mut store, "inner")
            .unwrap();
        inner.call(&mut store, 30).unwrap();
        assert_eq!(*store.data(), (captured, forced));
        // Outside of wasm there is nothing to record.
        assert!(WasmBacktrace::force_capture(&store).frames().is_empty());
    }
}

/// wasm -> host -> wasm -> …, on a thread with a small stack.
#[test]
fn recursion_through_the_host_ends_in_a_trap() {
    let text = r#"(module (import "host" "again" (func $again (param i32))) (func (export "run") (param i32) (call $again (local.get 0))))"#;
    let run = move || {
        for (name, engine) in engines() {
            let mut store = Store::new(&engine, 0u32);
            let mut linker = Linker::new(&engine);
            let again = |mut caller: Caller<'_, u32>, depth: i32| -> Result<()> {
                *caller.data_mut() = depth as u32;
                let Some(Extern::Func(run)) = caller.get_export("run") else {
                    bail!("no export")
                };
                run.typed::<i32, ()>(&caller)?.call(&mut caller, depth + 1)
            };
            linker.func_wrap("host", "again", again).unwrap();
            let instance = linker
                .instantiate(&mut store, &Module::new(&engine, text).unwrap())
                .unwrap();
            let run = instance
                .get_typed_func::<i32, ()>(&mut store, "run")
                .unwrap();
            for _ in 0..2 {
                let error = run.call(&mut store, 0).unwrap_err();
                assert_eq!(
                    error.downcast_ref::<Trap>(),
                    Some(&Trap::StackOverflow),
                    "{name}: {error:?}"
                );
                assert!(*store.data() > 100, "{name}: only {} deep", store.data());
            }
        }
    };
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

#[derive(Debug, PartialEq)]
struct Mine(u32);

impl std::fmt::Display for Mine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "mine is {}", self.0)
    }
}

impl std::error::Error for Mine {}

#[test]
fn errors_and_panics_of_host_functions_come_out() {
    let text = r#"(module
        (import "host" "fail" (func $fail (param i32) (result i32)))
        (import "host" "many" (func $many (param i32 i32 i32 i32 i32 i32 i32)))
        (func (export "fail") (param i32) (result i32) (i32.add (call $fail (local.get 0)) (i32.const 1)))
        (func (export "many") (call $many (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))"#;
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        let fail = |how: i32| -> Result<i32> {
            match how {
                0 => Ok(41),
                1 => Err(Error::from(Mine(5)).context("on the way")),
                _ => panic!("out of the guest"),
            }
        };
        linker.func_wrap("host", "fail", fail).unwrap();
        linker
            .func_wrap(
                "host",
                "many",
                |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32, _: i32| -> Result<()> {
                    Err(Mine(7).into())
                },
            )
            .unwrap();
        let instance = linker
            .instantiate(&mut store, &Module::new(&engine, text).unwrap())
            .unwrap();
        let fail = instance
            .get_typed_func::<i32, i32>(&mut store, "fail")
            .unwrap();
        let many = instance
            .get_typed_func::<(), ()>(&mut store, "many")
            .unwrap();
        for _ in 0..2 {
            assert_eq!(fail.call(&mut store, 0).unwrap(), 42);
            let error = fail.call(&mut store, 1).unwrap_err();
            assert_eq!(error.downcast_ref::<Mine>(), Some(&Mine(5)), "{name}");
            assert!(
                error.downcast_ref::<WasmBacktrace>().is_some()
                    && error.downcast_ref::<Trap>().is_none()
            );
            assert_eq!(
                many.call(&mut store, ())
                    .unwrap_err()
                    .downcast_ref::<Mine>(),
                Some(&Mine(7)),
                "{name}"
            );
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(|_| {}));
            let panic = catch_unwind(AssertUnwindSafe(|| fail.call(&mut store, 2)));
            std::panic::set_hook(hook);
            assert_eq!(
                panic.unwrap_err().downcast_ref::<&str>(),
                Some(&"out of the guest"),
                "{name}"
            );
        }
    }
}

#[test]
fn wrong_results_of_host_functions_are_errors() {
    let text = r#"(module (import "host" "f" (func $f (result i32))) (func (export "run") (result i32) call $f))"#;
    for (_, engine) in engines() {
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        let ty = FuncType::new(&engine, [], [ValType::I32]);
        linker
            .func_new("host", "f", ty, |_, _, results| {
                results[0] = Val::I64(1);
                Ok(())
            })
            .unwrap();
        let instance = linker
            .instantiate(&mut store, &Module::new(&engine, text).unwrap())
            .unwrap();
        let error = instance
            .get_typed_func::<(), i32>(&mut store, "run")
            .unwrap()
            .call(&mut store, ())
            .unwrap_err();
        assert!(
            format!("{error:#}").contains("function attempted to return an incompatible value"),
            "{error:#}"
        );
    }
}

#[test]
#[should_panic(expected = "object used with the wrong store")]
fn objects_of_another_store_panic() {
    let engine = Engine::default();
    let mut one = Store::new(&engine, ());
    let two = Store::new(&engine, ());
    let memory = Memory::new(&mut one, MemoryType::new(1, None)).unwrap();
    memory.data(&two);
}

/// Where there is no bounds check, so that the access itself fails.
#[test]
fn accesses_outside_of_a_memory_say_where_it_was() {
    let text = r#"(module (memory 1) (memory $other 3)
        (func (export "load") (param i32) (result i32) (i32.load offset=16 (local.get 0)))
        (func (export "store") (param i32) (i64.store $other (local.get 0) (i64.const 0))))"#;
    for (name, engine) in engines() {
        let mut store = Store::new(&engine, ());
        let module = Module::new(&engine, text).expect("valid");
        let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
        let mut trap = |function: &str, argument| {
            let func = instance.get_func(&mut store, function).expect("an export");
            let mut results = vec![Val::I32(0); func.ty(&store).results().len()];
            let called = func.call(&mut store, &[Val::I32(argument)], &mut results);
            let error = called.expect_err("outside");
            assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds));
            error
                .chain()
                .skip(1)
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let trapped = "wasm trap: out of bounds memory access".to_owned();
        let checked = name.contains("checked");
        for (function, argument, fault) in [
            (
                "load",
                0xfff0,
                "memory fault at wasm address 0x10000 in linear memory of size 0x10000",
            ),
            (
                "load",
                -17,
                "memory fault at wasm address 0xffffffff in linear memory of size 0x10000",
            ),
            (
                "store",
                0x30000,
                "memory fault at wasm address 0x30000 in linear memory of size 0x30000",
            ),
        ] {
            let expected = match checked {
                true => vec![trapped.clone()],
                false => vec![fault.to_owned(), trapped.clone()],
            };
            assert_eq!(trap(function, argument), expected, "{name}");
        }
    }
}
