use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::text::{self, Decoded};

/// A longer list of texts stays as it was sent, since each text in memory costs several times its bytes.
const MAX_TEXTS: usize = 1000;

/// The value of a known key.
pub(super) enum Value<'a> {
    Null,
    Text(Decoded<'a>),
    /// A list of at most [`MAX_TEXTS`] texts and nothing else.
    List {
        texts: Vec<String>,
        /// Whether any text contains a replacement U+FFFD.
        has_replacements: bool,
    },
    /// Any other value, as it was sent.
    Other(&'a RawValue),
}

impl<'a> Value<'a> {
    /// The value of well-formed JSON.
    pub fn parse(json: &'a RawValue) -> Self {
        let sent = json.get();
        match sent.bytes().next() {
            Some(b'"') => Self::Text(text::decode(sent)),
            Some(b'[') => list(sent).unwrap_or(Self::Other(json)),
            Some(b'n') => Self::Null,
            _ => Self::Other(json),
        }
    }
}

fn list(json: &str) -> Option<Value<'_>> {
    serde_json::Deserializer::from_str(json).deserialize_seq(List).ok()
}

/// Reads a list of texts, and fails on any other element. Only texts are parsed, since nested lists may have any depth.
struct List;

impl<'de> Visitor<'de> for List {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (mut texts, mut has_replacements) = (Vec::new(), false);
        while let Some(item) = items.next_element::<&RawValue>()? {
            if texts.len() == MAX_TEXTS || !item.get().starts_with('"') {
                return Err(A::Error::custom("not a list of so many texts"));
            }
            let decoded = text::decode(item.get());
            has_replacements |= decoded.has_replacements;
            texts.push(decoded.text.into_owned());
        }
        Ok(Value::List { texts, has_replacements })
    }
}

/// Reads null, a text or a list of texts while the JSON around it is read, and fails on any other value. It also fails
/// on a text that needs replacements; [`Value::parse`] handles that.
pub(super) struct Decode;

impl<'de> DeserializeSeed<'de> for Decode {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Decode {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a text or a list of texts")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Decoded::from(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        // The fold never stops early, so that it can take many bytes at once.
        let has_nul = text.bytes().fold(false, |has_nul, byte| has_nul | (byte == 0));
        if has_nul { Err(E::custom("NUL")) } else { Ok(Value::Text(Decoded::from(text.to_owned()))) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            let Value::Text(decoded) = item else { return Err(A::Error::custom("not a text")) };
            if texts.len() == MAX_TEXTS {
                return Err(A::Error::custom("too many texts"));
            }
            texts.push(decoded.text.into_owned());
        }
        Ok(Value::List { texts, has_replacements: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value by its own reading, and the one that is read with the JSON around it; none where that fails.
    fn read(json: &str) -> (String, Option<String>) {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        let mut around = serde_json::Deserializer::from_str(json);
        (told(&Value::parse(raw)), Decode.deserialize(&mut around).ok().map(|value| told(&value)))
    }

    fn told(value: &Value<'_>) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Text(decoded) => format!("{:?} {}", decoded.text, decoded.has_replacements),
            Value::List { texts, has_replacements } => format!("{texts:?} {has_replacements}"),
            Value::Other(json) => format!("other {:.20}", json.get()),
        }
    }

    #[test]
    fn both_readings_agree_on_what_the_faster_one_takes() {
        let taken = [
            ("null", "null"),
            (r#""a""#, r#""a" false"#),
            (r#""a\nb""#, r#""a\nb" false"#),
            ("[]", "[] false"),
            (r#"["a", "b\t"]"#, r#"["a", "b\t"] false"#),
        ];
        let left = [
            (r#""a\u0000""#, "\"a\u{fffd}\" true"),
            (r#"["a", "b\ud800"]"#, "[\"a\", \"b\u{fffd}\"] true"),
            (r#"["b\ud800", "a"]"#, "[\"b\u{fffd}\", \"a\"] true"),
            ("[1]", "other [1]"),
            (r#"["a", null]"#, r#"other ["a", null]"#),
            (r#"[["a"]]"#, r#"other [["a"]]"#),
            ("7", "other 7"),
            ("true", "other true"),
            ("{}", "other {}"),
        ];

        for (json, value) in taken {
            assert_eq!(read(json), (value.to_owned(), Some(value.to_owned())), "{json}");
        }
        for (json, value) in left {
            assert_eq!(read(json), (value.to_owned(), None), "{json}");
        }
    }

    #[test]
    fn a_list_of_more_texts_than_that_stays_as_it_was_sent() {
        let list = |length: usize| format!("[{}]", vec![r#""a""#; length].join(","));
        let texts = format!("{:?} false", vec!["a"; MAX_TEXTS]);

        assert_eq!(read(&list(MAX_TEXTS)), (texts.clone(), Some(texts)));
        let (parsed, decoded) = read(&list(MAX_TEXTS + 1));
        assert!(parsed.starts_with("other ") && decoded.is_none(), "{parsed:.40}");
    }

    #[test]
    fn only_a_text_with_a_nul_is_left_to_the_other_reading() {
        let (_, decoded) = read(r#""\u0000\u0000""#);

        assert_eq!(decoded, None);
        assert_eq!(read(r#""\u0001\u0001""#).1.as_deref(), Some("\"\\u{1}\\u{1}\" false"));
    }
}
