use std::time::Duration;

use rocket_mojito::testing::{Answer, Performed};
use rocket_mojito::{Actor, AttemptOutcome, Event, EventKind, Replay, Selection};

use super::handler::{Kit, Way};
use super::{count, inbox_with};
use crate::harness::{TestBackend, on_each_backend};

on_each_backend!(
    what_is_posted_is_handled_in_a_drain_and_not_before,
    a_retry_in_hours_is_due_once_the_clock_has_moved,
    each_line_is_kept_in_its_order,
    a_hook_that_is_owed_is_called_in_the_drain,
    what_an_operator_replays_is_handled_in_the_next_drain,
);

/// The results of attempts as delivery and outcome.
fn outcomes(performed: &[Performed]) -> Vec<(i64, AttemptOutcome)> {
    performed.iter().map(|one| (one.delivery_id(), one.outcome())).collect()
}

// Shows O25.
async fn what_is_posted_is_handled_in_a_drain_and_not_before<B: TestBackend>() {
    let (_storage, database, inbox) = inbox_with::<B>(Kit::new(Way::Effect), |config| config).await;

    let result = inbox.post(&Event::example(EventKind::InterviewResult)).await.unwrap();
    let repeat = inbox.post(&Event::example(EventKind::InterviewResult)).await.unwrap();
    let failed = inbox.post(&Event::example(EventKind::InterviewFailed).id("other")).await.unwrap();
    let unknown = inbox.post(&Event::example(EventKind::Unknown).id("new")).await.unwrap();
    let garbled = inbox.post_bytes("default", EventKind::InterviewResult, b"{").await.unwrap();
    let before = count(&database, "effects").await;
    let drained = inbox.drain().await.unwrap();

    assert_eq!([&result, &repeat, &failed, &unknown, &garbled].map(Answer::status), [200; 5]);
    assert_eq!(result.delivery_id(), repeat.delivery_id());
    assert_eq!(before, 0);
    let [result, failed] = [result, failed].map(|answer| answer.delivery_id().unwrap());
    assert_eq!(outcomes(&drained), [(result, AttemptOutcome::Completed), (failed, AttemptOutcome::Completed)]);
    assert_eq!(count(&database, "effects").await, 2);
    assert_eq!(inbox.drain().await.unwrap().len(), 0);
    assert_eq!(inbox.inbox().backlog().await.unwrap().quarantined, 2);
    inbox.stop().await;
}

// Shows O25.
async fn a_retry_in_hours_is_due_once_the_clock_has_moved<B: TestBackend>() {
    let five_hours = Duration::from_secs(5 * 3600);
    let (_storage, _database, inbox) = inbox_with::<B>(Kit::new(Way::RetryIn(five_hours)), |config| config).await;
    inbox.post(&Event::example(EventKind::InterviewResult)).await.unwrap();

    let first = inbox.drain().await.unwrap();
    let at_once = inbox.drain().await.unwrap();
    inbox.advance(five_hours - Duration::from_secs(60)).await.unwrap();
    let too_early = inbox.drain().await.unwrap();
    inbox.advance(Duration::from_millis(59_500)).await.unwrap();
    let second = inbox.drain().await.unwrap();

    assert_eq!((first.len(), at_once.len(), too_early.len(), second.len()), (1, 0, 0, 1));
    assert_eq!((first[0].retry_in(), second[0].attempt()), (Some(five_hours), 2));
    inbox.stop().await;
}

async fn each_line_is_kept_in_its_order<B: TestBackend>() {
    let (_storage, _database, inbox) = inbox_with::<B>(Kit::new(Way::Fail), |config| config.max_attempts(2)).await;
    let post = async |kind, id: &str| inbox.post(&Event::example(kind).id(id)).await.unwrap().delivery_id().unwrap();
    let first = post(EventKind::InterviewCollected, "r").await;
    let second = post(EventKind::InterviewResult, "r").await;
    let other = post(EventKind::InterviewResult, "s").await;

    let drained = inbox.drain().await.unwrap();
    inbox.advance(drained[0].retry_in().unwrap()).await.unwrap();
    let later = inbox.drain().await.unwrap();

    assert_eq!(outcomes(&drained), [(first, AttemptOutcome::Failed), (other, AttemptOutcome::Failed)]);
    let of_line: Vec<i64> = later.iter().map(Performed::delivery_id).filter(|id| *id != other).collect();
    assert_eq!(of_line, [first, second], "the second waited until the first was discarded");
    inbox.stop().await;
}

async fn a_hook_that_is_owed_is_called_in_the_drain<B: TestBackend>() {
    let kit = Kit::new(Way::Discard);
    let calls = std::sync::Arc::clone(&kit.discarded);
    let (_storage, _database, inbox) = inbox_with::<B>(kit, |config| config).await;
    inbox.post(&Event::example(EventKind::InterviewFailed)).await.unwrap();

    let drained = inbox.drain().await.unwrap();

    assert!(drained[0].is_discarded());
    assert_eq!(*calls.lock().unwrap(), 1);
    inbox.drain().await.unwrap();
    assert_eq!(*calls.lock().unwrap(), 1);
    inbox.stop().await;
}

async fn what_an_operator_replays_is_handled_in_the_next_drain<B: TestBackend>() {
    let (_storage, database, inbox) = inbox_with::<B>(Kit::new(Way::Effect), |config| config).await;
    inbox.post(&Event::example(EventKind::InterviewFailed)).await.unwrap();
    inbox.drain().await.unwrap();

    inbox.inbox().replay(Replay::new(Selection::all()), Actor::new("anna")).await.unwrap();
    let drained = inbox.drain().await.unwrap();

    assert_eq!(drained.len(), 1);
    assert_eq!(count(&database, "effects").await, 2);
    inbox.stop().await;
}
