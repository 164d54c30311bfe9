use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

use super::field::Field;
use super::json_text::json_text;
use super::text_enum::text_enum;

/// Something noteworthy about a delivery: kept beside it, shown to handlers and operators.
///
/// It carries a code and at most the name of a field, never a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Finding {
    /// The kind of finding.
    pub code: FindingCode,
    /// The field that it is about, if it is about one.
    pub field: Option<Field>,
}

impl Finding {
    /// A finding about the delivery as a whole.
    pub const fn new(code: FindingCode) -> Self {
        Self { code, field: None }
    }

    /// A finding about one field.
    pub const fn in_field(code: FindingCode, field: Field) -> Self {
        Self { code, field: Some(field) }
    }
}

/// The findings about a delivery. `mojito_deliveries.findings` holds them as a JSON array of `{"code", "field"}`.
///
/// Each is stored once. Codes from a later version of the program are left out when it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct Findings(pub Vec<Finding>);

json_text!(Findings);

impl Findings {
    fn to_json(&self) -> String {
        // The usual case.
        if self.0.is_empty() {
            return "[]".to_owned();
        }
        let is_first = |(index, finding): &(usize, &Finding)| !self.0[..*index].contains(finding);
        let once: Vec<&Finding> = self.0.iter().enumerate().filter(is_first).map(|(_, finding)| finding).collect();
        serde_json::to_string(&once).expect("codes and names always serialise")
    }

    fn from_json(json: &str) -> Self {
        #[derive(Deserialize)]
        struct Stored {
            code: String,
            field: Option<String>,
        }

        let stored: Vec<Stored> = serde_json::from_str(json).unwrap_or_default();
        let known = |finding: Stored| {
            let code = FindingCode::from_text(&finding.code)?;
            Some(Finding { code, field: finding.field.as_deref().and_then(Field::from_text) })
        };
        Self(stored.into_iter().filter_map(known).collect())
    }
}

text_enum! {
    /// The kind of a [`Finding`]. The first ten are reasons for quarantine.
    #[non_exhaustive]
    FindingCode {
        /// The body is not UTF-8.
        NotUtf8 = "not_utf8",
        /// The body begins with a byte order mark.
        ByteOrderMark = "byte_order_mark",
        /// The body is not JSON.
        NotJson = "not_json",
        /// The body is JSON, but not an object.
        NotObject = "not_object",
        /// The body is nested deeper than 64 levels.
        TooDeep = "too_deep",
        /// The body has more than 1,000 keys at its top level.
        TooManyKeys = "too_many_keys",
        /// A known key stands in the body twice.
        DuplicateKey = "duplicate_key",
        /// There is no usable `id`: a string of 1 to 200 bytes, not blank, without control characters.
        BadId = "bad_id",
        /// None of `status`, `interview_status` and `processing_status` is there: the form of the body is not known
        /// yet.
        NoStatus = "no_status",
        /// Neither path nor body tells which event this is.
        UnknownEvent = "unknown_event",
        /// The body is the vendor's oldest form: its `record` was read, and the members beside that were not.
        Envelope = "envelope",
        /// The field is not there, although the vendor's document says that it always is.
        Missing = "missing",
        /// The path names one event and the body describes another. The path was believed.
        RouteBodyMismatch = "route_body_mismatch",
        /// The field has a value of another type. It was left empty.
        WrongType = "wrong_type",
        /// The field is null, although the vendor's document rules that out.
        UnexpectedNull = "unexpected_null",
        /// The number fits no double. The field was left empty.
        OutOfRange = "out_of_range",
        /// The text holds NUL or a lone surrogate; U+FFFD stands in its place.
        ReplacedText = "replaced_text",
        /// `interview_id` and `question_set_id`, which should be equal, differ.
        IdsDiffer = "ids_differ",
        /// A key differs from a known one in its case alone. It was kept as an unknown key.
        SimilarKey = "similar_key",
        /// The body was here before, was replaced, and has come back.
        Recurrence = "recurrence",
        /// The gateway gave the id of this message to another one before.
        IdReused = "id_reused",
        /// An operator named the event, which neither path nor body tells.
        EventNamed = "event_named",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_stored_once() {
        let (one, other) = (Finding::new(FindingCode::IdReused), Finding::in_field(FindingCode::Missing, Field::Score));

        let json = Findings(vec![one, other, one, other]).to_json();

        assert_eq!(Findings::from_json(&json), Findings(vec![one, other]));
    }

    #[test]
    fn findings_survive_the_table_and_unknown_ones_are_left_out() {
        let wrong_type = Finding::in_field(FindingCode::WrongType, Field::Score);
        let findings = Findings(vec![Finding::new(FindingCode::Recurrence), wrong_type]);

        let json = findings.to_json();
        let with_newer = json.replacen('[', r#"[{"code":"of_next_year","field":null},"#, 1);

        assert_eq!(json, r#"[{"code":"recurrence","field":null},{"code":"wrong_type","field":"score"}]"#);
        assert_eq!(Findings::from_json(&with_newer), findings);
    }
}
