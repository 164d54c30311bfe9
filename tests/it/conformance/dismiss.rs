//! Dismissals: dead work and quarantined deliveries leave the backlog, until a replay.

use mojito_schema::{Action, Dismissed, Line, Requeue, Selection, Settlement, State, Timestamp};

use super::{begun, claim, garbled, record, result};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    dismissed_rows_leave_the_backlog_and_stay_in_the_lists,
    a_dismissal_covers_the_selected_rows_alone,
    a_replay_takes_a_dismissal_back,
    work_that_dies_again_after_a_replay_by_an_older_version_is_not_dismissed,
    a_dismissal_before_the_end_of_its_work_by_the_clock_counts,
    a_page_of_undismissed_rows_goes_on_where_the_former_one_ended,
);

/// Two results with dead work, one with waiting work, and a delivery in quarantine.
async fn seeded<B: TestBackend>() -> Store<B> {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("a", "1"), result("b", "1"), result("c", "1"), garbled("?")]).await;
    for _ in 0..2 {
        die(&mut store).await;
    }
    store
}

/// Lets the next claimed work die.
async fn die<B: TestBackend>(store: &mut Store<B>) {
    let ticket = claim(store, 1).await.remove(0).ticket;
    let discard = Settlement::Discard { error: "no".to_owned() };
    B::settle(&mut store.connection, ticket, discard, Timestamp::now()).await.unwrap();
}

/// The counts of dead work and of quarantined deliveries in the backlog.
async fn alarms<B: TestBackend>(store: &mut Store<B>) -> (i64, i64) {
    let backlog = B::backlog(&mut store.connection, Timestamp::now()).await.unwrap();
    (backlog.discarded, backlog.quarantined)
}

/// Dismisses a selection, page by page: the counts of work and of deliveries.
async fn dismiss<B: TestBackend>(store: &mut Store<B>, selection: Selection) -> (u64, u64) {
    let step = begun::<B>(&mut store.connection, Action::Dismiss).await;
    let mut dismissed = Dismissed::default();
    let page = B::undismissed(&mut store.connection, selection, 10).await.unwrap();
    dismissed += B::dismiss(&mut store.connection, page.selected, step, Timestamp::now()).await.unwrap().unwrap();
    let affected = store.audit().await.last().unwrap().affected;
    assert_eq!(affected, i64::try_from(dismissed.work + dismissed.quarantined).unwrap());
    (dismissed.work, dismissed.quarantined)
}

// Shows O01.
async fn dismissed_rows_leave_the_backlog_and_stay_in_the_lists<B: TestBackend>() {
    let mut store = seeded::<B>().await;

    let before = alarms(&mut store).await;
    let first = dismiss(&mut store, Selection::all()).await;
    let again = dismiss(&mut store, Selection::all()).await;

    assert_eq!((before, first, again), ((2, 1), (2, 1), (0, 0)));
    assert_eq!(alarms(&mut store).await, (0, 0));
    let dead = Selection::all().state(State::Discarded);
    let dead = B::list(&mut store.connection, dead, i64::MAX, 10).await.unwrap().deliveries;
    let all = B::list(&mut store.connection, Selection::all(), i64::MAX, 10).await.unwrap().deliveries;
    assert!(dead.len() == 2 && dead.iter().all(|listed| listed.work[0].dismissal().is_some()), "{dead:?}");
    let dismissed: Vec<bool> = all.iter().map(|listed| listed.dismissed_at.is_some()).collect();
    assert_eq!(dismissed, [true, false, false, false], "the delivery in quarantine is the newest");
    let waiting = B::backlog(&mut store.connection, Timestamp::now()).await.unwrap().waiting;
    assert_eq!(waiting, 1);
}

// Shows O01.
async fn a_dismissal_covers_the_selected_rows_alone<B: TestBackend>() {
    let mut store = seeded::<B>().await;

    let of_handler = dismiss(&mut store, Selection::all().handler("Other")).await;
    let of_state = dismiss(&mut store, Selection::all().state(State::Pending)).await;
    let of_result = dismiss(&mut store, Selection::all().result_id("a")).await;
    let by_handler = dismiss(&mut store, Selection::all().handler("Desk")).await;

    assert_eq!([of_handler, of_state, of_result, by_handler], [(0, 0), (0, 0), (1, 0), (1, 0)]);
    assert_eq!(alarms(&mut store).await, (0, 1), "a condition on the work leaves the quarantine out");
}

// Shows O02.
async fn a_replay_takes_a_dismissal_back<B: TestBackend>() {
    let mut store = seeded::<B>().await;
    dismiss(&mut store, Selection::all()).await;
    let step = begun::<B>(&mut store.connection, Action::Replay).await;

    let line = Line { first_delivery_id: 1, handler: "Desk".to_owned() };
    let item = Requeue { delivery_id: 1, line, max_attempts: None };
    B::requeue(&mut store.connection, vec![item], step, Timestamp::now()).await.unwrap().unwrap();
    let admitted = B::admit(&mut store.connection, 4, result("d", "?"), None, step, Timestamp::now()).await.unwrap();
    assert!(admitted.unwrap().is_some());

    assert!(store.work().await[0].dismissed_at.is_none());
    die(&mut store).await;
    assert_eq!(alarms(&mut store).await, (1, 0));
    let all = B::list(&mut store.connection, Selection::all(), i64::MAX, 10).await.unwrap().deliveries;
    assert!(all.iter().all(|listed| listed.dismissed_at.is_none()), "{all:?}");
}

// Shows O02.
async fn work_that_dies_again_after_a_replay_by_an_older_version_is_not_dismissed<B: TestBackend>() {
    let mut store = seeded::<B>().await;
    dismiss(&mut store, Selection::all()).await;
    store
        .run(
            "UPDATE mojito_work SET state = 'pending', attempt = 0, finished_at = NULL, is_first = true
             WHERE delivery_id = 1",
        )
        .await;

    die(&mut store).await;

    assert_eq!(alarms(&mut store).await, (1, 0));
    assert_eq!(dismiss(&mut store, Selection::all()).await, (1, 0));
}

async fn a_dismissal_before_the_end_of_its_work_by_the_clock_counts<B: TestBackend>() {
    let mut store = seeded::<B>().await;
    store.run("UPDATE mojito_work SET finished_at = '2201-01-01 00:00:00.000000' WHERE delivery_id = 1").await;

    dismiss(&mut store, Selection::all()).await;

    assert_eq!(alarms(&mut store).await, (0, 0), "the clock was put back since");
}

async fn a_page_of_undismissed_rows_goes_on_where_the_former_one_ended<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let batch = (0..9).map(|n| if n % 3 == 0 { garbled(&n.to_string()) } else { result(&n.to_string(), "1") });
    record(&mut store, batch.collect()).await;
    for _ in 0..6 {
        die(&mut store).await;
    }

    for limit in [1, 2, 4, 9, 10] {
        let (mut selection, mut found) = (Selection::all(), Vec::new());
        loop {
            let page = B::undismissed(&mut store.connection, selection.clone(), limit).await.unwrap();
            found.extend(page.selected.iter().map(|one| (one.delivery_id, one.is_quarantined)));
            let Some(last_id) = page.next_after else { break };
            selection = selection.after(last_id);
        }

        let expected: Vec<_> = (1..=9).map(|id| (id, id % 3 == 1)).collect();
        assert_eq!(found, expected, "by {limit}");
    }
}
