use std::time::Duration;

use crate::harness::{AUTH, BASE, Body, Host, Log, SECRET, head};

const CANARY: &str = "canary";

fn canary(id: &str) -> Body {
    Body::result(&format!("{CANARY}-{id}"))
        .with("candidate_name", CANARY)
        .with("candidate_email", "canary@example.com")
        .with("pdf_export_url", "https://canary.example/report")
        .with("ai_analysis", CANARY)
        .with(CANARY, CANARY)
}

fn assert_keeps_secrets(lines: &[String]) {
    let text = lines.join("\n");
    for secret in [SECRET, CANARY, AUTH.0] {
        assert!(!text.contains(secret), "`{secret}` in {text}");
    }
}

#[tokio::test]
async fn a_refusal_is_logged_as_codes_and_nothing_of_the_request_is() {
    let log = Log::capture();
    let host = Host::builder().config(|config| config.body_deadline(Duration::from_millis(50))).start().await;
    let body = canary("1").bytes();
    let wrong = format!("{CANARY}-wrong-secret");
    let length = (body.len() + 1).to_string();
    let (huge, longer) = (("Content-Length", "99999999"), ("Content-Length", length.as_str()));

    host.post_with(BASE, &[("X-Mojito-Secret", &wrong)], &body).await;
    host.post_with(BASE, &[], &body).await;
    host.post_with(BASE, &[AUTH, AUTH], &body).await;
    host.send(&[head("POST", BASE, &[AUTH, huge]), body.clone()].concat()).await;
    host.post_with(BASE, &[AUTH, ("Content-Type", "text/canary")], &body).await;
    host.post_with(BASE, &[AUTH, ("Content-Type", "text/json; charset=canary")], &body).await;
    host.post_with(BASE, &[AUTH, ("Content-Encoding", CANARY)], &body).await;
    host.send(&[head("POST", BASE, &[AUTH, longer]), body.clone()].concat()).await;
    host.post_with(BASE, &[AUTH], b"").await;

    host.stop().await;
    let lines = log.lines();
    let refused: Vec<&str> =
        lines.iter().filter(|line| line.contains("a delivery was refused")).map(|l| &**l).collect();
    let causes = [
        ("unauthorized", "secret_wrong"),
        ("unauthorized", "secret_absent"),
        ("unauthorized", "secret_repeated"),
        ("too_large", "declared_too_large"),
        ("unsupported_media_type", "media_type"),
        ("unsupported_media_type", "charset"),
        ("unsupported_media_type", "encoding"),
        ("timeout", "body_deadline"),
        ("incomplete", "body_empty"),
    ];
    assert_eq!(refused.len(), causes.len(), "{lines:?}");
    for (line, (code, cause)) in refused.iter().zip(causes) {
        assert!(line.contains(code) && line.contains(cause), "{code} {cause}: {line}");
        assert!(line.contains("endpoint=\"default\""), "{line}");
    }
    assert_keeps_secrets(&lines);
}
