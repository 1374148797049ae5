//! From the text of a script to its directives. What is wrong with the text of one of them costs
//! that one.

use std::ops::Range;
use wast::lexer::Lexer;
use wast::parser::{self, Parse, ParseBuffer, Parser};
use wast::{Wast, WastDirective};

/// A directive, or what stands in the place of one.
pub(crate) enum Item<'text> {
    Directive(WastDirective<'text>),
    Broken {
        /// In the words of the parser.
        message: String,
        /// Where the parser stopped, seen from the directive's beginning.
        at: usize,
        /// Whether it was to be a module, and of which name.
        module: Option<Option<String>>,
    },
}

/// Directives in the order of the script, with the places that their own places count from.
pub(crate) type Items<'text> = Vec<(usize, Item<'text>)>;

/// Reads a script: as a whole, or else directive by directive.
///
/// # Errors
/// If not one directive can be read.
pub(crate) fn with_items<R>(
    text: &str,
    action: impl FnOnce(Items<'_>) -> R,
) -> Result<R, wast::Error> {
    let error = match buffer(text) {
        Ok(buffer) => match parser::parse::<Wast>(&buffer) {
            Ok(wast) => {
                let directives = wast.directives.into_iter();
                return Ok(action(
                    directives.map(|d| (0, Item::Directive(d))).collect(),
                ));
            }
            Err(error) => error,
        },
        Err(error) => error,
    };
    let forms = forms(text);
    let buffers: Vec<_> = (forms.iter().map(|form| buffer(&text[form.clone()]))).collect();
    let mut items = Vec::new();
    for (form, buffer) in forms.iter().zip(&buffers) {
        let text = &text[form.clone()];
        let item = match buffer.as_ref().map(parser::parse::<One>) {
            Ok(Ok(One(directive))) => Item::Directive(directive),
            Ok(Err(error)) => broken(text, &error),
            Err(error) => broken(text, error),
        };
        items.push((form.start, item));
    }
    let is_directive = |(_, item): &(usize, Item<'_>)| matches!(item, Item::Directive(_));
    match items.iter().any(is_directive) {
        true => Ok(action(items)),
        false => Err(error),
    }
}

/// Prepares a text for parsing, which has to be kept for as long as what is parsed.
pub(crate) fn buffer(text: &str) -> Result<ParseBuffer<'_>, wast::Error> {
    let mut lexer = Lexer::new(text);
    // The specification's own tests of strings and names hold characters that change
    // the direction of text, which the lexer otherwise refuses as misleading.
    lexer.allow_confusing_unicode(true);
    ParseBuffer::new_with_lexer(lexer)
}

/// A script's directive by itself.
struct One<'a>(WastDirective<'a>);

impl<'a> Parse<'a> for One<'a> {
    fn parse(parser: Parser<'a>) -> parser::Result<One<'a>> {
        // The annotations that a whole script may hold.
        let _custom = parser.register_annotation("custom");
        let _producers = parser.register_annotation("producers");
        let _name = parser.register_annotation("name");
        let _dylink = parser.register_annotation("dylink.0");
        let _hint = parser.register_annotation("metadata.code.branch_hint");
        parser.parens(|parser| parser.parse()).map(One)
    }
}

fn broken<'a>(text: &str, error: &wast::Error) -> Item<'a> {
    let is_space = |c: char| c.is_ascii_whitespace() || c == '(' || c == ')';
    let mut words = text[1..].split(is_space).filter(|word| !word.is_empty());
    let is_module = matches!(words.next(), Some("module" | "component"));
    let id = words.find(|word| !matches!(*word, "definition" | "instance"));
    let id = id.and_then(|word| word.strip_prefix('$'));
    Item::Broken {
        message: error.message(),
        at: error.span().offset(),
        module: is_module.then(|| id.map(str::to_owned)),
    }
}

/// The parenthesized forms of a text, as far as these can be told: the last may lack its end.
fn forms(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut forms = Vec::new();
    let (mut depth, mut start, mut at) = (0_usize, 0, 0);
    while at < bytes.len() {
        let rest = &bytes[at..];
        let step = match rest[0] {
            b'"' => string_length(rest),
            b';' if rest.starts_with(b";;") => line_length(rest),
            b'(' if rest.starts_with(b"(;") => comment_length(rest),
            b'(' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
                1
            }
            b')' => {
                if depth == 1 {
                    forms.push(start..at + 1);
                }
                depth = depth.saturating_sub(1);
                1
            }
            _ => 1,
        };
        at += step;
    }
    if depth > 0 {
        forms.push(start..text.len());
    }
    forms
}

/// Up to its closing quote.
fn string_length(rest: &[u8]) -> usize {
    let mut escaped = false;
    let end = rest[1..].iter().position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    });
    end.map_or(rest.len(), |end| end + 2)
}

fn line_length(rest: &[u8]) -> usize {
    let end = rest.iter().position(|byte| *byte == b'\n');
    end.unwrap_or(rest.len())
}

/// Comments of this kind nest.
fn comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"(;") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with(b";)") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn cut(text: &str, expected: &[&str]) {
        let forms: Vec<_> = forms(text).into_iter().map(|form| &text[form]).collect();
        assert_eq!(forms, expected);
    }

    #[test]
    fn forms_are_told_apart() {
        cut("(a) (b (c))\n(d", &["(a)", "(b (c))", "(d"]);
        cut(
            r#"(a ")" "\")") (b "\\")"#,
            &[r#"(a ")" "\")")"#, r#"(b "\\")"#],
        );
        cut("(a ;; )\n) (; (b) (; ;) ;) (c)", &["(a ;; )\n)", "(c)"]);
        cut("x) (a) \"unclosed (", &["(a)"]);
        cut("(; (a)", &[]);
        cut("", &[]);
    }

    #[test]
    fn what_is_broken_is_known_for_a_module() {
        let text =
            "(module $m (fnc)) (assert_retur) (module definition $d 5) (module (;c;) 5) (module)";
        let modules = with_items(text, |items| {
            let modules = items.into_iter().map(|(start, item)| match item {
                Item::Directive(_) => (start, None),
                Item::Broken { module, .. } => (start, Some(module)),
            });
            modules.collect::<Vec<_>>()
        });
        let named = |name: &str| Some(Some(Some(name.to_string())));
        let expected = [
            (0, named("m")),
            (18, Some(None)),
            (33, named("d")),
            (58, Some(Some(None))),
            (75, None),
        ];
        assert_eq!(modules.expect("one parses"), expected);
        assert!(with_items("(assert_retur) (", |items| drop(items)).is_err());
    }
}
