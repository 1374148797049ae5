//! Vectors. Opcodes are those that follow the prefix.

use super::body::{Body, require};
use super::types::Plain::{F32, F64, I32, I64, V128};

impl Body<'_> {
    pub fn vector(&mut self) -> Option<()> {
        match self.u32()? {
            code @ (0x00..=0x0a | 0x5c | 0x5d) => {
                self.memory_argument(load_align(code))?;
                self.unary(I32, V128)
            }
            0x0b => {
                self.memory_argument(4)?;
                self.pop(V128)?;
                self.pop(I32)
            }
            0x0c => {
                self.skip(16)?;
                self.push(V128);
                Some(())
            }
            0x0d => {
                for _ in 0..16 {
                    self.lane(32)?;
                }
                self.vectors(2)
            }
            0x0f..=0x11 => self.unary(I32, V128),
            0x12 => self.unary(I64, V128),
            0x13 => self.unary(F32, V128),
            0x14 => self.unary(F64, V128),
            code @ 0x15..=0x22 => self.access_lane(code),
            code @ 0x54..=0x5b => {
                let align = (code & 3) as u8;
                self.memory_argument(align)?;
                self.lane(16 >> align)?;
                self.pop(V128)?;
                self.pop(I32)?;
                if code < 0x58 {
                    self.push(V128);
                }
                Some(())
            }
            // Whether lanes are true, and their signs.
            0x53 | 0x63 | 0x64 | 0x83 | 0x84 | 0xa3 | 0xa4 | 0xc3 | 0xc4 => self.unary(V128, I32),
            // Shifts.
            0x6b..=0x6d | 0x8b..=0x8d | 0xab..=0xad | 0xcb..=0xcd => {
                self.pop(I32)?;
                self.vectors(1)
            }
            0x52 => self.vectors(3),
            0x4d
            | 0x5e..=0x62
            | 0x67..=0x6a
            | 0x74
            | 0x75
            | 0x7a
            | 0x7c..=0x81
            | 0x87..=0x8a
            | 0x94
            | 0xa0
            | 0xa1
            | 0xa7..=0xaa
            | 0xc0
            | 0xc1
            | 0xc7..=0xca
            | 0xe0
            | 0xe1
            | 0xe3
            | 0xec
            | 0xed
            | 0xef
            | 0xf8..=0xff => self.vectors(1),
            // Not assigned, or of another proposal.
            0x9a
            | 0xa2
            | 0xa5
            | 0xa6
            | 0xaf
            | 0xb0
            | 0xb2..=0xb4
            | 0xbb
            | 0xc2
            | 0xc5
            | 0xc6
            | 0xcf
            | 0xd0
            | 0xd2..=0xd4
            | 0xe2
            | 0xee
            | 0x100.. => None,
            // All others take two vectors and give one.
            _ => self.vectors(2),
        }
    }

    /// Takes so many vectors, and gives one.
    fn vectors(&mut self, operands: u32) -> Option<()> {
        for _ in 1..operands {
            self.pop(V128)?;
        }
        self.has_one(V128)
    }

    fn lane(&mut self, lanes: u8) -> Option<()> {
        require(self.byte()? < lanes)
    }

    /// `extract_lane` and `replace_lane`
    fn access_lane(&mut self, code: u32) -> Option<()> {
        let (lanes, ty) = match code {
            0x15..=0x17 => (16, I32),
            0x18..=0x1a => (8, I32),
            0x1b | 0x1c => (4, I32),
            0x1d | 0x1e => (2, I64),
            0x1f | 0x20 => (4, F32),
            _ => (2, F64),
        };
        self.lane(lanes)?;
        match code {
            0x17 | 0x1a | 0x1c | 0x1e | 0x20 | 0x22 => {
                self.pop(ty)?;
                self.vectors(1)
            }
            _ => self.unary(V128, ty),
        }
    }
}

/// The power of two of how many bytes a load accesses.
fn load_align(code: u32) -> u8 {
    match code {
        0x00 => 4,
        0x07 => 0,
        0x08 => 1,
        0x09 | 0x5c => 2,
        _ => 3,
    }
}
