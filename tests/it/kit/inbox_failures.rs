use std::time::Duration;

use rocket_mojito::testing::{Performed, TestInbox};
use rocket_mojito::{AttemptOutcome, Event, EventKind};

use super::handler::{Kit, Way};
use super::{count, inbox_with};
use crate::harness::{TestBackend, on_each_backend};

/// The lease of a host that has set none.
const LEASE: Duration = Duration::from_secs(60);

on_each_backend!(
    a_commit_that_fails_is_rolled_back_and_made_again,
    a_process_that_dies_before_the_commit_leaves_nothing_and_its_work_is_rescued,
    a_process_that_dies_after_the_commit_has_done_its_work,
    without_a_transaction_a_death_after_the_answer_repeats_the_attempt,
    a_failure_is_of_one_inbox_and_happens_once,
);

async fn post(inbox: &TestInbox) {
    assert!(inbox.post(&Event::example(EventKind::InterviewResult)).await.unwrap().is_acknowledged());
}

async fn a_commit_that_fails_is_rolled_back_and_made_again<B: TestBackend>() {
    let (_storage, database, inbox) = inbox_with::<B>(Kit::new(Way::Effect), |config| config).await;
    post(&inbox).await;

    inbox.fail_next_commit();
    let failed = inbox.drain().await.unwrap();
    let after_failure = count(&database, "effects").await;
    inbox.advance(failed[0].retry_in().unwrap()).await.unwrap();
    let again = inbox.drain().await.unwrap();

    assert_eq!((failed[0].outcome(), after_failure), (AttemptOutcome::Failed, 0));
    assert!(failed[0].error().unwrap().starts_with("the commit failed"), "{:?}", failed[0].error());
    assert_eq!((again[0].attempt(), again[0].is_completed()), (2, true));
    assert_eq!(count(&database, "effects").await, 1);
    inbox.stop().await;
}

// Shows O25.
async fn a_process_that_dies_before_the_commit_leaves_nothing_and_its_work_is_rescued<B: TestBackend>() {
    let (_storage, database, inbox) = inbox_with::<B>(Kit::new(Way::Effect), |config| config).await;
    post(&inbox).await;

    inbox.die_before_commit();
    let died = inbox.drain().await.unwrap();
    let after_death = count(&database, "effects").await;
    let under_lease = inbox.drain().await.unwrap();
    inbox.advance(LEASE).await.unwrap();
    let rescued = inbox.drain().await.unwrap();

    assert_eq!((died[0].outcome(), died[0].has_died(), after_death), (AttemptOutcome::Lapsed, true, 0));
    assert_eq!(under_lease.len(), 0);
    assert_eq!((rescued[0].attempt(), rescued[0].is_completed()), (2, true));
    assert_eq!(count(&database, "effects").await, 1);
    inbox.stop().await;
}

async fn a_process_that_dies_after_the_commit_has_done_its_work<B: TestBackend>() {
    let (_storage, database, inbox) = inbox_with::<B>(Kit::new(Way::Effect), |config| config).await;
    post(&inbox).await;

    inbox.die_after_commit();
    let died = inbox.drain().await.unwrap();
    inbox.advance(LEASE).await.unwrap();

    assert_eq!((died[0].is_completed(), died[0].has_died()), (true, true));
    assert_eq!(inbox.drain().await.unwrap().len(), 0);
    assert_eq!(count(&database, "effects").await, 1);
    inbox.stop().await;
}

async fn without_a_transaction_a_death_after_the_answer_repeats_the_attempt<B: TestBackend>() {
    let (_storage, _database, inbox) = inbox_with::<B>(Kit::new(Way::Nothing), |config| config).await;
    post(&inbox).await;

    inbox.die_after_commit();
    let died = inbox.drain().await.unwrap();
    inbox.advance(LEASE).await.unwrap();
    let again = inbox.drain().await.unwrap();

    assert_eq!((died[0].outcome(), again[0].attempt()), (AttemptOutcome::Lapsed, 2));
    assert!(again[0].is_completed());
    inbox.stop().await;
}

async fn a_failure_is_of_one_inbox_and_happens_once<B: TestBackend>() {
    let (_storage, _database, inbox) = inbox_with::<B>(Kit::new(Way::Effect), |config| config).await;
    let (_other_storage, _other_database, other) = inbox_with::<B>(Kit::new(Way::Effect), |config| config).await;
    post(&inbox).await;
    post(&other).await;
    inbox.post(&Event::example(EventKind::InterviewResult).id("second")).await.unwrap();

    inbox.fail_next_commit();
    let of_other = other.drain().await.unwrap();
    let own = inbox.drain().await.unwrap();

    assert!(of_other[0].is_completed());
    assert_eq!(own.iter().map(Performed::is_completed).collect::<Vec<_>>(), [false, true]);
    inbox.stop().await;
    other.stop().await;
}
