use std::collections::BTreeMap;

use serde_json::Value;

use super::body::ParsedBody;
use super::{InterviewStatus, Payload, ProcessingStatus, ResultStatus};
use crate::{Error, EventKind, Field, FindingCode};

/// The longest word that is told.
const MAX_WORD_LENGTH: usize = 64;

/// The text instead of a key or word that may be a value.
const NOT_TOLD: &str = "(not told: it may be a value)";

/// The schema of the vendor's payload, in its document.
const SCHEMA: &str = "/components/schemas/WebhookInterviewResultPayload/properties";

/// The differences between the vendor's payloads and those that this version knows: in keys, types and words, with
/// counts. It holds no value of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drift {
    /// The number of bodies that were compared. 0 for a document.
    pub bodies: u64,
    /// The differences, in the order of their kinds and keys.
    pub differences: Vec<Difference>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The kind of the difference.
    pub kind: DriftKind,
    /// The key of the payload, or the event.
    pub key: String,
    /// The type or word that was found. Empty where there is none.
    pub found: String,
    /// The number of bodies with this difference. 1 for a document.
    pub count: u64,
}

/// The kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DriftKind {
    /// An event that this version does not know.
    Event,
    /// A key that this version does not know.
    Key,
    /// A key that is not there any more.
    Missing,
    /// A type that the key does not have in the document that this version knows.
    Type,
    /// A word that this version does not know, of a field that has words.
    Word,
}

impl DriftKind {
    /// The word of the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Key => "key",
            Self::Missing => "missing",
            Self::Type => "type",
            Self::Word => "word",
        }
    }
}

/// Counts differences.
#[derive(Default)]
pub(crate) struct DriftCount {
    bodies: u64,
    counts: BTreeMap<(DriftKind, String, String), u64>,
}

impl DriftCount {
    /// Compares a body. One that is no payload has its reason in the findings of its delivery, and counts here alone.
    pub fn add_body(&mut self, body: &[u8]) {
        self.bodies += 1;
        let ParsedBody::Usable { payload, findings } = ParsedBody::parse(body) else { return };
        for (key, value) in payload.extra.iter() {
            self.add(DriftKind::Key, &key, type_of(value.get()));
        }
        for finding in findings {
            let Some(field) = finding.field else { continue };
            match finding.code {
                FindingCode::Missing => self.add(DriftKind::Missing, field.as_str(), ""),
                FindingCode::WrongType => self.add(DriftKind::Type, field.as_str(), type_in(body, field)),
                FindingCode::UnexpectedNull => self.add(DriftKind::Type, field.as_str(), "null"),
                _ => {}
            }
        }
        for (field, word) in unknown_words(&payload) {
            self.add(DriftKind::Word, field.as_str(), word);
        }
    }

    fn add(&mut self, kind: DriftKind, key: &str, found: &str) {
        let key = (kind, told(key).to_owned(), told(found).to_owned());
        *self.counts.entry(key).or_default() += 1;
    }

    pub fn end(self) -> Drift {
        let difference = |((kind, key, found), count)| Difference { kind, key, found, count };
        Drift { bodies: self.bodies, differences: self.counts.into_iter().map(difference).collect() }
    }
}

impl Drift {
    /// Compares an OpenAPI document of the vendor with the one that this version was written for.
    ///
    /// ```
    /// use rocket_mojito::Drift;
    ///
    /// # fn main() -> Result<(), rocket_mojito::Error> {
    /// let document = r#"{"components": {"schemas": {"WebhookInterviewResultPayload": {"properties": {
    ///     "id": {"type": "string"}, "mood": {"type": "string"}}}}}}"#;
    /// let drift = Drift::of_document(document)?;
    /// assert!(drift.differences.iter().any(|difference| difference.key == "mood"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the text is no JSON, or has no schema `WebhookInterviewResultPayload`.
    pub fn of_document(text: &str) -> Result<Self, Error> {
        let document: Value = serde_json::from_str(text).map_err(|_| Error::config("the document is no JSON"))?;
        let properties = document.pointer(SCHEMA).and_then(Value::as_object);
        let properties = properties.ok_or_else(|| {
            Error::config("the document has no schema `WebhookInterviewResultPayload` with properties")
        })?;
        let mut count = DriftCount::default();
        let events = document["webhooks"].as_object().into_iter().flat_map(|events| events.keys());
        for event in events.filter(|event| EventKind::from_text(event).is_none()) {
            count.add(DriftKind::Event, event, "");
        }
        for (key, property) in properties {
            let Some(field) = Field::from_text(key) else {
                count.add(DriftKind::Key, key, &types_of(property).join(" or "));
                continue;
            };
            for found in types_of(property).iter().filter(|found| !types(field).contains(&found.as_str())) {
                count.add(DriftKind::Type, key, found);
            }
            let words = property["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for word in words.filter(|word| !is_known(field, word)) {
                count.add(DriftKind::Word, key, word);
            }
        }
        for field in Field::ALL.iter().filter(|field| !properties.contains_key(field.as_str())) {
            count.add(DriftKind::Missing, field.as_str(), "");
        }
        Ok(count.end())
    }
}

