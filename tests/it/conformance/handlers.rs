//! Work is made for every handler that has been attached, by whichever process.

use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{
    Backend, EventKind, HandlerSpec, KnownHandler, NewDelivery, Postgres, QueryResult, Recording, Settlement, State,
    Timestamp,
};
use tokio::task::JoinHandle;

use super::{claim, garbled, handler, result, said};
use crate::harness::{Store, TestBackend, attach_all, on_each_backend, until};

on_each_backend!(
    what_another_process_attached_has_work_of_everything_that_is_recorded,
    a_handler_gets_nothing_of_what_came_before_it,
    the_last_attach_says_what_a_handler_takes,
    a_handler_counts_as_attached_for_three_minutes,
    only_a_handler_that_nobody_has_is_retired,
    a_retired_handler_that_comes_back_gets_what_was_recorded_since,
    a_retired_handler_catches_up_in_steps_and_in_stored_order,
    what_waits_for_a_retired_handler_is_discarded_but_for_what_runs,
    old_work_of_a_handler_that_is_gone_is_discarded,
    what_waits_for_nobody_is_counted_apart,
    a_handler_that_is_retired_has_a_place_to_go_on_from,
);

/// How many deliveries one call makes work for at most.
const STEP: usize = 500;

fn specs(names: &[&str]) -> Arc<Vec<HandlerSpec>> {
    Arc::new(names.iter().map(|name| handler(name)).collect())
}

async fn attach<B: TestBackend>(store: &mut Store<B>, names: &[&str]) {
    attach_all::<B>(&mut store.connection, &specs(names)).await;
}

/// Records without a word on handlers.
async fn record<B: TestBackend>(store: &mut Store<B>, batch: Vec<NewDelivery>) -> Vec<i64> {
    let recorded = B::record(&mut store.connection, Arc::new(batch), Timestamp::now()).await.unwrap();
    recorded.into_iter().map(|recorded| recorded.expect("nobody else has it locked").delivery_id).collect()
}

/// Lets a handler have been seen so long ago.
async fn unseen<B: TestBackend>(store: &mut Store<B>, name: &str, ago: Duration) {
    let seen = Timestamp::now().before(ago);
    store.run(&format!("UPDATE mojito_handlers SET last_seen = '{}' WHERE name = '{name}'", sql(seen))).await;
}

/// A time as both databases read it.
fn sql(at: Timestamp) -> String {
    at.to_string().replace('T', " ").replace('Z', "")
}

async fn retire<B: TestBackend>(store: &mut Store<B>, name: &str) -> bool {
    B::retire(&mut store.connection, name.to_owned(), Timestamp::now()).await.unwrap()
}

async fn known<B: TestBackend>(store: &mut Store<B>, name: &str) -> KnownHandler {
    let known = B::known_handlers(&mut store.connection).await.unwrap();
    known.into_iter().find(|known| known.name == name).expect("it has been attached")
}

/// The deliveries that a handler has work on, in stored order.
async fn work_of<B: TestBackend>(store: &mut Store<B>, name: &str) -> Vec<i64> {
    store.work().await.into_iter().filter(|row| row.handler == name).map(|row| row.delivery_id).collect()
}

/// A handler that was attached, is gone, and was retired.
async fn retired<B: TestBackend>(store: &mut Store<B>, name: &str) {
    attach(store, &[name]).await;
    unseen(store, name, Duration::from_secs(600)).await;
    assert!(retire(store, name).await);
}

async fn what_another_process_attached_has_work_of_everything_that_is_recorded<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let mut another = store.another().await;
    attach(&mut store, &["Desk"]).await;

    attach_all::<B>(&mut another, &specs(&["Ledger"])).await;
    let ids = record(&mut store, vec![result("r", "1")]).await;

    assert_eq!(work_of(&mut store, "Desk").await, ids);
    assert_eq!(work_of(&mut store, "Ledger").await, ids);
    assert!(store.work().await.iter().all(|row| row.is_first && row.state == State::Pending));
}

async fn a_handler_gets_nothing_of_what_came_before_it<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "1")]).await;

    attach(&mut store, &["Desk"]).await;
    let ids = record(&mut store, vec![result("r", "2")]).await;

    assert_eq!(work_of(&mut store, "Desk").await, ids);
}

