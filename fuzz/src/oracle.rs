//! The same module on another runtime.

use crate::generate::Case;
use crate::machine::{self, Item, Machine, Outcome};
use crate::ours;
use crate::program;
use crate::random::Random;
use crate::tiers;
use crate::value::{Host, HostError, Type, Value};
use mainspring::Trap;
use std::sync::OnceLock;
use wasmi::*;
use wasmparser::{BlockType, Operator, Parser, Payload, Validator, WasmFeatures};
use xxhash_rust::xxh3::xxh3_64;

/// Runs the module that is made of the bytes. Says whether there was one.
pub fn run(data: &[u8]) -> bool {
    // NaNs may go to memory as bits, so the module itself gives them one form.
    let Ok(case) = Case::new(data, true) else {
        return false;
    };
    check(&case.wasm, case.random)
}

/// Whether the oracle has all proposals that a module uses.
pub fn knows(wasm: &[u8]) -> bool {
    let known = WasmFeatures::WASM2
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::MEMORY64
        | WasmFeatures::WIDE_ARITHMETIC
        | WasmFeatures::CUSTOM_PAGE_SIZES;
    let mut validator = Validator::new_with_features(known);
    validator.validate_all(wasm).is_ok()
}

/// Whether a module has what wasmi 2.0.0 gets wrong: it takes some `select`s right after a comparison that may be one with zero the
/// wrong way round, and loses count of the operands below an `if` with vectors for parameters.
fn is_beyond_the_oracle(wasm: &[u8]) -> bool {
    let mut takes_vectors = Vec::new();
    let mut after_test = false;
    Parser::new(0)
        .parse_all(wasm)
        .any(|payload| match payload.expect("the module is valid") {
            Payload::TypeSection(types) => {
                let types = types.into_iter_err_on_gc_types();
                takes_vectors.extend(types.map(|ty| {
                    let ty = ty.expect("the oracle knows the proposals");
                    ty.params().contains(&wasmparser::ValType::V128)
                }));
                false
            }
            Payload::CodeSectionEntry(body) => {
                let operators = body.get_operators_reader().expect("the module is valid");
                operators.into_iter().any(|operator| {
                    let operator = operator.expect("the module is valid");
                    let beyond = match operator {
                        Operator::Select | Operator::TypedSelect { .. } => after_test,
                        Operator::If {
                            blockty: BlockType::FuncType(ty),
                        } => takes_vectors[ty as usize],
                        _ => false,
                    };
                    after_test = matches!(
                        operator,
                        Operator::I32Eqz
                            | Operator::I64Eqz
                            | Operator::I32Eq
                            | Operator::I64Eq
                            | Operator::I32Ne
                            | Operator::I64Ne
                    );
                    beyond
                })
            }
            _ => false,
        })
}

/// Runs the program that is made of the bytes.
pub fn run_program(data: &[u8]) -> bool {
    let case = program::case(data, true);
    check(&case.wasm, case.random)
}

/// Runs a module that ends on both, unless it has what the oracle gets wrong.
///
/// # Panics
/// If they differ.
pub fn check(wasm: &[u8], mut random: Random) -> bool {
    if is_beyond_the_oracle(wasm) {
        return false;
    }
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| {
        let mut config = Config::default();
        config
            .wasm_wide_arithmetic(true)
            .wasm_custom_page_sizes(true);
        Engine::new(&config)
    });
    let module = Module::new(engine, wasm).unwrap_or_else(|error| panic!("wasmi: {error}"));
    // The module gives one form to all NaNs but those of promotions and demotions, which both sides leave to the processor.
    let ours = ours::with_any_nans();
    let ours = &ours[random.below(ours.len())];
    let (plan, seen) = tiers::first(ours, wasm, &mut random, false);
    let theirs = machine::run(Theirs::new(engine, &module), &plan);
    machine::compare(&plan, (ours.name, &seen), ("wasmi", &theirs), true);
    true
}

impl errors::HostError for HostError {}

/// An instance of wasmi.
struct Theirs {
    store: Store<Host>,
    instance: Instance,
    exports: Vec<Extern>,
}

impl Theirs {
    fn new(engine: &Engine, module: &Module) -> Result<Theirs, Outcome> {
        let mut store = Store::new(engine, Host::default());
        let mut imports = Vec::new();
        // In its order functions come first.
        for (i, import) in module.imports().enumerate() {
            imports.push(default_import(&mut store, i, import.ty()).map_err(outcome)?);
        }
        let instance = Instance::new(&mut store, module, &imports).map_err(outcome)?;
        let mut exports: Vec<Export> = instance.exports(&store).collect();
        exports.sort_by(|a, b| a.name().cmp(b.name()));
        let exports = exports.into_iter().map(Export::into_extern).collect();
        Ok(Theirs {
            store,
            instance,
            exports,
        })
    }
}

fn default_import(store: &mut Store<Host>, i: usize, ty: &ExternType) -> Result<Extern, Error> {
    Ok(match ty {
        ExternType::Func(ty) => host_function(store, i, ty.clone()).into(),
        ExternType::Global(ty) => {
            Global::new(store, Val::default_for_ty(ty.content()), ty.mutability()).into()
        }
        ExternType::Memory(ty) => Memory::new(store, *ty)?.into(),
        ExternType::Table(ty) => Table::new(store, *ty, Ref::default_for_ty(ty.element()))?.into(),
    })
}

