//! The types of globals, tables and memories, and of whatever can be imported or exported.

use super::{FuncType, RefType, ValType};
use crate::Engine;
use mainspring_error::{Result, ensure};
use mainspring_wasm as wasm;

/// Whether a global can be set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutability {
    /// It can't.
    Const,
    /// It can.
    Var,
}

impl Mutability {
    /// Whether it is [`Mutability::Const`].
    pub fn is_const(&self) -> bool {
        *self == Mutability::Const
    }

    /// Whether it is [`Mutability::Var`].
    pub fn is_var(&self) -> bool {
        *self == Mutability::Var
    }
}

/// The type of a global.
#[derive(Clone, Debug, Hash)]
pub struct GlobalType {
    content: ValType,
    mutability: Mutability,
}

impl GlobalType {
    /// The type of globals that hold `content`.
    pub fn new(content: ValType, mutability: Mutability) -> GlobalType {
        GlobalType {
            content,
            mutability,
        }
    }

    /// The type of its value.
    pub fn content(&self) -> &ValType {
        &self.content
    }

    /// Whether it can be set.
    pub fn mutability(&self) -> Mutability {
        self.mutability
    }

    pub(crate) fn from_wasm(engine: &Engine, ty: &wasm::GlobalType) -> GlobalType {
        let mutability = if ty.mutable {
            Mutability::Var
        } else {
            Mutability::Const
        };
        GlobalType {
            content: ValType::from_wasm(engine, ty.content),
            mutability,
        }
    }

    pub(crate) fn to_wasm(&self) -> wasm::GlobalType {
        wasm::GlobalType {
            content: self.content.to_wasm(),
            mutable: self.mutability.is_var(),
        }
    }
}

/// The type of a table.
#[derive(Clone, Debug, Hash)]
pub struct TableType {
    element: RefType,
    ty: wasm::TableType,
}

impl TableType {
    /// The type of tables of `element`s, indexed with 32 bits.
    pub fn new(element: RefType, min: u32, max: Option<u32>) -> TableType {
        TableType::make(element, min.into(), max.map(u64::from), false)
    }

    /// The type of tables of `element`s, indexed with 64 bits.
    pub fn new64(element: RefType, min: u64, max: Option<u64>) -> TableType {
        TableType::make(element, min, max, true)
    }

    fn make(element: RefType, minimum: u64, maximum: Option<u64>, table64: bool) -> TableType {
        let ty = wasm::TableType {
            element: element.to_wasm(),
            table64,
            minimum,
            maximum,
        };
        TableType { element, ty }
    }

    /// Whether it is indexed with 64 bits.
    pub fn is_64(&self) -> bool {
        self.ty.table64
    }

    /// The type of its elements.
    pub fn element(&self) -> &RefType {
        &self.element
    }

    /// How many elements it starts with.
    pub fn minimum(&self) -> u64 {
        self.ty.minimum
    }

    /// How many elements it may have.
    pub fn maximum(&self) -> Option<u64> {
        self.ty.maximum
    }

    pub(crate) fn from_wasm(engine: &Engine, ty: &wasm::TableType) -> TableType {
        TableType {
            element: RefType::from_wasm(engine, ty.element),
            ty: *ty,
        }
    }

    pub(crate) fn to_wasm(&self) -> wasm::TableType {
        self.ty
    }
}

/// The type of a linear memory.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct MemoryType(wasm::MemoryType);

impl MemoryType {
    /// The type of memories of at least `minimum` pages of 64 KiB, indexed with 32 bits.
    ///
    /// # Panics
    /// If the minimum is above the maximum or above 65,536 pages.
    pub fn new(minimum: u32, maximum: Option<u32>) -> MemoryType {
        MemoryTypeBuilder::new()
            .min(minimum.into())
            .max(maximum.map(u64::from))
            .build()
            .expect("a valid memory type")
    }

    /// The type of memories of at least `minimum` pages of 64 KiB, indexed with 64 bits.
    ///
    /// # Panics
    /// If the minimum is above the maximum or 2⁴⁸ pages or more.
    pub fn new64(minimum: u64, maximum: Option<u64>) -> MemoryType {
        MemoryTypeBuilder::new()
            .memory64(true)
            .min(minimum)
            .max(maximum)
            .build()
            .expect("a valid memory type")
    }