async fn the_last_attach_says_what_a_handler_takes<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    attach(&mut store, &["Desk"]).await;
    let first_seen = known(&mut store, "Desk").await.first_seen;
    let changed = Arc::new(vec![HandlerSpec { takes_late: true, max_attempts: 7, ..handler("Desk") }]);

    attach_all::<B>(&mut store.connection, &changed).await;
    // The process that had it before goes on to say that it lives.
    B::note_attached(&mut store.connection, vec!["Desk".to_owned()], Timestamp::now()).await.unwrap();
    let late = said(EventKind::InterviewCollected, "r", "late");
    let ids = record(&mut store, vec![result("r", "1"), late]).await;

    let desk = known(&mut store, "Desk").await;
    assert_eq!((desk.takes_late, desk.max_attempts, desk.first_seen), (true, 7, first_seen));
    assert_eq!(work_of(&mut store, "Desk").await, ids);
    assert!(store.work().await.iter().all(|row| row.max_attempts == 7));
}

async fn a_handler_counts_as_attached_for_three_minutes<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    attach(&mut store, &["Desk", "Ledger"]).await;
    let note = async |store: &mut Store<B>, names: &[&str]| {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        B::note_attached(&mut store.connection, names, Timestamp::now()).await.unwrap()
    };

    let at_first = note(&mut store, &["Desk"]).await;
    unseen(&mut store, "Desk", Duration::from_secs(200)).await;
    unseen(&mut store, "Ledger", Duration::from_secs(200)).await;
    let of_none = note(&mut store, &[]).await;
    let of_desk = note(&mut store, &["Desk"]).await;

    assert_eq!(at_first, [""; 0]);
    assert_eq!(of_none, ["Desk", "Ledger"]);
    assert_eq!(of_desk, ["Ledger"]);
    assert!(known(&mut store, "Desk").await.is_attached && !known(&mut store, "Ledger").await.is_attached);
    let recent = Timestamp::now().before(Duration::from_secs(30));
    unseen(&mut store, "Desk", Duration::from_secs(30)).await;
    note(&mut store, &["Desk"]).await;
    assert!(
        known(&mut store, "Desk").await.last_seen <= recent.after(Duration::from_secs(5)),
        "it was seen within a minute"
    );
}

async fn only_a_handler_that_nobody_has_is_retired<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    attach(&mut store, &["Desk"]).await;

    let while_attached = retire(&mut store, "Desk").await;
    unseen(&mut store, "Desk", Duration::from_secs(200)).await;
    let once_gone = retire(&mut store, "Desk").await;
    let again = retire(&mut store, "Desk").await;
    let unknown = retire(&mut store, "Dessk").await;
    let ids = record(&mut store, vec![result("r", "1")]).await;

    assert_eq!((while_attached, once_gone, again, unknown), (false, true, true, false));
    assert!(known(&mut store, "Desk").await.retired_at.is_some());
    assert_eq!((ids.len(), work_of(&mut store, "Desk").await.len()), (1, 0));
}

async fn a_retired_handler_that_comes_back_gets_what_was_recorded_since<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "0")]).await;
    attach(&mut store, &["Desk"]).await;
    let before = record(&mut store, vec![result("r", "1")]).await;
    retired(&mut store, "Desk").await;
    let late = said(EventKind::InterviewCollected, "r", "late");
    let since = record(&mut store, vec![result("r", "2"), late, garbled("?"), result("s", "1")]).await;
    let pruned = record(&mut store, vec![result("t", "1")]).await;
    store.run(&format!("UPDATE mojito_deliveries SET body = NULL WHERE id = {}", pruned[0])).await;

    attach(&mut store, &["Desk"]).await;
    let after = record(&mut store, vec![result("r", "3")]).await;

    let expected = [before[0], since[0], since[3], after[0]];
    assert_eq!(work_of(&mut store, "Desk").await, expected);
    assert_eq!(known(&mut store, "Desk").await.retired_at, None);
    let firsts = store.work().await.into_iter().filter(|row| row.is_first).map(|row| row.delivery_id);
    assert_eq!(firsts.collect::<Vec<_>>(), [before[0], since[3]], "each line has its first");
}

async fn a_retired_handler_catches_up_in_steps_and_in_stored_order<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    retired(&mut store, "Desk").await;
    let batch = (0..STEP + 1).map(|n| result(&(n % 7).to_string(), &n.to_string())).collect();
    let ids = record(&mut store, batch).await;

    let first = B::attach(&mut store.connection, specs(&["Desk"]), Timestamp::now()).await.unwrap();
    let (made, is_retired) = (work_of(&mut store, "Desk").await, known(&mut store, "Desk").await.retired_at.is_some());
    let meanwhile = record(&mut store, vec![result("0", "meanwhile")]).await;
    attach(&mut store, &["Desk"]).await;

    assert!(!first && is_retired, "there is more");
    assert_eq!(made, ids[..STEP]);
    assert_eq!(work_of(&mut store, "Desk").await, [ids, meanwhile].concat());
}

