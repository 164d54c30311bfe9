use mojito_schema::{Field, Finding, FindingCode};

use super::Case;
use super::case::about_r_1;
use crate::harness::Body;

/// Texts that a database, a page, a shell or a spreadsheet could stumble over. The columns hold them all the same.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(replaced("J06", r"A\u0000B", "A\u{fffd}B"));
    cases.extend(replaced("J06", r"\u0000", "\u{fffd}"));
    cases.extend(replaced("J07", r"cut \ud83d", "cut \u{fffd}"));
    cases.extend(replaced("J07", r"\ude00\ud83d", "\u{fffd}\u{fffd}"));
    cases.extend(replaced("J07", r"\ud83dx\ude00\u0000", "\u{fffd}x\u{fffd}\u{fffd}"));
    cases.extend([r"a\u0000b", r"\u0000"].map(|id| bad_id("J06", id)));
    cases.extend([r"\ud83d", r"a\ude00b", r"\ude00\ud83d"].map(|id| bad_id("J07", id)));
    cases.extend(unknown_with_what_is_replaced());
    cases.extend(ids_that_look_alike());
    cases.extend(links());
    cases.extend(attacks());
    cases.extend(all_planes());
    cases.extend(lengths());
    cases
}

/// The text fields but `id`.
pub(super) const TEXTS: [Field; 15] = [
    Field::InterviewId,
    Field::QuestionSetId,
    Field::Status,
    Field::InterviewStatus,
    Field::ProcessingStatus,
    Field::ProfileInterviewId,
    Field::ProfileId,
    Field::CandidateExternalId,
    Field::CandidateName,
    Field::CandidateEmail,
    Field::CandidatePhoneNumber,
    Field::AiAnalysis,
    Field::AiAnalysisRecruiter,
    Field::PdfExportUrl,
    Field::Reason,
];

/// The escapes in every text field, and in a list of reasons.
fn replaced(row: &'static str, json: &str, text: &str) -> Vec<Case> {
    let case = |field: Field| {
        Case::members(row, &format!(r#""{field}":"{json}""#))
            .finding(FindingCode::ReplacedText, Some(field))
            .column(field, Some(text))
    };
    let mut cases: Vec<Case> = TEXTS.map(case).into();
    let list = about_r_1(&format!(r#""{}":["a","{json}"]"#, Field::WhyHire));
    let column = format!(r#"["a","{text}"]"#);
    let found = Case::current(row, list).finding(FindingCode::ReplacedText, Some(Field::WhyHire));
    cases.push(found.column(Field::WhyHire, Some(&column)));
    cases
}

fn unknown_with_what_is_replaced() -> [Case; 2] {
    let (nul, surrogate) = (r#""\u0000":"a\u0000b""#, r#""\ud83d":"a\ude00b""#);
    [
        Case::members("J06", nul).extra(format!("{{{nul}}}")),
        Case::members("J07", surrogate).extra(format!("{{{surrogate}}}")),
    ]
}

fn bad_id(row: &'static str, id: &str) -> Case {
    let cause = Finding::in_field(FindingCode::BadId, Field::Id);
    Case::quarantined(row, format!(r#"{{"id":"{id}"}}"#), cause)
}

/// Each is a result of its own: were two the same, the second would be a version of the first, and found under its id.
fn ids_that_look_alike() -> Vec<Case> {
    let ids = [
        "abc",
        "ABC",
        "abc ",
        " abc",
        "abc  ",
        "abc\u{200b}",
        "\u{202e}cba",
        "\u{e1}bc",
        "a\u{301}bc",
        "\u{ff41}bc",
        "abc\u{fffd}",
        "straße",
        "strasse",
        "STRASSE",
        "7",
        "07",
        "7.0",
        "%",
        "_",
        "'; DROP TABLE mojito_results; --",
    ];
    ids.map(|id| Case::current("J17", Body::result(id).bytes()).about(id)).into()
}

fn links() -> Vec<Case> {
    let long = format!("https://example.com/{}", "a".repeat(100_000));
    let links = [
        "http://example.com/report.pdf",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "//example.com/report.pdf",
        "https://user:word@example.com/",
        "https://[::1]/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "https://xn--80ak6aa92e.com/",
        "https://example.com/\r\nSet-Cookie: a=b",
        "\u{1b}]8;;https://example.com\u{7}",
        "",
        &long,
    ];
    links.map(|link| Case::field("J24", Field::PdfExportUrl, link).column(Field::PdfExportUrl, Some(link))).into()
}

fn attacks() -> Vec<Case> {
    let marks = format!("a{}", "\u{301}".repeat(5_000));
    let texts = [
        "<script>alert(1)</script>",
        r#""><img src=x onerror=alert(1)>"#,
        "{{7*7}} ${7*7} #{7*7}",
        "${jndi:ldap://example.com/a}",
        "=cmd|' /C calc'!A0",
        "'; DROP TABLE mojito_results; --",
        "\u{202e}gpj.exe",
        "../../../etc/passwd",
        "%s%n%x",
        "\u{2028}\u{2029}\u{85}",
        &marks,
    ];
    let fields = [Field::CandidateName, Field::Reason, Field::AiAnalysis, Field::AiAnalysisRecruiter];
    let pairs = texts.iter().flat_map(|text| fields.iter().map(move |field| (text, *field)));
    pairs.map(|(text, field)| Case::field("J25", field, *text).column(field, Some(text))).collect()
}

/// A character of every plane, and what joins several into one.
fn all_planes() -> Vec<Case> {
    let planes = (0..=16_u32).filter_map(|plane| char::from_u32(plane << 16 | 0x1234));
    let text: String = planes.chain("😀👩\u{200d}🔬🇩🇪\u{10ffff}".chars()).collect();
    let mut cases: Vec<Case> = TEXTS.map(|field| Case::field("J26", field, &*text).column(field, Some(&text))).into();
    cases.push(Case::current("J26", Body::result(&text).bytes()).about(&*text));
    let key = format!(r#""{text}":"{text}""#);
    cases.push(Case::members("J26", &key).extra(format!("{{{key}}}")));
    cases
}

fn lengths() -> Vec<Case> {
    let texts = [1 << 16, (1 << 16) - 1, 70_000, 900_000].map(|length| "ü".repeat(length / 2));
    let column = |text: &String| Case::field("J27", Field::AiAnalysis, &**text).column(Field::AiAnalysis, Some(text));
    texts.iter().map(column).collect()
}
