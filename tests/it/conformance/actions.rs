//! Actions as rows of the audit: the fence of each step, cancellation and takeover.

use std::time::Duration;

use mojito_schema::{
    Action, ActionState, Dismissed, Execution, Line, Requeue, Requeued, Settlement, State, Step, Stopped, Timestamp,
};

use super::{LEASE, begun, claim, garbled, record, result, states};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    a_step_tells_how_far_the_action_has_come,
    a_cancelled_action_takes_no_further_step,
    an_action_that_is_taken_over_goes_on_behind_its_last_step,
    an_action_whose_lease_lasts_or_that_has_ended_is_not_taken_over,
    rows_that_were_changed_before_a_cancellation_are_counted,
);

fn line(first_delivery_id: i64) -> Line {
    Line { first_delivery_id, handler: "Desk".to_owned() }
}

fn at(step: Step, cursor: i64) -> Step {
    Step { cursor, ..step }
}

/// Two results with dead work, two with waiting work, and a delivery in quarantine.
async fn seeded<B: TestBackend>() -> Store<B> {
    let mut store = Store::<B>::open().await;
    let mut batch: Vec<_> = ["a", "b", "c", "d"].map(|id| result(id, "1")).into();
    batch.push(garbled("?"));
    record(&mut store, batch).await;
    for claim in claim(&mut store, 2).await {
        let discard = Settlement::Discard { error: "no".to_owned() };
        B::settle(&mut store.connection, claim.ticket, discard, Timestamp::now()).await.unwrap();
    }
    store
}

async fn requeue<B: TestBackend>(store: &mut Store<B>, delivery_id: i64, step: Step) -> Result<Requeued, Stopped> {
    let item = Requeue { delivery_id, line: line(delivery_id), max_attempts: None };
    B::requeue(&mut store.connection, vec![item], step, Timestamp::now()).await.unwrap()
}

async fn take_over<B: TestBackend>(store: &mut Store<B>) -> Option<(Execution, i64)> {
    let taken = B::take_over(&mut store.connection, LEASE, Timestamp::now()).await.unwrap();
    taken.map(|taken| (taken.execution, taken.cursor))
}

/// Lets the leases of all actions lapse.
async fn lapse<B: TestBackend>(store: &mut Store<B>) {
    store.run("UPDATE mojito_audit SET lease_until = '2001-01-01 00:00:00' WHERE lease_until IS NOT NULL").await;
}

/// How far the first action has come.
async fn progress<B: TestBackend>(store: &mut Store<B>) -> (ActionState, Option<i64>, i64) {
    let row = store.audit().await.remove(0);
    (row.state, row.meant, row.affected)
}

async fn a_step_tells_how_far_the_action_has_come<B: TestBackend>() {
    let mut store = seeded::<B>().await;
    let step = begun::<B>(&mut store.connection, Action::Replay).await;

    let before = progress(&mut store).await;
    requeue(&mut store, 1, at(step, 1)).await.unwrap();
    let between = progress(&mut store).await;
    let has_ended = B::end_action(&mut store.connection, step.execution, ActionState::Done).await.unwrap();

    assert_eq!(before, (ActionState::Running, Some(9), 0));
    assert_eq!(between, (ActionState::Running, Some(9), 1));
    assert!(has_ended);
    let row = B::action(&mut store.connection, step.execution.audit_id).await.unwrap().unwrap();
    assert_eq!((row.state, row.affected), (ActionState::Done, 1));
}

