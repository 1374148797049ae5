//! The types of functions.

use super::ValType;
use crate::{Engine, Result};
use anyhow::Context;
use mainspring_wasm as wasm;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

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

    #[inline]
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
    #[expect(
        clippy::should_implement_trait,
        reason = "the peer's name and signature"
    )]
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

impl FuncType {
    /// A function of this type that returns zeros and nulls.
    ///
    /// # Errors
    /// If a result's type has no default value.
    pub fn default_value(&self, store: impl crate::AsContextMut) -> Result<crate::Func> {
        let values: Option<Vec<_>> = self.results().map(|ty| ty.default_value()).collect();
        let values = values.context("function results do not have a default value")?;
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
