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
