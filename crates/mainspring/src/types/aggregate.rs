//! The types of structs and arrays, and of what they are made of. There are no values of them yet.

use super::declared::{Declared, declared_type};
use super::{Finality, Mutability, RefType, ValType};
use crate::{Engine, Result};
use mainspring_wasm as wasm;
use std::fmt;

/// How a field of a struct, or an element of an array, is stored.
#[derive(Clone, Hash)]
pub enum StorageType {
    /// One byte.
    I8,
    /// Two bytes.
    I16,
    /// A whole value.
    ValType(ValType),
}

impl StorageType {
    /// Whether it is `i8`.
    pub fn is_i8(&self) -> bool {
        matches!(self, StorageType::I8)
    }

    /// Whether it is `i16`.
    pub fn is_i16(&self) -> bool {
        matches!(self, StorageType::I16)
    }

    /// Whether it is a whole value.
    pub fn is_val_type(&self) -> bool {
        matches!(self, StorageType::ValType(_))
    }

    /// The type of the value, if it is a whole one.
    pub fn as_val_type(&self) -> Option<&ValType> {
        match self {
            StorageType::ValType(ty) => Some(ty),
            StorageType::I8 | StorageType::I16 => None,
        }
    }

    /// The type of the value.
    ///
    /// # Panics
    /// If it is not a whole value.
    pub fn unwrap_val_type(&self) -> &ValType {
        self.as_val_type()
            .expect("the storage type is a value type")
    }

    /// The type of what is read from it: `i32` where less than a value is stored.
    pub fn unpack(&self) -> &ValType {
        static I32: ValType = ValType::I32;
        self.as_val_type().unwrap_or(&I32)
    }

    /// Whether everything stored so is of `other` too.
    ///
    /// # Panics
    /// If the types are of different engines.
    pub fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (StorageType::I8, StorageType::I8) | (StorageType::I16, StorageType::I16) => true,
            (StorageType::ValType(a), StorageType::ValType(b)) => a.matches(b),
            _ => false,
        }
    }

    /// Whether both are the same type.
    ///
    /// # Panics
    /// If the types are of different engines.
    #[expect(
        clippy::should_implement_trait,
        reason = "the peer's name and signature"
    )]
    pub fn eq(a: &Self, b: &Self) -> bool {
        a.matches(b) && b.matches(a)
    }

    fn from_wasm(engine: &Engine, ty: wasm::StorageType) -> StorageType {
        match ty {
            wasm::StorageType::I8 => StorageType::I8,
            wasm::StorageType::I16 => StorageType::I16,
            wasm::StorageType::Val(ty) => StorageType::ValType(ValType::from_wasm(engine, ty)),
        }
    }

    fn to_wasm(&self) -> wasm::StorageType {
        match self {
            StorageType::I8 => wasm::StorageType::I8,
            StorageType::I16 => wasm::StorageType::I16,
            StorageType::ValType(ty) => wasm::StorageType::Val(ty.to_wasm()),
        }
    }
}

impl fmt::Display for StorageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageType::I8 => f.write_str("i8"),
            StorageType::I16 => f.write_str("i16"),
            StorageType::ValType(ty) => ty.fmt(f),
        }
    }
}

impl fmt::Debug for StorageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<ValType> for StorageType {
    fn from(ty: ValType) -> StorageType {
        StorageType::ValType(ty)
    }
}

impl From<RefType> for StorageType {
    fn from(ty: RefType) -> StorageType {
        StorageType::ValType(ty.into())
    }
}

/// The type of a field of a struct, or of an array's elements.
#[derive(Clone, Hash)]
pub struct FieldType {
    mutability: Mutability,
    element_type: StorageType,
}

impl FieldType {
    /// A field that is stored so.
    pub fn new(mutability: Mutability, element_type: StorageType) -> FieldType {
        FieldType {
            mutability,
            element_type,
        }
    }

    /// Whether it can be set.
    pub fn mutability(&self) -> Mutability {
        self.mutability
    }

    /// How it is stored.
    pub fn element_type(&self) -> &StorageType {
        &self.element_type
    }

    /// Whether a field of this type can be used where one of `other` is asked for.
    ///
    /// # Panics
    /// If the types are of different engines.
    pub fn matches(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.element_type, &other.element_type);
        match (self.mutability, other.mutability) {
            (Mutability::Const, Mutability::Const) => own.matches(theirs),
            (Mutability::Var, Mutability::Var) => StorageType::eq(own, theirs),
            _ => false,
        }
    }

    /// Whether both are the same type.
    ///
    /// # Panics
    /// If the types are of different engines.
    #[expect(
        clippy::should_implement_trait,
        reason = "the peer's name and signature"
    )]
    pub fn eq(a: &Self, b: &Self) -> bool {
        a.matches(b) && b.matches(a)
    }

    fn from_wasm(engine: &Engine, ty: &wasm::FieldType) -> FieldType {
        FieldType {
            mutability: match ty.mutable {
                true => Mutability::Var,
                false => Mutability::Const,
            },
            element_type: StorageType::from_wasm(engine, ty.storage),
        }
    }

    fn to_wasm(&self) -> wasm::FieldType {
        wasm::FieldType {
            storage: self.element_type.to_wasm(),
            mutable: self.mutability.is_var(),
        }
    }

    fn ensure_of(&self, engine: &Engine) {
        if let StorageType::ValType(ty) = &self.element_type {
            ty.ensure_of(engine);
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mutability {
            Mutability::Var => write!(f, "(mut {})", self.element_type),
            Mutability::Const => self.element_type.fmt(f),
        }
    }
}

impl fmt::Debug for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The type of a struct. Belongs to an engine; equal types of one engine are equal.
#[derive(Clone)]
pub struct StructType(Declared);

