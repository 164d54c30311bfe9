//! A handler that blocks its thread holds up handlers alone.

mod runtime;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use mojito_schema::State;

use crate::harness::{
    Body, Database, EntryKind, Host, JournalEntry, Ledger, PostgresDatabase, Process, ScriptedAction, ScriptedHandler,
    TestDatabase, drained, eventually, found, next,
};

/// The `ack_deadline` of these hosts.
const ACK_DEADLINE: Duration = Duration::from_secs(5);

// Shows M09.
#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_answered_while_handlers_block_more_threads_than_rocket_has_on_sqlite() {
    let database = Arc::new(Database::with_effects());

    let _host = answering_others(&database, || database.journal_entries()).await;
    drained(&database).await;

    assert_eq!(database.effects().len(), 2 * 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_answered_while_handlers_block_more_threads_than_rocket_has_on_postgres() {
    let database = PostgresDatabase::shared().await;

    let _host = answering_others(&database, || database.journal_entries()).await;
    database.drained().await;

    assert_eq!(database.effects().await.len(), 2 * 6);
}

/// A host that has answered while two handlers blocked three threads each. Rocket has two workers.
async fn answering_others(database: &impl TestDatabase, entries: impl Fn() -> Vec<JournalEntry>) -> Process {
    let gate = database.folder().join("gate");
    let handlers = format!("one:parked:{0},two:parked:{0}", gate.display());
    let host = Process::builder(database).handlers(handlers).setting("handler_concurrency", 3);
    let mut host = host.setting("ack_deadline", ACK_DEADLINE.as_secs()).start().await;
    let ledger = Ledger::default();
    for number in 0..3 {
        host.acknowledges(&ledger, &format!("parked-{number}")).await;
    }
    found("every slot to be taken", || (entries().len() == 6).then_some(())).await;

    for number in 0..3 {
        let began = Instant::now();
        host.acknowledges(&ledger, &format!("r-{number}")).await;
        assert!(host.is_well().await, "it says that it takes deliveries");
        assert!(began.elapsed() < ACK_DEADLINE, "it took {:?}", began.elapsed());
    }

    assert_eq!(entries().len(), 6, "there were slots for others");
    open(&gate);
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_handler_blocks_past_its_time_out_nobody_else_has_its_delivery() {
    let database = Arc::new(Database::with_effects());
    let gate = database.folder().join("gate");
    let host = Process::builder(&database).setting("lease", 1).setting("poll_interval", 1);
    let host = host.setting("handler_timeout", 1).handlers(format!("effects:parked:{}", gate.display()));
    let ledger = Ledger::default();
    let mut blocked = host.start().await;
    blocked.acknowledges(&ledger, "parked").await;
    found("the handler to block", || database.journal_entries().first().map(drop)).await;
    let mut other = host.start().await;

    eventually("it is named", || blocked.log().contains("goes on after its time-out")).await;
    let named = Instant::now();
    // Leases and time-outs go by, and both processes have looked for work and for lapsed leases.
    while named.elapsed() < 3 * Duration::from_secs(1) {
        other.acknowledges(&ledger, &format!("r-{}", ledger.sent().len())).await;
        drained_but_one(&database).await;
    }
    let held = database.work()[0].clone();
    open(&gate);
    let over = found("the end of it", || Some(database.work()[0].clone()).filter(|work| work.state != State::Running));
    let over = over.await;

    let name = format!("handler=\"effects\" delivery={}", held.delivery_id);
    assert!(blocked.log().contains(&name), "{name} in {}", blocked.log());
    assert_eq!((held.state, held.attempt), (State::Running, 1));
    // Its answer was `Ok`, and came too late.
    assert_eq!((over.state, over.attempt), (State::Retryable, 1));
    assert_eq!(over.last_error.as_deref(), Some("the handler did not answer within 1 s"));
    let of_it = |delivery| delivery == held.delivery_id;
    assert_eq!(database.effects().iter().filter(|effect| of_it(effect.delivery_id)).count(), 0);
    let starts =
        database.journal_entries().into_iter().filter(|entry| entry.kind == EntryKind::Start && of_it(entry.delivery));
    assert_eq!(starts.count(), 1);
}

/// Waits until the first piece of work is the only one that is left.
async fn drained_but_one(database: &Database) {
    eventually("the others are done", || database.work()[1..].iter().all(|work| work.finished_at.is_some())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_waits_is_timed_out_while_the_others_block() {
    let gate = Arc::new(OnceLock::new());
    let blocking = Arc::clone(&gate);
    let (script, mut seen) = ScriptedHandler::new(move |event, _| match event.payload().id.as_str() {
        "waiting" => ScriptedAction::EffectThenHang,
        _ => ScriptedAction::KeepThread(Arc::clone(&blocking)),
    });
    let database = Arc::new(Database::with_effects());
    let host = Host::builder().database(&database).handler(script);
    let host = host.config(|config| config.handler_concurrency(4).handler_timeout(Duration::from_secs(2)));
    let host = host.start().await;
    let post = async |result: &str| host.post("interview_result", &Body::result(result).bytes()).await;

    for number in 0..3 {
        post(&format!("r-{number}")).await;
        next(&mut seen).await;
    }
    let waiting = post("waiting").await.delivery();
    next(&mut seen).await;
    let of_it = || database.work().into_iter().find(|work| work.delivery_id == waiting).unwrap();
    eventually("its time is over", || of_it().state == State::Retryable).await;
    // Its transaction is over as well: the only lock to write is free.
    let answer = post("another").await;
    let others = database.work().into_iter().filter(|work| work.state == State::Running).count();
    gate.set(()).unwrap();

    assert_eq!(answer.status, 200);
    assert_eq!(of_it().last_error.as_deref(), Some("the handler did not answer within 2 s"));
    assert!(others >= 3, "three blocked, and {others} are running");
    host.stop().await;
}

/// Calls to SQLite block the thread of the handler that makes them. Where another one took over each time, more and more
/// threads had memory of their own.
#[tokio::test(flavor = "multi_thread")]
async fn there_is_a_thread_for_each_attempt_that_may_run_at_once_for_the_executor_the_hook_and_a_rehearsal() {
    let database = Arc::new(Database::with_effects());
    let mut host = Process::builder(&database).setting("handler_concurrency", 3).start().await;
    let ledger = Ledger::default();

    for number in 0..20 {
        host.acknowledges(&ledger, &format!("r-{number}")).await;
    }
    drained(&database).await;
    let threads = std::fs::read_dir(format!("/proc/{}/task", host.id())).unwrap();
    let names = threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("comm")).unwrap_or_default());

    assert_eq!(names.filter(|name| name.trim() == "mojito-handler").count(), 3 + 1 + 1 + 1);
}

fn open(gate: &Path) {
    std::fs::write(gate, "").unwrap();
}
