use std::fmt;

use serde_json::value::RawValue;

use super::text;

/// Keys of the body that the vendor's document does not name, with their values as they were sent.
///
/// They are kept as one JSON text, which each walk parses again.
#[derive(Clone, Default, PartialEq)]
pub struct Extra {
    /// One JSON object, or an empty text if there is no such key.
    json: String,
    count: usize,
}

impl Extra {
    /// The number of keys.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The value of a key, as JSON. If a key stands twice, its last value.
    pub fn get(&self, key: &str) -> Option<&RawValue> {
        self.iter().filter(|(name, _)| name == key).last().map(|(_, value)| value)
    }

    /// Every key with its value, in the order of the body.
    pub fn iter(&self) -> impl Iterator<Item = (String, &RawValue)> {
        let mut rest = self.json.strip_prefix('{').unwrap_or_default();
        std::iter::from_fn(move || {
            let key = take_value(&mut rest)?;
            let value = take_value(&mut rest)?;
            Some((text::decode(key.get()).text.into_owned(), value))
        })
    }

    /// One JSON object, as the result table holds it. Keys and values equal those of the body, to the byte.
    pub fn to_json(&self) -> String {
        self.clone().into_json()
    }

    pub(super) fn into_json(self) -> String {
        if self.is_empty() { "{}".to_owned() } else { self.json }
    }

    /// Joins the collected members. Each key and value is well-formed JSON.
    pub(super) fn new(members: &[(&RawValue, &RawValue)]) -> Self {
        if members.is_empty() {
            return Self::default();
        }
        let length = members.iter().map(|(key, value)| key.get().len() + value.get().len() + ",:".len()).sum::<usize>();
        let mut json = String::with_capacity("{".len() + length);
        for (key, value) in members {
            json.push(if json.is_empty() { '{' } else { ',' });
            json.push_str(key.get());
            json.push(':');
            json.push_str(value.get());
        }
        json.push('}');
        Self { json, count: members.len() }
    }
}

/// Takes the value at the start of the JSON, and the one character behind it.
fn take_value<'j>(rest: &mut &'j str) -> Option<&'j RawValue> {
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
    let value = values.next()?.ok()?;
    *rest = &rest[values.byte_offset() + 1..];
    Some(value)
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extra([redacted]; {})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_again_in_the_one_text() {
        let sent = [
            (r#""a""#, "1.50"),
            (r#""caf\u00e9""#, r#""x,\"}:""#),
            (r#""""#, "null"),
            (r#""b""#, r#"{"c" : [1, {}]}"#),
            (r#""a""#, "-0e9"),
        ];
        let raw = |json| -> &RawValue { serde_json::from_str(json).unwrap() };
        let members = sent.map(|(key, value)| (raw(key), raw(value)));

        let extra = Extra::new(&members);

        let found: Vec<_> = extra.iter().map(|(key, value)| (key, value.get().to_owned())).collect();
        let expected = ["a", "café", "", "b", "a"].iter().zip(sent);
        assert_eq!(found, expected.map(|(key, (_, value))| ((*key).to_owned(), value.to_owned())).collect::<Vec<_>>());
        assert_eq!(extra.len(), sent.len());
        assert_eq!(extra.get("a").map(RawValue::get), Some("-0e9"));
        assert_eq!(extra.to_json(), r#"{"a":1.50,"caf\u00e9":"x,\"}:","":null,"b":{"c" : [1, {}]},"a":-0e9}"#);
    }

    #[test]
    fn without_a_key_there_is_an_empty_object() {
        let extra = Extra::new(&[]);

        assert_eq!((extra.len(), extra.iter().count(), &*extra.to_json()), (0, 0, "{}"));
    }

    #[test]
    fn a_key_is_there_or_not() {
        let raw = |json| -> &RawValue { serde_json::from_str(json).unwrap() };
        let extra = Extra::new(&[(raw(r#""a""#), raw("1"))]);

        assert!(!extra.is_empty() && Extra::new(&[]).is_empty());
        assert_eq!(extra.get("b").map(RawValue::get), None);
        assert_eq!((extra.len(), extra.clone().into_json().as_str()), (1, r#"{"a":1}"#));
    }
}
