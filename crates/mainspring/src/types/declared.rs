//! What the three kinds of declared types have in common.

use crate::{Engine, Result};
use mainspring_error::ensure;
use mainspring_wasm as wasm;
use std::fmt;
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

/// How many supertypes a type may have, one above the other, as in modules.
const DEEPEST: u32 = 63;

/// A type that is registered with its engine, and stays so as long as this lives.
#[derive(Clone)]
pub(crate) struct Declared {
    engine: Engine,
    types: wasm::RegisteredTypes,
    ty: Arc<wasm::SubType>,
}

impl Declared {
    /// A final type without a supertype. What it mentions is of the engine, and someone holds it.
    pub(crate) fn plain(engine: &Engine, composite: wasm::CompositeType) -> Declared {
        Declared::register(
            engine,
            wasm::SubType {
                is_final: true,
                supertype: None,
                composite,
            },
        )
    }

    /// # Panics
    /// If the engine has no room for more types. Modules leave some for types that the host makes.
    fn register(engine: &Engine, ty: wasm::SubType) -> Declared {
        let types = engine.types().register(ty);
        let types = types.expect("the engine has room for a type of the host's");
        let ty = engine.types().lookup(types.ids()[0]);
        Declared {
            engine: engine.clone(),
            types,
            ty,
        }
    }

    /// The registered type with an id, which someone holds.
    pub(crate) fn from_id(engine: &Engine, id: wasm::CanonicalTypeId) -> Declared {
        let (types, ty) = engine.types().hold(id);
        Declared {
            engine: engine.clone(),
            types,
            ty,
        }
    }

    /// A type with a place in the subtype order. `fits` says whether its shape fits that of the supertype.
    ///
    /// # Errors
    /// If the supertype is final, or too far from its root, or the shape does not fit.
    ///
    /// # Panics
    /// If the supertype belongs to another engine.
    pub(crate) fn subtype(
        engine: &Engine,
        finality: Finality,
        supertype: Option<&Declared>,
        composite: wasm::CompositeType,
        fits: impl FnOnce(&Declared) -> bool,
    ) -> Result<Declared> {
        if let Some(supertype) = supertype {
            supertype.ensure_of(engine);
            ensure!(
                supertype.finality().is_non_final(),
                "cannot create a subtype of a final supertype"
            );
            let depth = engine.types().depth(supertype.id());
            ensure!(
                depth < DEEPEST,
                "a type can have {DEEPEST} supertypes at most, one above the other"
            );
            ensure!(fits(supertype), "the type does not match its supertype");
        }
        let canonical = |ty: &Declared| wasm::ConcreteType::Canonical(ty.id());
        let ty = wasm::SubType {
            is_final: finality.is_final(),
            supertype: supertype.map(canonical),
            composite,
        };
        Ok(Declared::register(engine, ty))
    }

    pub(crate) fn id(&self) -> wasm::CanonicalTypeId {
        self.types.ids()[0]
    }

    pub(crate) fn registered(&self) -> &wasm::RegisteredTypes {
        &self.types
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    #[inline]
    pub(crate) fn composite(&self) -> &wasm::CompositeType {
        &self.ty.composite
    }

    pub(crate) fn finality(&self) -> Finality {
        match self.ty.is_final {
            true => Finality::Final,
            false => Finality::NonFinal,
        }
    }

    pub(crate) fn supertype(&self) -> Option<Declared> {
        match self.ty.supertype? {
            wasm::ConcreteType::Canonical(id) => Some(Declared::from_id(&self.engine, id)),
            other => unreachable!("registered types name others by canonical ids, not {other:?}"),
        }
    }

    /// Whether it is another, or a declared subtype of it.
    ///
    /// # Panics
    /// If they belong to different engines.
    pub(crate) fn matches(&self, other: &Declared) -> bool {
        self.ensure_of(&other.engine);
        self.engine.types().is_subtype(self.id(), other.id())
    }

    /// Whether both are the same type.
    ///
    /// # Panics
    /// If they belong to different engines.
    pub(crate) fn eq(a: &Declared, b: &Declared) -> bool {
        a.ensure_of(&b.engine);
        a.id() == b.id()
    }

    /// Writes it as the text format does, with the shape in between.
    pub(crate) fn fmt_with(
        &self,
        f: &mut fmt::Formatter<'_>,
        shape: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        f.write_str("(type ")?;
        self.fmt_definition(f, shape)?;
        f.write_str(")")
    }

    /// Writes what it is declared as.
    pub(crate) fn fmt_definition(
        &self,
        f: &mut fmt::Formatter<'_>,
        shape: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let (is_final, supertype) = (self.ty.is_final, self.supertype());
        let is_plain = is_final && supertype.is_none();
        if !is_plain {
            f.write_str(if is_final { "(sub final " } else { "(sub " })?;
        }
        if let Some(supertype) = supertype {
            write!(f, "{} ", supertype.id().0)?;
        }
        shape(f)?;
        f.write_str(if is_plain { "" } else { ")" })
    }

    /// # Panics
    /// If it belongs to another engine.
    pub(crate) fn ensure_of(&self, engine: &Engine) {
        assert!(
            Engine::same(&self.engine, engine),
            "the types belong to different engines"
        );
    }
}

/// Implements what all kinds of declared types have, for a struct around a [`Declared`].
macro_rules! declared_type {
    ($name:ident, $words:literal) => {
        impl $name {
            pub(crate) fn id(&self) -> mainspring_wasm::CanonicalTypeId {
                self.0.id()
            }

            /// The engine it belongs to.
            pub fn engine(&self) -> &crate::Engine {
                self.0.engine()
            }

            /// Whether it may have subtypes.
            pub fn finality(&self) -> super::Finality {
                self.0.finality()
            }

            /// The type that it is declared a subtype of.
            pub fn supertype(&self) -> Option<Self> {
                self.0.supertype().map($name)
            }

            #[doc = concat!("Whether ", $words, " of this type can be used where one of `other` is asked for.")]
            ///
            /// # Panics
            /// If they belong to different engines.
            pub fn matches(&self, other: &$name) -> bool {
                self.0.matches(&other.0)
            }

            /// Whether both are the same type.
            ///
            /// # Panics
            /// If they belong to different engines.
            #[expect(
                clippy::should_implement_trait,
                reason = "the peer's name and signature"
            )]
            pub fn eq(a: &$name, b: &$name) -> bool {
                super::declared::Declared::eq(&a.0, &b.0)
            }
        }

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.id().hash(state);
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}

pub(crate) use declared_type;
