use mojito_schema::{EventKind, Field, Finding, FindingCode};
use serde_json::json;

use super::Case;
use crate::harness::Body;

/// JSON of another shape than the vendor's.
pub(super) fn cases() -> Vec<Case> {
    [nested(), large(), twice(), no_objects(), without_a_usable_id(), on_another_path(), strange_keys()].concat()
}

/// Deeper than 64 is not understood. The body itself is level 1.
fn nested() -> Vec<Case> {
    let lists = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let with = |key: &str, value: String| format!(r#"{{"id":"r-1","{key}":{value}}}"#);
    let too_deep = |body: String| Case::quarantined("J10", body, Finding::new(FindingCode::TooDeep)).about("r-1");
    let brackets = format!(r#"{{"id":"r-1","x":{},"text":"{}"}}"#, lists(63), "[".repeat(100));
    let mut cases = vec![
        Case::current("J10", brackets),
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
    let keys: Vec<String> = (0..60_000).map(|number| format!(r#""k{number}":{number}"#)).collect();
    let keys = keys.join(",");
    let long_key = format!(r#""{}":1"#, "k".repeat(900_000));
    let unknown_items = format!(r#""unknown":{items}"#);
    let object = |members: &str| (format!(r#"{{"id":"r-1",{members}}}"#), format!("{{{members}}}"));
    let mut cases: Vec<Case> = [&keys, &long_key, &unknown_items]
        .map(|members| object(members))
        .map(|(body, extra)| Case::current("J11", body).extra(extra))
        .into();
    let analysis = "a".repeat(900_000);
    let analysis = analysis.as_str();
    cases.push(Case::field("J11", Field::AiAnalysis, analysis).column(Field::AiAnalysis, Some(analysis)));
    let reasons = format!(r#"{{"id":"r-1","{}":{items}}}"#, Field::WhyHire);
    cases.push(Case::current("J11", reasons).column(Field::WhyHire, Some(&items)));
    cases
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
    let of_unknown = Case::current("J12", format!(r#"{{"id":"r-1",{unknown}}}"#)).extra(format!("{{{unknown}}}"));
    let similar = Case::current("J13", r#"{"id":"r-1","ID":"r-2","Score":5}"#)
        .finding(FindingCode::SimilarKey, Some(Field::Id))
        .finding(FindingCode::SimilarKey, Some(Field::Score))
        .column(Field::Score, None)
        .extra(r#"{"ID":"r-2","Score":5}"#);
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
    // What is kept is kept as it is: nothing is trimmed, marks that nobody sees are no control characters.
    let usable = [&"x".repeat(200), &"ü".repeat(100), "x", " x ", "\u{202e}r\u{200b}", "r\u{fffd}", "\u{feff}"];
    cases.extend(usable.map(|id| Case::current("J16", Body::result(id).bytes()).about(id)));
    cases
}

/// The vendor's events on each other's paths, and the envelope of its former webhooks.
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
    let enveloped = json!({ "table": "interview_result", "schema": "public", "record": { "id": "r-1" } });
    cases.push(bad_id("J23", enveloped.to_string()));
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
    let kept =
        |members: &str| Case::current("J29", format!(r#"{{"id":"r-1",{members}}}"#)).extra(format!("{{{members}}}"));
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
