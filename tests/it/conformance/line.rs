//! A line always has one first, where it has anything unfinished: the row that runs, else the earliest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use mojito_schema::{
    Action, AttemptOutcome, ClaimRequest, Expiry, HandlerSpec, Line, Open, Opening, Operations, Postgres, Requeue,
    Settlement, State, Ticket, Timestamp, Versions, WorkQueue, WorkRow, prune,
};
use tokio::task::JoinSet;

use super::gate::{self, Connection, Gate, waits_or};
use super::{LEASE, begun, claim, garbled, handler, record, result};
use crate::harness::{Store, TestBackend, attach_all, on_each_backend, rounds, seed};

on_each_backend!(
    whatever_happens_in_a_line_it_has_one_first,
    what_is_replayed_waits_for_what_runs,
    what_is_replayed_goes_before_what_waits,
    what_is_admitted_goes_before_what_waits,
    a_line_without_a_first_is_found_and_goes_on,
);

const HANDLERS: [&str; 2] = ["Desk", "Ledger"];

/// The steps that can happen to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Record,
    Claim,
    Complete,
    Retry,
    Release,
    GiveUp,
    Commit,
    Rollback,
    Requeue,
    Discard,
    Lapse,
    Admit,
    Erase,
    Prune,
    Sweep,
}

use Step::{
    Admit, Claim, Commit, Complete, Discard, Erase, GiveUp, Lapse, Prune, Record, Release, Requeue as Again, Retry,
    Rollback, Sweep,
};

const STEPS: [Step; 15] = [
    Record, Claim, Complete, Retry, Release, GiveUp, Commit, Rollback, Again, Discard, Lapse, Admit, Erase, Prune,
    Sweep,
];

fn handlers() -> Arc<Vec<HandlerSpec>> {
    let wants = |name: &str| if name == "Ledger" { Versions::Latest } else { Versions::Every };
    Arc::new(HANDLERS.iter().map(|name| HandlerSpec { wants: wants(name), ..handler(name) }).collect())
}

/// The lines of which the rule does not hold.
pub(super) fn broken(work: &[WorkRow]) -> Vec<String> {
    let mut lines: BTreeMap<(i64, &str), Vec<&WorkRow>> = BTreeMap::new();
    for row in work {
        lines.entry((row.first_delivery_id, &row.handler)).or_default().push(row);
    }
    let is_broken = |rows: &Vec<&WorkRow>| {
        let firsts: Vec<i64> = rows.iter().filter(|row| row.is_first).map(|row| row.delivery_id).collect();
        let running = rows.iter().find(|row| row.state == State::Running);
        let earliest = rows.iter().find(|row| row.finished_at.is_none());
        firsts != running.or(earliest).map(|row| row.delivery_id).into_iter().collect::<Vec<_>>()
    };
    lines.values().filter(|rows| is_broken(rows)).map(|rows| format!("{rows:#?}")).collect()
}

/// Waiting work on a version that another one has overtaken, of the handler that wants the latest. There is none, unless a
/// replay made it wait.
const OVERTAKEN: &str = "
    SELECT CAST(w.delivery_id AS TEXT) AS value FROM mojito_work AS w JOIN mojito_deliveries AS d ON d.id = w.delivery_id
    WHERE w.handler = 'Ledger' AND w.state IN ('pending', 'retryable') AND NOT w.is_replayed AND EXISTS (
        SELECT 1 FROM mojito_work AS n JOIN mojito_deliveries AS nd ON nd.id = n.delivery_id
        WHERE n.handler = w.handler AND n.first_delivery_id = w.first_delivery_id AND nd.version > d.version)";

