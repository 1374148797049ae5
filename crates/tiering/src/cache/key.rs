//! What entries are found by.

use std::fmt;

/// The name of an entry: a BLAKE3 hash of everything that its contents depend on. Being
/// cryptographic, it keeps modules apart also if someone tries to make one that has another's key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; Key::LEN]);

impl Key {
    /// Bytes of a key.
    pub const LEN: usize = 32;

    /// The key of a list of parts. Where one part ends and the next begins makes a difference.
    pub fn new(parts: &[&[u8]]) -> Key {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Key(*hasher.finalize().as_bytes())
    }

    /// A key that was kept as bytes.
    pub(crate) fn from_bytes(bytes: [u8; Key::LEN]) -> Key {
        Key(bytes)
    }

    /// The key as bytes.
    pub fn as_bytes(&self) -> &[u8; Key::LEN] {
        &self.0
    }
}

/// As hexadecimal digits, which is also the file's name.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// Whether a file's name is that of an entry.
pub(super) fn is_entry_name(name: &str) -> bool {
    name.len() == 2 * Key::LEN && name.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}
