//! The operations of operators: replay, discard, prune, pause.

use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{Action, State};
use rocket_mojito::{Actor, Replay, Selection, Standing};

use crate::harness::{Body, Database, Host, ScriptedAction, ScriptedHandler, eventually, next};

fn anna() -> Actor {
    Actor::new("anna").because("the printer is back")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_delivery_is_replayed_with_its_key_from_its_first_attempt() {
    let (host, inbox, mut seen) = Host::scripted(|_, _| ScriptedAction::Discard("no printer")).await;
    let delivery = host.post("interview_result", &Body::result("r").bytes()).await.delivery();
    let first = next(&mut seen).await;
    host.drained().await;

    let dead = Selection::all().state(State::Discarded);
    let count = inbox.count(&dead).await.unwrap();
    let replayed = inbox.replay(Replay::new(dead), anna()).await.unwrap();
    let again = next(&mut seen).await;

    let audit = host.database.audit();
    assert_eq!((count, replayed.work), (1, 1));
    assert_eq!((again.delivery, again.attempt, again.key), (delivery, 1, first.key));
    assert_eq!((audit[0].action, audit[0].affected), (Action::Replay, 1));
    assert_eq!((audit[0].actor.as_str(), audit[0].reason.as_deref()), ("anna", Some("the printer is back")));
    assert_eq!(audit[0].target, r#"{"handler":null,"per_second":50,"selection":{"state":"discarded"}}"#);
    host.stop().await;
}

// Shows F56.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_an_old_version_is_superseded_and_moves_nothing_back() {
    let (host, inbox, mut seen) = Host::scripted(|_, _| ScriptedAction::Effect).await;
    let first = host.post("interview_result", &Body::result("r").bytes()).await.delivery();
    let second = host.post("interview_result", &Body::result("r").with("score", 9).bytes()).await.delivery();
    let (one, two) = (next(&mut seen).await, next(&mut seen).await);
    host.drained().await;

    inbox.replay(Replay::new(Selection::delivery(first)), anna()).await.unwrap();
    let again = next(&mut seen).await;
    host.drained().await;

    let result = &host.database.results()[0];
    assert!(!two.is_superseded && again.is_superseded);
    assert_eq!((again.delivery, again.version, &again.changes), (first, Some(1), &one.changes));
    assert_eq!((result.version, result.delivery_id, result.snapshot.score), (2, second, Some(9.0)));
    assert_eq!(host.database.effects().len(), 3, "a replay is a run of its own");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_is_added_later_gets_history_by_replay() {
    let (host, _, mut seen) = Host::scripted(|_, _| ScriptedAction::Effect).await;
    let database = Arc::clone(&host.database);
    for result in ["a", "b", "c"] {
        host.post("interview_result", &Body::result(result).bytes()).await;
        next(&mut seen).await;
    }
    host.drained().await;
    host.stop().await;

    let (old, _old_seen) = ScriptedHandler::new(|_, _| ScriptedAction::Effect);
    let (new, mut new_seen) = ScriptedHandler::named("New", |_, _| ScriptedAction::Effect);
    let host = Host::builder().database(&database).handler(old).handler(new).start().await;
    let replayed = host.inbox.replay(Replay::new(Selection::all()).to_handler("New"), anna()).await.unwrap();
    let mut told =
        [next(&mut new_seen).await, next(&mut new_seen).await, next(&mut new_seen).await].map(|seen| seen.result);
    told.sort();
    host.drained().await;

    let by_new = host.database.effects().into_iter().filter(|effect| effect.handler == "New").count();
    assert_eq!(told, ["a", "b", "c"]);
    assert_eq!((replayed.work, by_new, host.database.effects().len()), (3, 3, 6));
    host.stop().await;
}

// Shows M12.
#[tokio::test(flavor = "multi_thread")]
async fn a_paced_replay_holds_up_no_live_delivery() {
    let (host, inbox, mut seen) = Host::scripted(|_, _| ScriptedAction::Effect).await;
    for result in 0..5 {
        host.post("interview_result", &Body::result(&result.to_string()).bytes()).await;
        next(&mut seen).await;
    }
    host.drained().await;

    // One in each second: it is the turn of the last after four.
    let replay = Replay::new(Selection::all()).per_second(1);
    let began = std::time::Instant::now();
    let replayed = tokio::spawn(async move { inbox.replay(replay, anna()).await });
    next(&mut seen).await;
    let live = host.post("interview_result", &Body::result("4").with("score", 9).bytes()).await.delivery();
    let mut handled = Vec::new();
    while handled.len() < 5 {
        handled.push(next(&mut seen).await.delivery);
        assert!(host.database.work().iter().all(|work| work.due_at.is_none()), "nothing waits for a time to come");
    }

    assert_eq!(replayed.await.unwrap().unwrap().work, 5);
    assert!(began.elapsed() >= Duration::from_secs(4), "one in each second");
    assert_eq!(handled[0], live, "it does not wait for what is still to be replayed: {handled:?}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_selected_is_not_replayed() {
    let (dying, _seen) = ScriptedHandler::new(|_, _| ScriptedAction::Discard("no printer"));
    let (other, _other_seen) = ScriptedHandler::named("Other", |_, _| ScriptedAction::Effect);
    let database = Arc::new(Database::with_effects());
    let host = Host::builder().database(&database).handler(dying).handler(other).start().await;
    let inbox = host.inbox.clone();
    let delivery = host.post("interview_result", &Body::result("r").bytes()).await.delivery();
    host.drained().await;

    // One of the two is dead.
    let dead = inbox.replay(Replay::new(Selection::all().state(State::Discarded)), anna()).await.unwrap();
    host.drained().await;
    let of_one = inbox.replay(Replay::new(Selection::all().handler("Other")), anna()).await.unwrap();
    host.drained().await;
    let to_all = Replay::new(Selection::delivery(delivery).state(State::Discarded)).to_all_handlers();
    let to_all = inbox.replay(to_all, anna()).await.unwrap();

    assert_eq!((dead.work, of_one.work, to_all.work), (1, 1, 2));
    host.stop().await;
}

// Shows M08.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_has_is_an_error_wherever_it_stands() {
    let (host, inbox, mut seen) = Host::scripted(|_, _| ScriptedAction::Effect).await;
    host.post("interview_result", &Body::result("r").bytes()).await;
    next(&mut seen).await;

    let errors = [
        inbox.discard(Selection::all().handler("Typo"), anna()).await.unwrap_err(),
        inbox.replay(Replay::new(Selection::all().handler("Typo")), anna()).await.unwrap_err(),
        inbox.count(&Selection::all().handler("Typo")).await.unwrap_err(),
    ];
    let endpoint = inbox.count(&Selection::all().endpoint("defualt")).await.unwrap_err();

    assert!(
        errors.iter().all(|error| error.to_string() == "there is no handler `Typo`: there is `Script`"),
        "{errors:?}"
    );
    assert_eq!(endpoint.to_string(), "there is no endpoint `defualt`: there is `default`");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_to_nobody_is_an_error_that_names_who_there_is() {
    let (host, inbox, _seen) = Host::scripted(|_, _| ScriptedAction::Effect).await;

    let error = inbox.replay(Replay::new(Selection::all()).to_handler("Skript"), anna()).await.unwrap_err();

    assert!(error.is_config());
    assert_eq!(error.to_string(), "there is no handler `Skript`: there is `Script`");
    host.stop().await;
}

/// Puts the delivery back to where it would be if an older program had not understood it.
fn unlearn(host: &Host, delivery: i64) {
    host.database.run(&format!(
        "PRAGMA foreign_keys = OFF;
         DELETE FROM mojito_work WHERE delivery_id = {delivery};
         DELETE FROM mojito_results WHERE delivery_id = {delivery};
         UPDATE mojito_deliveries SET standing = 'quarantined', version = NULL, first_delivery_id = NULL, result_id = NULL, event = 'unknown',
             changes = '[]', findings = '[{{\"code\":\"of_old\",\"field\":null}}]'
         WHERE id = {delivery};"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantined_delivery_that_is_understood_now_is_admitted() {
    let (host, inbox, mut seen) = Host::scripted(|_, _| ScriptedAction::Effect).await;
    let body = Body::result("r").bytes();
    let delivery = host.post("", &body).await.delivery();
    let first = next(&mut seen).await;
    host.drained().await;
    unlearn(&host, delivery);
    let broken = host.post("interview_result", b"not json").await.delivery();

    let replayed = inbox.replay(Replay::new(Selection::all().standing(Standing::Quarantined)), anna()).await.unwrap();
    let again = next(&mut seen).await;
    host.drained().await;
    let repeat = host.post("", &body).await.delivery();

    let rows = host.database.deliveries();
    assert_eq!((replayed.admitted, replayed.still_quarantined), (1, 1));
    assert_eq!((again.delivery, again.version, again.changes), (delivery, Some(1), first.changes));
    assert_eq!((rows[0].standing, rows[0].result_id.as_deref()), (Standing::Current, Some("r")));
    assert_eq!((rows[1].id, rows[1].standing), (broken, Standing::Quarantined));
    assert_eq!((repeat, rows.len()), (delivery, 2), "a copy of what was admitted is a repeat of it");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_overtaken_in_quarantine_is_late_and_moves_nothing_back() {
    let (host, inbox, mut seen) = Host::scripted(|_, _| ScriptedAction::Effect).await;
    let old = host.post("", &Body::result("r").bytes()).await.delivery();
    next(&mut seen).await;
    host.drained().await;
    unlearn(&host, old);
    let newer = host.post("interview_result", &Body::result("r").with("score", 9).bytes()).await.delivery();
    next(&mut seen).await;
    host.drained().await;

    let replayed = inbox.replay(Replay::new(Selection::delivery(old)).to_handler("Script"), anna()).await.unwrap();
    let again = next(&mut seen).await;

    let result = &host.database.results()[0];
    assert_eq!(replayed.admitted, 1);
    assert_eq!((again.standing, again.version, again.is_superseded), (Standing::Late, None, true));
    assert_eq!((result.delivery_id, result.version, result.snapshot.score), (newer, 1, Some(9.0)));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_work_is_discarded_and_lets_successors_pass() {
    let (host, inbox, mut seen) = Host::scripted(|event, _| match event.version() {
        Some(1) => ScriptedAction::Fail("not yet"),
        _ => ScriptedAction::Effect,
    })
    .await;
    let first = host.post("interview_result", &Body::result("r").bytes()).await.delivery();
    next(&mut seen).await;
    eventually("the first waits", || host.database.work()[0].state == State::Retryable).await;
    host.post("interview_result", &Body::result("r").with("score", 9).bytes()).await;

    let discarded = inbox.discard(Selection::delivery(first).handler("Script"), anna()).await.unwrap();
    let second = next(&mut seen).await;
    host.drained().await;

    let work = host.database.work();
    assert_eq!((discarded, second.version), (1, Some(2)));
    assert_eq!((work[0].state, work[1].state), (State::Discarded, State::Completed));
    assert_eq!(host.database.audit()[0].action, Action::Discard);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_is_pruned_and_nothing_that_is_needed() {
    let (host, inbox, mut seen) = Host::scripted(|event, _| match event.payload().id.as_str() {
        "waiting" => ScriptedAction::Fail("not yet"),
        _ => ScriptedAction::Effect,
    })
    .await;
    let replaced = host.post("interview_result", &Body::result("r").bytes()).await.delivery();
    let current = host.post("interview_result", &Body::result("r").with("score", 9).bytes()).await.delivery();
    let waiting = host.post("interview_result", &Body::result("waiting").bytes()).await.delivery();
    for _ in 0..3 {
        next(&mut seen).await;
    }
    eventually("nothing runs", || host.database.work().iter().all(|work| work.state != State::Running)).await;
    host.database.run("UPDATE mojito_deliveries SET received_at = datetime('now', '-500 days')");
    let young = host.post("interview_result", &Body::result("young").bytes()).await.delivery();

    let pruned = inbox.prune(anna()).await.unwrap();

    let left: Vec<(i64, bool)> = host.database.deliveries().iter().map(|row| (row.id, row.body.is_some())).collect();
    assert_eq!((pruned.bodies, pruned.deliveries), (2, 1));
    assert_eq!(left, [(current, false), (waiting, true), (young, true)], "{replaced} alone is gone");
    host.stop().await;
}

/// Two versions of each of two results: of one 500 days old, of the other 200.
async fn aged(host: &Host) -> [i64; 4] {
    let mut ids = [0; 4];
    for (place, result, score) in [(0, "oldest", 1), (1, "oldest", 2), (2, "old", 1), (3, "old", 2)] {
        ids[place] = host.post("interview_result", &Body::result(result).with("score", score).bytes()).await.delivery();
    }
    host.database.run(&format!(
        "UPDATE mojito_deliveries SET received_at = datetime('now', '-500 days') WHERE id <= {};
         UPDATE mojito_deliveries SET received_at = datetime('now', '-200 days') WHERE id > {};",
        ids[1], ids[1]
    ));
    ids
}

/// The deliveries that are left, and whether they have a body.
fn kept(database: &Database) -> Vec<(i64, bool)> {
    database.deliveries().iter().map(|row| (row.id, row.body.is_some())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_go_after_90_days_and_deliveries_after_400() {
    let host = Host::builder().start().await;
    let [_, state, replaced, newest] = aged(&host).await;

    let pruned = host.inbox.prune(anna()).await.unwrap();

    assert_eq!((pruned.bodies, pruned.deliveries), (4, 1));
    assert_eq!(kept(&host.database), [(state, false), (replaced, false), (newest, false)]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_prunes_bodies_after_90_days_and_deliveries_after_400_by_itself() {
    let host = Host::builder().start().await;
    let [_, state, replaced, newest] = aged(&host).await;
    let database = Arc::clone(&host.database);
    host.stop().await;
    // One reading of a clock removes nothing.
    database.run("UPDATE mojito_clock_readings SET at = datetime('now', '-2 days'), last_delivery_id = 1000");

    let host = Host::builder().database(&database).start().await;

    let pruned = || database.audit().iter().any(|audit| (audit.action, audit.affected) == (Action::Prune, 5));
    eventually("it has pruned", pruned).await;
    assert_eq!(kept(&database), [(state, false), (replaced, false), (newest, false)]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_handler_gets_nothing_and_loses_nothing() {
    let (host, inbox, mut seen) = Host::scripted(|_, _| ScriptedAction::Effect).await;
    host.post("interview_result", &Body::result("before").bytes()).await;
    next(&mut seen).await;
    host.drained().await;
    inbox.pause_handler("Script", Actor::new("anna")).await.unwrap();

    let delivery = host.post("interview_result", &Body::result("r").bytes()).await.delivery();
    let waiting = host.database.work()[1].state;
    inbox.resume_handler("Script", Actor::new("anna")).await.unwrap();
    let told = next(&mut seen).await;

    assert_eq!((waiting, told.delivery), (State::Pending, delivery));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_endpoint_answers_503_until_it_is_resumed() {
    let (host, inbox, _seen) = Host::scripted(|_, _| ScriptedAction::Effect).await;
    let body = Body::result("r").bytes();

    inbox.pause_endpoint("default", Actor::new("anna")).await.unwrap();
    let paused = host.post("interview_result", &body).await.status;
    inbox.resume_endpoint("default", Actor::new("anna")).await.unwrap();
    let resumed = host.post("interview_result", &body).await.status;

    assert_eq!((paused, resumed), (503, 200));
    host.stop().await;
}
