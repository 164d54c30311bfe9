use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::members::Members;
use super::presence::Presences;
use super::text::{self, Decoded};
use super::{Extra, Number, Payload, Presence, Reasons};
use crate::{Field, Finding, FindingCode};

/// Deeper nesting is quarantined. The body itself is level 1.
const DEEPEST: usize = 64;

/// The longest usable `id`, in bytes.
const LONGEST_ID: usize = 200;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What the bytes of a body were understood as.
#[derive(Debug, Clone)]
pub(crate) enum Reading {
    /// A payload, and what was noteworthy about it.
    Usable { payload: Box<Payload>, findings: Vec<Finding> },
    /// Nothing that can be applied: why, and the result's id where at least that can be told.
    Unusable { cause: Finding, result_id: Option<String> },
}

impl Reading {
    /// Reads a body. Total: there is no body that it fails on.
    pub fn of(body: &[u8]) -> Self {
        let members = match Members::of_body(body) {
            Ok(members) => members,
            Err(code) => return Self::Unusable { cause: Finding::new(code), result_id: None },
        };
        let id = members.value(Field::Id).and_then(usable_id);
        if members.depth > DEEPEST {
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
        let mut reader = FieldReader { members: &members, presences: Presences::default(), findings: Vec::new() };
        let payload = reader.payload(id);
        Self::Usable { payload: Box::new(payload), findings: reader.findings }
    }
}

impl<'a> Members<'a> {
    fn of_body(body: &'a [u8]) -> Result<Self, FindingCode> {
        if body.starts_with(BYTE_ORDER_MARK) {
            return Err(FindingCode::ByteOrderMark);
        }
        let json = std::str::from_utf8(body).map_err(|_| FindingCode::NotUtf8)?;
        let first = json.trim_start_matches([' ', '\t', '\n', '\r']).bytes().next();
        if first == Some(b'{') {
            return Self::of(json).ok_or(FindingCode::NotJson);
        }
        match serde_json::from_str::<IgnoredAny>(json) {
            Ok(_) => Err(FindingCode::NotObject),
            Err(_) => Err(FindingCode::NotJson),
        }
    }
}

fn usable_id(value: &RawValue) -> Option<String> {
    let json = value.get();
    if !json.starts_with('"') {
        return None;
    }
    let Decoded { text, has_replacements } = text::decode(json);
    let is_usable =
        !has_replacements && text.len() <= LONGEST_ID && !text.trim().is_empty() && !text.contains(char::is_control);
    is_usable.then_some(text)
}

struct FieldReader<'m, 'a> {
    members: &'m Members<'a>,
    presences: Presences,
    findings: Vec<Finding>,
}

impl FieldReader<'_, '_> {
    fn payload(&mut self, id: String) -> Payload {
        self.presences.set(Field::Id, Presence::Value);
        let mut payload = Payload {
            id,
            interview_id: self.required_text(Field::InterviewId),
            question_set_id: self.required_text(Field::QuestionSetId),
            status: self.required_text(Field::Status).map(Into::into),
            interview_status: self.text(Field::InterviewStatus).map(Into::into),
            processing_status: self.text(Field::ProcessingStatus).map(Into::into),
            profile_interview_id: self.text(Field::ProfileInterviewId),
            profile_id: self.text(Field::ProfileId),
            candidate_external_id: self.text(Field::CandidateExternalId),
            candidate_name: self.text(Field::CandidateName),
            candidate_email: self.text(Field::CandidateEmail),
            candidate_phone_number: self.text(Field::CandidatePhoneNumber),
            score: self.number(Field::Score),
            ai_analysis_recruiter_score: self.number(Field::AiAnalysisRecruiterScore),
            ai_analysis: self.text(Field::AiAnalysis),
            ai_analysis_recruiter: self.text(Field::AiAnalysisRecruiter),
            ai_analysis_recruiter_why_hire: self.reasons(Field::WhyHire),
            ai_analysis_recruiter_why_not_hire: self.reasons(Field::WhyNotHire),
            recruiter_go_next_round: self.boolean(Field::RecruiterGoNextRound),
            pdf_export_url: self.text(Field::PdfExportUrl),
            reason: self.text(Field::Reason),
            extra: Extra::of(&self.members.unknown),
            presences: Presences::default(),
        };
        self.compare_ids(&payload);
        self.look_for_similar_keys(&payload.extra);
        payload.presences = std::mem::take(&mut self.presences);
        payload
    }

