//! A handler that wants the latest version: older ones that wait are skipped, and hold up nothing.

use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{
    Action, AttemptOutcome, Changes, Claim, EventKind, Field, HandlerSpec, Line, NewDelivery, Requeue, Selection,
    Settlement, State, Ticket, Timestamp, Versions,
};

use super::{LEASE, begun, claim, claim_one, garbled, handler, result, said, states};
use crate::harness::{Store, TestBackend, attach_all, on_each_backend, record_all};

use State::{Completed, Discarded, Pending, Retryable, Running, Skipped};

on_each_backend!(
    a_newer_version_skips_the_older_ones_that_wait,
    the_versions_of_one_batch_leave_the_newest,
    a_handler_that_wants_every_version_gets_every_one,
    a_running_version_is_passed_over_and_completes,
    a_running_version_that_fails_is_skipped_if_it_was_overtaken,
    a_running_version_that_fails_is_no_other_way_skipped,
    a_lost_attempt_on_an_overtaken_version_skips_it,
    late_work_is_not_skipped_and_skips_nothing,
    a_replay_runs_although_it_is_overtaken,
    a_lost_attempt_on_a_replay_is_made_again,
    the_last_attach_says_what_versions_are_wanted,
    a_handler_that_comes_back_gets_the_newest_of_what_it_missed,
    an_admitted_version_skips_the_older_ones,
    skipped_work_is_finished_work,
    a_claim_tells_the_version_that_its_handler_has_completed,
    a_former_version_without_a_body_is_told_by_the_changes_since,
);

fn latest() -> HandlerSpec {
    HandlerSpec { wants: Versions::Latest, takes_late: true, ..handler("Desk") }
}

/// Records with one handler that wants the latest version. Gives back the deliveries.
async fn record<B: TestBackend>(store: &mut Store<B>, batch: Vec<NewDelivery>) -> Vec<i64> {
    let recorded = record_all::<B>(&mut store.connection, batch, Arc::new(vec![latest()])).await.unwrap();
    recorded.into_iter().map(|recorded| recorded.delivery_id).collect()
}

async fn settle<B: TestBackend>(store: &mut Store<B>, ticket: &Ticket, settlement: Settlement) -> Option<State> {
    B::settle(&mut store.connection, ticket.clone(), settlement, Timestamp::now()).await.unwrap()
}

fn retry(pause: Duration) -> Settlement {
    Settlement::Retry { pause, error: "no printer".to_owned(), outcome: AttemptOutcome::Failed }
}

fn give_up() -> Settlement {
    Settlement::Discard { error: "no printer".to_owned() }
}

async fn replay<B: TestBackend>(store: &mut Store<B>, delivery_id: i64, first_delivery_id: i64) {
    let step = begun::<B>(&mut store.connection, Action::Replay).await;
    let item =
        Requeue { delivery_id, line: Line { first_delivery_id, handler: "Desk".to_owned() }, max_attempts: None };
    let requeued = B::requeue(&mut store.connection, vec![item], step, Timestamp::now()).await.unwrap().unwrap();
    assert_eq!(requeued.work, 1);
}

/// The deliveries that can be claimed at this moment.
async fn claimed<B: TestBackend>(store: &mut Store<B>) -> Vec<i64> {
    claim(store, 10).await.iter().map(|claim| claim.delivery.id).collect()
}

async fn owes_a_hook<B: TestBackend>(store: &mut Store<B>) -> bool {
    let owed = B::take_hook(&mut store.connection, Arc::from("Desk"), LEASE, Timestamp::now()).await;
    owed.unwrap().is_some()
}

// Shows O14.
async fn a_newer_version_skips_the_older_ones_that_wait<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "1"), result("other", "1")]).await;
    for claim in claim(&mut store, 10).await {
        settle(&mut store, &claim.ticket, retry(Duration::from_secs(3600))).await;
    }

    record(&mut store, vec![result("r", "2")]).await;
    let after_one = states(&mut store).await;
    let newest = record(&mut store, vec![result("r", "3")]).await;

    assert_eq!(after_one, [Skipped, Retryable, Pending]);
    assert_eq!(states(&mut store).await, [Skipped, Retryable, Skipped, Pending]);
    let work = store.work().await;
    assert_eq!(work.iter().map(|row| row.is_first).collect::<Vec<_>>(), [false, true, false, true]);
    assert!(work[0].finished_at.is_some() && work[0].due_at.is_none());
    assert_eq!(work[0].last_error.as_deref(), Some("no printer"), "it says why the version had not been handled");
    assert_eq!(claimed(&mut store).await, newest);
}

