use std::sync::Mutex;

use mojito_schema::{EventKind, Standing};
use rocket::{Catcher, State, catch, catchers, post, routes};
use rocket_mojito::{Field, Inbox, MojitoEvent, Receipt, Rejection};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::harness::{AUTH, Body, Host, head, in_time};

#[post("/interview_result", data = "<event>")]
async fn recorded(event: Result<MojitoEvent, Rejection>, inbox: Inbox) -> Result<Receipt, Rejection> {
    inbox.record(event?).await
}

#[post("/interview_failed", data = "<event>")]
async fn recorded_by_state(event: Result<MojitoEvent, Rejection>, inbox: &State<Inbox>) -> Result<String, Rejection> {
    let receipt = inbox.record(event?).await?;
    Ok(json!([receipt.delivery_id(), receipt.standing(), receipt.version()]).to_string())
}

#[post("/hook", data = "<event>")]
fn plain(event: MojitoEvent) -> String {
    let payload = event.payload().map(|payload| {
        json!({
            "score": payload.score.as_ref().map(ToString::to_string),
            "status": payload.status.as_ref().map(|status| status.as_str().to_owned()),
            "extra": payload.extra.get("shoe").map(|value| value.get().to_owned()),
            "name": format!("{:?}", payload.presence(Field::CandidateName)),
            "email": format!("{:?}", payload.presence(Field::CandidateEmail)),
            "phone": format!("{:?}", payload.presence(Field::CandidatePhoneNumber)),
        })
    });
    json!({
        "kind": event.kind(),
        "endpoint": event.endpoint(),
        "secret": event.secret_id(),
        "length": event.body().len(),
        "findings": event.findings(),
        "payload": payload,
        "debug": format!("{event:?} {:?}", event.payload()),
    })
    .to_string()
}

#[catch(default)]
fn hosts_own(status: rocket::http::Status, _: &rocket::Request<'_>) -> String {
    format!("the host says {}", status.code)
}

fn catchers() -> Vec<Catcher> {
    catchers![hosts_own]
}