async fn what_waits_for_a_retired_handler_is_discarded_but_for_what_runs<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    attach(&mut store, &["Desk", "Ledger"]).await;
    record(&mut store, vec![result("r", "1"), result("r", "2"), result("r", "3"), result("s", "1"), result("s", "2")])
        .await;
    let running = claim(&mut store, 1).await.remove(0).ticket;
    unseen(&mut store, "Desk", Duration::from_secs(600)).await;
    assert!(retire(&mut store, "Desk").await);

    let mut discarded = 0;
    loop {
        match B::discard_unattended(&mut store.connection, None, None, Timestamp::now()).await.unwrap() {
            0 => break,
            step => discarded += step,
        }
    }
    // Its attempt ends after all: what waited behind it is left to the next pass.
    B::settle(&mut store.connection, running, Settlement::Complete, Timestamp::now()).await.unwrap();
    let left = B::discard_unattended(&mut store.connection, None, None, Timestamp::now()).await.unwrap();

    let work = store.work().await;
    let states = |name: &str| work.iter().filter(|row| row.handler == name).map(|row| row.state).collect::<Vec<_>>();
    assert_eq!((discarded, left), (2, 2));
    assert_eq!(
        states("Desk"),
        [State::Completed, State::Discarded, State::Discarded, State::Discarded, State::Discarded]
    );
    assert_eq!(states("Ledger"), [State::Pending; 5]);
    let reason = work.iter().find_map(|row| row.last_error.clone());
    assert_eq!(reason.as_deref(), Some("discarded: its handler was retired"));
}

async fn old_work_of_a_handler_that_is_gone_is_discarded<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    attach(&mut store, &["Desk", "Ledger"]).await;
    let ids = record(&mut store, vec![result("r", "1"), result("r", "2")]).await;
    let old = sql(Timestamp::now().before(Duration::from_secs(90 * 86_400)));
    store.run(&format!("UPDATE mojito_deliveries SET received_at = '{old}' WHERE id = {}", ids[0])).await;
    let before = Timestamp::now().before(Duration::from_secs(86_400));

    unseen(&mut store, "Desk", Duration::from_secs(23 * 3600)).await;
    let gone_for_less_than_a_day =
        B::discard_unattended(&mut store.connection, Some(before), None, Timestamp::now()).await.unwrap();
    unseen(&mut store, "Desk", Duration::from_secs(25 * 3600)).await;
    let gone = B::discard_unattended(&mut store.connection, Some(before), None, Timestamp::now()).await.unwrap();
    let again = B::discard_unattended(&mut store.connection, Some(before), None, Timestamp::now()).await.unwrap();

    assert_eq!((gone_for_less_than_a_day, gone, again), (0, 1, 0));
    let work = store.work().await;
    let states: Vec<_> = work.iter().map(|row| (row.handler.as_str(), row.state, row.is_first)).collect();
    let (discarded, waits) = (State::Discarded, State::Pending);
    let expected =
        [("Desk", discarded, false), ("Ledger", waits, true), ("Desk", waits, true), ("Ledger", waits, false)];
    assert_eq!(states, expected);
}

async fn what_waits_for_nobody_is_counted_apart<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    attach(&mut store, &["Desk", "Ledger"]).await;
    record(&mut store, vec![result("r", "1"), result("r", "2"), result("s", "1")]).await;

    unseen(&mut store, "Ledger", Duration::from_secs(200)).await;
    let backlog = B::backlog(&mut store.connection, Timestamp::now()).await.unwrap();

    assert_eq!((backlog.waiting, backlog.unattached), (3, 3));
    assert_eq!(known(&mut store, "Ledger").await.waiting, 3);
}

async fn a_handler_that_is_retired_has_a_place_to_go_on_from<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    attach(&mut store, &["Desk"]).await;

    let refused = B::is_refused(&mut store.connection, "UPDATE mojito_handlers SET retired_at = last_seen").await;

    assert!(refused);
}

/// Makes a transaction that records about the result `held` wait at its commit, with all written, until the gate is opened.
const GATE: &str = "
    CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.result_id = 'held' THEN
            PERFORM pg_advisory_xact_lock(4712);
        END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON mojito_deliveries
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()";

/// How many wait at the gate, and how many for the table of the handlers.
const AT_GATE: &str = "locktype = 'advisory' AND objid = 4712";
const AT_HANDLERS: &str = "relation = 'mojito_handlers'::regclass";

async fn wait_for<R>(store: &mut Store<Postgres>, task: &JoinHandle<R>, locked: &str) {
    let query = format!(
        "SELECT count(*)::text AS value FROM pg_locks WHERE NOT granted AND {locked}
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    );
    let waits = async || match store.texts(&query).await {
        counts if counts != ["0"] => Ok(()),
        counts => Err((counts, assert!(!task.is_finished(), "it waits for nobody"))),
    };
    until("it waits for the lock", waits).await;
}

