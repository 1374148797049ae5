//! The types of functions.

use super::declared::{Declared, declared_type};
use super::{Finality, ValType};
use crate::{Engine, Result};
use mainspring_error::Context;
use mainspring_wasm as wasm;
use std::fmt;

/// The type of a function. Belongs to an engine; equal types of one engine are equal.
#[derive(Clone)]
pub struct FuncType(Declared);

declared_type!(FuncType, "a function");

impl FuncType {
    /// The type of functions with these parameters and results: final, and without a supertype.
    ///
    /// # Panics
    /// If one of the types belongs to another engine.
    pub fn new(
        engine: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> FuncType {
        let (params, results) = (list(engine, params), list(engine, results));
        FuncType(Declared::plain(engine, shape(&params, &results)))
    }

    /// Like [`new`](Self::new).
    ///
    /// # Errors
    /// None today.
    ///
    /// # Panics
    /// If one of the types belongs to another engine.
    pub fn try_new(
        engine: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> Result<FuncType> {
        Ok(FuncType::new(engine, params, results))
    }

    /// The type of functions with these parameters and results, and a place in the subtype order.
    ///
    /// # Errors
    /// If the supertype is final or too far from its root, or a function of this type could not be used as one of it.
    ///
    /// # Panics
    /// If one of the types belongs to another engine.
    pub fn with_finality_and_supertype(
        engine: &Engine,
        finality: Finality,
        supertype: Option<&Self>,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> Result<FuncType> {
        let (params, results) = (list(engine, params), list(engine, results));
        let shape = shape(&params, &results);
        let supertype = supertype.map(|ty| &ty.0);
        let fits = |supertype: &Declared| {
            let expected = FuncType(supertype.clone());
            // Parameters may be taken more widely, results be given more narrowly.
            let (taken, given) = (expected.params(), expected.results());
            taken.len() == params.len()
                && given.len() == results.len()
                && taken.zip(&params).all(|(theirs, own)| theirs.matches(own))
                && given
                    .zip(&results)
                    .all(|(theirs, own)| own.matches(&theirs))
        };
        Declared::subtype(engine, finality, supertype, shape, fits).map(FuncType)
    }

    /// The registered function type with an id.
    pub(crate) fn from_id(engine: &Engine, id: wasm::CanonicalTypeId) -> FuncType {
        FuncType::from_declared(Declared::from_id(engine, id))
    }

    pub(crate) fn from_declared(ty: Declared) -> FuncType {
        debug_assert!(matches!(ty.composite(), wasm::CompositeType::Func(_)));
        FuncType(ty)
    }

    pub(crate) fn declared(&self) -> &Declared {
        &self.0
    }

    pub(crate) fn registered(&self) -> &wasm::RegisteredTypes {
        self.0.registered()
    }

    #[inline]
    pub(crate) fn as_wasm(&self) -> &wasm::FuncType {
        match self.0.composite() {
            wasm::CompositeType::Func(ty) => ty,
            other => unreachable!("{other:?} is not the type of a function"),
        }
    }

    /// The n-th parameter's type.
    pub fn param(&self, n: usize) -> Option<ValType> {
        self.params().nth(n)
    }

    /// The parameters' types.
    pub fn params(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        let raise = |&ty| ValType::from_wasm(self.engine(), ty);
        self.as_wasm().params.iter().map(raise)
    }

    /// The n-th result's type.
    pub fn result(&self, n: usize) -> Option<ValType> {
        self.results().nth(n)
    }

    /// The results' types.
    pub fn results(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        let raise = |&ty| ValType::from_wasm(self.engine(), ty);
        self.as_wasm().results.iter().map(raise)
    }

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

fn list(engine: &Engine, types: impl IntoIterator<Item = ValType>) -> Vec<ValType> {
    let types: Vec<ValType> = types.into_iter().collect();
    types.iter().for_each(|ty| ty.ensure_of(engine));
    types
}

fn shape(params: &[ValType], results: &[ValType]) -> wasm::CompositeType {
    let lower = |types: &[ValType]| types.iter().map(ValType::to_wasm).collect();
    wasm::CompositeType::Func(wasm::FuncType {
        params: lower(params),
        results: lower(results),
    })
}

impl FuncType {
    /// What it is declared as: the text without `(type ` around it.
    pub(crate) fn definition(&self) -> impl fmt::Display {
        fmt::from_fn(|f| self.0.fmt_definition(f, |f| self.fmt_shape(f)))
    }

    fn fmt_shape(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(func")?;
        for (word, list) in [
            ("param", &self.as_wasm().params),
            ("result", &self.as_wasm().results),
        ] {
            if !list.is_empty() {
                write!(f, " ({word}")?;
                for &ty in list {
                    write!(f, " {}", ValType::from_wasm(self.engine(), ty))?;
                }
                write!(f, ")")?;
            }
        }
        write!(f, ")")
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_with(f, |f| self.fmt_shape(f))
    }
}
