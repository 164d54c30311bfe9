use mojito_schema::{Changes, EventKind, Standing};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::json;

use super::{finding, findings, keep, result};
use crate::harness::{Body, Host, seed};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_neither_path_nor_body_tells_is_quarantined() {
    let host = Host::builder().start().await;
    let bodies = [
        Body::result("r-1").with("status", "archived"),
        Body::result("r-1").with("interview_status", "ongoing"),
        Body::result("r-1").with("interview_status", "completedly"),
        Body::result("r-1").with("interview_status", "Failed"),
        Body::result("r-1").with("interview_status", 5),
        Body::result("r-1").without("status"),
        Body::result("r-1").without("interview_status"),
    ];

    for body in bodies {
        let delivery = keep(&host, "", &body.bytes()).await;
        let again = keep(&host, "", &body.bytes()).await;

        assert_eq!(delivery.standing, Standing::Quarantined);
        assert_eq!(delivery.event, EventKind::Unknown);
        assert_eq!(delivery.result_id.as_deref(), Some("r-1"));
        assert_eq!(findings(&delivery), finding("unknown_event", None));
        assert_eq!((again.id, again.repeat_count), (delivery.id, 1));
    }
    assert!(host.database.results().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_on_the_combined_route_is_of_no_event() {
    let host = Host::builder().start().await;

    let delivery = keep(&host, "", b"not json").await;
    let on_a_path = keep(&host, "interview_failed", b"not json").await;

    assert_eq!((delivery.event, on_a_path.event), (EventKind::Unknown, EventKind::InterviewFailed));
    assert_ne!(delivery.id, on_a_path.id, "another event is another delivery");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_quarantined_leaves_the_state_of_its_result() {
    let host = Host::builder().start().await;
    let first = keep(&host, "interview_result", &Body::result("r-1").bytes()).await;

    keep(&host, "interview_result", br#"{"id":"r-1","score":1,"score":2}"#).await;
    let second = keep(&host, "interview_result", &Body::result("r-1").with("score", 1).bytes()).await;

    assert_eq!((first.version, second.version), (Some(1), Some(2)), "versions have no gaps");
    host.stop().await;
}

/// A form of the vendor's that nobody knows yet must not wipe what is known of the result.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_a_status_leaves_the_state_of_its_result() {
    let host = Host::builder().start().await;
    keep(&host, "interview_result", &Body::result("r-1").bytes()).await;
    let next = br#"{"id":"r-1","data":{"status":"active","candidate_name":"Test Person"}}"#;

    for event in ["interview_result", "interview_collected", "interview_failed", ""] {
        let delivery = keep(&host, event, next).await;

        assert_eq!(delivery.standing, Standing::Quarantined, "{event}");
        assert_eq!(findings(&delivery), finding("no_status", None), "{event}");
        assert_eq!(delivery.result_id.as_deref(), Some("r-1"), "{event}");
    }
    let state = result(&host, "r-1");
    assert_eq!((state.version, state.snapshot.candidate_name.as_deref()), (1, Some("Test Person")));
    host.stop().await;
}

/// The vendor's first form, on each path: what is told of an event is told by the record.
#[tokio::test(flavor = "multi_thread")]
async fn an_enveloped_record_is_a_version_of_its_result_and_of_the_event_that_it_describes() {
    let host = Host::builder().start().await;
    let enveloped = |record: &Body| {
        let record: serde_json::Value = serde_json::from_slice(&record.bytes()).unwrap();
        let body = json!({ "table": "interview_result", "schema": "public", "status": "draft", "record": record });
        body.to_string().into_bytes()
    };
    keep(&host, "interview_result", &Body::result("r-1").bytes()).await;

    let on_its_path = keep(&host, "interview_result", &enveloped(&Body::result("r-1"))).await;
    let on_any_path = keep(&host, "", &enveloped(&Body::failed("r-1"))).await;
    let of_no_event = keep(&host, "", &enveloped(&Body::result("r-1").without("interview_status"))).await;

    assert_eq!((on_its_path.version, &on_its_path.changes), (Some(2), &Changes::default()), "it says the same");
    assert_eq!(findings(&on_its_path), finding("envelope", None));
    assert_eq!((on_any_path.version, on_any_path.event), (Some(3), EventKind::InterviewFailed));
    assert_eq!((of_no_event.standing, of_no_event.event), (Standing::Quarantined, EventKind::Unknown));
    assert_eq!(findings(&of_no_event), finding("unknown_event", None));
    assert_eq!(result(&host, "r-1").event, EventKind::InterviewFailed);
    host.stop().await;
}

// Shows P2.
/// No body that is authentic, complete and small enough is ever answered anything but 200.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_bytes_they_are_kept() {
    let host = Host::builder().start().await;
    let word = "[a-z_]{0,3}|id|score|status|candidate_name|extra|ai_analysis_recruiter_why_hire";
    let text = r#"([ -!#-\[\]-~]|\\n|\\u0000|\\ud83d|\\ude00|\\u00e9|é|😀|\x7f|\u{2028}|\\/|\\"){0,8}"#;
    let scalar = format!(r#"null|true|-?(0|[1-9][0-9]{{0,20}})(\.[0-9]{{1,4}})?([eE][+-]?[0-9]{{1,3}})?|"({text})""#);
    let value = format!(r"{scalar}|\[({scalar})?\]|\[({scalar}), ?({scalar})\]");
    let member = format!(r#""({word})" ?: ?({value})"#);
    let object = format!(r#"\{{"id":"r-[0-9]"(,{member}){{0,5}}\}}"#);
    let bytes = prop::collection::vec(any::<u8>(), 1..40);
    let body =
        prop_oneof![bytes, prop::string::bytes_regex(&object).unwrap(), prop::string::bytes_regex(&value).unwrap()];
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed()), ..Config::default() });

    for _ in 0..150 {
        let body = body.new_tree(&mut runner).unwrap().current();
        for event in ["", "interview_collected"] {
            let answer = host.post(event, &body).await;
            assert_eq!(answer.status, 200, "{event}: {}", String::from_utf8_lossy(&body));
        }
    }
    host.stop().await;
}
