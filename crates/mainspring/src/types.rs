//! Types as embedders see them: of values, functions, tables, memories and globals.

use crate::Engine;
use anyhow::{Result, ensure};
use mainspring_wasm as wasm;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

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

/// Whether a type may have subtypes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Finality {
    /// It may not.
    Final,
    /// It may.
    NonFinal,
}

impl Finality {
    /// Whether it is [`Finality::Final`].
    pub fn is_final(&self) -> bool {
        *self == Finality::Final
    }

    /// Whether it is [`Finality::NonFinal`].
    pub fn is_non_final(&self) -> bool {
        *self == Finality::NonFinal
    }
}

/// The type of a value.
#[derive(Clone, Hash)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// Single-precision float.
    F32,
    /// Double-precision float.
    F64,
    /// 128-bit vector.
    V128,
    /// A reference.
    Ref(RefType),
}

impl ValType {
    /// `externref`: a nullable reference to a host value.
    pub const EXTERNREF: Self = ValType::Ref(RefType::EXTERNREF);
    /// `nullexternref`
    pub const NULLEXTERNREF: Self = ValType::Ref(RefType::NULLEXTERNREF);
    /// `funcref`: a nullable reference to a function.
    pub const FUNCREF: Self = ValType::Ref(RefType::FUNCREF);
    /// `nullfuncref`
    pub const NULLFUNCREF: Self = ValType::Ref(RefType::NULLFUNCREF);

    /// Whether it is a number: `i32`, `i64`, `f32` or `f64`.
    pub fn is_num(&self) -> bool {
        matches!(
            self,
            ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64
        )
    }

    /// Whether it is `i32`.
    pub fn is_i32(&self) -> bool {
        matches!(self, ValType::I32)
    }

    /// Whether it is `i64`.
    pub fn is_i64(&self) -> bool {
        matches!(self, ValType::I64)
    }

    /// Whether it is `f32`.
    pub fn is_f32(&self) -> bool {
        matches!(self, ValType::F32)
    }

    /// Whether it is `f64`.
    pub fn is_f64(&self) -> bool {
        matches!(self, ValType::F64)
    }

    /// Whether it is `v128`.
    pub fn is_v128(&self) -> bool {
        matches!(self, ValType::V128)
    }

    /// Whether it is a reference.
    pub fn is_ref(&self) -> bool {
        matches!(self, ValType::Ref(_))
    }

    /// Whether it is `funcref`.
    pub fn is_funcref(&self) -> bool {
        matches!(
            self,
            ValType::Ref(RefType {
                is_nullable: true,
                heap_type: HeapType::Func
            })
        )
    }

    /// Whether it is `externref`.
    pub fn is_externref(&self) -> bool {
        matches!(
            self,
            ValType::Ref(RefType {
                is_nullable: true,
                heap_type: HeapType::Extern
            })
        )
    }

    /// The reference type, if it is one.
    pub fn as_ref(&self) -> Option<&RefType> {
        match self {
            ValType::Ref(ty) => Some(ty),
            _ => None,
        }
    }

    /// The reference type.
    ///
    /// # Panics
    /// If it is not one.
    pub fn unwrap_ref(&self) -> &RefType {
        self.as_ref().expect("the value type is a reference type")
    }

    /// Whether every value of this type is one of `other`.
    ///
    /// # Panics
    /// If the types are of different engines.
    pub fn matches(&self, other: &ValType) -> bool {
        match (self, other) {
            (ValType::Ref(a), ValType::Ref(b)) => a.matches(b),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// Whether both are the same type.
    ///
    /// # Panics
    /// If the types are of different engines.
    pub fn eq(a: &ValType, b: &ValType) -> bool {
        a.matches(b) && b.matches(a)
    }

    /// Zero or null, if the type has it.
    pub fn default_value(&self) -> Option<crate::Val> {
        crate::Val::default_for_ty(self)
    }

    pub(crate) fn from_wasm(engine: &Engine, ty: wasm::ValType) -> ValType {
        match ty {
            wasm::ValType::I32 => ValType::I32,
            wasm::ValType::I64 => ValType::I64,
            wasm::ValType::F32 => ValType::F32,
            wasm::ValType::F64 => ValType::F64,
            wasm::ValType::V128 => ValType::V128,
            wasm::ValType::Ref(ty) => ValType::Ref(RefType::from_wasm(engine, ty)),
        }
    }

    pub(crate) fn to_wasm(&self) -> wasm::ValType {
        match self {
            ValType::I32 => wasm::ValType::I32,
            ValType::I64 => wasm::ValType::I64,
            ValType::F32 => wasm::ValType::F32,
            ValType::F64 => wasm::ValType::F64,
            ValType::V128 => wasm::ValType::V128,
            ValType::Ref(ty) => wasm::ValType::Ref(ty.to_wasm()),
        }
    }

    pub(crate) fn ensure_of(&self, engine: &Engine) {
        if let ValType::Ref(RefType {
            heap_type: HeapType::ConcreteFunc(ty),
            ..
        }) = self
        {
            assert!(
                Engine::same(ty.engine(), engine),
                "the type belongs to another engine"
            );
        }
    }
}

impl fmt::Display for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValType::Ref(ty) => ty.fmt(f),
            other => other.to_wasm().fmt(f),
        }
    }
}