    /// The type of memories that threads share, of at least `minimum` and at most `maximum` pages of 64 KiB,
    /// indexed with 32 bits.
    ///
    /// # Panics
    /// If the minimum is above the maximum, or either above 65,536 pages.
    pub fn shared(minimum: u32, maximum: u32) -> MemoryType {
        MemoryTypeBuilder::new()
            .shared(true)
            .min(minimum.into())
            .max(Some(maximum.into()))
            .build()
            .expect("a valid memory type")
    }

    /// Starts a memory type with all details.
    pub fn builder() -> MemoryTypeBuilder {
        MemoryTypeBuilder::new()
    }

    /// Whether it is indexed with 64 bits.
    pub fn is_64(&self) -> bool {
        self.0.memory64
    }

    /// Whether threads share it.
    pub fn is_shared(&self) -> bool {
        self.0.shared
    }

    /// How many pages it starts with.
    pub fn minimum(&self) -> u64 {
        self.0.minimum
    }

    /// How many pages it may have.
    pub fn maximum(&self) -> Option<u64> {
        self.0.maximum
    }

    /// The size of a page in bytes.
    pub fn page_size(&self) -> u64 {
        self.0.page_size()
    }

    /// The size of a page as a power of two.
    pub fn page_size_log2(&self) -> u8 {
        self.0.page_size_log2
    }

    pub(crate) fn from_wasm(ty: &wasm::MemoryType) -> MemoryType {
        MemoryType(*ty)
    }

    pub(crate) fn to_wasm(&self) -> wasm::MemoryType {
        self.0
    }
}

/// Makes a [`MemoryType`].
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct MemoryTypeBuilder(wasm::MemoryType);

impl Default for MemoryTypeBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryTypeBuilder {
    /// A memory of no pages, indexed with 32 bits, not shared, with pages of 64 KiB.
    pub fn new() -> MemoryTypeBuilder {
        MemoryTypeBuilder(wasm::MemoryType {
            memory64: false,
            shared: false,
            minimum: 0,
            maximum: None,
            page_size_log2: 16,
        })
    }

    /// Sets how many pages it starts with.
    pub fn min(&mut self, minimum: u64) -> &mut Self {
        self.0.minimum = minimum;
        self
    }

    /// Sets how many pages it may have.
    pub fn max(&mut self, maximum: Option<u64>) -> &mut Self {
        self.0.maximum = maximum;
        self
    }

    /// Sets whether it is indexed with 64 bits.
    pub fn memory64(&mut self, memory64: bool) -> &mut Self {
        self.0.memory64 = memory64;
        self
    }

    /// Sets whether threads share it.
    pub fn shared(&mut self, shared: bool) -> &mut Self {
        self.0.shared = shared;
        self
    }

    /// Sets the size of a page as a power of two: 16, or 0 for custom page sizes.
    pub fn page_size_log2(&mut self, page_size_log2: u8) -> &mut Self {
        self.0.page_size_log2 = page_size_log2;
        self
    }

    /// Makes the type.
    ///
    /// # Errors
    /// If it is not valid: the minimum above the maximum or 2⁶⁴ bytes, either above what can be indexed, another
    /// page size than 1 and 65,536, or a shared memory without a maximum.
    pub fn build(&self) -> Result<MemoryType> {
        let ty = self.0;
        ensure!(
            matches!(ty.page_size_log2, 0 | 16),
            "page_size_log2 must be 0 or 16, and is {}",
            ty.page_size_log2
        );
        let limit = wasm::MemoryType {
            maximum: None,
            ..ty
        }
        .maximum_pages();
        ensure!(
            ty.minimum <= limit,
            "a minimum of {} pages is more than can be indexed ({limit})",
            ty.minimum
        );
        ensure!(
            ty.minimum_bytes().is_some(),
            "a minimum of {} pages is 2⁶⁴ bytes, which no memory can have",
            ty.minimum
        );
        if let Some(maximum) = ty.maximum {
            ensure!(
                maximum <= limit,
                "a maximum of {maximum} pages is more than can be indexed ({limit})"
            );
            ensure!(
                ty.minimum <= maximum,
                "the minimum ({}) is above the maximum ({maximum})",
                ty.minimum
            );
        }
        ensure!(
            !ty.shared || ty.maximum.is_some(),
            "shared memories must have a maximum size"
        );
        Ok(MemoryType(ty))
    }
}

