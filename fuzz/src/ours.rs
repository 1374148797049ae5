//! Cases on Mainspring, as each configuration of it runs them.

use crate::machine::{Exported, Item, Machine, Outcome};
use crate::value::{Host, HostError, Type, Value};
use mainspring::*;
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::OnceLock;
use xxhash_rust::xxh3::xxh3_64;

/// An engine and what it is called in reports.
pub struct Named {
    pub name: &'static str,
    pub engine: Engine,
}

/// Each way of running wasm that must not differ from the others.
pub fn engines() -> &'static [Named] {
    static ENGINES: OnceLock<Vec<Named>> = OnceLock::new();
    ENGINES.get_or_init(|| {
        let plain = |_: &mut Config| {};
        let checked = |config: &mut Config| {
            config
                .memory_reservation(0)
                .memory_guard_size(0)
                .memory_reservation_for_growth(0);
        };
        let stressed = |stress: TierStress| {
            move |config: &mut Config| {
                config.tier_stress(Some(stress));
            }
        };
        vec![
            named("baseline", Strategy::Winch, plain),
            named("baseline, bounds checked", Strategy::Winch, checked),
            named("optimizing", Strategy::Cranelift, plain),
            named("optimizing, bounds checked", Strategy::Cranelift, checked),
            named("tier-up", Strategy::Auto, stressed(TierStress::TierUp)),
            named("replacement", Strategy::Auto, |config| {
                stressed(TierStress::OnStackReplacement)(config);
                config.cranelift_debug_verifier(true);
            }),
            named("replacement, bounds checked", Strategy::Auto, |config| {
                stressed(TierStress::OnStackReplacement)(config);
                checked(config);
            }),
        ]
    })
}

/// The tiers as programs use them; first as if the optimizing one took no time.
pub fn tiered() -> &'static [Named] {
    static ENGINES: OnceLock<Vec<Named>> = OnceLock::new();
    ENGINES.get_or_init(|| {
        vec![
            named("tiered at once", Strategy::Auto, |config| {
                config.optimizing_threads(0);
            }),
            named("tiered", Strategy::Auto, |config| {
                config.optimizing_threads(2);
            }),
        ]
    })
}

/// Each tier with NaNs as the processor makes them, for modules that see to it themselves that these do not matter.
#[cfg(feature = "oracle")]
pub fn with_any_nans() -> &'static [Named] {
    static ENGINES: OnceLock<Vec<Named>> = OnceLock::new();
    ENGINES.get_or_init(|| {
        let any = |config: &mut Config| {
            config.cranelift_nan_canonicalization(false);
        };
        vec![
            named("baseline", Strategy::Winch, any),
            named("optimizing", Strategy::Cranelift, any),
            named("replacement", Strategy::Auto, |config| {
                any(config);
                config.tier_stress(Some(TierStress::OnStackReplacement));
            }),
        ]
    })
}

fn named(name: &'static str, strategy: Strategy, configure: impl Fn(&mut Config)) -> Named {
    let mut config = Config::new();
    config
        .strategy(strategy)
        .cranelift_nan_canonicalization(true)
        .wasm_wide_arithmetic(true)
        .wasm_custom_page_sizes(true)
        .shared_memory(true)
        .wasm_gc(true)
        // Inputs are what runs in parallel.
        .parallel_compilation(false);
    configure(&mut config);
    let engine = Engine::new(&config).expect("the configuration is valid");
    Named { name, engine }
}

/// How much engines did of what is to be tested, a line each.
pub fn report() -> String {
    let line = |Named { name, engine }: &Named| {
        let done = engine.statistics();
        format!(
            "{name}: {} functions compiled baseline, {} optimizing; {} tier-ups, {} loops, {} replacements\n",
            done.baseline.functions,
            done.optimizing.functions,
            done.tier_ups,
            done.loops_optimized,
            done.replacements
        )
    };
    engines().iter().chain(tiered()).map(line).collect()
}

/// What a store has.
pub struct State {
    limits: StoreLimits,
    host: Host,
}

