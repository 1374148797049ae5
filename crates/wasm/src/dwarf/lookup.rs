//! Finding addresses in debugging information.
//!
//! Nothing is made of a unit to keep: the entries of its functions, and its table of lines, are gone through once for all
//! addresses that are asked for. Functions that are inlined in one another are a list here and no recursion, as a made-up
//! module has them as deep as it likes.

use super::metered::{Meter, Metered};
use super::{SourceFrame, SourceMap, UnitRange};
use gimli::{AttributeValue, DebugInfoOffset, Result, UnitOffset, constants as dw};
use std::collections::BTreeMap;
use std::ops::Range;

type Unit<'a> = gimli::Unit<Metered<'a>>;
type Entry<'a> = gimli::DebuggingInformationEntry<Metered<'a>>;
type LineProgram<'a> = gimli::IncompleteLineProgram<Metered<'a>>;
type LineRows<'a> = gimli::LineRows<Metered<'a>, LineProgram<'a>>;
type LineHeader<'a> = gimli::LineProgramHeader<Metered<'a>>;

/// How deep functions are inlined in one another; those further inside are taken as part of the last.
const DEEPEST: usize = 256;

/// How many entries a function's name may be away from it.
const FARTHEST_NAME: usize = 16;

/// Names of functions and files that are longer are taken as unknown.
const LONGEST: usize = 1 << 14;

/// What a range costs that is kept.
const KEPT: usize = 16;

/// One question, with what may be spent on it.
pub(super) struct Lookup<'a> {
    pub map: &'a SourceMap,
    pub meter: &'a Meter,
    pub dwarf: gimli::Dwarf<Metered<'a>>,
}

/// The addresses in a unit that are looked for.
type Targets = BTreeMap<u64, Found>;

/// What was found about an address.
#[derive(Default)]
struct Found {
    /// The functions it is in, from the outermost to the innermost.
    scopes: Vec<Scope>,
    place: Option<Place>,
}

/// A function, or a call in whose place it is.
struct Scope {
    depth: isize,
    entry: UnitOffset,
}

/// A place in a file of a unit.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The file's number.
    file: Option<u64>,
    line: Option<u32>,
    column: Option<u32>,
}

impl<'a> Lookup<'a> {
    /// Where all units begin, and which addresses belong to them, as far as that can be read.
    pub fn index(&self) -> (Vec<usize>, Vec<UnitRange>) {
        let (mut units, mut ranges) = (Vec::new(), Vec::new());
        let mut headers = self.dwarf.units();
        while let Ok(Some(header)) = headers.next() {
            let Some(DebugInfoOffset(start)) = header.debug_info_offset() else {
                continue;
            };
            units.push(start);
            // What is wrong with one unit may not be with the next.
            let found = self.addresses_of(header).unwrap_or_default();
            let unit = start;
            ranges.extend(
                found
                    .into_iter()
                    .map(|addresses| UnitRange { addresses, unit }),
            );
        }
        (units, ranges)
    }

    /// Which addresses belong to a unit. If it does not say, its table of lines does.
    fn addresses_of(&self, header: gimli::UnitHeader<Metered<'a>>) -> Result<Vec<Range<u64>>> {
        let mut unit = self.dwarf.unit(header)?;
        let root = self.entry(&unit, unit.header.root_offset())?;
        let mut found = Vec::new();
        self.each_range(&unit, &root, |addresses| self.keep(&mut found, addresses))?;
        if let (true, Some(program)) = (found.is_empty(), unit.line_program.take()) {
            let mut rows = program.rows();
            self.each_row(&mut rows, |addresses, _| self.keep(&mut found, addresses))?;
        }
        Ok(found)
    }

    /// Adds addresses to others, which they may go on from.
    fn keep(&self, kept: &mut Vec<Range<u64>>, addresses: Range<u64>) -> Result<()> {
        match kept.last_mut() {
            Some(last) if last.end == addresses.start => last.end = addresses.end,
            _ => {
                self.meter.charge(KEPT)?;
                kept.push(addresses);
            }
        }
        Ok(())
    }

