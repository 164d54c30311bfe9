use mojito_schema::{EventKind, Finding, FindingCode};

use super::Case;
use crate::harness::Body;

/// Bytes that are no JSON, or not in UTF-8.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(NOT_JSON.map(|body| not_json("J02", body)));
    cases.extend(byte_order_marks());
    cases.extend(not_utf_8());
    cases.extend(raw_control_characters());
    cases.extend(anything_at_all());
    cases
}

const NOT_JSON: [&str; 43] = [
    "{",
    "}",
    " ",
    "\n\n",
    "id",
    "id=r-1&status=active",
    r#"{"id":"r-1","status":"active""#,
    r#"{"id":"r-1","status":"active"#,
    r#"{"id":"r-1","status":"#,
    r#"{"id":"r-1","status""#,
    r#"{"id":"r-1",}"#,
    r#"{"id":"r-1",,"status":"active"}"#,
    r#"{"id":"r-1" "status":"active"}"#,
    r#"{"id":"r-1"} {}"#,
    r#"{"id":"r-1"}{"id":"r-2"}"#,
    r#"{"id":"r-1"}x"#,
    r#"{"id":"r-1"}}"#,
    "{'id':'r-1'}",
    r#"{id:"r-1"}"#,
    r#"{"id":"r-1"/* really */}"#,
    "{\"id\":\"r-1\"} // really",
    r#"{"id":"r-1","score":NaN}"#,
    r#"{"id":"r-1","score":Infinity}"#,
    r#"{"id":"r-1","score":-Infinity}"#,
    r#"{"id":"r-1","score":007}"#,
    r#"{"id":"r-1","score":0x7}"#,
    r#"{"id":"r-1","score":+1}"#,
    r#"{"id":"r-1","score":1.}"#,
    r#"{"id":"r-1","score":.5}"#,
    r#"{"id":"r-1","score":-}"#,
    r#"{"id":"r-1","unknown":1e}"#,
    r#"{"id":"r-1","unknown":[1,]}"#,
    r#"{"id":"r-1","unknown":[1 2]}"#,
    r#"{"id":"r-1","unknown":]}"#,
    r#"{"id":"r-1","status":True}"#,
    "{\"id\":\"r-1\",\x0c\"status\":\"active\"}",
    "\u{a0}{\"id\":\"r-1\"}",
    r#"{"id":"r-1","unknown":"\x41"}"#,
    r#"{"id":"r-1","unknown":"\u00g0"}"#,
    r#"{"id":"r-1","unknown":"\u00"}"#,
    "[1,]",
    r#""open"#,
    "nul",
];

fn byte_order_marks() -> Vec<Case> {
    let marked = [b"\xEF\xBB\xBF".as_slice(), &Body::result("r-1").bytes()].concat();
    let bodies = [marked, b"\xEF\xBB\xBF".to_vec(), b"\xEF\xBB\xBF\xEF\xBB\xBF{}".to_vec()];
    let cause = Finding::new(FindingCode::ByteOrderMark);
    bodies.into_iter().map(|body| Case::quarantined("J03", body, cause)).collect()
}

fn not_utf_8() -> Vec<Case> {
    let in_id = |bytes: &[u8]| [br#"{"id":""#, bytes, br#""}"#].concat();
    let in_name = |bytes: &[u8]| [br#"{"id":"r-1","candidate_name":""#, bytes, br#""}"#].concat();
    let in_unknown = |bytes: &[u8]| [br#"{"id":"r-1","unknown":""#, bytes, br#""}"#].concat();
    let utf_16: Vec<u8> = r#"{"id":"r-1"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // Every second byte of it is NUL: that is UTF-8, but no JSON.
    let mut cases = vec![not_json("J04", utf_16.clone())];
    let marked = [b"\xFF\xFE".as_slice(), &utf_16].concat();
    let latin_1 = b"M\xFCller";
    // Overlong, a surrogate, beyond the last plane, cut, a lone continuation.
    let broken: [&[u8]; 5] = [b"\xC0\xAF", b"\xED\xA0\x80", b"\xF5\x80\x80\x80", b"\xF0\x9F\x98", b"\x80"];
    let mut bodies = vec![b"\xFF".to_vec(), marked, in_id(latin_1), in_name(latin_1), in_unknown(latin_1)];
    bodies.extend(broken.iter().flat_map(|bytes| [in_id(bytes), in_name(bytes), in_unknown(bytes)]));
    cases.extend(bodies.into_iter().map(|body| not_utf8("J04", body)));
    cases
}

fn raw_control_characters() -> Vec<Case> {
    let characters = ["\0", "\n", "\t", "\r", "\u{1b}", "\u{1f}"];
    let fields = ["id", "candidate_name", "unknown"];
    let body = |field: &str, character: &str| format!(r#"{{"a":1,"{field}":"a{character}b"}}"#);
    let pairs = fields.iter().flat_map(|field| characters.iter().map(move |character| (field, character)));
    pairs.map(|(field, character)| not_json("J05", body(field, character))).collect()
}

fn anything_at_all() -> Vec<Case> {
    // A quarantined delivery is of the event that its path names.
    let page = "<!doctype html><html><body>502 Bad Gateway</body></html>";
    let mut cases = vec![
        not_json("J30", page),
        not_json("J30", page).to(EventKind::InterviewCollected),
        not_json("J30", page).to(EventKind::InterviewFailed),
        not_utf8("J30", b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj".to_vec()),
        not_utf8("J30", b"\x1f\x8b\x08\0\0\0\0\0\0\xffgzip".to_vec()),
        not_json("J30", b"\0".to_vec()),
        not_json("J30", vec![0; 1000]),
        not_utf8("J30", (0..=255).rev().collect::<Vec<u8>>()),
    ];
    let mut random = fastrand::Rng::with_seed(30);
    // Half of all bytes are no ASCII: of a hundred at random, none is ever UTF-8.
    cases.extend((0..20).map(|_| not_utf8("J30", (0..100).map(|_| random.u8(..)).collect::<Vec<u8>>())));
    cases
}

fn not_json(row: &'static str, body: impl Into<Vec<u8>>) -> Case {
    Case::quarantined(row, body, Finding::new(FindingCode::NotJson))
}

fn not_utf8(row: &'static str, body: impl Into<Vec<u8>>) -> Case {
    Case::quarantined(row, body, Finding::new(FindingCode::NotUtf8))
}
