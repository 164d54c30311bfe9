use mojito_schema::EventKind;
use rocket_mojito::SecretConfig;

use crate::harness::{AUTH, Body, Host};

const STAGING: (&str, &str) = ("X-Staging", "staging-secret-0123456789abcdef");

/// Other spellings of a path that Rocket routes like it.
pub(crate) const SPELLINGS: [(&str, &str, Option<EventKind>); 12] = [
    ("/webhooks/jobmojito/", "default", None),
    ("//webhooks/jobmojito", "default", None),
    ("/webhooks//jobmojito", "default", None),
    ("/webhooks/job%6dojito", "default", None),
    ("/webhooks/jobmojito?x=1", "default", None),
    ("/webhooks/jobmojito/interview_failed/", "default", Some(EventKind::InterviewFailed)),
    ("/webhooks/jobmojito//interview_failed", "default", Some(EventKind::InterviewFailed)),
    ("/webhooks/jobmojito/interview%5Ffailed", "default", Some(EventKind::InterviewFailed)),
    ("/webhooks/jobmojito/staging/", "staging", None),
    ("/webhooks/jobmojito//staging", "staging", None),
    ("/webhooks/jobmojito/stag%69ng/interview_failed", "staging", Some(EventKind::InterviewFailed)),
    ("/webhooks/jobmojito/staging//interview_failed//", "staging", Some(EventKind::InterviewFailed)),
];

async fn host() -> Host {
    let staging = SecretConfig::header("staging", STAGING.0, STAGING.1);
    Host::builder().config(|config| config.secret("staging", staging)).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_a_path_means_the_same_endpoint_and_event() {
    let host = host().await;

    for (number, (path, endpoint, event)) in SPELLINGS.into_iter().enumerate() {
        let secret = if endpoint == "staging" { STAGING } else { AUTH };
        let answer = host.post_with(path, &[secret], &Body::result(&format!("r-{number}")).bytes()).await;

        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let delivery = host.database.delivery(answer.delivery());
        assert_eq!(delivery.endpoint, endpoint, "{path}");
        assert_eq!(delivery.event, event.unwrap_or(EventKind::InterviewResult), "{path}");
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_default_endpoint_nobody_lives_at_the_mount() {
    let staging = SecretConfig::header("staging", STAGING.0, STAGING.1);
    let only_staging = |_| rocket_mojito::MojitoConfig::new().secret("staging", staging);
    let host = Host::builder().config(only_staging).start().await;
    let body = Body::result("r-1").bytes();

    let at_mount = host.post_with("/webhooks/jobmojito/interview_result", &[STAGING], &body).await;
    let at_endpoint = host.post_with("/webhooks/jobmojito/staging/interview_result", &[STAGING], &body).await;

    assert_eq!((at_mount.status, at_endpoint.status), (404, 200));
    host.stop().await;
}
