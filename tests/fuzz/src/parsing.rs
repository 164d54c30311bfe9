use std::collections::BTreeSet;

use mojito_schema::Snapshot;
use rocket_mojito::internals::Understood;
use rocket_mojito::{EventKind, Field, Finding, FindingCode};

use super::json::{Scan, decode, scan};

const STATUSES: [Field; 3] = [Field::Status, Field::InterviewStatus, Field::ProcessingStatus];
/// The fields that the vendor's document does not require.
const OPTIONAL: [Field; 6] = [
    Field::CandidateExternalId,
    Field::CandidateName,
    Field::CandidateEmail,
    Field::CandidatePhoneNumber,
    Field::WhyHire,
    Field::WhyNotHire,
];
const SCORES: [Field; 2] = [Field::Score, Field::AiAnalysisRecruiterScore];
const REASONS: [Field; 2] = [Field::WhyHire, Field::WhyNotHire];

/// The first byte chooses the path, the others are the body: understood, or quarantined, as the design says.
pub fn parsing(input: &[u8]) {
    let Some((path, body)) = input.split_first() else { return };
    let path = [None, Some(0), Some(1), Some(2)][usize::from(path % 4)].map(|at: usize| EventKind::ALL[at]);

    let found = Understood::new(path, body);

    let reasons = reasons_against(path, body);
    let Some(snapshot) = found.snapshot() else {
        let [cause] = found.findings[..] else { panic!("one reason, not {:?}", found.findings) };
        assert!(reasons.contains(&cause), "{cause:?} is none of {reasons:?}");
        assert_eq!(found.kind, path.unwrap_or(EventKind::Unknown));
        return;
    };
    assert_eq!(reasons, []);
    let (members, is_enveloped) = opened(members(body).expect("an object"));
    assert_eq!(found.kind, path.or_else(|| described(&members)).expect("else it was quarantined"));
    assert_eq!(found.result_id, usable_id(&members));
    check_columns(&members, &snapshot);
    let mut expected = findings(path, &members);
    expected.extend(is_enveloped.then_some(Finding::new(FindingCode::Envelope)));
    assert_eq!(found.findings.iter().map(shown).collect::<BTreeSet<_>>(), expected.iter().map(shown).collect());
    assert_eq!(found.findings.len(), expected.len());
    // Whatever is shown of it, it is nothing that was sent.
    let payload = found.payload.expect("usable");
    let _ = format!("{payload:?} {snapshot:?}");
}

type Members<'a> = Vec<(String, &'a str)>;

/// The members of the object that a body is, keys decoded.
fn members(body: &[u8]) -> Option<Members<'_>> {
    let members = scan(std::str::from_utf8(body).ok()?)?.members?;
    Some(members.into_iter().map(|(key, value)| (decode(key).0, value)).collect())
}

/// The members that count: of the vendor's oldest form, those of its record.
fn opened(members: Members<'_>) -> (Members<'_>, bool) {
    let all = |name: &str| members.iter().filter(|(key, _)| key == name).map(|(_, value)| *value).collect::<Vec<_>>();
    match (&all("id")[..], &all("table")[..], &all("record")[..]) {
        ([], [table], [record]) if table.starts_with('"') && record.starts_with('{') => {
            (self::members(record.as_bytes()).expect("an object"), true)
        }
        _ => (members, false),
    }
}

