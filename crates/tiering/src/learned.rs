//! What was learned about a module while it ran, as bytes for the cache: all code that was made for
//! it, and what was counted.
//!
//! ```text
//! pieces    of each piece of code: start and end in the text, its function, the loop it begins at (or
//!           none), whether it is optimized
//! traps, locations, inlined, calls, roots, handlers
//!           see `tables`
//! records   of each function that counts: itself, its first counter, how often it was called, start
//!           and end in tier-ups; by function
//! tier-ups  what counters and frames of these functions mean
//! counters  the values that counters begin with
//! text      the code pages of the module's code table, behind the stubs, at a multiple of 4096
//! ```
//!
//! The text is mapped where it was when it was made, relative to the table: it needs no
//! relocation, and a second run's code follows the first's. Whether the bytes are what was
//! written, by this version, for this module, processor and configuration, is for the cache to know.

use crate::cache::{Entry, Payload};
use crate::counted::Counted;
use crate::tables::{
    CodeInfo, Sections, TableBuilder, Tables, entry, last_at_or_before, numbers, read_sections,
};
use mainspring_abi::TierUp;
use mainspring_error::{Context, Result, ensure};
use mainspring_platform::pages::page_size;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::OnceLock;

/// The sections, in the order of the file.
#[derive(Clone, Copy)]
pub(crate) enum Section {
    Pieces,
    Traps,
    Locations,
    Inlined,
    InlinedCalls,
    Roots,
    Handlers,
    Records,
    TierUps,
    Counters,
    Text,
}

pub(crate) const SECTIONS: usize = 11;
const NO_LOOP: u32 = u32::MAX;

/// What a cache entry says about a module.
pub(crate) struct Learned {
    entry: Entry,
    sections: [Range<usize>; SECTIONS],
    /// Where the optimized code of a function, or of a loop in it, starts.
    optimized: OnceLock<HashMap<(u32, Option<u32>), u32>>,
}

/// What one compilation made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Piece {
    /// Where it is in the text.
    pub start: u32,
    pub end: u32,
    pub func: u32,
    /// The loop it begins at, if not at the start of the function.
    pub header: Option<u32>,
    pub optimized: bool,
}

/// What is known about a function that counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub func: u32,
    pub first_counter: u32,
    /// How often it was called before.
    pub entries: u32,
    /// Where its `TierUp` is.
    pub tier_up: (u32, u32),
}

impl Piece {
    pub const NUMBERS: usize = 5;

    pub fn to_numbers(self) -> [u32; Piece::NUMBERS] {
        let header = self.header.unwrap_or(NO_LOOP);
        let optimized = u32::from(self.optimized);
        [self.start, self.end, self.func, header, optimized]
    }

    fn of([start, end, func, header, optimized]: [u32; Piece::NUMBERS]) -> Piece {
        Piece {
            start,
            end,
            func,
            header: (header != NO_LOOP).then_some(header),
            optimized: optimized != 0,
        }
    }
}

impl Record {
    const NUMBERS: usize = 5;

    pub fn to_numbers(self) -> [u32; Record::NUMBERS] {
        let (start, end) = self.tier_up;
        [self.func, self.first_counter, self.entries, start, end]
    }

    fn of([func, first_counter, entries, start, end]: [u32; Record::NUMBERS]) -> Record {
        Record {
            func,
            first_counter,
            entries,
            tier_up: (start, end),
        }
    }
}

impl Learned {
    /// Reads a cache entry for a module with so many functions and room for so many counters.
    ///
    /// # Errors
    /// If it is not such an entry.
    pub fn read(entry: Entry, functions: usize, counters: usize) -> Result<Learned> {
        let payload = entry.payload();
        let sections = read_sections(payload, 0).context("a section lies outside of it")?;
        let learned = Learned {
            entry,
            sections,
            optimized: OnceLock::new(),
        };
        let text = learned.sections[Section::Text as usize].len();
        for piece in learned.pieces() {
            ensure!(
                piece.start <= piece.end
                    && piece.end as usize <= text
                    && (piece.func as usize) < functions,
                "a piece of code lies outside of it"
            );
        }
        ensure!(
            learned.counters().len() <= counters,
            "it has too many counters"
        );
        // It was looked at for its checksum, and is mapped elsewhere.
        let text = learned.sections[Section::Text as usize].clone();
        learned.entry.release(text);
        Ok(learned)
    }

    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    pub fn section(&self, section: Section) -> &[u8] {
        &self.entry.payload()[self.sections[section as usize].clone()]
    }