    /// See [`SourceMap::find`].
    pub fn find(&self, addresses: &[u64]) -> Vec<Vec<SourceFrame>> {
        let mut by_unit: BTreeMap<usize, Targets> = BTreeMap::new();
        for &address in addresses {
            if let Some(unit) = self.unit_of(address) {
                let targets = by_unit.entry(unit).or_default();
                targets.insert(address, Found::default());
            }
        }
        let mut frames = BTreeMap::new();
        for (unit, targets) in by_unit {
            frames.extend(self.find_in_unit(unit, targets).unwrap_or_default());
        }
        let of = |address| frames.get(address).cloned().unwrap_or_default();
        addresses.iter().map(of).collect()
    }

    /// The unit that an address belongs to.
    fn unit_of(&self, address: u64) -> Option<usize> {
        let ranges = &self.map.ranges;
        let after = ranges.partition_point(|range| range.addresses.start <= address);
        let range = &ranges[after.checked_sub(1)?];
        range.addresses.contains(&address).then_some(range.unit)
    }

    fn find_in_unit(
        &self,
        start: usize,
        mut targets: Targets,
    ) -> Result<Vec<(u64, Vec<SourceFrame>)>> {
        let header = self.dwarf.unit_header(DebugInfoOffset(start))?;
        let mut unit = self.dwarf.unit(header)?;
        self.find_scopes(&unit, &mut targets)?;
        let mut lines = unit.line_program.take().map(LineProgram::rows);
        if let Some(lines) = &mut lines {
            self.find_places(lines, &mut targets)?;
        }
        let lines = lines.as_ref().map(LineRows::header);
        let frames = targets.into_iter().map(|(address, found)| {
            let frames = self.frames(&unit, lines, &found)?;
            Ok((address, frames))
        });
        frames.collect()
    }

    /// Goes through the entries of a unit.
    fn find_scopes(&self, unit: &Unit<'a>, targets: &mut Targets) -> Result<()> {
        let mut entries = unit.entries_raw(None)?;
        while !entries.is_empty() {
            let (offset, depth) = (entries.next_offset(), entries.next_depth());
            let Some(abbreviation) = entries.read_abbreviation()? else {
                continue;
            };
            // Attributes can take no room.
            self.meter.charge(abbreviation.attributes().len())?;
            entries.skip_attributes(abbreviation.attributes())?;
            if matches!(
                abbreviation.tag(),
                dw::DW_TAG_subprogram | dw::DW_TAG_inlined_subroutine
            ) {
                self.enter(unit, offset, depth, targets)?;
            }
        }
        Ok(())
    }

    /// Notes a function with all addresses that are in it.
    fn enter(
        &self,
        unit: &Unit<'a>,
        offset: UnitOffset,
        depth: isize,
        targets: &mut Targets,
    ) -> Result<()> {
        let entry = self.entry(unit, offset)?;
        let is_inlined = entry.tag() == dw::DW_TAG_inlined_subroutine;
        self.each_range(unit, &entry, |range| {
            for found in targets.range_mut(range).map(|(_, found)| found) {
                self.meter.charge(1)?;
                let scopes = &mut found.scopes;
                while scopes.pop_if(|scope| scope.depth >= depth).is_some() {}
                if !is_inlined {
                    scopes.clear();
                } else if scopes.is_empty() || scopes.len() == DEEPEST {
                    continue;
                }
                let entry = offset;
                scopes.push(Scope { depth, entry });
            }
            Ok(())
        })
    }

    /// Notes the line of each address.
    fn find_places(&self, rows: &mut LineRows<'a>, targets: &mut Targets) -> Result<()> {
        self.each_row(rows, |addresses, place| {
            for (_, found) in targets.range_mut(addresses) {
                self.meter.charge(1)?;
                found.place = Some(place);
            }
            Ok(())
        })
    }

    /// Goes through the table of a unit's lines.
    fn each_row(
        &self,
        rows: &mut LineRows<'a>,
        mut visit: impl FnMut(Range<u64>, Place) -> Result<()>,
    ) -> Result<()> {
        let mut sequence = None;
        let mut last: Option<(u64, Place)> = None;
        while let Some((_, row)) = rows.next_row()? {
            let end = row.address();
            let is_live = *sequence.get_or_insert(end) != 0;
            if let Some((start, place)) = last
                && start < end
                && is_live
            {
                visit(start..end, place)?;
            }
            last = Some((end, Place::of(row)));
            if row.end_sequence() {
                (sequence, last) = (None, None);
            }
        }
        Ok(())
    }

