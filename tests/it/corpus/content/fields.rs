use mojito_schema::{EventKind, Field, FindingCode};
use serde_json::{Value, json};

use super::Case;
use super::case::about_r_1;
use super::text::TEXTS;
use crate::harness::Body;

/// Good bodies, and fields with a value of another type, or one that nobody has published.
pub(super) fn cases() -> Vec<Case> {
    [good(), of_another_type(), not_published(), reasons(), ids_that_differ(), at_the_limit()].concat()
}

fn good() -> Vec<Case> {
    let result = Case::current("J01", Body::result("result").bytes())
        .about("result")
        .column(Field::CandidateName, Some("Test Person"))
        .column(Field::Score, Some("5.12"))
        .column(Field::WhyHire, Some(r#"["curious","precise"]"#))
        .column(Field::RecruiterGoNextRound, None)
        .extra("{}");
    let collected = Case::current("J01", Body::collected("collected").bytes()).to(EventKind::InterviewCollected);
    let failed = Case::current("J01", Body::failed("failed").bytes()).to(EventKind::InterviewFailed);
    let mut cases = vec![result, collected.about("collected"), failed.about("failed")];
    for field in Field::ALL.iter().filter(|field| **field != Field::Id) {
        let without = Body::result("r-1").without(field.as_str());
        cases.push(Case::current("J01", without.bytes()).column(*field, None));
        let null = Case::current("J01", Body::result("r-1").with(field.as_str(), Value::Null).bytes());
        // `profile_id` and four others are null in the template as well: said alone the body differs.
        let null = match Body::result("r-1").bytes() == Body::result("r-1").with(field.as_str(), Value::Null).bytes() {
            true => Case::field("J01", *field, Value::Null),
            false => null,
        };
        let required = [Field::InterviewId, Field::QuestionSetId, Field::Status];
        let null = null.column(*field, None);
        cases.push(match required.contains(field) {
            true => null.finding(FindingCode::UnexpectedNull, Some(*field)),
            false => null,
        });
    }
    cases.push(Case::members("J01", r#""b":1.10,"a":[]"#).extra(r#"{"b":1.10,"a":[]}"#));
    cases
}

/// Such a field is empty, and named; the others are read.
fn of_another_type() -> Vec<Case> {
    let texts = TEXTS.iter().flat_map(|field| [json!(5), json!(true), json!(["a"]), json!({})].map(|v| (*field, v)));
    let scores = [Field::Score, Field::AiAnalysisRecruiterScore];
    let scores = scores.iter().flat_map(|field| [json!("80"), json!(true), json!([1]), json!({})].map(|v| (*field, v)));
    let decisions = [json!(1), json!("true"), json!([]), json!({})].map(|value| (Field::RecruiterGoNextRound, value));
    let wrong = |(field, value): (Field, Value)| {
        let case = Case::current("J18", Body::result("r-1").with(field.as_str(), value).bytes());
        let other = if field == Field::CandidateName { Field::CandidateEmail } else { Field::CandidateName };
        let kept = if other == Field::CandidateName { "Test Person" } else { "test@example.com" };
        case.finding(FindingCode::WrongType, Some(field)).column(field, None).column(other, Some(kept))
    };
    texts.chain(scores).chain(decisions).map(wrong).collect()
}

fn not_published() -> Vec<Case> {
    let fields = [Field::Status, Field::InterviewStatus, Field::ProcessingStatus];
    let texts = ["on hold, maybe", "completed, by the moon", "", "ACTIVE", "active "];
    let pairs = fields.iter().flat_map(|field| texts.map(|text| (*field, text)));
    pairs.map(|(field, text)| Case::field("J19", field, text).column(field, Some(text))).collect()
}

/// The vendor's document says "list/text"; anything is kept as it was sent.
fn reasons() -> Vec<Case> {
    let forms = [
        (r#"["a","b"]"#, Some(r#"["a","b"]"#)),
        ("[]", Some("[]")),
        (r#""one text""#, Some(r#""one text""#)),
        (r#"{"a" : 1.50}"#, Some(r#"{"a" : 1.50}"#)),
        (r#"["a", 5]"#, Some(r#"["a", 5]"#)),
        (r#"[["a"],["b",null]]"#, Some(r#"[["a"],["b",null]]"#)),
        ("4.20", Some("4.20")),
        ("true", Some("true")),
        ("null", None),
    ];
    let fields = [Field::WhyHire, Field::WhyNotHire];
    let pairs = fields.iter().flat_map(|field| forms.map(|form| (*field, form)));
    let case = |(field, (sent, stored)): (Field, (&str, Option<&str>))| {
        // Two spaces: a body of its own beside that of J01.
        Case::members("J20", &format!(r#"  "{field}":{sent}"#)).column(field, stored)
    };
    let absent = Case::current("J20", r#"{"id":"r-1","interview_status":null}"#);
    let absent = fields.iter().fold(absent, |case, field| case.column(*field, None));
    // A list of as many texts as nobody has reasons stays as it was sent.
    let of_length = |length: usize| format!(r#"["a\n"{}]"#, r#", "b""#.repeat(length - 1));
    let list = |sent: &str, stored: &str| {
        Case::members("J20", &format!(r#""{}":{sent}"#, Field::WhyHire)).column(Field::WhyHire, Some(stored))
    };
    let (short, long) = (of_length(1_000), of_length(1_001));
    let lists = [list(&short, &short.replace(' ', "")), list(&long, &long)];
    pairs.map(case).chain([absent]).chain(lists).collect()
}

fn ids_that_differ() -> Vec<Case> {
    let body = Body::result("r-1").with("interview_id", "i-1").with("question_set_id", "q-1");
    let case = Case::current("J21", body.bytes())
        .finding(FindingCode::IdsDiffer, Some(Field::QuestionSetId))
        .column(Field::InterviewId, Some("i-1"))
        .column(Field::QuestionSetId, Some("q-1"));
    vec![case]
}

/// Nothing that a database limits is smaller than what the limit on bodies lets in.
fn at_the_limit() -> Vec<Case> {
    let text = "x".repeat((1 << 20) - about_r_1(r#""unknown":"""#).len());
    let member = format!(r#""unknown":"{text}""#);
    vec![Case::members("J28", &member).extra(format!("{{{member}}}"))]
}
