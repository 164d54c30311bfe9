use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Replaces a character that no database can hold. It has three bytes in UTF-8, as an encoded surrogate has.
const REPLACEMENT: &str = "\u{FFFD}";

/// A JSON string, decoded so that every database can hold it.
pub(super) struct Decoded<'a> {
    pub text: Cow<'a, str>,
    /// Whether U+FFFD replaced a NUL or a lone surrogate.
    pub has_replacements: bool,
}

impl<'a, T: Into<Cow<'a, str>>> From<T> for Decoded<'a> {
    /// A text without replacements.
    fn from(text: T) -> Self {
        Self { text: text.into(), has_replacements: false }
    }
}

/// Decodes a well-formed JSON string, including its quotes.
pub(super) fn decode(json: &str) -> Decoded<'_> {
    let inner = &json[1..json.len() - 1];
    if !inner.contains('\\') {
        return Decoded::from(inner);
    }
    // Decoded as bytes, lone surrogates survive in the manner of UTF-8 (ED A0..BF xx); a `String` would fail.
    let decoded = serde_json::Deserializer::from_str(json).deserialize_bytes(Bytes);
    let Ok(mut bytes) = decoded.map(Cow::into_owned) else {
        // Only well-formed JSON comes here, but reading a body must be total whatever serde_json answers.
        return Decoded { text: REPLACEMENT.into(), has_replacements: true };
    };
    let has_surrogates = replace_surrogates(&mut bytes);
    let text = String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    if !text.contains('\0') {
        return Decoded { text: text.into(), has_replacements: has_surrogates };
    }
    Decoded { text: text.replace('\0', REPLACEMENT).into(), has_replacements: true }
}

/// Replaces lone surrogates. Returns whether there was one.
fn replace_surrogates(bytes: &mut [u8]) -> bool {
    let mut is_any = false;
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|byte| *byte == 0xED) {
        at += next;
        if bytes.get(at + 1).is_some_and(|next| *next >= 0xA0) {
            bytes[at..at + 3].copy_from_slice(REPLACEMENT.as_bytes());
            is_any = true;
        }
        at += 1;
    }
    is_any
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(bytes.to_vec()))
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_database_cannot_hold_is_replaced_one_for_one() {
        let cases = [
            (r#""plain ü 😀""#, "plain ü 😀", false),
            (r#""one\ntwo \"three\" \\u0000 \/ ü""#, "one\ntwo \"three\" \\u0000 / ü", false),
            (r#""\u00fc \ud83d\ude00 \n""#, "ü 😀 \n", false),
            (r#""cut \ud83d here""#, "cut \u{FFFD} here", true),
            (r#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}", true),
            (r#""a\u0000b""#, "a\u{FFFD}b", true),
            (r#""\ud7ff\ue000""#, "\u{D7FF}\u{E000}", false),
        ];

        for (json, text, has_replacements) in cases {
            let decoded = decode(json);

            assert_eq!((&*decoded.text, decoded.has_replacements), (text, has_replacements), "{json}");
        }
    }
}
