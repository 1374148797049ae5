//! The summary as text for people: headed blocks of aligned columns.

use super::Summary;
use crate::text::printable;
use mainspring::demangle;
use std::fmt::Write;

/// A column is flushed left unless it holds numbers.
#[derive(Clone, Copy)]
enum Align {
    Left,
    Right,
}
use Align::{Left, Right};

/// The widest that a column gets. Names can be as long as texts.
const WIDEST: usize = 60;

pub(super) fn render(file: &str, summary: &Summary) -> String {
    let mut text = format!(
        "{file}: WebAssembly module, {} bytes",
        grouped(summary.bytes as u64)
    );
    if let Some(name) = &summary.name {
        let _ = write!(text, ", named {}", printable(name));
    }
    text.push('\n');
    let proposals = match summary.proposals.as_slice() {
        [] => "none".to_string(),
        names => names.join(", "),
    };
    let _ = writeln!(text, "Proposals used: {proposals}");

    let sections = summary.sections.iter().map(|section| {
        let items = section
            .items
            .map_or(String::new(), |items| grouped(items.into()));
        [printable(&section.name), items, grouped(section.bytes)]
    });
    let columns = [("name", Left), ("items", Right), ("bytes", Right)];
    block(&mut text, "Sections", columns, sections);

    let imports = summary.imports.iter().map(|import| {
        [
            printable(&import.module),
            printable(&import.name),
            import.kind.to_string(),
            import.r#type.clone(),
        ]
    });
    let columns = [
        ("module", Left),
        ("name", Left),
        ("kind", Left),
        ("type", Left),
    ];
    block(
        &mut text,
        &format!("Imports: {}", grouped(summary.imports.len() as u64)),
        columns,
        imports,
    );

    let exports = summary.exports.iter().map(|export| {
        [
            printable(&export.name),
            export.kind.to_string(),
            export.r#type.clone(),
        ]
    });
    let columns = [("name", Left), ("kind", Left), ("type", Left)];
    block(
        &mut text,
        &format!("Exports: {}", grouped(summary.exports.len() as u64)),
        columns,
        exports,
    );

    let functions = &summary.functions;
    let title = format!(
        "Functions: {} imported, {} defined with {} bytes of code; the largest are",
        grouped(functions.imported as u64),
        grouped(functions.defined as u64),
        grouped(functions.code_bytes),
    );
    let largest = functions.largest.iter().map(|function| {
        let name = function
            .name
            .as_deref()
            .map_or(String::new(), |name| printable(&demangle(name)));
        [function.index.to_string(), grouped(function.bytes), name]
    });
    let columns = [("index", Right), ("bytes", Right), ("name", Left)];
    block(&mut text, &title, columns, largest);
    text
}

/// A title, and below it the rows under the names of their columns; where there are no
/// rows, the title says so by its count. What is too long for a column is cut, but for the last.
fn block<const N: usize>(
    text: &mut String,
    title: &str,
    columns: [(&str, Align); N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let _ = writeln!(text, "\n{title}");
    let header = columns.map(|(name, _)| name.to_string());
    let mut rows: Vec<_> = std::iter::once(header).chain(rows).collect();
    if rows.len() == 1 {
        return;
    }
    rows.iter_mut()
        .flat_map(|row| &mut row[..N - 1])
        .for_each(cut);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let mut widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    // Nothing follows the last column.
    if let (Some(width), Some((_, Left))) = (widths.last_mut(), columns.last()) {
        *width = 0;
    }
    for row in &rows {
        let mut line = String::new();
        for ((cell, width), (_, align)) in row.iter().zip(widths).zip(columns) {
            let _ = match align {
                Left => write!(line, "  {cell:<width$}"),
                Right => write!(line, "  {cell:>width$}"),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// Cuts what is too long for a column.
fn cut(cell: &mut String) {
    if cell.chars().count() > WIDEST {
        *cell = cell.chars().take(WIDEST - 1).collect();
        cell.push('…');
    }
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(1234567), "1,234,567");
    }

    #[test]
    fn long_names_are_cut_but_for_the_last_column() {
        let long = "é".repeat(70_000);
        let mut text = String::new();
        let columns = [("name", Left), ("type", Left)];
        let rows = [[long.clone(), long.clone()]];
        block(&mut text, "T", columns, rows.into_iter());
        let cut = "é".repeat(WIDEST - 1);
        let header = format!("  name{}  type", " ".repeat(WIDEST - 4));
        assert_eq!(text, format!("\nT\n{header}\n  {cut}…  {long}\n"));
    }

    #[test]
    fn columns_align() {
        let mut text = String::new();
        let rows = [
            ["a".to_string(), "10".to_string()],
            ["bcd".to_string(), "7".to_string()],
        ];
        block(
            &mut text,
            "T",
            [("name", Left), ("n", Right)],
            rows.into_iter(),
        );
        assert_eq!(text, "\nT\n  name   n\n  a     10\n  bcd    7\n");
    }
}
