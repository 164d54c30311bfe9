use std::sync::Arc;

use mojito_schema::State;
use tokio::sync::Notify;

use super::{host, is_in, work_on};
use crate::harness::{Body, Host, ScriptedAction, eventually, next};

/// Changes the row as another worker's claim does, without another worker.
fn take_over(host: &Host, delivery: i64) {
    host.database.run(&format!("UPDATE mojito_work SET epoch = 7 WHERE delivery_id = {delivery}"));
}

/// A host in which another worker has taken over a delivery while its handler waited. The handler has gone on since,
/// and ends as `act` says. The deliveries are the contested one, and one that came later and is completed.
async fn taken_over(act: fn(Arc<Notify>) -> ScriptedAction) -> (Host, i64, i64) {
    let gate = Arc::new(Notify::new());
    let (host, mut seen) = host({
        let gate = Arc::clone(&gate);
        move |event, _| match event.payload().id.as_str() {
            "contested" => act(Arc::clone(&gate)),
            _ => ScriptedAction::Effect,
        }
    })
    .await;
    let contested = host.post("interview_result", &Body::result("contested").bytes()).await.delivery();
    next(&mut seen).await;
    take_over(&host, contested);
    gate.notify_one();
    let other = host.post("interview_result", &Body::result("other").bytes()).await.delivery();
    eventually("the other is completed", || is_in(&host, other, State::Completed)).await;
    (host, contested, other)
}

// Shows P3, F51.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_lease_can_commit_no_effect() {
    let (host, contested, other) = taken_over(ScriptedAction::WaitThenEffect).await;

    let work = work_on(&host, contested);
    assert_eq!((work.state, work.epoch), (State::Running, 7), "the new owner's claim is untouched");
    assert!(host.database.effects().iter().all(|effect| effect.delivery_id == other));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn swallowing_the_loss_of_the_lease_does_not_complete_the_work() {
    let (host, contested, _) = taken_over(ScriptedAction::WaitThenSwallow).await;

    assert_eq!(work_on(&host, contested).state, State::Running);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_lease_cannot_settle_without_a_transaction_either() {
    let (host, contested, _) = taken_over(ScriptedAction::Wait).await;

    assert_eq!(work_on(&host, contested).state, State::Running);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lapsed_lease_is_rescued_and_the_attempt_counts() {
    let (host, mut seen) = host(|_, _| ScriptedAction::Effect).await;
    let delivery = host.post("interview_result", &Body::result("r").bytes()).await.delivery();
    next(&mut seen).await;
    eventually("it is completed", || is_in(&host, delivery, State::Completed)).await;

    // As a process leaves it that was killed in its first attempt.
    host.database.run(
        "UPDATE mojito_work SET state = 'running', finished_at = NULL, is_first = 1,
         lease_until = datetime('now', '-1 second')",
    );
    let again = next(&mut seen).await;
    eventually("it is completed", || is_in(&host, delivery, State::Completed)).await;

    assert_eq!(again.attempt, 2);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_lapsed_in_the_last_attempt_is_a_discard() {
    let (host, mut seen) = host(|_, _| ScriptedAction::Effect).await;
    let delivery = host.post("interview_result", &Body::result("r").bytes()).await.delivery();
    next(&mut seen).await;
    eventually("it is completed", || is_in(&host, delivery, State::Completed)).await;

    host.database.run(
        "UPDATE mojito_work SET state = 'running', finished_at = NULL, attempt = max_attempts,
             lease_until = datetime('now', '-1 second')",
    );
    eventually("it is discarded", || is_in(&host, delivery, State::Discarded)).await;

    let error = work_on(&host, delivery).last_error.unwrap();
    assert!(error.starts_with("the lease lapsed"), "{error}");
    host.stop().await;
}
