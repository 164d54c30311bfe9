//! Rehearsals: the verbs on a store of their own, and real handlers in a host.

mod stage;

use diesel_async::SimpleAsyncConnection as _;
use mojito_schema::{Action, EventKind, Line, Rehearsing as _, Sqlite, State, Timestamp, WorkRow};
use rocket_mojito::{Answer, Rehearsal, Rehearsed, Selection, Unrehearsed};

use self::stage::{Act, HostTables, INSERT, Stage, TABLES, anna};
use super::{LEASE, claim_on, claim_one, record, result};
use crate::harness::{Body, Store, TestBackend, on_each_backend};

on_each_backend!(
    the_changed_rows_are_told_by_table_with_those_of_triggers_and_cascades,
    each_answer_is_told_and_nothing_is_left,
    a_constraint_that_is_checked_at_the_commit_is_checked,
    an_error_that_the_handler_passes_by_is_judged_as_by_a_commit,
    a_handler_is_told_and_its_key_is_another_one,
    a_line_that_is_leased_is_passed_by,
    a_line_that_is_leased_meanwhile_is_noticed,
    the_limit_cuts_the_selection_and_says_where,
    what_cannot_be_handled_is_not_rehearsed,
    a_handler_of_another_process_is_refused_by_name,
    a_connection_is_as_good_as_before_after_each_end,
    a_condition_on_work_means_the_work_of_the_rehearsed_handler,
);

/// The changes on a delivery: table, inserted, updated, deleted.
fn changes(rehearsed: &Rehearsed, index: usize) -> Vec<(&str, u64, u64, u64)> {
    let changes = rehearsed.deliveries[index].changes.iter();
    changes.map(|change| (change.table.as_str(), change.inserted, change.updated, change.deleted)).collect()
}

fn words(rehearsed: &Rehearsed) -> Vec<&'static str> {
    rehearsed.deliveries.iter().map(|one| one.answer.as_str()).collect()
}

// Shows O11.
async fn the_changed_rows_are_told_by_table_with_those_of_triggers_and_cascades<B: HostTables>() {
    let stage = Stage::<B>::set(&[
        (
            "all",
            Act::Writes(
                "INSERT INTO offers VALUES (10, 'new'), (11, 'new');
                UPDATE offers SET result = 'changed' WHERE id < 11;
                DELETE FROM offers WHERE id = 2;
                INSERT INTO \"Odd 'name'\" VALUES (1, 1);
                UPDATE mojito_work SET attempt = attempt",
            ),
        ),
        ("undone", Act::Writes("SAVEPOINT a; ROLLBACK TO SAVEPOINT a; INSERT INTO history VALUES ('a')")),
        ("nothing", Act::Nothing),
    ])
    .await;

    let rehearsed = stage.rehearse_all().await;

    assert_eq!(words(&rehearsed), ["ok", "ok", "ok"], "{:?}", rehearsed.deliveries[0].answer.error());
    let mut all = changes(&rehearsed, 0);
    all.sort_unstable();
    assert_eq!(all, [("Odd 'name'", 1, 0, 0), ("history", 2, 0, 0), ("offer_lines", 0, 0, 2), ("offers", 2, 3, 1)]);
    assert_eq!(changes(&rehearsed, 1), [("history", 1, 0, 0)], "each has counts of its own");
    assert_eq!(changes(&rehearsed, 2), []);
    stage.host.stop().await;
}