declared_type!(StructType, "a struct");

/// How many fields a struct may have, as in modules.
const MOST_FIELDS: usize = 10_000;

impl StructType {
    /// The type of structs with these fields: final, and without a supertype.
    ///
    /// # Errors
    /// If there are more than 10,000 fields.
    ///
    /// # Panics
    /// If one of the types belongs to another engine.
    pub fn new(engine: &Engine, fields: impl IntoIterator<Item = FieldType>) -> Result<StructType> {
        StructType::with_finality_and_supertype(engine, Finality::Final, None, fields)
    }

    /// The type of structs with these fields, and a place in the subtype order.
    ///
    /// # Errors
    /// If there are more than 10,000 fields, the supertype is final or too far from its root, or a struct of this
    /// type could not be used as one of it.
    ///
    /// # Panics
    /// If one of the types belongs to another engine.
    pub fn with_finality_and_supertype(
        engine: &Engine,
        finality: Finality,
        supertype: Option<&Self>,
        fields: impl IntoIterator<Item = FieldType>,
    ) -> Result<StructType> {
        let fields: Vec<FieldType> = fields.into_iter().collect();
        fields.iter().for_each(|field| field.ensure_of(engine));
        mainspring_error::ensure!(
            fields.len() <= MOST_FIELDS,
            "a struct can have {MOST_FIELDS} fields at most, not {}",
            fields.len()
        );
        let shape = wasm::CompositeType::Struct(fields.iter().map(FieldType::to_wasm).collect());
        let supertype = supertype.map(|ty| &ty.0);
        let fits = |supertype: &Declared| {
            let expected = StructType(supertype.clone());
            let expected = expected.fields();
            expected.len() <= fields.len()
                && (expected.zip(&fields)).all(|(theirs, own)| own.matches(&theirs))
        };
        Declared::subtype(engine, finality, supertype, shape, fits).map(StructType)
    }

    /// The registered type with an id, which someone holds.
    pub(crate) fn from_id(engine: &Engine, id: wasm::CanonicalTypeId) -> StructType {
        StructType::from_declared(Declared::from_id(engine, id))
    }

    pub(crate) fn from_declared(ty: Declared) -> StructType {
        debug_assert!(matches!(ty.composite(), wasm::CompositeType::Struct(_)));
        StructType(ty)
    }

    pub(crate) fn declared(&self) -> &Declared {
        &self.0
    }

    fn as_wasm(&self) -> &[wasm::FieldType] {
        match self.0.composite() {
            wasm::CompositeType::Struct(fields) => fields,
            other => unreachable!("{other:?} is not the type of a struct"),
        }
    }

    /// The n-th field's type.
    pub fn field(&self, n: usize) -> Option<FieldType> {
        self.fields().nth(n)
    }

    /// The fields' types.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = FieldType> + '_ {
        let raise = |ty| FieldType::from_wasm(self.engine(), ty);
        self.as_wasm().iter().map(raise)
    }
}

impl fmt::Display for StructType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_with(f, |f| {
            f.write_str("(struct")?;
            for field in self.fields() {
                write!(f, " (field {field})")?;
            }
            f.write_str(")")
        })
    }
}

/// The type of an array. Belongs to an engine; equal types of one engine are equal.
#[derive(Clone)]
pub struct ArrayType(Declared);

declared_type!(ArrayType, "an array");

impl ArrayType {
    /// The type of arrays of such elements: final, and without a supertype.
    ///
    /// # Panics
    /// If the element's type belongs to another engine.
    pub fn new(engine: &Engine, field_type: FieldType) -> ArrayType {
        field_type.ensure_of(engine);
        let shape = wasm::CompositeType::Array(field_type.to_wasm());
        ArrayType(Declared::plain(engine, shape))
    }

    /// The type of arrays of such elements, with a place in the subtype order.
    ///
    /// # Errors
    /// If the supertype is final or too far from its root, or an array of this type could not be used as one of it.
    ///
    /// # Panics
    /// If one of the types belongs to another engine.
    pub fn with_finality_and_supertype(
        engine: &Engine,
        finality: Finality,
        supertype: Option<&Self>,
        field_type: FieldType,
    ) -> Result<ArrayType> {
        field_type.ensure_of(engine);
        let shape = wasm::CompositeType::Array(field_type.to_wasm());
        let supertype = supertype.map(|ty| &ty.0);
        let fits = |supertype: &Declared| {
            let expected = ArrayType(supertype.clone());
            field_type.matches(&expected.field_type())
        };
        Declared::subtype(engine, finality, supertype, shape, fits).map(ArrayType)
    }

    /// The registered type with an id, which someone holds.
    pub(crate) fn from_id(engine: &Engine, id: wasm::CanonicalTypeId) -> ArrayType {
        ArrayType::from_declared(Declared::from_id(engine, id))
    }

    pub(crate) fn from_declared(ty: Declared) -> ArrayType {
        debug_assert!(matches!(ty.composite(), wasm::CompositeType::Array(_)));
        ArrayType(ty)
    }

    pub(crate) fn declared(&self) -> &Declared {
        &self.0
    }

    /// The type of its elements, with whether they can be set.
    pub fn field_type(&self) -> FieldType {
        match self.0.composite() {
            wasm::CompositeType::Array(element) => FieldType::from_wasm(self.engine(), element),
            other => unreachable!("{other:?} is not the type of an array"),
        }
    }

    /// How its elements are stored.
    pub fn element_type(&self) -> StorageType {
        self.field_type().element_type
    }

    /// Whether its elements can be set.
    pub fn mutability(&self) -> Mutability {
        self.field_type().mutability
    }
}

impl fmt::Display for ArrayType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .fmt_with(f, |f| write!(f, "(array {})", self.field_type()))
    }
}