/// No case needs more; a mutant asks for it.
const MOST_MEMORY: usize = 16 << 20;
const MOST_ELEMENTS: usize = 10_000;

/// A store for cases.
pub fn store(engine: &Engine) -> Store<State> {
    let limits = StoreLimitsBuilder::new()
        .memory_size(MOST_MEMORY)
        .table_elements(MOST_ELEMENTS)
        .build();
    let host = Host::default();
    let mut store = Store::new(engine, State { limits, host });
    store.limiter(|state| &mut state.limits);
    store
}

/// The functions that a module exports.
pub fn functions(module: &Module) -> Vec<Exported> {
    let exports = module.exports().filter_map(|export| {
        let ty = export.ty().func()?.clone();
        Some(Exported {
            name: export.name().to_string(),
            params: ty.params().map(|ty| type_of(&ty)).collect(),
        })
    });
    exports.collect()
}

fn type_of(ty: &ValType) -> Type {
    match ty {
        ValType::I32 => Type::I32,
        ValType::I64 => Type::I64,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        ValType::V128 => Type::V128,
        ValType::Ref(ty) if matches!(ty.heap_type(), HeapType::Extern) => Type::Extern,
        ValType::Ref(_) => Type::Func,
    }
}

/// An instance of Mainspring.
pub struct Ours {
    store: Store<State>,
    instance: Instance,
    exports: Vec<(String, Extern)>,
    /// What functions are called: the number of their first export.
    names: HashMap<*mut c_void, u32>,
}

impl Ours {
    /// Instantiates with a host that records.
    ///
    /// # Errors
    /// How that ended otherwise.
    pub fn new(module: &Module) -> std::result::Result<Ours, Outcome> {
        let mut store = store(module.engine());
        let imports = imports(module, &mut store).map_err(outcome)?;
        let instance = Instance::new(&mut store, module, &imports).map_err(outcome)?;
        let mut exports: Vec<(String, Extern)> = instance
            .exports(&mut store)
            .map(|export| (export.name().to_string(), export.into_extern()))
            .collect();
        exports.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut names = HashMap::new();
        for (i, (_, export)) in exports.iter().enumerate() {
            if let Extern::Func(func) = export {
                names.entry(func.to_raw(&mut store)).or_insert(i as u32);
            }
        }
        Ok(Ours {
            store,
            instance,
            exports,
            names,
        })
    }

    fn value(&mut self, val: &Val) -> Value {
        let func = val.funcref().flatten().copied();
        let number = func.map(|func| {
            let raw = func.to_raw(&mut self.store);
            self.names.get(&raw).copied().unwrap_or(u32::MAX)
        });
        match number {
            Some(number) => Value::Func(Some(number)),
            None => value_of(&self.store, val),
        }
    }
}

fn imports(module: &Module, store: &mut Store<State>) -> Result<Vec<Extern>> {
    let mut imports = Vec::new();
    let mut functions = 0..;
    for import in module.imports() {
        imports.push(match import.ty() {
            ExternType::Func(ty) => {
                let number = functions.next().expect("there are enough numbers");
                host_function(store, number, ty).into()
            }
            other => other.default_value(&mut *store)?,
        });
    }
    Ok(imports)
}

fn host_function(store: &mut Store<State>, import: usize, ty: FuncType) -> Func {
    let types: Vec<Type> = ty.results().map(|ty| type_of(&ty)).collect();
    Func::new(store, ty, move |mut caller, args, results| {
        let args: Vec<Value> = args.iter().map(|arg| value_of(&caller, arg)).collect();
        let host = &mut caller.data_mut().host;
        let answer = host.call(import, args.into_iter(), types.iter().copied())?;
        for (result, value) in results.iter_mut().zip(answer) {
            *result = val_of(&mut caller, value)?;
        }
        Ok(())
    })
}