// Shows O10.
async fn each_answer_is_told_and_nothing_is_left<B: HostTables>() {
    let mut stage = Stage::<B>::set(&[
        ("writes", Act::Writes(INSERT)),
        ("fails", Act::WritesThenFails("no printer")),
        ("discards", Act::WritesThenDiscards),
        ("panics", Act::WritesThenPanics),
        ("hangs", Act::WritesThenHangs),
        ("refused", Act::Writes("INSERT INTO offers VALUES (1, 'again')")),
    ])
    .await;
    let (rows, work) = (stage.rows().await, told_of(&stage.store.work().await));

    let rehearsed = stage.rehearse_all().await;
    let again = stage.rehearse_all().await;

    let answers: Vec<&Answer> = rehearsed.deliveries.iter().map(|one| &one.answer).collect();
    assert_eq!(words(&rehearsed), ["ok", "retry", "discard", "panic", "timed_out", "retry"]);
    assert_eq!(answers[1].error(), Some("no printer"));
    assert_eq!(answers[2].error(), Some("no such office"));
    assert_eq!(answers[3].error(), Some("the handler panicked: as the test says"));
    assert!(answers[5].error().unwrap().to_lowercase().contains("unique"), "{:?}", answers[5].error());
    assert!((1..6).all(|index| changes(&rehearsed, index).is_empty()), "what fails would change nothing");
    assert_eq!(again, rehearsed);
    assert_eq!((stage.rows().await, told_of(&stage.store.work().await)), (rows, work));
    let mut audit = stage.store.audit().await;
    audit.retain(|row| row.action == Action::Rehearse);
    assert_eq!((audit.len(), audit[0].action, audit[0].affected), (2, Action::Rehearse, 6));
    assert_eq!(audit[0].target, r#"{"handler":"Desk","limit":100,"selection":{}}"#);
    // The next attempts find nothing of a rehearsal.
    stage.host.inbox.resume_handler("Desk", anna()).await.unwrap();
    let is_completed = |work: &[WorkRow]| work[0].state == State::Completed;
    stage.store.wait_for_work("the first is completed", is_completed).await;
    assert_eq!(stage.store.texts("SELECT result AS value FROM offers WHERE id = 10").await, ["new"]);
    stage.host.stop().await;
}

/// All that an attempt would change of work.
fn told_of(work: &[WorkRow]) -> Vec<String> {
    work.iter().map(|row| format!("{row:?}")).collect()
}

// Shows O11.
async fn a_constraint_that_is_checked_at_the_commit_is_checked<B: HostTables>() {
    let mut stage = Stage::<B>::set(&[
        ("child", Act::Writes("INSERT INTO \"Odd 'name'\" VALUES (1, 99)")),
        ("mended", Act::Writes("INSERT INTO \"Odd 'name'\" VALUES (1, 99); INSERT INTO offers VALUES (99, 'late')")),
        ("parent", Act::Writes("DELETE FROM offers WHERE id = 1")),
    ])
    .await;
    stage.store.run("INSERT INTO \"Odd 'name'\" VALUES (7, 1)").await;

    let rehearsed = stage.rehearse_all().await;

    assert_eq!(words(&rehearsed), ["retry", "ok", "retry"]);
    for broken in [0, 2] {
        let error = rehearsed.deliveries[broken].answer.error().unwrap();
        assert!(error.starts_with("the commit failed: ") && error.to_lowercase().contains("foreign key"), "{error}");
    }
    stage.host.stop().await;
}

async fn an_error_that_the_handler_passes_by_is_judged_as_by_a_commit<B: HostTables>() {
    let stage = Stage::<B>::set(&[("passes", Act::PassesBy("INSERT INTO offers VALUES (1, 'again')"))]).await;

    let rehearsed = stage.rehearse_all().await;

    if B::GOES_ON {
        assert_eq!((words(&rehearsed), changes(&rehearsed, 0).len()), (vec!["ok"], 2));
    } else {
        let error = rehearsed.deliveries[0].answer.error().unwrap();
        assert!(error.starts_with("nothing was committed: "), "{error}");
    }
    stage.host.stop().await;
}

// Shows O13.
async fn a_handler_is_told_and_its_key_is_another_one<B: HostTables>() {
    let mut stage = Stage::<B>::set(&[("r", Act::Nothing), ("s", Act::Nothing)]).await;

    stage.rehearse_all().await;
    stage.rehearse_all().await;
    stage.host.inbox.resume_handler("Desk", anna()).await.unwrap();
    stage.store.drained().await;

    let told = stage.told.lock().unwrap().clone();
    let [r, s, r_again, s_again, live @ ..] = &told[..] else { panic!("{told:?}") };
    assert!(r.is_rehearsal && r.attempt == 1 && r.key.starts_with("rehearsal-") && r.key.len() == 42, "{r:?}");
    assert_eq!((r, s), (r_again, s_again));
    assert_ne!(r.key, s.key);
    assert!(live.len() == 2 && live.iter().all(|told| !told.is_rehearsal && told.key.len() == 32), "{live:?}");
    assert!(live.iter().all(|told| !r.key.ends_with(&told.key) && !s.key.ends_with(&told.key)), "{told:?}");
    stage.host.stop().await;
}

// Shows O12.
async fn a_line_that_is_leased_is_passed_by<B: HostTables>() {
    let mut stage = Stage::<B>::set(&[("r", Act::Writes(INSERT)), ("s", Act::Writes(INSERT))]).await;
    let body = Body::result("r").with("score", 9).bytes();
    stage.host.inbox.record_body("default", EventKind::InterviewResult, body).await.unwrap();
    let claimed = claim_on::<B>(&mut stage.store.connection, 1).await;

    let rehearsed = stage.rehearse_all().await;

    assert_eq!(claimed[0].ticket.delivery_id, rehearsed.deliveries[0].delivery);
    assert_eq!(words(&rehearsed), ["not_rehearsed", "ok", "not_rehearsed"], "the line is that of result and handler");
    assert_eq!(rehearsed.deliveries[0].answer, Answer::NotRehearsed(Unrehearsed::Leased));
    assert_eq!(stage.told.lock().unwrap().len(), 1);
    stage.host.stop().await;
}

// Shows O12.
async fn a_line_that_is_leased_meanwhile_is_noticed<B: HostTables>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a"), result("s", "a")]).await;
    let line = |first_delivery_id| Line { first_delivery_id, handler: "Desk".to_owned() };
    let mut other = store.another().await;

    let before = B::preview(&mut other, 1, "Desk".to_owned()).await.unwrap().unwrap();
    let claimed = claim_on::<B>(&mut store.connection, 1).await;
    let begun = B::begin_rehearsal(&mut other, line(1), LEASE).await.unwrap();
    let after = B::preview(&mut other, 1, "Desk".to_owned()).await.unwrap().unwrap();

    assert_eq!((before.is_leased, begun, after.is_leased), (false, false, true));
    assert_ne!(before.claim.ticket.epoch, claimed[0].ticket.epoch);
    assert_eq!((before.claim.attempt, before.claim.delivery.id), (1, 1));
    // On SQLite nobody claims beside an open transaction.
    if !B::GOES_ON {
        assert!(B::begin_rehearsal(&mut other, line(2), LEASE).await.unwrap());
        claim_on::<B>(&mut store.connection, 1).await;
        assert!(B::end_rehearsal(&mut other, line(2)).await.unwrap().is_leased);
    }
}

