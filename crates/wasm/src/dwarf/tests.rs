//! That a real module's lines are found, and that made-up ones neither panic nor take long.

use super::*;
use crate::decode;
use std::time::{Duration, Instant};
use wasmparser::WasmFeatures;

const DWARF_4: &[u8] = include_bytes!("../../../../tests/tests/lines/dwarf-4.wasm");
const DWARF_5: &[u8] = include_bytes!("../../../../tests/tests/lines/dwarf-5.wasm");

/// Far more than the steps of a question take, far less than what is asked for.
const SOON: Duration = Duration::from_secs(20);

/// A module's sections, where its code section begins, and where it ends.
fn sections_of(module: &[u8]) -> ([Vec<u8>; SECTIONS.len()], u64, u64) {
    let info = decode(WasmFeatures::default(), module).expect("a valid module");
    let ranges = info.debug_sections.ranges.iter();
    let sections: Vec<_> = ranges
        .map(|range| info.slice(module, range).to_vec())
        .collect();
    let end = info.bodies.last().expect("it has functions").end;
    let start = info.code_section_start;
    let sections = sections.try_into().expect("one for each");
    (sections, start.into(), end.into())
}

/// The map of sections that lie one after the other.
fn map_of(sections: &[Vec<u8>; SECTIONS.len()]) -> SourceMap {
    let mut found = DebugSections::default();
    for (nth, section) in sections.iter().enumerate() {
        // Only its number is asked for.
        found.ranges[nth] = nth as u32..nth as u32 + u32::from(!section.is_empty());
    }
    SourceMap::new(&found, |range| Some(sections[range.start as usize].clone()))
}

fn section(id: SectionId) -> usize {
    let nth = SECTIONS.iter().position(|&section| section == id);
    nth.expect("one that is read")
}

#[test]
fn lines_and_inlined_functions_are_found() {
    let frame = |function: &str, line, column| SourceFrame {
        function: Some(function.into()),
        file: Some("/source/lines.cc".into()),
        line: Some(line),
        column: Some(column),
    };
    for module in [DWARF_4, DWARF_5] {
        let (sections, start, end) = sections_of(module);
        let map = map_of(&sections);
        let found = map.find(&[0x4b - start, 0x73 - start, 0, end, 1 << 40]);
        let scaled = "_ZNK5shape6Square6scaledEi";
        let expected = [
            vec![frame("_ZN5shapeL5ratioEii", 7, 16), frame(scaled, 14, 14)],
            vec![frame("scale", 22, 17)],
            vec![],
            vec![],
            vec![],
        ];
        assert_eq!(found, expected);
    }
}

#[test]
fn a_unit_that_does_not_say_where_it_is_is_found_by_its_lines() {
    let (mut sections, start, _) = sections_of(DWARF_4);
    let address = 0x4b - start;
    let expected = map_of(&sections).find(&[address]);
    let abbreviations = &mut sections[section(SectionId::DebugAbbrev)];
    // The first is that of the unit: an attribute that nobody reads in place of its ranges.
    let attribute = abbreviations
        .windows(2)
        .position(|pair| pair == [RANGES.0, RANGES.1]);
    abbreviations[attribute.expect("the unit has ranges")] = 0x2b;
    assert_eq!(map_of(&sections).find(&[address]), expected);
    sections[section(SectionId::DebugLine)].clear();
    assert_eq!(map_of(&sections).find(&[address]), [vec![]]);
}

