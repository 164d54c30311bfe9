use std::time::Duration;

use rocket_mojito::{EndpointConfig, MojitoConfig, SecretConfig};

use crate::harness::{AUTH, Answer, BASE, Body, Connection, Host, Signer, head, request, rounds};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// The length that a stranger declares.
const MEBIBYTE: (&str, &str) = ("Content-Length", "1048576");

/// A host with two endpoints that have keys alone, beside the default one: whoever knows their URLs is let in as far as
/// the body.
async fn host() -> Host {
    host_with(|config| config).await
}

async fn host_with(change: impl FnOnce(MojitoConfig) -> MojitoConfig) -> Host {
    let of = |key| EndpointConfig::new().secret(SecretConfig::standard_webhooks("gateway", key));
    let endpoints = |config: MojitoConfig| config.endpoint("signed", of(KEY)).endpoint("other", of(OTHER_KEY));
    Host::builder().config(endpoints).config(change).start().await
}

/// A genuine delivery of this size.
fn genuine(id: &str, size: usize) -> Vec<u8> {
    Body::result(id).with("ai_analysis", "a".repeat(size)).bytes()
}

async fn post_signed(host: &Host, endpoint: &str, key: &str, id: &str, size: usize) -> Answer {
    let body = genuine(id, size);
    let headers = Signer::now(key).standard_webhooks(id, &body);
    host.post_with(&format!("{BASE}/{endpoint}"), &headers.as_pairs(), &body).await
}

/// So many strangers who send a part of a body to the signed endpoint, and stay.
async fn strangers(host: &Host, count: u32, sent: usize) -> Vec<Connection> {
    let begin = [head("POST", &format!("{BASE}/signed"), &[MEBIBYTE]), vec![b' '; sent]].concat();
    let mut strangers = Vec::new();
    for _ in 0..count {
        let mut connection = host.connect().await;
        connection.try_send(&begin).await;
        strangers.push(connection);
    }
    strangers
}

// Shows M15.
/// Strangers share room with nobody of another endpoint, and take little of their own endpoint's.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_in_nobodys_way() {
    let host = host().await;

    for (round, sent) in [17_000, 60_000, 70_000, (1 << 20) - 1].into_iter().enumerate() {
        let strangers = strangers(&host, 40, sent).await;
        for number in 0..4 {
            let id = format!("r-{round}-{number}");
            let size = if number < 2 { 20_000 } else { 300_000 };

            let own = host.post_with(BASE, &[AUTH], &genuine(&id, size)).await;
            let others = post_signed(&host, "other", OTHER_KEY, &id, size).await;
            let same = post_signed(&host, "signed", KEY, &id, 20_000).await;

            assert_eq!([own.status, others.status, same.status], [200; 3], "{sent} bytes sent, {size} good");
        }
        drop(strangers);
    }
    host.stop().await;
}

/// More than there is room for: those who stand still give theirs up to whoever waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_delivery_takes_the_room_of_strangers_who_stand_still() {
    let host = host().await;
    let mut strangers = strangers(&host, rounds(130, 250), 17_000).await;

    for number in 0..4 {
        let answer = post_signed(&host, "signed", KEY, &format!("r-{number}"), 20_000).await;

        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let answer = strangers[0].answer().await.expect("an answer");
    assert_eq!(answer.status, 503, "its room was given to another");
    host.stop().await;
}

/// Without a stranger, three times as many large ones as there is room for find some one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn large_signed_deliveries_wait_for_each_other() {
    let patience = Duration::from_secs(60);
    let host = host_with(|config| config.body_deadline(patience).ack_deadline(patience)).await;

    let ids: Vec<String> = (0..12).map(|number| format!("r-{number}")).collect();
    let posts = ids.iter().map(|id| post_signed(&host, "signed", KEY, id, 900_000));
    let answers = rocket::futures::future::join_all(posts).await;

    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200; 12]);
    host.stop().await;
}

/// A body that is too large for an endpoint, from somebody who is not known, is refused as any.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_the_same_for_strangers() {
    let host = host().await;
    let path = format!("{BASE}/signed");
    let body = vec![b' '; (1 << 20) + 1];

    let mut connection = host.connect().await;
    connection.try_send(&crate::harness::chunked(&path, &[], &[&body], true)).await;
    let too_large = connection.answer().await.expect("an answer");
    let longest = host.send(&request("POST", &path, &[], &body[1..])).await;

    assert_eq!((too_large.status, longest.status), (413, 401));
    host.stop().await;
}
