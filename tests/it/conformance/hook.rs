use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{Action, AttemptOutcome, Line, OwedHook, Requeue, Settlement, Ticket, Timestamp};

use super::{begun, claim_one, record, result};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    a_handler_that_gives_up_owes_its_hook_until_that_is_settled,
    a_hook_that_is_taken_is_nobody_elses_until_its_lease_is_over,
    a_hook_that_failed_is_owed_again_after_its_pause,
    the_last_attempt_owes_the_hook_and_no_other,
    a_last_attempt_that_was_lost_owes_the_hook,
    what_an_operator_discards_owes_no_hook,
    a_replay_takes_the_debt_back,
    an_erasure_takes_the_debt_back,
    hooks_are_taken_in_the_order_in_which_they_are_due,
);

const LEASE: Duration = Duration::from_secs(60);

/// A store with one delivery that is claimed.
async fn claimed<B: TestBackend>() -> (Store<B>, Ticket) {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a")]).await;
    let ticket = claim_one(&mut store).await.ticket;
    (store, ticket)
}

/// A store with one delivery that its handler has given up.
async fn given_up<B: TestBackend>() -> Store<B> {
    let (mut store, ticket) = claimed::<B>().await;
    give_up(&mut store, ticket).await;
    store
}

async fn give_up<B: TestBackend>(store: &mut Store<B>, ticket: Ticket) {
    let settlement = Settlement::Discard { error: "no printer".to_owned() };
    assert!(B::settle(&mut store.connection, ticket, settlement, Timestamp::now()).await.unwrap().is_some());
}

async fn take<B: TestBackend>(store: &mut Store<B>, lease: Duration) -> Option<OwedHook> {
    B::take_hook(&mut store.connection, Arc::from("Desk"), lease, Timestamp::now()).await.unwrap()
}

async fn settle<B: TestBackend>(store: &mut Store<B>, owed: OwedHook, pause: Option<Duration>) -> bool {
    B::settle_hook(&mut store.connection, owed, pause, Timestamp::now()).await.unwrap()
}

async fn a_handler_that_gives_up_owes_its_hook_until_that_is_settled<B: TestBackend>() {
    let mut store = given_up::<B>().await;

    let others = B::take_hook(&mut store.connection, Arc::from("Other"), LEASE, Timestamp::now()).await.unwrap();
    let owed = take(&mut store, Duration::ZERO).await.unwrap();
    let is_settled = settle(&mut store, owed.clone(), None).await;

    assert!(others.is_none());
    assert_eq!((owed.delivery_id, owed.error.as_str()), (1, "no printer"));
    assert_eq!(owed.claim.delivery.body.as_deref(), Some(&b"r a"[..]));
    assert!(!format!("{owed:?}").contains("printer"), "an error may quote whom it is about");
    assert!(is_settled);
    assert!(take(&mut store, LEASE).await.is_none());
}

async fn a_hook_that_is_taken_is_nobody_elses_until_its_lease_is_over<B: TestBackend>() {
    let mut store = given_up::<B>().await;

    let first = take(&mut store, Duration::ZERO).await.unwrap();
    let second = take(&mut store, LEASE).await.unwrap();
    let third = take(&mut store, LEASE).await;

    assert!(third.is_none());
    assert!(!settle(&mut store, first, None).await, "it is the second's now");
    assert!(settle(&mut store, second, None).await);
}

async fn a_hook_that_failed_is_owed_again_after_its_pause<B: TestBackend>() {
    let mut store = given_up::<B>().await;

    let owed = take(&mut store, LEASE).await.unwrap();
    assert!(settle(&mut store, owed, Some(LEASE)).await);
    let before = take(&mut store, LEASE).await;
    store.run("UPDATE mojito_work SET hook_due_at = '2001-01-01 00:00:00.000000'").await;
    let after = take(&mut store, LEASE).await;

    assert!(before.is_none() && after.is_some());
}

async fn the_last_attempt_owes_the_hook_and_no_other<B: TestBackend>() {
    let (mut store, mut ticket) = claimed::<B>().await;

    for attempt in 1..=3 {
        let settlement = Settlement::Retry {
            pause: Duration::ZERO,
            error: format!("attempt {attempt}"),
            outcome: AttemptOutcome::Failed,
        };
        assert!(
            B::settle(&mut store.connection, ticket.clone(), settlement, Timestamp::now()).await.unwrap().is_some()
        );
        if attempt < 3 {
            assert!(take(&mut store, LEASE).await.is_none(), "attempt {attempt}");
            store.run("UPDATE mojito_work SET due_at = '2001-01-01 00:00:00.000000'").await;
            ticket = claim_one(&mut store).await.ticket;
        }
    }

    assert_eq!(take(&mut store, LEASE).await.unwrap().error, "attempt 3");
}

async fn a_last_attempt_that_was_lost_owes_the_hook<B: TestBackend>() {
    let (mut store, _) = claimed::<B>().await;
    store.run("UPDATE mojito_work SET attempt = max_attempts").await;
    store.lapse().await;

    let rescue = B::renew_and_rescue(&mut store.connection, Vec::new(), LEASE, Timestamp::now()).await.unwrap();

    assert_eq!(rescue.discarded, 1);
    assert!(take(&mut store, LEASE).await.unwrap().error.contains("lapsed"));
}

async fn what_an_operator_discards_owes_no_hook<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a")]).await;
    let step = begun::<B>(&mut store.connection, Action::Discard).await;

    let discarded = B::discard(&mut store.connection, vec![(1, line())], step, Timestamp::now()).await.unwrap();

    assert_eq!(discarded, Ok(1));
    assert!(take(&mut store, LEASE).await.is_none());
}

async fn a_replay_takes_the_debt_back<B: TestBackend>() {
    let mut store = given_up::<B>().await;
    let owed = take(&mut store, Duration::ZERO).await.unwrap();
    let step = begun::<B>(&mut store.connection, Action::Replay).await;

    let item = Requeue { delivery_id: 1, line: line(), max_attempts: None };
    B::requeue(&mut store.connection, vec![item], step, Timestamp::now()).await.unwrap().unwrap();

    assert!(take(&mut store, LEASE).await.is_none());
    assert!(!settle(&mut store, owed, Some(Duration::ZERO)).await, "a call that was under way brings nothing back");
    let ticket = claim_one(&mut store).await.ticket;
    give_up(&mut store, ticket).await;
    assert!(take(&mut store, LEASE).await.is_some(), "it fails for good once more");
}

async fn an_erasure_takes_the_debt_back<B: TestBackend>() {
    let mut store = given_up::<B>().await;

    B::begin_erasure(&mut store.connection, "default".to_owned(), "r".to_owned(), Timestamp::now()).await.unwrap();
    B::commit(&mut store.connection, None).await.unwrap();

    assert!(take(&mut store, LEASE).await.is_none());
}

async fn hooks_are_taken_in_the_order_in_which_they_are_due<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    for id in ["a", "b", "c"] {
        record(&mut store, vec![result(id, "text")]).await;
        let ticket = claim_one(&mut store).await.ticket;
        give_up(&mut store, ticket).await;
    }
    store.run("UPDATE mojito_work SET hook_due_at = '2001-01-01 00:00:00.000000' WHERE delivery_id = 2").await;

    let mut taken = Vec::new();
    while let Some(owed) = take(&mut store, LEASE).await {
        taken.push(owed.delivery_id);
    }

    assert_eq!(taken, [2, 1, 3]);
}

fn line() -> Line {
    Line { first_delivery_id: 1, handler: "Desk".to_owned() }
}
