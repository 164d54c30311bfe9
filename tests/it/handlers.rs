//! Handlers are known to the database: whichever process records, each gets its work.

use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{Action, State, Timestamp};
use rocket_mojito::{Actor, Inbox, Replay, Selection};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::harness::{
    Body, Database, Host, Log, ObservedAttempt, PostgresDatabase, Process, ScriptedAction, ScriptedHandler, eventually,
    next,
};

fn anna() -> Actor {
    Actor::new("anna").because("it was renamed")
}

/// A host with one handler that writes its effect.
async fn host_with(database: &Arc<Database>, name: &'static str) -> (Host, UnboundedReceiver<ObservedAttempt>) {
    let (script, seen) = ScriptedHandler::named(name, |_, _| ScriptedAction::Effect);
    (Host::builder().database(database).handler(script).start().await, seen)
}

/// A host that only receives.
async fn ingress(database: &Arc<Database>) -> Host {
    Host::builder().database(database).start().await
}

async fn post(host: &Host, result: &str) -> i64 {
    host.post("interview_result", &Body::result(result).bytes()).await.delivery()
}

/// Lets handlers have been seen so long ago, as if the processes that had them were gone since.
fn unseen(database: &Database, days: u64) {
    let seen =
        Timestamp::now().before(Duration::from_secs(days * 86_400)).to_string().replace('T', " ").replace('Z', "");
    database.run(&format!("UPDATE mojito_handlers SET last_seen = '{seen}'"));
}

/// The handlers that have work on a delivery.
fn handlers_of(database: &Database, delivery: i64) -> Vec<String> {
    let work = database.work().into_iter().filter(|work| work.delivery_id == delivery);
    work.map(|work| work.handler).collect()
}

// Shows M32.
#[tokio::test(flavor = "multi_thread")]
async fn two_versions_side_by_side_make_work_for_the_handlers_of_both() {
    let database = Arc::new(Database::with_effects());
    let (old, mut desk) = host_with(&database, "Desk").await;
    let (new, mut ledger) = host_with(&database, "Ledger").await;

    let (by_old, by_new) = (post(&old, "a").await, post(&new, "b").await);
    let seen = [next(&mut desk).await, next(&mut desk).await, next(&mut ledger).await, next(&mut ledger).await];

    for delivery in [by_old, by_new] {
        assert_eq!(handlers_of(&database, delivery), ["Desk", "Ledger"]);
    }
    assert_eq!(seen.iter().filter(|seen| seen.delivery == by_old).count(), 2);
    old.stop().await;
    new.stop().await;
}

// Shows M32.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_only_receives_makes_work_for_the_handlers_of_others() {
    let database = Arc::new(Database::with_effects());
    let receiver = ingress(&database).await;
    let before = post(&receiver, "before").await;
    let (worker, mut seen) = host_with(&database, "Desk").await;

    let beside = post(&receiver, "beside").await;
    let first = next(&mut seen).await;
    worker.stop().await;
    let alone = post(&receiver, "alone").await;
    let (worker, mut seen) = host_with(&database, "Desk").await;
    let second = next(&mut seen).await;

    assert_eq!((first.delivery, second.delivery), (beside, alone));
    assert_eq!(handlers_of(&database, before), [""; 0], "it came before there was any handler");
    receiver.stop().await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_only_receives_makes_work_for_the_handlers_of_others_on_postgres() {
    let database = PostgresDatabase::shared().await;
    let worker = Process::builder(&database).start().await;
    drop(worker);
    let mut other = Process::builder(&database).handlers("other:plain").start().await;

    let answer = other.post("interview_result", &Body::result("r").bytes()).await;
    database.wait_until("one has handled it", "SELECT count(*) FROM effects", 1).await;
    let waiting =
        database.number("SELECT count(*) FROM mojito_work WHERE handler = 'effects' AND state = 'pending'").await;
    let _heir = Process::builder(&database).start().await;
    database.wait_until("both have handled it", "SELECT count(*) FROM effects", 2).await;

    assert_eq!((answer.map(|answer| answer.status), waiting), (Some(200), 1));
}

