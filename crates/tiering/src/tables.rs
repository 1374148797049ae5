//! Code and what belongs to it, as bytes that can be used where they are: tables of 32-bit numbers,
//! little-endian, sorted by text offset.
//!
//! ```text
//! text        machine code of all pieces; a piece is what one compilation made
//! traps       text offset and trap code
//! locations   text offset and wasm offset
//! inlined     text offset and number of an inlined call (or none)
//! calls       of each inlined call: the callee, the call's wasm offset, the inlined call it is in (or none)
//! roots       text offsets of the first and the last call's return address, where in the frame a reference is, and how far
//!             back the next entry is that ends later
//! handlers    text offset of a call's return address, of the place to go on with its exceptions, and where the stack
//!             pointer is then
//! ```

use mainspring_abi::{
    CompiledFunction, Handler, InlinedCall, InlinedCode, Root, SourceLocation, TrapCode, TrapSite,
};
use mainspring_wasm::FuncIndex;
use std::io::{self, Write};
use std::ops::Range;

/// Numbers of an entry of the inlined calls.
const CALL_NUMBERS: usize = 3;
/// Numbers of an entry of the roots.
const ROOT_NUMBERS: usize = 4;
/// Numbers of an entry of the handlers.
const HANDLER_NUMBERS: usize = 3;
/// Numbers of an entry of the other tables.
const PAIR: usize = 2;

/// What a compilation says about its code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeInfo<'a> {
    pub traps: &'a [TrapSite],
    pub locations: &'a [SourceLocation],
    pub inlined: &'a [InlinedCode],
    pub inlined_calls: &'a [InlinedCall],
    pub roots: &'a [Root],
    pub handlers: &'a [Handler],
}

impl<'a> CodeInfo<'a> {
    pub fn of(function: &'a CompiledFunction) -> CodeInfo<'a> {
        CodeInfo {
            traps: &function.traps,
            locations: &function.locations,
            inlined: &function.inlined,
            inlined_calls: &function.inlined_calls,
            roots: &function.roots,
            handlers: &function.handlers,
        }
    }
}

/// Tables in the making.
#[derive(Default)]
pub(crate) struct TableBuilder {
    pub text: Vec<u8>,
    pub traps: Vec<u8>,
    pub locations: Vec<u8>,
    pub inlined: Vec<u8>,
    pub inlined_calls: Vec<u8>,
    pub roots: Vec<u8>,
    pub handlers: Vec<u8>,
}

impl TableBuilder {
    /// Adds a piece that starts at `start`, which is not before the end of the text. Returns where it
    /// is in the text, to be relocated.
    pub fn add(&mut self, start: usize, code: &[u8], info: CodeInfo<'_>) -> Range<usize> {
        // Between pieces: int3.
        self.text.resize(start, 0xcc);
        self.text.extend_from_slice(code);
        self.add_info(start, info);
        start..self.text.len()
    }

    /// Adds what belongs to a piece whose code is elsewhere.
    pub fn add_info(&mut self, start: usize, info: CodeInfo<'_>) {
        for trap in info.traps {
            let at = start as u32 + trap.offset;
            numbers(&mut self.traps, [at, trap.code as u32]);
        }
        for location in info.locations {
            let at = start as u32 + location.code;
            numbers(&mut self.locations, [at, location.wasm]);
        }
        let first_call = (self.inlined_calls.len() / (CALL_NUMBERS * 4)) as u32;
        let call_number = |call: u32| match call {
            InlinedCall::NONE => call,
            call => first_call + call,
        };
        for stretch in info.inlined {
            let at = start as u32 + stretch.code;
            numbers(&mut self.inlined, [at, call_number(stretch.call)]);
        }
        for root in info.roots {
            let [first, last] = [root.first, root.last].map(|code| start as u32 + code);
            let slot = root.slot.cast_unsigned();
            numbers(&mut self.roots, [first, last, slot, root.back]);
        }
        for handler in info.handlers {
            let [at, landing] = [handler.code, handler.landing].map(|code| start as u32 + code);
            numbers(&mut self.handlers, [at, landing, handler.below_fp]);
        }
        for call in info.inlined_calls {
            let within = call_number(call.within);
            numbers(&mut self.inlined_calls, [call.callee.0, call.wasm, within]);
        }
    }
}

/// Appends numbers to a table.
pub(crate) fn numbers<const N: usize>(table: &mut Vec<u8>, numbers: [u32; N]) {
    for number in numbers {
        table.extend(number.to_le_bytes());
    }
}

/// The n-th entry of a table.
pub(crate) fn entry<const N: usize>(table: &[u8], n: usize) -> [u32; N] {
    let bytes = &table[n * N * 4..][..N * 4];
    std::array::from_fn(|i| {
        let number = bytes[i * 4..][..4].try_into().expect("four bytes");
        u32::from_le_bytes(number)
    })
}

/// The position of the last entry whose first number is not above `key`.
pub(crate) fn last_at_or_before<const N: usize>(table: &[u8], key: u32) -> Option<usize> {
    let (mut low, mut high) = (0, table.len() / (N * 4));
    while low < high {
        let middle = (low + high) / 2;
        if entry::<N>(table, middle)[0] <= key {
            low = middle + 1
        } else {
            high = middle
        }
    }
    low.checked_sub(1)
}

/// Tables that are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tables<'a> {
    pub traps: &'a [u8],
    pub locations: &'a [u8],
    pub inlined: &'a [u8],
    pub inlined_calls: &'a [u8],
    pub roots: &'a [u8],
    pub handlers: &'a [u8],
}

