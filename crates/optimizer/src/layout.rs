//! Where machine code lies: short jumps, and loops in as few cache lines as can be.
//!
//! Processors fetch and decode code by cache lines. A loop of 40 bytes that lies across two of them
//! takes up to twice as long as one that does not, by nothing but the place it happens to get.
//!
//! Jumps begin short, and those become long that don't reach their target, until all do (Szymanski,
//! Assembling Code for Machines with Span-Dependent Instructions, 1978). Places depend on where
//! loops are, and these on the lengths of jumps, so both are found together.

use crate::dispatch;
use crate::pieces::{End, Piece, Pieces};
use crate::places::{add_inlined, add_location};
use crate::spills;
use cranelift_codegen::CompiledCode;
use mainspring_abi::{CompiledFunction, Handler, Reloc, Root, TrapSite};
use mainspring_error::{Context as _, Result, bail, ensure};
use std::ops::Range;

/// The length of a cache line, of all processors that we know.
const LINE: u32 = 64;

/// A loop of more bytes lies where it happens to: it takes about as many lines anywhere.
const MAX_LOOP: u32 = 2 * LINE;

/// How often jumps are measured. Where each one that becomes long makes another one too far, all are long in the end.
const MOST_ROUNDS: usize = 20;

/// Lays out a function's code anew. Nothing that it does changes.
pub(crate) fn arrange(code: &CompiledCode, compiled: &mut CompiledFunction) -> Result<()> {
    let mut pieces = Pieces::of(code)?;
    pieces.leave_out(&spills::redundant(code.code_buffer(), &pieces));
    pieces.turn_jumps();
    let mut layout = Layout::of(&pieces)?;
    layout.place();
    let mut writer = Writer {
        layout: &layout,
        old: compiled,
        new: CompiledFunction::default(),
        data: 0,
    };
    writer.write()?;
    let new = writer.new;
    let alignment = if layout.has_loops() { LINE } else { 1 };
    *compiled = CompiledFunction {
        code: new.code,
        alignment: compiled.alignment.max(alignment),
        relocs: new.relocs,
        traps: new.traps,
        locations: new.locations,
        inlined: new.inlined,
        roots: new.roots,
        handlers: new.handlers,
        ..std::mem::take(compiled)
    };
    Ok(())
}

struct Layout<'a> {
    pieces: &'a Pieces,
    items: Vec<Item>,
    /// Which item is a piece itself, not a copy of it.
    originals: Vec<usize>,
}

/// A piece, or a copy of one, in the order in which they will lie.
struct Item {
    piece: usize,
    jump: Jump,
    /// Where the last jump is that goes back to here, if any does.
    loop_end: Option<usize>,
    /// Bytes up to the end of that.
    loop_len: u32,
    /// Bytes before it that do nothing.
    padding: u32,
    at: u32,
}

impl Item {
    fn new(piece: usize) -> Item {
        Item {
            piece,
            jump: Jump::No,
            loop_end: None,
            loop_len: 0,
            padding: 0,
            at: 0,
        }
    }
}

/// The jump at the end of an item.
#[derive(Clone, Copy)]
enum Jump {
    No,
    To {
        item: usize,
        condition: Option<u8>,
        long: bool,
    },
}

impl Jump {
    fn len(self) -> u32 {
        match self {
            Jump::No => 0,
            Jump::To { long: false, .. } => 2,
            Jump::To {
                condition: None, ..
            } => 5,
            Jump::To { .. } => 6,
        }
    }
}