    /// Puts together what was found about an address, the innermost function first.
    fn frames(
        &self,
        unit: &Unit<'a>,
        lines: Option<&LineHeader<'a>>,
        found: &Found,
    ) -> Result<Vec<SourceFrame>> {
        let mut frames = Vec::new();
        let mut place = found.place;
        for scope in found.scopes.iter().rev() {
            let entry = self.entry(unit, scope.entry)?;
            let function = self.name(unit, &entry, FARTHEST_NAME)?;
            frames.push(self.frame(unit, lines, function, place)?);
            place = Some(Place::of_call(&entry, unit.header.version()));
        }
        if found.scopes.is_empty() && place.is_some() {
            frames.push(self.frame(unit, lines, None, place)?);
        }
        Ok(frames)
    }

    fn frame(
        &self,
        unit: &Unit<'a>,
        lines: Option<&LineHeader<'a>>,
        function: Option<String>,
        place: Option<Place>,
    ) -> Result<SourceFrame> {
        let Place { file, line, column } = place.unwrap_or_default();
        let file = match (lines, file) {
            (Some(lines), Some(file)) => self.path(unit, lines, file)?,
            _ => None,
        };
        Ok(SourceFrame {
            function,
            file,
            line,
            column,
        })
    }

    /// The name of a function: its own, or that of the entry that it is an instance or the definition of.
    fn name(&self, unit: &Unit<'a>, entry: &Entry<'a>, hops: usize) -> Result<Option<String>> {
        let names = [
            dw::DW_AT_linkage_name,
            dw::DW_AT_MIPS_linkage_name,
            dw::DW_AT_name,
        ];
        let mut values = names.into_iter().filter_map(|name| entry.attr_value(name));
        if let Some(value) = values.next() {
            return self.text(unit, value);
        }
        let origins = [dw::DW_AT_abstract_origin, dw::DW_AT_specification];
        let mut origins = origins
            .into_iter()
            .filter_map(|name| entry.attr_value(name));
        let Some(origin) = origins.next().filter(|_| hops > 0) else {
            return Ok(None);
        };
        match origin {
            AttributeValue::UnitRef(offset) => {
                self.name(unit, &self.entry(unit, offset)?, hops - 1)
            }
            AttributeValue::DebugInfoRef(offset) => {
                let Some(unit) = self.unit_around(offset)? else {
                    return Ok(None);
                };
                let Some(offset) = offset.to_unit_offset(&unit.header) else {
                    return Ok(None);
                };
                self.name(&unit, &self.entry(&unit, offset)?, hops - 1)
            }
            _ => Ok(None),
        }
    }

