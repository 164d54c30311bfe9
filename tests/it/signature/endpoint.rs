use std::collections::HashSet;
use std::time::Duration;

use rocket::data::ByteUnit;
use rocket::{post, routes};
use rocket_mojito::{EndpointConfig, Inbox, MojitoConfig, MojitoEvent, Receipt, Rejection, SecretConfig};

use crate::harness::{AUTH, Answer, BASE, Body, Headers, Host, Log, Signer, head};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const HMAC_KEY: &str = "gateway-key-0123456789abcdef";

/// An endpoint that wants a signature beside the secret that every test host has.
fn with_key(config: MojitoConfig) -> MojitoConfig {
    config.secret("default", SecretConfig::standard_webhooks("gateway", KEY))
}

/// An endpoint that wants a signature alone.
fn key_alone(config: MojitoConfig) -> MojitoConfig {
    let endpoint = EndpointConfig::new().secret(SecretConfig::standard_webhooks("gateway", KEY));
    config.endpoint("default", endpoint)
}

fn signed(id: &str, body: &[u8]) -> Headers {
    Signer::now(KEY).standard_webhooks(id, body)
}

async fn post_to(host: &Host, path: &str, headers: &Headers, body: &[u8]) -> Answer {
    host.post_with(path, &headers.as_pairs(), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_is_taken_on_every_path_and_what_is_not_is_refused_with_the_same_bytes() {
    let host = Host::builder().config(key_alone).start().await;
    let body = Body::result("r-1").bytes();
    let other = Signer::now("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let stale = Signer { key: KEY, sent_at: Signer::now(KEY).sent_at - 400 };
    let causes = [
        Headers::default(),
        Headers::new(&[AUTH]),
        other.standard_webhooks("msg_1", &body),
        stale.standard_webhooks("msg_1", &body),
        signed("msg_1", b"{}"),
        signed("msg_1", &body).without("webhook-id"),
        signed("msg_1", &body).and("webhook-id", "msg_1"),
        Signer::now(HMAC_KEY).github(&body),
    ];
    let mut answers = HashSet::new();

    for (number, path) in ["/interview_result", "/interview_collected", "/interview_failed", ""].iter().enumerate() {
        let path = format!("{BASE}{path}");
        for headers in &causes {
            let answer = post_to(&host, &path, headers, &body).await;
            assert_eq!(answer.status, 401, "{headers:?}");
            answers.insert(answer.but_date());
        }
        let taken = post_to(&host, &path, &signed(&format!("msg_{number}"), &body), &body).await;
        assert_eq!(taken.status, 200, "{taken:?}");
    }

    assert_eq!(answers.len(), 1, "{answers:?}");
    let kept = host.database.deliveries();
    assert_eq!(kept.len(), 4);
    assert!(kept.iter().all(|row| row.secret_id == "gateway" && row.body.as_deref() == Some(&body[..])));
    assert_eq!(kept[3].message_id.as_deref(), Some("msg_3"));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_with_a_secret_and_a_key_wants_both() {
    let other = SecretConfig::github("other", HMAC_KEY);
    let host = Host::builder().config(|config| with_key(config).secret("default", other)).start().await;
    let body = Body::result("r-1").bytes();
    let (gateway, other) = (signed("msg_1", &body), Signer::now(HMAC_KEY).github(&body));
    let wrong = ("X-Mojito-Secret", "wrong-secret-0123456789abcdef");

    let refused = [
        gateway.clone(),
        gateway.clone().and(wrong.0, wrong.1),
        Headers::new(&[AUTH]),
        signed("msg_1", b"{}").and(AUTH.0, AUTH.1),
    ];
    for headers in refused {
        assert_eq!(post_to(&host, BASE, &headers, &body).await.status, 401, "{headers:?}");
    }
    let first = post_to(&host, BASE, &gateway.and(AUTH.0, AUTH.1), &body).await;
    let second = post_to(&host, BASE, &other.and(AUTH.0, AUTH.1), &Body::result("r-1").bytes()).await;

    assert_eq!((first.status, second.status), (200, 200));
    let kept = host.database.deliveries();
    assert_eq!(kept.len(), 1, "without an id, the body tells that the second is a repeat");
    assert_eq!((kept[0].secret_id.as_str(), kept[0].repeat_count), ("gateway", 1));
    host.stop().await;
}

/// Each request is wrong in several ways; the first row of the table that applies is the answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_judged_after_the_body_and_before_a_pause() {
    let deadline = Duration::from_millis(100);
    let limits = move |config: MojitoConfig| config.body_limit(ByteUnit::from(1_000)).body_deadline(deadline);
    let paused = EndpointConfig::new()
        .secret(SecretConfig::header("paused", "X-Paused", "paused-secret-0123456789abcdef"))
        .secret(SecretConfig::hmac("paused-key", "X-Signature", HMAC_KEY))
        .paused(true);
    let host = Host::builder().config(|config| limits(with_key(config)).endpoint("paused", paused)).start().await;
    let paused = ("X-Paused", "paused-secret-0123456789abcdef");
    let (beginning, whole): (&[u8], &[u8]) = (b"{             ", b"{}");
    let right = crate::harness::hex(&Signer::now(HMAC_KEY).mac(&[whole]));
    let at_paused = format!("{BASE}/paused");
    type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], &'c [u8], u16);
    let cases: [Case<'_>; 9] = [
        (BASE, &[("X-Mojito-Secret", "wrong"), ("Content-Length", "1000000")], beginning, 401),
        (BASE, &[AUTH, ("Content-Length", "1000000")], beginning, 413),
        (BASE, &[AUTH, ("Content-Type", "text/plain"), ("Content-Length", "500")], beginning, 415),
        (BASE, &[AUTH, ("Content-Length", "500")], beginning, 408),
        (BASE, &[AUTH, ("Content-Length", "0")], b"", 400),
        (BASE, &[AUTH, ("Content-Length", "2")], whole, 401),
        (&at_paused, &[paused, ("Content-Length", "2")], whole, 401),
        (&at_paused, &[paused, ("Content-Length", "2"), ("X-Signature", "00")], whole, 401),
        (&at_paused, &[paused, ("Content-Length", "2"), ("X-Signature", &right)], whole, 503),
    ];

    for (path, headers, body, status) in cases {
        let answer = host.send(&[&head("POST", path, headers), body].concat()).await;

        assert_eq!(answer.status, status, "{headers:?}");
    }
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_that_is_verified_is_the_one_that_came_in_whatever_its_form() {
    let host = Host::builder().config(key_alone).start().await;
    let bodies =
        ["{\"id\": \"r-1\",\r\n\t\"status\" : \"active\"}\n\n", "not json", "[]", "{\"id\":\"r-2\",\"x\":\"\\u0000\"}"];

    for (number, body) in bodies.iter().enumerate() {
        let id = format!("msg_{number}");
        let answer = post_to(&host, BASE, &signed(&id, body.as_bytes()), body.as_bytes()).await;

        assert_eq!(answer.status, 200, "{body}");
        assert_eq!(host.database.delivery(answer.delivery()).body.as_deref(), Some(body.as_bytes()));
    }
    host.stop().await;
}

#[post("/interview_result", data = "<event>")]
async fn recorded(event: Result<MojitoEvent, Rejection>, inbox: Inbox) -> Result<Receipt, Rejection> {
    inbox.record(event?).await
}

#[post("/hook", data = "<event>")]
fn plain(event: MojitoEvent) -> String {
    event.secret_id().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_of_the_host_wants_the_same_signature() {
    let routes = routes![recorded, plain];
    let host = Host::builder().config(with_key).rocket(|rocket| rocket.mount("/own", routes)).start().await;
    let body = Body::result("r-1").bytes();
    let good = signed("msg_1", &body).and(AUTH.0, AUTH.1);

    let unsigned = post_to(&host, "/own/interview_result", &Headers::new(&[AUTH]), &body).await;
    let built_in_unsigned = post_to(&host, BASE, &Headers::new(&[AUTH]), &body).await;
    let own = post_to(&host, "/own/interview_result", &good, &body).await;
    let again = post_to(&host, &format!("{BASE}/interview_result"), &good, &body).await;
    let shown = post_to(&host, "/own/hook", &good, &body).await;

    assert_eq!(unsigned.status, 401);
    assert_eq!(unsigned.but_date(), built_in_unsigned.but_date());
    assert_eq!(own.but_date(), again.but_date(), "the second is a repeat");
    assert_eq!(shown.body, "gateway");
    assert_eq!(host.database.deliveries().len(), 1);
    host.stop().await;
}

#[tokio::test]
async fn a_refusal_is_logged_with_its_cause_and_without_key_or_signature() {
    let log = Log::capture();
    let host = Host::builder().config(key_alone).start().await;
    let body = Body::result("canary").bytes();
    let stale = Signer { key: KEY, sent_at: 1_764_000_000 }.standard_webhooks("canary", &body);
    let refused = [
        (Headers::default(), "signature_absent"),
        (signed("can.ary", &body), "signature_malformed"),
        (signed("canary", b"canary"), "signature_wrong"),
        (stale, "signature_stale"),
    ];

    for (headers, _) in &refused {
        post_to(&host, BASE, headers, &body).await;
    }

    host.stop().await;
    let lines = log.lines();
    let logged: Vec<&String> = lines.iter().filter(|line| line.contains("a delivery was refused")).collect();
    assert_eq!(logged.len(), refused.len(), "{lines:?}");
    for (line, (headers, cause)) in logged.iter().zip(&refused) {
        assert!(line.contains("unauthorized") && line.contains(cause), "{cause}: {line}");
        for (_, value) in &headers.0 {
            assert!(!lines.iter().any(|line| line.contains(value)), "`{value}` in {lines:?}");
        }
    }
    assert!(!lines.iter().any(|line| line.contains("canary") || line.contains(&KEY[6..])), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_valid_at_its_own_endpoint_alone() {
    let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let config = |config| key_alone(config).secret("staging", SecretConfig::standard_webhooks("staging", other));
    let host = Host::builder().config(config).start().await;
    let body = Body::result("r-1").bytes();
    let staging = format!("{BASE}/staging");
    let by_other = Signer::now(other).standard_webhooks("msg_1", &body);

    let crossed =
        [post_to(&host, &staging, &signed("msg_1", &body), &body).await, post_to(&host, BASE, &by_other, &body).await];
    let own = post_to(&host, &staging, &by_other, &body).await;
    let same_id = post_to(&host, BASE, &signed("msg_1", &body), &body).await;

    assert_eq!(crossed.map(|answer| answer.status), [401, 401]);
    assert_eq!((own.status, same_id.status), (200, 200));
    let kept = host.database.deliveries();
    assert_eq!(kept.len(), 2, "an id is of its endpoint");
    assert!(kept.iter().all(|row| row.findings.0.is_empty()), "{kept:?}");
    host.stop().await;
}
