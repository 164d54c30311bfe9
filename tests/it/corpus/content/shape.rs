use mojito_schema::{EventKind, Field, Finding, FindingCode};

use super::Case;
use super::case::about_r_1;
use crate::harness::Body;

/// JSON of another shape than the vendor's.
pub(super) fn cases() -> Vec<Case> {
    let keys = [keys(), twice(), strange_keys()].concat();
    let forms = [without_a_usable_id(), without_a_status(), on_another_path(), enveloped()].concat();
    [nested(), large(), keys, no_objects(), forms].concat()
}

/// Deeper than 64 is not understood. The body itself is level 1.
fn nested() -> Vec<Case> {
    let lists = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let with = |key: &str, value: String| about_r_1(&format!(r#""{key}":{value}"#));
    let too_deep = |body: String| Case::quarantined("J10", body, Finding::new(FindingCode::TooDeep)).about("r-1");
    let brackets = format!(r#""x":{},"text":"{}""#, lists(63), "[".repeat(100));
    let mut cases = vec![
        Case::members("J10", &brackets),
        Case::current("J10", with("unknown", objects(63))),
        too_deep(with("unknown", lists(64))),
        too_deep(with("unknown", objects(64))),
        too_deep(with("ai_analysis_recruiter_why_hire", objects(64))),
        too_deep(with("score", lists(64))),
    ];
    cases.extend([127, 128, 100_000, 500_000].map(|levels| too_deep(with("unknown", lists(levels)))));
    cases.push(too_deep(with("unknown", objects(100_000))));
    // Its id is not told, because it is no object.
    cases.extend([65, 500_000].map(|levels| not_object("J10", lists(levels))));
    // Cut, it is no JSON at all.
    cases.push(Case::quarantined("J10", "[".repeat(500_000), Finding::new(FindingCode::NotJson)));
    cases
}

fn large() -> Vec<Case> {
    let items = format!("[{}0]", "0,".repeat(499_999));
    let long_key = format!(r#""{}":1"#, "k".repeat(900_000));
    let unknown_items = format!(r#""unknown":{items}"#);
    let mut cases: Vec<Case> =
        [&long_key, &unknown_items].map(|members| Case::members("J11", members).extra(format!("{{{members}}}"))).into();
    let analysis = "a".repeat(900_000);
    let analysis = analysis.as_str();
    cases.push(Case::field("J11", Field::AiAnalysis, analysis).column(Field::AiAnalysis, Some(analysis)));
    let reasons = format!(r#""{}":{items}"#, Field::WhyHire);
    cases.push(Case::members("J11", &reasons).column(Field::WhyHire, Some(&items)));
    cases
}

/// More than 1,000 are not understood, whatever they are called. Those inside of values do not count.
fn keys() -> Vec<Case> {
    let numbered = |count: usize| {
        let members: Vec<String> = (0..count).map(|number| format!(r#""k{number}":{number}"#)).collect();
        members.join(",")
    };
    // `id` and a status are two more.
    let most = numbered(998);
    let inner = format!(r#""unknown":{{{}}}"#, numbered(2_000));
    let too_many = |members: String| {
        Case::quarantined("J11", about_r_1(&members), Finding::new(FindingCode::TooManyKeys)).about("r-1")
    };
    vec![
        Case::members("J11", &most).extra(format!("{{{most}}}")),
        Case::members("J11", &inner).extra(format!("{{{inner}}}")),
        too_many(numbered(999)),
        too_many(numbered(60_000)),
        too_many(repeated(r#""":0"#, 999)),
        too_many(repeated(r#""ID":0"#, 100_000)),
        too_many(repeated(r#""score":0"#, 999)),
    ]
}

fn repeated(member: &str, count: usize) -> String {
    vec![member; count].join(",")
}

/// A parser between the sender and us might see another of the two.
fn twice() -> Vec<Case> {
    let of_status = [
        r#"{"id":"r-1","status":"active","status":"draft"}"#,
        r#"{"id":"r-1","status":"active","status":"active"}"#,
        r#"{"id":"r-1","status":"active","\u0073tatus":"draft"}"#,
        r#"{"id":"r-1","stat\u0075s":null,"\u0073tatus":null}"#,
    ];
    let of_id = [r#"{"id":"r-1","id":"r-2"}"#, r#"{"id":"r-1","\u0069d":"r-1"}"#, r#"{"id":null,"id":"r-1"}"#];
    let found = |field| Finding::in_field(FindingCode::DuplicateKey, field);
    let of_status = of_status.map(|body| Case::quarantined("J12", body, found(Field::Status)).about("r-1"));
    let of_id = of_id.map(|body| Case::quarantined("J12", body, found(Field::Id)));
    let unknown = r#""unknown":1,"unknown":2"#;
    let of_unknown = Case::members("J12", unknown).extra(format!("{{{unknown}}}"));
    // However often there is such a key, it is one finding.
    let similar = Case::members("J13", r#""ID":"r-2","Score":5,"Id":"r-3","ID":"r-4""#)
        .finding(FindingCode::SimilarKey, Some(Field::Id))
        .finding(FindingCode::SimilarKey, Some(Field::Score))
        .column(Field::Score, None)
        .extra(r#"{"ID":"r-2","Score":5,"Id":"r-3","ID":"r-4"}"#);
    [&of_status[..], &of_id, &[of_unknown, similar]].concat()
}

fn no_objects() -> Vec<Case> {
    let arrays = ["[]", r#"["r-1",1.0,null,true]"#, r#"["r-1","i-1","i-1","active"]"#, r#"[{"id":"r-1"}]"#];
    let values = ["null", "5", "-1.5e3", r#""r-1""#, " true", "false\n", r#""""#];
    let arrays = arrays.map(|body| not_object("J14", body));
    let values = values.map(|body| not_object("J15", body));
    [&arrays[..], &values, &[bad_id("J15", "{}"), bad_id("J15", " {\n} ")]].concat()
}

/// Without an id of 1 to 200 bytes, not blank, without control characters, nothing can be applied.
fn without_a_usable_id() -> Vec<Case> {
    let with_id = |id: &str| format!(r#"{{"id":{id},"status":"active","interview_status":"completed"}}"#);
    let of_length = |length: usize| format!(r#""{}""#, "x".repeat(length));
    let of_two_bytes = format!(r#""{}""#, "ü".repeat(101));
    let ids = [
        "null",
        "1",
        "1.5",
        "true",
        "[]",
        r#"["r-1"]"#,
        r#"{"id":"r-1"}"#,
        r#""""#,
        r#"" ""#,
        r#""\t""#,
        r#""\u3000""#,
        r#""a\nb""#,
        r#""a\u001fb""#,
        r#""\u007f""#,
        r#""a\u0085b""#,
        &of_length(201),
        &of_length(10_000),
        &of_two_bytes,
    ];
    let mut cases: Vec<Case> = ids.map(|id| bad_id("J16", with_id(id))).into();
    cases.push(bad_id("J16", r#"{"ID":"r-1"}"#));
    // A value is kept as it is: nothing is trimmed, marks that nobody sees are no control characters.
    let usable = [&"x".repeat(200), &"ü".repeat(100), "x", " x ", "\u{202e}r\u{200b}", "r\u{fffd}", "\u{feff}"];
    cases.extend(usable.map(|id| Case::current("J16", Body::result(id).bytes()).about(id)));
    cases
}

/// A form that is not known yet says nothing of the state of its result: it must not empty it.
fn without_a_status() -> Vec<Case> {
    let bodies = [
        r#"{"id":"r-1"}"#,
        r#"{"id":"r-1","data":{"status":"active"}}"#,
        r#"{"id":"r-1","Status":"active","score":5,"candidate_name":"Test Person"}"#,
        r#"{"id":"r-1","table":"t","record":{"id":"r-2","status":"active"}}"#,
    ];
    let no_status = |body| Case::quarantined("J22", body, Finding::new(FindingCode::NoStatus)).about("r-1");
    let mut cases: Vec<Case> = bodies.map(no_status).into();
    for field in [Field::Status, Field::InterviewStatus, Field::ProcessingStatus] {
        let null = Case::members("J22", &format!(r#""{field}" : null"#)).column(field, None);
        cases.push(match field {
            Field::Status => null.finding(FindingCode::UnexpectedNull, Some(field)),
            _ => null,
        });
        let wrong = Case::field("J22", field, 5).column(field, None);
        cases.push(wrong.finding(FindingCode::WrongType, Some(field)));
    }
    cases
}

/// The vendor's events on each other's paths.
fn on_another_path() -> Vec<Case> {
    let bodies = [
        (EventKind::InterviewResult, Body::result("")),
        (EventKind::InterviewCollected, Body::collected("")),
        (EventKind::InterviewFailed, Body::failed("")),
    ];
    let mut cases = Vec::new();
    for (path, _) in &bodies {
        for (described, body) in &bodies {
            let id = format!("{path} {described}");
            let case = Case::current("J22", body.clone().with("id", id.as_str()).bytes()).to(*path).about(id);
            cases.push(match path == described {
                true => case,
                false => case.finding(FindingCode::RouteBodyMismatch, None),
            });
        }
    }
    // A body that tells no event disagrees with none.
    cases.push(Case::current("J22", r#"{"id":"r-1","status":"archived"}"#).to(EventKind::InterviewFailed));
    cases
}

fn envelope(record: &str) -> String {
    format!(r#"{{"table":"interview_result","schema":"public","record":{record}}}"#)
}

/// The form of the vendor's first webhooks: the record counts, and nothing beside it.
fn enveloped() -> Vec<Case> {
    let read = |body: String| Case::current("J23", body).finding(FindingCode::Envelope, None);
    let record = r#"{"id":"r-1","status":"active","score":4.212,"pdf_export_valid_until":"2025-05-17"}"#;
    let extra = r#"{"pdf_export_valid_until":"2025-05-17"}"#;
    let beside = r#""candidate_name":5,"candidate_name":"Other Person","ID":"r-2","old_record":null"#;
    let failed = r#"{"id":"r-1","status":"active","interview_status":"failed"}"#;
    let mut cases = vec![
        read(envelope(record)).column(Field::Status, Some("active")).column(Field::Score, Some("4.212")).extra(extra),
        read(format!(r#" {{ "r\u0065cord" : {record} , "t\u0061ble" : "" }} "#)).extra(extra),
        read(format!(r#"{{{beside},"table":"t","record":{failed}}}"#))
            .finding(FindingCode::RouteBodyMismatch, None)
            .column(Field::CandidateName, None)
            .extra("{}"),
    ];
    cases.extend(enveloped_and_too_much(record));
    let no_envelopes = [
        envelope("{}"),
        envelope(&envelope(record)),
        envelope(&format!("[{record}]")),
        envelope("null"),
        format!(r#"{{"record":{record}}}"#),
        format!(r#"{{"table":null,"record":{record}}}"#),
        format!(r#"{{"table":"t","record":{record},"id":null}}"#),
        format!(r#"{{"table":"t","record":{record},"record":{record}}}"#),
        format!(r#"{{"table":"t","table":"t","record":{record}}}"#),
    ];
    cases.extend(no_envelopes.map(|body| bad_id("J23", body)));
    cases
}

/// Depth is counted from the body, and keys where they stand.
fn enveloped_and_too_much(record: &str) -> Vec<Case> {
    let lists = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let with_lists = |levels: usize| envelope(&about_r_1(&format!(r#""x":{}"#, lists(levels))));
    let with_keys = |count: usize| envelope(&about_r_1(&repeated(r#""":0"#, count)));
    let beside = |member: &str| format!(r#"{{"table":"t",{member},"record":{record}}}"#);
    let found = Finding::new;
    let quarantined = [
        (with_lists(63), found(FindingCode::TooDeep)),
        (beside(&format!(r#""old_record":{}"#, lists(64))), found(FindingCode::TooDeep)),
        (with_keys(999), found(FindingCode::TooManyKeys)),
        (envelope(r#"{"id":"r-1","score":1,"score":1}"#), Finding::in_field(FindingCode::DuplicateKey, Field::Score)),
        (envelope(r#"{"id":"r-1","score":1}"#), found(FindingCode::NoStatus)),
    ];
    let mut cases: Vec<Case> = [with_lists(62), with_keys(998)]
        .map(|body| Case::current("J23", body).finding(FindingCode::Envelope, None))
        .into();
    cases.extend(quarantined.map(|(body, cause)| Case::quarantined("J23", body, cause).about("r-1")));
    cases
}

fn strange_keys() -> Vec<Case> {
    let members = [
        r#""":null"#,
        r#""__proto__":{"x":1}"#,
        r#""constructor":{"prototype":{}}"#,
        r#""a":{"z" : 1E+2,"y":[ ]}"#,
        r#""caf\u00e9":"\/é\ud83d""#,
        r#""big":123456789012345678901234567890e400"#,
    ];
    let kept = |members: &str| Case::members("J29", members).extra(format!("{{{members}}}"));
    let mut cases: Vec<Case> = members.map(kept).into();
    let spaced = format!(r#"{{"id":"r-1", {} ,"status":"active"}}"#, members.join(" , ").replacen(':', " : ", 1));
    cases.push(Case::current("J29", spaced).extra(format!("{{{}}}", members.join(","))));
    cases
}

fn not_object(row: &'static str, body: impl Into<Vec<u8>>) -> Case {
    Case::quarantined(row, body, Finding::new(FindingCode::NotObject))
}

fn bad_id(row: &'static str, body: impl Into<Vec<u8>>) -> Case {
    Case::quarantined(row, body, Finding::in_field(FindingCode::BadId, Field::Id))
}
