//! A clock may be wrong: one reading of it removes nothing, and nothing waits until it is there again. On Postgres the
//! database's own judges.

use std::time::Duration;

use mojito_schema::{
    AttemptOutcome, ClaimRequest, Expiry, NewDelivery, Operations, Postgres, Settlement, Timestamp, WorkQueue,
};

use super::{LEASE, claim, claim_one, only_work, received, record, result};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    one_reading_of_the_clock_removes_nothing,
    a_reading_is_stored_once_in_six_hours,
    a_delivery_received_by_a_clock_that_was_behind_stays_as_long_as_others,
    a_delivery_received_by_a_clock_that_was_ahead_goes_by_the_readings,
    deliveries_received_by_a_clock_that_was_ahead_stop_no_pruning,
    a_lease_taken_while_the_clock_was_ahead_is_cut_to_its_length,
    a_pause_set_while_the_clock_was_ahead_is_cut_to_its_length,
);

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

/// A moment before this one, as a statement says it.
fn ago<B: TestBackend>(hours: u32) -> String {
    match B::NAME {
        "SQLite" => format!("strftime('%Y-%m-%d %H:%M:%f', 'now', '-{hours} hours')"),
        _ => format!("now() - interval '{hours} hours'"),
    }
}

/// Stores readings: how many hours ago, and after which delivery.
async fn store_readings<B: TestBackend>(store: &mut Store<B>, readings: &[(u32, i64)]) {
    for (number, (hours, last_delivery_id)) in readings.iter().enumerate() {
        let at = ago::<B>(*hours);
        store.run(&format!("INSERT INTO mojito_clock_readings VALUES ({number}, {at}, {last_delivery_id})")).await;
    }
}

/// Moves what waits as far ahead as the clock would have been.
async fn put_back_the_clock<B: TestBackend>(store: &mut Store<B>) {
    let ahead = |column: &str| match B::NAME {
        "SQLite" => format!("{column} = strftime('%Y-%m-%d %H:%M:%f', {column}, '+1000 days')"),
        _ => format!("{column} = {column} + interval '1000 days'"),
    };
    let columns = ["measured_from", "lease_until", "due_at"].map(ahead).join(", ");
    store.run(&format!("UPDATE mojito_work SET {columns}")).await;
}

async fn confirmed<B: TestBackend>(store: &mut Store<B>, age: Duration) -> Option<Expiry> {
    let clock = B::read_clock(&mut store.connection, 400 * DAY, Timestamp::now()).await.unwrap();
    clock.confirmed_expiry(age)
}

/// Records these, and completes their work.
async fn record_done<B: TestBackend>(store: &mut Store<B>, batch: Vec<NewDelivery>) {
    record(store, batch).await;
    for claim in claim(store, 10).await {
        B::settle(&mut store.connection, claim.ticket, Settlement::Complete, Timestamp::now()).await.unwrap();
    }
}

async fn has_body<B: TestBackend>(store: &mut Store<B>) -> Vec<bool> {
    store.deliveries().await.iter().map(|row| row.body.is_some()).collect()
}

// Shows M20.
async fn one_reading_of_the_clock_removes_nothing<B: TestBackend>() {
    for (hours, is_confirmed) in [(0, false), (23, false), (25, true)] {
        let mut store = Store::<B>::open().await;
        record_done(&mut store, vec![received(Timestamp::now().before(200 * DAY), result("r", "1"))]).await;
        store_readings(&mut store, &[(hours, 1)]).await;

        let expiry = confirmed(&mut store, 90 * DAY).await;
        if let Some(expiry) = expiry {
            B::prune_bodies(&mut store.connection, expiry, 10).await.unwrap();
        }

        assert_eq!(expiry.is_some(), is_confirmed, "after {hours} hours");
        assert_eq!(has_body(&mut store).await, [!is_confirmed], "after {hours} hours");
    }
}

async fn a_reading_is_stored_once_in_six_hours<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let readings = "SELECT CAST(count(*) AS TEXT) AS value FROM mojito_clock_readings";

    let mut counts = Vec::new();
    for _ in 0..2 {
        B::read_clock(&mut store.connection, DAY, Timestamp::now()).await.unwrap();
        counts.extend(store.texts(readings).await);
    }
    store.run(&format!("UPDATE mojito_clock_readings SET at = {}", ago::<B>(7))).await;
    B::read_clock(&mut store.connection, DAY, Timestamp::now()).await.unwrap();
    counts.extend(store.texts(readings).await);

    assert_eq!(counts, ["1", "1", "2"]);
}

async fn a_delivery_received_by_a_clock_that_was_behind_stays_as_long_as_others<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record_done(&mut store, vec![received(Timestamp::now().before(200 * DAY), result("a", "1"))]).await;
    store_readings(&mut store, &[(48, 1)]).await;
    record_done(&mut store, vec![received(Timestamp::now().before(20_000 * DAY), result("b", "1"))]).await;

    let expiry = confirmed(&mut store, 90 * DAY).await.unwrap();
    B::prune_bodies(&mut store.connection, expiry, 10).await.unwrap();
    let step = B::prune_deliveries(&mut store.connection, expiry, 0, 10).await.unwrap();

    assert_eq!(has_body(&mut store).await, [false, true]);
    assert_eq!(step.next_after, None);
}