#[test]
fn damage_neither_panics_nor_takes_long() {
    let begin = Instant::now();
    let mut random = 1u64;
    let mut differences = 0;
    for module in [DWARF_4, DWARF_5] {
        let (whole, start, end) = sections_of(module);
        let addresses: Vec<u64> = (0..end - start).collect();
        let expected = map_of(&whole).find(&addresses);
        for nth in 0..whole.len() {
            let mut sections = whole.clone();
            for len in 0..whole[nth].len() {
                sections[nth].truncate(whole[nth].len() - 1 - len);
                differences += usize::from(map_of(&sections).find(&addresses) != expected);
            }
            for at in 0..whole[nth].len() {
                sections[nth].clone_from(&whole[nth]);
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1);
                for flipped in [0xff, 0x80, (random >> 56) as u8] {
                    sections[nth][at] = whole[nth][at] ^ flipped;
                    differences += usize::from(map_of(&sections).find(&addresses) != expected);
                }
            }
        }
    }
    assert!(differences > 1000, "only {differences} were noticed");
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}

/// A unit of version 4 with these abbreviations at an offset, and these entries.
fn unit(abbreviations_at: u32, entries: &[u8]) -> Vec<u8> {
    let mut unit = (entries.len() as u32 + 7).to_le_bytes().to_vec();
    unit.extend(4u16.to_le_bytes());
    unit.extend(abbreviations_at.to_le_bytes());
    unit.push(4);
    unit.extend(entries);
    unit
}

/// An abbreviation's number, tag, whether it has children, and attributes with their forms.
fn abbreviation(number: u8, tag: gimli::DwTag, children: bool, attributes: &[(u8, u8)]) -> Vec<u8> {
    let mut bytes = vec![number, tag.0 as u8, u8::from(children)];
    bytes.extend(attributes.iter().flat_map(|&(name, form)| [name, form]));
    bytes.extend([0, 0]);
    bytes
}

const LOW_PC: (u8, u8) = (0x11, 0x01);
const HIGH_PC: (u8, u8) = (0x12, 0x06);
const RANGES: (u8, u8) = (0x55, 0x17);
const NOTHING: (u8, u8) = (0x3f, 0x19);

/// Addresses from 1 to 0x101.
const COVERED: [u8; 8] = [1, 0, 0, 0, 0, 1, 0, 0];

/// What is found in made-up sections at an address, soon.
#[track_caller]
fn found_soon(made_up: &[(SectionId, Vec<u8>)]) -> Vec<SourceFrame> {
    let mut sections: [Vec<u8>; SECTIONS.len()] = Default::default();
    for (id, bytes) in made_up {
        sections[section(*id)].clone_from(bytes);
    }
    let begin = Instant::now();
    let found = map_of(&sections).find(&[16]);
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    let [found] = found.try_into().expect("one for each address");
    found
}

#[test]
fn functions_are_inlined_as_deep_as_a_module_says() {
    let located = [LOW_PC, HIGH_PC];
    let abbreviations = [
        abbreviation(1, gimli::DW_TAG_compile_unit, true, &located),
        abbreviation(2, gimli::DW_TAG_subprogram, true, &located),
        abbreviation(3, gimli::DW_TAG_inlined_subroutine, true, &located),
        vec![0],
    ];
    let mut found = Vec::new();
    for depth in [1, 100, 1_000_000] {
        let mut entries = [&[1][..], &COVERED, &[2], &COVERED].concat();
        for _ in 0..depth {
            entries.push(3);
            entries.extend(COVERED);
        }
        found.push(found_soon(&[
            (SectionId::DebugAbbrev, abbreviations.concat()),
            (SectionId::DebugInfo, unit(0, &entries)),
        ]));
    }
    let lens: Vec<_> = found.iter().map(Vec::len).collect();
    assert_eq!(lens[..2], [2, 101]);
    assert!(lens[2] <= 256, "{lens:?}");
}

#[test]
fn units_share_a_table_that_is_long() {
    let attributes = vec![NOTHING; 500_000];
    let abbreviations = abbreviation(1, gimli::DW_TAG_compile_unit, false, &attributes);
    let units = unit(0, &[1]).repeat(100_000);
    let found = found_soon(&[
        (SectionId::DebugAbbrev, abbreviations),
        (SectionId::DebugInfo, units),
    ]);
    assert_eq!(found, []);
}

