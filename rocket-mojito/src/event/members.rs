use std::fmt;
use std::str::Bytes;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::text;
use crate::Field;

/// The members of a JSON object, each still as it was sent. Nothing is copied.
#[derive(Default)]
pub(super) struct Members<'a> {
    known: [Option<&'a RawValue>; Field::ALL.len()],
    /// Keys that the vendor's document does not name.
    pub unknown: Vec<(&'a RawValue, &'a RawValue)>,
    /// The first known key that stands twice.
    pub duplicate: Option<Field>,
    /// How deep the deepest value is nested, where the object itself is level 1.
    pub depth: usize,
}

impl<'a> Members<'a> {
    /// The members of the object that `json` is, or nothing where `json` is not one well-formed object.
    pub fn of(json: &'a str) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_str(json);
        let members = reader.deserialize_map(Collect).ok()?;
        reader.end().ok()?;
        Some(members)
    }

    /// The value of a known key.
    pub fn value(&self, field: Field) -> Option<&'a RawValue> {
        self.known[field as usize]
    }

    fn add(&mut self, key: &'a RawValue, value: &'a RawValue) {
        self.depth = self.depth.max(1 + depth(value.get()));
        let Some(field) = known_field(key) else {
            self.unknown.push((key, value));
            return;
        };
        if self.known[field as usize].replace(value).is_some() {
            self.duplicate.get_or_insert(field);
        }
    }
}

/// The name that a key spells, escapes resolved.
fn known_field(key: &RawValue) -> Option<Field> {
    let json = key.get();
    match json.contains('\\') {
        true => Field::from_word(&text::decode(json).text),
        false => Field::from_word(&json[1..json.len() - 1]),
    }
}

/// How deep well-formed JSON is nested: 0 for a bare value. Takes no stack, whatever the depth.
fn depth(json: &str) -> usize {
    if !json.starts_with(['{', '[']) {
        return 0;
    }
    let (mut level, mut deepest) = (0_usize, 0);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'{' | b'[' => {
                level += 1;
                deepest = deepest.max(level);
            }
            b'}' | b']' => level -= 1,
            _ => {}
        }
    }
    deepest
}

/// Goes on behind the end of a string that has begun.
fn skip_string(bytes: &mut Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members { depth: 1, ..Members::default() };
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            members.add(key, value);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        assert_eq!(depth("1"), 0);
        assert_eq!(depth(r#""[[["#), 0);
        assert_eq!(depth(r#"["\"[[",{"a":[]}]"#), 3);
        assert_eq!(depth(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))), 100_000);
    }

    #[test]
    fn a_key_is_known_by_what_it_spells() {
        let members = Members::of(r#"{"\u0069d":"a","id":"b","ID":"c"}"#).unwrap();

        assert_eq!(members.duplicate, Some(Field::Id));
        assert_eq!(members.unknown.len(), 1);
    }

    #[test]
    fn anything_but_one_object_is_nothing() {
        for json in ["", "{", "[]", "{} {}", "{}x", r#"{"a":1,}"#, r#"{'a':1}"#, r#"{"a":007}"#, "null"] {
            assert!(Members::of(json).is_none(), "{json}");
        }
    }
}