// Shows O05.
async fn a_cancelled_action_takes_no_further_step<B: TestBackend>() {
    let mut store = seeded::<B>().await;
    let step = begun::<B>(&mut store.connection, Action::Replay).await;
    requeue(&mut store, 1, at(step, 1)).await.unwrap();

    let cancelled = B::cancel(&mut store.connection, step.execution.audit_id).await.unwrap();
    let again = B::cancel(&mut store.connection, step.execution.audit_id).await.unwrap();
    let (now, connection) = (Timestamp::now(), &mut store.connection);
    let discarded = B::discard(connection, vec![(3, line(3))], at(step, 3), now).await.unwrap();
    let page = B::undismissed(connection, mojito_schema::Selection::all(), 10).await.unwrap();
    let dismissed: Result<Dismissed, _> = B::dismiss(connection, page.selected, at(step, 5), now).await.unwrap();
    let admitted = B::admit(connection, 5, result("e", "?"), None, at(step, 5), now).await.unwrap();
    let requeued = requeue(&mut store, 2, at(step, 2)).await;

    assert_eq!((cancelled, again), (true, false));
    assert_eq!((requeued, discarded), (Err(Stopped), Err(Stopped)));
    assert!(dismissed.is_err() && admitted.is_err(), "{dismissed:?} {admitted:?}");
    assert_eq!(progress(&mut store).await, (ActionState::Cancelled, Some(9), 1));
    assert_eq!(states(&mut store).await, [State::Pending, State::Discarded, State::Pending, State::Pending]);
    let backlog = B::backlog(&mut store.connection, Timestamp::now()).await.unwrap();
    assert_eq!((backlog.discarded, backlog.quarantined), (1, 1));
    lapse(&mut store).await;
    assert_eq!(take_over(&mut store).await, None, "it was ended on purpose");
}

// Shows O06.
async fn an_action_that_is_taken_over_goes_on_behind_its_last_step<B: TestBackend>() {
    let mut store = seeded::<B>().await;
    let step = begun::<B>(&mut store.connection, Action::Replay).await;
    requeue(&mut store, 1, at(step, 1)).await.unwrap();
    lapse(&mut store).await;

    let has_lapsed = B::has_lapsed(&mut store.connection, Timestamp::now()).await.unwrap();
    let (execution, cursor) = take_over(&mut store).await.unwrap();
    let by_the_former = requeue(&mut store, 2, at(step, 2)).await;
    let ended_by_the_former = B::end_action(&mut store.connection, step.execution, ActionState::Failed).await.unwrap();
    let by_the_latter = requeue(&mut store, 2, Step { execution, cursor: 2, lease: LEASE }).await.unwrap();
    let twice = take_over(&mut store).await;

    assert!(has_lapsed && !ended_by_the_former);
    assert_eq!((execution.audit_id, cursor), (step.execution.audit_id, 1));
    assert_eq!((by_the_former, by_the_latter.work), (Err(Stopped), 1));
    assert_eq!(twice, None, "its lease is a new one");
    assert_eq!(progress(&mut store).await, (ActionState::Running, Some(9), 2));
}

// Shows O07.
async fn an_action_whose_lease_lasts_or_that_has_ended_is_not_taken_over<B: TestBackend>() {
    let mut store = seeded::<B>().await;
    let lasting = begun::<B>(&mut store.connection, Action::Replay).await;

    let while_it_lasts = take_over(&mut store).await;
    B::end_action(&mut store.connection, lasting.execution, ActionState::Done).await.unwrap();
    let after_its_end = take_over(&mut store).await;
    let has_lapsed = B::has_lapsed(&mut store.connection, Timestamp::now().after(Duration::from_secs(3600))).await;

    assert_eq!((while_it_lasts, after_its_end, has_lapsed.unwrap()), (None, None, false));
}

async fn rows_that_were_changed_before_a_cancellation_are_counted<B: TestBackend>() {
    let mut store = seeded::<B>().await;
    let step = begun::<B>(&mut store.connection, Action::Prune).await;
    B::cancel(&mut store.connection, step.execution.audit_id).await.unwrap();

    let advanced = B::advance(&mut store.connection, step, 3, Timestamp::now()).await.unwrap();

    assert_eq!(advanced, Err(Stopped));
    assert_eq!(progress(&mut store).await, (ActionState::Cancelled, Some(9), 3));
}
