use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::object::{MAX_MEMBERS, RawObject};
use super::presence::Presences;
use super::text::{self, Decoded};
use super::value::Value;
use super::{Extra, InterviewStatus, Number, Payload, Presence, ProcessingStatus, Reasons, ResultStatus};
use crate::{Field, Finding, FindingCode};

/// Deeper nesting is quarantined. The body itself is level 1.
const MAX_DEPTH: usize = 64;

/// The longest usable `id`, in bytes.
const MAX_ID_LENGTH: usize = 200;

/// A body without any of these is in an unknown form: as a snapshot it would empty every column.
const STATUSES: [Field; 3] = [Field::Status, Field::InterviewStatus, Field::ProcessingStatus];

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A body after parsing.
#[derive(Debug, Clone)]
pub(crate) enum ParsedBody {
    /// A payload with its findings.
    Usable { payload: Box<Payload>, findings: Vec<Finding> },
    /// Nothing usable: the cause, and the result's id if at least that is readable.
    Unusable { cause: Finding, result_id: Option<String> },
}

impl ParsedBody {
    /// Reads a body. Parsing is total: no body makes it fail.
    pub fn parse(body: &[u8]) -> Self {
        let (mut members, is_enveloped) = match RawObject::parse_body(body) {
            Ok(members) => members.out_of_envelope(),
            Err(code) => return Self::Unusable { cause: Finding::new(code), result_id: None },
        };
        let id = members.take(Field::Id).and_then(usable_id);
        if members.count > MAX_MEMBERS {
            return Self::Unusable { cause: Finding::new(FindingCode::TooManyKeys), result_id: id };
        }
        if members.depth > MAX_DEPTH {
            return Self::Unusable { cause: Finding::new(FindingCode::TooDeep), result_id: id };
        }
        if let Some(field) = members.duplicate {
            let cause = Finding::in_field(FindingCode::DuplicateKey, field);
            return Self::Unusable { cause, result_id: id.filter(|_| field != Field::Id) };
        }
        let Some(id) = id else {
            let cause = Finding::in_field(FindingCode::BadId, Field::Id);
            return Self::Unusable { cause, result_id: None };
        };
        if !STATUSES.iter().any(|field| members.has(*field)) {
            return Self::Unusable { cause: Finding::new(FindingCode::NoStatus), result_id: Some(id) };
        }
        let mut reader = FieldReader { members, presences: Presences::default(), findings: Vec::new() };
        if is_enveloped {
            reader.note(Finding::new(FindingCode::Envelope));
        }
        let payload = reader.payload(id);
        Self::Usable { payload: Box::new(payload), findings: reader.findings }
    }
}

impl<'a> RawObject<'a> {
    fn parse_body(body: &'a [u8]) -> Result<Self, FindingCode> {
        if body.starts_with(BYTE_ORDER_MARK) {
            return Err(FindingCode::ByteOrderMark);
        }
        let json = std::str::from_utf8(body).map_err(|_| FindingCode::NotUtf8)?;
        let first = json.trim_start_matches([' ', '\t', '\n', '\r']).bytes().next();
        if first == Some(b'{') {
            return Self::parse(json).ok_or(FindingCode::NotJson);
        }
        match serde_json::from_str::<IgnoredAny>(json) {
            Ok(_) => Err(FindingCode::NotObject),
            Err(_) => Err(FindingCode::NotJson),
        }
    }

    /// The members that count, and whether they come from an enveloped record. The envelope's depth and members count
    /// with them.
    fn out_of_envelope(self) -> (Self, bool) {
        let Some(mut record) = self.record().and_then(Self::parse) else { return (self, false) };
        record.depth = self.depth;
        record.count = record.count.max(self.count);
        (record, true)
    }
}

fn usable_id(value: Value<'_>) -> Option<String> {
    let Value::Text(Decoded { text, has_replacements }) = value else { return None };
    let is_usable =
        !has_replacements && text.len() <= MAX_ID_LENGTH && !text.trim().is_empty() && !text.contains(char::is_control);
    is_usable.then(|| text.into_owned())
}

/// Whether the vendor's document says that the field is always present, null or not.
fn is_required(field: Field) -> bool {
    !matches!(
        field,
        Field::CandidateExternalId
            | Field::CandidateName
            | Field::CandidateEmail
            | Field::CandidatePhoneNumber
            | Field::WhyHire
            | Field::WhyNotHire
    )
}

