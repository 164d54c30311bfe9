use rocket_mojito::SecretConfig;

use super::keep;
use crate::harness::{AUTH, Body, Host};

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_the_same_id_is_the_same_result() {
    let host = Host::builder().start().await;
    keep(&host, "interview_result", r#"{"id":"á-1","status":"active"}"#.as_bytes()).await;

    let escaped = keep(&host, "interview_result", br#"{"id":"\u00e1-\u0031","status":"active"}"#).await;

    assert_eq!(escaped.version, Some(2));
    assert_eq!(host.database.results().len(), 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_at_two_endpoints_is_two_results() {
    let secret = |name: &str| SecretConfig::header("test", "X-Other", format!("secret-of-{name}-0123456789abcdef"));
    let change = |config: rocket_mojito::MojitoConfig| config.secret("a", secret("a")).secret("A", secret("A"));
    let host = Host::builder().config(change).start().await;
    let body = Body::result("r-1").bytes();

    let mut ids = Vec::new();
    let mut unusable = Vec::new();
    for (path, header, value) in [
        ("/webhooks/jobmojito/interview_result", AUTH.0, AUTH.1),
        ("/webhooks/jobmojito/a/interview_result", "X-Other", "secret-of-a-0123456789abcdef"),
        ("/webhooks/jobmojito/A/interview_result", "X-Other", "secret-of-A-0123456789abcdef"),
    ] {
        let answer = host.post_with(path, &[(header, value)], &body).await;
        ids.push(answer.delivery());
        let answer = host.post_with(path, &[(header, value)], b"{}").await;
        unusable.push(answer.delivery());
    }

    let results = host.database.results();
    let keys: Vec<_> = results.iter().map(|row| (row.endpoint.as_str(), row.id.as_str(), row.version)).collect();
    assert_eq!(keys, [("A", "r-1", 1), ("a", "r-1", 1), ("default", "r-1", 1)]);
    for id in ids {
        assert_eq!(host.database.delivery(id).findings.0, [], "the body was not here before");
    }
    unusable.dedup();
    assert_eq!(unusable.len(), 3, "what is quarantined is of one endpoint as well");
    host.stop().await;
}