/// Everything for which the design quarantines a body.
fn reasons_against(path: Option<EventKind>, body: &[u8]) -> Vec<Finding> {
    let alone = |code| vec![Finding::new(code)];
    if body.starts_with(b"\xEF\xBB\xBF") {
        return alone(FindingCode::ByteOrderMark);
    }
    let Ok(text) = std::str::from_utf8(body) else { return alone(FindingCode::NotUtf8) };
    let Some(Scan { members, depth }) = scan(text) else { return alone(FindingCode::NotJson) };
    if members.is_none() {
        return alone(FindingCode::NotObject);
    }
    let beside = self::members(body).expect("an object");
    let most = beside.len();
    let (members, _) = opened(beside);
    let mut reasons = Vec::new();
    if most.max(members.len()) > 1_000 {
        reasons.push(Finding::new(FindingCode::TooManyKeys));
    }
    if depth > 64 {
        reasons.push(Finding::new(FindingCode::TooDeep));
    }
    for field in Field::ALL {
        if members.iter().filter(|(key, _)| key == field.as_str()).count() > 1 {
            reasons.push(Finding::in_field(FindingCode::DuplicateKey, *field));
        }
    }
    if usable_id(&members).is_none() {
        reasons.push(Finding::in_field(FindingCode::BadId, Field::Id));
    }
    if STATUSES.iter().all(|field| value(&members, *field).is_none()) {
        reasons.push(Finding::new(FindingCode::NoStatus));
    }
    if path.is_none() && described(&members).is_none() && reasons.is_empty() {
        reasons.push(Finding::new(FindingCode::UnknownEvent));
    }
    reasons
}

fn value<'a>(members: &Members<'a>, field: Field) -> Option<&'a str> {
    members.iter().rev().find(|(key, _)| key == field.as_str()).map(|(_, value)| *value)
}

/// The text of a field, and whether something in it was replaced. None for null and other types.
fn text(members: &Members<'_>, field: Field) -> Option<(String, bool)> {
    value(members, field).filter(|value| value.starts_with('"')).map(decode)
}

fn usable_id(members: &Members<'_>) -> Option<String> {
    let (id, is_replaced) = text(members, Field::Id)?;
    let is_usable = !is_replaced
        && (1..=200).contains(&id.len())
        && id.chars().any(|character| !character.is_whitespace())
        && !id.chars().any(char::is_control);
    is_usable.then_some(id)
}

/// The vendor's conditions.
fn described(members: &Members<'_>) -> Option<EventKind> {
    let status = text(members, Field::Status).map(|(text, _)| text);
    let interview = text(members, Field::InterviewStatus)?.0;
    if ["failed", "abandoned"].contains(&interview.as_str()) || interview.starts_with("terminated") {
        return Some(EventKind::InterviewFailed);
    }
    if interview.split(',').next() != Some("completed") {
        return None;
    }
    match status.as_deref()? {
        "draft" => Some(EventKind::InterviewCollected),
        "active" => Some(EventKind::InterviewResult),
        _ => None,
    }
}

fn number(value: &str) -> Option<Option<f64>> {
    let is_number = value.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    is_number.then(|| value.parse().ok().filter(|number: &f64| number.is_finite()))
}

/// A list of texts, where it is one.
fn list(value: &str) -> Option<Vec<(String, bool)>> {
    let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(value).ok()?;
    items.iter().map(|item| item.get().starts_with('"').then(|| decode(item.get()))).collect()
}

fn findings(path: Option<EventKind>, members: &Members<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |code, field| findings.push(Finding { code, field });
    for field in Field::ALL.iter().copied().filter(|field| *field != Field::Id) {
        let Some(value) = value(members, field) else {
            if !OPTIONAL.contains(&field) {
                add(FindingCode::Missing, Some(field));
            }
            continue;
        };
        let is_of_its_type = match field {
            _ if value == "null" => true,
            Field::RecruiterGoNextRound => ["true", "false"].contains(&value),
            _ if SCORES.contains(&field) => number(value).is_some(),
            _ if REASONS.contains(&field) => true,
            _ => value.starts_with('"'),
        };
        if !is_of_its_type {
            add(FindingCode::WrongType, Some(field));
        }
        if SCORES.contains(&field) && number(value) == Some(None) {
            add(FindingCode::OutOfRange, Some(field));
        }
        let is_required = [Field::InterviewId, Field::QuestionSetId, Field::Status].contains(&field);
        if value == "null" && is_required {
            add(FindingCode::UnexpectedNull, Some(field));
        }
        let texts = match REASONS.contains(&field) {
            true => list(value).unwrap_or_default(),
            false => Vec::new(),
        };
        if is_of_its_type && text(members, field).into_iter().chain(texts).any(|(_, is_replaced)| is_replaced) {
            add(FindingCode::ReplacedText, Some(field));
        }
    }
    if let (Some(one), Some(other)) = (text(members, Field::InterviewId), text(members, Field::QuestionSetId))
        && one.0 != other.0
    {
        add(FindingCode::IdsDiffer, Some(Field::QuestionSetId));
    }
    for (key, _) in members {
        let similar = Field::ALL.iter().find(|field| field.as_str().eq_ignore_ascii_case(key) && field.as_str() != key);
        if let Some(field) = similar {
            add(FindingCode::SimilarKey, Some(*field));
        }
    }
    // However often there is one, it is said once.
    let mut said = BTreeSet::new();
    findings.retain(|finding| said.insert(shown(finding)));
    let mut add = |code, field| findings.push(Finding { code, field });
    if path.is_some() && described(members).is_some_and(|event| Some(event) != path) {
        add(FindingCode::RouteBodyMismatch, None);
    }
    findings
}