impl<'a> Layout<'a> {
    fn of(pieces: &'a Pieces) -> Result<Layout<'a>> {
        let mut layout = Layout {
            pieces,
            items: Vec::with_capacity(pieces.all.len()),
            originals: Vec::with_capacity(pieces.all.len()),
        };
        let copies = dispatch::copies(pieces);
        let mut without_jump = Vec::new();
        for piece in 0..pieces.all.len() {
            layout.originals.push(layout.items.len());
            layout.items.push(Item::new(piece));
            if let Some(copied) = copies.get(&piece) {
                without_jump.push(layout.items.len() - 1);
                without_jump.extend(layout.items.len()..layout.items.len() + copied.len());
                layout.items.extend(copied.iter().copied().map(Item::new));
            }
        }
        let mut without_jump = without_jump.into_iter().peekable();
        for i in 0..layout.items.len() {
            let copied = without_jump.next_if_eq(&i).is_some();
            let (target, condition) = match pieces.all[layout.items[i].piece].end {
                // What it jumps to comes next.
                End::Jump(_) if copied => continue,
                End::Jump(target) => (target, None),
                End::JumpIf(condition, target) => (target, Some(condition)),
                End::Next | End::Indirect(_) | End::Leaves => continue,
            };
            let piece = pieces.at(target).context("a jump leads nowhere")?;
            let item = layout.originals[piece];
            layout.items[i].jump = Jump::To {
                item,
                condition,
                long: false,
            };
        }
        Ok(layout)
    }

    /// Decides where everything is.
    fn place(&mut self) {
        self.assign();
        self.find_loops();
        for _ in 0..MOST_ROUNDS {
            self.measure_loops();
            self.assign();
            if !self.lengthen(|distance| i8::try_from(distance).is_err()) {
                return;
            }
        }
        self.lengthen(|_| true);
        self.assign();
    }

    fn end(&self, item: usize) -> u32 {
        let item = &self.items[item];
        let piece = &self.pieces.all[item.piece];
        item.at + piece.bytes.len() as u32 + item.jump.len()
    }

    /// Puts one item after the other.
    fn assign(&mut self) {
        let mut at = 0;
        for i in 0..self.items.len() {
            self.items[i].padding = padding(at, self.items[i].loop_len);
            self.items[i].at = at + self.items[i].padding;
            at = self.end(i) + self.table(i).map_or(0, |table| table.len() as u32);
        }
    }

    /// The table behind an item. A copy uses that of the original.
    fn table(&self, item: usize) -> Option<Range<u32>> {
        let piece = self.items[item].piece;
        let original = self.originals[piece] == item;
        match &self.pieces.all[piece] {
            Piece {
                bytes,
                end: End::Indirect(end),
                ..
            } if original => Some(bytes.end..*end),
            _ => None,
        }
    }

    /// Notes where loops end. What is far away, such as code that hardly ever runs, is no part of one.
    fn find_loops(&mut self) {
        for i in 0..self.items.len() {
            if let Jump::To { item, .. } = self.items[i].jump
                && item <= i
                && self.end(i) - self.items[item].at <= MAX_LOOP
            {
                self.items[item].loop_end = Some(i);
            }
        }
    }

    fn measure_loops(&mut self) {
        for i in 0..self.items.len() {
            if let Some(last) = self.items[i].loop_end {
                self.items[i].loop_len = self.end(last) - self.items[i].at;
            }
        }
    }

    /// Makes jumps long that are too far. Says whether there were any.
    fn lengthen(&mut self, too_far: impl Fn(i64) -> bool) -> bool {
        let mut any = false;
        for i in 0..self.items.len() {
            let end = self.end(i);
            if let Jump::To { item, long, .. } = self.items[i].jump
                && !long
                && too_far(i64::from(self.items[item].at) - i64::from(end))
                && let Jump::To { long, .. } = &mut self.items[i].jump
            {
                *long = true;
                any = true;
            }
        }
        any
    }

    fn has_loops(&self) -> bool {
        self.items.iter().any(|item| item.loop_end.is_some())
    }
}

/// Bytes before a loop of a length, so that it lies in as few lines as can be.
fn padding(at: u32, len: u32) -> u32 {
    let offset = at % LINE;
    let room = len.next_multiple_of(LINE) - len;
    match len {
        0 => 0,
        _ if offset <= room => 0,
        _ => LINE - offset,
    }
}

struct Writer<'a> {
    layout: &'a Layout<'a>,
    old: &'a CompiledFunction,
    new: CompiledFunction,
    /// Where constants lie.
    data: u32,
}

