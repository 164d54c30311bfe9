use memchr::memmem;
use mojito_schema::{Field, Finding, FindingCode};
use rocket_mojito::internals::Understood;

use super::parser::{Answer, Parser, Parsers};
use super::tree::{Tree, is_near, stored};
use crate::fuzz::text_columns;

/// A way in which a parser differs from the plugin. The list is closed: any other difference is a defect of one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference {
    /// Python skips a byte order mark. RFC 8259 forbids senders to add one, and the plugin quarantines the body.
    ByteOrderMark,
    /// Python guesses UTF-16 and UTF-32 by the NULs in a body. The plugin reads UTF-8 alone, as RFC 8259 has it.
    Encoding,
    /// Python takes surrogates that are encoded in the manner of UTF-8. They are no UTF-8.
    EncodedSurrogate,
    /// Python takes `NaN`, `Infinity` and `-Infinity`. RFC 8259 has no such numbers.
    NoNumber,
    /// The grammar of RFC 8259 allows an escape that is a lone surrogate. A Rust string cannot hold it, so these parsers
    /// refuse the whole body; the plugin stores U+FFFD with a finding.
    LoneSurrogate,
    /// The parser has a limit to its stack. The plugin needs no stack, and quarantines a deep body as too deep.
    Depth,
    /// The parser refuses a number that is too large for a double, or has thousands of digits. The plugin leaves the
    /// field empty, with a finding.
    Range,
    /// A map keeps one of two members. The plugin looks at both, and quarantines a body in which a known key stands twice.
    Duplicate,
    /// The parser reads doubles in its quickest way, which misses the nearest one by a bit or two.
    LastBits,
}

const REASONS: [Field; 2] = [Field::WhyHire, Field::WhyNotHire];
const SCORES: [Field; 2] = [Field::Score, Field::AiAnalysisRecruiterScore];
const STATUSES: [Field; 3] = [Field::Status, Field::InterviewStatus, Field::ProcessingStatus];

type Members = [(Vec<u16>, Tree)];

/// Compares a parser's answer with the plugin's.
///
/// # Errors
///
/// A difference without an explanation.
pub(super) fn compare(
    parsers: &mut Parsers,
    parser: Parser,
    body: &[u8],
    ours: &Understood,
) -> Result<Option<Difference>, String> {
    let theirs = parsers.read(parser, body);
    let cause = ours.payload.is_none().then(|| ours.findings[0]);
    match (cause.filter(is_refusal), theirs) {
        (Some(_), Err(_)) => Ok(None),
        (Some(cause), Ok(tree)) => {
            taken_by_them(parser, body, cause.code, &tree).map(Some).ok_or(format!("{cause:?}, and they see {tree:?}"))
        }
        (None, Err(reason)) => {
            refused_by_them(parser, body, cause, &reason).map(Some).ok_or(format!("they refuse: {reason}"))
        }
        (None, Ok(Tree::Object(members))) => match cause {
            Some(cause) => compare_causes(parsers, parser, body, cause, ours.result_id.as_deref(), &members),
            None => compare_columns(parsers, parser, ours, &members),
        },
        (None, Ok(tree)) => {
            let is_none = cause == Some(Finding::new(FindingCode::NotObject));
            is_none.then_some(None).ok_or(format!("{cause:?}, and they see {tree:?}"))
        }
    }
}

/// Whether the plugin takes the body for no JSON.
fn is_refusal(cause: &Finding) -> bool {
    matches!(cause.code, FindingCode::ByteOrderMark | FindingCode::NotUtf8 | FindingCode::NotJson)
}

fn taken_by_them(parser: Parser, body: &[u8], code: FindingCode, tree: &Tree) -> Option<Difference> {
    if parser != Parser::Python {
        return None;
    }
    let holds = |word: &[u8]| memmem::find(body, word).is_some();
    let has_surrogate = || body.windows(2).any(|pair| pair[0] == 0xED && pair[1] >= 0xA0);
    match code {
        FindingCode::ByteOrderMark => Some(Difference::ByteOrderMark),
        _ if holds(b"\0") => Some(Difference::Encoding),
        FindingCode::NotUtf8 if has_surrogate() => Some(Difference::EncodedSurrogate),
        FindingCode::NotJson if holds(b"NaN") && tree.has_number(f64::is_nan) => Some(Difference::NoNumber),
        FindingCode::NotJson if holds(b"Infinity") && tree.has_number(f64::is_infinite) => Some(Difference::NoNumber),
        _ => None,
    }
}

fn refused_by_them(parser: Parser, body: &[u8], cause: Option<Finding>, reason: &str) -> Option<Difference> {
    let says = |words: &str| reason.contains(words);
    let is_deep = || {
        let codes = [FindingCode::TooDeep, FindingCode::TooManyKeys, FindingCode::NotObject];
        cause.is_some_and(|cause| codes.contains(&cause.code))
    };
    let has_surrogate = || {
        let digits = |window: &[u8]| window.starts_with(br"\u") && window[2..].eq_ignore_ascii_case(b"d");
        body.windows(3).any(digits)
    };
    match parser {
        Parser::Python if says("RecursionError") && is_deep() => Some(Difference::Depth),
        Parser::Python if says("Exceeds the limit") => Some(Difference::Range),
        Parser::Python => None,
        _ if says("recursion limit exceeded") && is_deep() => Some(Difference::Depth),
        _ if says("number out of range") => Some(Difference::Range),
        _ if (says("surrogate") || says("end of hex escape")) && has_surrogate() => Some(Difference::LoneSurrogate),
        _ => None,
    }
}

