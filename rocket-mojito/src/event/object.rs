use std::fmt;
use std::str::Bytes;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::text;
use super::value::{Decode, Value};
use crate::Field;

/// An object with more members is quarantined. Unknown keys above this number are not collected.
pub(super) const MAX_MEMBERS: usize = 1000;

/// The members of a JSON object.
#[derive(Default)]
pub(super) struct RawObject<'a> {
    known: [Option<Value<'a>>; Field::ALL.len()],
    /// Keys that the vendor's document does not name.
    pub unknown: Vec<(&'a RawValue, &'a RawValue)>,
    /// The number of members, known and unknown.
    pub count: usize,
    /// The first known key that stands twice.
    pub duplicate: Option<Field>,
    /// The nesting of the deepest value. The object itself is level 1.
    pub depth: usize,
}

impl<'a> RawObject<'a> {
    /// The members of the object in `json`, or `None` if `json` is not one well-formed object.
    ///
    /// The first pass decodes texts while it reads the object. It fails if such a value is not a text, or if a database
    /// cannot keep the text. The second pass finds values as they were sent; it fails only on malformed JSON.
    pub fn parse(json: &'a str) -> Option<Self> {
        Self::read(json, Collect { decodes: true }).or_else(|| Self::read(json, Collect { decodes: false }))
    }

    /// Whether a known key is present, with null or with a value.
    pub fn has(&self, field: Field) -> bool {
        self.known[field as usize].is_some()
    }

    /// Takes the value of a known key out of the object.
    pub fn take(&mut self, field: Field) -> Option<Value<'a>> {
        self.known[field as usize].take()
    }

    /// The JSON of `record` in the vendor's oldest form: an object without `id` that has a text `table` beside it.
    ///
    /// If `table` or `record` stands twice, another parser might choose the other one, so that object is not of this
    /// form.
    pub fn record(&self) -> Option<&'a str> {
        if self.has(Field::Id) {
            return None;
        }
        let (table, record) = (self.only("table")?, self.only("record")?);
        (table.starts_with('"') && record.starts_with('{')).then_some(record)
    }

    /// The JSON of an unknown key that stands once.
    fn only(&self, name: &str) -> Option<&'a str> {
        let mut values = self.unknown.iter().filter(|(key, _)| text::decode(key.get()).text == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value.get())
    }

    fn read(json: &'a str, collect: Collect) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_str(json);
        let members = reader.deserialize_map(collect).ok()?;
        reader.end().ok()?;
        Some(members)
    }

    fn add(&mut self, field: Field, value: Value<'a>) {
        self.count += 1;
        self.reach(depth_of(&value));
        if self.known[field as usize].replace(value).is_some() {
            self.duplicate.get_or_insert(field);
        }
    }

    fn add_unknown(&mut self, key: &'a RawValue, value: &'a RawValue) {
        self.count += 1;
        self.reach(depth(value.get()));
        if self.count <= MAX_MEMBERS {
            self.unknown.push((key, value));
        }
    }

    fn reach(&mut self, depth: usize) {
        self.depth = self.depth.max(1 + depth);
    }
}

/// Whether the first pass tries to read the field as a text, or as a list of texts.
fn is_mostly_text(field: Field) -> bool {
    !matches!(field, Field::Score | Field::AiAnalysisRecruiterScore | Field::RecruiterGoNextRound)
}

/// The field that a key names, with escapes resolved.
fn known_field(key: &RawValue) -> Option<Field> {
    let json = key.get();
    let as_sent = &json[1..json.len() - 1];
    let decoded = || as_sent.contains('\\').then(|| Field::from_text(&text::decode(json).text));
    Field::from_text(as_sent).or_else(|| decoded().flatten())
}

fn depth_of(value: &Value<'_>) -> usize {
    match value {
        Value::Null | Value::Text(_) => 0,
        Value::List { .. } => 1,
        Value::Other(json) => depth(json.get()),
    }
}

/// The nesting of well-formed JSON: 0 for a bare value. Needs no stack, whatever the depth.
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

/// Skips to the end of a string that has begun.
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