struct FieldReader<'a> {
    members: RawObject<'a>,
    presences: Presences,
    findings: Vec<Finding>,
}

impl<'a> FieldReader<'a> {
    fn payload(&mut self, id: String) -> Payload {
        self.presences.set(Field::Id, Presence::Value);
        let mut payload = Payload {
            id,
            interview_id: self.required_text(Field::InterviewId).map(Cow::into_owned),
            question_set_id: self.required_text(Field::QuestionSetId).map(Cow::into_owned),
            status: self.required_text(Field::Status).map(ResultStatus::of),
            interview_status: self.text(Field::InterviewStatus).map(InterviewStatus::of),
            processing_status: self.text(Field::ProcessingStatus).map(ProcessingStatus::of),
            profile_interview_id: self.text(Field::ProfileInterviewId).map(Cow::into_owned),
            profile_id: self.text(Field::ProfileId).map(Cow::into_owned),
            candidate_external_id: self.text(Field::CandidateExternalId).map(Cow::into_owned),
            candidate_name: self.text(Field::CandidateName).map(Cow::into_owned),
            candidate_email: self.text(Field::CandidateEmail).map(Cow::into_owned),
            candidate_phone_number: self.text(Field::CandidatePhoneNumber).map(Cow::into_owned),
            score: self.number(Field::Score),
            ai_analysis_recruiter_score: self.number(Field::AiAnalysisRecruiterScore),
            ai_analysis: self.text(Field::AiAnalysis).map(Cow::into_owned),
            ai_analysis_recruiter: self.text(Field::AiAnalysisRecruiter).map(Cow::into_owned),
            ai_analysis_recruiter_why_hire: self.reasons(Field::WhyHire),
            ai_analysis_recruiter_why_not_hire: self.reasons(Field::WhyNotHire),
            recruiter_go_next_round: self.boolean(Field::RecruiterGoNextRound),
            pdf_export_url: self.text(Field::PdfExportUrl).map(Cow::into_owned),
            reason: self.text(Field::Reason).map(Cow::into_owned),
            extra: Extra::new(&self.members.unknown),
            presences: Presences::default(),
        };
        self.compare_ids(&payload);
        self.look_for_similar_keys();
        payload.presences = std::mem::take(&mut self.presences);
        payload
    }

