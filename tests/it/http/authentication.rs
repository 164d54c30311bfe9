use std::collections::HashSet;

use rocket_mojito::SecretConfig;

use super::refusal::assert_refused;
use crate::harness::{AUTH, BASE, Body, Host, head};

const HEADER: &str = "X-Mojito-Secret";
const STAGING: &str = "staging-secret-0123456789abcdef";

async fn host_with_two_endpoints() -> Host {
    let staging = SecretConfig::header("staging", HEADER, STAGING);
    Host::builder().config(|config| config.secret("staging", staging)).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cause_of_401_is_answered_with_the_same_bytes_and_nothing_is_kept() {
    let host = host_with_two_endpoints().await;
    let causes: [&[(&str, &str)]; 5] =
        [&[], &[(HEADER, "")], &[(HEADER, "wrong")], &[(HEADER, STAGING)], &[AUTH, (HEADER, "wrong")]];
    let body = Body::result("r-1").bytes();
    let mut answers = HashSet::new();

    for path in ["/interview_result", "/interview_collected", "/interview_failed", ""] {
        for headers in causes {
            let answer = host.post_with(&format!("{BASE}{path}"), headers, &body).await;

            assert_refused(&answer, 401);
            answers.insert(answer.but_date());
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_valid_at_its_own_endpoint_alone() {
    let host = host_with_two_endpoints().await;
    let body = Body::result("r-1").bytes();
    let staging = format!("{BASE}/staging/interview_result");
    let default = format!("{BASE}/interview_result");

    let own = host.post_with(&staging, &[(HEADER, STAGING)], &body).await;
    let others = [
        host.post_with(&staging, &[AUTH], &body).await,
        host.post_with(&format!("{BASE}/staging"), &[AUTH], &body).await,
        host.post_with(&default, &[(HEADER, STAGING)], &body).await,
        host.post_with(BASE, &[(HEADER, STAGING)], &body).await,
    ];

    assert_eq!(own.status, 200);
    for other in &others {
        assert_refused(other, 401);
    }
    assert_eq!(host.database.deliveries().len(), 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_refused_before_the_body_is_read() {
    let host = Host::builder().start().await;
    let headers = [(HEADER, "wrong"), ("Content-Length", "4000000000")];
    // Rocket itself waits for the first 14 bytes.
    let beginning = [head("POST", BASE, &headers), vec![b' '; 14]].concat();

    let answer = host.send(&beginning).await;

    assert_refused(&answer, 401);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_refused_before_a_chunked_body_ends() {
    let host = Host::builder().start().await;
    let headers = [(HEADER, "wrong"), ("Transfer-Encoding", "chunked")];
    let beginning = [head("POST", BASE, &headers), b"e\r\n{             \r\n".to_vec()].concat();

    let answer = host.send(&beginning).await;

    assert_refused(&answer, 401);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_secrets_in_different_headers_one_is_enough_but_neither_may_stand_twice() {
    let other = "other-secret-0123456789abcdef";
    let secret = SecretConfig::header("other", "X-Other", other);
    let host = Host::builder().config(|config| config.secret("default", secret)).start().await;
    let post = async |headers: &[(&str, &str)], id| host.post_with(BASE, headers, &Body::result(id).bytes()).await;

    let first = post(&[AUTH, ("X-Other", "wrong")], "r-1").await;
    let second = post(&[("X-Other", other)], "r-2").await;
    let crossed = post(&[(HEADER, other)], "r-3").await;
    let doubled = post(&[AUTH, ("X-Other", "wrong"), ("X-Other", "wrong")], "r-4").await;

    assert_eq!((first.status, second.status), (200, 200));
    assert_refused(&crossed, 401);
    assert_refused(&doubled, 401);
    let deliveries = host.database.deliveries();
    assert_eq!(deliveries.iter().map(|row| row.secret_id.as_str()).collect::<Vec<_>>(), ["test", "other"]);
    host.stop().await;
}
