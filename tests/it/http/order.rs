use std::time::Duration;

use rocket::data::ByteUnit;
use rocket_mojito::{EndpointConfig, SecretConfig};

use super::refusal::assert_refused;
use crate::harness::{AUTH, BASE, Host, head};

const WRONG_SECRET: (&str, &str) = ("X-Mojito-Secret", "wrong");
const WRONG_TYPE: (&str, &str) = ("Content-Type", "text/plain");
const HUGE: (&str, &str) = ("Content-Length", "1000000");
const STALLED: (&str, &str) = ("Content-Length", "500");
const EMPTY: (&str, &str) = ("Content-Length", "0");

type Headers<'h> = &'h [(&'h str, &'h str)];

/// Each request is wrong in several ways; the first row of the table that applies is the answer. All of it that is
/// sent is the head and 14 bytes: an answer that waited for more would not come.
#[tokio::test(flavor = "multi_thread")]
async fn of_several_causes_the_first_in_the_table_is_the_answer() {
    let host = Host::builder().config(|config| config.body_limit(ByteUnit::from(1_000))).start().await;
    let cases: [(Headers, u16); 11] = [
        (&[WRONG_SECRET, HUGE], 401),
        (&[WRONG_SECRET, WRONG_TYPE, STALLED], 401),
        (&[WRONG_SECRET, STALLED], 401),
        (&[HUGE], 401),
        (&[AUTH, HUGE, WRONG_TYPE], 413),
        (&[AUTH, HUGE, ("Content-Encoding", "gzip")], 413),
        (&[AUTH, HUGE], 413),
        (&[AUTH, WRONG_TYPE, STALLED], 415),
        (&[AUTH, ("Content-Type", "application/json; charset=utf-16"), STALLED], 415),
        (&[AUTH, ("Content-Encoding", "gzip"), STALLED], 415),
        (&[AUTH, ("Content-Type", "application/json"), ("Content-Type", "application/json"), STALLED], 415),
    ];

    for (headers, status) in cases {
        let answer = host.send(&[head("POST", BASE, headers), vec![b'{'; 14]].concat()).await;

        assert_eq!(answer.status, status, "{headers:?}");
        assert_refused(&answer, status);
    }
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_body_comes_after_the_media_type() {
    let host = Host::builder().start().await;

    let unauthorised = host.send(&head("POST", BASE, &[WRONG_SECRET, EMPTY])).await;
    let wrong_type = host.send(&head("POST", BASE, &[AUTH, WRONG_TYPE, EMPTY])).await;

    assert_refused(&unauthorised, 401);
    assert_refused(&wrong_type, 415);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_cause_comes_before_a_pause() {
    let secret = SecretConfig::header("paused", AUTH.0, AUTH.1);
    let paused = EndpointConfig::new().secret(secret).paused(true);
    let deadline = Duration::from_millis(100);
    let change = |config: rocket_mojito::MojitoConfig| {
        config.endpoint("default", paused).body_limit(ByteUnit::from(1_000)).body_deadline(deadline)
    };
    let host = Host::builder().config(change).start().await;
    let cases: [(Headers, &[u8], u16); 6] = [
        (&[WRONG_SECRET, STALLED], b"{             ", 401),
        (&[AUTH, HUGE], b"{             ", 413),
        (&[AUTH, WRONG_TYPE, STALLED], b"{             ", 415),
        (&[AUTH, STALLED], b"{             ", 408),
        (&[AUTH, EMPTY], b"", 400),
        (&[AUTH, ("Content-Length", "2")], b"{}", 503),
    ];

    for (headers, body, status) in cases {
        let answer = host.send(&[&head("POST", BASE, headers), body].concat()).await;

        assert_refused(&answer, status);
    }
    host.stop().await;
}