impl Writer<'_> {
    fn write(&mut self) -> Result<()> {
        let layout = self.layout;
        let pieces = layout.pieces;
        let last = layout.items.len() - 1;
        let end = layout.end(last) + layout.table(last).map_or(0, |table| table.len() as u32);
        let alignment = self.old.alignment.max(1);
        let behind = (pieces.data.start % alignment + alignment - end % alignment) % alignment;
        self.data = end + behind;
        for i in 0..layout.items.len() {
            self.item(i)?;
        }
        self.new.code.resize(self.data as usize, 0);
        let data = pieces.data.start as usize..pieces.data.end as usize;
        self.new.code.extend_from_slice(&self.old.code[data]);
        ensure!(
            self.new.relocs.len() == self.old.relocs.len()
                && self.new.traps.len() >= self.old.traps.len()
                && self.new.roots.len() == self.old.roots.len()
                && self.new.handlers.len() == self.old.handlers.len(),
            "something is said of its machine code that is not in it"
        );
        Ok(())
    }

    fn item(&mut self, i: usize) -> Result<()> {
        let layout = self.layout;
        let item = &layout.items[i];
        let piece = &layout.pieces.all[item.piece];
        pad(&mut self.new.code, item.padding as usize);
        debug_assert_eq!(self.new.code.len(), item.at as usize);
        let bytes = piece.bytes.start as usize..piece.bytes.end as usize;
        self.new.code.extend_from_slice(&self.old.code[bytes]);
        let moved = |offset: u32| offset - piece.start() + item.at;
        for field in layout.pieces.relative_in(piece) {
            let target = self.moved_data(field.target)?;
            let distance = i64::from(target) - i64::from(moved(field.from));
            put(&mut self.new.code, moved(field.field), distance)?;
        }
        self.jump(i);
        self.table(i)?;
        self.metadata(i);
        self.handlers(i)
    }

    /// Where something is that is not an instruction: a constant, or a table.
    fn moved_data(&self, offset: u32) -> Result<u32> {
        let pieces = self.layout.pieces;
        if offset >= pieces.data.start {
            return Ok(offset - pieces.data.start + self.data);
        }
        let after = pieces.all.partition_point(|piece| piece.bytes.end < offset);
        match pieces.all.get(after) {
            Some(piece) if piece.bytes.end == offset => {
                Ok(self.layout.end(self.layout.originals[after]))
            }
            _ => bail!("its machine code refers to itself at {offset:#x}"),
        }
    }

    fn jump(&mut self, i: usize) {
        let Jump::To {
            item,
            condition,
            long,
        } = self.layout.items[i].jump
        else {
            return;
        };
        let target = self.layout.items[item].at;
        let distance = target.wrapping_sub(self.layout.end(i));
        let code = &mut self.new.code;
        match (condition, long) {
            (None, false) => code.push(0xeb),
            (None, true) => code.push(0xe9),
            (Some(condition), false) => code.push(0x70 | condition),
            (Some(condition), true) => code.extend([0x0f, 0x80 | condition]),
        }
        match long {
            false => code.push(distance as u8),
            true => code.extend(distance.to_le_bytes()),
        }
    }

    /// Entries are relative to where the table begins.
    fn table(&mut self, i: usize) -> Result<()> {
        let Some(table) = self.layout.table(i) else {
            return Ok(());
        };
        let pieces = self.layout.pieces;
        let begin = self.layout.end(i);
        let old = &self.old.code[table.start as usize..table.end as usize];
        for entry in old.chunks(4) {
            // What is left over is between the table and constants.
            let Ok(entry) = entry.try_into().map(i32::from_le_bytes) else {
                self.new.code.extend_from_slice(entry);
                continue;
            };
            let target = table.start.wrapping_add_signed(entry);
            let distance = match pieces.at(target) {
                Some(piece) => {
                    let item = self.layout.originals[piece];
                    self.layout.items[item].at.wrapping_sub(begin)
                }
                None if entry == 0 => 0,
                None => bail!("a jump table leads nowhere"),
            };
            self.new.code.extend(distance.to_le_bytes());
        }
        Ok(())
    }

    /// Where exceptions go that leave an item's calls.
    fn handlers(&mut self, i: usize) -> Result<()> {
        let layout = self.layout;
        let item = &layout.items[i];
        let piece = &layout.pieces.all[item.piece];
        let calls = piece.bytes.start + 1..piece.bytes.end + 1;
        for handler in between(&self.old.handlers, |handler| handler.code, calls) {
            let landing = layout.pieces.at(handler.landing);
            let landing = landing.context("an exception goes to no block of code")?;
            self.new.handlers.push(Handler {
                code: handler.code - piece.start() + item.at,
                landing: layout.items[layout.originals[landing]].at,
                below_fp: handler.below_fp,
            });
        }
        Ok(())
    }

    /// What is said of an item's code.
    fn metadata(&mut self, i: usize) {
        let layout = self.layout;
        let item = &layout.items[i];
        let piece = &layout.pieces.all[item.piece];
        let moved = |offset: u32| offset - piece.start() + item.at;
        let (old, new) = (self.old, &mut self.new);
        let Range { start, end } = piece.bytes;
        let relocs = between(&old.relocs, |reloc| reloc.offset, start..end);
        new.relocs.extend(relocs.iter().map(|reloc| Reloc {
            offset: moved(reloc.offset),
            ..*reloc
        }));
        let traps = between(&old.traps, |site| site.offset, start..end);
        new.traps.extend(traps.iter().map(|site| TrapSite {
            offset: moved(site.offset),
            ..*site
        }));
        // A place that a call returns to belongs to the call: there may be nothing behind it.
        let roots = between(&old.roots, |root| root.first, start + 1..end + 1);
        new.roots
            .extend((roots.iter()).map(|root| Root::of_call(moved(root.first), root.slot)));
        let next = layout.pieces.all.get(item.piece + 1);
        let end = next.map_or(layout.pieces.data.start, Piece::start);
        for entry in holding(&old.locations, |entry| entry.code, start..end) {
            add_location(&mut new.locations, moved(entry.code.max(start)), entry.wasm);
        }
        for entry in holding(&old.inlined, |entry| entry.code, start..end) {
            add_inlined(&mut new.inlined, moved(entry.code.max(start)), entry.call);
        }
    }
}

