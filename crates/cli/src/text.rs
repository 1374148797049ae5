//! Text from elsewhere, as it may be shown.

/// A name from a module, safe to show: one with control characters in it could otherwise
/// command the terminal.
pub(crate) fn printable(name: &str) -> String {
    escaped(name, char::is_control)
}

/// The same, for characters that someone says are dangerous.
pub(crate) fn escaped(text: &str, dangerous: fn(char) -> bool) -> String {
    text.chars()
        .flat_map(|c| match dangerous(c) {
            true => c.escape_default().collect::<Vec<_>>(),
            false => vec![c],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_command_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(printable("grüße"), "grüße");
    }
}
