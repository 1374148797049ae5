//! Splits Rust source into code and comments, a line at a time, with the contents of strings
//! and characters blanked, so that a check that looks for a word meets only code.

/// One line of a source file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Line {
    /// The code; strings keep their quotes and lose what is between them.
    pub code: String,
    /// The text of the comments, slashes included.
    pub comment: String,
}

enum State {
    Code,
    LineComment,
    /// How deep comments are nested.
    BlockComment(usize),
    String,
    /// How many `#` end it.
    RawString(usize),
}

/// The lines of `text`, numbered from 0.
pub fn lines(text: &str) -> Vec<Line> {
    let chars: Vec<char> = text.chars().collect();
    let mut lines = vec![Line::default()];
    let mut state = State::Code;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if c == '\n' {
            if matches!(state, State::LineComment) {
                state = State::Code;
            }
            lines.push(Line::default());
            at += 1;
            continue;
        }
        let line = lines.last_mut().expect("there is always a line");
        let rest = &chars[at..];
        let taken = match state {
            State::Code => code(rest, at.checked_sub(1).map(|i| chars[i]), line, &mut state),
            State::LineComment => {
                line.comment.push(c);
                1
            }
            State::BlockComment(depth) => {
                let (taken, depth) = match rest {
                    ['/', '*', ..] => (2, depth + 1),
                    ['*', '/', ..] => (2, depth - 1),
                    _ => (1, depth),
                };
                line.comment.extend(&rest[..taken]);
                state = match depth {
                    0 => State::Code,
                    _ => State::BlockComment(depth),
                };
                taken
            }
            State::String => match c {
                // An escaped end of line is left for the next turn, which counts the line.
                '\\' if rest.get(1) != Some(&'\n') => 2,
                '"' => {
                    line.code.push('"');
                    state = State::Code;
                    1
                }
                _ => 1,
            },
            State::RawString(hashes) => {
                let end = c == '"' && rest[1..].iter().take_while(|&&c| c == '#').count() >= hashes;
                if end {
                    line.code.push('"');
                    state = State::Code;
                }
                if end { 1 + hashes } else { 1 }
            }
        };
        at += taken;
    }
    lines
}

/// One step in code; gives how many characters it took.
fn code(rest: &[char], before: Option<char>, line: &mut Line, state: &mut State) -> usize {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    match rest {
        ['/', '/', ..] => {
            *state = State::LineComment;
            0
        }
        ['/', '*', ..] => {
            *state = State::BlockComment(1);
            line.comment.push_str("/*");
            2
        }
        ['"', ..] => {
            *state = State::String;
            line.code.push('"');
            1
        }
        ['r', after @ ..] | ['b' | 'c', 'r', after @ ..] if !in_word => {
            let hashes = after.iter().take_while(|&&c| c == '#').count();
            if after.get(hashes) == Some(&'"') {
                *state = State::RawString(hashes);
                line.code.push('"');
                return rest.len() - after.len() + hashes + 1;
            }
            line.code.push(rest[0]);
            1
        }
        // A character, unlike a lifetime, ends with a quote.
        ['\'', '\\', after @ ..] => {
            line.code.push_str("''");
            let end = after.iter().skip(1).position(|&c| c == '\'');
            end.map_or(2, |end| end + 4)
        }
        ['\'', _, '\'', ..] => {
            line.code.push_str("''");
            3
        }
        [c, ..] => {
            line.code.push(*c);
            1
        }
        [] => unreachable!("the caller has a character"),
    }
}

/// The places where `word` stands in `code` as a whole word, as byte offsets.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| {
            !code[..at].ends_with(part) && !code[at + word.len()..].starts_with(part)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(text: &str) -> Vec<String> {
        lines(text).into_iter().map(|l| l.code).collect()
    }

    #[test]
    fn strings_and_characters_are_blanked() {
        assert_eq!(
            code_of(r#"a("x // y", 'z', '\'', '"') // "q""#),
            [r#"a("", '', '', '') "#]
        );
        assert_eq!(
            code_of("r#\"todo!(\" \"# + br\"{\" + for_\"x\""),
            ["\"\" + \"\" + for_\"\""]
        );
        assert_eq!(
            code_of("let s = \"one\\\n two { \"; next"),
            ["let s = \"", "\"; next"]
        );
        assert_eq!(code_of(r"'\u{1F600}' 'a: loop"), ["'' 'a: loop"]);
    }

    #[test]
    fn comments_are_set_apart() {
        let split = lines("a /* b /* c */ d */ e // f\n/* g\nh */ i");
        let code: Vec<_> = split.iter().map(|l| l.code.as_str()).collect();
        assert_eq!(code, ["a  e ", "", " i"]);
        assert_eq!(split[0].comment, "/* b /* c */ d */// f");
        assert_eq!(
            (split[1].comment.as_str(), split[2].comment.as_str()),
            ("/* g", "h */")
        );
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(
            words("unsafe_x unsafe xunsafe", "unsafe").collect::<Vec<_>>(),
            [9]
        );
    }
}
