use std::collections::BTreeSet;

use rocket_mojito::internals::example_setters;
use rocket_mojito::testing::Quarantined;
use rocket_mojito::{Event, EventKind, Field, FindingCode, HandlerError, Presence};
use serde_json::Value;

use crate::checkout::Checkout;

fn documented() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&Checkout::read("tests/fixtures/openapi-webhooks.json")).unwrap();
    let schema = &document["components"]["schemas"]["WebhookInterviewResultPayload"]["properties"];
    schema.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn an_example_has_a_setter_for_each_field_of_the_vendors_document() {
    let setters: BTreeSet<String> = example_setters().into_iter().map(str::to_owned).collect();
    let body: Value = serde_json::from_slice(&Event::example(EventKind::InterviewResult).body()).unwrap();

    assert_eq!(setters, documented());
    assert_eq!(example_setters(), Field::ALL.iter().map(|field| field.as_str()).collect::<Vec<_>>());
    assert_eq!(body.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>(), documented());
}

#[test]
fn what_is_set_is_what_a_handler_reads() {
    let example = Event::example(EventKind::InterviewResult)
        .id("r-7")
        .score(4.212)
        .candidate_name("Ada Example")
        .ai_analysis_recruiter_why_hire(["curious"])
        .recruiter_go_next_round(false)
        .null(Field::AiAnalysis)
        .without(Field::CandidateEmail)
        .with("new_key", 1)
        .endpoint("staging");

    let event = example.build();

    let payload = event.payload();
    assert_eq!((payload.id.as_str(), payload.score.as_ref().unwrap().to_string().as_str()), ("r-7", "4.212"));
    assert_eq!(payload.candidate_name.as_deref(), Some("Ada Example"));
    assert_eq!(payload.recruiter_go_next_round, Some(false));
    assert_eq!(payload.presence(Field::AiAnalysis), Presence::Null);
    assert_eq!(payload.presence(Field::CandidateEmail), Presence::Absent);
    assert_eq!((event.endpoint(), event.kind()), ("staging", EventKind::InterviewResult));
    assert_eq!(event.body(), example.body());
    assert!(String::from_utf8_lossy(event.body()).contains(r#""new_key":1"#));
}

#[test]
fn an_example_is_compared_with_the_version_before_it() {
    let first = Event::example(EventKind::InterviewCollected);
    let second = Event::example(EventKind::InterviewResult).after(&first);
    let third = second.clone().recruiter_go_next_round(true).after(&second);

    let (first, third) = (first.build(), third.build());

    assert_eq!((first.version(), third.version()), (Some(1), Some(3)));
    assert!(first.changed(Field::CandidateName) && first.previous().is_none());
    assert_eq!(third.changes(), [Field::RecruiterGoNextRound]);
    assert_eq!(third.previous().unwrap().recruiter_go_next_round, None);
    let late = Event::example(EventKind::InterviewCollected).late().build();
    assert_eq!((late.version(), late.changes()), (None, &[][..]));
}

#[test]
fn a_body_that_would_be_quarantined_is_an_error_that_names_the_cause() {
    let cause = |kind, body: &str| Event::from_json(kind, body).map_err(|error: Quarantined| error.cause().code);

    assert_eq!(cause(EventKind::InterviewResult, "{").unwrap_err(), FindingCode::NotJson);
    assert_eq!(cause(EventKind::InterviewResult, r#"{"id":"r"}"#).unwrap_err(), FindingCode::NoStatus);
    assert_eq!(cause(EventKind::Unknown, r#"{"id":"r","status":"x"}"#).unwrap_err(), FindingCode::UnknownEvent);
    let failed = cause(EventKind::Unknown, r#"{"id":"r","interview_status":"abandoned"}"#).unwrap();
    assert_eq!(failed.kind(), EventKind::InterviewFailed);
    let sentence = Event::example(EventKind::InterviewResult).id("").try_build().unwrap_err().to_string();
    assert_eq!(sentence, "the delivery would be quarantined: bad_id in `id`");
}

#[test]
fn an_error_says_its_fate() {
    let minute = std::time::Duration::from_secs(60);
    let plain: HandlerError = "it is down".into();
    let (later, discard) = (HandlerError::retry_in(minute), HandlerError::discard("no use"));

    let fate = |error: &HandlerError| (error.will_retry(), error.delay(), error.is_discard());

    assert_eq!(fate(&plain), (true, None, false));
    assert_eq!(fate(&later), (true, Some(minute), false));
    assert_eq!(fate(&discard), (false, None, true));
}
