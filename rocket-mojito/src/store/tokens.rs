use std::borrow::Cow;

/// A part of a body that is read as JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// The name of a member.
    Name(Cow<'a, str>),
    /// A text.
    Text(Cow<'a, str>),
    /// A number, `true`, `false`, `null`, or any other bare word.
    Bare(&'a str),
    /// An array begins.
    Array,
    /// An object begins.
    Object,
    /// An array or an object ends.
    End,
}

/// The parts of a body, in their order. A body that is cut off, or is no JSON at all, has parts too.
///
/// A parser gives up where a text is no JSON, and takes the second of two members of one name. Both would hide a
/// person.
pub(super) struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Reads a text, or the name of a member, behind its opening quote.
    fn text(&mut self) -> Token<'a> {
        let (raw, rest) = split_at_quote(self.0);
        self.0 = rest;
        let text = decoded(raw);
        match rest.trim_start().strip_prefix(':') {
            Some(value) => {
                self.0 = value;
                Token::Name(text)
            }
            None => Token::Text(text),
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.0 = self.0.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ',' || letter == ':');
        let first = self.0.chars().next()?;
        let rest = &self.0[first.len_utf8()..];
        let token = match first {
            '"' => {
                self.0 = rest;
                return Some(self.text());
            }
            '[' => Token::Array,
            '{' => Token::Object,
            ']' | '}' => Token::End,
            _ => {
                let is_end = |letter: char| letter.is_whitespace() || r#",:"[]{}"#.contains(letter);
                // At least one letter is taken, whatever it is: so the end is always reached.
                let length = first.len_utf8() + rest.find(is_end).unwrap_or(rest.len());
                let (bare, rest) = self.0.split_at(length);
                self.0 = rest;
                return Some(Token::Bare(bare));
            }
        };
        self.0 = rest;
        Some(token)
    }
}

/// The text before the closing quote, and the rest behind it. A text that is cut off goes to the end.
fn split_at_quote(text: &str) -> (&str, &str) {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

/// The text with its escapes resolved.
pub(super) fn decoded(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(escape) = rest.chars().next() else { break };
        rest = &rest[escape.len_utf8()..];
        match escape {
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'u' => text.push(unicode(&mut rest)),
            other => text.push(other),
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The letter behind `\u`. U+FFFD stands for half a surrogate pair.
fn unicode(rest: &mut &str) -> char {
    let Some(first) = code_unit(rest) else { return char::REPLACEMENT_CHARACTER };
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    let mut behind = rest.strip_prefix("\\u").unwrap_or_default();
    let Some(second @ 0xdc00..0xe000) = code_unit(&mut behind) else { return char::REPLACEMENT_CHARACTER };
    *rest = behind;
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn code_unit(rest: &mut &str) -> Option<u32> {
    let (digits, behind) = rest.split_at_checked(4)?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let unit = is_hex.then(|| u32::from_str_radix(digits, 16).ok())??;
    *rest = behind;
    Some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Token<'_> {
        Token::Name(name.into())
    }

    fn text(text: &str) -> Token<'_> {
        Token::Text(text.into())
    }

    fn tokens(json: &str) -> Vec<Token<'_>> {
        Tokens::new(json).collect()
    }

    #[test]
    fn both_of_two_members_of_one_name_are_there() {
        let tokens = tokens(r#"{"a" : "x", "a": [1.5, null]}"#);

        let (one, null) = (Token::Bare("1.5"), Token::Bare("null"));
        let expected =
            [Token::Object, name("a"), text("x"), name("a"), Token::Array, one, null, Token::End, Token::End];
        assert_eq!(tokens, expected);
    }

    #[test]
    fn what_is_cut_off_goes_to_the_end() {
        assert_eq!(tokens(r#"{"a":"x\"y"#), [Token::Object, name("a"), text("x\"y")]);
        assert_eq!(tokens(r#"{"a":"x\"#), [Token::Object, name("a"), text("x")]);
        assert_eq!(tokens(r#"{"a"#), [Token::Object, text("a")]);
        assert_eq!(tokens(""), []);
    }

    #[test]
    fn escapes_are_resolved_and_halves_replaced() {
        assert_eq!(tokens(r#""\u0061\t\/\u00fc""#), [text("a\t/ü")]);
        assert_eq!(tokens(r#""\ud83d\ude00""#), [text("😀")]);
        assert_eq!(
            tokens(r#""\ud83d\u0061 \ude00 \uzzzz \u00""#),
            [text("\u{fffd}a \u{fffd} \u{fffd}zzzz \u{fffd}00")]
        );
    }
}
