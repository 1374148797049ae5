//! What objects look like to the collector, by their types.

use mainspring_abi::gc::{
    ARRAY_ELEMENTS_AT, OBJECT_ALIGNMENT, ObjectHeader, StructLayout, exception_fields, is_traced,
    storage_size,
};
use mainspring_wasm::{
    CanonicalTypeId, CompositeType, ConcreteType, FieldType, SubType, TypeAddress,
};
use std::ffi::c_void;

/// What objects of a type look like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Fields at fixed places.
    Struct {
        /// Bytes of an object.
        size: u32,
        /// Where its references are.
        traced: Box<[u32]>,
    },
    /// A length and elements.
    Array {
        /// Bytes of an element.
        element: u32,
        /// Whether elements are references.
        traced: bool,
    },
}

impl Shape {
    /// The shape of objects of a type: of a function type, of exceptions with a tag of it.
    pub fn of(ty: &SubType, is_func_type: impl Fn(ConcreteType) -> bool) -> Shape {
        match &ty.composite {
            CompositeType::Struct(fields) => Shape::of_fields(fields, is_func_type),
            CompositeType::Func(ty) => {
                Shape::of_fields(&exception_fields(ty).collect::<Vec<_>>(), is_func_type)
            }
            CompositeType::Array(element) => Shape::Array {
                element: storage_size(element.storage, &is_func_type),
                traced: is_traced(element.storage, &is_func_type),
            },
        }
    }

    fn of_fields(fields: &[FieldType], is_func_type: impl Fn(ConcreteType) -> bool) -> Shape {
        let layout = StructLayout::new(fields, &is_func_type);
        let all = fields.iter().zip(&layout.offsets);
        let traced = all.filter(|(field, _)| is_traced(field.storage, &is_func_type));
        Shape::Struct {
            size: layout.size,
            traced: traced.map(|(_, &offset)| offset).collect(),
        }
    }
}

/// What the collector has to do with an object to follow its references.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tracing {
    /// Nothing.
    None,
    /// Look at some of its first 64 words.
    Words,
    /// Look at words of a list.
    List,
    /// Look at its elements.
    Elements,
}

/// A shape, made for the collector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Bytes of an object, or of an element.
    size: u32,
    is_array: bool,
    pub tracing: Tracing,
    /// A bit for each word that is a reference, or which list.
    pub traced: u64,
}

impl Form {
    const HOST: Form = Form {
        size: OBJECT_ALIGNMENT,
        is_array: false,
        tracing: Tracing::None,
        traced: 0,
    };

    #[inline]
    pub fn is_array(&self) -> bool {
        self.is_array
    }

    /// Bytes of an object, if there can be one.
    pub fn size(&self, length: u32) -> Option<u32> {
        match self.is_array {
            false => Some(self.size),
            true => (self.size)
                .checked_mul(length)?
                .checked_add(ARRAY_ELEMENTS_AT)?
                .checked_next_multiple_of(OBJECT_ALIGNMENT),
        }
    }

    /// Bytes of an object that there is.
    #[inline]
    pub fn size_there_is(&self, length: impl FnOnce() -> u32) -> u32 {
        match self.is_array {
            false => self.size,
            true => (self.size * length() + ARRAY_ELEMENTS_AT).next_multiple_of(OBJECT_ALIGNMENT),
        }
    }

    /// Bytes of an element, and whether it is a reference.
    pub fn element(&self) -> (u32, bool) {
        assert!(self.is_array, "only arrays have elements");
        (self.size, self.tracing == Tracing::Elements)
    }
}

/// The shapes of all objects of a heap.
pub(super) struct Shapes {
    type_base: *const c_void,
    /// By the ids of types, one up; of those that are not known, the host's.
    forms: Vec<Form>,
    lists: Vec<Box<[u32]>>,
}

impl Shapes {
    pub fn new(type_base: *const c_void) -> Shapes {
        Shapes {
            type_base,
            forms: vec![Form::HOST],
            lists: Vec::new(),
        }
    }

    pub fn add(&mut self, ty: CanonicalTypeId, shape: &Shape) {
        let at = ty.0 as usize + 1;
        if self.forms.len() <= at {
            self.forms.resize(at + 1, Form::HOST);
        }
        let known = self.forms[at];
        if let (Shape::Struct { traced, .. }, Tracing::List) = (shape, known.tracing)
            && *self.list_of(known) == **traced
        {
            return;
        }
        self.forms[at] = self.form(shape);
    }

    fn form(&mut self, shape: &Shape) -> Form {
        match shape {
            Shape::Array { element, traced } => Form {
                size: *element,
                is_array: true,
                tracing: if *traced {
                    Tracing::Elements
                } else {
                    Tracing::None
                },
                traced: 0,
            },
            Shape::Struct { size, traced } => {
                let (tracing, traced) = match traced.last() {
                    None => (Tracing::None, 0),
                    Some(&last) if last < 64 * 4 => {
                        let bits = traced.iter().map(|offset| 1u64 << (offset / 4));
                        (Tracing::Words, bits.sum())
                    }
                    Some(_) => (Tracing::List, self.list(traced)),
                };
                Form {
                    size: *size,
                    is_array: false,
                    tracing,
                    traced,
                }
            }
        }
    }

    fn list(&mut self, traced: &[u32]) -> u64 {
        self.lists.push(traced.into());
        self.lists.len() as u64 - 1
    }

    /// The list of a form that has one.
    pub fn list_of(&self, form: Form) -> &[u32] {
        &self.lists[form.traced as usize]
    }

    /// The form of objects with a header, whose flags are not set.
    #[inline]
    pub fn of(&self, header: ObjectHeader) -> Form {
        debug_assert_eq!(header.0 & ObjectHeader::FLAGS, 0);
        let ty = TypeAddress::at_offset(self.type_base, header.0);
        // SAFETY: headers are of types that are registered as long as there are objects of them, or the host's.
        let id = unsafe { ty.id() };
        self.forms[id.0.wrapping_add(1) as usize]
    }

    pub fn type_base(&self) -> *const c_void {
        self.type_base
    }
}
