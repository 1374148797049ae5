//! A function's WebAssembly and machine code as text for people.

use super::machine::{Line, Names};
use super::paint::{Cell, Paint, Style};
use super::wasm::Operator;
use super::{TierView, View};
use crate::text::printable;
use mainspring::{ExploredFunction, demangle};
use std::borrow::Cow;
use std::fmt::Write;

/// What stands between columns.
const BETWEEN: &str = " | ";
/// Of a hundred columns, how many belong to WebAssembly at the most.
const WASM_SHARE: usize = 34;
/// So many blocks are shown by indentation; there can be hundreds in one another.
const MAX_DEPTH: usize = 12;
/// What stands for the instruction of code that belongs to none.
const NOWHERE: &str = "; of no instruction";

/// One below the other. Above machine code stands the instruction that it was made of.
pub(super) fn sections(view: &View, paint: Paint) -> String {
    let mut text = title(view, paint);
    let put = |text: &mut String, indent: usize, cell: &Cell| {
        let _ = write!(text, "{:indent$}", "");
        cell.write(text, paint);
        text.push('\n');
    };
    text.push('\n');
    put(&mut text, 0, &wasm_header(view));
    for operator in &view.operators {
        put(&mut text, 2, &operator_cell(operator));
    }
    for tier in &view.tiers {
        text.push('\n');
        put(&mut text, 0, &tier_header(tier));
        let mut last = None;
        for line in &tier.lines {
            let row = row_of(&view.operators, line);
            if last.replace(row) != Some(row) {
                let source = view.operators.get(row).map_or(NOWHERE.into(), |operator| {
                    format!("; {:#x} {}", operator.offset, printable(&operator.text))
                });
                put(&mut text, 2, &Cell::new(Style::Source, source));
            }
            put(&mut text, 4, &line_cell(line, &view.names));
        }
    }
    text
}

/// Side by side, in at most so many columns: each instruction with all the code that was made of it.
pub(super) fn columns(view: &View, width: usize, paint: Paint) -> String {
    let mut columns = vec![wasm_column(view)];
    columns.extend(view.tiers.iter().map(|tier| tier_column(view, tier)));
    let nowhere = view.operators.len();
    if columns[1..].iter().any(|rows| !rows[nowhere].is_empty()) {
        columns[0][nowhere].push(Cell::new(Style::Source, NOWHERE));
    }
    let mut headers = vec![wasm_header(view)];
    headers.extend(view.tiers.iter().map(tier_header));
    let widths = widths(&columns, &headers, width);

    let mut text = title(view, paint);
    text.push('\n');
    put(&mut text, &widths, paint, |column| Some(&headers[column]));
    let rule = |&width: &usize| Cell::new(Style::Plain, "-".repeat(width));
    let rules: Vec<_> = widths.iter().map(rule).collect();
    put(&mut text, &widths, paint, |column| Some(&rules[column]));
    for row in 0..=nowhere {
        let height = columns.iter().map(|rows| rows[row].len()).max();
        for line in 0..height.unwrap_or(0) {
            put(&mut text, &widths, paint, |column| {
                columns[column][row].get(line)
            });
        }
    }
    text
}

/// A column: in each row, that of an instruction or the last one, some lines.
type Column = Vec<Vec<Cell>>;

fn wasm_column(view: &View) -> Column {
    let operators = view.operators.iter();
    let rows = operators.map(|operator| vec![operator_cell(operator)]);
    rows.chain([Vec::new()]).collect()
}

fn tier_column(view: &View, tier: &TierView) -> Column {
    let mut rows = vec![Vec::new(); view.operators.len() + 1];
    for line in &tier.lines {
        rows[row_of(&view.operators, line)].push(line_cell(line, &view.names));
    }
    rows
}

/// Each column as wide as it has to be; where that is too much, WebAssembly gets its share, and the
/// tiers what is left in equal parts.
fn widths(columns: &[Column], headers: &[Cell], width: usize) -> Vec<usize> {
    let needed = |column: usize| {
        let cells = columns[column].iter().flatten().chain([&headers[column]]);
        cells.map(Cell::width).max().unwrap_or(0)
    };
    let needed: Vec<_> = (0..columns.len()).map(needed).collect();
    let between = BETWEEN.len() * (columns.len() - 1);
    let available = width.saturating_sub(between);
    if needed.iter().sum::<usize>() <= available {
        return needed;
    }
    let wasm = needed[0].min(available * WASM_SHARE / 100);
    let mut left = available - wasm;
    let mut widths = vec![wasm];
    for (i, &needed) in needed.iter().enumerate().skip(1) {
        let part = needed.min(left / (columns.len() - i));
        left -= part;
        widths.push(part);
    }
    widths
}