/// A text that is no value by its looks: letters, digits and a few marks, as in names of keys and in words.
fn told(text: &str) -> &str {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-., ".contains(letter);
    if text.len() <= MAX_WORD_LENGTH && text.chars().all(is_plain) { text } else { NOT_TOLD }
}

/// The types that a field has in the vendor's document.
fn types(field: Field) -> &'static [&'static str] {
    match field {
        Field::Score | Field::AiAnalysisRecruiterScore => &["number", "integer"],
        Field::RecruiterGoNextRound => &["boolean"],
        Field::WhyHire | Field::WhyNotHire => &["array", "string"],
        _ => &["string"],
    }
}

/// The types that a property of a document may have.
fn types_of(property: &Value) -> Vec<String> {
    let alternatives = ["oneOf", "anyOf"].iter().filter_map(|key| property[key].as_array()).flatten();
    let words = alternatives.map(|one| &one["type"]).chain([&property["type"]]);
    let words = words.flat_map(|word| word.as_array().map_or(std::slice::from_ref(word), Vec::as_slice));
    let mut words: Vec<String> = words.filter_map(Value::as_str).map(str::to_owned).collect();
    words.retain(|word| word != "null");
    words
}

/// The type of a value in JSON.
fn type_of(json: &str) -> &'static str {
    match json.bytes().next() {
        Some(b'"') => "string",
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ => "number",
    }
}

/// The type of a field in a body that has another one than it should.
fn type_in(body: &[u8], field: Field) -> &'static str {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return "" };
    let members = if body.get("id").is_some() { &body } else { &body["record"] };
    match &members[field.as_str()] {
        Value::String(_) => "string",
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::Null => "null",
    }
}

/// The words of a payload that this version does not know.
fn unknown_words(payload: &Payload) -> impl Iterator<Item = (Field, &str)> {
    let status = match &payload.status {
        Some(ResultStatus::Other(word)) => Some((Field::Status, word.as_str())),
        _ => None,
    };
    let interview = match &payload.interview_status {
        Some(InterviewStatus::Other(word)) => Some((Field::InterviewStatus, word.as_str())),
        _ => None,
    };
    let processing = match &payload.processing_status {
        Some(ProcessingStatus::Other(word)) => Some((Field::ProcessingStatus, word.as_str())),
        _ => None,
    };
    [status, interview, processing].into_iter().flatten()
}