/// The type of something that can be imported or exported.
#[derive(Clone, Debug)]
pub enum ExternType {
    /// A function.
    Func(FuncType),
    /// A global.
    Global(GlobalType),
    /// A table.
    Table(TableType),
    /// A memory.
    Memory(MemoryType),
    /// A tag of exceptions.
    Tag(TagType),
}

/// The type of a tag: the parameters of its function type are what an exception carries.
#[derive(Clone, Debug, Hash)]
pub struct TagType {
    ty: FuncType,
}

impl TagType {
    /// The type of tags of exceptions that carry the function type's parameters.
    pub fn new(ty: FuncType) -> TagType {
        TagType { ty }
    }

    /// The function type.
    pub fn ty(&self) -> &FuncType {
        &self.ty
    }
}

macro_rules! extern_type_accessors {
    ($($variant:ident($ty:ident) $get:ident $unwrap:ident $word:literal)*) => {
        impl ExternType {
            $(
                #[doc = concat!("The type, if it is that of a ", $word, ".")]
                pub fn $get(&self) -> Option<&$ty> {
                    match self {
                        ExternType::$variant(ty) => Some(ty),
                        _ => None,
                    }
                }

                #[doc = concat!("The type, which must be that of a ", $word, ".\n\n# Panics\nIf it is not.")]
                pub fn $unwrap(&self) -> &$ty {
                    self.$get().expect(concat!("the type is that of a ", $word))
                }
            )*
        }

        $(impl From<$ty> for ExternType {
            fn from(ty: $ty) -> ExternType {
                ExternType::$variant(ty)
            }
        })*
    };
}

extern_type_accessors! {
    Func(FuncType) func unwrap_func "function"
    Global(GlobalType) global unwrap_global "global"
    Table(TableType) table unwrap_table "table"
    Memory(MemoryType) memory unwrap_memory "memory"
    Tag(TagType) tag unwrap_tag "tag"
}

impl ExternType {
    /// Something of this type, as plain as can be: zeros and nulls, no more pages or elements than needed.
    ///
    /// # Errors
    /// If the type has no default value, or a limit of the store is reached.
    pub fn default_value(&self, store: impl crate::AsContextMut) -> Result<crate::Extern> {
        Ok(match self {
            ExternType::Func(ty) => ty.default_value(store)?.into(),
            ExternType::Global(ty) => ty.default_value(store)?.into(),
            ExternType::Table(ty) => ty.default_value(store)?.into(),
            ExternType::Memory(ty) => ty.default_value(store)?,
            ExternType::Tag(ty) => ty.default_value(store)?.into(),
        })
    }
}

impl TagType {
    /// A new tag of this type.
    ///
    /// # Errors
    /// If the type is of another engine, or has results.
    pub fn default_value(&self, store: impl crate::AsContextMut) -> Result<crate::Tag> {
        crate::Tag::new(store, self)
    }
}

impl GlobalType {
    /// A global of this type that is zero or null.
    ///
    /// # Errors
    /// If the type has no default value.
    pub fn default_value(&self, store: impl crate::AsContextMut) -> Result<crate::Global> {
        let value = mainspring_error::Context::with_context(self.content.default_value(), || {
            format!("{} has no default value", self.content)
        })?;
        crate::Global::new(store, self.clone(), value)
    }
}

impl TableType {
    /// A table of this type, of nulls.
    ///
    /// # Errors
    /// If its elements can't be null, or a limit of the store is reached.
    pub fn default_value(&self, store: impl crate::AsContextMut) -> Result<crate::Table> {
        ensure!(
            self.element.is_nullable(),
            "{} has no default value",
            self.element
        );
        crate::Table::new(
            store,
            self.clone(),
            crate::Ref::null(self.element.heap_type()),
        )
    }
}

impl MemoryType {
    /// A memory of this type.
    ///
    /// # Errors
    /// If a limit of the store is reached, or the type is shared and that is off.
    pub fn default_value(&self, store: impl crate::AsContextMut) -> Result<crate::Extern> {
        if self.is_shared() {
            let engine = store.as_context().engine().clone();
            return Ok(crate::SharedMemory::new(&engine, self.clone())?.into());
        }
        Ok(crate::Memory::new(store, self.clone())?.into())
    }
}
