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
        (expected, found) => bail!("expected {}, but found {}", kind(expected).0, kind(found).1),
    }
}

fn check_global(expected: &GlobalType, found: &GlobalType) -> Result<()> {
    let immutable = expected.mutability().is_const() && found.mutability().is_const();
    let content_fits = match immutable {
        true => found.content().matches(expected.content()),
        false => ValType::eq(expected.content(), found.content()),
    };
    if !content_fits {
        bail!(
            "global types incompatible: expected global of type `{}`, found global of type `{}`",
            expected.content(),
            found.content()
        );
    }
    check_kind(
        "global",
        mutability(expected.mutability()),
        mutability(found.mutability()),
    )
}

fn check_func(expected: &FuncType, found: &FuncType) -> Result<()> {
    if !found.matches(expected) {
        bail!(
            "types incompatible: expected type `{}`, found type `{}`",
            expected.definition(),
            found.definition()
        );
    }
    Ok(())
}

fn check_tag(expected: &TagType, found: &TagType) -> Result<()> {
    if !FuncType::eq(expected.ty(), found.ty()) {
        bail!(
            "incompatible tag types: expected tag of type `{}`, found tag of type `{}`",
            expected.ty().definition(),
            found.ty().definition()
        );
    }
    Ok(())
}

fn check_table(expected: &TableType, found: &TableType, size: u64) -> Result<()> {
    if !crate::RefType::eq(expected.element(), found.element()) {
        bail!(
            "table types incompatible: expected table of type `{}`, found table of type `{}`",
            expected.element(),
            found.element()
        );
    }
    check_kind("table", bits(expected.is_64()), bits(found.is_64()))?;
    check_limits(
        "table",
        (expected.minimum(), expected.maximum()),
        (size, found.maximum()),
    )
}

fn check_memory(expected: &MemoryType, found: &MemoryType, pages: u64) -> Result<()> {
    check_kind(
        "memory",
        sharing(expected.is_shared()),
        sharing(found.is_shared()),
    )?;
    check_kind("memory", bits(expected.is_64()), bits(found.is_64()))?;
    check_limits(
        "memory",
        (expected.minimum(), expected.maximum()),
        (pages, found.maximum()),
    )?;
    if expected.page_size() != found.page_size() {
        bail!(
            "memory types incompatible: expected a memory with a page size of {}, but received a memory with a page size of {}",
            expected.page_size(),
            found.page_size()
        );
    }
    Ok(())
}

/// Compares two words for what distinguishes memories, tables or globals.
fn check_kind(what: &str, expected: &str, found: &str) -> Result<()> {
    if expected != found {
        bail!("{what} types incompatible: expected {expected} {what}, found {found} {what}");
    }
    Ok(())
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

fn bits(is_64: bool) -> &'static str {
    if is_64 { "64-bit" } else { "32-bit" }
}

/// What something is called where it is expected, and where it is found.
fn kind(ty: &ExternType) -> (&'static str, &'static str) {
    match ty {
        ExternType::Func(_) => ("func", "function"),
        ExternType::Global(_) => ("global", "global"),
        ExternType::Table(_) => ("table", "table"),
        ExternType::Memory(_) => ("memory", "memory"),
        ExternType::Tag(_) => ("tag", "tag"),
    }
}