/// Writes a line of all columns.
fn put<'a>(
    text: &mut String,
    widths: &[usize],
    paint: Paint,
    cell: impl Fn(usize) -> Option<&'a Cell>,
) {
    let mut pending = 0;
    for (column, &width) in widths.iter().enumerate() {
        if column > 0 {
            let _ = write!(text, "{:pending$}{}", "", BETWEEN.trim_end());
            pending = BETWEEN.len() - BETWEEN.trim_end().len();
        }
        if let Some(cell) = cell(column) {
            let cell = cell.shortened(width);
            let _ = write!(text, "{:pending$}", "");
            cell.write(text, paint);
            pending = width - cell.width();
        } else {
            pending += width;
        }
    }
    text.push('\n');
}

/// Which row a machine instruction belongs to: one for each WebAssembly instruction, then one for those of none.
fn row_of(operators: &[Operator], line: &Line) -> usize {
    let wasm = line.wasm.unwrap_or(0);
    let up_to = operators.partition_point(|operator| operator.offset <= wasm);
    up_to.checked_sub(1).unwrap_or(operators.len())
}

fn operator_cell(operator: &Operator) -> Cell {
    let mut cell = Cell::new(Style::Offset, format!("{:#07x}", operator.offset));
    cell.push(Style::Plain, "  ".repeat(operator.depth.min(MAX_DEPTH) + 1));
    cell.push_instruction(&printable(&operator.text));
    cell
}

fn line_cell(line: &Line, names: &Names) -> Cell {
    let mut cell = Cell::new(Style::Offset, format!("{:>4x}", line.offset));
    cell.push(Style::Plain, "  ");
    cell.push_instruction(&line.text);
    let notes = line.notes(names);
    if !notes.is_empty() {
        cell.push(Style::Note, format!("  ; {}", notes.join(", ")));
    }
    cell
}

fn wasm_header(view: &View) -> Cell {
    let bytes = view.function.body.len();
    Cell::new(Style::Title, format!("wasm: {bytes} bytes"))
}

fn tier_header(tier: &TierView) -> Cell {
    let what = match &tier.refused {
        Some(_) => "no code".to_string(),
        None => format!("{} bytes", tier.code.len()),
    };
    Cell::new(Style::Title, format!("{}: {what}", tier.name))
}

/// What stands above everything.
fn title(view: &View, paint: Paint) -> String {
    let names = names(&view.function);
    let space = if names.is_empty() { "" } else { " " };
    let (index, at) = (view.function.index, view.function.body.start);
    let mut text = String::new();
    let title = format!("function {index}{space}{names} at {at:#x}");
    Cell::new(Style::Title, title).write(&mut text, paint);
    text.push('\n');
    for tier in &view.tiers {
        if let Some(reason) = &tier.refused {
            let _ = writeln!(text, "{}: {reason}", tier.name);
        }
    }
    text
}

/// All names of a function.
fn names(function: &ExploredFunction) -> String {
    let mut names: Vec<_> = function
        .name
        .iter()
        .map(|name| format!("${}", printable(name)))
        .collect();
    if let Some(Cow::Owned(name)) = function.name.as_deref().map(demangle) {
        names.push(format!("`{}`", printable(&name)));
    }
    if let Some((module, name)) = &function.import {
        names.push(format!(
            "import `{}` `{}`",
            printable(module),
            printable(name)
        ));
    }
    for export in &function.exports {
        names.push(format!("export `{}`", printable(export)));
    }
    names.join(", ")
}

/// The module's functions, a line each.
pub(super) fn list(functions: &[ExploredFunction]) -> String {
    let mut text = format!("{:>7} {:>9}  name\n", "index", "bytes");
    for function in functions {
        let size = match function.import {
            Some(_) => "-".to_string(),
            None => function.body.len().to_string(),
        };
        let line = format!("{:>7} {size:>9}  {}", function.index, names(function));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_share_what_there_is() {
        let column = |len: usize| vec![vec![Cell::new(Style::Plain, "x".repeat(len))]];
        let columns = [column(100), column(10), column(90)];
        let headers = ["a", "b", "c"].map(|text| Cell::new(Style::Title, text));
        assert_eq!(widths(&columns, &headers, usize::MAX), [100, 10, 90]);
        assert_eq!(widths(&columns, &headers, 106), [34, 10, 56]);
        for width in 0..20 {
            let sum: usize = widths(&columns, &headers, width).iter().sum();
            assert!(sum <= width, "{sum} of {width}");
        }
    }

    #[test]
    fn lines_end_with_what_is_in_them() {
        let cell = Cell::new(Style::Title, "ab");
        let mut text = String::new();
        put(&mut text, &[4, 4], Paint::Plain, |_| Some(&cell));
        put(&mut text, &[4, 4], Paint::Plain, |column| {
            [Some(&cell), None][column]
        });
        put(&mut text, &[4, 4], Paint::Plain, |column| {
            [None, Some(&cell)][column]
        });
        assert_eq!(text, "ab   | ab\nab   |\n     | ab\n");
    }
}
