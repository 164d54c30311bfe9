use std::time::Duration;

use diesel_async::SimpleAsyncConnection as _;
use mojito_schema::{
    Action, AttemptOutcome, AttemptRow, Expiry, Line, Postgres, Requeue, Settlement, State, Ticket, Timestamp, prune,
};

use super::{LEASE, begun, claim_one, claimed, only_work, record, result, settle};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    nothing_is_kept_of_a_success_at_once,
    each_outcome_is_kept_and_the_success_after_it,
    a_success_that_is_rolled_back_is_not_kept,
    a_retry_after_the_last_attempt_is_kept_as_what_it_was,
    a_stale_ticket_and_a_release_are_not_kept,
    a_lost_attempt_has_lapsed_each_time,
    a_replay_keeps_what_was_and_adds_to_it,
    a_replay_of_a_success_at_once_is_not_kept,
    what_an_older_version_has_failed_is_followed_by_its_success,
    attempts_go_with_their_delivery,
    an_erasure_removes_the_errors_and_counts_them,
);

fn retry(outcome: AttemptOutcome) -> Settlement {
    Settlement::Retry { pause: Duration::ZERO, error: format!("it has {outcome}"), outcome }
}

fn discard() -> Settlement {
    Settlement::Discard { error: "no such office".to_owned() }
}

/// Completes as a handler with a transaction does.
async fn commit<B: TestBackend>(store: &mut Store<B>, ticket: &Ticket) {
    assert!(B::begin(&mut store.connection, ticket.clone(), LEASE, Timestamp::now()).await.unwrap());
    B::commit(&mut store.connection, Some(ticket.line())).await.unwrap();
}

/// The attempts that are stored of the first delivery.
async fn kept<B: TestBackend>(store: &mut Store<B>) -> Vec<AttemptRow> {
    B::attempts(&mut store.connection, 1).await.unwrap()
}

/// Number and outcome of each.
fn told(kept: &[AttemptRow]) -> Vec<(i32, AttemptOutcome)> {
    kept.iter().map(|row| (row.attempt, row.outcome)).collect()
}

async fn replay<B: TestBackend>(store: &mut Store<B>) {
    let step = begun::<B>(&mut store.connection, Action::Replay).await;
    let line = Line { first_delivery_id: 1, handler: "Desk".to_owned() };
    let item = Requeue { delivery_id: 1, line, max_attempts: None };
    let requeued = B::requeue(&mut store.connection, vec![item], step, Timestamp::now()).await.unwrap();
    assert_eq!(requeued.unwrap().work, 1);
}

async fn nothing_is_kept_of_a_success_at_once<B: TestBackend>() {
    let (mut store, first) = claimed::<B>().await;

    commit(&mut store, &first).await;
    record(&mut store, vec![result("s", "a")]).await;
    let second = claim_one(&mut store).await.ticket;
    assert!(settle(&mut store, &second, Settlement::Complete).await);

    let rows = store.texts("SELECT CAST(count(*) AS TEXT) AS value FROM mojito_attempts").await;
    assert_eq!(rows, ["0"]);
    assert!(store.work().await.iter().all(|work| !work.has_attempts && work.started_at <= work.finished_at));
}

async fn each_outcome_is_kept_and_the_success_after_it<B: TestBackend>() {
    use AttemptOutcome::{Completed, Discarded, Failed, Panicked, TimedOut};
    let (mut store, mut ticket) = claimed::<B>().await;
    store.run("UPDATE mojito_work SET max_attempts = 9").await;

    for outcome in [Failed, Panicked, TimedOut] {
        assert!(settle(&mut store, &ticket, retry(outcome)).await);
        ticket = claim_one(&mut store).await.ticket;
    }
    commit(&mut store, &ticket).await;
    record(&mut store, vec![result("s", "a")]).await;
    let given_up = claim_one(&mut store).await.ticket;
    settle(&mut store, &given_up, discard()).await;

    let kept = kept(&mut store).await;
    let other = B::attempts(&mut store.connection, given_up.delivery_id).await.unwrap();
    assert_eq!(told(&kept), [(1, Failed), (2, Panicked), (3, TimedOut), (4, Completed)]);
    assert_eq!(told(&other), [(1, Discarded)]);
    let errors: Vec<_> = kept.iter().chain(&other).map(|row| row.error.as_deref()).collect();
    let expected = ["it has failed", "it has panicked", "it has timed_out"].map(Some);
    assert_eq!(errors, [expected.as_slice(), &[None, Some("no such office")]].concat());
    assert!(kept.iter().all(|row| row.started_at.is_some_and(|began| began <= row.ended_at)), "{kept:?}");
    assert!(kept.iter().all(|row| (row.delivery_id, row.handler.as_str()) == (1, "Desk")), "{kept:?}");
}

async fn a_success_that_is_rolled_back_is_not_kept<B: TestBackend>() {
    let (mut store, first) = claimed::<B>().await;
    settle(&mut store, &first, retry(AttemptOutcome::Failed)).await;
    let second = claim_one(&mut store).await.ticket;

    assert!(B::begin(&mut store.connection, second.clone(), LEASE, Timestamp::now()).await.unwrap());
    B::rollback(&mut store.connection).await.unwrap();
    settle(&mut store, &second, Settlement::Complete).await;

    assert_eq!(told(&kept(&mut store).await), [(1, AttemptOutcome::Failed), (2, AttemptOutcome::Completed)]);
}

async fn a_retry_after_the_last_attempt_is_kept_as_what_it_was<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;
    store.run("UPDATE mojito_work SET max_attempts = 1").await;

    settle(&mut store, &ticket, retry(AttemptOutcome::Panicked)).await;

    assert_eq!(only_work(&mut store).await.state, State::Discarded);
    assert_eq!(told(&kept(&mut store).await), [(1, AttemptOutcome::Panicked)]);
}

