//! What crossing between host and wasm costs, on Mainspring and on wasmtime, in one process.
//!
//! ```text
//! cargo run --release -p mainspring-benches --bin calls
//! ```
//!
//! Each round times every case once on each side; the table shows medians over the rounds, and
//! the median of the ratios of each round, because these machines change speed as they run.

use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 21;
const CALLS: u32 = 1_000_000;

/// The functions under test: a plain one to call, and loops that call the host from wasm.
const MODULE: &str = r#"(module
    (import "host" "add" (func $add (param i32 i32) (result i32)))
    (import "host" "mix" (func $mix (param i32 i64 f64) (result f64)))
    (import "host" "dynamic" (func $dynamic (param i32 i32) (result i32)))
    (func (export "add") (param i32 i32) (result i32)
        local.get 0 local.get 1 i32.add)
    (func (export "floats") (param f64 f64) (result f64)
        local.get 0 local.get 1 f64.add)
    (func (export "nothing"))
    (func (export "call_add") (param $n i32) (result i32) (local $x i32)
        (loop $again
            (local.set $x (call $add (local.get $x) (local.get $n)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $x)
    (func (export "call_mix") (param $n i32) (result f64) (local $x f64)
        (loop $again
            (local.set $x (call $mix (local.get $n) (i64.const 3) (local.get $x)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $x)
    (func (export "call_dynamic") (param $n i32) (result i32) (local $x i32)
        (loop $again
            (local.set $x (call $dynamic (local.get $x) (local.get $n)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $x))"#;

/// The same program for both crates: their APIs are the same.
macro_rules! side {
    ($name:ident, $crate_name:ident) => {
        mod $name {
            use super::*;
            use ::$crate_name::*;

            pub struct Side {
                store: Store<u64>,
                add: TypedFunc<(i32, i32), i32>,
                floats: TypedFunc<(f64, f64), f64>,
                nothing: TypedFunc<(), ()>,
                dynamic: Func,
                call_add: TypedFunc<i32, i32>,
                call_mix: TypedFunc<i32, f64>,
                call_dynamic: TypedFunc<i32, i32>,
            }

            pub fn new() -> Result<Side> {
                let engine = Engine::new(Config::new().strategy(Strategy::Cranelift))?;
                let module = Module::new(&engine, MODULE)?;
                let mut linker = Linker::new(&engine);
                linker.func_wrap("host", "add", |a: i32, b: i32| a.wrapping_add(b))?;
                linker.func_wrap(
                    "host",
                    "mix",
                    |mut caller: Caller<'_, u64>, a: i32, b: i64, c: f64| {
                        *caller.data_mut() += 1;
                        f64::from(a) + b as f64 + c
                    },
                )?;
                let ty = FuncType::new(&engine, [ValType::I32, ValType::I32], [ValType::I32]);
                linker.func_new("host", "dynamic", ty, |_, params, results| {
                    results[0] =
                        Val::I32(params[0].unwrap_i32().wrapping_add(params[1].unwrap_i32()));
                    Ok(())
                })?;
                let mut store = Store::new(&engine, 0);
                let instance = linker.instantiate(&mut store, &module)?;
                Ok(Side {
                    add: instance.get_typed_func(&mut store, "add")?,
                    floats: instance.get_typed_func(&mut store, "floats")?,
                    nothing: instance.get_typed_func(&mut store, "nothing")?,
                    dynamic: instance.get_func(&mut store, "add").expect("an export"),
                    call_add: instance.get_typed_func(&mut store, "call_add")?,
                    call_mix: instance.get_typed_func(&mut store, "call_mix")?,
                    call_dynamic: instance.get_typed_func(&mut store, "call_dynamic")?,
                    store,
                })
            }

            impl Side {
                /// Runs a case `CALLS` times.
                pub fn run(&mut self, case: usize) -> Result<()> {
                    let store = &mut self.store;
                    match case {
                        0 => {
                            for i in 0..CALLS as i32 {
                                black_box(self.add.call(&mut *store, (black_box(i), 1))?);
                            }
                        }
                        1 => {
                            for i in 0..CALLS {
                                black_box(
                                    self.floats
                                        .call(&mut *store, (black_box(f64::from(i)), 1.0))?,
                                );
                            }
                        }
                        2 => {
                            for _ in 0..CALLS {
                                self.nothing.call(&mut *store, ())?;
                            }
                        }
                        3 => {
                            let mut results = [Val::I32(0)];
                            for i in 0..CALLS as i32 {
                                self.dynamic.call(
                                    &mut *store,
                                    &[Val::I32(i), Val::I32(1)],
                                    &mut results,
                                )?;
                            }
                        }
                        4 => {
                            black_box(self.call_add.call(store, CALLS as i32)?);
                        }
                        5 => {
                            black_box(self.call_mix.call(store, CALLS as i32)?);
                        }
                        _ => {
                            black_box(self.call_dynamic.call(store, CALLS as i32)?);
                        }
                    }
                    Ok(())
                }
            }
        }
    };
}

side!(ours, mainspring);
side!(peers, wasmtime);

const CASES: [&str; 7] = [
    "host to wasm, (i32, i32) -> i32",
    "host to wasm, (f64, f64) -> f64",
    "host to wasm, () -> ()",
    "host to wasm, Func::call",
    "wasm to host, (i32, i32) -> i32",
    "wasm to host, Caller, (i32, i64, f64) -> f64",
    "wasm to host, Linker::func_new",
];

fn main() {
    let mut ours = ours::new().expect("mainspring sets up");
    let mut peer = peers::new().expect("wasmtime sets up");
    println!(
        "{:46} {:>11} {:>11} {:>7}",
        "nanoseconds a call", "mainspring", "wasmtime", "ratio"
    );
    for (case, name) in CASES.iter().enumerate() {
        let mut times = Vec::new();
        for round in 0..ROUNDS + 2 {
            let a = time(|| ours.run(case).expect("the call succeeds"));
            let b = time(|| peer.run(case).expect("the call succeeds"));
            // The first rounds warm up.
            if round >= 2 {
                times.push((a, b, a / b));
            }
        }
        let a = median(times.iter().map(|t| t.0));
        let b = median(times.iter().map(|t| t.1));
        let ratio = median(times.iter().map(|t| t.2));
        println!("{name:46} {a:>11.2} {b:>11.2} {ratio:>7.3}");
    }
}

/// Nanoseconds a call.
fn time(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
