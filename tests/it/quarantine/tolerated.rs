use mojito_schema::{EventKind, Standing};
use serde_json::{Value, json};

use super::{finding, findings, keep, result};
use crate::harness::{Body, Host};

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_type_leaves_its_field_empty_and_is_named() {
    let host = Host::builder().start().await;
    let text_fields = [
        "interview_id",
        "status",
        "interview_status",
        "processing_status",
        "profile_interview_id",
        "profile_id",
        "candidate_external_id",
        "candidate_name",
        "candidate_email",
        "candidate_phone_number",
        "ai_analysis",
        "ai_analysis_recruiter",
        "pdf_export_url",
        "reason",
    ];
    let texts =
        text_fields.iter().flat_map(|field| [json!(5), json!(true), json!(["a"]), json!({})].map(|v| (*field, v)));
    let numbers = ["score", "ai_analysis_recruiter_score"];
    let numbers = numbers.iter().flat_map(|field| [json!("80"), json!(true), json!([1])].map(|v| (*field, v)));
    let decisions = [json!(1), json!("true"), json!([])].map(|value| ("recruiter_go_next_round", value));

    for (number, (field, value)) in texts.chain(numbers).chain(decisions).enumerate() {
        let id = format!("r-{number}");
        let delivery = keep(&host, "interview_result", &Body::result(&id).with(field, value.clone()).bytes()).await;

        assert_eq!(delivery.standing, Standing::Current, "{field}: {value}");
        assert_eq!(findings(&delivery), finding("wrong_type", Some(field)), "{field}: {value}");
        let column = format!("SELECT coalesce({field}, 'empty') AS value FROM mojito_results WHERE id = '{id}'");
        assert_eq!(host.database.texts(&column), ["empty"], "{field}: {value}");
        assert_eq!(result(&host, &id).snapshot.candidate_external_id.is_some(), field != "candidate_external_id");
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_where_the_document_rules_it_out_is_a_finding() {
    let host = Host::builder().start().await;

    for field in ["interview_id", "question_set_id", "status"] {
        let delivery = keep(&host, "interview_result", &Body::result(field).with(field, Value::Null).bytes()).await;

        assert_eq!(delivery.standing, Standing::Current);
        assert_eq!(findings(&delivery), finding("unexpected_null", Some(field)));
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_or_absent_field_is_no_finding_elsewhere() {
    let host = Host::builder().start().await;
    let object: Value = serde_json::from_slice(&Body::result("r").bytes()).unwrap();
    let names: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 21);

    for name in names.iter().filter(|name| *name != "id") {
        let absent = Body::result(&format!("absent-{name}")).without(name);
        assert_eq!(findings(&keep(&host, "interview_result", &absent.bytes()).await), json!([]), "absent {name}");
        if !["interview_id", "question_set_id", "status"].contains(&name.as_str()) {
            let null = Body::result(&format!("null-{name}")).with(name, Value::Null);
            assert_eq!(findings(&keep(&host, "interview_result", &null.bytes()).await), json!([]), "null {name}");
        }
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nul_and_lone_surrogates_are_replaced_in_columns_and_stay_in_the_body() {
    let host = Host::builder().start().await;
    let body = r#"{"id":"r-1","status":"act\u0000ive","candidate_name":"A\u0000B","ai_analysis":"cut \ud83d",
        "reason":"\ude00","ai_analysis_recruiter_why_hire":["x\u0000","\ud83d\ude00"],"extra_key":"\u0000\ud83d"}"#;

    let delivery = keep(&host, "interview_result", body.as_bytes()).await;

    let row = result(&host, "r-1").snapshot;
    assert_eq!(delivery.standing, Standing::Current);
    assert_eq!(row.status.as_deref(), Some("act\u{fffd}ive"));
    assert_eq!(row.candidate_name.as_deref(), Some("A\u{fffd}B"));
    assert_eq!(row.ai_analysis.as_deref(), Some("cut \u{fffd}"));
    assert_eq!(row.reason.as_deref(), Some("\u{fffd}"));
    assert_eq!(row.ai_analysis_recruiter_why_hire.as_deref(), Some("[\"x\u{fffd}\",\"😀\"]"));
    assert_eq!(row.extra, r#"{"extra_key":"\u0000\ud83d"}"#);
    let named = ["status", "candidate_name", "ai_analysis", "ai_analysis_recruiter_why_hire", "reason"];
    let named = named.map(|field| json!({ "code": "replaced_text", "field": field }));
    assert_eq!(findings(&delivery), json!(named));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_are_kept_byte_for_byte() {
    let host = Host::builder().start().await;
    let kept = [
        r#""b":1.10"#,
        r#""a":{"z" : 1E+2,"y":[ ]}"#,
        r#""":null"#,
        r#""__proto__":{"x":1}"#,
        r#""caf\u00e9":"\/é\ud83d""#,
        r#""twice":1"#,
        r#""twice":2"#,
        r#""big":123456789012345678901234567890e400"#,
    ];
    let body = format!(r#"{{"id":"r-1", {} ,"status":"active"}}"#, kept.join(" , ").replacen(':', " : ", 1));

    let delivery = keep(&host, "interview_result", body.as_bytes()).await;

    assert_eq!(delivery.standing, Standing::Current);
    assert_eq!(findings(&delivery), json!([]));
    assert_eq!(result(&host, "r-1").snapshot.extra, format!("{{{}}}", kept.join(",")));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_differs_in_case_alone_is_unknown_and_a_finding() {
    let host = Host::builder().start().await;

    let delivery = keep(&host, "interview_result", br#"{"id":"r-1","ID":"r-2","Score":5}"#).await;

    assert_eq!(delivery.result_id.as_deref(), Some("r-1"));
    let expected = json!([{ "code": "similar_key", "field": "id" }, { "code": "similar_key", "field": "score" }]);
    assert_eq!(findings(&delivery), expected);
    let row = result(&host, "r-1").snapshot;
    assert_eq!(row.extra, r#"{"ID":"r-2","Score":5}"#);
    assert_eq!(row.score, None);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_to_hire_are_taken_in_any_form() {
    let host = Host::builder().start().await;
    let forms = [
        (Some(r#"["a","b"]"#), Some(r#"["a","b"]"#)),
        (Some("[]"), Some("[]")),
        (Some(r#""one text""#), Some(r#""one text""#)),
        (Some(r#"{"a" : 1.50}"#), Some(r#"{"a" : 1.50}"#)),
        (Some(r#"["a", 5]"#), Some(r#"["a", 5]"#)),
        (Some("4.20"), Some("4.20")),
        (Some("true"), Some("true")),
        (Some("null"), None),
        (None, None),
    ];

    for (number, (sent, stored)) in forms.into_iter().enumerate() {
        for field in ["ai_analysis_recruiter_why_hire", "ai_analysis_recruiter_why_not_hire"] {
            let id = format!("{field}-{number}");
            let member = sent.map(|json| format!(r#","{field}":{json}"#)).unwrap_or_default();
            let body = format!(r#"{{"id":"{id}","status":"active"{member}}}"#);
            let delivery = keep(&host, "interview_result", body.as_bytes()).await;

            let row = result(&host, &id).snapshot;
            let (hire, not_hire) = (row.ai_analysis_recruiter_why_hire, row.ai_analysis_recruiter_why_not_hire);
            let column = if field.ends_with("why_hire") { hire } else { not_hire };
            assert_eq!(findings(&delivery), json!([]), "{field}: {sent:?}");
            assert_eq!(column.as_deref(), stored, "{field}: {sent:?}");
        }
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_not_published_are_kept_as_they_are() {
    let host = Host::builder().start().await;
    let body = Body::result("r-1")
        .with("status", "on hold, maybe")
        .with("interview_status", "completed, by the moon")
        .with("processing_status", "")
        .with("pdf_export_url", "javascript:alert(1)")
        .with("candidate_name", "<script>'; DROP TABLE mojito_results; --\u{202e}😀");

    let delivery = keep(&host, "interview_result", &body.bytes()).await;

    let row = result(&host, "r-1").snapshot;
    assert_eq!(findings(&delivery), json!([]));
    assert_eq!(row.status.as_deref(), Some("on hold, maybe"));
    assert_eq!(row.interview_status.as_deref(), Some("completed, by the moon"));
    assert_eq!(row.processing_status.as_deref(), Some(""));
    assert_eq!(row.pdf_export_url.as_deref(), Some("javascript:alert(1)"));
    assert_eq!(row.candidate_name.as_deref(), Some("<script>'; DROP TABLE mojito_results; --\u{202e}😀"));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_should_be_equal_and_are_not_are_both_kept() {
    let host = Host::builder().start().await;
    let body = Body::result("r-1").with("interview_id", "i-1").with("question_set_id", "q-1");

    let delivery = keep(&host, "interview_result", &body.bytes()).await;

    let row = result(&host, "r-1").snapshot;
    assert_eq!(delivery.standing, Standing::Current);
    assert_eq!(findings(&delivery), finding("ids_differ", Some("question_set_id")));
    assert_eq!((row.interview_id.as_deref(), row.question_set_id.as_deref()), (Some("i-1"), Some("q-1")));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_path_and_body_disagree_the_path_wins() {
    let host = Host::builder().start().await;
    let bodies = [
        (EventKind::InterviewResult, Body::result("")),
        (EventKind::InterviewCollected, Body::collected("")),
        (EventKind::InterviewFailed, Body::failed("")),
    ];

    for (path, _) in &bodies {
        for (described, body) in &bodies {
            let body = body.clone().with("id", format!("{path}-{described}"));
            let delivery = keep(&host, path.as_str(), &body.bytes()).await;

            assert_eq!(delivery.event, *path, "{path} {described}");
            assert_eq!(delivery.standing, Standing::Current, "{path} {described}");
            let expected = if path == described { json!([]) } else { finding("route_body_mismatch", None) };
            assert_eq!(findings(&delivery), expected, "{path} {described}");
        }
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_tells_no_event_is_no_disagreement() {
    let host = Host::builder().start().await;

    let delivery = keep(&host, "interview_failed", br#"{"id":"r-1"}"#).await;

    assert_eq!(delivery.event, EventKind::InterviewFailed);
    assert_eq!(findings(&delivery), json!([]));
    host.stop().await;
}
