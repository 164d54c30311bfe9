use rocket_mojito::testing::TestInbox;
use rocket_mojito::{Encoding, EndpointConfig, Event, EventKind, MojitoConfig, MojitoFairing, SecretConfig, Sqlite};

use super::rocket;
use crate::harness::AUTH;

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SVIX_KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A key that no other endpoint has.
fn key(name: &str) -> String {
    format!("{name}-key-0123456789abcdefghij")
}

fn schemes() -> Vec<(&'static str, SecretConfig)> {
    vec![
        ("header", SecretConfig::header("a", AUTH.0, key("header"))),
        ("standard", SecretConfig::standard_webhooks("a", KEY)),
        ("svix", SecretConfig::standard_webhooks("a", SVIX_KEY).header_prefix("svix")),
        ("github", SecretConfig::github("a", key("github"))),
        ("stripe", SecretConfig::stripe("a", key("stripe"))),
        ("hmac", SecretConfig::hmac("a", "X-Signature", key("hmac")).prefix("v0=")),
        (
            "timed",
            SecretConfig::hmac("a", "X-Signature", key("timed"))
                .encoding(Encoding::Base64)
                .timestamp_header("X-Signature-Time"),
        ),
    ]
}

async fn inbox(config: MojitoConfig) -> TestInbox {
    let fairing = MojitoFairing::<Sqlite>::new(config.allow_ephemeral(true));
    TestInbox::try_new(rocket(":memory:", fairing)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scheme_is_signed_as_its_endpoint_wants_and_nothing_else_is_taken() {
    let config = schemes().into_iter().fold(MojitoConfig::new(), |config, (name, secret)| config.secret(name, secret));
    let inbox = inbox(config).await;

    for (name, _) in schemes() {
        for kind in [EventKind::InterviewResult, EventKind::Unknown] {
            let event = Event::example(kind).endpoint(name);

            let signed = inbox.post(&event).await.unwrap();
            let bare = inbox.post_unauthenticated(&event).await;

            assert_eq!(signed.status(), 200, "{name} {kind}");
            assert_eq!((bare.status(), bare.code()), (401, Some("unauthorized")), "{name} {kind}");
        }
    }
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_wants_a_secret_and_a_signature_gets_both_and_either_of_two_secrets() {
    let endpoint = EndpointConfig::new()
        .secret(SecretConfig::header("new", AUTH.0, key("new")))
        .secret(SecretConfig::header("old", AUTH.0, key("old")))
        .secret(SecretConfig::standard_webhooks("gateway", KEY));
    let inbox = inbox(MojitoConfig::new().endpoint("default", endpoint)).await;
    let event = Event::example(EventKind::InterviewResult).message_id("msg_1");

    let first = inbox.post(&event).await.unwrap();
    let old = inbox.post_by("old", &event).await.unwrap();
    let other_message = inbox.post(&event.clone().message_id("msg_2")).await.unwrap();
    let unknown = inbox.post_by("none", &event).await.unwrap_err();

    assert_eq!((first.status(), old.status()), (200, 200));
    assert_eq!(first.delivery_id(), old.delivery_id(), "a retry of the same message");
    assert_ne!(first.delivery_id(), other_message.delivery_id());
    assert!(unknown.is_config());
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_the_fairing_is_an_error_that_says_so() {
    let error = TestInbox::try_new(rocket::build()).await.unwrap_err();

    assert_eq!(error.to_string(), "the host has no `MojitoFairing`: attach one");
}