    /// The value of a field that is present and not null. Notes the presence.
    fn value(&mut self, field: Field) -> Option<Value<'a>> {
        let value = self.members.take(field);
        let presence = match value {
            None => {
                if is_required(field) {
                    self.note(Finding::in_field(FindingCode::Missing, field));
                }
                Presence::Absent
            }
            Some(Value::Null) => Presence::Null,
            Some(_) => Presence::Value,
        };
        self.presences.set(field, presence);
        value.filter(|_| presence == Presence::Value)
    }

    fn unreadable<T>(&mut self, field: Field, code: FindingCode) -> Option<T> {
        self.presences.set(field, Presence::Unreadable);
        self.note(Finding::in_field(code, field));
        None
    }

    /// Adds a finding, once.
    fn note(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn note_replacements(&mut self, field: Field, is_any: bool) {
        if is_any {
            self.note(Finding::in_field(FindingCode::ReplacedText, field));
        }
    }

    fn text(&mut self, field: Field) -> Option<Cow<'a, str>> {
        let Value::Text(decoded) = self.value(field)? else {
            return self.unreadable(field, FindingCode::WrongType);
        };
        self.note_replacements(field, decoded.has_replacements);
        Some(decoded.text)
    }

    /// A text that is never null by the vendor's document. Null is tolerated all the same.
    fn required_text(&mut self, field: Field) -> Option<Cow<'a, str>> {
        let text = self.text(field);
        if self.presences.of(field) == Presence::Null {
            self.note(Finding::in_field(FindingCode::UnexpectedNull, field));
        }
        text
    }

    fn number(&mut self, field: Field) -> Option<Number> {
        let Value::Other(json) = self.value(field)? else {
            return self.unreadable(field, FindingCode::WrongType);
        };
        let json = json.get();
        if !json.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
            return self.unreadable(field, FindingCode::WrongType);
        }
        match Number::from_json(json) {
            Some(number) => Some(number),
            None => self.unreadable(field, FindingCode::OutOfRange),
        }
    }

    fn boolean(&mut self, field: Field) -> Option<bool> {
        match self.value(field)? {
            Value::Other(json) if json.get() == "true" => Some(true),
            Value::Other(json) if json.get() == "false" => Some(false),
            _ => self.unreadable(field, FindingCode::WrongType),
        }
    }

    fn reasons(&mut self, field: Field) -> Option<Reasons> {
        match self.value(field)? {
            Value::Null => None,
            Value::Text(decoded) => {
                self.note_replacements(field, decoded.has_replacements);
                Some(Reasons::Text(decoded.text.into_owned()))
            }
            Value::List { texts, has_replacements } => {
                self.note_replacements(field, has_replacements);
                Some(Reasons::List(texts))
            }
            Value::Other(json) => Some(Reasons::Other(json.to_owned())),
        }
    }

    fn compare_ids(&mut self, payload: &Payload) {
        if let (Some(interview), Some(question_set)) = (&payload.interview_id, &payload.question_set_id)
            && interview != question_set
        {
            self.note(Finding::in_field(FindingCode::IdsDiffer, Field::QuestionSetId));
        }
    }

    fn look_for_similar_keys(&mut self) {
        for (key, _) in std::mem::take(&mut self.members.unknown) {
            if let Some(field) = Field::from_text(&text::decode(key.get()).text.to_ascii_lowercase()) {
                self.note(Finding::in_field(FindingCode::SimilarKey, field));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body with every field of the vendor's document, and one key more.
    const WHOLE: &str = r#"{
        "id": "r", "interview_id": "i", "question_set_id": "i", "status": "active", "interview_status": "completed",
        "processing_status": "completed", "profile_interview_id": "pi", "profile_id": "p",
        "candidate_external_id": "e", "candidate_name": "n", "candidate_email": "m", "candidate_phone_number": "t",
        "score": 4.50, "ai_analysis_recruiter_score": -3, "ai_analysis": "a", "ai_analysis_recruiter": "b",
        "ai_analysis_recruiter_why_hire": ["w", "x"], "ai_analysis_recruiter_why_not_hire": "y",
        "recruiter_go_next_round": false, "pdf_export_url": "u", "reason": "s", "mood": "glad"
    }"#;

    fn usable(body: &str) -> (Payload, Vec<(FindingCode, Option<Field>)>) {
        let ParsedBody::Usable { payload, findings } = ParsedBody::parse(body.as_bytes()) else {
            panic!("{body} is usable");
        };
        (*payload, findings.iter().map(|finding| (finding.code, finding.field)).collect())
    }

    /// The findings about the whole body with one member in the place of its own.
    fn findings_with(field: Field, value: &str) -> Vec<(FindingCode, Option<Field>)> {
        usable(&with(field, value)).1
    }

    fn with(field: Field, value: &str) -> String {
        format!(r#"{{"{}":{value},{}"#, field.as_str(), &without(field)[1..])
    }

    fn without(field: Field) -> String {
        let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(WHOLE).unwrap();
        members.remove(field.as_str());
        serde_json::to_string(&members).unwrap()
    }

    #[test]
    fn each_field_of_a_whole_body_is_read_and_nothing_is_found() {
        let (payload, findings) = usable(WHOLE);

        assert_eq!(findings, []);
        assert!(Field::ALL.iter().all(|field| payload.presence(*field) == Presence::Value));
        assert_eq!(payload.extra.to_json(), r#"{"mood":"glad"}"#);
        assert_eq!(payload.ai_analysis_recruiter_why_hire.as_ref().map(Reasons::texts).unwrap(), ["w", "x"]);
        assert_eq!(payload.ai_analysis_recruiter_why_not_hire.as_ref().map(Reasons::texts).unwrap(), ["y"]);
        assert_eq!(payload.recruiter_go_next_round, Some(false));
        assert_eq!(payload.score.as_ref().map(ToString::to_string).as_deref(), Some("4.50"));
        assert_eq!(payload.ai_analysis_recruiter_score.as_ref().and_then(Number::as_i64), Some(-3));
        let (id, snapshot) = payload.into_state();
        assert_eq!((id.as_str(), snapshot.extra.as_str()), ("r", r#"{"mood":"glad"}"#));
        let texts = [
            (snapshot.interview_id, "i"),
            (snapshot.question_set_id, "i"),
            (snapshot.status, "active"),
            (snapshot.interview_status, "completed"),
            (snapshot.processing_status, "completed"),
            (snapshot.profile_interview_id, "pi"),
            (snapshot.profile_id, "p"),
            (snapshot.candidate_external_id, "e"),
            (snapshot.candidate_name, "n"),
            (snapshot.candidate_email, "m"),
            (snapshot.candidate_phone_number, "t"),
            (snapshot.ai_analysis, "a"),
            (snapshot.ai_analysis_recruiter, "b"),
            (snapshot.ai_analysis_recruiter_why_hire, r#"["w","x"]"#),
            (snapshot.ai_analysis_recruiter_why_not_hire, r#""y""#),
            (snapshot.pdf_export_url, "u"),
            (snapshot.reason, "s"),
        ];
        for (text, expected) in texts {
            assert_eq!(text.as_deref(), Some(expected));
        }
        assert_eq!((snapshot.score, snapshot.ai_analysis_recruiter_score), (Some(4.5), Some(-3.0)));
        assert_eq!(snapshot.recruiter_go_next_round, Some(false));
    }

    #[test]
    fn a_field_that_is_missing_is_found_where_the_document_promises_it() {
        let optional = [
            Field::CandidateExternalId,
            Field::CandidateName,
            Field::CandidateEmail,
            Field::CandidatePhoneNumber,
            Field::WhyHire,
            Field::WhyNotHire,
        ];

        for field in Field::ALL.iter().copied().filter(|field| *field != Field::Id) {
            let (payload, findings) = usable(&without(field));

            let missing = [(FindingCode::Missing, Some(field))];
            assert_eq!(findings, if optional.contains(&field) { &[][..] } else { &missing }, "{field}");
            assert_eq!(payload.presence(field), Presence::Absent);
        }
    }

    #[test]
    fn null_is_found_where_the_document_does_not_have_it() {
        for field in Field::ALL.iter().copied().filter(|field| *field != Field::Id) {
            let (payload, findings) = usable(&with(field, "null"));

            let unexpected = [(FindingCode::UnexpectedNull, Some(field))];
            let is_never_null = matches!(field, Field::InterviewId | Field::QuestionSetId | Field::Status);
            assert_eq!(findings, if is_never_null { &unexpected[..] } else { &[] }, "{field}");
            assert_eq!(payload.presence(field), Presence::Null);
        }
    }

    #[test]
    fn a_value_of_another_type_is_found_and_left_out() {
        let wrong = [
            (Field::CandidateName, "7"),
            (Field::CandidateName, r#"["n"]"#),
            (Field::Score, r#""4.5""#),
            (Field::Score, "true"),
            (Field::Score, "[]"),
            (Field::RecruiterGoNextRound, r#""true""#),
            (Field::RecruiterGoNextRound, "1"),
        ];

        for (field, value) in wrong {
            let (payload, findings) = usable(&with(field, value));

            assert_eq!(findings, [(FindingCode::WrongType, Some(field))], "{value}");
            assert_eq!(payload.presence(field), Presence::Unreadable);
        }
        assert_eq!(findings_with(Field::Score, "1e400"), [(FindingCode::OutOfRange, Some(Field::Score))]);
        for digits in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "-1"] {
            assert_eq!(findings_with(Field::Score, digits), [], "{digits}");
        }
        assert_eq!(usable(&with(Field::RecruiterGoNextRound, "true")).0.recruiter_go_next_round, Some(true));
        // Reasons may be anything.
        let (payload, findings) = usable(&with(Field::WhyHire, r#"{"a":1}"#));
        assert_eq!(
            (payload.ai_analysis_recruiter_why_hire.unwrap().to_json().as_str(), findings),
            (r#"{"a":1}"#, vec![])
        );
    }

    #[test]
    fn text_that_no_database_holds_is_replaced_and_found_once() {
        let replaced = |field| vec![(FindingCode::ReplacedText, Some(field))];

        assert_eq!(findings_with(Field::CandidateName, r#""a\u0000""#), replaced(Field::CandidateName));
        assert_eq!(findings_with(Field::WhyHire, r#""a\u0000""#), replaced(Field::WhyHire));
        assert_eq!(findings_with(Field::WhyHire, r#"["a\u0000", "b\ud800"]"#), replaced(Field::WhyHire));
        assert_eq!(findings_with(Field::WhyHire, r#"["a", "b"]"#), []);
    }

    #[test]
    fn what_looks_odd_beside_the_fields_is_found() {
        let differ = findings_with(Field::QuestionSetId, r#""j""#);
        let similar = usable(&WHOLE.replace("mood", "Candidate_NAME")).1;
        let enveloped = usable(&format!(r#"{{"table": "results", "record": {WHOLE}}}"#)).1;

        assert_eq!(differ, [(FindingCode::IdsDiffer, Some(Field::QuestionSetId))]);
        assert_eq!(similar, [(FindingCode::SimilarKey, Some(Field::CandidateName))]);
        assert_eq!(enveloped, [(FindingCode::Envelope, None)]);
    }

    #[test]
    fn what_cannot_be_applied_tells_its_cause_and_its_id_where_it_can_be_told() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let deep = |levels| format!(r#"{{"id":"r","status":"active","x":{}}}"#, nested(levels));
        let many = |members: usize| format!(r#"{{"id":"r","status":"active"{}}}"#, r#","x":0"#.repeat(members - 2));
        let with_id = |id: &str| format!(r#"{{"id":{id},"status":"active"}}"#);
        let text = |length: usize| format!("\"{}\"", "i".repeat(length));
        let enveloped = |others: usize| {
            let record = with_id(r#""r""#);
            format!(r#"{{"table":"t","record":{record}{}}}"#, r#","x":0"#.repeat(others))
        };
        let cases = [
            ("\u{FEFF}{}".to_owned(), FindingCode::ByteOrderMark, None, None),
            (String::new(), FindingCode::NotJson, None, None),
            ("  ".to_owned(), FindingCode::NotJson, None, None),
            ("{".to_owned(), FindingCode::NotJson, None, None),
            ("[1".to_owned(), FindingCode::NotJson, None, None),
            ("[]".to_owned(), FindingCode::NotObject, None, None),
            ("\t\r\n 7".to_owned(), FindingCode::NotObject, None, None),
            (deep(64), FindingCode::TooDeep, None, Some("r")),
            (many(1001), FindingCode::TooManyKeys, None, Some("r")),
            (enveloped(999), FindingCode::TooManyKeys, None, Some("r")),
            (
                r#"{"id":"r","status":1,"status":2}"#.to_owned(),
                FindingCode::DuplicateKey,
                Some(Field::Status),
                Some("r"),
            ),
            (r#"{"id":"r","id":"q","status":2}"#.to_owned(), FindingCode::DuplicateKey, Some(Field::Id), None),
            (r#"{"status":"active"}"#.to_owned(), FindingCode::BadId, Some(Field::Id), None),
            (with_id("7"), FindingCode::BadId, Some(Field::Id), None),
            (with_id(r#"" \t""#), FindingCode::BadId, Some(Field::Id), None),
            (with_id(r#"" ""#), FindingCode::BadId, Some(Field::Id), None),
            (with_id(r#""r\n""#), FindingCode::BadId, Some(Field::Id), None),
            (with_id(r#""r\u0000""#), FindingCode::BadId, Some(Field::Id), None),
            (with_id(&text(201)), FindingCode::BadId, Some(Field::Id), None),
            (r#"{"id":"r","score":1}"#.to_owned(), FindingCode::NoStatus, None, Some("r")),
        ];

        for (body, code, field, id) in cases {
            let ParsedBody::Unusable { cause, result_id } = ParsedBody::parse(body.as_bytes()) else {
                panic!("{code:?}: it is usable");
            };
            assert_eq!((cause.code, cause.field, result_id.as_deref()), (code, field, id), "{body:.80}");
        }
        let ParsedBody::Unusable { cause, .. } = ParsedBody::parse(b"{\"id\":\"\xff\"}") else { panic!("no UTF-8") };
        assert_eq!(cause, Finding::new(FindingCode::NotUtf8));
        // The last that are usable.
        for body in [deep(63), many(1000), with_id(&text(200)), enveloped(998)] {
            assert!(matches!(ParsedBody::parse(body.as_bytes()), ParsedBody::Usable { .. }), "{body:.80}");
        }
        for status in ["status", "interview_status", "processing_status"] {
            usable(&format!(r#"{{"id":"r","{status}":null}}"#));
        }
    }
}
