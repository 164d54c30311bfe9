use std::time::Duration;

use mojito_schema::{EndpointFacts, SecretUse, Settlement, Ticket, Timestamp};

use super::{at, claim, garbled, received, record, result, settle};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    the_last_use_of_a_secret_is_noted_and_never_an_earlier_one,
    an_endpoint_tells_what_waits_for_it_and_what_it_heard,
    a_handler_tells_what_it_has_to_do,
);

fn used(endpoint: &str, secret: &str, last_used_at: Timestamp) -> SecretUse {
    SecretUse { endpoint: endpoint.to_owned(), secret_id: secret.to_owned(), last_used_at }
}

async fn endpoints<B: TestBackend>(store: &mut Store<B>, configured: &[&str]) -> Vec<EndpointFacts> {
    let configured = configured.iter().map(|&name| name.to_owned()).collect();
    B::endpoints(&mut store.connection, configured).await.unwrap()
}

// Shows O20.
async fn the_last_use_of_a_secret_is_noted_and_never_an_earlier_one<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    // Both databases keep microseconds.
    let late = Timestamp::from_rfc3339("2026-01-02T00:00:00.123456Z").unwrap();
    let early = late.before(Duration::from_secs(60));

    let first = vec![used("default", "new", early), used("default", "old", early)];
    B::note_uses(&mut store.connection, first).await.unwrap();
    B::note_uses(&mut store.connection, vec![used("other", "a", early), used("default", "new", late)]).await.unwrap();
    B::note_uses(&mut store.connection, vec![used("default", "new", early)]).await.unwrap();

    let found = endpoints(&mut store, &[]).await;
    let uses: Vec<_> = found.iter().flat_map(|endpoint| endpoint.uses.clone()).collect();
    assert_eq!(uses, [used("default", "new", late), used("default", "old", early), used("other", "a", early)]);
    assert_eq!([found[0].last_received, found[1].last_received], [Some(late), Some(early)]);
}

async fn an_endpoint_tells_what_waits_for_it_and_what_it_heard<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let now = Timestamp::from_rfc3339("2026-01-02T00:00:00.123456Z").unwrap();
    let hours = |hours: u64| now.before(Duration::from_secs(hours * 3600));
    let of = |endpoint: &str, id: &str, age: u64| received(hours(age), at(endpoint, result(id, "a")));
    let batch = vec![of("a", "1", 5), of("a", "2", 4), of("b", "3", 3), received(hours(2), at("a", garbled("?")))];
    record(&mut store, batch).await;
    record(&mut store, vec![received(hours(1), at("a", result("2", "b")))]).await;
    let done = claim_one_of(&mut store, 1).await;
    assert!(settle(&mut store, &done, Settlement::Complete).await);

    let found = endpoints(&mut store, &["b", "c"]).await;

    let told: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.waiting, one.quarantined, one.is_cut)).collect();
    assert_eq!(told, [("a", 2, 1, false), ("b", 1, 0, false), ("c", 0, 0, false)]);
    let oldest: Vec<_> = found.iter().map(|endpoint| endpoint.oldest_waiting).collect();
    assert_eq!(oldest, [Some(hours(4)), Some(hours(3)), None]);
    // An older version of the program notes no use: then the newest deliveries tell.
    let received: Vec<_> = found.iter().map(|endpoint| endpoint.last_received).collect();
    assert_eq!(received, [Some(hours(1)), Some(hours(3)), None]);
}

/// Claims for the delivery of this id, which is the oldest.
async fn claim_one_of<B: TestBackend>(store: &mut Store<B>, delivery: i64) -> Ticket {
    let claim = claim(store, 1).await.remove(0);
    assert_eq!(claim.delivery.id, delivery);
    claim.ticket
}

async fn a_handler_tells_what_it_has_to_do<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let came = Timestamp::from_rfc3339("2026-01-02T00:00:00.123456Z").unwrap();
    let of = |id: &str, seconds: u64| received(came.after(Duration::from_secs(seconds)), result(id, "a"));
    record(&mut store, vec![of("1", 1), of("2", 2), of("3", 3), of("4", 4)]).await;

    let none_failed = B::known_handlers(&mut store.connection).await.unwrap().remove(0);
    let dead = claim(&mut store, 1).await.remove(0);
    settle(&mut store, &dead.ticket, Settlement::Discard { error: "no".to_owned() }).await;
    claim(&mut store, 1).await;
    // The third failed long ago, and is due since before it came.
    store
        .run("UPDATE mojito_work SET state = 'retryable', attempt = 1, due_at = '2001-01-01 00:00:00' WHERE delivery_id = 3")
        .await;
    let one_failed = B::known_handlers(&mut store.connection).await.unwrap().remove(0);
    let overview = B::overview(&mut store.connection, Timestamp::now()).await.unwrap();

    assert_eq!((none_failed.waiting, none_failed.running, none_failed.discarded), (4, 0, 0));
    assert_eq!(none_failed.oldest_due, Some(came.after(Duration::from_secs(1))));
    assert_eq!((one_failed.waiting, one_failed.running, one_failed.discarded), (2, 1, 1));
    assert_eq!(one_failed.oldest_due, Timestamp::from_rfc3339("2001-01-01T00:00:00Z"));
    assert_eq!(overview.oldest_due, one_failed.oldest_due);
}