async fn a_stale_ticket_and_a_release_are_not_kept<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;
    let stale = Ticket { epoch: ticket.epoch ^ 1, has_attempts: true, ..ticket.clone() };

    for settlement in [Settlement::Complete, retry(AttemptOutcome::Failed), discard(), Settlement::Release] {
        assert!(!settle(&mut store, &stale, settlement).await);
    }
    assert!(!B::begin(&mut store.connection, stale, LEASE, Timestamp::now()).await.unwrap());
    assert!(settle(&mut store, &ticket, Settlement::Release).await);

    assert_eq!(told(&kept(&mut store).await), []);
}

async fn a_lost_attempt_has_lapsed_each_time<B: TestBackend>() {
    let (mut store, _) = claimed::<B>().await;

    for _ in 0..3 {
        store.lapse().await;
        B::renew_and_rescue(&mut store.connection, Vec::new(), LEASE, Timestamp::now()).await.unwrap();
        // A suspect that waits for its turn is looked at again.
        B::renew_and_rescue(&mut store.connection, Vec::new(), LEASE, Timestamp::now()).await.unwrap();
        if only_work(&mut store).await.state != State::Discarded {
            claim_one(&mut store).await;
        }
    }

    let kept = kept(&mut store).await;
    assert_eq!(told(&kept), [1, 2, 3].map(|attempt| (attempt, AttemptOutcome::Lapsed)));
    assert!(kept.iter().all(|row| row.started_at.is_some() && row.error.is_none()), "{kept:?}");
}

async fn a_replay_keeps_what_was_and_adds_to_it<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;
    settle(&mut store, &ticket, discard()).await;

    for _ in 0..2 {
        replay(&mut store).await;
        let again = claim_one(&mut store).await;
        assert_eq!(again.attempt, 1);
        commit(&mut store, &again.ticket).await;
    }

    let expected = [AttemptOutcome::Discarded, AttemptOutcome::Completed, AttemptOutcome::Completed];
    assert_eq!(told(&kept(&mut store).await), expected.map(|outcome| (1, outcome)));
}

async fn a_replay_of_a_success_at_once_is_not_kept<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;
    commit(&mut store, &ticket).await;
    replay(&mut store).await;

    let again = claim_one(&mut store).await.ticket;
    commit(&mut store, &again).await;

    assert_eq!(told(&kept(&mut store).await), []);
}

/// It writes no history, and knows neither column.
async fn what_an_older_version_has_failed_is_followed_by_its_success<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;
    settle(&mut store, &ticket, retry(AttemptOutcome::Failed)).await;
    store.run("DELETE FROM mojito_attempts").await;
    store.run("UPDATE mojito_work SET has_attempts = NOT has_attempts, started_at = NULL").await;

    let second = claim_one(&mut store).await.ticket;
    store.run("UPDATE mojito_work SET started_at = NULL").await;
    commit(&mut store, &second).await;

    let kept = kept(&mut store).await;
    assert_eq!(told(&kept), [(2, AttemptOutcome::Completed)]);
    assert_eq!(kept[0].started_at, None);
}

async fn attempts_go_with_their_delivery<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;
    settle(&mut store, &ticket, discard()).await;
    record(&mut store, vec![result("r", "b")]).await;
    let second = claim_one(&mut store).await.ticket;
    settle(&mut store, &second, discard()).await;

    prune::<B>(&mut store.connection, Expiry::before(Timestamp::now().after(LEASE)), 0, 100).await.unwrap();

    let left = store.texts("SELECT CAST(delivery_id AS TEXT) AS value FROM mojito_attempts").await;
    assert_eq!(left, [second.delivery_id.to_string()], "the newest version is a state, and stays");
}

async fn an_erasure_removes_the_errors_and_counts_them<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;
    settle(&mut store, &ticket, retry(AttemptOutcome::Failed)).await;
    let second = claim_one(&mut store).await.ticket;
    settle(&mut store, &second, discard()).await;
    record(&mut store, vec![result("s", "a")]).await;
    let other = claim_one(&mut store).await.ticket;
    settle(&mut store, &other, discard()).await;
    let (endpoint, id) = ("default".to_owned(), "r".to_owned());

    let counted = B::count_erasure(&mut store.connection, endpoint.clone(), id.clone()).await.unwrap();
    let erased = B::begin_erasure(&mut store.connection, endpoint, id, Timestamp::now()).await.unwrap();
    B::commit(&mut store.connection, None).await.unwrap();

    let kept = kept(&mut store).await;
    assert_eq!((counted, erased.errors), (erased, 3), "two of the history, one of the work");
    assert_eq!(told(&kept), [(1, AttemptOutcome::Failed), (2, AttemptOutcome::Discarded)]);
    assert!(kept.iter().all(|row| row.error.is_none()));
    let others = B::attempts(&mut store.connection, other.delivery_id).await.unwrap();
    assert_eq!(others[0].error.as_deref(), Some("no such office"));
}

// Shows M36.
/// A session that somebody has forgotten, or a program of the host's, holds the delivery for as long as it likes.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_a_delivery_keeps_nobody_from_settling_an_attempt_on_it() {
    let (mut store, ticket) = claimed::<Postgres>().await;
    let mut holder = store.another().await;
    holder.batch_execute("BEGIN; SELECT 1 FROM mojito_deliveries FOR UPDATE").await.unwrap();

    assert!(settle(&mut store, &ticket, retry(AttemptOutcome::Failed)).await);
    let second = claim_one(&mut store).await.ticket;
    commit(&mut store, &second).await;

    assert_eq!(told(&kept(&mut store).await), [(1, AttemptOutcome::Failed), (2, AttemptOutcome::Completed)]);
}
