//! Cases on Mainspring, as each configuration of it runs them.

use crate::machine::{Exported, Item, Machine, Outcome};
use crate::value::{Host, HostError, Type, Value};
use mainspring::*;
use std::collections::HashMap;
use std::ffi::c_void;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;
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
        let collecting = |config: &mut Config| {
            config
                .gc_zeal_alloc_counter(NonZeroU32::new(1))
                .gc_stress(true);
        };
        vec![
            named("baseline", Strategy::Winch, plain),
            named("baseline, bounds checked", Strategy::Winch, checked),
            named("optimizing", Strategy::Cranelift, plain),
            named("optimizing, bounds checked", Strategy::Cranelift, checked),
            named("baseline, collecting", Strategy::Winch, collecting),
            named("optimizing, collecting", Strategy::Cranelift, collecting),
            named("tier-up", Strategy::Auto, stressed(TierStress::TierUp)),
            named("replacement", Strategy::Auto, |config| {
                stressed(TierStress::OnStackReplacement)(config);
                config.cranelift_debug_verifier(true);
            }),
            named(
                "replacement, collecting, bounds checked",
                Strategy::Auto,
                |config| {
                    stressed(TierStress::OnStackReplacement)(config);
                    collecting(config);
                    checked(config);
                },
            ),
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
        .wasm_legacy_exceptions(true)
        .wasm_custom_page_sizes(true)
        .shared_memory(true)
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
        ValType::Ref(ty) => match ty.heap_type().top() {
            HeapType::Extern => Type::Extern,
            HeapType::Any => Type::Any,
            HeapType::Exn => Type::Exn,
            _ => Type::Func,
        },
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
            None => value_of(&mut self.store, val),
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
        let args = args.iter().map(|arg| value_of(&mut caller, arg));
        let args: Vec<Value> = args.collect();
        let host = &mut caller.data_mut().host;
        let answer = host.call(import, args.into_iter(), types.iter().copied())?;
        for (result, value) in results.iter_mut().zip(answer) {
            *result = val_of(&mut caller, value)?;
        }
        Ok(())
    })
}

/// A value as bits, and a function as not null.
fn value_of(mut store: impl AsContextMut<Data = State>, val: &Val) -> Value {
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
            match data.and_then(|data| data.downcast_ref::<u32>()) {
                Some(number) => Value::Extern(Some(*number)),
                // The host only passes numbers, so the guest has made it of something of its own.
                None => {
                    let object = AnyRef::convert_extern(&mut store, *value).expect("of this store");
                    value_of(store, &Val::AnyRef(Some(object)))
                }
            }
        }
        Val::AnyRef(object) => Value::Any(object.map(|object| {
            let mut hasher = DefaultHasher::new();
            look_at_object(&mut store.as_context_mut(), object, DEEPEST, &mut hasher);
            hasher.finish()
        })),
        Val::ExnRef(exception) => Value::Exn(exception.map(|exception| {
            let mut hasher = DefaultHasher::new();
            look_at_exception(&mut store.as_context_mut(), exception, DEEPEST, &mut hasher);
            hasher.finish()
        })),
        Val::ContRef(none) => match *none {},
    }
}

/// How far references are followed.
const DEEPEST: usize = 3;
/// How many elements of an array are looked at.
const MOST_ELEMENTS_SEEN: u32 = 20;

fn look_at_object(
    store: &mut StoreContextMut<'_, State>,
    object: Rooted<AnyRef>,
    depth: usize,
    hasher: &mut DefaultHasher,
) {
    const HERE: &str = "it is of this store";
    if let Some(number) = object.as_i31(&*store).expect(HERE) {
        (1, number.get_u32()).hash(hasher);
    } else if let Some(object) = object.as_struct(&*store).expect(HERE) {
        let fields = object.ty(&*store).expect(HERE).fields().len();
        (2, fields).hash(hasher);
        for field in 0..fields {
            let value = object.field(&mut *store, field).expect(HERE);
            look_at(store, &value, depth, hasher);
        }
    } else if let Some(array) = object.as_array(&*store).expect(HERE) {
        let len = array.len(&*store).expect(HERE);
        (3, len).hash(hasher);
        for i in 0..len.min(MOST_ELEMENTS_SEEN) {
            let value = array.get(&mut *store, i).expect(HERE);
            look_at(store, &value, depth, hasher);
        }
    } else {
        let value = ExternRef::convert_any(&mut *store, object).expect(HERE);
        look_at(store, &Val::ExternRef(Some(value)), depth, hasher);
    }
}

fn look_at_exception(
    store: &mut StoreContextMut<'_, State>,
    exception: Rooted<ExnRef>,
    depth: usize,
    hasher: &mut DefaultHasher,
) {
    const HERE: &str = "it is of this store";
    let fields = exception.ty(&*store).expect(HERE).fields().len();
    (4, fields).hash(hasher);
    for field in 0..fields {
        let value = exception.field(&mut *store, field).expect(HERE);
        look_at(store, &value, depth, hasher);
    }
}

fn look_at(
    store: &mut StoreContextMut<'_, State>,
    val: &Val,
    depth: usize,
    hasher: &mut DefaultHasher,
) {
    match val {
        Val::AnyRef(Some(_)) | Val::ExnRef(Some(_)) if depth == 0 => 5.hash(hasher),
        Val::AnyRef(Some(object)) => look_at_object(store, *object, depth - 1, hasher),
        Val::ExnRef(Some(exception)) => look_at_exception(store, *exception, depth - 1, hasher),
        other => value_of(&mut *store, other).hash(hasher),
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
        // Numbers say what it looks like, not how to make it.
        Value::Any(_) => Val::AnyRef(None),
        Value::Exn(_) => Val::ExnRef(None),
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
        None if error.downcast_ref::<GcHeapOutOfMemory<()>>().is_some() => Outcome::Full,
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
            Err(error) => {
                let outcome = outcome(error);
                let thrown = self.store.take_pending_exception();
                match thrown {
                    Some(exception) => {
                        let value = self.value(&Val::ExnRef(Some(exception)));
                        Outcome::Failed(format!("{outcome:?}: {value:x?}"))
                    }
                    None => outcome,
                }
            }
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