async fn host() -> Host {
    let routes = routes![recorded, recorded_by_state, plain];
    Host::builder().rocket(|rocket| rocket.mount("/own", routes).register("/", catchers())).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_of_the_host_records_as_the_plugins_own_do() {
    let host = host().await;
    let body = Body::result("r-1").bytes();

    let own = host.post_with("/own/interview_result", &[AUTH], &body).await;
    let built_in = host.post("interview_result", &body).await;

    assert_eq!(own.status, 200, "{own:?}");
    assert_eq!(own.but_date(), built_in.but_date(), "the second is a repeat");
    let deliveries = host.database.deliveries();
    assert_eq!(deliveries.len(), 1);
    assert_eq!((deliveries[0].endpoint.as_str(), deliveries[0].event), ("default", EventKind::InterviewResult));
    assert_eq!(deliveries[0].repeat_count, 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_a_route_hands_on_is_answered_as_the_plugin_does() {
    let host = host().await;
    let huge = [AUTH, ("Content-Length", "999999999")];
    let requests = |path: &str| {
        [
            head("POST", path, &[("Content-Length", "0")]),
            [head("POST", path, &huge), vec![b' '; 14]].concat(),
            head("POST", path, &[AUTH, ("Content-Type", "text/plain"), ("Content-Length", "0")]),
            head("POST", path, &[AUTH, ("Content-Length", "0")]),
        ]
    };

    let pairs = requests("/own/interview_result").into_iter().zip(requests("/webhooks/jobmojito/interview_result"));
    for ((own, built_in), status) in pairs.zip([401, 413, 415, 400]) {
        let (own, built_in) = (host.send(&own).await, host.send(&built_in).await);

        assert_eq!(own.status, status);
        assert_eq!(own.but_date(), built_in.but_date());
    }
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_plain_guard_goes_to_the_hosts_catchers() {
    let host = host().await;

    let absent = host.post_with("/own/hook", &[], b"{}").await;
    let wrong_type = host.post_with("/own/hook", &[AUTH, ("Content-Type", "text/plain")], b"{}").await;

    assert_eq!((absent.status, absent.body.as_str()), (401, "the host says 401"));
    assert_eq!((wrong_type.status, wrong_type.body.as_str()), (415, "the host says 415"));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_catchers_do_not_change_the_plugins_answers() {
    let host = host().await;

    let answer = host.post_with("/webhooks/jobmojito", &[], b"{}").await;

    assert_eq!(answer.body, r#"{"error":"unauthorized"}"#);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_guard_shows_what_was_sent_and_records_nothing() {
    let host = host().await;
    let body = r#"{"id":"r-1","status":"active","interview_status":"completed","score":4.2120,
        "interview_id":"i-1","question_set_id":"i-1","processing_status":"completed","profile_interview_id":null,
        "profile_id":null,"ai_analysis_recruiter_score":null,"ai_analysis":null,"ai_analysis_recruiter":null,
        "recruiter_go_next_round":null,"pdf_export_url":null,
        "candidate_name":"Test Person","candidate_email":null,"shoe":{"size" : 4.0}}"#;

    let answer = host.post_with("/own/hook", &[AUTH], body.as_bytes()).await;

    let shown: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(shown["kind"], "interview_result");
    assert_eq!(shown["endpoint"], "default");
    assert_eq!(shown["secret"], "test");
    assert_eq!(shown["length"], body.len());
    assert_eq!(shown["findings"], json!([{ "code": "missing", "field": "reason" }]));
    let payload = json!({
        "score": "4.2120",
        "status": "active",
        "extra": r#"{"size" : 4.0}"#,
        "name": "Value",
        "email": "Null",
        "phone": "Absent",
    });
    assert_eq!(shown["payload"], payload);
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn debug_of_an_event_shows_nothing_of_the_candidate() {
    let host = host().await;
    let body = Body::result("canary-id")
        .with("candidate_name", "canary")
        .with("score", 77.5)
        .with("pdf_export_url", "https://canary.example")
        .with("ai_analysis_recruiter_why_hire", "canary")
        .with("shoe", "canary");

    let answer = host.post_with("/own/hook", &[AUTH], &body.bytes()).await;

    let shown: Value = serde_json::from_str(&answer.body).unwrap();
    let debug = shown["debug"].as_str().unwrap();
    assert!(debug.contains("CandidateName"), "{debug}");
    assert!(!debug.contains("canary") && !debug.contains("77.5"), "{debug}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_guard_shows_why_a_body_is_not_understood() {
    let host = host().await;

    let answer = host.post_with("/own/hook", &[AUTH], b"[]").await;

    let shown: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(shown["payload"], Value::Null);
    assert_eq!(shown["kind"], "unknown");
    assert_eq!(shown["findings"], json!([{ "code": "not_object", "field": null }]));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_tells_delivery_standing_and_version() {
    let host = host().await;
    let (first, second) = (Body::failed("r-1").bytes(), Body::failed("r-1").with("reason", "again").bytes());

    let mut receipts = Vec::new();
    for body in [first.as_slice(), &first, &second, b"?"] {
        let answer = host.post_with("/own/interview_failed", &[AUTH], body).await;
        receipts.push(serde_json::from_str::<Value>(&answer.body).unwrap());
    }

    let expected = [
        json!([1, Standing::Current, 1]),
        json!([1, Standing::Repeat, null]),
        json!([2, Standing::Current, 2]),
        json!([3, Standing::Quarantined, null]),
    ];
    assert_eq!(receipts, expected);
    host.stop().await;
}

type Sender = Mutex<Option<oneshot::Sender<(MojitoEvent, Inbox)>>>;

#[post("/keep", data = "<event>")]
fn keep(event: MojitoEvent, inbox: Inbox, sender: &State<Sender>) {
    let sender = sender.lock().unwrap().take().unwrap();
    assert!(sender.send((event, inbox)).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_that_outlives_its_host_refuses() {
    let (sender, kept) = oneshot::channel();
    let sender: Sender = Mutex::new(Some(sender));
    let host = Host::builder().rocket(|rocket| rocket.mount("/own", routes![keep]).manage(sender)).start().await;
    host.post_with("/own/keep", &[AUTH], &Body::result("r-1").bytes()).await;
    let (event, inbox) = in_time(kept).await.unwrap();
    let database = std::sync::Arc::clone(&host.database);
    host.stop().await;

    let rejection = inbox.record(event).await.unwrap_err();

    assert_eq!(rejection.status().code, 503);
    assert_eq!(rejection.to_string(), "unavailable (stopping)");
    assert!(database.deliveries().is_empty());
}