/// A batch that has read which handlers there are, and is still to be committed.
async fn held_batch(
    store: &mut Store<Postgres>,
) -> (<Postgres as Backend>::Connection, JoinHandle<QueryResult<usize>>) {
    store.run(GATE).await;
    let mut gate = store.another().await;
    Postgres::execute(&mut gate, "SELECT pg_advisory_lock(4712)").await;
    let mut recorder = store.another().await;
    let batch = Arc::new(vec![result("held", "1")]);
    let recording = tokio::spawn(async move {
        Postgres::record(&mut recorder, batch, Timestamp::now()).await.map(|recorded| recorded.len())
    });
    wait_for(store, &recording, AT_GATE).await;
    (gate, recording)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_is_attached_after_a_batch_that_knows_nothing_of_it() {
    let mut store = Store::<Postgres>::open().await;
    let (mut gate, recording) = held_batch(&mut store).await;

    let mut host = store.another().await;
    let attaching = tokio::spawn(async move { attach_all::<Postgres>(&mut host, &specs(&["Desk"])).await });
    wait_for(&mut store, &attaching, AT_HANDLERS).await;
    let before_the_commit = store.texts("SELECT name AS value FROM mojito_handlers").await;
    Postgres::execute(&mut gate, "SELECT pg_advisory_unlock(4712)").await;
    recording.await.unwrap().unwrap();
    attaching.await.unwrap();
    let ids = record(&mut store, vec![result("r", "2")]).await;

    assert_eq!(before_the_commit, [""; 0], "else what the batch acknowledges would lack its work");
    assert_eq!(work_of(&mut store, "Desk").await, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_comes_back_with_what_a_batch_recorded_that_took_it_for_retired() {
    let mut store = Store::<Postgres>::open().await;
    retired(&mut store, "Desk").await;
    let (mut gate, recording) = held_batch(&mut store).await;
    // More than one step makes work for, and all of it with ids above that of the batch.
    record(&mut store, (0..STEP + 1).map(|n| result(&(n % 7).to_string(), &n.to_string())).collect()).await;

    let mut host = store.another().await;
    let attaching = tokio::spawn(async move { attach_all::<Postgres>(&mut host, &specs(&["Desk"])).await });
    wait_for(&mut store, &attaching, AT_HANDLERS).await;
    Postgres::execute(&mut gate, "SELECT pg_advisory_unlock(4712)").await;
    recording.await.unwrap().unwrap();
    attaching.await.unwrap();
    record(&mut store, vec![result("r", "2")]).await;

    let ids: Vec<i64> = store.deliveries().await.iter().map(|row| row.id).collect();
    assert_eq!(work_of(&mut store, "Desk").await, ids);
}

/// Nothing is lost between the two, however they meet.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_recorded_after_an_attach_has_its_work() {
    let mut store = Store::<Postgres>::open().await;
    let mut recorder = store.another().await;
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let recording = tokio::spawn(async move {
        let mut number = 0;
        while stopped.try_recv().is_err() {
            let batch = Arc::new(vec![result(&format!("r-{number}"), "1")]);
            Postgres::record(&mut recorder, batch, Timestamp::now()).await.unwrap();
            number += 1;
        }
    });
    let mut newest = Vec::new();
    for number in 0..20 {
        attach(&mut store, &[&format!("Handler {number}")]).await;
        let known = store.texts("SELECT coalesce(max(id), 0)::text AS value FROM mojito_deliveries").await;
        newest.push(known[0].parse::<i64>().unwrap());
    }
    stop.send(()).unwrap();
    recording.await.unwrap();

    let ids: Vec<i64> = store.deliveries().await.iter().map(|row| row.id).collect();
    for (number, newest) in newest.into_iter().enumerate() {
        let work = work_of(&mut store, &format!("Handler {number}")).await;
        let lacking = ids.iter().filter(|id| **id > newest && !work.contains(id)).count();
        assert_eq!(lacking, 0, "handler {number} after delivery {newest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_reads_the_handlers_keeps_nobody_from_an_attach() {
    let mut store = Store::<Postgres>::open().await;
    let mut backup = store.another().await;
    Postgres::execute(&mut backup, "BEGIN; LOCK TABLE mojito_handlers IN ACCESS SHARE MODE").await;

    attach(&mut store, &["Desk"]).await;

    Postgres::execute(&mut backup, "COMMIT").await;
    assert!(known(&mut store, "Desk").await.is_attached);
}