/// A body that is quarantined although it is an object.
fn compare_causes(
    parsers: &mut Parsers,
    parser: Parser,
    body: &[u8],
    cause: Finding,
    result_id: Option<&str>,
    members: &Members,
) -> Result<Option<Difference>, String> {
    // One of two ids is none.
    if cause != Finding::in_field(FindingCode::DuplicateKey, Field::Id) && result_id != usable_id(members).as_deref() {
        return Err(format!("{result_id:?} is the result, and they see {members:?}"));
    }
    let causes = causes(members);
    if causes.contains(&cause) {
        return Ok(None);
    }
    let mut is_lost = || {
        let all = parsers.read(Parser::Jiter, body);
        all.is_ok_and(|tree| tree.count() > tree.without_order().count())
    };
    let is_duplicate = parser == Parser::Serde && is_lost();
    is_duplicate.then_some(Some(Difference::Duplicate)).ok_or(format!("{cause:?} is none of {causes:?}: {members:?}"))
}

fn compare_columns(
    parsers: &mut Parsers,
    parser: Parser,
    ours: &Understood,
    members: &Members,
) -> Result<Option<Difference>, String> {
    let snapshot = ours.snapshot().expect("it is usable");
    let causes = causes(members);
    if !causes.is_empty() {
        return Err(format!("it is usable, and they see {causes:?}"));
    }
    let differs = |field: Field| format!("{field} differs, and they see {:?}", value(members, field));
    if ours.result_id != usable_id(members) {
        return Err(differs(Field::Id));
    }
    for (field, column) in text_columns(&snapshot) {
        if *column != text(members, field).map(stored) {
            return Err(differs(field));
        }
    }
    let decision = match value(members, Field::RecruiterGoNextRound) {
        Some(Tree::Bool(decision)) => Some(*decision),
        _ => None,
    };
    if snapshot.recruiter_go_next_round != decision {
        return Err(differs(Field::RecruiterGoNextRound));
    }
    let reasons = [&snapshot.ai_analysis_recruiter_why_hire, &snapshot.ai_analysis_recruiter_why_not_hire];
    for (field, column) in REASONS.into_iter().zip(reasons) {
        let column = column.as_ref().map(|json| parsers.read(parser, json.as_bytes())).transpose()?;
        if column != value(members, field).and_then(reasons_of) {
            return Err(differs(field));
        }
    }
    let unknown = members.iter().filter(|(name, _)| field_of(name).is_none()).cloned().collect();
    if of_order(parser, parsers.read(parser, snapshot.extra.as_bytes())) != of_order(parser, Ok(Tree::Object(unknown)))
    {
        return Err(format!("the unknown keys differ: {}", snapshot.extra));
    }
    let mut difference = None;
    for (field, column) in SCORES.into_iter().zip([snapshot.score, snapshot.ai_analysis_recruiter_score]) {
        let theirs = match value(members, field) {
            Some(Tree::Number(number)) => Some(*number).filter(|number| number.is_finite()),
            _ => None,
        };
        match (column, theirs) {
            (ours, theirs) if ours == theirs => {}
            (Some(ours), Some(theirs)) if parser == Parser::Serde && is_near(ours, theirs) => {
                difference = Some(Difference::LastBits);
            }
            _ => return Err(differs(field)),
        }
    }
    Ok(difference)
}

/// A map has no order.
fn of_order(parser: Parser, answer: Answer) -> Answer {
    if parser == Parser::Serde { answer.map(Tree::without_order) } else { answer }
}

/// Every reason of the design to quarantine an object.
fn causes(members: &Members) -> Vec<Finding> {
    let mut causes = Vec::new();
    if members.len() > 1_000 {
        causes.push(Finding::new(FindingCode::TooManyKeys));
    }
    if members.iter().any(|(_, value)| value.depth() >= 64) {
        causes.push(Finding::new(FindingCode::TooDeep));
    }
    let count = |field: Field| members.iter().filter(|(name, _)| field_of(name) == Some(field)).count();
    let duplicates = Field::ALL.iter().filter(|field| count(**field) > 1);
    causes.extend(duplicates.map(|field| Finding::in_field(FindingCode::DuplicateKey, *field)));
    if usable_id(members).is_none() {
        causes.push(Finding::in_field(FindingCode::BadId, Field::Id));
    }
    if STATUSES.iter().all(|field| count(*field) == 0) {
        causes.push(Finding::new(FindingCode::NoStatus));
    }
    causes
}

fn field_of(name: &[u16]) -> Option<Field> {
    Field::from_text(&String::from_utf16(name).ok()?)
}

fn value(members: &Members, field: Field) -> Option<&Tree> {
    members.iter().rev().find(|(name, _)| field_of(name) == Some(field)).map(|(_, value)| value)
}

fn text(members: &Members, field: Field) -> Option<&[u16]> {
    match value(members, field)? {
        Tree::Text(text) => Some(text),
        _ => None,
    }
}

fn usable_id(members: &Members) -> Option<String> {
    let id = String::from_utf16(text(members, Field::Id)?).ok()?;
    let is_usable = id.len() <= 200 && !id.trim().is_empty() && !id.contains(char::is_control);
    is_usable.then_some(id)
}

/// The reasons to hire or not, as the column has them: texts that a database can hold, or the value as it was sent.
fn reasons_of(value: &Tree) -> Option<Tree> {
    let text = |tree: &Tree| match tree {
        Tree::Text(text) => Some(Tree::text(&stored(text))),
        _ => None,
    };
    match value {
        Tree::Null => None,
        Tree::Text(_) => text(value),
        Tree::List(items) => {
            let texts: Option<Vec<Tree>> = items.iter().map(text).collect();
            Some(texts.map_or_else(|| value.clone(), Tree::List))
        }
        other => Some(other.clone()),
    }
}