struct Collect {
    /// Whether fields that are mostly texts are decoded at once.
    decodes: bool,
}

impl<'de> Visitor<'de> for Collect {
    type Value = RawObject<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = RawObject { depth: 1, ..RawObject::default() };
        while let Some(key) = map.next_key::<&RawValue>()? {
            match known_field(key) {
                None => members.add_unknown(key, map.next_value()?),
                Some(field) if self.decodes && is_mostly_text(field) => {
                    members.add(field, map.next_value_seed(Decode)?);
                }
                Some(field) => members.add(field, Value::parse(map.next_value()?)),
            }
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
        assert_eq!(depth(r#"["\"[[[",[]]"#), 2);
        assert_eq!(depth("[[],[],{},[]]"), 2);
        assert_eq!(depth(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))), 100_000);
    }

    #[test]
    fn a_key_is_known_by_what_it_spells() {
        let members = RawObject::parse(r#"{"\u0069d":"a","id":"b","ID":"c"}"#).unwrap();

        assert_eq!(members.duplicate, Some(Field::Id));
        assert_eq!(members.unknown.len(), 1);
    }

    #[test]
    fn an_object_of_any_number_of_members_is_counted_and_only_so_many_are_collected() {
        let json = format!("{{{}\"\":0}}", "\"\":0,".repeat(MAX_MEMBERS));

        let members = RawObject::parse(&json).unwrap();

        assert_eq!((members.count, members.unknown.len()), (MAX_MEMBERS + 1, MAX_MEMBERS));
    }

    #[test]
    fn only_an_object_without_an_id_beside_a_text_is_a_record() {
        let cases = [
            (r#"{"table":"t","record":{"a":1}}"#, Some(r#"{"a":1}"#)),
            (r#"{"t\u0061ble":"","record":{},"status":1}"#, Some("{}")),
            (r#"{"table":"t","record":{},"id":null}"#, None),
            (r#"{"table":1,"record":{}}"#, None),
            (r#"{"table":"t","record":[]}"#, None),
            (r#"{"record":{}}"#, None),
            (r#"{"table":"t","record":{},"record":{}}"#, None),
            (r#"{"table":"t","Record":{}}"#, None),
        ];

        for (json, record) in cases {
            assert_eq!(RawObject::parse(json).unwrap().record(), record, "{json}");
        }
    }

    #[test]
    fn a_deep_value_of_a_known_key_takes_no_stack() {
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));

        let depth = RawObject::parse(&format!(r#"{{"reason":{open}{close}}}"#)).map(|members| members.depth);

        assert_eq!(depth, Some(100_001));
    }

    #[test]
    fn anything_but_one_object_is_nothing() {
        for json in ["", "{", "[]", "{} {}", "{}x", r#"{"a":1,}"#, r#"{'a':1}"#, r#"{"a":007}"#, "null"] {
            assert!(RawObject::parse(json).is_none(), "{json}");
        }
    }

    #[test]
    fn the_depth_is_that_of_the_deepest_value() {
        let cases = [
            ("{}", 1),
            (r#"{"a":1}"#, 1),
            (r#"{"a":[1]}"#, 2),
            (r#"{"score":1}"#, 1),
            (r#"{"candidate_name":["a"]}"#, 2),
            (r#"{"candidate_name":{"a":[]}}"#, 3),
            (r#"{"a":[],"b":{"c":[]},"d":1}"#, 3),
        ];

        for (json, depth) in cases {
            assert_eq!(RawObject::parse(json).unwrap().depth, depth, "{json}");
        }
    }

    #[test]
    fn members_are_counted_and_taken_once() {
        let mut members = RawObject::parse(r#"{"id":"r","score":1,"\u0073tatus":null,"a":2,"":3}"#).unwrap();

        assert_eq!((members.count, members.unknown.len(), members.duplicate), (5, 2, None));
        assert!(members.has(Field::Id) && members.has(Field::Status) && !members.has(Field::Reason));
        assert!(matches!(members.take(Field::Score), Some(Value::Other(json)) if json.get() == "1"));
        assert!(members.take(Field::Score).is_none());
    }
}