/// Whether a field's word is known. Fields without words know all.
fn is_known(field: Field, word: &str) -> bool {
    let word = word.to_owned();
    match field {
        Field::Status => !matches!(ResultStatus::from(word), ResultStatus::Other(_)),
        Field::InterviewStatus => !matches!(InterviewStatus::from(word), InterviewStatus::Other(_)),
        Field::ProcessingStatus => !matches!(ProcessingStatus::from(word), ProcessingStatus::Other(_)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(drift: &Drift) -> Vec<(&str, &str, &str, u64)> {
        let rows = drift.differences.iter();
        rows.map(|one| (one.kind.as_str(), one.key.as_str(), one.found.as_str(), one.count)).collect()
    }

    #[test]
    fn bodies_are_compared_without_a_value() {
        let known = r#""id":"r","interview_id":"i","question_set_id":"i","status":"active""#;
        let mut count = DriftCount::default();
        for body in [
            format!(r#"{{{known},"mood":"glad","Ann Example":1,"score":"high"}}"#),
            format!(r#"{{{known},"mood":7,"interview_status":"asleep","processing_status":"Ann Example"}}"#),
            format!(r#"{{{known},"mood":"sad","score":4.5}}"#),
            "no payload".to_owned(),
        ] {
            count.add_body(body.as_bytes());
        }

        let drift = count.end();

        assert_eq!(drift.bodies, 4);
        assert!(!format!("{drift:?}").contains("Ann"), "{drift:?}");
        for expected in [
            ("key", "mood", "string", 2),
            ("key", "mood", "number", 1),
            ("key", NOT_TOLD, "number", 1),
            ("type", "score", "string", 1),
            ("word", "interview_status", "asleep", 1),
            ("word", "processing_status", NOT_TOLD, 1),
        ] {
            assert!(told_of(&drift).contains(&expected), "{expected:?}: {drift:?}");
        }
    }

    #[test]
    fn a_document_is_compared_by_keys_types_words_and_events() {
        let document = r##"{
            "webhooks": {"interview_result": {}, "interview_archived": {}},
            "components": {"schemas": {"WebhookInterviewResultPayload": {"properties": {
                "id": {"type": "integer"}, "mood": {"type": ["string", "null"]}, "score": {"type": "number"},
                "status": {"type": "string", "enum": ["active", "thawed"]},
                "ai_analysis_recruiter_why_hire": {"oneOf": [{"type": "array"}, {"type": "string"}]}
            }}}}
        }"##;

        let drift = Drift::of_document(document).unwrap();

        let told = told_of(&drift);
        for expected in [
            ("event", "interview_archived", "", 1),
            ("key", "mood", "string", 1),
            ("missing", "candidate_name", "", 1),
            ("type", "id", "integer", 1),
            ("word", "status", "thawed", 1),
        ] {
            assert!(told.contains(&expected), "{expected:?}: {told:?}");
        }
        assert!(!told.iter().any(|(_, key, ..)| ["score", "ai_analysis_recruiter_why_hire"].contains(key)), "{told:?}");
    }

    #[test]
    fn what_is_no_document_of_the_vendor_is_refused() {
        for text in ["", "{}", r#"{"components":{"schemas":{}}}"#] {
            assert!(Drift::of_document(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_body_lacks_and_what_is_null_are_told_with_the_key() {
        let mut count = DriftCount::default();
        count.add_body(br#"{"id":"r","status":null,"interview_id":"i","candidate_name":null,"score":true}"#);

        let drift = count.end();

        let told = told_of(&drift);
        assert!(told.contains(&("type", "status", "null", 1)), "{told:?}");
        assert!(told.contains(&("type", "score", "boolean", 1)), "{told:?}");
        let missing: Vec<&str> = told.iter().filter(|one| one.0 == "missing").map(|one| one.1).collect();
        assert!(missing.contains(&"question_set_id") && !missing.contains(&"interview_id"), "{missing:?}");
    }

    #[test]
    fn a_type_is_told_of_each_value_and_of_each_field() {
        let values = [
            ("\"a\"", "string"),
            ("{}", "object"),
            ("[]", "array"),
            ("true", "boolean"),
            ("false", "boolean"),
            ("7", "number"),
        ];

        for (value, expected) in values.into_iter().chain([("null", "null"), ("-1", "number")]) {
            let body = format!(r#"{{"id":"r","score":{value}}}"#);
            let enveloped = format!(r#"{{"table":"t","record":{{"score":{value}}}}}"#);

            assert_eq!(type_of(value), expected);
            assert_eq!(type_in(body.as_bytes(), Field::Score), expected);
            assert_eq!(type_in(enveloped.as_bytes(), Field::Score), expected);
        }
        assert_eq!(types(Field::Score), ["number", "integer"]);
        assert_eq!(types(Field::AiAnalysisRecruiterScore), ["number", "integer"]);
        assert_eq!(types(Field::RecruiterGoNextRound), ["boolean"]);
        assert_eq!(types(Field::WhyHire), ["array", "string"]);
        assert_eq!(types(Field::WhyNotHire), ["array", "string"]);
        assert_eq!(types(Field::CandidateName), ["string"]);
    }

    #[test]
    fn words_are_known_by_their_field() {
        let known =
            [(Field::Status, "archived"), (Field::InterviewStatus, "ongoing"), (Field::ProcessingStatus, "new")];

        for (field, word) in known {
            assert!(is_known(field, word) && !is_known(field, "thawed"), "{field}");
        }
        assert!(is_known(Field::CandidateName, "thawed"));
        let body = br#"{"id":"r","status":"a","interview_status":"b","processing_status":"c"}"#;
        let ParsedBody::Usable { payload, .. } = ParsedBody::parse(body) else { panic!("usable") };
        let words: Vec<_> = unknown_words(&payload).collect();
        assert_eq!(words, [(Field::Status, "a"), (Field::InterviewStatus, "b"), (Field::ProcessingStatus, "c")]);
    }

    #[test]
    fn only_what_looks_like_a_name_is_told() {
        let longest = "a".repeat(MAX_WORD_LENGTH);

        for plain in ["completed, stopped early", "v1.2-b_7", &longest, ""] {
            assert_eq!(told(plain), plain);
        }
        for value in ["Ann", "ann@example.com", "\u{fc}", &format!("{longest}a")] {
            assert_eq!(told(value), NOT_TOLD);
        }
    }

    #[test]
    fn each_kind_has_its_word() {
        let kinds = [DriftKind::Event, DriftKind::Key, DriftKind::Missing, DriftKind::Type, DriftKind::Word];

        assert_eq!(kinds.map(DriftKind::as_str), ["event", "key", "missing", "type", "word"]);
    }
}