/// Does something to the work on one of these results, as far as there is anything to do it to.
async fn take<B: TestBackend>(connection: &mut B::Connection, step: Step, results: &[&str], random: &mut Rng) {
    let now = Timestamp::now();
    let id = *random.choice(results).unwrap();
    let ticket = async |connection: &mut B::Connection, random: &mut Rng| {
        let running = B::work(connection).await.into_iter().filter(|row| row.state == State::Running);
        random.choice(running.collect::<Vec<_>>()).map(|row| ticket(&row))
    };
    match step {
        Record => {
            let count = random.usize(1..3);
            let batch = (0..count).map(|_| result(id, &random.u64(..).to_string())).collect();
            B::record(connection, Arc::new(batch), now).await.unwrap();
        }
        Claim => {
            for handler in HANDLERS {
                let request = ClaimRequest::new(handler, random.usize(1..3), LEASE);
                B::claim(connection, request, now).await.unwrap();
            }
        }
        Complete | Retry | Release | GiveUp => {
            let Some(ticket) = ticket(connection, random).await else { return };
            let settlement = match step {
                Complete => Settlement::Complete,
                Retry => {
                    Settlement::Retry { pause: Duration::ZERO, error: "no".to_owned(), outcome: AttemptOutcome::Failed }
                }
                Release => Settlement::Release,
                _ => Settlement::Discard { error: "no".to_owned() },
            };
            B::settle(connection, ticket, settlement, now).await.unwrap();
        }
        Commit | Rollback => {
            let Some(ticket) = ticket(connection, random).await else { return };
            if !B::begin(connection, ticket.clone(), LEASE, now).await.unwrap() {
                return;
            }
            if step == Commit {
                B::commit(connection, Some(ticket.line())).await.unwrap();
            } else {
                B::rollback(connection).await.unwrap();
            }
        }
        Again | Discard => {
            let action = begun::<B>(connection, Action::Replay).await;
            let mut work = B::work(connection).await;
            random.shuffle(&mut work);
            work.truncate(2);
            let line = |row: &WorkRow| Line { first_delivery_id: row.first_delivery_id, handler: row.handler.clone() };
            if step == Discard {
                let pairs = work.iter().map(|row| (row.delivery_id, line(row))).collect();
                B::discard(connection, pairs, action, now).await.unwrap().unwrap();
            } else {
                let again =
                    |row: &WorkRow| Requeue { delivery_id: row.delivery_id, line: line(row), max_attempts: Some(9) };
                B::requeue(connection, work.iter().map(again).collect(), action, now).await.unwrap().unwrap();
            }
        }
        Lapse => {
            let later = now.after(4 * LEASE);
            B::execute(
                connection,
                "UPDATE mojito_work SET lease_until = '2001-01-01 00:00:00' WHERE lease_until IS NOT NULL",
            )
            .await;
            B::renew_and_rescue(connection, Vec::new(), LEASE, later).await.unwrap();
        }
        Admit => {
            let unread = garbled(&random.u64(..).to_string());
            let recorded = B::record(connection, Arc::new(vec![unread]), now).await.unwrap();
            let understood = result(id, &random.u64(..).to_string());
            let Some(recorded) = recorded[0] else { return };
            let action = begun::<B>(connection, Action::Replay).await;
            B::admit(connection, recorded.delivery_id, understood, None, action, now).await.unwrap().unwrap();
        }
        Erase => {
            B::begin_erasure(connection, "default".to_owned(), id.to_owned(), now).await.unwrap();
            B::commit(connection, None).await.unwrap();
        }
        Prune => drop(prune::<B>(connection, Expiry::before(now.after(LEASE)), 0, 100).await.unwrap()),
        Sweep => {
            let lines = B::lines_without_first(connection).await.unwrap();
            B::promote(connection, lines).await.unwrap();
        }
    }
}

fn ticket(row: &WorkRow) -> Ticket {
    let (delivery_id, first_delivery_id) = (row.delivery_id, row.first_delivery_id);
    Ticket {
        delivery_id,
        handler: row.handler.clone(),
        first_delivery_id,
        epoch: row.epoch,
        has_attempts: row.has_attempts || row.attempt > 1,
    }
}

// Shows M11.
async fn whatever_happens_in_a_line_it_has_one_first<B: TestBackend>() {
    let mut random = Rng::with_seed(seed());
    for _ in 0..rounds(3, 200) {
        let mut store = Store::<B>::open().await;
        attach_all::<B>(&mut store.connection, &handlers()).await;
        let mut taken = Vec::new();
        for _ in 0..60 {
            // An erased result takes nothing any more.
            let kinds = if random.u8(..) < 250 { 12 } else { STEPS.len() };
            let step = *random.choice(&STEPS[..kinds]).unwrap();
            taken.push(step);

            take::<B>(&mut store.connection, step, &["a", "b"], &mut random).await;

            assert_eq!(broken(&store.work().await), [""; 0], "{taken:?}");
            assert_eq!(store.texts(OVERTAKEN).await, [""; 0], "{taken:?}");
        }
    }
}