    /// The value of a field that is there and not null; notes its presence.
    fn value(&mut self, field: Field) -> Option<&str> {
        let json = self.members.value(field).map(RawValue::get);
        let presence = match json {
            None => Presence::Absent,
            Some("null") => Presence::Null,
            Some(_) => Presence::Value,
        };
        self.presences.set(field, presence);
        json.filter(|_| presence == Presence::Value)
    }

    fn unreadable<T>(&mut self, field: Field, code: FindingCode) -> Option<T> {
        self.presences.set(field, Presence::Unreadable);
        self.findings.push(Finding::in_field(code, field));
        None
    }

    fn text(&mut self, field: Field) -> Option<String> {
        let json = self.value(field)?;
        if !json.starts_with('"') {
            return self.unreadable(field, FindingCode::WrongType);
        }
        let decoded = text::decode(json);
        self.accept(field, decoded)
    }

    fn accept(&mut self, field: Field, decoded: Decoded) -> Option<String> {
        if decoded.has_replacements {
            self.findings.push(Finding::in_field(FindingCode::ReplacedText, field));
        }
        Some(decoded.text)
    }

    /// A text that the vendor's document does not let be null. Null is tolerated all the same.
    fn required_text(&mut self, field: Field) -> Option<String> {
        let text = self.text(field);
        if self.presences.of(field) == Presence::Null {
            self.findings.push(Finding::in_field(FindingCode::UnexpectedNull, field));
        }
        text
    }

    fn number(&mut self, field: Field) -> Option<Number> {
        let json = self.value(field)?;
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
            "true" => Some(true),
            "false" => Some(false),
            _ => self.unreadable(field, FindingCode::WrongType),
        }
    }

    fn reasons(&mut self, field: Field) -> Option<Reasons> {
        let json = self.value(field)?;
        if json.starts_with('"') {
            let decoded = text::decode(json);
            return self.accept(field, decoded).map(Reasons::Text);
        }
        let items: Vec<&RawValue> = match serde_json::from_str(json) {
            Ok(items) => items,
            Err(_) => return self.other_reasons(field),
        };
        if !items.iter().all(|item| item.get().starts_with('"')) {
            return self.other_reasons(field);
        }
        let texts: Vec<Decoded> = items.iter().map(|item| text::decode(item.get())).collect();
        if texts.iter().any(|decoded| decoded.has_replacements) {
            self.findings.push(Finding::in_field(FindingCode::ReplacedText, field));
        }
        Some(Reasons::List(texts.into_iter().map(|decoded| decoded.text).collect()))
    }

    fn other_reasons(&self, field: Field) -> Option<Reasons> {
        self.members.value(field).map(|value| Reasons::Other(value.to_owned()))
    }

    fn compare_ids(&mut self, payload: &Payload) {
        if let (Some(interview), Some(question_set)) = (&payload.interview_id, &payload.question_set_id)
            && interview != question_set
        {
            self.findings.push(Finding::in_field(FindingCode::IdsDiffer, Field::QuestionSetId));
        }
    }

    fn look_for_similar_keys(&mut self, extra: &Extra) {
        for (key, _) in extra.iter() {
            let similar = Field::from_word(&key.to_ascii_lowercase());
            self.findings.extend(similar.map(|field| Finding::in_field(FindingCode::SimilarKey, field)));
        }
    }
}