impl fmt::Debug for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<RefType> for ValType {
    fn from(ty: RefType) -> ValType {
        ValType::Ref(ty)
    }
}

/// The type of a reference.
#[derive(Clone, Hash)]
pub struct RefType {
    is_nullable: bool,
    heap_type: HeapType,
}

impl RefType {
    /// `externref`
    pub const EXTERNREF: Self = RefType {
        is_nullable: true,
        heap_type: HeapType::Extern,
    };
    /// `nullexternref`
    pub const NULLEXTERNREF: Self = RefType {
        is_nullable: true,
        heap_type: HeapType::NoExtern,
    };
    /// `funcref`
    pub const FUNCREF: Self = RefType {
        is_nullable: true,
        heap_type: HeapType::Func,
    };
    /// `nullfuncref`
    pub const NULLFUNCREF: Self = RefType {
        is_nullable: true,
        heap_type: HeapType::NoFunc,
    };

    /// The type of references to something.
    pub fn new(is_nullable: bool, heap_type: HeapType) -> RefType {
        RefType {
            is_nullable,
            heap_type,
        }
    }

    /// Whether null is one of its values.
    pub fn is_nullable(&self) -> bool {
        self.is_nullable
    }

    /// What it refers to.
    pub fn heap_type(&self) -> &HeapType {
        &self.heap_type
    }

    /// Whether every value of this type is one of `other`.
    pub fn matches(&self, other: &RefType) -> bool {
        (other.is_nullable || !self.is_nullable) && self.heap_type.matches(&other.heap_type)
    }

    /// Whether both are the same type.
    pub fn eq(a: &RefType, b: &RefType) -> bool {
        a.matches(b) && b.matches(a)
    }

    pub(crate) fn from_wasm(engine: &Engine, ty: wasm::RefType) -> RefType {
        RefType {
            is_nullable: ty.nullable,
            heap_type: HeapType::from_wasm(engine, ty.heap),
        }
    }

    pub(crate) fn to_wasm(&self) -> wasm::RefType {
        wasm::RefType {
            nullable: self.is_nullable,
            heap: self.heap_type.to_wasm(),
        }
    }
}

impl fmt::Display for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_nullable, &self.heap_type) {
            (true, HeapType::Func) => f.write_str("funcref"),
            (true, HeapType::Extern) => f.write_str("externref"),
            (true, heap) => write!(f, "(ref null {heap})"),
            (false, heap) => write!(f, "(ref {heap})"),
        }
    }
}

impl fmt::Debug for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a reference refers to.
#[derive(Clone, Hash)]
pub enum HeapType {
    /// Host values.
    Extern,
    /// No host value.
    NoExtern,
    /// Functions.
    Func,
    /// Functions of one type.
    ConcreteFunc(FuncType),
    /// No function.
    NoFunc,
}

impl HeapType {
    /// Whether it is `extern`.
    pub fn is_extern(&self) -> bool {
        matches!(self, HeapType::Extern)
    }

    /// Whether it is `func`.
    pub fn is_func(&self) -> bool {
        matches!(self, HeapType::Func)
    }

    /// Whether it is `nofunc`.
    pub fn is_no_func(&self) -> bool {
        matches!(self, HeapType::NoFunc)
    }

    /// Whether it is a declared type.
    pub fn is_concrete(&self) -> bool {
        matches!(self, HeapType::ConcreteFunc(_))
    }

    /// Whether it is not a declared type.
    pub fn is_abstract(&self) -> bool {
        !self.is_concrete()
    }

    /// Whether it is a declared function type.
    pub fn is_concrete_func(&self) -> bool {
        self.is_concrete()
    }