    /// The unit that a place in `.debug_info` is in.
    fn unit_around(&self, offset: DebugInfoOffset) -> Result<Option<Unit<'a>>> {
        let units = &self.map.units;
        let after = units.partition_point(|&start| start <= offset.0);
        let Some(before) = after.checked_sub(1) else {
            return Ok(None);
        };
        let header = self.dwarf.unit_header(DebugInfoOffset(units[before]))?;
        self.dwarf.unit(header).map(Some)
    }

    /// A file's path: absolute, if the unit says where it was compiled.
    fn path(&self, unit: &Unit<'a>, lines: &LineHeader<'a>, file: u64) -> Result<Option<String>> {
        let Some(file) = lines.file(file) else {
            return Ok(None);
        };
        let mut path = match &unit.comp_dir {
            Some(directory) => short(directory)?.unwrap_or_default(),
            None => String::new(),
        };
        // The first is where the unit was compiled.
        if file.directory_index() != 0
            && let Some(directory) = file.directory(lines)
        {
            path = joined(path, &self.text(unit, directory)?.unwrap_or_default());
        }
        let name = self.text(unit, file.path_name())?;
        Ok(name.map(|name| joined(path, &name)))
    }

    fn text(&self, unit: &Unit<'a>, value: AttributeValue<Metered<'a>>) -> Result<Option<String>> {
        short(&self.dwarf.attr_string(unit, value)?)
    }

    fn entry(&self, unit: &Unit<'a>, offset: UnitOffset) -> Result<Entry<'a>> {
        let entry = unit.entry(offset)?;
        self.meter.charge(entry.attrs().len())?;
        Ok(entry)
    }

    /// Shows the addresses that an entry is about.
    fn each_range(
        &self,
        unit: &Unit<'a>,
        entry: &Entry<'a>,
        mut visit: impl FnMut(Range<u64>) -> Result<()>,
    ) -> Result<()> {
        let mut visit = |range: gimli::Range| match is_live(range) {
            true => visit(range.begin..range.end),
            false => Ok(()),
        };
        let address = |value| self.dwarf.attr_address(unit, value);
        let (mut begin, mut end, mut size) = (None, None, None);
        for attribute in entry.attrs() {
            match (attribute.name(), attribute.value()) {
                (dw::DW_AT_low_pc, value) => begin = address(value)?,
                (dw::DW_AT_high_pc, AttributeValue::Udata(value)) => size = Some(value),
                (dw::DW_AT_high_pc, value) => end = address(value)?,
                (dw::DW_AT_ranges, value) => {
                    if let Some(mut list) = self.dwarf.attr_ranges(unit, value)? {
                        while let Some(range) = list.next()? {
                            visit(range)?;
                        }
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
        let end = (begin.zip(size))
            .and_then(|(begin, size)| begin.checked_add(size))
            .or(end);
        match begin.zip(end) {
            Some((begin, end)) => visit(gimli::Range { begin, end }),
            None => Ok(()),
        }
    }
}

impl Place {
    fn of(row: &gimli::LineRow) -> Place {
        let line = row.line().map(|line| line.get() as u32);
        let column = match row.column() {
            gimli::ColumnType::LeftEdge => 0,
            gimli::ColumnType::Column(column) => column.get() as u32,
        };
        Place {
            file: Some(row.file_index()),
            line,
            column: line.map(|_| column),
        }
    }

    /// Where the function of an entry was called that is there in place of the call.
    fn of_call(entry: &Entry<'_>, version: u16) -> Place {
        let number = |name| {
            let value = entry.attr_value(name)?.udata_value()?;
            u32::try_from(value).ok().filter(|&value| value != 0)
        };
        let file = match entry.attr_value(dw::DW_AT_call_file) {
            // Files are numbered from 1 before version 5.
            Some(AttributeValue::FileIndex(file)) if file > 0 || version >= 5 => Some(file),
            _ => None,
        };
        Place {
            file,
            line: number(dw::DW_AT_call_line),
            column: number(dw::DW_AT_call_column),
        }
    }
}

/// Whether there is code in a range. Linkers move what they leave out to the address 0, where the number of functions
/// lies in a code section.
fn is_live(range: gimli::Range) -> bool {
    range.begin != 0 && range.begin < range.end
}

fn short(text: &Metered<'_>) -> Result<Option<String>> {
    use gimli::Reader;
    match text.len() <= LONGEST {
        true => Ok(Some(text.to_string_lossy()?.into_owned())),
        false => Ok(None),
    }
}

/// A path in a directory.
fn joined(directory: String, path: &str) -> String {
    let is_absolute = path.starts_with(['/', '\\']) || path.as_bytes().get(1) == Some(&b':');
    if directory.is_empty() || is_absolute {
        return path.to_owned();
    }
    let is_windows = directory.contains('\\') && !directory.contains('/');
    let separator = match directory.ends_with(['/', '\\']) || path.is_empty() {
        true => "",
        false if is_windows => "\\",
        false => "/",
    };
    directory + separator + path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_in_their_directory_unless_they_are_absolute() {
        let cases = [
            ("/source", "a/b.c", "/source/a/b.c"),
            ("/source/", "b.c", "/source/b.c"),
            ("/source", "/b.c", "/b.c"),
            ("/source", "", "/source"),
            ("", "b.c", "b.c"),
            ("C:\\source", "b.c", "C:\\source\\b.c"),
            ("/source", "C:\\b.c", "C:\\b.c"),
        ];
        for (directory, path, expected) in cases {
            assert_eq!(joined(directory.into(), path), expected);
        }
    }
}