async fn the_versions_of_one_batch_leave_the_newest<B: TestBackend>() {
    let mut store = Store::<B>::open().await;

    let batch = ["r 1", "r 2", "s 1", "r 3"].map(|text| result(&text[..1], &text[2..]));
    let ids = record(&mut store, batch.into()).await;

    assert_eq!(states(&mut store).await, [Skipped, Skipped, Pending, Pending]);
    assert_eq!(claimed(&mut store).await, ids[2..]);
}

async fn a_handler_that_wants_every_version_gets_every_one<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let handlers = Arc::new(vec![latest(), handler("Ledger")]);

    for text in ["1", "2"] {
        record_all::<B>(&mut store.connection, vec![result("r", text)], Arc::clone(&handlers)).await.unwrap();
    }

    let work = store.work().await;
    let of = |name: &str| work.iter().filter(|row| row.handler == name).map(|row| row.state).collect::<Vec<_>>();
    assert_eq!((of("Desk"), of("Ledger")), (vec![Skipped, Pending], vec![Pending, Pending]));
}

async fn a_running_version_is_passed_over_and_completes<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "1")]).await;
    let first = claim_one(&mut store).await.ticket;

    let newer = record(&mut store, vec![result("r", "2"), result("r", "3")]).await;
    let beside = claimed(&mut store).await;
    let state = settle(&mut store, &first, Settlement::Complete).await;

    assert_eq!(beside, [0; 0], "never two of a line at once");
    assert_eq!(state, Some(Completed));
    assert_eq!(states(&mut store).await, [Completed, Skipped, Pending]);
    assert_eq!(claimed(&mut store).await, newer[1..]);
}

// Shows O14.
async fn a_running_version_that_fails_is_skipped_if_it_was_overtaken<B: TestBackend>() {
    for (settlement, outcomes) in [
        (retry(Duration::from_secs(3600)), 1),
        (give_up(), 1),
        // It was handed back, and nothing failed.
        (Settlement::Release, 0),
    ] {
        let mut store = Store::<B>::open().await;
        record(&mut store, vec![result("r", "1")]).await;
        let first = claim_one(&mut store).await.ticket;
        let newer = record(&mut store, vec![result("r", "2")]).await;

        let state = settle(&mut store, &first, settlement.clone()).await;

        assert_eq!(state, Some(Skipped), "{settlement:?}");
        assert_eq!(states(&mut store).await, [Skipped, Pending]);
        assert!(!owes_a_hook(&mut store).await, "nothing failed for good");
        assert_eq!(B::attempts(&mut store.connection, 1).await.unwrap().len(), outcomes, "the history tells of it");
        assert_eq!(claimed(&mut store).await, newer);
    }
}

async fn a_running_version_that_fails_is_no_other_way_skipped<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let once = Arc::new(vec![HandlerSpec { max_attempts: 1, ..latest() }]);
    let batch = vec![result("r", "1"), result("s", "1")];
    record_all::<B>(&mut store.connection, batch, once).await.unwrap();
    let claims = claim(&mut store, 10).await;

    let last = settle(&mut store, &claims[0].ticket, retry(Duration::ZERO)).await;
    let given_up = settle(&mut store, &claims[1].ticket, give_up()).await;
    record(&mut store, vec![result("r", "2"), result("s", "2")]).await;

    assert_eq!((last, given_up), (Some(Discarded), Some(Discarded)));
    assert_eq!(states(&mut store).await, [Discarded, Discarded, Pending, Pending], "what has ended stays as it is");
    assert!(owes_a_hook(&mut store).await);
}

async fn a_lost_attempt_on_an_overtaken_version_skips_it<B: TestBackend>() {
    for max_attempts in [1, 9] {
        let mut store = Store::<B>::open().await;
        let handlers = Arc::new(vec![HandlerSpec { max_attempts, ..latest() }]);
        record_all::<B>(&mut store.connection, vec![result("r", "1")], Arc::clone(&handlers)).await.unwrap();
        claim_one(&mut store).await;
        let newer = record_all::<B>(&mut store.connection, vec![result("r", "2")], handlers).await.unwrap();
        store.lapse().await;

        let rescue = B::renew_and_rescue(&mut store.connection, Vec::new(), LEASE, Timestamp::now()).await.unwrap();

        assert_eq!((rescue.skipped, rescue.rescued, rescue.discarded), (1, 0, 0));
        assert_eq!(states(&mut store).await, [Skipped, Pending]);
        assert!(!owes_a_hook(&mut store).await);
        assert_eq!(claimed(&mut store).await, [newer[0].delivery_id]);
    }
}