async fn the_limit_cuts_the_selection_and_says_where<B: HostTables>() {
    let stage = Stage::<B>::set(&[("a", Act::Nothing), ("b", Act::Nothing), ("c", Act::Nothing)]).await;

    let first = stage.rehearse(Rehearsal::new(Selection::all(), "Desk").limit(2)).await;
    let next_after = first.next_after.unwrap();
    let rest = stage.rehearse(Rehearsal::new(Selection::all().after(next_after), "Desk").limit(2)).await;

    let ids = |rehearsed: &Rehearsed| rehearsed.deliveries.iter().map(|one| one.delivery).collect::<Vec<_>>();
    assert_eq!((ids(&first), ids(&rest), rest.next_after), (vec![1, 2], vec![3], None));
    stage.host.stop().await;
}

async fn what_cannot_be_handled_is_not_rehearsed<B: HostTables>() {
    let mut stage = Stage::<B>::set(&[("pruned", Act::Nothing)]).await;
    stage.host.inbox.record_body("default", EventKind::Unknown, "no JSON").await.unwrap();
    stage.store.run("UPDATE mojito_deliveries SET body = NULL WHERE id = 1").await;

    let rehearsed = stage.rehearse_all().await;

    let answers: Vec<Answer> = rehearsed.deliveries.into_iter().map(|one| one.answer).collect();
    assert_eq!(answers, [Unrehearsed::WithoutBody, Unrehearsed::Quarantined].map(Answer::NotRehearsed));
    stage.host.stop().await;
}

async fn a_handler_of_another_process_is_refused_by_name<B: HostTables>() {
    let mut stage = Stage::<B>::set(&[("r", Act::Nothing)]).await;

    let refused = stage.host.inbox.rehearse(Rehearsal::new(Selection::all(), "Ledger"), anna()).await.unwrap_err();

    assert!(refused.is_refused() && refused.to_string().contains("the handler `Ledger` is not attached"), "{refused}");
    assert!(refused.to_string().contains("`Desk`"), "{refused}");
    assert!(stage.store.audit().await.iter().all(|row| row.action != Action::Rehearse));
    stage.host.stop().await;
}