/// Records two versions, completes the first and claims the second.
async fn second_runs<B: TestBackend>(store: &mut Store<B>) -> (i64, Ticket) {
    let recorded = record(store, vec![result("r", "1"), result("r", "2")]).await;
    let first = claim(store, 10).await.remove(0).ticket;
    B::settle(&mut store.connection, first, Settlement::Complete, Timestamp::now()).await.unwrap();
    (recorded[0].delivery_id, claim(store, 10).await.remove(0).ticket)
}

async fn replay<B: TestBackend>(store: &mut Store<B>, delivery_id: i64) {
    let step = begun::<B>(&mut store.connection, Action::Replay).await;
    let line = Line { first_delivery_id: delivery_id, handler: "Desk".to_owned() };
    let item = Requeue { delivery_id, line, max_attempts: Some(3) };
    let requeued = B::requeue(&mut store.connection, vec![item], step, Timestamp::now()).await.unwrap();
    assert_eq!(requeued.unwrap().work, 1);
}

// Shows M01.
async fn what_is_replayed_waits_for_what_runs<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let (first, second) = second_runs(&mut store).await;

    replay(&mut store, first).await;
    let beside = claim(&mut store, 10).await;
    B::settle(&mut store.connection, second, Settlement::Complete, Timestamp::now()).await.unwrap();
    let behind = claim(&mut store, 10).await;

    assert!(beside.is_empty(), "{beside:?}");
    assert_eq!(behind.iter().map(|claim| claim.delivery.id).collect::<Vec<_>>(), [first]);
}

async fn what_is_replayed_goes_before_what_waits<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let (first, second) = second_runs(&mut store).await;
    B::settle(&mut store.connection, second, Settlement::Release, Timestamp::now()).await.unwrap();

    replay(&mut store, first).await;

    assert_eq!(claim(&mut store, 10).await.iter().map(|claim| claim.delivery.id).collect::<Vec<_>>(), [first]);
}

async fn what_is_admitted_goes_before_what_waits<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let unread = record(&mut store, vec![garbled("?")]).await[0].delivery_id;
    record(&mut store, vec![result("r", "2")]).await;
    let desk = Some("Desk".to_owned());

    let step = begun::<B>(&mut store.connection, Action::Replay).await;
    let late = B::admit(&mut store.connection, unread, result("r", "1"), desk, step, Timestamp::now()).await;

    assert!(late.unwrap().unwrap().is_some());
    assert_eq!(claim(&mut store, 10).await.iter().map(|claim| claim.delivery.id).collect::<Vec<_>>(), [unread]);
}

async fn a_line_without_a_first_is_found_and_goes_on<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "1"), result("r", "2"), result("s", "1")]).await;
    store.run("UPDATE mojito_work SET is_first = (1 = 0) WHERE handler = 'Desk'").await;

    let lost = claim(&mut store, 10).await;
    let lines = B::lines_without_first(&mut store.connection).await.unwrap();
    let promoted = B::promote(&mut store.connection, lines.clone()).await.unwrap();
    let left = B::lines_without_first(&mut store.connection).await.unwrap();

    assert!(lost.is_empty());
    assert_eq!((lines.len(), promoted, left), (2, 2, Vec::new()));
    assert_eq!(claim(&mut store, 10).await.len(), 2);
}

// Shows P4.
/// Each thing that can happen is held at its commit, done and not to be seen, while each other thing happens.
#[tokio::test(flavor = "multi_thread")]
async fn no_two_things_at_once_leave_a_line_without_a_first_or_with_two() {
    let mut random = Rng::with_seed(seed());
    for held in STEPS {
        let mut store = Store::<Postgres>::open().await;
        attach_all::<Postgres>(&mut store.connection, &handlers()).await;
        let mut first = gate::build(&mut store).await;
        for other in STEPS {
            let id = format!("{held:?}-{other:?}");
            first = one_beside_the_other(&mut store, first, (held, other), &id, &mut random).await;
        }
    }
}