async fn late_work_is_not_skipped_and_skips_nothing<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let late = |text| said(EventKind::InterviewCollected, "r", text);

    record(&mut store, vec![result("r", "1"), late("a")]).await;
    let before = states(&mut store).await;
    let ids = record(&mut store, vec![result("r", "2"), late("b")]).await;
    let first = claim_one(&mut store).await;
    let state = settle(&mut store, &first.ticket, retry(Duration::ZERO)).await;

    assert_eq!(before, [Pending, Pending]);
    assert_eq!((first.delivery.version, state), (None, Some(Retryable)), "the late one came first, and is tried again");
    assert_eq!(states(&mut store).await, [Skipped, Retryable, Pending, Pending]);
    let again = claim_one(&mut store).await.ticket;
    settle(&mut store, &again, Settlement::Complete).await;
    assert_eq!(claimed(&mut store).await, ids[..1]);
}

// Shows O15.
async fn a_replay_runs_although_it_is_overtaken<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let ids = record(&mut store, vec![result("r", "1"), result("r", "2")]).await;
    let second = claim_one(&mut store).await.ticket;
    settle(&mut store, &second, Settlement::Complete).await;

    replay(&mut store, ids[0], ids[0]).await;
    let newer = record(&mut store, vec![result("r", "3")]).await;
    let waiting = states(&mut store).await;
    let replayed = claim_one(&mut store).await;
    let released = settle(&mut store, &replayed.ticket, Settlement::Release).await;
    let replayed = claim_one(&mut store).await;
    let failed = settle(&mut store, &replayed.ticket, retry(Duration::ZERO)).await;

    assert_eq!(waiting, [Pending, Completed, Pending]);
    assert_eq!(replayed.delivery.id, ids[0]);
    assert_eq!((released, failed), (Some(Pending), Some(Skipped)), "it ran, and holds up nothing");
    assert_eq!(claimed(&mut store).await, newer);
}

async fn a_lost_attempt_on_a_replay_is_made_again<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let ids = record(&mut store, vec![result("r", "1"), result("r", "2")]).await;
    let second = claim_one(&mut store).await.ticket;
    settle(&mut store, &second, Settlement::Complete).await;
    replay(&mut store, ids[0], ids[0]).await;
    claim_one(&mut store).await;
    store.lapse().await;

    let rescue = B::renew_and_rescue(&mut store.connection, Vec::new(), LEASE, Timestamp::now()).await.unwrap();
    let again = claim_one(&mut store).await;

    assert_eq!((rescue.rescued, rescue.skipped), (1, 0));
    assert_eq!((again.delivery.id, again.attempt), (ids[0], 2));
    assert_eq!(settle(&mut store, &again.ticket, Settlement::Complete).await, Some(Completed));
}

async fn the_last_attach_says_what_versions_are_wanted<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let every = Arc::new(vec![handler("Desk")]);
    record_all::<B>(&mut store.connection, vec![result("r", "1"), result("r", "2")], every).await.unwrap();

    let before = states(&mut store).await;
    record(&mut store, vec![result("r", "3")]).await;
    let wants = B::known_handlers(&mut store.connection).await.unwrap()[0].wants;

    assert_eq!(before, [Pending, Pending]);
    assert_eq!(states(&mut store).await, [Skipped, Skipped, Pending]);
    assert_eq!(wants, Versions::Latest);
    assert_eq!(store.texts("SELECT wants AS value FROM mojito_handlers").await, ["latest"]);
}

async fn a_handler_that_comes_back_gets_the_newest_of_what_it_missed<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "1")]).await;
    store.run("UPDATE mojito_handlers SET last_seen = '2001-01-01 00:00:00'").await;
    assert!(B::retire(&mut store.connection, "Desk".to_owned(), Timestamp::now()).await.unwrap());
    let missed = [result("r", "2"), result("s", "1"), result("r", "3"), result("t", "1"), result("t", "2")];
    let missed = B::record(&mut store.connection, Arc::new(missed.into()), Timestamp::now()).await.unwrap();
    let newest = missed[4].unwrap().delivery_id;
    store.run(&format!("UPDATE mojito_deliveries SET body = NULL WHERE id = {newest}")).await;

    attach_all::<B>(&mut store.connection, &Arc::new(vec![latest()])).await;

    // Of the newest there is no body: it overtakes nothing.
    assert_eq!(states(&mut store).await, [Skipped, Skipped, Pending, Pending, Pending]);
    let expected = [1, 2, 3].map(|n| missed[n].unwrap().delivery_id);
    assert_eq!(claimed(&mut store).await, expected);
}