async fn a_delivery_received_by_a_clock_that_was_ahead_goes_by_the_readings<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let ahead = || Timestamp::now().after(1_000 * DAY);
    record_done(&mut store, vec![received(ahead(), result("a", "1")), received(ahead(), result("b", "1"))]).await;
    store_readings(&mut store, &[(120 * 24, 1), (30, 2)]).await;

    let expiry = confirmed(&mut store, 90 * DAY).await.unwrap();
    let removed = B::prune_bodies(&mut store.connection, expiry, 10).await.unwrap();

    assert_eq!((removed, has_body(&mut store).await), (1, vec![false, true]), "the second may be of yesterday");
}

async fn deliveries_received_by_a_clock_that_was_ahead_stop_no_pruning<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let (past, ahead) = (Timestamp::now().before(500 * DAY), Timestamp::now().after(1_000 * DAY));
    let moments = [ahead, ahead, past, past].into_iter().zip(["1", "2", "3", "4"]);
    record_done(&mut store, moments.map(|(at, text)| received(at, result("r", text))).collect()).await;
    store_readings(&mut store, &[(30, 9)]).await;
    store.run("DELETE FROM mojito_work").await;

    let expiry = confirmed(&mut store, 400 * DAY).await.unwrap();
    let (mut after, mut removed) = (Some(0), 0);
    while let Some(last_id) = after {
        let step = B::prune_deliveries(&mut store.connection, expiry, last_id, 1).await.unwrap();
        removed += step.removed;
        after = step.next_after;
    }

    assert_eq!(removed, 1, "the last is the result's state");
}

async fn a_lease_taken_while_the_clock_was_ahead_is_cut_to_its_length<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a")]).await;
    claim_one(&mut store).await;

    let before = B::overlong_waits(&mut store.connection, Timestamp::now()).await.unwrap();
    put_back_the_clock(&mut store).await;
    let overlong = B::overlong_waits(&mut store.connection, Timestamp::now()).await.unwrap();
    let cut = B::cut_waits(&mut store.connection, overlong.clone(), Timestamp::now()).await.unwrap();
    let left = B::overlong_waits(&mut store.connection, Timestamp::now()).await.unwrap();

    let lease_until = only_work(&mut store).await.lease_until.unwrap();
    assert_eq!((before.len(), overlong.len(), cut, left.len()), (0, 1, 1, 0));
    assert!(lease_until > Timestamp::now() && lease_until < Timestamp::now().after(LEASE + HOUR), "{lease_until}");
}

async fn a_pause_set_while_the_clock_was_ahead_is_cut_to_its_length<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a")]).await;
    let ticket = claim_one(&mut store).await.ticket;
    let retry = Settlement::Retry { pause: 3 * DAY, error: "no".to_owned(), outcome: AttemptOutcome::Failed };
    B::settle(&mut store.connection, ticket, retry, Timestamp::now()).await.unwrap();

    let before = B::overlong_waits(&mut store.connection, Timestamp::now()).await.unwrap();
    put_back_the_clock(&mut store).await;
    let overlong = B::overlong_waits(&mut store.connection, Timestamp::now()).await.unwrap();
    let cut = B::cut_waits(&mut store.connection, overlong, Timestamp::now()).await.unwrap();

    let due_at = only_work(&mut store).await.due_at.unwrap();
    assert_eq!((before.len(), cut), (0, 1));
    assert!(due_at > Timestamp::now().after(3 * DAY - HOUR) && due_at < Timestamp::now().after(3 * DAY), "{due_at}");
}

// Shows F61.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_clock_is_wrong_neither_claims_nor_retries_nor_rescues_at_the_wrong_time() {
    for wrong in [Timestamp::now().before(Duration::from_secs(7200)), Timestamp::now().after(Duration::from_secs(7200))]
    {
        let mut store = Store::<Postgres>::open().await;
        record(&mut store, vec![result("r", "a")]).await;

        let claims =
            Postgres::claim(&mut store.connection, ClaimRequest::new("Desk", 1, LEASE), wrong).await.unwrap().claims;
        let lease_until = only_work(&mut store).await.lease_until.unwrap();
        let rescue = Postgres::renew_and_rescue(&mut store.connection, Vec::new(), LEASE, wrong).await.unwrap();
        let retry = Settlement::Retry {
            pause: Duration::from_millis(1),
            error: "no".to_owned(),
            outcome: AttemptOutcome::Failed,
        };
        Postgres::settle(&mut store.connection, claims[0].ticket.clone(), retry, wrong).await.unwrap();
        let due_at = only_work(&mut store).await.due_at.unwrap();

        assert!(lease_until > Timestamp::now() && lease_until < Timestamp::now().after(2 * LEASE), "{lease_until}");
        assert_eq!(rescue.rescued, 0);
        assert!(due_at > Timestamp::now().before(LEASE) && due_at < Timestamp::now().after(LEASE), "{due_at}");
        assert_eq!(claim_one(&mut store).await.attempt, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_clock_is_ahead_removes_nothing_from_the_others() {
    let mut store = Store::<Postgres>::open().await;
    record_done(&mut store, vec![received(Timestamp::now().before(30 * DAY), result("r", "1"))]).await;
    store_readings(&mut store, &[(25, 1)]).await;

    let ahead = Timestamp::now().after(1_000 * DAY);
    let clock = Postgres::read_clock(&mut store.connection, 400 * DAY, ahead).await.unwrap();
    for expiry in [clock.expiry(90 * DAY), clock.confirmed_expiry(90 * DAY).unwrap()] {
        Postgres::prune_bodies(&mut store.connection, expiry, 10).await.unwrap();
    }

    assert_eq!(has_body(&mut store).await, [true]);
}
