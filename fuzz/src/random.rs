//! Randomness that can be repeated, and values that break things.

use crate::value::{Type, Value};

/// xorshift64*: reproducible, and good enough to choose with.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator of its own for each seed.
    pub fn new(seed: u64) -> Random {
        // Spreads seeds that lie next to each other; zero would stay zero.
        Random(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn word(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, zero if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        ((self.word() >> 16) % end.max(1) as u64) as usize
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.word() >> 32) as u8).collect()
    }

    /// A number, often one at the edge of something.
    pub fn edge(&mut self) -> u64 {
        self.bits(64)
    }

    /// A value of a type, often one at the edge of something.
    pub fn value(&mut self, ty: Type) -> Value {
        match ty {
            Type::I32 => Value::I32(self.bits(32) as u32),
            Type::I64 => Value::I64(self.bits(64)),
            Type::F32 => Value::F32(self.float(&F32S) as u32),
            Type::F64 => Value::F64(self.float(&F64S)),
            Type::V128 => Value::V128(u128::from(self.bits(64)) << 64 | u128::from(self.bits(64))),
            Type::Func => Value::Func(None),
            Type::Any => Value::Any(None),
            Type::Exn => Value::Exn(None),
            Type::Extern => Value::Extern((self.below(3) > 0).then(|| self.below(8) as u32)),
        }
    }

    fn bits(&mut self, width: u32) -> u64 {
        match self.below(4) {
            0 => self.word(),
            1 => self.below(256) as u64,
            2 => 0u64.wrapping_sub(self.below(16) as u64),
            // A power of two, or one more or less.
            _ => (1u64 << self.below(width as usize))
                .wrapping_add(self.below(3) as u64)
                .wrapping_sub(1),
        }
    }

    fn float(&mut self, special: &[u64]) -> u64 {
        match self.below(3) {
            0 => self.word(),
            _ => special[self.below(special.len())],
        }
    }
}

/// Zeros, ones, infinities, NaNs, the least and the largest, the limits of integers.
const F32S: [u64; 14] = [
    0,
    0x8000_0000,
    0x3f80_0000,
    0xbf80_0000,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_0000,
    0x7fa0_0001,
    1,
    0x7f7f_ffff,
    0x4f00_0000,
    0xcf00_0000,
    0x5f00_0000,
    0x4000_0000,
];
const F64S: [u64; 14] = [
    0,
    1 << 63,
    0x3ff0 << 48,
    0xbff0 << 48,
    0x7ff0 << 48,
    0xfff0 << 48,
    0x7ff8 << 48,
    0x7ff4_0000_0000_0001,
    1,
    0x7fef_ffff_ffff_ffff,
    0x41e0 << 48,
    0xc1e0 << 48,
    0x43e0 << 48,
    0x4000 << 48,
];