    pub fn pieces(&self) -> impl DoubleEndedIterator<Item = Piece> + '_ {
        let table = self.section(Section::Pieces);
        (0..table.len() / (Piece::NUMBERS * 4)).map(|i| Piece::of(entry(table, i)))
    }

    /// The piece that an offset in the text is in.
    pub fn piece_at(&self, offset: u32) -> Option<Piece> {
        let table = self.section(Section::Pieces);
        let i = last_at_or_before::<{ Piece::NUMBERS }>(table, offset)?;
        Some(Piece::of(entry(table, i))).filter(|piece| offset < piece.end)
    }

    /// Where the optimized code that begins at a function's start or at a loop of it is in the text.
    pub fn optimized(&self, func: u32, header: Option<u32>) -> Option<u32> {
        let all = self.optimized.get_or_init(|| {
            let optimized = self.pieces().filter(|piece| piece.optimized);
            optimized
                .map(|piece| ((piece.func, piece.header), piece.start))
                .collect()
        });
        all.get(&(func, header)).copied()
    }

    pub fn tables(&self) -> Tables<'_> {
        Tables {
            traps: self.section(Section::Traps),
            locations: self.section(Section::Locations),
            inlined: self.section(Section::Inlined),
            inlined_calls: self.section(Section::InlinedCalls),
            roots: self.section(Section::Roots),
            handlers: self.section(Section::Handlers),
        }
    }

    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let table = self.section(Section::Records);
        (0..table.len() / (Record::NUMBERS * 4)).map(|i| Record::of(entry(table, i)))
    }

    pub fn record(&self, func: u32) -> Option<Record> {
        let table = self.section(Section::Records);
        let i = last_at_or_before::<{ Record::NUMBERS }>(table, func)?;
        Some(Record::of(entry(table, i))).filter(|record| record.func == func)
    }

    /// The functions that some counters are of.
    pub fn functions_of(&self, counters: &[u32]) -> Vec<u32> {
        let mut records: Vec<Record> = self.records().collect();
        records.sort_unstable_by_key(|record| record.first_counter);
        let mut functions: Vec<u32> = (counters.iter())
            .filter_map(|&counter| {
                let after = records.partition_point(|record| record.first_counter <= counter);
                Some(records[after.checked_sub(1)?].func)
            })
            .collect();
        functions.dedup();
        functions
    }

    /// The encoded `TierUp` of a record.
    pub fn tier_up_bytes(&self, record: Record) -> &[u8] {
        let (start, end) = record.tier_up;
        let all = self.section(Section::TierUps);
        all.get(start as usize..end as usize).unwrap_or_default()
    }

    pub fn tier_up(&self, record: Record) -> Option<TierUp> {
        postcard::from_bytes(self.tier_up_bytes(record)).ok()
    }

    /// The values that counters begin with.
    pub fn counters(&self) -> impl ExactSizeIterator<Item = i32> + '_ {
        let bytes = self.section(Section::Counters).chunks_exact(4);
        bytes.map(|bytes| i32::from_le_bytes(bytes.try_into().expect("four bytes")))
    }

    pub fn counter(&self, n: u32) -> i32 {
        let [value] = entry(self.section(Section::Counters), n as usize);
        value.cast_signed()
    }

    /// The file that the text is in, where, and how long it is.
    pub fn text(&self) -> (&File, u64, usize) {
        let text = &self.sections[Section::Text as usize];
        let at = Entry::PAYLOAD_AT + text.start as u64;
        (self.entry.file(), at, text.len())
    }
}

/// What was learned, in the making.
pub(crate) struct Memory {
    pieces: Vec<u8>,
    tables: TableBuilder,
    records: Vec<Record>,
    tier_ups: Vec<u8>,
}

impl Memory {
    /// Begins with what was known before.
    pub fn of(learned: Option<&Learned>) -> Memory {
        let section =
            |section| learned.map_or(Vec::new(), |learned| learned.section(section).to_vec());
        Memory {
            pieces: section(Section::Pieces),
            tables: TableBuilder {
                text: Vec::new(),
                traps: section(Section::Traps),
                locations: section(Section::Locations),
                inlined: section(Section::Inlined),
                inlined_calls: section(Section::InlinedCalls),
                roots: section(Section::Roots),
                handlers: section(Section::Handlers),
            },
            records: Vec::new(),
            tier_ups: Vec::new(),
        }
    }

    /// Adds a piece. They come in the order of the text.
    pub fn add_piece(&mut self, piece: Piece, info: CodeInfo<'_>) {
        numbers(&mut self.pieces, piece.to_numbers());
        self.tables.add_info(piece.start as usize, info);
    }

    /// Adds what is known about a function that counts.
    pub fn add_record(&mut self, func: u32, first_counter: u32, counted: &Counted) {
        let start = self.tier_ups.len() as u32;
        if let Ok(bytes) = postcard::to_stdvec(&*counted.tier_up) {
            self.tier_ups.extend(bytes);
            self.records.push(Record {
                func,
                first_counter,
                entries: counted.entries(),
                tier_up: (start, self.tier_ups.len() as u32),
            });
        }
    }

    /// What the cache is to keep, given the values of all counters and the text.
    pub fn finish<'a>(mut self, counters: &[i32], text: &'a [u8]) -> Remembered<'a> {
        self.records.sort_unstable_by_key(|record| record.func);
        let mut records = Vec::new();
        for record in &self.records {
            numbers(&mut records, record.to_numbers());
        }
        let counters = counters.iter().flat_map(|counter| counter.to_le_bytes());
        Remembered {
            memory: self,
            records,
            counters: counters.collect(),
            text,
        }
    }
}

/// What was learned, as the cache keeps it.
pub(crate) struct Remembered<'a> {
    memory: Memory,
    records: Vec<u8>,
    counters: Vec<u8>,
    text: &'a [u8],
}

impl Remembered<'_> {
    fn sections(&self) -> Sections<'_, SECTIONS> {
        let tables = &self.memory.tables;
        let parts: [&[u8]; SECTIONS] = [
            &self.memory.pieces,
            &tables.traps,
            &tables.locations,
            &tables.inlined,
            &tables.inlined_calls,
            &tables.roots,
            &tables.handlers,
            &self.records,
            &self.memory.tier_ups,
            &self.counters,
            self.text,
        ];
        let mut parts = parts.map(|part| (part, 8));
        parts[Section::Text as usize].1 = page_size();
        Sections::new(0, parts)
    }
}

impl Payload for Remembered<'_> {
    fn size(&self) -> usize {
        self.sections().end()
    }

    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        self.sections().write(to)
    }
}
