//! Debugging information: which lines of the source code was made of.
//!
//! It is DWARF, in custom sections whose names are noted when a module is decoded; addresses in it count from where the
//! contents of the code section start. Nothing reads it before a backtrace is to show lines. It may be made up: what can't be
//! read gives no lines, and how much is read for one question is limited (`metered`).

mod lookup;
mod metered;

use gimli::{DwarfSections, SectionId};
use lookup::Lookup;
use metered::{Meter, Metered};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What is read of it.
const SECTIONS: [SectionId; 9] = [
    SectionId::DebugInfo,
    SectionId::DebugAbbrev,
    SectionId::DebugLine,
    SectionId::DebugStr,
    SectionId::DebugLineStr,
    SectionId::DebugStrOffsets,
    SectionId::DebugAddr,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
];

/// Where a module's debugging information lies in its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DebugSections {
    /// In the order of `SECTIONS`; empty where there is none.
    ranges: [Range<u32>; SECTIONS.len()],
    /// Whether the module had some that is not in these bytes.
    left_out: bool,
}

impl DebugSections {
    /// Notes a custom section, if it is one of these. The first of each name counts.
    pub(crate) fn note(&mut self, name: &str, contents: Range<u32>) {
        if let Some(nth) = SECTIONS.iter().position(|section| section.name() == name)
            && self.ranges[nth].is_empty()
        {
            self.ranges[nth] = contents;
        }
    }

    /// Whether the module had any when it was made.
    pub fn had_any(&self) -> bool {
        self.left_out || self.ranges.iter().any(|range| !range.is_empty())
    }

    /// The ranges, to lay them somewhere else.
    pub fn ranges_mut(&mut self) -> impl Iterator<Item = &mut Range<u32>> {
        self.ranges.iter_mut()
    }

    /// Forgets where they are, because the bytes are without them.
    pub fn leave_out(&mut self) {
        *self = DebugSections {
            left_out: self.had_any(),
            ranges: Default::default(),
        };
    }
}

/// A place in the source that an instruction belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFrame {
    /// The function, as its compiler names it.
    pub function: Option<String>,
    /// The file, with the directory that it was compiled in.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column, from 1; 0 for the whole line.
    pub column: Option<u32>,
}

/// A module's debugging information, with what it takes to find something in it.
#[derive(Debug, Default)]
pub struct SourceMap {
    /// In the order of `SECTIONS`.
    sections: [Vec<u8>; SECTIONS.len()],
    /// Where each unit begins, ascending.
    units: Vec<usize>,
    /// Which addresses belong to which of them, by their beginning.
    ranges: Vec<UnitRange>,
}

#[derive(Debug)]
struct UnitRange {
    addresses: Range<u64>,
    /// Where the unit begins.
    unit: usize,
}

impl SourceMap {
    /// Reads the sections, and which addresses the units are about. A section that `read` has not is taken as empty.
    pub fn new(
        sections: &DebugSections,
        mut read: impl FnMut(&Range<u32>) -> Option<Vec<u8>>,
    ) -> SourceMap {
        let mut map = SourceMap::default();
        for (range, section) in sections.ranges.iter().zip(&mut map.sections) {
            if !range.is_empty() {
                *section = read(range).unwrap_or_default();
            }
        }
        let meter = Meter::default();
        let (units, mut ranges) = map.lookup(&meter).index();
        ranges.sort_unstable_by_key(|range| (range.addresses.start, range.unit));
        (map.units, map.ranges) = (units, ranges);
        map
    }

    /// Where in the source some addresses belong to, counted from the start of the code section's contents. For each the
    /// innermost function first, then those that it was compiled into; nothing if that is not known.
    pub fn find(&self, addresses: &[u64]) -> Vec<Vec<SourceFrame>> {
        let meter = Meter::default();
        self.lookup(&meter).find(addresses)
    }

    fn lookup<'a>(&'a self, meter: &'a Meter) -> Lookup<'a> {
        let reader = |bytes| Metered::new(bytes, meter);
        let section = |wanted: SectionId| {
            let nth = SECTIONS.iter().position(|&section| section == wanted);
            nth.map_or(&[][..], |nth| &self.sections[nth])
        };
        let sections = DwarfSections::load(|id| Ok::<_, std::convert::Infallible>(section(id)));
        let Ok(sections) = sections;
        Lookup {
            map: self,
            meter,
            dwarf: sections.borrow(|bytes| reader(bytes)),
        }
    }
}

#[cfg(test)]
mod tests;
