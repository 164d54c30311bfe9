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