async fn an_admitted_version_skips_the_older_ones<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let early = record(&mut store, vec![garbled("early"), result("r", "1"), garbled("late")]).await;
    let admit = async |store: &mut Store<B>, id: i64, text: &str| {
        let understood = result("r", text);
        let step = begun::<B>(&mut store.connection, Action::Replay).await;
        let admitted = B::admit(&mut store.connection, id, understood, None, step, Timestamp::now()).await;
        admitted.unwrap().unwrap().unwrap()
    };

    admit(&mut store, early[0], "0").await;
    let with_a_late_one = states(&mut store).await;
    let version = admit(&mut store, early[2], "2").await.version;

    assert_eq!(with_a_late_one, [Pending, Pending]);
    assert_eq!(version, Some(2));
    assert_eq!(states(&mut store).await, [Pending, Skipped, Pending]);
    assert_eq!(claimed(&mut store).await, early[..1]);
}

async fn skipped_work_is_finished_work<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let ids = record(&mut store, vec![result("r", "1"), result("r", "2")]).await;
    let skipped = Selection::all().state(Skipped);

    let backlog = B::backlog(&mut store.connection, Timestamp::now()).await.unwrap();
    let listed = B::list(&mut store.connection, skipped.clone(), i64::MAX, 10).await.unwrap().deliveries;
    let page = B::page(&mut store.connection, skipped, 10).await.unwrap();
    let bodies = mojito_schema::Expiry::before(Timestamp::now().after(LEASE));
    let pruned = B::prune_bodies(&mut store.connection, bodies, 10).await.unwrap();

    assert_eq!((backlog.waiting, backlog.running, backlog.discarded, backlog.overdue), (1, 0, 0, 0));
    assert_eq!(listed.iter().map(|listed| listed.delivery_id).collect::<Vec<_>>(), ids[..1]);
    assert_eq!(page.selected.iter().map(|selected| selected.delivery_id).collect::<Vec<_>>(), ids[..1]);
    assert_eq!(pruned, 1, "no work needs the body of the skipped version");
    assert_eq!(States::of(&mut store).await, States { running: 0, open: 1 });
}

/// How much work of the store runs, and how much is open.
#[derive(Debug, PartialEq)]
struct States {
    running: usize,
    open: usize,
}

impl States {
    async fn of<B: TestBackend>(store: &mut Store<B>) -> Self {
        let work = store.work().await;
        let running = work.iter().filter(|row| row.state == Running).count();
        Self { running, open: work.iter().filter(|row| row.finished_at.is_none()).count() }
    }
}

fn former(claim: &Claim) -> (Option<i64>, Option<Vec<u8>>, usize) {
    (claim.former_version, claim.former_body.clone(), claim.changes_since.len())
}

// Shows O16.
async fn a_claim_tells_the_version_that_its_handler_has_completed<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let handlers = Arc::new(vec![handler("Desk")]);
    let batch = ["1", "2", "3", "4"].map(|text| result("r", text));
    record_all::<B>(&mut store.connection, batch.into(), handlers).await.unwrap();

    let mut told = Vec::new();
    for settlement in [Settlement::Complete, Settlement::Complete, give_up(), Settlement::Complete] {
        let claim = claim_one(&mut store).await;
        settle(&mut store, &claim.ticket, settlement).await;
        told.push(former(&claim));
    }
    let owed = B::take_hook(&mut store.connection, Arc::from("Desk"), LEASE, Timestamp::now()).await.unwrap();
    replay(&mut store, 2, 1).await;
    let replayed = claim_one(&mut store).await;

    let second = (Some(2), Some(b"r 2".to_vec()), 2);
    assert_eq!(
        told,
        [(None, None, 0), (Some(1), Some(b"r 1".to_vec()), 0), (Some(2), Some(b"r 2".to_vec()), 0), second]
    );
    assert_eq!(former(&owed.unwrap().claim), told[2]);
    assert_eq!(former(&replayed), told[1], "of the versions before it");
}

async fn a_former_version_without_a_body_is_told_by_the_changes_since<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "1")]).await;
    let first = claim_one(&mut store).await.ticket;
    settle(&mut store, &first, Settlement::Complete).await;
    record(&mut store, vec![result("r", "2")]).await;
    record(&mut store, vec![result("r", "3")]).await;
    store.run("UPDATE mojito_deliveries SET body = NULL WHERE version = 1").await;

    let claim = claim_one(&mut store).await;

    assert_eq!(states(&mut store).await, [Completed, Skipped, Running]);
    assert_eq!((claim.former_version, &claim.former_body), (Some(1), &None));
    assert_eq!(claim.changes_since, vec![Changes(vec![Field::AiAnalysis]); 2]);
}
