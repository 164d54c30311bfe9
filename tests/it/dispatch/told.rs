//! The values that an attempt is told of its delivery.

use std::time::Duration;

use mojito_schema::Timestamp;
use rocket_mojito::{Actor, Field, FindingCode};

use super::{builder, host};
use crate::harness::{Body, Host, ScriptedAction, ScriptedHandler, next};

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_told_what_changed_and_what_was_before() {
    let (host, mut seen) = host(|_, _| ScriptedAction::Effect).await;

    host.post("interview_result", &Body::result("r").bytes()).await;
    host.post("interview_result", &Body::result("r").with("score", 6).with("reason", "x").bytes()).await;
    let (first, second) = (next(&mut seen).await, next(&mut seen).await);

    assert!(first.changes.contains(&Field::CandidateName));
    assert_eq!(first.previous_score, None);
    assert_eq!(second.changes, [Field::Score]);
    assert_eq!(second.previous_score.as_deref(), Some("5.12"));
    assert_ne!(first.key, second.key);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_told_what_was_found_about_its_delivery() {
    let (host, mut seen) = host(|_, _| ScriptedAction::Effect).await;

    host.post("interview_result", &Body::result("plain").bytes()).await;
    let plain = next(&mut seen).await;
    host.post("interview_result", &Body::result("odd").with("score", "a text").bytes()).await;
    let odd = next(&mut seen).await;

    let stored = host.database.delivery(odd.delivery).findings.0;
    assert_eq!(plain.findings, []);
    assert_eq!(odd.findings, stored);
    assert_eq!(odd.findings.iter().map(|found| found.code).collect::<Vec<_>>(), [FindingCode::WrongType]);
    host.stop().await;
}

/// An attempt may come long after the last byte.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_told_when_its_delivery_was_received() {
    let (host, mut seen) = host(|_, _| ScriptedAction::Effect).await;
    host.inbox.pause_handler("Script", Actor::new("anna")).await.unwrap();
    let delivery = host.post("interview_result", &Body::result("r").bytes()).await.delivery();
    let received_at = Timestamp::now().before(Duration::from_secs(3 * 86_400));
    host.database.run(&format!("UPDATE mojito_deliveries SET received_at = '{}'", in_sql(received_at)));
    host.inbox.resume_handler("Script", Actor::new("anna")).await.unwrap();

    let told = next(&mut seen).await;

    assert_eq!((told.delivery, told.received_at), (delivery, received_at));
    host.stop().await;
}

fn in_sql(moment: Timestamp) -> String {
    moment.to_string().replace('T', " ").replace('Z', "")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_handler_of_a_delivery_has_a_key_of_its_own() {
    let (one, mut one_seen) = ScriptedHandler::named("One", |_, _| ScriptedAction::Effect);
    let (other, mut other_seen) = ScriptedHandler::named("Other", |_, _| ScriptedAction::Effect);
    let host: Host = builder().handler(one).handler(other).start().await;

    host.post("interview_result", &Body::result("r").bytes()).await;
    let (one, other) = (next(&mut one_seen).await, next(&mut other_seen).await);

    assert_eq!(one.delivery, other.delivery);
    assert_ne!(one.key, other.key, "both may call the same service");
    host.stop().await;
}
