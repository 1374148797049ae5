//! Whether what is supplied can stand for what a module imports. Follows the specification,
//! "Validation / Types / External Subtyping".

use crate::Result;
use crate::externals::Extern;
use crate::linker::Definition;
use crate::store::StoreOpaque;
use crate::types::{ExternType, FuncType, MemoryType, TableType, TagType, ValType};
use anyhow::{Error, bail};
use mainspring_wasm::{EntityIndex, ModuleInfo};

/// What is supplied for an import.
pub(crate) enum Supplied<'a> {
    /// Something of the store.
    Extern(&'a StoreOpaque, &'a Extern),
    /// A host function that is in no store yet.
    Host(&'a crate::host::HostFunc),
}

impl<'a> Supplied<'a> {
    pub fn of(store: &'a StoreOpaque, definition: &'a Definition) -> Supplied<'a> {
        match definition {
            Definition::Extern(item) => Supplied::Extern(store, item),
            Definition::Host(func) => Supplied::Host(func),
        }
    }
}

/// Checks one import of a module.
pub(crate) fn check(module: &crate::Module, import: usize, supplied: &Supplied<'_>) -> Result<()> {
    let info = module.inner().info();
    let declared = &info.imports[import];
    // The common case: the very same function type.
    if let EntityIndex::Func(index) = declared.entity {
        let expected = module.inner().types().ids()[info.functions[index.index()].index()];
        let found = match supplied {
            Supplied::Extern(_, Extern::Func(func)) => Some(func.type_id()),
            Supplied::Host(func) => Some(func.ty().id()),
            Supplied::Extern(..) => None,
        };
        if found == Some(expected) {
            return Ok(());
        }
    }
    check_types(&module.extern_type(declared.entity), supplied)
        .map_err(|error| describe(info, import, error))
}

fn describe(info: &ModuleInfo, import: usize, error: Error) -> Error {
    let declared = &info.imports[import];
    error.context(format!(
        "incompatible import type for `{}::{}`",
        declared.module, declared.name
    ))
}

fn check_types(expected: &ExternType, supplied: &Supplied<'_>) -> Result<()> {
    match (expected, supplied) {
        (ExternType::Func(expected), Supplied::Host(func)) => check_func(expected, func.ty()),
        (ExternType::Func(expected), Supplied::Extern(store, Extern::Func(func))) => {
            check_func(expected, &func.ty_in(store))
        }
        (ExternType::Global(expected), Supplied::Extern(store, Extern::Global(global))) => {
            let found = global.ty_in(store);
            let content_fits = match expected.mutability().is_var() {
                true => ValType::eq(expected.content(), found.content()),
                false => found.content().matches(expected.content()),
            };
            if expected.mutability() != found.mutability() {
                bail!(
                    "expected {} global, found {} global",
                    mutability(expected.mutability()),
                    mutability(found.mutability())
                );
            }
            if !content_fits {
                bail!(
                    "expected global of type `{}`, found global of type `{}`",
                    expected.content(),
                    found.content()
                );
            }
            Ok(())
        }
        (ExternType::Table(expected), Supplied::Extern(store, Extern::Table(table))) => {
            check_table(expected, &table.ty_in(store), table.size_in(store))
        }
        (ExternType::Memory(expected), Supplied::Extern(store, Extern::Memory(memory))) => {
            check_memory(expected, &memory.ty_in(store), memory.size_in(store))
        }
        (ExternType::Memory(expected), Supplied::Extern(_, Extern::SharedMemory(memory))) => {
            check_memory(expected, &memory.ty(), memory.size())
        }
        (ExternType::Tag(expected), Supplied::Extern(store, Extern::Tag(tag))) => {
            check_tag(expected, &tag.ty_in(store))
        }
        (expected, supplied) => {
            let found = match supplied {
                Supplied::Host(_) => "func",
                Supplied::Extern(_, item) => item.desc(),
            };
            bail!("expected {}, found {found}", kind(expected))
        }
    }
}

fn check_func(expected: &FuncType, found: &FuncType) -> Result<()> {
    if !found.matches(expected) {
        bail!("types incompatible: expected type `{expected}`, found type `{found}`");
    }
    Ok(())
}

fn check_tag(expected: &TagType, found: &TagType) -> Result<()> {
    if !FuncType::eq(expected.ty(), found.ty()) {
        bail!(
            "types incompatible: expected tag of type `{}`, found tag of type `{}`",
            expected.ty(),
            found.ty()
        );
    }
    Ok(())
}

fn check_table(expected: &TableType, found: &TableType, size: u64) -> Result<()> {
    if !crate::RefType::eq(expected.element(), found.element()) {
        bail!(
            "expected table of `{}`, found table of `{}`",
            expected.element(),
            found.element()
        );
    }
    if expected.is_64() != found.is_64() {
        bail!(
            "expected {}-bit table, found {}-bit table",
            bits(expected.is_64()),
            bits(found.is_64())
        );
    }
    check_limits(
        "table",
        (expected.minimum(), expected.maximum()),
        (size, found.maximum()),
    )
}

fn check_memory(expected: &MemoryType, found: &MemoryType, pages: u64) -> Result<()> {
    if expected.is_shared() != found.is_shared() {
        bail!(
            "expected {} memory, found {} memory",
            sharing(expected.is_shared()),
            sharing(found.is_shared())
        );
    }
    if expected.is_64() != found.is_64() {
        bail!(
            "expected {}-bit memory, found {}-bit memory",
            bits(expected.is_64()),
            bits(found.is_64())
        );
    }
    if expected.page_size() != found.page_size() {
        bail!(
            "expected memory with pages of {} bytes, found pages of {}",
            expected.page_size(),
            found.page_size()
        );
    }
    check_limits(
        "memory",
        (expected.minimum(), expected.maximum()),
        (pages, found.maximum()),
    )
}

/// What is supplied counts with its size now, as its minimum.
fn check_limits(what: &str, expected: (u64, Option<u64>), found: (u64, Option<u64>)) -> Result<()> {
    let (expected_min, expected_max) = expected;
    let (size, found_max) = found;
    let max_fits = match (expected_max, found_max) {
        (None, _) => true,
        (Some(expected), Some(found)) => found <= expected,
        (Some(_), None) => false,
    };
    if size < expected_min || !max_fits {
        let max = |max: Option<u64>| max.map_or("none".to_owned(), |max| max.to_string());
        bail!(
            "{what} types incompatible: expected {what} limits (min: {expected_min}, max: {}) doesn't match provided {what} limits (min: {size}, max: {})",
            max(expected_max),
            max(found_max)
        );
    }
    Ok(())
}

fn mutability(mutability: crate::Mutability) -> &'static str {
    if mutability.is_var() {
        "mutable"
    } else {
        "immutable"
    }
}

fn sharing(shared: bool) -> &'static str {
    if shared { "shared" } else { "non-shared" }
}

fn bits(is_64: bool) -> u32 {
    if is_64 { 64 } else { 32 }
}

fn kind(ty: &ExternType) -> &'static str {
    match ty {
        ExternType::Func(_) => "func",
        ExternType::Global(_) => "global",
        ExternType::Table(_) => "table",
        ExternType::Memory(_) => "memory",
        ExternType::Tag(_) => "tag",
    }
}
