//! A function's WebAssembly and machine code as text for people.

use super::View;
use super::machine::Line;
use super::wasm::Operator;
use crate::report::printable;
use mainspring::ExploredFunction;
use std::fmt::Write;

/// What stands between columns.
const BETWEEN: &str = " | ";
/// Of a hundred columns, how many belong to WebAssembly at the most.
const WASM_SHARE: usize = 34;

/// One below the other. Above machine code stands the instruction that it was made of.
pub(super) fn sections(view: &View) -> String {
    let mut text = title(&view.function);
    let _ = writeln!(text, "\nwasm: {} bytes", view.function.body.len());
    for operator in &view.operators {
        let _ = writeln!(text, "  {}", operator_text(operator));
    }
    for tier in &view.tiers {
        let _ = writeln!(text, "\n{}: {} bytes", tier.name, tier.code.len());
        let mut last = None;
        for line in &tier.lines {
            let row = row_of(&view.operators, line);
            if last.replace(row) != Some(row) {
                let _ = match row {
                    0 => writeln!(text, "  ; of no instruction"),
                    row => {
                        let operator = &view.operators[row - 1];
                        writeln!(
                            text,
                            "  ; {:#x} {}",
                            operator.offset,
                            printable(&operator.text)
                        )
                    }
                };
            }
            let _ = writeln!(text, "    {}", line_text(line));
        }
    }
    text
}

/// Side by side, in at most so many columns: each instruction with all the code that was made of it.
pub(super) fn columns(view: &View, width: usize) -> String {
    let mut cells: Vec<Vec<Vec<String>>> = Vec::new();
    let mut wasm = vec![Vec::new()];
    wasm.extend(
        view.operators
            .iter()
            .map(|operator| vec![operator_text(operator)]),
    );
    cells.push(wasm);
    for tier in &view.tiers {
        let mut rows = vec![Vec::new(); view.operators.len() + 1];
        for line in &tier.lines {
            rows[row_of(&view.operators, line)].push(line_text(line));
        }
        cells.push(rows);
    }
    let mut headers = vec![format!("wasm: {} bytes", view.function.body.len())];
    let tiers = view.tiers.iter();
    headers.extend(tiers.map(|tier| format!("{}: {} bytes", tier.name, tier.code.len())));
    let widths = widths(&cells, &headers, width);

    let mut text = title(&view.function);
    text.push('\n');
    put(&mut text, &widths, |column| &headers[column]);
    let rules: Vec<_> = widths.iter().map(|&width| "-".repeat(width)).collect();
    put(&mut text, &widths, |column| &rules[column]);
    for row in 0..=view.operators.len() {
        let height = cells.iter().map(|column| column[row].len()).max();
        for line in 0..height.unwrap_or(0) {
            put(&mut text, &widths, |column| {
                cells[column][row].get(line).map_or("", String::as_str)
            });
        }
    }
    text
}

/// Each column as wide as it has to be; where that is too much, WebAssembly gets its share, and the
/// tiers what is left in equal parts.
fn widths(cells: &[Vec<Vec<String>>], headers: &[String], width: usize) -> Vec<usize> {
    let needed = |column: usize| {
        let lines = cells[column].iter().flatten().chain([&headers[column]]);
        lines.map(|line| line.chars().count()).max().unwrap_or(0)
    };
    let needed: Vec<_> = (0..cells.len()).map(needed).collect();
    let between = BETWEEN.len() * (cells.len() - 1);
    let available = width.saturating_sub(between);
    if needed.iter().sum::<usize>() <= available {
        return needed;
    }
    let wasm = needed[0].min(available * WASM_SHARE / 100);
    let mut left = available - wasm;
    let mut widths = vec![wasm];
    for (i, &needed) in needed.iter().enumerate().skip(1) {
        let part = needed.min(left / (cells.len() - i));
        left -= part;
        widths.push(part);
    }
    widths
}

fn put<'a>(text: &mut String, widths: &[usize], cell: impl Fn(usize) -> &'a str) {
    let mut line = String::new();
    for (column, &width) in widths.iter().enumerate() {
        if column > 0 {
            line.push_str(BETWEEN);
        }
        let _ = write!(line, "{:width$}", shortened(cell(column), width));
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

fn shortened(cell: &str, width: usize) -> String {
    match cell.chars().count() > width {
        true => cell
            .chars()
            .take(width.saturating_sub(1))
            .chain(['…'])
            .collect(),
        false => cell.to_string(),
    }
}

/// Which row a machine instruction belongs to: 0 for those of no WebAssembly instruction, then one for
/// each of them.
fn row_of(operators: &[Operator], line: &Line) -> usize {
    line.wasm.map_or(0, |wasm| {
        operators.partition_point(|operator| operator.offset <= wasm)
    })
}

fn operator_text(operator: &Operator) -> String {
    let indent = operator.depth * 2;
    format!(
        "{:#07x}  {:indent$}{}",
        operator.offset,
        "",
        printable(&operator.text)
    )
}

fn line_text(line: &Line) -> String {
    let mut text = format!("{:>4x}  {}", line.offset, line.text);
    for (nth, note) in line.notes.iter().enumerate() {
        let _ = write!(text, "{} {note}", if nth == 0 { "  ;" } else { "," });
    }
    text
}

fn title(function: &ExploredFunction) -> String {
    let names = names(function);
    let space = if names.is_empty() { "" } else { " " };
    let (index, at) = (function.index, function.body.start);
    format!("function {index}{space}{names} at {at:#x}\n")
}

/// All names of a function.
fn names(function: &ExploredFunction) -> String {
    let mut names: Vec<_> = function
        .name
        .iter()
        .map(|name| format!("${}", printable(name)))
        .collect();
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
        let column = |len: usize| vec![vec!["x".repeat(len)]];
        let cells = [column(100), column(10), column(90)];
        let headers = ["a".to_string(), "b".to_string(), "c".to_string()];
        assert_eq!(widths(&cells, &headers, usize::MAX), [100, 10, 90]);
        assert_eq!(widths(&cells, &headers, 106), [34, 10, 56]);
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("äbcd", 4), "äbcd");
    }
}