/// The entries of a list whose offsets are in a range.
fn between<T>(list: &[T], offset: impl Fn(&T) -> u32, range: Range<u32>) -> &[T] {
    let first = list.partition_point(|entry| offset(entry) < range.start);
    let end = list.partition_point(|entry| offset(entry) < range.end);
    &list[first..end]
}

/// The entries of a list that say something of a range: each holds until the next one.
fn holding<T>(list: &[T], offset: impl Fn(&T) -> u32, range: Range<u32>) -> &[T] {
    let first = list.partition_point(|entry| offset(entry) <= range.start);
    let end = list.partition_point(|entry| offset(entry) < range.end);
    &list[first.saturating_sub(1)..end]
}

/// Sets a 4-byte field.
fn put(code: &mut [u8], field: u32, distance: i64) -> Result<()> {
    let distance = i32::try_from(distance).context("its code is too large")?;
    code[field as usize..][..4].copy_from_slice(&distance.to_le_bytes());
    Ok(())
}

/// Adds bytes that do nothing, in as few instructions as processors like to read.
fn pad(code: &mut Vec<u8>, mut bytes: usize) {
    /// The processor manuals' recommendation for each length.
    const NOPS: [&[u8]; 9] = [
        &[0x90],
        &[0x66, 0x90],
        &[0x0f, 0x1f, 0x00],
        &[0x0f, 0x1f, 0x40, 0x00],
        &[0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
        &[0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
        &[0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    ];
    while bytes > 0 {
        let nop = NOPS[bytes.min(NOPS.len()) - 1];
        code.extend_from_slice(nop);
        bytes -= nop.len();
    }
}
