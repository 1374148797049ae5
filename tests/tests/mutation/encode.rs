//! Writes modules that no text format would: as large, as deep and as wrong as wanted.

/// A number in the variable-length encoding.
pub fn leb(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// A section with its length.
pub fn section(id: u8, contents: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(contents.len() as u64), contents].concat()
}

/// A section that holds `count` times the same entry.
pub fn repeated(id: u8, count: usize, entry: &[u8]) -> Vec<u8> {
    section(id, &[leb(count as u64), entry.repeat(count)].concat())
}

/// A section that holds these entries.
pub fn entries(id: u8, entries: &[Vec<u8>]) -> Vec<u8> {
    section(id, &[leb(entries.len() as u64), entries.concat()].concat())
}

/// A name with its length.
pub fn name(name: &str) -> Vec<u8> {
    [&leb(name.len() as u64), name.as_bytes()].concat()
}

/// A module of these sections.
pub fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [&b"\0asm\x01\0\0\0"[..], &sections.concat()].concat()
}

/// A body with its length: groups of locals (count, type), then code, to which the `end` is added.
pub fn body(locals: &[(u64, u8)], code: &[u8]) -> Vec<u8> {
    let mut bytes = leb(locals.len() as u64);
    for &(count, ty) in locals {
        bytes.extend(leb(count));
        bytes.push(ty);
    }
    bytes.extend_from_slice(code);
    bytes.push(0x0b);
    [leb(bytes.len() as u64), bytes].concat()
}

/// A module that exports `f`, of the type `[] -> [i32]`, with this body; and has a memory, a table
/// with a null, a tag of the type `[] -> []`, a mutable global, and a second function of that type that does nothing.
pub fn one_function(locals: &[(u64, u8)], code: &[u8]) -> Vec<u8> {
    module(&[
        section(1, &[2, 0x60, 0, 1, I32, 0x60, 0, 0]),
        section(3, &[2, 0, 1]),
        section(4, &[1, 0x70, 0, 1]),
        section(5, &[1, 0, 1]),
        section(13, &[1, 0, 1]),
        section(6, &[1, I32, 1, CONST, 0, 0x0b]),
        section(7, &[&[1][..], &name("f"), &[0, 0]].concat()),
        entries(10, &[body(locals, code), body(&[], &[])]),
    ])
}

pub const I32: u8 = 0x7f;
pub const I64: u8 = 0x7e;
pub const F64: u8 = 0x7c;
pub const V128: u8 = 0x7b;

pub const UNREACHABLE: u8 = 0x00;
pub const NOP: u8 = 0x01;
pub const BLOCK: u8 = 0x02;
pub const LOOP: u8 = 0x03;
pub const IF: u8 = 0x04;
pub const ELSE: u8 = 0x05;
pub const TRY: u8 = 0x06;
pub const CATCH: u8 = 0x07;
pub const THROW: u8 = 0x08;
pub const RETHROW: u8 = 0x09;
pub const END: u8 = 0x0b;
pub const BR_IF: u8 = 0x0d;
pub const BR_TABLE: u8 = 0x0e;
pub const CALL: u8 = 0x10;
pub const CALL_INDIRECT: u8 = 0x11;
pub const DELEGATE: u8 = 0x18;
pub const CATCH_ALL: u8 = 0x19;
pub const DROP: u8 = 0x1a;
pub const TRY_TABLE: u8 = 0x1f;
pub const GET: u8 = 0x20;
pub const SET: u8 = 0x21;
pub const GLOBAL_GET: u8 = 0x23;
pub const GLOBAL_SET: u8 = 0x24;
pub const LOAD: u8 = 0x28;
pub const STORE: u8 = 0x36;
pub const MEMORY_GROW: u8 = 0x40;
pub const CONST: u8 = 0x41;
pub const ADD: u8 = 0x6a;
pub const DIV_S: u8 = 0x6d;
pub const F64_ADD: u8 = 0xa0;
pub const I32_TRUNC_F64_S: u8 = 0xaa;
/// The type of a block without parameters and results.
pub const EMPTY: u8 = 0x40;