async fn one_beside_the_other(
    store: &mut Store<Postgres>,
    mut first: Connection,
    (held, other): (Step, Step),
    id: &str,
    random: &mut Rng,
) -> Connection {
    // One that is done, one that runs and two that wait.
    record(store, (0..4).map(|n| result(id, &n.to_string())).collect()).await;
    let done = claim(store, 1).await.remove(0).ticket;
    Postgres::settle(&mut store.connection, done, Settlement::Complete, Timestamp::now()).await.unwrap();
    assert_eq!(claim(store, 1).await.len(), 1);
    // For the handler that wants the latest, the newest waits or runs.
    if random.bool() {
        let request = ClaimRequest::new("Ledger", 1, LEASE);
        Postgres::claim(&mut store.connection, request, Timestamp::now()).await.unwrap();
    }
    let gate = Gate::close(store).await;

    let (name, mut own) = (id.to_owned(), random.fork());
    let first = tokio::spawn(async move {
        take::<Postgres>(&mut first, held, &[&name], &mut own).await;
        first
    });
    gate.holds(store, || first.is_finished()).await;
    let (name, mut own, mut connection) = (id.to_owned(), random.fork(), store.another().await);
    let second = tokio::spawn(async move { take::<Postgres>(&mut connection, other, &[&name], &mut own).await });
    waits_or(store, || second.is_finished()).await;
    gate.open().await;
    let (first, second) = tokio::join!(first, second);
    second.unwrap();

    assert_eq!(broken(&store.work().await), [""; 0], "{held:?} beside {other:?}");
    assert_eq!(store.texts(OVERTAKEN).await, [""; 0], "{held:?} beside {other:?}");
    store.run("DELETE FROM mojito_work").await;
    first.unwrap()
}

/// Several processes at everything at once.
#[tokio::test(flavor = "multi_thread")]
async fn no_number_of_processes_leaves_a_line_without_a_first_or_with_two() {
    let mut random = Rng::with_seed(seed());
    for _ in 0..rounds(4, 50) {
        let mut store = Store::<Postgres>::open().await;
        attach_all::<Postgres>(&mut store.connection, &handlers()).await;
        let mut processes = JoinSet::new();
        for _ in 0..4 {
            let (mut connection, mut random) = (store.another().await, random.fork());
            processes.spawn(async move {
                for _ in 0..60 {
                    let step = *random.choice(&STEPS[..11]).unwrap();
                    take::<Postgres>(&mut connection, step, &["a", "b", "c"], &mut random).await;
                }
            });
        }
        processes.join_all().await;

        assert_eq!(broken(&store.work().await), [""; 0]);
        assert_eq!(store.texts(OVERTAKEN).await, [""; 0]);
        assert!(store.work().await.len() > 20, "something happened");
    }
}

/// A handler's transaction that sees what it saw at its beginning promotes once it is committed.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_sees_no_newer_rows_promotes_what_was_recorded_meanwhile() {
    let mut store = Store::<Postgres>::open().await;
    let url = format!("{}?options=-c%20default_transaction_isolation%3Dserializable", store.url());
    let mut connection = Postgres::open(&url, Open::Existing).await.unwrap();
    record(&mut store, vec![result("r", "1")]).await;
    let ticket = claim(&mut store, 1).await.remove(0).ticket;

    assert!(Postgres::begin(&mut connection, ticket.clone(), LEASE, Timestamp::now()).await.unwrap());
    record(&mut store, vec![result("r", "2")]).await;
    Postgres::commit(&mut connection, Some(ticket.line())).await.unwrap();

    assert_eq!(broken(&store.work().await), [""; 0]);
    assert_eq!(store.texts(OVERTAKEN).await, [""; 0]);
    assert_eq!(claim(&mut store, 1).await[0].delivery.version, Some(2));
}

/// Work is made only for a delivery that stays.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_or_admitted_of_a_delivery_that_is_being_removed() {
    let mut store = Store::<Postgres>::open().await;
    let id = record(&mut store, vec![garbled("?")]).await[0].delivery_id;
    let mut pruner = store.another().await;
    Postgres::execute(&mut pruner, &format!("BEGIN; DELETE FROM mojito_deliveries WHERE id = {id}")).await;

    let step = begun::<Postgres>(&mut store.connection, Action::Replay).await;
    let other = begun::<Postgres>(&mut store.connection, Action::Replay).await;
    let line = Line { first_delivery_id: id, handler: "Desk".to_owned() };
    let item = Requeue { delivery_id: id, line, max_attempts: Some(3) };
    let requeued = Postgres::requeue(&mut store.connection, vec![item], step, Timestamp::now()).await.unwrap().unwrap();
    let mut connection = store.another().await;
    let admitted = tokio::spawn(async move {
        Postgres::admit(&mut connection, id, result("r", "1"), None, other, Timestamp::now()).await.unwrap().unwrap()
    });
    waits_or(&mut store, || admitted.is_finished()).await;
    Postgres::execute(&mut pruner, "COMMIT").await;

    assert_eq!((requeued.work, requeued.left_alone), (0, 1));
    assert_eq!(admitted.await.unwrap(), None);
    assert!(store.work().await.is_empty());
}
