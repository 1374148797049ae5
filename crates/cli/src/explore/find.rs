//! Which function a name or number means.

use crate::text::printable;
use mainspring::{ExploredFunction, Result, bail, format_err};

/// How many names are suggested.
const SUGGESTED: usize = 4;

/// Finds a function by its index, its name, or a name it is exported under.
pub(super) fn find<'a>(
    functions: &'a [ExploredFunction],
    wanted: &str,
) -> Result<&'a ExploredFunction> {
    if let Ok(index) = wanted.parse::<usize>() {
        return match functions.len() {
            0 => bail!("there is no function {index}: the module has no functions"),
            count => functions.get(index).ok_or_else(|| {
                format_err!(
                    "there is no function {index}: the module's functions are 0 to {}",
                    count - 1
                )
            }),
        };
    }
    let plain = wanted.strip_prefix('$').unwrap_or(wanted);
    let called = |names: &dyn Fn(&ExploredFunction) -> bool| -> Vec<_> {
        functions
            .iter()
            .filter(|function| names(function))
            .collect()
    };
    let by_name = called(&|function| {
        function
            .name
            .as_deref()
            .is_some_and(|name| name == wanted || name == plain)
    });
    let by_export = called(&|function| function.exports.iter().any(|name| name == wanted));
    let found = if by_name.is_empty() {
        by_export
    } else {
        by_name
    };
    match found[..] {
        [function] => Ok(function),
        [] => bail!(
            "there is no function `{}`{}; --list lists all",
            printable(wanted),
            suggestion(functions, plain)
        ),
        _ => {
            let indices: Vec<_> = found
                .iter()
                .map(|function| function.index.to_string())
                .collect();
            bail!(
                "{} functions are called `{}`; name one of them by its index: {}",
                found.len(),
                printable(wanted),
                indices.join(", ")
            )
        }
    }
}

/// The names that are most like one that does not exist.
fn suggestion(functions: &[ExploredFunction], wanted: &str) -> String {
    let names = functions
        .iter()
        .flat_map(|function| function.name.iter().chain(&function.exports));
    let mut near: Vec<_> = names
        .filter_map(|name| Some((unlikeness(name, wanted)?, name)))
        .collect();
    near.sort();
    near.dedup();
    let shown: Vec<_> = near
        .iter()
        .take(SUGGESTED)
        .map(|(_, name)| format!("`{}`", printable(name)))
        .collect();
    match &shown[..] {
        [] => String::new(),
        [one] => format!("; the nearest name is {one}"),
        [all @ .., last] => format!("; the nearest names are {} and {last}", all.join(", ")),
    }
}

/// How far a name is from what was wanted; nothing if it is something else.
fn unlikeness(name: &str, wanted: &str) -> Option<usize> {
    let (name, wanted) = (name.to_lowercase(), wanted.to_lowercase());
    if wanted.is_empty() {
        return None;
    }
    // Part of a name, as of a mangled one, is as good as two letters wrong.
    if name.contains(&wanted) {
        return Some(2);
    }
    let allowed = wanted.chars().count().div_ceil(3);
    if name.chars().count().abs_diff(wanted.chars().count()) > allowed {
        return None;
    }
    Some(distance(&name, &wanted)).filter(|&distance| distance <= allowed)
}

/// How many letters have to be put in, left out or replaced (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(index: u32, name: &str) -> ExploredFunction {
        ExploredFunction {
            index,
            name: Some(name.into()),
            exports: vec![format!("export-{index}")],
            import: None,
            body: 0..0,
        }
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn functions_are_found_and_near_names_told() {
        let all = [
            function(0, "malloc"),
            function(1, "calloc"),
            function(2, "malloc"),
            function(3, "free"),
        ];
        let index = |wanted| find(&all, wanted).map(|function| function.index).ok();
        assert_eq!(
            ["free", "$free", "1", "export-2"].map(index),
            [Some(3), Some(3), Some(1), Some(2)]
        );
        let error = |wanted| find(&all, wanted).expect_err("it is refused").to_string();
        assert!(error("malloc").contains("0, 2"), "{}", error("malloc"));
        assert!(
            error("mallok").contains("`malloc` and `calloc`"),
            "{}",
            error("mallok")
        );
        assert!(
            error("fre").contains("nearest name is `free`"),
            "{}",
            error("fre")
        );
        assert!(!error("something").contains("nearest"));
        assert!(error("4").contains("0 to 3"), "{}", error("4"));
        let none = find(&[], "0").expect_err("it is refused").to_string();
        assert!(none.contains("no functions"), "{none}");
    }
}
