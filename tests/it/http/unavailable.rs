use std::collections::HashSet;
use std::time::Duration;

use rocket::data::ByteUnit;
use rocket::futures::future::select_all;
use rocket_mojito::{EndpointConfig, SecretConfig};

use super::refusal::assert_refused;
use crate::harness::{AUTH, Answer, BASE, Body, Host};

/// Posts until it is answered 200: what a sender does.
async fn post_until_taken(host: &Host, body: &[u8]) -> Answer {
    loop {
        let answer = host.post("interview_result", body).await;
        if answer.status == 200 {
            return answer;
        }
        assert_refused(&answer, 503);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_endpoint_keeps_nothing_and_asks_to_come_back_at_times_that_differ() {
    let paused = EndpointConfig::new().secret(SecretConfig::header("paused", AUTH.0, AUTH.1)).paused(true);
    let other = SecretConfig::header("other", "X-Other", "other-secret-0123456789abcdef");
    let change = |config: rocket_mojito::MojitoConfig| config.endpoint("default", paused).secret("other", other);
    let host = Host::builder().config(change).start().await;
    let body = Body::result("r-1").bytes();

    let mut pauses = HashSet::new();
    for _ in 0..40 {
        let answer = host.post("interview_result", &body).await;
        assert_refused(&answer, 503);
        pauses.insert(answer.header("Retry-After").unwrap().to_owned());
    }
    let secret = [("X-Other", "other-secret-0123456789abcdef")];
    let other = host.post_with("/webhooks/jobmojito/other", &secret, &body).await;

    assert!(pauses.len() > 1, "{pauses:?}");
    assert_eq!(other.status, 200, "a pause is of one endpoint");
    assert_eq!(host.database.deliveries().len(), 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_committed_in_time_is_refused_and_neither_lost_nor_doubled() {
    let host = Host::builder().config(|config| config.ack_deadline(Duration::from_millis(100))).start().await;
    let body = Body::result("r-1").bytes();
    let lock = host.database.lock();

    let refused = host.post("interview_result", &body).await;
    let kept_then = host.database.deliveries().len();
    drop(lock);
    let taken = post_until_taken(&host, &body).await;

    assert_refused(&refused, 503);
    assert_eq!(kept_then, 0);
    let deliveries = host.database.deliveries();
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].id, taken.delivery());
    assert_eq!(deliveries[0].version, Some(1));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_was_committed_after_its_refusal_makes_the_retry_a_repeat() {
    let host = Host::builder().config(|config| config.ack_deadline(Duration::from_millis(100))).start().await;
    let body = Body::result("r-1").bytes();
    let lock = host.database.lock();
    assert_refused(&host.post("interview_result", &body).await, 503);

    drop(lock);
    host.database.wait_for_deliveries(1).await;
    let retried = post_until_taken(&host, &body).await;

    let deliveries = host.database.deliveries();
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].id, retried.delivery());
    assert!(deliveries[0].repeat_count >= 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_the_queue_full_is_refused_at_once_and_what_is_in_it_is_recorded() {
    let full = |config: rocket_mojito::MojitoConfig| {
        config.queue_limit(ByteUnit::from(1)).ack_deadline(Duration::from_secs(60))
    };
    let host = Host::builder().config(full).start().await;
    let bodies: Vec<Vec<u8>> = (0..5).map(|number| Body::result(&format!("r-{number}")).bytes()).collect();
    let lock = host.database.lock();

    let mut posts: Vec<_> = bodies.iter().map(|body| Box::pin(host.post("interview_result", body))).collect();
    while posts.len() > 1 {
        let (answer, _, rest) = select_all(posts).await;
        assert_refused(&answer, 503);
        posts = rest;
    }
    drop(lock);
    let [last] = posts.try_into().ok().unwrap();
    let answer = last.await;

    assert_eq!(answer.status, 200);
    let deliveries = host.database.deliveries();
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].id, answer.delivery());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_broken_refuses_and_one_that_is_repaired_takes() {
    let host = Host::builder().start().await;
    let body = Body::result("r-1").bytes();
    host.database.run("ALTER TABLE mojito_deliveries RENAME TO elsewhere");

    let refused = host.post("interview_result", &body).await;
    host.database.run("ALTER TABLE elsewhere RENAME TO mojito_deliveries");
    let taken = host.post("interview_result", &body).await;

    assert_refused(&refused, 503);
    assert_eq!(taken.status, 200);
    let deliveries = host.database.deliveries();
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].repeat_count, 0);
    host.stop().await;
}

// Shows P2.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_the_database_refuses_does_not_refuse_its_neighbours() {
    let host = Host::builder().start().await;
    host.database.run(
        "CREATE TRIGGER refuse BEFORE INSERT ON mojito_deliveries WHEN NEW.result_id = 'r-3' \
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    );
    let bodies: Vec<Vec<u8>> = (0..6).map(|number| Body::result(&format!("r-{number}")).bytes()).collect();
    let lock = host.database.lock();

    // The first occupies the recorder until the lock is dropped; the others, which wait meanwhile, are a batch.
    let mut connections = Vec::new();
    for body in &bodies {
        let mut connection = host.connect().await;
        connection.begin_body(BASE, body.len()).await;
        connection.send(body).await;
        connections.push(connection);
    }
    host.post_with(BASE, &[], b"{}").await;
    drop(lock);

    for (number, connection) in connections.iter_mut().enumerate() {
        let answer = connection.answer().await.unwrap();
        match number {
            3 => assert_refused(&answer, 503),
            _ => assert_eq!(answer.status, 200, "{number}: {answer:?}"),
        }
    }
    assert_eq!(host.database.deliveries().len(), 5);
    host.stop().await;
}
