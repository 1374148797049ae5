//! The supertypes of a type, laid out for generated code.
//!
//! Each registered type has a *vector*: its supertypes from the root down, and last itself. The position of
//! a type in its own vector is its depth, and it has that position in the vectors of all its subtypes. So whether one
//! type is a subtype of another takes one comparison, however far they are apart. Equal types have the same
//! vector, so its address stands for the type.

use crate::types::CanonicalTypeId;
use mainspring_error::{Context, Result, ensure};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::HashMap;
use std::ffi::c_void;

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

    /// How far it is from where all types of its engine are: see [`RegisteredTypes::base`](crate::RegisteredTypes::base).
    pub fn offset_from(self, base: *const c_void) -> u32 {
        (self.0 - base as usize) as u32
    }

    /// The type that is so far from where all types of its engine are.
    pub fn at_offset(base: *const c_void, offset: u32) -> TypeAddress {
        TypeAddress(base as usize + offset as usize)
    }

    /// What kind of type it is.
    ///
    /// # Safety
    /// The type must be registered, or that of the host's values.
    pub unsafe fn kind(self) -> u32 {
        // SAFETY: the caller's promise.
        unsafe { *((self.0 + Self::KIND as usize) as *const u32) }
    }

    /// Whether it is another type, or a subtype of it.
    ///
    /// # Safety
    /// Both must be registered, or those of the host's values.
    pub unsafe fn is_subtype(self, other: TypeAddress) -> bool {
        SupertypeVector(self.0 as *const u64).is_subtype(SupertypeVector(other.0 as *const u64))
    }
}

/// The memory that all vectors of an engine lie in, so that how far one is from the beginning tells it in 32 bits.
///
/// At the beginning is the vector of what stands for a value of the host's, which has no type and no supertypes.
#[derive(Debug, Default)]
pub(crate) struct VectorSpace {
    /// Null until the first vector is made. Pages that nothing was written to take no memory.
    base: *mut u64,
    /// In bytes.
    size: usize,
    /// In words.
    used: usize,
    /// Where vectors were that are gone, by their lengths in words.
    free: HashMap<usize, Vec<usize>>,
}

// SAFETY: the memory is the space's own, and vectors that are made do not change.
unsafe impl Send for VectorSpace {}
// SAFETY: as above.
unsafe impl Sync for VectorSpace {}

/// Bytes of the space; less where the process may not have so many, though they are never used.
const SIZES: [usize; 3] = [128 << 20, 16 << 20, 4 << 20];
/// The part of it that only types of the host's may take, so that modules can't leave none.
const RESERVED_PART: usize = 16;
/// Words before the entries.
const HEADER_WORDS: usize = TypeAddress::entry(0) as usize / 8;
/// The id in the host values' vector.
const NO_TYPE: u64 = u32::MAX as u64;

impl VectorSpace {
    /// Where it begins.
    pub(crate) fn base(&mut self) -> Result<*const u64> {
        if self.base.is_null() {
            let allocated = SIZES.into_iter().find_map(|size| {
                // SAFETY: the layout is not empty.
                let base: *mut u64 = unsafe { alloc_zeroed(layout(size)) }.cast();
                (!base.is_null()).then_some((base, size))
            });
            let (base, size) = allocated.context("the system has no memory for types")?;
            // SAFETY: the first word of what was just allocated.
            unsafe { base.write(NO_TYPE) };
            (self.base, self.size) = (base, size);
            self.used = HEADER_WORDS + TypeAddress::ALWAYS_THERE as usize;
        }
        Ok(self.base)
    }

    /// Makes the vector of a type whose direct supertype has a given one.
    pub(crate) fn make(
        &mut self,
        id: CanonicalTypeId,
        kind: u32,
        supertype: Option<SupertypeVector>,
        for_module: bool,
    ) -> Result<SupertypeVector> {
        let depth = supertype.map_or(0, |supertype| supertype.depth() + 1);
        let words = words_of(depth);
        let at = self.take(words, for_module)?;
        // SAFETY: `take` found so many words, which nothing else uses.
        let vector = unsafe { std::slice::from_raw_parts_mut(self.base.add(at), words) };
        vector.fill(0);
        vector[0] = u64::from(depth) << 32 | u64::from(id.0);
        vector[1] = u64::from(kind);
        let own = vector.as_ptr() as u64;
        if let Some(supertype) = supertype {
            vector[HEADER_WORDS..][..depth as usize].copy_from_slice(supertype.entries());
        }
        vector[HEADER_WORDS + depth as usize] = own;
        Ok(SupertypeVector(vector.as_ptr()))
    }

