//! Whether what is supplied can stand for what a module imports. Follows the specification,
//! "Validation / Types / External Subtyping".

use crate::Result;
use crate::externals::Extern;
use crate::store::StoreOpaque;
use crate::types::{ExternType, FuncType, GlobalType, MemoryType, TableType, TagType, ValType};
use mainspring_error::{Error, bail};
use mainspring_wasm::{EntityIndex, ModuleInfo};

/// What is supplied for an import.
pub(crate) enum Supplied<'a> {
    /// Something of the store.
    Extern(&'a StoreOpaque, &'a Extern),
    /// Something of a store that is not at hand, as it was when its store was.
    Known(&'a Known),
    /// A host function that is in no store yet.
    Host(&'a crate::host::HostFunc),
}

/// What is known of something of a store without the store.
#[derive(Clone)]
pub(crate) struct Known {
    ty: ExternType,
    /// Pages of a memory or elements of a table.
    size: u64,
}

impl Known {
    /// # Panics
    /// If the item is of another store.
    pub fn new(store: &StoreOpaque, item: &Extern) -> Known {
        assert!(item.comes_from(store), "object used with the wrong store");
        let (ty, size) = match item {
            Extern::Func(item) => (item.ty_in(store).into(), 0),
            Extern::Global(item) => (item.ty_in(store).into(), 0),
            Extern::Table(item) => (item.ty_in(store).into(), item.size_in(store)),
            Extern::Memory(item) => (item.ty_in(store).into(), item.size_in(store)),
            Extern::SharedMemory(item) => (item.ty().into(), item.size()),
            Extern::Tag(item) => (item.ty_in(store).into(), 0),
        };
        Known { ty, size }
    }
}

/// Checks one import of a module. What is supplied is of the module's engine.
///
/// # Panics
/// If what is supplied is not of the store that it comes with.
pub(crate) fn check(module: &crate::Module, import: usize, supplied: &Supplied<'_>) -> Result<()> {
    let info = module.inner().info();
    let declared = &info.imports[import];
    // The common case: the very same function type.
    if let EntityIndex::Func(index) = declared.entity {
        let expected = module.inner().types().ids()[info.functions[index.index()].index()];
        let found = match supplied {
            Supplied::Extern(_, Extern::Func(func)) => Some(func.type_id()),
            Supplied::Host(func) => Some(func.ty().id()),
            Supplied::Extern(..) | Supplied::Known(_) => None,
        };
        if found == Some(expected) {
            return Ok(());
        }
    }
    let expected = module.extern_type(declared.entity);
    let checked = match supplied {
        Supplied::Extern(store, item) => check_types(&expected, &Known::new(store, item)),
        Supplied::Known(known) => check_types(&expected, known),
        Supplied::Host(func) => {
            let ty = func.ty().clone().into();
            check_types(&expected, &Known { ty, size: 0 })
        }
    };
    checked.map_err(|error| describe(info, import, error))
}

fn describe(info: &ModuleInfo, import: usize, error: Error) -> Error {
    let declared = &info.imports[import];
    error.context(format!(
        "incompatible import type for `{}::{}`",
        declared.module, declared.name
    ))
}

fn check_types(expected: &ExternType, found: &Known) -> Result<()> {
    use ExternType as T;
    match (expected, &found.ty) {
        (T::Func(expected), T::Func(found)) => check_func(expected, found),
        (T::Global(expected), T::Global(found)) => check_global(expected, found),
        (T::Table(expected), T::Table(ty)) => check_table(expected, ty, found.size),
        (T::Memory(expected), T::Memory(ty)) => check_memory(expected, ty, found.size),
        (T::Tag(expected), T::Tag(found)) => check_tag(expected, found),
        (expected, found) => bail!("expected {}, found {}", kind(expected), kind(found)),
    }
}

fn check_global(expected: &GlobalType, found: &GlobalType) -> Result<()> {
    if expected.mutability() != found.mutability() {
        bail!(
            "expected {} global, found {} global",
            mutability(expected.mutability()),
            mutability(found.mutability())
        );
    }
    let content_fits = match expected.mutability().is_var() {
        true => ValType::eq(expected.content(), found.content()),
        false => found.content().matches(expected.content()),
    };
    if !content_fits {
        bail!(
            "expected global of type `{}`, found global of type `{}`",
            expected.content(),
            found.content()
        );
    }
    Ok(())
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
