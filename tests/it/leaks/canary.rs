use crate::harness::{AUTH, BASE, Body, SECRET, chunked, head, request};

/// The text that must never come out. Every text that is handed in holds it.
pub(super) const CANARY: &str = "canary";

/// The same as `Debug` shows raw bytes.
const AS_BYTES: &str = "99, 97, 110, 97, 114, 121";

/// Whether something that was handed in shows in a text.
pub(super) fn shows(text: &str) -> bool {
    let text = text.to_lowercase();
    [CANARY, AS_BYTES, SECRET].iter().any(|secret| text.contains(secret))
}

/// A body with the canary in every field, in unknown keys and in their values. Even its id is one.
pub(super) fn body(id: &str) -> Body {
    let fields = [
        "interview_id",
        "question_set_id",
        "status",
        "interview_status",
        "processing_status",
        "profile_interview_id",
        "profile_id",
        "candidate_external_id",
        "candidate_name",
        "candidate_phone_number",
        "ai_analysis",
        "ai_analysis_recruiter",
        "ai_analysis_recruiter_why_hire",
        "reason",
    ];
    let with_canary =
        |body: Body, field: &&str| body.with(field, format!("{CANARY} {field}\r\n\u{1b}[31m\u{2028}\u{202e}"));
    fields
        .iter()
        .fold(Body::result(&format!("{CANARY}-{id}")), with_canary)
        .with("candidate_email", format!("{CANARY}@example.com"))
        .with("pdf_export_url", format!("https://{CANARY}.example/report?token={CANARY}"))
        .with("ai_analysis_recruiter_why_not_hire", vec![CANARY])
        .with(&format!("{CANARY}-key"), format!("{CANARY}-value"))
}

/// Headers that nobody asked for.
const STRAY: [(&str, &str); 5] = [
    ("User-Agent", "canary/1.0"),
    ("Referer", "https://canary.example/"),
    ("Cookie", "canary=canary"),
    ("X-Canary", "canary"),
    ("Authorization", "Bearer canary"),
];

/// A request with the canary wherever it can stand.
pub(super) struct Told {
    pub(super) bytes: Vec<u8>,
    pub(super) status: u16,
    /// Rocket's own line about it: method, target, and the media type where there is one.
    pub(super) line: String,
}

/// Every way to be taken or refused, by an answer that comes at once.
pub(super) fn requests() -> Vec<Told> {
    let result = format!("{BASE}/interview_result?{CANARY}=1");
    let collected = format!("{BASE}/interview_collected?{CANARY}=2");
    let any = format!("{BASE}?{CANARY}=3");
    let nowhere = format!("/{CANARY}");
    let good = body("1").bytes();
    let wrong = ("X-Mojito-Secret", "canary-wrong-secret-0123456789");
    let of_type = |media_type| ("Content-Type", media_type);
    let declared = |length: usize| length.to_string();
    let mut told = vec![
        post(&result, &[AUTH], &good, 200),
        post(&result, &[AUTH], &good, 200),
        post(&collected, &[AUTH], &good, 200),
        post(&any, &[AUTH], &body("2").bytes(), 200),
        post(&result, &[AUTH], b"canary", 200),
        post(&result, &[AUTH], b"\xFFcanary", 200),
        post(&result, &[AUTH], br#"["canary"]"#, 200),
        post(&result, &[AUTH], br#"{"id":"canary","id":"canary"}"#, 200),
        post(&result, &[AUTH], br#"{"id":["canary"]}"#, 200),
        post(&result, &[AUTH], br#"{"id":"canary-3","status":"active","score":"canary","Score":"canary"}"#, 200),
        post(&result, &[], &good, 401),
        post(&result, &[wrong], &good, 401),
        post(&result, &[AUTH, wrong], &good, 401),
        post(&result, &[AUTH, ("Content-Encoding", CANARY)], &good, 415),
        post(&result, &[AUTH], b"", 400),
        post(&nowhere, &[AUTH], &good, 404),
    ];
    for (media_type, shown, status) in [
        ("text/canary", " text/canary", 415),
        ("application/json; charset=canary", " application/json", 415),
        ("canary", "", 415),
    ] {
        let post = post(&result, &[AUTH, of_type(media_type)], &good, status);
        told.push(Told { line: format!("POST {result}{shown}"), ..post });
    }
    let get = [&[AUTH][..], &STRAY].concat();
    told.push(Told { bytes: request("GET", &result, &get, b""), status: 405, line: format!("GET {result}") });
    let huge = [&[AUTH, ("Content-Length", "99999999")][..], &STRAY].concat();
    told.push(Told { bytes: [head("POST", &result, &huge), good.clone()].concat(), ..post(&result, &[], b"", 413) });
    let longer = declared(good.len() + 1);
    let stalled = [&[AUTH, ("Content-Length", longer.as_str())][..], &STRAY].concat();
    told.push(Told { bytes: [head("POST", &result, &stalled), good].concat(), ..post(&result, &[], b"", 408) });
    let broken = [chunked(&result, &[AUTH], &[b"{\"canary\":\"canary"], false), b"canary\r\n".to_vec()].concat();
    told.push(Told { bytes: broken, ..post(&result, &[], b"", 400) });
    told
}

fn post(target: &str, headers: &[(&str, &str)], body: &[u8], status: u16) -> Told {
    let bytes = request("POST", target, &[headers, &STRAY].concat(), body);
    Told { bytes, status, line: format!("POST {target}") }
}