    fn take(&mut self, words: usize, for_module: bool) -> Result<usize> {
        self.base()?;
        if let Some(at) = self.free.get_mut(&words).and_then(Vec::pop) {
            return Ok(at);
        }
        let all = self.size / 8;
        let most = if for_module {
            all - all / RESERVED_PART
        } else {
            all
        };
        ensure!(
            self.used + words <= most,
            "the engine has too many types, or too deeply nested ones"
        );
        self.used += words;
        Ok(self.used - words)
    }

    /// Takes back the memory of a vector that nothing names anymore.
    pub(crate) fn give_back(&mut self, vector: SupertypeVector) {
        let at = (vector.0 as usize - self.base as usize) / 8;
        let words = words_of(vector.depth());
        self.free.entry(words).or_default().push(at);
    }
}

impl Drop for VectorSpace {
    fn drop(&mut self) {
        if !self.base.is_null() {
            // SAFETY: allocated with this layout. Whoever names vectors holds the registry that this is in.
            unsafe { dealloc(self.base.cast(), layout(self.size)) };
        }
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 16).expect("all sizes are valid")
}

fn words_of(depth: u32) -> usize {
    HEADER_WORDS + (depth + 1).max(TypeAddress::ALWAYS_THERE) as usize
}

/// A vector of a space that is alive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SupertypeVector(*const u64);

// SAFETY: what it points to does not change.
unsafe impl Send for SupertypeVector {}
// SAFETY: as above.
unsafe impl Sync for SupertypeVector {}

impl SupertypeVector {
    pub(crate) fn depth(self) -> u32 {
        // SAFETY: a vector has at least its header.
        (unsafe { *self.0 } >> 32) as u32
    }

    /// The addresses of the supertypes' vectors, and last its own.
    fn entries(&self) -> &[u64] {
        // SAFETY: so many entries were written behind the header when it was made.
        unsafe { std::slice::from_raw_parts(self.0.add(HEADER_WORDS), self.depth() as usize + 1) }
    }

    pub(crate) fn address(self) -> TypeAddress {
        TypeAddress(self.0 as usize)
    }

    /// Whether the type is another, or a subtype of it.
    pub(crate) fn is_subtype(self, other: SupertypeVector) -> bool {
        let at = other.depth() as usize;
        self.entries().get(at) == Some(&(other.address().0 as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtype_has_its_supertypes_where_they_have_themselves() {
        let mut space = VectorSpace::default();
        let mut make = |id, supertype: Option<&SupertypeVector>| {
            let id = CanonicalTypeId(id);
            space
                .make(id, TypeAddress::STRUCT, supertype.copied(), true)
                .unwrap()
        };
        let mut chain = vec![make(7, None)];
        for depth in 1..10 {
            let next = make(7 + depth, chain.last());
            chain.push(next);
        }
        let sibling = make(99, Some(&chain[2]));
        for (i, a) in chain.iter().enumerate() {
            for (j, b) in chain.iter().enumerate() {
                assert_eq!(a.is_subtype(*b), j <= i, "{i} {j}");
            }
            assert_eq!(sibling.is_subtype(*a), i <= 2);
            assert!(!a.is_subtype(sibling));
            // SAFETY: the vector is alive.
            assert_eq!(unsafe { a.address().id() }, CanonicalTypeId(7 + i as u32));
        }
    }

    #[test]
    fn the_first_vector_is_that_of_the_hosts_values_and_the_space_has_an_end() {
        let mut space = VectorSpace::default();
        let id = CanonicalTypeId(1);
        let first = space.make(id, TypeAddress::ARRAY, None, true).unwrap();
        let base = space.base().unwrap();
        let host = TypeAddress::at_offset(base.cast(), 0);
        assert_ne!(first.address(), host);
        // SAFETY: both are alive.
        unsafe {
            assert_eq!(host.kind(), TypeAddress::HOST);
            assert!(!host.is_subtype(first.address()) && !first.address().is_subtype(host));
        }
        let all = space.size / 8;
        space.used = all - all / RESERVED_PART;
        assert!(space.make(id, TypeAddress::ARRAY, None, true).is_err());
        space.make(id, TypeAddress::ARRAY, None, false).unwrap();
        space.give_back(first);
        let again = space.make(id, TypeAddress::ARRAY, None, true).unwrap();
        assert_eq!(again.address(), first.address());
    }
}