/// What the tables know about a place in the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub trap: Option<TrapCode>,
    pub wasm: Option<u32>,
    /// The innermost inlined call, or [`InlinedCall::NONE`].
    pub inlined: u32,
}

impl Tables<'_> {
    /// Looks up a text offset in a piece that starts at `start`.
    pub fn at(&self, start: u32, offset: u32) -> Place {
        // The entry of a table that covers the offset, if it is one of this piece's.
        let covering = |table| {
            last_at_or_before::<PAIR>(table, offset)
                .map(|i| entry::<PAIR>(table, i))
                .filter(|&[at, _]| at >= start)
        };
        Place {
            trap: covering(self.traps)
                .filter(|&[at, _]| at == offset)
                .and_then(|[_, code]| TrapCode::from_u8(code as u8)),
            wasm: covering(self.locations).map(|[_, wasm]| wasm),
            inlined: covering(self.inlined).map_or(InlinedCall::NONE, |[_, call]| call),
        }
    }

    /// Shows the roots of a call that returns to an offset in the text.
    pub fn roots_at(&self, offset: u32, visit: &mut dyn FnMut(i32)) {
        let count =
            last_at_or_before::<ROOT_NUMBERS>(self.roots, offset).map_or(0, |last| last + 1);
        let get = |i| {
            let [first, last, slot, back] = entry::<ROOT_NUMBERS>(self.roots, i);
            let slot = slot.cast_signed();
            Root {
                first,
                last,
                slot,
                back,
            }
        };
        Root::visit_in(count, get, offset, visit);
    }

    /// The handler of a call that returns to an offset in the text; it has offsets in the text too.
    pub fn handler_at(&self, offset: u32) -> Option<Handler> {
        let i = last_at_or_before::<HANDLER_NUMBERS>(self.handlers, offset)?;
        let [code, landing, below_fp] = entry(self.handlers, i);
        (code == offset).then_some(Handler {
            code,
            landing,
            below_fp,
        })
    }

    pub fn inlined_call(&self, n: u32) -> InlinedCall {
        let [callee, wasm, within] = entry::<CALL_NUMBERS>(self.inlined_calls, n as usize);
        InlinedCall {
            callee: FuncIndex(callee),
            wasm,
            within,
        }
    }
}

/// Parts that lie one after the other, each at a multiple of its alignment, behind a list of where they are.
pub(crate) struct Sections<'a, const N: usize> {
    /// Where each is, and how long.
    places: [(usize, usize); N],
    parts: [&'a [u8]; N],
    start: usize,
}

impl<'a, const N: usize> Sections<'a, N> {
    /// Lays parts out; `start` is where the list goes.
    pub fn new(start: usize, parts: [(&'a [u8], usize); N]) -> Sections<'a, N> {
        let mut end = start + N * 16;
        let places = parts.map(|(part, alignment)| {
            let at = end.next_multiple_of(alignment);
            end = at + part.len();
            (at, part.len())
        });
        Sections {
            places,
            parts: parts.map(|(part, _)| part),
            start,
        }
    }

    /// Where the last part ends.
    pub fn end(&self) -> usize {
        self.places.last().map_or(self.start, |&(at, len)| at + len)
    }

    /// Writes the list and the parts; what comes before the list is written.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut list = Vec::with_capacity(N * 16);
        for (at, len) in self.places {
            list.extend((at as u64).to_le_bytes());
            list.extend((len as u64).to_le_bytes());
        }
        to.write_all(&list)?;
        let mut end = self.start + list.len();
        for ((at, len), part) in self.places.iter().zip(self.parts) {
            to.write_all(&vec![0; at - end])?;
            to.write_all(part)?;
            end = at + len;
        }
        Ok(())
    }
}

/// Finds the parts again; `None` if one would lie outside of the file.
pub(crate) fn read_sections<const N: usize>(
    file: &[u8],
    start: usize,
) -> Option<[Range<usize>; N]> {
    let list = file.get(start..start + N * 16)?;
    let number = |at: usize| {
        let bytes = list[at..at + 8].try_into().expect("eight bytes");
        u64::from_le_bytes(bytes)
    };
    let mut sections = [const { 0..0 }; N];
    for (i, section) in sections.iter_mut().enumerate() {
        let (start, len) = (number(i * 16), number(i * 16 + 8));
        let end = start
            .checked_add(len)
            .filter(|&end| end <= file.len() as u64)?;
        *section = start as usize..end as usize;
    }
    Some(sections)
}