/// As text: findings have no order.
fn shown(finding: &Finding) -> String {
    format!("{} {:?}", finding.code, finding.field)
}

/// The columns that hold one text.
pub fn text_columns(state: &Snapshot) -> [(Field, &Option<String>); 15] {
    [
        (Field::InterviewId, &state.interview_id),
        (Field::QuestionSetId, &state.question_set_id),
        (Field::Status, &state.status),
        (Field::InterviewStatus, &state.interview_status),
        (Field::ProcessingStatus, &state.processing_status),
        (Field::ProfileInterviewId, &state.profile_interview_id),
        (Field::ProfileId, &state.profile_id),
        (Field::CandidateExternalId, &state.candidate_external_id),
        (Field::CandidateName, &state.candidate_name),
        (Field::CandidateEmail, &state.candidate_email),
        (Field::CandidatePhoneNumber, &state.candidate_phone_number),
        (Field::AiAnalysis, &state.ai_analysis),
        (Field::AiAnalysisRecruiter, &state.ai_analysis_recruiter),
        (Field::PdfExportUrl, &state.pdf_export_url),
        (Field::Reason, &state.reason),
    ]
}

fn check_columns(members: &Members<'_>, state: &Snapshot) {
    for (field, column) in text_columns(state) {
        assert_eq!(*column, text(members, field).map(|(text, _)| text), "{field}");
    }
    for (field, column) in SCORES.into_iter().zip([state.score, state.ai_analysis_recruiter_score]) {
        assert_eq!(column, value(members, field).and_then(number).flatten(), "{field}");
    }
    let decision = value(members, Field::RecruiterGoNextRound).and_then(|value| value.parse().ok());
    assert_eq!(state.recruiter_go_next_round, decision);
    let reasons = [&state.ai_analysis_recruiter_why_hire, &state.ai_analysis_recruiter_why_not_hire];
    for (field, column) in REASONS.into_iter().zip(reasons) {
        check_reasons(value(members, field).filter(|value| *value != "null"), column.as_deref());
    }
    let unknown: Vec<_> = members.iter().filter(|(key, _)| Field::from_text(key).is_none()).collect();
    let extra = self::members(state.extra.as_bytes()).expect("an object of unknown keys");
    assert!(extra.iter().eq(unknown), "{} is not what was sent", state.extra);
}

fn check_reasons(sent: Option<&str>, column: Option<&str>) {
    let (Some(sent), Some(column)) = (sent, column) else {
        assert_eq!(sent, column);
        return;
    };
    let texts = |json: &str| match json.starts_with('"') {
        true => Some(vec![decode(json).0]),
        false => Some(list(json)?.into_iter().map(|(text, _)| text).collect()),
    };
    match texts(sent) {
        Some(expected) => assert_eq!(texts(column), Some(expected)),
        None => assert_eq!(column, sent),
    }
}