    /// The declared function type, if it is one.
    pub fn as_concrete_func(&self) -> Option<&FuncType> {
        match self {
            HeapType::ConcreteFunc(ty) => Some(ty),
            _ => None,
        }
    }

    /// The declared function type.
    ///
    /// # Panics
    /// If it is not one.
    pub fn unwrap_concrete_func(&self) -> &FuncType {
        self.as_concrete_func()
            .expect("the heap type is a declared function type")
    }

    /// Whether it is the top of its hierarchy.
    pub fn is_top(&self) -> bool {
        matches!(self, HeapType::Extern | HeapType::Func)
    }

    /// Whether it is the bottom of its hierarchy.
    pub fn is_bottom(&self) -> bool {
        matches!(self, HeapType::NoExtern | HeapType::NoFunc)
    }

    /// The top of its hierarchy.
    pub fn top(&self) -> HeapType {
        match self {
            HeapType::Extern | HeapType::NoExtern => HeapType::Extern,
            HeapType::Func | HeapType::ConcreteFunc(_) | HeapType::NoFunc => HeapType::Func,
        }
    }

    /// The bottom of its hierarchy.
    pub fn bottom(&self) -> HeapType {
        match self {
            HeapType::Extern | HeapType::NoExtern => HeapType::NoExtern,
            HeapType::Func | HeapType::ConcreteFunc(_) | HeapType::NoFunc => HeapType::NoFunc,
        }
    }

    /// Whether everything of this type is of `other` too.
    pub fn matches(&self, other: &HeapType) -> bool {
        match (self, other) {
            (HeapType::NoExtern, HeapType::NoExtern | HeapType::Extern)
            | (HeapType::Extern, HeapType::Extern) => true,
            (HeapType::NoFunc, HeapType::NoFunc | HeapType::ConcreteFunc(_) | HeapType::Func) => {
                true
            }
            (HeapType::ConcreteFunc(_) | HeapType::Func, HeapType::Func) => true,
            (HeapType::ConcreteFunc(a), HeapType::ConcreteFunc(b)) => a.matches(b),
            _ => false,
        }
    }

    /// Whether both are the same type.
    pub fn eq(a: &HeapType, b: &HeapType) -> bool {
        a.matches(b) && b.matches(a)
    }

    fn from_wasm(engine: &Engine, ty: wasm::HeapType) -> HeapType {
        match ty {
            wasm::HeapType::Extern => HeapType::Extern,
            wasm::HeapType::NoExtern => HeapType::NoExtern,
            wasm::HeapType::Func => HeapType::Func,
            wasm::HeapType::NoFunc => HeapType::NoFunc,
            wasm::HeapType::Concrete(wasm::ConcreteType::Canonical(id)) => {
                HeapType::ConcreteFunc(FuncType::from_id(engine, id))
            }
            other => unreachable!("{other} belongs to a proposal that validation refuses"),
        }
    }

    fn to_wasm(&self) -> wasm::HeapType {
        match self {
            HeapType::Extern => wasm::HeapType::Extern,
            HeapType::NoExtern => wasm::HeapType::NoExtern,
            HeapType::Func => wasm::HeapType::Func,
            HeapType::NoFunc => wasm::HeapType::NoFunc,
            HeapType::ConcreteFunc(ty) => {
                wasm::HeapType::Concrete(wasm::ConcreteType::Canonical(ty.id()))
            }
        }
    }
}

impl fmt::Display for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeapType::Extern => f.write_str("extern"),
            HeapType::NoExtern => f.write_str("noextern"),
            HeapType::Func => f.write_str("func"),
            HeapType::NoFunc => f.write_str("nofunc"),
            HeapType::ConcreteFunc(ty) => write!(f, "(concrete func {:?})", ty.id().0),
        }
    }
}

impl fmt::Debug for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<FuncType> for HeapType {
    fn from(ty: FuncType) -> HeapType {
        HeapType::ConcreteFunc(ty)
    }
}

/// The type of a function. Belongs to an engine; equal types of one engine are equal.
#[derive(Clone)]
pub struct FuncType {
    engine: Engine,
    types: wasm::RegisteredTypes,
    ty: Arc<wasm::SubType>,
}