#[test]
fn entries_have_attributes_that_take_no_room() {
    let abbreviations = [
        abbreviation(1, gimli::DW_TAG_compile_unit, true, &[LOW_PC, HIGH_PC]),
        abbreviation(2, gimli::DW_TAG_variable, false, &vec![NOTHING; 500_000]),
        vec![0],
    ];
    let entries = [&[1][..], &COVERED, &[2; 1_000_000]].concat();
    let found = found_soon(&[
        (SectionId::DebugAbbrev, abbreviations.concat()),
        (SectionId::DebugInfo, unit(0, &entries)),
    ]);
    assert_eq!(found, []);
}

#[test]
fn units_and_functions_share_ranges() {
    let abbreviations = [
        abbreviation(1, gimli::DW_TAG_compile_unit, true, &[RANGES]),
        abbreviation(2, gimli::DW_TAG_subprogram, false, &[RANGES]),
        vec![0],
    ];
    let ranges = COVERED.repeat(100_000);
    let functions = [2, 0, 0, 0, 0].repeat(100_000);
    let one = unit(0, &[&[1, 0, 0, 0, 0][..], &functions].concat());
    let many = unit(0, &[1, 0, 0, 0, 0]).repeat(100_000);
    for units in [one, many] {
        found_soon(&[
            (SectionId::DebugAbbrev, abbreviations.concat()),
            (SectionId::DebugInfo, units),
            (SectionId::DebugRanges, ranges.clone()),
        ]);
    }
}

#[test]
fn ranges_end_after_the_last_address_or_before_they_begin() {
    let wide = [(0x11, 0x01), (0x12, 0x07)];
    let abbreviations = [
        abbreviation(1, gimli::DW_TAG_compile_unit, true, &[LOW_PC, HIGH_PC]),
        abbreviation(2, gimli::DW_TAG_subprogram, false, &wide),
        abbreviation(3, gimli::DW_TAG_subprogram, false, &[LOW_PC, (0x12, 0x01)]),
        vec![0],
    ];
    let overflowing = [&[2][..], &[0xff; 4], &[0xff; 8]].concat();
    let backwards = [3, 0x20, 0, 0, 0, 0x08, 0, 0, 0];
    let right = [&[3][..], &[1, 0, 0, 0, 0x20, 0, 0, 0]].concat();
    let entries = [&[1][..], &COVERED, &overflowing, &backwards, &right].concat();
    let found = found_soon(&[
        (SectionId::DebugAbbrev, abbreviations.concat()),
        (SectionId::DebugInfo, unit(0, &entries)),
    ]);
    assert_eq!(found, [SourceFrame::default()]);
}

#[test]
fn names_go_round_in_circles() {
    let abbreviations = [
        abbreviation(1, gimli::DW_TAG_compile_unit, true, &[LOW_PC, HIGH_PC]),
        // Each is an instance of itself.
        abbreviation(
            2,
            gimli::DW_TAG_subprogram,
            false,
            &[LOW_PC, HIGH_PC, (0x31, 0x11)],
        ),
        vec![0],
    ];
    let entries = [&[1][..], &COVERED, &[2], &COVERED, &[11 + 9]].concat();
    let found = found_soon(&[
        (SectionId::DebugAbbrev, abbreviations.concat()),
        (SectionId::DebugInfo, unit(0, &entries)),
    ]);
    assert_eq!(found, [SourceFrame::default()]);
}

#[test]
fn the_first_section_of_a_name_counts_and_images_know_what_they_left_out() {
    let mut sections = DebugSections::default();
    assert!(!sections.had_any());
    sections.note(".debug_loc", 1..2);
    assert!(!sections.had_any(), "it says nothing of lines");
    sections.note(".debug_line", 3..5);
    sections.note(".debug_line", 7..9);
    assert_eq!(sections.ranges[section(SectionId::DebugLine)], 3..5);
    sections.leave_out();
    assert!(sections.had_any());
    assert!(sections.ranges_mut().all(|range| range.start == range.end));
}