/// A value as bits, and a function as not null.
fn value_of(store: impl AsContext<Data = State>, val: &Val) -> Value {
    match val {
        Val::I32(x) => Value::I32(*x as u32),
        Val::I64(x) => Value::I64(*x as u64),
        Val::F32(x) => Value::F32(*x),
        Val::F64(x) => Value::F64(*x),
        Val::V128(x) => Value::V128(x.as_u128()),
        Val::FuncRef(func) => Value::Func(func.map(|_| 0)),
        Val::ExternRef(None) => Value::Extern(None),
        Val::ExternRef(Some(value)) => {
            let data = value.data(store.as_context()).expect("of this store");
            let number = data.and_then(|data| data.downcast_ref::<u32>());
            Value::Extern(Some(*number.expect("only numbers are passed")))
        }
        // There are no others than null.
        Val::AnyRef(_) | Val::ExnRef(_) => Value::Extern(None),
    }
}

fn val_of(store: impl AsContextMut<Data = State>, value: Value) -> Result<Val> {
    Ok(match value {
        Value::I32(x) => Val::I32(x as i32),
        Value::I64(x) => Val::I64(x as i64),
        Value::F32(x) => Val::F32(x),
        Value::F64(x) => Val::F64(x),
        Value::V128(x) => Val::V128(x.into()),
        Value::Func(_) => Val::FuncRef(None),
        Value::Extern(None) => Val::ExternRef(None),
        Value::Extern(Some(number)) => Val::ExternRef(Some(ExternRef::new(store, number)?)),
    })
}

fn outcome(error: Error) -> Outcome {
    match error.downcast_ref::<Trap>() {
        Some(trap) => Outcome::Trapped(*trap),
        None if error.downcast_ref::<HostError>().is_some() => {
            Outcome::Failed(HostError.to_string())
        }
        None => Outcome::Failed(format!("{error:#}")),
    }
}

impl Machine for Ours {
    fn call(&mut self, export: &str, args: &[Value]) -> Outcome {
        let func = self
            .instance
            .get_func(&mut self.store, export)
            .expect("the plan names what is exported");
        let args: Result<Vec<Val>> = args
            .iter()
            .map(|arg| val_of(&mut self.store, *arg))
            .collect();
        let args = args.expect("the store has room for numbers");
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        match func.call(&mut self.store, &args, &mut results) {
            Ok(()) => Outcome::Returned(results.iter().map(|val| self.value(val)).collect()),
            Err(error) => outcome(error),
        }
    }

    fn set_fuel(&mut self, global: &str, fuel: u32) {
        if let Some(global) = self.instance.get_global(&mut self.store, global) {
            // In a module that was changed at random it may be something else, which `decode` knows to end.
            let _ = global.set(&mut self.store, Val::I32(fuel as i32));
        }
    }

    fn state(&mut self) -> Vec<Item> {
        let exports = std::mem::take(&mut self.exports);
        let mut items = Vec::new();
        for (_, export) in &exports {
            match export {
                Extern::Func(_) | Extern::Tag(_) => {}
                Extern::Global(global) => {
                    let val = global.get(&mut self.store);
                    items.push(Item::Global(self.value(&val)));
                }
                Extern::Memory(memory) => {
                    let pages = memory.size(&self.store);
                    items.push(Item::Memory(pages, xxh3_64(memory.data(&self.store))));
                }
                Extern::SharedMemory(memory) => {
                    let bytes = memory.data().iter();
                    // SAFETY: nothing runs in the memory while its contents are read.
                    let bytes: Vec<u8> = bytes.map(|byte| unsafe { *byte.get() }).collect();
                    items.push(Item::Memory(memory.size(), xxh3_64(&bytes)));
                }
                Extern::Table(table) => {
                    let size = table.size(&self.store);
                    let element = |i| {
                        let element = table.get(&mut self.store, i).expect("within its size");
                        self.value(&element.into())
                    };
                    items.push(Item::Table((0..size).map(element).collect()));
                }
            }
        }
        self.exports = exports;
        items
    }

    fn trace(&self) -> u64 {
        self.store.data().host.trace()
    }
}
