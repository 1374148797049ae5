//! The host module `spectest` that the specification's scripts import: functions that
//! print, one global of each number type, a table (and its 64-bit twin) and a memory.
//! The values and limits are the ones that the scripts assert.

use mainspring::{
    Engine, Extern, FuncType, Global, GlobalType, Linker, Memory, MemoryType, Module, Mutability,
    Ref, RefType, Result, SharedMemory, Store, Table, TableType, Val, ValType,
};

use std::io::Write;

/// The smallest module that is valid only where tables may be indexed by 64 bits.
const TABLE64_PROBE: &[u8] = b"\0asm\x01\0\0\0\x04\x04\x01\x70\x04\0";

/// Defines the module in `linker`. With `echo`, what its functions are called with
/// appears on standard output.
pub(crate) fn define(store: &mut Store<()>, linker: &mut Linker<()>, echo: bool) -> Result<()> {
    functions(store.engine(), linker, echo)?;
    let mut add = |store: &mut Store<()>, name: &str, item: Extern| {
        linker.define(store, "spectest", name, item).map(drop)
    };

    let globals = [
        ("global_i32", ValType::I32, Val::I32(666)),
        ("global_i64", ValType::I64, Val::I64(666)),
        ("global_f32", ValType::F32, Val::F32(666.6f32.to_bits())),
        ("global_f64", ValType::F64, Val::F64(666.6f64.to_bits())),
    ];
    for (name, ty, value) in globals {
        let global = Global::new(&mut *store, GlobalType::new(ty, Mutability::Const), value)?;
        add(store, name, global.into())?;
    }

    let table = Table::new(
        &mut *store,
        TableType::new(RefType::FUNCREF, 10, Some(20)),
        Ref::Func(None),
    )?;
    add(store, "table", table.into())?;
    // Only scripts of the memory64 proposal import this one, and an engine with the
    // proposal off can't make it.
    if Module::validate(store.engine(), TABLE64_PROBE).is_ok() {
        let ty = TableType::new64(RefType::FUNCREF, 10, Some(20));
        let table = Table::new(&mut *store, ty, Ref::Func(None))?;
        add(store, "table64", table.into())?;
    }
    let memory = Memory::new(&mut *store, MemoryType::new(1, Some(2)))?;
    add(store, "memory", memory.into())?;
    // Only scripts of the threads proposal import this one, and an engine may refuse to make it.
    if let Ok(memory) = SharedMemory::new(store.engine(), MemoryType::shared(1, 2)) {
        add(store, "shared_memory", memory.into())?;
    }
    Ok(())
}

fn functions(engine: &Engine, linker: &mut Linker<()>, echo: bool) -> Result<()> {
    use ValType::{F32, F64, I32, I64};
    let signatures: [(&str, &[ValType]); 7] = [
        ("print", &[]),
        ("print_i32", &[I32]),
        ("print_i64", &[I64]),
        ("print_f32", &[F32]),
        ("print_f64", &[F64]),
        ("print_i32_f32", &[I32, F32]),
        ("print_f64_f64", &[F64, F64]),
    ];
    for (name, params) in signatures {
        let ty = FuncType::new(engine, params.iter().cloned(), []);
        linker.func_new("spectest", name, ty, move |_, params, _| {
            if echo {
                let shown: Vec<_> = params.iter().map(crate::values::show).collect();
                writeln!(std::io::stdout(), "{name}({})", shown.join(", "))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}
