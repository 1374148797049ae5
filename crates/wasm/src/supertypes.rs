//! The supertypes of a type, laid out for generated code.
//!
//! Each registered type has a *vector*: its supertypes from the root down, and last itself. The position of
//! a type in its own vector is its depth, and it has that position in the vectors of all its subtypes. So whether one
//! type is a subtype of another takes one comparison, however far they are apart. Equal types have the same
//! vector, so its address stands for the type.

use crate::types::CanonicalTypeId;

/// Where a registered type's vector is: equal for equal types. Valid as long as the type is registered.
///
/// What is there: the type's id, its depth and its kind, 32 bits each, and four bytes that say nothing; then the addresses
/// of the vectors of its supertypes and itself, 64 bits each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(transparent)]
pub struct TypeAddress(usize);

impl TypeAddress {
    /// Byte offset of the depth, 32 bits.
    pub const DEPTH: u32 = 4;
    /// Byte offset of what kind of type it is, 32 bits: one of the following.
    pub const KIND: u32 = 8;
    /// No type of wasm's: an object that stands for a value of the host's.
    pub const HOST: u32 = 0;
    /// A function type. An object of this type is an exception with a tag of the type.
    pub const FUNC: u32 = 1;
    /// A struct type.
    pub const STRUCT: u32 = 2;
    /// An array type.
    pub const ARRAY: u32 = 3;
    /// How many entries there are in any case: those past the type itself are zero.
    pub const ALWAYS_THERE: u32 = 4;

    /// Byte offset of the entry for supertypes of a depth. It is only there if the type's own depth is as
    /// large, or if it is below [`ALWAYS_THERE`](Self::ALWAYS_THERE).
    pub const fn entry(depth: u32) -> u32 {
        16 + depth * 8
    }

    /// The id of the type.
    ///
    /// # Safety
    /// The type must be registered.
    pub unsafe fn id(self) -> CanonicalTypeId {
        // SAFETY: the caller's promise; a vector has at least one word.
        CanonicalTypeId(unsafe { *(self.0 as *const u64) } as u32)
    }
}

/// The vector itself. Never changes.
#[derive(Debug)]
pub(crate) struct SupertypeVector(Box<[u64]>);

/// Words before the entries.
const HEADER_WORDS: usize = TypeAddress::entry(0) as usize / 8;

impl SupertypeVector {
    /// The vector of a type whose direct supertype has a given one.
    pub(crate) fn new(
        id: CanonicalTypeId,
        kind: u32,
        supertype: Option<&SupertypeVector>,
    ) -> SupertypeVector {
        let depth = supertype.map_or(0, |supertype| supertype.depth() + 1);
        let entries = (depth + 1).max(TypeAddress::ALWAYS_THERE) as usize;
        let mut words = vec![0; HEADER_WORDS + entries].into_boxed_slice();
        words[0] = u64::from(depth) << 32 | u64::from(id.0);
        words[1] = u64::from(kind);
        let own = words.as_ptr() as u64;
        if let Some(supertype) = supertype {
            words[HEADER_WORDS..][..depth as usize].copy_from_slice(supertype.entries());
        }
        words[HEADER_WORDS + depth as usize] = own;
        SupertypeVector(words)
    }

    pub(crate) fn depth(&self) -> u32 {
        (self.0[0] >> 32) as u32
    }

    /// The addresses of the supertypes' vectors, and last its own.
    fn entries(&self) -> &[u64] {
        &self.0[HEADER_WORDS..=HEADER_WORDS + self.depth() as usize]
    }

    pub(crate) fn address(&self) -> TypeAddress {
        TypeAddress(self.0.as_ptr() as usize)
    }

    /// Whether the type is another, or a subtype of it.
    pub(crate) fn is_subtype(&self, other: &SupertypeVector) -> bool {
        let at = other.depth() as usize;
        self.entries().get(at) == Some(&(other.address().0 as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtype_has_its_supertypes_where_they_have_themselves() {
        let mut chain = vec![SupertypeVector::new(
            CanonicalTypeId(7),
            TypeAddress::STRUCT,
            None,
        )];
        for depth in 1..10 {
            let next = SupertypeVector::new(
                CanonicalTypeId(7 + depth),
                TypeAddress::STRUCT,
                chain.last(),
            );
            chain.push(next);
        }
        let sibling =
            SupertypeVector::new(CanonicalTypeId(99), TypeAddress::STRUCT, Some(&chain[2]));
        for (i, a) in chain.iter().enumerate() {
            for (j, b) in chain.iter().enumerate() {
                assert_eq!(a.is_subtype(b), j <= i, "{i} {j}");
            }
            assert_eq!(sibling.is_subtype(a), i <= 2);
            assert!(!a.is_subtype(&sibling));
            // SAFETY: the vector is alive.
            assert_eq!(unsafe { a.address().id() }, CanonicalTypeId(7 + i as u32));
        }
        assert_eq!(chain[0].0.len() as u32, 2 + TypeAddress::ALWAYS_THERE);
    }
}