// Shows O10.
async fn a_connection_is_as_good_as_before_after_each_end<B: HostTables>() {
    let mut store = Store::<B>::open().await;
    store.run(TABLES).await;
    record(&mut store, vec![result("r", "a"), result("s", "a")]).await;
    let (first, second) = (line_of(1), line_of(2));
    // A statement that was prepared before counts as well.
    store.connection.batch_execute("INSERT INTO history VALUES ('of a former transaction')").await.unwrap();

    assert!(B::begin_rehearsal(&mut store.connection, first.clone(), LEASE).await.unwrap());
    store.connection.batch_execute("INSERT INTO history VALUES ('never')").await.unwrap();
    let ended = B::end_rehearsal(&mut store.connection, first.clone()).await.unwrap();
    assert!(B::begin_rehearsal(&mut store.connection, second, LEASE).await.unwrap());
    store.connection.batch_execute("INSERT INTO history VALUES ('never')").await.unwrap();
    B::rollback(&mut store.connection).await.unwrap();
    assert!(B::begin_rehearsal(&mut store.connection, first.clone(), LEASE).await.unwrap());
    let nothing = B::end_rehearsal(&mut store.connection, first).await.unwrap();

    let counts: Vec<_> = ended.changes.iter().map(|change| (change.table.as_str(), change.inserted)).collect();
    assert_eq!((counts, nothing.changes), (vec![("history", 1)], vec![]), "of each transaction alone");
    assert_eq!((ended.left, nothing.left), (mojito_schema::Left::Nothing, mojito_schema::Left::Nothing));
    assert_eq!(store.texts("SELECT line AS value FROM history").await, ["of a former transaction"]);
    let ticket = claim_one_of(&mut store).await;
    assert!(B::begin(&mut store.connection, ticket.clone(), LEASE, Timestamp::now()).await.unwrap());
    store.connection.batch_execute("INSERT INTO history VALUES ('in earnest')").await.unwrap();
    B::commit(&mut store.connection, Some(ticket.line())).await.unwrap();
    assert_eq!(store.texts("SELECT line AS value FROM history").await.len(), 2);
}

fn line_of(first_delivery_id: i64) -> Line {
    Line { first_delivery_id, handler: "Desk".to_owned() }
}

async fn claim_one_of<B: TestBackend>(store: &mut Store<B>) -> mojito_schema::Ticket {
    store.run("DELETE FROM mojito_work WHERE delivery_id = 2").await;
    claim_one(store).await.ticket
}

async fn a_condition_on_work_means_the_work_of_the_rehearsed_handler<B: HostTables>() {
    let mut stage = Stage::<B>::set(&[("r", Act::Nothing), ("s", Act::Nothing)]).await;
    stage
        .store
        .run(
            "INSERT INTO mojito_work (delivery_id, handler, first_delivery_id, max_attempts, is_first, state, finished_at)
             VALUES (1, 'Ledger', 1, 3, false, 'discarded', '2026-01-01 00:00:00');
             UPDATE mojito_work SET state = 'discarded', is_first = false, finished_at = '2026-01-01 00:00:00'
             WHERE handler = 'Desk' AND delivery_id = 2",
        )
        .await;

    let dead = stage.rehearse(Rehearsal::new(Selection::all().state(State::Discarded), "Desk")).await;
    let of_another = Selection::all().state(State::Discarded).handler("Ledger");
    let of_another = stage.rehearse(Rehearsal::new(of_another, "Desk")).await;

    assert_eq!((dead.deliveries.len(), dead.deliveries[0].delivery), (1, 2));
    assert_eq!((of_another.deliveries.len(), of_another.deliveries[0].delivery), (1, 1));
    stage.host.stop().await;
}

/// Temporary triggers go with the rollback, and what was broken before is nobody's fault.
#[tokio::test(flavor = "multi_thread")]
async fn no_trigger_is_left_on_sqlite_and_an_old_breach_does_not_count() {
    let mut store = Store::<Sqlite>::open().await;
    store.run(TABLES).await;
    store.run("PRAGMA foreign_keys = OFF; INSERT INTO \"Odd 'name'\" VALUES (8, 88); PRAGMA foreign_keys = ON").await;
    record(&mut store, vec![result("r", "a")]).await;
    let triggers = "SELECT name AS value FROM sqlite_temp_schema";
    let connection = &mut store.connection;

    assert!(Sqlite::begin_rehearsal(connection, line_of(1), LEASE).await.unwrap());
    let during = Sqlite::texts(connection, triggers).await.len();
    connection.batch_execute("INSERT INTO \"Odd 'name'\" VALUES (1, 1)").await.unwrap();
    Sqlite::end_rehearsal(connection, line_of(1)).await.unwrap();
    let after = Sqlite::texts(connection, triggers).await;

    assert!(during > 12, "{during}");
    assert_eq!(after, [""; 0]);
}