fn host_function(store: &mut Store<Host>, import: usize, ty: FuncType) -> Func {
    let types: Vec<Type> = ty.results().iter().copied().map(type_of).collect();
    Func::new(store, ty, move |mut caller, args, results| {
        let args: Vec<Value> = args.iter().map(|arg| value_of(&caller, arg)).collect();
        let host = caller.data_mut();
        let answer = host
            .call(import, args.into_iter(), types.iter().copied())
            .map_err(Error::host)?;
        for (result, value) in results.iter_mut().zip(answer) {
            *result = val_of(&mut caller, value);
        }
        Ok(())
    })
}

fn type_of(ty: ValType) -> Type {
    match ty {
        ValType::I32 => Type::I32,
        ValType::I64 => Type::I64,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        ValType::V128 => Type::V128,
        ValType::FuncRef => Type::Func,
        ValType::ExternRef => Type::Extern,
    }
}

fn value_of(store: impl AsContext<Data = Host>, val: &Val) -> Value {
    match val {
        Val::I32(x) => Value::I32(*x as u32),
        Val::I64(x) => Value::I64(*x as u64),
        Val::F32(x) => Value::F32(x.to_bits()),
        Val::F64(x) => Value::F64(x.to_bits()),
        Val::V128(x) => Value::V128(x.as_u128()),
        Val::FuncRef(func) => Value::Func(func.val().map(|_| 0)),
        Val::ExternRef(value) => Value::Extern(value.val().map(|value| {
            let number = value.data(store.as_context()).downcast_ref::<u32>();
            *number.expect("only numbers are passed")
        })),
    }
}

fn val_of(store: impl AsContextMut, value: Value) -> Val {
    match value {
        Value::I32(x) => Val::I32(x as i32),
        Value::I64(x) => Val::I64(x as i64),
        Value::F32(x) => Val::F32(F32::from_bits(x)),
        Value::F64(x) => Val::F64(F64::from_bits(x)),
        Value::V128(x) => Val::V128(x.into()),
        Value::Func(_) => Val::FuncRef(Nullable::Null),
        Value::Extern(None) => Val::ExternRef(Nullable::Null),
        Value::Extern(Some(number)) => Val::ExternRef(Nullable::Val(ExternRef::new(store, number))),
        Value::Any(_) | Value::Exn(_) => unreachable!("the oracle knows no objects"),
    }
}

fn outcome(error: Error) -> Outcome {
    if let errors::ErrorKind::Instantiation(
        errors::InstantiationError::ElementSegmentDoesNotFit { .. },
    ) = error.kind()
    {
        return Outcome::Trapped(Trap::TableOutOfBounds);
    }
    let Some(code) = error.as_trap_code() else {
        return Outcome::Failed(error.to_string());
    };
    Outcome::Trapped(match code {
        TrapCode::UnreachableCodeReached => Trap::UnreachableCodeReached,
        TrapCode::MemoryOutOfBounds => Trap::MemoryOutOfBounds,
        TrapCode::TableOutOfBounds => Trap::TableOutOfBounds,
        TrapCode::IndirectCallToNull => Trap::IndirectCallToNull,
        TrapCode::IntegerDivisionByZero => Trap::IntegerDivisionByZero,
        TrapCode::IntegerOverflow => Trap::IntegerOverflow,
        TrapCode::BadConversionToInteger => Trap::BadConversionToInteger,
        TrapCode::StackOverflow => Trap::StackOverflow,
        TrapCode::BadSignature => Trap::BadSignature,
        other => return Outcome::Failed(format!("{other:?}")),
    })
}

impl Machine for Theirs {
    fn call(&mut self, export: &str, args: &[Value]) -> Outcome {
        let func = self
            .instance
            .get_func(&self.store, export)
            .expect("the plan names what is exported");
        let mut vals = Vec::new();
        for arg in args {
            vals.push(val_of(&mut self.store, *arg));
        }
        let ty = func.ty(&self.store);
        let mut results: Vec<Val> = ty
            .results()
            .iter()
            .map(|ty| Val::default_for_ty(*ty))
            .collect();
        match func.call(&mut self.store, &vals, &mut results) {
            Ok(()) => Outcome::Returned(
                results
                    .iter()
                    .map(|val| value_of(&self.store, val))
                    .collect(),
            ),
            Err(error) => outcome(error),
        }
    }

    fn set_fuel(&mut self, global: &str, fuel: u32) {
        if let Some(global) = self.instance.get_global(&self.store, global) {
            global
                .set(&mut self.store, Val::I32(fuel as i32))
                .expect("fuel is a mutable i32");
        }
    }

    fn state(&mut self) -> Vec<Item> {
        let store = &self.store;
        let item = |export: &Extern| match export {
            Extern::Func(_) => None,
            Extern::Global(global) => Some(Item::Global(value_of(store, &global.get(store)))),
            Extern::Memory(memory) => Some(Item::Memory(
                memory.size(store),
                xxh3_64(memory.data(store)),
            )),
            Extern::Table(table) => {
                let element = |i| {
                    let element = table.get(store, i).expect("within its size");
                    value_of(store, &Val::from(element))
                };
                Some(Item::Table((0..table.size(store)).map(element).collect()))
            }
        };
        self.exports.iter().filter_map(item).collect()
    }

    fn trace(&self) -> u64 {
        self.store.data().trace()
    }
}
