use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use crate::Event;

/// A body in the form of the vendor's document, with its fields in the vendor's order.
///
/// The order does not depend on the features of `serde_json`, which every crate of a build can switch on. `Debug` shows
/// no value.
///
/// ```
/// use mojito_simulator::{Body, Event};
///
/// let body = Body::new(Event::Result, "res_1").with("score", 4.212).without("reason");
///
/// assert!(body.bytes().starts_with(br#"{"id":"res_1","#));
/// ```
#[derive(Clone, PartialEq)]
pub struct Body {
    fields: Vec<(String, Value)>,
}

impl Body {
    /// The example of this event, about this result. Nobody in it is real.
    pub fn new(event: Event, id: &str) -> Self {
        match event {
            Event::Collected => Self::collected(id),
            Event::Result => Self::result(id),
            Event::Failed => Self::failed(id),
        }
    }

    /// The example of an `interview_result`.
    pub fn result(id: &str) -> Self {
        let fields = [
            ("id", json!(id)),
            ("interview_id", json!("1c9d7e52-3a40-4b6e-8f27-5e6a9b0c2d11")),
            ("question_set_id", json!("1c9d7e52-3a40-4b6e-8f27-5e6a9b0c2d11")),
            ("status", json!("active")),
            ("interview_status", json!("completed, stopped early")),
            ("processing_status", json!("completed")),
            ("profile_interview_id", json!("a2d4c6e8-1b3d-4f5a-8c7e-9d0b1a2c3e4f")),
            ("profile_id", Value::Null),
            ("candidate_external_id", json!("ats-42")),
            ("candidate_name", json!("Test Person")),
            ("candidate_email", json!("test@example.com")),
            ("candidate_phone_number", Value::Null),
            ("score", json!(5.12)),
            ("ai_analysis_recruiter_score", json!(4.212)),
            ("ai_analysis", json!("clear answers")),
            ("ai_analysis_recruiter", json!("worth a talk")),
            ("ai_analysis_recruiter_why_hire", json!(["curious", "precise"])),
            ("ai_analysis_recruiter_why_not_hire", json!([])),
            ("recruiter_go_next_round", Value::Null),
            ("pdf_export_url", Value::Null),
            ("reason", json!("score")),
        ];
        Self { fields: fields.map(|(name, value)| (name.to_owned(), value)).into() }
    }

    /// The example of an `interview_collected`.
    pub fn collected(id: &str) -> Self {
        Self::result(id)
            .with("status", "draft")
            .with("interview_status", "completed")
            .with("processing_status", "processing")
            .with("score", Value::Null)
            .with("ai_analysis_recruiter_score", Value::Null)
    }

    /// The example of an `interview_failed`.
    pub fn failed(id: &str) -> Self {
        Self::collected(id).with("interview_status", "terminated, no speech detected").with("processing_status", "new")
    }

    /// The same with another value in one field. A field that is not there yet comes last.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        match self.fields.iter_mut().find(|(name, _)| name == field) {
            Some((_, former)) => *former = value,
            None => self.fields.push((field.to_owned(), value)),
        }
        self
    }

    /// The same without one field.
    pub fn without(mut self, field: &str) -> Self {
        self.fields.retain(|(name, _)| name != field);
        self
    }

    /// The value of a field, where it is there.
    pub fn value(&self, field: &str) -> Option<&Value> {
        self.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value)
    }

    /// The bytes that are sent: JSON without blanks.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers")
    }

    /// The bytes in the vendor's first form: the fields are a record in an envelope.
    pub fn enveloped_bytes(&self) -> Vec<u8> {
        let record = String::from_utf8(self.bytes()).expect("JSON is text");
        format!(r#"{{"table":"interview_result","schema":"public","record":{record}}}"#).into_bytes()
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("fields", &self.fields.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_a_new_one_comes_last() {
        let body = Body::result("r").without("interview_id").with("score", 1).with("a_new_key", true);

        let text = String::from_utf8(body.bytes()).unwrap();

        assert!(text.starts_with(r#"{"id":"r","question_set_id":"#), "{text}");
        assert!(text.contains(r#""score":1,"#) && text.ends_with(r#","a_new_key":true}"#), "{text}");
        assert_eq!(format!("{body:?}"), "Body { fields: 21, .. }");
    }
}