#[tokio::test]
async fn a_renamed_handler_is_said_until_its_former_name_is_retired() {
    let log = Log::capture();
    let database = Arc::new(Database::with_effects());
    let (old, _seen) = host_with(&database, "Desk").await;
    old.stop().await;
    unseen(&database, 1);

    let (host, mut seen) = host_with(&database, "HiringDesk").await;
    let said =
        || log.lines().into_iter().filter(|line| line.contains("a handler that is not attached")).collect::<Vec<_>>();
    eventually("it is said", || !said().is_empty()).await;
    let delivery = post(&host, "r").await;
    next(&mut seen).await;
    eventually("it is done", || database.work().iter().any(|work| work.finished_at.is_some())).await;
    let backlog = host.inbox.backlog().await.unwrap();
    let renamed = host.inbox.retire_handler("Desk", anna()).await.unwrap();
    let after = post(&host, "s").await;
    next(&mut seen).await;

    assert!(said()[0].contains("WARN") && said()[0].contains("handler=\"Desk\"") && said().len() == 1, "{:?}", said());
    assert_eq!((backlog.waiting, backlog.unattached, renamed), (0, 1, 1));
    assert_eq!(handlers_of(&database, delivery), ["Desk", "HiringDesk"]);
    assert_eq!(handlers_of(&database, after), ["HiringDesk"]);
    let audit = database.audit();
    assert_eq!(
        (audit[0].action, audit[0].affected, audit[0].target.as_str()),
        (Action::Retire, 1, r#"{"handler":"Desk"}"#)
    );
    assert_eq!(host.inbox.backlog().await.unwrap().unattached, 0);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_comes_back_after_ten_days_has_missed_nothing() {
    let database = Arc::new(Database::with_effects());
    let (host, mut seen) = host_with(&database, "Desk").await;
    let handled = post(&host, "handled").await;
    next(&mut seen).await;
    host.drained().await;
    host.stop().await;
    let receiver = ingress(&database).await;
    let waiting = post(&receiver, "waiting").await;
    unseen(&database, 10);

    let (back, mut seen) = host_with(&database, "Desk").await;
    let first = next(&mut seen).await;
    back.drained().await;
    back.stop().await;
    unseen(&database, 10);
    receiver.inbox.retire_handler("Desk", anna()).await.unwrap();
    let meanwhile = [post(&receiver, "r").await, post(&receiver, "s").await];
    let while_retired = meanwhile.map(|delivery| handlers_of(&database, delivery));
    let (back, mut seen) = host_with(&database, "Desk").await;
    let mut missed = [next(&mut seen).await.delivery, next(&mut seen).await.delivery];
    missed.sort_unstable();
    back.drained().await;

    assert_eq!(first.delivery, waiting, "nobody has retired it");
    assert_eq!(while_retired, [[""; 0]; 2]);
    assert_eq!(missed, meanwhile);
    let effects: Vec<i64> = database.effects().iter().map(|effect| effect.delivery_id).collect();
    assert_eq!((effects.len(), effects[0]), (4, handled), "each once: {effects:?}");
    receiver.stop().await;
    back.stop().await;
}

async fn refusal(inbox: &Inbox, name: &str) -> String {
    inbox.retire_handler(name, anna()).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_is_attached_is_not_retired_and_a_retired_one_is_handed_nothing() {
    let database = Arc::new(Database::with_effects());
    let (host, mut seen) = host_with(&database, "Desk").await;
    let delivery = post(&host, "r").await;
    next(&mut seen).await;
    host.drained().await;

    let attached = refusal(&host.inbox, "Desk").await;
    let unknown = refusal(&host.inbox, "Dessk").await;
    host.stop().await;
    unseen(&database, 1);
    let receiver = ingress(&database).await;
    receiver.inbox.retire_handler("Desk", anna()).await.unwrap();
    let to_retired = receiver.inbox.replay(Replay::new(Selection::all()).to_handler("Desk"), anna()).await;
    let replayed = receiver.inbox.replay(Replay::new(Selection::delivery(delivery)), anna()).await.unwrap();

    assert!(attached.contains("`Desk` is attached, or was within three minutes"), "{attached}");
    assert_eq!(unknown, "there is no handler `Dessk`: there is `Desk`");
    assert!(to_retired.unwrap_err().is_refused());
    assert_eq!((replayed.work, database.work()[0].state), (0, State::Completed));
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_work_of_a_handler_that_is_gone_keeps_no_body() {
    let database = Arc::new(Database::with_effects());
    let (host, _seen) = host_with(&database, "Desk").await;
    host.stop().await;
    let receiver = ingress(&database).await;
    let (old, young) = (post(&receiver, "old").await, post(&receiver, "young").await);
    database.run(&format!("UPDATE mojito_deliveries SET received_at = datetime('now', '-91 days') WHERE id = {old}"));

    let while_it_may_live = receiver.inbox.prune(Actor::new("test")).await.unwrap();
    unseen(&database, 2);
    let pruned = receiver.inbox.prune(Actor::new("test")).await.unwrap();

    assert_eq!((while_it_may_live.work, while_it_may_live.bodies), (0, 0));
    assert_eq!((pruned.work, pruned.bodies), (1, 1));
    let states: Vec<State> = database.work().iter().map(|work| work.state).collect();
    assert_eq!(states, [State::Discarded, State::Pending]);
    assert!(database.delivery(old).body.is_none() && database.delivery(young).body.is_some());
    receiver.stop().await;
}
