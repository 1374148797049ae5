//! `--config`: options of the groups from a file.

use super::{GROUPS, Group, List};
use mainspring::{Error, Result, format_err};
use std::path::Path;

/// What a file holds of a group.
pub(super) struct FromFile(Vec<(char, List)>);

impl FromFile {
    /// Reads a file in TOML with a table for each group, by its long name.
    ///
    /// # Errors
    /// If there is none, or something in it is no option.
    pub(super) fn read(path: &Path) -> Result<FromFile> {
        let explain = |why: String| format_err!("--config {}: {why}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| explain(error.to_string()))?;
        let file: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| explain(error.to_string()))?;
        let lists = file.iter().map(|(name, table)| {
            let list = group(name).and_then(|group| Ok((group.short, options(&group, table)?)));
            list.map_err(explain)
        });
        Ok(FromFile(lists.collect::<Result<_, Error>>()?))
    }

    /// The options of a group.
    pub(super) fn of(&self, group: &Group) -> impl Iterator<Item = &List> {
        let short = group.short;
        self.0
            .iter()
            .filter(move |(of, _)| *of == short)
            .map(|(_, list)| list)
    }
}

fn group(name: &str) -> Result<Group, String> {
    let found = GROUPS.iter().find(|group| group.long == name);
    found.copied().ok_or_else(|| {
        let names: Vec<_> = GROUPS.iter().map(|group| group.long).collect();
        format!(
            "`{name}` is none of its tables, which are {}",
            names.join(", ")
        )
    })
}

fn options(group: &Group, table: &toml::Value) -> Result<List, String> {
    let table = table.as_table();
    let table = table.ok_or_else(|| format!("`{}` is not a table", group.long))?;
    let mut list = List::default();
    for (key, value) in table {
        let values = match value {
            toml::Value::Array(values) => &values[..],
            value => std::slice::from_ref(value),
        };
        for value in values {
            let text = match value {
                toml::Value::Boolean(true) => "y".into(),
                toml::Value::Boolean(false) => "n".into(),
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::String(text) => text.clone(),
                other => return Err(format!("`{key}` can't be a {}", other.type_str())),
            };
            list.add(group.parse_one(&format!("{key}={text}"))?);
        }
    }
    Ok(list)
}