impl FuncType {
    /// The type of functions with these parameters and results.
    ///
    /// # Panics
    /// If one of the types belongs to another engine.
    pub fn new(
        engine: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> FuncType {
        let lower = |ty: ValType| {
            ty.ensure_of(engine);
            ty.to_wasm()
        };
        let ty = wasm::FuncType {
            params: params.into_iter().map(lower).collect(),
            results: results.into_iter().map(lower).collect(),
        };
        let types = engine.types().register_func(ty);
        let ty = engine.types().lookup(types.ids()[0]);
        FuncType {
            engine: engine.clone(),
            types,
            ty,
        }
    }

    /// The registered function type with an id.
    pub(crate) fn from_id(engine: &Engine, id: wasm::CanonicalTypeId) -> FuncType {
        let (types, ty) = engine.types().hold(id);
        FuncType {
            engine: engine.clone(),
            types,
            ty,
        }
    }

    pub(crate) fn id(&self) -> wasm::CanonicalTypeId {
        self.types.ids()[0]
    }

    pub(crate) fn registered(&self) -> &wasm::RegisteredTypes {
        &self.types
    }

    pub(crate) fn as_wasm(&self) -> &wasm::FuncType {
        self.ty.as_func().expect("the id of a function type")
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether it may have subtypes.
    pub fn finality(&self) -> Finality {
        if self.ty.is_final {
            Finality::Final
        } else {
            Finality::NonFinal
        }
    }

    /// The n-th parameter's type.
    pub fn param(&self, n: usize) -> Option<ValType> {
        self.as_wasm()
            .params
            .get(n)
            .map(|&ty| ValType::from_wasm(&self.engine, ty))
    }

    /// The parameters' types.
    pub fn params(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        self.as_wasm()
            .params
            .iter()
            .map(|&ty| ValType::from_wasm(&self.engine, ty))
    }

    /// The n-th result's type.
    pub fn result(&self, n: usize) -> Option<ValType> {
        self.as_wasm()
            .results
            .get(n)
            .map(|&ty| ValType::from_wasm(&self.engine, ty))
    }

    /// The results' types.
    pub fn results(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        self.as_wasm()
            .results
            .iter()
            .map(|&ty| ValType::from_wasm(&self.engine, ty))
    }

    /// Whether a function of this type can be used where one of `other` is asked for.
    ///
    /// # Panics
    /// If they belong to different engines.
    pub fn matches(&self, other: &FuncType) -> bool {
        assert!(
            Engine::same(&self.engine, &other.engine),
            "the types belong to different engines"
        );
        self.engine.types().is_subtype(self.id(), other.id())
    }

    /// Whether both are the same type.
    ///
    /// # Panics
    /// If they belong to different engines.
    pub fn eq(a: &FuncType, b: &FuncType) -> bool {
        assert!(
            Engine::same(&a.engine, &b.engine),
            "the types belong to different engines"
        );
        a.id() == b.id()
    }
}

impl Hash for FuncType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(type (func")?;
        for (word, list) in [
            ("param", &self.as_wasm().params),
            ("result", &self.as_wasm().results),
        ] {
            if !list.is_empty() {
                write!(f, " ({word}")?;
                for &ty in list {
                    write!(f, " {}", ValType::from_wasm(&self.engine, ty))?;
                }
                write!(f, ")")?;
            }
        }
        write!(f, "))")
    }
}

impl fmt::Debug for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
    /// If the minimum is above the maximum or above 2⁴⁸ pages.
    pub fn new64(minimum: u64, maximum: Option<u64>) -> MemoryType {
        MemoryTypeBuilder::new()
            .memory64(true)
            .min(minimum)
            .max(maximum)
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
    /// If it is not valid: the minimum above the maximum, either above what can be indexed, another
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
        })
    }
}

impl FuncType {
    /// A function of this type that returns zeros and nulls.
    ///
    /// # Errors
    /// If a result's type has no default value.
    pub fn default_value(&self, store: impl crate::AsContextMut) -> Result<crate::Func> {
        let values: Option<Vec<_>> = self.results().map(|ty| ty.default_value()).collect();
        let values =
            anyhow::Context::context(values, "function results do not have a default value")?;
        Ok(crate::Func::new(
            store,
            self.clone(),
            move |_, _, results| {
                results.copy_from_slice(&values);
                Ok(())
            },
        ))
    }
}

impl GlobalType {
    /// A global of this type that is zero or null.
    ///
    /// # Errors
    /// If the type has no default value.
    pub fn default_value(&self, store: impl crate::AsContextMut) -> Result<crate::Global> {
        let value = anyhow::Context::with_context(self.content.default_value(), || {
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
    /// If a limit of the store is reached.
    pub fn default_value(&self, store: impl crate::AsContextMut) -> Result<crate::Extern> {
        Ok(crate::Memory::new(store, self.clone())?.into())
    }
}
