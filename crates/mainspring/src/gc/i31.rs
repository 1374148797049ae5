//! Integers of 31 bits.

use std::fmt;

/// An integer of 31 bits, which goes for a reference and takes no memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct I31(u32);

impl I31 {
    /// Of an unsigned number; `None` if it takes more bits.
    pub fn new_u32(value: u32) -> Option<I31> {
        (value >> 31 == 0).then_some(I31(value))
    }

    /// Of a signed number; `None` if it takes more bits.
    pub fn new_i32(value: i32) -> Option<I31> {
        let fits = value << 1 >> 1 == value;
        fits.then(|| I31::wrapping_i32(value))
    }

    /// Of the lowest 31 bits of a number.
    pub fn wrapping_u32(value: u32) -> I31 {
        I31(value & (u32::MAX >> 1))
    }

    /// Of the lowest 31 bits of a number.
    pub fn wrapping_i32(value: i32) -> I31 {
        I31::wrapping_u32(value.cast_unsigned())
    }

    /// The number, seen without a sign.
    pub fn get_u32(&self) -> u32 {
        self.0
    }

    /// The number, seen with a sign.
    pub fn get_i32(&self) -> i32 {
        (self.0 << 1).cast_signed() >> 1
    }

    /// The reference that stands for it.
    pub(crate) fn to_reference(self) -> u32 {
        self.0 << 1 | 1
    }

    /// What a reference stands for, if it is not null and not an object.
    pub(crate) fn of_reference(raw: u32) -> Option<I31> {
        (raw & 1 != 0).then_some(I31(raw >> 1))
    }
}

impl fmt::Debug for I31 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("I31")
            .field("as_u32", &self.get_u32())
            .field("as_i32", &self.get_i32())
            .finish()
    }
}
